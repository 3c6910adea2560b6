"""One polynomial kernel against scipy's integrator and numpy loops.

``pytest tests/benchmarks/test_algebra.py -m "" -s``.
"""

import warnings

import numpy as np
import pytest
from qsyncplug._ext.integrator import Integrator
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.approximate.cumulants import Closure
from qsyncplug.approximate.gaussian import gaussian_equations
from qsyncplug.approximate.sphere import linear_flow
from qsyncplug.operators.states import ProductState

from .timing import cpu, many, timed

pytestmark = pytest.mark.slow


def vdp_ring(n):
    b = qsp.modes(n)
    H = sum((0.1 * j * x.dag() * x for j, x in enumerate(b)), 0 * b[0])
    jumps = [x.dag() for x in b] + [0.3 * x**2 for x in b]
    jumps += [b[j] - b[(j + 1) % n] for j in range(n)]
    return qsp.System(H, jumps)


def written_by_hand(n):
    """Order-2 cumulants of the ring as one writes them down with matrices: β, ⟨bb⟩ and ⟨b†b⟩."""
    shift = np.roll(np.eye(n), 1, axis=0)
    A = np.diag(0.5 - 1 - 0.1j * np.arange(n)) + 0.5 * (shift + shift.T)
    loss, diagonal = 0.09, np.arange(n)

    def rhs(t, y):
        b = y[:n]
        M = y[n : n + n * n].reshape(n, n) - b[:, None] * b
        C = y[n + n * n :].reshape(n, n) - b.conj()[:, None] * b
        number, pair = np.abs(b) ** 2, b * b
        more, squeezed = C[diagonal, diagonal].real, M[diagonal, diagonal]
        db = A @ b - loss * ((number + 2 * more) * b + squeezed * b.conj())
        own, other = -2 * loss * (number + more), -loss * (pair + squeezed)
        J = A.copy()
        J[diagonal, diagonal] += own
        dM, dC = J @ M + other[:, None] * C, J.conj() @ C + other.conj()[:, None] * M
        dM += b[:, None] * db
        dC += db.conj()[:, None] * b
        dM, dC = dM + dM.T, dC + dC.conj().T
        dM[diagonal, diagonal] += other
        dC[diagonal, diagonal] += 1
        return np.concatenate([db, dM.ravel(), dC.ravel()])

    b = np.ones(n, dtype=complex)
    return rhs, np.concatenate([b, np.ones(2 * n * n, dtype=complex)])


def test_second_order_cumulants_of_ten_oscillators(record):
    """The equations by hand with matrices, by scipy's DOP853 and by its default method, each with
    the tolerance that makes its error ours; and the package's list of products and sums evaluated
    level by level, which nobody writes by hand but which is the fastest in numpy.
    """
    system = vdp_ring(10)
    closure = Closure(system, 2, neutral=False)
    arrays, _ = closure.arrays()
    y0 = closure.initial(ProductState(system, [1.0] * 10))
    letters, size = 2 * len(y0), len(arrays["first"])
    first, second, column = (
        np.where(x > 0, x + letters, -x)
        for x in (arrays["first"], arrays["second"], arrays["column"])
    )
    start, value = arrays["start"], arrays["value"]
    state = np.ones(1 + letters + size, dtype=complex)
    levels = np.zeros(len(state), dtype=int)
    for k in range(size):
        levels[1 + letters + k] = 1 + max(levels[first[k]], levels[second[k]])
    own = levels[1 + letters :]
    order = [np.flatnonzero(own == d) for d in range(1, own.max() + 1)]

    def rhs(t, z):
        state[1 : 1 + letters : 2], state[2 : 1 + letters : 2] = z.conj(), z
        for k in order:
            state[1 + letters + k] = state[first[k]] * state[second[k]]
        return np.add.reduceat(value * state[column], start[:-1])

    np.testing.assert_allclose(rhs(0, y0), closure.polynomials()(0.0, y0), atol=1e-10)
    T = 2.0
    options = {"rtol": 1e-10, "atol": 1e-12, "method": "DOP853"}
    product = ProductState(system, [1.0] * 10)
    flow, row0 = closure.flow(), closure.start(product)

    def integrated(rtol):
        run = Integrator(flow, rtol=rtol, atol=0.1 * rtol)
        run.set_state(0.0, row0, T)
        row = np.empty((1, flow.size))
        run.advance(np.array([T]), row)
        return row

    def compiled(rtol):
        return closure.moments(integrated(rtol))[0]

    by_hand, start_by_hand = written_by_hand(10)
    exact = compiled(1e-14)
    listed = solve_ivp(rhs, (0, T), y0, **options).y[:, -1]
    default = {"rtol": 2e-11, "atol": 2e-13}
    matrices, by_default = (
        solve_ivp(by_hand, (0, T), start_by_hand, **x).y[:, -1] for x in (options, default)
    )
    # the moments begin with ⟨b†⟩
    np.testing.assert_allclose(matrices[:10], listed[:10].conj(), atol=1e-8)
    closest = {"rtol": 1e-13, "atol": 1e-15, "method": "DOP853"}
    best = solve_ivp(by_hand, (0, T), start_by_hand, **closest).y[:, -1]
    rtol = 2e-10
    mine = np.abs(compiled(rtol) - exact).max()
    for theirs in (listed - exact, matrices - best, by_default - best):
        assert mine < 1.2 * np.abs(theirs).max()
    # the moments are read off once a run, however many outputs it has
    took = many(lambda: integrated(rtol), 50)
    plain = cpu(lambda: solve_ivp(by_hand, (0, T), start_by_hand, **options), 3)
    record.ratio("cumulants", took, plain)
    plain = cpu(lambda: solve_ivp(by_hand, (0, T), start_by_hand, **default), 3)
    record.ratio("cumulants, RK45", took, plain)
    fast = cpu(lambda: solve_ivp(rhs, (0, T), y0, **options), 3)
    record.ratio("cumulants, list", took, fast)


