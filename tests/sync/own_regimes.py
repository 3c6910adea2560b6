"""Regimes whose truth follows from theory: (name, maker of the result, labels that are true)."""

import numpy as np
import qutip
import scipy.sparse

import qsyncplug as qsp

PHASE = {"phase-locked", "complete"}
PARTIAL = {"partially synchronised"}


def circle(w, x0, end, count, interaction=None, normalization="mean", **options):
    model = qsp.Circle(interaction or qsp.sine(), normalization, frequencies=w, **options)
    return qsp.circlesolve(model, x0, np.linspace(0, end, count))


def kuramoto(n, coupling, end, count, seed=0, make=None, **options):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=n) if make is None else make(n)
    return circle(w, rng.uniform(-np.pi, np.pi, n), end, count, coupling=coupling, **options)


def pair(detuning, dissipative, end=100, count=1001, start=(1.2, 1.2j), **options):
    system = qsp.van_der_pol_pair(loss=0.1, detuning=detuning, dissipative=dissipative, **options)
    return qsp.mfsolve(system, start, np.linspace(0, end, count))


def driven(hamiltonian, end=200, start=(1.5,), loss=0.1, count=1001):
    (b,) = qsp.modes(1)
    system = qsp.System(hamiltonian(b), [b.dag(), np.sqrt(loss) * b**2])
    return qsp.mfsolve(system, start, np.linspace(0, end, count))


def lohe(frequencies, coupling, end=60, count=601, seed=0, levels=3):
    rng = np.random.default_rng(seed)
    n = len(frequencies)
    psi = rng.normal(size=(n, levels)) + 1j * rng.normal(size=(n, levels))
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    H = qutip.Qobj(np.diag(np.arange(levels) ** 1.2))
    model = qsp.SchrodingerLohe(H, coupling, frequencies=frequencies)
    return qsp.slsolve(model, psi, np.linspace(0, end, count))


def exact(detuning, dissipative, end=20, cutoff=6, loss=2.0, **options):
    system = qsp.van_der_pol_pair(loss=loss, detuning=detuning, dissipative=dissipative, **options)
    return qsp.exactsolve(system, [0.8, 0.8j], np.linspace(0, end, 81), cutoff=cutoff)


def hand(theta, step=1.0):
    t = step * np.arange(len(theta))
    mean = np.empty((len(t), 2 * theta.shape[1]))
    mean[:, ::2], mean[:, 1::2] = np.cos(theta), -np.sin(theta)
    return qsp.SyncView(t, mean=mean, covariance=0)


def walk(seed, count, nodes, step):
    rng = np.random.default_rng(seed)
    return hand(np.cumsum(step * rng.normal(size=(count, nodes)), axis=0) + np.arange(nodes))


def ornstein(seed, count, nodes, rate, spread):
    rng = np.random.default_rng(seed)
    y = np.zeros((count, nodes))
    for k in range(1, count):
        y[k] = y[k - 1] * (1 - rate) + np.sqrt(2 * rate) * spread * rng.normal(size=nodes)
    return hand(y + 0.4 * np.arange(nodes) + 0.3 * np.arange(count)[:, None])


def three(frequencies, dissipative=0.5, end=150):
    b = qsp.modes(3)
    H = sum(w * x.dag() * x for w, x in zip(frequencies, b, strict=True))
    jumps = [x.dag() for x in b] + [np.sqrt(0.1) * x**2 for x in b]
    jumps += [np.sqrt(dissipative) * (b[j] - b[k]) for j, k in ((0, 1), (1, 2), (0, 2))]
    system = qsp.System(H, jumps)
    return qsp.mfsolve(system, [1.5, 1.2j, -1.0], np.linspace(0, end, 1501))


def baths(jumps, couple=0.1, detuning=0.05, end=80, count=1601):
    a, b = qsp.modes(2)
    H = a.dag() * a + (1 + detuning) * b.dag() * b + couple * (a.dag() * b + b.dag() * a)
    return qsp.mfsolve(qsp.System(H, jumps(a, b)), [2.0, 1.0j], np.linspace(0, end, count))


