"""Two spin chains and their centre, stated once: for symbols of the algebra and for matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...operators.expression import Expression
from ...operators.handle import modes, spins
from ...operators.printing import aligned
from ...operators.system import System
from ...operators.transform import expanded_root
from .central import adjoint
from .parameters import ChainParameters

__all__ = [
    "ChainOperators",
    "boson_operators",
    "chain_hamiltonian",
    "chain_jumps",
    "chain_latex",
    "chain_system",
    "symbolic_operators",
]


@dataclass(frozen=True)
class ChainOperators:
    """What the Hamiltonian and the jumps are made of: expressions, or sparse matrices; ``*``
    multiplies both.

    Attributes
    ----------
    lowering, jz : pair
        J_j− and J_jz.
    one : operator or 1
        The identity.
    boson : pair or None
        b_j, where it is defined.
    sigma_minus, sigma_z : operator or None
        Of the central spin; None without one.
    centre : sequence
        Spins ½ (σ−, σ_z) of an explicit central chain.
    sites : pair of sequence
        Spins ½ (σ−, σ_z) of each chain, where they are told apart.
    """

    lowering: tuple[Any, Any]
    jz: tuple[Any, Any]
    one: Any
    boson: tuple[Any, Any] | None = None
    sigma_minus: Any = None
    sigma_z: Any = None
    centre: tuple[Any, ...] = ()
    sites: tuple[tuple[Any, ...], tuple[Any, ...]] = ((), ())


def chain_hamiltonian(model: ChainParameters, ops: ChainOperators, *, flips: bool) -> Any:
    """Eq. (3) of the paper with the direct coupling, or (2), spin by spin.

    Parameters
    ----------
    model : ChainParameters
    ops : ChainOperators
    flips : bool
        Write the exchange as J+J−; otherwise as the numbers n=J_z+N/2 that it is equal to.
    """
    H = 0.0 * ops.jz[0]
    for j, count in enumerate(model.n):
        H = H + model.omega[j] * _own(model, ops, j, flips)
        if model.central:
            minus, z = ops.sigma_minus, ops.sigma_z
            if ops.centre:
                assert model.central_chain is not None and model.central_chain.sites is not None
                minus, z = ops.centre[model.central_chain.sites[j]]
            exchange = adjoint(minus) * ops.lowering[j]
            weight = model.g[j] / np.sqrt(count)
            H = H + weight * (exchange + adjoint(exchange) + z * ops.jz[j])
    if ops.centre:
        H = H + _centre(model, ops)
    elif model.central and model.omega0:
        H = H + 0.5 * model.omega0 * ops.sigma_z
    if model.coherent:
        exchange = adjoint(ops.lowering[0]) * ops.lowering[1]
        H = H + model.coherent / np.sqrt(model.n[0] * model.n[1]) * (exchange + adjoint(exchange))
    return H


def _own(model: ChainParameters, ops: ChainOperators, j: int, flips: bool) -> Any:
    """The Hamiltonian of one chain in units of ω_j."""
    count, squared, jz = model.n[j], model.exchange**2, ops.jz[j]
    if model.geometry == "chain":
        out = jz / count
        for a, b in model.bonds(count):
            flip = adjoint(ops.sites[j][a][0]) * ops.sites[j][b][0]
            out = out + squared / count * (flip + adjoint(flip))
        return out
    if flips:
        flip = adjoint(ops.lowering[j]) * ops.lowering[j] / count
        return squared * (flip - 0.5 * ops.one) + (1 - squared) / count * jz
    number = jz + count / 2 * ops.one
    return (squared + 1 / count) * number - squared / count * (number * number) - 0.5 * ops.one


def _centre(model: ChainParameters, ops: ChainOperators) -> Any:
    """The explicit central chain in its field."""
    chain = model.central_chain
    assert chain is not None
    return chain.energy(ops.centre, model.omega0)


def chain_jumps(model: ChainParameters, ops: ChainOperators) -> list[Any]:
    """The jump operators, rates inside: the collective ones, then those of every spin."""
    spin = [jm / np.sqrt(count) for jm, count in zip(ops.lowering, model.n, strict=True)]
    boson = ops.boson if ops.boson is not None else (None, None)
    if boson[0] is None and model.uses_bosons:
        why = (
            "bosons are defined on the symmetric states alone, which nearest-neighbour coupling "
            "leaves"
            if model.geometry == "chain"
            else "bosons are no polynomials of these spins: use representation='bosons'"
        )
        raise ValueError(f"{why}, or bath='spin', engineered='spin' and nonlinear=0")
    bath: Any = spin if model.bath == "spin" else boson
    engineered: Any = spin if model.engineered == "spin" else boson
    out = []
    for j, count in enumerate(model.n):
        down = np.sqrt(model.loss[j]) * bath[j] if model.loss[j] else None
        if model.nonlinear[j]:
            b = boson[j]
            down = np.sqrt(model.nonlinear[j]) / count * (adjoint(b) * b * b)
            down = down + np.sqrt(model.loss[j]) * b
        if down is not None:
            out.append(np.sqrt(model.thermal[j] + 1) * down)
            if model.thermal[j]:
                out.append(np.sqrt(model.thermal[j]) * adjoint(down))
        if model.gain[j]:
            out.append(np.sqrt(model.gain[j]) * adjoint(bath[j]))
        if model.two_photon[j]:
            out.append(np.sqrt(model.two_photon[j]) * (engineered[j] * engineered[j]))
    if model.dissipative:
        out.append(np.sqrt(model.dissipative) * (engineered[0] - engineered[1]))
    return out + _local_jumps(model, ops)


def _local_jumps(model: ChainParameters, ops: ChainOperators) -> list[Any]:
    """Loss and dephasing of every spin."""
    out = []
    for j, own in enumerate(ops.sites):
        for minus, z in own:
            if model.local_loss[j]:
                out.append(np.sqrt(model.local_loss[j]) * minus)
            if model.local_dephasing[j]:
                out.append(np.sqrt(0.5 * model.local_dephasing[j]) * z)
    return out


def chain_system(
    model: ChainParameters,
    representation: str,
    order: int | None = None,
    expansion: str = "newton",
) -> System:
    """The chains as a :class:`~qsyncplug.System`; see :func:`.builder.spin_chains`."""
    model.check_representation(representation, order, expansion)
    if representation != "spins":
        model.require_symmetric(representation)
    ops, symbols = symbolic_operators(model, representation, order, expansion)
    H = chain_hamiltonian(model, ops, flips=representation in ("collective", "spins"))
    return System(H, chain_jumps(model, ops), name=model.name, order=symbols)


def symbolic_operators(
    model: ChainParameters, representation: str, order: int | None, expansion: str
) -> tuple[ChainOperators, list[Any]]:
    """What the chains are made of in a representation, and its symbols in their order."""
    if representation == "collective":
        return _collective(model)
    if representation == "spins":
        return _all_spins(model)
    if representation == "series" and order is None:
        raise ValueError("order must be given for representation='series': K ≥ 1 of the expansion")
    return boson_operators(model, order, expansion)


def chain_latex(model: ChainParameters) -> str:
    """H and the jumps as they are stated, coefficients to six digits."""
    whole = not model.symmetric or model.central_chain is not None
    ops = (_all_spins(model) if whole else _collective(model))[0]
    if model.uses_bosons:
        b = modes(2)
        ops = replace(ops, boson=(b[0], b[1]))
    H = chain_hamiltonian(model, ops, flips=True)
    rows = [("H", H)]
    rows += [(f"L_{{{k + 1}}}", x) for k, x in enumerate(chain_jumps(model, ops))]
    # the algebra's spins are halves of Pauli matrices
    shown = [(name, _rounded(x)._repr_latex_().replace("σ_{", "s_{")) for name, x in rows]
    if model.uses_bosons:
        shown.append(("J_{j-}", r"\sqrt{N_j - b_j^\dagger b_j}\,b_j"))
    notes = [f"N_{j + 1} = {count}" for j, count in enumerate(model.n)]
    if model.central or whole:
        notes.append(r"s = \tfrac12 \sigma")
    return aligned(shown, ", ".join(notes))


def _rounded(x: Expression) -> Expression:
    def digits(value: complex) -> complex:
        return complex(float(f"{value.real:.6g}"), float(f"{value.imag:.6g}"))

    return Expression(x.spaces, {key: digits(value) for key, value in x.terms.items()})


def _centre_spin(model: ChainParameters) -> tuple[Any, ...]:
    return spins(1, names=["σ"]) if model.central else ()


def _half(spin: Any) -> tuple[Any, Any]:
    """σ− and σ_z of a spin ½; the symbol's own z is σ_z/2."""
    return spin.m, 2 * spin.z


