"""Isometries between the representations, and the expansions of the square root."""

import itertools

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st

from qsyncplug import SpinChains
from qsyncplug.models.chains.representations import dicke_isometry
from qsyncplug.operators.transform import root_coefficients


def holstein_primakoff(n, order=None, expansion="newton"):
    """J− of one chain in the Fock basis, from what stands beside a single spin."""
    chains = SpinChains(n=(n, 1), central=False)
    representation = "bosons" if order is None else "series"
    return chains.lowering(1, representation, order, expansion=expansion).full()[::2, ::2]


@given(n=st.integers(1, 40))
def test_the_spin_algebra(n):
    jm = holstein_primakoff(n)
    jp, jz = jm.conj().T, np.diag(np.arange(n + 1) - n / 2)
    assert np.abs(jp @ jm - jm @ jp - 2 * jz).max() < 1e-11
    casimir = 0.5 * (jp @ jm + jm @ jp) + jz @ jz
    assert np.abs(casimir - n / 2 * (n / 2 + 1) * np.eye(n + 1)).max() < 1e-11


@given(n=st.integers(1, 9))
def test_symmetric_states_are_an_isometry(n):
    E = dicke_isometry(n).toarray()
    assert np.abs(E.conj().T @ E - np.eye(n + 1)).max() < 1e-13
    # collective lowering of the full space acts on them as the closed form
    lower = sum(
        qutip.tensor([qutip.sigmam() if j == k else qutip.qeye(2) for j in range(n)])
        for k in range(n)
    ).full()
    assert np.abs(E.conj().T @ lower @ E - holstein_primakoff(n)).max() < 1e-12


@pytest.mark.parametrize(
    ("order", "taylor", "newton"),
    [(1, 1.05, 0.937), (2, 0.530, 0.382), (4, 0.200, 0.048), (6, 0.092, 0.0)],
)
def test_element_errors_of_the_series(order, taylor, newton):
    exact = holstein_primakoff(6)
    for expansion, wanted in (("taylor", taylor), ("newton", newton)):
        error = np.abs(holstein_primakoff(6, order, expansion) - exact).max()
        assert abs(error - wanted) < (6e-4 if wanted else 2e-14)


@pytest.mark.parametrize("n", [4, 11, 60])
def test_series_coefficients_in_high_precision(n):
    with mpmath.workdps(80):
        for order in (1, 5, 20):
            taylor = [
                mpmath.binomial(mpmath.mpf(1) / 2, k) * mpmath.mpf(-1) ** k / mpmath.mpf(n) ** k
                for k in range(order + 1)
            ]
            assert np.allclose(
                root_coefficients(n, order, "taylor"),
                [float(c) for c in taylor],
                rtol=1e-13,
                atol=0,
            )
    # Newton's interpolates: exact for m ≤ K
    order = min(n, 20)
    c = root_coefficients(n, order, "newton")
    for m in range(order + 1):
        value = mpmath.fsum(mpmath.mpf(x) * mpmath.ff(m, k) for k, x in enumerate(c))
        assert abs(value - mpmath.sqrt(1 - mpmath.mpf(m) / n)) < 1e-12


def test_the_series_converges_to_the_exact_model():
    chains = SpinChains(n=(5, 4), loss=0.1)
    exact = chains.hamiltonian("bosons").full()
    # J− uses the root at n ≤ N−1 alone, so order 4 is exact for five spins
    errors = [
        np.abs(chains.hamiltonian("series", order=k).full() - exact).max() for k in (1, 2, 3, 4)
    ]
    assert all(b < a for a, b in itertools.pairwise(errors))
    assert errors[-1] < 1e-13
    taylor = [
        np.abs(chains.hamiltonian("series", order=k, expansion="taylor").full() - exact).max()
        for k in (1, 4)
    ]
    assert taylor[1] < taylor[0]
    assert taylor[1] > 0.05  # the branch point at n=N: no fast convergence
    # on more levels than a spin has, the series goes on where the root does not
    assert chains.hamiltonian("series", order=2, levels=(9, 9)).dims[0] == [2, 9, 9]


def test_embedding_and_projecting():
    chains = SpinChains(n=(3, 2))
    rng = np.random.default_rng(1)
    psi = qutip.Qobj(
        rng.standard_normal(24) + 1j * rng.standard_normal(24), dims=[[2, 4, 3], [1, 1, 1]]
    ).unit()
    for target in ("bosons", "spins"):
        there = chains.embed(psi, "collective", target)
        assert abs(there.norm() - 1) < 1e-13
        assert (chains.project(there, target, "collective") - psi).norm() < 1e-13
        rho = chains.embed(qutip.ket2dm(psi), "collective", target)
        assert (rho - qutip.ket2dm(there)).norm() < 1e-13
    # what is antisymmetric is lost by projection
    singlet = (
        qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 1))
        - qutip.tensor(qutip.basis(2, 1), qutip.basis(2, 0))
    ).unit()
    state = qutip.tensor(
        qutip.basis(2, 1), qutip.basis(2, 0), qutip.basis(2, 0), qutip.basis(2, 0), singlet
    )
    assert chains.project(state).norm() < 1e-14
    with pytest.raises(ValueError, match="no isometry"):
        chains.isometry("spins", "collective")
    with pytest.raises(ValueError, match="project"):
        chains.embed(state, "spins", "collective")
