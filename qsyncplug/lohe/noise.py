r"""Multiplicative noise in the coupling, common to all oscillators: k dt → k dt + σ∘dW
(Stratonovich).

.. math:: d\psi_j = -i(H_j+Ω_j)\psi_j\,dt + \tfrac12(\theta_j\zeta_j -
c_j\psi_j)\circ(k\,dt+\sigma\,dW)

Where the rest commutes with the coupling (a common Hamiltonian and frequency, θ frozen), every path
is the noiseless flow at the "time" kt+σW(t): exact at the output times, whatever their spacing.
Elsewhere: symmetric splitting of strong order 1.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.checks import check_choice, check_integer, check_memory, check_number
from ..core.errors import SolverError, StorageError
from ..core.failure import Failure
from ..core.interrupts import interruptible
from ..core.result import Result
from ..core.sampler import SamplingSolver
from ..core.status import Status
from ..core.stepper import Problem, Stepper
from ..core.types import EOps, Options, State
from ..waves.factors import factorize
from .initial import check_initial, read_states
from .model import SchrodingerLohe
from .paths import ExactPaths, SplitPaths
from .solver import SchrodingerLoheSolver

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["TrajectoriesResult", "sltrajectories"]


class TrajectoriesResult(Result):
    """Trajectories of a noisy Schrödinger–Lohe run: R paths of N oscillators at T times.

    Attributes
    ----------
    order_parameters : ndarray of shape (T, R)
        ‖ζ‖ of every path.
    wiener : ndarray of shape (T, R)
        W of every path, 0 at the start.
    gram : ndarray of shape (T, N, N)
        Mean of ⟨ψ_j,ψ_k⟩ over the paths.
    gram_spread : ndarray of shape (T, N, N)
        √(E|G|²−|E G|²).
    masses : ndarray of shape (T, N)
        Mean of ‖ψ_j‖².

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> runs = qsp.sltrajectories(model, waves, [0.0, 1.0], 0.1, ntraj=3, seed=1)
    >>> runs.ntraj
    3
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "order_parameters": ("time", "trajectory"),
        "wiener": ("time", "trajectory"),
        "gram": ("time", "oscillator", "other"),
        "gram_spread": ("time", "oscillator", "other"),
        "masses": ("time", "oscillator"),
    }
    order_parameters: np.ndarray
    wiener: np.ndarray
    gram: np.ndarray
    gram_spread: np.ndarray
    masses: np.ndarray

    @property
    def n(self) -> int:
        """Number N of oscillators, the length of every axis of nodes."""
        return int(self.gram.shape[1])

    @property
    def ntraj(self) -> int:
        """Number of paths that are done; fewer than asked for where the run ended early."""
        return int(self.order_parameters.shape[1])

    @property
    def seed(self) -> int:
        """The seed with which the same paths can be run again."""
        return int(self.stats["seed"])

    @property
    def mean_order_parameter(self) -> np.ndarray:
        """Mean of ‖ζ‖ over the paths, (T,)."""
        return np.asarray(self.order_parameters.mean(axis=1))

    @property
    def order_parameter_spread(self) -> np.ndarray:
        """Standard deviation of ‖ζ‖ over the paths, (T,)."""
        return np.asarray(self.order_parameters.std(axis=1))


@interruptible
def sltrajectories(
    model: SchrodingerLohe,
    state0: State,
    tlist: ArrayLike,
    noise: float,
    *,
    ntraj: int = 100,
    seed: int | None = None,
    options: Options | None = None,
) -> TrajectoriesResult:
    """Run a Schrödinger–Lohe model with common multiplicative (Stratonovich) noise in its coupling.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    noise : float
        σ, at least 0.
    ntraj : int
        Number of paths R.
    seed : int, optional
        Path r depends on `seed` and r alone: the same whatever `ntraj` and ``options["map"]``.
    options : dict, optional
        ``rtol`` and ``atol`` of the solver; ``step``: largest step of the splitting, needed where
        the paths are not exact (different frequencies or Hamiltonians, alignment); ``map``:
        "serial", or ``map(function, items)`` such as that of a ``concurrent.futures`` executor;
        ``checkpoint``: the file that :func:`qsyncplug.resume` goes on from, bit for bit.

    Returns
    -------
    TrajectoriesResult

    Raises
    ------
    ValueError, TypeError
        Bad input.
    SolverError
        An oscillator vanished or grew without bound on a path.

    Notes
    -----
    For two oscillators with z₀ real, z=tanh(artanh z₀ + (kt+σW)/2).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> runs = qsp.sltrajectories(model, waves, [0.0, 1.0], 0.1, ntraj=3, seed=1)
    >>> runs.times
    array([0., 1.])
    """
    options, map = _apart(options)
    solver = TrajectoriesSolver(model, noise=noise, ntraj=ntraj, seed=seed, options=options)
    solver.map = map
    return solver.run(state0, tlist)


