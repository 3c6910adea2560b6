"""Eigenmodes, spectra, correlations and steady states against closed forms, QuTiP and
references.
"""

import numpy as np
import pytest
import qutip
import scipy.integrate
import scipy.linalg
import scipy.sparse

import qsyncplug as qsp
from qsyncplug.core.errors import CutoffWarning, QsyncplugWarning, SolverError
from qsyncplug.exact import decay_modes, steady, symmetric
from qsyncplug.exact import fluctuation as fluctuation_module
from qsyncplug.exact.curve import Spectrum

from .exact_reference import boundary_time_crystal, oscillator, pair, superoperator


def spin_pair():
    a, b = qsp.spins(6, 6)
    jumps = [np.sqrt(1 / 6) * a.p, np.sqrt(1 / 6) * b.p, np.sqrt(1 / 3) * (a.m + b.m)]
    return qsp.System(0.15 * (a.z - b.z), jumps)


# slowest eigenvalues that are not zero; two methods agreed to 4e-13
MODES = {
    "oscillator 0": (oscillator(1, 0.2, 0.5), 30, 0, [-0.9733748246797154, -2.049177961516324]),
    "oscillator 1": (
        oscillator(1, 0.2, 0.5),
        30,
        1,
        [-0.147509148311199 - 0.5j, -1.44792702664478 - 0.5j],
    ),
    "oscillator 2": (oscillator(1, 0.2, 0.5), 30, 2, [-0.557256566723735 - 1j]),
    "driven": (
        oscillator(1, 0.2, 0.5, 1.0),
        30,
        None,
        [-0.419773464875182 + 0.393417791115946j, -0.96118271163478 + 0.962956972767697j],
    ),
    "pair 0": (pair(), 10, 0, [-1.473475997241329 + 0.407932971863497j, -2.35628179500901]),
    "pair 1": (pair(), 10, 1, [-0.482957011664584, -1.16072164295237]),
    "pair 2": (pair(), 10, 2, [-1.23966931552412]),
    "time crystal": (
        boundary_time_crystal(),
        None,
        None,
        [-0.0367859836498867, -0.0724396037954325 + 1.10188058788339j, -0.104558379428393],
    ),
    "spins 0": (spin_pair(), None, 0, [-0.556412134358631, -0.580088624809061]),
    "spins 1": (spin_pair(), None, 1, [-0.598095971882465 + 0.586118777589854j]),
}


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("dense", [True, False])
def test_leading_modes(name, dense, monkeypatch):
    """Whole spectra of blocks, and Arnoldi on the propagator."""
    system, cutoff, order, want = MODES[name]
    if dense and name == "time crystal":
        pytest.skip("1681 elements: only the other way")
    monkeypatch.setattr(decay_modes, "_DENSE", 10**4 if dense else 5)
    r = qsp.eigenmodes(system, 6 if name != "oscillator 2" else 4, cutoff=cutoff, order=order)
    for value in want:
        assert (
            np.abs(r.eigenvalues - value).min() < 1e-11
            or np.abs(r.eigenvalues - np.conj(value)).min() < 1e-11
        )
    assert np.all(np.diff(r.eigenvalues.real) < 1e-9)
    assert r.residuals.max() < 1e-10
    assert r.gap == pytest.approx(-want[0].real, abs=1e-11)
    if order in (None, 0):
        assert abs(r.eigenvalues[0]) < 1e-11
        assert r.modes[0].tr() == pytest.approx(1, abs=1e-10)


def test_spin_chains_have_modes_and_spectra():
    """Two chains without a central spin, in their symmetric states."""
    chains = qsp.SpinChains(n=(2, 3), omega=(1.0, 0.7), loss=0.2, gain=0.1, central=False)
    r = qsp.eigenmodes(chains, 4, order=1)
    H, c_ops = chains.hamiltonian(), chains.c_ops()
    values = np.linalg.eigvals(superoperator(H.full(), [c.full() for c in c_ops]))
    for value in r.eigenvalues:
        assert np.abs(values - value).min() < 1e-9
    a = chains.lowering(1)
    s = qsp.spectrum(chains, a, [0.5, 1.0, 1.2])
    want = qutip.spectrum(H, s.w, c_ops, a.dag(), a, solver="solve")
    assert np.abs(s.values - want).max() < 1e-8 * want.max()


