"""Solver of the Wigner–Lohe model."""

from __future__ import annotations

import time as clock
from typing import Any, ClassVar

import numpy as np
from qutip.ui.progressbar import progress_bars
from scipy.fft import set_workers

from .._ext.integrator import Integrator, RightHandSide
from .._ext.wigner import WignerLoheRightHandSide
from ..core.checks import check_memory, check_number, check_times
from ..core.errors import RightHandSideError, SolverError, SolverInterrupted, StepLimitError, StepSizeError, TimeLimitError, warn
from ..core.options import DEFAULTS
from ..core.solver import CompiledSolver
from ..lohe.errors import AliasingError, BlowUpError
from ..lohe.splitting import SCHEMES, OscillatorLostError, Splitting
from ..lohe.threads import linear_algebra_threads
from .direct import DirectSystem, LinearFlow
from .errors import PhaseSpaceWarning
from .matrix import ArrayMatrix
from .model import WignerLohe
from .result import WignerLoheResult
from .setup import ArraySetup, FactorSetup, Setup, StoredFactors
from .state import InitialState, read_state
from .transform import EDGE_ERROR, EDGE_WARNING, judge, phase_space_diagnostics, state_diagnostics
from .vectors import VectorSystem

__all__ = ["WignerLoheSolver", "wlsolve"]

#: entries of L beyond which unphysical data have blown up
CAP = 1e6
_KEEP_BYTES = 2**28
#: outputs of a run at which the grid is looked at
_LOOKS = 33


class _ReductionRightHandSide(WignerLoheRightHandSide):
    """With a place for the setup of its run."""

    setup: Setup


