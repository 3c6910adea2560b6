"""Noise, inertia and delay: how particles with more than a velocity field are moved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._ext.motion import Delayed, Inertial, Langevin
from ..core.checks import check_array, check_memory
from ..core.limits import look
from ..core.predictions import Prediction
from ..core.rungekutta import RungeKutta, integrator
from ..core.status import Status
from ..core.stepper import Stepper
from .continuum import delay_frequencies
from .equilibrium import mean_square_order
from .model import Circle
from .statements import equal_frequencies, statement

__all__ = [
    "SCHEMES_OF_NOISE",
    "batch_average",
    "extra_statements",
    "extra_stepper",
    "positions_in",
]

SCHEMES_OF_NOISE = ("heun", "euler", "leimkuhler-matthews")
_BLOCK = 2**19  # random numbers drawn at a time


def positions_in(model: Circle, state0: Any) -> np.ndarray:
    """Positions of a state: of a model with inertia it may be (2, n), positions and velocities."""
    if model.inertia is not None and np.ndim(state0) == 2:
        both = check_array("state0", state0, shape=(2, None))
        return model.positions(both[0], "state0")
    return model.positions(state0, "state0")


def _velocities_in(state0: Any, n: int) -> np.ndarray:
    if np.ndim(state0) == 2:
        return np.asarray(check_array("state0", state0, shape=(2, n))[1])
    return np.zeros(n)


def _fastest(model: Circle, n: int) -> float:
    """Rate of the fastest motion."""
    f = model.interaction
    divisor = model.divisors(n)
    g = 1.0 if divisor is None else float(np.min(divisor))
    total = (
        model.total_weight(n)
        if model.adjacency is None
        else float(np.max(abs(model.adjacency).sum(axis=1)))
    )
    slope = float(np.max(np.abs(f.df(np.linspace(0, np.pi, 257)))))
    rate = abs(model.coupling) * slope * math.exp(min(f.log_scale, 600.0)) * total / g
    if model.response is not None:
        rate *= float(np.max(model.response))
    if model.triads is not None:
        rate += sum(abs(k) for k in model.triads)
    if model.frequencies is not None:
        rate += float(np.max(np.abs(model.frequencies)))
    if model.noise is not None:
        rate += float(np.max(model.noise))
    if model.inertia is not None:
        rate += 1 / float(np.min(model.inertia))
    return rate


def extra_stepper(
    model: Circle, rhs: Any, y0: np.ndarray, state0: Any, times: np.ndarray, options: dict[str, Any]
) -> Stepper:
    """The stepper of a model with noise, inertia or a delay."""
    n, t0 = y0.size, float(times[0])
    if model.delay is not None:
        return DelayStepper(model, y0, t0, options)
    if model.inertia is not None:
        y0 = np.concatenate([y0, _velocities_in(state0, n)])
    if model.noise is None:
        field = Inertial(rhs, model.inertia)
        method = integrator(field, options)
        stepper = RungeKutta(method, t0, y0, float(times[-1]))
        return stepper
    scheme = "baoab" if model.inertia is not None else options["scheme"]
    step = options["step"]
    if step is None:
        rate = _fastest(model, n)
        step = 0.02 / rate if rate > 0 else float("inf")
    method = Langevin(rhs, model.noise, scheme, model.inertia)
    return NoiseStepper(method, n, t0, y0, step, np.random.default_rng(options["seed"]))


class NoiseStepper(Stepper):
    """Steps of one length with random kicks; they end at every output time.

    Parameters
    ----------
    method : Langevin
    n : int
        Particles.
    t0 : float
    y0 : array
    step : float
        Longest step.
    rng : Generator
    """

    def __init__(self, method: Langevin, n: int, t0: float, y0: np.ndarray, step: float, rng: Any):
        self.method, self.n, self.t, self.step, self.rng = method, n, t0, step, rng
        self.y = np.array(y0, dtype=float)
        self.row_size = self.y.size
        method.start(rng.standard_normal(n))

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """See :class:`Stepper`."""
        self.delivered = 0
        for k, time in enumerate(times):
            span = float(time) - self.t
            count = max(1, math.ceil(span / self.step * (1 - 1e-12))) if span > 0 else 0
            if count and not self._go(span / count, count):
                self.cause = self.method.error
                return Status.RHS_FAILED if self.cause is not None else Status.NON_FINITE
            self.t = float(time)
            rows[k] = self.y
            self.delivered = k + 1
        return Status.RUNNING

    def _go(self, h: float, count: int) -> bool:
        start = self.t
        most = max(1, _BLOCK // self.n)
        done = 0
        while done < count:
            look()
            size = min(most, count - done)
            normals = self.rng.standard_normal((size, self.n))
            taken = self.method.steps(self.y, start + done * h, h, normals)
            done += taken
            self.accepted += taken
            self.evaluations = int(self.method.evaluations)
            self.t = start + done * h
            if taken < size:
                return False
        return True

    def snapshot(self) -> dict[str, Any]:
        """See :class:`Stepper`; the random numbers go on where they were."""
        return {
            "t": self.t,
            "y": self.y.copy(),
            "accepted": self.accepted,
            "method": self.method.snapshot(),
            "random": self.rng.bit_generator.state,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """See :class:`Stepper`."""
        self.t, self.accepted = float(saved["t"]), int(saved["accepted"])
        self.y = _same_shape(saved["y"], self.y)
        self.method.restore(saved["method"])
        self.evaluations = int(self.method.evaluations)
        self.rng = _generator(saved["random"])

    @property
    def state(self) -> np.ndarray:
        """See :class:`Stepper`."""
        return self.y.copy()


def _same_shape(saved: Any, mine: np.ndarray) -> np.ndarray:
    array = np.array(saved, dtype=float)
    if array.shape != mine.shape:
        raise ValueError(f"the snapshot is of another problem: {array.shape}, not {mine.shape}")
    return array


def _generator(state: dict[str, Any]) -> np.random.Generator:
    """The generator in a state, of one of NumPy's kinds."""
    kinds = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
    if state["bit_generator"] not in kinds:
        raise ValueError(f"the snapshot has random numbers of none of {', '.join(kinds)}")
    generator = np.random.Generator(getattr(np.random, state["bit_generator"])(0))
    generator.bit_generator.state = state
    return generator


