"""Two spin chains that a central spin couples: the consistent model, in four representations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import qutip
import scipy.sparse as sp

from ...core.checks import check_number, check_pair, check_times
from ...core.entry import exactsolve
from ...core.saved import PlainModel
from ...core.types import Cutoff
from . import central as _central
from .central import CentralChain, DoubletReport
from .operators import ChainMatrices
from .parameters import ChainFrame, check_sizes
from .representations import as_qobj
from .statement import chain_latex
from .states import isometry, product_ket, transfer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["SpinChains", "collective_van_der_pol_pair"]


@dataclass(frozen=True, init=False)
class SpinChains(ChainMatrices, PlainModel):
    r"""Two chains of spins ½ coupled through a central spin: one Hamiltonian, one set of jump
    operators.

    .. math::
        H = \tfrac{ω_0}{2}σ_z + Σ_j \tfrac{g_j}{\sqrt{N_j}}(σ_+J_{j-} + σ_-J_{j+} + σ_zJ_{jz})
            + Σ_j ω_j\Big[λ^2\Big(\tfrac{J_{j+}J_{j-}}{N_j} - \tfrac12\Big) +
            (1-λ^2)\tfrac{J_{jz}}{N_j}\Big]

    Parameters
    ----------
    n : int or pair of int
        Spins of each chain, N_j ≥ 1.
    g : float or pair of float
        Coupling of each chain to the central spin.
    omega0 : float
        Splitting of the central spin.
    omega : float or pair of float
        Frequency ω_j of each chain.
    exchange : float
        λ, from 0 to 1.
    loss : float or pair of float
        Rate γ of :math:`\sqrt{γ(\bar n+1)/N}\,J_-` (with ``bath="boson"``: :math:`\sqrt{γ(\bar
        n+1)}\,b`).
    thermal : float or pair of float
        Occupation n̄ of the baths: adds :math:`\sqrt{γ\bar n/N}\,J_+`.
    nonlinear : float or pair of float
        γ_nl: the loss operator becomes :math:`\sqrt{γ}\,b + (\sqrt{γ_{nl}}/N)\,b^†b^2` (bosons,
        whatever `bath` says).
    gain : float or pair of float
        Rate of :math:`\sqrt{γ_g/N}\,J_+` (with ``bath="boson"``: :math:`\sqrt{γ_g}\,b^†`).
    two_photon : float or pair of float
        Rate of :math:`\sqrt{κ_2}\,b^2` (with ``engineered="spin"``: :math:`\sqrt{κ_2}\,J_-^2/N`).
    coherent : float
        Direct coupling κ of the chains: adds :math:`\tfrac{κ}{\sqrt{N_1N_2}}(J_{1+}J_{2-} +
        J_{2+}J_{1-})` to H.
    dissipative : float
        Rate of :math:`\sqrt V(b_1-b_2)` (with ``engineered="spin"``: :math:`\sqrt
        V(J_{1-}/\sqrt{N_1}-J_{2-}/\sqrt{N_2})`).
    local_loss, local_dephasing : float or pair of float
        Rates of :math:`\sqrt γ\,σ_-^i` and :math:`\sqrt{γ/2}\,σ_z^i` at every spin: only in the
        representation ``"spins"``.
    bath, engineered : {"spin", "boson"}
        Whether loss, thermal bath and gain (`bath`), two-photon loss and dissipative coupling
        (`engineered`) act through J−/√N or through the Holstein–Primakoff boson b.
    central : bool
        Whether there is a central spin. Without one, `g` and `omega0` must be 0.
    geometry : {"all", "chain"}
        Which spins of a chain are coupled: every pair, as in (2) of the paper, or nearest
        neighbours with the same coupling :math:`ω_jλ^2/(2N_j)` a pair. A chain leaves the symmetric
        states: only in the representation ``"spins"``.
    boundary : {"open", "periodic"}
        Of the two chains, for ``geometry="chain"``.
    central_chain : CentralChain, optional
        An explicit central chain in the representation ``"spins"``; elsewhere its doublet is the
        central spin ½.

    Raises
    ------
    ValueError, TypeError
        A number is out of range: N<1, λ outside [0, 1], a negative rate.

    Notes
    -----
    J. Ghildiyal, Manju, S. Dasgupta, A. Biswas, eqs (2) and (3). Their eq. (4) has the wrong
    commutator and (5) the wrong factors; here J_-=√(N−b†b) b, J_z=b†b−N/2, dimension N+1. H and all
    jump operators but the local ones conserve or shift b_1†b_1+b_2†b_2+σ_z/2 by definite amounts.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(3, 2))
    >>> chains.hamiltonian().dims
    [[2, 4, 3], [2, 4, 3]]
    """

    _parts: ClassVar[dict[str, Callable[..., Any]]] = {"central_chain": CentralChain}

    # ------------------------------------------------------------ isometries and states

    def isometry(self, source: str, target: str) -> qutip.Qobj:
        """The isometry from one representation to another of the same or larger dimension.

        Parameters
        ----------
        source, target : {"collective", "bosons", "spins"}
            From ``"collective"`` or ``"bosons"`` to any of the three. The reverse of what leads to
            ``"spins"`` is no isometry; use :meth:`project`.

        Returns
        -------
        Qobj
            E with E†E=1; for ``"spins"`` its range is the symmetric states (and the doublet of an
            explicit central chain).
        """
        return isometry(self, source, target)

    def embed(self, x: qutip.Qobj, source: str = "collective", target: str = "spins") -> qutip.Qobj:
        """Carry a ket, density matrix or operator into another representation: E x (ket) or E x E†
        (operator).

        Parameters
        ----------
        x : Qobj
            In the representation `source`.
        source, target : str
            As for :meth:`isometry`, whose E it is.

        Returns
        -------
        Qobj

        Raises
        ------
        ValueError
            `x` does not belong to `source`; the message says to which representation it does.
        """
        if source == "spins" and target != "spins":
            raise ValueError(
                "embed goes to the larger space; use project to come back from 'spins'"
            )
        return transfer(self, x, source, target, "embed")

    def project(
        self, x: qutip.Qobj, source: str = "spins", target: str = "collective"
    ) -> qutip.Qobj:
        """The part of a ket, density matrix or operator inside another representation: E† x or E† x
        E.

        Parameters
        ----------
        x : Qobj
            In the representation `source`.
        source, target : str
            Reversed, as for :meth:`isometry`, whose E it is.

        Returns
        -------
        Qobj
            Not renormalised: the norm (trace) that is missing is the weight outside the symmetric
            states and the doublet.
        """
        return transfer(self, x, source, target, "project")

    def product_state(
        self,
        central: str | qutip.Qobj = "down",
        excitation: ArrayLike = (0.0, 0.0),
        phase: ArrayLike = (0.0, 0.0),
        representation: str = "collective",
        *,
        levels: Cutoff = None,
    ) -> qutip.Qobj:
        r"""A product of the central spin and two spin-coherent chains.

        Parameters
        ----------
        central : "down", "up" or Qobj
            Of the central spin: a name, or a ket or density matrix of dimension 2 (or of the
            explicit central chain).
        excitation : float or pair of float
            x_j = ⟨b_j†b_j⟩/N_j, from 0 to 1.
        phase : float or pair of float
            φ_j: ⟨J_j−⟩ = N_j √(x_j(1−x_j)) e^{iφ_j}.
        representation : {"collective", "bosons", "series", "spins"}
            Where the state lives.
        levels : int or pair of int
            For ``"series"``: Fock levels kept.

        Returns
        -------
        Qobj
            A ket; a density matrix if `central` is one.
        """
        return product_ket(self, central, excitation, phase, representation, levels)

    # ------------------------------------------------------------ the central chain

    def doublet(
        self,
        tlist: ArrayLike | None = None,
        *,
        central: str | qutip.Qobj = "down",
        excitation: ArrayLike = (0.0, 0.0),
        phase: ArrayLike = (0.0, 0.0),
    ) -> DoubletReport:
        """Report how well the doublet of the explicit central chain stands in for a spin ½.

        Parameters
        ----------
        tlist : array_like, optional
            Also evolve both systems (without dissipation) over these times and report the weight
            outside the doublet and the difference of ⟨J_jz⟩.
        central, excitation, phase
            Initial state of that evolution, as for :meth:`product_state`.

        Returns
        -------
        DoubletReport

        Raises
        ------
        ValueError
            The model has no explicit central chain.
        """
        chain = self.central_chain
        if chain is None:
            raise ValueError(
                "doublet needs an explicit central chain: SpinChains(…, "
                "central_chain=CentralChain(3))"
            )
        columns, energies = chain.doublet()
        gap = _central.free_gap(energies)
        across, along = _central.site_factors(chain, columns)
        effective = (across[0] * self.g[0], across[1] * self.g[1])
        with np.errstate(divide="ignore"):
            estimate = sum(
                (g * np.sqrt(count) / (2 * np.float64(gap))) ** 2
                for g, count in zip(self.g, self.n, strict=True)
            )
        leakage = error = float("nan")
        times = np.empty(0)
        if tlist is not None:
            times = check_times(tlist, minimum=2)
            leakage, error = self._compare_doublet(
                times,
                columns,
                effective,
                {"central": central, "excitation": excitation, "phase": phase},
            )
        return DoubletReport(
            gap, self.omega0, across, along, effective, float(estimate), leakage, error, times
        )

    def _compare_doublet(
        self,
        times: np.ndarray,
        columns: np.ndarray,
        effective: tuple[float, float],
        state: dict[str, Any],
    ) -> tuple[float, float]:
        """Weight outside the doublet, and error of ⟨J_jz⟩/N_j, of runs without dissipation."""
        kw = {f.name: getattr(self, f.name) for f in fields(ChainFrame)}
        found, leakage = [], 0.0
        for changes in ({}, {"central_chain": None, "g": effective}):
            model = SpinChains(**{**kw, **changes})
            start = model.product_state(representation="spins", **state)
            if not start.isket:
                raise ValueError("the comparison evolves pure states: give `central` as a ket")
            e_ops = [model.jz(j, "spins") / model.n[j - 1] for j in (1, 2)]
            if model.central_chain is not None:
                rest = 2 ** sum(model.n)
                inside = sp.kron(columns @ columns.conj().T, sp.identity(rest))
                e_ops.append(as_qobj(inside, model.dims("spins")))
            run = exactsolve(model, start, times, representation="spins", e_ops=e_ops)
            found.append(np.array(run.expect[:2]).real)
            if model.central_chain is not None:
                leakage = float(1 - np.real(run.expect[2]).min())
        return max(leakage, 0.0), float(np.abs(found[0] - found[1]).max())

    # ------------------------------------------------------------ printing

    def _repr_latex_(self) -> str:
        return chain_latex(self)


def collective_van_der_pol_pair(
    n: int | tuple[int, int] = 16,
    gain: ArrayLike = 1.0,
    loss: ArrayLike = 4.0,
    detuning: float = 0.1,
    dissipative: float = 0.5,
) -> SpinChains:
    r"""Two van der Pol oscillators made of collective spins: limit cycles that lock in phase.

    .. math:: H = \tfrac{Δ}{2}(J_{1z}-J_{2z}), \qquad
              L = \sqrt{γ_g/N}\,J_{j+},\ \sqrt{κ_2/N}\,J_{j-}^2/N,\ \sqrt{V/N}\,(J_{1-}-J_{2-}).

    Parameters
    ----------
    n : int or pair of int
        Spins of each.
    gain, loss : float or pair of float
        γ_g and κ2.
    detuning : float
        Δ.
    dissipative : float
        V.

    Returns
    -------
    SpinChains
        Without a central spin.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.collective_van_der_pol_pair(n=8).n
    (8, 8)
    """
    sizes = check_sizes(n)
    detuning = check_number("detuning", detuning)
    losses = check_pair("loss", loss, minimum=0.0)
    return SpinChains(
        n=sizes,
        omega=(0.5 * detuning * sizes[0], -0.5 * detuning * sizes[1]),
        exchange=0.0,
        gain=gain,
        two_photon=(losses[0] / sizes[0], losses[1] / sizes[1]),
        dissipative=dissipative,
        engineered="spin",
        central=False,
    )
