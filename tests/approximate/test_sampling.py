"""Truncated Wigner samples: closed forms, moments that are exact, errors, reproducibility,
warnings.
"""

import os
import signal
import threading
import warnings

import numpy as np
import pytest
import scipy.integrate
from qsyncplug._ext.bosons import Polynomials

import qsyncplug as qsp
from qsyncplug.approximate.heun import HeunProgram, merged
from qsyncplug.approximate.sampling import TwaSolver
from qsyncplug.core.errors import (
    ApproximationWarning,
    SolverInterrupted,
    StepLimitError,
    TimeLimitError,
)
from qsyncplug.operators.classical import Classical
from qsyncplug.operators.polynomial import compile_polynomials


def within(value, error, wanted, sigmas=4.5):
    assert error < 0.1 * max(abs(wanted), 0.1)
    assert abs(value - wanted) < sigmas * error, (value, error, wanted)


def wigner_number(loss):
    """⟨n⟩ of the truncated equations: the stationary density of I=|α|² in closed form.

    Drift ½+I+4κI−2κI², variance I+4κI² (Itô).
    """
    kappa = loss

    def log_density(x):
        # ∫ 2A/B − log B
        inner, _ = scipy.integrate.quad(
            lambda y: 2 * (0.5 + y + 4 * kappa * y - 2 * kappa * y**2) / (y + 4 * kappa * y**2),
            1.0,
            x,
            limit=200,
        )
        return inner - np.log(x + 4 * kappa * x**2)

    grid = np.linspace(1e-4, 12 + 12 / loss**0.5 + 1.5 / loss, 1500)
    p = np.exp([log_density(x) for x in grid] - np.max([log_density(x) for x in grid]))
    return np.trapezoid(grid * p, grid) / np.trapezoid(p, grid) - 0.5


@pytest.mark.parametrize(("loss", "published"), [(0.1, 5.524), (1.0, 1.088)])
def test_van_der_pol_oscillator(loss, published):
    (b,) = qsp.modes(1)
    system = qsp.System(0 * b, [b.dag(), np.sqrt(loss) * b**2])
    exact = wigner_number(loss)
    assert abs(exact - published) < 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ApproximationWarning)
        run = qsp.twasolve(system, [1.0], [0, 6.0], ntraj=16000, seed=5, e_ops=b.dag() * b)
    within(run.e_data[0][-1].real, run.e_error[0][-1], exact)
    assert abs(qsp.expect(b.dag() * b, run)[-1] - run.e_data[0][-1]) < 1e-10


def test_linear_systems_are_exact():
    """Loss, gain, squeezing and a drive: the mean and covariance of the linear closure are
    exact.
    """
    b1, b2 = qsp.modes(2)
    H = (
        0.4 * (b1.dag() * b2 + b2.dag() * b1)
        + 0.2 * (b1**2 + b1.dag() ** 2)
        + 0.3 * (b2 + b2.dag())
    )
    system = qsp.System(H, [0.9 * b1, 0.5 * b2.dag(), b2 - 0.5 * b1])
    state0 = {b1: 1.0 + 0.5j, b2: -0.7}
    run = qsp.twasolve(system, state0, [0, 1.0, 2.5], ntraj=20000, seed=11)
    exact = qsp.mfsolve(system, state0, [0, 1.0, 2.5])
    assert np.all(np.abs(run.mean - exact.mean) < 4.5 * run.mean_error)
    C = exact.covariance + exact.mean[:, :, None] * exact.mean[:, None, :]
    assert np.all(np.abs(run.second - C) < 4.5 * run.second_error + 2e-3)


