"""Wigner–Lohe: exact reduction, direct integration in phase space, and what a user would write with SciPy, in one run."""

import time

import numpy as np
import pytest
import scipy.fft

from qsyncplug.core import Grid
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve
from qsyncplug.wigner.direct import LinearFlow
from qsyncplug.wigner.state import read_state

from ..wigner.wigner_reference import Lines

pytestmark = pytest.mark.slow


def anharmonic(x):
    return x**2 / 2 + 0.8 * np.cos(1.3 * x)


def best(function, repeats=2):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        value = function()
        times.append(time.perf_counter() - begin)
    return min(times), value


def strang(w, space, potential, t, steps):
    """Split-operator Moyal propagator of second order, plain NumPy and SciPy."""
    h = t / steps
    x, p = space.x, space.p
    y = np.fft.ifftshift(space.y_axes[0])
    xi = 2 * np.pi * np.fft.fftfreq(len(x), space.dx[0])
    kick = np.exp(-1j * h * (potential(x[:, None] + y / 2) - potential(x[:, None] - y / 2)))
    half = np.exp(-0.5j * h * xi[:, None] * p)
    for _ in range(steps):
        w = scipy.fft.ifft(half * scipy.fft.fft(w, axis=0), axis=0)
        w = scipy.fft.fft(kick * scipy.fft.ifft(w, axis=1), axis=1)
        w = scipy.fft.ifft(half * scipy.fft.fft(w, axis=0), axis=0)
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
    direct, result = best(lambda: wlsolve(model, psi, [0, 2], options={"method": "direct", "rtol": 1e-10}), 1)
    w0 = [[wigner_transform(a, b, grid=grid) for b in psi] for a in psi]
    lines, (end, _) = best(lambda: Lines(64, 16.0, [anharmonic] * 4, 1.0).run(w0, 0.1, rtol=1e-10), 1)
    del end
    benchmark.extra_info.update(
        direct_ratio=direct / ours,
        lines_ratio=20 * lines / ours,
        lines_note="method of lines run to T=0.1, times 20",
        direct_difference=float(np.max(np.abs(result.wigner(0, 1) - w[1]))),
    )


@pytest.mark.benchmark(group="wigner: linear flow of one Wigner function")
def test_linear_flow(benchmark):
    grid = Grid(96, 20.0)
    psi = [grid.gaussian(1.0)]
    model = WignerLohe(grid, anharmonic, 0.0)
    state = read_state(model, psi)

    def flow(rtol):
        linear = LinearFlow(model, state, rtol=rtol)
        w = linear.start()
        linear.run(w, 2.0)
        return w[0]

    benchmark.pedantic(lambda: flow(1e-10), rounds=1)
    if not benchmark.enabled:
        return
    exact = wlsolve(model, psi, [0, 2]).wigner(0, 0)
    tight, w = best(lambda: flow(1e-11))
    loose, v = best(lambda: flow(1e-7))
    w0 = state.left is not None and wigner_transform(psi[0], grid=grid)
    lines, (end, evaluations) = best(lambda: Lines(96, 20.0, [anharmonic], 0.0).run([[w0]], 2.0, rtol=1e-10), 1)
    steps = 1500
    split, u = best(lambda: strang(w0.astype(complex), model.phase_space, anharmonic, 2.0, steps), 1)
    benchmark.extra_info.update(
        lines_ratio=lines / tight,
        strang_ratio=split / loose,
        errors={name: float(np.max(np.abs(a - exact))) for name, a in
                {"ours tight": w, "ours loose": v, "lines": end[0, 0], "strang": u}.items()},
        lines_evaluations=evaluations, strang_steps=steps,
    )  # fmt: skip
