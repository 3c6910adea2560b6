"""Two spin chains: the Hamiltonian and the jump operators in every representation, and what is
refused.
"""

import numpy as np
import pytest
import qutip
from qutip.piqs import piqs

import qsyncplug as qsp
from qsyncplug import CentralChain, SpinChains, collective_van_der_pol_pair
from qsyncplug.core import storage
from qsyncplug.core.errors import MemoryLimitError

EVERYTHING = {
    "loss": (0.1, 0.2),
    "thermal": (0.3, 0.1),
    "gain": (0.2, 0.05),
    "two_photon": 0.1,
    "dissipative": 0.3,
    "coherent": 0.25,
    "exchange": 0.4,
}

TIGHT = {"method": "vern9", "atol": 1e-13, "rtol": 1e-12}


def matrix(q):
    """Without Qobj arithmetic, which rounds small elements to zero."""
    return q.to("CSR").data_as("csr_matrix")


def projected(chains, operator):
    E = matrix(chains.isometry("collective", "spins"))
    return E.conj().T @ matrix(operator) @ E


@pytest.mark.parametrize("n", [(1, 1), (2, 2), (3, 2), (4, 4)])
@pytest.mark.parametrize("central", [True, False])
def test_all_spins_agree_with_collective_spins(n, central):
    chains = SpinChains(n=n, central=central, nonlinear=(0, 0.1), **EVERYTHING)
    E = matrix(chains.isometry("collective", "spins"))
    for full, small in zip(
        [chains.hamiltonian("spins"), *chains.c_ops("spins")],
        [chains.hamiltonian(), *chains.c_ops()],
        strict=True,
    ):
        assert abs(E.conj().T @ matrix(full) @ E - matrix(small)).max() < 1e-13
        # the symmetric states are invariant, not merely projected upon
        assert abs(matrix(full) @ E - E @ matrix(small)).max() < 1e-13


@pytest.mark.parametrize("n", [(1, 4), (5, 3), (12, 7)])
@pytest.mark.parametrize("bath", ["spin", "boson"])
def test_bosons_agree_with_collective_spins(n, bath):
    chains = SpinChains(n=n, bath=bath, engineered=bath, **EVERYTHING)
    E = matrix(chains.isometry("collective", "bosons"))
    pairs = zip(
        [chains.hamiltonian("bosons"), *chains.c_ops("bosons")],
        [chains.hamiltonian(), *chains.c_ops()],
        strict=True,
    )
    for boson, spin in pairs:
        assert abs(matrix(boson) - E @ matrix(spin) @ E.conj().T).max() < 1e-12


def test_the_hamiltonian_is_equation_3():
    n, g, omega, lam, omega0 = (3, 2), (1.5, 2.4), (1.0, 0.8), 0.3, 0.7
    H = SpinChains(n=n, g=g, omega=omega, omega0=omega0, exchange=lam).hamiltonian().full()
    one = [qutip.qeye(2), qutip.qeye(4), qutip.qeye(3)]

    def at(k, op):
        return qutip.tensor(*[op if j == k else one[j] for j in range(3)])

    wanted = omega0 / 2 * at(0, qutip.sigmaz())
    for j in range(2):
        J = [at(j + 1, qutip.jmat(n[j] / 2, axis)) for axis in "xyz"]
        s = [at(0, op) for op in (qutip.sigmax(), qutip.sigmay(), qutip.sigmaz())]
        wanted += g[j] / np.sqrt(n[j]) * sum(a * b for a, b in zip(s, J, strict=True))
        up = J[0] + 1j * J[1]
        wanted += omega[j] * (lam**2 * (up * up.dag() / n[j] - 0.5) + (1 - lam**2) * J[2] / n[j])
    assert np.abs(H - wanted.full()).max() < 1e-14


def test_every_dissipator_shifts_the_charge_by_a_definite_amount():
    chains = SpinChains(n=(3, 2), nonlinear=0.1, **EVERYTHING)
    _, z = chains.central_operators()
    charge = 0.5 * z + chains.jz(1) + chains.jz(2)
    H = chains.hamiltonian()
    assert np.abs((H * charge - charge * H).full()).max() < 1e-13
    for L in chains.c_ops():
        commutator = (charge * L - L * charge).full()
        full = L.full()
        where = np.abs(full) > 1e-12
        shifts = commutator[where] / full[where]
        assert np.ptp(shifts.real) < 1e-10
        assert abs(shifts[0]) > 0.9


