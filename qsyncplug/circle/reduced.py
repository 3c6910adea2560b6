r"""The reduced motion of infinitely many oscillators: Ott and Antonsen's manifold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.equations import PythonRightHandSide
from ..core import storage
from ..core.checks import check_array, check_integer, check_memory, check_ndim, check_number
from ..core.documented import runs
from ..core.interrupts import interruptible
from ..core.options import DEFAULTS
from ..core.result import Result
from ..core.rungekutta import runge_kutta
from ..core.saved import SavedModel
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.types import (
    Amount,
    EOps,
    Given,
    Options,
    State,
    TimeFunction,
    by_default,
    must_be_given,
)
from .equation import reduced_equation
from .interactions import sine
from .model import Circle, refuse_mask
from .modulation import breaks_of, changing_coupling, storable, stored

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["OttAntonsen", "OttAntonsenResult", "OttAntonsenSolver", "oasolve"]


@dataclass(frozen=True, eq=False)
class OttAntonsen(SavedModel):
    r"""Kuramoto's model of N→∞ oscillators whose frequencies are a sum of Lorentz distributions.

    .. math::

        \dot z_m=(iω_m-γ_m)z_m+\tfrac12(H_m-\bar H_m z_m^2),\qquad
        H=Ke^{-iα}Z+K_2Z_2\bar Z+K_3Z^2\bar Z,\qquad Z=\sum_mw_mz_m,\quad Z_2=\sum_mw_mz_m^2

    Parameters
    ----------
    coupling : float or (M, M) array
        K. A matrix couples populations: :math:`H_m=\sum_lK_{ml}e^{-iα_{ml}}z_l`, as
        :class:`Populations` does for finitely many. A function of time K(t), or a tuple (times,
        values), becomes the attribute ``modulation``, and ``coupling`` is 1.
    widths : number or (M,) array
        Half widths :math:`γ_m≥0`.
    centres : number or (M,) array
        Centres :math:`ω_m`.
    shares : (M,) array, optional
        :math:`w_m>0`, scaled to sum 1; equal unless given. They weigh the order parameter, and the
        force of a coupling that is one number.
    phase_lag : float or (M, M) array
        α; a matrix with a matrix of couplings.
    modulation : callable or (times, values), optional
        Factor of the coupling, a function of time.
    triads : (float, float), optional
        :math:`K_2, K_3` as of :class:`Circle`; not with matrices or a modulation.

    Raises
    ------
    ValueError, TypeError
        Negative widths, shares that are not positive, shapes that do not fit.

    References
    ----------
    E. Ott, T. M. Antonsen, Chaos 18, 037113 (2008); P. S. Skardal, A. Arenas, Commun. Phys. 3, 218
    (2020).

    Examples
    --------
    >>> from qsyncplug.circle import OttAntonsen
    >>> OttAntonsen(3.0, 1.0).n
    1
    """

    coupling: Given[Amount, Any] = must_be_given()
    widths: Given[ArrayLike, Any] = must_be_given()
    centres: Given[ArrayLike, Any] = by_default(0.0)
    shares: Given[ArrayLike | None, Any] = by_default(None)
    phase_lag: Given[ArrayLike, Any] = by_default(0.0)
    modulation: Given[TimeFunction | None, Any] = by_default(None)
    triads: Given[tuple[float, float] | None, Any] = by_default(None)

    def _repr_latex_(self) -> str:
        return "$$" + reduced_equation(self) + "$$"

    def __post_init__(self) -> None:
        put = object.__setattr__
        coupling, factor = changing_coupling(self.coupling, self.modulation)
        put(self, "coupling", coupling)
        put(self, "modulation", factor)
        put(self, "triads", self._checked_triads())
        pairs = check_ndim("coupling", self.coupling) == 2
        for name in ("coupling", "phase_lag"):
            value = getattr(self, name)
            refuse_mask(name, value)
            matrix = pairs and check_ndim(name, value) == 2
            put(self, name, check_array(name, value) if matrix else check_number(name, value))
        for name in ("widths", "centres", "shares"):
            refuse_mask(name, getattr(self, name))
        widths = np.atleast_1d(check_array("widths", self.widths))
        centres = np.atleast_1d(check_array("centres", self.centres))
        size = max(widths.size, centres.size)
        given = np.ones(size) if self.shares is None else check_array("shares", self.shares)
        size = max(size, given.size, len(self.coupling) if pairs else 1)
        for name in ("coupling", "phase_lag"):
            if np.shape(getattr(self, name)) not in ((), (size, size)):
                raise ValueError(f"{name} must be a number or {size}×{size}")
        for name, array in (("widths", widths), ("centres", centres), ("shares", given)):
            if array.ndim != 1 or array.size not in (1, size):
                raise ValueError(f"{name} must be one number or {size}, not of shape {array.shape}")
        if np.any(widths < 0) or np.any(given <= 0):
            raise ValueError("widths must not be negative, and shares must be positive")
        shares = np.broadcast_to(given, (size,))
        put(self, "widths", np.broadcast_to(widths, (size,)).copy())
        put(self, "centres", np.broadcast_to(centres, (size,)).copy())
        put(self, "shares", shares / np.sum(shares))

    def _checked_triads(self) -> tuple[float, float] | None:
        if self.triads is None:
            return None
        refuse_mask("triads", self.triads)
        pair = check_array("triads", self.triads, shape=(2,))
        matrices = check_ndim("coupling", self.coupling) or check_ndim("phase_lag", self.phase_lag)
        if matrices or self.modulation is not None:
            raise ValueError(
                "triads act on all alike and have couplings of their own, which do not change: "
                "they go neither with matrices nor with a modulation"
            )
        return float(pair[0]), float(pair[1])

    @property
    def n(self) -> int:
        """Number M of Lorentz distributions, each of infinitely many oscillators."""
        return int(self.widths.size)

    def force(self, t: float, z: np.ndarray) -> np.ndarray:
        """H_m at time `t` and the modes `z`, (..., M): an oscillator turns with
        ω + Im(H_m e^{−ix}).
        """
        strength = self.coupling * np.exp(-1j * self.phase_lag)
        if self.modulation is not None:
            strength = strength * self.modulation(t)
        if np.ndim(strength):
            return np.asarray(z @ strength.T)
        one = z @ self.shares
        pull = strength * one
        if self.triads is not None:
            k2, k3 = self.triads
            pull = pull + (k2 * ((z * z) @ self.shares) + k3 * one * one) * np.conj(one)
        return np.asarray(np.broadcast_to(pull[..., None], z.shape))

    def velocity(self, t: float, z: np.ndarray) -> np.ndarray:
        """ż at time `t` and modes `z`, complex (M,)."""
        pull, rate = self.force(t, z), 1j * self.centres - self.widths
        return np.asarray(rate * z + 0.5 * (pull - np.conj(pull) * z * z))

    def circle(self, n: int) -> Circle:
        """The same of `n` oscillators, for comparison: their frequencies are quantiles.

        Parameters
        ----------
        n : int
            Each distribution has its share of them, one at least.

        Returns
        -------
        Circle
            A matrix of couplings becomes one of all pairs.

        Raises
        ------
        ValueError, TypeError
            Fewer oscillators than distributions.

        Examples
        --------
        >>> from qsyncplug.circle import OttAntonsen
        >>> OttAntonsen(3.0, 1.0).circle(4).frequencies.round(3).tolist()
        [-2.414, -0.414, 0.414, 2.414]
        """
        sizes = self._sizes(n)
        of = np.repeat(np.arange(self.n), sizes)
        levels = [(np.arange(size) + 0.5) / size - 0.5 for size in sizes]
        omega = self.centres[of] + self.widths[of] * np.tan(np.pi * np.concatenate(levels))
        weights = None if self._even(sizes) else (self.shares / sizes)[of]
        given = {"frequencies": omega, "modulation": self.modulation}
        if np.ndim(self.coupling) == 0:
            strength, lag = float(self.coupling), float(self.phase_lag)
            given |= {"weights": weights, "triads": self.triads, "phase_lag": lag}
            return Circle(sine(), "mean", coupling=strength, **given)
        check_memory("the matrices of all pairs", 16.0 * n**2)
        pairs = np.ix_(of, of)
        lags = np.broadcast_to(self.phase_lag, (self.n, self.n))[pairs]
        return Circle(sine(), adjacency=(self.coupling / sizes)[pairs], phase_lag=lags, **given)

    def positions(self, state0: ArrayLike, n: int) -> np.ndarray:
        """Positions of the oscillators of :meth:`circle` whose means are `state0`.

        Parameters
        ----------
        state0 : number or (M,) array_like
            :math:`z_m`.
        n : int

        Returns
        -------
        (n,) array
            Quantiles of the Poisson kernel, in an order that is independent of the frequencies.

        Examples
        --------
        >>> import numpy as np
        >>> from qsyncplug.circle import OttAntonsen
        >>> x = OttAntonsen(3.0, 1.0).positions(0.5j, 1000)
        >>> float(np.mean(np.exp(1j * x)).imag.round(9))
        0.5
        """
        z, parts = self._modes(state0), []
        for mode, size in zip(z, self._sizes(n), strict=True):
            # multiples of the golden mean: each stretch of frequencies sees all phases
            place = np.argsort(np.argsort((np.arange(size) * 0.5 * (np.sqrt(5) - 1)) % 1))
            u = np.exp(2j * np.pi * (place + 0.5) / size)
            parts.append(np.angle((u + mode) / (1 + np.conj(mode) * u)))
        return np.concatenate(parts)

    def _sizes(self, n: int) -> np.ndarray:
        check_integer("n", n, minimum=self.n)
        edges = np.round(n * np.cumsum(self.shares)).astype(int)
        sizes = np.maximum(np.diff(edges, prepend=0), 1)
        sizes[np.argmax(sizes)] += n - sizes.sum()
        return np.asarray(sizes)

    def _even(self, sizes: np.ndarray) -> bool:
        """Whether every oscillator stands for the same share."""
        return bool(np.ptp(self.shares / sizes) < 1e-12)

    def _modes(self, state0: Any) -> np.ndarray:
        refuse_mask("state0", state0)
        z = np.atleast_1d(check_array("state0", state0, dtype=complex))
        if z.ndim != 1 or z.size not in (1, self.n):
            raise ValueError(f"state0 must hold {self.n} numbers, not shape {z.shape}")
        if np.any(np.abs(z) > 1):
            raise ValueError("state0 must have modulus at most 1: it is a mean of unit vectors")
        return np.broadcast_to(z, (self.n,)).copy()

    def to_dict(self) -> dict[str, Any]:
        """Numbers that :func:`qsyncplug.load` rebuilds it from."""
        return {
            "kind": "OttAntonsen",
            "coupling": np.asarray(self.coupling).tolist(),
            "widths": self.widths.tolist(),
            "centres": self.centres.tolist(),
            "shares": self.shares.tolist(),
            "phase_lag": np.asarray(self.phase_lag).tolist(),
            "modulation": stored(self.modulation),
            "triads": self.triads,
        }

    @property
    def storable(self) -> bool:
        """Whether a file can hold the model."""
        return storable(self.modulation)


def _from_dict(data: dict[str, Any]) -> OttAntonsen:
    model = OttAntonsen(**{k: v for k, v in data.items() if k != "kind"})
    # to the last digit, which scaling them once more might change
    object.__setattr__(model, "shares", np.array(data["shares"], dtype=float))
    return model


storage.register_model("OttAntonsen", _from_dict)


class OttAntonsenResult(Result):
    r"""Result of :func:`oasolve`.

    Attributes
    ----------
    times : (T,) array
    modes : (T, M) complex array
        :math:`z_m`, mean of :math:`e^{ix}` over the oscillators of each Lorentz distribution.

    Examples
    --------
    >>> from qsyncplug.circle import OttAntonsen, oasolve
    >>> oasolve(OttAntonsen(3.0, 1.0), 0.1, [0.0, 2.0]).modes.shape
    (2, 1)
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {"modes": ("time", "population")}
    modes: np.ndarray

    @property
    def n(self) -> int:
        """Number M of populations, each of infinitely many oscillators."""
        return int(self.modes.shape[1])

    @property
    def order_parameter(self) -> np.ndarray:
        r"""\|Σ w_m z_m\| with the populations' shares w_m, (T,), between 0 and 1."""
        return np.asarray(np.abs(self.modes @ self.model.shares))

    @property
    def mean_phase(self) -> np.ndarray:
        """Phase of Σ w_m z_m, (T,), in (−π, π]; NaN where that is zero."""
        mean = self.modes @ self.model.shares
        return np.where(mean == 0, np.nan, np.angle(mean))

    @property
    def frequency(self) -> np.ndarray:
        """Angular velocity of the mean phase, (T,), from the equations; NaN where it has none."""
        mean = self.modes @ self.model.shares
        moves = np.array([self.velocities(k) @ self.model.shares for k in range(len(self.times))])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(mean == 0, np.nan, np.imag(moves / mean)))

    def velocities(self, index: int) -> np.ndarray:
        """ż_m at a time index, (M,)."""
        return np.asarray(self.model.velocity(float(self.times[index]), self.modes[index]))

    def locked(self, index: int = -1) -> np.ndarray:
        r"""Share of each population that turns with the mean field of a time index, (M,).

        If the mean fields stay as they are: those with \|ω−Ω\| ≤ \|H_m\|, Ω their frequency; of
        populations in antiphase too, whose common mean is zero.
        """
        model, z = self.model, self.modes[index]
        power = float(np.abs(z) ** 2 @ model.shares)
        if power == 0:
            return np.zeros(self.n)
        turning = np.imag(self.velocities(index) * np.conj(z)) @ model.shares
        frequency = float(turning / power)
        reach = np.abs(model.force(float(self.times[index]), z))
        away, width = frequency - model.centres, np.maximum(model.widths, 1e-300)
        share = (np.arctan((away + reach) / width) - np.arctan((away - reach) / width)) / np.pi
        return np.asarray(np.where(model.widths > 0, share, np.abs(away) <= reach))

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return {"modes": ((self.model.n,), complex)}

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        super()._record(start, times, rows)
        self.modes[start : start + len(times)] = np.ascontiguousarray(rows).view(complex)

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        return np.array(row).view(complex)


