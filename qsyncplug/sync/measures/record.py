"""What a measure says of itself, and how it takes anything that can be read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..reading import synchronization

__all__ = ["RECORDS", "Of", "Record", "measure"]


class Of(StrEnum):
    """What a measure has a value of."""

    RUN = "run"
    NODES = "nodes"
    PAIRS = "pairs"


@dataclass(frozen=True)
class Record:
    """A measure's name and meaning; tables, plots and documentation read it.

    Attributes
    ----------
    name : str
        Of the function.
    symbol, latex : str
        In text and in figures.
    of : Of
        Numbers (T,) of the run, (T, N) of nodes, (T, N, N) of pairs.
    needs : tuple of str
        Fields of the view.
    null : float or None
        Value of independent nodes (of the vacuum where that is said); None where there is none.
    range : tuple of float
        Of states.
    circular : bool
        Whether the values are angles, which have circular means and differences only.
    correlation : bool
        Whether it measures correlation, which stands beside synchronisation and is none.
    costly : bool
        Whether it works on the states at every time.
    table : bool
        Whether it stands in the table of :func:`qsyncplug.compare`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.measures.RECORDS["coherence"].null
    0.0
    """

    name: str
    symbol: str
    latex: str
    of: Of
    needs: tuple[str, ...]
    null: float | None = None
    range: tuple[float, float] = (float("-inf"), float("inf"))
    circular: bool = False
    correlation: bool = False
    costly: bool = False
    table: bool = False


#: name -> record of every measure, in the order of the table
RECORDS: dict[str, Record] = {}


def measure(
    symbol: str, latex: str, of: Of, needs: tuple[str, ...], **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate ``f(view, …)``: it then takes whatever can be read, and carries its record.

    The new argument ``modes=`` names the lowering operators of the nodes of QuTiP results and
    states.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        RECORDS[name] = Record(name, symbol, latex, of, needs, **more)

        @functools.wraps(function)
        def wrapper(x: Any, *args: Any, modes: Any = None, **options: Any) -> Any:
            return function(synchronization(x, modes=modes), *args, **options)

        wrapper.record = RECORDS[name]  # type: ignore[attr-defined]
        wrapper.__signature__ = _with_modes(function)  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _with_modes(function: Callable[..., Any]) -> inspect.Signature:
    """The signature as one sees it, with ``modes`` at the end."""
    signature = inspect.signature(function)
    modes = inspect.Parameter("modes", inspect.Parameter.KEYWORD_ONLY, default=None)
    return signature.replace(parameters=[*signature.parameters.values(), modes])
