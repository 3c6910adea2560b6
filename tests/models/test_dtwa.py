import os
import signal
import threading

import numpy as np
import pytest
import qutip
from qsyncplug._ext.dtwa import Ensemble
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug import DtwaSolver, SpinChains, collective_pair, dtwasolve
from qsyncplug.core.errors import (
    RightHandSideError,
    SolverInterrupted,
    StepLimitError,
    TimeLimitError,
)
from qsyncplug.operators.collective import collective_form

UP, DOWN, SIDE = [0, 0, 1.0], [0, 0, -1.0], [1.0, 0, 0]


def bloch(x, phase):
    """Bloch vector of excitation x=n/N and ⟨J−⟩=N√(x(1−x))e^{iφ}."""
    amplitude = 2 * np.sqrt(x * (1 - x)) * np.exp(1j * phase)
    return np.array([amplitude.real, -amplitude.imag, 2 * x - 1])


def sizes(system):
    return [levels - 1 for levels in system.levels()]


def operators(system, node):
    """J_x, J_y, J_z of a spin in the space of the system."""
    out = []
    for axis in "xyz":
        parts = [qutip.qeye(d) for d in system.levels()]
        parts[node] = qutip.jmat(sizes(system)[node] / 2, axis)
        out.append(qutip.tensor(parts))
    return out


def in_field(n, field):
    """Spins in fields of their own."""
    S = qsp.spins(*n)
    H = sum(
        sum(h * o for h, o in zip(row, (s.x, s.y, s.z), strict=True))
        for row, s in zip(field, S, strict=True)
    )
    return qsp.System(H, order=S)


def coherent(model, vectors):
    parts = []
    for size, v in zip(sizes(model), vectors, strict=True):
        parts.append(
            qutip.spin_coherent(size / 2, np.arccos(np.clip(v[2], -1, 1)), np.arctan2(v[1], v[0]))
        )
    return qutip.tensor(parts)


def exact(model, vectors, times, lossy=None):
    """⟨J⟩ (T, G, 3) from QuTiP."""
    J = [o for a in range(model.n) for o in operators(model, a)]
    H, c_ops = model.qutip()
    options = {"rtol": 1e-9, "atol": 1e-11, "progress_bar": ""}
    psi = coherent(model, vectors)
    if c_ops:
        run = qutip.mesolve(H, psi, times, c_ops, e_ops=J, options=options)
    else:
        run = qutip.sesolve(H, psi, times, e_ops=J, options=options)
    return np.array(run.expect).real.T.reshape(len(times), -1, 3)


def deviation(result, reference):
    """Difference of the means in standard errors, where there is one."""
    error = result.spins_error
    live = error > 1e-12
    assert np.abs(result.spins - reference)[~live].max(initial=0.0) < 1e-6
    return np.abs((result.spins - reference)[live] / error[live])


# ------------------------------------------------------------------ what it must get exactly


def test_one_axis_twisting():
    """H=χJ_z²: ⟨J_x⟩=(N/2)cos^{N−1}χt, exact; pairs come out as ½cos²χt(1+cos^{N−2}2χt), which has
    a cos²χt too much.
    """
    N, chi = 10, 0.3
    (S,) = qsp.spins(N)
    model = qsp.System(chi * S.z**2)
    times = np.linspace(0, 3, 16)
    result = dtwasolve(model, [SIDE], times, ntraj=40000, seed=3)
    closed = np.zeros((16, 1, 3))
    closed[:, 0, 0] = N / 2 * np.cos(chi * times) ** (N - 1)
    z = deviation(result, closed)
    assert z.max() < 4.5
    assert (
        np.abs(result.products[:, 2, 2] - N / 4).max() < 4.5 * result.products_error[:, 2, 2].max()
    )
    pairs = N * (N - 1) / 8 * np.cos(chi * times) ** 2 * (1 + np.cos(2 * chi * times) ** (N - 2))
    xx = result.products[1:, 0, 0] - N / 4 - pairs[1:]
    assert np.abs(xx / result.products_error[1:, 0, 0]).max() < 4.5


