"""What two runs show of one measure, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.saved import Saved

__all__ = ["Row", "make_row", "split"]


@dataclass(frozen=True)
class Row(Saved):
    """One measure in one approximation.

    Attributes
    ----------
    measure, label, name : str
        Key and symbol of the measure (with the node or pair), and the approximation.
    exact, approximate, difference : float
        At the last common time; `difference` = approximate − exact.
    largest : float
        Largest absolute difference over the common times.
    window : tuple of float or None
        First interval, from the first common time on, in which the two agree to the tolerance;
        None: not even there.
    whole : bool
        Whether the window is the whole run.
    """

    measure: str
    label: str
    name: str
    exact: float
    approximate: float
    difference: float
    largest: float
    window: tuple[float, float] | None
    whole: bool

    @property
    def agrees(self) -> str:
        """The window of agreement as the table shows it."""
        if self.window is None:
            return "not at first"
        if self.whole:
            return "the whole run"
        return f"[{self.window[0]:.4g}, {self.window[1]:.4g}]"


def split(
    nodes: tuple[str, ...], measure: str, values: np.ndarray, label: str, *, circular: bool
) -> list[tuple[str, str, np.ndarray]]:
    """Key, text and series of each node, of the pair, or of the mean over pairs.

    Angles have a circular mean: the direction of the mean of e^{iφ}.
    """
    n = len(nodes)
    if values.ndim == 1:
        return [(measure, label, values)]
    if n == 1 and values.ndim == 3:
        return []
    if values.ndim == 2:
        if n <= 4:
            return [(f"{measure}_{j + 1}", f"{label} {nodes[j]}", values[:, j]) for j in range(n)]
        return [(measure, f"{label}, mean", _mean(values, circular))]
    if n == 2:
        return [(measure, label, values[:, 0, 1])]
    j, k = np.triu_indices(n, 1)
    return [(measure, f"{label}, mean of pairs", _mean(values[:, j, k], circular))]


def _mean(values: np.ndarray, circular: bool) -> np.ndarray:
    if not circular:
        return np.asarray(values.mean(axis=1))
    return np.asarray(np.angle(np.mean(np.exp(1j * values), axis=1)))


def make_row(
    key: str,
    label: str,
    name: str,
    times: np.ndarray,
    exact: np.ndarray,
    approximate: np.ndarray,
    difference: np.ndarray,
    tolerance: float,
) -> Row:
    """The row of one measure and one approximation."""
    both_undefined = np.isnan(exact) & np.isnan(approximate)
    # a measure that one has and the other has not is a disagreement
    unlike = np.where(np.isnan(difference), np.inf, np.abs(difference))
    size = np.where(both_undefined, 0.0, unlike)
    # an infinite value (S_c of complete synchronisation) sets no scale: everything would agree
    known = np.isfinite(exact)
    scale = np.max(np.abs(exact[known])) if known.any() else 1.0
    # what is zero in both agrees, whatever rounding makes of it
    agrees = size <= max(tolerance * scale, 1e-7)
    window, whole = None, bool(agrees.all())
    if agrees[0]:
        last = len(times) - 1 if whole else int(np.argmin(agrees)) - 1
        window = (float(times[0]), float(times[last]))
    finite = np.any(np.isfinite(difference))
    return Row(
        measure=key,
        label=label,
        name=name,
        exact=float(exact[-1]),
        approximate=float(approximate[-1]),
        difference=float(difference[-1]),
        largest=float(np.nanmax(np.abs(difference))) if finite else float("nan"),
        window=window,
        whole=whole,
    )
