r"""Multiplicative noise in the coupling, common to all oscillators: k dt → k dt + σ∘dW
(Stratonovich).

.. math:: d\psi_j = -i(H_j+Ω_j)\psi_j\,dt + \tfrac12(\theta_j\zeta_j -
c_j\psi_j)\circ(k\,dt+\sigma\,dW)

Where the rest commutes with the coupling (a common Hamiltonian and frequency, θ frozen), every path
is the noiseless flow at the "time" kt+σW(t): exact at the output times, whatever their spacing.
Elsewhere: symmetric splitting of strong order 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from ..core.checks import check_choice, check_integer, check_memory, check_number, check_times
from ..core.drive import Drive
from ..core.errors import SolverError
from ..core.failure import Failure
from ..core.limits import Limits
from ..core.options import Options
from ..core.result import Result
from ..core.status import Status
from ..core.stepper import Problem, Stepper
from ..waves.factors import factorize
from .initial import check_initial, read_states
from .model import SchrodingerLohe
from .paths import ExactPaths, SplitPaths
from .solver import SchrodingerLoheSolver

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
        """N."""
        return int(self.gram.shape[1])

    @property
    def ntraj(self) -> int:
        """Paths that are done."""
        return int(self.order_parameters.shape[1])

    @property
    def seed(self) -> int:
        """With which the paths can be run again."""
        return int(self.stats["seed"])

    @property
    def mean_order_parameter(self) -> np.ndarray:
        """Mean of ‖ζ‖ over the paths, (T,)."""
        return np.asarray(self.order_parameters.mean(axis=1))

    @property
    def order_parameter_spread(self) -> np.ndarray:
        """Standard deviation of ‖ζ‖ over the paths, (T,)."""
        return np.asarray(self.order_parameters.std(axis=1))


def sltrajectories(
    model: SchrodingerLohe,
    state0: Any,
    tlist: Any,
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
        "serial", or ``map(function, items)`` such as that of a ``concurrent.futures`` executor.

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
    sigma, count = _check(model, noise, ntraj)
    times = check_times(tlist)
    options, map = _apart(options)
    solver = SchrodingerLoheSolver(model, options=options)
    step = solver.options["step"]
    psi = read_states(model, state0)
    n = len(psi)
    check_memory(
        "the trajectories",
        16.0 * len(times) * (2 * count + 3 * n * n),
        advice="ask for fewer paths or times",
    )
    x, basis = factorize(psi, model.grid.weight if model.grid is not None else 1.0)
    check_initial(model, x)
    exact = _is_exact(model, n)
    chosen = None if seed is None else check_integer("seed", seed, minimum=0)
    entropy = np.random.SeedSequence(chosen).entropy
    names = ("rtol", "atol", "nsteps", "time_limit")
    work: Callable[[int], Any]
    if exact:
        limits = {name: solver.options[name] for name in names}
        work = ExactPaths(model, x, times, sigma, entropy, limits)
    elif step is None:
        raise ValueError(
            "options['step'] must be given: with different frequencies or Hamiltonians, or with "
            "alignment, paths are not exact"
        )
    else:
        work = SplitPaths(model, psi, x, basis, times, sigma, entropy, step)
    result = TrajectoriesResult(
        None,
        {**solver.options, "store_states": False, "store_final_state": False},
        model=model,
        solver="sltrajectories",
        stats={
            "method": "exact paths" if exact else "splitting",
            "seed": entropy,
            "noise": sigma,
            "ntraj": count,
        },
    )
    runner: Any = _serial if map == "serial" else map
    problem = TrajectoriesProblem(times, n, count, runner(work, range(count)), result)
    with Limits(solver.options["time_limit"]) as limits_of_run:
        problem.allocate()
        Drive(problem, "sltrajectories", solver.options, limits_of_run).run()
    return result


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


class _Paths(Stepper):
    """One path an output; ``t`` counts them."""

    def __init__(self, paths: Iterable[Any]):
        self.t = 0.0
        self._paths = iter(paths)
        self.path: tuple[np.ndarray, np.ndarray] | None = None

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """See :class:`Stepper`."""
        self.path = next(self._paths)
        self.t = float(times[0]) + 1
        self.delivered = 1
        return Status.RUNNING


class TrajectoriesProblem(Problem):
    """Means over the paths that are done."""

    result: TrajectoriesResult
    stepper: _Paths

    def __init__(
        self,
        output_times: np.ndarray,
        n: int,
        count: int,
        paths: Iterable[Any],
        result: TrajectoriesResult,
    ):
        super().__init__(np.arange(float(count)), _Paths(paths), result)
        self.output_times = output_times
        self.total = np.zeros((len(output_times), n, n), complex)
        self.square = np.zeros((len(output_times), n, n))
        self.first = np.zeros((), complex)

    def reached(self, failure: Failure) -> str:
        """How far the run came, for messages."""
        return f"after {failure.time:g} of {self.times.size} trajectories"

    def kept(self) -> str:
        """What there is of the result, for messages."""
        return "error.result holds the means over the trajectories before that"

    def allocate(self) -> None:
        """See :meth:`Problem.allocate`."""
        shape = (len(self.output_times), self.times.size)
        self.result.times = self.output_times
        self.result.order_parameters, self.result.wiener = np.empty(shape), np.empty(shape)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """See :meth:`Problem.record`."""
        assert self.stepper.path is not None
        path, wiener = self.stepper.path
        gram = path.conj() @ path.swapaxes(1, 2)
        # relative to the first path, so that a small spread keeps its digits
        self.first = gram if start == 0 else self.first
        self.total += gram - self.first
        self.square += np.abs(gram - self.first) ** 2
        self.result.wiener[:, start] = wiener
        self.result.order_parameters[:, start] = np.linalg.norm(path.mean(axis=1), axis=1)

    def trim(self, done: int) -> None:
        """Keep the first `done` paths."""
        self.result.order_parameters = self.result.order_parameters[:, :done]
        self.result.wiener = self.result.wiener[:, :done]
        self.result.stats["ntraj"] = done

    def finish(self) -> None:
        """Means and spreads; none where no path is done."""
        result = self.result
        count = result.order_parameters.shape[1]
        if count == 0:
            return
        result.gram = self.first + self.total / count
        variance = self.square / count - np.abs(self.total / count) ** 2
        result.gram_spread = np.sqrt(np.maximum(variance, 0))
        result.masses = np.diagonal(result.gram, axis1=1, axis2=2).real.copy()

    def error(self, failure: Failure) -> BaseException | None:
        """A path that failed says so itself, and the paths before it are kept."""
        if isinstance(failure.cause, SolverError):
            failure.cause.result = self.result
            return failure.cause
        return None
