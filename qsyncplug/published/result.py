"""What comes out of a run of the published equations, and the paper's measures of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..approximate.meanfield import MeanFieldResult
from ..core.checks import check_number

__all__ = ["PublishedResult", "complete_synchronization", "phase_synchronization"]


def complete_synchronization(covariance: Any) -> np.ndarray:
    """S_q of (16), ⟨δq₋²+δp₋²⟩⁻¹, from covariances (..., 4, 4). 1 is the value of two independent
    vacua.
    """
    C = np.asarray(covariance, dtype=float)
    return phase_synchronization(np.zeros((*C.shape[:-2], 4)), C, phi=0.0)


def phase_synchronization(
    mean: Any, covariance: Any, *, phi: float | None = None, printed: bool = False
) -> np.ndarray:
    """S_q^φ of (21).

    Parameters
    ----------
    mean : array_like of shape (..., 4)
        (q1, p1, q2, p2), from which φ=φ2−φ1 follows.
    covariance : array_like of shape (..., 4, 4)
        C.
    phi : float, optional
        φ, in place of the one of `mean`.
    printed : bool
        φ_j=arctan(p_j/q_j) as printed, which is off by π in the left half-plane; atan2 otherwise.

    Returns
    -------
    ndarray of shape (...)
    """
    Y, C = np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float)
    if phi is None:
        if printed:
            with np.errstate(divide="ignore", invalid="ignore"):
                angle = np.arctan(Y[..., 3] / Y[..., 2]) - np.arctan(Y[..., 1] / Y[..., 0])
        else:
            angle = np.arctan2(Y[..., 3], Y[..., 2]) - np.arctan2(Y[..., 1], Y[..., 0])
    else:
        angle = np.full(C.shape[:-2], check_number("phi", phi))
    s, c = np.sin(angle), np.cos(angle)
    total = (
        np.trace(C, axis1=-2, axis2=-1)
        + 2 * s * (C[..., 1, 2] - C[..., 0, 3])
        - 2 * c * (C[..., 0, 2] + C[..., 1, 3])
    )
    return np.asarray(2 / total)


class PublishedResult(MeanFieldResult):
    """Mean field and covariance of the published equations; arrays as in
    :class:`MeanFieldResult`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.PublishedSpinChains(), [1.0, 1.0], [0.0, 1.0])
    >>> run.mean.shape
    (2, 4)
    """

    @property
    def excitations(self) -> np.ndarray:
        """|β_j|², (T, 2): what is left of the oscillation."""
        return np.asarray(np.abs(self.amplitudes) ** 2)

    @property
    def relative_phase(self) -> np.ndarray:
        """φ2−φ1 of the amplitudes, unwrapped, (T,); NaN where an amplitude is zero."""
        product = self.amplitudes[:, 1] * self.amplitudes[:, 0].conj()
        return np.unwrap(np.where(product == 0, np.nan, np.angle(product)))

    def complete_synchronization(self) -> np.ndarray:
        """S_q of (16), (T,); 1 is the value of two independent vacua."""
        return complete_synchronization(self.covariance)

    def phase_synchronization(self, *, phi: float | None = None) -> np.ndarray:
        """S_q^φ of (21); φ_j by arctan as printed, by atan2 with the correction "eq18_atan2".

        Parameters
        ----------
        phi : float, optional
            φ_2−φ_1 in place of that of the means.

        Returns
        -------
        ndarray of shape (T,)
        """
        printed = self.model is not None and "eq18_atan2" not in self.model.corrections
        return phase_synchronization(self.mean, self.covariance, phi=phi, printed=printed)
