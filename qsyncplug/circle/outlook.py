"""What is known about the reduced motions, populations and spheres."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_array, check_memory, check_number
from ..core.entry import predictions
from ..core.predictions import Prediction, Predictions
from .populations import Populations, cross_ratios
from .reduced import OttAntonsen
from .spheres import Sphere
from .statements import statement
from .thresholds import bimodal_threshold

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["lorentz_order_parameter"]

#: norm of the mean of points that have met
_MET = 1 - 1e-4


@predictions.register(OttAntonsen)
def _of_reduced(model: OttAntonsen, state0: Any) -> Predictions[Prediction]:
    """Statements about Ott and Antonsen's equations from the modes `state0`."""
    z = np.atleast_1d(np.asarray(state0, dtype=complex))
    return Predictions(_reduced(model, np.broadcast_to(z, (model.n,))))


def _reduced(model: OttAntonsen, z: np.ndarray) -> Iterator[Prediction]:
    plain = not (np.ndim(model.coupling) or np.ndim(model.phase_lag) or model.modulation)
    if not plain or np.any(model.widths <= 0):
        return
    k, lag = float(model.coupling), float(model.phase_lag)
    if model.triads is not None:
        if model.n == 1:
            yield _with_triads(k * math.cos(lag), sum(model.triads), model, abs(complex(z[0])) ** 2)
    elif model.n == 1:
        yield _one_lorentzian(k, lag, model, complex(z[0]))
    elif model.n == 2 and lag == 0 and k > 0:
        gap = abs(float(np.diff(model.centres)[0])) / 2
        alike = np.ptp(model.widths) == 0 and np.ptp(model.shares) == 0
        if alike:
            threshold, kind = bimodal_threshold(float(model.widths[0]), gap)
            verb = "is stable" if k < threshold else "is unstable"
            yield statement(
                "incoherence of two peaks",
                f"incoherence {verb}: K = {k:.9g}, and it ends at {threshold:.9g} ({kind})",
                "Martens et al., Phys. Rev. E 79, 026204 (2009)",
                {"threshold": threshold},
            )


def lorentz_order_parameter(
    times: ArrayLike, start: float, coupling: float, width: float, *, phase_lag: float = 0.0
) -> np.ndarray:
    r"""Return r(t) on Ott and Antonsen's manifold of one Lorentz distribution.

    Parameters
    ----------
    times : (T,) array_like
        Since the start.
    start : float
        r(0), from 0 to 1.
    coupling : float
        K.
    width : float
        Half width γ ≥ 0.
    phase_lag : float
        α.

    Returns
    -------
    (T,) array
        :math:`r^2=r_0^2e^{2σt}/(1+r_0^2κ(e^{2σt}-1)/2σ)`, κ=K cos α, σ=κ/2−γ (E. Ott, T. M.
        Antonsen, Chaos 18, 037113 (2008)).

    Raises
    ------
    ValueError, TypeError
        Numbers out of range.

    Examples
    --------
    >>> from qsyncplug.circle import lorentz_order_parameter
    >>> round(float(lorentz_order_parameter(2.0, 0.1, 3.0, 1.0)), 12)
    0.249009646708
    """
    t = check_array("times", times)
    check_memory("the order parameter", 48.0 * t.size, advice="ask for fewer times")
    r = check_number("start", start, minimum=0.0, maximum=1.0)
    lag = check_number("phase_lag", phase_lag)
    effective = check_number("coupling", coupling) * math.cos(lag)
    g = check_number("width", width, minimum=0.0)
    if np.any(t < 0):
        raise ValueError(f"times must not be negative, not {np.min(t):g}")
    growth = 0.5 * effective - g
    if r == 0 or (r == 1 and g == 0):
        return np.full(t.shape, r)
    # r⁻² = 1 + (r₀⁻²−1)e^{−2σt} + 2γ(1−e^{−2σt})/2σ: all terms positive, and none to overflow
    with np.errstate(over="ignore", under="ignore"):
        spent = abs(growth) * t
        half = np.exp(-0.5 * spent)
    rest = math.sqrt((1 - r) * (1 + r))
    lost = math.sqrt(2) * math.sqrt(g) * np.sqrt(_elapsed(spent, abs(growth), t))
    if growth > 0:
        part = half / math.sqrt(r)
        scale = np.maximum(part, 1.0)
        kept = np.hypot(1.0, lost) / scale
        return np.asarray(1 / scale / np.hypot(rest * part * (part / scale), kept))
    size = np.hypot(np.hypot(r * half * half, rest), r * lost)
    return np.asarray(r * half * (half / size))


