"""Leading eigenvalues and modes of a Liouvillian, by coherence order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import qutip
import scipy.sparse

from ..core.checks import check_integer, check_memory
from ..core.errors import QsyncplugWarning, warn
from ..core.interrupts import whole_or_nothing
from ..core.progress import Tell, check_bar, part, reached
from ..core.saved import Saved
from ..core.types import Cutoff
from ..operators.permuted import PermutedSpace
from ..operators.system import System
from .fock import less_of
from .problem import Problem, exact_problem, refuse
from .propagated_modes import OfStates, Pair, leading_of, unit_vector
from .symmetric import many_atoms
from .symmetric_modes import SymmetricModes

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

    _axes: ClassVar[dict[str, str]] = {
        "eigenvalues": "k complex",
        **dict.fromkeys(("orders", "residuals", "modes"), "k"),
    }

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
        return float(rest.min()) + 0.0 if len(rest) else float("nan")

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
        # what is rounding beside the largest is written as 0
        least = 1e-13 * float(np.abs(self.eigenvalues).max(initial=0.0))
        for value, order, residual in zip(
            self.eigenvalues, self.orders, self.residuals, strict=True
        ):
            real, imaginary = (x if abs(x) > least else 0.0 for x in (value.real, value.imag))
            lines.append(
                f"  {complex(real, imaginary):.10g}  order {order}  residual {residual:.1e}"
            )
        return "\n".join(lines) + " >"


@whole_or_nothing
def eigenmodes(
    system: System | tuple[qutip.Qobj, Sequence[qutip.Qobj]],
    k: int = 6,
    *,
    cutoff: Cutoff = None,
    order: int | tuple[int, ...] | None = None,
    progress_bar: str | bool = "",
) -> Eigenmodes:
    r"""Leading eigenvalues and modes of the Liouvillian, by falling real part.

    Parameters
    ----------
    system : System, or a pair (H, c_ops) of QuTiP objects
        Constant in time. From 7 atoms of ensembles on (all ensembles together) only modes that no
        permutation of an ensemble's atoms changes: those that symmetric states and observables see;
        the pair ``system.qutip()`` has all of them.
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
        ``.residuals``, ``.modes``, ``.gap``. Symmetric modes are matrices between the states of all
        total spins J, as those of QuTiP's ``piqs`` (``qutip.piqs.jspin(N, "-")`` for ``overlaps``).

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
        The highest levels are populated in the stationary mode; of another order than 0, in the
        modulus √(XX†) of its slowest mode X.

    Notes
    -----
    Orders of up to 500 elements: the whole spectrum. Larger ones: Arnoldi on exp(τL), whose
    largest eigenvalues belong to the largest real parts, and again beside what was found, for
    eigenvalues that occur several times; the branch of the logarithm from Rayleigh quotients of L.
    Order −q holds the complex conjugates of order q.

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
    source = _source(system, cutoff)
    wanted = _orders(source.orders(), order)
    found: list[Pair] = []
    tell, scale = reached(bar), source.scale
    for i, o in enumerate(wanted):
        end = (i + 1) / len(wanted)
        here = source.of_order(o, k, part(tell, i / len(wanted), end))
        if order is None and any(o):
            # the opposite order holds the adjoint modes
            here += [source.adjoint(p) for p in here]
        # no more whole matrices at a time than are wanted
        found = sorted(found + here, key=lambda pair: _rank(pair, scale))[:k]
        tell(end)
    top = max((p.value.real for p in found), default=0.0)
    if top > _GROWS * scale:
        warn(
            f"an eigenvalue has the positive real part {top:.2g}: rounding, or a defect",
            QsyncplugWarning,
        )
    source.finish(found)
    return Eigenmodes(
        np.array([p.value for p in found]),
        [_label(p.order) for p in found],
        np.array([p.residual for p in found]),
        [source.qobj(p.vector) for p in found],
    )


