"""Pictures of sweeps: a quantity over one or two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_choice, check_number
from .style import (
    COLOURS,
    DIVERGING,
    MATRIX,
    colour_bar,
    draw_series,
    figure,
    finish,
    legend,
    picture,
)

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_sweep"]

#: of the texts of a contour
_SHAPES = "os^Dv*XP"


@picture
def plot_sweep(
    data: xarray.Dataset,
    variable: str | None = None,
    *,
    contour: str | None = None,
    level: float = 0.5,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """A swept quantity: a heat map over two parameters, or a curve over one.

    Parameters
    ----------
    data : xarray.Dataset
        From :func:`qsyncplug.sweep`. Attributes ``units`` and ``long_name`` of parameters and
        variables become labels. A dimension ``seed`` is averaged over.
    variable : str, optional
        Which quantity; the only one by default. Of texts over two parameters, such as verdicts,
        there are shapes and borders.
    contour : str, optional
        A quantity whose boundary is drawn: a number at `level`, or texts, such as verdicts, where
        they change.
    level : float
        Of the contour of a number.

    Raises
    ------
    TypeError, ValueError
        `data` is no sweep, or the quantity has more than two dimensions: select with ``data.sel``.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> data = qsp.sweep(lambda x, y: x * y, {"x": [1.0, 2.0], "y": [0.0, 1.0, 2.0]})
    >>> fig, ax = qsp.plot_sweep(data)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('y', 'x')
    """
    if not hasattr(data, "data_vars"):
        raise TypeError(f"data must be the Dataset of a sweep, not {type(data).__name__}")
    level = check_number("level", level)
    array = _chosen(data, variable, "variable")
    if array.dtype.kind in "OUT" and array.ndim == 2:
        return _texts_alone(array, fig, ax)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"variable {array.name!r} must be real numbers{_instead(array)}")
    fig, ax = figure(fig, ax, figsize=(5, 3.8) if array.ndim == 2 else (5, 3.2))
    if array.ndim == 1:
        x = array[array.dims[0]] if array.dims[0] in array.coords else None
        places = np.arange(array.size) if x is None else x.values
        draw_series(ax, places, array.values, 1, None)
        ax.plot(places, array.values, "o", color=COLOURS[1], ms=3)
        finish(ax, _label(array.dims[0], x), _label(str(array.name), array))
        return fig, ax
    if array.ndim != 2:
        raise ValueError(
            f"variable {array.name!r} must have one or two dimensions, not {array.dims}; choose "
            "with data.sel(…) or data.isel(…)"
        )
    y, x = (array[d] for d in array.dims)
    low, high = float(array.min()), float(array.max())
    signed = low < 0 < high
    limits: Any = {"vmin": -max(-low, high), "vmax": max(-low, high)} if signed else {}
    image = ax.pcolormesh(
        x.values,
        y.values,
        np.ma.masked_invalid(array.values),
        shading="nearest",
        cmap=DIVERGING if signed else MATRIX,
        rasterized=True,
        **limits,
    )
    ax.set_facecolor("0.85")  # points that failed or have not run
    colour_bar(fig, image, ax, _label(str(array.name), array))
    finish(ax, _label(array.dims[1], x), _label(array.dims[0], y))
    if contour is not None:
        _contour(ax, x.values, y.values, _chosen(data, contour, "contour"), level)
    return fig, ax


def _texts_alone(array: Any, fig: Figure | None, ax: Axes | None) -> tuple[Figure, Axes]:
    """A map of texts over two parameters."""
    fig, ax = figure(fig, ax, figsize=(5, 3.8))
    y, x = (array[d] for d in array.dims)
    ax.set_xlim(*_edges(x.values)[[0, -1]])
    ax.set_ylim(*_edges(y.values)[[0, -1]])
    finish(ax, _label(array.dims[1], x), _label(array.dims[0], y))
    _contour(ax, x.values, y.values, array, 0.0)
    return fig, ax


def _instead(array: Any) -> str:
    """What to do with what is no number that can be drawn."""
    if array.dtype.kind == "c":
        return "; take .real, .imag or abs() of it"
    return ", or texts over two parameters" if array.dtype.kind in "OUT" else ""


def _chosen(data: Any, name: str | None, what: str) -> Any:
    """The array of that name, over the parameters alone."""
    known = [str(k) for k in data.data_vars if k not in ("status", "error", "seconds")]
    if name is None:
        if len(known) != 1:
            raise ValueError(f"{what} must be one of {', '.join(known)}; there are {len(known)}")
        name = known[0]
    check_choice(what, name, [*known, "status", "seconds"])
    array = data[name]
    if "seed" in array.dims and array.dtype.kind in "fc":
        array = array.mean("seed", keep_attrs=True)
    return array.squeeze()


def _label(name: Any, array: Any) -> str:
    attributes = {} if array is None else array.attrs
    text = str(attributes.get("long_name", str(name).replace("_", " ")))
    units = attributes.get("units", "")
    return f"{text} ({units})" if units else text


def _contour(ax: Axes, x: np.ndarray, y: np.ndarray, array: Any, level: float) -> None:
    if array.dtype.kind in "fiu":
        ax.contour(x, y, array.values, levels=[level], colors="white", linewidths=2.6)
        ax.contour(x, y, array.values, levels=[level], colors="black", linewidths=1.2)
        ax.plot([], [], color="black", lw=1.2, label=f"{_label(array.name, array)} = {level:g}")
        legend(ax, above=True)
        return
    # by way of Python: what zarr reads has strings of any length
    texts = np.array(array.values.tolist(), dtype=str)
    _borders(ax, x, y, texts)
    places = np.meshgrid(x, y)
    # shapes, as no colour is seen on every other; smaller where points are close
    across = float(np.clip(125.0 / max(len(x), len(y)), 2.0, 4.5))
    for k, name in enumerate(t for t in np.unique(texts) if t):
        here = texts == name
        ax.scatter(
            places[0][here],
            places[1][here],
            s=across**2,
            marker=_SHAPES[k % len(_SHAPES)],
            color="white",
            edgecolors="black",
            linewidths=0.6,
            label=name,
        )
    legend(ax, _label(array.name, array), above=True)


def _edges(x: np.ndarray) -> np.ndarray:
    """Borders of the cells around the points."""
    if len(x) == 1:
        return np.asarray(x[0] + np.array([-0.5, 0.5]))
    middle = (x[1:] + x[:-1]) / 2
    return np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])


def _borders(ax: Axes, x: np.ndarray, y: np.ndarray, texts: np.ndarray) -> None:
    """Lines between neighbouring cells of different texts: nothing is interpolated."""
    from matplotlib.collections import LineCollection

    across, up = _edges(x), _edges(y)
    lines = [
        [(across[k + 1], up[j]), (across[k + 1], up[j + 1])]
        for j, k in zip(*np.nonzero(texts[:, 1:] != texts[:, :-1]), strict=True)
    ]
    lines += [
        [(across[k], up[j + 1]), (across[k + 1], up[j + 1])]
        for j, k in zip(*np.nonzero(texts[1:] != texts[:-1]), strict=True)
    ]
    ax.add_collection(LineCollection(lines, colors="white", lw=2.4))
    ax.add_collection(LineCollection(lines, colors="black", lw=1.1))
