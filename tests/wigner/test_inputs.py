"""Masked arrays, strings and the like are refused before any work, by every function."""

import numpy as np
import pytest

import qsyncplug as qsp
import qsyncplug.wigner as wigner
from qsyncplug.published import PublishedSolver, PublishedSpinChains

GRID = qsp.Grid(16, 8.0)
PSI = GRID.gaussian()
SPACE = wigner.PhaseSpace(GRID)
W = np.exp(-(SPACE.x[:, None] ** 2) - SPACE.p**2) / np.pi
MODEL = wigner.WignerLohe(GRID)


def masked(a):
    return np.ma.masked_array(a, mask=np.abs(a) > 0.5 * np.max(np.abs(a)))


CALLS = {
    "kets": lambda: wigner.wlsolve(MODEL, masked(np.array([PSI, PSI])), [0, 1]),
    "a list of kets": lambda: wigner.wlsolve(MODEL, [masked(PSI), PSI], [0, 1]),
    "an ensemble": lambda: wigner.wlsolve(MODEL, [(1.0, [masked(PSI), PSI])], [0, 1]),
    "a potential": lambda: wigner.WignerLohe(GRID, masked(np.arange(16.0))),
    "frequencies": lambda: wigner.WignerLohe(GRID, 0.0, 1.0, masked(np.array([1.0, 2.0]))),
    "a transform": lambda: wigner.wigner_transform(masked(PSI), grid=GRID),
    "an inverse": lambda: wigner.inverse_wigner_transform(masked(W), SPACE),
    "fields": lambda: wigner.hydrodynamics(masked(PSI), GRID),
    "a distance": lambda: wigner.h1_distance(masked(PSI), PSI, GRID),
    "negativity": lambda: wigner.negativity(masked(W), SPACE),
    "marginals": lambda: wigner.marginals(masked(W), SPACE),
    "an overlap": lambda: wigner.moyal_overlap(W, masked(W), SPACE),
    "points": lambda: wigner.interpolate(W, SPACE, masked(np.array([0.0, 1.0])), 0.0),
    "points as text": lambda: wigner.interpolate(W, SPACE, "0", 0.0),
    "diagnostics": lambda: wigner.phase_space_diagnostics(masked(W), SPACE),
    "diagnostics of states": lambda: wigner.state_diagnostics(masked(PSI), GRID),
    "states as text": lambda: wigner.state_diagnostics(["1"] * 16, GRID),
    "a correlation as text": lambda: wigner.distance_ratio("0.5", 1.0, 1.0),
    "theta": lambda: wigner.theta_operator(masked(W), SPACE, np.cos),
    "amplitudes": lambda: PublishedSpinChains().decay_law(masked(np.array([1.0, 2.0]))),
    "a model": lambda: PublishedSolver(MODEL),
    "another model": lambda: wigner.wlsolve(PublishedSpinChains(), [PSI], [0, 1]),
    "too many": lambda: wigner.wlsolve(
        wigner.WignerLohe(qsp.Grid(8, 8.0)), np.ones((10**5, 8)), [0, 1]
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_refused(name):
    with pytest.raises((TypeError, MemoryError), match=r"must|needs about"):
        CALLS[name]()


def test_misshaped():
    with pytest.raises(ValueError, match="psi must have the grid's shape"):
        wigner.state_diagnostics(PSI[:4], GRID)
    with pytest.raises(ValueError, match="beta must hold two amplitudes"):
        PublishedSpinChains().decay_law([1.0, 1.0, 1.0])
