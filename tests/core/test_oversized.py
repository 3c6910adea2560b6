"""Requests that do not fit are refused with an estimate, and before the memory is filled.

The machine is made small: every request here would fit into none of a twentieth of a gigabyte.
"""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.circle import lorentz_order_parameter
from qsyncplug.core import checks
from qsyncplug.core.errors import MemoryLimitError

FREE = 5 * 10**7
TIMES = np.linspace(0, 1, 11)
MANY = np.broadcast_to(1.0, (10**7,))
SQUARE = np.broadcast_to(1.0, (3000, 3000))
SINE = qsp.Circle(qsp.sine(), "mean")
GRID = qsp.Grid(48, 16.0)


def _ring(n):
    return qsp.van_der_pol_ring(n)


def _particles(n=3000):
    return qsp.circlesolve(SINE, np.linspace(0, 3, n), TIMES)


def _spins():
    S, R = qsp.spins(700, 700)
    return qsp.System(S.z + S.p * R.m + R.p * S.m, [S.m])


def _laser():
    (b,) = qsp.modes(1)
    return qsp.System(b.dag() * b, [b.dag(), 2 * b])


def _atoms(n):
    (A,) = qsp.atoms(n)
    return qsp.System(0.1 * A.z + A.p + A.m, [A.m, A.each.p])


def _free(n):
    b = qsp.modes(n)
    H = sum((1 + 0.01 * k) * x.dag() * x for k, x in enumerate(b))
    return qsp.System(H, [j for x in b for j in (x.dag(), 0.3 * x**2)])


def _waves(n):
    return np.repeat(GRID.gaussian(0.1)[None], n, axis=0)


def _lohe():
    return qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, lambda x: x**2 / 2))


def _pair(detuning):
    return qsp.van_der_pol_pair(detuning=detuning)


POINTS = np.linspace(0, 1, 1000)
SPIN = qutip.spin_coherent(50, 1.0, 1.0)

REQUESTS = {
    "limit cycle": lambda: qsp.limit_cycle(_ring(400), np.ones(400)),
    "Gaussian closure": lambda: qsp.mfsolve(_ring(200), np.ones(200), TIMES, closure="gaussian"),
    "mean field of many modes": lambda: qsp.mfsolve(_ring(400), np.ones(400), TIMES),
    "Lyapunov exponents": lambda: qsp.lyapunov_exponents(_ring(400), np.ones(400), 5.0),
    "mean field at many times": lambda: qsp.mfsolve(_ring(2), [1, 1], np.arange(1e6)),
    "samples at many times": lambda: qsp.twasolve(_ring(2), [1, 1], np.arange(1e6), ntraj=9),
    "levels": lambda: qsp.exactsolve(_ring(2), [1, 1], TIMES, cutoff=10**5),
    "moments of spins": lambda: qsp.exactsolve(_spins(), [[0, 0, 1]] * 2, TIMES),
    "steady state": lambda: qsp.steadystate(_ring(2), cutoff=300),
    "eigenmodes": lambda: qsp.eigenmodes(_ring(2), 3, cutoff=100),
    "modes of atoms": lambda: qsp.eigenmodes(_atoms(300), 3),
    "orders of many levels": lambda: qsp.eigenmodes(_laser(), 3, cutoff=10**5),
    "levels of a laser": lambda: qsp.steadystate(_laser(), cutoff=10**6),
    "phases of free modes": lambda: qsp.limit_cycle(_free(100), np.ones(100)),
    "basin": lambda: qsp.basin_of_synchronization(SINE, 10**9, ntraj=2),
    "phase of atoms": lambda: qsp.measures.collective_phase(qutip.basis([2] * 20, [0] * 20)),
    "spectrum": lambda: qsp.spectrum(_laser(), _laser().operators[0], MANY, cutoff=8),
    "delays": lambda: qsp.correlation((s := _laser()), s.operators[0], np.arange(2e6), cutoff=8),
    "matrices": lambda: _ring(6).qutip(9),
    "many spins as matrices": lambda: qsp.central_spin_star([1] * 1500).qutip(),
    "symbols": lambda: qsp.spins(*[1] * 10**6),
    "modes": lambda: qsp.modes(10**9),
    "fields": lambda: qsp.Grid((400, 400, 400), (1.0, 1.0, 1.0)).gaussian((0.0, 0.0, 0.0)),
    "potentials": lambda: qsp.GridHamiltonian(
        qsp.Grid((400, 400, 400), (1.0, 1.0, 1.0)), lambda x, y, z: x + y + z
    ),
    "Wigner functions": lambda: qsp.wigner_transform(
        np.ones(4000) / 4000**0.5, grid=qsp.Grid(4000)
    ),
    "QuTiP's Wigner function": lambda: qsp.qutip_wigner(qutip.basis(3, 1), POINTS, POINTS),
    "waves": lambda: qsp.slsolve(_lohe(), _waves(5000), np.linspace(0, 1, 3)).gram,
    "wave functions at many times": lambda: qsp.slsolve(
        _lohe(), _waves(2), np.arange(1e6), options={"store_states": True}
    ),
    "wedge": lambda: qsp.wedge_counterexample(10**4),
    "particles": lambda: qsp.circlesolve(SINE, MANY, TIMES),
    "particles that merge": lambda: qsp.coalesce(SINE, MANY),
    "lags": lambda: qsp.Circle(qsp.sine(), "mean", phase_lag=SQUARE),
    "weights of a graph": lambda: qsp.Circle(qsp.sine(), "mean", adjacency=SQUARE),
    "populations": lambda: qsp.Populations([1] * 3000, coupling=SQUARE),
    "rotations": lambda: qsp.Sphere(1.0, rotations=np.broadcast_to(0.0, (1000, 100, 100))),
    "stable states": lambda: qsp.find_stable_states(SINE, 3000, trials=2),
    "stability": lambda: qsp.stability(SINE, np.linspace(0, 3, 3000)),
    "Möbius maps": lambda: qsp.wssolve(SINE, np.linspace(0, 3, 99), np.arange(1e6)),
    "sizes of clusters": lambda: qsp.three_cluster_sizes(-5.0, 10**8),
    "closed form": lambda: lorentz_order_parameter(np.zeros(2**21), 0.1, 3.0, 1.0),
    "coherences of all pairs": lambda: qsp.measures.coherence(_particles()),
    "locking of all pairs": lambda: qsp.measures.phase_locking(_particles()),
    "Pearson of all pairs": lambda: qsp.measures.pearson_window(_particles()),
    "correlations of all pairs": lambda: qsp.synchronization(_particles()).correlations,
    "Husimi function": lambda: qsp.spin_husimi(SPIN, POINTS[:, None], POINTS),
    "phase of a spin": lambda: qsp.spin_phase(SPIN, np.zeros(10**6)),
    "large spin": lambda: qsp.spin_phase_moments(qutip.basis(3000, 0)),
    "product state": lambda: qsp.SpinChains((3000, 3000)).product_state(),
    "large states": lambda: qsp.synchronization([qutip.fock_dm([2] * 11, [0] * 11)]),
    "points": lambda: qsp.sweep(_pair, {"detuning": np.linspace(0, 1, 10**6)}),
    "seeds": lambda: qsp.sweep(_pair, {"detuning": [0.0]}, seeds=10**8),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REQUESTS)
