"""Errors and warnings of the Schrödinger–Lohe solvers."""

from __future__ import annotations

from typing import Any

from ..core.errors import QsyncplugWarning, SolverError

__all__ = [
    "AliasingError",
    "AliasingWarning",
    "BlowUpError",
    "GlobalExistenceWarning",
    "NonUniquenessError",
    "NormalizationWarning",
    "UndefinedCentreError",
    "UnstableSetWarning",
]


class OscillatorError(SolverError):
    """A run had to stop because of one oscillator.

    Parameters
    ----------
    message : str
        What happened and what to do about it.
    oscillator : int
        Its index, from 0.
    time, reason, result
        As for :class:`SolverError`.

    Attributes
    ----------
    oscillator : int
        Its index, from 0.
    time, reason, result
        As in :class:`SolverError`.
    """

    def __init__(
        self,
        message: str,
        *,
        oscillator: int = -1,
        time: float = float("nan"),
        reason: str = "",
        result: Any = None,
    ):
        super().__init__(message, time=time, reason=reason, result=result)
        self.oscillator = oscillator


class NonUniquenessError(OscillatorError):
    """Model 1: an oscillator vanished; the solution cannot be continued uniquely.

    Examples
    --------
    >>> import warnings
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> warnings.simplefilter("ignore", qsp.GlobalExistenceWarning)
    >>> model = qsp.SchrodingerLohe(qutip.num(4), variant="model1", theta=[1.5, 0.5])
    >>> try:
    ...     qsp.slsolve(model, [qutip.basis(4, 0), 0.3 * qutip.basis(4, 0)], [0.0, 1.0, 4.0])
    ... except qsp.NonUniquenessError as error:
    ...     print(error.oscillator, round(error.time, 6), error.result.times.tolist())
    1 1.846154 [0.0, 1.0]
    >>> round(qsp.vanishing_time(1.0, [1.0, 0.3], theta2=0.5, alignment=0.0), 6)
    1.846154
    """


class UndefinedCentreError(OscillatorError):
    """Model 2 with alignment: an oscillator vanished and has no centre of mass.

    Examples
    --------
    >>> import warnings
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> h = qsp.heavy_tail_kernel(1.0)  # depends on the distance of the centres
    >>> model = qsp.SchrodingerLohe(
    ...     trap, coupling=1.0, variant="model2", alignment=0.5, kernel=h, theta=[1.5, 0.5]
    ... )
    >>> waves = [grid.gaussian(), -0.1 * grid.gaussian()]
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", qsp.UnstableSetWarning)
    ...     try:
    ...         qsp.slsolve(model, waves, [0.0, 0.1, 5.0])
    ...     except qsp.UndefinedCentreError as error:
    ...         print(error.reason, error.oscillator, error.result.times.tolist())
    oscillator vanished 1 [0.0, 0.1]
    """


class BlowUpError(OscillatorError):
    """The mass of an oscillator, or a correlation of two, grew beyond all bounds.

    Examples
    --------
    Functions with z_12=−2, which no states have; ∫w_ij grows without bound at t=ln 3:

    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> w = qsp.wigner_transform(grid.gaussian(), grid=grid)
    >>> start = np.array([[1.0, -2.0], [-2.0, 1.0]])[:, :, None, None] * w
    >>> try:
    ...     qsp.wlsolve(model, start, [0.0, 0.5, 5.0], options={"allow_unphysical": True})
    ... except qsp.BlowUpError as error:
    ...     print(round(error.time - np.log(3), 9), error.result.times.tolist())
    0.0 [0.0, 0.5]
    """


class AliasingError(SolverError):
    """The wave functions reached the edge of the box or the highest wave numbers of the grid.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> try:
    ...     qsp.slsolve(model, [grid.gaussian(6.0), grid.gaussian()], [0.0, 1.0])
    ... except qsp.AliasingError as error:
    ...     print(error.reason, error.time, str(error).partition("; ")[2])
    aliasing 0.0 take a longer box
    """


class AliasingWarning(QsyncplugWarning):
    """The wave functions come near the edge of the box or the highest wave numbers of the grid.

    Examples
    --------
    >>> import warnings
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     run = qsp.slsolve(model, [grid.gaussian(3.3), grid.gaussian()], [0.0, 1.0])
    >>> said[0].category.__name__
    'AliasingWarning'
    """


class GlobalExistenceWarning(QsyncplugWarning):
    """Model 1: nothing guarantees that every oscillator keeps a positive norm.

    Examples
    --------
    >>> import warnings
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> model = qsp.SchrodingerLohe(qutip.num(4), variant="model1", theta=[1.5, 0.5])
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     run = qsp.slsolve(model, [qutip.basis(4, 0), 0.9 * qutip.basis(4, 0)], [0.0, 0.1])
    >>> str(said[0].message).partition(":")[0]
    'Model 1 may lose an oscillator'
    """


class NormalizationWarning(QsyncplugWarning):
    """The mean of θ is not 1.

    Examples
    --------
    >>> import warnings
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     model = qsp.SchrodingerLohe(qutip.num(4), variant="model2", theta=[1.5, 1.5])
    >>> print(said[0].message)
    theta has mean 1.5, not 1: the squared norms tend to θ_j
    """


class UnstableSetWarning(QsyncplugWarning):
    """The initial state lies on, or very near, an unstable set: rounding decides what it tends
    to.

    Examples
    --------
    >>> import warnings
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> opposite = [qutip.basis(4, 1), -qutip.basis(4, 1)]
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     run = qsp.slsolve(qsp.SchrodingerLohe(qutip.num(4)), opposite, [0.0, 1.0])
    >>> "ζ=0 is an unstable equilibrium" in str(said[0].message)
    True
    """