def lossy_quantum():
    a, b = qsp.modes(2)
    system = qsp.System(a.dag() * b + b.dag() * a, [a, b])
    return qsp.exactsolve(system, [0.5, 0.2j], np.linspace(0, 20, 81), cutoff=6)


def steady(detuning, dissipative):
    return qsp.steadystate(
        qsp.van_der_pol_pair(loss=2.0, detuning=detuning, dissipative=dissipative), cutoff=7
    )


def two_cliques():
    block = np.ones((5, 5))
    zero = np.zeros((5, 5))
    graph = np.block([[block, zero], [zero, block]])
    return circle(None, np.linspace(0, 2.5, 10), 40, 401, normalization="sum", adjacency=graph)


def leader(detuning):
    graph = scipy.sparse.csr_array(np.array([[0.0, 0.0], [1.0, 0.0]]))
    return circle([0.0, detuning], [0.0, 1.0], 120, 1201, normalization="sum", adjacency=graph)


def clusters(k):
    harmonics = qsp.fourier([0.0] * (k - 1) + [1.0])
    rng = np.random.default_rng(k)
    return circle(None, rng.uniform(-np.pi, np.pi, 60), 40, 401, interaction=harmonics)


def lines(n):
    return np.linspace(-1, 1, n)


def cauchy(n):
    return np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))


