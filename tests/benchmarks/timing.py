"""Shortest of several runs; what is compared is time of the processor, on one thread."""

import time

#: with --speed-once: run everything, repeat nothing
ONCE = False


def timed(function, repeats=5, clock=time.process_time):
    """Shortest of `repeats` runs by a clock, in seconds, and what the last one gave."""
    times = []
    for _ in range(1 if ONCE else repeats):
        begin = clock()
        value = function()
        times.append(clock() - begin)
    return min(times), value


def cpu(function, repeats=5):
    """Least time of the processor: other work on the machine does not count."""
    return timed(function, repeats)[0]


def many(function, count, repeats=5):
    """Time of one call where one is too short for a clock."""
    count = 1 if ONCE else count
    return cpu(lambda: [function() for _ in range(count)], repeats) / count
