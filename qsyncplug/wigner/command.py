"""``python -m qsyncplug compare wigner``: phase space against Schrödinger–Lohe."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = commands.add_parser(
        "wigner",
        help="Wigner–Lohe: phase space against Schrödinger–Lohe",
        description="N oscillators in one potential: every w_ij stepped in phase space, the exact reduction that forms them on "
        "request, and the Schrödinger–Lohe equations on the grid, compared in w_ij and measure by measure.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--oscillators", type=int, default=3, help="number of oscillators N")
    add("--coupling", type=float, default=1.0, help="coupling κ")
    add("--anharmonicity", type=float, default=0.3, help="a in V=x²/2+a cos(1.3x)")
    add("--spread", type=float, default=0.5, help="standard deviation of the initial centres and momenta")
    add("--phases", type=float, default=0.5, help="standard deviation of the initial phases")
    add("--points", type=int, default=48, help="points of the grid; the phase space has twice as many along each axis")
    add("--length", type=float, default=16.0, help="length of the box")
    add("--end", type=float, default=2.0, help="last time")
    add("--times", type=int, default=21, help="number of output times")
    add("--seed", type=int, default=1, help="of the random centres and phases")
    add("--tolerance", type=float, default=0.01, help="relative tolerance of the windows of agreement")
    add("--output", type=Path, default=Path("qsyncplug-compare-wigner"), help="where to write: OUTPUT.png and OUTPUT.json")
    add("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table, write the figure and the data."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np

    from ..comparison import compare
    from ..core import Grid
    from ..core.checks import check_integer, check_number
    from ..lohe import slsolve
    from .model import WignerLohe
    from .solver import wlsolve
    from .transform import wigner_transform

    n = check_integer("--oscillators", args.oscillators, minimum=2)
    end = check_number("--end", args.end, minimum=0.0, strict=True)
    times = np.linspace(0.0, end, check_integer("--times", args.times, minimum=2))
    for name in ("spread", "phases"):
        check_number(f"--{name}", getattr(args, name), minimum=0.0)
    a = check_number("--anharmonicity", args.anharmonicity)
    if not args.output.parent.is_dir():
        raise ValueError(f"--output: the folder {args.output.parent} does not exist")
    rng = np.random.default_rng(check_integer("--seed", args.seed, minimum=0))
    grid = Grid(args.points, args.length)
    model = WignerLohe(grid, lambda x: x**2 / 2 + a * np.cos(1.3 * x), args.coupling)
    places = args.spread * rng.normal(size=(n, 2))
    phases = args.phases * rng.normal(size=n)
    psi0 = np.array([np.exp(1j * s) * grid.gaussian(q, p) for s, (q, p) in zip(phases, places, strict=True)])
    print(model)
    results: dict[str, Any] = {}
    seconds: dict[str, float] = {}

    def timed(name: str, action: Any) -> None:
        if not args.quiet:
            print(f"… {name}", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        results[name] = action()
        seconds[name] = time.perf_counter() - begin
        if not args.quiet:
            print(f"  {seconds[name]:.3g} s", file=sys.stderr, flush=True)

    timed("phase space", lambda: wlsolve(model, psi0, times, options={"method": "direct", "rtol": 1e-10, "store_states": True}))
    timed("reduced", lambda: wlsolve(model, psi0, times))
    timed(
        "Schrödinger–Lohe",
        lambda: slsolve(model.schrodinger_lohe, psi0, times, options={"method": "dop853", "store_states": True}),
    )
    comparison = compare(results, tolerance=args.tolerance)
    print()
    print(comparison)
    last = results["Schrödinger–Lohe"].states[-1]
    gaps = {"phase space − reduced": 0.0, "reduced − Schrödinger–Lohe": 0.0}
    for i in range(n):
        for j in range(i, n):
            w = results["reduced"].wigner(i, j)
            direct, waves = results["phase space"].wigner(i, j), wigner_transform(last[i], last[j], grid=grid)
            for name, other in zip(gaps, (direct, waves), strict=True):
                gaps[name] = max(gaps[name], float(np.max(np.abs(w - other))))
    print(f"\nlargest difference of any w_ij at t={end:g}: " + ", ".join(f"{k} {v:.2g}" for k, v in gaps.items()))
    ratio = seconds["phase space"] / seconds["reduced"]
    print(f"time: phase space {seconds['phase space']:.3g} s, reduced {seconds['reduced']:.3g} s ({ratio:.0f}×)")
    figure, _ = comparison.plot()
    png, data = args.output.with_suffix(".png"), args.output.with_suffix(".json")
    figure.savefig(png, dpi=150)
    parameters = {k: str(v) for k, v in vars(args).items() if k not in ("run", "command", "output", "quiet")}
    written = {"parameters": parameters, "w differences": gaps, "seconds": seconds, **comparison.to_dict()}
    data.write_text(json.dumps(written, indent=1))
    print(f"\nfigure: {png}\ndata:   {data}")
    return 0
