"""Exact evolution of a model: the solver that chooses a method, runs it, and keeps what there is
when it must stop.
"""

from __future__ import annotations

import math
import time as clock
from typing import Any, ClassVar

import numpy as np
import qutip
from qutip.ui.progressbar import progress_bars

from ..core.checks import check_choice, check_integer, check_memory, check_times
from ..core.entry import HIERARCHY, exactsolve
from ..core.errors import (
    NonFiniteError,
    QsyncplugWarning,
    RightHandSideError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    StepSizeError,
    TimeLimitError,
    warn,
)
from ..core.solver import Solver
from ..operators.expectation import mark
from ..operators.matrices import mode_places
from ..operators.states import ProductState
from ..operators.system import System
from .choice import QUTIP_METHODS, WHOLE_STATE, Choice, Task
from .coherence import CoherenceOrders
from .driven import DrivenFailure, DrivenStepper
from .external import STOPS, QutipRun
from .fock import coherent_levels, prepare_state, warn_cutoff
from .moments import MomentReader
from .observe import OutOfTime, user_operators
from .propagate import ChebyshevStepper
from .recording import Recorder
from .result import ExactResult
from .shifts import NotRealError
from .symmetric import by_hierarchy

__all__ = ["ExactResult", "ExactSolver", "exactsolve_modes"]

#: estimated seconds from which on a run says beforehand how long it will take
_LONG = 60.0


