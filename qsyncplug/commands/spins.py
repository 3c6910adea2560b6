"""``compare spins``: exact collective spins against mean field, covariance and truncated Wigner,
error against N.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

from ..plot.style import draw_series, finish, legend
from .shared import add_options, add_settings, check_options, new_command, numbers, write

__all__ = ["add_parser", "errors_against_size", "fitted_power", "run"]

#: quantity -> what its error is
QUANTITIES = {
    "mean field: J−/N": "largest |Δ⟨J_j−⟩|/N_j",
    "mean field: Jz/N": "largest |Δ⟨J_jz⟩|/N_j",
    "mean field: σz": "|Δ⟨σz⟩| (factorised: not controlled)",
    "covariance": "largest |ΔC| of the boson quadratures",
    "DTWA: J−/N": "largest |Δ⟨J_j−⟩|/N_j",
    "DTWA: Jz/N": "largest |Δ⟨J_jz⟩|/N_j",
    "DTWA: σz": "|Δ⟨σz⟩| (not controlled)",
}


def _pair(text: str) -> tuple[float, float]:
    parts = numbers(text, 2, "one number or two, separated by a comma")
    return (parts[0], parts[-1])


def _sizes(text: str) -> list[int]:
    return numbers(text, len(text), "whole numbers separated by commas, such as 4,8,16", int)


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = new_command(
        commands,
        "spins",
        "two spin chains: exact against mean field, covariance and truncated Wigner",
        "Two chains of N spins and a central spin: the exact collective evolution against mean "
        "field and covariance and the discrete truncated Wigner approximation, with the fitted "
        "power of 1/N of every error.",
        run,
    )
    add_settings(
        parser,
        sizes=("4,8,16,32", "spins of each chain, separated by commas", _sizes),
        g=("1.5,2.4", "coupling of the chains to the central spin", _pair),
        omega0=(1.0, "splitting of the central spin"),
        omega=("1,0.8", "frequencies of the chains", _pair),
        exchange=(0.2, "λ"),
        coherent=(0.0, "direct coupling κ of the chains"),
        loss=("0,0", "rates of J−", _pair),
        no_central=(False, "without the central spin (then --g and --omega0 do not count)"),
        excitation=("0.3,0.2", "initial x=n/N of each chain", _pair),
        phase=("0,1", "initial phases", _pair),
        ntraj=(5000, "trajectories of the truncated Wigner approximation; 0: without it"),
        seed=(1, "of these trajectories"),
    )
    add_options(parser, end=1.0, times=21, output="qsyncplug-compare-spins")


def errors_against_size(
    sizes: Any,
    times: np.ndarray,
    *,
    excitation: Any,
    phase: Any,
    ntraj: int,
    seed: int = 1,
    progress: Any = None,
    **chains: Any,
) -> dict[str, np.ndarray]:
    """Largest errors up to the last time, for chains of growing size.

    Parameters
    ----------
    sizes : sequence of int
        N of each chain.
    times : ndarray of shape (T,)
        Output times.
    excitation, phase : pair of float
        Of the initial spin-coherent product state.
    ntraj, seed : int
        Of the truncated Wigner approximation; 0: without.
    progress : callable, optional
        Called with a line of text.
    **chains
        Of :class:`SpinChains`.

    Returns
    -------
    dict
        Name of the quantity -> errors, one a size; ``"DTWA standard error"`` is that of ⟨J−⟩/N.
    """
    state = {"excitation": excitation, "phase": phase}
    return _measured(sizes, times, state, (ntraj, seed), progress, chains)[0]


def _measured(
    sizes: Any, times: np.ndarray, state: Any, sampling: Any, progress: Any, chains: Any
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Errors of every size, and the runs of the last one."""
    out: dict[str, list[float]] = {}
    runs: dict[str, Any] = {}
    for N in sizes:
        begin = time.perf_counter()
        runs = _runs(N, times, state, sampling, chains)
        for name, value in _errors(runs, N).items():
            out.setdefault(name, []).append(value)
        if progress is not None:
            method = runs["exact"].stats["method"]
            progress(f"N={N}: exact by {method}, {time.perf_counter() - begin:.1f} s")
    return {name: np.array(values) for name, values in out.items()}, runs


def _runs(N: int, times: np.ndarray, state: Any, sampling: Any, chains: Any) -> dict[str, Any]:
    """The same system exactly and approximately."""
    from ..core.entry import exactsolve, mfsolve
    from ..models.chains.model import SpinChains

    system = SpinChains(n=N, **chains)
    start = system.product_state(**state)
    runs = {"exact": exactsolve(system, start, times), "mean field": mfsolve(system, start, times)}
    ntraj, seed = sampling
    if ntraj:
        from ..approximate.discrete import dtwasolve

        runs["DTWA"] = dtwasolve(system, start, times, ntraj=ntraj, seed=seed)
    return runs


