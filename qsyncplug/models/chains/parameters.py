"""What two spin chains and their centre are made of, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.checks import check_choice, check_flag, check_integer, check_number, check_pair
from ...core.types import Cutoff
from .central import CentralChain, neighbours

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["RATES", "REPRESENTATIONS", "ChainFrame", "ChainParameters", "check_sizes"]

#: the representations and what the levels of a chain count in each
REPRESENTATIONS = {
    "collective": "spin J=N/2 in the basis of qutip.jmat (m = N/2, …, −N/2)",
    "bosons": "Holstein–Primakoff bosons with the exact square root, n = 0, …, N",
    "series": "Holstein–Primakoff bosons with the square root expanded to an order",
    "spins": "tensor product of all spins ½ (basis(2, 0) is up)",
}

#: jump operators by the name of their rate
RATES = ("loss", "nonlinear", "gain", "two_photon", "local_loss", "local_dephasing")


#: what the names of a choice can be
CHOICES = {
    "bath": ("spin", "boson"),
    "engineered": ("spin", "boson"),
    "geometry": ("all", "chain"),
    "boundary": ("open", "periodic"),
}


def check_sizes(n: Any) -> tuple[int, int]:
    """Return the numbers of spins ½ of two chains, from a number or a pair."""
    sizes = tuple(n) if isinstance(n, (tuple, list, np.ndarray)) and np.ndim(n) else (n, n)
    if len(sizes) != 2:
        raise ValueError(f"n must be a number or a pair (one a chain), not {len(sizes)} numbers")
    first, second = (check_integer("n", s, minimum=1) for s in sizes)
    return first, second


def _pair(name: str, value: Any, minimum: float = -np.inf) -> tuple[float, ...]:
    return tuple(check_pair(name, value, minimum=minimum).tolist())


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters by name, from what was given for each."""
    centre = check_flag("central", given["central"])
    g, omega0 = given["g"], given["omega0"]
    out = {
        "n": check_sizes(given["n"]),
        "central": centre,
        "g": _pair("g", ((1.5, 2.4) if centre else 0.0) if g is None else g),
        "omega0": check_number("omega0", float(centre) if omega0 is None else omega0),
        "omega": _pair("omega", given["omega"]),
        "exchange": check_number("exchange", given["exchange"], minimum=0.0, maximum=1.0),
        "dissipative": check_number("dissipative", given["dissipative"], minimum=0.0),
        "coherent": check_number("coherent", given["coherent"]),
        "central_chain": given["central_chain"],
    }
    out |= {name: _pair(name, given[name], 0.0) for name in (*RATES, "thermal")}
    out |= {name: check_choice(name, given[name], known) for name, known in CHOICES.items()}
    return out


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

    def centre_size(self) -> int:
        """Return the number of spins ½ of the centre in the representation "spins"."""
        if not self.central:
            return 0
        return self.central_chain.spins if self.central_chain else 1

    def bonds(self, count: int) -> list[tuple[int, int]]:
        """Neighbours in an open or periodic chain of `count` spins."""
        return neighbours(check_integer("count", count, minimum=0), self.boundary)

    @staticmethod
    def check_representation(
        representation: str,
        order: int | None = None,
        expansion: str = "newton",
        levels: Cutoff = None,
    ) -> None:
        """Raise unless there is such a representation, with what belongs to a series only where it
        is one.

        Parameters
        ----------
        representation : str
        order : int, optional
            Of the series, from 1.
        expansion : {"newton", "taylor"}
            Of the root in the series.
        levels : int or sequence of int, optional
            Kept of each boson of the series.

        Raises
        ------
        ValueError
            One of them is not among the choices, or is given without a series.
        """
        if representation not in REPRESENTATIONS:
            text = "; ".join(f"{k!r}: {v}" for k, v in REPRESENTATIONS.items())
            raise ValueError(f"representation must be one of {text}; not {representation!r}")
        check_choice("expansion", expansion, ("newton", "taylor"))
        if representation != "series" and (order is not None or levels is not None):
            raise ValueError(
                f"order and levels belong to representation='series', not to {representation!r}"
            )
        if order is not None:
            check_integer("order", order, minimum=1)


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
        n: int | tuple[int, int] = (5, 5),
        g: ArrayLike | None = None,
        omega0: float | None = None,
        omega: ArrayLike = (1.0, 0.8),
        exchange: float = 0.2,
        loss: ArrayLike = 0.0,
        thermal: ArrayLike = 0.0,
        gain: ArrayLike = 0.0,
        two_photon: ArrayLike = 0.0,
        dissipative: float = 0.0,
        *,
        coherent: float = 0.0,
        nonlinear: ArrayLike = 0.0,
        local_loss: ArrayLike = 0.0,
        local_dephasing: ArrayLike = 0.0,
        bath: str = "spin",
        engineered: str = "boson",
        central: bool = True,
        geometry: str = "all",
        boundary: str = "open",
        central_chain: CentralChain | None = None,
    ):
        given = {name: value for name, value in locals().items() if name != "self"}
        for name, value in _checked(given).items():
            # the class is frozen: values are set once, here
            object.__setattr__(self, name, value)
        self._check_together()

    def _check_together(self) -> None:
        """Refuse what needs something else that is not there."""
        if not self.central and (any(self.g) or self.omega0):
            raise ValueError(
                f"g and omega0 must be 0 without a central spin (central=False), not g={self.g}, "
                f"omega0={self.omega0}"
            )
        losses = zip(self.thermal, self.loss, self.nonlinear, strict=True)
        if any(t and not (a or b) for t, a, b in losses):
            raise ValueError(
                f"thermal={self.thermal} needs a bath to act through: give a loss to that chain"
            )
        chain = self.central_chain
        if chain is not None and not isinstance(chain, CentralChain):
            raise TypeError(f"central_chain must be a CentralChain, not {type(chain).__name__}")
        if chain is not None and not self.central:
            raise ValueError("central_chain needs central=True")

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
