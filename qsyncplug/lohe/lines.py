"""Equations of the states themselves: interaction picture ("lawson") and method of lines
("dop853").
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.fft
import scipy.linalg

from .._ext.equations import PythonRightHandSide
from ..core.checks import check_memory
from .kernel import influence_of
from .model import SchrodingerLohe
from .setup import StatesSetup

__all__ = ["LinesEquations", "LinesRightHandSide"]


class _GridPicture:
    r"""On a grid ψ = e^{−iTt}F^{-1}y with the kinetic energy T, or ψ=y."""

    def __init__(self, model: SchrodingerLohe, n: int, t0: float, interaction: bool):
        self.grid, self.t0, self.interaction = model.grid, t0, interaction
        self.axes = tuple(range(1, 1 + self.grid.ndim))
        self.shape = (n, *self.grid.shape)
        self.hamiltonians = model.hamiltonians(n)
        static = [
            np.zeros(self.grid.shape) if h.time_dependent else h.values for h in self.hamiltonians
        ]
        self.potentials = np.array([v.ravel() for v in static]) + _own_rates(model, n)[:, None]
        self.moving = [j for j, h in enumerate(self.hamiltonians) if h.time_dependent]
        self.coordinates = [np.broadcast_to(x, self.grid.shape).ravel() for x in self.grid.mesh]

    def enter(self, t: float, psi: np.ndarray) -> np.ndarray:
        """The row y of given states."""
        if not self.interaction:
            return psi
        hat = scipy.fft.fftn(psi.reshape(self.shape), axes=self.axes, norm="ortho")
        hat *= np.exp(1j * (t - self.t0) * self.grid.kinetic)
        return np.asarray(hat.reshape(psi.shape))

    def leave(self, t: float, y: np.ndarray) -> np.ndarray:
        """The states that a row `y` at time `t` stands for: the interaction picture is undone."""
        if not self.interaction:
            return y
        hat = y.reshape(self.shape) * np.exp(-1j * (t - self.t0) * self.grid.kinetic)
        return np.asarray(
            scipy.fft.ifftn(hat, axes=self.axes, norm="ortho", overwrite_x=True).reshape(y.shape)
        )

    def generator(self, t: float, psi: np.ndarray) -> np.ndarray:
        """What acts on the states besides the coupling and what is in the picture."""
        out = self.potentials * psi
        for j in self.moving:
            out[j] += self.hamiltonians[j].values_at(t).ravel() * psi[j]
        if not self.interaction:
            hat = scipy.fft.fftn(psi.reshape(self.shape), axes=self.axes)
            hat *= self.grid.kinetic
            out += scipy.fft.ifftn(hat, axes=self.axes, overwrite_x=True).reshape(psi.shape)
        return np.asarray(out)

    def centres(self, psi: np.ndarray, norm: np.ndarray) -> np.ndarray:
        """⟨ψ_j,xψ_j⟩/‖ψ_j‖², (N, d)."""
        density = np.abs(psi) ** 2
        x = np.array([density @ p for p in self.coordinates]).T
        return np.asarray(x * self.grid.weight / norm[:, None])


class _MatrixPicture:
    """For Qobj ψ_j = V_j e^{−i(E_j+Ω_j)t}y_j in the eigenbasis of H_j, or ψ=y."""

    def __init__(self, model: SchrodingerLohe, n: int, t0: float, interaction: bool):
        self.t0, self.interaction = t0, interaction
        self.hamiltonians = model.hamiltonians(n)
        self.rates = _own_rates(model, n)
        self.evolving = any(isinstance(h, qutip.QobjEvo) for h in self.hamiltonians)
        self.positions = [] if model.position is None else [x.full() for x in model.position]
        size = model.reference.shape[0]
        check_memory("the Hamiltonians as matrices", 48.0 * n * size * size)
        if interaction:
            levels = [scipy.linalg.eigh(h.full(), check_finite=False) for h in self.hamiltonians]
            self.energies = np.array([e for e, _ in levels]) + self.rates[:, None]
            self.vectors = np.array([v for _, v in levels])
        elif not self.evolving:
            self.full = np.array([h.full() for h in self.hamiltonians])

    def enter(self, t: float, psi: np.ndarray) -> np.ndarray:
        """The row y of given states."""
        if not self.interaction:
            return psi
        amplitudes = np.matmul(self.vectors.conj().swapaxes(1, 2), psi[:, :, None])[:, :, 0]
        return np.asarray(np.exp(1j * (t - self.t0) * self.energies) * amplitudes)

    def leave(self, t: float, y: np.ndarray) -> np.ndarray:
        """The states that a row `y` at time `t` stands for: the interaction picture is undone."""
        if not self.interaction:
            return y
        turned = np.exp(-1j * (t - self.t0) * self.energies) * y
        return np.asarray(np.matmul(self.vectors, turned[:, :, None])[:, :, 0])

    def generator(self, t: float, psi: np.ndarray) -> np.ndarray:
        """What acts on the states besides the coupling and what is in the picture."""
        if self.interaction:
            return np.zeros_like(psi)
        if not self.evolving:
            out = np.matmul(self.full, psi[:, :, None])[:, :, 0]
            return np.asarray(out + self.rates[:, None] * psi)
        out = np.array(
            [
                (h(t) if isinstance(h, qutip.QobjEvo) else h).full() @ p
                for h, p in zip(self.hamiltonians, psi, strict=True)
            ]
        )
        _look(t, psi, out)
        return np.asarray(out + self.rates[:, None] * psi)

    def centres(self, psi: np.ndarray, norm: np.ndarray) -> np.ndarray:
        """⟨ψ_j,xψ_j⟩/‖ψ_j‖², (N, d)."""
        x = [np.einsum("ja,ja->j", psi.conj(), psi @ p.T).real for p in self.positions]
        return np.asarray(np.array(x).T / norm[:, None])


def _own_rates(model: SchrodingerLohe, n: int) -> np.ndarray:
    """Ω_j alone: numbers in which Hamiltonians differ are in the Hamiltonians."""
    return np.zeros(n) if model.frequencies is None else np.array(model.frequencies)


def _look(t: float, psi: np.ndarray, images: np.ndarray) -> None:
    """Notice ⟨ψ,Hψ⟩ that is not real."""
    value = np.einsum("jm,jm->j", psi.conj(), images)
    size = np.linalg.norm(psi, axis=1) * np.linalg.norm(images, axis=1)
    bad = ~(np.abs(value.imag) <= 1e-9 * size)
    if np.any(bad):
        j = int(np.argmax(bad))
        raise ValueError(
            f"hamiltonian[{j}] must be Hermitian and finite at all times; at t={t:g} "
            f"⟨ψ,Hψ⟩={value[j]:.6g}"
        )


class LinesEquations:
    """Equations of y and θ, and what rows of them mean.

    Parameters
    ----------
    model : SchrodingerLohe
    setup : StatesSetup
    interaction : bool
        Interaction picture, or the states themselves.
    """

    def __init__(self, model: SchrodingerLohe, setup: StatesSetup, interaction: bool):
        self.model, self.setup = model, setup
        self.n, self.m = setup.n, setup.m
        kind = _MatrixPicture if model.grid is None else _GridPicture
        self.picture: Any = kind(model, self.n, setup.t0, interaction)
        self.aligns = influence_of(model) is not None
        self.matrix = model.coupling_matrix(self.n)
        self.theta0 = model.start_theta(self.n)

    def start(self) -> np.ndarray:
        """The initial state of the integrator."""
        y = self.picture.enter(self.setup.t0, self.setup.psi0).ravel()
        return np.concatenate([y, self.theta0.astype(complex)]) if self.aligns else y

    def states(self, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The states (N, M) and the auxiliary numbers θ (N,) of a row `y` at time `t`."""
        size = self.n * self.m
        psi = self.picture.leave(t, y[:size].reshape(self.n, self.m))
        return psi, (y[size:].real if self.aligns else self.theta0)

    def row(self, y: np.ndarray, j: int) -> np.ndarray:
        """What the integrator carries of oscillator `j`."""
        return np.asarray(y[j * self.m : (j + 1) * self.m])

    def __call__(self, t: float, y: np.ndarray) -> np.ndarray:
        """Time derivative of the row, dy/dt."""
        model = self.model
        psi, theta = self.states(t, y)
        gram = self.setup.gram(psi)
        norm = np.diag(gram).real
        s = np.einsum("jl,lj->j", self.matrix.conj(), gram)
        c = s / norm if model.normalised else s
        mix = theta[:, None] * self.matrix - np.diag(c)
        out = np.empty(len(y), complex)
        change = -1j * self.picture.generator(t, psi) + 0.5 * model.coupling * (mix @ psi)
        out[: psi.size] = self.picture.enter(t, change).ravel()
        if self.aligns:
            out[psi.size :] = self._align(psi, norm, theta)
        return out

    def _align(self, psi: np.ndarray, norm: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Time derivative of θ by the alignment, (N,)."""
        model = self.model
        if not model.aligns_by_distance:
            rate = model.alignment * float(model.kernel.floor)
            return np.asarray(rate * (np.mean(theta) - theta))
        x = self.picture.centres(psi, norm)
        distance = np.linalg.norm(x[:, None] - x[None], axis=2)
        h = np.broadcast_to(model.kernel(distance.ravel()), (self.n**2,)).reshape(self.n, self.n)
        off = h[~np.eye(self.n, dtype=bool)]
        if not np.all(np.isfinite(off) & (off >= 0)):
            raise ValueError("kernel must be finite and at least 0")
        pulls = np.sum(h * (theta[None, :] - theta[:, None]), axis=1)
        return np.asarray(model.alignment / self.n * pulls)

    def vital(self, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared norms and their rates of change."""
        psi, theta = self.states(t, y)
        gram = self.setup.gram(psi)
        norm = np.diag(gram).real
        s = np.einsum("jl,lj->j", self.matrix.conj(), gram).real
        return norm, self.model.coupling * s * (theta - (1.0 if self.model.normalised else norm))


# a compiled class without a stub
class LinesRightHandSide(PythonRightHandSide):  # type: ignore[misc]
    """With the equations of its run."""

    equations: LinesEquations
