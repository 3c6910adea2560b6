"""Wigner negativity ∫|W| − 1: nodal lines located on rays, adaptive quadrature over the angle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import qutip
from numpy.polynomial import chebyshev
from scipy.special import gammaln

from ...core.checks import check_integer, check_number
from ...core.errors import ApproximationWarning, warn
from ...core.quadrature import KRONROD
from ...core.types import Modes
from ..reading import Readable, synchronization
from .common import density, need_bosons, reduced
from .record import POSITIVE, Of, Record, described

__all__ = ["wigner_negativity"]

_DEGREE = 27  # of the Chebyshev polynomial on a panel
_FINE = 121  # samples of a panel among which sign changes are sought
_NOISE = 1e-14  # |W| below this is not resolved
_MAX_DIM = 250  # e^{−2r²} underflows beyond


@dataclass(frozen=True, eq=False)
class _Rays:
    """W on rays, as Chebyshev polynomials on panels in r."""

    harmonics: np.ndarray  # (H,) angular harmonics k ≥ 0 that are present
    radial: np.ndarray  # (H, panels, nodes) complex: W = Re Σ radial·e^{−ikφ}
    edges: np.ndarray  # (panels+1,)

    def negative(self, phi: np.ndarray) -> np.ndarray:
        """∫ max(0, −W) r dr for each angle."""
        wave = np.exp(-1j * np.outer(phi, self.harmonics))
        h, panels, nodes = self.radial.shape
        w = (wave @ self.radial.reshape(h, -1)).real.reshape(-1, panels, nodes)
        ray, panel = np.nonzero(
            np.any(w < 0.3 * np.max(np.abs(w), axis=-1, keepdims=True), axis=-1)
        )
        strong = np.max(np.abs(w[ray, panel]), axis=-1) > _NOISE
        ray, panel = ray[strong], panel[strong]
        result = np.zeros(phi.size)
        if ray.size:
            np.add.at(result, ray, self._panels(w[ray, panel], panel))
        return result

    def _panels(self, values: np.ndarray, panel: np.ndarray) -> np.ndarray:
        """∫ max(0, −W) r dr over panels, given the values at the nodes, one row a panel."""
        coefficients = values @ _TO_COEFFICIENTS.T
        half = np.diff(self.edges)[panel] / 2
        middle = (self.edges[1:] + self.edges[:-1])[panel] / 2
        weighted = (
            values * (middle[:, None] + half[:, None] * _NODES) * half[:, None]
        ) @ _TO_INTEGRAL.T
        fine = coefficients @ _ON_FINE.T
        row, left, right = _brackets(coefficients, fine)
        x = _bisect_newton(coefficients[row], left, right)
        start = chebyshev.chebvander(left, _DEGREE)
        rising = np.einsum("ij,ij->i", start, coefficients[row]) < 0
        primitive = np.einsum("ij,ij->i", chebyshev.chebvander(x, _DEGREE + 2), weighted[row])
        total = np.where(fine[:, -1] < 0, -np.sum(weighted, axis=-1), 0.0)
        np.add.at(total, row, np.where(rising, -primitive, primitive))
        return total


def _chebyshev_tables() -> tuple[np.ndarray, ...]:
    n = _DEGREE + 1
    nodes = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    to_coefficients = chebyshev.chebvander(nodes, _DEGREE).T * (2 / n)
    to_coefficients[0] /= 2
    integrate = np.array([chebyshev.chebint(row, lbnd=-1) for row in np.eye(n)]).T  # (n+1, n)
    integral = integrate @ to_coefficients
    integral = np.vstack([integral, np.zeros((1, n))])
    fine = chebyshev.chebvander(-np.cos(np.linspace(0, np.pi, _FINE)), _DEGREE)
    derivative = np.array([np.append(chebyshev.chebder(row), 0) for row in np.eye(n)]).T
    return nodes, to_coefficients, integral, fine, derivative


_NODES, _TO_COEFFICIENTS, _TO_INTEGRAL, _ON_FINE, _DERIVE = _chebyshev_tables()
_FINE_NODES = -np.cos(np.linspace(0, np.pi, _FINE))


def _brackets(
    coefficients: np.ndarray, fine: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intervals with one sign change each: between samples, and about extrema that dip through zero
    between samples.
    """
    negative = fine < 0
    row, cell = np.nonzero(negative[:, 1:] != negative[:, :-1])
    rows, lefts, rights = [row], [_FINE_NODES[cell]], [_FINE_NODES[cell + 1]]
    a, b, c = np.abs(fine[:, :-2]), np.abs(fine[:, 1:-1]), np.abs(fine[:, 2:])
    same = (negative[:, :-2] == negative[:, 1:-1]) & (negative[:, 1:-1] == negative[:, 2:])
    dip = same & (b <= a) & (b <= c) & (b < 2 * ((a - b) + (c - b)))
    row, at = np.nonzero(dip)
    if row.size:
        slope = coefficients[row] @ _DERIVE.T
        left, right = _FINE_NODES[at], _FINE_NODES[at + 2]
        x = _bisect_newton(slope, left, right)
        value = np.einsum("ij,ij->i", chebyshev.chebvander(x, _DEGREE), coefficients[row])
        crossed = (value < 0) != negative[row, at]
        rows += [row[crossed], row[crossed]]
        lefts += [left[crossed], x[crossed]]
        rights += [x[crossed], right[crossed]]
    return np.concatenate(rows), np.concatenate(lefts), np.concatenate(rights)


