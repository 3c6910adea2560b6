"""What arguments may be, by name: the types that public signatures are written in.

Numbers and arrays of them are ``numpy.typing.ArrayLike``; every check says what shape is wanted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import qutip
import scipy.sparse
from numpy.typing import ArrayLike

from .saved import SavedModel

__all__ = [
    "Adjacency",
    "Amount",
    "Cutoff",
    "EOps",
    "Field",
    "Given",
    "Later",
    "Model",
    "Modes",
    "NetworkxGraph",
    "Observable",
    "Operator",
    "Options",
    "State",
    "Symbolic",
    "TimeFunction",
    "Wave",
    "by_default",
    "must_be_given",
]


Taken = TypeVar("Taken", contravariant=True)
Kept = TypeVar("Kept", covariant=True)


class Given(Generic[Taken, Kept]):
    """The type of a field that takes more than it keeps: of an array_like it keeps an array.

    For type checkers alone: they read what a constructor takes and what an attribute is off the
    two methods. When a program runs, such a field is like any other.
    """

    def __get__(self, instance: object, owner: type | None = None) -> Kept:
        raise NotImplementedError

    def __set__(self, instance: object, value: Taken) -> None:
        raise NotImplementedError


def by_default(value: Any) -> Any:
    """`value`, as the default of a field of type `Given`."""
    return value


def must_be_given() -> Any:
    """What stands where a field of type `Given` has no default."""
    return dataclasses.field()


class Symbolic(Protocol):
    """An expression of the symbols of :func:`qsyncplug.modes`, ``spins``, ``levels``, ``atoms``."""

    @property
    def terms(self) -> dict[Any, complex]:
        """Coefficients by monomial."""

    def dag(self) -> Self:
        """The adjoint of the expression, every operator daggered."""


class NetworkxGraph(Protocol):
    """A graph of networkx: an edge u→v says that u acts on v."""

    @property
    def nodes(self) -> Any:
        """In the order in which they are numbered."""

    def is_directed(self) -> bool:
        """Whether edges have a direction."""


#: a model of any family: what a solver takes first
Model: TypeAlias = SavedModel

#: options of a solver by name; its docstring says which there are
Options: TypeAlias = dict[str, Any]

#: an operator of QuTiP, or an expression of the symbols of a system
Operator: TypeAlias = qutip.Qobj | Symbolic

#: for QuTiP's results and states: the lowering operator of each node
Modes: TypeAlias = Sequence[Operator] | None

#: f(t, state), which gives anything, or an operator, of which the expectation value is meant
Observable: TypeAlias = Callable[[float, Any], Any] | Operator | qutip.QobjEvo

#: what is evaluated at every output: one observable, a list or a dict of them
EOps: TypeAlias = Observable | Sequence[Observable] | Mapping[Hashable, Observable] | None

#: a wave function or kernel on a grid, or a ket or operator of QuTiP
Wave: TypeAlias = ArrayLike | qutip.Qobj

#: what a run starts from: numbers (amplitudes, positions, wave functions, points of spheres), a ket
#: or a density matrix, one state a node, or a dict from symbol to state
State: TypeAlias = ArrayLike | qutip.Qobj | Sequence[Any] | Mapping[Any, Any]

#: Fock levels kept: of every mode, or of each
Cutoff: TypeAlias = int | Sequence[int] | None

#: numbers, or a function that gives them when they are first asked for
Later: TypeAlias = ArrayLike | Callable[[], Any] | None

#: who acts on whom: a matrix whose row j lists who acts on j, or a graph
Adjacency: TypeAlias = ArrayLike | scipy.sparse.sparray | scipy.sparse.spmatrix | NetworkxGraph

#: a factor that changes: a function of time, or times and values
TimeFunction: TypeAlias = Callable[[float], float] | tuple[ArrayLike, ArrayLike]

#: a number or array that may change with time
Amount: TypeAlias = ArrayLike | TimeFunction

#: a function of the coordinates of a grid, or its values
Field: TypeAlias = Callable[..., Any] | ArrayLike
