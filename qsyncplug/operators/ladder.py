"""What spins and ensembles of atoms share: monomials of raising, middle and lowering operators."""

from __future__ import annotations

from typing import ClassVar

from .factor import Factor, Local

__all__ = ["LadderFactor"]


class LadderFactor(Factor):
    """A node whose monomials are (raised, middle, lowered): how often each operator stands."""

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
