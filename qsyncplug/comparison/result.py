"""What a comparison found: table, page, file, arrays, figure."""

from __future__ import annotations

import html
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core import storage
from ..core.extras import need
from ..core.saved import Saved
from ..sync import Verdict
from .answer import answer
from .checks import Check
from .rows import Row

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Comparison"]


@dataclass(frozen=True, eq=False)
class Comparison(Saved):
    """What :func:`compare` found; prints as a table.

    Attributes
    ----------
    times : ndarray of shape (T,)
        Common times.
    reference : str
        Name of the entry that the others are compared with.
    names : tuple of str
        Of the entries, the reference first.
    values : dict
        measure → name → array over ``times_of[measure]``.
    times_of : dict
        measure → its times (costly measures are evaluated at some of the times only).
    differences : dict
        measure → name → array, approximate − exact.
    labels : dict
        measure → its symbol.
    rows : tuple of Row
        The table.
    checks : tuple of Check
        What could make the comparison misleading.
    tolerance : float
        Of the windows of agreement.
    verdicts : dict
        name → :class:`~qsyncplug.Verdict`; empty if none was asked for.
    notes : tuple of str
        What was left out, and why.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> same = qsp.compare({"one": run, "two": run})
    >>> same.reference, float(abs(same.differences["order_parameter"]["two"]).max())
    ('one', 0.0)
    """

    _axes: ClassVar[dict[str, str]] = {"times": "T"}

    times: np.ndarray
    reference: str
    names: tuple[str, ...]
    values: dict[str, dict[str, np.ndarray]]
    times_of: dict[str, np.ndarray]
    differences: dict[str, dict[str, np.ndarray]]
    labels: dict[str, str]
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    tolerance: float
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The line that answers the question; empty without verdicts."""
        return answer(self.verdicts, self.reference) if self.verdicts else ""

    # ------------------------------------------------------------ as text

    def _table(self) -> list[tuple[str, ...]]:
        """Header and rows, verdicts first."""
        end = f"{self.times[-1]:g}"
        head = ("measure", "approximation", f"{self.reference} (t={end})", "approximate")
        table: list[tuple[str, ...]] = [(*head, "difference", "largest", "agrees for t in")]
        for name, verdict in self.verdicts.items():
            if name != self.reference:
                exact = str(self.verdicts[self.reference].label)
                table.append(("verdict", name, exact, str(verdict.label), "", "", ""))
        for row in self.rows:
            numbers = (f"{row.exact:.6f}", f"{row.approximate:.6f}")
            away = (f"{row.difference:+.2e}", f"{row.largest:.2e}")
            table.append((row.label, row.name, *numbers, *away, row.agrees))
        return table

    def _title(self) -> str:
        others = ", ".join(n for n in self.names if n != self.reference)
        return f"{self.reference} against {others}, t = {self.times[0]:g} … {self.times[-1]:g}"

    def __str__(self) -> str:
        lines = [self._title()]
        lines += [self.answer] if self.verdicts else []
        lines += _aligned(self._table())
        lines.append(
            f"agreement: |difference| ≤ {self.tolerance:g} × the largest exact value in the run"
        )
        for name, verdict in self.verdicts.items():
            lines.append(f"  {name}: {verdict.label}: {verdict.why}")
        lines.append("checks")
        lines += [
            f"  {'ok  ' if c.passed else 'LOOK'}  {c.name}: {c.what}: {c.found}"
            for c in self.checks
        ]
        lines += [f"  note  {note}" for note in self.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, *rows = self._table()
        top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        looks = [c for c in self.checks if not c.passed]
        warned = "".join(f"<li>{html.escape(f'{c.name}: {c.what}: {c.found}')}</li>" for c in looks)
        return (
            f"<p><b>{html.escape(self._title())}</b><br>{html.escape(self.answer)}</p>"
            f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table><ul>{warned}</ul>"
        )

    # ------------------------------------------------------------ as data

    @property
    def table(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(row.__dict__) for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows (NaN becomes None)."""
        return dict(_clean({**self._data(), "verdicts": _verdicts(self.verdicts)}))

    def _data(self) -> dict[str, Any]:
        return {
            "times": self.times,
            "reference": self.reference,
            "names": self.names,
            "answer": self.answer,
            "tolerance": self.tolerance,
            "labels": self.labels,
            "times_of": self.times_of,
            "values": self.values,
            "differences": self.differences,
            "table": self.table,
            "checks": [dict(c.__dict__) for c in self.checks],
            "notes": self.notes,
        }

    # returns the path, which the ending of the name decides; others return nothing
    def save(self, path: str | os.PathLike[str]) -> pathlib.Path:  # type: ignore[override]
        """Write everything as JSON, which any program reads, or for :func:`qsyncplug.load`.

        Parameters
        ----------
        path : str or Path
            Ending in ``.npz``: for :func:`qsyncplug.load`, bit for bit. Otherwise JSON; the ending
            becomes ``.json`` if there is none.

        Returns
        -------
        Path
            Of the file.
        """
        target = pathlib.Path(path)
        if target.suffix == ".npz":
            storage.save(self, target)
            return target
        target = target if target.suffix else target.with_suffix(".json")
        target.write_text(json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1))
        return target

    def to_xarray(self) -> xarray.Dataset:
        """The values as an ``xarray.Dataset`` with the dimensions time and entry.

        Measures that were evaluated at some of the times only have a time axis of their own. Needs
        the extra ``sweep``.
        """
        library = need("xarray", "sweep", "to_xarray")
        arrays = {}
        coordinates: dict[str, Any] = {"time": self.times, "entry": list(self.names)}
        for key, by_name in self.values.items():
            axis = "time" if len(self.times_of[key]) == len(self.times) else "time_thin"
            coordinates[axis] = self.times_of[key]
            series = np.stack([by_name[name] for name in self.names], axis=1)
            arrays[key] = ((axis, "entry"), series, {"symbol": self.labels[key]})
        labels = {"verdict": (("entry",), [str(self.verdicts[n].label) for n in self.names])}
        extra = labels if self.verdicts else {}
        found: xarray.Dataset = library.Dataset(
            {**arrays, **extra},
            coordinates,
            attrs={"reference": self.reference, "answer": self.answer},
        )
        return found

    def plot(
        self,
        measures: Sequence[str] | None = None,
        *,
        fig: Figure | None = None,
        axes: Figure | Sequence[Axes] | None = None,
    ) -> tuple[Any, Any]:
        """Every measure in time, one panel each, with the windows of agreement shaded.

        Parameters
        ----------
        measures : sequence of str, optional
            Keys of ``values`` to show; a selection of those present by default.
        fig, axes : matplotlib Figure and sequence of Axes, optional
            Where to draw.

        Returns
        -------
        fig, axes
        """
        from ..plot.comparison import plot_comparison

        return plot_comparison(self, measures, fig=fig, axes=axes)


def _aligned(table: list[tuple[str, ...]]) -> Iterator[str]:
    """Lines with columns of equal width; numbers to the right."""
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    for k, row in enumerate(table):
        cells = [
            cell.ljust(width) if i in (0, 1, 6) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
        if k == 0:
            yield "-" * (sum(widths) + 2 * len(widths) - 2)


def _verdicts(verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    return {
        name: {
            "label": str(v.label),
            "why": v.why,
            "evidence": dict(v.evidence),
            "rate": v.rate,
            "beat": v.beat,
            "period": v.period,
            "flags": v.flags,
        }
        for name, v in verdicts.items()
    }


def _clean(x: Any) -> Any:
    """`x` in types that JSON knows: arrays as lists, keys as text, numbers that are not finite as
    None.
    """
    if isinstance(x, np.ndarray):
        return [_clean(v) for v in x.tolist()]
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, bool):
        return x
    if isinstance(x, float):
        return float(x) if np.isfinite(x) else None
    if isinstance(x, Mapping):
        return {str(k): _clean(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [_clean(v) for v in x]
    return x
