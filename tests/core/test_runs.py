"""Every solver and method once: all outputs, all finite, and the kernels behind them exercised."""

import numpy as np
import pytest

from .runs import EXACT_RUNS, RUNS

ALL = {**RUNS, **EXACT_RUNS}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
def test_every_method_delivers_what_was_asked_for(name):
    solver, state0, times = ALL[name]()
    result = solver.run(state0, times)
    assert np.array_equal(result.times, times)
    arrays = [getattr(result, field, None) for field in result._fields]
    assert any(array is not None for array in arrays)
    for array in arrays:
        assert array is None or (len(array) == len(times) and np.all(np.isfinite(array)))
    assert "stopped" not in result.stats
