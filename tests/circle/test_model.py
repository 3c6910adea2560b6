"""The models: every system of the paper, who acts on whom, and what is refused."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse

from qsyncplug.circle import Circle, attention, fourier, interaction, sine, velocity
from qsyncplug.core import storage
from qsyncplug.core.errors import StorageError

from . import reference

N = 30
RNG = np.random.default_rng(0)
X = RNG.uniform(-10, 10, N)
C, W = RNG.uniform(0.5, 2, N), RNG.uniform(0.5, 2, N)
A = RNG.uniform(0, 1, (N, N)) * (RNG.uniform(size=(N, N)) < 0.3)
A[5] = 0  # isolated: nobody acts on it
OMEGA = RNG.normal(size=N)

SYSTEMS = {
    "S1": {},
    "S1 mean": {"normalization": "mean"},
    "S2": {"normalization": lambda x: 2 + np.cos(x)},
    "S2 constant": {"normalization": W},
    "S3": {"weights": C},
    "S3 mean": {"weights": C, "normalization": "mean"},
    "S4": {"weights": C, "normalization": lambda x: 1 + x**2},
    "K/N": {"normalization": "mean", "coupling": 2.5, "frequencies": OMEGA},
    "lag": {"normalization": 3.0, "phase_lag": -0.7},
    "8 dense": {"adjacency": A},
    "8 sparse": {"adjacency": scipy.sparse.csr_array(A), "weights": C, "phase_lag": 0.2},
    "8 degree": {"adjacency": A, "normalization": "degree", "frequencies": OMEGA},
    "8 mean": {"adjacency": A, "normalization": "mean"},
    "rank one": {"response": W, "weights": C},
}


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize(
    "force", [sine(), attention(2.0), attention(-0.5), fourier([1, 0.3, 0.2])], ids=repr
)
def test_systems(name, force):
    model = Circle(force, **SYSTEMS[name])
    expected = reference.velocity(model, X)
    kernels = (
        ("auto", "split", "direct")
        if model.adjacency is not None
        else ("auto", "direct", "horner", "taylor")
    )
    for kernel in kernels:
        assert (
            np.max(np.abs(velocity(model, X, kernel=kernel) - expected))
            < 1e-13 * np.max(np.abs(expected)) * N**0.5
        )


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"weights": C},
        {"phase_lag": 0.3},
        {"adjacency": A},
        {"adjacency": scipy.sparse.csr_array(A)},
    ],
)
@pytest.mark.parametrize("beta", [0.0, 2.0, 20.0, -1.0])
def test_t2(extra, beta):
    model = Circle(attention(beta), "attention", **extra)
    expected = reference.velocity(model, X)
    assert velocity(model, X) == pytest.approx(expected, rel=1e-11, abs=1e-13)
    if "adjacency" in extra:
        assert velocity(model, X)[5] == 0


def test_t2_without_an_attention_is_refused():
    with pytest.raises(ValueError, match="attention"):
        Circle(fourier([1.0]), "attention")
    with pytest.raises(ValueError, match="adjacency must not be negative"):
        Circle(attention(1.0), "attention", adjacency=-np.eye(3))


def test_rank_one_is_the_matrix_of_products():
    one = velocity(Circle(sine(), response=W, weights=C), X)
    matrix = velocity(Circle(sine(), adjacency=np.outer(W, C)), X)
    assert one == pytest.approx(matrix, abs=1e-12)


def test_direction_of_a_matrix():
    # entry (0, 1): 1 acts on 0, and 0 is drawn towards it
    for a in (np.array([[0, 1.0], [0, 0]]), scipy.sparse.csr_array([[0, 1.0], [0, 0]])):
        v = velocity(Circle(sine(), adjacency=a), [0.0, 1.0])
        assert v == pytest.approx([np.sin(1), 0])


def test_direction_and_weight_of_a_graph():
    graph = nx.DiGraph()
    graph.add_nodes_from("abc")
    graph.add_edge("b", "a", weight=2.0)  # b acts on a
    v = velocity(Circle(sine(), adjacency=graph), [0.0, 1.0, 2.0])
    assert v == pytest.approx([2 * np.sin(1), 0, 0])
    both = nx.Graph([(0, 1)])
    assert velocity(Circle(sine(), adjacency=both), [0.0, 1.0]) == pytest.approx(
        [np.sin(1), -np.sin(1)]
    )


def test_an_isolated_particle_keeps_its_frequency():
    graph = nx.path_graph(3)
    graph.add_node(3)
    for normalization in ("sum", "mean", "degree", "attention"):
        force = attention(1.0)
        v = velocity(
            Circle(force, normalization, adjacency=graph, frequencies=[1.0, 2.0, 3.0, 4.0]),
            [0.0, 1.0, 2.0, 3.0],
        )
        assert v[3] == 4.0
        assert np.all(np.isfinite(v))
    assert Circle(sine(), adjacency=graph).degrees().tolist() == [1, 2, 1, 0]


def test_a_graph_without_edges():
    model = Circle(sine(), adjacency=scipy.sparse.csr_array((4, 4)), frequencies=2.0)
    assert velocity(model, np.arange(4.0)).tolist() == [2.0] * 4


def test_a_callable_is_its_series():
    model = Circle(lambda x: np.sin(x) + 0.3 * np.sin(2 * x))
    for kernel in ("direct", "horner", "taylor"):
        assert velocity(model, X, kernel=kernel) == pytest.approx(
            velocity(Circle(fourier([1, 0.3])), X), abs=1e-12
        )


def test_a_kink_is_summed_over_pairs():
    from qsyncplug.core.errors import ApproximationWarning

    def wave(x):
        return np.arcsin(np.sin(x))

    with pytest.warns(ApproximationWarning, match="do not decay"):
        model = Circle(wave, weights=C)
    expected = -wave(X[:, None] - X[None, :]) @ C
    assert velocity(model, X) == pytest.approx(expected, abs=1e-13)
    with pytest.raises(ValueError, match="sine series"):
        velocity(model, X, kernel="horner")


@pytest.mark.parametrize(
    ("kw", "error", "match"),
    [
        ({"normalization": "median"}, ValueError, "'sum', 'mean', 'degree', 'attention'"),
        ({"normalization": None}, TypeError, "normalization"),
        ({"normalization": 0.0}, ValueError, "normalization must be positive"),
        ({"normalization": [1.0, -1.0]}, ValueError, "normalization must be positive"),
        ({"normalization": np.ones((2, 2))}, ValueError, "number or of shape"),
        ({"normalization": scipy.sparse.eye(2)}, ValueError, "is given as adjacency"),
        ({"weights": [1.0, 0.0]}, ValueError, r"weights must be positive; weights\[1\]"),
        ({"weights": [1.0, np.nan]}, ValueError, "weights must be finite"),
        ({"weights": [[1.0]]}, ValueError, "weights must have shape"),
        ({"response": [-1.0]}, ValueError, "response must be positive"),
        ({"frequencies": [np.inf]}, ValueError, "frequencies must be finite"),
        ({"frequencies": "fast"}, TypeError, "frequencies"),
        ({"weights": [1.0], "frequencies": [1.0, 2.0]}, ValueError, "weights 1, frequencies 2"),
        ({"weights": []}, ValueError, "at least one"),
        ({"adjacency": np.ones((2, 3))}, ValueError, "square"),
        ({"adjacency": scipy.sparse.csr_array(np.ones((2, 3)))}, ValueError, "square"),
        ({"adjacency": [[np.nan]]}, ValueError, "adjacency must be finite"),
        ({"adjacency": scipy.sparse.csr_array([[np.nan]])}, ValueError, "adjacency must be finite"),
        ({"adjacency": "ring"}, TypeError, "adjacency"),
        ({"phase_lag": np.nan}, ValueError, "phase_lag"),
        ({"coupling": "strong"}, TypeError, "coupling"),
    ],
)
def test_bad_models(kw, error, match):
    with pytest.raises(error, match=match):
        Circle(sine(), **kw)


def test_bad_interactions():
    with pytest.raises(TypeError, match="interaction"):
        Circle(3.0)
    with pytest.raises(ValueError, match="odd"):
        Circle(np.cos)


@pytest.mark.parametrize(
    ("x", "error"),
    [
        ([np.nan, 1], ValueError),
        ([np.inf], ValueError),
        ([[1.0]], ValueError),
        ([], ValueError),
        ("x", TypeError),
        ([1j], TypeError),
    ],
)
def test_bad_positions(x, error):
    with pytest.raises(error, match="x must"):
        velocity(Circle(sine()), x)


def test_positions_that_do_not_fit():
    with pytest.raises(ValueError, match="the 2 particles"):
        velocity(Circle(sine(), weights=[1, 2]), [0.0])


def test_kernels_that_do_not_fit():
    with pytest.raises(ValueError, match="kernel"):
        velocity(Circle(sine()), [0.0], kernel="fast")
    with pytest.raises(ValueError, match="with an adjacency"):
        velocity(Circle(sine()), [0.0], kernel="split")
    with pytest.raises(ValueError, match="identical"):
        velocity(Circle(sine(), frequencies=[1, 2]), [0.0, 1.0], kernel="taylor-sorted")
    with pytest.raises(ValueError, match="'split' or 'direct'"):
        velocity(Circle(sine(), adjacency=np.eye(2)), [0.0, 1.0], kernel="horner")
    with pytest.raises(ValueError, match="small attention weights"):
        velocity(
            Circle(attention(1.0), "attention", adjacency=np.eye(2)), [0.0, 1.0], kernel="split"
        )


def test_overflowing_forces_are_refused():
    with pytest.raises(ValueError, match=r"e\^800.*scaled=True"):
        velocity(Circle(attention(800.0)), [0.0, 1.0])
    assert np.all(np.isfinite(velocity(Circle(attention(800.0), "attention"), [0.0, 1.0])))
    with pytest.raises(ValueError, match="positive numbers; g"):
        velocity(Circle(sine(), lambda x: np.cos(x)), [0.0, 3.0])


def test_what_is_conserved():
    x = RNG.uniform(0, 6, N)
    symmetric = A + A.T
    for kw in (
        {},
        {"weights": C},
        {"weights": C, "response": W},
        {"normalization": W},
        {"adjacency": symmetric, "weights": C},
        {"adjacency": scipy.sparse.csr_array(symmetric), "normalization": "degree"},
    ):
        model = Circle(sine(), **kw)
        q = model.conserved(N)
        assert abs(velocity(model, x) @ q) < 1e-11 * np.abs(q).sum()
    assert Circle(sine(), adjacency=A).conserved(N) is None
    assert Circle(attention(1.0), "attention").conserved(N) is None
    assert Circle(sine(), phase_lag=0.1).conserved(N) is None


def test_identical_particles():
    assert Circle(sine(), "mean", weights=C).identical
    assert Circle(sine(), frequencies=np.ones(3)).identical
    for kw in (
        {"frequencies": OMEGA},
        {"response": W},
        {"adjacency": A},
        {"normalization": W},
        {"normalization": lambda x: 1 + x**2},
    ):
        assert not Circle(sine(), **kw).identical


@pytest.mark.parametrize(
    "name", [k for k, v in SYSTEMS.items() if not callable(v.get("normalization"))]
)
def test_models_go_through_a_file(name):
    import json

    model = Circle(attention(2.0), **SYSTEMS[name])
    again = storage.build_model(json.loads(json.dumps(model.to_dict())))
    assert np.array_equal(velocity(again, X), velocity(model, X))


def test_what_cannot_be_stored():
    with pytest.raises(TypeError, match="cannot be stored"):
        Circle(sine(), lambda x: 1 + x**2).to_dict()
    with pytest.raises(StorageError):
        storage.build_model({"kind": "circle", "interaction": {"kind": "gravity"}})


def test_arrays_of_a_model_cannot_be_changed():
    c = np.ones(3)
    model = Circle(sine(), weights=c)
    c[0] = 7
    assert model.weights[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        model.weights[0] = 2
    assert "weights=ndarray(3,)" in repr(model)
    assert interaction(model.interaction) is model.interaction
