"""Exact evolution of a model: the solver that chooses a method, runs it, and keeps what there is
when it must stop.
"""

from __future__ import annotations

import math
import time as clock
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import qutip

from ..core import checks
from ..core.checks import check_choice, check_integer, check_memory
from ..core.documented import runner
from ..core.drive import Until, Walk
from ..core.entry import HIERARCHY, exactsolve
from ..core.errors import warn
from ..core.progress import say_if_long
from ..core.pulses import longest_step
from ..core.sampling import MOST_SAMPLES, fresh_seed
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.types import Cutoff, EOps, Model, Options, State
from ..operators.expectation import mark
from ..operators.matrices import mode_places
from ..operators.states import ProductState
from ..operators.system import System
from .choice import QUTIP_METHODS, Choice, Task
from .external import QutipRun, check_seeds
from .fock import coherent_levels, in_powers, less_of, prepare_state, warn_cutoff
from .kept import kept
from .observe import user_operators
from .others import OtherProblem, WatchedRun
from .own import OwnProblem, OwnStepper
from .result import ExactResult, JumpResult
from .symmetric import by_hierarchy, warn_levels
from .unravel import JumpProblem, JumpStepper

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["ExactResult", "ExactSolver", "exactsolve_modes"]

R = TypeVar("R", bound=ExactResult)

#: seconds that one element of one moment takes to prepare
_OF_MOMENTS = 1e-7
#: size of a mean final state of trajectories that is made without being asked for
_FINAL_BYTES = 2**26


