"""Polynomials in boson operators, kept normal-ordered."""

from __future__ import annotations

import cmath
import itertools
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import qutip
import scipy.sparse

from ..core.checks import check_integer

__all__ = ["Expression", "ModeSpace", "TimeFactor", "commutator", "modes"]

Powers = tuple[int, ...]
Key = tuple[Powers, tuple["TimeFactor", ...]]
_ROUNDING = 8 * np.finfo(float).eps
_serial = itertools.count(1)


class TimeFactor:
    """A time-dependent factor of a term: a ``qutip.Coefficient`` or its complex conjugate."""

    __slots__ = ("coefficient", "conjugate", "serial")
    _known: ClassVar[dict[int, tuple[int, Any]]] = {}

    def __init__(self, coefficient: Any, conjugate: bool = False, serial: int | None = None):
        self.coefficient = coefficient
        self.conjugate = conjugate
        self.serial = next(_serial) if serial is None else serial

    def conj(self) -> TimeFactor:
        """The complex conjugate."""
        return TimeFactor(self.coefficient, not self.conjugate, self.serial)

    def __call__(self, t: float) -> complex:
        """The factor at time `t`."""
        value = complex(self.coefficient(t))
        return value.conjugate() if self.conjugate else value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeFactor) and (self.serial, self.conjugate) == (
            other.serial,
            other.conjugate,
        )

    def __hash__(self) -> int:
        return hash((self.serial, self.conjugate))

    def __lt__(self, other: TimeFactor) -> bool:
        return (self.serial, self.conjugate) < (other.serial, other.conjugate)

    def __repr__(self) -> str:
        return f"f{self.serial}(t)" + ("*" if self.conjugate else "")


class ModeSpace:
    """The modes that one call of :func:`modes` made; symbols of two spaces do not mix."""

    __slots__ = ("n", "names")

    def __init__(self, n: int, names: tuple[str, ...]):
        self.n = n
        self.names = names

    def __repr__(self) -> str:
        return f"modes {', '.join(self.names)}"


@lru_cache(maxsize=65536)
def _product(left: Powers, right: Powers) -> tuple[tuple[Powers, int], ...]:
    r"""Normal order of a product: b^m b†^n = Σ_k k! C(m,k) C(n,k) b†^{n-k} b^{m-k}, mode by
    mode.
    """
    terms: list[tuple[Powers, int]] = [((), 1)]
    for j in range(0, len(left), 2):
        p1, q1, p2, q2 = left[j], left[j + 1], right[j], right[j + 1]
        mode = [
            ((p1 + p2 - k, q1 + q2 - k), math.factorial(k) * math.comb(q1, k) * math.comb(p2, k))
            for k in range(min(q1, p2) + 1)
        ]
        terms = [(powers + pair, weight * w) for powers, weight in terms for pair, w in mode]
    return tuple(terms)


def _add(terms: dict[Any, complex], key: Any, value: complex) -> None:
    """Add to a term; what cancels to rounding vanishes."""
    old = terms.get(key, 0.0)
    new = old + value
    if not cmath.isfinite(new):
        raise OverflowError("a coefficient became too large to be finite")
    if abs(new) <= _ROUNDING * (abs(old) + abs(value)):
        terms.pop(key, None)
    else:
        terms[key] = new