def test_all_orders_and_what_sees_them():
    """A damped oscillator: λ=−(m+n)κ/2 − i(m−n)ω for |m⟩⟨n|-like modes."""
    (b,) = qsp.modes(1)
    system = qsp.System(0.7 * b.dag() * b, [b])
    r = qsp.eigenmodes(system, 6, cutoff=9)
    want = [0, -0.5 - 0.7j, -0.5 + 0.7j, -1, -1 - 1.4j, -1 + 1.4j]
    for value in want:
        assert np.abs(r.eigenvalues - value).min() < 1e-10
    for value, order in zip(r.eigenvalues, r.orders, strict=True):
        assert value.imag == pytest.approx(-0.7 * order, abs=1e-10)
    seen = r.overlaps(qutip.destroy(9))
    assert [o for o, s in zip(r.orders, seen, strict=True) if s > 1e-9] == [1]
    assert r.gap == pytest.approx(0.5, abs=1e-11)


def test_oscillations_that_persist():
    """A dark state of two levels: coherence that turns for ever."""
    H = qutip.Qobj(np.diag([0.0, 1.3, 0.4]))
    r = qsp.eigenmodes((H, [qutip.basis(3, 0) * qutip.basis(3, 2).dag()]), 9)
    assert sorted(np.round(r.persistent, 10)) == [-1.3, 1.3]


def _twins():
    """A driven, pumped mode, and two of them that do not meet: λ_i+λ_j, all but λ_i=λ_j twice."""

    def system(modes):
        H = sum(0.5 * a.dag() * a + 0.2 * (a + a.dag()) for a in modes)
        return qsp.System(H, [c * x for a in modes for c, x in ((1.0, a), (0.3, a.dag()))])

    return system(qsp.modes(1)), system(qsp.modes(2)), 2, 5


def _triplets():
    def system(spins):
        H = sum(0.5 * s.z + 0.3 * s.x for s in spins)
        return qsp.System(H, [c * x for s in spins for c, x in ((0.6, s.m), (0.3, s.p))])

    return system(qsp.spins(2)), system(qsp.spins(2, 2, 2)), 3, None


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
@pytest.mark.parametrize("case", [_twins, _triplets])
def test_eigenvalues_that_occur_several_times(case):
    """Sums of the eigenvalues of one, each as often as it occurs; too many elements for LAPACK."""
    one, several, count, cutoff = case()
    H, c_ops = one.qutip(cutoff)
    own = sums = np.linalg.eigvals(superoperator(H.full(), [c.full() for c in c_ops]))
    for _ in range(count - 1):
        sums = np.add.outer(sums, own).ravel()
    r = qsp.eigenmodes(several, 14, cutoff=cutoff)
    want = np.sort(sums.real)[::-1][:14]
    assert np.abs(r.eigenvalues.real - want).max() < 1e-11
    assert r.residuals.max() < 1e-10
    vectors = np.array([m.full().ravel() / m.norm("fro") for m in r.modes])
    # copies of one eigenvalue have vectors of their own
    assert np.linalg.svd(vectors)[1].min() > 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_random_systems_against_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    d = 6
    H = rng.standard_normal((d, d)) + 1j * rng.standard_normal((d, d))
    H = H + H.conj().T
    A = [rng.standard_normal((d, d)) + 1j * rng.standard_normal((d, d)) for _ in range(2)]
    system = (qutip.Qobj(H), [qutip.Qobj(a) for a in A])
    values = np.linalg.eigvals(superoperator(H, A))
    r = qsp.eigenmodes(system, 5)
    assert np.abs(np.sort(r.eigenvalues.real) - np.sort(values.real)[-5:]).max() < 1e-10
    rho = qsp.steadystate(system)
    a = qutip.Qobj(rng.standard_normal((d, d)) + 1j * rng.standard_normal((d, d)))
    mean = qutip.expect(a, rho)
    delta = a - mean
    w = np.linspace(-3, 3, 7)
    want = qutip.spectrum(system[0], w, system[1], delta.dag(), delta, solver="solve")
    s = qsp.spectrum(system, a, w)
    assert np.abs(s.values - want).max() < 1e-8 * np.abs(want).max()
    assert s.coherent == pytest.approx(mean, abs=1e-10)
    tau = np.linspace(0, 2, 5)
    c = qutip.correlation_2op_1t(
        system[0], rho, tau, system[1], a.dag(), a, options={"atol": 1e-12, "rtol": 1e-10}
    )
    assert np.abs(qsp.correlation(system, a, tau) - c).max() < 1e-7 * np.abs(c).max()
    assert np.abs(s.correlation(tau) + abs(s.coherent) ** 2 - c).max() < 1e-7 * np.abs(c).max()


