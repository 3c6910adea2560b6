"""The page of the documentation on speed, written from promises and from what was measured.

``pytest tests/benchmarks -m "" --speed-table`` measures and writes ``tutorials/speed.json`` and
``tutorials/speed.md``; rows of benchmarks that did not run stay as they were on the same machine.
"""

import datetime
import json
import os
import pathlib
import platform
import re
from importlib import metadata

import numpy as np

from .promises import EXPONENTS, LIMITS, PROMISES, RATIOS

FOLDER = pathlib.Path(__file__).parent.parent.parent / "tutorials"
DATA, PAGE = FOLDER / "speed.json", FOLDER / "speed.md"
PEERS = ("numpy", "scipy", "qutip", "numba", "kuramoto", "jitcode", "finufft")

INTRO = """# Speed

Every number that this package promises of speed, beside what was measured. A ratio is the peer's
time over ours, both taken in one run, on one thread, as time of the processor (the least of
several), at equal accuracy where both have one; compilation of a peer is not counted. Times of a
clock are said to be such. Peers that live in other environments are named by `QSYNCPLUG_DYNAMIQS`
and `QSYNCPLUG_JITCDDE`, each the path of a Python.

```bash
pip install ".[test,bench]"
pytest tests/benchmarks -m "" --speed-table
```

measures everything anew and writes this page (a quarter of an hour); `-k` or a file leaves the
other rows as they were. The last column says which file measures a row (`core` is
`tests/benchmarks/test_core.py`) and in which of the runs below it was measured. With `--speed-once`
every benchmark runs once, to see that it does, and no number is written.

What guards against slower code from day to day is counted, not timed: steps, right-hand sides,
Fourier transforms (`tests/core/test_work.py`).
"""


def versions():
    found = {}
    for name in PEERS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor():
    """The name that the processor gives itself."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def machine():
    return f"{processor()}, {platform.system()}, Python {platform.python_version()}"


def fitted(sizes, costs):
    """Exponent of cost ~ size^p by least squares of logarithms, and its standard error."""
    x, y = np.log(sizes), np.log(costs)
    x = x - x.mean()
    slope = np.sum(x * y) / np.sum(x**2)
    residual = y - y.mean() - slope * x
    return float(slope), float(np.sqrt(np.sum(residual**2) / max(1, len(x) - 2) / np.sum(x**2)))


class Recorder:
    """What benchmarks measured, by the names of the promises, and the command of the run."""

    def __init__(self, command="pytest"):
        self.rows, self.command = {}, command
        self.versions = versions()

    def ratio(self, name, ours, peer, version=None):
        """Times (or megabytes) of both; with the peer's version if it is of another environment."""
        self._add(name, RATIOS, {"ours": float(ours), "peer": float(peer)})
        if version:
            self.versions.update(version)
        print(f"\n{name}: {ours:.3g} against {peer:.3g}: {peer / ours:.1f}×", end="")
        print(f" (promised {RATIOS[name].least:g}×)")

    def limit(self, name, value):
        self._add(name, LIMITS, {"value": float(value)})
        promise = LIMITS[name]
        print(f"\n{name}: {value:.3g} {promise.unit} (promised {promise.bound:g})")

    def exponent(self, name, sizes, costs):
        """The fitted exponent, which is returned."""
        p, error = fitted(sizes, costs)
        sizes = [float(s) for s in sizes]
        self._add(name, EXPONENTS, {"exponent": p, "error": error, "sizes": sizes})
        promise = EXPONENTS[name]
        print(f"\n{name}: {promise.size}^({p:.2f} ± {error:.2f}) (expected {promise.expected:g})")
        return p

    def _add(self, name, kind, row):
        assert name in kind, f"{name} is not among the promises"
        self.rows[name] = {k: rounded(v) for k, v in row.items()} | {"by": running()}


def running():
    """The benchmark that runs: "core" of test_core.py."""
    found = re.search(r"test_(\w+)\.py", os.environ.get("PYTEST_CURRENT_TEST", ""))
    return found.group(1) if found else "?"


def rounded(value):
    """Three digits: more is noise."""
    if isinstance(value, list):
        return value
    return float(f"{value:.3g}")


