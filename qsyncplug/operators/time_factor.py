"""Coefficients that depend on time, told apart by what they are and not by when they were made."""

from __future__ import annotations

import secrets
import types
import weakref
from typing import Any

import qutip

from ..core.errors import SolverError
from ..core.late import ProcessLock
from ..core.timetable import Timetable

__all__ = ["TimeFactor", "TimeFunction", "function_from_file", "time_factor", "value_at"]

_NAMES = 0xFFFF
_lock = ProcessLock()
#: id of the user's object -> its function, as long as some expression holds it
_by_object: weakref.WeakValueDictionary[int, TimeFunction] = weakref.WeakValueDictionary()
_by_identity: weakref.WeakValueDictionary[int, TimeFunction] = weakref.WeakValueDictionary()


class TimeFunction:
    """A function of time that a user gave, with an identity that pickling keeps.

    Holding the user's object keeps its ``id`` from being used again; the tables hold nothing alive.
    """

    __slots__ = ("__weakref__", "coefficient", "identity", "name", "source")

    def __init__(self, coefficient: Any, identity: int, source: Any = None, name: str = ""):
        self.coefficient = coefficient
        self.identity = identity
        self.source = coefficient if source is None else source
        self.name = name or _own_name(self.source, identity)

    def __copy__(self) -> TimeFunction:
        return self

    def __deepcopy__(self, memo: object) -> TimeFunction:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        source = None if self.source is self.coefficient else self.source
        # of a plain function only the function is kept: the coefficient made of it is made again
        return (_restore, (self.identity, None if source is not None else self.coefficient, source))


def _restore(identity: int, coefficient: Any, source: Any) -> TimeFunction:
    with _lock:
        known = _by_identity.get(identity)
        if known is None:
            if coefficient is None:
                coefficient = qutip.coefficient(source)
            known = TimeFunction(coefficient, identity, source)
            _by_identity[identity] = known
            _by_object.setdefault(id(known.source), known)
    return known


def _own_name(source: Any, identity: int) -> str:
    """The name of a plain function, with a mark where another one bears it; a mark of the rest."""
    mark = f"{identity % _NAMES:04x}"
    if not isinstance(source, types.FunctionType) or not source.__name__.isidentifier():
        return f"f{mark}"
    name = source.__name__
    taken = any(f.name == name for f in _by_identity.values())
    return f"{name}_{mark}" if taken else name


class TimeFactor:
    """A time-dependent factor of a term: a function of time or its complex conjugate."""

    __slots__ = ("conjugate", "function")

    def __init__(self, function: TimeFunction, conjugate: bool = False):
        self.function = function
        self.conjugate = conjugate

    @property
    def coefficient(self) -> Any:
        """The ``qutip.Coefficient`` behind it, not conjugated."""
        return self.function.coefficient

    def conj(self) -> TimeFactor:
        """The complex conjugate factor; the function itself is shared."""
        return TimeFactor(self.function, not self.conjugate)

    def __call__(self, t: float) -> complex:
        """The factor at time `t`, conjugated where it is the conjugate of its function."""
        try:
            value = complex(self.function.coefficient(t))
        except SolverError as error:
            # of a run inside the function: it says nothing of the run that this is part of
            raise ValueError(f"a coefficient raised {type(error).__name__}: {error}") from error
        return value.conjugate() if self.conjugate else value

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TimeFactor)
            and self.function is other.function
            and self.conjugate == other.conjugate
        )

    def __hash__(self) -> int:
        return hash((self.function.identity, self.conjugate))

    def __lt__(self, other: TimeFactor) -> bool:
        return (self.function.identity, self.conjugate) < (other.function.identity, other.conjugate)

    def __repr__(self) -> str:
        return f"{self.function.name}(t)" + ("*" if self.conjugate else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return (TimeFactor, (self.function, self.conjugate))


def time_factor(value: Any) -> TimeFactor | None:
    """The factor of a ``qutip.Coefficient`` or a Python function of t; None for anything else.

    The same object always gives the same factor.
    """
    if not isinstance(value, qutip.Coefficient) and not _is_function(value):
        return None
    with _lock:
        known = _by_object.get(id(value))
        if known is None or known.source is not value:
            coefficient = (
                value if isinstance(value, qutip.Coefficient) else qutip.coefficient(value)
            )
            known = TimeFunction(coefficient, secrets.randbits(96), value)
            _by_object[id(value)] = known
            _by_identity[known.identity] = known
    return TimeFactor(known)


def function_from_file(table: Timetable, mark: int, name: str = "") -> TimeFunction:
    """A stored function under the name that it had."""
    # a method, for QuTiP looks at the annotations of what it conjugates
    source = table.value
    # the name is what is left of the identity; the rest tells it from the function itself
    identity = secrets.randbits(80) * _NAMES + mark % _NAMES
    if not name.isidentifier():
        name = ""
    known = TimeFunction(qutip.coefficient(source), identity, source, name)
    with _lock:
        _by_object[id(source)] = known
        _by_identity[known.identity] = known
    return known


def _is_function(value: Any) -> bool:
    return (
        callable(value)
        and not isinstance(value, (type, qutip.Qobj, qutip.QobjEvo))
        and not hasattr(value, "_symbols")
    )


def value_at(coefficient: Any, t: float) -> complex:
    """A coefficient at time `t`, or a ValueError that says what it raised there."""
    try:
        return complex(coefficient(t))
    except Exception as error:
        raise ValueError(
            f"a coefficient of the system raised {type(error).__name__} at t={t:g}: {error}"
        ) from error
