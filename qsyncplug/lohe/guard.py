"""Vanishing oscillators and blow-up in runs of the compiled integrator."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from .._ext.integrator import Integrator
from ..core.status import Status
from ..waves.errors import BlowUpError, NonUniquenessError, OscillatorError, UndefinedCentreError
from .model import SchrodingerLohe

__all__ = [
    "CAP",
    "VANISHING",
    "GuardedIntegrator",
    "LinesGuard",
    "Loss",
    "Lost",
    "loss_error",
    "loss_of",
    "may_vanish",
]

#: ways in which the integrator gives up near a singularity
_COLLAPSE = (Status.STEP_SIZE, Status.NON_FINITE, Status.RHS_FAILED)

#: an oscillator has vanished when its norm falls below this times its start
VANISHING = 1e-6
#: squared norms beyond this times the largest at the start, or of θ, are a blow-up
CAP = 1e16


class Loss(Enum):
    """What may happen to one oscillator."""

    NON_UNIQUE = "oscillator vanished"
    UNDEFINED_CENTRE = "oscillator vanished, and its centre with it"
    BLOW_UP = "blow-up"


class Lost(NamedTuple):
    """An oscillator that ends a run."""

    kind: Loss
    oscillator: int
    time: float


def loss_of(model: SchrodingerLohe) -> Loss:
    """What a vanishing oscillator means for the model."""
    return Loss.NON_UNIQUE if model.normalised else Loss.UNDEFINED_CENTRE


def may_vanish(model: SchrodingerLohe) -> bool:
    """Whether a vanishing oscillator ends the run."""
    return model.variant == "model1" or model.aligns_by_distance


def loss_error(lost: Lost, name: str, result: Any) -> OscillatorError:
    """The error for a lost oscillator; what is known goes into the statistics too."""
    kind, j, t = lost
    result.stats["lost oscillator"], result.stats["lost time"] = j, t
    result.stats["stopped"] = f"{kind.value} at t={t:.12g}"
    kept = f"error.result holds the {len(result.times)} outputs before that"
    what = {
        Loss.BLOW_UP: f"the mass of oscillator {j} grew without bound near t={t:.12g}",
        Loss.NON_UNIQUE: f"oscillator {j} vanished at t={t:.12g}; Model 1 has no unique solution "
        "beyond",
        Loss.UNDEFINED_CENTRE: f"oscillator {j} vanished at t={t:.12g} and has no centre of mass, "
        "which its alignment needs",
    }[kind]
    error = {
        Loss.BLOW_UP: BlowUpError,
        Loss.NON_UNIQUE: NonUniquenessError,
        Loss.UNDEFINED_CENTRE: UndefinedCentreError,
    }[kind]
    reason = "blow-up" if kind is Loss.BLOW_UP else "oscillator vanished"
    return error(f"{name}: {what}; {kept}", time=t, reason=reason, oscillator=j, result=result)


class GuardedIntegrator:
    """An integrator that watches the norms, and tells a vanishing oscillator from one that turns
    fast.

    Parameters
    ----------
    rhs : LoheRightHandSide
    n, r : int
        Oscillators and basis vectors.
    kind : Loss
        What a vanishing oscillator means.
    limits : mapping
        Tolerances and limits of the integrator.
    """

    def __init__(self, rhs: Any, n: int, r: int, kind: Loss, limits: Mapping[str, Any]):
        self.rhs = rhs
        self.n, self.r = n, r
        self.kind = kind
        self._inner = Integrator(rhs, n_events=3, directions=[-1, -1, -1], **limits)
        self._done = [0, 0, 0]
        #: rows written before the last restart
        self._before = 0
        self.found: Lost | None = None

    def set_state(self, t: float, y: Any, bound: float = np.inf) -> None:
        """Stand at a time and a state."""
        self._bound = bound
        self._done = [0, 0, 0]
        self.found = None
        self.rhs.set_reference(y)
        self._inner.set_state(t, y, bound)

    def get_state(self) -> Any:
        """Time and state that the inner integrator has reached."""
        return self._inner.get_state()

    @property
    def t(self) -> float:
        """Time reached; that of the failure, after one."""
        return self._inner.t if self.found is None else self.found[2]

    @property
    def accepted(self) -> int:
        """Accepted steps, those before the last restart included."""
        return int(self._done[0] + self._inner.accepted)

    @property
    def rejected(self) -> int:
        """Rejected steps, those before the last restart included."""
        return int(self._done[1] + self._inner.rejected)

    @property
    def evaluations(self) -> int:
        """Evaluations of the right-hand side."""
        return int(self._done[2] + self._inner.evaluations)

    @property
    def interruption(self) -> Any:
        """The exception of Ctrl-C, if it ended the run."""
        return self._inner.interruption

    @property
    def delivered(self) -> int:
        """Rows written by the last ``advance``, also by one that Ctrl-C ended."""
        return int(self._before + self._inner.delivered)

    @delivered.setter
    def delivered(self, count: int) -> None:
        self._inner.delivered = count
        self._before = 0

    def advance(self, times: np.ndarray, out: np.ndarray) -> tuple[int, int]:
        """As :meth:`Integrator.advance`."""
        self.delivered = 0
        while True:
            done = self._before
            status, count = self._inner.advance(times[done:], out[done:])
            if status in _COLLAPSE and self._collapsing():
                return Status.EVENT, self.delivered
            if status != Status.EVENT or self.delivered == len(times):
                return status, self.delivered
            t, y = self._inner.t_event, self._inner.event_state
            if self._confirm(self._inner.event_index, t, y):
                return Status.EVENT, self.delivered
            # a fast turn: go on from there
            self._done = [self.accepted, self.rejected, self.evaluations]
            self.rhs.set_reference(y)
            self._inner.set_state(t, y, self._bound)
            # in this order: an interrupt between them may forget rows, but never counts one twice
            self._inner.delivered = 0
            self._before = done + count

    def snapshot(self) -> dict[str, Any]:
        """As :meth:`Integrator.snapshot`."""
        return {
            "inner": self._inner.snapshot(),
            "done": list(self._done),
            "reference": self.rhs.save_reference(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`snapshot` gave."""
        self._inner.restore(saved["inner"])
        self._done = [int(k) for k in saved["done"]]
        self.rhs.restore_reference(saved["reference"])

    def _rows(self, y: np.ndarray) -> np.ndarray:
        return np.asarray(y)[: self.n * self.r].reshape(self.n, self.r)

    def _confirm(self, event: int, t: float, y: np.ndarray) -> bool:
        norms = np.linalg.norm(self._rows(y), axis=1)
        if event == 2:
            self.found = Lost(Loss.BLOW_UP, int(np.argmax(norms)), t)
            return True
        kind = self.kind
        if event == 0:
            t_old = self._inner.t_old
            y_old = self._inner.dense(t_old)
            old = self._rows(y_old)
            turns = (
                np.sum(old.conj() * self._rows(y), axis=1).real / np.linalg.norm(old, axis=1) ** 2
            )
            j = int(np.argmin(turns))
            if norms[j] > 1e-3 * np.linalg.norm(old[j]):
                return False
            self.found = Lost(kind, j, self._crossing(j, t_old, y_old, t))
            return True
        j = int(np.argmin(norms / np.maximum(self.rhs.initial_norms, 1e-300)))
        self.found = Lost(kind, j, self._extrapolate(j, t, y))
        return True

    def _collapsing(self) -> bool:
        """Whether the step size collapsed because a norm went to zero or to infinity."""
        t, y = self._inner.get_state()
        norms = np.linalg.norm(self._rows(y), axis=1)
        ratio = norms / np.maximum(self.rhs.initial_norms, 1e-300)
        j = int(np.argmin(ratio))
        if ratio[j] < 1e-2:
            self.found = Lost(
                self.kind,
                j,
                self._extrapolate(j, t, y),
            )
            return True
        j = int(np.argmax(norms))
        if norms[j] > 1e4 * max(1.0, float(np.max(self.rhs.initial_norms))):
            self.found = Lost(Loss.BLOW_UP, j, t)
            return True
        return False

    def _crossing(self, j: int, t_old: float, y_old: np.ndarray, t: float) -> float:
        """Time at which row j passes through zero, by Newton's method on integrations from the
        step's beginning.
        """
        reference = self._rows(y_old)[j]
        out = np.empty((1, self.rhs.size))
        for _ in range(6):
            inner = Integrator(self.rhs, rtol=3e-15, atol=1e-16)
            inner.set_state(t_old, y_old, t)
            _, count = inner.advance(np.array([t]), out)
            if count == 0:
                return t
            y = out[0].view(complex).copy()
            g = float(np.vdot(reference, self._rows(y)[j]).real)
            slope = float(np.vdot(reference, self._rows(self.rhs(t, y))[j]).real) if g != 0 else 0.0
            if slope == 0:
                return t
            change = -g / slope
            t = max(t + change, t_old + 1e-3 * (t - t_old))
            if abs(change) < 4e-15 * max(abs(t), t - t_old):
                break
        return t

    def _extrapolate(self, j: int, t: float, y: np.ndarray) -> float:
        """Zero of the norm of row j, which falls linearly."""
        row = self._rows(y)[j]
        try:
            change = self._rows(self.rhs(t, np.asarray(y)))[j]
        except ArithmeticError:
            return t
        size = float(np.linalg.norm(row))
        fall = -float(np.vdot(row, change).real) / size if size > 0 else 0.0
        return t + size / fall if fall > 0 else t


