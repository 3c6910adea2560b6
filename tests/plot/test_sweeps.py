"""Heat maps of sweeps: what is drawn is what was swept."""

import numpy as np
import pytest

import qsyncplug as qsp

xr = pytest.importorskip("xarray")


@pytest.fixture(scope="module")
def data():
    def point(x, y):
        return {"height": x * y, "side": "above" if x > y else "below", "turn": 1j * x}

    x = xr.DataArray([0.0, 1.0, 2.0], dims="x", attrs={"units": "1/g", "long_name": "detuning"})
    return qsp.sweep(point, {"x": x, "y": [0.5, 1.5]})


def test_a_heat_map_with_units_and_contours(data):
    _, ax = qsp.plot_sweep(data, "height", contour="side")
    assert np.array_equal(ax.collections[0].get_array(), data["height"])
    assert ax.get_ylabel() == "detuning (1/g)"
    assert ax.get_xlabel() == "y"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["above", "below"]
    _, ax = qsp.plot_sweep(data, "height", contour="height", level=1.0)
    segments = ax.collections[1].get_paths()[0].vertices
    # x·y=1 on the lines of the grid, between the points by a straight line
    assert any(np.allclose(v, [0.5, 2.0]) for v in segments)


def test_a_curve_over_one_parameter(data):
    _, ax = qsp.plot_sweep(data.isel(y=1), "height")
    assert ax.lines[0].get_ydata().tolist() == [0.0, 1.5, 3.0]
    assert ax.get_xlabel() == "detuning (1/g)"


def test_a_map_of_texts_alone(data):
    _, ax = qsp.plot_sweep(data, "side")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["above", "below"]
    above, below = (c for c in ax.collections if c.get_label() in ("above", "below"))
    assert above.get_offsets().tolist() == [[0.5, 1.0], [0.5, 2.0], [1.5, 2.0]]
    assert len(below.get_offsets()) == 3
    assert ax.get_xlim() == (0.0, 2.0)
    assert ax.get_ylim() == (-0.5, 2.5)


def test_a_store_that_xarray_opened_is_drawn(tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "s.zarr"
    qsp.sweep(_point, {"x": [1.0, 2.0], "y": [0.5, 1.5, 2.5]}, path=path)
    opened = xr.open_zarr(path, consolidated=False)
    for variable in ("side", "height"):
        _, ax = qsp.plot_sweep(opened, variable, contour="side")
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["above", "below"]


def _point(x, y):
    return {"height": x * y, "side": "above" if x > y else "below"}


def test_what_cannot_be_drawn(data):
    with pytest.raises(ValueError, match="real numbers, or texts over two parameters"):
        qsp.plot_sweep(data.isel(y=0), "side")
    with pytest.raises(ValueError, match="must be real numbers"):
        qsp.plot_sweep(data, "turn")
    with pytest.raises(ValueError, match="variable must be one of height, side, turn"):
        qsp.plot_sweep(data)
    with pytest.raises(ValueError, match="contour must be one of"):
        qsp.plot_sweep(data, "height", contour="depth")
    with pytest.raises(TypeError, match="Dataset of a sweep"):
        qsp.plot_sweep({"height": 1})