class ExactSolver(Solver):
    """Exact evolution of a boson model: chooses among kets, coherence orders, density matrices
    and trajectories.

    Parameters
    ----------
    model : System
        What to run.
    cutoff : int or sequence of int
        Fock levels kept.
    options : dict, optional
        See :func:`exactsolve_modes`.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> solver = qsp.ExactSolver(qsp.van_der_pol_pair(loss=4.0), cutoff=9)
    >>> solver.run([0.1, 0.1j], [0.0, 1.0]).mean.shape
    (2, 4)
    """

    name = "exactsolve"
    methods = ("auto", "ket", "density", "sectors", "trajectories", "qutip", *QUTIP_METHODS)
    solver_options: ClassVar[dict[str, Any]] = {
        "method": "auto",
        "integrator": "vern7",
        "atol": 1e-11,
        "rtol": 1e-9,
        "nsteps": 1_000_000,
        "max_step": np.inf,
        "progress_bar": "",
        "progress_kwargs": {"chunk_size": 10},
        "store_states": None,
        "store_final_state": True,
        "time_limit": np.inf,
        "checkpoint": None,
        "num_threads": 1,
        "ntraj": 500,
        "seeds": None,
        "map": "serial",
    }

    def __init__(self, model: Any, *, cutoff: Any, options: dict[str, Any] | None = None):
        super().__init__(model, options=options)
        self.levels = self._check_levels(cutoff)
        check_integer("options['ntraj']", self._options["ntraj"], minimum=1)
        # Krylov's needs options of its own and serves kets only
        integrators = [
            key
            for key in qutip.SESolver.avail_integrators()
            if isinstance(key, str) and key != "krylov"
        ]
        check_choice("options['integrator']", self._options["integrator"], sorted(integrators))
        check_choice("options['map']", self._options["map"], ("serial", "parallel", "loky", "mpi"))
        self._needed: tuple[int, ...] | None = None

    # ------------------------------------------------------------ what a kind of model provides

    def _check_levels(self, cutoff: Any) -> tuple[int, ...]:
        """Dimension of each tensor factor."""
        self._cutoff = cutoff
        return tuple(self.model.levels(cutoff))

    def _system(self) -> tuple[Any, list[Any]]:
        """Hamiltonian and jump operators."""
        H, jumps = self.model.qutip(self._cutoff)
        return H, jumps

    def _initial(self, state0: Any) -> qutip.Qobj:
        """The checked initial state."""
        if isinstance(state0, qutip.Qobj):
            return prepare_state(state0, self.levels)
        product = ProductState(self.model, state0)
        self._needed = tuple(coherent_levels(a) for a in product.alpha.values())
        return prepare_state(product.qutip(self._cutoff), self.levels)

    def _reader(self) -> Any:
        """What turns a state into the vector of moments: called with (t, state); ``operators()``
        lists them.
        """
        return MomentReader(self.model, self.levels, self._cutoff)

    def _check_model(self, times: np.ndarray) -> None:
        if isinstance(self.model, System):
            self.model.check_hermitian(times)

    def _observables(self, e_ops: Any) -> dict[Any, Any]:
        return user_operators(e_ops, self.levels, self.model, self._cutoff)

    def _charges(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Integer charges (d, K) and occupation numbers (d, m) of the basis states; None without a
        phase symmetry.
        """
        if not self.model.isconstant:
            return None
        weights = self.model.symmetries.charges
        number = np.indices(self.levels).reshape(len(self.levels), -1).T
        return (self.model.labels(self._cutoff) @ weights.T, number) if len(weights) else None

    def _empty(self, stats: dict[str, Any]) -> ExactResult:
        return ExactResult(
            None,
            {**self._options, "store_states": False},
            solver=self.name,
            stats=stats,
            model=self.model,
        )

    def _inspect(self, result: ExactResult, times: np.ndarray) -> None:
        """Monitors and warnings of a finished run."""
        norm = np.nansum(result.populations, axis=2)
        result.stats["drift"] = {"trace": float(np.abs(norm - 1).max())}
        if isinstance(self.model, System):
            for state in (*result.states, result._final_state):
                if isinstance(state, qutip.Qobj):
                    mark(state, self.model.symbols)
        modes = mode_places(self.model, self.levels) if isinstance(self.model, System) else None
        places = list(range(len(self.levels))) if modes is None else modes
        result.stats["cutoff population"] = warn_cutoff(
            result.populations[:, places],
            tuple(self.levels[k] for k in places),
            times,
            self._needed,
        )

    # ------------------------------------------------------------ running

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> ExactResult:
        """Run from `state0` at ``tlist[0]``; see :func:`exactsolve_modes`."""
        begin = clock.perf_counter()
        times = check_times(tlist)
        self._check_memory()
        state = self._initial(state0)
        user = self._observables(e_ops)
        self._check_model(times)
        H, c_ops = self._system()
        reader = self._reader()
        task = Task(H, c_ops, state, times, reader, user, self._options, self._charges())
        choice = task.choose()
        stats = self._stats(task, choice)
        result = self._empty(stats)
        if choice.method in (*QUTIP_METHODS, "trajectories"):
            self._run_qutip(task, choice, result, begin)
        elif choice.method == "sectors" and task.liouvillian.period == 1:
            self._run_orders(task, result, begin)
        else:
            self._run_own(task, choice, result, begin)
        result.stats["total time"] = clock.perf_counter() - begin
        self._inspect(result, times)
        self._save(result)
        return result

    def _check_memory(self) -> None:
        """Refuse what no method could hold: some kets and the matrices of the moments."""
        d, n = math.prod(self.levels), len(self.levels)
        # a matrix of a moment has about an entry a level, and is held twice
        each = 16.0 * (4 + 2 * (n + n * (n + 1)))
        check_memory(
            f"exactsolve with {d:.3g} levels ({' × '.join(map(str, self.levels))})",
            each * d,
            advice="lower the cutoff, or use an approximation such as mfsolve",
        )

    def _save(self, result: ExactResult) -> None:
        """Write the checkpoint; a file that cannot be written does not take the run with it."""
        path = self._options["checkpoint"]
        if not path:
            return
        try:
            result.save(path)
        except Exception as error:
            warn(
                f"the checkpoint {path!r} could not be written ({type(error).__name__}: {error})",
                QsyncplugWarning,
            )

    def _stats(self, task: Task, choice: Choice) -> dict[str, Any]:
        stats: dict[str, Any] = {
            "method": choice.method,
            "method reason": choice.reason,
            "cutoff": list(self.levels),
            "estimated time": choice.seconds,
            "estimated bytes": int(choice.bytes),
        }
        if choice.method in QUTIP_METHODS or choice.method == "trajectories":
            stats["integrator"] = self._options["integrator"]
        elif task.liouvillian is not None and not task.liouvillian.isconstant:
            stats["integrator"] = "dop853"
        else:
            stats["integrator"] = "Chebyshev"
        asked = choice.store or task.user or self._options["store_states"] is not None
        if not asked and choice.method not in ("sectors", "trajectories"):
            size = task.state_bytes(choice.method in ("ket", "sesolve")) / 2**20
            stats["states"] = (
                f"not stored: they would take {size:.0f} MiB; ask with "
                f"options={{'store_states': True}}"
            )
        if choice.seconds > _LONG:
            warn(
                f"exactsolve will take about {choice.seconds / 60:.0f} min "
                f"({choice.method}, {task.d} levels, t={task.times[0]:g} to {task.times[-1]:g}); "
                "a lower cutoff, fewer times or options={'time_limit': …} shorten it",
                QsyncplugWarning,
            )
        return stats

    # ------------------------------------------------------------ matrix-free

    def _run_own(self, task: Task, choice: Choice, result: ExactResult, begin: float) -> None:
        """Kets, density matrices or some of their elements, on the compiled generator."""
        try:
            self._run_once(task, choice, result, begin)
        except NotRealError:
            # a coefficient became complex where nobody had looked: again, with complex arithmetic
            task.complex_liouvillian()
            self._run_once(task, choice, result, begin)

    def _run_once(self, task: Task, choice: Choice, result: ExactResult, begin: float) -> None:
        stats = result.stats
        elements = task.elements(choice.method)
        t0 = float(task.times[0])
        recorder = Recorder(elements, task.table, task.user, store=choice.store, begin=t0)
        start = elements.pack(task.state.full())
        stepper = self._stepper(task, elements, recorder, start)
        stats["elements"] = elements.size
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        cause: BaseException | None = None
        try:
            self._drive(stepper, recorder, task.times, begin)
        except NotRealError:
            raise
        except (Exception, KeyboardInterrupt) as error:
            cause = error
        stats["run time"] = clock.perf_counter() - begin
        counters = stepper.counters
        stats["steps accepted"], stats["steps rejected"] = counters.windows, counters.rejected
        stats["right-hand sides"] = counters.products
        stats["error estimate"], stats["rounding"] = counters.error, counters.rounding
        if counters.notes:
            stats["notes"] = list(counters.notes)
        recorder.fill(result, task.reader)
        if choice.method == "sectors":
            self._say_what_is_held(result, elements)
        if cause is not None:
            self._stopped(cause, result, task.times)
        if self._options["store_final_state"] and choice.method != "sectors":
            result._final_state = recorder.qobj(stepper.x, stepper.t - t0)

    def _stepper(self, task: Task, elements: Any, recorder: Recorder, start: np.ndarray) -> Any:
        o = self._options
        shared = {"states": recorder.needs_rows, "max_step": o["max_step"]}
        if recorder.readout is not None:
            shared["readout"] = recorder.readout
        L = task.liouvillian
        assert L is not None
        if L.isconstant:
            tolerance = max(1e-13, min(1e-2 * o["rtol"], float(np.min(o["atol"]))))
            return ChebyshevStepper(
                elements, start, float(task.times[0]), tolerance=tolerance, **shared
            )
        return DrivenStepper(
            elements,
            start,
            task.times,
            rtol=0.1 * o["rtol"],
            atol=0.1 * float(np.min(o["atol"])),
            **shared,
        )

    def _drive(self, stepper: Any, recorder: Recorder, times: np.ndarray, begin: float) -> None:
        """Deliver every output, within the limits."""
        o = self._options
        bar = progress_bars[o["progress_bar"]](len(times), **o["progress_kwargs"])
        for window in stepper.advance(times):
            recorder.record(window)
            for _ in window.times:
                bar.update()
            if recorder.count == len(times):
                break
            if clock.perf_counter() - begin > o["time_limit"]:
                raise OutOfTime
            if stepper.counters.windows + stepper.counters.rejected >= o["nsteps"]:
                raise StepLimitError("nsteps were used up", reason="step limit")
        bar.finished()

    def _say_what_is_held(self, result: ExactResult, elements: Any) -> None:
        share = len(elements.diagonals) / elements.owner.dimension
        what = f"the coherence orders that they need ({share:.0%} of the diagonals of ρ)"
        result.stats["holds"] = f"first and second moments, from {what}; not the states"
        result.stats["states"] = f"not known: {what} alone were evolved; {WHOLE_STATE}"

    # ------------------------------------------------------------ other engines

    def _run_orders(self, task: Task, result: ExactResult, begin: float) -> None:
        """Coherence orders in a basis whose flat shifts do not tell them apart."""
        o, stats = self._options, result.stats
        assert task.charges is not None
        charges, labels = task.charges
        matrices = [c.to("CSR").data_as("csr_matrix") for c in (task.H, *task.c_ops)]
        problem = CoherenceOrders(matrices[0], matrices[1:], charges, labels)
        readers = [
            *task.reader.operators(),
            *(op.to("CSR").data_as("csr_matrix") for op in task.linear),
        ]
        width = len(readers) - len(task.linear)
        state = task.state
        start = state.full()[:, 0] if state.isket else state.full()
        stats["preparation time"] = clock.perf_counter() - begin
        deadline = begin + o["time_limit"]
        cause: BaseException | None = None
        how: dict[str, Any] = {}
        try:
            values, how = problem.evolve(
                start,
                task.times,
                readers,
                tolerance=max(1e-15, 1e-3 * float(np.min(o["atol"]))),
                max_step=o["max_step"],
                nsteps=o["nsteps"],
                deadline=deadline,
            )
        except (SolverError, KeyboardInterrupt) as error:
            cause, values = error, getattr(error, "result", None)
            values = np.zeros((0, len(readers)), complex) if values is None else values
        stats["run time"] = clock.perf_counter() - begin
        stats.update(how)
        orders = ", ".join(how.get("elements", ()))
        stats["holds"] = (
            f"first and second moments, from the coherence orders {orders}; not the states"
        )
        stats["states"] = f"not known: some coherence orders alone were evolved; {WHOLE_STATE}"
        result.times = task.times[: len(values)]
        if len(values):
            result._fill(task.reader, values[:, :width])
        for k, (key, op) in enumerate(task.user.items()):
            column = values[:, width + k]
            result.e_data[key], result.e_ops[key] = list(column.real if op.isherm else column), op
        if cause is not None:
            self._stopped(cause, result, task.times)

    def _run_qutip(self, task: Task, choice: Choice, result: ExactResult, begin: float) -> None:
        """Let QuTiP do it."""
        method = "mcsolve" if choice.method == "trajectories" else choice.method
        run = QutipRun(method, self._options, task.reader, task.user, store=choice.store)
        result.stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        try:
            run.go(task.H, task.c_ops, task.state, task.times)
        except STOPS as error:
            result.stats["run time"] = clock.perf_counter() - begin
            run.fill_partial(result, task.times)
            self._stopped(error, result, task.times)
        result.stats["run time"] = clock.perf_counter() - begin
        run.fill(result, task.times)

    # ------------------------------------------------------------ stopping

    def _stopped(self, error: BaseException, result: ExactResult, times: np.ndarray) -> None:
        """Raise the error of this package with everything recorded so far."""
        count = len(result.times)
        reached = float(times[max(count - 1, 0)])
        result.stats["stopped"] = f"at t={reached:g}"
        kept = f"error.result holds the moments at {count} of {len(times)} times"
        where = f"exactsolve stopped at t={reached:g} of {times[-1]:g}"
        if isinstance(error, KeyboardInterrupt):
            raise SolverInterrupted(
                f"exactsolve was interrupted at t={reached:g}; {kept}", time=reached, result=result
            ) from error
        kind, reason, text = _explain(error)
        raise kind(
            f"{where}: {text}; {kept}", time=reached, reason=reason, result=result
        ) from error


def _explain(error: BaseException) -> tuple[type[SolverError], str, str]:
    """Error of the package, reason, and what to say."""
    if isinstance(error, (OutOfTime, TimeLimitError)):
        return TimeLimitError, "time limit", "time limit; raise options['time_limit']"
    if isinstance(error, StepLimitError):
        return StepLimitError, "step limit", f"{error}; raise options['nsteps']"
    if isinstance(error, DrivenFailure):
        if error.cause is not None:
            text = f"a coefficient raised {type(error.cause).__name__}: {error.cause}"
            return RightHandSideError, "right-hand side raised", text
        return (
            StepSizeError,
            "step size underflow",
            f"the integrator could not go on at t={error.time:g}",
        )
    if isinstance(error, FloatingPointError):
        return NonFiniteError, "not finite", f"{error}; the rates or the cut-off are too large"
    if isinstance(error, qutip.solver.integrator.IntegratorException):
        limited = "steps" in str(error)
        kind = StepLimitError if limited else SolverError
        advice = "raise options['nsteps'] or choose another options['integrator']"
        return kind, "step limit" if limited else "integrator", f"{error}; {advice}"
    if isinstance(error, SolverError):
        return type(error), error.reason, str(error)
    text = f"a function of e_ops raised {type(error).__name__}: {error}; mend it, or leave it out"
    return RightHandSideError, "a function of e_ops raised", text


@exactsolve.register(System)
def exactsolve_modes(
    system: System,
    state0: Any,
    tlist: Any,
    *,
    cutoff: Any = None,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> Any:
    r"""Exact evolution of a system, by compiled matrix-free kernels or by QuTiP.

    Parameters
    ----------
    system : System
        What to run.
    state0 : Qobj or array_like of shape (N,)
        Ket or density matrix on the space of ``system.qutip(cutoff)``, or one state a node: a
        dict from symbol to amplitude (mode), Bloch vector or angles (spin, atoms), Qobj (level);
        for modes alone also their N amplitudes.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    cutoff : int or sequence of int
        Fock levels kept, at least 2; for all modes or for each.
    e_ops : Qobj, Expression, callable, or list or dict of these, optional
        Expectation values wanted beside the moments.
    options : dict, optional
        ``method``: ``"auto"`` (default) chooses; ``"ket"``; ``"density"`` (whole density matrices);
        ``"sectors"`` (for a model with a phase symmetry: moments alone, from the coherence orders
        that they need); ``"trajectories"``; ``"qutip"``, or one of QuTiP's ``"sesolve"``,
        ``"mesolve"``, ``"mcsolve"`` by name, with ``integrator`` (``"vern7"``). ``atol`` (1e-11),
        ``rtol`` (1e-9), ``nsteps``, ``max_step``, ``progress_bar``, ``progress_kwargs``,
        ``store_states`` (default: while no `e_ops` are given and they fit into 256 MiB),
        ``store_final_state``, ``time_limit``, ``checkpoint``; for trajectories (QuTiP's mcsolve,
        its tolerances in units of the rates) ``ntraj`` (500), ``seeds``, ``map``, ``num_threads``.

    Returns
    -------
    ExactResult
        Moments at every time; ``stats`` says which method was chosen and why.

    Raises
    ------
    ValueError, TypeError
        Bad input.
    MemoryLimitError
        The problem does not fit; the message holds the estimate.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    Warns
    -----
    CutoffWarning
        The population of a highest level passes 1e-6; the message says which cut-off would do.

    Notes
    -----
    Constant systems: exp(tL) by Chebyshev expansions on an ellipse around the spectrum, each
    serving many outputs
    (:class:`.ellipse.Expansion`); the terms must have died out in every step, and the polynomials'
    norms tell whether the
    ellipse was large enough. Time-dependent ones: Dormand–Prince 8(5,3) on the same generator,
    restarted where a
    coefficient begins or ceases to move.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.exactsolve(qsp.van_der_pol_pair(), [1, 0.5j], [0.0, 1.0, 2.0], cutoff=14)
    >>> run.stats["method"], len(run.states)
    ('density', 3)
    """
    if by_hierarchy(system, state0, e_ops, options):
        return HIERARCHY["exactsolve"](system, state0, tlist, e_ops=e_ops, options=options)
    return ExactSolver(system, cutoff=cutoff, options=options).run(state0, tlist, e_ops=e_ops)
