"""Speed of noise, delays, heavy tails and spheres: ratios of CPU time in one run;
``pytest tests/benchmarks/test_particles.py --benchmark-enable -m "" -s``.
"""

import time

import numpy as np
import pytest

from qsyncplug.circle import Circle, circlesolve, sine

from .test_core import report

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def cpu(function, repeats=5):
    """Best CPU time: other work on the machine does not count."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def euler_maruyama(x, coupling, noise, h, steps, rng):
    """NumPy at its best: two real functions instead of a complex exponential."""
    size = np.sqrt(2 * noise * h)
    for _ in range(steps):
        s, c = np.sin(x), np.cos(x)
        x = x + h * coupling * (np.mean(s) * c - np.mean(c) * s)
        x += size * rng.standard_normal(x.size)
    return x


@pytest.mark.parametrize("scheme", ["euler", "leimkuhler-matthews", "heun"])
def test_noise(benchmark, scheme):
    """n=1e5, 1e4 steps (the peer: 100 of them); one thread."""
    n, steps, h = 10**5, 10**4, 0.01
    x = RNG.uniform(0, 2 * np.pi, n)
    model = Circle(sine(), "mean", coupling=2.0, noise=0.5)
    options = {"scheme": scheme, "step": h, "seed": 1, "store_positions": False}

    def run(count=steps):
        circlesolve(model, x, [0.0, count * h], options=options)

    # interleaved, so that both meet the same machine; a hundred steps at a time, the best of many
    theirs = cpu(lambda: euler_maruyama(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    ours = cpu(lambda: run(500), 8) / 500
    theirs = min(
        theirs, cpu(lambda: euler_maruyama(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    )
    benchmark.pedantic(run, rounds=1)
    print(f"\n{scheme}: {1e9 * ours / n:.2f} ns a particle and step, NumPy {1e9 * theirs / n:.1f}")
    report(f"noise, n=1e5, {scheme}", ours, numpy=theirs)
