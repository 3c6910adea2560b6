r"""Populations of identical oscillators: the exact reduction of Watanabe and Strogatz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.motion import Moebius
from ..core import storage
from ..core.checks import check_array, check_integer, check_memory
from ..core.documented import runs
from ..core.errors import StorageError
from ..core.interrupts import interruptible
from ..core.options import DEFAULTS
from ..core.result import Result
from ..core.rungekutta import runge_kutta
from ..core.saved import SavedModel
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.types import EOps, Given, Options, State, TimeFunction, by_default, must_be_given
from .equation import populations_equation
from .model import Circle, refuse_mask
from .modulation import modulation_of, storable, stored
from .reduced import ReducedProblem
from .statements import equal_frequencies

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "MoebiusResult",
    "MoebiusSolver",
    "Populations",
    "cross_ratios",
    "wssolve",
]


@dataclass(frozen=True, eq=False)
class Populations(SavedModel):
    r"""Populations of identical oscillators, with couplings and lags between them.

    .. math::

        \dot x_i=ω_m+\sum_l\frac{K_{ml}}{N_l}\sum_{j∈l}\sin(x_j-x_i-α_{ml}),\qquad i∈m

    Parameters
    ----------
    sizes : (M,) array of int
        :math:`N_m`.
    coupling : (M, M) array
        :math:`K_{ml}`, how strongly population l acts on m.
    phase_lag : number or (M, M) array
        :math:`α_{ml}`.
    frequencies : number or (M,) array
        :math:`ω_m`.
    modulation : callable or (times, values), optional
        Factor of all couplings, a function of time.

    Raises
    ------
    ValueError, TypeError
        Sizes below 1, shapes that do not fit.

    Notes
    -----
    Two populations with :math:`K_{mm}=μ`, :math:`K_{ml}=ν`, μ+ν=1, A=μ−ν and α=π/2−β are the model
    of Abrams, Mirollo, Strogatz and Wiley; see :func:`chimera_state` for N→∞.

    Examples
    --------
    >>> from qsyncplug.circle import Populations
    >>> Populations([3, 4], [[0.6, 0.4], [0.4, 0.6]], phase_lag=1.5).n
    7
    """

    sizes: Given[ArrayLike, Any] = must_be_given()
    coupling: Given[ArrayLike, Any] = must_be_given()
    phase_lag: Given[ArrayLike, Any] = by_default(0.0)
    frequencies: Given[ArrayLike, Any] = by_default(0.0)
    modulation: Given[TimeFunction | None, Any] = by_default(None)

    def _repr_latex_(self) -> str:
        return "$$" + populations_equation(self) + "$$"

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("sizes", "coupling", "phase_lag", "frequencies"):
            refuse_mask(name, getattr(self, name))
        sizes = tuple(check_integer("sizes", v, minimum=1) for v in np.atleast_1d(self.sizes))
        count = len(sizes)
        coupling = check_array("coupling", self.coupling, shape=(count, count))
        lag = check_array("phase_lag", self.phase_lag)
        omega = check_array("frequencies", self.frequencies)
        if lag.shape not in ((), (count, count)):
            raise ValueError(f"phase_lag must be a number or {count}×{count}, not {lag.shape}")
        if omega.shape not in ((), (count,)):
            raise ValueError(f"frequencies must be a number or {count}, not {omega.shape}")
        if self.modulation is not None:
            put(self, "modulation", modulation_of(self.modulation))
        put(self, "sizes", sizes)
        put(self, "coupling", coupling)
        put(self, "phase_lag", np.broadcast_to(lag, (count, count)).copy())
        put(self, "frequencies", np.broadcast_to(omega, (count,)).copy())

    @property
    def n(self) -> int:
        """Number of oscillators in all populations together."""
        return sum(self.sizes)

    @property
    def starts(self) -> np.ndarray:
        """Where each population begins, and n, (M+1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @property
    def storable(self) -> bool:
        """Whether a file can hold the model."""
        return storable(self.modulation)

    def to_dict(self) -> dict[str, Any]:
        """Describe the model so that a saved result can build it again."""
        names = ("coupling", "phase_lag", "frequencies")
        arrays = {name: getattr(self, name).tolist() for name in names}
        arrays["modulation"] = stored(self.modulation)
        return {"kind": "populations", "sizes": list(self.sizes), **arrays}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Populations:
        """Build again what :meth:`to_dict` described by `data`, as files hold it."""
        return cls(**{key: value for key, value in data.items() if key != "kind"})

    def circle(self) -> Circle:
        """The same as a :class:`Circle` of pairs, for comparison: its matrices are n×n."""
        from .interactions import sine

        check_memory("the matrices of all pairs", 16.0 * self.n**2)
        of = np.repeat(np.arange(len(self.sizes)), self.sizes)
        share = np.repeat(1 / np.array(self.sizes, float), self.sizes)
        return Circle(
            sine(),
            frequencies=self.frequencies[of],
            adjacency=self.coupling[np.ix_(of, of)] * share,
            phase_lag=self.phase_lag[np.ix_(of, of)],
            modulation=self.modulation,
        )


def cross_ratios(x: ArrayLike) -> np.ndarray:
    r"""Constants of the motion of identical oscillators that all feel the same force.

    Parameters
    ----------
    x : (..., n) array_like
        Positions, n ≥ 4, the first three apart.

    Returns
    -------
    ndarray of shape (..., n-3)
        :math:`\frac{S_{1j}S_{23}}{S_{13}S_{2j}}`, :math:`S_{jk}=\sin\frac{x_j-x_k}2`, for j = 4 …:
        real, and the same for all time (S. Watanabe, S. H. Strogatz, Physica D 74, 197 (1994);
        S. A. Marvel, R. E. Mirollo, S. H. Strogatz, Chaos 19, 043104 (2009)).

    Raises
    ------
    ValueError
        Fewer than four positions.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> from qsyncplug.circle import cross_ratios
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0, 2.0, 4.0], [0.0, 1.0])
    >>> ratios = cross_ratios(run.positions)[:, 0]
    >>> bool(abs(ratios[1] - ratios[0]) < 1e-9)
    True
    """
    array = check_array("x", x)
    if array.ndim == 0 or array.shape[-1] < 4:
        raise ValueError("x must hold at least four positions")

    def s(j: Any, k: Any) -> np.ndarray:
        return np.asarray(np.sin((array[..., j] - array[..., k]) / 2))

    rest = np.arange(3, array.shape[-1])
    first, second, third = (np.array([k]) for k in range(3))
    return np.asarray(s(first, rest) * s(second, third) / (s(first, third) * s(second, rest)))


class MoebiusResult(Result):
    r"""Result of :func:`wssolve`.

    Attributes
    ----------
    times : (T,) array
    maps : (T, M, 3) array
        φ and the real and imaginary part of s of each population's map,
        :math:`e^{ix_j(t)}=e^{iφ}(u_j+s)/(1+\bar su_j)`, :math:`u_j=e^{ix_j(0)}`.
    order : (T, M) complex array
        :math:`Z_m`, mean of :math:`e^{ix}` over population m, with its weights.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> from qsyncplug.circle import wssolve
    >>> run = wssolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], [0.0, 1.0])
    >>> run.maps.shape, run.positions.shape
    ((2, 1, 3), (2, 2))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {"maps": ("time", "population", "coordinate")}
    maps: np.ndarray
    start: np.ndarray
    starts: np.ndarray
    shares: np.ndarray

    def __init__(
        self,
        e_ops: EOps,
        options: Options,
        *,
        start: np.ndarray,
        starts: np.ndarray,
        shares: np.ndarray,
        model: Populations | Circle,
        solver: str,
        stats: Mapping[str, Any],
    ):
        super().__init__(e_ops, options, model=model, solver=solver, stats=stats)
        self.start, self.starts, self.shares = start, np.asarray(starts), shares

    @property
    def n(self) -> int:
        """Number of oscillators in all populations together."""
        return int(self.start.size)

    @property
    def positions(self) -> np.ndarray:
        """Unwrapped positions, (T, n)."""
        check_memory("the positions", 8.0 * len(self.times) * self.n, advice="take fewer times")
        return np.array([self._positions(row) for row in self.maps]).reshape(-1, self.n)

    def _positions(self, maps: np.ndarray) -> np.ndarray:
        of = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        s = (maps[:, 1] + 1j * maps[:, 2])[of]
        # |s| < 1: this angle never leaves (−π/2, π/2), so that nothing has to be unwrapped
        turn = 2 * np.angle(1 + s * np.exp(-1j * self.start))
        return np.asarray(self.start + maps[:, 0][of] + turn)

    @property
    def order(self) -> np.ndarray:
        """Z_m of every population, (T, M)."""
        begins = self.starts[:-1]
        sums = [
            np.add.reduceat(self.shares * np.exp(1j * self._positions(row)), begins)
            for row in self.maps
        ]
        total = np.add.reduceat(self.shares, begins)
        return np.asarray(np.array(sums).reshape(-1, total.size) / total)

    @property
    def order_parameter(self) -> np.ndarray:
        """|mean of e^{ix}| over all oscillators, with their weights, (T,)."""
        sizes = np.add.reduceat(self.shares, self.starts[:-1])
        return np.asarray(np.abs(self.order @ sizes) / np.sum(sizes))

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return {"maps": ((len(self.starts) - 1, 3), float)}

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        super()._record(start, times, rows)
        self.maps[start : start + len(times)] = rows.reshape(len(times), -1, 3)

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        header, arrays = super()._to_store()
        for name in ("start", "starts", "shares"):
            header[name] = getattr(self, name).tolist()
        return header, arrays

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> MoebiusResult:
        result = super()._from_store(header, arrays)
        assert isinstance(result, MoebiusResult)
        result.start, result.shares = np.array(header["start"]), np.array(header["shares"])
        result.starts = np.array(header["starts"], dtype=int)
        whole = result.starts.ndim == 1 and result.starts[-1] == result.start.size
        if not whole or result.maps.shape[1:] != (result.starts.size - 1, 3):
            raise StorageError("the maps, populations and oscillators do not agree")
        return result

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        return self._positions(np.array(row).reshape(-1, 3))


def _of_circle(model: Circle, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, matrix and frequency of one population; refuses what has no common map."""
    reasons = {
        "an adjacency": model.adjacency is not None,
        "noise, inertia, a delay, triads or lags of pairs": set(model.extras) - {"modulation"},
        f"the interaction {model.interaction}": model.interaction.kind != "sine",
        "different frequencies": not equal_frequencies(model),
        "different responses": model.response is not None and np.ptp(model.response) > 0,
    }
    wrong = [name for name, is_so in reasons.items() if is_so]
    divisor = model.divisors(n)
    if divisor is None or np.ptp(divisor) > 0:
        wrong.append("a normalization that differs between oscillators or depends on them")
    if wrong:
        raise ValueError(
            "wssolve is for identical oscillators that all feel the same first harmonic; "
            f"the model has {' and '.join(wrong)}"
        )
    assert divisor is not None
    gain = model.coupling / float(np.ravel(divisor)[0])
    gain *= 1.0 if model.response is None else float(model.response[0])
    omega = 0.0 if model.frequencies is None else float(np.ravel(model.frequencies)[0])
    weights = np.ones(n) if model.weights is None else np.asarray(model.weights)
    return weights, np.array([[gain * np.exp(-1j * model.phase_lag)]]), np.array([omega])


class MoebiusSolver(Solver):
    """Solver of Watanabe and Strogatz' reduced motion of a `model`, with `options` as of
    :func:`wssolve`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> from qsyncplug.circle import MoebiusSolver
    >>> MoebiusSolver(qsp.Circle(qsp.sine(), "mean")).name
    'wssolve'
    """

    name = "wssolve"
    solver_options: ClassVar[dict[str, Any]] = {**DEFAULTS, "rtol": 1e-12, "store_states": False}

    def __init__(self, model: Circle | Populations, *, options: Options | None = None):
        if not isinstance(model, (Circle, Populations)):
            raise TypeError(f"model must be a Circle or Populations, not {type(model).__name__}")
        super().__init__(model, options=options)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> Problem:
        model, factor = self.model, self.model.modulation
        if factor is not None:
            factor.cover(float(times[0]), float(times[-1]))
        if isinstance(model, Circle):
            x = model.positions(state0, "state0")
            weights, matrix, omega = _of_circle(model, x.size)
            starts = np.array([0, x.size])
        else:
            refuse_mask("state0", state0)
            x = check_array("state0", state0, shape=(model.n,))
            starts, omega = model.starts, model.frequencies
            weights = np.repeat(1 / np.array(model.sizes, float), model.sizes)
            matrix = model.coupling * np.exp(-1j * model.phase_lag)
        rhs = Moebius(np.exp(1j * x), weights, starts, matrix, omega, factor)
        stepper = runge_kutta(rhs, np.zeros(3 * omega.size), times, self._options)
        result = MoebiusResult(
            e_ops,
            self._options,
            start=x,
            starts=starts,
            shares=weights if isinstance(model, Circle) else np.ones(x.size),
            **self.account({"method": f"{self._options['method']}, Möbius maps"}),
        )
        return ReducedProblem(times, stepper, result)


@interruptible
@runs
def wssolve(
    model: Circle | Populations,
    state0: ArrayLike,
    tlist: ArrayLike,
    *,
    e_ops: EOps = None,
    options: Options | None = None,
) -> MoebiusResult:
    r"""Solve the motion of identical oscillators by the three equations it is made of.

    Parameters
    ----------
    model : Circle or Populations
        Of a :class:`Circle`: the sine, equal frequencies and responses, no adjacency; weights, a
        lag and a coupling that changes with time are taken.
    state0 : (n,) array_like
        Positions at ``tlist[0]``.
    tlist : (T,) array_like
        Strictly increasing output times.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, x)`` of the n positions.
    options : dict, optional
        As of every solver.

    Returns
    -------
    MoebiusResult
        ``.positions`` (T, n) as :func:`circlesolve` gives them, exactly: nothing is averaged.

    Notes
    -----
    :math:`\dotφ=ω+\mathrm{Im}(\bar sHe^{-iφ})`, :math:`\dot s=\frac{1-|s|^2}2He^{-iφ}`, with the
    force :math:`H=Ke^{-iα}Z` of the moment. Where a population synchronises, \|s\|→1, and the
    one place that is repelled loses digits as \|1−s\| does.

    References
    ----------
    S. Watanabe, S. H. Strogatz, Physica D 74, 197 (1994); A. Pikovsky, M. Rosenblum, Phys. Rev.
    Lett. 101, 264103 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> from qsyncplug.circle import wssolve
    >>> model, x = qsp.Circle(qsp.sine(), "mean", phase_lag=1.2), [0.0, 1.0, 2.0, 4.0]
    >>> reduced, full = (f(model, x, [0.0, 5.0]) for f in (wssolve, qsp.circlesolve))
    >>> bool(np.max(np.abs(reduced.positions - full.positions)) < 1e-9)
    True
    """
    result = MoebiusSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, MoebiusResult)
    return result


storage.register_model("populations", Populations.from_dict)
