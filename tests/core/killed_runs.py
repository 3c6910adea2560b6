"""A program that starts runs and is killed (-9) in each: ``killed_runs.py FOLDER NAME ...``.

Every run gets a process of its own, writes a checkpoint after each output, and dies where the last
one is about to take its place: what is left is the file before, and a piece that nobody reads.
"""

import os
import pathlib
import signal
import sys
import zlib

from runs import RUNS

import qsyncplug.core.archive as archive
import qsyncplug.core.drive as drive


def complete(name):
    """Checkpoints before the end, another number for every run."""
    return 1 + zlib.crc32(name.encode()) % 7


def die_in(name, path):
    written = 0
    replace = os.replace

    def replace_or_die(source, target):
        nonlocal written
        if written == complete(name):
            os.kill(os.getpid(), signal.SIGKILL)
        written += 1
        replace(source, target)

    archive.os.replace = replace_or_die
    drive._CHECKPOINT_SECONDS = 0.0
    run = RUNS[name](checkpoint=path)
    run.solver.run(run.state0, run.times)


def main():
    folder, *names = sys.argv[1:]
    for name in names:
        child = os.fork()
        if child == 0:
            try:
                die_in(name, pathlib.Path(folder) / f"{name}.npz")
            finally:
                # not killed: the test sees a file of a finished run
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(name, "killed" if os.WIFSIGNALED(status) else f"ended with {status}")


if __name__ == "__main__":
    main()
