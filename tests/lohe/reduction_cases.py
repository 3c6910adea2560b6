"""Four oscillators in traps, and their models."""

import numpy as np

from qsyncplug import GridHamiltonian
from qsyncplug.core import Grid

GRID = Grid(96, 18.0)
TIMES = np.linspace(0, 2, 5)
OMEGA = np.array([0.5, -0.3, 0.2, -0.1])
THETA = np.array([1.2, 0.9, 1.1, 0.8])
PSI = np.array(
    [
        GRID.gaussian(c, p) * s
        for c, p, s in [(1, 0.3, 1), (-1.2, 0, 0.8), (0.3, -0.5, 1.1), (0, 1, 0.9)]
    ]
)

HARMONIC = GridHamiltonian(GRID, lambda x: x**2 / 2)
QUARTIC = GridHamiltonian(GRID, lambda x: 0.05 * x**4 - 0.3 * x**2)


def smooth(r):
    return 0.5 + 1 / (1 + r**2)
