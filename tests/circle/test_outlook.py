"""Thresholds in closed form, predictions of the new models, views of their results."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    OttAntonsen,
    Populations,
    Sphere,
    attention,
    bimodal_threshold,
    circlesolve,
    fourier,
    inertia_growth,
    lorentz_order_parameter,
    noise_growth,
    noise_threshold,
    oasolve,
    retrapping_drive,
    sine,
    spheresolve,
    wssolve,
)

RNG = np.random.default_rng(31)


class TestThresholds:
    def test_noise(self):
        assert noise_threshold(attention(2.0), 1.0) == pytest.approx(1.257358016173973, rel=1e-14)
        assert noise_threshold(attention(2.0), 0.3) == pytest.approx(
            0.3 * 2 / scipy.special.iv(1, 2.0)
        )
        assert noise_threshold(sine(), 0.7) == pytest.approx(1.4)
        assert noise_threshold(fourier([-1.0]), 0.7) == math.inf
        # the second mode may be the first to grow
        f = fourier([0.5, 4.0])
        k = noise_threshold(f, 1.0)
        assert k == 1.0 and np.max(noise_growth(f, 1.0, coupling=k)) == pytest.approx(0.0)
        assert noise_growth(f, 0.2, coupling=2.0) == pytest.approx([0.5 - 0.2, 8.0 - 0.8])

    def test_a_wave_grows_as_predicted(self):
        # many particles at the quantiles of 1 + ε cos x, no noise: the rate Kb/2
        u = 2 * np.pi * (np.arange(2000) + 0.5) / 2000
        run = circlesolve(Circle(sine(), "mean", coupling=2.0), u - 1e-4 * np.sin(u), [0.0, 2.0])
        rate = np.log(run.order_parameter[1] / run.order_parameter[0]) / 2.0
        assert rate == pytest.approx(noise_growth(sine(), 0.0, coupling=2.0)[0], rel=1e-5)

    def test_inertia(self):
        assert inertia_growth(4.0, 1.0, 1.0) == pytest.approx(0.0)
        s = inertia_growth(3.0, 0.5, 0.8)
        # s solves (s+γ)(1+m(s+γ)) = K/2
        assert (s + 0.5) * (1 + 0.8 * (s + 0.5)) == pytest.approx(1.5)
        assert inertia_growth(3.0, 0.5, 0.0) == 1.0

    def test_noise_beyond_floating_point(self):
        # βD/I₁(β), with I₁(800) = 3.8e345; growth K I₁/β − D with K = 1e-300
        assert noise_threshold(attention(800.0), 1e100) == pytest.approx(
            2.08134030782820225e-243, rel=1e-11
        )
        assert noise_growth(attention(800.0), 1.0, coupling=1e-300)[0] == pytest.approx(
            4.80459632785116813e42, rel=1e-11
        )
        for beta, coupling in ((800.0, 1.0), (-800.0, 1.0), (1500.0, 1e-300)):
            with pytest.raises(ValueError, match=r"coupling: .* beyond floating point"):
                noise_growth(attention(beta), 1.0, coupling=coupling)
        assert noise_growth(attention(1500.0), 1.0, coupling=0.0)[:3].tolist() == [-1.0, -4.0, -9.0]

    def test_inertia_and_peaks_at_the_ends(self):
        # √(K/2m) for heavy particles, K/2 − γ for light ones, and the sign at the threshold
        assert inertia_growth(1e200, 0.0, 1e200) == pytest.approx(math.sqrt(0.5), rel=1e-15)
        assert inertia_growth(1e200, 1e200, 1e-300) == -5e199
        assert inertia_growth(0.0, 1.0, 1e300) == -1.0
        assert inertia_growth(4 * (1 + 2.0**-50), 1.0, 1.0) == pytest.approx(2.0**-48 / 6)
        assert bimodal_threshold(1e-200, 1e-201)[0] == pytest.approx(2.02e-200, rel=1e-15)
        assert bimodal_threshold(1e200, 1e199)[0] == pytest.approx(2.02e200, rel=1e-15)

    def test_two_peaks(self):
        assert bimodal_threshold(1.0, 0.5) == (2.5, "steady")
        # the linearised motion of the two modes
        for w, k in ((0.5, 2.5), (2.0, 4.0)):
            matrix = np.array([[1j * w - 1 + k / 4, k / 4], [k / 4, -1j * w - 1 + k / 4]])
            assert np.max(np.linalg.eigvals(matrix).real) == pytest.approx(0.0, abs=1e-7)
        run = oasolve(OttAntonsen(4.0, 1.0, [0.5, -0.5]), 0.3, [0.0, 100.0])
        assert run.order_parameter[-1] == pytest.approx(0.686151904086543, abs=1e-9)

    @pytest.mark.parametrize(("damping", "drive"), [(0.1, 0.12700886), (0.5, 0.59738320)])
    def test_retrapping(self, damping, drive):
        found = retrapping_drive(damping)
        assert found == pytest.approx(drive, abs=1e-8)
        # a pendulum as a particle: runs above, is caught below
        for push, runs in ((1.02 * found, True), (0.98 * found, False)):
            mass = 1 / damping**2  # K r = 1
            pinned = Circle(
                sine(), adjacency=[[0.0, 0.0], [1.0, 0.0]], frequencies=[0.0, push], inertia=mass
            )
            start = [np.zeros(2), np.array([0.0, 2.0 * push / 1.0])]
            run = circlesolve(pinned, start, [0.0, 150 * mass**0.5 / damping])
            assert (run.velocities[-1, 1] > 0.01 * push) == runs
        assert retrapping_drive(1.5) == retrapping_drive(1e300) == 1.0

    def test_retrapping_at_weak_damping(self):
        # I_h = 4α/π (1 − cα² + O(α⁴)): the shooting, extrapolated, and the integral of v₂
        c = math.pi**2 / 12 - 0.25 + (1 - 3.5 * scipy.special.zeta(3)) / math.pi**2
        near = [(1 - math.pi * retrapping_drive(a) / (4 * a)) / a**2 for a in (0.05, 0.1)]
        assert (4 * near[0] - near[1]) / 3 == pytest.approx(c, abs=1e-6)

        def second(u):
            # ∫∫v₁/v₀ by parts, with the antiderivative log tan(u/4) of 1/v₀
            v0 = 2 * math.sin(u / 2)
            v1 = (4 / math.pi * (u - math.sin(u)) - 4 * (1 - math.cos(u / 2))) / v0
            return -4 / math.pi**2 * v0 + v1 * math.log(math.tan(u / 4)) - v1 * v1 / (2 * v0)

        half, _ = scipy.integrate.quad(second, 0, math.pi, epsabs=1e-12, epsrel=1e-12)
        assert -half / 4 == pytest.approx(c, abs=1e-11)
        a = 1e-3 * (1 - 1e-9)
        assert retrapping_drive(a) == pytest.approx(4 * a / math.pi * (1 - c * a * a), rel=1e-15)

    def test_retrapping_near_the_end(self):
        # the whole turn, from one saddle to the next
        for damping in (0.7, 1.1):
            drive = retrapping_drive(damping)
            low, high = (_arrives(damping, drive * (1 + e)) for e in (-1e-8, 1e-8))
            assert not low and high
        # both states end together at α = 1.193: M. Urabe (1955)
        assert 1 - 2e-6 < retrapping_drive(1.192) < 1.0 == retrapping_drive(1.194)

    def test_retrapping_at_the_ends(self):
        # 4α/π from energy, whose first correction is of the relative size .2475α²
        assert retrapping_drive(1e-300) == pytest.approx(4e-300 / math.pi, rel=1e-15)
        assert retrapping_drive(0.001) == pytest.approx(
            retrapping_drive(0.001 - 1e-9) + 4e-9 / math.pi, rel=1e-9
        )
        # next to the end of the running states
        assert retrapping_drive(1.0) == pytest.approx(0.9643271244, abs=1e-9)


def _arrives(damping, drive):
    """Whether what starts next to a saddle comes to the next one: Radau's method for v(t)."""
    saddle = math.pi - math.asin(drive)
    rate = -damping / 2 + math.sqrt(damping**2 / 4 + math.cos(math.asin(drive)))

    def stands(_, y):
        return y[1]

    def passes(_, y):
        return y[0] - 2 * math.pi - saddle

    stands.terminal = passes.terminal = True
    run = scipy.integrate.solve_ivp(
        lambda _, y: [y[1], drive - math.sin(y[0]) - damping * y[1]],
        (0, 1e4),
        [saddle + 1e-5, rate * 1e-5],
        method="Radau",
        rtol=1e-9,
        atol=1e-11,
        events=(stands, passes),
    )
    return run.t_events[1].size > 0


