"""Pictures of verdicts: the phases that were judged, with what was found of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..approximate.cycle import LimitCycle
from ..core.types import Modes
from ..sync import SyncView, Verdict
from ..sync import verdict as judge
from ..sync.reading import Readable
from ..sync.verdicts.moments import PREFERS
from .inputs import check_kind, is_state
from .style import COLOURS, figure, finish, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_verdict"]

_MOST_LINES = 12
_MOST_TIMES = 4000


@picture
def plot_verdict(
    verdict: Verdict | Readable,
    *,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """The evidence of a verdict in time, the window judged shaded.

    Relative phases; of quantum states coherences. Of one state what its phases prefer, beside what
    would count.

    Parameters
    ----------
    verdict : Verdict, result, state or SyncView
        What :func:`qsyncplug.verdict` returned, or what it would be asked about.
    modes : list, optional
        Of what has none of its own, as :func:`qsyncplug.verdict` takes them; not with a verdict.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], np.linspace(0, 40, 401))
    >>> fig, ax = qsp.plot_verdict(qsp.verdict(run))
    >>> ax.get_title()
    'complete'
    """
    if not isinstance(verdict, Verdict):
        judged = isinstance(verdict, (SyncView, LimitCycle)) or hasattr(verdict, "times")
        if not (judged or is_state(verdict)):
            check_kind("verdict", verdict, Verdict, "qsp.verdict, or a result, state or view")
        verdict = judge(verdict, modes=modes)
    elif modes is not None:
        raise ValueError("modes is for states and runs: a verdict has been asked already")
    view = verdict.view
    if view is None:
        raise ValueError("the verdict holds no view to show; take it from qsp.verdict")
    fig, ax = figure(fig, ax, figsize=(5.4, 3.4))
    title = f"{verdict.label}{' (chimera)' if verdict.chimera else ''}"
    if view.n_times == 1:
        names, sizes, what = _preferences(view)
        ax.bar(names, sizes, color=COLOURS[1])
        ax.axhline(PREFERS, color="0.4", ls="--", lw=1)
        finish(ax, "nodes", what, title)
        return fig, ax
    times, lines, what = _lines(view)
    for k, line in enumerate(lines.T):
        ax.plot(times, line, color=COLOURS[(k + 1) % len(COLOURS)], lw=1.4)
    ax.axvspan((times[0] + times[-1]) / 2, times[-1], color="0.92", zorder=0)
    finish(ax, "time", what, title)
    return fig, ax


def _preferences(view: Any) -> tuple[list[str], list[float], str]:
    """Nodes or pairs, how strongly the phase of each prefers a value, and what that is."""
    facts = view.dynamics
    found = facts.quantum.phase_peaks() if facts is not None and facts.quantum.phase_peaks else {}
    if found:
        chosen = list(found.items())[:_MOST_LINES]
        names = [", ".join(str(k + 1) for k in nodes) for nodes, _ in chosen]
        return names, [size for _, size in chosen], r"$2\pi P_{\max}-1$ of the phase"
    if view.n > 1:
        z = np.abs(view.reference(0)[-1, 1 : _MOST_LINES + 1])
        return [f"1, {k + 2}" for k in range(z.size)], z.tolist(), "coherence |z|"
    share = float(np.abs(view.amplitudes[-1, 0]) / np.sqrt(max(float(view.masses[-1, 0]), 1e-300)))
    return ["1"], [share], r"$|\langle b\rangle|/\sqrt{n}$"


def _lines(view: Any) -> tuple[np.ndarray, np.ndarray, str]:
    """Times, series (T, lines) and what they are."""
    rows = slice(None, None, max(1, view.n_times // _MOST_TIMES))
    nodes = np.unique(np.linspace(0, view.n - 1, _MOST_LINES).round().astype(int))
    facts = view.dynamics
    if facts is not None and facts.phases is not None:
        theta = facts.phases(rows)
        relative = theta[:, nodes] - theta.mean(axis=1)[:, None]
        return view.times[rows], relative, "phase − mean phase"
    if facts is not None and facts.kind == "moments" and view.n > 1:
        return (
            view.times[rows],
            np.abs(view.reference(0)[rows][:, nodes[1:]]),
            "coherence |z| with node 1",
        )
    if facts is not None and facts.kind == "amplitudes":
        # those that were judged: a coherence loses its phase where fluctuations take it
        own = facts.flow.oscillations
        beta = view.amplitudes if own is None else own()
        z = beta[:, nodes[1:]] * beta[:, :1].conj() if view.n > 1 else beta
    else:
        z = view.reference(0)[:, nodes[1:]] if view.n > 1 else view.amplitudes
    phase = -np.unwrap(np.angle(z), axis=0)[rows]
    return view.times[rows], phase, "phase − phase of node 1" if view.n > 1 else "phase"
