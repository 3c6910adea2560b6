"""Sine and cosine series: Bessel coefficients of the attention, sums and derivatives."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

__all__ = ["attention_peak", "attention_series", "series_derivative", "trigonometric_sum"]


@lru_cache(maxsize=256)
def _scaled_bessel(beta: float, count: int) -> np.ndarray:
    r"""Return :math:`e^{-β}I_k(β)`, k = 0 … count, β>0, by backward recurrence (positive terms: no
    cancellation).
    """
    # Start where I_k has fallen by another 1e-40: below that the recurrence has forgotten its
    # start.
    start = count + 20 + int(np.sqrt(2 * 92 * max(beta, 1.0)))
    values = np.zeros(start + 1, dtype=np.longdouble)
    b = np.longdouble(beta)
    upper, this = np.longdouble(0), np.longdouble(1e-300)
    values[start] = this
    for k in range(start, 0, -1):
        upper, this = this, upper + 2 * k / b * this
        values[k - 1] = this
        if this > 1e280:
            # what underflows here is 1e-560 of the largest
            values[k - 1 :] *= np.longdouble(1e-280)
            upper, this = upper * np.longdouble(1e-280), values[k - 1]
    total = values[0] + 2 * values[:0:-1].sum()
    result = (values[: count + 1] / total).astype(float)
    result.setflags(write=False)
    return np.asarray(result)


@lru_cache(maxsize=256)
def attention_series(beta: float, tol: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (b, a) of the scaled attention and its weight, for |β|=beta."""
    count = 24 + int(1.5 * np.sqrt(2 * beta * np.log(1 / tol)) + 0.5 * np.log(1 / tol))
    bessel = _scaled_bessel(beta, count)
    k = np.arange(1, count + 1)
    b = 2 * k / beta * bessel[1:]
    a = np.concatenate([bessel[:1], 2 * bessel[1:]])
    peak = attention_peak(beta)
    tail = np.cumsum(b[::-1])[::-1]  # tail[m] is the sum over k > m
    b = b[: max(1, int(np.argmax(tail <= tol * peak)))]
    tail = np.cumsum(a[::-1])[::-1]
    a = a[: max(1, int(np.argmax(tail <= tol)))]
    for array in (b, a):
        array.setflags(write=False)
    return b, a


def attention_peak(beta: float) -> float:
    """Largest value of sin x e^{β(cos x−1)}, β≥0; there cos x − β sin²x = 0."""
    z = 2 * beta / (1 + math.sqrt(1 + 4 * beta * beta))  # cos x
    gap = (1 - z * z) / (1 + z)
    return math.sqrt(1 - z * z) * math.exp(-beta * gap)


def trigonometric_sum(b: np.ndarray, x: np.ndarray, *, cosine: bool) -> np.ndarray:
    """Return Σ_k b_k sin kx (or cos kx), k from 1."""
    if not np.iscomplexobj(x):
        z = np.exp(1j * x)
        total = np.zeros_like(z)
        for value in b[::-1]:
            total = (total + value) * z
        return total.real if cosine else total.imag
    # e^{ix} would swallow a small imaginary part; Clenshaw's rule keeps it
    c, s = np.cos(x), np.sin(x)
    after, this = np.zeros_like(c), np.zeros_like(c)
    for value in b[::-1]:
        after, this = this, value + 2 * c * this - after
    return np.asarray(this * c - after if cosine else this * s)


def series_derivative(b: np.ndarray, x: np.ndarray, order: int) -> np.ndarray:
    """Return the derivative of order 0 to 3 of Σ_k b_k sin kx."""
    k = np.arange(1, b.size + 1, dtype=float)
    sign = (1.0, 1.0, -1.0, -1.0)[order]
    return sign * trigonometric_sum(b * k**order, x, cosine=order % 2 == 1)