def test_weyl_symbols_of_drift_equal_the_exact_rates():
    """⟨D†b⟩ has no difference for jumps of degree two and less (its Itô drift)."""
    (b,) = qsp.modes(1)
    for L in (b, b.dag(), b**2, b.dag() * b, b + 0.3 * b.dag() * b, b + 0.4 * b.dag() ** 2):
        system = qsp.System(0.3 * b.dag() * b + 0.1 * b.dag() ** 2 * b**2, [L])
        c = Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True)
        (F,) = c.drift()
        exact = Classical(system.symbols, system.adjoint(b), [], weyl=True)
        want = {letters: v for (letters, _, _), v in exact.H.items()}
        # Itô: ½ Σ of the noise coefficients times their derivatives
        ito = {letters: v for (letters, _), v in F.items()}
        noises = c.noises()
        from qsyncplug.operators.polynomial import conjugate, derivative, multiply, total

        own = {starred: row for _, _, starred, row in noises}
        a, s = own.get(False, {}), own.get(True, {})
        # dz=½(a ζ*+s ζ), E ζζ*=2dt: ½·¼·2 [∂_z(a)s+∂_z(s)a + (∂_z̄ a) a* + (∂_z̄ s) s*]
        parts = [
            (0.25, multiply(derivative(a, 0), s)),
            (0.25, multiply(derivative(s, 0), a)),
            (0.25, multiply(derivative(a, 0, True), conjugate(a))),
            (0.25, multiply(derivative(s, 0, True), conjugate(s))),
        ]
        for (letters, _), v in total(*parts).items():
            ito[letters] = ito.get(letters, 0) + v
        for key in set(ito) | set(want):
            assert abs(ito.get(key, 0) - want.get(key, 0)) < 1e-13, (L, key)


@pytest.mark.parametrize(("N", "coherence"), [(8, 0.423)])
def test_van_der_pol_spins(N, coherence):
    S1, S2 = qsp.spins(N, N)
    jumps = [np.sqrt(1 / N) * S.p for S in (S1, S2)]
    jumps += [np.sqrt(4 / N) / N * S.m**2 for S in (S1, S2)]
    jumps.append(np.sqrt(0.5 / N) * (S1.m - S2.m))
    system = qsp.System(0.05 * (S1.z - S2.z), jumps)
    state0 = {S1: (2.0, 0.0), S2: (2.0, 0.1)}
    run = qsp.twasolve(system, state0, [0, 15.0], ntraj=4000, seed=3)
    hop, n1, n2 = (qsp.expect(x, run)[-1] for x in (S1.p * S2.m, S1.p * S1.m, S2.p * S2.m))
    assert abs(abs(hop) / np.sqrt(abs(n1 * n2)) - coherence) < 0.02
    # every sample keeps the length of its spins: ⟨S²⟩ is that of the start
    S = np.einsum("taa->ta", run.second)
    np.testing.assert_allclose(S[:, :3].sum(axis=1), S[0, :3].sum(), rtol=1e-9)
    assert abs(S[0, :3].sum() - (N / 2) * (N / 2 + 1)) < 4 * run.second_error[0, :3, :3].sum()


def test_unitary_tavis_cummings():
    N = 16
    (b,), (S,) = qsp.modes(1), qsp.spins(N)
    H = 0.3 * b.dag() * b + 0.5 * S.z + 0.4 / N * S.z**2
    system = qsp.System(H + 0.6 / np.sqrt(N) * (b.dag() * S.m + b * S.p))
    state0 = {b: 0.5 * np.sqrt(N) * np.exp(0.3j), S: (2.2, -0.5)}
    run = qsp.twasolve(system, state0, [0, 1.5], ntraj=8000, seed=1)
    exact = qsp.exactsolve(system, state0, [0, 1.5], cutoff=59, e_ops=[b, S.x, S.y, S.z])
    values = [v[-1] for v in exact.e_data.values()]
    assert abs(qsp.expect(b, run)[-1] - values[0]) / np.sqrt(N) < 0.012
    assert np.abs(run.coordinates[-1, 2:] - values[1:]).max() / N < 0.012


def test_time_dependence():
    (b,) = qsp.modes(1)
    f = lambda t: 0.5 * np.cos(2 * t)  # noqa: E731
    system = qsp.System(f * (b + b.dag()) + 0.7 * b.dag() * b, [0.5 * b])
    run = qsp.twasolve(system, [1.0], [0, 2.0], ntraj=4000, seed=2)
    exact = qsp.mfsolve(system, [1.0], [0, 2.0])
    assert np.all(np.abs(run.mean - exact.mean) < 4.5 * run.mean_error)