# system, cutoff, and what is known of the spectrum: peak, width, height, power, mean
SPECTRA = {
    "oscillator": (
        (oscillator(1, 0.2, 0.5), 30),
        (0.5, 0.29538286206877074, 40.73028288875121, 3.03822840553898, 0),
    ),
    "driven": (
        (oscillator(1, 0.2, 0.5, 1.0), 30),
        (0.393166663211437, 0.8112391824163768, 7.986700547601708, 1.5398162935981181)
        + (-1.2850015664016046 - 0.7515559636395902j,),
    ),
    "driven, weakly": (
        (oscillator(1, 0.5, 0.2, 0.3), 24),
        (0.1919897996030191, 0.7217487466603452, 7.51835324664251, 1.358006272080384)
        + (-0.26969144192725314 - 0.49043867023808974j,),
    ),
    "pair": (
        (pair(), 10),
        (0.06272849944829614, 1.0221047735204905, 2.952086907470448, 0.7936314976966866, 0),
    ),
    "pair, detuned": (
        (pair(2.0), 10),
        (0.8716841560571843, 1.6321518237072528, 1.8119534369272075, 0.7121308966039497, 0),
    ),
}


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("direct", [True, False])
def test_peaks_of_spectra(name, direct, monkeypatch):
    """From a factorised resolvent and from GMRES."""
    if not direct:
        monkeypatch.setattr(fluctuation_module, "_LU_ORDER", 0)
        monkeypatch.setattr(fluctuation_module, "_LU_WHOLE", 0)
    (system, cutoff), (peak, width, height, power, mean) = SPECTRA[name]
    s = qsp.spectrum(system, system.operators[0], cutoff=cutoff)
    assert s.frequency == pytest.approx(peak, abs=1e-9)
    assert s.linewidth == pytest.approx(width, abs=1e-9)
    assert s.peaks[0].height == pytest.approx(height, rel=1e-9)
    assert s.power == pytest.approx(power, rel=1e-10)
    assert s.coherent == pytest.approx(mean, abs=1e-10)
    assert s(s.frequency) == pytest.approx(height, rel=1e-9)
    assert s.values.shape == s.w.shape
    assert s.values.min() > -1e-12 * height


def test_the_sum_rule_and_the_lorentzian():
    """A thermal mode: S=2nγ/(γ²+(ω−Δ)²)…, ∫S dω/2π=n."""
    (b,) = qsp.modes(1)
    nbar, kappa, delta = 0.4, 0.6, -1.2
    jumps = [np.sqrt(kappa * (nbar + 1)) * b, np.sqrt(kappa * nbar) * b.dag()]
    s = qsp.spectrum(qsp.System(delta * b.dag() * b, jumps), b, cutoff=40)
    w = np.linspace(-4, 2, 31)
    want = nbar * kappa / ((kappa / 2) ** 2 + (w - delta) ** 2)
    assert np.abs(s(w) - want).max() < 1e-8
    assert s.frequency == pytest.approx(delta, abs=1e-9)
    assert s.linewidth == pytest.approx(kappa, abs=1e-8)
    tau = np.linspace(0, 5, 11)
    c = qsp.correlation(qsp.System(delta * b.dag() * b, jumps), b, tau, cutoff=40)
    # b† turns as e^{+iΔτ}
    assert np.abs(c - nbar * np.exp(1j * delta * tau - kappa / 2 * tau)).max() < 1e-8


def test_nothing_fluctuates_in_a_coherent_state():
    (b,) = qsp.modes(1)
    with pytest.warns(QsyncplugWarning, match="nothing fluctuates"):
        s = qsp.spectrum(qsp.System(0.3 * (b + b.dag()), [b]), b, [0.0, 1.0], cutoff=14)
    assert s.power < 1e-12
    assert np.all(s.values == 0)
    assert np.isnan(s.frequency)
    assert s.coherent == pytest.approx(-0.6j, abs=1e-9)
    assert s.peaks == []


