"""Random models of every family, their predictions, and runs that these are held against.

Each maker returns (description, model, start, run, run of another coupling); ``python -m
tests.systems.random_runs circle 1000`` prints what is contradicted and which rows were held.
"""

import sys
import warnings
from collections import Counter

import networkx
import numpy as np
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import SolverError

FAMILIES = {}


def family(maker):
    FAMILIES[maker.__name__] = maker
    return maker


def finished(solve, *args, **kw):
    """A run as far as it goes."""
    try:
        return solve(*args, **kw)
    except SolverError as error:
        return error.result


# ------------------------------------------------------------ starts


def phases(rng, n):
    """Positions on the circle, some of them special."""
    kind = rng.choice(["any", "arc", "clusters", "antipodal", "equal", "turns", "ring", "near"])
    x = rng.uniform(-np.pi, np.pi, n)
    if kind == "arc":
        x = rng.uniform(-1, 1) + rng.uniform(-0.5, 0.5, n) * rng.uniform(0, np.pi)
    elif kind == "clusters":
        x = rng.choice(rng.uniform(-np.pi, np.pi, 3), n)
    elif kind == "antipodal":
        x = rng.choice([0.0, np.pi], n) + rng.choice([0.0, 1e-9, 0.5])
    elif kind == "equal":
        x = np.full(n, rng.uniform(-9, 9))
    elif kind == "turns":
        x = x * 10 + 2 * np.pi * rng.integers(-3, 4, n)
    elif kind == "ring":
        x = 2 * np.pi * np.arange(n) * rng.integers(1, 3) / n
    elif kind == "near":
        x = 1e-4 * rng.normal(size=n)
    return kind, x


def graph(rng, n):
    """An adjacency: directed or not, weighted, sparse, a tree, a ring, not connected."""
    kind = rng.choice(["random", "directed", "tree", "ring", "chain", "signed", "parts", "nx"])
    a = (rng.random((n, n)) < rng.uniform(0.2, 1)) * rng.uniform(0.2, 2, (n, n))
    if kind == "random":
        a = a + a.T
    elif kind == "tree":
        a = networkx.to_numpy_array(networkx.random_labeled_tree(n, seed=int(rng.integers(1e6))))
    elif kind == "ring":
        a = np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
    elif kind == "chain":
        a = np.eye(n, k=-1) * rng.uniform(0.3, 2)
    elif kind == "signed":
        a = a * rng.choice([-1, 1, 1, 1], (n, n))
    elif kind == "parts":
        half = n // 2
        a[:half, half:] = 0
        a[half:, :half] = 0
    np.fill_diagonal(a, 0)
    if kind == "nx":
        g = networkx.gnp_random_graph(n, 0.6, seed=int(rng.integers(1e6)), directed=True)
        return kind, g
    return str(kind), a


def unit(rng):
    """A unit of rates, sometimes extreme."""
    return float(10.0 ** rng.choice([0, 0, 0, 0, -8, 7, rng.uniform(-3, 3)]))


def span(rng, rate):
    t0 = float(rng.choice([0.0, 0.0, 3.0])) / rate
    end = float(rng.choice([3, 20, 20, 100]))
    return t0 + np.linspace(0, end, int(rng.choice([2, 6, 40, 150]))) / rate


# ------------------------------------------------------------ the circle


def interaction(rng):
    kind = rng.choice(["sine", "sine", "sine", "attention", "attention", "fourier", "own"])
    if kind == "attention":
        beta = float(rng.choice([rng.uniform(-3, 0), rng.uniform(0, 6), -0.5, 1.0]))
        return qsp.attention(beta)
    if kind == "fourier":
        return qsp.circle.fourier([1.0, *rng.uniform(-0.4, 0.4, int(rng.integers(1, 4)))])
    if kind == "own":
        return lambda d: np.sin(d) * np.exp(0.3 * np.cos(d))
    return qsp.sine()


