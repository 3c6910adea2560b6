"""Phase-locked states of oscillators with different frequencies: those of Kuramoto's phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize

__all__ = ["LockedPhases", "locked_phases", "locking_threshold"]


def locking_threshold(frequencies: np.ndarray) -> float:
    r"""Return the least coupling k at which states of one common mean can lock.

    Parameters
    ----------
    frequencies : (N,) array
        Ω_j.

    Returns
    -------
    float
        :math:`K_c=Nu^*/\sum_j\sqrt{1-(Ω_j/u^*)^2}`, u* the root of
        :math:`2\sum\sqrt{1-(Ω_j/u)^2}=\sum1/\sqrt{1-(Ω_j/u)^2}`, Ω without its mean.

    References
    ----------
    M. Verwoerd, O. Mason, SIAM J. Appl. Dyn. Syst. 7, 134 (2008).

    Examples
    --------
    >>> round(locking_threshold(np.array([-1.0, 0.0, 1.0])), 9)
    1.704378316
    """
    omega = np.asarray(frequencies, dtype=float)
    omega = omega - np.mean(omega)
    largest = float(np.max(np.abs(omega)))
    if largest == 0:
        return 0.0
    distance = 1 - np.abs(omega) / largest

    def cosines(excess: float) -> np.ndarray:
        # √(1−s²) of s=(1−distance)/(1+excess), without cancellation
        root = np.sqrt((distance + excess) * (2 - distance + excess))
        return np.asarray(root / (1 + excess))

    def slope(log_excess: float) -> float:
        c = cosines(np.exp(log_excess))
        return float(np.sum(2 * c - 1 / c))

    low = -1.0
    while slope(low) > 0:
        low -= 4.0
    excess = float(np.exp(scipy.optimize.brentq(slope, low, 0.0, xtol=1e-14)))
    return largest * (1 + excess) / float(np.mean(cosines(excess)))


@dataclass(frozen=True)
class LockedPhases:
    """A stable locked state.

    Attributes
    ----------
    phases : (N,) array
        x_j of ψ_j=e^{−ix_j}e, with mean 0.
    frequency : float
        At which all turn.
    rate : float
        Of the slowest return of the phases.
    """

    phases: np.ndarray
    frequency: float
    rate: float


def locked_phases(matrix: np.ndarray, frequencies: np.ndarray) -> LockedPhases | None:
    r"""Return the locked state that equal frequencies continue to, if it is stable and reaches
    these.

    Solves :math:`Ω=ω_j+\mathrm{Im}\sum_l\bar C_{jl}e^{i(x_l-x_j)}` for x and Ω: Newton's method
    from
    equal phases while the frequencies are turned on.

    Parameters
    ----------
    matrix : (N, N) complex array
        C_jl, coupling times weight times e^{iα_jl}; l acts on j.
    frequencies : (N,) array
        ω_j.

    Examples
    --------
    >>> state = locked_phases(np.full((2, 2), 0.5), np.array([0.3, -0.3]))
    >>> round(float(np.sin(state.phases[0] - state.phases[1])), 12)
    0.6
    """
    n = len(frequencies)
    mean = float(np.mean(frequencies))
    # in units of the largest rate: phases and rates stand side by side in what is solved
    unit = max(float(np.max(np.abs(matrix))) * n, float(np.max(np.abs(frequencies - mean)))) or 1.0
    matrix = matrix / unit
    omega = (np.asarray(frequencies, dtype=float) - mean) / unit
    unknown = np.zeros(n + 1)
    share, step = 0.0, 1.0
    solved = _newton(matrix, 0.0 * omega, unknown)
    if solved is None:
        return None
    unknown = solved
    while share < 1:
        step = min(step, 1 - share)
        solved = _newton(matrix, (share + step) * omega, unknown)
        # a jump to another branch is no continuation
        if solved is None or np.max(np.abs(solved[:n] - unknown[:n])) > 0.5:
            step /= 2
            if step < 1e-7:
                return None
            continue
        unknown, share = solved, share + step
        step *= 1.5
    jacobian = _jacobian(matrix, unknown[:n])
    rates = np.sort(np.linalg.eigvals(-jacobian).real)
    # one zero: all phases moved together
    if n > 1 and not rates[1] > 1e-10 * float(rates[-1]):
        return None
    rate = float(rates[1]) if n > 1 else np.inf
    phases = unknown[:n] - np.mean(unknown[:n])
    return LockedPhases(phases, float(unknown[n]) * unit + mean, rate * unit)


def _velocity(matrix: np.ndarray, omega: np.ndarray, x: np.ndarray) -> np.ndarray:
    turned = matrix.conj() * np.exp(1j * (x[None, :] - x[:, None]))
    return np.asarray(omega + np.sum(turned, axis=1).imag)


def _jacobian(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    slopes = (matrix.conj() * np.exp(1j * (x[None, :] - x[:, None]))).real
    slopes = slopes - np.diag(np.diag(slopes))
    return np.asarray(slopes - np.diag(np.sum(slopes, axis=1)))


def _newton(matrix: np.ndarray, omega: np.ndarray, start: np.ndarray) -> np.ndarray | None:
    """Phases and common frequency; the last equation fixes the mean phase."""
    n = len(omega)
    unknown = start.copy()
    for _ in range(20):
        residual = np.append(_velocity(matrix, omega, unknown[:n]) - unknown[n], 0.0)
        residual[n] = np.sum(unknown[:n])
        if np.max(np.abs(residual)) < 1e-13:
            return unknown
        full = np.zeros((n + 1, n + 1))
        full[:n, :n] = _jacobian(matrix, unknown[:n])
        full[:n, n] = -1.0
        full[n, :n] = 1.0
        try:
            change = np.linalg.solve(full, residual)
        except np.linalg.LinAlgError:
            return None
        if not np.all(np.isfinite(change)) or np.max(np.abs(change[:n])) > 1.0:
            return None
        unknown = unknown - change
    return unknown if np.max(np.abs(residual)) < 1e-11 else None
