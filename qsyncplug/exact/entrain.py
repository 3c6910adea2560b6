"""Observed frequency against detuning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..core.checks import asked, check_array, check_number
from ..core.errors import SolverError, SolverInterrupted
from ..core.interrupts import interruptible
from ..core.progress import counted
from ..core.saved import Saved
from ..core.types import Cutoff, Operator, State
from ..operators.system import System
from .curve import Spectrum
from .regression import spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EntrainmentCurve", "entrainment"]


@dataclass(frozen=True, eq=False)
class EntrainmentCurve(Saved):
    """Observed frequency against detuning.

    Attributes
    ----------
    detuning, frequency, linewidth : ndarray of shape (K,)
        In the frame of the drive: entrained is 0, free is the detuning itself.
    height : ndarray of shape (K,)
        Of the highest peak.
    coherent, power : ndarray of shape (K,)
        Mean of the operator (the light at the frequency of the drive) and its fluctuations.
    spectra : tuple of Spectrum

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> def free(detuning):
    ...     return qsp.System(detuning * b.dag() * b, [b.dag(), 2 * b])
    >>> [round(float(x), 9) for x in qsp.entrainment(free, [0.0, 1.0], cutoff=24).frequency]
    [0.0, 1.0]
    """

    _axes: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("detuning", "frequency", "linewidth", "height", "power", "spectra"), "K"),
        "coherent": "K complex",
    }

    detuning: np.ndarray
    frequency: np.ndarray
    linewidth: np.ndarray
    height: np.ndarray
    coherent: np.ndarray
    power: np.ndarray
    spectra: tuple[Spectrum, ...]

    @property
    def pull(self) -> np.ndarray:
        """1 − observed/detuning: 0 free, 1 entrained; NaN without a detuning."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.detuning != 0, 1 - self.frequency / self.detuning, np.nan)

    @property
    def ambiguous(self) -> np.ndarray:
        """Where a second peak has more than half of the height of the highest: one frequency does
        not describe the spectrum.
        """
        return np.array(
            [len(s.peaks) > 1 and s.peaks[1].height > 0.5 * s.peaks[0].height for s in self.spectra]
        )

    def locking_range(self, level: float = 0.5) -> tuple[float, float]:
        """Detunings next to 0 between which the pull exceeds `level`, between the points by
        straight lines: 0 where the first point is not pulled so much, the ends of the curve where
        all are. There is no sharp boundary in a quantum oscillator.
        """
        x, inside = self.detuning, self.pull - check_number("level", level)
        left, right = x < 0, x > 0
        return _edge(x[left][::-1], inside[left][::-1]), _edge(x[right], inside[right])

    def plot(
        self, *, widths: bool = True, fig: Figure | None = None, ax: Axes | None = None
    ) -> tuple[Figure, Axes]:
        """Draw the observed frequency over the detuning; arguments as for
        :func:`qsyncplug.plot_entrainment`.
        """
        from ..plot import plot_entrainment

        return plot_entrainment(self, widths=widths, fig=fig, ax=ax)

    def __repr__(self) -> str:
        low, high = self.locking_range()
        return (
            f"EntrainmentCurve({len(self.detuning)} detunings, pulled by more than half from "
            f"{low:.4g} to {high:.4g})"
        )


def _edge(x: np.ndarray, inside: np.ndarray) -> float:
    """Where the pull crosses the level, walking away from 0."""
    if not len(x):
        return 0.0
    out = np.flatnonzero(inside < 0)
    if not len(out):
        return float(x[-1])
    k = int(out[0])
    if k == 0:
        return 0.0
    share = inside[k - 1] / (inside[k - 1] - inside[k])
    return float(x[k - 1] + share * (x[k] - x[k - 1]))


