"""Phase distributions: the angle of the Husimi and of the Wigner function, for one mode and
relative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import betaln, gammaln

from ...core.saved import Saved
from ...core.types import Modes
from ..reading import Readable, synchronization
from ..view import SyncView
from .common import density, each_pair, need_bosons, reduced
from .record import POSITIVE, Of, Record, described

__all__ = [
    "PhaseDistribution",
    "husimi_phase",
    "wigner_phase",
]


@dataclass(frozen=True, eq=False)
class PhaseDistribution(Saved):
    r"""A distribution of a phase, P(φ) = [1 + 2 Re Σ_{m≥1} M_m e^{−imφ}]/2π.

    Attributes
    ----------
    moments : (M,) complex array
        M_m = ⟨e^{imφ}⟩, m=0, 1, ..., exact (from the Fock matrix elements); those beyond vanish.
    phi : (n,) array
        Grid over [−π, π).
    density : (n,) array
        P on the grid.
    peak : float
        2π max P − 1, zero for the uniform distribution; the maximum is found by Newton's method,
        not read off the grid.
    errors : (M,) array or None
        Standard errors of the moments, where these are averages over samples.
    kind : {"canonical", "husimi", "wigner"} or None
        Whose phase it is; None where the moments were given by hand.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> distribution = qsp.measures.husimi_phase(qutip.coherent(20, 2.0))
    >>> round(float(abs(distribution.moment(1))), 3)
    0.928
    """

    _axes: ClassVar[dict[str, str]] = {"moments": "M complex", "errors": "M"}

    moments: np.ndarray
    errors: np.ndarray | None = None
    kind: str | None = None

    def moment(self, m: int) -> complex:
        """The moment M_m = ⟨e^{imφ}⟩.

        Parameters
        ----------
        m : int
            Of either sign; M_{−m} is the conjugate of M_m.

        Returns
        -------
        complex
            0 beyond the highest moment that is not zero.
        """
        if abs(m) >= self.moments.size:
            return 0j
        return complex(self.moments[m] if m >= 0 else self.moments[-m].conj())

    @property
    def phi(self) -> np.ndarray:
        """Grid over [−π, π), fine enough for the highest moment."""
        n = max(256, 8 * self.moments.size)
        return -np.pi + 2 * np.pi * np.arange(n) / n

    @property
    def density(self) -> np.ndarray:
        """P(φ) on the grid ``phi``, (n,), per radian: its integral is 1."""
        return self(self.phi)

    def __call__(self, phi: Any) -> np.ndarray:
        """P(φ) at any angles `phi`, of their shape; the Fourier series, not an interpolation."""
        phi = np.asarray(phi, dtype=float)
        m = np.arange(1, self.moments.size)
        return np.asarray(
            (1 + 2 * (np.exp(-1j * phi[..., None] * m) @ self.moments[1:]).real) / (2 * np.pi)
        )

    @property
    def peak(self) -> float:
        """2π max P − 1: 0 for a uniform phase, whatever the grid."""
        return float(peaks(self.moments[None])[0])

    def __float__(self) -> float:
        return self.peak

    def __repr__(self) -> str:
        return f"PhaseDistribution(peak={self.peak:.6g}, |⟨e^iφ⟩|={abs(self.moment(1)):.6g})"


def peaks(moments: np.ndarray) -> np.ndarray:
    """Greatest value of 2 Re Σ_{m≥1} M_m e^{−imφ} for each row of `moments` (..., M)."""
    m = np.arange(1, moments.shape[-1])
    if m.size == 0:
        return np.zeros(moments.shape[0])
    n = max(256, 1 << int(np.ceil(np.log2(16 * moments.shape[-1]))))
    coefficients = moments.copy()
    coefficients[:, 0] = 0
    grid = 2 * np.fft.fft(coefficients, n, axis=-1).real
    top = np.maximum(np.roll(grid, 1, axis=-1), np.roll(grid, -1, axis=-1))
    heights = np.where(grid >= top, grid, -np.inf)
    starts = np.argsort(heights, axis=-1)[:, -4:]
    phi = 2 * np.pi * starts / n
    best = np.take_along_axis(grid, starts, axis=-1)
    a = moments[:, None, 1:]
    for _ in range(8):
        wave = a * np.exp(-1j * phi[..., None] * m)
        first, second = 2 * np.sum(wave * m, axis=-1).imag, -2 * np.sum(wave * m**2, axis=-1).real
        safe = second < 0
        step = np.where(safe, -first / np.where(safe, second, 1), 0)
        phi = phi + np.clip(step, -2 * np.pi / n, 2 * np.pi / n)
        best = np.maximum(best, 2 * np.sum(a * np.exp(-1j * phi[..., None] * m), axis=-1).real)
    return np.asarray(np.maximum(np.max(best, axis=-1), 0.0))


@lru_cache(maxsize=64)
def radial_weights(kind: str, d: int) -> np.ndarray:
    """Radial integrals g[k, m] of |m+k⟩⟨m|: ⟨e^{ikφ}⟩ = Σ_m ρ_{m+k,m} g[k, m]."""
    k, m = np.meshgrid(np.arange(d), np.arange(d), indexing="ij")
    n = m + k
    if kind == "husimi":
        log = gammaln((n + m) / 2 + 1) - (gammaln(n + 1) + gammaln(m + 1)) / 2
    else:
        s = m // 2
        log = (
            k / 2 * np.log(2)
            + (gammaln(m + 1) - gammaln(n + 1)) / 2
            + gammaln(k / 2 + 1 + s)
            - gammaln(s + 1)
        )
    g = np.where(n < d, np.exp(np.where(n < d, log, 0)), 0.0)
    g.setflags(write=False)
    return g


def spin_weight(k: np.ndarray, J: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Polar integral of the Husimi function of a spin J, for the element of n+k and n quanta."""
    N = 2 * J

    def choose(m: np.ndarray) -> np.ndarray:
        return np.asarray(gammaln(N + 1) - gammaln(m + 1) - gammaln(N - m + 1))

    inside = (n >= 0) & (n + k <= N)
    n = np.where(inside, n, 0)
    k = np.where(inside, k, 0)
    half = n + 0.5 * k
    log = 0.5 * (choose(n) + choose(n + k)) + np.log(N + 1) + betaln(half + 1, N - half + 1)
    return np.where(inside, np.exp(log), 0.0)


