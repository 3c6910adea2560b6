"""Steady states of moment equations: exact for ensembles, approximate for cumulants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip
import scipy.sparse
import scipy.sparse.linalg

from .._ext.integrator import Integrator
from ..core.checks import check_integer
from ..core.entry import HIERARCHY, STEADY_CLOSURES
from ..core.errors import SolverError, StorageError
from ..core.saved import Saved
from ..core.status import Status
from ..operators.atom import AtomFactor
from ..operators.expression import Expression
from ..operators.mode import ModeFactor
from ..operators.polynomial import Polynomial
from ..operators.states import ProductState
from ..operators.system import System
from .closure_limits import left_out, without_phase
from .cumulants import Closure, CumulantResult, CumulantSolver, closure_of
from .flow import has_phase
from .words import TooManyMomentsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "MomentState",
    "all_moments",
    "cumulant_steadystate",
    "hierarchy_steadystate",
    "sites_of",
]

#: Jacobians up to this size are looked at for growing perturbations
_DENSE = 1200


@dataclass(frozen=True)
class MomentState(Saved):
    """A state known by its moments: ``qsp.expect(operator, state)`` reads it.

    Attributes
    ----------
    closure : Closure
        The equations.
    moments : ndarray of shape (V,)
        Of the products of operators in ``words``, on distinct atoms.
    neglected : tuple of str
        What the closure leaves out; empty where the moments are exact.
    residual : float
        Largest rate of change, relative to the fastest rate of the system.
    coordinates : ndarray of shape (D,)
        Of exact states of ensembles: among the operators that no permutation of the atoms changes
        (:class:`.PermutedSpace`); empty otherwise.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> a, = qsp.modes(1)
    >>> damped = qsp.System(a.dag() * a + a + a.dag(), [a])
    >>> state = qsp.steadystate(damped, closure="cumulants")
    >>> type(state).__name__
    'MomentState'
    """

    closure: Closure
    moments: np.ndarray
    neglected: tuple[str, ...]
    residual: float
    coordinates: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        closure = {"system": System, "order": int, "neutral": bool, "cutoff": Any}
        state = {"moments": np.ndarray, "neglected": tuple[str, ...], "residual": float}
        return {**closure, "words": tuple[str, ...], **state, "coordinates": np.ndarray}

    def _stored_fields(self) -> dict[str, Any]:
        # the equations are made again from what they were asked for
        here = {"words": self.words, "moments": self.moments, "neglected": self.neglected}
        rest = {"residual": self.residual, "coordinates": self.coordinates}
        return {"system": self.system, **self.closure.asked, **here, **rest}

    @classmethod
    def _made_of(cls, found: dict[str, Any]) -> MomentState:
        closure = closure_of(**{n: found.pop(n) for n in ("system", "order", "neutral", "cutoff")})
        words = found.pop("words")
        out = cls(closure, **found)
        if out.words != words or out.moments.shape != (len(words),):
            raise StorageError("the moments are not those of the system")
        return out

    @property
    def system(self) -> System:
        """The system whose steady state it is."""
        return self.closure.system

    @property
    def words(self) -> tuple[str, ...]:
        """The products of operators whose moments ``moments`` holds, as text and in its order,
        (V,).
        """
        e = self.closure.equations
        return tuple(repr(e.operator(w)) for w in e.words)

    def expectation(self, operator: Expression) -> complex:
        """Expectation value of any operator, by the closure where it is no moment itself.

        Parameters
        ----------
        operator : Expression
            Any polynomial in the system's symbols.

        Returns
        -------
        complex
        """
        return complex(self.closure.expectation(operator, self.moments))

    def change(self, operator: Expression) -> float:
        """By how much the next order of cumulants changes ⟨operator⟩: an estimate of its error.

        Raises
        ------
        SolverError
            The next order does not settle.
        """
        if self.closure.exact:
            return 0.0
        other = cumulant_steadystate(self.system, order=self.closure.equations.order + 1)
        return abs(other.expectation(operator) - self.expectation(operator))

    def __repr__(self) -> str:
        kind = (
            "exact" if self.closure.exact else f"cumulants of order {self.closure.equations.order}"
        )
        lines = [f"<MomentState of {self.system.name}: {kind}, {len(self.moments)} moments>"]
        lines += [f"  neglected: {text}" for text in self.neglected]
        return "\n".join(lines)


class _Jacobian:
    """Rates and their derivatives at any point, in real and imaginary parts."""

    def __init__(self, closure: Closure):
        self.V = len(closure.equations.words)
        self.real = sorted(closure.equations.real)
        self.polynomials = closure.polynomials()
        rates = closure.equations.rates()
        rows: list[int] = []
        letters: list[int] = []
        rest: list[Any] = []
        value: list[complex] = []
        for row, polynomial in enumerate(rates):
            self._collect(row, polynomial, rows, letters, rest, value)
        width = max((len(r) for r in rest), default=0)
        padded = np.full((len(rest), width), 2 * self.V)
        for k, r in enumerate(rest):
            padded[k, : len(r)] = r
        self.rows, self.letters = np.array(rows, np.int64), np.array(letters, np.int64)
        self.rest, self.value = padded, np.array(value, np.complex128)

    @staticmethod
    def _collect(
        row: int,
        polynomial: Polynomial,
        rows: list[int],
        letters: list[int],
        rest: list[Any],
        value: list[complex],
    ) -> None:
        for (word, factors), v in polynomial.items():
            if factors:
                raise ValueError("system must not depend on time to have a steady state")
            for x in set(word):
                at = word.index(x)
                rows.append(row)
                letters.append(x)
                rest.append(word[:at] + word[at + 1 :])
                value.append(v * word.count(x))

    def rate(self, z: np.ndarray) -> np.ndarray:
        """Time derivative of the moments, dz/dt."""
        return np.asarray(self.polynomials(0.0, z))

    def matrix(self, z: np.ndarray) -> Any:
        """The real Jacobian (2V, 2V) of (Re, Im)."""
        both = np.empty(2 * self.V + 1, dtype=complex)
        both[0:-1:2], both[1:-1:2], both[-1] = z.conj(), z, 1.0
        entry = self.value * both[self.rest].prod(axis=1)
        column, sign = self.letters >> 1, np.where(self.letters & 1, 1.0, -1.0)
        V = self.V
        parts = [
            (entry.real, self.rows, column),
            (entry.imag, self.rows + V, column),
            (-sign * entry.imag, self.rows, column + V),
            (sign * entry.real, self.rows + V, column + V),
        ]
        data = np.concatenate([p[0] for p in parts])
        index = (np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts]))
        J = scipy.sparse.csc_matrix((data, index), shape=(2 * V, 2 * V))
        # the imaginary part of a real moment stays 0
        idle = np.zeros(2 * V)
        idle[[V + k for k in self.real]] = 1.0
        keep = scipy.sparse.diags(1 - idle)
        return (keep @ J @ keep - scipy.sparse.diags(idle) * (abs(J).max() or 1.0)).tocsc()


def _newton(jacobian: _Jacobian, z: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    """Newton's method; the point and its residual relative to the fastest rate."""
    residual = np.inf
    for _ in range(steps):
        F = jacobian.rate(z)
        J = jacobian.matrix(z)
        speed = float(abs(J).max())
        try:
            lu = scipy.sparse.linalg.splu(J)
        except RuntimeError as error:
            raise SolverError(f"no unique steady state: {error}", reason="singular") from error
        step = lu.solve(np.concatenate([F.real, F.imag]))
        if not np.all(np.isfinite(step)):
            raise SolverError(
                "no unique steady state: the equations are singular", reason="singular"
            )
        z = z - (step[: jacobian.V] + 1j * step[jacobian.V :])
        size = max(1e-300, float(np.abs(z).max()))
        new = float(np.abs(jacobian.rate(z)).max()) / (speed * size)
        if new < 1e-15 or (new < 1e-12 and new > 0.5 * residual):
            return z, new
        residual = new
    return z, residual


