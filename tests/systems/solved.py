"""Systems of every solver family that carry their exact solutions.

Most have a part that comes to rest: a decay is over long before the run is, beside something that
goes on slowly. There stability limits the steps, not accuracy.
"""

import numpy as np
import qutip

import qsyncplug as qsp

TIMES = np.linspace(0.0, 60.0, 241)

# ---------------------------------------------------------------- bosons

DETUNING, LOSS, DRIVE, SLOW = 0.7, 1.0, 0.25, 0.03
START = np.array([0.6, 0.5j])


def driven():
    """A damped driven mode, which comes to rest, and a free one, which turns slowly."""
    a, b = qsp.modes(2)
    return qsp.System(
        DETUNING * a.dag() * a + DRIVE * (a + a.dag()) + SLOW * b.dag() * b, [LOSS**0.5 * a]
    )


def driven_means(times):
    rate = 1j * DETUNING + LOSS / 2
    rest = -1j * DRIVE / rate
    decay = np.exp(-rate * times)
    return np.stack([rest + (START[0] - rest) * decay, START[1] * np.exp(-1j * SLOW * times)], 1)


def mean_field(**kw):
    def run(times, options):
        return qsp.mfsolve(driven(), START, times, options=options, **kw).amplitudes

    return run


def cumulants(times, options):
    result = qsp.mfsolve(driven(), START, times, closure="cumulants", order=2, options=options)
    return result.amplitudes


def covariance(times, options):
    """Heating and loss of one mode: ⟨δb†δb⟩ relaxes to what balances both."""
    (a,) = qsp.modes(1)
    system = qsp.System(DETUNING * a.dag() * a, [a, 0.5 * a.dag()])
    result = qsp.mfsolve(system, [0.0], times, options=options)
    return result.covariance[:, 0, 0]


def exact_covariance(times):
    rest = 0.25 / (1 - 0.25)
    return rest * (1 - np.exp(-0.75 * times)) + 0.5


def exactly(**kw):
    def run(times, options):
        return qsp.exactsolve(
            driven(), START, times, cutoff=(10, 9), options={**kw, **options}
        ).amplitudes

    return run


def kets(times, options):
    """Two coupled oscillators without loss swap their amplitudes."""
    a, b = qsp.modes(2)
    system = qsp.System(0.5 * (a.dag() * b + b.dag() * a))
    return qsp.exactsolve(
        system, START, times, cutoff=16, options={"method": "ket", **options}
    ).amplitudes


def swapped(times):
    c, s = np.cos(0.5 * times), np.sin(0.5 * times)
    return np.stack([c * START[0] - 1j * s * START[1], c * START[1] - 1j * s * START[0]], 1)


def driven_in_time(times, options):
    """A force that is slowly switched on and off."""
    (a,) = qsp.modes(1)
    force = qutip.coefficient(lambda t: 0.2 * np.sin(0.2 * t))
    system = qsp.System(DETUNING * a.dag() * a + force * (a + a.dag()), [a])
    return qsp.exactsolve(system, [0.5], times, cutoff=10, options=options).amplitudes[:, 0]


def forced(times):
    rate, w = 1j * DETUNING + 0.5, 0.2
    # b' = -rate b - .2i sin wt
    particular = -0.2j * (rate * np.sin(w * times) - w * np.cos(w * times)) / (rate**2 + w**2)
    at_start = 0.2j * w / (rate**2 + w**2)
    return particular + (0.5 - at_start) * np.exp(-rate * times)


def samples(times, options):
    return qsp.twasolve(driven(), START, times, ntraj=4000, seed=3, options=options).amplitudes


def trajectories(times, options):
    """A coherent state stays one under loss: every trajectory has the same amplitude."""
    chosen = {"method": "trajectories", "ntraj": 2, "seed": 5, **options}
    (a,) = qsp.modes(1)
    system = qsp.System(DETUNING * a.dag() * a, [LOSS**0.5 * a])
    return qsp.exactsolve(system, [0.6], times, cutoff=10, options=chosen).amplitudes[:, 0]


def lost(times):
    return 0.6 * np.exp(-(1j * DETUNING + LOSS / 2) * times)


# ---------------------------------------------------------------- spins


def precession(times, options):
    """A classical spin about a tilted axis."""
    (s,) = qsp.spins(40)
    system = qsp.System(0.6 * s.z + 0.8 * s.x)
    result = qsp.mfsolve(system, [(0.0, 0.0)], times, closure="none", options=options)
    return result.coordinates[:, :3] / np.linalg.norm(result.coordinates[0, :3])


def turned(times):
    axis, start = np.array([0.8, 0.0, 0.6]), np.array([0.0, 0.0, 1.0])
    along = axis * (axis @ start)
    return (
        along
        + np.cos(times)[:, None] * (start - along)
        + np.sin(times)[:, None] * np.cross(axis, start)
    )


# ---------------------------------------------------------------- waves


