"""Find the compiled kernels when Python meets the source folder before the installed package.

``python -m qsyncplug`` in a checkout imports the folder next to it, which holds
no compiled code. The kernels then come from the installation.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys

_package = sys.modules[__package__]
_here = pathlib.Path(__file__).parent

if importlib.util.find_spec(f"{__package__}._ext") is None:
    for _entry in sys.path:
        _other = pathlib.Path(_entry or ".").resolve() / __package__
        if _other != _here.resolve() and (_other / "_ext" / "__init__.py").is_file():
            _package.__path__.append(str(_other))
            break
    else:
        raise ImportError(
            f"qsyncplug is imported from the source folder {_here}, and its compiled kernels are "
            "not installed; "
            "run 'pip install .' there (or 'pip install --no-build-isolation -e .' to work on it)"
        )
