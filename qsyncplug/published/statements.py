"""What the paper says about its figures, and what its own equations say to that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..core.entry import mfsolve
from ..core.errors import NonFiniteError
from ..core.saved import Saved
from .equations import PublishedEquations
from .result import PublishedResult
from .solver import SingularEquationsError

__all__ = [
    "CASES",
    "EXACT",
    "PHYSICAL",
    "PRINTED_PHASE",
    "Run",
    "Statement",
    "all_cases",
    "as_given",
    "average_as_given",
    "constant_phase",
    "equal_means",
    "falls_with_noise",
    "in_phase",
    "limit_cycle",
    "log_negativity",
    "meaning_of_one",
    "not_entangled",
    "quantum_state",
    "trajectory",
    "with_exact_jacobian",
]

#: Phase difference that the paper gives for λ=0.2.
PRINTED_PHASE = 1.049
#: corrections: the fluctuations are those of the drift; and their noise that of jump operators
EXACT = ("b_bracket", "e_exact")
PHYSICAL = (*EXACT, "a_channels")
#: the three runs of Fig. 2, by their first panels: (N1, N2), λ
CASES: dict[str, tuple[tuple[int, int], float]] = {
    "2a": ((5, 5), 0.0),
    "2d": ((10, 5), 0.0),
    "2g": ((5, 5), 0.2),
}


@dataclass(frozen=True)
class Statement(Saved):
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

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> statement = qsp.PublishedSpinChains().figure("2d").statements[0]
    >>> statement.holds
    False
    """

    text: str
    holds: bool
    evidence: str
    numbers: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"[{'holds' if self.holds else 'FAILS'}] {self.text}\n        {self.evidence}"


@dataclass(frozen=True)
class Run:
    """A run of the published equations as far as it goes.

    Attributes
    ----------
    result : PublishedResult
    overflow : float
        Time at which the covariance left the floating-point numbers, or inf.
    singular : float or None
        Time at which X vanishes, by which the equations divide.
    """

    result: PublishedResult
    overflow: float = float("inf")
    singular: float | None = None

    @classmethod
    def of(cls, model: PublishedEquations, beta0: np.ndarray, times: np.ndarray) -> Run:
        """Run `model`, whatever stops it."""
        given: Any = model
        try:
            return cls(mfsolve(given, beta0, times))
        except SingularEquationsError as error:
            if error.time <= times[0] + 1e-9:
                raise
            # as many outputs up to there: there is nothing else to look at
            before = np.linspace(times[0], error.time - 1e-9, len(times))
            return cls(mfsolve(given, beta0, before), singular=error.time)
        except NonFiniteError as error:
            return cls(error.result, overflow=error.time)

    @property
    def complete(self) -> bool:
        """Whether it reached its end."""
        return self.singular is None and not np.isfinite(self.overflow)


def trajectory(run: Run) -> Statement:
    """The initial state of the paper."""
    model = run.result.model
    origin = float(np.abs(model.drift(0.0, [0, 0])).max())
    return Statement(
        "the oscillators start from q_j(0)=p_j(0)=0",
        origin > 0,
        f"β=0 is an exact fixed point (|dβ/dt|={origin:g}): that start gives no trajectory; "
        "this run starts elsewhere",
        {"speed at the origin": origin},
    )


