"""The matrix of Wigner functions w_ij at one time; each entry is formed when it is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft

from ..core.checks import check_integer, check_memory
from ..core.saved import Saved
from .fit import factor_diagnostics, phase_space_diagnostics
from .kernels import correlate, correlate_kernel, to_momentum, upsample
from .phase_space import PhaseSpace

__all__ = ["ArrayMatrix", "FactorMatrix", "WignerMatrix"]


#: bytes that are not worth asking the system how much memory is free
_SMALL = 2**24


class WignerMatrix(Saved, ABC):
    """Entries w_ij(x, p), i, j = 0 … N−1, at one time.

    Attributes
    ----------
    n : int
    space : PhaseSpace
    hermitian : bool
        Is w_ji the conjugate of w_ij?

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> run = qsp.wlsolve(model, [grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0])
    >>> run.matrix(-1).n
    2
    """

    def __init__(self, space: PhaseSpace, n: int, hermitian: bool):
        self.space = space
        self.n = n
        self.hermitian = hermitian

    def __len__(self) -> int:
        return self.n

    def _check(self, i: int, j: int) -> tuple[int, int]:
        i = check_integer("i", i, minimum=-self.n, maximum=self.n - 1)
        j = check_integer("j", j, minimum=-self.n, maximum=self.n - 1)
        return i % self.n, j % self.n

    def wigner(self, i: int, j: int) -> np.ndarray:
        """w_ij on the phase space: real for i=j of Hermitian data, complex otherwise."""
        i, j = self._check(i, j)
        need = 3.0 * self.space.nbytes()
        if need > _SMALL:
            check_memory("one Wigner function", need, advice="take a coarser grid")
        return self._entry(i, j)

    def density(self, i: int, j: int) -> np.ndarray:
        """∫w_ij dp = ψ_i ψ̄_j of oscillators `i` and `j`, at the positions of the phase space."""
        i, j = self._check(i, j)
        return self._density(i, j)

    def momentum_density(self, i: int, j: int) -> np.ndarray:
        """∫w_ij dx of oscillators `i` and `j`, at the momenta of the phase space."""
        d = self.space.ndim
        return np.asarray(np.sum(self.wigner(i, j), axis=tuple(range(d))) * self.space.x_weight)

    @property
    @abstractmethod
    def integrals(self) -> np.ndarray:
        """z_ij = ∫w_ij dx dp = ⟨ψ_j,ψ_i⟩, complex (N, N), masses on the diagonal."""

    @property
    def gram(self) -> np.ndarray:
        """⟨ψ_j,ψ_k⟩ = ∫w_kj, (N, N)."""
        return self.integrals.T

    @property
    def masses(self) -> np.ndarray:
        """∫w_jj, (N,); real for Hermitian data."""
        diagonal = np.diag(self.integrals)
        return diagonal.real.copy() if self.hermitian else diagonal.copy()

    @property
    def correlations(self) -> np.ndarray:
        """⟨ψ_j,ψ_k⟩/√(⟨ψ_j,ψ_j⟩⟨ψ_k,ψ_k⟩), (N, N)."""
        m = self.masses
        return np.asarray(self.gram / np.sqrt(m[:, None] * m[None, :] + 0j))

    @abstractmethod
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (N, 2d) and symmetrised covariances (N, 2d, 2d) of (x₁, p₁, …) in w_jj/∫w_jj.

        Real for Hermitian data; of others w_jj is complex, and so are its moments.
        """

    @abstractmethod
    def norms(self) -> np.ndarray:
        """L² norms (∫|w_ij|² dx dp)^½ of the entries, (N, N)."""

    def distances(self) -> np.ndarray:
        """‖w_ij−w_kl‖=(∫|w_ij−w_kl|² dx dp)^½ of all pairs of entries: what Theorem 3.1 lets tend
        to zero.

        Returns
        -------
        ndarray of shape (N, N, N, N)
        """
        n = self.n
        check_memory("the distances", 32.0 * n**4 + 16.0 * n**2 * self.space.size)
        entries = [self.wigner(i, j) for i in range(n) for j in range(n)]
        gaps = [[np.linalg.norm(a - b) for b in entries] for a in entries]
        return np.asarray(np.array(gaps).reshape(n, n, n, n) * np.sqrt(self.space.weight))

    @abstractmethod
    def edges(self) -> dict[str, float]:
        """Amplitudes at the edges of the grid, relative to the largest."""

    @abstractmethod
    def _entry(self, i: int, j: int) -> np.ndarray: ...

    def _density(self, i: int, j: int) -> np.ndarray:
        d = self.space.ndim
        return np.asarray(np.sum(self._entry(i, j), axis=tuple(range(-d, 0))) * self.space.p_weight)


