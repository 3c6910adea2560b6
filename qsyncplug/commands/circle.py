"""``python -m qsyncplug compare circle``: the ways of summing against each other, against SciPy and
a closed form.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..plot.circle import plot_circle
from ..plot.style import draw_series, finish, legend
from ..plot.views import plot_trajectories
from .shared import Stages, add_options, add_settings, check_options, new_command, write

__all__ = ["add_parser", "run"]

_SCIPY_LIMIT = 2000


@dataclass
class _Row:
    """One way of computing the run: its cost, and its largest differences from the reference."""

    name: str
    seconds: float
    evaluations: int
    positions: float
    order: float


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add the command and its options to the subparsers `commands`."""
    parser: argparse.ArgumentParser = new_command(
        commands,
        "circle",
        "particles on the circle: fast sums against pair sums, SciPy and a closed form",
        "Self-attention (or Kuramoto's model, --beta 0) with every way of summing the forces, "
        "compared with pair sums in SciPy's DOP853, and two Kuramoto oscillators with their "
        "closed form.",
        run,
    )
    add_settings(
        parser,
        beta=(5.0, "inverse temperature of the attention; 0 is Kuramoto's model"),
        particles=(200, "number of particles"),
        seed=(0, "of the uniform initial positions"),
        threads=(1, "threads of the compiled kernels"),
    )
    parser.add_argument(
        "--normalization",
        choices=("mean", "attention", "sum"),
        default="attention",
        help="what divides the forces",
    )
    add_options(parser, end=20.0, times=101, output="qsyncplug-compare-circle")
    return parser


def _scipy(model: Any, x0: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, int]:
    """Positions (T, n) by SciPy's integrator and pair sums in NumPy, written down independently of
    the kernels.
    """
    import scipy.integrate

    beta, how, n = model.interaction.beta, model.normalization, x0.size

    def velocity(t: float, x: np.ndarray) -> np.ndarray:
        difference = x[:, None] - x[None, :]
        weight = np.exp(beta * np.cos(difference)) if beta else np.ones((n, n))
        force = np.sum(weight * np.sin(difference), axis=1)
        divisor = np.sum(weight, axis=1) if how == "attention" else n if how == "mean" else 1.0
        return np.asarray(-force / divisor)

    solution = scipy.integrate.solve_ivp(
        velocity, (times[0], times[-1]), x0, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-13
    )
    if not solution.success:
        raise ValueError(f"SciPy stopped: {solution.message}")
    return solution.y.T, int(solution.nfev)


