"""Mean field and covariance of two spin chains, from the symbols of their one statement."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from ..._ext.bosons import LinearisedFlow, Polynomials
from ..._ext.equations import sphere_to_bosons
from ...approximate.sphere import upper_triangle
from ...operators.classical import Classical, Coordinate
from ...operators.expression import Expression
from ...operators.functions import ClassicalSpace, Function
from ...operators.handle import modes, spins
from ...operators.linear import LinearEquations, linear_equations
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
class ChainEquations:
    """Drift, Jacobian and diffusion of two chains and the central spin, as functions.

    Attributes
    ----------
    space : ClassicalSpace
        Of the variables of the chains, then ⟨σ−⟩ and ⟨σz⟩/2.
    drift : list of Function
        Of every variable.
    jumps : list of Function
        None of which acts on the central spin.
    functions : list of Function
        The real coordinates: of the chains, then three of the central spin.
    bosons : bool
        Whether the variables of the chains are amplitudes.
    """

    space: ClassicalSpace
    drift: list[Function]
    jumps: list[Function]
    functions: list[Function]
    bosons: bool

    def coordinates(self, central: bool) -> list[Coordinate]:
        """(q1, p1, q2, p2) or (x1, y1, z1, x2, y2, z2), and (x, y, z) of the central spin."""
        return _coordinates(self.bosons)[: None if central else -3]

    def _parts(self, central: bool) -> tuple[list[Function], list[Function], list[Function]]:
        """∂/∂z and ∂/∂z̄ of the drift, row by row, and the upper triangle of the diffusion; 0 where
        the central spin is concerned unless `central`.
        """
        n = self.space.variables
        inner = n if central else n - 2
        zero = 0 * self.functions[0]
        first, second = (
            [
                f.derivative(k, starred) if k < inner else zero
                for f in self.drift[:inner]
                for k in range(n)
            ]
            + [zero] * (n * (n - inner))
            for starred in (False, True)
        )
        count = len(self.coordinates(central))
        return first, second, self.space.diffusion(self.functions[:count], self.jumps)

    @cached_property
    def _tables(self) -> dict[bool, tuple[Any, ...]]:
        return {}

    def compiled(self, central: bool = False) -> Polynomials:
        """A fresh kernel of all, in this order: threads share none."""
        if central not in self._tables:
            first, second, diffusion = self._parts(central)
            outputs = [*self.drift, *first, *second, *diffusion]
            self._tables[central] = self.space.tables(outputs)
        return Polynomials(*self._tables[central])

    def linear(self, central: bool = False) -> LinearEquations:
        """Mean and covariance as the kernel takes them, that of the central spin where it says."""
        first, second, diffusion = self._parts(central)
        equations = linear_equations(
            self.coordinates(central),
            self.space.real,
            [f.terms for f in self.drift],
            ([f.terms for f in first], [f.terms for f in second]),
            [[(f.terms, 0, 1.0)] for f in diffusion],
        )
        return replace(equations, powers=self.space.powers())


def _amplitudes(model: ChainParameters) -> tuple[ClassicalSpace, ChainOperators, list[Function]]:
    """Holstein–Primakoff amplitudes, J−=√N r β with r²=1−|β|²/N, and (q1, p1, q2, p2)."""
    space = ClassicalSpace()
    b = [space.mode() for _ in range(2)]
    s, half = space.spin()
    lowering, along = [], []
    for x, N in zip(b, model.n, strict=True):
        room = space.power(1 - x.dag() * x / N, 1)
        lowering.append(np.sqrt(N) * (space.power(room, 0.5) * x))
        along.append(N / 2 - N * room)
        space.relate(x, N - N * room)
    ops = ChainOperators(
        (lowering[0], lowering[1]), (along[0], along[1]), 1.0, (b[0], b[1]), s, 2 * half
    )
    parts = [(np.sqrt(0.5) * (x + x.dag()), -1j * np.sqrt(0.5) * (x - x.dag())) for x in b]
    return space, ops, [*(y for pair in parts for y in pair), *_vector(s, half)]


def _sphere() -> tuple[ClassicalSpace, ChainOperators, list[Function]]:
    """Vectors on the sphere, where J− is a variable, and (x1, y1, z1, x2, y2, z2)."""
    space = ClassicalSpace()
    J = [space.spin() for _ in range(2)]
    s, half = space.spin()
    ops = ChainOperators((J[0][0], J[1][0]), (J[0][1], J[1][1]), 1.0, None, s, 2 * half)
    return space, ops, [x for m, z in (*J, (s, half)) for x in _vector(m, z)]


def _vector(minus: Function, z: Function) -> tuple[Function, Function, Function]:
    """(Sx, Sy, Sz) of S− and S_z."""
    return 0.5 * (minus + minus.dag()), 0.5j * (minus - minus.dag()), z


@lru_cache(maxsize=64)
def chain_equations(
    model: ChainParameters, sphere: bool, eliminated: bool, sigma_z: float
) -> ChainEquations:
    """The equations of the mean field, on the sphere or of amplitudes; `sigma_z` is that of the
    detuning where the central spin is eliminated.
    """
    space, ops, coordinates = _sphere() if sphere else _amplitudes(model)
    chains, zero = space.variables - 2, 0 * ops.sigma_z
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
    centre = [space.rate(space.variable(k), H, ()) for k in range(chains, chains + 2)]
    drift += [zero, zero] if eliminated else centre
    return ChainEquations(space, drift, jumps, coordinates, not sphere)


@lru_cache(maxsize=64)
def _linear(model: ChainParameters, eliminated: bool, sigma_z: float) -> LinearEquations:
    """Vectors on the sphere, which need no roots, unless a jump acts through the bosons."""
    return chain_equations(model, not model.uses_bosons, eliminated, sigma_z).linear()


@cache
def _coordinates(bosons: bool) -> list[Coordinate]:
    """Of two modes, or of two spins of any length, and of the central spin."""
    own = (modes(2) if bosons else spins(2, 2))[0].symbol.space
    centre = spins(2)[0].symbol.space
    return Classical((*own.symbols, *centre.symbols), Expression((own, centre)), []).coordinates


def chain_flow(model: ChainParameters, eliminated: bool, sigma_z: float) -> LinearisedFlow:
    """The right-hand side: the variables as pairs of doubles, then the upper triangle of the
    covariance.
    """
    return _linear(model, eliminated, sigma_z if eliminated else 0.0).flow()


def start_of(
    model: ChainParameters, beta: np.ndarray, covariance: np.ndarray, centre: tuple[complex, float]
) -> np.ndarray:
    """The state of the flow from amplitudes, their covariance (4, 4) and (⟨σ−⟩, ⟨σz⟩/2)."""
    W, variables = np.eye(4), list(beta)
    if not model.uses_bosons:
        variables, W = _to_sphere(model.n, beta)
    C = W @ covariance @ W.T
    z = np.array([*variables, *centre], dtype=complex)
    return np.concatenate([z.view(float), C[upper_triangle(len(C))]])


def boson_rows(model: ChainParameters, rows: np.ndarray) -> np.ndarray:
    """(β1, β2) as pairs of doubles and the upper triangle of their covariance, from rows of the
    flow.
    """
    if model.uses_bosons:
        return np.ascontiguousarray(np.concatenate([rows[:, :4], rows[:, 8:]], axis=1))
    return _from_sphere(model.n, rows)


def central_rows(model: ChainParameters, rows: np.ndarray) -> np.ndarray:
    """⟨σ⟩ (T, 3) from rows of the flow."""
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


def _from_sphere(n: tuple[int, int], rows: np.ndarray) -> np.ndarray:
    out = np.empty((len(rows), 14))
    sphere_to_bosons(np.ascontiguousarray(rows), 12, np.array(n, dtype=float), out)
    return out
