"""One recorder for all benchmarks of a run."""

import pytest

from .table import Recorder, write


@pytest.fixture(scope="session")
def record(request):
    recorder = Recorder()
    yield recorder
    if request.config.getoption("--speed-table"):
        write(recorder)
