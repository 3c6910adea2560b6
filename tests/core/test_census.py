"""Bad input raises before any work, with an error of the right kind that names the argument."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import qsyncplug as qsp
from tests.core import example_census
from tests.core.census import ALLOWED, cases

CASES = {label: rest for label, *rest in cases()}


def test_the_census_is_large():
    assert len(CASES) > 900
    assert set(CASES) > ALLOWED


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", sorted({label.split("-")[0] for label in CASES}))
def test_bad_input_is_named(first):
    wrong = {}
    for label, (function, arguments, name) in CASES.items():
        if label.split("-")[0] != first or label in ALLOWED:
            continue
        try:
            function(**arguments)
        except (TypeError, ValueError, KeyError) as error:
            if name not in str(error):
                wrong[label] = error
        except BaseException as error:
            wrong[label] = error
        else:
            wrong[label] = "accepted"
    assert not wrong


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("label", sorted(ALLOWED - {"synchronization-result-operator"}))
def test_what_is_allowed_works(label):
    function, arguments, _ = CASES[label]
    answer = function(**arguments)
    assert answer is not None
    # what was taken is not taken for nothing: no number of the answer is lost
    times = getattr(answer, "times", None)
    assert times is None or (len(times) and np.all(np.isfinite(times)))


PUBLIC = {name: (module, name, item) for module, name, item in example_census.public()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PUBLIC)
def test_no_argument_of_a_public_function_is_taken_for_another(name, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    module, _, item = PUBLIC[name]
    with monkeypatch.context() as patch:
        right = example_census.recorded(module, name, item, patch)
    assert right is not None, "its example does not call it"
    wrong = {}
    for argument, label, call in example_census.cases(item, right):
        if (name, argument, label) in example_census.RIGHT:
            continue
        try:
            call()
        except (TypeError, ValueError, KeyError) as error:
            if argument not in str(error):
                wrong[argument, label] = error
        except BaseException as error:
            wrong[argument, label] = error
        else:
            wrong[argument, label] = "accepted"
    plt.close("all")
    assert not wrong


def test_most_public_functions_are_in_the_census():
    assert len(PUBLIC) > 150


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bad", ["1", True, np.nan, 1j, None, object()])
def test_methods_of_what_is_returned_are_as_strict(bad):
    run = qsp.circlesolve(qsp.Circle(qsp.sine(), weights=[1.0, 2.0]), [0.0, 1.0], [0.0, 1.0])
    if bad is not True:
        with pytest.raises(TypeError, match="weighted"):
            run.order(weighted=bad)
    three = qsp.three_cluster_range(-5.0)
    for method in (three.holds, three.angle):
        with pytest.raises((TypeError, ValueError), match="ratio"):
            method(bad)
    (b,) = qsp.modes(1)
    spectrum = qsp.spectrum(qsp.System(b.dag() * b, [b.dag(), 2 * b]), b, cutoff=8)
    curve = qsp.entrainment(
        lambda d: qsp.System(d * b.dag() * b, [b.dag(), 2 * b]), [0, 1], cutoff=8
    )
    with pytest.raises((TypeError, ValueError), match="level"):
        curve.locking_range(bad)
    for most in (bad, 0, -1):
        with pytest.raises((TypeError, ValueError), match="most"):
            spectrum.lines(most)