def test_spins_in_a_field_precess():
    field = np.array([[0, 0, 0.7], [0.4, 0, -0.2]])
    model = in_field([1, 5], field)
    times = np.linspace(0, 20, 41)
    result = dtwasolve(model, [SIDE, UP], times, ntraj=64, seed=0, options={"rtol": 1e-11})
    reference = exact(model, [np.array(SIDE), np.array(UP)], times)
    # linear motion: the sampled transverse parts average to something, and it is known which
    vectors, weights = (
        DtwaSolver(model, ntraj=64, seed=0)._ensemble([SIDE, UP], times, 0).sample(0, 64)
    )
    start = 0.5 * np.einsum("si,six->six", weights, vectors)
    moved = np.stack([start[:, :1].sum(1), start[:, 1:].sum(1)], axis=1).mean(axis=0)
    for a, h in enumerate(field):
        axis, rate = h / np.linalg.norm(h), np.linalg.norm(h)
        for k, t in enumerate(times):
            c, s = np.cos(rate * t), np.sin(rate * t)
            turned = (
                moved[a] * c + np.cross(axis, moved[a]) * s + axis * (axis @ moved[a]) * (1 - c)
            )
            np.testing.assert_allclose(result.spins[k, a], turned, atol=1e-9)
    assert deviation(result, reference).max() < 4.5
    # a single spin: ⟨σ_μσ_ν⟩ is δ, whatever it does
    np.testing.assert_allclose(
        result.products[:, :3, :3], 0.25 * np.eye(3)[None].repeat(41, 0), atol=1e-13
    )


def test_initial_moments():
    """Means and second moments of a spin-coherent state."""
    model = in_field([6, 3], np.zeros((2, 3)))
    vectors = np.array([bloch(0.3, 0.4), bloch(0.8, -1.0)])
    result = dtwasolve(model, vectors, [0.0], ntraj=50000, seed=5)
    psi = coherent(model, vectors)
    J = [o for a in range(2) for o in operators(model, a)]
    for u in range(6):
        assert result.spins.reshape(6)[u] == pytest.approx(
            qutip.expect(J[u], psi), abs=4.5 * result.spins_error.max()
        )
        for v in range(6):
            value = qutip.expect(0.5 * (J[u] * J[v] + J[v] * J[u]), psi)
            assert (
                abs(result.products[0, u, v] - value) < 4.5 * result.products_error[0, u, v] + 1e-9
            )
    assert np.abs(result.spin_normal[0, 0, 1] - result.hopping(0, 1)[0]) == 0
    variance = qutip.variance(J[1], psi)
    assert result.spin_covariance[0, 1, 1] == pytest.approx(
        variance, abs=4.5 * result.products_error[0, 1, 1] + 0.01
    )
    assert (
        abs(result.hopping(0, 1)[0] - qutip.expect((J[0] + 1j * J[1]) * (J[3] - 1j * J[4]), psi))
        < 0.05
    )
    assert (
        abs(result.hopping(0, 0)[0] - qutip.expect((J[0] + 1j * J[1]) * (J[0] - 1j * J[1]), psi))
        < 0.05
    )


