"""Noise with a delay against closed forms of linear equations, and what goes together at all."""

import itertools

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import Circle, circlesolve, sine

RNG = np.random.default_rng(14)


def variance_of_pairs(K, pull, tau, D, count=400):
    """Mean square of the difference of two that see each other late, and a fixed one at once."""
    n = 2 * count + 1
    a, late, noise = np.zeros((n, n)), np.full((n, n), tau), np.full(n, D)
    even = np.arange(0, n - 1, 2)
    a[even, even + 1] = a[even + 1, even] = K
    a[:-1, -1], late[:, -1], noise[-1] = pull, 0.0, 0.0
    model = Circle(sine(), adjacency=a, delay=late, noise=noise)
    times = np.linspace(0, 60, 31)
    x = circlesolve(model, np.zeros(n), times, options={"seed": 3}).positions[10:]
    u = x[:, even] - x[:, even + 1]
    # almost decorrelated after 2
    return np.mean(u**2), np.sqrt(2 / u.size)


@pytest.mark.parametrize(("K", "pull"), [(1.0, 0.0), (1.0, 0.5), (-0.5, 2.0)])
def test_stationary_variance(K, pull):
    """u̇ = −au − bu(t−τ) + √(4D)ξ: 2D(1 + (b/k) sinh kτ)/(a + b cosh kτ), k² = a² − b²."""
    tau, D = 1.3, 1e-5
    a, b = K + pull, K
    k = np.sqrt(complex(a * a - b * b)) if a != b else 1e-8
    exact = 2 * D * (1 + b / k * np.sinh(k * tau)) / (a + b * np.cosh(k * tau))
    found, error = variance_of_pairs(K, pull, tau, D)
    assert abs(found / exact.real - 1) < 5 * error + 0.01
    # without the delay it would be far from that
    assert abs(found / (2 * D / (a + b)) - 1) > 0.2


def test_the_common_phase_wanders_less():
    """Ẋ = −K(X − X(t−τ)) + noise: the late mean holds it back, D/n(1+Kτ)² is left."""
    K, tau, D, n = 1.5, 0.8, 1e-4, 2
    model = Circle(sine(), "mean", coupling=K, delay=tau, noise=D)
    ends = []
    for seed in range(150):
        x = circlesolve(
            model, np.zeros(n), [0.0, 20.0, 60.0], options={"seed": seed, "step": 0.1}
        ).positions
        ends.append(np.mean(x[2] - x[1]))
    exact = 2 * D / n / (1 + K * tau) ** 2 * 40.0
    assert np.mean(np.square(ends)) == pytest.approx(exact, rel=5 * np.sqrt(2 / 150))


def test_strong_order():
    """The same Brownian path in steps of h, h/2 and h/4: errors halve."""
    from qsyncplug._ext.motion import Langevin

    from qsyncplug.circle.delays import recalled

    n, fine = 5, 512
    model = Circle(
        sine(), "mean", coupling=2.0, frequencies=RNG.normal(size=n), delay=0.3, noise=0.2
    )
    x0 = RNG.uniform(0, 6, n)
    options = {**qsp.CircleSolver(model).options, "history": None}
    for scheme in ("euler", "heun"):
        errors = []
        for seed in range(20):
            kicks = np.random.default_rng(seed).normal(size=(fine, n))
            ends = []
            for coarse in (1, 8, 16, 32):
                xi = kicks.reshape(-1, coarse, n).sum(axis=1) / np.sqrt(coarse)
                field, _ = recalled(model, x0, 0.0, options, 0.0)
                y = x0.copy()
                # 512 steps in 2: not commensurate with the delay
                Langevin(field, 0.2, scheme).steps(y, 0.0, 2.0 * coarse / fine, xi)
                ends.append(y)
            errors.append([np.linalg.norm(y - ends[0]) for y in ends[1:]])
        size = np.sqrt(np.mean(np.square(errors), axis=0))
        order = np.log2(size[2] / size[0]) / 2
        assert 0.85 < order < 1.6, (scheme, size)


