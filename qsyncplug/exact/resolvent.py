"""Linear equations with a Lindblad generator: GMRES, preconditioned by the run without jumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from ..core.progress import Tell, silent

__all__ = ["NoJump", "Solution", "gmres", "kronecker_factors"]

#: what a cycle with vectors in single precision gains
_COMPACT = 1e-5


def kronecker_factors(M: Any, dims: list[int]) -> list[np.ndarray]:
    """Matrices M_j with Σ_j 1⊗M_j⊗1 close to M: partial traces, the common part shared."""
    M = M.toarray() if hasattr(M, "toarray") else np.asarray(M)
    d, m = len(M), len(dims)
    tensor = M.reshape([*dims, *dims])
    common = np.trace(M) / d
    out = []
    for j, n in enumerate(dims):
        inputs = [*range(m), *range(m)]
        inputs[m + j] = m
        part = np.einsum(tensor, inputs, [j, m]) * (n / d)
        out.append(part - common * (m - 1) / m * np.eye(n))
    return out


class NoJump:
    r"""The inverse of :math:`X → s X - (MX + XM^†)`, with M diagonalised, or replaced by a sum of
    Kronecker terms that are.

    Parameters
    ----------
    M : matrix
        Effective generator −iH−½ΣL†L.
    dims : list of int
        Tensor factors; ``[d]`` takes M as it is.
    shift : complex
        s.
    """

    def __init__(self, M: Any, dims: list[int], shift: complex = 0.0):
        self.dims = dims
        self.shift = shift
        #: triangular form of M: (T, Z) with M=ZTZ†, where its eigenvectors are too skew
        self.schur: tuple[np.ndarray, np.ndarray] | None = None
        values = np.zeros(1, dtype=complex)
        self.right: list[np.ndarray] = []
        self.left: list[np.ndarray] = []
        for part in kronecker_factors(M, dims):
            own, Y, inverse, skew = _diagonalise(part)
            if skew and len(dims) == 1:
                self._triangular(part)
            self.right.append(Y)
            self.left.append(inverse)
            values = np.add.outer(values, own).ravel()
        self.values = values
        rates = -np.add.outer(values, values.conj()).real
        scale = float(np.median(rates)) if len(rates) else 1.0
        if shift == 0 and float(rates.min()) < 1e-6 * scale:
            # states that nothing leaves: a little of the common rate makes them harmless
            shift = 1e-2 * scale
        self.divisor = shift - np.add.outer(values, values.conj())

    def _triangular(self, M: np.ndarray) -> None:
        size = float(np.abs(M.diagonal().real).max())
        half = 0.5 * (self.shift if self.shift else 1e-10 * size)
        self.schur = scipy.linalg.schur(half * np.eye(len(M)) - M, output="complex")

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """The inverse applied to a matrix (d, d)."""
        if self.schur is not None:
            T, Z = self.schur
            Y, scale, _ = scipy.linalg.lapack.ztrsyl(T, T, Z.conj().T @ X @ Z, trana="N", tranb="C")
            return np.asarray(Z @ (Y * scale) @ Z.conj().T)
        shape = X.shape
        Y = self._turn(X, self.left) / self.divisor
        return self._turn(Y, self.right).reshape(shape)

    def _turn(self, X: np.ndarray, factors: list[np.ndarray]) -> np.ndarray:
        """(⊗F) X (⊗F)†, one factor at a time."""
        d = len(X)
        before, after = 1, d * d
        for k, F in enumerate([*factors, *(f.conj() for f in factors)]):
            n = self.dims[k % len(self.dims)]
            after //= n
            if after == 1:
                X = X.reshape(before, n) @ F.T
            else:
                X = np.matmul(F, X.reshape(before, n, after))
            before *= n
        return X.reshape(d, d)


def _diagonalise(part: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Eigenvalues, eigenvectors, their inverse, False; of the diagonal alone where they are too
    skew, and True.
    """
    values, Y = scipy.linalg.eig(part)
    try:
        inverse = np.linalg.inv(Y)
        skew = float(np.linalg.norm(Y) * np.linalg.norm(inverse) / len(Y))
    except np.linalg.LinAlgError:
        skew = np.inf
    if not skew < 1e4:
        return part.diagonal().astype(complex), np.eye(len(part)), np.eye(len(part)), True
    return values, Y, inverse, False


@dataclass
class Solution:
    """Of a linear system: the vector, its residual, the number of products."""

    x: np.ndarray
    residual: float
    products: int


