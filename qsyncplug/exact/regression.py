"""Spectra and correlation functions of stationary states, by quantum regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from ..core.checks import check_array
from ..core.errors import QsyncplugWarning, SolverError, warn
from .problem import Problem, exact_problem
from .propagate import ChebyshevStepper
from .resolvent import NoJump, gmres
from .steady import stationary

__all__ = ["Peak", "Spectrum", "correlation", "spectrum"]

#: elements of a coherence order up to which the resolvent is factorised; without a symmetry
_LU_ORDER, _LU_WHOLE = 6000, 3000
#: vectors of the reduced resolvent, and how many between two looks at its error
_MOST, _EVERY = 240, 5
_CONVERGED = 1e-10
#: height of a local maximum, relative to the highest, that counts as a peak
_SMALLEST_PEAK = 1e-3
#: population of a highest level from which on there is no stationary state to speak of
_UNSTABLE = 1e-2


@dataclass(frozen=True)
class Peak:
    """A local maximum of a spectrum.

    Attributes
    ----------
    frequency : float
        Where it is.
    width : float
        Full width at half of its height; NaN where the spectrum does not fall to that beside it
        before it rises above it.
    height : float
    """

    frequency: float
    width: float
    height: float


class Spectrum:
    r"""A spectrum :math:`S(ω)=2\,\mathrm{Re}∫_0^∞⟨δa^†(τ)δa(0)⟩e^{-iωτ}dτ`, known at every ω.

    Held is a small matrix A, the resolvent on a Krylov space: S(ω)=2 Re gᵀA[1+(iω−σ)A]^{-1}h.

    Attributes
    ----------
    w, values : ndarray
        Frequencies and S there.
    coherent : complex
        Mean of a; its line has the weight 2π|⟨a⟩|² and no width.
    power : float
        ⟨δa†δa⟩, which is ∫S dω/2π.
    error : float
        Estimated error of S relative to its maximum.
    """

    def __init__(
        self,
        small: np.ndarray,
        g: np.ndarray,
        h: np.ndarray,
        shift: float,
        coherent: complex,
        power: float,
        error: float,
    ):
        self._small, self._g, self._h, self._shift = small, g, h, shift
        self.coherent, self.power, self.error = coherent, power, error
        self.w = np.zeros(0)
        self.values = np.zeros(0)

    # ------------------------------------------------------------ values

    def _solve(self, w: np.ndarray, powers: int) -> list[np.ndarray]:
        """gᵀA R (A R)^k h for k=0 … powers, R=[1+(iω−σ)A]^{-1}."""
        A, m = self._small, len(self._small)
        out: list[list[np.ndarray]] = [[] for _ in range(powers + 1)]
        for part in np.array_split(w, max(1, len(w) * m * m // 2**20)):
            R = np.eye(m) + (1j * part - self._shift)[:, None, None] * A
            x = np.broadcast_to(self._h, (len(part), m))
            for k in range(powers + 1):
                x = np.linalg.solve(R, x[..., None])[..., 0] @ A.T
                out[k].append(x @ self._g)
        return [np.concatenate(o) for o in out]

    def __call__(self, w: Any) -> Any:
        """S at the frequencies `w`, any shape."""
        w = np.asarray(check_array("w", np.asarray(w)))
        if not len(self._small):
            return np.zeros(w.shape)[()]
        return (2 * self._solve(w.ravel(), 0)[0].real).reshape(w.shape)[()]

    def _scan(self, w: np.ndarray) -> np.ndarray:
        """S at many frequencies, by its poles where these are as good as the resolvent."""
        poles, weights = self._poles
        near = 2 * (1 / (1j * w[:, None] - poles) @ weights).real
        look = w[:: max(1, len(w) // 5)]
        exact = np.asarray(self(look))
        if np.abs(near[:: max(1, len(w) // 5)] - exact).max() > 1e-11 * np.abs(exact).max():
            return np.asarray(self(w))
        return near

    def slope(self, w: float) -> float:
        """Derivative S'(ω)."""
        return float((2 * (-1j) * self._solve(np.array([w]), 1)[1][0]).real)

    def correlation(self, taulist: Any) -> np.ndarray:
        """⟨δa†(τ)δa(0)⟩ for τ≥0, from the poles."""
        tau = check_array("taulist", taulist, shape=(None,))
        poles, weights = self._poles
        return np.asarray(np.exp(np.multiply.outer(tau, poles)) @ weights)

    @cached_property
    def _poles(self) -> tuple[np.ndarray, np.ndarray]:
        """S(ω)=2 Re Σ weight/(iω−pole)."""
        if not len(self._small):
            return np.zeros(0, complex), np.zeros(0, complex)
        values, Y = np.linalg.eig(self._small)
        weights = (self._g @ Y) * np.linalg.solve(Y, self._h)
        return self._shift - 1 / values, weights

    # ------------------------------------------------------------ peaks

    @cached_property
    def _grid(self) -> np.ndarray:
        """Frequencies close enough to see every line."""
        poles, weights = self._poles
        if not len(poles):
            return np.zeros(1)
        keep = np.abs(weights) > 1e-9 * np.abs(weights).max()
        poles = poles[keep]
        steps = np.concatenate([[0.0], np.geomspace(0.05, 30, 24)])
        steps = np.concatenate([-steps[::-1], steps[1:]])
        width = np.maximum(np.abs(poles.real), 1e-12 * np.abs(poles).max())
        near = np.sort((poles.imag[:, None] + width[:, None] * steps).ravel())
        # lines at one place differ by rounding
        apart = np.append(True, np.diff(near) > 1e-6 * width.min())
        return near[apart]

    @cached_property
    def peaks(self) -> list[Peak]:
        """Local maxima, highest first."""
        if not len(self._small):
            return []
        grid = self._grid
        S = self._scan(grid)
        top = S.max()
        inside = (S[1:-1] >= S[:-2]) & (S[1:-1] > S[2:]) & (S[1:-1] > _SMALLEST_PEAK * top)
        found = []
        for k in np.flatnonzero(inside) + 1:
            left, right = grid[k - 1], grid[k + 1]
            if self.slope(left) > 0 > self.slope(right):
                w = float(scipy.optimize.brentq(self.slope, left, right, xtol=1e-300, rtol=1e-15))
                height = float(self(w))
                found.append(Peak(w, self._width(w, height, grid, S), height))
        return sorted(found, key=lambda p: -p.height)

    def _width(self, w: float, height: float, grid: np.ndarray, S: np.ndarray) -> float:
        half = 0.5 * height
        edges = []

        def excess(x: float) -> float:
            return float(self(x)) - half

        for direction in (-1, 1):
            beyond = grid[grid < w][::-1] if direction < 0 else grid[grid > w]
            values = S[grid < w][::-1] if direction < 0 else S[grid > w]
            before = w
            for x, v in zip(beyond, values, strict=True):
                if v > height * (1 + 1e-9):
                    return float("nan")
                if v <= half:
                    low, high = sorted((before, x))
                    edges.append(scipy.optimize.brentq(excess, low, high, xtol=1e-300, rtol=1e-15))
                    break
                before = x
            else:
                return float("nan")
        return float(edges[1] - edges[0])

    @property
    def frequency(self) -> float:
        """Where the highest peak is: the observed frequency; NaN without fluctuations."""
        return self.peaks[0].frequency if self.peaks else float("nan")

    @property
    def linewidth(self) -> float:
        """Full width of the highest peak at half of its height."""
        return self.peaks[0].width if self.peaks else float("nan")

    def _window(self) -> np.ndarray:
        """Frequencies for a picture: all peaks and some widths around them."""
        if not self.peaks:
            return np.linspace(-1, 1, 401)
        width = max(p.width for p in self.peaks if np.isfinite(p.width)) if self.peaks else 1.0
        low = min(p.frequency for p in self.peaks) - 4 * width
        high = max(p.frequency for p in self.peaks) + 4 * width
        sharp = [p for p in self.peaks if np.isfinite(p.width)]
        near = [p.frequency + p.width * np.linspace(-2, 2, 101) for p in sharp]
        return np.unique(np.concatenate([np.linspace(low, high, 401), *near]))

    def __repr__(self) -> str:
        lines = [f"<Spectrum: power {self.power:.6g}, mean {self.coherent:.6g}"]
        lines[0] += f", error {self.error:.1e}"
        for p in self.peaks:
            line = f"  peak at {p.frequency:.8g}, full width {p.width:.6g}"
            lines.append(f"{line}, height {p.height:.6g}")
        return "\n".join(lines) + " >"


