"""Chebyshev expansions of exp(tL) for a generator whose numerical range lies in an ellipse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ive, jv

__all__ = ["Ellipse"]

_LONGEST = 200.0  # largest argument of the Bessel functions: a step of about this many terms
_STRETCHES = (
    1.0001,
    1.001,
    1.005,
    1.02,
    1.05,
    1.1,
    1.2,
    1.414,
    2.0,
    3.0,
    5.0,
    10.0,
    30.0,
    100.0,
    1e3,
    1e4,
)
_AMPLIFICATION = 4.0  # largest logarithm of the rounding error's growth in one step


@dataclass(frozen=True)
class Ellipse:
    """An ellipse around the numerical range of a generator L: centre c, vertical and horizontal
    semi-axis a, b.

    With f²=|a²−b²|, S_0=1, S_1=(L−c)/f and S_{k+1}=2(L−c)/f S_k ± S_{k−1},

        exp(tL) = e^{ct} Σ_k (2−δ_k0) J_k(ft) S_k    (a>b, upper sign; I_k for a<b, lower sign),

    where |S_k| ≤ R^k on the ellipse, R=(a+b)/f, and ‖S_k‖ is at most 1+√2 times that (M. Crouzeix,
    C. Palencia, SIAM J. Matrix Anal. Appl. 38, 649 (2017)): the truncation error is bounded
    beforehand, whatever the eigenvectors.
    """

    centre: complex
    height: float
    width: float

    @property
    def focus(self) -> float:
        """Distance of the foci from the centre."""
        return float(np.sqrt(abs(self.height**2 - self.width**2)))

    @property
    def sign(self) -> int:
        """+1: foci above each other (Bessel J), −1: side by side (Bessel I)."""
        return 1 if self.height > self.width else -1

    @property
    def growth(self) -> float:
        """R: the polynomials of degree k are bounded by R^k on the ellipse."""
        return (self.height + self.width) / self.focus

    def coefficients(self, t: Any, count: int) -> np.ndarray:
        """Factors of S_0 … S_{count−1} in exp(tL), shape (…, count), without the phase exp(i t Im
        centre).
        """
        t = np.asarray(t, dtype=float)[..., None]
        x = self.focus * t
        k = np.arange(count)
        if self.sign > 0:
            value = jv(k, x) * np.exp(self.centre.real * t)
        else:
            value = ive(k, x) * np.exp(self.centre.real * t + x)
        return np.asarray(np.where(k == 0, 1.0, 2.0) * value)

    def terms(self, t: float, tolerance: float) -> int:
        """Number of terms after which the rest of the series is below `tolerance` (times the norm
        of the state).
        """
        x = self.focus * t
        count = int(1.5 * x + 60 + 4 * self.width * t)
        while True:
            with np.errstate(over="ignore", under="ignore"):
                c = np.abs(self.coefficients(t, count))
                bound = c * np.minimum(self.growth ** np.arange(count), 1e200)
            # Crouzeix and Palencia: the norm of a polynomial of L is at most 1+√2 times its maximum
            # on the numerical range
            tail = (1 + np.sqrt(2)) * np.cumsum(bound[::-1])[::-1]
            small = np.flatnonzero(tail < tolerance)
            if len(small) and small[0] < count - 2:
                return max(int(small[0]), 2)
            count *= 2

    @classmethod
    def around(
        cls,
        real: tuple[float, float],
        imaginary: tuple[float, float],
        span: float,
        tolerance: float,
        *,
        corners: bool = True,
    ) -> Ellipse:
        """The ellipse around a rectangle (or through the middles of its sides) that needs the
        fewest terms for a unit of time.
        """
        B, A = 0.5 * (real[1] - real[0]), 0.5 * (imaginary[1] - imaginary[0])
        smallest = 1e-3 / span
        B, A = max(B, 1e-6 * A, smallest * 1e-3), max(A, 1e-6 * B, smallest)
        centre = complex(0.5 * (real[1] + real[0]), 0.5 * (imaginary[1] + imaginary[0]))
        stretches = _STRETCHES if corners else (1.02,)
        candidates = []
        for stretch in stretches:
            height = A * stretch
            width = B / np.sqrt(1 - stretch**-2) if corners else B * stretch
            if abs(height - width) < 0.02 * height:
                # the foci must not meet
                height *= 1.05
            candidates.append(cls(centre, height, width))

        return (
            min(candidates, key=lambda e: e.cost(span, tolerance))
            if len(candidates) > 1
            else candidates[0]
        )

    def cost(self, span: float, tolerance: float) -> float:
        """Terms a unit of time."""
        t = self.step(span)
        return self.terms(t, tolerance) / t

    def step(self, span: float) -> float:
        """Length of a step: as long as rounding and the number of terms allow."""
        rightmost = self.centre.real + self.width
        limits = [span, _LONGEST / self.focus]
        if rightmost > 0:
            limits.append(_AMPLIFICATION / rightmost)
        return min(limits)
