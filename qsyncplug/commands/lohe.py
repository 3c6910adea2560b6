"""``python -m qsyncplug compare lohe``: the exact reduction against the grid, and against Kuramoto
phases.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..core.types import Options
from .shared import Stages, add_options, add_settings, check_options, new_command, write

__all__ = ["add_parser", "run"]


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = new_command(
        commands,
        "lohe",
        "Schrödinger–Lohe: reduced against grid against Kuramoto",
        "N oscillators in a harmonic trap with different frequencies: the equations on the grid, "
        "the exact reduction to N·r numbers, and the Kuramoto model of their phases, compared "
        "measure by measure.",
        run,
    )
    add_settings(
        parser,
        oscillators=(6, "number of oscillators N"),
        coupling=(1.0, "coupling k"),
        frequencies=(0.2, "standard deviation of the frequencies"),
        spread=(1.0, "standard deviation of the initial centres; 0 makes Kuramoto exact"),
        phases=(1.0, "standard deviation of the initial phases"),
        points=(128, "points of the grid"),
        length=(18.0, "length of the box"),
        seed=(1, "of the random frequencies, centres and phases"),
    )
    add_options(parser, end=10.0, times=101, tolerance=0.05, output="qsyncplug-compare-lohe")


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table, write the figure and the data."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    import qutip

    from ..comparison.table import compare
    from ..core import Grid
    from ..core.checks import check_integer, check_number
    from ..lohe.model import SchrodingerLohe
    from ..lohe.solver import slsolve
    from ..waves.hamiltonian import GridHamiltonian

    n = check_integer("--oscillators", args.oscillators, minimum=2)
    times = check_options(args)
    for name in ("frequencies", "spread", "phases"):
        check_number(f"--{name}", getattr(args, name), minimum=0.0)
    rng = np.random.default_rng(check_integer("--seed", args.seed, minimum=0))
    omega = args.frequencies * rng.normal(size=n)
    centres = args.spread * rng.normal(size=n)
    phases = args.phases * rng.normal(size=n)
    grid = Grid(args.points, args.length)
    trap = GridHamiltonian(grid, lambda x: x**2 / 2)
    model = SchrodingerLohe(trap, args.coupling, frequencies=omega)
    psi0 = np.array(
        [np.exp(1j * s) * grid.gaussian(c) for s, c in zip(phases, centres, strict=True)]
    )
    print(model)
    results: dict[str, Any] = {}
    stages = Stages(args)

    def timed(name: str, model: Any, start: Any, options: Options | None = None) -> None:
        with stages(name):
            results[name] = slsolve(model, start, times, options=options)

    timed("grid", model, psi0, {"method": "dop853", "store_states": True})
    timed("reduced", model, psi0)
    # one level: the coupled phases of Kuramoto
    single = SchrodingerLohe(qutip.Qobj([[0.0]]), args.coupling, frequencies=omega)
    timed("Kuramoto", single, np.exp(1j * phases)[:, None])
    comparison = compare(results, tolerance=args.tolerance)
    gap = float(np.max(np.abs(results["grid"].gram - results["reduced"].gram)))
    table = f"{comparison}\n\nlargest difference of the Gram matrices, grid − reduced: {gap:.2g}"
    print(f"\n{table}")
    seconds = stages.seconds
    print(
        f"time: grid {seconds['grid']:.3g} s, reduced {seconds['reduced']:.3g} s "
        f"({seconds['grid'] / seconds['reduced']:.0f}×)"
    )
    figure = _figure(results, comparison)
    data = {"gram difference": gap, "seconds": seconds, **comparison.to_dict()}
    write(args, figure, data, table=table, results=results)
    return 0


def _figure(results: dict[str, Any], comparison: Any) -> Any:
    """Density of all on the grid, the order of every run, and how far they are apart."""
    import matplotlib.pyplot as plt

    from ..plot.comparison import plot_comparison
    from ..plot.lohe import plot_densities
    from ..plot.style import draw_series, finish

    fig = plt.figure(figsize=(12, 3.6), layout="constrained")
    parts: Any = fig.subfigures(1, 3)
    left, middle, right = parts
    plot_densities(results["grid"], fig=left, ax=left.subplots())
    plot_comparison(comparison, ["order_parameter"], fig=middle, axes=middle.subplots())
    ax = right.subplots()
    times = comparison.times_of["order_parameter"]
    for k, name in enumerate(comparison.names):
        if name != comparison.reference:
            difference = np.abs(comparison.differences["order_parameter"][name])
            draw_series(ax, times, np.maximum(difference, 1e-16), k, name)
    ax.set_yscale("log")
    finish(ax, "time", r"$|\Delta r|$ from " + comparison.reference)
    return fig
