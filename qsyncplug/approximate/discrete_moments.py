"""Moments of collective spins from discrete truncated Wigner samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.stats import SampledStats
from ..operators.expression import Expression
from ..operators.observed import ObservedResult, constant_parts, factors_at
from .sampled import at_second_order, second_order

__all__ = ["DtwaResult", "DtwaStats"]


@dataclass(eq=False, repr=False)
class DtwaStats(SampledStats):
    """How the sampling went.

    Attributes
    ----------
    largest_step : float
        Of the stochastic steps; None where there is no noise.
    nodes : list of int
        Which spins ``mean`` and ``covariance`` are of.
    e_error : dict
        Standard errors of the expectation values, from above.
    """

    largest_step: float | None = None
    nodes: list[int] | None = None
    e_error: dict[Any, Any] | None = None


class DtwaResult(ObservedResult):
    """Moments of collective spins from sampled trajectories, with standard errors.

    Attributes
    ----------
    spins, spins_error : ndarray of shape (T, G, 3)
        ⟨J_aμ⟩ and its standard error.
    products, products_error : ndarray of shape (T, 3G, 3G)
        ⟨J_aμJ_bν + J_bνJ_aμ⟩/2, in the order (1x, 1y, 1z, 2x, …), and its standard error.
    mean, mean_error : ndarray of shape (T, 2K)
        Quadratures (q1, p1, …) of the Holstein–Primakoff bosons of the K `nodes`,
        β=J−/√((N+1)/2−J_z) in every trajectory (right to the first order in 1/N), and their
        standard error.
    covariance : ndarray of shape (T, 2K, 2K)
        Symmetrised covariance of the quadratures, from β=J−/√(N/2−J_z), whose vacuum has ½.
    ntraj : int
        Number of trajectories.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> run = qsp.dtwasolve(chains, start, [0.0, 0.5], ntraj=100, seed=1)
    >>> run.spins.shape, run.ntraj
    ((2, 3, 3), 100)
    """

    _stats_type = DtwaStats
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "spins": ("time", "group", "axis"),
        "spins_error": ("time", "group", "axis"),
        "products": ("time", "component", "component_2"),
        "products_error": ("time", "component", "component_2"),
        "mean": ("time", "quadrature"),
        "mean_error": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
    }
    stats: DtwaStats
    spins: np.ndarray
    spins_error: np.ndarray
    products: np.ndarray
    products_error: np.ndarray
    mean: np.ndarray
    mean_error: np.ndarray
    covariance: np.ndarray

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        """⟨J⟩ of every group, (G, 3)."""
        return row.copy()

    @property
    def n(self) -> int:
        """Number K of the spins that stand for oscillators."""
        return len(self.nodes)

    @property
    def nodes(self) -> tuple[int, ...]:
        """The spins that stand for oscillators (b=J−/√N)."""
        return tuple(self.stats["nodes"])

    @property
    def ntraj(self) -> int:
        """Number of trajectories in the averages; fewer than asked for where the run ended
        early.
        """
        return int(self.stats["ntraj"])

    @property
    def e_error(self) -> dict[Any, list[float]]:
        """Standard errors of the values of expressions in ``e_data``, from above: each sampled
        moment's times its weight, added up (real and imaginary part for complex values).
        """
        return dict(self.stats.e_error or {})

    def _check_operator(self, name: str, operator: Expression) -> None:
        if second_order(self.model.symbols, operator) is None:
            raise ValueError(
                f"{name} must be of at most two components of spins, whose products are sampled; "
                f"got {operator!r:.60} (qsyncplug.twasolve averages any)"
            )

    def expectation(self, operator: Expression) -> np.ndarray:
        """Expectation value of an operator of up to two components of spins, (T,).

        Raises
        ------
        ValueError
            It has more.
        """
        self.model.require_own(operator)
        if not operator.isconstant:
            raise ValueError(f"operator must not depend on time: {operator}")
        self._check_operator("operator", operator)
        parts = second_order(self.model.symbols, operator)
        assert parts is not None
        x = self.spins.reshape(len(self.times), -1)
        return at_second_order(parts, x, self.products)

    def _complete(self) -> None:
        super()._complete()
        expressions = {k: op for k, op in self.e_ops.items() if isinstance(op, Expression)}
        if expressions:
            self.stats.e_error = {key: self._error_of(op) for key, op in expressions.items()}

    def _error_of(self, operator: Expression) -> list[float]:
        """At most what the value of an operator may be wrong by, at every output."""
        total = np.zeros(len(self.times))
        if not len(total):
            return []
        x = self.spins_error.reshape(len(total), -1)
        for factors, part in constant_parts(operator).items():
            parts = second_order(self.model.symbols, part)
            assert parts is not None
            v, m = (np.abs(p.real) + np.abs(p.imag) for p in parts[1:])
            error = at_second_order((0.0, v, m), x, self.products_error)
            total += error * np.abs(factors_at(factors, self.times))
        return list(total)

    @property
    def lowering(self) -> np.ndarray:
        """⟨J−⟩ of every group, complex (T, G)."""
        return self.spins[:, :, 0] - 1j * self.spins[:, :, 1]

    @property
    def lowering_error(self) -> np.ndarray:
        """Standard error of ⟨J−⟩, (T, G): √(error of J_x² + error of J_y²)."""
        return np.asarray(np.hypot(self.spins_error[:, :, 0], self.spins_error[:, :, 1]))

    def hopping(self, a: int, b: int) -> np.ndarray:
        """⟨J_a+J_b−⟩, complex (T,), a≠b or a=b."""
        P = self.products
        x, y = 3 * a, 3 * b
        out = P[:, x, y] + P[:, x + 1, y + 1] + 1j * (P[:, x + 1, y] - P[:, x, y + 1])
        return np.asarray(out + self.spins[:, a, 2] if a == b else out)

    @property
    def spin_covariance(self) -> np.ndarray:
        """½⟨{J_u, J_v}⟩ − ⟨J_u⟩⟨J_v⟩, (T, 3G, 3G), as the exact result has it."""
        flat = self.spins.reshape(len(self.spins), -1)
        return np.asarray(self.products - flat[:, :, None] * flat[:, None, :])

    @property
    def spin_normal(self) -> np.ndarray:
        """⟨J_a+J_b−⟩, complex (T, G, G), as the exact result has it."""
        G = self.spins.shape[1]
        return np.stack(
            [np.stack([self.hopping(a, b) for b in range(G)], axis=1) for a in range(G)], axis=1
        )

    def _counts(self) -> tuple[tuple[str, str], ...]:
        return (("ntraj", f"{self.ntraj}, seed {self.stats['seed']}"),)
