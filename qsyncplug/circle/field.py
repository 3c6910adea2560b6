"""From a model to its compiled right-hand side: which kernel, how many cells, and the state in the
kernel's order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from .._ext.circle import KINDS as _KERNEL_KINDS
from .._ext.circle import MeanField
from .._ext.circlegraph import GraphField
from .._ext.motion import LaggedPairs, Modulated
from ..core.checks import check_choice
from .cells import CellTables, count_cells
from .divisors import Divisors, PairSums
from .model import Circle, check_circle
from .pairs import gains_of, rows_of_pairs
from .tails import has_tails
from .turns import FAR, wrap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "KERNELS",
    "KINDS",
    "Layout",
    "choose_kernel",
    "right_hand_side",
    "velocity",
]

#: Values of the option ``kernel``.
KERNELS = ("auto", "direct", "horner", "taylor", "taylor-sorted", "split", "bands")

#: kind of an interaction -> its number in the kernels
KINDS = {
    "sine": _KERNEL_KINDS["sine"],
    "attention": _KERNEL_KINDS["attention"],
    "fourier": _KERNEL_KINDS["series"],
    "callable": _KERNEL_KINDS["series"],
}
#: particles up to which sums over pairs may stand in for a series that does not resolve
_MOST_PAIRS = 20_000


@dataclass(frozen=True)
class Layout:
    """How the state of a kernel is made of the positions: ``x[order] - offset[order]``."""

    order: np.ndarray | None
    offset: np.ndarray | None

    def pack(self, x: np.ndarray) -> np.ndarray:
        """State (n,) of the kernel for positions `x` (n,): wrapped if it keeps laps apart, and in
        its order.
        """
        y = x if self.offset is None else wrap(x)[0]
        return y if self.order is None else y[self.order]

    def unpack(self, rows: np.ndarray) -> np.ndarray:
        """Positions (…, n) of states (…, n); may be `rows` itself."""
        if self.order is None:
            x = rows
        else:
            x = np.empty_like(rows)
            x[..., self.order] = rows
        return x if self.offset is None else x + self.offset


@dataclass(frozen=True, eq=False)
class Start:
    """Where a run begins, and how the rows of its stepper become positions.

    Attributes
    ----------
    layout : Layout
        Of the rows.
    positions : ndarray of shape (n,)
        At `time`.
    time : float
        Of the first output.
    frame : float
        Frequency at which the frame of the rows turns.
    """

    layout: Layout
    positions: np.ndarray
    time: float
    frame: float = 0.0


def costs(n: int, modes: int, cells: int, kind: int) -> dict[str, float]:
    """Nanoseconds of an evaluation by each kernel, measured on one core."""
    fourier = 2.1 * cells * math.log2(cells) + 9 * modes + 300
    pair = (1.4, 2.8, 2.0 + 0.6 * modes)[kind]
    return {
        "direct": pair * n * n,
        "horner": n * (2.8 + 0.3 * modes) + 10 * modes,
        "taylor": 7.0 * n + fourier,
        "taylor-sorted": 1.3 * n + 27 * min(cells, n) + fourier,
    }


def choose_kernel(n: int, modes: int, cells: int, kind: int, sortable: bool) -> str:
    """Return the fastest kernel; direct sums, the only ones that are accurate for tiny forces,
    where they cost little more.
    """
    cost = costs(n, modes, cells, kind)
    if not sortable:
        del cost["taylor-sorted"]
    best = min(cost, key=lambda name: cost[name])
    if kind == 1 and n <= 64 and cost["direct"] <= 4 * cost[best]:
        return "direct"
    return best


# compiled classes have no stubs: to mypy they are Any
class _Mean(MeanField):  # type: ignore[misc]
    """A compiled field with the layout of its state."""

    layout: Layout
    reason: str


class _Graph(GraphField):  # type: ignore[misc]
    layout: Layout
    reason: str


class _Pairs(LaggedPairs):  # type: ignore[misc]
    layout: Layout
    reason: str


class _Changing(Modulated):  # type: ignore[misc]
    layout: Layout
    reason: str


def right_hand_side(
    model: Circle,
    x: np.ndarray,
    *,
    kernel: str = "auto",
    threads: int = 1,
    level: int = -1,
    sort: bool = True,
    frame: float = 0.0,
) -> tuple[Any, np.ndarray]:
    """Compiled right-hand side of `model`, with its layout, and the state for positions `x`.

    Parameters
    ----------
    model : Circle
    x : (n,) array
        Positions.
    kernel : str
        One of ``KERNELS``.
    threads : int
    level : int
        Instruction set; −1 for the best that the processor has.
    sort : bool
        Whether sorting may pay: it does for many evaluations, not for one.
    frame : float
        Angular velocity of the frame in which the velocities are given.

    Returns
    -------
    rhs : RightHandSide
    y : (n,) array

    Raises
    ------
    ValueError
        The kernel cannot do this model, or the forces overflow.
    """
    check_choice("options['kernel']", kernel, KERNELS)
    kernel = "auto" if kernel == "bands" else kernel  # they are a way of stepping
    n = x.size
    force = model.interaction
    series = force.coefficients() if force.decays else np.zeros(1)
    divided = model.normalization == "attention" if isinstance(model.normalization, str) else False
    weight_series = force.normaliser_coefficients() if divided else None
    log_scale = 0.0 if divided else force.log_scale
    divisors = model.divisors(n)
    gain = None
    if isinstance(divisors, float):
        log_scale -= math.log(divisors)
    elif divisors is not None:
        gain = 1 / divisors
    if model.response is not None:
        gain = model.response * (1.0 if gain is None else gain)
    if log_scale > 690:
        raise ValueError(
            f"the forces of {model.interaction} have a factor e^{log_scale:.4g}, beyond floating "
            "point; "
            'take attention(beta, scaled=True), normalization="attention", or coalesce'
        )
    common: dict[str, Any] = {
        "size": n,
        "kind": KINDS[force.kind],
        "beta": force.beta,
        "b": series,
        "a": weight_series,
        "gain": gain,
        "omega": _turning(model, n, frame),
        "scale": model.coupling * math.exp(log_scale),
        "lag": model.phase_lag,
        "threads": threads,
        "divide": Divisors(model.normalization) if callable(model.normalization) else None,
        "level": level,
    }
    modes = max(len(series), 0 if weight_series is None else len(weight_series) - 1)
    make = _still if model.modulation is None else _changing
    rhs, y = make(model, x, kernel, modes, common, sort)
    rhs.worst = has_tails(model, n, frame)
    return rhs, y


def _still(
    model: Circle, x: np.ndarray, kernel: str, modes: int, common: dict[str, Any], sort: bool
) -> tuple[Any, np.ndarray]:
    """The field of a coupling that does not change."""
    if model.lags is not None:
        return _lagged(model, x, kernel, common["omega"])
    if model.adjacency is not None:
        return _graph(model, x, kernel, modes, common)
    return _mean_field(model, x, kernel, modes, common, sort)


def _changing(
    model: Circle, x: np.ndarray, kernel: str, modes: int, common: dict[str, Any], sort: bool
) -> tuple[Any, np.ndarray]:
    """The field of coupling 1, times the coupling of the moment."""
    omega = common["omega"]
    rhs, y = _still(model, x, kernel, modes, {**common, "omega": None}, sort)
    if omega is not None and rhs.layout.order is not None:
        omega = omega[rhs.layout.order]
    changing = _Changing(rhs, omega, model.modulation)
    changing.layout, changing.reason = rhs.layout, rhs.reason
    return changing, y


def _turning(model: Circle, n: int, frame: float) -> np.ndarray | None:
    """Natural frequencies as seen in a rotating frame; None if nothing turns."""
    if model.frequencies is None:
        return None if frame == 0 else np.full(n, -frame)
    omega = np.asarray(np.broadcast_to(model.frequencies, (n,)) - frame)
    return omega if np.any(omega) else None


def _mean_field(
    model: Circle, x: np.ndarray, kernel: str, modes: int, common: dict[str, Any], sort: bool
) -> tuple[Any, np.ndarray]:
    n = x.size
    if kernel == "split":
        raise ValueError("options['kernel']='split' is for models with an adjacency")
    if kernel == "taylor-sorted" and not model.identical:
        raise ValueError(
            "options['kernel']='taylor-sorted' needs identical particles, which keep their order; "
            "take 'taylor'"
        )
    weights = model.weights
    reason = "as asked"
    if model.triads is not None and kernel in ("auto", "direct"):
        kernel = "horner"
        reason = "triads are sums over modes"
    cells, decays = 0, model.interaction.decays
    if decays:
        series = [common["b"], np.empty(0) if common["a"] is None else common["a"][1:]]
        cells = count_cells([s for s in series if s.size])
    else:
        if kernel not in ("auto", "direct"):
            raise ValueError(
                f"options['kernel']={kernel!r} needs a sine series, which {model.interaction} has "
                "not; take 'direct'"
            )
        kernel, reason = "direct", "the interaction has no sine series"
    if decays and kernel == "auto":
        kernel = choose_kernel(n, modes, cells, common["kind"], sort and model.identical)
        reason = f"fastest for n={n} and {modes} modes"
    order = offset = None
    if kernel == "taylor-sorted" or np.max(np.abs(x)) > FAR:
        wrapped, offset = wrap(x)
        if kernel == "taylor-sorted":
            order = np.argsort(wrapped, kind="stable")
    layout = Layout(order, offset)
    if order is not None:
        weights = None if weights is None else weights[order]
        # all the same, for identical particles
        common = {**common, "gain": None if common["gain"] is None else common["gain"][order]}
    rhs = _Mean(
        weights=weights,
        method=kernel,
        cells=CellTables(cells) if kernel.startswith("taylor") else None,
        sums=None if decays else PairSums(model.interaction.f, weights, model.phase_lag),
        most_pairs=_MOST_PAIRS,
        ordered=order is not None,
        triads=model.triads,
        **common,
    )
    rhs.layout, rhs.reason = layout, reason
    return rhs, layout.pack(x)


def _graph(
    model: Circle, x: np.ndarray, kernel: str, modes: int, common: dict[str, Any]
) -> tuple[Any, np.ndarray]:
    a = model.adjacency
    if kernel not in ("auto", "split", "direct"):
        raise ValueError(
            f"options['kernel']={kernel!r} is for models without adjacency; take 'split' or "
            "'direct'"
        )
    if kernel == "split" and common["a"] is not None:
        raise ValueError(
            "options['kernel']='split' does not resolve small attention weights; take 'direct' "
            "with normalization='attention'"
        )
    if not model.interaction.decays:
        raise ValueError(
            "a model with an adjacency needs an interaction with a sine series, which "
            f"{model.interaction} has not"
        )
    sparse = scipy.sparse.issparse(a)
    reason = "as asked"
    if kernel == "auto":
        # measured nanoseconds for one entry of the matrix
        pair = (1.4, 2.8, 2.0 + 0.6 * modes)[common["kind"]]
        split = modes * (1.0 if sparse else 0.3) <= pair * (1.5 if sparse else 1.0)
        # a row may hold only small attention weights, which the series does not resolve
        kernel = "split" if split and common["a"] is None else "direct"
        reason = (
            f"fastest for {modes} modes"
            if common["a"] is None
            else "accurate for small attention weights"
        )
    offset = wrap(x)[1] if np.max(np.abs(x)) > FAR else None
    layout = Layout(None, offset)
    if sparse:
        weights = 1.0 if model.weights is None else model.weights[a.indices]
        matrix = {
            "data": a.data * weights,
            "columns": a.indices,
            "starts": a.indptr.astype(np.longlong),
        }
    else:
        matrix = {"matrix": a if model.weights is None else a * model.weights}
    rhs = _Graph(method=f"{kernel}-{'csr' if sparse else 'dense'}", **matrix, **common)
    rhs.layout, rhs.reason = layout, reason
    return rhs, layout.pack(x)


def _lagged(
    model: Circle, x: np.ndarray, kernel: str, omega: np.ndarray | None
) -> tuple[Any, np.ndarray]:
    """Every pair with a lag of its own."""
    if kernel not in ("auto", "direct"):
        raise ValueError(f"options['kernel']={kernel!r} is not for a matrix of lags; take 'direct'")
    rhs = _Pairs(*rows_of_pairs(model, x.size), gains_of(model, x.size), omega)
    rhs.layout = Layout(None, wrap(x)[1] if np.max(np.abs(x)) > FAR else None)
    rhs.reason = "lags of their own"
    return rhs, rhs.layout.pack(x)


def velocity(model: Circle, x: ArrayLike, *, kernel: str = "auto") -> np.ndarray:
    r"""Velocities :math:`\dot x_i` of the particles at positions `x`.

    Parameters
    ----------
    model : Circle
    x : (n,) array_like
        Positions, any real numbers.
    kernel : {"auto", "direct", "horner", "taylor", "taylor-sorted", "split"}
        How the sums are done; see :class:`CircleSolver`.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError, TypeError
        `x` is not one-dimensional and finite or does not fit the model; the kernel cannot do this
        model.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> qsp.velocity(model, [0.0, np.pi / 2])
    array([ 0.5, -0.5])
    """
    x = check_circle(model).positions(x)
    if model.delay is not None or model.modulation is not None or model.inertia is not None:
        raise ValueError(
            "velocity needs a model whose velocities follow from the positions: "
            "no delay, inertia or coupling that changes with time"
        )
    rhs, y = right_hand_side(model, x, kernel=kernel, sort=False)
    value = rhs(0.0, y)
    if rhs.layout.order is None:
        return np.asarray(value)
    out = np.empty_like(value)
    out[rhs.layout.order] = value
    return np.asarray(out)