def test_local_loss_and_dephasing_against_piqs():
    # independent: the Liouvillian of the Dicke basis with local emission and dephasing
    N, emission, dephasing = 3, 0.4, 0.3
    chains = SpinChains(
        n=(N, 1),
        central=False,
        omega=(1.3, 0),
        exchange=0,
        local_loss=(emission, 0),
        local_dephasing=(dephasing, 0),
    )
    system = piqs.Dicke(N, emission=emission, dephasing=dephasing)
    jz = piqs.jspin(N, "z")
    system.hamiltonian = 1.3 / N * jz
    start = piqs.dicke(N, N / 2, N / 2)
    t = np.linspace(0, 3, 7)
    wanted = qutip.mesolve(system.liouvillian(), start, t, e_ops=[jz], options=TIGHT).expect[0]
    full = qutip.tensor([qutip.basis(2, 0)] * (N + 1))
    found = qutip.mesolve(
        chains.hamiltonian("spins"),
        full,
        t,
        chains.c_ops("spins"),
        e_ops=[chains.jz(1, "spins")],
        options=TIGHT,
    ).expect[0]
    # piqs itself is 3e-8 off the closed form below
    assert np.abs(wanted - found).max() < 1e-7
    # independent spins: each is up with probability e^{−γt}
    assert np.abs(found - N * (np.exp(-emission * t) - 0.5)).max() < 1e-10
    # a coherence of one spin decays at γ/2 + γ_φ
    one = SpinChains(
        n=(1, 1),
        central=False,
        omega=0,
        exchange=0,
        local_loss=(emission, 0),
        local_dephasing=(dephasing, 0),
    )
    state = one.product_state(excitation=(0.5, 0), representation="spins")
    x = qutip.mesolve(
        one.hamiltonian("spins"),
        state,
        t,
        one.c_ops("spins"),
        e_ops=[one.lowering(1, "spins")],
        options=TIGHT,
    ).expect[0]
    assert np.abs(np.abs(x) - 0.5 * np.exp(-(emission / 2 + dephasing) * t)).max() < 1e-8


def test_a_thermal_bath_alone_leads_to_its_boltzmann_state():
    nbar = 0.4
    chains = SpinChains(n=(4, 1), central=False, omega=0, exchange=0, loss=(0.3, 0.3), thermal=nbar)
    import qsyncplug as qsp

    rho = qsp.steadystate(chains).full().diagonal().real.reshape(5, 2).sum(axis=1)
    ratio = nbar / (nbar + 1)
    wanted = ratio ** np.arange(5)[::-1]
    assert np.abs(rho - wanted / wanted.sum()).max() < 1e-12


def test_product_states_are_spin_coherent_in_every_representation():
    chains = SpinChains(n=(4, 3))
    for representation in ("collective", "bosons", "spins"):
        state = chains.product_state("up", (0.3, 0.6), (0.4, -1), representation)
        _, z = chains.central_operators(representation)
        assert abs(qutip.expect(z, state) - 1) < 1e-14
        for j, (n, x, phi) in enumerate([(4, 0.3, 0.4), (3, 0.6, -1)], start=1):
            assert abs(qutip.expect(chains.jz(j, representation), state) - n * (x - 0.5)) < 1e-13
            assert (
                abs(
                    qutip.expect(chains.lowering(j, representation), state)
                    - n * np.sqrt(x * (1 - x)) * np.exp(1j * phi)
                )
                < 1e-13
            )
    big = SpinChains(n=(1200, 1)).product_state(excitation=(0.4, 0))
    assert abs(big.norm() - 1) < 1e-12
    mixed = chains.product_state(
        0.25 * qutip.ket2dm(qutip.basis(2, 0)) + 0.75 * qutip.ket2dm(qutip.basis(2, 1))
    )
    assert mixed.isoper
    assert abs(mixed.tr() - 1) < 1e-14


def test_explicit_central_chain_report():
    # three spins with equal couplings: the doublet of H = K(S1·S2+S2·S3) lies at −K, the next at 0
    chains = SpinChains(n=(2, 2), g=(0.3, 0.2), central_chain=CentralChain(3, exchange=8.0))
    report = chains.doublet(np.linspace(0, 4, 9), excitation=(0.5, 0.2))
    assert abs(report.gap - 8.0) < 1e-12
    # ⟨σ_z⟩ of the middle spin in the doublet is −1/3, of the end spins 2/3
    assert np.allclose(report.transverse, -1 / 3, atol=1e-12)
    assert np.allclose(report.longitudinal, -1 / 3, atol=1e-12)
    ends = SpinChains(n=(2, 2), central_chain=CentralChain(3, exchange=8.0, sites=(0, 2))).doublet()
    assert np.allclose(ends.transverse, 2 / 3, atol=1e-12)
    assert np.allclose(ends.effective_g, (1.0, 1.6))
    # second order: the weight outside falls like 1/K², so four times the exchange makes it 16 times
    # smaller
    stiff = SpinChains(
        n=(2, 2), g=(0.3, 0.2), central_chain=CentralChain(3, exchange=32.0)
    ).doublet(np.linspace(0, 4, 9), excitation=(0.5, 0.2))
    assert 8 < report.leakage / stiff.leakage < 32
    assert stiff.error < report.error
    assert "gap" in str(report)
    # a frustrated ring: fourfold ground level
    assert SpinChains(n=1, central_chain=CentralChain(3, boundary="periodic")).doublet().gap < 1e-12


