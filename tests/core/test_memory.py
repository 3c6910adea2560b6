"""Estimates of memory are within a factor 2 of what runs take, each in a process of its own."""

import os
import pathlib
import subprocess
import sys

import pytest

from .memory_runs import RUNS


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
@pytest.mark.parametrize("name", RUNS)
def test_estimates_are_within_a_factor_of_two(name):
    script = pathlib.Path(__file__).with_name("memory_runs.py")
    found = []
    # the peak is sampled, and may be missed on a busy machine: never found too high
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, str(script), name], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        estimate, peak = map(float, done.stdout.split())
        found.append(f"{estimate / 1e6:.0f} MB estimated, {peak / 1e6:.0f} MB taken")
        if peak > 3e7 and 0.5 < estimate / peak < 2.0:
            return
    pytest.fail(f"{name}: {'; '.join(found)} (at least 30 MB, to say anything)")
