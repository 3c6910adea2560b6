"""Two spin chains that a central spin couples: the consistent model, in four representations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from ...core import storage
from ...core.checks import check_choice, check_integer, check_memory, check_number
from . import central as _central
from . import representations as _rep
from .central import CentralChain, DoubletReport
from .representations import REPRESENTATIONS, SIGMA_X, SIGMA_Y, SIGMA_Z, Space, site_operator

__all__ = ["SpinChains", "collective_van_der_pol_pair"]

_RATES = ("loss", "nonlinear", "gain", "two_photon", "local_loss", "local_dephasing")


def _pair(name: str, value: Any, minimum: float = -np.inf) -> tuple[float, float]:
    values = (
        tuple(value)
        if isinstance(value, (tuple, list, np.ndarray)) and np.ndim(value)
        else (value, value)
    )
    if len(values) != 2:
        raise ValueError(
            f"{name} must be a number or a pair (one a chain), not {len(values)} numbers"
        )
    return check_number(name, values[0], minimum=minimum), check_number(
        name, values[1], minimum=minimum
    )


@dataclass(frozen=True)
class SpinChains:
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

    n: tuple[int, int] = (5, 5)
    g: tuple[float, float] = (1.5, 2.4)
    omega0: float = 1.0
    omega: tuple[float, float] = (1.0, 0.8)
    exchange: float = 0.2
    loss: tuple[float, float] = (0.0, 0.0)
    thermal: tuple[float, float] = (0.0, 0.0)
    gain: tuple[float, float] = (0.0, 0.0)
    two_photon: tuple[float, float] = (0.0, 0.0)
    dissipative: float = 0.0
    coherent: float = 0.0
    nonlinear: tuple[float, float] = (0.0, 0.0)
    local_loss: tuple[float, float] = (0.0, 0.0)
    local_dephasing: tuple[float, float] = (0.0, 0.0)
    bath: str = "spin"
    engineered: str = "boson"
    central: bool = True
    geometry: str = "all"
    boundary: str = "open"
    central_chain: CentralChain | None = None

    def __init__(
        self,
        n: Any = (5, 5),
        g: Any = None,
        omega0: Any = None,
        omega: Any = (1.0, 0.8),
        exchange: float = 0.2,
        loss: Any = 0.0,
        thermal: Any = 0.0,
        gain: Any = 0.0,
        two_photon: Any = 0.0,
        dissipative: float = 0.0,
        *,
        coherent: float = 0.0,
        nonlinear: Any = 0.0,
        local_loss: Any = 0.0,
        local_dephasing: Any = 0.0,
        bath: str = "spin",
        engineered: str = "boson",
        central: bool = True,
        geometry: str = "all",
        boundary: str = "open",
        central_chain: CentralChain | None = None,
    ):
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        sizes = tuple(n) if isinstance(n, (tuple, list, np.ndarray)) and np.ndim(n) else (n, n)
        if len(sizes) != 2:
            raise ValueError(
                f"n must be a number or a pair (one a chain), not {len(sizes)} numbers"
            )
        put("n", tuple(check_integer("n", s, minimum=1) for s in sizes))
        if not isinstance(central, (bool, np.bool_)):
            raise TypeError(f"central must be True or False, not {central!r}")
        put("central", bool(central))
        put("g", _pair("g", ((1.5, 2.4) if central else 0.0) if g is None else g))
        put(
            "omega0",
            check_number("omega0", (1.0 if central else 0.0) if omega0 is None else omega0),
        )
        if not central and (any(self.g) or self.omega0):
            raise ValueError(
                f"g and omega0 must be 0 without a central spin (central=False), not g={self.g}, "
                f"omega0={self.omega0}"
            )
        put("omega", _pair("omega", omega))
        put("exchange", check_number("exchange", exchange, minimum=0.0, maximum=1.0))
        given = {
            "loss": loss,
            "nonlinear": nonlinear,
            "gain": gain,
            "two_photon": two_photon,
            "local_loss": local_loss,
            "local_dephasing": local_dephasing,
        }
        for name in _RATES:
            put(name, _pair(name, given[name], minimum=0.0))
        put("thermal", _pair("thermal", thermal, minimum=0.0))
        if any(
            t and not (a or b)
            for t, a, b in zip(self.thermal, self.loss, self.nonlinear, strict=True)
        ):
            raise ValueError(
                f"thermal={self.thermal} needs a bath to act through: give a loss to that chain"
            )
        put("dissipative", check_number("dissipative", dissipative, minimum=0.0))
        put("coherent", check_number("coherent", coherent))
        put("bath", check_choice("bath", bath, ("spin", "boson")))
        put("engineered", check_choice("engineered", engineered, ("spin", "boson")))
        put("geometry", check_choice("geometry", geometry, ("all", "chain")))
        put("boundary", check_choice("boundary", boundary, ("open", "periodic")))
        if central_chain is not None and not isinstance(central_chain, CentralChain):
            raise TypeError(
                f"central_chain must be a CentralChain, not {type(central_chain).__name__}"
            )
        if central_chain is not None and not central:
            raise ValueError("central_chain needs central=True")
        put("central_chain", central_chain)

    def __str__(self) -> str:
        rates = [f"{k}={getattr(self, k)}" for k in (*_RATES, "thermal") if any(getattr(self, k))]
        if self.dissipative:
            rates.append(f"dissipative={self.dissipative:g}")
        if self.coherent:
            rates.append(f"coherent={self.coherent:g}")
        centre = f"g={self.g}, omega0={self.omega0:g}" if self.central else "no central spin"
        text = f"SpinChains: n={self.n}, {centre}, omega={self.omega}, exchange={self.exchange:g}"
        return ", ".join([text, *rates]) + (
            "" if self.geometry == "all" else f", {self.boundary} chains"
        )

    # ------------------------------------------------------------ spaces

    @property
    def name(self) -> str:
        """For printing."""
        return "two spin chains" + (" and a central spin" if self.central else "")

    @property
    def symmetric(self) -> bool:
        """Whether each chain stays in its symmetric states, so that the collective representations
        are exact.
        """
        return self.geometry == "all" and not any(self.local_loss) and not any(self.local_dephasing)

    def _centre(self) -> int:
        """Number of spins ½ of the centre in the representation "spins"."""
        if not self.central:
            return 0
        return self.central_chain.spins if self.central_chain else 1

    def dims(self, representation: str = "collective") -> list[int]:
        """Tensor dimensions: the central spin (or chain) first, then chains 1 and 2."""
        self._check_representation(representation)
        if representation == "spins":
            return [2] * (self._centre() + sum(self.n))
        return [2] * self.central + [s + 1 for s in self.n]

    @staticmethod
    def _check_representation(representation: Any) -> None:
        if representation not in REPRESENTATIONS:
            text = "; ".join(f"{k!r}: {v}" for k, v in REPRESENTATIONS.items())
            raise ValueError(f"representation must be one of {text}; not {representation!r}")

    def _require_symmetric(self, representation: str) -> None:
        if self.symmetric:
            return
        why = (
            "nearest-neighbour coupling leaves"
            if self.geometry == "chain"
            else "local loss or dephasing leave"
        )
        raise ValueError(
            f"{why} the symmetric states: use representation='spins', not {representation!r}"
        )

    def space(
        self,
        representation: str = "collective",
        *,
        order: int | None = None,
        expansion: str = "newton",
        levels: Any = None,
    ) -> Space:
        """The operators of a representation; see :meth:`hamiltonian` for the parameters."""
        self._check_representation(representation)
        check_choice("expansion", expansion, ("newton", "taylor"))
        if representation == "series":
            if order is None:
                raise ValueError(
                    "order must be given for representation='series': the order K ≥ 1 of the "
                    "expansion"
                )
            order = check_integer("order", order, minimum=1)
            if levels is not None:
                pair = tuple(levels) if isinstance(levels, (tuple, list)) else (levels, levels)
                levels = tuple(check_integer("levels", v, minimum=2) for v in pair)
            return _rep.boson_space(self.n, self.central, order, expansion, levels)
        if order is not None or levels is not None:
            raise ValueError(
                f"order and levels belong to representation='series', not to {representation!r}"
            )
        if representation == "collective":
            return _rep.collective_space(self.n, self.central)
        if representation == "bosons":
            return _rep.boson_space(self.n, self.central)
        total = self._centre() + sum(self.n)
        check_memory(
            f"the Hamiltonian of {total} spins",
            20.0 * 2**total * (total * (1 + total / 4)),
            advice="use representation='collective' or fewer spins",
        )
        return self._full

    @cached_property
    def _full(self) -> Space:
        return _rep.full_space(self.n, self._centre())

    # ------------------------------------------------------------ Hamiltonian and jumps

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
        if representation == "spins":
            return space.qobj(self._full_hamiltonian() + self._direct(space))
        self._require_symmetric(representation)
        one = sp.identity(space.size, dtype=complex, format="csr")
        squared = self.exchange**2
        H: Any = sp.csr_matrix((space.size, space.size), dtype=complex)
        for j, count in enumerate(self.n):
            jm, jz = space.lowering[j], space.jz[j]
            if representation == "collective":
                flip = jm.conj().T @ jm / count - 0.5 * one
                H = H + self.omega[j] * (squared * flip + (1 - squared) * jz / count)
            else:
                number = jz + (count / 2) * one
                H = H + self.omega[j] * (
                    (squared + 1 / count) * number
                    - (squared / count) * (number @ number)
                    - 0.5 * one
                )
            if self.central:
                exchange = space.sigma_minus.conj().T @ jm
                H = H + self.g[j] / np.sqrt(count) * (
                    exchange + exchange.conj().T + space.sigma_z @ jz
                )
        if self.central:
            H = H + 0.5 * self.omega0 * space.sigma_z
        return space.qobj(H + self._direct(space))

    def _direct(self, space: Space) -> Any:
        """The coherent coupling of the two chains."""
        exchange = (
            self.coherent
            / np.sqrt(self.n[0] * self.n[1])
            * (space.lowering[0].conj().T @ space.lowering[1])
        )
        return exchange + exchange.conj().T

    def _full_hamiltonian(self) -> Any:
        """Eq. (2) of the paper, spin by spin."""
        centre = self._centre()
        total = centre + sum(self.n)
        size = 2**total
        H: Any = sp.csr_matrix((size, size), dtype=complex)
        if self.central_chain is not None:
            H = H + sp.kron(
                self.central_chain.matrix(self.omega0), sp.identity(2 ** sum(self.n)), format="csr"
            )
        elif self.central:
            H = H + 0.5 * self.omega0 * site_operator(SIGMA_Z, 0, total)
        start = centre
        for j, count in enumerate(self.n):
            spins = range(start, start + count)
            sigma = {
                s: [site_operator(m, s, total) for m in (SIGMA_X, SIGMA_Y, SIGMA_Z)] for s in spins
            }
            for k in spins:
                H = H + self.omega[j] / (2 * count) * sigma[k][2]
            if self.exchange:
                for a, b in self._bonds(start, count):
                    weight = self.omega[j] * self.exchange**2 / (2 * count)
                    H = H + weight * (sigma[a][0] @ sigma[b][0] + sigma[a][1] @ sigma[b][1])
            if self.central:
                site = (
                    self.central_chain.sites[j]
                    if self.central_chain and self.central_chain.sites
                    else 0
                )
                for axis, matrix in enumerate((SIGMA_X, SIGMA_Y, SIGMA_Z)):
                    middle = site_operator(matrix, site, total)
                    sum_ = sum(
                        (sigma[k][axis] for k in spins),
                        start=sp.csr_matrix((size, size), dtype=complex),
                    )
                    H = H + self.g[j] / (2 * np.sqrt(count)) * (middle @ sum_)
            start += count
        H.sum_duplicates()
        H.data[np.abs(H.data) < 1e-15 * max(1.0, np.abs(H.data).max(initial=0.0))] = 0
        H.eliminate_zeros()
        return H

    def _bonds(self, start: int, count: int) -> list[tuple[int, int]]:
        if self.geometry == "all":
            return [(start + a, start + b) for a in range(count) for b in range(a + 1, count)]
        pairs = [(start + k, start + k + 1) for k in range(count - 1)]
        if self.boundary == "periodic" and count > 2:
            pairs.append((start + count - 1, start))
        return pairs

    def c_ops(
        self,
        representation: str = "collective",
        order: int | None = None,
        *,
        expansion: str = "newton",
        levels: Any = None,
    ) -> list[qutip.Qobj]:
        """The jump operators as QuTiP objects, rates inside; parameters as for :meth:`hamiltonian`.

        In the representation ``"spins"`` the bosons b_j act on the symmetric states of each chain
        and give 0 on the others.
        """
        space = self.space(representation, order=order, expansion=expansion, levels=levels)
        if representation != "spins":
            self._require_symmetric(representation)
        out = [space.qobj(m) for m in self._jump_matrices(space)]
        if representation == "spins":
            total, start = len(space.dims), self._centre()
            for j, count in enumerate(self.n):
                for k in range(start, start + count):
                    if self.local_loss[j]:
                        out.append(
                            space.qobj(
                                np.sqrt(self.local_loss[j])
                                * site_operator(_rep.SIGMA_MINUS, k, total)
                            )
                        )
                    if self.local_dephasing[j]:
                        out.append(
                            space.qobj(
                                np.sqrt(0.5 * self.local_dephasing[j])
                                * site_operator(SIGMA_Z, k, total)
                            )
                        )
                start += count
        return out

    def _uses_bosons(self) -> bool:
        linear = any(self.loss) or any(self.gain)
        engineered = any(self.two_photon) or self.dissipative > 0
        return (
            (self.bath == "boson" and linear)
            or (self.engineered == "boson" and engineered)
            or any(self.nonlinear)
        )

    def _jump_matrices(self, space: Space) -> list[Any]:
        """The collective jump operators in a space."""
        spin = [jm / np.sqrt(count) for jm, count in zip(space.lowering, self.n, strict=True)]
        boson = space.boson
        if boson is None and self._uses_bosons():
            if self.geometry == "chain":
                raise ValueError(
                    "bosons are defined on the symmetric states alone, which nearest-neighbour "
                    "coupling leaves: "
                    "use bath='spin', engineered='spin' and nonlinear=0"
                )
            boson = _rep.full_bosons(self.n, self._centre())
        bath: Any = spin if self.bath == "spin" else boson
        engineered: Any = spin if self.engineered == "spin" else boson
        out = []
        for j, count in enumerate(self.n):
            nbar = self.thermal[j]
            if self.nonlinear[j]:
                assert boson is not None
                b = boson[j]
                down = np.sqrt(self.loss[j]) * b + np.sqrt(self.nonlinear[j]) / count * (
                    b.conj().T @ b @ b
                )
            else:
                down = np.sqrt(self.loss[j]) * bath[j]
            if self.loss[j] or self.nonlinear[j]:
                out.append(np.sqrt(nbar + 1) * down)
                if nbar:
                    out.append(np.sqrt(nbar) * down.conj().T)
            if self.gain[j]:
                out.append(np.sqrt(self.gain[j]) * bath[j].conj().T)
            if self.two_photon[j]:
                out.append(np.sqrt(self.two_photon[j]) * (engineered[j] @ engineered[j]))
        if self.dissipative:
            out.append(np.sqrt(self.dissipative) * (engineered[0] - engineered[1]))
        return [sp.csr_matrix(m) for m in out]

    # ------------------------------------------------------------ operators a user asks for

    def lowering(self, chain: int, representation: str = "collective", **kw: Any) -> qutip.Qobj:
        """J_j−; `chain` is 1 or 2."""
        space = self.space(representation, **kw)
        return space.qobj(space.lowering[check_integer("chain", chain, minimum=1, maximum=2) - 1])

    def jz(self, chain: int, representation: str = "collective", **kw: Any) -> qutip.Qobj:
        """J_jz; `chain` is 1 or 2."""
        space = self.space(representation, **kw)
        return space.qobj(space.jz[check_integer("chain", chain, minimum=1, maximum=2) - 1])

    def boson(self, chain: int, representation: str = "collective", **kw: Any) -> qutip.Qobj:
        """The Holstein–Primakoff boson b_j; `chain` is 1 or 2. In ``"spins"`` it acts on the
        symmetric states alone.
        """
        space = self.space(representation, **kw)
        chain = check_integer("chain", chain, minimum=1, maximum=2)
        pair = space.boson if space.boson is not None else _rep.full_bosons(self.n, self._centre())
        return space.qobj(pair[chain - 1])

    def central_operators(
        self, representation: str = "collective", **kw: Any
    ) -> tuple[qutip.Qobj, qutip.Qobj]:
        """σ− and σ_z of the central spin."""
        if not self.central:
            raise ValueError("there is no central spin (central=False)")
        space = self.space(representation, **kw)
        if space.sigma_z is None:
            raise ValueError(
                "in the representation 'spins' the centre is an explicit chain, not one spin ½"
            )
        return space.qobj(space.sigma_minus), space.qobj(space.sigma_z)

    # ------------------------------------------------------------ isometries

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
        for name, value in (("source", source), ("target", target)):
            if value not in ("collective", "bosons", "spins"):
                raise ValueError(f"{name} must be 'collective', 'bosons' or 'spins', not {value!r}")
        if source == "spins" and target != "spins":
            raise ValueError(
                f"the way from 'spins' to {target!r} is no isometry: use project(state, 'spins', "
                f"{target!r})"
            )
        parts: list[Any] = []
        if self.central:
            chain = self.central_chain
            parts.append(
                sp.csr_matrix(chain.doublet()[0]) if chain and target == "spins" != source else None
            )
        for count in self.n:
            flip = sp.csr_matrix(np.eye(count + 1, dtype=complex)[::-1])
            if source == target:
                parts.append(None)
            elif target == "spins":
                E = _rep.dicke_isometry(count)
                parts.append(E @ flip if source == "collective" else E)
            else:
                parts.append(flip)
        matrix = (
            _rep.place(parts, self.dims(source))
            if source != target
            else sp.identity(int(np.prod(self.dims(source))), dtype=complex, format="csr")
        )
        return qutip.Qobj(matrix, dims=[self.dims(target), self.dims(source)], dtype="CSR")

    def _transfer(self, x: Any, source: str, target: str, name: str) -> qutip.Qobj:
        if not isinstance(x, qutip.Qobj):
            raise TypeError(
                f"{name} takes a ket, density matrix or operator as a Qobj, not {type(x).__name__}"
            )
        self._check_state_dims(x, source, name)
        if target == "spins" or source != "spins":
            E = self.isometry(source, target)
            return E @ x if x.isket else E @ x @ E.dag()
        E = self.isometry(target, source)
        return E.dag() @ x if x.isket else E.dag() @ x @ E

    def embed(self, x: qutip.Qobj, source: str = "collective", target: str = "spins") -> qutip.Qobj:
        """Carry a ket, density matrix or operator into another representation: E x (ket) or E x E†
        (operator).

        Raises
        ------
        ValueError
            `x` does not belong to `source`; the message says to which representation it does.
        """
        if source == "spins" and target != "spins":
            raise ValueError(
                "embed goes to the larger space; use project to come back from 'spins'"
            )
        return self._transfer(x, source, target, "embed")

    def project(
        self, x: qutip.Qobj, source: str = "spins", target: str = "collective"
    ) -> qutip.Qobj:
        """The part of a ket, density matrix or operator inside another representation: E† x or E† x
        E.

        Not renormalised: the norm (trace) that is missing is the weight outside the symmetric
        states and the doublet.
        """
        return self._transfer(x, source, target, "project")

    def _check_state_dims(
        self, state: qutip.Qobj, representation: str, name: str, levels: Any = None
    ) -> None:
        """Raise unless the state belongs to `representation`; say to which it does."""
        dims = list(levels) if levels is not None else self.dims(representation)
        wanted = {tuple(dims)}
        rows = state.dims[0]
        if tuple(rows) in wanted and (state.isket or state.dims[0] == state.dims[1]):
            return
        fits = [r for r in ("collective", "spins") if rows == self.dims(r)]
        where = (
            f": these are the dims of the representation {' or '.join(map(repr, fits))}"
            if fits
            else ""
        )
        raise ValueError(
            f"{name}: a state of the representation {representation!r} has dims {dims}; got "
            f"{rows}{where}"
        )

    # ------------------------------------------------------------ states

    def product_state(
        self,
        central: Any = "down",
        excitation: Any = (0.0, 0.0),
        phase: Any = (0.0, 0.0),
        representation: str = "collective",
        *,
        levels: Any = None,
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
        self._check_representation(representation)
        x, phi = _pair("excitation", excitation, minimum=0.0), _pair("phase", phase)
        for value in x:
            check_number("excitation", value, maximum=1.0)
        parts: list[qutip.Qobj] = []
        if self.central:
            parts.append(self._central_state(central, representation))
        elif not (isinstance(central, str) and central == "down"):
            raise ValueError("there is no central spin (central=False): leave `central` out")
        sizes = [s + 1 for s in self.n]
        if levels is not None and representation == "series":
            sizes = list(levels) if isinstance(levels, (tuple, list)) else [levels, levels]
        for count, size, value, angle in zip(self.n, sizes, x, phi, strict=True):
            if representation == "spins":
                one = (
                    np.sqrt(value) * np.exp(1j * angle) * qutip.basis(2, 0)
                    + np.sqrt(1 - value) * qutip.basis(2, 1)
                ).unit()
                parts.append(qutip.tensor([one] * count))
                continue
            c = _spin_coherent(count, value, angle)
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

    def _central_state(self, central: Any, representation: str) -> qutip.Qobj:
        chain = self.central_chain if representation == "spins" else None
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

    # ------------------------------------------------------------ the central chain

    def doublet(self, tlist: Any = None, **state: Any) -> DoubletReport:
        """Report how well the doublet of the explicit central chain stands in for a spin ½.

        Parameters
        ----------
        tlist : array_like, optional
            Also evolve both systems (without dissipation) over these times and report the weight
            outside the doublet and the difference of ⟨J_jz⟩.
        **state
            Of :meth:`product_state`: the initial state of that evolution.

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
            from ...core.checks import check_times

            times = check_times(tlist, minimum=2)
            leakage, error = self._compare_doublet(times, columns, effective, state)
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
        assert self.central_chain is not None
        kw = {f.name: getattr(self, f.name) for f in fields(self)}
        half = SpinChains(**{**kw, "central_chain": None, "g": effective})
        found = []
        leakage = 0.0
        for model in (self, half):
            psi0 = model.product_state(representation="spins", **state)
            if not psi0.isket:
                raise ValueError("the comparison evolves pure states: give `central` as a ket")
            psi = _central.evolve_states(
                model.hamiltonian("spins").data_as("csr_matrix"), _central.as_ket(psi0), times
            )
            found.append(
                [
                    [
                        np.vdot(v, jz @ v).real / count
                        for jz, count in zip(model.space("spins").jz, self.n, strict=True)
                    ]
                    for v in psi
                ]
            )
            if model is self:
                inside = np.einsum(
                    "ka,tkr->tar",
                    columns.conj(),
                    psi.reshape(len(times), 2**self.central_chain.spins, -1),
                )
                leakage = float(1 - (np.abs(inside) ** 2).sum(axis=(1, 2)).min())
        return max(leakage, 0.0), float(np.abs(np.array(found[0]) - np.array(found[1])).max())

    # ------------------------------------------------------------ storage

    def to_dict(self) -> dict[str, Any]:
        """What :func:`qsyncplug.load` rebuilds it from."""
        out: dict[str, Any] = {"kind": "SpinChains"}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, CentralChain):
                value = {g.name: getattr(value, g.name) for g in fields(value)}
            out[f.name] = list(value) if isinstance(value, tuple) else value
        return out


