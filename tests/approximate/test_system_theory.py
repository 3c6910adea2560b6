"""What is predicted of systems, held against runs."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.approximate.rings import ring_of
from qsyncplug.operators.symmetries import forbidden

TIMES = np.linspace(0, 60, 1201)


@pytest.mark.parametrize(("detuning", "V"), [(0.3, 0.5), (-0.4, 0.5), (0.1, 0.9)])
def test_locking(detuning, V):
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=detuning, dissipative=V)
    known = qsp.predictions(pair, [1, 1j])
    assert abs(known["locking"].rate - np.sqrt(V**2 - detuning**2)) < 1e-12
    run = qsp.mfsolve(pair, [1, 1j], TIMES, closure="none")
    assert known["locking"].check(run).passed is True
    short = qsp.mfsolve(pair, [1, 1j], TIMES[:40], closure="none")
    assert known["locking"].check(short).passed is None
    # the rate is that of the approach to the cycle
    cycle = qsp.limit_cycle(pair, [1, 1j])
    assert np.abs(cycle.exponents.real + known["locking"].rate).min() < 1e-8
    # another system is told from it
    other = qsp.van_der_pol_pair(loss=0.1, detuning=detuning, dissipative=2 * V)
    wrong = qsp.mfsolve(other, [1, 1j], TIMES, closure="none")
    assert known["locking"].check(wrong).passed is False


def test_beat():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=1.5, dissipative=0.5)
    known = qsp.predictions(pair, [1, 1])
    assert "locking" not in known.names
    assert abs(known["beat"].limits["beat frequency"] - np.sqrt(2)) < 1e-12
    run = qsp.mfsolve(pair, [2, 2], TIMES, closure="none")
    assert known["beat"].check(run).passed is True
    other = qsp.van_der_pol_pair(loss=0.1, detuning=3.0, dissipative=0.5)
    assert known["beat"].check(qsp.mfsolve(other, [2, 2], TIMES, closure="none")).passed is False


def test_oscillation_death():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=2.9, dissipative=2.5)
    known = qsp.predictions(pair, [1, 1])
    assert known.names[-1] == "oscillation death"
    run = qsp.mfsolve(pair, [1, 1], TIMES, closure="none")
    assert known["oscillation death"].check(run).passed is True
    alive = qsp.mfsolve(qsp.van_der_pol_pair(loss=0.1), [1, 1], TIMES, closure="none")
    assert known["oscillation death"].check(alive).passed is False


def test_symmetries():
    pair = qsp.van_der_pol_pair(loss=1.0, coherent=0.5, dissipative=0.0)
    known = qsp.predictions(pair, [0.5, 0.2])
    run = qsp.exactsolve(pair, [0.5, 0.2], np.linspace(0, 30, 61), cutoff=14)
    assert known["no amplitudes"].check(run).passed is True
    early = qsp.exactsolve(pair, [0.5, 0.2], np.linspace(0, 1, 11), cutoff=14)
    assert known["no amplitudes"].check(early).passed is None
    alone = qsp.van_der_pol_pair(loss=1.0, coherent=0.0, dissipative=0.0)
    assert "forbidden coherences" in qsp.predictions(alone, [1, 1]).names
    (b,) = qsp.modes(1)
    driven = qsp.System(b + b.dag(), [b])
    assert qsp.predictions(driven, [0]).names == ()


def test_lasers():
    for delta, ratio in ((0.1, 1.0), (1.0, 0.5)):
        lasers = qsp.superradiant_lasers(10**4, detuning=delta)
        A, B = lasers.nodes
        known = qsp.predictions(lasers, {A: (0, 0), B: (0, 0)})["lasers"]
        assert abs(known.limits["ratio"] - ratio) < 1e-12
        state = qsp.steadystate(lasers, closure="cumulants", order=2)
        x = qsp.expect(A.p * B.m, state) / 10**8
        excited = qsp.expect(A.z, state) / 10**4 + 0.5
        c = (qsp.expect(A.p * A.m, state) - 10**4 * excited) / (10**4 * (10**4 - 1))
        assert abs(abs(x) / c.real - known.limits["ratio"]) < 1e-4
        assert abs(np.angle(x) - known.limits["phase"]) < 2e-3


def test_two_lasers_lock_only_where_they_lase():
    """Above w=NΓ+√((NΓ)²−δ²), or w=NΓ for δ>NΓ, no light is left to lock: the inversion is full."""
    N = 10**4
    for pump, delta in ((1.5, 0.3), (0.9, 1.3), (1.5, 1.0), (2.5, 0.2), (1.2, 1.5)):
        lasers = qsp.superradiant_lasers(N, pump=pump, detuning=delta)
        A, B = lasers.nodes
        known = qsp.predictions(lasers, {A: (0, 0), B: (0, 0)})["lasers"]
        growth = -pump + 1 + np.emath.sqrt(1 - delta**2).real
        assert ("do not lase" in known.statement) == (growth < 0) == ("ratio" not in known.limits)
        state = qsp.steadystate(lasers, closure="cumulants", order=2)
        inversion = 2 * qsp.expect(A.z, state).real / N
        own = qsp.expect(A.p * A.m, state).real - N * (1 + inversion) / 2
        assert abs(inversion - known.limits["inversion"]) < 5e-3
        assert abs(own / (N * (N - 1)) - known.limits["correlation"]) < 2e-3
    bright = qsp.superradiant_lasers(N, pump=0.5, detuning=0.25)
    A, B = bright.nodes
    run = qsp.mfsolve(bright, {A: (0, 0), B: (0, 0)}, np.linspace(0, 200, 41), closure="cumulants")
    known = qsp.predictions(bright, {A: (0, 0), B: (0, 0)})["lasers"]
    assert known.check(run).passed is True


def test_the_unstable_state_is_no_contradiction():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.0, dissipative=0.5)
    known = qsp.predictions(pair, [1, -1])
    run = qsp.mfsolve(pair, [1, -1], np.linspace(0, 10, 101), closure="none")
    assert known["locking"].check(run).passed is None
    # what dies with beats on the way is not contradicted before it is dead
    dying = qsp.van_der_pol_pair(loss=0.05, detuning=-2.87, dissipative=1.5)
    short = qsp.mfsolve(dying, [1, 1], np.linspace(0, 5, 5), closure="none")
    assert qsp.predictions(dying, [1, 1])["oscillation death"].check(short).passed is None


def test_rotating_waves_of_rings():
    """Radii, and the largest growth rate, against the Jacobian at every wave that exists."""
    for n, V in ((8, 1.0), (8, 0.1), (5, 1.0), (12, 0.3), (3, 0.4)):
        system = qsp.van_der_pol_ring(n, loss=0.1, dissipative=V, frequencies=0.7)
        ring = ring_of(system)
        assert 0 in ring.stable
        for q in ring.waves:
            beta = np.sqrt(ring.radius2(q)) * np.exp(2j * np.pi * q * np.arange(n) / n)
            np.testing.assert_allclose(system.drift(beta), -0.7j * beta, atol=1e-12)
            rotation = np.kron(np.eye(n), [[0, -0.7], [0.7, 0]])
            values = np.linalg.eigvals(system.jacobian(beta) + rotation)
            rest = np.delete(values.real, np.argmin(np.abs(values)))
            assert rest.max() == pytest.approx(ring.growth(q), abs=1e-8)


def test_runs_of_a_ring_end_in_a_stable_wave():
    rng = np.random.default_rng(4)
    system = qsp.van_der_pol_ring(8, loss=0.1, dissipative=0.1)
    known = qsp.predictions(system, [1.0] * 8)["rotating waves"]
    assert known.limits["stable"] == (-1, 0, 1)
    found = set()
    for q in (0, 1, 2):
        start = 2 * np.exp(2j * np.pi * q * np.arange(8) / 8) + 0.02 * rng.standard_normal(8)
        run = qsp.mfsolve(system, start, np.linspace(0, 4000, 401), closure="none")
        verdict, text = known.test(run)
        assert verdict is True, text
        found.add(text)
    assert any("+1" in text for text in found)
    short = qsp.mfsolve(system, start, np.linspace(0, 60, 121), closure="none")
    assert known.test(short)[0] is None
    # two twists with no noise stay where they are: unstable, which is no contradiction
    start = np.sqrt(ring_of(system).radius2(2)) * np.exp(0.5j * np.pi * np.arange(8))
    still = qsp.mfsolve(system, start, np.linspace(0, 50, 51), closure="none")
    assert known.test(still)[0] is None
    # to come to such a wave from elsewhere would be one
    still.amplitudes[:5] *= np.exp(0.3j * np.arange(8) ** 2)
    assert known.test(still)[0] is None
    # for so long that rounding would have driven it away
    still.times = still.times * 150 / (still.times[-1] * ring_of(system).growth(2))
    assert known.test(still)[0] is False


def ring_run(n, V, frequencies, rng, turns=400):
    system = qsp.van_der_pol_ring(n, loss=0.1, frequencies=frequencies, dissipative=V)
    start = 2.2 * np.exp(1j * rng.uniform(-1, 1, n))
    known = qsp.predictions(system, start)
    times = np.linspace(0, turns / V, 2001)
    options = {"rtol": 1e-8, "atol": 1e-9}
    return known, qsp.mfsolve(system, start, times, closure="none", options=options)


def test_rings_of_different_frequencies():
    """Weak couplings, every range from locked to drifting: no run contradicts."""
    rng = np.random.default_rng(5)
    seen = {"ring locks": 0, "ring drifts": 0, "ring beats": 0, "nothing": 0}
    for _ in range(30):
        n, V = int(rng.integers(3, 7)), rng.uniform(0.01, 0.05)
        frequencies = rng.uniform(-1, 1, n) * rng.choice([0.5, 1.0, 1.5, 2.5]) * V / 2
        known, run = ring_run(n, V, frequencies, rng)
        names = [x for x in known.names if x.startswith("ring")]
        assert names in ([], ["ring locks"], ["ring drifts"], ["ring drifts", "ring beats"])
        for name in names:
            outcome = known[name].check(run)
            assert outcome.passed is not False, outcome
            seen[name] += outcome.passed is True
        seen["nothing"] += not names
    assert seen["ring locks"] > 8 and seen["ring drifts"] > 2 and seen["ring beats"] > 2


def test_lags_of_a_ring_are_those_of_its_phases():
    """Against the balance ω_j + (V/2) Σ sin(x_k−x_j) = Ω, and a ring that is another one."""
    rng = np.random.default_rng(8)
    V, frequencies = 0.03, np.array([0.004, -0.006, 0.003, -0.001])
    known, run = ring_run(4, V, frequencies, rng)
    lags = known["ring locks"].limits["lags"]
    assert abs(lags.sum()) < 1e-12
    rate = frequencies + V / 2 * (np.sin(lags) - np.sin(np.roll(lags, 1)))
    assert np.ptp(rate) < 1e-12
    assert known["ring locks"].check(run).passed is True
    _, other = ring_run(4, V, -frequencies, rng)
    assert known["ring locks"].check(other).passed is False
    assert known["ring locks"].check(ring_run(4, V, frequencies, rng, 1)[1]).passed is None
    drifting, run = ring_run(4, 0.02, 5 * frequencies, rng)
    assert drifting["ring drifts"].check(run).passed is True
    assert drifting["ring drifts"].check(other).passed is False
    assert drifting["ring beats"].check(run).passed is True
    # the same frequencies with half the coupling
    weaker, loose = ring_run(4, 0.01, 5 * frequencies, rng)
    assert weaker["ring beats"].check(loose).passed is True
    assert drifting["ring beats"].check(loose).passed is False
    assert weaker["ring beats"].check(run).passed is False


def test_beats_of_one_oscillator_against_two_that_are_alike():
    """By symmetry the two keep together; against both the third has Adler's beat at 3V/2."""
    V, delta = 0.01, 0.04
    system = qsp.van_der_pol_ring(3, loss=0.1, frequencies=[0, 0, delta], dissipative=V)
    rates = qsp.predictions(system, [2.2, 2.2, 2.2j])["ring beats"].limits["beat frequencies"]
    beat = np.sqrt(delta**2 - (1.5 * V) ** 2)
    np.testing.assert_allclose(rates, [0, beat, -beat], atol=1e-4 * delta)


