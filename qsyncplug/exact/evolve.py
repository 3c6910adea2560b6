"""Exact evolution of boson models with QuTiP."""

from __future__ import annotations

import time as clock
import warnings
from typing import Any, ClassVar

import numpy as np
import qutip

from ..core.checks import (
    available_memory,
    check_array,
    check_choice,
    check_integer,
    check_memory,
    check_times,
)
from ..core.entry import exactsolve
from ..core.errors import (
    MissingFieldError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    TimeLimitError,
)
from ..core.result import Result
from ..core.solver import Solver
from ..operators.algebra import check_cutoff
from ..operators.system import ModeSystem
from .coherence import CoherenceOrders, canonical
from .fock import coherent_levels, prepare_state, warn_cutoff
from .moments import MomentReader, covariance_of
from .observe import Expectation, Observer, OutOfTime, user_operators

__all__ = ["ExactResult", "ExactSolver", "exactsolve_modes"]

#: states are stored without being asked for while they fit into this
_STATE_BYTES = 2**28
#: from this dimension on the coherence orders are evolved apart without being asked for
_SECTOR_SIZE = 400
_WHOLE_STATE = "use options={'method': 'mesolve'}"


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
    populations : ndarray of shape (T, N, levels)
        Of the Fock levels of each mode.
    cutoff : tuple of int
        Levels kept of each mode.
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "amplitudes": ("time", "mode"),
        "mean": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
        "anomalous": ("time", "mode", "mode_2"),
        "normal": ("time", "mode", "mode_2"),
        "populations": ("time", "mode", "level"),
    }
    amplitudes: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    anomalous: np.ndarray
    normal: np.ndarray
    populations: np.ndarray

    @property
    def cutoff(self) -> tuple[int, ...]:
        """Levels kept of each mode."""
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
                f"final_state is not known: the result holds {self.stats['holds']}; {_WHOLE_STATE}"
            )
        return (
            self._final_state
            if self._final_state is not None
            else (self.states[-1] if self.states else None)
        )

    def _fill(self, reader: MomentReader, values: np.ndarray) -> None:
        b, m, c, populations = reader.split(values)
        self.amplitudes = np.ascontiguousarray(b)
        self.mean = np.ascontiguousarray(np.sqrt(2) * self.amplitudes).view(float)
        self.covariance = covariance_of(b, m, c)
        self.anomalous, self.normal, self.populations = m, c, populations