def test_graph_and_mean_are_the_same():
    n = 6
    common = {"frequencies": RNG.normal(size=n) + 30.0, "weights": RNG.uniform(0.5, 2, n)}
    common |= {"coupling": 2.0, "phase_lag": 0.3, "noise": 0.1, "delay": 0.613}
    x = RNG.uniform(0, 6, n)
    runs = [
        circlesolve(
            Circle(sine(), "mean", **common, **more), x, [0.0, 3.0], options={"seed": 1, "step": h}
        ).positions[-1]
        for more in ({}, {"adjacency": np.ones((n, n))})
        for h in (0.02, 0.01)
    ]
    # the mean and the positions are joined by different lines: an error of a second order
    first, second = (np.abs(runs[k] - runs[2 + k]).max() for k in (0, 1))
    assert 0 < second < first < 2e-2


def test_history_and_resume():
    model = Circle(sine(), "mean", frequencies=[1.0, -0.4], delay=0.5, noise=0.05, inertia=0.3)
    options = {"seed": 4, "step": 0.02, "history": lambda t: np.array([t, 1 - t])}
    whole = circlesolve(model, [0.0, 1.0], [0.0, 0.5, 1.0], options=options).positions
    constant = circlesolve(
        model, [0.0, 1.0], [0.0, 0.5, 1.0], options={**options, "history": None}
    ).positions
    assert np.abs(whole - constant)[1:].max() > 1e-3
    solver = qsp.CircleSolver(model, options=options)
    solver.start([0.0, 1.0], 0.0)
    stepped = [np.array(solver.step(t)) for t in (0.5, 1.0)]
    assert np.ravel(stepped[1])[:2] == pytest.approx(whole[2], abs=1e-12)


def test_refused():
    model = Circle(sine(), "mean", delay=0.5, noise=0.1)
    for options, message in (
        ({"step": 0.6}, "step must not be above the shortest delay 0.5"),
        ({"scheme": "leimkuhler-matthews"}, "made for equilibria"),
    ):
        with pytest.raises(ValueError, match=message):
            circlesolve(model, [0.0, 1.0], [0.0, 1.0], options=options)


EXTRAS = {
    "noise": 1e-26,
    "inertia": 0.4,
    "delay": 0.3,
    "triads": (0.7, -0.4),
    "modulation": lambda t: 1 + 0.3 * np.sin(t),
    "phase_lag": np.array([[0.0, 0.2, 0.1], [0.3, 0.0, -0.2], [0.1, 0.1, 0.0]]),
}
APART = [{"delay", "triads"}, {"triads", "modulation"}, {"triads", "phase_lag"}]


@pytest.mark.parametrize(
    "names", [c for k in range(1, 7) for c in itertools.combinations(EXTRAS, k)], ids="+".join
)
def test_every_combination(names):
    """Refused with the reason, or moved; a noise that cannot be seen changes nothing."""
    given = {name: EXTRAS[name] for name in names} | {"frequencies": [1.0, -0.3, 0.2]}
    if any(pair <= set(names) for pair in APART):
        with pytest.raises(ValueError, match="does not go together with"):
            Circle(sine(), "mean", **given)
        return
    if "noise" not in names:
        assert Circle(sine(), "mean", **given).extras
        return
    x, times = [0.0, 1.0, 2.5], [0.0, 0.5, 1.0]
    still = {name: value for name, value in given.items() if name != "noise"}
    exact = circlesolve(Circle(sine(), "mean", **still), x, times).positions
    found = [
        circlesolve(Circle(sine(), "mean", **given), x, times, options={"step": h}).positions
        for h in (0.01, 0.005)
    ]
    errors = [np.abs(run - exact).max() for run in found]
    # of the second order, as the schemes are without noise
    assert errors[1] < 1e-4 and errors[1] < 0.5 * errors[0] + 1e-12