def test_what_is_no_ring():
    b = qsp.modes(4)
    on = [f for x in b for f in (x.dag(), 0.3 * x**2)]
    bonds = [b[0] - b[1], b[1] - b[2], b[2] - b[3]]
    for jumps in (bonds, [*bonds, b[3] - 2 * b[0]], [*bonds, b[3] + b[0]], [*bonds, b[1] - b[3]]):
        system = qsp.System(0 * b[0].dag() * b[0], on + jumps)
        assert ring_of(system) is None
    unequal = qsp.van_der_pol_ring(4, frequencies=[0, 0, 0.1, 0])
    assert ring_of(unequal) is None and ring_of(qsp.van_der_pol_ring(4, coherent=0.1)) is None
    assert ring_of(qsp.van_der_pol_ring(2)) is None
    other = qsp.System(0 * b[0], [*on, b[0] - b[2], b[2] - b[1], b[1] - b[3], b[3] - b[0]])
    assert ring_of(other).order in ((0, 2, 1, 3), (0, 3, 1, 2))


def test_time_crystals():
    """Both sides of the threshold; where the spin rests is a fixed point of the drift."""
    still = qsp.boundary_time_crystal(60, drive=0.6)
    known = qsp.predictions(still, [(2.5, 0.3)])["rest"]
    assert known.limits["height"] == pytest.approx(-0.8, abs=1e-12)
    run = qsp.mfsolve(still, [(2.5, 0.3)], np.linspace(0, 60, 121), closure="none")
    assert known.test(run)[0] is True
    short = qsp.mfsolve(still, [(0.5, 0.3)], np.linspace(0, 3, 61), closure="none")
    assert known.test(short)[0] is None
    run.coordinates[:, 2] += 1.0
    assert known.test(run)[0] is False
    (crystal,) = qsp.predictions(qsp.boundary_time_crystal(60, drive=1.5), [(2.5, 0.3)])
    assert crystal.name == "time crystal"
    swings = qsp.boundary_time_crystal(60, drive=1.5)
    run = qsp.mfsolve(swings, [(2.5, 0.3)], np.linspace(0, 200, 801), closure="none")
    assert crystal.test(run)[0] is True
    run.coordinates[300:, 2] = 0.0
    assert crystal.test(run)[0] is False


