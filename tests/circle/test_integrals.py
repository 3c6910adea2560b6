import math

import numpy as np
import pytest

from qsyncplug.circle.integrals import integral
from qsyncplug.core.errors import QsyncplugWarning


def test_rounding_is_no_reason_to_warn():
    # QUADPACK warns here: 1e-30 cannot be reached
    exact = math.pi / 4
    found = integral(lambda x: math.sqrt(1 - x * x), 0.0, 1.0, absolute=1e-30, relative=2e-14)
    assert abs(found - exact) < 1e-14
    assert integral(lambda x: math.exp(-x), 0.0, np.inf, absolute=1e-15) == pytest.approx(1, 1e-14)


def test_what_cannot_be_integrated_is_told():
    with pytest.warns(QsyncplugWarning, match="known to .* only"):
        integral(lambda x: math.sin(1 / x) / x, 0.0, 1.0, absolute=1e-12)
