"""Lyapunov exponents of the mean field: how fast neighbouring solutions come apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import stdtrit

from .._ext.integrator import Integrator, RightHandSide
from ..core.checks import check_integer, check_number
from ..core.dispatch import by_model
from ..core.errors import RightHandSideError, SolverError
from ..core.interrupts import whole_or_nothing
from ..core.limits import look
from ..core.progress import check_bar, counted
from ..core.pulses import find_breaks
from ..core.saved import Saved
from ..core.status import Status
from ..core.types import Model, State
from ..operators.rates import CompiledRates
from ..operators.states import ProductState
from ..operators.system import System
from .flow import parts_at, spheres_of, tangent_basis

__all__ = [
    "LyapunovExponents",
    "TangentModel",
    "exponents_along",
    "lyapunov_exponents",
    "tangents_of",
]

_BATCHES = 16
#: factor by which a perturbation grows or shrinks, at most, between two orthonormalisations
_GROWTH = 3.0
_MOST = 1_000_000


@dataclass(frozen=True)
class TangentModel:
    """What exponents need to know of a mean field in complex variables z.

    Attributes
    ----------
    flow : callable
        ``count -> RightHandSide`` of z and so many perturbations of the real coordinates.
    coordinates : callable
        ``z -> x``, the real coordinates (d,).
    jacobian : callable
        ``(z, t) -> M``, (d, d).
    spheres : tuple of slice
        Coordinates of the spins whose length is conserved.
    breaks : callable
        ``duration -> times`` from 0 to there that no step may pass over.
    """

    flow: Callable[[int], RightHandSide]
    coordinates: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[[np.ndarray, float], np.ndarray]
    spheres: tuple[slice, ...] = ()
    #: times, of a run over so long, that no step passes over
    breaks: Callable[[float], np.ndarray] = lambda duration: np.empty(0)


@dataclass(frozen=True)
class LyapunovExponents(Saved):
    r"""Lyapunov exponents of a mean field.

    Attributes
    ----------
    exponents : ndarray of shape (k,)
        In falling order; the largest is positive where the motion is chaotic, and 0 in the
        direction of the motion and of every phase that is free.
    errors : ndarray of shape (k,)
        95 % errors, from the scatter of 16 parts of the run.
    times : ndarray of shape (T,)
        Ends of the intervals after which the perturbations were made orthonormal again.
    history : ndarray of shape (T, k)
        The exponents as they were known at these times.
    coordinates : ndarray of shape (d,)
        Where the mean field ended.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> oscillator = qsp.System(b.dag() * b, [b.dag(), 0.1**0.5 * b**2])
    >>> found = qsp.lyapunov_exponents(oscillator, [1.0], 50.0)  # 0 along the cycle, −g1 across
    >>> bool(abs(found.exponents - [0, -1]).max() < 1e-6)
    True
    """

    _axes: ClassVar[dict[str, str]] = {
        "exponents": "k",
        "errors": "k",
        "times": "T",
        "history": "T k",
        "coordinates": "d",
    }

    exponents: np.ndarray
    errors: np.ndarray
    times: np.ndarray
    history: np.ndarray
    coordinates: np.ndarray

    @property
    def chaotic(self) -> bool | None:
        """Whether the largest exponent is positive beyond five standard errors; None where it is
        neither that nor within its 95 % error of 0 or below.
        """
        largest, error = float(self.exponents[0]), float(self.errors[0])
        scale = float(np.abs(self.exponents).max())
        if largest > 2.4 * error + 1e-3 * scale:
            return True
        return False if largest < error + 1e-3 * scale else None

    @property
    def dimension(self) -> float:
        """Kaplan and Yorke's dimension; NaN where more exponents are needed to know it."""
        sums = np.cumsum(self.exponents)
        if self.exponents[0] < 0:
            return 0.0
        below = np.flatnonzero(sums < 0)
        if not len(below):
            return float("nan")
        j = int(below[0])
        return j + float(sums[j - 1] / abs(self.exponents[j]))


