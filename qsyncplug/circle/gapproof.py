"""Proof objects of the gap functional: what is claimed, in numbers that can be printed and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..core.saved import Saved
from .gapcheck import check_gap

__all__ = ["GapProof"]


@dataclass(frozen=True, eq=False)
class GapProof(Saved):
    r"""A proof that every stable state of an odd interaction is synchronised; all numbers exact.

    It is for every mean :math:`f=\sum_vs_vf_v+δ` of a few odd trigonometric polynomials,
    :math:`f_v=\sum_kb_{vk}\sin kx`, with a rest of :math:`\sum_kk^3|δ_k|≤` `radius`; which
    inequalities are claimed stands in :mod:`qsyncplug.circle.gapcheck`.

    Attributes
    ----------
    vertices : (V, K) array
        :math:`b_{vk}`, from k=1 on.
    radius : float
        Bound of the rest.
    beta : tuple of (float, float) or None
        Then it also claims that :math:`\sin x\,e^{β(\cos x-1)}` is such a mean for every β between.
    slopes : (N/2+1,) array
        γ' at the distances 2πd/N, linear between them; γ(0)=1.
    short : int
        Gaps up to this many cells are bounded by Euler and Maclaurin's formula.
    tau : int
        f'<0 from this many cells on: at most one gap is longer.
    before, after : (V, N+1) arrays
        ψ at the nodes 2πi/N, before and after that gap, linear between; φ = f″/12 + ψ.
    end : float
        Claimed bound of every :math:`T_j`, below 0.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> proof = qsp.certify_synchronization(qsp.sine()).proof  # needs python-flint
    >>> proof.end < 0, proof.cells > 100
    (True, True)
    """

    _axes: ClassVar[dict[str, str]] = {
        "vertices": "V K",
        "slopes": "S",
        "before": "V C",
        "after": "V C",
    }

    vertices: np.ndarray
    radius: float
    beta: tuple[float, float] | None
    slopes: np.ndarray
    short: int
    tau: int
    before: np.ndarray
    after: np.ndarray
    end: float

    @property
    def cells(self) -> int:
        """N, into how many cells the circle is cut."""
        return int(self.before.shape[1]) - 1

    def verify(self) -> bool:
        """Let the checker look at it, ``check_gap`` of :mod:`qsyncplug.circle.gapcheck`."""
        return check_gap(self)

    def text(self) -> str:
        """Write down every number, in hexadecimal digits, which lose nothing."""
        lines = [f"radius {self.radius.hex()}", f"end {self.end.hex()}"]
        lines += [f"short {self.short}", f"tau {self.tau}"]
        if self.beta is not None:
            lines.append("beta " + " ".join(float(b).hex() for b in self.beta))
        lines.append("slopes " + _digits(self.slopes))
        for name in ("vertices", "before", "after"):
            lines += [f"{name} {_digits(row)}" for row in getattr(self, name)]
        return "\n".join(lines)

    @staticmethod
    def read(text: str) -> GapProof:
        """Read what :meth:`text` wrote down."""
        if not isinstance(text, str):
            raise TypeError(f"text must be what GapProof.text wrote, not {type(text).__name__}")
        try:
            return _read(text)
        except (KeyError, ValueError, IndexError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"text is not what GapProof.text wrote ({what})") from error


def _read(text: str) -> GapProof:
    rows: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        name, *numbers = line.split()
        rows.setdefault(name, []).append(numbers)

    def table(name: str) -> np.ndarray:
        return np.array([[float.fromhex(x) for x in row] for row in rows[name]])

    ends = table("beta")[0].tolist() if "beta" in rows else None
    return GapProof(
        vertices=table("vertices"),
        radius=float(table("radius")[0, 0]),
        beta=None if ends is None else (ends[0], ends[1]),
        slopes=table("slopes")[0],
        short=int(rows["short"][0][0]),
        tau=int(rows["tau"][0][0]),
        before=table("before"),
        after=table("after"),
        end=float(table("end")[0, 0]),
    )


def _digits(row: np.ndarray) -> str:
    return " ".join(float(x).hex() for x in row)