class TestReduced:
    @pytest.mark.parametrize("lag", [0.0, 0.7, -2.0])
    @pytest.mark.parametrize("coupling", [0.5, 2.0, 5.0])
    def test_closed_form(self, lag, coupling):
        model = OttAntonsen(coupling, 1.0, 0.3, phase_lag=lag)
        run = oasolve(model, 0.4j, np.linspace(0, 40, 21))
        expected = lorentz_order_parameter(run.times, 0.4, coupling, 1.0, phase_lag=lag)
        assert run.order_parameter == pytest.approx(expected, abs=1e-8)
        outcome = qsp.predictions(model, 0.4j)[0].check(run)
        assert outcome.passed is True, str(outcome)
        other = oasolve(OttAntonsen(coupling, 0.9, 0.3, phase_lag=lag), 0.4j, run.times)
        assert qsp.predictions(model, 0.4j)[0].check(other).passed is False

    def test_limits(self):
        assert lorentz_order_parameter(0.0, 0.3, 3.0, 1.0) == pytest.approx(0.3)
        assert lorentz_order_parameter(1e6, 0.3, 3.0, 1.0) == pytest.approx(math.sqrt(1 / 3))
        assert lorentz_order_parameter(1e6, 0.3, 1.0, 1.0) == 0.0
        assert lorentz_order_parameter([2.0], 0.1, 3.0, 1.0)[0] == pytest.approx(0.2490096467075881)
        with pytest.raises(ValueError, match="times must not be negative"):
            lorentz_order_parameter(-1.0, 0.3, 3.0, 1.0)
        said = qsp.predictions(OttAntonsen(3.0, 1.0, [1.0, -1.0]), 0.1)
        assert said[0].limits["threshold"] == 4.0

    @pytest.mark.parametrize(
        ("time", "start", "coupling", "width", "expected"),
        [
            (1e6, 1e-200, 3.0, 0.5, math.sqrt(2 / 3)),
            # 40 digits: on the way from next to nothing, and on the way there
            (490.0, 1e-200, 3.0, 0.5, 0.816496580927726033),
            (740.0, 1e-320, 3.0, 0.5, 0.816019459668613091),
            (700.0, 1.0, -1.0, 0.5, 1.39436882887969509e-304),
            # all together and alike: they stay
            (1e3, 1.0, -1.0, 0.0, 1.0),
            (1e3, 1.0, 1.0, 0.0, 1.0),
            (1e300, 0.5, 1e300, 1.0, 1.0),
            (0.0, 1e-320, 3.0, 1.0, 1e-320),
            # at the onset r falls as t^{-1/2}
            (1e6, 0.3, 2.0, 1.0, 0.3 / math.sqrt(1 + 0.09 * 2e6)),
            (1e300, 1.0, 2.0, 1.0, math.sqrt(0.5) * 1e-150),
        ],
    )
    def test_at_the_ends(self, time, start, coupling, width, expected):
        found = lorentz_order_parameter([time], start, coupling, width)
        assert found[0] == pytest.approx(expected, rel=1e-12, abs=0)