class Expression:
    """A polynomial in boson operators, kept normal-ordered.

    Made by :func:`modes` and combined with ``+ - * **``, ``.dag()`` and scalars.
    A scalar may be a ``qutip.Coefficient``, which makes the term time-dependent
    (write ``2j * (f * b)``: QuTiP does not multiply a Coefficient by a number from the left).
    Every term is a coefficient times :math:`∏_k b_k^{†p_k} b_k^{q_k}`.

    Attributes
    ----------
    space : ModeSpace
        The modes it belongs to.
    terms : dict
        ``((p1, q1, p2, q2, …), time factors) -> complex``.
    """

    __slots__ = ("space", "terms")
    __array_ufunc__ = None  # so that numpy scalars leave the product to __rmul__
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, space: ModeSpace, terms: Mapping[Key, complex] = {}):
        self.space = space
        self.terms: dict[Key, complex] = dict(terms)
        if not all(map(cmath.isfinite, self.terms.values())):
            raise OverflowError("a coefficient became too large to be finite")

    # ------------------------------------------------------------ arithmetic

    def _lift(self, other: Any) -> Expression | None:
        """`other` as an expression of this space; None for a foreign type."""
        if isinstance(other, Expression):
            if other.space is not self.space:
                raise ValueError(
                    f"cannot combine symbols of two calls of modes(): {self.space} and "
                    f"{other.space}; "
                    "make all symbols of a system with one modes(n)"
                )
            return other
        one = (0,) * (2 * self.space.n)
        if isinstance(other, numbers.Number) or (
            isinstance(other, (np.generic, np.ndarray)) and np.ndim(other) == 0
        ):
            value = complex(other)  # type: ignore[arg-type]
            if not np.isfinite(value):
                raise ValueError(f"a coefficient must be finite, not {other!r}")
            return Expression(self.space, {(one, ()): value} if value != 0 else {})
        if isinstance(other, qutip.Coefficient):
            return Expression(self.space, {(one, (_time_factor(other),)): 1.0 + 0j})
        return None

    def __add__(self, other: Any) -> Expression:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        terms = dict(self.terms)
        for key, value in right.terms.items():
            _add(terms, key, value)
        return Expression(self.space, terms)

    __radd__ = __add__

    def __neg__(self) -> Expression:
        return Expression(self.space, {key: -value for key, value in self.terms.items()})

    def __pos__(self) -> Expression:
        return self

    def __sub__(self, other: Any) -> Expression:
        right = self._lift(other)
        return NotImplemented if right is None else self + (-right)

    def __rsub__(self, other: Any) -> Expression:
        return (-self) + other

    def __mul__(self, other: Any) -> Expression:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        terms: dict[Key, complex] = {}
        for (p1, f1), a in self.terms.items():
            for (p2, f2), b in right.terms.items():
                factors = tuple(sorted(f1 + f2))
                for powers, weight in _product(p1, p2):
                    _add(terms, (powers, factors), a * b * weight)
        return Expression(self.space, terms)

    def __rmul__(self, other: Any) -> Expression:
        left = self._lift(other)
        return NotImplemented if left is None else left * self

    def __truediv__(self, other: Any) -> Expression:
        if not (
            isinstance(other, numbers.Number) or (isinstance(other, np.ndarray) and other.ndim == 0)
        ):
            return NotImplemented
        return self * (1 / complex(other))  # type: ignore[arg-type, call-overload]

    def __pow__(self, exponent: Any) -> Expression:
        exponent = check_integer("the exponent", exponent, minimum=0)
        result = self._lift(1)
        assert result is not None
        for _ in range(exponent):
            result = result * self
        return result

    def dag(self) -> Expression:
        """Hermitian conjugate."""
        terms: dict[Key, complex] = {}
        for (powers, factors), value in self.terms.items():
            swapped = tuple(powers[j ^ 1] for j in range(len(powers)))
            _add(terms, (swapped, tuple(sorted(f.conj() for f in factors))), value.conjugate())
        return Expression(self.space, terms)

    # ------------------------------------------------------------ properties

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __eq__(self, other: object) -> bool:
        try:
            right = self._lift(other)
        except ValueError:
            return False
        if right is None:
            return NotImplemented
        scale = max((abs(v) for v in (*self.terms.values(), *right.terms.values())), default=0.0)
        keys = self.terms.keys() | right.terms.keys()
        pairs = ((self.terms.get(k, 0), right.terms.get(k, 0)) for k in keys)
        return all(abs(a - b) <= max(1e-13 * max(abs(a), abs(b)), 4e-15 * scale) for a, b in pairs)

    @property
    def isherm(self) -> bool:
        """Whether it equals its Hermitian conjugate, coefficient function by coefficient
        function.
        """
        return self == self.dag()

    def at(self, t: float) -> Expression:
        """The expression with its time-dependent coefficients taken at time `t`."""
        terms: dict[Key, complex] = {}
        for (powers, factors), value in self.terms.items():
            _add(terms, (powers, ()), value * math.prod(f(t) for f in factors))
        return Expression(self.space, {key: value for key, value in terms.items() if value != 0})

    @property
    def isconstant(self) -> bool:
        """Whether no coefficient depends on time."""
        return all(not factors for _, factors in self.terms)

    @property
    def degree(self) -> int:
        """Largest number of operators in a term."""
        return max((sum(powers) for powers, _ in self.terms), default=0)

    def charges(self) -> set[tuple[int, ...]]:
        """Creation minus annihilation powers of each mode, for every term."""
        return {tuple(p[j] - p[j + 1] for j in range(0, len(p), 2)) for p, _ in self.terms}

    def permuted(self, permutation: Iterable[int]) -> Expression:
        """The expression with mode k renamed to ``permutation[k]``."""
        order = list(permutation)
        terms = {}
        for (powers, factors), value in self.terms.items():
            new = [0] * len(powers)
            for k, target in enumerate(order):
                new[2 * target : 2 * target + 2] = powers[2 * k : 2 * k + 2]
            terms[(tuple(new), factors)] = value
        return Expression(self.space, terms)

    # ------------------------------------------------------------ matrices

    def qutip(self, cutoff: int | Iterable[int]) -> Any:
        """The operator in a truncated Fock space.

        Parameters
        ----------
        cutoff : int or sequence of int
            Number of levels kept, for all modes or for each.

        Returns
        -------
        qutip.Qobj or qutip.QobjEvo
            CSR; a QobjEvo if a coefficient depends on time. Matrix elements are those of the
            untruncated operator.
        """
        levels = check_cutoff(cutoff, self.space.n)
        groups: dict[tuple[TimeFactor, ...], Any] = {}
        for (powers, factors), value in self.terms.items():
            matrix = value * _monomial_matrix(powers, levels)
            groups[factors] = groups[factors] + matrix if factors in groups else matrix
        dims = [list(levels), list(levels)]
        size = math.prod(levels)

        def as_qobj(matrix: Any) -> qutip.Qobj:
            return qutip.Qobj(scipy.sparse.csr_matrix(matrix), dims=dims, dtype="CSR")

        constant = as_qobj(groups.pop((), scipy.sparse.csr_matrix((size, size), dtype=complex)))
        if not groups:
            return constant
        parts: list[Any] = [constant]
        for factors, matrix in groups.items():
            coefficient = None
            for factor in factors:
                c = qutip.coefficient(factor.coefficient)
                c = c.conj() if factor.conjugate else c
                coefficient = c if coefficient is None else coefficient * c
            parts.append([as_qobj(matrix), coefficient])
        return qutip.QobjEvo(parts)

    # ------------------------------------------------------------ text

    def _text(
        self, operator: Callable[[int, int, int], str], number: Callable[[complex], str], times: str
    ) -> str:
        if not self.terms:
            return "0"
        pieces = []
        for (powers, factors), value in sorted(
            self.terms.items(), key=lambda item: (-sum(item[0][0]), [-p for p in item[0][0]])
        ):
            names = [repr(f) for f in factors]
            for j in range(self.space.n):
                p, q = powers[2 * j], powers[2 * j + 1]
                if p or q:
                    names.append(operator(j, p, q))
            sign = "+"
            if (value.imag == 0 and value.real < 0) or (value.real == 0 and value.imag < 0):
                sign, value = "-", -value
            if value != 1 or not names:
                names.insert(0, number(value))
            pieces.append((sign, times.join(names)))
        first_sign, text = pieces[0]
        text = ("-" if first_sign == "-" else "") + text
        for sign, piece in pieces[1:]:
            text += f" {sign} {piece}"
        return text

    def __repr__(self) -> str:
        names = self.space.names

        def operator(j: int, p: int, q: int) -> str:
            parts = [
                names[j] + symbol + (f"^{k}" if k > 1 else "")
                for k, symbol in ((p, "†"), (q, ""))
                if k
            ]
            return " ".join(parts)

        return self._text(operator, _number, " ")

    def _repr_latex_(self) -> str:
        def operator(j: int, p: int, q: int) -> str:
            name = _tex_name(self.space.names[j])
            parts = []
            if p:
                parts.append(f"{name}^{{\\dagger{' ' + str(p) if p > 1 else ''}}}")
            if q:
                parts.append(f"{name}^{{{q}}}" if q > 1 else name)
            return r"\,".join(parts)

        return "$" + self._text(operator, _number, r"\,") + "$"


