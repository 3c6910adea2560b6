"""``python -m qsyncplug compare modes``: the van der Pol pair exactly and approximately."""

from __future__ import annotations

import argparse
from typing import Any

from .shared import Stages, add_options, add_settings, check_options, new_command, numbers, write

__all__ = ["add_parser", "run"]


def _numbers(text: str) -> float | tuple[float, float]:
    parts = numbers(text, 2, "one number or two, separated by a comma")
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _complex_pair(text: str) -> tuple[complex, complex]:
    what = "two amplitudes separated by a comma, such as 1,0.5+0.5j"
    parts = numbers(text, 2, what, lambda part: complex(part.replace("i", "j")))
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"{what}; not {text!r}")
    return parts[0], parts[1]


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = new_command(
        commands,
        "modes",
        "van der Pol pair: exact against mean field and covariance",
        "Two quantum van der Pol oscillators: exact, mean field with linearised "
        "covariance, and Gaussian cumulants, compared measure by measure.",
        run,
    )
    add_settings(
        parser,
        gain=(1.0, "linear gain g1 of both oscillators, or of each (1,2)", _numbers),
        loss=(0.2, "two-photon loss g2 of both oscillators, or of each", _numbers),
        detuning=(0.5, "detuning Δ"),
        coherent=(0.0, "coherent coupling J"),
        dissipative=(1.0, "dissipative coupling V"),
        amplitudes=("1.5,1.5j", "initial coherent amplitudes", _complex_pair),
        cutoff=(20, "Fock levels of each oscillator in the exact run"),
        states=(
            False,
            "evolve the whole density matrix (slower): entropies and E_N of the exact state",
        ),
    )
    add_options(parser, end=24.0, times=241, tolerance=0.05, output="qsyncplug-compare-modes")


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table, write the figure and the data."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np

    from ..comparison.table import compare
    from ..core.entry import exactsolve, mfsolve
    from ..models.oscillators import van_der_pol_pair

    times = check_options(args)
    system = van_der_pol_pair(
        gain=args.gain,
        loss=args.loss,
        detuning=args.detuning,
        coherent=args.coherent,
        dissipative=args.dissipative,
    )
    print(repr(system))

    stages = Stages(args)
    beta = np.array(args.amplitudes)
    with stages(f"exact, {args.cutoff}² levels"):
        exact = exactsolve(
            system,
            beta,
            times,
            cutoff=args.cutoff,
            options={
                "method": "mesolve" if args.states else "sectors",
                "progress_bar": "" if args.quiet else "text",
                "progress_kwargs": {"chunk_size": 20},
            },
        )
    with stages("mean field and covariance"):
        linear = mfsolve(system, beta, times)
        cumulant = mfsolve(system, beta, times, closure="gaussian")
    results = {"exact": exact, "mean field": linear, "cumulants": cumulant}
    with stages("measures"):
        comparison = compare(results, tolerance=args.tolerance)
    print()
    print(comparison)
    figure, _ = comparison.plot()
    data = {"model": system.to_dict(), **comparison.to_dict()}
    write(args, figure, data, table=str(comparison), results=results)
    return 0
