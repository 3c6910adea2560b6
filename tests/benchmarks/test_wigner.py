"""Wigner–Lohe: exact reduction, direct integration in phase space, and what a user would write with
SciPy, in one run.
"""

import functools

import numpy as np
import pytest
import scipy.fft

from qsyncplug.core import Grid
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve

from ..wigner.wigner_reference import Lines
from .timing import timed

pytestmark = pytest.mark.slow
best = functools.partial(timed, repeats=2)


def anharmonic(x):
    return x**2 / 2 + 0.8 * np.cos(1.3 * x)


def strang(w, space, potential, t, steps):
    """Split-operator Moyal propagator of second order, plain NumPy and SciPy; neighbouring half
    drifts are one.
    """
    h = t / steps
    x, p = space.x, space.p
    y = np.fft.ifftshift(space.y_axes[0])
    xi = 2 * np.pi * np.fft.fftfreq(len(x), space.dx[0])
    kick = np.exp(-1j * h * (potential(x[:, None] + y / 2) - potential(x[:, None] - y / 2)))
    half = np.exp(-0.5j * h * xi[:, None] * p)
    whole = half * half
    w = scipy.fft.ifft(half * scipy.fft.fft(w, axis=0), axis=0)
    for k in range(steps):
        w = scipy.fft.fft(kick * scipy.fft.ifft(w, axis=1), axis=1)
        w = scipy.fft.ifft((whole if k < steps - 1 else half) * scipy.fft.fft(w, axis=0), axis=0)
    return w


@pytest.mark.benchmark(group="wigner: N=4, 128², T=2, every w_ij at the end")
def test_reduction_against_phase_space(benchmark):
    grid = Grid(64, 16.0)
    model = WignerLohe(grid, anharmonic)
    psi = [grid.gaussian(c, q) for c, q in ((0.8, 0.2), (-0.5, 0.0), (0.1, -0.6), (0.3, 0.4))]

    def everything():
        # a new model, so that nothing is remembered
        result = wlsolve(WignerLohe(grid, anharmonic), psi, [0, 2])
        return [result.wigner(i, j) for i in range(4) for j in range(4)]

    w = benchmark.pedantic(everything, rounds=5)
    if not benchmark.enabled:
        return
    ours, w = best(everything, 5)
    direct, result = best(
        lambda: wlsolve(model, psi, [0, 2], options={"method": "direct", "rtol": 1e-10}), 1
    )
    w0 = [[wigner_transform(a, b, grid=grid) for b in psi] for a in psi]
    lines, (end, _) = best(
        lambda: Lines(64, 16.0, [anharmonic] * 4, 1.0).run(w0, 0.1, rtol=1e-10), 1
    )
    del end
    print(
        f"\nreduction {ours:.4f} s; direct {direct / ours:.0f}×, off by "
        f"{np.max(np.abs(result.wigner(0, 1) - w[1])):.1e}"
    )
    print(f"method of lines (run to T=0.1, times 20) {20 * lines / ours:.0f}×")


@pytest.mark.benchmark(group="wigner: linear flow of one Wigner function, 192², T=2")
def test_linear_flow(benchmark):
    grid = Grid(96, 20.0)
    w0 = wigner_transform(grid.gaussian(1.0), grid=grid)
    exact = wlsolve(WignerLohe(grid, anharmonic, 0.0), [grid.gaussian(1.0)], [0, 2]).wigner(0, 0)

    def error(w):
        return float(np.max(np.abs(w - exact)) / np.max(np.abs(exact)))

    def solve(**options):
        # a new model, so that nothing is remembered; the array is all that it gets
        return wlsolve(
            WignerLohe(grid, anharmonic, 0.0), w0[None, None], [0, 2], options=options
        ).wigner(0, 0)

    benchmark.pedantic(solve, rounds=5)
    if not benchmark.enabled:
        return
    space = WignerLohe(grid).phase_space
    # the peer at an error of 1e-6, which falls as the square of the step
    steps = 200
    steps = int(
        np.ceil(
            steps * np.sqrt(error(strang(w0.astype(complex), space, anharmonic, 2.0, steps)) / 1e-6)
        )
    )
    split, peer = best(lambda: strang(w0.astype(complex), space, anharmonic, 2.0, steps), 3)
    lines, (end, evaluations) = best(
        lambda: Lines(96, 20.0, [anharmonic], 0.0).run([[w0]], 2.0, rtol=1e-10), 1
    )
    seconds = {"operator": best(solve, 5)}
    for rtol in (1e-5, 1e-6, 1e-10):
        seconds[f"phase space, rtol={rtol:g}"] = best(
            lambda r=rtol: solve(method="direct", rtol=r), 5
        )
    print(f"\nsplit-operator, {steps} steps: {split:.4f} s, error {error(peer):.1e}")
    print(
        f"method of lines, {evaluations} evaluations: {lines:.3f} s, error {error(end[0, 0]):.1e}"
    )
    for name, (time_, w) in seconds.items():
        print(
            f"{name}: {time_:.4f} s, error {error(w):.1e}; {split / time_:.1f}× split-operator, "
            f"{lines / time_:.0f}× lines"
        )
