"""Whether a function is the one that filled a store: its text, and the values that it uses."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import qutip

from ..operators.symbol import Space, Symbol
from ..operators.time_factor import TimeFunction

__all__ = ["digest", "name_of"]

#: things within things, beyond which a digest is refused
_DEEP = 100


def name_of(function: Any) -> str:
    """The function's name with its module."""
    if isinstance(function, functools.partial):
        return f"partial of {name_of(function.func)}"
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '?')}.{name}"


def digest(*things: Any) -> str:
    """A fingerprint of functions, numbers, arrays, texts, systems, states and what holds these.

    Of a function: its text, defaults, closed-over values, and what it reads from its module
    (values, and functions and classes written there). Other objects count by what a pickle of them
    would hold; symbols and functions of time by what they are, not by when they were made.

    Examples
    --------
    >>> digest(1.0) == digest(1.0), digest(1.0) == digest(2.0)
    (True, False)
    >>> import qsyncplug as qsp
    >>> a, b = [digest(qsp.van_der_pol_pair(loss=x)) for x in (1.0, 2.0)]
    >>> a == b, a == digest(qsp.van_der_pol_pair(loss=1.0))
    (False, True)
    """
    hasher = hashlib.sha256()
    for thing in things:
        _feed(hasher, thing, ())
    return hasher.hexdigest()[:16]


def _feed(hasher: Any, thing: Any, path: tuple[int, ...]) -> None:
    """Add a thing; `path` holds the identities of what it lies in."""
    hasher.update(type(thing).__name__.encode())
    if isinstance(thing, (bool, int, float, complex, str, bytes, type(None), np.generic)):
        hasher.update(repr(thing).encode())
    elif isinstance(thing, np.ndarray) and thing.dtype.kind != "O":
        hasher.update(str((thing.shape, thing.dtype)).encode() + thing.tobytes())
    elif inspect.ismodule(thing) or inspect.isbuiltin(thing) or id(thing) in path:
        hasher.update(name_of(thing).encode())
    elif len(path) > _DEEP:
        raise ValueError("function closes over, or reads, what is nested too deeply to be compared")
    else:
        for part in _parts(thing):
            _feed(hasher, part, (*path, id(thing)))


def _parts(thing: Any) -> Iterable[Any]:
    """What makes a thing the thing that it is."""
    if isinstance(thing, functools.partial):
        return thing.func, thing.args, thing.keywords
    if inspect.isfunction(thing):
        return _parts_of_function(thing)
    if inspect.ismethod(thing):
        return thing.__func__, thing.__self__
    if inspect.isclass(thing):
        return (name_of(thing),)
    if isinstance(thing, dict):
        return itertools.chain.from_iterable(thing.items())
    if isinstance(thing, (set, frozenset)):
        return sorted(digest(value) for value in thing)
    if isinstance(thing, (list, tuple, np.ndarray)):
        return (len(thing), *thing)
    if isinstance(thing, Symbol):
        return thing.space, thing.index
    if isinstance(thing, Space):
        return thing.maker, thing.names, [s.factor for s in thing.symbols]
    if isinstance(thing, TimeFunction):
        return (thing.source,)
    if isinstance(thing, qutip.Qobj):
        matrix = thing.to("CSR").data_as("csr_matrix")
        return repr(thing.dims), matrix.indptr, matrix.indices, matrix.data
    return _parts_of_object(thing)


def _parts_of_function(function: Any) -> Iterable[Any]:
    yield _text(function)
    yield function.__defaults__
    yield function.__kwdefaults__
    for cell in function.__closure__ or ():
        yield _contents(cell)
    for name in sorted(_names(function.__code__) & function.__globals__.keys()):
        value = function.__globals__[name]
        written = inspect.isfunction(value) or inspect.isclass(value)
        # what others wrote, or the interpreter holds for itself, is known by its name
        if written and value.__module__ != function.__module__:
            yield name_of(value)
        elif not name.startswith("__"):
            yield value


def _parts_of_object(thing: Any) -> Iterable[Any]:
    """What a pickle would hold, and the function in a wrapper (a cache), which is known by name."""
    yield name_of(thing)
    yield getattr(thing, "__wrapped__", None)
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception:
        # a lock, a file: what cannot be taken apart
        yield getattr(thing, "__dict__", None)
        return
    if isinstance(reduced, str):
        yield reduced
        return
    for part in reduced[1:]:
        yield list(part) if isinstance(part, Iterator) else part


def _names(code: Any) -> set[str]:
    """The names that code reads, with those of the functions in it."""
    inner = [_names(c) for c in code.co_consts if hasattr(c, "co_code")]
    return set(code.co_names).union(*inner)


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
