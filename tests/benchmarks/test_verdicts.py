"""What reading off costs; ``pytest tests/benchmarks/test_verdicts.py -m "" -s``."""

import numpy as np
import pytest

import qsyncplug as qsp

from . import timing
from .timing import cpu

pytestmark = pytest.mark.slow


def run(n, outputs, end=20.0):
    rng = np.random.default_rng(n)
    model = qsp.Circle(qsp.sine(), "mean", coupling=3.0, frequencies=rng.normal(size=n))
    return qsp.circlesolve(model, rng.uniform(0, 6, n), np.linspace(0, end, outputs))


@pytest.mark.parametrize(
    ("name", "n", "outputs"), [("verdict 1e5", 10**5, 100), ("verdict 200", 200, 2001)]
)
def test_verdicts(record, name, n, outputs):
    result = run(n, outputs)
    record.limit(name, cpu(lambda: qsp.verdict(result), 2))
    assert qsp.verdict(result).label


def test_growth(record):
    sizes = [2000, 8000, 32_000, 128_000]
    results = [run(n, 100) for n in sizes]
    p = record.exponent("verdict N", sizes, [cpu(lambda r=r: qsp.verdict(r), 3) for r in results])
    outputs = [2000, 6000, 18_000, 54_000]
    results = [run(200, t, end=t / 20) for t in outputs]
    q = record.exponent("verdict T", outputs, [cpu(lambda r=r: qsp.verdict(r), 3) for r in results])
    assert timing.ONCE or (p < 1.3 and q < 1.3)
