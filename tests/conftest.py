"""What every test shares."""

import signal

import matplotlib
import pytest
from hypothesis import HealthCheck, settings

matplotlib.use("Agg")
# a shell that starts the tests in the background has Ctrl-C ignored, which tests of it wait for
signal.signal(signal.SIGINT, signal.default_int_handler)
# shared machines stall now and then: no deadline on a single example
settings.register_profile(
    "suite", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def pytest_addoption(parser):
    parser.addoption("--draw", action="store_true", help="draw the pictures of the plots anew")
    parser.addoption(
        "--speed-table", action="store_true", help="write what benchmarks measure to tutorials/"
    )
    parser.addoption(
        "--speed-once", action="store_true", help="run each benchmark once, and write no number"
    )
