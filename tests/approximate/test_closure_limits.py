"""Closures of states without a phase: warned of where they are wrong, and only there."""

import warnings

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core.errors import ApproximationWarning

(B,) = qsp.modes(1)
NUMBER = B.dag() * B


def oscillator(gain, loss, nonlinear):
    return qsp.System(
        0 * B, [np.sqrt(gain) * B.dag(), np.sqrt(loss) * B, np.sqrt(nonlinear) * B**2]
    )


def told(function):
    """The value, and what was warned of and noted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    text = [str(w.message) for w in caught if issubclass(w.category, ApproximationWarning)]
    return qsp.expect(NUMBER, result), text, result


@pytest.mark.parametrize(
    "gain, loss, nonlinear, cutoff",
    [(0.5, 1, 0.01, 40), (0.9, 1, 0.001, 100), (0.5, 1, 0.0001, 40)],
)
def test_a_small_nonlinear_loss_is_no_reason_to_warn(gain, loss, nonlinear, cutoff):
    system = oscillator(gain, loss, nonlinear)
    exact = qsp.expect(NUMBER, qsp.steadystate(system, cutoff=cutoff)).real
    for closure in ("cumulants", "gaussian"):
        n, text, _ = told(lambda c=closure: qsp.mfsolve(system, [0.0], [0, 300.0], closure=c))
        if closure == "cumulants":
            assert abs(n[-1] - exact) < 0.02 * exact
        assert not [t for t in text if "phase" in t]
    n, text, _ = told(lambda: qsp.steadystate(system, closure="cumulants"))
    assert abs(n - exact) < 0.02 * exact and not text


@pytest.mark.parametrize(
    "gain, loss, nonlinear, cutoff, words",
    [
        (1.0, 0.0, 0.05, 45, "wrong at any size"),
        (1.05, 1.0, 0.05, 45, "wrong at any size"),
        (0.9, 1.0, 0.05, 40, "no small parameter"),
        (0.5, 1.0, 1.0, 20, "no small parameter"),
    ],
)
def test_a_large_one_is(gain, loss, nonlinear, cutoff, words):
    system = oscillator(gain, loss, nonlinear)
    exact = qsp.expect(NUMBER, qsp.steadystate(system, cutoff=cutoff)).real
    for closure in ("cumulants", "gaussian"):
        n, text, result = told(lambda c=closure: qsp.mfsolve(system, [0.0], [0, 100.0], closure=c))
        assert any(words in t for t in text) == (closure == "cumulants")
        assert any(words in t for t in result.stats["neglected"])
        assert abs(n[-1] - exact) > 0.05 * exact
    _, text, _ = told(lambda: qsp.steadystate(system, closure="cumulants"))
    assert any(words in t for t in text)


def test_an_amplitude_that_stays_is_said_to_decay():
    system = oscillator(1.0, 0.0, 0.01)
    n, text, result = told(lambda: qsp.mfsolve(system, [5.0], [0, 30.0], closure="cumulants"))
    assert not text and abs(n[-1] - 50.497) < 1.0
    assert any("diffuses" in t for t in result.stats["neglected"])
    # a drive keeps the phase
    driven = qsp.System(0.5 * (B + B.dag()), [B.dag(), 0.1 * B**2])
    _, text, result = told(lambda: qsp.mfsolve(driven, [5.0], [0, 30.0], closure="cumulants"))
    assert not text and not any("diffuses" in t for t in result.stats["neglected"])