def test_it_is_refused_with_an_estimate(name, monkeypatch):
    monkeypatch.setattr(checks, "_measure_memory", lambda: FREE)
    monkeypatch.setattr(checks, "_last_look", (-1.0, 0))
    with pytest.raises(MemoryLimitError, match=r"needs about .* GiB and 0\.05 GiB are free") as e:
        REQUESTS[name]()
    assert e.value.required > e.value.available == FREE


def test_estimates_beyond_floats_are_told():
    with pytest.raises(MemoryLimitError, match=r"a thing needs about 1\.0e\+\d+ GiB"):
        checks.check_memory("a thing", float("inf"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: qsp.basin_of_synchronization(SINE, 3, ntraj=10**12),
        lambda: qsp.find_stable_states(SINE, 3, trials=10**12),
        lambda: qsp.levels(10**6),
        lambda: qsp.plot_trajectories(_particles(9), particles=10**9),
    ],
)
def test_numbers_that_no_machine_works_off_are_refused(call):
    with pytest.raises(ValueError, match=r"must be at most 10+, not 10+"):
        call()


def test_more_frames_than_outputs_are_no_more_frames():
    _, animation = qsp.anim_circle(_particles(5), frames=10**9)
    assert list(animation._iter_gen()) == list(range(len(TIMES)))
    animation._draw_was_started = True


def test_operators_of_many_levels_are_estimated_before_they_are_built(monkeypatch):
    """The moments alone would fit."""
    S, R = qsp.spins(330, 330)
    system = qsp.System(S.z + S.p * R.m + R.p * S.m, [S.m])
    monkeypatch.setattr(checks, "_measure_memory", lambda: FREE)
    monkeypatch.setattr(checks, "_last_look", (-1.0, 0))
    monkeypatch.setattr(type(system), "qutip", lambda *_, **__: pytest.fail("built"))
    with pytest.raises(MemoryLimitError, match=r"exactsolve with 1\.1e\+05 levels"):
        qsp.exactsolve(system, [[0, 0, 1]] * 2, TIMES)
