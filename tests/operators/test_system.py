"""System: what it refuses, its QuTiP objects, its Heisenberg equations and symmetries."""

import re

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from tests.systems import boson_reference as ref

B = qsp.modes(2)
REAL = st.integers(-4, 4).map(lambda k: k / 4)
NUMBER = st.tuples(REAL, REAL).map(lambda x: complex(*x))
LETTER = st.tuples(st.integers(0, 1), st.booleans())
WORD = st.lists(LETTER, min_size=1, max_size=3).map(tuple)
WORDS = st.lists(st.tuples(NUMBER, WORD), min_size=1, max_size=2)
SHORT = st.lists(
    st.tuples(NUMBER, st.lists(LETTER, min_size=1, max_size=2).map(tuple)), min_size=1, max_size=2
)


def hermitian(words):
    return words + ref.word_dag(words)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "make",
    [
        lambda b: b,
        lambda b: 1j * b.dag() * b,
        lambda b: b.dag() * b + 1j,
        lambda b: b.dag() ** 2 * b,
        lambda b: 1e-6j * b.dag() * b,
    ],
)
def test_hamiltonians_that_are_not_hermitian(make):
    with pytest.raises(ValueError, match=r"(?i)hamiltonian.*hermitian"):
        qsp.System(make(B[0]), [B[0]])


def test_a_hamiltonian_that_is_hermitian_to_rounding_is_accepted():
    b1, b2 = B
    H = 0.1 * b1.dag() * b2
    assert qsp.System(H * 3 + (0.1 * 3 + 1e-17) * b2.dag() * b1).hamiltonian.isherm
    z = np.exp(0.3j)
    assert qsp.System(
        (z / 3) * b1.dag() * b2 + (np.conj(z) * (1 / 3)) * b2.dag() * b1
    ).hamiltonian.isherm


def test_time_dependent_hermiticity():
    b = B[0]
    f = qutip.coefficient(lambda t: np.exp(1j * t))
    qsp.System(f * b + (f * b).dag())
    # what a coefficient is at the times of a run is known when it is run
    with pytest.raises(ValueError, match=r"(?i)hermitian"):
        qsp.mfsolve(qsp.System(f * b.dag() * b), [1.0, 0.0], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"(?i)hermitian"):
        qsp.System(f * b)
    g = qutip.coefficient(lambda t: np.cos(t))
    qsp.System(g * (b + b.dag()))


def test_complex_values_of_a_real_drive_are_refused_or_right():
    """g(t) x with g really real is Hermitian; with g complex it is not, and that may not pass
    silently.
    """
    b = B[0]
    g = qutip.coefficient(lambda t: 1j * t)
    with pytest.raises((ValueError, qsp.core.errors.SolverError), match=r"(?i)hermit"):
        system = qsp.System(g * (b + b.dag()), [b])
        qsp.mfsolve(system, [1.0, 0.0], [0.0, 1.0])


@pytest.mark.parametrize("bad", [1.0, "b", None, qutip.num(3)])
def test_wrong_types(bad):
    b = B[0]
    if bad != 1.0:  # a number is a constant Hamiltonian
        with pytest.raises(TypeError, match=r"(?i)hamiltonian"):
            qsp.System(bad, [b])
    with pytest.raises(TypeError, match=r"(?i)jump"):
        qsp.System(b.dag() * b, [bad])


@pytest.mark.parametrize("bad", [1.0, None, 0])
def test_jumps_that_are_no_list(bad):
    with pytest.raises(TypeError, match="jump"):
        qsp.System(B[0].dag() * B[0], bad)


def test_one_jump_without_a_list():
    """A single expression is either taken as one jump or refused by name, never iterated over."""
    b = B[0]
    try:
        system = qsp.System(b.dag() * b, b)
    except TypeError as error:
        assert "jump" in str(error)
    else:
        assert system.qutip(3)[1] == [b.qutip(3)]


