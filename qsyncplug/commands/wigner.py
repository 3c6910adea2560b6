"""``python -m qsyncplug compare wigner``: phase space against Schrödinger–Lohe."""

from __future__ import annotations

import argparse
from typing import Any

from .shared import Stages, add_options, add_settings, check_options, new_command, write

__all__ = ["add_parser", "run"]


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = new_command(
        commands,
        "wigner",
        "Wigner–Lohe: phase space against Schrödinger–Lohe",
        "N oscillators in one potential: every w_ij stepped in phase space, the exact reduction "
        "that forms them on request, and the Schrödinger–Lohe equations on the grid, compared in "
        "w_ij and measure by measure.",
        run,
    )
    add_settings(
        parser,
        oscillators=(3, "number of oscillators N"),
        coupling=(1.0, "coupling κ"),
        anharmonicity=(0.3, "a in V=x²/2+a cos(1.3x)"),
        spread=(0.5, "standard deviation of the initial centres and momenta"),
        phases=(0.5, "standard deviation of the initial phases"),
        points=(48, "points of the grid; the phase space has twice as many along each axis"),
        length=(16.0, "length of the box"),
        seed=(1, "of the random centres and phases"),
    )
    add_options(parser, end=6.0, times=61, tolerance=0.01, output="qsyncplug-compare-wigner")


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table, write the figure and the data."""
    import matplotlib

    matplotlib.use("Agg")
    from ..comparison.table import compare

    times = check_options(args)
    model, psi0 = _setting(args)
    print(model)
    stages = Stages(args)
    results = _three_ways(model, psi0, times, stages)
    comparison = compare(results, tolerance=args.tolerance)
    gaps = _gaps(results, model.grid)
    apart = ", ".join(f"{k} {v:.2g}" for k, v in gaps.items())
    table = f"{comparison}\n\nlargest difference of any w_ij at t={times[-1]:g}: {apart}"
    print(f"\n{table}")
    seconds = stages.seconds
    ratio = seconds["phase space"] / seconds["reduced"]
    print(
        f"time: phase space {seconds['phase space']:.3g} s, reduced {seconds['reduced']:.3g} s "
        f"({ratio:.0f}×)"
    )
    figure = _figure(results["reduced"], comparison)
    data = {"w differences": gaps, "seconds": seconds, **comparison.to_dict()}
    write(args, figure, data, table=table, results=results)
    return 0


def _setting(args: argparse.Namespace) -> tuple[Any, Any]:
    """The model, and Gaussians at random places with random phases."""
    import numpy as np

    from ..core import Grid
    from ..core.checks import check_integer, check_number
    from ..wigner.model import WignerLohe

    n = check_integer("--oscillators", args.oscillators, minimum=2)
    for name in ("spread", "phases"):
        check_number(f"--{name}", getattr(args, name), minimum=0.0)
    a = check_number("--anharmonicity", args.anharmonicity)
    rng = np.random.default_rng(check_integer("--seed", args.seed, minimum=0))
    grid = Grid(args.points, args.length)
    model = WignerLohe(grid, lambda x: x**2 / 2 + a * np.cos(1.3 * x), args.coupling)
    places = args.spread * rng.normal(size=(n, 2))
    phases = args.phases * rng.normal(size=n)
    waves = [np.exp(1j * s) * grid.gaussian(q, p) for s, (q, p) in zip(phases, places, strict=True)]
    return model, np.array(waves)


def _three_ways(model: Any, psi0: Any, times: Any, stages: Stages) -> dict[str, Any]:
    """In phase space, by the exact reduction, and by wave functions."""
    from ..lohe.solver import slsolve
    from ..wigner.solver import wlsolve

    direct = {"method": "direct", "rtol": 1e-10, "store_states": True}
    waves = {"method": "dop853", "store_states": True}
    results: dict[str, Any] = {}
    with stages("phase space"):
        results["phase space"] = wlsolve(model, psi0, times, options=direct)
    with stages("reduced"):
        results["reduced"] = wlsolve(model, psi0, times)
    with stages("Schrödinger–Lohe"):
        results["Schrödinger–Lohe"] = slsolve(model.schrodinger_lohe, psi0, times, options=waves)
    return results


def _gaps(results: dict[str, Any], grid: Any) -> dict[str, float]:
    """The largest difference of any w_ij at the end, from one way to the next."""
    import numpy as np

    from ..wigner.transform import wigner_transform

    last = results["Schrödinger–Lohe"].states[-1]
    gaps = {"phase space − reduced": 0.0, "reduced − Schrödinger–Lohe": 0.0}
    for i in range(len(last)):
        for j in range(i, len(last)):
            w = results["reduced"].wigner(i, j)
            direct = results["phase space"].wigner(i, j)
            waves = wigner_transform(last[i], last[j], grid=grid)
            for name, other in zip(gaps, (direct, waves), strict=True):
                gaps[name] = max(gaps[name], float(np.max(np.abs(w - other))))
    return gaps


def _figure(result: Any, comparison: Any) -> Any:
    """Wigner functions at the end, and how far the three ways are apart."""
    import matplotlib.pyplot as plt

    from ..plot.comparison import plot_comparison
    from ..plot.wigner import plot_wigner_matrix

    fig = plt.figure(figsize=(11, 5.4), layout="constrained")
    parts: Any = fig.subfigures(1, 2, width_ratios=(1.2, 1))
    left, right = parts
    plot_wigner_matrix(result, -1, oscillators=range(min(3, result.n)), fig=left)
    shown = [m for m in ("order_parameter", "coherence") if m in comparison.values]
    axes = right.subplots(len(shown), 1, sharex=True, squeeze=False)
    plot_comparison(comparison, shown, fig=right, axes=axes)
    return fig
