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
    >>> issubclass(qsp.PhaseSpaceError, Exception)
    True
    """

    def __init__(self, message: str, diagnostics: dict[str, float] | None = None):
        super().__init__(message)
        self.diagnostics = diagnostics or {}


class PhaseSpaceWarning(QsyncplugWarning):
    """A state barely fits its grid.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.PhaseSpaceWarning, UserWarning)
    True
    """
