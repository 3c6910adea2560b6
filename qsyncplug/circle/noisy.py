"""Noise: steps of one length with random kicks, all of them in compiled code."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from .._ext.delays import Recalled
from .._ext.motion import Langevin
from .._ext.noise import SCHEMES, NoisyKuramoto, Normals, chunks_of
from ..core.limits import look
from ..core.status import Status
from ..core.stepper import Stepper
from .delays import recalled
from .model import Circle

__all__ = ["SCHEMES_OF_NOISE", "NoiseStepper", "delayed_noise", "noise_method", "normals_for"]

SCHEMES_OF_NOISE = tuple(SCHEMES)
#: particles times steps between two looks at the clock
_WORK = 2**22
#: as in the kernels without noise
_FARTHEST = 1e8


class Method(Protocol):
    """What makes steps of one length with a random kick each."""

    @property
    def evaluations(self) -> int:
        """Evaluations of the right-hand side."""

    @property
    def error(self) -> BaseException | None:
        """The exception that a function of the user raised within the steps, if any."""

    def go(self, t: float, h: float, count: int) -> int:
        """Take `count` steps from t on; how many were taken."""

    @property
    def row(self) -> np.ndarray:
        """Positions of the particles as one row, (n,); a copy."""

    def snapshot(self) -> dict[str, Any]:
        """Everything that continuing needs."""

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what ``snapshot`` gave."""


def normals_for(n: int, seed: Any, threads: int) -> Normals:
    """Streams of normal numbers for n particles: the same for every number of threads."""
    words = np.random.default_rng(seed).integers(
        0, 2**64, size=(chunks_of(n), 2, 8), dtype=np.uint64, endpoint=False
    )
    return Normals(n, words, threads)


class _Any:
    """Kicks on top of any compiled velocity field."""

    def __init__(self, method: Langevin, y0: np.ndarray):
        self.method, self.y = method, np.array(y0, dtype=float)

    def go(self, t: float, h: float, count: int) -> int:
        return int(self.method.go(self.y, t, h, count))

    @property
    def evaluations(self) -> int:
        return int(self.method.evaluations)

    @property
    def error(self) -> BaseException | None:
        error: BaseException | None = self.method.error
        return error

    @property
    def row(self) -> np.ndarray:
        return self.y.copy()

    def snapshot(self) -> dict[str, Any]:
        return {"y": self.y.copy(), **self.method.snapshot()}

    def restore(self, saved: dict[str, Any]) -> None:
        if np.shape(saved["y"]) != self.y.shape:
            raise ValueError("the snapshot is of another problem")
        self.y[...] = saved["y"]
        self.method.restore(saved)


class _Recalling(_Any):
    """Kicks on top of a velocity field with a memory."""

    def __init__(self, method: Langevin, field: Recalled, y0: np.ndarray):
        super().__init__(method, y0)
        self.field = field

    def snapshot(self) -> dict[str, Any]:
        return {**super().snapshot(), "memory": self.field.snapshot()}

    def restore(self, saved: dict[str, Any]) -> None:
        super().restore(saved)
        self.field.restore(saved["memory"])


class _Sine:
    """Kuramoto's model: one pass over the particles does everything."""

    def __init__(self, kernel: NoisyKuramoto, model: Circle):
        self.kernel, self.modulation = kernel, model.modulation
        self.error: BaseException | None = None

    def go(self, t: float, h: float, count: int) -> int:
        factors = None
        if self.modulation is not None:
            try:
                factors = self.modulation.many(t + h * np.arange(count + 1))
            except Exception as error:
                self.error = error
                return 0
        return int(self.kernel.steps(h, count, factors))

    @property
    def evaluations(self) -> int:
        return int(self.kernel.evaluations)

    @property
    def row(self) -> np.ndarray:
        return np.asarray(self.kernel.positions)

    def snapshot(self) -> dict[str, Any]:
        return dict(self.kernel.snapshot())

    def restore(self, saved: dict[str, Any]) -> None:
        self.kernel.restore(saved)


def _one_pass(model: Circle) -> bool:
    """Whether the compiled pass of Kuramoto's model with noise does this one."""
    return (
        model.interaction.kind == "sine"
        and model.adjacency is None
        and model.inertia is None
        and model.triads is None
        and model.lags is None
        and not callable(model.normalization)
    )


