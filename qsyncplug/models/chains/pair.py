"""Two collective spins that exchange excitations."""

from __future__ import annotations

import numpy as np

from ...core.checks import check_number
from ...operators.handle import spins
from ...operators.system import System
from .parameters import check_pair, check_sizes

__all__ = ["collective_pair"]


def collective_pair(
    n: int | tuple[int, int] = (8, 8),
    frequency: tuple[float, float] = (1.0, 0.8),
    nonlinearity: float = 0.2,
    coupling: float = 1.0,
    loss: float = 0.0,
) -> System:
    r"""Two collective spins with
    :math:`H=Σ_jw_j(n_j-λ^2n_j^2/N_j)+\frac{κ}{\sqrt{N_1N_2}}(J_{1+}J_{2-}+h.c.)`.

    Parameters
    ----------
    n : int or pair of int
        Spins, n_j=J_jz+N_j/2.
    frequency : pair of float
        w_j.
    nonlinearity, coupling : float
        λ and κ.
    loss : float
        γ of :math:`\sqrt{γ/N_j}\,J_{j-}`.

    Returns
    -------
    System

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.collective_pair(n=(4, 4)).levels()
    [5, 5]
    """
    sizes, w = check_sizes(n), check_pair("frequency", frequency)
    squared = check_number("nonlinearity", nonlinearity) ** 2
    loss = check_number("loss", loss, minimum=0.0)
    J = spins(*sizes, names=["J1", "J2"])
    H = (
        check_number("coupling", coupling)
        / np.sqrt(sizes[0] * sizes[1])
        * (J[0].p * J[1].m + J[1].p * J[0].m)
    )
    for x, N, frequency_j in zip(J, sizes, w, strict=True):
        number = x.z + N / 2
        H = H + frequency_j * (number - squared / N * number**2)
    jumps = [np.sqrt(loss / N) * x.m for x, N in zip(J, sizes, strict=True) if loss]
    return System(H, jumps, name="two collective spins")
