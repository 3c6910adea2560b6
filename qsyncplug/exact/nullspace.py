"""Steady states by coherence order: GMRES, preconditioned by the evolution without jumps."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from scipy.sparse.linalg import LinearOperator, gmres

from ..core.checks import check_memory
from ..core.errors import SolverError
from .coherence import CoherenceOrders

__all__ = ["steady_blocks"]

_RESTART = 80
_CYCLES = 12
_GOAL = 1e-14


class _NoJump:
    """The inverse of x → M x + x M† − s x, block by block: M is brought to triangular (or diagonal)
    form in every sector.
    """

    def __init__(self, problem: CoherenceOrders, shift: float):
        self.blocks = []
        M = (problem.offdiagonal + scipy.sparse.diags(problem.diagonal)).tocsr()
        for start, rows, _ in problem._blocks(problem.none):
            A = M[slice(*rows), slice(*rows)].toarray()
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


def steady_blocks(problem: CoherenceOrders) -> tuple[np.ndarray, dict[str, Any]]:
    r"""The coherence order 0 of the steady state, as :meth:`CoherenceOrders.unpack` takes it.

    With L = L_0 + J, L_0ρ = Mρ + ρM† (no jumps) and Jρ = Σ AρA†, solves

    .. math:: (L + σ\,\mathrm{tr})\,ρ = σ

    for a positive σ of trace 1: since tr Lρ=0, its solution has tr ρ=1 and Lρ=0. It exists and is
    the only one exactly if the steady state is unique. GMRES is preconditioned by (L_0−s)^{-1},
    which costs two products of small matrices a sector.

    Raises
    ------
    SolverError
        The equations are singular: several steady states.
    """
    none = problem.none
    size = problem.size(none)
    check_memory(
        f"the steady state of {size} density-matrix elements",
        16.0 * size * (_RESTART + 20),
        advice="lower the cutoff",
    )
    kernel = problem.kernel(none)
    blocks = problem._blocks(none)
    diagonal = np.concatenate(
        [start + np.arange(r[1] - r[0]) * (r[1] - r[0] + 1) for start, r, _ in blocks]
    )
    rates = problem.rate[:, 1]
    scale = float(max(rates.max(), 1e-300))
    # small against the typical rate, but enough to make dark states of the no-jump evolution
    # harmless
    shift = 1e-2 * float(np.median(rates[rates > 0])) if np.any(rates > 0) else 1.0
    inverse = _NoJump(problem, shift)

    def solve(sigma: np.ndarray) -> tuple[np.ndarray, int]:
        def apply(y: np.ndarray) -> np.ndarray:
            x = inverse(y)
            return np.asarray(kernel.apply(x) + (scale * x[diagonal].sum()) * sigma)

        count = 0

        def tick(_: Any) -> None:
            nonlocal count
            count += 1

        A = LinearOperator((size, size), matvec=apply, dtype=complex)
        y, _ = gmres(
            A,
            scale * sigma,
            rtol=_GOAL,
            atol=0.0,
            restart=_RESTART,
            maxiter=_CYCLES,
            callback=tick,
            callback_type="pr_norm",
        )
        x = inverse(y)
        # one step of refinement takes the rounding of the preconditioner out
        rest = scale * sigma - kernel.apply(x) - (scale * x[diagonal].sum()) * sigma
        if np.linalg.norm(rest) > 1e-15 * scale * np.linalg.norm(x):
            y, _ = gmres(
                A,
                rest,
                rtol=1e-3,
                atol=0.0,
                restart=_RESTART,
                maxiter=2,
                callback=tick,
                callback_type="pr_norm",
            )
            x = x + inverse(y)
        return x, count

    def residual(x: np.ndarray) -> float:
        return float(np.linalg.norm(kernel.apply(x)) / (scale * np.linalg.norm(x)))

    sigma = np.zeros(size, dtype=complex)
    sigma[diagonal] = 1 / len(diagonal)
    x, iterations = solve(sigma)
    trace = x[diagonal].sum()
    worst = residual(x)
    if not np.all(np.isfinite(x)) or worst > 1e-11 or abs(trace - 1) > 1e-6:
        raise SolverError(
            f"no unique steady state found: the residual of Lρ=0 is {worst:.3g} after {iterations} "
            "iterations",
            reason="singular",
        )
    # another σ leads to another steady state if there are several
    probe = np.zeros(size, dtype=complex)
    weights = np.random.default_rng(0).random(len(diagonal)) ** 4
    probe[diagonal] = weights / weights.sum()
    other, more = solve(probe)
    difference = float(np.linalg.norm(other - x) / np.linalg.norm(x))
    if difference > 1e-6:
        raise SolverError(
            "the steady state is not unique: two starts lead to states that differ by "
            f"{difference:.2g}",
            reason="singular",
        )
    x = x / trace
    stats = {
        "iterations": iterations + more,
        "residual": worst,
        "uniqueness": difference,
        "elements": size,
    }
    return x, stats
