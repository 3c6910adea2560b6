"""What the solvers of closed equations of a system share: how a run begins, what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._ext.integrator import RightHandSide
from ..core.gaussian import check_covariance, covariance_from_moments, vacuum_covariance
from ..core.options import DEFAULTS
from ..core.pulses import find_breaks
from ..core.rungekutta import RungeKutta, runge_kutta
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.types import State
from ..operators.expression import Expression
from ..operators.observed import ObservedResult
from ..operators.states import state_in_order
from ..operators.system import System

__all__ = ["AmplitudesResult", "ClosedProblem", "ClosedSolver", "LinearSolver", "node_quadratures"]


class AmplitudesResult(ObservedResult):
    """Complex amplitudes of nodes, the mean of their quadratures, and its covariance."""

    amplitudes: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    @property
    def n(self) -> int:
        """Number of nodes, each with an amplitude."""
        return int(self.amplitudes.shape[1])


class ClosedProblem(Problem):
    """A run of closed equations, whose steps do not pass over pulses of the coefficients."""

    def breakpoints(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        # models that are no systems have none
        return find_breaks(getattr(self.result.model, "time_functions", ()), times, share)


class ClosedSolver(Solver):
    """Solver of closed equations of a system."""

    name = "mfsolve"
    solver_options: ClassVar[dict[str, Any]] = {**DEFAULTS, "store_states": False}

    def plain_state(self, state0: State) -> State:
        return state_in_order(self.model, state0)

    def _check_hamiltonian(self, times: np.ndarray) -> None:
        """Refuse a Hamiltonian that is not Hermitian at some time of the run."""
        if not self.model.hamiltonian.isconstant:
            self.model.check_hermitian(times)


class LinearSolver(ClosedSolver, ABC):
    """Solver of a mean field with fluctuations that start from ``covariance0``.

    A subclass writes ``_equations``.
    """

    solver_options: ClassVar[dict[str, Any]] = {
        **ClosedSolver.solver_options,
        "rtol": 1e-12,
        "atol": 1e-13,
    }
    closure: str
    #: None: the vacuum, or what a product state has
    covariance0: Any = None

    @abstractmethod
    def _equations(self, state0: Any) -> tuple[RightHandSide, np.ndarray]:
        """The right-hand side and where it starts."""

    def _stepper(self, state0: Any, times: np.ndarray) -> RungeKutta:
        self._check_hamiltonian(times)
        return runge_kutta(*self._equations(state0), times, self._options)

    def _covariance(self, n: int) -> np.ndarray:
        """(2n, 2n) of n modes at the start."""
        if self.covariance0 is None:
            return vacuum_covariance(n)
        return check_covariance("covariance0", self.covariance0, n)

    def recipe(self) -> dict[str, Any]:
        return {"closure": self.closure, "covariance0": self.covariance0}


def node_quadratures(
    system: System, expectation: Callable[[Expression], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Means (T, 2n) and covariances (T, 2n, 2n) of the nodes, normal-ordered, from the moments
    ⟨a_j⟩, ⟨a_ja_k⟩ and ⟨a_j†a_k⟩ of a=b of a mode and Σσ−/√N of a spin or an ensemble.

    Parameters
    ----------
    system : System
    expectation : callable
        ⟨operator⟩ at every time, (T,).
    """
    n, a = system.n, []
    for symbol, operator in zip(system.symbols, system.operators, strict=True):
        a.append(operator / np.sqrt(float(getattr(symbol.factor, "N", 1))))
    b = np.stack([expectation(x) for x in a], axis=1)
    m, c = (np.empty((len(b), n, n), dtype=complex) for _ in range(2))
    for j in range(n):
        for k in range(j, n):
            m[:, j, k] = m[:, k, j] = expectation(a[j] * a[k])
            c[:, j, k] = expectation(a[j].dag() * a[k])
            c[:, k, j] = c[:, j, k].conj()
    outer = b[:, :, None]
    covariance = covariance_from_moments(
        m - outer * b[:, None, :], c - outer.conj() * b[:, None, :]
    )
    return np.sqrt(2) * np.ascontiguousarray(b).view(float), covariance