class DelayStepper(Stepper):
    """Classical Runge–Kutta steps, a whole number of them in the delay, with cubic interpolation.

    Parameters
    ----------
    model : Circle
        With a delay.
    x0 : (n,) array
    t0 : float
    options : dict
        ``step`` and ``history``.
    """

    def __init__(self, model: Circle, x0: np.ndarray, t0: float, options: dict[str, Any]):
        n = x0.size
        assert model.delay is not None
        step = options["step"] or 0.02 / max(_fastest(model, n), 1e-300)
        m = max(4, math.ceil(model.delay / step))
        check_memory(f"the past of {m} steps", 16.0 * (2 * m + 1))
        self.h = model.delay / m
        c = np.ones(n) if model.weights is None else np.asarray(model.weights)
        history = options["history"]
        back = t0 + (np.arange(2 * m + 1) / (2 * m) - 1) * model.delay
        if history is None:
            past = np.full(2 * m + 1, np.sum(c * np.exp(1j * x0)) / np.sum(c))
        else:
            rows = (model.positions(history(float(t)), "history(t)") for t in back[:-1])
            past = np.array([np.sum(c * np.exp(1j * x)) / np.sum(c) for x in (*rows, x0)])
        omega = np.zeros(n) + (0.0 if model.frequencies is None else model.frequencies)
        divisor = model.divisors(n)
        strength = model.coupling * float(np.sum(c)) / float(np.asarray(divisor))
        self.method = Delayed(omega, c, strength, model.phase_lag, past)
        self.t0, self.count = t0, 0
        self.y, self.t, self.row_size = np.array(x0, dtype=float), t0, n
        self.before = self.y.copy()

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """See :class:`Stepper`."""
        self.delivered = 0
        for k, time in enumerate(times):
            need = math.ceil((float(time) - self.t0) / self.h - 1e-9)
            while self.count < need:
                look()
                size = min(need - self.count, max(1, 100_000 // self.y.size))
                if size > 1:
                    size -= 1
                else:
                    self.before = self.y.copy()
                self.method.steps(self.y, self.h, size)
                self.count += size
                self.accepted += size
                self.evaluations += 5 * size
            self.t = self.t0 + self.count * self.h
            if not np.all(np.isfinite(self.y)):
                return Status.NON_FINITE
            rows[k] = self._at(float(time))
            self.delivered = k + 1
        return Status.RUNNING

    def snapshot(self) -> dict[str, Any]:
        """See :class:`Stepper`."""
        return {
            "t": self.t,
            "rows": np.array([self.y, self.before]),
            "counts": [self.count, self.accepted, self.evaluations],
            "method": self.method.snapshot(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """See :class:`Stepper`."""
        self.t = float(saved["t"])
        self.y, self.before = (_same_shape(row, self.y) for row in saved["rows"])
        self.count, self.accepted, self.evaluations = map(int, saved["counts"])
        self.method.restore(saved["method"])

    def _at(self, time: float) -> np.ndarray:
        """Hermite's cubic within the last step."""
        theta = 1 - (self.t - time) / self.h
        if self.count == 0 or theta >= 1 - 1e-12:
            return self.y
        first, last = self.method.slopes()
        d = self.y - self.before
        a, b = self.h * first - d, d - self.h * last
        curve: np.ndarray = self.before + theta * d
        curve += theta * (1 - theta) * ((1 - theta) * a + theta * b)
        return curve

    @property
    def state(self) -> np.ndarray:
        """See :class:`Stepper`."""
        return self.y.copy()


def batch_average(values: Any, *, batches: int = 20) -> tuple[float, float]:
    """Mean of a stationary series and its standard error, from means of batches.

    Parameters
    ----------
    values : (T,) array_like
        At equal distances in time, without the approach to the stationary state.
    batches : int
        Each should be longer than the correlation time.

    Returns
    -------
    mean, error : float

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import batch_average
    >>> mean, error = batch_average(np.random.default_rng(1).normal(size=4000))
    >>> abs(mean) < 4 * error, 0.01 < error < 0.025
    (True, True)
    """
    series = check_array("values", values, shape=(None,))
    if not 2 <= batches <= series.size:
        raise ValueError(f"batches must be between 2 and {series.size}, not {batches}")
    means = np.array([np.mean(part) for part in np.array_split(series, batches)])
    return float(np.mean(series)), float(np.std(means, ddof=1) / math.sqrt(batches))


def extra_statements(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    """What is known with noise or with a delay."""
    n = x0.size
    plain = (
        model.interaction.kind == "sine"
        and model.adjacency is None
        and model.phase_lag == 0
        and model.weights is None
        and model.response is None
        and model.triads is None
        and equal_frequencies(model)
    )
    divisor = model.divisors(n)
    if not plain or divisor is None or np.ndim(divisor) != 0:
        return
    strength = model.coupling * n / float(np.asarray(divisor))
    if isinstance(model.noise, float) and model.noise > 0 and strength > 0:
        yield _equilibrium(n, strength, model.noise)
    if model.delay is not None:
        omega = 0.0 if model.frequencies is None else float(np.mean(model.frequencies))
        found = delay_frequencies(omega, strength, model.delay)
        stable = [w for w, is_stable in found if is_stable]
        text = ", ".join(f"{w:.9g}" for w in stable) or "none"
        yield statement(
            "delayed synchrony",
            f"the stable synchronised states rotate with {text}",
            "Earl and Strogatz, Phys. Rev. E 67, 036204 (2003)",
            {"frequencies": tuple(stable)},
        )


def _equilibrium(n: int, coupling: float, noise: float) -> Prediction:
    expected = mean_square_order(n, coupling, noise)

    def check(result: Any) -> tuple[bool | None, str]:
        r2 = np.asarray(result.order_parameter) ** 2
        half = r2[r2.size // 2 :]
        if half.size < 200:
            return None, f"{half.size} outputs in the second half are too few for an average"
        mean, error = batch_average(half)
        found = f"mean square {mean:.4g} ± {error:.2g} in the second half, {expected:.6g} predicted"
        # a run may not be in equilibrium yet: it confirms, or says nothing
        return (abs(mean - expected) < 4 * error and error < 0.1 * expected) or None, found

    return statement(
        "equilibrium",
        f"in the stationary state ⟨r²⟩ = {expected:.9g}, exactly for {n} particles",
        "Gibbs' distribution exp(NKr²/2D)",
        {"mean_square_order": expected},
        None,
        check,
    )
