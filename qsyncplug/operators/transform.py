"""Maps: spins as sums over atoms or as Holstein–Primakoff bosons, modes as levels; systems build
themselves of them.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.checks import check_choice, check_integer
from .expression import Expression
from .handle import Atoms, Level, Mode, Spin, atoms, levels, modes, spins
from .individual import EachAtom
from .matrices import symbol_levels
from .mode import ModeFactor
from .spin import SpinFactor
from .symbol import Symbol

__all__ = [
    "Mapped",
    "as_atoms",
    "as_levels",
    "expanded_root",
    "holstein_primakoff",
    "lowered_levels",
    "root_coefficients",
    "substituted",
]


def _long_spins(system: Any) -> list[Symbol]:
    return [s for s in system.symbols if isinstance(s.factor, SpinFactor) and s.factor.N > 1]


def _spins_beside(
    long: list[Symbol], images: dict[Symbol, tuple[Expression, ...]]
) -> dict[Symbol, Symbol]:
    """New symbols for the spins ½ that one call made together with longer ones, which are replaced:
    a call is kept or replaced whole. Their images are added.
    """
    calls = dict.fromkeys(s.space for s in long)
    short = [s for space in calls for s in space.symbols if s.N == 1]
    made: tuple[Spin, ...] = ()
    if short:
        made = spins(*[1] * len(short), names=[f"{s.name}half" for s in short])
    images |= {s: (x.p, x.z, x.m) for s, x in zip(short, made, strict=True)}
    return {s: x.symbol for s, x in zip(short, made, strict=True)}


def substituted(
    expression: Expression, images: Mapping[Symbol, tuple[Expression, ...]]
) -> Expression:
    """The expression with S+, Sz, S− of some spins, or b†, b of some modes, replaced in the order
    in which they stand.
    """
    total: Expression | None = None
    for (monomial, factors), value in expression.terms.items():
        rest = tuple((s, x) for s, x in monomial if s not in images)
        spaces = tuple(s for s in expression.spaces)
        term = Expression(spaces, {(rest, factors): value})
        for symbol, powers in monomial:
            if symbol in images:
                for image, power in zip(images[symbol], powers, strict=True):
                    for _ in range(power):
                        term = term * image
        total = term if total is None else total + term
    return expression if total is None else total


@dataclass(frozen=True)
class Mapped:
    """What the image of a system is made of.

    Attributes
    ----------
    hamiltonian : Expression
    jumps : list
    order : list of Symbol
    table : dict
        From the symbols that were replaced to those that take their place.
    """

    hamiltonian: Expression
    jumps: list[Any]
    order: list[Symbol]
    table: dict[Symbol, Symbol]


def _mapped(system: Any, images: Mapping[Symbol, Any], new: dict[Symbol, Symbol]) -> Mapped:
    keep = [s for s in system.hamiltonian.spaces if not all(x in images for x in s.symbols)]

    def image(e: Any) -> Any:
        if isinstance(e, EachAtom):
            return e
        out = substituted(e, images)
        own = [s for s in out.spaces if s in keep or any(s is x.space for x in new.values())]
        return Expression(tuple(own), out.terms)

    H = image(system.hamiltonian)
    for s in images:
        H = H + 0 * images[s][-1]
    order = [new.get(s, s) for s in system.symbols]
    if any(s not in H.symbols for s in order):
        H = H + Expression(tuple(keep))
    if left := [s for s in H.symbols if s not in order]:
        raise ValueError(f"symbols of one call cannot be replaced in part: {left}")
    return Mapped(H, [image(j) for j in system.jumps], order, new)


def as_atoms(system: Any) -> Mapped:
    """Every spin of two or more spins ½ as a sum over distinct atoms."""
    long = _long_spins(system)
    made: tuple[Atoms, ...] = ()
    if long:
        sizes = [s.N for s in long]
        made = atoms(*sizes, names=[f"{s.name}atoms" for s in long])
    images: dict[Symbol, tuple[Expression, ...]] = {}
    new = _spins_beside(long, images)
    for s, a in zip(long, made, strict=True):
        images[s], new[s] = (a.p, a.z, a.m), a.symbol
    return _mapped(system, images, new)


def as_levels(system: Any, cutoff: int | Sequence[int]) -> Mapped:
    """Every mode as the levels of its lowest Fock states; see :meth:`.System.as_levels`."""
    own = [s for s in system.symbols if isinstance(s.factor, ModeFactor)]
    sizes = [dims[0] for dims in symbol_levels(own, cutoff)]
    names = [f"{s.name}levels" for s in own]
    made = levels(*sizes, names=names) if own else ()
    new = {s: x.symbol for s, x in zip(own, made, strict=True)}
    return _mapped(system, {s: lowered_levels(x) for s, x in new.items()}, new)


def lowered_levels(symbol: Symbol) -> tuple[Expression, Expression]:
    """b† and b of a mode whose lowest Fock states are the levels of a symbol."""
    level = Level(symbol)
    b = level[0, 1]
    for n in range(2, level.d):
        b = b + math.sqrt(n) * level[n - 1, n]
    return b.dag(), b


def holstein_primakoff(system: Any, order: int, expansion: str) -> Mapped:
    """Every spin of two or more spins ½ as a boson; see :meth:`.System.holstein_primakoff`."""
    order = check_integer("order", order, minimum=0)
    expansion = check_choice("expansion", expansion, ("newton", "taylor"))
    long = _long_spins(system)
    made: tuple[Mode, ...] = ()
    if long:
        made = modes(len(long), names=[f"b({s.name})" for s in long])
    images: dict[Symbol, tuple[Expression, ...]] = {}
    new = _spins_beside(long, images)
    for s, b in zip(long, made, strict=True):
        N = s.N
        R = expanded_root(b, N, order, expansion)
        images[s] = ((N**0.5) * b.dag() * R, b.dag() * b - N / 2, (N**0.5) * R * b)
        new[s] = b.symbol
    return _mapped(system, images, new)


def root_coefficients(n: int, order: int, expansion: str) -> np.ndarray:
    r"""Values f_K(m), m=0, 1, …, of the truncated expansion of √(1−m/N), as a polynomial in m
    (highest power last).

    Parameters
    ----------
    n : int
        Number of spins N.
    order : int
        K ≥ 1.
    expansion : {"newton", "taylor"}
        Newton: Σ_k Δ^k f(0)/k! b†^k b^k, exact for m ≤ K. Taylor: Σ_k binom(½, k)(−m/N)^k.

    Returns
    -------
    ndarray of shape (K+1,)
        Newton's ends at K=N, where it is exact on all levels of the spin.
        For ``"taylor"`` the coefficients of m^k; for ``"newton"`` those of b†^k b^k =
        m(m−1)…(m−k+1).
    """
    if expansion == "taylor":
        out = [1.0]
        for k in range(1, order + 1):
            out.append(out[-1] * (0.5 - k + 1) / k * (-1.0 / n))
        return np.array(out)
    # N+1 nodes determine the root on every level that a spin has
    order = min(order, n)
    # the alternating sum of the forward differences loses about 2^K·eps: it is done with 60 + K
    # digits
    with decimal.localcontext() as context:
        context.prec = 60 + order
        f = [(1 - decimal.Decimal(m) / n).sqrt() for m in range(order + 1)]
        return np.array(
            [
                float(
                    sum((-1) ** (k - m) * math.comb(k, m) * f[m] for m in range(k + 1))
                    / math.factorial(k)
                )
                for k in range(order + 1)
            ]
        )


def expanded_root(b: Mode, N: int, order: int, expansion: str) -> Expression:
    """√(1−b†b/N) to an order, in normal order for "newton"."""
    n = b.dag() * b
    total, power = 0 * b, 0 * b + 1
    for k, c in enumerate(root_coefficients(N, order, expansion)):
        total = total + c * (b.dag() ** k * b**k if expansion == "newton" else power)
        power = power * n if expansion == "taylor" else power
    return total
