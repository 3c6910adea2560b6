r"""The checker of gap-functional proofs; it imports nothing of this package.

**Claim.** For every :math:`f=\sum_vs_vf_v+δ`, :math:`s_v≥0`, :math:`\sum s_v=1`,
:math:`f_v=\sum_kb_{vk}\sin kx`, :math:`\sum_kk^3|δ_k|≤r`: a stable state of particles with the
interaction f has one cluster.

**Why.** Clusters θ_i with gaps Δ_i and weights W_i of a stable state obey Σ_j W_jT_j ≥ 0, T_j = Σ_i
w(θ_i−θ_j, θ_{i+1}−θ_j), w(a, b) = γ(Δ)/Δ·[½(f'(a)+f'(b)) − (f(b)−f(a))/Δ], Δ=b−a, less
½f'(0)γ(Δ)/Δ for the gaps on both sides of j, whatever γ>0. As f>0 on (0, π), a gap of π or more
leaves only two antipodal clusters, which f'(π)<0 makes unstable; and f'<0 from τ on, so at most one
gap is longer than τ (the cut between two of them would be unstable). So it is enough that for each
vertex v, with potentials φ = f_v″/12+ψ, one before and one after the gap above τ, with ``end`` < 0,
and with what is subtracted at the first and the last gap, w_0(x) = γ(x)/x·(½f'(x) − f(x)/x),

    w(a, b) ≤ φ(b) − φ(a),   w_0(b) ≤ φ(b),   w_0(c) ≤ end − φ(2π−c):

everything is linear in f and φ at fixed γ, so it holds for their means, and T_j ≤ end < 0.

**How.** F_k = Σ_j j^k|b_j| bounds |f⁽ᵏ⁾|. Let D = (f″(b)−f″(a))/12 and w = γD + γR. Then R =
−∫(s−a)²(b−s)²/(24Δ²) f⁽⁵⁾(s)ds, which gives |R| ≤ Δ³F₅/720, |R_a|, |R_b| ≤ Δ²F₅/240 and |R_aa| +
|R_ab| ≤ ΔF₅/50. The inequalities are computed at the nodes 2πi/N. In the triangles between them, of
sides h along a and b, γ″ is constant and ψ linear; linear interpolation misses at most h²/4 times
the greatest second derivative along a line. The rest δ adds at most γΔr/12 to w and 3γr/(2x) to
w_0. Every number comes of fewer than N+K+50 roundings of terms whose sizes are added up in
``noise``; sines are flint's.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

__all__ = ["attention_distance", "check_gap"]

_TERMS = 24
#: Σ_{k>24} k³·|b_k| and its like, |β|≤1: |b_k| ≤ 2I_{k−1}e, I_k ≤ e·2^{−k}/k!; with room to spare
_TAIL = 1e-20


def check_gap(proof: Any) -> bool:
    r"""Return whether every inequality of a proof holds; nothing about it is trusted.

    Parameters
    ----------
    proof : GapProof
        Or anything with its attributes.

    Returns
    -------
    bool

    Raises
    ------
    ImportError
        python-flint is not installed.

    Examples
    --------
    >>> from qsyncplug.circle import certify_synchronization, sine
    >>> from qsyncplug.circle.gapcheck import check_gap
    >>> check_gap(certify_synchronization(sine()).proof)
    True
    """
    try:
        its = _read(proof)
    except (TypeError, ValueError, OverflowError):
        return False
    half = its.slopes.size - 1
    if its.vertices.ndim != 2 or its.vertices.size == 0 or its.slopes.ndim != 1:
        return False
    shape = (len(its.vertices), 2 * half + 1)
    if its.before.shape != shape or its.after.shape != shape or half < 8 or half % 2:
        return False
    if not all(np.max(np.abs(x)) < 1e6 for x in its[:6]) or its.slopes[0] != 0:
        return False
    if not (its.radius >= 0 > its.end and 1 <= its.short < its.tau <= half):
        return False
    if its.beta and not attention_distance(*its.beta, its.vertices) <= its.radius:
        return False
    gamma = Gamma(its.slopes)
    return gamma.positive and all(
        _holds(Tables(b, half), gamma, list(psi), its)
        for b, *psi in zip(its.vertices, its.before, its.after, strict=True)
    )


class _Plain(NamedTuple):
    """Every attribute of a proof, read once, as numbers and arrays that are nothing else."""

    vertices: np.ndarray
    slopes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    radius: float
    end: float
    short: int
    tau: int
    beta: tuple[float, float] | None


def _read(proof: Any) -> _Plain:
    """The attributes; TypeError or ValueError where one is no plain number."""
    vertices, slopes = _array(proof.vertices), _array(proof.slopes)
    before, after = _array(proof.before), _array(proof.after)
    radius, end = float(proof.radius), float(proof.end)
    short, tau, ends = operator.index(proof.short), operator.index(proof.tau), proof.beta
    beta = None if ends is None else (float(ends[0]), float(ends[1]))
    return _Plain(vertices, slopes, before, after, radius, end, short, tau, beta)


def _array(x: Any) -> np.ndarray:
    array = np.array(x)
    if array.dtype.kind not in "iuf" or isinstance(x, np.ma.MaskedArray):
        raise TypeError
    return array.astype(float)


def _larger(x: np.ndarray) -> np.ndarray:
    """The larger of two neighbours: what is greatest in a band, or of the bands at a node."""
    return np.asarray(np.maximum(x[1:], x[:-1]))


class Gamma:
    """γ, γ' at distances of d cells, and bounds in each band from d to d+1; 0 ≤ d ≤ N/2."""

    def __init__(self, slopes: np.ndarray):
        self.h = h = np.pi / (slopes.size - 1)
        self.gap = h * np.arange(slopes.size)
        rises = 0.5 * h * (slopes[1:] + slopes[:-1])
        self.value = 1 + np.concatenate([[0.0], np.cumsum(rises)])
        self.curve = np.abs(np.diff(slopes)) / h
        self.steep = _larger(np.abs(slopes))
        beyond = h * h / 8 * self.curve  # by how much γ leaves the chord of a band
        self.total = 1 + float(np.sum(np.abs(rises)))
        beyond += (2 * slopes.size + 50) * 2.0**-52 * self.total
        self.most = _larger(self.value) + beyond
        self.off = _larger(np.abs(self.value - 1)) + beyond
        self.positive = bool(np.all(-_larger(-self.value) - beyond > 1e-6))


