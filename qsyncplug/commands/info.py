"""``python -m qsyncplug info``: versions, threads and the FFT backend."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from typing import Any

from ..core.version import VERSION

__all__ = ["add_parser", "run"]

_PACKAGES = (
    "qutip",
    "numpy",
    "scipy",
    "matplotlib",
    "ducc0",
    "threadpoolctl",
    "xarray",
    "zarr",
    "networkx",
    "python-flint",
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("info", help="versions, threads, FFT backend")
    parser.set_defaults(run=run)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def run(args: argparse.Namespace) -> int:
    """Print what is installed and how it runs."""
    import scipy.fft

    from .._ext import integrator

    rows = [
        ("qsyncplug", VERSION),
        ("kernels", os.path.dirname(integrator.__file__)),
        ("Python", platform.python_version()),
    ]
    rows += [(package, _version(package)) for package in _PACKAGES]
    rows.append(("platform", f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"))
    rows.append(("threads", "1 unless options={'num_threads': …} asks for more"))
    backend = "scipy.fft (pocketfft)"
    if _version("ducc0") != "not installed":
        backend += "; ducc0 is there: scipy.fft.set_global_backend(ducc0.fft) switches to it"
    rows.append(("FFT backend", backend))
    rows.append(("FFT workers", str(scipy.fft.get_workers())))
    try:
        import threadpoolctl

        pools = [
            f"{p['internal_api']} {p.get('version', '')} ×{p['num_threads']}"
            for p in threadpoolctl.threadpool_info()
        ]
        rows.append(("thread pools", "; ".join(pools) or "none"))
    except ImportError:
        pass
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0
