"""The operators of two spin chains as QuTiP objects, in any representation."""

from __future__ import annotations

from typing import Any

import qutip

from ...core.checks import check_integer
from ...operators.system import System
from .parameters import ChainParameters
from .representations import full_bosons
from .statement import chain_hamiltonian, chain_jumps, chain_system, matrix_operators

__all__ = ["ChainOperators"]


class ChainOperators(ChainParameters):
    """What every model of two chains gives as QuTiP objects: Hamiltonian, jumps, collective spins.

    Representation, order, expansion and levels are those of :meth:`hamiltonian` everywhere.
    """

    def hamiltonian(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Any = None,
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
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        if representation != "spins":
            self.require_symmetric(representation)
        ops = matrix_operators(self, space)
        flips = representation in ("collective", "spins")
        return space.qobj(chain_hamiltonian(self, ops, flips=flips))

    def c_ops(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Any = None,
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
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        if representation != "spins":
            self.require_symmetric(representation)
        return [space.qobj(m) for m in chain_jumps(self, matrix_operators(self, space))]

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
        levels: Any = None,
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
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        return space.qobj(space.lowering[_place(chain)])

    def jz(
        self,
        chain: int,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Any = None,
    ) -> qutip.Qobj:
        """Collective J_jz of a chain, with eigenvalues from −N_j/2 to N_j/2; arguments as for
        :meth:`lowering`.
        """
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        return space.qobj(space.jz[_place(chain)])

    def boson(
        self,
        chain: int,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Any = None,
    ) -> qutip.Qobj:
        """Holstein–Primakoff boson b_j of a chain; arguments as for :meth:`lowering`.

        In ``"spins"`` it acts on the symmetric states and gives 0 on the others.
        """
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        bosons = space.boson
        if bosons is None:
            bosons = full_bosons(self.n, self.centre_size())
        return space.qobj(bosons[_place(chain)])

    def central_operators(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Any = None,
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
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        if space.sigma_z is None:
            raise ValueError(
                "in the representation 'spins' the centre is an explicit chain, not one spin ½"
            )
        return space.qobj(space.sigma_minus), space.qobj(space.sigma_z)


def _place(chain: int) -> int:
    """Index of the chain that the user counts from 1."""
    return check_integer("chain", chain, minimum=1, maximum=2) - 1