def _errors(runs: dict[str, Any], N: int) -> dict[str, float]:
    """The largest errors of one size."""
    exact, mean = runs["exact"], runs["mean field"]
    central = exact.model.central
    found = {
        "mean field: J−/N": (exact.lowering - mean.lowering) / N,
        "mean field: Jz/N": (exact.jz - mean.jz) / N,
    }
    if central:
        found["mean field: σz"] = exact.sigma[:, 2] - mean.sigma[:, 2]
    found["covariance"] = exact.covariance - mean.covariance
    if "DTWA" in runs:
        wigner = runs["DTWA"]
        J = wigner.spins[:, -2:]
        found["DTWA: J−/N"] = (exact.lowering - (J[..., 0] - 1j * J[..., 1])) / N
        found["DTWA: Jz/N"] = (exact.jz - J[..., 2]) / N
        if central:
            found["DTWA: σz"] = exact.sigma[:, 2] - 2 * wigner.spins[:, 0, 2]
        found["DTWA standard error"] = wigner.spins_error[:, -2:, :2] / N
    return {name: float(np.max(np.abs(value))) for name, value in found.items()}


def fitted_power(sizes: Any, errors: Any) -> tuple[float, float]:
    """The power p of error ∝ N^{−p}, fitted to the logarithms, and its standard error (NaN with
    fewer than 3 sizes).
    """
    x, y = (
        np.log(np.asarray(sizes, dtype=float)),
        np.log(np.maximum(np.asarray(errors, dtype=float), 1e-300)),
    )
    if len(x) < 2:
        return float("nan"), float("nan")
    slope, constant = np.polyfit(x, y, 1)
    if len(x) < 3:
        return float(-slope), float("nan")
    rest = y - slope * x - constant
    spread = np.sqrt(rest @ rest / (len(x) - 2) / ((x - x.mean()) @ (x - x.mean())))
    return float(-slope), float(spread)


def run(args: argparse.Namespace) -> int:
    """Run the comparison; print the table of errors against N with the fitted powers."""
    import matplotlib

    matplotlib.use("Agg")
    from ..core.checks import check_integer

    sizes = [check_integer("--sizes", n, minimum=1) for n in args.sizes]
    if len(set(sizes)) != len(sizes):
        raise ValueError(f"--sizes must differ from each other, not {sizes}")
    times = check_options(args)
    ntraj = check_integer("--ntraj", args.ntraj, minimum=0)
    check_integer("--seed", args.seed, minimum=0)
    chains: dict[str, Any] = {
        "omega": args.omega,
        "exchange": args.exchange,
        "coherent": args.coherent,
        "loss": args.loss,
    }
    if args.no_central:
        chains["central"] = False
    else:
        chains |= {"g": args.g, "omega0": args.omega0}

    def progress(text: str) -> None:
        if not args.quiet:
            print(text, file=sys.stderr)

    state = {"excitation": args.excitation, "phase": args.phase}
    errors, last = _measured(sizes, times, state, (ntraj, args.seed), progress, chains)
    powers = {name: fitted_power(sizes, values) for name, values in errors.items()}
    table = _table(sizes, errors, powers, times[-1])
    if not args.no_central:
        table += (
            "\nThe central spin is factorised (mean field) or sampled (DTWA): its error is not "
            "controlled by N."
        )
    print(table)
    data = {
        "sizes": sizes,
        "errors": {k: v.tolist() for k, v in errors.items()},
        "powers": {k: {"power": p, "standard error": e} for k, (p, e) in powers.items()},
        "quantities": QUANTITIES,
    }
    results = {f"N={sizes[-1]} {name}": run for name, run in last.items()}
    write(args, _figure(sizes, errors, powers), data, table=table, results=results)
    return 0


def _table(sizes: list[int], errors: Any, powers: Any, end: float) -> str:
    lines = [
        f"Largest errors up to t={end:g} against the exact evolution; the last column is p "
        "of error ∝ N^-p",
        f"{'':<22}" + "".join(f"{'N=' + str(n):>11}" for n in sizes) + f"{'p':>8}",
    ]
    for name, values in errors.items():
        power, spread = powers[name]
        shown = "" if "standard" in name else f"{power:8.2f}"
        if shown and not np.isnan(spread):
            shown += f" ± {2 * spread:.2f}"
        lines.append(f"{name:<22}" + "".join(f"{v:11.3g}" for v in values) + shown)
    return "\n".join(lines)


def _figure(sizes: list[int], errors: Any, powers: Any) -> Any:
    """Errors against N on logarithmic axes, with the fitted powers in the legend."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(6.6, 3.8), layout="constrained")
    for k, (name, values) in enumerate(errors.items()):
        power = powers[name][0]
        label = name if "standard" in name or np.isnan(power) else f"{name}: N$^{{-{power:.2f}}}$"
        draw_series(ax, sizes, np.maximum(values, 1e-16), k + 1, label)
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.minorticks_off()
    finish(ax, "spins of each chain N", "largest error")
    legend(ax)
    return fig
