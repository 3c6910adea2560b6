r"""Transport and the potential term Θ on phase-space arrays, each of them exactly.

Transport is a phase in the wave numbers ξ of x, Θ a phase in the separations y conjugate to p.
For a quadratic potential kick–drift–kick with the right coefficients is the exact flow; otherwise
transport and Θ are split by the Runge–Kutta–Nyström scheme of order 6 with 11 stages of Blanes and
Moan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft

from .._ext.wigner import multiply
from ..waves.hamiltonian import QuadraticPotential
from ..waves.splitting import Cache, phase
from .model import WignerLohe

__all__ = ["RKN_SCHEMES", "Nystrom", "Transport", "check_potential"]


@dataclass(frozen=True)
class Nystrom:
    """Coefficients of the kicks b and drifts a of a symmetric scheme b₁ a₁ b₂ … a₁ b₁."""

    name: str
    order: int
    kicks: tuple[float, ...]
    drifts: tuple[float, ...]


def _nystrom(name: str, order: int, b: list[float], a: list[float]) -> Nystrom:
    if len(b) == len(a):
        # the middle one is a drift
        b = [*b, 0.5 - sum(b)]
        a = [*a, 1 - 2 * sum(a)]
        return Nystrom(name, order, tuple(b + b[::-1]), tuple(a + a[-2::-1]))
    b = [*b, 1 - 2 * sum(b)]
    a = [*a, 0.5 - sum(a)]
    return Nystrom(name, order, tuple(b + b[-2::-1]), tuple(a + a[::-1]))


#: S. Blanes, P. C. Moan, J. Comput. Appl. Math. 142 (2002) 313
RKN_SCHEMES: dict[str, Nystrom] = {
    s.name: s
    for s in (
        Nystrom("strang", 2, (0.5, 0.5), (1.0,)),
        _nystrom(
            "rkn6",
            4,
            [0.0829844064174052, 0.396309801498368, -0.0390563049223486],
            [0.245298957184271, 0.604872665711080],
        ),
        _nystrom(
            "rkn11",
            6,
            [
                0.0414649985182624,
                0.198128671918067,
                -0.0400061921041533,
                0.0752539843015807,
                -0.0115113874206879,
            ],
            [
                0.123229775946271,
                0.290553797799558,
                -0.127049212625417,
                -0.246331761062075,
                0.357208872795928,
            ],
        ),
    )
}


class Transport:
    """The two sub-flows of the linear equation on arrays w(x, p): drift and kick, in place."""

    def __init__(self, model: WignerLohe, n: int):
        self.model = model
        self.space = model.phase_space
        self.d = model.grid.ndim
        self.cache = Cache(2**28)
        self._x_axes = tuple(range(self.d))
        self._p_axes = tuple(range(self.d, 2 * self.d))
        # rows where kick factors of different potentials are found by their number
        self._hamiltonians: list[Any] = []
        self._which = []
        for h in model.hamiltonians(n):
            known = next((k for k, other in enumerate(self._hamiltonians) if other is h), None)
            if known is None:
                known = len(self._hamiltonians)
                self._hamiltonians.append(h)
            self._which.append(known)
        self._samples: dict[tuple[int, int], np.ndarray] = {}

    @property
    def quadratic(self) -> QuadraticPotential | None:
        """The potential as a quadratic form, if all oscillators have the same."""
        return self._hamiltonians[0].quadratic if self.model.common else None

    def sample(self, which: int, sign: int) -> np.ndarray:
        """V(x±y/2) on all (x, y), y in FFT order."""
        found = self._samples.get((which, sign))
        if found is not None:
            return found
        check_potential(self.model, len(self._which))
        space, d = self.space, self.d
        h = self._hamiltonians[which]
        points = []
        for a in range(d):
            x, y = space.x_axes[a], np.fft.ifftshift(space.y_axes[a])
            shape = [1] * (2 * d)
            shape[a], shape[d + a] = len(x), len(y)
            points.append((x[:, None] + sign * y[None, :] / 2).reshape(shape))
        form = h.quadratic
        if callable(h.potential):
            value = h.potential(*points)
            value = np.broadcast_to(np.asarray(value, dtype=float), space.shape)
            if not np.all(np.isfinite(value)):
                # beyond the box, where there is nothing to be moved
                inside = [np.clip(x, *_limits(space, a)) for a, x in enumerate(points)]
                value = np.where(
                    np.isfinite(value), value, np.broadcast_to(h.potential(*inside), space.shape)
                )
            if not np.all(np.isfinite(value)):
                raise ValueError("potential must be finite between the points of the grid, too")
        else:
            value = np.full(space.shape, form.constant)
            for kappa, force, axis in zip(form.kappa, form.force, form.axes.T, strict=True):
                u = sum(c * x for c, x in zip(axis, points, strict=True))
                value = value + 0.5 * kappa * u**2 + force * u
        value = np.ascontiguousarray(value)
        if space.nbytes(float) <= 2**26:
            self._samples[which, sign] = value
        return value

    # ------------------------------------------------------------ sub-flows

    def _factor(
        self,
        key: Any,
        exponent: Callable[[], np.ndarray],
        halved: int | None = None,
        sign: float = 1.0,
    ) -> np.ndarray:
        """exp(−i·sign·exponent), kept; only what a real transform needs of the axis `halved`."""

        def make(_: float) -> np.ndarray:
            return phase(exponent() if halved is None else _half(exponent(), halved), sign)

        return self.cache.get((key, halved), 0.0, make)

    def _in_x(self, w: np.ndarray, key: Any, exponent: Callable[[], np.ndarray]) -> None:
        """Multiply by exp(−i·exponent) in (ξ, p); a real w stays real."""
        axes = self._x_axes
        if np.isrealobj(w):
            hat = scipy.fft.rfftn(w, axes=axes)
            _times(hat, self._factor(key, exponent, self.d - 1))
            w[...] = scipy.fft.irfftn(hat, s=self.space.x_shape, axes=axes, overwrite_x=True)
            return
        hat = scipy.fft.fftn(w, axes=axes)
        _times(hat, self._factor(key, exponent))
        w[...] = scipy.fft.ifftn(hat, axes=axes, overwrite_x=True)

    def _in_y(self, w: np.ndarray, items: list[tuple[Any, Callable[[], np.ndarray]]]) -> None:
        """Multiply by exp(−i·exponent) in (x, y) for each item; a real w stays real if the
        exponents are odd in y.
        """
        # p runs from −π/dx: in y that is a sign in every other point, the same before and after
        axes = self._p_axes
        if np.isrealobj(w):
            # the other sign of y, hence of the exponent
            hat = scipy.fft.rfftn(w, axes=axes)
            for key, exponent in items:
                _times(hat, self._factor(key, exponent, 2 * self.d - 1, -1.0))
            w[...] = scipy.fft.irfftn(hat, s=self.space.x_shape, axes=axes, overwrite_x=True)
            return
        hat = scipy.fft.ifftn(w, axes=axes)
        for key, exponent in items:
            _times(hat, self._factor(key, exponent))
        w[...] = scipy.fft.fftn(hat, axes=axes, overwrite_x=True)

    def drift(self, w: np.ndarray, dt: float) -> None:
        """Transport `w` in place by a time `dt`, ∂w/∂t=−p·∇w, exactly: a phase in Fourier space."""
        dt = self.cache.length(dt)
        self._in_x(w, ("drift", dt), lambda: dt * self._xi_p(np.eye(self.d)))

    def kick(self, w: np.ndarray, i: int, j: int, dt: float) -> None:
        """Θ of w_ij: the factor exp(−i[V_i(x+y/2)−V_j(x−y/2)] dt)."""
        dt = self.cache.length(dt)
        a, b, step = self._which[i], self._which[j], dt
        if a == b:
            self._in_y(
                w, [(("kick", a, step), lambda: dt * (self.sample(a, 1) - self.sample(a, -1)))]
            )
        else:
            plus = ("plus", a, step), lambda: dt * self.sample(a, 1)
            minus = ("minus", b, step), lambda: -dt * self.sample(b, -1)
            self._in_y(w, [plus, minus])

    def _xi_p(self, matrix: np.ndarray) -> np.ndarray:
        """ξ·(matrix p) on (ξ, p); the highest ξ of an even grid does not move."""
        d, total = self.d, 0.0
        for a in range(d):
            n = self.space.x_shape[a]
            xi = 2 * np.pi * scipy.fft.fftfreq(n, self.space.dx[a])
            xi[n // 2] = 0
            shape = [1] * (2 * d)
            shape[a] = n
            for b in range(d):
                if matrix[a, b] == 0:
                    continue
                other = [1] * (2 * d)
                other[d + b] = -1
                total = total + matrix[a, b] * xi.reshape(shape) * self.space.p_axes[b].reshape(
                    other
                )
        return np.broadcast_to(np.asarray(total, dtype=float), self.space.shape)

    # ------------------------------------------------------------ flows

    def step(
        self,
        w: np.ndarray,
        i: int,
        j: int,
        h: float,
        count: int,
        scheme: Nystrom,
        check: Callable[[], None] | None = None,
    ) -> None:
        """`count` steps of length `h` of w_ij under transport and Θ; `check` before each may
        raise.
        """
        b, a = scheme.kicks, scheme.drifts
        for k in range(count):
            if check is not None:
                check()
            for s, drift in enumerate(a):
                # the last kick of a step and the first of the next are one
                self.kick(w, i, j, (b[s] if s or k == 0 else 2 * b[0]) * h)
                self.drift(w, drift * h)
        self.kick(w, i, j, b[0] * h)

    def shear(self, w: np.ndarray, dt: float) -> None:
        """The exact flow of a quadratic potential."""
        form = self.quadratic
        assert form is not None
        fastest = float(np.sqrt(max(np.max(form.kappa), 0.0)))
        pieces = max(1, int(np.ceil(fastest * dt / (np.pi / 3))))
        t = dt / pieces
        kicks, drifts = np.empty((2, self.d))
        for a, kappa in enumerate(form.kappa):
            rate = np.sqrt(abs(kappa))
            if kappa > 0:
                kicks[a], drifts[a] = np.tan(rate * t / 2) / rate, np.sin(rate * t) / rate
            elif kappa < 0:
                kicks[a], drifts[a] = np.tanh(rate * t / 2) / rate, np.sinh(rate * t) / rate
            else:
                kicks[a], drifts[a] = t / 2, t

        def kick() -> np.ndarray:
            space, total = self.space, 0.0
            for axis, strength, kappa, force in zip(
                form.axes.T, kicks, form.kappa, form.force, strict=True
            ):
                u, y = 0.0, 0.0
                for a, c in enumerate(axis):
                    shape = [1] * (2 * self.d)
                    shape[a] = -1
                    u = u + c * space.x_axes[a].reshape(shape)
                    shape = [1] * (2 * self.d)
                    shape[self.d + a] = -1
                    y = y + c * np.fft.ifftshift(space.y_axes[a]).reshape(shape)
                total = total + strength * (kappa * u + force) * y
            return np.broadcast_to(total, space.shape)

        matrix = form.axes @ np.diag(drifts) @ form.axes.T
        key = f"{t:.12e}"
        for _ in range(pieces):
            self._in_y(w, [(("shear kick", key), kick)])
            self._in_x(w, ("shear drift", key), lambda: self._xi_p(matrix))
            self._in_y(w, [(("shear kick", key), kick)])


def _half(array: np.ndarray, axis: int) -> np.ndarray:
    """What a real transform keeps of an axis in FFT order."""
    return np.ascontiguousarray(np.take(array, np.arange(array.shape[axis] // 2 + 1), axis=axis))


def _limits(space: Any, a: int) -> tuple[float, float]:
    return float(space.x_axes[a][0]), float(space.x_axes[a][-1])


def _times(array: np.ndarray, factor: np.ndarray) -> None:
    multiply(array.reshape(1, -1), factor.reshape(-1))


def check_potential(model: WignerLohe, n: int) -> None:
    """Phase-space arrays need the potential between the points of the grid and beyond."""
    for k, h in enumerate(model.hamiltonians(n)):
        if not callable(h.potential) and h.quadratic is None:
            name = f"potential[{k}]" if isinstance(model.potential, tuple) else "potential"
            raise ValueError(
                f"{name} must be a callable for phase-space arrays, which need it between the "
                "points of the grid and beyond; "
                "it was given as an array"
            )
