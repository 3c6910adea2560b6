"""What is known about locking at different frequencies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse

from ..core.adjacency import no_common_frequency
from ..core.predictions import Prediction
from .coupling import LockedState, critical_coupling, locked_state
from .graphs import follow_locked
from .model import Circle
from .spans import span_of
from .statements import DENSE, equal_frequencies, positions_of, statement
from .stationary import stability

__all__ = ["locking_statements"]


#: sources of the threshold
_THRESHOLD = "Mirollo and Strogatz (2005); Verwoerd and Mason (2008)"
_NECESSARY = "|Ω−ω_i| is at most the sum of the strengths that act on i"


def locking_statements(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    """No locked state, a locked state, complete locking, for Kuramoto's model; on graphs too."""
    f = model.interaction
    n = x0.size
    g = model.divisors(n)
    if f.kind != "sine" or equal_frequencies(model) or g is None or model.coupling <= 0:
        return
    plain = model.adjacency is None and model.response is None and np.ndim(g) == 0
    if plain and model.phase_lag == 0:
        yield from _between_all(model, x0, model.total_weight(n) / float(np.asarray(g)))
    elif n <= DENSE:
        yield from _on_a_graph(model, n, np.asarray(g))


def _between_all(model: Circle, x0: np.ndarray, share: float) -> Iterator[Prediction]:
    """Between all, without a lag: the threshold is exact."""
    coupling = model.coupling * share
    threshold = critical_coupling(model.frequencies, weights=model.weights)
    if coupling < threshold:
        text = f"K = {coupling:.9g} is below {threshold:.9g}: there is no phase-locked state"
        yield _no_locking(text, _THRESHOLD)
        return
    state = locked_state(model.frequencies, coupling, weights=model.weights)
    yield statement(
        "locked state",
        f"K = {coupling:.9g} ≥ {threshold:.9g}: a stable phase-locked state exists, "
        f"r = {state.order_parameter:.9g}",
        _THRESHOLD,
        {"order_parameter": state.order_parameter, "frequency": state.frequency},
        None,
        partial(_reached, state.positions),
    )
    span, spread = span_of(x0), float(np.ptp(model.frequencies))
    if model.weights is None and span < np.pi and coupling * math.sin(span) > spread:
        yield _complete_locking(model, state, span, spread)


def _on_a_graph(model: Circle, n: int, divisors: np.ndarray) -> Iterator[Prediction]:
    """On a graph, or with a lag: what is necessary, and a state where one is found."""
    given: Any = np.ones((n, n)) if model.adjacency is None else model.adjacency
    matrix = np.array(given.toarray() if scipy.sparse.issparse(given) else given, dtype=float)
    if model.weights is not None:
        matrix = matrix * model.weights
    scale = model.coupling / (divisors * np.ones(n))
    if model.response is not None:
        scale = scale * model.response
    matrix = scale[:, None] * matrix
    lagged = matrix * np.exp(1j * model.phase_lag)
    conserved = model.conserved(n) if model.phase_lag == 0 else None
    why = no_common_frequency(lagged, model.frequencies, conserved)
    if why:
        yield _no_locking(f"there is no phase-locked state: {why}", _NECESSARY)
        return
    try:
        _, frequency, phases = follow_locked(
            matrix, model.frequencies, phase_lag=model.phase_lag, coupling=1.0
        )
    except (ValueError, np.linalg.LinAlgError):
        return
    weight = np.ones(n) if model.weights is None else model.weights
    r = float(np.abs(np.sum(weight * np.exp(1j * phases)) / np.sum(weight)))
    yield statement(
        "locked state",
        f"a stable phase-locked state exists, r = {r:.9g}, turning at {frequency:.9g}",
        "continued from equal frequencies; on trees the threshold is that of Dörfler, Chertkov "
        "and Bullo (2013)",
        {"order_parameter": r, "frequency": frequency},
        None,
        partial(_reached, phases),
    )


def _reached(phases: np.ndarray, result: Any) -> tuple[bool | None, str]:
    """Whether the particles stand as in the locked state at the end."""
    x = positions_of(result)
    if x is None:
        return None, "the positions were not stored"
    z = np.exp(1j * (x[-1] - phases))
    off = float(np.max(np.abs(z / np.mean(z) - 1))) if abs(np.mean(z)) > 0.5 else math.inf
    if off < 1e-6:
        return True, f"relative positions within {off:.1e} of the locked state"
    return None, "not at this locked state at the end"


def _no_locking(text: str, source: str) -> Prediction:
    def drifts(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        # in the later half: on the way to a locked state particles may slip too
        spread = float(np.ptp(x[-1] - x[len(x) // 2]) / (2 * np.pi))
        found = f"particles drift apart by {spread:.4g} turns in the later half"
        return (True if spread > 1 else None), found

    return statement("no locking", text, source, {}, None, drifts)


def _complete_locking(model: Circle, state: LockedState, span: float, spread: float) -> Prediction:
    relaxation = None
    if state.positions.size <= DENSE:
        values = np.sort(stability(model, state.positions).eigenvalues.real)[::-1]
        relaxation = float(-values[1])

    def check(result: Any) -> tuple[bool | None, str]:
        r = float(np.asarray(result.order_parameter)[-1])
        error = abs(r - state.order_parameter)
        elapsed = float(result.times[-1] - result.times[0])
        expected = 10 * math.exp(-min(700.0, (relaxation or 0.0) * elapsed)) + 1e-7
        found = f"r = {r:.9g} at the end, {error:.2g} from the limit"
        if expected > 1e-3:
            return None, f"{found}: the run is too short"
        return (error <= expected) or None, found

    return statement(
        "complete locking",
        f"all particles are within an arc D = {span:.6g} < π and K sin D > {spread:.6g}, the "
        f"largest difference of frequencies: they lock, r → {state.order_parameter:.9g}",
        "Ha, Ha and Kim, Physica D 239, 1692 (2010); Dörfler and Bullo, SIAM J. Appl. Dyn. "
        "Syst. 10, 1070 (2011)",
        {"order_parameter": state.order_parameter, "frequency": state.frequency},
        relaxation,
        check,
    )
