"""The flow of the coupling alone, which mixes the w_ij and needs only z, and the poles of z."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from .._ext.integrator import Integrator
from .._ext.wigner import GraphRightHandSide, WignerLoheRightHandSide
from ..waves.splitting import OscillatorLostError, SubStepError
from .model import WignerLohe
from .state import InitialState

__all__ = ["CouplingFlow", "right_hand_side", "time_to_pole"]

#: entries of L in one step of the coupling beyond which correlations of no states near a pole
_CAP = 1e4


def right_hand_side(
    model: WignerLohe,
    z: np.ndarray,
    rates: np.ndarray,
    hermitian: bool,
    *,
    sign: float = 1.0,
    deviations: np.ndarray | None = None,
    cap: float = 0.0,
) -> WignerLoheRightHandSide | GraphRightHandSide:
    """The compiled equations of L and R.

    Parameters
    ----------
    model : WignerLohe
    z : (N, N) array
        ∫w_ij at the start.
    rates : (N,) array
        Ω_i.
    hermitian : bool
        Leave R=L† out.
    sign : float
        −1 for a run backwards in time.
    deviations : (N, N) array, optional
        1−z_ij of equal masses, to be followed too; of the mean of all only.
    cap : float
        Entries of L beyond which data of no states have blown up.
    """
    graph = model.graph(len(z))
    kappa, omega = sign * model.coupling, sign * rates
    if graph is not None:
        return GraphRightHandSide(z, kappa, omega, hermitian, *graph, cap=cap)
    return WignerLoheRightHandSide(z, kappa, omega, hermitian, deviations, cap)


class CouplingFlow:
    """The flow of the coupling alone: L and R for z."""

    def __init__(self, model: WignerLohe, state: InitialState):
        self.model = model
        self.n = state.n
        self.hermitian = state.hermitian
        # z of states has no pole, however large L becomes
        self.events: dict[str, Any] = {} if state.physical else {"n_events": 1, "directions": [-1]}
        self.rates = np.zeros(self.n)

    def __call__(self, z: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """L and R after `dt`, which may be negative."""
        n = self.n
        if (self.model.coupling == 0 and not np.any(self.rates)) or dt == 0:
            return np.eye(n, dtype=complex), np.eye(n, dtype=complex)
        sign = 1.0 if dt > 0 else -1.0
        rhs = right_hand_side(self.model, z, self.rates, self.hermitian, sign=sign, cap=_CAP)
        integrator = Integrator(rhs, rtol=1e-13, atol=1e-15, nsteps=100_000, **self.events)
        integrator.set_state(0.0, rhs.start(), abs(dt))
        out = np.empty((1, rhs.size))
        status, count = integrator.advance(np.array([abs(dt)]), out)
        left, right = self._split(out[0].view(complex) if count else integrator.get_state()[1])
        if status != 0 or count == 0:
            if not self.events:
                raise SubStepError(f"the coupling could not be followed (status {status})")
            # a step of the integrator never passes the pole; from close to it z says how far it is
            gone, (i, _) = time_to_pole(self.model, left @ z @ right, self.rates, sign)
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


def time_to_pole(
    model: WignerLohe, z: np.ndarray, rates: np.ndarray, sign: float = 1.0
) -> tuple[float, tuple[int, int]]:
    """Time after which ∫w_ij, of a state close to its pole, is infinite; and i, j.

    It grows as 1/(T−t), so that T−t=z/ż. `sign` is −1 for a run backwards in time.
    """
    n, masses = len(z), np.diag(z)
    graph = model.graph(n)
    if graph is None:
        below, above = np.sum(z, axis=0)[None, :] / n, np.sum(z, axis=1)[:, None] / n
        r, c = above[:, 0], below[0]
    else:
        indptr, indices, data = graph
        rows = scipy.sparse.csr_array((data, indices, indptr), shape=(n, n))
        below, above = rows @ z, (rows @ z.conj().T).conj().T
        r, c = np.diag(above), np.diag(below)
    change = below + above - ((r / masses)[:, None] + (c / masses)[None, :]) * z
    change = model.coupling / 2 * change - 1j * (rates[:, None] - rates[None, :]) * z
    off = np.abs(z) * ~np.eye(n, dtype=bool)
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
    return float((z[i, j] / (sign * change[i, j])).real), (i, j)
