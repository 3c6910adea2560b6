"""Compiled quantum jumps: closed forms, exact means within error bars, seeds, threads, failures."""

import warnings

import numpy as np
import pytest
import qutip
import scipy.stats

import qsyncplug as qsp
from qsyncplug.core import sampling
from qsyncplug.core.errors import (
    CutoffWarning,
    QsyncplugWarning,
    SolverError,
    StepLimitError,
    TimeLimitError,
)
from qsyncplug.exact.jumping import moving_jumps
from qsyncplug.exact.liouvillian import Liouvillian
from qsyncplug.exact.unravel import JumpStepper

TIMES = np.linspace(0, 2, 9)


def jumps(system, state, times=TIMES, *, ntraj, seed=1, e_ops=None, **options):
    options = {"method": "trajectories", "ntraj": ntraj, "seed": seed, **options}
    cutoff = state.shape[0] if system.bosonic and system.n == 1 else None
    return qsp.exactsolve(system, state, times, cutoff=cutoff, e_ops=e_ops, options=options)


def decaying():
    (b,) = qsp.modes(1)
    return qsp.System(0 * b, [b])


MASK = 2**64 - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_jumps_of_a_fock_state_happen_when_the_random_numbers_say():
    """‖ψ‖²=e^{−nt}: the first jump is at −ln(r)/n, the next ones with n−1, … quanta."""
    run = jumps(decaying(), qutip.fock(9, 5), np.array([0.0, 40.0]), ntraj=20, seed=11)
    seed = int(np.random.SeedSequence(11).generate_state(1, np.uint64)[0])
    golden = 0x9E3779B97F4A7C15
    for number, (when, which) in enumerate(run.jumps):
        state = mix((seed + golden * (2 * number + 1)) & MASK)

        def uniform():
            nonlocal state
            state = (state + golden) & MASK
            return ((mix(state) >> 11) + 0.5) / 2**53

        uniform()  # which of the initial kets
        t, expected = 0.0, []
        for quanta in range(5, 0, -1):
            t -= np.log(uniform()) / quanta
            expected.append(t)
            uniform()  # which jump operator
        assert np.abs(when - expected).max() < 1e-9
        assert np.all(which == 0)
    assert run.stats["jumps"] == 5
    assert run.normal[-1, 0, 0] == pytest.approx(0, abs=1e-12)


def test_waiting_times_of_a_driven_atom():
    """Resonance fluorescence: the density of the time between jumps is
    γ(Ω/2s)² e^{−γt/2} sin²(st)·4, s²=Ω²/4−γ²/16 (H. J. Carmichael et al., Phys. Rev. A 39, 1200).
    """
    (s,) = qsp.spins(1)
    rabi, gamma = 2.0, 1.0
    system = qsp.System(0.5 * rabi * (s.p + s.m), [gamma**0.5 * s.m])
    run = jumps(system, qutip.basis(2, 1), np.array([0.0, 60.0]), ntraj=60, seed=2)
    waits = np.concatenate([np.diff(np.append(0.0, when)) for when, _ in run.jumps])
    # the last wait of each run is cut off at the end; waits beyond 10 do not happen (e^{-5})
    freq = np.sqrt(rabi**2 / 4 - gamma**2 / 16)

    def distribution(t):
        # 1 − the norm of the run without jumps
        c, q = np.cos(freq * t), np.sin(freq * t) / freq
        excited = (0.5 * rabi * q) ** 2
        ground = (c + 0.25 * gamma * q) ** 2
        return 1 - np.exp(-0.5 * gamma * t) * (excited + ground)

    assert len(waits) > 1000
    assert scipy.stats.kstest(waits, distribution).pvalue > 1e-3


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
@pytest.mark.parametrize("kind", ["pair", "complex", "mixture", "spins"])
def test_means_agree_within_their_errors(kind):
    b1, b2 = qsp.modes(2)
    c, s1 = qsp.spins(1, 4)
    H = 0.3 * (b1.dag() * b1 - b2.dag() * b2)
    vdp = [b1.dag(), b2.dag(), b1**2, b2**2, b1 - b2]
    system = {
        "pair": qsp.System(H, vdp),
        "complex": qsp.System(
            H + (0.4 + 0.3j) * b1.dag() * b2 + (0.4 - 0.3j) * b2.dag() * b1 + b1 + b1.dag(), vdp
        ),
        "mixture": qsp.System(H, vdp),
        "spins": qsp.System(0.5 * s1.z + c.p * s1.m + c.m * s1.p, [0.5 * s1.m, 0.3 * c.p]),
    }[kind]
    cutoff = None if kind == "spins" else 5
    if kind == "spins":
        state = qutip.tensor(qutip.basis(2, 0), qutip.spin_coherent(2, 1.0, 0.4))
    elif kind == "mixture":
        thermal = qutip.thermal_dm(5, 0.4)
        state = qutip.tensor(thermal, qutip.fock_dm(5, 1))
    else:
        state = qutip.tensor(qutip.coherent(5, 0.6), qutip.coherent(5, 0.5j)).unit()
    exact = qsp.exactsolve(system, state, TIMES, cutoff=cutoff)
    z = []
    for seed in range(6):
        options = {"method": "trajectories", "ntraj": 400, "seed": seed}
        run = qsp.exactsolve(system, state, TIMES, cutoff=cutoff, options=options)
        assert run.stats["trajectories"] == 400
        error = run.mean_error[-1]
        # by symmetry some means are exactly zero, in every trajectory
        z.append(np.where(error > 1e-9, (run.mean - exact.mean)[-1] / np.maximum(error, 1e-9), 0))
        z[-1] = np.append(
            z[-1], (run.normal - exact.normal)[-1, 0, 0].real / run.normal_error[-1, 0, 0]
        )
    z = np.array(z)
    assert np.abs(z).max() < 4.5
    assert np.abs(z.mean(axis=0)).max() * np.sqrt(6) < 4
    assert 0.5 < np.sqrt(np.mean(z[:, -1] ** 2)) < 2