def _drawn(seed: Any) -> int:
    """64 bits from the seed of an option, or from nobody's."""
    if seed is None:
        return fresh_seed()
    if not isinstance(seed, np.random.SeedSequence):
        seed = np.random.SeedSequence(check_integer("options['seed']", seed, minimum=0))
    return int(seed.generate_state(1, np.uint64)[0])


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
        "seed": None,
        "map": "serial",
    }

    models: ClassVar[tuple[type, ...]] = (System,)

    def __init__(self, model: Model, *, cutoff: Cutoff, options: Options | None = None):
        super().__init__(model, options=options)
        self.levels = self._check_levels(cutoff)
        check_integer("options['ntraj']", self._options["ntraj"], minimum=1, maximum=MOST_SAMPLES)
        # Krylov's needs options of its own and serves kets only
        integrators = [
            key
            for key in qutip.SESolver.avail_integrators()
            if isinstance(key, str) and key != "krylov"
        ]
        check_choice("options['integrator']", self._options["integrator"], sorted(integrators))
        check_choice("options['map']", self._options["map"], ("serial", "parallel", "loky", "mpi"))
        self._needed: tuple[int, ...] | None = None
        #: of the trajectories of a run that is resumed
        self.seed: int | None = None
        #: whether someone looks at the state at every output
        self._until = False

    # ------------------------------------------------------------ what a kind of model provides

    def _check_levels(self, cutoff: Any) -> tuple[int, ...]:
        """Dimension of each tensor factor."""
        self._cutoff = cutoff
        return tuple(self.model.levels(cutoff))

    def _system(self) -> tuple[Any, list[Any]]:
        """Hamiltonian and jump operators."""
        own = kept(self.model, self._cutoff, self.levels)
        return own.H, own.c_ops

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
        return kept(self.model, self._cutoff, self.levels).reader

    def recipe(self) -> dict[str, Any]:
        return {"cutoff": self._cutoff}

    def plain_state(self, state0: State) -> State:
        return self._initial(state0)

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
        kind = JumpResult if stats.get("integrator") == "Taylor" else ExactResult
        return self._blank(kind, stats)

    def _blank(self, kind: type[R], stats: dict[str, Any]) -> R:
        """A result that holds no states: those asked for come with the moments."""
        options = {**self._options, "store_states": False}
        return kind(None, options, solver=self.name, stats=stats, model=self.model)

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

    @runner
    def run(
        self, state0: State, tlist: ArrayLike, *, e_ops: EOps = None, until: Until | None = None
    ) -> ExactResult:
        """Run from `state0` at ``tlist[0]``; see :func:`exactsolve_modes`."""
        begin = clock.perf_counter()
        self._until = until is not None
        try:
            result = super().run(state0, tlist, e_ops=e_ops, until=until)
        finally:
            self._until = False
        assert isinstance(result, ExactResult)
        result.stats["total time"] = clock.perf_counter() - begin
        return result

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> Problem:
        self._check_size(len(times))
        state = self._initial(state0)
        user = self._observables(e_ops)
        self._check_model(times)
        H, c_ops = self._system()
        task = Task(H, c_ops, state, times, self._reader(), user, self._options, self._charges())
        if isinstance(self.model, System) and self.model.isconstant:
            task.constant = kept(self.model, self._cutoff, self.levels)
        return self._problem_of(task)

    def _begin(self, state0: Any, times: np.ndarray) -> Walk:
        self._until = True
        try:
            return super()._begin(state0, times)
        finally:
            self._until = False

    def _problem_of(self, task: Task) -> Problem:
        task.visited = self._until
        choice = task.choose()
        result = self._empty(self._stats(task, choice))
        # QuTiP's own for the last state wants a state at every output
        result._state_processors.clear()
        method, times = choice.method, task.times
        if method in (*QUTIP_METHODS, "trajectories"):
            if self._until:
                raise ValueError(
                    f"options['method']={method!r} ({choice.reason}) gives no states on the way: "
                    "until, iterate and step are for 'ket' and 'density'"
                )
            if method == "trajectories" and not (why := task.no_jumps()):
                return self._jump_problem(task, choice, result)
            name = "mcsolve" if method == "trajectories" else method
            if method == "trajectories":
                result.stats["method reason"] += f"; by QuTiP's mcsolve: {why}"
            if self._options["checkpoint"]:
                warn(
                    f"options['checkpoint']: QuTiP's {name} ({choice.reason}) cannot go on from "
                    "one; the file will be written when the run ends, with what there is then"
                )
            if name == "mcsolve":
                check_seeds(self._options["ntraj"])
            functions = getattr(self.model, "time_functions", ())
            step = min(self._options["max_step"], longest_step(functions, times))
            own = {**self._options, "max_step": step}
            run = QutipRun(name, own, task.reader, task.user, store=choice.store)
            return OtherProblem(times, WatchedRun(run, task), result, self._inspect)
        whole = choice.store or bool(task.functions) or self._until
        stepper = OwnStepper(task, method, self._options, whole=whole)
        return OwnProblem(times, stepper, result, store=choice.store, inspect=self._inspect)

    def _jump_problem(self, task: Task, choice: Choice, result: ExactResult) -> Problem:
        check_integer("options['ntraj']", self._options["ntraj"], minimum=2)
        room = min(_FINAL_BYTES, 0.01 * checks.available_memory())
        final = self._options["store_final_state"] and 16.0 * task.d**2 <= room
        # a run that is resumed brings the seed it began with
        seed = _drawn(self._options["seed"]) if self.seed is None else self.seed
        result.stats["seed"] = seed
        states = 1 if choice.store else 0 if final else -1
        stepper = JumpStepper(task, self._options, seed, states)
        return JumpProblem(task, stepper, result, store=choice.store, inspect=self._inspect)

    def _check_size(self, outputs: int) -> None:
        """Refuse what no method could hold: some kets and the matrices of the moments; say so where
        these alone take long.
        """
        d, n = math.prod(self.levels), len(self.levels)
        # a matrix of a moment has about an entry a level, and is held twice
        each = 16.0 * (4 + 2 * (n + n * (n + 1))) + self._of_operators()
        check_memory(
            f"exactsolve with {d:.3g} levels ({in_powers(self.levels)})",
            each * d,
            advice=f"{less_of(self.model)}, or use an approximation such as mfsolve",
        )
        entries = float(d) * n * (n + 1)
        seconds = _OF_MOMENTS * entries
        if 8.0 * d**2 > checks.available_memory():
            # trajectories, each of which reads them at every output
            seconds += 1e-9 * self._options["ntraj"] * outputs * entries
        what = f"exactsolve with {d:.3g} levels: its moments alone"
        say_if_long(what, seconds, less_of(self.model))

    def _of_operators(self) -> float:
        """Bytes a level of H and the jump operators as sparse matrices: about an entry a level and
        term, held twice while they are summed.
        """
        if not isinstance(self.model, System):
            return 0.0
        operators = (self.model.hamiltonian, *self.model.jumps)
        return 2 * 20.0 * sum(len(getattr(x, "terms", ())) for x in operators)

    def _stats(self, task: Task, choice: Choice) -> dict[str, Any]:
        stats: dict[str, Any] = {
            "method": choice.method,
            "method reason": choice.reason,
            "cutoff": list(self.levels),
            "estimated time": choice.seconds,
            "estimated bytes": int(choice.bytes),
        }
        if choice.method == "trajectories" and not task.no_jumps():
            stats["integrator"] = "Taylor"
        elif choice.method in QUTIP_METHODS or choice.method == "trajectories":
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
        say_if_long(
            f"exactsolve ({choice.method}, {task.d} levels, t={task.times[0]:g} to "
            f"{task.times[-1]:g})",
            choice.seconds,
            f"{less_of(self.model)}, fewer times or trajectories; options={{'time_limit': …}} ends "
            "it earlier",
        )
        return stats


