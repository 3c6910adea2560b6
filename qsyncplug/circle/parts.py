"""Forces, slopes and divisors of a model at one state."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse

from ..core.checks import check_memory
from .balance import imbalance
from .divisors import divisors_of
from .interactions import Interaction
from .model import Circle, refuse_extras

__all__ = ["TOGETHER", "Parts"]

#: distance up to which particles count as one
TOGETHER = 1e-6


class Parts:
    """Forces, slopes and divisors of a model at one state, as dense arrays of the scaled
    interaction.
    """

    def __init__(self, model: Circle, x: np.ndarray):
        refuse_extras(model, "a linearisation here")
        self.model, self.x, n = model, x, x.size
        check_memory(
            f"the Jacobian of {n} particles",
            6 * 8.0 * n * n,
            advice="take fewer particles, or clusters as weights",
        )
        self.c = np.ones(n) if model.weights is None else np.asarray(model.weights)
        a = self._adjacency()
        self.act = np.broadcast_to(self.c, (n, n)) if a is None else a * self.c
        self.difference = x[:, None] - x[None, :] + model.phase_lag
        self.scale = 1.0 if self.attention else _factor(self.f)
        if self.attention:
            weight = self._weight(self.difference)
            self._set_attention(weight)
            total = np.sum(self.act * weight, axis=1)
            self.g = np.where(total > 0, total, 1.0)  # nobody acts on an isolated particle
        else:
            f, d = self.f, self.difference
            self.push, self.pull, self.curve = (self.act * v(d) for v in (f.f, f.df, f.d2f))
            constant = not callable(model.normalization)
            self.g = np.ones(n) * np.asarray(model.divisors(n)) if constant else self.call(x)

    def _set_attention(self, weight: np.ndarray) -> None:
        """Forces, slopes and curvatures with these attention weights."""
        s, c, beta = np.sin(self.difference), np.cos(self.difference), self.f.beta
        self.push = self.act * s * weight
        self.pull = self.act * (c - beta * s * s) * weight
        self.curve = self.act * s * (beta * beta * s * s - 3 * beta * c - 1) * weight

    @property
    def f(self) -> Interaction:
        """The interaction f of two particles."""
        return self.model.interaction

    @property
    def attention(self) -> bool:
        """Whether the velocities are divided by attention weights."""
        g = self.model.normalization
        return isinstance(g, str) and g == "attention"

    @property
    def force(self) -> np.ndarray:
        """Sum of the forces on each particle, without its gain."""
        return np.asarray(np.sum(self.push, axis=1))

    @property
    def omega(self) -> np.ndarray:
        """Natural frequencies, (n,)."""
        omega = self.model.frequencies
        return np.zeros(self.x.size) + (0.0 if omega is None else omega)

    @property
    def response(self) -> np.ndarray:
        """Coupling times response of each particle."""
        r = self.model.response
        return float(self.model.coupling) * (np.ones(self.x.size) if r is None else np.asarray(r))

    def _adjacency(self) -> np.ndarray | None:
        a = self.model.adjacency
        return None if a is None else a.toarray() if scipy.sparse.issparse(a) else np.asarray(a)

    def _exponents(self, difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the attention weights, and the largest of each row, (n, 1)."""
        beta = self.f.beta
        half = np.sin(difference / 2) if beta >= 0 else np.cos(difference / 2)
        exponent = np.where(self.act != 0, -2 * abs(beta) * half * half, -np.inf)
        top = np.max(exponent, axis=1, keepdims=True)
        return exponent, np.where(np.isfinite(top), top, 0.0)

    def _weight(self, difference: np.ndarray) -> np.ndarray:
        """Attention weights without the largest exponent of each row, which cancels in the velocity
        but may underflow.
        """
        exponent, top = self._exponents(difference)
        with np.errstate(under="ignore"):
            return np.asarray(np.exp(exponent - top))

    def symmetric(self, jacobian: np.ndarray) -> np.ndarray:
        """The symmetric matrix that the Jacobian of a reciprocal model at rest (or with constant g)
        is similar to.
        """
        # J = diag(gain/c)·(symmetric), so diag(√(gain/c)) makes it symmetric
        root = np.sqrt(np.abs(self.gain) / self.c)
        if not self.attention:
            matrix = jacobian * (root[None, :] / root[:, None])
            return np.asarray((matrix + matrix.T) / 2)
        # each row of J lacks its own largest exponent: half of the row's and half of the column's
        # go instead,
        # before the exponential, which neither overflows nor loses a small entry
        exponent, top = self._exponents(self.difference)
        s, c = np.sin(self.difference), np.cos(self.difference)
        with np.errstate(under="ignore"):
            weight = np.exp(exponent - 0.5 * (top + top.T))
        act = np.where(self.act != 0, self.act / self.c, 0.0) * self.c[:, None] * self.c
        sign = np.sign(self.model.coupling)
        matrix = sign * root[:, None] * act * (c - self.f.beta * s * s) * weight * root
        np.fill_diagonal(matrix, np.diag(jacobian))
        return np.asarray((matrix + matrix.T) / 2)

    def call(self, x: np.ndarray) -> np.ndarray:
        """The divisors at `x`, of a normalization that is a function."""
        return np.asarray(divisors_of(self.model.normalization, x.copy()))

    @property
    def gain(self) -> np.ndarray:
        """Factor between force and velocity of each particle."""
        return np.asarray(self.response * self.scale / self.g)

    @property
    def velocity(self) -> np.ndarray:
        """Velocities ẋ_i of positions."""
        return np.asarray(self.omega - self.gain * self.force)

    def imbalance(self, frame: float = 0.0) -> np.ndarray:
        """Velocity in a frame that turns with `frame`, relative to what the gross forces on each
        particle could cause.
        """
        apart = np.abs(np.exp(1j * (self.x[:, None] - self.x[None, :])) - 1) > TOGETHER
        scale = np.where(self.gain != 0, self.gain, 1.0)
        # one more force; with a lag a particle also acts on itself
        off = self.omega - frame
        # what rounding of angles and frequencies makes of zero is no drift
        floor = self.rounding() + 4e-15 * np.maximum(np.abs(self.omega), abs(frame))
        off = np.where(np.abs(off) > floor, off, 0.0)
        drift = np.diag(self.push) - off / scale
        if not np.any(self.gain):
            return np.where(self.omega == frame, 0.0, 1.0)
        outside = imbalance(self.push * apart, self.pull * apart, drift)
        within = imbalance(self.push * ~apart, self.pull * ~apart)
        return np.asarray(np.maximum(outside, within))

    def frame(self) -> float:
        """Angular velocity of the frame in which the state is at rest if it is locked: that of the
        particles' mean.
        """
        c = self.c * self.g / np.where(self.response != 0, self.response, 1.0)
        return float(np.sum(c * self.velocity) / np.sum(c))

    def rounding(self) -> float:
        """Size of the eigenvalues of the Jacobian that rounding of the angles makes of zeros."""
        off = 1.0 - np.eye(self.x.size)
        curve = np.abs(self.curve) * off
        rows = np.sum(np.abs(self.pull) * off, axis=1) + np.sum(curve, axis=1) * max(
            1.0, float(np.max(np.abs(self.x)))
        )
        return 1e-13 * max(float(np.max(np.abs(self.gain) * rows)), 1e-300) * math.sqrt(self.x.size)

    def jacobian(self) -> np.ndarray:
        """∂ẋ_i/∂x_j at this state, (n, n): row i is of particle i's velocity, normalisation
        included.
        """
        pull = self.pull.copy()
        np.fill_diagonal(pull, 0.0)  # a particle does not move against itself
        matrix = pull
        np.fill_diagonal(matrix, -np.sum(pull, axis=1))
        matrix = matrix * self.gain[:, None]
        slope = self._divisor_slope()
        if slope is not None:
            matrix += (self.gain * self.force / self.g)[:, None] * slope
        return np.asarray(matrix)

    def _divisor_slope(self) -> np.ndarray | None:
        """∂g_i/∂x_j; None where g is constant."""
        if self.attention:
            slope = self.f.beta * self.push
            np.fill_diagonal(slope, 0.0)
            np.fill_diagonal(slope, -np.sum(slope, axis=1))
            return np.asarray(slope)
        if not callable(self.model.normalization) or not np.any(self.force):
            return None
        n = self.x.size
        slope = np.empty((n, n))
        h = 1e-3
        for j in range(n):
            # central differences of order 6
            total = np.zeros(n)
            for k, weight in ((1, 0.75), (2, -0.15), (3, 1 / 60)):
                step = np.zeros(n)
                step[j] = k * h
                total += weight * (self.call(self.x + step) - self.call(self.x - step))
            slope[:, j] = total / h
        return slope

    def reciprocal(self) -> bool:
        """Whether i acts on j as j acts on i: then the motion is along the gradient of an
        energy.
        """
        a = self._adjacency()
        return self.model.phase_lag == 0 and (a is None or np.array_equal(a, a.T))


def _factor(force: Interaction) -> float:
    """What the scaled interaction must be multiplied by."""
    if force.log_scale > 690:
        raise ValueError(
            f"the forces of {force} have a factor e^{force.log_scale:.4g}, beyond floating point; "
            'take attention(beta, scaled=True) or normalization="attention"'
        )
    return math.exp(force.log_scale)
