"""Solver of the published equations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .._ext.bosons import first_unphysical
from .._ext.integrator import RightHandSide
from .._ext.published import PublishedFlow
from ..approximate.meanfield import MeanFieldSolver
from ..core.checks import check_array
from ..core.entry import mfsolve
from ..core.errors import (
    NonFiniteError,
    RightHandSideError,
    SolverError,
    StepSizeError,
)
from ..core.gaussian import check_covariance, uncertainty_margin, vacuum_covariance
from ..core.result import Result
from .corrections import CORRECTIONS, check_corrections
from .equations import PublishedEquations
from .result import PublishedResult

__all__ = ["PublishedSolver", "SingularEquationsError", "mfsolve_published"]

#: |X|, relative to Σ|g_j|√N_j, below which a run that stopped has met the zero of X,
#: where X falls as (t*−t)^½
_VANISHED = 1e-3


class SingularEquationsError(SolverError):
    """X, by which the published equations divide, vanishes: no solution beyond ``time``."""


class PublishedSolver(MeanFieldSolver):
    """The published equations by a compiled kernel; see :func:`mfsolve_published`."""

    def __init__(self, model: PublishedEquations, *, options: dict[str, Any] | None = None):
        super().__init__(model, options=options)  # type: ignore[arg-type]

    solver_options: ClassVar[dict[str, Any]] = MeanFieldSolver.solver_options

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> Result:
        """Run from the amplitudes `state0`; see :func:`mfsolve_published`."""
        try:
            return super().run(state0, tlist, e_ops=e_ops)
        except (StepSizeError, NonFiniteError, RightHandSideError) as error:
            if not self._divides_by_zero(error):
                raise
            count = len(error.result.times)
            raise SingularEquationsError(
                f"{self.name}: at t={error.time:.6g} X vanishes, by which the published "
                "equations divide: they have no solution beyond; "
                f"error.result holds the {count} outputs before that",
                time=error.time,
                reason="the equations are singular",
                result=error.result,
            ) from error

    def _divides_by_zero(self, error: SolverError) -> bool:
        """Whether a run stopped because X vanished: followed again until just before its end."""
        kept, end = error.result, error.time - 1e-9 * max(1.0, abs(error.time))
        if kept is None or len(kept.times) == 0 or self.model.x is not None:
            return False
        beta, begin = kept.amplitudes[-1], float(kept.times[-1])
        if end > begin:
            try:
                again = PublishedSolver(self.model, options={"rtol": 1e-9})
                beta = MeanFieldSolver.run(again, beta, [begin, end]).amplitudes[-1]
            except SolverError:
                return False
        return bool(self.model.relative_divisor(beta) < _VANISHED)

    def _problem(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        model: PublishedEquations = self.model
        beta = check_array("beta0", state0, shape=(2,), dtype=complex)
        for j, (b, size) in enumerate(zip(beta, model.n, strict=True)):
            if abs(b) ** 2 > size * (1 + 1e-12):
                raise ValueError(
                    f"beta0[{j}] must satisfy |β|²≤N={size}, not {abs(b) ** 2:g}: {size} spins "
                    "have no more excitations"
                )
        model.point(t0, beta)
        C = (
            vacuum_covariance(2)
            if self.covariance0 is None
            else check_covariance("covariance0", self.covariance0, 2)
        )
        return model.flow(), np.concatenate([beta.view(float), C[np.triu_indices(4)]])

    def _new_result(
        self, e_ops: Any, stats: dict[str, Any], rhs: RightHandSide, y0: np.ndarray
    ) -> PublishedResult:
        model: PublishedEquations = self.model
        stats["closure"] = "linear"
        stats["equations"] = model.name
        stats["neglected"] = [
            "fluctuations act back on the mean nowhere (linearised about the mean field)",
            "the central spin is a fixed number ⟨σz⟩ (eliminated adiabatically)",
            "the term F(t) of eq. (10), as in the paper",
        ]
        left = [
            name
            for name in check_corrections("all")
            if name not in model.corrections and CORRECTIONS[name].changes
        ]
        if "a_operator" in model.corrections:
            left.remove("a_channels")
        if left:
            stats["neglected"].append(f"mistakes of the paper left in: {', '.join(left)}")
        return PublishedResult(
            e_ops,
            self._options,
            solver=self.name,
            stats=stats,
            model=model,
            modes=2,
            closure="linear",
        )

    def _finish(self, result: Result, rhs: RightHandSide) -> None:
        assert isinstance(result, PublishedResult)
        assert isinstance(rhs, PublishedFlow)
        if len(result.times) == 0:
            return
        model: PublishedEquations = self.model
        drift: dict[str, float] = {}
        # an unphysical covariance may grow to anything: what can still be diagonalised
        usable = np.abs(result.covariance).max(axis=(1, 2)) < 1e100
        covariance = np.ascontiguousarray(result.covariance[usable])
        bad = first_unphysical(covariance, 1e-9)
        drift["uncertainty relation"] = (
            0.0 if bad < 0 else float(max(0.0, -uncertainty_margin(covariance).min()))
        )
        if bad >= 0:
            result.stats["neglected"].append(
                "positivity: the covariance breaks the uncertainty relation from "
                f"t={result.times[usable][bad]:g} on"
            )
        # the proof of decay, checked along the run
        rates = rhs.drift(result.times, result.amplitudes)
        total = result.excitations.sum(axis=1)
        slope = 2 * (result.amplitudes.conj() * rates).real.sum(axis=1)
        law = model.decay_law(result.amplitudes)
        live = total > 0
        if live.any():
            drift["decay law"] = float((np.abs(slope - law)[live] / total[live]).max())
            result.stats["largest growth rate of n1+n2"] = float((slope[live] / total[live]).max())
        result.stats["n1+n2 at the end"] = float(total[-1])
        result.stats["drift"] = drift


@mfsolve.register(PublishedEquations)
def mfsolve_published(
    system: PublishedEquations,
    beta0: Any,
    tlist: Any,
    *,
    covariance0: Any = None,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> PublishedResult:
    r"""Mean field and covariance of the published equations: (B1), (B2) and (19), :math:`\dot C =
    MC+CM^T+D`.

    Parameters
    ----------
    system : PublishedEquations
        What to run.
    beta0 : array_like of shape (2,)
        Complex initial amplitudes, |β_j|² ≤ N_j. The paper's (0, 0) is a fixed point.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    covariance0 : array_like of shape (4, 4), optional
        Initial covariance; the vacuum ½·1 by default.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, (mean, covariance))``.
    options : dict, optional
        As for boson models.

    Returns
    -------
    PublishedResult
        Its ``stats`` name the mistakes left in and check the proof of decay: "decay law" is the
        largest \|d(n1+n2)/dt − law\|/(n1+n2), zero to rounding with the correction "b_bracket".

    Raises
    ------
    ValueError, TypeError
        Bad input.
    SingularEquationsError
        X vanished, by which the equations divide (as printed they do so from β=(2, 2), at t=4.27).
    NonFiniteError
        The printed covariance grew beyond all numbers (it does, for Fig. 3); the error carries the
        partial result.
    """
    solver = PublishedSolver(system, options=options)
    solver.covariance0 = covariance0
    result = solver.run(beta0, tlist, e_ops=e_ops)
    assert isinstance(result, PublishedResult)
    return result