class WignerLoheSolver(CompiledSolver):
    r"""Solve a Wigner–Lohe model.

    Parameters
    ----------
    model : WignerLohe
    options : dict, optional
        ``method``: ``"auto"`` chooses ``"reduction"`` for a common potential (constant offsets allowed), and otherwise
        ``"splitting"`` for kets, ensembles and block operators or ``"direct"`` for phase-space arrays.

        * ``"reduction"``: exact reduction :math:`W(t)=L(t)[U(t)W(0)]R(t)`; L and R follow N×N equations that need
          only z(0), by adaptive Runge–Kutta 8(5,3). Phase space is touched where a w_ij is asked for;
        * ``"splitting"``: adaptive splitting of order 6 of the vector-valued wave functions behind w;
        * ``"s10"``, ``"s6"``, ``"kl8"``, ``"kl6"``, ``"yoshida4"``, ``"suzuki4"``, ``"strang"``: the same with fixed ``step``;
        * ``"direct"``: all w_ij (half of them for Hermitian data) in phase space, whatever the run starts from.

        ``step``: length of fixed steps. ``allow_unphysical``: take correlations that no states have; such runs may blow up
        in finite time. ``allow_non_hermitian``: take blocks with w_ji ≠ conj(w_ij). ``store_states``: keep what Wigner
        functions are made of at every output of ``"splitting"`` and ``"direct"`` runs (default: if it takes less than
        256 MB). Other options as in QuTiP.

    Notes
    -----
    ``run(state0, tlist, e_ops=…)``. `state0`, told by its shape on a grid of shape (n, …):

    * kets: array (N, n, …);
    * an ensemble: ``(p, states)`` with p (A,) and states (A, N, n, …), or a list of A pairs ``(p_α, kets_α)``;
    * a block operator ρ_ij(x, x'), array (N, N, n, …, n, …), with w_ij its Weyl symbol;
    * phase-space arrays w_ij, array (N, N, 2n, …, 2n, …), on ``model.phase_space``.

    Functions among `e_ops` are given ``(t, matrix)``, where ``matrix.wigner(i, j)``, ``matrix.correlations``,
    ``matrix.density(i, j)`` … are formed on request.

    Density matrices of the single oscillators do not determine w_ij for i≠j, so that they are no initial state.
    """

    name = "wlsolve"
    methods = ("auto", "reduction", "splitting", "direct", *SCHEMES)
    solver_options: ClassVar[dict[str, Any]] = {
        **DEFAULTS, "method": "auto", "rtol": 1e-12, "atol": 1e-14, "step": None,
        "allow_unphysical": False, "allow_non_hermitian": False,
    }  # fmt: skip

    def __init__(self, model: WignerLohe, *, options: dict[str, Any] | None = None):
        if not isinstance(model, WignerLohe):
            raise TypeError(f"model must be a WignerLohe, not {type(model).__name__}")
        super().__init__(model, options=options)
        method, step = self._options["method"], self._options["step"]
        for name in ("allow_unphysical", "allow_non_hermitian"):
            if not isinstance(self._options[name], bool):
                raise TypeError(f"options[{name!r}] must be True or False, not {self._options[name]!r}")
        if step is not None:
            check_number("options['step']", step, minimum=0.0, strict=True)
        if method in SCHEMES and step is None:
            raise ValueError(f"options['step'] must be given for the fixed-step method {method!r}")
        if method == "reduction" and not model.common:
            raise ValueError("options['method'] = 'reduction' needs a common potential; use 'splitting' or 'direct'")

    def _read(self, state0: Any) -> InitialState:
        o = self._options
        state = read_state(
            self.model, state0, allow_unphysical=o["allow_unphysical"], allow_non_hermitian=o["allow_non_hermitian"]
        )
        if state.left is not None:
            rows = [state.left] if state.right is None else [state.left, state.right]
            for part in rows:
                judge(state_diagnostics(part[:, _heavy(part)], self.model.grid), "state0")
        else:
            assert state.arrays is not None
            for i in range(state.n):
                for j in range(i if state.hermitian else 0, state.n):
                    if np.any(state.arrays[i, j]):
                        judge(phase_space_diagnostics(state.arrays[i, j], self.model.phase_space), f"state0: w[{i}, {j}]")
        return state

    def _method(self, state: InitialState) -> str:
        method = str(self._options["method"])
        if method != "auto":
            if state.arrays is not None and method not in ("reduction", "direct"):
                raise ValueError(f"options['method'] = {method!r} needs kets, an ensemble or a block, not phase-space arrays")
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
        product = bool(np.ptp(rates) == 0 and np.max(np.abs(masses - masses[0])) <= 1e-12 * abs(masses[0]))
        kind = FactorSetup if state.arrays is None else ArraySetup
        setup = kind(self.model, state, t0, product)
        # only differences of the rates matter
        rhs = _ReductionRightHandSide(
            state.z0, self.model.coupling, rates - np.mean(rates), state.hermitian,
            state.deviations if product else None, 0.0 if state.physical else CAP,
        )  # fmt: skip
        rhs.setup = setup
        return rhs, rhs.start()

    def _integrator(self, rhs: Any, **kw: Any) -> Integrator:
        o = self._options
        # L and R cost next to nothing: one digit more than asked for
        return Integrator(
            rhs, rtol=max(0.1 * o["rtol"], 2e-15), atol=0.1 * o["atol"], max_step=o["max_step"], nsteps=o["nsteps"],
            time_limit=o["time_limit"], **({} if rhs.setup.state.physical else {"n_events": 1, "directions": [-1]}), **kw,
        )  # fmt: skip

    def _new_result(self, e_ops: Any, stats: dict[str, Any], rhs: Any, y0: np.ndarray) -> WignerLoheResult:
        setup = rhs.setup
        stats["method"] = "reduction"
        if self._options["method"] == "auto":
            stats["method reason"] = "common potential"
        stats["initial state"] = setup.state.kind
        if isinstance(setup, FactorSetup):
            stats["rank"] = setup.rank
        return WignerLoheResult(e_ops, self._options, setup=setup, solver=self.name, stats=stats)

    def step(self, t: float) -> Any:
        """Go on to time `t` and return the matrix of Wigner functions there, formed on request."""
        if hasattr(self, "_stepper"):
            self._stepper.rhs.setup.step_time = check_number("t", t)
        return super().step(t)

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> WignerLoheResult:
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
            return self._run_splitting(state, times, e_ops)

    def _finish(self, result: Any, rhs: Any) -> None:
        state = rhs.setup.state
        drift: dict[str, float] = {}
        count = len(result.times)
        if count:
            looked = np.unique(np.linspace(0, count - 1, _LOOKS).astype(int))
            left = result.left[looked]
            right = left.conj().swapaxes(1, 2) if result.right is None else result.right[looked]
            z = left @ state.z0 @ right
            masses = np.diagonal(z, axis1=1, axis2=2)
            drift["∫w_ii"] = float(np.max(np.abs(masses / np.diag(state.z0) - 1)))
            if result.log_alpha is not None and state.physical:
                gap = z / state.z0[0, 0] - (1 - result.deviations[looked])
                drift["z, product form against LzR"] = float(np.max(np.abs(gap)))
        result.stats["drift"] = drift
        if isinstance(rhs.setup, FactorSetup) and count:
            self._look_at_grid(result, rhs.setup)

    def _look_at_grid(self, result: Any, setup: FactorSetup) -> None:
        """The edges of the grid: a bound at all times where there is one that is small enough, else at some outputs."""
        bound = setup.edge_bound()
        if bound is not None and max(bound) < EDGE_WARNING**2:
            result.stats["edge amplitude"] = float(np.sqrt(max(bound)))
            return
        worst = 0.0
        for k in np.unique(np.linspace(0, len(result.times) - 1, _LOOKS).astype(int)):
            row = {name: getattr(result, name)[k] for name in setup.shapes()}
            matrix = setup.matrix(float(result.times[k]), **row)
            for part in (matrix.left,) if setup.state.hermitian else (matrix.left, matrix.right):
                found = state_diagnostics(part[:, _heavy(part)], self.model.grid)
                worst = max(worst, _fits(found, float(result.times[k]), result))
        result.stats["edge amplitude"] = worst
        _warn_edges(worst)

    def _stop(self, status: int, integrator: Any, rhs: Any, result: Any, cause: BaseException | None, end: float) -> None:
        setup = rhs.setup
        t, y = integrator.get_state()
        if status in (3, 4, 5, 7) and not setup.state.physical and np.max(np.abs(y)) > 1e-3 * CAP:
            when, where = blow_up_time(self.model, setup, t, np.asarray(y))
            kept = f"error.result holds the {len(result.times)} outputs before that"
            result.stats["stopped"] = f"blow-up at t={when:.12g}"
            raise BlowUpError(
                f"{self.name}: z[{where[0]}, {where[1]}] grows without bound at t={when:.12g}: no states have the initial "
                f"correlations; {kept}",
                time=when, reason="blow-up", oscillator=where[0], result=result,
            )  # fmt: skip
        super()._stop(status, integrator, rhs, result, cause, end)

    # ------------------------------------------------------------ splitting and phase space

    def _run_splitting(self, state: InitialState, times: np.ndarray, e_ops: Any) -> WignerLoheResult:
        begin = clock.perf_counter()
        o, model, method = self._options, self.model, self._method(state)
        direct = method == "direct"
        count = len(times)
        system: Any
        if direct:
            system = DirectSystem(model, state, float(times[0]))
            per_output = 16 * system.arrays.size
        else:
            system = VectorSystem(model, state, float(times[0]))
            per_output = 16 * system.psi.size
        keep = bool(o["store_states"]) if o["store_states"] is not None else count * per_output <= _KEEP_BYTES
        setup = StoredFactors(model, state, float(times[0]), keep, direct)
        stats: dict[str, Any] = {"method": method, "initial state": state.kind}
        if o["method"] == "auto":
            stats["method reason"] = "different potentials"
        result = WignerLoheResult(e_ops, o, setup=setup, solver=self.name, stats=stats)
        stats = result.stats
        per_output = sum(np.dtype(t).itemsize * int(np.prod(s, dtype=float)) for s, t in setup.shapes().values())
        check_memory(f"the result of {count} times", count * per_output, advice="leave store_states off, or ask for fewer times")
        result._allocate(count)
        adaptive = method in ("splitting", "direct") and o["step"] is None
        stepper = Splitting(system, SCHEMES["s10" if method in ("splitting", "direct") else method])
        linear = LinearFlow(model, state, rtol=o["rtol"], step=o["step"]) if direct and model.common else None
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        deadline = begin + o["time_limit"]
        reached = float(times[0])
        worst = 0.0

        def check(t: float) -> None:
            nonlocal reached
            if np.isfinite(t):
                reached = t
            if clock.perf_counter() > deadline:
                raise TimeLimitError("time limit", time=reached, reason="time limit")
            if stepper.accepted + stepper.rejected > o["nsteps"]:
                raise StepLimitError("step limit", time=reached, reason="step limit")

        step = float(o["step"]) if o["step"] is not None else 0.05
        bar = progress_bars[o["progress_bar"]](count, **o["progress_kwargs"])
        done, saved, failed = 0, begin, None
        try:
            for k, t in enumerate(times):
                before = float(times[k - 1])
                if k and linear is not None:
                    # the coupling commutes with the linear flow of a common potential
                    linear.run(system.arrays, float(t) - before, exact=False)
                    _couple_all(model, system, float(t) - before)
                    check(float(t))
                    stats["steps accepted"] = linear.steps
                elif k and adaptive:
                    step = stepper.adaptive(before, float(t), step, o["rtol"], o["atol"], o["max_step"], check)
                elif k:
                    stepper.fixed(before, float(t), min(step, o["max_step"]), check)
                result.times[k] = t
                held = setup.row(system)
                for name, value in held.items():
                    getattr(result, name)[k] = value
                done = k + 1
                worst = max(worst, self._fit(system, direct, float(t), result))
                if result._state_processors:
                    matrix = _matrix_of(setup, system, direct)
                    for process in result._state_processors:
                        process(float(t), matrix)
                bar.update()
                if o["checkpoint"] and clock.perf_counter() - saved > 30.0:
                    self._checkpoint(result, done)
                    saved = clock.perf_counter()
        except (KeyboardInterrupt, Exception) as error:
            failed = error
        bar.finished()
        stats["run time"] = clock.perf_counter() - begin
        if linear is None:
            stats["steps accepted"], stats["steps rejected"] = stepper.accepted, stepper.rejected
        else:
            stats["steps rejected"] = 0
        stats["right-hand sides"] = 0
        stats["edge amplitude"] = worst
        if failed is not None:
            result._trim(done)
        if done:
            masses = np.diagonal(result.correlations, axis1=1, axis2=2)
            stats["drift"] = {"∫w_ii": float(np.max(np.abs(masses / np.diag(state.z0) - 1)))}
        if o["checkpoint"]:
            result.save(o["checkpoint"])
        if failed is not None:
            self._raise_splitting(failed, result, reached)
        _warn_edges(worst)
        return result

    def _fit(self, system: Any, direct: bool, t: float, result: Any) -> float:
        if direct:
            pairs = [k for k, (i, j) in enumerate(system.pairs) if i == j]
            found = [phase_space_diagnostics(system.arrays[k], self.model.phase_space) for k in pairs]
        else:
            found = [state_diagnostics(part[:, _heavy(part)], self.model.grid) for part in system.psi]
        return max(_fits(f, t, result) for f in found)

    def _raise_splitting(self, error: BaseException, result: WignerLoheResult, t: float) -> None:
        kept = f"error.result holds the {len(result.times)} outputs before that"
        begun = f"{self.name} stopped at t={t:g}"
        out: SolverError
        if isinstance(error, KeyboardInterrupt):
            result.stats["stopped"] = f"interrupted at t={t:g}"
            raise SolverInterrupted(f"{begun}: interrupted; {kept}", time=t, result=result) from error
        if isinstance(error, OscillatorLostError):
            when = float(error.time)
            out = BlowUpError(
                f"{self.name}: z grows without bound near t={when:.8g}; {kept}",
                time=when, reason="blow-up", oscillator=error.oscillator, result=result,
            )  # fmt: skip
        elif isinstance(error, (TimeLimitError, StepLimitError)):
            which = "time_limit" if isinstance(error, TimeLimitError) else "nsteps"
            out = type(error)(
                f"{begun}: {error.reason}; raise options[{which!r}]; {kept}", time=t, reason=error.reason, result=result
            )
        elif isinstance(error, SolverError):
            error.result = result
            out = error
        elif isinstance(error, FloatingPointError):
            out = StepSizeError(f"{begun}: {error}; {kept}", time=t, reason="step size underflow", result=result)
        else:
            out = RightHandSideError(
                f"{begun}: {type(error).__name__}: {error}; {kept}", time=t, reason="a function raised", result=result
            )
        result.stats["stopped"] = f"{out.reason} at t={out.time:g}"
        raise out from error