@family
def circle(rng):
    n, rate = int(rng.choice([2, 2, 3, 4, 5, 7, 12, 40])), unit(rng)
    f = interaction(rng)
    kw = {}
    norm = rng.choice(["sum", "mean", "mean", "degree", "number", "array"])
    if rng.random() < 0.4:
        kw["weights"] = rng.uniform(0.2, 2, n)
    if rng.random() < 0.2:
        kw["response"] = rng.uniform(0.2, 2, n)
    if rng.random() < 0.4:
        _, kw["adjacency"] = graph(rng, n)
    if rng.random() < 0.45:
        omega = rng.normal(size=n) * rng.choice([0.01, 0.3, 1.0, 3.0]) * rate
        kw["frequencies"] = omega if rng.random() < 0.8 else float(omega[0])
    if rng.random() < 0.25:
        kw["phase_lag"] = float(rng.uniform(-2, 2))
    if getattr(f, "kind", "") == "attention" and rng.random() < 0.5 and kw.get("adjacency") is None:
        norm = "attention"
    if norm == "number":
        norm = float(rng.uniform(0.5, 5))
    elif norm == "array":
        norm = rng.uniform(0.5, 3, n)
    coupling = float(rng.choice([1, 1, 1, 1, -1, 0.3])) * rate
    if isinstance(norm, str) and norm == "sum":
        coupling /= n
    start, x0 = phases(rng, n)
    times = span(rng, rate)

    def solve(k):
        model = qsp.Circle(f, norm, coupling=k, **kw)
        return model, finished(qsp.circlesolve, model, x0, times)

    model, run = solve(coupling)
    _, other = solve(0.8 * coupling)
    text = f"n={n} {model.interaction} norm={norm!r:.20} κ={coupling:.3g} {start} {sorted(kw)}"
    return text, model, x0, run, other


@family
def locking(rng):
    """Kuramoto's model with different frequencies, on graphs and with lags, near its threshold."""
    n, rate = int(rng.choice([2, 3, 4, 6, 10])), unit(rng)
    omega = rng.normal(size=n) if rng.random() < 0.7 else rng.choice([-1.0, 0.0, 1.0], n)
    kw = {}
    if rng.random() < 0.6:
        _, kw["adjacency"] = graph(rng, n)
    if rng.random() < 0.4:
        kw["phase_lag"] = float(rng.uniform(-1.2, 1.2))
    if rng.random() < 0.3:
        kw["weights"] = rng.uniform(0.3, 2, n)
    spread = max(float(np.ptp(omega)), 0.1)
    coupling = spread * rate * float(rng.choice([0.3, 0.8, 1.0, 1.3, 3.0, 20.0]))
    x0 = phases(rng, n)[1]
    times = span(rng, rate * spread)

    def solve(k):
        model = qsp.Circle(qsp.sine(), "mean", coupling=k, frequencies=omega * rate, **kw)
        return model, finished(qsp.circlesolve, model, x0, times)

    model, run = solve(coupling)
    _, other = solve(0.8 * coupling)
    return f"n={n} K={coupling:.4g} {sorted(kw)}", model, x0, run, other


@family
def moved(rng):
    """Noise, inertia, delay, triads."""
    n, rate = int(rng.choice([2, 3, 5, 10])), unit(rng)
    kw = {}
    what = rng.choice(["noise", "inertia", "delay", "triads", "noise+inertia"])
    if "noise" in what:
        kw["noise"] = float(rng.uniform(0.1, 1)) * rate
    if "inertia" in what:
        kw["inertia"] = float(rng.uniform(0.2, 2)) / rate
    if what == "delay":
        kw["delay"] = float(rng.uniform(0.2, 3)) / rate
    if what == "triads":
        kw["triads"] = tuple(rng.uniform(-1, 1, 2) * rate)
    if rng.random() < 0.4:
        w = rng.normal(size=n) * rate
        kw["frequencies"] = w if rng.random() < 0.5 else float(w[0])
    if rng.random() < 0.2:
        kw["phase_lag"] = float(rng.uniform(-1, 1))
    if what == "delay" and rng.random() < 0.3:
        kw["weights"] = rng.uniform(0.3, 2, n)
    x0 = phases(rng, n)[1]
    end = 400 if "noise" in what else 30
    times = np.linspace(0, end, int(rng.choice([50, 500]))) / rate
    options = {"seed": int(rng.integers(1e6))} if "noise" in what else {}

    def solve(k):
        model = qsp.Circle(qsp.sine(), "mean", coupling=k, **kw)
        return model, finished(qsp.circlesolve, model, x0, times, options=options)

    coupling = rate * float(rng.uniform(0.3, 3))
    model, run = solve(coupling)
    _, other = solve(0.8 * coupling)
    return f"{what} n={n}", model, x0, run, other


# ------------------------------------------------------------ Schrödinger–Lohe


