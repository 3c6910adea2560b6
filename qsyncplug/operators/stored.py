"""Systems as plain rows of numbers, for saved files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.timetable import Timetable, tabulate
from .expression import Expression
from .individual import EachAtom
from .symbol import Symbol
from .time_factor import TimeFunction, function_from_file
from .writing import expression_from_rows, rows_of, spaces_from_rows, spaces_to_rows

__all__ = ["parts_of_system", "system_to_rows"]


def system_to_rows(
    hamiltonian: Expression, jumps: Sequence[Any], order: Sequence[Symbol], times: Any = ()
) -> dict[str, Any]:
    """What :func:`parts_of_system` reads; functions of time by their values over `times`, or by
    name only.
    """
    place = {s: k for k, s in enumerate(hamiltonian.symbols)}
    parts = [hamiltonian, *(j.summed() if isinstance(j, EachAtom) else j for j in jumps)]
    functions = list({f.function: None for p in parts for _, fs in p.terms for f in fs})
    known = None if len(times) < 2 else {f: k for k, f in enumerate(functions)}
    tables = [] if known is None else [_table_of(f, times) for f in functions]
    return {
        "functions": tables,
        "spaces": spaces_to_rows(hamiltonian.spaces),
        "order": [place[s] for s in order],
        "hamiltonian": rows_of(hamiltonian, place, known),
        "jumps": [
            {"each": place[j.symbol], "rows": rows_of(j.summed(), place, known)}
            if isinstance(j, EachAtom)
            else rows_of(j, place, known)
            for j in jumps
        ],
    }


def _table_of(function: TimeFunction, times: Any) -> dict[str, Any]:
    # a function given as a table goes into the next file as it is
    owner = getattr(function.source, "__self__", None)
    source = owner if isinstance(owner, Timetable) else function.coefficient
    table = tabulate(source, times, f"the coefficient {function.name}(t) of the system")
    return {"mark": function.identity % 0xFFFF, "name": function.name, **table.to_dict()}


def parts_of_system(data: dict[str, Any]) -> tuple[Any, list[Any], list[Any]] | None:
    """Hamiltonian, jumps and the order of the symbols; None where functions of time were lost."""
    spaces = spaces_from_rows(data["spaces"])
    symbols = [s for space in spaces for s in space.symbols]
    rows = [data["hamiltonian"], *(j["rows"] if isinstance(j, dict) else j for j in data["jumps"])]
    functions = [
        function_from_file(Timetable.from_dict(d), int(d["mark"]), str(d.get("name", "")))
        for d in data.get("functions", ())
    ]
    if not functions and any(factors for part in rows for *_, factors in part):
        # functions of time are not stored: no model is better than a wrong one
        return None
    jumps: list[Any] = []
    for jump in data["jumps"]:
        if isinstance(jump, dict):
            terms = expression_from_rows(jump["rows"], spaces, functions).terms
            jumps.append(
                EachAtom(
                    symbols[jump["each"]],
                    {((m[0][1] if m else (0, 0, 0)), f): v for (m, f), v in terms.items()},
                )
            )
        else:
            jumps.append(expression_from_rows(jump, spaces, functions))
    hamiltonian = expression_from_rows(data["hamiltonian"], spaces, functions)
    return hamiltonian, jumps, [symbols[k] for k in data["order"]]
