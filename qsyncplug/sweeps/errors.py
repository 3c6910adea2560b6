"""What can end a sweep before its last point."""

from __future__ import annotations

from typing import Any

__all__ = ["SweepError"]


class SweepError(RuntimeError):
    """A sweep had to stop; the same call goes on where it stopped.

    Parameters
    ----------
    message : str
        What happened and what to do about it.
    dataset : xarray.Dataset, optional
        Everything that was finished.

    Attributes
    ----------
    dataset : xarray.Dataset or None
        As given.

    Examples
    --------
    >>> from qsyncplug.sweeps import SweepError
    >>> try:
    ...     raise SweepError("a worker died")
    ... except SweepError as error:
    ...     print(error, error.dataset)
    a worker died None
    """

    def __init__(self, message: str, *, dataset: Any = None):
        super().__init__(message)
        self.dataset = dataset