def states(rng, n, dim):
    """N states in a few levels, some of them special."""
    kind = rng.choice(["any", "near", "collinear", "bipolar", "zero", "equal", "antipode"])
    psi = rng.normal(size=(n, dim)) + 1j * rng.normal(size=(n, dim))
    if kind == "near":
        psi = psi[:1] + 10.0 ** rng.uniform(-4, 0) * psi
    elif kind == "collinear":
        psi = np.exp(1j * rng.uniform(-3, 3, n))[:, None] * psi[:1]
    elif kind == "bipolar":
        psi = rng.choice([-1, 1], n)[:, None] * psi[:1]
    elif kind == "zero" and n > 2:
        psi = np.exp(2j * np.pi * np.arange(n) / n)[:, None] * psi[:1]
    elif kind == "equal":
        psi = np.repeat(psi[:1], n, axis=0)
    elif kind == "antipode":
        psi[1:] = -psi[:1] + 10.0 ** rng.uniform(-9, -1) * psi[1:]
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    return str(kind), psi


def hermitian(rng, dim, size):
    h = rng.normal(size=(dim, dim)) + 1j * rng.normal(size=(dim, dim))
    return qutip.Qobj(size * (h + h.conj().T))


@family
def lohe(rng):
    n, dim, rate = int(rng.integers(2, 7)), int(rng.integers(1, 5)), unit(rng)
    kind, psi = states(rng, n, dim)
    if rng.random() < 0.4:
        psi = psi * rng.uniform(0.5, 1.5, n)[:, None]
    if rng.random() < 0.1:
        psi = psi * 10.0 ** rng.uniform(-4, 4)
    variant = str(rng.choice(["standard", "standard", "model1", "model2"]))
    kw = {}
    if variant != "standard" and rng.random() < 0.7:
        theta = 1 + 0.4 * rng.uniform(-1, 1, n)
        kw["theta"] = theta / theta.mean()
        kw["alignment"] = float(rng.choice([0.0, 0.05, 0.3, 1.0, 3.0])) * rate
        kernels = [None, 0.7, qsp.absolute_kernel(0.6, 0.5), qsp.heavy_tail_kernel()]
        kw["kernel"] = kernels[rng.integers(4)]
    if rng.random() < 0.35:
        kw["frequencies"] = rng.normal(size=n) * rate * rng.choice([0.05, 0.3, 1.0])
    if rng.random() < 0.25:
        _, kw["adjacency"] = graph(rng, n)
    if rng.random() < 0.2:
        kw["phase_lag"] = float(rng.uniform(-1.5, 1.5))
    h = hermitian(rng, dim, float(rng.choice([0.0, 0.5])) * rate)
    if rng.random() < 0.15:
        h = [hermitian(rng, dim, 0.01 * rate) for _ in range(n)]
    if kw.get("alignment"):
        kw["position"] = hermitian(rng, dim, 0.5)
    times = span(rng, rate)

    def solve(k):
        model = qsp.SchrodingerLohe(h, k, variant, **kw)
        return model, finished(qsp.slsolve, model, psi, times)

    model, run = solve(rate)
    _, other = solve(0.8 * rate)
    return f"{variant} n={n} dim={dim} {kind} unit={rate:.2g} {sorted(kw)}", model, psi, run, other


GRID = qsp.Grid(48, 15.0)


def gaussians(rng, n):
    """Wave packets: anywhere, close, with phases, anti-aligned."""
    kind = rng.choice(["any", "close", "turned", "phases", "antipode"])
    reach = 1.5 if kind == "any" else 0.4
    psi = np.array([GRID.gaussian(*rng.uniform(-reach, reach, 2)) for _ in range(n)])
    if kind == "turned":
        psi = np.exp(1j * rng.uniform(-2, 2, n))[:, None] * psi
    elif kind == "phases":
        psi = np.exp(1j * rng.uniform(-3, 3, n))[:, None] * psi[:1]
    elif kind == "antipode":
        psi[1:] = -psi[:1] + 10.0 ** rng.uniform(-6, -1) * psi[1:]
        psi /= np.sqrt(GRID.weight * np.sum(np.abs(psi) ** 2, axis=1))[:, None]
    return str(kind), psi


