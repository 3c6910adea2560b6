"""Exact against approximate: one table of measures, windows of agreement, checks, and a figure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..adapters import synchronization
from ..core.checks import check_number
from ..core.errors import MissingFieldError, QsyncplugWarning
from ..sync import SyncView, measures

__all__ = ["Check", "Comparison", "Row", "compare"]

#: measures in the order of the table: key, label, function, costly (needs the states at every time)
_MEASURES: tuple[tuple[str, str, Callable[[SyncView], np.ndarray], bool], ...] = (
    ("excitations", "n", lambda v: v.masses, False),
    ("order_parameter", "r", measures.order_parameter, False),
    ("coherence", "|⟨b†b⟩|/√nn", measures.coherence, False),
    ("coherence_phase", "arg ⟨b†b⟩", measures.coherence_phase, False),
    ("complete", "S_c", measures.complete, False),
    ("complete_fluctuations", "S_q", measures.complete_fluctuations, False),
    ("phase_rotated", "S_q^φ", measures.phase_rotated, False),
    ("phase", "S_p", measures.phase, False),
    ("pearson", "Pearson q", measures.pearson, False),
    ("mutual_information", "mutual inf.", measures.mutual_information, True),
    ("log_negativity", "E_N", measures.log_negativity, True),
    ("gaussian_discord", "Gauss. discord", measures.gaussian_discord, False),
)
_COSTLY_TIMES = 41
#: correlation measures, reported beside synchronisation and never as synchronisation
CORRELATION = ("mutual_information", "log_negativity", "gaussian_discord")


@dataclass(frozen=True)
class Row:
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


@dataclass(frozen=True)
class Check:
    """One check of one entry: passed or not, and what was found."""

    name: str
    what: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found; prints as a table.

    Attributes
    ----------
    times : ndarray of shape (T,)
        Common times.
    reference : str
        Name of the entry that the others are compared with.
    values : dict
        measure → name → array over ``times_of[measure]``.
    times_of : dict
        measure → its times (costly measures are evaluated at some of the times only).
    differences : dict
        measure → name → array, approximate − exact.
    rows : tuple of Row
        The table.
    checks : tuple of Check
        What could make the comparison misleading.
    tolerance : float
        Of the windows of agreement.
    """

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
    notes: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        end = self.times[-1]
        lines = [
            f"{self.reference} against {', '.join(n for n in self.names if n != self.reference)}, "
            f"t = {self.times[0]:g} … {end:g}"
        ]
        header = (
            "measure",
            "approximation",
            f"{self.reference} (t={end:g})",
            "approximate",
            "difference",
            "largest",
            "agrees for t in",
        )
        table = [header]
        for row in self.rows:
            if row.window is None:
                window = "never"
            elif row.whole:
                window = "the whole run"
            else:
                window = f"[{row.window[0]:.4g}, {row.window[1]:.4g}]"
            table.append(
                (
                    row.label,
                    row.name,
                    f"{row.exact:.6f}",
                    f"{row.approximate:.6f}",
                    f"{row.difference:+.2e}",
                    f"{row.largest:.2e}",
                    window,
                )
            )
        widths = [max(len(r[k]) for r in table) for k in range(len(header))]
        for k, r in enumerate(table):
            lines.append(
                "  ".join(
                    c.ljust(w) if i in (0, 1, 6) else c.rjust(w)
                    for i, (c, w) in enumerate(zip(r, widths, strict=True))
                ).rstrip()
            )
            if k == 0:
                lines.append("-" * (sum(widths) + 2 * len(widths) - 2))
        lines.append(
            f"agreement: |difference| ≤ {self.tolerance:g} × the largest exact value in the run"
        )
        lines.append("checks")
        for check in self.checks:
            lines.append(
                f"  {'ok  ' if check.passed else 'LOOK'}  {check.name}: {check.what}: {check.found}"
            )
        lines += [f"  note  {note}" for note in self.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    @property
    def table(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(row.__dict__) for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows (NaN becomes None)."""

        def clean(x: Any) -> Any:
            if isinstance(x, np.ndarray):
                return [clean(v) for v in x.tolist()]
            if isinstance(x, np.generic):
                x = x.item()
            if isinstance(x, float):
                return x if np.isfinite(x) else None
            if isinstance(x, dict):
                return {k: clean(v) for k, v in x.items()}
            if isinstance(x, (list, tuple)):
                return [clean(v) for v in x]
            return x

        return clean(
            {
                "times": self.times,
                "reference": self.reference,
                "names": self.names,
                "tolerance": self.tolerance,
                "labels": self.labels,
                "times_of": self.times_of,
                "values": self.values,
                "differences": self.differences,
                "table": self.table,
                "checks": [dict(c.__dict__) for c in self.checks],
                "notes": self.notes,
            }
        )

    def plot(self, measures: Any = None, *, fig: Any = None, axes: Any = None) -> tuple[Any, Any]:
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


def _entries(
    n: int, measure: str, values: np.ndarray, label: str
) -> list[tuple[str, str, np.ndarray]]:
    """Split an array (T,), (T, N) or (T, N, N) into named series: per node, per pair, or the mean
    over pairs.
    """
    if values.ndim == 1:
        return [(measure, label, values)]
    if n == 1 and values.ndim == 3:
        return []
    if values.ndim == 2:
        if n <= 4:
            return [(f"{measure}_{j + 1}", f"{label}{j + 1}", values[:, j]) for j in range(n)]
        return [(measure, f"mean {label}", values.mean(axis=1))]
    if n == 2:
        return [(measure, label, values[:, 0, 1])]
    j, k = np.triu_indices(n, 1)
    return [(measure, f"{label}, mean of pairs", values[:, j, k].mean(axis=1))]


def _common(views: Mapping[str, SyncView]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times that all views share, and their indices in each."""
    names = list(views)
    times = np.asarray(views[names[0]].times)
    span = max(1.0, float(np.abs(times).max()))
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


def compare(
    results: Mapping[str, Any], *, tolerance: float = 0.05, reference: str | None = None
) -> Comparison:
    """Read several runs of one system off with the same measures and compare them.

    Parameters
    ----------
    results : mapping of str to result or SyncView
        Two or more; the first is the reference unless `reference` names another, e.g.
        ``{"exact": exact, "mean field": approx}``.
    tolerance : float
        The window of agreement of a measure lasts while |difference| ≤ `tolerance` × its largest
        exact value.
    reference : str, optional
        Key of the entry that the others are compared with.

    Returns
    -------
    Comparison
        Prints as a table; ``.plot()``, ``.to_dict()``, ``.rows``, ``.checks``.

    Raises
    ------
    TypeError, ValueError
        Fewer than two entries, entries of different numbers of nodes, or no common times.

    Notes
    -----
    Mutual information, logarithmic negativity and discord measure correlation; they stand beside
    synchronisation and are not synchronisation. S_q=1 is the vacuum value.
    """
    if not isinstance(results, Mapping):
        raise TypeError(f"results must be a dict of name → result, not {type(results).__name__}")
    if len(results) < 2:
        raise ValueError(f"results must hold at least two entries to compare, not {len(results)}")
    tolerance = check_number("tolerance", tolerance, minimum=0.0, strict=True)
    names = tuple(str(n) for n in results)
    first = names[0] if reference is None else reference
    if first not in names:
        raise ValueError(
            f"reference must be one of {', '.join(map(repr, names))}, not {reference!r}"
        )
    views = {str(name): synchronization(result) for name, result in results.items()}
    n = views[first].n
    for name, view in views.items():
        if view.n != n:
            raise ValueError(
                f"results must have the same number of nodes; {first!r} has {n}, {name!r} has "
                f"{view.n}"
            )
    order = (first, *(m for m in names if m != first))
    times, index = _common({name: views[name] for name in order})
    views = {name: views[name].at(index[name]) for name in order}

    values: dict[str, dict[str, np.ndarray]] = {}
    times_of: dict[str, np.ndarray] = {}
    labels: dict[str, str] = {}
    left_out: dict[str, list[str]] = {}
    for measure, label, function, costly in _MEASURES:
        thin = np.arange(len(times))
        if costly and len(times) > _COSTLY_TIMES:
            thin = np.unique(np.linspace(0, len(times) - 1, _COSTLY_TIMES).round().astype(int))
        found: dict[str, np.ndarray] = {}
        try:
            for name, view in views.items():
                with warnings.catch_warnings():
                    # an undefined value is printed as nan in the table, which says it once and in
                    # its place
                    warnings.simplefilter("ignore", QsyncplugWarning)
                    found[name] = np.asarray(function(view.at(thin)), dtype=float)
        except (MissingFieldError, ValueError) as error:
            left_out.setdefault(str(error), []).append(measure)
            continue
        for name, array in found.items():
            for key, text, series in _entries(n, measure, array, label):
                values.setdefault(key, {})[name] = series
                labels[key] = text
                times_of[key] = times[thin]
    absent = [f"left out: {', '.join(measures_)}: {why}" for why, measures_ in left_out.items()]
    if not values:
        raise ValueError("the entries share no measure: " + "; ".join(absent))

    differences: dict[str, dict[str, np.ndarray]] = {}
    rows = []
    for key, by_name in values.items():
        differences[key] = {}
        for name in order[1:]:
            difference = by_name[name] - by_name[first]
            if key == "coherence_phase":
                difference = np.angle(np.exp(1j * difference))
            differences[key][name] = difference
            rows.append(
                _row(
                    key,
                    labels[key],
                    name,
                    times_of[key],
                    by_name[first],
                    by_name[name],
                    difference,
                    tolerance,
                )
            )
    if any(m in values for m in ("mutual_information", "log_negativity")):
        gaussian = [name for name in order if not views[name].has("states")]
        if gaussian:
            absent.append(
                f"mutual information and E_N of {', '.join(gaussian)}: of the Gaussian state with "
                "these moments"
                + ("" if len(gaussian) == len(order) else "; of the others: of their states")
            )
    checks = [c for name in order for c in _checks(name, results[name], views[name])]
    return Comparison(
        times=times,
        reference=first,
        names=order,
        values=values,
        times_of=times_of,
        differences=differences,
        labels=labels,
        rows=tuple(rows),
        checks=tuple(checks),
        tolerance=tolerance,
        notes=tuple(absent),
    )


def _row(
    key: str,
    label: str,
    name: str,
    times: np.ndarray,
    exact: np.ndarray,
    approximate: np.ndarray,
    difference: np.ndarray,
    tolerance: float,
) -> Row:
    both_undefined = np.isnan(exact) & np.isnan(approximate)
    # a measure that one has and the other has not is a disagreement
    size = np.where(both_undefined, 0.0, np.where(np.isnan(difference), np.inf, np.abs(difference)))
    scale = np.nanmax(np.abs(exact)) if np.any(np.isfinite(exact)) else 1.0
    # what is zero in both agrees, whatever rounding makes of it
    agrees = size <= max(tolerance * scale, 1e-7)
    window, whole = None, bool(agrees.all())
    if agrees[0]:
        last = len(times) - 1 if whole else int(np.argmin(agrees)) - 1
        window = (float(times[0]), float(times[last]))
    largest = (
        float(np.nanmax(np.abs(difference))) if np.any(np.isfinite(difference)) else float("nan")
    )
    return Row(
        measure=key,
        label=label,
        name=name,
        exact=float(exact[-1]),
        approximate=float(approximate[-1]),
        difference=float(difference[-1]),
        largest=largest,
        window=window,
        whole=whole,
    )


def _checks(name: str, result: Any, view: SyncView) -> list[Check]:
    """Checks of one entry: uncertainty relation, cut-off, phase symmetry, vacuum."""
    out = []
    stats = getattr(result, "stats", {}) or {}
    if view.has("covariance") and view.has("mean") and view.vacuum > 0:
        n = view.n
        form = np.kron(np.eye(n), np.array([[0, 1], [-1, 0]]))
        lowest = float(np.linalg.eigvalsh(view.covariance + 1j * view.vacuum * form)[:, 0].min())
        scale = max(1.0, float(np.abs(view.covariance).max()))
        out.append(
            Check(
                name,
                "uncertainty relation C + iΩ/2 ≥ 0",
                bool(lowest > -1e-8 * scale),
                f"smallest eigenvalue {lowest:.2e}",
            )
        )
    if "cutoff population" in stats:
        p = float(stats["cutoff population"])
        out.append(
            Check(name, "population of the highest Fock levels below 1e-6", p <= 1e-6, f"{p:.2e}")
        )
    if "standard error" in stats:
        out.append(
            Check(name, "sampling error of ⟨b⟩", True, f"±{float(stats['standard error']):.2e}")
        )
    symmetries = getattr(getattr(result, "model", None), "symmetries", None)
    if symmetries is not None and any(getattr(symmetries, "vanishing_amplitudes", ())):
        amplitude = float(np.abs(view.amplitudes[-1]).max())
        zero = amplitude < 1e-3 * np.sqrt(1 + float(view.masses[-1].max()))
        out.append(
            Check(
                name,
                "a phase symmetry makes ⟨b⟩=0 in the exact steady state",
                bool(zero),
                f"|⟨b⟩|={amplitude:.2e} at the end"
                + (
                    ""
                    if zero
                    else (
                        "; S_c and S_p refer to this phase: compare the coherence and S_q^φ instead"
                    )
                ),
            )
        )
    if view.has("masses"):
        excitation = float(view.masses[-1].max())
        if excitation < 0.05:
            out.append(
                Check(
                    name,
                    "there is something to synchronise",
                    False,
                    f"vacuum: n ≤ {excitation:.2g}, and S_q=1 is the vacuum value",
                )
            )
    return out
