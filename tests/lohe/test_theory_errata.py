"""Where the papers on Schrödinger–Lohe err, by counterexamples."""

import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose
from theory_cases import GRID, ONE, amplitudes, g

from qsyncplug import (
    GridHamiltonian,
    SchrodingerLohe,
    predictions,
    slsolve,
    wedge_counterexample,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning",
    "ignore::qsyncplug.UnstableSetWarning",
    "ignore::qsyncplug.NormalizationWarning",
)


def test_theorem_6_1_is_false_with_alignment():
    """θ=(1.5,.75,.75), ψ=(−√1.5,√.75,√.75), h=1, μ=.5 obeys (19), and ζ→0."""
    theta = np.array([1.5, 0.75, 0.75])
    psi = amplitudes([-np.sqrt(1.5), np.sqrt(0.75), np.sqrt(0.75)])
    model = SchrodingerLohe(ONE, 1.0, "model2", theta=theta, alignment=0.5)
    assert np.all(np.abs(psi[:, 0]) ** 2 <= theta * (1 + 1e-12))
    result = slsolve(model, psi, [0, 5.0, 20.0, 60.0])
    assert result.order_parameter[0] > 0.15 and result.order_parameter[-1] < 1e-4
    found = predictions(model, psi)
    assert "Theorem 6.1 is false" in found.notes[0] and "Theorem 6.1" not in found.names


def test_lemma_5_2_as_printed_is_false():
    """θ=(1,1.5,.5), λ=(1,.99,.99): the printed bound exp(k|θ₊(0)−1|/2cμ), θ₊ of the largest mass,
    is 1; the run passes it.
    """
    psi = amplitudes([1.0, 0.99, 0.99])
    model = SchrodingerLohe(ONE, 1.0, "model1", theta=[1.0, 1.5, 0.5], alignment=1.0)
    result = slsolve(model, psi, np.linspace(0, 30, 31))
    top = np.sqrt(result.masses.max())
    assert_allclose(top, 1.238, atol=5e-4)
    assert top < np.exp(1 * 0.5 / 2)


def test_the_wedge_is_not_monotone():
    """N=8 unit masses: min Re z can fall below its start, against the key step of Theorem 5.3 and
    Proposition 6.2.
    """
    worst = 0.0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        psi = rng.normal(size=(8, 3)) + 1j * rng.normal(size=(8, 3)) + 0.8
        psi /= np.linalg.norm(psi, axis=1)[:, None]
        z0 = (psi.conj() @ psi.T).real.min()
        result = slsolve(SchrodingerLohe(qutip.qeye(3) * 0, 1.0), psi, [0, 0.05])
        worst = min(worst, result.gram[1].real.min() - z0)
    assert worst < -1e-4


def example_7(first):
    a = [-first, 0.8 * np.exp(0.5j), 0.7 * np.exp(0.3j), 0.9 * np.exp(1.0j)]
    return amplitudes([*a, *np.conj(a)])


@pytest.mark.parametrize(
    "first, name, limit", [(1.0, "Example 7.1", 0.5), (1.3, "Example 7.2", 0.0)]
)
def test_examples_7_1_and_7_2(first, name, limit):
    psi = example_7(first)
    model = SchrodingerLohe(ONE, 1.0, "model2")
    found = predictions(model, psi)
    assert name in found.names
    assert_allclose(found[name].limits["order_parameter"], limit, atol=1e-12)
    result = slsolve(model, psi, [0, 8, 16.0])
    # unstable: later, rounding leaves it
    assert_allclose(result.order_parameter[-1], limit, atol=5e-4)
    assert found[name].check(result).passed is not False


def test_the_examples_need_one_direction():
    """In two dimensions (136)–(139) hold and the states still synchronise: not predicted."""
    rng = np.random.default_rng(0)
    side = rng.normal(size=3)
    psi = np.zeros((8, 4), complex)
    psi[:, 0] = example_7(1.0)[:, 0]
    psi[1:4, 1:] = 0.3 * side
    psi[5:8, 1:] = -0.3 * side
    found = predictions(SchrodingerLohe(qutip.qeye(4) * 0, 1.0, "model2"), psi)
    assert not any(n.startswith("Example") for n in found.names)


@pytest.mark.parametrize("n, c", [(4, 0.4), (5, 0.3), (8, 0.45)])
def test_the_widened_wedge_is_not_enough(n, c):
    """Min Re z=−c>−½, and the run tends to a bipolar state: ‖ζ‖→(N−2)/N."""
    psi = wedge_counterexample(n, c)
    z = psi.conj() @ psi.T
    assert_allclose(np.diag(z), 1, rtol=1e-14)
    assert_allclose(z.real.min(), -c, atol=1e-14)
    model = SchrodingerLohe(qutip.qzero(n - 1))
    result = slsolve(model, psi, [0, 25.0])
    assert_allclose(result.order_parameter, [((n - 1) * c - 1) / n, (n - 2) / n], atol=2e-4)
    found = predictions(model, psi)
    assert not found["Theorem 5.1"].limits and "not enough" in found.notes[-1]
    assert found["Theorem 5.1"].check(result).passed is not False


def test_practical_synchronisation():
    """Different potentials with 16W<k: the diameter stays below the solution of Ḋ=kD(D−½)+W."""
    hs = [GridHamiltonian(GRID, lambda x, s=s: x**2 / 2 + s * np.cos(x)) for s in (0.0, 0.05)]
    psi = [g(0.1), g(-0.1)]
    model = SchrodingerLohe(hs, 2.0)
    found = predictions(model, psi)
    assert found.names == ("practical synchronisation",)
    result = slsolve(model, psi, np.linspace(0, 6, 25))
    assert found[0].check(result).passed
    assert result.deviations[-1, 0, 1].real > 1e-8
    weak = slsolve(SchrodingerLohe(hs, 0.05), psi, np.linspace(0, 6, 25))
    assert found[0].check(weak).passed is False
