"""Mean field and covariance of two spin chains: the central spin factorised, or adiabatically
eliminated.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import qutip

from ...approximate.flow import parts_of
from ...approximate.meanfield import MeanFieldProblem, MeanFieldResult
from ...core.checks import check_array, check_choice, check_flag, check_number
from ...core.entry import mfsolve
from ...core.gaussian import check_covariance
from ...core.options import DEFAULTS
from ...core.rungekutta import runge_kutta
from ...core.solver import Solver
from ...core.types import EOps, Options, State
from ...operators.collective import bloch_vectors
from .elimination import elimination_detuning
from .flow import boson_rows, central_rows, chain_equations, chain_flow, start_of
from .model import SpinChains
from .states import central_state

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "SpinMeanFieldResult",
    "SpinMeanFieldSolver",
    "coherent_covariance",
    "mean_field_parts",
    "mfsolve_chains",
]

UNCONTROLLED = (
    "correlations between the central spin and the chains: the factorised spin ½ is not controlled "
    "by any small parameter "
    "(the error of ⟨σ⟩ does not fall reliably with N)"
)


class SpinMeanFieldResult(MeanFieldResult):
    """Mean field and covariance of two spin chains in time.

    Attributes
    ----------
    amplitudes : ndarray of shape (T, 2)
        β_j=⟨b_j⟩ of the Holstein–Primakoff bosons, |β_j|² < N_j.
    mean : ndarray of shape (T, 4)
        (q1, p1, q2, p2).
    covariance : ndarray of shape (T, 4, 4)
        Of the bosons; vacuum ½.
    sigma : ndarray of shape (T, 3)
        ⟨σ⟩ of the central spin; where it is eliminated the constant ⟨σz⟩ and zeros.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> run = qsp.mfsolve(chains, start, [0.0, 0.5])
    >>> run.amplitudes.shape, run.sigma.shape
    ((2, 2), (2, 3))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        **MeanFieldResult._fields,
        "sigma": ("time", "axis"),
    }
    sigma: np.ndarray

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return {**super()._shapes(), "sigma": ((3,), float)}

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        self.sigma[start : start + len(times)] = central_rows(self.model, rows)
        super()._record(start, times, rows)

    def _gaussian_rows(self, rows: np.ndarray) -> np.ndarray:
        return boson_rows(self.model, rows)

    @property
    def lowering(self) -> np.ndarray:
        """Mean-field ⟨J_j−⟩ = √N_j √(1−|β_j|²/N_j) β_j, shape (T, 2)."""
        N = np.array(self.model.n, dtype=float)
        return np.asarray(np.sqrt(N - np.abs(self.amplitudes) ** 2) * self.amplitudes)

    @property
    def jz(self) -> np.ndarray:
        """Mean-field ⟨J_jz⟩ = |β_j|² − N_j/2, shape (T, 2)."""
        return np.asarray(np.abs(self.amplitudes) ** 2 - np.array(self.model.n) / 2)


def coherent_covariance(excitation: ArrayLike, phase: ArrayLike) -> np.ndarray:
    r"""Covariance of spin-coherent chains: :math:`R(φ)\,\mathrm{diag}[(1-x)/2, 1/(2(1-x))]\,R(φ)^T`
    each.

    Parameters
    ----------
    excitation : array_like of shape (2,)
        x_j=n_j/N_j, from 0 to below 1.
    phase : array_like of shape (2,)
        φ_j.

    Returns
    -------
    ndarray of shape (4, 4)
        In (q1, p1, q2, p2). Not ½·1: the boson number of a spin-coherent state is narrower than
        Poisson's.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.coherent_covariance((0.0, 0.0), (0.0, 0.0)).shape
    (4, 4)
    """
    x, phi = (
        check_array("excitation", excitation, shape=(2,)),
        check_array("phase", phase, shape=(2,)),
    )
    if np.any(x < 0) or np.any(x >= 1):
        raise ValueError(f"excitation must be from 0 to below 1, not {x}")
    C = np.zeros((4, 4))
    for k, (a, angle) in enumerate(zip(x.tolist(), phi.tolist(), strict=True)):
        along, across = (1 - a) / 2, 0.5 / (1 - a)
        c, s = math.cos(angle), math.sin(angle)
        C[2 * k, 2 * k] = c * c * along + s * s * across
        C[2 * k + 1, 2 * k + 1] = s * s * along + c * c * across
        C[2 * k, 2 * k + 1] = C[2 * k + 1, 2 * k] = c * s * (along - across)
    return C


