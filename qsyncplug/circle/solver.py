"""The solver of the mean-field models on the circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.harmonics import harmonics
from ..core.checks import check_choice, check_flag, check_integer, check_number
from ..core.documented import runs
from ..core.errors import ApproximationWarning, StorageError, warn
from ..core.interrupts import interruptible
from ..core.options import DEFAULTS
from ..core.result import Result
from ..core.rungekutta import integrator
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.types import EOps, Options, State
from .bands import BandStepper, can_band, worth_bands
from .field import KERNELS, Start, right_hand_side
from .frames import FromZero, common_frequency
from .local import local_order_parameters
from .model import Circle, check_circle
from .modulation import breaks_of
from .motion import extra_stepper, positions_in
from .noisy import SCHEMES_OF_NOISE
from .tails import careful

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["CircleResult", "CircleSolver", "circlesolve"]

_FAINT = 1e-13  # forces below this part of the largest possible are rounding of the Fourier sums
_DIRECT_LIMIT = 2048
_NOISE = 2e-16


class CircleResult(Result):
    r"""Result of :func:`circlesolve`.

    Attributes
    ----------
    times : (T,) array
    positions : (T, n) array or None
        Unwrapped positions; None with ``options["store_positions"]=False``.
    daido : (T, m) complex array
        :math:`Z_k=\sum_jc_je^{ikx_j}/\sum_jc_j`, k = 1 … m, Daido's order parameters, m being
        ``options["daido"]``.
    local_order : (T,) array or None
        Mean of the local order parameters over the particles; with ``options["store_local"]=True``.
    velocities : (T, n) array or None
        Of a model with inertia, where the positions are stored.
    weights : (n,) array or None
        Those of the model, which are kept also where a file cannot hold the model.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], [0.0, 30.0])
    >>> bool(run.order_parameter[-1] > 1 - 1e-12), run.positions.shape
    (True, (2, 2))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "positions": ("time", "particle"),
        "daido": ("time", "harmonic"),
        "local_order": ("time",),
        "velocities": ("time", "particle"),
    }
    positions: np.ndarray | None
    velocities: np.ndarray | None
    daido: np.ndarray
    local_order: np.ndarray | None
    weights: np.ndarray | None

    def __init__(
        self,
        e_ops: EOps,
        options: Options,
        *,
        start: Start,
        model: Circle,
        solver: str,
        stats: Mapping[str, Any],
    ):
        self._layout, self._x0 = start.layout, start.positions
        self._t0, self._frame = start.time, start.frame
        self._size = self._x0.size
        self.positions = self.local_order = self.velocities = None
        super().__init__(e_ops, options, model=model, solver=solver, stats=stats)
        self.weights = weights = self.model.weights
        order = self._layout.order
        self._weights = weights if weights is None or order is None else weights[order]
        self._conserved = self.model.conserved(self._size)
        self._sum_drift = 0.0

    @property
    def order_parameter(self) -> np.ndarray:
        r"""Kuramoto's order parameter :math:`r=|Z_1|`, with the weights of the model, (T,)."""
        return np.asarray(np.abs(self.daido[:, 0]))

    @property
    def n(self) -> int:
        """Number of particles on the circle."""
        return self._size

    def order(self, *, weighted: bool = True) -> np.ndarray:
        r"""Kuramoto's order parameter with or without the weights of the model, (T,).

        Parameters
        ----------
        weighted : bool
            True: :math:`|\sum_jc_je^{ix_j}|/\sum_jc_j`, as :attr:`order_parameter`. False: every
            particle counts the same.

        Raises
        ------
        ValueError
            Without weights, where the positions of a weighted model were not stored.
        """
        if check_flag("weighted", weighted) or self.weights is None:
            return self.order_parameter
        if self.positions is None:
            raise ValueError(
                "weighted=False needs the positions; run with options={'store_positions': True}"
            )
        return np.asarray(np.abs(harmonics(np.ascontiguousarray(self.positions), None, 1)[:, 0]))

    @property
    def mean_phase(self) -> np.ndarray:
        """Argument of Z₁ in (−π, π], (T,)."""
        return np.asarray(np.angle(self.daido[:, 0]))

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "daido": ((self.options["daido"],), complex)
        }
        if self.options["store_positions"]:
            shapes["positions"] = ((self._size,), float)
            if self.model.inertia is not None:
                shapes["velocities"] = ((self._size,), float)
        if self.options["store_local"]:
            shapes["local_order"] = ((), float)
        return shapes

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        super()._record(start, times, rows)
        stop = start + len(times)
        if self.velocities is not None:
            self.velocities[start:stop] = rows[:, self._size :] + self._frame
        if rows.shape[1] > self._size:
            rows = np.ascontiguousarray(rows[:, : self._size])
        self.daido[start:stop] = harmonics(rows, self._weights, self.options["daido"])
        turned = self._frame * (times - self._t0)
        if self._frame != 0:
            order = np.arange(1, self.options["daido"] + 1)
            self.daido[start:stop] *= np.exp(1j * turned[:, None] * order)
        if self.positions is not None or self.options["store_local"] or self._conserved is not None:
            block = self._layout.unpack(rows)
            # straight into their place: they may be many
            place = None if self.positions is None else self.positions[start:stop]
            if self._frame != 0:
                block = np.add(block, turned[:, None], out=place)
            if times[0] == self._t0:
                block[0] = self._x0
            if place is not None and block is not place:
                place[:] = block
            if self.local_order is not None:
                self.local_order[start:stop] = [
                    np.mean(local_order_parameters(self.model, x)) for x in block
                ]
            if self._conserved is not None:
                self._watch(times, block)

    def _watch(self, times: np.ndarray, block: np.ndarray) -> None:
        q = self._conserved
        assert q is not None
        moved = (block @ q - self._x0 @ q) / q.sum()
        if self.model.frequencies is not None:
            omega = np.broadcast_to(self.model.frequencies, q.shape)
            moved = moved - (times - self._t0) * (omega @ q / q.sum())
        self._sum_drift = max(self._sum_drift, float(np.max(np.abs(moved))))

    def _state(self, t: float, row: np.ndarray) -> np.ndarray:
        x = np.array(self._layout.unpack(row[: self._size]))
        return x + self._frame * (t - self._t0) if self._frame != 0 else x

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        header, arrays = super()._to_store()
        weights = None if self.weights is None else self.weights.tolist()
        return {**header, "size": self._size, "weights": weights}, arrays

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> CircleResult:
        result = super()._from_store(header, arrays)
        assert isinstance(result, CircleResult)
        result._size = int(header["size"])
        if "weights" not in header and result.model is None:
            raise StorageError(
                "the file holds neither the model nor its weights, without which its order "
                "parameters mislead"
            )
        given = header.get("weights", None if result.model is None else result.model.weights)
        result.weights = None if given is None else np.asarray(given, dtype=float)
        shapes = [np.shape(x)[-1] for x in (result.weights, result.positions) if x is not None]
        if any(n != result._size for n in shapes) or result.daido is None:
            raise StorageError("positions, weights and the number of particles do not agree")
        return result


