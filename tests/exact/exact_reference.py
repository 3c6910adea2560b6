"""Systems of the reference values, and dense matrices to compare with."""

import numpy as np
import qutip

import qsyncplug as qsp


def oscillator(gain=1.0, loss=1.0, detuning=0.0, drive=0.0):
    """One van der Pol oscillator, H=Δb†b+F(b+b†)."""
    (b,) = qsp.modes(1)
    return qsp.System(
        detuning * b.dag() * b + drive * (b + b.dag()), [gain**0.5 * b.dag(), loss**0.5 * b**2]
    )


def pair(detuning=0.5, dissipative=1.0, loss=1.0, drive=0.0, coherent=0.0):
    """Two of them, the first driven."""
    b1, b2 = qsp.modes(2)
    H = 0.5 * detuning * (b1.dag() * b1 - b2.dag() * b2) + drive * (b1 + b1.dag())
    if coherent:
        H = H + coherent * (b1.dag() * b2 + b2.dag() * b1)
    jumps = [b1.dag(), b2.dag(), loss**0.5 * b1**2, loss**0.5 * b2**2]
    return qsp.System(H, [*jumps, dissipative**0.5 * (b1 - b2)])


def boundary_time_crystal(n=40, omega=1.5, kappa=1.0):
    """H=ωJx, jump √(2κ/n)J−, as QuTiP objects."""
    J = qutip.jmat(n / 2)
    return omega * J[0], [np.sqrt(2 * kappa / n) * qutip.jmat(n / 2, "-")]


def lindblad(H, jumps, rho):
    """Lρ with dense matrices."""
    out = -1j * (H @ rho - rho @ H)
    for A in jumps:
        g = A.conj().T @ A
        out = out + A @ rho @ A.conj().T - 0.5 * (g @ rho + rho @ g)
    return out


def superoperator(H, jumps):
    """L on row-major vectors."""
    one = np.eye(len(H))
    L = -1j * (np.kron(H, one) - np.kron(one, H.T))
    for A in jumps:
        g = A.conj().T @ A
        L = L + np.kron(A, A.conj()) - 0.5 * (np.kron(g, one) + np.kron(one, g.T))
    return L