T = np.linspace(0, 200, 2001)
CASES = [
    # Adler; Sakaguchi pair; leader and follower
    *[
        (
            f"adler {d}",
            lambda d=d: circle([d / 2, -d / 2], [0, 2.0], 120, 1201, coupling=1.0),
            PHASE,
        )
        for d in (0.0, 0.1, 0.5, 0.8, 0.95)
    ],
    *[
        (
            f"adler {d}",
            lambda d=d: circle([d / 2, -d / 2], [0, 2.0], 200, 2001, coupling=1.0),
            {"drifting"},
        )
        for d in (1.1, 1.3, 2.0, 5.0)
    ],
    ("adler ghost", lambda: circle([0.5002, -0.5002], [0, 2.0], 60, 601), {"undecided"}),
    ("adler fast units", lambda: circle([4e8, -4e8], [0, 2.0], 1e-7, 801, coupling=1e9), PHASE),
    ("pair with a lag", lambda: circle(None, [0, 2.0], 60, 601, phase_lag=1.0), {"complete"}),
    (
        "pair with a lag beyond π/2",
        lambda: circle(None, [0, 2.0], 80, 801, phase_lag=2.2),
        {"bipolar"},
    ),
    ("repulsive pair", lambda: circle(None, [0, 2.0], 60, 601, coupling=-1.0), {"bipolar"}),
    ("uncoupled pair", lambda: circle([1.0, -1.0], [0, 2.0], 60, 601, coupling=0.0), {"undecided"}),
    ("follower locks", lambda: leader(0.6), PHASE),
    ("follower drifts", lambda: leader(1.5), {"drifting"}),
    (
        "unequal weights lock",
        lambda: circle([0.6, -0.6], [0, 2], 80, 801, weights=[1.0, 5.0], coupling=2.0),
        PHASE,
    ),
    # few and many phases
    ("three lock", lambda: circle([-0.5, 0.1, 0.4], [0, 1, 2.0], 100, 1001, coupling=2.0), PHASE),
    (
        "two of three",
        lambda: circle([0, 0.1, 6.0], [0, 1, 2.0], 100, 2001, coupling=1.5),
        PARTIAL | {"frequency-locked"},
    ),
    (
        "three of five",
        lambda: circle([0, 0.1, -0.1, 12.0, -19.0], [0, 1, 2, 3, 4.0], 100, 4001, coupling=2.0),
        PARTIAL,
    ),
    (
        "none of four",
        lambda: circle([-9, -3, 3, 9.0], [0, 1, 2, 3.0], 60, 2001, coupling=0.5),
        {"drifting"},
    ),
    ("two cliques", two_cliques, {"undecided"}),
    ("normal 100 far above", lambda: kuramoto(100, 8.0, 40, 401), PHASE),
    ("normal 300 above", lambda: kuramoto(300, 2.6, 80, 401), PARTIAL),
    ("normal 400 below", lambda: kuramoto(400, 0.4, 60, 301, seed=3), {"incoherent"}),
    ("normal 1000 below", lambda: kuramoto(1000, 0.6, 60, 301, seed=4), {"incoherent"}),
    ("uniform below", lambda: kuramoto(200, 0.6, 80, 401, make=lines), {"incoherent"}),
    ("uniform above", lambda: kuramoto(100, 1.8, 60, 401, make=lines), PHASE),
    ("lorentz below", lambda: kuramoto(1000, 0.8, 40, 201, make=cauchy), {"incoherent"}),
    ("lorentz above", lambda: kuramoto(200, 8.0, 60, 401, make=cauchy), PARTIAL),
    ("not coupled", lambda: kuramoto(100, 0.0, 60, 301), {"incoherent", "undecided"}),
    ("identical", lambda: kuramoto(50, 1.0, 60, 301, make=np.zeros), {"complete"}),
    ("too short", lambda: kuramoto(60, 2.5, 1.0, 81), {"undecided"}),
    ("three clusters", lambda: clusters(3), {"clustered"}),
    ("four clusters", lambda: clusters(4), {"clustered"}),
    (
        "attention",
        lambda: circle(None, np.linspace(0, 3, 30), 60, 401, interaction=qsp.attention(2.0)),
        {"complete"},
    ),
    # van der Pol
    *[
        (f"vdp {d}/{v}", lambda d=d, v=v: pair(d, v, 150), PHASE)
        for d, v in ((0.0, 0.5), (0.1, 0.5), (0.4, 0.5), (0.3, 0.8), (1.0, 2.0))
    ],
    *[
        (f"vdp {d}/{v}", lambda d=d, v=v: pair(d, v, 150, 3001), {"drifting"})
        for d, v in ((0.7, 0.5), (2.0, 0.5), (5.0, 0.8), (0.5, 0.1))
    ],
    *[
        (f"vdp {d}/{v}", lambda d=d, v=v: pair(d, v, 200), {"amplitude death"})
        for d, v in ((3.0, 2.0), (6.0, 4.0), (2.26, 2.94))
        if d > v or d**2 > 2 * v - 1
    ],
    ("vdp uncoupled", lambda: pair(1.0, 0.0), {"undecided"}),
    ("vdp few samples", lambda: pair(0.2, 0.5, 100, 20), {"undecided"}),
    ("vdp undersampled", lambda: pair(5.0, 0.5, 400, 161), {"undecided", "drifting"}),
    ("three vdp lock", lambda: three((0, 0.1, -0.1)), PHASE),
    ("three identical vdp", lambda: three((0, 0, 0)), {"complete"}),
    ("three vdp drift", lambda: three((0, 4.0, -5.0), 0.2), {"drifting"}),
    # one node and its drive
    ("resonant drive", lambda: driven(lambda b: 0.3j * (b.dag() - b)), {"locked to the drive"}),
    (
        "strong drive",
        lambda: driven(lambda b: 0.5 * b.dag() * b + 2j * (b.dag() - b)),
        {"locked to the drive"},
    ),
    (
        "weak drive",
        lambda: driven(lambda b: 0.5 * b.dag() * b + 0.1j * (b.dag() - b)),
        {"slipping"},
    ),
    (
        "squeezing drive",
        lambda: driven(lambda b: 0.1 * b.dag() * b + 0.1j * (b.dag() ** 2 - b**2)),
        {"locked to the drive"},
    ),
    (
        "weak squeezing drive",
        lambda: driven(lambda b: 0.5 * b.dag() * b + 0.05j * (b.dag() ** 2 - b**2)),
        {"slipping"},
    ),
    ("no drive", lambda: driven(lambda b: 0.5 * b.dag() * b), {"undecided"}),
    # transients
    (
        "common bath",
        lambda: baths(lambda a, b: [np.sqrt(0.3) * (a + b)]),
        {"transient synchronisation"},
    ),
    (
        "separate baths",
        lambda: baths(lambda a, b: [0.3 * a, 0.3 * b], 0.02, 0.4),
        {"relaxing to vacuum"},
    ),
    (
        "one lossy partner",
        lambda: baths(lambda a, b: [0.5 * a], 0.3, 0.0, 60),
        {"relaxing to vacuum", "transient synchronisation"},
    ),
    ("lossless", lambda: baths(lambda a, b: [], 0.1, 0.3), {"undecided", "drifting"}),
    ("lossy quantum pair", lossy_quantum, {"relaxing to vacuum"}),
    # Lohe
    ("lohe locked", lambda: lohe([0.2, -0.2], 1.0), PHASE),
    ("lohe drifting", lambda: lohe([0.9, -0.9], 1.0), {"drifting"}),
    ("lohe identical", lambda: lohe([0.0] * 6, 1.0), {"complete"}),
    ("lohe repulsive", lambda: lohe([0.0] * 2, -1.0), {"bipolar"}),
    ("lohe uncoupled", lambda: lohe([0.0, 0.0], 0.0), {"undecided"}),
    ("lohe one level", lambda: lohe([0.3, -0.1, 0.2], 2.0, levels=1), PHASE),
    ("lohe one level drifts", lambda: lohe([2.0, -2.0], 1.0, levels=1), {"drifting"}),
    # quantum states
    ("quantum far", lambda: exact(6.0, 0.3), {"not entrained"}),
    ("quantum strong", lambda: exact(1.5, 6.0), {"entrained", "frequency pulling"}),
    ("quantum resonant", lambda: exact(0.0, 1.0), {"phase preference"}),
    ("quantum uncoupled", lambda: exact(1.0, 0.0), {"no phase preference", "undecided"}),
    ("quantum unfinished", lambda: exact(1.0, 0.05, end=0.5), {"undecided"}),
    ("steady state with coupling", lambda: steady(0.0, 2.0), {"phase preference"}),
    ("steady state without", lambda: steady(0.0, 0.0), {"no phase preference"}),
    (
        "spin one, equal rates",
        lambda: qsp.steadystate(qsp.SpinOne(detuning=0.0, drive=0.1, gain=1.0, loss=1.0)),
        {"no phase preference"},
    ),
    # made by hand
    (
        "breathing",
        lambda: hand(np.stack([T, T + 0.4 * np.sin(0.7 * T)], 1), 0.1),
        {"frequency-locked"},
    ),
    ("logarithm", lambda: hand(np.stack([0 * T, np.log(1 + T)], 1), 0.1), {"undecided"}),
    ("chirp", lambda: hand(np.stack([0 * T, 0.002 * T**2], 1), 0.1), {"undecided", "drifting"}),
    ("steady beat", lambda: hand(np.stack([0 * T, 0.8 * T], 1), 0.1), {"drifting"}),
    ("equal frequencies", lambda: hand(np.stack([T, T + 1], 1), 0.1), {"undecided"}),
    ("one turn a sample", lambda: hand(np.stack([0 * T, 20 * np.pi * T], 1), 0.1), {"undecided"}),
    *[
        (f"walk {s}", lambda s=s: walk(s, 1500, 2, 0.05), {"undecided", "drifting"})
        for s in range(4)
    ],
    *[
        (f"noisy lock {s}", lambda s=s: ornstein(s, 2000, 2, 0.2, 0.2), {"frequency-locked"})
        for s in range(3)
    ],
    ("many walkers", lambda: walk(9, 2000, 60, 0.5), {"incoherent"}),
]
