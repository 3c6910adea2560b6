"""Mean field and covariance of boson models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.equations import first_unphysical, unpack_linear
from .._ext.integrator import RightHandSide
from ..core.checks import check_array, check_choice, check_integer
from ..core.entry import mfsolve
from ..core.gaussian import (
    moments_from_covariance,
    uncertainty_margin,
)
from ..core.result import Result
from ..core.solver import Account
from ..core.types import EOps, Options, State
from ..operators.expression import Expression
from ..operators.states import ProductState
from ..operators.system import System
from .closed import AmplitudesResult, ClosedProblem, LinearSolver
from .closure_limits import without_phase
from .cumulants import CumulantSolver, closure_of
from .gaussian import (
    check_gaussian,
    gaussian_equations,
    gaussian_expectation,
    moments_of_words,
)
from .sphere import ClassicalSolver, linear_flow, upper_triangle

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["MeanFieldResult", "MeanFieldSolver", "mfsolve_system"]

_CLOSURES = {
    "linear": "fluctuations act back on the mean nowhere (linearised about the mean field)",
    "gaussian": "third and higher cumulants",
}


class MeanFieldResult(AmplitudesResult):
    """Mean field and covariance in time.

    Attributes
    ----------
    amplitudes : ndarray of shape (T, N)
        Complex amplitudes β_j=⟨b_j⟩.
    mean : ndarray of shape (T, 2N)
        Quadratures (q1, p1, q2, p2, …), q=(b+b†)/√2: √2·(Re β, Im β).
    covariance : ndarray of shape (T, 2N, 2N)
        Symmetrised covariance, vacuum ½.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> run.amplitudes.shape, run.mean.shape, run.covariance.shape
    ((26, 2), (26, 4), (26, 4, 4))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "amplitudes": ("time", "mode"),
        "mean": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
    }

    def __init__(
        self, e_ops: EOps, options: Options, *, modes: int, closure: str, account: Account
    ):
        self._modes = modes
        self._closure = closure
        super().__init__(e_ops, options, **account)

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        n = self._modes
        return {
            "amplitudes": ((n,), complex),
            "mean": ((2 * n,), float),
            "covariance": ((2 * n, 2 * n), float),
        }

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        here = slice(start, start + len(times))
        unpack_linear(self._gaussian_rows(rows), self.mean[here], self.covariance[here])
        self.amplitudes[here] = self.mean[here].view(complex) / np.sqrt(2)
        super()._record(start, times, rows)

    def _state(self, t: float, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (2N,) and covariance (2N, 2N)."""
        n = self._modes
        mean, covariance = np.empty((1, 2 * n)), np.empty((1, 2 * n, 2 * n))
        unpack_linear(self._gaussian_rows(row[None, :]), mean, covariance)
        return mean[0], covariance[0]

    def _check_operator(self, name: str, operator: Expression) -> None:
        check_gaussian(name, self.model, operator)

    def expectation(self, operator: Expression) -> np.ndarray:
        """Expectation value of an operator in the Gaussian states with these moments, (T,)."""
        if not isinstance(self.model, System):
            raise TypeError(
                f"expect needs the result of a System; {type(self.model).__name__} has no symbols "
                "of its own (run its system())"
            )
        m, n = moments_from_covariance(self.covariance)
        return gaussian_expectation(self.model, operator, self.amplitudes, m, n)

    def _gaussian_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return the part of the integrator's rows that holds mean and covariance."""
        return rows


class MeanFieldSolver(LinearSolver):
    r"""Mean field and covariance of a boson model by a compiled polynomial kernel.

    ``closure="linear"`` linearises about the mean,

    .. math:: \dot β = F(β), \qquad \dot C = MC + CM^T + D;

    ``closure="gaussian"`` is the second-order cumulant expansion: the exact
    equations of ⟨b⟩, ⟨bb⟩ and ⟨b†b⟩ with every higher moment replaced by that
    of the Gaussian state with the same mean and covariance.

    Parameters
    ----------
    model : System
        What to run.
    closure : {"linear", "gaussian"}
        See above.
    options : dict, optional
        See :func:`mfsolve_system`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> solver = qsp.MeanFieldSolver(qsp.van_der_pol_pair(), options={"rtol": 1e-8})
    >>> solver.run([1.0, 0.5j], [0.0, 1.0]).mean.shape
    (2, 4)
    """

    models: ClassVar[tuple[type, ...]] = (System,)

    def __init__(self, model: System, *, closure: str = "linear", options: Options | None = None):
        super().__init__(model, options=options)
        self.closure = check_choice("closure", closure, _CLOSURES)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> MeanFieldProblem:
        stepper = self._stepper(state0, times)
        result = MeanFieldResult(
            e_ops,
            self._options,
            modes=self.model.n,
            closure=self.closure,
            account=self.account(
                {"closure": self.closure, "neglected": [_CLOSURES[self.closure]]},
            ),
        )
        return MeanFieldProblem(times, stepper, result)

    def _equations(self, state0: Any) -> tuple[RightHandSide, np.ndarray]:
        """The right-hand side and where it starts."""
        n = self.model.n
        if isinstance(state0, Mapping):
            state0 = list(ProductState(self.model, state0).alpha.values())
        beta = check_array("state0", state0, shape=(n,), dtype=complex)
        C = self._covariance(n)
        y0 = np.concatenate([beta.view(float), C[upper_triangle(2 * n)]])
        return closure_flow(self.model, self.closure), y0


class MeanFieldProblem(ClosedProblem):
    """Watches the uncertainty relation, and what is conserved without jumps."""

    result: MeanFieldResult

    def finish(self) -> None:
        result, model = self.result, self.result.model
        if len(result.times) == 0:
            return
        drift: dict[str, float] = {}
        bad = first_unphysical(result.covariance, 1e-9)
        drift["uncertainty relation"] = (
            0.0 if bad < 0 else float(max(0.0, -uncertainty_margin(result.covariance).min()))
        )
        if bad >= 0:
            result.stats["neglected"].append(
                "positivity: the covariance breaks the uncertainty relation from "
                f"t={result.times[bad]:g} on"
            )
        if result.stats["closure"] == "gaussian":
            closure = closure_of(model, 2, neutral=False)
            C = result.covariance[-1]
            row = np.concatenate([result.mean[-1] / np.sqrt(2), C[upper_triangle(len(C))]])
            values = moments_of_words(closure.equations.words, row[None, :])
            result.stats["neglected"] += without_phase(closure, values[0])
        result.stats["drift"] = drift | self.conserved()

    def conserved(self) -> dict[str, float]:
        """Drift of what should stay: without jumps the excitations, where a phase symmetry
        conserves them.
        """
        model, amplitudes = self.result.model, self.result.amplitudes
        linear = self.result.stats["closure"] == "linear"
        if model.jumps or not linear or not model.symmetries.common_phase:
            return {}
        total = (np.abs(amplitudes) ** 2).sum(axis=1)
        return {"Σ|β|²": float(np.abs(total - total[0]).max() / max(1.0, total[0]))}


def closure_flow(system: System, closure: str) -> RightHandSide:
    """The compiled right-hand side of a closure."""
    if closure == "linear":
        return linear_flow(system)
    return gaussian_equations(system).flow()


@mfsolve.register(System)
def mfsolve_system(
    system: System,
    state0: Any,
    tlist: ArrayLike,
    *,
    covariance0: Any = None,
    closure: str = "linear",
    order: int = 2,
    e_ops: EOps = None,
    options: Options | None = None,
) -> Result:
    r"""Mean field, covariance or cumulants of a system.

    Parameters
    ----------
    system : System
        What to run.
    state0 : array_like of shape (N,), or mapping
        Complex initial amplitudes of modes; in general a dict from symbol to state: a number for a
        mode, a Bloch vector or angles (θ, φ) for a spin or an ensemble, a Qobj for a level.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    covariance0 : array_like, optional
        Initial covariance: (2N, 2N) in (q1, p1, q2, p2, …) for modes, of the real coordinates of
        ``system.classical.coordinates`` otherwise; that of the product state by default.
    closure : {"linear", "none", "gaussian", "cumulants"}
        Linearisation about the mean; the mean alone; second-order cumulants of modes that act back
        on it, in central moments; cumulants up to `order` of any system.
    order : int
        Of ``closure="cumulants"``.
    e_ops : Expression, callable, or list or dict of these, optional
        Operators, whose expectation values are those of :func:`qsyncplug.expect` (by Wick's theorem
        in Gaussian states, by the closure from moments, of factorised nodes in the mean alone); or
        functions ``f(t, state)`` of (mean, covariance), (coordinates, covariance), coordinates or
        moments, as the closure has them.
    options : dict, optional
        ``atol`` (1e-13), ``rtol`` (1e-12, for the covariance grows without bound where the phase
        diffuses), ``nsteps``, ``max_step``, ``progress_bar``, ``progress_kwargs``,
        ``store_states``, ``store_final_state``, ``time_limit``, ``checkpoint``.

    Returns
    -------
    MeanFieldResult, ClassicalResult or CumulantResult
        ``amplitudes``, ``mean``, ``covariance``, and what is neglected in ``stats``.

    Raises
    ------
    ValueError, TypeError
        Bad input: wrong shapes, NaN, times that do not increase, a covariance that breaks the
        uncertainty relation, an order that would take more than a minute to set up.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    Notes
    -----
    :math:`\dot X = \{X,H\} - Σ_L \mathrm{Im}(L^*\{X,L\})`, M its Jacobian and
    :math:`D_{XY} = Σ_L \mathrm{Re}(\{X,L\}^*\{Y,L\})` the diffusion, all derived from the one
    statement of the system.
    """
    check_choice("closure", closure, ("linear", "none", "gaussian", "cumulants"))
    order = check_integer("order", order, minimum=1)
    if covariance0 is not None and closure not in ("linear", "gaussian"):
        raise ValueError(
            f"covariance0 is for closure='linear' and 'gaussian', not for {closure!r}; leave it out"
        )
    if order != 2 and closure != "cumulants":
        raise ValueError(
            f"order={order} is for closure='cumulants', not for {closure!r}; name that closure, or "
            "leave the order out"
        )
    if closure == "cumulants":
        return CumulantSolver(system, order=order, options=options).run(state0, tlist, e_ops=e_ops)
    if closure == "gaussian" and not system.bosonic:
        raise ValueError("closure='gaussian' is for modes; use closure='cumulants', order=2")
    solver: MeanFieldSolver | ClassicalSolver
    if system.bosonic and closure != "none":
        solver = MeanFieldSolver(system, closure=closure, options=options)
    else:
        solver = ClassicalSolver(system, closure=closure, options=options)
    solver.covariance0 = covariance0
    return solver.run(state0, tlist, e_ops=e_ops)