@whole_or_nothing
@by_model
def lyapunov_exponents(
    system: Model,
    state0: State,
    duration: float,
    *,
    k: int | None = None,
    transient: float | None = None,
    rtol: float = 1e-9,
    progress_bar: str | bool = "",
) -> LyapunovExponents:
    r"""Lyapunov exponents of the mean field of a system.

    .. math:: λ_i = \lim_{t→∞} \frac1t \ln σ_i(t), \qquad \dot{δX} = M(X(t))\,δX,

    with the mean-field drift of :meth:`.System.drift` and its exact Jacobian M; the perturbations
    are made orthonormal again and again (QR).

    Parameters
    ----------
    system : System or SpinChains
        Of any nodes; coefficients may depend on time. Of spin chains on the spheres of the spins,
        the centre included; of amplitudes where jumps act through bosons.
    state0 : mapping or array_like
        Where the mean field starts, as :func:`qsyncplug.mfsolve` takes it.
    duration : float
        Over which the rates are averaged.
    k : int, optional
        How many exponents; by default all: as many as there are real coordinates, less one for
        every spin, whose length stays.
    transient : float, optional
        Before the average begins; a quarter of `duration` by default.
    rtol : float
        Relative tolerance of the integration.
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; none by default.

    Returns
    -------
    LyapunovExponents

    Raises
    ------
    ValueError, TypeError
        Bad input: `k` is not between 1 and the number of directions, durations that are not
        positive.
    SolverError
        The mean field runs away, or would need more than a million intervals.

    Notes
    -----
    G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Meccanica 15, 9 (1980).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> damped = qsp.System(b.dag() * b, [0.6 * b])
    >>> print(f"{qsp.lyapunov_exponents(damped, [1.0], 20.0).exponents[0]:.6f}")
    -0.180000
    """
    raise TypeError(f"system must be a System or SpinChains, not {type(system).__name__}")


@lyapunov_exponents.register(System)
def _exponents_of_system(
    system: System,
    state0: Any,
    duration: float,
    *,
    k: int | None = None,
    transient: float | None = None,
    rtol: float = 1e-9,
    progress_bar: str | bool = "",
) -> LyapunovExponents:
    z = ProductState(system, state0).variables()
    duration = check_number("duration", duration, minimum=0.0, strict=True)
    if transient is not None:
        transient = check_number("transient", transient, minimum=0.0)
    system.check_hermitian(np.linspace(0.0, duration * 1.25 + (transient or 0.0), 101))
    model = tangents_of(system, system, spheres_of(system))
    return exponents_along(model, z, duration, k, transient, rtol, progress_bar)


def tangents_of(
    system: System, equations: CompiledRates, spheres: tuple[slice, ...] = ()
) -> TangentModel:
    """What exponents need to know of equations of the nodes of a system."""
    polynomials = equations.polynomials()

    def coordinates(z: np.ndarray) -> np.ndarray:
        return np.asarray(system.coordinates_of(z[None, :])[0])

    return TangentModel(
        flow=equations.tangent_equations.tangent_flow,
        coordinates=coordinates,
        jacobian=lambda z, t: parts_at(system, polynomials, coordinates(z), t)[1],
        spheres=spheres,
        breaks=lambda duration: find_breaks(system.time_functions, [0.0, duration]),
    )


def exponents_along(
    model: TangentModel,
    z: np.ndarray,
    duration: float,
    k: int | None,
    transient: float | None,
    rtol: float,
    progress_bar: str | bool,
) -> LyapunovExponents:
    """Exponents of a mean field that starts at the variables `z`; see `lyapunov_exponents`."""
    duration = check_number("duration", duration, minimum=0.0, strict=True)
    before = 0.25 * duration if transient is None else transient
    before = check_number("transient", before, minimum=0.0)
    rtol = check_number("rtol", rtol, minimum=0.0, strict=True)
    basis = tangent_basis(model.coordinates(z), model.spheres)
    k = basis.shape[1] if k is None else check_integer("k", k, minimum=1, maximum=basis.shape[1])
    # no perturbation may start along a direction that symmetry keeps apart from the others
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((basis.shape[1], k)))[0]
    bar = check_bar(progress_bar)
    run = _Tangents(model, z, basis @ turn, rtol)
    run.breaks = model.breaks(before + duration)
    if before:
        run.go(before)
    start = run.t
    times, logs = run.go(duration, bar)
    return _averaged(times - start, logs, model.coordinates(run.z))


