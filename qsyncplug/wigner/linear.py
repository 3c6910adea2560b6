"""The linear flow U(t) of phase-space arrays, and how long its steps may be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.fft

from ..core.checks import check_memory
from ..waves.splitting import StepUnderflowError, phase
from .kernels import kernel_of
from .matrix import FactorMatrix
from .model import WignerLohe
from .scale import rate_scale
from .state import InitialState
from .transport import RKN_SCHEMES, Nystrom, Transport

__all__ = ["LinearFlow", "StepSearch", "pairs_of", "start_arrays"]


def pairs_of(n: int, hermitian: bool) -> list[tuple[int, int]]:
    """The pairs that are stepped: i ≤ j for Hermitian data, else all."""
    return [(i, j) for i in range(n) for j in range(i if hermitian else 0, n)]


def start_arrays(model: WignerLohe, state: InitialState) -> np.ndarray:
    """w_ij of the pairs that are stepped, (P, ...)."""
    space = model.phase_space
    pairs = pairs_of(state.n, state.hermitian)
    check_memory(
        "the phase-space arrays",
        7.0 * len(pairs) * space.nbytes(),
        advice="start from kets, which need none",
    )
    if state.arrays is not None:
        return np.array([state.arrays[i, j] for i, j in pairs])
    assert state.left is not None
    matrix = FactorMatrix(space, state.left, state.right, state.signs)
    return np.array([matrix.wigner(i, j) for i, j in pairs], dtype=complex)


class LinearFlow:
    """U(t): every w_ij under transport and Θ of one potential.

    Parameters
    ----------
    model : WignerLohe
    state : InitialState
    rtol : float
        Error of a stretch, relative to the norm.
    step : float, optional
        Fixed length of the steps; unless given it is found on wave functions, see
        :class:`StepSearch`.
    scheme : str
        Of ``RKN_SCHEMES``.
    """

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        *,
        rtol: float = 1e-11,
        step: float | None = None,
        scheme: str = "rkn11",
    ):
        self.model = model
        self.state = state
        self.rtol = rtol
        self.fixed = step
        rate = rate_scale(model, state)
        self.first = 1 / rate if rate > 0 else np.inf
        self.scheme = RKN_SCHEMES[scheme]
        self.transport = Transport(model, state.n)
        self.pairs = pairs_of(state.n, state.hermitian)
        self._search: StepSearch | None = None
        #: called with a number of steps during the search for their length; may raise
        self.look: Callable[[float], None] | None = None
        self.steps = 0

    def search_state(self) -> dict[str, Any] | None:
        """Where the search for the steps' length stands."""
        return None if self._search is None else self._search.save()

    def go_on_searching(self, saved: dict[str, Any] | None) -> None:
        """Go on from what :meth:`search_state` gave."""
        self._search = None
        if saved is not None:
            self._search = self._new_search()
            self._search.restore(saved)

    def _new_search(self) -> StepSearch:
        return StepSearch(self.model, self.state, self.scheme, self.first, self.look)

    def start(self) -> np.ndarray:
        """The phase-space arrays at the start, in the stepper's layout; a search for steps begins
        anew.
        """
        self._search = None
        return start_arrays(self.model, self.state)

    def advance(self, arrays: np.ndarray, t: float, t1: float) -> None:
        """Move `arrays` (P, ...) from `t` to `t1`, in place."""
        self.run(arrays, t1 - t)

    def run(
        self,
        arrays: np.ndarray,
        dt: float,
        exact: bool = True,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Move by `dt`; `exact` allows the shears of a quadratic potential; `check` before each
        step may raise.
        """
        if dt == 0:
            return
        if exact and self.fixed is None and self.transport.quadratic is not None:
            self._each(arrays, lambda w: self.transport.shear(w, dt))
            return
        left = dt
        while left > 1e-14 * dt:
            if self.fixed is not None:
                span, count = left, max(1, int(np.ceil(left / self.fixed * (1 - 1e-12))))
            else:
                self._search = self._search or self._new_search()
                span, count = self._search.window(left, self.rtol / dt)
            self.steps += count
            self._each(arrays, partial(self._steps, h=span / count, count=count, check=check))
            left -= span

    def _steps(self, w: np.ndarray, h: float, count: int, check: Callable[[], None] | None) -> None:
        self.transport.step(w, 0, 0, h, count, self.scheme, check)

    def _each(self, arrays: np.ndarray, move: Callable[[np.ndarray], None]) -> None:
        for w, (i, j) in zip(arrays, self.pairs, strict=True):
            # half the work for w_ii, which is real
            moved = np.ascontiguousarray(w.real) if self.state.hermitian and i == j else w
            move(moved)
            if moved is not w:
                w[...] = moved


class StepSearch:
    r"""How many steps a stretch takes, found on a few wave functions at a cost that does not count.

    A scheme for w is the same scheme for the operator, :math:`ρ→SρS^†` with S that of the
    Schrödinger equation, so that its error is at most twice that of S on the states in ρ. Random
    combinations of these are stepped along with the run.
    """

    _PROBES = 2
    _WINDOW = 24
    _MOST = 10**5

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        scheme: Nystrom,
        first: float,
        look: Callable[[float], None] | None = None,
    ):
        self.scheme = scheme
        self.look = look
        self.grid = model.grid
        self._potential = model.hamiltonians(state.n)[0].values
        self._axes = tuple(range(1, 1 + self.grid.ndim))
        # of each oscillator by itself, however small it is
        if state.left is not None:
            blocks = [*state.left] if state.right is None else [*state.left, *state.right]
        else:
            assert state.arrays is not None
            kernels = [
                kernel_of(w, model.phase_space).reshape(self.grid.size, -1)
                for row in state.arrays
                for w in row
            ]
            blocks = (
                [k.T for k in kernels]
                if state.hermitian
                else [b for k in kernels for b in (k.T, k.conj())]
            )
        random = np.random.default_rng(0)
        psi = np.concatenate(
            [random.normal(size=(self._PROBES, len(rows))) @ rows for rows in blocks]
        )
        psi = psi[np.any(psi, axis=1)]
        self._psi = psi.reshape(-1, *self.grid.shape)
        # a first guess, to be found wanting
        self._h = first

    def save(self) -> dict[str, Any]:
        """The states stepped along, and the length found last."""
        return {"psi": self._psi, "h": self._h}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`save` gave."""
        psi = np.asarray(saved["psi"], dtype=complex)
        if psi.shape != self._psi.shape:
            raise ValueError("the snapshot is of another problem: its probes have another shape")
        self._psi, self._h = psi, float(saved["h"])

    def window(self, left: float, rate: float) -> tuple[float, int]:
        """How far to go of what is left, and in how many steps, for an error of `rate` per unit of
        time.

        No more than some steps ahead, so that the steps follow the states, and a run can be stopped
        between.
        """
        span = left / max(1, int(np.ceil(left / (self._WINDOW * self._h))))
        rtol = rate * span
        count = max(1, int(np.ceil(span / self._h * (1 - 1e-9))))
        fine, error = self._try(span, count)
        if error < 0.02 * rtol and count > 1:
            # steps may be longer
            fewer = max(1, int(np.ceil(count * (2 * error / rtol) ** (1 / self.scheme.order))))
            other, larger = self._try(span, fewer)
            if larger <= rtol:
                count, fine, error = fewer, other, larger
        last = np.inf
        # below 1e-12 it may be rounding, which shorter steps do not mend
        while error > rtol and not (error < 1e-12 and error > 0.3 * last):
            if 2 * count > self._MOST:
                raise StepUnderflowError("the sub-steps became too many")
            more = 2 * count
            if error <= 2.0**-self.scheme.order:
                more = min(
                    more,
                    max(
                        count + 1,
                        int(np.ceil(count * 1.02 * (error / rtol) ** (1 / self.scheme.order))),
                    ),
                )
            last, count = error, more
            fine, error = self._try(span, count)
        self._psi, self._h = fine, span / count
        return span, count

    def _try(self, span: float, count: int) -> tuple[np.ndarray, float]:
        """States after `span` in steps of half the length, and the error in `count` steps for w."""
        fine = self._moved(span, 2 * count)
        off = (fine - self._moved(span, count)).reshape(len(fine), -1)
        return fine, 2 * float(
            np.max(
                np.linalg.norm(off, axis=1) / np.linalg.norm(fine.reshape(len(fine), -1), axis=1)
            )
        )

    def _moved(self, dt: float, count: int) -> np.ndarray:
        h, psi = dt / count, self._psi
        b, a = self.scheme.kicks, self.scheme.drifts
        kicks = [phase(self._potential, x * h) for x in (*b[:-1], 2 * b[0])]
        drifts = [phase(self.grid.kinetic, x * h) for x in a]
        psi = psi * kicks[0]
        for k in range(count):
            if self.look is not None and k % 16 == 0:
                self.look(k / 2)  # at most twice as many as the run will take
            for s in range(len(a)):
                if s:
                    psi = psi * kicks[s]
                elif k:
                    psi = psi * kicks[-1]
                hat = scipy.fft.fftn(psi, axes=self._axes, overwrite_x=True)
                hat *= drifts[s]
                psi = scipy.fft.ifftn(hat, axes=self._axes, overwrite_x=True)
        return np.asarray(psi * kicks[0])
