"""Named regimes whose truth is known: no false statement, hardly anything undecided.

Each case of ``regimes.json`` runs `code`, which leaves a result (or a state) in `x`; the verdict
must be one of `accept`.
"""

import json
import pathlib
import warnings

import numpy as np
import pytest

import qsyncplug as qsp

CASES = json.loads((pathlib.Path(__file__).parent / "regimes.json").read_text())
SLOW = {"kuramoto lorentz n=10000 K=1.0 s=0", "kuramoto normal n=100000 K=0.5 s=0"}


def run(code):
    space = {"np": np, "qsp": qsp, "System": getattr(qsp, "System", None) or qsp.System}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, space)
    return space["x"]


def marked(case):
    marks = [pytest.mark.slow] if case["name"] in SLOW else []
    return pytest.param(case, id=case["name"], marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_regime(case):
    verdict = qsp.verdict(run(case["code"]))
    assert verdict.label in case["accept"], f"{case['why']}\n{verdict}"
