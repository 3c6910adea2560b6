"""From one representation of two spin chains to another."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from . import representations as _rep
from .parameters import ChainParameters

__all__ = ["check_state_dims", "isometry", "transfer"]


def isometry(model: ChainParameters, source: str, target: str) -> qutip.Qobj:
    """The isometry of :meth:`SpinChains.isometry`."""
    for name, value in (("source", source), ("target", target)):
        if value not in ("collective", "bosons", "spins"):
            raise ValueError(f"{name} must be 'collective', 'bosons' or 'spins', not {value!r}")
    if source == "spins" and target != "spins":
        raise ValueError(
            f"the way from 'spins' to {target!r} is no isometry: use project(state, 'spins', "
            f"{target!r})"
        )
    parts: list[Any] = []
    if model.central:
        chain = model.central_chain
        parts.append(
            sp.csr_matrix(chain.doublet()[0]) if chain and target == "spins" != source else None
        )
    for count in model.n:
        flip = sp.csr_matrix(np.eye(count + 1, dtype=complex)[::-1])
        if source == target:
            parts.append(None)
        elif target == "spins":
            E = _rep.dicke_isometry(count)
            parts.append(E @ flip if source == "collective" else E)
        else:
            parts.append(flip)
    matrix = (
        _rep.place(parts, model.dims(source))
        if source != target
        else sp.identity(int(np.prod(model.dims(source))), dtype=complex, format="csr")
    )
    return qutip.Qobj(matrix, dims=[model.dims(target), model.dims(source)], dtype="CSR")


def transfer(model: ChainParameters, x: Any, source: str, target: str, name: str) -> qutip.Qobj:
    """Carry `x` along the isometry between two representations, or back along it."""
    if not isinstance(x, qutip.Qobj):
        raise TypeError(
            f"{name} takes a ket, density matrix or operator as a Qobj, not {type(x).__name__}"
        )
    check_state_dims(model, x, source, name)
    if target == "spins" or source != "spins":
        E = isometry(model, source, target)
        return E @ x if x.isket else E @ x @ E.dag()
    E = isometry(model, target, source)
    return E.dag() @ x if x.isket else E.dag() @ x @ E


def check_state_dims(
    model: ChainParameters, state: qutip.Qobj, representation: str, name: str, levels: Any = None
) -> None:
    """Raise unless the state belongs to `representation`; say to which it does."""
    dims = list(levels) if levels is not None else model.dims(representation)
    wanted = {tuple(dims)}
    rows = state.dims[0]
    if tuple(rows) in wanted and (state.isket or state.dims[0] == state.dims[1]):
        return
    fits = [r for r in ("collective", "spins") if rows == model.dims(r)]
    where = (
        f": these are the dims of the representation {' or '.join(map(repr, fits))}" if fits else ""
    )
    raise ValueError(
        f"{name}: a state of the representation {representation!r} has dims {dims}; got "
        f"{rows}{where}"
    )