def potentials(rng, n, rate):
    kind = rng.choice(["trap", "free", "well", "offsets", "different"])
    if kind == "trap":
        return str(kind), lambda x: x**2 / 2
    if kind == "free":
        return str(kind), 0.0
    if kind == "well":
        return str(kind), lambda x: -2 * np.exp(-(x**2) / 4)
    if kind == "offsets":
        w = rng.normal(size=n) * rate * rng.choice([0.1, 1.0])
        return str(kind), [lambda x, w=w_j: x**2 / 2 + w for w_j in w]
    b = rng.uniform(-1, 1, n) * rate * rng.choice([0.01, 0.3])
    return str(kind), [lambda x, b=b_j: x**2 / 2 + b * np.exp(-(x**2)) for b_j in b]


@family
def waves(rng):
    """Schrödinger–Lohe on a grid."""
    n, rate = int(rng.integers(2, 5)), float(rng.choice([1.0, 1.0, 0.3, 4.0]))
    kind, psi = gaussians(rng, n)
    which, v = potentials(rng, n, rate)
    many = v if isinstance(v, list) else [v] * n
    h = [qsp.GridHamiltonian(GRID, u if callable(u) else (lambda x: 0.0 * x)) for u in many]
    h = h if isinstance(v, list) else h[0]
    variant = str(rng.choice(["standard", "model1", "model2"]))
    kw = {}
    if variant != "standard" and rng.random() < 0.6:
        theta = 1 + 0.2 * rng.uniform(-1, 1, n)
        kw = {"theta": theta / theta.mean(), "alignment": float(rng.choice([0.2, 1.0]))}
        kernels = [None, qsp.absolute_kernel(0.6, 0.5), qsp.heavy_tail_kernel()]
        kw["kernel"] = kernels[rng.integers(3)]
    if rng.random() < 0.3:
        psi = psi * rng.uniform(0.6, 1.4, n)[:, None]
    # free packets spread over the box
    ends = [1.0] if which in ("free", "well") else [4 / rate, 15 / rate]
    times = np.linspace(0, float(rng.choice(ends)), 31)

    def solve(k):
        model = qsp.SchrodingerLohe(h, k, variant, **kw)
        return model, finished(qsp.slsolve, model, psi, times)

    model, run = solve(rate)
    _, other = solve(0.8 * rate)
    return f"{variant} n={n} {which} {kind} {sorted(kw)}", model, psi, run, other


# ------------------------------------------------------------ Wigner–Lohe


@family
def wigner(rng):
    n, rate = int(rng.integers(2, 5)), float(rng.choice([1.0, 1.0, 0.3, 4.0]))
    kind, psi = gaussians(rng, n)
    which, v = potentials(rng, n, rate)
    state, kw, options = psi, {}, {}
    form = rng.choice(["kets", "kets", "masses", "mixed", "numbers"])
    if form == "masses":
        state = psi * rng.uniform(0.4, 1.6, n)[:, None]
    elif form == "mixed":
        state = ([0.3, 0.7], [psi, gaussians(rng, n)[1]])
    elif form == "numbers":
        # any complex z_jk, of no states
        z = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)) * rng.choice([0, 1])
        z = 1 + rng.choice([0.2, 0.5, 1.5]) * (z - 0.3)
        if rng.random() < 0.7:
            z = (z + z.conj().T) / 2
        np.fill_diagonal(z, 1)
        w = qsp.wigner_transform(GRID.gaussian(), grid=GRID)
        state = z[:, :, None, None] * w
        options = {"allow_unphysical": True, "allow_non_hermitian": True}
        which, v = "trap", lambda x: x**2 / 2
    if rng.random() < 0.15:
        _, kw["adjacency"] = graph(rng, n)
    if rng.random() < 0.2:
        kw["frequencies"] = rng.normal(size=n) * rate * 0.5
    ends = [1.0] if which in ("free", "well") else [4 / rate, 15 / rate]
    times = np.linspace(0, float(rng.choice(ends)), 31)

    def solve(k):
        model = qsp.WignerLohe(GRID, v, k, **kw)
        return model, finished(qsp.wlsolve, model, state, times, options=options)

    model, run = solve(rate)
    _, other = solve(0.8 * rate)
    return f"n={n} {which} {kind} {form} {sorted(kw)}", model, state, run, other


# ------------------------------------------------------------ systems


