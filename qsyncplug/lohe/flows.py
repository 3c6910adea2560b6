"""Coupled systems for the splitting methods: coupling in coefficient form, potential, kinetic
energy; or eigenbases of Qobj.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import qutip
import scipy.fft
import scipy.linalg
from scipy.linalg.blas import zgemm, zherk

from .._ext.integrator import Integrator
from .._ext.lohe import LoheRightHandSide
from ..core.checks import check_memory
from ..core.status import Status
from ..waves.hamiltonian import GridHamiltonian
from ..waves.splitting import Cache, OscillatorLostError, SubStepError, phase
from .guard import may_vanish
from .kernel import mean_factor
from .model import SchrodingerLohe

__all__ = ["CoefficientFlow", "CoupledSystem", "GridSystem", "MatrixSystem", "coupled_system"]

#: steps of the coupling within a step of the splitting
NSTEPS = 1000


class CoefficientFlow:
    r"""The flow of the coupling alone as a matrix A(dt): ψ_j → Σ_l A_jl ψ_l.

    The coupling only mixes the states of a moment, so that their Gram matrix (and that of the
    coordinates, for alignment) is all it needs; A starts at 1 and follows an N×N equation, whatever
    the size of the states.

    Parameters
    ----------
    model : SchrodingerLohe
    n : int
        Oscillators.
    influence : object
        Kernel as the compiled right-hand side takes it, or None.
    dimensions : int
        Coordinates.
    """

    def __init__(self, model: SchrodingerLohe, n: int, influence: Any, dimensions: int):
        self.n = n
        self.may_vanish = may_vanish(model)
        self.may_grow = model.variant != "standard"
        self.start_norms: np.ndarray | None = None
        self.needs_positions = model.aligns_by_distance
        positions = None
        if self.needs_positions:
            zeros = np.zeros((dimensions, n, n))
            positions = ("modes", zeros, zeros, np.zeros(dimensions), np.zeros(dimensions))
        self.rhs = LoheRightHandSide(
            n,
            n,
            model.coupling,
            model.normalised,
            model.start_theta(n),
            factor=mean_factor(model),
            graph=model.coupling_graph(n),
            metric=np.eye(n),
            influence=influence,
            alignment=model.alignment,
            positions=positions,
            dynamic=influence is not None,
        )
        self._dynamic = self.rhs.dynamic_theta
        self._integrator = Integrator(
            self.rhs, rtol=1e-13, atol=1e-15, nsteps=NSTEPS if self.may_grow else 20 * NSTEPS
        )
        self._out = np.empty((1, self.rhs.size))
        self._unit = np.eye(n, dtype=complex).ravel()

    def __call__(
        self, gram: np.ndarray, positions: np.ndarray | None, theta: np.ndarray, dt: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """A and the new θ after `dt`, which may be negative.

        Raises
        ------
        OscillatorLostError
            A norm passed through zero (Model 1), or grew without bound.
        """
        rhs, n = self.rhs, self.n
        rhs.set_theta_values(theta)
        rhs.set_metric(gram)
        if positions is not None:
            rhs.set_mode_matrices(positions)
        start = self._unit
        if self._dynamic:
            start = np.concatenate([start, theta.astype(complex)])
        rhs.direction = 1.0 if dt >= 0 else -1.0
        length = abs(dt)
        # one step mostly: the zeros of the unit matrix would make the method's own guess too short
        self._integrator.first_step = length
        self._integrator.set_state(0.0, start, length)
        status, count = self._integrator.advance(np.array([length]), self._out)
        if count == 0:
            if rhs.error is not None:
                raise rhs.error
            if self._integrator.interruption is not None:
                raise self._integrator.interruption
            raise self._failure(status, gram, length)
        y = self._out[0].view(complex)
        a = y[: n * n].reshape(n, n).copy()
        if self.may_vanish:
            along = np.einsum("jl,jl->j", gram, a).real
            if np.any(along < 0):
                raise OscillatorLostError(int(np.argmin(along / np.diag(gram).real)))
        return a, (y[n * n :].real.copy() if self._dynamic else theta)

    def _failure(self, status: int, gram: np.ndarray, length: float) -> ArithmeticError:
        """What a sub-step that did not reach its end says: lost, blown up, or only too long."""
        n, mass = self.n, np.diag(gram).real
        a = self._integrator.get_state()[1][: n * n].reshape(n, n)
        growth = np.einsum("jl,jm,lm->j", a.conj(), a, gram).real / np.maximum(mass, 1e-300)
        if self.may_grow and not np.max(growth) < 100:
            return OscillatorLostError(int(np.argmax(growth)), blown_up=True)
        start = np.ones(n) if self.start_norms is None else self.start_norms
        left = growth * mass / start
        if self.may_vanish and (status != Status.STEP_LIMIT or np.min(left) < 1e-3):
            return OscillatorLostError(int(np.argmin(left)))
        return SubStepError(
            f"the coupling could not be followed over a step of {length:.3g} in "
            f"{self._integrator.nsteps} steps of its own; take a smaller step"
        )


class CoupledSystem(ABC):
    """States psi (N, M), θ, the time, and the flow of the coupling; subclasses add the
    Hamiltonians' flows.

    Parameters
    ----------
    model : SchrodingerLohe
    psi : (N, M) complex array
    t0 : float
    influence : object
    """

    weight = 1.0
    dimensions = 0

    def __init__(self, model: SchrodingerLohe, psi: np.ndarray, t0: float, influence: Any):
        self.model = model
        self.n, self.m = psi.shape
        self.psi = np.array(psi, dtype=complex, order="C")
        self.theta = model.start_theta(self.n)
        self.time = t0
        self.flow = CoefficientFlow(model, self.n, influence, self.dimensions)
        self._spare = np.empty_like(self.psi)
        self._upper = np.triu(np.ones((self.n, self.n), dtype=bool))
        self.cache = Cache(2**29)
        self.flow.start_norms = np.maximum(np.diag(self.gram()).real, 1e-300)

    def time_to_vanish(self, j: int) -> float:
        """Time after which the norm of oscillator `j`, which falls linearly, is zero."""
        model, gram = self.model, self.gram()
        norm = np.sqrt(gram[j, j].real)
        s = (model.coupling_matrix(self.n)[j].conj() @ gram[:, j]).real
        target = 1.0 if model.normalised else norm**2
        fall = -0.5 * model.coupling * s * (self.theta[j] - target) / norm if norm > 0 else 0.0
        return float(norm / fall) if fall > 0 else 0.0

    def is_vanishing(self, j: int) -> bool:
        """Whether the norm of oscillator `j` is next to nothing beside its start."""
        start = self.flow.start_norms
        assert start is not None
        return bool(self.gram()[j, j].real < 1e-6 * start[j])

    def gram(self) -> np.ndarray:
        """Gram matrix ⟨ψ_j,ψ_k⟩, (N, N)."""
        upper = zherk(self.weight, self.psi.T, trans=2)
        return np.asarray(np.where(self._upper, upper, upper.conj().T))

    @abstractmethod
    def position_matrices(self) -> np.ndarray:
        """Matrices ⟨ψ_j,xψ_k⟩ of every coordinate, (d, N, N): what the alignment needs of the
        states.
        """

    def couple(self, dt: float) -> None:
        """Flow of coupling and alignment over `dt`."""
        positions = self.position_matrices() if self.flow.needs_positions else None
        a, self.theta = self.flow(self.gram(), positions, self.theta, dt)
        np.dot(a, self.psi, out=self._spare)
        self.psi, self._spare = self._spare, self.psi

    def save(self) -> Any:
        """Copy of the state, for :meth:`restore`."""
        return self.psi.copy(), self.theta.copy(), self.time

    def restore(self, saved: Any) -> None:
        """Go back to what :meth:`save` gave."""
        np.copyto(self.psi, saved[0])
        self.theta, self.time = saved[1].copy(), saved[2]

    def distance(self, saved: Any, rtol: float, atol: float) -> float:
        """Largest relative difference of a state or a θ, in units of the tolerance."""
        root = np.sqrt(self.weight)
        size = np.sqrt(np.einsum("jm,jm->j", self.psi.view(float), self.psi.view(float))) * root
        np.subtract(self.psi, saved[0], out=self._spare)
        off = (
            np.sqrt(np.einsum("jm,jm->j", self._spare.view(float), self._spare.view(float))) * root
        )
        theta = np.max(np.abs(self.theta - saved[1]) / (atol + rtol * np.abs(self.theta)))
        return float(max(np.max(off / (atol + rtol * size)), theta))


class GridSystem(CoupledSystem):
    """Different potentials on one grid: coupling, potential and frequency, kinetic energy (which
    moves the clock).
    """

    def __init__(self, model: SchrodingerLohe, psi: np.ndarray, t0: float, influence: Any):
        grid = model.grid
        self.grid = grid
        self.weight = grid.weight
        self.dimensions = grid.ndim
        super().__init__(model, psi, t0, influence)
        self.hamiltonians: tuple[GridHamiltonian, ...] = model.hamiltonians(self.n)
        self._moving = [j for j, h in enumerate(self.hamiltonians) if h.time_dependent]
        self._axes = tuple(range(1, 1 + grid.ndim))
        self._potentials = (
            np.array([h.values.ravel() for h in self.hamiltonians]) + self.model_rates()[:, None]
        )
        self._positions = [np.broadcast_to(x, grid.shape).ravel() for x in grid.mesh]
        self.parts = [self.couple, self.kick, self.drift]

    def model_rates(self) -> np.ndarray:
        """Ω_j alone: numbers in which the Hamiltonians differ are in their potentials."""
        return (
            np.zeros(self.n) if self.model.frequencies is None else np.array(self.model.frequencies)
        )

    def position_matrices(self) -> np.ndarray:
        out = []
        for x in self._positions:
            np.multiply(self.psi, x, out=self._spare)
            out.append(zgemm(self.weight, self.psi.T, self._spare.T, trans_a=2))
        return np.array(out)

    def kick(self, dt: float) -> None:
        """Flow of potential and frequencies over `dt`."""
        self.psi *= self.cache.get("V", dt, self._kick_factors)
        for j in self._moving:
            self.psi[j] *= phase(
                (self.hamiltonians[j].values_at(self.time) - self.hamiltonians[j].values).ravel(),
                dt,
            )

    def _kick_factors(self, dt: float) -> np.ndarray:
        return phase(self._potentials, dt)

    def drift(self, dt: float) -> None:
        """Flow of the kinetic energy over `dt`; moves the clock."""
        hat = scipy.fft.fftn(
            self.psi.reshape(self.n, *self.grid.shape), axes=self._axes, overwrite_x=True
        )
        hat *= self.cache.get("T", dt, lambda x: phase(self.grid.kinetic, x))
        self.psi = scipy.fft.ifftn(hat, axes=self._axes, overwrite_x=True).reshape(self.n, self.m)
        self.time += dt


class MatrixSystem(CoupledSystem):
    """Different Qobj: coupling, and the exact evolution under each H_j from its eigenbasis."""

    def __init__(self, model: SchrodingerLohe, psi: np.ndarray, t0: float, influence: Any):
        self.dimensions = 0 if model.position is None else len(model.position)
        super().__init__(model, psi, t0, influence)
        self._positions = [] if model.position is None else [x.full() for x in model.position]
        rates = np.zeros(self.n) if model.frequencies is None else np.array(model.frequencies)
        size = self.m
        check_memory("the levels of every Hamiltonian", 48.0 * self.n * size * size)
        self._levels = []
        for h, rate in zip(model.hamiltonians(self.n), rates, strict=True):
            energies, vectors = scipy.linalg.eigh(h.full(), check_finite=False)
            self._levels.append((energies + rate, vectors))
        self.parts = [self.couple, self.evolve]

    def position_matrices(self) -> np.ndarray:
        return np.array([self.psi.conj() @ x @ self.psi.T for x in self._positions])

    def evolve(self, dt: float) -> None:
        """Every oscillator under its own Hamiltonian."""
        steps = self.cache.get("H", dt, self._steps)
        self.psi = np.matmul(steps, self.psi[:, :, None])[:, :, 0]
        self.time += dt

    def _steps(self, dt: float) -> np.ndarray:
        return np.array([(v * np.exp(-1j * dt * e)) @ v.conj().T for e, v in self._levels])


def coupled_system(model: SchrodingerLohe, psi: np.ndarray, t0: float, influence: Any) -> Any:
    """The fitting kind of :class:`CoupledSystem`."""
    if model.grid is not None:
        return GridSystem(model, psi, t0, influence)
    if any(isinstance(h, qutip.QobjEvo) for h in model.hamiltonians(len(psi))):
        raise ValueError(
            "options['method']: Hamiltonians that are QobjEvo and differ are solved by 'dop853'"
        )
    return MatrixSystem(model, psi, t0, influence)
