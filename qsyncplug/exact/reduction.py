"""A whole spectrum from a resolvent at one point: its reduction to a Krylov space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..core.errors import SolverError
from ..core.progress import Tell, part, silent
from .curve import Spectrum

__all__ = ["Solve", "reduced_curve"]

#: (σ−L)^{-1} applied to a vector; it tells how far it is with that
Solve = Callable[[np.ndarray, Tell], np.ndarray]
#: vectors of the reduced resolvent, and how many between two looks at its error
_MOST, _EVERY = 240, 5
_CONVERGED = 1e-10
#: vectors that most curves need
_USUAL = 25


def reduced_curve(
    solve: Solve,
    ends: tuple[np.ndarray, np.ndarray],
    rate: float,
    moments: tuple[complex, float],
    tell: Tell = silent,
) -> Spectrum:
    """Arnoldi on (σ−L)^{-1}, from a start to a functional, until the curve stands.

    Parameters
    ----------
    solve : callable
        The resolvent at σ=0.3·rate.
    ends : (ndarray, ndarray), each of shape (n,)
        Start, and functional f in Σ f x.
    rate : float
        Scale of frequencies.
    moments : (complex, float)
        ⟨a⟩ and ⟨δa†δa⟩, for the result.
    tell : callable
        Is told the share that is done: vectors of the number that the fall of the error promises.

    Raises
    ------
    SolverError
        The curve still changes by more than 1e-6 of its maximum after 240 vectors.
    """
    start, functional = ends
    n, most = len(start), min(_MOST, len(start))
    size = float(np.linalg.norm(start))
    V = np.zeros((most + 1, n), dtype=complex)
    h = np.zeros((most + 1, most), dtype=complex)
    V[0] = start / size
    look = _Look(rate)
    for k in range(most):
        w = solve(V[k], part(tell, look.share(k), look.share(k + 1)))
        for _ in range(2):
            c = V[: k + 1].conj() @ w
            w = w - c @ V[: k + 1]
            h[: k + 1, k] += c
        h[k + 1, k] = np.linalg.norm(w)
        m = k + 1
        tell(look.share(m))
        exhausted = m == n or abs(h[m, k]) < 1e-14 * np.abs(h[:m, :m]).max()
        if m % _EVERY == 0 or exhausted:
            e1 = np.zeros(m, dtype=complex)
            e1[0] = size
            curve = Spectrum(h[:m, :m].copy(), V[:m] @ functional, e1, 0.3 * rate, *moments, 0.0)
            curve.error = look.error(curve, m)
            if exhausted:
                curve.error = 0.0
            if curve.error < _CONVERGED:
                tell(1.0)
                return curve
        V[k + 1] = w / h[k + 1, k]
    if curve.error > 1e-6:
        raise SolverError(
            f"the spectrum did not converge with {most} vectors: error {curve.error:.2g} of its "
            "maximum",
            reason="not converged",
        )
    tell(1.0)
    return curve


class _Look:
    """How much a curve changes from one size of the space to the next."""

    def __init__(self, rate: float):
        self.broad = rate * np.linspace(-20, 20, 41)
        self.probe = np.zeros(0)
        self.before = np.zeros(0)
        #: vectors until the change is small enough, and what was told last
        self.expected, self.told = float(_USUAL), 0.0

    def share(self, vectors: int) -> float:
        """Of the work, after so many vectors: never less than it was."""
        self.told = max(self.told, min(vectors / self.expected, 0.99))
        return self.told

    def error(self, curve: Spectrum, m: int) -> float:
        """Change since the last look, relative to the maximum; infinite at the first one."""
        probe, before = self.probe, self.before
        self.probe = np.concatenate([curve.grid, self.broad])
        self.before = curve.scan(self.probe)
        if not len(probe):
            return float("inf")
        values = curve.scan(np.concatenate([probe, curve.grid]))
        change = float(np.abs(values[: len(probe)] - before).max() / np.abs(values).max())
        decades = max(-np.log10(max(change, 1e-300)), 0.1)
        promised = m * -np.log10(_CONVERGED) / decades
        self.expected = float(np.clip(promised, m + 1, _MOST))
        return change