def test_seeds():
    (b,) = qsp.modes(1)
    system = qsp.System(0.3 * b.dag() * b, [b.dag(), 0.3 * b**2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ApproximationWarning)
        a, same, other = (
            qsp.twasolve(system, [1.0], [0, 1.0], ntraj=100, seed=s) for s in (7, 7, 8)
        )
        fresh = qsp.twasolve(system, [1.0], [0, 1.0], ntraj=100)
    assert np.array_equal(a.second, same.second)
    assert not np.array_equal(a.second, other.second)
    assert fresh.stats["seed"] is not None and a.ntraj == 100


def test_warnings_and_errors():
    (b,), (A,), (s,) = qsp.modes(1), qsp.atoms(4), qsp.levels(3)
    few = qsp.System(0 * b, [b.dag(), 2 * b**2])
    with pytest.warns(ApproximationWarning, match="not reliable below"):
        qsp.twasolve(few, [0.5], [0, 1.0], ntraj=64, seed=1)
    with pytest.raises(ValueError, match="needs modes and spins"):
        qsp.twasolve(qsp.System(A.z, [A.m]), {A: (0, 0)}, [0, 1.0])
    with pytest.raises(ValueError, match="needs modes and spins"):
        qsp.twasolve(qsp.System(s[1, 1]), {s: 0}, [0, 1.0])
    with pytest.raises(StepLimitError):
        qsp.twasolve(few, [0.5], [0, 1.0], ntraj=64, options={"nsteps": 3})
    with pytest.warns(ApproximationWarning), pytest.raises(TimeLimitError) as stopped:
        qsp.twasolve(few, [0.5], [0, 1.0], ntraj=10**8, seed=1, options={"time_limit": 1.5})
    assert stopped.value.result.ntraj >= 64
    with pytest.raises(TypeError, match="e_ops"):
        qsp.twasolve(few, [0.5], [0, 1.0], e_ops="n")
    with pytest.raises(ValueError, match="seed"):
        qsp.twasolve(few, [0.5], [0, 1.0], seed=-1)
    linear = qsp.System(0.3 * b.dag() * b, [b])
    run = qsp.twasolve(linear, [0.5], [0, 1.0], ntraj=64, seed=1)
    with pytest.raises(ValueError, match="e_ops"):
        qsp.expect(b.dag() ** 2 * b**2, run)


def test_interrupts_keep_the_samples():
    (b,) = qsp.modes(1)
    system = qsp.System(0.3 * b.dag() * b, [b])
    # a shell starts what runs in the background deaf to Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(SolverInterrupted, match="samples") as stopped:
            qsp.twasolve(system, [0.5], [0, 50.0], ntraj=10**7, seed=1)
    finally:
        signal.signal(signal.SIGINT, before)
    partial = stopped.value.result
    assert partial.ntraj > 0 and np.isfinite(partial.mean).all()
    solver = TwaSolver(system, ntraj=64)
    with pytest.raises(TypeError, match="samples"):
        solver.start([0.5], 0.0)
    with pytest.raises(TypeError, match="until"):
        solver.run([0.5], [0, 1.0], until=lambda t, s: True)


def xoshiro(seed, first, count, words):
    """The signs of samples first … first+63: (words, 64) of xoshiro256++ seeded by splitmix64."""
    with np.errstate(over="ignore"):

        def mix(x):
            x = x + np.uint64(0x9E3779B97F4A7C15)
            z = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return x, z ^ (z >> np.uint64(31))

        x, _ = mix(np.full(count, seed, dtype=np.uint64))
        _, y = mix(x)
        number = np.uint64(first) + np.arange(count, dtype=np.uint64)
        y = y ^ (number * np.uint64(0xD1342543DE82EF95))
        s = []
        for _ in range(4):
            y, z = mix(y)
            s.append(z)
        out = []
        for _ in range(words):
            total = s[0] + s[3]
            out.append(((total << np.uint64(23)) | (total >> np.uint64(41))) + s[0])
            t = s[1] << np.uint64(17)
            s[2] = s[2] ^ s[0]
            s[3] = s[3] ^ s[1]
            s[1] = s[1] ^ s[2]
            s[0] = s[0] ^ s[3]
            s[2] = s[2] ^ t
            s[3] = (s[3] << np.uint64(45)) | (s[3] >> np.uint64(19))
    return np.array(out)


def kernel_of(program, level):
    """The kernel of a level; 0, without explicit vectors, is everywhere."""
    try:
        return program.kernel(level)
    except ValueError as error:
        if level == 0 or "no kernels of level" not in str(error):
            raise
        pytest.skip("this processor has no such registers")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_kernels_against_numpy(level):
    """Every step of modes, spins and a function of time, with the same random signs."""
    b1, b2 = qsp.modes(2)
    S, s = qsp.spins(4, 1)
    f = lambda t: 1 + 0.5 * np.cos(t)  # noqa: E731
    H = 0.3 * b1.dag() ** 2 * b1**2 + 0.2j * (b1.dag() * S.m - b1 * S.p) + 0.1 * S.z**2
    H = H + f * (b2 + b2.dag()) + 0.4 * s.x + 0.3 * s.z * S.z + 0.7
    jumps = [0.3 * b1**2, (0.2 + 0.1j) * b2.dag() + 0.1 * b1, 0.3 * S.m * S.z, 0.2 * s.m + 0.1 * b2]
    system = qsp.System(H, jumps)
    c = Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True)
    program = HeunProgram(c)
    kernel = kernel_of(program, level)
    v, seed, count, T = c.variables, 12345, 40, 0.8
    rng = np.random.default_rng(3)
    z = 0.6 * (rng.standard_normal((v, 64)) + 1j * rng.standard_normal((v, 64)))
    z[sorted(c.real)] = z[sorted(c.real)].real
    times, steps = np.array([0.1, 0.1 + T]), np.array([count])
    out = np.empty((2, v, 64), dtype=complex)
    assert kernel.run(z, seed, 128, times, steps, program.factor_table(times, steps), True, out) < 0

    noises = c.noises()
    arrays, factors = compile_polynomials([*c.drift(), *(row for *_, row in noises)])
    evaluate = Polynomials(v, arrays, factors)
    bits = xoshiro(seed, 128, 64, count)
    assert 2 * len(jumps) * count <= 64 * count
    sign = np.array([[(w >> np.uint64(63 - k)) & np.uint64(1) for k in range(64)] for w in bits])
    sign = (1 - 2.0 * sign.reshape(-1, 64))[: 2 * len(jumps) * count]
    sign = sign.reshape(count, len(jumps), 2, 64)
    dt = T / count
    spins = [(c.first[x.symbol], c.first[x.symbol] + 1) for x in (S, s)]

    def rate(t, x, zeta):
        rows = np.array([evaluate(t, column) for column in x.T]).T
        d = rows[:v] * dt
        for (number, k, starred, _), row in zip(noises, rows[v:], strict=True):
            d[k] += 0.5 * row * (zeta[number] if starred else zeta[number].conj())
        return d

    x = z.copy()
    length = [np.sqrt(np.abs(z[w]) ** 2 + z[u].real ** 2) for w, u in spins]
    for k in range(count):
        zeta = np.sqrt(dt) * (sign[k, :, 0] + 1j * sign[k, :, 1])
        first = rate(0.1 + k * dt, x, zeta)
        x = x + 0.5 * (first + rate(0.1 + (k + 1) * dt, x + first, zeta))
        for (w, u), size in zip(spins, length, strict=True):
            scale = size / np.sqrt(np.abs(x[w]) ** 2 + x[u].real ** 2)
            x[w], x[u] = x[w] * scale, x[u] * scale
    np.testing.assert_array_equal(out[0], z)
    np.testing.assert_allclose(out[1], x, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_multiples_and_cubes_of_a_variable(level, seed):
    """z and z̄zz with real, imaginary and complex coefficients, some of them twice and in time, are
    formed together: steps without noise against the polynomials.
    """
    rng = np.random.default_rng(seed)
    f = lambda t: 1 + 0.3 * np.sin(t)  # noqa: E731
    modes = qsp.modes(3)
    H, jumps = 0 * modes[0], []
    for b in modes:
        for k, factor in ((1, 1), (2, 1), (1, f), (2, f)):
            if seed and rng.random() < 0.5:
                H = H + factor * (rng.normal() * b.dag() ** k * b**k)
        jumps += [0.3 * b**2, 0.2 * b.dag()] if seed == 0 or rng.random() < 0.7 else [0.4 * b]
    system = qsp.System(H, jumps, order=modes)
    c = Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True)
    arrays, factors = compile_polynomials(c.drift())
    rate = Polynomials(3, arrays, factors)
    c.noises = lambda: []
    program = HeunProgram(c)
    kernel = kernel_of(program, level)
    z = 0.5 * (rng.standard_normal((3, 64)) + 1j * rng.standard_normal((3, 64)))
    times, steps, out = np.array([0.3, 0.32]), np.array([1]), np.empty((2, 3, 64), dtype=complex)
    table = program.factor_table(times, steps)
    assert kernel.run(z, 1, 0, times, steps, table, program.timed, out) < 0
    for k in range(64):
        first = 0.02 * rate(0.3, z[:, k])
        second = 0.02 * rate(0.32, z[:, k] + first)
        np.testing.assert_allclose(out[1, :, k], z[:, k] + 0.5 * (first + second), atol=1e-14)


