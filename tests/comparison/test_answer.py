"""The line that answers the question, whoever of the entries decides and agrees."""

import pytest

from qsyncplug import Estimate, Label, Verdict
from qsyncplug.comparison.answer import answer


def line(reference="a", **labels):
    verdicts = {}
    for name, found in labels.items():
        label, more = found if isinstance(found, tuple) else (found, {})
        verdicts[name] = Verdict(Label(label), "", **more)
    return answer(verdicts, reference)


@pytest.mark.parametrize(
    ("labels", "end"),
    [
        ({"a": "phase-locked", "b": "phase-locked"}, "they agree"),
        (
            {"a": "phase-locked", "b": "complete"},
            "they agree that they synchronise, but not how",
        ),
        ({"a": "undecided", "b": "undecided"}, "none of them decides"),
        (
            {"a": "phase preference", "b": "phase preference"},
            "they agree, and it neither confirms nor denies synchronisation",
        ),
        (
            {"a": "phase-locked", "b": "undecided"},
            "b neither confirms nor denies synchronisation",
        ),
        (
            {"a": "phase preference", "b": "undecided", "c": "drifting"},
            "a and b neither confirm nor deny synchronisation",
        ),
        (
            {"a": "phase preference", "b": "undecided"},
            "a and b neither confirm nor deny synchronisation",
        ),
    ],
)
def test_end_of_the_line(labels, end):
    text = line(**labels)
    assert text.endswith(f"; {end}")
    assert all(f"{name}: {label}" in text for name, label in labels.items())


def test_who_disagrees_with_whom():
    text = line(a="not entrained", b="phase-locked", c="complete", d="undecided", e="drifting")
    assert "; b and c against a and e, they disagree" in text
    assert text.endswith("d neither confirms nor denies synchronisation")
    assert "against" not in line(a="not entrained", b="phase-locked")
    # a reference that does not decide is no reason for anything
    text = line(a="undecided", b="phase-locked", c="drifting")
    assert "b against c, they disagree" in text


def test_one_label_and_two_rates():
    def locked(rate, error):
        return "phase-locked", {"rate": Estimate(rate, error)}

    text = line(a=locked(0.5, 1e-3), b=locked(0.7, 1e-2))
    assert "they agree, but not on the rate (rate: a 0.5 ± 0.001, b 0.7 ± 0.01)" in text
    assert line(a=locked(0.5, 0.1), b=locked(0.55, 0.01)).endswith("; they agree")
    slow, fast = (("drifting", {"beat": Estimate(x, 1e-6)}) for x in (1.0, 1.2))
    assert "not on the beat" in line(a=slow, b=fast)
