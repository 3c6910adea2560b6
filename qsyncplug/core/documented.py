"""Docstrings that share what they all say: each part is written once and put in its place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = [
    "documented",
    "draws",
    "runner",
    "runs",
    "with_parameters",
    "with_raised",
    "with_section",
]

F = TypeVar("F", bound=Callable[..., Any])

#: sections in the order of numpydoc
_ORDER = ("Parameters", "Returns", "Yields", "Raises", "Warns", "See Also", "Notes", "Examples")


def documented(
    *, parameters: Mapping[str, str] | None = None, sections: Mapping[str, str] | None = None
) -> Callable[[F], F]:
    r"""Decorate functions that take the same arguments or return the same things.

    Parameters
    ----------
    parameters : mapping, optional
        Name -> entry of the list of parameters. A function gets the entries of its own arguments
        that its docstring does not name; so names that one entry tells together need one key.
    sections : mapping, optional
        Title -> text of a section that a docstring gets unless it has it.

    Returns
    -------
    callable
        The decorator; the function itself stays what it is.

    Examples
    --------
    >>> @documented(parameters={"t": "t : float\n    Time."}, sections={"Returns": "float"})
    ... def square(t):
    ...     '''The square of the time.'''
    ...     return t * t
    >>> [line for line in square.__doc__.splitlines() if "float" in line]
    ['t : float', 'float']
    """

    def decorate(function: F) -> F:
        doc = inspect.getdoc(function) or ""
        own = inspect.signature(function).parameters
        shared = {name: text for name, text in (parameters or {}).items() if name in own}
        doc = _in_order(with_parameters(doc, shared), list(own))
        for title, text in (sections or {}).items():
            doc = with_section(doc, title, text)
        function.__doc__ = doc
        return function

    return decorate


def with_parameters(doc: str, entries: Mapping[str, str], *, first: bool = False) -> str:
    """`doc` with those `entries` (name -> text) at the end of its parameters that it lacks; at the
    beginning where they come `first`.
    """
    head, own, rest = _split(doc, "Parameters")
    lacking = [
        text
        for name, text in entries.items()
        if not re.search(rf"(?m)^(\w+, )*{name}(, \w+)*( :|$)", own)
    ]
    if not lacking:
        return doc
    parts = [*lacking, own] if first else [own, *lacking]
    return _joined(head, "Parameters", "\n".join(filter(None, parts)), rest)


def _in_order(doc: str, names: list[str]) -> str:
    """`doc` with its parameters in the order of `names`; what has another name comes last."""
    head, own, rest = _split(doc, "Parameters")
    entries = re.split(r"(?m)^(?=\S)", own.rstrip() + "\n")[1:]

    def place(entry: str) -> int:
        found = re.match(r"\**(\w+)", entry)
        return names.index(found[1]) if found and found[1] in names else len(names)

    if not entries:
        return doc
    return _joined(head, "Parameters", "".join(sorted(entries, key=place)), rest)


def with_section(doc: str, title: str, text: str) -> str:
    """`doc` with a section in its place, unless it has one of that title."""
    head, own, rest = _split(doc, title)
    return doc if own else _joined(head, title, text, rest)


def with_raised(doc: str | None, error: str, text: str) -> str:
    """`doc` with `error` at the end of what it raises, unless it is named there."""
    head, own, rest = _split(inspect.cleandoc(doc or ""), "Raises")
    if re.search(rf"\b{error}\b", own):
        return doc or ""
    entry = f"{error}\n    {text}"
    return _joined(head, "Raises", f"{own.rstrip()}\n{entry}".lstrip(), rest)


def _split(doc: str, title: str) -> tuple[str, str, str]:
    """What stands before a section, its text, and what follows; its place where there is none."""
    place = len(doc)
    for later in _ORDER[_ORDER.index(title) :]:
        found = re.search(rf"(?m)^{later}\n-+$\n?", doc)
        if found and later == title:
            own, _, rest = doc[found.end() :].partition("\n\n")
            return doc[: found.start()].rstrip(), own, rest
        if found:
            place = found.start()
            break
    return doc[:place].rstrip(), "", doc[place:]


def _joined(head: str, title: str, text: str, rest: str) -> str:
    return f"{head}\n\n{title}\n{'-' * len(title)}\n{text.rstrip()}\n\n{rest}".rstrip() + "\n"


_RAISES = (
    "ValueError, TypeError, KeyError\n    Bad input, before any work.\n"
    "SolverError\n    The run had to stop; it carries the time, the reason and the partial result."
)

#: decorator of functions that run a solver
runs = documented(sections={"Raises": _RAISES})

#: decorator of the method ``run`` of a solver
runner = documented(
    parameters={
        "state0": "state0 : object\n    Initial state; see the class.",
        "tlist": "tlist : array_like of shape (T,)\n    Strictly increasing output times.",
        "e_ops": "e_ops : callable, operator, list or dict of them, optional\n"
        "    Evaluated at every output time: functions ``f(t, state)``, and what the class takes.",
        "until": "until : callable, optional\n"
        "    ``until(t, state)``: the run ends after the first output where it is true.",
    },
    sections={
        "Returns": "Result\n    Of the class that belongs to the solver.",
        "Raises": f"{_RAISES}\nSolverInterrupted\n    Ctrl-C; it carries the partial result too.",
    },
)

#: decorator of what draws a picture
draws = documented(
    parameters={"ax": "fig, ax : matplotlib Figure and Axes, optional\n    Where to draw."},
    sections={"Returns": "fig, ax"},
)
