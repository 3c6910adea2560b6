"""From many particles to one: metastable clusters and their merging, in logarithmic time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.checks import check_memory, check_number
from ..core.options import DEFAULTS, complete_options
from .merging import Merging, StationaryError, WidthError
from .model import Circle, check_circle
from .tree import CoalesceResult

__all__ = ["StationaryError", "WidthError", "coalesce"]

_OPTIONS = {
    key: DEFAULTS[key] for key in ("method", "atol", "rtol", "nsteps", "time_limit", "num_threads")
}


def coalesce(
    model: Circle,
    state0: Any,
    *,
    gap: float = 1e-8,
    contraction: float = 0.3,
    options: dict[str, Any] | None = None,
) -> CoalesceResult:
    r"""Follow identical particles until all have merged into one, however long it takes.

    Attention at large β has metastable clusters that merge at times like :math:`e^{2β}`. Neighbours
    closer than `gap` become one particle with the sum of their weights at their weighted mean,
    which the weighted model represents exactly up to terms of the order of `gap` squared; time is
    kept as its logarithm, and where forces are exponentially small their largest exponent is taken
    out.

    Two clusters merge at the instant from which all particles of both lie within an arc of `gap`
    (and, where the field does not contract there yet, from which it does): what has merged before
    counts with the width that it still has.

    Parameters
    ----------
    model : Circle
        Identical particles (weights may differ), attraction at short distance, no lag, no
        adjacency. A common frequency turns
        the angles of the result (see :attr:`CoalesceResult.frame`).
    state0 : (n,) array_like
        Positions.
    gap : float
        Distance at which neighbours merge.
    contraction : float
        Neighbours merge only where the field contracts, :math:`\sum_jc_jf'(x_i-x_j)` at least this
        part of what the particles nearby could give.
    options : dict, optional
        ``rtol, atol, nsteps, time_limit, num_threads`` as in :class:`CircleSolver`.

    Returns
    -------
    CoalesceResult
        The tree of merges.

    Raises
    ------
    ValueError, TypeError
        Bad input; a model in which merging is not exact: different frequencies, an adjacency,
        different responses or divisors, a phase lag; no attraction.
    WidthError
        The certificate failed: the virtual width δ of a merged particle, :math:`\dot δ=-χ'(x_c)δ`,
        has grown beyond `gap`.
    StationaryError
        The particles stand still without being together (e.g. a regular polygon), or come to a
        stable state like those at β<−2/3; `reason` is "balanced" or "stable", `result` has the
        positions.
    StepLimitError, TimeLimitError, StepSizeError
        Limits; each carries the partial result and `time` = ln t.

    Notes
    -----
    Resolution of the merge times: with up to 300 particles, those of an event on the dense output,
    `rtol` and the resolution of the positions, an error of about :math:`10^{-15}/\mathrm{gap}` in
    the logarithm of a distance. With more, by cubic Hermite interpolation of that logarithm within
    the accepted step: better than 5e-5 in ln t. Pairs that are within `gap` where the field begins
    to contract only later are placed by linear interpolation of the contraction.

    Times are in the units of the model: (T1) with its factor :math:`e^{β}`, ``"sum"`` with its
    factor n. For ``attention(beta, scaled=True)`` with ``"mean"`` the last merge of n uniform
    particles is at :math:`t≈e^{2β}`.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import Circle, attention, coalesce
    >>> run = coalesce(Circle(attention(20.0), "mean"), np.linspace(0, 6, 50) ** 1.01)
    >>> run.complete, int(run.cluster_counts[-1])
    (True, 1)
    """
    return prepare(model, state0, gap=gap, contraction=contraction, options=options).run()


def prepare(
    model: Circle,
    state0: Any,
    *,
    gap: float = 1e-8,
    contraction: float = 0.3,
    options: dict[str, Any] | None = None,
    until: Callable[[np.ndarray], bool] | None = None,
) -> Merging:
    """Check the arguments of :func:`coalesce`; the run may also stop where ``until(x)`` holds."""
    gap = check_number("gap", gap, minimum=1e-13, maximum=1e-3)
    contraction = check_number("contraction", contraction, maximum=1.0)
    if options is not None and isinstance(options, Mapping):
        options = dict(options)
    complete = complete_options(options, _OPTIONS, ("dop853",))
    check_circle(model)
    x0 = model.positions(state0, "state0")
    unit = _check_model(model, x0.size)
    check_memory("coalesce", 8.0 * 60 * x0.size, advice="take fewer particles")
    return Merging(model, x0, unit, gap, contraction, complete, until)


def _check_model(model: Circle, n: int) -> float:
    """Return the logarithm of the factor between the velocity and that of unit total weight and
    scaled force.
    """
    reasons = [f"{name}" for name in model.extras]
    if model.adjacency is not None:
        reasons.append("an adjacency")
    if isinstance(model.frequencies, np.ndarray) and np.ptp(model.frequencies) != 0:
        reasons.append("different frequencies")
    if model.phase_lag != 0:
        reasons.append("a phase lag")
    if model.response is not None and np.ptp(model.response) != 0:
        reasons.append("different responses")
    g = model.normalization
    if callable(g) or (isinstance(g, np.ndarray) and np.ptp(g) != 0):
        reasons.append("different divisors")
    if reasons:
        raise ValueError(
            "coalesce needs identical particles, for which merging is exact; the model has "
            f"{', '.join(reasons)}"
        )
    force = model.interaction
    if not force.decays:
        raise ValueError(f"coalesce needs an interaction with a sine series, which {force} has not")
    if not (model.coupling > 0 and force.slope > 0):
        slope = model.coupling * force.slope
        raise ValueError(f"coalesce needs attraction, coupling·f'(0) > 0, not {slope:g}")
    result = math.log(model.coupling)
    if model.response is not None:
        result += math.log(model.response[0])
    if isinstance(g, str) and g == "attention":
        return result
    divisor: Any = model.divisors(n)
    return result + force.log_scale + math.log(model.total_weight(n)) - math.log(np.max(divisor))
