"""Models and states in a harmonic trap."""

import numpy as np
import qutip

from qsyncplug import GridHamiltonian
from qsyncplug.core import Grid

GRID = Grid(96, 18.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
ONE = qutip.Qobj([[0.0]])


def g(c, p=0.0):
    return GRID.gaussian(c, p)


def amplitudes(values):
    """States along one direction: complex numbers."""
    return np.asarray(values, dtype=complex)[:, None]
