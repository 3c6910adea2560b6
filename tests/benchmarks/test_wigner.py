"""Wigner–Lohe: exact reduction, direct integration in phase space, and what a user would write with
SciPy, in one run.
"""

import numpy as np
import pytest
import scipy.fft

from qsyncplug.core import Grid
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve

from ..wigner.wigner_reference import Lines
from .timing import timed

pytestmark = pytest.mark.slow


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


def test_reduction_against_phase_space(record):
    grid = Grid(64, 16.0)
    model = WignerLohe(grid, anharmonic)
    psi = [grid.gaussian(c, q) for c, q in ((0.8, 0.2), (-0.5, 0.0), (0.1, -0.6), (0.3, 0.4))]

    def everything():
        # a new model, so that nothing is remembered
        result = wlsolve(WignerLohe(grid, anharmonic), psi, [0, 2])
        return [result.wigner(i, j) for i in range(4) for j in range(4)]

    ours, w = timed(everything, 5)
    direct, result = timed(
        lambda: wlsolve(model, psi, [0, 2], options={"method": "direct", "rtol": 1e-10}), 1
    )
    w0 = [[wigner_transform(a, b, grid=grid) for b in psi] for a in psi]
    lines, (end, _) = timed(
        lambda: Lines(64, 16.0, [anharmonic] * 4, 1.0).run(w0, 0.1, rtol=1e-10), 1
    )
    del end
    assert np.max(np.abs(result.wigner(0, 1) - w[1])) < 1e-8
    record.ratio("wigner direct", ours, direct)
    # run to T=0.1
    record.ratio("wigner lines", ours, 20 * lines)


def test_linear_flow(record):
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

    space = WignerLohe(grid).phase_space
    # the peer at an error of 1e-6, which falls as the square of the step
    steps = 200
    steps = int(
        np.ceil(
            steps * np.sqrt(error(strang(w0.astype(complex), space, anharmonic, 2.0, steps)) / 1e-6)
        )
    )
    split, peer = timed(lambda: strang(w0.astype(complex), space, anharmonic, 2.0, steps), 3)
    lines, (end, evaluations) = timed(
        lambda: Lines(96, 20.0, [anharmonic], 0.0).run([[w0]], 2.0, rtol=1e-10), 1
    )
    seconds = {"operator": timed(solve, 5)}
    for rtol in (1e-5, 1e-6, 1e-10):
        seconds[f"phase space, rtol={rtol:g}"] = timed(
            lambda r=rtol: solve(method="direct", rtol=r), 5
        )
    print(f"\nsplit-operator: {steps} steps, error {error(peer):.1e}")
    print(f"method of lines: {evaluations} evaluations, error {error(end[0, 0]):.1e}")
    for name, (time_, w) in seconds.items():
        print(f"{name}: {time_:.4f} s, error {error(w):.1e}")
    rough, fine = seconds["phase space, rtol=1e-06"], seconds["phase space, rtol=1e-10"]
    assert error(rough[1]) < 1e-6
    record.ratio("wigner flow, split", rough[0], split)
    record.ratio("wigner flow, lines", fine[0], lines)