class TestDelay:
    def test_the_frequency_of_a_run(self):
        model = Circle(sine(), "mean", delay=0.5, frequencies=1.0)
        x = RNG.uniform(0, 2, 5)
        run = circlesolve(model, x, np.linspace(0, 60, 121))
        assert qsp.predictions(model, x)[0].check(run).passed is True
        other = Circle(sine(), "mean", delay=0.6, frequencies=1.0)
        assert qsp.predictions(other, x)[0].check(run).passed is False
        early = circlesolve(model, x, np.linspace(0, 1, 11))
        assert qsp.predictions(model, x)[0].check(early).passed is None


class TestPopulationsAndSpheres:
    def test_constants(self):
        model = Populations([5, 6], [[0.6, 0.4], [0.4, 0.6]], phase_lag=1.5)
        x = RNG.uniform(0, 6, 11)
        run = wssolve(model, x, np.linspace(0, 10, 11))
        (said,) = qsp.predictions(model, x)
        assert "5 cross-ratios" in said.statement and said.check(run).passed is True
        # another start has others
        assert qsp.predictions(model, x + 0.1 * RNG.normal(size=11))[0].check(run).passed is False

    @pytest.mark.parametrize("beta", [0.0, 2.0])
    def test_clustering(self, beta):
        x = RNG.normal(size=(8, 4))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        model = Sphere(beta, "attention" if beta else "mean")
        run = spheresolve(model, x, [0.0, 60.0])
        said = {p.name: p for p in qsp.predictions(model, x)}
        assert said["clustering"].check(run).passed is True
        short = spheresolve(model, x, [0.0, 0.1])
        assert said["clustering"].check(short).passed is None
        assert not list(qsp.predictions(Sphere(-1.0), x))
        # on the circle only within half of it
        flat = np.array([[1.0, 0.0], [0.0, 1.0], [math.sqrt(0.5), math.sqrt(0.5)]])
        assert [p.name for p in qsp.predictions(Sphere(1.0), flat)] == ["half sphere"]

    def test_polynomial_weights(self):
        x = RNG.normal(size=(300, 3))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        c = [0.3, -0.7, 1.1]
        inner = x @ x.T
        pull = (c[0] + c[1] * inner + c[2] * inner**2) @ x / 300
        expected = pull - np.sum(pull * x, axis=1, keepdims=True) * x
        assert Sphere(polynomial=c).velocity(x) == pytest.approx(expected, abs=1e-14)
        # few particles: over pairs; the same
        assert Sphere(polynomial=c).velocity(x[:5]) == pytest.approx(_by_pairs(c, x[:5]), abs=1e-14)
        # complex: of the real parts of the inner products
        z = RNG.normal(size=(200, 2)) + 1j * RNG.normal(size=(200, 2))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        for part in (z, z[:6]):
            assert Sphere(polynomial=c).velocity(part) == pytest.approx(
                _by_pairs(c, part), abs=1e-14
            )
        # a truncated exponential is the exponential
        series = [0.5**k / math.factorial(k) for k in range(14)]
        assert Sphere(polynomial=series).velocity(x[:20]) == pytest.approx(
            Sphere(0.5).velocity(x[:20]), abs=1e-13
        )
        with pytest.raises(ValueError, match="polynomial needs"):
            Sphere(1.0, polynomial=[1.0])

    def test_bridges(self):
        # d=2 is the circle, the complex line is Kuramoto with 2κ, S^{d−1} of real kets is SL
        t = RNG.uniform(0, 6, 7)
        flat = np.stack([np.cos(t), np.sin(t)], axis=1)
        run = spheresolve(Sphere(1.5, "attention"), flat, [0.0, 2.0]).points[-1]
        circle = circlesolve(Circle(attention(1.5), "attention"), t, [0.0, 2.0]).positions[-1]
        assert run == pytest.approx(np.stack([np.cos(circle), np.sin(circle)], 1), abs=1e-9)
        line = spheresolve(Sphere(), np.exp(-1j * t)[:, None], [0.0, 2.0]).points[-1, :, 0]
        kuramoto = circlesolve(Circle(sine(), "mean", coupling=2.0), t, [0.0, 2.0]).positions[-1]
        assert line == pytest.approx(np.exp(-1j * kuramoto), abs=1e-9)
        import qutip

        z = RNG.normal(size=(4, 3)) + 1j * RNG.normal(size=(4, 3))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        model = qsp.SchrodingerLohe(qutip.qzero(3), coupling=1.6)
        waves = qsp.slsolve(model, [qutip.Qobj(v[:, None]) for v in z], [0.0, 1.5])
        points = spheresolve(Sphere(coupling=0.8), z, [0.0, 1.5])
        assert points.gram[-1] == pytest.approx(waves.gram[-1], abs=1e-9)

    def test_views(self):
        x = RNG.uniform(0, 2, 6)
        times = np.linspace(0, 30, 301)
        full, reduced = (
            qsp.verdict(f(Circle(sine(), "mean"), x, times)) for f in (circlesolve, wssolve)
        )
        assert full.label == reduced.label
        points = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
        run = spheresolve(Sphere(1.0), points, times)
        assert qsp.verdict(run).label == "complete"
        view = qsp.synchronization(run)
        assert view.order_parameter[0] == pytest.approx(0.5)