def _elapsed(spent: np.ndarray, rate: float, t: np.ndarray) -> np.ndarray:
    """(1−e^{−2·rate·t})/(2·rate), t for rate 0."""
    if rate == 0:
        return t
    small = 2 * np.minimum(spent, 1.0)
    ratio = -np.expm1(-small) / np.where(small > 0, small, -1.0)
    early = t * np.where(small > 0, ratio, 1.0)
    return np.where(spent < 1, early, -np.expm1(-2 * np.maximum(spent, 1.0)) / 2 / rate)


def _one_lorentzian(k: float, lag: float, model: OttAntonsen, z: complex) -> Prediction:
    width = float(model.widths[0])
    growth = 0.5 * k * math.cos(lag) - width
    limit = math.sqrt(1 - 2 * width / (k * math.cos(lag))) if growth > 0 else 0.0
    start = abs(z)
    exact = partial(
        lorentz_order_parameter, start=min(start, 1.0), coupling=k, width=width, phase_lag=lag
    )

    def check(result: Any) -> tuple[bool | None, str]:
        times = np.asarray(result.times) - result.times[0]
        away = float(np.max(np.abs(np.asarray(result.order_parameter) - exact(times))))
        # to the tolerance of the run
        allowed = max(1e-7, 100 * float(result.options.get("rtol", 0.0)))
        return away < allowed, f"largest difference from the closed form {away:.2g}"

    frequency = float(model.centres[0]) - (math.tan(lag) * (k * math.cos(lag) - width))
    text = f"r → {limit:.9g}" if start > 0 or limit == 0 else "r stays 0, which is unstable"
    limits: dict[str, Any] = {"order_parameter": limit if start > 0 else 0.0, "exact": exact}
    if limit > 0 and start > 0:
        text += f", rotating with {frequency:.9g}"
        limits["frequency"] = frequency
    return statement(
        "closed form",
        f"{text}; r(t)² follows Bernoulli's equation with the growth rate {growth:.6g}",
        "Ott and Antonsen, Chaos 18, 037113 (2008)",
        limits,
        abs(2 * growth) if growth > 0 else -growth,
        check,
    )


def _with_triads(pairs: float, triads: float, model: OttAntonsen, start: float) -> Prediction:
    """The limit of u = r², which moves along a line: u̇ = 2u g(u)."""
    width = float(model.widths[0])

    def growth(u: float) -> float:
        return 0.5 * (1 - u) * (pairs + triads * u) - width

    roots = np.roots([-triads, triads - pairs, pairs - 2 * width])
    rest = sorted(float(u.real) for u in roots if abs(u.imag) < 1e-12 and 0 < u.real < 1)
    slope = growth(start)
    above = [u for u in rest if u > start]
    below = [u for u in rest if u < start]
    if start == 0 or abs(slope) < 1e-12 * (abs(pairs) + abs(triads) + width):
        limit = start
    else:
        limit = above[0] if slope > 0 else below[-1] if below else 0.0
    rate = width - 0.5 * pairs
    if limit > 0:
        rate = limit * (pairs - triads + 2 * triads * limit)
    stable = rate > 0
    r = math.sqrt(limit)
    text = f"r → {r:.9g}" if stable else f"r stays {r:.9g}, which is not stable"
    nearer = np.sign(slope) if limit != start else 0.0

    def check(result: Any) -> tuple[bool | None, str]:
        course = np.asarray(result.order_parameter)
        allowed = max(1e-7, 100 * float(result.options.get("rtol", 0.0)))
        away = abs(float(course[-1]) - r)
        found = f"r = {course[-1]:.9g} at the end, {away:.2g} from the limit"
        back = float(np.max(-nearer * np.diff(course), initial=0.0))
        if back > allowed:
            return False, f"{found}; r turns back by {back:.2g}"
        return (True if away < 1e-4 and stable else None), found

    return statement(
        "limit with triads",
        f"{text}; r² moves along a line, without turning back",
        "Skardal and Arenas, Commun. Phys. 3, 218 (2020)",
        {"order_parameter": r},
        rate if stable else None,
        check,
    )


