"""Delays against closed forms, the method of steps, and an independent integration."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special

import qsyncplug as qsp
from qsyncplug.circle import Circle, circlesolve, delay_frequencies, sine, velocity
from qsyncplug.circle.delays import break_times

RNG = np.random.default_rng(3)


def method_of_steps(omega, matrix, taus, x0, past, end, lag=0.0):
    """x' by SciPy, piece by piece of the shortest delay, on its own dense output (rtol 1e-12)."""
    pieces = []
    length = np.min(taus[matrix != 0])

    def position(t, j):
        if t <= 0:
            return past(t)[j]
        return pieces[min(int(t / length), len(pieces) - 1)](t)[j]

    n = len(x0)

    def motion(t, x):
        out = np.array(omega, dtype=float)
        for i in range(n):
            for j in range(n):
                if matrix[i, j] != 0:
                    seen = position(t - taus[i, j], j)
                    out[i] += matrix[i, j] * math.sin(seen - x[i] - lag)
        return out

    x, t = np.array(x0, float), 0.0
    while t < end - 1e-12:
        stop = t + length
        run = scipy.integrate.solve_ivp(
            motion,
            (t, stop),
            x,
            method="DOP853",
            rtol=1e-11,
            atol=1e-12,
            dense_output=True,
            max_step=length / 4,
        )
        pieces.append(run.sol)
        x, t = run.y[:, -1], stop
    return pieces[min(int(end / length), len(pieces) - 1)](end)


class TestClosedForms:
    @pytest.mark.parametrize("index", [0, 1, 2])
    @pytest.mark.parametrize("graph", [False, True])
    def test_synchronised_states(self, index, graph):
        w = [f for f, stable in delay_frequencies(math.pi / 2, 1.5, 4.0) if stable][index]
        matrix = {"adjacency": np.ones((3, 3))} if graph else {}
        model = Circle(sine(), "mean", coupling=1.5, frequencies=math.pi / 2, delay=4.0, **matrix)
        offsets = np.array([0.1, -0.1, 0.05])
        run = circlesolve(
            model, offsets, [0.0, 60.0, 64.0], options={"history": lambda t: w * t + offsets}
        )
        speed = (run.positions[2] - run.positions[1]) / 4.0
        assert speed == pytest.approx(np.full(3, w), abs=1e-7)
        assert run.order_parameter[-1] == pytest.approx(1.0, abs=1e-9)

    @pytest.mark.parametrize("lag", [0.0, 0.4, -1.1])
    @pytest.mark.parametrize("frequency", [0.3, 1e4])
    def test_rotating_waves_with_a_lag(self, lag, frequency):
        # Ω = ω − K sin(Ωτ+α), exactly kept from a history that rotates
        k, tau = 1.2, 0.8
        w = scipy.optimize.brentq(
            lambda x: x - frequency + k * math.sin(x * tau + lag),
            frequency - k,
            frequency + k,
            xtol=1e-14,
        )
        model = Circle(sine(), "mean", coupling=k, frequencies=frequency, delay=tau, phase_lag=lag)
        run = circlesolve(
            model, np.zeros(4), [0.0, 2.0], options={"history": lambda t: np.full(4, w * t)}
        )
        assert run.positions[-1] == pytest.approx(np.full(4, 2 * w), rel=3e-16, abs=2e-9)

    def test_linear_delay(self):
        # next to the synchronised state y' = −c y + c y(t−τ)·M: Lambert's W for each mode
        k, tau = 1.0, 0.7
        w = next(f for f, stable in delay_frequencies(0.4, k, tau) if stable)
        c = k * math.cos(w * tau)
        # differences: y' = −c y (their mean vanishes, and with it what they see): e^{−ct}
        small = 1e-6 * np.array([1.0, -1.0, 0.5, -0.5, 0.0])  # its square is 1e-12
        model = Circle(sine(), "mean", coupling=k, frequencies=0.4, delay=tau)
        times = np.linspace(0, 3, 7)
        run = circlesolve(
            model, small, times, options={"history": lambda t: w * t + small, "atol": 1e-14}
        )
        apart = run.positions - run.positions.mean(axis=1, keepdims=True)
        assert apart == pytest.approx(np.exp(-c * times)[:, None] * small, abs=4e-13)
        # ring of two: y1−y2 sees −(y1−y2): s = −c − c e^{−sτ}, s = −c + W(−cτe^{cτ})/τ
        model = Circle(
            sine(), "sum", coupling=k, frequencies=0.4, delay=tau, adjacency=[[0, 1.0], [1.0, 0]]
        )
        s = -c + scipy.special.lambertw(-c * tau * math.exp(c * tau)) / tau

        def mode(t):
            y = 1e-5 * np.real(np.exp(s * t))
            return w * t + np.array([y, -y]) / 2

        run = circlesolve(model, mode(0.0), times, options={"history": mode, "atol": 1e-14})
        expected = 1e-5 * np.real(np.exp(s * times))
        assert run.positions[:, 0] - run.positions[:, 1] == pytest.approx(expected, abs=1e-12)

    def test_up_to_the_delay_the_past_is_a_force(self):
        x = np.array([0.0, 1.0, 2.5])
        z = np.mean(np.exp(1j * x))

        def motion(t, y):
            return 0.4 + 2.0 * (z * np.exp(-1j * y)).imag

        exact = scipy.integrate.solve_ivp(motion, (0, 0.9), x, rtol=1e-12, atol=1e-13).y[:, -1]
        model = Circle(sine(), "mean", coupling=2.0, frequencies=0.4, delay=1.0)
        run = circlesolve(model, x, [0.0, 0.333, 0.9])
        assert run.positions[-1] == pytest.approx(exact, abs=1e-11)


