"""Solver of the Schrödinger–Lohe models."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import qutip
from scipy.fft import set_workers

from ..core.checks import check_ndim, check_number, check_times
from ..core.documented import runner
from ..core.drive import Until
from ..core.interrupts import interruptible
from ..core.limits import Limits
from ..core.options import DEFAULTS, wanted
from ..core.result import Result
from ..core.solver import Solver
from ..core.threads import linear_algebra_threads
from ..core.types import EOps, Options, State
from ..waves.hermitian import check_over_time
from ..waves.splitting import SCHEMES
from .mobius import mobius_scale
from .model import SchrodingerLohe
from .reduced import LoheProblem, MobiusProblem, ReductionProblem, UnstableSetError
from .result import SchrodingerLoheResult
from .setup import MobiusSetup, StatesSetup
from .stepped import LinesProblem, SplittingProblem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["SchrodingerLoheSolver", "slsolve"]

#: numbers in X beyond which identical oscillators are run in the Möbius form
_LARGE = 16384


class SchrodingerLoheSolver(Solver):
    r"""Solve a Schrödinger–Lohe model.

    Parameters
    ----------
    model : SchrodingerLohe
    options : dict, optional
        ``method``: ``"auto"`` chooses ``"reduction"`` for a common Hamiltonian and ``"splitting"``
        otherwise (``"lawson"`` where a QobjEvo differs from the others).

        * ``"reduction"``: exact reduction to N·r numbers, :math:`Ψ(t)=X(t)\,e^{-iHt}Q`, adaptive
          Runge–Kutta 8(5,3); the Hamiltonian is touched only where states or centres are asked for;
        * ``"mobius"``: N numbers for identical oscillators with one common mean; the last output
          time may be infinite, and states, if asked for, come from a run of the reduction. Chosen
          by ``"auto"`` where N·r is large;
        * ``"splitting"``: adaptive splitting of order 6, two steps compared with one;
        * ``"s10"``, ``"s6"``, ``"kl8"``, ``"kl6"``, ``"yoshida4"``, ``"suzuki4"``, ``"strang"``:
          fixed step ``step``;
        * ``"lawson"``: adaptive Runge–Kutta 8(5,3) in the interaction picture (of the kinetic
          energy, or of H_j for Qobj);
        * ``"dop853"``: adaptive Runge–Kutta 8(5,3) on the states themselves (method of lines).

        ``step``: length of the fixed steps. ``store_coefficients``: keep what Gram matrices and
        states are made of (default: if it takes less than 256 MB). Other options as in QuTiP.

    Notes
    -----
    ``run(state0, tlist, e_ops=…)``: `state0` holds N states, kets or arrays on the grid. Functions
    among `e_ops` are given ``(t, states)``; a Qobj gives ⟨ψ_j,Oψ_j⟩/‖ψ_j‖² of every oscillator.

    The edges of a grid are watched wherever states on it are used: at the start, in every method
    that steps them, and in the reduction for states and interpolated centres. Gram matrices of the
    reduction, and centres in quadratic potentials, do not pass over the grid and do not feel its
    edges.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> qsp.SchrodingerLoheSolver(model).run(waves, [0.0, 1.0]).gram.shape
    (2, 2, 2)
    """

    name = "slsolve"
    methods = ("auto", "reduction", "mobius", "splitting", "lawson", "dop853", *SCHEMES)
    solver_options: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "method": "auto",
        "rtol": 1e-12,
        "atol": 1e-14,
        "step": None,
        "store_coefficients": None,
    }
    model: SchrodingerLohe
    #: why the method was chosen, where a solver chose it for another
    reason: str | None = None
    #: made already to see whether the Möbius form pays
    _setup: MobiusSetup | None = None

    def __init__(self, model: SchrodingerLohe, *, options: Options | None = None):
        if not isinstance(model, SchrodingerLohe):
            raise TypeError(f"model must be a SchrodingerLohe, not {type(model).__name__}")
        super().__init__(model, options=options)

    def check_options(self, options: dict[str, Any]) -> None:
        method, step = options["method"], options["step"]
        if step is not None:
            check_number("options['step']", step, minimum=0.0, strict=True)
        if method in SCHEMES and step is None:
            raise ValueError(f"options['step'] must be given for the fixed-step method {method!r}")
        if method in ("reduction", "mobius") and not self.model.common:
            raise ValueError(
                f"options['method'] = {method!r} needs a common Hamiltonian; use 'splitting' or "
                "'lawson'"
            )
        if method == "lawson" and self._evolving:
            raise ValueError(
                "options['method'] = 'lawson' needs Hamiltonians that do not depend on time, or "
                "grids"
            )
        keep = options["store_coefficients"]
        if not isinstance(keep, (bool, type(None))):
            raise TypeError(
                f"options['store_coefficients'] must be True, False or None, not {keep!r:.60}"
            )

    @property
    def _evolving(self) -> bool:
        return any(isinstance(h, qutip.QobjEvo) for h in self.model.hamiltonians(1))

    @property
    def method(self) -> str:
        """The method that a run takes."""
        method = self._options["method"]
        if method != "auto":
            return str(method)
        if self.model.common:
            return "reduction"
        return "dop853" if self._evolving else "splitting"

    # ------------------------------------------------------------ what a run is made of

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> LoheProblem:
        self._look_ahead(times)
        model, options, method = self.model, self._options, self.method
        stats: dict[str, Any] = {"method": method}
        if options["method"] == "auto":
            kind = "common" if model.common else "different"
            stats["method reason"] = f"{kind} Hamiltonian" + ("" if model.common else "s")
        t0 = float(times[0])
        if method == "reduction":
            return ReductionProblem(model, state0, times, e_ops, options, stats)
        if method == "mobius":
            if self.reason is not None:
                stats["method reason"] = self.reason
            setup = self._setup or MobiusSetup(model, state0, t0, options)
            return MobiusProblem(setup, times, e_ops, options, stats)
        states = StatesSetup(model, state0, t0, len(times), bool(options["store_states"]))
        kind_of_run = LinesProblem if method in ("lawson", "dop853") else SplittingProblem
        return kind_of_run(states, times, e_ops, options, stats)

    def _look_ahead(self, times: np.ndarray) -> None:
        """Refuse Hamiltonians that are not Hermitian during the run."""
        h = self.model.hamiltonian
        if self.model.time_dependent:
            finite = times[np.isfinite(times)]
            check_over_time(h if isinstance(h, tuple) else (h,), finite, "hamiltonian")

    # ------------------------------------------------------------ running

    @runner
    def run(
        self, state0: State, tlist: ArrayLike, *, e_ops: EOps = None, until: Until | None = None
    ) -> SchrodingerLoheResult:
        """Run from `state0`, N kets or an array (N, ...) on the grid.

        In the Möbius form the last time may be infinite.

        Raises
        ------
        ValueError, TypeError
            Bad input, before any work.
        NonUniquenessError, UndefinedCentreError, BlowUpError, AliasingError
            What the spec of the models forbids happened; time, oscillator and partial result are
            attached.
        SolverError
            The run had to stop for another reason.
        SolverInterrupted
            Ctrl-C; it carries the partial result too.
        """
        # Ctrl-C while the threads are given back does not take the result along
        with Limits() as limits, self._threads(), limits.interruptible():
            result: Any = self._run_large(state0, tlist, e_ops, until)
            if result is None:
                result = super().run(state0, tlist, e_ops=e_ops, until=until)
        assert isinstance(result, SchrodingerLoheResult)
        return result

    def step(self, t: float) -> Any:
        """Go on to time `t` and return the states there."""
        with self._threads():
            return super().step(t)

    def start(self, state0: State, t0: float) -> None:
        """Set the states and time that :meth:`step` goes on from."""
        if self.method == "mobius":
            raise ValueError("start() and step() need states, which 'mobius' does not have")
        model = self.model
        if self.method == "reduction" and model.aligns_by_distance:
            quadratic = getattr(model.reference, "quadratic", None)
            if quadratic is None:
                raise ValueError(
                    "start() and step() need a quadratic potential when the alignment depends on "
                    "the distance; use run()"
                )
        super().start(state0, t0)

    def _threads(self) -> ExitStack:
        """One thread, or as many as the user says, in BLAS and FFT."""
        stack, count = ExitStack(), self._options["num_threads"]
        stack.enter_context(linear_algebra_threads(count))
        stack.enter_context(set_workers(count))
        return stack

    def output_times(self, tlist: ArrayLike) -> np.ndarray:
        """`tlist` checked; in the Möbius form the last time may be infinite."""
        times: Any = tlist
        ends = check_ndim("tlist", times) == 1 and len(times) > 1 and times[-1] == np.inf
        if self._options["method"] != "mobius" or not ends:
            return check_times(times)
        return np.append(check_times(times[:-1]), np.inf)

    def continue_run(
        self, mark: dict[str, Any], partial: Result, e_ops: EOps, until: Until | None = None
    ) -> Result:
        with self._threads():
            try:
                return super().continue_run(mark, partial, e_ops, until)
            except UnstableSetError:
                if self.reason is None:
                    raise
            # as the run would have done that chose the Möbius form by itself
            options = {**self._options, "method": "reduction"}
            return SchrodingerLoheSolver(self.model, options=options).run(
                mark["state0"], mark["times"], e_ops=e_ops
            )

    def recipe(self) -> dict[str, Any]:
        return {"reason": self.reason}

    def _run_large(self, state0: Any, tlist: ArrayLike, e_ops: EOps, until: Any) -> Any:
        """Many identical oscillators in the Möbius form, where that is chosen; else None."""
        options = self._options
        if options["method"] != "auto" or wanted(e_ops) or until or options["store_states"]:
            return None
        if not self._many(state0):
            return None
        times = check_times(tlist)
        setup = MobiusSetup(self.model, state0, float(times[0]), options)
        rows = setup.start_rows
        assert rows is not None
        scale = mobius_scale(self.model, np.linalg.norm(rows, axis=1))
        if rows.size <= _LARGE or scale is None:
            return None
        other = SchrodingerLoheSolver(self.model, options={**options, "method": "mobius"})
        other.reason = "many identical oscillators"
        other._setup = setup
        try:
            return other.run(state0, times)
        except UnstableSetError:
            # the reduction goes on there
            return None

    def _many(self, state0: Any) -> bool:
        """Whether the Möbius form could pay, from the number of states alone."""
        model = self.model
        if not (model.common and model.mean_field):
            return False
        attractive = model.coupling * np.cos(model.phase_lag) > 0
        try:
            return bool(attractive and len(state0) >= 64)
        except TypeError:
            return False


@interruptible
def slsolve(
    model: SchrodingerLohe,
    state0: State,
    tlist: ArrayLike,
    *,
    e_ops: EOps = None,
    options: Options | None = None,
) -> SchrodingerLoheResult:
    """Solve a Schrödinger–Lohe model.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
        Kets, or an array (N, ...) on the grid.
    tlist : array_like of shape (T,)
        Strictly increasing output times; the first is that of `state0`.
    e_ops : Qobj, callable, list or dict of them, optional
        Functions ``f(t, states)``; a Qobj gives ⟨ψ_j,Oψ_j⟩/‖ψ_j‖² of every oscillator.
    options : dict, optional
        See :class:`SchrodingerLoheSolver`.

    Returns
    -------
    SchrodingerLoheResult

    Raises
    ------
    ValueError, TypeError, SolverError
        See :meth:`SchrodingerLoheSolver.run`.

    Examples
    --------
    Two oscillators with equal frequencies: z=((1+z₀)e^{kt}−(1−z₀))/((1+z₀)e^{kt}+(1−z₀)).

    >>> import numpy as np
    >>> from qsyncplug.core import Grid
    >>> from qsyncplug import GridHamiltonian, SchrodingerLohe, slsolve
    >>> grid = Grid(128, 20.0)
    >>> model = SchrodingerLohe(GridHamiltonian(grid, lambda x: x**2 / 2), coupling=1.0)
    >>> result = slsolve(model, [grid.gaussian(1.0), grid.gaussian(-1.0)], [0.0, 2.0])
    >>> z0, z = result.gram[:, 0, 1].real
    >>> e = np.exp(2.0)
    >>> bool(abs(z - ((1 + z0) * e - (1 - z0)) / ((1 + z0) * e + (1 - z0))) < 1e-11)
    True
    """
    return SchrodingerLoheSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
