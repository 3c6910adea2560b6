"""Noise, inertia and delay: how particles with more than a velocity field are moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .._ext.motion import Inertial
from ..core.checks import check_array, check_integer
from ..core.predictions import Prediction
from ..core.rungekutta import RungeKutta, integrator
from ..core.stepper import Stepper
from .continuum import delay_frequencies
from .delays import DelayStepper
from .equilibrium import mean_square_order
from .model import Circle
from .noisy import NoiseStepper, delayed_noise, noise_method
from .spans import span_of
from .statements import equal_frequencies, positions_of, statement
from .tails import careful

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "batch_average",
    "extra_statements",
    "extra_stepper",
    "positions_in",
]


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


def _fastest(model: Circle, n: int, frame: float, times: np.ndarray) -> float:
    """Rate of the fastest motion in the frame."""
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
    if model.modulation is not None:
        looks = np.linspace(times[0], times[-1], 257)
        rate *= float(np.max(np.abs(model.modulation.many(looks))))
    if model.triads is not None:
        rate += sum(abs(k) for k in model.triads)
    if model.frequencies is not None:
        rate += float(np.max(np.abs(model.frequencies - frame)))
    if model.noise is not None:
        rate += float(np.max(model.noise))
    if model.inertia is not None:
        rate += 1 / float(np.min(model.inertia))
    return float(rate)


def extra_stepper(
    model: Circle, rhs: Any, state0: Any, times: np.ndarray, options: dict[str, Any], frame: float
) -> tuple[Stepper, str]:
    """The stepper of a model with noise, inertia, a delay or a changing coupling, and its name."""
    x, t0 = positions_in(model, state0), float(times[0])
    n = x.size
    y0 = rhs.layout.pack(x)
    if model.inertia is not None:
        y0 = np.concatenate([y0, _velocities_in(state0, n) - frame])
    if model.modulation is not None:
        model.modulation.cover(t0, float(times[-1]))
    if model.noise is not None:
        return _noise_stepper(model, rhs, y0, times, options, frame)
    if model.delay is not None:
        return DelayStepper(model, y0, t0, options, frame), "dop853, dense output as memory"
    field = rhs if model.inertia is None else Inertial(rhs, model.inertia)
    options = careful(options, model, n, frame)
    stepper = RungeKutta(integrator(field, options), t0, y0, float(times[-1]))
    return stepper, f"{options['method']}, {rhs.method_name}"


def _noise_stepper(
    model: Circle,
    rhs: Any,
    y0: np.ndarray,
    times: np.ndarray,
    options: dict[str, Any],
    frame: float,
) -> tuple[Stepper, str]:
    t0, longest = float(times[0]), float("inf")
    if model.delay is None:
        method, name = noise_method(model, rhs, y0, options, frame)
    else:
        method, name, longest = delayed_noise(model, y0, t0, options, frame)
    step = options["step"]
    if step is None:
        rate = _fastest(model, rhs.size, frame, times)
        step = min(0.02 / rate if rate > 0 else float("inf"), longest)
    return NoiseStepper(method, t0, step), name


def batch_average(values: ArrayLike, *, batches: int = 20) -> tuple[float, float]:
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
    batches = check_integer("batches", batches)
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
        and model.response is None
        and model.triads is None
        and model.modulation is None
        and model.lags is None
        and (model.noise is None or model.delay is None)
        and equal_frequencies(model)
    )
    divisor = model.divisors(n)
    if not plain or divisor is None or np.ndim(divisor) != 0:
        return
    strength = model.coupling * model.total_weight(n) / float(np.asarray(divisor))
    alike = model.weights is None and model.phase_lag == 0
    if isinstance(model.noise, float) and model.noise > 0 and strength > 0 and alike:
        yield _equilibrium(n, strength, model.noise)
    if isinstance(model.delay, float):
        omega = 0.0 if model.frequencies is None else float(np.mean(model.frequencies))
        delay, lag = model.delay, model.phase_lag
        found = delay_frequencies(omega, strength, delay, phase_lag=lag)
        stable = [w for w, is_stable in found if is_stable]
        text = ", ".join(f"{w:.9g}" for w in stable) or "none"
        yield statement(
            "delayed synchrony",
            f"the stable synchronised states rotate with {text}",
            "Earl and Strogatz, Phys. Rev. E 67, 036204 (2003)",
            {"frequencies": tuple(stable)},
            None,
            partial(
                _rotates,
                stable,
                lambda w: w - omega + strength * math.sin(w * delay + lag),
                abs(omega) + abs(strength),
            ),
        )


def _rotates(
    stable: list[float], balance: Callable[[float], float], unit: float, result: Any
) -> tuple[bool | None, str]:
    """Whether a run ends together, at one of the frequencies.

    It is contradicted by a steady rotation that is none of the model's, stable or not: where
    `balance`, ω - K sin(ωτ + α) against ω, is far from zero. Frequencies are known to parts of
    `unit`: they may all be zero.
    """
    x, times = positions_of(result), np.asarray(result.times)
    if x is None or len(times) < 4:
        return None, "the run has not three outputs after its start"
    if span_of(x[-2]) > 1e-6 or span_of(x[-1]) > 1e-6:
        return None, f"within an arc of {span_of(x[-1]):.4g} at the end: not together"
    speed = float(np.mean(x[-1] - x[-2])) / float(times[-1] - times[-2])
    off = min((abs(speed - w) for w in stable), default=np.inf)
    scale = max(abs(speed), unit)
    before = float(np.mean(x[-2] - x[-3])) / float(times[-2] - times[-3])
    found = f"together, rotating with {speed:.9g} at the end"
    if off < 1e-5 * scale:
        return True, found
    steady = abs(speed - before) < 1e-7 * scale
    return (False if steady and abs(balance(speed)) > 1e-3 * scale else None), found


def _equilibrium(n: int, coupling: float, noise: float) -> Prediction:
    expected = mean_square_order(n, coupling, noise)

    def check(result: Any) -> tuple[bool | None, str]:
        r2, times = np.asarray(result.order_parameter) ** 2, np.asarray(result.times)
        late = times >= (times[0] + times[-1]) / 2
        # means are over time, wherever the outputs lie
        even = np.linspace(times[late][0], times[-1], int(late.sum()))
        half = np.interp(even, times[late], r2[late])
        if half.size < 200:
            return None, f"{half.size} outputs in the second half are too few for an average"
        mean, error = batch_average(half)
        found = (
            f"mean square {mean:.4g} ± {2 * error:.2g} in the second half, {expected:.6g} predicted"
        )
        # a run may not be in equilibrium yet: it confirms, or says nothing
        return (abs(mean - expected) < 3 * error and error < 0.05 * expected) or None, found

    return statement(
        "equilibrium",
        f"in the stationary state ⟨r²⟩ = {expected:.9g}, exactly for {n} particles",
        "Gibbs' distribution exp(NKr²/2D)",
        {"mean_square_order": expected},
        None,
        check,
    )
