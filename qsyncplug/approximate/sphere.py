"""Mean field and covariance of mixtures: modes, spins on the sphere, factorised sites."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from .._ext.bosons import LinearisedFlow, PolynomialFlow, Polynomials
from .._ext.equations import first_unphysical, unpack_upper
from .._ext.integrator import RightHandSide
from ..core.checks import check_array, check_choice
from ..core.errors import SolverError
from ..core.solver import Account
from ..core.status import Status
from ..core.types import EOps, Options, State
from ..operators.atom import AtomFactor
from ..operators.classical import is_site
from ..operators.expression import Expression
from ..operators.mode import ModeFactor
from ..operators.polynomial import compile_polynomials
from ..operators.spin import SpinFactor
from ..operators.states import ProductState
from ..operators.symbol import Symbol
from ..operators.system import System
from .closed import AmplitudesResult, ClosedProblem, LinearSolver

__all__ = [
    "ClassicalResult",
    "ClassicalSolver",
    "linear_flow",
    "mean_flow",
    "neglected",
    "oscillators",
    "quadratures",
    "sphere_quadratures",
    "spin_quadratures",
    "stopped",
    "upper_triangle",
]


@lru_cache(maxsize=16)
def upper_triangle(d: int) -> tuple[np.ndarray, ...]:
    """Indices of the upper triangle, row by row."""
    return np.triu_indices(d)


def oscillators(system: System) -> list[Symbol]:
    """The nodes with quadratures: modes, spins of two or more spins ½, ensembles of two or more."""
    return [
        s
        for s in system.symbols
        if isinstance(s.factor, ModeFactor)
        or (isinstance(s.factor, (SpinFactor, AtomFactor)) and s.factor.N > 1)
    ]


def linear_flow(system: System) -> LinearisedFlow:
    """The compiled right-hand side of mean and covariance."""
    return system.linear_equations.flow()


class ClassicalResult(AmplitudesResult):
    """Mean field, with or without covariance, of a system of any nodes.

    Attributes
    ----------
    amplitudes : ndarray of shape (T, K)
        β of the oscillators (modes, spins, ensembles): ⟨b⟩ of a mode, the Holstein–Primakoff
        amplitude S−/√(N/2−Sz) of a spin or an ensemble.
    mean : ndarray of shape (T, 2K)
        Their quadratures √2·(Re β, Im β).
    covariance : ndarray of shape (T, 2K, 2K)
        Symmetrised, vacuum ½; of the Holstein–Primakoff quadratures of spins. None with
        ``closure="none"``.
    coordinates : ndarray of shape (T, d)
        (q, p) of every mode, (Sx, Sy, Sz) of every spin and ensemble, and the elements of the
        density matrix of every system of levels; ``coordinate_names`` says which.
    coordinate_covariance : ndarray of shape (T, d, d)
        Their covariance, or None.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> system = qsp.van_der_pol_pair()
    >>> run = qsp.mfsolve(system, [1.0, 0.5j], [0.0, 1.0], closure="none")
    >>> type(run).__name__, run.amplitudes.shape
    ('ClassicalResult', (2, 2))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "amplitudes": ("time", "oscillator"),
        "mean": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
        "coordinates": ("time", "coordinate"),
        "coordinate_covariance": ("time", "coordinate", "coordinate_2"),
    }
    coordinates: np.ndarray
    coordinate_covariance: np.ndarray

    def __init__(self, e_ops: EOps, options: Options, *, linear: bool, account: Account):
        self._linear = linear
        super().__init__(e_ops, options, **account)

    @property
    def n(self) -> int:
        """Number K of oscillators: modes, spins and ensembles, without systems of levels."""
        return int(self.amplitudes.shape[1])

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """What the entries of ``coordinates`` are, such as ``'q(b1)'``, in their order, (d,)."""
        return tuple(self.stats["coordinates"])

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        k, d = len(oscillators(self.model)), len(self.model.classical.coordinates)
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "amplitudes": ((k,), complex),
            "mean": ((2 * k,), float),
            "coordinates": ((d,), float),
        }
        if self._linear:
            shapes["covariance"] = ((2 * k, 2 * k), float)
            shapes["coordinate_covariance"] = ((d, d), float)
        return shapes

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        here = slice(start, start + len(times))
        x, C = self._unpack(rows)
        beta, jacobian = quadratures(self.model, x)
        self.coordinates[here] = x
        self.amplitudes[here] = beta
        self.mean[here] = np.sqrt(2) * np.ascontiguousarray(beta).view(float)
        if C is not None:
            self.coordinate_covariance[here] = C
            self.covariance[here] = jacobian @ C @ np.swapaxes(jacobian, -1, -2)
        super()._record(start, times, rows)

    def _unpack(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        variables, d = self.model.classical.variables, len(self.model.classical.coordinates)
        z = np.ascontiguousarray(rows[:, : 2 * variables]).view(complex)
        x = self.model.coordinates_of(z)
        if not self._linear:
            return x, None
        C = np.empty((len(rows), d, d))
        unpack_upper(np.ascontiguousarray(rows), 2 * variables, C)
        return x, C

    def _state(self, t: float, row: np.ndarray) -> Any:
        """Coordinates (d,), and their covariance (d, d) where there is one."""
        x, C = self._unpack(row[None, :])
        return x[0] if C is None else (x[0], C[0])

    def _check_operator(self, name: str, operator: Expression) -> None:
        self._polynomials(operator)

    def expectation(self, operator: Expression) -> np.ndarray:
        """Mean-field value of an operator, (T,): its classical symbol, sites factorised."""
        self.model.require_own(operator)
        evaluate = self._polynomials(operator)
        values = [evaluate(0.0, self.model.variables_at(x))[0] for x in self.coordinates]
        return np.array(values, dtype=complex)

    def _polynomials(self, operator: Expression) -> Polynomials:
        """The classical symbol of an operator, compiled."""
        c = self.model.classical
        symbol = c.expectation(c.hybrid(operator))
        arrays, factors = compile_polynomials([symbol])
        if len(factors) > 1:
            raise ValueError(f"operator must not depend on time: {operator}")
        return Polynomials(c.variables, arrays, factors)


def stopped(status: int, t: float) -> BaseException:
    """What a mean field that cannot be followed beyond the time `t` raises."""
    if status == Status.INTERRUPTED:
        return KeyboardInterrupt()
    why = Status(status).name.lower().replace("_", " ")
    return SolverError(
        f"the mean field cannot be followed beyond t={t:g} ({why}): it grows without bound, or "
        "changes ever faster",
        time=float(t),
        reason="no limit cycle",
    )


def quadratures(system: System, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """β (T, K) of the oscillators and the Jacobian ∂(q, p)/∂x, shape (T, 2K, d)."""
    nodes = oscillators(system)
    beta = np.empty((len(x), len(nodes)), dtype=complex)
    T = np.zeros((len(x), 2 * len(nodes), x.shape[1]))
    root2 = math.sqrt(2)
    for k, symbol in enumerate(nodes):
        at = system.classical.place[symbol]
        if isinstance(symbol.factor, ModeFactor):
            beta[:, k] = (x[:, at] + 1j * x[:, at + 1]) / root2
            T[:, 2 * k, at] = T[:, 2 * k + 1, at + 1] = 1.0
            continue
        of = sphere_quadratures if isinstance(symbol.factor, SpinFactor) else spin_quadratures
        own = of(symbol.N, x[:, at : at + 3])
        beta[:, k], T[:, 2 * k : 2 * k + 2, at : at + 3] = own
    return beta, T


def spin_quadratures(N: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """β=S−/√(N/2−Sz) (T,) of a spin (T, 3), and ∂(q, p)/∂S (T, 2, 3)."""
    # the north pole has no such boson
    room = np.maximum(0.5 * N - x[:, 2], 1e-12 * N)
    own, half = np.sqrt(2.0 / room), 0.5 / room
    q, p = x[:, 0] * own, x[:, 1] * own
    T = np.zeros((len(x), 2, 3))
    T[:, 0, 0], T[:, 1, 1] = own, -own
    T[:, 0, 2], T[:, 1, 2] = q * half, -p * half
    return (q - 1j * p) * math.sqrt(0.5), T


def sphere_quadratures(N: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of a spin (T, 3) on its sphere, without cancellation next to the north pole.

    There N/2−Sz = S−S+/(N/2+Sz): β=√(N/2+Sz)e^{-iφ} with the azimuth φ.
    """
    beta, T = spin_quadratures(N, x)
    across = np.hypot(x[:, 0], x[:, 1])
    # less than that has no square, and no phase
    upper = np.flatnonzero((x[:, 2] > 0) & (across > 1e-100 * N))
    across, rho = across[upper], np.sqrt(0.5 * N + x[upper, 2])
    c, s = x[upper, 0] / across, x[upper, 1] / across
    turn = math.sqrt(2) * rho / across
    T[upper, 0] = np.stack([turn * s * s, -turn * s * c, c / (math.sqrt(2) * rho)], axis=-1)
    T[upper, 1] = np.stack([turn * s * c, -turn * c * c, -s / (math.sqrt(2) * rho)], axis=-1)
    beta[upper] = rho * (c - 1j * s)
    return beta, T


class ClassicalSolver(LinearSolver):
    """Mean field, alone or with linear fluctuations, of a system of any nodes; see `mfsolve`.

    Parameters
    ----------
    model : System
        What to run.
    closure : {"linear", "none"}
        With or without the covariance.
    options : dict, optional
        As for `mfsolve`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.ClassicalSolver(qsp.van_der_pol_pair()).run([1.0, 0.5j], [0.0, 1.0]).amplitudes.shape
    (2, 2)
    """

    models: ClassVar[tuple[type, ...]] = (System,)

    def __init__(self, model: System, *, closure: str = "linear", options: Options | None = None):
        super().__init__(model, options=options)
        self.closure = check_choice("closure", closure, ("linear", "none"))

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> ClassicalProblem:
        stepper = self._stepper(state0, times)
        stats = {
            "closure": self.closure,
            "neglected": neglected(self.model, self.closure),
            "coordinates": [c.name for c in self.model.classical.coordinates],
        }
        linear = self.closure == "linear"
        result = ClassicalResult(e_ops, self._options, linear=linear, account=self.account(stats))
        return ClassicalProblem(times, stepper, result)

    def _equations(self, state0: Any) -> tuple[RightHandSide, np.ndarray]:
        """The right-hand side and where it starts."""
        product = ProductState(self.model, state0)
        z = product.variables()
        if self.closure == "none":
            return mean_flow(self.model), z
        d = len(self.model.classical.coordinates)
        C = product.covariance() if self.covariance0 is None else self._given(d)
        return linear_flow(self.model), np.concatenate([z.view(float), C[upper_triangle(d)]])

    def _given(self, d: int) -> np.ndarray:
        C = check_array("covariance0", self.covariance0, shape=(d, d))
        if np.abs(C - C.T).max() > 1e-12 * max(1.0, float(np.abs(C).max())):
            raise ValueError("covariance0 must be symmetric")
        if np.linalg.eigvalsh(C)[0] < -1e-10 * max(1.0, float(np.abs(C).max())):
            raise ValueError("covariance0 must not have negative eigenvalues")
        return C


class ClassicalProblem(ClosedProblem):
    """Watches the lengths of the spins and the uncertainty relation."""

    result: ClassicalResult

    def finish(self) -> None:
        result, model = self.result, self.result.model
        if len(result.times) == 0:
            return
        drift: dict[str, float] = {}
        for symbol in model.classical.spheres:
            at = model.classical.place[symbol]
            spin = result.coordinates[:, at : at + 3]
            length = np.sqrt((spin * spin).sum(axis=1))
            drift[f"|{symbol}|"] = float(np.abs(length - length[0]).max() / length[0])
        if result._linear and not any(is_site(s) for s in model.symbols):
            bad = first_unphysical(result.covariance, 1e-9)
            if bad >= 0:
                result.stats["neglected"].append(
                    "positivity: the covariance breaks the uncertainty relation from "
                    f"t={result.times[bad]:g} on"
                )
        result.stats["drift"] = drift


def neglected(system: System, closure: str) -> list[str]:
    """What the mean field of a system leaves out."""
    out = ["fluctuations act back on the mean nowhere (linearised about the mean field)"]
    if closure == "none":
        out = ["fluctuations"]
    sites = [s for s in system.symbols if is_site(s)]
    single = [s.name for s in sites if not isinstance(s.factor, AtomFactor)]
    many = [s.name for s in sites if isinstance(s.factor, AtomFactor)]
    if single:
        out.append(
            f"correlations of {', '.join(single)} with the rest: a factorised spin ½ or level is "
            "not controlled by any small parameter"
        )
    if many:
        out.append(f"correlations between the atoms of {', '.join(many)}: of the order 1/N")
    return out


def mean_flow(system: System) -> PolynomialFlow:
    """The compiled right-hand side of the mean alone."""
    arrays, factors = compile_polynomials(system.classical.drift())
    return PolynomialFlow(Polynomials(system.classical.variables, arrays, factors))
