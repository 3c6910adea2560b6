"""Fluctuations of an operator in the steady state, the resolvent that moves them, and the whole
spectrum from the resolvent at one point: its reduction to a Krylov space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.progress import Tell, part, say_if_so_often, silent
from .curve import Spectrum
from .problem import Problem, exact_problem
from .resolvent import NoJump, gmres
from .steady import stationary

__all__ = [
    "Fluctuation",
    "factorised",
    "fluctuation",
    "reachable",
    "reduced_curve",
    "resolvent",
    "square",
]

#: elements of a coherence order up to which the resolvent is factorised; without a symmetry
_LU_ORDER, _LU_WHOLE = 6000, 3000
#: levels up to which matrices between all of them take no longer than sparse ones
_FEW = 300
#: vectors of an iterative resolvent
_RESTART = 120
#: population of a highest level from which on there is no stationary state to speak of
_UNSTABLE = 1e-2
#: levels up to which the system is solved once more with twice the cut-off, to see if it has one
_LOOK_BEYOND = 256
#: multiples of one rounding that sums of products may be wrong by
_ROUNDINGS = 16 * 2.0**-52


#: vectors of the reduced resolvent, and how many between two looks at its error
_MOST, _EVERY = 240, 5
#: change of a curve, and residual at its highest lines, that are small enough
_CONVERGED, _LEFT = 1e-10, 1e-8
#: vectors that most curves need
_USUAL = 25


@dataclass
class Resolvent:
    """(σ−L)^{-1} on vectors.

    Attributes
    ----------
    solve : callable
        Applies it to a vector, and tells how far it is with that.
    doubt : float
        Norm of what may be added to L for what it solves: rounding and residuals.
    """

    solve: Callable[[np.ndarray, Tell], np.ndarray]
    doubt: float


@dataclass
class Fluctuation:
    """δaρ as a vector of elements, the functional tr[δa†X], and what they stand for.

    Attributes
    ----------
    problem : Problem
    index : ndarray of shape (n,)
        The elements of row-major matrices that are not zero.
    start, functional : ndarray of shape (n,)
        δaρ, and the coefficients of tr[δa†X].
    coherent, power : complex, float
        ⟨a⟩ and ⟨δa†δa⟩.
    noise : float
        What the power may be wrong by.
    stationary : ndarray of shape (n,)
        ρ on these elements.
    """

    problem: Problem
    index: np.ndarray
    start: np.ndarray
    functional: np.ndarray
    coherent: complex
    power: float
    noise: float
    stationary: np.ndarray

    def traceless(self, x: np.ndarray) -> np.ndarray:
        """Elements without the part that rounding adds along the stationary state: δaρ has no
        trace, nor has what evolves from it.
        """
        d = self.problem.d
        trace = x[self.index % (d + 1) == 0].sum()
        return np.asarray(x - trace * self.stationary)

    def _matrix(self, x: np.ndarray) -> Any:
        """Elements as a matrix, sparse where there are many levels."""
        d = self.problem.d
        if d <= _FEW:
            return square(x, self.index, d)
        return sp.csr_matrix((x, np.unravel_index(self.index, (d, d))), shape=(d, d))

    def rounding(self) -> float:
        """What rounding makes of L on what the correlation begins with."""
        M, jumps = abs(self.problem.effective), map(abs, self.problem.matrices[1])
        LX = _generated((M, jumps), self._matrix(np.abs(self.start)))
        norm = spla.norm if sp.issparse(LX) else np.linalg.norm
        return float(_ROUNDINGS * norm(LX) / np.linalg.norm(self.start))

    def rate(self) -> float:
        """Rate at which the correlation begins to decay, made positive."""
        M = self.problem.effective
        LX = _generated((M, self.problem.matrices[1]), self._matrix(self.start))
        decay = -complex(self.functional @ _at(LX, self.index)).real / self.power
        scale = float(np.median(-2 * M.diagonal().real))
        return (
            float(np.clip(abs(decay), 1e-2 * scale, 1e2 * scale))
            if scale > 0
            else max(abs(decay), 1e-300)
        )


def fluctuation(problem: Problem, a: Any, tell: Tell = silent) -> Fluctuation:
    """What the fluctuations of a matrix `a` start from.

    Raises
    ------
    SolverError
        There are several steady states.
    ValueError
        The system is unstable.
    """
    try:
        rho = stationary(problem, problem.where, tell)
    except SolverError as error:
        raise SolverError(
            f"no spectrum or correlation function of the one steady state: {error}",
            reason=error.reason,
        ) from error
    _require_bounded(problem, rho)
    problem.warn_cutoff(rho)
    mean = complex((a @ rho).trace())
    if problem.d <= _FEW and sp.issparse(rho):
        rho = rho.toarray()
    fluctuation = sp.csr_matrix(a - mean * sp.identity(problem.d))
    x = fluctuation @ rho
    power = max(float(fluctuation.conj().multiply(x).sum().real), 0.0)
    index = problem.elements(problem.order_of(a) if problem.charges.shape[1] else None)
    # tr[δa† X] = Σ conj(δa_ij) X_ij
    functional = _at(fluctuation.conj(), index)
    noise = _noise(problem, rho, fluctuation)
    start, still = _at(x, index), _at(rho, index)
    r = Fluctuation(problem, index, start, functional, mean, power, noise, still)
    r.start = r.traceless(start)
    return r


def _at(X: Any, index: np.ndarray) -> np.ndarray:
    """The elements a·d+b of a matrix, sparse or not."""
    if not sp.issparse(X):
        return np.asarray(X.ravel()[index])
    return np.asarray(X.tocsr()[np.unravel_index(index, X.shape)]).ravel()


def _noise(problem: Problem, rho: Any, fluctuation: Any) -> float:
    """What rounding, and what is left of Lρ, make of ⟨δa†δa⟩."""
    size = abs(fluctuation)
    rate = float(np.median(-2 * problem.effective.diagonal().real))
    wrong = _ROUNDINGS * abs(rho)
    if rate > 0:
        wrong = wrong + abs(_generated((problem.effective, problem.matrices[1]), rho)) / rate
    if problem.doubt is not None:
        wrong = wrong + 4 * problem.doubt
    return float(size.multiply(size @ wrong).sum())


def _generated(generator: tuple[Any, Iterable[Any]], X: Any) -> Any:
    """A generator, −iH − ½ΣL†L and the jumps L, applied to a matrix, sparse or not."""
    M, jumps = generator
    LX = M @ X + (M.conj() @ X.T).T
    for A in jumps:
        LX = LX + (A.conj() @ (A @ X).T).T
    return LX


def _require_bounded(problem: Problem, rho: Any) -> None:
    """Refuse a system whose excitation nothing but the cut-off ends.

    Where a highest level is populated, a look beyond it decides: of a stable system the population
    of the highest level falls with the cut-off, and the cut-off is merely low.
    """
    worst = problem.highest(rho)
    if worst <= _UNSTABLE:
        return
    if 2 ** len(problem.places) * problem.d <= _LOOK_BEYOND:
        cutoff = [2 * problem.dims[k] for k in problem.places]
        larger = exact_problem(problem.system, cutoff, "a spectrum")
        try:
            beyond = larger.highest(stationary(larger, larger.where))
        except SolverError:
            beyond = np.inf
        bounded = beyond < 0.45 * worst
    else:
        populations = problem.populations(rho)[0]
        sizes = [problem.dims[k] for k in problem.places]
        bounded = all(
            p[n - 2 : n].max() < 0.5 * p[n // 2 - 1 : n // 2 + 1].max()
            for p, n in zip(populations, sizes, strict=True)
        )
    if not bounded:
        raise ValueError(
            f"system has no stationary state within {problem.where} (population {worst:.2g} of a "
            "highest level, and no less beyond): it is unstable, or the cut-off is far too low"
        )


def resolvent(r: Fluctuation, shift: float) -> Resolvent:
    """(σ−L)^{-1} on the elements of a fluctuation: factorised, or by GMRES.

    Raises
    ------
    MemoryLimitError
        The vectors do not fit.
    """
    whole = len(r.index) == r.problem.d**2
    if r.problem.lattice or len(r.index) <= (_LU_WHOLE if whole else _LU_ORDER):
        found = factorised(r.problem.superoperator(r.index), shift, r.start)
    else:
        found = _iterative(r, shift)
    solve = found.solve
    found.solve = lambda x, tell: r.traceless(solve(x, tell))
    return found


def factorised(L: Any, shift: float, start: np.ndarray) -> Resolvent:
    """(σ−L)^{-1} of a sparse matrix, that is to be applied to `start` and what follows from it."""
    matrix = sp.csc_matrix(shift * sp.identity(L.shape[0]) - L)
    lu = spla.splu(matrix, permc_spec="COLAMD")
    rounding = _ROUNDINGS * float(np.linalg.norm(abs(L) @ abs(start)) / np.linalg.norm(start))
    return Resolvent(lambda x, tell: np.asarray(lu.solve(x)), rounding)


def _iterative(r: Fluctuation, shift: float) -> Resolvent:
    problem, d = r.problem, r.problem.d
    check_memory(
        f"the spectrum on {len(r.index)} elements",
        16.0 * len(r.index) * (_RESTART + _MOST) + 16.0 * 8 * d**2,
        advice="lower the cutoff",
    )
    inverse = NoJump(problem.effective, problem.dims, shift)
    row, column = np.unravel_index(r.index, (d, d))
    elements = problem.liouvillian.general(reachable(problem, np.unique(column - row)))

    def preconditioned(u: np.ndarray) -> np.ndarray:
        X = inverse(square(u, r.index, d))
        LX = elements.unpack(elements.kernel.apply(elements.pack(X)))
        return np.asarray((shift * X - LX).ravel()[r.index])

    # about 25 vectors, each by about 60 products
    what, advice = f"the spectrum of {d} levels", "a lower cutoff shortens it"
    say_if_so_often(what, lambda: preconditioned(r.start), 1500, advice)

    out = Resolvent(lambda x, tell: x, r.rounding())

    def solve(x: np.ndarray, tell: Tell) -> np.ndarray:
        size = float(np.linalg.norm(x))
        goal = 1e-12 * size
        found = gmres(preconditioned, x, tolerance=goal, restart=_RESTART, cycles=4, tell=tell)
        if found.residual > 1e-9 * size:
            raise SolverError(
                f"the resolvent was not solved for: residual {found.residual / size:.2g} after "
                f"{found.products} products",
                reason="not converged",
            )
        out.doubt = max(out.doubt, shift * found.residual / size)
        return np.asarray(inverse(square(found.x, r.index, d)).ravel()[r.index])

    out.solve = solve
    return out


def square(u: np.ndarray, index: np.ndarray, d: int) -> np.ndarray:
    """A matrix (d, d) that holds the elements `u` at the places `index`."""
    X = np.zeros(d * d, dtype=complex)
    X[index] = u
    return X.reshape(d, d)


def reachable(problem: Problem, diagonals: np.ndarray) -> np.ndarray:
    """The diagonals (both signs) that evolve with some."""
    d, g = problem.d, problem.liouvillian.period
    every = np.arange(-d + 1, d)
    if g == 0:
        return diagonals
    return every[np.isin(every % g, np.unique(diagonals % g))]


def reduced_curve(
    resolvent: Resolvent,
    ends: tuple[np.ndarray, np.ndarray],
    rate: float,
    moments: tuple[complex, float],
    tell: Tell = silent,
) -> Spectrum:
    """Arnoldi on (σ−L)^{-1}, from a start to a functional, until the curve stands.

    Parameters
    ----------
    resolvent : Resolvent
        At σ=0.3·rate.
    ends : (ndarray, ndarray), each of shape (n,)
        Start, and functional f in Σ f x.
    rate : float
        Scale of frequencies.
    moments : (complex, float)
        ⟨a⟩ and ⟨δa†δa⟩, for the result.
    tell : callable
        Is told the share that is done: vectors of the number that the fall of the error promises.

    Raises
    ------
    SolverError
        The curve still changes by more than 1e-6 of its maximum after 240 vectors.
    """
    start, functional = ends
    n, most = len(start), min(_MOST, len(start))
    size = float(np.linalg.norm(start))
    V = np.zeros((most + 1, n), dtype=complex)
    h = np.zeros((most + 1, most), dtype=complex)
    V[0] = start / size
    look = _Look(rate)
    for k in range(most):
        w = resolvent.solve(V[k], part(tell, look.share(k), look.share(k + 1)))
        for _ in range(2):
            c = V[: k + 1].conj() @ w
            w = w - c @ V[: k + 1]
            h[: k + 1, k] += c
        h[k + 1, k] = np.linalg.norm(w)
        m = k + 1
        tell(look.share(m))
        exhausted = m == n or abs(h[m, k]) < 1e-14 * np.abs(h[:m, :m]).max()
        if m % _EVERY == 0 or exhausted:
            e1 = np.zeros(m, dtype=complex)
            e1[0] = size
            curve = Spectrum(h[:m, :m].copy(), V[:m] @ functional, e1, 0.3 * rate, *moments, 0.0)
            curve.error = 0.0 if exhausted else look.error(curve, m)
            if curve.error < _CONVERGED and (exhausted or look.left(curve, h[: m + 1, :m]) < _LEFT):
                break
        V[k + 1] = w / h[k + 1, k]
    else:
        # it may stand still and yet not be right
        curve.error = max(curve.error, look.left(curve, h))
        if curve.error > 1e-6:
            raise SolverError(
                f"the spectrum did not converge with {most} vectors: error {curve.error:.2g} of "
                "its maximum",
                reason="not converged",
            )
    tell(1.0)
    curve.error = max(curve.error, curve.swayed(resolvent.doubt))
    return curve


class _Look:
    """How much a curve changes from one size of the space to the next."""

    def __init__(self, rate: float):
        self.rate = rate
        self.broad = rate * np.linspace(-20, 20, 41)
        self.probe = np.zeros(0)
        self.before = np.zeros(0)
        #: vectors until the change is small enough, and what was told last
        self.expected, self.told = float(_USUAL), 0.0

    def share(self, vectors: int) -> float:
        """Of the work, after so many vectors: never less than it was."""
        self.told = max(self.told, min(vectors / self.expected, 0.99))
        return self.told

    def left(self, curve: Spectrum, h: np.ndarray) -> float:
        """Residual of (iω−L)x=δaρ at the highest lines, relative to δaρ: a curve may stand still
        for some vectors long before it is right, where lines are far away.
        """
        m = h.shape[1]
        highest = self.probe[np.argsort(-self.before)[:1]]
        w = np.concatenate([highest, curve.lines()])
        # the Arnoldi relation: 1+(iω−σ)A leaves (iω−σ)·h·y_m of the next vector
        z = 1j * w - 0.3 * self.rate
        y = np.linalg.solve(np.eye(m) + z[:, None, None] * h[:m], np.eye(m)[:, :1])[:, -1, 0]
        return float(np.abs(z * h[m, m - 1] * y).max())

    def error(self, curve: Spectrum, m: int) -> float:
        """Change since the last look, relative to the maximum; infinite at the first one."""
        probe, before = self.probe, self.before
        self.probe = np.concatenate([curve.grid, self.broad])
        self.before = curve.scan(self.probe)
        if not len(probe):
            return float("inf")
        values = curve.scan(np.concatenate([probe, curve.grid]))
        change = float(np.abs(values[: len(probe)] - before).max() / np.abs(values).max())
        decades = max(-np.log10(max(change, 1e-300)), 0.1)
        promised = m * -np.log10(_CONVERGED) / decades
        self.expected = float(np.clip(promised, m + 1, _MOST))
        return change
