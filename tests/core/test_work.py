"""Counted work: steps, right-hand sides and Fourier transforms of fixed runs; no clock.

A change that makes a run dearer is seen here on any machine. The counts are exact on one machine;
the margin is for the last digits of another.
"""

import numpy as np
import pytest
import scipy.fft

import qsyncplug as qsp

from .runs import EXACT_RUNS, RUNS

EVERY = {**RUNS, **EXACT_RUNS}

#: run -> steps accepted, steps rejected, right-hand sides
WORK = {
    "mean field": (77, 0, 1081),
    "gaussian": (95, 0, 1406),
    "mean alone": (59, 0, 837),
    "spins on spheres": (304, 7, 3952),
    "spins alone": (163, 3, 2194),
    "cumulants": (75, 0, 1214),
    "cumulants of order 3": (133, 0, 1969),
    "cumulants of atoms": (60, 8, 976),
    "chains": (531, 18, 6836),
    "published": (4, 0, 62),
    "twa": (1600, 0, 3200),
    "twa of modes": (1224, 0, 2448),
    "dtwa": (3246, 0, 38952),
    "dtwa with loss": (22500, 0, 90000),
    "circle": (123, 2, 1697),
    "circle, cells": (309, 3, 3965),
    "circle, faint": (20, 0, 271),
    "circle, Möbius maps": (51, 2, 752),
    "circle, bands": (7014, 2, 87070),
    "circle, noise": (19200, 0, 38400),
    "circle, noise of Leimkuhler": (19200, 0, 19200),
    "circle, inertia": (284, 33, 4021),
    "circle, inertia and noise": (21120, 0, 21121),
    "circle, delay": (191, 72, 3915),
    "circle, delay and noise": (19140, 0, 38280),
    "circle, triads": (125, 4, 1746),
    "circle, graph": (77, 0, 1094),
    "circle, graph and noise": (10260, 0, 20520),
    "circle, graph and delay": (329, 24, 5237),
    "circle, populations": (84, 8, 1293),
    "Ott-Antonsen": (31, 6, 551),
    "Ott-Antonsen, three": (77, 2, 1113),
    "sphere": (6, 0, 105),
    "lohe reduction": (8, 0, 123),
    "lohe model 1": (8, 0, 123),
    "lohe model 2": (9, 0, 135),
    "lohe graph": (7, 0, 108),
    "lohe mobius": (2, 0, 33),
    "lohe splitting": (42, 0, 0),
    "lohe strang": (160, 0, 0),
    "lohe s10": (60, 0, 0),
    "lohe lawson": (36, 0, 498),
    "lohe dop853": (34, 7, 870),
    "wigner reduction": (15, 0, 220),
    "wigner splitting": (40, 0, 0),
    "wigner strang": (160, 0, 0),
    "wigner direct": (8, 0, 0),
    "wigner direct, different": (16, 0, 0),
    "exact, ket": (2, 1, 40),
    "exact, density": (2, 0, 35),
    "exact, sectors": (2, 0, 124),
    "exact, atoms": (2, 0, 40),
    "exact, chains": (2, 0, 66),
    "exact, trajectories": (40, 0, 0),
}
#: points that went through SciPy's Fourier transforms, all transforms together
TRANSFORMED = {
    "lohe splitting": 184_608,
    "wigner splitting": 115_200,
    "wigner direct": 3_863_744,
    "wigner direct, different": 17_699_008,
}


def within(count, known):
    """At most 3 % more than is known; a run that became much cheaper gets a new number here."""
    return 0.5 * known - 3 <= count <= 1.03 * known + 3


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
@pytest.mark.parametrize("name", WORK)
def test_a_run_takes_the_steps_that_it_took(name):
    run = EVERY[name]()
    stats = run.solver.run(run.state0, run.times).stats
    counts = tuple(stats[k] for k in ("steps accepted", "steps rejected", "right-hand sides"))
    assert all(map(within, counts, WORK[name])), counts


def test_every_run_is_counted():
    """Noisy paths of waves are runs of the solvers above."""
    assert set(EVERY) - set(WORK) == {"lohe trajectories", "lohe trajectories, splitting"}


@pytest.mark.parametrize("name", TRANSFORMED)
@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
def test_a_run_transforms_what_it_transformed(name, monkeypatch):
    points = [0]

    def counted(transform):
        def count(x, *args, **kw):
            points[0] += np.size(x)
            return transform(x, *args, **kw)

        return count

    for kind in ("fft", "ifft", "fftn", "ifftn", "rfft", "irfft", "rfftn", "irfftn"):
        monkeypatch.setattr(scipy.fft, kind, counted(getattr(scipy.fft, kind)))
    run = EVERY[name]()
    run.solver.run(run.state0, run.times)
    assert within(points[0], TRANSFORMED[name]), points[0]


# ---------------------------------------------------------------- how work grows


def sides(run):
    return run.stats["right-hand sides"]


def test_work_does_not_grow_with_the_number_of_particles():
    """All start on the same arc: one error norm, whatever n."""
    few, many = (
        qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), np.linspace(0, 3, n), [0.0, 5.0])
        for n in (20, 2000)
    )
    assert sides(many) <= 1.25 * sides(few)


def test_work_grows_with_the_logarithm_of_the_tolerance():
    """Order 8: each digit costs the factor 10^(1/8) = 1.33."""
    counts = [
        sides(
            qsp.mfsolve(
                qsp.van_der_pol_pair(detuning=0.3),
                [1, 0.3j],
                [0.0, 20.0],
                options={"rtol": 10.0**-d, "atol": 10.0**-d},
            )
        )
        for d in (6, 9, 12)
    ]
    assert counts[2] < 1.5**6 * counts[0]
    assert counts == sorted(counts)


def test_outputs_cost_little():
    def count(outputs):
        times = np.linspace(0, 20, outputs)
        return sides(qsp.mfsolve(qsp.van_der_pol_pair(detuning=0.3), [1, 0.3j], times))

    # three evaluations a step for the dense output, whatever their number
    assert count(4001) <= 1.4 * count(2)
    assert count(4001) <= 1.05 * count(401)


def test_splitting_takes_as_many_steps_on_any_grid():
    """The potential's scale decides, not the grid's: no condition of stability."""

    def steps(points):
        grid = qsp.Grid(points, 16.0)
        h = [qsp.GridHamiltonian(grid, lambda x, a=a: a * x**2 / 2) for a in (1.0, 0.8)]
        waves = [grid.gaussian(0.5), grid.gaussian(-0.4)]
        options = {"method": "splitting"}
        run = qsp.slsolve(qsp.SchrodingerLohe(h, 1.0), waves, [0.0, 1.0], options=options)
        return run.stats["steps accepted"]

    assert steps(256) <= 1.1 * steps(64) + 1


def test_propagation_grows_with_the_spectral_range_at_most():
    """Chebyshev: products go with the radius of the spectrum times the time; d times 4 here."""

    def products(cutoff):
        (b,) = qsp.modes(1)
        system = qsp.System(b.dag() * b + 0.3 * (b + b.dag()), [0.3 * b])
        options = {"method": "density"}
        return sides(qsp.exactsolve(system, [0.2], [0.0, 10.0], cutoff=cutoff, options=options))

    few, many = products(16), products(64)
    assert many <= 4.5 * few
