"""States of modes, and views of them made from the states alone or from their first and second
moments alone.
"""

import numpy as np
import qutip as qt

from qsyncplug.sync import SyncView


def lowering(dims):
    """Annihilation operators of each factor."""
    return [
        qt.tensor([qt.destroy(d) if k == j else qt.qeye(d) for k, d in enumerate(dims)])
        for j in range(len(dims))
    ]


def moments(state):
    """Means (2N,) and covariance (2N, 2N) by expectation values of normally ordered products."""
    b = lowering(state.dims[0])
    n = len(b)
    beta = np.array([qt.expect(x, state) for x in b], dtype=complex)
    pairs = np.array([[qt.expect(x * y, state) for y in b] for x in b], dtype=complex) - np.outer(
        beta, beta
    )
    hops = np.array(
        [[qt.expect(x.dag() * y, state) for y in b] for x in b], dtype=complex
    ) - np.outer(beta.conj(), beta)
    mean, cov = np.empty(2 * n), np.empty((2 * n, 2 * n))
    mean[::2], mean[1::2] = np.sqrt(2) * beta.real, np.sqrt(2) * beta.imag
    cov[::2, ::2] = pairs.real + hops.real
    cov[1::2, 1::2] = hops.real - pairs.real
    cov[::2, 1::2] = pairs.imag + hops.imag
    cov[1::2, ::2] = cov[::2, 1::2].T
    return mean, (cov + cov.T) / 2 + np.eye(2 * n) / 2


def full_view(*states, **options):
    """View with states and moments."""
    parts = [moments(state) for state in states]
    mean, cov = np.array([m for m, _ in parts]), np.array([c for _, c in parts])
    return SyncView(mean=mean, covariance=cov, states=states, **options)


def gaussian_view(*parts):
    """View with moments only, of (mean, covariance)."""
    return SyncView(
        mean=np.array([m for m, _ in parts]), covariance=np.array([c for _, c in parts])
    )


def squeezed_ket(r, cutoff):
    """Two-mode squeezed vacuum, ⟨b1 b2⟩ = cosh r sinh r."""
    weights = np.tanh(r) ** np.arange(cutoff)
    return qt.Qobj(
        np.diag(weights / np.linalg.norm(weights)).reshape(-1, 1), dims=[[cutoff, cutoff], [1, 1]]
    )


def coherent_ket(alpha, cutoff):
    amplitudes = np.ones(cutoff, dtype=complex)
    for n in range(1, cutoff):
        amplitudes[n] = amplitudes[n - 1] * alpha / np.sqrt(n)
    return qt.Qobj(amplitudes / np.linalg.norm(amplitudes))


def thermal(n, cutoff):
    p = (n / (n + 1)) ** np.arange(cutoff)
    return qt.Qobj(np.diag(p / p.sum()))
