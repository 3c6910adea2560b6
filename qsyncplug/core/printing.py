"""How records print: their numbers as they are, long arrays by their shape only."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from . import html

__all__ = ["give_short_repr", "in_short"]

#: arrays up to this many numbers are printed, of sequences so many entries
_FEW = 6
_LONG = 120


def in_short(value: Any) -> str:
    """A value in one line.

    Parameters
    ----------
    value : object
        Anything that a record may hold.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> in_short(np.eye(4)), in_short(np.array([0.5, 1 / 3])), in_short((1.5, None))
    ('array(4, 4)', '[0.5, 0.333333]', '(1.5, None)')
    """
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and value.size <= _FEW:
            return "[" + ", ".join(_number(x) for x in value.tolist()) + "]"
        return f"array{value.shape}"
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        left, right = "()" if isinstance(value, tuple) else "[]"
        more = ", …" if len(value) > _FEW else "," if len(value) == 1 and left == "(" else ""
        return left + ", ".join(in_short(v) for v in value[:_FEW]) + more + right
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _number(x: Any) -> str:
    if isinstance(x, complex):
        return f"{x:.6g}"
    return f"{x:.6g}" if isinstance(x, float) else repr(x)


def _fields(record: Any) -> list[tuple[str, str]]:
    if dataclasses.is_dataclass(record):
        names = [f.name for f in dataclasses.fields(record) if f.repr]
    else:
        names = list(getattr(record, "_field_types", dict)())
    return [(name, in_short(getattr(record, name))) for name in names]


def _repr(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in _fields(self))})"


def _repr_html(self: Any) -> str:
    # that of object, as mypy sees it, which takes no argument of type Any
    if type(self).__repr__ is _repr:  # type: ignore[comparison-overlap]
        return html.table(type(self).__name__, _fields(self))
    return html.table_of_text(type(self).__name__, repr(self))


def give_short_repr(cls: type) -> None:
    """Let a class that is about to become a dataclass print in short, unless it prints itself.

    ``dataclass`` leaves a ``__repr__`` alone that it finds; its own would write out every array.
    In a notebook its fields are a table, or what it prints; a model that has an equation shows
    that, and a number is a number.
    """
    # mypy knows no classes that are still in the making
    if cls.__repr__ is object.__repr__:  # type: ignore[comparison-overlap]
        cls.__repr__ = _repr  # type: ignore[method-assign, assignment]
    shown = hasattr(cls, "_repr_html_") or hasattr(cls, "_repr_latex_")
    if not shown and not issubclass(cls, float):
        cls._repr_html_ = _repr_html  # type: ignore[attr-defined]
