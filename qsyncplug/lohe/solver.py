"""Solver of the Schrödinger–Lohe models."""

from __future__ import annotations

import time as clock
from typing import Any, ClassVar

import numpy as np
import qutip
from qutip.ui.progressbar import progress_bars
from scipy.fft import set_workers

from .._ext.integrator import RightHandSide
from .._ext.lohe import LoheRightHandSide
from ..core.checks import check_memory, check_number, check_times
from ..core.errors import (
    RightHandSideError,
    SolverError,
    SolverInterrupted,
    StepSizeError,
)
from ..core.options import DEFAULTS
from ..core.solver import CompiledSolver
from ..core.threads import linear_algebra_threads
from ..waves.hermitian import check_over_time
from ..waves.influence import Influence
from ..waves.motion import EigenMotion
from ..waves.splitting import SCHEMES, OscillatorLostError, Splitting
from .flows import coupled_system
from .guard import CAP, EVENT, VANISHING, GuardedIntegrator, LinesGuard, failure
from .initial import EDGE_WARNING, check_initial, warn_edges
from .lines import LinesSetup, lines_problem
from .mobius import mobius_scale, run_mobius
from .model import SchrodingerLohe
from .result import SchrodingerLoheResult
from .setup import MobiusSetup, ReductionSetup, Setup, StatesSetup
from .watch import Watch, first_step

__all__ = ["SchrodingerLoheSolver", "slsolve"]

#: numbers in X beyond which identical oscillators are run in the Möbius form
_LARGE = 16384


class _ReductionRightHandSide(LoheRightHandSide):
    """With a place for the setup of its run."""

    setup: Setup


