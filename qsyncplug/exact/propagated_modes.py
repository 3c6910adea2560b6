"""Eigenmodes within one coherence order, by Arnoldi on the propagator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg as spla

from ..core.errors import SolverError
from ..core.progress import Tell, say_if_so_often, silent
from .elements import Elements
from .ellipse import Expansion, estimate_ellipse
from .problem import Problem

__all__ = ["OfStates", "Pair", "Propagated", "leading_of", "unit_vector"]


@dataclass
class Pair:
    """An eigenvalue of the generator, its coherence order, ‖Lx−λx‖, and x of norm 1 as a row-major
    matrix.
    """

    value: complex
    order: Any
    residual: float
    vector: np.ndarray


def unit_vector(problem: Problem, index: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A row-major matrix of norm 1 with the elements `x` at the places `index`."""
    out = np.zeros(problem.d**2, dtype=complex)
    out[index] = x / np.linalg.norm(x)
    return out


def leading_of(L: np.ndarray, order: tuple[int, ...], k: int) -> list[Pair]:
    """The k eigenvalues of a matrix with the largest real parts, and their vectors of norm 1."""
    values, vectors = scipy.linalg.eig(L)
    out = []
    for i in np.argsort(-values.real, kind="stable")[:k]:
        x = vectors[:, i]
        residual = float(np.linalg.norm(L @ x - values[i] * x))
        out.append(Pair(complex(values[i]), order, residual, x))
    return out


