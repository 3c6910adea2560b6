r"""Direct integration in phase space: transport, the potential term Θ, and the coupling, each of
them exactly.

Transport is a phase in the wave numbers ξ of x, Θ a phase in the separations y conjugate to p. For
a quadratic potential kick–drift–kick with the right coefficients is the exact flow; otherwise
transport and Θ are split by the Runge–Kutta–Nyström scheme of order 6 with 11 stages of Blanes and
Moan. The coupling only mixes the w_ij.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.fft

from .._ext.integrator import Integrator
from .._ext.wigner import WignerLoheRightHandSide, multiply
from ..core.checks import check_memory
from ..waves.hamiltonian import QuadraticPotential
from ..waves.splitting import Cache, OscillatorLostError, phase
from .kernels import kernel_of
from .model import WignerLohe
from .state import InitialState

__all__ = [
    "RKN_SCHEMES",
    "CouplingFlow",
    "DirectSystem",
    "LinearFlow",
    "Nystrom",
    "Transport",
    "check_potential",
    "time_to_pole",
]

#: entries of L in one step of the coupling beyond which correlations of no states are close to a
#: pole
_CAP = 1e4


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

        return self._cache.get((key, halved), 0.0, make)

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
        """Transport, ∂w/∂t=−p·∇w."""
        self._in_x(w, ("drift", f"{dt:.12e}"), lambda: dt * self._xi_p(np.eye(self.d)))

    def kick(self, w: np.ndarray, i: int, j: int, dt: float) -> None:
        """Θ of w_ij: the factor exp(−i[V_i(x+y/2)−V_j(x−y/2)] dt)."""
        a, b, step = self._which[i], self._which[j], f"{dt:.12e}"
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


def pairs_of(n: int, hermitian: bool) -> list[tuple[int, int]]:
    """The pairs that are stepped: i ≤ j for Hermitian data, else all."""
    return [(i, j) for i in range(n) for j in range(i if hermitian else 0, n)]


def start_arrays(model: WignerLohe, state: InitialState) -> np.ndarray:
    """w_ij of the pairs that are stepped, (P, ...)."""
    from .matrix import FactorMatrix

    space = model.phase_space
    pairs = pairs_of(state.n, state.hermitian)
    check_memory(
        "the phase-space arrays",
        3.0 * len(pairs) * space.nbytes(),
        advice="start from kets, which need none",
    )
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
        Error of a stretch, relative to the norm.
    step : float, optional
        Fixed length of the steps; unless given it is found on wave functions, see
        :class:`StepSearch`.
    scheme : str
        Of ``RKN_SCHEMES``.
    """

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        *,
        rtol: float = 1e-11,
        step: float | None = None,
        scheme: str = "rkn11",
    ):
        self.model = model
        self.state = state
        self.rtol = rtol
        self.fixed = step
        self.scheme = RKN_SCHEMES[scheme]
        self.transport = Transport(model, state.n)
        self.pairs = pairs_of(state.n, state.hermitian)
        self._search: StepSearch | None = None
        #: called with a number of steps during the search for their length; may raise
        self.look: Callable[[float], None] | None = None
        self.steps = 0

    def start(self) -> np.ndarray:
        """The arrays at the start."""
        self._search = None
        return start_arrays(self.model, self.state)

    def advance(self, arrays: np.ndarray, t: float, t1: float) -> None:
        """Move `arrays` (P, ...) from `t` to `t1`, in place."""
        self.run(arrays, t1 - t)

    def run(
        self,
        arrays: np.ndarray,
        dt: float,
        exact: bool = True,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Move by `dt`; `exact` allows the shears of a quadratic potential; `check` before each
        step may raise.
        """
        if dt == 0:
            return
        if exact and self.fixed is None and self.transport.quadratic is not None:
            self._each(arrays, lambda w: self.transport.shear(w, dt))
            return
        left = dt
        while left > 1e-14 * dt:
            if self.fixed is not None:
                span, count = left, max(1, int(np.ceil(left / self.fixed * (1 - 1e-12))))
            else:
                self._search = self._search or StepSearch(
                    self.model, self.state, self.scheme, self.look
                )
                span, count = self._search.window(left, self.rtol / dt)
            self.steps += count
            self._each(arrays, partial(self._steps, h=span / count, count=count, check=check))
            left -= span

    def _steps(self, w: np.ndarray, h: float, count: int, check: Callable[[], None] | None) -> None:
        self.transport.step(w, 0, 0, h, count, self.scheme, check)

    def _each(self, arrays: np.ndarray, move: Callable[[np.ndarray], None]) -> None:
        for w, (i, j) in zip(arrays, self.pairs, strict=True):
            # half the work for w_ii, which is real
            moved = np.ascontiguousarray(w.real) if self.state.hermitian and i == j else w
            move(moved)
            if moved is not w:
                w[...] = moved


class StepSearch:
    r"""How many steps a stretch takes, found on a few wave functions at a cost that does not count.

    A scheme for w is the same scheme for the operator, :math:`ρ→SρS^†` with S that of the
    Schrödinger equation, so that its error is at most twice that of S on the states in ρ. Random
    combinations of these are stepped along with the run.
    """

    _PROBES = 2
    _WINDOW = 24
    _MOST = 10**5

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        scheme: Nystrom,
        look: Callable[[float], None] | None = None,
    ):
        self.scheme = scheme
        self.look = look
        self.grid = model.grid
        self._potential = model.hamiltonians(state.n)[0].values
        self._axes = tuple(range(1, 1 + self.grid.ndim))
        # of each oscillator by itself, however small it is
        if state.left is not None:
            blocks = [*state.left] if state.right is None else [*state.left, *state.right]
        else:
            assert state.arrays is not None
            kernels = [
                kernel_of(w, model.phase_space).reshape(self.grid.size, -1)
                for row in state.arrays
                for w in row
            ]
            blocks = (
                [k.T for k in kernels]
                if state.hermitian
                else [b for k in kernels for b in (k.T, k.conj())]
            )
        random = np.random.default_rng(0)
        psi = np.concatenate(
            [random.normal(size=(self._PROBES, len(rows))) @ rows for rows in blocks]
        )
        psi = psi[np.any(psi, axis=1)]
        self._psi = psi.reshape(-1, *self.grid.shape)
        # a first guess, to be found wanting
        self._h = 1.0

    def window(self, left: float, rate: float) -> tuple[float, int]:
        """How far to go of what is left, and in how many steps, for an error of `rate` per unit of
        time.

        No more than some steps ahead, so that the steps follow the states, and a run can be stopped
        between.
        """
        span = left / max(1, int(np.ceil(left / (self._WINDOW * self._h))))
        rtol = rate * span
        count = max(1, int(np.ceil(span / self._h * (1 - 1e-9))))
        fine, error = self._try(span, count)
        if error < 0.02 * rtol and count > 1:
            # steps may be longer
            fewer = max(1, int(np.ceil(count * (2 * error / rtol) ** (1 / self.scheme.order))))
            other, larger = self._try(span, fewer)
            if larger <= rtol:
                count, fine, error = fewer, other, larger
        last = np.inf
        # below 1e-12 it may be rounding, which shorter steps do not mend
        while error > rtol and not (error < 1e-12 and error > 0.3 * last):
            if 2 * count > self._MOST:
                raise FloatingPointError("step size underflow")
            more = 2 * count
            if error <= 2.0**-self.scheme.order:
                more = min(
                    more,
                    max(
                        count + 1,
                        int(np.ceil(count * 1.02 * (error / rtol) ** (1 / self.scheme.order))),
                    ),
                )
            last, count = error, more
            fine, error = self._try(span, count)
        self._psi, self._h = fine, span / count
        return span, count

    def _try(self, span: float, count: int) -> tuple[np.ndarray, float]:
        """States after `span` in steps of half the length, and the error in `count` steps for w."""
        fine = self._moved(span, 2 * count)
        off = (fine - self._moved(span, count)).reshape(len(fine), -1)
        return fine, 2 * float(
            np.max(
                np.linalg.norm(off, axis=1) / np.linalg.norm(fine.reshape(len(fine), -1), axis=1)
            )
        )

    def _moved(self, dt: float, count: int) -> np.ndarray:
        h, psi = dt / count, self._psi
        b, a = self.scheme.kicks, self.scheme.drifts
        kicks = [phase(self._potential, x * h) for x in (*b[:-1], 2 * b[0])]
        drifts = [phase(self.grid.kinetic, x * h) for x in a]
        psi = psi * kicks[0]
        for k in range(count):
            if self.look is not None and k % 16 == 0:
                self.look(k / 2)  # at most twice as many as the run will take
            for s in range(len(a)):
                if s:
                    psi = psi * kicks[s]
                elif k:
                    psi = psi * kicks[-1]
                hat = scipy.fft.fftn(psi, axes=self._axes, overwrite_x=True)
                hat *= drifts[s]
                psi = scipy.fft.ifftn(hat, axes=self._axes, overwrite_x=True)
        return psi * kicks[0]


class CouplingFlow:
    """The flow of the coupling alone: L and R for z."""

    def __init__(self, model: WignerLohe, state: InitialState):
        self.kappa = model.coupling
        self.n = state.n
        self.hermitian = state.hermitian
        # z of states has no pole, however large L becomes
        self.events: dict[str, Any] = {} if state.physical else {"n_events": 1, "directions": [-1]}
        self.rates = np.zeros(self.n)

    def __call__(self, z: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """L and R after `dt`, which may be negative."""
        n = self.n
        if (self.kappa == 0 and not np.any(self.rates)) or dt == 0:
            return np.eye(n, dtype=complex), np.eye(n, dtype=complex)
        sign = 1.0 if dt > 0 else -1.0
        rhs = WignerLoheRightHandSide(
            z, sign * self.kappa, sign * self.rates, self.hermitian, cap=_CAP
        )
        integrator = Integrator(rhs, rtol=1e-13, atol=1e-15, nsteps=100_000, **self.events)
        integrator.set_state(0.0, rhs.start(), abs(dt))
        out = np.empty((1, rhs.size))
        status, count = integrator.advance(np.array([abs(dt)]), out)
        left, right = self._split(out[0].view(complex) if count else integrator.get_state()[1])
        if status != 0 or count == 0:
            if not self.events:
                raise FloatingPointError(f"the coupling could not be followed (status {status})")
            # a step of the integrator never passes the pole; from close to it z says how far it is
            gone, (i, _) = time_to_pole(left @ z @ right, sign * self.kappa, sign * self.rates)
            lost = OscillatorLostError(i, blown_up=True)
            lost.time = sign * (integrator.get_state()[0] + gone)
            raise lost
        return left, right

    def _split(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = self.n
        left = numbers[: n * n].reshape(n, n).copy()
        return left, left.conj().T if self.hermitian else numbers[n * n : 2 * n * n].reshape(
            n, n
        ).copy()


def time_to_pole(z: np.ndarray, kappa: float, rates: np.ndarray) -> tuple[float, tuple[int, int]]:
    """Time after which z_ij, of a state close to its pole, is infinite: it grows as 1/(T−t), so
    that T−t=z/ż; and i, j.
    """
    n, masses = len(z), np.diag(z)
    r, c = np.sum(z, axis=1), np.sum(z, axis=0)
    change = (
        kappa
        / (2 * n)
        * (c[None, :] + r[:, None] - (r / masses)[:, None] * z - (c / masses)[None, :] * z)
    )
    change = change - 1j * (rates[:, None] - rates[None, :]) * z
    off = np.abs(z) * ~np.eye(n, dtype=bool)
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
    return float((z[i, j] / change[i, j]).real), (i, j)


def check_potential(model: WignerLohe, n: int) -> None:
    """Phase-space arrays need the potential between the points of the grid and beyond."""
    for k, h in enumerate(model.hamiltonians(n)):
        if not callable(h.potential) and h.quadratic is None:
            name = "potential" if model.size is None else f"potential[{k}]"
            raise ValueError(
                f"{name} must be a callable for phase-space arrays, which need it between the "
                "points of the grid and beyond; "
                "it was given as an array"
            )


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
        self.flow = CouplingFlow(model, state)
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
            self.transport.kick(w, i, j, dt)

    def drift(self, dt: float) -> None:
        """Transport, and time."""
        for w in self.arrays:
            self.transport.drift(w, dt)
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