class TestGraphs:
    @pytest.mark.parametrize("aligned", [True, False])
    def test_delays_of_pairs(self, aligned):
        n = 4
        a = RNG.uniform(0.5, 1.5, (n, n)) * (RNG.random((n, n)) < 0.7)
        # multiples of the shortest: the reference sees every kink between its pieces
        taus = 0.4 * RNG.integers(1, 4, (n, n)) if aligned else RNG.uniform(0.4, 1.3, (n, n))
        omega, x0 = RNG.normal(size=n), RNG.uniform(0, 6, n)

        def past(t):
            return x0 + np.sin(np.arange(n) * t) * 0.3

        exact = method_of_steps(omega, a, taus, x0, past, 2.0)
        model = Circle(sine(), frequencies=omega, adjacency=a, delay=taus)
        run = circlesolve(model, x0, [0.0, 0.7, 2.0], options={"history": past})
        assert run.positions[-1] == pytest.approx(exact, abs=2e-10 if aligned else 1e-7)

    def test_some_act_at_once(self):
        # delays 0 and 1: a chain in which the first acts on the second at once
        a = np.array([[0.0, 0, 0], [1.0, 0, 0], [0, 2.0, 0]])
        taus = np.array([[0.0, 0, 0], [0.0, 0, 0], [0, 1.0, 0]])
        model = Circle(sine(), frequencies=[1.0, 0.5, 0.2], adjacency=a, delay=taus)
        run = circlesolve(model, [0.0, 1.0, 2.0], np.linspace(0, 2, 5))

        def second(t, y):
            return [0.5 + math.sin(t - y[0])]

        path = scipy.integrate.solve_ivp(
            second, (0, 2), [1.0], rtol=1e-12, atol=1e-13, dense_output=True
        ).sol

        def third(t, y):
            seen = path(t - 1)[0] if t > 1 else 1.0
            return [0.2 + 2 * math.sin(seen - y[0])]

        y = [2.0]
        for start in (0.0, 1.0):
            y = scipy.integrate.solve_ivp(third, (start, start + 1), y, rtol=1e-11, atol=1e-12).y[
                :, -1
            ]
        assert run.positions[-1] == pytest.approx([2.0, path(2)[0], y[0]], abs=1e-9)

    def test_all_to_all_is_the_full_graph(self):
        n = 6
        omega, x, c = RNG.normal(size=n), RNG.uniform(0, 6, n), RNG.uniform(0.5, 2, n)
        common = {"frequencies": omega + 50.0, "weights": c, "coupling": 2.0, "phase_lag": 0.3}
        one = Circle(sine(), "mean", delay=0.6, **common)
        other = Circle(sine(), "mean", delay=0.6, adjacency=np.ones((n, n)), **common)
        third = Circle(sine(), "mean", delay=np.full((n, n), 0.6), **common)
        runs = [circlesolve(m, x, [0.0, 1.0, 5.0]).positions for m in (one, other, third)]
        assert runs[1] == pytest.approx(runs[0], abs=2e-10)
        assert np.array_equal(runs[2], runs[1])

    def test_lags_of_pairs(self):
        n = 4
        lags = RNG.uniform(-1, 1, (n, n))
        a = RNG.uniform(0.5, 1.5, (n, n))
        omega, x = RNG.normal(size=n), RNG.uniform(0, 6, n)
        model = Circle(sine(), frequencies=omega, adjacency=a, phase_lag=lags)
        v = omega + np.sum(a * np.sin(x[None, :] - x[:, None] - lags), axis=1)
        assert velocity(model, x) == pytest.approx(v, abs=1e-13)
        # one lag for all is the usual one; delay and lag of a rotating wave are one number
        same = Circle(sine(), frequencies=omega, adjacency=a, phase_lag=np.full((n, n), 0.4))
        plain = Circle(sine(), frequencies=omega, adjacency=a, phase_lag=0.4)
        runs = [circlesolve(m, x, [0.0, 3.0]).positions[-1] for m in (same, plain)]
        assert runs[0] == pytest.approx(runs[1], abs=1e-10)


