"""Exact evolution by coherence order, with Chebyshev expansions of the propagator.

With a phase symmetry the elements |a⟩⟨b| of ρ evolve apart for every difference of charges
q(a)−q(b), the coherence order; first and second moments of ladder operators need only the orders 0,
1 and 2.
"""

from __future__ import annotations

import itertools
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._ext.sectors import Operator, SectorKernel
from ..core.checks import check_memory
from ..core.errors import StepLimitError, TimeLimitError
from .chebyshev import Ellipse
from .sectors import SectorBasis

__all__ = ["CoherenceOrders", "Functionals", "canonical"]

Order = tuple[int, ...]
#: (fraction of Σ‖L‖² counted, corners of the rectangle enclosed): from a guess of the spectrum to a
#: bound of the numerical range
_CAUTION = ((0.0, False), (0.1, True), (1.0, True))


def canonical(order: Order) -> tuple[Order, bool]:
    """The order or its negative, whichever has a positive first entry, and whether it was turned
    (ρ_ba = ρ_ab*).
    """
    first = next((x for x in order if x), 0)
    return (tuple(-x for x in order), True) if first < 0 else (order, False)


@dataclass
class Functionals:
    """Linear functionals of one coherence order: value = Σ value·x[place], for each of several
    targets.
    """

    start: np.ndarray
    place: np.ndarray
    value: np.ndarray
    target: np.ndarray  # column of the output
    conjugated: np.ndarray  # the result is conjugated before it is added


