"""Truncated Wigner approximation of modes and spins: sampled Stratonovich equations, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.bosons import Polynomials
from .._ext.stochastic import BLOCK, Stochastic
from ..core.checks import check_integer, check_memory
from ..core.errors import ApproximationWarning, NonFiniteError, StepLimitError, warn
from ..core.interrupts import interruptible
from ..core.limits import look
from ..core.options import DEFAULTS
from ..core.pulses import fastest_changes, find_breaks
from ..core.sampler import SamplingSolver
from ..core.sampling import fresh_seed
from ..core.types import EOps, Options, State
from ..operators.classical import Classical
from ..operators.expression import Expression
from ..operators.individual import EachAtom
from ..operators.mode import ModeFactor
from ..operators.polynomial import compile_polynomials
from ..operators.spin import SpinFactor
from ..operators.states import ProductState, state_in_order
from ..operators.system import System
from .heun import HeunProgram
from .sampled import Blocks, Sums, TwaProblem, TwaResult, TwaStats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["TwaSolver", "twasolve"]

#: a step in units of the fastest rate that the samples meet
_STEP = 0.05
#: number of the samples that look for the step; others stay below
_PILOT = 2**62
#: more samples than this take days
_MOST = 10**9
_DEFAULTS: dict[str, Any] = {
    k: v
    for k, v in DEFAULTS.items()
    if k in ("max_step", "nsteps", "time_limit", "progress_bar", "progress_kwargs", "checkpoint")
} | {"phases": 0}


class TwaSolver(SamplingSolver[TwaResult]):
    """Truncated Wigner samples of a system; see :func:`twasolve`.

    Parameters
    ----------
    model : System
        Modes and spins.
    ntraj : int
        Number of samples, at least 2.
    seed : int, optional
        A fresh one by default, reported in ``stats["seed"]``.
    options : dict, optional
        See :func:`twasolve`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> (b,) = qsp.modes(1)
    >>> solver = TwaSolver(qsp.System(b.dag() * b, [b]), ntraj=128, seed=1)
    >>> solver.run([2.0], [0.0, 1.0]).ntraj
    128
    """

    name = "twasolve"
    methods = ("heun",)
    solver_options: ClassVar[dict[str, Any]] = _DEFAULTS

    def __init__(
        self,
        model: System,
        *,
        ntraj: int = 10_000,
        seed: int | None = None,
        options: Options | None = None,
    ):
        if not isinstance(model, System):
            raise TypeError(f"twasolve takes a System, not {type(model).__name__}")
        for symbol in model.symbols:
            if not isinstance(symbol.factor, (ModeFactor, SpinFactor)):
                raise ValueError(
                    f"twasolve needs modes and spins; {symbol} is neither (collective atoms are "
                    "qsyncplug.spins(N), atoms with rates of their own go to closure='cumulants')"
                )
        if any(isinstance(j, EachAtom) for j in model.jumps):
            raise ValueError("twasolve takes no jumps of every atom")
        super().__init__(model, options=options)
        self._sample(ntraj, seed, _MOST)
        self.classical = Classical(model.symbols, model.hamiltonian, model.jumps, weyl=True)

    def check_options(self, options: dict[str, Any]) -> None:
        check_integer("options['phases']", options["phases"], minimum=0, maximum=512)

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> TwaProblem:
        self.model.check_hermitian(times)
        product = ProductState(self.model, state0)
        seed = fresh_seed() if self.seed is None else self.seed
        check_memory("samples of one block", 64.0 * BLOCK * len(times) * self.classical.variables)
        program = HeunProgram(self.classical)
        stats = TwaStats(
            method="heun",
            ntraj=0,
            seed=seed,
            neglected=[
                "third and higher derivatives of the Wigner function (truncated Wigner)",
                "errors of the first order of the step",
            ],
        )
        result = TwaResult(
            e_ops,
            {"store_states": False, "store_final_state": False},
            solver=self.name,
            stats=stats,
            model=self.model,
        )
        functions = self.model.time_functions
        # pulses are steps of their own
        grid = np.union1d(times, find_breaks(functions, times))
        outputs = np.searchsorted(grid, times)
        steps = np.array(self._steps(program, product, grid, seed), dtype=int)
        result.stats.steps = int(sum(steps))
        size = _together(len(times) * self.classical.variables)
        factors = program.factor_table(grid, steps)
        flow = program.kernel()
        # one block is added up before the next one is drawn
        out = np.empty((len(grid), self.classical.variables, size), dtype=complex)

        def draw(number: int) -> np.ndarray:
            z = self._initial(product, seed, number, size)
            rows = self._samples(flow, z, (seed, number * size), grid, steps, factors, out)
            return rows if len(grid) == len(times) else rows[outputs]

        table = {k: op for k, op in result.e_ops.items() if isinstance(op, Expression)}
        sums = Sums(self.classical, times, table, self._options["phases"])
        stepper = Blocks(draw, sums, self.ntraj, size, float(times[0]))
        stepper.accepted_each = int(sum(steps))
        return TwaProblem(times, stepper, result, self._judge)

    def plain_state(self, state0: State) -> State:
        return state_in_order(self.model, state0)

    # ------------------------------------------------------------ pieces

    def _initial(self, product: ProductState, seed: int, number: int, size: int) -> np.ndarray:
        """Samples of the initial Wigner function, (variables, size)."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, 0])))
        z = np.empty((self.classical.variables, size), dtype=complex)
        for symbol in self.model.symbols:
            at = self.classical.first[symbol]
            if isinstance(symbol.factor, ModeFactor):
                noise = rng.standard_normal((2, size))
                noise *= 0.5
                alpha = product.alpha[symbol]
                np.add(noise[0], alpha.real, out=z[at].real)
                np.add(noise[1], alpha.imag, out=z[at].imag)
                continue
            N = symbol.factor.N
            n = product.bloch(symbol)
            frame = np.linalg.svd(np.atleast_2d(n))[2] if np.any(n) else np.eye(3)
            length = np.linalg.norm(n)
            # sums of N signs along two directions across n, and of N along it
            across = 2 * rng.binomial(N, 0.5, (2, size)) - N
            along = 2 * rng.binomial(N, 0.5 * (1 + length), size) - N
            direction = n / length if length else frame[0]
            S = 0.5 * (
                np.outer(direction, along)
                + np.outer(frame[1], across[0])
                + np.outer(frame[2], across[1])
            )
            z[at], z[at + 1] = S[0] - 1j * S[1], S[2]
        return z

    @staticmethod
    def _samples(
        flow: Stochastic,
        z: np.ndarray,
        stream: tuple[int, int],
        times: np.ndarray,
        steps: np.ndarray,
        factors: np.ndarray,
        out: np.ndarray,
    ) -> np.ndarray:
        """OUT samples at every time, (T, variables, size), from those at the first one; `stream` is
        the seed and the number of the first sample.
        """
        look()
        failed = flow.run(z, *stream, times, steps, factors, len(factors) > 1, out)
        if failed >= 0:
            raise NonFiniteError(
                f"twasolve: a sample left the range of floating point numbers before "
                f"t={times[failed + 1]:g}; lower options['max_step']",
                time=float(times[failed + 1]),
                reason="not finite",
            )
        return out

    def _steps(
        self, program: HeunProgram, product: ProductState, times: np.ndarray, seed: int
    ) -> list[int]:
        """Steps of every interval, from the rates that a pilot block meets."""
        c = self.classical
        u, v = c.jacobian(c.drift())
        arrays, factors = compile_polynomials([*u, *v])
        evaluate = Polynomials(c.variables, arrays, factors)

        def fastest(t: float, z: np.ndarray) -> float:
            program.factors_at(t)
            rates = []
            for sample in z.T[::4]:
                out = np.abs(np.asarray(evaluate(t, sample)))
                rates.append(out.reshape(2, c.variables, c.variables).sum(axis=(0, 2)).max())
            return float(max(rates))

        flow = program.kernel()
        z = self._initial(product, seed, _PILOT, BLOCK)
        steps: list[int] = []
        changes = fastest_changes(self.model.time_functions, times)
        rate = fastest(float(times[0]), z)
        for k in range(len(times) - 1):
            interval = times[k : k + 2]
            width = float(interval[1] - interval[0])
            middle = fastest(float(times[k]) + 0.5 * width, z)
            step = min(self._options["max_step"], _STEP / max(rate, middle, changes[k], 1e-300))
            count = max(1, int(np.ceil(width / step)))
            if sum(steps) + count > self._options["nsteps"]:
                raise StepLimitError(
                    f"twasolve would need more than {self._options['nsteps']} steps a sample; "
                    "raise options['nsteps']",
                    time=float(times[k]),
                    reason="step limit",
                )
            steps.append(count)
            table = program.factor_table(interval, np.array([count]))
            both = np.empty((2, *z.shape), dtype=complex)
            stream = (seed, _PILOT + k * BLOCK)
            z = self._samples(flow, z, stream, interval, np.array([count]), table, both)[-1]
            later = fastest(float(times[k + 1]), z)
            if later > 2 * rate:
                steps[-1] = max(count, int(np.ceil(width * later / _STEP)))
            rate = later
        return steps

    def _judge(self, result: TwaResult) -> None:
        """Warn where few quanta meet a nonlinear jump."""
        names = [c.symbol for c in self.classical.coordinates]
        for symbol in self.model.symbols:
            if not isinstance(symbol.factor, ModeFactor) or not _lowered_twice(self.model, symbol):
                continue
            at = names.index(symbol)
            number = 0.5 * (result.second[:, at, at] + result.second[:, at + 1, at + 1]) - 0.5
            if len(number) and number[-1] < 3:
                text = (
                    f"⟨n⟩={number[-1]:.2g} of {symbol} with a nonlinear jump: truncated Wigner is "
                    "not reliable below about 3 quanta (near ½ not even the sign of bunching is)"
                )
                result.stats["neglected"].append(text)
                warn(text, ApproximationWarning)
        if any(_is_spin(s) and s.factor.N == 1 for s in self.model.symbols):
            result.stats["neglected"].append("a spin ½: no large N makes its truncation controlled")