class TrajectoriesSolver(SamplingSolver[TrajectoriesResult]):
    """Solver behind :func:`sltrajectories`, as the drive knows it: an output is a path.

    Parameters
    ----------
    model, noise, ntraj, seed, options
        As for :func:`sltrajectories`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> from qsyncplug.lohe.noise import TrajectoriesSolver
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> solver = TrajectoriesSolver(model, noise=0.1, ntraj=3, seed=1)
    >>> solver.run([grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0]).ntraj
    3
    """

    name = "sltrajectories"
    methods = SchrodingerLoheSolver.methods
    solver_options = SchrodingerLoheSolver.solver_options

    def __init__(
        self,
        model: SchrodingerLohe,
        *,
        noise: float,
        ntraj: int = 100,
        seed: int | None = None,
        options: Options | None = None,
    ):
        self.noise, self.ntraj = _check(model, noise, ntraj)
        self.seed = None if seed is None else check_integer("seed", seed, minimum=0)
        self.map: Any = "serial"
        super().__init__(model, options=options)

    def check_options(self, options: dict[str, Any]) -> None:
        SchrodingerLoheSolver(self.model, options=options)

    def recipe(self) -> dict[str, Any]:
        return {"noise": self.noise, "ntraj": self.ntraj, "seed": self.seed}

    def problem(self, state0: Any, times: np.ndarray, e_ops: EOps) -> TrajectoriesProblem:
        if e_ops is not None:
            raise TypeError("e_ops: paths have no outputs before their end; leave it out")
        model, count = self.model, self.ntraj
        psi = read_states(model, state0)
        n = len(psi)
        check_memory(
            "the trajectories",
            16.0 * len(times) * (count + 3 * n * n),
            advice="ask for fewer paths or times",
        )
        x, basis = factorize(psi, model.grid.weight if model.grid is not None else 1.0)
        check_initial(model, x)
        entropy = np.random.SeedSequence(self.seed).entropy
        exact = _is_exact(model, n)
        work: Any
        if exact:
            names = ("rtol", "atol", "nsteps", "time_limit")
            limits = {name: self.options[name] for name in names}
            work = ExactPaths(model, x, times, self.noise, entropy, limits)
        elif self.options["step"] is None:
            raise ValueError(
                "options['step'] must be given: with different frequencies or Hamiltonians, or "
                "with alignment, paths are not exact"
            )
        else:
            step = self.options["step"]
            work = SplitPaths(model, psi, x, basis, times, self.noise, entropy, step)
        result = TrajectoriesResult(
            None,
            {**self.options, "store_states": False, "store_final_state": False},
            model=model,
            solver=self.name,
            stats={
                "method": "exact paths" if exact else "splitting",
                "seed": entropy,
                "noise": self.noise,
                "ntraj": count,
            },
        )
        paths = _Paths(work, _serial if self.map == "serial" else self.map, count)
        paths.sums = _Sums(np.zeros((len(times), n, n), complex), np.zeros((len(times), n, n)))
        return TrajectoriesProblem(times, paths, result)


def _check(model: Any, noise: Any, ntraj: Any) -> tuple[float, int]:
    """Refuse bad arguments; σ and number of paths."""
    if not isinstance(model, SchrodingerLohe):
        raise TypeError(f"model must be a SchrodingerLohe, not {type(model).__name__}")
    sigma = check_number("noise", noise, minimum=0.0)
    count = check_integer("ntraj", ntraj, minimum=1)
    if model.time_dependent:
        raise ValueError("model must not depend on time in a noisy run")
    return sigma, count


def _apart(options: Any) -> tuple[Any, Any]:
    """Options of the solver, and how paths are mapped."""
    if not isinstance(options, dict) or "map" not in options:
        return options, "serial"
    rest = {name: value for name, value in options.items() if name != "map"}
    map = options["map"]
    return rest, map if callable(map) else check_choice("options['map']", map, ("serial",))


def _is_exact(model: SchrodingerLohe, n: int) -> bool:
    """Whether the rest commutes with the coupling."""
    still = model.alignment == 0 or np.ptp(model.start_theta(n)) == 0
    return bool(model.common and np.ptp(model.rates(n)) == 0 and still)