def _source(system: Any, cutoff: Any) -> Any:
    """Where the modes are looked for: among all elements of matrices, or the symmetric operators of
    many atoms.
    """
    if isinstance(system, System) and many_atoms(system):
        refuse(system.isconstant, bool(system.jumps), "eigenmodes")
        return SymmetricModes(PermutedSpace(system, cutoff))
    return _States(exact_problem(system, cutoff, "eigenmodes"))


def _rank(pair: Pair, scale: float) -> tuple[float, float, float]:
    """By falling real part, to the rounding of the fastest rate."""
    value = pair.value / (scale or 1.0)
    return -round(value.real, 13), abs(value.imag), value.imag


def _label(order: tuple[int, ...]) -> Any:
    if not order:
        return None
    return order[0] if len(order) == 1 else order


def _orders(every: list[tuple[int, ...]], order: Any) -> list[tuple[int, ...]]:
    """The orders to be looked at; of opposite ones the one with a positive first entry."""
    width = len(every[0])
    if order is None:
        return [o for o in every if next((x for x in o if x), 1) > 0]
    if width == 0:
        if not (order == () if isinstance(order, tuple) else check_integer("order", order) == 0):
            raise ValueError(f"order={order!r}: the system has no phase symmetry; leave it out")
        return [()]
    several = order if isinstance(order, (tuple, list, np.ndarray)) else (order,)
    wanted = tuple(check_integer("order", x) for x in several)
    if len(wanted) != width:
        raise ValueError(f"order must hold {width} numbers, one a charge, not {len(wanted)}")
    if wanted not in every:
        raise ValueError(f"order={order!r} does not occur; the largest is {every[-1]}")
    return [wanted]


class _States:
    """Modes among all elements of matrices between the states of a problem."""

    def __init__(self, problem: Problem):
        self.problem = problem

    def orders(self) -> list[tuple[int, ...]]:
        """Every coherence order that occurs."""
        return self.problem.orders()

    @property
    def scale(self) -> float:
        """About the fastest rate of the system."""
        return float(np.abs(self.problem.effective.diagonal()).max()) * 2

    def adjoint(self, pair: Pair) -> Pair:
        """The mode X† of the opposite order."""
        d = self.problem.d
        matrix = pair.vector.reshape(d, d).conj().T
        opposite = tuple(-x for x in pair.order)
        return Pair(pair.value.conjugate(), opposite, pair.residual, matrix.ravel())

    def qobj(self, vector: np.ndarray) -> qutip.Qobj:
        """A mode as a Qobj of the space of the problem."""
        return self.problem.qobj(vector.reshape(self.problem.d, self.problem.d))

    def finish(self, found: list[Pair]) -> None:
        """A stationary mode becomes a matrix of trace 1; warn where a cut-off is too low."""
        if not found:
            return
        problem, first = self.problem, found[0]
        X = first.vector.reshape(problem.d, problem.d)
        if any(first.order):
            if problem.places:
                # a mode that is no state: by its modulus √(XX†)
                left, sizes, _ = np.linalg.svd(X, full_matrices=False)
                weights = (np.abs(left) ** 2 @ sizes) / sizes.sum()
                problem.warn_cutoff(scipy.sparse.diags(weights))
            return
        trace = np.trace(X)
        if abs(first.value) < 1e-9 * self.scale and abs(trace) > 1e-8:
            first.vector = first.vector / trace
            problem.warn_cutoff(X / trace)

    def of_order(self, order: tuple[int, ...], k: int, tell: Tell) -> list[Pair]:
        """The k leading modes of one order."""
        problem = self.problem
        index = problem.elements(order)
        k = min(k, len(index))
        vectors = 2 * max(2 * (k + 3) + 1, 24) + 8
        check_memory(
            f"{k} eigenmodes among {len(index)} elements",
            16.0 * (4 * k * problem.d**2 + vectors * len(index)),
            advice=f"{less_of(problem.system)}, or ask for fewer",
        )
        if len(index) > _DENSE:
            return OfStates(problem, order, index, tell).leading(k)
        L = problem.superoperator(index).toarray()
        found = leading_of(L, order, k)
        return [replace(p, vector=unit_vector(problem, index, p.vector)) for p in found]