class FactorMatrix(WignerMatrix):
    """w_ij = Σ_α s_α W[left_i^α, right_j^α].

    Parameters
    ----------
    space : PhaseSpace
    left, right : (N, A, M) array
        `right` may be None for the same as `left`.
    signs : (A,) array
    """

    def __init__(
        self, space: PhaseSpace, left: np.ndarray, right: np.ndarray | None, signs: np.ndarray
    ):
        super().__init__(space, len(left), right is None)
        self.left = left
        self.right = left if right is None else right
        self.signs = signs

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        arrays = {"left": np.ndarray, "right": np.ndarray | None, "signs": np.ndarray}
        return {"space": PhaseSpace, **arrays}

    def _stored_fields(self) -> dict[str, Any]:
        right = None if self.hermitian else self.right
        return {"space": self.space, "left": self.left, "right": right, "signs": self.signs}

    def _fine(self, rows: np.ndarray) -> np.ndarray:
        grid = self.space.grid
        return upsample(rows.reshape(-1, *grid.shape), tuple(range(1, 1 + grid.ndim)))

    @cached_property
    def _left_fine(self) -> np.ndarray:
        return self._fine(self.left).reshape(*self.left.shape[:2], *self.space.x_shape)

    @cached_property
    def _right_fine(self) -> np.ndarray:
        return (
            self._left_fine
            if self.right is self.left
            else self._fine(self.right).reshape(self._left_fine.shape)
        )

    def _entry(self, i: int, j: int) -> np.ndarray:
        f, g = self._left_fine[i], self._right_fine[j]
        if len(f) > 2:
            # the sum over the members once, in one product
            signed = self.signs[:, None] * f.reshape(len(f), -1)
            u = correlate_kernel(
                (signed.T @ g.reshape(len(g), -1).conj()).reshape(self.space.shape)
            )
        else:
            u = sum(s * correlate(a, b) for s, a, b in zip(self.signs, f, g, strict=True))
        return to_momentum(u, self.space, self.hermitian and i == j)

    def _density(self, i: int, j: int) -> np.ndarray:
        out = np.tensordot(self.signs, self._left_fine[i] * self._right_fine[j].conj(), axes=1)
        return out.real if self.hermitian and i == j else out

    @cached_property
    def integrals(self) -> np.ndarray:
        signed = (self.left * self.signs[:, None]).reshape(self.n, -1)
        return np.asarray(self.space.grid.weight * signed @ self.right.reshape(self.n, -1).conj().T)

    def norms(self) -> np.ndarray:
        """(∫|w_ij|²)^½ = (2π)^(−d/2) (tr ρ_ij ρ_ij†)^½, (N, N)."""
        a = self.left.shape[1]
        weight = self.space.grid.weight
        rows = self.left if a == 1 else self.left * self.signs[:, None]
        gl = weight * np.einsum("iam,ibm->iab", rows.conj(), rows)
        gr = weight * np.einsum("iam,ibm->iab", self.right.conj(), self.right)
        # Σ_αβ ⟨l_β,l_α⟩⟨r_α,r_β⟩
        square = np.einsum("iba,jab->ij", gl, gr).real
        return np.asarray(np.sqrt(np.maximum(square, 0) / (2 * np.pi) ** self.space.ndim))

    def transport_norms(self) -> np.ndarray:
        """(∫|p·∇w_ij|²)^½, (N, N): p·∇w is the symbol of i[T, ρ], T the kinetic energy."""
        grid = self.space.grid
        axes = tuple(range(2, 2 + grid.ndim))

        def kinetic(rows: np.ndarray) -> np.ndarray:
            shaped = rows.reshape(*rows.shape[:2], *grid.shape)
            hat = scipy.fft.fftn(shaped, axes=axes) * grid.kinetic
            return np.asarray(scipy.fft.ifftn(hat, axes=axes).reshape(rows.shape))

        left = np.concatenate([kinetic(self.left), self.left], axis=1)
        right = np.concatenate([self.right, kinetic(self.right)], axis=1)
        signs = np.concatenate([self.signs, -self.signs])
        return FactorMatrix(self.space, left, right, signs).norms()

    def edges(self) -> dict[str, float]:
        """Amplitudes of the factors at the edges of the grid, relative to the largest."""
        sides = [self.left] if self.right is self.left else [self.left, self.right]
        found = [factor_diagnostics(rows, self.space.grid) for rows in sides]
        return {name: max(f[name] for f in found) for name in found[0]}

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (N, 2d) and symmetrised covariances (N, 2d, 2d) of (x₁, p₁, …) in w_jj/∫w_jj."""
        grid = self.space.grid
        d, n, a = grid.ndim, *self.left.shape[:2]

        def images(rows: np.ndarray) -> list[np.ndarray]:
            shaped = rows.reshape(n, a, *grid.shape)
            out = []
            for axis in range(d):
                out += [shaped * grid.mesh[axis], -1j * grid.derivative(shaped, axis)]
            return [x.reshape(n, a, -1) for x in out]

        left = images(self.left)
        right = left if self.right is self.left else images(self.right)

        def bracket(f: np.ndarray, g: np.ndarray) -> np.ndarray:
            return np.asarray(np.einsum("a,iam,iam->i", self.signs, g.conj(), f) * grid.weight)

        mass = bracket(self.left, self.right)
        mean = np.array([bracket(f, self.right) / mass for f in left]).T
        second = np.array([[bracket(f, g) / mass for g in right] for f in left]).transpose(2, 0, 1)
        second = 0.5 * (second + second.swapaxes(1, 2))
        covariance = second - mean[:, :, None] * mean[:, None, :]
        return (mean.real, covariance.real) if self.hermitian else (mean, covariance)

    def distances(self) -> np.ndarray:
        if self.left.shape[1] > 1:
            return super().distances()
        check_memory("the distances", 32.0 * self.n**4)
        return _pure_distances(self)


class ArrayMatrix(WignerMatrix):
    """w_ij = Σ_kl L_ik u_kl R_lj of arrays u_kl that have followed the linear flow.

    Parameters
    ----------
    space : PhaseSpace
    arrays : ndarray
        u_kl; of a Hermitian matrix those with k ≤ l alone, one after the other.
    left, right : (N, N) array
        L and R.
    hermitian : bool
        Whether w_ij is the conjugate of w_ji.
    """

    def __init__(
        self,
        space: PhaseSpace,
        arrays: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        hermitian: bool,
    ):
        super().__init__(space, len(left), hermitian)
        self.arrays = arrays
        self.left = left
        self.right = right

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        arrays = dict.fromkeys(("arrays", "left", "right"), np.ndarray)
        return {"space": PhaseSpace, **arrays, "hermitian": bool}

    def _source(self, k: int, m: int) -> np.ndarray:
        if not self.hermitian:
            return np.asarray(self.arrays[k * self.n + m])
        return np.asarray(
            self.arrays[pair_index(self.n, k, m)]
            if k <= m
            else self.arrays[pair_index(self.n, m, k)].conj()
        )

    def _entry(self, i: int, j: int) -> np.ndarray:
        out = np.zeros(self.space.shape, dtype=complex)
        for k in range(self.n):
            for m in range(self.n):
                factor = self.left[i, k] * self.right[m, j]
                if factor != 0:
                    out += factor * self._source(k, m)
        return out.real if self.hermitian and i == j else out

    @cached_property
    def integrals(self) -> np.ndarray:
        z = np.array(
            [
                [self.space.integrate(self._source(k, m)) for m in range(self.n)]
                for k in range(self.n)
            ]
        )
        return np.asarray(self.left @ z @ self.right)

    def norms(self) -> np.ndarray:
        size = [[np.linalg.norm(self._entry(i, j)) for j in range(self.n)] for i in range(self.n)]
        return np.asarray(np.array(size) * np.sqrt(self.space.weight))

    def edges(self) -> dict[str, float]:
        """Amplitudes of the u_kk at the edges of the grid, relative to the largest."""
        found = [phase_space_diagnostics(self._source(k, k), self.space) for k in range(self.n)]
        return {name: max(f[name] for f in found) for name in found[0]}

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (N, 2d) and symmetrised covariances (N, 2d, 2d) of (x₁, p₁, …) in w_jj/∫w_jj."""
        space, d = self.space, self.space.ndim
        axes: list[Any] = [None] * (2 * d)
        for a in range(d):
            shape = [1] * (2 * d)
            shape[a] = -1
            axes[2 * a] = space.x_axes[a].reshape(shape)
            shape = [1] * (2 * d)
            shape[d + a] = -1
            axes[2 * a + 1] = space.p_axes[a].reshape(shape)
        kind = float if self.hermitian else complex
        mean = np.empty((self.n, 2 * d), kind)
        covariance = np.empty((self.n, 2 * d, 2 * d), kind)
        for j in range(self.n):
            w = self._entry(j, j)
            w = w / space.integrate(w)
            mean[j] = [space.integrate(w * x) for x in axes]
            second = np.array([[space.integrate(w * x * y) for y in axes] for x in axes])
            covariance[j] = second - np.outer(mean[j], mean[j])
        return mean, covariance