class CircleSolver(Solver):
    """Solver of the mean-field models on the circle.

    Parameters
    ----------
    model : Circle
    options : dict, optional
        Those of every solver, and:

        ``kernel`` : {"auto", "direct", "horner", "taylor", "taylor-sorted", "split", "bands"}
            How the sums over the particles are done. ``"direct"``: over all pairs, accurate also
            for exponentially small forces. ``"horner"``: rotation and Horner's rule for the sine
            series. ``"taylor"``, ``"taylor-sorted"``: Taylor expansions in cells around the circle,
            at a cost a particle that hardly depends on the number of modes; the second for
            identical particles, which keep their order. ``"split"``: one sum of sines and cosines a
            mode, for adjacencies. ``"bands"``: Möbius maps of bands of frequencies, at a cost that
            heavy tails do not raise, for the sine and particles that differ in their frequencies
            alone; the few fastest are averaged, to the tolerance. ``"auto"`` takes the fastest way,
            and changes to direct sums where the forces of an attention model fall below the
            rounding of the series (n ≤ 2048).
        ``store_positions`` : bool
            Keep the (T, n) positions (default); without, only the order parameters are kept.
        ``daido`` : int
            Number of Daido order parameters.
        ``store_local`` : bool
            Keep the mean local order parameter.
        ``step`` : float
            Length of the steps with noise; a fiftieth of the fastest time by default.
        ``scheme`` : {"heun", "euler", "leimkuhler-matthews"}
            Of noise without inertia. Strong order 1; Heun's scheme has weak order 2, that of
            Leimkuhler and Matthews order 2 for stationary averages at half the cost.
        ``seed`` : int, SeedSequence or Generator
            Of the noise.
        ``history`` : callable
            With a delay: ``history(t)`` gives the n positions before ``tlist[0]``; constant unless
            given. Steps are not longer than the shortest delay. With noise the past is joined by
            lines between the steps: strong order 1 as without a delay.

    Raises
    ------
    TypeError
        `model` is not a :class:`Circle`.

    Notes
    -----
    The error of a step is the root mean square over the particles, in units of the tolerance; where
    a few are more than eight times faster than the median (heavy tails of the frequencies, the hub
    of a graph) it is that of the worst particle, and none turns by more than 5 in a step. Of many
    slow ones a single particle may be off by more than the mean: 170 tolerances, 1.7e-10 at 1e-12,
    is the most that was seen; what counts single particles asks for tighter tolerances.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> solver = qsp.CircleSolver(qsp.Circle(qsp.sine(), "mean"), options={"rtol": 1e-8})
    >>> solver.run([0.0, 1.0], [0.0, 1.0]).positions.shape
    (2, 2)
    """

    name = "circlesolve"
    solver_options: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "rtol": 1e-12,  # of unwrapped angles, which may be large
        "store_states": False,  # they would be the positions once more
        "kernel": "auto",
        "store_positions": True,
        "daido": 1,
        "store_local": False,
        "step": None,
        "scheme": "heun",
        "seed": None,
        "history": None,
    }

    unsaved_options = ("seed", "history")

    def __init__(self, model: Circle, *, options: Options | None = None):
        check_circle(model)
        super().__init__(model, options=options)

    def check_options(self, options: dict[str, Any]) -> None:
        o = options
        check_choice("options['kernel']", o["kernel"], KERNELS)
        if o["kernel"] == "bands" and (needed := can_band(self.model)):
            raise ValueError(f"options['kernel']='bands' is for {needed}")
        check_integer("options['daido']", o["daido"], minimum=1)
        check_choice("options['scheme']", o["scheme"], SCHEMES_OF_NOISE)
        if o["step"] is not None:
            check_number("options['step']", o["step"], minimum=0.0, strict=True)
        if o["history"] is not None and not callable(o["history"]):
            raise TypeError(f"options['history'] must be a function of t, not {o['history']!r}")
        for key in ("store_positions", "store_local"):
            if not isinstance(o[key], (bool, np.bool_)):
                raise TypeError(f"options[{key!r}] must be True or False, not {o[key]!r}")

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> CircleProblem:
        frame = common_frequency(self.model)
        rhs, y0 = self._equations(state0, float(np.ptp(times)), frame)
        reason = rhs.reason
        if set(self.model.extras) - {"triads", "lags"}:
            stepper, name = extra_stepper(self.model, rhs, state0, times, self._options, frame)
        elif banded := self._banded(rhs.size, frame):
            stepper = BandStepper(self.model, y0, times, self._options, frame, rhs)
            name, reason = stepper.name, banded
        else:
            options = careful(self._options, self.model, rhs.size, frame)
            stepper = FromZero(integrator(rhs, options), times, y0)
            name = f"{self._options['method']}, {rhs.method_name}"
        result = CircleResult(
            e_ops,
            self._options,
            start=Start(rhs.layout, positions_in(self.model, state0), float(times[0]), frame),
            **self.account({"method": name, "method reason": reason}),
        )
        return CircleProblem(times, stepper, result)

    def _banded(self, n: int, frame: float) -> str:
        """Why the particles are moved in bands of frequencies; nothing if they are not."""
        if self._options["kernel"] == "bands":
            return "as asked"
        auto = self._options["kernel"] == "auto" and worth_bands(self.model, n, frame)
        return "fastest for frequencies with heavy tails" if auto else ""

    def _equations(self, state0: Any, horizon: float, frame: float) -> tuple[Any, np.ndarray]:
        """The right-hand side and its state; `horizon` is how long the run will be."""
        model, o = self.model, self._options
        x = positions_in(model, state0)
        rhs, y = right_hand_side(
            model, x, kernel=o["kernel"], threads=o["num_threads"], frame=frame
        )
        force = model.interaction
        if (
            not model.extras
            and model.adjacency is None
            and force.kind == "attention"
            and o["kernel"] == "auto"
            and rhs.method_name != "direct"
        ):
            divisor = model.divisors(x.size)
            if (
                divisor is not None
                and np.ndim(divisor) == 0
                and not isinstance(model.frequencies, np.ndarray)
            ):
                largest = (
                    abs(model.coupling)
                    * np.exp(force.log_scale)
                    * model.total_weight(x.size)
                    / divisor
                    * force.peak
                )
                # only where the rounding adds up to something
                if largest * _NOISE * horizon > float(np.min(o["atol"])):
                    rhs.faint_below = _FAINT * largest
                    rhs.switch_when_faint = x.size <= _DIRECT_LIMIT
        return rhs, y