@family
def system(rng):
    """Pairs of oscillators and chains of modes by mean field, exactly and by cumulants."""
    kind = rng.choice(["mean field", "mean field", "exact", "modes"])
    if kind == "modes":
        return _modes(rng)
    rate = unit(rng) if kind == "mean field" else 1.0
    dissipative = float(rng.choice([0.2, 0.5, 1.0, 1.5, 2.5])) * rate
    detuning = float(rng.choice([0.0, rng.uniform(-3, 3)])) * rate
    coherent = float(rng.choice([0.0, 0.0, 0.0, 0.5])) * rate
    loss = float(rng.choice([0.05, 0.3, 1.0])) * rate
    x0 = rng.uniform(0.3, 2, 2) * np.exp(1j * rng.uniform(-3, 3, 2))
    if rng.random() < 0.2:
        x0 = np.array([x0[0], -x0[0]]) if rng.random() < 0.5 else np.array([x0[0], x0[0]])

    def solve(v):
        model = qsp.van_der_pol_pair(
            gain=rate, loss=loss, detuning=detuning, dissipative=v, coherent=coherent
        )
        if kind == "exact":
            times = np.linspace(0, 10, 41)
            return model, finished(qsp.exactsolve, model, x0 / 2, times, cutoff=7)
        times = np.linspace(0, float(rng.choice([5, 60])), int(rng.choice([5, 600]))) / rate
        return model, finished(qsp.mfsolve, model, x0, times, closure=closure)

    closure = str(rng.choice(["none", "linear", "gaussian"]))
    model, run = solve(dissipative)
    _, other = solve(0.7 * dissipative)
    return f"{kind} V={dissipative:.3g} Δ={detuning:.3g} g2={loss:.3g}", model, x0, run, other


def _modes(rng):
    a, b = qsp.modes(2)
    h = float(rng.normal()) * a.dag() * a + float(rng.normal()) * b.dag() * b
    if rng.random() < 0.5:
        h = h + 0.4 * (a.dag() * b + b.dag() * a)
    if rng.random() < 0.3:
        h = h + 0.3 * (a + a.dag())
    jumps = [0.6 * a, 0.8 * b]
    if rng.random() < 0.5:
        jumps.append(0.4 * a.dag())
    if rng.random() < 0.3:
        jumps.append(0.3 * b * b)
    x0 = rng.uniform(0.1, 0.8, 2)
    model = qsp.System(h, jumps)
    times = np.linspace(0, float(rng.choice([5, 40])), 41)
    run = finished(qsp.exactsolve, model, x0, times, cutoff=7)
    return "modes", model, x0, run, run


# ------------------------------------------------------------ the census


def _alike(run, other):
    """Whether both couplings leave the same motion, as next to an unstable equilibrium."""
    a, b = (getattr(x, "correlations", None) for x in (run, other))
    return a is not None and a.shape == b.shape and float(np.max(np.abs(a - b))) < 1e-6


def census(name, count, seed=0, report=print):
    """Outcomes of `count` runs: counters of (row, passed), of the run and of another coupling."""
    said, others, wrong = Counter(), Counter(), []
    for k in range(count):
        rng = np.random.default_rng([seed, k, sum(map(ord, name))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                text, model, state, run, other = FAMILIES[name](rng)
                if run is None:
                    continue
                found = qsp.predictions(model, state)
                outcomes = found.check(run)
            except Exception as error:
                wrong.append((k, "error", repr(error)[:200]))
                report(f"{name} {k}: {error!r:.300}")
                continue
            said["runs", None] += 1
            for outcome in outcomes:
                said[outcome.name, outcome.passed] += 1
                if outcome.passed is False:
                    wrong.append((k, outcome.name, outcome.found))
                    report(f"{name} {k}: {text}\n    {outcome}")
            if other is not None and other is not run and not _alike(run, other):
                for outcome in found.check(other):
                    others[outcome.name, outcome.passed] += 1
    return said, others, wrong


def main(name, count, seed=0):
    """Print the census."""
    said, others, wrong = census(name, int(count), int(seed))
    print(f"{name}: {said.pop(('runs', None), 0)} runs, {len(wrong)} contradictions")
    for row in sorted({row for row, _ in said}):
        mine = " ".join(f"{said[row, p]:6d}" for p in (True, None, False))
        theirs = " ".join(f"{others[row, p]:6d}" for p in (True, None, False))
        print(f"  {row:28} {mine}    of another coupling {theirs}")


if __name__ == "__main__":
    main(*sys.argv[1:])
