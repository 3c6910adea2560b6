"""What the comparisons of all families share: options, progress, and what they write."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_number

__all__ = ["Stages", "add_options", "check_options", "write"]


def add_options(
    parser: argparse.ArgumentParser,
    *,
    end: float,
    times: int,
    output: str,
    tolerance: float | None = None,
) -> None:
    """Options of times, tolerance and output, with these defaults; the family's own come before."""
    add = parser.add_argument
    add("--end", type=float, default=end, help="last time")
    add("--times", type=int, default=times, help="number of output times")
    if tolerance is not None:
        add(
            "--tolerance",
            type=float,
            default=tolerance,
            help="relative tolerance of the windows of agreement",
        )
    add(
        "--output",
        type=Path,
        default=Path(output),
        help="where to write: OUTPUT.png and OUTPUT.json",
    )
    add("--quiet", action="store_true", help="no progress")


def check_options(args: argparse.Namespace) -> np.ndarray:
    """Output times of the checked options of :func:`add_options`."""
    if getattr(args, "tolerance", None) is not None:
        check_number("--tolerance", args.tolerance, minimum=0.0, strict=True)
    end = check_number("--end", args.end, minimum=0.0, strict=True)
    times = np.linspace(0.0, end, check_integer("--times", args.times, minimum=2))
    if args.output is not None and not args.output.parent.is_dir():
        raise ValueError(f"--output: the folder {args.output.parent} does not exist")
    return times


class Stages:
    """Says what is being done, and keeps how long it took.

    Attributes
    ----------
    seconds : dict
        By name.
    """

    def __init__(self, args: argparse.Namespace):
        self._quiet = args.quiet
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """A stage of the work."""
        if not self._quiet:
            print(f"… {name}", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin
        if not self._quiet:
            print(f"  {self.seconds[name]:.3g} s", file=sys.stderr, flush=True)


def write(args: argparse.Namespace, figure: Any, data: dict[str, Any]) -> None:
    """Write the figure, and `data` with the parameters of the run."""
    import matplotlib.pyplot as plt

    png, path = args.output.with_suffix(".png"), args.output.with_suffix(".json")
    figure.savefig(png, dpi=150)
    plt.close(figure)
    parameters = {
        k: str(v) for k, v in vars(args).items() if k not in ("run", "command", "output", "quiet")
    }
    path.write_text(json.dumps({"parameters": parameters, **data}, indent=1))
    print(f"\nfigure: {png}\ndata:   {path}")
