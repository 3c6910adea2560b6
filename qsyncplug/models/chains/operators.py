"""The operators of two spin chains as QuTiP objects, in any representation."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import qutip

from ...core.checks import check_integer, check_memory
from ...core.types import Cutoff
from ...operators.system import System
from .parameters import ChainParameters
from .representations import as_qobj, chain_matrices, full_bosons
from .statement import ChainOperators, chain_hamiltonian, chain_jumps, chain_system

__all__ = ["ChainMatrices"]


class ChainMatrices(ChainParameters):
    """What every model of two chains gives as QuTiP objects: Hamiltonian, jumps, collective spins.

    Representation, order, expansion and levels are those of :meth:`hamiltonian` everywhere.
    """

    def dims(self, representation: str = "collective", levels: Cutoff = None) -> list[int]:
        """Tensor dimensions in a `representation`: the central spin (or chain) first, then chains 1
        and 2; `levels` are those of a series.
        """
        self.check_representation(representation)
        if representation == "spins":
            return [2] * (self.centre_size() + sum(self.n))
        sizes = [s + 1 for s in self.n]
        if levels is not None:
            pair = tuple(levels) if isinstance(levels, (tuple, list)) else (levels, levels)
            sizes = [check_integer("levels", v, minimum=2) for v in pair]
        return [2] * self.central + sizes

    def matrices(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> ChainOperators:
        """What H and the jumps are made of, as sparse matrices.

        Parameters
        ----------
        representation, order, expansion, levels
            As for :meth:`hamiltonian`.

        Returns
        -------
        ChainOperators
            With ``lowering`` and ``jz`` of the chains, ``boson`` where all states have bosons,
            ``sigma_minus`` and ``sigma_z`` of a central spin ½.
        """
        dims = self.dims(representation, levels)
        self.check_representation(representation, order, expansion, levels)
        size = float(np.prod(dims, dtype=float))
        each, advice = 400.0, "take fewer spins"
        if representation == "spins":
            each = 20.0 * len(dims) * (1 + len(dims) / 4)
            advice = "use representation='collective' or fewer spins"
        check_memory(f"operators of {size:g} states", each * size, advice=advice)
        if representation == "spins":
            return self._of_all_spins
        return chain_matrices(self, representation, order, expansion, dims)

    @cached_property
    def _of_all_spins(self) -> ChainOperators:
        return chain_matrices(self, "spins", None, "newton", self.dims("spins"))

    def hamiltonian(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> qutip.Qobj:
        """The Hamiltonian as a QuTiP object.

        Parameters
        ----------
        representation : {"collective", "bosons", "series", "spins"}
            Collective spins (``qutip.jmat``); Holstein–Primakoff bosons with the exact square root;
            with its expansion to an order; or all spins.
        order : int
            K ≥ 1, for ``"series"``.
        expansion : {"newton", "taylor"}
            For ``"series"``: the normal-ordered (Newton) series Σ_k Δ^k f(0)/k! b†^kb^k, exact on n
            ≤ K, or Taylor's.
        levels : int or pair of int
            For ``"series"``: Fock levels kept; N_j+1 by default.

        Returns
        -------
        Qobj
            CSR; dims [2, N1+1, N2+1], or [2, 2, …] for ``"spins"`` (without the central factor if
            there is none).
        """
        ops = self.matrices(representation, order, expansion=expansion, levels=levels)
        if representation != "spins":
            self.require_symmetric(representation)
        H = chain_hamiltonian(self, ops, flips=representation in ("collective", "spins"))
        return as_qobj(H, self.dims(representation, levels))

    def c_ops(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> list[qutip.Qobj]:
        """The jump operators as QuTiP objects, rates inside.

        Parameters
        ----------
        representation, order, expansion, levels
            As for :meth:`hamiltonian`.

        Returns
        -------
        list of Qobj
            CSR, one a jump.

        Notes
        -----
        In the representation ``"spins"`` the bosons b_j act on the symmetric states of each chain
        and give 0 on the others.
        """
        ops = self.matrices(representation, order, expansion=expansion, levels=levels)
        if representation != "spins":
            self.require_symmetric(representation)
        if ops.boson is None and self.uses_bosons and self.geometry == "all":
            ops = replace(ops, boson=full_bosons(self.n, self.centre_size()))
        dims = self.dims(representation, levels)
        return [as_qobj(m, dims) for m in chain_jumps(self, ops)]

    def system(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
    ) -> System:
        """The chains as a :class:`~qsyncplug.System`; see :func:`qsyncplug.spin_chains`.

        Parameters
        ----------
        representation, order, expansion
            As for :meth:`hamiltonian`; they say what the nodes are.

        Returns
        -------
        System
        """
        return chain_system(self, representation, order, expansion)

    def lowering(
        self,
        chain: int,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> qutip.Qobj:
        """Collective lowering operator J_j− of a chain.

        Parameters
        ----------
        chain : {1, 2}
            Which of the two.
        representation, order, expansion, levels
            As for :meth:`hamiltonian`.

        Returns
        -------
        Qobj
            CSR, on the space of the whole model.
        """
        ops = self.matrices(representation, order, expansion=expansion, levels=levels)
        return as_qobj(ops.lowering[_place(chain)], self.dims(representation, levels))

    def jz(
        self,
        chain: int,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> qutip.Qobj:
        """Collective J_jz of a chain, with eigenvalues from −N_j/2 to N_j/2; arguments as for
        :meth:`lowering`.
        """
        ops = self.matrices(representation, order, expansion=expansion, levels=levels)
        return as_qobj(ops.jz[_place(chain)], self.dims(representation, levels))

    def boson(
        self,
        chain: int,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> qutip.Qobj:
        """Holstein–Primakoff boson b_j of a chain; arguments as for :meth:`lowering`.

        In ``"spins"`` it acts on the symmetric states and gives 0 on the others.
        """
        ops = self.matrices(representation, order, expansion=expansion, levels=levels)
        bosons = ops.boson or full_bosons(self.n, self.centre_size())
        return as_qobj(bosons[_place(chain)], self.dims(representation, levels))

    def central_operators(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> tuple[qutip.Qobj, qutip.Qobj]:
        """σ− and σ_z of the central spin.

        Parameters
        ----------
        representation, order, expansion, levels
            As for :meth:`hamiltonian`.

        Returns
        -------
        pair of Qobj
            CSR, on the space of the whole model.

        Raises
        ------
        ValueError
            There is no central spin, or it is an explicit chain in ``"spins"``.
        """
        if not self.central:
            raise ValueError("there is no central spin (central=False)")
        ops = self.matrices(representation, order, expansion=expansion, levels=levels)
        if ops.sigma_z is None:
            raise ValueError(
                "in the representation 'spins' the centre is an explicit chain, not one spin ½"
            )
        dims = self.dims(representation, levels)
        return as_qobj(ops.sigma_minus, dims), as_qobj(ops.sigma_z, dims)


def _place(chain: int) -> int:
    """Index of the chain that the user counts from 1."""
    return check_integer("chain", chain, minimum=1, maximum=2) - 1
