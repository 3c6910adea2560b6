"""Points on spheres that repel each other stay on the sphere, and move as angles do."""

import numpy as np
import pytest
import scipy.integrate

import qsyncplug as qsp


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("complex_sphere", [False, True])
def test_points_stay_on_the_sphere(seed, complex_sphere):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(7, 3)) + (1j * rng.normal(size=(7, 3)) if complex_sphere else 0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    run = qsp.spheresolve(qsp.Sphere(beta=4.0, coupling=-1.0), x, np.linspace(0, 40, 5))
    assert np.abs(np.linalg.norm(run.points, axis=2) - 1).max() < 1e-6
    # repulsion spends the energy of the sum of e^{β⟨x_i,x_j⟩}
    energy = [np.exp(4 * (p @ p.conj().T).real).sum() for p in run.points]
    if not complex_sphere:
        assert np.all(np.diff(energy) < 1e-6 * energy[0])


def test_in_the_plane_the_angles_move_as_their_own_equation_says():
    angles = np.random.default_rng(1).uniform(-np.pi, np.pi, 6)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def velocity(_, a):
        difference = a[None, :] - a[:, None]
        weight = np.exp(4 * np.cos(difference))
        return -(weight * np.sin(difference)).sum(axis=1) / weight.sum(axis=1)

    right = scipy.integrate.solve_ivp(velocity, (0, 20), angles, rtol=1e-11, atol=1e-12).y[:, -1]
    model = qsp.Sphere(beta=4.0, coupling=-1.0, normalization="attention")
    run = qsp.spheresolve(model, x, [0, 20.0], options={"rtol": 1e-10, "atol": 1e-11})
    found = np.arctan2(run.points[-1, :, 1], run.points[-1, :, 0])
    assert np.abs(np.angle(np.exp(1j * (found - right)))).max() < 1e-7