@lru_cache(maxsize=64)
def angular_weights(kind: str, spin: bool, d: int) -> np.ndarray:
    """Weights g[k, n] of |n+k⟩⟨n|, n quanta above the lowest state, of a mode or a spin:
    ⟨e^{ikφ}⟩ = Σ_n ρ_{n+k,n} g[k, n].
    """
    if kind != "canonical" and not spin:
        return radial_weights(kind, d)
    k, n = np.meshgrid(np.arange(d), np.arange(d), indexing="ij")
    if kind == "canonical":
        g = (n + k < d).astype(float)
    else:
        g = spin_weight(k, np.full(k.shape, 0.5 * (d - 1)), n)
    g.setflags(write=False)
    return g


def moments_of_one(rho: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Moments ⟨e^{ikφ}⟩ with the weights g[k, m] of |m+k⟩⟨m|."""
    d = rho.shape[0]
    return np.array([g[k, : d - k] @ np.diagonal(rho, -k) for k in range(d)])


def _single(rho: np.ndarray, kind: str) -> np.ndarray:
    return moments_of_one(rho, radial_weights(kind, rho.shape[0]))


def _relative(rho: np.ndarray, dims: tuple[int, ...], kind: str) -> np.ndarray:
    first, second = (radial_weights(kind, d) for d in dims)
    return moments_of_two(rho, dims, (first, second))


def moments_of_two(
    rho: np.ndarray, dims: tuple[int, ...], weights: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Moments ⟨e^{im(φ1−φ2)}⟩ of a two-mode density matrix, with the weights of each mode."""
    d1, d2 = dims
    r = rho.reshape(d1, d2, d1, d2)
    g1, g2 = weights
    return np.array(
        [
            np.einsum(
                "abab,a,b->",
                r[m:, : d2 - m, : d1 - m, m:],
                g1[m, : d1 - m],
                g2[m, : d2 - m],
                optimize=False,
            )
            for m in range(min(d1, d2))
        ]
    )


def _of_state(state: Any, relative: bool, kind: str) -> PhaseDistribution:
    if not (hasattr(state, "isket") and (state.isket or state.isoper)):
        raise TypeError(
            f"{kind}_phase takes a SyncView or a QuTiP state, not {type(state).__name__}"
        )
    dims = tuple(int(d) for d in state.dims[0])
    if len(dims) != (2 if relative else 1):
        what = "two modes (relative=True)" if relative else "one mode (two modes: relative=True)"
        raise ValueError(f"state must be of {what}, not of dims {list(dims)}")
    rho = density(state, tuple(range(len(dims))))
    moments = _relative(rho, dims, kind) if relative else _single(rho, kind)
    moments.setflags(write=False)
    return PhaseDistribution(moments, kind=kind)


def _of_anything(x: Any, relative: bool, modes: Any, kind: str) -> np.ndarray | PhaseDistribution:
    """The distribution of a state, or the peaks of what can be read."""
    if hasattr(x, "isket") and modes is None:
        return _of_state(x, relative, kind)
    return _of_view(synchronization(x, modes=modes), kind)


def _of_view(view: SyncView, kind: str) -> np.ndarray:
    states = view.states
    need_bosons(view, f"{kind}_phase")
    values = np.empty((view.n_times, view.n, view.n))
    for j in range(view.n):
        keep, _ = reduced(view, (j,))
        values[:, j, j] = peaks(np.array([_single(density(state, keep), kind) for state in states]))
    for j, k in each_pair(view.n):
        keep, dims = reduced(view, (j, k))
        moments = np.array([_relative(density(state, keep), dims, kind) for state in states])
        values[:, j, k] = values[:, k, j] = peaks(moments)
    return values


@described(
    Record(
        "2π max P_Q − 1",
        r"2\pi\max P_Q-1",
        Of.PAIRS,
        ("states",),
        null=0.0,
        range=POSITIVE,
        costly=True,
    )
)
def husimi_phase(
    view: Readable, *, relative: bool = False, modes: Modes = None
) -> np.ndarray | PhaseDistribution:
    r"""Phase distribution of the Husimi function, P(φ) = ∫ Q(r e^{iφ}) r dr, and its peak 2π max P
    − 1.

    Parameters
    ----------
    view : SyncView or Qobj
        A view with ``states`` of boson modes; or a ket or density matrix of one mode, or of two
        modes with `relative`.
    relative : bool
        For a state: the distribution of φ_1−φ_2.
    modes : sequence of Qobj or Expression, optional
        For QuTiP results and states: the annihilation operator of each node; the peaks are
        returned.

    Returns
    -------
    (T, N, N) array or PhaseDistribution
        For a view the peaks, of φ_j−φ_k and on the diagonal of φ_j; zero where the phase is
        uniform. For a state the distribution, which ``float`` turns into its peak.

    Notes
    -----
    Exact Fourier moments ⟨e^{ikφ}⟩ = Σ_m ρ_{m+k,m} Γ(m+k/2+1)/√(m!(m+k)!). M. R. Hush, W. Li, S.
    Genway, I. Lesanovsky and A. D. Armour, Phys. Rev. A 91, 061401 (2015).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> float(qsp.measures.husimi_phase(qutip.fock(5, 2)))  # no phase is preferred
    0.0
    """
    return _of_anything(view, relative, modes, "husimi")


@described(
    Record("2π max P_W − 1", r"2\pi\max P_W-1", Of.PAIRS, ("states",), null=0.0, costly=True)
)
def wigner_phase(
    view: Readable, *, relative: bool = False, modes: Modes = None
) -> np.ndarray | PhaseDistribution:
    r"""Phase distribution of the Wigner function, P(φ) = ∫ W(r e^{iφ}) r dr, and its peak 2π max P
    − 1.

    Parameters
    ----------
    view, relative, modes
        As for :func:`husimi_phase`.

    Returns
    -------
    (T, N, N) array or PhaseDistribution
        As for :func:`husimi_phase`. **The density may be negative** and \|⟨e^{ikφ}⟩\| may exceed 1.

    Notes
    -----
    Exact Fourier moments ⟨e^{ikφ}⟩ = Σ_m ρ_{m+k,m} 2^{k/2} √(m!/(m+k)!) Γ(k/2+1+s)/s!, s=⌊m/2⌋
    (from the generating function of the Laguerre polynomials); B. M. Garraway and P. L. Knight,
    Phys. Rev. A 46, R5346 (1992).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> float(qsp.measures.wigner_phase(qutip.fock(5, 2)))  # no phase is preferred
    0.0
    """
    return _of_anything(view, relative, modes, "wigner")