def _by_pairs(c, x):
    inner = (x @ x.conj().T).real
    pull = np.polynomial.polynomial.polyval(inner, c) @ x / len(x)
    return pull - np.sum(pull.conj() * x, axis=1, keepdims=True) * x


@pytest.mark.parametrize(
    "extra",
    [
        {"noise": 0.1},
        {"inertia": 0.5},
        {"delay": 0.3},
        {"triads": (0.3, 0.3)},
        {"phase_lag": np.full((4, 4), 0.2)},
        {"coupling": lambda t: 1 + 0.1 * np.sin(t)},
    ],
)
def test_verdicts_of_everything(extra):
    model = Circle(sine(), "mean", **extra)
    run = circlesolve(model, [0.0, 0.3, 1.0, 1.7], np.linspace(0, 30, 301), options={"seed": 1})
    said = qsp.verdict(run)
    assert (said.label == "complete") == ("noise" not in extra)
    qsp.predictions(model, [0.0, 0.3, 1.0, 1.7]).check(run)


def test_changing_couplings_of_the_other_models(tmp_path):
    def strength(t):
        return 2 + np.cos(2 * t)

    knots = np.linspace(0, 2, 200)
    samples = (knots, strength(knots))
    # r/(1−r²)^½ of identical oscillators grows as exp ∫K/2, γ=0
    times = np.linspace(0, 2, 5)
    for coupling in (strength, samples):
        run = oasolve(OttAntonsen(coupling, 0.0), 0.1, times)
        grown = 0.1 / math.sqrt(0.99) * np.exp(times + np.sin(2 * times) / 4)
        assert run.order_parameter == pytest.approx(grown / np.sqrt(1 + grown**2), abs=1e-7)
    run.save(tmp_path / "run.npz")
    assert qsp.load(tmp_path / "run.npz").model.modulation(0.3) == pytest.approx(strength(0.3))
    # two points on a sphere: tan(φ/2) falls as exp(−∫κ)
    x = np.array([[1.0, 0, 0], [math.cos(1.0), math.sin(1.0), 0]])
    for coupling in (strength, samples):
        run = spheresolve(Sphere(coupling=coupling), x, times)
        angle = 2 * np.arctan(np.tan(0.5) * np.exp(-(2 * times + np.sin(2 * times) / 2)))
        assert run.gram[:, 0, 1] == pytest.approx(np.cos(angle), abs=1e-7)
    model = Populations([3, 4], [[1.0, 0.2], [0.3, 0.5]], modulation=strength)
    start = RNG.uniform(0, 6, 7)
    reduced = wssolve(model, start, times)
    assert reduced.positions == pytest.approx(
        circlesolve(model.circle(), start, times).positions, abs=1e-9
    )
    with pytest.raises(ValueError, match="samples of coupling end"):
        oasolve(OttAntonsen(samples, 0.0), 0.1, [0.0, 3.0])
    assert not list(qsp.predictions(OttAntonsen(strength, 1.0), 0.1))


def test_files_hold_the_new_models(tmp_path):
    x = np.eye(3)
    run = spheresolve(Sphere(polynomial=[1.0, 0.5]), x, [0.0, 1.0])
    run.save(tmp_path / "a.npz")
    assert qsp.load(tmp_path / "a.npz").model.polynomial.tolist() == [1.0, 0.5]
    pair = OttAntonsen(np.array([[1.0, 0.2], [0.3, 1.0]]), 0.1, phase_lag=np.eye(2))
    oasolve(pair, 0.3, [0.0, 1.0]).save(tmp_path / "b.npz")
    again = qsp.load(tmp_path / "b.npz").model
    assert np.array_equal(again.coupling, pair.coupling)
    assert np.array_equal(again.phase_lag, np.eye(2))


def test_equations():
    model = Circle(sine(), coupling=np.cos, phase_lag=np.eye(2), delay=np.ones((2, 2)))
    text = model._repr_latex_()
    assert r"\kappa(t)" in text and r"\alpha_{ij}" in text and r"\tau_{ij}" in text
