"""Watanabe and Strogatz's reduction against full runs, constants of motion, chimeras."""

import math

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    OttAntonsen,
    Populations,
    attention,
    chimera_state,
    circlesolve,
    cross_ratios,
    oasolve,
    sine,
    wssolve,
)

RNG = np.random.default_rng(21)


class TestOnePopulation:
    @pytest.mark.parametrize(
        "extra",
        [
            {},
            {"phase_lag": 1.3, "frequencies": 0.7},
            {"phase_lag": 2.5, "coupling": 1.5, "frequencies": 100.0},
            {"weights": RNG.uniform(0.5, 2, 30), "normalization": "sum", "coupling": 0.1},
            {"coupling": lambda t: 1 + 2 * math.sin(3 * t)},
            {"coupling": (np.linspace(0, 5, 30), RNG.normal(size=30))},
        ],
    )
    def test_against_the_full_run(self, extra):
        x = RNG.uniform(-8, 8, 30)
        model = Circle(sine(), **{"normalization": "mean"} | extra)
        times = np.linspace(0.0, 4.0, 9)
        reduced, full = (f(model, x, times) for f in (wssolve, circlesolve))
        assert reduced.positions == pytest.approx(full.positions, abs=1e-10)
        assert reduced.order_parameter == pytest.approx(full.order_parameter, abs=1e-11)
        ratios = cross_ratios(full.positions)
        assert ratios == pytest.approx(np.tile(ratios[0], (9, 1)), rel=1e-6, abs=1e-8)

    def test_sparse_outputs_do_not_lose_turns(self):
        x = RNG.uniform(0, 6, 7)
        model = Circle(sine(), "mean", phase_lag=1.8, frequencies=40.0)
        one = wssolve(model, x, [0.0, 10.0]).positions[-1]
        assert one == pytest.approx(circlesolve(model, x, [0.0, 10.0]).positions[-1], abs=1e-9)

    @pytest.mark.parametrize(
        ("model", "reason"),
        [
            (Circle(attention(1.0)), "attention"),
            (Circle(sine(), frequencies=[0.0, 1.0]), "different frequencies"),
            (Circle(sine(), adjacency=np.ones((2, 2))), "an adjacency"),
            (Circle(sine(), "mean", noise=0.1), "noise"),
            (Circle(sine(), [1.0, 2.0]), "normalization"),
        ],
    )
    def test_refusals(self, model, reason):
        with pytest.raises(ValueError, match=reason):
            wssolve(model, [0.0, 1.0], [0.0, 1.0])

    def test_storage(self, tmp_path):
        run = wssolve(Circle(sine(), "mean"), [0.0, 1.0, 2.0], [0.0, 1.0])
        run.save(tmp_path / "run.npz")
        again = qsp.load(tmp_path / "run.npz")
        assert np.array_equal(again.positions, run.positions)
        assert again.model.interaction.kind == "sine"
        pair = Populations([2, 1], [[0.6, 0.4], [0.4, 0.6]], phase_lag=1.4)
        run = wssolve(pair, [0.0, 1.0, 2.0], [0.0, 1.0])
        run.save(tmp_path / "pair.npz")
        assert qsp.load(tmp_path / "pair.npz").model.sizes == (2, 1)


