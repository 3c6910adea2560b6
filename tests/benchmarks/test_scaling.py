"""How cost grows with the size, as fitted exponents.

``pytest tests/benchmarks/test_scaling.py -m "" -s``. What a step, a product or a right-hand side
costs is the difference of two runs of unequal length over the difference of their counts, so that
preparation is nothing.
"""

import numpy as np
import pytest
import scipy.sparse

import qsyncplug as qsp
from qsyncplug.approximate.cumulants import Closure
from qsyncplug.circle import Circle, Sphere, attention, circlesolve, coalesce, sine
from qsyncplug.circle.field import right_hand_side
from qsyncplug.operators.states import ProductState

from . import timing
from .promises import EXPONENTS
from .timing import cpu, many, timed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning"),
]

RNG = np.random.default_rng(0)


def phases(n):
    return RNG.uniform(0, 2 * np.pi, n)


def each(solve, count, short, long, repeats=3):
    """Time of one unit of `count` (a key of the statistics)."""
    (a, few), (b, more) = (timed(lambda end=end: solve(end), repeats) for end in (short, long))
    cost = (b - a) / (more.stats[count] - few.stats[count])
    return max(cost, 1e-12) if timing.ONCE else cost


def held(record, name, sizes, costs):
    promise = EXPONENTS[name]
    assert record.exponent(name, sizes, costs) < promise.expected + promise.margin or timing.ONCE


# ------------------------------------------------------------ the circle


