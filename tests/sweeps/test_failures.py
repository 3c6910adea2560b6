"""What a sweep says of points that fail."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core.errors import SolverInterrupted


def test_an_interrupted_sweep_says_what_failed_so_far():
    def fail(x):
        if x == 3:
            raise KeyboardInterrupt
        return x / 0

    told = r"0 of 5 points are done, 3 failed \(the first: ZeroDivisionError"
    with pytest.raises(SolverInterrupted, match=told) as caught:
        qsp.sweep(fail, {"x": np.arange(5)})
    assert (caught.value.result["status"].values == 2).sum() == 3
