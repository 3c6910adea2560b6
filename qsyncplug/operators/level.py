"""Systems of d levels: 1 and |i⟩⟨j| without |0⟩⟨0|."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from .factor import Factor, Local, Sum

__all__ = ["LevelFactor"]


@dataclass(frozen=True)
class LevelFactor(Factor):
    """A system of d levels; the monomial (i, j) is |i⟩⟨j|, and () is 1."""

    d: int
    one: ClassVar[Local] = ()

    def element(self, i: int, j: int) -> Sum:
        """|i⟩⟨j|, where |0⟩⟨0| is 1 − Σ|k⟩⟨k|."""
        if i or j:
            return (((i, j), 1.0),)
        return (((), 1.0), *(((k, k), -1.0) for k in range(1, self.d)))

    def product(self, left: Local, right: Local) -> Sum:
        if not left or not right:
            return ((left or right, 1.0),)
        return self.element(left[0], right[1]) if left[1] == right[0] else ()

    def adjoint(self, key: Local) -> Local:
        return key[::-1]

    def degree(self, key: Local) -> int:
        return 1 if key else 0

    @property
    def charges(self) -> int:
        # every level but the first has a label of its own: fixed labels would miss charges
        return self.d - 1

    def charge(self, key: Local) -> tuple[int, ...]:
        out = [0] * self.d
        if key:
            out[key[0]] += 1
            out[key[1]] -= 1
        return tuple(out[1:])

    def text(self, name: str, key: Local) -> str:
        return f"{name}[{key[0]},{key[1]}]" if key else ""

    def latex(self, name: str, key: Local) -> str:
        return rf"|{key[0]}\rangle\langle {key[1]}|_{{{name}}}" if key else ""

    def levels(self, cutoff: int | None) -> list[int]:
        return [self.d]

    def labels(self, levels: list[int]) -> Any:
        return np.eye(self.d, dtype=int)[:, 1:]

    def matrix(self, key: Local, levels: list[int]) -> Any:
        if not key:
            return scipy.sparse.identity(self.d, dtype=complex, format="csr")
        return scipy.sparse.csr_matrix(([1.0 + 0j], ([key[0]], [key[1]])), shape=(self.d, self.d))