@pytest.mark.parametrize("gain, unit", [(1e-15, 1.0), (1e-24, 1.0), (0.2, 1e-12)])
def test_small_fluctuations_have_a_spectrum(gain, unit):
    """A mode that is hardly excited, and an operator in another unit: the Lorentzian."""
    (b,) = qsp.modes(1)
    nbar, width = gain / (1 - gain), 1 - gain
    s = qsp.spectrum(qsp.System(0.4 * b.dag() * b, [b, gain**0.5 * b.dag()]), unit * b, cutoff=22)
    assert s.power == pytest.approx(unit**2 * nbar, rel=1e-11)
    assert s.frequency == pytest.approx(0.4, abs=1e-9)
    assert s.linewidth == pytest.approx(width, rel=1e-9)
    assert s.peaks[0].height == pytest.approx(unit**2 * 4 * nbar / width, rel=1e-9)


def test_fluctuations_beside_a_coherent_amplitude_are_told_from_rounding():
    """A driven mode at 1e-8 thermal quanta: the error says what cancels."""
    (b,) = qsp.modes(1)
    system = qsp.System(0.3 * (b + b.dag()), [b, 1e-4 * b.dag()])
    s = qsp.spectrum(system, b, cutoff=18)
    nbar = 1e-8 / (1 - 1e-8)
    assert s.power == pytest.approx(nbar, rel=max(s.error, 1e-8))
    assert 1e-8 < s.error < 1e-5
    assert s.peaks[0].height == pytest.approx(4 * nbar, rel=10 * s.error)


def test_what_has_no_spectrum():
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: np.cos(t))
    with pytest.raises(ValueError, match="time"):
        qsp.spectrum(qsp.System(f * (b + b.dag()), [b]), b, cutoff=8)
    with pytest.raises(ValueError, match="jump"):
        qsp.spectrum(qsp.System(b.dag() * b), b, cutoff=8)
    with pytest.raises(ValueError, match="unstable"):
        qsp.spectrum(qsp.System(b.dag() * b, [1.2 * b.dag(), b]), b, cutoff=12)
    with pytest.raises(SolverError, match=r"no spectrum.*unique"):
        qsp.spectrum(qsp.System(b.dag() * b, [b**2]), b, cutoff=8)
    for c_op in (qutip.destroy(5), qutip.basis(4, 0)):
        with pytest.raises(ValueError, match=r"c_ops\[0\] of system must be an operator"):
            qsp.eigenmodes((qutip.num(4), [c_op]), 3)
    nan = np.diag([1, np.nan])
    for H in (qutip.Qobj(nan), qutip.Qobj(nan).to("Dia"), qutip.Qobj(scipy.sparse.csr_matrix(nan))):
        with pytest.raises(ValueError, match=r"H of system must be finite"):
            qsp.steadystate((H, [qutip.destroy(2)]))
    with pytest.raises(ValueError, match=r"a must be finite"):
        qsp.spectrum((qutip.num(2), [qutip.destroy(2)]), qutip.Qobj(nan))
    for call in (qsp.eigenmodes, lambda pair, **kw: qsp.spectrum(pair, qutip.destroy(4), **kw)):
        with pytest.raises(ValueError, match=r"cutoff: a pair \(H, c_ops\) has its levels"):
            call((qutip.num(4), [qutip.destroy(4)]), cutoff=9)
    with pytest.raises(ValueError, match="cutoff: a mean field and samples have none"):
        qsp.spectrum(oscillator(), b, cutoff=8, mean=[1.0])
    with pytest.raises(TypeError, match=r"c_ops\[1\]"):
        qsp.eigenmodes((qutip.num(4), [qutip.destroy(4), 1.0]), 3)
    with pytest.warns(CutoffWarning, match="cutoff="):
        qsp.eigenmodes(oscillator(), 2, cutoff=7, order=0)
    with pytest.warns(CutoffWarning, match="cutoff="):
        qsp.eigenmodes(oscillator(), 2, cutoff=7, order=1)
    with pytest.warns(CutoffWarning, match="cutoff="):
        qsp.spectrum(oscillator(), oscillator().operators[0].qutip(7), cutoff=7)
    with pytest.raises((TypeError, ValueError), match=r"a must"):
        qsp.spectrum(oscillator(), qutip.destroy(5), cutoff=12)
    with pytest.raises(TypeError, match=r"a must"):
        qsp.spectrum(oscillator(), "b", cutoff=12)
    system = oscillator()
    with pytest.raises(ValueError, match="taulist"):
        qsp.correlation(system, system.operators[0], [0.0, -1.0], cutoff=12)
    with pytest.raises(ValueError, match="order"):
        qsp.eigenmodes(oscillator(drive=1.0), 3, cutoff=8, order=1)
    with pytest.raises(ValueError, match="does not occur"):
        qsp.eigenmodes(oscillator(), 3, cutoff=8, order=9)
    with pytest.raises(TypeError, match="k must"):
        qsp.eigenmodes(oscillator(), 2.5, cutoff=8)
    with pytest.raises(TypeError, match="system must"):
        qsp.eigenmodes(3)


