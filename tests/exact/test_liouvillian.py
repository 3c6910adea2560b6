"""The matrix-free generator against dense matrices, and exponentials against closed ones and
references.
"""

import tracemalloc
import warnings

import numpy as np
import pytest
import qutip
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from qsyncplug._ext.liouvillian import Generator, kernels_available

import qsyncplug as qsp
from qsyncplug.exact import liouvillian as module
from qsyncplug.exact.ellipse import Expansion
from qsyncplug.exact.krylov import KrylovStepper
from qsyncplug.exact.liouvillian import Liouvillian
from qsyncplug.exact.propagate import ChebyshevStepper

from .exact_reference import boundary_time_crystal, lindblad, oscillator, pair, superoperator


def draw(rng, d, banded=False):
    m = rng.standard_normal((d, d)) + 1j * rng.standard_normal((d, d))
    if banded:
        shifts = rng.integers(-d + 1, d, size=2)
        m = sum(np.diag(np.diag(m, int(s)), int(s)) for s in shifts)
    return m


def hermitian(rng, d):
    m = draw(rng, d)
    return m + m.conj().T


def random_system(seed, d, jumps, banded):
    rng = np.random.default_rng(seed)
    H = draw(rng, d, banded)
    return H + H.conj().T, [draw(rng, d, banded) for _ in range(jumps)], rng


