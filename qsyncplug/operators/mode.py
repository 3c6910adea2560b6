"""Boson modes: b†^p b^q, normal-ordered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from .factor import Factor, Local, Sum

__all__ = ["ModeFactor", "weyl_symbol"]


@lru_cache(maxsize=4096)
def _product(left: Local, right: Local) -> Sum:
    r"""Normal order: b^m b†^n = Σ_k k! C(m,k) C(n,k) b†^{n-k} b^{m-k}."""
    (p1, q1), (p2, q2) = left, right
    return tuple(
        ((p1 + p2 - k, q1 + q2 - k), math.factorial(k) * math.comb(q1, k) * math.comb(p2, k))
        for k in range(min(q1, p2) + 1)
    )


@lru_cache(maxsize=4096)
def weyl_symbol(key: Local) -> Sum:
    """The Weyl symbol of b†^p b^q in powers of β*, β: Σ_k (−½)^k k! C(p,k) C(q,k) β*^{p−k}
    β^{q−k}.
    """
    p, q = key
    return tuple(
        ((p - k, q - k), (-0.5) ** k * math.factorial(k) * math.comb(p, k) * math.comb(q, k))
        for k in range(min(p, q) + 1)
    )


@dataclass(frozen=True)
class ModeFactor(Factor):
    """A boson mode; the monomial (p, q) is b†^p b^q."""

    one: ClassVar[Local] = (0, 0)
    phase: ClassVar[str | None] = "mode"

    def product(self, left: Local, right: Local) -> Sum:
        return _product(left, right)

    def adjoint(self, key: Local) -> Local:
        return (key[1], key[0])

    def degree(self, key: Local) -> int:
        return key[0] + key[1]

    @property
    def charges(self) -> int:
        return 1

    def charge(self, key: Local) -> tuple[int, ...]:
        return (key[0] - key[1],)

    def text(self, name: str, key: Local) -> str:
        parts = zip(key, ("†", ""), strict=True)
        return " ".join(name + mark + (f"^{k}" if k > 1 else "") for k, mark in parts if k)

    def latex(self, name: str, key: Local) -> str:
        p, q = key
        parts = []
        if p:
            parts.append(f"{name}^{{\\dagger{' ' + str(p) if p > 1 else ''}}}")
        if q:
            parts.append(f"{name}^{{{q}}}" if q > 1 else name)
        return r"\,".join(parts)

    def levels(self, cutoff: int | None) -> list[int]:
        if cutoff is None:
            raise TypeError(
                "cutoff is needed: a mode has no last level; give the number of Fock levels to keep"
            )
        return [cutoff]

    def labels(self, levels: list[int]) -> Any:
        return np.arange(levels[0])[:, None]

    def matrix(self, key: Local, levels: list[int]) -> Any:
        """Every element from its closed form: those of the untruncated operator."""
        (p, q), size = key, levels[0]
        n = np.arange(q, size + min(0, q - p))
        value = np.ones(len(n))
        for k in range(q):
            value *= np.sqrt(n - k)
        for k in range(p):
            value *= np.sqrt(n - q + k + 1)
        return scipy.sparse.csr_matrix((value.astype(complex), (n - q + p, n)), shape=(size, size))
