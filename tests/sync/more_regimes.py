"""More regimes whose truth theory knows: as in `random_regimes`, of every class of the named ones.

Each family takes a generator and gives (description, result, labels that are true, could it be
decided).
"""

import numpy as np
import qutip

import qsyncplug as qsp
from qsyncplug import SyncView

LOCKED = {"phase-locked", "complete", "bipolar"}


def seen(times, theta):
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(times), -1)
    return SyncView(times, mean=np.sqrt(2) * mean, covariance=0)


def over(rng, span, fewest=200, most=1500):
    return np.linspace(0, span, int(rng.integers(fewest, most)))


def kets(rng, n, d):
    z = rng.normal(size=(n, d)) + 1j * rng.normal(size=(n, d))
    return z / np.linalg.norm(z, axis=1)[:, None]


def anywhere(rng, n):
    return rng.uniform(0.5, 2, n) * np.exp(1j * rng.uniform(-3, 3, n))


def oscillators(a, b, loss):
    return [a.dag(), b.dag(), np.sqrt(loss) * a**2, np.sqrt(loss) * b**2]


# ------------------------------------------------------------ oscillators with amplitudes


def antiphase(rng):
    """A bath that takes a+b: locked where the sum is small, at π for equal frequencies."""
    a, b = qsp.modes(2)
    V = rng.uniform(0.2, 0.95)
    detuning = V * rng.choice([0.0, rng.uniform(0.1, 0.8)])
    H = detuning / 2 * (a.dag() * a - b.dag() * b)
    system = qsp.System(H, [*oscillators(a, b, 0.1), np.sqrt(V) * (a + b)])
    span = max(60 / np.sqrt(V**2 - detuning**2), 100)
    run = qsp.mfsolve(system, anywhere(rng, 2), over(rng, span))
    return f"V={V:.2f} Δ={detuning:.2f}", run, {"phase-locked" if detuning else "bipolar"}, True


def exchanging(rng):
    """Equal oscillators that exchange quanta: 0 and π are both stable (λ²+λ+4J²=0)."""
    a, b = qsp.modes(2)
    J, loss = rng.uniform(0.1, 1), 10 ** rng.uniform(-2, -0.5)
    system = qsp.System(J * (a.dag() * b + b.dag() * a), oscillators(a, b, loss))
    run = qsp.mfsolve(system, anywhere(rng, 2), over(rng, rng.uniform(80, 250)))
    return f"J={J:.2f}", run, {"complete", "bipolar"}, True


def ring_with_amplitudes(rng):
    n, V = int(rng.integers(3, 7)), rng.uniform(0.3, 1)
    b = qsp.modes(n)
    w = rng.normal(size=n) * V * rng.choice([0.0, 0.05])
    jumps = [x.dag() for x in b] + [np.sqrt(0.1) * x**2 for x in b]
    jumps += [np.sqrt(V) * (b[k] - b[(k + 1) % n]) for k in range(n)]
    H = sum((w[k] * b[k].dag() * b[k] for k in range(n)), 0 * b[0].dag() * b[0])
    slow = min(1.0, V * (1 - np.cos(2 * np.pi / n)))
    start = 1.5 * np.exp(1j * rng.uniform(-0.6, 0.6, n))
    run = qsp.mfsolve(qsp.System(H, jumps), start, over(rng, 60 / slow))
    return f"n={n} V={V:.2f}", run, {"phase-locked" if np.any(w) else "complete"}, True


