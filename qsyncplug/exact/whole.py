"""Steady states without a phase symmetry, matrix-free; and those reached from an initial state."""

from __future__ import annotations

import time as clock
from typing import Any

import numpy as np
import scipy.linalg

from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.progress import Tell, part, say_if_so_often, silent
from .elements import Elements
from .problem import Problem
from .propagate import ChebyshevStepper
from .resolvent import NoJump, gmres

__all__ = ["lowest_eigenvalue", "reached_from", "settled", "steady_whole"]

_RESTART = 100
#: residual of Lρ=0 relative to the largest rate that is asked for, and that is accepted
_GOAL, _ACCEPTED = 2e-15, 1e-11
#: states that differ by more may be two; what a state may be wrong by, as another start tells
_DIFFERENT, _TRUSTED = 1e-6, 1e-6
#: cycles with the Kronecker preconditioner before M itself is diagonalised, and cycles then
_PATIENCE, _LAST = 2, 6

#: products that a run towards a steady state may take in any case, and work beyond, in products of
#: one element and one term
_MOST_PRODUCTS, _MOST_WORK = 200_000, 6e10

#: elements from which on the vectors of GMRES are kept in single precision
_SINGLE = 100_000


class _Equations:
    """Lδ = −Lρ_0 on Hermitian rows."""

    def __init__(self, problem: Problem, elements: Elements, dims: list[int]):
        self.elements = elements
        self.inverse = NoJump(problem.effective, dims)
        self.rate = float(np.abs(problem.effective.diagonal().real).max()) * 2
        self.compact = elements.size > _SINGLE

    def precondition(self, row: np.ndarray) -> np.ndarray:
        """(L_0)^{-1} of a row, up to the sign."""
        return self.elements.pack(self.inverse(self.elements.unpack(row)))

    def solve(
        self, start: np.ndarray, goal: float, cycles: int = _PATIENCE, tell: Tell = silent
    ) -> tuple[np.ndarray, float, int]:
        """The steady state next to a start, the residual relative to the largest rate, products."""
        kernel, weight = self.elements.kernel, self.elements.weight
        b = -kernel.apply(start)
        solution = gmres(
            lambda u: kernel.apply(self.precondition(u)),
            b,
            weight=weight,
            tolerance=goal * self.rate * kernel.norm(start),
            restart=_RESTART,
            cycles=cycles,
            compact=self.compact,
            tell=tell,
        )
        x = start + self.precondition(solution.x)
        residual = kernel.norm(kernel.apply(x)) / (self.rate * max(kernel.norm(x), 1e-300))
        return x, float(residual), solution.products


def _trace(elements: Elements, row: np.ndarray) -> float:
    return float(row[: elements.owner.dimension].sum())


def steady_whole(problem: Problem, tell: Tell = silent) -> tuple[np.ndarray, dict[str, Any]]:
    r"""The steady state as a matrix (d, d), on all elements at once.

    Solves :math:`Lδ=-Lρ_0` for a start ρ_0 by GMRES in the real space of Hermitian matrices. The
    preconditioner is the inverse of the evolution without jumps, X → MX + XM†, where M is replaced
    by a sum of one term a tensor factor; where that converges slowly, by M itself.

    Raises
    ------
    SolverError
        There are several steady states, or none was found.
    """
    # one half of a Hermitian matrix; asked before the kernel allocates its own rows
    size = problem.d * (problem.d + 1) // 2
    _check_memory(problem, size, compact=size > _SINGLE)
    elements = problem.liouvillian.hermitian()
    begin = clock.perf_counter()
    equations = _Equations(problem, elements, problem.dims)
    start = elements.pack(np.eye(problem.d) / problem.d)
    # the two starts take about 150 products
    what, advice = f"the steady state of {problem.d} levels", "a lower cutoff shortens it"
    say_if_so_often(what, lambda: elements.kernel.apply(equations.precondition(start)), 150, advice)
    single = len(problem.dims) == 1
    x, residual, products = equations.solve(
        start, _GOAL, _LAST if single else _PATIENCE, part(tell, 0.0, 0.6)
    )
    if residual > _ACCEPTED and not single:
        equations = _Equations(problem, elements, [problem.d])
        x, residual, more = equations.solve(start, _GOAL, _LAST)
        products += more
    difference, wrong, more = _uniqueness(elements, equations, x, residual, part(tell, 0.6, 1.0))
    products += more
    if equations.compact and not _good(residual, wrong):
        # what decays slowly drowns in the rounding of single precision
        _check_memory(problem, size, compact=False)
        equations.compact = False
        x, residual, more = equations.solve(x, _GOAL, _LAST)
        difference, wrong, again = _uniqueness(elements, equations, x, residual, tell)
        products += more + again
    trace = _trace(elements, x)
    if not np.all(np.isfinite(x)) or not _good(residual, wrong) or abs(trace) < 1e-8:
        raise SolverError(
            f"no unique steady state found: the residual of Lρ=0 is {residual:.3g} of the largest "
            f"rate after {products} products, the error of the state about {wrong:.2g}; there are "
            "several steady states, or rates far below the largest",
            reason="not converged",
        )
    tell(1.0)
    stats = {
        "products": products,
        "residual": residual,
        "uniqueness": difference,
        "error": wrong,
        "time": clock.perf_counter() - begin,
    }
    return elements.unpack(x / trace), stats