def _from_dict(data: dict[str, Any]) -> SpinChains:
    kw: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "kind"
    }
    chain = kw.get("central_chain")
    if chain is not None:
        inner: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in chain.items()
        }
        kw["central_chain"] = CentralChain(**inner)
    return SpinChains(**kw)


storage.register_model("SpinChains", _from_dict)


def _spin_coherent(n: int, x: float, phase: float) -> np.ndarray:
    """Amplitudes √binom(N,m) √(x^m(1−x)^{N−m}) e^{imφ}, m=0…N, in logarithms so that large N does
    not overflow.
    """
    from scipy.special import gammaln

    m = np.arange(n + 1)
    if x in (0.0, 1.0):
        out = np.zeros(n + 1, dtype=complex)
        out[n if x else 0] = np.exp(1j * n * phase) if x else 1.0
        return out
    log = 0.5 * (
        gammaln(n + 1)
        - gammaln(m + 1)
        - gammaln(n - m + 1)
        + m * np.log(x)
        + (n - m) * np.log1p(-x)
    )
    value = np.exp(log)
    return value / np.linalg.norm(value) * np.exp(1j * m * phase)


def collective_van_der_pol_pair(
    n: Any = 16, gain: Any = 1.0, loss: Any = 4.0, detuning: float = 0.1, dissipative: float = 0.5
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
    """
    sizes = tuple(n) if isinstance(n, (tuple, list, np.ndarray)) and np.ndim(n) else (n, n)
    sizes = tuple(check_integer("n", s, minimum=1) for s in sizes)
    detuning = check_number("detuning", detuning)
    losses = _pair("loss", loss, minimum=0.0)
    return SpinChains(
        n=sizes,
        omega=(0.5 * detuning * sizes[0], -0.5 * detuning * sizes[-1]),
        exchange=0.0,
        gain=gain,
        two_photon=(losses[0] / sizes[0], losses[1] / sizes[-1]),
        dissipative=dissipative,
        engineered="spin",
        central=False,
    )
