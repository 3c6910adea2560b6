"""What is promised of speed, each with the name under which its benchmark records it.

A ratio is the peer's time of the processor over ours, in one run; a limit is in the unit that it
names; an exponent belongs to the cost as a power of the size. The page of the documentation is
written from this list and from what was measured (``table.py``).
"""

from typing import NamedTuple


class Ratio(NamedTuple):
    """How many times as long a peer takes, at least; 1 where no number was promised."""

    family: str
    work: str
    peer: str
    least: float


class Limit(NamedTuple):
    """A number with a unit that is not exceeded (or is reached, where `least`)."""

    family: str
    work: str
    bound: float
    unit: str
    least: bool = False


class Exponent(NamedTuple):
    """Cost ~ size^expected; the fit may be lower, or higher by its margin."""

    family: str
    work: str
    size: str
    expected: float
    margin: float = 0.3


DOP853 = "scipy DOP853"
QUTIP = "best of qutip"
DYNAMIQS = "dynamiqs, compiled"
NUMPY = "numpy"

RATIOS = {
    # foundation
    "integrator, numpy": Ratio("core", "integrator, 20 variables", f"{DOP853}, numpy", 1),
    "integrator, compiled": Ratio("core", "integrator, 20 variables", f"{DOP853}, compiled", 5),
    "integrator, python": Ratio("core", "integrator, 20 variables", f"{DOP853}, Python", 20),
    "mean field pair": Ratio(
        "mean field", "van der Pol pair and covariance, 1000 outputs", f"{DOP853}, numpy", 100
    ),
    "published": Ratio("mean field", "published chains, t=1e4", f"{DOP853}, numpy", 200),
    "chains mean field": Ratio("mean field", "spin chains, N=5, t=1e4", f"{DOP853}, numpy", 200),
    "covariance of chains": Ratio(
        "mean field", "two chains in the algebra", f"{DOP853}, system's own derivatives", 10
    ),
    "cumulants": Ratio(
        "cumulants", "order 2, ring of 10 oscillators", f"{DOP853}, numpy matrices", 100
    ),
    "cumulants, RK45": Ratio(
        "cumulants", "order 2, ring of 10 oscillators", "scipy RK45 (default), numpy matrices", 100
    ),
    "cumulants, list": Ratio(
        "cumulants", "order 2, ring of 10 oscillators", f"{DOP853}, numpy list of products", 2
    ),
    "twa": Ratio("samples", "truncated Wigner, pair, 1e5 samples", NUMPY, 50),
    "dtwa": Ratio("samples", "truncated Wigner of spins, 2e4 samples, classes", NUMPY, 8),
    "dtwa, spins": Ratio(
        "samples", "truncated Wigner of spins, 2e4 samples", f"{NUMPY}, every spin", 8
    ),
    # exact
    "pair 12²": Ratio("exact", "pair 12², 101 states", QUTIP, 15),
    "driven pair 12²": Ratio("exact", "driven pair 12², 101 states", QUTIP, 15),
    "driven pair 14²": Ratio("exact", "driven pair 14², 101 states", QUTIP, 15),
    "pair 10², Δ=10": Ratio("exact", "pair 10², Δ=10, 101 states", QUTIP, 10),
    "driven oscillator 30": Ratio("exact", "driven oscillator, 30 levels", QUTIP, 4),
    "driven oscillator 40": Ratio("exact", "driven oscillator, 40 levels", QUTIP, 4),
    "Kerr pair 10²": Ratio("exact", "Kerr pair 10²", QUTIP, 10),
    "three modes 6³": Ratio("exact", "three modes 6³", QUTIP, 10),
    "optomechanical 10×12": Ratio("exact", "optomechanical pair 10×12", QUTIP, 4),
    "two chains N=12, central": Ratio("exact", "two chains N=12 and a central spin", QUTIP, 10),
    "superradiant pair": Ratio("exact", "superradiant pair", QUTIP, 10),
    "pair 12², drive in time": Ratio("exact", "pair 12², drive in time", QUTIP, 5),
    "pair 20²": Ratio("exact", "pair 20², t=2", "qutip, dia, tsit5", 20),
    "moments": Ratio("exact", "moments alone, pair 12²", "qutip, dia, tsit5", 25),
    "kets": Ratio("exact", "kets, 400 levels", QUTIP, 1),
    "trajectories 12²": Ratio("exact", "100 trajectories, pair 12²", "qutip mcsolve", 1),
    "trajectories 20²": Ratio("exact", "30 trajectories, pair 20²", "qutip mcsolve", 1),
    "dynamiqs 12²": Ratio("exact", "pair 12², 101 states", DYNAMIQS, 8),
    "dynamiqs 12², driven": Ratio("exact", "driven pair 12², 101 states", DYNAMIQS, 8),
    "dynamiqs 10²": Ratio("exact", "pair 10², Δ=10, 101 states", DYNAMIQS, 10),
    "full basis": Ratio("exact", "spin chains N=4, collective", "qutip, every spin", 15),
    "sectors": Ratio("exact", "spin chains N=24, sectors", "qutip mesolve", 10),
    "sectors, memory": Ratio("exact", "the same, memory (MB)", "qutip mesolve", 10),
    # waves
    "lohe reduction": Ratio("Schrödinger–Lohe", "N=32, M=256, T=5", f"{DOP853} on the grid", 500),
    "lohe states": Ratio(
        "Schrödinger–Lohe", "the same with 100 states", f"{DOP853} on the grid", 80
    ),
    "lohe different": Ratio(
        "Schrödinger–Lohe", "different potentials, to 1e-8", f"{DOP853} on the grid", 5
    ),
    "wigner direct": Ratio(
        "Wigner–Lohe", "N=4, 128², T=2, every w_ij", "our phase-space method", 30
    ),
    "wigner lines": Ratio("Wigner–Lohe", "N=4, 128², T=2, every w_ij", "method of lines", 1000),
    "wigner flow, lines": Ratio(
        "Wigner–Lohe", "linear flow, 192², to 1e-10", "method of lines", 10
    ),
    "wigner flow, split": Ratio(
        "Wigner–Lohe", "linear flow, 192², to 1e-6, in phase space", "split operator, 2nd order", 3
    ),
    # circle
    "kuramoto": Ratio("circle", "n=1000, T=10, 1000 outputs", "kuramoto", 300),
    "jitcode": Ratio("circle", "N=100, 1000 outputs", "jitcode, compiled", 100),
    "finufft 1e5": Ratio("circle", "one force, n=1e5, β=100, unsorted", "finufft", 1),
    "finufft 1e5, sorted": Ratio("circle", "one force, n=1e5, β=100, sorted", "finufft", 1),
    "finufft 1e6": Ratio("circle", "one force, n=1e6, β=100, unsorted", "finufft", 7),
    "finufft 1e6, sorted": Ratio("circle", "one force, n=1e6, β=100, sorted", "finufft", 20),
    "numba": Ratio("circle", "one force, n=1e4, β=10, unsorted", "numba, all pairs", 20_000),
    "numba, sorted": Ratio("circle", "one force, n=1e4, β=10, sorted", "numba, all pairs", 20_000),
    "edges": Ratio("circle", "sparse graph, 4e5 edges", "our own, a sine an edge", 2.1),
    "noise, euler": Ratio("circle", "noise, n=1e5, euler", f"{NUMPY}, as on paper", 30),
    "noise, leimkuhler-matthews": Ratio(
        "circle", "noise, n=1e5, leimkuhler-matthews", f"{NUMPY} euler, as on paper", 30
    ),
    "noise, heun": Ratio("circle", "noise, n=1e5, heun", f"{NUMPY} euler, as on paper", 1),
    "noise, euler, real": Ratio("circle", "noise, n=1e5, euler", f"{NUMPY}, no exponentials", 30),
    "tails 1e-8": Ratio("circle", "Lorentz frequencies, n=2e4, rtol 1e-8", "steps of all", 1),
    "tails 1e-12": Ratio("circle", "Lorentz frequencies, n=2e4, rtol 1e-12", "steps of all", 1),
    "delay": Ratio("circle", "delay, N=100, T=20", "jitcdde, compiled", 30),
}

