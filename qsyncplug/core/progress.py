"""QuTiP's progress bars for what is no run of a solver: points, samples, pieces of an interval."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qutip.ui.progressbar import progress_bars

from .checks import check_choice
from .errors import QsyncplugWarning, warn

__all__ = [
    "Tell",
    "check_bar",
    "counted",
    "part",
    "reached",
    "say_if_long",
    "say_if_so_often",
    "silent",
]

T = TypeVar("T")
#: is called with the share that is done, from 0 to 1, once and again
Tell = Callable[[float], None]
#: parts in which an interval is told
_PARTS = 100
#: estimated seconds from which on a run says beforehand how long it will take
_LONG = 60.0
#: trials before it is said that something takes long
_TRIALS = 3


def check_bar(progress_bar: Any) -> str:
    """The name of a bar of QuTiP; True is "text", False and "" are none."""
    if isinstance(progress_bar, bool):
        return "text" if progress_bar else ""
    check_choice("progress_bar", progress_bar, progress_bars)
    return str(progress_bar)


def counted(items: Sequence[T], progress_bar: Any) -> Iterator[T]:
    """The items one after the other, with a bar that tells how many are done.

    Parameters
    ----------
    items : sequence
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; "" is none.

    Yields
    ------
    object

    Examples
    --------
    >>> list(counted([1, 2], ""))
    [1, 2]
    """
    bar = progress_bars[check_bar(progress_bar)](len(items))
    for item in items:
        yield item
        bar.update()
    bar.finished()


def reached(progress_bar: Any) -> Tell:
    """What is called with the share that is done, from 0 to 1, once and again.

    Examples
    --------
    >>> tell = reached("")
    >>> tell(0.3)
    >>> tell(1.0)
    """
    bar = progress_bars[check_bar(progress_bar)](_PARTS)
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        while told < min(int(_PARTS * share), _PARTS):
            bar.update()
            told += 1
            if told == _PARTS:
                bar.finished()

    return tell


def silent(share: float) -> None:
    """Take the share that is done and tell nobody: where no bar is wanted."""


def part(tell: Tell, begin: float, end: float) -> Tell:
    """What tells of a part of the work, from the share `begin` of the whole to `end`.

    Examples
    --------
    >>> part(print, 0.5, 0.75)(0.5)
    0.625
    """
    return lambda share: tell(begin + (end - begin) * min(share, 1.0))


def say_if_long(what: str, seconds: float, advice: str) -> None:
    """Warn that `what` will take `seconds`, if that is more than a minute."""
    if seconds > _LONG:
        warn(f"{what} will take about {seconds / 60:.0f} min; {advice}", QsyncplugWarning)


def say_if_so_often(what: str, work: Callable[[], object], count: float, advice: str) -> None:
    """Warn that `what` will take long, where `work`, which is done here, is done `count` times.

    The time is that of the processor, so that it is the same on a busy machine, and the least of
    some trials where it is long.
    """
    seconds = float("inf")
    for _ in range(_TRIALS):
        seconds = min(seconds, count * _seconds(work))
        if seconds <= _LONG:
            return
    say_if_long(what, seconds, advice)


def _seconds(work: Callable[[], object]) -> float:
    """Of the processor, or those that pass where several threads share the work."""
    passed, used = clock.perf_counter(), clock.process_time()
    work()
    return min(clock.perf_counter() - passed, clock.process_time() - used)