def limit_cycle(run: Run) -> Statement:
    """What is left at long times."""
    text = "there is a limit cycle at long times"
    if run.singular is not None:
        return _no_long_times(text, run)
    result = run.result
    model, total = result.model, result.excitations.sum(axis=1)
    corrected = Run.of(
        replace(model, corrections=EXACT), result.amplitudes[0], result.times[[0, -1]]
    )
    right = float(corrected.result.excitations[-1].sum())
    middle = len(total) // 2
    rate = -float(np.log(total[-1] / total[middle]) / (result.times[-1] - result.times[middle]))
    return Statement(
        text,
        bool(total[-1] > 0.01 * total[0]) and rate < 1e-2 * model.linear_loss,
        f"n1+n2 falls from {total[0]:.3g} to {total[-1]:.3g} at t={result.times[-1]:g} "
        f"({right:.3g} with the right bracket in B1, B2), later as exp(−{rate:.4g}t), "
        f"γ_l={model.linear_loss:g}: a spiral to the vacuum. "
        "With that bracket the damping alone changes n1+n2, and always lowers it (decay_law)",
        {
            "n1+n2 at the start": float(total[0]),
            "n1+n2 at the end": float(total[-1]),
            "late decay rate": rate,
            "n1+n2 at the end with the right bracket": right,
        },
    )


def _no_long_times(text: str, run: Run) -> Statement:
    """Of a run that ended where X vanishes."""
    assert run.singular is not None
    n, first = run.result.excitations[-1], run.result.amplitudes[0]
    return Statement(
        text,
        False,
        f"from β(0)=({first[0]:g}, {first[1]:g}) the equations are singular at "
        f"t={run.singular:.4g}, where X=Σg_j(|β_j|²−N_j)/√N_j vanishes, by which they divide "
        f"(|β|²={n[0]:.4g}, {n[1]:.4g}): they have no long times",
        {"singular at": run.singular},
    )