@exactsolve.register(System)
def exactsolve_modes(
    system: System,
    state0: Any,
    tlist: ArrayLike,
    *,
    cutoff: Any = None,
    e_ops: Any = None,
    options: Options | None = None,
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
        ``store_final_state``, ``time_limit``, ``checkpoint`` (:func:`qsyncplug.resume` goes on from
        it, but for QuTiP's solvers); for trajectories ``ntraj`` (500),
        ``seed`` and ``num_threads`` (which changes no bit), for ``"mcsolve"`` (its tolerances in
        units of the rates) ``map`` as well.

    Returns
    -------
    ExactResult
        Moments at every time; ``stats`` says which method was chosen and why.

    Notes
    -----
    Errors and warnings are those of :func:`qsyncplug.exactsolve`.

    Constant systems: exp(tL) by Chebyshev expansions on an ellipse around the spectrum, each
    serving many outputs
    (:class:`.ellipse.Expansion`); the terms must have died out in every step, and the polynomials'
    norms tell whether the ellipse was large enough. Time-dependent ones: the same, with
    coefficients that are polynomials of time in each window (Neumann series of Bessel functions,
    whose coefficients follow one another as Chebyshev polynomials do); where they are not, as at
    kinks and jumps, Dormand–Prince 8(5,3) on the same generator, restarted where a coefficient
    begins or ceases to move. Trajectories: Taylor polynomials of
    the run without jumps (of time-dependent systems with coefficients that are polynomials of time
    in windows), on which outputs and the moments of jumps are located to the tolerance
    (K. Mølmer, Y. Castin, J. Dalibard, J. Opt. Soc. Am. B 10, 524 (1993)). Operators with many
    entries a row are multiplied as dense matrices, where that is faster. QuTiP's ``mcsolve`` serves
    trajectories whose `e_ops` are functions of each state, whose coefficients have kinks or jumps,
    or where a jump operator is a sum of parts that change differently in time.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.exactsolve(qsp.van_der_pol_pair(), [1, 0.5j], [0.0, 1.0, 2.0], cutoff=14)
    >>> run.stats["method"], len(run.states)
    ('density', 3)
    """
    if by_hierarchy(system, state0, e_ops, options):
        how = {"cutoff": cutoff, "e_ops": e_ops, "options": options}
        found = HIERARCHY["exactsolve"](system, state0, tlist, **how)
        warn_levels(found.closure, found.moments, found.times)
        return found
    return ExactSolver(system, cutoff=cutoff, options=options).run(state0, tlist, e_ops=e_ops)