def test_nearest_neighbours_and_rings():
    # two spins are neighbours of each other, three on a ring as well
    for n, boundary in ((2, "open"), (3, "periodic")):
        a = SpinChains(n=n, geometry="chain", boundary=boundary, exchange=0.7).hamiltonian("spins")
        b = SpinChains(n=n, exchange=0.7).hamiltonian("spins")
        assert abs(matrix(a) - matrix(b)).max() < 1e-14
    # an open chain of three lacks the bond of the ends: ω λ²/(2N)(σxσx+σyσy) has norm ωλ²/N
    a = SpinChains(n=(3, 1), central=False, geometry="chain", exchange=1, omega=(1, 0)).hamiltonian(
        "spins"
    )
    b = SpinChains(n=(3, 1), central=False, exchange=1, omega=(1, 0)).hamiltonian("spins")
    assert abs(abs(np.linalg.eigvalsh((b - a).full())).max() - 1 / 3) < 1e-12


def test_latex_is_the_statement():
    text = SpinChains(n=(4, 3), loss=0.1, dissipative=0.25)._repr_latex_()
    assert r"1.5\,J_{1,z}\,s_{z}" in text and r"L_{1} &= 0.158114\,J_{1,-}" in text
    assert r"L_{3} &= 0.5\,b_{1} - 0.5\,b_{2}" in text
    assert r"\sqrt{N_j - b_j^\dagger b_j}" in text and "N_1 = 4, N_2 = 3" in text
    alone = SpinChains(n=2, central=False, geometry="chain", local_loss=1.0)._repr_latex_()
    assert r"L_{4} &= s_{4,-}" in alone and r"\tfrac12 \sigma" in alone
    assert "sqrt" not in collective_van_der_pol_pair(4)._repr_latex_()


def test_round_trip_through_a_file():
    chains = SpinChains(n=(3, 2), central_chain=CentralChain(3), nonlinear=0.1, **EVERYTHING)
    assert storage.build_model(chains.to_dict()) == chains


def test_the_collective_pair_is_the_one_of_the_specification():
    chains = collective_van_der_pol_pair(n=6, gain=1, loss=4, detuning=0.1, dissipative=0.5)
    j1, j2 = chains.lowering(1), chains.lowering(2)
    H = 0.05 * (chains.jz(1) - chains.jz(2))
    assert abs(matrix(chains.hamiltonian()) - matrix(H)).max() < 1e-14
    wanted = [j1.dag(), 2 * j1 * j1 / 6, j2.dag(), 2 * j2 * j2 / 6, np.sqrt(0.5) * (j1 - j2)]
    for found, w in zip(chains.c_ops(), wanted, strict=True):
        assert abs(matrix(found) - matrix(w) / np.sqrt(6)).max() < 1e-14


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n must be at least 1"),
        ({"n": (2, 2, 2)}, "pair"),
        ({"exchange": 1.2}, "exchange must be between 0 and 1"),
        ({"loss": -1}, "loss must be at least 0"),
        ({"g": (1, np.nan)}, "g must be finite"),
        ({"thermal": 1}, "thermal"),
        ({"central": False, "g": 1}, "g and omega0 must be 0"),
        ({"geometry": "ring"}, "geometry"),
        ({"central": False, "central_chain": CentralChain(3)}, "central_chain"),
    ],
)
def test_bad_models(arguments, words):
    with pytest.raises(ValueError, match=words):
        SpinChains(**arguments)


def test_bad_requests():
    chains = SpinChains(n=(2, 2))
    with pytest.raises(ValueError, match="odd"):
        CentralChain(4)
    with pytest.raises(ValueError, match="order"):
        chains.hamiltonian("series")
    with pytest.raises(ValueError, match="order must be at least 1"):
        chains.hamiltonian("series", order=0)
    with pytest.raises(ValueError, match="representation must be one of"):
        chains.hamiltonian("fermions")
    with pytest.raises(ValueError, match=r"belongs? to"):
        chains.hamiltonian("collective", order=2)
    with pytest.raises(ValueError, match="use representation='spins'"):
        SpinChains(n=3, geometry="chain").hamiltonian()
    with pytest.raises(ValueError, match="use representation='spins'"):
        SpinChains(n=3, local_loss=0.1).c_ops("bosons")
    with pytest.raises(ValueError, match="dims of the representation 'spins'"):
        chains.embed(chains.product_state(representation="spins"))
    with pytest.raises(ValueError, match="excitation"):
        chains.product_state(excitation=1.5)
    with pytest.raises(ValueError, match="doublet needs an explicit central chain"):
        chains.doublet()
    with pytest.raises(TypeError, match="n must be an integer"):
        SpinChains(n=2.5)
    with pytest.raises(MemoryLimitError, match="GiB"):
        SpinChains(n=(30, 30)).hamiltonian("spins")


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr("qsyncplug.core.checks.available_memory", lambda: 2**30)
    chains = SpinChains(n=(3000, 3000))
    for call in (
        lambda: chains.hamiltonian(),
        lambda: chains.product_state(excitation=0.3, representation="spins"),
        lambda: qsp.van_der_pol_pair().qutip(3000),
    ):
        with pytest.raises(MemoryLimitError, match="GiB"):
            call()
