"""Labels and numbers that a verdict must not give: short runs, unconnected nodes, forced ones,
phases with two preferred values.
"""

from itertools import pairwise

import numpy as np
import pytest
import qutip

import qsyncplug as qsp


def _kuramoto(x0, duration, unit=1.0, coupling=0.1, detuning=1.0):
    model = qsp.Circle(
        qsp.sine(),
        "mean",
        coupling=unit * coupling,
        frequencies=unit * detuning * np.array([0.5, -0.5]),
    )
    return qsp.circlesolve(model, x0, np.linspace(0, duration, 200))


# Two oscillators lock for K >= |ω1−ω2| (Adler); K=.1 never locks a detuning of 1.
@pytest.mark.parametrize("duration", [1e-9, 1e-8, 1e-7, 1e-6])
@pytest.mark.parametrize("x0", [[0.0, 0.1], [0.0, 0.0]])
def test_run_too_short_to_move_is_no_lock(duration, x0):
    assert qsp.verdict(_kuramoto(x0, duration)).label == "undecided"


def test_slow_model_is_no_lock():
    """The same in other units of time: nodes of a detuning of 2e-9 in a run of 100."""
    run = _kuramoto([0.3, 0.1], 100.0, unit=2e-9)
    assert qsp.verdict(run).label == "undecided"


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_at_rest_from_the_start_in_any_unit(unit):
    """sin(x1−x2)=Δ/K: the locked state itself, stable, however slow."""
    apart = np.arcsin(0.5)
    run = _kuramoto([apart, 0.0], 50.0 / unit, unit=unit, coupling=2.0)
    assert qsp.verdict(run).label == "phase-locked"


def test_short_run_of_amplitudes_is_no_lock():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=3.0, dissipative=0.5)
    run = qsp.mfsolve(pair, [2, 2j], np.linspace(0, 1e-8, 101))
    assert qsp.verdict(run).label == "undecided"


def test_short_run_of_mean_fields_is_undecided():
    model = qsp.OttAntonsen(0.5, 1.0, [2.0, -2.0])
    run = qsp.oasolve(model, [0.3, 0.3], np.linspace(0, 1e-7, 101))
    assert qsp.verdict(run).label == "undecided"


def _three(frequencies):
    b = qsp.modes(3)
    H = sum((w * x.dag() * x for w, x in zip(frequencies, b, strict=True)), 0 * b[0])
    jumps = [x.dag() for x in b] + [np.sqrt(0.1) * x**2 for x in b]
    return qsp.System(H, [*jumps, np.sqrt(0.5) * (b[0] - b[1])])


def test_an_isolated_node_beside_a_coupled_pair():
    times = np.linspace(0, 120, 1201)
    same = qsp.verdict(qsp.mfsolve(_three([0.0, 0.0, 0.0]), [2, 2j, 1 - 1j], times))
    assert same.label == "undecided"
    assert "on all of them" in same.why
    other = qsp.verdict(qsp.mfsolve(_three([0.0, 0.0, 0.7]), [2, 2j, 1 - 1j], times))
    assert other.label == "partially synchronised"
    assert other.evidence["sizes of the groups"] == (2,)


def test_spins_that_only_lose_do_not_synchronise_with_a_drive():
    a, b = qsp.spins(8, 8)
    losses = [8**-0.5 * a.m, 8**-0.5 * b.m]
    system = qsp.System(0.5 * a.x + 0.2 * (a.p * b.m + a.m * b.p), losses)
    run = qsp.mfsolve(system, [[0.6, 0.1], [0.9, 1.0]], np.linspace(0, 60, 301))
    found = qsp.verdict(run)
    assert found.label == "undecided"
    assert "would oscillate by itself" in found.why


def _kerr_pair():
    a, b = qsp.modes(2)
    H = 0.2 * (a.dag() ** 2 * a**2 + b.dag() ** 2 * b**2) + 0.4 * (a + a.dag())
    return qsp.System(H + 0.3 * (a.dag() * b + b.dag() * a), [a, b]), [0.5, 0.2], 12


def _spin_pair():
    a, b = qsp.spins(3, 3)
    H = 0.5 * a.x + 0.2 * (a.p * b.m + a.m * b.p)
    return qsp.System(H, [0.5 * a.m, 0.5 * b.m]), [[0.6, 0.1], [0.9, 1.0]], None


