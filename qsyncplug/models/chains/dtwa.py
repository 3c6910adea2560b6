"""Discrete truncated Wigner approximation (DTWA) of collective spins, with collective loss and
gain.
"""

from __future__ import annotations

import time as clock
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from qutip.ui.progressbar import progress_bars

from ..._ext.dtwa import Ensemble
from ...core.checks import check_integer, check_memory, check_times
from ...core.errors import SolverInterrupted, StepLimitError, TimeLimitError
from ...core.options import DEFAULTS
from ...core.solver import Solver
from .collective import CollectiveSpins, collective_spins
from .model import SpinChains
from .sampled import DtwaResult

__all__ = ["DtwaSolver", "dtwasolve"]

_LANES = 8
_CHUNKS = 64


def _frame(direction: np.ndarray) -> np.ndarray:
    """Three orthonormal rows, the first along `direction`."""
    length = np.linalg.norm(direction)
    n = direction / length if length > 0 else np.array([0.0, 0.0, 1.0])
    a = np.eye(3)[np.argmin(np.abs(n))]
    first = a - n * (a @ n)
    first /= np.linalg.norm(first)
    return np.array([n, first, np.cross(n, first)])


class DtwaSolver(Solver):
    """Discrete truncated Wigner trajectories, compiled; see :func:`dtwasolve`.

    Parameters
    ----------
    model : SpinChains or CollectiveSpins
        What to run.
    ntraj : int
        Number of trajectories, at least 2.
    seed : int, optional
        From 0 to 2⁶⁴−1; a fresh one, reported in ``stats["seed"]``, by default.
    options : dict, optional
        See :func:`dtwasolve`.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> qsp.DtwaSolver(chains, ntraj=100, seed=1).run(start, [0.0, 0.5]).spins.shape
    (2, 3, 3)
    """

    name = "dtwasolve"
    solver_options: ClassVar[dict[str, Any]] = {
        **{k: v for k, v in DEFAULTS.items() if k != "atol"},
        "store_states": False,
        "rtol": 1e-7,
    }

    def __init__(
        self,
        model: SpinChains | CollectiveSpins,
        *,
        ntraj: int = 20000,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ):
        self.ntraj = check_integer("ntraj", ntraj, minimum=2)
        if seed is not None:
            seed = check_integer("seed", seed, minimum=0, maximum=2**64 - 1)
        self.seed = seed
        self.chains = model
        super().__init__(collective_spins(model), options=options)

    def _ensemble(self, state0: Any, times: np.ndarray, seed: int) -> Ensemble:
        model: CollectiveSpins = self.model
        vectors = model.bloch_vectors(state0)
        G = len(model.n)
        coupling = model.coupling.copy()
        own = model.coupling[range(G), range(G)]
        coupling[range(G), range(G)] *= 2
        decay = model.lowering.T @ model.lowering - model.raising.T @ model.raising
        noise = np.concatenate([model.lowering, model.raising])
        max_step = self._options["max_step"]
        if len(noise):
            # a tenth of a radian a step in the strongest field that the spins could make; what the
            # noise, constant in a step, gets wrong of the decay is of the relative order
            # rate·step/6
            half = 0.5 * np.array(model.n)
            strongest = (
                np.linalg.norm(model.field, axis=1)
                + np.abs(coupling).max(axis=2) @ half
                + np.abs(decay) @ half
            )
            fastest = (noise**2).sum(axis=0).max()
            max_step = min(max_step, 0.1 / max(strongest.max(), 10 * fastest))
        self._steps_fixed = max_step
        return Ensemble(
            model.n,
            model.field,
            coupling,
            own,
            decay,
            noise,
            [_frame(v) for v in vectors],
            np.linalg.norm(vectors, axis=1),
            times,
            self._options["rtol"],
            max_step,
            self._options["nsteps"],
            seed,
        )

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> DtwaResult:
        """Run from `state0`; see :func:`dtwasolve`."""
        begin = clock.perf_counter()
        times = check_times(tlist)
        seed = (
            self.seed
            if self.seed is not None
            else int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        )
        ensemble = self._ensemble(state0, times, seed)
        stochastic = len(self.model.lowering) + len(self.model.raising) > 0
        stats: dict[str, Any] = {
            "method": "rk4" if stochastic else "dop853",
            "ntraj": self.ntraj,
            "seed": seed,
            "neglected": [
                "quantum corrections beyond the first order in 1/N: truncated Wigner (third and "
                "higher derivatives)"
            ],
        }
        if stochastic:
            stats["largest step"] = self._steps_fixed
        if 1 in self.model.n:
            stats["neglected"].append(
                "the central spin is one spin ½: no large N makes its truncation controlled"
            )
        result = DtwaResult(e_ops, self._options, solver=self.name, stats=stats, model=self.model)
        stats = result.stats
        # the same chunks whatever the threads, so that the sums are the same to the last bit
        size = -(-self.ntraj // (_CHUNKS * _LANES)) * _LANES
        chunks = [(first, min(size, self.ntraj - first)) for first in range(0, self.ntraj, size)]
        threads = min(self._options["num_threads"], len(chunks))
        check_memory(
            f"the sums of {times.size} times",
            16.0 * times.size * ensemble.moments * (threads + 3),
            advice="ask for fewer times",
        )
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        sums, squares = (
            np.zeros((times.size, ensemble.moments)),
            np.zeros((times.size, ensemble.moments)),
        )
        taken = rejected = done = 0
        deadline = begin + self._options["time_limit"]
        failure: BaseException | None = None
        bar = progress_bars[self._options["progress_bar"]](
            len(chunks), **self._options["progress_kwargs"]
        )
        for first, second, steps, redone, count, failure in _in_order(
            ensemble, chunks, threads, deadline
        ):
            sums += first
            squares += second
            taken, rejected, done = taken + steps, rejected + redone, done + count
            bar.update()
            if failure is not None:
                break
        bar.finished()
        stats["ntraj"] = done
        stats["steps accepted"], stats["steps rejected"] = taken, rejected
        stats["right-hand sides"] = taken * (4 if stochastic else 12)
        stats["run time"] = clock.perf_counter() - begin
        if done >= 2:
            self._fill(result, times, sums, squares, done, stochastic)
        else:
            result.times = times[:0]
        if failure is not None:
            self._fail(failure, result, float(times[0]), done)
        if self._options["checkpoint"]:
            result.save(self._options["checkpoint"])
        return result

    def _fail(self, failure: BaseException, result: DtwaResult, t0: float, done: int) -> None:
        kept = (
            f"error.result holds the moments of the {done} samples of {self.ntraj} that were "
            "finished"
        )
        result.stats["stopped"] = f"after {done} samples"
        if isinstance(failure, KeyboardInterrupt):
            raise SolverInterrupted(
                f"dtwasolve was interrupted; {kept}", time=t0, result=result
            ) from failure
        if isinstance(failure, TimeoutError):
            raise TimeLimitError(
                f"dtwasolve reached its time limit; raise options['time_limit']; {kept}",
                time=t0,
                reason="time limit",
                result=result,
            )
        if isinstance(failure, OverflowError):
            raise StepLimitError(
                f"dtwasolve: a sample needed more than {self._options['nsteps']} steps; raise "
                f"options['nsteps']; {kept}",
                time=t0,
                reason="step limit",
                result=result,
            ) from failure
        raise failure

    def _fill(
        self,
        result: DtwaResult,
        times: np.ndarray,
        sums: np.ndarray,
        squares: np.ndarray,
        count: int,
        stochastic: bool,
    ) -> None:
        model: CollectiveSpins = self.model
        G = len(model.n)
        d = 3 * G
        mean = sums / count
        # a variance that rounding made negative is one of a number that does not fluctuate
        error = np.sqrt(np.maximum(squares / count - mean**2, 0.0) / (count - 1))
        i, j = np.triu_indices(d)
        for name, values in (("products", mean), ("products_error", error)):
            full = np.empty((len(times), d, d))
            full[:, i, j] = full[:, j, i] = values[:, d : d + len(i)]
            setattr(result, name, full)
        result.spins = mean[:, :d].reshape(-1, G, 3)
        result.spins_error = error[:, :d].reshape(-1, G, 3)
        first = d + len(i)
        picked = [2 * a + part for a in model.nodes for part in range(2)]
        last = mean.shape[1] - 2 * G
        result.mean, result.mean_error = mean[:, last:][:, picked], error[:, last:][:, picked]
        centre = mean[:, first:][:, picked]
        i, j = np.triu_indices(2 * G)
        second = np.empty((len(times), 2 * G, 2 * G))
        second[:, i, j] = second[:, j, i] = mean[:, first + 2 * G : last]
        second = second[:, picked][:, :, picked]
        result.covariance = second - centre[:, :, None] * centre[:, None, :]
        result.times = times
        for process in result._state_processors:
            for t, row in zip(times, result.spins, strict=True):
                process(float(t), result._state(float(t), row))
        if not stochastic:
            energy = _energy(model, result)
            result.stats["drift"] = {
                "energy": float(np.abs(energy - energy[0]).max() / max(1.0, abs(energy[0])))
            }


def _energy(model: CollectiveSpins, result: DtwaResult) -> np.ndarray:
    """⟨H⟩ of the sampled moments, which every trajectory conserves."""
    energy = np.einsum("tax,ax->t", result.spins, model.field)
    for a in range(len(model.n)):
        for b in range(a, len(model.n)):
            for mu in range(3):
                energy = (
                    energy + model.coupling[a, b, mu] * result.products[:, 3 * a + mu, 3 * b + mu]
                )
    return np.asarray(energy)


def _in_order(
    ensemble: Ensemble, chunks: list[tuple[int, int]], threads: int, deadline: float
) -> Any:
    """What ``ensemble.run`` returns for the chunks, in their order."""
    if threads == 1:
        for first, count in chunks:
            yield ensemble.run(first, count, deadline)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Any]] = deque()
        try:
            for first, count in chunks:
                waiting.append(pool.submit(ensemble.run, first, count, deadline))
                # no more sums in memory than threads can fill
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def dtwasolve(
    chains: SpinChains | CollectiveSpins,
    state0: Any,
    tlist: Any,
    *,
    ntraj: int = 20000,
    seed: int | None = None,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> DtwaResult:
    r"""Discrete truncated Wigner approximation of two chains (or any collective spins), with error
    bars.

    Every spin ½ starts with the component +1 along its Bloch vector and ±1, at random, along two
    directions across it, and follows the classical equation :math:`\dot s = B×s` in the field of
    all others. Collective jumps
    :math:`L_k=Σ_al_{ka}J_{a-}`, :math:`M_k=Σ_am_{ka}J_{a+}` turn all spins of a group alike, by the
    field

    .. math:: B_a = \sum_b Γ_{ab}(-J_{by}, J_{bx}, 0) + \sum_k l_{ka}(ξ_k, η_k, 0) + \sum_k
    m_{ka}(ξ'_k, η'_k, 0),
              \qquad Γ = l^Tl - m^Tm,

    with real white noises of unit strength (Stratonovich).

    Parameters
    ----------
    chains : SpinChains or CollectiveSpins
        What to run: collective spins, with collective loss, thermal bath, gain and dissipative
        coupling through J∓.
    state0 : Qobj or array_like of shape (G, 3)
        A product of spin-coherent states in the collective representation
        (``chains.product_state(...)``), or its Bloch vectors, those of the central spin first. A
        single spin may be mixed.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    ntraj : int
        Number of trajectories.
    seed : int, optional
        From 0 to 2⁶⁴−1. The same seed gives the same numbers to the last bit, with any number of
        threads.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, spins)`` of the mean spins (G, 3).
    options : dict, optional
        ``rtol`` (1e-7; relative to the length of a spin), ``max_step`` (of the stochastic steps:
        0.1/strongest field unless smaller), ``nsteps`` (a sample), ``num_threads``,
        ``progress_bar``, ``progress_kwargs``, ``time_limit``, ``checkpoint``.

    Returns
    -------
    DtwaResult
        ``spins`` (T, G, 3), ``products`` (T, 3G, 3G), and their standard errors, which count the
        sampling alone: the error of the approximation itself is of the order 1/N of the classical
        motion and **not controlled for a central spin**.

    Raises
    ------
    ValueError, TypeError
        Bad input: a state that is no product of spin-coherent states, a dissipator without a
        collective form.
    TimeLimitError, StepLimitError
        The run had to stop; ``error.result`` holds the moments of the samples finished.

    Notes
    -----
    J. Schachenmayer, A. Pikovski, A. M. Rey, Phys. Rev. X 5, 011022 (2015) for the Hamiltonian
    part. Spins of a group that start alike stay alike, so a group needs four vectors and their
    multinomial counts, whatever N: this is exact, not a further approximation. A spin does not feel
    its own part of J_x²; products within a group are those of different spins plus δ/4 a spin. For
    an Ising coupling χJ_z² the means are exact, pair correlations are not: ⟨σ_xσ_x⟩ has cos²χt too
    much.

    The dissipative part follows from a bath that is eliminated in the Wigner representation: the
    operator E of the bath in
    :math:`H=E L^†+E^†L` becomes :math:`-\tfrac i2L+ξ`, with ⟨ξξ*⟩=½δ (symmetric order, n̄+½ with a
    thermal bath). The mean rates of J_z and J_− are then those of the master equation with products
    in symmetric order, :math:`⟨J_+J_-⟩ = ⟨J_x^2+J_y^2⟩+⟨J_z⟩`: the noise gives the last term. |J|²
    is conserved, as it is exactly.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> run = qsp.dtwasolve(chains, start, [0.0, 0.5], ntraj=100, seed=1)
    >>> bool(np.all(run.spins_error >= 0))
    True
    """
    return DtwaSolver(chains, ntraj=ntraj, seed=seed, options=options).run(
        state0, tlist, e_ops=e_ops
    )
