"""Exact evolution of boson models with QuTiP."""

from __future__ import annotations

import time as clock
import warnings
from typing import Any, ClassVar

import numpy as np
import qutip

from ..core.checks import available_memory, check_array, check_integer, check_memory, check_times
from ..core.entry import exactsolve
from ..core.errors import CutoffWarning, SolverInterrupted, warn
from ..core.result import Result
from ..core.solver import Solver
from .algebra import Expression, check_cutoff
from .model import ModeSystem
from .moments import POPULATION_LIMIT, MomentReader, covariance_of, suggest_cutoff

__all__ = ["ExactResult", "ExactSolver", "exactsolve_modes", "warn_cutoff"]

#: states are stored without being asked for while they fit into this
_STATE_BYTES = 2**28


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
        """State at the last time, if states or the final state were stored."""
        return self._final_state if self._final_state is not None else (self.states[-1] if self.states else None)

    def _fill(self, reader: MomentReader, values: np.ndarray) -> None:
        b, m, c, populations = reader.split(values)
        self.amplitudes = np.ascontiguousarray(b)
        self.mean = np.ascontiguousarray(np.sqrt(2) * self.amplitudes).view(float)
        self.covariance = covariance_of(b, m, c)
        self.anomalous, self.normal, self.populations = m, c, populations


def warn_cutoff(populations: np.ndarray, levels: tuple[int, ...], times: np.ndarray | None = None) -> float:
    """Warn where the highest level of a mode is populated; returns the largest such population."""
    worst = 0.0
    advice: list[str] = []
    better = list(levels)
    for j, size in enumerate(levels):
        # two levels: a two-photon process may leave every other one empty
        top = populations[:, j, size - min(2, size - 1) : size].max(axis=1)
        k = int(np.argmax(top))
        worst = max(worst, float(top[k]))
        if top[k] > POPULATION_LIMIT:
            when = f" at t={times[k]:g}" if times is not None else ""
            advice.append(f"mode {j + 1} has {top[k]:.2g} in its highest levels{when}")
            better[j] = suggest_cutoff(populations[k, j, :size]) or 2 * size
    if advice:
        wanted = better[0] if len(set(better)) == 1 else tuple(better)
        warn(
            f"the cut-off {levels if len(set(levels)) > 1 else levels[0]} is too low: {'; '.join(advice)}; "
            f"cutoff={wanted} should do (population below {POPULATION_LIMIT:g})",
            CutoffWarning,
        )
    return worst


def prepare_state(state0: Any, levels: tuple[int, ...]) -> qutip.Qobj:
    """A normalised ket or density matrix of the right dimensions, from a Qobj or from coherent amplitudes."""
    n = len(levels)
    dims = list(levels)
    if not isinstance(state0, qutip.Qobj):
        alpha = check_array("state0", state0, shape=(n,), dtype=complex)
        return qutip.tensor([qutip.coherent(d, a, method="analytic").unit() for d, a in zip(levels, alpha, strict=True)])
    if state0.isket:
        if state0.dims[0] != dims:
            raise ValueError(f"state0 must have dims {[dims, [1] * n]} (cutoff {levels}), not {state0.dims}")
        if not np.all(np.isfinite(state0.full())):
            raise ValueError("state0 must be finite; it holds NaN or infinite values")
        norm = state0.norm()
        if abs(norm - 1) > 1e-8:
            raise ValueError(f"state0 must be normalised; its norm is {norm:.6g}. Use state0.unit()")
        return state0
    if state0.isoper:
        if state0.dims != [dims, dims]:
            raise ValueError(f"state0 must have dims {[dims, dims]} (cutoff {levels}), not {state0.dims}")
        array = state0.full()
        if not np.all(np.isfinite(array)):
            raise ValueError("state0 must be finite; it holds NaN or infinite values")
        if np.abs(array - array.conj().T).max() > 1e-10:
            raise ValueError("state0 must be Hermitian")
        if abs(np.trace(array) - 1) > 1e-8:
            raise ValueError(f"state0 must have trace 1, not {np.trace(array).real:.6g}")
        lowest = np.linalg.eigvalsh(array)[0]
        if lowest < -1e-9:
            raise ValueError(f"state0 must not have negative eigenvalues; the lowest is {lowest:.3g}")
        return state0
    raise TypeError(f"state0 must be a ket, a density matrix or {n} coherent amplitudes, not a Qobj of type {state0.type}")