def write(recorder, data=DATA, page=PAGE):
    """Put what was measured into the files; what an earlier run of this machine measured stays."""
    old = json.loads(data.read_text()) if data.exists() else {}
    if old.get("machine") != machine():
        old = {}
    runs = old.get("runs", [])
    here = {"run": len(runs) + 1}
    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = {**old.get("rows", {}), **{name: row | here for name, row in recorder.rows.items()}}
    new = {
        "machine": machine(),
        "versions": {**old.get("versions", {}), **recorder.versions},
        "runs": [*runs, {"command": recorder.command, "when": today}],
        "rows": {name: rows[name] for name in PROMISES if name in rows},
    }
    data.write_text(json.dumps(new, indent=1, ensure_ascii=False, sort_keys=False) + "\n")
    page.write_text(text(new))


def note(recorder, data=DATA, page=PAGE):
    """Write which file measures a row, of a run in which nothing is timed in earnest."""
    new = json.loads(data.read_text())
    for name, row in recorder.rows.items():
        if name in new["rows"]:
            new["rows"][name]["by"] = row["by"]
    data.write_text(json.dumps(new, indent=1, ensure_ascii=False, sort_keys=False) + "\n")
    page.write_text(text(new))


def _runs(data):
    """The runs that rows are from, each with its command."""
    used = {row["run"] for row in data["rows"].values()}
    runs = enumerate(data["runs"], start=1)
    lines = [f"{k}. {run['when']}: `{run['command']}`" for k, run in runs if k in used]
    return "\n".join(["Runs:\n", *lines]) + "\n"


def _rows(cells, promises, rows):
    """What `cells` makes of every promise, and where the number is from."""
    found = []
    for name, promise in promises.items():
        row = rows.get(name)
        found.append([*cells(promise, row), "" if row is None else f"{row['by']}, {row['run']}"])
    return found


def text(data):
    """The page."""
    rows = data["rows"]
    peers = ", ".join(f"{k} {v}" for k, v in sorted(data["versions"].items()))
    parts = [
        INTRO,
        f"Measured on: {data['machine']}; {peers}.\n",
        _runs(data),
        "## Against others\n",
        _table(
            ["", "work", "peer", "promised", "measured", "ours", "peer's", "by, run"],
            _rows(_ratio, RATIOS, rows),
        ),
        "## Limits\n",
        _table(
            ["", "work", "promised", "measured", "by, run"],
            _rows(_limit, LIMITS, rows),
        ),
        "## Growth with the size\n\nCost ~ sizeᵖ, fitted by least squares of logarithms; "
        "± is the standard error of the fit.\n",
        _table(
            ["", "work", "size", "from … to", "expected p", "fitted p", "by, run"],
            _rows(_exponent, EXPONENTS, rows),
        ),
    ]
    return "\n".join(parts)


def _table(heads, rows):
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    family = None
    for row in rows:
        lines.append(f"| {' | '.join(['' if row[0] == family else row[0], *row[1:]])} |")
        family = row[0]
    return "\n".join(lines) + "\n"


def _seconds(value):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def _missed(text, kept):
    """What does not hold is not hidden."""
    return text if kept else f"**{text} (missed)**"


def _times(ratio):
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def _ratio(promise, row):
    head = [promise.family, promise.work, promise.peer]
    asked = f"≥ {promise.least:g}×" if promise.least > 1 else "not slower"
    if row is None:
        return [*head, asked, "not measured", "", ""]
    ratio = row["peer"] / row["ours"]
    own, other = row["ours"], row["peer"]
    both = [f"{x:.3g} MB" if "(MB)" in promise.work else _seconds(x) for x in (own, other)]
    return [*head, asked, _missed(_times(ratio), ratio >= promise.least), *both]


def _limit(promise, row):
    head = [promise.family, promise.work]
    asked = f"{'≥' if promise.least else '≤'} {promise.bound:g} {promise.unit}"
    if row is None:
        return [*head, asked, "not measured"]
    value = row["value"]
    kept = value >= promise.bound if promise.least else value <= promise.bound
    return [*head, asked, _missed(f"{value:.3g}", kept)]


def _exponent(promise, row):
    head = [promise.family, promise.work, promise.size]
    if row is None:
        return [*head, "", f"{promise.expected:g}", "not measured"]
    span = f"{min(row['sizes']):g} … {max(row['sizes']):g}"
    found = f"{row['exponent']:.2f} ± {row['error']:.2f}"
    kept = row["exponent"] <= promise.expected + promise.margin
    return [*head, span, f"{promise.expected:g}", _missed(found, kept)]
