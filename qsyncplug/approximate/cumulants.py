"""Cumulant expansions of any order, and the hierarchy of moments of ensembles, which closes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, ClassVar

import numpy as np

from .._ext.bosons import PolynomialFlow, Polynomials
from .._ext.equations import unpack_linear
from .._ext.integrator import RightHandSide
from ..core.checks import check_integer
from ..core.errors import StorageError
from ..core.result import Result
from ..core.rungekutta import runge_kutta
from ..core.solver import Account
from ..core.types import Cutoff, EOps, Options, State
from ..operators.atom import AtomFactor
from ..operators.expression import Expression
from ..operators.handle import Atoms, Level, Spin
from ..operators.level import LevelFactor
from ..operators.mode import ModeFactor
from ..operators.spin import SpinFactor
from ..operators.states import ProductState, coherent_levels
from ..operators.symbol import Symbol
from ..operators.system import System
from ..operators.transform import as_levels, lowered_levels, substituted
from .closed import AmplitudesResult, ClosedProblem, ClosedSolver, node_quadratures
from .closure_limits import left_out, variances_of_a_state, without_phase
from .gaussian import gaussian_equations, moments_of_words
from .products import check_closed, closed_expectation
from .sphere import upper_triangle
from .words import MomentEquations

__all__ = [
    "Closure",
    "CumulantResult",
    "CumulantSolver",
    "closure_of",
    "is_symmetric",
]


#: closures that a system keeps: those of order 4 and more are megabytes
_KEPT = 4


class Closure:
    """Moment equations of a system, spins as sums over atoms, compiled.

    Parameters
    ----------
    system : System
    order : int
    neutral : bool
        Whether moments that carry a charge vanish.
    cutoff : int or sequence of int, optional
        Modes as so many levels, so that the hierarchy ends; without one, modes stay.
    """

    def __init__(self, system: System, order: int, *, neutral: bool, cutoff: Any = None):
        self.system = system
        self.asked = {"order": order, "neutral": neutral, "cutoff": cutoff}
        self.table = dict(system.mapped_to_atoms.table)
        # a system without spins is its own image, and knows its symmetries
        self.atoms = system.as_atoms() if self.table else system
        if cutoff is not None:
            mapped = as_levels(self.atoms, cutoff)
            self.table.update(mapped.table)
            self.atoms = System(
                mapped.hamiltonian, mapped.jumps, name=system.name, order=mapped.order
            )
            # cut modes may have more charges than the system, which the state need not have
            more = len(self.atoms.symmetries.charges) > len(system.symmetries.charges)
            neutral = neutral and not more
        self.equations = MomentEquations(self.atoms, order, neutral=neutral)
        self._compiled: tuple[dict[str, np.ndarray], list[Any]] | None = None
        #: what was derived of it for all runs
        self.kept: dict[Hashable, Any] = {}

    @property
    def exact(self) -> bool:
        """Whether the hierarchy ends by itself: no modes, and moments of every site."""
        sites = 0
        for s in self.atoms.symbols:
            if isinstance(s.factor, ModeFactor):
                return False
            sites += s.factor.N if isinstance(s.factor, AtomFactor) else 1
        return self.equations.order >= sites

    @property
    def central(self) -> bool:
        r"""Whether the equations run on mean and covariance: of modes, of second order.

        Then M of :math:`\dot C=MC+CM^T+D` is as sparse as the system, where the rates of the
        moments themselves are sums over all of their products.
        """
        whole = self.equations.order == 2 and self.equations._weights is None
        return whole and self.system.bosonic and not self.table

    def flow(self) -> RightHandSide:
        """The compiled right-hand side, of :meth:`start`."""
        if self.central:
            return gaussian_equations(self.system).flow()
        return PolynomialFlow(self.polynomials())

    def start(self, product: ProductState) -> np.ndarray:
        """What :meth:`flow` starts from."""
        if not self.central:
            return self.initial(product)
        C = product.covariance()
        return np.concatenate([product.variables().view(float), C[upper_triangle(len(C))]])

    def moments(self, rows: np.ndarray) -> np.ndarray:
        """The moments (T, V) of rows of the integrator."""
        if not self.central:
            return rows.view(complex)
        return moments_of_words(self.equations.words, rows)

    def polynomials(self) -> Polynomials:
        """The compiled rates of the moments."""
        arrays, factors = self.arrays()
        return Polynomials(len(self.equations.words), arrays, factors)

    def arrays(self) -> tuple[dict[str, np.ndarray], list[Any]]:
        """What the kernel is made of."""
        if self._compiled is None:
            self._compiled = self.equations.compiled()
        return self._compiled

    def initial(self, product: ProductState) -> np.ndarray:
        """The moments of a product state."""
        back = {new: old for old, new in self.table.items()}
        out = np.empty(len(self.equations.words), dtype=complex)
        for k, word in enumerate(self.equations.words):
            value = 1.0 + 0j
            ((monomial, _),) = self.equations.operator(word).terms
            for symbol, key in monomial:
                value *= _site_value(product, back.get(symbol, symbol), symbol, key)
            out[k] = value / self.equations.scale(word)
        return out

    def populations(self, values: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
        """Populations (T, modes, levels) of modes that became levels at moments (T, V), and how
        many levels each has.
        """
        cut = [Level(n) for s, n in self.table.items() if isinstance(s.factor, ModeFactor)]
        sizes = tuple(level.d for level in cut)
        out = np.full((len(values), len(cut), max(sizes, default=0)), np.nan)
        for j, level in enumerate(cut):
            for k in range(1, level.d):
                moment = self.equations.expectation(level[k, k])
                out[:, j, k] = self.equations.evaluate(moment, values).real
            out[:, j, 0] = 1 - np.nansum(out[:, j, 1 : level.d], axis=1)
        return out, sizes

    def expectation(self, operator: Expression, values: np.ndarray) -> np.ndarray:
        """Expectation value of an operator of the original system at moments (…, V)."""
        return closed_expectation(self.equations, self.image(operator), values)

    def image(self, operator: Expression) -> Expression:
        """An operator of the original system in the symbols of the equations."""
        self.system.require_own(operator)
        images: dict[Symbol, tuple[Expression, ...]] = {}
        for old, new in self.table.items():
            if isinstance(new.factor, LevelFactor):
                images[old] = lowered_levels(new)
            else:
                node = Atoms(new) if isinstance(new.factor, AtomFactor) else Spin(new)
                images[old] = (node.p, node.z, node.m)
        return substituted(operator, images) if images else operator


def closure_of(system: System, order: int, *, neutral: bool, cutoff: Any = None) -> Closure:
    """The closure of a system, derived once for all of its runs."""
    levels = None if cutoff is None else tuple(np.ravel(cutoff).tolist())
    key = (order, neutral, levels)
    known: dict[Hashable, Closure] = system.derived.setdefault("closures", {})
    closure = known.pop(key, None) or Closure(system, order, neutral=neutral, cutoff=cutoff)
    known[key] = closure
    # the one that was used last is the last one
    for old in list(known)[:-_KEPT]:
        known.pop(old, None)
    return closure


def _site_value(
    product: ProductState, source: Symbol, symbol: Symbol, key: tuple[int, ...]
) -> complex:
    """⟨·⟩ of a monomial of one node; a spin that became atoms has the state of each spin ½, a mode
    that became levels its coherent state.
    """
    if isinstance(symbol.factor, SpinFactor) or source is symbol:
        return product.expectation(source, key)
    if isinstance(symbol.factor, LevelFactor):
        i, j = key
        psi = coherent_levels(source, product.alpha[source], symbol.factor.d)
        return complex(psi[i].conjugate() * psi[j])
    r, N = product.rho[source], symbol.N
    # in whole numbers of any size: 21! is beyond 64 bits
    falling = float(math.perm(N, sum(key)))
    return complex(falling * r[1, 0] ** key[0] * r[0, 0] ** key[1] * r[0, 1] ** key[2])


def is_symmetric(product: ProductState) -> bool:
    """Whether a product state has every phase symmetry of its system."""
    system = product.system
    weights = system.symmetries.charges
    if not len(weights):
        return False
    at = 0
    for symbol in system.symbols:
        own = weights[:, at : at + symbol.factor.charges]
        at += symbol.factor.charges
        if isinstance(symbol.factor, ModeFactor):
            bare = product.alpha[symbol] == 0
        elif isinstance(symbol.factor, LevelFactor):
            r, bare = product.rho[symbol], True
            for i in range(len(r)):
                for j in range(len(r)):
                    if i != j and r[i, j] != 0:
                        bare &= not np.any(own @ np.array(symbol.factor.charge((i, j))))
            if not bare:
                return False
            continue
        else:
            bare = abs(product.rho[symbol][0, 1]) < 1e-15
        if np.any(own) and not bare:
            return False
    return True


class CumulantResult(AmplitudesResult):
    """Moments of a cumulant expansion in time.

    Attributes
    ----------
    moments : ndarray of shape (T, V)
        Of the products of operators in ``words``, on distinct atoms.
    amplitudes : ndarray of shape (T, n)
        ⟨b⟩ of a mode, ⟨Σσ−⟩/√N of a spin or an ensemble, ⟨σ−⟩ of a spin ½, one a node.
    mean, covariance : ndarray of shape (T, 2n) and (T, 2n, 2n)
        Their quadratures, normal-ordered: the vacuum has ½.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> system = qsp.van_der_pol_pair()
    >>> run = qsp.mfsolve(system, [1.0, 0.5j], [0.0, 1.0], closure="cumulants")
    >>> type(run).__name__
    'CumulantResult'
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "moments": ("time", "moment"),
        "amplitudes": ("time", "node"),
        "mean": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
    }
    moments: np.ndarray

    def __init__(self, e_ops: EOps, options: Options, *, closure: Closure, account: Account):
        self._closure = closure
        self._start: Any = None
        self._next: Any = None
        super().__init__(e_ops, options, **account)

    def __getstate__(self) -> dict[str, Any]:
        # closures are made again: compiled objects are no part of a result
        return {**super().__getstate__(), "_closure": None}

    @property
    def n(self) -> int:
        """Number of nodes: modes, spins and ensembles of the system."""
        return int(self.model.n)

    @property
    def state0(self) -> Any:
        """What the run started from; None where it came from a file."""
        return getattr(self, "_start", None)

    @property
    def closure(self) -> Closure:
        """The equations, made again where the result was loaded or unpickled."""
        if getattr(self, "_closure", None) is None:
            order, neutral = self.stats["order"], self.stats["neutral"]
            cutoff = self.stats.get("cutoff")
            self._closure = closure_of(self.model, order, neutral=neutral, cutoff=cutoff)
            if len(self._closure.equations.words) != self.moments.shape[1]:
                raise StorageError("the moments are not those of the system to this order")
        return self._closure

    @property
    def words(self) -> tuple[str, ...]:
        """The products of operators whose moments ``moments`` holds, as text and in its order,
        (V,).
        """
        e = self.closure.equations
        return tuple(repr(e.operator(w)) for w in e.words)

    def _check_stored(self) -> None:
        super()._check_stored()
        order, neutral = self.stats.get("order"), self.stats.get("neutral")
        if type(order) is not int or type(neutral) is not bool:
            raise StorageError("its statistics do not say which moments there are")

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "moments": ((len(self.closure.equations.words),), complex)
        }
        if self.closure.central:
            # what the equations run on
            d = 2 * self.n
            shapes |= {"mean": ((d,), float), "covariance": ((d, d), float)}
        return shapes

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        here = slice(start, start + len(times))
        self.moments[here] = self.closure.moments(rows)
        if self.closure.central:
            unpack_linear(np.ascontiguousarray(rows), self.mean[here], self.covariance[here])
        super()._record(start, times, rows)

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        """All moments as expectation functions are given them, (V,), in the order of ``words``."""
        return np.array(self.closure.moments(row[None, :])[0])

    def _check_operator(self, name: str, operator: Expression) -> None:
        check_closed(name, self.closure.equations, self.closure.image(operator))

    def expectation(self, operator: Expression) -> np.ndarray:
        """Expectation value of an operator at every time, (T,); the closure gives high products."""
        return self.closure.expectation(operator, self.moments)

    def change(self, operator: Expression) -> np.ndarray:
        """By how much the next order changes ⟨operator⟩, (T,): an estimate of its error.

        The run of the next order is made once, from the same start; 0 where nothing is neglected.

        Raises
        ------
        ValueError
            The result was loaded from a file, which does not hold where it started, or the next
            order has too many moments.
        """
        if self.closure.exact:
            return np.zeros(len(self.times))
        if getattr(self, "_next", None) is None:
            start = getattr(self, "_start", None)
            if start is None:
                raise ValueError(
                    "a loaded result does not know where it started: run mfsolve with "
                    f"order={self.stats['order'] + 1} for the change"
                )
            order, cutoff = self.stats["order"] + 1, self.stats.get("cutoff")
            options = {k: self.options[k] for k in ("atol", "rtol", "nsteps", "max_step")}
            solver = CumulantSolver(self.model, order=order, cutoff=cutoff, options=options)
            self._next = solver.run(start, self.times)
        return np.asarray(np.abs(self._next.expectation(operator) - self.expectation(operator)))

    def _fill(self) -> None:
        """Amplitudes and covariance of the nodes."""
        if self.closure.central:
            self.amplitudes = np.ascontiguousarray(self.mean).view(complex) / np.sqrt(2)
            return
        self.mean, self.covariance = node_quadratures(self.model, self.expectation)
        self.amplitudes = self.mean.view(complex) / np.sqrt(2)


