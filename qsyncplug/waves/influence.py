r"""Influence functions h(r) of the Cucker–Smale alignment."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.checks import asked, check_number
from ..core.errors import ApproximationWarning
from ..core.saved import Saved

__all__ = ["Influence", "absolute_kernel", "check_kernel", "heavy_tail_kernel"]


@dataclass(frozen=True)
class Influence(Saved):
    r"""The family :math:`h(r) = \text{floor} +
    \text{height}\,(1+r^2/\text{scale}^2)^{-\text{exponent}/2}`, nonincreasing.

    Parameters
    ----------
    floor : float
        inf h, at least 0.
    height : float
        h(0) − inf h, at least 0.
    scale : float
        Distance at which h begins to fall.
    exponent : float
        Positive. Without a floor the tail is heavy (∫h=∞) if and only if this is at most 1.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.Influence(floor=1.0, height=0.5).floor
    1.0
    """

    floor: float = 1.0
    height: float = 0.0
    scale: float = 1.0
    exponent: float = 1.0

    def __post_init__(self) -> None:
        for name in ("floor", "height"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), minimum=0.0))
        for name in ("scale", "exponent"):
            object.__setattr__(
                self, name, check_number(name, getattr(self, name), minimum=0.0, strict=True)
            )

    def __call__(self, r: Any) -> Any:
        """h(r) at the distance `r`, a number or an array."""
        return self.floor + self.height * (1 + (np.asarray(r) / self.scale) ** 2) ** (
            -0.5 * self.exponent
        )

    @property
    def is_constant(self) -> bool:
        """Whether h does not depend on the distance."""
        return self.height == 0

    @property
    def heavy_tail(self) -> bool:
        """Whether ∫h diverges, in which case alignment needs no condition on the start."""
        return self.floor > 0 or (self.height > 0 and self.exponent <= 1)

    def to_dict(self) -> dict[str, float]:
        """Floor, height, scale and exponent by name, for a file."""
        return asdict(self)


def absolute_kernel(
    floor: float = 1.0, height: float = 0.0, scale: float = 1.0, exponent: float = 2.0
) -> Influence:
    """Influence with inf h = `floor` > 0 (an absolute kernel).

    Parameters
    ----------
    floor : float
        The infimum, positive.
    height, scale, exponent : float
        See :class:`Influence`; with `height` 0 the kernel is constant.

    Returns
    -------
    Influence

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.absolute_kernel(0.6, height=0.5).floor
    0.6
    """
    check_number("floor", floor, minimum=0.0, strict=True)
    return Influence(floor, height, scale, exponent)


def heavy_tail_kernel(exponent: float = 1.0, height: float = 1.0, scale: float = 1.0) -> Influence:
    r"""Influence :math:`\text{height}\,(1+r^2/\text{scale}^2)^{-\text{exponent}/2}` with ∫h=∞, inf
    h=0.

    Parameters
    ----------
    exponent : float
        In (0, 1].
    height, scale : float
        Positive.

    Returns
    -------
    Influence

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.heavy_tail_kernel(exponent=1.0).exponent
    1.0
    """
    check_number("exponent", exponent, minimum=0.0, strict=True)
    check_number("exponent", exponent, maximum=1.0)
    check_number("height", height, minimum=0.0, strict=True)
    return Influence(0.0, height, scale, exponent)


def check_kernel(kernel: Any, reach: float) -> Influence | Callable[[np.ndarray], np.ndarray]:
    """Return `kernel` as an :class:`Influence` or as a callable of arrays, checked on distances up
    to `reach`.
    """
    if kernel is None:
        return Influence()
    if isinstance(kernel, Influence):
        return kernel
    if not callable(kernel):
        return Influence(check_number("kernel", kernel, minimum=0.0))
    r = np.concatenate([[0.0], np.geomspace(1e-3, max(reach, 1e-2), 400)])
    function: Callable[[np.ndarray], np.ndarray] = kernel
    try:
        values = np.asarray(kernel(r), dtype=float)
    except Exception:
        # of numbers one by one, maybe: what it raises then is told
        plain = kernel

        def function(distance: np.ndarray) -> np.ndarray:
            return np.array([float(plain(float(x))) for x in np.atleast_1d(distance)])

        values = asked("kernel", function, r)
    values = np.broadcast_to(values, r.shape)
    if not np.all(np.isfinite(values)):
        bad = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"kernel must be finite; kernel({r[bad]:g}) = {values[bad]:g}")
    if np.any(values < 0):
        bad = int(np.argmin(values))
        raise ValueError(f"kernel must be at least 0; kernel({r[bad]:g}) = {values[bad]:g}")
    steps = np.diff(values)
    small = 1e-12 * np.max(np.abs(values))
    if np.any(steps > small):
        at = r[int(np.argmax(steps))]
        if not np.any(steps < -small):
            raise ValueError(
                f"kernel must not increase with the distance; it increases near r={at:g}"
            )
        warnings.warn(
            f"kernel is not monotone: it increases near r={at:g}; the theorems on alignment need a "
            "nonincreasing kernel",
            ApproximationWarning,
            stacklevel=4,
        )
    if not np.any(np.abs(steps) > small):
        return Influence(float(values[0]))
    return function


def infimum(kernel: Any, reach: float = math.inf) -> float:
    """The smallest value of the kernel at distances up to `reach` (sampled for a callable)."""
    if isinstance(kernel, Influence):
        return float(kernel.floor if math.isinf(reach) else kernel(reach))
    r = np.concatenate(
        [[0.0], np.geomspace(1e-3, 1e6 if math.isinf(reach) else max(reach, 1e-2), 400)]
    )
    return float(np.min(kernel(r)))