@pytest.mark.parametrize("pair", [_kerr_pair, _spin_pair])
def test_exact_states_that_follow_a_drive_are_not_synchronised(pair):
    system, start, cutoff = pair()
    run = qsp.exactsolve(system, start, np.linspace(0, 40, 161), cutoff=cutoff)
    found = qsp.verdict(run)
    assert found.label == "undecided"
    assert "would oscillate by itself" in found.why


def test_spins_that_only_lose_relax():
    """Near m=−J: β' = −(iΩ + 11ᵀ/2)β with Ω = ±.1 (common phase left out): rate .5 − √.24."""
    a, b = qsp.spins(8, 8)
    system = qsp.System(0.5 * a.z + 0.3 * b.z, [8**-0.5 * (a.m + b.m)])
    run = qsp.mfsolve(system, [[0.6, 0.1], [0.9, 1.0]], np.linspace(0, 60, 301))
    found = qsp.verdict(run)
    assert found.label == "relaxing to vacuum"
    assert found.rate == pytest.approx(0.5 - 0.24**0.5, abs=2e-5)


def test_linear_response_to_a_drive_is_no_synchronisation():
    a, b = qsp.modes(2)
    H = a.dag() * a + b.dag() * b + 0.2 * (a.dag() * b + b.dag() * a) + (a + a.dag())
    system = qsp.System(H, [np.sqrt(0.3) * a, np.sqrt(0.3) * b])
    found = qsp.verdict(qsp.mfsolve(system, [2, 2j], np.linspace(0, 200, 1001)))
    assert found.label == "undecided"
    assert "would oscillate by itself" in found.why


def _peak(state, cutoff):
    """2πP_max−1 of φ1−φ2 in the Husimi function, by quadrature over both planes' angles."""
    from scipy.special import gammaln

    m = np.arange(cutoff)
    log = gammaln((m[:, None] + m[None, :]) / 2 + 1)
    weight = np.exp(log - (gammaln(m + 1)[:, None] + gammaln(m + 1)[None, :]) / 2)
    rho = state.full().reshape(4 * [cutoff])
    phi = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    density = np.zeros(phi.size)
    for a, b, c, d in zip(*np.nonzero(np.abs(rho) > 1e-15), strict=True):
        if a + b == c + d:
            value = rho[a, b, c, d] * weight[a, c] * weight[b, d]
            density += np.real(value * np.exp(1j * (a - c) * phi))
    return float(density.max() - 1)


@pytest.mark.filterwarnings("ignore::qsyncplug.CutoffWarning")
def test_two_preferred_phases_are_seen_where_the_coherence_is_zero():
    """Coherently coupled identical oscillators: ⟨b1†b2⟩=0 by symmetry, ⟨b1†²b2²⟩ is not."""
    cutoff = 9
    pair = qsp.van_der_pol_pair(loss=1.0, detuning=0.0, coherent=1.5, dissipative=0.0)
    state = qsp.steadystate(pair, cutoff=cutoff)
    right = _peak(state, cutoff)
    assert 0.03 < right < 0.05
    run = qsp.exactsolve(pair, state, np.linspace(0, 20, 61), cutoff=cutoff)
    a = qutip.destroy(cutoff)
    modes = [qutip.tensor(a, qutip.qeye(cutoff)), qutip.tensor(qutip.qeye(cutoff), a)]
    view = qsp.synchronization([state], modes=modes)
    for found in (qsp.verdict(run), qsp.verdict(state), qsp.verdict(view)):
        assert found.evidence["2πP_max−1 of the phase (uncoupled: 0)"] == pytest.approx(
            right, abs=1e-6
        )
    assert qsp.verdict(run).label == qsp.verdict(state).label == "phase preference"
    moments = qsp.exactsolve(
        pair, [0.5, 0.5], np.linspace(0, 40, 81), cutoff=cutoff, options={"method": "sectors"}
    )
    found = qsp.verdict(moments)
    assert found.label == "no phase preference"
    assert "two values at distance π would not be seen" in found.why


def test_spin_one_pair_names_its_two_preferred_phases():
    """S(φ) is that of ⟨1,−1|ρ|−1,1⟩ alone here, 2π max S = ½|⟨1,−1|ρ|−1,1⟩|."""
    pair = qsp.spin_one_pair(detuning=0.3, coupling=0.2)
    state = qsp.steadystate(pair)
    rho = state.full().reshape(3, 3, 3, 3)
    run = qsp.exactsolve(pair, state, np.linspace(0, 20, 61))
    found = qsp.verdict(run).evidence["2πP_max−1 of the phase (uncoupled: 0)"]
    assert found == pytest.approx(abs(rho[0, 2, 2, 0]) / 2, rel=1e-6)


