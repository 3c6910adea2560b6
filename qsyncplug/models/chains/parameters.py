"""What two spin chains and their centre are made of, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...core.checks import check_choice, check_integer, check_memory, check_ndim, check_number
from . import representations as _rep
from .central import CentralChain
from .representations import REPRESENTATIONS, Space

__all__ = ["RATES", "ChainFrame", "ChainParameters", "check_pair", "check_sizes"]

#: jump operators by the name of their rate
RATES = ("loss", "nonlinear", "gain", "two_photon", "local_loss", "local_dephasing")


def check_pair(name: str, value: Any, minimum: float = -np.inf) -> tuple[float, float]:
    """Return two numbers, one a chain, from a number or a pair; none below `minimum`."""
    values = (
        tuple(value)
        if isinstance(value, (tuple, list, np.ndarray)) and check_ndim(name, value)
        else (value, value)
    )
    if len(values) != 2:
        raise ValueError(
            f"{name} must be a number or a pair (one a chain), not {len(values)} numbers"
        )
    return check_number(name, values[0], minimum=minimum), check_number(
        name, values[1], minimum=minimum
    )


def check_sizes(n: Any) -> tuple[int, int]:
    """Return the numbers of spins ½ of two chains, from a number or a pair."""
    sizes = tuple(n) if isinstance(n, (tuple, list, np.ndarray)) and np.ndim(n) else (n, n)
    if len(sizes) != 2:
        raise ValueError(f"n must be a number or a pair (one a chain), not {len(sizes)} numbers")
    first, second = (check_integer("n", s, minimum=1) for s in sizes)
    return first, second


@dataclass(frozen=True)
class ChainFrame:
    """What the Hamiltonian of :class:`SpinChains` is made of, and which spaces it acts on."""

    n: tuple[int, int] = (5, 5)
    g: tuple[float, float] = (1.5, 2.4)
    omega0: float = 1.0
    omega: tuple[float, float] = (1.0, 0.8)
    exchange: float = 0.2
    coherent: float = 0.0
    central: bool = True
    geometry: str = "all"
    boundary: str = "open"
    central_chain: CentralChain | None = None

    def _put(self, name: str, value: Any) -> None:
        # the class is frozen: values are set once, here
        object.__setattr__(self, name, value)

    def _set_frame(
        self, n: Any, g: Any, omega0: Any, omega: Any, exchange: Any, central: Any
    ) -> None:
        """Sizes, frequencies and couplings of the Hamiltonian."""
        self._put("n", check_sizes(n))
        if not isinstance(central, (bool, np.bool_)):
            raise TypeError(f"central must be True or False, not {central!r}")
        self._put("central", bool(central))
        self._put("g", check_pair("g", ((1.5, 2.4) if central else 0.0) if g is None else g))
        self._put(
            "omega0",
            check_number("omega0", (1.0 if central else 0.0) if omega0 is None else omega0),
        )
        if not central and (any(self.g) or self.omega0):
            raise ValueError(
                f"g and omega0 must be 0 without a central spin (central=False), not g={self.g}, "
                f"omega0={self.omega0}"
            )
        self._put("omega", check_pair("omega", omega))
        self._put("exchange", check_number("exchange", exchange, minimum=0.0, maximum=1.0))

    def _set_central_chain(self, central_chain: Any) -> None:
        if central_chain is not None and not isinstance(central_chain, CentralChain):
            raise TypeError(
                f"central_chain must be a CentralChain, not {type(central_chain).__name__}"
            )
        if central_chain is not None and not self.central:
            raise ValueError("central_chain needs central=True")
        self._put("central_chain", central_chain)

    def centre_size(self) -> int:
        """Return the number of spins ½ of the centre in the representation "spins"."""
        if not self.central:
            return 0
        return self.central_chain.spins if self.central_chain else 1

    def bonds(self, count: int) -> list[tuple[int, int]]:
        """Neighbours in an open or periodic chain of `count` spins."""
        pairs = [(k, k + 1) for k in range(count - 1)]
        if self.boundary == "periodic" and count > 2:
            pairs.append((count - 1, 0))
        return pairs

    def dims(self, representation: str = "collective") -> list[int]:
        """Tensor dimensions in a `representation`: the central spin (or chain) first, then chains 1
        and 2.
        """
        self.check_representation(representation)
        if representation == "spins":
            return [2] * (self.centre_size() + sum(self.n))
        return [2] * self.central + [s + 1 for s in self.n]

    @staticmethod
    def check_representation(representation: Any) -> None:
        """Raise unless there is such a representation."""
        if representation not in REPRESENTATIONS:
            text = "; ".join(f"{k!r}: {v}" for k, v in REPRESENTATIONS.items())
            raise ValueError(f"representation must be one of {text}; not {representation!r}")

    @cached_property
    def _full(self) -> Space:
        return _rep.full_space(self.n, self.centre_size())


@dataclass(frozen=True)
class ChainParameters(ChainFrame):
    """Parameters of :class:`SpinChains`, which says what they mean, and the spaces they span."""

    loss: tuple[float, float] = (0.0, 0.0)
    thermal: tuple[float, float] = (0.0, 0.0)
    gain: tuple[float, float] = (0.0, 0.0)
    two_photon: tuple[float, float] = (0.0, 0.0)
    dissipative: float = 0.0
    nonlinear: tuple[float, float] = (0.0, 0.0)
    local_loss: tuple[float, float] = (0.0, 0.0)
    local_dephasing: tuple[float, float] = (0.0, 0.0)
    bath: str = "spin"
    engineered: str = "boson"

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
        self._set_frame(n, g, omega0, omega, exchange, central)
        self._set_rates(
            thermal,
            dissipative,
            coherent,
            {
                "loss": loss,
                "nonlinear": nonlinear,
                "gain": gain,
                "two_photon": two_photon,
                "local_loss": local_loss,
                "local_dephasing": local_dephasing,
            },
        )
        self._put("bath", check_choice("bath", bath, ("spin", "boson")))
        self._put("engineered", check_choice("engineered", engineered, ("spin", "boson")))
        self._put("geometry", check_choice("geometry", geometry, ("all", "chain")))
        self._put("boundary", check_choice("boundary", boundary, ("open", "periodic")))
        self._set_central_chain(central_chain)

    def _set_rates(
        self, thermal: Any, dissipative: Any, coherent: Any, given: dict[str, Any]
    ) -> None:
        """Rates of the jumps, none negative; a thermal bath needs a loss to act through."""
        for name in RATES:
            self._put(name, check_pair(name, given[name], minimum=0.0))
        self._put("thermal", check_pair("thermal", thermal, minimum=0.0))
        if any(
            t and not (a or b)
            for t, a, b in zip(self.thermal, self.loss, self.nonlinear, strict=True)
        ):
            raise ValueError(
                f"thermal={self.thermal} needs a bath to act through: give a loss to that chain"
            )
        self._put("dissipative", check_number("dissipative", dissipative, minimum=0.0))
        self._put("coherent", check_number("coherent", coherent))

    def __str__(self) -> str:
        rates = [f"{k}={getattr(self, k)}" for k in (*RATES, "thermal") if any(getattr(self, k))]
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
        """What printed results call the model: with or without its central spin."""
        return "two spin chains" + (" and a central spin" if self.central else "")

    @property
    def oscillators(self) -> tuple[int, int]:
        """Which spins of (σ,) J1, J2 stand for oscillators in a view (b=J−/√N)."""
        return int(self.central), int(self.central) + 1

    @property
    def symmetric(self) -> bool:
        """Whether each chain stays in its symmetric states, so that the collective representations
        are exact.
        """
        return self.geometry == "all" and not any(self.local_loss) and not any(self.local_dephasing)

    @property
    def dissipated(self) -> bool:
        """Whether there are jump operators."""
        return bool(self.dissipative) or any(any(getattr(self, rate)) for rate in RATES)

    @property
    def uses_bosons(self) -> bool:
        """Whether a jump acts through the Holstein–Primakoff bosons."""
        linear = any(self.loss) or any(self.gain)
        engineered = any(self.two_photon) or self.dissipative > 0
        return (
            (self.bath == "boson" and linear)
            or (self.engineered == "boson" and engineered)
            or any(self.nonlinear)
        )

    def require_symmetric(self, representation: str) -> None:
        """Raise where the chains leave the symmetric states, which `representation` is made of."""
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
        """The operators of a representation as sparse matrices; arguments as for
        :meth:`hamiltonian`.
        """
        self.check_representation(representation)
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
        size = (1 + self.central) * math.prod(count + 1 for count in self.n)
        if representation != "spins":
            check_memory(f"operators of {size:g} states", 400.0 * size, advice="take fewer spins")
        if representation == "collective":
            return _rep.collective_space(self.n, self.central)
        if representation == "bosons":
            return _rep.boson_space(self.n, self.central)
        total = self.centre_size() + sum(self.n)
        check_memory(
            f"the Hamiltonian of {total} spins",
            20.0 * 2**total * (total * (1 + total / 4)),
            advice="use representation='collective' or fewer spins",
        )
        return self._full
