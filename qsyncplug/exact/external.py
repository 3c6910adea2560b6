"""Exact runs by QuTiP's own solvers, watched while they go along."""

from __future__ import annotations

import time as clock
import warnings
from typing import Any

import numpy as np
import qutip

from ..core.checks import check_memory
from .observe import Expectation, Observer, OutOfTime

__all__ = ["QutipRun", "check_seeds", "liouvillian_bytes"]

#: bytes of one seed
_OF_A_SEED = 500.0


def check_seeds(ntraj: int) -> None:
    """Refuse more trajectories than seeds fit: QuTiP makes all of them before the first run."""
    check_memory(
        "the seeds of QuTiP's mcsolve",
        _OF_A_SEED * ntraj,
        advice="ask for fewer trajectories, or options={'method': 'trajectories'}",
    )


def liouvillian_bytes(H: Any, c_ops: list[Any]) -> float:
    """Memory of a sparse superoperator while it is summed, and of an integrator's vectors."""

    def nnz(op: Any) -> float:
        parts = (
            [op]
            if isinstance(op, qutip.Qobj)
            else [p[0] if isinstance(p, list) else p for p in op.to_list()]
        )
        return float(
            sum(p.to("CSR").data.as_scipy().nnz for p in parts if isinstance(p, qutip.Qobj))
        )

    d = float(H.shape[0])
    entries = 2 * d * nnz(H) + sum(nnz(c) ** 2 + 2 * d * nnz(c) for c in c_ops)
    # values and indices, and as much again while it is summed
    return 2 * 20 * entries + 24 * 16 * d**2


def _largest_rate(c_ops: list[Any], times: np.ndarray) -> float:
    """Σ‖L‖² where it is largest in a run, by the largest row sums of L†L."""

    def size(c: qutip.Qobj) -> float:
        return float(abs((c.dag() * c).to("CSR").data_as("csr_matrix")).sum(axis=1).max())

    moving = [c for c in c_ops if isinstance(c, qutip.QobjEvo)]
    total = sum(size(c) for c in c_ops if isinstance(c, qutip.Qobj))
    looks = np.linspace(times[0], times[-1], 33)
    total += max(sum(size(c(float(t))) for c in moving) for t in looks) if moving else 0.0
    return total if total > 0 else 1.0