def _bisect_newton(coefficients: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Root of each Chebyshev series in its bracket, by Newton's method kept inside by bisection."""
    low, high = left.copy(), right.copy()
    if low.size == 0:
        return low
    slopes = coefficients @ _DERIVE.T
    below = np.einsum("ij,ij->i", chebyshev.chebvander(low, _DEGREE), coefficients) < 0
    x = (low + high) / 2
    for _ in range(9):
        basis = chebyshev.chebvander(x, _DEGREE)
        value, slope = (
            np.einsum("ij,ij->i", basis, coefficients),
            np.einsum("ij,ij->i", basis, slopes),
        )
        first = (value < 0) == below
        low, high = np.where(first, x, low), np.where(first, high, x)
        newton = x - value / np.where(slope == 0, 1, slope)
        inside = (slope != 0) & (newton >= low - 1e-14) & (newton <= high + 1e-14)
        x = np.where(inside, newton, (low + high) / 2)
    return np.asarray(x)


def _rays(rho: np.ndarray) -> _Rays:
    """W(r, φ) = Σ_{nm} ρ_nm (−1)^m/π √(m!/n!) (√2 r)^k e^{−r²} L_m^k(2r²) e^{−ikφ}, k=n−m, on
    panels.
    """
    d = rho.shape[0]
    radius = np.sqrt(2 * d - 1) + 7.5 * d ** (-1 / 6)
    panels = int(np.ceil(radius / min(1.0, 4 / np.sqrt(2 * d))))
    edges = np.linspace(0, radius, panels + 1)
    r = ((edges[1:] + edges[:-1])[:, None] + (edges[1:] - edges[:-1])[:, None] * _NODES).ravel() / 2
    u = 2 * r * r
    harmonics = [k for k in range(d) if np.max(np.abs(np.diagonal(rho, -k))) > 1e-17]
    radial = np.zeros((len(harmonics), r.size), dtype=complex)
    for row, k in enumerate(harmonics):
        weights = np.diagonal(rho, -k) * (-1.0) ** np.arange(d - k)
        f = np.exp((k * np.log(u) - u - gammaln(k + 1)) / 2)
        before = np.zeros_like(f)
        for m in range(d - k):
            radial[row] += weights[m] * f
            after = (2 * m + 1 + k - u) * f - np.sqrt(m * (m + k)) * before
            before, f = f, after / np.sqrt((m + 1) * (m + 1 + k))
    radial *= np.where(np.array(harmonics) == 0, 1, 2)[:, None] / np.pi
    return _Rays(np.array(harmonics), radial.reshape(len(harmonics), panels, -1), edges)


def _trimmed(rho: np.ndarray) -> np.ndarray:
    """Without the levels at the top whose populations add up to less than 1e-26."""
    tail = np.cumsum(np.abs(np.diagonal(rho))[::-1])[::-1]
    d = max(1, int(np.count_nonzero(tail > 1e-26)))
    return rho[:d, :d]


def _negativity(rho: np.ndarray, tolerance: float, max_intervals: int) -> tuple[float, float]:
    """∫|W| − 1 and an error estimate."""
    rho = _trimmed(rho)
    if rho.shape[0] > _MAX_DIM:
        raise ValueError(
            f"states must have at most {_MAX_DIM} occupied Fock levels for wigner_negativity, not "
            f"{len(rho)}"
        )
    rays = _rays(rho)
    if rays.harmonics.size == 1:
        return float(4 * np.pi * rays.negative(np.zeros(1))[0]), 0.0
    step = int(np.gcd.reduce(rays.harmonics))
    period = 2 * np.pi / step
    x, kronrod, gauss = KRONROD
    edges = np.linspace(0, period, max(16, 6 * int(rays.harmonics[-1] // step)) + 1) + 0.1234
    left, right = edges[:-1], edges[1:]
    parent = np.zeros(left.size)
    total, spread, resolved, used = 0.0, 0.0, 0.0, 0
    while True:
        half = (right - left) / 2
        values = rays.negative(((left + right) / 2 + np.outer(x, half)).ravel()).reshape(x.size, -1)
        fine, coarse = half * (kronrod @ values), half * (gauss @ values)
        # a singularity (φ−φ_c)^{3/2} gives a half interval 2^{−5/2} of the error: less than 0.05
        # would be an accident
        own = np.abs(fine - coarse)
        error = np.maximum(own, 0.05 * parent)
        used += left.size
        # an interval is done when its share of the tolerance covers its error
        done = error * 2 * step <= np.maximum(tolerance / 20 * np.sqrt(half / period), 1e-15)
        total += np.sum(fine[done])
        resolved += np.sum(error[done])
        left, right = left[~done], right[~done]
        if left.size == 0 or used > max_intervals:
            total += np.sum(fine[~done])
            spread = resolved + np.sum(error[~done])
            break
        middle = (left + right) / 2
        left, right, parent = (
            np.concatenate([left, middle]),
            np.concatenate([middle, right]),
            np.tile(own[~done], 2),
        )
    return float(2 * step * total), float(2 * step * spread)


@described(
    Record("∫|W|−1", r"\int|W|-1", Of.NODES, ("states",), null=0.0, range=POSITIVE, costly=True)
)
def wigner_negativity(
    view: Readable, *, tolerance: float = 1e-9, max_intervals: int = 4000, modes: Modes = None
) -> np.ndarray | float:
    """Wigner negativity ∫|W| dq dp − 1.

    Parameters
    ----------
    view : SyncView or Qobj
        A view with ``states`` of boson modes, or a ket or density matrix of one mode.
    tolerance : float
        Absolute error asked for.
    max_intervals : int
        Limit on the angular intervals of one state.
    modes : sequence of Qobj or Expression, optional
        For QuTiP results and states of several modes: the annihilation operator of each node.

    Returns
    -------
    (T, N) array or float
        Of the reduced state of each node; 0 for states whose W is nowhere negative.

    Warns
    -----
    ApproximationWarning
        If the error estimate exceeds `tolerance`.

    Notes
    -----
    W = Σ_k W_k(r) e^{−ikφ} is exact in the angle and a Chebyshev polynomial on each radial panel;
    on a ray the sign changes are found and the negative parts integrated exactly; the angle is left
    to adaptive Gauss–Kronrod quadrature (7, 15), which copes with the (φ−φ_c)^{3/2} singularities
    where a ray touches a nodal line. A. Kenfack and K. Życzkowski, J. Opt. B 6, 396 (2004): Fock 1
    has 4/√e − 2.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> round(float(qsp.measures.wigner_negativity(qutip.fock(5, 1))), 3)
    0.426
    """
    tolerance = check_number("tolerance", tolerance, minimum=0, strict=True)
    max_intervals = check_integer("max_intervals", max_intervals, minimum=1)
    worst = 0.0
    if not hasattr(view, "isket") or modes is not None:
        view = synchronization(view, modes=modes)
        states = view.states
        need_bosons(view, "wigner_negativity")
        values = np.empty((view.n_times, view.n))
        for j in range(view.n):
            keep, _ = reduced(view, (j,))
            for t, state in enumerate(states):
                values[t, j], error = _negativity(density(state, keep), tolerance, max_intervals)
                worst = max(worst, error)
        result: np.ndarray | float = values
    else:
        if not isinstance(view, qutip.Qobj) or not (view.isket or view.isoper):
            raise TypeError(
                f"wigner_negativity takes a SyncView or a QuTiP state, not {type(view).__name__}"
            )
        if len(view.dims[0]) != 1:
            raise ValueError(
                f"state must be of one mode, not of dims {view.dims}; use state.ptrace, or name "
                "the modes: modes=[a, b]"
            )
        result, worst = _negativity(density(view, (0,)), tolerance, max_intervals)
    if worst > tolerance:
        warn(
            f"wigner_negativity: error estimate {worst:.1e} exceeds the tolerance {tolerance:.1e}; "
            "raise max_intervals",
            ApproximationWarning,
        )
    return result
