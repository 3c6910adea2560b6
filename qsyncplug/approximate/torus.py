"""Periodic orbits and motions of several free phases, with the Gaussian fluctuations about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.linalg

from ..core.gaussian import moments_from_covariance
from ..core.saved import Saved
from ..core.tangent import closure_flags, radial_variance, relative_phase_variance
from .flow import Flow, Rotation, tangent_basis
from .origin import flags_at_origin

__all__ = [
    "ALONG",
    "LEAST_RESPONSE",
    "LimitTorus",
    "averaged_gram",
    "counted",
    "rotating_torus",
    "told",
]

#: least cosine between a free phase and what it responds to; 0 where nothing holds an amplitude
LEAST_RESPONSE = 1e-6

#: name of the phase along a periodic orbit
ALONG = "along the orbit"


@dataclass(frozen=True)
class LimitTorus(Saved):
    r"""A stable motion of p free phases: a periodic orbit (p=1), or oscillators that turn at p
    frequencies, and the Gaussian fluctuations about it.

    A phase is free where no symmetry and no drive fixes it: of oscillators that nothing locks, and
    the phase along an orbit that is no rotation. Phases are those of e^{−ix}, so that their rates
    are frequencies; each diffuses, and the covariance of any two grows like D t.

    Attributes
    ----------
    phases : tuple of str
        What the p free phases are: those of symmetries, then "along the orbit".
    frequencies : ndarray of shape (p,)
        Their mean rates; that along the orbit is 2π over the period.
    diffusion_matrix : ndarray of shape (p, p)
        D: the covariance of the phases grows like D t.
    windings : ndarray of shape (p, N)
        How many times each oscillator turns while a phase turns once.
    exponents : ndarray of shape (e,)
        Floquet exponents, in falling order of their real parts; p of them are 0. The imaginary
        part of what decays beyond rounding within a period is not known, and given as 0.
    times : ndarray of shape (K,)
        Within the period, equidistant from 0; one time where there is no orbit.
    coordinates : ndarray of shape (K, d)
        The motion at these times in the frame that turns with the phases of symmetries.
    amplitudes : ndarray of shape (K, N)
        β of the oscillators in this frame.
    phase_response : ndarray of shape (K, p, d)
        By how much a kick along each coordinate at each time advances each phase.
    covariance : ndarray of shape (K, 2N, 2N)
        Of the quadratures across the motion: all free phases projected out.
    gram : ndarray of shape (N, N)
        ⟨b_j†b_k⟩, averaged over all free phases.
    flags : tuple of str
        Where the linear closure does not hold, and which oscillator noise carries past the origin
        so that its angle diffuses faster than the phases; each with its number.

    Examples
    --------
    An oscillator that a weak drive does not lock, in the frame of the drive:

    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> driven = qsp.System(b.dag() * b + 0.4 * (b + b.dag()), [b.dag(), 0.1**0.5 * b**2])
    >>> orbit = qsp.limit_cycle(driven, [1.0])
    >>> orbit.phases, orbit.windings.tolist(), round(orbit.frequency, 4)
    (('along the orbit',), [[1]], 0.992)
    """

    _axes: ClassVar[dict[str, str]] = {
        "phases": "p",
        "frequencies": "p",
        "diffusion_matrix": "p p",
        "windings": "p N",
        "exponents": "e complex",
        "times": "K",
        "coordinates": "K d",
        "amplitudes": "K N complex",
        "phase_response": "K p d",
        "covariance": "K M M",
        "gram": "N N complex",
    }

    phases: tuple[str, ...]
    frequencies: np.ndarray
    diffusion_matrix: np.ndarray
    windings: np.ndarray
    exponents: np.ndarray
    times: np.ndarray
    coordinates: np.ndarray
    amplitudes: np.ndarray
    phase_response: np.ndarray
    covariance: np.ndarray
    gram: np.ndarray
    flags: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number N of oscillators; arrays of quadratures have 2N entries."""
        return int(self.amplitudes.shape[1])

    @property
    def period(self) -> float:
        """Of the orbit in its frame; infinite where nothing but rotations moves."""
        return float(len(self.times) * self.times[1]) if len(self.times) > 1 else float("inf")

    @property
    def frequency(self) -> float:
        """Rate of the one free phase; an error where there are several."""
        return float(self.frequencies[self._only("frequencies")])

    @property
    def phase_diffusion(self) -> float:
        """D_φ of the one free phase; an error where there are several."""
        k = self._only("diffusion_matrix")
        return float(self.diffusion_matrix[k, k])

    @property
    def mean_frequencies(self) -> np.ndarray:
        """By how much each oscillator turns in the mean over a long time, (N,)."""
        return np.asarray(self.frequencies @ self.windings)

    @property
    def coherence(self) -> np.ndarray:
        """⟨b_j†b_k⟩/√(n_jn_k), (N, N)."""
        masses = np.sqrt(np.diagonal(self.gram).real)
        return np.asarray(self.gram / np.outer(masses, masses))

    def __repr__(self) -> str:
        orbit = f"a periodic orbit, T = {self.period:.6g}" if len(self.times) > 1 else "rotations"
        rates = zip(self.phases, self.frequencies, np.diagonal(self.diffusion_matrix), strict=True)
        decays = self.exponents[len(self.phases) :]
        return told(f"LimitTorus of {counted(self.n)}: {orbit}", rates, decays, self.flags)

    def _only(self, name: str) -> int:
        if len(self.phases) > 1:
            raise AttributeError(
                f"there are {len(self.phases)} free phases ({'; '.join(self.phases)}): take {name}"
            )
        return 0


