"""Integrals as exact as rounding lets them be."""

from __future__ import annotations

from collections.abc import Callable

import scipy.integrate

from ..core.errors import QsyncplugWarning, warn

__all__ = ["integral"]

#: an error that is so many times what was asked for is no matter of rounding
_TOLD = 1e5


def integral(
    integrand: Callable[[float], float],
    low: float,
    high: float,
    *,
    absolute: float,
    relative: float = 1e-13,
    points: list[float] | None = None,
) -> float:
    """Integrate from `low` to `high` (which may be infinite).

    QUADPACK warns as soon as it cannot reach what it is asked for; asked for rounding it does so
    at an error of 1e-12 too. A warning is given here where its estimate is worse by `_TOLD`.
    """
    value, error = scipy.integrate.quad(
        integrand,
        low,
        high,
        epsabs=absolute,
        epsrel=relative,
        limit=400,
        points=points,
        full_output=True,
    )[:2]
    if not error <= _TOLD * max(absolute, relative * abs(value)):
        warn(
            f"an integral from {low:.6g} to {high:.6g} is known to {error:.1e} only: "
            "the distribution or function is too ragged",
            QsyncplugWarning,
        )
    return float(value)
