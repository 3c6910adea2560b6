"""QuTiP's own Wigner function in this package's convention, refused where it would be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ..core.checks import check_array, check_choice, check_number
from .transform import check_qobj

__all__ = ["qutip_wigner"]


def qutip_wigner(
    state: qutip.Qobj,
    xvec: Any,
    pvec: Any,
    *,
    g: float = np.sqrt(2),
    width: float = 1.0,
    hermitian_only: bool = True,
    method: str = "clenshaw",
) -> np.ndarray:
    r"""``qutip.wigner`` in this package's convention, at any points, refused where it would
    silently be wrong.

    ``qutip.wigner`` takes the Hermitian part of what it is given without saying so, returns [p, x],
    and rescales with g. Here
    :math:`w(x,p)=(2/g^2)\,W_g(x\sqrt2/g, p\sqrt2/g)^T`, and an operator is
    W[(O+O†)/2]+iW[(O−O†)/2i].

    Parameters
    ----------
    state : Qobj
        Ket or operator of one mode.
    xvec, pvec : array of shape (n,), (m,)
        Points.
    g : float
        Scale passed on to QuTiP: the result does not depend on it.
    width : float
        Oscillator length ℓ of the Fock basis.
    hermitian_only : bool
        Refuse operators that are not Hermitian; else they are transformed, to a complex array.
    method : str
        Of ``qutip.wigner``; not ``"fft"``, which chooses its own points.

    Returns
    -------
    ndarray of shape (n, m)
        w[x, p].

    Raises
    ------
    ValueError
        For an operator that is not Hermitian, unless allowed; for bras and states of several modes.
    """
    if not isinstance(state, qutip.Qobj):
        raise TypeError(f"state must be a Qobj, not {type(state).__name__}")
    check_qobj("state", state)
    check_choice("method", method, ("clenshaw", "iterative", "laguerre"))
    g = check_number("g", g, minimum=0.0, strict=True)
    width = check_number("width", width, minimum=0.0, strict=True)
    x = check_array("xvec", xvec, shape=(None,)) * np.sqrt(2) / g / width
    p = check_array("pvec", pvec, shape=(None,)) * np.sqrt(2) / g * width

    def transform(operator: qutip.Qobj) -> np.ndarray:
        return 2 / g**2 * qutip.wigner(operator, x, p, g=g, method=method).T

    # QuTiP's own isherm has a tolerance that is a setting; |i⟩⟨j| with a small weight must not slip
    # through
    full = state.full()
    if state.isket or np.max(np.abs(full - full.conj().T)) <= 1e-12 * np.max(np.abs(full)):
        return transform(state)
    if hermitian_only:
        raise ValueError(
            "state must be Hermitian: qutip.wigner drops the anti-Hermitian part silently; use "
            "wigner_transform, or pass "
            "hermitian_only=False for a complex result"
        )
    return transform((state + state.dag()) / 2) + 1j * transform((state - state.dag()) / 2j)
