"""Spectra of truncated Wigner samples, with errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.checks import check_array, check_integer, check_memory, check_times
from ..core.entry import SPECTRA
from ..core.errors import QsyncplugWarning, warn
from ..core.progress import Tell, silent
from ..core.saved import Saved
from ..operators.expression import Expression
from ..operators.mode import ModeFactor
from ..operators.spin import SpinFactor
from ..operators.system import System
from .sampling import TwaSolver

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["SampledCorrelation", "SampledSpectrum"]

#: points of the curve for one of the record's own
_FINER = 4
#: groups of samples that are left out in turn for the errors of peaks
_GROUPS = 16
#: deviations by which two halves of a stationary record may differ
_DRIFT = 6.0


@dataclass(frozen=True, eq=False)
class SampledSpectrum(Saved):
    r"""The spectrum of a mode or a spin in the truncated Wigner approximation, from samples.

    Samples are those of the Wigner function: the spectrum is that of the *symmetrised* correlation
    :math:`½⟨δa^†(τ)δa(0)+δa(0)δa^†(τ)⟩`; its integral ∫S dω/2π is ⟨δa†δa⟩+½ of a mode and
    ⟨δS+δS−⟩−⟨Sz⟩ of a spin.

    Attributes
    ----------
    w, values, errors : ndarray of shape (W,)
        Frequencies, S there, and its standard error.
    frequency, frequency_error : float
        Of the highest maximum, and its standard error (jackknife over groups of samples).
    linewidth, linewidth_error : float
        Full width at half of the height of the Lorentzian that fits the upper half of the line;
        the window's resolution is in it.
    height : float
    coherent : complex
        Mean of a.
    power, power_error : float
        ⟨δa†δa⟩+½; ⟨δS+δS−⟩−⟨Sz⟩ of a spin.
    resolution : float
        Full width that the window gives to a line without width.
    ntraj, seed : int

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> system = qsp.System(1.5 * b.dag() * b, [b.dag(), 2 * b])
    >>> s = qsp.spectrum(system, b, sample_times=np.linspace(4, 84, 401), options={"seed": 1})
    >>> abs(s.frequency - 1.5) < 5 * s.frequency_error
    True
    """

    _axes: ClassVar[dict[str, str]] = {
        "w": "W",
        "values": "W",
        "errors": "W",
    }

    w: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    frequency: float
    frequency_error: float
    linewidth: float
    linewidth_error: float
    height: float
    coherent: complex
    power: float
    power_error: float
    resolution: float
    ntraj: int
    seed: int

    def __call__(self, w: Any) -> Any:
        """S at the frequencies `w` inside the range, by straight lines between its points."""
        w = np.asarray(check_array("w", np.asarray(w)))
        if w.size and (w.min() < self.w[0] or w.max() > self.w[-1]):
            raise ValueError(
                f"w must be between {self.w[0]:.4g} and {self.w[-1]:.4g}, what the times resolve"
            )
        return np.interp(w, self.w, self.values)

    def __repr__(self) -> str:
        return (
            f"<SampledSpectrum of {self.ntraj} samples: peak at {self.frequency:.6g} ± "
            f"{2 * self.frequency_error:.1g}, full width {self.linewidth:.4g} ± "
            f"{2 * self.linewidth_error:.1g} (resolution {self.resolution:.2g}), symmetrised power "
            f"{self.power:.4g} ± {2 * self.power_error:.1g} (95 %)>"
        )


@dataclass(frozen=True, eq=False)
class SampledCorrelation(Saved):
    r"""A correlation function in the truncated Wigner approximation, from samples: symmetrised,
    :math:`½⟨a^†(τ)a(0)+a(0)a^†(τ)⟩`. NumPy takes it for the array ``values``.

    Attributes
    ----------
    taulist : ndarray of shape (T,)
        Delays.
    values : ndarray of shape (T,)
        Complex.
    errors : ndarray of shape (T,)
        Standard errors: √⟨|deviation|²⟩ of the mean.
    ntraj, seed : int

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> thermal = qsp.System(1.5 * b.dag() * b, [b.dag(), 2 * b])
    >>> times, options = np.linspace(4, 84, 401), {"ntraj": 256, "seed": 1}
    >>> c = qsp.correlation(thermal, b, [0.0, 0.6], sample_times=times, options=options)
    >>> bool(np.all(abs(c - 5 / 6 * np.exp([0, (1.5j - 1.5) * 0.6])) < 4 * c.errors))
    True
    """

    _axes: ClassVar[dict[str, str]] = {"taulist": "T", "values": "T complex", "errors": "T"}

    taulist: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    ntraj: int
    seed: int

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def __repr__(self) -> str:
        return (
            f"<SampledCorrelation of {self.ntraj} samples: {len(self.taulist)} delays, standard "
            f"error up to {self.errors.max(initial=0.0):.1g} >"
        )


def _place(system: System, a: Any) -> int:
    """Index of the node that `a` is the lowering operator of; a ValueError for all others."""
    for k, operator in enumerate(system.operators):
        if isinstance(a, Expression) and a == operator:
            if not isinstance(system.symbols[k].factor, (ModeFactor, SpinFactor)):
                break
            return k
    raise ValueError("a must be the lowering operator of a mode or a spin (system.operators)")


def _uniform(sample_times: ArrayLike) -> np.ndarray:
    times = check_times(sample_times, name="sample_times")
    steps = np.diff(times)
    if len(times) < 16 or np.abs(steps - steps.mean()).max() > 1e-9 * times[-1]:
        raise ValueError(
            "sample_times must be at least 16 times of equal distance, such as a linspace"
        )
    if times[0] <= 0:
        raise ValueError(
            "sample_times must begin after t=0, when the state has become stationary; they begin "
            f"at {times[0]:g}"
        )
    return np.asarray(times)


class _Sums:
    """Periodograms, powers and means of groups of samples."""

    def __init__(self, times: np.ndarray):
        self.step = float(times[1] - times[0])
        n = len(times)
        self.window = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
        self.size = _FINER * n
        self.curves: list[np.ndarray] = []
        self.halves: list[np.ndarray] = []

    def add(self, fluctuation: np.ndarray) -> None:
        """Take records of δb, (T, samples), in: their windowed periodograms and powers of both
        halves.
        """
        # S(ω) belongs to b†(τ)b(0): b turns as e^{−iωt}
        wave = np.fft.fft(self.window[:, None] * fluctuation.conj(), self.size, axis=0)
        curve = np.abs(wave) ** 2 * (self.step / np.sum(self.window**2))
        self.curves.append(np.fft.fftshift(curve, axes=0).T)
        power = np.abs(fluctuation) ** 2
        middle = len(power) // 2
        self.halves.append(np.stack([power[:middle].mean(axis=0), power[middle:].mean(axis=0)], 1))

    @property
    def w(self) -> np.ndarray:
        """Frequencies of the curve, rising."""
        return np.fft.fftshift(np.fft.fftfreq(self.size, self.step)) * 2 * np.pi


def _peak(w: np.ndarray, S: np.ndarray) -> tuple[float, float, float]:
    """Place, full width at half height, and height of the highest maximum.

    1/S of a Lorentzian is a parabola, which is fitted where S is above half of its maximum: one
    noisy point moves it little.
    """
    # where it is above half of its height without a gap, around the highest of running means
    width = max(1, len(S) // 256)
    smooth = np.convolve(S, np.ones(width) / width, mode="same")
    k = int(np.argmax(smooth))
    out = np.flatnonzero(smooth < 0.5 * smooth[k])
    low = int(out[out < k].max(initial=-1)) + 1
    high = int(out[out > k].min(initial=len(S)))
    if low == 0 or high == len(S) or high - low < 4:
        return float(w[k]), float("nan"), float(S[k])
    x, y = w[low:high] - w[k], S[low:high]
    bend, slope, floor = np.polyfit(x, 1 / y, 2, w=y)
    top = floor - 0.25 * slope**2 / bend
    if not (bend > 0 and top > 0):
        return float(w[k]), float("nan"), float(S[k])
    return float(w[k] - 0.5 * slope / bend), float(2 * np.sqrt(top / bend)), float(1 / top)


def _jackknife(w: np.ndarray, curves: np.ndarray) -> tuple[float, float]:
    """Standard errors of place and width of the peak."""
    groups = np.array_split(np.arange(len(curves)), min(_GROUPS, len(curves)))
    total = curves.sum(axis=0)
    left = [_peak(w, (total - curves[g].sum(axis=0)) / (len(curves) - len(g)))[:2] for g in groups]
    n = len(left)
    spread = np.sqrt((n - 1) / n * np.sum((np.array(left) - np.mean(left, axis=0)) ** 2, axis=0))
    return float(spread[0]), float(spread[1])


def _records(
    system: Any,
    a: Any,
    times: np.ndarray,
    mean: Any,
    options: dict[str, Any],
    tell: Tell,
) -> tuple[np.ndarray, int]:
    """The operator in all samples at `times`, (T, ntraj), and the seed."""
    if not isinstance(system, System):
        raise TypeError(
            f"samples are those of a System, not of a {type(system).__name__} (of spin chains: "
            "chains.system())"
        )
    if not system.isconstant:
        raise ValueError("system must not depend on time to have a spectrum")
    count = check_integer("options['ntraj']", options["ntraj"], minimum=_GROUPS)
    place = _place(system, a)
    check_memory("the periodograms", 16.0 * _FINER * len(times) * count, advice="lower ntraj")
    if mean is None:
        mean = [
            0.0 if isinstance(s.factor, ModeFactor) else (0.0, 0.0, -1.0) for s in system.symbols
        ]
    solver = TwaSolver(
        system, ntraj=count, seed=options["seed"], options={"max_step": options["max_step"]}
    )
    problem = solver.problem(mean, np.concatenate([[0.0], times]), None)
    stepper = problem.stepper
    variable = solver.classical.first[system.symbols[place]]
    records = []
    for number, (_, size) in enumerate(stepper.chunks):
        records.append(stepper.draw(number)[1:, variable, :size].copy())
        tell((number + 1) / len(stepper.chunks))
    return np.concatenate(records, axis=1), int(problem.result.stats["seed"])


def _require_stationary(halves: np.ndarray) -> None:
    """Refuse records whose power changes; halves (samples, 2)."""
    change = halves[:, 1] - halves[:, 0]
    if abs(change.mean()) > _DRIFT * max(change.std() / np.sqrt(len(change)), 1e-300):
        raise ValueError(
            f"samples: the state is not stationary yet (⟨|δa|²⟩ changes by {change.mean():.2g} "
            "between the two halves); let the times begin later"
        )


def sampled_spectrum(
    system: Any,
    a: Any,
    sample_times: ArrayLike,
    *,
    mean: Any,
    options: dict[str, Any],
    tell: Tell = silent,
) -> SampledSpectrum:
    """See :func:`qsyncplug.spectrum` with `sample_times`."""
    times = _uniform(sample_times)
    beta, seed = _records(system, a, times, mean, options, tell)
    count, average = beta.shape[1], complex(beta.mean())
    sums = _Sums(times)
    for part in np.array_split(beta, max(1, count // 256), axis=1):
        sums.add(part - average)
    return _result(sums, average, count, seed)


def sampled_correlation(
    system: Any,
    a: Any,
    tau: np.ndarray,
    sample_times: ArrayLike,
    *,
    mean: Any,
    options: dict[str, Any],
    tell: Tell = silent,
) -> SampledCorrelation:
    """See :func:`qsyncplug.correlation` with `sample_times`."""
    times = _uniform(sample_times)
    step = float(times[1] - times[0])
    lags = np.rint(tau / step).astype(int)
    if np.any(np.abs(tau - lags * step) > 1e-6 * step) or lags.max(initial=0) >= len(times) // 2:
        raise ValueError(
            f"taulist must hold multiples of {step:.6g}, the distance of samples, up to half of "
            f"their span {times[-1] - times[0]:.4g}"
        )
    beta, seed = _records(system, a, times, mean, options, tell)
    half, power = len(beta) // 2, np.abs(beta - beta.mean()) ** 2
    _require_stationary(np.stack([power[:half].mean(axis=0), power[half:].mean(axis=0)], 1))
    found = [(beta[k:].conj() * beta[: len(beta) - k]).mean(axis=0) for k in lags]
    each = np.array(found, dtype=complex).reshape(len(lags), -1)
    spread = each.std(axis=1, ddof=1) / np.sqrt(each.shape[1])
    return SampledCorrelation(tau, each.mean(axis=1), spread, beta.shape[1], seed)


def _result(sums: _Sums, average: complex, count: int, seed: int) -> SampledSpectrum:
    curves, halves = np.concatenate(sums.curves), np.concatenate(sums.halves)
    _require_stationary(halves)
    values = curves.mean(axis=0)
    place, width, height = _peak(sums.w, values)
    place_error, width_error = _jackknife(sums.w, curves)
    # the Hann window's line
    resolution = 1.44 * 2 * np.pi / (sums.step * len(sums.window))
    if not width > 2 * resolution:
        warn(
            f"the line (width {width:.2g}) is not wider than twice the resolution "
            f"{resolution:.2g}: make the times longer",
            QsyncplugWarning,
        )
    power = halves.mean(axis=1)
    return SampledSpectrum(
        w=sums.w,
        values=values,
        errors=curves.std(axis=0, ddof=1) / np.sqrt(count),
        frequency=place,
        frequency_error=place_error,
        linewidth=width,
        linewidth_error=width_error,
        height=height,
        coherent=average,
        power=float(power.mean()),
        power_error=float(power.std(ddof=1) / np.sqrt(count)),
        resolution=float(resolution),
        ntraj=count,
        seed=seed,
    )


SPECTRA["samples"] = sampled_spectrum
SPECTRA["sampled correlation"] = sampled_correlation
