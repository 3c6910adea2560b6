"""Exact against approximate: the same measures of every run, and their differences."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.checks import check_flag, check_label, check_number
from ..core.errors import MissingFieldError, QsyncplugWarning
from ..core.interrupts import whole_or_nothing
from ..core.types import Modes
from ..sync import SyncView, measures, synchronization, verdict
from ..sync.measures.common import equal_nodes
from .checks import checks_of
from .meanfields import is_of_fields, mean_field
from .result import Comparison
from .rows import Row, make_row, split

__all__ = ["compare"]

_COSTLY_TIMES = 41
#: numbers T·N² of a measure of pairs that are worked out for a mean over them
_PAIRS = 10**7
#: nodes up to which the excess of r² is shown: with few of them r alone misleads
_FEW = 10


@whole_or_nothing
def compare(
    results: Mapping[str, Any],
    *,
    tolerance: float = 0.05,
    reference: str | None = None,
    modes: Modes = None,
    verdicts: bool = True,
) -> Comparison:
    """Read several runs of one system off with the same measures and compare them.

    Parameters
    ----------
    results : mapping of str to result, QuTiP result, states or SyncView
        Two or more; the first is the reference unless `reference` names another, e.g. ``{"exact":
        exact, "mean field": approx}``.
    tolerance : float
        The window of agreement of a measure lasts while |difference| ≤ `tolerance` × its largest
        exact value.
    reference : str, optional
        Key of the entry that the others are compared with.
    modes : sequence of Qobj or Expression, optional
        For entries of plain QuTiP: the lowering operator of each node.
    verdicts : bool
        Whether to judge each entry (:func:`qsyncplug.verdict`); spectra of an exact run take some
        seconds.

    Returns
    -------
    Comparison
        Prints as a table with the verdicts and the line that answers the question; ``.plot()``,
        ``.save(path)``, ``.to_xarray()``, ``.to_dict()``, ``.rows``, ``.checks``, ``.verdicts``.

    Raises
    ------
    TypeError, ValueError
        Fewer than two entries, finite numbers of nodes that differ, two names that print alike,
        or no common times.

    Notes
    -----
    Mutual information, logarithmic negativity and discord measure correlation; they stand beside
    synchronisation and are not synchronisation. S_q=1 is the vacuum value. r of independent nodes
    is 1/√N (.7071 for two), their excess e=(N r²−1)/(N−1) is 0. Where an entry is of infinitely
    many oscillators, the mean fields are compared: modulus and phase. Of a mean field whose
    equations are not linear, n is |β|² and the coherence e^{−σ²/2}, σ² the variance of the relative
    phase.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> system = qsp.System(a.dag() * b + b.dag() * a, [a, b])
    >>> times = np.linspace(0, 1, 5)
    >>> runs = {c: qsp.mfsolve(system, [1, 0], times, closure=c) for c in ("gaussian", "linear")}
    >>> all(row.whole for row in qsp.compare(runs).rows)
    True
    """
    names, first = _check_entries(results, reference)
    verdicts = check_flag("verdicts", verdicts)
    tolerance = check_number("tolerance", tolerance, minimum=0.0, strict=True)
    if modes is not None and not any(map(_is_plain, results.values())):
        raise TypeError("modes belong to QuTiP results and states; these results bring their own")
    whole = {
        name: _read(result, modes) for name, result in zip(names, results.values(), strict=True)
    }
    fields = any(is_of_fields(view) for view in whole.values())
    if not fields:
        _check_nodes(whole, first)
    order = (first, *(m for m in names if m != first))
    times, index = _common({name: whole[name] for name in order})
    views = {name: whole[name].at(index[name]) for name in order}
    if fields:
        views = {name: mean_field(view) for name, view in views.items()}
    series = _Series(_nodes(views[first]), fields=fields)
    series.read(views, times)
    judged = {name: verdict(whole[name]) for name in order} if verdicts else {}
    originals = dict(zip(names, results.values(), strict=True))
    checks = [
        c for name in order for c in checks_of(name, originals[name], views[name], judged.get(name))
    ]
    rows, differences = series.rows(order, tolerance)
    return Comparison(
        times=times,
        reference=first,
        names=order,
        values=series.values,
        times_of=series.times_of,
        differences=differences,
        labels=series.labels,
        rows=tuple(rows),
        checks=tuple(checks),
        tolerance=tolerance,
        verdicts=judged,
        notes=(*series.notes(), *_gaussian_notes(series.values, views), *_phase_notes(views)),
    )


# ------------------------------------------------------------ what is compared


def _check_entries(results: Any, reference: str | None) -> tuple[tuple[str, ...], str]:
    if not isinstance(results, Mapping):
        raise TypeError(f"results must be a dict of name → result, not {type(results).__name__}")
    if len(results) < 2:
        raise ValueError(f"results must hold at least two entries to compare, not {len(results)}")
    names = tuple(str(n) for n in results)
    if len(set(names)) < len(names):
        raise ValueError(f"results must have names that print differently, not {list(results)}")
    first = check_label("reference", reference) or names[0]
    if first not in names:
        known = ", ".join(map(repr, names))
        raise ValueError(f"reference must be one of {known}, not {reference!r}")
    return names, first


def _is_plain(result: Any) -> bool:
    """Whether it is QuTiP's, or states, which know of no nodes."""
    return type(result).__module__.startswith("qutip") or isinstance(result, (list, tuple))


