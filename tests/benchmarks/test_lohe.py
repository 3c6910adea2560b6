"""Schrödinger–Lohe against SciPy's DOP853 on the grid; ratios from one run.

Run as a script for the table: ``python tests/benchmarks/test_lohe.py``.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from qsyncplug import GridHamiltonian, SchrodingerLohe, slsolve
from qsyncplug.core import Grid

# also as a script
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "lohe"))
from lohe_reference import gram, lines
from timing import timed as best

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


@pytest.mark.parametrize("states", [False, True])
def test_reduction(benchmark, states):
    model, psi = common()
    times = np.linspace(0, 5, 100) if states else [0, 5.0]
    result = benchmark(lambda: slsolve(model, psi, times, options={"store_states": states}))
    assert abs(result.masses - 1).max() < 1e-11


@pytest.mark.parametrize("points", [64, 1024])
def test_cost_is_independent_of_the_grid(benchmark, points):
    model, psi = common(points=points)
    result = benchmark(lambda: slsolve(model, psi, [0, 5.0]))
    assert abs(result.masses - 1).max() < 1e-11


def test_different_potentials(benchmark):
    model, psi = different()
    result = benchmark(lambda: slsolve(model, psi, [0, 2.0], options={"rtol": 1e-8, "atol": 1e-10}))
    assert abs(result.masses - 1).max() < 1e-11


def test_thousand_identical_oscillators(benchmark):
    rng = np.random.default_rng(4)
    import qutip

    psi = rng.normal(size=(1000, 64)) + 1j * rng.normal(size=(1000, 64)) + 0.1
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    model = SchrodingerLohe(qutip.num(64), 1.0)
    result = benchmark(lambda: slsolve(model, psi, np.linspace(0, 40, 21)))
    assert result.order_parameter[-1] > 1 - 1e-12


def inside(model, psi, end):
    """Share of the time inside FFT and BLAS, from a profile."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(lambda: slsolve(model, psi, [0, end], options={"rtol": 1e-8, "atol": 1e-10}))
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


def table():
    model, psi = common()
    bare, _ = best(lambda: slsolve(model, psi, [0, 5.0]))
    full, result = best(
        lambda: slsolve(model, psi, np.linspace(0, 5, 100), options={"store_states": True})
    )
    # the loosest tolerance that reaches 1e-10 in the Gram matrix
    lines_time, reference = best(lambda: on_the_grid(model, psi, np.linspace(0, 5, 100), 1e-10), 1)
    error = np.max(np.abs(result.gram - gram(reference, model.grid.weight)))
    print(
        f"N=32, M=256, T=5: no states {1e3 * bare:.3g} ms, 100 states {1e3 * full:.3g} ms, "
        f"solve_ivp {lines_time:.3g} s"
    )
    print(
        f"  ratios {lines_time / bare:.0f} (asked 500) and {lines_time / full:.0f} (asked 80); "
        f"Gram matrices: {error:.1e}"
    )
    for points in (64, 256, 1024, 4096):
        m, p = common(points=points)
        seconds, r = best(lambda m=m, p=p: slsolve(m, p, [0, 5.0]))
        print(
            f"  M={points}: {1e3 * seconds:.3g} ms, of which integration "
            f"{1e3 * r.stats['run time']:.3g} ms"
        )
    model, psi = different()
    exact = slsolve(model, psi, [0, 2.0], options={"store_states": True}).states[-1]
    for rtol in (1e-7, 1e-8):
        ours, r = best(
            lambda rtol=rtol: slsolve(
                model,
                psi,
                [0, 2.0],
                options={"rtol": rtol, "atol": rtol / 100, "store_states": True},
            )
        )
        theirs, q = best(lambda rtol=rtol: on_the_grid(model, psi, np.array([0, 2.0]), rtol), 1)
        print(
            f"different potentials, rtol {rtol:g}: {1e3 * ours:.3g} ms (error "
            f"{np.abs(r.states[-1] - exact).max():.1e}), "
            f"solve_ivp {theirs:.3g} s (error {np.abs(q[-1] - exact).max():.1e}): ratio "
            f"{theirs / ours:.1f} (5)"
        )
    share, total = inside(*planes(), 5.0)
    print(f"N=8, 256², T=5: {100 * share:.0f} % of {total:.3g} s inside FFT and BLAS (asked 70)")
    rng = np.random.default_rng(4)
    import qutip

    for size in (64, 256):
        psi = rng.normal(size=(1000, size)) + 1j * rng.normal(size=(1000, size)) + 0.1
        psi /= np.linalg.norm(psi, axis=1)[:, None]
        seconds, r = best(
            lambda psi=psi, size=size: slsolve(
                SchrodingerLohe(qutip.num(size), 1.0), psi, np.linspace(0, 40, 21)
            ),
            3,
        )
        print(
            f"N=1000 in {size} levels to r=1−{1 - r.order_parameter[-1]:.1e}: {seconds:.3g} s "
            "(asked 2)"
        )


if __name__ == "__main__":
    table()
