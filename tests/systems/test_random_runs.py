"""Random runs of every family contradict no prediction, and runs of other couplings are told."""

import pytest

from .random_runs import FAMILIES, census

#: rows that say a number which depends on the coupling: a run of another one does not bear them out
NUMBERS = {
    "two particles",
    "complete locking",
    "two oscillators",
    "Theorem 2.4",
    "AHKM Theorem 2.4",
    "Lemma 4.1",
    "parallel states",
}


def _hold(name, count, seed):
    said, others, wrong = census(name, count, seed, report=lambda text: None)
    assert not wrong
    assert said["runs", None] >= 0.8 * count
    for row in NUMBERS & {row for row, _ in others}:
        alike = others[row, True]
        # the limits of equal frequencies are those of every coupling
        assert alike <= 0.02 * max(1, sum(others[row, p] for p in (True, None, False))), (
            row,
            alike,
        )
    return said


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_some_runs(name):
    said = _hold(name, 12, 5)
    assert said["runs", None] >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_many_runs(name):
    said = _hold(name, {"circle": 500, "lohe": 500, "locking": 500}.get(name, 200), 6)
    assert sum(count for (_, passed), count in said.items() if passed is True) > 20
