"""Noise, delays and heavy tails; ``pytest tests/benchmarks/test_particles.py -m "" -s``."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import iv

from qsyncplug.circle import Circle, circlesolve, sine

from .timing import cpu, many

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
def test_noise(record, scheme):
    """n=1e5, 1e4 steps (the peer: 100 of them); one thread.

    The start is drawn from the density that stays, e^{K r cos x/D} with r=I₁(K r/D)/I₀(K r/D): all
    keep its r.
    """
    n, steps, h = 10**5, 10**4, 0.01
    r = brentq(lambda r: iv(1, 4 * r) / iv(0, 4 * r) - r, 0.1, 1)
    x = RNG.vonmises(0.0, 4 * r, n)
    model = Circle(sine(), "mean", coupling=2.0, noise=0.5)
    options = {"scheme": scheme, "step": h, "seed": 1, "store_positions": False}

    def run(count=steps):
        return circlesolve(model, x, [0.0, count * h], options=options)

    kept = [np.abs(np.mean(np.exp(1j * x))), run(300).order_parameter[-1]]
    for peer in (euler_maruyama, in_place, textbook):
        moved = peer(x, 2.0, 0.5, h, 50, np.random.default_rng(1))
        kept.append(np.abs(np.mean(np.exp(1j * moved))))
    assert kept == pytest.approx([r] * len(kept), abs=0.02)

    # interleaved, so that both meet the same machine; a part of the steps, the best of many
    theirs = cpu(lambda: euler_maruyama(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    # of 1e4 steps the preparation is nothing
    ours = (cpu(lambda: run(300), 8) - cpu(lambda: run(50), 8)) / 250
    theirs = min(
        theirs, cpu(lambda: euler_maruyama(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    )
    strict = cpu(lambda: in_place(x, 2.0, 0.5, h, 50, np.random.default_rng(1)), 8) / 50
    plain = cpu(lambda: textbook(x, 2.0, 0.5, h, 20, np.random.default_rng(1))) / 20
    record.ratio(f"noise, {scheme}", ours, plain)
    if scheme == "euler":
        record.ratio("noise, euler, real", ours, min(theirs, strict))


@pytest.mark.parametrize("rtol", [1e-8, 1e-12])
def test_heavy_tails(record, rtol):
    """n=2e4 Lorentz quantiles to 12732, T=6: maps of bands against steps of all particles."""
    n = 20_000
    omega = np.tan(np.pi * (np.arange(1, n + 1) - 0.5 - n / 2) / n)
    x = RNG.uniform(-np.pi, np.pi, n)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)

    def run(kernel="auto", end=6.0):
        return circlesolve(model, x, [0.0, end], options={"rtol": rtol, "kernel": kernel})

    whole, short, plain = run(), run(end=0.06), run("horner", 0.06)
    apart = np.abs(short.positions[-1] - plain.positions[-1])
    # the tolerance is relative to phases that are not reduced, up to 764
    assert apart.max() < rtol * np.abs(plain.positions[-1]).max()
    # pairs act and react: the mean moves with the mean of the frequencies
    assert np.mean(whole.positions[-1] - x) == pytest.approx(6 * np.mean(omega), abs=100 * rtol)
    ours = cpu(run, 3)
    # a hundredth of the time, whose cost is proportional to it
    plain = 100 * cpu(lambda: run("horner", 0.06), 1)
    name = "tails 1e-8" if rtol == 1e-8 else "tails 1e-12"
    record.ratio(name, ours, plain)
    if rtol == 1e-8:
        record.limit("tails", ours)


def test_heavy_tails_drawn(record):
    """n=2e4 Lorentz frequencies of ten seeds, the fastest 2.3e5, default tolerance."""

    def run(seed):
        rng = np.random.default_rng(seed)
        omega = np.tan(np.pi * (rng.uniform(size=20_000) - 0.5))
        model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
        return circlesolve(model, rng.uniform(-np.pi, np.pi, omega.size), [0.0, 6.0]), omega

    for result, omega in map(run, range(2)):
        moved = np.mean(result.positions[-1] - result.positions[0])
        assert moved == pytest.approx(6 * np.mean(omega), abs=1e-9)
    record.limit("tails, drawn", max(cpu(lambda s=seed: run(s), 1) for seed in range(10)))


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
print(jitcdde.__version__, best, *last)
"""


def test_jitcdde(record, tmp_path):
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
    ours = many(lambda: circlesolve(model, x0, times), 3)
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
    version, seconds, *last = done.stdout.split()[-n - 2 :]
    record.ratio("delay", ours, float(seconds), {"jitcdde": version})
    # the same motion: the peer steps blindly over the first delay, by .05
    assert circlesolve(model, x0, times).positions[-1] == pytest.approx(
        np.array(last, dtype=float), abs=0.1
    )