def _serial(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
    for item in items:
        yield function(item)


@dataclass
class _Sums:
    """Sums over the paths of ⟨ψ_j,ψ_k⟩ and its square, relative to the first path.

    So a small spread keeps its digits.
    """

    total: np.ndarray
    square: np.ndarray
    first: np.ndarray = field(default_factory=lambda: np.zeros((), complex))

    def add(self, gram: np.ndarray, first: bool) -> None:
        self.first = gram if first else self.first
        self.total += gram - self.first
        self.square += np.abs(gram - self.first) ** 2


class _Paths(Stepper):
    """One path an output; ``t`` counts them."""

    row_size = 0
    sums: _Sums

    def __init__(self, work: Callable[[int], Any], runner: Any, count: int):
        self.t = 0.0
        self._work, self._runner, self.count = work, runner, count
        self._paths: Any = None
        self.path: tuple[np.ndarray, np.ndarray] | None = None

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        if self._paths is None:
            # from the first path that is missing
            self._paths = iter(self._runner(self._work, range(int(times[0]), self.count)))
        self.path = next(self._paths)
        self.t = float(times[0]) + 1
        self.delivered = 1
        return Status.RUNNING

    def snapshot(self) -> dict[str, Any]:
        sums = self.sums
        return {"total": sums.total.copy(), "square": sums.square.copy(), "first": sums.first}

    def restore(self, saved: dict[str, Any]) -> None:
        parts = [np.array(saved[name]) for name in ("total", "square", "first")]
        shape = self.sums.total.shape
        kinds = [part.dtype.kind for part in parts]
        if [part.shape for part in parts] != [shape] * 3 or kinds != ["c", "f", "c"]:
            raise ValueError("the snapshot is of another problem: its sums have another shape")
        self.sums = _Sums(*parts)


class TrajectoriesProblem(Problem):
    """Means over the paths that are done."""

    result: TrajectoriesResult
    stepper: _Paths

    def __init__(self, output_times: np.ndarray, paths: _Paths, result: TrajectoriesResult):
        super().__init__(np.arange(float(paths.count)), paths, result)
        self.output_times = output_times
        self.chosen = {"seed": result.stats["seed"]}

    def reached(self, failure: Failure) -> str:
        """How far the run came, for messages."""
        return f"after {failure.time:g} of {self.times.size} trajectories"

    def kept(self) -> str:
        """What there is of the result, for messages."""
        return "error.result holds the means over the trajectories before that"

    def allocate(self) -> None:
        shape = (len(self.output_times), self.times.size)
        self.result.times = self.output_times
        self.result.order_parameters, self.result.wiener = np.empty(shape), np.empty(shape)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        assert self.stepper.path is not None
        path, wiener = self.stepper.path
        self.stepper.sums.add(path.conj() @ path.swapaxes(1, 2), start == 0)
        self.result.wiener[:, start] = wiener
        self.result.order_parameters[:, start] = np.linalg.norm(path.mean(axis=1), axis=1)

    def trim(self, done: int) -> None:
        """Keep the first `done` paths."""
        _first_paths(self.result, done)

    def so_far(self, done: int) -> TrajectoriesResult:
        partial = copy.copy(self.result)
        partial.stats = copy.deepcopy(self.result.stats)
        _first_paths(partial, done)
        self._average(partial)
        return partial

    def adopt(self, partial: Any, done: int) -> None:
        for name in ("order_parameters", "wiener"):
            here, before = getattr(self.result, name), getattr(partial, name)
            # the path that was under way when it was written may be there too
            if before.ndim != 2 or len(before) != len(here) or before.shape[1] < done:
                raise StorageError(f"the checkpoint's {name} are not those of {done} paths")
            here[:, :done] = before[:, :done]

    def finish(self) -> None:
        """Means and spreads; none where no path is done."""
        self._average(self.result)

    def _average(self, result: TrajectoriesResult) -> None:
        count, sums = result.order_parameters.shape[1], self.stepper.sums
        if count == 0:
            return
        result.gram = sums.first + sums.total / count
        variance = sums.square / count - np.abs(sums.total / count) ** 2
        result.gram_spread = np.sqrt(np.maximum(variance, 0))
        result.masses = np.diagonal(result.gram, axis1=1, axis2=2).real.copy()

    def error(self, failure: Failure) -> BaseException | None:
        """A path that failed says so itself, and the paths before it are kept."""
        if isinstance(failure.cause, SolverError):
            failure.cause.result = self.result
            return failure.cause
        return None


def _first_paths(result: TrajectoriesResult, done: int) -> None:
    """Keep the first `done` paths."""
    result.order_parameters = result.order_parameters[:, :done]
    result.wiener = result.wiener[:, :done]
    result.stats["ntraj"] = done
