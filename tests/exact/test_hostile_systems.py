"""Systems of every kind against dense superoperators: states, modes and spectra, all of them."""

import functools

import numpy as np
import pytest
import qutip
import scipy.linalg

import qsyncplug as qsp

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")


def systems():
    (b,), (m,) = qsp.modes(1), qsp.modes(1)
    (s,), (S,) = qsp.levels(3), qsp.spins(1)
    j, k = qsp.spins(3, 2)
    n = b.dag() * b
    turn = np.cosh(0.5) * b + np.exp(0.3j) * np.sinh(0.5) * b.dag()
    ladder = 0.2 * (s[0, 2] * m.dag() + s[2, 0] * m) + 0.4 * (s[1, 2] + s[2, 1])
    small = 0.5 * n + 0.3 * (b + b.dag())
    return {
        "squeezing": (
            qsp.System(
                0.7 * n + (0.3 + 0.2j) * b**2 + (0.3 - 0.2j) * b.dag() ** 2,
                [b, 0.5 * b**2, 0.4 * b.dag()],
            ),
            9,
        ),
        "Kerr, dephasing": (
            qsp.System(0.2 * n + 0.5 * b.dag() ** 2 * b**2 + 0.2 * (b + b.dag()), [b, 0.3 * n]),
            8,
        ),
        "thermal bath": (qsp.System(1.3 * n, [1.2 * b, 0.8 * b.dag()]), 8),
        "squeezed bath": (qsp.System(0.3 * n, [turn]), 9),
        "three photons": (qsp.System(0.15 * (b**3 + b.dag() ** 3), [b**3, 0.5 * b]), 8),
        "three levels and a mode": (
            qsp.System(
                0.5 * m.dag() * m + ladder, [0.6 * s[0, 2], 0.3 * s[1, 2], 0.5 * m, 0.1 * m.dag()]
            ),
            5,
        ),
        "large spins": (
            qsp.System(
                0.4 * j.z - 0.3 * k.z + 0.5 * (j.p * k.m + j.m * k.p) + 0.3 * j.x,
                [0.5 * j.m, 0.3 * k.p, 0.2 * (j.m + k.m)],
            ),
            None,
        ),
        "atom and mode": (
            qsp.System(
                m.dag() * m + 0.6 * S.z + 0.3j * (S.p * m - S.m * m.dag()) + 0.2 * (m + m.dag()),
                [0.3 * m, 0.5 * S.m, 0.1 * S.z],
            ),
            5,
        ),
        "rates of 1e-9": (qsp.System(1e-9 * small, [3e-5 * b, 1e-5 * b.dag()]), 6),
        "rates of 1e9": (qsp.System(1e9 * small, [3e4 * b, 1e4 * b.dag()]), 6),
        "fast and slow": (
            qsp.System(
                500 * S.z + 0.1 * m.dag() * m + 0.3 * S.x, [30 * S.m, 0.1 * m, 0.05 * m.dag()]
            ),
            4,
        ),
        "not diagonalisable": (qsp.System(0.125 * (S.p + S.m), [S.m]), None),
    }


SYSTEMS = list(systems())


@functools.cache
def case(name):
    system, cutoff = systems()[name]
    H, c_ops = system.qutip(cutoff)
    return system, ({} if cutoff is None else {"cutoff": cutoff}), H, qutip.liouvillian(H, c_ops)


def column(state):
    return state.full().reshape(-1, order="F")


@pytest.mark.parametrize("name", SYSTEMS)
def test_states_at_any_times(name):
    system, kw, H, L = case(name)
    matrix = L.full()
    rate = np.abs(matrix).max()
    times = np.array([0.0, 1e-3, 0.11, 0.5, 1.7, 6.0]) * 5 / rate
    options = {"method": "density", "store_states": True}
    for state in (qutip.rand_ket(H.dims[0], seed=3), qutip.rand_dm(H.dims[0], seed=4)):
        run = qsp.exactsolve(system, state, times, options=options, **kw)
        begin = column(state if state.isoper else qutip.ket2dm(state))
        for t, got in zip(times, run.states, strict=True):
            assert np.abs(column(got) - scipy.linalg.expm(matrix * t) @ begin).max() < 1e-10


