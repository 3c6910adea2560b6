"""Steady states as null vectors: factorised; or by coherence order and GMRES, preconditioned by the
evolution without jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, gmres, splu

from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.progress import Tell, part, say_if_so_often, silent
from .superoperator import OrderZero, superoperator

__all__ = ["null_vector", "steady_blocks"]

_RESTART = 80
_CYCLES = 12
_GOAL = 1e-14
#: iterations that most systems need, for both right-hand sides
_USUAL = 200
#: what rounding may change a steady state by
_TRUSTED = 1e-6
_ADVICE = "give steadystate a state0 for the one that is reached from it"


class _NoJump:
    """The inverse of x → M x + x M† − s x, block by block: M is brought to triangular (or diagonal)
    form in every sector.
    """

    def __init__(self, M: Any, zero: OrderZero, shift: float):
        self.blocks = []
        alone = [(start, states[0]) for start, states in zero.blocks if len(states) == 1]
        #: blocks of one element each, and what divides them
        self.single, states = np.array(alone, dtype=int).reshape(-1, 2).T
        self.rates = 2 * M.diagonal().real[states] - shift
        for start, states in zero.blocks:
            if len(states) == 1:
                continue
            A = M[states][:, states].toarray()
            n = len(A)
            values, V = scipy.linalg.eig(A)
            try:
                W = np.linalg.inv(V)
            except np.linalg.LinAlgError:
                W = np.full_like(V, np.inf)
            condition = np.linalg.norm(V) * np.linalg.norm(W)
            if np.isfinite(condition) and condition < 1e6:
                D = values[:, None] + values.conj()[None, :] - shift
                self.blocks.append((start, n, V, W, D))
            else:
                T, Z = scipy.linalg.schur(A - 0.5 * shift * np.eye(n), output="complex")
                self.blocks.append((start, n, Z, None, T))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        out = np.empty(len(x), dtype=complex)
        out[self.single] = x[self.single] / self.rates
        for start, n, V, W, D in self.blocks:
            X = x[start : start + n * n].reshape(n, n)
            if W is not None:
                Y = V @ ((W @ X @ W.conj().T) / D) @ V.conj().T
            else:
                Y, scale, _ = scipy.linalg.lapack.ztrsyl(
                    D, D, V.conj().T @ X @ V, trana="N", tranb="C"
                )
                Y = V @ (Y * scale) @ V.conj().T
            out[start : start + n * n] = Y.ravel()
        return out


class _Equations:
    """(L + σ tr)ρ = σ on the coherence order 0."""

    def __init__(self, M: Any, jumps: Sequence[Any], zero: OrderZero):
        self.L = superoperator(M, jumps, zero.index)
        self.diagonal, self.size = zero.diagonal, len(zero.index)
        rates = -2 * M.diagonal().real
        self.scale = float(max(rates.max(), 1e-300))
        # small against the typical rate, but enough to make dark states of the no-jump evolution
        # harmless
        shift = 1e-2 * float(np.median(rates[rates > 0])) if np.any(rates > 0) else 1.0
        self.inverse = _NoJump(M, zero, shift)
        self.count = 0

    def residual(self, x: np.ndarray) -> float:
        """‖Lx‖ relative to the largest rate."""
        return float(np.linalg.norm(self.L @ x) / (self.scale * np.linalg.norm(x)))

    def _whole(self, x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        return np.asarray(self.L @ x + (self.scale * x[self.diagonal].sum()) * sigma)

    def _gmres(
        self, sigma: np.ndarray, right: np.ndarray, goal: float, cycles: int, tell: Tell
    ) -> np.ndarray:
        def tick(size: float) -> None:
            self.count += 1
            tell(np.log(max(size, 1e-300)) / np.log(goal))

        A = LinearOperator(
            (self.size, self.size),
            matvec=lambda y: self._whole(self.inverse(y), sigma),
            dtype=complex,
        )
        y, _ = gmres(
            A,
            right,
            rtol=goal,
            atol=0.0,
            restart=_RESTART,
            maxiter=cycles,
            callback=tick,
            callback_type="pr_norm",
        )
        return self.inverse(y)

    def solve(self, sigma: np.ndarray, tell: Tell) -> np.ndarray:
        """Solution of the preconditioned equations for one right-hand side σ, refined once."""
        x = self._gmres(sigma, self.scale * sigma, _GOAL, _CYCLES, part(tell, 0.0, 0.9))
        # one step of refinement takes the rounding of the preconditioner out
        rest = self.scale * sigma - self._whole(x, sigma)
        if np.linalg.norm(rest) > 1e-15 * self.scale * np.linalg.norm(x):
            x = x + self._gmres(sigma, rest, 1e-3, 2, part(tell, 0.9, 1.0))
        return x


def steady_blocks(
    M: Any, jumps: Sequence[Any], zero: OrderZero, tell: Tell = silent
) -> tuple[np.ndarray, dict[str, Any]]:
    r"""The elements `zero` of the steady state.

    With L = L_0 + J, L_0ρ = Mρ + ρM† (no jumps) and Jρ = Σ AρA†, solves

    .. math:: (L + σ\,\mathrm{tr})\,ρ = σ

    for a positive σ of trace 1: since tr Lρ=0, its solution has tr ρ=1 and Lρ=0. It exists and is
    the only one exactly if the steady state is unique. GMRES is preconditioned by (L_0−s)^{-1},
    which costs two products of small matrices a sector.

    Parameters
    ----------
    M, jumps : sparse matrices (d, d)
        −iH − ½ΣA†A, and A.
    zero : OrderZero
        The elements of the coherence order 0.
    tell : callable
        Is told the share that is done.

    Raises
    ------
    SolverError
        The equations are singular: several steady states; or the iterations do not converge.
    """
    size = len(zero.index)
    check_memory(
        f"the steady state of {size} density-matrix elements",
        16.0 * size * (_RESTART + 20),
        advice="lower the cutoff",
    )
    equations, diagonal = _Equations(M, jumps, zero), zero.diagonal
    sigma = np.zeros(size, dtype=complex)
    sigma[diagonal] = 1 / len(diagonal)
    what, advice = f"the steady state of {size} elements", "a lower cutoff shortens it"
    say_if_so_often(what, lambda: equations.inverse(equations.L @ sigma), _USUAL, advice)
    x = equations.solve(sigma, part(tell, 0.0, 0.5))
    trace, worst = x[diagonal].sum(), equations.residual(x)
    if not np.all(np.isfinite(x)) or worst > 1e-11 or abs(trace - 1) > 1e-6:
        raise SolverError(
            f"the iterations for the steady state did not converge: the residual of Lρ=0 is "
            f"{worst:.3g} after {equations.count} of them; it is not unique (give state0 for the "
            "one that is reached from it), or decays too slowly beside the fastest rate",
            reason="not converged",
        )
    # another σ leads to another steady state if there are several
    weights = np.random.default_rng(0).random(len(diagonal)) ** 4
    probe = np.zeros(size, dtype=complex)
    probe[diagonal] = weights / weights.sum()
    other = equations.solve(probe, part(tell, 0.5, 1.0))
    tell(1.0)
    difference = float(np.linalg.norm(other - x) / np.linalg.norm(x))
    if difference > 1e-6:
        raise SolverError(
            "the steady state is not unique, or its slowest rate drowns in the rounding of the "
            f"fastest: two starts lead to states that differ by {difference:.2g}; give state0 for "
            "the one that is reached from it",
            reason="singular",
        )
    stats = {
        "iterations": equations.count,
        "residual": worst,
        "uniqueness": difference,
        "elements": size,
    }
    return x / trace, stats


def null_vector(L: Any, trace: np.ndarray, rate: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The one vector x with L x = 0 and a trace Σ trace·x = 1, and what rounding may make of each
    of its elements.

    Parameters
    ----------
    L : sparse matrix (n, n)
        Conserves the trace.
    trace : ndarray of shape (n,)
    rate : float
        The largest one of the jumps, beside which L may be rounding alone.

    Raises
    ------
    SolverError
        There are several.
    """
    n = L.shape[0]
    scale = float(np.abs(L.data).max(initial=0.0))
    # dephasing alone leaves the rounding of |L|² − L†L
    if scale <= 1e-14 * rate:
        raise SolverError(
            "no unique steady state: nothing changes the populations", reason="singular"
        )
    L, seen = _conserving(L, trace), np.flatnonzero(trace)
    # the equation of one population follows from the others, as the trace is conserved
    row = int(np.argmax(trace))
    keep = sp.diags(np.where(np.arange(n) == row, 0.0, 1.0))
    own = scale * trace[seen] / trace.max()
    A = (keep @ L + sp.csr_matrix((own, (np.full(len(seen), row), seen)), shape=(n, n))).tocsc()
    b = np.zeros(n, dtype=complex)
    b[row] = scale
    lu = _factors(A)
    x = lu.solve(b)
    x = x + lu.solve(b - A @ x)
    residual = float(np.linalg.norm(L @ x) / (scale * np.linalg.norm(x)))
    if not residual < 1e-11:
        raise SolverError(
            f"no unique steady state: the residual of Lρ=0 is {residual:.3g} of the largest rate",
            reason="singular",
        )
    # a second null vector shows as an inverse of enormous norm
    probe = np.random.default_rng(0).standard_normal(n).astype(complex)
    growth = float(np.linalg.norm(lu.solve(probe)) * scale / np.linalg.norm(probe))
    # equations of populations alone are solved without cancellation
    rounding = np.finfo(float).eps * (abs(A) @ abs(x)) * np.sign(probe.real)
    doubt = np.abs(lu.solve(rounding)) if len(seen) < n else np.zeros(n)
    if not (growth <= 1e12 and np.linalg.norm(doubt) <= _TRUSTED * np.linalg.norm(x)):
        raise SolverError(
            "the steady state is not unique, or its slowest rate drowns in the rounding of the "
            f"fastest (the equations are singular to 1 part in {growth:.1e}); {_ADVICE}",
            reason="singular",
        )
    size = trace @ x
    return np.asarray(x / size), doubt / abs(size)


def _conserving(L: Any, trace: np.ndarray) -> Any:
    """A generator whose populations lose what the others gain, to the rounding of these rates: as
    differences of faster ones, that change no population, the losses are known to that of these.
    """
    leak, seen = np.asarray(trace @ L), trace != 0
    return L - sp.diags(np.divide(leak, trace, out=np.zeros(len(leak), leak.dtype), where=seen))


def _factors(A: Any) -> Any:
    """Of equations that have one solution.

    Raises
    ------
    SolverError
        They are singular.
    """
    singular = SolverError(
        f"no unique steady state: the equations are singular; {_ADVICE}", reason="singular"
    )
    # SuperLU would write to the terminal
    if sp.csgraph.structural_rank(A) < A.shape[0]:
        raise singular
    try:
        return splu(A, permc_spec="COLAMD")
    except RuntimeError as error:
        raise singular from error