class Tables:
    """f, f', f″ at the nodes, and F_0 … F_5."""

    def __init__(self, b: np.ndarray, half: int):
        import flint

        n, k = 2 * half, np.arange(1, b.size + 1)
        with flint.ctx.workprec(64):
            sines = np.array([float((flint.arb(2 * j) / n).sin_pi().mid()) for j in range(n)])
        angle = np.outer(np.arange(n + 1), k)
        sin, cos = sines[angle % n], sines[(angle + n // 4) % n]
        self.f, self.f1, self.f2 = sin @ b, cos @ (k * b), -(sin @ (k * k * b))
        self.size = [float(np.sum(np.abs(b) * k ** float(j))) * (1 + 1e-9) for j in range(6)]
        self.rounding = (n + b.size + 50) * 2.0**-52


def pair_needs(its: Tables, g: Gamma, radius: float, psi: float) -> np.ndarray:
    """By how much φ(b) − φ(a) must exceed w at nodes 1 … N/2 cells apart; |ψ| ≤ `psi`."""
    f0, f1, f2, f3, f4, f5 = its.size
    gap = g.gap[1:]  # of a node, and the longest of the band below it
    rise = np.minimum(gap * f3, 2 * f2) / 12
    bend = 2 * g.curve * (gap**3 * f5 / 720 + rise) + 4 * g.steep * (gap**2 * f5 / 240 + f3 / 12)
    bend += g.most * gap * f5 / 50 + g.off * f4 / 12
    band = (g.h**2 / 4 * bend + g.most * gap * radius / 12) * (1 + 1e-9)
    noise = g.total * (f1 / gap + 2 * f0 / gap**2) + 2 * (f2 / 12 + psi)
    return _larger(np.append(band, 0.0)) + its.rounding * noise


def rise_need(its: Tables, g: Gamma, radius: float, short: int) -> float:
    """By how much ψ must rise in a cell, for the gaps up to `short` cells."""
    most, off = np.max(g.most[:short]), np.max(g.off[:short])
    remainder = most * (g.gap[short] ** 2 * its.size[5] / 720 + radius / 12)
    noise = its.rounding * (1 + g.total * its.size[3])
    return float(g.h * (remainder + off * its.size[3] / 12) * (1 + 1e-9) + noise)


def end_needs(its: Tables, g: Gamma, radius: float, steep: np.ndarray, psi: float) -> np.ndarray:
    """The same for x·w in each cell of x from 0 to π, where |ψ'| ≤ `steep`, |ψ|+|end| ≤ `psi`."""
    f0, f1, f2, f3, f4, _ = its.size
    bend = 1.5 * g.curve * f1 + 2 * g.steep * f2 + 5 / 6 * g.most * f3
    bend += 2 * (f3 / 12 + steep) + g.gap[1:] * f4 / 12
    noise = g.total * (f1 + f0 / g.h) + 4 * (f2 / 12 + psi)
    return (g.h**2 / 8 * bend + 1.5 * g.most * radius) * (1 + 1e-9) + its.rounding * noise


def _signs(its: Tables, g: Gamma, radius: float, tau: int) -> bool:
    """Whether f>0 on (0, τ], by f(x)/x, and f'<0 on [τ, π]; so f falls to f(π)=0 there."""
    bend = g.h**2 / 8 * its.size[3] * (1 + 1e-9) + radius
    bend += its.rounding * (its.size[1] + its.size[0] / g.h)
    ratio = its.f[1 : tau + 1] / g.gap[1 : tau + 1]
    above = min(its.f1[0], float(np.min(ratio))) > bend
    return bool(above and np.max(its.f1[tau : g.gap.size]) < -bend)


def _holds(its: Tables, g: Gamma, psi: list[np.ndarray], proof: _Plain) -> bool:
    """Whether the inequalities hold for one vertex."""
    radius, end, short, tau = proof.radius, proof.end, proof.short, proof.tau
    half, size = g.gap.size - 1, float(np.max(np.abs(psi))) - end
    phi = [its.f2 / 12 + p for p in psi]
    if not _signs(its, g, radius, tau):
        return False
    if not np.min(np.diff(psi)) >= rise_need(its, g, radius, short):
        return False
    need = pair_needs(its, g, radius, size)
    for d in range(short, half + 1):
        f, f1 = its.f[d:] - its.f[:-d], 0.5 * (its.f1[d:] + its.f1[:-d])
        w = g.value[d] / g.gap[d] * (f1 - f / g.gap[d]) + need[d - 1]
        layers = ([(0, 0), (1, 1)] if d <= tau else []) + ([(0, 1)] if d >= tau else [])
        if not all(np.all(w <= phi[j][d:] - phi[i][:-d]) for i, j in layers):
            return False
    mean = np.append(its.f1[0], its.f[1 : half + 1] / g.gap[1:])
    part = g.value * (0.5 * its.f1[: half + 1] - mean)
    fits = []
    for p, v in zip(psi, phi, strict=True):
        steep = np.abs(np.diff(p)) / g.h
        first = _larger(part - g.gap * v[: half + 1])
        last = _larger(part - g.gap * (end - v[: half - 1 : -1]))
        fits.append(first + end_needs(its, g, radius, steep[:half], size) <= 0)
        fits.append(last + end_needs(its, g, radius, steep[: half - 1 : -1], size) <= 0)
    # first gap before, last before, first after (the long one), last after
    return bool(
        np.all(fits[0][:tau])
        and np.all(fits[1])
        and np.all(fits[2][tau:])
        and np.all(fits[3][:tau])
    )


def attention_distance(lo: float, hi: float, vertices: np.ndarray) -> float:
    r"""Bound Σk³|δ_k| for the attention against the chord between its two vertices.

    Parameters
    ----------
    lo, hi : float
        Interval of β, within [−1, 0].
    vertices : (2, K) array
        About the coefficients :math:`b_k=(I_{k-1}(β)-I_{k+1}(β))e^{-β}` at `lo` and `hi`, K=24.

    Returns
    -------
    float
        Infinite where that is not so.

    Notes
    -----
    A function of β is at most (hi−lo)²/8·max|∂²_β| from its chord; :math:`∂²_βf=(\cos x-1)^2f`, and
    :math:`|b_k|` falls as β<0 rises to 0, as all terms of its power series do.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle.gapcheck import attention_distance
    >>> attention_distance(-0.5, -0.4, np.zeros((2, 24))) > 1
    True
    """
    import flint

    if not (-1 <= lo <= hi <= 0 and len(vertices) == 2 and vertices.shape[1] == _TERMS):
        return float("inf")
    cube = np.arange(1, _TERMS + 3) ** 3.0

    def series(beta: float) -> list[Any]:
        b = flint.arb(beta)
        bessel = [b.bessel_i(k) for k in range(_TERMS + 2)]
        return [(bessel[k - 1] - bessel[k + 1]) * (-b).exp() for k in range(1, _TERMS + 1)]

    away = 0.0
    with flint.ctx.workprec(64):
        for beta, vertex in zip((lo, hi), vertices, strict=True):
            pairs = zip(series(beta), vertex, strict=True)
            rest = np.array([float(abs(b - flint.arb(v)).upper()) for b, v in pairs])
            away = max(away, float(np.sum(cube[:_TERMS] * rest)))
        size = np.array([float(abs(b).upper()) for b in series(lo)] + [0.0, 0.0])
    for _ in range(2):  # (cos x − 1) times a sine series, by the sizes of its coefficients
        size = np.convolve(size, [0.5, 1.0, 0.5], "same")
    curve = float(np.sum(cube * size))
    return (away + (hi - lo) ** 2 / 8 * curve) * (1 + 1e-9) + _TAIL
