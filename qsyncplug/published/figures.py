"""The figures of the paper, run from its equations, with a verdict on each statement it makes about
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.checks import check_array, check_choice, check_number
from ..core.entry import mfsolve
from ..core.errors import NonFiniteError
from .chains import PublishedResult, PublishedSpinChains

__all__ = ["FIGURES", "PublishedFigure", "Statement", "figure"]

#: Panels of the paper -> (N1, N2), λ.
FIGURES: dict[str, tuple[tuple[int, int], float]] = {
    **{f"2{c}": ((5, 5), 0.0) for c in "abc"},
    **{f"2{c}": ((10, 5), 0.0) for c in "def"},
    **{f"2{c}": ((5, 5), 0.2) for c in "ghi"},
    "3a": ((5, 5), 0.2),
    "3b": ((5, 5), 0.2),
}
#: Phase difference that the paper gives for λ=0.2.
PRINTED_PHASE = 1.049
_END = 1e4
_EXACT = ("b_bracket", "e_exact")
_PHYSICAL = (*_EXACT, "a_channels")


@dataclass(frozen=True)
class Statement:
    """A statement of the paper and what the equations say.

    Attributes
    ----------
    text : str
        The statement, in short.
    holds : bool
        Whether the run bears it out.
    evidence : str
        What was found.
    numbers : dict
        The numbers of the evidence.
    """

    text: str
    holds: bool
    evidence: str
    numbers: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"[{'holds' if self.holds else 'FAILS'}] {self.text}\n        {self.evidence}"


@dataclass(frozen=True, eq=False)
class PublishedFigure:
    """A figure of the paper as its own equations give it.

    Attributes
    ----------
    name : str
        Panel, such as "2a".
    model : PublishedSpinChains
        The equations that were run.
    beta0 : ndarray of shape (2,)
        Initial amplitudes (the paper's own, zero, do not move).
    results : dict of str to PublishedResult
        The runs, by what they are.
    statements : tuple of Statement
        What the paper says about the figure, judged.
    series : dict of str to ndarray
        Further curves, such as the time average of S_q against n̄.
    """

    name: str
    model: PublishedSpinChains
    beta0: np.ndarray
    results: dict[str, PublishedResult]
    statements: tuple[Statement, ...]
    series: dict[str, np.ndarray] = field(default_factory=dict)

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
        return "\n".join([head, *(f"  {s}" for s in self.statements)])

    __repr__ = __str__

    def plot(self, *, fig: Any = None, ax: Any = None) -> Any:
        """Draw it; see :func:`qsyncplug.plot_published_figure`."""
        from ..plot.spins import plot_published_figure

        return plot_published_figure(self, fig=fig, ax=ax)


def _run(
    model: PublishedSpinChains, beta0: np.ndarray, times: np.ndarray
) -> tuple[PublishedResult, float]:
    """The run as far as it goes, and the time at which its covariance left the floating-point
    numbers (or inf).
    """
    try:
        return mfsolve(model, beta0, times), np.inf
    except NonFiniteError as error:
        return error.result, error.time


def _exceeds(result: PublishedResult, level: float) -> float:
    """First time at which tr C > level (inf: never)."""
    trace = np.trace(result.covariance, axis1=1, axis2=2)
    above = np.flatnonzero(trace > level)
    return float(result.times[above[0]]) if above.size else np.inf


def _trajectory(result: PublishedResult) -> Statement:
    model = result.model
    origin = float(np.abs(model.drift(0.0, [0, 0])).max())
    return Statement(
        "the oscillators start from q_j(0)=p_j(0)=0",
        origin > 0,
        f"β=0 is an exact fixed point (|dβ/dt|={origin:g}): that start gives no trajectory; this "
        "run starts elsewhere",
        {"speed at the origin": origin},
    )


def _cycle(result: PublishedResult) -> Statement:
    model = result.model
    total = result.excitations.sum(axis=1)
    corrected, _ = _run(
        _with(model, corrections=_EXACT), result.amplitudes[0], result.times[[0, -1]]
    )
    right = float(corrected.excitations[-1].sum())
    middle = len(total) // 2
    rate = -float(np.log(total[-1] / total[middle]) / (result.times[-1] - result.times[middle]))
    numbers = {
        "n1+n2 at the start": float(total[0]),
        "n1+n2 at the end": float(total[-1]),
        "late decay rate": rate,
    }
    numbers["n1+n2 at the end with the right bracket"] = right
    return Statement(
        "there is a limit cycle at long times",
        bool(total[-1] > 0.01 * total[0]) and rate < 1e-2 * model.linear_loss,
        f"n1+n2 falls from {total[0]:.3g} to {total[-1]:.3g} at t={result.times[-1]:g} "
        f"({right:.3g} with the right "
        f"bracket in B1, B2), later as exp(−{rate:.4g}t), γ_l={model.linear_loss:g}: a spiral to "
        "the vacuum. "
        "With that bracket the damping alone changes n1+n2, and always lowers it (decay_law)",
        numbers,
    )


def _late(result: PublishedResult) -> slice:
    return slice(len(result.times) // 2, None)


def _phase_of(result: PublishedResult) -> dict[str, float]:
    """Behaviour of the relative phase in the later half: slope, how much of the circle it visits,
    resultant.
    """
    late = _late(result)
    phi, t = result.relative_phase[late], result.times[late]
    slope = float(np.polyfit(t, phi, 1)[0])
    bins = np.histogram(np.mod(phi, 2 * np.pi), bins=36, range=(0, 2 * np.pi))[0]
    return {
        "slope": slope,
        "part of the circle visited": float(np.mean(bins > 0)),
        "resultant": float(abs(np.mean(np.exp(1j * phi)))),
        "range": float(np.ptp(phi)),
    }


def _equal(result: PublishedResult) -> Statement:
    late = result.amplitudes[_late(result)]
    difference = float((np.abs(late[:, 0] - late[:, 1]) / np.abs(late).max(axis=1)).max())
    return Statement(
        "for N1=N2, λ=0 the mean values become equal, q̄1=q̄2 and p̄1=p̄2",
        difference < 0.05,
        f"largest |β1−β2|/|β| in the later half: {difference:.2g}; nothing makes them equal: the "
        "decaying spiral keeps "
        "what it is given (try beta0=(1, 1) and (1, 1j))",
        {"largest relative difference": difference},
    )


def _in_phase(result: PublishedResult) -> Statement:
    numbers = _phase_of(result)
    ratio = np.abs(result.amplitudes[-1, 1]) / np.abs(result.amplitudes[-1, 0])
    numbers["ratio of amplitudes"] = float(ratio)
    return Statement(
        "for N1=10, N2=5 the mean values are in phase at long times, with different amplitudes",
        numbers["range"] < 0.5,
        f"φ2−φ1 visits {100 * numbers['part of the circle visited']:.0f} % of the circle in the "
        "later half "
        f"(slope {numbers['slope']:.3g} per unit time)",
        numbers,
    )


def _constant_phase(result: PublishedResult) -> Statement:
    model = result.model
    numbers = _phase_of(result)
    expected = model.exchange**2 * (model.omega[0] / model.n[0] - model.omega[1] / model.n[1]) / 2
    if "eq4_commutator" in model.corrections:
        expected *= 2
    numbers["expected slope"] = expected
    phi = float(np.mod(result.relative_phase[-1], 2 * np.pi))
    numbers["phase at the end"] = phi
    return Statement(
        f"for λ=0.2 the mean values keep a small phase difference φ={PRINTED_PHASE}",
        abs(numbers["slope"]) * result.times[-1] < 0.1,
        f"φ drifts at {numbers['slope']:.2g} per unit time (the exchange detunes by "
        f"Δ(ωλ²/2N)={expected:.2g}), "
        f"{abs(numbers['slope']) * result.times[-1] / (2 * np.pi):.2g} turns over the run: "
        f"φ={PRINTED_PHASE} can only be a snapshot",
        numbers,
    )


def _figure2(
    name: str, model: PublishedSpinChains, beta0: np.ndarray, times: np.ndarray
) -> PublishedFigure:
    result, _ = _run(model, beta0, times)
    if len(result.times) < len(times):
        # the amplitudes do not need the covariance that overflowed: with the exact one they go on
        exact = tuple({*model.corrections, "e_exact"} - {"e_x"})
        reached, _ = _run(
            PublishedSpinChains(**{**_parameters(model), "corrections": exact}), beta0, times
        )
        note = "the covariance is that of the exact Jacobian: the printed one overflows"
        reached.stats["neglected"].append(note)
        result = reached
    own = {"a": _equal, "d": _in_phase, "g": _constant_phase}[
        "adg"["abcdefghi".index(name[1]) // 3]
    ]
    statements = (_trajectory(result), _cycle(result), own(result))
    return PublishedFigure(name, model, beta0, {"figure": result}, statements)


def _parameters(model: PublishedSpinChains) -> dict[str, Any]:
    return {k: v for k, v in model.to_dict().items() if k != "kind"}


def _with(model: PublishedSpinChains, **kw: Any) -> PublishedSpinChains:
    return PublishedSpinChains(**{**_parameters(model), **kw})


def _growth(model: PublishedSpinChains) -> float:
    """Largest growth rate of fluctuations about β=0."""
    return float(np.linalg.eigvals(model.drift_matrix(0.0, [0, 0])).real.max())


def _all_cases(model: PublishedSpinChains, beta0: np.ndarray, times: np.ndarray) -> Statement:
    """The claim that S_q=1 in every case of Fig. 2."""
    numbers: dict[str, float] = {}
    text, holds = [], True
    for name in ("2a", "2d", "2g"):
        n, exchange = FIGURES[name]
        case = _with(model, n=n, exchange=exchange)
        rest, _ = _run(case, np.zeros(2, dtype=complex), times)
        run, gone = _run(case, beta0, times)
        exact, _ = _run(_with(case, corrections=_EXACT), beta0, times)
        growth, trace = _growth(case), _exceeds(rest, 1e8)
        final = 0.0 if np.isfinite(gone) else float(run.complete_synchronization()[-1])
        top, margin = (
            float(exact.complete_synchronization().max()),
            exact.stats["drift"]["uncertainty relation"],
        )
        numbers |= {
            f"{name}: growth rate at β=0": growth,
            f"{name}: tr C>1e8 from β=0 at": trace,
            f"{name}: S_q at the end": final,
            f"{name}: largest S_q, exact Jacobian, printed D": top,
            f"{name}: smallest eigenvalue of C+iΩ/2": -margin,
        }
        text.append(
            f"{name}: S_q={final:.3g} (max Re eig M(β=0)={growth:+.5f}"
            + (f", tr C>1e8 at t={trace:g} from β=0" if np.isfinite(trace) else "")
            + f"; exact Jacobian with the printed D: S_q up to {top:.2f}, min eig {-margin:.3f})"
        )
        holds = holds and abs(final - 1) < 0.01
    return Statement(
        "S_q=1 in the steady state in all cases of Fig. 2", holds, "; ".join(text), numbers
    )


def _figure3a(model: PublishedSpinChains, beta0: np.ndarray, times: np.ndarray) -> PublishedFigure:
    result, gone = _run(model, beta0, times)
    exact, _ = _run(_with(model, corrections=_EXACT), beta0, times)
    physical, _ = _run(_with(model, corrections=_PHYSICAL), beta0, times)
    vacuum, _ = _run(_with(model, corrections=_PHYSICAL), np.zeros(2, dtype=complex), times)
    statements = []

    growth = _growth(model)
    trace = _exceeds(result, 1e8)
    course = result.complete_synchronization()
    final = float(course[np.isfinite(course)][-1])
    statements.append(
        Statement(
            "S_q approaches 1 at long times (the equations as given)",
            abs(final - 1) < 0.01 and len(result.times) == len(times),
            f"S_q={final:.3g} at t={result.times[-1]:g}; max Re eig M(β=0)={growth:+.5f}"
            + (f", tr C>1e8 from t={trace:g}" if np.isfinite(trace) else "")
            + (f", beyond all numbers at t={gone:g}" if np.isfinite(gone) else ""),
            {
                "S_q at the end": final,
                "largest growth rate at β=0": growth,
                "tr C>1e8 from": trace,
                "overflow at": gone,
            },
        )
    )
    last = exact.complete_synchronization()
    statements.append(
        Statement(
            "S_q approaches 1 with the exact Jacobian",
            abs(last[-1] - 1) < 0.01,
            f"S_q={last[-1]:.4f} at t={exact.times[-1]:g}, where "
            f"n1+n2={exact.excitations[-1].sum():.2g}",
            {
                "S_q at the end": float(last[-1]),
                "n1+n2 at the end": float(exact.excitations[-1].sum()),
            },
        )
    )
    top, margin = float(last.max()), exact.stats["drift"]["uncertainty relation"]
    statements.append(
        Statement(
            "the covariance is one of a quantum state (printed D, exact Jacobian)",
            margin < 1e-9,
            f"smallest eigenvalue of C+iΩ/2 along the run: {-margin:.3f}, S_q up to {top:.3f}",
            {"smallest eigenvalue of C+iΩ/2": -margin, "largest S_q": top},
        )
    )
    still = float(np.abs(vacuum.complete_synchronization() - 1).max())
    statements.append(
        Statement(
            "S_q=1 means complete (perfect) quantum synchronisation",
            still > 1e-6,
            "with β=0, two oscillators at rest in their vacua and independent, S_q=1 at all times "
            f"(to {still:.1g}): "
            "1 is the vacuum value",
            {"largest |S_q−1| of the vacuum": still},
        )
    )
    statements.append(_all_cases(model, beta0, times))
    results = {
        "figure": result,
        "exact Jacobian": exact,
        "physical noise": physical,
        "vacuum": vacuum,
    }
    return PublishedFigure("3a", model, beta0, results, tuple(statements))


def _figure3b(
    model: PublishedSpinChains, beta0: np.ndarray, times: np.ndarray, thermal: np.ndarray
) -> PublishedFigure:
    printed, averages = [], []
    results: dict[str, PublishedResult] = {}
    window = times >= 0.9 * times[-1]
    physical = _with(model, corrections=_PHYSICAL)
    for k, occupation in enumerate(thermal):
        run, gone = _run(_with(model, thermal=float(occupation)), beta0, times)
        if k == 0:
            results["figure"] = run
        # a run that overflowed has S_q=0 from there on
        printed.append(
            0.0 if np.isfinite(gone) else float(run.complete_synchronization()[window].mean())
        )
        run, _ = _run(_with(physical, thermal=float(occupation)), beta0, times)
        averages.append(float(run.complete_synchronization()[window].mean()))
    means, closed = np.array(averages), 1 / (2 * thermal + 1)
    deviation = float(np.abs(means - closed).max())
    decreasing = bool(np.all(np.diff(means) < 0))
    statements = (
        Statement(
            "the time-averaged S_q of the equations as given is 1 without thermal noise",
            abs(printed[0] - 1) < 0.02,
            f"it is {printed[0]:.3g} at n̄={thermal[0]:g}",
            {"average at the first n̄": printed[0]},
        ),
        Statement(
            "the time-averaged S_q falls with n̄",
            decreasing,
            f"with the exact Jacobian and physical noise it falls, to {deviation:.2g} as 1/(2n̄+1): "
            "the variance of two thermal oscillators that know nothing of each other",
            {"largest deviation from 1/(2n̄+1)": deviation},
        ),
    )
    series = {
        "thermal": thermal,
        "average": means,
        "average as given": np.array(printed),
        "1/(2n+1)": closed,
    }
    return PublishedFigure("3b", model, beta0, results, statements, series)


def figure(
    name: str,
    *,
    corrections: Any = (),
    beta0: Any = (1.0, 1.0),
    end: float = _END,
    samples: int = 10001,
    thermal: Any = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0),
) -> PublishedFigure:
    """Run a figure of the paper and judge what the paper says about it.

    Parameters
    ----------
    name : str
        "2a" … "2i", "3a" or "3b". The panels a–c, d–f and g–i of Fig. 2 are the same runs.
    corrections : sequence of str or "all"
        For the run of the figure; as printed by default.
    beta0 : array_like of shape (2,)
        Initial amplitudes. The paper's (0, 0) never leave the origin.
    end : float
        Last time, in units of 1/ω1.
    samples : int
        Number of output times.
    thermal : array_like
        Values of n̄ for "3b".

    Returns
    -------
    PublishedFigure
        Printing it lists each statement with "holds" or "FAILS" and the evidence.

    Raises
    ------
    ValueError
        Unknown name or bad numbers.
    """
    check_choice("name", name, FIGURES)
    n, exchange = FIGURES[name]
    model = PublishedSpinChains(n=n, exchange=exchange, corrections=corrections)
    beta = check_array("beta0", beta0, shape=(2,), dtype=complex)
    if not beta.any():
        raise ValueError(
            "beta0 must not be (0, 0): the paper's initial state is a fixed point, nothing happens"
        )
    end = check_number("end", end, minimum=0.0, strict=True)
    if samples < 100:
        raise ValueError(f"samples must be at least 100 to judge a run, not {samples}")
    times = np.linspace(0.0, end, samples)
    if name == "3a":
        return _figure3a(model, beta, times)
    if name == "3b":
        occupations = check_array("thermal", thermal, shape=(None,))
        if occupations.size < 2 or np.any(occupations < 0) or np.any(np.diff(occupations) <= 0):
            raise ValueError(
                f"thermal must hold at least two increasing numbers ≥ 0, not {thermal!r}"
            )
        return _figure3b(model, beta, times, occupations)
    return _figure2(name, model, beta, times)