@pytest.mark.parametrize("coupling", [0.3, 0.7])
def test_superradiance(coupling):
    """λ_c² = ω0(ω²+κ²/4)/4ω: there the Jacobian of the empty state turns unstable."""
    system = qsp.dicke(40, cavity=1.0, atom=0.8, coupling=coupling, cavity_loss=1.5)
    b, S = system.nodes
    known = qsp.predictions(system, {b: 0.1, S: (2.9, 0.2)})["superradiance"]
    critical = known.limits["critical"]
    for near, sign in ((0.99, -1), (1.01, 1)):
        other = qsp.dicke(40, cavity=1.0, atom=0.8, coupling=near * critical, cavity_loss=1.5)
        values = np.linalg.eigvals(other.jacobian([0, 0, 0, 0, -20.0]))
        assert np.sign(np.max(values.real[np.abs(values) > 1e-9])) == sign
    start = {b: 0.1, S: (2.9, 0.2)}
    run = qsp.mfsolve(system, start, np.linspace(0, 400, 401), closure="none")
    passed, text = known.test(run)
    assert passed is True, text
    assert (known.limits["height"] == -1.0) == (coupling < critical)


def test_thresholds_of_other_systems_are_not_claimed():
    (b,), (S,) = qsp.modes(1), qsp.spins(10)
    dicke = qsp.dicke(10)

    def start(node):
        return 0.1 if type(node).__name__ == "Mode" else (2.0, 0.1)

    wrong = [
        qsp.System(S.x + 0.1 * S.z, [S.m]),
        qsp.System(S.x, [S.p]),
        qsp.System(S.x, [S.m, S.z]),
        qsp.System(b.dag() * b + S.z + 0.1 * (b * S.p + b.dag() * S.m), [b]),
        qsp.System(b.dag() * b - S.z + 0.1 * (b + b.dag()) * S.x, [b]),
        qsp.System(dicke.hamiltonian, [*dicke.jumps, dicke.nodes[1].m]),
        qsp.tavis_cummings(6),
    ]
    for system in wrong:
        assert not {"rest", "time crystal", "superradiance"} & {
            p.name for p in qsp.predictions(system, [start(s) for s in system.nodes])
        }