def mean_field_parts(
    model: SpinChains,
    beta: ArrayLike,
    sigma_minus: complex = 0.0,
    sigma_z: float = -1.0,
    *,
    eliminated: bool = False,
) -> dict[str, np.ndarray]:
    """Drift, Jacobian and diffusion at a point.

    Parameters
    ----------
    model : SpinChains
        The model.
    beta : array_like of shape (2,)
        Amplitudes, |β_j|² < N_j.
    sigma_minus, sigma_z : complex, float
        ⟨σ−⟩ and ⟨σz⟩.
    eliminated : bool
        With the central spin eliminated (⟨σ−⟩ is not used).

    Returns
    -------
    dict
        ``drift`` (2,), ``u``=∂F_j/∂β_k and ``v``=∂F_j/∂β_k* (2, 2), ``jacobian`` M (4, 4),
        ``diffusion`` D (4, 4), ``spin``: rates of (Re⟨σ−⟩, Im⟨σ−⟩, ⟨σz⟩).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> sorted(qsp.mean_field_parts(chains, [0.5, 0.5]))
    ['diffusion', 'drift', 'jacobian', 'spin', 'u', 'v']
    """
    b = _check_beta(model, beta)
    s = check_array("sigma_minus", sigma_minus, shape=(), dtype=complex)
    z = check_number("sigma_z", sigma_z)
    eliminated = check_flag("eliminated", eliminated)
    equations = chain_equations(model, False, eliminated, z if eliminated else 0.0)
    n = equations.space.variables
    point = [*b, 0.0 if eliminated else s, 0.5 * z][:n]
    out = np.asarray(equations.polynomials()(0.0, point))
    u, v = out[n : n + 2 * n * n].reshape(2, n, n)[:, :2, :2]
    _, M, D = parts_of(equations.coordinates, n, out)
    spin = np.zeros(3) if n == 2 else np.array([out[2].real, out[2].imag, 2 * out[3].real])
    return {"drift": out[:2], "u": u, "v": v, "jacobian": M, "diffusion": D, "spin": spin}


def _check_beta(model: SpinChains, beta: Any, name: str = "beta") -> np.ndarray:
    b = check_array(name, beta, shape=(2,), dtype=complex)
    for j, count in enumerate(model.n):
        if not abs(b[j]) ** 2 < count:
            raise ValueError(
                f"{name}: |β_{j + 1}|²={abs(b[j]) ** 2:g} must stay below N_{j + 1}={count} (the "
                "square root √(1−|β|²/N))"
            )
    return b


