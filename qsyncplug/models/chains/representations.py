"""The spaces that two spin chains and a central spin live in, and the isometries between them."""

from __future__ import annotations

import decimal
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

__all__ = [
    "REPRESENTATIONS",
    "Space",
    "dicke_isometry",
    "holstein_primakoff",
    "series_coefficients",
]

#: the representations and what the levels of a chain count in each
REPRESENTATIONS = {
    "collective": "spin J=N/2 in the basis of qutip.jmat (m = N/2, …, −N/2)",
    "bosons": "Holstein–Primakoff bosons with the exact square root, n = 0, …, N",
    "series": "Holstein–Primakoff bosons with the square root expanded to an order",
    "spins": "tensor product of all spins ½ (basis(2, 0) is up)",
}


@dataclass(frozen=True)
class Space:
    """Operators of one representation, as sparse matrices in the whole space.

    Attributes
    ----------
    dims : list of int
        Tensor factors: the central spin (or its chain) first, then chain 1, then chain 2.
    lowering, jz, boson : tuple of 2 csr_matrix
        J_j−, J_jz and the Holstein–Primakoff b_j (None where it is not defined).
    sigma_minus, sigma_z : csr_matrix or None
        Of the central spin; None without one.
    """

    dims: list[int]
    lowering: tuple[Any, Any]
    jz: tuple[Any, Any]
    boson: tuple[Any, Any] | None
    sigma_minus: Any
    sigma_z: Any

    @property
    def size(self) -> int:
        """Dimension of the whole space."""
        return math.prod(self.dims)

    def qobj(self, matrix: Any) -> qutip.Qobj:
        """An operator of this space as a CSR Qobj."""
        return qutip.Qobj(
            sp.csr_matrix(matrix, dtype=complex), dims=[self.dims, self.dims], dtype="CSR"
        )


def series_coefficients(n: int, order: int, expansion: str) -> np.ndarray:
    r"""Values f_K(m), m=0, 1, …, of the truncated expansion of √(1−m/N), as a polynomial in m
    (highest power last).

    Parameters
    ----------
    n : int
        Number of spins N.
    order : int
        K ≥ 1.
    expansion : {"newton", "taylor"}
        Newton: Σ_k Δ^k f(0)/k! b†^k b^k, exact for m ≤ K. Taylor: Σ_k binom(½, k)(−m/N)^k.

    Returns
    -------
    ndarray of shape (K+1,)
        Newton's ends at K=N, where it is exact on all levels of the spin.
        For ``"taylor"`` the coefficients of m^k; for ``"newton"`` those of b†^k b^k =
        m(m−1)…(m−k+1).
    """
    if expansion == "taylor":
        out = [1.0]
        for k in range(1, order + 1):
            out.append(out[-1] * (0.5 - k + 1) / k * (-1.0 / n))
        return np.array(out)
    # N+1 nodes determine the root on every level that a spin has
    order = min(order, n)
    # the alternating sum of the forward differences loses about 2^K·eps: it is done with 60 + K
    # digits
    with decimal.localcontext() as context:
        context.prec = 60 + order
        f = [(1 - decimal.Decimal(m) / n).sqrt() for m in range(order + 1)]
        return np.array(
            [
                float(
                    sum((-1) ** (k - m) * math.comb(k, m) * f[m] for m in range(k + 1))
                    / math.factorial(k)
                )
                for k in range(order + 1)
            ]
        )


def _root(n: int, levels: int, order: int | None, expansion: str) -> np.ndarray:
    """√(1−m/N), or its expansion, at m = 0, …, levels−1."""
    m = np.arange(levels, dtype=float)
    if order is None:
        return np.sqrt(1 - m / n)
    coefficients = series_coefficients(n, order, expansion)
    value, term = np.zeros(levels), np.ones(levels)
    for k, c in enumerate(coefficients):
        value += c * term
        term = term * (m - k if expansion == "newton" else m)
    return value


def holstein_primakoff(
    n: int, levels: int | None = None, order: int | None = None, expansion: str = "newton"
) -> Any:
    """J− = √N √(1−b†b/N) b in the Fock basis, shape (levels, levels); `order`: the root expanded to
    that order.
    """
    levels = n + 1 if levels is None else levels
    m = np.arange(1, levels, dtype=float)
    if order is None:
        # √(m(N−m+1)): one rounding instead of three
        value = np.sqrt(m * (n - m + 1))
    else:
        value = math.sqrt(n) * _root(n, levels, order, expansion)[: levels - 1] * np.sqrt(m)
    return sp.csr_matrix(sp.diags(value.astype(complex), 1, shape=(levels, levels)))


def dicke_isometry(n: int) -> Any:
    """Symmetric states of N spins ½: column m (0…N) is the normalised sum of all states with m
    spins up; (2^N, N+1).
    """
    index = np.arange(2**n)
    down = np.zeros(2**n, dtype=int)
    for k in range(n):
        down += (index >> k) & 1
    up = n - down
    weight = np.array([1 / math.sqrt(math.comb(n, m)) for m in range(n + 1)])
    return sp.csr_matrix((weight[up].astype(complex), (index, up)), shape=(2**n, n + 1))