def test_threads_and_batches_do_not_change_a_bit():
    system = decaying()
    state = (qutip.fock(12, 7) + qutip.fock(12, 2)).unit()
    options = {"ntraj": 70, "seed": 5, "store_states": True}
    one = jumps(system, state, **options)
    three = jumps(system, state, **options, num_threads=3)
    other = jumps(system, state, **{**options, "seed": 6})
    for name in one._fields:
        a, b = getattr(one, name), getattr(three, name)
        assert np.array_equal(a, b, equal_nan=True), name
    assert all(x == y for x, y in zip(one.states, three.states, strict=True))
    assert not np.array_equal(one.normal, other.normal)
    # the first trajectories of a longer run are those of a shorter one
    few = jumps(system, state, **{**options, "ntraj": 10})
    for (t1, _), (t2, _) in zip(few.jumps, one.jumps[:10], strict=True):
        assert np.array_equal(t1, t2)


def test_mean_states_are_those_of_the_master_equation():
    (b,) = qsp.modes(1)
    system = qsp.System(0.7 * b.dag() * b + 0.5j * b - 0.5j * b.dag(), [b, 0.4 * b.dag()])
    state = qutip.fock(7, 1)
    with pytest.warns(CutoffWarning):
        run = jumps(system, state, ntraj=3000, seed=4, store_states=True)
    with pytest.warns(CutoffWarning):
        exact = qsp.exactsolve(system, state, TIMES, cutoff=7)
    assert len(run.states) == len(TIMES)
    for a, c in zip(run.states, exact.states, strict=True):
        assert abs(a.tr() - 1) < 1e-12
        assert abs((a - c).full()).max() < 0.05
        # moments of the states are the moments
    assert qutip.expect(qutip.num(7), run.states[-1]) == pytest.approx(
        run.normal[-1, 0, 0].real, abs=1e-12
    )
    assert run.final_state == run.states[-1]


def test_operators_of_the_user_have_errors_and_functions_go_to_qutip():
    system = decaying()
    (b,) = system.operators
    state = qutip.fock(8, 4)
    run = jumps(system, state, ntraj=300, e_ops={"n": b.dag() * b, "b": b})
    assert np.abs(np.array(run.e_data["n"]) - run.normal[:, 0, 0].real).max() < 1e-12
    assert run.stats["errors of e_ops"]["n"] == pytest.approx(run.normal_error[:, 0, 0])
    slow = jumps(system, state, ntraj=5, e_ops=[lambda t, psi: psi.norm()], map="serial")
    assert "mcsolve" in slow.stats["method reason"]
    assert np.array(slow.e_data[0]) == pytest.approx(1)