def test_four_classes_are_all_the_spins():
    """The compiled classes against every spin on its own, from the same samples (scipy)."""
    chains = SpinChains(n=(5, 3), exchange=0.8)
    model = collective_form(chains.system())
    vectors = np.array([DOWN, bloch(0.4, 0.3), bloch(0.2, -0.8)])
    samples, times = 9, np.array([0.0, 0.7, 2.0])
    result = dtwasolve(chains, vectors, times, ntraj=samples, seed=12, options={"rtol": 1e-11})
    start, weights = (
        DtwaSolver(chains, ntraj=samples, seed=12)._ensemble(vectors, times, 12).sample(0, samples)
    )
    group = np.array([0, 1, 1, 1, 1, 2, 2, 2, 2])
    total = np.zeros((3, 3, 3))
    for k in range(samples):
        counts = weights[k].astype(int)
        spins, owner = np.repeat(start[k], counts, axis=0), np.repeat(group, counts)
        assert list(np.bincount(owner)) == [1, 5, 3]

        def rhs(t, y, owner=owner):
            s = y.reshape(-1, 3)
            J = np.array([0.5 * s[owner == a].sum(axis=0) for a in range(3)])
            field = np.zeros_like(s)
            for i, a in enumerate(owner):
                field[i] = model.field[a]
                for b in range(3):
                    other = J[b] - (0.5 * s[i] if a == b else 0)
                    field[i] += (2 if a == b else 1) * model.coupling[a, b] * other
            return np.cross(field, s).ravel()

        run = solve_ivp(
            rhs, (0, 2), spins.ravel(), t_eval=times, method="DOP853", rtol=1e-11, atol=1e-12
        )
        s = run.y.T.reshape(3, -1, 3)
        total += np.stack([0.5 * s[:, owner == a].sum(axis=1) for a in range(3)], axis=1)
    np.testing.assert_allclose(result.spins, total / samples, atol=1e-8)


def test_truncated_wigner_of_all_spins_is_the_same():
    """The algebra's truncated Wigner with a vector for every spin ½ has the same distribution; with
    one for every chain it has not: a spin then feels itself, cos^N χt for cos^{N−1} χt.
    """
    chains = SpinChains(n=(3, 2), exchange=0.8)
    vectors, times = np.array([DOWN, bloch(0.4, 0.3), bloch(0.2, -0.8)]), np.array([0.0, 0.5])
    ours = dtwasolve(chains, vectors, times, ntraj=20000, seed=2)
    start = [vectors[a] for a in (0, 1, 1, 1, 2, 2)]
    theirs = qsp.twasolve(chains.system("spins"), start, times, ntraj=20000, seed=2)
    one = theirs.coordinates.reshape(2, 6, 3)
    spins = np.stack([one[:, 0], one[:, 1:4].sum(axis=1), one[:, 4:].sum(axis=1)], axis=1)
    error = np.hypot(ours.spins_error, ours.spins_error)[1]
    assert np.abs((ours.spins - spins)[1] / error).max() < 4.5
    N, chi, t = 6, 0.3, 1.5
    (S,) = qsp.spins(N)
    alone = qsp.twasolve(qsp.System(chi * S.z**2), [SIDE], [0.0, t], ntraj=40000, seed=3)
    x, spread = alone.coordinates[1, 0], alone.coordinates_error[1, 0]
    assert abs(x - N / 2 * np.cos(chi * t) ** N) < 4.5 * spread
    assert abs(x - N / 2 * np.cos(chi * t) ** (N - 1)) > 10 * spread


# ------------------------------------------------------------------ approximation against exact


def test_two_collective_spins_against_exact_and_mean_field():
    """The error falls with N and lies far below that of the mean field."""
    vectors, times = np.array([bloch(0.5, 0.0), bloch(0.5, 0.0)]), np.linspace(0, 8, 5)
    errors, classical = [], []
    for N in (4, 8, 16):
        model = collective_pair(N)
        result = dtwasolve(model, vectors, times, ntraj=20000, seed=1)
        reference = exact(model, vectors, times)

        form = collective_form(model)

        def rhs(t, y, form=form, N=N):
            s = y.reshape(2, 3)
            J = 0.5 * N * s
            own = np.einsum("aax,ax->ax", form.coupling, J)
            return np.cross(form.field + np.einsum("abx,bx->ax", form.coupling, J) + own, s).ravel()

        s = solve_ivp(rhs, (0, 8), vectors.ravel(), rtol=1e-9, atol=1e-11).y[:, -1].reshape(2, 3)
        target = (reference[-1, 0, 0] - 1j * reference[-1, 0, 1]) / N
        errors.append(abs(result.lowering[-1, 0] / N - target))
        classical.append(abs(0.5 * (s[0, 0] - 1j * s[0, 1]) - target))
        assert result.stats["drift"]["energy"] < 1e-6
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01
    assert all(10 * e < c for e, c in zip(errors, classical, strict=True))


