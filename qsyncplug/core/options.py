"""Options of the solvers: one table, one error message, ``None`` for the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from .checks import check_array, check_choice, check_integer, check_number
from .types import EOps

__all__ = ["DEFAULTS", "complete_options", "wanted"]

#: Every option and its default.
DEFAULTS: dict[str, Any] = {
    "method": "dop853",
    "atol": 1e-12,
    "rtol": 1e-10,
    "nsteps": 1_000_000,
    "max_step": np.inf,
    "progress_bar": "",
    "progress_kwargs": {"chunk_size": 10},
    "store_states": None,
    "store_final_state": False,
    "time_limit": np.inf,
    "checkpoint": None,
    "num_threads": 1,
}


def complete_options(
    options: Mapping[str, Any] | None, defaults: Mapping[str, Any], methods: tuple[str, ...]
) -> dict[str, Any]:
    """Check `options` and fill in the rest.

    Parameters
    ----------
    options : mapping, optional
        What the user gave; ``None`` as a value means the default.
    defaults : mapping
        Known options of the solver with their defaults.
    methods : tuple of str
        Values that ``method`` may have.

    Returns
    -------
    dict
        Every known option.

    Raises
    ------
    KeyError
        An option is unknown; the message lists the known ones.
    TypeError, ValueError
        An option has a value of the wrong type or out of range.
    """
    result = dict(defaults)
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        raise TypeError(f"options must be a dict, not {type(options).__name__}")
    if not options:
        # the defaults of every solver are right (tests/core/test_checks.py)
        return result
    unknown = [key for key in options if key not in defaults]
    if unknown:
        raise KeyError(
            f"unknown option {', '.join(map(repr, unknown))}; the options are "
            f"{', '.join(sorted(defaults))}"
        )
    # what was not given is a default
    given = {key: value for key, value in options.items() if value is not None}
    result.update(given)

    if "method" in given:
        check_choice("options['method']", result["method"], methods)
    if "atol" in given:
        atol = check_array("options['atol']", result["atol"])
        if np.any(atol <= 0):
            raise ValueError(f"options['atol'] must be positive, not {atol.min():g}")
    if "rtol" in given:
        # below this the error estimate is rounding
        result["rtol"] = check_number("options['rtol']", result["rtol"], minimum=2e-15, maximum=1.0)
    if "nsteps" in given:
        check_integer("options['nsteps']", result["nsteps"], minimum=1)
    for key in ("max_step", "time_limit"):
        if key in given and result[key] != np.inf:
            result[key] = check_number(f"options[{key!r}]", result[key], minimum=0.0, strict=True)
    if "num_threads" in given:
        check_integer("options['num_threads']", result["num_threads"], minimum=1)
    if "progress_bar" in given:
        if result["progress_bar"] is True:
            result["progress_bar"] = "text"
        elif result["progress_bar"] is False:
            result["progress_bar"] = ""
        check_choice("options['progress_bar']", result["progress_bar"], progress_bars)
    for key in ("store_states", "store_final_state"):
        if key in given and not isinstance(result[key], (bool, np.bool_)):
            raise TypeError(
                f"options[{key!r}] must be True, False or None, not {result[key]!r:.60}"
            )
    if "checkpoint" in given:
        _check_checkpoint(result["checkpoint"])
    if not isinstance(given.get("progress_kwargs", {}), Mapping):
        raise TypeError(
            f"options['progress_kwargs'] must be a dict, not {result['progress_kwargs']!r:.60}"
        )
    return result


def _check_checkpoint(path: Any) -> None:
    """A file that cannot be written is said before the run, not after it."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise TypeError(f"options['checkpoint'] must be the path of a file, not {path!r:.60}")
    folder = os.path.dirname(os.path.abspath(os.fspath(path)))
    if not os.path.isdir(folder):
        raise ValueError(f"options['checkpoint']: the folder {folder} does not exist")
    if os.path.isdir(path):
        raise ValueError(f"options['checkpoint'] must be the path of a file; {path} is a folder")


def wanted(e_ops: EOps) -> bool:
    """Whether there is something to evaluate; empty lists and dicts hold nothing."""
    return e_ops is not None and not (isinstance(e_ops, (list, tuple, dict)) and not e_ops)
