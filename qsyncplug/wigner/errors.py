"""Errors and warnings of phase-space arrays."""

from __future__ import annotations

from ..core.errors import QsyncplugWarning

__all__ = ["PhaseSpaceError", "PhaseSpaceWarning"]


class PhaseSpaceError(ValueError):
    """A state does not fit its grid: what would be computed is wrong.

    Attributes
    ----------
    diagnostics : dict
        Of :func:`phase_space_diagnostics`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> try:
    ...     qsp.wlsolve(model, [grid.gaussian(6.0), grid.gaussian()], [0.0, 0.1])
    ... except qsp.PhaseSpaceError as error:
    ...     print(str(error).partition("; ")[2], error.diagnostics["x"] > 0.1)
    take a larger length True
    """

    def __init__(self, message: str, diagnostics: dict[str, float] | None = None):
        super().__init__(message)
        self.diagnostics = diagnostics or {}


class PhaseSpaceWarning(QsyncplugWarning):
    """A state barely fits its grid.

    Examples
    --------
    >>> import warnings
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     run = qsp.wlsolve(model, [grid.gaussian(3.0), grid.gaussian()], [0.0, 0.1])
    >>> said[0].category.__name__
    'PhaseSpaceWarning'
    """