class SpinMeanFieldSolver(Solver):
    """Mean field and covariance of two spin chains by a compiled kernel.

    Parameters
    ----------
    model : SpinChains
        What to run.
    eliminated : bool
        Whether the central spin is adiabatically eliminated.
    options : dict, optional
        See :func:`mfsolve_chains`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> qsp.SpinMeanFieldSolver(chains).run(start, [0.0, 0.5]).amplitudes.shape
    (2, 2)
    """

    name = "mfsolve"
    models = (SpinChains,)
    solver_options: ClassVar[dict[str, Any]] = {**DEFAULTS, "store_states": False}

    def __init__(
        self, model: SpinChains, *, eliminated: bool = False, options: Options | None = None
    ):
        super().__init__(model, options=options)
        model.require_symmetric("mean field")
        if eliminated and not model.central:
            raise ValueError("closure='eliminated' needs a central spin")
        self.eliminated = bool(eliminated)
        self.covariance0: Any = None
        self.central: Any = "down"

    def _start(self, state0: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Amplitudes, their covariance, and ⟨σ⟩; zeros where there is no central spin."""
        chains = self.model
        if isinstance(state0, qutip.Qobj):
            beta, sigma = self._read(state0)
        else:
            beta = _check_beta(chains, state0, "state0")
            sigma = chains.central * self._centre()
        if self.covariance0 is not None:
            return beta, check_covariance("covariance0", self.covariance0, 2), sigma
        x = np.abs(beta) ** 2 / np.array(chains.n)
        return beta, coherent_covariance(x, np.angle(beta)), sigma

    def _centre(self) -> np.ndarray:
        """⟨σ⟩ of the state that was named or given."""
        if isinstance(self.central, str):
            up = check_choice("central", self.central, ("down", "up")) == "up"
            return np.array([0.0, 0.0, 1.0 if up else -1.0])
        return np.asarray(
            bloch_vectors((1,), central_state(self.model, self.central, "collective"))[0]
        )

    def _read(self, state: qutip.Qobj) -> tuple[np.ndarray, np.ndarray]:
        """Amplitudes of a product of spin-coherent chains, and ⟨σ⟩."""
        chains, half = self.model, 0.5 * np.array(self.model.n)
        vectors = bloch_vectors((*[1] * chains.central, *chains.n), state)
        x, y, z = half * vectors[-2:].T
        # |β|² is the number of spins up, its phase that of ⟨J−⟩
        beta = np.sqrt(np.maximum(z + half, 0.0)) * np.exp(1j * np.arctan2(-y, x))
        _check_beta(chains, beta, "state0")
        return beta, vectors[0] if chains.central else np.zeros(3)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> SpinMeanFieldProblem:
        beta, covariance, (x, y, z) = self._start(state0)
        minus = 0.0 if self.eliminated else 0.5 * complex(x, -y)
        y0 = start_of(self.model, beta, covariance, (minus, 0.5 * z))
        stepper = runge_kutta(chain_flow(self.model, self.eliminated, z), y0, times, self._options)
        account = self.account(self._stats(z))
        result = SpinMeanFieldResult(
            e_ops, self._options, modes=2, closure="linear", account=account
        )
        return SpinMeanFieldProblem(times, stepper, result)

    def recipe(self) -> dict[str, Any]:
        return {
            "eliminated": self.eliminated,
            "covariance0": self.covariance0,
            "central": self.central,
        }

    def _stats(self, sigma_z: float) -> dict[str, Any]:
        central = "factorised" if self.model.central else "none"
        stats: dict[str, Any] = {
            "closure": "linear",
            "central spin": "eliminated" if self.eliminated else central,
            "neglected": [
                "fluctuations act back on the mean nowhere (linearised about the mean field)"
            ],
        }
        if self.eliminated:
            stats["neglected"].append(
                "retardation of the central spin: it follows the chains adiabatically, ⟨σz⟩ is "
                "constant"
            )
            stats["detuning"] = list(elimination_detuning(self.model, sigma_z))
        elif self.model.central:
            stats["neglected"].append(UNCONTROLLED)
        return stats


class SpinMeanFieldProblem(MeanFieldProblem):
    """Watches the uncertainty relation, |⟨σ⟩| and, without jumps, the excitations."""

    result: SpinMeanFieldResult

    def conserved(self) -> dict[str, float]:
        result, drift = self.result, {}
        if result.stats["central spin"] == "factorised":
            length = np.linalg.norm(result.sigma, axis=1)
            drift["|⟨σ⟩|"] = float(np.abs(length - length[0]).max())
        if not result.model.dissipated:
            charge = (np.abs(result.amplitudes) ** 2).sum(axis=1) + 0.5 * result.sigma[:, 2]
            drift["n1+n2+σz/2"] = float(np.abs(charge - charge[0]).max() / max(1.0, abs(charge[0])))
        return drift


@mfsolve.register(SpinChains)
def mfsolve_chains(
    system: SpinChains,
    state0: Any,
    tlist: ArrayLike,
    *,
    central: Any = "down",
    closure: str = "linear",
    covariance0: Any = None,
    e_ops: EOps = None,
    options: Options | None = None,
) -> SpinMeanFieldResult:
    r"""Mean field and covariance of two spin chains, with the exact square root.

    With r=√(1−|β|²/N), G=Σ g r β, X=Σ g(|β|²−N/2)/√N, s=⟨σ−⟩, z=⟨σz⟩ (here with loss through J−):

    .. math::
        \dot β_j &= -i\{[ω_j(λ^2+\tfrac1{N_j}) - \tfrac{2ω_jλ^2|β_j|^2}{N_j} +
        \tfrac{g_jz}{\sqrt{N_j}}]β_j
                   + g_j[s r_j - \tfrac{β_j(s^*β_j+sβ_j^*)}{2N_jr_j}]\} - \tfrac
                   γ2β_j(1-\tfrac{|β_j|^2}{N_j}) \\
        \dot s &= -i(ω_0+2X)s + izG, \qquad \dot z = 4\,\mathrm{Im}(s^*G), \qquad \dot C = MC + CM^T
        + D.

    Parameters
    ----------
    system : SpinChains
        What to run.
    state0 : Qobj or array_like of shape (2,)
        A product state of :meth:`SpinChains.product_state` (representation ``"collective"``), or
        amplitudes β_j with |β_j|² < N_j.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    central : "down", "up" or Qobj
        Central spin, where `state0` is amplitudes.
    closure : {"linear", "eliminated"}
        With the central spin eliminated: :math:`H_\mathrm{eff} = ⟨σ_z⟩\,\mathrm{Re}\,G^*Σ_j
        g_jr_jβ_j/(2X+δ_j)`, δ_j=ω0−ν_j (:func:`elimination_detuning`), with constant ⟨σz⟩ of the
        initial state.
    covariance0 : array_like of shape (4, 4), optional
        Initial covariance; that of spin-coherent states with these amplitudes by default (not ½·1).
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, (mean, covariance))``.
    options : dict, optional
        As for :func:`qsyncplug.approximate.meanfield.mfsolve_system`.

    Returns
    -------
    SpinMeanFieldResult
        ``stats["neglected"]`` says that the factorised central spin is not controlled.

    Raises
    ------
    ValueError, TypeError
        Bad input: |β|² ≥ N, a state that is no product of spin-coherent chains.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    Notes
    -----
    The published elimination counts twice: it has ⟨σz⟩/X where the second-order energy is
    ⟨σz⟩/(2X+δ).
    """
    check_choice("closure", closure, ("linear", "eliminated"))
    solver = SpinMeanFieldSolver(system, eliminated=closure == "eliminated", options=options)
    solver.covariance0, solver.central = covariance0, central
    if isinstance(state0, qutip.Qobj) and not (isinstance(central, str) and central == "down"):
        raise ValueError(
            "central belongs to amplitudes; state0 as a Qobj holds the central spin already"
        )
    result = solver.run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, SpinMeanFieldResult)
    return result