def test_central_spin_at_short_times():
    """With the central spin it is right while the truncation is: here at t=0.1; later it is not
    controlled, and says so.
    """
    chains = SpinChains(n=(6, 6))
    state = chains.product_state("down", (0.3, 0.2), (0.0, 0.7))
    times = np.linspace(0, 0.1, 3)
    result = dtwasolve(chains, state, times, ntraj=100000, seed=2)
    H = chains.hamiltonian()
    ops = [
        chains.lowering(1),
        chains.lowering(2),
        chains.jz(1),
        chains.jz(2),
        qutip.tensor(qutip.sigmaz(), *map(qutip.qeye, (7, 7))),
    ]
    reference = qutip.sesolve(
        H, state, times, e_ops=ops, options={"rtol": 1e-10, "atol": 1e-12}
    ).expect
    tolerance = 4.5 * result.spins_error[-1].max() / 6 + 1e-3
    for j in range(2):
        assert abs(result.lowering[-1, 1 + j] - reference[j][-1]) / 6 < tolerance
        assert abs(result.spins[-1, 1 + j, 2] - reference[2 + j][-1]) / 6 < tolerance
    assert reference[4][-1] > -0.8
    assert abs(2 * result.spins[-1, 0, 2] - reference[4][-1]) < 0.01
    assert any("central spin" in text for text in result.stats["neglected"])


@pytest.mark.parametrize(
    "rates", [(0.5, 0.0, 0.0), (0.5, 0.6, 0.0), (0.3, 0.0, 0.4)], ids=["loss", "thermal", "gain"]
)
def test_collective_baths_have_the_right_rates(rates):
    """Slopes at the start: those of the master equation, exactly (the noise gives the ⟨J_z⟩ of
    ⟨J+J−⟩).
    """
    loss, thermal, gain = rates
    chains = SpinChains(
        n=(6, 6),
        central=False,
        omega=(0.0, 0.0),
        exchange=0.0,
        loss=(loss, 0.0),
        thermal=(thermal, 0.0),
        gain=(gain, 0.0),
    )
    model, form = chains.system(), collective_form(chains.system())
    vectors = np.array([bloch(0.7, 0.5), DOWN])
    samples, t = 200000, 0.1
    result = dtwasolve(chains, vectors, [0.0, t], ntraj=samples, seed=4)
    reference = exact(model, vectors, [0.0, t])
    # the sampling noise of the start drops out of the difference; what is left is the noise of the
    # bath, turning |J|≤3
    change, true = (result.spins[1] - result.spins[0])[0], (reference[1] - reference[0])[0]
    strength = (form.lowering.T @ form.lowering + form.raising.T @ form.raising)[0, 0]
    error = 3 * np.sqrt(strength * t / samples)
    np.testing.assert_allclose(change, true, atol=4 * error)
    # the noise-made ⟨J_z⟩ in ⟨J+J−⟩ is far outside of that
    assert strength * abs(reference[0, 0, 2]) * t > 10 * error


