"""Draws the picture of the start page: ``python tutorials/picture.py`` (half a minute)."""

from __future__ import annotations

import pathlib

import matplotlib
import numpy as np

import qsyncplug as qsp

matplotlib.use("Agg")
import matplotlib.pyplot as plt

TARGET = pathlib.Path(__file__).parent / "_static" / "picture.png"


def tongue(ax: plt.Axes) -> None:
    """Phase preference of the exact steady state of a pair, against detuning and coupling."""
    detunings, couplings = np.linspace(-3, 3, 31), np.linspace(0, 2, 21)
    values = np.empty((couplings.size, detunings.size))
    for i, coupling in enumerate(couplings):
        for j, detuning in enumerate(detunings[: detunings.size // 2 + 1]):
            pair = qsp.van_der_pol_pair(loss=1.0, detuning=detuning, dissipative=coupling)
            view = qsp.synchronization(qsp.steadystate(pair, cutoff=12), modes=list(pair.operators))
            # the sign of the detuning exchanges the oscillators
            values[i, j] = values[i, -1 - j] = qsp.measures.coherence(view)[0, 0, 1].real
    mesh = ax.pcolormesh(detunings, couplings, values, shading="nearest", rasterized=True)
    ax.contour(detunings, couplings, values, levels=[0.2], colors="w", linewidths=1)
    ax.figure.colorbar(mesh, ax=ax, label="coherence (white: 0.2)", pad=0.02)
    ax.set(xlabel="detuning (g₁)", ylabel="coupling (g₁)", title="Arnold tongue, exact")


def truth(ax: plt.Axes) -> None:
    """The order parameter of one pair, exactly and by two approximations."""
    system = qsp.van_der_pol_pair(loss=0.5, detuning=0.5, dissipative=1.0)
    times, start = np.linspace(0, 8, 81), [1.2, 1.2j]
    runs = {
        "exact": (qsp.exactsolve(system, start, times, cutoff=15), "k-"),
        "cumulants": (qsp.mfsolve(system, start, times, closure="cumulants", order=2), "C1--"),
        "mean field": (qsp.mfsolve(system, start, times), "C0-"),
    }
    for name, (run, style) in runs.items():
        ax.plot(times, qsp.measures.order_parameter(run), style, label=name)
    ax.axhline(0.5**0.5, color="0.6", lw=0.8, ls=":")
    ax.text(8, 0.5**0.5 + 0.005, "independent", color="0.4", ha="right", fontsize=8)
    ax.legend(fontsize=8, frameon=False, loc="center right")
    ax.set(xlabel="time (1/g₁)", ylabel="order parameter r", title="How far from the truth?")


def clusters(ax: plt.Axes) -> None:
    """Particles with self-attention."""
    start = np.random.default_rng(3).uniform(-np.pi, np.pi, 120)
    times = np.r_[0, np.geomspace(3e-4, 1, 300)]
    run = qsp.circlesolve(qsp.Circle(qsp.attention(5.0)), start, times)
    ax.semilogx(times[1:], run.positions[1:], "C0", lw=0.4, alpha=0.6)
    ax.set(xlabel="time", ylabel="phase, unwrapped (rad)", title="Particles become clusters")


def main() -> None:
    """Draw the three panels side by side."""
    plt.rcParams |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    fig, axes = plt.subplots(
        1, 3, figsize=(11, 3.1), layout="constrained", width_ratios=(1.25, 1, 1)
    )
    for draw, ax in zip((tongue, truth, clusters), axes, strict=True):
        draw(ax)
    fig.get_layout_engine().set(wspace=0.06)
    fig.savefig(TARGET, dpi=160)


if __name__ == "__main__":
    main()