class CircleProblem(Problem):
    """Watches the weighted mean, the order of identical particles, and forces below rounding."""

    result: CircleResult
    stepper: Any

    def breakpoints(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        return breaks_of(self.result.model, times, share)

    def finish(self) -> None:
        result = self.result
        rhs: Any = getattr(self.stepper, "rhs", None)
        if not hasattr(rhs, "layout"):
            return
        drift: dict[str, float] = {}
        if result._conserved is not None:
            drift["weighted mean of the positions"] = result._sum_drift
        if rhs.layout.order is not None:
            drift["order of the particles"] = rhs.disorder
        result.stats["drift"] = drift
        if getattr(rhs, "switched", False):
            result.stats["switched to direct sums at"] = rhs.t_faint
        elif getattr(rhs, "faint", False):
            text = (
                f"from t={rhs.t_faint:.4g} on the forces are below the rounding of the series; "
                "use coalesce for the slow stage"
            )
            result.stats["neglected"] = [text]
            warn(text, ApproximationWarning)


@interruptible
@runs
def circlesolve(
    model: Circle,
    state0: ArrayLike,
    tlist: ArrayLike,
    *,
    e_ops: EOps = None,
    options: Options | None = None,
) -> CircleResult:
    """Solve a mean-field model on the circle.

    Parameters
    ----------
    model : Circle
    state0 : (n,) array_like
        Positions at ``tlist[0]``, any real numbers.
    tlist : (T,) array_like
        Strictly increasing output times.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, x)`` of the n positions, evaluated at every output time.
    options : dict, optional
        See :class:`CircleSolver`.

    Returns
    -------
    CircleResult
        ``.positions`` (T, n) unwrapped, ``.order_parameter`` (T,), ``.daido`` (T, m) …;
        ``.stats["drift"]`` holds the worst drift of the conserved weighted mean (where there is
        one) and of the order of identical particles.

    Examples
    --------
    Two identical oscillators: tan(φ/2) = tan(φ₀/2) e^{−2t}.

    >>> import numpy as np
    >>> from qsyncplug.circle import Circle, circlesolve, sine
    >>> result = circlesolve(Circle(sine()), [0.0, 1.0], [0.0, 1.0])
    >>> phi = np.ptp(result.positions[-1])
    >>> bool(abs(np.tan(phi / 2) - np.tan(0.5) * np.exp(-2.0)) < 1e-10)
    True
    """
    result = CircleSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, CircleResult)
    return result