def hierarchy_steadystate(system: System, cutoff: Any = None) -> MomentState:
    """The exact steady state of ensembles, spins ½, levels and cut modes: the hierarchy of all
    moments, which is the permutation-symmetric Liouville space.

    Parameters
    ----------
    system : System
        With modes only where there is a cutoff.
    cutoff : int or sequence of int, optional
        Fock levels of the modes.

    Returns
    -------
    MomentState

    Raises
    ------
    SolverError
        The steady state is not unique.
    """
    order = sites_of(system, cutoff)
    with all_moments(order):
        closure = closure_of(system, order, neutral=True, cutoff=cutoff)
    jacobian = _Jacobian(closure)
    z = np.zeros(jacobian.V, dtype=complex)
    J = jacobian.matrix(z)
    z, residual = _newton(jacobian, z, 3)
    probe = np.random.default_rng(0).standard_normal(2 * jacobian.V)
    lu = scipy.sparse.linalg.splu(J)
    growth = float(np.linalg.norm(lu.solve(probe)) * abs(J).max() / np.linalg.norm(probe))
    if growth > 1e13 or not residual < 1e-9:
        raise SolverError(
            "the steady state is not unique, or the moments of so many nodes are beyond double "
            f"precision (the equations are singular to 1 part in {growth:.1e}); "
            "closure='cumulants' takes any number of atoms, state0 (with the states of each of "
            "them, where they fit) tells several steady states apart",
            reason="singular",
        )
    return MomentState(closure, z, (), residual)