def noise_method(
    model: Circle, rhs: Any, y0: np.ndarray, options: dict[str, Any], frame: float
) -> tuple[Method, str]:
    """How `model` is moved, and what that is called; y0 holds velocities behind the positions."""
    n = rhs.size
    normals = normals_for(n, options["seed"], options["num_threads"])
    scheme = options["scheme"]
    if options["kernel"] == "auto" and _one_pass(model) and rhs.layout.order is None:
        divisor = model.divisors(n)
        gain = model.coupling / np.asarray(divisor, dtype=float)
        if model.response is not None:
            gain = gain * model.response
        omega = -frame if model.frequencies is None else model.frequencies - frame
        kernel = NoisyKuramoto(
            y0,
            normals,
            model.noise,
            float(gain) if np.ndim(gain) == 0 else gain,
            scheme,
            omega,
            model.weights,
            model.phase_lag,
            options["num_threads"],
        )
        return _Sine(kernel, model), f"{scheme}, one pass over the particles"
    method = Langevin(rhs, model.noise, scheme, model.inertia, normals)
    return _Any(method, y0), f"{_named(model, scheme)}, {rhs.method_name}"


def _named(model: Circle, scheme: str) -> str:
    return scheme if model.inertia is None else "baoab"


def delayed_noise(
    model: Circle, y0: np.ndarray, t0: float, options: dict[str, Any], frame: float
) -> tuple[Method, str, float]:
    """The same with a delay, and the longest step."""
    n = y0.size if model.inertia is None else y0.size // 2
    scheme = options["scheme"]
    if model.inertia is None and scheme == "leimkuhler-matthews":
        raise ValueError(
            "scheme 'leimkuhler-matthews' is made for equilibria, which delays do not have: take "
            "'heun' or 'euler'"
        )
    field, shortest = recalled(model, y0[:n], t0, options, frame)
    if options["step"] is not None and options["step"] > shortest:
        raise ValueError(
            f"step must not be above the shortest delay {shortest:g}, not {options['step']:g}"
        )
    normals = normals_for(n, options["seed"], options["num_threads"])
    method = Langevin(field, model.noise, scheme, model.inertia, normals)
    return _Recalling(method, field, y0), f"{_named(model, scheme)}, lines as memory", shortest


class NoiseStepper(Stepper):
    """Steps of one length with random kicks; they end at every output time.

    Parameters
    ----------
    method : Method
    t0 : float
    step : float
        Longest step.
    """

    def __init__(self, method: Method, t0: float, step: float):
        self.method, self.t, self.step = method, t0, step
        self.row_size = method.row.size

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        self.delivered = 0
        for k, time in enumerate(times):
            span = float(time) - self.t
            count = max(1, math.ceil(span / self.step * (1 - 1e-12))) if span > 0 else 0
            if count and not self._go(span / count, count):
                self.cause = self.method.error
                return Status.RHS_FAILED if self.cause is not None else Status.NON_FINITE
            self.t = float(time)
            rows[k] = self.method.row
            self.delivered = k + 1
        return Status.RUNNING

    def _go(self, h: float, count: int) -> bool:
        start, done = self.t, 0
        most = max(1, _WORK // self.row_size)
        while done < count:
            look()
            size = min(most, count - done)
            taken = self.method.go(start + done * h, h, size)
            done += taken
            self.accepted += taken
            self.evaluations = self.method.evaluations
            self.t = start + done * h
            if taken < size:
                return False
        if np.max(np.abs(self.method.row)) > _FARTHEST:
            raise ArithmeticError(f"a position has passed {_FARTHEST:g}, where 2π is not resolved")
        return True

    @property
    def state(self) -> np.ndarray:
        return self.method.row

    def snapshot(self) -> dict[str, Any]:
        return {"t": self.t, "accepted": self.accepted, **self.method.snapshot()}

    def restore(self, saved: dict[str, Any]) -> None:
        self.t, self.accepted = float(saved["t"]), int(saved["accepted"])
        self.method.restore(saved)
        self.evaluations = self.method.evaluations
