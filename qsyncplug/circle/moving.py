"""What is known about particles with inertia, triads, or a coupling that changes with time."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.predictions import Prediction
from .model import Circle
from .spans import span_of
from .statements import NOT_STORED, equal_frequencies, positions_of, statement

__all__ = ["moving_statements"]

#: together, and near enough for the linearised motion
_MET, _NEAR = 1e-4, 1e-2


def moving_statements(
    model: Circle, x0: np.ndarray, velocities: np.ndarray | None
) -> Iterator[Prediction]:
    """Conserved momentum, and the stability of synchrony."""
    yield from _momentum(model, x0, velocities)
    yield from _synchrony(model, x0, velocities)


def _momentum(model: Circle, x0: np.ndarray, v0: np.ndarray | None) -> Iterator[Prediction]:
    if not set(model.extras) <= {"inertia", "modulation"}:
        return
    q = replace(model, inertia=None, modulation=None).conserved(x0.size)
    if q is None:
        return
    q = q / np.sum(q)
    heavy = 0.0 if model.inertia is None else q * model.inertia
    omega = 0.0 if model.frequencies is None else float(np.sum(q * model.frequencies))
    start = float(q @ x0) + (0.0 if v0 is None else float(np.sum(heavy * v0)))

    def check(result: Any) -> tuple[bool | None, str]:
        x, v = positions_of(result), getattr(result, "velocities", None)
        if x is None or (model.inertia is not None and v is None):
            return NOT_STORED
        times = np.asarray(result.times)
        total = x @ q + (0.0 if v is None else np.sum(heavy * v, axis=1))
        drift = float(np.max(np.abs(total - start - omega * (times - times[0]))))
        return drift < 1e-7 * (1 + abs(start)), f"worst drift {drift:.2g}"

    what = "positions" if model.inertia is None else "positions + inertia × velocities"
    yield statement(
        "conserved momentum",
        f"the mean of {what} with weights c·g/r is {start:.12g} + {omega:.6g}·t",
        "action equals reaction, whatever the coupling of the moment",
        {"mean": start, "frequency": omega},
        None,
        check,
    )


def _stiffness(model: Circle, n: int) -> float | None:
    """Rate at which a deviation from synchrony is pulled back; None where they differ."""
    divisor = model.divisors(n)
    alike = model.response is None and divisor is not None and np.ptp(divisor) == 0
    everywhere = model.adjacency is None and equal_frequencies(model)
    known = set(model.extras) <= {"inertia", "triads"} and not isinstance(model.inertia, np.ndarray)
    if n < 2 or model.interaction.kind != "sine" or not (alike and everywhere and known):
        return None
    pairs = model.coupling * model.total_weight(n) / float(np.max(np.asarray(divisor)))
    return float(pairs * math.cos(model.phase_lag) + sum(model.triads or (0.0,)))


def _synchrony(model: Circle, x0: np.ndarray, v0: np.ndarray | None) -> Iterator[Prediction]:
    pull = _stiffness(model, x0.size)
    if pull is None or pull == 0:
        return
    rate = pull
    if model.inertia is not None:
        root = cmath.sqrt(1 - 4 * model.inertia * pull)
        rate = float((1 - root.real) / (2 * model.inertia))
    span = span_of(x0)

    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return NOT_STORED
        ends = [span_of(row) for row in x[-2:]]
        found = f"an arc of {span:.4g} → {ends[-1]:.4g}"
        if span < 1e-7:
            return None, f"{found}: together from the beginning"
        met = max(ends) < min(_MET, _MET * span) and ends[-1] <= ends[0]
        if met and pull < 0:
            return False, found
        if met:
            return _falls_at(rate, x, np.asarray(result.times), found)
        # near, and set out from rest: it cannot go on to open
        parts = pull > 0 and v0 is None and span < _NEAR and ends[-1] > 2 * span
        return (False if parts else None), found

    verb = "is stable" if pull > 0 else "is unstable"
    yield statement(
        "synchrony",
        f"all together {verb}: the slowest deviation changes like exp({-rate:.9g}·t)",
        "linearised motion; every deviation from the mean has the stiffness "
        f"K cos α + K₂ + K₃ = {pull:.9g}",
        {"stable": pull > 0, "stiffness": pull},
        rate if pull > 0 else None,
        check,
    )


def _falls_at(rate: float, x: np.ndarray, times: np.ndarray, found: str) -> tuple[bool | None, str]:
    """Whether the arc shrinks at a rate, from where it is small to where it is rounding."""
    spans = np.array([span_of(row) for row in x])
    begin = int(np.max(np.flatnonzero(spans >= 1e-3), initial=-1)) + 1
    end = int(np.max(np.flatnonzero(spans > 1e-10), initial=0)) + 1
    unknown = None, f"{found}: too few outputs on the way to tell the rate"
    if end - begin < 6:
        return unknown
    # where it oscillates its largest values fall at the rate
    early, late = begin + (end - begin) // 3, end - (end - begin) // 3
    first = begin + int(np.argmax(spans[begin:early]))
    second = late + int(np.argmax(spans[late:end]))
    length = float(times[second] - times[first])
    if rate * length < 4:
        return unknown
    measured = math.log(spans[first] / spans[second]) / length
    near = abs(measured - rate) < 0.05 * rate
    return near or None, f"{found}, at a rate of {measured:.4g}"