class TestPopulations:
    def test_against_all_pairs(self):
        model = Populations(
            [5, 8, 3],
            RNG.uniform(-1, 2, (3, 3)),
            phase_lag=RNG.uniform(-1, 1, (3, 3)),
            frequencies=[0.1, -0.4, 3.0],
        )
        x, times = RNG.uniform(-4, 9, 16), [0.0, 1.0, 3.0]
        reduced = wssolve(model, x, times)
        full = circlesolve(model.circle(), x, times)
        assert reduced.positions == pytest.approx(full.positions, abs=1e-10)
        assert reduced.order.shape == (3, 3)

    def test_a_chimera_of_a_thousand(self):
        # one population together, the other at quantiles of the manifold of Ott and Antonsen
        a, beta, n = 0.2, 0.05, 1000
        found = chimera_state(a, beta)[0]
        r, psi = found.order_parameter, found.phase
        # Poisson's kernel: uniform angles moved by a Moebius map of modulus r
        u = np.exp(2j * np.pi * (np.arange(n) + 0.5) / n)
        second = np.angle((u + r) / (1 + r * u)) - psi
        mu, nu = (1 + a) / 2, (1 - a) / 2
        model = Populations([n, n], [[mu, nu], [nu, mu]], phase_lag=np.pi / 2 - beta)
        x = np.concatenate([np.zeros(n), second])
        run = wssolve(model, x, np.linspace(0, 100, 11))
        moduli = np.abs(run.order)
        assert moduli[:, 0] == pytest.approx(np.ones(11), abs=1e-9)
        assert moduli[:, 1] == pytest.approx(np.full(11, r), abs=1e-6)
        # the phase between them stays, too
        apart = np.angle(run.order[:, 0] / run.order[:, 1])
        assert apart == pytest.approx(np.full(11, psi), abs=1e-6)

    def test_reduced_populations_of_infinitely_many(self):
        # OA of two identical populations is WS of many oscillators on its manifold
        a, beta, n = 0.2, 0.05, 400
        mu, nu = (1 + a) / 2, (1 - a) / 2
        matrix, lag = [[mu, nu], [nu, mu]], np.pi / 2 - beta
        z = np.array([0.8, 0.5 * np.exp(0.3j)])
        u = np.exp(2j * np.pi * (np.arange(n) + 0.5) / n)
        x = np.concatenate([np.angle((u + abs(v)) / (1 + abs(v) * u)) + np.angle(v) for v in z])
        times = np.linspace(0, 20, 5)
        few = wssolve(Populations([n, n], matrix, phase_lag=lag), x, times)
        many = oasolve(OttAntonsen(np.array(matrix), 0.0, phase_lag=lag), z, times)
        assert few.order == pytest.approx(many.modes, abs=1e-8)

    def test_refusals(self):
        with pytest.raises(ValueError, match="coupling must have shape"):
            Populations([2, 3], [[1.0]])
        with pytest.raises(ValueError, match="sizes"):
            Populations([2, 0], np.eye(2))
        with pytest.raises(ValueError, match="phase_lag must be"):
            Populations([2, 3], np.eye(2), phase_lag=[0.0, 1.0])
        with pytest.raises(ValueError, match="coupling must be a number or 2×2"):
            OttAntonsen(np.ones((2, 3)), 0.1)


def test_lags_of_pairs_and_changing_couplings():
    """Every solver takes them: right-hand side, noise, inertia, delay."""
    n = 6
    x, lags = RNG.uniform(0, 6, n), RNG.uniform(-1, 1, (n, n))
    matrix = RNG.normal(size=(n, n))

    def strength(t):
        return 1 + 0.5 * np.sin(t)

    samples = np.linspace(-0.1, 3.1, 400)
    runs = [
        circlesolve(
            Circle(sine(), coupling=c, adjacency=matrix, phase_lag=lags, frequencies=50.0),
            x,
            [0.0, 1.0, 3.0],
        ).positions
        for c in (strength, (samples, strength(samples)))
    ]
    assert runs[0] == pytest.approx(runs[1], abs=1e-7)
    import scipy.integrate

    def motion(t, y):
        return 50.0 + strength(t) * np.sum(matrix * np.sin(y - y[:, None] - lags), axis=1)

    exact = scipy.integrate.solve_ivp(motion, (0, 3), x, method="DOP853", rtol=1e-12, atol=1e-12)
    assert runs[0][-1] == pytest.approx(exact.y[:, -1], abs=1e-9)
    for extra in ({"noise": 1e-12}, {"inertia": 1e-6}, {"delay": 1e-5}):
        model = Circle(
            sine(), coupling=strength, adjacency=matrix, phase_lag=lags, frequencies=0.3, **extra
        )
        options = {"seed": 1, "step": 0.002, "rtol": 1e-7, "atol": 1e-7, "nsteps": 10**7}
        state = [x, np.zeros(n)] if "inertia" in extra else x
        run = circlesolve(model, state, [0.0, 0.3], options=options)
        plain = Circle(sine(), coupling=strength, adjacency=matrix, phase_lag=lags, frequencies=0.3)
        assert run.positions[-1] == pytest.approx(
            circlesolve(plain, x, [0.0, 0.3]).positions[-1], abs=2e-4
        )
    with pytest.raises(ValueError, match="samples of coupling end"):
        circlesolve(Circle(sine(), coupling=([0.0, 1.0], [1.0, 2.0])), x, [0.0, 2.0])
    with pytest.raises(qsp.core.SolverError, match="coupling"):
        circlesolve(Circle(sine(), coupling=lambda t: 1 if t < 1 else np.nan), x, [0.0, 2.0])
