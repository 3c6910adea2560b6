"""The table of speed: what is promised is measured, and the page is what was measured."""

import json
import pathlib
import re

import numpy as np
import pytest

from .promises import EXPONENTS, LIMITS, PROMISES, RATIOS
from .table import DATA, PAGE, Recorder, fitted, machine, text, write

HERE = pathlib.Path(__file__).parent


def test_the_page_is_written_from_the_data():
    data = json.loads(DATA.read_text())
    assert PAGE.read_text() == text(data)
    assert set(data["rows"]) <= set(PROMISES)
    assert not re.search(r"/(home|work|tmp|usr)\b", DATA.read_text())


def test_every_row_says_where_it_is_from():
    """A file of benchmarks, and one of the runs that the page lists with its command."""
    data = json.loads(DATA.read_text())
    for name, row in data["rows"].items():
        assert (HERE / f"test_{row['by']}.py").exists(), name
        assert 1 <= row["run"] <= len(data["runs"]), name
    for run in data["runs"]:
        assert run["command"].startswith("pytest tests/benchmarks") and run["when"]


def test_promises_have_one_name_each():
    assert len(PROMISES) == len(RATIOS) + len(LIMITS) + len(EXPONENTS)
    rows = [tuple(p) for p in PROMISES.values()]
    assert len(set(rows)) == len(rows)


def test_every_promise_was_measured():
    """In one run or another of the machine that the page names."""
    data = json.loads(DATA.read_text())
    assert not set(PROMISES) - set(data["rows"])


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_exponents_are_recovered(power):
    sizes = np.array([10.0, 30.0, 100.0, 1000.0])
    p, error = fitted(sizes, 3e-9 * sizes**power)
    assert p == pytest.approx(power, abs=1e-12) and error < 1e-12
    # the error is that of scipy's regression
    from scipy.stats import linregress

    rough = sizes**power * [1.0, 1.1, 0.95, 1.02]
    want = linregress(np.log(sizes), np.log(rough))
    assert fitted(sizes, rough) == pytest.approx((want.slope, want.stderr), rel=1e-9)


def test_a_part_leaves_the_rest_and_what_is_missed_is_said(tmp_path):
    data, page = tmp_path / "speed.json", tmp_path / "speed.md"
    first = Recorder('pytest tests/benchmarks -m "" --speed-table')
    first.ratio("kuramoto", 0.001, 0.5)
    first.ratio("delay", 1.0, 2.0, {"jitcdde": "1.8.3"})
    write(first, data, page)
    second = Recorder()
    second.ratio("kuramoto", 0.001, 0.2)
    second.limit("lohe fft", 60.0)
    second.limit("tails", 1.0)
    second.exponent("force", [1, 2, 4], [1, 4, 16])
    write(second, data, page)
    shown = page.read_text()
    assert "| ≥ 300× | **200× (missed)** | 1 ms | 200 ms |" in shown
    assert "**2.0× (missed)**" in shown and "jitcdde 1.8.3" in shown
    assert "| ≥ 70 % | **60 (missed)** |" in shown
    assert "| ≤ 2 s | 1 |" in shown
    assert "| 1 … 4 | 1 | **2.00 ± 0.00 (missed)** |" in shown
    assert shown.count("not measured") == len(PROMISES) - 5
    assert re.search(r"^1\. \d{4}-\d\d-\d\d .*UTC: `pytest tests/benchmarks -m", shown, re.M)
    runs = {name: row["run"] for name, row in json.loads(data.read_text())["rows"].items()}
    assert runs == {"kuramoto": 2, "delay": 1, "lohe fft": 2, "tails": 2, "force": 2}
    # another machine begins anew
    kept = json.loads(data.read_text())
    assert kept["machine"] == machine()
    data.write_text(json.dumps({**kept, "machine": "another"}))
    write(second, data, page)
    assert "delay" not in json.loads(data.read_text())["rows"]


def test_what_was_never_promised_is_not_recorded():
    with pytest.raises(AssertionError, match="not among the promises"):
        Recorder().limit("kuramoto", 1.0)
