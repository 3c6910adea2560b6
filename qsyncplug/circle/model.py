"""The mean-field models on the circle: who acts on whom, and how strongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from ..core import storage
from ..core.adjacency import read_adjacency
from ..core.checks import check_array, check_ndim, check_number
from ..core.saved import SavedModel
from ..core.types import Adjacency, Amount, Given, State, TimeFunction, by_default
from .beyond import check_combination, checked_extras, extras_of
from .callables import interaction
from .equation import circle_equation
from .interactions import Interaction
from .modulation import Modulation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Circle", "check_circle", "refuse_extras", "refuse_mask"]

_NORMALIZATIONS = ("sum", "mean", "degree", "attention")


@dataclass(frozen=True, eq=False)
class Circle(SavedModel):
    r"""Particles on the circle that act on each other by a function of their difference.

    .. math::

        \dot x_i = ω_i - \frac{κ\,r_i}{g_i(x)} \sum_j a_{ij} c_j\, F(x_i - x_j + α)

    Parameters
    ----------
    interaction : Interaction or callable
        F: ``qsp.sine()``, ``qsp.attention(beta)``, ``qsp.fourier(b)``, or any smooth odd
        2π-periodic function.
    normalization : {"sum", "mean", "degree", "attention"}, number, (n,) array or callable
        :math:`g_i`. ``"sum"``: 1. ``"mean"``: :math:`\sum_j c_j` (n without weights, with or
        without `adjacency`). ``"degree"``: number of particles that act on i (1 for an isolated
        one). ``"attention"``:
        :math:`\sum_j a_{ij}c_j e^{β\cos(x_i-x_j+α)}`. A callable ``g(x)`` returns n positive
        numbers.
    weights : (n,) array, optional
        :math:`c_j>0`, how strongly j acts; 1 unless given.
    frequencies : number or (n,) array, optional
        Natural frequencies :math:`ω_i`; 0 unless given.
    adjacency : (n, n) array, sparse matrix or networkx graph, optional
        :math:`a_{ij}`, the action **of j on i**: row i lists who acts on i. In a directed networkx
        graph the edge (u, v) says that u acts on v, with the edge's ``weight``; nodes are numbered
        in the order of ``graph.nodes``. All ones unless given.
    phase_lag : float or (n, n) array
        α (Sakaguchi's model). A matrix :math:`α_{ij}`, of j's action on i, becomes the attribute
        ``lags``, for the sine and constant divisors; ``phase_lag`` is then 0.
    coupling : float, callable or ((m,), (m,)) arrays
        κ; Kuramoto's K is ``coupling=K, normalization="mean"``. A function of time κ(t), or times
        and values joined by a cubic spline, become the attribute ``modulation``, and ``coupling``
        is 1.
    response : (n,) array, optional
        :math:`r_i>0`, how strongly i reacts; with `weights` the rank-one matrix :math:`r_ic_j`.
    noise : number or (n,) array, optional
        :math:`D_i≥0`: adds :math:`\sqrt{2D_i}\,ξ_i`, independent white noise.
    inertia : number or (n,) array, optional
        :math:`m_i>0`: :math:`m_i\ddot x_i+\dot x_i` on the left-hand side.
    delay : float or (n, n) array, optional
        τ>0: :math:`x_j(t-τ)` acts at t. A matrix :math:`τ_{ij}≥0` says it of every pair (entries
        where nobody acts do not count). For the sine, with constant divisors.
    triads : (float, float), optional
        :math:`K_2, K_3`: adds :math:`\frac{1}{C^2}\sum_{jk}c_jc_k\,K_2\sin(2x_j-x_k-x_i)` and
        :math:`\frac1{C^3}\sum_{jkl}c_jc_kc_l\,K_3\sin(x_j+x_k-x_l-x_i)`, C the sum of the weights.
        For models without adjacency.
    modulation : callable or ((m,), (m,)) arrays, optional
        Factor of the coupling, a function of time; see `coupling`.
    lags : (n, n) array, optional
        See `phase_lag`.

    Raises
    ------
    ValueError, TypeError
        Weights, responses or normalisations that are not positive and finite; shapes that do not
        fit; an unknown normalisation; a negative entry of `adjacency` with
        ``normalization="attention"``.

    Notes
    -----
    Polyanskiy, Rigollet, Yao (PRY): (S1) is ``Circle(f)``, (S2) ``Circle(f, g)``, (S3) ``Circle(f,
    weights=c)``, (S4) ``Circle(f, g, weights=c)``, (T1) ``Circle(attention(beta))``, (T2)
    ``Circle(attention(beta), "attention")``, (8) ``Circle(f, adjacency=A)`` and Corollary 6.4
    ``Circle(f, response=w1, weights=w2)``.

    Examples
    --------
    >>> from qsyncplug.circle import Circle, sine, velocity
    >>> model = Circle(sine(), normalization="mean", coupling=2.0, frequencies=[0.1, -0.1])
    >>> velocity(model, [0.0, 0.0]).tolist()
    [0.1, -0.1]
    """

    interaction: Interaction  # or a callable, which is made one
    normalization: Given[str | ArrayLike | Callable[..., Any], Any] = by_default("sum")
    weights: Given[ArrayLike | None, Any] = by_default(None)
    frequencies: Given[ArrayLike | None, Any] = by_default(None)
    adjacency: Given[Adjacency | None, Any] = by_default(None)
    phase_lag: Given[ArrayLike, Any] = by_default(0.0)
    coupling: Given[Amount, Any] = by_default(1.0)
    response: Given[ArrayLike | None, Any] = by_default(None)
    noise: Given[ArrayLike | None, Any] = by_default(None)
    inertia: Given[ArrayLike | None, Any] = by_default(None)
    delay: Given[ArrayLike | None, Any] = by_default(None)
    triads: Given[tuple[float, float] | None, Any] = by_default(None)
    modulation: Given[TimeFunction | None, Any] = by_default(None)
    lags: Given[ArrayLike | None, Any] = by_default(None)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "interaction", interaction(self.interaction))
        for name, value in checked_extras(self).items():
            put(self, name, value)
        for name in ("weights", "response", "frequencies", "adjacency", "normalization"):
            refuse_mask(name, getattr(self, name))
        for name in ("weights", "response"):
            value = getattr(self, name)
            if value is not None:
                array = check_array(name, value, shape=(None,))
                if np.any(array <= 0):
                    k = int(np.argmax(array <= 0))
                    raise ValueError(f"{name} must be positive; {name}[{k}] is {array[k]:g}")
                put(self, name, _frozen(array))
        if self.frequencies is not None:
            if check_ndim("frequencies", self.frequencies) == 0:
                put(self, "frequencies", check_number("frequencies", self.frequencies))
            else:
                put(
                    self,
                    "frequencies",
                    _frozen(check_array("frequencies", self.frequencies, shape=(None,))),
                )
        if self.adjacency is not None:
            put(self, "adjacency", read_adjacency(self.adjacency))
        put(self, "normalization", self._check_normalization())
        check_combination(self)
        sizes = self._sizes()
        if len(set(sizes.values())) > 1:
            text = ", ".join(f"{name} {n}" for name, n in sizes.items())
            raise ValueError(f"the arrays must be for the same number of particles: {text}")
        if 0 in sizes.values():
            raise ValueError(f"there must be at least one particle; {next(iter(sizes))} is empty")

    @property
    def extras(self) -> tuple[str, ...]:
        """Which of noise, inertia, delay, triads, modulation and lags the model has."""
        return extras_of(self)

    def _check_normalization(self) -> Any:
        value = self.normalization
        if isinstance(value, str):
            if value not in _NORMALIZATIONS:
                known = ", ".join(map(repr, _NORMALIZATIONS))
                raise ValueError(
                    f"normalization must be {known}, a positive number or array, or a callable, "
                    f"not {value!r}"
                )
            if value == "attention":
                self.interaction.normaliser(0.0)  # raises unless it has one
                if self.adjacency is not None and _smallest(self.adjacency) < 0:
                    raise ValueError(
                        'adjacency must not be negative with normalization="attention", which '
                        "divides by its rows"
                    )
            return value
        if callable(value):
            return value
        if value is None:
            raise TypeError(
                "normalization must be a string, a positive number or array, or a callable, not "
                "None"
            )
        if hasattr(value, "edges") or scipy.sparse.issparse(value) or np.ndim(value) > 1:
            raise ValueError(
                "normalization must be a number or of shape (n,); a graph or a matrix of weights "
                "is given as adjacency=…"
            )
        array = check_array("normalization", value)
        if np.any(array <= 0):
            raise ValueError(f"normalization must be positive, not {array.min():g}")
        return float(array) if array.ndim == 0 else _frozen(array)

    def _sizes(self) -> dict[str, int]:
        sizes = {}
        for name in ("weights", "frequencies", "response", "normalization", "noise", "inertia"):
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                sizes[name] = value.size
        for name in ("adjacency", "delay", "lags"):
            matrix = getattr(self, name)
            if matrix is not None and not isinstance(matrix, float):
                sizes[name] = matrix.shape[0]
        return sizes

    # ------------------------------------------------------------ what follows

    @property
    def n(self) -> int | None:
        """Number of particles, or None if any number will do."""
        return next(iter(self._sizes().values()), None)

    @property
    def identical(self) -> bool:
        """Whether all particles move in the same velocity field, so that they never pass each
        other.
        """
        same_frequency = (
            not isinstance(self.frequencies, np.ndarray) or np.ptp(self.frequencies) == 0
        )
        same_response = self.response is None or np.ptp(self.response) == 0
        g = self.normalization
        same_divisor = isinstance(g, (str, float)) or (isinstance(g, np.ndarray) and np.ptp(g) == 0)
        everywhere = self.adjacency is None and set(self.extras) <= {"triads", "modulation"}
        return everywhere and same_frequency and same_response and same_divisor

    def positions(self, x: State, name: str = "x") -> np.ndarray:
        """`x` as n finite positions, n being that of the model; errors call it by `name`."""
        refuse_mask(name, x)
        array = check_array(name, x, shape=(None,))
        if array.size == 0:
            raise ValueError(f"{name} must hold at least one particle")
        if self.n is not None and array.size != self.n:
            raise ValueError(
                f"{name} must hold the {self.n} particles of the model, not {array.size}"
            )
        return array

    def total_weight(self, n: int) -> float:
        """Sum of the weights of n particles."""
        return float(n) if self.weights is None else float(np.sum(self.weights))

    def divisors(self, n: int) -> np.ndarray | float | None:
        """Return the constant part of g: a number or (n,) array; None where g depends on the
        positions.
        """
        g = self.normalization
        if not isinstance(g, str):
            return None if callable(g) else g
        if g == "sum":
            return 1.0
        if g == "mean":
            return self.total_weight(n)
        if g == "degree":
            return np.maximum(self.degrees(), 1.0) if self.adjacency is not None else float(n)
        return None

    def degrees(self) -> np.ndarray:
        """Return the number of particles that act on each, (n,); only for a model with an
        adjacency.
        """
        if self.adjacency is None:
            raise ValueError(
                "degrees needs an adjacency; without one every particle acts on every particle"
            )
        if scipy.sparse.issparse(self.adjacency):
            return np.asarray(np.diff(self.adjacency.indptr).astype(float))
        return np.asarray(np.count_nonzero(self.adjacency, axis=1).astype(float))

    def conserved(self, n: int) -> np.ndarray | None:
        r"""Weights q of the sum :math:`\sum_i q_ix_i` that only the frequencies change, (n,), or
        None if there is none.

        For an odd F without lag and a symmetric adjacency :math:`q_i=c_ig_i/r_i`: action equals
        reaction.
        """
        g = self.divisors(n)
        if g is None or self.phase_lag != 0 or self.extras:
            return None
        if self.adjacency is not None and not _symmetric(self.adjacency):
            return None
        q = np.ones(n) * g
        if self.weights is not None:
            q = q * self.weights
        return q if self.response is None else q / self.response

    # ------------------------------------------------------------ storage

    @property
    def storable(self) -> bool:
        """Whether :meth:`to_dict` describes the model completely."""
        changing = self.modulation is not None and self.modulation.samples is None
        return self.interaction.storable and not callable(self.normalization) and not changing

    def to_dict(self) -> dict[str, Any]:
        """Describe the model so that a saved result can build it again.

        Raises
        ------
        TypeError
            It contains a function that cannot be stored.
        """
        if not self.storable:
            raise TypeError(
                "a model with a function of time or a callable normalization, or an interaction "
                "without a sine series, cannot be stored"
            )
        data: dict[str, Any] = {"kind": "circle", "interaction": self.interaction.to_dict()}
        for name in (
            "normalization",
            "weights",
            "frequencies",
            "phase_lag",
            "coupling",
            "response",
            *self.extras,
        ):
            value = getattr(self, name)
            if isinstance(value, Modulation):
                value = [part.tolist() for part in value.samples or ()]
            data[name] = value.tolist() if isinstance(value, np.ndarray) else value
        a = self.adjacency
        if a is not None:
            if scipy.sparse.issparse(a):
                data["adjacency"] = {
                    "data": a.data.tolist(),
                    "indices": a.indices.tolist(),
                    "indptr": a.indptr.tolist(),
                }
            else:
                data["adjacency"] = a.tolist()
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Circle:
        """Build again what :meth:`to_dict` described by `data`, as files hold it."""
        data = {key: value for key, value in data.items() if key != "kind"}
        data["interaction"] = Interaction.from_dict(data["interaction"])
        a = data.get("adjacency")
        if isinstance(a, dict):
            n = len(a["indptr"]) - 1
            data["adjacency"] = scipy.sparse.csr_array(
                (a["data"], a["indices"], a["indptr"]), shape=(n, n)
            )
        return cls(**data)

    def _repr_latex_(self) -> str:
        return rf"$${circle_equation(self)}$$"

    def __repr__(self) -> str:
        parts = [repr(self.interaction)]
        for name in (
            "normalization",
            "weights",
            "frequencies",
            "adjacency",
            "phase_lag",
            "coupling",
            "response",
            *self.extras,
        ):
            value = getattr(self, name)
            default = type(self).__dataclass_fields__[name].default
            if isinstance(value, np.ndarray) or scipy.sparse.issparse(value):
                parts.append(f"{name}={type(value).__name__}{value.shape}")
            elif value is not None and value != default:
                parts.append(f"{name}={getattr(value, '__name__', repr(value))}")
        return f"Circle({', '.join(parts)})"


def check_circle(model: Any, name: str = "model") -> Circle:
    """Return `model` if it is a :class:`Circle`; TypeError otherwise."""
    if not isinstance(model, Circle):
        raise TypeError(f"{name} must be a Circle, not {type(model).__name__}")
    return model


def refuse_extras(model: Circle, what: str) -> None:
    """Refuse noise, inertia, delay, triads and κ(t) where only ẋ = v(x) of pairs is meant."""
    if model.extras:
        raise ValueError(f"a model with {', '.join(model.extras)} has not {what}")


def refuse_mask(name: str, value: Any) -> None:
    """Refuse a masked array, whose masked entries would count."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array, whose masked entries would count; give "
            f"{name}.compressed() or .filled()"
        )


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def _smallest(a: Any) -> float:
    values = a.data if scipy.sparse.issparse(a) else a
    return float(values.min()) if values.size else 0.0


def _symmetric(a: Any) -> bool:
    if scipy.sparse.issparse(a):
        return abs(a - a.T).max() == 0 if a.nnz else True
    return bool(np.array_equal(a, a.T))


storage.register_model("circle", Circle.from_dict)
