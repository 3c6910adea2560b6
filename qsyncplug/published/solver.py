"""Solver of the published equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.equations import first_unphysical
from .._ext.integrator import RightHandSide
from ..approximate.meanfield import MeanFieldSolver
from ..core.checks import check_array
from ..core.entry import mfsolve
from ..core.errors import SolverError
from ..core.failure import Failure
from ..core.gaussian import uncertainty_margin
from ..core.rungekutta import RungeKutta, runge_kutta
from ..core.status import Status
from ..core.stepper import Problem
from ..core.types import EOps, Options, State
from .corrections import CORRECTIONS, check_corrections
from .equations import PublishedEquations
from .result import PublishedResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["PublishedSolver", "SingularEquationsError", "mfsolve_published"]

#: |X|, relative to Σ|g_j|√N_j, below which a run that stopped has met the zero of X,
#: where X falls as (t*−t)^½
_VANISHED = 1e-3


class SingularEquationsError(SolverError):
    """X, by which the published equations divide, vanishes: no solution beyond ``time``.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.PublishedSpinChains()
    >>> try:
    ...     qsp.mfsolve(model, [2.0, 2.0], np.linspace(0, 20, 41))
    ... except qsp.SingularEquationsError as error:
    ...     print(error.reason, round(error.time, 3), error.result.times[-1])
    the equations are singular 4.265 4.0
    """


class PublishedSolver(MeanFieldSolver):
    """The published equations, a `model`, by a compiled kernel, with `options` as of
    :func:`mfsolve_published`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.PublishedSolver(qsp.PublishedSpinChains()).run([1.0, 1.0], [0.0, 1.0]).mean.shape
    (2, 4)
    """

    models = (PublishedEquations,)

    def __init__(self, model: PublishedEquations, *, options: Options | None = None):
        if not isinstance(model, PublishedEquations):
            raise TypeError(f"model must be a PublishedSpinChains, not {type(model).__name__}")
        # the run of the mean field, of equations that are no system
        super().__init__(model, options=options)  # type: ignore[arg-type]

    solver_options: ClassVar[dict[str, Any]] = MeanFieldSolver.solver_options

    # without a covariance to start from, which these equations make themselves
    def problem(  # type: ignore[override]
        self, state0: State, times: np.ndarray, e_ops: EOps
    ) -> PublishedProblem:
        rhs, y0 = self._start(state0, float(times[0]))
        stepper = runge_kutta(rhs, y0, times, self._options)
        stats = {
            "closure": "linear",
            "equations": self.model.name,
            "neglected": _neglected(self.model),
        }
        result = PublishedResult(
            e_ops, self._options, modes=2, closure="linear", account=self.account(stats)
        )
        return PublishedProblem(times, stepper, result)

    def _start(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        """The right-hand side and where it starts."""
        model: PublishedEquations = self.model
        beta = check_array("state0", state0, shape=(2,), dtype=complex)
        for j, (b, size) in enumerate(zip(beta, model.n, strict=True)):
            if abs(b) ** 2 > size * (1 + 1e-12):
                raise ValueError(
                    f"state0[{j}] must satisfy |β|²≤N={size}, not {abs(b) ** 2:g}: {size} spins "
                    "have no more excitations"
                )
        model.point(t0, beta)
        start = [beta.view(float), self._covariance(2)[np.triu_indices(4)]]
        return model.flow(), np.concatenate(start)


def _neglected(model: PublishedEquations) -> list[str]:
    """What the equations leave out, and the mistakes left in."""
    out = [
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
        out.append(f"mistakes of the paper left in: {', '.join(left)}")
    return out


class PublishedProblem(Problem):
    """Watches the uncertainty relation, the proof of decay, and the zero of X."""

    result: PublishedResult
    stepper: RungeKutta

    def error(self, failure: Failure) -> SolverError | None:
        if failure.status not in (Status.STEP_SIZE, Status.NON_FINITE, Status.RHS_FAILED):
            return None
        if failure.where != "stepper" or not self._divides_by_zero(failure.time):
            return None
        return SingularEquationsError(
            f"mfsolve: at t={failure.time:.6g} X vanishes, by which the published "
            "equations divide: they have no solution beyond; "
            f"error.result holds the {len(self.result.times)} outputs before that",
            time=failure.time,
            reason="the equations are singular",
            result=self.result,
        )

    def _divides_by_zero(self, time: float) -> bool:
        """Whether a run stopped because X vanished: followed again until just before its end."""
        kept = self.result
        if len(kept.times) == 0 or kept.model.x is not None:
            return False
        end = time - 1e-9 * max(abs(time), abs(float(kept.times[0])))
        beta, begin = kept.amplitudes[-1], float(kept.times[-1])
        if end > begin:
            again = PublishedSolver(kept.model, options={"rtol": 1e-9})
            problem = again.problem(beta, np.array([begin, end]), None)
            rows = np.empty((2, problem.stepper.row_size))
            if problem.stepper.advance(problem.times, rows) != Status.RUNNING:
                return False
            beta = rows[1, :4].view(complex)
        return bool(kept.model.relative_divisor(beta) < _VANISHED)

    def finish(self) -> None:
        result, rhs = self.result, self.stepper.rhs
        if len(result.times) == 0:
            return
        model: PublishedEquations = result.model
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
    state0: Any,
    tlist: ArrayLike,
    *,
    covariance0: Any = None,
    e_ops: EOps = None,
    options: Options | None = None,
) -> PublishedResult:
    r"""Mean field and covariance of the published equations: (B1), (B2) and (19), :math:`\dot C =
    MC+CM^T+D`.

    Parameters
    ----------
    system : PublishedEquations
        What to run.
    state0 : array_like of shape (2,)
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
    result = solver.run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, PublishedResult)
    return result