_GREEK = {
    "alpha",
    "beta",
    "gamma",
    "delta",
    "eta",
    "theta",
    "kappa",
    "mu",
    "nu",
    "xi",
    "rho",
    "sigma",
    "phi",
    "psi",
    "omega",
}


def _tex_name(name: str) -> str:
    """A mode's name with what follows an underscore, or its digits, as a subscript."""
    stem = name.rstrip("0123456789")
    head, _, below = name.partition("_") if "_" in name else (stem, "", name[len(stem) :])
    head = f"\\{head}" if head in _GREEK else head
    return head + (f"_{{{below.replace('_', ' ')}}}" if below else "")


def _number(value: complex) -> str:
    if value.imag == 0:
        return f"{value.real:.12g}"
    if value.real == 0:
        return "i" if value.imag == 1 else f"{value.imag:.12g}i"
    return f"({value.real:.12g}{value.imag:+.12g}i)"


def _time_factor(coefficient: Any) -> TimeFactor:
    """The factor of a Coefficient; the same object always gives the same factor."""
    known = TimeFactor._known.get(id(coefficient))
    if known is None or known[1] is not coefficient:
        known = (next(_serial), coefficient)
        TimeFactor._known[id(coefficient)] = known
    return TimeFactor(coefficient, False, known[0])