class CumulantSolver(ClosedSolver):
    """Cumulants up to an order, closed automatically; see `mfsolve`.

    Parameters
    ----------
    model : System
        What to run.
    order : int
        Largest number of operators whose joint cumulant is kept.
    cutoff : int or sequence of int, optional
        Of modes, which are levels then.
    options : dict, optional
        As for `mfsolve`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.CumulantSolver(qsp.van_der_pol_pair(), order=2).run([1.0, 0.5j], [0.0, 1.0])
    >>> len(run.times)
    2
    """

    models: ClassVar[tuple[type, ...]] = (System,)

    def __init__(
        self,
        model: System,
        *,
        order: int = 2,
        cutoff: Cutoff = None,
        options: Options | None = None,
    ):
        super().__init__(model, options=options)
        self.order = check_integer("order", order, minimum=1)
        self.cutoff = cutoff

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> CumulantProblem:
        self._check_hamiltonian(times)
        product = ProductState(self.model, state0)
        neutral = is_symmetric(product)
        closure = closure_of(self.model, self.order, neutral=neutral, cutoff=self.cutoff)
        y0 = closure.start(product)
        stepper = runge_kutta(closure.flow(), y0, times, self._options)
        stats = {
            "closure": "cumulants",
            "order": self.order,
            "neutral": neutral,
            "moments": len(closure.equations.words),
            "neglected": left_out(closure),
        }
        result = CumulantResult(e_ops, self._options, closure=closure, account=self.account(stats))
        if self.cutoff is not None:
            result.stats["cutoff"] = self.cutoff
        result._start = state0
        return CumulantProblem(times, stepper, result)

    def recipe(self) -> dict[str, Any]:
        return {"order": self.order, "cutoff": self.cutoff}


class CumulantProblem(ClosedProblem):
    """Reads the nodes off the moments at the end."""

    result: CumulantResult

    def so_far(self, done: int) -> Result:
        partial = super().so_far(done)
        assert isinstance(partial, CumulantResult)
        partial._fill()
        return partial

    def finish(self) -> None:
        result = self.result
        result._fill()
        if len(result.times):
            drift = variances_of_a_state(result.closure, result.times, result.covariance)
            result.stats["drift"] = drift
            result.stats["neglected"] += without_phase(result.closure, result.moments[-1])