def pair_index(n: int, i: int, j: int) -> int:
    """Place of the pair i ≤ j among the pairs (0,0), (0,1), …, (1,1), … in this order."""
    return i * n - i * (i - 1) // 2 + j - i


def _pure_distances(matrix: FactorMatrix) -> np.ndarray:
    """‖w_ij−w_kl‖ of pure states without forming any w, and without cancellation: f⊗ḡ − f'⊗ḡ' =
    (f−f')⊗ḡ + f'⊗(ḡ−ḡ').
    """
    space = matrix.space
    f, g = matrix.left[:, 0], matrix.right[:, 0]
    weight = space.grid.weight

    def tables(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gram = weight * rows.conj() @ rows.T
        gaps = rows[:, None] - rows[None, :]
        return gram, weight * np.einsum("ikm,ikm->ik", gaps.conj(), gaps).real

    def crossed(rows: np.ndarray) -> np.ndarray:
        # ⟨f_k, f_i−f_k⟩
        gaps = rows[:, None] - rows[None, :]
        return np.asarray(weight * np.einsum("km,ikm->ik", rows.conj(), gaps))

    gf, df = tables(f)
    gg, dg = tables(g)
    mass_f, mass_g = np.diag(gf).real, np.diag(gg).real
    # |A+B|² with A=(f_i−f_k)⊗ḡ_j, B=f_k⊗(ḡ_j−ḡ_l)
    cf, cg = crossed(f), crossed(g)
    # ⟨B,A⟩ = ⟨f_k,f_i−f_k⟩ ⟨g_j,g_j−g_l⟩, for the scalar product of conjugates is the conjugate one
    mixed = cf[:, None, :, None] * (dg + cg)[None, :, None, :]
    square = (
        df[:, None, :, None] * mass_g[None, :, None, None]
        + mass_f[None, None, :, None] * dg[None, :, None, :]
    )
    square = square + 2 * mixed.real
    return np.asarray(np.sqrt(np.maximum(square, 0) / (2 * np.pi) ** space.ndim))
