"""States, operators and options that exact runs take or refuse."""

import time

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import MemoryLimitError
from tests.systems import boson_reference as ref

from .exactsolve_cases import TIMES, kets, pair, quietly


def test_user_operators_of_every_kind():
    system = pair()
    b1, b2 = system.operators
    levels = (7, 6)
    psi = kets(levels, 0.5, 0.2)
    a1, a2 = ref.destroy(levels)
    want = a1.dag() * a2 + 0.5 * a1
    got = quietly(
        system,
        psi,
        TIMES,
        cutoff=levels,
        e_ops={
            "qobj": want,
            "expression": b1.dag() * b2 + 0.5 * b1,
            "call": lambda t, s: t + (want * s).tr(),
        },
        options={"store_states": True},
    )
    values = np.array([qutip.expect(want, s) for s in got.states])
    np.testing.assert_allclose(got.e_data["qobj"], values, atol=1e-12)
    np.testing.assert_allclose(got.e_data["expression"], values, atol=1e-12)
    np.testing.assert_allclose(got.e_data["call"], values + TIMES, atol=1e-12)
    one = quietly(system, psi, TIMES, cutoff=levels, e_ops=b1.dag() * b1)
    np.testing.assert_allclose(one.expect[0], got.normal[:, 0, 0], atol=1e-10)
    several = quietly(system, psi, TIMES, cutoff=levels, e_ops=[b1, a2])
    np.testing.assert_allclose(several.expect[1], got.amplitudes[:, 1], atol=1e-10)
    assert len(several.states) == 0


@pytest.mark.parametrize("bad", [3.0, "n", [3.0], {"x": "y"}])
def test_user_operators_that_are_none(bad):
    with pytest.raises((TypeError, ValueError), match="e_ops"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, e_ops=bad)


def test_user_operators_of_other_spaces():
    with pytest.raises((TypeError, ValueError), match="e_ops"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, e_ops=qutip.destroy(8))


def test_user_expressions_of_another_call_of_modes():
    with pytest.raises((TypeError, ValueError), match=r"e_ops|modes"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, e_ops=qsp.modes(2)[0])


def test_states_only_when_asked():
    got = qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, options={"store_states": False})
    assert len(got.states) == 0
    assert got.final_state is not None
    none = qsp.exactsolve(
        pair(),
        [0.1, 0.1],
        [0, 0.1],
        cutoff=8,
        options={"store_states": False, "store_final_state": False},
    )
    assert none.final_state is None


@pytest.mark.parametrize(
    "bad",
    [
        qutip.fock(5, 0),
        qutip.fock([8, 7], [0, 0]),
        qutip.fock([8, 8], [0, 0]).dag(),
        2 * qutip.fock([8, 8], [0, 0]),
        0.5 * qutip.fock_dm([8, 8], [0, 0]),
        qutip.qzero([8, 8]),
        [0.1],
        [0.1, np.nan],
        [0.1, 0.2, 0.3],
        "psi",
        None,
    ],
)
def test_initial_states_that_are_refused(bad):
    with pytest.raises((ValueError, TypeError), match="state0"):
        qsp.exactsolve(pair(), bad, [0, 1], cutoff=8)


def test_states_that_are_no_states():
    levels = [8, 8]
    negative = 1.5 * qutip.fock_dm(levels, [0, 0]) - 0.5 * qutip.fock_dm(levels, [1, 0])
    skew = (
        qutip.fock_dm(levels, [0, 0])
        + 0.3 * qutip.fock(levels, [0, 0]) * qutip.fock(levels, [1, 0]).dag()
    )
    for bad in (negative, skew):
        with pytest.raises((ValueError, TypeError), match="state0"):
            qsp.exactsolve(pair(), bad, [0, 1], cutoff=8)


def test_unknown_options():
    with pytest.raises(KeyError, match="ntraj"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 1], cutoff=8, options={"nTraj": 3})


@pytest.mark.parametrize(
    "key, bad",
    [
        ("ntraj", 0),
        ("rtol", -1),
        ("nsteps", -1),
        ("integrator", "nope"),
        ("map", "nope"),
        ("time_limit", np.nan),
    ],
)
def test_options_with_bad_values(key, bad):
    with pytest.raises((ValueError, TypeError, KeyError), match=key):
        qsp.exactsolve(
            pair(),
            [0.1, 0.1],
            [0, 1],
            cutoff=8,
            options={key: bad, "method": "mcsolve" if key == "map" else "auto"},
        )


@pytest.mark.parametrize(
    "integrator", ["adams", "bdf", "lsoda", "dop853", "tsit5", "vern9", "diag", "krylov"]
)
def test_integrators_of_qutip(integrator):
    """Each works or is refused by the name of the option."""
    (b,) = qsp.modes(1)
    try:
        got = qsp.exactsolve(
            qsp.System(b.dag() * b),
            [0.3],
            [0, 1.0],
            cutoff=12,
            options={"integrator": integrator},
        )
    except (ValueError, KeyError) as error:
        assert "integrator" in str(error)
    else:
        assert got.amplitudes[1, 0] == pytest.approx(0.3 * np.exp(-1j), abs=1e-7)


def test_a_coefficient_that_raises_is_named_before_any_work():
    def broken(t):
        if t > 1:
            raise TypeError("no more")
        return 1.0

    (b,) = qsp.modes(1)
    system = qsp.System(qutip.coefficient(broken) * (b + b.dag()), [b])
    with pytest.raises(ValueError, match=r"coefficient.*raised TypeError at t=1\..*no more"):
        qsp.exactsolve(system, [0.0], np.linspace(0, 2, 21), cutoff=10)


def test_spaces_that_no_method_could_hold_are_refused_at_once():
    begin = time.perf_counter()
    with pytest.raises(MemoryLimitError, match=r"1e\+10 levels.*needs about .* GiB.*cutoff") as e:
        qsp.exactsolve(qsp.van_der_pol_pair(), [1, 1], [0, 1], cutoff=10**5)
    # more than one ket, without a byte of it
    assert e.value.required > 16 * 10**10 > e.value.available
    assert time.perf_counter() - begin < 5.0