def test_collective_loss_approaches_the_exact_decay():
    """Superradiant decay: the error of J_z/N falls with N."""
    times, errors = np.linspace(0, 6, 7), []
    for N in (4, 16):
        model = SpinChains(
            n=(N, 1), central=False, omega=(0, 0), exchange=0, loss=(1.0, 0.0)
        ).system()
        vectors = np.array([bloch(0.9, 0.0), DOWN])
        result = dtwasolve(model, vectors, times, ntraj=10000, seed=6)
        reference = exact(model, vectors, times)
        errors.append(np.abs(result.spins - reference)[:, 0].max() / N)
        # |J|² is conserved along every trajectory, as the master equation conserves it
        length = np.trace(result.products[:, :3, :3], axis1=1, axis2=2)
        np.testing.assert_allclose(length, N / 2 * (N / 2 + 1), rtol=0.02)
        np.testing.assert_allclose(length, length[0], rtol=1e-4)
    assert errors[1] < 0.5 * errors[0]
    assert errors[1] < 0.02


def test_dissipative_coupling_locks_the_sum():
    """L ∝ J1/√N1 − J2/√N2 leaves equal lowering amplitudes alone and damps their difference."""
    chains = SpinChains(
        n=(8, 8), central=False, omega=(0, 0), exchange=0, dissipative=0.8, engineered="spin"
    )
    model = chains.system()
    vectors = np.array([bloch(0.2, 0.0), bloch(0.2, 1.0)])
    times = np.linspace(0, 3, 4)
    result = dtwasolve(chains, vectors, times, ntraj=20000, seed=9)
    reference = exact(model, vectors, times)
    assert np.abs(result.spins - reference).max() / 8 < 0.02
    start, end = np.abs(np.angle(result.lowering[[0, -1], 1] / result.lowering[[0, -1], 0]))
    assert end < 0.75 * start


def test_stochastic_steps_have_converged():
    chains = SpinChains(n=(6, 6), loss=(0.4, 0.4))
    vectors, times = np.array([DOWN, bloch(0.6, 0), bloch(0.3, 1)]), [0.0, 2.0]
    runs = [
        dtwasolve(chains, vectors, times, ntraj=20000, seed=8, options={"max_step": h})
        for h in (0.02, 0.005)
    ]
    error = np.hypot(runs[0].spins_error, runs[1].spins_error)[1]
    assert np.abs((runs[0].spins - runs[1].spins)[1] / error).max() < 4.5


# ------------------------------------------------------------------ statistics


def test_error_bars_are_honest():
    """Independent runs scatter by the standard error that each reports (χ² of 60 runs, two-sided
    1e-6).
    """
    model = collective_pair(6)
    vectors = np.array([bloch(0.3, 0.0), bloch(0.2, 1.0)])
    runs = [dtwasolve(model, vectors, [0.0, 3.0], ntraj=256, seed=seed) for seed in range(60)]
    for name in ("spins", "products"):
        values = np.array([getattr(r, name)[1].ravel() for r in runs])
        reported = np.array([getattr(r, name + "_error")[1].ravel() for r in runs])
        ratio = values.var(axis=0, ddof=1) / (reported**2).mean(axis=0)
        assert np.all((ratio > 0.35) & (ratio < 2.2))


def test_same_seed_same_bits_on_any_number_of_threads():
    chains = SpinChains(n=(5, 4), loss=(0.1, 0.2))
    state = chains.product_state("up", (0.3, 0.2))
    runs = [
        dtwasolve(
            chains, state, [0, 0.3, 0.6], ntraj=1003, seed=77, options={"num_threads": threads}
        )
        for threads in (1, 2, 3)
    ]
    for other in runs[1:]:
        for name in ("spins", "spins_error", "products", "products_error"):
            np.testing.assert_array_equal(getattr(other, name), getattr(runs[0], name))
    different = dtwasolve(chains, state, [0, 0.3, 0.6], ntraj=1003, seed=78)
    assert np.abs(different.spins - runs[0].spins).max() > 1e-4
    fresh = dtwasolve(chains, state, [0, 0.3], ntraj=16)
    again = dtwasolve(chains, state, [0, 0.3], ntraj=16, seed=fresh.stats["seed"])
    np.testing.assert_array_equal(fresh.spins, again.spins)


