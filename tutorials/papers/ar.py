"""Antonelli and Reynolds."""

from .ar_items import ITEMS
from .statement import Paper

PRELUDE = '''
import numpy as np
import qutip
import qsyncplug as qsp
from qsyncplug import SchrodingerLohe, slsolve
from qsyncplug.core.errors import SolverError

grid = qsp.Grid(96, 18.0)
H = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
zero = qutip.qzero
g = grid.gaussian
pair = [g(1.0), g(-0.5)]
three = [g(1.0), 0.8 * g(-0.5), g(0.3, 0.5)]
masses = dict(theta=[1.1, 1.1, 0.8], alignment=1.0)
floor = qsp.absolute_kernel(0.6, 0.5)
times = np.linspace(0, 40, 81)

def held(name, model, states, times=times):
    """A prediction, and what a run says of it."""
    row = qsp.predictions(model, states)[name]
    return row, row.check(slsolve(model, states, times))
'''

PAPER = Paper(
    "ar",
    "Antonelli and Reynolds: Schrödinger–Lohe models of nonidentical oscillators",
    "P. Antonelli, D. N. Reynolds, *Schrödinger–Lohe type models of quantum synchronization with "
    "nonidentical oscillators*. The commands are run when this page is built.",
    PRELUDE,
    ITEMS,
)
