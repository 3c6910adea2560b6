"""Cumulant expansions in time, and steady states that are known by their moments."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..approximate.closed import node_quadratures
from ..approximate.closure_limits import lowest_variance
from ..approximate.cumulants import CumulantResult
from ..approximate.stationary import MomentState
from ..core.saved import kept
from ..operators.expression import Expression
from ..operators.system import System
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind, Quantum
from ..sync.reading import reader
from ._spectra import spectra_of
from .bosons import facts

__all__ = ["view_of_cumulants", "view_of_moment_state"]

#: variances below this share of the largest covariance are more than rounding
_ROUNDING = -1e-9


@reader.register(CumulantResult)
def view_of_cumulants(result: CumulantResult) -> SyncView:
    """Moments of a cumulant expansion, normal-ordered.

    Where the closure has broken down, so that a variance is negative, the amplitudes are all that
    is left.
    """
    system = result.model
    name = f"{system.name}, cumulants (order {result.stats.get('order', '?')})"
    dynamics = Dynamics(Kind.MOMENTS, **facts(system))
    notes = tuple(result.stats.get("neglected", ()))
    return _view(system, result.times, (result.mean, result.covariance), name, notes, dynamics)


@reader.register(MomentState)
def view_of_moment_state(state: MomentState) -> SyncView:
    """Moments of a steady state at one time, normal-ordered; spectra where they are exact."""
    system = state.system
    kind = "exact" if state.closure.exact else f"cumulants (order {state.closure.equations.order})"
    spectra = partial(spectra_of, system, None) if state.closure.exact else None
    dynamics = Dynamics(
        Kind.MOMENTS, **facts(system), quantum=Quantum(spectra=spectra, stationary=True)
    )

    def expectation(operator: Expression) -> np.ndarray:
        return np.array([state.expectation(operator)])

    found = node_quadratures(system, expectation)
    name = f"{system.name}, steady state, {kind}"
    return _view(system, np.zeros(1), found, name, state.neglected, dynamics)


def _view(
    system: System,
    times: np.ndarray,
    found: tuple[np.ndarray, np.ndarray],
    name: str,
    notes: tuple[str, ...],
    dynamics: Dynamics,
) -> SyncView:
    mean, covariance = found
    fields: dict[str, Any] = {"mean": mean, "covariance": covariance}
    missing = {"states": "moments are no states; run exactsolve, or steadystate without closure"}
    broken = _broken(times, covariance)
    if broken:
        del fields["covariance"]
        missing |= dict.fromkeys(("covariance", "masses", "correlations", "deviations"), broken)
        dynamics = Dynamics(
            Kind.MOMENTS, **facts(system), quantum=dynamics.quantum, flags=partial(_flag, broken)
        )
    about = About(
        physical=False,
        canonical=system.bosonic,
        system=name,
        labels=tuple(s.name for s in system.symbols),
        notes=notes,
        missing=missing,
        dynamics=dynamics,
    )
    return SyncView.of(times, fields, about=about)


def _broken(times: np.ndarray, covariance: np.ndarray) -> str:
    """Why the moments are those of no state; empty if the variances are not negative."""
    k, lowest = lowest_variance(covariance)
    if lowest >= _ROUNDING * (1 + float(np.abs(covariance).max())):
        return ""
    return (
        f"the closure has broken down: a variance is {lowest:.3g} at t={times[k]:g}. Start "
        "without amplitudes (in the symmetric state), or take a higher order"
    )


@kept()
def _flag(broken: str) -> tuple[str, ...]:
    return (broken,)
