"""What theorems say about a model and an initial state, and a check of each against a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.checks import check_integer
from ..core.entry import predictions
from ..core.predictions import Prediction, Predictions
from .coupling import critical_coupling, locked_state
from .criterion import synchronization_criterion
from .model import Circle
from .search import _half_circle_suffices, _span
from .stationary import _check_energy, energy, stability

__all__ = ["circle_predictions", "linear_growth"]

_DENSE = 400


def _statement(
    name: str,
    statement: str,
    source: str,
    limits: dict[str, Any] | None = None,
    rate: float | None = None,
    test: Callable[[Any], tuple[bool | None, str]] | None = None,
) -> Prediction:
    """A prediction of this family: `rate` is that at which the slowest deviation dies out,
    exp(−rate·t).
    """
    return Prediction(name, statement, source, limits=limits or {}, rate=rate, test=test)


@predictions.register(Circle)
def circle_predictions(model: Circle, x0: Any) -> Predictions:
    r"""Say what is known about the motion of a model from an initial state.

    Parameters
    ----------
    model : Circle
    x0 : (n,) array_like
        Positions.

    Returns
    -------
    Predictions
        Those theorems whose hypotheses hold, with limits and rates; ``.check(result)`` holds them
        against a run. Nothing is said where no theorem applies: a missing criterion does not mean
        that nothing synchronises.
    """
    x0 = model.positions(x0, "x0")
    makers = (
        _conservation,
        _ascent,
        _two_particles,
        _half_circle,
        _criterion,
        _three_clusters,
        _locking,
    )
    return Predictions(p for maker in makers for p in maker(model, x0))


# ---------------------------------------------------------------------- helpers


def _equal_frequencies(model: Circle) -> bool:
    return not isinstance(model.frequencies, np.ndarray) or np.ptp(model.frequencies) == 0


def _relaxation(model: Circle, n: int) -> float | None:
    """Slowest rate of the linearised motion at synchrony."""
    f = model.interaction
    if n == 1 or not f.decays:
        return None
    if model.adjacency is None and model.response is None and not callable(model.normalization):
        total = model.total_weight(n)
        if isinstance(model.normalization, str) and model.normalization == "attention":
            return model.coupling * f.slope / float(f.normaliser(0.0))
        g = model.divisors(n)
        if g is not None and np.ndim(g) == 0 and f.log_scale < 690:
            return model.coupling * total * f.slope * math.exp(f.log_scale) / float(np.asarray(g))
    if n > _DENSE or callable(model.normalization):
        return None
    values = np.sort(stability(model, np.zeros(n)).eigenvalues.real)[::-1]
    return float(-values[1])


def _positions(result: Any) -> np.ndarray | None:
    return getattr(result, "positions", None)


# ---------------------------------------------------------------------- theorems


def _conservation(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    q = model.conserved(x0.size)
    if q is None:
        return
    q = q / np.sum(q)
    omega = 0.0 if model.frequencies is None else float(np.sum(q * model.frequencies))
    start = float(q @ x0)

    def check(result: Any) -> tuple[bool | None, str]:
        x = _positions(result)
        if x is None:
            return None, "the positions were not stored"
        times = np.asarray(result.times)
        drift = float(np.max(np.abs(x @ q - start - omega * (times - times[0]))))
        return drift < 1e-7 * (1 + abs(start)), f"worst drift {drift:.2g}"

    yield _statement(
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
        _check_energy(model)
    except ValueError:
        return
    if not f.decays or f.log_scale > 690:
        return

    def check(result: Any) -> tuple[bool | None, str]:
        x = _positions(result)
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
        return worst >= -noise, f"largest decrease {max(0.0, -worst):.2g}, in {chosen.size} states"

    verb = "ascends" if model.coupling >= 0 else "descends"
    omega = 0.0 if model.frequencies is None else float(np.mean(model.frequencies))
    where = f", in the frame that rotates with the common frequency {omega:.9g}," if omega else ""
    yield _statement(
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
        or not _equal_frequencies(model)
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
        return 2 * np.arctan(np.tan((phi0 - turns) / 2) * np.exp(-rate * np.asarray(t))) + turns

    def check(result: Any) -> tuple[bool | None, str]:
        x = _positions(result)
        if x is None:
            return None, "the positions were not stored"
        times = np.asarray(result.times)
        error = float(np.max(np.abs(x[:, 0] - x[:, 1] - exact(times - times[0]))))
        return error < 1e-7, f"largest error of the phase difference {error:.2g}"

    yield _statement(
        "two particles",
        f"tan(φ/2) = {math.tan(phi0 / 2):.12g}·exp(−{rate:.6g}·t) for φ = x₁−x₂",
        "Kuramoto's model for n=2",
        {"difference": 0.0, "exact": exact},
        rate,
        check,
    )


def _half_circle(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    if not _equal_frequencies(model) or not _half_circle_suffices(model):
        return
    span = _span(x0)
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
        x = _positions(result)
        if x is None:
            return None, "the positions were not stored"
        spans = np.array([_span(row) for row in x])
        shrinks = bool(np.all(np.diff(spans) <= 1e-7))  # to the solver's tolerance
        found = f"diameter {spans[0]:.4g} → {spans[-1]:.4g}"
        if "position" in limit:
            away = float(np.max(np.abs(np.angle(np.exp(1j * (x[-1] - limit["position"]))))))
            return shrinks and away <= spans[
                -1
            ] + 1e-8, f"{found}, largest distance from the limit {away:.4g}"
        return shrinks, found

    yield _statement(
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
        or not _equal_frequencies(model)
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
        x = _positions(result)
        if x is None:
            return None, "the positions were not stored"
        span = _span(x[-1])
        if span < np.pi * (1 - 1e-9):
            return True, f"within an arc of {span:.4g} at the end"
        slow = (
            "; at large β the last clusters take a time of the order e^{2β}, see coalesce"
            if f.beta > 1
            else ""
        )
        return None, f"still around the circle at the end of the run{slow}"

    yield _statement(
        "global synchronisation",
        f"from almost every initial state all particles meet (ratio {criterion.ratio:.9g} ≥ 1)",
        "PRY Corollary 3.3, Theorems 2.3 and 6.2",
        {"order_parameter": 1.0, "diameter": 0.0},
        _relaxation(model, x0.size),
        check,
    )


def _three_clusters(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    f = model.interaction
    n = x0.size
    plain = (
        model.adjacency is None
        and model.phase_lag == 0
        and model.coupling > 0
        and model.weights is None
    )
    if (
        not plain
        or f.kind != "attention"
        or f.beta >= -2 / 3
        or n % 3
        or not _equal_frequencies(model)
    ):
        return
    yield _statement(
        "three clusters",
        f"three clusters of {n // 3} at equal distances are stable, so that not almost all initial "
        "states synchronise",
        "PRY Corollary 2.6",
    )


def _locking(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    f = model.interaction
    n = x0.size
    g = model.divisors(n)
    if (
        f.kind != "sine"
        or model.adjacency is not None
        or model.phase_lag != 0
        or _equal_frequencies(model)
    ):
        return
    if model.response is not None or g is None or np.ndim(g) != 0 or model.coupling <= 0:
        return
    coupling = model.coupling * model.total_weight(n) / float(np.asarray(g))
    threshold = critical_coupling(model.frequencies, weights=model.weights)
    source = "Mirollo and Strogatz (2005); Verwoerd and Mason (2008)"
    if coupling < threshold:

        def drifts(result: Any) -> tuple[bool | None, str]:
            x = _positions(result)
            if x is None:
                return None, "the positions were not stored"
            spread = float(np.ptp(x[-1] - x[0]) / (2 * np.pi))
            return (
                True if spread > 1 else None
            ), f"the particles drifted apart by {spread:.4g} turns"

        yield _statement(
            "no locking",
            f"K = {coupling:.9g} is below {threshold:.9g}: there is no phase-locked state",
            source,
            {},
            None,
            drifts,
        )
        return
    state = locked_state(model.frequencies, coupling, weights=model.weights)
    yield _statement(
        "locked state",
        f"K = {coupling:.9g} ≥ {threshold:.9g}: a stable phase-locked state exists, r = "
        f"{state.order_parameter:.9g}",
        source,
        {"order_parameter": state.order_parameter, "frequency": state.frequency},
    )
    span = _span(x0)
    spread = float(np.ptp(model.frequencies))
    if model.weights is None and span < np.pi and coupling * math.sin(span) > spread:
        relaxation = _locked_rate(model, state.positions) if n <= _DENSE else None

        def check(result: Any) -> tuple[bool | None, str]:
            r = float(np.asarray(result.order_parameter)[-1])
            error = abs(r - state.order_parameter)
            elapsed = float(result.times[-1] - result.times[0])
            expected = 10 * math.exp(-min(700.0, (relaxation or 0.0) * elapsed)) + 1e-7
            return (
                error <= expected
            ) or None, f"r = {r:.9g} at the end, {error:.2g} from the limit"

        yield _statement(
            "complete locking",
            f"all particles are within an arc D = {span:.6g} < π and K sin D > {spread:.6g}, the "
            "largest difference of "
            f"frequencies: they lock, r → {state.order_parameter:.9g}",
            "Ha, Ha and Kim, Physica D 239, 1692 (2010); Dörfler and Bullo, SIAM J. Appl. Dyn. "
            "Syst. 10, 1070 (2011)",
            {"order_parameter": state.order_parameter, "frequency": state.frequency},
            relaxation,
            check,
        )


def _locked_rate(model: Circle, x: np.ndarray) -> float:
    values = np.sort(stability(model, x).eigenvalues.real)[::-1]
    return float(-values[1])


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
    """
    n = check_integer("n", n, minimum=1)
    f = model.interaction
    if (
        model.adjacency is not None
        or model.phase_lag != 0
        or model.response is not None
        or not _equal_frequencies(model)
    ):
        raise ValueError(
            "linear_growth is for identical particles that all act on each other, without phase lag"
        )
    b = f.coefficients()
    k = np.arange(1, b.size + 1)
    if isinstance(model.normalization, str) and model.normalization == "attention":
        return model.coupling * k * b / 2 / f.normaliser_coefficients()[0]
    g = model.divisors(n)
    if g is None or np.ndim(g) != 0:
        raise ValueError("linear_growth needs a normalization that is the same for all particles")
    if f.log_scale > 690:
        raise ValueError(
            f"the forces of {f} have a factor e^{f.log_scale:.4g}, beyond floating point; take "
            "scaled=True"
        )
    return (
        model.coupling
        * model.total_weight(n)
        / float(np.asarray(g))
        * math.exp(f.log_scale)
        * k
        * b
        / 2
    )
