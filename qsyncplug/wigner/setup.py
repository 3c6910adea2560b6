"""What a Wigner–Lohe run and its result share: how rows of numbers become Wigner functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ..core.errors import MissingFieldError
from ..waves.factors import factorize
from ..waves.motion import EigenMotion, motion_of
from .linear import LinearFlow
from .matrix import ArrayMatrix, FactorMatrix, WignerMatrix
from .model import WignerLohe
from .state import InitialState

__all__ = ["ArraySetup", "FactorSetup", "Setup", "StoredFactors", "stored_setup"]


class Setup(ABC):
    """Base: model, initial state, and the layout of a row of the integrator.

    Attributes
    ----------
    step_time : float
        Time of the row that is looked at by hand.
    """

    def __init__(self, model: WignerLohe, state: InitialState, t0: float, product: bool = False):
        self.model = model
        self.state = state
        self.t0 = t0
        self.product = product
        self.step_time = t0
        self.edges: dict[str, float] = {}

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of each array of the result."""
        n = self.state.n
        out: dict[str, tuple[tuple[int, ...], type]] = {"left": ((n, n), complex)}
        if not self.state.hermitian:
            out["right"] = ((n, n), complex)
        if self.product:
            out["log_alpha"] = ((n,), complex)
            if not self.state.hermitian:
                out["log_beta"] = ((n,), complex)
        return out

    def split(self, row: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays of the result in a row of doubles."""
        numbers = np.ascontiguousarray(row).view(complex)
        out, at = {}, 0
        for name, (shape, _) in self.shapes().items():
            size = int(np.prod(shape))
            out[name] = numbers[at : at + size].reshape(shape)
            at += size
        return out

    @abstractmethod
    def matrix(self, t: float, **arrays: np.ndarray) -> WignerMatrix:
        """The Wigner functions at time `t`."""

    def to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Header and arrays from which a file's rows become the same Wigner functions again."""
        state = self.state
        header = {
            "setup": type(self).__name__,
            "t0": self.t0,
            "product": self.product,
            "kind": state.kind,
            "hermitian": state.hermitian,
            "physical": state.physical,
        }
        arrays = {"z0": state.z0, "deviations0": state.deviations, "signs": state.signs}
        for name in ("left", "right", "arrays"):
            value = getattr(state, name)
            if value is not None:
                arrays[f"state:{name}"] = value
        return header, arrays


class FactorSetup(Setup):
    """Of the exact reduction with factors: left(t) = L U(t) left(0), right(t) = R† U(t)
    right(0).
    """

    def __init__(self, model: WignerLohe, state: InitialState, t0: float, product: bool = False):
        super().__init__(model, state, t0, product)
        assert state.left is not None
        n, a, m = state.left.shape
        rows = state.left.reshape(n * a, m)
        if state.right is not None:
            rows = np.concatenate([rows, state.right.reshape(n * a, m)])
        x, basis = factorize(rows, model.grid.weight)
        self.rank = len(basis)
        self._left = x[: n * a].reshape(n, a, -1)
        self._right = None if state.right is None else x[n * a :].reshape(n, a, -1)
        self.motion = motion_of(model.hamiltonians(n)[0], basis, t0)
        self.motion.scales = np.linalg.norm(x, axis=0)
        # only differences of the offsets Ω_i−Ω_1 are in L and R; the mean is a phase of all wave
        # functions
        self._mean_rate = float(np.mean(model.rates(n)))

    def matrix(self, t: float, **arrays: np.ndarray) -> FactorMatrix:
        """The Wigner functions at time `t`."""
        basis = self.motion.at(t) * np.exp(-1j * self._mean_rate * (t - self.t0))
        left = np.tensordot(arrays["left"], self._left, axes=1) @ basis
        right = None
        if self._right is not None:
            right = np.tensordot(arrays["right"].conj().T, self._right, axes=1) @ basis
        return FactorMatrix(self.model.phase_space, left, right, self.state.signs)

    def edge_bound(self) -> float | None:
        """Bound at all times of the amplitudes at the edges relative to the largest, of states,
        where one is known.
        """
        if not isinstance(self.motion, EigenMotion) or not self.state.physical:
            return None
        # the mass near the edge is at least that of its largest point; the largest amplitude at
        # least the mean one
        mass = float(np.min(np.diag(self.state.z0).real))
        return float(np.sqrt(max(self.motion.edge_bound()) / mass * self.model.grid.size))


class ArraySetup(Setup):
    """Of the exact reduction with phase-space arrays, which follow the linear flow when they are
    asked for.
    """

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        t0: float,
        product: bool = False,
        rtol: float = 1e-11,
    ):
        super().__init__(model, state, t0, product)
        self.flow = LinearFlow(model, state, rtol=rtol)
        self._time = t0
        self._arrays: np.ndarray | None = None

    def matrix(self, t: float, **arrays: np.ndarray) -> ArrayMatrix:
        """The Wigner functions at time `t`."""
        if self._arrays is None or t < self._time:
            self._arrays, self._time = self.flow.start(), self.t0
        if t > self._time:
            self.flow.advance(self._arrays, self._time, t)
            self._time = t
        left = arrays["left"]
        right = arrays.get("right", left.conj().T)
        # a copy, for the arrays move on when a later time is asked for
        return ArrayMatrix(
            self.model.phase_space, self._arrays.copy(), left, right, self.state.hermitian
        )


