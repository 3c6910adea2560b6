"""Where coupled oscillators radiate, and where they would without each other."""

from __future__ import annotations

import warnings

import numpy as np

from ..core.errors import QsyncplugWarning, SolverError
from ..core.saved import kept
from ..exact import spectrum
from ..operators.system import System
from ..sync.dynamics import Spectra
from ._couplings import uncoupled, undriven

__all__ = ["enough_levels", "spectra_of"]


def enough_levels(populations: np.ndarray) -> tuple[int, ...]:
    """Levels of each mode, of populations (N, levels), beyond which less than 1e-4 is left."""
    left = 1 - np.cumsum(populations, axis=1)
    return tuple(min(max(4, int(np.argmax(row < 1e-4)) + 2), len(row)) for row in left)


@kept()
def spectra_of(system: System, levels: tuple[int, ...] | None) -> Spectra | None:
    """Observed and bare frequencies of the nodes.

    None where there is no unique stationary state, no phase symmetry that would make the peaks
    incoherent light alone, or no peak.
    """
    if not system.isconstant or not system.jumps:
        return None
    if system.n == 1:
        return _driven(system, levels)
    if not system.symmetries.common_phase:
        return None
    observed = _peaks(system, levels)
    bare = None if observed is None else _peaks(uncoupled(system), levels)
    if observed is None or bare is None:
        return None
    return Spectra(
        tuple(float(peak[0]) for peak in observed),
        tuple(float(peak[0]) for peak in bare),
        float(max(peak[1] for peak in observed)),
        float(max(peak[2] for peak in observed)),
    )


def _driven(system: System, levels: tuple[int, ...] | None) -> Spectra | None:
    """Of one node against its drive, whose frequency is 0 in the frame of the model."""
    free = None if system.symmetries.common_phase else undriven(system)
    bare = None if free is None else _peaks(free, levels)
    if bare is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QsyncplugWarning)
        try:
            s = spectrum(system, system.operators[0], cutoff=levels)
        except (SolverError, ValueError):
            return None
    coherent = abs(s.coherent) ** 2
    share = coherent / max(coherent + s.power, 1e-300)
    highest = s.peaks[0] if s.peaks else None
    split = len(s.peaks) > 1 and s.peaks[1].height > 0.9 * s.peaks[0].height
    if highest is None or split or not np.isfinite(highest.width):
        if share < 0.5:
            return None
        # beside the light at the drive's frequency what is left has no frequency of its own
        line = (0.0, np.inf, 0.0)
    else:
        line = (highest.frequency, highest.width, s.error * highest.width)
    return Spectra(
        (float(line[0]),),
        (float(bare[0][0]),),
        float(line[1]),
        float(line[2]),
        coherent=share,
        bare_width=float(bare[0][1]),
    )


def _peaks(
    system: System, levels: tuple[int, ...] | None
) -> list[tuple[float, float, float]] | None:
    """Frequency, full width and uncertainty of the highest peak of every node."""
    out = []
    for b in system.operators:
        with warnings.catch_warnings():
            # the run has warned of its cut-off; two equal peaks are looked at below
            warnings.simplefilter("ignore", QsyncplugWarning)
            try:
                s = spectrum(system, b, cutoff=levels)
            except (SolverError, ValueError):
                return None
        if not s.peaks or (len(s.peaks) > 1 and s.peaks[1].height > 0.9 * s.peaks[0].height):
            return None
        highest = s.peaks[0]
        if not np.isfinite(highest.width):
            return None
        out.append((highest.frequency, highest.width, s.error * highest.width))
    return out
