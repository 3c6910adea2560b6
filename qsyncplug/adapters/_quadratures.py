"""Views of results that hold the mean and the covariance of quadratures."""

from __future__ import annotations

from typing import Any

from ..sync import About, SyncView

__all__ = ["view_of_moments"]


def view_of_moments(
    result: Any,
    *,
    states: Any = None,
    subsystems: Any = None,
    why: str,
    fields: dict[str, Any] | None = None,
    **about: Any,
) -> SyncView:
    """Mean and covariance as they are: approximations need not have those of a state.

    Parameters
    ----------
    result : Result
        With ``mean`` (T, 2N), ``covariance`` (T, 2N, 2N) and what its run neglected.
    states, subsystems : optional
        Of the view.
    why : str
        Why there are no states, or how to get them.
    fields : dict, optional
        Further fields of the view, instead of those that follow from mean and covariance.
    **about
        Fields of :class:`About`.
    """
    notes = (*result.stats.get("neglected", ()), *about.pop("notes", ()))
    return SyncView.of(
        result.times,
        {"mean": result.mean, "covariance": result.covariance, **(fields or {})},
        states=states,
        subsystems=subsystems,
        about=About(physical=False, notes=notes, missing={"states": why}, **about),
    )
