"""Ellipses around the spectrum of a generator, and Chebyshev expansions of its exponential on
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._ext.liouvillian import expansion_coefficients
from .elements import Elements

__all__ = ["Expansion", "NotFiniteError", "ellipse_around", "estimate_ellipse", "ritz_values"]

_ARNOLDI = 24
#: largest product of a window's length and the distance of the foci: beyond, rounding of the
#: recurrence shows
_LONGEST = 400.0
#: largest logarithm of R^k, so that no power leaves the range of floating point numbers
_LARGEST_POWER = 600.0
#: terms relative to the number of the largest one, from which on they die out
_BEYOND = 1.15


class NotFiniteError(ArithmeticError):
    """Products with the generator left the range of floating point numbers."""


@dataclass(frozen=True)
class Expansion:
    """Chebyshev polynomials on an ellipse: real centre, vertical semi-axis `height`, horizontal
    semi-axis `width`.

    With f²=|a²−b²| (a height, b width), R=(a+b)/f and the scaled polynomials F_0=x,
    F_1=(L−c)x/(fR),
    F_{k+1}=2(L−c)F_k/(fR) ± F_{k−1}/R²:

        exp(tL)x = e^{ct} Σ_k (2−δ_k0) R^k J_k(ft) F_k     (a>b, upper sign; I_k for a<b, lower
        sign)

    If the ellipse holds the numerical range, ‖F_k‖ ≤ (1+√2)‖x‖ (M. Crouzeix, C. Palencia, SIAM J.
    Matrix Anal. Appl.
    38, 649 (2017)). It may hold less: the norms that occur are measured, and the terms must have
    died out.
    """

    centre: float
    height: float
    width: float

    @property
    def focus(self) -> float:
        """Distance of the foci from the centre."""
        return float(np.sqrt(abs(self.height**2 - self.width**2)))

    @property
    def radius(self) -> float:
        """R=(a+b)/f, by which the scaled polynomials grow: a row of the expansion carries R^k."""
        return (self.height + self.width) / self.focus

    @property
    def recurrence(self) -> tuple[float, float, float]:
        """alpha, shift, beta of F_{k+1} = 2 alpha (L − shift) F_k + beta F_{k−1}."""
        sign = 1.0 if self.height > self.width else -1.0
        return 1.0 / (self.focus * self.radius), self.centre, sign / self.radius**2

    def coefficients(self, t: Any, count: int) -> np.ndarray:
        """Factors of F_0 … F_{count−1} in exp(tL)x, shape (…, count)."""
        t = np.asarray(t, dtype=float)
        table = expansion_coefficients(
            np.ascontiguousarray(t).reshape(-1),
            count,
            self.focus,
            float(np.log(self.radius)),
            self.centre,
            self.height <= self.width,
        )
        return np.asarray(table).reshape(*t.shape, count)

    def terms(self, t: float, tail: float) -> int:
        """Number of terms after which the rest is below `tail`; 0 if that many cannot be had."""
        return int(self.terms_of(np.array([t]), tail)[0])

    def terms_of(self, times: np.ndarray, tail: float) -> np.ndarray:
        """:meth:`terms` for each of several times."""
        longest = float(times[-1])
        guess = int(self.focus * longest * 1.3 + 3.0 * self.width * longest + 60)
        most = self._most
        while True:
            guess = min(guess, most)
            sizes = np.abs(self.coefficients(times, guess))
            small = np.cumsum(sizes[:, ::-1], axis=1)[:, ::-1] < tail
            # fewer than four would leave none that has died out
            count = np.where(small.any(axis=1), np.maximum(small.argmax(axis=1), 4), 0)
            # before their largest one terms are small as well
            count[(count >= guess - 1) | (guess < _BEYOND * self._largest_term(times))] = 0
            if np.all(count) or guess >= most or not np.all(np.isfinite(sizes)):
                return count
            guess *= 2

    @property
    def _most(self) -> int:
        """Number of terms whose powers of R stay in range."""
        return int(_LARGEST_POWER / max(np.log(self.radius), 1e-3))

    def _largest_term(self, t: Any) -> Any:
        """Bound of the number of the largest term: c_{k+1}/c_k is below (a+b)t/2(k+1)."""
        return 0.5 * (self.height + self.width) * t

    @property
    def longest(self) -> float:
        """Longest time one expansion is used for."""
        rightmost = max(self.centre + self.width, 0.0)
        # a nearly circular ellipse has its largest terms where powers of R leave the range
        within = float(0.5 * self._most / (_BEYOND * self._largest_term(1.0)))
        # growth beyond the true spectrum costs digits
        growth = 6.0 / rightmost if rightmost > 0 else np.inf
        return float(min(_LONGEST / self.focus, within, growth))

    def enlarged(self) -> Expansion:
        """An ellipse around this one, for a spectrum that turned out to reach farther."""
        return _proper(self.centre - 0.02 * self.width, 1.15 * self.height, 1.02 * self.width)


def _proper(centre: float, height: float, width: float) -> Expansion:
    """An ellipse whose foci do not meet."""
    if abs(height - width) < 0.03 * max(height, width):
        if height >= width:
            height = 1.03 * width
        else:
            width, centre = 1.03 * height, centre
    return Expansion(centre, height, width)


def ritz_values(elements: Elements, steps: int = _ARNOLDI, seed: int = 0) -> np.ndarray:
    """Ritz values of L from a random start, by Arnoldi in the real space of rows."""
    n = 2 * elements.size
    weight = elements.weight
    v = np.random.default_rng(seed).standard_normal(n)
    if elements.kind == "hermitian" and elements.diagonals[0] == 0:
        # the diagonal of a Hermitian matrix is real
        v[elements.size : elements.size + elements.owner.dimension] = 0
    steps = min(steps, n)
    # the largest array of many runs, in single precision: more digits are not needed
    V = np.empty((steps + 1, n), dtype=np.float32)
    h = np.zeros((steps + 1, steps))
    V[0] = v / np.sqrt(np.dot(weight * v, v))
    for k in range(steps):
        w = elements.kernel.apply(V[k].astype(float))
        # single precision has a small range
        scale = max(float(np.abs(w).max()), 1e-300)
        w /= scale
        # once: the Ritz values need not be better than a per cent
        c = V[: k + 1] @ (weight * w).astype(np.float32)
        w -= c @ V[: k + 1]
        h[: k + 1, k] = scale * c.astype(float)
        size = float(np.sqrt(np.dot(weight * w, w)))
        h[k + 1, k] = scale * size
        if not np.isfinite(h[k + 1, k]):
            raise NotFiniteError("the generator is not finite")
        if h[k + 1, k] <= 1e-6 * np.abs(h[: k + 1, : k + 1]).max(initial=1e-300):
            return np.linalg.eigvals(h[: k + 1, : k + 1])
        V[k + 1] = w / size
    return np.linalg.eigvals(h[:steps, :steps])


def estimate_ellipse(elements: Elements) -> Expansion:
    """An ellipse around most of the spectrum, from Ritz values; for a constant generator that of
    earlier runs.

    It is smaller than the numerical range on purpose: fewer terms, and what grows is seen in the
    norms.
    """
    if not elements.owner.isconstant:
        return ellipse_around(ritz_values(elements))
    known, key = elements.owner.ellipses, (elements.kind, elements.diagonals.tobytes())
    if key not in known:
        known[key] = ellipse_around(ritz_values(elements))
    found: Expansion = known[key]
    return found


def ellipse_around(values: np.ndarray) -> Expansion:
    """An ellipse around most of a spectrum, from Ritz values."""
    left, right = min(1.05 * float(values.real.min()), 0.0), max(float(values.real.max()), 0.0)
    height = 1.08 * float(np.abs(values.imag).max())
    # of a generator that is zero here; its square is none
    size = max(-left, height, 1e-100)
    right = right * 1.05 + 2e-3 * size
    width = max(0.5 * (right - left), 2e-3 * size)
    return _proper(0.5 * (right + left), max(height, 0.02 * width), width)
