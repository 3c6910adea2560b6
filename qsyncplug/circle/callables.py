"""Interactions made of any smooth, odd, periodic function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..core.checks import asked, check_label, check_number
from ..core.errors import ApproximationWarning
from .interactions import Interaction
from .series import series_derivative

__all__ = ["interaction"]

_MAX_SAMPLES = 2**14
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class _Custom(Interaction):
    kind: ClassVar[str] = "callable"
    function: Callable[[Any], Any] = np.sin
    derivatives: tuple[Callable[[Any], Any], ...] = ()
    name: str = ""
    vectorised: Callable[[Any], Any] = field(default=np.sin, compare=False)
    b: tuple[float, ...] | None = field(default=None, compare=False)

    @property
    def decays(self) -> bool:
        return self.b is not None

    @property
    def storable(self) -> bool:
        return self.decays

    def _derivative(self, x: np.ndarray, order: int) -> np.ndarray:
        if order == 0:
            return np.asarray(asked(f"interaction {self.name}", self.vectorised, x))
        if order <= len(self.derivatives):
            name = f"derivatives[{order - 1}] of interaction {self.name}"
            return np.asarray(asked(name, self.derivatives[order - 1], x))
        return series_derivative(self.coefficients(), x, order)

    def coefficients(self, tol: float = 1e-16) -> np.ndarray:
        tol = check_number("tol", tol, minimum=0.0, maximum=1.0, strict=True)
        if self.b is None:
            raise ValueError(
                f"the sine coefficients of {self} do not decay to rounding within "
                f"{_MAX_SAMPLES // 2} modes; "
                "give its derivatives to qsp.interaction(f, derivatives=(df, d2f, d3f)), or a "
                "smooth function"
            )
        b = np.array(self.b)
        tail = np.cumsum(np.abs(b)[::-1])[::-1]
        keep = int(np.count_nonzero(tail > tol * np.max(np.abs(b))))
        return b[: max(1, keep)]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "fourier", "b": self.coefficients().tolist(), "name": self.name}

    def __repr__(self) -> str:
        return f"interaction({self.name})"


def _vectorised(f: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], np.ndarray]:
    """Return `f` working on arrays, with its values at sample points."""
    x = 2 * np.pi * np.arange(64) / 64
    try:
        values = np.asarray(f(x))
    except Exception:
        # of numbers one by one, maybe: what it raises then is told
        values = np.empty(0)
    if values.shape != x.shape:
        f = np.vectorize(f, otypes=[float])
        try:
            values = np.asarray(f(x))
        except Exception as error:
            raise TypeError(
                "interaction must map a number or an array to the same; it raised "
                f"{type(error).__name__}: {error}"
            ) from error
    return f, values


def _find_coefficients(f: Callable[[Any], Any]) -> tuple[float, ...] | None:
    """Sine coefficients by FFT, on as many points as they need; None if they do not decay."""
    count = 64
    while count <= _MAX_SAMPLES:
        x = 2 * np.pi * np.arange(count) / count
        values = np.asarray(asked("interaction", f, x), dtype=float)
        b = -2 * np.fft.rfft(values).imag[1 : count // 2] / count
        largest = float(np.max(np.abs(values)))
        # rounding of the values leaves a floor of about eps·max/√count
        if np.max(np.abs(b[count // 4 :])) <= _EPS * largest:
            above = np.flatnonzero(np.abs(b) > _EPS * largest)
            return tuple(float(v) for v in b[: above[-1] + 1])
        count *= 2
    return None


def interaction(
    f: Interaction | Callable[..., Any],
    *,
    derivatives: Sequence[Callable[[Any], Any]] = (),
    name: str | None = None,
) -> Interaction:
    r"""Make an interaction from any smooth, odd, 2π-periodic function.

    Parameters
    ----------
    f : callable or Interaction
        :math:`F(x)` of an array (a function of one number works, slowly); an :class:`Interaction`
        is returned as it is.
    derivatives : sequence of up to three callables
        :math:`F', F'', F'''`, where they are known; else they come from the sine series.
    name : str, optional
        Name for messages; ``f.__name__`` unless given.

    Returns
    -------
    Interaction
        Two of them are equal if they hold the same function object.

    Raises
    ------
    TypeError
        `f` is not callable.
    ValueError
        `f` is not finite, real, odd or 2π-periodic, or vanishes.

    Warns
    -----
    ApproximationWarning
        The sine coefficients do not decay to rounding (a kink or a jump): only the direct pair sum
        is possible, and the step control sees the kink.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> pull = qsp.interaction(lambda x: np.sin(x) * (1 + np.cos(x)), name="mine")
    >>> float(pull(np.pi / 2))
    1.0
    """
    name = check_label("name", name)
    if isinstance(f, Interaction):
        return f
    if not callable(f):
        model = " (give model.interaction)" if hasattr(f, "interaction") else ""
        raise TypeError(
            f"interaction must be an Interaction or a callable f(x), not {f!r:.80}{model}"
        )
    derivatives = tuple(derivatives)
    if len(derivatives) > 3 or not all(callable(d) for d in derivatives):
        raise TypeError("derivatives must hold at most three callables: f', f'', f'''")
    label = str(name or getattr(f, "__name__", type(f).__name__))
    vectorised, values = _vectorised(f)
    if np.iscomplexobj(values) or not np.all(np.isfinite(values)):
        raise ValueError(f"interaction {label} must return finite real numbers")
    # points of no symmetry, away from a jump at π
    points = np.array([0.1234, 0.777, 1.3, 1.9, 2.345, 2.9])
    value, mirrored, shifted = (
        np.asarray(asked(f"interaction {label}", vectorised, p), dtype=float)
        for p in (points, -points, points + 2 * np.pi)
    )
    largest = float(max(np.max(np.abs(values)), np.max(np.abs(value))))
    if largest == 0:
        raise ValueError(f"interaction {label} vanishes everywhere")
    for what, error in (("odd, f(-x) = -f(x)", value + mirrored), ("2π-periodic", value - shifted)):
        worst = int(np.argmax(np.abs(error)))
        # x+2π is rounded, which a steep function sees
        if not abs(error[worst]) <= 1e-9 * largest:
            off = f"at x={points[worst]:g} it is off by {error[worst]:.3g}"
            raise ValueError(f"interaction {label} must be {what}; {off}")
    b = _find_coefficients(vectorised)
    if b is None:
        warnings.warn(
            f"the sine coefficients of interaction {label} do not decay to rounding within "
            f"{_MAX_SAMPLES // 2} modes: "
            "forces are summed over all pairs",
            ApproximationWarning,
            stacklevel=2,
        )
    return _Custom(f, derivatives, label, vectorised, b)
