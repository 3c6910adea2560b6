"""The reduction in two and three dimensions, its invariants, its compiled equations."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from lohe_reference import gram, lines
from numpy.testing import assert_allclose

from qsyncplug import (
    GridHamiltonian,
    SchrodingerLohe,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning", "ignore::qsyncplug.AliasingWarning"
)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 2**31),
    st.sampled_from(["standard", "model1", "model2"]),
)
def test_invariants(n, dim, seed, variant):
    """Norms of the standard model, mean θ, |z|≤1, and covariance under a common unitary."""
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=(n, dim)) + 1j * rng.normal(size=(n, dim))
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    h = qutip.Qobj(np.diag(rng.normal(size=dim)))
    u = qutip.rand_unitary(dim, seed=seed % 1000).full()
    kw = {}
    if variant == "model2":
        theta = rng.uniform(0.5, 1.5, n)
        kw = dict(theta=theta / theta.mean(), alignment=0.4)
    model = SchrodingerLohe(
        h, coupling=rng.uniform(0.1, 2), variant=variant, frequencies=rng.normal(size=n), **kw
    )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = slsolve(model, psi, [0.0, 0.7, 1.5])
        turned = slsolve(model, psi @ u.T, [0.0, 0.7, 1.5])
    if variant != "model2":
        assert_allclose(result.masses, 1.0, atol=1e-10)
    assert_allclose(result.theta.mean(axis=1), 1.0, atol=1e-12)
    assert np.all(np.abs(result.correlations) <= 1 + 1e-12)
    # the coupling commutes with a common unitary, so the Gram matrices agree
    assert_allclose(turned.gram, result.gram, atol=1e-10)


def test_the_compiled_equations_with_a_metric(rng):
    """Vector-valued states with weights ±1: the right-hand side with the indefinite metric of the
    reduced basis.
    """
    from qsyncplug._ext.lohe import LoheRightHandSide

    from qsyncplug.waves.factors import factorize_blocks

    n, blocks, m = 4, 3, 6
    signs, weight = np.array([1.0, -1.0, 1.0]), 0.3
    psi = rng.normal(size=(n, blocks, m)) + 1j * rng.normal(size=(n, blocks, m))
    x, q, metric = factorize_blocks(psi, signs, weight)
    assert_allclose(np.einsum("jr,ram->jam", x, q), psi, atol=1e-12)
    gram = np.einsum("a,jam,kam->jk", signs, psi.conj(), psi) * weight
    assert_allclose(x.conj() @ metric @ x.T, gram, atol=1e-12)
    assert np.linalg.eigvalsh(metric).min() < -0.1
    theta = rng.uniform(0.5, 1.5, n)
    rhs = LoheRightHandSide(
        n,
        x.shape[1],
        1.2,
        False,
        theta,
        metric=metric,
        frequencies=np.arange(n),
        factor=np.exp(0.3j),
    )
    out = rhs(0.0, x.ravel()).reshape(x.shape)
    # in the frame that turns with the mean frequency, here zero by the default frame
    zeta = np.exp(0.3j) * psi.mean(axis=0)
    s = np.einsum("a,am,jam->j", signs, zeta.conj(), psi) * weight
    exact = (
        0.6 * (theta[:, None, None] * zeta - s[:, None, None] * psi)
        - 1j * np.arange(n)[:, None, None] * psi
    )
    assert_allclose(np.einsum("jr,ram->jam", out, q), exact, atol=1e-12)


def test_three_dimensions():
    """Uncoupled coherent states in closed form, and the coupled run against the splitting, on 16³
    points.
    """
    grid = Grid((16, 16, 16), 11.0)
    h = GridHamiltonian(grid, lambda x, y, z: 0.5 * (x**2 + y**2 + z**2))
    start = [(0.4, 0.0, -0.3), (-0.2, 0.5, 0.1)]
    psi = [grid.gaussian(c) for c in start]
    t = np.array([0.0, 0.8])
    free = slsolve(SchrodingerLohe(h, 0.0), psi, t)
    assert_allclose(free.centres[1], np.cos(0.8) * np.array(start), atol=1e-6)
    model = SchrodingerLohe(
        h, 1.0, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=heavy_tail_kernel()
    )
    a = slsolve(model, psi, t)
    b = slsolve(
        model,
        psi,
        t,
        options={"method": "splitting", "store_states": True, "rtol": 1e-10, "atol": 1e-12},
    )
    assert_allclose(a.gram, b.gram, atol=1e-7)
    assert_allclose(a.centres, b.centres, atol=1e-6)
    assert_allclose(a.states[1], b.states[1], atol=1e-6)
    assert_allclose(a.zeta(1), a.states[1].mean(axis=0), atol=1e-14)


def test_anharmonic_potential_in_two_dimensions():
    """No closed form and no diagonalisation: the positions are interpolated in time from a stepped
    basis.
    """
    grid = Grid((32, 32), 11.0)
    h = GridHamiltonian(grid, lambda x, y: 0.5 * (x**2 + 1.4 * y**2) + 0.05 * x**2 * y**2)
    psi = np.array([grid.gaussian((0.5, -0.3)), 0.9 * grid.gaussian((-0.4, 0.2), (0.2, 0.0))])
    kernel = heavy_tail_kernel()
    model = SchrodingerLohe(h, 1.0, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=kernel)
    t = np.array([0.0, 0.6, 1.5])
    result = slsolve(model, psi, t)
    exact, theta = lines(
        psi,
        t,
        k=1.0,
        kinetic=grid.kinetic,
        potentials=np.broadcast_to(h.values, psi.shape),
        weight=grid.weight,
        variant="model2",
        theta=[1.2, 0.8],
        mu=1.0,
        h=kernel,
        positions=[np.broadcast_to(x, grid.shape) for x in grid.mesh],
        rtol=1e-10,
        atol=1e-12,
    )
    assert_allclose(result.theta, theta, atol=1e-9)
    assert_allclose(result.gram, gram(exact, grid.weight), atol=1e-9)
    assert_allclose(result.states[2], exact[2], atol=1e-8)
    assert_allclose(result.states[0], psi, atol=1e-12)
