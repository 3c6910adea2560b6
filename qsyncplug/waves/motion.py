"""Motion of a few basis vectors under one Hamiltonian: e^{−iHt}Q, and matrices of position and
momentum in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import qutip
import scipy.fft
import scipy.linalg

from .._ext.equations import PythonRightHandSide
from .._ext.integrator import Integrator
from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.pulses import find_breaks
from .hamiltonian import GridHamiltonian, functions_of_time
from .splitting import SCHEMES, Cache, Splitting, phase
from .stepping import Rewindable

__all__ = [
    "EigenMotion",
    "EvoMotion",
    "GridMotion",
    "Motion",
    "motion_of",
]

#: up to this many points the Hamiltonian is diagonalised once; beyond, the basis is stepped by
#: splitting
DENSE_GRID = 640
DENSE_QOBJ = 4096
#: largest change of the products of basis vectors under a time-dependent Hamiltonian that is
#: Hermitian
ISOMETRY = 1e-6


class Motion:
    """Basis vectors Q (r, M) at `t0` and what becomes of them.

    Parameters
    ----------
    hamiltonian : GridHamiltonian, Qobj or QobjEvo
    basis : (r, M) complex array
    t0 : float
    position : sequence of Qobj, optional
    rtol : float
        Of the stepping, where the Hamiltonian is not diagonalised.
    """

    def __init__(
        self,
        hamiltonian: Any,
        basis: np.ndarray,
        t0: float,
        position: Any = None,
        rtol: float = 1e-12,
    ):
        self.hamiltonian = hamiltonian
        self.start = basis
        self.t0 = t0
        self.rtol = rtol
        # how much of each basis vector the states hold at the start
        self.scales = np.ones(len(basis))
        # called with the weighted basis and the time where positions are worked out on a grid
        self.watch: Any = None
        self.grid: Any = hamiltonian.grid if isinstance(hamiltonian, GridHamiltonian) else None
        self.weight = self.grid.weight if self.grid is not None else 1.0
        self.position = None if position is None else [x.full() for x in position]
        self._begin()

    def _begin(self) -> None:
        """What a way of moving needs beside."""

    @property
    def dimensions(self) -> int:
        """Number of coordinates whose position matrices there are."""
        return self.grid.ndim if self.grid is not None else len(self.position or ())

    def at(self, t: float) -> np.ndarray:
        """The basis (r, M) at time `t`."""
        raise NotImplementedError

    def gram(self, basis: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Matrix ⟨basis_a, images_b⟩ of two sets of rows, with the grid's weight."""
        return np.asarray((basis.conj() @ images.T) * self.weight)

    def positions(self, basis: np.ndarray) -> np.ndarray:
        """Matrices (d, r, r) of the coordinates."""
        if self.grid is None:
            return np.array([self.gram(basis, basis @ x.T) for x in self.position or ()])
        return np.array(
            [self.gram(basis, basis * self.coordinate(a)) for a in range(self.grid.ndim)]
        )

    def momenta(self, basis: np.ndarray) -> np.ndarray:
        """Matrices (d, r, r) of −i∂ (grids only)."""
        return np.array(
            [self.gram(basis, self.derivative(basis, a)) for a in range(self.grid.ndim)]
        )

    def derivative(self, basis: np.ndarray, axis: int) -> np.ndarray:
        """−i∂ along one axis of the grid."""
        shaped = basis.reshape(-1, *self.grid.shape)
        return np.asarray(-1j * self.grid.derivative(shaped, axis)).reshape(basis.shape)

    def coordinate(self, axis: int) -> np.ndarray:
        """One coordinate at every point of the flattened grid."""
        return np.broadcast_to(self.grid.mesh[axis], self.grid.shape).ravel()

    def mark(self, t: float) -> None:
        """Remember the basis at `t`, for going back."""

    def avoid_pulses(self, times: np.ndarray, share: float = 1.0) -> None:
        """Pass over no pulse of the Hamiltonian between these times, a share of the run."""

    def _watched_positions(self, t: float) -> np.ndarray:
        basis = self.at(t)
        if self.watch is not None:
            self.watch(basis * self.scales[:, None], t)
        return self.positions(basis)

    def modes(self) -> tuple[Any, ...] | None:
        """What the kernel needs for the centres in a quadratic potential in closed form, or
        None.
        """
        form = self.hamiltonian.quadratic if self.grid is not None else None
        if form is None:
            return None
        u = np.einsum("ia,ijk->ajk", form.axes, self.positions(self.start))
        w = np.einsum("ia,ijk->ajk", form.axes, self.momenta(self.start))
        return "modes", u, w, form.kappa, form.force

    def mode_positions(
        self, form: Any, u: np.ndarray, w: np.ndarray, t: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Matrices (d, r, r) of the coordinates at `t` in a quadratic potential, without and with
        the shift by the force.
        """
        s = t - self.t0
        c, sn, shift = np.empty((3, len(form.kappa)))
        for a, (kappa, force) in enumerate(zip(form.kappa, form.force, strict=True)):
            if kappa == 0:
                c[a], sn[a], shift[a] = 1.0, s, -0.5 * force * s * s
                continue
            v = np.sqrt(complex(kappa))
            c[a], sn[a] = np.cos(v * s).real, (np.sin(v * s) / v).real
            shift[a] = force * (c[a] - 1) / kappa
        modes = c[:, None, None] * u + sn[:, None, None] * w
        return np.einsum("ia,ajk->ijk", form.axes, modes), form.axes @ shift

    def chebyshev(self, t1: float, tolerance: float = 1e-13, degree: int = 30) -> tuple[Any, ...]:
        """Matrices of the coordinates on [t0, t1] as pieces of Chebyshev series, with tails below
        `tolerance`.
        """
        nodes = np.cos(np.pi * np.arange(degree, -1, -1) / degree)
        edges, pieces = [self.t0], []
        length = t1 - self.t0
        while edges[-1] < t1 * (1 - 1e-15) if t1 > 0 else edges[-1] < t1:
            a = edges[-1]
            b = min(a + length, t1)
            if t1 - b < 1e-3 * length:
                b = t1
            self.mark(a)
            values = np.array(
                [self._watched_positions(0.5 * (a + b) + 0.5 * (b - a) * z) for z in nodes]
            )
            series = _chebyshev_series(values)
            scale = max(np.max(np.abs(series)), 1e-300)
            tail = np.max(np.abs(series[-3:]))
            # a tail that does not shrink any more is the rounding of the stepping
            if tail > tolerance * scale * max(1, 4 * self.rtol / tolerance) and b - a > 1e-6 * (
                t1 - self.t0
            ):
                length = 0.5 * (b - a)
                continue
            pieces.append(series)
            edges.append(b)
            if tail < 1e-2 * tolerance * scale:
                length = 1.5 * (b - a)
        return "chebyshev", np.array(edges), np.array(pieces)


def _chebyshev_series(values: np.ndarray) -> np.ndarray:
    """Coefficients of the interpolant through values at cos(π(n−j)/n), j=0…n."""
    n = len(values) - 1
    turned = values[::-1]
    mirrored = np.concatenate([turned, turned[-2:0:-1]])
    series: np.ndarray = scipy.fft.fft(mirrored, axis=0)[: n + 1] / n
    series[0] /= 2
    series[n] /= 2
    return series


class EigenMotion(Motion):
    """By diagonalising the Hamiltonian once."""

    def _begin(self) -> None:
        self._ready = False

    def _prepare(self) -> None:
        if self._ready:
            return
        if self.grid is not None:
            energies, vectors = self.hamiltonian.spectrum
        else:
            matrix = self.hamiltonian.full()
            energies, vectors = scipy.linalg.eigh(
                matrix if np.any(matrix.imag) else matrix.real, check_finite=False
            )
        amplitudes = vectors.conj().T @ self.start.T
        # levels that hold less than rounding do not matter
        weight = np.sum(np.abs(amplitudes * self.scales) ** 2, axis=1)
        order = np.argsort(weight)
        small = order[np.cumsum(weight[order]) < 1e-29 * np.sum(weight)]
        keep = np.setdiff1d(np.arange(len(energies)), small)
        self.energies = energies[keep]
        self.vectors = np.ascontiguousarray(vectors[:, keep])
        self.amplitudes = amplitudes[keep]
        self._ready = True

    def at(self, t: float) -> np.ndarray:
        """The basis (r, M) at time `t`."""
        self._prepare()
        moved = np.exp(-1j * self.energies * (t - self.t0))[:, None] * self.amplitudes
        return _times(self.vectors, moved).T

    def edge_bound(self) -> tuple[float, float]:
        """Upper bounds, at all times, of the fractions of any state's mass near the edge of the box
        and of the wave numbers.
        """
        self._prepare()
        grid = self.grid
        levels = self.vectors.T.reshape(-1, *grid.shape)
        size = np.sqrt(np.sum(np.abs(self.amplitudes * self.scales) ** 2, axis=1) * grid.weight)
        bounds = []
        for density, axes, part in (
            (np.abs(levels) ** 2, grid.axes, 0.95),
            (
                np.abs(scipy.fft.fftn(levels, axes=tuple(range(1, levels.ndim)))) ** 2 / grid.size,
                grid.wave_numbers,
                0.9,
            ),
        ):
            worst = 0.0
            for a, points in enumerate(axes):
                outside = np.abs(points) > part * np.max(np.abs(points))
                held = np.sqrt(
                    np.sum(
                        np.compress(outside, density, axis=a + 1), axis=tuple(range(1, levels.ndim))
                    )
                )
                worst = max(worst, float(size @ held) ** 2)
            bounds.append(worst)
        return bounds[0], bounds[1]

    def states(self, times: np.ndarray, x: np.ndarray) -> np.ndarray:
        """x[t] @ basis(t) of many times at once: (T, N, M)."""
        self._prepare()
        t, n, r = x.shape
        phases = np.exp(-1j * np.outer(self.energies, times - self.t0))
        moved = (self.amplitudes @ x.reshape(t * n, r).T).reshape(-1, t, n) * phases[:, :, None]
        flat = _times(self.vectors, moved.reshape(len(self.energies), t * n))
        return flat.T.reshape(t, n, -1)


def _times(vectors: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A product that does not make real vectors complex."""
    if np.iscomplexobj(vectors):
        return np.asarray(vectors @ x)
    product: np.ndarray = vectors @ np.ascontiguousarray(x).view(float)
    return product.view(complex)


class _SteppedMotion(Motion, ABC):
    """Stepped from the last time asked for, or from the start."""

    _breaks = np.empty(0)
    #: times that were not looked at yet, and their share of the run
    _ahead: tuple[np.ndarray, float] | None = None

    def avoid_pulses(self, times: np.ndarray, share: float = 1.0) -> None:
        # a run that asks for no basis calls no function of the user's
        if self._ahead is not None:
            times, share = np.union1d(self._ahead[0], times), min(1.0, self._ahead[1] + share)
        self._ahead = times, share

    def _begin(self) -> None:
        self._time = self.t0
        self._basis = self.start.copy()
        self._mark = (self.t0, self._basis)

    def mark(self, t: float) -> None:
        """Remember the basis at `t`, for going back."""
        self._mark = (t, self.at(t).copy())

    def at(self, t: float) -> np.ndarray:
        """The basis (r, M) at time `t`."""
        if t < self._time:
            self._time, self._basis = self._mark if t >= self._mark[0] else (self.t0, self.start)
        if t > self._time:
            if self._ahead is not None:
                times, share = self._ahead
                self._ahead = None
                self._breaks = find_breaks(functions_of_time(self.hamiltonian), times, share)
            # a step makes a new array
            self._basis = self._step(self._basis, self._time, t)
            self._time = t
        return self._basis

    @abstractmethod
    def _step(self, basis: np.ndarray, t: float, t1: float) -> np.ndarray: ...


class GridMotion(_SteppedMotion):
    """By adaptive splitting of kinetic and potential energy, of order 6."""

    def _begin(self) -> None:
        super()._begin()
        self._system = FreeSystem(self.hamiltonian, self.t0)
        self._stepper = Splitting(self._system, SCHEMES["s10"])
        self._h = 1.0 / (1.0 + np.ptp(self.hamiltonian.values)) ** 0.5

    def _step(self, basis: np.ndarray, t: float, t1: float) -> np.ndarray:
        self._system.psi = basis.reshape(-1, *self.grid.shape).copy()
        self._system.time = t
        for end in (*self._breaks[(self._breaks > t) & (self._breaks < t1)], t1):
            self._h = self._stepper.adaptive(t, end, self._h, self.rtol, 0.0, np.inf, _nothing)
            t = end
        return self._system.psi.reshape(basis.shape)


def _nothing(t: float) -> None:
    """Check nothing after a step."""


class FreeSystem(Rewindable):
    """Uncoupled wave functions on a grid, for :class:`Splitting`: potential, then kinetic energy,
    which also moves the clock.
    """

    def __init__(self, hamiltonian: GridHamiltonian, t0: float):
        self.hamiltonian = hamiltonian
        self.time = t0
        self.psi = np.empty(0, complex)
        self._cache = Cache()
        self._axes = tuple(range(-hamiltonian.grid.ndim, 0))
        self.parts = [self.kick, self.drift]

    def kick(self, dt: float) -> None:
        """Flow of the potential over `dt`."""
        if self.hamiltonian.time_dependent:
            self.psi *= phase(self.hamiltonian.values_at(self.time), dt)
        else:
            self.psi *= self._cache.get("V", dt, lambda x: phase(self.hamiltonian.values, x))

    def drift(self, dt: float) -> None:
        """Flow of the kinetic energy over `dt`; moves the clock."""
        hat = scipy.fft.fftn(self.psi, axes=self._axes, overwrite_x=True)
        hat *= self._cache.get("T", dt, lambda x: phase(self.hamiltonian.grid.kinetic, x))
        self.psi = scipy.fft.ifftn(hat, axes=self._axes, overwrite_x=True)
        self.time += dt

    def distance(self, saved: Any, rtol: float, atol: float) -> float:
        """Largest relative difference of a vector, in units of the tolerance."""
        axes = tuple(range(1, self.psi.ndim))
        size = np.sqrt(np.sum(np.abs(self.psi) ** 2, axis=axes))
        off = np.sqrt(np.sum(np.abs(self.psi - saved[0]) ** 2, axis=axes))
        return float(np.max(off / (atol + rtol * size)))


class EvoMotion(_SteppedMotion):
    """A QobjEvo, by the compiled Dormand–Prince method."""

    def _step(self, basis: np.ndarray, t: float, t1: float) -> np.ndarray:
        shape = basis.shape
        evo = self.hamiltonian

        def function(s: float, y: np.ndarray) -> np.ndarray:
            h = evo(s)
            rows = y.reshape(shape).T
            image = (h.data_as("csr_matrix") if h.dtype.__name__ == "CSR" else h.full()) @ rows
            return np.asarray(-1j * image.T)

        integrator = Integrator(
            PythonRightHandSide(function, basis.size, True), rtol=self.rtol, atol=1e-2 * self.rtol
        )
        integrator.set_state(t, basis.ravel(), t1)
        integrator.set_breaks(self._breaks)
        out = np.empty((1, 2 * basis.size))
        _, count = integrator.advance(np.array([t1]), out)
        if count == 0:
            raise SolverError(
                f"the time-dependent Hamiltonian could not be followed past t={integrator.t:g}",
                time=integrator.t,
                reason="basis propagation",
            ) from integrator.rhs.error
        moved = out.view(complex).reshape(shape).copy()
        # a Hermitian Hamiltonian keeps the basis orthonormal
        lost = float(np.max(np.abs(self.gram(moved, moved) - self.gram(basis, basis))))
        if not lost < ISOMETRY:
            raise SolverError(
                f"hamiltonian must be Hermitian at all times: between t={t:g} and t={t1:g} "
                f"products "
                f"of the states changed by {lost:.2g}",
                time=t1,
                reason="Hamiltonian not Hermitian",
            )
        return moved


def motion_of(
    hamiltonian: Any, basis: np.ndarray, t0: float, *, position: Any = None, rtol: float = 1e-12
) -> Motion:
    """The fitting kind of :class:`Motion`."""
    if isinstance(hamiltonian, qutip.QobjEvo):
        return EvoMotion(hamiltonian, basis, t0, position=position, rtol=rtol)
    if isinstance(hamiltonian, GridHamiltonian):
        dense = hamiltonian.grid.size <= DENSE_GRID and not hamiltonian.time_dependent
        kind: type[Motion] = EigenMotion if dense else GridMotion
        return kind(hamiltonian, basis, t0, rtol=rtol)
    size = hamiltonian.shape[0]
    check_memory("diagonalising the Hamiltonian", 48.0 * size * size)
    return EigenMotion(hamiltonian, basis, t0, position=position, rtol=rtol)