# ---------------------------------------------------------------- steady states without a symmetry


@pytest.mark.parametrize(
    "cutoff, n, b, purity",
    [
        (12, 0.9778529819350169, -0.13818147787967422 - 0.5381320625929088j, 0.18394685107221373),
        (16, 0.9778531426502718, -0.13818157936586775 - 0.5381324409628703j, 0.1839469146859103),
    ],
)
def test_driven_pairs(cutoff, n, b, purity):
    system = pair(drive=0.5)
    with np.errstate(all="ignore"):
        rho = qsp.steadystate(system, cutoff=cutoff)
    b1 = system.operators[0].qutip((cutoff, cutoff))
    assert qutip.expect(b1.dag() * b1, rho) == pytest.approx(n, abs=2e-10)
    assert qutip.expect(b1, rho) == pytest.approx(b, abs=2e-10)
    assert rho.purity() == pytest.approx(purity, abs=2e-10)


@pytest.mark.parametrize("omega", [0.5, 1.5])
def test_non_normal_effective_generators(omega):
    """Boundary time crystals: eigenvectors of M far from orthogonal, or a singular M."""
    H, c_ops = boundary_time_crystal(70, omega)
    rho = qsp.steadystate((H, c_ops))
    assert abs((rho - qutip.steadystate(H, c_ops)).full()).max() < 1e-10


def test_parity_alone_leaves_two_steady_states(monkeypatch):
    """A squeezing drive with two-photon loss: even and odd apart; the initial state decides."""
    (b,) = qsp.modes(1)
    monkeypatch.setattr(steady, "_DIRECT", 10)
    system = qsp.System(0.4 * (b**2 + b.dag() ** 2), [b**2])
    with pytest.raises(SolverError, match=r"unique.*state0"):
        qsp.steadystate(system, cutoff=16)
    even = qsp.steadystate(system, cutoff=16, state0=qutip.fock(16, 0))
    odd = qsp.steadystate(system, cutoff=16, state0=qutip.fock(16, 1))
    parity = qutip.Qobj(np.diag((-1.0) ** np.arange(16)))
    assert qutip.expect(parity, even) == pytest.approx(1, abs=1e-9)
    assert qutip.expect(parity, odd) == pytest.approx(-1, abs=1e-9)
    H, c_ops = system.qutip(16)
    options = {"method": "vern7", "atol": 1e-11, "rtol": 1e-9, "nsteps": 10**6}
    late = qutip.mesolve(H, qutip.fock(16, 1), [0, 40.0], c_ops, options=options)
    assert abs((late.final_state - odd).full()).max() < 1e-8


def test_an_initial_state_whose_oscillation_never_ends():
    """A free spin beside a damped one."""
    (a,) = qsp.modes(1)
    (s,) = qsp.spins(1)
    system = qsp.System(a.dag() * a + 0.5 * s.z, [a])
    up = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    with pytest.raises(SolverError, match="stationary"):
        qsp.steadystate(system, cutoff=5, state0=qutip.tensor(qutip.basis(5, 0), up))


def test_a_low_cutoff_is_warned_about_and_served():
    """A twentieth in the highest level: the spectrum of the truncated system, by its resolvent."""
    (b,) = qsp.modes(1)
    system = qsp.System(0.4 * b.dag() * b + 0.6 * (b + b.dag()), [b, 0.5 * b.dag()])
    with pytest.warns(CutoffWarning, match="cutoff="):
        s = qsp.spectrum(system, b, [-0.5, 0.4], cutoff=4)
    H, c_ops = system.qutip(4)
    L, rho, a = qutip.liouvillian(H, c_ops), qutip.steadystate(H, c_ops), qutip.destroy(4)
    assert rho.diag()[-1].real > 0.03
    a = a - qutip.expect(a, rho)
    for w, value in zip(s.w, s.values, strict=True):
        x = np.linalg.solve(
            1j * w * np.eye(16) - L.full(), qutip.operator_to_vector(a * rho).full()
        )
        exact = 2 * (qutip.operator_to_vector(a).dag().full() @ x).real.item()
        assert value == pytest.approx(exact, rel=1e-9)