def test_sampling_is_uniform():
    """Counts of the four classes: multinomial; signs of a mixed spin: (1±|r|)/2."""
    spins = Ensemble(
        [1, 70],
        np.zeros((2, 3)),
        np.zeros((2, 2, 3)),
        np.zeros((2, 3)),
        np.zeros((2, 2)),
        np.zeros((0, 2)),
        [np.eye(3)[[2, 0, 1]]] * 2,
        [0.5, 1.0],
        [0.0],
        1e-7,
        np.inf,
        10,
        5,
    )
    vectors, weights = spins.sample(0, 40000)
    assert np.all(weights[:, 1:].sum(axis=1) == 70)
    mean, covariance = weights[:, 1:].mean(axis=0), np.cov(weights[:, 1:].T)
    np.testing.assert_allclose(mean, 17.5, atol=4.5 * np.sqrt(70 * 3 / 16 / 40000))
    np.testing.assert_allclose(covariance, 70 * (np.eye(4) / 4 - 1 / 16), atol=0.5)
    assert vectors[:, 0, 2].mean() == pytest.approx(0.5, abs=0.02)
    assert np.abs(vectors[:, 0, :2].mean(axis=0)).max() < 0.025
    assert set(np.unique(vectors[:, 0])) == {-1.0, 1.0}


# ------------------------------------------------------------------ house rules


@pytest.mark.parametrize("central", [True, False])
def test_collective_form_is_the_system(central):
    """The fields, couplings and amplitudes make the same Hamiltonian, but for a constant, and the
    same dissipators.
    """
    rates = {
        "loss": (0.2, 0.1),
        "thermal": (0.5, 0.0),
        "gain": (0.0, 0.3),
        "dissipative": 0.4,
        "engineered": "spin",
    }
    chains = SpinChains(n=(3, 2), central=central, coherent=0.7, **rates)
    form = collective_form(chains.system())
    J = [operators(chains.system(), a) for a in range(len(form.n))]
    ours = 0 * J[0][0]
    for a in range(len(J)):
        for mu in range(3):
            ours += form.field[a, mu] * J[a][mu]
            for b in range(a, len(J)):
                ours += form.coupling[a, b, mu] * J[a][mu] * J[b][mu]
    ours, theirs = ours.full(), chains.hamiltonian().full()
    shift = np.trace(theirs - ours) / len(ours)
    np.testing.assert_allclose(theirs - shift * np.eye(len(ours)), ours, atol=1e-12)
    lower = [x - 1j * y for x, y, _ in J]
    jumps = [sum(c * m for c, m in zip(row, lower, strict=True)) for row in form.lowering]
    jumps += [sum(c * m.dag() for c, m in zip(row, lower, strict=True)) for row in form.raising]

    def generator(jumps):
        return sum(qutip.lindblad_dissipator(c) for c in jumps).full()

    np.testing.assert_allclose(generator(jumps), generator(chains.c_ops()), atol=1e-12)


def test_any_system_of_spins():
    """A central spin with three chains; a common phase of a jump changes nothing."""
    S = qsp.spins(1, 6, 4, 2)
    H = 0.4 * S[0].z + sum(0.3 * (S[0].p * x.m + S[0].m * x.p) for x in S[1:])
    model = qsp.System(H, [1j * 0.2 * (S[1].m - 0.5 * S[2].m), 0.3 * S[3].p])
    form = collective_form(model)
    np.testing.assert_allclose(np.abs(form.lowering), [[0, 0.2, 0.1, 0]], atol=1e-15)
    assert form.lowering[0, 1] * form.lowering[0, 2] < 0
    np.testing.assert_allclose(form.raising, [[0, 0, 0, 0.3]], atol=1e-15)
    vectors, times = np.array([DOWN, bloch(0.5, 0.2), UP, SIDE]), [0.0, 0.2]
    result = dtwasolve(model, vectors, times, ntraj=40000, seed=3)
    assert result.nodes == (1, 2, 3) and result.mean.shape == (2, 6)
    reference = exact(model, vectors, times)
    assert np.abs(result.spins - reference).max() < 0.02
    view = qsp.synchronization(result)
    assert view.n == 3


