"""What a model accepts, refuses and tells."""

import warnings

import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose

from qsyncplug import (
    GridHamiltonian,
    Influence,
    NormalizationWarning,
    SchrodingerLohe,
    SchrodingerLoheSolver,
    absolute_kernel,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import ApproximationWarning

GRID = Grid(64, 16.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
PSI = [GRID.gaussian(1.0), GRID.gaussian(-1.0)]
NUM = qutip.num(6)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: GridHamiltonian("grid", 0), TypeError, "grid must be a Grid"),
        (lambda: GridHamiltonian(GRID, lambda x: 1j * x), ValueError, "potential must be real"),
        (
            lambda: GridHamiltonian(GRID, np.zeros(5)),
            ValueError,
            "potential must have the grid's shape",
        ),
        (
            lambda: GridHamiltonian(GRID, lambda x: np.full_like(x, np.nan)),
            ValueError,
            "potential must be finite",
        ),
        (lambda: GridHamiltonian(GRID, np.zeros(64), time_dependent=True), TypeError, "callable"),
        (lambda: SchrodingerLohe("H"), TypeError, "hamiltonian must be a GridHamiltonian"),
        (lambda: SchrodingerLohe([]), ValueError, "at least one Hamiltonian"),
        (lambda: SchrodingerLohe(qutip.destroy(4)), ValueError, "hamiltonian must be Hermitian"),
        (lambda: SchrodingerLohe(qutip.basis(4, 0)), ValueError, "square operator"),
        (lambda: SchrodingerLohe(qutip.Qobj(np.diag([1.0, np.nan]))), ValueError, "finite"),
        (lambda: SchrodingerLohe([NUM, qutip.num(5)]), ValueError, "dimensions"),
        (lambda: SchrodingerLohe([NUM, H]), TypeError, "of the kind of the first"),
        (
            lambda: SchrodingerLohe([H, GridHamiltonian(Grid(32, 16.0))]),
            ValueError,
            "on the grid of the first",
        ),
        (lambda: SchrodingerLohe(H, coupling=np.nan), ValueError, "coupling must be finite"),
        (lambda: SchrodingerLohe(H, coupling="1"), TypeError, "coupling must be a real number"),
        (lambda: SchrodingerLohe(H, variant="model3"), ValueError, "variant must be one of"),
        (
            lambda: SchrodingerLohe(H, frequencies=[0, np.inf]),
            ValueError,
            "frequencies must be finite",
        ),
        (
            lambda: SchrodingerLohe(H, frequencies=[0, 1], theta=[1, 1, 1], variant="model2"),
            ValueError,
            "agree",
        ),
        (
            lambda: SchrodingerLohe(H, theta=[1.5, 0.5]),
            ValueError,
            "theta must be 1 for the standard model",
        ),
        (lambda: SchrodingerLohe(H, alignment=1.0), ValueError, "alignment must be 0"),
        (
            lambda: SchrodingerLohe(H, variant="model1", alignment=-1.0),
            ValueError,
            "alignment must be at least 0",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", theta=[2.0, 0.0]),
            ValueError,
            "theta must be positive",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", theta=[2.5, -0.5]),
            ValueError,
            "theta must be positive",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", theta=[1.5, 1.0]),
            ValueError,
            "theta must have mean 1",
        ),
        (
            lambda: SchrodingerLohe(H, kernel=Influence()),
            ValueError,
            "kernel belongs to Models 1 and 2",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", kernel=lambda r: -r),
            ValueError,
            "kernel must be at least 0",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", kernel=lambda r: 1 + r),
            ValueError,
            "must not increase",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", kernel=lambda r: r * np.nan),
            ValueError,
            "kernel must be finite",
        ),
        (
            lambda: SchrodingerLohe(H, variant="model1", kernel=-1.0),
            ValueError,
            "kernel must be at least 0",
        ),
        (lambda: heavy_tail_kernel(1.5), ValueError, "exponent"),
        (lambda: absolute_kernel(0.0), ValueError, "floor"),
        (lambda: SchrodingerLohe(H, adjacency=np.eye(3)), ValueError, "self-loops"),
        (
            lambda: SchrodingerLohe(H, adjacency=np.zeros((2, 3))),
            ValueError,
            "adjacency must be square",
        ),
        (
            lambda: SchrodingerLohe(H, adjacency=[[0, np.nan], [1, 0]]),
            ValueError,
            "adjacency must be finite",
        ),
        (lambda: SchrodingerLohe(H, phase_lag=np.zeros((2, 3))), ValueError, "phase_lag"),
        (lambda: SchrodingerLohe(H, position=qutip.position(4)), ValueError, "position is for"),
        (
            lambda: SchrodingerLohe(NUM, position=qutip.position(4)),
            ValueError,
            r"position\[0\] must have the dimensions",
        ),
        (
            lambda: SchrodingerLohe(NUM, position=qutip.destroy(6)),
            ValueError,
            r"position\[0\] must be Hermitian",
        ),
        (
            lambda: SchrodingerLohe(
                NUM, variant="model2", alignment=1.0, kernel=heavy_tail_kernel()
            ),
            ValueError,
            "position must be given",
        ),
    ],
)
def test_bad_models_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    "model, psi0, error, words",
    [
        (SchrodingerLohe(H), PSI[0], ValueError, r"state0 must have shape \(N, 64\)"),
        (
            SchrodingerLohe(H),
            [PSI[0], PSI[0][:32]],
            ValueError,
            r"state0\[1\] must have the grid's shape",
        ),
        (SchrodingerLohe(H), [PSI[0], np.full(64, np.nan)], ValueError, "state0 must be finite"),
        (SchrodingerLohe(H), [PSI[0], np.zeros(64)], ValueError, r"state0\[1\] must not be zero"),
        (SchrodingerLohe(H, frequencies=[0, 1, 2]), PSI, ValueError, "state0 must hold 3 states"),
        (SchrodingerLohe(H), [qutip.basis(64, 0)], TypeError, "must hold arrays on the grid"),
        (SchrodingerLohe(NUM), qutip.basis(6, 0), TypeError, "list of kets"),
        (
            SchrodingerLohe(NUM),
            [qutip.basis(6, 0), qutip.basis(5, 0)],
            ValueError,
            r"state0\[1\] must have the dimensions",
        ),
        (
            SchrodingerLohe(NUM),
            [qutip.basis(6, 0), qutip.num(6)],
            TypeError,
            r"state0\[1\] must be a ket",
        ),
        (
            SchrodingerLohe(NUM),
            [qutip.basis(6, 0), 0 * qutip.basis(6, 0)],
            ValueError,
            "must not be zero",
        ),
    ],
)
def test_bad_states_are_refused(model, psi0, error, words):
    with pytest.raises(error, match=words):
        slsolve(model, psi0, [0.0, 1.0])


