"""Eigenmodes among the operators that no permutation of atoms changes."""

from __future__ import annotations

import numpy as np
import qutip

from ..core.checks import check_memory
from ..core.progress import Tell
from ..operators.permuted import PermutedSpace
from .permuted import SparseElements, warn_levels_of
from .propagated_modes import Pair, Propagated, leading_of

__all__ = ["SymmetricModes"]

#: operators of a coherence order up to which the whole spectrum is computed
_DENSE = 700


class SymmetricModes:
    """Modes of a system with ensembles, as all symmetric states and observables see them.

    Parameters
    ----------
    space : PermutedSpace
    """

    def __init__(self, space: PermutedSpace):
        self.space = space
        self.L = space.generator
        self.scale = float(np.abs(self.L.diagonal()).max(initial=0.0)) * 2

    def orders(self) -> list[tuple[int, ...]]:
        """Every coherence order that occurs."""
        return [tuple(int(x) for x in row) for row in np.unique(self.space.orders, axis=0)]

    def adjoint(self, pair: Pair) -> Pair:
        """The mode X† of the opposite order."""
        opposite = tuple(-x for x in pair.order)
        return Pair(
            pair.value.conjugate(), opposite, pair.residual, self.space.adjoint(pair.vector)
        )

    def qobj(self, vector: np.ndarray) -> qutip.Qobj:
        """A mode as a Qobj between states of a total spin, as QuTiP's ``piqs`` has them."""
        dims = self.space.dims
        return qutip.Qobj(self.space.matrix(vector), dims=[dims, dims])

    def finish(self, found: list[Pair]) -> None:
        """A stationary mode becomes one of trace 1; warn where a cut-off is too low."""
        if not found or any(found[0].order):
            return
        first = found[0]
        trace = complex(self.space.trace @ first.vector)
        if abs(first.value) < 1e-9 * self.scale and abs(trace) > 1e-8:
            first.vector = first.vector / trace
            warn_levels_of(self.space, first.vector)

    def of_order(self, order: tuple[int, ...], k: int, tell: Tell) -> list[Pair]:
        """The k leading modes of one order."""
        index = np.flatnonzero(np.all(self.space.orders == order, axis=1))
        k, d = min(k, len(index)), float(np.prod(self.space.dims))
        check_memory(
            f"{k} eigenmodes among {len(index)} symmetric operators",
            16.0 * (4 * k * d**2 + 60.0 * len(index)),
            advice="take fewer atoms, lower the cutoff, or ask for fewer",
        )
        L = self.L[index][:, index]
        if len(index) <= _DENSE:
            found = leading_of(L.toarray(), order, k)
        else:
            found = Propagated(SparseElements(L), order, len(index), tell).leading(k)
        return [Pair(p.value, p.order, p.residual, self._whole(index, p.vector)) for p in found]

    def _whole(self, index: np.ndarray, x: np.ndarray) -> np.ndarray:
        out = np.zeros(self.space.size, dtype=complex)
        out[index] = x
        return out
