"""A program that measures the memory of one run: ``memory_runs.py NAME`` prints estimate and peak.

The estimate is the largest that the run checked before it allocated; the peak is what the resident
set grew by, after a small run of the same kind.
"""

import sys
import threading

import numpy as np

import qsyncplug as qsp
from qsyncplug.core import checks
from qsyncplug.exact import choice

GRID = qsp.Grid(64, 16.0)


def _trap(x):
    return x**2 / 2


def _softer(x):
    return x**2 / 3


def times(count):
    return np.linspace(0, 1, count)


def meanfield(big):
    qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], times(10**6 if big else 10))


def cumulants(big):
    count = 10**5 if big else 10
    qsp.CumulantSolver(qsp.van_der_pol_pair(), order=3).run([1.0, 0.5j], times(count))


def ring(n):
    b = qsp.modes(n)
    hops = sum(b[k].dag() * b[k - 1] + b[k - 1].dag() * b[k] for k in range(n))
    return qsp.System(hops, [x.dag() for x in b] + [0.5**0.5 * x**2 for x in b])


def gaussian(big):
    n = 24 if big else 3
    qsp.mfsolve(ring(n), [1.0] * n, times(8000 if big else 10), closure="gaussian")


def classical(big):
    S1, S2 = qsp.spins(4, 5)
    system = qsp.System(S1.z + 0.1 * (S1.p * S2.m + S2.p * S1.m), [0.1 * S1.m])
    count = 2 * 10**6 if big else 10
    qsp.ClassicalSolver(system).run({S1: [1, 0, 0], S2: [0, 0.6, 0.8]}, times(count))


def twa(big):
    count = 20_000 if big else 10
    qsp.twasolve(qsp.van_der_pol_pair(), [1, 0.5j], times(count), ntraj=300, seed=1)


def dtwa(big):
    S = qsp.spins(2, 2)
    system = qsp.System(S[0].z + 0.1 * (S[0].p * S[1].m + S[1].p * S[0].m))
    count = 200_000 if big else 10
    solver = qsp.DtwaSolver(system, ntraj=64, seed=1)
    solver.run([[1, 0, 0], [0, 0, 1]], times(count))


def chains(big):
    model = qsp.SpinChains((5, 7), g=(1.5, 2.4), omega0=0.7, loss=0.01)
    qsp.mfsolve(model, [0.5, 0.3j], times(3 * 10**5 if big else 10))


def published(big):
    count = 3 * 10**5 if big else 10
    qsp.PublishedSolver(qsp.PublishedSpinChains()).run([1.0, 1.0], times(count))


def circle(big):
    n, count = (2000, 5000) if big else (10, 10)
    qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), np.linspace(0, 3, n), times(count))


def circle_noise(big):
    n, count = (2000, 5000) if big else (10, 10)
    model = qsp.Circle(qsp.sine(), "mean", noise=0.1)
    qsp.CircleSolver(model, options={"seed": 1}).run(np.linspace(0, 3, n), times(count))


def coalesce(big):
    x = np.random.default_rng(1).uniform(0, 0.5, 100_000 if big else 10)
    qsp.coalesce(qsp.Circle(qsp.sine(), "mean"), x)


def moebius(big):
    n, count = (2000, 10**6) if big else (10, 10)
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.5)
    qsp.MoebiusSolver(model).run(np.linspace(0, 3, n), times(count))


def ott_antonsen(big):
    model = qsp.OttAntonsen(3.0, 1.0)
    qsp.OttAntonsenSolver(model).run(0.1, times(5 * 10**6 if big else 10))


def sphere(big):
    n, count = (300, 4000) if big else (5, 10)
    x = np.random.default_rng(1).normal(size=(n, 10))
    qsp.SphereSolver(qsp.Sphere(4.0, "attention")).run(
        x / np.linalg.norm(x, axis=1)[:, None], times(count)
    )


def exact_states(big):
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b + 0.3 * (b + b.dag()), [0.3 * b])
    count, cutoff = (600, 100) if big else (5, 5)
    options = {"store_states": True}
    qsp.exactsolve(system, [0.5], times(count), cutoff=cutoff, options=options)


def exact_unasked(big):
    """States that are stored without being asked for: large ones."""
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b + 0.3 * (b + b.dag()), [0.3 * b])
    qsp.exactsolve(system, [0.5], times(6000 if big else 5), cutoff=40 if big else 5)


