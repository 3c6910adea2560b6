"""Cut-offs of exact runs: warnings, advice, agreement with mean field."""

import re
import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import CutoffWarning


def test_cutoff_warning_and_its_advice():
    (b,) = qsp.modes(1)
    system = qsp.System(0.4 * b.dag() * b, [b.dag(), 0.5 * b**2])
    times = [0, 2.0, 5.0]
    cutoff = 10
    for _ in range(4):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            got = qsp.exactsolve(system, [0.2], times, cutoff=cutoff)
        if not seen:
            break
        assert issubclass(seen[0].category, CutoffWarning)
        assert got.stats["cutoff population"] > 1e-6
        new = int(re.search(r"cutoff=(\d+)", str(seen[0].message)).group(1))
        assert new > cutoff
        cutoff = new
    else:
        raise AssertionError("the suggestions do not come to an end")
    assert cutoff < 30  # 16 are needed
    assert got.populations[:, 0, -1].max() <= 1e-6
    assert got.stats["cutoff population"] <= 1e-6


def test_first_advice_suffices_for_a_coherent_state():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [0.5 * b])
    with pytest.warns(CutoffWarning) as seen:
        qsp.exactsolve(
            system, qutip.coherent(14, 1.5, method="analytic").unit(), [0, 1.0], cutoff=14
        )
    new = int(re.search(r"cutoff=(\d+)", str(seen[0].message)).group(1))
    got = qsp.exactsolve(system, [1.5], [0, 1.0], cutoff=new)  # warnings are errors here
    np.testing.assert_allclose(got.amplitudes[0], [1.5], atol=2e-5)


def test_warning_points_at_the_caller():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b.dag(), b**2])
    with pytest.warns(CutoffWarning) as seen:
        qsp.exactsolve(system, [0.1], [0, 1.0], cutoff=3)
    assert seen[0].filename == __file__
    with pytest.warns(CutoffWarning) as seen:
        qsp.steadystate(system, cutoff=3)
    assert seen[0].filename == __file__


def test_no_warning_below_the_limit():
    (b,) = qsp.modes(1)
    got = qsp.exactsolve(qsp.System(b.dag() * b, [b]), [0.3], [0, 1.0], cutoff=10)
    assert got.stats["cutoff population"] < 1e-6


@pytest.mark.parametrize("alpha, cutoff", [(3.0, 5), (2.0, 4), (4.0, 9)])
def test_advice_for_coherent_states_that_do_not_fit(alpha, cutoff):
    """Given as amplitudes, the population above every level is known: Poisson."""
    from scipy.stats import poisson

    (b,) = qsp.modes(1)
    with pytest.warns(CutoffWarning) as seen:
        qsp.exactsolve(qsp.System(b.dag() * b, [b]), [alpha], [0, 0.01], cutoff=cutoff)
    asked = re.search(r"cutoff=(\d+)", str(seen[0].message))
    if asked:  # or it may say that it cannot tell
        assert poisson.pmf(int(asked.group(1)) - 1, alpha**2) <= 1e-6


def test_exact_and_mean_field_agree_early():
    """A contract of the main job: both sides start from the same moments, with the same signs."""
    system = qsp.van_der_pol_pair(gain=0.1, loss=0.1, detuning=0.5, coherent=0.3, dissipative=0.2)
    beta0 = [0.9, 0.5j]
    times = [0.0, 1e-3]
    exact, approx = (
        qsp.exactsolve(system, beta0, times, cutoff=14),
        qsp.mfsolve(system, beta0, times),
    )
    np.testing.assert_allclose(
        exact.amplitudes[1] - exact.amplitudes[0],
        approx.amplitudes[1] - approx.amplitudes[0],
        atol=2e-6,
    )
    np.testing.assert_allclose(exact.covariance[1], approx.covariance[1], atol=2e-6)


def test_coherent_states_far_above_the_cutoff():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    for alpha in (39.0, 50j, 1e8):
        with pytest.raises(ValueError, match=r"state0 must fit.*cutoff=\d+ would hold it"):
            qsp.exactsolve(system, [alpha], [0.0, 1.0], cutoff=6)