LIMITS = {
    "import": Limit("core", "import, beside that of qutip", 30, "% more"),
    "gaussian set-up": Limit("mean field", "second-order closure of 30 modes, set up", 2, "s"),
    "ensembles": Limit("cumulants", "two ensembles of 1e4 atoms to their steady state", 1, "s"),
    "moments, seconds": Limit("exact", "moments alone, pair 12²", 0.08, "s"),
    "pair 24²": Limit("exact", "pair 24², 101 states", 6, "s"),
    "steady 12²": Limit("exact", "steady state, driven pair 12²", 0.3, "s"),
    "steady 16²": Limit("exact", "steady state, driven pair 16²", 1.5, "s"),
    "steady 20²": Limit("exact", "steady state, driven pair 20²", 6, "s"),
    "steady 25²": Limit("exact", "steady state, driven pair 25²", 25, "s"),
    "spectrum": Limit("exact", "spectrum with peaks, pair 10²", 1, "s"),
    "48 spins": Limit("exact", "spin chains N=48, t=2, sectors", 600, "s"),
    "lohe fft": Limit("Schrödinger–Lohe", "N=8, 256²: inside FFT and BLAS", 70, "%", True),
    "lohe 1000, 64": Limit("Schrödinger–Lohe", "N=1000 in 64 levels, to r=1", 2, "s"),
    "lohe 1000, 256": Limit("Schrödinger–Lohe", "N=1000 in 256 levels, to r=1", 2, "s"),
    "flat": Limit("circle", "cost a particle, n=1e4…1e6, unsorted", 1.5, "largest/smallest"),
    "flat, sorted": Limit("circle", "cost a particle, n=1e4…1e6, sorted", 1.5, "largest/smallest"),
    "one particle 1e5": Limit("circle", "n=1e5 to one particle, β=100", 10, "s"),
    "one particle 1e6": Limit("circle", "n=1e6 to one particle, β=100", 60, "s"),
    "tails": Limit("circle", "Lorentz frequencies, n=2e4, T=6, rtol 1e-8", 2, "s"),
    "tails, drawn": Limit("circle", "the same drawn at random, rtol 1e-12, slowest of 10", 2, "s"),
    "certificate to −.62": Limit("circle", "proof that [−.62, −.26] synchronises", 20, "s"),
    "certificate to −.66": Limit("circle", "proof that [−.66, −.62] synchronises", 60, "s"),
    "verdict 1e5": Limit("verdicts", "n=1e5, 100 outputs", 2, "s"),
    "verdict 200": Limit("verdicts", "n=200, 2001 outputs", 0.2, "s"),
    "point": Limit("sweeps", "overhead a point, 1e4 points, two workers", 1, "ms (clock)"),
    "point, stored": Limit("sweeps", "the same, kept in a store", 1, "ms (clock)"),
    "tongue": Limit("sweeps", "30×30 exact steady states, two workers", 60, "s (clock)"),
}

