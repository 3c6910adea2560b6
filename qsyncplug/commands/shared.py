"""What the comparisons of all families share: options, progress, and what they write."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_number

__all__ = [
    "Stages",
    "add_options",
    "add_settings",
    "base_of",
    "check_options",
    "check_output",
    "new_command",
    "numbers",
    "with_ending",
    "write",
    "write_figure",
    "write_json",
]

_FIGURES = (".png", ".pdf", ".svg")


def new_command(commands: Any, name: str, summary: str, about: str, run: Any) -> Any:
    """Parser of the command `name`, which calls ``run(args)`` and shows what is set by default."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=about,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_settings(parser: argparse.ArgumentParser, **settings: tuple[Any, ...]) -> None:
    """Add ``--name`` for each ``name=(default, help)`` or ``name=(default, help, type)``.

    Without a type it is that of the default; False is a switch.
    """
    for name, (default, text, *kind) in settings.items():
        option = f"--{name.replace('_', '-')}"
        if default is False:
            parser.add_argument(option, action="store_true", help=text)
        else:
            kind = kind or [type(default)]
            parser.add_argument(option, type=kind[0], default=default, help=text)


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
        help="where to write: OUTPUT.png (or .pdf, .svg), .json, .txt and .npz",
    )
    add("--quiet", action="store_true", help="no progress")


def check_options(args: argparse.Namespace) -> np.ndarray:
    """Output times of the checked options of :func:`add_options`."""
    if getattr(args, "tolerance", None) is not None:
        check_number("--tolerance", args.tolerance, minimum=0.0, strict=True)
    end = check_number("--end", args.end, minimum=0.0, strict=True)
    times = np.linspace(0.0, end, check_integer("--times", args.times, minimum=2))
    check_output(args)
    return times


def check_output(args: argparse.Namespace) -> None:
    """Refuse, before any work, an ``--output`` that could not be written."""
    folder = args.output.parent
    if not args.output.name:
        raise ValueError(f"--output must name files, not {str(args.output)!r}")
    if not folder.is_dir():
        raise ValueError(f"--output: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"--output: the folder {folder} cannot be written to")


def base_of(output: Path, *endings: str) -> Path:
    """`output` without one of these endings; any other point is a part of the name."""
    return output.with_suffix("") if output.suffix.lower() in endings else output


def with_ending(base: Path, ending: str) -> Path:
    """`base` and `ending`; what follows a point in the name stays."""
    return base.with_name(base.name + ending)


def numbers(text: str, count: int, what: str, kind: Any = float) -> list[Any]:
    """Numbers separated by commas, at most `count`; else the one line that says `what` is right."""
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not 1 <= len(found) <= count:
        raise argparse.ArgumentTypeError(f"{what}; not {text!r}")
    return found


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
        """A named stage of the work: announced, timed and reported on stderr unless it shall be
        quiet.
        """
        if not self._quiet:
            print(f"… {name}", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin
        if not self._quiet:
            print(f"  {self.seconds[name]:.3g} s", file=sys.stderr, flush=True)


def write_figure(args: argparse.Namespace, figure: Any) -> Path:
    """Write the figure, as PDF or SVG where ``--output`` ends so, else as PNG."""
    import matplotlib.pyplot as plt

    kind = args.output.suffix.lower()
    path = with_ending(base_of(args.output, *_FIGURES), kind if kind in _FIGURES else ".png")
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(f"\nfigure: {path}")
    return path


def write_json(path: Path, data: Any) -> None:
    """Write `data`; what is no number is null, as JSON has no NaN."""
    path.write_text(json.dumps(_plain(data), indent=1, allow_nan=False), encoding="utf-8")


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def write(
    args: argparse.Namespace,
    figure: Any,
    data: dict[str, Any],
    *,
    table: str = "",
    results: dict[str, Any] | None = None,
) -> None:
    """Write figure, table, data with the parameters of the run, and every result.

    Parameters
    ----------
    args : Namespace
        Of the command.
    figure : matplotlib Figure
    data : dict
        Goes to OUTPUT.json with the parameters.
    table : str
        Goes to OUTPUT.txt.
    results : dict, optional
        Each goes to OUTPUT-NAME.npz, which :func:`qsyncplug.load` reads.
    """
    write_figure(args, figure)
    base = base_of(args.output, *_FIGURES)
    parameters = {
        k: str(v) for k, v in vars(args).items() if k not in ("run", "command", "output", "quiet")
    }
    path = with_ending(base, ".json")
    write_json(path, {"parameters": parameters, **data})
    print(f"data:   {path}")
    if table:
        with_ending(base, ".txt").write_text(table + "\n", encoding="utf-8")
        print(f"table:  {with_ending(base, '.txt')}")
    for name, result in (results or {}).items():
        file = base.with_name(f"{base.name}-{_slug(name)}.npz")
        result.save(file)
        print(f"result: {file} (qsyncplug.load reads it)")


def _slug(name: str) -> str:
    """A name that any file system takes."""
    plain = name.lower().replace("ö", "o")
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in plain).split())
