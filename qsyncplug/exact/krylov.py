"""exp(tL)x by Arnoldi's method: what Chebyshev expansions fall back on."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from .elements import Elements
from .ellipse import NotFiniteError

__all__ = ["KrylovStepper"]


class KrylovStepper:
    """exp(tL)x by Arnoldi's method in the real space of rows, with steps as long as the error
    estimate allows.

    Parameters
    ----------
    elements, x, t, tolerance
        As for :class:`ChebyshevStepper`.
    dimension : int
        Of the Krylov space.
    """

    def __init__(
        self,
        elements: Elements,
        x: np.ndarray,
        t: float,
        *,
        tolerance: float = 1e-12,
        dimension: int = 30,
    ):
        self.elements = elements
        self.x, self.t = np.array(x, dtype=float), float(t)
        self.tolerance = tolerance
        self.m = min(dimension, 2 * elements.size)
        self.step = np.inf
        self.products = 0
        self.rejected = 0

    def advance(self, times: np.ndarray) -> np.ndarray:
        """Rows at `times`, shape (len(times), 2·size)."""
        out = np.empty((len(times), len(self.x)))
        done = 0
        while done < len(times):
            if times[done] <= self.t:
                out[done] = self.x
                done += 1
                continue
            done = self._one(times, done, out)
        return out

    def _one(self, times: np.ndarray, done: int, out: np.ndarray) -> int:
        """One Krylov space, and every output inside the step that it carries."""
        V, h, size, exact = self._arnoldi()
        m = h.shape[1]
        span = float(times[-1] - self.t)
        step = min(self.step, span)
        while True:
            u = _small_exponential(h, step, exact)
            error = 0.0 if exact else abs(h[m, m - 1] * u[m])
            # a fair share of the whole error
            allowed = self.tolerance * max(step / span, 1e-3)
            if error <= allowed or step < 1e-12 * span:
                break
            self.rejected += 1
            step *= max(0.1, min(0.7, 0.8 * (allowed / error) ** (1.0 / m)))
        end = self.t + step
        while done < len(times) and times[done] <= end * (1 + 1e-15):
            out[done] = size * (_small_exponential(h, times[done] - self.t, exact)[:m] @ V[:m])
            done += 1
        self.x = size * (u[:m] @ V[:m])
        self.t = end if done < len(times) else max(end, float(times[-1]))
        self.step = 1.3 * step if error < 0.1 * allowed else step
        return done

    def _arnoldi(self) -> tuple[np.ndarray, np.ndarray, float, bool]:
        weight, m = self.elements.weight, self.m
        V = np.empty((m + 1, len(self.x)))
        h = np.zeros((m + 1, m))
        size = float(np.sqrt(np.dot(weight * self.x, self.x)))
        V[0] = self.x / size if size else self.x
        for k in range(m):
            w = self.elements.kernel.apply(V[k])
            self.products += 1
            c = V[: k + 1] @ (weight * w)
            w -= c @ V[: k + 1]
            again = V[: k + 1] @ (weight * w)
            w -= again @ V[: k + 1]
            h[: k + 1, k] = c + again
            h[k + 1, k] = np.sqrt(np.dot(weight * w, w))
            if not np.isfinite(h[k + 1, k]):
                raise NotFiniteError("the generator is not finite")
            if h[k + 1, k] <= 1e-14 * np.abs(h).max(initial=1e-300):
                return V, h[: k + 2, : k + 1], size, True
            V[k + 1] = w / h[k + 1, k]
        return V, h, size, False


def _small_exponential(h: np.ndarray, t: float, exact: bool) -> np.ndarray:
    """exp(tH)e_1 and, behind it, the last entry of ∫: the error of the Krylov method is
    |h_{m+1,m}| times that.
    """
    m = h.shape[1]
    if exact:
        return np.append(scipy.linalg.expm(t * h[:m, :m])[:, 0], 0.0)
    # augmented: the last component is the integral of the m-th
    a = np.zeros((m + 1, m + 1))
    a[:m, :m] = t * h[:m, :m]
    a[m, m - 1] = t
    return np.asarray(scipy.linalg.expm(a)[:, 0])