def place(factors: list[Any | None], dims: list[int]) -> Any:
    """Kronecker product; None is an identity."""
    out: Any = sp.identity(1, dtype=complex, format="csr")
    for size, run in itertools.groupby(zip(factors, dims, strict=True), key=lambda p: p[0] is None):
        for factor, d in run:
            out = sp.kron(out, sp.identity(d, dtype=complex) if size else factor, format="csr")
    return sp.csr_matrix(out)


def site_operator(matrix: Any, site: int, total: int) -> Any:
    """A one-spin operator on spin `site` of `total`."""
    left, right = (
        sp.identity(2**site, dtype=complex),
        sp.identity(2 ** (total - site - 1), dtype=complex),
    )
    return sp.csr_matrix(sp.kron(sp.kron(left, matrix), right, format="csr"))


SIGMA_MINUS = sp.csr_matrix(np.array([[0, 0], [1, 0]], dtype=complex))
SIGMA_Z = sp.csr_matrix(np.array([[1, 0], [0, -1]], dtype=complex))
SIGMA_X = sp.csr_matrix(np.array([[0, 1], [1, 0]], dtype=complex))
SIGMA_Y = sp.csr_matrix(np.array([[0, -1j], [1j, 0]], dtype=complex))


def _assemble(local: list[dict[str, Any]], dims: list[int], central: bool) -> Space:
    head = 1 if central else 0

    def chain(name: str) -> tuple[Any, Any]:
        out = []
        for j in range(2):
            factors: list[Any] = [None] * len(dims)
            factors[head + j] = local[j][name]
            out.append(place(factors, dims))
        return out[0], out[1]

    def centre(matrix: Any) -> Any:
        return place([matrix, None, None], dims) if central else None

    return Space(dims, chain("jm"), chain("jz"), chain("b"), centre(SIGMA_MINUS), centre(SIGMA_Z))


def collective_space(n: tuple[int, int], central: bool) -> Space:
    """Collective spins in the basis of ``qutip.jmat``."""
    local = []
    for size in n:
        jm = qutip.jmat(size / 2, "-").data_as("csr_matrix")
        jz = qutip.jmat(size / 2, "z").data_as("csr_matrix")
        up = np.arange(size, -1, -1)
        # b = Σ √m |m−1⟩⟨m|, the basis runs from m=N down
        b = sp.csr_matrix(
            (np.sqrt(up[:-1]).astype(complex), (np.arange(1, size + 1), np.arange(size))),
            shape=(size + 1,) * 2,
        )
        local.append({"jm": jm, "jz": jz, "b": b})
    return _assemble(local, [2] * central + [s + 1 for s in n], central)


def boson_space(
    n: tuple[int, int],
    central: bool,
    order: int | None = None,
    expansion: str = "newton",
    levels: tuple[int, int] | None = None,
) -> Space:
    """Holstein–Primakoff bosons, with the exact square root or its expansion."""
    sizes = tuple(s + 1 for s in n) if levels is None else levels
    local = []
    for size, count in zip(sizes, n, strict=True):
        m = np.arange(size, dtype=float)
        local.append(
            {
                "jm": holstein_primakoff(count, size, order, expansion),
                "jz": sp.csr_matrix(sp.diags((m - count / 2).astype(complex))),
                "b": sp.csr_matrix(sp.diags(np.sqrt(m[1:]).astype(complex), 1, shape=(size, size))),
            }
        )
    return _assemble(local, [2] * central + list(sizes), central)


def full_space(n: tuple[int, int], centre: int) -> Space:
    """All spins; `centre` spins of the central chain come first. b_j acts on the symmetric states
    alone.
    """
    total = centre + sum(n)
    offsets = (centre, centre + n[0])

    def collect(matrix: Any, start: int, count: int, factor: float) -> Any:
        out: Any = sp.csr_matrix((2**total, 2**total), dtype=complex)
        for k in range(count):
            out = out + factor * site_operator(matrix, start + k, total)
        return sp.csr_matrix(out)

    lowering = tuple(collect(SIGMA_MINUS, o, c, 1.0) for o, c in zip(offsets, n, strict=True))
    jz = tuple(collect(SIGMA_Z, o, c, 0.5) for o, c in zip(offsets, n, strict=True))
    minus = site_operator(SIGMA_MINUS, 0, total) if centre == 1 else None
    z = site_operator(SIGMA_Z, 0, total) if centre == 1 else None
    return Space([2] * total, (lowering[0], lowering[1]), (jz[0], jz[1]), None, minus, z)


def full_bosons(n: tuple[int, int], centre: int) -> tuple[Any, Any]:
    """b_j on the symmetric states of each chain, zero on the others, in the space of all spins."""
    out = []
    for j, size in enumerate(n):
        E = dicke_isometry(size)
        m = np.arange(1, size + 1)
        b = E @ sp.diags(np.sqrt(m).astype(complex), 1, shape=(size + 1, size + 1)) @ E.conj().T
        before = centre + (n[0] if j else 0)
        after = n[1] if j == 0 else 0
        out.append(
            sp.csr_matrix(
                sp.kron(sp.kron(sp.identity(2**before), b), sp.identity(2**after), format="csr")
            )
        )
    return out[0], out[1]
