"""Spectra of the linearised mean field."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.integrate
import scipy.linalg

from ..core.checks import check_array
from ..operators.system import System
from .curve import Spectrum

__all__ = ["linear_correlation", "linear_spectrum"]


def _fixed_point(system: System, start: np.ndarray) -> np.ndarray:
    """Where the mean field settles from `start`; the last digits by Newton's method."""

    def drift(_: float, x: np.ndarray) -> np.ndarray:
        return system.drift(x.view(complex)).view(float)

    rate = float(np.abs(system.jacobian(start)).max())
    x = start.astype(complex).view(float)
    for span in (20.0, 200.0, 2000.0):
        run = scipy.integrate.solve_ivp(drift, (0, span / rate), x, rtol=1e-8, atol=1e-10)
        x = np.ascontiguousarray(run.y[:, -1])
        beta = x.view(complex).copy()
        for _ in range(12):
            F = np.sqrt(2) * system.drift(beta).astype(complex)
            step = np.linalg.lstsq(system.jacobian(beta), -F.view(float), rcond=None)[0]
            step = step.view(complex) / np.sqrt(2)
            size, scale = float(np.abs(step).max()), max(1.0, float(np.abs(beta).max()))
            if not size < 0.05 * scale:
                # not there yet
                break
            beta = beta + step
            if size < 1e-12 * scale:
                return np.asarray(beta)
    raise ValueError(
        f"mean: the mean field does not settle from {start}: a limit cycle, or an unstable system"
    )


def _linearised(
    system: Any, a: Any, mean: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, complex]:
    """M, the row l of `a`, (C+½iΩ)l, and ⟨a⟩ at the fixed point."""
    if not isinstance(system, System) or not system.bosonic:
        raise TypeError("mean: the linearised spectrum is that of a System of modes alone")
    if not system.isconstant:
        raise ValueError("system must not depend on time to have a spectrum")
    start = check_array("mean", mean, shape=(system.n,), dtype=complex)
    place = [k for k, b in enumerate(system.operators) if isinstance(a, type(b)) and a == b]
    place = place or [k for k, b in enumerate(system.operators) if hasattr(a, "terms") and a == b]
    if not place:
        raise ValueError("a must be one of the modes of the system (system.operators)")
    beta = _fixed_point(system, start)
    M, D = system.jacobian(beta), system.diffusion(beta)
    growth = float(np.linalg.eigvals(M).real.max())
    if growth > -1e-9 * np.abs(M).max():
        raise ValueError(
            f"mean: the fixed point {np.round(beta, 6)} is not stable (rate {growth:.3g}): the "
            f"mean "
            "field has no stationary spectrum about it"
        )
    C = scipy.linalg.solve_continuous_lyapunov(M, -D)
    # [q, p] = i
    symplectic = np.kron(np.eye(system.n), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    row = np.zeros(2 * system.n, dtype=complex)
    row[2 * place[0] : 2 * place[0] + 2] = 1 / np.sqrt(2), 1j / np.sqrt(2)
    source = (C + 0.5j * symplectic) @ row
    return M, row, source, complex(beta[place[0]])


def linear_spectrum(system: Any, a: Any, mean: Any) -> Spectrum:
    r"""The spectrum of a mode in the linearised mean field about a stable fixed point.

    With Ẋ=MX+noise in the quadratures, C stationary (MC+CMᵀ+D=0) and a=l·X,

    .. math:: S(ω) = 2\,\mathrm{Re}\; l^†(iω-M)^{-1}(C+\tfrac i2 Ω)\,l .

    Exact for systems whose Hamiltonian is quadratic and whose jump operators are linear.

    Parameters
    ----------
    system : System
        Modes alone, constant in time.
    a : Expression
        One of the modes.
    mean : array_like of shape (N,)
        Amplitudes from which the fixed point is looked for.

    Raises
    ------
    ValueError, TypeError
        Not modes alone, time dependent, `a` no mode, no fixed point, or an unstable one.
    """
    M, row, source, coherent = _linearised(system, a, mean)
    power = float((row.conj() @ source).real)
    shift = float(np.abs(M).max())
    small = np.linalg.inv(shift * np.eye(len(M)) - M).astype(complex)
    return Spectrum(small, row.conj(), source, shift, coherent, max(power, 0.0), 0.0)


def linear_correlation(system: Any, a: Any, mean: Any, tau: np.ndarray) -> np.ndarray:
    r"""⟨a†(τ)a(0)⟩ of a mode in the linearised mean field about a stable fixed point.

    :math:`l^†e^{Mτ}(C+\tfrac i2 Ω)l+|⟨a⟩|^2`; see :func:`linear_spectrum`.

    Parameters
    ----------
    system, a, mean
        As for :func:`linear_spectrum`.
    tau : ndarray of shape (T,)
        Delays, not negative.
    """
    M, row, source, coherent = _linearised(system, a, mean)
    values = [row.conj() @ scipy.linalg.expm(M * t) @ source for t in tau]
    return np.asarray(np.array(values, dtype=complex) + abs(coherent) ** 2)