class StoredFactors(Setup):
    """Of runs that step factors or arrays themselves; each output holds them, or the last one
    does.
    """

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        t0: float,
        keep: bool = True,
        arrays: bool = False,
    ):
        super().__init__(model, state, t0)
        self.keep = keep
        self.arrays = arrays

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of each array of the result."""
        n = self.state.n
        out: dict[str, tuple[tuple[int, ...], type]] = {"_z": ((n, n), complex)}
        if self.keep and self.arrays:
            pairs = n * (n + 1) // 2 if self.state.hermitian else n * n
            out["_arrays"] = ((pairs, self.model.phase_space.size), complex)
        elif self.keep:
            assert self.state.left is not None
            rows = (
                self.state.left.shape[0]
                * self.state.left.shape[1]
                * (1 if self.state.right is None else 2)
            )
            out["_factors"] = ((rows, self.model.grid.size), complex)
        return out

    def row(self, system: Any) -> dict[str, np.ndarray]:
        """What an output keeps of a system that is stepped."""
        out = {"_z": system.correlations()}
        if self.keep and self.arrays:
            out["_arrays"] = system.arrays.reshape(len(system.arrays), -1)
        elif self.keep:
            out["_factors"] = system.psi.reshape(-1, self.model.grid.size)
        return out

    def matrix(self, t: float, **arrays: np.ndarray) -> WignerMatrix:
        """The Wigner functions at time `t`."""
        n = self.state.n
        if "_arrays" in arrays:
            w = arrays["_arrays"].reshape(-1, *self.model.phase_space.shape)
            return ArrayMatrix(
                self.model.phase_space, w, np.eye(n), np.eye(n), self.state.hermitian
            )
        if "_factors" not in arrays:
            raise MissingFieldError(
                "the run kept no Wigner functions; what would provide them: the option "
                "store_states=True, or fewer output times"
            )
        assert self.state.left is not None
        rows = arrays["_factors"]
        count = n * self.state.left.shape[1]
        left = rows[:count].reshape(n, -1, rows.shape[1])
        right = None if self.state.right is None else rows[count:].reshape(n, -1, rows.shape[1])
        return FactorMatrix(self.model.phase_space, left, right, self.state.signs)


def stored_setup(model: WignerLohe, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Setup:
    """Rebuild what :meth:`Setup.to_store` gave."""
    state = InitialState(
        header["kind"],
        arrays.get("state:left"),
        arrays.get("state:right"),
        arrays["signs"],
        arrays.get("state:arrays"),
        arrays["z0"],
        arrays["deviations0"],
        header["hermitian"],
        header["physical"],
    )
    kind, t0 = header["setup"], header["t0"]
    if kind == "FactorSetup":
        return FactorSetup(model, state, t0, header["product"])
    if kind == "ArraySetup":
        return ArraySetup(model, state, t0, header["product"])
    return StoredFactors(
        model, state, t0, "_factors" in arrays or "_arrays" in arrays, "_arrays" in arrays
    )