def test_model2_takes_a_zero_ket_while_no_centre_is_needed():
    model = SchrodingerLohe(NUM, variant="model2", coupling=1.0)
    result = slsolve(model, [qutip.basis(6, 0), 0 * qutip.basis(6, 0)], [0.0, 1.0])
    assert result.masses[0, 1] == 0 and result.masses[1, 1] > 0


@pytest.mark.parametrize(
    "options, error",
    [
        ({"metod": 1}, KeyError),
        ({"method": "s10"}, ValueError),
        ({"step": -1.0}, ValueError),
        ({"rtol": 0.0}, ValueError),
    ],
)
def test_bad_options_are_refused(options, error):
    with pytest.raises(error):
        SchrodingerLoheSolver(SchrodingerLohe(H), options=options)


def test_reduction_refuses_different_potentials():
    other = GridHamiltonian(GRID, lambda x: x**2)
    with pytest.raises(ValueError, match="common Hamiltonian"):
        slsolve(SchrodingerLohe([H, other]), PSI, [0, 1], options={"method": "reduction"})


def test_model2_warns_of_a_mean_that_is_not_one():
    with pytest.warns(NormalizationWarning, match="mean of θ"):
        SchrodingerLohe(H, variant="model2", theta=[1.5, 1.0], alignment=1.0)


