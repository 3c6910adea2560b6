"""What the package finds, at every point of a sweep."""

import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.sweeps import SweepError, sweep

pytest.importorskip("xarray")
pytest.importorskip("zarr")
pytest.importorskip("cloudpickle")


def _certificate(b):
    return qsp.certify_synchronization(qsp.fourier([1.0, 0.0, b]))


def _basin(n):
    return qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), n, ntraj=3, seed=1)


def _clusters(beta):
    return qsp.three_cluster_range(beta)


@pytest.mark.parametrize(
    ("function", "points", "name", "want"),
    [
        (_certificate, {"b": [-0.1, 0.2]}, "certified", [1.0, 0.0]),
        (_basin, {"n": [3, 4]}, "synchronized", [3.0, 3.0]),
        (_clusters, {"beta": [-5.0, -6.0]}, "high", [_clusters(b).high for b in (-5.0, -6.0)]),
    ],
)
def test_records_whose_names_the_sweep_has_too(function, points, name, want, tmp_path):
    """Every point failed: a certificate says its seconds, a basin its n, clusters their beta; and
    a proof that is missing at one point was a number there.
    """
    pytest.importorskip("flint")
    data = sweep(function, points, path=tmp_path / "store")
    assert data["status"].values.tolist() == [1, 1]
    assert data[name].values.tolist() == want
    again = sweep(function, points, path=tmp_path / "store")
    assert again.equals(data)


def test_records_without_numbers_are_refused_by_name():
    with pytest.raises(SweepError, match="a Predictions holds no number"):
        sweep(lambda x: qsp.predictions(qsp.Circle(qsp.sine(), "mean"), [0.0, x]), {"x": [1.0]})


def test_words_and_arrays_that_a_record_may_lack_are_no_numbers():
    def phase(x):
        return qsp.measures.collective_phase(qutip.spin_coherent(0.5, x, 0.0))

    data = sweep(phase, {"x": [0.5, 1.0]})
    assert set(data.data_vars) == {"status", "error", "seconds", "moments", "kind"}
    assert data["kind"].values.tolist() == ["canonical"] * 2
