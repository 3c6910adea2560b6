"""The negative part of Wigner functions, between the roots of their trigonometric interpolants."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.checks import check_number
from ..core.errors import ApproximationWarning, warn
from ..core.grid import Grid
from ..core.quadrature import KRONROD
from .kernels import upsample
from .measures import phase_space_array, real_array, spectrum, waves
from .phase_space import PhaseSpace, as_phase_space

__all__ = ["negativity"]

#: |w| below this times its largest value is rounding
_NOISE = 1e-13
#: from values at −2 … 3 to the coefficients of the polynomial through them
_QUINTIC = np.linalg.inv(np.vander(np.arange(-2.0, 4.0), increasing=True)).T


class _Lines:
    """∫max(0, −w) dp on lines of constant x, exactly for the trigonometric interpolant of w."""

    upsampling = 8

    def __init__(self, w: np.ndarray, space: PhaseSpace):
        self.space = space
        self.scale = float(np.max(np.abs(w)))
        self.rows = spectrum(w, 0)  # (modes of x, p)
        n = w.shape[1]
        self.n = n
        # w is real: modes k≥0 are enough, twice each but the mean; those that hold nothing are left
        # out
        strength = np.abs(spectrum(self.rows, 1)[:, : n // 2]).max(axis=0)
        self.k = np.arange(int(np.nonzero(strength > 1e-17 * strength.max())[0][-1]) + 1.0)
        self.width = 2 * np.pi / (n * self.upsampling)  # phase of one fine cell
        # antiderivative: mean·s + Σ c_k e^{iks}/(ik)
        self.inverse = np.zeros(len(self.k), dtype=complex)
        self.inverse[1:] = 1 / (1j * self.k[1:])

    def _guess(
        self, fine: np.ndarray, line: np.ndarray, low: np.ndarray, high: np.ndarray, order: int
    ) -> np.ndarray:
        """Root, in brackets of whole fine cells, of the same derivative of the quintic through six
        points.
        """
        points = (low.astype(int)[:, None] + np.arange(-2, 4)) % fine.shape[1]
        a = fine[line[:, None], points] @ _QUINTIC
        for _ in range(order):
            a = a[:, 1:] * np.arange(1.0, a.shape[1])
        derivative = a[:, 1:] * np.arange(1.0, a.shape[1])
        u, reach = (high - low) / 2, high - low
        for _ in range(5):
            power = u[:, None] ** np.arange(a.shape[1])
            slope = np.einsum("ij,ij->i", derivative, power[:, :-1])
            step = np.einsum("ij,ij->i", a, power) / np.where(slope == 0, np.inf, slope)
            u = np.clip(u - step, 0, reach)
        return np.asarray(low + u)

    def _root(
        self,
        c: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        rising: np.ndarray,
        order: int,
        start: np.ndarray | None = None,
    ) -> np.ndarray:
        """Root of the derivative of given order, in brackets of fine cells, by Newton's method kept
        inside by bisection.
        """
        s = (low + high) / 2 if start is None else start
        first = (1j * self.k) ** order
        for _ in range(9):
            wave = np.exp(1j * np.outer(s * self.width, self.k)) * c
            value = (wave @ first).real
            slope = (wave @ (first * 1j * self.k)).real * self.width
            below = (value < 0) == rising
            low, high = np.where(below, s, low), np.where(below, high, s)
            newton = s - value / np.where(slope == 0, 1, slope)
            inside = (slope != 0) & (newton >= low) & (newton <= high)
            before = s
            s = np.where(inside, newton, (low + high) / 2)
            # an error ε of a root makes one of order ε² in the integral
            if np.max(np.abs(s - before)) < 1e-6:
                break
        return s

    def _primitive(self, c: np.ndarray, s: np.ndarray) -> np.ndarray:
        wave = np.exp(1j * np.outer(s * self.width, self.k))
        turning = np.einsum("ij,ij,j->i", wave, c, self.inverse).real
        return np.asarray(turning + c[:, 0].real * s * self.width)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        lines = (waves(x, self.space.x) @ self.rows).real
        c = spectrum(lines, 1)[:, : len(self.k)]
        c[:, 1:] *= 2
        fine = upsample(lines, (1,), self.upsampling)
        strong = np.abs(fine) > _NOISE * self.scale
        negative = (fine < 0) & strong
        total = np.zeros(len(x))
        for line, low, high, rising, kind in self._crossings(c, fine, negative, strong):
            for start in range(0, len(line), 4096):
                part = slice(start, start + 4096)
                own = c[line[part]]
                s = high[part]
                if kind != "known":
                    start_ = (
                        self._guess(fine, line[part], low[part], high[part], 0)
                        if kind == "cell"
                        else None
                    )
                    s = self._root(own, low[part], high[part], rising[part], 0, start_)
                primitive = self._primitive(own, s)
                # −∫ over [entry, exit]: F(entry)−F(exit)
                np.add.at(total, line[part], np.where(rising[part], -primitive, primitive))
        # runs that touch the ends of the line
        for side, sign in ((0, 1.0), (-1, -1.0)):
            touching = np.nonzero(negative[:, side])[0]
            if touching.size:
                s = np.full(touching.size, 0.0 if side == 0 else fine.shape[1] - 1.0)
                np.add.at(total, touching, sign * self._primitive(c[touching], s))
        return np.asarray(total * (self.n * self.space.dp[0] / (2 * np.pi)))

    def _crossings(
        self, c: np.ndarray, fine: np.ndarray, negative: np.ndarray, strong: np.ndarray
    ) -> Any:
        """Brackets (line, low, high, rising, kind) of the ends of the negative runs: known, in a
        cell, or elsewhere.
        """
        line, cell = np.nonzero(negative[:, 1:] != negative[:, :-1])
        both = strong[line, cell] & strong[line, cell + 1]
        # where a run ends in rounding, it ends at a point of the grid
        at = np.where(negative[line, cell], cell, cell + 1).astype(float)
        rising = negative[line, cell]
        yield line[~both], at[~both], at[~both], rising[~both], "known"
        yield line[both], cell[both].astype(float), cell[both] + 1.0, rising[both], "cell"
        # extrema that dip through zero and back between points
        before, here, after = np.abs(fine[:, :-2]), np.abs(fine[:, 1:-1]), np.abs(fine[:, 2:])
        same = (negative[:, :-2] == negative[:, 1:-1]) & (negative[:, 1:-1] == negative[:, 2:])
        dip = (
            same
            & strong[:, 1:-1]
            & (here <= before)
            & (here <= after)
            & (here < 2 * ((before - here) + (after - here)))
        )
        line, at_ = np.nonzero(dip)
        if not line.size:
            return
        low, high, sign = at_.astype(float), at_ + 2.0, fine[line, at_ + 1] < 0
        extremum = np.empty(line.size)
        value = np.empty(line.size)
        for start in range(0, line.size, 4096):
            part = slice(start, start + 4096)
            own = c[line[part]]
            # towards a minimum of w (positive side) the slope rises
            guess = self._guess(fine, line[part], low[part], high[part], 1)
            extremum[part] = self._root(own, low[part], high[part], ~sign[part], 1, guess)
            value[part] = np.einsum(
                "ij,ij->i", np.exp(1j * np.outer(extremum[part] * self.width, self.k)), own
            ).real
        crossed = ((value < 0) != sign) & (np.abs(value) > _NOISE * self.scale)
        line, low, high, sign, extremum = (v[crossed] for v in (line, low, high, sign, extremum))
        yield line, low, extremum, sign, "elsewhere"
        yield line, extremum, high, ~sign, "elsewhere"


def negativity(w: Any, space: PhaseSpace | Grid, *, tolerance: float = 1e-10) -> float:
    r"""Wigner negativity ∫|w|−∫w of a phase-space array; ∫|w|−1 for a normalised state.

    Parameters
    ----------
    w : array of shape ``space.shape``
        Real.
    space : PhaseSpace or Grid
    tolerance : float
        Absolute error asked for (in one dimension).

    Returns
    -------
    float

    Raises
    ------
    ValueError
        `w` is complex.

    Warns
    -----
    ApproximationWarning
        The error estimate exceeds `tolerance`: in two dimensions always, where the sum over the
        grid is taken.

    Notes
    -----
    \|w\| has kinks on the nodal lines, so that a sum over the grid keeps an error of about 1e-3.
    Here the sign changes along lines of constant x are roots of the trigonometric interpolant,
    between which it is integrated exactly; what is left, a function of x with singularities
    \|x−x_c\|^{3/2} where a line touches a nodal line, is integrated by adaptive Gauss–Kronrod
    quadrature. ``qsyncplug.measures.wigner_negativity`` does the same in polar coordinates for
    QuTiP states.

    Examples
    --------
    Of the first Fock state, 4e^(−1/2)−2:

    >>> import qutip
    >>> from qsyncplug.wigner import fock_grid, wigner_transform
    >>> grid = fock_grid(4)
    >>> w = wigner_transform(qutip.basis(4, 1), grid=grid)
    >>> round(negativity(w, grid), 9)
    0.426122639
    """
    space = as_phase_space(space)
    tolerance = check_number("tolerance", tolerance, minimum=0.0, strict=True)
    w = real_array("w", phase_space_array("w", w, space), "a negativity")
    if not np.any(w):
        return 0.0
    if space.ndim > 1:
        return _plain_negativity(w, space, tolerance)

    lines = _Lines(w, space)
    nodes, kronrod, gauss = KRONROD
    step = space.dx[0]
    seen = np.nonzero(np.any(w < -_NOISE * lines.scale, axis=1))[0]
    if seen.size == 0:
        return 0.0
    first = max(space.x[0], space.x[seen[0]] - 2 * step)
    last = min(space.x[-1] + step, space.x[seen[-1]] + 2 * step)
    edges = np.linspace(first, last, int(np.ceil((last - first) / (4 * step))) + 2)
    left, right = edges[:-1], edges[1:]
    parent = np.zeros(left.size)
    total, resolved, used = 0.0, 0.0, 0
    while left.size:
        half = (right - left) / 2
        places = (left + right) / 2 + np.outer(np.concatenate([nodes, [-1.0, 1.0]]), half)
        values, ends = np.split(lines(places.ravel()).reshape(nodes.size + 2, -1), [nodes.size])
        fine, coarse = half * (kronrod @ values), half * (gauss @ values)
        # what reaches a little over an end, before the first node: no rule sees it
        missed = np.where(values[[0, -1]] == 0, ends, 0.0).max(axis=0) * (1 - nodes.max()) * half
        own = np.maximum(np.abs(fine - coarse), missed)
        # a singularity |x−x_c|^{3/2} leaves a half interval 2^{−5/2} of the error: less than 0.05
        # would be an accident
        error = np.maximum(own, 0.05 * parent)
        used += left.size
        done = 2 * error <= np.maximum(tolerance / 20 * np.sqrt(half / (last - first)), 1e-15)
        if used > 4000:
            done[:] = True
        total += float(np.sum(fine[done]))
        resolved += float(np.sum(error[done]))
        left, right, parent = left[~done], right[~done], own[~done]
        middle = (left + right) / 2
        left, right, parent = (
            np.concatenate([left, middle]),
            np.concatenate([middle, right]),
            np.tile(parent, 2),
        )
    if 2 * resolved > tolerance:
        warn(
            f"negativity: error estimate {2 * resolved:.1e} exceeds the tolerance {tolerance:.1e}",
            ApproximationWarning,
        )
    return 2 * total


def _plain_negativity(w: np.ndarray, space: PhaseSpace, tolerance: float) -> float:
    """Sum over the grid, and over every second point for an estimate of its error."""
    value = float(np.sum(np.abs(w) - w)) * space.weight
    half = w[(slice(None, None, 2),) * w.ndim]
    coarse = float(np.sum(np.abs(half) - half)) * space.weight * 2**w.ndim
    error = abs(value - coarse)
    if error > tolerance:
        warn(
            f"negativity: a sum over the grid in {space.ndim} dimensions, with an error of about "
            f"{error:.1e}",
            ApproximationWarning,
        )
    return value