# -------------------------------------------------------------------- quantum regression


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
    levels = problem.boson_levels
    where = f"the cut-off {levels}" if levels else "the number of levels"
    rho = stationary(problem, where)
    if levels:
        top = problem.populations(rho)
        worst = max(float(top[0, j, n - min(2, n - 1) : n].max()) for j, n in enumerate(levels))
        if worst > _UNSTABLE:
            raise ValueError(
                f"system has no stationary state within {where} (population {worst:.2g} of a "
                f"highest "
                "level): it is unstable, or the cut-off is far too low"
            )
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


def _resolvent(r: _Regression, shift: float) -> Callable[[np.ndarray], np.ndarray]:
    """(σ−L)^{-1} on the elements of a regression."""
    problem, d = r.problem, r.problem.d
    whole = len(r.index) == d * d
    if len(r.index) <= (_LU_WHOLE if whole else _LU_ORDER):
        L = problem.superoperator(r.index)
        matrix = sp.csc_matrix(shift * sp.identity(L.shape[0]) - L)
        return spla.splu(matrix, permc_spec="COLAMD").solve
    return _iterative(r, shift)


def _iterative(r: _Regression, shift: float) -> Callable[[np.ndarray], np.ndarray]:
    problem, d = r.problem, r.problem.d
    inverse = NoJump(problem.effective, problem.dims, shift)
    row, column = np.unravel_index(r.index, (d, d))
    elements = problem.liouvillian.general(_reachable(problem, np.unique(column - row)))

    def preconditioned(u: np.ndarray) -> np.ndarray:
        X = inverse(_square(u, r.index, d))
        LX = elements.unpack(elements.kernel.apply(elements.pack(X)))
        return (shift * X - LX).ravel()[r.index]

    def solve(x: np.ndarray) -> np.ndarray:
        size = float(np.linalg.norm(x))
        found = gmres(preconditioned, x, tolerance=1e-12 * size, restart=120, cycles=4)
        if found.residual > 1e-9 * size:
            raise SolverError(
                f"the resolvent was not solved for: residual {found.residual / size:.2g} after "
                f"{found.products} products",
                reason="not converged",
            )
        return inverse(_square(found.x, r.index, d)).ravel()[r.index]

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
    """Arnoldi on the resolvent at one real point, until the whole curve stands."""
    rate = _rate(r)
    shift = 0.3 * rate
    solve = _resolvent(r, shift)
    n = len(r.start)
    size = float(np.linalg.norm(r.start))
    most = min(_MOST, n)
    V = np.zeros((most + 1, n), dtype=complex)
    h = np.zeros((most + 1, most), dtype=complex)
    V[0] = r.start / size
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
            curve = Spectrum(
                h[:m, :m].copy(), V[:m] @ r.functional, e1, shift, r.coherent, r.power, 0.0
            )
            if not len(probe):
                probe = np.concatenate([curve._grid, rate * np.linspace(-20, 20, 41)])
            values = curve._scan(np.concatenate([probe, curve._grid]))
            if before is not None:
                error = float(np.abs(values[: len(probe)] - before).max() / np.abs(values).max())
            probe = np.concatenate([curve._grid, rate * np.linspace(-20, 20, 41)])
            before = curve._scan(probe)
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