def _together(values: int) -> int:
    """How many samples are drawn in one go, with `values` numbers each: enough to make what is
    done in Python small, and the same whatever else is asked for, so that a seed fixes the result.
    """
    blocks = int(np.clip(2**19 // max(values, 1) // BLOCK, 1, 32))
    return blocks * int(BLOCK)


def _is_spin(symbol: Any) -> bool:
    return isinstance(symbol.factor, SpinFactor)


def _lowered_twice(system: System, symbol: Any) -> bool:
    return any(
        symbol.factor.degree(dict(m)[symbol]) >= 2
        for jump in system.jumps
        for m, _ in jump.terms
        if symbol in dict(m)
    )


@interruptible
def twasolve(
    system: System,
    state0: State,
    tlist: ArrayLike,
    *,
    ntraj: int = 10_000,
    seed: int | None = None,
    e_ops: EOps = None,
    options: Options | None = None,
) -> TwaResult:
    r"""Truncated Wigner approximation of modes and spins, with error bars.

    .. math:: dX = [\{X,H\} - Σ_L \mathrm{Im}(L^*\{X,L\})]dt
              + Σ_L (\{X,\mathrm{Re}L\}∘dW_L + \{X,\mathrm{Im}L\}∘dW'_L)

    with the Weyl (symmetrised) symbols of H and L, as Stratonovich equations: no correction of the
    drift is needed, and lengths of spins are kept.

    Parameters
    ----------
    system : System
        Of modes and spins.
    state0 : mapping or array_like
        A product of coherent states, as :func:`qsyncplug.mfsolve` takes it.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    ntraj : int
        Number of samples.
    seed : int, optional
        From 0 to 2⁶⁴−1; a fresh one, reported in ``stats["seed"]``, by default.
    e_ops : Expression, callable, or list or dict of these, optional
        Operators whose averages and errors are wanted beside first and second moments; functions
        ``f(t, (coordinates, covariance))`` see the averages once all samples are drawn.
    options : dict, optional
        ``max_step`` (default: 0.05 of the fastest rate that samples meet), ``nsteps``,
        ``time_limit``; ``phases``: how many moments ⟨e^{ikφ}⟩ of the phases and of their
        differences are averaged as well (0).

    Returns
    -------
    TwaResult
        ``amplitudes``, ``mean``, ``covariance``, ``coordinates``, ``second`` with errors;
        ``e_data`` and ``e_error``.

    Raises
    ------
    ValueError, TypeError
        Bad input; levels and atoms, which have no Wigner function here.
    SolverError
        A sample is no longer finite, or a limit was reached.

    Warns
    -----
    ApproximationWarning
        Fewer than 3 quanta with a nonlinear jump.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> system = qsp.System(0 * b, [b.dag(), 0.1 * b**2])
    >>> run = qsp.twasolve(system, [1.0], [0.0, 5.0], ntraj=640, seed=1)
    >>> bool(qsp.expect(b.dag() * b, run)[-1].real > 10)
    True
    """
    return TwaSolver(system, ntraj=ntraj, seed=seed, options=options).run(
        state0, tlist, e_ops=e_ops
    )
