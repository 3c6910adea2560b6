"""Base of the solvers that draw samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

from .checks import check_integer
from .documented import runner
from .drive import Until
from .result import Result
from .sampling import MOST_SAMPLES
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

    def _sample(self, ntraj: int, seed: int | None, most: int = MOST_SAMPLES) -> None:
        """Check and keep how many samples there shall be, and from which seed."""
        self.ntraj = check_integer("ntraj", ntraj, minimum=2, maximum=most)
        if seed is not None:
            seed = check_integer("seed", seed, minimum=0, maximum=2**64 - 1)
        self.seed = seed

    def recipe(self) -> dict[str, Any]:
        return {"ntraj": self.ntraj}

    def start(self, state0: State, t0: float) -> NoReturn:
        """Refuse with a TypeError: samples are drawn whole, never step by step."""
        raise TypeError(f"{self.name} draws whole samples; it cannot be stepped: use run")

    def iterate(self, state0: State, tlist: ArrayLike, *, until: Until | None = None) -> NoReturn:
        """Refuse with a TypeError: samples are drawn whole, never step by step."""
        raise TypeError(f"{self.name} draws whole samples; it cannot be iterated: use run")

    @runner
    def run(
        self, state0: State, tlist: ArrayLike, *, e_ops: EOps = None, until: Until | None = None
    ) -> R:
        """Draw the samples from `state0`; functions among `e_ops` take the averages.

        There are no outputs before the end: `until` must be None.
        """
        if until is not None:
            raise TypeError("until: samples have no outputs before the end; leave it out")
        return cast(R, super().run(state0, tlist, e_ops=e_ops))