def pair_of_waves(masses=(1.2, 0.7), coupling=2.0, turn=0.073, **model):
    rng = np.random.default_rng(1)
    psi = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)) + 2.0
    psi *= (np.array(masses) / np.linalg.norm(psi, axis=1))[:, None]
    return qsp.SchrodingerLohe(qutip.qzero(3), coupling, frequencies=[turn, -turn]), psi


def waves(times, options):
    return qsp.slsolve(*pair_of_waves(), times, options=options).correlations[:, 0, 1]


def paths(times, options):
    """Without noise every path is the deterministic run."""
    runs = qsp.sltrajectories(*equal_waves(), times, 0.0, ntraj=2, seed=1, options=options)
    return runs.gram[:, 0, 1]


def equal_waves():
    model, psi = pair_of_waves(masses=(1.0, 1.0), turn=0.0)
    return qsp.SchrodingerLohe(qutip.qzero(3), model.coupling), psi


def correlation(masses=(1.2, 0.7), turn=0.073):
    def exact(times):
        _, psi = pair_of_waves(masses)
        z = np.vdot(psi[0], psi[1]) / np.prod(np.linalg.norm(psi, axis=1))
        k = qsp.effective_coupling(2.0, masses)
        return qsp.two_oscillator_correlation(z, times, k, turn)

    return exact


GRID = qsp.Grid(points=64, length=16.0)


def wigner(times, options):
    model = qsp.WignerLohe(GRID, lambda x: x**2 / 2, coupling=2.0, frequencies=[0.073, -0.073])
    starts = [GRID.gaussian(1.0), GRID.gaussian(-0.5)]
    return qsp.wlsolve(model, starts, times, options=options).correlations[:, 0, 1]


def wigner_correlation(times):
    # Gaussians of width 1 at 1 and -1/2
    return qsp.two_oscillator_correlation(np.exp(-(1.5**2) / 4), times, 2.0, 0.073)


# ---------------------------------------------------------------- circle


def circle(times, options):
    """Two particles in a frame that turns slowly."""
    model = qsp.Circle(qsp.sine(), coupling=0.5, frequencies=SLOW)
    return qsp.circlesolve(model, [0.0, 2.0], times, options=options).positions


def approach(times):
    mean = 1.0 + SLOW * times
    half = np.arctan(np.tan(1.0) * np.exp(-times))
    return np.stack([mean - half, mean + half], 1)


def moebius(times, options):
    """Two at each of two phases, by Watanabe and Strogatz's maps."""
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.0, frequencies=SLOW)
    return qsp.wssolve(model, [0.0, 0.0, 2.0, 2.0], times, options=options).positions[:, 1:3]


def heavy(times, options):
    """Inertia without coupling: the velocity relaxes to the frequency."""
    model = qsp.Circle(qsp.sine(), coupling=0.0, frequencies=[SLOW, -SLOW], inertia=0.5)
    return qsp.circlesolve(model, [0.0, 2.0], times, options=options).positions


def relaxed(times):
    w = np.array([SLOW, -SLOW])
    # at rest in the beginning
    return np.array([0.0, 2.0]) + w * (times - 0.5 * (1 - np.exp(-2 * times)))[:, None]


def reduced(times, options):
    model = qsp.OttAntonsen(coupling=3.0, widths=0.5, centres=SLOW)
    return qsp.oasolve(model, 0.1, times, options=options).modes[:, 0]


def bernoulli(times):
    # r' = (K/2 - γ) r - K/2 r³
    growth, rest = 1.0, 1.0 / 1.5
    r = np.sqrt(rest / (1 + (rest / 0.01 - 1) * np.exp(-2 * growth * times)))
    return r * np.exp(1j * SLOW * times)


def sphere(times, options):
    """Two points on a great circle approach each other as on a circle."""
    points = np.array([[1.0, 0.0, 0.0], [np.cos(2.0), np.sin(2.0), 0.0]])
    return qsp.spheresolve(qsp.Sphere(), points, times, options=options).gram[:, 0, 1]


def closer(times):
    return np.cos(2 * np.arctan(np.tan(1.0) * np.exp(-times)))


def diffusion(times, options):
    """Free phases: each Fourier mode of their density falls like exp(-Dt)."""
    model = qsp.Circle(qsp.sine(), "mean", coupling=0.0, noise=0.05)
    chosen = {"step": 0.05, "seed": 2, **options}
    run = qsp.circlesolve(model, np.zeros(4000), times, options=chosen)
    return run.order_parameter


def delayed(times, options):
    """Both at one phase turn at a frequency that solves Ω=ω-K sin Ωτ."""
    ((frequency, stable), *_) = qsp.delay_frequencies(1.0, 0.4, 0.5)
    assert stable
    model = qsp.Circle(qsp.sine(), "mean", coupling=0.4, frequencies=1.0, delay=0.5)
    chosen = {"history": lambda t: np.full(2, frequency * t), **options}
    run = qsp.circlesolve(model, [0.0, 0.0], times, options=chosen)
    return run.positions[:, 0]


def turning(times):
    frequency = 1.0
    for _ in range(200):
        frequency = 1.0 - 0.4 * np.sin(0.5 * frequency)
    return frequency * times
