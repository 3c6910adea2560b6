"""What the algebra asks of one tensor factor: a finite closed set of rules for its monomials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

__all__ = ["Factor", "LadderFactor", "Local", "Sum"]

#: a monomial of one factor; each factor says what its numbers mean
Local = tuple[int, ...]
#: monomials with their weights
Sum = tuple[tuple[Local, complex], ...]


class Factor(ABC):
    """One tensor factor: how its monomials multiply, conjugate, count, print and become matrices.

    A subclass is a frozen dataclass of its parameters, so that factors compare and pickle by value.
    """

    #: what turns its phase: a "mode", a "spin" (m=J first), or None where there is no one phase
    phase: ClassVar[str | None] = None

    #: the monomial 1
    one: ClassVar[Local]

    @abstractmethod
    def product(self, left: Local, right: Local) -> Sum:
        """`left` times `right` as a sum of ordered monomials."""

    @abstractmethod
    def adjoint(self, key: Local) -> Local:
        """The Hermitian conjugate of a monomial."""

    @abstractmethod
    def degree(self, key: Local) -> int:
        """Number of operators in a monomial."""

    @property
    @abstractmethod
    def charges(self) -> int:
        """How many independent labels the levels of this factor carry."""

    @abstractmethod
    def charge(self, key: Local) -> tuple[int, ...]:
        """By how much a monomial raises each of these labels."""

    def canonical(self, key: Local) -> Sum:
        """The monomial in a basis of the matrix algebra, in which zero has no other name."""
        return ((key, 1.0),)

    @abstractmethod
    def text(self, name: str, key: Local) -> str:
        """For printing, `name` being that of the symbol."""

    @abstractmethod
    def latex(self, name: str, key: Local) -> str:
        """For LaTeX, `name` being that of the symbol in LaTeX."""

    @abstractmethod
    def levels(self, cutoff: int | None) -> list[int]:
        """Dimensions of the space it is represented on (several where it is a tensor product)."""

    @abstractmethod
    def labels(self, levels: list[int]) -> Any:
        """The labels that its charges change, for every basis state, shape (product of levels,
        charges).
        """

    @abstractmethod
    def matrix(self, key: Local, levels: list[int]) -> Any:
        """A monomial as a sparse matrix (CSR) on these levels."""


class LadderFactor(Factor):
    """A node whose monomials are (raised, middle, lowered): how often each operator stands."""

    #: spins ½ or atoms
    N: int
    one: ClassVar[Local] = (0, 0, 0)

    def adjoint(self, key: Local) -> Local:
        """Raising and lowering operators change places."""
        return (key[2], key[1], key[0])

    def degree(self, key: Local) -> int:
        return sum(key)

    @property
    def charges(self) -> int:
        """The excitation number alone."""
        return 1

    def charge(self, key: Local) -> tuple[int, ...]:
        """By how much the excitation number rises."""
        return (key[0] - key[2],)
