"""Functions on a classical phase space: commuting polynomials, and real powers of them.

A power P^q of a real polynomial is one more letter, its derivative is q·P^(q−1)·∂P, and products
of powers of one base are powers of it: all stays polynomial in letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._ext.bosons import Polynomials
from .polynomial import (
    Letters,
    Polynomial,
    compile_polynomials,
    conjugate,
    multiply,
    number,
    total,
    variable,
)
from .terms import add_term
from .time_factor import TimeFactor

__all__ = ["ClassicalSpace", "Function", "Powers"]

#: what :meth:`ClassicalSpace.powers` gives
Powers = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]


class ClassicalSpace:
    """Modes β with {β, β*}=−i and spins on the sphere with {S_a, S_b}=ε_abc S_c.

    All modes and spins are made before the first power.

    Attributes
    ----------
    variables : int
        Number of complex variables: one a mode, S− and S_z of a spin.
    real : set of int
        Variables that are their own conjugates, and all powers.
    """

    def __init__(self) -> None:
        self.variables = 0
        self.real: set[int] = set()
        self._brackets: list[tuple[int, int, Polynomial]] = []
        self._squares: dict[int, Polynomial] = {}
        self._bases: list[Polynomial] = []
        self._slopes: list[dict[int, Polynomial]] = []
        self._powers: list[tuple[int, float]] = []

    def mode(self) -> Function:
        """Add a mode: one complex variable b with the bracket of i[b†, b]."""
        k = self._add(1)
        self._pair(2 * k + 1, 2 * k, number(-1j))
        return self.variable(k)

    def spin(self) -> tuple[Function, Function]:
        """S− and S_z of one more spin."""
        k = self._add(2)
        self.real.add(k + 1)
        self._pair(2 * k + 1, 2 * k, total((2j, variable(k + 1))))
        self._pair(2 * k + 3, 2 * k + 1, total((1j, variable(k))))
        self._pair(2 * k + 3, 2 * k, total((-1j, variable(k, True))))
        return self.variable(k), self.variable(k + 1)

    def variable(self, k: int) -> Function:
        """The variable z_k as a function."""
        return Function(self, variable(k))

    def _add(self, count: int) -> int:
        self.variables += count
        return self.variables - count

    def _pair(self, a: int, b: int, value: Polynomial) -> None:
        self._brackets += [(a, b, value), (b, a, total((-1.0, value)))]

    def power(self, base: Function, exponent: float) -> Function:
        """A power of a real polynomial; the base must stay positive, for inverses not zero."""
        plain = self._plain(base.terms)
        if plain not in self._bases:
            self._bases.append(plain)
            self._slopes.append(_derivatives(plain))
        return Function(self, self._power(self._bases.index(plain), exponent))

    def _plain(self, a: Polynomial) -> Polynomial:
        """The polynomial in the variables alone of one in variables and first powers."""
        out: Polynomial = {}
        for (letters, factors), value in a.items():
            own = tuple(x for x in letters if x >> 1 < self.variables)
            term: Polynomial = {(own, factors): value}
            for x in letters[len(own) :]:
                base, _ = self._powers[(x >> 1) - self.variables]
                term = multiply(term, self._bases[base])
            out = total((1.0, out), (1.0, term))
        return out

    def _power(self, base: int, exponent: float) -> Polynomial:
        if exponent == 0:
            return number(1)
        if (base, exponent) not in self._powers:
            self._powers.append((base, exponent))
            self.real.add(self.variables + len(self._powers) - 1)
        return variable(self.variables + self._powers.index((base, exponent)))

    def relate(self, x: Function, square: Function) -> None:
        """Write z̄z of a variable as a function that equals it, here and in all later products."""
        ((letters, _),) = x.terms
        self._squares[letters[0] >> 1] = square.terms

    # ------------------------------------------------------------ calculus

    def product(self, a: Polynomial, b: Polynomial) -> Polynomial:
        """The product, with one power of each base and z̄z as :meth:`relate` says."""
        out = multiply(a, b)
        return self._merged(out) if self._powers or self._squares else out

    def _merged(self, a: Polynomial) -> Polynomial:
        out: Polynomial = {}
        for (letters, factors), value in a.items():
            pair = next((k for k in self._squares if {2 * k, 2 * k + 1} <= set(letters)), None)
            if pair is None:
                term = self._one_power_each(letters, factors, value)
            else:
                rest = list(letters)
                rest.remove(2 * pair)
                rest.remove(2 * pair + 1)
                square = multiply({(tuple(rest), factors): value}, self._squares[pair])
                term = self._merged(square)
            for key, x in term.items():
                add_term(out, key, x)
        return out

    def _one_power_each(
        self, letters: Letters, factors: tuple[TimeFactor, ...], value: complex
    ) -> Polynomial:
        own = tuple(x for x in letters if x >> 1 < self.variables)
        exponents: dict[int, float] = {}
        for x in letters[len(own) :]:
            base, exponent = self._powers[(x >> 1) - self.variables]
            exponents[base] = exponents.get(base, 0.0) + exponent
        term: Polynomial = {(own, factors): value}
        for base, exponent in exponents.items():
            term = multiply(term, self._power(base, exponent))
        return term

    def gradient(self, a: Polynomial) -> dict[int, Polynomial]:
        """Derivatives by the letters 2k (z̄_k) and 2k+1 (z_k) of the variables, through the powers
        too; those that vanish are left out.
        """
        out = _derivatives(a)
        for letter in [x for x in out if x >> 1 >= self.variables]:
            base, exponent = self._powers[(letter >> 1) - self.variables]
            outer = total((exponent, out.pop(letter)))
            outer = self.product(outer, self._power(base, exponent - 1))
            for k, inner in self._slopes[base].items():
                out[k] = total((1.0, out.get(k, {})), (1.0, self.product(outer, inner)))
        return {k: x for k, x in out.items() if x}

    def bracket(self, a: Function, b: Function) -> Function:
        """The Poisson bracket {a, b}."""
        out: Polynomial = {}
        left, right = a.gradient, b.gradient
        for i, j, value in self._brackets:
            if i in left and j in right:
                term = self.product(self.product(left[i], right[j]), value)
                out = total((1.0, out), (1.0, term))
        return Function(self, out)

    def rate(self, a: Function, energy: Function, jumps: Sequence[Function]) -> Function:
        r""":math:`\{a,H\}+\tfrac i2Σ(L^*\{a,L\}-\{a,L^*\}L)`."""
        out = self.bracket(a, energy)
        for jump in jumps:
            gain = jump.bar * self.bracket(a, jump) - self.bracket(a, jump.bar) * jump
            out = out + 0.5j * gain
        return out

    def diffusion(
        self, coordinates: Sequence[Function], jumps: Sequence[Function]
    ) -> list[Function]:
        r"""The upper triangle of :math:`\mathrm{Re}\,Σ\{X,L\}^*\{Y,L\}` of real coordinates."""
        kets = [[self.bracket(x, jump) for x in coordinates] for jump in jumps]
        bras = [[x.dag() for x in row] for row in kets]
        out = []
        for a in range(len(coordinates)):
            for b in range(a, len(coordinates)):
                entry = Function(self, {})
                for bra, ket in zip(bras, kets, strict=True):
                    entry = entry + bra[a] * ket[b]
                out.append(0.5 * (entry + entry.dag()))
        return out

    # ------------------------------------------------------------ kernel

    def powers(self) -> Powers | None:
        """Bases, then the base and the exponent of each letter after the variables, as
        `Polynomials` takes them.
        """
        if not self._powers:
            return None
        arrays, _ = compile_polynomials(self._bases)
        return (
            arrays,
            np.array([base for base, _ in self._powers], dtype=np.intc),
            np.array([exponent for _, exponent in self._powers], dtype=float),
        )

    def tables(self, outputs: Sequence[Function]) -> tuple[Any, ...]:
        """What :class:`Polynomials` is made of for these functions."""
        arrays, factors = compile_polynomials([f.terms for f in outputs])
        return self.variables, arrays, factors, self.powers()

    def compiled(self, outputs: Sequence[Function]) -> Polynomials:
        """A fresh kernel that evaluates functions: each holds its own scratch."""
        return Polynomials(*self.tables(outputs))


def _derivatives(a: Polynomial) -> dict[int, Polynomial]:
    """By every letter that occurs."""
    out: dict[int, Polynomial] = {}
    for (letters, factors), value in a.items():
        for k in set(letters):
            at = letters.index(k)
            rest = letters[:at] + letters[at + 1 :]
            add_term(out.setdefault(k, {}), (rest, factors), value * letters.count(k))
    return out


@dataclass(eq=False)
class Function:
    """A polynomial in the letters of a phase space, which adds and multiplies like an operator."""

    space: ClassicalSpace
    terms: Polynomial

    @cached_property
    def gradient(self) -> dict[int, Polynomial]:
        """Derivatives by all variables and conjugates; see :meth:`ClassicalSpace.gradient`."""
        return self.space.gradient(self.terms)

    @cached_property
    def bar(self) -> Function:
        """The complex conjugate function: letters and coefficients conjugate."""
        return Function(self.space, conjugate(self.terms, self.space.real))

    def _other(self, x: Function | complex) -> Polynomial:
        return x.terms if isinstance(x, Function) else number(x)

    def __add__(self, x: Function | complex) -> Function:
        return Function(self.space, total((1.0, self.terms), (1.0, self._other(x))))

    __radd__ = __add__

    def __sub__(self, x: Function | complex) -> Function:
        return Function(self.space, total((1.0, self.terms), (-1.0, self._other(x))))

    def __rsub__(self, x: complex) -> Function:
        return -1 * self + x

    def __mul__(self, x: Function | complex) -> Function:
        if not isinstance(x, Function):
            return Function(self.space, total((x, self.terms)))
        return Function(self.space, self.space.product(self.terms, x.terms))

    __rmul__ = __mul__

    def __truediv__(self, x: float) -> Function:
        return self * (1 / x)

    def dag(self) -> Function:
        """The complex conjugate, under the name that operators have for it."""
        return self.bar

    def derivative(self, k: int, conjugated: bool = False) -> Function:
        """∂/∂z_k, or ∂/∂z̄_k (z and z̄ independent)."""
        return Function(self.space, self.gradient.get(2 * k + (not conjugated), {}))
