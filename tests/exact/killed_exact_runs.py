"""Exact runs that are killed (-9): ``killed_exact_runs.py FOLDER NAME ...``."""

import pathlib
import sys

import numpy as np
import qutip

import qsyncplug as qsp

CORE = pathlib.Path(__file__).parents[1] / "core"
TIMES = np.linspace(0, 5, 121)


def _pair(method, **options):
    system = qsp.van_der_pol_pair(loss=2.0, detuning=0.5)
    return system, [0.3, 0.2j], {"method": method, **options}


def _closed(**options):
    b1, b2 = qsp.modes(2)
    H = b1.dag() * b1 + 1.3 * b2.dag() * b2 + 0.3 * (b1.dag() * b2 + b2.dag() * b1)
    return qsp.System(H), [0.3, 0.2j], options


def _atoms(**options):
    (b,), (A,) = qsp.modes(1), qsp.atoms(2)
    H = 0.5 * b.dag() * b + 0.3 * (b.dag() * A.m + A.p * b)
    system = qsp.System(H, [0.6 * b, 0.4 * A.each.p, 0.2 * A.m])
    return system, {b: 0.3, A: (1.2, 0.3)}, {"method": "density", **options}


def _driven(phase=0.0, **options):
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: np.cos(2 * t) * np.exp(1j * phase * max(t - 2, 0) ** 4))
    g = f.conj()
    H = b.dag() * b + f * (0.3 * b) + g * (0.3 * b.dag())
    return qsp.System(H, [b, 0.2 * b.dag()]), [0.1], options


#: name -> system, start, options
EXACT = {
    "ket": _closed,
    "density": lambda **o: _pair("density", **o),
    "sectors": lambda **o: _pair("sectors", **o),
    "atoms": _atoms,
    "driven": _driven,
    "driven, complex": lambda **o: _driven(0.7, **o),
    "trajectories": lambda **o: _pair("trajectories", ntraj=600, seed=3, **o),
    "trajectories, fresh seed": lambda **o: _pair("trajectories", ntraj=600, **o),
}


def solver_of(name, **options):
    """A solver, the state that it starts from, the times."""
    system, start, options = EXACT[name](**options)
    return qsp.ExactSolver(system, cutoff=9, options=options), start, TIMES


if __name__ == "__main__":
    sys.path.insert(0, str(CORE))
    import killed_runs
    import runs

    for name in EXACT:
        killed_runs.RUNS[name] = lambda name=name, **o: runs.Run(*solver_of(name, **o))
    killed_runs.main()
