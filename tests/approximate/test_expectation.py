"""Operators read off Gaussian results: Wick's theorem against the states of a quadratic system."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp

T = np.linspace(0, 1.5, 4)


def _quadratic():
    """Coupled, squeezed, driven, damped and heated: Gaussian states stay Gaussian."""
    a, b = qsp.modes(2)
    squeezing = 0.1 * a * b + 0.05j * a * a
    drive = 0.3 * a + 0.2j * b
    H = 0.7 * a.dag() * a + 0.4 * (a.dag() * b + b.dag() * a)
    H = H + squeezing + squeezing.dag() + drive + drive.dag()
    return qsp.System(H, [a, 0.3 * b.dag(), 0.8 * b]), a, b


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_polynomials_of_any_degree_agree_with_exact_states(closure):
    system, a, b = _quadratic()
    start = [0.6, -0.4j]
    options = {"rtol": 1e-11, "atol": 1e-12}
    exact = qsp.exactsolve(system, start, T, cutoff=20, options=options | {"store_states": True})
    run = qsp.mfsolve(system, start, T, closure=closure, options=options)
    for operator in (
        a,
        a.dag() * a,
        a * b,
        a.dag() * b,
        (a.dag() * a) ** 2,
        b.dag() * a.dag() * a * a * b,
        (a + a.dag()) ** 4 * (1j * b.dag() - 1j * b) ** 2,
        2.0 + 0 * a,
    ):
        right = qsp.expect(operator, exact)
        found = qsp.expect(operator, run)
        assert found.shape == (4,)
        np.testing.assert_allclose(found, right, rtol=2e-7, atol=1e-8, err_msg=str(operator))


def test_what_has_no_value_is_refused():
    system, a, _ = _quadratic()
    run = qsp.mfsolve(system, [0, 0], [0, 1.0])
    (foreign,) = qsp.modes(1)
    with pytest.raises(ValueError, match="another call"):
        qsp.expect(foreign, run)
    with pytest.raises(TypeError, match="expression"):
        qsp.expect("a", run)
    with pytest.raises(ValueError, match="time"):
        qsp.expect(qutip.coefficient(lambda t: t) * a, run)
    chains = qsp.mfsolve(qsp.SpinChains(n=(2, 2)), [0.1, 0.1], [0, 1.0])
    with pytest.raises(TypeError, match="SpinChains"):
        qsp.expect(a, chains)
