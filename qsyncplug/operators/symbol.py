"""Symbols of the operator algebra: which tensor factor an operator acts on, kept through
pickling.
"""

from __future__ import annotations

import secrets
import time
import weakref
from collections.abc import Iterable, Sequence

from ..core.checks import check_memory, check_sequence
from ..core.late import ProcessLock
from .factor import Factor, LadderFactor

__all__ = ["Space", "Symbol", "named", "new_space", "restore_space"]

#: bytes that a symbol, its name and its operators take
_SYMBOL_BYTES = 2000
_lock = ProcessLock()
_known: weakref.WeakValueDictionary[tuple[int, int], Space] = weakref.WeakValueDictionary()


class Symbol:
    """One tensor factor: a mode, a spin, a level or an ensemble.

    Two symbols are the same only if one call made both: a copy, an unpickled symbol included.
    """

    __slots__ = ("factor", "index", "name", "rank", "space")

    def __init__(self, space: Space, index: int, factor: Factor, name: str):
        self.space = space
        self.index = index
        self.factor = factor
        self.name = name
        #: canonical order of the factors of a term: by the time of the call, then by position
        self.rank = (*space.stamp, index)

    def __repr__(self) -> str:
        return self.name

    @property
    def N(self) -> int:
        """Number of spins ½ of a spin, of atoms of an ensemble."""
        if not isinstance(self.factor, LadderFactor):
            raise TypeError(f"{self} is neither a spin nor an ensemble of atoms")
        return self.factor.N

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return (_symbol, (self.space, self.index))


class Space:
    """The symbols that one call of ``modes``, ``spins``, ``levels`` or ``atoms`` made."""

    __slots__ = ("__weakref__", "maker", "stamp", "symbols")

    def __init__(
        self, maker: str, stamp: tuple[int, int], factors: Sequence[Factor], names: Sequence[str]
    ):
        self.maker = maker
        self.stamp = stamp
        self.symbols = tuple(
            Symbol(self, k, f, n) for k, (f, n) in enumerate(zip(factors, names, strict=True))
        )

    @property
    def n(self) -> int:
        """Number of symbols, which is the number of tensor factors."""
        return len(self.symbols)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the symbols in the order of the tensor factors."""
        return tuple(s.name for s in self.symbols)

    def __repr__(self) -> str:
        return f"{self.maker} {', '.join(self.names[:6])}{', …' if self.n > 6 else ''}"

    def __copy__(self) -> Space:
        return self

    def __deepcopy__(self, memo: object) -> Space:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return (
            restore_space,
            (self.maker, self.stamp, tuple(s.factor for s in self.symbols), self.names),
        )


def restore_space(
    maker: str, stamp: tuple[int, int], factors: Sequence[Factor], names: Sequence[str]
) -> Space:
    """The space with this stamp: the one that lives in this process, or a new one."""
    with _lock:
        known = _known.get(stamp)
        if known is None:
            known = Space(maker, stamp, factors, names)
            _known[stamp] = known
    return known


def _symbol(space: Space, index: int) -> Symbol:
    return space.symbols[index]


def named(n: int, names: Iterable[str] | str | None, stem: str) -> tuple[str, ...]:
    """`n` different names, ``stem1, stem2, …`` by default."""
    check_memory(f"the operators of {n} symbols", n * _SYMBOL_BYTES, advice="make fewer")
    if names is None:
        return tuple(f"{stem}{k + 1}" for k in range(n))
    labels = (names,) if isinstance(names, str) else check_sequence("names", names, "texts")
    if not all(isinstance(label, str) for label in labels):
        raise TypeError(f"names must be texts, not {labels!r:.60}")
    if len(labels) != n or len(set(labels)) != n:
        raise ValueError(f"names must hold {n} different names, not {labels}")
    return labels


def new_space(maker: str, factors: Sequence[Factor], names: Sequence[str]) -> Space:
    """A space that no other call has made, in this process or another."""
    return restore_space(maker, (time.time_ns(), secrets.randbits(63)), factors, names)
