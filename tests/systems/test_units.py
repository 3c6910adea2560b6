"""Rates times u and times over u: the same run in another unit of time, the same numbers."""

import functools

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.waves.locking import locked_phases

TIMES = np.linspace(0, 1, 21)
UNITS = st.floats(-9, 9).map(lambda x: 10.0**x)
RNG = np.random.default_rng(0)
PSI = RNG.normal(size=(3, 4)) + 1j * RNG.normal(size=(3, 4)) + 1
PSI /= np.linalg.norm(PSI, axis=1)[:, None]
MATRICES = [RNG.normal(size=(4, 4)) for _ in range(3)]
HAMILTONIANS = [qutip.Qobj(m + m.T) for m in MATRICES]
TURN = np.array([0.1, -0.2, 0.1])


def pair(u):
    return qsp.van_der_pol_pair(gain=u, loss=2 * u, detuning=0.5 * u, dissipative=u)


def waves(u, hamiltonians=None, coupling=1.5, **kw):
    h = HAMILTONIANS[0] * u if hamiltonians is None else [h * u for h in hamiltonians]
    return qsp.SchrodingerLohe(h, coupling * u, frequencies=TURN * u, **kw)


def lost(u, method):
    """When one of two parallel oscillators vanishes, in units of u."""
    model = qsp.SchrodingerLohe(
        HAMILTONIANS[0] * u, u, "model1", theta=[1.5, 0.5], alignment=0.5 * u
    )
    with pytest.raises(qsp.NonUniquenessError) as caught:
        qsp.slsolve(model, [PSI[0], 0.3 * PSI[0]], 10 * TIMES / u, options={"method": method})
    exact = -np.log(1 - 4 * 0.5 * 0.3 / (1.3 * 0.5)) / 0.5
    assert abs(caught.value.time * u - exact) < 1e-9
    return caught.value.time * u


def grid(u):
    """Lengths over the root of u: the kinetic energy is in the new unit too."""
    root = u**0.5
    box = qsp.Grid(points=64, length=16.0 / root)
    return box, root, [box.gaussian(x / root, width=1 / root) for x in (1.0, -0.5)]


def wigner(u, method):
    box, root, starts = grid(u)
    wells = [lambda x: u * (x * root) ** 2 / 2, lambda x: u * (x * root - 0.3) ** 2 / 2]
    model = qsp.WignerLohe(box, wells if method == "direct" else wells[0], coupling=2 * u)
    return qsp.wlsolve(model, starts, 0.3 * TIMES / u, options={"method": method}).correlations


def on_a_grid(u):
    box, root, starts = grid(u)
    wells = [
        qsp.GridHamiltonian(box, lambda x: u * (x * root) ** 2 / 2),
        qsp.GridHamiltonian(box, lambda x: u * ((x * root - 0.3) ** 2 / 2 + (x * root) ** 4 / 100)),
    ]
    return qsp.slsolve(qsp.SchrodingerLohe(wells, 1.5 * u), starts, 2 * TIMES / u).gram


def circle(u, options=None, **kw):
    model = qsp.Circle(
        qsp.sine(), "mean", coupling=1.3 * u, frequencies=np.array([0.1, -0.2, 0.3, 0.0]) * u, **kw
    )
    start = [0.0, 1.0, 2.0, 3.0]
    return qsp.circlesolve(model, start, 10 * TIMES / u, options=options).positions


def chains(u):
    return qsp.SpinChains(
        n=(4, 4),
        g=(1.5 * u, 2.4 * u),
        omega0=0.7 * u,
        omega=(u, 0.8 * u),
        exchange=0.2,
        loss=0.1 * u,
    )


def cycle(u):
    found = qsp.limit_cycle(
        qsp.van_der_pol_pair(gain=u, loss=0.5 * u, detuning=0.3 * u, dissipative=u), [1, 1j]
    )
    return np.array([found.frequency, found.phase_diffusion]) / u


def locked(u):
    state = locked_phases(np.full((3, 3), 0.5 * u), np.array([0.3, 0.1, -0.3]) * u)
    return np.append(state.phases, [state.frequency / u, state.rate / u])


RUNS = {
    "mean field": lambda u: qsp.mfsolve(pair(u), [1, 1j], 10 * TIMES / u).covariance,
    "Gaussian": lambda u: (
        qsp.mfsolve(pair(u), [1, 1j], 9 * TIMES / u, closure="gaussian").covariance
    ),
    "classical": lambda u: qsp.mfsolve(pair(u), [1, 1j], 9 * TIMES / u, closure="none").amplitudes,
    "cumulants": lambda u: (
        qsp.mfsolve(pair(u), [1, 1j], 9 * TIMES / u, closure="cumulants").amplitudes
    ),
    "exact": lambda u: qsp.exactsolve(pair(u), [0.3, 0.3j], 3 * TIMES / u, cutoff=14).mean,
    "steady state": lambda u: qsp.steadystate(pair(u), cutoff=6).full(),
    "truncated Wigner": lambda u: (
        qsp.twasolve(pair(u), [1, 1j], 5 * TIMES / u, ntraj=20, seed=1).amplitudes
    ),
    "limit cycle": cycle,
    "chains, mean field": lambda u: (
        qsp.mfsolve(chains(u), chains(u).product_state(excitation=(0.3, 0.2)), 3 * TIMES / u).mean
    ),
    "chains, samples": lambda u: (
        qsp.dtwasolve(
            chains(u),
            chains(u).product_state(excitation=(0.3, 0.2)),
            3 * TIMES / u,
            ntraj=9,
            seed=1,
        ).spins
    ),
    "Schrödinger–Lohe": lambda u: qsp.slsolve(waves(u), PSI, 6 * TIMES / u).gram,
    "splitting": lambda u: qsp.slsolve(waves(u, HAMILTONIANS), PSI, 3 * TIMES / u).gram,
    "on a grid": on_a_grid,
    "an oscillator that vanishes": lambda u: lost(u, "auto"),
    "a splitting that loses one": lambda u: lost(u, "splitting"),
    "paths": lambda u: (
        qsp.sltrajectories(
            waves(u), PSI, 3 * TIMES / u, 0.1 * u**0.5, ntraj=3, seed=1, options={"step": 0.02 / u}
        ).gram
    ),
    "locked phases": locked,
    "Wigner–Lohe": lambda u: wigner(u, "auto"),
    "Wigner–Lohe, direct": lambda u: wigner(u, "direct"),
    "circle": circle,
    "circle, noise": lambda u: circle(u, {"seed": 1, "step": 0.02 / u}, noise=0.1 * u),
    "circle, inertia": lambda u: circle(u, inertia=0.7 / u),
    "circle, delay": lambda u: circle(u, delay=0.3 / u),
    "Ott–Antonsen": lambda u: (
        qsp.oasolve(qsp.OttAntonsen(3.0 * u, 0.5 * u), 0.1, 9 * TIMES / u).modes
    ),
    "sphere": lambda u: qsp.spheresolve(qsp.Sphere(coupling=u), np.eye(3), 9 * TIMES / u).points,
}


@functools.cache
def here(name):
    return np.asarray(RUNS[name](1.0))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RUNS)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(u=UNITS)
def test_numbers_do_not_depend_on_the_unit_of_time(name, u):
    there = np.asarray(RUNS[name](u))
    assert there.shape == here(name).shape
    assert np.abs(there - here(name)).max() < 1e-10 * (1 + np.abs(here(name)).max())
