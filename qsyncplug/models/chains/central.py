"""The central chain of Fig. 1(a), and how well its ground-state doublet stands in for a spin ½."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from ...core.checks import check_choice, check_integer, check_number, check_sequence
from ...core.saved import Saved
from ...operators.handle import spins
from ...operators.matrices import operator_matrix

__all__ = ["CentralChain", "DoubletReport", "adjoint", "free_gap", "neighbours", "site_factors"]

#: an expression of the algebra, or a sparse matrix
M = TypeVar("M")


def adjoint(x: Any) -> Any:
    """Of an expression or a sparse matrix."""
    return x.dag() if hasattr(x, "dag") else x.conj().T


def neighbours(count: int, boundary: str) -> list[tuple[int, int]]:
    """Pairs of neighbouring sites, counted from 0, in an open or periodic chain."""
    pairs = [(k, k + 1) for k in range(count - 1)]
    return [*pairs, (count - 1, 0)] if boundary == "periodic" and count > 2 else pairs


@dataclass(frozen=True)
class CentralChain(Saved):
    r"""An odd antiferromagnetic chain of spins ½ that mediates between the two chains.

    .. math:: H_c = K Σ_k \tfrac14(σ_x^kσ_x^{k+1} + σ_y^kσ_y^{k+1} + Δ\,σ_z^kσ_z^{k+1}) +
    \tfrac{ω_0}{2}Σ_kσ_z^k

    Parameters
    ----------
    spins : int
        M, odd.
    exchange : float
        K > 0 (antiferromagnetic: the ground state of an odd chain is then a doublet).
    anisotropy : float
        Δ ≥ 0; 1 is the Heisenberg chain, 0 the XX chain.
    boundary : {"open", "periodic"}
        Of the central chain. An odd periodic chain is frustrated: its ground level is fourfold,
        which the report shows.
    sites : pair of int, optional
        Sites, from 0, that chains 1 and 2 couple to; the middle one for both by default.

    Raises
    ------
    ValueError
        `spins` is even or below 1, or a site does not exist.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.CentralChain(spins=3, exchange=10.0).spins
    3
    """

    spins: int = 3
    exchange: float = 10.0
    anisotropy: float = 1.0
    boundary: str = "open"
    sites: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "spins", check_integer("spins", self.spins, minimum=1))
        if self.spins % 2 == 0:
            raise ValueError(
                "the central chain must have an odd number of spins (only then is its ground "
                f"state a doublet), not {self.spins}"
            )
        put(self, "exchange", check_number("exchange", self.exchange, minimum=0.0, strict=True))
        put(self, "anisotropy", check_number("anisotropy", self.anisotropy, minimum=0.0))
        check_choice("boundary", self.boundary, ("open", "periodic"))
        sites = (self.spins // 2,) * 2
        if self.sites is not None:
            sites = check_sequence("sites", self.sites, "two numbers")
        if len(sites) != 2:
            raise ValueError(f"sites must be a pair, not {len(sites)} numbers")
        put(
            self,
            "sites",
            tuple(check_integer("sites", s, minimum=0, maximum=self.spins - 1) for s in sites),
        )

    def bonds(self) -> list[tuple[int, int]]:
        """Pairs (k, l) of neighbouring sites, counted from 0, that the exchange couples."""
        return neighbours(self.spins, self.boundary)

    def energy(self, sites: Sequence[tuple[M, M]], field: float = 0.0) -> M:
        """H_c of the (σ−, σ_z) of its `sites`, expressions of the algebra or matrices; `field` is
        ω0.
        """
        known: Sequence[tuple[Any, Any]] = sites
        H: Any = sum(0.5 * field * z for _, z in known)
        for a, b in self.bonds():
            (m, z), (k, u) = known[a], known[b]
            flip = 0.5 * self.exchange * (adjoint(m) * k)
            H = H + flip + adjoint(flip)
            H = H + 0.25 * self.exchange * self.anisotropy * (z * u)
        return cast(M, H)

    def _matrices(self) -> list[tuple[Any, Any]]:
        """σ− and σ_z of every site."""
        s = spins(*(1,) * self.spins)
        own = [x.symbol for x in s]

        def matrix(x: Any) -> Any:
            return operator_matrix(x.terms, own, None).data_as("csr_matrix")

        return [(matrix(x.m), matrix(2 * x.z)) for x in s]

    def doublet(self) -> tuple[np.ndarray, np.ndarray]:
        """The two lowest levels with total S_z=±½: isometry (2^M, 2) (up first), and the lowest
        energies with S_z=½ and 3/2.

        The states are made real, with ⟨↓|Σ_kσ_k^-|↑⟩ ≥ 0.
        """
        M = self.spins
        size = 2**M
        up = np.array([M - int(i).bit_count() for i in range(size)])
        sites = self._matrices()
        H = sp.csr_matrix(self.energy(sites))
        columns = np.zeros((size, 2), dtype=complex)
        energies: list[float] = []
        for column, count in ((0, (M + 1) // 2), (1, (M - 1) // 2), (2, (M + 3) // 2)):
            index = np.flatnonzero(up == count)
            if len(index) == 0:
                continue
            block = H[index][:, index].real
            if len(index) <= 300:
                values, vectors = np.linalg.eigh(block.toarray())
            else:
                values, vectors = sla.eigsh(block, k=4, which="SA", v0=np.ones(len(index)))
                order = np.argsort(values)
                values, vectors = values[order], vectors[:, order]
            if column < 2:
                columns[index, column] = vectors[:, 0]
            # S_z=−½ repeats S_z=½
            if column != 1:
                energies.extend(values[:4])
        lower = sum((m for m, _ in sites), start=sp.csr_matrix((size, size)))
        if (columns[:, 1].conj() @ (lower @ columns[:, 0])).real < 0:
            columns[:, 1] *= -1
        return columns, np.sort(energies)


@dataclass(frozen=True)
class DoubletReport(Saved):
    """How well the ground-state doublet of the central chain stands in for a spin ½.

    Attributes
    ----------
    gap : float
        From the doublet to the next level of the free chain, without the field.
    splitting : float
        Of the doublet with the field ω0; ω0 itself, since the doublet has S_z=±½.
    transverse, longitudinal : tuple of 2 float
        η_j of P σ_± P = η_j σ_± and P σ_z P = η_j σ_z at the site that chain j couples to; they
        differ off Δ=1.
    effective_g : tuple of 2 float
        η_j g_j (transverse): what the central spin ½ should be given as g.
    perturbation : float
        Σ_j (g_j √N_j/(2·gap))², an estimate of the weight outside the doublet.
    leakage : float
        Largest weight outside the doublet (tensor anything) found in the evolution asked for; NaN
        without one.
    error : float
        Largest difference of ⟨J_jz⟩/N_j from the central spin ½ with the effective coupling; NaN
        without an evolution.
    times : ndarray
        Of the evolution.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(2, 2), g=(0.5, 0.5), central_chain=qsp.CentralChain(spins=3))
    >>> report = chains.doublet()
    >>> report.gap > report.splitting
    True
    """

    gap: float
    splitting: float
    transverse: tuple[float, float]
    longitudinal: tuple[float, float]
    effective_g: tuple[float, float]
    perturbation: float
    leakage: float
    error: float
    times: np.ndarray

    def __str__(self) -> str:
        rows = [
            f"gap above the doublet     {self.gap:.6g}",
            f"splitting of the doublet  {self.splitting:.6g}",
            f"site factors (transverse) {self.transverse[0]:+.6f} {self.transverse[1]:+.6f}",
            f"site factors (along z)    {self.longitudinal[0]:+.6f} {self.longitudinal[1]:+.6f}",
            f"effective g               {self.effective_g[0]:+.6g} {self.effective_g[1]:+.6g}",
            f"(g√N/2·gap)²              {self.perturbation:.3g}",
        ]
        if np.isfinite(self.leakage) and len(self.times):
            rows.append(
                f"weight outside            {self.leakage:.3g} (largest up to t={self.times[-1]:g})"
            )
            rows.append(f"error of ⟨Jz⟩/N           {self.error:.3g}")
        return "\n".join(rows)


def site_factors(
    chain: CentralChain, columns: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Transverse and longitudinal factors of the two coupling sites in the doublet."""
    assert chain.sites is not None
    up, down = columns.T
    every = chain._matrices()
    pairs = [every[site] for site in chain.sites]
    across = [float((down.conj() @ (minus @ up)).real) for minus, _ in pairs]
    along = [float((up.conj() @ (z @ up)).real) for _, z in pairs]
    return (across[0], across[1]), (along[0], along[1])


def free_gap(energies: np.ndarray) -> float:
    """Distance from the doublet to the next level; 0 for a degenerate ground level, inf for a
    single spin.
    """
    return float(energies[1] - energies[0]) if len(energies) > 1 else float("inf")
