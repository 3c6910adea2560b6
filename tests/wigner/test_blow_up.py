"""Correlations that no states have: when they become infinite, by every method."""

from functools import cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qsyncplug import BlowUpError
from qsyncplug.core import Grid
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve

GRID = Grid(64, 16.0)
PSI = GRID.gaussian()


@cache
def pole(z0, forces, levels=14, big=3e3):
    """T* of blocks ρ_ij=z_ij|0⟩⟨0| in traps x²/2+f_i x, from their own equations in a Fock basis;
    good to big⁻².
    """
    a = np.diag(np.sqrt(np.arange(1, levels)), 1)
    h = [np.diag(np.arange(levels) + 0.5) + f * (a + a.T) / np.sqrt(2) for f in forces]
    rho = np.zeros((2, 2, levels, levels), complex)
    rho[:, :, 0, 0] = z0

    def traces(y):
        return np.einsum("ijaa->ij", y.reshape(rho.shape))

    def rhs(t, y):
        r, z = y.reshape(rho.shape), traces(y)
        rows, columns, m = z.sum(1), z.sum(0), np.diag(z)
        out = np.empty_like(r)
        for i in range(2):
            for j in range(2):
                pull = r[:, j].sum(0) + r[i].sum(0) - (rows[i] / m[i] + columns[j] / m[j]) * r[i, j]
                out[i, j] = -1j * (h[i] @ r[i, j] - r[i, j] @ h[j]) + pull / 4
        return out.ravel()

    def grown(t, y):
        return np.max(np.abs(traces(y))) - big

    grown.terminal = True
    run = solve_ivp(rhs, (0, 5), rho.ravel(), method="DOP853", rtol=1e-11, atol=1e-11, events=grown)
    t, y = run.t[-1], run.y[:, -1]
    z, change = traces(y), traces(rhs(t, y))
    k = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    return t + (z[k] / change[k]).real


@pytest.mark.parametrize("method", ["auto", "splitting", "direct"])
def test_unequal_masses(method):
    z0 = np.array([[1.0, -0.3], [-0.3, 0.01]])
    with pytest.raises(BlowUpError) as caught:
        wlsolve(
            WignerLohe(GRID, lambda x: x**2 / 2),
            z0[:, :, None, None] * np.outer(PSI, PSI),
            [0, 1.0],
            options={"allow_unphysical": True, "method": method, "time_limit": 60},
        )
    assert abs(caught.value.time - pole(((1.0, -0.3), (-0.3, 0.01)), (0.0, 0.0))) < 1e-6


@pytest.mark.parametrize("z0", [((1, -2), (-2, 1)), ((1, -2), (-0.5, 1))])
@pytest.mark.parametrize("arrays", [True, False])
@pytest.mark.parametrize(
    ("forces", "method"),
    [
        (0.0, "auto"),
        (0.0, "splitting"),
        (0.0, "direct"),
        (0.3, "auto"),
        (0.3, "s6"),
        (0.3, "direct"),
    ],
)
def test_every_method_stops_at_the_pole(z0, arrays, forces, method):
    z = np.array(z0)[:, :, None, None]
    potential = (
        [lambda x: x**2 / 2 + forces * x, lambda x: x**2 / 2 - forces * x]
        if forces
        else (lambda x: x**2 / 2)
    )
    # a shorter box where all is stepped in phase space
    grid = Grid(48, 14.0) if method == "direct" and forces else GRID
    psi = grid.gaussian()
    one = wigner_transform(psi, grid=grid) if arrays else np.outer(psi, psi)
    options = {"allow_unphysical": True, "allow_non_hermitian": True, "method": method}
    if method == "s6":
        options["step"] = 0.02
    if grid is not GRID:
        options["rtol"] = 1e-8
    with pytest.raises(BlowUpError) as caught:
        wlsolve(WignerLohe(grid, potential), z * one, [0, 0.5, 1.0, 2.0], options=options)
    exact = pole(z0, (forces, -forces)) if forces else np.log(3)
    tolerance = 1e-11 if not forces else 1e-6 if method == "s6" else 1e-7
    assert abs(caught.value.time - exact) < tolerance
    assert caught.value.result.times.tolist() == [0, 0.5, 1.0]
    assert f"t={exact:.9f}"[:7] in str(caught.value) and caught.value.reason == "blow-up"
