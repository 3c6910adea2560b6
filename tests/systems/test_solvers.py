"""Every solver family on systems whose solution is known, at several tolerances."""

import pathlib

import numpy as np
import pytest

import qsyncplug as qsp
from tests.systems import solved

#: solvers with adaptive steps: what they run, and the solution
ADAPTIVE = {
    "mean field": (solved.mean_field(), solved.driven_means),
    "classical": (solved.mean_field(closure="none"), solved.driven_means),
    "Gaussian": (solved.mean_field(closure="gaussian"), solved.driven_means),
    "cumulants": (solved.cumulants, solved.driven_means),
    "covariance": (solved.covariance, solved.exact_covariance),
    "classical spin": (solved.precession, solved.turned),
    "exact, in time": (solved.driven_in_time, solved.forced),
    "Schrödinger–Lohe": (solved.waves, solved.correlation()),
    "Wigner–Lohe": (solved.wigner, solved.wigner_correlation),
    "circle": (solved.circle, solved.approach),
    "circle, Möbius maps": (solved.moebius, solved.approach),
    "circle, inertia": (solved.heavy, solved.relaxed),
    "Ott–Antonsen": (solved.reduced, solved.bernoulli),
    "sphere": (solved.sphere, solved.closer),
}
#: solvers with an accuracy of their own
FIXED = {
    "exact, density": (solved.exactly(method="density"), solved.driven_means, 1e-9),
    "exact, kets": (solved.kets, solved.swapped, 1e-10),
    "exact, QuTiP": (solved.exactly(method="qutip"), solved.driven_means, 1e-8),
    "trajectories": (solved.trajectories, solved.lost, 1e-5),
    "Schrödinger–Lohe paths": (solved.paths, solved.correlation((1.0, 1.0), 0.0), 1e-9),
    "circle, delay": (solved.delayed, solved.turning, 1e-8),
    # 4000 samples of half a quantum; five standard errors
    "truncated Wigner": (solved.samples, solved.driven_means, 5 * (0.5 / 4000) ** 0.5),
    "circle, noise": (solved.diffusion, lambda t: np.exp(-0.05 * t), 5 * 4000**-0.5),
}


def error(run, exact, options):
    return np.abs(np.asarray(run(solved.TIMES, options)) - exact(solved.TIMES)).max()


@pytest.mark.parametrize("tolerance", [1e-6, 1e-8, 1e-10, 1e-12])
@pytest.mark.parametrize("name", ADAPTIVE)
def test_outputs_are_as_accurate_as_steps(name, tolerance):
    """On the way and at rest, where an interpolation was wrong by a hundred tolerances."""
    options = {"rtol": tolerance, "atol": tolerance}
    # rounding adds up over 60 units of time
    assert error(*ADAPTIVE[name], options) < 20 * tolerance + 1e-12


@pytest.mark.parametrize("name", FIXED)
def test_solutions(name):
    run, exact, bound = FIXED[name]
    assert error(run, exact, {}) < bound


def test_every_solver_is_here():
    """A new solver function needs a system with an exact solution."""
    solvers = {name for name in qsp.__all__ if name.endswith("solve")} | {"sltrajectories"}
    source = pathlib.Path(solved.__file__).read_text()
    missing = {name for name in solvers if f"qsp.{name}(" not in source}
    # samples of spins: tests/models/test_dtwa.py holds them against the exact evolution
    assert missing == {"dtwasolve"}
