"""The figures of the paper, run from its equations, with a verdict on each of its statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.checks import check_array, check_choice, check_integer, check_number
from ..core.documented import draws
from ..core.saved import Saved
from .equations import PublishedEquations
from .result import PublishedResult
from .statements import (
    CASES,
    EXACT,
    PHYSICAL,
    PRINTED_PHASE,
    Run,
    Statement,
    all_cases,
    as_given,
    average_as_given,
    constant_phase,
    equal_means,
    falls_with_noise,
    in_phase,
    limit_cycle,
    meaning_of_one,
    not_entangled,
    quantum_state,
    trajectory,
    with_exact_jacobian,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "PRINTED_PHASE", "Kind", "Panel", "PublishedFigure", "Statement", "figure"]


class Kind(Enum):
    """What a panel of the paper's figures shows: which quantity over which."""

    TRAJECTORIES = "p̄ over q̄"
    POSITION = "q̄ in time"
    MOMENTUM = "p̄ in time"
    COMPLETE = "S_q in time"
    THERMAL = "time average of S_q over n̄"


@dataclass(frozen=True)
class Panel:
    """A panel of the paper: N1 and N2, λ, what it shows, and what is said about it."""

    n: tuple[int, int]
    exchange: float
    kind: Kind
    claim: Callable[[Run], Statement] | None = None


_CLAIMS = {"2a": equal_means, "2d": in_phase, "2g": constant_phase}
_SHOWN = (Kind.TRAJECTORIES, Kind.POSITION, Kind.MOMENTUM)

#: The panels by name; three of Fig. 2 show one run.
FIGURES: dict[str, Panel] = {
    **{
        f"2{chr(ord(first[1]) + k)}": Panel(n, exchange, kind, _CLAIMS[first])
        for first, (n, exchange) in CASES.items()
        for k, kind in enumerate(_SHOWN)
    },
    "3a": Panel((5, 5), 0.2, Kind.COMPLETE),
    "3b": Panel((5, 5), 0.2, Kind.THERMAL),
}


@dataclass(frozen=True, eq=False)
class PublishedFigure(Saved):
    """A figure of the paper as its own equations give it.

    Attributes
    ----------
    name : str
        Panel, such as "2a".
    model : PublishedEquations
        The equations that were run.
    beta0 : ndarray of shape (2,)
        Initial amplitudes (the paper's own, zero, do not move).
    results : dict of str to PublishedResult
        The runs, by what they are.
    statements : tuple of Statement
        What the paper says about the figure, judged.
    series : dict of str to ndarray
        Further curves, such as the time average of S_q against n̄.
    singular_at : float or None
        Time at which the equations end, because X vanishes, by which they divide.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> figure = qsp.PublishedSpinChains().figure("2d")
    >>> figure.name, len(figure.statements)
    ('2d', 3)
    """

    _axes: ClassVar[dict[str, str]] = {"beta0": "2 complex"}

    name: str
    model: PublishedEquations
    beta0: np.ndarray
    results: dict[str, PublishedResult]
    statements: tuple[Statement, ...]
    series: dict[str, np.ndarray] = field(default_factory=dict)
    singular_at: float | None = None

    @property
    def panel(self) -> Panel:
        """N1 and N2, λ, and what the panel shows."""
        return FIGURES[self.name]

    @property
    def result(self) -> PublishedResult:
        """The run of the figure itself."""
        return self.results["figure"]

    @property
    def holds(self) -> bool:
        """Whether every statement holds."""
        return all(s.holds for s in self.statements)

    def __str__(self) -> str:
        head = f"Fig. {self.name}: {self.model}; β(0)=({self.beta0[0]:g}, {self.beta0[1]:g})"
        if self.singular_at is not None:
            head += f"; the equations are singular at t={self.singular_at:.4g}, where X vanishes"
        return "\n".join([head, *(f"  {s}" for s in self.statements)])

    __repr__ = __str__

    @draws
    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Any]:
        """Draw the panel; see :func:`qsyncplug.plot_published_figure`."""
        from ..plot.spins import plot_published_figure

        return plot_published_figure(self, fig=fig, ax=ax)