def test_beats_of_a_transient_are_no_drift():
    """Coherently coupled oscillators beat at first, here two turns long, and lock."""
    a, b = qsp.modes(2)
    H = 0.2288 * a.dag() * a - 0.5107 * b.dag() * b + 0.7355 * (a.dag() * b + b.dag() * a)
    rates = [1.0971, 1.4611, 0.2357, 0.3177]
    operators = [a.dag(), b.dag(), a**2, b**2]
    system = qsp.System(H, [np.sqrt(r) * x for r, x in zip(rates, operators, strict=True)])
    start = [0.4325 - 0.7388j, 0.8329 + 0.1448j]

    def label(duration):
        times = np.linspace(0, duration, 607)
        return qsp.verdict(qsp.mfsolve(system, start, times, closure="none")).label

    assert label(18.2) == "undecided"
    assert label(200.0) == "phase-locked"


def test_two_groups_that_are_all_nodes_leave_no_others():
    A = np.zeros((4, 4))
    A[0, 1] = A[1, 0] = A[2, 3] = A[3, 2] = 1
    model = qsp.Circle(qsp.sine(), adjacency=A, frequencies=[0.0, 0.0, 0.3, 0.3])
    run = qsp.circlesolve(model, [0, 1, 2, 2.5], np.linspace(0, 100, 501))
    found = qsp.verdict(run)
    assert found.label == "partially synchronised"
    assert "the groups drift apart" in found.why and "others" not in found.why


def test_nodes_that_swing_about_places_of_their_own_are_not_locked():
    """Above its threshold Dicke's model breaks its parity: no phase turns, and none is locked."""
    dicke = qsp.dicke(10, coupling=1.0)
    b, S = dicke.nodes
    run = qsp.mfsolve(dicke, {b: 0.1, S: (3.0, 0.2)}, np.linspace(0, 200, 801))
    late = np.angle(-run.amplitudes[400:, 0])
    assert np.abs(late).max() < 0.5 and np.ptp(np.abs(run.amplitudes[400:, 1])) > 0.1
    found = qsp.verdict(run)
    assert found.label == "undecided" and "no phase turns" in found.why


def test_a_driven_cavity_is_not_synchronised_exactly_either():
    (b,) = qsp.modes(1)
    cavity = qsp.System(0.3 * b.dag() * b + 0.8 * (b + b.dag()), [b])
    times = np.linspace(0, 40, 101)
    for run in (qsp.exactsolve(cavity, [0.0], times, cutoff=15), qsp.mfsolve(cavity, [0.1], times)):
        found = qsp.verdict(run)
        assert found.label == "undecided" and "would not oscillate by itself" in found.why


def test_the_mean_alone_knows_that_rest_is_stable():
    """Rest decays at (V−g1)/2 where Δ>V: without fluctuations as with them."""
    pair = qsp.van_der_pol_pair(dissipative=2.0, detuning=5.0, loss=0.1)
    for closure in ("none", "linear"):
        run = qsp.mfsolve(pair, [1, 1j], np.linspace(0, 100, 801), closure=closure)
        found = qsp.verdict(run)
        assert found.label == "amplitude death"
        assert abs(found.rate - 0.5) < max(1e-3, 3 * found.rate.error)


@pytest.mark.filterwarnings("ignore::qsyncplug.CutoffWarning")
def test_a_driven_pair_without_stored_states_has_a_verdict():
    """Its last state is known; what a drive makes of uncoupled nodes is not 0."""
    a, b = qsp.modes(2)
    drive = 0.3 * a.dag() * a + 0.4 * (a + a.dag()) + 0.4 * (b + b.dag())
    own = [a.dag(), b.dag(), 2 * a**2, 2 * b**2]
    for jumps, label in ((own, "undecided"), ([*own, a - b], "phase preference")):
        system = qsp.System(drive, jumps)
        run = qsp.exactsolve(
            system, [0.5, 0.5], np.linspace(0, 30, 41), cutoff=6, options={"store_states": False}
        )
        assert not len(run.states)
        found = qsp.verdict(run)
        peak = qsp.measures.phase_distribution(run.final_state, (0, 1), kind="husimi").peak
        assert found.label == label
        assert found.evidence["2πP_max−1 of the phase"] == pytest.approx(peak, rel=1e-9)
        assert not any("uncoupled: 0" in name for name in found.evidence)