def hierarchy_exactsolve(
    system: System,
    state0: Any,
    tlist: ArrayLike,
    *,
    cutoff: Any = None,
    e_ops: Any = None,
    options: Any = None,
) -> CumulantResult:
    """Exact evolution of ensembles, spins ½, levels and cut modes by the hierarchy of all moments.

    Parameters
    ----------
    system : System
        With modes only where there is a cutoff.
    state0, tlist
        As for :func:`qsyncplug.mfsolve`.
    cutoff : int or sequence of int, optional
        Fock levels of the modes.
    e_ops : Expression, or list or dict of Expression, optional
        Operators whose expectation values are wanted; any others can be read off the result by
        :func:`qsyncplug.expect`.
    options : dict, optional
        Of the integrator.

    Returns
    -------
    CumulantResult
        With nothing neglected.
    """
    order = sites_of(system, cutoff)
    with all_moments(order):
        solver = CumulantSolver(system, order=order, cutoff=cutoff, options=options)
        result = solver.run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, CumulantResult)
    result.solver = "exactsolve"
    result.stats["method reason"] = "moments of distinct atoms: the hierarchy ends by itself"
    return result


@contextlib.contextmanager
def all_moments(order: int) -> Iterator[None]:
    """Say of what is too large that nobody asked for its order."""
    try:
        yield
    except TooManyMomentsError as error:
        raise ValueError(
            f"the exact solution has all moments of {order} nodes and atoms: {error}; or take "
            "closure='cumulants', order=2, which any number of atoms fits into"
        ) from None


def sites_of(system: System, cutoff: Any) -> int:
    """Number of atoms, spins, levels and modes: the order at which the hierarchy ends."""
    total = 0
    for s in system.symbols:
        if isinstance(s.factor, ModeFactor) and cutoff is None:
            raise TypeError(
                f"cutoff is needed: {s} is a mode, the hierarchy of its moments does not end; give "
                "the number of Fock levels to keep"
            )
        total += s.factor.N if isinstance(s.factor, AtomFactor) else 1
    return total


def cumulant_steadystate(system: System, *, order: int = 2, state0: Any = None) -> MomentState:
    """The steady state of a cumulant expansion: a run towards it, then Newton's method.

    Parameters
    ----------
    system : System
        Must not depend on time.
    order : int
        Largest number of operators whose joint cumulant is kept.
    state0 : mapping, optional
        Where the run starts; by default empty modes, and spins without direction.

    Returns
    -------
    MomentState

    Raises
    ------
    SolverError
        The moments do not settle.
    """
    order = check_integer("order", order, minimum=1)
    if not system.isconstant:
        raise ValueError("system must not depend on time to have a steady state")
    closure = closure_of(system, order, neutral=True)
    jacobian = _Jacobian(closure)
    start = {s: _idle(s) for s in system.symbols} if state0 is None else state0
    product = ProductState(system, start)
    y, z = closure.start(product), closure.initial(product)
    flow = closure.flow()
    T = 4.0 / float(abs(jacobian.matrix(z)).max())
    for _ in range(40):
        integrator = Integrator(flow, rtol=1e-7, atol=1e-12, nsteps=20_000)
        integrator.set_state(0.0, y, T)
        row = np.empty((1, flow.size))
        status, count = integrator.advance(np.array([T]), row)
        if not count:
            raise SolverError(
                f"the cumulants of order {order} do not settle: "
                f"{Status(status).name.lower().replace('_', ' ')} at t={integrator.t:g} (moments "
                "that grow without bound have no steady state); try another order, or twasolve",
                reason="not settled",
            )
        y = row[0] if closure.central else row[0].view(complex)
        z = closure.moments(row)[0]
        found = _settled(jacobian, z)
        if found is not None:
            neglected = left_out(closure) + without_phase(closure, found[0])
            if closure.equations.neutral_only and state0 is not None and has_phase(system, product):
                neglected.append(
                    "the phase of state0: a phase symmetry of the system leaves only the moments "
                    "that it does not turn (mfsolve takes all of them)"
                )
            return MomentState(closure, found[0], tuple(neglected), found[1])
        T *= 2
    raise SolverError(f"the cumulants of order {order} do not settle", reason="not settled")


def _settled(jacobian: _Jacobian, z: np.ndarray) -> tuple[np.ndarray, float] | None:
    """A stable steady state close to where the run is, or None."""
    try:
        point, residual = _newton(jacobian, z, 8)
    except SolverError:
        return None
    near = float(np.abs(point - z).max()) < 0.05 * max(1e-12, float(np.abs(z).max()))
    if not near or not residual < 1e-11:
        return None
    if 2 * jacobian.V <= _DENSE:
        J = jacobian.matrix(point).toarray()
        if np.linalg.eigvals(J).real.max() > 1e-9 * np.abs(J).max():
            return None
    return point, residual


def _idle(symbol: Any) -> Any:
    factor = symbol.factor
    if isinstance(factor, ModeFactor):
        return 0.0
    if hasattr(factor, "d"):
        return qutip.qeye(factor.d) / factor.d
    # a spin that stays symmetric has no mixed state to start in
    return (0.0, 0.0, -1.0) if symbol.space.maker == "spins" and factor.N > 1 else (0.0, 0.0, 0.0)


STEADY_CLOSURES["cumulants"] = cumulant_steadystate
HIERARCHY["steadystate"] = hierarchy_steadystate
HIERARCHY["exactsolve"] = hierarchy_exactsolve
