"""Shortest of several runs, and how ratios are printed."""

import time


def timed(function, repeats=5, clock=time.perf_counter):
    """Shortest of `repeats` runs by a clock, in seconds, and what the last one gave."""
    times = []
    for _ in range(repeats):
        begin = clock()
        value = function()
        times.append(clock() - begin)
    return min(times), value


def best(function, repeats=5):
    """Shortest of `repeats` runs, in seconds."""
    return timed(function, repeats)[0]


def cpu(function, repeats=5):
    """Least time of the processor: other work on the machine does not count."""
    return timed(function, repeats, time.process_time)[0]


def report(name, ours, **peers):
    """One line: our time, and how many times as long the others take."""
    print(
        f"\n{name}: {ours * 1e3:.3g} ms; "
        + ", ".join(f"{k}: {v / ours:.1f}×" for k, v in peers.items())
    )
