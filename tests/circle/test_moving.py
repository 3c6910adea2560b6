"""What is said about inertia, triads and changing couplings, held against runs."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import Circle, circlesolve, sine

RNG = np.random.default_rng(31)
X = RNG.uniform(-1, 1, 6)
TIMES = np.linspace(0, 30, 301)


def checked(model, state, name, times=TIMES):
    run = circlesolve(model, state, times)
    return qsp.predictions(model, state)[name].check(run)


MOVING = {
    "inertia": Circle(sine(), "mean", coupling=2.0, inertia=0.7, frequencies=1.0),
    "inertias and weights": Circle(
        sine(),
        "mean",
        coupling=2.0,
        inertia=RNG.uniform(0.5, 1, 6),
        frequencies=RNG.normal(size=6),
        weights=RNG.uniform(1, 2, 6),
    ),
    "coupling of time": Circle(sine(), "mean", coupling=np.sin, frequencies=RNG.normal(size=6)),
}


@pytest.mark.parametrize("name", MOVING)
def test_momentum(name):
    model = MOVING[name]
    states = [X] if model.inertia is None else [X, np.stack([X, RNG.normal(size=6)])]
    for state in states:
        assert checked(model, state, "conserved momentum").passed is True
        # a run that begins elsewhere does not bear it out
        run = circlesolve(model, X + 0.1, TIMES)
        assert qsp.predictions(model, state)["conserved momentum"].check(run).passed is False


@pytest.mark.parametrize(
    ("extra", "rate"),
    [
        ({"inertia": 0.1}, (1 - np.sqrt(1 - 0.8)) / 0.2),
        ({"inertia": 2.0}, 0.25),
        ({"triads": (1.0, -0.5)}, 2.5),
        ({"triads": (1.0, 0.5), "phase_lag": 0.6}, 2 * np.cos(0.6) + 1.5),
    ],
)
def test_the_rate_of_synchrony(extra, rate):
    model = Circle(sine(), "mean", coupling=2.0, **extra)
    row = qsp.predictions(model, X)["synchrony"]
    assert row.rate == pytest.approx(rate, rel=1e-12)
    times = np.linspace(0, 80, 1601)
    assert row.check(circlesolve(model, X, times)).passed is True
    # of another stiffness it says nothing, or that it is wrong
    other = Circle(sine(), "mean", coupling=4.0, **(extra | {"inertia": None}))
    assert row.check(circlesolve(other, X, times)).passed is not True


def test_unstable_synchrony():
    model = Circle(sine(), "mean", coupling=1.0, triads=(-2.0, 0.5))
    row = qsp.predictions(model, 1e-3 * X)["synchrony"]
    assert row.rate is None and not row.limits["stable"]
    assert row.check(circlesolve(model, 1e-3 * X, TIMES)).passed is None
    together = Circle(sine(), "mean", coupling=3.0, triads=(1.0, 0.5))
    assert row.check(circlesolve(together, 1e-3 * X, TIMES)).passed is False
    stable = qsp.predictions(together, 1e-3 * X)["synchrony"]
    assert stable.check(circlesolve(model, 1e-3 * X, TIMES)).passed is False


def test_what_is_not_said():
    for model in (
        Circle(sine(), "mean", triads=(1.0, 1.0), frequencies=RNG.normal(size=6)),
        Circle(sine(), "mean", noise=0.1),
        Circle(sine(), "mean", inertia=1.0, phase_lag=0.2, frequencies=RNG.normal(size=6)),
    ):
        names = [row.name for row in qsp.predictions(model, X)]
        assert "synchrony" not in names and "conserved momentum" not in names
