"""Solver of the Wigner–Lohe model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.fft import set_workers

from ..core.checks import check_number
from ..core.documented import runner, runs
from ..core.drive import Until
from ..core.interrupts import interruptible
from ..core.limits import Limits
from ..core.options import DEFAULTS
from ..core.result import Result
from ..core.solver import Solver
from ..core.stepper import Problem
from ..core.threads import linear_algebra_threads
from ..core.types import EOps, Options, State
from ..waves.splitting import SCHEMES
from .fit import factor_diagnostics, fits, judge, phase_space_diagnostics, warn_edges
from .matrix import WignerMatrix
from .model import WignerLohe
from .problems import reduction, steps
from .result import WignerLoheResult
from .state import InitialState, read_state

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["WignerLoheSolver", "wlsolve"]


class WignerLoheSolver(Solver):
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

    def __init__(self, model: WignerLohe, *, options: Options | None = None):
        if not isinstance(model, WignerLohe):
            raise TypeError(f"model must be a WignerLohe, not {type(model).__name__}")
        super().__init__(model, options=options)

    def check_options(self, options: dict[str, Any]) -> None:
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

    # ------------------------------------------------------------ running

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> Problem:
        state = self._read(state0)
        method = self._method(state)
        if method == "reduction":
            return reduction(self.model, state, times, e_ops, self._options, self.name)
        return steps(self.model, state, times, e_ops, self._options, self.name, method)

    def step(self, t: float) -> WignerMatrix:
        """Go on to time `t` and return the matrix of Wigner functions there, formed on request."""
        with self._threads():
            matrix: WignerMatrix = super().step(t)
            warn_edges(fits(matrix.edges(), t, self._walk.problem.result))
        return matrix

    @runner
    def run(
        self, state0: State, tlist: ArrayLike, *, e_ops: EOps = None, until: Until | None = None
    ) -> WignerLoheResult:
        """Run from `state0`; functions among `e_ops` take the matrix of Wigner functions."""
        # Ctrl-C while the threads are given back does not take the result along
        with Limits() as limits, self._threads(), limits.interruptible():
            result = super().run(state0, tlist, e_ops=e_ops, until=until)
        assert isinstance(result, WignerLoheResult)
        return result

    def continue_run(
        self, mark: dict[str, Any], partial: Result, e_ops: EOps, until: Until | None = None
    ) -> Result:
        with self._threads():
            return super().continue_run(mark, partial, e_ops, until)

    @contextlib.contextmanager
    def _threads(self) -> Iterator[None]:
        threads = self._options["num_threads"]
        with linear_algebra_threads(threads), set_workers(threads):
            yield


@interruptible
@runs
def wlsolve(
    model: WignerLohe,
    state0: State,
    tlist: ArrayLike,
    *,
    e_ops: EOps = None,
    options: Options | None = None,
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
        With ``correlations`` (T, N, N) and ``wigner(i, j, index)``.

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