class ExactSolver(Solver):
    """Exact evolution of a boson model: chooses among QuTiP's sesolve, mesolve and mcsolve.

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
    methods = ("auto", "sesolve", "mesolve", "mcsolve")
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

    def __init__(self, model: ModeSystem, *, cutoff: Any, options: dict[str, Any] | None = None):
        super().__init__(model, options=options)
        self.levels = check_cutoff(cutoff, model.n)
        check_integer("options['ntraj']", self._options["ntraj"], minimum=1)

    # ------------------------------------------------------------ choice of method

    def _liouvillian_bytes(self, H: Any, c_ops: list[Any]) -> float:
        d = float(np.prod(self.levels))

        def nnz(op: Any) -> float:
            parts = [op] if isinstance(op, qutip.Qobj) else [p[0] if isinstance(p, list) else p for p in op.to_list()]
            return float(sum(p.to("CSR").data.as_scipy().nnz for p in parts))

        entries = 2 * d * nnz(H) + sum(nnz(c) ** 2 + 2 * d * nnz(c) for c in c_ops)
        # values and indices, and as much again while it is summed; the integrator's vectors
        return 2 * 20 * entries + 24 * 16 * d**2

    def _choose(self, H: Any, c_ops: list[Any], state: qutip.Qobj) -> tuple[str, str]:
        d = int(np.prod(self.levels))
        wanted = self._options["method"]
        needed = self._liouvillian_bytes(H, c_ops)
        advice = "lower the cutoff or use options={'method': 'mcsolve'}"
        if wanted == "mesolve":
            check_memory(f"mesolve with {d} levels", needed, advice=advice)
        if wanted == "sesolve" and (c_ops or not state.isket):
            why = "the model has jump operators" if c_ops else "state0 is a density matrix"
            raise ValueError(f"options['method']='sesolve' cannot be used: {why}; use 'mesolve' or 'auto'")
        if wanted != "auto":
            return wanted, "asked for"
        if not c_ops and state.isket:
            return "sesolve", "no jump operators and a pure state"
        if needed < 0.5 * available_memory() and d <= 2000:
            return "mesolve", f"the Liouvillian of {d} levels needs about {needed / 2**20:.0f} MiB"
        if not c_ops:
            check_memory(f"mesolve with {d} levels", needed, advice="lower the cutoff")
            return "mesolve", "a density matrix without jump operators"
        return "mcsolve", f"the Liouvillian of {d} levels would need about {needed / 2**30:.1f} GiB"

    # ------------------------------------------------------------ running

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> ExactResult:
        """Run from `state0` at ``tlist[0]``; see :func:`exactsolve_modes`."""
        begin = clock.perf_counter()
        times = check_times(tlist, minimum=2)
        state = prepare_state(state0, self.levels)
        user = _user_operators(e_ops, self.levels)
        d = int(np.prod(self.levels))
        H, c_ops = self.model.qutip(self.levels)
        method, reason = self._choose(H, c_ops, state)
        o = self._options

        state_bytes = 16.0 * (d if method == "sesolve" else d * d) * len(times)
        store = o["store_states"]
        if store is None:
            store = not user and state_bytes <= _STATE_BYTES and method != "mcsolve"
        elif store:
            check_memory(f"storing {len(times)} states of {d} levels", state_bytes, advice="give e_ops instead, or fewer times")
        reader = MomentReader(self.model, self.levels)
        stats: dict[str, Any] = {
            "method": method,
            "method reason": reason,
            "integrator": o["integrator"],
            "cutoff": list(self.levels),
            "liouvillian bytes": int(self._liouvillian_bytes(H, c_ops)) if method != "sesolve" else 0,
        }
        if not store and not user and o["store_states"] is None:
            stats["states"] = (
                f"not stored: they would take {state_bytes / 2**20:.0f} MiB; ask with options={{'store_states': True}}"
            )
        options: dict[str, Any] = {
            "method": o["integrator"],
            "atol": o["atol"],
            "rtol": o["rtol"],
            "nsteps": o["nsteps"],
            "store_states": bool(store),
            "store_final_state": bool(o["store_final_state"]),
            "progress_bar": o["progress_bar"],
            "progress_kwargs": o["progress_kwargs"],
            "normalize_output": method == "sesolve",
        }
        if o["max_step"] != np.inf and o["integrator"] not in ("diag", "krylov"):
            options["max_step"] = o["max_step"]
        deadline = clock.perf_counter() + o["time_limit"]
        collected: list[np.ndarray] = []
        if method == "mcsolve":
            options |= {"map": o["map"], "num_cpus": o["num_threads"], "keep_runs_results": False}
            del options["normalize_output"]
            options["improved_sampling"] = False
            observe = _Observer(reader, deadline=np.inf, values=None)
        else:
            observe = _Observer(reader, deadline=deadline, values=collected)
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        result = ExactResult(None, {**o, "store_states": False}, solver=self.name, stats=stats, model=self.model)
        result.stats = stats
        try:
            with warnings.catch_warnings():
                # QuTiP's own ODE classes announce convergence trouble as UserWarnings before they raise
                warnings.filterwarnings("ignore", message="vern", category=UserWarning)
                raw = self._qutip_run(method, H, c_ops, state, times, [observe, *user.values()], options, o)
        except (_OutOfTime, KeyboardInterrupt, qutip.solver.integrator.IntegratorException) as error:
            self._stopped(error, result, reader, collected, times, begin)
        stats["run time"] = clock.perf_counter() - begin
        values = np.array(raw.e_data[0] if method != "mcsolve" else raw.average_e_data[0])
        result.times = times
        result._fill(reader, values)
        result.states = list(raw.states) if store and method != "mcsolve" else (list(raw.average_states or []) if store else [])
        if o["store_final_state"]:
            result._final_state = raw.final_state if method != "mcsolve" else raw.average_final_state
        data = raw.e_data if method != "mcsolve" else raw.average_e_data
        for k, key in enumerate(user):
            result.e_data[key] = list(data[k + 1])
            result.e_ops[key] = user[key]
        if method == "mcsolve":
            spread = np.array(raw.std_e_data[0])[:, : reader.n]
            stats["trajectories"] = int(raw.num_trajectories)
            stats["standard error"] = float(np.abs(spread).max() / np.sqrt(max(raw.num_trajectories, 1)))
            stats.setdefault("neglected", []).append(
                f"sampling error of {raw.num_trajectories} trajectories "
                f"(largest standard error of ⟨b⟩: {stats['standard error']:.2g})"
            )
        norm = np.nansum(result.populations, axis=2)
        stats["drift"] = {"trace": float(np.abs(norm - 1).max())}
        stats["cutoff population"] = warn_cutoff(result.populations, self.levels, times)
        if o["checkpoint"]:
            result.save(o["checkpoint"])
        return result

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
            H, state, times, c_ops, e_ops=e_ops, ntraj=o["ntraj"], seeds=o["seeds"], timeout=timeout, options=options
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
        from ..core.errors import SolverError, StepLimitError, TimeLimitError

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
        if isinstance(error, _OutOfTime):
            raise TimeLimitError(
                f"exactsolve stopped at t={reached:g} of {times[-1]:g}: time limit; raise options['time_limit']; {kept}",
                time=reached, reason="time limit", result=result,
            ) from None  # fmt: skip
        kind = StepLimitError if "nsteps" in str(error) or "steps" in str(error) else SolverError
        raise kind(
            f"exactsolve stopped at t={reached:g} of {times[-1]:g}: {error}; raise options['nsteps'] or choose another "
            f"options['integrator']; {kept}",
            time=reached, reason="step limit" if kind is StepLimitError else "integrator", result=result,
        ) from error  # fmt: skip


class _OutOfTime(Exception):
    pass


class _Observer:
    """Reads the moments at every output, keeps them, and stops the run at the deadline."""

    def __init__(self, reader: MomentReader, *, deadline: float, values: list[np.ndarray] | None):
        self.reader = reader
        self.deadline = deadline
        self.values = values

    def __call__(self, t: float, state: Any) -> np.ndarray:
        value = self.reader(t, state)
        if self.values is not None:
            self.values.append(value)
        if clock.perf_counter() > self.deadline:
            raise _OutOfTime
        return value


def _user_operators(e_ops: Any, levels: tuple[int, ...]) -> dict[Any, Any]:
    if e_ops is None:
        return {}
    if isinstance(e_ops, dict):
        table = dict(e_ops)
    elif isinstance(e_ops, (list, tuple)):
        table = dict(enumerate(e_ops))
    else:
        table = {0: e_ops}
    return {key: op.qutip(levels) if isinstance(op, Expression) else op for key, op in table.items()}


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
        ``method``: ``"auto"`` (default), ``"sesolve"``, ``"mesolve"`` or ``"mcsolve"``; ``integrator``: QuTiP's integration
        method (``"vern7"``); ``atol`` (1e-11), ``rtol`` (1e-9), ``nsteps``, ``max_step``, ``progress_bar``, ``progress_kwargs``,
        ``store_states`` (default: while no `e_ops` are given and they fit into 256 MiB), ``store_final_state``,
        ``time_limit``, ``checkpoint``; for mcsolve ``ntraj`` (500), ``seeds``, ``map``, ``num_threads``.

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