def counted(n: int) -> str:
    """A number of nodes as it is printed, such as "2 nodes"."""
    return f"{n} node" if n == 1 else f"{n} nodes"


def told(
    head: str,
    rates: Iterable[tuple[str, float, float]],
    decays: np.ndarray,
    flags: tuple[str, ...],
) -> str:
    """What is printed of a motion: free phases with frequency and diffusion, decay, flags."""
    lines = [f"<{head}"]
    lines += [f"  {name}: frequency {w:.6g}, diffusion {d:.6g}" for name, w, d in rates]
    if not len(lines) > 1:
        lines.append("  no phase is free")
    if len(decays):
        lines.append(f"  slowest decay {-decays.real.max():.6g}")
    lines += [f"  beware: {flag}" for flag in flags]
    return "\n".join(lines) + " >"


def averaged_gram(beta: np.ndarray, covariance: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """⟨b_j†b_k⟩ (N, N) over the times of β (K, N), where phases of `charges` (r, N) are free."""
    own = beta.conj()[:, :, None] * beta[:, None, :]
    gram = (own + moments_from_covariance(covariance)[1]).mean(axis=0)
    alike = np.all(charges[:, :, None] == charges[:, None, :], axis=0)
    return np.where(alike, 0.5 * (gram + gram.conj().T), 0)


def rotating_torus(
    flow: Flow, x: np.ndarray, free: tuple[Rotation, ...], frequencies: np.ndarray
) -> LimitTorus | str:
    """Oscillators that turn at several frequencies with constant radii, or why `x` is none."""
    turning = sum(w * r.generator for w, r in zip(frequencies, free, strict=True))
    _, M, D = flow.parts(x)
    B = tangent_basis(x, flow.spheres)
    m, p = B.T @ (M + turning) @ B, len(free)
    values = np.linalg.eigvals(m)
    values = values[np.argsort(-values.real)]
    scale = float(np.abs(m).max())
    still = np.abs(values) < 1e-7 * scale
    if still.sum() != p or np.any(values[~still].real > -1e-9 * scale):
        return f"the motion is not stable: exponents {np.array2string(values, precision=3)}"
    # e^{-iΩt} turns against K
    v = -np.array([r.generator @ x for r in free]).T
    w = B @ np.linalg.svd(m.T)[2][-p:].T
    if np.linalg.svd(w.T @ (v / np.linalg.norm(v, axis=0)))[1][-1] < LEAST_RESPONSE:
        return "the motion is not stable: no rate holds its amplitudes"
    response = np.linalg.solve(w.T @ v, w.T)
    spread = response @ D @ response.T
    P = np.eye(len(x)) - v @ response
    damped = m - scale * (B.T @ v) @ (response @ B)
    C = B @ scipy.linalg.solve_continuous_lyapunov(damped, -(B.T @ P @ D @ P.T @ B)) @ B.T
    C = P @ (0.5 * (C + C.T)) @ P.T
    beta, T = flow.quadratures(x)
    covariance = T @ C @ T.T
    charges = np.array([r.charges for r in free])
    alike = np.all(charges[:, :, None] == charges[:, None, :], axis=0)
    relative = np.where(alike, relative_phase_variance(beta, covariance), 0)
    return LimitTorus(
        phases=tuple(r.name for r in free),
        frequencies=frequencies,
        diffusion_matrix=0.5 * (spread + spread.T),
        windings=charges,
        exponents=values,
        times=np.zeros(1),
        coordinates=x[None, :],
        amplitudes=beta[None, :],
        phase_response=response[None, :, :],
        covariance=covariance[None, :, :],
        gram=averaged_gram(beta[None, :], covariance[None, :, :], charges),
        flags=closure_flags(beta, radial_variance(beta, covariance), relative)
        + flags_at_origin(beta, covariance),
    )