def test_ensembles_by_moments_against_their_states(monkeypatch):
    """A Qobj is an operator of the states of all atoms; an expression goes by the moments."""
    monkeypatch.setattr(symmetric, "_FEW", 0)
    (A,) = qsp.atoms(4)
    system = qsp.System(0.3 * A.z, [0.4 * A.m, 0.5 * A.each.p])
    exact = qsp.spectrum(system, system.matrix(A.m), [-1.0, 0.3, 2.0])
    s = qsp.spectrum(system, A.m, exact.w)
    np.testing.assert_allclose(s.values, exact.values, rtol=1e-9)
    assert s.power == pytest.approx(exact.power, rel=1e-11)
    assert s.linewidth == pytest.approx(exact.linewidth, rel=1e-8)
    tau = [0.0, 0.4, 1.5]
    by_states = qsp.correlation(system, system.matrix(A.m), tau)
    np.testing.assert_allclose(qsp.correlation(system, A.m, tau), by_states, atol=1e-9)


def test_driven_ensembles_beside_a_mode(monkeypatch):
    """Every coherence, and a mode cut to three levels, by the resolvent of all states."""
    monkeypatch.setattr(symmetric, "_FEW", 0)
    (a,), (A,) = qsp.modes(1), qsp.atoms(3)
    coupling = 0.5 * (a * A.p + a.dag() * A.m)
    system = qsp.System(0.2 * a.dag() * a + coupling + 0.3 * A.x, [a, 0.4 * A.each.p, 0.3 * A.m])
    with pytest.warns(CutoffWarning):
        exact = qsp.spectrum(system, system.matrix(a, 3), [-0.4, 0.7], cutoff=3)
    with pytest.warns(CutoffWarning):
        found = qsp.spectrum(system, a, exact.w, cutoff=3)
    np.testing.assert_allclose(found.values, exact.values, rtol=1e-8)
    assert found.coherent == pytest.approx(exact.coherent, abs=1e-10)


def test_the_spectrum_of_many_atoms_holds_their_number():
    (A,) = qsp.atoms(15)
    system = qsp.System(0.3 * A.z, [0.4 * A.m, 0.5 * A.each.p])
    s = qsp.spectrum(system, A.m)
    number = qsp.expect(A.p * A.m, qsp.steadystate(system))
    assert s.power == pytest.approx(number.real, rel=1e-10)
    area = scipy.integrate.quad(s, -np.inf, np.inf, limit=400, epsabs=1e-9)[0] / (2 * np.pi)
    assert area == pytest.approx(number.real, rel=1e-6)
    with pytest.raises(ValueError, match="time"):
        f = qutip.coefficient(lambda t: np.cos(t))
        qsp.spectrum(qsp.System(f * A.z, [A.m]), A.m)


def test_peaks_say_how_far_they_can_be_trusted():
    system = oscillator(1, 0.2, 0.5)
    s = qsp.spectrum(system, system.operators[0], cutoff=30)
    top = s.peaks[0]
    assert top.height_error == pytest.approx(s.error * top.height, rel=1e-9)
    assert abs(top.width - 0.29538286207) < max(top.width_error, 1e-10)
    assert abs(top.frequency - 0.5) < max(top.frequency_error, 1e-10)


@pytest.mark.parametrize("seed", [*range(6), 62, 427])
def test_no_peak_hides_between_overlapping_lines(seed):
    """Six broad lines with phases: as many maxima as on a grid of a thousandth of a width."""
    rng = np.random.default_rng(seed)
    poles = -rng.uniform(0.2, 1.5, 6) + 1j * rng.uniform(-3, 3, 6)
    weights = rng.uniform(0.2, 1, 6) * np.exp(1j * rng.normal(0, 0.5, 6))
    s = Spectrum(np.diag(1 / (1 - poles)), weights, np.ones(6, complex), 1.0, 0j, 1.0, 1e-9)
    w = np.linspace(-30, 30, 120_001)
    values = 2 * (1 / (1j * w[:, None] - poles) @ weights).real
    inner = values[1:-1]
    top = (inner > values[:-2]) & (inner > values[2:]) & (inner > 1e-3 * values.max())
    assert [p.frequency for p in sorted(s.peaks, key=lambda p: p.frequency)] == pytest.approx(
        w[1:-1][top].tolist(), abs=6e-4
    )
    for p in s.peaks:
        # the flatter, the less is known of its place
        bend = (s(p.frequency + 1e-3) - 2 * p.height + s(p.frequency - 1e-3)) / 1e-6
        scale = p.width if np.isfinite(p.width) else np.sqrt(-8 * p.height / bend)
        assert p.frequency_error == pytest.approx(-1e-9 * values.max() / scale / bend, rel=0.01)


