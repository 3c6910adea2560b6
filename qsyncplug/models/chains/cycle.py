"""Gaussian fluctuations about a limit cycle whose common phase is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from ...core.checks import check_array, check_number
from ...core.entry import mfsolve
from ...core.errors import SolverError
from ...operators.system import System
from .meanfield import mean_field_parts
from .model import SpinChains

__all__ = ["LimitCycle", "limit_cycle"]


@dataclass(frozen=True)
class LimitCycle:
    r"""A rotating solution β(t)=β e^{-iΩt} and its Gaussian fluctuations, in the rotating frame.

    Attributes
    ----------
    amplitudes : ndarray of shape (N,)
        β, with β_1 > 0.
    frequency : float
        Ω.
    covariance : ndarray of shape (2N, 2N)
        Steady covariance with the common phase projected out: :math:`M C + C M^T + P D P^T=0`,
        :math:`C=PCP^T`.
    phase_diffusion : float
        D_φ: the variance of the common phase grows like D_φ t.
    exponents : ndarray of shape (2N,)
        Eigenvalues of M in the rotating frame; one is 0 (the common phase), the others have
        negative real parts.
    projector : ndarray of shape (2N, 2N)
        P = 1 − v wᵀ/(wᵀv), v the direction of the common phase and w the left null vector of M.
    jacobian, diffusion : ndarray of shape (2N, 2N)
        M in the rotating frame and D.
    """

    amplitudes: np.ndarray
    frequency: float
    covariance: np.ndarray
    phase_diffusion: float
    exponents: np.ndarray
    projector: np.ndarray
    jacobian: np.ndarray
    diffusion: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(q1, p1, q2, p2, …), shape (2N,)."""
        return np.sqrt(2) * self.amplitudes.view(float)

    @property
    def correlations(self) -> np.ndarray:
        """⟨b_j†b_k⟩, shape (N, N), amplitudes included."""
        from ...core.gaussian import moments_from_covariance

        return moments_from_covariance(self.covariance)[1] + np.outer(
            self.amplitudes.conj(), self.amplitudes
        )


def _parts(system: Any, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if isinstance(system, SpinChains):
        p = mean_field_parts(system, beta)
        return p["drift"], p["jacobian"], p["diffusion"]
    return system.drift(beta), system.jacobian(beta), system.diffusion(beta)


def limit_cycle(system: Any, beta0: Any, *, relax: float = 200.0) -> LimitCycle:
    r"""The limit cycle that `beta0` leads to, and the Gaussian steady state about it.

    A model with the U(1) symmetry b_j → e^{iφ}b_j has no Gaussian steady state about a limit cycle:
    the common phase diffuses without bound. Its direction is taken out of the Lyapunov equation,
    which then has a unique solution.

    Parameters
    ----------
    system : System or SpinChains
        Of two or more modes with a common phase symmetry; chains without a central spin.
    beta0 : array_like of shape (N,)
        Where the mean field starts.
    relax : float
        How long it runs before Newton's method takes over.

    Returns
    -------
    LimitCycle

    Raises
    ------
    ValueError
        The model has no common phase symmetry, a central spin, or depends on time.
    SolverError
        The mean field has no stable limit cycle there: it went to rest, or stays periodic in the
        rotating frame.
    """
    if isinstance(system, SpinChains):
        if system.central:
            raise ValueError("limit_cycle needs chains without a central spin (central=False)")
        n = 2
    elif isinstance(system, System):
        if not system.isconstant or not system.symmetries.common_phase:
            raise ValueError(
                "limit_cycle needs a model with the common phase symmetry b_j → e^{iφ}b_j that "
                "does not depend on time"
            )
        n = system.n
    else:
        raise TypeError(f"limit_cycle takes a System or SpinChains, not {type(system).__name__}")
    beta = check_array("beta0", beta0, shape=(n,), dtype=complex)
    relax = check_number("relax", relax, minimum=0.0, strict=True)
    options = {"rtol": 1e-9, "atol": 1e-11}
    # without fluctuations: those of the common phase grow while the mean relaxes
    run = mfsolve(system, beta, [0.0, relax], options=options)
    beta = run.amplitudes[-1]
    size = float(np.abs(beta).max())
    if size < 1e-6 * max(1.0, float(np.abs(np.asarray(beta0)).max())):
        raise SolverError(
            "the mean field went to rest: there is no limit cycle here", reason="no limit cycle"
        )
    rotation = np.kron(np.eye(n), np.array([[0.0, -1.0], [1.0, 0.0]]))

    def angular(b: np.ndarray) -> float:
        return float(-np.imag(np.vdot(b, _parts(system, b)[0])) / np.vdot(b, b).real)

    frequency = angular(beta)
    residual = np.inf
    for _ in range(40):
        F, M, _ = _parts(system, beta)
        rest = (F + 1j * frequency * beta).view(float)
        residual = float(np.abs(rest).max())
        if residual < 1e-14 * max(1.0, size):
            break
        # unknowns: the quadratures of β and Ω; the phase of β_1 stays
        J = np.zeros((2 * n + 1, 2 * n + 1))
        J[: 2 * n, : 2 * n] = M + frequency * rotation
        J[: 2 * n, 2 * n] = (1j * beta).view(float)
        J[2 * n, : 2 * n] = np.concatenate([(1j * beta[:1]).view(float), np.zeros(2 * n - 2)])
        step = np.linalg.lstsq(J, np.concatenate([-rest, [0.0]]), rcond=None)[0]
        new = beta + np.ascontiguousarray(step[: 2 * n]).view(complex)
        if not np.all(np.isfinite(step)) or np.abs(new - beta).max() > 2 * size:
            break
        beta, frequency = new, frequency + float(step[2 * n])
    if residual > 1e-10 * max(1.0, size):
        raise SolverError(
            f"no limit cycle of constant radii: β'+iΩβ={residual:.2g} after relax={relax:g}; the "
            "oscillators do "
            "not lock, or relax is too short",
            reason="no limit cycle",
        )
    beta = beta * np.exp(-1j * np.angle(beta[0]))
    _, M, D = _parts(system, beta)
    M = M + frequency * rotation
    v = (1j * beta).view(float).copy()
    exponents = np.linalg.eigvals(M)
    order = np.argsort(np.abs(exponents))
    scale = float(np.abs(M).max())
    if np.abs(exponents[order[0]]) > 1e-7 * scale or np.any(
        exponents[order[1:]].real > -1e-9 * scale
    ):
        raise SolverError(
            f"the limit cycle is not stable: exponents {np.array2string(exponents, precision=3)}",
            reason="no limit cycle",
        )
    w = np.linalg.svd(M.T)[2][-1]
    P = np.eye(2 * n) - np.outer(v, w) / (w @ v)
    # on the range of P the equation is the same with the null direction damped
    damped = M - scale * np.outer(v, w) / (w @ v)
    C = scipy.linalg.solve_continuous_lyapunov(damped, -P @ D @ P.T)
    C = P @ (0.5 * (C + C.T)) @ P.T
    return LimitCycle(
        amplitudes=beta,
        frequency=frequency,
        covariance=0.5 * (C + C.T),
        phase_diffusion=float(w @ D @ w / (w @ v) ** 2),
        exponents=exponents[np.argsort(-exponents.real)],
        projector=P,
        jacobian=M,
        diffusion=D,
    )
