"""Quantum van der Pol oscillators."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.checks import check_number
from ..operators.handle import modes
from ..operators.system import System
from .rates import ready

__all__ = ["van_der_pol_pair"]


def _pair(name: str, value: Any) -> tuple[float, float]:
    values = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be a number or a pair, not {len(values)} numbers")
    return check_number(name, values[0], minimum=0.0), check_number(name, values[1], minimum=0.0)


@ready
def van_der_pol_pair(
    gain: Any = 1.0,
    loss: Any = 1.0,
    detuning: float = 0.5,
    coherent: float = 0.0,
    dissipative: float = 1.0,
) -> System:
    r"""Two quantum van der Pol oscillators.

    .. math:: H = \tfrac{Δ}{2}(n_1-n_2) + J(b_1^†b_2 + b_2^†b_1), \qquad
              L = \sqrt{g_1}\,b_j^†,\ \sqrt{g_2}\,b_j^2,\ \sqrt{V}(b_1-b_2).

    Parameters
    ----------
    gain : float or pair of float
        Rate g1 of the linear gain, of both oscillators or of each.
    loss : float or pair of float
        Rate g2 of the two-photon loss.
    detuning : float
        Δ.
    coherent : float
        Coherent coupling J.
    dissipative : float
        Rate V of the dissipative coupling.

    Raises
    ------
    ValueError
        A rate is negative or a number is not finite.

    Notes
    -----
    T. E. Lee, H. R. Sadeghpour, Phys. Rev. Lett. 111, 234101 (2013); S. Walter, A. Nunnenkamp,
    C. Bruder, Ann. Phys. 527, 131 (2015).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.van_der_pol_pair(loss=0.5, detuning=0.2).n
    2
    """
    gains, losses = _pair("gain", gain), _pair("loss", loss)
    detuning, coherent = check_number("detuning", detuning), check_number("coherent", coherent)
    dissipative = check_number("dissipative", dissipative, minimum=0.0)
    b1, b2 = modes(2)
    H = 0.5 * detuning * (b1.dag() * b1 - b2.dag() * b2) + coherent * (
        b1.dag() * b2 + b2.dag() * b1
    )
    jumps = [np.sqrt(g) * b.dag() for g, b in zip(gains, (b1, b2), strict=True) if g]
    jumps += [np.sqrt(g) * b**2 for g, b in zip(losses, (b1, b2), strict=True) if g]
    if dissipative:
        jumps.append(np.sqrt(dissipative) * (b1 - b2))
    return System(H, jumps, name="van der Pol pair")
