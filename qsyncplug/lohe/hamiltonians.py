"""What a model is given as Hamiltonians and positions: checked, and compared with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ..waves.hamiltonian import GridHamiltonian
from ..waves.hermitian import check_hermitian

__all__ = ["check_hamiltonians", "check_position", "energy_offset"]


def check_hamiltonians(value: Any) -> Any:
    """One Hamiltonian, or a tuple of one an oscillator, all on one space."""
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("hamiltonian must hold at least one Hamiltonian")
        items = tuple(_check_hamiltonian(h, f"hamiltonian[{k}]") for k, h in enumerate(value))
        for k, h in enumerate(items):
            same = type(h) is type(items[0]) or not (
                isinstance(h, GridHamiltonian) or isinstance(items[0], GridHamiltonian)
            )
            if not same:
                raise TypeError(
                    f"hamiltonian[{k}] must be of the kind of the first, {type(items[0]).__name__}"
                )
            if isinstance(h, GridHamiltonian):
                if h.grid != items[0].grid:
                    raise ValueError(f"hamiltonian[{k}] must be on the grid of the first")
            elif h.dims != items[0].dims:
                raise ValueError(
                    f"hamiltonian[{k}] must have dimensions {items[0].dims}, as the first, not "
                    f"{h.dims}"
                )
        return items
    return _check_hamiltonian(value, "hamiltonian")


def _check_hamiltonian(h: Any, name: str) -> Any:
    if isinstance(h, GridHamiltonian):
        return h
    if isinstance(h, (qutip.Qobj, qutip.QobjEvo)):
        return check_hermitian(h, name)
    raise TypeError(
        f"{name} must be a GridHamiltonian, a Qobj or a QobjEvo, not {type(h).__name__}"
    )


def check_position(value: Any, reference: Any) -> Any:
    """Position operators on the space of a Hamiltonian that is a Qobj."""
    if value is None:
        return None
    if isinstance(reference, GridHamiltonian):
        raise ValueError(
            "position is for Hamiltonians that are Qobj; a grid has its own coordinates"
        )
    items = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for k, x in enumerate(items):
        if not isinstance(x, qutip.Qobj):
            raise TypeError(f"position[{k}] must be a Qobj, not {type(x).__name__}")
        if x.dims != reference.dims:
            raise ValueError(
                f"position[{k}] must have the dimensions of the Hamiltonian, {reference.dims}, not "
                f"{x.dims}"
            )
        check_hermitian(x, f"position[{k}]")
    return items


def energy_offset(first: Any, other: Any) -> float | None:
    """Ω where `other` is `first`+Ω; None where it is something else."""
    if isinstance(first, GridHamiltonian):
        return first.offset(other)
    if other is first:
        return 0.0
    if isinstance(first, qutip.QobjEvo) or isinstance(other, qutip.QobjEvo):
        return None
    difference = (other - first).full()
    shift = np.trace(difference).real / len(difference)
    scale = max(np.max(np.abs(first.full())), np.max(np.abs(other.full())))
    if (
        np.max(np.abs(difference - shift * np.eye(len(difference))))
        > 4 * np.finfo(float).eps * scale
    ):
        return None
    return float(shift) if np.any(difference) else 0.0
