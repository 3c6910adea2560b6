"""Steady states ζ=0 and ±ζ/‖ζ‖, with their spectra."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.predictions import Verdict
from ..core.types import State
from .evidence import accuracy, elapsed
from .facts import Facts, facts_of
from .model import SchrodingerLohe
from .prediction import AR, LohePrediction

__all__ = ["steady_predictions", "steady_spectrum"]

#: so many different rates are told in a prediction
_TOLD = 6


def steady_spectrum(model: SchrodingerLohe, state0: State) -> dict[str, np.ndarray]:
    r"""Return the growth rates of perturbations of a steady state: synchrony, a bipolar state, or
    ζ=0.

    Parameters
    ----------
    model : SchrodingerLohe
        Of one Hamiltonian and one frequency, coupled by the mean.
    state0 : N states

    Returns
    -------
    dict of arrays
        In increasing order. Where all states are ±ζ/‖ζ‖, ε_j=±1: ``"orthogonal"`` (N,), the
        eigenvalues of :math:`-\frac k2D(Sε-\mathbf 1λ^T/N)`, each in every direction orthogonal to
        ζ; ``"phase"`` (N,), those of :math:`-kεD(S-\mathbf 1(ελ)^T/N)`; for Model 2 ``"norm"``
        (N,), :math:`-kSε_jλ_j`. :math:`S=‖ζ‖`, :math:`D=θ/λ`. Where ζ=0: ``"mean"`` (2m,), the
        :math:`\frac k2(θ±τ_i)` with the Takagi values τ of :math:`\frac1N\sum_jψ_jψ_j^T`; all
        other directions are neutral.

    Raises
    ------
    ValueError
        The states are no steady state, or not of such a model.

    Notes
    -----
    Section 5.2 of Antonelli and Reynolds, which has the states and not the spectra. Every steady
    state but synchrony has a positive rate.

    Examples
    --------
    >>> import qutip
    >>> from qsyncplug import SchrodingerLohe
    >>> rates = steady_spectrum(SchrodingerLohe(qutip.qzero(2)), [[1, 0], [1, 0], [-1, 0]])
    >>> rates["phase"].round(9).tolist(), rates["orthogonal"].round(9).tolist()
    ([-0.333333333, -0.0, 1.0], [-0.166666667, -0.0, 0.5])
    """
    f = facts_of(model, state0)
    plain = model.common and model.mean_field and f.identical and not np.any(model.phase_lag)
    if not plain or f.n < 2 or np.any(f.norms == 0):
        raise ValueError(
            "model must have one Hamiltonian, one frequency, no lag and the coupling of the mean, "
            "and state0 two states or more, none of them 0"
        )
    rates = _rates(f)
    if rates is None:
        raise ValueError(
            "state0 must be a steady state: ζ=0, or all states ±ζ/‖ζ‖, with masses and θ at rest"
        )
    return rates


def _rates(f: Facts) -> dict[str, np.ndarray] | None:
    """Growth rates about a steady state, or None where the start is none."""
    if f.order < 1e-12 * np.mean(f.norms):
        if not (f.unit or (f.model.variant == "model2" and np.ptp(f.theta) == 0)):
            return None
        takagi = np.linalg.svd(f.x.T @ f.x / f.n, compute_uv=False)
        theta = float(f.theta[0])
        return {"mean": np.sort(np.concatenate([theta + takagi, theta - takagi])) * 0.5 * f.k}
    axis = np.mean(f.x, axis=0) / f.order
    sign = np.sign((f.x @ axis.conj()).real)
    off = f.x / f.norms[:, None] - sign[:, None] * axis
    if np.max(np.linalg.norm(off, axis=1)) > 1e-12:
        return None
    grown = f.model.variant == "model2" and f.frozen
    if not (f.constant_norms or (grown and np.all(np.abs(f.norms**2 - f.theta) < 1e-12))):
        return None
    gain, n = f.theta / f.norms, f.n
    side = gain[:, None] * (f.order * np.diag(sign) - np.ones((n, 1)) * f.norms / n)
    turn = (sign * gain)[:, None] * (f.order * np.eye(n) - np.ones((n, 1)) * (sign * f.norms) / n)
    rates = {
        "orthogonal": np.sort(-0.5 * f.k * np.linalg.eigvals(side).real),
        "phase": np.sort(-f.k * np.linalg.eigvals(turn).real),
    }
    if f.model.variant == "model2":
        rates["norm"] = np.sort(-f.k * f.order * sign * f.norms)
    return rates


def steady_predictions(f: Facts) -> Iterator[LohePrediction]:
    """Section 5.2: every steady state but synchrony is unstable."""
    if not f.identical or f.model.phase_lag != 0 or f.n < 2:
        return
    spectrum = _rates(f)
    if spectrum is None or np.max(np.abs(f.z - 1)) < 1e-9:
        return
    growth = float(max(values[-1] for values in spectrum.values()))
    if growth <= 1e-9 * f.k:
        return
    kind = "ζ=0" if "mean" in spectrum else "a bipolar state"
    yield LohePrediction(
        "steady state",
        f"the start is {kind}, a steady state with rates {_told(spectrum, f.k)}; unstable: "
        f"perturbations grow at rate {growth:.6g}",
        f"{AR}, section 5.2",
        "with the spectrum, which is not printed; ζ=0 attracts no open set",
        test=partial(_check_steady, growth),
    )


def _told(spectrum: dict[str, np.ndarray], k: float) -> str:
    """The spectrum in words: the different values, the largest ones of many."""
    parts = []
    for name, values in spectrum.items():
        different = np.unique(np.round(values / k, 9) + 0.0)[::-1] * k
        more = "" if different.size <= _TOLD else ", …"
        parts.append(f"{name}: {', '.join(f'{v:.6g}' for v in different[:_TOLD])}{more}")
    return "; ".join(parts)


def _check_steady(growth: float, result: Any) -> Verdict:
    t = elapsed(result)
    early = growth * t < 12
    if np.count_nonzero(early) < 2:
        return None, "no output before rounding escapes"
    gram = np.asarray(result.gram)[early]
    off = float(np.max(np.abs(gram - gram[0])))
    # the start is a steady state to about 1e-12
    known = 1e-6 + 1e5 * accuracy(result) * np.exp(12) * 1e-5
    return off < known, f"products of the states within {off:.1e} before rounding escapes"