def lossy(rng):
    """Giorgi et al. 2012: in a common bath one mode outlives the other, and its phases are left."""
    a, b = qsp.modes(2)
    w, J, loss = rng.uniform(0.95, 1.1), rng.uniform(0.05, 0.15), rng.uniform(0.2, 0.5)
    common = rng.random() < 0.5
    jumps = [np.sqrt(loss) * (a + b)] if common else [np.sqrt(loss) * x for x in (a, b)]
    H = a.dag() * a + w * b.dag() * b + J * (a.dag() * b + b.dag() * a)
    bath = loss / 2 * (np.ones((2, 2)) if common else np.eye(2))
    slow, fast = np.sort(-np.linalg.eigvals(-1j * np.array([[1, J], [J, w]]) - bath).real)
    span = rng.uniform(60, 120) if common else 15 / slow
    run = qsp.mfsolve(qsp.System(H, jumps), [2.0, 1j], over(rng, span, 800))
    settles = (fast - slow) * min(span, np.log(1e3) / slow) / 2 > 9
    true = {"relaxing to vacuum"} if not settles else set()
    true |= {"transient synchronisation"} if common else set()
    return f"common={common} {slow:.3f} {fast:.3f}", run, true, settles or not common


def large_spins(rng):
    V = rng.uniform(0.3, 0.8)
    ratio = rng.choice([rng.uniform(0.05, 0.5), rng.uniform(2.5, 4)])
    model = qsp.collective_van_der_pol_pair(n=400, detuning=V * ratio, dissipative=V)
    run = qsp.mfsolve(model, [0.3, 0.3j], np.linspace(0, 200, 801))
    return f"V={V:.2f} Δ/V={ratio:.2f}", run, {"phase-locked" if ratio < 1 else "drifting"}, True


# ------------------------------------------------------------ particles on the circle


def circle(w, coupling, start, times, normalization="mean", **more):
    model = qsp.Circle(qsp.sine(), normalization, coupling=coupling, frequencies=w, **more)
    return qsp.circlesolve(model, start, times)


def uniform_or_lorentzian(rng):
    """K_c = 4/π of frequencies in [−1, 1], 2 of Lorentz's distribution."""
    n = int(rng.choice([100, 300]))
    at = (np.arange(n) + 0.5) / n - 0.5
    lorentz, below = rng.random(2) < 0.5
    w, critical = (np.tan(np.pi * at), 2.0) if lorentz else (2 * at, 4 / np.pi)
    coupling = critical * (rng.uniform(0.1, 0.5) if below else rng.uniform(1.5, 4))
    times = over(rng, rng.uniform(50, 120), 250, 600)
    run = circle(w, coupling, rng.uniform(-np.pi, np.pi, n), times)
    true = "incoherent" if below else "partially synchronised" if lorentz else "phase-locked"
    return f"Lorentz {lorentz} n={n} K/K_c={coupling / critical:.2f}", run, {true}, True


