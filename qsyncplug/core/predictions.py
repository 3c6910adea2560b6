"""Theorems whose hypotheses hold, and what a run says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar, overload

from .html import table
from .result import Result
from .saved import Saved, kept

__all__ = ["Outcome", "Outcomes", "Prediction", "Predictions"]

Verdict = tuple[bool | None, str]


@dataclass(frozen=True)
class Outcome(Saved):
    """A prediction held against a run.

    Attributes
    ----------
    name : str
        Of the prediction.
    passed : bool or None
        None if the run says nothing about it.
    found : str
        What was found.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> print(qsp.Outcome("order", True, "r grows"))
    ok    order: r grows
    """

    name: str
    passed: bool | None
    found: str

    def __bool__(self) -> bool:
        """Whether the run bears the prediction out; not where it says nothing about it."""
        return self.passed is True

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "LOOK", None: "open"}[self.passed]
        return f"{mark}  {self.name}: {self.found}"


class Outcomes(tuple[Outcome, ...]):
    """What a run says of each prediction: a tuple that prints one a line.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> rows = [qsp.Outcome("order", True, "r grows"), qsp.Outcome("rate", None, "short")]
    >>> print(Outcomes(rows))
    ok    order: r grows
    open  rate: short
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing to check"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        words = {True: "✓", False: "✗ look", None: "open"}
        return table("outcomes", [(f"{words[o.passed]} {o.name}", o.found) for o in self])


@dataclass(frozen=True)
class Prediction(Saved):
    """A statement whose hypotheses hold for a model and its initial state.

    Attributes
    ----------
    name, source : str
        Theorem, and where it is from.
    statement : str
        What it says here.
    correction : str
        How it differs from what is printed; empty where it does not.
    limits : dict
        Limits as t→∞, by name.
    rate : float or None
        Rate of the slowest approach; the family says of what.
    period : float or None
        Of what oscillates.
    test : callable, optional
        ``result -> (passed, found)``.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> print(qsp.Prediction("Theorem 1", "All meet.", "Lohe (2010)", rate=1.0))
    Theorem 1: All meet; rate 1 [Lohe (2010)]
    """

    name: str
    statement: str
    source: str
    correction: str = ""
    limits: dict[str, Any] = field(default_factory=dict)
    rate: float | None = None
    period: float | None = None
    test: Callable[[Any], Verdict] | None = field(default=None, repr=False)

    def _stored_fields(self) -> dict[str, Any]:
        # tests are functions: they are made again from the model
        test = None if self.test is None else _UNTESTED
        return {**super()._stored_fields(), "test": test}

    def check(self, result: Result) -> Outcome:
        """Hold it against a run from this initial state.

        Parameters
        ----------
        result : Result
            Of a run of the same model from the same initial state.
        """
        return Outcome(self.name, *(self.test(result) if self.test else (None, "nothing to check")))

    def __str__(self) -> str:
        text = f"{self.name}: {self.statement}"
        if self.rate is not None:
            text = f"{text.removesuffix('.')}; rate {self.rate:.6g}"
        return text + (f" [{self.correction}]" if self.correction else "") + f" [{self.source}]"


@kept()
def _untested(result: Any) -> Verdict:
    """The test of a prediction that was read from a file."""
    return None, "a file keeps no tests: take qsp.predictions(model, state0) again"


_UNTESTED = partial(_untested)

P = TypeVar("P", bound=Prediction)


class Predictions(Saved, Sequence[P], Generic[P]):
    """The statements that apply, by position, by name (``p["name"]``) or as attribute (``p.name``),
    and notes.

    Parameters
    ----------
    items : iterable of Prediction
        In the order of the source.
    notes : sequence of str
        What does not hold as printed.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> len(qsp.predictions(model, waves)) > 0
    True
    """

    def __init__(self, items: Iterable[P] = (), notes: Sequence[str] = ()):
        self._items: tuple[P, ...] = tuple(items)
        self.notes = tuple(notes)

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        return {"items": tuple[Prediction, ...], "notes": tuple[str, ...]}

    def _stored_fields(self) -> dict[str, Any]:
        return {"items": self._items, "notes": self.notes}

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, key: int | str) -> P: ...

    @overload
    def __getitem__(self, key: slice) -> Sequence[P]: ...

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            for item in self._items:
                if item.name == key:
                    return item
            raise KeyError(
                f"no prediction {key!r}; those that apply are {', '.join(self.names) or 'none'}"
            )
        return self._items[key]

    def __getattr__(self, name: str) -> P:
        # copies and pickles ask an empty object for its methods
        if name.startswith("_"):
            raise AttributeError(name)
        for item in self._items:
            if item.name.replace(" ", "_").replace("-", "_") == name:
                return item
        raise AttributeError(
            f"no prediction {name!r}; those that apply are {', '.join(self.names) or 'none'}"
        )

    def __iter__(self) -> Iterator[P]:
        return iter(self._items)

    def _repr_html_(self) -> str:
        rows = [(item.name, str(item).removeprefix(f"{item.name}: ")) for item in self]
        return table("predictions", [*rows, *(("note", note) for note in self.notes)])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the predictions."""
        return tuple(item.name for item in self._items)

    def check(self, result: Result) -> Outcomes:
        """Hold every prediction against a run from this initial state.

        Parameters
        ----------
        result : Result
            Of a run of the same model from the same initial state.
        """
        return Outcomes(item.check(result) for item in self._items)

    def __str__(self) -> str:
        lines = [str(p) for p in self._items] + [f"note: {n}" for n in self.notes]
        return "\n".join(lines) or "no theorem applies"

    __repr__ = __str__