def _averaged(times: np.ndarray, logs: np.ndarray, x: np.ndarray) -> LyapunovExponents:
    """Exponents from the logarithms by which the perturbations grew in every interval."""
    grown = np.cumsum(logs, axis=0)
    history = grown / times[:, None]
    order = np.argsort(-history[-1], kind="stable")
    ends = np.linspace(0, len(times), _BATCHES + 1).astype(int)
    errors = np.full(logs.shape[1], np.inf)
    if ends[1] > 0:
        edges = np.concatenate([[0.0], times])[ends]
        sums = np.vstack([np.zeros(logs.shape[1]), grown])[ends]
        rates = np.diff(sums, axis=0) / np.diff(edges)[:, None]
        spread = rates.std(axis=0, ddof=1) / np.sqrt(_BATCHES)
        errors = float(stdtrit(_BATCHES - 1, 0.975)) * spread
    return LyapunovExponents(history[-1][order], errors[order], times, history[:, order], x)


class _Tangents:
    """A mean field and orthonormal perturbations of it, carried along."""

    def __init__(self, model: TangentModel, z: np.ndarray, basis: np.ndarray, rtol: float):
        self.flow = model.flow(basis.shape[1])
        self.model, self.z, self.vectors, self.t, self.rtol = model, z, basis, 0.0, rtol
        self.breaks = np.empty(0)

    def go(self, duration: float, bar: str = "") -> tuple[np.ndarray, np.ndarray]:
        """Ends of the intervals, and the logarithms by which the perturbations grew in each."""
        width = self._width(duration)
        count = int(np.ceil(duration / width))
        if count > _MOST:
            raise SolverError(
                f"lyapunov_exponents would need {count} intervals (at most {_MOST}): the fastest "
                f"rate is {1 / width:.3g}; shorten duration={duration:g}",
                reason="step limit",
            )
        times = self.t + duration * np.arange(1, count + 1) / count
        logs = np.empty((count, self.vectors.shape[1]))
        split = 2 * len(self.z)
        row = np.empty((1, self.flow.size))
        for k, end in counted(list(enumerate(times)), bar):
            look()
            integrator = Integrator(self.flow, rtol=self.rtol, atol=1e-3 * self.rtol)
            integrator.set_state(self.t, self._packed(), float(end))
            integrator.set_breaks(self.breaks[(self.breaks > self.t) & (self.breaks < end)])
            status, done = integrator.advance(np.array([end]), row)
            if not done or not np.all(np.isfinite(row)):
                raise _stopped(status, float(integrator.t), self.flow.error)
            self.t, self.z = float(end), row[0, :split].view(complex).copy()
            grown = self._tangent(row[0, split:].reshape(self.vectors.shape[::-1]).T)
            self.vectors, R = np.linalg.qr(grown)
            logs[k] = np.log(np.maximum(np.abs(np.diagonal(R)), 1e-300))
        return times, logs

    def _tangent(self, vectors: np.ndarray) -> np.ndarray:
        """Without what rounding put along the spins: it would not decay, and take over."""
        x = self.model.coordinates(self.z)
        for s in self.model.spheres:
            n = x[s] / np.linalg.norm(x[s])
            vectors[s] -= np.outer(n, n @ vectors[s])
        return vectors

    def _packed(self) -> np.ndarray:
        return np.concatenate([self.z.view(float), self.vectors.T.ravel()])

    def _width(self, duration: float) -> float:
        """An interval in which nothing grows or shrinks by much."""
        M = self.model.jacobian(self.z, self.t)
        fastest = float(np.abs(0.5 * np.linalg.eigvalsh(M + M.T)).max())
        return min(duration / (4 * _BATCHES), _GROWTH / max(fastest, 1e-300))


def _stopped(status: int, t: float, cause: BaseException | None) -> BaseException:
    """Why a mean field cannot be followed beyond the time `t`: what a coefficient raised, if so."""
    if status == Status.INTERRUPTED or isinstance(cause, KeyboardInterrupt):
        return KeyboardInterrupt()
    if cause is None:
        why, reason = Status(status).name.lower().replace("_", " "), "not finite"
    else:
        reason = "right-hand side refused the state"
        why = f"{reason}: {type(cause).__name__}: {cause}"
    kind = SolverError if cause is None else RightHandSideError
    error = kind(f"the mean field cannot be followed beyond t={t:g} ({why})", time=t, reason=reason)
    error.__cause__ = cause
    return error