def test_more_signs_a_step_than_bits_in_a_word():
    """40 decaying modes, 80 signs a step: what is left of a word is not used for the next step."""
    b = qsp.modes(40)
    system = qsp.System(0 * b[0], [0.5 * x for x in b])
    c = Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True)
    program = HeunProgram(c)
    z = np.ones((40, 64), dtype=complex)
    times, steps, dt = np.array([0.0, 0.3]), np.array([3]), 0.1
    out = np.empty((2, 40, 64), dtype=complex)
    program.kernel().run(z, 7, 0, times, steps, program.factor_table(times, steps), False, out)
    words = xoshiro(7, 0, 64, 6)
    bits = np.array([[(w >> np.uint64(63 - k)) & np.uint64(1) for k in range(64)] for w in words])
    signs = 1 - 2.0 * bits
    (number, k, starred, row) = c.noises()[0]
    ((letters, _), value) = next(iter(row.items()))
    assert (number, k, letters) == (0, 0, ())
    for step in range(3):
        pairs = np.concatenate([signs[2 * step], signs[2 * step + 1, :16]]).reshape(40, 2, 64)
        zeta = np.sqrt(dt) * (pairs[:, 0] + 1j * pairs[:, 1])
        noise = 0.5 * value * (zeta if starred else zeta.conj())
        first = -0.125 * z * dt + noise
        z = z + 0.5 * (first - 0.125 * (z + first) * dt + noise)
    np.testing.assert_allclose(out[1], z, atol=1e-13)