def _empty(r: _Regression) -> Spectrum:
    none = np.zeros(0)
    return Spectrum(np.zeros((0, 0)), none, none, 0.0, r.coherent, r.power, 0.0)


def spectrum(system: Any, a: Any, wlist: Any = None, *, cutoff: Any = None) -> Spectrum:
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

    Returns
    -------
    Spectrum
        ``s(w)``, ``.peaks`` (highest first: ``.frequency``, ``.width`` (full, at half height),
        ``.height``), ``.frequency`` and ``.linewidth`` of the highest, ``.coherent``, ``.power``.

    Raises
    ------
    ValueError, TypeError
        A system that depends on time, has no jump operators or is unstable; an operator of
        another space.
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
    (factorised, or GMRES), enlarged until the curve no longer changes.

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
    problem = exact_problem(system, cutoff, "a spectrum")
    r = _regression(problem, problem.matrix(a, "a"))
    s = _reduce(r) if r.power > 1e-14 * max(1.0, abs(r.coherent) ** 2) else _empty(r)
    s.w = s._window() if wlist is None else wlist
    s.values = np.asarray(s(s.w))
    if len(s.peaks) > 1 and s.peaks[1].height > 0.9 * s.peaks[0].height:
        warn(
            f"the spectrum has peaks of nearly equal height at {s.peaks[0].frequency:g} and "
            f"{s.peaks[1].frequency:g}: one observed frequency does not describe it",
            QsyncplugWarning,
        )
    return s


def correlation(system: Any, a: Any, taulist: Any, *, cutoff: Any = None) -> np.ndarray:
    r"""The correlation function ⟨a†(τ)a(0)⟩ in the steady state.

    Parameters
    ----------
    system, a, cutoff
        As for :func:`spectrum`.
    taulist : array_like of shape (T,)
        Strictly increasing delays τ≥0.

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
    tr[a†e^{Lτ}(aρ)], with exp(Lτ) by Chebyshev expansions.

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
