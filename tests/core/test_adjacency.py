"""One reader of adjacencies: directions, checks of indices, what is refused."""

import networkx
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from qsyncplug import Circle, SchrodingerLohe, sine
from qsyncplug.core.adjacency import no_common_frequency, read_adjacency
from qsyncplug.waves.locking import locked_phases

EDGE = np.array([[0.0, 0.0], [2.0, 0.0]])


def graph():
    g = networkx.DiGraph()
    g.add_nodes_from([0, 1])
    g.add_edge(0, 1, weight=2.0)
    return g


@pytest.mark.parametrize(
    "make",
    [
        lambda: EDGE,
        lambda: EDGE.tolist(),
        graph,
        lambda: sp.csr_array(EDGE),
        lambda: sp.csc_matrix(EDGE),
        lambda: sp.coo_array(EDGE),
        lambda: sp.lil_matrix(EDGE),
        lambda: sp.dok_array(EDGE),
        lambda: sp.dia_array(EDGE),
        lambda: sp.bsr_array(EDGE),
    ],
)
def test_the_edge_from_0_to_1_acts_on_1(make):
    for a in (
        read_adjacency(make()),
        Circle(sine(), adjacency=make()).adjacency,
        SchrodingerLohe(_one(), adjacency=make()).adjacency,
    ):
        assert_array_equal(a.toarray() if sp.issparse(a) else a, EDGE)


def _one():
    import qutip

    return qutip.Qobj([[0.0]])


def test_undirected_graphs_boolean_matrices_and_duplicates():
    a = read_adjacency(networkx.cycle_graph(4)).toarray()
    assert_array_equal(a, networkx.to_numpy_array(networkx.cycle_graph(4)))
    assert_array_equal(read_adjacency(EDGE > 0), EDGE / 2)
    doubled = sp.coo_array(([1.0, 1.0, 3.0], ([1, 1, 0], [0, 0, 1])), shape=(2, 2))
    assert_array_equal(read_adjacency(doubled).toarray(), [[0, 3], [2, 0]])


def test_the_matrix_cannot_be_changed_and_is_a_copy():
    mine = sp.csr_array(EDGE)
    a = read_adjacency(mine)
    for array in (a.data, a.indices, a.indptr):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 900
    mine.indices[0] = 900
    assert a.indices[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        read_adjacency(EDGE)[0, 0] = 1


def out_of_range(kind):
    bad = {
        "csr": lambda: sp.csr_array(([1.0, 1.0], [7, 900], [0, 1, 2]), shape=(2, 2)),
        "csr negative": lambda: sp.csr_array(([1.0, 1.0], [-1, 0], [0, 1, 2]), shape=(2, 2)),
        "csc": lambda: sp.csc_matrix(([1.0, 1.0], [0, 5], [0, 1, 2]), shape=(2, 2)),
        "coo": lambda: _coo(),
    }
    return bad[kind]()


def _coo():
    a = sp.coo_array(EDGE)
    a.coords = (np.array([900]), np.array([0]))
    return a


@pytest.mark.parametrize("kind", ["csr", "csr negative", "csc", "coo"])
@pytest.mark.parametrize(
    "use",
    [
        read_adjacency,
        lambda a: Circle(sine(), adjacency=a),
        lambda a: SchrodingerLohe(_one(), adjacency=a),
    ],
)
def test_indices_out_of_range_are_refused(kind, use):
    with pytest.raises(ValueError, match="adjacency has indices that do not fit"):
        use(out_of_range(kind))


def test_indices_out_of_range_in_stored_models_are_refused():
    data = SchrodingerLohe(_one(), adjacency=EDGE).to_dict()
    data["adjacency"]["indices"] = [900]
    with pytest.raises(ValueError, match="do not fit"):
        SchrodingerLohe.from_dict(data)
    data = Circle(sine(), adjacency=sp.csr_array(EDGE)).to_dict()
    data["adjacency"]["indices"] = [900]
    with pytest.raises(ValueError, match="do not fit"):
        Circle.from_dict(data)


@pytest.mark.parametrize(
    "value, error, words",
    [
        (np.zeros((2, 3)), ValueError, "square"),
        (sp.csr_array(np.zeros((2, 3))), ValueError, "square"),
        (sp.csr_array(EDGE * 1j), TypeError, "real numbers"),
        (EDGE * 1j, TypeError, "must be real"),
        ([[0, np.nan], [1, 0]], ValueError, "finite"),
        (sp.csr_array([[0, np.inf], [1, 0]]), ValueError, "finite"),
        (np.ma.masked_equal(EDGE, 2), TypeError, "masked"),
        (networkx.DiGraph(), ValueError, "at least one node"),
        ("graph", (TypeError, ValueError), "adjacency"),
    ],
)
def test_what_is_refused(value, error, words):
    with pytest.raises(error, match=words):
        read_adjacency(value)


def test_loops():
    assert read_adjacency(np.eye(2))[0, 0] == 1
    with pytest.raises(ValueError, match=r"self-loops; adjacency\[1, 1\] = 3"):
        read_adjacency(sp.csr_array(np.diag([0, 3.0])), loops=False)


def test_no_common_frequency_is_necessary():
    # where a locked state was found by continuation the frequencies are never called impossible
    rng = np.random.default_rng(8)
    excluded = found = 0
    for _ in range(150):
        n = int(rng.integers(2, 6))
        a = rng.uniform(0, 1, (n, n)) * (rng.random((n, n)) < 0.7)
        a = a + a.T if rng.random() < 0.5 else a
        omega = rng.normal(size=n) * rng.choice([0.2, 1.0])
        q = np.ones(n) if np.allclose(a, a.T) else None
        why = no_common_frequency(a.astype(complex), omega, q)
        locked = locked_phases(a.astype(complex), omega)
        assert not (why and locked is not None)
        excluded, found = excluded + bool(why), found + (locked is not None)
    assert excluded > 20 and found > 20
    # two groups, joined by a weak edge, each fast enough to be torn from the other
    a = np.array([[0, 5, 0.1, 0], [5, 0, 0, 0], [0.1, 0, 0, 5], [0, 0, 5, 0]], dtype=complex)
    omega = np.array([0.5, 0.5, -0.5, -0.5])
    assert "need a pull" in no_common_frequency(a, omega, np.ones(4))
    assert no_common_frequency(a, omega) == ""
