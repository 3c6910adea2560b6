"""Predictions: found by position, name and attribute; checks say what a run shows."""

import pytest

from qsyncplug.core.predictions import Outcome, Prediction, Predictions


def test_found_and_checked():
    one = Prediction(
        "Theorem 1", "it falls", "Newton", rate=2.0, test=lambda r: (r > 0, f"got {r}")
    )
    two = Prediction("Lemma-2", "it is", "Euclid", correction="printed: it was")
    both = Predictions([one, two], notes=["Theorem 3 is false"])
    assert len(both) == 2
    assert both["Theorem 1"] is one
    assert both.Lemma_2 is two
    assert both.names == ("Theorem 1", "Lemma-2")
    first, second = both.check(3)
    assert (first.passed, second.passed) == (True, None)
    assert both.check(-1)[0].passed is False
    assert str(first) == "ok    Theorem 1: got 3"
    for word in ("it falls", "rate 2", "printed: it was", "note: Theorem 3 is false"):
        assert word in str(both)
    with pytest.raises(KeyError, match="those that apply are Theorem 1"):
        both["Theorem 9"]
    with pytest.raises(AttributeError, match="Theorem_9"):
        _ = both.Theorem_9
    assert str(Predictions()) == "no theorem applies"


def test_only_what_passed_is_true():
    passed, failed, undecided = (Outcome("name", p, "found") for p in (True, False, None))
    assert passed and not failed and not undecided
    assert undecided.passed is None and str(undecided).startswith("open")


def test_outcomes_print_one_a_line():
    rows = [
        Prediction(n, "s", "x", test=lambda r, p=p: (p, "seen"))
        for n, p in (("a", True), ("b", None))
    ]
    outcomes = Predictions(rows).check(0)
    assert isinstance(outcomes, tuple) and str(outcomes) == "ok    a: seen\nopen  b: seen"
    assert "<th>✓ a</th><td>seen</td>" in outcomes._repr_html_()
    assert str(Predictions().check(0)) == "nothing to check"