def exact_unasked_small(big):
    """And many small ones, of which the Qobj is the larger part."""
    (S,) = qsp.spins(1)
    system = qsp.System(S.z, [0.3 * S.m])
    qsp.exactsolve(system, [[1, 0, 0]], times(60_000 if big else 5))


def exact_kets(big):
    b1, b2 = qsp.modes(2)
    system = qsp.System(b1.dag() * b1 + 0.3 * (b1.dag() * b2 + b2.dag() * b1))
    qsp.exactsolve(system, [0.5, 0.2], times(10_000 if big else 5), cutoff=30 if big else 5)


def exact_density(big):
    pair = qsp.van_der_pol_pair(detuning=0.3)
    b1, _b2 = pair.operators
    pair = qsp.System(pair.hamiltonian + 0.2 * (b1 + b1.dag()), pair.jumps)
    cutoff = 22 if big else 4
    qsp.exactsolve(pair, [0.1, 0.1], np.linspace(0, 0.01, 2), cutoff=cutoff)


def steadystate(big):
    qsp.steadystate(qsp.van_der_pol_pair(detuning=0.3), cutoff=34 if big else 4)


def eigenmodes(big):
    qsp.eigenmodes(qsp.van_der_pol_pair(detuning=0.3), 3, cutoff=24 if big else 4)


def lohe_states(big):
    grid = qsp.Grid(1024 if big else 64, 16.0)
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(grid, _trap), coupling=1.0)
    waves = [grid.gaussian(0.3 * k) for k in range(4)]
    count = 3000 if big else 5
    qsp.slsolve(model, waves, times(count), options={"store_states": True})


def lohe_many(big):
    n, count = (200, 2000) if big else (4, 5)
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, _trap), coupling=1.0)
    waves = [GRID.gaussian(0.01 * k) for k in range(n)]
    qsp.slsolve(model, waves, times(count))


def lohe_splitting(big):
    grid = qsp.Grid((192, 192) if big else (48, 48), (16.0, 16.0))
    h = [qsp.GridHamiltonian(grid, lambda x, y, a=a: a * (x**2 + y**2)) for a in (0.5, 0.4)]
    model = qsp.SchrodingerLohe(h, coupling=1.0)
    waves = [grid.gaussian((0.3, 0.0)), grid.gaussian((-0.3, 0.0))]
    count = 60 if big else 3
    options = {"method": "strang", "step": 0.05, "store_states": True}
    qsp.slsolve(model, waves, times(count), options=options)


def trajectories(big):
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, _trap), coupling=1.0)
    waves = [GRID.gaussian(0.5), GRID.gaussian(-0.4)]
    count, ntraj = (20_000, 300) if big else (5, 3)
    qsp.sltrajectories(model, waves, times(count), 0.1, ntraj=ntraj, seed=1)


def wigner(big):
    n, count = (100, 4000) if big else (3, 5)
    model = qsp.WignerLohe(GRID, _trap, coupling=1.0)
    waves = [GRID.gaussian(0.01 * k) for k in range(n)]
    qsp.wlsolve(model, waves, times(count))


def wigner_direct(big):
    grid = qsp.Grid(192 if big else 32, 12.0)
    model = qsp.WignerLohe(grid, lambda x: x**2 / 2 + 0.1 * np.cos(x), coupling=1.0)
    waves = [grid.gaussian(0.2 * k) for k in range(3 if big else 2)]
    options = {"method": "direct", "rtol": 1e-3}
    qsp.wlsolve(model, waves, np.linspace(0, 0.002, 2), options=options)


RUNS = {
    name: value
    for name, value in list(globals().items())
    if callable(value)
    and value.__module__ == __name__
    and name not in ("times", "ring")
    and not name.startswith("_")
}


def resident(name):
    """VmRSS or VmHWM, bytes."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(name))


class Peak(threading.Thread):
    """The largest resident set while it runs (VmHWM remembers the imports too)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.peak = 0

    def run(self):
        while not self.over.wait(0.002):
            self.peak = max(self.peak, resident("VmRSS"))


def main(name):
    estimates = []
    free = checks.available_memory

    def watch():
        there = sys._getframe(1).f_locals
        estimates.append(there.get("required", there.get("needed", 0.0)))
        return free()

    RUNS[name](False)
    checks.available_memory = choice.available_memory = watch
    before = resident("VmRSS")
    peak = Peak()
    peak.start()
    RUNS[name](True)
    peak.over.set()
    peak.join()
    print(f"{max(estimates, default=0):.0f} {peak.peak - before:.0f}")


if __name__ == "__main__":
    main(sys.argv[1])
