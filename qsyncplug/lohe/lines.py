"""Right-hand sides on the states themselves: the interaction picture ("lawson") and the method of
lines ("dop853").
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.fft
import scipy.linalg

from .._ext.equations import PythonRightHandSide
from .model import SchrodingerLohe
from .setup import StatesSetup

__all__ = ["LinesSetup", "lines_problem"]


class LinesSetup(StatesSetup):
    r"""States of a run by ``"lawson"`` or ``"dop853"``.

    The integrator carries y, with ψ = U(t) y: on a grid U=e^{−iTt}F^{-1} of the kinetic energy T,
    for Qobj e^{−i(H_j+Ω_j)t} in the eigenbasis of H_j; U=1 for the method of lines.
    """

    def __init__(
        self,
        model: SchrodingerLohe,
        psi0: Any,
        t0: float,
        store: bool,
        influence: Any,
        interaction: bool,
    ):
        super().__init__(model, psi0, t0, store)
        self.influence = influence
        self.interaction = interaction
        self.aligns = influence is not None
        self.matrix = model.coupling_matrix(self.n)
        self.hamiltonians = model.hamiltonians(self.n)
        self.rates = np.zeros(self.n) if model.frequencies is None else np.array(model.frequencies)
        self.theta0 = model.start_theta(self.n)
        grid = model.grid
        self.evolving = any(isinstance(h, qutip.QobjEvo) for h in self.hamiltonians)
        if grid is not None:
            self.axes = tuple(range(1, 1 + grid.ndim))
            self.positions = [np.broadcast_to(x, grid.shape).ravel() for x in grid.mesh]
            static = [
                np.zeros(grid.shape) if h.time_dependent else h.values for h in self.hamiltonians
            ]
            self.potentials = np.array([v.ravel() for v in static]) + self.rates[:, None]
            self.moving = [j for j, h in enumerate(self.hamiltonians) if h.time_dependent]
        else:
            self.matrices = [] if model.position is None else [x.full() for x in model.position]
            if interaction:
                levels = [
                    scipy.linalg.eigh(h.full(), check_finite=False) for h in self.hamiltonians
                ]
                self.energies = np.array([e for e, _ in levels]) + self.rates[:, None]
                self.vectors = np.array([v for _, v in levels])
            elif not self.evolving:
                self.full = np.array([h.full() for h in self.hamiltonians])

    # ------------------------------------------------------------ pictures

    def enter(self, t: float, psi: np.ndarray) -> np.ndarray:
        """Y of states."""
        if not self.interaction:
            return psi
        s = t - self.t0
        if self.model.grid is None:
            return (
                np.exp(1j * s * self.energies)
                * np.matmul(self.vectors.conj().swapaxes(1, 2), psi[:, :, None])[:, :, 0]
            )
        hat = scipy.fft.fftn(
            psi.reshape(self.n, *self.model.grid.shape), axes=self.axes, norm="ortho"
        )
        hat *= np.exp(1j * s * self.model.grid.kinetic)
        return hat.reshape(self.n, self.m)

    def leave(self, t: float, y: np.ndarray) -> np.ndarray:
        """States of y."""
        if not self.interaction:
            return y
        s = t - self.t0
        if self.model.grid is None:
            return np.matmul(self.vectors, (np.exp(-1j * s * self.energies) * y)[:, :, None])[
                :, :, 0
            ]
        hat = y.reshape(self.n, *self.model.grid.shape) * np.exp(-1j * s * self.model.grid.kinetic)
        return scipy.fft.ifftn(hat, axes=self.axes, norm="ortho", overwrite_x=True).reshape(
            self.n, self.m
        )

    def generator(self, t: float, psi: np.ndarray) -> np.ndarray:
        """What acts on the states besides the coupling and the part in the picture: (V+Ω)ψ or
        (H+Ω)ψ, or 0.
        """
        grid = self.model.grid
        if grid is not None:
            out = self.potentials * psi
            for j in self.moving:
                out[j] += self.hamiltonians[j].values_at(t).ravel() * psi[j]
            if not self.interaction:
                hat = scipy.fft.fftn(psi.reshape(self.n, *grid.shape), axes=self.axes)
                hat *= grid.kinetic
                out += scipy.fft.ifftn(hat, axes=self.axes, overwrite_x=True).reshape(
                    self.n, self.m
                )
            return out
        if self.interaction:
            return np.zeros_like(psi)
        if self.evolving:
            rows = [
                (h(t) if isinstance(h, qutip.QobjEvo) else h).full() @ p
                for h, p in zip(self.hamiltonians, psi, strict=True)
            ]
            out = np.array(rows)
            self._look(t, psi, out)
            return out + self.rates[:, None] * psi
        return np.matmul(self.full, psi[:, :, None])[:, :, 0] + self.rates[:, None] * psi

    def _look(self, t: float, psi: np.ndarray, images: np.ndarray) -> None:
        """Notice ⟨ψ,Hψ⟩ that is not real."""
        value = np.einsum("jm,jm->j", psi.conj(), images)
        size = np.linalg.norm(psi, axis=1) * np.linalg.norm(images, axis=1)
        bad = np.abs(value.imag) > 1e-9 * size
        if np.any(bad) or not np.all(np.isfinite(value)):
            j = int(np.argmax(bad | ~np.isfinite(value)))
            raise ValueError(
                f"hamiltonian[{j}] must be Hermitian and finite at all times; at t={t:g} "
                f"⟨ψ,Hψ⟩={value[j]:.6g}"
            )

    # ------------------------------------------------------------ the equations

    def function(self, t: float, y: np.ndarray) -> np.ndarray:
        """dy/dt."""
        model = self.model
        psi = self.leave(t, y[: self.n * self.m].reshape(self.n, self.m))
        theta = y[self.n * self.m :].real if self.aligns else self.theta0
        gram = self._positions.gram(psi, psi)
        norm = np.diag(gram).real
        s = np.einsum("jl,lj->j", self.matrix.conj(), gram)
        c = s / norm if model.normalised else s
        mix = theta[:, None] * self.matrix - np.diag(c)
        out = np.empty(len(y), complex)
        out[: self.n * self.m] = self.enter(
            t, -1j * self.generator(t, psi) + 0.5 * model.coupling * (mix @ psi)
        ).ravel()
        if self.aligns:
            out[self.n * self.m :] = self.align(psi, norm, theta)
        return out

    def align(self, psi: np.ndarray, norm: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """dθ/dt."""
        model = self.model
        if not model.aligns_by_distance:
            h = float(model.kernel.floor)
            return model.alignment * h * (np.mean(theta) - theta)
        if model.grid is not None:
            density = np.abs(psi) ** 2
            x = np.array([density @ p for p in self.positions]).T * self.weight / norm[:, None]
        else:
            x = (
                np.array(
                    [np.einsum("ja,ja->j", psi.conj(), psi @ p.T).real for p in self.matrices]
                ).T
                / norm[:, None]
            )
        distance = np.linalg.norm(x[:, None] - x[None], axis=2)
        h = np.broadcast_to(model.kernel(distance.ravel()), (self.n**2,)).reshape(self.n, self.n)
        off = h[~np.eye(self.n, dtype=bool)]
        if not np.all(np.isfinite(off) & (off >= 0)):
            raise ValueError("kernel must be finite and at least 0")
        return model.alignment / self.n * np.sum(h * (theta[None, :] - theta[:, None]), axis=1)

    def vital(self, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared norms and their rates of change."""
        psi = self.leave(t, y[: self.n * self.m].reshape(self.n, self.m))
        theta = y[self.n * self.m :].real if self.aligns else self.theta0
        gram = self._positions.gram(psi, psi)
        norm = np.diag(gram).real
        s = np.einsum("jl,lj->j", self.matrix.conj(), gram).real
        return norm, self.model.coupling * s * (theta - (1.0 if self.model.normalised else norm))

    def row(self, y: np.ndarray, j: int) -> np.ndarray:
        """What the integrator carries of oscillator `j`."""
        return y[j * self.m : (j + 1) * self.m]

    def unpack(self, t: float | None, row: np.ndarray) -> np.ndarray:
        """States (N, M) of a row at time `t`."""
        y = row.view(complex)[: self.n * self.m].reshape(self.n, self.m)
        return self.leave(self.step_time if t is None else t, y)

    step_time = 0.0

    def row_theta(self, t: float, row: np.ndarray) -> np.ndarray:
        """θ of a row."""
        return row.view(complex)[self.n * self.m :].real if self.aligns else self.theta0


class LinesRightHandSide(PythonRightHandSide):
    """With the setup of its run."""

    setup: LinesSetup


def lines_problem(setup: LinesSetup) -> tuple[LinesRightHandSide, np.ndarray]:
    """Right-hand side and initial state."""
    y0 = setup.enter(setup.t0, setup.psi0).ravel()
    if setup.aligns:
        y0 = np.concatenate([y0, setup.theta0.astype(complex)])
    rhs = LinesRightHandSide(setup.function, len(y0), True)
    rhs.setup = setup
    return rhs, y0
