"""What is known about locking at different frequencies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.predictions import Prediction
from .coupling import LockedState, critical_coupling, locked_state
from .model import Circle
from .spans import span_of
from .statements import DENSE, equal_frequencies, positions_of, statement
from .stationary import stability

__all__ = ["locking_statements"]


#: sources of the threshold
_THRESHOLD = "Mirollo and Strogatz (2005); Verwoerd and Mason (2008)"


def locking_statements(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    """No locked state, a locked state, complete locking, for Kuramoto's model."""
    f = model.interaction
    n = x0.size
    g = model.divisors(n)
    if (
        f.kind != "sine"
        or model.adjacency is not None
        or model.phase_lag != 0
        or equal_frequencies(model)
    ):
        return
    if model.response is not None or g is None or np.ndim(g) != 0 or model.coupling <= 0:
        return
    coupling = model.coupling * model.total_weight(n) / float(np.asarray(g))
    threshold = critical_coupling(model.frequencies, weights=model.weights)
    if coupling < threshold:
        yield _no_locking(coupling, threshold)
        return
    state = locked_state(model.frequencies, coupling, weights=model.weights)
    yield statement(
        "locked state",
        f"K = {coupling:.9g} ≥ {threshold:.9g}: a stable phase-locked state exists, "
        f"r = {state.order_parameter:.9g}",
        _THRESHOLD,
        {"order_parameter": state.order_parameter, "frequency": state.frequency},
    )
    span, spread = span_of(x0), float(np.ptp(model.frequencies))
    if model.weights is None and span < np.pi and coupling * math.sin(span) > spread:
        yield _complete_locking(model, state, span, spread)


def _no_locking(coupling: float, threshold: float) -> Prediction:
    def drifts(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        spread = float(np.ptp(x[-1] - x[0]) / (2 * np.pi))
        return (True if spread > 1 else None), f"the particles drifted apart by {spread:.4g} turns"

    return statement(
        "no locking",
        f"K = {coupling:.9g} is below {threshold:.9g}: there is no phase-locked state",
        _THRESHOLD,
        {},
        None,
        drifts,
    )


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
