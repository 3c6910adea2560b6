"""Spectra and correlation functions of stationary states, by quantum regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip
import scipy.linalg
import scipy.sparse.linalg as spla

from ..core.checks import check_array, check_mapping, check_memory, check_times
from ..core.entry import SPECTRA
from ..core.errors import QsyncplugWarning, warn
from ..core.interrupts import whole_or_nothing
from ..core.options import complete_options
from ..core.progress import Tell, check_bar, part, reached
from ..core.types import Cutoff, Operator, Options, State
from ..operators.expression import Expression
from ..operators.system import System
from .curve import Spectrum
from .fluctuation import factorised, fluctuation, reachable, reduced_curve, resolvent, square
from .problem import Problem, exact_problem, refuse
from .propagate import ChebyshevStepper
from .steady import steadystate_modes
from .symmetric import many_atoms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["correlation", "spectrum"]

#: options of samples
_SAMPLED: dict[str, Any] = {"ntraj": 1024, "seed": None, "max_step": np.inf}
#: share of the work that the steady state takes, for progress bars
_STEADY = 0.3


def _empty(coherent: complex, power: float) -> Spectrum:
    none = np.zeros(0)
    return Spectrum(np.zeros((0, 0)), none, none, 0.0, coherent, power, 0.0)


def _fluctuates(power: float, noise: float) -> bool:
    """Whether there is a spectrum; it is said where there is none."""
    if power > noise:
        return True
    warn(
        f"nothing fluctuates: ⟨δa†δa⟩={power:.2g} is zero to rounding ({noise:.1g}); the spectrum "
        "is empty, it has no peak",
        QsyncplugWarning,
    )
    return False


def _exact_spectrum(problem: Problem, a: Any, tell: Tell) -> Spectrum:
    r = fluctuation(problem, a, part(tell, 0.0, _STEADY))
    if not _fluctuates(r.power, r.noise):
        return _empty(r.coherent, r.power)
    rate = r.rate()
    found, moments = resolvent(r, 0.3 * rate), (r.coherent, r.power)
    s = reduced_curve(found, (r.start, r.functional), rate, moments, part(tell, _STEADY, 1.0))
    s.error = max(s.error, r.noise / r.power)
    return s


def _moments_of_atoms(system: System, a: Expression, cutoff: Any, what: str) -> Any:
    """What :data:`.SPECTRA` gives for ensembles."""
    refuse(system.isconstant, bool(system.jumps), what)
    if not a.isconstant:
        raise ValueError("a must not depend on time")
    return SPECTRA["ensembles"](steadystate_modes(system, cutoff=cutoff), a, cutoff)


def _linear_spectrum(system: Any, a: Any, mean: Any) -> Spectrum:
    M, (start, functional), (coherent, power), noise = SPECTRA["linear"](system, a, mean)
    if not _fluctuates(power, noise):
        return _empty(coherent, power)
    shift = float(np.abs(M).max())
    small = np.linalg.inv(shift * np.eye(len(M)) - M).astype(complex)
    return Spectrum(small, functional, start, shift, coherent, power, noise / power)


def _ensemble_spectrum(system: System, a: Expression, cutoff: Any, tell: Tell) -> Spectrum:
    """On the moments of distinct atoms, which is the permutation-symmetric Liouville space."""
    L, ends, moments, noise = _moments_of_atoms(system, a, cutoff, "a spectrum")
    tell(_STEADY)
    start, functional = ends
    power = moments[1]
    if not _fluctuates(power, noise):
        return _empty(*moments)
    decay = abs(complex(functional @ (L @ start)).real) / power
    scale = float(np.median(np.abs(L.diagonal().real)))
    rate = float(np.clip(decay, 1e-2 * scale, 1e2 * scale)) if scale > 0 else max(decay, 1e-300)
    found = factorised(L, 0.3 * rate, start)
    s = reduced_curve(found, ends, rate, moments, part(tell, _STEADY, 1.0))
    s.error = max(s.error, noise / power)
    return s


def _refuse_cutoff(cutoff: Any, approximate: bool) -> None:
    if approximate and cutoff is not None:
        raise ValueError(f"cutoff: a mean field and samples have none; got {cutoff!r}")


@whole_or_nothing
def spectrum(
    system: System | tuple[qutip.Qobj, Sequence[qutip.Qobj]],
    a: Operator,
    wlist: ArrayLike | None = None,
    *,
    cutoff: Cutoff = None,
    mean: State | None = None,
    sample_times: ArrayLike | None = None,
    options: Options | None = None,
    progress_bar: str | bool = "",
) -> Any:
    r"""The spectrum of an operator in the steady state.

    .. math:: S(ω)=2\,\mathrm{Re}∫_0^∞⟨δa^†(τ)δa(0)⟩e^{-iωτ}dτ, \qquad δa=a-⟨a⟩.

    A free mode H=Δb†b has its line at ω=+Δ; the coherent part is left out and given as
    ``coherent``.

    Parameters
    ----------
    system : System, or a pair (H, c_ops) of QuTiP objects
        Constant in time, with one steady state.
    a : Expression or Qobj
        Lowering operator of the oscillator that is looked at.
    wlist : array_like of shape (W,), optional
        Frequencies for ``w`` and ``values``; by default some that show every peak. The result
        is known at every frequency: call it.
    cutoff : int or sequence of int
        Fock levels kept of modes.
    mean : array_like of shape (N,) or mapping, optional
        The spectrum of the linearised mean field instead, about the stable fixed point that the
        mean field settles at from here (as for :func:`qsyncplug.mfsolve`: amplitudes of modes,
        directions of spins); `a` is an expression, or ``chains.lowering(j)``. With `sample_times`:
        what the samples start from.
    sample_times : array_like of shape (T,), optional
        The spectrum of truncated Wigner samples of modes and spins instead, recorded at these times
        of equal distance; they begin when the state has become stationary, the start is t=0. `a` is
        the lowering operator of a node.
    options : dict, optional
        Of the samples: their number ``ntraj`` (1024), their ``seed``, the longest step
        ``max_step``.
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; "" is none. It tells of the steady state (by the
        decades of its residual), then of the vectors of the Krylov space, whose number follows
        from how fast the curve settles; of samples by their number.

    Returns
    -------
    Spectrum
        (With `sample_times` a :class:`SampledSpectrum`, which has error bars.)
        ``s(w)``, ``.peaks`` (highest first: ``.frequency``, ``.width`` (full, at half height),
        ``.height``), ``.frequency`` and ``.linewidth`` of the highest, ``.coherent``, ``.power``.

    Raises
    ------
    ValueError, TypeError
        A system that depends on time, has no jump operators or is unstable; an operator of
        another space.
    MemoryLimitError
        It does not fit; the message holds the estimate.
    SolverError
        There are several steady states, or the spectrum did not converge.

    Warns
    -----
    CutoffWarning
        The cut-off is too low; the message says which would do.
    QsyncplugWarning
        Nothing fluctuates: ⟨δa†δa⟩ is zero to rounding, the spectrum is empty. Two peaks of nearly
        equal height.

    Notes
    -----
    Quantum regression: S(ω)=2 Re tr[δa†(iω−L)^{-1}δaρ], on the coherence order that a adds where
    the system has a phase symmetry. All frequencies come from one Krylov space of (σ−L)^{-1}
    (factorised, or GMRES), enlarged until the curve no longer changes. With `mean`, regression of
    the linearised mean field (:mod:`.linear_regression`). Ensembles of 7 atoms and more: on
    the moments of distinct atoms, which is the permutation-symmetric Liouville space.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> s = qsp.spectrum(qsp.System(0.5 * b.dag() * b, [b.dag(), 2 * b]), b, cutoff=24)
    >>> round(s.frequency, 9), round(s.linewidth, 9)
    (0.5, 3.0)
    """
    if wlist is not None:
        wlist = check_array("wlist", wlist, shape=(None,))
    sampled, bar = _of_samples(sample_times, options), check_bar(progress_bar)
    _refuse_cutoff(cutoff, mean is not None or sampled is not None)
    if sampled is not None:
        if wlist is not None:
            raise ValueError("wlist: the times of samples fix the frequencies; call the result")
        found = SPECTRA["samples"]
        return found(system, a, sample_times, mean=mean, options=sampled, tell=reached(bar))
    tell = reached(bar)
    if mean is not None:
        s = _linear_spectrum(system, a, mean)
    elif isinstance(system, System) and isinstance(a, Expression) and many_atoms(system):
        s = _ensemble_spectrum(system, a, cutoff, tell)
    else:
        problem = exact_problem(system, cutoff, "a spectrum")
        s = _exact_spectrum(problem, problem.matrix(a, "a"), tell)
    tell(1.0)
    s.w = s.window() if wlist is None else wlist
    check_memory("the spectrum", 48.0 * s.w.size, advice="ask for fewer frequencies")
    s.values = np.asarray(s(s.w))
    if len(s.peaks) > 1 and s.peaks[1].height > 0.9 * s.peaks[0].height:
        warn(
            f"the spectrum has peaks of nearly equal height at {s.peaks[0].frequency:g} and "
            f"{s.peaks[1].frequency:g}: one observed frequency does not describe it",
            QsyncplugWarning,
        )
    return s


def _of_samples(sample_times: ArrayLike | None, options: Options | None) -> dict[str, Any] | None:
    """The options of samples, complete; None where there are none."""
    options = check_mapping("options", options)
    if sample_times is None:
        if options:
            raise ValueError(
                f"options {', '.join(options)} are of samples: give their times as sample_times=…"
            )
        return None
    check_times(sample_times, name="sample_times")
    return complete_options(options, _SAMPLED, ())


@whole_or_nothing
def correlation(
    system: System | tuple[qutip.Qobj, Sequence[qutip.Qobj]],
    a: Operator,
    taulist: ArrayLike,
    *,
    cutoff: Cutoff = None,
    mean: State | None = None,
    sample_times: ArrayLike | None = None,
    options: Options | None = None,
    progress_bar: str | bool = "",
) -> Any:
    r"""The correlation function ⟨a†(τ)a(0)⟩ in the steady state.

    Parameters
    ----------
    system, a, cutoff
        As for :func:`spectrum`.
    taulist : array_like of shape (T,)
        Strictly increasing delays τ≥0.
    mean : array_like of shape (N,) or mapping, optional
        Of the linearised mean field instead, as for :func:`spectrum`.
    sample_times : array_like, optional
        Of truncated Wigner samples at these times instead, as for :func:`spectrum`; `taulist` holds
        multiples of their distance.
    options : dict, optional
        Of the samples, as for :func:`spectrum`.
    progress_bar : str or bool
        As for :func:`spectrum`: of the steady state, then of the delays.

    Returns
    -------
    ndarray of shape (T,)
        Complex; it tends to |⟨a⟩|². (With `sample_times` a :class:`SampledCorrelation`, symmetrised
        and with errors.)

    Raises
    ------
    ValueError, TypeError, SolverError
        As for :func:`spectrum`; a negative delay.

    Notes
    -----
    tr[a†e^{Lτ}(aρ)], with exp(Lτ) by Chebyshev expansions; of ensembles of 7 atoms and more on the
    moments of distinct atoms; with `mean` see :mod:`.linear_regression`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> c = qsp.correlation(qsp.System(0 * b, [b.dag(), 2 * b]), b, [0.0, 1.0], cutoff=24)
    >>> [round(float(x), 9) for x in c.real]
    [0.333333333, 0.07437672]
    """
    tau = check_array("taulist", taulist, shape=(None,))
    if len(tau) and tau[0] < 0:
        raise ValueError(f"taulist must not hold negative delays; it begins with {tau[0]:g}")
    if np.any(np.diff(tau) <= 0):
        raise ValueError("taulist must increase strictly")
    check_memory("the correlations", 48.0 * tau.size, advice="ask for fewer delays")
    sampled, tell = _of_samples(sample_times, options), reached(check_bar(progress_bar))
    _refuse_cutoff(cutoff, mean is not None or sampled is not None)
    if sampled is not None:
        from_samples = SPECTRA["sampled correlation"]
        return from_samples(system, a, tau, sample_times, mean=mean, options=sampled, tell=tell)
    if mean is not None:
        found = _linear_correlation(system, a, mean, tau)
    elif isinstance(system, System) and isinstance(a, Expression) and many_atoms(system):
        found = _ensemble_correlation(system, a, cutoff, tau, tell)
    else:
        problem = exact_problem(system, cutoff, "a correlation function")
        found = _exact_correlation(problem, problem.matrix(a, "a"), tau, tell)
    tell(1.0)
    return found


def _linear_correlation(system: Any, a: Any, mean: Any, tau: np.ndarray) -> np.ndarray:
    M, (start, functional), (coherent, _), _ = SPECTRA["linear"](system, a, mean)
    values = [functional @ scipy.linalg.expm(M * t) @ start for t in tau]
    return np.asarray(np.array(values, dtype=complex) + abs(coherent) ** 2)


def _ensemble_correlation(
    system: System, a: Expression, cutoff: Any, tau: np.ndarray, tell: Tell
) -> np.ndarray:
    what = "a correlation function"
    L, (x, functional), (coherent, _), _ = _moments_of_atoms(system, a, cutoff, what)
    found, now = [], 0.0
    for delay in tau.tolist():
        tell(_STEADY + (1 - _STEADY) * now / max(tau[-1], 1e-300))
        # in a dark state δaρ is nothing, and nothing is reached
        x = spla.expm_multiply(L * (delay - now), x) if delay > now and len(x) else x
        found.append(functional @ x)
        now = delay
    return np.asarray(np.array(found, dtype=complex) + abs(coherent) ** 2)


def _exact_correlation(problem: Problem, a: Any, tau: np.ndarray, tell: Tell) -> np.ndarray:
    r = fluctuation(problem, a, part(tell, 0.0, _STEADY))
    d = problem.d
    check_memory(f"a correlation function of {d} levels", 64.0 * d**2, advice="lower the cutoff")
    X = square(r.start, r.index, d)
    row, column = np.unravel_index(r.index, (d, d))
    elements = problem.liouvillian.general(reachable(problem, np.unique(column - row)))
    functional = square(r.functional, r.index, d)
    # tr(OX) = Σ O_ji X_ij
    readout = elements.readout([functional.T])
    stepper = ChebyshevStepper(
        elements, elements.pack(X), 0.0, tolerance=1e-12, readout=readout, states=False
    )
    values = [np.zeros(0, complex)]
    for window in stepper.advance(tau):
        values.append(window.values[:, 0])
        tell(_STEADY + (1 - _STEADY) * stepper.t / max(tau[-1], stepper.t, 1e-300))
    return np.concatenate(values) + abs(r.coherent) ** 2