def gmres(
    apply: Callable[[np.ndarray], np.ndarray],
    b: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    tolerance: float,
    restart: int = 80,
    cycles: int = 8,
    compact: bool = False,
    tell: Tell = silent,
) -> Solution:
    """Solve ``apply(x) = b`` by restarted GMRES.

    Parameters
    ----------
    apply : callable
        The (right-preconditioned) operator.
    b : ndarray
        Real or complex right-hand side.
    weight : ndarray, optional
        The inner product is Σ weight·x̄·y.
    tolerance : float
        Norm of the residual to be reached.
    restart, cycles : int
        Vectors kept, and how often so many are made.
    compact : bool
        Keep the vectors in single precision. A cycle then ends five digits further down, where
        their rounding would show, and the next one begins with the residual in double precision:
        some more products, a fraction of the memory.
    tell : callable
        Is told the share of the decades down to the tolerance that are done.
    """
    w = 1.0 if weight is None else weight
    x = np.zeros_like(b)
    residual = b
    products = 0
    size = float(np.sqrt(np.vdot(residual, w * residual).real))
    told = _decades(tell, size, tolerance)
    kind = np.result_type(np.complex64 if b.dtype.kind == "c" else np.float32)
    V = np.empty((restart + 1, len(b)), dtype=kind if compact else b.dtype)
    while size > tolerance and products < cycles * restart:
        goal = max(tolerance, _COMPACT * size) if compact else tolerance
        step, k = _cycle(apply, residual, size, w, goal, V, told)
        products += k + 1
        x = x + step
        new = b - apply(x)
        now = float(np.sqrt(np.vdot(new, w * new).real))
        if not now < 0.9 * size:
            # nothing more to gain
            if now < size:
                residual, size = new, now
            else:
                x = x - step
            break
        residual, size = new, now
    return Solution(x, size, products)


def _cycle(
    apply: Callable[[np.ndarray], np.ndarray],
    r: np.ndarray,
    size: float,
    w: Any,
    tolerance: float,
    V: np.ndarray,
    told: Callable[[float], None],
) -> tuple[np.ndarray, int]:
    """One cycle from the residual `r`: the correction and the number of products."""
    m = len(V) - 1
    h = np.zeros((m + 1, m), dtype=r.dtype)
    rotations: list[tuple[Any, Any]] = []
    g = np.zeros(m + 1, dtype=r.dtype)
    g[0] = size
    V[0] = r / size
    k = 0
    while k < m:
        y = apply(V[k].astype(r.dtype, copy=False))
        before = float(np.vdot(y, w * y).real)
        c = _onto(V[: k + 1], w * y)
        y = y - c @ V[: k + 1]
        length = float(np.sqrt(np.vdot(y, w * y).real))
        if length**2 < 0.01 * before:
            # most of it cancelled: once more
            again = _onto(V[: k + 1], w * y)
            y = y - again @ V[: k + 1]
            c = c + again
            length = float(np.sqrt(np.vdot(y, w * y).real))
        h[: k + 1, k] = c
        h[k + 1, k] = length
        column = h[:, k].copy()
        for i, (cos, sin) in enumerate(rotations):
            a, b = column[i], column[i + 1]
            column[i], column[i + 1] = cos * a + sin * b, -np.conj(sin) * a + cos * b
        cos, sin = _rotation(column[k], column[k + 1])
        rotations.append((cos, sin))
        g[k + 1] = -np.conj(sin) * g[k]
        g[k] = cos * g[k]
        k += 1
        told(abs(g[k]))
        if abs(g[k]) <= tolerance or length <= 1e-14 * np.abs(c).max(initial=1e-300):
            break
        V[k] = y / length
    z = np.linalg.lstsq(h[: k + 1, :k], size * np.eye(k + 1, 1, dtype=r.dtype)[:, 0], rcond=None)[0]
    return (z.astype(V.dtype) @ V[:k]).astype(r.dtype), k


def _decades(tell: Tell, first: float, goal: float) -> Callable[[float], None]:
    """What tells of a residual by the decades from the first one to the goal."""
    decades = np.log(max(first / max(goal, 1e-300), np.e))
    return lambda size: tell(float(np.log(first / max(size, 1e-300)) / decades))


def _onto(V: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Components of `y` along the rows of V, in the precision of these."""
    return np.asarray((V @ y.conj().astype(V.dtype, copy=False)).conj())


def _rotation(a: Any, b: Any) -> tuple[Any, Any]:
    """Givens: (cos, sin) with −sin̄·a + cos·b = 0."""
    r = np.hypot(abs(a), abs(b))
    if r == 0:
        return 1.0, 0.0
    if a == 0:
        return 0.0, 1.0
    return abs(a) / r, a / abs(a) * np.conj(b) / r