def test_quadratures_are_those_of_the_exact_bosons():
    """Mean and covariance of the Holstein–Primakoff bosons: exact in the vacuum, close to exact
    after a run.
    """
    chains = SpinChains(n=(16, 16), central=False, g=0, omega0=0, exchange=0.4)
    vacuum = dtwasolve(chains, chains.product_state(), [0.0], ntraj=100000, seed=3)
    np.testing.assert_allclose(
        vacuum.covariance[0], 0.5 * np.eye(4), atol=4.5 * np.sqrt(0.5 / 100000)
    )
    assert np.abs(vacuum.mean[0] / vacuum.mean_error[0]).max() < 4.5
    state, times = chains.product_state(excitation=(0.3, 0.2), phase=(0.0, 1.0)), [0.0, 1.0]
    result = dtwasolve(chains, state, times, ntraj=50000, seed=4)
    reference = qsp.exactsolve(chains, state, times)
    np.testing.assert_allclose(
        result.mean, reference.mean, atol=0.02 * np.abs(reference.mean).max()
    )
    np.testing.assert_allclose(result.covariance, reference.covariance, atol=0.06)
    view = qsp.synchronization(result)
    np.testing.assert_allclose(
        qsp.measures.coherence(view)[-1],
        qsp.measures.coherence(qsp.synchronization(reference))[-1],
        atol=0.01,
    )
    # the number of quanta of the bosons is that of the spins
    np.testing.assert_allclose(view.masses, result.spins[:, :, 2] + 8, atol=0.15)


def test_saving_and_loading(tmp_path):
    result = dtwasolve(
        collective_pair(4, loss=0.1),
        [SIDE, SIDE],
        [0.0, 1.0],
        ntraj=64,
        seed=1,
        e_ops=[lambda t, s: s[0, 2]],
    )
    np.testing.assert_allclose(result.expect[0], result.spins[:, 0, 2])
    result.save(tmp_path / "run.npz")
    again = qsp.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(again.products_error, result.products_error)
    np.testing.assert_array_equal(again.covariance, result.covariance)
    assert again.ntraj == 64


