"""The solvers that serve several kinds of model: each kind registers how it is run."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

__all__ = ["exactsolve", "mfsolve", "predictions", "steadystate"]


def _unknown(function: str, model: Any) -> TypeError:
    return TypeError(f"{function} does not know a {type(model).__name__}; give it a model of this package, such as ModeSystem")


@singledispatch
def exactsolve(system: Any, state0: Any, tlist: Any, **kw: Any) -> Any:
    """Exact evolution of a model with QuTiP.

    See Also
    --------
    qsyncplug.bosons.exact.exactsolve_modes : boson models
    """
    raise _unknown("exactsolve", system)


@singledispatch
def mfsolve(system: Any, beta0: Any, tlist: Any, **kw: Any) -> Any:
    """Mean field and covariance of a model.

    See Also
    --------
    qsyncplug.bosons.meanfield.mfsolve_modes : boson models
    """
    raise _unknown("mfsolve", system)


@singledispatch
def steadystate(system: Any, **kw: Any) -> Any:
    """Exact steady state of a model.

    See Also
    --------
    qsyncplug.bosons.steady.steadystate_modes : boson models
    """
    raise _unknown("steadystate", system)


@singledispatch
def predictions(model: Any, state0: Any, **kw: Any) -> Any:
    """Theorems whose hypotheses hold for a model and an initial state, with limits and rates."""
    raise _unknown("predictions", model)
