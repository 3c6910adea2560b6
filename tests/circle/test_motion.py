"""Noise, inertia, delay and triads against closed forms and against independent integrations."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    attention,
    batch_average,
    chimera_state,
    circlesolve,
    coalesce,
    delay_frequencies,
    delay_threshold,
    fourier,
    gaussian_noise_threshold,
    inertia_threshold,
    lag_order_parameter,
    mean_square_order,
    noise_order_parameter,
    sine,
    stability,
    triad_order_parameters,
    velocity,
)

RNG = np.random.default_rng(11)


class TestClosedForms:
    @pytest.mark.parametrize(
        ("coupling", "expected"),
        [(2.1, 0.3036893438056381), (3.0, 0.7241587176263529), (6.0, 0.9021527790649597)],
    )
    def test_noise(self, coupling, expected):
        r = noise_order_parameter(coupling, 1.0)
        assert r == pytest.approx(expected, rel=1e-13)
        # independent: the self-consistency itself
        ratio = scipy.special.ive(1, coupling * r) / scipy.special.ive(0, coupling * r)
        assert ratio == pytest.approx(r, rel=1e-13)
        assert noise_order_parameter(2.0, 1.0) == 0.0

    def test_noise_and_a_width(self):
        assert noise_order_parameter(3.0, 0.5, width=0.5) == pytest.approx(0.6510311607772341)
        assert noise_order_parameter(4.0, 0.5, width=1.0) == pytest.approx(0.5503243161983127)
        # without noise Kuramoto's √(1 − 2γ/K) is the limit
        assert noise_order_parameter(3.0, 1e-5, width=1.0) == pytest.approx(
            math.sqrt(1 / 3), abs=1e-4
        )

    @pytest.mark.parametrize(
        ("coupling", "noise", "width", "expected"),
        [
            # 40 digits
            (1e6, 1e-6, 0.0, 0.9999999999995),
            (1e3, 1.0, 0.0, 0.999499624436395888),
            (2e6, 1.0, 0.0, 1 - 2.5e-7 - 9.375e-14),  # 1 − 1/2x − 1/8x², x=Kr/D
            (2.0000000001, 1.0, 0.0, 0.0000100000004132851797),
            (5.0, 0.01, 2.0, 0.443459262994058396),
            (1e-300, 3e-301, 0.0, 0.773129625370291861),
            # no noise to speak of: Kuramoto's √(1 − 2γ/K)
            (1.0, 1e-300, 0.375, 0.5),
            (1e308, 1e-308, 0.0, 1.0),
            (1e308, 1e308, 0.0, 0.0),
        ],
    )
    def test_noise_at_the_ends(self, coupling, noise, width, expected):
        r = noise_order_parameter(coupling, noise, width=width)
        assert r == pytest.approx(expected, rel=1e-14, abs=0)

    @pytest.mark.parametrize(
        ("n", "coupling", "noise", "expected"),
        [
            # 40 digits, where the peak is narrow, wide, or flat at the threshold
            (10**6, 1e6, 1.0, 0.9999990000005),
            (10**10, 2.0, 1.0, 0.0000112837684160252765),
            (10**15, 2.5, 1.0, 0.347755510854772815),
            (2, 1e8, 1.0, 0.999999994999999975),
            (2, 1e-8, 1.0, 0.50000000125),
            (10, 1e300, 1e-300, 1.0),
            (10, 1e-300, 1e300, 0.1),
        ],
    )
    def test_finite_numbers_at_the_ends(self, n, coupling, noise, expected):
        assert mean_square_order(n, coupling, noise) == pytest.approx(expected, rel=1e-13, abs=0)

    def test_finite_numbers(self):
        assert mean_square_order(10, 1.0, 1.0) == pytest.approx(0.171306327752889, rel=1e-12)
        assert mean_square_order(50, 2.0, 1.0) == pytest.approx(0.155354011620187, rel=1e-12)
        assert mean_square_order(1, 3.0, 1.0) == pytest.approx(1.0, rel=1e-15)
        # 40 digits; the second is 1/N and a little
        assert mean_square_order(10**6, 3.0, 1.0) == pytest.approx(0.524406145422611398, rel=1e-14)
        weak = mean_square_order(10**5, 0.01, 1.0)
        assert weak == pytest.approx(1.00502507487058286e-05, rel=1e-13)
        # N = 2: r² = (1 + cos φ)/2 with Gibbs' density of φ
        kappa = 2.0 / (2 * 1.0)
        expected = 0.5 * (1 + scipy.special.ive(1, kappa) / scipy.special.ive(0, kappa))
        assert mean_square_order(2, 2.0, 1.0) == pytest.approx(expected, rel=1e-12)

    def test_clusters_and_two_at_the_ends(self):
        # at rest, stable or not; scales that overflow when they are squared
        assert qsp.two_oscillator_correlation(-1.0, [0.0, 1e3], 1.0).tolist() == [-1, -1]
        assert qsp.two_oscillator_correlation(0.5, [1e300], 1e300) == pytest.approx([1.0])
        unit = qsp.two_oscillator_correlation(0.2, [3.0], 1.0, 1.0)
        fast = qsp.two_oscillator_correlation(0.2, [3e-200], 1e200, 1e200)
        assert fast == pytest.approx(unit, rel=1e-13)
        period = qsp.locking_regime(1e308, 1e308).number
        assert period == pytest.approx(2 * math.pi / math.sqrt(3) * 1e-308, rel=1e-14)
        assert qsp.locking_regime(1.0, 1e200).number == pytest.approx(math.pi * 1e-200, rel=1e-15)
        heavy = qsp.vanishing_time(1.0, [1e308, 1e308], theta2=0.5, alignment=0.1)
        assert heavy == pytest.approx(-10 * math.log(0.6), rel=1e-14)
        # β=0 conserves a quantity: r = 2/3 is a centre, which is no stable state
        assert [s.stable for s in chimera_state(0.2, 0.0)] == [False]

    def test_triads_and_lag_at_the_ends(self):
        # 1 − r is below rounding; units of 1e-310; two roots of which one is within 1e-30 of 0
        assert triad_order_parameters(1e17, 8.0) == (1.0,)
        small = triad_order_parameters(1e-310, 8e-310, width=1e-310)
        assert small == pytest.approx(triad_order_parameters(1.0, 8.0), rel=1e-12)
        assert triad_order_parameters(1e200, 8e200, width=1e200) == triad_order_parameters(1, 8)
        assert triad_order_parameters(3.0, 1e-30) == pytest.approx((math.sqrt(1 / 3),), rel=1e-15)
        # at K₁=2γ the lower branch has come to 0, and below K₂₃=2 there is none
        assert triad_order_parameters(2.0, 8.0) == pytest.approx((math.sqrt(0.75),), rel=1e-15)
        assert triad_order_parameters(2.0, 1.0) == ()
        # the fold itself, and a hair before it
        assert triad_order_parameters(0.0, 8.0) == pytest.approx((math.sqrt(0.5),) * 2, rel=1e-15)
        assert triad_order_parameters(-1e-300, 8.0) == ()
        near = 2 * (1 + 2.0**-50)
        r, _ = lag_order_parameter(near, 1.0, 0.0)
        assert r == pytest.approx(2.0**-25 / math.sqrt(1 + 2.0**-50), rel=1e-14)

    def test_thresholds_at_the_ends(self):
        assert gaussian_noise_threshold(1e-200, 1e200) == 2e200
        assert gaussian_noise_threshold(1.0, 1e10) == pytest.approx(2e10, rel=1e-15)
        assert gaussian_noise_threshold(1e308, 0.0) == pytest.approx(1.5957691216057308e308)
        # next to ω₀ there is one: no loop over the ωτ/π branches
        k, nu = delay_threshold(1.0, 1e12, 1e3)
        assert k == pytest.approx(2.00000444193290802, rel=1e-14)
        assert abs(nu - 1e12) == pytest.approx(math.sqrt(k * k / 4 - 1), abs=2e-4)
        # τ → 0 has K = 2γ/cos α and ν = ω₀ − γ tan α
        assert delay_threshold(1.0, 2.0, 1e-300) == (2.0, 2.0)
        assert delay_threshold(1e-300, 1.0, 1.0) == pytest.approx((2e-300 / math.cos(1.0), 1.0))
        assert delay_threshold(1e300, 2.0, 1.0) == (2e300, 0.0)
        with pytest.raises(ValueError, match=r"1e\+30"):
            delay_threshold(1.0, 1e300, 1.0)

    def test_thresholds(self):
        assert gaussian_noise_threshold(1.0, 0.5) == pytest.approx(2.282155540736129, rel=1e-14)
        assert gaussian_noise_threshold(0.5, 1.0) == pytest.approx(2.373215532822841, rel=1e-14)
        assert inertia_threshold(1.0, 1.0) == 4.0
        assert inertia_threshold(1.0, 0.1) == pytest.approx(2.2)
        assert inertia_threshold(0.0, 3.0, noise=0.7) == pytest.approx(1.4)
        k, nu = delay_threshold(0.1, 3.0, 1.0)
        assert (k, nu) == pytest.approx((2.998580175079762, 1.504048541363944), rel=1e-13)
        assert 1j * nu - 3j + 0.1 == pytest.approx(0.5 * k * np.exp(-1j * nu), abs=1e-13)

    def test_delays_at_the_ends(self):
        # K and ω in units of 1e-13, and a phase ωτ of 3e16, of which the whole turns go exactly
        unit = [f for f, _ in delay_frequencies(0.0, 1.0, 20.0)]
        small = [f for f, _ in delay_frequencies(0.0, 1e-13, 2e14)]
        assert len(unit) == 13 and small == pytest.approx(np.array(unit) * 1e-13, rel=1e-12)
        fast = delay_frequencies(1e16, 1.0, 3.0)
        assert len(fast) in (1, 3) and all(abs(f - 1e16) <= 2 for f, _ in fast)
        # τ → 0 is no delay at all
        assert delay_frequencies(1.0, 1.0, 1e-300, phase_lag=0.3) == (
            (pytest.approx(1 - math.sin(0.3), rel=1e-15), True),
        )
        # about 2Kτ/π states, as many as there are zeros of sin and cos between
        many = delay_frequencies(1.0, 1e4, 2.0)
        w = np.array([f for f, _ in many])
        assert abs(len(many) - 2 * 2e4 / math.pi) < 4 and np.all(np.diff(w) > 0)
        assert w - 1.0 == pytest.approx(-1e4 * np.sin(2 * w), abs=1e-7)
        with pytest.raises(ValueError, match="coupling·delay must be at most"):
            delay_frequencies(1.0, 1e8, 1.0)
        with pytest.raises(ValueError, match="frequency·delay must be at most"):
            delay_frequencies(1e300, 1.0, 1.0)

    @pytest.mark.parametrize("lag", [0.0, 0.9, -2.0, 3.5])
    def test_delays_with_a_lag(self, lag):
        for w, k, tau in ((1.1, 1.5, 4.0), (-3.0, 2.0, 0.3), (0.4, -1.0, 5.0), (0.4, 1.0, 0.0)):
            found = delay_frequencies(w, k, tau, phase_lag=lag)
            at = np.linspace(w - abs(k) - 0.01, w + abs(k) + 0.013, 100_001)
            excess = at - w + k * np.sin(at * tau + lag)
            assert len(found) == np.sum(excess[1:] * excess[:-1] < 0)
            for f, stable in found:
                assert abs(f - w + k * math.sin(f * tau + lag)) < 1e-14 * (1 + abs(w) + tau)
                assert stable == (k * math.cos(f * tau + lag) > 0)
        for tau in (0.0, 1.0, 3.0):
            k, nu = delay_threshold(0.1, 3.0, tau, noise=0.05, phase_lag=lag)
            if tau == 0 and math.cos(lag) <= 0:
                assert k == math.inf
                continue
            left = 1j * nu - 3j + 0.15
            assert left == pytest.approx(0.5 * k * np.exp(-1j * (nu * tau + lag)), abs=1e-13)
            # incoherence does not grow at any smaller coupling: a scan of the real frequencies
            at = np.linspace(-40, 40, 80_001)
            pull = 2 * (1j * at - 3j + 0.15) * np.exp(1j * (at * tau + lag))
            flips = (pull.imag[1:] * pull.imag[:-1] <= 0) & (pull.real[1:] > 0)
            assert k == pytest.approx(np.min(pull.real[1:][flips]), rel=1e-2)

    @pytest.mark.parametrize("lag", [0.0, 0.8, -1.3])
    def test_predicted_delayed_synchrony_with_lag_and_weights(self, lag):
        w = np.array([0.5, 1.0, 2.0, 1.5])
        model = Circle(
            sine(), "mean", coupling=1.5, frequencies=1.0, delay=2.0, phase_lag=lag, weights=w
        )
        start = 0.05 * np.array([1.0, -1.0, 0.5, 0.2])
        row = qsp.predictions(model, start)["delayed synchrony"]
        run = circlesolve(model, start, np.linspace(0, 80, 81))
        assert row.check(run).passed is True
        wrong = Circle(sine(), "mean", coupling=1.5, frequencies=1.3, delay=2.0, phase_lag=lag)
        assert row.check(circlesolve(wrong, start, np.linspace(0, 80, 81))).passed is False

    def test_states(self):
        r, frequency = lag_order_parameter(3.0, 1.0, -0.3)
        assert (r, frequency) == pytest.approx((0.5496959150062965, 0.5772243703743955), rel=1e-13)
        assert triad_order_parameters(1.0, 8.0) == pytest.approx(
            (0.8337830063038607, 0.4240352560800767), rel=1e-13
        )
        assert triad_order_parameters(-0.001, 8.0) == ()
        # weak triads: to first order r² = 1−2/K₁ + (2K₂₃/K₁)(1−2/K₁)/K₁; at K₁=2γ there are none
        for weak in (1e-16, -1e-12, 1e-9):
            y = 1 - 2 / 5 + 2 * weak / 25 * (1 - 2 / 5)
            assert triad_order_parameters(5.0, weak) == pytest.approx((math.sqrt(y),), abs=1e-14)
        assert triad_order_parameters(5.0, 0.5, width=2.5) == ()
        assert triad_order_parameters(3.0, 0.0) == pytest.approx((math.sqrt(1 / 3),))
        found = delay_frequencies(math.pi / 2, 1.5, 4.0)
        assert [w for w, stable in found if stable] == pytest.approx(
            [0.2643054442165871, 1.570796326794897, 2.877287209373206], rel=1e-12
        )
        first, second = chimera_state(0.2, 0.05)[:2]
        assert (first.order_parameter, first.phase) == pytest.approx(
            (0.678073284572829, -0.100856228418303), rel=1e-10
        )
        assert first.stable and not second.stable
        assert second.order_parameter == pytest.approx(0.974472645109515, rel=1e-10)


class TestNoise:
    def test_free_diffusion(self):
        model = Circle(sine(), coupling=0.0, noise=0.3)
        run = circlesolve(model, np.zeros(4000), [0.0, 1.0, 2.0], options={"seed": 1})
        for k, t in enumerate((0.0, 1.0, 2.0)):
            variance = np.mean(run.positions[k] ** 2)
            assert abs(variance - 0.6 * t) <= 5 * 0.6 * t * math.sqrt(2 / 4000)

    @pytest.mark.parametrize("scheme", ["heun", "leimkuhler-matthews"])
    @pytest.mark.parametrize(("n", "k"), [(10, 1.0), (5, 3.0)])
    def test_equilibrium(self, scheme, n, k):
        model = Circle(sine(), "mean", coupling=k, noise=1.0)
        options = {"seed": 3, "scheme": scheme, "step": 0.05}
        times = np.arange(0.0, 4000.0, 0.25)
        run = circlesolve(model, np.zeros(n), times, options=options)
        mean, error = batch_average(run.order_parameter[2000:] ** 2)
        expected = mean_square_order(n, k, 1.0)
        assert error < 0.03 * expected
        assert abs(mean - expected) < 4 * error
        outcome = qsp.predictions(model, np.zeros(n)).equilibrium.check(run)
        assert outcome.passed is True, str(outcome)
        # noise of another strength is told from it
        other = Circle(sine(), "mean", coupling=k, noise=0.5)
        assert qsp.predictions(other, np.zeros(n)).equilibrium.check(run).passed is None

    def test_equilibrium_is_a_mean_over_time(self):
        model = Circle(sine(), "mean", coupling=1.0, noise=1.0)
        times = np.union1d(np.arange(0, 1000, 0.5), np.linspace(800, 801, 2000))
        run = circlesolve(model, np.zeros(10), times, options={"seed": 3, "step": 0.05})
        # two thirds of the outputs of the second half lie within one of its 500 units of time
        outcome = qsp.predictions(model, np.zeros(10)).equilibrium.check(run)
        assert outcome.passed is True, str(outcome)

    def test_strong_order(self):
        # one path of Brownian motion, in steps of h and of h/2^k
        from qsyncplug._ext.motion import Langevin

        from qsyncplug.circle.field import right_hand_side

        x = RNG.uniform(0, 6, 12)
        model = Circle(sine(), "mean", coupling=2.0)
        fine = 2**12
        paths = RNG.standard_normal((fine, 12)) / math.sqrt(fine)
        ends = []
        for steps in (2**5, 2**6, 2**7, fine):
            y = x.copy()
            kicks = paths.reshape(steps, -1, 12).sum(axis=1) * math.sqrt(steps)
            method = Langevin(right_hand_side(model, x)[0], 0.2, "heun")
            assert method.steps(y, 0.0, 1 / steps, kicks) == steps
            ends.append(y)
        errors = [np.sqrt(np.mean((e - ends[-1]) ** 2)) for e in ends[:-1]]
        orders = np.log2(np.array(errors[:-1]) / errors[1:])
        assert np.all(orders > 0.8), orders

    def test_same_seed_same_run(self):
        model = Circle(attention(2.0), "attention", noise=np.linspace(0, 0.2, 6))
        runs = [
            circlesolve(model, np.arange(6.0), [0.0, 1.0], options={"seed": 5}) for _ in range(2)
        ]
        assert np.array_equal(runs[0].positions, runs[1].positions)
        # the particle without noise is not kicked
        assert np.all(np.isfinite(runs[0].positions))


class TestInertia:
    def test_against_scipy(self):
        n, m = 7, 0.6
        x, v = RNG.uniform(0, 6, n), RNG.normal(size=n)
        omega = RNG.normal(size=n)
        model = Circle(sine(), "mean", coupling=3.0, frequencies=omega, inertia=m)

        def motion(t, y):
            pull = 3.0 * np.mean(np.sin(y[None, :n] - y[:n, None]), axis=1)
            return np.concatenate([y[n:], (omega + pull - y[n:]) / m])

        times = np.linspace(0, 5, 6)
        exact = scipy.integrate.solve_ivp(
            motion, (0, 5), np.r_[x, v], method="DOP853", t_eval=times, rtol=1e-12, atol=1e-12
        ).y.T
        run = circlesolve(model, [x, v], times)
        assert run.positions == pytest.approx(exact[:, :n], abs=1e-9)
        assert run.velocities == pytest.approx(exact[:, n:], abs=1e-9)

    def test_rates_of_synchrony(self):
        # (−1 ± √(1 − 4mK))/2m: complex, so the difference rings
        m, k = 1.0, 2.0
        model = Circle(sine(), "mean", coupling=k, inertia=m)
        run = circlesolve(model, [1e-4, -1e-4], np.linspace(0, 8, 81))
        rate, turn = 1 / (2 * m), math.sqrt(4 * m * k - 1) / (2 * m)
        t = run.times
        expected = 2e-4 * np.exp(-rate * t) * (np.cos(turn * t) + rate / turn * np.sin(turn * t))
        assert run.positions[:, 0] - run.positions[:, 1] == pytest.approx(expected, abs=1e-11)

    def test_equipartition(self):
        model = Circle(sine(), "mean", coupling=1.0, noise=0.7, inertia=0.5)
        run = circlesolve(
            model, np.zeros(10), np.arange(0, 1500, 0.25), options={"seed": 2, "step": 0.05}
        )
        mean, error = batch_average(np.mean(run.velocities[800:] ** 2, axis=1))
        assert abs(mean - 0.7 / 0.5) < 4 * error and error < 0.05
        # the marginal of the positions does not know the mass
        mean, error = batch_average(run.order_parameter[800:] ** 2)
        assert abs(mean - mean_square_order(10, 1.0, 0.7)) < 4 * error


class TestTriads:
    def test_forces(self):
        x, c = RNG.uniform(0, 6, 9), RNG.uniform(0.5, 2, 9)
        k2, k3 = 1.3, -0.7
        model = Circle(fourier([1.0, 0.2, -0.3]), "mean", weights=c, triads=(k2, k3))
        total = c.sum()
        expected = velocity(Circle(fourier([1.0, 0.2, -0.3]), "mean", weights=c), x)
        for i in range(9):
            two = np.sin(2 * x[:, None] - x[None, :] - x[i])
            three = np.sin(x[:, None, None] + x[None, :, None] - x[None, None, :] - x[i])
            expected[i] += k2 * c @ two @ c / total**2
            expected[i] += k3 * np.einsum("jkl,j,k,l", three, c, c, c) / total**3
        assert velocity(model, x) == pytest.approx(expected, abs=1e-12)

    def test_order_parameter_of_many(self):
        # quantiles of the Lorentz density with the tails cut: within the cut's share of the value
        n, width = 4000, 1.0
        omega = width * np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
        keep = np.abs(omega) < 200
        model = Circle(sine(), "mean", coupling=1.0, frequencies=omega[keep], triads=(4.0, 4.0))
        run = circlesolve(
            model, np.zeros(keep.sum()), [0.0, 6.0, 7.0], options={"rtol": 1e-6, "atol": 1e-6}
        )
        assert run.order_parameter[-1] == pytest.approx(
            triad_order_parameters(1.0, 8.0)[0], abs=0.01
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("extras", "message"),
        [
            ({"noise": -1.0}, "noise must be one not negative"),
            ({"inertia": 0.0}, "inertia must be one positive"),
            ({"delay": 0.0}, "delay must be above 0"),
            ({"delay": 1.0, "triads": (0.0, 1.0)}, "is not defined"),
            ({"delay": 1.0, "triads": (1.0, 0.0)}, "delay does not go together with triads"),
            ({"triads": (1.0, 0.0), "coupling": np.cos}, "have couplings of their own"),
            ({"delay": [[0.0, -1.0], [1.0, 0.0]]}, "delay must not be negative"),
            ({"phase_lag": np.zeros((2, 3))}, "phase_lag must be a number or an"),
            ({"coupling": ([0.0, 1.0], [1.0])}, "coupling values must have shape"),
            ({"coupling": ([1.0, 0.0], [1.0, 1.0])}, "times of coupling must increase"),
            ({"triads": (1.0, 2.0, 3.0)}, "triads must have shape"),
            ({"triads": (1.0, 2.0), "adjacency": np.ones((2, 2))}, "triads needs particles"),
            ({"delay": 1.0, "normalization": lambda x: 1.0}, "delay needs a constant divisor"),
        ],
    )
    def test_model(self, extras, message):
        with pytest.raises((ValueError, TypeError), match=message):
            Circle(sine(), **extras)

    def test_delay_needs_the_sine(self):
        with pytest.raises(ValueError, match="delay is for the sine"):
            Circle(attention(1.0), delay=1.0)

    @pytest.mark.parametrize("extras", [{"noise": 0.1}, {"inertia": 1.0}, {"triads": (1.0, 0.0)}])
    def test_what_needs_a_plain_model(self, extras):
        model = Circle(sine(), **extras)
        with pytest.raises(ValueError, match=next(iter(extras))):
            stability(model, [0.0, 1.0])
        with pytest.raises(ValueError, match=next(iter(extras))):
            coalesce(model, [0.0, 1.0])

    def test_storage(self, tmp_path):
        model = Circle(sine(), "mean", noise=0.1, inertia=[0.5, 1.0], triads=(1.0, 2.0))
        run = circlesolve(model, [0.0, 1.0], [0.0, 0.1], options={"seed": 1})
        run.save(tmp_path / "run.npz")
        again = qsp.load(tmp_path / "run.npz")
        assert again.model.triads == (1.0, 2.0) and again.model.noise == 0.1
        assert np.array_equal(again.model.inertia, [0.5, 1.0])
        assert np.array_equal(again.velocities, run.velocities)


def test_delayed_synchrony_is_held_against_runs():
    model = Circle(sine(), "mean", coupling=1.5, frequencies=np.pi / 2, delay=4.0)
    row = qsp.predictions(model, [0.1, 0.3, -0.2])["delayed synchrony"]
    run = circlesolve(model, [0.1, 0.3, -0.2], [0.0, 1.0, 400.0, 401.0])
    outcome = row.check(run)
    assert outcome.passed is True, str(outcome)
    short = circlesolve(model, [0.1, 0.3, -0.2], [0.0, 0.5, 1.0])
    assert row.check(short).passed is None
    other = Circle(sine(), "mean", coupling=0.4, frequencies=np.pi / 2, delay=4.0)
    wrong = qsp.predictions(other, [0.1, 0.3, -0.2])["delayed synchrony"].check(run)
    assert wrong.passed is None, str(wrong)


def test_delayed_synchrony_at_rest():
    """Without a frequency the synchronised state rests: its speed is rounding, and no other."""
    model = Circle(sine(), "mean", coupling=2.4, delay=0.9)
    run = circlesolve(model, [0.787, 0.784], np.linspace(0, 30, 60))
    assert qsp.predictions(model, [0.787, 0.784])["delayed synchrony"].check(run).passed is True


def test_two_particles_on_the_unstable_state():
    """A rounding error away from it nobody knows when they leave."""
    model, x = Circle(sine(), 0.64), [0.0, np.pi]
    run = circlesolve(model, x, [0.0, 3.0, 23.0])
    assert qsp.predictions(model, x)["two particles"].check(run).passed is None