def test_bad_input():
    chains = SpinChains(n=(3, 3))
    with pytest.raises(ValueError, match="spin-coherent"):
        dtwasolve(
            chains,
            qutip.tensor(qutip.basis(2, 0), qutip.basis(4, 1), qutip.basis(4, 0)),
            [0, 1],
            ntraj=8,
        )
    with pytest.raises(ValueError, match="dims"):
        dtwasolve(chains, chains.product_state(representation="spins"), [0, 1], ntraj=8)
    with pytest.raises(ValueError, match="normalised"):
        dtwasolve(chains, 2 * chains.product_state(), [0, 1], ntraj=8)
    with pytest.raises(ValueError, match="unit vector"):
        dtwasolve(chains, [DOWN, [0, 0, 0.5], UP], [0, 1], ntraj=8)
    with pytest.raises(ValueError, match="ntraj"):
        dtwasolve(chains, chains.product_state(), [0, 1], ntraj=1)
    with pytest.raises(ValueError, match="seed"):
        dtwasolve(chains, chains.product_state(), [0, 1], ntraj=8, seed=-1)
    with pytest.raises(ValueError, match="increase"):
        dtwasolve(chains, chains.product_state(), [1, 0], ntraj=8)
    with pytest.raises(KeyError, match="atol"):
        dtwasolve(chains, chains.product_state(), [0, 1], ntraj=8, options={"atol": 1e-9})
    for kw, match in (
        ({"geometry": "chain"}, "nearest-neighbour"),
        ({"two_photon": 0.1}, "engineered='spin'"),
        ({"two_photon": 0.1, "engineered": "spin"}, "sum of J− or of J"),
        ({"loss": 0.1, "bath": "boson"}, "bath='spin'"),
        ({"dissipative": 0.1}, "engineered='spin'"),
        ({"local_loss": 0.1}, "local"),
    ):
        with pytest.raises(ValueError, match=match):
            dtwasolve(SpinChains(n=(3, 3), **kw), [DOWN] * 3, [0, 1], ntraj=8)
    with pytest.raises(TypeError, match="SpinChains"):
        dtwasolve("chains", [DOWN], [0, 1])
    (b,), (S,), (A,) = qsp.modes(1), qsp.spins(4), qsp.atoms(4)
    for system, match in (
        (qsp.System(b.dag() * b), "System of spins"),
        (qsp.System(A.z), "System of spins"),
    ):
        with pytest.raises(TypeError, match=match):
            dtwasolve(system, [UP], [0, 1])
    for H, jumps, match in (
        (S.z**3, [], "two spins at most"),
        (S.x * S.y + S.y * S.x, [], "equal components"),
        (qsp.spins(*[1] * 9)[0].z, [], "8 spins"),
        (S.z, [S.z], r"jumps\[0\]"),
        (S.z, [S.m + 0.5 * S.p], r"jumps\[0\]"),
        (S.z, [S.m * S.z], r"jumps\[0\]"),
        (S.z * (lambda t: np.cos(t)), [], "time"),
    ):
        with pytest.raises(ValueError, match=match):
            dtwasolve(qsp.System(H, jumps), [UP] * 9, [0, 1])
    S = qsp.spins(2, 2)
    with pytest.raises(ValueError, match="real weights"):
        dtwasolve(qsp.System(S[0].z, [S[0].m + 1j * S[1].m]), [UP, UP], [0, 1])


def test_limits_keep_what_was_done():
    chains = SpinChains(n=(5, 5))
    state = chains.product_state()
    with pytest.raises(StepLimitError, match="nsteps"):
        dtwasolve(chains, state, [0, 50], ntraj=64, seed=0, options={"nsteps": 5})
    with pytest.raises(TimeLimitError) as caught:
        dtwasolve(
            chains,
            state,
            np.linspace(0, 500, 3),
            ntraj=200000,
            seed=0,
            options={"time_limit": 0.4},
        )
    partial = caught.value.result
    assert 0 < partial.ntraj < 200000
    assert np.isfinite(partial.spins).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_interrupts_and_failing_functions_keep_the_samples(threads):
    chains = SpinChains(n=(5, 5))
    state = chains.product_state()
    options = {"num_threads": threads}
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(SolverInterrupted, match="samples") as caught:
        dtwasolve(chains, state, np.linspace(0, 50, 3), ntraj=10**6, seed=0, options=options)
    partial = caught.value.result
    assert 0 < partial.ntraj < 10**6 and np.isfinite(partial.spins).all()

    def fails(t, spins):
        if t > 0.5:
            raise ZeroDivisionError("mine")
        return spins[0, 2]

    with pytest.raises(RightHandSideError, match="mine") as caught:
        dtwasolve(chains, state, [0, 0.5, 1], ntraj=16, seed=0, e_ops=fails, options=options)
    assert caught.value.result.ntraj == 16
    values = caught.value.result.e_data[0]
    assert len(values) == 3 and values[1] > values[0] and values[2] is None


def test_samples_are_not_stepped():
    solver = DtwaSolver(SpinChains(n=(2, 2)), ntraj=8)
    for call in (
        lambda: solver.start(None, 0.0),
        lambda: solver.iterate(None, [0, 1]),
        lambda: solver.run(None, [0, 1], until=lambda t, s: True),
    ):
        with pytest.raises(TypeError, match="samples"):
            call()