class SchrodingerLoheSolver(CompiledSolver):
    r"""Solve a Schrödinger–Lohe model.

    Parameters
    ----------
    model : SchrodingerLohe
    options : dict, optional
        ``method``: ``"auto"`` chooses ``"reduction"`` for a common Hamiltonian and ``"splitting"``
        otherwise (``"lawson"`` where a QobjEvo differs from the others).

        * ``"reduction"``: exact reduction to N·r numbers, :math:`Ψ(t)=X(t)\,e^{-iHt}Q`, adaptive
          Runge–Kutta 8(5,3); the Hamiltonian is touched only where states or centres are asked for;
        * ``"mobius"``: N numbers for identical oscillators with one common mean; the last output
          time may be infinite, and states, if asked for, come from a run of the reduction. Chosen
          by ``"auto"`` where N·r is large;
        * ``"splitting"``: adaptive splitting of order 6, two steps compared with one;
        * ``"s10"``, ``"s6"``, ``"kl8"``, ``"kl6"``, ``"yoshida4"``, ``"suzuki4"``, ``"strang"``:
          fixed step ``step``;
        * ``"lawson"``: adaptive Runge–Kutta 8(5,3) in the interaction picture (of the kinetic
          energy, or of H_j for Qobj);
        * ``"dop853"``: adaptive Runge–Kutta 8(5,3) on the states themselves (method of lines).

        ``step``: length of the fixed steps. ``store_coefficients``: keep what Gram matrices and
        states are made of (default: if it takes less than 256 MB). Other options as in QuTiP.

    Notes
    -----
    ``run(state0, tlist, e_ops=…)``: `state0` holds N states, kets or arrays on the grid. Functions
    among `e_ops` are given ``(t, states)``; a Qobj gives ⟨ψ_j,Oψ_j⟩/‖ψ_j‖² of every oscillator.

    The edges of a grid are watched wherever states on it are used: at the start, in every method
    that steps them, and in the reduction for states and interpolated centres. Gram matrices of the
    reduction, and centres in quadratic potentials, do not pass over the grid and do not feel its
    edges.
    """

    name = "slsolve"
    methods = ("auto", "reduction", "mobius", "splitting", "lawson", "dop853", *SCHEMES)
    solver_options: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "method": "auto",
        "rtol": 1e-12,
        "atol": 1e-14,
        "step": None,
        "store_coefficients": None,
    }

    def __init__(self, model: SchrodingerLohe, *, options: dict[str, Any] | None = None):
        if not isinstance(model, SchrodingerLohe):
            raise TypeError(f"model must be a SchrodingerLohe, not {type(model).__name__}")
        super().__init__(model, options=options)

    def check_options(self, options: dict[str, Any]) -> None:
        """See :meth:`Solver.check_options`."""
        method, step = options["method"], options["step"]
        if step is not None:
            check_number("options['step']", step, minimum=0.0, strict=True)
        if method in SCHEMES and step is None:
            raise ValueError(f"options['step'] must be given for the fixed-step method {method!r}")
        if method == "reduction" and not self.model.common:
            raise ValueError(
                "options['method'] = 'reduction' needs a common Hamiltonian; use 'splitting' or "
                "'lawson'"
            )

    @property
    def method(self) -> str:
        """The method that a run takes."""
        method = self._options["method"]
        if method != "auto":
            return str(method)
        if self.model.common:
            return "reduction"
        return (
            "dop853"
            if any(isinstance(h, qutip.QobjEvo) for h in self.model.hamiltonian)
            else "splitting"
        )

    # ------------------------------------------------------------ the exact reduction

    def _problem(
        self, state0: Any, t0: float, end: float | None = None
    ) -> tuple[RightHandSide, np.ndarray]:
        if self.method in ("lawson", "dop853"):
            evolving = any(isinstance(h, qutip.QobjEvo) for h in self.model.hamiltonians(1))
            if self.method == "lawson" and evolving:
                raise ValueError(
                    "options['method'] = 'lawson' needs Hamiltonians that do not depend on time, "
                    "or grids"
                )
            setup = LinesSetup(
                self.model,
                state0,
                t0,
                bool(self._options["store_states"]),
                influence_of(self.model),
                self.method == "lawson",
            )
            check_initial(self.model, setup.psi0, setup.weight)
            return lines_problem(setup)
        if self.method != "reduction":
            raise ValueError(
                "start() and step() go with 'reduction', 'lawson' and 'dop853', not "
                f"{self.method!r}"
            )
        return self._reduction(state0, t0, end)

    def _reduction(
        self, state0: Any, t0: float, end: float | None
    ) -> tuple[RightHandSide, np.ndarray]:
        model = self.model
        setup = ReductionSetup(model, state0, t0, self._options["store_coefficients"])
        x = setup.start_rows
        assert x is not None and setup.motion is not None
        check_initial(model, x)
        n, r = x.shape
        positions = None
        if model.aligns_by_distance:
            positions = setup.motion.modes()
            if positions is None:
                if end is None:
                    raise ValueError(
                        "start() and step() need a quadratic potential when the alignment depends "
                        "on the distance; use run()"
                    )
                setup.motion.watch = setup.check
                positions = setup.motion.chebyshev(end if end > t0 else t0 + 1.0)
        watch = model.variant == "model1" or model.aligns_by_distance
        theta = model.start_theta(n)
        rhs = _ReductionRightHandSide(
            n,
            r,
            model.coupling,
            model.normalised,
            theta,
            frequencies=setup.frequencies,
            frame=setup.frame,
            factor=np.exp(1j * np.asarray(model.phase_lag).item()) if model.mean_field else 1.0,
            graph=model.coupling_graph(n),
            influence=influence_of(model),
            alignment=model.alignment,
            positions=positions,
            t0=t0,
            vanishing=VANISHING if watch else 0.0,
            cap=CAP * max(1.0, float(np.max(theta)), float(np.max(np.sum(np.abs(x) ** 2, axis=1)))),
            initial=x,
        )
        rhs.setup = setup
        setup.dynamic = rhs.dynamic_theta
        y0 = x.ravel()
        if rhs.dynamic_theta:
            y0 = np.concatenate([y0, theta.astype(complex)])
        return rhs, y0

    def _integrator(self, rhs: Any, **kw: Any) -> Any:
        if self.model.variant == "standard":
            return super()._integrator(rhs, **kw)
        o = self._options
        if not isinstance(rhs, _ReductionRightHandSide):
            may_vanish = self.model.variant == "model1" or self.model.aligns_by_distance
            return LinesGuard(
                rhs,
                self.model.normalised,
                may_vanish,
                rtol=o["rtol"],
                atol=o["atol"],
                max_step=o["max_step"],
                nsteps=o["nsteps"],
                time_limit=o["time_limit"],
            )
        setup: Any = rhs.setup
        return GuardedIntegrator(
            rhs,
            setup.n,
            setup.rank,
            self.model.normalised,
            rtol=o["rtol"],
            atol=o["atol"],
            max_step=o["max_step"],
            nsteps=o["nsteps"],
            time_limit=o["time_limit"],
        )

    def _new_result(
        self, e_ops: Any, stats: dict[str, Any], rhs: Any, y0: np.ndarray
    ) -> SchrodingerLoheResult:
        setup = rhs.setup
        stats["method"] = self.method
        if self._options["method"] == "auto":
            stats["method reason"] = (
                "common Hamiltonian" if self.model.common else "different Hamiltonians"
            )
        if isinstance(setup, ReductionSetup):
            stats["rank"] = setup.rank
            if setup.keep is None:
                setup.decide(1)
        return SchrodingerLoheResult(
            e_ops, self._options, setup=setup, solver=self.name, stats=stats
        )

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> SchrodingerLoheResult:  # type: ignore[override]
        """Run from `state0` at ``tlist[0]`` and deliver at every time of `tlist`.

        Parameters
        ----------
        state0 : N states
            Kets, or an array (N, ...) on the grid.
        tlist : array_like of shape (T,)
            Strictly increasing output times.
        e_ops : Qobj, callable, list or dict of them, optional
            See the class.

        Returns
        -------
        SchrodingerLoheResult

        Raises
        ------
        ValueError, TypeError
            Bad input, before any work.
        NonUniquenessError, UndefinedCentreError, BlowUpError, AliasingError
            What the spec of the models forbids happened; time, oscillator and partial result are
            attached.
        SolverError
            The run had to stop for another reason.
        """
        if self._options["method"] == "mobius":
            return self._run_mobius(state0, tlist, e_ops)
        times = check_times(tlist)
        self._look_ahead(times)
        if self.method == "splitting" or self.method in SCHEMES:
            with (
                linear_algebra_threads(self._options["num_threads"]),
                set_workers(self._options["num_threads"]),
            ):
                return self._run_splitting(state0, times, e_ops)
        with linear_algebra_threads(self._options["num_threads"]):
            if (
                self._options["method"] == "auto"
                and self._large(state0)
                and not (e_ops or self._options["store_states"])
            ):
                setup = MobiusSetup(self.model, state0, float(times[0]), self._options)
                rows = setup.start_rows
                assert rows is not None
                if (
                    rows.size > _LARGE
                    and mobius_scale(self.model, np.linalg.norm(rows, axis=1)) is not None
                ):
                    try:
                        result = self._run_mobius(state0, times, e_ops, setup)
                    except SolverError:
                        # on the unstable set; the reduction goes on there
                        pass
                    else:
                        result.stats["method reason"] = "many identical oscillators"
                        return result
            result = CompiledSolver.run(_Run(self, times), state0, times, e_ops=e_ops)
        assert isinstance(result, SchrodingerLoheResult)
        return result

    def _look_ahead(self, times: np.ndarray) -> None:
        """Refuse Hamiltonians that are not Hermitian during the run."""
        h = self.model.hamiltonian
        if self.model.time_dependent:
            check_over_time(h if isinstance(h, tuple) else (h,), times, "hamiltonian")

    # ------------------------------------------------------------ splitting

    def _run_splitting(self, state0: Any, times: np.ndarray, e_ops: Any) -> SchrodingerLoheResult:
        begin = clock.perf_counter()
        o, method = self._options, self.method
        setup = StatesSetup(self.model, state0, float(times[0]), bool(o["store_states"]))
        setup.decide(len(times))
        check_initial(self.model, setup.psi0, setup.weight)
        adaptive = method == "splitting"
        system = coupled_system(self.model, setup.psi0, float(times[0]), influence_of(self.model))
        stepper = Splitting(system, SCHEMES["s10" if adaptive else method])
        result = self._states_result(e_ops, setup)
        stats = result.stats
        per_output = sum(
            np.dtype(t).itemsize * int(np.prod(s, dtype=float)) for s, t in setup.shapes().values()
        )
        check_memory(
            f"the result of {len(times)} times",
            len(times) * per_output,
            advice="ask for fewer times or less data",
        )
        result._allocate(len(times))
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        watch = Watch(self._options, self.model, setup, system, stepper, begin)
        step = float(o["step"]) if o["step"] is not None else first_step(self.model, setup)
        bar = progress_bars[o["progress_bar"]](len(times), **o["progress_kwargs"])
        done, saved, failed = 0, begin, None
        try:
            for k, t in enumerate(times):
                if k and adaptive:
                    step = stepper.adaptive(
                        float(times[k - 1]),
                        float(t),
                        step,
                        o["rtol"],
                        o["atol"],
                        o["max_step"],
                        watch,
                    )
                elif k:
                    stepper.fixed(float(times[k - 1]), float(t), min(step, o["max_step"]), watch)
                setup.put(result, k, float(t), system.psi, system.theta)
                for process in result._state_processors:
                    process(float(t), setup.wrap(system.psi.copy()))
                done = k + 1
                bar.update()
                if o["checkpoint"] and clock.perf_counter() - saved > 30.0:
                    self._checkpoint(result, done)
                    saved = clock.perf_counter()
        except (KeyboardInterrupt, Exception) as error:
            failed = error
        bar.finished()
        stats["run time"] = clock.perf_counter() - begin
        stats["steps accepted"], stats["steps rejected"] = stepper.accepted, stepper.rejected
        stats["right-hand sides"] = 0
        if failed is not None:
            result._trim(done)
        self._account_drift(result, setup)
        if o["checkpoint"]:
            result.save(o["checkpoint"])
        if failed is not None:
            self._raise_splitting(failed, result, watch.time)
        return result

    def _states_result(self, e_ops: Any, setup: Setup) -> SchrodingerLoheResult:
        stats: dict[str, Any] = {"method": self.method}
        if self._options["method"] == "auto":
            stats["method reason"] = (
                "common Hamiltonian" if self.model.common else "different Hamiltonians"
            )
        return SchrodingerLoheResult(
            e_ops, self._options, setup=setup, solver=self.name, stats=stats
        )

    def _raise_splitting(
        self, error: BaseException, result: SchrodingerLoheResult, t: float
    ) -> None:
        kept = f"error.result holds the {len(result.times)} outputs before that"
        if isinstance(error, OscillatorLostError):
            t = error.time
            kind = "non-uniqueness" if self.model.variant == "model1" else "undefined centre"
            kind = "blow-up" if error.blown_up else kind
            error_out: SolverError = failure(kind, error.oscillator, t, self.name, result)
        elif isinstance(error, KeyboardInterrupt):
            result.stats["stopped"] = f"interrupted at t={t:g}"
            raise SolverInterrupted(
                f"{self.name} was interrupted at t={t:g}; {kept}", time=t, result=result
            ) from error
        elif isinstance(error, SolverError):
            error.result = result
            error_out = error
        elif isinstance(error, FloatingPointError):
            error_out = StepSizeError(
                f"{self.name} stopped at t={t:g}: {error}; {kept}",
                time=t,
                reason="step size underflow",
                result=result,
            )
        else:
            error_out = RightHandSideError(
                f"{self.name} stopped at t={t:g}: {type(error).__name__}: {error}; {kept}",
                time=t,
                reason="right-hand side refused the state",
                result=result,
            )
        result.stats["stopped"] = f"{error_out.reason} at t={t:g}"
        raise error_out from (None if error_out is error else error)

    def _large(self, state0: Any) -> bool:
        """Whether the Möbius form could pay, from the number of states alone."""
        try:
            attractive = (
                self.model.mean_field and self.model.coupling * np.cos(self.model.phase_lag) > 0
            )
            return bool(self.model.common and attractive and len(state0) >= 64)
        except TypeError:
            return False

    def _run_mobius(
        self, state0: Any, tlist: Any, e_ops: Any, setup: MobiusSetup | None = None
    ) -> SchrodingerLoheResult:
        begin = clock.perf_counter()
        ends = np.ndim(tlist) == 1 and len(tlist) > 1 and tlist[-1] == np.inf
        times = check_times(tlist[:-1] if ends else tlist)
        self._look_ahead(times)
        if e_ops:
            raise ValueError(
                "e_ops need the states, which the Möbius form does not have; use the method "
                "'reduction'"
            )
        with linear_algebra_threads(self._options["num_threads"]):
            if setup is None:
                setup = MobiusSetup(self.model, state0, float(times[0]), self._options)
            rows = setup.start_rows
            assert rows is not None
            if mobius_scale(self.model, np.linalg.norm(rows, axis=1)) is None:
                raise ValueError(
                    "options['method'] = 'mobius' needs one common mean, frequency, Hamiltonian "
                    "and θ, and equal norms "
                    "(unless Model 2)"
                )
            check_initial(self.model, rows)
            result = SchrodingerLoheResult(
                None, self._options, setup=setup, solver=self.name, stats={"method": "mobius"}
            )
            result.stats["preparation time"] = clock.perf_counter() - begin
            begin = clock.perf_counter()
            run_mobius(result, np.append(times, np.inf) if ends else times)
            result.stats["run time"] = clock.perf_counter() - begin
        if self._options["checkpoint"]:
            result.save(self._options["checkpoint"])
        return result

    def _finish(self, result: Any, rhs: Any) -> None:
        setup = rhs.setup
        if (
            self._options["store_states"]
            and isinstance(setup, ReductionSetup)
            and result.coefficients is not None
        ):
            result._stored = _all_states(setup, result)
        self._account_drift(result, setup)

    def _account_drift(self, result: Any, setup: Setup) -> None:
        drift = result.stats.setdefault("drift", {})
        if self.model.variant == "standard" and len(result.times):
            drift["norm"] = float(np.max(np.abs(np.sqrt(result.masses / result.masses[0]) - 1)))
        if len(result.times):
            drift["mean theta"] = float(
                np.max(np.abs(np.mean(result.theta, axis=1) - np.mean(result.theta[0])))
            )
        drift.update(setup.edges)
        warn_edges(setup.edges)

    def _stop(
        self, status: int, integrator: Any, rhs: Any, result: Any, cause: Any, end: float
    ) -> None:
        if status == EVENT:
            kind, j, t = integrator.found
            result.stats["stopped"] = f"{kind} of oscillator {j} at t={t:.12g}"
            raise failure(kind, j, t, self.name, result)
        super()._stop(status, integrator, rhs, result, cause, end)