def _table(rows: list[_Row], reference: str, n: int) -> str:
    header = (
        "method",
        "seconds",
        "right-hand sides",
        "ns per particle",
        "largest |Δx|",
        "largest |Δr|",
    )
    cells = [header]
    for row in rows:
        per = f"{1e9 * row.seconds / max(row.evaluations, 1) / n:.1f}"
        cells.append(
            (
                row.name,
                f"{row.seconds:.4f}",
                str(row.evaluations),
                per,
                f"{row.positions:.2e}",
                f"{row.order:.2e}",
            )
        )
    widths = [max(len(line[k]) for line in cells) for k in range(len(header))]
    lines = [
        "  ".join(
            c.ljust(w) if k == 0 else c.rjust(w)
            for k, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join([*lines, f"differences from: {reference}"])


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table, write the figure and the data."""
    import matplotlib

    matplotlib.use("Agg")
    from ..circle import Circle, attention, sine
    from ..core.checks import check_integer, check_number
    from ..core.entry import predictions

    n = check_integer("--particles", args.particles, minimum=2)
    times = check_options(args)
    beta = check_number("--beta", args.beta)
    threads = check_integer("--threads", args.threads, minimum=1)
    model = Circle(attention(beta) if beta else sine(), args.normalization)
    x0 = np.random.default_rng(check_integer("--seed", args.seed, minimum=0)).uniform(
        0, 2 * np.pi, n
    )
    print(f"{model!r}, {n} particles, t = 0 … {times[-1]:g}")

    stages = Stages(args)
    reference, rows, curves, last = _kernels(model, x0, times, threads, stages)
    table = _table(rows, reference, n)
    closed = _closed_form()
    table += (
        f"\ntwo Kuramoto oscillators, tan(φ/2) = tan(φ₀/2)·exp(−2t): largest error {closed:.2e}"
    )
    print(f"\n{table}")

    with stages("theorems"):
        theorems = predictions(model, x0)
        outcomes = theorems.check(last)
    print("\n" + "\n".join([*(str(p) for p in theorems), *(str(o) for o in outcomes)]))

    content = {
        "model": model.to_dict(),
        "reference": reference,
        "rows": [asdict(row) for row in rows],
        "closed form error": closed,
        "predictions": [{"name": o.name, "passed": o.passed, "found": o.found} for o in outcomes],
        "times": times.tolist(),
        "order_parameter": {name: values.tolist() for name, values in curves.items()},
    }
    write(args, _figure(curves, last), content, table=table, results={"run": last})
    return 0


def _kernels(
    model: Any, x0: np.ndarray, times: np.ndarray, threads: int, stages: Stages
) -> tuple[str, list[_Row], dict[str, Any], Any]:
    """One run by every kernel: what they are held against, rows, curves of r, the last run."""
    from ..circle import circlesolve

    rows: list[_Row] = []
    curves: dict[str, Any] = {}
    reference, base, last = "", None, None
    if len(x0) <= _SCIPY_LIMIT:
        with stages("SciPy, pair sums"):
            base, evaluations = _scipy(model, x0, times)
        reference, seconds = "SciPy, pair sums in NumPy (rtol 1e-12)", stages.seconds
        rows.append(_Row("SciPy + NumPy", seconds["SciPy, pair sums"], evaluations, 0.0, 0.0))
        curves["SciPy + NumPy"] = np.abs(np.mean(np.exp(1j * base), axis=1))
    for kernel in ("direct", "horner", "taylor", "taylor-sorted"):
        options = {"kernel": kernel, "num_threads": threads, "rtol": 1e-12, "atol": 1e-13}
        with stages(kernel):
            last = circlesolve(model, x0, times, options=options)
        assert last.positions is not None
        if base is None:
            base, reference = last.positions, kernel
        first = np.abs(np.mean(np.exp(1j * base), axis=1))
        curves[kernel] = last.order_parameter
        rows.append(
            _Row(
                kernel,
                float(last.stats["run time"]),
                int(last.stats["right-hand sides"]),
                float(np.max(np.abs(last.positions - base))),
                float(np.max(np.abs(last.order_parameter - first))),
            )
        )
    return reference, rows, curves, last


def _closed_form() -> float:
    """Largest error of two Kuramoto oscillators."""
    from ..circle import Circle, circlesolve, sine

    options = {"rtol": 1e-12, "atol": 1e-14}
    pair = circlesolve(Circle(sine()), [0.0, 3.0], np.linspace(0, 8, 81), options=options)
    assert pair.positions is not None
    exact = 2 * np.arctan(np.tan(1.5) * np.exp(-2 * pair.times))
    return float(np.max(np.abs(pair.positions[:, 1] - pair.positions[:, 0] - exact)))


def _figure(curves: dict[str, Any], result: Any) -> Any:
    """Trajectories, the particles at the end, and how far the curves of r are apart."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    plot_trajectories(result, fig=fig, ax=axes[0])
    plot_circle(result, fig=fig, ax=axes[1])
    names = list(curves)
    for k, name in enumerate(names[1:]):
        apart = np.maximum(np.abs(curves[name] - curves[names[0]]), 1e-17)
        draw_series(axes[2], result.times, apart, k + 1, name)
    axes[2].set_yscale("log")
    finish(axes[2], "time", "|Δr|", f"against {names[0]}")
    legend(axes[2])
    return fig
