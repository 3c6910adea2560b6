"""Quantum trajectories on the compiled generator: kets, jumps located in time, error bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from .._ext.jumps import Unravelling
from ..core.checks import check_memory
from ..core.sampling import Batches, SampledProblem
from .choice import Task
from .liouvillian import Liouvillian
from .result import ExactResult, JumpResult

__all__ = ["JumpProblem", "JumpStepper"]

#: populations of an initial density matrix that are too small to be drawn
_NOTHING = 1e-13


def _mixture(state: qutip.Qobj) -> tuple[np.ndarray, np.ndarray]:
    """Kets (m, d) and the sums of their probabilities."""
    if state.isket:
        return state.full().T, np.ones(1)
    values, vectors = np.linalg.eigh(state.full())
    keep = values > _NOTHING
    weights = values[keep] / values[keep].sum()
    return np.ascontiguousarray(vectors[:, keep].T), np.cumsum(weights)


class JumpStepper(Batches):
    """Trajectories of a constant system, batch by batch.

    Parameters
    ----------
    task : Task
    options : dict
        Of the solver.
    seed : int
    states : int
        1: density matrices at every time; 0: at the last; −1: none.
    """

    def __init__(self, task: Task, options: dict[str, Any], seed: int, states: int):
        kets, weights = _mixture(task.state)
        first = kets[-1]
        H = task.H.to("CSR").data_as("csr_matrix")
        # a ket turns its phase by the energy it begins with: nothing depends on that
        energy = float(np.vdot(first, H @ first).real)
        L = Liouvillian(task.H, task.c_ops, energy=energy)
        elements = L.ket()
        self.phase, self.dims = L.phase, L.dims
        self.linear = task.linear
        table = task.table
        if self.linear:
            own = [op.to("CSR").data_as("csr_matrix") for op in self.linear]
            table = table.joined(type(table).of(own))
        self.count = len(table.start)
        turned = table.data * self.phase[table.row].conj() * self.phase[table.column]
        edges = np.append(table.start, len(table.data)).astype(np.intp)
        width, height = L.extent
        self.times = task.times
        kernel = Unravelling(
            elements.kernel,
            self._jumps(task.c_ops),
            np.stack([elements.pack(ket) for ket in kets]),
            weights,
            (edges, table.row.astype(np.intp), table.column.astype(np.intp), turned),
            task.times,
            -0.5 * _rate(task.c_ops, first),
            4.0 / max(width + height, 1e-300),
            max(1e-13, min(1e-2 * options["rtol"], float(np.min(options["atol"])))),
            options["nsteps"],
            seed,
            states,
        )
        shape = (kernel.width + 2 * kernel.held * L.dimension**2,)
        super().__init__(
            kernel, options["ntraj"], options["num_threads"], shape, float(task.times[0])
        )

    def _jumps(self, c_ops: list[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        turn = sp.diags(self.phase)
        start, column, value = [], [], []
        at = 0
        for c in c_ops:
            matrix = sp.csr_matrix(turn.conj() @ c.to("CSR").data_as("csr_matrix") @ turn)
            start.append(at + matrix.indptr)
            column.append(matrix.indices)
            value.append(matrix.data)
            at += matrix.nnz
        return (
            np.concatenate(start).astype(np.intp),
            np.concatenate([*column, [0]]).astype(np.intp),
            np.concatenate([*value, [0j]]).astype(complex),
        )

    def allocate(self) -> None:
        """Allocate the sums over samples."""
        kernel = self.kernel
        check_memory(
            f"the sums of {self.ntraj} trajectories",
            8.0 * (self.shape[0] + 2 * kernel.width) * (2 + 2 * self.threads),  # type: ignore[attr-defined]
            advice="ask for fewer times, or no states",
        )
        squares = np.zeros(kernel.width)  # type: ignore[attr-defined]
        self._total = (np.zeros(self.shape), squares, 0, 0, 0)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of the functionals (T, F) and their standard errors: those of the real parts, and
        of the imaginary ones as imaginary parts.
        """
        n, shape = self.drawn, (len(self.times), self.count)
        mean = self.sums[: len(self.squares)] / n
        variance = np.maximum(self.squares / n - mean**2, 0.0)
        error = np.sqrt(variance / max(n - 1, 1))
        return mean.view(complex).reshape(shape), error.view(complex).reshape(shape)

    def states(self) -> list[qutip.Qobj]:
        """The mean density matrices that were summed."""
        d = len(self.phase)
        sums = self.sums[len(self.squares) :].view(complex).reshape(-1, d, d) / self.drawn
        turn = np.multiply.outer(self.phase, self.phase.conj())
        dims = [self.dims, self.dims]
        return [qutip.Qobj(m * turn, dims=dims, isherm=True, copy=False) for m in sums]


def _rate(c_ops: list[Any], ket: np.ndarray) -> float:
    """Rate of jumps in a state."""
    jumps = (c.to("CSR").data_as("csr_matrix") @ ket for c in c_ops)
    return float(sum(np.vdot(y, y).real for y in jumps))


class JumpProblem(SampledProblem):
    """A run of trajectories.

    Parameters
    ----------
    task : Task
    stepper : JumpStepper
    result : ExactResult
    store : bool
        Whether the mean states at all times are kept.
    inspect : callable
        ``inspect(result, times)``: monitors and warnings of what there is.
    """

    stepper: JumpStepper
    result: ExactResult

    def __init__(
        self,
        task: Task,
        stepper: JumpStepper,
        result: ExactResult,
        *,
        store: bool,
        inspect: Callable[[ExactResult, np.ndarray], None],
    ):
        super().__init__(task.times, stepper, result)
        self.task, self.store, self._inspect = task, store, inspect

    def fill(self, count: int) -> None:
        """Means, errors, states, and the jumps."""
        result, stepper, reader = self.result, self.stepper, self.task.reader
        values, errors = stepper.moments()
        width = values.shape[1] - len(stepper.linear)
        result._fill(reader, np.ascontiguousarray(values[:, :width]))
        if isinstance(result, JumpResult):
            result._fill_errors(reader, np.ascontiguousarray(errors[:, :width]))
        stats = result.stats
        of_user: dict[str, np.ndarray] = {}
        for k, (key, op) in enumerate(self.task.user.items()):
            column, error = values[:, width + k], errors[:, width + k]
            result.e_data[key] = list(column.real if op.isherm else column)
            result.e_ops[key] = op
            of_user[str(key)] = np.abs(error)
        states = stepper.states()
        if states:
            result._final_state = states[-1]
        if self.store:
            result.states = states
        self._say(count, errors, of_user)
        record = stepper.kernel.record  # type: ignore[attr-defined]
        if len(record) >= count:
            jumps = [record[k] for k in range(count)]
            stats["jumps"] = sum(len(times) for times, _ in jumps) / count
            if isinstance(result, JumpResult):
                result.jumps = jumps

    def _say(self, count: int, errors: np.ndarray, of_user: dict[str, np.ndarray]) -> None:
        stats = self.result.stats
        what = getattr(self.task.reader, "what", "⟨b⟩")
        largest = float(np.abs(errors[:, : self.task.reader.n]).max())
        stats["trajectories"], stats["standard error"] = count, largest
        if of_user:
            stats["errors of e_ops"] = of_user
        stats.setdefault("neglected", []).append(
            f"sampling error of {count} trajectories "
            f"(largest standard error of {what}: {largest:.2g})"
        )

    def finish(self) -> None:
        """Monitors and warnings."""
        if len(self.result.times):
            self._inspect(self.result, self.result.times)