class TestInertia:
    def test_a_delayed_swing(self):
        # up to the delay the past is constant: an ordinary equation
        m, tau = 0.8, 1.5
        x, v = np.array([0.0, 2.0]), np.array([0.3, -0.2])
        z = np.mean(np.exp(1j * x))

        def motion(t, y):
            force = 0.7 + (z * np.exp(-1j * y[:2])).imag
            return np.concatenate([y[2:], (force - y[2:]) / m])

        exact = scipy.integrate.solve_ivp(motion, (0, tau), np.r_[x, v], rtol=1e-12, atol=1e-13).y[
            :, -1
        ]
        model = Circle(sine(), "mean", frequencies=0.7, delay=tau, inertia=m)
        run = circlesolve(model, [x, v], [0.0, tau])
        assert run.positions[-1] == pytest.approx(exact[:2], abs=1e-10)
        assert run.velocities[-1] == pytest.approx(exact[2:], abs=1e-10)


class TestRuns:
    def test_kinks_are_stepped_on(self):
        assert break_times(np.array([1.0, 1.5]), 2.0)[:6] == pytest.approx(
            [2.0, 3.0, 3.5, 4.0, 4.5, 5.0]
        )
        # the error stays at the tolerance across the kinks, whatever the past
        model = Circle(sine(), "mean", coupling=3.0, frequencies=[2.0, -1.0], delay=1.0)
        exact = method_of_steps(
            np.array([2.0, -1.0]),
            np.full((2, 2), 1.5),
            np.ones((2, 2)),
            [0.0, 2.0],
            lambda t: np.array([0.0, 2.0]),
            4.0,
        )
        run = circlesolve(model, [0.0, 2.0], [0.0, 4.0])
        assert run.positions[-1] == pytest.approx(exact, abs=2e-9)
        assert run.stats.steps_accepted < 120

    def test_a_past_that_jumps(self):
        # the past ends elsewhere than the run begins: the force jumps at t=τ
        model = Circle(sine(), "mean", coupling=1.0, delay=1.0)
        options = {"history": lambda t: np.array([1.0, 1.0])}
        run = circlesolve(model, [0.0, 0.0], [0.0, 0.5, 1.0], options=options)
        # x' = sin(1 − x)
        expected = 1 + 2 * np.arctan(np.tan(-0.5) * np.exp(-run.times))
        assert run.positions[:, 0] == pytest.approx(expected, abs=1e-10)
        later = circlesolve(model, [0.0, 0.0], [0.0, 2.0], options=options)

        def motion(t, y):
            # both move alike; what they see at t is the path since the start
            return np.sin(1 + 2 * np.arctan(np.tan(-0.5) * np.exp(-(t - 1))) - y)

        end = scipy.integrate.solve_ivp(
            motion, (1.0, 2.0), expected[-1:], rtol=1e-12, atol=1e-13
        ).y[0, -1]
        assert later.positions[-1] == pytest.approx([end, end], abs=1e-10)
        assert later.stats.steps_rejected < 30

    def test_checkpoint_and_by_hand(self, tmp_path):
        model = Circle(sine(), "mean", coupling=2.0, frequencies=[0.0, 1.0, 2.0], delay=0.7)
        times, path = np.linspace(0, 5, 26), tmp_path / "run.npz"
        whole = circlesolve(model, [0.0, 1.0, 2.0], times)

        def stop(t, x):
            if t > 2.1:
                raise KeyboardInterrupt

        with pytest.raises(qsp.core.SolverInterrupted):
            circlesolve(model, [0.0, 1.0, 2.0], times, e_ops=stop, options={"checkpoint": path})
        again = qsp.resume(path, e_ops=lambda t, x: 0.0)
        assert again.positions == pytest.approx(whole.positions, abs=1e-13)
        solver = qsp.CircleSolver(model)
        solver.start([0.0, 1.0, 2.0], 0.0)
        assert solver.step(3.0) == pytest.approx(whole.positions[15], abs=1e-10)

    def test_limits(self):
        model = Circle(sine(), "mean", coupling=2.0, delay=1e-3)
        with pytest.raises(qsp.core.StepLimitError):
            circlesolve(model, [0.0, 1.0], [0.0, 100.0], options={"nsteps": 50})
        with pytest.raises(qsp.core.TimeLimitError):
            options = {"time_limit": 0.05, "nsteps": 10**9}
            circlesolve(model, [0.0, 1.0], [0.0, 1e5], options=options)

    def test_a_wrong_history(self):
        model = Circle(sine(), "mean", delay=1.0)
        with pytest.raises(ValueError, match="history"):
            circlesolve(model, [0.0, 1.0], [0.0, 1.0], options={"history": lambda t: [np.nan, 0]})
        with pytest.raises(ValueError, match="no delay"):
            velocity(model, [0.0, 1.0])
