"""Speed of noise, delays, heavy tails and spheres: ratios of CPU time in one run;
``pytest tests/benchmarks/test_particles.py --benchmark-enable -m "" -s``.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from qsyncplug.circle import Circle, Sphere, circlesolve, sine

from .timing import cpu, report

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def euler_maruyama(x, coupling, noise, h, steps, rng):
    """NumPy at its best: two real functions instead of a complex exponential."""
    size = np.sqrt(2 * noise * h)
    for _ in range(steps):
        s, c = np.sin(x), np.cos(x)
        x = x + h * coupling * (np.mean(s) * c - np.mean(c) * s)
        x += size * rng.standard_normal(x.size)
    return x


def in_place(x, coupling, noise, h, steps, rng):
    """The same without a temporary array."""
    x, size = x.copy(), np.sqrt(2 * noise * h)
    for _ in range(steps):
        s, c = np.sin(x), np.cos(x)
        mean_s, mean_c = h * coupling * np.mean(s), h * coupling * np.mean(c)
        c *= mean_s
        s *= mean_c
        c -= s
        x += c
        rng.standard_normal(out=s)
        s *= size
        x += s
    return x


def textbook(x, coupling, noise, h, steps, rng):
    """As it is written on a blackboard: the mean field as a complex number."""
    for _ in range(steps):
        z = np.mean(np.exp(1j * x))
        force = coupling * np.abs(z) * np.sin(np.angle(z) - x)
        x = x + h * force + np.sqrt(2 * noise * h) * rng.standard_normal(x.size)
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

    # interleaved, so that both meet the same machine; a part of the steps, the best of many
    theirs = cpu(lambda: euler_maruyama(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    # of 1e4 steps the preparation is nothing
    ours = (cpu(lambda: run(300), 8) - cpu(lambda: run(50), 8)) / 250
    theirs = min(
        theirs, cpu(lambda: euler_maruyama(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    )
    strict = cpu(lambda: in_place(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    plain = cpu(lambda: textbook(x, 2.0, 0.5, h, 20, np.random.default_rng(1))) / 20
    benchmark.pedantic(run, rounds=1)
    print(f"\n{scheme}: {1e9 * ours / n:.2f} ns a particle and step, NumPy {1e9 * theirs / n:.1f}")
    report(
        f"noise, n=1e5, {scheme}",
        ours,
        numpy_at_its_best=theirs,
        in_place=strict,
        numpy_as_on_paper=plain,
    )


@pytest.mark.parametrize("rtol", [1e-8, 1e-12])
def test_heavy_tails(benchmark, rtol):
    """n=2e4 Lorentz quantiles to 12732, T=6: maps of bands against steps of all particles."""
    n = 20_000
    omega = np.tan(np.pi * (np.arange(1, n + 1) - 0.5 - n / 2) / n)
    x = RNG.uniform(-np.pi, np.pi, n)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)

    def run(kernel="auto", end=6.0):
        circlesolve(model, x, [0.0, end], options={"rtol": rtol, "kernel": kernel})

    ours = cpu(run, 3)
    benchmark.pedantic(run, rounds=1)
    # a hundredth of the time, whose cost is proportional to it
    plain = 100 * cpu(lambda: run("horner", 0.06), 1)
    report(f"Lorentz frequencies, n=2e4, T=6, rtol={rtol:g}", ours, steps_of_all=plain)
    assert ours < 2.5


#: in a process of its own: the peer's symbols need a deep stack
PEER = """
import time, numpy as np, jitcdde, symengine
data = np.load("data.npz")
omega, x0, times, tau, coupling = (data[k] for k in ("omega", "x0", "times", "tau", "coupling"))
n, tau, coupling = len(omega), float(tau), float(coupling)
def velocities():
    for i in range(n):
        yield omega[i] + coupling / n * sum(
            symengine.sin(jitcdde.y(j, jitcdde.t - tau) - jitcdde.y(i)) for j in range(n)
        )
peer = jitcdde.jitcdde(velocities, n=n, max_delay=tau, verbose=False)
peer.compile_C(simplify=False, do_cse=False, chunk_size=10, extra_compile_args=["-O1", "-w"])
best = np.inf
for _ in range(2):
    peer.purge_past()
    peer.constant_past(x0, time=0.0)
    peer.reset_integrator()
    peer.set_integration_parameters(rtol=1e-6, atol=1e-9, first_step=0.01, max_step=0.5)
    begin = time.process_time()
    peer.integrate_blindly(tau, 0.05)
    for moment in times[times > tau + 1e-9]:
        last = peer.integrate(moment)
    best = min(best, time.process_time() - begin)
print(best, *last)
"""


def test_jitcdde(benchmark, tmp_path):
    """N=100 all to all, one delay, T=20, 200 outputs; without the peer's compilation (a minute).

    The peer at rtol 1e-6, ours at its default of 1e-12. It may live in another environment:
    QSYNCPLUG_JITCDDE names its Python.
    """
    python = os.environ.get("QSYNCPLUG_JITCDDE", "")
    if not python:
        pytest.importorskip("jitcdde", reason="pip install jitcdde, or QSYNCPLUG_JITCDDE=python")
        python = sys.executable
    n, tau, coupling = 100, 1.0, 2.0
    omega, x0, times = RNG.normal(size=n), RNG.uniform(0, 6, n), np.linspace(0, 20, 201)
    model = Circle(sine(), "mean", coupling=coupling, frequencies=omega, delay=tau)
    benchmark(circlesolve, model, x0, times)
    ours = cpu(lambda: circlesolve(model, x0, times))
    data = {"omega": omega, "x0": x0, "times": times, "tau": tau, "coupling": coupling}
    np.savez(tmp_path / "data.npz", **data)
    done = subprocess.run(
        ["sh", "-c", 'ulimit -s unlimited; exec "$0" -', python],
        input=PEER,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    seconds, *last = map(float, done.stdout.split()[-n - 1 :])
    report("delays, N=100", ours, jitcdde=seconds)
    # the same motion: the peer steps blindly over the first delay, by .05
    assert circlesolve(model, x0, times).positions[-1] == pytest.approx(last, abs=0.1)


@pytest.mark.parametrize(
    ("kind", "in_n", "in_d"),
    [("constant", 1.0, 1.0), ("linear", 1.0, 2.0), ("pairs", 2.0, 1.0)],
)
def test_sphere_exponents(kind, in_n, in_d):
    """Cost of a right-hand side against n and d: constant, linear and exponential weights."""
    model = {
        "constant": Sphere(),
        "linear": Sphere(polynomial=[1.0, 0.5]),
        "pairs": Sphere(1.0),
    }[kind]

    def cost(n, d):
        x = RNG.normal(size=(n, d))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return cpu(lambda: [model.velocity(x) for _ in range(3)], 7)

    big = {"constant": 200_000, "linear": 20_000, "pairs": 1000}[kind]
    wide = {"constant": 16, "linear": 32, "pairs": 64}[kind]
    n_slope = np.log2(cost(4 * big, wide) / cost(big, wide)) / 2
    d_slope = np.log2(cost(big, 4 * wide) / cost(big, wide)) / 2
    print(f"\n{kind}: cost ~ n^{n_slope:.2f} d^{d_slope:.2f}")
    assert n_slope < in_n + 0.3 and d_slope < in_d + 0.3