def test_constant_noises_are_merged_into_as_many_as_there_are_variables():
    b1, b2, b3 = qsp.modes(3)
    jumps = [b1.dag(), b2.dag(), b1 - 1j * b2, 0.3 * b1**2, 0.2 * b2, b3 + b1.dag(), b3 * b3]
    system = qsp.System(0 * b1, jumps)
    c = Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True)
    before, after = c.noises(), merged(c.noises())

    def covariance(noises):
        """E dz dz† of what is constant in jumps with one kind of noise."""
        G = np.zeros((3, 2 * len(jumps)), dtype=complex)
        for number, k, starred, row in noises:
            G[k, 2 * number + starred] += row.get(((), ()), 0)
        return G @ G.conj().T

    np.testing.assert_allclose(covariance(after), covariance(before), atol=1e-14)
    assert len({n for n, *_ in before}) == 7
    # b1†, b2†, b1−ib2 and b2 make two; the others stay: b3+b1† has both kinds of noise
    assert len({n for n, *_ in after}) == 5
    kept = [row for *_, row in before if ((), ()) not in row]
    assert [row for *_, row in after if ((), ()) not in row] == kept


def test_samples_do_not_depend_on_which_are_drawn_together():
    (b,) = qsp.modes(1)
    system = qsp.System(0.3 * b.dag() * b, [b.dag(), 0.3 * b**2])
    program = HeunProgram(Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True))
    z = np.random.default_rng(0).standard_normal((1, 256)) + 0j
    times, steps, factors = np.array([0, 0.5, 1.0]), np.array([20, 30]), np.array([[1.0, 0.0]])
    whole, parts = np.empty((3, 1, 256), complex), np.empty((3, 1, 256), complex)
    program.kernel().run(z, 9, 0, times, steps, factors, False, whole)
    for k in range(0, 256, 64):
        out = np.empty((3, 1, 64), complex)
        part = np.ascontiguousarray(z[:, k : k + 64])
        program.kernel().run(part, 9, k, times, steps, factors, False, out)
        parts[:, :, k : k + 64] = out
    assert np.array_equal(whole, parts)
    with pytest.raises(ValueError, match="do not fit"):
        program.kernel().run(z[:, :60].copy(), 9, 0, times, steps, factors, False, whole)
