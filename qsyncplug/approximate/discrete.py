"""Discrete truncated Wigner approximation (DTWA) of systems of spins: every spin ½ is sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from .._ext.dtwa import Ensemble
from ..core.checks import check_memory
from ..core.interrupts import interruptible
from ..core.options import DEFAULTS
from ..core.sampler import SamplingSolver
from ..core.sampling import Batches, SampledProblem, fresh_seed
from ..core.stepper import forwarded
from ..core.types import EOps, Options, State
from ..operators.collective import CollectiveForm, bloch_vectors, collective_form
from ..operators.states import ProductState
from ..operators.system import System
from .discrete_moments import DtwaResult, DtwaStats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["DtwaProblem", "DtwaSolver", "dtwasolve"]


def _frame(direction: np.ndarray) -> np.ndarray:
    """Three orthonormal rows, the first along `direction`."""
    length = np.linalg.norm(direction)
    n = direction / length if length > 0 else np.array([0.0, 0.0, 1.0])
    a = np.eye(3)[np.argmin(np.abs(n))]
    first = a - n * (a @ n)
    first /= np.linalg.norm(first)
    return np.array([n, first, np.cross(n, first)])


@runtime_checkable
class Spins(Protocol):
    """A model that is stated as a system of spins."""

    @property
    def oscillators(self) -> Sequence[int]:
        """Which spins stand for oscillators."""

    def system(self) -> System:
        """The spins written as symbols, which is what the samples are drawn from."""


class DtwaSolver(SamplingSolver[DtwaResult]):
    """Discrete truncated Wigner trajectories, compiled; see :func:`dtwasolve`.

    Parameters
    ----------
    model : System or SpinChains
        Spins.
    ntraj : int
        Number of trajectories, at least 2.
    seed : int, optional
        From 0 to 2⁶⁴−1; a fresh one, reported in ``stats["seed"]``, by default.
    options : dict, optional
        See :func:`dtwasolve`.

    Examples
    --------
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
        model: System | Spins,
        *,
        ntraj: int = 20000,
        seed: int | None = None,
        options: Options | None = None,
    ):
        self._sample(ntraj, seed)
        nodes = None
        if isinstance(model, Spins):
            nodes = list(model.oscillators)
            model = model.system()
        self.form = collective_form(model)
        # a spin ½ beside longer spins is no oscillator, unless the model says so
        long = [a for a, N in enumerate(self.form.n) if N > 1]
        self.nodes = nodes or long or list(range(len(self.form.n)))
        super().__init__(model, options=options)

    def _ensemble(self, state0: Any, times: np.ndarray, seed: int) -> Ensemble:
        model = self.form
        vectors = self.plain_state(state0)
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
        self._largest_step = max_step
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

    def plain_state(self, state0: State) -> np.ndarray:
        """Bloch vectors of the spins, (G, 3)."""
        if isinstance(state0, Mapping):
            rho = np.array(list(ProductState(self.model, state0).rho.values()))
            across = 2 * rho[:, 1, 0]
            z = (rho[:, 0, 0] - rho[:, 1, 1]).real
            state0 = np.stack([across.real, across.imag, z], axis=1)
        return bloch_vectors(self.form.n, state0)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> SampledProblem:
        seed = fresh_seed() if self.seed is None else self.seed
        ensemble = self._ensemble(state0, times, seed)
        stochastic = len(self.form.lowering) + len(self.form.raising) > 0
        stats = DtwaStats(
            method="rk4" if stochastic else "dop853",
            ntraj=self.ntraj,
            seed=seed,
            largest_step=self._largest_step if stochastic else None,
            nodes=self.nodes,
            neglected=[
                "quantum corrections beyond the first order in 1/N: truncated Wigner (third and "
                "higher derivatives)"
            ],
        )
        if 1 in self.form.n:
            stats["neglected"].append(
                "a spin ½, such as a central spin: no large N makes its truncation controlled"
            )
        result = DtwaResult(e_ops, self._options, solver=self.name, stats=stats, model=self.model)
        stepper = _DtwaBatches(
            ensemble,
            self.ntraj,
            self._options["num_threads"],
            (times.size, ensemble.moments),
            float(times[0]),
        )
        stepper.stages = 4 if stochastic else 12
        return DtwaProblem(times, stepper, result, self.form)

    def recipe(self) -> dict[str, Any]:
        return {**super().recipe(), "nodes": self.nodes}


class _DtwaBatches(Batches):
    """Batches that count right-hand sides."""

    stages: int = 12

    evaluations = forwarded(
        lambda self: self.accepted * self.stages, "Right-hand sides of all samples."
    )