@pytest.mark.parametrize("ntraj", [60, 400])
def test_errors_hold_what_hardly_a_trajectory_shows(ntraj):
    """A jump with probability .03 a run: where none was seen, the spread is nothing."""
    (s,) = qsp.levels(3)
    system = qsp.System(0 * s[0, 0], [s[1, 0], s[0, 1], 0.1 * s[2, 0]])
    times, state = np.linspace(0, 3, 7), qutip.basis(3, 0)
    e_ops = {"rare": qutip.fock_dm(3, 2), "often": qutip.fock_dm(3, 1)}
    exact = qsp.exactsolve(system, state, times, e_ops=e_ops)
    z = {key: [] for key in e_ops}
    for seed in range(8):
        options = {"method": "trajectories", "ntraj": ntraj, "seed": seed}
        run = qsp.exactsolve(system, state, times, e_ops=e_ops, options=options)
        for key, error in run.stats["errors of e_ops"].items():
            off = np.abs(np.array(run.e_data[key]) - exact.e_data[key])
            assert np.all(error[1:] > 0)
            assert error[0] == 0 and off[0] == 0
            z[key].append(off[1:] / error[1:])
    # 95 % within two standard errors, and bars of jumps that are often seen are no larger
    assert all(np.mean(np.array(values) < 2) > 0.85 for values in z.values())
    assert np.max(z["rare"]) < 4.5
    assert np.mean(np.array(z["often"])[:, 2:] ** 2) > 0.3


def test_a_decay_that_nobody_saw():
    """2e^{-κt} quanta with κt=3e-6: no jump, and an error that holds the decay."""
    (b,) = qsp.modes(1)
    times = np.linspace(0, 3, 4)
    run = jumps(qsp.System(0 * b, [1e-3 * b]), qutip.fock(6, 2), times, ntraj=50, seed=1)
    assert run.stats["jumps"] == 0
    off = np.abs(run.normal[1:, 0, 0] - 2 * np.exp(-1e-6 * times[1:]))
    assert np.all(off > 0)
    assert np.all(off < run.normal_error[1:, 0, 0])
    assert np.all(run.normal_error[:, 0, 0] < 1e-4)
    # level 1 holds 6e-6 of the population
    assert np.all(run.populations_error[1:, 0, 1] > 1e-6 * times[1:])


def test_what_stops_keeps_the_finished_trajectories():
    system, state = decaying(), qutip.fock(30, 25)
    with pytest.raises(TimeLimitError) as info:
        jumps(system, state, ntraj=10**6, time_limit=0.5)
    got = info.value.result
    assert 2 <= got.stats["trajectories"] < 10**6
    n = got.normal[:, 0, 0].real
    assert np.abs(n - 25 * np.exp(-TIMES)).max() < 6 * got.normal_error[:, 0, 0].max()
    with pytest.raises(StepLimitError):
        jumps(system, state, ntraj=10, nsteps=3)
    for wrong in (-1, 1.5, "x"):
        with pytest.raises((ValueError, TypeError), match=r"options\['seed'\]"):
            jumps(decaying(), state, ntraj=4, seed=wrong)
    with pytest.raises(ValueError, match="ntraj"):
        jumps(system, state, ntraj=1)


def test_rates_of_any_unit():
    (b,) = qsp.modes(1)
    for unit in (1e-9, 1e6):
        system = qsp.System(unit * b.dag() * b, [unit**0.5 * b])
        run = jumps(system, qutip.fock(8, 4), TIMES / unit, ntraj=40, seed=3)
        base = jumps(qsp.System(b.dag() * b, [b]), qutip.fock(8, 4), TIMES, ntraj=40, seed=3)
        assert np.abs(run.normal - base.normal).max() < 1e-8


def test_saved_and_loaded(tmp_path):
    run = jumps(decaying(), qutip.fock(8, 3), ntraj=20)
    run.save(tmp_path / "run.npz")
    again = qsp.load(tmp_path / "run.npz")
    assert np.array_equal(again.normal_error, run.normal_error)
    assert again.jumps is None


