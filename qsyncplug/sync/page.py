"""A view in a notebook: what it holds, and what it lacks."""

from __future__ import annotations

import html
from typing import Any

from .dynamics import Dynamics

__all__ = ["page_of"]

_FIELDS = {
    "mean": "(T, 2N)",
    "covariance": "(T, 2N, 2N)",
    "correlations": "(T, N, N)",
    "masses": "(T, N)",
    "order_parameter": "(T,)",
    "states": "T",
}


def page_of(view: Any) -> str:
    """HTML of a view; evaluates nothing. No colours: those of the page serve, dark or light."""
    first, last = view.times[0], view.times[-1]
    span = f"t = {first:g} to {last:g}" if view.n_times > 1 else f"t = {first:g}"
    rows = [
        ("times", f"{view.n_times}, {span}"),
        ("nodes", _nodes(view)),
        ("fields", ", ".join(f"{name} {_FIELDS[name]}" for name in view.fields)),
    ]
    lacking = [name for name in _FIELDS if name not in view.fields]
    if lacking:
        rows.append(("not known", ", ".join(lacking)))
    if view.dynamics is not None:
        rows.append(("the model says", _facts(view.dynamics)))
    rows += [("beware", note) for note in view.notes]
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(text)}</td></tr>'
        for name, text in rows
    )
    return f"<p><b>{html.escape(view.system or 'view')}</b></p><table>{cells}</table>"


def _nodes(view: Any) -> str:
    kind = "classical" if view.is_classical else "quantum"
    names = "" if view.labels is None else f": {', '.join(view.labels[:8])}"
    more = ", …" if view.labels is not None and len(view.labels) > 8 else ""
    return f"{view.n} ({kind}){names}{more}"


def _facts(facts: Dynamics) -> str:
    """Facts in words; what is not known is left out."""
    said = {
        "the nodes act on each other": facts.coupled,
        "a common phase is free": facts.phase_symmetry,
        "constant in time": facts.autonomous,
        "dissipative": facts.dissipative,
        "every node has gain": None if facts.gain is None else all(facts.gain),
    }
    parts = [
        f"{name}: {'yes' if value else 'no'}" for name, value in said.items() if value is not None
    ]
    if facts.quantum.ntraj is not None:
        parts.append(f"averages over {facts.quantum.ntraj} samples")
    return "; ".join(parts)