class _Run(WignerLoheSolver):
    """A run whose initial state has been read."""

    def __init__(self, solver: WignerLoheSolver, state: InitialState):
        self.model = solver.model
        self._options = solver._options
        self._state = state

    def _problem(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        return self._reduction(self._state, t0)


def _heavy(part: np.ndarray) -> np.ndarray:
    """Members of an ensemble that matter: the edges of the others are rounding."""
    size = np.sqrt(np.sum(np.abs(part) ** 2, axis=(0, 2)))
    return size > 1e-3 * np.max(size)


def _fits(found: dict[str, float], t: float, result: Any) -> float:
    name = max(found, key=lambda k: found[k])
    if found[name] > EDGE_ERROR:
        where = {"x": "edge of the box", "p": "highest momenta", "y": "largest separations", "xi": "highest wave numbers"}[name]
        raise AliasingError(
            f"at t={t:g} the amplitude at the {where} is {found[name]:.2g} of the largest; take "
            + ("a longer box" if name in ("x", "y") else "more points"),
            time=t,
            reason="aliasing",
            result=result,
        )
    return found[name]


def _warn_edges(worst: float) -> None:
    if worst > EDGE_WARNING:
        warn(
            f"the amplitude at the edge of the grid reached {worst:.2g} of the largest, which is the size of the error; "
            "take a longer box or more points",
            PhaseSpaceWarning,
        )


def _matrix_of(setup: StoredFactors, system: Any, direct: bool) -> Any:
    n = setup.state.n
    if direct:
        return ArrayMatrix(setup.model.phase_space, system.arrays, np.eye(n), np.eye(n), setup.state.hermitian)
    return setup.matrix(system.time, _factors=system.psi.reshape(-1, setup.model.grid.size))


def _couple_all(model: WignerLohe, system: DirectSystem, dt: float) -> None:
    """The coupling, with the offsets, over a whole interval of a common potential."""
    rates = model.rates(system.n)
    system.flow.rates = rates - np.mean(rates)
    system.couple(dt)


def blow_up_time(model: WignerLohe, setup: Setup, t: float, y: np.ndarray) -> tuple[float, tuple[int, int]]:
    """When and where z has its pole, from a state close to it: z grows as 1/(T−t), so that T−t=z/ż."""
    found = setup.split(y.view(float))
    state = setup.state
    left = found["left"]
    right = found.get("right", left.conj().T)
    if "log_alpha" in found:
        beta = found.get("log_beta", found["log_alpha"].conj())
        z = state.z0[0, 0] * (1 - state.deviations * np.exp(found["log_alpha"][:, None] + beta[None, :]))
    else:
        z = left @ state.z0 @ right
    n, masses = len(z), np.diag(state.z0)
    rates = model.rates(n)
    r, c = np.sum(z, axis=1), np.sum(z, axis=0)
    change = model.coupling / (2 * n) * (c[None, :] + r[:, None] - (r / masses)[:, None] * z - (c / masses)[None, :] * z)
    change = change - 1j * (rates[:, None] - rates[None, :]) * z
    off = np.abs(z) * ~np.eye(n, dtype=bool)
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
    return float(t + (z[i, j] / change[i, j]).real), (i, j)


def wlsolve(
    model: WignerLohe, state0: Any, tlist: Any, *, e_ops: Any = None, options: dict[str, Any] | None = None
) -> WignerLoheResult:
    """Solve a Wigner–Lohe model.

    Parameters
    ----------
    model : WignerLohe
    state0 : array_like
        Kets (N, n, …), an ensemble (p, (A, N, n, …)), a block operator (N, N, n, …, n, …), or phase-space arrays
        (N, N, 2n, …, 2n, …), on a grid of shape (n, …).
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