EXPONENTS = {
    "force": Exponent("circle", "one force, β=100, sorted", "n", 1),
    "force, sine": Exponent("circle", "one force, sine, mean field", "n", 1),
    "edges, exponent": Exponent("circle", "one force, sparse graph", "edges", 1),
    "noise, exponent": Exponent("circle", "a step with noise", "n", 1),
    "coalescence": Exponent("circle", "to one particle, β=100", "n", 1),
    "sphere, constant, n": Exponent("circle", "sphere, constant weights", "n", 1),
    "sphere, constant, d": Exponent("circle", "sphere, constant weights", "d", 1),
    "sphere, linear, n": Exponent("circle", "sphere, linear weights", "n", 1),
    "sphere, linear, d": Exponent("circle", "sphere, linear weights", "d", 2),
    "sphere, pairs, n": Exponent("circle", "sphere, exponential weights", "n", 2),
    "sphere, pairs, d": Exponent("circle", "sphere, exponential weights", "d", 1),
    "lohe N": Exponent("Schrödinger–Lohe", "a right-hand side of the reduction, rank 16", "N", 1),
    "lohe M": Exponent("Schrödinger–Lohe", "reduction without states", "points", 0),
    "lohe splitting": Exponent("Schrödinger–Lohe", "a step of the splitting", "points", 1),
    "wigner grid": Exponent("Wigner–Lohe", "a step in phase space", "points of phase space", 1),
    "exact product": Exponent("exact", "a product with the Liouvillian, pair", "levels", 2),
    "steady exponent": Exponent("exact", "steady state, driven pair", "levels", 2.5, 0.5),
    "cumulants N": Exponent("cumulants", "a right-hand side, order 2, ring", "modes", 2),
    "twa samples": Exponent("samples", "truncated Wigner, pair", "samples", 1),
    "verdict T": Exponent("verdicts", "n=200", "outputs", 1),
    "verdict N": Exponent("verdicts", "100 outputs", "n", 1),
}

PROMISES = {**RATIOS, **LIMITS, **EXPONENTS}