class ReducedProblem(Problem):
    """Steps on what is not smooth in the coupling."""

    def breakpoints(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        return breaks_of(self.result.model, times, share)


class OttAntonsenSolver(Solver):
    """Solver of the reduced motion of a `model`, with `options` as of :func:`oasolve`.

    Examples
    --------
    >>> from qsyncplug.circle import OttAntonsen, OttAntonsenSolver
    >>> OttAntonsenSolver(OttAntonsen(3.0, 1.0)).name
    'oasolve'
    """

    name = "oasolve"
    solver_options: ClassVar[dict[str, Any]] = {**DEFAULTS, "store_states": False}

    def __init__(self, model: OttAntonsen, *, options: Options | None = None):
        if not isinstance(model, OttAntonsen):
            raise TypeError(f"model must be an OttAntonsen, not {type(model).__name__}")
        super().__init__(model, options=options)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> Problem:
        z = self.model._modes(state0)
        if self.model.modulation is not None:
            self.model.modulation.cover(float(times[0]), float(times[-1]))
        rhs = PythonRightHandSide(self.model.velocity, self.model.n, complex_pairs=True)
        stepper = runge_kutta(rhs, z, times, self._options)
        result = OttAntonsenResult(e_ops, self._options, **self.account())
        return ReducedProblem(times, stepper, result)


@interruptible
@runs
def oasolve(
    model: OttAntonsen,
    state0: ArrayLike,
    tlist: ArrayLike,
    *,
    e_ops: EOps = None,
    options: Options | None = None,
) -> OttAntonsenResult:
    r"""Solve Ott and Antonsen's equations.

    Parameters
    ----------
    model : OttAntonsen
    state0 : number or (M,) array_like
        Complex :math:`z_m` at ``tlist[0]``, of modulus at most 1.
    tlist : (T,) array_like
        Strictly increasing output times.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, z)``.
    options : dict, optional
        As of every solver.

    Returns
    -------
    OttAntonsenResult

    Notes
    -----
    One Lorentz distribution: :math:`r(t)=R/\sqrt{1+(R^2/r_0^2-1)e^{-(K-2γ)t}}`, :math:`R^2=1-2γ/K`.

    Examples
    --------
    >>> from qsyncplug.circle import OttAntonsen, oasolve
    >>> run = oasolve(OttAntonsen(3.0, 1.0), 0.1, [0.0, 2.0])
    >>> round(float(run.order_parameter[-1]), 9)
    0.249009647
    """
    result = OttAntonsenSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, OttAntonsenResult)
    return result
