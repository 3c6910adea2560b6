"""Schrödinger–Lohe against SciPy's DOP853 on the grid.

``pytest tests/benchmarks/test_lohe.py -m "" -s``.
"""

import numpy as np
import pytest
import qutip

from qsyncplug import GridHamiltonian, SchrodingerLohe, slsolve
from qsyncplug.core import Grid

from ..lohe.lohe_reference import gram, lines
from .timing import cpu, many, timed

pytestmark = pytest.mark.slow


def common(n=32, points=256):
    rng = np.random.default_rng(1)
    grid = Grid(points, 20.0)
    psi = np.array([grid.gaussian(*rng.uniform(-1.5, 1.5, 2)) for _ in range(n)])
    return SchrodingerLohe(
        GridHamiltonian(grid, lambda x: x**2 / 2), 1.0, frequencies=0.3 * rng.normal(size=n)
    ), psi


def different(n=4, points=256):
    grid = Grid(points, 20.0)
    hs = [
        GridHamiltonian(grid, lambda x, w=w: 0.5 * w**2 * x**2) for w in np.linspace(0.8, 1.25, n)
    ]
    rng = np.random.default_rng(2)
    return SchrodingerLohe(hs, 1.0), np.array(
        [grid.gaussian(*rng.uniform(-1, 1, 2)) for _ in range(n)]
    )


def planes(n=8, points=256):
    grid = Grid((points, points), 20.0)
    hs = [
        GridHamiltonian(grid, lambda x, y, w=w: 0.5 * w**2 * x**2 + 0.5 * y**2)
        for w in np.linspace(0.8, 1.25, n)
    ]
    rng = np.random.default_rng(3)
    return SchrodingerLohe(hs, 1.0), np.array(
        [grid.gaussian(rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)) for _ in range(n)]
    )


def on_the_grid(model, psi, times, rtol):
    n = len(psi)
    potentials = np.array([h.values for h in model.hamiltonians(n)])
    return lines(
        psi,
        times,
        k=model.coupling,
        kinetic=model.grid.kinetic,
        potentials=potentials,
        weight=model.grid.weight,
        omega=model.frequencies,
        rtol=rtol,
        atol=rtol / 100,
    )[0]


def test_reduction(record):
    model, psi = common()
    times = np.linspace(0, 5, 100)
    bare = many(lambda: slsolve(model, psi, [0, 5.0]), 5)
    full, result = timed(lambda: slsolve(model, psi, times, options={"store_states": True}))
    # the loosest tolerance that reaches 1e-10 in the Gram matrix
    theirs, reference = timed(lambda: on_the_grid(model, psi, times, 1e-10), 1)
    record.ratio("lohe reduction", bare, theirs)
    record.ratio("lohe states", full, theirs)
    assert np.max(np.abs(result.gram - gram(reference, model.grid.weight))) < 1e-8


def loosest(run, exact):
    """Time at the loosest of some tolerances that reaches 1e-8."""
    for rtol in (1e-6, 1e-7, 1e-8, 1e-9):
        seconds, states = timed(lambda r=rtol: run(r), 2)
        error = np.abs(states - exact).max()
        if error < 1e-8:
            print(f"\nrtol={rtol:g}: error {error:.1e}")
            return seconds
    pytest.fail("1e-8 was not reached")


def test_different_potentials(record):
    model, psi = different()
    exact = slsolve(model, psi, [0, 2.0], options={"store_states": True}).states[-1]

    def ours(rtol):
        options = {"rtol": rtol, "atol": rtol / 100, "store_states": True}
        return slsolve(model, psi, [0, 2.0], options=options).states[-1]

    def theirs(rtol):
        return on_the_grid(model, psi, np.array([0, 2.0]), rtol)[-1]

    record.ratio("lohe different", loosest(ours, exact), loosest(theirs, exact))


def inside(model, psi, end):
    """Share of the time inside FFT and BLAS, from a profile."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    options = {"rtol": 1e-8, "atol": 1e-10}
    run = profile.runcall(lambda: slsolve(model, psi, [0, end], options=options))
    assert np.abs(run.masses[-1] - run.masses[0]).max() < 1e-7
    stats = pstats.Stats(profile)
    total, counted = 0.0, 0.0
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():
        total += own
        # the products of couple() and gram() are called from C, so that their time is that of these
        # small functions
        if (
            "c2c" in name
            or "dot" in name
            or "zgemm" in name
            or "zherk" in name
            or (name in ("couple", "gram") and "lohe" in file)
        ):
            counted += own
    return counted / total, total


def test_time_inside_transforms(record):
    share, total = inside(*planes(), 3.0)
    assert 0 < share < 1 and total > 0
    record.limit("lohe fft", 100 * share)


@pytest.mark.parametrize("size", [64, 256])
def test_thousand_identical_oscillators(record, size):
    rng = np.random.default_rng(4)
    psi = rng.normal(size=(1000, size)) + 1j * rng.normal(size=(1000, size)) + 0.1
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    model, times = SchrodingerLohe(qutip.num(size), 1.0), np.linspace(0, 40, 21)
    record.limit(f"lohe 1000, {size}", cpu(lambda: slsolve(model, psi, times), 2))
    assert slsolve(model, psi, times).order_parameter[-1] > 1 - 1e-12
