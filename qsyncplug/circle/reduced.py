r"""The reduced motion of infinitely many oscillators: Ott and Antonsen's manifold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._ext.equations import PythonRightHandSide
from ..core import storage
from ..core.checks import check_array, check_ndim, check_number
from ..core.options import DEFAULTS, Options
from ..core.result import Result
from ..core.rungekutta import runge_kutta
from ..core.saved import SavedModel
from ..core.solver import Solver
from ..core.stepper import Problem
from .equation import reduced_equation
from .model import refuse_mask
from .modulation import breaks_of, changing_coupling, storable, stored

__all__ = ["OttAntonsen", "OttAntonsenResult", "OttAntonsenSolver", "oasolve"]


@dataclass(frozen=True, eq=False)
class OttAntonsen(SavedModel):
    r"""Kuramoto's model of N→∞ oscillators whose frequencies are a sum of Lorentz distributions.

    .. math::

        \dot z_m=(iω_m-γ_m)z_m+\tfrac12(H_m-\bar H_m z_m^2),\qquad H=Ke^{-iα}\sum_mw_mz_m

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

    Raises
    ------
    ValueError, TypeError
        Negative widths, shares that are not positive, shapes that do not fit.

    References
    ----------
    E. Ott, T. M. Antonsen, Chaos 18, 037113 (2008).

    Examples
    --------
    >>> from qsyncplug.circle import OttAntonsen
    >>> OttAntonsen(3.0, 1.0).n
    1
    """

    coupling: Any
    widths: Any
    centres: Any = 0.0
    shares: Any = None
    phase_lag: Any = 0.0
    modulation: Any = None

    def _repr_latex_(self) -> str:
        return "$$" + reduced_equation(self) + "$$"

    def __post_init__(self) -> None:
        put = object.__setattr__
        coupling, factor = changing_coupling(self.coupling, self.modulation)
        put(self, "coupling", coupling)
        put(self, "modulation", factor)
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

    @property
    def n(self) -> int:
        """Number M of Lorentz distributions, each of infinitely many oscillators."""
        return int(self.widths.size)

    def velocity(self, t: float, z: np.ndarray) -> np.ndarray:
        """ż at time `t` and modes `z`, complex (M,)."""
        strength = self.coupling * np.exp(-1j * self.phase_lag)
        if self.modulation is not None:
            strength = strength * self.modulation(t)
        pull = strength @ z if np.ndim(strength) else strength * np.sum(self.shares * z)
        rate = 1j * self.centres - self.widths
        return np.asarray(rate * z + 0.5 * (pull - np.conj(pull) * z * z))

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

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return {"modes": ((self.model.n,), complex)}

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        super()._record(start, times, rows)
        self.modes[start : start + len(times)] = np.ascontiguousarray(rows).view(complex)

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        return np.array(row).view(complex)


class ReducedProblem(Problem):
    """Steps on what is not smooth in the coupling."""

    def breakpoints(self, times: np.ndarray) -> np.ndarray:
        return breaks_of(self.result.model, times)


class OttAntonsenSolver(Solver):
    """Solver of the reduced motion; see :func:`oasolve`.

    Parameters
    ----------
    model : OttAntonsen
        What to run.
    options : dict, optional
        Keyword options; ``solver_options`` has the known ones and their defaults.

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

    def problem(self, state0: Any, times: np.ndarray, e_ops: Any) -> Problem:
        refuse_mask("state0", state0)
        z = np.atleast_1d(check_array("state0", state0, dtype=complex))
        if z.ndim != 1 or z.size not in (1, self.model.n):
            raise ValueError(f"state0 must hold {self.model.n} numbers, not shape {z.shape}")
        if np.any(np.abs(z) > 1):
            raise ValueError("state0 must have modulus at most 1: it is a mean of unit vectors")
        z = np.broadcast_to(z, (self.model.n,)).copy()
        if self.model.modulation is not None:
            self.model.modulation.cover(float(times[0]), float(times[-1]))
        rhs = PythonRightHandSide(self.model.velocity, self.model.n, complex_pairs=True)
        stepper = runge_kutta(rhs, z, times, self._options)
        result = self.empty_result(OttAntonsenResult, e_ops)
        return ReducedProblem(times, stepper, result)


def oasolve(
    model: OttAntonsen,
    state0: Any,
    tlist: Any,
    *,
    e_ops: Any = None,
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

    Raises
    ------
    ValueError, TypeError, KeyError
        Bad input, before any work.

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
