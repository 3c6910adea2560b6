"""Leading eigenvalues and modes of a Liouvillian, by coherence order."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import qutip
import scipy.linalg
import scipy.sparse.linalg as spla

from ..core.checks import check_integer, check_memory
from ..core.errors import QsyncplugWarning, SolverError, warn
from ..core.progress import Tell, check_bar, part, reached, silent
from ..core.saved import Saved
from .elements import Elements
from .ellipse import Expansion, estimate_ellipse
from .patience import say_if_long
from .problem import Problem, exact_problem

__all__ = ["Eigenmodes", "eigenmodes"]

#: elements of a coherence order up to which the whole spectrum is computed
_DENSE = 500
#: real parts, relative to the largest rate, from which on an eigenvalue is a defect
_GROWS = 1e-8


@dataclass
class Eigenmodes(Saved):
    """Leading eigenvalues of a Liouvillian, by falling real part.

    Attributes
    ----------
    eigenvalues : ndarray of shape (k,)
    orders : list
        Coherence order q(a)−q(b) of the elements |a⟩⟨b| of each mode: an int, a tuple where there
        are several charges, None without a phase symmetry.
    residuals : ndarray of shape (k,)
        ‖Lx−λx‖ for modes of norm 1.
    modes : list of Qobj
        Norm 1; a stationary mode has trace 1 instead.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> r = qsp.eigenmodes(qsp.System(0 * b, [b]), 2, cutoff=8)
    >>> round(r.gap, 9)
    0.5
    """

    _axes: ClassVar[dict[str, str]] = dict.fromkeys(
        ("eigenvalues", "orders", "residuals", "modes"), "k"
    )

    eigenvalues: np.ndarray
    orders: list[Any]
    residuals: np.ndarray
    modes: list[qutip.Qobj]

    @property
    def gap(self) -> float:
        """Smallest decay rate −Re λ of all modes but the stationary one; NaN if none is known.

        Of an order other than 0 alone: that of its slowest mode.
        """
        scale = max(float(np.abs(self.eigenvalues).max(initial=0.0)), 1e-300)
        decaying = -self.eigenvalues.real
        # the stationary eigenvalue of a trace-preserving evolution is the first of order 0
        still = np.flatnonzero(np.abs(self.eigenvalues) < 1e-9 * scale)
        keep = np.ones(len(decaying), dtype=bool)
        if len(still) and any(self.modes[i].tr() != 0 for i in still):
            keep[still[int(np.argmax([abs(self.modes[i].tr()) for i in still]))]] = False
        rest = decaying[keep]
        return float(rest.min()) if len(rest) else float("nan")

    @property
    def persistent(self) -> np.ndarray:
        """Frequencies of oscillations that do not decay."""
        scale = max(float(np.abs(self.eigenvalues).max(initial=0.0)), 1e-300)
        still = np.abs(self.eigenvalues.real) < 1e-9 * scale
        return np.asarray(self.eigenvalues.imag[still & (np.abs(self.eigenvalues) > 1e-9 * scale)])

    def overlaps(self, operator: qutip.Qobj) -> np.ndarray:
        """Which modes an observable can see: |tr(A X)| of every mode X.

        Parameters
        ----------
        operator : Qobj
            The observable A, on the space of the modes.

        Returns
        -------
        ndarray of shape (k,)
        """
        return np.array([abs((operator * mode).tr()) for mode in self.modes])

    def __repr__(self) -> str:
        lines = [f"<Eigenmodes: gap {self.gap:.8g}"]
        for value, order, residual in zip(
            self.eigenvalues, self.orders, self.residuals, strict=True
        ):
            lines.append(f"  {value:.10g}  order {order}  residual {residual:.1e}")
        return "\n".join(lines) + " >"


@dataclass
class _Pair:
    value: complex
    order: Any
    residual: float
    vector: np.ndarray


def eigenmodes(
    system: Any,
    k: int = 6,
    *,
    cutoff: Any = None,
    order: Any = None,
    progress_bar: str | bool = "",
) -> Eigenmodes:
    r"""Leading eigenvalues and modes of the Liouvillian, by falling real part.

    Parameters
    ----------
    system : System, or a pair (H, c_ops) of QuTiP objects
        Constant in time.
    k : int
        How many.
    cutoff : int or sequence of int
        Fock levels kept of modes.
    order : int or tuple of int, optional
        With a phase symmetry: only modes whose elements |a⟩⟨b| have q(a)−q(b) equal to this; by
        default of all orders. Without a symmetry it must be left out (or 0).
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; "" is none. It tells of the orders and, within one,
        of the products of its Krylov space, whose number is an estimate.

    Returns
    -------
    Eigenmodes
        ``.eigenvalues`` (k,) (the stationary 0 among them for order 0), ``.orders``,
        ``.residuals``, ``.modes``, ``.gap``.

    Raises
    ------
    ValueError, TypeError
        A system that depends on time or has no jump operators; an order that does not occur.
    MemoryLimitError
        The modes or the Krylov space do not fit; the message holds the estimate.
    SolverError
        The iteration did not converge.

    Warns
    -----
    CutoffWarning
        The highest levels are populated in the stationary mode, where that is asked for.

    Notes
    -----
    Orders of up to 500 elements: the whole spectrum. Larger ones: Arnoldi on exp(τL), whose
    largest eigenvalues belong to the largest real parts; the branch of the logarithm from Rayleigh
    quotients of L. Order −q holds the complex conjugates of order q.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> r = qsp.eigenmodes(qsp.System(0.5 * b.dag() * b, [b]), 3, cutoff=12, order=1)
    >>> [complex(round(x.real, 9), round(x.imag, 9)) for x in r.eigenvalues]
    [(-0.5-0.5j), (-1.5-0.5j), (-2.5-0.5j)]
    """
    k = check_integer("k", k, minimum=1)
    bar = check_bar(progress_bar)
    problem = exact_problem(system, cutoff, "eigenmodes")
    wanted = _orders(problem, order)
    found: list[_Pair] = []
    tell = reached(bar)
    for i, o in enumerate(wanted):
        end = (i + 1) / len(wanted)
        here = _of_order(problem, o, k, part(tell, i / len(wanted), end))
        if order is None and any(o):
            # the opposite order holds the adjoint modes
            here += [_adjoint(problem, p) for p in here]
        # no more whole matrices at a time than are wanted
        found = sorted(found + here, key=_rank)[:k]
        tell(end)
    scale = _scale(problem)
    top = max((p.value.real for p in found), default=0.0)
    if top > _GROWS * scale:
        warn(
            f"an eigenvalue has the positive real part {top:.2g}: rounding, or a defect",
            QsyncplugWarning,
        )
    if found and not any(found[0].order):
        _normalise(problem, found, scale)
    modes = [problem.qobj(p.vector.reshape(problem.d, problem.d)) for p in found]
    return Eigenmodes(
        np.array([p.value for p in found]),
        [_label(problem, p.order) for p in found],
        np.array([p.residual for p in found]),
        modes,
    )


def _rank(pair: _Pair) -> tuple[float, float, float]:
    value = pair.value
    return -round(value.real, 12), abs(value.imag), value.imag


def _label(problem: Problem, order: tuple[int, ...]) -> Any:
    if problem.charges.shape[1] == 0:
        return None
    return order[0] if len(order) == 1 else order


def _scale(problem: Problem) -> float:
    return float(np.abs(problem.effective.diagonal()).max()) * 2


def _orders(problem: Problem, order: Any) -> list[tuple[int, ...]]:
    """The orders to be looked at; of opposite ones the one with a positive first entry."""
    every = problem.orders()
    width = problem.charges.shape[1]
    if order is None:
        return [o for o in every if next((x for x in o if x), 1) > 0]
    if width == 0:
        if order != 0 and order != ():
            raise ValueError(f"order={order!r}: the system has no phase symmetry; leave it out")
        return [()]
    several = order if isinstance(order, (tuple, list, np.ndarray)) else (order,)
    wanted = tuple(check_integer("order", x) for x in several)
    if len(wanted) != width:
        raise ValueError(f"order must hold {width} numbers, one a charge, not {len(wanted)}")
    if wanted not in every:
        raise ValueError(f"order={order!r} does not occur; the largest is {every[-1]}")
    return [wanted]


def _adjoint(problem: Problem, pair: _Pair) -> _Pair:
    d = problem.d
    matrix = pair.vector.reshape(d, d).conj().T
    opposite = tuple(-x for x in pair.order)
    return _Pair(pair.value.conjugate(), opposite, pair.residual, matrix.ravel())


def _normalise(problem: Problem, found: list[_Pair], scale: float) -> None:
    """A stationary mode becomes a matrix of trace 1."""
    first = found[0]
    if abs(first.value) < 1e-9 * scale:
        trace = np.trace(first.vector.reshape(problem.d, problem.d))
        if abs(trace) > 1e-8:
            first.vector = first.vector / trace
            problem.warn_cutoff(first.vector.reshape(problem.d, problem.d))


def _of_order(problem: Problem, order: tuple[int, ...], k: int, tell: Tell) -> list[_Pair]:
    index = np.flatnonzero(problem.mask(order if problem.charges.shape[1] else None).ravel())
    k = min(k, len(index))
    vectors = 2 * max(2 * (k + 3) + 1, 24) + 8
    check_memory(
        f"{k} eigenmodes among {len(index)} elements",
        16.0 * (4 * k * problem.d**2 + vectors * len(index)),
        advice="lower the cutoff, or ask for fewer",
    )
    if len(index) <= _DENSE:
        return _dense(problem, order, index, k)
    return _Propagated(problem, order, index, tell).leading(k)


def _full(problem: Problem, index: np.ndarray, x: np.ndarray) -> np.ndarray:
    out = np.zeros(problem.d**2, dtype=complex)
    out[index] = x / np.linalg.norm(x)
    return out


def _dense(problem: Problem, order: tuple[int, ...], index: np.ndarray, k: int) -> list[_Pair]:
    L = problem.superoperator(index).toarray()
    values, vectors = scipy.linalg.eig(L)
    out = []
    for i in np.argsort(-values.real, kind="stable")[:k]:
        x = vectors[:, i]
        residual = float(np.linalg.norm(L @ x - values[i] * x))
        out.append(_Pair(complex(values[i]), order, residual, _full(problem, index, x)))
    return out


class _Propagated:
    """Arnoldi on exp(τL) within one coherence order."""

    def __init__(
        self, problem: Problem, order: tuple[int, ...], index: np.ndarray, tell: Tell = silent
    ):
        self.problem, self.order, self.index = problem, order, index
        d = problem.d
        row, column = np.unravel_index(index, (d, d))
        self.elements: Elements = problem.liouvillian.general(np.unique(column - row))
        E = self.elements
        # the place of each element in a row of the kernel
        segment = {int(delta): s for s, delta in enumerate(E.diagonals)}
        at = np.array([E.segments[segment[int(x)], 0] for x in column - row])
        self.place = at + np.minimum(row, column)
        self.turn = E.phase[row].conj() * E.phase[column]
        self.ellipse: Expansion = estimate_ellipse(E)
        self.tell, self.products, self.expected = tell, 0, 1

    def _row(self, x: np.ndarray) -> np.ndarray:
        size = self.elements.size
        out = np.zeros(2 * size)
        turned = self.turn * x
        out[self.place], out[size + self.place] = turned.real, turned.imag
        return out

    def _vector(self, row: np.ndarray) -> np.ndarray:
        size = self.elements.size
        return np.asarray((row[self.place] + 1j * row[size + self.place]) * self.turn.conj())

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

    def leading(self, k: int) -> list[_Pair]:
        """The k eigenvalues of largest real part."""
        n = len(self.index)
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
        operator = spla.LinearOperator(
            (n, n), matvec=lambda x: self.propagate(np.ravel(x), tau), dtype=complex
        )
        try:
            values, vectors = spla.eigs(
                operator,
                k=asked,
                v0=start,
                ncv=min(n, max(2 * asked + 1, 24)),
                maxiter=60,
                tol=1e-13,
            )
        except spla.ArpackNoConvergence as error:
            values, vectors = error.eigenvalues, error.eigenvectors
            if len(values) < k:
                raise SolverError(
                    f"only {len(values)} of {k} eigenvalues of order {self.order} converged",
                    reason="not converged",
                ) from error
        out = [self._pair(value, x, tau) for value, x in zip(values, vectors.T, strict=True)]
        out.sort(key=lambda p: -p.value.real)
        return out[:k]

    def _announce(self, k: int, start: np.ndarray, tau: float) -> None:
        """Say so where this will take long: about five times the Krylov space, whose steps may
        be some times as long as the first.
        """
        begin = clock.perf_counter()
        self.expected = 5 * max(2 * (k + 3), 20)
        self.propagate(start, tau)
        seconds = (clock.perf_counter() - begin) * 3 * self.expected
        what = f"eigenmodes of order {self.order} ({len(self.index)} elements)"
        say_if_long(what, seconds, "a lower cutoff, fewer modes or one order alone shorten it")

    def _pair(self, value: complex, x: np.ndarray, tau: float) -> _Pair:
        Lx = self.apply(x)
        rayleigh = complex(np.vdot(x, Lx) / np.vdot(x, x))
        guess = np.log(complex(value)) / tau
        # the logarithm is known up to 2πi/τ
        turns = round((rayleigh.imag - guess.imag) * tau / (2 * np.pi))
        guess = guess + 2j * np.pi * turns / tau
        residual = float(np.linalg.norm(Lx - guess * x) / np.linalg.norm(x))
        return _Pair(complex(guess), self.order, residual, _full(self.problem, self.index, x))

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
