"""One small object of every public class, or why files do not hold it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np
import qutip

import qsyncplug as qsp
from qsyncplug.circle import chimera_state, densest_circulant
from qsyncplug.core.solver import Solver

TIMES = np.linspace(0, 1, 4)
LONG = np.linspace(0, 40, 201)
GRID = qsp.Grid(32, 12.0)
WAVES = [GRID.gaussian(0.5), GRID.gaussian(-0.4)]


def _trap(x):
    return x**2 / 2


def _lohe():
    return qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, _trap), coupling=1.0)


def _wigner():
    return qsp.WignerLohe(GRID, _trap, coupling=1.0)


def _driven():
    (b,) = qsp.modes(1)
    return qsp.System(b.dag() * b + 0.3 * (b + b.dag()), [0.5 * b], name="driven")


def _laser():
    (b,) = qsp.modes(1)
    return qsp.System(b.dag() * b, [b.dag(), 2 * b])


def _chains():
    return qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2, loss=0.01)


def _spins():
    S1, S2 = qsp.spins(4, 5)
    return qsp.System(S1.z + 0.1 * (S1.p * S2.m + S2.p * S1.m), [0.1 * S1.m])


def _circle(**more):
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.5, **more)
    return qsp.circlesolve(model, [0.0, 1.0, 2.5], LONG)


def _mean(**options):
    return qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], TIMES, options=options)


def _exact(**options):
    return qsp.exactsolve(_driven(), [0.5], TIMES, cutoff=8, options=options)


def _curve():
    (b,) = qsp.modes(1)
    return qsp.entrainment(
        lambda d: qsp.System(d * b.dag() * b, [b.dag(), 2 * b]), [0.0, 1.0], cutoff=12
    )


def _comparison():
    return qsp.compare({"exact": _exact(), "mean field": qsp.mfsolve(_driven(), [0.5], TIMES)})


def _twa():
    return qsp.twasolve(_driven(), [0.5], TIMES, ntraj=20, seed=1)


def _sampled_correlation():
    system = _laser()
    return qsp.correlation(
        system,
        system.operators[0],
        [0.0, 0.4],
        sample_times=np.linspace(4, 44, 101),
        options={"ntraj": 64, "seed": 1},
    )


def _sampled():
    system = _laser()
    samples = np.linspace(4, 44, 101)
    return qsp.spectrum(
        system, system.operators[0], sample_times=samples, options={"ntraj": 64, "seed": 1}
    )


def _classical():
    system = _spins()
    S1, S2 = system.symbols
    return qsp.ClassicalSolver(system).run({S1: [1, 0, 0], S2: [0, 0.6, 0.8]}, TIMES)


def _moebius():
    return qsp.MoebiusSolver(qsp.Circle(qsp.sine(), "mean", coupling=1.5)).run([0.0, 1, 2.5], LONG)


def _populations():
    return qsp.Populations([3, 3], coupling=[[0.6, 0.4], [0.4, 0.6]], phase_lag=1.5)


def _view(states):
    return qsp.SyncView([0.0, 1.0], states=states)


def _attention(method):
    edges = {"gap": (-0.3, -0.299), "ratio": (1.0, 1.5)}[method]
    return qsp.certify_attention(*edges, method=method)


def _spectrum():
    system = _laser()
    return qsp.spectrum(system, system.operators[0], cutoff=12)


#: class -> maker of one; all of them go through a file
SAVED: dict[str, Callable[[], Any]] = {
    # results
    "CircleResult": lambda: _circle(frequencies=[-0.1, 0.0, 0.2]),
    "ClassicalResult": _classical,
    "CoalesceResult": lambda: qsp.coalesce(qsp.Circle(qsp.sine()), np.linspace(0, 3, 7)),
    "CumulantResult": lambda: qsp.CumulantSolver(qsp.van_der_pol_pair()).run([1.0, 0.5j], TIMES),
    "DtwaResult": lambda: qsp.DtwaSolver(_chains(), ntraj=20, seed=7).run(
        _chains().product_state(excitation=(0.3, 0.2)), TIMES
    ),
    "ExactResult": lambda: _exact(store_states=True),
    "JumpResult": lambda: _exact(method="trajectories", ntraj=3, seed=1),
    "MeanFieldResult": lambda: _mean(store_states=True),
    "MoebiusResult": _moebius,
    "OttAntonsenResult": lambda: qsp.OttAntonsenSolver(qsp.OttAntonsen(3.0, 1.0)).run(0.1, TIMES),
    "PublishedResult": lambda: qsp.PublishedSolver(qsp.PublishedSpinChains()).run([1, 1], TIMES),
    "SchrodingerLoheResult": lambda: qsp.slsolve(_lohe(), WAVES, TIMES),
    "SphereResult": lambda: qsp.SphereSolver(qsp.Sphere(4.0, "attention")).run(np.eye(3), TIMES),
    "SpinExactResult": lambda: qsp.exactsolve(
        qsp.SpinChains((2, 2)), qsp.SpinChains((2, 2)).product_state(), TIMES
    ),
    "SpinMeanFieldResult": lambda: qsp.mfsolve(_chains(), [0.5, 0.3j], TIMES),
    "TrajectoriesResult": lambda: qsp.sltrajectories(
        _lohe(), WAVES, TIMES, ntraj=2, seed=1, noise=0.1
    ),
    "TwaResult": _twa,
    "WignerLoheResult": lambda: qsp.wlsolve(_wigner(), WAVES, TIMES),
    # models and their parts
    "CentralChain": lambda: qsp.CentralChain(spins=3),
    "Circle": lambda: qsp.Circle(
        qsp.attention(2.5), frequencies=[0.1, 0.2, -1 / 3], coupling=1 / 3, phase_lag=0.1
    ),
    "Grid": lambda: qsp.Grid((8, 16), (1 / 3, 2.0)),
    "GridHamiltonian": lambda: qsp.GridHamiltonian(GRID, _trap),
    "Influence": lambda: qsp.Influence(1.0, 1 / 3, 2.0, 1.5),
    "Interaction": lambda: qsp.fourier([1.0, 1 / 3]),
    "OttAntonsen": lambda: qsp.OttAntonsen(3.0, 1 / 3),
    "PhaseSpace": lambda: qsp.PhaseSpace(GRID),
    "Populations": _populations,
    "PublishedSpinChains": qsp.PublishedSpinChains,
    "QuadraticPotential": lambda: qsp.GridHamiltonian(GRID, _trap).quadratic,
    "SchrodingerLohe": _lohe,
    "Sphere": lambda: qsp.Sphere(4.0, "attention"),
    "SpinChains": _chains,
    "System": lambda: qsp.van_der_pol_pair(detuning=1 / 3),
    "WignerLohe": _wigner,
    # views and answers
    "About": lambda: qsp.About("two clocks", ("a", "b"), weights=np.array([1.0, 1 / 3])),
    "Comparison": _comparison,
    "Correction": lambda: next(iter(qsp.CORRECTIONS.values())),
    "Estimate": lambda: qsp.Estimate(1 / 3, 0.1, (0.0, 1.0)),
    "Outcome": lambda: qsp.Outcome("order", True, "r grows"),
    "Prediction": lambda: qsp.Prediction("one", "all meet", "here", rate=1 / 3),
    "Predictions": lambda: qsp.predictions(_lohe(), WAVES),
    "Statement": lambda: qsp.PublishedSpinChains().figure("2d").statements[0],
    "SyncView": lambda: qsp.synchronization(_circle()),
    "Verdict": lambda: qsp.verdict(_circle()),
    # what else is found
    "AttentionCertificate": lambda: _attention("gap"),
    "Basin": lambda: qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), 4, ntraj=5, seed=1),
    "Chimera": lambda: chimera_state(0.2, 0.05)[0],
    "CirculantState": lambda: densest_circulant(20),
    "ClusterState": lambda: qsp.polygon_state(qsp.sine(), 3),
    "Criterion": lambda: qsp.synchronization_criterion(qsp.attention(5.0)),
    "DoubletReport": lambda: qsp.SpinChains(
        n=(2, 2), g=(0.5, 0.5), central_chain=qsp.CentralChain(spins=3)
    ).doublet(),
    "Eigenmodes": lambda: qsp.eigenmodes(_driven(), 2, cutoff=6),
    "EntrainmentCurve": _curve,
    "GapProof": lambda: _attention("gap").gap_proofs[0],
    "Hydrodynamics": lambda: qsp.hydrodynamics(WAVES[0], GRID),
    "LimitCycle": lambda: qsp.limit_cycle(qsp.van_der_pol_pair(), [1.0, 1.0]),
    "LimitTorus": lambda: qsp.limit_cycle(
        qsp.van_der_pol_pair(detuning=1.5, dissipative=0.5), [1.0, 1.0]
    ),
    "LockedState": lambda: qsp.locked_state([0.5, -0.5], 2.0),
    "LyapunovExponents": lambda: qsp.lyapunov_exponents(_laser(), [1.0], 5.0),
    "MomentState": lambda: qsp.steadystate(_driven(), closure="cumulants"),
    "PairHydrodynamics": lambda: qsp.pair_hydrodynamics(*WAVES, GRID),
    "Peak": lambda: _spectrum().peaks[0],
    "PublishedFigure": lambda: qsp.PublishedSpinChains().figure("2d"),
    "SampledCorrelation": _sampled_correlation,
    "SampledSpectrum": _sampled,
    "Spectrum": _spectrum,
    "Stability": lambda: qsp.stability(qsp.Circle(qsp.sine(), "mean"), [0.0, 0.1, 0.0]),
    "SynchronizationCertificate": lambda: qsp.certify_synchronization(qsp.fourier([1.0, 0.2])),
    "StableState": lambda: qsp.find_stable_states(qsp.Circle(qsp.sine()), 3, trials=3, seed=1)[0],
    "Symmetries": lambda: qsp.van_der_pol_pair().symmetries,
    "SynchronizedLimit": lambda: qsp.synchronized_limit(_lohe(), WAVES),
    "ThreeClusterRange": lambda: qsp.three_cluster_range(-5.0),
    "WignerMatrix": lambda: qsp.wlsolve(_wigner(), WAVES, TIMES).matrix(-1),
}


def _atoms():
    """An ensemble that is held atom by atom: more tensor factors than nodes."""
    (A,) = qsp.atoms(3)
    return qsp.System(A.z + 0.2 * (A.p + A.m), [0.3 * A.each.m])


def _ensemble():
    (A,) = qsp.atoms(8)
    return qsp.System(0.1 * A.z + 0.2 * (A.p + A.m), [A.m, 1.1 * A.each.p])


def _orbit():
    (b,) = qsp.modes(1)
    drive = b.dag() * b + 0.4 * (b + b.dag())
    return qsp.limit_cycle(qsp.System(drive, [b.dag(), 0.3 * b**2]), [1.0])


def _spectrum_of_atoms():
    system = _atoms()
    return qsp.spectrum(system, system.nodes[0].m, np.linspace(-2, 2, 5))


#: other objects of these classes
MORE: dict[str, Callable[[], Any]] = {
    "exact run of atoms": lambda: qsp.exactsolve(_atoms(), [[0, 0, -1]], TIMES),
    "trajectories of atoms": lambda: qsp.exactsolve(
        _atoms(), [[0, 0, -1]], TIMES, options={"method": "trajectories", "ntraj": 3, "seed": 1}
    ),
    "atoms by their moments": lambda: qsp.exactsolve(
        qsp.System(qsp.atoms(12)[0].z, []), [[0, 0.6, 0.8]], TIMES
    ),
    "mean alone": lambda: qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], TIMES, closure="none"),
    "cumulants of atoms": lambda: qsp.mfsolve(
        qsp.superradiant_lasers(50), [[0, 0.6, -0.8]] * 2, TIMES, closure="cumulants"
    ),
    "spectrum of atoms": _spectrum_of_atoms,
    "view of a mean field": lambda: qsp.synchronization(_mean()),
    "view of an exact run": lambda: qsp.synchronization(_exact(store_states=True)),
    "view of a network": lambda: qsp.synchronization(
        qsp.circlesolve(
            qsp.Circle(qsp.sine(), adjacency=np.eye(3, k=1) + np.eye(3, k=-1) * [1, 0, 0]),
            [0.0, 1.0, 2.5],
            TIMES,
        )
    ),
    "view of a state": lambda: qsp.synchronization(qutip.fock_dm(4, 1)),
    "view of Möbius maps": lambda: qsp.synchronization(_moebius()),
    "view of waves": lambda: qsp.synchronization(qsp.slsolve(_lohe(), WAVES, TIMES)),
    "view of Wigner functions": lambda: qsp.synchronization(qsp.wlsolve(_wigner(), WAVES, TIMES)),
    "view of spins": lambda: qsp.synchronization(qsp.mfsolve(_chains(), [0.5, 0.3j], TIMES)),
    "view of samples": lambda: qsp.synchronization(_twa()),
    "view of a pair": lambda: qsp.synchronization(_circle()).pair(0, 2).at(slice(3, 9)),
    "verdict of a mean field": lambda: qsp.verdict(
        qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], LONG)
    ),
    "attention by ratios": lambda: _attention("ratio"),
    "steady state of atoms": lambda: qsp.steadystate(_ensemble()),
    "modes of atoms": lambda: qsp.eigenmodes(_ensemble(), 2),
    "phase of atoms": lambda: qsp.measures.collective_phase(qsp.steadystate(_ensemble())),
    "view of an orbit": lambda: qsp.synchronization(_orbit()),
    "verdict of an orbit": lambda: qsp.verdict(_orbit()),
    "not certified": lambda: qsp.certify_synchronization(qsp.fourier([1.0, 0.0, 0.2])),
    "outcome of a prediction": lambda: qsp.predictions(_lohe(), WAVES).check(
        qsp.slsolve(_lohe(), WAVES, TIMES)
    )[0],
    "Wigner functions as arrays": lambda: (
        qsp.WignerLoheSolver(_wigner(), options={"method": "direct", "rtol": 1e-4})
        .run(WAVES, [0.0, 0.1])
        .matrix(-1)
    ),
}


def reason(name: str) -> str | None:
    """Why files do not hold an object of a public class; None if they should."""
    kind = getattr(qsp, name)
    if issubclass(kind, (BaseException, Warning)):
        return "an error"
    if issubclass(kind, Solver):
        return "a solver: its model and its result are saved, and its checkpoints"
    if issubclass(kind, enum.Enum):
        return "a word: part of what it belongs to"
    return {
        "Expression": "an operator: part of its System",
        "LockingRegime": "a tuple of two words and a number",
    }.get(name)
