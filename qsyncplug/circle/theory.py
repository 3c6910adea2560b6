"""What theorems say about a model and an initial state, and a check of each against a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.checks import check_integer
from ..core.entry import predictions
from ..core.predictions import Prediction, Predictions
from .criterion import synchronization_criterion
from .graphtheory import graph_statements
from .locking import locking_statements
from .model import Circle, check_circle, refuse_extras
from .motion import extra_statements, positions_in
from .moving import moving_statements
from .spans import half_circle_suffices, span_of
from .statements import DENSE, equal_frequencies, positions_of, statement
from .stationary import check_energy, energy, stability
from .triangles import three_cluster_range, three_cluster_sizes

__all__ = ["linear_growth"]


@predictions.register(Circle)
def _predictions(model: Circle, state0: Any) -> Predictions[Prediction]:
    """Theorems about a model on the circle that hold from the positions `state0`, (n,)."""
    x0 = positions_in(model, state0)
    if model.extras:
        v0 = np.asarray(state0[1], dtype=float) if np.ndim(state0) == 2 else None
        rows = (*extra_statements(model, x0), *moving_statements(model, x0, v0))
        return Predictions(iter(rows))
    makers = (
        _conservation,
        _ascent,
        _two_particles,
        _half_circle,
        _criterion,
        _three_clusters,
        locking_statements,
        graph_statements,
    )
    return Predictions(p for maker in makers for p in maker(model, x0))


#: arc below which particles have met
_MET = 1e-2


# ---------------------------------------------------------------------- helpers


def _relaxation(model: Circle, n: int) -> float | None:
    """Slowest rate of the linearised motion at synchrony."""
    f = model.interaction
    if n == 1 or not f.decays:
        return None
    if model.adjacency is None and model.response is None and not callable(model.normalization):
        total = model.total_weight(n)
        if isinstance(model.normalization, str) and model.normalization == "attention":
            return float(model.coupling * f.slope / float(f.normaliser(0.0)))
        g = model.divisors(n)
        if g is not None and np.ndim(g) == 0 and f.log_scale < 690:
            strength = total * f.slope * math.exp(f.log_scale)
            return float(model.coupling * strength / float(np.asarray(g)))
    if n > DENSE or callable(model.normalization):
        return None
    values = np.sort(stability(model, np.zeros(n)).eigenvalues.real)[::-1]
    return float(-values[1])


# ---------------------------------------------------------------------- theorems


def _conservation(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    q = model.conserved(x0.size)
    if q is None:
        return
    q = q / np.sum(q)
    omega = 0.0 if model.frequencies is None else float(np.sum(q * model.frequencies))
    start = float(q @ x0)

    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        times = np.asarray(result.times)
        drift = float(np.max(np.abs(x @ q - start - omega * (times - times[0]))))
        return drift < 1e-7 * (1 + abs(start)), f"worst drift {drift:.2g}"

    yield statement(
        "conserved mean",
        f"the mean of the unwrapped positions with weights c·g/r is {start:.12g} + {omega:.6g}·t",
        "action equals reaction; PRY Corollary 6.4 has the weights w2/w1",
        {"mean": start, "frequency": omega},
        None,
        check,
    )


def _ascent(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    f = model.interaction
    try:
        check_energy(model)
    except ValueError:
        return
    if not f.decays or f.log_scale > 690:
        return

    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        # a few states suffice where each is dear
        count = max(2, min(40, 4_000_000 // x0.size))
        chosen = np.unique(np.linspace(0, len(x) - 1, count).astype(int))
        values = np.array([energy(model, row) for row in x[chosen]]) * math.copysign(
            1.0, model.coupling
        )
        total = (
            model.total_weight(x0.size) ** 2
            if model.adjacency is None
            else float(abs(model.adjacency).sum())
        )
        noise = 1e-13 * max(total * f.peak * math.exp(f.log_scale), float(np.max(np.abs(values))))
        worst = float(np.min(np.diff(values), initial=0.0))
        if worst < -noise:
            return False, f"it falls by {-worst:.2g}"
        rise = float(values[-1] - values[0])
        if rise <= noise:
            return None, "at rest: the energy does not change"
        return True, f"it rises by {rise:.4g}, never falling, in {chosen.size} states"

    verb = "ascends" if model.coupling >= 0 else "descends"
    omega = 0.0 if model.frequencies is None else float(np.mean(model.frequencies))
    where = f", in the frame that rotates with the common frequency {omega:.9g}," if omega else ""
    yield statement(
        "energy",
        f"the motion {verb} the energy, so it converges{where} to a stationary state",
        "PRY section 4",
        {},
        None,
        check,
    )


def _two_particles(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    f = model.interaction
    g = model.divisors(2) if x0.size == 2 else None
    if (
        x0.size != 2
        or f.kind != "sine"
        or g is None
        or model.phase_lag != 0
        or not equal_frequencies(model)
    ):
        return
    if model.adjacency is not None:
        return
    c = np.ones(2) if model.weights is None else model.weights
    r = np.ones(2) if model.response is None else model.response
    divisor = np.ones(2) * np.asarray(g)
    rate = float(model.coupling * (r[0] * c[1] / divisor[0] + r[1] * c[0] / divisor[1]))
    phi0 = float(x0[0] - x0[1])

    def exact(t: Any) -> np.ndarray:
        turns = 2 * np.pi * np.round(phi0 / (2 * np.pi))
        return np.asarray(
            2 * np.arctan(np.tan((phi0 - turns) / 2) * np.exp(-rate * np.asarray(t))) + turns
        )

    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        times = np.asarray(result.times) - result.times[0]
        away = x[:, 0] - x[:, 1] - exact(times)
        # next to the antipodal state rounding decides on which side they meet
        error = float(np.max(np.abs(np.angle(np.exp(1j * away)))))
        tan2 = math.tan(phi0 / 2) ** 2
        growth = np.exp(np.clip(-rate * times, -700, 700))
        sensitivity = float(np.max(growth * (1 + tan2) / (1 + tan2 * growth**2)))
        allowed = 1e-7 + 1e-12 * (1 + abs(phi0)) * sensitivity
        # closer than a solver's tolerance: neither the side nor the time to leave is known
        hidden = abs(math.cos(phi0 / 2)) < 1e-10 * (1 + abs(phi0))
        if allowed > 1e-2 or hidden:
            return None, "rounding decides: the difference starts too close to the unstable state"
        if error >= allowed:
            return False, f"the phase difference is off by {error:.2g}"
        other = np.abs(np.exp(1j * exact(0.9 * times)) - np.exp(1j * exact(times)))
        if np.max(other) < 10 * allowed:
            return None, "the outputs do not tell one coupling from another"
        return True, f"largest error of the phase difference {error:.2g}"

    yield statement(
        "two particles",
        f"tan(φ/2) = {math.tan(phi0 / 2):.12g}·exp(−{rate:.6g}·t) for φ = x₁−x₂",
        "Kuramoto's model for n=2",
        {"difference": 0.0, "exact": exact},
        rate,
        check,
    )


def _half_circle(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    if not equal_frequencies(model) or not half_circle_suffices(model):
        return
    span = span_of(x0)
    if span >= np.pi * (1 - 1e-12) or x0.size < 2:
        return
    limit: dict[str, Any] = {"order_parameter": 1.0, "diameter": 0.0}
    # the positions lifted to the arc, from its middle particle on
    reference = float(np.angle(np.sum(np.exp(1j * x0))))
    lifted = reference + np.angle(np.exp(1j * (x0 - reference)))
    q = model.conserved(x0.size)
    where = ""
    if q is not None and not np.any(
        model.frequencies or 0.0 if np.ndim(model.frequencies) == 0 else model.frequencies
    ):
        limit["position"] = float(q @ lifted / np.sum(q) % (2 * np.pi))
        where = f" at {limit['position']:.12g}"

    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        spans = np.array([span_of(row) for row in x])
        shrinks = bool(np.all(np.diff(spans) <= 1e-7))  # to the solver's tolerance
        found = f"diameter {spans[0]:.4g} → {spans[-1]:.4g}"
        if "position" in limit:
            away = float(np.max(np.abs(np.angle(np.exp(1j * (x[-1] - limit["position"]))))))
            shrinks = shrinks and away <= spans[-1] + 1e-8
            found += f", largest distance from the limit {away:.4g}"
        if not shrinks:
            return False, found
        # what only shrinks may still stop: they meet is seen where they have met
        met = spans[-1] < _MET and spans[-1] < 0.5 * spans[0] + 1e-9
        return (True, found) if met else (None, f"{found}: not met yet")

    yield statement(
        "half circle",
        f"all particles are within an arc of {span:.6g} < π: the arc shrinks and they meet{where}",
        "the outermost particles move inwards, as F>0 on (0, π)",
        limit,
        _relaxation(model, x0.size),
        check,
    )


def _criterion(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    f = model.interaction
    if (
        model.adjacency is not None
        or model.phase_lag != 0
        or model.coupling <= 0
        or not equal_frequencies(model)
    ):
        return
    if not f.decays or x0.size < 2:
        return
    # with gaps of π excluded where that is proved
    criterion = synchronization_criterion(f)
    if not criterion.certified:
        criterion = synchronization_criterion(f, 2 * np.pi)
    if not criterion.certified:
        return

    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        span = span_of(x[-1])
        if span < _MET:
            return True, f"within an arc of {span:.4g} at the end"
        if span < np.pi * (1 - 1e-9):
            return (
                None,
                f"not met yet: within an arc of {span:.4g} < π at the end, which only shrinks",
            )
        if x0.size <= DENSE:
            state = stability(model, x[-1])
            if state.stable and state.stationary:
                return False, "at a stable state in which the particles are not together"
        slow = (
            "; at large β the last clusters take a time of the order e^{2β}, see coalesce"
            if f.beta > 1
            else ""
        )
        return None, f"still around the circle at the end of the run{slow}"

    half = criterion.max_gap < 6
    source = "PRY Corollary 3.3 with Remark 3.4 (M = π)" if half else "PRY Theorems 2.1 and 2.3"
    if model.weights is not None or model.response is not None:
        source += ", Theorem 6.2 (which concludes for S4, not S2)"

    yield statement(
        "global synchronisation",
        f"from almost every initial state all particles meet (ratio {criterion.ratio:.9g} ≥ 1)",
        source,
        {"order_parameter": 1.0, "diameter": 0.0},
        _relaxation(model, x0.size),
        check,
    )


def _three_clusters(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    f = model.interaction
    plain = (
        model.adjacency is None
        and model.phase_lag == 0
        and model.coupling > 0
        and model.weights is None
        and model.response is None
    )
    g = model.normalization
    plain = plain and not callable(g) and not isinstance(g, np.ndarray)
    if not plain or f.kind != "attention" or f.beta < -300 or not equal_frequencies(model):
        return
    sizes = three_cluster_sizes(f.beta, x0.size)
    if not sizes:
        return
    n0, n1, _ = sizes[0]
    angle = three_cluster_range(f.beta).angle(n0 / n1)
    yield statement(
        "three clusters",
        f"clusters of {n0}, {n1} and {n1} particles at 0 and ±{angle:.9g} are stable, "
        "so that not almost all initial states synchronise",
        "PRY Corollary 2.6, here with the exact range of sizes (three_cluster_range)",
        {"sizes": sizes[0], "angle": angle},
    )


def linear_growth(model: Circle, n: int = 1) -> np.ndarray:
    r"""Growth rates of density waves on the uniform state, for many particles.

    Parameters
    ----------
    model : Circle
        Without adjacency, lag and frequencies, with a constant normalisation or "attention".
    n : int
        Number of particles, which enters the rates for ``normalization="sum"``.

    Returns
    -------
    ndarray of shape (K,)
        σ_k of a wave :math:`e^{ikx}`, k = 1 …: :math:`κ(C/g)kb_k/2`, with C the sum of the weights
        and b_k the physical coefficients; with "attention" g = C I₀(β).

    Raises
    ------
    ValueError
        The model is of another kind.

    Notes
    -----
    From :math:`∂_tμ=-∂_x(μv)`, :math:`v=-\int F(x-y)μ(dy)`. For the attention the fastest wave is
    near √(2β).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> qsp.linear_growth(model, 2).shape
    (1,)
    """
    n = check_integer("n", n, minimum=1)
    f = check_circle(model).interaction
    refuse_extras(model, "growth rates here")
    if (
        model.adjacency is not None
        or model.phase_lag != 0
        or model.response is not None
        or not equal_frequencies(model)
    ):
        raise ValueError(
            "linear_growth is for identical particles that all act on each other, without phase lag"
        )
    b = f.coefficients()
    k = np.arange(1, b.size + 1)
    if isinstance(model.normalization, str) and model.normalization == "attention":
        return np.asarray(model.coupling * k * b / 2 / f.normaliser_coefficients()[0])
    g = model.divisors(n)
    if g is None or np.ndim(g) != 0:
        raise ValueError("linear_growth needs a normalization that is the same for all particles")
    if f.log_scale > 690:
        raise ValueError(
            f"the forces of {f} have a factor e^{f.log_scale:.4g}, beyond floating point; take "
            "scaled=True"
        )
    return np.asarray(
        model.coupling
        * model.total_weight(n)
        / float(np.asarray(g))
        * math.exp(f.log_scale)
        * k
        * b
        / 2
    )
