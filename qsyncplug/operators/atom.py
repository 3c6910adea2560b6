"""Ensembles of N identical two-level atoms: sums over distinct sites of products of σ+, σ+σ− and
σ−.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse

from ..core.checks import check_memory
from .factor import LadderFactor, Local, Sum

__all__ = ["AtomFactor"]

#: (p, e, m) of the letters σ+, σ+σ−, σ−
LETTERS = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def _falling(n: int, k: int) -> int:
    return math.perm(n, k) if 0 <= k <= n else 0


@lru_cache(maxsize=4096)
def _product(N: int, left: Local, right: Local) -> Sum:
    """Sum over the partial matchings of the sites of two monomials.

    Two operators on one site: (+,−)→e, (−,+)→1−e, (e,+)→+, (−,e)→−, (e,e)→e, all others 0;
    a, b, c, g, h count these pairs.
    """
    (p1, e1, m1), (p2, e2, m2) = left, right
    terms: dict[Local, int] = {}
    ranges = (
        range(min(p1, m2) + 1),
        range(min(m1, p2) + 1),
        range(min(e1, p2) + 1),
        range(min(m1, e2) + 1),
        range(min(e1, e2) + 1),
    )
    for a, b, c, g, h in itertools.product(*ranges):
        weight = _falling(p1, a) * _falling(m1, b + g) * _falling(e1, c + h)
        weight *= _falling(m2, a) * _falling(p2, b + c) * _falling(e2, g + h)
        if not weight:
            continue
        weight //= math.prod(map(math.factorial, (a, b, c, g, h)))
        p, m = p1 - a + p2 - b, m1 - b + m2 - a
        e = e1 + e2 + a - c - g - h
        for k in range(b + 1):
            # (1−e)^b: the sites that are left by 1 can be any of those not in use
            used = p + e + k + m
            if used > N:
                continue
            free = math.comb(b, k) * (-1) ** k * _falling(N - used, b - k)
            key = (p, e + k, m)
            terms[key] = terms.get(key, 0) + weight * free
    return tuple((key, value) for key, value in terms.items() if value)


@dataclass(frozen=True)
class AtomFactor(LadderFactor):
    """N atoms; the monomial (p, e, m) is Σ over distinct sites of σ+^p (σ+σ−)^e σ−^m."""

    N: int

    def product(self, left: Local, right: Local) -> Sum:
        return _product(self.N, left, right)

    def text(self, name: str, key: Local) -> str:
        parts = [f"{name}{'+e-'[k]}" + (f"^{n}" if n > 1 else "") for k, n in enumerate(key) if n]
        # an ordinary product only where one operator stands alone
        return parts[0] if len(parts) == 1 and sum(key) == 1 else "Σ(" + " ".join(parts) + ")"

    def latex(self, name: str, key: Local) -> str:
        marks = (r"\sigma^{+}", r"\sigma^{ee}", r"\sigma^{-}")
        sites = [
            rf"\left({marks[k]}\right)^{{{n}}}" if n > 1 else marks[k]
            for k, n in enumerate(key)
            if n
        ]
        # several sites are of different atoms
        distinct = r"^{\neq}" if sum(key) > 1 else ""
        return rf"\sum_{{{name}}}{distinct}" + "".join(sites)

    def levels(self, cutoff: int | None) -> list[int]:
        check_memory(
            f"the {self.N} atoms one by one",
            16.0 * 2.0 ** min(self.N, 1000),
            advice="use qsp.steadystate or a cumulant closure, which need symmetric states alone",
        )
        return [2] * self.N

    def labels(self, levels: list[int]) -> Any:
        # the excited state first, as in QuTiP
        count = np.zeros(1, dtype=int)
        for _ in levels:
            count = (count[:, None] + np.array([1, 0])[None, :]).ravel()
        return count[:, None]

    def matrix(self, key: Local, levels: list[int]) -> Any:
        """Summed over the sites, each atom a qubit with the excited state first."""
        return _matrix(self.N, key)

    def site(self, letter: Local, at: int) -> Any:
        """Matrix of one letter on the atom `at` of N, (2^N, 2^N) sparse: only small ensembles are
        built.
        """
        p, e, m = letter
        site = scipy.sparse.csr_matrix(_SITE[p, e, m])
        left = scipy.sparse.identity(2**at, dtype=complex)
        right = scipy.sparse.identity(2 ** (self.N - at - 1), dtype=complex)
        return scipy.sparse.kron(scipy.sparse.kron(left, site), right, format="csr")


_SITE = {
    LETTERS[0]: np.array([[0, 1], [0, 0]], dtype=complex),
    LETTERS[1]: np.array([[1, 0], [0, 0]], dtype=complex),
    LETTERS[2]: np.array([[0, 0], [1, 0]], dtype=complex),
}


@lru_cache(maxsize=256)
def _matrix(N: int, key: Local) -> Any:
    """Atom by atom: the new one is idle, or takes one of the letters that are left."""
    if min(key) < 0 or sum(key) > N:
        return None
    if N == 0:
        return scipy.sparse.identity(1, dtype=complex, format="csr")
    total: Any = None
    for letter in (None, *LETTERS):
        rest = key if letter is None else tuple(x - y for x, y in zip(key, letter, strict=True))
        smaller = _matrix(N - 1, rest)
        if smaller is None:
            continue
        site = np.eye(2, dtype=complex) if letter is None else _SITE[letter]
        # which of the equal operators sits here does not matter: each order is one term of the sum
        # over distinct sites
        weight = 1 if letter is None else key[LETTERS.index(letter)]
        part = weight * scipy.sparse.kron(smaller, site, format="csr")
        total = part if total is None else total + part
    return total
