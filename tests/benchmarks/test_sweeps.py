"""Overhead of sweeps, by the clock: ``pytest tests/benchmarks/test_sweeps.py -m "" -s``."""

import time

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.__main__ import main

pytest.importorskip("xarray")
pytest.importorskip("zarr")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "stored"), [("point", False), ("point, stored", True)])
def test_overhead_a_point(record, name, stored, tmp_path):
    """Starting the pool included."""
    grid = {"x": np.arange(100.0), "y": np.arange(100.0)}

    def product(x, y):
        return x * y

    begin = time.perf_counter()
    data = qsp.sweep(product, grid, executor=2, path=tmp_path / "p.zarr" if stored else None)
    record.limit(name, 1e3 * (time.perf_counter() - begin) / 1e4)
    assert np.array_equal(data["value"], np.outer(grid["x"], grid["y"]))


def test_tongue(record, tmp_path):
    """The command as it comes: 30 by 30 exact steady states."""
    begin = time.perf_counter()
    words = ["sweep", "--points", "30", "--workers", "2", "--quiet"]
    assert main([*words, "--output", str(tmp_path / "tongue")]) == 0
    record.limit("tongue", time.perf_counter() - begin)
