"""``python -m qsyncplug sweep``: the Arnold tongue of two quantum van der Pol oscillators."""

from __future__ import annotations

import argparse
import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from .shared import (
    Stages,
    add_settings,
    base_of,
    check_output,
    new_command,
    with_ending,
    write_figure,
)

__all__ = ["add_parser", "run", "tongue_point"]


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = new_command(
        commands,
        "sweep",
        "the Arnold tongue: exact steady states over detuning and coupling",
        "Two quantum van der Pol oscillators: the exact steady state at every detuning "
        "and coupling, and how strongly their relative phase is preferred (2π max P − 1, which is "
        "0 without coupling). Points are kept in OUTPUT.zarr; a call that was stopped goes on.",
        run,
    )
    add_settings(
        parser,
        points=(30, "points along each axis"),
        detuning=(3.0, "largest |Δ| in units of the gain"),
        coupling=(2.0, "largest dissipative coupling V"),
        loss=(3.0, "two-photon loss g2 in units of the gain"),
        cutoff=(9, "Fock levels of each oscillator"),
        workers=(os.cpu_count() or 1, "processes"),
        overwrite=(False, "start again"),
        retry=(False, "run failed points again"),
        output=(Path("qsyncplug-tongue"), "OUTPUT.zarr and OUTPUT.png (or .pdf, .svg)", Path),
        quiet=(False, "no progress"),
    )


def tongue_point(
    detuning: float, coupling: float, *, loss: float = 3.0, cutoff: int = 9
) -> dict[str, float]:
    """Exact steady state of one pair, read off.

    Parameters
    ----------
    detuning, coupling : float
        Δ and dissipative coupling V, in units of the gain.
    loss : float
        Two-photon loss.
    cutoff : int
        Fock levels of each oscillator.

    Returns
    -------
    dict
        ``preference`` 2π max P(φ) − 1 of the relative phase, ``coherence`` |⟨b1†b2⟩|/√(n1 n2), and
        ``excitations`` n1.
    """
    import qutip

    from ..adapters import synchronization
    from ..core.entry import steadystate
    from ..models.oscillators import van_der_pol_pair
    from ..sync import measures

    system = van_der_pol_pair(gain=1.0, loss=loss, detuning=detuning, dissipative=coupling)
    rho = steadystate(system, cutoff=cutoff)
    b, one = qutip.destroy(cutoff), qutip.qeye(cutoff)
    view = synchronization([rho], modes=[qutip.tensor(b, one), qutip.tensor(one, b)])
    return {
        "preference": float(measures.husimi_phase(view)[0, 0, 1]),
        "coherence": float(measures.coherence(view)[0, 0, 1]),
        "excitations": float(view.masses[0, 0]),
    }


def run(args: argparse.Namespace) -> int:
    """Run the sweep; write the store and the heat map."""
    import matplotlib

    matplotlib.use("Agg")
    from ..core.checks import check_integer, check_number
    from ..core.extras import need
    from ..plot.sweeps import plot_sweep
    from ..sweeps import sweep

    xarray = need("xarray", "sweep", "sweep")
    points = check_integer("--points", args.points, minimum=2)
    detuning = check_number("--detuning", args.detuning, minimum=0.0, strict=True)
    coupling = check_number("--coupling", args.coupling, minimum=0.0, strict=True)
    loss = check_number("--loss", args.loss, minimum=0.0, strict=True)
    cutoff = check_integer("--cutoff", args.cutoff, minimum=2)
    workers = check_integer("--workers", args.workers, minimum=1)
    check_output(args)
    grid = {
        "coupling": xarray.DataArray(
            np.linspace(0, coupling, points), dims="coupling", attrs={"units": "$g_1$"}
        ),
        "detuning": xarray.DataArray(
            np.linspace(-detuning, detuning, points), dims="detuning", attrs={"units": "$g_1$"}
        ),
    }
    path = with_ending(base_of(args.output, ".zarr", ".png", ".pdf", ".svg"), ".zarr")
    stages = Stages(args)
    with stages(f"{points}² exact steady states of {cutoff}² levels, {workers} processes"):
        data = sweep(
            functools.partial(tongue_point, loss=loss, cutoff=cutoff),
            grid,
            executor=workers,
            path=path,
            options={
                "progress_bar": "" if args.quiet else "text",
                "overwrite": args.overwrite,
                "retry": args.retry,
            },
        )
    data["preference"].attrs["long_name"] = r"phase preference $2\pi P_{max}-1$"
    best = data["preference"].argmax(...)
    print(
        f"strongest preference {float(data['preference'].max()):.4f} at "
        f"coupling {float(data['coupling'][best['coupling']]):g}, "
        f"detuning {float(data['detuning'][best['detuning']]):g}; without coupling "
        f"{float(abs(data['preference'].isel(coupling=0)).max()):.1e}"
    )
    fig, _ = plot_sweep(data, "preference", contour="preference", level=0.1)
    write_figure(args, fig)
    print(f"data:   {path} (xarray.open_zarr reads it)")
    return 0
