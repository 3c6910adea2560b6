"""Boson models: one Hamiltonian and a list of jump operators."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from .._ext.bosons import LinearisedFlow, PolynomialFlow, Polynomials
from ..core import storage
from ..core.checks import check_array, check_number
from .algebra import Expression, Powers, check_cutoff, commutator, modes
from .polynomial import (
    Polynomial,
    compile_polynomials,
    conjugate,
    derivative,
    gaussian_moment,
    multiply,
    total,
)

__all__ = ["ModeSystem", "Symmetries"]


@dataclass(frozen=True)
class Symmetries:
    """Symmetries of the master equation.

    Attributes
    ----------
    charges : ndarray of int, shape (K, N)
        Independent weight vectors w for which Σ_j w_j n_j generates a phase symmetry: H conserves
        it and every jump operator changes it by a definite amount.
    common_phase : bool
        Whether w=(1, …, 1) is one of them or a combination: the U(1) symmetry b_j → e^{iφ} b_j.
    exchange : tuple of tuple of int
        Permutations of the modes, other than the identity, that leave the master equation as it is;
        for more than five modes only transpositions and rotations are looked at.
    vanishing_amplitudes : tuple of bool
        For each mode: a phase symmetry forces ⟨b_j⟩=0 in a unique steady state.
    vanishing_coherences : tuple of tuple of bool
        For each pair: a phase symmetry forces ⟨b_j†b_k⟩=0 there.
    """

    charges: np.ndarray
    common_phase: bool
    exchange: tuple[tuple[int, ...], ...]
    vanishing_amplitudes: tuple[bool, ...]
    vanishing_coherences: tuple[tuple[bool, ...], ...]

    def __str__(self) -> str:
        text = []
        if self.common_phase:
            text.append("U(1) phase")
        if len(self.charges) > self.common_phase:
            text.append(
                f"{len(self.charges)} conserved phase charge{'s' if len(self.charges) > 1 else ''}"
            )
        if self.exchange:
            text.append("exchange of modes")
        return ", ".join(text) or "none"


@dataclass(frozen=True, eq=False)
class ModeSystem:
    r"""A boson model, written once: :math:`\dot ρ = -i[H,ρ] + Σ_L (LρL^† - ½\{L^†L,ρ\})`.

    Parameters
    ----------
    hamiltonian : Expression
        Hermitian.
    jumps : sequence of Expression
        Jump operators, with the square roots of their rates inside.
    name : str, optional
        For printing.

    Raises
    ------
    TypeError
        Something is no expression of :func:`qsyncplug.modes`.
    ValueError
        The Hamiltonian is not Hermitian, or symbols of two ``modes()`` calls are mixed.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> system = qsp.ModeSystem(0.5 * b.dag() * b, [b.dag(), b**2])
    >>> system.drift([1.0])
    array([-0.5-0.5j])
    """

    hamiltonian: Expression
    jumps: tuple[Expression, ...] = ()
    name: str = field(default="boson modes", kw_only=True)

    def __init__(self, hamiltonian: Any, jumps: Any = (), *, name: str = "boson modes"):
        if isinstance(jumps, Expression):
            jumps = (jumps,)
        try:
            jumps = tuple(jumps)
        except TypeError:
            raise TypeError(
                f"jumps must be a list of expressions of qsyncplug.modes(n), not {jumps!r}"
            ) from None
        symbols = [e for e in (hamiltonian, *jumps) if isinstance(e, Expression)]
        if not symbols:
            raise TypeError(
                "hamiltonian and jumps must be expressions of qsyncplug.modes(n); none is"
            )
        space = symbols[0].space
        for k, e in enumerate(symbols):
            if e.space is not space:
                raise ValueError(
                    f"hamiltonian and jumps mix symbols of two calls of modes(): {space} and "
                    f"{e.space} (expression {k}); "
                    "make all symbols of a system with one modes(n)"
                )
        if not isinstance(hamiltonian, Expression):
            lifted = symbols[0]._lift(hamiltonian)
            if lifted is None:
                raise TypeError(
                    "hamiltonian must be an expression of qsyncplug.modes(n), not "
                    f"{type(hamiltonian).__name__}"
                )
            hamiltonian = lifted
        for k, jump in enumerate(jumps):
            if not isinstance(jump, Expression):
                raise TypeError(
                    f"jumps[{k}] must be an expression of qsyncplug.modes(n), not "
                    f"{type(jump).__name__}"
                )
        difference = hamiltonian - hamiltonian.dag()
        alone = {powers for powers, _ in hamiltonian.terms} != {
            powers for powers, _ in hamiltonian.dag().terms
        }
        # coefficients that depend on time are compared at the times of a run: see check_hermitian
        if not hamiltonian.isherm and (difference.isconstant or alone):
            raise ValueError(f"hamiltonian must be Hermitian; H − H† = {difference}")
        object.__setattr__(self, "hamiltonian", hamiltonian)
        object.__setattr__(self, "jumps", tuple(j for j in jumps if j))
        object.__setattr__(self, "name", name)

    # ------------------------------------------------------------ what it is

    @property
    def n(self) -> int:
        """Number of modes."""
        return self.hamiltonian.space.n

    @property
    def isconstant(self) -> bool:
        """Whether neither H nor a jump operator depends on time."""
        return all(e.isconstant for e in (self.hamiltonian, *self.jumps))

    @cached_property
    def operators(self) -> tuple[Expression, ...]:
        """The annihilation operators b_j."""
        out = []
        for j in range(self.n):
            powers = [0] * (2 * self.n)
            powers[2 * j + 1] = 1
            out.append(Expression(self.hamiltonian.space, {(tuple(powers), ()): 1.0 + 0j}))
        return tuple(out)

    def __str__(self) -> str:
        return (
            f"{self.name}: H = {self.hamiltonian}; {len(self.jumps)} jump "
            f"operator{'s' if len(self.jumps) != 1 else ''}"
        )

    def __repr__(self) -> str:
        lines = [f"ModeSystem ({self.name}, {self.n} modes)", f"  H = {self.hamiltonian}"]
        lines += [f"  L{k + 1} = {jump}" for k, jump in enumerate(self.jumps)]
        lines.append(f"  symmetries: {self.symmetries}")
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        rows = [rf"H &= {self.hamiltonian._repr_latex_().strip('$')}"]
        rows += [
            rf"L_{{{k + 1}}} &= {jump._repr_latex_().strip('$')}"
            for k, jump in enumerate(self.jumps)
        ]
        return r"$$\begin{aligned}" + r"\\ ".join(rows) + r"\end{aligned}$$"

    def qutip(self, cutoff: Any) -> tuple[Any, list[Any]]:
        """Hamiltonian and collapse operators as QuTiP objects.

        Parameters
        ----------
        cutoff : int or sequence of int
            Number of Fock levels kept, at least 2; for all modes or for each.

        Returns
        -------
        H : qutip.Qobj or qutip.QobjEvo
            CSR, of dimensions ``[[c1, c2, …], [c1, c2, …]]``; a QobjEvo where coefficients depend
            on time.
        c_ops : list
            Likewise.
        """
        levels = check_cutoff(cutoff, self.n)
        return self.hamiltonian.qutip(levels), [jump.qutip(levels) for jump in self.jumps]

    def adjoint(self, operator: Expression) -> Expression:
        r"""The exact time derivative of an operator in the Heisenberg picture.

        :math:`i[H,A] + ½Σ_L (L^†[A,L] + [L^†,A]L)`, normal-ordered.
        """
        out = 1j * commutator(self.hamiltonian, operator)
        for jump in self.jumps:
            dagger = jump.dag()
            out = out + 0.5 * (
                dagger * commutator(operator, jump) + commutator(dagger, operator) * jump
            )
        return out

    def check_hermitian(self, times: np.ndarray) -> None:
        """Raise ValueError if a time-dependent Hamiltonian is not Hermitian at one of (up to 200
        of) `times`.
        """
        if self.hamiltonian.isconstant:
            return
        for t in np.unique(np.concatenate([times, 0.5 * (times[1:] + times[:-1])]))[
            :: max(1, len(times) // 100)
        ]:
            try:
                now = self.hamiltonian.at(float(t))
            except Exception:
                continue
            if not now.isherm:
                raise ValueError(
                    f"hamiltonian must be Hermitian; at t={t:g}, H − H† = {now - now.dag()}"
                )

    # ------------------------------------------------------------ symmetries

    @cached_property
    def symmetries(self) -> Symmetries:
        """The phase and exchange symmetries of the master equation."""
        n = self.n
        rows = [list(c) for c in self.hamiltonian.charges() if any(c)]
        for jump in self.jumps:
            charges = sorted(jump.charges())
            rows += [[a - b for a, b in zip(c, charges[0], strict=True)] for c in charges[1:]]
        constraints = np.array(rows, dtype=float).reshape(-1, n)
        weights = _null_space(constraints, n)
        common = bool(np.all(constraints.sum(axis=1) == 0))

        def conserved(vector: np.ndarray) -> bool:
            # forced to vanish when some conserved weight gives it a charge
            return bool(np.any(np.abs(weights @ vector) > 1e-9)) if len(weights) else False

        unit = np.eye(n)
        exchange = tuple(p for p in _permutations(n) if self._invariant(p))
        return Symmetries(
            charges=weights,
            common_phase=common,
            exchange=exchange,
            vanishing_amplitudes=tuple(conserved(unit[j]) for j in range(n)),
            vanishing_coherences=tuple(
                tuple(conserved(unit[j] - unit[k]) for k in range(n)) for j in range(n)
            ),
        )

    def _invariant(self, permutation: tuple[int, ...]) -> bool:
        if self.hamiltonian.permuted(permutation) != self.hamiltonian:
            return False
        rest = list(self.jumps)
        for jump in self.jumps:
            moved = jump.permuted(permutation)
            match = next(
                (k for k, other in enumerate(rest) if _equal_up_to_phase(moved, other)), None
            )
            if match is None:
                return False
            rest.pop(match)
        return True

    # ------------------------------------------------------------ mean field

    @cached_property
    def _symbols(self) -> tuple[list[Polynomial], list[Polynomial], list[Polynomial]]:
        """F (n), u and v (n·n each, row by row), upper triangle of D."""
        n = self.n
        H = self.hamiltonian.terms
        drift = []
        for j in range(n):
            parts = [(-1j, derivative(H, j, True))]
            for jump in self.jumps:
                L, Lc = jump.terms, conjugate(jump.terms)
                parts.append((0.5, multiply(Lc, derivative(L, j, True))))
                parts.append((-0.5, multiply(L, derivative(Lc, j, True))))
            drift.append(total(*parts))
        jacobian = [derivative(f, k, False) for f in drift for k in range(n)]
        jacobian += [derivative(f, k, True) for f in drift for k in range(n)]
        noise = []
        for jump in self.jumps:
            w = []
            for j in range(n):
                a, b = derivative(jump.terms, j, False), derivative(jump.terms, j, True)
                # Ωℓ = (ℓ_p, −ℓ_q)
                w += [
                    total((1j / np.sqrt(2), a), (-1j / np.sqrt(2), b)),
                    total((-1 / np.sqrt(2), a), (-1 / np.sqrt(2), b)),
                ]
            noise.append(w)
        diffusion = []
        for a in range(2 * n):
            for b in range(a, 2 * n):
                products = [multiply(conjugate(w[a]), w[b]) for w in noise]
                # the real part, as a polynomial
                diffusion.append(
                    total(*((0.5, p) for p in products), *((0.5, conjugate(p)) for p in products))
                )
        return drift, jacobian, diffusion

    @cached_property
    def _compiled(self) -> tuple[dict[str, np.ndarray], list[Any]]:
        drift, jacobian, diffusion = self._symbols
        return compile_polynomials([*drift, *jacobian, *diffusion], self.n)

    @cached_property
    def _compiled_gaussian(self) -> tuple[dict[str, np.ndarray], list[Any]]:
        """Equations of β, m_jk=⟨δb_jδb_k⟩ and n_jk=⟨δb_j†δb_k⟩ (j≤k) with the moments of a Gaussian
        state.
        """
        wick = gaussian_moment(self.n)
        b = self.operators
        mean_rates = [wick.expectation(self.adjoint(x)) for x in b]
        outputs = list(mean_rates)
        for dagger in (False, True):
            for j, k in wick.pairs:
                left = b[j].dag() if dagger else b[j]
                rate = wick.expectation(self.adjoint(left * b[k]))
                left_rate = conjugate(mean_rates[j]) if dagger else mean_rates[j]
                outputs.append(
                    total(
                        (1.0, rate),
                        (-1.0, multiply(left_rate, wick.mean(k, False))),
                        (-1.0, multiply(wick.mean(j, dagger), mean_rates[k])),
                    )
                )
        return compile_polynomials(outputs, wick.variables)

    def _polynomials(self, closure: str = "linear") -> Polynomials:
        """A fresh compiled evaluator: each holds its own scratch, so runs in several threads do not
        meet.
        """
        arrays, factors = self._compiled if closure == "linear" else self._compiled_gaussian
        variables = self.n if closure == "linear" else gaussian_moment(self.n).variables
        return Polynomials(
            variables,
            *(arrays[k] for k in ("parent", "variable", "start", "column", "factor", "value")),
            factors,
        )

    def _flow(self, closure: str = "linear") -> LinearisedFlow | PolynomialFlow:
        """The compiled right-hand side of a closure."""
        polynomials = self._polynomials(closure)
        return LinearisedFlow(polynomials) if closure == "linear" else PolynomialFlow(polynomials)

    def _evaluate(self, beta: Any, t: Any) -> np.ndarray:
        z = check_array("beta", beta, shape=(self.n,), dtype=complex)
        return np.asarray(self._polynomials()(check_number("t", t), z))

    def drift(self, beta: Any, t: float = 0.0) -> np.ndarray:
        r"""Mean-field drift :math:`F_j = -i∂H/∂β_j^* + ½Σ_L (L^* ∂L/∂β_j^* - L ∂L^*/∂β_j^*)`.

        H and L are the normal-ordered symbols (b → β).

        Parameters
        ----------
        beta : array_like of shape (N,)
            Complex amplitudes.
        t : float
            Time.

        Returns
        -------
        ndarray of shape (N,)
            Complex.
        """
        return self._evaluate(beta, t)[: self.n]

    def derivatives(self, beta: Any, t: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """u=∂F_j/∂β_k and v=∂F_j/∂β_k*, each of shape (N, N)."""
        n = self.n
        out = self._evaluate(beta, t)
        return out[n : n + n * n].reshape(n, n), out[n + n * n : n + 2 * n * n].reshape(n, n)

    def jacobian(self, beta: Any, t: float = 0.0) -> np.ndarray:
        """Jacobian M of the drift in the quadratures (q1, p1, q2, p2, …), shape (2N, 2N)."""
        u, v = self.derivatives(beta, t)
        M = np.empty((2 * self.n, 2 * self.n))
        M[0::2, 0::2], M[0::2, 1::2] = (u + v).real, (v - u).imag
        M[1::2, 0::2], M[1::2, 1::2] = (u + v).imag, (u - v).real
        return M

    def diffusion(self, beta: Any, t: float = 0.0) -> np.ndarray:
        r"""Diffusion :math:`D = Ω\,\mathrm{Re}(Σ_L ℓ^*ℓ^T)\,Ω^T` of the covariance equation, shape
        (2N, 2N).
        """
        n = self.n
        upper = self._evaluate(beta, t)[n + 2 * n * n :].real
        D = np.zeros((2 * n, 2 * n))
        D[np.triu_indices(2 * n)] = upper
        return D + np.triu(D, 1).T

    # ------------------------------------------------------------ storage

    def to_dict(self) -> dict[str, Any]:
        """What :func:`qsyncplug.load` rebuilds it from; time-dependent coefficients are kept by
        name only.
        """

        def terms(e: Expression) -> list[Any]:
            return [
                [list(p), v.real, v.imag, [repr(f) for f in factors]]
                for (p, factors), v in e.terms.items()
            ]

        return {
            "kind": "ModeSystem",
            "name": self.name,
            "names": list(self.hamiltonian.space.names),
            "hamiltonian": terms(self.hamiltonian),
            "jumps": [terms(j) for j in self.jumps],
        }


def _from_dict(data: dict[str, Any]) -> ModeSystem | None:
    symbols = modes(len(data["names"]), data["names"])

    def build(rows: Sequence[Any]) -> Expression:
        terms: dict[tuple[Powers, tuple[()]], complex] = {}
        for powers, re, im, _ in rows:
            terms[(tuple(powers), ())] = complex(re, im)
        return Expression(symbols[0].space, terms)  # type: ignore[arg-type]

    parts = [data["hamiltonian"], *data["jumps"]]
    if any(factors for rows in parts for *_, factors in rows):
        # functions of time are not stored: no model is better than a wrong one
        return None
    return ModeSystem(build(parts[0]), [build(rows) for rows in parts[1:]], name=data["name"])


storage.register_model("ModeSystem", _from_dict)


def _permutations(n: int) -> Iterator[tuple[int, ...]]:
    identity = tuple(range(n))
    if n <= 5:
        yield from (p for p in itertools.permutations(identity) if p != identity)
        return
    for j, k in itertools.combinations(identity, 2):
        swapped = list(identity)
        swapped[j], swapped[k] = k, j
        yield tuple(swapped)
    yield from (identity[k:] + identity[:k] for k in range(1, n))


def _null_space(constraints: np.ndarray, n: int) -> np.ndarray:
    """Integer vectors that span the null space of an integer matrix, by exact elimination."""
    rows = [[Fraction(int(x)) for x in row] for row in constraints]
    pivots: list[int] = []
    for column in range(n):
        at = next((r for r in range(len(pivots), len(rows)) if rows[r][column]), None)
        if at is None:
            continue
        top = len(pivots)
        rows[top], rows[at] = rows[at], rows[top]
        rows[top] = [x / rows[top][column] for x in rows[top]]
        for r in range(len(rows)):
            if r != top and rows[r][column]:
                rows[r] = [x - rows[r][column] * y for x, y in zip(rows[r], rows[top], strict=True)]
        pivots.append(column)
    vectors = []
    for free in (c for c in range(n) if c not in pivots):
        vector = [Fraction(0)] * n
        vector[free] = Fraction(1)
        for r, column in enumerate(pivots):
            vector[column] = -rows[r][free]
        scale = math.lcm(*(x.denominator for x in vector))
        vectors.append([int(x * scale) for x in vector])
    return np.array(vectors, dtype=int).reshape(-1, n)


def _equal_up_to_phase(a: Expression, b: Expression) -> bool:
    if a.terms.keys() != b.terms.keys():
        return False
    key = max(b.terms, key=lambda k: abs(b.terms[k]))
    phase = a.terms[key] / b.terms[key]
    return abs(abs(phase) - 1) < 1e-12 and a == phase * b
