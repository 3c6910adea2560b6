"""What a model may have beside a velocity field, and what goes together."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.checks import check_array, check_ndim, check_number
from .modulation import modulation_of

__all__ = ["check_combination", "checked_extras", "extras_of"]

NAMES = ("noise", "inertia", "delay", "triads", "modulation", "lags")

#: pairs that have no solver, or no meaning, and why
REFUSED = {
    ("delay", "triads"): "which of the three particles the others see late is not defined",
    ("triads", "modulation"): "triads have couplings of their own, which do not change",
    ("triads", "lags"): "triads need particles that all act on each other alike",
}


def extras_of(model: Any) -> tuple[str, ...]:
    """Which of ``NAMES`` the model has."""
    return tuple(name for name in NAMES if getattr(model, name) is not None)


def checked_extras(model: Any) -> dict[str, Any]:
    """Noise, inertia, delay, triads, coupling and lag, read."""
    found: dict[str, Any] = {}
    for name in ("noise", "inertia"):
        if getattr(model, name) is not None:
            found[name] = _one_or_each(name, getattr(model, name))
    if model.delay is not None:
        found["delay"] = _delay(model.delay)
    if model.triads is not None:
        _refuse_mask("triads", model.triads)
        pair = check_array("triads", model.triads, shape=(2,))
        found["triads"] = (float(pair[0]), float(pair[1]))
    return found | _coupling(model) | _lag(model)


def _refuse_mask(name: str, value: Any) -> None:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array, whose masked entries would count")


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def _one_or_each(name: str, value: Any) -> float | np.ndarray:
    _refuse_mask(name, value)
    array = check_array(name, value)
    wrong = np.any(array < 0) if name == "noise" else np.any(array <= 0)
    if array.ndim > 1 or wrong:
        what = "not negative" if name == "noise" else "positive"
        raise ValueError(f"{name} must be one {what} number, or n of them; got {value!r:.80}")
    return float(array) if array.ndim == 0 else _frozen(array)


def _matrix(name: str, value: Any) -> np.ndarray:
    _refuse_mask(name, value)
    array = check_array(name, value, shape=(None, None))
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"{name} must be a number or an (n, n) array, not of shape {array.shape}")
    return _frozen(array)


def _delay(value: Any) -> float | np.ndarray:
    if check_ndim("delay", value) == 0:
        return check_number("delay", value, minimum=0.0, strict=True)
    array = _matrix("delay", value)
    if np.any(array < 0):
        raise ValueError(f"delay must not be negative, not {array.min():g}")
    return array


def _coupling(model: Any) -> dict[str, Any]:
    """A number, or one that changes with time."""
    value, changing = model.coupling, model.modulation
    if callable(value) or isinstance(value, (tuple, list)):
        if changing is not None:
            raise ValueError("modulation must be left out if coupling changes with time")
        return {"coupling": 1.0, "modulation": modulation_of(value)}
    found = {"coupling": check_number("coupling", value)}
    return found if changing is None else found | {"modulation": modulation_of(changing)}


def _lag(model: Any) -> dict[str, Any]:
    if check_ndim("phase_lag", model.phase_lag) != 0:
        if model.lags is not None:
            raise ValueError("lags must be left out if phase_lag is a matrix")
        return {"phase_lag": 0.0, "lags": _matrix("phase_lag", model.phase_lag)}
    found: dict[str, Any] = {"phase_lag": check_number("phase_lag", model.phase_lag)}
    return found if model.lags is None else found | {"lags": _matrix("lags", model.lags)}


def check_combination(model: Any) -> None:
    """Refuse what has no meaning or no solver; `model` is read already."""
    extras = extras_of(model)
    for (one, two), why in REFUSED.items():
        if one in extras and two in extras:
            raise ValueError(f"{one} does not go together with {two}: {why}")
    g = model.normalization
    changing = callable(g) or (isinstance(g, str) and g == "attention")
    if "triads" in extras and (
        model.adjacency is not None
        or changing
        or isinstance(g, np.ndarray)
        or model.response is not None
    ):
        raise ValueError(
            "triads needs particles that all act on each other, with a constant divisor: "
            "no adjacency, response, function or attention as normalization"
        )
    for name, text in (("delay", "delay"), ("lags", "a matrix of lags")):
        if name not in extras:
            continue
        if changing:
            raise ValueError(
                f"{text} needs a constant divisor: no function or attention as normalization"
            )
        if model.interaction.kind != "sine":
            raise ValueError(f"{text} is for the sine interaction, not {model.interaction}")