@interruptible
def entrainment(
    system: Callable[[float], System],
    detuning: Iterable[float],
    *,
    a: Callable[[System], Operator] | None = None,
    cutoff: Cutoff = None,
    mean: State | None = None,
    progress_bar: str | bool = "",
) -> EntrainmentCurve:
    r"""Observed frequency against detuning: a spectrum at each, and its highest peak.

    Parameters
    ----------
    system : callable
        ``system(detuning)`` returns the :class:`System` in the frame of the drive, constant in
        time.
    detuning : array_like of shape (K,)
        Increasing.
    a : callable, optional
        ``a(system)``: the operator that is looked at; by default the lowering operator of the
        first node.
    cutoff : int or sequence of int
        Fock levels kept of modes.
    mean : array_like, optional
        For the linearised mean field; see :func:`spectrum`.
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; none by default.

    Returns
    -------
    EntrainmentCurve
        ``.frequency``, ``.linewidth``, ``.pull``, ``.locking_range()``, ``.plot()``.

    Raises
    ------
    TypeError, ValueError, SolverError
        As for :func:`spectrum`; `system` is no function, raises, or returns none.
    SolverInterrupted
        Ctrl-C. As of a SolverError, ``.result`` is the curve up to there, or None.

    Notes
    -----
    S. Walter, A. Nunnenkamp, C. Bruder, Phys. Rev. Lett. 112, 094102 (2014). Of many points on
    many processes: :func:`qsyncplug.sweep` with ``qsp.spectrum(…).frequency``.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> def driven(detuning):
    ...     H = detuning * b.dag() * b + 0.7 * (b + b.dag())
    ...     return qsp.System(H, [b.dag(), b**2])
    >>> curve = qsp.entrainment(driven, np.linspace(-1, 1, 5), cutoff=14)
    >>> bool(np.all(np.abs(curve.frequency) <= np.abs(curve.detuning) + 1e-9))
    True
    """
    if not callable(system):
        raise TypeError(
            f"system must be a function of the detuning that returns a System, not "
            f"{type(system).__name__}"
        )
    if not (a is None or callable(a)):
        raise TypeError(
            f"a must be a function of the System that returns an operator, not {type(a).__name__}"
        )
    x = check_array("detuning", detuning, shape=(None,))
    if not len(x) or np.any(np.diff(x) <= 0):
        raise ValueError("detuning must hold at least one number and increase strictly")
    spectra: list[Spectrum] = []
    for value in counted(x.tolist(), progress_bar):
        try:
            here, operator = _asked(system, a, value)
            spectra.append(spectrum(here, operator, cutoff=cutoff, mean=mean))
        except (KeyboardInterrupt, SolverError) as error:
            raise _stopped(error, value, x, spectra) from error
    return _curve(x, spectra)


def _asked(
    system: Callable[[float], System], a: Callable[[System], Operator] | None, value: float
) -> tuple[System, Operator]:
    """What the user's functions give at a detuning."""
    try:
        here = asked("system", system, value)
        operator = asked("a", a, here) if a is not None and isinstance(here, System) else None
    except ValueError as error:
        raise SolverError(str(error), reason="raised") from error.__cause__
    if not isinstance(here, System):
        raise TypeError(f"system({value:g}) must be a System, not {type(here).__name__}")
    return here, here.operators[0] if operator is None else operator


def _stopped(
    error: SolverError | KeyboardInterrupt, value: float, x: np.ndarray, spectra: list[Spectrum]
) -> SolverError | SolverInterrupted:
    """The error of a call that ended at a detuning, with the curve up to there."""
    kept = f"error.result holds the curve of {len(spectra)} of {len(x)} detunings"
    curve = _curve(x[: len(spectra)], spectra) if spectra else None
    begun = f"entrainment stopped at detuning {value:g}"
    if isinstance(error, KeyboardInterrupt):
        return SolverInterrupted(f"{begun}: interrupted; {kept}", result=curve)
    return type(error)(f"{begun}: {error}; {kept}", reason=error.reason, result=curve)


def _curve(x: np.ndarray, spectra: list[Spectrum]) -> EntrainmentCurve:
    columns = {
        name: np.array([getattr(s, name) for s in spectra])
        for name in ("frequency", "linewidth", "coherent", "power")
    }
    height = np.array([s.peaks[0].height if s.peaks else 0.0 for s in spectra])
    return EntrainmentCurve(detuning=x, height=height, spectra=tuple(spectra), **columns)
