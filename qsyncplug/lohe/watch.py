"""Limits and dangers of a splitting run, looked at after every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.limits import look
from ..waves.splitting import OscillatorLostError, Splitting
from .guard import CAP, VANISHING, may_vanish
from .model import SchrodingerLohe
from .setup import StatesSetup

__all__ = ["StepLimitReached", "Watch", "first_step"]


class StepLimitReached(Exception):
    """The run has used up its ``nsteps``; the stepper makes a status of it."""


class Watch:
    """Called after every step of a splitting run: limits, vanishing oscillators, blow-up."""

    def __init__(
        self,
        nsteps: int,
        model: SchrodingerLohe,
        setup: StatesSetup,
        system: Any,
        splitting: Splitting,
    ):
        self._nsteps, self._system, self._splitting = nsteps, system, splitting
        self._watch = model.variant != "standard"
        self._needs_norm = may_vanish(model)
        self._start = np.diag(setup.gram(setup.psi0)).real if self._watch else np.ones(1)
        self._cap = CAP * max(
            1.0, float(np.max(self._start)), float(np.max(model.start_theta(setup.n)))
        )
        self.time = setup.t0

    def __call__(self, t: float) -> None:
        """Look at the state at time `t` (NaN: a step was rejected); raises where the run must
        stop.
        """
        if np.isfinite(t):
            self.time = t
        if self._splitting.accepted + self._splitting.rejected > self._nsteps:
            raise StepLimitReached
        look()
        if not self._watch or not np.isfinite(t):
            return
        flat = self._system.psi.view(float)
        norm = np.einsum("jm,jm->j", flat, flat) * self._system.weight
        if not np.max(norm) < self._cap:
            lost = OscillatorLostError(int(np.argmax(norm)), blown_up=True)
            lost.time = t
            raise lost
        if self._needs_norm and np.any(norm < VANISHING**2 * self._start):
            lost = OscillatorLostError(int(np.argmin(norm / self._start)))
            lost.time = t + self._system.time_to_vanish(lost.oscillator)
            raise lost


def first_step(model: SchrodingerLohe, setup: StatesSetup) -> float:
    """A first step for the adaptive splitting; the control corrects it."""
    if model.grid is None:
        spread = max(float(np.linalg.norm(h.full(), 2)) for h in model.hamiltonians(setup.n))
    else:
        density = np.sum(np.abs(setup.psi0) ** 2, axis=0)
        density = density / np.sum(density)
        potentials = [h.values.ravel() for h in model.hamiltonians(setup.n)]
        spread = max(float(np.sqrt(density @ (v - density @ v) ** 2)) for v in potentials)
    return float(0.1 / (1.0 + np.sqrt(spread) + abs(model.coupling)))
