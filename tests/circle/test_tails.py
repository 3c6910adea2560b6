"""A few fast particles among many slow ones: their errors are not diluted."""

import networkx
import numpy as np
import pytest

from qsyncplug.circle import Circle, circlesolve, sine
from qsyncplug.circle.tails import careful, has_tails

RNG = np.random.default_rng(8)


def lorentz(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.tan(np.pi * (rng.uniform(size=n) - 0.5)), rng.uniform(-np.pi, np.pi, n)


@pytest.mark.parametrize("rtol", [1e-10, 1e-8, 1e-6, 1e-4])
def test_every_particle_is_within_its_tolerance(rtol):
    omega, x = lorentz(400)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    times = np.linspace(0, 1, 5)
    exact = circlesolve(model, x, times, options={"rtol": 1e-14, "atol": 1e-14}).positions
    run = circlesolve(model, x, times, options={"rtol": rtol, "atol": rtol}).positions
    errors = np.abs(run - exact) / (rtol + rtol * np.abs(exact))
    assert np.max(errors) < 1


def test_the_hub_of_a_star_counts():
    n = 400
    graph = networkx.star_graph(n - 1)
    model = Circle(sine(), adjacency=graph, frequencies=RNG.normal(size=n))
    assert has_tails(model, n, 0.0)
    x = RNG.uniform(-1, 1, n)
    exact = circlesolve(model, x, [0.0, 0.1], options={"rtol": 1e-14, "atol": 1e-14}).positions
    run = circlesolve(model, x, [0.0, 0.1], options={"rtol": 1e-6, "atol": 1e-6}).positions
    assert np.max(np.abs(run - exact)) < 1e-6


def test_who_has_tails():
    omega, _ = lorentz(1000)
    heavy = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    light = Circle(sine(), "mean", coupling=3.0, frequencies=RNG.normal(size=1000))
    assert has_tails(heavy, 1000, 0.0)
    assert not has_tails(light, 1000, 0.0)
    assert not has_tails(Circle(sine()), 1000, 0.0)
    options = {"max_step": np.inf}
    assert careful(options, light, 1000, 0.0) is options
    fastest = np.max(np.abs(omega))
    assert careful(options, heavy, 1000, 0.0)["max_step"] == pytest.approx(5 / fastest)
    free = Circle(sine(), "mean", coupling=0.0, frequencies=omega)
    assert careful(options, free, 1000, 0.0) is options


def test_inertia_with_tails():
    omega, x = lorentz(200, 3)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega, inertia=0.5)
    tight = {"rtol": 1e-13, "atol": 1e-13}
    exact = circlesolve(model, x, [0.0, 1.0], options=tight).positions
    run = circlesolve(model, x, [0.0, 1.0], options={"rtol": 1e-6, "atol": 1e-6}).positions
    assert np.max(np.abs(run - exact) / (1e-6 + 1e-6 * np.abs(exact))) < 1