@predictions.register(Populations)
def _of_populations(model: Populations, state0: Any) -> Predictions[Prediction]:
    """Constants of the motion of populations from the positions `state0`."""
    x = np.asarray(state0, dtype=float)
    return Predictions(_constants(model, x))


def _constants(model: Populations, x: np.ndarray) -> Iterator[Prediction]:
    starts = model.starts
    parts = [slice(a, b) for a, b in itertools.pairwise(starts) if b - a >= 4]
    if not parts:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        before = [cross_ratios(x[part]) for part in parts]

    def check(result: Any) -> tuple[bool | None, str]:
        # while the oscillators are apart: later the ratios are quotients of rounding
        rows = [row for row in result.positions if _apart(row, parts)]
        if not rows:
            return None, "oscillators of a population are together: the ratios are not resolved"
        worst = 0.0
        for row in rows:
            for part, ratio in zip(parts, before, strict=True):
                known = np.isfinite(ratio)
                change = np.abs(cross_ratios(row[part]) - ratio)[known] / (1 + np.abs(ratio[known]))
                worst = max(worst, float(np.max(change, initial=0.0)))
        return worst < 1e-4, f"largest change of a cross-ratio {worst:.2g}, in {len(rows)} states"

    count = sum(part.stop - part.start - 3 for part in parts)
    yield statement(
        "constants of the motion",
        f"{count} cross-ratios of the positions do not change",
        "Watanabe and Strogatz, Physica D 74, 197 (1994)",
        {},
        None,
        check,
    )


def _apart(x: np.ndarray, parts: list[slice]) -> bool:
    gaps = []
    for part in parts:
        sorted_ = np.sort(np.mod(x[part], 2 * np.pi))
        gaps.append(np.min(np.diff(sorted_, append=sorted_[0] + 2 * np.pi)))
    return bool(min(gaps) > 1e-6)


@predictions.register(Sphere)
def _of_sphere(model: Sphere, state0: Any) -> Predictions[Prediction]:
    """Clustering of particles on a sphere from the points `state0`."""
    x = np.asarray(state0)
    return Predictions(_clustering(model, x))


def _clustering(model: Sphere, x: np.ndarray) -> Iterator[Prediction]:
    if x.ndim != 2 or len(x) < 2 or model.coupling <= 0 or not model.alike:
        return
    if model.modulation is not None:
        return
    real = not np.iscomplexobj(x)
    attracts = model.beta >= 0 and model.polynomial is None
    if attracts and real and np.min(x @ np.mean(x, axis=0)) > 0:
        yield _meeting(
            "half sphere",
            "all points are in an open half sphere: they meet",
            "positive weights draw the outermost ones inwards; Geshkovski, Letrouit, Polyanskiy "
            "and Rigollet, arXiv:2312.10794",
        )
    if attracts and real and x.shape[1] >= 3:
        yield _meeting(
            "clustering",
            f"β = {model.beta:g} ≥ 0 on the sphere of R^{x.shape[1]}: from almost every initial "
            "state all points meet",
            "Markdahl, Thunberg and Gonçalves (2018) for β=0; Criscitiello, McRae, Rebjock, Boumal "
            "(2024)",
        )


def _meeting(name: str, text: str, source: str) -> Prediction:
    def check(result: Any) -> tuple[bool | None, str]:
        r = float(np.asarray(result.order_parameter)[-1])
        found = f"the mean of the points has norm {r:.9g} at the end"
        return (True if r > _MET else None), found

    return statement(name, text, source, {"order_parameter": 1.0}, None, check)
