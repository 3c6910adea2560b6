"""Modes, spins, levels and ensembles in one expression, against matrices of QuTiP."""

import copy
import pickle
import subprocess
import sys
import textwrap
import weakref

import numpy as np
import pytest
import qutip
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp

(b,) = qsp.modes(1)
S, half = qsp.spins(3, 1)
(s,) = qsp.levels(3)
(A,) = qsp.atoms(2)
FOCK = 14
DIMS = [FOCK, 4, 2, 3, 2, 2]
SYSTEM = qsp.System(b.dag() * b + S.z + half.z + s[1, 1] + A.z, [], order=[b, S, half, s, A])
LETTERS = {
    "b": b,
    "b†": b.dag(),
    "S+": S.p,
    "S-": S.m,
    "Sz": S.z,
    "Sx": S.x,
    "σx": half.x,
    "σy": half.y,
    "σz": half.z,
    "s01": s[0, 1],
    "s20": s[2, 0],
    "s00": s[0, 0],
    "s12": s[1, 2],
    "A+": A.p,
    "A-": A.m,
    "Az": A.z,
    "Ay": A.y,
}
NUMBER = st.tuples(st.integers(-3, 3), st.integers(-3, 3)).map(lambda x: complex(*x))
WORDS = st.lists(
    st.tuples(NUMBER, st.lists(st.sampled_from(sorted(LETTERS)), max_size=4)),
    min_size=1,
    max_size=3,
)


def sparse(operator):
    return operator.to("CSR").data_as("csr_matrix")


def reference(name):
    """The letter as QuTiP has it, on the whole space."""
    one = [qutip.qeye(d) for d in DIMS]
    spin, spinor = (lambda a: qutip.jmat(1.5, a)), (lambda a: qutip.jmat(0.5, a))
    at = {
        "b": (0, qutip.destroy(FOCK)),
        "b†": (0, qutip.create(FOCK)),
        "S+": (1, spin("+")),
        "S-": (1, spin("-")),
        "Sz": (1, spin("z")),
        "Sx": (1, spin("x")),
        "σx": (2, spinor("x")),
        "σy": (2, spinor("y")),
        "σz": (2, spinor("z")),
        "s01": (3, qutip.basis(3, 0) * qutip.basis(3, 1).dag()),
        "s20": (3, qutip.basis(3, 2) * qutip.basis(3, 0).dag()),
        "s00": (3, qutip.fock_dm(3, 0)),
        "s12": (3, qutip.basis(3, 1) * qutip.basis(3, 2).dag()),
    }
    if name in at:
        one[at[name][0]] = at[name][1]
        return sparse(qutip.tensor(one))
    parts = []
    for k in (4, 5):
        here = list(one)
        here[k] = spinor(name[1])
        parts.append(sparse(qutip.tensor(here)))
    return parts[0] + parts[1]


REFERENCE = {name: reference(name) for name in LETTERS}


def expression(words):
    return sum((a * np.prod([1, *(LETTERS[x] for x in w)]) for a, w in words), 0 * b)


def matrix(words):
    size = int(np.prod(DIMS))
    total = scipy.sparse.csr_matrix((size, size), dtype=complex)
    for a, w in words:
        part = scipy.sparse.identity(size, format="csr")
        for x in w:
            part = part @ REFERENCE[x]
        total = total + a * part
    return total


def low(array, keep=5):
    """Columns of Fock states from which no word of eight letters reaches the cut-off."""
    n = keep * int(np.prod(DIMS[1:]))
    return array[:, :n].toarray()


def full(e):
    return sparse(SYSTEM.matrix(e, FOCK))


