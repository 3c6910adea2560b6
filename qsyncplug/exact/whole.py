"""Steady states without a phase symmetry, matrix-free; and those reached from an initial state."""

from __future__ import annotations

import time as clock
from typing import Any

import numpy as np
import scipy.linalg

from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.progress import Tell, part, silent
from .elements import Elements
from .patience import say_if_long
from .problem import Problem
from .propagate import ChebyshevStepper
from .resolvent import NoJump, gmres

__all__ = ["lowest_eigenvalue", "reached_from", "steady_whole"]

_RESTART = 100
#: residual of Lρ=0 relative to the largest rate that is asked for, and that is accepted
_GOAL, _ACCEPTED = 2e-15, 1e-11
#: cycles with the Kronecker preconditioner before M itself is diagonalised, and cycles then
_PATIENCE, _LAST = 2, 6

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
    elements = problem.liouvillian.hermitian()
    n = 2 * elements.size
    check_memory(
        f"the steady state of {problem.d} levels",
        8.0 * n * (_RESTART * (0.5 if elements.size > _SINGLE else 1.0) + 30)
        + 16.0 * 6 * problem.d**2,
        advice="lower the cutoff",
    )
    begin = clock.perf_counter()
    equations = _Equations(problem, elements, problem.dims)
    start = elements.pack(np.eye(problem.d) / problem.d)
    tried = clock.perf_counter()
    elements.kernel.apply(equations.precondition(start))
    # the two starts take about 150 products
    seconds = (clock.perf_counter() - tried) * 150
    say_if_long(f"the steady state of {problem.d} levels", seconds, "a lower cutoff shortens it")
    single = len(problem.dims) == 1
    x, residual, products = equations.solve(
        start, _GOAL, _LAST if single else _PATIENCE, part(tell, 0.0, 0.6)
    )
    if residual > _ACCEPTED and not single:
        equations = _Equations(problem, elements, [problem.d])
        x, residual, more = equations.solve(start, _GOAL, _LAST)
        products += more
    trace = _trace(elements, x)
    if not np.all(np.isfinite(x)) or residual > _ACCEPTED or abs(trace) < 1e-8:
        raise SolverError(
            f"no unique steady state found: the residual of Lρ=0 is {residual:.3g} of the largest "
            f"rate after {products} products",
            reason="not converged",
        )
    x = x / trace
    difference, more = _uniqueness(elements, equations, x, part(tell, 0.6, 1.0))
    tell(1.0)
    stats = {
        "products": products + more,
        "residual": residual,
        "uniqueness": difference,
        "time": clock.perf_counter() - begin,
    }
    return elements.unpack(x), stats


def _uniqueness(
    elements: Elements, equations: _Equations, x: np.ndarray, tell: Tell
) -> tuple[float, int]:
    """Another start leads to another state if there are several."""
    d = elements.owner.dimension
    rng = np.random.default_rng(0)
    phases = np.exp(2j * np.pi * rng.random(d)) * rng.random(d) ** 2
    state = np.multiply.outer(phases, phases.conj()) + np.diag(rng.random(d) ** 4)
    start = elements.pack(state / np.trace(state).real)
    other, residual, products = equations.solve(start, 1e-10, tell=tell)
    trace = _trace(elements, other)
    difference = elements.kernel.norm(other / trace - x) / elements.kernel.norm(x)
    if residual < 1e-7 and difference > 1e-4:
        raise SolverError(
            "the steady state is not unique: two starts lead to states that differ by "
            f"{difference:.2g}; give state0 for the one that is reached from it",
            reason="singular",
        )
    return float(difference), products


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
    stepper = ChebyshevStepper(elements, x, 0.0, tolerance=1e-13)
    t, step = 0.0, 4.0 / rate
    before = np.inf
    for _ in range(60):
        t += step
        for _ in stepper.advance(np.array([t])):
            pass
        residual = elements.kernel.norm(elements.kernel.apply(stepper.x)) / rate
        size = elements.kernel.norm(stepper.x)
        if residual <= 3e-14 * size or (residual < 1e-11 * size and residual > 0.7 * before):
            rho = elements.unpack(stepper.x)
            return np.asarray(rho / np.trace(rho).real)
        before = residual
        step *= 1.6
        if stepper.counters.products > 200_000:
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
