"""The flow of the coupling alone, which mixes the w_ij and needs only z, and the poles of z."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._ext.integrator import Integrator
from .._ext.wigner import WignerLoheRightHandSide
from ..waves.splitting import OscillatorLostError
from .model import WignerLohe
from .state import InitialState

__all__ = ["CouplingFlow", "time_to_pole"]

#: entries of L in one step of the coupling beyond which correlations of no states near a pole
_CAP = 1e4


class CouplingFlow:
    """The flow of the coupling alone: L and R for z."""

    def __init__(self, model: WignerLohe, state: InitialState):
        self.kappa = model.coupling
        self.n = state.n
        self.hermitian = state.hermitian
        # z of states has no pole, however large L becomes
        self.events: dict[str, Any] = {} if state.physical else {"n_events": 1, "directions": [-1]}
        self.rates = np.zeros(self.n)

    def __call__(self, z: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """L and R after `dt`, which may be negative."""
        n = self.n
        if (self.kappa == 0 and not np.any(self.rates)) or dt == 0:
            return np.eye(n, dtype=complex), np.eye(n, dtype=complex)
        sign = 1.0 if dt > 0 else -1.0
        rhs = WignerLoheRightHandSide(
            z, sign * self.kappa, sign * self.rates, self.hermitian, cap=_CAP
        )
        integrator = Integrator(rhs, rtol=1e-13, atol=1e-15, nsteps=100_000, **self.events)
        integrator.set_state(0.0, rhs.start(), abs(dt))
        out = np.empty((1, rhs.size))
        status, count = integrator.advance(np.array([abs(dt)]), out)
        left, right = self._split(out[0].view(complex) if count else integrator.get_state()[1])
        if status != 0 or count == 0:
            if not self.events:
                raise FloatingPointError(f"the coupling could not be followed (status {status})")
            # a step of the integrator never passes the pole; from close to it z says how far it is
            gone, (i, _) = time_to_pole(left @ z @ right, sign * self.kappa, sign * self.rates)
            lost = OscillatorLostError(i, blown_up=True)
            lost.time = sign * (integrator.get_state()[0] + gone)
            raise lost
        return left, right

    def _split(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = self.n
        left = numbers[: n * n].reshape(n, n).copy()
        return left, left.conj().T if self.hermitian else numbers[n * n : 2 * n * n].reshape(
            n, n
        ).copy()


def time_to_pole(z: np.ndarray, kappa: float, rates: np.ndarray) -> tuple[float, tuple[int, int]]:
    """Time after which z_ij, of a state close to its pole, is infinite: it grows as 1/(T−t), so
    that T−t=z/ż; and i, j.
    """
    n, masses = len(z), np.diag(z)
    r, c = np.sum(z, axis=1), np.sum(z, axis=0)
    change = (
        kappa
        / (2 * n)
        * (c[None, :] + r[:, None] - (r / masses)[:, None] * z - (c / masses)[None, :] * z)
    )
    change = change - 1j * (rates[:, None] - rates[None, :]) * z
    off = np.abs(z) * ~np.eye(n, dtype=bool)
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
    return float((z[i, j] / change[i, j]).real), (i, j)
