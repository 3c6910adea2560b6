"""Functions that run different code for different kinds of first argument."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast

__all__ = ["by_model"]

F = TypeVar("F", bound=Callable[..., Any])
Arguments = ParamSpec("Arguments")
Value = TypeVar("Value", covariant=True)


class Dispatched(Protocol[Arguments, Value]):
    """A function with implementations for kinds of first argument."""

    def __call__(self, *args: Arguments.args, **kw: Arguments.kwargs) -> Value:
        """Run the implementation for the class of the first argument."""

    def register(self, kind: type) -> Callable[[F], F]:
        """Run the function that follows for first arguments of class `kind`."""


def by_model(default: Callable[Arguments, Value]) -> Dispatched[Arguments, Value]:
    """Like ``functools.singledispatch``, but every argument may be given by its name.

    The positional parameters of `default` are handed on in their order, so that implementations
    may call them otherwise; the rest is handed on by name.

    Examples
    --------
    >>> @by_model
    ... def size(thing, unit=1, **kw):
    ...     raise TypeError(f"no size: {thing!r}")
    >>> @size.register(str)
    ... def _(text, factor=1):
    ...     return len(text) * factor
    >>> size("abc", 2), size(thing="abc", unit=2)
    (6, 6)
    """
    dispatcher = functools.singledispatch(default)
    parameters = inspect.signature(default).parameters.values()
    named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = [p.name for p in named]
    needed = [p.name for p in named if p.default is p.empty]

    @functools.wraps(default)
    def call(*args: Any, **kw: Any) -> Any:
        given = list(args)
        for name in names[len(args) :]:
            if name not in kw:
                break
            given.append(kw.pop(name))
        if missing := [name for name in needed[len(given) :] if name not in kw]:
            raise TypeError(f"{default.__name__}: {missing[0]} must be given")
        run = dispatcher.dispatch(type(given[0]))
        _refuse_unknown(default.__name__, run, names, kw)
        return run(*given, **kw)

    for name in ("register", "dispatch", "registry"):
        setattr(call, name, getattr(dispatcher, name))
    return cast(Dispatched[Arguments, Value], call)


def _refuse_unknown(
    name: str, run: Callable[..., Any], positional: list[str], kw: dict[str, Any]
) -> None:
    """Refuse names in `kw` that `run` does not take, in the words of the public function."""
    parameters = inspect.signature(run).parameters.values()
    if not kw or any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = positional + [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    unknown = [key for key in kw if key not in known]
    if not unknown:
        return
    key = unknown[0]
    advice = ""
    if near := difflib.get_close_matches(key, known, 1):
        advice = f"; {near[0]!r} is near"
    elif "options" in known:
        advice = f"; an option is given as options={{{key!r}: …}}"
    raise TypeError(f"{name} has no argument {key!r}; the arguments are {', '.join(known)}{advice}")
