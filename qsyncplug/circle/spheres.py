r"""Particles on spheres: self-attention, Lohe's model, and the complex sphere between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.equations import PythonRightHandSide
from ..core import storage
from ..core.checks import check_array, check_choice, check_memory, check_number, check_numbers
from ..core.documented import runs
from ..core.interrupts import interruptible
from ..core.options import DEFAULTS
from ..core.result import Result
from ..core.rungekutta import runge_kutta
from ..core.saved import SavedModel
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.types import Amount, EOps, Given, Options, State, TimeFunction, by_default
from .equation import sphere_equation
from .model import refuse_mask
from .modulation import changing_coupling, storable, stored
from .reduced import ReducedProblem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Sphere", "SphereResult", "SphereSolver", "spheresolve"]

#: numbers at a time (4 MB) in sums over pairs and over moments
_BLOCK = 2**19


@dataclass(frozen=True, eq=False)
class Sphere(SavedModel):
    r"""Particles on the unit sphere of :math:`R^d` or :math:`C^d`.

    .. math::

        \dot x_i=Ω_ix_i+κ\,P_{x_i}\sum_jw_{ij}x_j

    Parameters
    ----------
    beta : float
        Of the weights :math:`e^{β\langle x_i,x_j\rangle}`; 0 for Lohe's model.
    normalization : {"mean", "attention"}
        Weights over n ("USA"), or over their sum ("SA").
    coupling : float
        κ.
    rotations : (d, d) or (n, d, d) array, optional
        Ω: antisymmetric; for complex spheres anti-Hermitian.
    polynomial : (p+1,) array, optional
        :math:`c_k` of weights :math:`\frac1n\sum_kc_k\langle x_i,x_j\rangle^k` instead of the
        exponential.
    modulation : callable or (times, values), optional
        Factor of the coupling, a function of time; such a `coupling` becomes it.

    Notes
    -----
    On the real sphere :math:`P_xv=v-\langle x,v\rangle x`. On the complex one
    :math:`P_xv=v-\langle v,x\rangle x`, with which κ=k/2 is the Schrödinger–Lohe coupling and d=1
    Kuramoto's model of coupling 2κ, :math:`x=e^{-iθ}`; weights are of :math:`\mathrm{Re}\langle
    x_i,x_j\rangle`. Cost of a right-hand side: O(n d) for β=0 (degree 0) only; for a polynomial of
    degree p :math:`O(n\,d\,\binom{d+p-1}{p})`, linear in n, by the symmetric moments of degree p
    (2d in place of d on complex spheres); O(n² d) for the exponential, and where the moments are
    more than the particles. O(n d) is out of reach from p=1 on, which asks for :math:`XX^TX`, as
    hard as any product of matrices. Memory is O(n d). d=2 is the circle. For d≥3 and β≥0
    almost every initial state ends in one point (J. Markdahl, J. Thunberg, J. Gonçalves, IEEE
    Trans. Autom. Control 63, 1664 (2018), for β=0; C. Criscitiello et al., arXiv:2405.18273,
    in general).

    Examples
    --------
    >>> from qsyncplug.circle import Sphere
    >>> Sphere(beta=1.0).normalization
    'mean'
    """

    beta: float = 0.0
    normalization: str = "mean"
    coupling: Given[Amount, Any] = by_default(1.0)
    rotations: Given[ArrayLike | None, Any] = by_default(None)
    polynomial: Given[ArrayLike | None, Any] = by_default(None)
    modulation: Given[TimeFunction | None, Any] = by_default(None)

    def _repr_latex_(self) -> str:
        return "$$" + sphere_equation(self) + "$$"

    def __post_init__(self) -> None:
        put = object.__setattr__
        coupling, factor = changing_coupling(self.coupling, self.modulation)
        put(self, "coupling", coupling)
        put(self, "modulation", factor)
        put(self, "beta", check_number("beta", self.beta, minimum=-600.0, maximum=600.0))
        put(self, "coupling", check_number("coupling", self.coupling))
        check_choice("normalization", self.normalization, ("mean", "attention"))
        if self.polynomial is not None:
            refuse_mask("polynomial", self.polynomial)
            series = check_array("polynomial", self.polynomial, shape=(None,))
            if series.size == 0 or self.beta != 0 or self.normalization != "mean":
                raise ValueError('polynomial needs coefficients, beta=0 and normalization="mean"')
            put(self, "polynomial", series)
        if self.rotations is None:
            return
        refuse_mask("rotations", self.rotations)
        array = check_array("rotations", self.rotations, dtype=complex)
        if array.ndim not in (2, 3) or array.shape[-1] != array.shape[-2]:
            raise ValueError(f"rotations must be (d, d) or (n, d, d), not {array.shape}")
        size = float(np.max(np.abs(array), initial=0.0))
        off = np.max(np.abs(array + np.conj(np.swapaxes(array, -1, -2))), initial=0.0)
        if off > 1e-12 * size:
            raise ValueError("rotations must be antisymmetric (anti-Hermitian)")
        put(self, "rotations", array if np.any(array.imag) else array.real.copy())

    @property
    def alike(self) -> bool:
        """Whether all particles turn alike, so that a rotating frame hides it."""
        return self.rotations is None or self.rotations.ndim == 2

    def velocity(self, x: np.ndarray, t: float = 0.0) -> np.ndarray:
        """ẋ at the points `x` (n, d) and time `t`, (n, d): tangent to the sphere."""
        x = check_numbers("x", x)
        if x.ndim != 2:
            raise ValueError(f"x must have shape (n, d), not {x.shape}")
        if self.polynomial is not None:
            pull = _polynomial_pull(self.polynomial, x)
        elif self.beta == 0:
            pull = np.broadcast_to(np.mean(x, axis=0), x.shape)
        else:
            pull = _exponential_pull(self.beta, self.normalization == "attention", x)
        # over |x|², which is 1: repulsion would blow up what rounding leaves of |x|²−1
        along = np.sum(np.conj(pull) * x, axis=1, keepdims=True) / np.sum(
            np.abs(x) ** 2, axis=1, keepdims=True
        )
        strength = self.coupling if self.modulation is None else self.modulation(t) * self.coupling
        out = strength * (pull - along * x)
        if self.rotations is not None:
            out = out + np.einsum("...ab,...b->...a", self.rotations, x)
        return np.asarray(out)

    def to_dict(self) -> dict[str, Any]:
        """Numbers that :func:`qsyncplug.load` rebuilds it from."""
        turning = self.rotations
        parts = None if turning is None else [turning.real.tolist(), turning.imag.tolist()]
        return {
            "kind": "Sphere",
            "beta": self.beta,
            "normalization": self.normalization,
            "coupling": self.coupling,
            "rotations": parts,
            "polynomial": None if self.polynomial is None else self.polynomial.tolist(),
            "modulation": stored(self.modulation),
        }

    @property
    def storable(self) -> bool:
        """Whether a file can hold the model."""
        return storable(self.modulation)


def _from_dict(data: dict[str, Any]) -> Sphere:
    parts = data["rotations"]
    turning = None if parts is None else np.array(parts[0]) + 1j * np.array(parts[1])
    rest = (data.get("polynomial"), data.get("modulation"))
    return Sphere(data["beta"], data["normalization"], data["coupling"], turning, *rest)


storage.register_model("Sphere", _from_dict)


def _blocks(n: int, width: int) -> Iterator[slice]:
    """Rows of an (n, width) array, so many at a time that they stay in the cache."""
    rows = max(1, _BLOCK // width)
    return (slice(first, first + rows) for first in range(0, n, rows))


def _exponential_pull(beta: float, softmax: bool, x: np.ndarray) -> np.ndarray:
    """Σ_j e^{β Re⟨x_i, x_j⟩}x_j over n, or over the sum of its weights."""
    n = len(x)
    pull, columns = np.empty(x.shape, np.result_type(x, 1.0)), np.conj(x).T
    for rows in _blocks(n, n):
        exponent = beta * (x[rows] @ columns).real
        if softmax:
            # the largest exponent of each row cancels
            exponent -= exponent.max(axis=1, keepdims=True)
        weight = np.exp(exponent)
        total = weight.sum(axis=1, keepdims=True) if softmax else float(n)
        pull[rows] = (weight @ x) / total
    return pull


def _polynomial_pull(series: np.ndarray, x: np.ndarray) -> np.ndarray:
    """1/n Σ_j Σ_k c_k Re⟨x_i, x_j⟩^k x_j, by moments where they are fewer than the particles."""
    n = len(x)
    real = np.concatenate([x.real, x.imag], axis=1) if np.iscomplexobj(x) else x
    width, degree = real.shape[1], series.size - 1
    top, pull = math.comb(width + degree - 1, degree), np.zeros(x.shape, np.result_type(x, 1.0))
    if top > n:
        for rows in _blocks(n, n):
            weight = np.polynomial.polynomial.polyval(real[rows] @ real.T, series)
            pull[rows] = weight @ x / n
        return pull
    moments: list[Any] = [0.0] * series.size
    for rows in _blocks(n, top):
        for k, (monomials, _) in enumerate(_monomials(real[rows], degree)):
            moments[k] = moments[k] + monomials.T @ x[rows]
    for rows in _blocks(n, top):
        for k, (monomials, counts) in enumerate(_monomials(real[rows], degree)):
            if series[k] != 0:
                pull[rows] += monomials @ ((series[k] / n * counts)[:, None] * moments[k])
    return pull


def _monomials(real: np.ndarray, degree: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Distinct products of k coordinates, (n, m), and how often (Σ_a x_a y_a)^k has each, (m,)."""
    n, width = real.shape
    yield np.ones((n, 1)), np.ones(1)
    # those whose first coordinate is a, with the number of factors x_a and how often they occur
    first = [(real[:, a : a + 1], np.ones(1), np.ones(1)) for a in range(width)]
    for k in range(1, degree + 1):
        if k > 1:
            first = [_times(real[:, a : a + 1], first[a], first[a + 1 :], k) for a in range(width)]
        yield np.concatenate([f[0] for f in first], axis=1), np.concatenate([f[1] for f in first])


_Monomials = tuple[np.ndarray, np.ndarray, np.ndarray]


def _times(x: np.ndarray, same: _Monomials, later: list[_Monomials], k: int) -> _Monomials:
    """Products of degree k with x first, from those of degree k-1 that begin with x or after it."""
    products = np.concatenate([x * part[0] for part in (same, *later)], axis=1)
    repeats = np.concatenate([same[2] + 1] + [np.ones(part[1].size) for part in later])
    # a multinomial coefficient grows by k over the number of factors x
    counts = np.concatenate([part[1] for part in (same, *later)]) * k / repeats
    return products, counts, repeats


class SphereResult(Result):
    r"""Result of :func:`spheresolve`.

    Attributes
    ----------
    times : (T,) array
    points : (T, n, d) array
        Of norm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import Sphere, spheresolve
    >>> spheresolve(Sphere(), np.eye(3), [0.0, 1.0]).points.shape
    (2, 3, 3)
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {"points": ("time", "particle", "axis")}
    points: np.ndarray

    def __init__(
        self,
        e_ops: EOps,
        options: Options,
        *,
        start: np.ndarray,
        model: Sphere,
        solver: str,
        stats: Mapping[str, Any],
    ):
        self._start = start
        super().__init__(e_ops, options, model=model, solver=solver, stats=stats)

    @property
    def n(self) -> int:
        """Number of particles on the sphere."""
        return int(self.points.shape[1])

    @property
    def order_parameter(self) -> np.ndarray:
        r"""\|mean of the points\|, (T,)."""
        return np.asarray(np.linalg.norm(np.mean(self.points, axis=1), axis=1))

    @property
    def gram(self) -> np.ndarray:
        """⟨x_j, x_k⟩ of all pairs, (T, n, n); formed when asked for, a MemoryLimitError where it
        does not fit.
        """
        check_memory("the inner products", 16.0 * len(self.times) * self.n**2)
        return np.asarray(np.einsum("tja,tka->tjk", np.conj(self.points), self.points))

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return {"points": (self._start.shape, complex if np.iscomplexobj(self._start) else float)}

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        super()._record(start, times, rows)
        for k, row in enumerate(rows):
            self.points[start + k] = self._state(float(times[k]), row)

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        flat = np.array(row)
        flat = flat.view(complex) if np.iscomplexobj(self._start) else flat
        return flat.reshape(self._start.shape)


class SphereSolver(Solver):
    """Solver of a `model` of particles on spheres, with `options` as of :func:`spheresolve`.

    Examples
    --------
    >>> from qsyncplug.circle import Sphere, SphereSolver
    >>> SphereSolver(Sphere()).name
    'spheresolve'
    """

    name = "spheresolve"
    solver_options: ClassVar[dict[str, Any]] = {**DEFAULTS, "store_states": False}

    def __init__(self, model: Sphere, *, options: Options | None = None):
        if not isinstance(model, Sphere):
            raise TypeError(f"model must be a Sphere, not {type(model).__name__}")
        super().__init__(model, options=options)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> Problem:
        refuse_mask("state0", state0)
        turning = self.model.rotations
        is_complex = np.iscomplexobj(np.asarray(state0)) or np.iscomplexobj(turning)
        x = check_array(
            "state0", state0, shape=(None, None), dtype=complex if is_complex else float
        )
        if x.size == 0 or np.max(np.abs(np.linalg.norm(x, axis=1) - 1)) > 1e-8:
            raise ValueError("state0 must hold points of norm 1, one in each row")
        if turning is not None and (
            turning.shape[-1] != x.shape[1] or (turning.ndim == 3 and len(turning) != len(x))
        ):
            raise ValueError(f"state0 must fit the rotations {turning.shape}, not be {x.shape}")
        x = x / np.linalg.norm(x, axis=1, keepdims=True)

        def motion(t: float, y: np.ndarray) -> np.ndarray:
            return np.asarray(self.model.velocity(y.reshape(x.shape), t).ravel())

        if self.model.modulation is not None:
            self.model.modulation.cover(float(times[0]), float(times[-1]))

        rhs = PythonRightHandSide(motion, x.size, complex_pairs=is_complex)
        stepper = runge_kutta(rhs, x.ravel(), times, self._options)
        result = SphereResult(e_ops, self._options, start=x, **self.account())
        return _SphereProblem(times, stepper, result)


class _SphereProblem(ReducedProblem):
    """A run that reports how far the points have left the sphere, which the equations keep."""

    def finish(self) -> None:
        result = self.result
        assert isinstance(result, SphereResult)
        norms = np.linalg.norm(result.points, axis=2)
        result.stats["drift"] = {"norm of a point": float(np.max(np.abs(norms - 1), initial=0.0))}


@interruptible
@runs
def spheresolve(
    model: Sphere,
    state0: ArrayLike,
    tlist: ArrayLike,
    *,
    e_ops: EOps = None,
    options: Options | None = None,
) -> SphereResult:
    r"""Solve the motion of particles on a sphere.

    Parameters
    ----------
    model : Sphere
    state0 : (n, d) array_like
        Points of norm 1; complex for the complex sphere.
    tlist : (T,) array_like
        Strictly increasing output times.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, x)`` of the (n, d) points.
    options : dict, optional
        As of every solver.

    Returns
    -------
    SphereResult

    Notes
    -----
    Equal inner products γ of n particles stay equal:
    :math:`\dotγ=2e^{βγ}(1-γ)((n-1)γ+1)/(e^β+(n-1)e^{βγ})` for "attention".

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import Sphere, spheresolve
    >>> run = spheresolve(Sphere(4.0, "attention"), np.eye(8), [0.0, 2.0])
    >>> round(float(run.gram[-1, 0, 1]), 9)
    0.093652134
    """
    result = SphereSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, SphereResult)
    return result