@given(
    seed=st.integers(0, 10**6), d=st.integers(2, 40), jumps=st.integers(0, 3), banded=st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_products_of_random_systems(seed, d, jumps, banded):
    """Hermitian rows (half of them), general ones and kets; complex coefficients."""
    H, A, rng = random_system(seed, d, jumps, banded)
    L = Liouvillian(qutip.Qobj(H), [qutip.Qobj(a) for a in A])
    rho = hermitian(rng, d)
    want = lindblad(H, A, rho)
    scale = np.abs(want).max() + 1e-300
    half = L.hermitian()
    assert np.abs(half.unpack(half.kernel.apply(half.pack(rho))) - want).max() < 1e-13 * d * scale
    x = draw(rng, d)
    whole = L.general(np.arange(-d + 1, d))
    got = whole.unpack(whole.kernel.apply(whole.pack(x)))
    want = lindblad(H, A, x)
    assert np.abs(got - want).max() < 1e-13 * d * (np.abs(want).max() + 1e-300)
    psi = draw(rng, d)[0]
    M = -1j * H - 0.5 * sum((a.conj().T @ a for a in A), np.zeros((d, d)))
    ket = L.ket()
    got = ket.unpack(ket.kernel.apply(ket.pack(psi)))[:, 0]
    assert np.abs(got - M @ psi).max() < 1e-13 * d * np.abs(M @ psi).max()


def test_a_ket_is_packed_without_its_density_matrix():
    """Three diagonals of 1700 levels; the whole matrix would take 46 MB."""
    d, b = 1700, qutip.destroy(1700)
    rng = np.random.default_rng(2)
    psi = rng.standard_normal(d) + 1j * rng.standard_normal(d)
    rows = Liouvillian(b.dag() * b + 0.1j * (b - b.dag()), [b]).hermitian(np.arange(3))
    tracemalloc.start()
    packed = rows.pack(psi)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22
    rho = np.multiply.outer(psi, psi.conj())
    np.testing.assert_allclose(packed, rows.pack(rho), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("level", range(len(kernels_available())))
def test_every_instruction_set(level, monkeypatch):
    """Sizes around the lengths of registers, with real and complex terms."""
    monkeypatch.setattr(module, "Generator", lambda *a: Generator(*a, level))
    for d in (2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 65):
        b = qutip.destroy(d)
        rng = np.random.default_rng(d)
        rho = hermitian(rng, d)
        for H in (b + b.dag(), b.dag() * b + 1j * b**2 - 1j * b.dag() ** 2 + b + b.dag()):
            L = Liouvillian(H, [b, 0.3 * b.dag() + 0.2 * b**2])
            rows = L.hermitian()
            assert rows.kernel.instructions == kernels_available()[level]
            got = rows.unpack(rows.kernel.apply(rows.pack(rho)))
            want = lindblad(H.full(), [b.full(), (0.3 * b.dag() + 0.2 * b**2).full()], rho)
            assert np.abs(got - want).max() < 1e-14 * d * np.abs(want).max()


def test_real_coefficients_stay_real():
    """Drive, flip-flop and dissipative coupling alone are real in some gauge; two of them together
    are not.
    """
    alone = (pair(drive=0.5), pair(), pair(coherent=0.3, dissipative=0.0))
    for system in alone:
        H, c_ops = system.qutip(6)
        assert sum(Liouvillian(H, c_ops).vectors.complex) == 1  # the diagonal
    H, c_ops = pair(coherent=0.3).qutip(6)
    assert sum(Liouvillian(H, c_ops).vectors.complex) > 1


def test_diagonals_that_evolve_apart():
    """U(1) of a pair: orders modulo N−1; parity: every other one; no jump and no coupling: each
    alone.
    """
    H, c_ops = pair().qutip(6)
    L = Liouvillian(H, c_ops)
    assert L.period == 5
    assert set(L.diagonals(np.array([0]))) == {0, 5, 10, 15, 20, 25, 30, 35}
    assert set(L.diagonals(np.array([1])) % 5) == {1, 4}
    (b,) = qsp.modes(1)
    H, c_ops = qsp.System(b**2 + b.dag() ** 2, [b**2]).qutip(8)
    assert Liouvillian(H, c_ops).period == 2
    H, c_ops = qsp.System(b.dag() * b, [b]).qutip(8)
    assert Liouvillian(H, c_ops).period == 0


def test_functionals_and_norms():
    rng = np.random.default_rng(0)
    L = Liouvillian(*[x for x in pair(coherent=0.3).qutip(4)])
    rho, ops = hermitian(rng, 16), [draw(rng, 16) for _ in range(4)]
    rows = L.hermitian()
    x = rows.pack(rho)
    got = rows.read(x[None], rows.readout([np.asarray(o) for o in ops]))[0]
    assert np.abs(got - [np.trace(o @ rho) for o in ops]).max() < 1e-12
    assert rows.kernel.norm(x) == pytest.approx(np.linalg.norm(rho), rel=1e-14)
    assert rows.inner(x, x) == pytest.approx(np.linalg.norm(rho) ** 2, rel=1e-14)
    assert np.abs(rows.unpack(x) - rho).max() < 1e-15


def test_wrong_lengths_are_refused():
    kernel = Liouvillian(*pair().qutip(3)).hermitian().kernel
    with pytest.raises(ValueError, match="must hold 90 doubles"):
        kernel.apply(np.zeros(89))
    with pytest.raises(ValueError, match="factors"):
        kernel.set_factors(np.ones(3, complex))


def test_not_finite_operators_are_refused():
    m = qutip.Qobj(np.array([[np.nan, 0], [0, 1]]))
    with pytest.raises(ValueError, match="NaN"):
        Liouvillian(m, [])


# ---------------------------------------------------------------- expansions


@given(
    height=st.floats(0.01, 50),
    width=st.floats(0.01, 50),
    t=st.floats(0.01, 1.0),
    angle=st.floats(0, 2 * np.pi),
)
@settings(max_examples=60, deadline=None)
def test_the_scaled_series_is_the_exponential_on_its_ellipse(height, width, t, angle):
    if abs(height - width) < 0.05 * max(height, width):
        height *= 1.2
    e = Expansion(-width, height, width)
    count = e.terms(t, 1e-14)
    c = e.coefficients(t, count)
    z = complex(e.centre + width * np.cos(angle), height * np.sin(angle))
    alpha, shift, beta = e.recurrence
    F = [1.0, alpha * (z - shift)]
    while len(F) < count:
        F.append(2 * alpha * (z - shift) * F[-1] + beta * F[-2])
    # scaled: on the ellipse they never exceed 1
    assert np.abs(F).max() < 1 + 1e-9
    assert abs(np.dot(c, F[:count]) - np.exp(t * z)) < 1e-12


@given(seed=st.integers(0, 10**6), jumps=st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_exponentials_of_random_systems(seed, jumps):
    """Chebyshev and Krylov against the dense exponential, at uneven outputs; non-normal generators
    included.
    """
    H, A, rng = random_system(seed, 7, jumps, False)
    L = Liouvillian(qutip.Qobj(H), [qutip.Qobj(a) for a in A])
    rows = L.hermitian()
    psi = draw(rng, 7)[0]
    rho = np.outer(psi, psi.conj()) / np.vdot(psi, psi).real
    times = np.array([0.0, 0.02, 0.3, 0.31, 1.0, 3.0])
    S = superoperator(H, A)
    want = [(scipy.linalg.expm(t * S) @ rho.ravel()).reshape(7, 7) for t in times]
    stepper = ChebyshevStepper(rows, rows.pack(rho), 0.0, tolerance=1e-12)
    got = np.concatenate([w.rows for w in stepper.advance(times)])
    krylov = KrylovStepper(rows, rows.pack(rho), 0.0, tolerance=1e-12).advance(times)
    for k in range(len(times)):
        assert np.abs(rows.unpack(got[k]) - want[k]).max() < 2e-11
        assert np.abs(rows.unpack(krylov[k]) - want[k]).max() < 2e-11


def test_an_ellipse_that_is_far_too_small_is_noticed(monkeypatch):
    """Rejected and enlarged, or given up for the Krylov method: never a wrong number."""
    import qsyncplug.exact.propagate as propagate

    monkeypatch.setattr(propagate, "estimate_ellipse", lambda e: Expansion(-1.0, 0.5, 1.0))
    L = Liouvillian(*pair(detuning=4.0).qutip(5))
    rows = L.hermitian()
    rho = np.zeros((25, 25))
    rho[0, 0] = 1.0
    times = np.linspace(0, 2, 5)
    stepper = ChebyshevStepper(rows, rows.pack(rho), 0.0, tolerance=1e-11)
    got = np.concatenate([w.rows for w in stepper.advance(times) if len(w.times)])
    krylov = KrylovStepper(rows, rows.pack(rho), 0.0, tolerance=1e-12).advance(times)
    assert np.abs(got - krylov).max() < 1e-9
    assert stepper.counters.rejected > 0


def test_non_normal_generator():
    """The boundary time crystal: eigenvectors far from orthogonal."""
    H, c_ops = boundary_time_crystal(24, 0.5)
    L = Liouvillian(H, c_ops)
    rows = L.hermitian()
    rho = np.zeros((25, 25))
    rho[0, 0] = 1.0
    times = np.linspace(0, 20, 6)
    stepper = ChebyshevStepper(rows, rows.pack(rho), 0.0, tolerance=1e-12)
    got = [rows.unpack(r) for w in stepper.advance(times) if len(w.times) for r in w.rows]
    S = superoperator(H.full(), [c.full() for c in c_ops])
    step = scipy.linalg.expm(4.0 * S)
    want = rho.ravel().astype(complex)
    for k in range(6):
        assert np.abs(got[k] - want.reshape(25, 25)).max() < 1e-9
        want = step @ want


REFERENCE = {
    # system, cutoff, start, t, ⟨b1⟩, n1, purity
    "pair": (
        pair(),
        12,
        [1, 0.5j],
        2.0,
        0.2523535969039133 + 0.007195237418829149j,
        0.7710188001716571,
        0.16699528337003197,
    ),
    "pair, later": (
        pair(),
        12,
        [1, 0.5j],
        10.0,
        0.004425817543220727 + 0.0001659248217369364j,
        0.7936344257626469,
        0.14447270379659835,
    ),
    "large detuning": (
        pair(detuning=10, dissipative=0.1),
        10,
        [1, 0.5j],
        2.0,
        -0.29433716479600114 + 0.1894031201434186j,
        0.9586940618511409,
        0.1271459323250855,
    ),
    "large detuning, later": (
        pair(detuning=10, dissipative=0.1),
        10,
        [1, 0.5j],
        10.0,
        0.00528552053534981 + 0.0014428182937460889j,
        0.9576941841482896,
        0.09994042106302183,
    ),
    "driven": (
        oscillator(1, 0.2, 0.5, 1.0),
        30,
        [1],
        2.0,
        -0.22506487596085178 - 1.886055695644002j,
        4.649781230326751,
        0.4053765440749422,
    ),
    "driven, later": (
        oscillator(1, 0.2, 0.5, 1.0),
        30,
        [1],
        10.0,
        -1.3178120221768819 - 0.7164218609440878j,
        3.7353419279555284,
        0.3188601313567969,
    ),
}


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("method", ["density", "sectors"])
def test_reference_values(name, method):
    system, cutoff, start, t, b, n, purity = REFERENCE[name]
    options = {"method": method}
    if method == "sectors" and "driven" in name:
        with pytest.raises(ValueError, match="no phase symmetry"):
            qsp.exactsolve(system, start, [0.0, t], cutoff=cutoff, options=options)
        return
    run = qsp.exactsolve(system, start, np.linspace(0, t, 41), cutoff=cutoff, options=options)
    assert abs(run.amplitudes[-1, 0] - b) < 1e-10
    assert abs(run.normal[-1, 0, 0] - n) < 1e-10
    assert run.stats["drift"]["trace"] < 1e-12
    if method == "density":
        rho = run.states[-1].full()
        assert abs(np.vdot(rho, rho).real - purity) < 1e-10
        assert np.linalg.eigvalsh(rho)[0] > -1e-12


def test_inputs_that_failed_once():
    """R1: spectra with large imaginary parts."""
    system = qsp.van_der_pol_pair(loss=0.2, detuning=5, dissipative=0.5)
    times = np.linspace(0, 1, 11)
    run = qsp.exactsolve(system, [1, 1j], times, cutoff=24, options={"method": "sectors"})
    assert run.stats["drift"]["trace"] < 1e-11
    # against the Krylov method, which knows nothing of the spectrum
    H, c_ops = system.qutip(24)
    L = Liouvillian(H, c_ops)
    rows = L.hermitian(L.diagonals(np.array([0])))
    psi = qutip.tensor(*(qutip.coherent(24, a, method="analytic").unit() for a in (1, 1j))).full()
    last = KrylovStepper(rows, rows.pack(psi), 0.0, tolerance=1e-11).advance(times[-1:])
    n1 = system.operators[0].dag() * system.operators[0]
    want = rows.read(last, rows.readout([n1.qutip((24, 24)).data_as("csr_matrix")]))
    assert abs(run.normal[-1, 0, 0] - want[0, 0]) < 1e-9


@pytest.mark.parametrize("height", [0.02, 0.5, 0.9, 0.97, 1.03, 1.1, 3.0, 50.0])
def test_expansions_of_every_shape_up_to_their_longest_time(height):
    """On points of the ellipse, against the exponential; times that are too long have no count.

    Nearly circular ones were cut before their largest term, and gave zero for long times.
    """
    width, tail = 10.0, 1e-15
    e = Expansion(-width, height * width, width)
    alpha, shift, beta = e.recurrence
    points = -width + np.array([1, -1, 0.6, 0, 0]) * width
    points = points + 1j * height * width * np.array([0, 0, 0.8, 0.99, -0.99])
    for t in e.longest * np.array([1e-6, 1e-3, 0.1, 0.5, 1.0]):
        count = e.terms(t, tail)
        assert count >= 4
        before, here = np.zeros(5, complex), np.ones(5, complex)
        total = np.zeros(5, complex)
        for k, c in enumerate(e.coefficients(t, count)):
            total += c * here
            factor = alpha if k == 0 else 2 * alpha
            before, here = here, factor * (points - shift) * here + (beta * before if k else 0)
        assert np.abs(total - np.exp(points * t)).max() < 1e-12
    for t in e.longest * np.array([3.0, 10.0, 1e3, 1e6]):
        count = e.terms(t, tail)
        assert count == 0 or abs(e.coefficients(t, count)).max() > 0.01


def test_outputs_far_apart():
    """10⁵ decay times from one output to the next: the state was lost without a word."""
    (b,) = qsp.modes(1)
    system = qsp.System(0.3 * (b + b.dag()), [b])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = qsp.exactsolve(system, [0.5], [0.0, 1e3, 1e5], cutoff=10)
        rho = qsp.steadystate(system, cutoff=10)
    for state in run.states[1:]:
        assert abs((state - rho).full()).max() < 1e-10


@pytest.mark.parametrize("kind", ["hermitian", "ket"])
def test_a_window_that_loses_the_trace_is_given_away(monkeypatch, kind):
    """Or the norm, whatever the estimates say."""
    (b,) = qsp.modes(1)
    ket = kind == "ket"
    L = Liouvillian(*qsp.System(0.3 * (b + b.dag()), [] if ket else [b]).qutip(8))
    E = L.ket() if ket else L.hermitian()
    state = qutip.fock(8, 0) if ket else qutip.fock_dm(8, 0)
    stepper = ChebyshevStepper(E, E.pack(state.full()), 0.0)
    expand = stepper._expand

    def lossy(plan, table, out, *rest):
        expand(plan, table, out, *rest)
        if stepper.counters.rejected < 3:
            out *= 0.9

    monkeypatch.setattr(stepper, "_expand", lossy)
    rows = np.concatenate([w.rows for w in stepper.advance(np.array([0.5, 1.0]))])
    assert stepper.counters.rejected == 3
    kept = (rows**2).sum(axis=1) if ket else rows[:, :8].sum(axis=1)
    assert abs(kept - 1).max() < 1e-12