class _Run(SchrodingerLoheSolver):
    """One run: the solver with the output times, which some setups need."""

    def __init__(self, solver: SchrodingerLoheSolver, times: np.ndarray):
        self.model = solver.model
        self._options = solver._options
        self._times = times

    def _problem(
        self, state0: Any, t0: float, end: float | None = None
    ) -> tuple[RightHandSide, np.ndarray]:
        rhs, y0 = super()._problem(state0, t0, float(self._times[-1]))
        rhs.setup.decide(len(self._times))  # type: ignore[attr-defined]
        return rhs, y0


def influence_of(model: SchrodingerLohe) -> Any:
    """The kernel as the compiled right-hand side takes it."""
    if model.variant == "standard" or model.alignment == 0:
        return None
    if isinstance(model.kernel, Influence):
        return model.kernel.floor, model.kernel.height, model.kernel.scale, model.kernel.exponent
    return model.kernel


def _all_states(setup: ReductionSetup, result: SchrodingerLoheResult) -> np.ndarray:
    """The states (T, N, M) of all outputs."""
    motion = setup.motion
    x = result.coefficients
    assert motion is not None and x is not None
    size = motion.start.shape[1]
    check_memory(
        f"the states of {len(x)} times",
        16.0 * len(x) * x.shape[1] * size,
        advice="leave store_states off",
    )
    bound = (1.0, 1.0)
    if isinstance(motion, EigenMotion):
        # of the mass; what counts is the part of each oscillator's
        least = float(np.min(result.masses))
        if motion.grid is None:
            bound = (0.0, 0.0)
        elif least > 0:
            box, waves = motion.edge_bound()
            bound = (box / least, waves / least)
        # blocks that stay in the cache
        block = max(1, int(2**16 // max(x.shape[1] * size, 1)))
        out = np.empty((len(x), x.shape[1], size), complex)
        for k in range(0, len(x), block):
            out[k : k + block] = motion.states(
                np.asarray(result.times[k : k + block]), x[k : k + block]
            )
    else:
        out = np.array([x[k] @ motion.at(float(t)) for k, t in enumerate(result.times)])
    if max(bound) <= EDGE_WARNING:
        # no state can come near the edges, so they need not be looked at one by one
        if motion.grid is not None:
            setup.edges["edge of the box"] = max(setup.edges.get("edge of the box", 0.0), bound[0])
            setup.edges["highest wave numbers"] = max(
                setup.edges.get("highest wave numbers", 0.0), bound[1]
            )
        return out
    for k, t in enumerate(result.times):
        setup.check(out[k], float(t), result)
    return out


def slsolve(
    model: SchrodingerLohe,
    state0: Any,
    tlist: Any,
    *,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> SchrodingerLoheResult:
    """Solve a Schrödinger–Lohe model.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
        Kets, or an array (N, ...) on the grid.
    tlist : array_like of shape (T,)
        Strictly increasing output times; the first is that of `state0`.
    e_ops : Qobj, callable, list or dict of them, optional
        Functions ``f(t, states)``; a Qobj gives ⟨ψ_j,Oψ_j⟩/‖ψ_j‖² of every oscillator.
    options : dict, optional
        See :class:`SchrodingerLoheSolver`.

    Returns
    -------
    SchrodingerLoheResult

    Raises
    ------
    ValueError, TypeError, SolverError
        See :meth:`SchrodingerLoheSolver.run`.

    Examples
    --------
    Two oscillators with equal frequencies: z=((1+z₀)e^{kt}−(1−z₀))/((1+z₀)e^{kt}+(1−z₀)).

    >>> import numpy as np
    >>> from qsyncplug.core import Grid
    >>> from qsyncplug import GridHamiltonian, SchrodingerLohe, slsolve
    >>> grid = Grid(128, 20.0)
    >>> model = SchrodingerLohe(GridHamiltonian(grid, lambda x: x**2 / 2), coupling=1.0)
    >>> result = slsolve(model, [grid.gaussian(1.0), grid.gaussian(-1.0)], [0.0, 2.0])
    >>> z0, z = result.gram[:, 0, 1].real
    >>> e = np.exp(2.0)
    >>> bool(abs(z - ((1 + z0) * e - (1 - z0)) / ((1 + z0) * e + (1 - z0))) < 1e-11)
    True
    """
    return SchrodingerLoheSolver(model, options=options).run(state0, tlist, e_ops=e_ops)
