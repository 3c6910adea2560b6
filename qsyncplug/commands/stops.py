"""The stops of the tour: one small system of each family, run in more than one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..circle.interactions import attention, sine
from ..circle.model import Circle
from ..circle.solver import circlesolve
from ..circle.stationary import stability
from ..core import Grid
from ..core.entry import exactsolve, mfsolve, predictions
from ..lohe.model import SchrodingerLohe
from ..lohe.solver import slsolve
from ..models.chains.model import collective_van_der_pol_pair
from ..models.oscillators import van_der_pol_pair
from ..plot.circle import plot_circle
from ..plot.comparison import plot_comparison
from ..plot.lohe import plot_densities
from ..plot.views import plot_order_parameter
from ..plot.wigner import plot_wigner_matrix
from ..waves.hamiltonian import GridHamiltonian
from ..wigner.model import WignerLohe
from ..wigner.solver import wlsolve

__all__ = ["STOPS", "Stop"]


@dataclass(frozen=True)
class Stop:
    """One system, its runs, and what to show of them.

    Attributes
    ----------
    title, text : str
        For the report.
    runs : dict
        Name → result; the first is what the others are compared with.
    exact : tuple of str
        Names of the runs that solve the system's own equations without approximation.
    draw : callable
        Comparison → figure.
    rate : float or None
        Rate of the approach that a theorem gives.
    rate_of : str
        Which theorem.
    """

    title: str
    text: str
    runs: dict[str, Any]
    exact: tuple[str, ...]
    draw: Callable[[Any], Any] = field(repr=False)
    rate: float | None = None
    rate_of: str = ""


def _pair(quick: bool) -> Stop:
    system = van_der_pol_pair(loss=0.5, detuning=0.5, dissipative=1.0)
    times = np.linspace(0, 8, 61)
    start = [1.2, 1.2j]
    runs = {
        "exact": exactsolve(system, start, times, cutoff=11 if quick else 15),
        "mean field": mfsolve(system, start, times),
        "cumulants": mfsolve(system, start, times, closure="gaussian"),
    }
    text = (
        "Two quantum van der Pol oscillators with dissipative coupling: the whole density matrix, "
        "mean field with linearised covariance, and Gaussian cumulants."
    )
    shown = ["excitations_1", "coherence", "order_parameter"]
    return Stop(
        "Two quantum van der Pol oscillators",
        text,
        runs,
        ("exact",),
        lambda c: plot_comparison(c, shown)[0],
    )


def _spins(quick: bool) -> Stop:
    n = 8 if quick else 16
    system = collective_van_der_pol_pair(n=n, detuning=0.1, dissipative=0.5)
    times = np.linspace(0, 40, 121)
    start = system.product_state(excitation=(0.3, 0.2), phase=(0.0, 1.0))
    runs = {"exact": exactsolve(system, start, times), "mean field": mfsolve(system, start, times)}
    text = (
        f"Two chains of {n} spins, each a limit cycle, coupled through a common bath: exact in "
        "collective spins, mean field with covariance of the Holstein–Primakoff bosons."
    )
    shown = ["excitations_1", "coherence", "order_parameter"]
    return Stop("Two spin chains", text, runs, ("exact",), lambda c: plot_comparison(c, shown)[0])


def _lohe(quick: bool) -> Stop:
    grid = Grid(points=64, length=16.0)
    model = SchrodingerLohe(GridHamiltonian(grid, lambda x: x**2 / 2), coupling=1.0)
    rng = np.random.default_rng(1)
    start = [grid.gaussian(x, p) for x, p in rng.normal(size=(6, 2))]
    times = np.linspace(0, 12, 61 if quick else 121)
    kept = {"method": "dop853", "store_states": True}
    runs = {
        "grid": slsolve(model, start, times, options=kept),
        "reduced": slsolve(model, start, times),
    }
    found = predictions(model, start)
    rates = [p for p in found if p.rate is not None]

    def draw(comparison: Any) -> Any:
        fig, axes = _panels(3)
        plot_densities(runs["grid"], fig=fig, ax=axes[0])
        plot_order_parameter(runs["grid"], fig=fig, ax=axes[1])
        # the curves coincide: the last panel has their difference
        plot_comparison(comparison, ["order_parameter"], fig=fig, axes=[axes[2]])
        return fig

    text = (
        "Six wave functions in one trap, coupled through their overlaps: every point of the grid, "
        "and the exact reduction to their Gram matrix."
    )
    return Stop(
        "Schrödinger–Lohe",
        text,
        runs,
        ("grid", "reduced"),
        draw,
        rates[0].rate if rates else None,
        rates[0].name if rates else "",
    )


def _wigner(quick: bool) -> Stop:
    grid = Grid(points=36 if quick else 48, length=16.0)
    model = WignerLohe(grid, lambda x: x**2 / 2 + 0.3 * np.cos(1.3 * x), coupling=1.0)
    rng = np.random.default_rng(1)
    start = [grid.gaussian(*place) for place in 0.5 * rng.normal(size=(3, 2))]
    times = np.linspace(0, 16, 81)
    direct = {"method": "direct", "rtol": 1e-9, "store_states": True}
    runs = {
        "phase space": wlsolve(model, start, times, options=direct),
        "reduced": wlsolve(model, start, times),
    }
    rates = [p for p in predictions(model, start) if p.rate is not None]
    text = (
        "Three oscillators in phase space: every Wigner function w_ij stepped by itself, and the "
        "exact reduction that forms them when asked. On the diagonal w_ii, Re w_ij above, "
        "Im w_ij below."
    )
    return Stop(
        "Wigner–Lohe",
        text,
        runs,
        ("phase space", "reduced"),
        lambda c: plot_wigner_matrix(runs["reduced"], 5)[0],
        rates[0].rate if rates else None,
        rates[0].name if rates else "",
    )


def _kuramoto(quick: bool) -> Stop:
    x0, omega, coupling = np.array([0.0, 1.0, 2.5]), np.array([0.2, 0.0, -0.2]), 1.0
    times = np.linspace(0, 20, 101)
    fine = {"rtol": 1e-12, "atol": 1e-13}
    grid = Grid(points=32, length=12.0)
    waves = [np.exp(-1j * x) * grid.gaussian(0.0) for x in x0]
    lohe = SchrodingerLohe(
        GridHamiltonian(grid, lambda x: x**2 / 2), coupling=coupling, frequencies=omega
    )
    wells = [lambda x, w=w: x**2 / 2 + w for w in omega]
    circle = Circle(sine(), "mean", coupling=coupling, frequencies=omega)
    runs = {
        "Kuramoto": circlesolve(circle, x0, times, options=fine),
        "Schrödinger–Lohe": slsolve(lohe, waves, times, options=fine),
        "Wigner–Lohe": wlsolve(WignerLohe(grid, wells, coupling), waves, times, options=fine),
    }

    def draw(comparison: Any) -> Any:
        return plot_comparison(comparison, ["order_parameter", "coherence"])[0]

    text = (
        "One system in three families: Kuramoto's phases x, wave functions e^{−ix}φ of one shape, "
        "and their Wigner functions. The curves coincide, so their differences are drawn."
    )
    last = runs["Kuramoto"].positions[-1]
    exponents = stability(circle, last).eigenvalues.real
    return Stop(
        "Kuramoto in three forms",
        text,
        runs,
        tuple(runs),
        draw,
        float(-np.sort(exponents)[-2]),  # the largest is the common phase's 0
        "slowest exponent of Kuramoto's equations at the locked phases",
    )


def _attention(quick: bool) -> Stop:
    n = 200 if quick else 1000
    model = Circle(attention(1.0), normalization="mean")
    x0 = np.random.default_rng(0).uniform(-np.pi, np.pi, n)
    times = np.linspace(0, 60, 601)
    runs = {
        "pair sums": circlesolve(model, x0, times, options={"kernel": "direct"}),
        "fast sums": circlesolve(model, x0, times),
    }

    def draw(comparison: Any) -> Any:
        fig, axes = _panels(4)
        for ax, k in zip(axes[:3], (0, 15, 600), strict=True):
            plot_circle(runs["fast sums"], index=k, fig=fig, ax=ax)
        plot_order_parameter(runs["fast sums"], fig=fig, ax=axes[3])
        return fig

    text = f"Self-attention as {n} particles on the circle: O(n²) pair sums and O(n) fast sums."
    return Stop(
        "Attention on the circle",
        text,
        runs,
        ("pair sums", "fast sums"),
        draw,
        float(np.exp(1.0)),
        "linearised about one cluster, e^β",
    )


def _panels(count: int) -> tuple[Any, Any]:
    import matplotlib.pyplot as plt

    return plt.subplots(1, count, figsize=(3.4 * count, 3.0), layout="constrained")


#: name → maker; True for a quick tour
STOPS: dict[str, Callable[[bool], Stop]] = {
    "two van der Pol oscillators": _pair,
    "two spin chains": _spins,
    "Schrödinger–Lohe": _lohe,
    "Wigner–Lohe": _wigner,
    "Kuramoto, three forms": _kuramoto,
    "attention": _attention,
}
