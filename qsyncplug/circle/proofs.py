"""Proof by interval arithmetic that particles with an odd interaction synchronise."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.checks import check_number
from ..core.errors import StorageError
from ..core.extras import need
from ..core.interrupts import whole_or_nothing
from ..core.saved import Saved
from .callables import interaction as as_interaction
from .gapcheck import attention_distance, check_gap
from .gapproof import GapProof
from .gapsearch import Edges, attention_vertex, best_gamma, make_proof
from .interactions import Interaction

__all__ = ["SynchronizationCertificate", "certify_synchronization"]

#: cells of the circle in the first attempt and in the last
_CELLS = (192, 6144)
#: coefficients for which these are fine enough
_MOST = _CELLS[1] // 12


@dataclass(frozen=True)
class SynchronizationCertificate(Saved):
    r"""What is proved about one odd interaction.

    Attributes
    ----------
    interaction : Interaction
        F.
    tail : float
        Bound of :math:`\sum_kk^3|δ_k|` of what F may differ by from the series.
    certified : bool
        Whether it is proved that every stable state is synchronised.
    value : float
        Gap functional of F/F'(0) on a grid, which the search went by; NaN if there was none.
    reason : str
        Why nothing is proved; empty if something is.
    scale : float
        The proof is about F times this power of two.
    proof : GapProof or None
        What the checker has checked.
    seconds : float
        Time taken.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> bool(qsp.certify_synchronization(qsp.fourier([1.0, -0.2])))  # needs python-flint
    True
    """

    interaction: Interaction
    tail: float
    certified: bool
    value: float
    reason: str
    scale: float
    proof: GapProof | None
    seconds: float

    def __bool__(self) -> bool:
        """True where it is proved; False says that nothing is, never that it does not hold."""
        return self.certified

    @classmethod
    def _made_of(cls, found: dict[str, Any]) -> SynchronizationCertificate:
        if found["certified"] != (found["proof"] is not None):
            raise StorageError("a certificate has a proof, and nothing else has")
        return cls(**found)

    @property
    def statement(self) -> str:
        """What is proved, as a sentence."""
        if not self.certified or self.proof is None:
            return f"not certified: {self.reason}"
        rest = f", up to a rest with Σk³|δ_k| ≤ {self.tail:.6g}" if self.tail else ""
        return (
            f"for {self.interaction}{rest}, every stable stationary point of systems S1–S4 is "
            "synchronised, for any number of particles and any weights, and almost every initial "
            "state synchronises if F is analytic: gap functional, proved in "
            f"{self.proof.cells} cells, T_j ≤ {self.proof.end / self.scale:.4g}"
        )

    def verify(self) -> bool:
        """Let the checker look at the proof once more, and whether it is about this interaction.

        False if there is none.
        """
        proof = self.proof
        if not self.certified or proof is None:
            return False
        b, beta, scale = _series(self.interaction)
        rest = self.tail * scale
        if beta is None:
            about = proof.beta is None and np.array_equal(proof.vertices, b[None] * scale)
        else:
            lo, hi = proof.beta or (math.inf, -math.inf)
            about = lo <= beta[0] <= hi
            rest += attention_distance(lo, hi, proof.vertices)
        return bool(about and scale == self.scale and rest <= proof.radius and proof.verify())

    def __str__(self) -> str:
        return self.statement


@whole_or_nothing
def certify_synchronization(
    interaction: Interaction, *, tail: float = 0.0
) -> SynchronizationCertificate:
    r"""Prove that every stable state of particles with an odd interaction is synchronised.

    Parameters
    ----------
    interaction : Interaction
        ``sine()``, ``fourier(b)`` of any b, whose binary values are taken as exact, or
        ``attention(beta)`` with −1≤β≤0 (others: :func:`certify_attention`).
    tail : float
        For functions that are not quite these: a bound of :math:`\sum_kk^3|δ_k|` of the difference,
        of terms left out as of uncertain ones. The proof is then for all of them.

    Returns
    -------
    SynchronizationCertificate
        True where it is proved; else ``reason`` says what did not hold.

    Raises
    ------
    ImportError
        python-flint is not installed.
    ValueError
        A callable, whose coefficients are known to rounding only: take ``fourier`` of them with a
        `tail`. More than 512 coefficients.

    Notes
    -----
    By the gap functional of :func:`synchronization_criterion`: F>0 on (0, π), F'(π)<0, and for one
    γ>0 every :math:`T_j<0`. The search is in floating point; :meth:`GapProof.verify` proves
    what it finds.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> certificate = qsp.certify_synchronization(qsp.sine())
    >>> certificate.certified, certificate.verify()
    (True, True)
    >>> print(qsp.certify_synchronization(qsp.fourier([1.0, 0.0, 0.2])))  # the triangle is stable
    not certified: the gap functional reaches 0.031: the criterion is sufficient, not necessary
    """
    f = as_interaction(interaction)
    tail = check_number("tail", tail, minimum=0.0)
    b, beta, scale = _series(f)
    need("flint", "certify", "certify_synchronization")
    begin = time.perf_counter()
    value, reason, proof = _attempts(b * scale, tail * scale, beta)
    return SynchronizationCertificate(
        f, tail, proof is not None, value, reason, scale, proof, time.perf_counter() - begin
    )


def _series(f: Interaction) -> tuple[np.ndarray, tuple[float, float] | None, float]:
    """Coefficients, the interval of β if they are not exact, and the power of two for them."""
    if (count := len(getattr(f, "b", ()))) > _MOST:
        raise ValueError(
            f"interaction must have at most {_MOST} coefficients here, not {count}: leave the "
            "rest out and bound it by `tail`"
        )
    if f.kind == "fourier" or f.kind == "sine":
        b = np.asarray(f.coefficients(1e-300) if f.kind == "fourier" else np.ones(1))
        slope = abs(float(np.sum(b * np.arange(1, b.size + 1))))
        size = slope if slope > 0 else float(np.max(np.abs(b)))
        return b, None, 2.0 ** -round(math.log2(size))
    if f.kind == "attention" and -1 <= f.beta <= 0:
        return attention_vertex(f.beta), (f.beta, f.beta), 1.0
    if f.kind == "attention":
        raise ValueError(
            f"interaction must have -1 <= beta <= 0 here, not {f}: certify_attention is for the "
            "others"
        )
    raise ValueError(
        f"interaction must be given by coefficients that are exact, not {f}: take "
        "fourier(interaction.coefficients()) and a bound `tail` of the rest"
    )


def _attempts(
    b: np.ndarray, radius: float, beta: tuple[float, float] | None
) -> tuple[float, str, GapProof | None]:
    """Gap functional, why nothing is proved, and the proof."""
    first = 4 * math.ceil(max(_CELLS[0], 12 * b.size) / 4)
    k = np.arange(1, b.size + 1)
    x = np.linspace(0, np.pi, 4 * first + 1)
    slope, at_pi = float(np.sum(k * b)), float(np.sum(k * b * (-1.0) ** k))
    if not (slope > 0 and at_pi < 0 and np.min(np.sin(np.outer(x[1:-1], k)) @ b) > 0):
        return math.nan, "it needs F>0 on (0, π) and F′(π)<0", None
    if beta is not None:
        radius = radius + attention_distance(*beta, b[None].repeat(2, 0)) * (1 + 1e-9)
    vertices = b[None] if beta is None else b[None].repeat(2, 0)
    cells, knots, value = first, 24, math.nan
    while cells <= _CELLS[1]:
        found, slopes = best_gamma(Edges(b, cells), knots, rounds=300)
        value = found / slope
        # a finer γ gains a little, once
        if value >= (_HOPELESS if knots == 24 else 0):
            return value, f"the gap functional reaches {value:.2g}: {_SUFFICIENT}", None
        for size in (cells, 2 * cells, 4 * cells) if value < 0 else ():
            proof = make_proof(vertices, radius, slopes, size, max(3, size // 64), beta)
            if proof is not None and check_gap(proof):
                return value, "", proof
        cells, knots = 4 * cells, 48
    return value, f"the gap functional is about {value:.2g}, which balls do not decide", None


_HOPELESS = 2e-3
_SUFFICIENT = "the criterion is sufficient, not necessary"