def _good(residual: float, wrong: float) -> bool:
    return residual <= _ACCEPTED and wrong <= _TRUSTED


def _check_memory(problem: Problem, size: int, *, compact: bool) -> None:
    kept = _RESTART * (0.5 if compact else 1.0)
    check_memory(
        f"the steady state of {problem.d} levels",
        16.0 * size * (kept + 30) + 16.0 * 6 * problem.d**2,
        advice="lower the cutoff",
    )


def _uniqueness(
    elements: Elements, equations: _Equations, x: np.ndarray, residual: float, tell: Tell
) -> tuple[float, float, int]:
    """Another start leads to another state if there are several: by how much they differ, by how
    much `x` may be wrong then, products.

    States differ as well where something decays so slowly that hardly a residual is left of it; as
    that becomes smaller, they come closer then.
    """
    if not residual <= _ACCEPTED:
        return np.inf, np.inf, 0
    d = elements.owner.dimension
    rng = np.random.default_rng(0)
    phases = np.exp(2j * np.pi * rng.random(d)) * rng.random(d) ** 2
    state = np.multiply.outer(phases, phases.conj()) + np.diag(rng.random(d) ** 4)
    start = elements.pack(state / np.trace(state).real)
    x = x / (_trace(elements, x) or 1.0)

    def apart(other: np.ndarray) -> float:
        return float(elements.kernel.norm(other / (_trace(elements, other) or 1.0) - x)) / size

    size = float(elements.kernel.norm(x))
    other, left, products = equations.solve(start, 1e-10, tell=tell)
    difference = apart(other)
    if difference > _DIFFERENT:
        other, finer, more = equations.solve(other, _GOAL, _LAST)
        before, difference, products = difference, apart(other), products + more
        stays = difference > max(0.5 * before, _DIFFERENT)
        if stays and finer < 1e-2 * left <= 1e-9:
            raise SolverError(
                "the steady state is not unique, or its slowest rate drowns in the rounding of the "
                f"fastest: two starts lead to states that differ by {difference:.2g}; give state0 "
                "for the one that is reached from it",
                reason="singular",
            )
        if stays:
            # it came no closer to any state: nobody can tell
            return difference, difference, products
        left = finer
    return difference, difference * residual / max(residual + left, 1e-300), products


def reached_from(problem: Problem, state: np.ndarray) -> np.ndarray:
    """The stationary state that an initial density matrix (d, d) evolves to.

    Raises
    ------
    SolverError
        Nothing stationary is reached: oscillations that do not decay, or decay that is too slow.
    """
    L = problem.liouvillian
    here = np.argwhere(np.abs(state) > 0)
    elements = L.hermitian(L.diagonals(np.unique(np.abs(here[:, 1] - here[:, 0]))))
    x = elements.pack(state)
    rate = float(np.abs(problem.effective.diagonal().real).max()) * 2
    rho = elements.unpack(settled(elements, x, rate))
    return np.asarray(rho / np.trace(rho).real)


def settled(elements: Elements, x: np.ndarray, rate: float) -> np.ndarray:
    """The stationary row that a row evolves to; `rate` is the fastest one.

    Raises
    ------
    SolverError
        Nothing stationary is reached.
    """
    L, size = elements.owner, elements.kernel.norm(x)
    if elements.kernel.norm(elements.kernel.apply(x)) <= 3e-16 * rate * size:
        return x
    stepper = ChebyshevStepper(elements, x, 0.0, tolerance=1e-13)
    # a product of a small system takes as long as 6000 elements and terms
    most = max(_MOST_PRODUCTS, _MOST_WORK / (6e3 + elements.size * L.terms_per_element()))
    t, step = 0.0, 4.0 / rate
    before = np.inf
    for _ in range(60):
        t += step
        for _ in stepper.advance(np.array([t])):
            pass
        residual = elements.kernel.norm(elements.kernel.apply(stepper.x)) / rate
        size = elements.kernel.norm(stepper.x)
        if residual <= 3e-14 * size or (residual < 1e-11 * size and residual > 0.7 * before):
            return stepper.x
        before = residual
        step *= 1.6
        if stepper.counters.products > most:
            break
    raise SolverError(
        f"nothing stationary is reached from state0 by t={t:.3g}: ‖dρ/dt‖={residual * rate:.2g}; "
        "there are oscillations that do not decay, or very slow rates (see eigenmodes)",
        reason="not stationary",
    )


def lowest_eigenvalue(rho: np.ndarray) -> float:
    """Of a Hermitian matrix; of its diagonal where that would take too long."""
    if len(rho) > 1500:
        return float(rho.diagonal().real.min())
    return float(scipy.linalg.eigvalsh(rho)[0])