def _collective(model: ChainParameters) -> tuple[ChainOperators, list[Any]]:
    centre, J = _centre_spin(model), spins(*model.n, names=["J1", "J2"])
    minus, z = _half(centre[0]) if centre else (None, None)
    ops = ChainOperators((J[0].m, J[1].m), (J[0].z, J[1].z), 1.0, None, minus, z)
    return ops, [*centre, *J]


def boson_operators(
    model: ChainParameters, order: int | None, expansion: str
) -> tuple[ChainOperators, list[Any]]:
    """Two modes with the root to an order, and (σ−, σ_z) of the central spin; and the symbols."""
    centre, b = _centre_spin(model), modes(2)
    minus, z = _half(centre[0]) if centre else (None, None)
    lowering, along = [], []
    for x, count in zip(b, model.n, strict=True):
        root = expanded_root(x, count, count if order is None else order, expansion)
        lowering.append(np.sqrt(count) * (root * x))
        along.append(x.dag() * x - count / 2)
    ops = ChainOperators(
        (lowering[0], lowering[1]), (along[0], along[1]), 1.0, (b[0], b[1]), minus, z
    )
    return ops, [*centre, *b]


def _all_spins(model: ChainParameters) -> tuple[ChainOperators, list[Any]]:
    size = model.centre_size()
    total = size + sum(model.n)
    s = spins(*(1,) * total, names=[f"s{k + 1}" for k in range(total)])
    half = [_half(x) for x in s]
    sites = tuple(half[size : size + model.n[0]]), tuple(half[size + model.n[0] :])
    lowering = [sum((m for m, _ in own[1:]), own[0][0]) for own in sites]
    along = [sum((0.5 * z for _, z in own[1:]), 0.5 * own[0][1]) for own in sites]
    explicit = model.central_chain is not None
    minus, z = half[0] if size and not explicit else (None, None)
    ops = ChainOperators(
        (lowering[0], lowering[1]),
        (along[0], along[1]),
        1.0,
        None,
        minus,
        z,
        tuple(half[:size]) if explicit else (),
        sites,
    )
    return ops, list(s)
