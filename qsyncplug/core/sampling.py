"""Runs of independent samples by the one drive: batches in place of output times."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, overload

import numpy as np

from .failure import Failure
from .limits import deadline
from .result import Result
from .status import Status
from .stepper import Problem, Stepper

__all__ = [
    "MOST_SAMPLES",
    "Batches",
    "Pieces",
    "SampleKernel",
    "SampledProblem",
    "Samples",
    "fresh_seed",
]

#: nobody waits for more; their numbers are exact as floats
MOST_SAMPLES = 10**15
_BATCHES = 64
#: samples that a kernel takes side by side
_LANES = 8

#: sums, squares, steps, rejected steps, samples in the sums, why they are not all
Batch = tuple[np.ndarray, np.ndarray, int, int, int, BaseException | None]


class SampleKernel(Protocol):
    """A compiled kernel that draws samples; runs of it may overlap in threads.

    Attributes
    ----------
    cancelled : bool
        Runs in other threads end soon after it is set.
    """

    cancelled: bool

    def run(self, first: int, count: int, deadline: float) -> Batch:
        """Draw the samples from `first` on, until ``time.perf_counter()`` passes `deadline`."""
        ...


def fresh_seed() -> int:
    """Return a seed that nobody chose."""
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])


class Samples(Stepper):
    """Base of what draws samples, batch by batch; one batch is one output of the drive.

    Attributes
    ----------
    ntraj : int
        Samples wanted.
    chunks : sequence of (int, int)
        First sample and number of samples of every batch.
    drawn : int
        Samples in the averages so far.
    """

    row_size = 0
    ntraj: int
    chunks: Sequence[tuple[int, int]]

    @property
    @abstractmethod
    def drawn(self) -> int:
        """Samples in the averages so far."""

    def allocate(self) -> None:
        """Allocate the sums over samples."""

    def close(self) -> None:
        """End the threads that still draw, at the end of the run however it came."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """The sums over the batches that are done; nothing in it changes later."""


@dataclass(frozen=True)
class Pieces(Sequence[tuple[int, int]]):
    """First sample and number of samples of every piece; counted, not kept: there may be millions.

    Attributes
    ----------
    ntraj, size : int
        Samples in all, and in a piece; the last one may be shorter.

    Examples
    --------
    >>> list(Pieces(5, 2))
    [(0, 2), (2, 2), (4, 1)]
    """

    ntraj: int
    size: int

    def __len__(self) -> int:
        return -(-self.ntraj // self.size)

    @overload
    def __getitem__(self, index: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[int, int]]: ...
    def __getitem__(self, index: Any) -> Any:
        starts = range(0, self.ntraj, self.size)[index]
        if isinstance(index, slice):
            return [self._piece(start) for start in starts]
        return self._piece(starts)

    def _piece(self, start: int) -> tuple[int, int]:
        return start, min(self.size, self.ntraj - start)


class Batches(Samples):
    """Sums over samples, batch by batch.

    The batches are the same whatever the number of threads, and are added in their order: the sums
    are the same to the last bit.

    Parameters
    ----------
    kernel : SampleKernel
    ntraj : int
        Number of samples.
    threads : int
    shape : tuple of int
        Of the sums.
    t0 : float
        Time that the samples start at, for messages.
    """

    def __init__(
        self, kernel: SampleKernel, ntraj: int, threads: int, shape: tuple[int, ...], t0: float
    ):
        self.kernel, self.ntraj, self.t = kernel, ntraj, t0
        size = -(-ntraj // (_BATCHES * _LANES)) * _LANES
        self.chunks = Pieces(ntraj, size)
        self.threads = min(threads, len(self.chunks))
        self.shape = shape
        self._done = 0
        self._batches: Generator[Batch, None, None] | None = None

    def allocate(self) -> None:
        """Allocate the sums over samples."""
        self._total = (np.zeros(self.shape), np.zeros(self.shape), 0, 0, 0)

    @property
    def sums(self) -> np.ndarray:
        """Sums of the observables over the samples drawn."""
        return self._total[0]

    @property
    def squares(self) -> np.ndarray:
        """Sums of the squares of the observables over the samples drawn, for standard errors."""
        return self._total[1]

    @property
    def drawn(self) -> int:
        return self._total[4]

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """Add one batch for each of `times`."""
        if self._batches is None:
            self._batches = _in_order(self.kernel, self.chunks[self._done :], self.threads)
        for _ in times:
            *more, error = next(self._batches)
            # in one assignment: an interrupt finds all of a batch in the total, or none of it
            self._total = _add(self._total, tuple(more))
            self.accepted, self.rejected = self._total[2:4]
            if error is not None:
                return self._stop(error)
            self._done += 1
            self.delivered += 1
        return Status.RUNNING

    def snapshot(self) -> dict[str, Any]:
        sums, squares, *counts = self._total
        return {"sums": sums, "squares": squares, "counts": list(counts), "batches": self._done}

    def restore(self, saved: dict[str, Any]) -> None:
        sums, squares = np.asarray(saved["sums"]), np.asarray(saved["squares"])
        steps, rejected, drawn = map(int, saved["counts"])
        done = int(saved["batches"])
        if sums.shape != self.sums.shape or squares.shape != self.squares.shape:
            raise ValueError("the snapshot is of another problem: its sums have another shape")
        if not 0 <= done <= len(self.chunks) or drawn != sum(c for _, c in self.chunks[:done]):
            raise ValueError("the snapshot is damaged")
        self._done = done
        self._total = (sums, squares, steps, rejected, drawn)
        self.accepted, self.rejected = steps, rejected

    def close(self) -> None:
        """End what still runs in threads."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def _stop(self, error: BaseException) -> Status:
        self.cause = error
        if isinstance(error, KeyboardInterrupt):
            return Status.INTERRUPTED
        if isinstance(error, TimeoutError):
            self.cause = None
            return Status.TIME_LIMIT
        if isinstance(error, OverflowError):
            return Status.STEP_LIMIT
        raise error


