"""One small run of every solver and method, for tests that hold for all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import qsyncplug as qsp

GRID = qsp.Grid(48, 16.0)
WAVES = [GRID.gaussian(0.5), GRID.gaussian(-0.4), GRID.gaussian(0.1, 0.3)]
SHORT = np.linspace(0, 2, 21)
LONG = np.linspace(0, 20, 61)


class Run(NamedTuple):
    """A solver with what it starts from."""

    solver: Any
    state0: Any
    times: np.ndarray


def _trap(x):
    return x**2 / 2


def _softer(x):
    return x**2 / 3 + 0.01 * x**4


def _bumpy(x):
    return x**2 / 2 + 0.1 * np.cos(x)


def _pair(closure, **options):
    covariance = 0.7 * np.eye(4)
    solver = qsp.MeanFieldSolver(
        qsp.van_der_pol_pair(detuning=0.3), closure=closure, options=options
    )
    solver.covariance0 = covariance
    return Run(solver, [1, 0.3j], LONG)


def _modes(**options):
    """The mean alone."""
    pair = qsp.van_der_pol_pair(detuning=0.3)
    solver = qsp.ClassicalSolver(pair, closure="none", options=options)
    return Run(solver, [1, 0.3j], LONG)


def _spins():
    S1, S2 = qsp.spins(20, 30)
    return qsp.System(
        S1.z + 1.2 * S2.z + 0.02 * (S1.p * S2.m + S2.p * S1.m), [0.1 * S1.m, 0.05 * S2.p]
    )


def _classical(closure="linear", **options):
    system = _spins()
    S1, S2 = system.symbols
    solver = qsp.ClassicalSolver(system, closure=closure, options=options)
    return Run(solver, {S2: [1, 0, 0], S1: [0, 0.6, 0.8]}, LONG)


def _cumulants(order=2, **options):
    solver = qsp.CumulantSolver(qsp.van_der_pol_pair(), order=order, options=options)
    return Run(solver, [1.0, 0.5j], LONG)


def _lasers(**options):
    """Two ensembles in one cavity: cumulants of atoms."""
    system = qsp.superradiant_lasers(100)
    return Run(qsp.CumulantSolver(system, options=options), [[0, 0.6, -0.8]] * 2, LONG)


def _chains(**options):
    chains = qsp.SpinChains(n=(5, 7), g=(1.5, 2.4), omega0=0.7, loss=0.01)
    return Run(qsp.SpinMeanFieldSolver(chains, options=options), [0.5, 0.3j], LONG)


def _published(**options):
    return Run(qsp.PublishedSolver(qsp.PublishedSpinChains(), options=options), [1.0, 1.0], SHORT)


def _twa(**options):
    system = _spins()
    solver = qsp.TwaSolver(system, ntraj=32_000, seed=3, options=options)
    return Run(solver, {system.symbols[0]: [1, 0, 0], system.symbols[1]: [0, 0, 1]}, SHORT)


def _twa_modes(**options):
    solver = qsp.TwaSolver(qsp.van_der_pol_pair(), ntraj=16_000, seed=3, options=options)
    return Run(solver, [1, 0.3j], SHORT[:6])


def _dtwa(loss=0.0, **options):
    chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2, loss=loss)
    start = chains.product_state(excitation=(0.3, 0.2))
    return Run(qsp.DtwaSolver(chains, ntraj=1000, seed=7, options=options), start, SHORT)


def _circle(start=None, times=LONG, frequencies=True, **more):
    names = qsp.CircleSolver.solver_options
    options = {k: v for k, v in more.items() if k in names}
    model = {k: v for k, v in more.items() if k not in names}
    if frequencies:
        model["frequencies"] = np.linspace(-1, 1, 12)
    circle = qsp.Circle(qsp.sine(), coupling=1.5, **model)
    start = np.linspace(0, 3, 12) if start is None else start
    return Run(qsp.CircleSolver(circle, options=options), start, times)


def _graph():
    """Who acts on whom among twelve: sparse, directed, with weights."""
    rng = np.random.default_rng(1)
    return np.triu(rng.random((12, 12)) < 0.3, 1) * rng.uniform(0.5, 2, (12, 12)) + np.eye(12, k=-1)


def _populations(**options):
    pair = qsp.Populations([6, 6], coupling=[[0.6, 0.4], [0.4, 0.6]], phase_lag=1.5)
    return Run(qsp.MoebiusSolver(pair, options=options), np.linspace(0, 3, 12), LONG)


def _moebius(**options):
    circle = qsp.Circle(qsp.sine(), "mean", coupling=1.5, phase_lag=0.3)
    return Run(qsp.MoebiusSolver(circle, options=options), np.linspace(0, 3, 12), LONG)


def _attention(**options):
    """Forces below the rounding of the series: the kernel changes on the way."""
    circle = qsp.Circle(qsp.attention(100.0, scaled=True), "mean")
    start = np.concatenate([np.full(60, 0.0), np.full(60, np.pi / 2)])
    solver = qsp.CircleSolver(circle, options={"atol": 1e-14, "max_step": 1e3, **options})
    return Run(solver, start, np.linspace(0, 2e4, 13))


def _ott_antonsen(coupling=3.0, widths=1.0, start=0.1, **options):
    model = qsp.circle.OttAntonsen(coupling, widths)
    return Run(qsp.circle.OttAntonsenSolver(model, options=options), start, LONG)


def _sphere(**options):
    model = qsp.circle.Sphere(4.0, "attention")
    return Run(qsp.circle.SphereSolver(model, options=options), np.eye(5), SHORT)


def _lohe(method, potentials=(_trap,), variant="standard", **options):
    h = [qsp.GridHamiltonian(GRID, v) for v in potentials]
    model = qsp.SchrodingerLohe(
        h[0] if len(h) == 1 else h, coupling=1.0, variant=variant, **options.pop("model", {})
    )
    return Run(
        qsp.SchrodingerLoheSolver(model, options={"method": method, **options}), WAVES, SHORT
    )


def _trajectories(frequencies=None, **options):
    from qsyncplug.lohe.noise import TrajectoriesSolver

    h = qsp.GridHamiltonian(GRID, _trap)
    model = qsp.SchrodingerLohe(h, coupling=1.0, frequencies=frequencies)
    solver = TrajectoriesSolver(model, noise=0.3, ntraj=8, seed=11, options=options)
    return Run(solver, WAVES, SHORT[:6])


def _wigner(method, potentials=(_trap,), waves=WAVES[:2], **options):
    grid = qsp.Grid(32, 12.0) if method == "direct" else GRID
    if method == "direct":
        waves = [grid.gaussian(0.5), grid.gaussian(-0.4)]
    model = qsp.WignerLohe(
        grid, potentials[0] if len(potentials) == 1 else list(potentials), coupling=1.0
    )
    times = np.linspace(0, 0.4, 9) if method == "direct" else SHORT
    return Run(qsp.WignerLoheSolver(model, options={"method": method, **options}), waves, times)


#: name -> run with options of the solver
RUNS: dict[str, Callable[..., Run]] = {
    "mean field": lambda **o: _pair("linear", **o),
    "gaussian": lambda **o: _pair("gaussian", **o),
    "mean alone": _modes,
    "spins on spheres": _classical,
    "spins alone": lambda **o: _classical("none", **o),
    "cumulants": _cumulants,
    "cumulants of order 3": lambda **o: _cumulants(3, **o),
    "cumulants of atoms": _lasers,
    "chains": _chains,
    "published": _published,
    "twa": _twa,
    "twa of modes": _twa_modes,
    "dtwa": _dtwa,
    "dtwa with loss": lambda **o: _dtwa(0.05, **o),
    "circle": _circle,
    "circle, cells": lambda **o: _circle(
        np.linspace(0, 3, 40), frequencies=False, kernel="taylor-sorted", **o
    ),
    "circle, bands": lambda **o: _circle(kernel="bands", **o),
    "circle, faint": _attention,
    "circle, Möbius maps": _moebius,
    "circle, noise": lambda **o: _circle(noise=0.2, seed=5, **o),
    "circle, noise of Leimkuhler": lambda **o: _circle(
        noise=0.2, scheme="leimkuhler-matthews", seed=5, **o
    ),
    "circle, inertia": lambda **o: _circle(inertia=0.5, **o),
    "circle, inertia and noise": lambda **o: _circle(inertia=0.5, noise=0.1, seed=5, **o),
    "circle, delay": lambda **o: _circle(delay=0.7, **o),
    "circle, delay and noise": lambda **o: _circle(delay=0.7, noise=0.1, seed=5, **o),
    "circle, triads": lambda **o: _circle(triads=(0.3, 0.2), **o),
    "circle, graph": lambda **o: _circle(adjacency=_graph(), **o),
    "circle, graph and noise": lambda **o: _circle(adjacency=_graph(), noise=0.2, seed=5, **o),
    "circle, graph and delay": lambda **o: _circle(adjacency=_graph(), delay=0.7, **o),
    "circle, populations": _populations,
    "Ott-Antonsen": _ott_antonsen,
    "Ott-Antonsen, three": lambda **o: _ott_antonsen(
        3 * (np.ones((3, 3)) + np.eye(3, k=1)), [0.5, 0.4, 0.6], [0.1, 0.2j, 0.3], **o
    ),
    "sphere": _sphere,
    "lohe reduction": lambda **o: _lohe("reduction", **o),
    "lohe model 1": lambda **o: _lohe("reduction", variant="model1", **o),
    "lohe model 2": lambda **o: _lohe("reduction", variant="model2", model={"alignment": 0.5}, **o),
    "lohe graph": lambda **o: _lohe(
        "reduction", model={"adjacency": np.array([[0, 1, 0.5], [0.7, 0, 1], [1, 0, 0]])}, **o
    ),
    "lohe mobius": lambda **o: _lohe("mobius", **o),
    "lohe splitting": lambda **o: _lohe("splitting", (_trap, _softer, _trap), **o),
    "lohe strang": lambda **o: _lohe("strang", (_trap, _softer, _trap), step=0.013, **o),
    "lohe s10": lambda **o: _lohe("s10", (_trap, _softer, _trap), step=0.1 / 3, **o),
    "lohe lawson": lambda **o: _lohe("lawson", (_trap, _softer, _trap), rtol=1e-8, **o),
    "lohe dop853": lambda **o: _lohe("dop853", (_trap, _softer, _trap), rtol=1e-8, **o),
    "lohe trajectories": _trajectories,
    "lohe trajectories, splitting": lambda **o: _trajectories((0.0, 0.1, -0.2), step=0.05, **o),
    "wigner reduction": lambda **o: _wigner("reduction", **o),
    "wigner splitting": lambda **o: _wigner("splitting", (_trap, _softer), **o),
    "wigner strang": lambda **o: _wigner("strang", (_trap, _softer), step=0.013, **o),
    "wigner direct": lambda **o: _wigner("direct", (_bumpy,), rtol=1e-8, **o),
    "wigner direct, different": lambda **o: _wigner("direct", (_trap, _softer), rtol=1e-4, **o),
}


def _driven():
    (b,) = qsp.modes(1)
    return qsp.System(b.dag() * b + 0.3 * (b + b.dag()), [0.3 * b])


def _chains_exactly(**options):
    chains = qsp.SpinChains(n=(3, 3), loss=0.1)
    start = chains.product_state(excitation=0.4)
    return Run(qsp.SpinExactSolver(chains, options=options), start, SHORT)


def _exact(method, **options):
    if method == "atoms":
        (A,) = qsp.atoms(3)
        system, start = qsp.System(A.z + 0.2 * (A.p + A.m), [0.3 * A.each.m]), [[0, 0.6, -0.8]]
        solver = qsp.ExactSolver(system, cutoff=None, options=options)
        return Run(solver, start, SHORT)
    if method == "ket":
        b1, b2 = qsp.modes(2)
        system, start = (
            qsp.System(b1.dag() * b1 + 0.3 * (b1.dag() * b2 + b2.dag() * b1)),
            [0.5, 0.2],
        )
    elif method == "sectors":
        system, start = qsp.van_der_pol_pair(loss=4.0), [0.1, 0.1j]
    else:
        system, start = _driven(), [0.2]
    if method == "trajectories":
        options = {"ntraj": 20, "seed": 3, **options}
    solver = qsp.ExactSolver(system, cutoff=8, options={"method": method, **options})
    return Run(solver, start, SHORT[:8])


#: of the exact engine, which has tests of resuming of its own
EXACT_RUNS: dict[str, Callable[..., Run]] = {
    f"exact, {method}": functools.partial(_exact, method)
    for method in ("ket", "density", "sectors", "atoms", "trajectories")
} | {"exact, chains": _chains_exactly}
