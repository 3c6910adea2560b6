"""Expressions as text and as LaTeX."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .symbol import Symbol
from .terms import Key

__all__ = ["aligned", "few_terms", "html_of", "latex_of", "number_text", "tex_name", "text_of"]

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
_MARKS = {"dagger": "†", "rangle": "⟩", "langle": "⟨", "sum": "Σ", "neq": "≠", ",": " "}


def tex_name(name: str) -> str:
    """A symbol's name with what follows an underscore, or its digits, as a subscript."""
    stem = name.rstrip("0123456789")
    head, _, below = name.partition("_") if "_" in name else (stem, "", name[len(stem) :])
    head = f"\\{head}" if head in _GREEK else head
    return head + (f"_{{{below.replace('_', ' ')}}}" if below else "")


def number_text(value: complex) -> str:
    """A coefficient with up to twelve digits."""
    if value.imag == 0:
        return f"{value.real:.12g}"
    if value.real == 0:
        return "i" if value.imag == 1 else f"{value.imag:.12g}i"
    return f"({value.real:.12g}{value.imag:+.12g}i)"


def text_of(terms: Mapping[Key, complex], symbols: Sequence[Symbol]) -> str:
    """Terms as text with Unicode daggers, such as ``0.5 b1† b1 + S1+ b1``."""
    return _text(terms, symbols, lambda s, x: s.factor.text(s.name, x), " ")


def latex_of(terms: Mapping[Key, complex], symbols: Sequence[Symbol]) -> str:
    """The same between dollar signs."""

    def operator(s: Symbol, x: Any) -> str:
        return s.factor.latex(tex_name(s.name), x)

    return "$" + _text(terms, symbols, operator, r"\,", _tex_factor) + "$"


def aligned(rows: Sequence[tuple[str, str]], notes: str = "") -> str:
    """Equations as lines of LaTeX: names, and what they are between dollar signs or without; then
    what is to be said.
    """
    lines = [f"{name} &= {tex.strip('$')}" for name, tex in rows]
    lines += [f"& {notes}"] if notes else []
    return r"$$\begin{aligned}" + r"\\ ".join(lines) + r"\end{aligned}$$"


def _tex_factor(factor: Any) -> str:
    """A function of time by its name, upright."""
    name, _, rest = repr(factor).partition("(")
    return rf"\mathrm{{{name}}}({rest}".replace("_", r"\_").replace("*", "^{*}")


def html_of(latex: str) -> str:
    r"""Subscripts and superscripts of LaTeX as a page shows them, whatever shows the page.

    Examples
    --------
    >>> html_of(r"$2\,b_{1}^{\dagger 2}$")
    '2 b<sub>1</sub><sup>†2</sup>'
    """
    text = re.sub(r"\\mathrm\{([^{}]*)\}", r"\1", latex.strip("$"))
    text = re.sub(r"\\(left|right)(?![a-z])", "", text).replace(r"\_", "_")
    text = html.escape(text)
    text = re.sub(r"\\([a-zA-Z]+ ?|,)", lambda found: _mark(found[1].strip()), text)
    inner, count = re.compile(r"([_^])\{([^{}]*)\}"), 1
    while count:
        text, count = inner.subn(_raised, text)
    return text.replace("{", "").replace("}", "")


def _raised(found: re.Match[str]) -> str:
    tag = "sub" if found[1] == "_" else "sup"
    return f"<{tag}>{found[2]}</{tag}>"


def _mark(word: str) -> str:
    known = _MARKS.get(word)
    return known or unicodedata.lookup(f"GREEK SMALL LETTER {word.upper()}")


def few_terms(text: str, limit: int = 24) -> str:
    """The first terms of a sum, as text or LaTeX, and how many there are.

    Examples
    --------
    >>> few_terms("a + b - c + d", 2)
    'a + b + … (4 terms)'
    """
    pieces = re.split(r"(?= [+-] )", text)
    if len(pieces) <= limit + 1:
        return text
    return "".join(pieces[:limit]) + f" + … ({len(pieces)} terms)"


def _sorted(terms: Mapping[Key, complex], symbols: Sequence[Symbol]) -> list[tuple[Key, complex]]:
    """Terms of many operators first, then by the powers of the symbols one after the other."""

    def order(item: tuple[Key, complex]) -> Any:
        local = dict(item[0][0])
        degree = sum(s.factor.degree(x) for s, x in local.items())
        return (
            -degree,
            [[-p for p in local.get(s, ())] or [0, 0, 0] for s in symbols],
            repr(item[0][1]),
        )

    return sorted(terms.items(), key=order)


def _text(
    terms: Mapping[Key, complex],
    symbols: Sequence[Symbol],
    operator: Callable[[Any, Any], str],
    times: str,
    factor: Callable[[Any], str] = repr,
) -> str:
    if not terms:
        return "0"
    place = {s: k for k, s in enumerate(symbols)}
    text = ""
    for (monomial, factors), value in _sorted(terms, symbols):
        names = [factor(f) for f in factors]
        names += [operator(s, x) for s, x in sorted(monomial, key=lambda pair: place[pair[0]])]
        sign = "+"
        if (value.imag == 0 and value.real < 0) or (value.real == 0 and value.imag < 0):
            sign, value = "-", -value
        if value != 1 or not names:
            names.insert(0, number_text(value))
        piece = times.join(names)
        text += f" {sign} {piece}" if text else ("-" if sign == "-" else "") + piece
    return text