def force(model, n, kernel="auto"):
    rhs, y = right_hand_side(model, phases(n), kernel=kernel)
    return many(lambda: rhs(0.0, y), max(3, 10**6 // n))


def test_forces(record):
    sizes = [10**4, 10**5, 10**6]
    wave = Circle(attention(100.0, scaled=True))
    held(record, "force", sizes, [force(wave, n, "taylor-sorted") for n in sizes])
    held(record, "force, sine", sizes, [force(Circle(sine(), "mean"), n) for n in sizes])


def test_edges(record):
    edges, costs = [], []
    for n in (5000, 20_000, 80_000):
        a = scipy.sparse.random_array((n, n), density=20 / n, rng=RNG, format="csr")
        edges.append(a.nnz)
        costs.append(force(Circle(sine(), adjacency=a), n))
    held(record, "edges, exponent", edges, costs)


def test_noise(record):
    model = Circle(sine(), "mean", coupling=2.0, noise=0.5)
    options = {"scheme": "euler", "step": 0.01, "seed": 1, "store_positions": False}
    sizes, costs = [10**4, 10**5, 10**6], []
    for n in sizes:
        x, steps = phases(n), 3 * 10**6 // n

        def run(end, x=x):
            return circlesolve(model, x, [0.0, end], options=options)

        costs.append(each(run, "steps accepted", 0.01 * steps, 0.04 * steps))
    held(record, "noise, exponent", sizes, costs)


def test_coalescence(record):
    sizes, model = [10**4, 10**5, 10**6], Circle(attention(100.0, scaled=True), "mean")
    costs = [cpu(lambda n=n: coalesce(model, phases(n)), 1) for n in sizes]
    held(record, "coalescence", sizes, costs)


@pytest.mark.parametrize(
    ("kind", "model", "sizes", "wide"),
    [
        ("constant", Sphere(), [50_000, 200_000, 800_000], 16),
        ("linear", Sphere(polynomial=[1.0, 0.5]), [5000, 20_000, 80_000], 32),
        ("pairs", Sphere(1.0), [500, 1000, 2000], 64),
    ],
)
def test_spheres(record, kind, model, sizes, wide):
    def cost(n, d):
        x = RNG.normal(size=(n, d))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return many(lambda: model.velocity(x), 3)

    held(record, f"sphere, {kind}, n", sizes, [cost(n, wide) for n in sizes])
    widths = [wide, 2 * wide, 4 * wide]
    held(record, f"sphere, {kind}, d", widths, [cost(sizes[1], d) for d in widths])


# ------------------------------------------------------------ waves


def trap(a):
    return lambda x: a * x**2 / 2


def waves(n, grid):
    return [grid.gaussian(*RNG.uniform(-1.5, 1.5, 2)) for _ in range(n)]


def test_oscillators_and_points_of_the_reduction(record):
    import qutip

    sizes, costs = [100, 400, 1600], []
    for n in sizes:
        psi = RNG.normal(size=(n, 16)) + 1j * RNG.normal(size=(n, 16))
        model = qsp.SchrodingerLohe(qutip.num(16), 1.0, frequencies=RNG.normal(size=n))
        options = {"method": "reduction"}

        def run(end, model=model, psi=psi, options=options):
            return qsp.slsolve(model, psi, [0, end], options=options)

        costs.append(each(run, "right-hand sides", 2.0, 12.0))
    held(record, "lohe N", sizes, costs)
    points, costs = [64, 256, 1024], []
    for m in points:
        grid = qsp.Grid(m, 20.0)
        h = qsp.GridHamiltonian(grid, trap(1.0))
        model = qsp.SchrodingerLohe(h, 1.0, frequencies=0.3 * RNG.normal(size=32))
        psi = waves(32, grid)

        def run(end, model=model, psi=psi):
            return qsp.slsolve(model, psi, [0, end])

        costs.append(each(run, "right-hand sides", 5.0, 25.0))
    held(record, "lohe M", points, costs)


def test_points_of_the_splitting(record):
    points, costs = [1024, 4096, 16_384, 65_536], []
    for m in points:
        grid = qsp.Grid(m, 20.0)
        h = [qsp.GridHamiltonian(grid, trap(a)) for a in np.linspace(0.8, 1.2, 4)]
        model, psi = qsp.SchrodingerLohe(h, 1.0), waves(4, grid)
        options = {"method": "strang", "step": 0.01}

        def run(end, model=model, psi=psi, options=options):
            return qsp.slsolve(model, psi, [0, end], options=options)

        costs.append(each(run, "steps accepted", 0.1, 0.4))
    held(record, "lohe splitting", points, costs)


def test_points_of_phase_space(record):
    points, costs = [], []
    for m in (64, 128, 256, 512):
        grid = qsp.Grid(m, 16.0)
        model = qsp.WignerLohe(grid, lambda x: x**2 / 2 + 0.1 * np.cos(x), coupling=1.0)
        psi = [grid.gaussian(0.5), grid.gaussian(-0.5)]
        options = {"method": "direct", "rtol": 1e-6}

        def run(end, model=model, psi=psi, options=options):
            return qsp.wlsolve(model, psi, [0, end], options=options)

        points.append((2 * m) ** 2)
        costs.append(each(run, "steps accepted", 0.3, 1.2, 2 if m < 512 else 1))
    held(record, "wigner grid", points, costs)


# ------------------------------------------------------------ systems


def driven_pair():
    b1, b2 = qsp.modes(2)
    H = 0.25 * (b1.dag() * b1 - b2.dag() * b2) + 0.5 * (b1 + b1.dag())
    return qsp.System(H, [b1.dag(), b2.dag(), b1**2, b2**2, b1 - b2])


def test_levels(record):
    system, options = driven_pair(), {"method": "density"}
    levels, costs = [], []
    for cutoff in (8, 12, 18, 24):

        def run(end, cutoff=cutoff):
            return qsp.exactsolve(system, [0.5, 0.5j], [0, end], cutoff=cutoff, options=options)

        levels.append(cutoff**2)
        costs.append(each(run, "right-hand sides", 0.2, 0.2 + 150 / cutoff**2, 2))
    held(record, "exact product", levels, costs)


def test_levels_of_a_steady_state(record):
    cutoffs, system = (8, 12, 16, 20), driven_pair()
    costs = [cpu(lambda c=c: qsp.steadystate(system, cutoff=c), 2) for c in cutoffs]
    held(record, "steady exponent", [c**2 for c in cutoffs], costs)


def test_modes_of_cumulants(record):
    sizes, costs = [24, 48, 72, 96], []
    for n in sizes:
        b = qsp.modes(n)
        H = sum((0.1 * j * x.dag() * x for j, x in enumerate(b)), 0 * b[0])
        jumps = [x.dag() for x in b] + [0.3 * x**2 for x in b]
        system = qsp.System(H, jumps + [b[j] - b[(j + 1) % n] for j in range(n)])
        closure = Closure(system, 2, neutral=False)
        flow, y = closure.flow(), closure.start(ProductState(system, [1.0] * n))
        costs.append(many(lambda f=flow, y=y: f(0.0, y), 20_000 // n**2 + 3))
    held(record, "cumulants N", sizes, costs)


def test_samples(record):
    pair, sizes = (
        qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5),
        [8000, 32_000, 128_000],
    )
    costs = [
        cpu(lambda n=n: qsp.twasolve(pair, [1.0, 1.0], [0, 2.0], ntraj=n, seed=1), 2) for n in sizes
    ]
    held(record, "twa samples", sizes, costs)