class QutipRun:
    """One run of sesolve, mesolve or mcsolve.

    Parameters
    ----------
    method : {"sesolve", "mesolve", "mcsolve"}
    options : dict
        Of the solver.
    reader : object
        ``reader(t, state)`` gives the moments.
    user : dict
        The user's operators and functions.
    store : bool
        Whether states are kept.
    """

    def __init__(
        self,
        method: str,
        options: dict[str, Any],
        reader: Any,
        user: dict[Any, Any],
        *,
        store: bool,
    ):
        self.method, self.options, self.reader, self.user = method, options, reader, user
        self.store = store
        self.collected: list[np.ndarray] = []
        self.kept: list[Any] = []
        self.raw: Any = None
        wrapped = [
            Expectation(op) if isinstance(op, (qutip.Qobj, qutip.QobjEvo)) else op
            for op in user.values()
        ]
        self.observe = Observer(reader, wrapped)

    def _solver_options(self) -> dict[str, Any]:
        o = self.options
        out: dict[str, Any] = {
            "method": o["integrator"],
            "store_states": self.store,
            "store_final_state": bool(o["store_final_state"]),
            "progress_bar": o["progress_bar"],
            "progress_kwargs": o["progress_kwargs"],
            "normalize_output": self.method == "sesolve",
        }
        known = qutip.SESolver.avail_integrators()[o["integrator"]].integrator_options
        for key in ("atol", "rtol", "nsteps", "max_step"):
            if key in known and o[key] != np.inf:
                out[key] = o[key]
        if self.method == "mcsolve":
            out |= {"map": o["map"], "num_cpus": o["num_threads"], "keep_runs_results": False}
            del out["normalize_output"]
            out["improved_sampling"] = False
        return out

    def go(self, H: Any, c_ops: list[Any], state: qutip.Qobj, times: np.ndarray) -> None:
        """Run; afterwards ``raw`` is QuTiP's result.

        Raises
        ------
        OutOfTime, KeyboardInterrupt, qutip.solver.integrator.IntegratorException
            With what was collected still here.
        """
        o = self.options
        options = self._solver_options()
        if self.method != "mcsolve":
            deadline = clock.perf_counter() + o["time_limit"]
            kept = self.kept if self.store else None
            self.observe = Observer(
                self.reader, self.observe.functions, deadline, len(times), self.collected, kept
            )
        e_ops = [self.observe, *map(self.observe.value_of, range(len(self.user)))]
        with warnings.catch_warnings():
            # QuTiP's own ODE classes announce convergence trouble as UserWarnings before they raise
            warnings.filterwarnings("ignore", message="vern", category=UserWarning)
            if self.method == "sesolve":
                self.raw = qutip.sesolve(H, state, times, e_ops=e_ops, options=options)
            elif self.method == "mesolve":
                # without jump operators mesolve would hand a ket over to sesolve
                state = qutip.ket2dm(state) if state.isket else state
                self.raw = qutip.mesolve(H, state, times, c_ops, e_ops=e_ops, options=options)
            else:
                self.raw = self._trajectories(H, c_ops, state, times, e_ops, options)

    def _trajectories(
        self,
        H: Any,
        c_ops: list[Any],
        state: qutip.Qobj,
        times: np.ndarray,
        e_ops: Any,
        options: Any,
    ) -> Any:
        o = self.options
        # QuTiP's tolerances for the moment of a jump are absolute times: here they follow the rates
        unit = 1.0 / _largest_rate(c_ops, times)
        options |= {"norm_t_tol": 1e-6 * unit, "norm_tol": 1e-5}
        return qutip.mcsolve(
            H,
            state,
            times,
            c_ops,
            e_ops=e_ops,
            ntraj=o["ntraj"],
            seeds=o["seed"],
            timeout=None if o["time_limit"] == np.inf else o["time_limit"],
            options=options,
        )

    def culprit(self, error: BaseException) -> str:
        """Whose error it is that came out of QuTiP: it calls coefficients and functions alike."""
        if self.observe.failed is error:
            return "a function of e_ops"
        # an error of another process is a copy
        apart = self.method == "mcsolve" and self.options["map"] != "serial"
        return "a function of e_ops or a coefficient" if apart and self.user else "a coefficient"

    def fill(self, result: Any, times: np.ndarray) -> None:
        """Put everything of a finished run into a result."""
        raw, sampled = self.raw, self.method == "mcsolve"
        data = raw.average_e_data if sampled else raw.e_data
        result.times = times
        result._fill(self.reader, np.array(data[0]))
        if self.store:
            result.states = list((raw.average_states if sampled else raw.states) or [])
        if self.options["store_final_state"]:
            result._final_state = raw.average_final_state if sampled else raw.final_state
        for k, (key, op) in enumerate(self.user.items()):
            result.e_data[key] = list(data[k + 1])
            result.e_ops[key] = op
        if sampled:
            self._sampling_error(result)

    def _sampling_error(self, result: Any) -> None:
        raw, stats = self.raw, result.stats
        spread = np.array(raw.std_e_data[0])[:, : self.reader.quoted]
        count, asked = int(raw.num_trajectories), self.options["ntraj"]
        stats["trajectories"] = count
        if count < asked:
            stats["stopped"] = f"time limit, after {count} of {asked} trajectories"
        stats["standard error"] = float(np.abs(spread).max() / np.sqrt(max(count, 1)))
        what = getattr(self.reader, "what", "⟨b⟩")
        stats.setdefault("neglected", []).append(
            f"sampling error of {count} trajectories "
            f"(largest standard error of {what}: {stats['standard error']:.2g})"
        )

    def fill_partial(self, result: Any, times: np.ndarray) -> None:
        """What a run that stopped had collected."""
        count = len(self.collected)
        result.times = times[:count]
        if count:
            result._fill(self.reader, np.array(self.collected))
        result.states = self.kept
        for k, (key, op) in enumerate(self.user.items()):
            result.e_data[key], result.e_ops[key] = [v[k] for v in self.observe.users], op


#: what a QuTiP run may raise when it must stop
STOPS = (OutOfTime, KeyboardInterrupt, qutip.solver.integrator.IntegratorException)