def test_jumps_at_a_rate_that_changes():
    """Decay of one spin at the rate γ(t): e^{−∫γ}, and the moments of the jumps by its law."""
    (s,) = qsp.spins(1)
    f = qutip.coefficient(lambda t: np.sqrt(1 + 0.8 * np.sin(3 * t)))
    times = np.linspace(0, 2, 5)
    options = {"method": "trajectories", "ntraj": 2000, "seed": 1, "store_states": False}
    system = qsp.System(0.7 * s.z, [f * s.m])
    run = qsp.exactsolve(system, qutip.basis(2, 0), times, e_ops=[s.z], options=options)
    assert run.stats["integrator"] == "Taylor"

    def integrated(t):
        return t + 0.8 * (1 - np.cos(3 * t)) / 3

    off = np.array(run.e_data[0]) - (np.exp(-integrated(times)) - 0.5)
    assert np.all(np.abs(off[1:]) < 4.5 * run.stats["errors of e_ops"]["0"][1:])
    when = np.array([jumps[0] for jumps, _ in run.jumps if len(jumps)])
    # distributed as they should be: Kolmogorov and Smirnov, one in 10⁶ beyond
    passed = np.sort(1 - np.exp(-integrated(when))) / (1 - np.exp(-integrated(times[-1])))
    k = np.arange(len(passed))
    assert np.abs(passed - (k + 0.5) / len(k)).max() < 2.7 / np.sqrt(len(k))


@pytest.mark.parametrize("kind", ["drive", "turning drive", "jump", "nothing constant"])
def test_driven_trajectories_against_the_master_equation(kind):
    (b,) = qsp.modes(1)
    n, H, jumps = b.dag() * b, 0.5 * b.dag() * b, [b, 0.4 * b.dag()]
    if kind == "drive":
        H = H + qutip.coefficient(lambda t: np.cos(2 * t)) * (b + b.dag())
    elif kind == "turning drive":
        f = qutip.coefficient(lambda t: np.exp(1.3j * t))
        H = H + f * b + (f * b).dag()
    elif kind == "nothing constant":
        f = qutip.coefficient(lambda t: np.cos(2 * t))
        H, jumps = f * (b + b.dag()), [f * b, f * (0.4 * b.dag())]
    else:
        H = H + 0.6 * (b + b.dag())
        jumps = [qutip.coefficient(lambda t: np.exp(-2 * (t - 1) ** 2)) * b, 0.3 * b.dag() ** 2 * b]
    system, times = qsp.System(H, jumps), np.linspace(0, 2.5, 6)
    options = {"method": "trajectories", "ntraj": 800, "seed": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exact = qsp.exactsolve(system, [0.5], times, cutoff=8, e_ops=[n, b])
        run = qsp.exactsolve(system, [0.5], times, cutoff=8, e_ops=[n, b], options=options)
    assert run.stats["integrator"] == "Taylor"
    for k in (0, 1):
        off = np.abs(np.array(run.e_data[k]) - np.array(exact.e_data[k]))
        assert np.all(off[1:] < 5 * run.stats["errors of e_ops"][str(k)][1:])


def test_without_a_jump_nothing_is_random():
    """Driven kets whose only jump has no effect: Schrödinger's equation, at every output."""
    (s,) = qsp.spins(3)
    f = qutip.coefficient(lambda t: t**3 * np.exp(-t))
    system = qsp.System(0.4 * s.z + f * s.x, [1e-9 * s.m])
    closed = qsp.System(0.4 * s.z + f * s.x)
    start, times = qutip.basis(4, 0), np.linspace(0, 6, 13)
    options = {"method": "trajectories", "ntraj": 2, "seed": 1}
    run = qsp.exactsolve(system, start, times, e_ops=[s.z, s.m], options=options)
    ket = qsp.exactsolve(closed, start, times, e_ops=[s.z, s.m])
    for k in (0, 1):
        np.testing.assert_allclose(run.e_data[k], ket.e_data[k], atol=2e-9)


def test_coefficients_that_are_no_polynomials_are_left_to_qutip():
    (s,) = qsp.spins(1)

    def served(f):
        system = qsp.System(0.4 * s.z, [qutip.coefficient(f) * s.m])
        return moving_jumps(Liouvillian(*system.qutip()), np.linspace(0, 1, 3)) is not None

    assert served(lambda t: np.cos(5 * t))
    # its square is real, however it is rounded
    assert served(lambda t: np.exp(2j * t) * (1 + 0.5 * np.sin(t)))
    assert not served(lambda t: 1.0 if t > 0.3 else 0.2)
    # of a jump the square counts
    assert served(lambda t: abs(t - 0.3))
    assert not served(lambda t: abs(t - 0.3) ** 0.5)


def test_qutip_finds_jumps_whose_rates_begin_small():
    """Its tolerances for the moments of jumps follow the largest rate, not the first one."""
    (s,) = qsp.spins(1)
    f = qutip.coefficient(lambda t: np.sin(t) ** 2)
    system, times = qsp.System(0.7 * s.x, [f * s.m + 0.5 * s.z]), np.linspace(0, 6, 7)
    start, options = qutip.basis(2, 1), {"method": "trajectories", "ntraj": 150, "seed": 3}
    exact = qsp.exactsolve(system, start, times, e_ops=[s.z])
    run = qsp.exactsolve(system, start, times, e_ops=[s.z], options=options)
    assert "mcsolve" in run.stats["method reason"]
    off = np.abs(np.array(run.e_data[0]) - np.array(exact.e_data[0]))
    assert np.all(off < 4.5 * 0.5 / np.sqrt(150))


def test_a_jump_that_qutip_does_not_find_is_no_fault_of_the_user(monkeypatch):
    def lost(*args, **kw):
        raise RuntimeError("Could not find the collapse time within desired tolerance.")

    monkeypatch.setattr(qutip, "mcsolve", lost)
    with pytest.raises(SolverError, match="moment of a jump") as caught:
        jumps(decaying(), qutip.fock(4, 2), ntraj=2, e_ops=[lambda t, psi: psi.norm()])
    assert caught.value.reason == "integrator"


# ------------------------------------------------------------ more trajectories than anybody waits


def _over(monkeypatch):
    """The time is over at the first look at it."""
    monkeypatch.setattr(sampling, "deadline", lambda: -np.inf)


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_short_trajectories_look_at_the_clock(monkeypatch, gain):
    """Each takes a step or a few: looks are counted over all of them."""
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b, gain * b.dag()] if gain else [b])
    _over(monkeypatch)
    options = {"method": "trajectories", "ntraj": 10**12, "seed": 1}
    with pytest.warns(QsyncplugWarning), pytest.raises(TimeLimitError) as caught:
        qsp.exactsolve(system, [0.1], [0, 0.1], cutoff=4, options=options)
    assert 2 <= caught.value.result.stats["trajectories"] <= 64


