r"""The Möbius form: N complex numbers w for identical oscillators, up to and including t=∞.

With B=1−G(0) and κ=k cos α,

.. math::

    \frac{dw_j}{d\tau} = -\frac{k}{2N}e^{-i\alpha}\sum_l B_{lj}/\bar w_l,\quad w(0)=1,
    \quad \tau=(1-e^{-\kappa t})/\kappa,\qquad
    1-G_{jk}(t) = e^{-\kappa t}B_{jk}/(\bar w_j w_k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._ext.integrator import Integrator
from .._ext.lohe import MobiusRightHandSide
from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.interrupts import whole_or_nothing
from ..core.saved import Saved
from ..core.types import State
from ..waves.factors import factorize
from .initial import read_states
from .model import SchrodingerLohe

__all__ = [
    "SynchronizedLimit",
    "limit_of_rows",
    "mobius_deviations",
    "mobius_equations",
    "mobius_rate",
    "mobius_scale",
    "synchronized_limit",
]


def mobius_scale(model: SchrodingerLohe, norms: np.ndarray) -> float | None:
    """The squared norm that every oscillator has or tends to, if the Möbius form applies to the
    model; None if not.
    """
    n = len(norms)
    theta = model.start_theta(n)
    if not (model.mean_field and model.common) or np.ptp(model.rates(n)) > 0 or np.ptp(theta) > 0:
        return None
    if model.variant == "model2":
        return float(theta[0])
    if np.ptp(norms) > 1e-12 * np.max(norms):
        return None
    scale = float(np.mean(norms) ** 2)
    return 1.0 if abs(scale - 1) < 1e-12 else scale


def mobius_rate(model: SchrodingerLohe, scale: float) -> float:
    """κ without lag: k, or kθ of Model 2."""
    return model.coupling * (scale if model.variant == "model2" else 1.0)


def initial_deviations(model: SchrodingerLohe, rows: np.ndarray) -> np.ndarray:
    """B = 1−⟨x_j,x_k⟩ of rows, without cancellation; the norms are exactly 1 unless the model is
    Model 2.
    """
    n = len(rows)
    check_memory("the products of all pairs", 48.0 * n * n, advice="take fewer oscillators")
    out = np.empty((n, n), complex)
    for j, row in enumerate(rows):
        away = rows - row
        out[j] = 0.5 * np.sum(np.abs(away) ** 2, axis=1) - 1j * (away @ row.conj()).imag
    if model.variant == "model2":
        gap = 1 - np.sum(np.abs(rows) ** 2, axis=1)
        out += 0.5 * (gap[:, None] + gap[None, :])
    return out


def mobius_equations(model: SchrodingerLohe, rows: np.ndarray, scale: float) -> MobiusRightHandSide:
    """The compiled equations of w in τ; `rows` are divided by the norm they tend to."""
    return MobiusRightHandSide(rows, mobius_rate(model, scale), np.exp(-1j * model.phase_lag))


def mobius_weights(
    model: SchrodingerLohe, rows: np.ndarray, scale: float, tau: np.ndarray
) -> np.ndarray:
    """W at the values of `tau` (nondecreasing), (T, N)."""
    n = len(rows)
    integrator = Integrator(mobius_equations(model, rows, scale), rtol=1e-13, atol=1e-15)
    out = np.empty((len(tau), 2 * n))
    start = min(0.0, float(tau[0]))
    integrator.set_state(start, np.ones(n, complex), tau[-1] if tau[-1] > start else np.inf)
    status, count = integrator.advance(np.ascontiguousarray(tau, dtype=float), out)
    if status != 0:
        raise SolverError(
            f"the Möbius form stopped at τ={integrator.t:.12g} of {tau[-1]:.12g}: the initial "
            "state lies on the unstable set "
            "(bipolar or ζ=0)",
            time=float(integrator.t),
            reason="unstable set",
            result=out[:count].view(complex),
        )
    return out.view(complex)


def mobius_deviations(
    model: SchrodingerLohe, rows: np.ndarray, s: np.ndarray
) -> tuple[np.ndarray, float] | None:
    """1−G/scale at the times `s` after the start, (T, N, N), and the scale; None where the form
    does not apply.
    """
    norms = np.linalg.norm(rows, axis=1)
    scale = mobius_scale(model, norms)
    if scale is None or model.coupling == 0:
        return None
    x = rows / np.sqrt(scale)
    kappa = mobius_rate(model, scale) * np.cos(model.phase_lag)
    tau = s if kappa == 0 else -np.expm1(-kappa * s) / kappa
    try:
        w = mobius_weights(model, x, scale, tau)
    except SolverError:
        return None
    b = initial_deviations(model, x)
    return np.exp(-kappa * s)[:, None, None] * b / (w.conj()[:, :, None] * w[:, None, :]), scale


@dataclass(frozen=True)
class SynchronizedLimit(Saved):
    r"""What identical oscillators tend to.

    Attributes
    ----------
    synchronizes : bool
        All states tend to one.
    rate : float
        κ, of :math:`1-z_{jk} ≈ \text{prefactor}_{jk}e^{-κt}`.
    prefactor : ndarray of shape (N, N)
        Limit of (1−G_jk/scale) e^{κt}, complex.
    mass : float
        Limit of every ‖ψ_j‖².
    weights : ndarray of shape (N,)
        w at τ=1/κ.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> limit = qsp.synchronized_limit(model, waves)
    >>> limit.synchronizes, round(limit.rate, 6)
    (True, 1.0)
    """

    _axes: ClassVar[dict[str, str]] = {
        "prefactor": "N N complex",
        "weights": "N complex",
    }

    synchronizes: bool
    rate: float
    prefactor: np.ndarray
    mass: float
    weights: np.ndarray


@whole_or_nothing
def synchronized_limit(model: SchrodingerLohe, state0: State) -> SynchronizedLimit:
    """The limit t=∞ of identical oscillators, from the Möbius form at τ=1/κ.

    Parameters
    ----------
    model : SchrodingerLohe
        One common mean, frequency, Hamiltonian and θ; equal norms, unless Model 2; k cos α > 0.
    state0 : N states

    Returns
    -------
    SynchronizedLimit

    Raises
    ------
    ValueError
        The Möbius form does not apply, or k cos α is not positive.
    SolverError
        The initial state lies on the unstable set.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> qsp.synchronized_limit(model, waves).synchronizes
    True
    """
    if not isinstance(model, SchrodingerLohe):
        raise TypeError(f"model must be a SchrodingerLohe, not {type(model).__name__}")
    psi = read_states(model, state0)
    x, _ = factorize(psi, model.grid.weight if model.grid is not None else 1.0)
    return limit_of_rows(model, x)


def limit_of_rows(model: SchrodingerLohe, x: np.ndarray) -> SynchronizedLimit:
    """As :func:`synchronized_limit`, of coefficients (N, r) in an orthonormal basis."""
    scale = mobius_scale(model, np.linalg.norm(x, axis=1))
    if scale is None:
        raise ValueError(
            "model must have one common mean, frequency, Hamiltonian and θ, and equal norms "
            "(unless Model 2) for the Möbius form"
        )
    kappa = mobius_rate(model, scale) * np.cos(model.phase_lag)
    if kappa <= 0:
        raise ValueError(
            f"coupling·cos(phase_lag) must be positive for a synchronised limit, not {kappa:g}"
        )
    rows = x / np.sqrt(scale)
    w = mobius_weights(model, rows, scale, np.array([1 / kappa]))[0]
    b = initial_deviations(model, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        prefactor = b / (w.conj()[:, None] * w[None, :])
    fine = bool(np.all(np.abs(w) > 1e-7))
    return SynchronizedLimit(fine, float(kappa), prefactor, scale, w)