class Propagated:
    """Arnoldi on exp(τL) within one coherence order.

    Parameters
    ----------
    elements : Elements
    order : tuple of int
    size : int
        Number of elements that are of this order.
    tell : callable
        Is told the share of the products that are done.
    """

    def __init__(self, elements: Elements, order: tuple[int, ...], size: int, tell: Tell = silent):
        self.elements, self.order, self.size = elements, order, size
        self.ellipse: Expansion = estimate_ellipse(elements)
        self.tell, self.products, self.expected = tell, 0, 1

    def _row(self, x: np.ndarray) -> np.ndarray:
        return np.concatenate([x.real, x.imag])

    def _vector(self, row: np.ndarray) -> np.ndarray:
        return np.asarray(row[: self.size] + 1j * row[self.size :])

    def unit(self, x: np.ndarray) -> np.ndarray:
        """The mode of norm 1 with the elements `x`."""
        return np.asarray(x / np.linalg.norm(x))

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The generator applied to a row: L x."""
        return self._vector(self.elements.kernel.apply(self._row(x)))

    def propagate(self, x: np.ndarray, tau: float) -> np.ndarray:
        """A row after the time τ: exp(τL) x."""
        self.products += 1
        self.tell(self.products / self.expected)
        row = self._row(x)
        steps = int(np.ceil(tau / self.ellipse.longest))
        for _ in range(steps):
            row = self._step(row, tau / steps)
        return self._vector(row)

    def _step(self, row: np.ndarray, t: float) -> np.ndarray:
        nothing, none = np.zeros(1, dtype=np.intp), np.zeros(0, dtype=np.intp)
        for _ in range(20):
            count = self.ellipse.terms(t, 1e-16)
            if count:
                table = self.ellipse.coefficients(np.array([t]), count)
                out, norms = np.empty((1, len(row))), np.empty(count)
                alpha, shift, beta = self.ellipse.recurrence
                self.elements.kernel.expand(
                    row,
                    alpha,
                    shift,
                    beta,
                    np.ascontiguousarray(table),
                    out,
                    nothing,
                    none,
                    np.zeros(0, complex),
                    np.zeros((0, 0), complex),
                    norms,
                )
                sizes = np.abs(table[0]) * norms / max(norms[0], 1e-300)
                if np.all(np.isfinite(norms)) and sizes[-2:].max() < 1e-13 and sizes.max() < 1e3:
                    return np.asarray(out[0])
            self.ellipse = self.ellipse.enlarged()
        raise SolverError("the expansion of exp(τL) did not converge", reason="not converged")

    def leading(self, k: int) -> list[Pair]:
        """The k eigenvalues of largest real part."""
        n = self.size
        tau = 4.0 / max(2 * self.ellipse.width, self.ellipse.height)
        start = np.random.default_rng(0).standard_normal(n) + 0j
        asked = min(k + 3, n - 2)
        # a time in which the wanted modes have decayed a little, and the others much
        self._announce(k, start, tau)
        for _ in range(6):
            values = self._ritz(start, tau, min(max(2 * asked, 20), n - 1))
            decay = -np.log(max(np.sort(np.abs(values))[::-1][asked - 1], 1e-300))
            if decay > 0.7:
                break
            tau *= float(min(8.0, 1.5 / max(decay, 1e-3)))
        none = np.zeros((n, 0), dtype=complex)
        values, vectors = self._arnoldi(tau, none, start, asked, max(2 * asked + 1, 24), 1e-13)
        if len(values) < k:
            raise SolverError(
                f"only {len(values)} of {k} eigenvalues of order {self.order} converged",
                reason="not converged",
            )
        values, vectors = self._with_copies(tau, values, vectors, k)
        out = [self._pair(value, x, tau) for value, x in zip(values, vectors.T, strict=True)]
        out.sort(key=lambda p: -p.value.real)
        return out[:k]

    def _arnoldi(
        self, tau: float, found: np.ndarray, start: np.ndarray, asked: int, size: int, goal: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Largest eigenvalues of exp(τL) outside an invariant space, whose orthonormal basis are
        the columns of `found`, and their vectors.
        """
        n = len(start)

        def product(x: np.ndarray) -> np.ndarray:
            y = self.propagate(np.ravel(x), tau)
            return np.asarray(y - found @ (found.conj().T @ y))

        operator = spla.LinearOperator((n, n), matvec=product, dtype=complex)
        start = start - found @ (found.conj().T @ start)
        try:
            values, vectors = spla.eigs(
                operator, k=asked, v0=start, ncv=min(n, size), maxiter=60, tol=goal
            )
        except spla.ArpackNoConvergence as error:
            return error.eigenvalues, error.eigenvectors
        return values, vectors

    def _with_copies(
        self, tau: float, values: np.ndarray, vectors: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same with eigenvalues that occur several times: one Krylov space shows each once, so
        what lies outside of the space that was found is looked at again.
        """
        n = len(vectors)
        rng = np.random.default_rng(1)
        while vectors.shape[1] < n - 4:
            least = float(np.sort(np.abs(values))[::-1][k - 1])
            found = scipy.linalg.orth(vectors)
            start = rng.standard_normal(n) + 0j
            if not self._outside(tau, found, start, least):
                break
            _, more = self._arnoldi(tau, found, start, min(k, n - 2), max(2 * k + 1, 24), 1e-13)
            if not more.shape[1]:
                break
            space = scipy.linalg.orth(np.hstack([found, more]))
            moved = np.array([self.propagate(x, tau) for x in space.T]).T
            values, turn = scipy.linalg.eig(space.conj().T @ moved)
            vectors = space @ turn
        return values, vectors

    def _outside(self, tau: float, found: np.ndarray, start: np.ndarray, least: float) -> bool:
        """Whether exp(τL) has an eigenvalue above `least` outside a space: roughly first."""
        for goal in (1e-2, 1e-5):
            others, _ = self._arnoldi(tau, found, start, 1, 20, goal)
            largest = float(np.abs(others).max(initial=0.0))
            if largest < least * (1 - 3 * goal):
                return False
        return largest > least * (1 + 1e-6)

    def _announce(self, k: int, start: np.ndarray, tau: float) -> None:
        """Say so where this will take long: about five times the Krylov space, whose steps may
        be some times as long as the first.
        """
        self.expected = 5 * max(2 * (k + 3), 20)
        what = f"eigenmodes of order {self.order} ({self.size} elements)"
        advice = "a lower cutoff, fewer modes or one order alone shorten it"
        say_if_so_often(what, lambda: self.propagate(start, tau), 3 * self.expected, advice)

    def _pair(self, value: complex, x: np.ndarray, tau: float) -> Pair:
        Lx = self.apply(x)
        rayleigh = complex(np.vdot(x, Lx) / np.vdot(x, x))
        guess = np.log(complex(value)) / tau
        # the logarithm is known up to 2πi/τ
        turns = round((rayleigh.imag - guess.imag) * tau / (2 * np.pi))
        guess = guess + 2j * np.pi * turns / tau
        residual = float(np.linalg.norm(Lx - guess * x) / np.linalg.norm(x))
        return Pair(complex(guess), self.order, residual, self.unit(x))

    def _ritz(self, start: np.ndarray, tau: float, m: int) -> np.ndarray:
        V = np.zeros((m + 1, len(start)), dtype=complex)
        h = np.zeros((m + 1, m), dtype=complex)
        V[0] = start / np.linalg.norm(start)
        for k in range(m):
            w = self.propagate(V[k], tau)
            for _ in range(2):
                c = V[: k + 1].conj() @ w
                w = w - c @ V[: k + 1]
                h[: k + 1, k] += c
            h[k + 1, k] = np.linalg.norm(w)
            if abs(h[k + 1, k]) < 1e-14:
                return np.linalg.eigvals(h[: k + 1, : k + 1])
            V[k + 1] = w / h[k + 1, k]
        return np.linalg.eigvals(h[:m, :m])


class OfStates(Propagated):
    """The same for elements between the states of a problem.

    Parameters
    ----------
    problem : Problem
    order : tuple of int
    index : ndarray
        Elements of row-major matrices that are of this order.
    tell : callable
    """

    def __init__(
        self, problem: Problem, order: tuple[int, ...], index: np.ndarray, tell: Tell = silent
    ):
        self.problem, self.index = problem, index
        row, column = np.unravel_index(index, (problem.d, problem.d))
        E = problem.liouvillian.general(np.unique(column - row))
        super().__init__(E, order, len(index), tell)
        # the place of each element in a row of the kernel
        segment = {int(delta): s for s, delta in enumerate(E.diagonals)}
        at = np.array([E.segments[segment[int(x)], 0] for x in column - row])
        self.place = at + np.minimum(row, column)
        self.turn = E.phase[row].conj() * E.phase[column]

    def _row(self, x: np.ndarray) -> np.ndarray:
        size = self.elements.size
        out = np.zeros(2 * size)
        turned = self.turn * x
        out[self.place], out[size + self.place] = turned.real, turned.imag
        return out

    def _vector(self, row: np.ndarray) -> np.ndarray:
        size = self.elements.size
        return np.asarray((row[self.place] + 1j * row[size + self.place]) * self.turn.conj())

    def unit(self, x: np.ndarray) -> np.ndarray:
        """The mode of norm 1 with the elements `x`, a row-major matrix."""
        return unit_vector(self.problem, self.index, x)