def test_covariance_of_two_chains(record):
    n = (20, 16)
    J = qsp.spins(*n)
    H = sum((w * S.z for S, w in zip(J, (0.1, 0.2), strict=True)), 0 * J[0].z)
    jumps = [np.sqrt(0.05 / S.N) * S.m for S in J] + [np.sqrt(0.1 / S.N) * S.p for S in J]
    jumps.append(0.2 * (J[0].m / np.sqrt(n[0]) - J[1].m / np.sqrt(n[1])))
    system = qsp.System(H, jumps)
    flow = linear_flow(system)
    product = ProductState(system, {J[0]: (2.0, 0.1), J[1]: (1.8, 0.4)})
    d = len(system.classical.coordinates)
    y0 = np.concatenate([product.variables().view(float), product.covariance()[np.triu_indices(d)]])
    i, j = np.triu_indices(d)

    def rhs(t, y):
        x = system.coordinates_of(np.ascontiguousarray(y[:8]).view(complex))
        C = np.zeros((d, d))
        C[i, j] = C[j, i] = y[8:]
        M, D = system.jacobian(x), system.diffusion(x)
        A = M @ C
        return np.concatenate([flow(t, y)[:8], (A + A.T + D)[i, j]])

    np.testing.assert_allclose(rhs(0, y0), flow(0.0, y0), atol=1e-10)
    options = {"rtol": 1e-9, "atol": 1e-11}
    slow = cpu(lambda: solve_ivp(rhs, (0, 5), y0, method="DOP853", **options), 1)

    def compiled():
        run = Integrator(flow, **options)
        run.set_state(0.0, y0, 5.0)
        run.advance(np.array([5.0]), np.empty((1, flow.size)))

    record.ratio("covariance of chains", many(compiled, 5), slow)


def test_truncated_wigner_of_a_pair(record):
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    ntraj, T, part = 100_000, 5.0, 20
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = qsp.twasolve(pair, [1.0, 1.0], [0, T], ntraj=ntraj, seed=1)
        steps = run.stats["steps"]
        mine = cpu(lambda: qsp.twasolve(pair, [1.0, 1.0], [0, T], ntraj=ntraj, seed=1), 2)
    rng = np.random.default_rng(1)

    def field(a, dt, z):
        A, B = a
        out = []
        for x, other, sign, gain, two, both in (
            (A, B, -1, z[0], z[2], z[4]),
            (B, A, 1, z[1], z[3], -z[4]),
        ):
            # Weyl symbols: gain, two-photon loss, dissipative coupling
            drift = 0.5 * x - 0.1 * (np.abs(x) ** 2) * x + sign * 0.15j * x - 0.25 * (x - other)
            noise = np.sqrt(1) * gain + 2 * np.sqrt(0.1) * x.conj() * two + np.sqrt(0.5) * both
            out.append(drift * dt + 0.5 * noise)
        return np.array(out)

    def loop():
        # the vacuum is half a quantum
        a = 1 + 0.5 * (rng.standard_normal((2, ntraj)) + 1j * rng.standard_normal((2, ntraj)))
        dt = T / steps
        for _ in range(part):
            z = np.sqrt(dt) * (
                rng.standard_normal((5, ntraj)) + 1j * rng.standard_normal((5, ntraj))
            )
            k = field(a, dt, z)
            a = a + 0.5 * (k + field(a + k, dt, z))
        return a

    took, a = timed(loop, 2)
    moment = [T * part / steps, T]
    early = qsp.twasolve(pair, [1.0, 1.0], [0.0, *moment], ntraj=ntraj, seed=2)
    numbers = np.real([qsp.expect(b.dag() * b, early)[1] for b in pair.nodes])
    assert np.mean(np.abs(a) ** 2, axis=1) - 0.5 == pytest.approx(numbers, abs=0.03)
    record.ratio("twa", mine, took * steps / part)


def test_set_up_of_thirty_modes(record):
    system = vdp_ring(30)
    record.limit("gaussian set-up", cpu(lambda: gaussian_equations(system), 1))
    start = np.exp(1j * np.arange(30))
    run = qsp.mfsolve(system, start, [0, 0.1], closure="gaussian")
    rhs, _ = written_by_hand(30)
    # of coherent states the moments are products
    second = [start[:, None] * start, start.conj()[:, None] * start]
    y0 = np.concatenate([start, *(m.ravel() for m in second)])
    peer = solve_ivp(rhs, (0, 0.1), y0, method="DOP853", rtol=1e-11, atol=1e-13).y[:30, -1]
    np.testing.assert_allclose(run.amplitudes[-1], peer, atol=1e-9)


def test_two_ensembles_of_ten_thousand(record):
    lasers = qsp.superradiant_lasers(10**4)
    took, state = timed(lambda: qsp.steadystate(lasers, closure="cumulants", order=2), 1)
    A, B = lasers.nodes
    # what is pumped, w(N/2−⟨A_z⟩), is what the ensemble sends out, Γ Re⟨A₊(A₋+B₋)⟩
    pumped = 0.5 * (5000 - qsp.expect(A.z, state).real)
    assert qsp.expect(A.p * A.m + A.p * B.m, state).real / 10**4 == pytest.approx(pumped, rel=1e-9)
    # locked: pairs of both ensembles are correlated as pairs of one, up to 1/N
    own = qsp.expect(A.p * A.m - A.z, state).real - 5000
    assert abs(qsp.expect(A.p * B.m, state)) / own == pytest.approx(1 - 1e-4, abs=5e-4)
    record.limit("ensembles", took)
