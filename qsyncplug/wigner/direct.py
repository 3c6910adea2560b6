r"""Direct integration in phase space: transport, the potential term Θ, and the coupling, each of them exactly.

Transport is a phase in the wave numbers ξ of x, Θ a phase in the separations y conjugate to p. For a quadratic
potential kick–drift–kick with the right coefficients is the exact flow; otherwise transport and Θ are split by the
Runge–Kutta–Nyström scheme of order 6 with 11 stages of Blanes and Moan. The coupling only mixes the w_ij.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft

from .._ext.integrator import Integrator
from .._ext.wigner import WignerLoheRightHandSide, multiply
from ..core.checks import check_memory
from ..lohe.hamiltonian import QuadraticPotential
from ..lohe.splitting import Cache, OscillatorLostError, phase
from .model import WignerLohe
from .state import InitialState

__all__ = ["RKN_SCHEMES", "CouplingFlow", "DirectSystem", "LinearFlow", "Nystrom", "Transport"]


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
            [0.0414649985182624, 0.198128671918067, -0.0400061921041533, 0.0752539843015807, -0.0115113874206879],
            [0.123229775946271, 0.290553797799558, -0.127049212625417, -0.246331761062075, 0.357208872795928],
        ),
    )
}


class Transport:
    """The two sub-flows of the linear equation on arrays w(x, p): drift and kick, in place."""

    def __init__(self, model: WignerLohe, n: int):
        self.model = model
        self.space = model.phase_space
        self.d = model.grid.ndim
        self._cache = Cache(2**28)
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
                value = np.where(np.isfinite(value), value, np.broadcast_to(h.potential(*inside), space.shape))
            if not np.all(np.isfinite(value)):
                raise ValueError("potential must be finite between the points of the grid, too")
        elif form is not None:
            value = np.full(space.shape, form.constant)
            for kappa, force, axis in zip(form.kappa, form.force, form.axes.T, strict=True):
                u = sum(c * x for c, x in zip(axis, points, strict=True))
                value = value + 0.5 * kappa * u**2 + force * u
        else:
            raise ValueError(
                "potential must be a callable for phase-space arrays: they need it between the points of the grid and beyond"
            )
        value = np.ascontiguousarray(value)
        if space.nbytes(float) <= 2**26:
            self._samples[which, sign] = value
        return value

    def drift(self, w: np.ndarray, key: Any, factor: Callable[[], np.ndarray]) -> None:
        """Multiply by `factor` in (ξ, p)."""
        hat = scipy.fft.fftn(w, axes=self._x_axes, overwrite_x=True)
        _times(hat, self._cache.get(("drift", key), 0.0, lambda _: factor()))
        w[...] = scipy.fft.ifftn(hat, axes=self._x_axes, overwrite_x=True)

    def kick(self, w: np.ndarray, factors: list[np.ndarray]) -> None:
        """Multiply by `factors` in (x, y)."""
        hat = scipy.fft.ifftn(w, axes=self._p_axes, overwrite_x=True)
        for factor in factors:
            _times(hat, factor)
        w[...] = scipy.fft.fftn(hat, axes=self._p_axes, overwrite_x=True)

    def drift_factor(self, dt: float) -> np.ndarray:
        """exp(−i p·ξ dt)."""
        return phase(self._xi_p(np.eye(self.d)), dt)

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
                total = total + matrix[a, b] * xi.reshape(shape) * self.space.p_axes[b].reshape(other)
        return np.broadcast_to(np.asarray(total, dtype=float), self.space.shape)

    def kick_factors(self, i: int, j: int, dt: float) -> list[np.ndarray]:
        """Factors whose product is exp(−i[V_i(x+y/2)−V_j(x−y/2)] dt)."""
        a, b = self._which[i], self._which[j]
        # p runs from −π/dx: in y that is a sign in every other point, the same before and after
        if a == b:
            return [self._cache.get(("kick", a), dt, lambda x: phase(self.sample(a, 1) - self.sample(a, -1), x))]
        return [
            self._cache.get(("plus", a), dt, lambda x: phase(self.sample(a, 1), x)),
            self._cache.get(("minus", b), dt, lambda x: phase(self.sample(b, -1), -x)),
        ]

    # ------------------------------------------------------------ flows

    def step(self, w: np.ndarray, i: int, j: int, h: float, count: int, scheme: Nystrom) -> None:
        """`count` steps of length `h` of w_ij under transport and Θ."""
        b, a = scheme.kicks, scheme.drifts
        for k in range(count):
            for s, drift in enumerate(a):
                # the last kick of a step and the first of the next are one
                kick = b[s] if s or k == 0 else 2 * b[0]
                self.kick(w, self.kick_factors(i, j, kick * h))
                key = f"{drift * h:.12e}"
                self.drift(w, key, lambda x=drift * h: self.drift_factor(x))  # type: ignore[misc]
        self.kick(w, self.kick_factors(i, j, b[0] * h))

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

        def kick_factor(_: float) -> np.ndarray:
            space, total = self.space, 0.0
            for axis, strength, kappa, force in zip(form.axes.T, kicks, form.kappa, form.force, strict=True):
                u, y = 0.0, 0.0
                for a, c in enumerate(axis):
                    shape = [1] * (2 * self.d)
                    shape[a] = -1
                    u = u + c * space.x_axes[a].reshape(shape)
                    shape = [1] * (2 * self.d)
                    shape[self.d + a] = -1
                    y = y + c * np.fft.ifftshift(space.y_axes[a]).reshape(shape)
                total = total + strength * (kappa * u + force) * y
            return phase(np.broadcast_to(total, space.shape), 1.0)

        matrix = form.axes @ np.diag(drifts) @ form.axes.T
        for _ in range(pieces):
            self.kick(w, [self._cache.get("shear", t, kick_factor)])
            self.drift(w, ("shear", f"{t:.12e}"), lambda: phase(self._xi_p(matrix), 1.0))
            self.kick(w, [self._cache.get("shear", t, kick_factor)])


def _limits(space: Any, a: int) -> tuple[float, float]:
    return float(space.x_axes[a][0]), float(space.x_axes[a][-1])


def _times(array: np.ndarray, factor: np.ndarray) -> None:
    multiply(array.reshape(1, -1), factor.reshape(-1))


def pairs_of(n: int, hermitian: bool) -> list[tuple[int, int]]:
    """The pairs that are stepped: i ≤ j for Hermitian data, else all."""
    return [(i, j) for i in range(n) for j in range(i if hermitian else 0, n)]


def start_arrays(model: WignerLohe, state: InitialState) -> np.ndarray:
    """w_ij of the pairs that are stepped, (P, ...)."""
    from .matrix import FactorMatrix

    space = model.phase_space
    pairs = pairs_of(state.n, state.hermitian)
    check_memory("the phase-space arrays", 3.0 * len(pairs) * space.nbytes(), advice="start from kets, which need none")
    if state.arrays is not None:
        return np.array([state.arrays[i, j] for i, j in pairs])
    assert state.left is not None
    matrix = FactorMatrix(space, state.left, state.right, state.signs)
    return np.array([matrix.wigner(i, j) for i, j in pairs], dtype=complex)


class LinearFlow:
    """U(t): every w_ij under transport and Θ of one potential.

    Parameters
    ----------
    model : WignerLohe
    state : InitialState
    rtol : float
        Local error of a step, relative to the norm.
    step : float, optional
        Fixed length of the steps; unless given it is found by comparing two steps with one of twice the length, at the
        beginning of every stretch and at every eighth step.
    scheme : str
        Of ``RKN_SCHEMES``.
    """

    def __init__(
        self, model: WignerLohe, state: InitialState, *, rtol: float = 1e-11, step: float | None = None, scheme: str = "rkn11"
    ):
        self.model = model
        self.state = state
        self.rtol = rtol
        self.fixed = step
        self.scheme = RKN_SCHEMES[scheme]
        self.transport = Transport(model, state.n)
        self.pairs = pairs_of(state.n, state.hermitian)
        self._h = 0.5
        self.steps = 0

    def start(self) -> np.ndarray:
        """The arrays at the start."""
        return start_arrays(self.model, self.state)

    def advance(self, arrays: np.ndarray, t: float, t1: float) -> None:
        """Move `arrays` (P, ...) from `t` to `t1`, in place."""
        self.run(arrays, t1 - t)

    def run(self, arrays: np.ndarray, dt: float, exact: bool = True) -> None:
        """Move by `dt`; `exact` allows the shears of a quadratic potential."""
        if dt == 0:
            return
        if exact and self.fixed is None and self.transport.quadratic is not None:
            for w in arrays:
                self.transport.shear(w, dt)
            return
        if self.fixed is not None:
            count = max(1, int(np.ceil(dt / self.fixed * (1 - 1e-12))))
            for w in arrays:
                self.transport.step(w, 0, 0, dt / count, count, self.scheme)
            self.steps += count
            return
        for w in arrays:
            self._adaptive(w, dt)

    def _adaptive(self, w: np.ndarray, dt: float) -> None:
        size = float(np.linalg.norm(w))
        if size == 0:
            return
        done, weight = 0.0, 2.0**self.scheme.order - 1
        h = self._h
        while dt - done > 1e-14 * abs(dt):
            pairs = max(1, int(np.ceil((dt - done) / (2 * h) * (1 - 1e-10))))
            step = (dt - done) / (2 * pairs)
            fine, coarse = w.copy(), w.copy()
            self.transport.step(coarse, 0, 0, 2 * step, 1, self.scheme)
            self.transport.step(fine, 0, 0, step, 2, self.scheme)
            coarse -= fine
            error = float(np.linalg.norm(coarse)) / (weight * size * self.rtol)
            self.steps += 3
            factor = 0.9 * max(error, 1e-8) ** (-1 / (self.scheme.order + 1))
            if error > 1:
                h = step * max(0.2, factor)
                if h < 1e-8 * abs(dt):
                    raise FloatingPointError("step size underflow")
                continue
            w[...] = fine
            done += 2 * step
            h = step * min(4.0, factor) if factor > 1.3 else step
            self._h = max(h, step)
            if factor <= 1.3 and pairs > 1:
                # six steps more of this length before the next comparison
                more = min(6, 2 * (pairs - 1))
                self.transport.step(w, 0, 0, step, more, self.scheme)
                self.steps += more
                done += more * step


class CouplingFlow:
    """The flow of the coupling alone: L and R for z."""

    def __init__(self, model: WignerLohe, n: int, hermitian: bool):
        self.kappa = model.coupling
        self.n = n
        self.hermitian = hermitian
        self.rates = np.zeros(n)

    def __call__(self, z: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """L and R after `dt`, which may be negative."""
        n = self.n
        if (self.kappa == 0 and not np.any(self.rates)) or dt == 0:
            return np.eye(n, dtype=complex), np.eye(n, dtype=complex)
        sign = 1.0 if dt > 0 else -1.0
        rhs = WignerLoheRightHandSide(z, sign * self.kappa, sign * self.rates, self.hermitian)
        integrator = Integrator(rhs, rtol=1e-13, atol=1e-15, nsteps=100_000)
        integrator.set_state(0.0, rhs.start(), abs(dt))
        out = np.empty((1, rhs.size))
        _, count = integrator.advance(np.array([abs(dt)]), out)
        numbers = out[0].view(complex)
        if count == 0 or not np.max(np.abs(numbers)) < 1e4:
            raise OscillatorLostError(int(np.argmax(np.sum(np.abs(z), axis=1))), blown_up=True)
        left = numbers[: n * n].reshape(n, n).copy()
        right = left.conj().T if self.hermitian else numbers[n * n : 2 * n * n].reshape(n, n).copy()
        return left, right


class DirectSystem:
    """All w_ij with transport, Θ and coupling, for the splitting methods."""

    def __init__(self, model: WignerLohe, state: InitialState, t0: float):
        self.model = model
        self.state = state
        self.space = model.phase_space
        self.n = state.n
        self.hermitian = state.hermitian
        self.pairs = pairs_of(self.n, self.hermitian)
        self.arrays = start_arrays(model, state)
        self.time = t0
        self.flow = CouplingFlow(model, self.n, self.hermitian)
        self.transport = Transport(model, self.n)
        self.parts = [self.couple, self.kick, self.drift]

    def correlations(self) -> np.ndarray:
        """z_ij."""
        z = np.empty((self.n, self.n), complex)
        for w, (i, j) in zip(self.arrays, self.pairs, strict=True):
            z[i, j] = self.space.integrate(w)
            if self.hermitian and i != j:
                z[j, i] = np.conj(z[i, j])
        if self.hermitian:
            np.fill_diagonal(z, np.diag(z).real)
        return z

    def couple(self, dt: float) -> None:
        """Coupling."""
        left, right = self.flow(self.correlations(), dt)
        # the linear map of the pairs, in blocks of points
        flat = self.arrays.reshape(len(self.pairs), -1)
        block = max(1, 2**18 // max(self.n * self.n, 1))
        upper = [i * self.n + j for i, j in self.pairs]
        for start in range(0, flat.shape[1], block):
            part = flat[:, start : start + block]
            full = np.empty((self.n * self.n, part.shape[1]), complex)
            full[upper] = part
            if self.hermitian:
                full[[j * self.n + i for i, j in self.pairs]] = part.conj()
                full[upper] = part
            full = full.reshape(self.n, self.n, -1)
            mixed = np.einsum("ik,klg,lj->ijg", left, full, right, optimize=True)
            flat[:, start : start + block] = mixed.reshape(self.n * self.n, -1)[upper]

    def kick(self, dt: float) -> None:
        """Θ."""
        for w, (i, j) in zip(self.arrays, self.pairs, strict=True):
            self.transport.kick(w, self.transport.kick_factors(i, j, dt))

    def drift(self, dt: float) -> None:
        """Transport, and time."""
        for w in self.arrays:
            self.transport.drift(w, f"{dt:.12e}", lambda: self.transport.drift_factor(dt))
        self.time += dt

    def save(self) -> Any:
        """Copy of the state."""
        return self.arrays.copy(), self.time

    def restore(self, saved: Any) -> None:
        """Go back."""
        np.copyto(self.arrays, saved[0])
        self.time = saved[1]

    def distance(self, saved: Any, rtol: float, atol: float) -> float:
        """Largest relative difference of an array, in units of the tolerance."""
        worst = 0.0
        for a, b in zip(self.arrays, saved[0], strict=True):
            size = float(np.linalg.norm(a))
            worst = max(worst, float(np.linalg.norm(a - b)) / (atol + rtol * size))
        return worst

    def time_to_vanish(self, j: int) -> float:
        """Masses are constant."""
        return 0.0
