"""Solver of the Wigner–Lohe model."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.fft import set_workers

from .._ext.integrator import Integrator, RightHandSide
from ..core.checks import check_number, check_times
from ..core.options import DEFAULTS
from ..core.solver import CompiledSolver
from ..core.threads import linear_algebra_threads
from ..waves.splitting import SCHEMES
from .coupling import right_hand_side, time_to_pole
from .fit import (
    EDGE_WARNING,
    factor_diagnostics,
    fits,
    judge,
    phase_space_diagnostics,
    warn_drift,
    warn_edges,
)
from .model import WignerLohe
from .result import WignerLoheResult
from .setup import ArraySetup, FactorSetup, Setup
from .state import InitialState, read_state
from .stepping import blow_up, run_steps
from .transport import check_potential

__all__ = ["WignerLoheSolver", "wlsolve"]

#: entries of L beyond which unphysical data have blown up
CAP = 1e6
#: outputs of a run at which the grid is looked at
_LOOKS = 33


class WignerLoheSolver(CompiledSolver):
    r"""Solve a Wigner–Lohe model.

    Parameters
    ----------
    model : WignerLohe
    options : dict, optional
        ``method``: ``"auto"`` chooses ``"reduction"`` for a common potential (constant offsets
        allowed), and otherwise ``"splitting"``, or ``"direct"`` for phase-space arrays of no
        operator on the grid.

        * ``"reduction"``: exact reduction :math:`W(t)=L(t)[U(t)W(0)]R(t)`; L and R follow N×N
          equations that need only z(0), by adaptive Runge–Kutta 8(5,3). Phase space is touched
          where a w_ij is asked for;
        * ``"splitting"``: adaptive splitting of order 6 of the vector-valued wave functions behind
          w;
        * ``"s10"``, ``"s6"``, ``"kl8"``, ``"kl6"``, ``"yoshida4"``, ``"suzuki4"``, ``"strang"``:
          the same with fixed ``step``;
        * ``"direct"``: all w_ij (half of them for Hermitian data) in phase space, whatever the run
          starts from.

        ``step``: length of fixed steps. ``allow_unphysical``: take correlations that no states
        have; such runs may blow up in finite time. ``allow_non_hermitian``: take blocks with w_ji ≠
        conj(w_ij). ``store_states``: keep what Wigner functions are made of at every output of
        ``"splitting"`` and ``"direct"`` runs (default: if it takes less than 256 MB). Other options
        as in QuTiP.

    Notes
    -----
    ``run(state0, tlist, e_ops=…)``. `state0`, told by its shape on a grid of shape (n, …):

    * kets: array (N, n, …), or a list of N Qobj kets of one mode in the Fock basis of ½p²+½x² (also
      in ensembles);
    * an ensemble: ``(p, states)`` with p (A,) and states (A, N, n, …), or a list of A pairs ``(p_α,
      kets_α)``;
    * a block operator ρ_ij(x, x'), array (N, N, n, …, n, …), with w_ij its Weyl symbol;
    * phase-space arrays w_ij, array (N, N, 2n, …, 2n, …), on ``model.phase_space``. Where they are
      the Weyl symbols of a block operator on the grid, to 1e-11, that operator is what is run (it
      need not be positive); else phase space is.

    Functions among `e_ops` are given ``(t, matrix)``, where ``matrix.wigner(i, j)``,
    ``matrix.correlations``, ``matrix.density(i, j)`` … are formed on request.

    Density matrices of the single oscillators do not determine w_ij for i≠j, so that they are no
    initial state.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> solver = qsp.WignerLoheSolver(qsp.WignerLohe(grid, lambda x: x**2 / 2))
    >>> solver.run([grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0]).n
    2
    """

    name = "wlsolve"
    methods = ("auto", "reduction", "splitting", "direct", *SCHEMES)
    solver_options: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "method": "auto",
        "rtol": 1e-12,
        "atol": 1e-14,
        "step": None,
        "allow_unphysical": False,
        "allow_non_hermitian": False,
    }

    def __init__(self, model: WignerLohe, *, options: dict[str, Any] | None = None):
        if not isinstance(model, WignerLohe):
            raise TypeError(f"model must be a WignerLohe, not {type(model).__name__}")
        super().__init__(model, options=options)

    def check_options(self, options: dict[str, Any]) -> None:
        """See :meth:`Solver.check_options`."""
        method, step = options["method"], options["step"]
        for name in ("allow_unphysical", "allow_non_hermitian"):
            if not isinstance(options[name], bool):
                raise TypeError(f"options[{name!r}] must be True or False, not {options[name]!r}")
        if step is not None:
            check_number("options['step']", step, minimum=0.0, strict=True)
        if method in SCHEMES and step is None:
            raise ValueError(f"options['step'] must be given for the fixed-step method {method!r}")
        if method == "reduction" and not self.model.common:
            raise ValueError(
                "options['method'] = 'reduction' needs a common potential; use 'splitting' or "
                "'direct'"
            )

    def _read(self, state0: Any) -> InitialState:
        o = self._options
        state = read_state(
            self.model,
            state0,
            allow_unphysical=o["allow_unphysical"],
            allow_non_hermitian=o["allow_non_hermitian"],
        )
        if state.left is not None:
            rows = [state.left] if state.right is None else [state.left, state.right]
            for part in rows:
                judge(factor_diagnostics(part, self.model.grid), "state0")
        else:
            assert state.arrays is not None
            for i in range(state.n):
                for j in range(i if state.hermitian else 0, state.n):
                    if np.any(state.arrays[i, j]):
                        judge(
                            phase_space_diagnostics(state.arrays[i, j], self.model.phase_space),
                            f"state0: w[{i}, {j}]",
                        )
        return state

    def _method(self, state: InitialState) -> str:
        method = str(self._options["method"])
        if method != "auto":
            if state.arrays is not None and method not in ("reduction", "direct"):
                raise ValueError(
                    f"options['method'] = {method!r} needs kets, an ensemble or a block, not "
                    "phase-space arrays "
                    "that are symbols of no operator on the grid"
                )
            return method
        if self.model.common:
            return "reduction"
        return "direct" if state.arrays is not None else "splitting"

    # ------------------------------------------------------------ the exact reduction

    def _problem(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        state = self._read(state0)
        method = self._method(state)
        if method != "reduction":
            raise ValueError(f"start() and step() go with 'reduction', not {method!r}; use run()")
        return self._reduction(state, t0)

    def _reduction(self, state: InitialState, t0: float) -> tuple[RightHandSide, np.ndarray]:
        n = state.n
        rates = self.model.rates(n)
        masses = np.diag(state.z0)
        product = bool(
            np.ptp(rates) == 0
            and self.model.graph(n) is None
            and np.max(np.abs(masses - masses[0])) <= 1e-12 * abs(masses[0])
        )
        kind = FactorSetup if state.arrays is None else ArraySetup
        if kind is ArraySetup:
            check_potential(self.model, n)
        setup = kind(self.model, state, t0, product)
        # only differences of the rates matter
        rhs = right_hand_side(
            self.model,
            state.z0,
            rates - np.mean(rates),
            state.hermitian,
            deviations=state.deviations if product else None,
            cap=0.0 if state.physical else CAP,
        )
        self._setup = setup
        return rhs, rhs.start()

    def _integrator(self, rhs: Any, **kw: Any) -> Integrator:
        o = self._options
        # L and R cost next to nothing: one digit more than asked for
        return Integrator(
            rhs,
            rtol=max(0.1 * o["rtol"], 2e-15),
            atol=0.1 * o["atol"],
            max_step=o["max_step"],
            nsteps=o["nsteps"],
            time_limit=o["time_limit"],
            **({} if self._setup.state.physical else {"n_events": 1, "directions": [-1]}),
            **kw,
        )

    def _new_result(
        self, e_ops: Any, stats: dict[str, Any], rhs: Any, y0: np.ndarray
    ) -> WignerLoheResult:
        setup = self._setup
        stats["method"] = "reduction"
        if self._options["method"] == "auto":
            stats["method reason"] = "common potential"
        stats["initial state"] = setup.state.kind
        if isinstance(setup, FactorSetup):
            stats["rank"] = setup.rank
        return WignerLoheResult(e_ops, self._options, setup=setup, solver=self.name, stats=stats)

    def step(self, t: float) -> Any:
        """Go on to time `t` and return the matrix of Wigner functions there, formed on request."""
        matrix = super().step(t)
        warn_edges(fits(matrix.edges(), t, self._walk.problem.result))
        return matrix

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> WignerLoheResult:  # type: ignore[override]
        """Run from `state0` at ``tlist[0]`` and deliver at every time of `tlist`.

        Parameters
        ----------
        state0 : array_like
            See the class.
        tlist : array_like of shape (T,)
            Strictly increasing output times.
        e_ops : callable, list or dict of callables, optional
            Functions ``f(t, matrix)``.

        Returns
        -------
        WignerLoheResult

        Raises
        ------
        ValueError, TypeError
            Bad input, before any work.
        BlowUpError
            Unphysical data grew without bound; ``error.time`` is when.
        AliasingError
            The wave functions outgrew the grid.
        SolverError
            The run had to stop for another reason; it carries the time and the partial result.
        """
        times = check_times(tlist)
        state = self._read(state0)
        threads = self._options["num_threads"]
        with linear_algebra_threads(threads), set_workers(threads):
            if self._method(state) == "reduction":
                result = CompiledSolver.run(_Run(self, state), None, times, e_ops=e_ops)
                assert isinstance(result, WignerLoheResult)
                return result
            return run_steps(
                self.model,
                state,
                times,
                e_ops,
                method=self._method(state),
                options=self._options,
                solver=self.name,
            )

    def _finish(self, result: Any, rhs: Any) -> None:
        state = self._setup.state
        drift: dict[str, float] = {}
        count = len(result.times)
        if count:
            looked = np.unique(np.linspace(0, count - 1, _LOOKS).astype(int))
            left = result.left[looked]
            right = left.conj().swapaxes(1, 2) if result.right is None else result.right[looked]
            z = left @ state.z0 @ right
            masses = np.diagonal(z, axis1=1, axis2=2)
            drift["∫w_ii"] = float(np.max(np.abs(masses / np.diag(state.z0) - 1)))
            warn_drift(drift["∫w_ii"])
            if result.log_alpha is not None and state.physical:
                gap = z / state.z0[0, 0] - (1 - result.deviations_at(looked).swapaxes(1, 2))
                drift["z, product form against LzR"] = float(np.max(np.abs(gap)))
        result.stats["drift"] = drift
        if isinstance(self._setup, FactorSetup) and count:
            self._look_at_grid(result, self._setup)

    def _look_at_grid(self, result: Any, setup: FactorSetup) -> None:
        """The edges of the grid: a bound at all times where there is one that is small enough, else
        at some outputs.
        """
        bound = setup.edge_bound()
        if bound is not None and bound < EDGE_WARNING:
            result.stats["edge amplitude"] = bound
            return
        worst = 0.0
        for k in np.unique(np.linspace(0, len(result.times) - 1, _LOOKS).astype(int)):
            row = {name: getattr(result, name)[k] for name in setup.shapes()}
            t = float(result.times[k])
            worst = max(worst, fits(setup.matrix(t, **row).edges(), t, result))
        result.stats["edge amplitude"] = worst
        warn_edges(worst)

    def _stop(
        self,
        status: int,
        integrator: Any,
        rhs: Any,
        result: Any,
        cause: BaseException | None,
        end: float,
    ) -> None:
        setup = self._setup
        t, y = integrator.get_state()
        if status in (3, 4, 5, 7) and not setup.state.physical and np.max(np.abs(y)) > 1e-3 * CAP:
            raise blow_up(*_pole(setup, t, np.asarray(y)), result)
        super()._stop(status, integrator, rhs, result, cause, end)


class _Run(WignerLoheSolver):
    """A run whose initial state has been read."""

    def __init__(self, solver: WignerLoheSolver, state: InitialState):
        self.model = solver.model
        self._options = solver._options
        self._state = state

    def _problem(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        return self._reduction(self._state, t0)


def _pole(setup: Setup, t: float, y: np.ndarray) -> tuple[float, int]:
    """When z has its pole, and of which oscillator, from a state of the reduction close to it."""
    found = setup.split(y.view(float))
    state = setup.state
    left = found["left"]
    if "log_alpha" in found:
        beta = found.get("log_beta", found["log_alpha"].conj())
        z = state.z0[0, 0] * (
            1 - state.deviations * np.exp(found["log_alpha"][:, None] + beta[None, :])
        )
    else:
        z = left @ state.z0 @ found.get("right", left.conj().T)
    gone, (i, _) = time_to_pole(setup.model, z, setup.model.rates(state.n))
    return t + gone, i


def wlsolve(
    model: WignerLohe,
    state0: Any,
    tlist: Any,
    *,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> WignerLoheResult:
    """Solve a Wigner–Lohe model.

    Parameters
    ----------
    model : WignerLohe
    state0 : array_like
        Kets (N, n, …) or N Qobj kets, an ensemble (p, (A, N, n, …)), a block operator (N, N, n, …,
        n, …), or phase-space arrays (N, N, 2n, …, 2n, …), on a grid of shape (n, …).
    tlist : array_like of shape (T,)
        Strictly increasing output times; the first is that of `state0`.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, matrix)`` of the matrix of Wigner functions.
    options : dict, optional
        See :class:`WignerLoheSolver`.

    Returns
    -------
    WignerLoheResult
        With ``correlations`` (T, N, N) and ``wigner(i, j, t_index)``.

    Raises
    ------
    ValueError, TypeError, KeyError
        Bad input, before any work.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    Examples
    --------
    >>> from qsyncplug.core import Grid
    >>> grid = Grid(64, 16.0)
    >>> model = WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> result = wlsolve(model, [grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 40.0])
    >>> bool(abs(1 - result.correlations[-1, 0, 1]) < 1e-12), result.wigner(0, 1).shape
    (True, (128, 128))
    """
    return WignerLoheSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