class CoherenceOrders:
    """A master equation sorted by coherence order.

    Parameters
    ----------
    H : sparse matrix (d, d)
        Conserves the charges.
    jumps : sequence of sparse matrix (d, d)
        Each shifts the charges by a definite amount.
    charges : ndarray of int, shape (d, K)
        Charges of the basis states.
    labels : ndarray of int, shape (d, m), optional
        Occupation numbers: phases i^{w·labels}, w∈{0,1}^m, that make the generator real off its
        diagonal are looked for.

    Raises
    ------
    ValueError
        The operators do not respect the charges.
    """

    def __init__(
        self, H: Any, jumps: Sequence[Any], charges: np.ndarray, labels: np.ndarray | None = None
    ):
        self.basis = SectorBasis.from_charges(charges)
        names = sorted(self.basis.sectors)
        self.names = np.array(names, dtype=int).reshape(len(names), -1)
        self.index_of = {name: k for k, name in enumerate(names)}
        self.permutation = np.concatenate([self.basis.sectors[c] for c in names])
        sizes = np.array([len(self.basis.sectors[c]) for c in names])
        self.begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intc)
        self.d = len(self.permutation)
        self.sector = np.repeat(np.arange(len(names)), sizes)
        self.rank = np.empty(self.d, dtype=np.int64)
        self.rank[self.permutation] = np.arange(self.d)
        self.none: Order = (0,) * self.names.shape[1]
        self._build(
            sp.csr_matrix(H, dtype=complex),
            [sp.csr_matrix(j, dtype=complex) for j in jumps],
            labels,
        )
        self._layouts: dict[Order, tuple[np.ndarray, np.ndarray, np.ndarray, int]] = {}

    # ------------------------------------------------------------ operators

    def _build(self, H: Any, jumps: list[Any], labels: np.ndarray | None) -> None:
        order = self.permutation
        H = H[order][:, order].tocsr()
        jumps = [j[order][:, order].tocsr() for j in jumps]
        jumps = [j for j in jumps if j.nnz]
        for m in (H, *jumps):
            m.eliminate_zeros()
            m.sort_indices()
        for j in jumps:
            self._shift(j)
        decay: Any = sp.csr_matrix((self.d, self.d), dtype=complex)
        for j in jumps:
            decay = decay + j.conj().T @ j
        decay = sp.csr_matrix(decay)
        for what, m in (("hamiltonian", H), ("Σ L†L", decay)):
            coo = m.tocoo()
            wrong = (self.sector[coo.row] != self.sector[coo.col]) & (
                np.abs(coo.data) > 1e-13 * np.abs(coo.data).max(initial=0)
            )
            if np.any(wrong):
                raise ValueError(f"{what} changes the charge: the coherence orders do not decouple")
        self.gauge = self._find_gauge(
            H, decay, jumps, None if labels is None else np.asarray(labels)[order]
        )
        self.real = self.gauge is not None
        phase = np.ones(self.d, dtype=complex) if self.gauge is None else self.gauge
        self.phase = phase
        turn = sp.diags(phase)
        H = (turn.conj() @ H @ turn).tocsr()
        decay = (turn.conj() @ decay @ turn).tocsr()
        turned = []
        for j in jumps:
            j = (turn.conj() @ j @ turn).tocsr()
            # a common phase of a jump operator has no effect
            j = j * np.exp(-1j * np.angle(j.data[np.argmax(np.abs(j.data))]))
            turned.append(sp.csr_matrix(j))
        M = sp.csr_matrix(-1j * H - 0.5 * decay)
        self.diagonal = M.diagonal().astype(complex)
        M = sp.csr_matrix(M - sp.diags(self.diagonal))
        M.data[np.abs(M.data) < 1e-300] = 0
        M.eliminate_zeros()
        self.hamiltonian, self.decay, self.offdiagonal = H, decay, M
        self.jump_matrices = turned
        self._generator = self._operator(M)
        self._jumps = [self._operator(j) for j in turned]
        self._ranges()

    def _shift(self, jump: Any) -> np.ndarray:
        coo = jump.tocoo()
        shift = self.names[self.sector[coo.row]] - self.names[self.sector[coo.col]]
        if np.any(shift != shift[0]):
            raise ValueError(
                "a jump operator changes the charge by several amounts: the coherence orders do "
                "not decouple"
            )
        return np.asarray(shift[0])

    def _find_gauge(
        self, H: Any, decay: Any, jumps: list[Any], labels: np.ndarray | None
    ) -> np.ndarray | None:
        """Phases that make −iH−½Σ L†L (off the diagonal) and the jump operators real."""
        width = 0 if labels is None else min(labels.shape[1], 6)
        coo = (-1j * H - 0.5 * decay).tocoo()
        off = coo.row != coo.col
        rows, columns, data = coo.row[off], coo.col[off], coo.data[off]
        jump_coo = [j.tocoo() for j in jumps]

        def is_real(values: np.ndarray) -> bool:
            return bool(np.all(np.abs(values.imag) <= 4e-16 * np.abs(values)))

        # powers of i exactly
        power = np.array([1, 1j, -1, -1j])
        for w in itertools.product((0, 1), repeat=width):
            count = (
                np.zeros(self.d, dtype=int)
                if labels is None
                else labels[:, :width] @ np.array(w, dtype=int)
            )
            phase = power[count % 4]
            if not is_real(data * phase[rows].conj() * phase[columns]):
                continue
            good = True
            for j in jump_coo:
                values = j.data * phase[j.row].conj() * phase[j.col]
                values = values * np.exp(-1j * np.angle(values[np.argmax(np.abs(values))]))
                if not is_real(values):
                    good = False
                    break
            if good:
                return np.asarray(phase)
        return None

    def _operator(self, m: Any) -> Operator:
        """The arrays of the kernel."""
        m.sort_indices()
        rows = np.repeat(np.arange(self.d), np.diff(m.indptr))
        offset = m.indices - rows
        order = np.lexsort((rows, offset, self.sector[rows]))
        r, o, s = rows[order], offset[order], self.sector[rows[order]]
        data = m.data[order].conj()
        new = np.ones(len(r), dtype=bool)
        new[1:] = (s[1:] != s[:-1]) | (o[1:] != o[:-1]) | (r[1:] != r[:-1] + 1)
        first = np.flatnonzero(new)
        length = np.diff(np.concatenate([first, [len(r)]]))
        column = r[first] + o[first]
        value = np.ascontiguousarray(m.data).view(float)
        if self.real:
            run_value = np.repeat(data.real, 2)
        else:
            run_value = np.ascontiguousarray(data).view(float)
        return Operator(
            m.indptr,
            m.indices,
            value,
            np.searchsorted(s[first], np.arange(len(self.names) + 1)),
            r[first] - self.begin[s[first]],
            column - self.begin[self.sector[column]] if len(column) else column,
            length,
            first,
            run_value,
            self.real,
        )

    def _ranges(self) -> None:
        """Bounds of the spectrum of H and Σ L†L in every sector, and of Σ‖L‖²."""
        self.energy = np.array(
            [_bounds(self._cut(self.hamiltonian, s)) for s in range(len(self.names))]
        )
        self.rate = np.array([_bounds(self._cut(self.decay, s)) for s in range(len(self.names))])
        self.jump_norm = 0.0
        for j in self.jump_matrices:
            gram = sp.csr_matrix(j.conj().T @ j)
            self.jump_norm += max(_bounds(self._cut(gram, s))[1] for s in range(len(self.names)))

    def _cut(self, m: Any, sector: int) -> Any:
        part = slice(int(self.begin[sector]), int(self.begin[sector + 1]))
        return m[part, part]

    # ------------------------------------------------------------ one coherence order

    def layout(self, order: Order) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """Rows that are not empty, where each starts, its column sector, and the number of
        elements.
        """
        known = self._layouts.get(order)
        if known is None:
            partner = np.array(
                [
                    self.index_of.get(tuple(int(v) for v in name - np.array(order)), -1)
                    for name in self.names
                ]
            )
            sector = partner[self.sector]
            row = np.flatnonzero(sector >= 0)
            widths = np.where(sector >= 0, np.diff(self.begin)[np.maximum(sector, 0)], 0)
            place = np.concatenate([[0], np.cumsum(widths)]).astype(np.longlong)
            size = int(place[-1])
            place = np.where(sector >= 0, place[:-1], -1).astype(np.longlong)
            known = (row.astype(np.intc), place, np.maximum(sector, 0).astype(np.intc), size)
            self._layouts[order] = known
        return known

    def size(self, order: Order) -> int:
        """Number of elements of coherence order `order`."""
        return self.layout(order)[3]

    def kernel(self, order: Order) -> SectorKernel:
        """A fresh compiled generator of one order (each has scratch of its own)."""
        row, place, sector, size = self.layout(order)
        return SectorKernel(
            self._generator, self.diagonal, self._jumps, row, place, sector, self.begin, size
        )

    def spectrum(
        self, order: Order, reach: float = 1.0
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Real and imaginary range of a rectangle around the numerical range of the generator.

        The terms LρL† widen it by Σ‖L‖² on each side; most often the spectrum fills a small part of
        that: `reach` is the fraction of it that is counted.
        """
        row, _, sector, _ = self.layout(order)
        r, c = np.unique(np.stack([self.sector[row], sector[row]]), axis=1)
        w = reach * self.jump_norm
        low = -0.5 * float((self.rate[r, 1] + self.rate[c, 1]).max()) - w
        high = max(0.0, -0.5 * float((self.rate[r, 0] + self.rate[c, 0]).min()) + w)
        bottom = -float((self.energy[r, 1] - self.energy[c, 0]).max()) - w
        top = -float((self.energy[r, 0] - self.energy[c, 1]).min()) + w
        return (low, high), (bottom, top)

    def pack(self, order: Order, state: Any) -> np.ndarray:
        """The elements of one order of a ket (d,) or a (sparse or dense) density matrix (d, d), in
        the original basis.
        """
        _, place, sector, size = self.layout(order)
        out = np.zeros(size, dtype=complex)
        phase = self.phase
        if sp.issparse(state):
            coo = state.tocoo()
            a, b = self.rank[coo.row], self.rank[coo.col]
            keep = (place[a] >= 0) & (sector[a] == self.sector[b])
            a, b, v = a[keep], b[keep], coo.data[keep]
            np.add.at(out, place[a] + b - self.begin[sector[a]], phase[a].conj() * v * phase[b])
            return out
        state = np.asarray(state)
        if state.ndim == 1:
            psi = phase.conj() * state[self.permutation]
            blocks = self._blocks(order)
            for start, rows, columns in blocks:
                out[start : start + (rows[1] - rows[0]) * (columns[1] - columns[0])] = np.outer(
                    psi[slice(*rows)], psi[slice(*columns)].conj()
                ).ravel()
            return out
        for start, rows, columns in self._blocks(order):
            left, right = self.permutation[slice(*rows)], self.permutation[slice(*columns)]
            block = (
                phase[slice(*rows)].conj()[:, None]
                * state[np.ix_(left, right)]
                * phase[slice(*columns)]
            )
            out[start : start + block.size] = block.ravel()
        return out

    def _blocks(self, order: Order) -> list[tuple[int, tuple[int, int], tuple[int, int]]]:
        """(start, rows, columns) of every block of an order."""
        _, place, sector, _ = self.layout(order)
        out = []
        for s in range(len(self.names)):
            a = int(self.begin[s])
            if place[a] >= 0:
                c = int(sector[a])
                out.append(
                    (
                        int(place[a]),
                        (a, int(self.begin[s + 1])),
                        (int(self.begin[c]), int(self.begin[c + 1])),
                    )
                )
        return out

    def unpack(self, order: Order, x: np.ndarray) -> Any:
        """The elements of one order as a sparse matrix in the original basis."""
        rows, columns = [], []
        for _, r, c in self._blocks(order):
            grid = np.meshgrid(
                self.permutation[slice(*r)], self.permutation[slice(*c)], indexing="ij"
            )
            rows.append(grid[0].ravel())
            columns.append(grid[1].ravel())
        i, j = np.concatenate(rows), np.concatenate(columns)
        value = self.phase[self.rank[i]] * x * self.phase[self.rank[j]].conj()
        return sp.csr_matrix((value, (i, j)), shape=(self.d, self.d))

    # ------------------------------------------------------------ functionals

    def functionals(self, operators: Sequence[Any]) -> dict[Order, Functionals]:
        """Expectation values tr(Oρ) as functionals of the canonical coherence orders.

        Parameters
        ----------
        operators : sequence of sparse matrix
            In the original basis.

        Returns
        -------
        dict
            Order -> its functionals; the value of an operator is the sum over all orders.
        """
        pieces: dict[Order, list[tuple[int, bool, np.ndarray, np.ndarray]]] = {}
        for target, operator in enumerate(operators):
            coo = sp.coo_matrix(operator)
            b, a = self.rank[coo.row], self.rank[coo.col]
            data = coo.data.astype(complex)
            difference = self.names[self.sector[a]] - self.names[self.sector[b]]
            orders, inverse = np.unique(difference, axis=0, return_inverse=True)
            inverse = np.ravel(inverse)
            for k, value in enumerate(orders):
                order, turned = canonical(tuple(int(v) for v in value))
                here = inverse == k
                x, y, v = a[here], b[here], data[here]
                # in the phases of the kernel: ρ_xy = phase_x ρ'_xy phase_y*
                v = v * self.phase[x] * self.phase[y].conj()
                if turned:
                    x, y, v = y, x, v.conj()
                _, place, sector, _ = self.layout(order)
                pieces.setdefault(order, []).append(
                    (target, turned, place[x] + y - self.begin[sector[x]], v)
                )
        out = {}
        for order, rows in pieces.items():
            start = np.concatenate([[0], np.cumsum([len(r[2]) for r in rows])]).astype(np.intc)
            out[order] = Functionals(
                start,
                np.concatenate([r[2] for r in rows]).astype(np.longlong),
                np.concatenate([r[3] for r in rows]),
                np.array([r[0] for r in rows]),
                np.array([r[1] for r in rows]),
            )
        return out

    # ------------------------------------------------------------ evolution

    def evolve(
        self,
        state: Any,
        times: np.ndarray,
        operators: Sequence[Any],
        *,
        tolerance: float = 1e-14,
        max_step: float = np.inf,
        nsteps: int = 1_000_000,
        deadline: float = np.inf,
        progress: Any = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Expectation values of `operators` at `times`, shape (T, F), and how the run went.

        Raises
        ------
        TimeLimitError, StepLimitError
            With the values so far, (t, F), as ``result``.
        """
        run = _Run(self, state, times, operators, tolerance, max_step)
        return run.go(nsteps, deadline, progress)


class _Run:
    """One evolution: every order that is not zero, in step with the others."""

    def __init__(
        self,
        problem: CoherenceOrders,
        state: Any,
        times: np.ndarray,
        operators: Sequence[Any],
        tolerance: float,
        max_step: float,
    ):
        self.times = times
        self.values = np.zeros((len(times), len(operators)), dtype=complex)
        self.tolerance = tolerance
        self.span = max(float(times[-1] - times[0]), 1e-300)
        self.problem, self.max_step = problem, max_step
        self.parts = []
        wanted = sorted(problem.functionals(operators).items())
        elements = sum(problem.size(order) for order, _ in wanted)
        # the state, its start and the recurrence
        check_memory(
            f"the evolution of {elements} density-matrix elements",
            16.0 * 5 * elements,
            advice="use trajectories",
        )
        for order, reads in wanted:
            x = problem.pack(order, state)
            if not np.any(x):
                continue
            self.parts.append(_Part(order, problem.kernel(order), x, reads))
        self.enclose(0)
        self.products = 0
        self.rounding = 0.0
        for part in self.parts:
            part.first(self.values)

    def enclose(self, level: int) -> None:
        """Ellipses of the orders and the step, at a level of caution (see ``_CAUTION``), or above
        where that costs little.
        """
        self.level = level
        for part in self.parts:
            choices = [
                Ellipse.around(
                    *self.problem.spectrum(part.order, reach),
                    self.span,
                    self.tolerance,
                    corners=corners,
                )
                for reach, corners in _CAUTION[level:]
            ]
            costs = [e.cost(self.span, self.tolerance) for e in choices]
            part.ellipse = next(
                e for e, c in zip(choices[::-1], costs[::-1], strict=True) if c <= 1.6 * min(costs)
            )
            part.known = None
        self.step = min(
            [self.span, self.max_step, *(p.ellipse.step(self.span) for p in self.parts)]
        )

    def go(self, nsteps: int, deadline: float, progress: Any) -> tuple[np.ndarray, dict[str, Any]]:
        t, end = float(self.times[0]), float(self.times[-1])
        done, steps, rejected = 1, 0, 0
        largest = self.step
        while done < len(self.times):
            reached = f"at t={t:g} of {end:g}"
            if clock.perf_counter() > deadline:
                raise TimeLimitError(
                    reached, time=t, reason="time limit", result=self.values[:done]
                )
            if steps + rejected >= nsteps:
                raise StepLimitError(
                    reached, time=t, reason="step limit", result=self.values[:done]
                )
            remaining = end - t
            count = max(1, int(np.ceil(remaining / largest - 1e-9)))
            h = remaining / count
            target = end if count == 1 else t + h
            upto = int(np.searchsorted(self.times, target, side="right"))
            local = self.times[done:upto] - t
            news = [part.try_step(h, local, self.tolerance) for part in self.parts]
            self.products += sum(n.terms for n in news)
            # polynomials that leave the range of floating point numbers are a step too long, too
            if any(
                not np.isfinite(n.size)
                or n.rest > 10 * self.tolerance
                or n.rounding > 100 * self.tolerance + 1e-14
                for n in news
            ):
                # the terms have not died out, or have grown so large in between that rounding shows
                rejected += 1
                if rejected > 1 and self.level < len(_CAUTION) - 1:
                    self.enclose(self.level + 1)
                    largest = self.step
                else:
                    largest = 0.5 * h
                if largest < 1e-10 * (end - self.times[0]):
                    raise StepLimitError(
                        reached,
                        time=t,
                        reason="the expansion does not converge",
                        result=self.values[:done],
                    )
                continue
            for part, new in zip(self.parts, news, strict=True):
                part.accept(new, self.values[done:upto])
                self.rounding = max(self.rounding, new.rounding)
            steps += 1
            t, done = target, upto
            if progress is not None:
                progress(t)
        stats = {
            "steps accepted": steps,
            "steps rejected": rejected,
            "right-hand sides": self.products,
            "elements": {str(p.order): p.kernel.size for p in self.parts},
            "rounding": self.rounding,
            "caution": self.level,
        }
        return self.values, stats


@dataclass
class _Step:
    terms: int
    rest: float
    size: float
    rounding: float
    moments: np.ndarray


class _Part:
    """One coherence order of a run."""

    def __init__(self, order: Order, kernel: SectorKernel, x: np.ndarray, reads: Functionals):
        self.order, self.kernel, self.x, self.reads = order, kernel, x, reads
        self.ellipse: Ellipse
        self.scratch = np.empty_like(x)
        self.other = np.empty_like(x)
        self.total = np.empty_like(x)
        self.known: tuple[float, int, np.ndarray] | None = None

    def _add(self, moments: np.ndarray, values: np.ndarray) -> None:
        moments = np.where(self.reads.conjugated, moments.conj(), moments)
        for k, target in enumerate(self.reads.target):
            values[:, target] += moments[:, k]

    def first(self, values: np.ndarray) -> None:
        weighted = self.reads.value * self.x[self.reads.place]
        sums = np.array(
            [
                weighted[a:b].sum()
                for a, b in zip(self.reads.start[:-1], self.reads.start[1:], strict=True)
            ]
        )
        self._add(sums[None, :], values[:1])

    def try_step(self, h: float, local: np.ndarray, tolerance: float) -> _Step:
        e = self.ellipse
        if self.known is None or self.known[0] != h:
            count = e.terms(h, tolerance)
            self.known = (h, count, np.ascontiguousarray(e.coefficients(h, count)))
        _, count, c = self.known
        K = len(self.reads.target)
        moments = np.zeros((count, K), dtype=complex)
        norms = np.empty(count)
        self.scratch[...] = self.x
        self.kernel.expand(
            self.scratch,
            self.other,
            self.total,
            e.centre,
            e.focus,
            e.sign,
            c,
            self.reads.start,
            self.reads.place,
            self.reads.value,
            moments,
            norms,
            len(local) > 0,
        )
        self.total *= np.exp(1j * h * e.centre.imag)
        start = norms[0]
        weights = np.abs(c) * norms
        values = np.empty((0, K))
        if len(local):
            values = (e.coefficients(local, count) @ moments) * np.exp(1j * e.centre.imag * local)[
                :, None
            ]
        return _Step(
            count,
            float(weights[-2:].sum() / start),
            float(norms.max()),
            float(weights.max() / start * 2.2e-16),
            values,
        )

    def accept(self, step: _Step, values: np.ndarray) -> None:
        self.x, self.total = self.total, self.x
        if len(values):
            self._add(step.moments, values)


def _bounds(block: Any) -> tuple[float, float]:
    """Lowest and highest eigenvalue of a Hermitian block, or bounds of them (Gershgorin) for a
    large one.
    """
    diagonal = block.diagonal().real
    if block.nnz == np.count_nonzero(diagonal):
        return (float(diagonal.min()), float(diagonal.max())) if len(diagonal) else (0.0, 0.0)
    if block.shape[0] <= 200:
        values = np.linalg.eigvalsh(block.toarray())
        return float(values[0]), float(values[-1])
    radius = np.asarray(abs(block).sum(axis=1)).ravel() - np.abs(diagonal)
    return float((diagonal - radius).min()), float((diagonal + radius).max())
