"""The symbols that a user writes with: modes, spins, levels and ensembles of atoms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.checks import check_integer
from .atom import AtomFactor
from .expression import Expression
from .factor import Local
from .individual import EachSite
from .level import LevelFactor
from .mode import ModeFactor
from .spin import SpinFactor
from .symbol import Symbol, named, new_space
from .terms import Key, Monomial, add_term

__all__ = [
    "Atoms",
    "Level",
    "Mode",
    "Spin",
    "atoms",
    "handle",
    "levels",
    "modes",
    "spins",
]


class Mode(Expression):
    """The annihilation operator of a boson mode; unlike other expressions it can be a key of a
    dict.
    """

    __slots__ = ("symbol",)

    def __init__(self, symbol: Symbol):
        super().__init__((symbol.space,), {(((symbol, (0, 1)),), ()): 1.0 + 0j})
        self.symbol = symbol

    def __hash__(self) -> int:
        return hash(self.symbol)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Mode, (self.symbol,))


class _Handle:
    """What spins, levels and atoms share: a symbol, equality by identity of the symbol."""

    __slots__ = ("symbol",)

    def __init__(self, symbol: Symbol):
        self.symbol = symbol

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.symbol is self.symbol

    def __hash__(self) -> int:
        return hash(self.symbol)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.symbol,))

    def __repr__(self) -> str:
        return self.symbol.name

    @property
    def one(self) -> Expression:
        """The identity of the space."""
        return Expression((self.symbol.space,), {((), ()): 1.0 + 0j})

    def _expression(self, *parts: tuple[Local, complex]) -> Expression:
        one = self.symbol.factor.one
        terms: dict[Key, complex] = {}
        for key, value in parts:
            monomial: Monomial = () if key == one else ((self.symbol, key),)
            add_term(terms, (monomial, ()), complex(value))
        return Expression((self.symbol.space,), terms)


class _Vector(_Handle):
    """What spins and ensembles share: S_x and S_y are halves of the sum and difference of S_+ and
    S_−.
    """

    __slots__ = ()
    x = property(lambda self: self._expression(((1, 0, 0), 0.5), ((0, 0, 1), 0.5)))
    y = property(lambda self: self._expression(((1, 0, 0), -0.5j), ((0, 0, 1), 0.5j)))
    p = property(lambda self: self._expression(((1, 0, 0), 1)))
    m = property(lambda self: self._expression(((0, 0, 1), 1)))

    @property
    def N(self) -> int:
        """Number of spins ½ or two-level atoms that it is made of; 2J of a spin J."""
        return self.symbol.N


class Spin(_Vector):
    """A spin J=N/2, the symmetric states of N spins ½.

    Attributes
    ----------
    x, y, z, p, m : Expression
        S_x, S_y, S_z, S_+=S_x+iS_y and S_−; [S_+, S_−]=2S_z.
    N : int
        2J.
    """

    __slots__ = ()
    z = property(lambda self: self._expression(((0, 1, 0), 1)))

    @property
    def each(self) -> Any:
        """Individual jumps leave the symmetric states: only atoms have them."""
        raise TypeError(
            f"a jump of each spin of {self} leaves its symmetric states; make it with "
            f"qsyncplug.atoms({self.N})"
        )


class Level(_Handle):
    """A system of d levels: ``s[i, j]`` is |i⟩⟨j|."""

    __slots__ = ()

    @property
    def d(self) -> int:
        """Number d of levels; ``s[i, j]`` takes i and j from 0 to d−1."""
        return self._factor.d

    @property
    def _factor(self) -> LevelFactor:
        factor = self.symbol.factor
        assert isinstance(factor, LevelFactor)
        return factor

    def __getitem__(self, key: Any) -> Expression:
        if not (isinstance(key, tuple) and len(key) == 2):
            raise TypeError(f"{self} takes two levels, {self}[i, j]=|i⟩⟨j|, not {key!r}")
        i, j = (check_integer("a level", k, minimum=0, maximum=self.d - 1) for k in key)
        return self._expression(*self._factor.element(i, j))


class Atoms(_Vector):
    """An ensemble of N identical two-level atoms.

    Attributes
    ----------
    x, y, z, p, m : Expression
        Sums over the atoms: Σσx/2, Σσy/2, Σσz/2, Σσ+ and Σσ−.
    each : EachAtom
        ``each.p``, ``each.m``, ``each.z``: a jump of every atom (σz/2 for z); for jumps only.
    N : int
        Number of atoms.
    """

    __slots__ = ()
    z = property(lambda self: self._expression(((0, 1, 0), 1), ((0, 0, 0), -0.5 * self.N)))

    @property
    def each(self) -> EachSite:
        """Operators of single atoms, such as ``A.each.m``, for jumps that every atom makes by
        itself.
        """
        return EachSite(self.symbol)


def handle(symbol: Symbol) -> Mode | Spin | Level | Atoms:
    """What the user writes for a symbol."""
    for factor, kind in (
        (ModeFactor, Mode),
        (SpinFactor, Spin),
        (LevelFactor, Level),
        (AtomFactor, Atoms),
    ):
        if isinstance(symbol.factor, factor):
            return kind(symbol)
    raise TypeError(f"{symbol} is of no known kind")


def modes(n: int, names: Iterable[str] | None = None) -> tuple[Mode, ...]:
    """Make the annihilation operators of `n` boson modes.

    Parameters
    ----------
    n : int
        Number of modes.
    names : sequence of str, optional
        For printing; ``b1, b2, …`` by default.

    Returns
    -------
    tuple of Mode
        One annihilation operator a mode; combine them with ``+ - * **``, ``.dag()`` and scalars.

    Raises
    ------
    ValueError
        `names` do not fit.
    MemoryLimitError
        So many symbols do not fit into memory.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b1, b2 = qsp.modes(2)
    >>> b1 * b1.dag()
    b1† b1 + 1
    """
    n = check_integer("n", n, minimum=1)
    labels = named(n, names, "b")
    return tuple(Mode(s) for s in new_space("modes", [ModeFactor()] * n, labels).symbols)


def _sizes(
    name: str, values: tuple[Any, ...], minimum: int, maximum: int | None = None
) -> list[int]:
    if not values:
        raise TypeError(f"{name} is missing: give one number for each")
    return [check_integer(name, v, minimum=minimum, maximum=maximum) for v in values]


def spins(*N: int, names: Iterable[str] | None = None) -> tuple[Spin, ...]:
    """Make spins J=N/2: the symmetric states of N spins ½.

    Parameters
    ----------
    *N : int
        2J of each: 1 is a spin ½, 2 a spin 1.
    names : sequence of str, optional
        For printing; ``S1, S2, …`` by default.

    Returns
    -------
    tuple of Spin
        Each with ``.x .y .z .p .m``.

    Raises
    ------
    ValueError
        A number is below 1, or `names` do not fit.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> S, = qsp.spins(2)
    >>> S.m * S.p
    S1+ S1- - 2 S1z
    >>> S.x**2 + S.y**2 + S.z**2 == 2
    True
    """
    labels, sizes = named(len(N), names, "S"), _sizes("N", N, 1)
    space = new_space("spins", [SpinFactor(n) for n in sizes], labels)
    return tuple(Spin(s) for s in space.symbols)


def levels(*d: int, names: Iterable[str] | None = None) -> tuple[Level, ...]:
    """Make systems of d levels.

    Parameters
    ----------
    *d : int
        Number of levels of each, at least 2.
    names : sequence of str, optional
        For printing; ``s1, s2, …`` by default.

    Returns
    -------
    tuple of Level
        ``s[i, j]`` is |i⟩⟨j|.

    Raises
    ------
    ValueError
        A number is below 2, or `names` do not fit.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> s, = qsp.levels(3)
    >>> s[0, 1] * s[1, 2]
    s1[0,2]
    >>> s[0, 0] + s[1, 1] + s[2, 2] == 1
    True
    """
    labels, sizes = named(len(d), names, "s"), _sizes("d", d, 2, 10**5)
    space = new_space("levels", [LevelFactor(n) for n in sizes], labels)
    return tuple(Level(s) for s in space.symbols)


def atoms(*N: int, names: Iterable[str] | None = None) -> tuple[Atoms, ...]:
    """Make ensembles of N identical two-level atoms.

    Parameters
    ----------
    *N : int
        Number of atoms of each ensemble.
    names : sequence of str, optional
        For printing; ``A1, A2, …`` by default.

    Returns
    -------
    tuple of Atoms
        Each with the sums ``.x .y .z .p .m`` and the jumps of every atom ``.each.p .m .z``.

    Raises
    ------
    ValueError
        A number is below 1, or `names` do not fit.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> A, = qsp.atoms(10)
    >>> A.m * A.p - A.p * A.m == -2 * A.z
    True
    >>> 0.5 * A.each.p
    each(0.5 A1+)
    """
    labels, sizes = named(len(N), names, "A"), _sizes("N", N, 1)
    space = new_space("atoms", [AtomFactor(n) for n in sizes], labels)
    return tuple(Atoms(s) for s in space.symbols)
