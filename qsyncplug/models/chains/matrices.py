"""Hamiltonian and jump operators of two spin chains as sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from . import representations as _rep
from .parameters import ChainParameters
from .representations import SIGMA_X, SIGMA_Y, SIGMA_Z, Space, site_operator

__all__ = ["full_hamiltonian", "hamiltonian_matrix", "jump_matrices", "local_jump_matrices"]


def hamiltonian_matrix(model: ChainParameters, space: Space, representation: str) -> Any:
    """Eq. (3) of the paper in `space`, with the direct coupling; spin by spin for "spins"."""
    if representation == "spins":
        return full_hamiltonian(model) + _direct(model, space)
    model.require_symmetric(representation)
    one = sp.identity(space.size, dtype=complex, format="csr")
    squared = model.exchange**2
    H: Any = sp.csr_matrix((space.size, space.size), dtype=complex)
    for j, count in enumerate(model.n):
        jm, jz = space.lowering[j], space.jz[j]
        if representation == "collective":
            flip = jm.conj().T @ jm / count - 0.5 * one
            H = H + model.omega[j] * (squared * flip + (1 - squared) * jz / count)
        else:
            number = jz + (count / 2) * one
            H = H + model.omega[j] * (
                (squared + 1 / count) * number - (squared / count) * (number @ number) - 0.5 * one
            )
        if model.central:
            exchange = space.sigma_minus.conj().T @ jm
            H = H + model.g[j] / np.sqrt(count) * (
                exchange + exchange.conj().T + space.sigma_z @ jz
            )
    if model.central:
        H = H + 0.5 * model.omega0 * space.sigma_z
    return H + _direct(model, space)


def _direct(model: ChainParameters, space: Space) -> Any:
    """The coherent coupling of the two chains."""
    exchange = (
        model.coherent
        / np.sqrt(model.n[0] * model.n[1])
        * (space.lowering[0].conj().T @ space.lowering[1])
    )
    return exchange + exchange.conj().T


def full_hamiltonian(model: ChainParameters) -> Any:
    """Eq. (2) of the paper, spin by spin."""
    centre = model.centre_size()
    total = centre + sum(model.n)
    size = 2**total
    H: Any = sp.csr_matrix((size, size), dtype=complex)
    if model.central_chain is not None:
        H = H + sp.kron(
            model.central_chain.matrix(model.omega0), sp.identity(2 ** sum(model.n)), format="csr"
        )
    elif model.central:
        H = H + 0.5 * model.omega0 * site_operator(SIGMA_Z, 0, total)
    start = centre
    for j, count in enumerate(model.n):
        spins = range(start, start + count)
        sigma = {
            s: [site_operator(m, s, total) for m in (SIGMA_X, SIGMA_Y, SIGMA_Z)] for s in spins
        }
        for k in spins:
            H = H + model.omega[j] / (2 * count) * sigma[k][2]
        if model.exchange:
            for a, b in _bonds(model, start, count):
                weight = model.omega[j] * model.exchange**2 / (2 * count)
                H = H + weight * (sigma[a][0] @ sigma[b][0] + sigma[a][1] @ sigma[b][1])
        if model.central:
            site = (
                model.central_chain.sites[j]
                if model.central_chain and model.central_chain.sites
                else 0
            )
            for axis, matrix in enumerate((SIGMA_X, SIGMA_Y, SIGMA_Z)):
                middle = site_operator(matrix, site, total)
                sum_ = sum(
                    (sigma[k][axis] for k in spins),
                    start=sp.csr_matrix((size, size), dtype=complex),
                )
                H = H + model.g[j] / (2 * np.sqrt(count)) * (middle @ sum_)
        start += count
    H.sum_duplicates()
    # what rounding left of terms that cancel; relative, so that any unit of time will do
    H.data[np.abs(H.data) < 1e-15 * np.abs(H.data).max(initial=0.0)] = 0
    H.eliminate_zeros()
    return H


def _bonds(model: ChainParameters, start: int, count: int) -> list[tuple[int, int]]:
    if model.geometry == "all":
        return [(start + a, start + b) for a in range(count) for b in range(a + 1, count)]
    pairs = [(start + k, start + k + 1) for k in range(count - 1)]
    if model.boundary == "periodic" and count > 2:
        pairs.append((start + count - 1, start))
    return pairs


def local_jump_matrices(model: ChainParameters, space: Space) -> list[Any]:
    """Loss and dephasing of every spin, in the space of all spins."""
    out = []
    total, start = len(space.dims), model.centre_size()
    for j, count in enumerate(model.n):
        for k in range(start, start + count):
            if model.local_loss[j]:
                out.append(np.sqrt(model.local_loss[j]) * site_operator(_rep.SIGMA_MINUS, k, total))
            if model.local_dephasing[j]:
                out.append(
                    np.sqrt(0.5 * model.local_dephasing[j]) * site_operator(SIGMA_Z, k, total)
                )
        start += count
    return out


def _uses_bosons(model: ChainParameters) -> bool:
    linear = any(model.loss) or any(model.gain)
    engineered = any(model.two_photon) or model.dissipative > 0
    return (
        (model.bath == "boson" and linear)
        or (model.engineered == "boson" and engineered)
        or any(model.nonlinear)
    )


def jump_matrices(model: ChainParameters, space: Space) -> list[Any]:
    """The collective jump operators in a space."""
    spin = [jm / np.sqrt(count) for jm, count in zip(space.lowering, model.n, strict=True)]
    boson = space.boson
    if boson is None and _uses_bosons(model):
        if model.geometry == "chain":
            raise ValueError(
                "bosons are defined on the symmetric states alone, which nearest-neighbour "
                "coupling leaves: "
                "use bath='spin', engineered='spin' and nonlinear=0"
            )
        boson = _rep.full_bosons(model.n, model.centre_size())
    bath: Any = spin if model.bath == "spin" else boson
    engineered: Any = spin if model.engineered == "spin" else boson
    out = []
    for j, count in enumerate(model.n):
        nbar = model.thermal[j]
        if model.nonlinear[j]:
            assert boson is not None
            b = boson[j]
            down = np.sqrt(model.loss[j]) * b + np.sqrt(model.nonlinear[j]) / count * (
                b.conj().T @ b @ b
            )
        else:
            down = np.sqrt(model.loss[j]) * bath[j]
        if model.loss[j] or model.nonlinear[j]:
            out.append(np.sqrt(nbar + 1) * down)
            if nbar:
                out.append(np.sqrt(nbar) * down.conj().T)
        if model.gain[j]:
            out.append(np.sqrt(model.gain[j]) * bath[j].conj().T)
        if model.two_photon[j]:
            out.append(np.sqrt(model.two_photon[j]) * (engineered[j] @ engineered[j]))
    if model.dissipative:
        out.append(np.sqrt(model.dissipative) * (engineered[0] - engineered[1]))
    return [sp.csr_matrix(m) for m in out]
