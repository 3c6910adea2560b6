"""Quantum trajectories on the compiled generator: kets, jumps located in time, error bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import qutip
import scipy.sparse as sp

from .._ext.jumps import Unravelling
from ..core.checks import check_memory
from ..core.sampling import Batches, SampledProblem, SampleKernel
from .choice import Task
from .liouvillian import Liouvillian
from .result import ExactResult, JumpResult

__all__ = ["JumpProblem", "JumpStepper"]

#: populations of an initial density matrix that are too small to be drawn
_NOTHING = 1e-13
#: what has not been seen in n trajectories may have the probability 3/n (with 95 %): half of it as
#: a standard error
_UNSEEN = 1.5
#: jumps of one operator, in all trajectories, from which on their spread says enough
_FEW = 8
_OF_JUMPS = ("counts", "times", "channels")


def _mixture(state: qutip.Qobj) -> tuple[np.ndarray, np.ndarray]:
    """Kets (m, d) and the sums of their probabilities."""
    if state.isket:
        return state.full().T, np.ones(1)
    values, vectors = np.linalg.eigh(state.full())
    keep = values > _NOTHING
    weights = values[keep] / values[keep].sum()
    return np.ascontiguousarray(vectors[:, keep].T), np.cumsum(weights)


class JumpKernel(SampleKernel, Protocol):
    """A kernel whose samples are trajectories.

    Attributes
    ----------
    width : int
        Numbers that it sums, without density matrices.
    held : int
        Density matrices that it sums.
    record : dict
        When each trajectory jumped, and by which operator.
    """

    width: int
    held: int
    record: dict[int, tuple[np.ndarray, np.ndarray]]

    def put(self, number: int, times: np.ndarray, channels: np.ndarray) -> None:
        """Keep the jumps of a trajectory."""
        ...


class JumpStepper(Batches):
    """Trajectories, batch by batch.

    Parameters
    ----------
    task : Task
    options : dict
        Of the solver.
    seed : int
    states : int
        1: density matrices at every time; 0: at the last; −1: none.
    """

    kernel: JumpKernel

    def __init__(self, task: Task, options: dict[str, Any], seed: int, states: int):
        kets, weights = _mixture(task.state)
        first, moving = kets[-1], task.moving_jumps
        if moving is None:
            H = task.H.to("CSR").data_as("csr_matrix")
            # a ket turns its phase by the energy it begins with: nothing depends on that
            energy = float(np.vdot(first, H @ first).real)
            L = Liouvillian(task.H, task.c_ops, energy=energy, shifts=True)
            elements = L.ket()
        else:
            L, elements = moving.constant.owner, moving.constant
        #: by what the rates of the jumps are multiplied, (T, channels)
        self.rates = 1.0 if moving is None else moving.rates_at(task.times)
        self.phase, self.dims = L.phase, L.dims
        self.linear = task.linear
        table = task.table
        if self.linear:
            own = [op.to("CSR").data_as("csr_matrix") for op in self.linear]
            table = table.joined(type(table).of(own))
        #: largest effect of each functional, and whether it has an imaginary part
        self.reach, self.turned = _norms(table, L.dimension), _imaginary(table)
        jumps = _matrices(L, task)
        table = table.joined(type(table).of([c.conj().T @ c for c in jumps]))
        self.channels, self.drawn_at_start = len(jumps), len(kets) > 1
        self.count = len(table.start)
        turned = table.data * self.phase[table.row].conj() * self.phase[table.column]
        edges = np.append(table.start, len(table.data)).astype(np.intp)
        width, height = L.extent
        self.times = task.times
        kernel = Unravelling(
            elements.kernel,
            self._jumps(jumps),
            np.stack([elements.pack(ket) for ket in kets]),
            weights,
            (edges, table.row.astype(np.intp), table.column.astype(np.intp), turned),
            task.times,
            -0.5 * _rate(jumps, first) * float(np.mean(self.rates)),
            4.0 / max(width + height, 1e-300),
            max(1e-13, min(1e-2 * options["rtol"], float(np.min(options["atol"])))),
            options["nsteps"],
            seed,
            states,
            None if moving is None else moving.of_kernel,
        )
        shape = (kernel.width + 2 * kernel.held * L.dimension**2,)
        super().__init__(
            kernel, options["ntraj"], options["num_threads"], shape, float(task.times[0])
        )

    def _jumps(self, jumps: list[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        turn = sp.diags(self.phase)
        start, column, value = [], [], []
        at = 0
        for c in jumps:
            matrix = sp.csr_matrix(turn.conj() @ c @ turn)
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
            8.0 * (self.shape[0] + 2 * kernel.width) * (2 + 2 * self.threads),
            advice="ask for fewer times, or no states",
        )
        squares = np.zeros(kernel.width)
        self._total = (np.zeros(self.shape), squares, 0, 0, 0)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of the functionals (T, F) and their standard errors: those of the real parts, and
        of the imaginary ones as imaginary parts.
        """
        n, shape = self.drawn, (len(self.times), self.count)
        mean = self.sums[: len(self.squares)] / n
        variance = np.maximum(self.squares / n - mean**2, 0.0)
        # rounding of the sums is no spread
        variance[variance < 1e-15 * mean**2] = 0.0
        error = np.sqrt(variance / max(n - 1, 1))
        values, errors = mean.view(complex).reshape(shape), error.view(complex).reshape(shape)
        rates = self.rates * values[:, self.count - self.channels :].real
        expected = _integral(self.times, rates)
        keep = slice(0, self.count - self.channels)
        return values[:, keep], self._rare(errors[:, keep], expected)

    def _rare(self, errors: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Standard errors, with what jumps may do that hardly a trajectory has shown.

        The expected number of jumps of an operator in one trajectory, the mean of its rate
        integrated, (T, channels), is known well where none has happened.
        """
        n = self.drawn
        few = np.where(n * expected < _FEW, np.minimum(expected, _UNSEEN / n), 0.0).sum(axis=1)
        self.unseen = np.full(len(few), _UNSEEN / n)
        if not self.drawn_at_start:
            self.unseen = np.minimum(self.unseen, expected.sum(axis=1))
        real, imaginary = errors.real, errors.imag
        more = few[:, None] * self.reach
        return np.asarray(np.hypot(real, more) + 1j * np.hypot(imaginary, more * self.turned))

    @property
    def record(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """When each trajectory jumped, and by which operator."""
        return self.kernel.record

    def snapshot(self) -> dict[str, Any]:
        """See :class:`Samples`; with the jumps, while all of them are kept."""
        saved = super().snapshot()
        known = [self.record.get(k) for k in range(saved["counts"][-1])]
        if all(jumps is not None for jumps in known):
            jumps = [j for j in known if j is not None]
            saved["jumps"] = {
                "counts": np.array([len(when) for when, _ in jumps], dtype=float),
                "times": np.concatenate([np.zeros(0), *(when for when, _ in jumps)]),
                "channels": np.concatenate([np.zeros(0), *(c.astype(float) for _, c in jumps)]),
            }
        return saved

    def restore(self, saved: dict[str, Any]) -> None:
        super().restore(saved)
        if "jumps" not in saved:
            return
        counts, times, channels = (np.asarray(saved["jumps"][k]) for k in _OF_JUMPS)
        edges = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        if len(counts) != self.drawn or not edges[-1] == len(times) == len(channels):
            raise ValueError("the snapshot is damaged: its jumps are not those of its trajectories")
        for k in range(len(counts)):
            here = slice(edges[k], edges[k + 1])
            mine = times[here].copy(), channels[here].astype(np.intp)
            self.kernel.put(k, *mine)

    def states(self) -> list[qutip.Qobj]:
        """The mean density matrices that were summed."""
        d = len(self.phase)
        if len(self.sums) == len(self.squares):
            return []
        sums = self.sums[len(self.squares) :].view(complex).reshape(-1, d, d) / self.drawn
        turn = np.multiply.outer(self.phase, self.phase.conj())
        dims = [self.dims, self.dims]
        return [qutip.Qobj(m * turn, dims=dims, isherm=True, copy=False) for m in sums]


def _norms(table: Any, d: int) -> np.ndarray:
    """Bounds of the norms of the matrices of a table: √(largest row sum × largest column sum)."""
    out = np.empty(len(table.start))
    edges = np.append(table.start, len(table.data))
    size = np.abs(table.data)
    for k in range(len(out)):
        here = slice(edges[k], edges[k + 1])
        rows = np.bincount(table.row[here], weights=size[here], minlength=d).max()
        columns = np.bincount(table.column[here], weights=size[here], minlength=d).max()
        out[k] = np.sqrt(rows * columns)
    return out


def _imaginary(table: Any) -> np.ndarray:
    """Which of the matrices are not diagonal and real."""
    other = (table.row != table.column) | (table.data.imag != 0)
    return np.add.reduceat(other, table.start) > 0


def _integral(times: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """∫rates dt from the start, (T, channels), by trapezia."""
    steps = 0.5 * (rates[1:] + rates[:-1]) * np.diff(times)[:, None]
    return np.concatenate([np.zeros((1, rates.shape[1])), np.cumsum(np.maximum(steps, 0), axis=0)])


def _rate(jumps: list[Any], ket: np.ndarray) -> float:
    """Rate of jumps in a state."""
    return float(sum(np.vdot(y, y).real for y in (c @ ket for c in jumps)))


def _matrices(L: Liouvillian, task: Task) -> list[Any]:
    """The jump operators as CSR matrices, without what depends on time."""
    if task.moving_jumps is None:
        return [c.to("CSR").data_as("csr_matrix") for c in task.c_ops]
    assert task.liouvillian is not None
    parts = task.liouvillian.jump_parts
    return [sp.csr_matrix(sum(m for _, m in jump)) for jump in parts]


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
            result._fill_errors(reader, np.ascontiguousarray(errors[:, :width]), stepper.unseen)
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
        record = stepper.record
        if len(record) >= count:
            jumps = [record[k] for k in range(count)]
            stats["jumps"] = sum(len(times) for times, _ in jumps) / count
            if isinstance(result, JumpResult):
                result.jumps = jumps

    def _say(self, count: int, errors: np.ndarray, of_user: dict[str, np.ndarray]) -> None:
        stats = self.result.stats
        what = getattr(self.task.reader, "what", "⟨b⟩")
        largest = float(np.abs(errors[:, : self.task.reader.quoted]).max())
        stats["trajectories"], stats["standard error"] = count, largest
        if of_user:
            stats["errors of e_ops"] = of_user
        stats.setdefault("neglected", []).append(
            f"sampling error of {count} trajectories "
            f"(largest standard error of {what}: {largest:.2g})"
        )

    def finish(self) -> None:
        if len(self.result.times):
            self._inspect(self.result, self.result.times)