def test_a_kernel_that_is_not_monotone_is_warned_of():
    with pytest.warns(ApproximationWarning, match="not monotone"):
        SchrodingerLohe(
            H, variant="model1", theta=[1.1, 0.9], alignment=1.0, kernel=lambda r: 1.5 + np.sin(r)
        )


def test_kernels():
    r = np.linspace(0, 50, 300)
    assert_allclose(heavy_tail_kernel(0.5, 2.0, 3.0)(r), 2 * (1 + r**2 / 9) ** -0.25, rtol=1e-15)
    assert np.all(absolute_kernel(0.3, 1.0)(r) >= 0.3) and absolute_kernel(0.3).is_constant
    assert heavy_tail_kernel().heavy_tail and not Influence(0.0, 1.0, 1.0, 2.0).heavy_tail
    # a callable of numbers, and one that is constant
    import math

    model = SchrodingerLohe(H, variant="model1", kernel=lambda r: math.exp(-r))
    assert_allclose(model.kernel(r), np.exp(-r), rtol=1e-15)
    assert SchrodingerLohe(H, variant="model1", kernel=lambda r: 2.0).kernel == Influence(2.0)


@pytest.mark.parametrize("shape", [(64,), (32, 24), (16, 12, 14)])
def test_quadratic_potentials_are_recognised(shape, rng):
    d = len(shape)
    grid = Grid(shape, tuple(10.0 + a for a in range(d)))
    a = rng.normal(size=(d, d))
    stiffness, force = a @ a.T, rng.normal(size=d)

    def potential(*x):
        return sum(0.5 * stiffness[i, j] * x[i] * x[j] for i in range(d) for j in range(d)) + sum(
            force[i] * x[i] for i in range(d)
        )

    form = GridHamiltonian(grid, potential).quadratic
    assert_allclose(form.axes @ np.diag(form.kappa) @ form.axes.T, stiffness, atol=1e-12)
    assert_allclose(form.axes @ form.force, force, atol=1e-12)
    assert GridHamiltonian(grid, lambda *x: potential(*x) + 1e-9 * x[0] ** 3).quadratic is None


def test_common_hamiltonians_up_to_numbers_are_recognised():
    shifted = [GridHamiltonian(GRID, lambda x, c=c: x**2 / 2 + c) for c in (0.0, 0.5, -1.0)]
    model = SchrodingerLohe(shifted, frequencies=[0.1, 0.2, 0.3])
    assert model.common
    assert_allclose(model.rates(3), [0.1, 0.7, -0.7], atol=1e-14)
    assert SchrodingerLohe([NUM, NUM + 2]).rates(2).tolist() == [0.0, 2.0]
    assert not SchrodingerLohe([NUM, 2 * NUM]).common


def test_dictionary_round_trip():
    other = GridHamiltonian(GRID, lambda x: x**4)
    for model in (
        SchrodingerLohe(
            [H, other, H],
            coupling=2.0,
            frequencies=[1, 2, 3.0],
            adjacency=1 - np.eye(3),
            phase_lag=0.1,
        ),
        SchrodingerLohe(
            NUM,
            variant="model1",
            theta=[1.5, 0.5],
            alignment=1.0,
            kernel=heavy_tail_kernel(),
            position=NUM,
        ),
    ):
        again = SchrodingerLohe.from_dict(model.to_dict())
        assert again.to_dict() == model.to_dict()
        assert again.common == model.common and again.n == model.n
    with pytest.raises(TypeError, match="cannot be stored"):
        SchrodingerLohe(H, variant="model1", kernel=lambda r: np.exp(-r)).to_dict()


def test_networkx_graph_and_sparse_matrix():
    import networkx
    import scipy.sparse

    graph = networkx.cycle_graph(4)
    dense = networkx.to_numpy_array(graph)
    for adjacency in (graph, scipy.sparse.csr_matrix(dense), dense.tolist()):
        matrix = SchrodingerLohe(H, adjacency=adjacency).coupling_matrix(4)
        assert_allclose(matrix, (dense + np.eye(4)) / 4)


def test_no_warning_without_a_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(slsolve(SchrodingerLohe(H), PSI, [0.0, 1.0]).times) == 2