class DtwaProblem(SampledProblem):
    """Moments of collective spins from the sums over samples."""

    def __init__(self, times: np.ndarray, stepper: Any, result: DtwaResult, form: CollectiveForm):
        super().__init__(times, stepper, result)
        self.form = form

    def allocate(self) -> None:
        """Make the sums, if they fit."""
        count, moments = self.stepper.shape
        check_memory(
            f"the sums of {count} times",
            16.0 * count * moments * (self.stepper.threads + 3),
            advice="ask for fewer times",
        )
        super().allocate()

    def row(self, index: int) -> np.ndarray:
        """Mean spins of the groups at one output, (G, 3): what ``e_ops`` see once all samples are
        drawn.
        """
        return np.asarray(self.result.spins[index])

    def fill(self, count: int) -> None:
        """Means, products, covariance and their standard errors."""
        result, model = self.result, self.form
        assert isinstance(result, DtwaResult)
        G, T = len(model.n), len(self.output_times)
        d = 3 * G
        mean = self.stepper.sums / count
        # a variance that rounding made negative is one of a number that does not fluctuate
        variance = np.maximum(self.stepper.squares / count - mean**2, 0.0)
        error = np.sqrt(variance / (count - 1))
        i, j = np.triu_indices(d)
        for name, values in (("products", mean), ("products_error", error)):
            full = np.empty((T, d, d))
            full[:, i, j] = full[:, j, i] = values[:, d : d + len(i)]
            setattr(result, name, full)
        result.spins = mean[:, :d].reshape(-1, G, 3)
        result.spins_error = error[:, :d].reshape(-1, G, 3)
        self._fill_nodes(mean, error, d + len(i))
        if "largest step" not in result.stats:
            energy = _energy(model, result)
            drift = float(np.abs(energy - energy[0]).max() / max(1.0, abs(energy[0])))
            result.stats["drift"] = {"energy": drift}

    def _fill_nodes(self, mean: np.ndarray, error: np.ndarray, first: int) -> None:
        """Quadratures of the nodes, whose moments start at `first`."""
        result, G = self.result, len(self.form.n)
        assert isinstance(result, DtwaResult)
        picked = [2 * a + part for a in result.nodes for part in range(2)]
        last = mean.shape[1] - 2 * G
        result.mean, result.mean_error = mean[:, last:][:, picked], error[:, last:][:, picked]
        centre = mean[:, first:][:, picked]
        i, j = np.triu_indices(2 * G)
        second = np.empty((len(mean), 2 * G, 2 * G))
        second[:, i, j] = second[:, j, i] = mean[:, first + 2 * G : last]
        second = second[:, picked][:, :, picked]
        result.covariance = second - centre[:, :, None] * centre[:, None, :]


def _energy(model: CollectiveForm, result: DtwaResult) -> np.ndarray:
    """⟨H⟩ of the sampled moments, which every trajectory conserves."""
    energy = np.einsum("tax,ax->t", result.spins, model.field)
    for a in range(len(model.n)):
        for b in range(a, len(model.n)):
            for mu in range(3):
                energy = (
                    energy + model.coupling[a, b, mu] * result.products[:, 3 * a + mu, 3 * b + mu]
                )
    return np.asarray(energy)


@interruptible
def dtwasolve(
    system: System | Spins,
    state0: State,
    tlist: ArrayLike,
    *,
    ntraj: int = 20000,
    seed: int | None = None,
    e_ops: EOps = None,
    options: Options | None = None,
) -> DtwaResult:
    r"""Discrete truncated Wigner approximation of a system of spins, with error bars.

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
    system : System or SpinChains
        Up to 8 spins of :func:`qsyncplug.spins`: fields, products of equal components of two spins
        and squares of components in H, sums of J− or of J+ as jumps.
    state0 : Qobj, array_like of shape (G, 3) or mapping
        A product of spin-coherent states in the collective representation
        (``chains.product_state(...)``), or its Bloch vectors, in the order of the system's nodes,
        or a dict from symbol to Bloch vector or angles (θ, φ). A spin ½ may be mixed.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    ntraj : int
        Number of trajectories.
    seed : int, optional
        From 0 to 2⁶⁴−1. The same seed gives the same numbers to the last bit, with any number of
        threads.
    e_ops : Expression, callable, or list or dict of these, optional
        Operators of up to two components of spins, with errors in ``e_error``; functions ``f(t,
        spins)`` see the mean spins (G, 3) once all samples are drawn.
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
        Bad input: a state that is no product of spin-coherent states, an operator without a
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
    much. :func:`qsyncplug.twasolve` starts from the same samples, but moves one vector a spin of
    :func:`qsyncplug.spins`, which feels itself: cos^N χt instead of cos^{N−1} χt. It takes any
    polynomial, and modes too; with one ``spins(1)`` for every spin ½ it is this approximation, at a
    cost that grows with N².

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
    return DtwaSolver(system, ntraj=ntraj, seed=seed, options=options).run(
        state0, tlist, e_ops=e_ops
    )
