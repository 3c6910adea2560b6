"""The mean field of a constant system in real coordinates: where it leads, what turns freely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from .._ext.equations import unpack_upper
from .._ext.integrator import Integrator, RightHandSide
from ..core.checks import check_memory
from ..operators.atom import AtomFactor
from ..operators.classical import Coordinate
from ..operators.level import LevelFactor
from ..operators.linear import LinearEquations
from ..operators.mode import ModeFactor
from ..operators.rates import CompiledRates
from ..operators.states import ProductState
from ..operators.symmetries import phase_weights
from ..operators.system import System
from .sphere import mean_flow, oscillators, quadratures, stopped, upper_triangle

__all__ = [
    "Carried",
    "Flow",
    "Parts",
    "Rotation",
    "carried_by",
    "flow_of",
    "has_phase",
    "parts_at",
    "parts_of",
    "rows_of",
    "spheres_of",
    "tangent_basis",
]

#: drift, Jacobian and diffusion at a point
Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
#: where a point is later, the derivative by where it was, and the covariance that noise has made
Carried = tuple[np.ndarray, np.ndarray, np.ndarray]

#: of the equations along periodic orbits, in units of the coordinates
_RTOL, _ATOL = 1e-11, 1e-13


@dataclass(frozen=True)
class Rotation:
    """A phase that the equations do not know.

    Attributes
    ----------
    name : str
        Of the phase.
    generator : ndarray of shape (d, d)
        K: its motion at the rate Ω is −ΩKx.
    charges : tuple of int
        How many times it turns each oscillator.
    """

    name: str
    generator: np.ndarray
    charges: tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """What limit cycles need to know of a model, in real coordinates.

    Attributes
    ----------
    parts : callable
        ``x -> (F, M, D)``.
    course : callable
        ``(x, times) -> rows`` of the mean field that is at x at the time 0.
    carry : callable
        ``(x, duration) -> (x', S, Q)``: see :data:`Carried`.
    rotations : tuple of Rotation
        The phases that the equations do not know, none of them a combination of others.
    spheres : tuple of slice
        Coordinates of the spins whose length is conserved.
    quadratures : callable
        ``x -> (β, ∂(q, p)/∂x)`` of the oscillators.
    common : Rotation, optional
        The common phase, a combination of `rotations`.
    """

    parts: Callable[[np.ndarray], Parts]
    course: Callable[[np.ndarray, np.ndarray], np.ndarray]
    carry: Callable[[np.ndarray, float], Carried]
    rotations: tuple[Rotation, ...]
    spheres: tuple[slice, ...]
    quadratures: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    common: Rotation | None = None

    def relax(self, x: np.ndarray, duration: float) -> np.ndarray:
        """Where the mean field is `duration` after `x`."""
        return np.asarray(self.course(x, np.array([duration]))[-1])

    def lengths(self, x: np.ndarray) -> list[float]:
        """Of the spins whose length is conserved."""
        return [float(np.linalg.norm(x[s])) for s in self.spheres]

    def on_spheres(self, x: np.ndarray, lengths: list[float]) -> np.ndarray:
        """The point with spins of these lengths."""
        out = x.copy()
        for s, length in zip(self.spheres, lengths, strict=True):
            out[s] *= length / np.linalg.norm(x[s])
        return out

    def free(self, x: np.ndarray) -> tuple[Rotation, ...]:
        """The phases that `x` has: the common one where it is the only one."""
        found: list[Rotation] = []
        basis = np.empty((len(x), 0))
        least = 1e-6 * max(1.0, float(np.abs(x).max()))
        for rotation in self.rotations:
            v = rotation.generator @ x
            v = v - basis @ (basis.T @ v)
            if np.linalg.norm(v) > least:
                found.append(rotation)
                basis = np.column_stack([basis, v / np.linalg.norm(v)])
        if len(found) == 1 and self.common is not None:
            return (self.common,)
        return tuple(found)


def flow_of(
    system: System, equations: CompiledRates | None = None, spheres: tuple[slice, ...] | None = None
) -> Flow:
    """The mean field of a system, constant in time; with other `equations` of its nodes, those of
    a mean field that has its phase symmetries.
    """
    known_by: CompiledRates = system if equations is None else equations
    evaluate, nodes = known_by.polynomials(), oscillators(system)

    def parts(x: np.ndarray) -> Parts:
        return parts_at(system, evaluate, x)

    def course(x: np.ndarray, times: np.ndarray) -> np.ndarray:
        z = system.variables_at(x)
        if equations is None:
            rows = rows_of(mean_flow(system), z, times, 1e-9, 1e-11)
        else:
            flow = equations.tangent_equations.tangent_flow(0)
            rows = rows_of(flow, z.view(float), times, 1e-9, 1e-11)
        return system.coordinates_of(rows.view(complex))

    def carry(x: np.ndarray, duration: float) -> Carried:
        pair = (known_by.tangent_equations, known_by.linear_equations)
        z, S, Q = carried_by(pair, system.variables_at(x), len(x), duration)
        return system.coordinates_of(z), S, Q

    def turn(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        beta, T = quadratures(system, x[None, :])
        return beta[0], T[0]

    def rotation(name: str, weights: list[tuple[int, ...]]) -> Rotation:
        own = zip(system.symbols, weights, strict=True)
        turns = tuple(w[0] for s, w in own if s in nodes)
        return Rotation(name, _generator(system, weights), turns)

    known, d = system.symmetries, len(system.classical.coordinates)
    what = f"the turns of {d} coordinates with {len(known.charges)} phases"
    check_memory(what, 16.0 * len(known.charges) * d**2, advice="take fewer nodes")
    one = phase_weights(system.symbols, known)
    common = rotation("common phase", one) if known.common_phase else None
    if len(known.charges) == 1:
        rotations = [common or rotation(_charge_name(known.charges[0], known.columns), one)]
    else:
        ends = np.cumsum([s.factor.charges for s in system.symbols])[:-1]
        rotations = [
            rotation(_charge_name(c, known.columns), [tuple(p.tolist()) for p in np.split(c, ends)])
            for c in known.charges
        ]
    own = spheres_of(system) if spheres is None else spheres
    return Flow(parts, course, carry, tuple(rotations), own, turn, common)


def has_phase(system: System, product: ProductState) -> bool:
    """Whether a phase symmetry of the system turns a state of its nodes."""
    return bool(flow_of(system).free(system.coordinates_of(product.variables())))


def _charge_name(charge: np.ndarray, columns: tuple[str, ...]) -> str:
    """Such as "phase of b1 and b2", or of "b1 and 2·b2" where one turns twice."""
    words = [
        name if q == 1 else f"−{name}" if q == -1 else f"{q}·{name}"
        for q, name in zip(charge.tolist(), columns, strict=True)
        if q
    ]
    return "phase of " + (", ".join(words[:-1]) + " and " if words[1:] else "") + words[-1]


def carried_by(
    equations: tuple[LinearEquations, LinearEquations], z: np.ndarray, d: int, duration: float
) -> Carried:
    """The variables after `duration`, S (d, d) and Q (d, d), from the equations of perturbations
    and of the covariance.
    """
    size = max(1.0, float(np.abs(z).max()))
    start, n = np.ascontiguousarray(z).view(float), 2 * len(z)
    row = _end_of(equations[0].tangent_flow(d), [start, np.eye(d).ravel()], duration, size)
    upper = upper_triangle(d)
    noise = _end_of(equations[1].flow(), [start, np.zeros(len(upper[0]))], duration, size)
    Q = np.empty((1, d, d))
    unpack_upper(np.ascontiguousarray(noise[None, :]), n, Q)
    return row[:n].view(complex).copy(), row[n:].reshape(d, d).T.copy(), Q[0]


def _end_of(
    rhs: RightHandSide, parts: list[np.ndarray], duration: float, size: float
) -> np.ndarray:
    start = np.concatenate(parts)
    return np.asarray(rows_of(rhs, start, np.array([duration]), _RTOL, _ATOL * size)[0])


def rows_of(
    rhs: RightHandSide, start: np.ndarray, times: np.ndarray, rtol: float, atol: float
) -> np.ndarray:
    """The states (T, size) at `times` after `start`.

    Raises
    ------
    SolverError
        There are none.
    """
    integrator = Integrator(rhs, rtol=rtol, atol=atol)
    integrator.set_state(0.0, start, float(times[-1]))
    rows = np.empty((len(times), rhs.size))
    status, done = integrator.advance(np.ascontiguousarray(times, dtype=float), rows)
    if done < len(times):
        raise stopped(status, integrator.t)
    return rows


def parts_at(system: System, evaluate: Any, x: np.ndarray, t: float = 0.0) -> Parts:
    """Drift, Jacobian and diffusion at real coordinates; `evaluate` is `system.polynomials()`."""
    out = np.asarray(evaluate(t, system.variables_at(x)))
    return parts_of(system.classical.coordinates, system.classical.variables, out)


def parts_of(c: Sequence[Coordinate], n: int, out: np.ndarray) -> Parts:
    """The same from F, ∂F/∂z and ∂F/∂z̄ of n variables and the upper triangle of D, in a row."""
    d = len(c)
    variable = np.array([k.variable for k in c])
    part = np.array([k.part for k in c], dtype=bool)
    scale = np.array([k.scale for k in c])
    F = np.where(part, out[:n].imag[variable], out[:n].real[variable]) * scale
    u = out[n : n + n * n].reshape(n, n)[np.ix_(variable, variable)]
    v = out[n + n * n : n + 2 * n * n].reshape(n, n)[np.ix_(variable, variable)]
    rates = np.where(part[None, :], 1j * (u - v), u + v)
    M = np.where(part[:, None], rates.imag, rates.real) * scale[:, None] / scale[None, :]
    D = np.zeros((d, d))
    D[np.triu_indices(d)] = out[n + 2 * n * n :].real
    return F, M, D + np.triu(D, 1).T


def tangent_basis(x: np.ndarray, spheres: tuple[slice, ...]) -> np.ndarray:
    """An orthonormal basis of the displacements that keep the lengths of the spins."""
    if not spheres:
        return np.eye(len(x))
    normals = np.zeros((len(x), len(spheres)))
    for k, s in enumerate(spheres):
        normals[s, k] = x[s] / np.linalg.norm(x[s])
    return np.asarray(scipy.linalg.null_space(normals.T))


def _generator(system: System, weights: list[tuple[int, ...]]) -> np.ndarray:
    """K: how the coordinates turn with a phase."""
    c = system.classical.coordinates
    K = np.zeros((len(c), len(c)))
    own = dict(zip(system.symbols, weights, strict=True))
    places = {(x.variable, bool(x.part)): a for a, x in enumerate(c)}
    for (variable, part), a in places.items():
        b = places.get((variable, not part))
        if b is not None:
            x, y = c[a], c[b]
            charge = _charge(system, variable, x.symbol, own[x.symbol])
            # Re(iz) = −Im z, Im(iz) = Re z
            K[a, b] = charge * (1.0 if part else -1.0) * x.scale / y.scale
    return K


def _charge(system: System, variable: int, symbol: Any, weights: tuple[int, ...]) -> int:
    """By how much the operator of a variable lowers the charge."""
    factor = symbol.factor
    if not isinstance(factor, LevelFactor):
        return weights[0]
    pair = system.classical.pairs(factor.d)[variable - system.classical.first[symbol]]
    return -int(np.dot(weights, factor.charge(pair)))


def spheres_of(system: System) -> tuple[slice, ...]:
    """Coordinates of the spins whose length is conserved."""
    names = [c.symbol for c in system.classical.coordinates]
    return tuple(
        slice(names.index(s), names.index(s) + 3)
        for s in system.symbols
        if not isinstance(s.factor, (ModeFactor, LevelFactor, AtomFactor)) and s.N > 1
    )