def test_phases_that_wind_while_an_amplitude_falls_do_not_drift_yet():
    """The first oscillator loses more to the coupling than it gains: it follows in the end."""
    a, b = qsp.modes(2)
    rates = [0.254, 0.975, 0.343, 0.219, 0.475]
    operators = [a.dag(), b.dag(), a**2, b**2, a - b]
    jumps = [np.sqrt(r) * x for r, x in zip(rates, operators, strict=True)]
    system = qsp.System(1.283 * a.dag() * a - 2.064 * b.dag() * b, jumps)
    start = [2.247 + 1.316j, -0.944 + 0.714j]
    labels = []
    for duration in (10, 100):
        times = np.linspace(0, duration, 10 * duration + 1)
        labels.append(qsp.verdict(qsp.mfsolve(system, start, times, closure="none")).label)
    assert labels == ["undecided", "phase-locked"]


def test_what_comes_down_to_where_a_drive_holds_it_is_no_vacuum():
    """Slowly enough its last part looks like a decay: |β| → F/|Δ−iκ/2|, n → |β|²."""
    (b,) = qsp.modes(1)
    driven = qsp.System(0.1 * b.dag() * b + 0.1 * (b + b.dag()), [b])
    times = np.linspace(0, 18, 181)
    run = qsp.mfsolve(driven, [2.0], times)
    exact = qsp.exactsolve(driven, [2.0], times, cutoff=22)
    # linear, and a coherent state stays one: β(t) in closed form, n=|β|²
    held = -0.1j / (0.5 + 0.1j)
    beta = held + (2 - held) * np.exp(-(0.5 + 0.1j) * times)
    np.testing.assert_allclose(run.amplitudes[:, 0], beta, rtol=0, atol=1e-10)
    np.testing.assert_allclose(exact.normal[:, 0, 0].real, np.abs(beta) ** 2, rtol=1e-7)
    assert abs(abs(beta[-1]) ** 2 / abs(held) ** 2 - 1) < 0.02
    slow = qsp.System(
        -0.35 * b.dag() * b - 0.247j * (b.dag() - b), [0.6 * b.dag(), 0.7 * b, 0.7 * b**2]
    )
    late = qsp.mfsolve(slow, [-1.07 + 0.94j], np.linspace(0, 30, 1001))
    for x in (run, exact, late):
        assert qsp.verdict(x).label == "undecided"


def test_ranges_that_grow_are_judged_without_a_warning():
    """Coupled by 1.8 and equal, they stand to rounding: what is left may grow by chance."""
    pair = qsp.van_der_pol_pair(loss=3.0, detuning=0.0, dissipative=1.8)
    run = qsp.mfsolve(pair, [0.5, 0.5j], np.linspace(0, 60, 301))
    assert qsp.verdict(run).label == "complete"


def test_small_swings_about_an_unstable_state_are_not_locked():
    """Four in a chain: from rest they come close to a locked state whose oscillations grow at .002;
    much later the last two drift away from the others.
    """
    gain = [1.5499566, 1.35707629, 0.62915904, 0.44188502]
    omega = [-1.10175953, 1.16061357, 0.71434023, -3.55765861]
    b = qsp.modes(4)
    H = sum((w * x.dag() * x for w, x in zip(omega, b, strict=True)), 0 * b[0])
    jumps = [np.sqrt(g) * x.dag() for g, x in zip(gain, b, strict=True)]
    jumps += [np.sqrt(0.1) * x**2 for x in b]
    jumps += [np.sqrt(0.961460264819402) * (x - y) for x, y in pairwise(b)]
    system = qsp.System(H, jumps)
    start = [
        -1.475e-3 - 0.653e-3j,
        -0.921e-3 + 0.687e-3j,
        -0.063e-3 - 1.325e-3j,
        1.032e-3 + 1.007e-3j,
    ]
    early = qsp.mfsolve(system, start, np.linspace(0, 100, 301), closure="none")
    late = qsp.mfsolve(system, start, np.linspace(0, 2000, 6001), closure="none")
    phases = np.unwrap(np.angle(late.amplitudes[3000:]), axis=0)
    assert abs(phases[-1, 3] - phases[0, 3] - phases[-1, 0] + phases[0, 0]) > 100
    assert qsp.verdict(early).label == "undecided"