def short_runs():
    """A system, a start and a solver for every prediction that is checked where a run rests."""
    mean = {"closure": "none"}
    for V, delta in ((1e-3, 0.0), (1e-3, 5e-4), (0.5, 0.3)):
        pair = qsp.van_der_pol_pair(loss=0.1, detuning=delta, dissipative=V)
        yield "locking", pair, [1, 1j], qsp.mfsolve, mean
    for V, name in ((0.1, "in phase or opposite"), (0.0, "forbidden coherences")):
        pair = qsp.van_der_pol_pair(loss=1.0, detuning=0.0, dissipative=V)
        yield name, pair, [0.5, 0.5j], qsp.exactsolve, {"cutoff": 11}
        yield "no amplitudes", pair, [0.5, 0.5j], qsp.exactsolve, {"cutoff": 11}
    ring = qsp.van_der_pol_ring(4, loss=0.1, dissipative=0.01, frequencies=[0, 1e-3, 2e-3, 1e-3])
    yield "ring locks", ring, 2.2 * np.exp([0.3j, 0.2j, 0, 0.1j]), qsp.mfsolve, mean
    lasers = qsp.superradiant_lasers(1000, pump=0.5, detuning=0.2)
    start = dict.fromkeys(lasers.nodes, (1.5, 0.0))
    yield "lasers", lasers, start, qsp.mfsolve, {"closure": "cumulants"}
    still = qsp.boundary_time_crystal(60, drive=0.6)
    yield "rest", still, [(2.504, 0.3)], qsp.mfsolve, mean
    (b,) = qsp.modes(1)
    driven = qsp.System(0.3 * b.dag() * b + 0.01 * (b + b.dag()), [0.5 * b.dag(), b**2])
    yield "weak drive", driven, [1.0], qsp.exactsolve, {"cutoff": 12}