@pytest.mark.parametrize("name", SYSTEMS)
def test_leading_modes_are_complete(name):
    """None twice, none missing, each with its partner; to the square root of the rounding where
    two of them coincide.
    """
    system, kw, _, L = case(name)
    values = np.linalg.eigvals(L.full())
    rate = np.abs(values).max()
    tolerance = rate * (1e-7 if name == "not diagonalisable" else 1e-10)
    modes = qsp.eigenmodes(system, k=6 if len(values) > 6 else 4, **kw)
    assert np.all(modes.residuals < 1e-10 * rate)
    left = list(values)
    for value in modes.eigenvalues:
        nearest = int(np.argmin(np.abs(np.array(left) - value)))
        assert abs(left.pop(nearest) - value) < tolerance
    # what is left lies further left, or is a partner that another order holds
    lowest = modes.eigenvalues.real.min()
    assert sum(x.real > lowest + 10 * tolerance for x in left) == 0


@pytest.mark.parametrize("name", [n for n in SYSTEMS if n != "fast and slow"])
def test_spectra_by_a_dense_resolvent(name):
    system, kw, H, L = case(name)
    operator = system.operators[0]
    a = operator[0, 1] if hasattr(operator, "levels") else getattr(operator, "m", operator)
    if name == "three levels and a mode":
        a = next(o for o in system.operators if hasattr(o, "dag"))
    matrix = system.matrix(a, kw.get("cutoff"))
    a_matrix = qutip.Qobj(getattr(matrix, "toarray", lambda: matrix)(), dims=H.dims)
    rho = qsp.steadystate(system, **kw)
    rate, d = np.abs(L.full()).max(), H.shape[0]
    assert np.abs(L.full() @ column(rho)).max() < 1e-12 * rate
    delta = a_matrix - qutip.expect(a_matrix, rho)
    s = qsp.spectrum(system, a, **kw)
    assert s.power == pytest.approx((delta.dag() * delta * rho).tr().real, abs=1e-10)
    top = s.peaks[0]
    for w in (top.frequency + 1e-7 * top.width, 0.07 * rate, -0.21 * rate):
        x = np.linalg.solve(1j * w * np.eye(d * d) - L.full(), column(delta * rho))
        want = 2 * np.trace(delta.dag().full() @ x.reshape(d, d, order="F")).real
        assert s(w) == pytest.approx(want, abs=1e-8 * top.height)
    near = np.array([s(top.frequency + x * top.width) for x in (-0.02, 0.0, 0.02)])
    assert near[1] == pytest.approx(top.height, rel=1e-9)
    assert np.all(near[[0, 2]] < top.height)


def test_what_does_not_move():
    """A dephased spin in a state of its own, which no generator changes: it had a division by zero.
    Between such states the coherence falls as the squared distance.
    """
    (s,) = qsp.spins(2)
    system = qsp.System(0 * s.z, [s.z])
    for method in ("auto", "density", "sectors"):
        run = qsp.exactsolve(
            system, [(0, 0, 1.0)], [0, 1, 1e6], e_ops={"z": s.z}, options={"method": method}
        )
        np.testing.assert_array_equal(run.e_data["z"], [1, 1, 1])
    run = qsp.exactsolve(system, [(1.0, 0, 0)], [0, 1.5], e_ops={"x": s.x})
    np.testing.assert_allclose(run.e_data["x"], [1, np.exp(-0.75)], atol=1e-10)


def test_ensembles_in_the_dark_have_no_fluctuations():
    """δaρ is nothing: its correlation function is zero, not an error; a delay of zero is one."""
    (A,) = qsp.atoms(8)
    dark = qsp.System(0.4 * A.z, [A.each.m, 0.3 * A.m])
    np.testing.assert_array_equal(qsp.correlation(dark, A.m, [0.0, 1.0, 2.0]), [0, 0, 0])
    driven = qsp.System(0.3 * A.x, [A.each.m])
    steady = qsp.steadystate(driven)
    assert qsp.correlation(driven, A.m, [0.0]) == pytest.approx(qsp.expect(A.p * A.m, steady))
