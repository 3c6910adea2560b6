"""Measures of synchronisation and, beside them, of correlation.

Each takes what :func:`qsyncplug.synchronization` can read (a result, a view, QuTiP's with
``modes=``) and returns (T,) numbers of the run, (T, N, N) of the
pairs or (T, N) of the nodes. Where a measure has no value it is NaN, with one
:class:`UndefinedMeasureWarning` a call; where the view lacks a field that the measure needs,
:class:`MissingFieldError` says what would provide it. Each carries ``.record``: symbol, LaTeX, what
it needs, its null value and range; ``RECORDS`` has them all.
"""

from .angles import phase_distribution
from .distributions import PhaseDistribution, husimi_phase, wigner_phase
from .fluctuations import complete, complete_fluctuations, pearson, phase, phase_rotated
from .information import gaussian_discord, log_negativity, mutual_information, purity, second_order
from .negativity import wigner_negativity
from .order import diameter, excitations, kuramoto, mean_phase, order_excess, order_parameter
from .phases import (
    coherence,
    coherence_phase,
    frequency,
    frequency_difference,
    pearson_window,
    phase_locking,
)
from .record import RECORDS, Record

__all__ = [
    "RECORDS",
    "PhaseDistribution",
    "Record",
    "coherence",
    "coherence_phase",
    "complete",
    "complete_fluctuations",
    "diameter",
    "excitations",
    "frequency",
    "frequency_difference",
    "gaussian_discord",
    "husimi_phase",
    "kuramoto",
    "log_negativity",
    "mean_phase",
    "mutual_information",
    "order_excess",
    "order_parameter",
    "pearson",
    "pearson_window",
    "phase",
    "phase_distribution",
    "phase_locking",
    "phase_rotated",
    "purity",
    "second_order",
    "wigner_negativity",
    "wigner_phase",
]