class SampledProblem(Problem, ABC):
    """A run of samples; its outputs exist once it is over. Subclasses write :meth:`fill`.

    Parameters
    ----------
    output_times : ndarray of shape (T,)
    stepper : Samples
    result : Result
    """

    whole: ClassVar[bool] = True
    stepper: Any

    def __init__(self, output_times: np.ndarray, stepper: Samples, result: Result):
        super().__init__(np.arange(float(len(stepper.chunks))), stepper, result)
        self.output_times = output_times
        self.chosen = {"seed": result.stats["seed"]}

    def allocate(self) -> None:
        """Make the sums; subclasses check their memory first."""
        self.stepper.allocate()

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Nothing: the sums are the stepper's."""

    def trim(self, done: int) -> None:
        """Make the outputs of the samples that were drawn; at least two, for standard errors."""
        self.stepper.close()
        self._average()

    def _average(self) -> None:
        self.result.stats["ntraj"] = self.stepper.drawn
        if self.stepper.drawn >= 2:
            self.result.times = self.output_times
            self.fill(self.stepper.drawn)
        else:
            self.result.times = self.output_times[:0]

    def so_far(self, done: int) -> Result:
        """What the samples drawn so far say; see :meth:`Problem.so_far`."""
        whole = self.result
        partial = copy.copy(whole)
        partial.stats = copy.deepcopy(whole.stats)
        partial.e_data, partial.e_ops = dict(whole.e_data), dict(whole.e_ops)
        self.result = partial
        try:
            self._average()
            partial._complete()
        finally:
            self.result = whole
        # functions of e_ops see the averages at the end of the run
        partial.e_data = {
            key: values
            for key, values in partial.e_data.items()
            if len(values) == len(partial.times)
        }
        return partial

    def adopt(self, partial: Result, done: int) -> None:
        """Nothing: the sums are the stepper's, and outputs are made of them at the end."""

    @abstractmethod
    def fill(self, count: int) -> None:
        """Turn the sums over `count` samples into the arrays of the result."""

    def reached(self, failure: Failure) -> str:
        """How far the run came, in samples: its times are all done or none is."""
        return f"after {self.stepper.drawn} of {self.stepper.ntraj} samples"

    def kept(self) -> str:
        """What there is of the result."""
        return f"error.result holds what the {self.stepper.drawn} finished samples say"


def _in_order(
    kernel: SampleKernel, chunks: Sequence[tuple[int, int]], threads: int
) -> Generator[Batch, None, None]:
    """What the kernel returns for the chunks, in their order."""
    until = deadline()
    if threads == 1:
        for first, count in chunks:
            yield kernel.run(first, count, until)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for first, count in chunks:
                waiting.append(pool.submit(kernel.run, first, count, until))
                # no more sums in memory than threads can fill
                if len(waiting) > threads:
                    yield _result(waiting)
            while waiting:
                yield _result(waiting)
        except KeyboardInterrupt as error:
            kernel.cancelled = True
            yield _rest(waiting, error)
        finally:
            kernel.cancelled = True
            for future in waiting:
                future.cancel()


def _result(waiting: deque[Future[Batch]]) -> Batch:
    """The batch of the first thread; waited for in short pieces, so that Ctrl-C is heard."""
    while not waiting[0].done():
        wait([waiting[0]], timeout=0.05)
    return waiting.popleft().result()


def _rest(waiting: deque[Future[Batch]], error: BaseException) -> Batch:
    """What the threads have when they are told to stop."""
    batches = [f.result() for f in waiting if not f.cancel()]
    waiting.clear()
    if not batches:
        raise error
    total: Any = tuple(batches[0][:5])
    for batch in batches[1:]:
        total = _add(total, batch[:5])
    return (*total, error)


def _add(a: Any, b: Any) -> Any:
    return tuple(x + y for x, y in zip(a, b, strict=True))
