r"""Periodic orbits of a mean field, where need be in a frame that turns with free phases.

With the flow Φ_T, generators K_a of the free phases and the turns α_a within a period,
:math:`e^{Σα_aK_a}Φ_T(x)=x`. In the frame that turns at Ω_a=α_a/T, S_k carries what deviates from
one of K points of the orbit to the next one and Q_k is what noise adds, both from the compiled
equations, so that nothing is a quadrature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.linalg

from .flow import Flow, Rotation, tangent_basis
from .origin import flags_at_origin, slips_at_origin
from .torus import ALONG, LEAST_RESPONSE, LimitTorus, averaged_gram

__all__ = ["find_orbit"]

#: times a run is looked at within the shortest time of the Jacobian, and at most in all
_LOOKS, _MOST = 12.0, 200_000
#: returns that are tried, and how close they are, in units of the extent of the motion
_RETURNS, _CLOSE = 8, 0.2
#: free phases beside that of the orbit, for which turns are looked for on a grid
_PHASES, _GRID = 3, 16
#: what a multiplier may differ from 1 where its phase is free; rounding of the largest one
_FREE, _ROUNDING = 1e-5, 1e-10


@dataclass(frozen=True)
class _Closed:
    """A point that comes back after `period`, turned by `turns`."""

    x: np.ndarray
    period: float
    turns: np.ndarray


@dataclass(frozen=True)
class _Frame:
    """Points of an orbit in its frame, and what carries deviations from one to the next."""

    points: list[np.ndarray]
    bases: list[np.ndarray]
    carriers: list[np.ndarray]
    noises: list[np.ndarray]


def find_orbit(flow: Flow, x: np.ndarray, free: tuple[Rotation, ...]) -> LimitTorus | str:
    """The stable periodic orbit that the mean field at `x` is on or close to, or why none is."""
    if len(free) > _PHASES:
        names = "; ".join(r.name for r in free)
        return (
            f"the motion has constant radii nowhere and {len(free)} free phases ({names}) beside "
            f"that along an orbit; orbits are looked for with at most {_PHASES}"
        )
    for period in _returns(flow, x, free):
        turns = _turns(x, flow.relax(x, period), free)
        closed = _shoot(flow, _Closed(x, period, turns), free)
        if closed is None:
            continue
        found = _orbit(flow, closed, free)
        if found is not None:
            return found
    rates = np.array2string(_mean_rates(flow, x), precision=4)
    return (
        "no limit cycle: the mean field neither stands still in the frame of its free phases nor "
        f"comes back to where it was; its oscillators turn at {rates} in the mean. It is "
        "quasiperiodic or chaotic (lyapunov_exponents tells which), or relax is too short"
    )


def _mean_rates(flow: Flow, x: np.ndarray) -> np.ndarray:
    """By how much each oscillator turns as e^{−ix} in a unit of time, over a long run, (N,)."""
    span = 600.0 / float(np.abs(flow.parts(x)[1]).max())
    rows = flow.course(x, np.linspace(0.0, span, 7201)[1:])
    beta = np.array([flow.quadratures(y)[0] for y in rows])
    turned = np.angle(beta[1:] * beta[:-1].conj()).sum(axis=0)
    return np.asarray(-turned / span)


def _returns(flow: Flow, x: np.ndarray, free: tuple[Rotation, ...]) -> list[float]:
    """Times after which what no free phase turns is close to what it was."""
    rate = float(np.abs(flow.parts(x)[1]).max())
    for span in (60.0, 600.0, 6000.0):
        count = int(min(_LOOKS * span, _MOST))
        times = np.linspace(0.0, span / rate, count + 1)[1:]
        rows = np.vstack([x, flow.course(x, times)])
        f = _unturned(flow, rows, free)
        extent = float(np.linalg.norm(np.ptp(f, axis=0)))
        if extent < 1e-7 * max(1.0, float(np.abs(f).max())):
            return []
        away = np.linalg.norm(f - f[0], axis=1) / extent
        left = np.flatnonzero(away > min(0.3, 0.7 * away.max()))
        if not len(left):
            continue
        k = np.arange(max(left[0], 1), count)
        k = k[(away[k] <= away[k - 1]) & (away[k] < away[k + 1]) & (away[k] < _CLOSE)]
        if len(k):
            return [float(t) for t in times[k[:_RETURNS] - 1]]
    return []


def _unturned(flow: Flow, rows: np.ndarray, free: tuple[Rotation, ...]) -> np.ndarray:
    """Real functions of the coordinates that no free phase turns, (T, f)."""
    turned = np.zeros(rows.shape[1], dtype=bool)
    for r in free:
        turned |= np.any(r.generator != 0, axis=0)
    out = [rows[:, ~turned]]
    if free:
        beta = np.array([flow.quadratures(x)[0] for x in rows])
        q = np.array([r.charges for r in free])
        j, k = np.triu_indices(beta.shape[1])
        alike = np.all(q[:, j] == q[:, k], axis=0)
        pairs = beta[:, j[alike]].conj() * beta[:, k[alike]]
        out += [pairs.real, pairs.imag]
    return np.hstack(out)


def _turns(x: np.ndarray, later: np.ndarray, free: tuple[Rotation, ...]) -> np.ndarray:
    """The angles that turn `later` closest to `x`."""
    angles = 2 * np.pi * np.arange(4 * _GRID if len(free) == 1 else _GRID)
    angles = angles / len(angles)
    best = np.zeros(len(free))
    turned = [[scipy.linalg.expm(a * r.generator) for a in angles] for r in free]
    least = np.inf
    for places in product(range(len(angles)), repeat=len(free)):
        y = later
        for a, k in enumerate(places):
            y = turned[a][k] @ y
        if (distance := float(np.linalg.norm(y - x))) < least:
            least, best = distance, angles[list(places)]
    return best


def _rotated(free: Sequence[Rotation], turns: np.ndarray, d: int) -> np.ndarray:
    total = sum((a * r.generator for a, r in zip(turns, free, strict=True)), np.zeros((d, d)))
    return np.asarray(scipy.linalg.expm(total))


def _shoot(flow: Flow, guess: _Closed, free: tuple[Rotation, ...]) -> _Closed | None:
    """Newton's method for x, T and the turns; None where it leads away."""
    x, T, turns, d = guess.x, guess.period, guess.turns, len(guess.x)
    size = max(1.0, float(np.abs(x).max()))
    lengths = flow.lengths(x)
    for _ in range(20):
        end, S, _ = flow.carry(x, T)
        R = _rotated(free, turns, d)
        y = R @ end
        B = tangent_basis(x, flow.spheres)
        e, p = B.shape[1], 1 + len(free)
        J, right = np.zeros((e + p, e + p)), np.zeros(e + p)
        J[:e, :e] = B.T @ (R @ S - np.eye(d)) @ B
        J[:e, e:] = B.T @ np.column_stack(
            [R @ flow.parts(end)[0], *(r.generator @ y for r in free)]
        )
        # neither the phase along the orbit nor the other ones move
        J[e:, :e] = np.vstack([flow.parts(x)[0], *(r.generator @ x for r in free)]) @ B
        right[:e] = -(B.T @ (y - x))
        step = _solved(J, right)
        if step is None or np.abs(step[:e]).max() > 0.3 * size:
            return None
        x = flow.on_spheres(x + B @ step[:e], lengths)
        T, turns = T + float(step[e]), turns + step[e + 1 :]
        if not 0.7 < T / guess.period < 1.4 or np.abs(x - guess.x).max() > 0.5 * size:
            return None
        if np.abs(right).max() < 1e-9 * size and np.abs(step[:e]).max() < 1e-9 * size:
            return _Closed(x, T, turns)
    return None


