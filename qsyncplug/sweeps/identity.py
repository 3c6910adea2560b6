"""Whether a function is the one that filled a store: its text, defaults and closed-over values."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from typing import Any

import numpy as np

__all__ = ["digest", "name_of"]


def name_of(function: Any) -> str:
    """The function's name with its module."""
    if isinstance(function, functools.partial):
        return f"partial of {name_of(function.func)}"
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '?')}.{name}"


def digest(*things: Any) -> str:
    """A fingerprint of functions, numbers, arrays, texts and containers of these.

    What a function reads from its module is not part of it.

    Examples
    --------
    >>> digest(1.0) == digest(1.0), digest(1.0) == digest(2.0)
    (True, False)
    """
    hasher = hashlib.sha256()
    for thing in things:
        _feed(hasher, thing, 0)
    return hasher.hexdigest()[:16]


def _feed(hasher: Any, thing: Any, depth: int) -> None:
    if depth > 8:
        return
    hasher.update(type(thing).__name__.encode())
    if isinstance(thing, functools.partial):
        for part in (thing.func, thing.args, thing.keywords):
            _feed(hasher, part, depth + 1)
    elif inspect.isfunction(thing):
        hasher.update(_text(thing))
        for part in (thing.__defaults__, thing.__kwdefaults__):
            _feed(hasher, part, depth + 1)
        for cell in thing.__closure__ or ():
            _feed(hasher, _contents(cell), depth + 1)
    elif isinstance(thing, np.ndarray) and thing.dtype.kind != "O":
        hasher.update(str((thing.shape, thing.dtype)).encode() + thing.tobytes())
    elif isinstance(thing, dict):
        for key, value in thing.items():
            _feed(hasher, key, depth + 1)
            _feed(hasher, value, depth + 1)
    elif isinstance(thing, (list, tuple, np.ndarray)):
        for value in thing:
            _feed(hasher, value, depth + 1)
    elif isinstance(thing, (bool, int, float, complex, str, bytes, type(None), np.generic)):
        hasher.update(repr(thing).encode())
    else:
        hasher.update(name_of(thing).encode())


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _text(function: Any) -> bytes:
    """The source without comments and spaces; compiled code for a lambda, whose line holds more."""
    if function.__name__ != "<lambda>":
        try:
            source = textwrap.dedent(inspect.getsource(function))
            return ast.dump(ast.parse(source)).encode()
        except (OSError, TypeError, SyntaxError):
            pass
    return _code(function.__code__)


def _code(code: Any) -> bytes:
    constants = [_code(c) if hasattr(c, "co_code") else repr(c).encode() for c in code.co_consts]
    return b"|".join([bytes(code.co_code), repr(code.co_names).encode(), *constants])