@settings(max_examples=25, deadline=None)
@given(WORDS)
def test_words_are_the_matrices_of_their_letters(words):
    np.testing.assert_allclose(low(full(expression(words))), low(matrix(words)), atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(WORDS, WORDS)
def test_products_daggers_and_zero(x, y):
    X, Y = expression(x), expression(y)
    np.testing.assert_allclose(low(full(X * Y)), low(matrix(x) @ matrix(y)), atol=1e-9)
    assert abs(full(X.dag()) - full(X).conj().T).max() < 1e-10
    assert abs(full(X.canonical()) - full(X)).max() < 1e-10
    assert (X * Y).dag() == Y.dag() * X.dag()
    assert not (X * Y - X * Y)
    assert (X + X.dag()).isherm


@settings(max_examples=25, deadline=None)
@given(WORDS)
def test_equal_means_equal_matrices(words):
    X = expression(words)
    size = np.abs(low(full(X))).max()
    assert (X == 0) == (size < 1e-12)


@pytest.mark.parametrize("N", range(1, 7))
def test_relations_of_the_spin(N):
    (S,) = qsp.spins(N)
    J = N / 2
    assert qsp.commutator(S.x, S.y) == 1j * S.z
    assert S.x**2 + S.y**2 + S.z**2 == J * (J + 1)
    assert S.p ** (N + 1) == 0
    assert not (S.m ** (N + 1))
    assert S.p**N != 0
    levels = 0 * S.z + 1
    for k in range(N + 1):
        levels = levels * (S.z - (J - k))
    assert levels == 0
    for a in "xyz+-":
        name = {"+": "p", "-": "m"}.get(a, a)
        np.testing.assert_allclose(
            getattr(S, name).qutip().full(), qutip.jmat(J, a).full(), atol=1e-14
        )


def test_a_spin_one_half_is_reduced_at_once():
    (h,) = qsp.spins(1)
    assert (h.x**2).terms == {((), ()): 0.25}
    assert repr(h.p * h.z) == "-0.5 S1+"
    assert repr(h.m * h.p) == "-S1z + 0.5"


@pytest.mark.parametrize("N", range(1, 6))
def test_ensembles_are_sums_over_qubits(N):
    (E,) = qsp.atoms(N)
    one = [qutip.qeye(2)] * N

    def summed(op):
        return sum(qutip.tensor([*one[:k], op, *one[k + 1 :]]) for k in range(N)).full()

    p, m, z = summed(qutip.sigmap()), summed(qutip.sigmam()), summed(qutip.sigmaz() / 2)
    np.testing.assert_allclose(E.p.qutip().full(), p, atol=1e-14)
    np.testing.assert_allclose(
        (E.p * E.m * E.m * E.z * E.p).qutip().full(), p @ m @ m @ z @ p, atol=1e-12
    )
    assert E.p ** (N + 1) == 0
    assert qsp.commutator(E.p, E.m) == 2 * E.z


@settings(max_examples=15, deadline=None)
@given(WORDS, WORDS, WORDS, st.tuples(NUMBER, NUMBER, NUMBER))
def test_adjoint_is_the_generator_of_the_matrices(h, ls, x, c):
    """i[H,X] + Σ(L†XL − ½{L†L, X}), with a jump of every atom."""
    H = expression(h)
    H = H + H.dag()
    each = c[0] * A.each.p + c[1] * A.each.m + c[2] * A.each.z
    L, X = expression([(a, w[:2]) for a, w in ls[:1]]), expression([(a, w[:2]) for a, w in x[:2]])
    system = qsp.System(H + 0 * SYSTEM.hamiltonian, [L, each], order=[b, S, half, s, A])
    got = low(full(system.adjoint(X)), 3)
    _, c_ops = system.qutip(FOCK)
    matrices = [sparse(o) for o in c_ops]
    Hm, Xm = full(H), full(X)
    want = 1j * (Hm @ Xm - Xm @ Hm)
    for M in matrices:
        want = want + M.conj().T @ Xm @ M - 0.5 * (M.conj().T @ M @ Xm + Xm @ M.conj().T @ M)
    scale = 1 + np.abs(low(want, 3)).max()
    np.testing.assert_allclose(got / scale, low(want, 3) / scale, atol=1e-12)


def test_order_of_the_tensor_factors():
    H = S.z * b.dag() * b + s[1, 1] + A.z
    assert [x.name for x in qsp.System(H).symbols] == ["S1", "S2", "b1", "s1", "A1"]
    assert qsp.System(H, order=[A, s, b, half, S]).levels(5) == [2, 2, 3, 5, 2, 4]
    with pytest.raises(ValueError, match="order must hold each"):
        qsp.System(H, order=[b, S])
    with pytest.raises(TypeError, match="cutoff is needed"):
        qsp.System(H).qutip()


def test_what_is_refused():
    other, *_ = qsp.spins(3)
    with pytest.raises(ValueError, match="two calls of spins"):
        S.p * other.m
    with pytest.raises(ValueError, match="share the name"):
        qsp.System(S.z, [other.m])
    with pytest.raises(TypeError, match="jump of every atom"):
        A.each.p * b
    with pytest.raises(TypeError, match="jump of every atom"):
        b * A.each.p
    with pytest.raises(TypeError, match=r"qsyncplug.atoms\(3\)"):
        _ = S.each.p
    with pytest.raises(ValueError, match="Hermitian"):
        qsp.System(S.p + b)
    with pytest.raises(TypeError):
        qsp.System(A.each.z)
    with pytest.raises(TypeError, match="two levels"):
        s[0]
    for make in (qsp.spins, qsp.levels, qsp.atoms):
        for bad in (0, -1, 1.5, True, "2"):
            with pytest.raises((TypeError, ValueError)):
                make(bad)
        with pytest.raises(TypeError):
            make()


@pytest.mark.parametrize("build", [lambda: qsp.modes(10**9), lambda: qsp.modes(2**62)])
def test_more_symbols_than_memory(build):
    with pytest.raises(qsp.core.errors.MemoryLimitError):
        build()


def test_powers_of_more_than_a_minute():
    (a,) = qsp.modes(1)
    with pytest.raises(ValueError, match="more than a minute"):
        (a + a.dag()) ** 3000
    assert ((a + a.dag()) ** 60).degree == 60


def test_text_and_latex():
    X = 0.5 * b.dag() * S.m + (0.5 * b.dag() * S.m).dag() + s[0, 1] * A.p - 1
    assert repr(X) == "0.5 b1† S1- + 0.5 b1 S1+ + s1[0,1] A1+ - 1"
    assert r"S_{1,-}" in X._repr_latex_()
    assert r"|0\rangle\langle 1|_{s_{1}}" in X._repr_latex_()
    assert repr(2 * A.each.z) == "each(2 A1e - 1)"
    text = qsp.System(X + X.dag(), [A.each.p], name="all").summary()
    assert "spin 3/2" in text and "3 levels" in text and "2 atoms" in text


# ------------------------------------------------------------ identity


def drive(t):
    return np.cos(t)


def other_drive(t):
    return np.sin(3 * t)


def test_symbols_and_systems_keep_their_identity():
    for X in (b, S.p * half.z, s[0, 1], A.p, S.x + drive * b):
        for back in (pickle.loads(pickle.dumps(X)), copy.deepcopy(X), copy.copy(X)):
            assert back == X
            assert (back - X) == 0
    for handle in (b, S, s, A):
        assert pickle.loads(pickle.dumps({handle: 1}))[handle] == 1
    system = qsp.System(S.z + b.dag() * b, [drive * b, A.each.p])
    back = pickle.loads(pickle.dumps(system))
    assert back.hamiltonian == system.hamiltonian
    assert back.jumps[0] == system.jumps[0] and back.jumps[1] == system.jumps[1]
    assert back.symbols == system.symbols


def test_functions_of_time_are_told_apart_in_another_process(tmp_path):
    """A system unpickled where other functions were made first keeps its own."""
    (a,) = qsp.modes(1)
    f = qutip.coefficient(drive)
    system = qsp.System(f * (a + a.dag()) + 2 * (drive * a.dag() * a))
    want = system.drift([0.3 + 1j], 0.5)
    path = tmp_path / "system.pickle"
    path.write_bytes(pickle.dumps((system, a)))
    code = textwrap.dedent(f"""
        import pickle, numpy as np, qutip, qsyncplug as qsp
        from tests.operators.test_mixed import other_drive
        (c,) = qsp.modes(1)
        g = qutip.coefficient(other_drive)
        mine = g * (c + c.dag()) + other_drive * c
        system, a = pickle.load(open({str(path)!r}, "rb"))
        both = system.hamiltonian + g * a.dag() * a
        assert len(both.terms) == len(system.hamiltonian.terms) + 1
        again = pickle.loads(pickle.dumps(system))
        assert again.hamiltonian == system.hamiltonian
        print(repr(complex(system.drift([0.3 + 1j], 0.5)[0])))
    """)
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert abs(complex(out.strip().splitlines()[-1]) - want[0]) < 1e-15


def test_coefficients_are_not_kept_alive():
    class Table:
        def __call__(self, t):
            return np.cos(t)

    (a,) = qsp.modes(1)
    function = Table()
    gone = weakref.ref(function)
    X = function * (a + a.dag())
    assert (X + function * a).terms.keys() == X.terms.keys()
    del function
    assert gone() is not None
    del X
    assert gone() is None


def test_saved_systems(tmp_path):
    system = qsp.System(
        0.3 * b.dag() * S.m + 0.3 * b * S.p + s[0, 1] + s[1, 0],
        [A.each.p, 0.5 * A.m],
        order=[A, s, b, S, half],
    )
    from qsyncplug.core import storage

    back = storage.build_model(system.to_dict())
    assert back.hamiltonian == system.hamiltonian
    assert back.symbols == system.symbols
    assert list(back.jumps) == list(system.jumps)


# ------------------------------------------------------------ symmetries


def test_charges_of_mixtures():
    tavis = qsp.System(0.3 * (b.dag() * S.m + b * S.p) + S.z, [b])
    names, charges = tavis.symmetries.columns, tavis.symmetries.charges
    assert names == ("b1", "S1", "S2")
    kept = {tuple(c) for c in charges}
    assert kept == {(1, 1, 0), (0, 0, 1)}
    # the counter-rotating coupling alone conserves the difference
    anti = qsp.System(b.dag() * half.p + b * half.m, [b])
    assert any(c[0] == -c[2] != 0 for c in anti.symmetries.charges)


def test_charges_of_levels_are_found_and_not_assumed():
    """A Λ atom driven on 0-2 by the mode and decaying 2→1: labels 0, 0, 1 and 0, 1, 1 with the
    mode.
    """
    system = qsp.System(b.dag() * s[0, 2] + b * s[2, 0], [0.5 * s[1, 2], 0.1 * b])
    rows = {tuple(c) for c in system.symmetries.charges}
    assert len(rows) == 2
    for q, _, q2 in rows:
        assert q == q2


def test_charges_are_those_of_the_matrices():
    system = qsp.System(
        0.3 * (b.dag() * S.m + b * S.p) + 0.2 * (s[0, 2] * b.dag() + s[2, 0] * b), [b, s[1, 2]]
    )
    H, _ = system.qutip(5)
    labels = system.labels(5) @ system.symmetries.charges.T
    i, j = H.full().nonzero()
    assert np.array_equal(labels[i], labels[j])
