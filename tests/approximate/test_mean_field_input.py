"""What mean-field runs refuse, and what they take."""

import numpy as np
import pytest

import qsyncplug as qsp


@pytest.mark.parametrize(
    "beta0",
    [
        [1.0],
        [1, 2, 3],
        [[1, 2]],
        [np.nan, 0],
        [1, np.inf],
        [1, complex(0, np.nan)],
        None,
        "ab",
        ["x", "y"],
        1.0,
    ],
)
def test_initial_amplitudes(beta0):
    with pytest.raises((ValueError, TypeError), match="state0"):
        qsp.mfsolve(qsp.van_der_pol_pair(), beta0, [0, 1])


@pytest.mark.parametrize(
    "tlist",
    [
        [0, 0],
        [0, 2, 1],
        [1, 0],
        [0, np.nan],
        [0, np.inf],
        [],
        [[0, 1]],
        None,
        "01",
        1.0,
        [0, 1j],
        ["a", "b"],
    ],
)
@pytest.mark.parametrize("solve", ["mfsolve", "exactsolve"])
def test_times(solve, tlist):
    kw = {"cutoff": 4} if solve == "exactsolve" else {}
    with pytest.raises((ValueError, TypeError), match="tlist"):
        getattr(qsp, solve)(qsp.van_der_pol_pair(), [0.1, 0.1], tlist, **kw)


def squeezed_too_far(s):
    return np.diag([0.5 / s, 0.49 * s, 0.5, 0.5])


@pytest.mark.parametrize(
    "C",
    [
        np.eye(2),
        np.zeros((4, 4)),
        -np.eye(4),
        0.49 * np.eye(4),
        squeezed_too_far(3.0),
        np.diag([np.nan, 1, 1, 1]),
        np.diag([np.inf, 1, 1, 1]),
        np.eye(4) + np.diag([0.1, 0, 0], 1),
        np.eye(4) + 0.3 * np.kron(np.array([[0, 1], [1, 0]]), np.diag([1, 1])) * 2.0,
        1j * np.eye(4),
        "C",
        [1, 2, 3, 4],
        1.0,
    ],
)
@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_covariances(C, closure):
    if isinstance(C, np.ndarray) and C.shape == (4, 4) and C[0, 2] == 0.6:
        C = 0.5 * np.eye(4)
        C[0, 2] = C[2, 0] = C[1, 3] = C[3, 1] = 0.1  # a correlation that two vacua cannot have
    with pytest.raises((ValueError, TypeError), match="covariance0"):
        qsp.mfsolve(qsp.van_der_pol_pair(), [0, 0], [0, 1], covariance0=C, closure=closure)


def test_the_vacuum_and_pure_squeezed_states_are_admitted():
    for s in (1.0, 0.2, 30.0):
        C = np.diag([0.5 / s, 0.5 * s, 0.5, 0.5])
        np.testing.assert_array_equal(
            qsp.mfsolve(qsp.van_der_pol_pair(), [0, 0], [0, 1e-3], covariance0=C).covariance[0], C
        )


def test_other_arguments():
    system = qsp.van_der_pol_pair()
    with pytest.raises((ValueError, TypeError), match="closure"):
        qsp.mfsolve(system, [1, 1], [0, 1], closure="cubic")
    with pytest.raises(KeyError, match=r"rtoll.*rtol"):
        qsp.mfsolve(system, [1, 1], [0, 1], options={"rtoll": 1e-8})
    for key, bad in [
        ("rtol", -1),
        ("atol", np.nan),
        ("nsteps", 0),
        ("nsteps", 1.5),
        ("max_step", -1),
        ("time_limit", -1),
        ("method", "euler"),
        ("rtol", "x"),
        ("progress_bar", "nope"),
    ]:
        with pytest.raises((ValueError, TypeError), match=key):
            qsp.mfsolve(system, [1, 1], [0, 1], options={key: bad})
    with pytest.raises(TypeError, match="System"):
        qsp.mfsolve("system", [1, 1], [0, 1])


@pytest.mark.parametrize("bad", [3.0, [3.0], "n", {"x": 1}])
def test_expectation_functions_that_are_none(bad):
    with pytest.raises((ValueError, TypeError), match="e_ops"):
        qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1], [0, 1], e_ops=bad)


def test_what_a_closure_has_no_use_for_is_refused():
    system = qsp.van_der_pol_pair()
    for closure in ("linear", "none", "gaussian"):
        with pytest.raises(
            ValueError, match=rf"order=3 is for closure='cumulants', not .*{closure}"
        ):
            qsp.mfsolve(system, [1, 1], [0, 1], closure=closure, order=3)
    for closure in ("none", "cumulants"):
        with pytest.raises(ValueError, match=f"covariance0 is for .* not for '{closure}'"):
            qsp.mfsolve(system, [1, 1], [0, 1], closure=closure, covariance0=np.eye(4) / 2)


def test_none_options_are_defaults():
    system = qsp.van_der_pol_pair()
    a = qsp.mfsolve(system, [1, 1j], [0, 1], options={"rtol": None, "atol": None, "nsteps": None})
    np.testing.assert_array_equal(a.mean, qsp.mfsolve(system, [1, 1j], [0, 1]).mean)


def test_operators_are_read_off_a_mean_field_at_the_end_or_afterwards():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b.dag(), 0.5 * b**2])
    for closure in ("linear", "gaussian", "cumulants", "none"):
        run = qsp.mfsolve(system, [1.0], [0.0, 1.0], e_ops=b, closure=closure)
        values = run.expectation(b)
        np.testing.assert_allclose(values, run.expect[0], atol=0)
        np.testing.assert_allclose(values, run.amplitudes[:, 0], atol=1e-12)
        np.testing.assert_allclose(values, qsp.expect(b, run), atol=0)
