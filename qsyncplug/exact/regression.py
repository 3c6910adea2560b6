"""Spectra and correlation functions of stationary states, by quantum regression."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from ..core.checks import check_array, check_memory
from ..core.entry import SPECTRA
from ..core.errors import QsyncplugWarning, SolverError, warn
from ..operators.expression import Expression
from ..operators.system import System
from .curve import Spectrum
from .linear import linear_correlation, linear_spectrum
from .patience import say_if_long
from .problem import Problem, exact_problem, refuse
from .propagate import ChebyshevStepper
from .resolvent import NoJump, gmres
from .steady import stationary, steadystate_modes
from .symmetric import many_atoms

__all__ = ["correlation", "spectrum"]

#: elements of a coherence order up to which the resolvent is factorised; without a symmetry
_LU_ORDER, _LU_WHOLE = 6000, 3000
#: vectors of the reduced resolvent, and how many between two looks at its error
_MOST, _EVERY = 240, 5
#: vectors of an iterative resolvent
_RESTART = 120
_CONVERGED = 1e-10
#: population of a highest level from which on there is no stationary state to speak of
_UNSTABLE = 1e-2
#: levels up to which the system is solved once more with twice the cut-off, to see if it has one
_LOOK_BEYOND = 256


@dataclass
class _Regression:
    """δaρ as a vector of elements, the functional tr[δa†X], and what they stand for."""

    problem: Problem
    index: np.ndarray
    start: np.ndarray
    functional: np.ndarray
    coherent: complex
    power: float


def _regression(problem: Problem, a: Any) -> _Regression:
    rho = stationary(problem, problem.where)
    _require_bounded(problem, rho)
    problem.warn_cutoff(rho)
    mean = complex((a @ rho).trace())
    fluctuation = a.toarray() - mean * np.eye(problem.d)
    x = fluctuation @ rho
    power = float(np.vdot(fluctuation, x).real)
    order = problem.order_of(a) if problem.charges.shape[1] else None
    mask = problem.mask(order)
    index = np.flatnonzero(mask.ravel())
    # tr[δa† X] = Σ conj(δa_ij) X_ij
    functional = fluctuation.conj().ravel()[index]
    return _Regression(problem, index, x.ravel()[index], functional, mean, max(power, 0.0))


def _require_bounded(problem: Problem, rho: np.ndarray) -> None:
    """Refuse a system whose excitation nothing but the cut-off ends.

    Where a highest level is populated, a look beyond it decides: of a stable system the population
    of the highest level falls with the cut-off, and the cut-off is merely low.
    """
    worst = problem.highest(rho)
    if worst <= _UNSTABLE:
        return
    if 2 ** len(problem.places) * problem.d <= _LOOK_BEYOND:
        cutoff = [2 * problem.dims[k] for k in problem.places]
        larger = exact_problem(problem.system, cutoff, "a spectrum")
        try:
            beyond = larger.highest(stationary(larger, larger.where))
        except SolverError:
            beyond = np.inf
        bounded = beyond < 0.45 * worst
    else:
        populations = problem.populations(rho)[0]
        sizes = [problem.dims[k] for k in problem.places]
        bounded = all(
            p[n - 2 : n].max() < 0.5 * p[n // 2 - 1 : n // 2 + 1].max()
            for p, n in zip(populations, sizes, strict=True)
        )
    if not bounded:
        raise ValueError(
            f"system has no stationary state within {problem.where} (population {worst:.2g} of a "
            "highest level, and no less beyond): it is unstable, or the cut-off is far too low"
        )


def _resolvent(r: _Regression, shift: float) -> Callable[[np.ndarray], np.ndarray]:
    """(σ−L)^{-1} on the elements of a regression."""
    problem, d = r.problem, r.problem.d
    whole = len(r.index) == d * d
    if len(r.index) <= (_LU_WHOLE if whole else _LU_ORDER):
        L = problem.superoperator(r.index)
        matrix = sp.csc_matrix(shift * sp.identity(L.shape[0]) - L)
        solve: Callable[[np.ndarray], np.ndarray] = spla.splu(matrix, permc_spec="COLAMD").solve
        return solve
    return _iterative(r, shift)


def _iterative(r: _Regression, shift: float) -> Callable[[np.ndarray], np.ndarray]:
    problem, d = r.problem, r.problem.d
    check_memory(
        f"the spectrum on {len(r.index)} elements",
        16.0 * len(r.index) * (_RESTART + _MOST) + 16.0 * 8 * d**2,
        advice="lower the cutoff",
    )
    inverse = NoJump(problem.effective, problem.dims, shift)
    row, column = np.unravel_index(r.index, (d, d))
    elements = problem.liouvillian.general(_reachable(problem, np.unique(column - row)))

    def preconditioned(u: np.ndarray) -> np.ndarray:
        X = inverse(_square(u, r.index, d))
        LX = elements.unpack(elements.kernel.apply(elements.pack(X)))
        return np.asarray((shift * X - LX).ravel()[r.index])

    begin = clock.perf_counter()
    preconditioned(r.start)
    # about 25 vectors, each by about 60 products
    seconds = (clock.perf_counter() - begin) * 1500
    say_if_long(f"the spectrum of {d} levels", seconds, "a lower cutoff shortens it")

    def solve(x: np.ndarray) -> np.ndarray:
        size = float(np.linalg.norm(x))
        found = gmres(preconditioned, x, tolerance=1e-12 * size, restart=_RESTART, cycles=4)
        if found.residual > 1e-9 * size:
            raise SolverError(
                f"the resolvent was not solved for: residual {found.residual / size:.2g} after "
                f"{found.products} products",
                reason="not converged",
            )
        return np.asarray(inverse(_square(found.x, r.index, d)).ravel()[r.index])

    return solve


def _square(u: np.ndarray, index: np.ndarray, d: int) -> np.ndarray:
    X = np.zeros(d * d, dtype=complex)
    X[index] = u
    return X.reshape(d, d)


def _rate(r: _Regression) -> float:
    """Rate at which the correlation begins to decay, made positive."""
    M = r.problem.effective
    jumps = r.problem.matrices[1]
    X = _square(r.start, r.index, r.problem.d)
    LX = M @ X + (M.conj() @ X.T).T
    for A in jumps:
        LX = LX + (A.conj() @ (A @ X).T).T
    decay = -complex(r.functional @ LX.ravel()[r.index]).real / r.power
    scale = float(np.median(-2 * M.diagonal().real))
    return (
        float(np.clip(abs(decay), 1e-2 * scale, 1e2 * scale))
        if scale > 0
        else max(abs(decay), 1e-300)
    )


def _reduce(r: _Regression) -> Spectrum:
    """The whole curve, from the resolvent at one real point."""
    rate = _rate(r)
    solve = _resolvent(r, 0.3 * rate)
    return _curve(solve, (r.start, r.functional), rate, r.coherent, r.power)


def _curve(
    solve: Callable[[np.ndarray], np.ndarray],
    ends: tuple[np.ndarray, np.ndarray],
    rate: float,
    coherent: complex,
    power: float,
) -> Spectrum:
    """Arnoldi on (σ−L)^{-1}, σ=0.3·rate, from a start to a functional, until the curve stands."""
    start, functional = ends
    shift = 0.3 * rate
    n = len(start)
    size = float(np.linalg.norm(start))
    most = min(_MOST, n)
    V = np.zeros((most + 1, n), dtype=complex)
    h = np.zeros((most + 1, most), dtype=complex)
    V[0] = start / size
    before: np.ndarray | None = None
    probe = np.zeros(0)
    error = np.inf
    for k in range(most):
        w = solve(V[k])
        for _ in range(2):
            c = V[: k + 1].conj() @ w
            w = w - c @ V[: k + 1]
            h[: k + 1, k] += c
        h[k + 1, k] = np.linalg.norm(w)
        m = k + 1
        exhausted = m == n or abs(h[m, k]) < 1e-14 * np.abs(h[:m, :m]).max()
        if m % _EVERY == 0 or exhausted:
            e1 = np.zeros(m, dtype=complex)
            e1[0] = size
            curve = Spectrum(h[:m, :m].copy(), V[:m] @ functional, e1, shift, coherent, power, 0.0)
            if not len(probe):
                probe = np.concatenate([curve.grid, rate * np.linspace(-20, 20, 41)])
            values = curve.scan(np.concatenate([probe, curve.grid]))
            if before is not None:
                error = float(np.abs(values[: len(probe)] - before).max() / np.abs(values).max())
            probe = np.concatenate([curve.grid, rate * np.linspace(-20, 20, 41)])
            before = curve.scan(probe)
            curve.error = 0.0 if exhausted else error
            if exhausted or error < _CONVERGED:
                return curve
        V[k + 1] = w / h[k + 1, k]
    if error > 1e-6:
        raise SolverError(
            f"the spectrum did not converge with {most} vectors: error {error:.2g} of its maximum",
            reason="not converged",
        )
    return curve


def _empty(coherent: complex, power: float) -> Spectrum:
    none = np.zeros(0)
    return Spectrum(np.zeros((0, 0)), none, none, 0.0, coherent, power, 0.0)


def _fluctuates(coherent: complex, power: float) -> bool:
    return power > 1e-14 * max(1.0, abs(coherent) ** 2)


def _of_many_atoms(system: Any, a: Any) -> bool:
    """Whether the moments of ensembles take the place of states; a Qobj is of the states."""
    return isinstance(system, System) and isinstance(a, Expression) and many_atoms(system)


def _moments_of_atoms(system: System, a: Expression, cutoff: Any, what: str) -> Any:
    """What :data:`.SPECTRA` gives for ensembles."""
    refuse(system.isconstant, bool(system.jumps), what)
    if not a.isconstant:
        raise ValueError("a must not depend on time")
    return SPECTRA["ensembles"](steadystate_modes(system, cutoff=cutoff), a, cutoff)


def _ensemble_spectrum(system: System, a: Expression, cutoff: Any) -> Spectrum:
    """On the moments of distinct atoms, which is the permutation-symmetric Liouville space."""
    L, start, functional, coherent, power = _moments_of_atoms(system, a, cutoff, "a spectrum")
    if not _fluctuates(coherent, power):
        return _empty(coherent, power)
    decay = abs(complex(functional @ (L @ start)).real) / power
    scale = float(np.median(np.abs(L.diagonal().real)))
    rate = float(np.clip(decay, 1e-2 * scale, 1e2 * scale)) if scale > 0 else max(decay, 1e-300)
    matrix = sp.csc_matrix(0.3 * rate * sp.identity(len(start)) - L)
    solve = spla.splu(matrix, permc_spec="COLAMD").solve
    return _curve(solve, (start, functional), rate, coherent, power)


def spectrum(
    system: Any,
    a: Any,
    wlist: Any = None,
    *,
    cutoff: Any = None,
    mean: Any = None,
    samples: Any = None,
    ntraj: int | None = None,
    seed: int | None = None,
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
    mean : array_like of shape (N,), optional
        For modes: the spectrum of the linearised mean field instead, about the stable fixed point
        that is next to these amplitudes; `a` is one of the modes. With `samples`: amplitudes that
        the samples start from.
    samples : array_like of shape (T,), optional
        For modes: the spectrum of truncated Wigner samples instead, recorded at these times of
        equal distance; they begin when the state has become stationary, the start is t=0.
    ntraj, seed : int, optional
        Number of samples (1024) and their seed.

    Returns
    -------
    Spectrum
        (With `samples` a :class:`SampledSpectrum`, which has error bars.)
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

    Notes
    -----
    Quantum regression: S(ω)=2 Re tr[δa†(iω−L)^{-1}δaρ], on the coherence order that a adds where
    the system has a phase symmetry. All frequencies come from one Krylov space of (σ−L)^{-1}
    (factorised, or GMRES), enlarged until the curve no longer changes. With `mean`, regression of
    the linearised mean field (:func:`.linear.linear_spectrum`). Ensembles of 7 atoms and more: on
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
    if samples is not None:
        if wlist is not None:
            raise ValueError("wlist: the times of samples fix the frequencies; call the result")
        return SPECTRA["samples"](system, a, samples, mean=mean, ntraj=ntraj, seed=seed)
    if ntraj is not None or seed is not None:
        raise ValueError("ntraj and seed are of samples: give their times as samples=…")
    if mean is not None:
        s = linear_spectrum(system, a, mean)
    elif _of_many_atoms(system, a):
        s = _ensemble_spectrum(system, a, cutoff)
    else:
        problem = exact_problem(system, cutoff, "a spectrum")
        r = _regression(problem, problem.matrix(a, "a"))
        ends = (r.coherent, r.power)
        s = _reduce(r) if _fluctuates(*ends) else _empty(*ends)
    s.w = s.window() if wlist is None else wlist
    s.values = np.asarray(s(s.w))
    if len(s.peaks) > 1 and s.peaks[1].height > 0.9 * s.peaks[0].height:
        warn(
            f"the spectrum has peaks of nearly equal height at {s.peaks[0].frequency:g} and "
            f"{s.peaks[1].frequency:g}: one observed frequency does not describe it",
            QsyncplugWarning,
        )
    return s


def correlation(
    system: Any, a: Any, taulist: Any, *, cutoff: Any = None, mean: Any = None
) -> np.ndarray:
    r"""The correlation function ⟨a†(τ)a(0)⟩ in the steady state.

    Parameters
    ----------
    system, a, cutoff
        As for :func:`spectrum`.
    taulist : array_like of shape (T,)
        Strictly increasing delays τ≥0.
    mean : array_like of shape (N,), optional
        For modes: of the linearised mean field instead, as for :func:`spectrum`.

    Returns
    -------
    ndarray of shape (T,)
        Complex; it tends to |⟨a⟩|².

    Raises
    ------
    ValueError, TypeError, SolverError
        As for :func:`spectrum`; a negative delay.

    Notes
    -----
    tr[a†e^{Lτ}(aρ)], with exp(Lτ) by Chebyshev expansions; of ensembles of 7 atoms and more on the
    moments of distinct atoms; with `mean` see :func:`.linear.linear_correlation`.

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
    if mean is not None:
        return linear_correlation(system, a, mean, tau)
    if _of_many_atoms(system, a):
        what = "a correlation function"
        L, x, functional, coherent, _ = _moments_of_atoms(system, a, cutoff, what)
        found, now = [], 0.0
        for delay in tau:
            x = spla.expm_multiply(L * (delay - now), x) if delay > now else x
            found.append(functional @ x)
            now = float(delay)
        return np.asarray(np.array(found, dtype=complex) + abs(coherent) ** 2)
    problem = exact_problem(system, cutoff, "a correlation function")
    r = _regression(problem, problem.matrix(a, "a"))
    d = problem.d
    X = _square(r.start, r.index, d)
    row, column = np.nonzero(_square(np.ones(len(r.index)), r.index, d))
    elements = problem.liouvillian.general(_reachable(problem, np.unique(column - row)))
    functional = _square(r.functional, r.index, d)
    # tr(OX) = Σ O_ji X_ij
    readout = elements.readout([functional.T])
    stepper = ChebyshevStepper(
        elements, elements.pack(X), 0.0, tolerance=1e-12, readout=readout, states=False
    )
    values = [w.values[:, 0] for w in stepper.advance(tau) if len(w.times)]
    return np.concatenate([np.zeros(0, complex), *values]) + abs(r.coherent) ** 2


def _reachable(problem: Problem, diagonals: np.ndarray) -> np.ndarray:
    """The diagonals (both signs) that evolve with some."""
    d, g = problem.d, problem.liouvillian.period
    every = np.arange(-d + 1, d)
    if g == 0:
        return diagonals
    return every[np.isin(every % g, np.unique(diagonals % g))]
