"""Bad input raises before any work, with an error of the right kind that names the argument."""

import pytest

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
    function(**arguments)
