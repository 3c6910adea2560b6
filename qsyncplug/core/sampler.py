"""Base of the solvers that draw samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from .checks import check_integer
from .drive import Until
from .result import Result
from .solver import Solver
from .types import EOps, State

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["SamplingSolver"]

R = TypeVar("R", bound=Result)


class SamplingSolver(Solver, Generic[R]):
    """A solver whose results are averages over samples, which exist once all are drawn."""

    has_outputs = False
    ntraj: int
    seed: int | None

    def _sample(self, ntraj: int, seed: int | None, most: int | None = None) -> None:
        """Check and keep how many samples there shall be, and from which seed."""
        self.ntraj = check_integer("ntraj", ntraj, minimum=2, maximum=most)
        if seed is not None:
            seed = check_integer("seed", seed, minimum=0, maximum=2**64 - 1)
        self.seed = seed

    def recipe(self) -> dict[str, Any]:
        return {"ntraj": self.ntraj}

    def start(self, state0: State, t0: float) -> None:
        """Refuse with a TypeError: samples are drawn whole, never step by step."""
        raise TypeError(f"{self.name} draws whole samples; it cannot be stepped: use run")

    def iterate(self, state0: State, tlist: ArrayLike, *, until: Until | None = None) -> Any:
        """Refuse with a TypeError: samples are drawn whole, never step by step."""
        raise TypeError(f"{self.name} draws whole samples; it cannot be iterated: use run")

    def run(
        self, state0: State, tlist: ArrayLike, *, e_ops: EOps = None, until: Until | None = None
    ) -> R:
        """Draw the samples from `state0`.

        Parameters
        ----------
        state0 : object
            See the function of the solver's name.
        tlist : array_like of shape (T,)
            Strictly increasing output times.
        e_ops : callable, list or dict of callables, optional
            Functions ``f(t, state)`` of the averages at every output time.
        until : None
            Samples have no outputs before the end: anything else is refused.

        Returns
        -------
        Result
            Averages, with standard errors.
        """
        if until is not None:
            raise TypeError("until: samples have no outputs before the end; leave it out")
        return cast(R, super().run(state0, tlist, e_ops=e_ops))
