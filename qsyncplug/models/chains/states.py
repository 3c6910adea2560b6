"""States of two spin chains and their centre, and the way from one representation to another."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from ...core.checks import check_choice, check_memory, check_number, check_pair
from ...operators.matrices import tensor_matrix
from ...operators.states import spin_coherent_levels
from .operators import ChainMatrices
from .parameters import ChainParameters
from .representations import dicke_isometry

__all__ = [
    "central_state",
    "check_state_dims",
    "isometry",
    "product_ket",
    "transfer",
]


def product_ket(
    model: ChainParameters,
    central: Any,
    excitation: Any,
    phase: Any,
    representation: str,
    levels: Any,
) -> qutip.Qobj:
    """The state of :meth:`SpinChains.product_state`."""
    model.check_representation(representation)
    x, phi = check_pair("excitation", excitation, minimum=0.0), check_pair("phase", phase)
    for value in x:
        check_number("excitation", value, maximum=1.0)
    if representation == "spins":
        total = sum(model.n) + model.centre_size()
        check_memory(
            f"the state of {total} spins", 16.0 * 2.0 ** min(total, 100), advice="take fewer spins"
        )
    else:
        counts = [n + 1.0 for n in model.n] if levels is None else [1.0]
        size = 2.0 * float(np.prod(counts))
        check_memory("the product state", 80.0 * size, advice="take fewer spins, or give levels")
    parts: list[qutip.Qobj] = []
    if model.central:
        parts.append(central_state(model, central, representation))
    elif not (isinstance(central, str) and central == "down"):
        raise ValueError("there is no central spin (central=False): leave `central` out")
    sizes = [s + 1 for s in model.n]
    if levels is not None and representation == "series":
        sizes = list(levels) if isinstance(levels, (tuple, list)) else [levels, levels]
    for count, size, value, angle in zip(model.n, sizes, x, phi, strict=True):
        if representation == "spins":
            one = (
                np.sqrt(value) * np.exp(1j * angle) * qutip.basis(2, 0)
                + np.sqrt(1 - value) * qutip.basis(2, 1)
            ).unit()
            parts.append(qutip.tensor([one] * count))
            continue
        c = spin_coherent_levels(count, np.sqrt(value), np.sqrt(1 - value), angle)
        if size != count + 1:
            if size < count + 1 and np.abs(c[size:]).max(initial=0.0) > 1e-12:
                raise ValueError(
                    f"levels={size} cut off the spin-coherent state of {count} spins at "
                    f"excitation {value:g}"
                )
            c = np.concatenate([c, np.zeros(max(0, size - count - 1))])[:size]
        parts.append(qutip.Qobj(c[::-1] if representation == "collective" else c))
    if any(p.isoper for p in parts):
        parts = [qutip.ket2dm(p) if p.isket else p for p in parts]
    return qutip.tensor(parts)


def central_state(model: ChainParameters, central: Any, representation: str) -> qutip.Qobj:
    """Return the state of the central spin, or of the explicit chain that stands in for it."""
    chain = model.central_chain if representation == "spins" else None
    if isinstance(central, str):
        check_choice("central", central, ("down", "up"))
        half = qutip.basis(2, 0 if central == "up" else 1)
    elif isinstance(central, qutip.Qobj):
        if chain is not None and central.shape[0] == 2**chain.spins:
            return central
        if central.shape[0] != 2 or not (central.isket or central.isoper):
            raise ValueError(
                "central must be a ket or density matrix of dimension 2, not of shape "
                f"{central.shape}"
            )
        if abs((central.norm() if central.isket else central.tr()) - 1) > 1e-8:
            raise ValueError("central must be normalised; use .unit()")
        half = central
    else:
        raise TypeError(f"central must be 'down', 'up' or a Qobj, not {central!r}")
    if chain is None:
        return half
    E = qutip.Qobj(chain.doublet()[0], dims=[[2] * chain.spins, [2]])
    return E @ half if half.isket else E @ half @ E.dag()


def isometry(model: ChainMatrices, source: str, target: str) -> qutip.Qobj:
    """The isometry of :meth:`SpinChains.isometry`."""
    for name, value in (("source", source), ("target", target)):
        if value not in ("collective", "bosons", "spins"):
            raise ValueError(f"{name} must be 'collective', 'bosons' or 'spins', not {value!r}")
    if source == "spins" and target != "spins":
        raise ValueError(
            f"the way from 'spins' to {target!r} is no isometry: use project(state, 'spins', "
            f"{target!r})"
        )
    parts: list[Any] = [None] * len(model.dims(source))
    if source != target:
        chain = model.central_chain
        if chain and target == "spins":
            parts[0] = sp.csr_matrix(chain.doublet()[0])
        for place, count in zip((-2, -1), model.n, strict=True):
            # the levels of a boson are those of the spin from below
            flip = sp.csr_matrix(np.eye(count + 1, dtype=complex)[::-1])
            E = dicke_isometry(count) if target == "spins" else flip
            parts[place] = E @ flip if (source, target) == ("collective", "spins") else E
    matrix = tensor_matrix(parts, model.dims(source))
    return qutip.Qobj(matrix, dims=[model.dims(target), model.dims(source)], dtype="CSR")


def transfer(model: ChainMatrices, x: Any, source: str, target: str, name: str) -> qutip.Qobj:
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
    model: ChainMatrices, state: qutip.Qobj, representation: str, name: str, levels: Any = None
) -> None:
    """Raise unless the state belongs to `representation`; say to which it does."""
    dims = list(levels) if levels is not None else model.dims(representation)
    rows = state.dims[0]
    if rows == dims and (state.isket or state.dims[1] == rows):
        return
    fits = [r for r in ("collective", "spins") if rows == model.dims(r)]
    where = (
        f": these are the dims of the representation {' or '.join(map(repr, fits))}" if fits else ""
    )
    raise ValueError(
        f"{name}: a state of the representation {representation!r} has dims {dims}; got "
        f"{rows}{where}"
    )
