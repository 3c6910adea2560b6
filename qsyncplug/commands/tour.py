"""``python -m qsyncplug``: every family in two minutes, one table and one page."""

from __future__ import annotations

import argparse
import html
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .report import figure_tag, page, table_tag
from .shared import Stages, base_of, check_output, with_ending, write_json
from .stops import STOPS, Stop

__all__ = ["Line", "add_options", "lines_of", "run"]

_HEADER = (
    "system",
    "run",
    "kind",
    "verdict",
    "order r (null)",
    "rate",
    "predicted",
    "worst disagreement",
)


@dataclass(frozen=True)
class Line:
    """One run in the table of the tour.

    Attributes
    ----------
    system, run, kind : str
        `kind` is "exact" or "approximate".
    verdict : str
    order, null : float
        Order parameter at the end, and what independent nodes would have.
    rate, rate_error, predicted : float or None
        Fitted rate of the approach, and that of a theorem.
    worst : float or None
        Largest difference of r or of a coherence from the first run; None for the first.
    """

    system: str
    run: str
    kind: str
    verdict: str
    order: float
    null: float
    rate: float | None
    rate_error: float | None
    predicted: float | None
    worst: float | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The line's eight cells as the tour prints them, numbers with their errors and null
        values.
        """
        rate = "" if self.rate is None else f"{self.rate:.4g} ± {self.rate_error or 0.0:.1g}"
        return (
            self.system,
            self.run,
            self.kind,
            self.verdict,
            f"{self.order:.4f} ({self.null:.4f})",
            rate,
            "" if self.predicted is None else f"{self.predicted:.4g}",
            "reference" if self.worst is None else f"{self.worst:.1e}",
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tour to `parser`."""
    add = parser.add_argument
    add("--quick", action="store_true", help="smaller systems: under half a minute")
    add("--output", type=Path, default=Path("qsyncplug-tour"), help="OUTPUT.html, .txt and .json")
    add("--quiet", action="store_true", help="no progress")


def lines_of(name: str, stop: Stop, comparison: Any) -> list[Line]:
    """The rows of one stop.

    Parameters
    ----------
    name : str
        Of the system.
    stop : Stop
    comparison : Comparison
        Of its runs.

    Returns
    -------
    list of Line
    """
    from ..sync import measures, synchronization, verdict

    out = []
    for run, result in stop.runs.items():
        view = synchronization(result)
        found = verdict(result)
        rate = found.rate
        apart = [
            row.largest
            for row in comparison.rows
            if row.name == run and row.measure in ("order_parameter", "coherence")
        ]
        out.append(
            Line(
                name,
                run,
                "exact" if run in stop.exact else "approximate",
                str(found.label),
                float(measures.order_parameter(view)[-1]),
                1 / float(np.sqrt(view.n)),
                None if rate is None else float(rate),
                None if rate is None else float(rate.error),
                stop.rate,
                max(apart) if apart else None,
            )
        )
    return out


def _table(lines: list[Line]) -> str:
    rows = [_HEADER, *(line.cells for line in lines)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEADER))]
    text = [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    text.insert(1, "-" * max(map(len, text)))
    return "\n".join(text)


def run(args: argparse.Namespace) -> int:
    """Run the tour; print the table, write the page."""
    import matplotlib

    matplotlib.use("Agg")
    from ..comparison.table import compare
    from ..core.errors import QsyncplugWarning
    from ..core.version import VERSION

    check_output(args)
    stages = Stages(args)
    lines: list[Line] = []
    parts: list[str] = []
    said: list[str] = []
    for name, make in STOPS.items():
        with stages(name), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", QsyncplugWarning)
            stop = make(args.quick)
            comparison = compare(stop.runs)
            new = lines_of(name, stop, comparison)
            picture = figure_tag(stop.draw(comparison), stop.title)
        notes = sorted({str(w.message) for w in caught})
        said += [f"{name}: {note}" for note in notes]
        lines += new
        parts.append(_section(stop, new, comparison, picture, notes))
    table = _table(lines)
    print(table)
    for note in said:
        print(f"note  {note}")
    print("null: the order of independent nodes. A verdict is never read off r alone.")
    seconds = sum(stages.seconds.values())
    head = (
        f"<h1>Quantum synchronisation, family by family</h1><p class=faint>qsyncplug {VERSION}, "
        f"{len(lines)} runs of {len(STOPS)} systems in {seconds:.0f} s</p>"
        "<p>Each system is run in more than one way and read off with the same measures: do the "
        "nodes synchronise, how fast, how do we know, and how far is the approximation from the "
        "truth? <em>Null</em> is the order of independent nodes.</p>"
    )
    whole = table_tag(_HEADER, [line.cells for line in lines], (4, 5, 6, 7))
    base = base_of(args.output, ".html")
    paths = {kind: with_ending(base, f".{kind}") for kind in ("html", "txt", "json")}
    paths["html"].write_text(page("qsyncplug: a tour", [head, whole, *parts]), encoding="utf-8")
    paths["txt"].write_text(table + "\n", encoding="utf-8")
    data = {"seconds": stages.seconds, "lines": [asdict(line) for line in lines], "notes": said}
    write_json(paths["json"], data)
    print(f"\nreport: {paths['html']}\ntable:  {paths['txt']}\ndata:   {paths['json']}")
    return 0


def _section(stop: Stop, lines: list[Line], comparison: Any, picture: str, notes: list[str]) -> str:
    rows = [(line.run, line.kind, line.verdict, line.cells[4], line.cells[7]) for line in lines]
    header = ("run", "kind", "verdict", "order r (null)", "worst disagreement")
    predicted = (
        f"<p class=faint>predicted rate {stop.rate:.4g}: {html.escape(stop.rate_of)}</p>"
        if stop.rate is not None
        else ""
    )
    remarks = "".join(f"<p class=faint>{html.escape(note)}</p>" for note in notes)
    return (
        f"<h2>{html.escape(stop.title)}</h2><p>{html.escape(stop.text)}</p>{picture}"
        f"{table_tag(header, rows, (3, 4))}{predicted}{remarks}"
        f"<details><summary>every measure</summary><pre>{html.escape(str(comparison))}</pre>"
        "</details>"
    )
