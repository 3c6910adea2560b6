"""The compiled equations of a model in coefficient form."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._ext.integrator import Integrator
from .._ext.lohe import LoheRightHandSide
from ..core.errors import SolverError
from ..waves.influence import Influence
from .model import SchrodingerLohe

__all__ = [
    "coefficients_at",
    "influence_of",
    "mean_factor",
    "right_hand_side",
]


def influence_of(model: SchrodingerLohe) -> Any:
    """The kernel as the compiled right-hand side takes it; None where θ does not move."""
    if model.variant == "standard" or model.alignment == 0:
        return None
    if isinstance(model.kernel, Influence):
        kernel = model.kernel
        return kernel.floor, kernel.height, kernel.scale, kernel.exponent
    return model.kernel


def mean_factor(model: SchrodingerLohe) -> complex:
    """e^{iα} of a common lag; graphs carry their own."""
    return complex(np.exp(1j * np.asarray(model.phase_lag).item())) if model.mean_field else 1.0


def right_hand_side(
    model: SchrodingerLohe,
    x: np.ndarray,
    *,
    frequencies: np.ndarray | None = None,
    frame: np.ndarray | None = None,
    positions: Any = None,
    t0: float = 0.0,
    bounds: tuple[float, float] = (0.0, np.inf),
    aligned: bool = True,
) -> LoheRightHandSide:
    """Equations of coefficients like `x` (N, r) in an orthonormal basis.

    Parameters
    ----------
    model : SchrodingerLohe
    x : ndarray of shape (N, r)
        At `t0`.
    frequencies, frame : ndarray of shape (N,), optional
        Rates of the equations, and those with which the coefficients turn.
    positions : object, optional
        What gives the centres, for alignment by distance.
    t0 : float
    bounds : (float, float)
        Squared norms at which an oscillator has vanished, and has grown without bound.
    aligned : bool
        False: the coupling alone, without the alignment of θ.
    """
    n, r = x.shape
    vanishing, cap = bounds
    return LoheRightHandSide(
        n,
        r,
        model.coupling,
        model.normalised,
        model.start_theta(n),
        frequencies=frequencies,
        frame=frame,
        factor=mean_factor(model),
        graph=model.coupling_graph(n),
        influence=influence_of(model) if aligned else None,
        alignment=model.alignment if aligned else 0.0,
        positions=positions,
        t0=t0,
        vanishing=vanishing,
        cap=cap,
        initial=x,
    )


def coefficients_at(
    model: SchrodingerLohe, x: np.ndarray, s: np.ndarray, options: dict[str, Any]
) -> np.ndarray:
    """X (T, N, r) at times `s` after the start, of a model without alignment by distance.

    Raises
    ------
    SolverError
        The equations cannot be followed so far.
    """
    n, r = x.shape
    rates = model.rates(n)
    rhs = right_hand_side(model, x, frequencies=rates, frame=np.full(n, float(np.mean(rates))))
    limits = {name: options[name] for name in ("rtol", "atol", "nsteps")}
    method = Integrator(rhs, **limits)
    method.set_state(0.0, x.ravel(), float(s[-1]) if s[-1] > 0 else np.inf)
    rows = np.empty((len(s), rhs.size))
    _, count = method.advance(np.ascontiguousarray(s, dtype=float), rows)
    if count < len(s):
        raise SolverError(
            f"the states could not be followed past t={method.t:g} after the start",
            time=float(method.t),
            reason="reduction",
        ) from (method.interruption or rhs.error)
    turned = np.exp(-1j * float(np.mean(rates)) * s)
    return np.asarray(rows.view(complex).reshape(len(s), n, r) * turned[:, None, None])
