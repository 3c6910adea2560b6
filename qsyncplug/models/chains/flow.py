"""Mean field and covariance of two spin chains, from the symbols of their one statement."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from ..._ext.bosons import LinearisedFlow
from ..._ext.equations import sphere_to_bosons
from ...approximate.sphere import upper_triangle
from ...operators.classical import Coordinate
from ...operators.functions import ClassicalSpace, Function
from ...operators.handle import modes, spins
from ...operators.polynomial import Polynomial
from ...operators.rates import CompiledRates, MeanRates
from ...operators.system import System
from .elimination import eliminated_energy, elimination_detuning
from .parameters import ChainParameters
from .statement import ChainOperators, chain_hamiltonian, chain_jumps

__all__ = [
    "ChainEquations",
    "boson_rows",
    "central_rows",
    "chain_equations",
    "chain_flow",
    "start_of",
]


@dataclass(frozen=True, eq=False)
class ChainEquations(CompiledRates):
    """Drift, Jacobian and diffusion of two chains and the central spin, as functions.

    Attributes
    ----------
    nodes : System
        Of the same nodes: the chains as modes or as spins, then the central spin.
    space : ClassicalSpace
        Of the variables of the chains, then ⟨σ−⟩ and ⟨σz⟩/2 where there is a central spin.
    drift : list of Function
        Of every variable.
    jumps : list of Function
        None of which acts on the central spin.
    functions : list of Function
        The real coordinates: of the chains, then three of the central spin.
    central : bool
        Whether the covariance is that of the central spin, too; it is a parameter otherwise.
    """

    nodes: System
    space: ClassicalSpace
    drift: list[Function]
    jumps: list[Function]
    functions: list[Function]
    central: bool

    @property
    def coordinates(self) -> list[Coordinate]:
        """(q1, p1, q2, p2) or (x1, y1, z1, x2, y2, z2), and (x, y, z) of the central spin."""
        own = self.nodes.classical.coordinates
        return own if self.central else [c for c in own if c.symbol.name != "σ"]

    def _mean_rates(self) -> MeanRates:
        """With derivatives of 0 where the central spin is a parameter."""
        n, inner = self.space.variables, {c.variable for c in self.coordinates}
        first, second = (
            [
                f.derivative(k, starred).terms if {i, k} <= inner else {}
                for i, f in enumerate(self.drift)
                for k in range(n)
            ]
            for starred in (False, True)
        )
        drift = [f.terms for f in self.drift]
        powers = self.space.powers()
        return MeanRates(n, self.coordinates, self.space.real, drift, (first, second), powers)

    def _diffusion_rates(self) -> list[Polynomial]:
        own = self.functions[: len(self.coordinates)]
        return [f.terms for f in self.space.diffusion(own, self.jumps)]


@cache
def _nodes(sphere: bool, central: bool) -> System:
    """The chains and the centre, with the one phase that they have in common."""
    own = spins(2, 2, names=["J1", "J2"]) if sphere else modes(2)
    centre = spins(1, names=["σ"]) if central else ()
    lower = [getattr(x, "m", x) for x in (*own, *centre)]
    hops = [lower[0].dag() * x for x in lower[1:]]
    return System(sum(hops[1:], hops[0]) + sum(x.dag() for x in hops), order=[*own, *centre])


def _amplitudes(model: ChainParameters) -> tuple[ClassicalSpace, ChainOperators, list[Function]]:
    """Holstein–Primakoff amplitudes, J−=√N r β with r²=1−|β|²/N, and (q1, p1, q2, p2)."""
    space = ClassicalSpace()
    b = [space.mode() for _ in range(2)]
    centre = [space.spin()] if model.central else []
    lowering, along = [], []
    for x, N in zip(b, model.n, strict=True):
        room = space.power(1 - x.dag() * x / N, 1)
        lowering.append(np.sqrt(N) * (space.power(room, 0.5) * x))
        along.append(N / 2 - N * room)
        space.relate(x, N - N * room)
    parts = [(np.sqrt(0.5) * (x + x.dag()), -1j * np.sqrt(0.5) * (x - x.dag())) for x in b]
    coordinates = [y for pair in parts for y in pair] + _vectors(centre)
    chains = [(lowering[0], along[0]), (lowering[1], along[1])]
    return space, _operators(chains, centre, (b[0], b[1])), coordinates


def _sphere(model: ChainParameters) -> tuple[ClassicalSpace, ChainOperators, list[Function]]:
    """Vectors on the sphere, where J− is a variable, and (x1, y1, z1, x2, y2, z2)."""
    space = ClassicalSpace()
    J = [space.spin() for _ in range(2)]
    centre = [space.spin()] if model.central else []
    return space, _operators(J, centre, None), _vectors([*J, *centre])


def _operators(
    J: list[tuple[Function, Function]],
    centre: list[tuple[Function, Function]],
    bosons: tuple[Function, Function] | None,
) -> ChainOperators:
    """What the chains are made of, from (S−, S_z) of each spin."""
    minus, z = (centre[0][0], 2 * centre[0][1]) if centre else (None, None)
    return ChainOperators((J[0][0], J[1][0]), (J[0][1], J[1][1]), 1.0, bosons, minus, z)


def _vectors(spins: list[tuple[Function, Function]]) -> list[Function]:
    """(Sx, Sy, Sz) of each (S−, S_z)."""
    each = [(0.5 * (m + m.dag()), 0.5j * (m - m.dag()), z) for m, z in spins]
    return [x for vector in each for x in vector]


@lru_cache(maxsize=64)
def chain_equations(
    model: ChainParameters,
    sphere: bool = False,
    eliminated: bool = False,
    sigma_z: float = 0.0,
    central: bool = False,
) -> ChainEquations:
    """The equations of the mean field, on the sphere or of amplitudes.

    Parameters
    ----------
    model : ChainParameters
    sphere : bool
        Vectors instead of amplitudes.
    eliminated : bool
        The central spin is eliminated, with the detuning of ⟨σz⟩=`sigma_z`.
    sigma_z : float
    central : bool
        Whether the covariance is that of the central spin, too.
    """
    space, ops, coordinates = _sphere(model) if sphere else _amplitudes(model)
    chains, zero = space.variables - 2 * model.central, 0 * ops.lowering[0]
    if eliminated:
        ops = replace(ops, sigma_minus=zero)
    H, jumps = chain_hamiltonian(model, ops, flips=False), chain_jumps(model, ops)
    if eliminated:
        g = [x / np.sqrt(N) for x, N in zip(model.g, model.n, strict=True)]
        X = g[0] * ops.jz[0] + g[1] * ops.jz[1]
        weights = [space.power(2 * X + d, -1) for d in elimination_detuning(model, sigma_z)]
        H = H + eliminated_energy(model, ops.lowering, weights, ops.sigma_z)
    drift = [space.rate(space.variable(k), H, jumps) for k in range(chains)]
    # no jump acts on the central spin
    centre = [space.rate(space.variable(k), H, ()) for k in range(chains, space.variables)]
    drift += [zero for _ in centre] if eliminated else centre
    nodes = _nodes(sphere, model.central)
    return ChainEquations(nodes, space, drift, jumps, coordinates, central and model.central)


def chain_flow(model: ChainParameters, eliminated: bool, sigma_z: float) -> LinearisedFlow:
    """The right-hand side of the variables as pairs of doubles, then the upper triangle of the
    covariance: on the sphere, which needs no roots, unless a jump acts through the bosons.
    """
    z = sigma_z if eliminated else 0.0
    equations = chain_equations(model, not model.uses_bosons, eliminated, z)
    return equations.linear_equations.flow()


def start_of(
    model: ChainParameters, beta: np.ndarray, covariance: np.ndarray, centre: tuple[complex, float]
) -> np.ndarray:
    """The state of the flow from amplitudes, their covariance (4, 4) and (⟨σ−⟩, ⟨σz⟩/2)."""
    W, variables = np.eye(4), list(beta)
    if not model.uses_bosons:
        variables, W = _to_sphere(model.n, beta)
    C = W @ covariance @ W.T
    z = np.array([*variables, *(centre if model.central else ())], dtype=complex)
    return np.concatenate([z.view(float), C[upper_triangle(len(C))]])


def boson_rows(model: ChainParameters, rows: np.ndarray) -> np.ndarray:
    """(β1, β2) as pairs of doubles and the upper triangle of their covariance, from rows of the
    flow.
    """
    centre = 4 * model.central
    if model.uses_bosons:
        return np.ascontiguousarray(np.concatenate([rows[:, :4], rows[:, 4 + centre :]], axis=1))
    out = np.empty((len(rows), 14))
    n = np.array(model.n, dtype=float)
    sphere_to_bosons(np.ascontiguousarray(rows), 8 + centre, n, out)
    return out


def central_rows(model: ChainParameters, rows: np.ndarray) -> np.ndarray:
    """⟨σ⟩ (T, 3) from rows of the flow; zeros without a central spin."""
    if not model.central:
        return np.zeros((len(rows), 3))
    at = 4 if model.uses_bosons else 8
    return np.asarray(rows[:, at : at + 3] * (2, -2, 2))


def _to_sphere(n: tuple[int, int], beta: np.ndarray) -> tuple[list[complex], np.ndarray]:
    """S− and S_z of the chains, and the derivatives of (x, y, z) by the quadratures.

    With S−=√(N−|β|²)β, S_z=|β|²−N/2 and S−=x−iy.
    """
    variables, W = [], np.zeros((6, 4))
    for j, (N, b) in enumerate(zip(n, beta.tolist(), strict=True)):
        number = b.real * b.real + b.imag * b.imag
        root = math.sqrt(N - number)
        variables += [root * b, number - N / 2]
        for k, (unit, part) in enumerate(((1.0, b.real), (1j, b.imag))):
            slope = math.sqrt(0.5) * (unit * root - b * part / root)
            column = W[3 * j : 3 * j + 3, 2 * j + k]
            column[:] = slope.real, -slope.imag, math.sqrt(2.0) * part
    return variables, W
