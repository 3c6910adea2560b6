"""Lindblad generators as sums of (diagonal values) times (shift of the basis), and the elements
they act on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._ext.liouvillian import Generator, Kind
from ..core.checks import check_memory
from .dense import DenseKernel, DenseParts
from .elements import Elements
from .shifts import (
    DIAGONAL,
    ONES,
    ZEROS,
    NotRealError,
    Part,
    Vectors,
    common_phase,
    diagonals_of,
    find_gauge,
    operator_parts,
)

__all__ = ["Liouvillian"]

#: terms times levels from which on products of dense matrices may be faster than sums of shifts,
#: and terms a level and product of matrices from which on they are
_MOST_TERMS, _TERMS_A_PRODUCT = 4_000, 2
#: pairs of vectors and segments that are looked at together
_AT_ONCE = 2**16
#: segment, whether conjugated, and offset of what pairs of vectors take, each (P, segments)
_Sources = tuple[np.ndarray, np.ndarray, np.ndarray]


def _shifts(matrix: Any) -> int:
    """Number of diagonals of a matrix that are not zero."""
    coo = sp.coo_matrix(matrix)
    return len(np.unique(coo.col.astype(np.int64) - coo.row))


class Liouvillian:
    r"""A Lindblad generator :math:`Lρ = Mρ + ρM^† + Σ_k A_k ρ A_k^†`, :math:`M=-iH-½ΣA_k^†A_k`,
    never formed.

    Parameters
    ----------
    H : Qobj or QobjEvo
        Hermitian.
    c_ops : sequence of Qobj or QobjEvo
        Rates inside.
    real : bool
        Whether coefficients that depend on time are taken to be real (checked at every evaluation).
    energy : float
        Subtracted from H; a ket only turns its phase by it.
    shifts : bool
        Never dense matrices: kets have nothing to gain by them.

    Raises
    ------
    TypeError
        An operator depends on time in a way that is no coefficient.
    ValueError
        An operator holds NaN or infinity.
    """

    def __init__(
        self,
        H: Any,
        c_ops: Sequence[Any] = (),
        *,
        real: bool = True,
        energy: float = 0.0,
        shifts: bool = False,
    ):
        self.dims: list[int] = list(H.dims[0])
        self.dimension = int(H.shape[0])
        self.energy = energy
        self.coefficients: list[Any] = []
        hamiltonian = operator_parts(H, self.coefficients)
        jumps = [operator_parts(c, self.coefficients) for c in c_ops]
        if energy:
            hamiltonian.append((0, -energy * sp.identity(self.dimension, format="csr")))
        self.products: list[tuple[int, int]] = [(0, 0)]
        self._real = real
        generators = self._effective(hamiltonian, jumps)
        self._sources = (generators, jumps)
        #: M and the jump operators by (factor, matrix), where they have too many diagonals
        self.dense: tuple[DenseParts, list[DenseParts]] | None = None
        if not shifts and self._too_dense(generators, jumps):
            self._keep_dense(generators, jumps)
            return
        self.phase = find_gauge(generators, jumps, self.dims)
        self._decompose(generators, jumps)

    @cached_property
    def ellipses(self) -> dict[tuple[str, bytes], Any]:
        """Ellipses around its spectrum that runs have found, by kind and diagonals."""
        return {}

    @property
    def isconstant(self) -> bool:
        """Whether nothing depends on time."""
        return not self.coefficients

    @property
    def jump_parts(self) -> list[list[Part]]:
        """Of each jump operator, (number of its coefficient, CSR matrix)."""
        return self._sources[1]

    @property
    def extent(self) -> tuple[float, float]:
        """A guess of the half width and half height of the spectrum, from the diagonal of M and,
        where that says nothing of the height, the size of its other shifts.
        """
        if self.dense is not None:
            own = sum(m.diagonal() for _, m in self.dense[0])
            return float(np.abs(own.real).max()), float(np.ptp(own.imag))
        diagonal = sum(
            (np.abs(v.real) + 1j * v.imag for slot, _, v in self.vectors.parts if slot == DIAGONAL),
            np.zeros(1),
        )
        hops = self._largest({slot for slot, _ in self.left})
        return float(np.max(diagonal.real)), max(float(np.ptp(diagonal.imag)), 2 * hops)

    def _largest(self, slots: set[int]) -> float:
        """Sum of the largest entries of some vectors."""
        return sum(float(np.abs(v).max()) for slot, _, v in self.vectors.parts if slot in slots)

    @property
    def speed(self) -> float:
        """A bound of the rate at which a ket changes between jumps: the largest column of M."""
        if self.dense is not None:
            return float(np.abs(sum(m for _, m in self.dense[0])).sum(axis=0).max())
        return self._largest({DIAGONAL, *(slot for slot, _ in self.left)})

    def _too_dense(self, generators: dict[int, Any], jumps: list[list[Part]]) -> bool:
        """Whether sums of shifts would take longer than products of dense matrices."""
        terms = sum(2 * _shifts(m) for m in generators.values())
        terms += sum(sum(_shifts(m) for _, m in jump) ** 2 for jump in jumps)
        products = 1 + 2 * len(jumps)
        # in a large space few shifts are no dense matrix, however many numbers they hold
        many = terms > _TERMS_A_PRODUCT * products * self.dimension
        return many and terms * self.dimension > _MOST_TERMS

    def _keep_dense(self, generators: dict[int, Any], jumps: list[list[Part]]) -> None:
        d = self.dimension
        count = len(generators) + sum(len(jump) for jump in jumps)
        check_memory(
            f"dense operators of {d} levels",
            16.0 * d**2 * (count + 7 + (0 if self.isconstant else len(jumps) + 1)),
            advice="write the system with operators of few diagonals, or lower the cutoff",
        )
        self.phase = np.ones(d, dtype=complex)
        self.dense = (
            [(factor, m.toarray()) for factor, m in generators.items()],
            [[(self._factor(0, i), m.toarray()) for i, m in jump] for jump in jumps if jump],
        )
        self.period = 1

    # ------------------------------------------------------------ parts and factors

    def _factor(self, i: int, j: int = 0) -> int:
        """Number of the factor conj(f_i) f_j (f_0=1)."""
        if (i, j) not in self.products:
            self.products.append((i, j))
        return self.products.index((i, j))

    def factors(self, t: float) -> np.ndarray:
        """Every factor at time `t`.

        Raises
        ------
        NotRealError
            A coefficient taken to be real is not.
        """
        f = np.array([1.0 + 0j, *(complex(c(t)) for c in self.coefficients)])
        if self._real and np.any(f.imag != 0):
            raise NotRealError(t)
        return np.asarray(self._products_of(f[None, :])[0])

    def all_factors(self, values: np.ndarray) -> np.ndarray:
        """Every factor, shape (T, factors), from values of the coefficients (T, coefficients)."""
        f = np.concatenate([np.ones((len(values), 1)), values], axis=1).astype(complex)
        return self._products_of(f)

    def _products_of(self, f: np.ndarray) -> np.ndarray:
        i, j = np.array(self.products).T
        out = np.ascontiguousarray(f[:, i].conj() * f[:, j])
        # of |f|² fused operations leave a rounding, which would count as one more function of time
        out.imag[:, i == j] = 0.0
        return out

    def _effective(self, hamiltonian: list[Part], jumps: list[list[Part]]) -> dict[int, Any]:
        """M=−iH−½ΣL†L as one matrix for every product of time factors, by its number."""
        out: dict[int, Any] = {}

        def add(factor: int, matrix: Any) -> None:
            out[factor] = out[factor] + matrix if factor in out else matrix

        for i, matrix in hamiltonian:
            add(self._factor(0, i), -1j * matrix)
        for jump in jumps:
            for (i, a), (j, b) in itertools.product(jump, jump):
                add(self._factor(i, j), -0.5 * (a.conj().T @ b))
        for factor, matrix in out.items():
            if not np.all(np.isfinite(matrix.data)):
                raise ValueError("the operators hold NaN or infinite values")
            out[factor] = sp.csr_matrix(matrix)
        return out

    def _decompose(self, generators: dict[int, Any], jumps: list[list[Part]]) -> None:
        """Vectors (slots) and the pairs of them that make terms."""
        vectors = self.vectors = Vectors(self.dimension, self._real)
        #: (slot of v, slot of w, shift of rows, shift of columns)
        self.pairs: list[tuple[int, int, int, int]] = []
        of_shift: dict[int, int] = {0: DIAGONAL}
        for factor, matrix in generators.items():
            for shift, vector in diagonals_of(matrix, self.phase).items():
                if shift not in of_shift:
                    of_shift[shift] = vectors.new()
                vectors.add(of_shift[shift], factor, vector)
        self.left = [(slot, shift) for shift, slot in of_shift.items() if shift]
        for slot, shift in self.left:
            self.pairs += [(slot, ONES, shift, 0), (ONES, slot, 0, shift)]
        self.jump_shifts: list[list[tuple[int, int]]] = []
        for jump in jumps:
            own: dict[int, int] = {}
            turn = common_phase([m for _, m in jump], self.phase)
            for i, matrix in jump:
                factor = self._factor(0, i)
                for shift, vector in diagonals_of(matrix, self.phase).items():
                    if shift not in own:
                        own[shift] = vectors.new()
                    vectors.add(own[shift], factor, vector * turn)
            self.jump_shifts.append([(slot, shift) for shift, slot in own.items()])
            self.pairs += [
                (v, w, s, r) for (s, v), (r, w) in itertools.product(own.items(), own.items())
            ]
        moves = {abs(r - s) for _, _, s, r in self.pairs} | {0}
        self.period = math.gcd(*moves)

    def by_factor(self) -> dict[int, tuple[Liouvillian, Liouvillian]] | None:
        """What each factor multiplies: generators of its real and of its imaginary part (number 0:
        what is constant).

        None where a jump operator is a sum of parts that depend on time differently.
        """
        generators, jumps = self._sources
        if 0 not in generators:
            nothing = sp.csr_matrix((self.dimension, self.dimension), dtype=complex)
            generators = {0: nothing, **generators}
        if any(len(jump) > 1 and any(i for i, _ in jump) for jump in jumps):
            return None
        out = {}
        for factor, matrix in generators.items():
            own = [j for j in jumps if j and self.products.index((j[0][0], j[0][0])) == factor]
            constant = [[(0, m) for _, m in jump] for jump in own]
            # M ρ + ρ M†: an imaginary factor turns M, and no jump has one
            out[factor] = (self._alone(matrix, constant), self._alone(1j * matrix, []))
        return out

    def _alone(self, matrix: Any, jumps: list[list[Part]]) -> Liouvillian:
        """A constant generator of these parts, in this one's gauge."""
        part = object.__new__(Liouvillian)
        part.dims, part.dimension, part.phase = self.dims, self.dimension, self.phase
        part.energy, part.coefficients, part.products = 0.0, [], [(0, 0)]
        part._real, part.dense, part._sources = True, None, ({0: matrix}, jumps)
        part._decompose({0: matrix}, jumps)
        return part

    # ------------------------------------------------------------ sets of elements

    def terms_per_element(self, *, ket: bool = False) -> int:
        """Terms summed for one element (complex ones count twice)."""
        if self.dense is not None:
            # a row of a matrix times a column, by a library for that
            return self.dimension * (1 if ket else 2 + 2 * len(self.dense[1])) // 4 + 1
        if ket:
            return 1 + sum(1 + self.vectors.complex[slot] for slot, _ in self.left)
        vectors = np.array(self.pairs, dtype=int).reshape(-1, 4)[:, :2]
        turned = np.array(self.vectors.complex)[vectors].any(axis=1)
        return 2 + len(vectors) + int(turned.sum())

    def diagonals(self, wanted: np.ndarray | None = None) -> np.ndarray:
        """Diagonals b−a ≥ 0 of ρ that evolve with those `wanted` (all of them by default)."""
        every = np.arange(self.dimension)
        if wanted is None:
            return every
        g = self.period
        if g == 0:
            return np.unique(np.abs(wanted))
        residue = np.unique(np.concatenate([np.abs(wanted) % g, -np.abs(wanted) % g]))
        return every[np.isin(every % g, residue)]

    def hermitian(self, diagonals: np.ndarray | None = None) -> Elements:
        """The elements of a Hermitian matrix, one half of them: the diagonals b−a ≥ 0 given."""
        chosen = (
            np.arange(self.dimension) if diagonals is None else np.asarray(diagonals, dtype=int)
        )
        segments = np.stack([chosen * 0, self.dimension - chosen, chosen * 0, chosen], axis=1)
        segments[:, 0] = np.concatenate([[0], np.cumsum(segments[:-1, 1])])
        weight = np.where(chosen == 0, 1.0, 2.0)
        if self.dense is not None:
            return self._dense_elements(segments, weight, "hermitian", chosen)
        place = np.full(self.dimension, -1)
        place[chosen] = np.arange(len(chosen))

        def sources(s: np.ndarray, r: np.ndarray) -> _Sources:
            source = chosen + r - s
            inside = np.abs(source) < self.dimension
            at = np.where(inside, place[np.minimum(np.abs(source), self.dimension - 1)], -1)
            # a source below the diagonal is the conjugate of the element at (column, row)
            return at, (source < 0).astype(int), np.where(source >= 0, s, chosen + r)

        table = self._table(self.pairs, segments, sources)
        return self._elements(segments, weight, table, DIAGONAL, "hermitian", chosen)

    def general(self, diagonals: np.ndarray) -> Elements:
        """The elements of any matrix on the diagonals b−a given (both signs)."""
        d = self.dimension
        chosen = np.asarray(diagonals, dtype=int)
        segments = np.stack(
            [chosen * 0, d - np.abs(chosen), np.maximum(-chosen, 0), np.maximum(chosen, 0)], axis=1
        )
        segments[:, 0] = np.concatenate([[0], np.cumsum(segments[:-1, 1])])
        if self.dense is not None:
            return self._dense_elements(segments, np.ones(len(chosen)), "general", chosen)
        place = np.full(4 * d, -1)
        place[chosen + 2 * d] = np.arange(len(chosen))

        def sources(s: np.ndarray, r: np.ndarray) -> _Sources:
            source = chosen + r - s
            at = place[np.clip(source + 2 * d, 0, 4 * d - 1)]
            # position in the source: its row for an upper diagonal, its column for a lower one
            offset = np.where(source >= 0, segments[:, 2] + s, segments[:, 3] + r)
            return at, np.zeros_like(source), offset

        table = self._table(self.pairs, segments, sources)
        return self._elements(segments, np.ones(len(chosen)), table, DIAGONAL, "general", chosen)

    def ket(self) -> Elements:
        """The components of a ket; the generator is M."""
        d = self.dimension
        segments = np.array([[0, d, 0, 0]])
        zero = np.zeros(1, dtype=int)
        if self.dense is not None:
            return self._dense_elements(segments, np.ones(1), "ket", zero)
        pairs = [(slot, ONES, shift, 0) for slot, shift in self.left]
        table = self._table(pairs, segments, lambda s, r: (0 * s, 0 * s, s))
        return self._elements(segments, np.ones(1), table, ZEROS, "ket", zero)

    def _dense_elements(
        self, segments: np.ndarray, weight: np.ndarray, kind: str, diagonals: np.ndarray
    ) -> Elements:
        assert self.dense is not None
        each = np.repeat(weight, segments[:, 1])
        within = np.concatenate([np.arange(n) for n in segments[:, 1]])
        rows = np.repeat(segments[:, 2], segments[:, 1]) + within
        columns = np.repeat(segments[:, 3], segments[:, 1]) + within
        if kind == "ket":
            columns = np.zeros_like(rows)
        kernel = DenseKernel(*self.dense, rows, columns, each, kind)
        return Elements(self, kernel, segments, kind, diagonals, each)

    def _table(
        self,
        pairs: list[tuple[int, int, int, int]],
        segments: np.ndarray,
        sources: Callable[[np.ndarray, np.ndarray], _Sources],
    ) -> np.ndarray:
        """The kernel's table of pairs of vectors, a row for each segment that one adds to.

        `sources` says for shifts (P, 1) of rows and columns from which segment each target takes
        its elements (−1: none), whether their conjugates, and from where on.
        """
        every = np.array(pairs, dtype=int).reshape(-1, 4)
        bounds, is_complex = np.array(self.vectors.range), np.array(self.vectors.complex)
        rows = [np.zeros((0, 7), dtype=int)]
        for some in np.array_split(every, 1 + every.shape[0] * len(segments) // _AT_ONCE):
            v, w, s, r = some.T[:, :, None]
            at, conjugate, offset = sources(s, r)
            ends = bounds[v] - segments[:, 2, None], bounds[w] - segments[:, 3, None]
            low, high = np.maximum(*ends)[..., 0], np.minimum(*ends)[..., 1]
            low, high = np.maximum(low, 0), np.minimum(high, segments[:, 1])
            pair, keep = np.nonzero((at >= 0) & (low < high))
            v, w = v[pair, 0], w[pair, 0]
            alone = (v == ONES) | (w == ONES)
            kind = np.where(alone, int(Kind.ALONE), int(Kind.REAL))
            kind[is_complex[v] | is_complex[w]] = int(Kind.COMPLEX)
            kind += conjugate[pair, keep]  # that from the conjugate is one more
            start = segments[at[pair, keep], 0] + offset[pair, keep]
            rows.append(
                np.stack([keep, kind, start, v, w, low[pair, keep], high[pair, keep]], axis=1)
            )
        return np.concatenate(rows)

    def _elements(
        self,
        segments: np.ndarray,
        weight: np.ndarray,
        table: np.ndarray,
        right: int,
        kind: str,
        diagonals: np.ndarray,
    ) -> Elements:
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        parts = np.array(
            [(slot, factor) for slot, factor, _ in self.vectors.parts], dtype=int
        ).reshape(-1, 2)
        values = np.array([v for *_, v in self.vectors.parts], dtype=complex).reshape(
            -1, self.dimension
        )
        kernel = Generator(
            segments,
            weight,
            table,
            self.vectors.count,
            right,
            parts,
            values,
            len(self.products),
            self.dimension,
        )
        return Elements(self, kernel, segments, kind, diagonals, np.repeat(weight, segments[:, 1]))