def _read(result: Any, modes: Any) -> SyncView:
    return synchronization(result, modes=modes if _is_plain(result) else None)


def _check_nodes(views: Mapping[str, SyncView], first: str) -> None:
    n = views[first].n
    for name, view in views.items():
        if view.n != n:
            raise ValueError(
                f"results must have the same number of nodes; {_counted(first, views[first])}, "
                f"{_counted(name, view)}"
            )


def _counted(name: str, view: SyncView) -> str:
    """How many nodes a result has, by their names where it knows them."""
    named = f" ({', '.join(view.labels)})" if view.labels and view.n <= 8 else ""
    return f"{name!r} has {view.n}{named}"


def _nodes(view: SyncView) -> tuple[str, ...]:
    return view.labels or tuple(str(j + 1) for j in range(view.n))


def _common(views: Mapping[str, SyncView]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times that all views share, and their indices in each."""
    names = list(views)
    times = np.asarray(views[names[0]].times)
    span = max(float(np.ptp(times)), float(np.abs(times).max()) * 1e-6, 1e-300)
    index = {names[0]: np.arange(len(times))}
    keep = np.ones(len(times), dtype=bool)
    for name in names[1:]:
        other = np.asarray(views[name].times)
        at = np.clip(np.searchsorted(other, times), 0, len(other) - 1)
        before = np.clip(at - 1, 0, len(other) - 1)
        near = np.where(np.abs(other[before] - times) < np.abs(other[at] - times), before, at)
        keep &= np.abs(other[near] - times) <= 1e-9 * span
        index[name] = near
    if not keep.any():
        raise ValueError(
            f"the entries {names} have no time in common; run them with the same tlist"
        )
    return times[keep], {name: at[keep] for name, at in index.items()}


@dataclass
class _Series:
    """Series of every measure that all entries have."""

    nodes: tuple[str, ...]
    fields: bool = False
    values: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    times_of: dict[str, np.ndarray] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    circular: set[str] = field(default_factory=set)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def read(self, views: Mapping[str, SyncView], times: np.ndarray) -> None:
        """Evaluate the measures of the table."""
        for record in _of_fields() if self.fields else _of_table():
            if record.name == "order_excess" and len(self.nodes) > _FEW:
                continue
            try:
                self._one(record, views, times)
            except (MissingFieldError, ValueError) as error:
                # said once for all measures that lack the same
                why = str(error).replace(f", which {record.name} needs", "")
                self.left_out.setdefault(why, []).append(record.name)
        if not self.values:
            raise ValueError("the entries share no measure: " + "; ".join(self.notes()))

    def _one(
        self, record: measures.Record, views: Mapping[str, SyncView], times: np.ndarray
    ) -> None:
        thin = np.arange(len(times))
        if record.costly and len(times) > _COSTLY_TIMES:
            thin = np.unique(np.linspace(0, len(times) - 1, _COSTLY_TIMES).round().astype(int))
        size = len(thin) * len(self.nodes) ** 2
        if record.of == "pairs" and size > _PAIRS:
            raise ValueError(
                f"{len(self.nodes)} nodes have too many pairs for the table; compare a pair(i, j) "
                "of the views"
            )
        found = {}
        for entry, view in views.items():
            with warnings.catch_warnings():
                # an undefined value is printed as nan in the table, which says it once
                warnings.simplefilter("ignore", QsyncplugWarning)
                found[entry] = np.asarray(record.function(view.at(thin)), dtype=float)
        if all(np.all(np.isnan(array)) for array in found.values()):
            raise ValueError("undefined at all times in all entries")
        symbol = record.symbol if self.fields else _symbol(record, views)
        for entry, array in found.items():
            parts = split(self.nodes, record.name, array, symbol, circular=record.circular)
            for key, text, series in parts:
                self.values.setdefault(key, {})[entry] = series
                self.labels[key], self.times_of[key] = text, times[thin]
                if record.circular:
                    self.circular.add(key)

    def rows(
        self, order: tuple[str, ...], tolerance: float
    ) -> tuple[list[Row], dict[str, dict[str, np.ndarray]]]:
        """Rows of the table, and the differences from the reference."""
        rows: list[Row] = []
        differences: dict[str, dict[str, np.ndarray]] = {}
        for key, by_name in self.values.items():
            differences[key] = {}
            exact = by_name[order[0]]
            for name in order[1:]:
                # two infinite values (S_c of complete synchronisation) agree
                with np.errstate(invalid="ignore"):
                    away = np.where(by_name[name] == exact, 0.0, by_name[name] - exact)
                if key in self.circular:
                    away = np.angle(np.exp(1j * away))
                differences[key][name] = away
                times, label = self.times_of[key], self.labels[key]
                rows.append(
                    make_row(key, label, name, times, exact, by_name[name], away, tolerance)
                )
        return rows, differences

    def notes(self) -> list[str]:
        """What was left out, and why."""
        return [f"left out: {', '.join(names)}: {why}" for why, names in self.left_out.items()]


def _of_table() -> list[measures.Record]:
    """Measures that stand in the table, in their order."""
    placed = [(r.place, r) for r in measures.RECORDS.values() if r.place is not None]
    return [record for _, record in sorted(placed, key=lambda pair: pair[0])]


def _of_fields() -> list[measures.Record]:
    """The measures that oscillators without limit have: those of the whole."""
    return [measures.RECORDS[name] for name in ("order_parameter", "mean_phase")]


def _symbol(record: measures.Record, views: Mapping[str, SyncView]) -> str:
    """With the null value where it depends on the nodes, and all entries have the same."""
    found = [record.null_of(equal_nodes(view)) for view in views.values()]
    nulls = [null for null in found if null is not None]
    if callable(record.null) and nulls and np.allclose(nulls, nulls[0]):
        return f"{record.symbol} (null {nulls[0]:.4g})"
    return record.symbol


def _gaussian_notes(values: Mapping[str, Any], views: Mapping[str, SyncView]) -> tuple[str, ...]:
    """Which entries' entropies are those of a Gaussian state."""
    if not any(m in values for m in ("mutual_information", "log_negativity")):
        return ()
    gaussian = [name for name, view in views.items() if not view.has("states")]
    if not gaussian:
        return ()
    rest = "" if len(gaussian) == len(views) else "; of the others: of their states"
    text = f"mutual information and E_N of {', '.join(gaussian)}: of the Gaussian state with these"
    return (f"{text} moments{rest}",)


def _phase_notes(views: Mapping[str, SyncView]) -> tuple[str, ...]:
    """Which entries' coherences are those of their phases, and what the same moments would give."""
    told: dict[tuple[str, str], list[str]] = {}
    for name, view in views.items():
        if view.n < 2 or view.vacuum == 0 or not (view.has("mean") and view.has("correlations")):
            continue
        shown, of_phases, of_moments = _coherences_of_first(view)
        # an overlap of wave functions is another number, and is not told so
        if abs(shown - of_phases) < 1e-6 < abs(shown - of_moments):
            told.setdefault((f"{shown:.3g}", f"{of_moments:.3g}"), []).append(name)
    return tuple(
        f"the coherence of {', '.join(names)} is e^{{−σ²/2}}, and σ² counts the vacuum noise of "
        f"the phases: at the first time {shown}, where ⟨b†b⟩/√nn of the same moments is "
        f"{of_moments}; so much is a matter of definition, and falls as 1/n"
        for (shown, of_moments), names in told.items()
    )


def _coherences_of_first(view: SyncView) -> tuple[float, float, float]:
    """|z| of the first two nodes at the first time: as the view has it, of phases, of moments."""
    first = view.at(np.array([0]))
    beta, C = first.amplitudes[0, :2], first.covariance[0, :4, :4]
    n = np.abs(beta) ** 2 + (np.diag(C)[::2] + np.diag(C)[1::2]) / 2 - 0.5
    c = (C[0, 2] + C[1, 3] + 1j * (C[0, 3] - C[1, 2])) / 2
    shown = float(np.abs(first.reference(0)[0, 1]))
    if min(n.min(), np.abs(beta).min()) <= 1e-12:
        return shown, shown, shown
    across = np.array([(-b.imag, b.real) for b in beta]) / (np.sqrt(2) * np.abs(beta[:, None]) ** 2)
    relative = (across * [[1], [-1]]).ravel()
    of_phases = float(np.exp(-(relative @ C @ relative) / 2))
    return shown, of_phases, float(np.abs(np.conj(beta[0]) * beta[1] + c) / np.sqrt(n[0] * n[1]))