def _solved(J: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """The solution in units in which rows and columns are alike; None where there is none."""
    rows = 1 / np.maximum(np.abs(J).max(axis=1), 1e-300)
    columns = 1 / np.maximum(np.abs(J * rows[:, None]).max(axis=0), 1e-300)
    step = np.linalg.lstsq(J * np.outer(rows, columns), right * rows, rcond=1e-13)[0] * columns
    return np.asarray(step) if np.all(np.isfinite(step)) else None


def _orbit(flow: Flow, closed: _Closed, free: tuple[Rotation, ...]) -> LimitTorus | None:
    """The orbit through a point that comes back; None where it is not stable, or a rotation."""
    rate = float(np.abs(flow.parts(closed.x)[1]).max())
    count = int(np.clip(np.ceil(closed.period * rate / 2), 64, 1024))
    frame = _frame(flow, closed, free, count)
    points = np.array(frame.points[:-1])
    if np.ptp(points, axis=0).max() < 1e-6 * max(1.0, float(np.abs(points).max())):
        return None
    beta, T = (np.array(z) for z in zip(*map(flow.quadratures, points), strict=True))
    charges = np.array([r.charges for r in free], dtype=int).reshape(len(free), beta.shape[1])
    shift = _shifts(beta, charges)
    if np.any(shift):
        # a whole turn more in each period, so that the first oscillator of a phase turns with it
        turned = _Closed(closed.x, closed.period, closed.turns + 2 * np.pi * shift)
        frame = _frame(flow, turned, free, count)
        points = np.array(frame.points[:-1])
        beta, T = (np.array(z) for z in zip(*map(flow.quadratures, points), strict=True))
        closed = turned
    around = _around(frame)
    exponents = _exponents(frame, around, closed.period, 1 + len(free))
    if exponents is None:
        return None
    directions = _directions(flow, frame, closed, free)
    response = _responses(frame, around, directions)
    if response is None:
        return None
    C = _covariances(frame, response, directions)
    C = T @ C @ np.swapaxes(T, 1, 2)
    ends = [b @ q @ b.T for b, q in zip(frame.bases[1:], frame.noises, strict=True)]
    D = sum(z @ q @ z.T for z, q in zip(response[1:], ends, strict=True)) / closed.period
    D = 0.5 * np.asarray(D + D.T)
    frequencies = np.append(closed.turns, 2 * np.pi) / closed.period
    windings = np.vstack([charges, _windings(beta)])
    # an angle that does not turn is held against the phase along the orbit
    spread = np.maximum(np.einsum("pn,pq,qn->n", windings, D, windings), D[-1, -1])
    return LimitTorus(
        phases=(*(r.name for r in free), ALONG),
        frequencies=frequencies,
        diffusion_matrix=D,
        windings=windings,
        exponents=exponents,
        times=closed.period * np.arange(count) / count,
        coordinates=points,
        amplitudes=beta,
        phase_response=np.array(response[:-1]),
        covariance=C,
        gram=averaged_gram(beta, C, charges),
        flags=_flags(beta, C, closed.period, float(D[-1, -1]), spread),
    )


def _frame(flow: Flow, closed: _Closed, free: Sequence[Rotation], count: int) -> _Frame:
    """The orbit in `count` parts; the last point is the first one."""
    d, dt = len(closed.x), closed.period / count
    R = _rotated(free, closed.turns / count, d)
    out = _Frame([closed.x], [tangent_basis(closed.x, flow.spheres)], [], [])
    for k in range(count):
        end, S, Q = flow.carry(out.points[-1], dt)
        last = k == count - 1
        x = closed.x if last else R @ end
        B = out.bases[0] if last else tangent_basis(x, flow.spheres)
        out.carriers.append(B.T @ R @ S @ out.bases[-1])
        out.noises.append(B.T @ R @ Q @ R.T @ B)
        out.points.append(x)
        out.bases.append(B)
    return out


def _windings(beta: np.ndarray) -> np.ndarray:
    """How many times each oscillator turns about 0 as e^{−ix} within the period, (N,)."""
    turned = np.angle(np.roll(beta, -1, axis=0) * beta.conj()).sum(axis=0)
    return np.asarray(np.rint(-turned / (2 * np.pi)), dtype=int)


def _shifts(beta: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Whole turns of every phase after which the first oscillator that it turns once winds not."""
    winding, out = _windings(beta), np.zeros(len(charges))
    for a, q in enumerate(charges):
        alone = np.flatnonzero((np.abs(q) == 1) & (np.abs(charges).sum(axis=0) == 1))
        if len(alone):
            out[a] = q[alone[0]] * winding[alone[0]]
    return out


def _around(frame: _Frame) -> np.ndarray:
    """What carries deviations around the whole orbit."""
    G = frame.carriers[0]
    for S in frame.carriers[1:]:
        G = S @ G
    return G


def _exponents(frame: _Frame, around: np.ndarray, period: float, free: int) -> np.ndarray | None:
    """Floquet exponents; None unless `free` of them are 0 and the others decay."""
    values = np.linalg.eigvals(around)
    values = values[np.argsort(-np.abs(values))]
    if np.abs(values[:free] - 1).max() > _FREE or np.any(np.abs(values[free:]) > 1 - _ROUNDING):
        return None
    # one that is 0 to the last bit has no logarithm, and is found another way below
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log(values.astype(complex)) / period
    small = np.abs(values) < _ROUNDING
    if np.any(small):
        out[small] = _decays(frame, period)[small]
    return np.asarray(out)


def _decays(frame: _Frame, period: float) -> np.ndarray:
    """Real parts of all exponents, in falling order, by triangular factors of the product."""
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal(frame.carriers[0].shape))[0]
    sums = np.zeros(len(Q))
    turns, skipped = 40, 20
    for k in range(turns):
        for S in frame.carriers:
            Q, R = np.linalg.qr(S @ Q)
            if k >= skipped:
                sums += np.log(np.maximum(np.abs(np.diagonal(R)), 1e-300))
    return np.sort(sums / ((turns - skipped) * period))[::-1]


def _directions(
    flow: Flow, frame: _Frame, closed: _Closed, free: Sequence[Rotation]
) -> list[np.ndarray]:
    """How the coordinates of every point move with the free phases, (d, p) each."""
    rates = closed.turns / closed.period
    out = []
    for x in frame.points:
        turned = [r.generator @ x for r in free]
        along = flow.parts(x)[0] + sum((w * v for w, v in zip(rates, turned, strict=True)), 0 * x)
        # e^{-iΩt} turns against K
        out.append(np.column_stack([*(-v for v in turned), along * closed.period / (2 * np.pi)]))
    return out


def _responses(
    frame: _Frame, around: np.ndarray, directions: list[np.ndarray]
) -> list[np.ndarray] | None:
    """Left vectors of the free phases at every point, (p, d) each: W v = 1; None where nothing
    holds an amplitude.
    """
    p = directions[0].shape[1]
    w = np.linalg.svd(around.T - np.eye(len(around)))[2][-p:].T
    v = frame.bases[-1].T @ directions[-1]
    if np.linalg.svd(w.T @ (v / np.linalg.norm(v, axis=0)))[1][-1] < LEAST_RESPONSE:
        return None
    out = []
    for k in reversed(range(len(frame.points))):
        if k < len(frame.carriers):
            w = frame.carriers[k].T @ w
        # normalised anew, so that what rounding adds does not grow
        v = frame.bases[k].T @ directions[k]
        own = np.linalg.solve(w.T @ v, w.T)
        w = own.T
        out.append(own @ frame.bases[k].T)
    return out[::-1]


def _covariances(
    frame: _Frame, response: list[np.ndarray], directions: list[np.ndarray]
) -> np.ndarray:
    """Covariance (K, d, d) at every point, without the free phases."""
    projectors = [
        B.T @ (np.eye(len(B)) - v @ w) @ B
        for B, w, v in zip(frame.bases, response, directions, strict=True)
    ]
    G, total = projectors[0], np.zeros_like(projectors[0])
    for S, Q, P in zip(frame.carriers, frame.noises, projectors[1:], strict=True):
        G = P @ S @ G
        total = P @ (S @ total @ S.T + Q) @ P.T
    C = scipy.linalg.solve_discrete_lyapunov(G, 0.5 * (total + total.T))
    out = []
    for S, Q, P, B in zip(
        frame.carriers, frame.noises, projectors[1:], frame.bases[:-1], strict=True
    ):
        out.append(B @ (0.5 * (C + C.T)) @ B.T)
        C = P @ (S @ C @ S.T + Q) @ P.T
    return np.array(out)


def _flags(
    beta: np.ndarray, covariance: np.ndarray, period: float, along: float, spread: np.ndarray
) -> tuple[str, ...]:
    """Why the linear closure does not hold about an orbit, each reason with its number."""
    out, lost = [], along * period
    if lost > 1:
        out.append(
            f"linear closure not valid: the phase along the orbit diffuses by σ² = {lost:.3g} > 1 "
            "within a period"
        )
    excess = float(np.linalg.eigvalsh(covariance)[:, -1].max()) - 0.5
    size = 0.5 * float(np.linalg.norm(np.ptp(beta.view(float), axis=0)))
    if excess > 0.5 * size**2:
        out.append(
            f"linear closure not valid: variance {excess:.3g} beyond ½ across an orbit of radius "
            f"{size:.3g}"
        )
    # a phase that is lost within a period passes the closest point at no certain time
    if lost > 1:
        return (*out, *flags_at_origin(beta, covariance))
    return (*out, *slips_at_origin(beta, covariance, period, spread))
