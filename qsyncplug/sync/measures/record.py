"""What a measure says of itself, and how it takes anything that can be read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from ...core.documented import with_parameters
from ..reading import synchronization

__all__ = ["RECORDS", "Of", "Record", "described", "measure"]

#: ranges of values
POSITIVE, UNIT = (0.0, np.inf), (0.0, 1.0)


class Of(StrEnum):
    """What a measure has a value of: numbers (T,) of the run, (T, N) of nodes, (T, N, N) of pairs.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.measures.RECORDS["coherence"].of is qsp.measures.Of.PAIRS
    True
    """

    RUN = "run"
    NODES = "nodes"
    PAIRS = "pairs"


@dataclass(frozen=True)
class Record:
    """A measure's name and meaning; tables, plots, sweeps and documentation read it.

    Attributes
    ----------
    symbol, latex : str
        In text and in figures.
    of : Of
        Numbers (T,) of the run, (T, N) of nodes, (T, N, N) of pairs.
    needs : tuple of str
        Fields of the view.
    null : float, callable or None
        Value of independent nodes (of the vacuum where that is said), or the function that gives it
        for N nodes; None where there is none.
    range : tuple of float
        Of states.
    circular : bool
        Whether the values are angles, which have circular means and differences only.
    correlation : bool
        Whether it measures correlation, which stands beside synchronisation and is none.
    costly : bool
        Whether it works on the states at every time.
    place : int or None
        Where it stands in the table of :func:`qsyncplug.compare`; None: nowhere.
    name : str
        Of the function.
    function : callable
        The measure itself; :func:`measure` fills in both.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.measures.RECORDS["coherence"].null
    0.0
    """

    symbol: str
    latex: str
    of: Of
    needs: tuple[str, ...]
    null: float | Callable[[float], float] | None = None
    range: tuple[float, float] = (-np.inf, np.inf)
    circular: bool = False
    correlation: bool = False
    costly: bool = False
    place: int | None = None
    name: str = ""
    function: Callable[..., Any] = field(default=synchronization, compare=False, repr=False)

    def null_of(self, n: float) -> float | None:
        """The value that `n` independent nodes of equal weight have, or None where there is none;
        see :func:`.common.equal_nodes`.
        """
        return self.null(n) if callable(self.null) else self.null


#: name -> record of every measure
RECORDS: dict[str, Record] = {}


def described(record: Record) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function that reads its argument itself: it carries its record."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        RECORDS[name] = replace(record, name=name, function=function)
        vars(function)["record"] = RECORDS[name]
        return function

    return decorate


def measure(record: Record) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Decorate ``f(view, …)``: it becomes a measure, known by name to plots, sweeps and tables.

    It then takes whatever can be read, with ``modes=`` for the lowering operators of the nodes of
    QuTiP results and states, and both are added to its docstring.

    Parameters
    ----------
    record : Record
        What the measure says of itself; the name is the function's.

    Returns
    -------
    callable
        The decorator.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> from qsyncplug.sync.measures import RECORDS, Of, Record, measure
    >>> @measure(Record("Σn", r"\sum n", Of.RUN, needs=("masses",), null=0.0))
    ... def total(view):
    ...     '''Excitations of all nodes.'''
    ...     return view.masses.sum(axis=1)
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], [0.0, 1.0])
    >>> float(total(run)[0]), RECORDS.pop("total").symbol
    (1.25, 'Σn')
    """
    if not isinstance(record, Record):
        raise TypeError(f"record must be a Record, not {type(record).__name__}")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(x: Any, *args: Any, modes: Any = None, **options: Any) -> Any:
            return function(synchronization(x, modes=modes), *args, **options)

        vars(wrapper)["__signature__"] = _with_modes(function)
        wrapper.__doc__ = _documented(inspect.getdoc(function) or "", record.needs)
        return described(record)(wrapper)

    return decorate


def _with_modes(function: Callable[..., Any]) -> inspect.Signature:
    """The signature as one sees it, with ``modes`` at the end."""
    signature = inspect.signature(function)
    modes = inspect.Parameter(
        "modes",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation="Sequence[Qobj | Expression] | None",
    )
    return signature.replace(parameters=[*signature.parameters.values(), modes])


_MOMENTS = ", or ``mean`` and ``covariance``"
#: what a view makes a field from where it is not given
_FROM = {"correlations": _MOMENTS, "masses": _MOMENTS}
_MODES = (
    "modes : sequence of Qobj or Expression, optional\n"
    "    For QuTiP results and states: the lowering operator of each node."
)


def _documented(doc: str, needs: tuple[str, ...]) -> str:
    """`doc` with what every measure takes: the view, unless it is described, and ``modes``."""
    fields = " and ".join(f"``{name}``{_FROM.get(name, '')}" for name in needs)
    view = f"view : SyncView, or anything that synchronization reads\n    Needs {fields}."
    doc = with_parameters(doc, {"view": view}, first=True)
    return with_parameters(doc, {"modes": _MODES})
