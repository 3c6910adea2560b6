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
    >>> import qsyncplug as qsp
    >>> def fails(x):
    ...     raise ValueError("no such point")
    >>> try:
    ...     qsp.sweep(fails, {"x": [1.0, 2.0]})
    ... except qsp.SweepError as error:
    ...     print(error)
    ...     print(error.dataset["error"].values.tolist()[0])
    all 2 points failed, first at x=1: ValueError: no such point
    ValueError: no such point
    """

    def __init__(self, message: str, *, dataset: Any = None):
        super().__init__(message)
        self.dataset = dataset