def bimodal(rng):
    """A standing wave: two groups that turn against each other."""
    n, apart, width = 300, rng.uniform(1.5, 4), rng.uniform(0.1, 0.25)
    w = np.concatenate([rng.normal(s * apart, width, n // 2) for s in (-1, 1)])
    coupling = 1.4 * apart
    start, times = rng.uniform(-np.pi, np.pi, n), np.linspace(0, rng.uniform(80, 150), 1000)
    run = circle(w, coupling, start, times)
    return f"±{apart:.2f} width {width:.2f}", run, {"partially synchronised"}, True


def lagging(rng):
    lag, n = rng.uniform(-1.3, 1.3), int(rng.integers(20, 150))
    start = rng.uniform(-np.pi, np.pi, n)
    run = circle(None, 1.0, start, over(rng, 80 / np.cos(lag)), phase_lag=lag)
    return f"α={lag:.2f} n={n}", run, {"complete"}, True


def twisted(rng):
    """Waves with q turns on a ring are stable for cos(2πq/n) > 0."""
    n = int(rng.integers(9, 24))
    q = int(rng.integers(0, (n - 1) // 5 + 1))
    A = np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
    slow = 2 * np.cos(2 * np.pi * q / n) * (1 - np.cos(2 * np.pi / n))
    start = 2 * np.pi * q * np.arange(n) / n + 0.05 * rng.normal(size=n)
    run = circle(None, 1.0, start, over(rng, 30 / slow), "sum", adjacency=A)
    groups = n // np.gcd(n, q)
    true = "complete" if q == 0 else "clustered" if groups <= n / 4 else "phase-locked"
    return f"n={n} q={q}", run, {true}, True


def chimera(rng):
    """Abrams, Mirollo, Strogatz, Wiley 2008: stable for A=.2 at β=.1."""
    n, A, lag = int(rng.choice([32, 64])), rng.uniform(0.19, 0.21), np.pi / 2 - 0.1
    B = np.ones((n, n)) / (2 * n)
    M = np.block([[(1 + A) * B, (1 - A) * B], [(1 - A) * B, (1 + A) * B]])
    wide = 2 * np.arctan(0.16 * np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))) + 0.1
    start = np.concatenate([1e-3 * rng.normal(size=n), wide])
    times = over(rng, rng.uniform(300, 500), 600, 1000)
    run = circle(None, 1.0, start, times, "sum", adjacency=M, phase_lag=lag)
    return f"n={n} A={A:.3f}", run, {"partially synchronised"}, True


def clusters(rng):
    """Okuda 1993: sin kx has k stable clusters."""
    k, n = int(rng.integers(2, 5)), int(rng.integers(40, 120))
    model = qsp.Circle(qsp.fourier([0.0] * (k - 1) + [1.0]), "mean")
    run = qsp.circlesolve(model, rng.uniform(-np.pi, np.pi, n), over(rng, 60))
    return f"k={k} n={n}", run, {"bipolar" if k == 2 else "clustered"}, True


def few(rng):
    n, lock = int(rng.integers(3, 9)), rng.random() < 0.5
    w = rng.normal(size=n) if lock else np.cumsum(rng.uniform(1.5, 3, n))
    coupling = float(qsp.critical_coupling(w)) * rng.uniform(1.3, 3) if lock else 0.3
    run = circle(w, coupling, rng.uniform(-3, 3, n), over(rng, 160 / coupling if lock else 150))
    return f"n={n} lock={lock}", run, {"phase-locked"} if lock else {"drifting"}, True


def network(rng):
    n = int(rng.integers(6, 30))
    A = np.triu((rng.random((n, n)) < 0.4).astype(float), 1)
    A[np.arange(n - 1), np.arange(1, n)] = 1
    A += A.T
    slow = float(np.linalg.eigvalsh(np.diag(A.sum(1)) - A)[1])
    w, start = 0.05 * slow * rng.normal(size=n), rng.uniform(-0.6, 0.6, n)
    run = circle(w, 1.0, start, over(rng, 60 / slow), "sum", adjacency=A)
    return f"n={n}", run, {"phase-locked"}, True


def inert(rng):
    """From rest: held for a small detuning, running for one above the coupling."""
    mass, detuning = 10 ** rng.uniform(-1, 0.5), rng.choice([0.2, rng.uniform(1.3, 3)])
    noise = rng.choice([0.0, 1e-3])
    more = {"inertia": mass, "noise": noise} if noise else {"inertia": mass}
    times = np.linspace(0, 300, 1501)
    run = circle([detuning / 2, -detuning / 2], 1.0, rng.uniform(-0.2, 0.2, 2), times, **more)
    held = {"frequency-locked"} if noise else {"phase-locked"}
    return f"m={mass:.2f} Δ={detuning:.2f}", run, held if detuning < 1 else {"drifting"}, True


def delayed(rng):
    delay, w = rng.uniform(0.1, 1.2), rng.uniform(0.2, 1)
    detuning = rng.choice([0.0, rng.uniform(0.1, 0.3), rng.uniform(2.5, 4)])
    start = rng.uniform(-0.3, 0.3, 2)
    pair = [w + detuning / 2, w - detuning / 2]
    run = circle(pair, 1.0, start, np.linspace(0, 200, 1001), delay=delay)
    true = "drifting" if detuning > 1 else "phase-locked" if detuning else "complete"
    return f"τ={delay:.2f} Δ={detuning:.2f}", run, {true}, True


# ------------------------------------------------------------ vectors and quantum states


def vectors(rng):
    n, d, coupling = int(rng.integers(2, 7)), int(rng.integers(2, 5)), 10 ** rng.uniform(-0.5, 0.5)
    repelling = n == 2 and rng.random() < 0.5
    H = qutip.Qobj(np.diag(rng.normal(size=d)))
    model = qsp.SchrodingerLohe(H, -coupling if repelling else coupling)
    run = qsp.slsolve(model, kets(rng, n, d), over(rng, 60 / coupling, 200, 600))
    return f"n={n} d={d} {repelling}", run, {"bipolar" if repelling else "complete"}, True


def wigner(rng):
    grid, n, coupling = qsp.Grid(48, 16.0), int(rng.integers(2, 4)), rng.choice([0.0, 1.0])
    start = [np.exp(1j * rng.uniform(-1, 1)) * grid.gaussian(rng.uniform(-1, 1)) for _ in range(n)]
    model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling)
    run = qsp.wlsolve(model, np.array(start), np.linspace(0, 30, 151))
    return f"n={n} K={coupling}", run, {"complete"} if coupling else {"undecided"}, True


def spectra_of_qutip(H, jumps, operators, farthest):
    """Where S_j(ω) is highest, by the eigenvectors of the whole Liouvillian."""
    values, right = np.linalg.eig(qutip.liouvillian(H, jumps).full())
    left, rho = np.linalg.inv(right), qutip.steadystate(H, jumps)
    w, moving = np.linspace(-farthest, farthest, 801), np.abs(values) > 1e-9
    out = []
    for b in operators:
        start = (rho * b.dag()).full().reshape(-1, order="F")
        weights = (b.dag().full().conj().reshape(-1, order="F") @ right) * (left @ start)
        terms = -weights[moving] / (1j * w[:, None] + values[moving])
        out.append(w[int(np.argmax(terms.sum(axis=1).real))])
    return np.array(out), rho


def quantum_pair(rng):
    loss, V, n = rng.uniform(1.5, 4), 10 ** rng.uniform(-0.7, 0.8), 4
    detuning = rng.choice([0.0, rng.uniform(0.5, 2), rng.uniform(3, 8)])
    system = qsp.van_der_pol_pair(loss=loss, detuning=detuning, dissipative=V)
    run = qsp.exactsolve(system, [0.6, 0.6j], np.linspace(0, 20, 81), cutoff=n)
    a, b = (
        qutip.tensor(*x)
        for x in ((qutip.destroy(n), qutip.qeye(n)), (qutip.qeye(n), qutip.destroy(n)))
    )
    H, alone = (
        detuning / 2 * (a.dag() * a - b.dag() * b),
        [a.dag(), b.dag(), loss**0.5 * a * a, loss**0.5 * b * b],
    )
    farthest = 1.2 * max(detuning, 1)
    peaks, rho = spectra_of_qutip(H, [*alone, np.sqrt(V) * (a - b)], [a, b], farthest)
    z = abs(qutip.expect(a.dag() * b, rho))
    share = abs(np.diff(peaks)[0]) / max(detuning, 1e-9)
    true = {"phase preference"} if z > 0.01 else {"no phase preference"}
    if detuning:
        true |= {"entrained"} if share < 0.15 else set()
        true |= {"frequency pulling"} if 0.05 < share < 0.95 else set()
        true |= {"not entrained"} if share > 0.85 else set()
    return f"loss={loss:.2f} V={V:.2f} Δ={detuning:.2f} share={share:.2f}", run, true, True


def spin_one(rng):
    """Roulet and Bruder 2018: 2πS = 2π·3ε/16·|2/γ_g − 2/γ_d|, nothing for equal rates."""
    gain, factor = rng.uniform(0.5, 2), rng.choice([0.1, 1.0, 10.0])
    state = qsp.steadystate(
        qsp.SpinOne(detuning=0.0, drive=0.05 * gain, gain=gain, loss=gain * factor)
    )
    size = 2 * np.pi * 3 * 0.05 / 16 * abs(2 - 2 / factor)
    true = {"phase preference"} if size > 0.04 else {"no phase preference"}
    return f"γ_d/γ_g={factor} {size:.3f}", state, true, True


def samples(rng):
    V = rng.choice([0.0, rng.uniform(0.4, 1.0)])
    system = qsp.van_der_pol_pair(loss=0.1, detuning=rng.choice([0.0, 0.2]), dissipative=V)
    times, seed = np.linspace(0, 60, 121), int(rng.integers(10**6))
    run = qsp.twasolve(system, [2.0, 2j], times, ntraj=640, seed=seed)
    return f"V={V:.2f}", run, {"phase preference"} if V else {"no phase preference"}, bool(V)


def lasers(rng):
    """Xu et al. 2014, N → ∞: one phase for δ < w."""
    pump, ratio = rng.uniform(0.2, 0.8), rng.choice([rng.uniform(0.05, 0.9), rng.uniform(1.2, 3)])
    system = qsp.superradiant_lasers(10**4, pump=pump, detuning=pump * ratio)
    angles = rng.uniform(-3, 3, 2)
    start = {
        node: np.array([0.3 * np.cos(angle), 0.3 * np.sin(angle), 0.1])
        for node, angle in zip(system.nodes, angles, strict=True)
    }
    run = qsp.mfsolve(system, start, np.linspace(0, 300 / pump, 1601), closure="none")
    return f"w={pump:.2f} δ/w={ratio:.2f}", run, {"phase-locked" if ratio < 1 else "drifting"}, True


# ------------------------------------------------------------ views by hand


def by_hand(rng):
    """Bounded, wandering, aliased, algebraic: by construction."""
    kind = rng.choice(["breathing", "walks", "random", "aliased", "equal", "algebraic"])
    t = np.linspace(0, rng.uniform(150, 300), int(rng.integers(1200, 2000)))
    n, w = int(rng.integers(50, 150)), rng.uniform(0.5, 2)
    if kind == "breathing":
        swing = rng.uniform(0.1, 1.2) * np.sin(w * t + rng.uniform(0, 6))
        return kind, seen(t, np.stack([t, t + 0.6 + swing], 1)), {"frequency-locked"}, True
    if kind == "walks":
        walks = np.cumsum(rng.uniform(0.3, 0.8) * rng.normal(size=(t.size, n)), axis=0)
        return kind, seen(t, walks + rng.uniform(-3, 3, n)), {"incoherent"}, True
    if kind == "random":
        return kind, seen(t, rng.uniform(-np.pi, np.pi, (t.size, n))), {"incoherent"}, True
    if kind == "aliased":
        turn = 2 * np.pi * int(rng.integers(1, 4)) * np.arange(t.size)
        return kind, seen(t, np.stack([0 * t, turn + 0.3], 1)), {"undecided"}, True
    if kind == "equal":
        return kind, seen(t, np.stack([w * t, w * t + 1], 1)), {"undecided"}, True
    slow = rng.choice([np.log(1 + t), np.sqrt(t) / 3, 1 / (1 + t)])
    return kind, seen(t, np.stack([t, t + slow], 1)), {"undecided"}, True


MORE = (
    antiphase,
    exchanging,
    ring_with_amplitudes,
    lossy,
    large_spins,
    uniform_or_lorentzian,
    bimodal,
    lagging,
    twisted,
    chimera,
    clusters,
    few,
    network,
    inert,
    delayed,
    vectors,
    wigner,
    quantum_pair,
    spin_one,
    samples,
    lasers,
    by_hand,
)
