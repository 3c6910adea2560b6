"""No false statement on random runs, and decided wherever the run is long enough."""

import warnings

import numpy as np
import pytest

import qsyncplug as qsp

from .more_regimes import MORE
from .random_regimes import FAMILIES

FEW, MANY = 12, 90
#: of each of the further families
FEW_MORE, MANY_MORE = 2, 7


def judge(family, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text, run, true, decidable = family(np.random.default_rng(seed))
        return text, qsp.verdict(run), true, decidable


def scores(family, seeds):
    wrong, missed, right = [], [], 0
    for seed in seeds:
        text, verdict, true, decidable = judge(family, seed)
        if verdict.label in true:
            right += 1
        elif verdict.label != "undecided":
            wrong.append(f"{text} (seed {seed}): {verdict}")
        elif decidable:
            missed.append(f"{text} (seed {seed}): {verdict}")
    print(
        f"{family.__name__}: {right} right of {len(seeds)}, {len(wrong)} wrong, "
        f"{len(missed)} missed"
    )
    return wrong, missed


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_random_runs(family):
    wrong, missed = scores(family, range(FEW))
    assert not wrong, "\n".join(wrong)
    assert len(missed) <= 1, "\n".join(missed)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_many_random_runs(family):
    wrong, missed = scores(family, range(1000, 1000 + MANY))
    assert not wrong, "\n".join(wrong)
    assert len(missed) <= 0.05 * MANY, "\n".join(missed)


@pytest.mark.parametrize("family", MORE, ids=lambda f: f.__name__)
def test_further_random_runs(family):
    wrong, missed = scores(family, range(FEW_MORE))
    assert not wrong and not missed, "\n".join(wrong + missed)


@pytest.mark.slow
@pytest.mark.parametrize("family", MORE, ids=lambda f: f.__name__)
def test_many_further_random_runs(family):
    wrong, missed = scores(family, range(2000, 2000 + MANY_MORE))
    assert not wrong, "\n".join(wrong)
    assert len(missed) <= 0.1 * MANY_MORE, "\n".join(missed)