@pytest.mark.parametrize("end", [1e-6, 0.05])
def test_runs_shorter_than_what_they_wait_for_say_nothing(end):
    """However little moves in them."""
    for name, system, start, solve, options in short_runs():
        known = qsp.predictions(system, start)[name]
        outcome = known.check(solve(system, start, np.linspace(0, end, 31), **options))
        assert outcome.passed is None, outcome


def test_a_time_crystal_is_not_told_from_less_than_a_swing():
    swings = qsp.boundary_time_crystal(60, drive=1.5)
    crystal = qsp.predictions(swings, [(2.5, 0.3)])["time crystal"]
    for end in (0.1, 1.0, 2.2, 3.0, 3.5, 4.0, 5.0):
        run = qsp.mfsolve(swings, [(2.5, 0.3)], np.linspace(0, end, 201), closure="none")
        assert crystal.test(run)[0] is None


def test_what_begins_at_rest_does_not_die():
    dying = qsp.van_der_pol_pair(loss=0.05, detuning=2.9, dissipative=2.5)
    run = qsp.mfsolve(dying, [0, 0], TIMES, closure="none")
    assert qsp.predictions(dying, [0, 0])["oscillation death"].check(run).passed is None


def test_a_parity_forbids_amplitudes():
    squeezed = qsp.squeezed_van_der_pol()
    known = qsp.predictions(squeezed, [1.0])["no amplitudes"]
    times = np.linspace(0, 60, 61)
    assert known.check(qsp.exactsolve(squeezed, [1.0], times, cutoff=20)).passed is True
    (b,) = qsp.modes(1)
    driven = qsp.System(0.3 * (b + b.dag()), [0.5 * b.dag(), b**2])
    assert "no amplitudes" not in qsp.predictions(driven, [1.0]).names
    assert known.check(qsp.exactsolve(driven, [1.0], times, cutoff=14)).passed is False
    # two wells that exchange their weights a thousand times slower than the run: no contradiction
    wells = qsp.System(2j * (b.dag() ** 2 - b**2), [b**2, 0.1 * b])
    slow = qsp.exactsolve(wells, [2.0], np.linspace(0, 20, 31), cutoff=24)
    assert abs(slow.amplitudes[-1, 0]) > 1.99
    assert qsp.predictions(wells, [2.0])["no amplitudes"].check(slow).passed is None


@pytest.mark.filterwarnings("ignore::qsyncplug.CutoffWarning")
def test_what_symmetries_forbid_and_nothing_else_vanishes():
    """Amplitudes and coherences of random steady states: 0 exactly where a symmetry says so."""
    rng, seen = np.random.default_rng(1), set()
    for _ in range(10):
        (c, d), (s,) = qsp.modes(2), qsp.spins(1)
        pool = [c**2, d**2, c * d, c * d.dag(), c * s.p, (d + d.dag()) * s.m, c**3]
        pool += [d * c.dag() ** 2, 1.0 * s.m]
        H = 0.2 * c.dag() * c - 0.3 * d.dag() * d + 0.4 * s.z
        for k in rng.choice(len(pool), 2, replace=False):
            H = H + rng.uniform(0.3, 0.8) * (pool[k] + pool[k].dag())
        jumps = [c, 0.7 * c**2, d, 0.5 * d**2, 1.0 * s.m, 0.5 * c.dag(), 0.4 * d.dag()]
        system = qsp.System(H, jumps, order=[c, d, s])
        amplitudes, coherences = forbidden(system.symbols, system.hamiltonian, system.jumps)
        rho, own = qsp.steadystate(system, cutoff=(6, 6)), [c, d, s.m]
        for j, x in enumerate(own):
            found = [abs(qsp.expect(x.dag() * y, rho)) for y in own[:j]]
            found.append(abs(qsp.expect(x, rho)))
            for value, zero in zip(found, [*coherences[j][:j], amplitudes[j]], strict=True):
                assert (value < 1e-9) == zero
                seen.add(zero)
    assert seen == {True, False}
