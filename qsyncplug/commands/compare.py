"""``python -m qsyncplug compare``: the van der Pol pair exactly and approximately, read off with the same measures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["FAMILIES", "add_parser", "run"]

#: each has a module ``command`` with ``add_parser`` and ``run``
FAMILIES: tuple[str, ...] = ("circle", "lohe", "spins", "wigner")


class _Family:
    """Adds the parser of a family under the name ``compare FAMILY``."""

    def __init__(self, commands: Any):
        self.commands = commands

    def add_parser(self, name: str, **kw: Any) -> argparse.ArgumentParser:
        return self.commands.add_parser(f"compare {name}", **kw)


def _numbers(text: str) -> float | tuple[float, float]:
    parts = [float(p) for p in text.split(",")]
    if len(parts) > 2:
        raise argparse.ArgumentTypeError(f"one number or two, separated by a comma; not {text!r}")
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _complex_pair(text: str) -> tuple[complex, complex]:
    parts = [complex(p.replace("i", "j")) for p in text.split(",")]
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"two amplitudes separated by a comma, such as 1,0.5+0.5j; not {text!r}")
    return parts[0], parts[1]


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = commands.add_parser(
        "compare",
        help="exact against mean field and covariance",
        description="Two quantum van der Pol oscillators: exact (QuTiP), mean field with linearised covariance, and Gaussian "
        "cumulants, compared measure by measure.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--gain", type=_numbers, default=1.0, help="linear gain g1 of both oscillators, or of each (1,2)")
    add("--loss", type=_numbers, default=0.2, help="two-photon loss g2 of both oscillators, or of each")
    add("--detuning", type=float, default=0.5, help="detuning Δ")
    add("--coherent", type=float, default=0.0, help="coherent coupling J")
    add("--dissipative", type=float, default=1.0, help="dissipative coupling V")
    add("--amplitudes", type=_complex_pair, default=(1.5 + 0j, 1.5j), help="initial coherent amplitudes")
    add("--cutoff", type=int, default=20, help="Fock levels of each oscillator in the exact run")
    add("--end", type=float, default=8.0, help="last time")
    add("--times", type=int, default=161, help="number of output times")
    add("--tolerance", type=float, default=0.05, help="relative tolerance of the windows of agreement")
    add("--output", type=Path, default=Path("qsyncplug-compare"), help="where to write: OUTPUT.png and OUTPUT.json")
    add("--states", action="store_true", help="evolve the whole density matrix (slower): entropies and E_N of the exact state")
    add("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)
    for family in FAMILIES:
        import_module(f"..{family}.command", __package__).add_parser(_Family(commands))


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table, write the figure and the data."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np

    import qsyncplug as qsp

    from ..core.checks import check_integer, check_number

    check_number("--tolerance", args.tolerance, minimum=0.0, strict=True)
    end = check_number("--end", args.end, minimum=0.0, strict=True)
    times = np.linspace(0.0, end, check_integer("--times", args.times, minimum=2))
    if not args.output.parent.is_dir():
        raise ValueError(f"--output: the folder {args.output.parent} does not exist")
    system = qsp.van_der_pol_pair(
        gain=args.gain, loss=args.loss, detuning=args.detuning, coherent=args.coherent, dissipative=args.dissipative
    )
    print(repr(system))

    def stage(text: str) -> float:
        if not args.quiet:
            print(f"… {text}", file=sys.stderr, flush=True)
        return time.perf_counter()

    def done(begin: float) -> None:
        if not args.quiet:
            print(f"  {time.perf_counter() - begin:.3g} s", file=sys.stderr, flush=True)

    beta = np.array(args.amplitudes)
    begin = stage(f"exact, {args.cutoff}² levels")
    bar = "" if args.quiet else "text"
    exact = qsp.exactsolve(
        system,
        beta,
        times,
        cutoff=args.cutoff,
        options={
            "method": "mesolve" if args.states else "sectors",
            "progress_bar": bar,
            "progress_kwargs": {"chunk_size": 20},
        },
    )
    done(begin)
    begin = stage("mean field and covariance")
    linear = qsp.mfsolve(system, beta, times)
    cumulant = qsp.mfsolve(system, beta, times, closure="gaussian")
    done(begin)
    begin = stage("measures")
    comparison = qsp.compare({"exact": exact, "mean field": linear, "cumulants": cumulant}, tolerance=args.tolerance)
    done(begin)
    print()
    print(comparison)
    figure, _ = comparison.plot()
    png, data = args.output.with_suffix(".png"), args.output.with_suffix(".json")
    figure.savefig(png, dpi=150)
    parameters = {k: str(v) for k, v in vars(args).items() if k not in ("run", "command", "output", "quiet")}
    data.write_text(json.dumps({"parameters": parameters, "model": system.to_dict(), **comparison.to_dict()}, indent=1))
    print(f"\nfigure: {png}\ndata:   {data}")
    return 0