def check_cutoff(cutoff: Any, n: int) -> tuple[int, ...]:
    """The number of levels of each mode, at least 2."""
    values = tuple(cutoff) if isinstance(cutoff, (tuple, list, np.ndarray)) else (cutoff,) * n
    if len(values) != n:
        raise ValueError(
            f"cutoff must be one number or {n} numbers (one a mode), not {len(values)}"
        )
    return tuple(check_integer("cutoff", c, minimum=2) for c in values)


def _single_mode(p: int, q: int, levels: int) -> Any:
    """b†^p b^q on the first `levels` Fock states, every element from its closed form."""
    m = np.arange(q, levels + min(0, q - p))
    # column n = m, row n - q + p
    value = np.ones(len(m))
    for k in range(q):
        value *= np.sqrt(m - k)
    for k in range(p):
        value *= np.sqrt(m - q + k + 1)
    return scipy.sparse.csr_matrix((value.astype(complex), (m - q + p, m)), shape=(levels, levels))


def _monomial_matrix(powers: Powers, levels: tuple[int, ...]) -> Any:
    matrix: Any = scipy.sparse.identity(1, dtype=complex, format="csr")
    for j, size in enumerate(levels):
        p, q = powers[2 * j], powers[2 * j + 1]
        factor = (
            scipy.sparse.identity(size, dtype=complex, format="csr")
            if p == q == 0
            else _single_mode(p, q, size)
        )
        matrix = scipy.sparse.kron(matrix, factor, format="csr")
    return matrix


def modes(n: int, names: Iterable[str] | None = None) -> tuple[Expression, ...]:
    """Make the annihilation operators of `n` boson modes.

    Parameters
    ----------
    n : int
        Number of modes.
    names : sequence of str, optional
        For printing; ``b1, b2, …`` by default.

    Returns
    -------
    tuple of Expression
        One annihilation operator a mode; combine them with ``+ - * **``, ``.dag()`` and scalars.

    Examples
    --------
    >>> b1, b2 = modes(2)
    >>> b1 * b1.dag()
    b1† b1 + 1
    """
    n = check_integer("n", n, minimum=1)
    labels = tuple(f"b{k + 1}" for k in range(n)) if names is None else tuple(map(str, names))
    if len(labels) != n or len(set(labels)) != n:
        raise ValueError(f"names must hold {n} different names, not {labels}")
    space = ModeSpace(n, labels)
    out = []
    for k in range(n):
        powers = [0] * (2 * n)
        powers[2 * k + 1] = 1
        out.append(Expression(space, {(tuple(powers), ()): 1.0 + 0j}))
    return tuple(out)


def commutator(a: Expression, b: Expression) -> Expression:
    """The commutator ab − ba, normal-ordered."""
    return a * b - b * a
