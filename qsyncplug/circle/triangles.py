"""Three clusters of the self-attention in closed form: which sizes are stable, for which β, from
which n on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from .._ext.triangles import Arcs
from ..core.checks import check_array, check_flag, check_integer, check_memory, check_number
from ..core.extras import need
from ..core.saved import Saved
from .callables import interaction as as_interaction
from .interactions import Interaction
from .model import refuse_mask

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "ThreeClusterRange",
    "three_cluster_arcs",
    "three_cluster_bound",
    "three_cluster_range",
    "three_cluster_sizes",
    "three_cluster_threshold",
    "three_cluster_weights",
]

#: β from where on three clusters are not stable for any sizes
_END = -2 / 3
#: of |β|, for which e^{2β} is far from the ends of floating point
_LARGEST = 300.0
#: relative rounding of r(x) in floating point, with room to spare
_ROUNDING = 1e-13


@dataclass(frozen=True)
class ThreeClusterRange(Saved):
    r"""The ratios of sizes for which three clusters are stable.

    Attributes
    ----------
    beta : float
        Inverse temperature, below −2/3.
    low, high : float
        :math:`r_-` and :math:`r_+`: clusters of n₀ at 0 and n₁ at ±α are stable for one α if and
        only if :math:`r_-<n_0/n_1<r_+`.
    x_low, x_high : float
        The values of :math:`x=-\cos α` between which the stable states lie; :math:`r_+=r(x_{low})`.

    Notes
    -----
    With B=−β: at rest where :math:`n_0/n_1=r(x)=2x\,e^{B(1-2x)(1+x)}`, stable where r falls,
    :math:`x_{low}=(\sqrt{1+16/B}-1)/8<x<x_{high}=2B/(1+\sqrt{1+4B^2})`. The same for the normalised
    system (T2).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> found = qsp.three_cluster_range(-5.0)
    >>> found.low < found.high
    True
    >>> from qsyncplug.circle import three_cluster_range
    >>> three_cluster_range(-2.0).holds(3 / 2)
    True
    """

    beta: float
    low: float
    high: float
    x_low: float
    x_high: float

    def holds(self, ratio: float) -> bool:
        """Whether n₀/n₁ = `ratio` is inside, beyond doubt by rounding."""
        ratio = check_number("ratio", ratio)
        return self.low * (1 + _ROUNDING) < ratio < self.high * (1 - _ROUNDING)

    def angle(self, ratio: float) -> float:
        """Angle α of the stable state with n₀/n₁ = `ratio`; ValueError if there is none."""
        if not self.holds(ratio):
            raise ValueError(
                f"ratio must be between {self.low!r} and {self.high!r} at beta={self.beta!r}, not "
                f"{ratio!r}"
            )
        # r falls from x_low to x_high
        x = _bisected(self.x_low, self.x_high, lambda x: _ratio(-self.beta, x) > ratio)
        return math.acos(-x)


def _bisected(low: float, high: float, before: Callable[[float], bool]) -> float:
    """The place between `low` and `high` up to which `before` holds."""
    for _ in range(200):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (middle, high) if before(middle) else (low, middle)
    return high


def _ratio(b: float, x: float) -> float:
    return 2 * x * math.exp(b * (1 - 2 * x) * (1 + x))


def three_cluster_range(beta: float) -> ThreeClusterRange:
    r"""Return the ratios n₀/n₁ for which clusters (n₀, n₁, n₁) of the self-attention are stable.

    Parameters
    ----------
    beta : float
        Inverse temperature, below −2/3 (from there on there are none) and at least −300.

    Returns
    -------
    ThreeClusterRange

    Raises
    ------
    ValueError
        `beta` is not below −2/3.

    Notes
    -----
    Polyanskiy, Rigollet, Yao, Corollary 2.6 has n divisible by 3, or large; this is the exact
    range.

    Examples
    --------
    >>> from qsyncplug.circle import three_cluster_range
    >>> r = three_cluster_range(-1.0)
    >>> round(r.low, 12), round(r.high, 12)
    (0.843638953815, 1.059015218185)
    """
    beta = check_number("beta", beta, minimum=-300.0, maximum=_END, strict=False)
    if beta >= _END:
        raise ValueError(
            f"beta must be below -2/3, where three clusters can be stable, not {beta!r}"
        )
    b = -beta
    x_low = (2 / b) / (math.sqrt(1 + 16 / b) + 1)
    x_high = 2 * b / (1 + math.sqrt(1 + 4 * b * b))
    return ThreeClusterRange(beta, _ratio(b, x_high), _ratio(b, x_low), x_low, x_high)


def three_cluster_sizes(
    beta: float, n: int, *, certified: bool = False
) -> tuple[tuple[int, int, int], ...]:
    r"""Return the sizes (n₀, n₁, n₁) of all stable three-cluster states of n particles with two
    equal clusters.

    Parameters
    ----------
    beta : float
        Inverse temperature; from −2/3 on the answer is empty.
    n : int
        Number of particles.
    certified : bool
        Decide by ball arithmetic (python-flint), in which the binary value of `beta` is exact,
        instead of by floating point with a margin for rounding.

    Returns
    -------
    tuple of (int, int, int)
        With n₀+2n₁=n and :math:`r_-<n_0/n_1<r_+`, the most equal ones first.

    Raises
    ------
    ImportError
        `certified` without python-flint.

    Examples
    --------
    >>> from qsyncplug.circle import three_cluster_sizes
    >>> three_cluster_sizes(-2.0, 7)
    ((3, 2, 2), (1, 3, 3))
    >>> three_cluster_sizes(-0.7, 7)
    ()
    """
    certified = check_flag("certified", certified)
    n = check_integer("n", n, minimum=1, maximum=2**53)
    beta = check_number("beta", beta)
    if beta >= _END:
        return ()
    span = three_cluster_range(beta)
    # n₀/n₁ = n/n₁ − 2 between r₋ and r₊; one candidate more on each side
    least = max(1, math.floor(n / (span.high + 2)) - 1)
    most = min((n - 1) // 2, math.ceil(n / (span.low + 2)) + 1)
    check_memory("the list of sizes", 250.0 * max(most - least, 0), advice="take a smaller n")
    low, high = span.low * (1 + _ROUNDING), span.high * (1 - _ROUNDING)
    inside = _certain(beta) if certified else lambda a, b: low < a / b < high
    found = [(n - 2 * m, m, m) for m in range(least, most + 1) if inside(n - 2 * m, m)]
    return tuple(sorted(found, key=lambda s: abs(s[0] - s[1])))


def _certain(beta: float) -> Any:
    """Whether r₋<a/b<r₊, in balls of 200 bits."""
    flint: Any = need("flint", "certify", "certified=True")

    def inside(a: int, b: int) -> bool:
        with flint.ctx.workprec(200):
            arb = flint.arb
            size = -arb(beta)
            x_low = (2 / size) / ((1 + 16 / size).sqrt() + 1)
            x_high = 2 * size / (1 + (1 + 4 * size * size).sqrt())
            low, high = (2 * x * (size * (1 - 2 * x) * (1 + x)).exp() for x in (x_high, x_low))
            ratio = arb(a) / b
            return bool(low < ratio) and bool(ratio < high)

    return inside


def three_cluster_bound(beta: float) -> int:
    r"""Return :math:`C_β`: from this number of particles on, three clusters are stable for every n.

    Parameters
    ----------
    beta : float
        Inverse temperature of at most −0.66671; nearer to −2/3 rounding decides.

    Returns
    -------
    int
        The least N such that a stable state (n₀, n₁, n₁) exists for every n≥N.

    Notes
    -----
    Multiples of 3 always have one, (m, m, m). For n≡2 mod 3 the sizes (m, m+1, m+1) are the best,
    for n≡1 the better of (m+1, m, m) and (m−1, m+1, m+1). Near −2/3 it grows as (−β−2/3)⁻².

    Examples
    --------
    >>> from qsyncplug.circle import three_cluster_bound
    >>> three_cluster_bound(-1.0), three_cluster_bound(-0.7)
    (35, 2753)
    """
    span = three_cluster_range(beta)
    above, below = span.high - 1, 1 - span.low
    if min(above, below) < 1e-9:
        raise ValueError(
            f"beta must be at most -0.66671, or rounding would decide the sizes, not {beta!r}"
        )
    two = _least_two(span)
    one = _least_one(span)
    return max(two - 2, one - 2, 3)


def _least_two(span: ThreeClusterRange) -> int:
    """From which n≡2 (mod 3) on there is a stable state, and one for all that follow."""
    n = 3 * math.ceil(1 / (1 - span.low)) + 5
    while n > 2 and three_cluster_sizes(span.beta, n):
        n -= 3
    return n + 3


def _least_one(span: ThreeClusterRange) -> int:
    """From which n≡1 (mod 3) on there is a stable state, and one for all that follow."""
    first = 3 * math.ceil(1 / (span.high - 1)) + 4
    second = 3 * math.ceil(2 / (1 - span.low)) + 4
    n = min(first, second)
    while n > 1 and three_cluster_sizes(span.beta, n):
        n -= 3
    return n + 3


def three_cluster_threshold(n: int) -> float:
    r"""Return the largest β below which n particles have a stable three-cluster state (n₀, n₁, n₁).

    Parameters
    ----------
    n : int
        Number of particles, at least 3.

    Returns
    -------
    float
        −2/3 for multiples of 3; the states exist for β below it, as far down as the range of sizes
        grows.

    Examples
    --------
    >>> from qsyncplug.circle import three_cluster_threshold
    >>> round(three_cluster_threshold(4), 9), round(three_cluster_threshold(7), 9)
    (-2.212427964, -1.716912442)
    """
    n = check_integer("n", n, minimum=3)
    if n % 3 == 0:
        return _END
    m = n // 3
    pairs = [(m, m + 1)] if n % 3 == 2 else [(m + 1, m), (m - 1, m + 1)]
    return max(_edge(Fraction(a - b, b)) for a, b in pairs if a > 0)


def _edge(past: Fraction) -> float:
    """β at which the ratio 1 + `past` enters the range: r₊ grows and r₋ falls with B."""
    goal, side, high = abs(math.log1p(past)), 1 if past > 0 else 0, 2.0

    def before(above: float) -> bool:
        return abs(_logarithms(above)[side]) < goal

    while before(high):
        high *= 2
    return _END - _bisected(0.0, high, before)


def _logarithms(above: float) -> tuple[float, float]:
    """Logarithms of r₋ and r₊ at B = 2/3 + `above`, of x = 1/2 + y.

    Next to 2/3, where they are of the order of `above` squared, nothing of the order of 1 cancels.
    """
    b = above - _END
    root = math.sqrt(1 + 4 * b * b)
    y_high = 6 * b * above / ((4 * b - 1 + root) * (1 + root))
    y_low = -3 * above / (b * (math.sqrt(1 + 16 / b) + 5))
    low, high = (math.log1p(2 * y) - b * y * (3 + 2 * y) for y in (y_high, y_low))
    return low, high


def three_cluster_arcs(beta: float, weights: ArrayLike) -> np.ndarray:
    r"""Return all three-cluster states of the self-attention for given weights, as arcs.

    Parameters
    ----------
    beta : float
        Inverse temperature, \|β\| ≤ 300; 0 is Kuramoto's sine.
    weights : array_like of shape (3,)
        Positive weights :math:`w_i` of the clusters, or their sizes.

    Returns
    -------
    ndarray of shape (S, 3)
        A row for each state: arcs :math:`d_i` opposite to cluster i, of sum 2π. Mirror images are
        one state; exchanges of equal clusters are not.

    Raises
    ------
    ValueError
        The weights are not positive.
    RuntimeError
        Two states merge here, within 1e-6 of an arc, so that their number is not sure (never for
        the sine).

    Notes
    -----
    For the sine there is one state if the weights are the sides of a triangle, and none otherwise:
    its arcs are what the triangle's angles lack of π.

    By the law of sines :math:`F(d_i)=λw_i`. F rises up to τ and falls from there, so each arc is on
    one side of τ or the other: for each of the eight choices two arcs follow from that of the
    heaviest cluster, and one equation in one angle is left, :math:`\sum d_i=2π`. Its interval is
    cut until bounds show that a part cannot hold 2π, or that the sum is monotone there: then
    Newton's method finds the one place. It takes 10 to 100 microseconds.

    Examples
    --------
    >>> from qsyncplug.circle import three_cluster_arcs
    >>> three_cluster_arcs(-2.0, [0.5, 0.3, 0.2]).round(6).tolist()[0]
    [1.885419, 2.994553, 1.403213]
    """
    beta = check_number("beta", beta, minimum=-_LARGEST, maximum=_LARGEST)
    refuse_mask("weights", weights)
    w = check_array("weights", weights, shape=(3,))
    if np.any(w <= 0):
        raise ValueError(f"weights must be three positive numbers, not {w.tolist()}")
    order = np.argsort(-w, kind="stable")
    if beta == 0:
        # a power of two changes no digit
        arcs = _of_triangle(*np.ldexp(w[order], -math.frexp(w.max())[1]).tolist())
    else:
        arcs = _of_attention(beta, w, order)
    out = np.empty((len(arcs), 3))
    out[:, order] = arcs
    return out


def _of_attention(beta: float, w: np.ndarray, order: np.ndarray) -> np.ndarray:
    found = Arcs(beta, *(w[order[1:]] / w[order[0]]))
    if found.unsure:
        raise RuntimeError(
            f"two states of the weights {w.tolist()} merge at beta={beta!r}: their number is not "
            "sure"
        )
    return np.asarray(found.arcs)


def _of_triangle(a: float, b: float, c: float) -> np.ndarray:
    """Of the sine: π minus the angles of the triangle of sides a≥b≥c, if there is one."""
    # differences first (Kahan): they are exact where little is left of them
    rest = np.array([c - (a - b), c + (a - b), a + (b - c)])
    if rest[0] <= 0:
        return np.empty((0, 3))
    # cot of half the angle is (half the girth − side)/(inner radius)
    radius = np.prod(np.sqrt(rest)) / math.sqrt(a + (b + c))
    return np.asarray([2 * np.arctan2(rest, radius)])


def three_cluster_weights(
    interaction: Interaction | Callable[..., Any], gaps: ArrayLike
) -> np.ndarray:
    r"""Return the weights for which three clusters at given distances are at rest:
    :math:`w_i∝F(d_i)`.

    Parameters
    ----------
    interaction : Interaction or callable
        F, odd.
    gaps : array_like of shape (3,)
        Arcs :math:`d_i` between the other two clusters, opposite to cluster i; positive, with sum
        2π.

    Returns
    -------
    ndarray of shape (3,)
        Weights of sum 1 (they may be negative: then no positive weights do it).

    Raises
    ------
    ValueError
        The gaps are not positive or do not add up to 2π; F vanishes at all three.

    Notes
    -----
    The forces on cluster 1 cancel where :math:`w_2F(d_3)=w_3F(d_2)`, and so on: a law of sines, for
    every three-cluster state and every interaction.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import attention, three_cluster_weights
    >>> three_cluster_weights(attention(-2.0), np.full(3, 2 * np.pi / 3)).round(12).tolist()
    [0.333333333333, 0.333333333333, 0.333333333333]
    """
    f: Interaction = as_interaction(interaction)
    refuse_mask("gaps", gaps)
    d = check_array("gaps", gaps, shape=(3,))
    if np.any(d <= 0) or abs(np.sum(d) - 2 * np.pi) > 1e-12:
        raise ValueError(f"gaps must be positive with sum 2π, not {d.tolist()}")
    force = f.f(d)
    total = float(np.sum(force))
    if abs(total) <= 1e-14 * f.peak:
        raise ValueError(f"{f} vanishes at the gaps {d.tolist()}, which fix no weights")
    return np.asarray(force / total)
