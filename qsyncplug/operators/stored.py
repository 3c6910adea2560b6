"""Systems as plain rows of numbers, for saved files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .expression import Expression
from .handle import EachAtom
from .symbol import Symbol
from .writing import expression_from_rows, rows_of, spaces_from_rows, spaces_to_rows

__all__ = ["parts_of_system", "system_to_rows"]


def system_to_rows(
    hamiltonian: Expression, jumps: Sequence[Any], order: Sequence[Symbol]
) -> dict[str, Any]:
    """What :func:`parts_of_system` reads; functions of time are kept by name only."""
    place = {s: k for k, s in enumerate(hamiltonian.symbols)}
    return {
        "spaces": spaces_to_rows(hamiltonian.spaces),
        "order": [place[s] for s in order],
        "hamiltonian": rows_of(hamiltonian, place),
        "jumps": [
            {"each": place[j.symbol], "rows": rows_of(j.summed(), place)}
            if isinstance(j, EachAtom)
            else rows_of(j, place)
            for j in jumps
        ],
    }


def parts_of_system(data: dict[str, Any]) -> tuple[Any, list[Any], list[Any]] | None:
    """Hamiltonian, jumps and the order of the symbols; None where functions of time were lost."""
    spaces = spaces_from_rows(data["spaces"])
    symbols = [s for space in spaces for s in space.symbols]
    rows = [data["hamiltonian"], *(j["rows"] if isinstance(j, dict) else j for j in data["jumps"])]
    if any(factors for part in rows for *_, factors in part):
        # functions of time are not stored: no model is better than a wrong one
        return None
    jumps: list[Any] = []
    for jump in data["jumps"]:
        if isinstance(jump, dict):
            terms = expression_from_rows(jump["rows"], spaces).terms
            jumps.append(
                EachAtom(
                    symbols[jump["each"]],
                    {((m[0][1] if m else (0, 0, 0)), ()): v for (m, _), v in terms.items()},
                )
            )
        else:
            jumps.append(expression_from_rows(jump, spaces))
    hamiltonian = expression_from_rows(data["hamiltonian"], spaces)
    return hamiltonian, jumps, [symbols[k] for k in data["order"]]