class ExactSolver(Solver):
    """Exact evolution of a boson model: chooses among QuTiP's sesolve, mesolve and mcsolve, and
    coherence orders.

    Parameters
    ----------
    model : ModeSystem
        What to run.
    cutoff : int or sequence of int
        Fock levels kept.
    options : dict, optional
        See :func:`exactsolve_modes`.
    """

    name = "exactsolve"
    methods = ("auto", "sesolve", "mesolve", "mcsolve", "sectors")
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
        return check_cutoff(cutoff, self.model.n)

    def _system(self) -> tuple[Any, list[Any]]:
        """Hamiltonian and jump operators."""
        return self.model.qutip(self.levels)

    def _initial(self, state0: Any) -> qutip.Qobj:
        """The checked initial state."""
        if not isinstance(state0, qutip.Qobj):
            alpha = check_array("state0", state0, shape=(len(self.levels),), dtype=complex)
            self._needed = tuple(coherent_levels(a) for a in alpha)
        return prepare_state(state0, self.levels)

    def _reader(self) -> Any:
        """What turns a state into the vector of moments: called with (t, state); ``operators()``
        lists them.
        """
        return MomentReader(self.model, self.levels)

    def _check_model(self, times: np.ndarray) -> None:
        if isinstance(self.model, ModeSystem):
            self.model.check_hermitian(times)

    def _observables(self, e_ops: Any) -> dict[Any, Any]:
        return user_operators(e_ops, self.levels, self.model.hamiltonian.space)

    def _charges(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Integer charges (d, K) and occupation numbers (d, m) of the basis states; None without a
        phase symmetry.
        """
        if not self.model.isconstant:
            return None
        weights = self.model.symmetries.charges
        number = np.indices(self.levels).reshape(self.model.n, -1).T
        return (number @ weights.T, number) if len(weights) else None

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
        result.stats["cutoff population"] = warn_cutoff(
            result.populations, self.levels, times, self._needed
        )

    # ------------------------------------------------------------ choice of method

    def _liouvillian_bytes(self, H: Any, c_ops: list[Any]) -> float:
        d = float(np.prod(self.levels))

        def nnz(op: Any) -> float:
            parts = (
                [op]
                if isinstance(op, qutip.Qobj)
                else [p[0] if isinstance(p, list) else p for p in op.to_list()]
            )
            return float(sum(p.to("CSR").data.as_scipy().nnz for p in parts))

        entries = 2 * d * nnz(H) + sum(nnz(c) ** 2 + 2 * d * nnz(c) for c in c_ops)
        # values and indices, and as much again while it is summed; the integrator's vectors
        return 2 * 20 * entries + 24 * 16 * d**2

    def _choose(
        self, H: Any, c_ops: list[Any], state: qutip.Qobj, user: dict[Any, Any]
    ) -> tuple[str, str]:
        d = int(np.prod(self.levels))
        wanted = self._options["method"]
        if wanted == "sectors" and (why := self._no_sectors(user)):
            raise ValueError(f"options['method']='sectors' cannot be used: {why}; {_WHOLE_STATE}")
        needed = self._liouvillian_bytes(H, c_ops)
        advice = "lower the cutoff or use options={'method': 'mcsolve'}"
        if wanted == "mesolve":
            check_memory(f"mesolve with {d} levels", needed, advice=advice)
        if wanted == "mcsolve" and not c_ops:
            raise ValueError(
                "options['method']='mcsolve' cannot be used: the model has no jump operators; use "
                "'auto'"
            )
        if wanted == "sesolve" and (c_ops or not state.isket):
            why = "the model has jump operators" if c_ops else "state0 is a density matrix"
            raise ValueError(
                f"options['method']='sesolve' cannot be used: {why}; use 'mesolve' or 'auto'"
            )
        if wanted != "auto":
            return wanted, "asked for"
        if not c_ops and state.isket:
            return "sesolve", "no jump operators and a pure state"
        if d >= _SECTOR_SIZE and not self._no_sectors(user):
            return (
                "sectors",
                "a phase symmetry, and nothing was asked for that needs the whole state",
            )
        if needed < 0.5 * available_memory() and d <= 2000:
            return "mesolve", f"the Liouvillian of {d} levels needs about {needed / 2**20:.0f} MiB"
        if not c_ops:
            check_memory(f"mesolve with {d} levels", needed, advice="lower the cutoff")
            return "mesolve", "a density matrix without jump operators"
        return "mcsolve", f"the Liouvillian of {d} levels would need about {needed / 2**30:.1f} GiB"

    def _no_sectors(self, user: dict[Any, Any]) -> str:
        """Why the coherence orders of first and second moments would not do; empty if they
        would.
        """
        if self._charges() is None:
            return "the model has no phase symmetry (U(1)), or depends on time"
        if self._options["store_states"]:
            return "options['store_states'] needs the whole state"
        for key, op in user.items():
            if not isinstance(op, qutip.Qobj):
                return f"e_ops[{key!r}] is a function of the whole state"
        if user:
            problem_charges, _ = self._charges() or (None, None)
            allowed = _coherence_orders(self._reader().operators(), problem_charges)
            for key, op in user.items():
                if (
                    extra := _coherence_orders([op.data_as("csr_matrix")], problem_charges)
                    - allowed
                ):
                    return (
                        f"e_ops[{key!r}] needs coherence order {max(extra)}, and with it the "
                        "whole state"
                    )
        return ""

    # ------------------------------------------------------------ running

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> ExactResult:
        """Run from `state0` at ``tlist[0]``; see :func:`exactsolve_modes`."""
        begin = clock.perf_counter()
        times = check_times(tlist, minimum=2)
        state = self._initial(state0)
        user = self._observables(e_ops)
        d = int(np.prod(self.levels))
        self._check_model(times)
        H, c_ops = self._system()
        method, reason = self._choose(H, c_ops, state, user)
        o = self._options

        state_bytes = 16.0 * (d if method == "sesolve" else d * d) * len(times)
        store = o["store_states"]
        if store is None:
            store = (
                not user and state_bytes <= _STATE_BYTES and method not in ("mcsolve", "sectors")
            )
        elif store:
            check_memory(
                f"storing {len(times)} states of {d} levels",
                state_bytes,
                advice="give e_ops instead, or fewer times",
            )
        reader = self._reader()
        stats: dict[str, Any] = {
            "method": method,
            "method reason": reason,
            "integrator": "Chebyshev" if method == "sectors" else o["integrator"],
            "cutoff": list(self.levels),
            "liouvillian bytes": int(self._liouvillian_bytes(H, c_ops))
            if method not in ("sesolve", "sectors")
            else 0,
        }
        if not store and not user and o["store_states"] is None and method != "sectors":
            stats["states"] = (
                f"not stored: they would take {state_bytes / 2**20:.0f} MiB; ask with "
                f"options={{'store_states': True}}"
            )
        result = self._empty(stats)
        result.stats = stats
        if method == "sectors":
            self._run_sectors(H, c_ops, state, times, reader, user, result, begin)
        else:
            self._run_qutip(
                method, H, c_ops, state, times, reader, user, result, begin, bool(store)
            )
        self._inspect(result, times)
        if o["checkpoint"]:
            result.save(o["checkpoint"])
        return result

    def _run_sectors(
        self,
        H: Any,
        c_ops: list[Any],
        state: qutip.Qobj,
        times: np.ndarray,
        reader: Any,
        user: dict[Any, Any],
        result: ExactResult,
        begin: float,
    ) -> None:
        """Evolve the coherence orders that the moments need, and nothing else."""
        o, stats = self._options, result.stats
        charges, labels = self._charges() or (None, None)
        assert charges is not None
        values: Any
        problem = CoherenceOrders(
            H.data_as("csr_matrix"),
            [c.to("CSR").data_as("csr_matrix") for c in c_ops],
            charges,
            labels,
        )
        operators = [
            *reader.operators(),
            *(op.to("CSR").data_as("csr_matrix") for op in user.values()),
        ]
        stats["preparation time"] = clock.perf_counter() - begin
        deadline = begin + o["time_limit"]
        begin = clock.perf_counter()
        start = (
            state.full()[:, 0]
            if state.isket
            else state.data_as("csr_matrix")
            if _is_csr(state)
            else state.full()
        )
        width = len(operators) - len(user)
        try:
            values, how = problem.evolve(
                start,
                times,
                operators,
                tolerance=max(1e-15, 1e-3 * float(np.min(o["atol"]))),
                max_step=o["max_step"],
                nsteps=o["nsteps"],
                deadline=deadline,
            )
        except (SolverError, KeyboardInterrupt) as error:
            values = getattr(error, "result", None)
            self._stopped(
                error,
                result,
                reader,
                [] if values is None else list(values[:, :width]),
                times,
                begin,
            )
        stats["run time"] = clock.perf_counter() - begin
        stats.update(how)
        orders = ", ".join(how["elements"])
        stats["holds"] = (
            f"first and second moments, from the coherence orders {orders}; not the states"
        )
        stats["states"] = (
            f"not known: the coherence orders {orders} alone were evolved; {_WHOLE_STATE}"
        )
        result.times = times
        result._fill(reader, values[:, :width])
        for k, key in enumerate(user):
            column = values[:, width + k]
            result.e_data[key] = list(column.real if user[key].isherm else column)
            result.e_ops[key] = user[key]

    def _run_qutip(
        self,
        method: str,
        H: Any,
        c_ops: list[Any],
        state: qutip.Qobj,
        times: np.ndarray,
        reader: Any,
        user: dict[Any, Any],
        result: ExactResult,
        begin: float,
        store: bool,
    ) -> None:
        """Let QuTiP do it."""
        o, stats = self._options, result.stats
        options: dict[str, Any] = {
            "method": o["integrator"],
            "store_states": store,
            "store_final_state": bool(o["store_final_state"]),
            "progress_bar": o["progress_bar"],
            "progress_kwargs": o["progress_kwargs"],
            "normalize_output": method == "sesolve",
        }
        known = qutip.SESolver.avail_integrators()[o["integrator"]].integrator_options
        for key in ("atol", "rtol", "nsteps", "max_step"):
            if key in known and o[key] != np.inf:
                options[key] = o[key]
        deadline = clock.perf_counter() + o["time_limit"]
        collected: list[np.ndarray] = []
        kept: list[Any] = []
        wrapped = [
            Expectation(op) if isinstance(op, (qutip.Qobj, qutip.QobjEvo)) else op
            for op in user.values()
        ]
        if method == "mcsolve":
            options |= {"map": o["map"], "num_cpus": o["num_threads"], "keep_runs_results": False}
            del options["normalize_output"]
            options["improved_sampling"] = False
            observe = Observer(reader, wrapped)
        else:
            observe = Observer(
                reader, wrapped, deadline, len(times), collected, kept if store else None
            )
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        try:
            with warnings.catch_warnings():
                # QuTiP's own ODE classes announce convergence trouble as UserWarnings before they
                # raise
                warnings.filterwarnings("ignore", message="vern", category=UserWarning)
                raw = self._qutip_run(
                    method,
                    H,
                    c_ops,
                    state,
                    times,
                    [observe, *map(observe.value_of, range(len(wrapped)))],
                    options,
                    o,
                )
        except (OutOfTime, KeyboardInterrupt, qutip.solver.integrator.IntegratorException) as error:
            result.states = kept
            for k, key in enumerate(user):
                result.e_data[key], result.e_ops[key] = [v[k] for v in observe.users], user[key]
            self._stopped(error, result, reader, collected, times, begin)
        stats["run time"] = clock.perf_counter() - begin
        values = np.array(raw.e_data[0] if method != "mcsolve" else raw.average_e_data[0])
        result.times = times
        result._fill(reader, values)
        result.states = (
            list(raw.states)
            if store and method != "mcsolve"
            else (list(raw.average_states or []) if store else [])
        )
        if o["store_final_state"]:
            result._final_state = (
                raw.final_state if method != "mcsolve" else raw.average_final_state
            )
        data = raw.e_data if method != "mcsolve" else raw.average_e_data
        for k, key in enumerate(user):
            result.e_data[key] = list(data[k + 1])
            result.e_ops[key] = user[key]
        if method == "mcsolve":
            spread = np.array(raw.std_e_data[0])[:, : reader.n]
            stats["trajectories"] = int(raw.num_trajectories)
            if raw.num_trajectories < o["ntraj"]:
                stats["stopped"] = (
                    f"time limit, after {raw.num_trajectories} of {o['ntraj']} trajectories"
                )
            stats["standard error"] = float(
                np.abs(spread).max() / np.sqrt(max(raw.num_trajectories, 1))
            )
            stats.setdefault("neglected", []).append(
                f"sampling error of {raw.num_trajectories} trajectories "
                f"(largest standard error of {getattr(reader, 'what', '⟨b⟩')}: "
                f"{stats['standard error']:.2g})"
            )

    @staticmethod
    def _qutip_run(
        method: str,
        H: Any,
        c_ops: list[Any],
        state: qutip.Qobj,
        times: np.ndarray,
        e_ops: list[Any],
        options: dict[str, Any],
        o: Any,
    ) -> Any:
        if method == "sesolve":
            return qutip.sesolve(H, state, times, e_ops=e_ops, options=options)
        if method == "mesolve":
            # without jump operators mesolve would hand a ket over to sesolve
            state = qutip.ket2dm(state) if state.isket else state
            return qutip.mesolve(H, state, times, c_ops, e_ops=e_ops, options=options)
        timeout = None if o["time_limit"] == np.inf else o["time_limit"]
        return qutip.mcsolve(
            H,
            state,
            times,
            c_ops,
            e_ops=e_ops,
            ntraj=o["ntraj"],
            seeds=o["seeds"],
            timeout=timeout,
            options=options,
        )

    def _stopped(
        self,
        error: BaseException,
        result: ExactResult,
        reader: MomentReader,
        collected: list[np.ndarray],
        times: np.ndarray,
        begin: float,
    ) -> None:
        """Raise the error of this package with everything recorded so far."""
        count = len(collected)
        result.times = times[:count]
        if count:
            result._fill(reader, np.array(collected))
        reached = float(times[max(count - 1, 0)])
        result.stats["run time"] = clock.perf_counter() - begin
        result.stats["stopped"] = f"at t={reached:g}"
        kept = f"error.result holds the moments at {count} of {len(times)} times"
        if isinstance(error, KeyboardInterrupt):
            raise SolverInterrupted(
                f"exactsolve was interrupted at t={reached:g}; {kept}", time=reached, result=result
            ) from error
        if isinstance(error, (OutOfTime, TimeLimitError)):
            raise TimeLimitError(
                f"exactsolve stopped at t={reached:g} of {times[-1]:g}: time limit; raise "
                f"options['time_limit']; {kept}",
                time=reached,
                reason="time limit",
                result=result,
            ) from None
        limited = (
            isinstance(error, StepLimitError) or "nsteps" in str(error) or "steps" in str(error)
        )
        kind = StepLimitError if limited else SolverError
        raise kind(
            f"exactsolve stopped at t={reached:g} of {times[-1]:g}: {error}; raise "
            "options['nsteps'] or choose another "
            f"options['integrator']; {kept}",
            time=reached,
            reason="step limit" if kind is StepLimitError else "integrator",
            result=result,
        ) from error


def _is_csr(state: qutip.Qobj) -> bool:
    return isinstance(state.data, qutip.data.CSR)


def _coherence_orders(operators: list[Any], charges: Any) -> set[tuple[int, ...]]:
    """The (canonical) coherence orders that expectation values of these matrices need."""
    out: set[tuple[int, ...]] = set()
    for m in operators:
        coo = m.tocoo()
        for order in np.unique(charges[coo.col] - charges[coo.row], axis=0):
            out.add(canonical(tuple(int(x) for x in order))[0])
    return out


@exactsolve.register(ModeSystem)
def exactsolve_modes(
    system: ModeSystem,
    state0: Any,
    tlist: Any,
    *,
    cutoff: Any,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> ExactResult:
    r"""Exact evolution of a boson model with QuTiP's sesolve, mesolve or mcsolve.

    Parameters
    ----------
    system : ModeSystem
        What to run.
    state0 : Qobj or array_like of shape (N,)
        Ket or density matrix of dimensions `cutoff`, or amplitudes of coherent states.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    cutoff : int or sequence of int
        Fock levels kept, at least 2; for all modes or for each.
    e_ops : Qobj, Expression, callable, or list or dict of these, optional
        Expectation values wanted beside the moments.
    options : dict, optional
        ``method``: ``"auto"`` (default), ``"sesolve"``, ``"mesolve"``, ``"mcsolve"`` or
        ``"sectors"`` (for a model with a phase symmetry: only the coherence orders that first and
        second moments need, no states; ``"auto"`` takes it from dimension 400 on where nothing
        asked for needs the whole state); ``integrator``: QuTiP's integration method (``"vern7"``);
        ``atol`` (1e-11), ``rtol`` (1e-9), ``nsteps``, ``max_step``, ``progress_bar``,
        ``progress_kwargs``, ``store_states`` (default: while no `e_ops` are given and they fit into
        256 MiB), ``store_final_state``, ``time_limit``, ``checkpoint``; for mcsolve ``ntraj``
        (500), ``seeds``, ``map``, ``num_threads``.

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
    """
    return ExactSolver(system, cutoff=cutoff, options=options).run(state0, tlist, e_ops=e_ops)
