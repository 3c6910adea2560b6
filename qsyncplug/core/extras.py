"""Optional packages: a missing one is an error that names the extra."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["need"]


def need(module: str, extra: str, what: str) -> ModuleType:
    """Import `module`, which the extra `extra` installs and `what` needs.

    Raises
    ------
    ImportError
        It is not installed; the message holds the command that installs it.

    Examples
    --------
    >>> need("numpy", "sweep", "to_xarray").__name__
    'numpy'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{what} needs {module}: pip install "qsyncplug[{extra}]" (in a checkout ".[{extra}]")'
        ) from error