class LinesGuard:
    """An integrator of the states themselves, looked at after every step: vanishing oscillators and
    blow-up.

    Parameters
    ----------
    rhs : LinesRightHandSide
        Its ``equations.vital(t, y)`` gives squared norms and their rates of change.
    kind : Loss
        What a vanishing oscillator means.
    may_vanish : bool
        Whether a vanishing oscillator stops the run.
    limits : mapping
        Tolerances and limits of the integrator.
    """

    def __init__(self, rhs: Any, kind: Loss, may_vanish: bool, limits: Mapping[str, Any]):
        self.rhs = rhs
        self.kind = kind
        self.may_vanish = may_vanish
        self._inner = Integrator(rhs, **limits)
        #: rows written by the last ``advance``
        self.delivered = 0
        self.found: Lost | None = None

    def set_state(self, t: float, y: Any, bound: float = np.inf) -> None:
        """Stand at a time and a state."""
        self._inner.set_state(t, y, bound)
        self._norms, self._changes = self.rhs.equations.vital(t, np.asarray(y))
        self._start = np.maximum(self._norms, 1e-300)

    def get_state(self) -> Any:
        """Time and state that the inner integrator has reached."""
        return self._inner.get_state()

    def snapshot(self) -> dict[str, Any]:
        """As :meth:`Integrator.snapshot`."""
        return {"inner": self._inner.snapshot(), "vital": [self._norms, self._changes]}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`snapshot` gave."""
        self._inner.restore(saved["inner"])
        self._norms, self._changes = saved["vital"]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def t(self) -> float:
        """Time reached; that of the failure, after one."""
        return self._inner.t if self.found is None else self.found[2]

    def advance(self, times: np.ndarray, out: np.ndarray) -> tuple[int, int]:
        """As :meth:`Integrator.advance`."""
        self.delivered = 0
        limit = np.inf
        while (done := self.delivered) < len(times):
            t = times[done]
            if t > limit:
                return Status.EVENT, done
            if t <= self._inner.t:
                y = self._inner.dense(t) if t < self._inner.t else self._inner.get_state()[1]
                out[done] = np.ascontiguousarray(y).view(float)
                self.delivered += 1
                continue
            if np.isfinite(limit):
                return Status.EVENT, done
            status = self._inner.step()
            if status != 0:
                if status in _COLLAPSE and self._collapsed():
                    return Status.EVENT, done
                return status, done
            self._look()
            if self.found is not None:
                limit = self.found[2]
        return 0, done

    def _look(self) -> None:
        t, y = self._inner.get_state()
        norms, changes = self.rhs.equations.vital(t, y)
        if not np.max(norms) < CAP * max(1.0, float(np.max(self._start))):
            self.found = Lost(Loss.BLOW_UP, int(np.argmax(norms)), t)
        elif self.may_vanish:
            for j in np.flatnonzero((self._changes < 0) & (changes > 0)):
                at = self._lowest(int(j))
                if at is not None:
                    self.found = Lost(self.kind, int(j), at)
                    break
            else:
                if np.any(norms < VANISHING**2 * self._start):
                    self.found = self._soon(t, norms, changes)
        self._norms, self._changes = norms, changes

    def _soon(self, t: float, norms: np.ndarray, changes: np.ndarray) -> Lost:
        """The smallest norm falls linearly to zero: λ/|λ'| = 2n/|n'| from now."""
        j = int(np.argmin(norms / self._start))
        return Lost(self.kind, j, t + (2 * norms[j] / -changes[j] if changes[j] < 0 else 0.0))

    def _lowest(self, j: int) -> float | None:
        """Time in the last step at which the norm of oscillator `j` is zero, or None if it only
        turns.
        """
        inner, equations = self._inner, self.rhs.equations

        def row(t: float) -> np.ndarray:
            return np.asarray(equations.row(inner.dense(t), j))

        a, b = inner.t_old, inner.t
        low = minimize_scalar(
            lambda t: float(np.sum(np.abs(row(t)) ** 2)),
            bounds=(a, b),
            method="bounded",
            options={"xatol": 1e-9 * (b - a)},
        )
        before = row(a)
        if np.sqrt(low.fun) > 1e-4 * np.linalg.norm(before):
            return None
        width = 1e-3 * (b - a)
        left, right = max(a, low.x - width), min(b, low.x + width)
        reference = row(left)
        if np.vdot(reference, row(right)).real >= 0:
            return float(low.x)
        return float(brentq(lambda t: np.vdot(reference, row(t)).real, left, right, xtol=1e-15))

    def _collapsed(self) -> bool:
        t, y = self._inner.get_state()
        norms, changes = self.rhs.equations.vital(t, y)
        if self.may_vanish and np.min(norms / self._start) < 1e-4:
            self.found = self._soon(t, norms, changes)
        elif np.max(norms) > 1e8 * max(1.0, float(np.max(self._start))):
            self.found = Lost(Loss.BLOW_UP, int(np.argmax(norms)), t)
        return self.found is not None
