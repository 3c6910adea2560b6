"""From many particles to one: metastable clusters and their merging, in logarithmic time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.checks import check_memory, check_number
from ..core.interrupts import interruptible
from ..core.options import DEFAULTS
from ..core.solver import Solver
from ..core.types import EOps, Options
from .mergebook import WidthError
from .mergelaw import MergeLaw
from .merging import Merging, MergingProblem, marks
from .model import Circle, check_circle
from .segments import Until
from .standstill import StationaryError
from .survivors import Survivors
from .tree import CoalesceResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Coalescence", "StationaryError", "WidthError", "coalesce"]


@interruptible
def coalesce(
    model: Circle,
    state0: ArrayLike,
    *,
    gap: float = 1e-8,
    contraction: float = 0.3,
    options: Options | None = None,
) -> CoalesceResult:
    r"""Follow identical particles until all have merged into one, however long it takes.

    Attention at large β has metastable clusters that merge at times like :math:`e^{2β}`. Neighbours
    closer than `gap` become one particle with the sum of their weights at their weighted mean,
    which the weighted model represents exactly up to terms of the order of `gap` squared; time is
    kept as its logarithm, and where forces are exponentially small their largest exponent is taken
    out.

    Two clusters merge at the instant from which all particles of both lie within an arc of `gap`
    (and, where the field does not contract there yet, from which it does): what has merged before
    counts with the width that it still has.

    Parameters
    ----------
    model : Circle
        Identical particles (weights may differ), attraction at short distance, no lag, no
        adjacency. A common frequency turns
        the angles of the result (see :attr:`CoalesceResult.frame`).
    state0 : (n,) array_like
        Positions.
    gap : float
        Distance at which neighbours merge.
    contraction : float
        Neighbours merge only where the field contracts, :math:`\sum_jc_jf'(x_i-x_j)` at least this
        part of what the particles nearby could give.
    options : dict, optional
        ``rtol, atol, nsteps, time_limit, num_threads, progress_bar, progress_kwargs, checkpoint``
        as in :class:`CircleSolver`. A run that was stopped goes on from its checkpoint by
        :func:`qsyncplug.resume`.

    Returns
    -------
    CoalesceResult
        The tree of merges.

    Raises
    ------
    ValueError, TypeError
        Bad input; a model in which merging is not exact: different frequencies, an adjacency,
        different responses or divisors, a phase lag; no attraction.
    WidthError
        The certificate failed: the virtual width δ of a merged particle, :math:`\dot δ=-χ'(x_c)δ`,
        has grown beyond `gap`.
    StationaryError
        The particles stand still without being together (e.g. a regular polygon), or come to a
        stable state like those at β<−2/3; `reason` is "balanced" or "stable", `result` has the
        positions.
    StepLimitError, TimeLimitError, StepSizeError, SolverInterrupted
        Limits, Ctrl-C; each carries the partial result and `time` = ln t.

    Notes
    -----
    Resolution of the merge times: with up to 300 particles, those of an event on the dense output,
    `rtol` and the resolution of the positions, an error of about :math:`10^{-15}/\mathrm{gap}` in
    the logarithm of a distance. With more, by cubic Hermite interpolation of that logarithm within
    the accepted step: better than 5e-5 in ln t. Pairs that are within `gap` where the field begins
    to contract only later are placed by linear interpolation of the contraction.

    Times are in the units of the model: (T1) with its factor :math:`e^{β}`, ``"sum"`` with its
    factor n. For ``attention(beta, scaled=True)`` with ``"mean"`` the last merge of n uniform
    particles is at :math:`t≈e^{2β}`.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import Circle, attention, coalesce
    >>> run = coalesce(Circle(attention(20.0), "mean"), np.linspace(0, 6, 50) ** 1.01)
    >>> run.complete, int(run.cluster_counts[-1])
    (True, 1)
    """
    solver = Coalescence(model, gap=gap, contraction=contraction, options=options)
    return solver.follow(state0)


class Coalescence(Solver):
    """Solver behind :func:`coalesce`, as the drive knows it.

    Its output times are numbers of particles gone: ``run(state0, [0, 5])`` ends where five are.

    Parameters
    ----------
    model, gap, contraction, options
        As for :func:`coalesce`.
    until : callable, optional
        ``until(x)``, looked at in every step: the run ends where it holds.

    Examples
    --------
    >>> from qsyncplug.circle import Circle, sine
    >>> from qsyncplug.circle.coalescence import Coalescence
    >>> solver = Coalescence(Circle(sine(), "mean"))
    >>> solver.start([0.0, 0.1, 2.0], 0)
    >>> angles, weights = solver.step(1)
    >>> weights
    array([2., 1.])
    """

    name = "coalesce"
    solver_options: ClassVar[dict[str, Any]] = {
        key: DEFAULTS[key]
        for key in (
            "method",
            "atol",
            "rtol",
            "nsteps",
            "time_limit",
            "num_threads",
            "progress_bar",
            "progress_kwargs",
            "checkpoint",
        )
    }

    def __init__(
        self,
        model: Circle,
        *,
        gap: float = 1e-8,
        contraction: float = 0.3,
        until: Until | None = None,
        options: Options | None = None,
    ):
        self.gap = check_number("gap", gap, minimum=1e-13, maximum=1e-3)
        self.contraction = check_number("contraction", contraction, maximum=1.0)
        self.until = until
        if isinstance(options, Mapping):
            options = dict(options)
        super().__init__(model, options=options)
        check_circle(model)

    def check_options(self, options: dict[str, Any]) -> None:
        check_number("options['atol']", options["atol"])

    def recipe(self) -> dict[str, Any]:
        return {"gap": self.gap, "contraction": self.contraction}

    def follow(self, state0: Any) -> CoalesceResult:
        """Run to one particle, or to where ``until`` holds."""
        x0 = self.model.positions(state0, "state0")
        result = self.run(x0, marks(x0.size))
        assert isinstance(result, CoalesceResult)
        return result

    def problem(self, state0: Any, times: np.ndarray, e_ops: EOps) -> MergingProblem:
        if e_ops is not None:
            raise TypeError("a run of merging particles takes no e_ops; its result is a tree")
        model: Circle = self.model
        x0 = model.positions(state0, "state0")
        _check_model(model)
        check_memory("coalesce", 8.0 * 60 * x0.size, advice="take fewer particles")
        law = MergeLaw(model, x0.size, self.gap, self.contraction, self._options["num_threads"])
        here = Survivors.of(model, x0)
        masses = np.ones(x0.size) if model.weights is None else np.array(model.weights)
        result = CoalesceResult(
            None,
            {"store_states": False, "store_final_state": False, **self._options},
            solver=self.name,
            stats={"method": "dop853, merging"},
            model=model,
        )
        stepper = Merging(law, here, masses, self._options, self.until)
        omega = float(np.mean(model.frequencies)) if model.frequencies is not None else 0.0
        return MergingProblem(times, stepper, result, omega, here.mean(law.total))


def _check_model(model: Circle) -> None:
    """Refuse a model in which merging is not exact."""
    reasons = [f"{name}" for name in model.extras]
    if model.adjacency is not None:
        reasons.append("an adjacency")
    if isinstance(model.frequencies, np.ndarray) and np.ptp(model.frequencies) != 0:
        reasons.append("different frequencies")
    if model.phase_lag != 0:
        reasons.append("a phase lag")
    if model.response is not None and np.ptp(model.response) != 0:
        reasons.append("different responses")
    g = model.normalization
    if callable(g) or (isinstance(g, np.ndarray) and np.ptp(g) != 0):
        reasons.append("different divisors")
    if reasons:
        raise ValueError(
            "coalesce needs identical particles, for which merging is exact; the model has "
            f"{', '.join(reasons)}"
        )
    force = model.interaction
    if not force.decays:
        raise ValueError(f"coalesce needs an interaction with a sine series, which {force} has not")
    if not (model.coupling > 0 and force.slope > 0):
        slope = model.coupling * force.slope
        raise ValueError(f"coalesce needs attraction, coupling·f'(0) > 0, not {slope:g}")