def test_without_hamiltonian_part():
    b1, _b2 = B
    system = qsp.System(0 * b1, [b1])
    H, c_ops = system.qutip(3)
    assert H.dims == [[3, 3], [3, 3]]
    assert H.norm("max") == 0
    assert len(c_ops) == 1
    np.testing.assert_allclose(system.drift([1.0, 2.0]), [-0.5, 0], atol=1e-15)


@pytest.mark.parametrize("name", ["gain", "loss", "detuning", "coherent", "dissipative"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", None, 1j, [1, 2, 3]])
def test_parameters_of_the_pair(name, bad):
    with pytest.raises((ValueError, TypeError), match=name):
        qsp.van_der_pol_pair(**{name: bad})


@pytest.mark.parametrize("name", ["gain", "loss", "dissipative"])
def test_negative_rates(name):
    with pytest.raises(ValueError, match=name):
        qsp.van_der_pol_pair(**{name: -0.1})
    if name != "dissipative":
        with pytest.raises(ValueError, match=name):
            qsp.van_der_pol_pair(**{name: (1.0, -1e-9)})


@pytest.mark.parametrize("bad", [1, 0, -3, 2.5, (3,), (3, 4, 5), "12", None, np.nan, (3, 1), True])
def test_cutoffs(bad):
    with pytest.raises((ValueError, TypeError), match="cutoff"):
        qsp.van_der_pol_pair().qutip(cutoff=bad)


@pytest.mark.parametrize("beta", [[1.0], [1, 2, 3], [[1, 2]], [np.nan, 1], [np.inf, 0], "ab", None])
def test_amplitudes_of_the_flow(beta):
    system = qsp.van_der_pol_pair()
    for call in (system.drift, system.jacobian, system.diffusion, system.derivatives):
        with pytest.raises((ValueError, TypeError), match="beta"):
            call(beta)


# ---------------------------------------------------------------- QuTiP objects


def test_pair_is_the_documented_model():
    levels = (4, 6)
    H, c_ops = qsp.van_der_pol_pair(
        gain=(0.3, 0.7), loss=(0.2, 1.1), detuning=0.4, coherent=0.25, dissipative=0.6
    ).qutip(levels)
    a1, a2 = ref.destroy(levels)
    n1, n2 = a1.dag() * a1, a2.dag() * a2
    assert (H - (0.2 * (n1 - n2) + 0.25 * (a1.dag() * a2 + a2.dag() * a1))).norm("max") < 1e-14
    want = [
        0.3**0.5 * a1.dag(),
        0.7**0.5 * a2.dag(),
        0.2**0.5 * a1**2,
        1.1**0.5 * a2**2,
        0.6**0.5 * (a1 - a2),
    ]
    assert len(c_ops) == 5
    for w in want:
        assert sum((c - w).norm("max") < 1e-14 for c in c_ops) == 1
    for x in (H, *c_ops):
        assert type(x.data).__name__ == "CSR"
        assert x.dims == [[4, 6], [4, 6]]


def test_zero_rates_leave_no_jump():
    assert len(qsp.van_der_pol_pair(gain=(1, 0), loss=1, dissipative=0).qutip(4)[1]) == 3


def test_time_dependent_objects():
    b1, b2 = B
    f = qutip.coefficient(lambda t: np.exp(2j * t))
    g = qutip.coefficient(lambda t: 1 + t**2)
    H, c_ops = qsp.System(f * b1 + (f * b1).dag() + b2.dag() * b2, [g * b2, b1]).qutip((3, 4))
    a1, a2 = ref.destroy((3, 4))
    assert isinstance(H, qutip.QobjEvo)
    assert isinstance(c_ops[0], qutip.QobjEvo)
    assert isinstance(c_ops[1], qutip.Qobj)
    for t in (0.0, 0.9):
        z = np.exp(2j * t)
        assert (H(t) - (z * a1 + (z * a1).dag() + a2.dag() * a2)).norm("max") < 1e-14
        assert (c_ops[0](t) - (1 + t**2) * a2).norm("max") < 1e-14


@settings(max_examples=25)
@given(SHORT, SHORT)
def test_matrix_elements_of_random_systems(h, x):
    H, c_ops = qsp.System(ref.expression(hermitian(h), B), [ref.expression(x, B)]).qutip((6, 6))
    for got, words in zip((H, *c_ops), (hermitian(h), x), strict=False):
        np.testing.assert_allclose(
            ref.corner(got.full(), (6, 6), 3),
            ref.corner(ref.matrix(words, (6, 6)), (6, 6), 3),
            atol=1e-12,
        )


# ---------------------------------------------------------------- Heisenberg equations


@settings(max_examples=25)
@given(SHORT, SHORT, SHORT)
def test_adjoint_against_matrices(h, x, a):
    system = qsp.System(ref.expression(hermitian(h), B), [ref.expression(x, B)])
    words = ref.adjoint_words(hermitian(h), [x], a)
    low = 3
    size = low + 6
    got = system.adjoint(ref.expression(a, B)).qutip(size).full()
    np.testing.assert_allclose(
        ref.corner(got, (size, size), low),
        ref.corner(ref.matrix(words, (size, size)), (size, size), low),
        atol=1e-10,
    )


@settings(max_examples=10)
@given(SHORT, SHORT, SHORT, st.integers(0, 2**32 - 1))
def test_adjoint_is_the_rate_of_the_expectation_under_qutips_liouvillian(h, x, a, seed):
    """tr(A 𝓛ρ) with QuTiP's own Liouvillian, for a random state of few quanta in a large space."""
    system = qsp.System(ref.expression(hermitian(h), B), [ref.expression(x, B)])
    A = ref.expression(a, B)
    size = 9
    small = qutip.rand_dm([2, 2], seed=seed).full().reshape(2, 2, 2, 2)
    rho = np.zeros((size, size, size, size), dtype=complex)
    rho[:2, :2, :2, :2] = small
    rho = qutip.Qobj(rho.reshape(size**2, size**2), dims=[[size, size]] * 2)
    H, c_ops = system.qutip(size)
    drho = -1j * (H * rho - rho * H)
    for c in c_ops:
        drho += c * rho * c.dag() - 0.5 * (c.dag() * c * rho + rho * c.dag() * c)
    assert abs((A.qutip(size) * drho).tr() - (system.adjoint(A).qutip(size) * rho).tr()) < 1e-9


def test_adjoint_by_hand():
    b = B[0]
    number = b.dag() * b
    system = qsp.System(0.7 * number, [0.6**0.5 * b, 0.2**0.5 * b.dag(), 0.9**0.5 * b**2])
    rest = system.adjoint(number) - (-0.6 * number + 0.2 * (number + 1) - 1.8 * b.dag() ** 2 * b**2)
    assert all(abs(v) < 1e-14 for v in rest.terms.values())
    rest = system.adjoint(b) - ((-0.7j - 0.3 + 0.1) * b - 0.9 * b.dag() * b**2)
    assert all(abs(v) < 1e-14 for v in rest.terms.values())
    assert not system.adjoint(0 * b + 1)  # the trace is kept


# ---------------------------------------------------------------- symmetries


def charge_space(system):
    """Rows that span the conserved charges, as a projector, whatever basis the package chose."""
    w = np.asarray(system.symmetries.charges, dtype=float).reshape(-1, system.n)
    return np.linalg.pinv(w) @ w if len(w) else np.zeros((system.n, system.n))


def projector(*rows):
    w = np.array(rows, dtype=float)
    return np.linalg.pinv(w) @ w


def test_pair_has_the_common_phase():
    s = qsp.van_der_pol_pair().symmetries
    assert s.common_phase
    assert s.exchange == ()  # broken by the detuning
    assert s.vanishing_amplitudes == (True, True)
    assert not s.vanishing_coherences[0][1]
    np.testing.assert_allclose(charge_space(qsp.van_der_pol_pair()), projector([1, 1]), atol=1e-12)


def test_uncoupled_pair_has_both_phases():
    system = qsp.van_der_pol_pair(dissipative=0)
    np.testing.assert_allclose(charge_space(system), np.eye(2), atol=1e-12)
    assert system.symmetries.vanishing_coherences[0][1]
    assert system.symmetries.vanishing_coherences[1][0]


def test_exchange():
    assert qsp.van_der_pol_pair(detuning=0).symmetries.exchange == (
        (1, 0),
    )  # b1−b2 → −(b1−b2): equal up to a phase
    assert qsp.van_der_pol_pair(detuning=0, coherent=0.3).symmetries.exchange == ((1, 0),)
    assert qsp.van_der_pol_pair(detuning=0, gain=(1, 1.01)).symmetries.exchange == ()
    assert qsp.van_der_pol_pair(detuning=0, loss=(1, 1.01)).symmetries.exchange == ()
    b1, b2 = B
    assert qsp.System(0 * b1, [b1, 1j * b2]).symmetries.exchange == ((1, 0),)
    assert qsp.System(0 * b1, [b1, 2 * b2]).symmetries.exchange == ()
    assert qsp.System(0 * b1, [b1 + 1j * b2, b1 - 1j * b2]).symmetries.exchange == ((1, 0),)


def test_equal_up_to_a_phase_is_required_to_be_a_phase():
    b1, b2 = B
    # b1 + i b2 → b2 + i b1 = i (b1 − i b2): another operator
    assert qsp.System(0 * b1, [b1 + 1j * b2]).symmetries.exchange == ()
    # twice the same jump against once
    assert qsp.System(0 * b1, [b1, b1, b2]).symmetries.exchange == ()


def test_three_modes_on_a_ring_and_in_a_line():
    b1, b2, b3 = qsp.modes(3)
    ring = b1.dag() * b2 + b2.dag() * b3 + b3.dag() * b1
    loss = [b1, b2, b3]
    full = qsp.System(ring + ring.dag(), loss).symmetries.exchange
    assert set(full) == {(1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0)}
    chiral = 1j * ring
    assert set(qsp.System(chiral + chiral.dag(), loss).symmetries.exchange) == {
        (1, 2, 0),
        (2, 0, 1),
    }
    line = b1.dag() * b2 + b2.dag() * b3
    assert set(qsp.System(line + line.dag(), loss).symmetries.exchange) == {(2, 1, 0)}


@pytest.mark.parametrize("term", ["drive", "squeezing", "two-mode squeezing", "quadrature jump"])
def test_what_breaks_the_common_phase(term):
    b1, b2 = B
    H, jumps = 0.3 * b1.dag() * b1, [b1, b2]
    X = {
        "drive": b1 + b1.dag(),
        "squeezing": b1**2 + b1.dag() ** 2,
        "two-mode squeezing": b1 * b2 + (b1 * b2).dag(),
        "quadrature jump": None,
    }[term]
    if X is None:
        jumps = [b1 + b1.dag(), b2]
    else:
        H = H + X
    system = qsp.System(H, jumps)
    assert not system.symmetries.common_phase
    want = projector([1, -1]) if term == "two-mode squeezing" else projector([0, 1])
    np.testing.assert_allclose(charge_space(system), want, atol=1e-12)


def test_weighted_charge():
    b1, b2 = B
    H = b1.dag() ** 2 * b2
    system = qsp.System(H + H.dag() + b1.dag() * b1, [b1**2, b2])
    np.testing.assert_allclose(charge_space(system), projector([1, 2]), atol=1e-12)
    s = system.symmetries
    assert not s.common_phase
    assert s.vanishing_amplitudes == (True, True)
    assert s.vanishing_coherences[0][1]  # b1†b2 has charge 1


def test_vanishing_with_a_drive_on_one_mode():
    b1, b2 = B
    s = qsp.System(b1 + b1.dag(), [b1, b2]).symmetries
    assert s.vanishing_amplitudes == (False, True)
    assert s.vanishing_coherences[0][1]
    assert not s.vanishing_coherences[0][0]


def test_a_jump_that_mixes_charges_breaks_the_phase():
    b1, b2 = B
    assert not qsp.System(0 * b1, [b1 + b1.dag() * b1]).symmetries.vanishing_amplitudes[0]
    assert qsp.System(0 * b1, [b1.dag() * b1, b2]).symmetries.common_phase


@settings(max_examples=25)
@given(SHORT, SHORT, st.integers(0, 2**16))
def test_reported_charges_commute_with_qutips_liouvillian(h, x, seed):
    """Numerically: the map ρ → UρU† of every reported charge leaves the master equation alone."""
    system = qsp.System(ref.expression(hermitian(h), B), [ref.expression(x, B)])
    H, c_ops = system.qutip(4)
    rng = np.random.default_rng(seed)
    rho = rng.normal(size=(16, 16)) + 1j * rng.normal(size=(16, 16))
    n1, n2 = (np.diag((a.dag() * a).full()).real for a in ref.destroy((4, 4)))
    H, c = H.full(), (c_ops[0].full() if c_ops else np.zeros((16, 16)))

    def flow(r):
        return (
            -1j * (H @ r - r @ H)
            + c @ r @ c.conj().T
            - 0.5 * (c.conj().T @ c @ r + r @ c.conj().T @ c)
        )

    for w in np.asarray(system.symmetries.charges).reshape(-1, 2):
        u = np.exp(0.37j * (w[0] * n1 + w[1] * n2))
        turn = np.multiply.outer(u, u.conj())
        np.testing.assert_allclose(flow(turn * rho), turn * flow(rho), atol=1e-9)


def test_reported_exchanges_commute_with_qutips_liouvillian():
    """Numerically: swapping the modes of ρ leaves the master equation alone exactly when the swap
    is reported.
    """
    b1, b2 = B
    x = b1.dag() * b2
    hops = [
        0 * b1,
        x + x.dag(),
        1j * x - 1j * x.dag(),
        b1.dag() * b1 + b2.dag() * b2,
        0.3 * (b1.dag() * b1) + 0.2 * (b2.dag() * b2),
    ]
    sets = [
        [b1, b2],
        [b1 - b2],
        [b1 + 1j * b2],
        [b1 + 1j * b2, b2 + 1j * b1],
        [b1**2, b2.dag()],
        [b1 * b2],
        [b1.dag() * b2],
        [x, x.dag()],
        [b1, 1.1 * b2],
    ]
    rng = np.random.default_rng(1)
    rho = rng.normal(size=(16, 16)) + 1j * rng.normal(size=(16, 16))

    def swap(r):
        return r.reshape(4, 4, 4, 4).transpose(1, 0, 3, 2).reshape(16, 16)

    seen = set()
    for H in hops:
        for jumps in sets:
            system = qsp.System(H, jumps)
            h, c_ops = system.qutip(4)
            h, c_ops = h.full(), [c.full() for c in c_ops]

            def flow(r, h=h, c_ops=c_ops):
                out = -1j * (h @ r - r @ h)
                for c in c_ops:
                    out = out + c @ r @ c.conj().T - 0.5 * (c.conj().T @ c @ r + r @ c.conj().T @ c)
                return out

            invariant = bool(np.abs(swap(flow(rho)) - flow(swap(rho))).max() < 1e-10)
            assert (system.symmetries.exchange == ((1, 0),)) == invariant, system
            seen.add(invariant)
    assert seen == {True, False}


def test_hamiltonians_that_cease_to_be_hermitian_are_not_run_in_silence():
    """Hermitian up to t=45 only: refused at once, or stopped when it happens; never integrated."""
    b = B[0]
    g = qutip.coefficient(lambda t: 1j * (t > 45))
    for solve in (
        lambda s: qsp.mfsolve(s, [0.0, 0.0], [0, 44, 60]),
        lambda s: qsp.exactsolve(s, [0.0, 0.0], [44, 46], cutoff=8),
    ):
        with pytest.raises((ValueError, qsp.core.errors.SolverError), match=r"(?i)hermit"):
            solve(qsp.System(g * (b + b.dag()), [b, B[1]]))


def test_drives_that_are_interpolated_over_the_run():
    """The usual way to bring measured data in: defined between the first and the last time only."""
    from scipy.interpolate import interp1d

    b = B[0]
    x = np.linspace(0, 10, 101)
    table = interp1d(x, np.ones_like(x))
    system = qsp.System(qutip.coefficient(lambda t: float(table(t))) * (b + b.dag()), [b])
    got = qsp.mfsolve(system, [0.0, 0.0], [0, 1.0, 5.0])
    np.testing.assert_allclose(got.amplitudes[:, 0], -2j * (1 - np.exp(-got.times / 2)), atol=1e-9)


def test_exchange_of_many_modes_is_found_or_not_claimed_absent():
    """Identical damped modes are exchangeable, however many there are."""
    b = qsp.modes(7)
    assert qsp.System(0 * b[0], list(b)).symmetries.exchange


def test_a_model_survives_pickling():
    import pickle

    system = qsp.van_der_pol_pair(coherent=0.2)
    system.drift([1, 1j])
    again = pickle.loads(pickle.dumps(system))
    np.testing.assert_array_equal(again.jacobian([0.3, 1j]), system.jacobian([0.3, 1j]))
    assert again.adjoint(again.operators[0])


def test_model_that_is_stored_and_rebuilt():
    from qsyncplug.core.storage import build_model

    b1, b2 = B
    system = qsp.System(
        0.1 * b1.dag() * b2 + 0.1 * b2.dag() * b1, [(1 + 2j) * b1**2, b2 - b1.dag()], name="mine"
    )
    import json

    again = build_model(json.loads(json.dumps(system.to_dict())))
    beta = [0.3 - 0.2j, 1.1j]
    np.testing.assert_array_equal(again.drift(beta), system.drift(beta))
    np.testing.assert_array_equal(again.diffusion(beta), system.diffusion(beta))
    assert again.qutip(3)[0] == system.qutip(3)[0]


def test_texts():
    system = qsp.van_der_pol_pair()
    assert "b1" in repr(system)
    assert "U(1)" in repr(system)
    latex = system._repr_latex_()
    assert latex.count("{") == latex.count("}")


def _pulse(t):
    return 0.1 * np.cos(t)


def test_a_plain_function_of_time_is_shown_by_its_own_name(tmp_path):
    (b,) = qsp.modes(1)
    first = qsp.System(b.dag() * b + (b + b.dag()) * _pulse, [b])
    assert "H = b1† b1 + _pulse(t) b1† + _pulse(t) b1" in str(first)
    assert r"\mathrm{\_pulse}(t)" in first._repr_latex_()
    assert "_pulse(t) b<sub>1</sub>" in first._repr_html_()

    def other(t):
        return 0.1 * np.sin(t)

    # another function of that name cannot be taken for it
    other.__name__ = "_pulse"
    both = qsp.System(first.hamiltonian + other * (b + b.dag()), [b])
    names = set(re.findall(r"(\w+)\(t\)", str(both)))
    assert len(names) == 2 and "_pulse" in names
    assert all(re.fullmatch(r"_pulse(_[0-9a-f]{4})?", name) for name in names)
    # what has no name of its own is marked
    unnamed = qsp.System((b + b.dag()) * (lambda t: np.cos(t)), [b])
    assert re.search(r"\bf[0-9a-f]{4}\(t\)", str(unnamed))
    # a file keeps the name
    qsp.mfsolve(both, [0.1], [0.0, 1.0]).save(tmp_path / "x.npz")
    kept = qsp.load(tmp_path / "x.npz").model
    assert set(re.findall(r"(\w+)\(t\)", str(kept))) == names