def test_jumps_are_kept_up_to_a_memory(monkeypatch):
    """A trajectory without jumps takes memory too."""
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    options = {"method": "trajectories", "ntraj": 30, "seed": 1}

    def run():
        return qsp.exactsolve(system, [0], [0, 0.1], cutoff=4, options=options)

    assert [len(times) for times, _ in run().jumps] == [0] * 30
    allocate = JumpStepper.allocate

    def little(stepper):
        allocate(stepper)
        stepper.kernel.room = 100

    monkeypatch.setattr(JumpStepper, "allocate", little)
    assert run().jumps is None


def test_too_many_trajectories_are_refused():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    for method, ntraj, error, words in (
        ("trajectories", 10**25, ValueError, r"options\['ntraj'\] must be at most"),
        ("mcsolve", 10**14, qsp.MemoryLimitError, "seeds of QuTiP's mcsolve"),
    ):
        with pytest.raises(error, match=words):
            options = {"method": method, "ntraj": ntraj}
            qsp.exactsolve(system, [0.1], [0, 0.1], cutoff=4, options=options)


def test_pieces_are_counted_not_kept():
    pieces = sampling.Pieces(10**15, 7)
    assert len(pieces) == -(-(10**15) // 7)
    assert pieces[0] == (0, 7) and pieces[-1] == (10**15 // 7 * 7, 10**15 % 7)
    assert list(sampling.Pieces(9, 4)) == [(0, 4), (4, 4), (8, 1)]
    assert sampling.Pieces(9, 4)[1:] == [(4, 4), (8, 1)]