def test_a_line_far_away_is_not_taken_for_known_too_early():
    """10⁵ widths from the shift: the curve hardly changes between few vectors, and is not right."""
    (b,) = qsp.modes(1)
    system = qsp.System(1e5 * b.dag() * b + 0.8 * (b + b.dag()), [b.dag(), b**2])
    s = qsp.spectrum(system, b, cutoff=13)
    # the drive, which is far away, moves nothing: the curve is that of the order 1 alone
    free = qsp.spectrum(qsp.System(0 * b, [b.dag(), b**2]), b, cutoff=13)
    assert s.linewidth == pytest.approx(free.linewidth, rel=1e-8)
    assert s.peaks[0].height == pytest.approx(free.peaks[0].height, rel=1e-8)


def test_correlation_of_a_curve_that_fills_its_krylov_space():
    """A spin of 5 levels: the 25th vector is rounding, its pole lies at ±1e16."""
    (J,) = qsp.spins(4)
    system = qsp.System(0.4 * J.z + 0.3 * J.x + 0.2 * J.y, [0.5 * J.m, 0.2 * J.z])
    s, tau = qsp.spectrum(system, J.m), np.array([0.0, 0.3, 1.7, 4.0, 60.0])
    found = s.correlation(tau) + abs(s.coherent) ** 2
    H, c_ops = system.qutip()
    L, rho = qutip.liouvillian(H, c_ops).full(), qsp.steadystate(system)
    a = system.matrix(J.m).full()
    start = (a @ rho.full()).reshape(-1, order="F")
    for t, value in zip(tau, found, strict=True):
        later = (scipy.linalg.expm(L * t) @ start).reshape(a.shape, order="F")
        assert abs(value - np.trace(a.conj().T @ later)) < 1e-9
    with pytest.raises(ValueError, match="negative delays; it holds -1"):
        s.correlation([-1.0, 0.0])


@pytest.mark.parametrize("unit", [1e-13, 1e13])
def test_leading_modes_in_any_unit_of_time(unit):
    """A damped mode: −(m+n)/2 of a rate. In a small unit all of them counted as equal."""
    (b,) = qsp.modes(1)
    r = qsp.eigenmodes(qsp.System(0.7 * unit * b.dag() * b, [np.sqrt(unit) * b]), 6, cutoff=9)
    want = [0, -0.5, -0.5, -1, -1, -1]
    np.testing.assert_allclose(r.eigenvalues.real / unit, want, atol=1e-10)


@pytest.mark.parametrize("turns", [3e2, 3e4, 3e6])
def test_error_of_lines_that_turn_much_faster_than_they_decay(turns):
    """A spin about the x axis, with gain and loss along it: two Lorentzian lines of S_y. Rounding
    alone is 5·10⁻⁹ of their height at last, and the error said 4·10⁻¹⁵.
    """
    (s,) = qsp.spins(1)
    up, down = s.y + 1j * s.z, s.y - 1j * s.z
    gain, loss = 0.02, 0.08
    found = qsp.spectrum(qsp.System(turns * s.x, [gain**0.5 * up, loss**0.5 * down]), 2 * s.y)
    half = 0.5 * (gain + loss)
    w = turns * np.array([-1, 1]) + half * np.linspace(-2, 2, 5)[:, None]
    weights = np.array([[loss], [gain]]) / (gain + loss)
    lines = zip(weights, (-turns, turns), strict=True)
    want = sum(2 * p * half / ((w - x) ** 2 + half**2) for p, x in lines)
    off = np.abs(found(w) - want).max() / want.max()
    assert off < 5 * found.error < 1e-13 * turns / half
    assert [p.frequency for p in found.peaks] == pytest.approx([-turns, turns], rel=1e-9)
    for peak, place in zip(found.peaks, (-turns, turns), strict=True):
        assert abs(peak.frequency - place) < 5 * peak.frequency_error
