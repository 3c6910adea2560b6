"""Results of exact runs: moments, entries asked for, how the run was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.errors import MissingFieldError
from ..core.result import Result
from ..core.stats import Stats
from .choice import WHOLE_STATE
from .moments import MomentReader, covariance_of

__all__ = ["ExactResult", "ExactStats", "JumpResult"]


@dataclass(eq=False, repr=False)
class ExactStats(Stats):
    """How an exact run went.

    Attributes
    ----------
    cutoff : list of int
        Levels of every tensor factor.
    integrator : str
        ``"Chebyshev"``, ``"dop853"``, or that of QuTiP.
    estimated_time, estimated_bytes : float, int
        Beforehand: seconds of an own method, and its memory.
    elements : int or list
        Density-matrix elements or amplitudes evolved, or the coherence orders.
    error_estimate, rounding : float
        Sum of the errors of the expansions, and the largest rounding of one.
    holds, states : str
        What the result holds, and why it has no states.
    trajectories, seed : int
        Drawn, and the seed that draws them again.
    standard_error : float
        Largest of the means over trajectories; those of `e_ops`, (T,) each, are in ``stats["errors
        of e_ops"]``, the mean number of jumps is ``stats["jumps"]``.
    cutoff_population : float
        Largest population of a highest Fock level.
    total_time : float
        Seconds, with preparation and the choice of the method.

    Examples
    --------
    >>> ExactStats(method="ket", elements=20)["elements"]
    20
    """

    cutoff: list[int] | None = None
    integrator: str | None = None
    estimated_time: float | None = None
    estimated_bytes: int | None = None
    elements: Any = None
    error_estimate: float | None = None
    rounding: float | None = None
    holds: str | None = None
    states: str | None = None
    trajectories: int | None = None
    seed: int | None = None
    standard_error: float | None = None
    cutoff_population: float | None = None
    total_time: float | None = None


class ExactResult(Result):
    """Exact moments in time, and the states where they were stored.

    Attributes
    ----------
    amplitudes : ndarray of shape (T, N)
        ⟨b_j⟩.
    mean : ndarray of shape (T, 2N)
        (q1, p1, q2, p2, …), q=(b+b†)/√2.
    covariance : ndarray of shape (T, 2N, 2N)
        Symmetrised; vacuum ½. Normal-ordered, so n+½ holds at the cut-off.
    anomalous, normal : ndarray of shape (T, N, N)
        ⟨b_jb_k⟩ and ⟨b_j†b_k⟩.
    populations : ndarray of shape (T, M, levels)
        Of the levels of each tensor factor: of each mode its Fock levels, of each spin, and of
        each atom where an ensemble is held atom by atom (M≥N); NaN beyond a factor's levels.
    cutoff : tuple of int
        Levels kept of each mode.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.exactsolve(qsp.van_der_pol_pair(loss=4.0), [0.1, 0.1j], [0.0, 1.0], cutoff=9)
    >>> run.mean.shape, run.covariance.shape
    ((2, 4), (2, 4, 4))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "amplitudes": ("time", "mode"),
        "mean": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
        "anomalous": ("time", "mode", "mode_2"),
        "normal": ("time", "mode", "mode_2"),
        "populations": ("time", "factor", "level"),
    }
    _stats_type: ClassVar[type[Stats]] = ExactStats
    stats: ExactStats
    amplitudes: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    anomalous: np.ndarray
    normal: np.ndarray
    populations: np.ndarray

    @property
    def n(self) -> int:
        """Number of nodes: modes, spins and ensembles."""
        return int(self.amplitudes.shape[1])

    @property
    def cutoff(self) -> tuple[int, ...]:
        """Fock levels kept of every mode, in the order of the modes."""
        return tuple(self.stats["cutoff"])

    @property
    def final_state(self) -> Any:
        """State at the last time, if states or the final state were stored.

        Raises
        ------
        MissingFieldError
            The run evolved some coherence orders only (method ``"sectors"``), which do not make a
            state.
        """
        if "holds" in self.stats:
            raise MissingFieldError(
                f"final_state is not known: the result holds {self.stats['holds']}; {WHOLE_STATE}"
            )
        return (
            self._final_state
            if self._final_state is not None
            else (self.states[-1] if self.states else None)
        )

    def _expect(self, reader: Any, values: np.ndarray | None) -> None:
        """What the moments are split from, (T, F), when the result is trimmed."""
        self._source = None if values is None else (reader, values)

    def _trim(self, count: int) -> None:
        super()._trim(count)
        source = vars(self).get("_source")
        if source is not None and count:
            self._fill(source[0], source[1][:count])

    def _fill(self, reader: MomentReader, values: np.ndarray) -> None:
        b, m, c, populations = reader.split(values)
        self.amplitudes = np.ascontiguousarray(b)
        self.mean = np.ascontiguousarray(np.sqrt(2) * self.amplitudes).view(float)
        self.covariance = covariance_of(b, m, c)
        self.anomalous, self.normal, self.populations = m, c, populations


class JumpResult(ExactResult):
    """Means over quantum trajectories, their standard errors, and the jumps.

    Attributes
    ----------
    mean_error, amplitudes_error, anomalous_error, normal_error, populations_error : ndarray
        Standard errors, of the shapes of the means; of complex numbers that of their distance from
        the exact one. They come from the spread of the sample, and from what it may have missed: a
        level that no trajectory of n reached may have the population 3/n (with 95 %), so that the
        errors of populations are at least 1.5/n once jumps can have happened; where a jump operator
        has hardly acted, all errors hold what its expected number of jumps could do.
    jumps : list of (ndarray, ndarray) or None
        Of each trajectory: when it jumped, and by which of the jump operators; not kept in files,
        nor beyond two million jumps, where each trajectory counts for eight more.

    Examples
    --------
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> options = {"method": "trajectories", "ntraj": 100, "seed": 1}
    >>> system = qsp.System(0 * b, [b])
    >>> run = qsp.exactsolve(system, qutip.fock(8, 4), [0.0, 1.0], cutoff=8, options=options)
    >>> abs(run.normal[1, 0, 0] - 4 / 2.718281828) < 5 * run.normal_error[1, 0, 0]
    np.True_
    >>> len(run.jumps)
    100
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        **ExactResult._fields,
        **{
            f"{name}_error": axes
            for name, axes in ExactResult._fields.items()
            if name != "covariance"
        },
    }
    jumps: list[tuple[np.ndarray, np.ndarray]] | None = None
    amplitudes_error: np.ndarray
    mean_error: np.ndarray
    anomalous_error: np.ndarray
    normal_error: np.ndarray
    populations_error: np.ndarray

    def _fill_errors(self, reader: MomentReader, errors: np.ndarray, unseen: np.ndarray) -> None:
        """Standard errors, from those of the functionals (real and imaginary parts).

        `unseen`, (T,), is the probability of what no trajectory has shown.
        """
        b, m, c, populations = reader.split(errors)
        b = np.ascontiguousarray(b)
        self.amplitudes_error = np.abs(b)
        self.mean_error = np.sqrt(2) * b.view(float)
        self.anomalous_error, self.normal_error = np.abs(m), np.abs(c)
        self.populations_error = np.hypot(populations, unseen[:, None, None])
