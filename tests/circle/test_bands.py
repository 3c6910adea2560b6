"""Möbius maps of bands of frequencies, against steps of all particles and against the formula."""

import numpy as np
import pytest
from qsyncplug._ext.circle import instruction_sets

import qsyncplug as qsp
from qsyncplug.circle import Circle, CircleSolver, attention, circlesolve, sine
from qsyncplug.circle.bands import can_band, worth_bands

RNG = np.random.default_rng(14)
TIGHT = {"rtol": 1e-14, "atol": 1e-14, "kernel": "horner"}


def lorentz(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.tan(np.pi * (rng.uniform(size=n) - 0.5)), rng.uniform(-np.pi, np.pi, n)


def worst(model, x, times, rtol, **options):
    """Error of the worst particle, in tolerances."""
    exact = circlesolve(model, x, times, options=TIGHT).positions
    chosen = {"rtol": rtol, "atol": rtol, "kernel": "bands", **options}
    run = circlesolve(model, x, times, options=chosen)
    assert "bands" in run.stats["method"]
    return np.max(np.abs(run.positions - exact) / (rtol + rtol * np.abs(exact)))


@pytest.mark.parametrize("rtol", [1e-12, 1e-9, 1e-6, 1e-3, 1.0])
def test_every_particle_is_within_its_tolerance(rtol):
    omega, x = lorentz(600)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    assert worst(model, x, np.linspace(0, 1, 8), rtol) < 1


MODELS = {
    "weights and lag": dict(weights=RNG.uniform(0.5, 2, 400), phase_lag=0.7),
    "repulsion": dict(coupling=-2.0),
    "number as divisor": dict(normalization=200.0, response=np.full(400, 0.5)),
    "sum": dict(normalization="sum", coupling=0.01),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    omega, x = lorentz(400, 3)
    given = {"normalization": "mean", "coupling": 2.0, "frequencies": omega + 40.0, **MODELS[name]}
    assert worst(Circle(sine(), **given), x, [0.3, 0.5, 1.1], 1e-10) < 1


@pytest.mark.parametrize(
    "name", ["two groups", "all alone", "one band", "lattice", "two particles"]
)
def test_distributions(name):
    omega = {
        "two groups": np.concatenate([RNG.normal(size=150), 900 + RNG.normal(size=150)]),
        "all alone": 30 * RNG.normal(size=50),
        "one band": RNG.normal(size=300),
        # many of each frequency: one node is enough
        "lattice": np.repeat([-300.0, 0.0, 5.0], 120),
        "two particles": np.array([-1.0, 1000.0]),
    }[name]
    x = RNG.uniform(-200, 200, omega.size)
    model = Circle(sine(), "mean", coupling=1.5, frequencies=omega)
    assert worst(model, x, np.linspace(0, 1.5, 4), 1e-11) < 1


def test_far_away_and_many_outputs():
    omega, x = lorentz(300, 5)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    assert worst(model, x + 2e3 * np.pi, np.linspace(5.0, 6.0, 300), 1e-10) < 1


def test_of_equal_frequencies_the_maps_are_those_of_watanabe_and_strogatz():
    x = RNG.uniform(-np.pi, np.pi, 200)
    omega = np.zeros(200)
    omega[0] = 1e-3  # one of them is another, alone
    model = Circle(sine(), "mean", coupling=1.0, frequencies=omega)
    assert worst(model, x, [0.0, 20.0], 1e-11) < 1


def test_auto_takes_bands_for_heavy_tails_alone():
    omega, x = lorentz(5000)
    heavy = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    light = Circle(sine(), "mean", coupling=3.0, frequencies=RNG.normal(size=5000))
    assert worth_bands(heavy, 5000, 0.0)
    assert not worth_bands(light, 5000, 0.0)
    run = circlesolve(heavy, x, [0.0, 0.05])
    assert "bands" in run.stats["method"]
    exact = circlesolve(heavy, x, [0.0, 0.05], options={"kernel": "horner", "rtol": 1e-13})
    assert np.max(np.abs(run.positions - exact.positions)) < 1e-10
    assert run.stats["drift"]["weighted mean of the positions"] < 1e-12


def test_steps_by_hand_agree():
    omega, x = lorentz(300)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    solver = CircleSolver(model, options={"kernel": "bands"})
    solver.start(x, 0.0)
    steps = [np.array(solver.step(t)) for t in (0.013, 0.4, 0.41)]
    exact = circlesolve(model, x, [0.0, 0.013, 0.4, 0.41], options=TIGHT).positions[1:]
    assert np.max(np.abs(steps - exact)) < 1e-9


def test_a_run_goes_on_bit_for_bit(tmp_path):
    omega, x = lorentz(400)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    times, options = np.linspace(0, 1, 31), {"kernel": "bands", "rtol": 1e-9}
    whole = circlesolve(model, x, times, options=options)
    path = tmp_path / "run.npz"

    def stop(t, state):
        if t > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(qsp.core.SolverInterrupted):
        circlesolve(model, x, times, e_ops=stop, options={**options, "checkpoint": path})
    rest = qsp.resume(path, e_ops=lambda t, x: 0.0)
    assert np.array_equal(rest.positions, whole.positions)
    with pytest.raises(qsp.core.StepLimitError):
        circlesolve(model, x, times, options={**options, "nsteps": 150, "checkpoint": path})
    rest = qsp.resume(path, options={"nsteps": 10**6})
    assert np.array_equal(rest.positions, whole.positions)
    assert rest.stats["steps accepted"] == whole.stats["steps accepted"]


def test_what_has_no_bands_is_refused():
    omega, x = lorentz(20)
    wrong = {
        "sine": Circle(attention(1.0), frequencies=omega),
        "noise": Circle(sine(), frequencies=omega, noise=0.1),
        "response": Circle(sine(), frequencies=omega, response=RNG.uniform(1, 2, 20)),
        "differ": Circle(sine()),
        "zero": Circle(sine(), frequencies=omega, coupling=0.0),
        "adjacency": Circle(sine(), frequencies=omega, adjacency=np.ones((20, 20))),
        "normalization": Circle(sine(), lambda x: np.ones(20), frequencies=omega),
    }
    for word, model in wrong.items():
        assert word in can_band(model)
        with pytest.raises(ValueError, match=word):
            circlesolve(model, x, [0.0, 1.0], options={"kernel": "bands"})


@pytest.mark.parametrize("level", range(len(instruction_sets())))
def test_the_series_of_a_band_is_the_sum_over_its_oscillators(level):
    from qsyncplug._ext.bands import Bands

    count, s = 11, RNG.uniform(-0.1, 0.1, (2, 11))
    u, w = np.exp(1j * RNG.uniform(-3, 3, (count, 7))), RNG.uniform(0.5, 2, (count, 7))
    terms = np.sort(RNG.integers(12, 20, count))[::-1]
    field = Bands(np.zeros(count), terms, [], [], 1.0, 0.0, level=level)
    for q in range(count):
        for k in range(terms[q] + 1):
            z = np.sum(w[q] * u[q] ** k)
            field.sums_re[k, q], field.sums_im[k, q] = z.real, z.imag
    c = (s[0] + 1j * s[1])[:, None]
    z = np.sum(w * (u + c) / (1 + np.conj(c) * u))
    velocity = field(0.0, np.concatenate([np.zeros(count), *s]))
    room = 0.5 * (1 - np.abs(c[:, 0]) ** 2)
    assert np.allclose(velocity[count : 2 * count], room * z.real, rtol=1e-9)
    assert np.allclose(velocity[2 * count :], room * z.imag, rtol=1e-9)


def averaged(omega, x, times, rtol, **given):
    """Errors of a run with outliers, in tolerances, and how many of them were averaged."""
    model = Circle(sine(), "mean", **{"coupling": 3.0, "frequencies": omega, **given})
    exact = circlesolve(model, x, times, options=TIGHT).positions
    run = circlesolve(model, x, times, options={"rtol": rtol, "atol": rtol, "kernel": "bands"})
    count = run.stats["method"].split("alone")[1].removeprefix(", ").removesuffix(" averaged")
    return np.abs(run.positions - exact) / (rtol + rtol * np.abs(exact)), int(count or 0)


OUTLIERS = {
    # (n, frequencies, rtol, end): alone, near each other, opposite, of loose tolerance
    "one": (2000, [1e5], 1e-12, 0.01),
    "both ways": (2000, [3e4, -2.6e4], 1e-12, 0.02),
    "near": (2000, [3e4, 3.001e4, 3.3e4], 1e-12, 0.02),
    "moderate": (1000, [1e4, -5e3, 7e3], 1e-9, 0.2),
    "loose": (400, [4e3, -2.6e3, 2e3], 1e-4, 2.0),
}


@pytest.mark.parametrize("name", OUTLIERS)
@pytest.mark.parametrize("kind", ["plain", "weights and lag", "coherent"])
def test_outliers_are_averaged_within_the_tolerance(name, kind):
    n, fast, rtol, end = OUTLIERS[name]
    omega, x = lorentz(n, 7)
    omega = np.clip(omega, -60, 60)
    omega[: 11 * len(fast) : 11] = fast
    given = {"weights": RNG.uniform(0.5, 1.5, n), "phase_lag": 0.6}
    given = given if kind == "weights and lag" else {}
    x = 0.3 * x if kind == "coherent" else x
    errors, count = averaged(omega, x, np.array([0, 1e-3, 0.4, 1.0]) * end, rtol, **given)
    assert count == len(fast)
    assert np.max(errors) < 1


def test_who_is_no_outlier():
    from qsyncplug.circle.outliers import outliers_of

    omega, w = np.linspace(-1, 1, 1000), np.ones(1000)

    def found(fast, strength=3e-3, span=6.0, error=1e-12):
        far = outliers_of(np.append(omega, fast), np.ones(1000 + len(fast)), strength, span, error)
        return 0 if far is None else far.members.size

    assert found([1e5]) == 1 and found([1e5, 9e4]) == 2
    assert found([1e3]) == 0 and found([1e3], error=1e-6) == 1
    # a heavy one moves the others too much, and a short gap to the rest is none
    heavy = outliers_of(np.append(omega, 1e5), np.append(w, 1e3), 3e-3, 6.0, 1e-12)
    assert heavy is None
    assert found(np.linspace(1e3, 1e5, 200)) == 0
    # whoever turns backwards as fast is in step with the second harmonic of the rest
    assert found([1e5, -1e5]) == 0 and found([1e5, -1.2e5]) == 2 and found([1e5, -6e4, 6e4]) == 1
    assert found([1e5], span=0.0) == 0


def test_fast_ones_do_not_spoil_the_others(monkeypatch):
    # without averages: their errors of a step were parts of a whole part of the run
    monkeypatch.setattr("qsyncplug.circle.bands.outliers_of", lambda *a: None)
    omega, x = lorentz(2000, 3)
    omega = np.clip(omega, -300, 300)
    omega[[0, 7]] = 3e4, -2e4
    errors, count = averaged(omega, x, np.linspace(0, 0.4, 4), 1e-9)
    assert count == 0 and np.max(errors) < 1


def test_outliers_go_on_bit_for_bit(tmp_path):
    omega, x = lorentz(400)
    omega[:2] = 9e3, -8e3
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    times, options = np.linspace(0, 1, 31), {"kernel": "bands", "rtol": 1e-6, "atol": 1e-6}
    whole = circlesolve(model, x, times, options=options)
    assert "averaged" in whole.stats["method"]
    path = tmp_path / "run.npz"

    def stop(t, state):
        if t > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(qsp.core.SolverInterrupted):
        circlesolve(model, x, times, e_ops=stop, options={**options, "checkpoint": path})
    rest = qsp.resume(path, e_ops=lambda t, x: 0.0)
    assert np.array_equal(rest.positions, whole.positions)
