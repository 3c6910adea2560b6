"""Measures of synchronisation and, beside them, of correlation.

Each takes what :func:`qsyncplug.synchronization` can read (a result, a view, QuTiP's with
``modes=``) and returns (T,) numbers of the run, (T, N, N) of the
pairs or (T, N) of the nodes. Where a measure has no value it is NaN, with one
:class:`UndefinedMeasureWarning` a call; where the view lacks a field that the measure needs,
:class:`MissingFieldError` says what would provide it. Each carries ``.record``: symbol, LaTeX, what
it needs, its null value and range; ``RECORDS`` has them all, and everything that takes a measure by
its name looks there. :func:`measure` makes another one, in this package or outside.
"""

from . import (
    angles,
    collective,
    distributions,
    fluctuations,
    information,
    negativity,
    order,
    phases,
)
from .angles import *  # noqa: F403
from .collective import *  # noqa: F403
from .distributions import *  # noqa: F403
from .fluctuations import *  # noqa: F403
from .information import *  # noqa: F403
from .negativity import *  # noqa: F403
from .order import *  # noqa: F403
from .phases import *  # noqa: F403
from .record import RECORDS, Of, Record, measure

__all__ = ["RECORDS", "Of", "Record", "measure"]
__all__ += angles.__all__
__all__ += collective.__all__
__all__ += distributions.__all__
__all__ += fluctuations.__all__
__all__ += information.__all__
__all__ += negativity.__all__
__all__ += order.__all__
__all__ += phases.__all__