def _late(result: PublishedResult) -> slice:
    return slice(len(result.times) // 2, None)


def _phase_of(result: PublishedResult) -> dict[str, float]:
    """Behaviour of the relative phase in the later half: slope, part of the circle, resultant."""
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


def equal_means(run: Run) -> Statement:
    """Hold the claim of Fig. 2a against the run: equal chains, equal means."""
    text = "for N1=N2, λ=0 the mean values become equal, q̄1=q̄2 and p̄1=p̄2"
    if run.singular is not None:
        return _no_long_times(text, run)
    late = run.result.amplitudes[_late(run.result)]
    difference = float((np.abs(late[:, 0] - late[:, 1]) / np.abs(late).max(axis=1)).max())
    return Statement(
        text,
        difference < 0.05,
        f"largest |β1−β2|/|β| in the later half: {difference:.2g}; nothing makes them "
        "equal: the decaying spiral keeps what it is given (try beta0=(1, 1) and (1, 1j))",
        {"largest relative difference": difference},
    )


def in_phase(run: Run) -> Statement:
    """Hold the claim of Fig. 2d against the run: unequal chains in phase at long times."""
    text = "for N1=10, N2=5 the mean values are in phase at long times, with different amplitudes"
    if run.singular is not None:
        return _no_long_times(text, run)
    result = run.result
    numbers = _phase_of(result)
    ratio = np.abs(result.amplitudes[-1, 1]) / np.abs(result.amplitudes[-1, 0])
    numbers["ratio of amplitudes"] = float(ratio)
    return Statement(
        text,
        numbers["range"] < 0.5,
        f"φ2−φ1 visits {100 * numbers['part of the circle visited']:.0f} % of the circle in the "
        f"later half (slope {numbers['slope']:.3g} per unit time)",
        numbers,
    )


def constant_phase(run: Run) -> Statement:
    """Hold the claim of Fig. 2g against the run: a phase difference that stays at its printed
    value.
    """
    text = f"for λ=0.2 the mean values keep a small phase difference φ={PRINTED_PHASE}"
    if run.singular is not None:
        return _no_long_times(text, run)
    result = run.result
    model = result.model
    numbers = _phase_of(result)
    expected = model.exchange**2 * (model.omega[0] / model.n[0] - model.omega[1] / model.n[1]) / 2
    if "eq4_commutator" in model.corrections:
        expected *= 2
    numbers["expected slope"] = expected
    numbers["phase at the end"] = float(np.mod(result.relative_phase[-1], 2 * np.pi))
    turns = abs(numbers["slope"]) * result.times[-1] / (2 * np.pi)
    return Statement(
        text,
        abs(numbers["slope"]) * result.times[-1] < 0.1,
        f"φ drifts at {numbers['slope']:.2g} per unit time "
        f"(the exchange detunes by Δ(ωλ²/2N)={expected:.2g}), "
        f"{turns:.2g} turns over the run: φ={PRINTED_PHASE} can only be a snapshot",
        numbers,
    )


# ------------------------------------------------------------ Fig. 3a


def _exceeds(result: PublishedResult, level: float) -> float:
    """First time at which tr C > level (inf: never)."""
    trace = np.trace(result.covariance, axis1=1, axis2=2)
    above = np.flatnonzero(trace > level)
    return float(result.times[above[0]]) if above.size else np.inf


def _growth(model: PublishedEquations) -> float:
    """Largest growth rate of fluctuations about β=0."""
    return float(np.linalg.eigvals(model.drift_matrix(0.0, [0, 0])).real.max())


def as_given(run: Run) -> Statement:
    """S_q of the equations as the figure has them."""
    text = "S_q approaches 1 at long times (the equations as given)"
    if run.singular is not None:
        return _no_long_times(text, run)
    result, gone = run.result, run.overflow
    growth, trace = _growth(result.model), _exceeds(result, 1e8)
    course = result.complete_synchronization()
    final = float(course[np.isfinite(course)][-1])
    return Statement(
        text,
        abs(final - 1) < 0.01 and run.complete,
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


def with_exact_jacobian(run: Run) -> Statement:
    """S_q with fluctuations that are those of the drift."""
    result = run.result
    last = float(result.complete_synchronization()[-1])
    left = float(result.excitations[-1].sum())
    return Statement(
        "S_q approaches 1 with the exact Jacobian",
        abs(last - 1) < 0.01,
        f"S_q={last:.4f} at t={result.times[-1]:g}, where n1+n2={left:.2g}",
        {"S_q at the end": last, "n1+n2 at the end": left},
    )


def quantum_state(run: Run) -> Statement:
    """Whether the covariance is one of a state."""
    top = float(run.result.complete_synchronization().max())
    margin = float(run.result.stats["drift"]["uncertainty relation"])
    return Statement(
        "the covariance is one of a quantum state (printed D, exact Jacobian)",
        margin < 1e-9,
        f"smallest eigenvalue of C+iΩ/2 along the run: {-margin:.3f}, S_q up to {top:.3f}",
        {"smallest eigenvalue of C+iΩ/2": -margin, "largest S_q": top},
    )


def meaning_of_one(vacuum: Run) -> Statement:
    """What S_q=1 says: nothing of synchronisation."""
    still = float(np.abs(vacuum.result.complete_synchronization() - 1).max())
    return Statement(
        "S_q=1 means complete (perfect) quantum synchronisation",
        still > 1e-6,
        "with β=0, two oscillators at rest in their vacua and independent, S_q=1 at all times "
        f"(to {still:.1g}): 1 is the vacuum value",
        {"largest |S_q−1| of the vacuum": still},
    )


def log_negativity(covariance: np.ndarray) -> np.ndarray:
    """E_N=max(0, −ln 2ν), ν the least symplectic eigenvalue of the partially transposed C."""
    a, b, c = covariance[..., :2, :2], covariance[..., 2:, 2:], covariance[..., :2, 2:]
    delta = np.linalg.det(a) + np.linalg.det(b) - 2 * np.linalg.det(c)
    det = np.linalg.det(covariance)
    # ν² = (Δ−√(Δ²−4 det C))/2, without cancellation
    square = 2 * det / (delta + np.sqrt(np.maximum(delta**2 - 4 * det, 0)))
    return np.asarray(np.maximum(0.0, -0.5 * np.log(4 * square)))


def not_entangled(beta0: np.ndarray, times: np.ndarray, model: PublishedEquations) -> Statement:
    """The claim of the conclusion, along the runs of Fig. 2 whose covariance is that of a state."""
    numbers: dict[str, float] = {}
    parts = []
    for name, (n, exchange) in CASES.items():
        case = replace(model, n=n, exchange=exchange, corrections=PHYSICAL)
        result = Run.of(case, beta0, times).result
        course = log_negativity(result.covariance)
        top = int(np.argmax(course))
        share = float(np.mean(course > 1e-6))
        numbers |= {
            f"{name}: largest E_N": float(course[top]),
            f"{name}: at": float(result.times[top]),
            f"{name}: part of the run with E_N>1e-6": share,
        }
        parts.append(
            f"{name}: E_N up to {course[top]:.3g} at t={result.times[top]:g}, "
            f"above 1e-6 for {100 * share:.0f} % of the run"
        )
    return Statement(
        "the two oscillators are not entangled, yet completely synchronised",
        all(numbers[f"{name}: largest E_N"] < 1e-6 for name in CASES),
        "logarithmic negativity with exact Jacobian and physical noise, from two vacua: "
        + "; ".join(parts),
        numbers,
    )


def all_cases(model: PublishedEquations, beta0: np.ndarray, times: np.ndarray) -> Statement:
    """The claim that S_q=1 in every case of Fig. 2."""
    text = "S_q=1 in the steady state in all cases of Fig. 2"
    numbers: dict[str, float] = {}
    parts, holds = [], True
    for name, (n, exchange) in CASES.items():
        case = replace(model, n=n, exchange=exchange)
        run = Run.of(case, beta0, times)
        if run.singular is not None:
            return _no_long_times(text, run)
        rest = Run.of(case, np.zeros(2, dtype=complex), times).result
        exact = Run.of(replace(case, corrections=EXACT), beta0, times).result
        growth, trace = _growth(case), _exceeds(rest, 1e8)
        final = float(run.result.complete_synchronization()[-1]) if run.complete else 0.0
        top = float(exact.complete_synchronization().max())
        margin = float(exact.stats["drift"]["uncertainty relation"])
        numbers |= {
            f"{name}: growth rate at β=0": growth,
            f"{name}: tr C>1e8 from β=0 at": trace,
            f"{name}: S_q at the end": final,
            f"{name}: largest S_q, exact Jacobian, printed D": top,
            f"{name}: smallest eigenvalue of C+iΩ/2": -margin,
        }
        parts.append(
            f"{name}: S_q={final:.3g} (max Re eig M(β=0)={growth:+.5f}"
            + (f", tr C>1e8 at t={trace:g} from β=0" if np.isfinite(trace) else "")
            + f"; exact Jacobian with the printed D: S_q up to {top:.2f}, min eig {-margin:.3f})"
        )
        holds = holds and abs(final - 1) < 0.01
    return Statement(text, holds, "; ".join(parts), numbers)


# ------------------------------------------------------------ Fig. 3b


def average_as_given(run: Run, average: float, occupation: float) -> Statement:
    """The time average of S_q without thermal noise."""
    text = "the time-averaged S_q of the equations as given is 1 without thermal noise"
    if run.singular is not None:
        return _no_long_times(text, run)
    return Statement(
        text,
        abs(average - 1) < 0.02,
        f"it is {average:.3g} at n̄={occupation:g}",
        {"average at the first n̄": average},
    )


def falls_with_noise(averages: np.ndarray, thermal: np.ndarray) -> Statement:
    """The course of the time average against n̄."""
    deviation = float(np.abs(averages - 1 / (2 * thermal + 1)).max())
    return Statement(
        "the time-averaged S_q falls with n̄",
        bool(np.all(np.diff(averages) < 0)),
        "with the exact Jacobian and physical noise it falls as 1/(2n̄+1) to within "
        f"{deviation:.2g}: the variance of two thermal oscillators that know nothing of each other",
        {"largest deviation from 1/(2n̄+1)": deviation},
    )
