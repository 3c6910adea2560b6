"""One recorder for all benchmarks of a run."""

import pytest

from . import timing
from .table import Recorder, note, write


@pytest.fixture(scope="session", autouse=True)
def once(request):
    """With ``--speed-once`` nothing is repeated."""
    timing.ONCE = request.config.getoption("--speed-once")
    yield timing.ONCE
    timing.ONCE = False


@pytest.fixture(scope="session")
def record(request, once):
    recorder = Recorder("pytest " + " ".join(map(quoted, request.config.invocation_params.args)))
    yield recorder
    if once:
        note(recorder)
    elif request.config.getoption("--speed-table"):
        write(recorder)


def quoted(argument):
    """As it is typed."""
    return f'"{argument}"' if not argument or " " in argument else str(argument)