def _figure2(
    name: str, model: PublishedEquations, beta0: np.ndarray, times: np.ndarray
) -> PublishedFigure:
    run = Run.of(model, beta0, times)
    if np.isfinite(run.overflow):
        # the amplitudes do not need the covariance that overflowed: with the exact one they go on
        exact = tuple({*model.corrections, "e_exact"} - {"e_x"})
        run = Run.of(replace(model, corrections=exact), beta0, times)
        note = "the covariance is that of the exact Jacobian: the printed one overflows"
        run.result.stats["neglected"].append(note)
    claim = FIGURES[name].claim
    assert claim is not None
    statements = (trajectory(run), limit_cycle(run), claim(run))
    return PublishedFigure(
        name, model, beta0, {"figure": run.result}, statements, singular_at=run.singular
    )


def _figure3a(model: PublishedEquations, beta0: np.ndarray, times: np.ndarray) -> PublishedFigure:
    exact, physical = (replace(model, corrections=names) for names in (EXACT, PHYSICAL))
    runs = {
        "figure": Run.of(model, beta0, times),
        "exact Jacobian": Run.of(exact, beta0, times),
        "physical noise": Run.of(physical, beta0, times),
        "vacuum": Run.of(physical, np.zeros(2, dtype=complex), times),
    }
    statements = (
        as_given(runs["figure"]),
        with_exact_jacobian(runs["exact Jacobian"]),
        quantum_state(runs["exact Jacobian"]),
        meaning_of_one(runs["vacuum"]),
        all_cases(model, beta0, times),
        not_entangled(beta0, times, model),
    )
    results = {name: run.result for name, run in runs.items()}
    return PublishedFigure(
        "3a", model, beta0, results, statements, singular_at=runs["figure"].singular
    )


def _figure3b(
    model: PublishedEquations, beta0: np.ndarray, times: np.ndarray, thermal: np.ndarray
) -> PublishedFigure:
    window = times >= 0.9 * times[-1]

    def average(run: Run) -> float:
        # a run that overflowed has S_q=0 from there on
        if not run.complete:
            return 0.0
        return float(run.result.complete_synchronization()[window].mean())

    given = [Run.of(replace(model, thermal=float(x)), beta0, times) for x in thermal]
    physical = replace(model, corrections=PHYSICAL)
    means = np.array(
        [average(Run.of(replace(physical, thermal=float(x)), beta0, times)) for x in thermal]
    )
    series = {
        "thermal": thermal,
        "average": means,
        "average as given": np.array([average(run) for run in given]),
        "1/(2n+1)": 1 / (2 * thermal + 1),
    }
    first = float(series["average as given"][0])
    statements = (
        average_as_given(given[0], first, float(thermal[0])),
        falls_with_noise(means, thermal),
    )
    results = {"figure": given[0].result}
    return PublishedFigure(
        "3b", model, beta0, results, statements, series, singular_at=given[0].singular
    )


def figure(
    model: PublishedEquations, name: str, *, beta0: Any, end: float, n_times: int, thermal: Any
) -> PublishedFigure:
    """Run a figure of the paper, with the corrections of `model`, and judge what is said about it.

    Parameters
    ----------
    model : PublishedEquations
        Its corrections are used; N_j and λ are those of the figure, all else that of the paper.
    name, beta0, end, n_times, thermal
        As for :meth:`PublishedSpinChains.figure`.

    Returns
    -------
    PublishedFigure

    Raises
    ------
    ValueError
        Unknown name or bad numbers.
    """
    check_choice("name", name, FIGURES)
    panel = FIGURES[name]
    model = type(model)(n=panel.n, exchange=panel.exchange, corrections=model.corrections)
    beta = check_array("beta0", beta0, shape=(2,), dtype=complex)
    if not beta.any():
        raise ValueError(
            "beta0 must not be (0, 0): the paper's initial state is a fixed point, nothing happens"
        )
    end = check_number("end", end, minimum=0.0, strict=True)
    # fewer would not show what a run does
    times = np.linspace(0.0, end, check_integer("n_times", n_times, minimum=100))
    if panel.kind is Kind.COMPLETE:
        return _figure3a(model, beta, times)
    if panel.kind is Kind.THERMAL:
        occupations = check_array("thermal", thermal, shape=(None,))
        if occupations.size < 2 or np.any(occupations < 0) or np.any(np.diff(occupations) <= 0):
            raise ValueError(
                f"thermal must hold at least two increasing numbers ≥ 0, not {thermal!r}"
            )
        return _figure3b(model, beta, times, occupations)
    return _figure2(name, model, beta, times)
