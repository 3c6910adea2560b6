"""The fields of a view: given or worked out when asked for, of one T and one N."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_memory, check_number
from ..core.errors import MissingFieldError
from ..core.saved import Saved
from .dynamics import Dynamics
from .fields import check_correlations, check_field, check_physical, frozen

__all__ = ["FIELDS", "About", "Store"]

FIELDS = ("mean", "masses", "order_parameter", "correlations", "covariance", "deviations")
_ADVICE = {
    "mean": "give mean=, the (T, 2N) array (q1, p1, q2, p2, ...)",
    "covariance": (
        "give covariance=, the (T, 2N, 2N) symmetrised covariance matrices (0 for a "
        "classical system)"
    ),
    "correlations": "give correlations=, or mean= and covariance= to derive them",
    "masses": "give masses=, or mean= and covariance= to derive them",
    "order_parameter": "give order_parameter=",
    "states": "give states=, the joint states at the T times (for a solver: the option "
    "store_states)",
}


@dataclass(frozen=True)
class About(Saved):
    """What a view's numbers are of.

    Attributes
    ----------
    system : str
        Name of the system, for messages.
    labels : tuple of N str or None
        Names of the nodes.
    notes : tuple of str
        Remarks of whoever made the view, e.g. what an approximation neglects.
    missing : mapping of str to str
        For a field that the system lacks: what would provide it.
    n : int or None
        N, for a view whose fields are all functions.
    vacuum : float
        Variance of q in the vacuum: 0.5, or 0 for a classical system; enters n = ⟨q²+p²⟩/2 −
        vacuum.
    bosons : bool
        Whether the tensor factors of the states are oscillators in their Fock basis.
    canonical : bool
        Whether [q, p] = i; not so for σ− of a qubit.
    physical : bool
        Whether the covariance must be that of a state; an approximation's need not.
    weights : (N,) array or None
        How much each node counts in the system's own order parameter.
    dynamics : Dynamics or None
        What the model says, evidence for :func:`qsyncplug.verdict`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.About(system="two clocks").vacuum
    0.5
    """

    system: str = ""
    labels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    n: int | None = None
    vacuum: float = 0.5
    bosons: bool = True
    canonical: bool = True
    physical: bool = True
    weights: np.ndarray | None = None
    dynamics: Dynamics | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "system", str(self.system))
        notes = (self.notes,) if isinstance(self.notes, str) else self.notes
        put(self, "notes", tuple(str(note) for note in notes))
        put(self, "missing", dict(self.missing))
        put(self, "vacuum", check_number("vacuum", self.vacuum, minimum=0.0))
        if self.labels is not None:
            put(self, "labels", tuple(str(label) for label in self.labels))
        if self.n is not None:
            put(self, "n", check_integer("n", self.n, minimum=1))


class Store:
    """Fields by name, checked when they are given or, if they are functions, when first asked for.

    Parameters
    ----------
    fields : mapping of str to array, callable or 0
        Those that are None are left out.
    about : About
    n_times : int or None
        T, if it is known beforehand.
    """

    def __init__(self, fields: Mapping[str, Any], about: About, n_times: int | None):
        self.values = {name: value for name, value in fields.items() if value is not None}
        self.about, self.n_times, self.n_nodes = about, n_times, about.n
        self.derived: dict[str, np.ndarray] = {}
        self.lock = threading.RLock()
        covariance = self.values.get("covariance")
        if isinstance(covariance, (int, float)) and covariance != 0:
            raise ValueError(f"covariance must be an array (T, 2N, 2N) or 0, not {covariance!r}")
        self.classical = _vanishes(covariance)
        if self.classical and isinstance(covariance, np.ndarray) and covariance.ndim:
            self._check("covariance", covariance)
        if self.classical:
            self.values["covariance"] = 0
        for name, value in list(self.values.items()):
            if not callable(value) and not self.is_zero(name):
                self.values[name] = self._check(name, value)

    @property
    def vacuum(self) -> float:
        """Variance of the vacuum; 0 for a classical system."""
        return 0.0 if self.classical else self.about.vacuum

    def is_zero(self, name: str) -> bool:
        """Whether `name` is the covariance of a classical system, which takes no memory."""
        return name == "covariance" and isinstance(self.values.get(name), (int, float))

    def fix(self, name: str, n_times: int, n_nodes: int | None) -> None:
        """Take T and N from a field, or refuse it if they are others."""
        for attribute, value, letter in (("n_times", n_times, "T"), ("n_nodes", n_nodes, "N")):
            known = getattr(self, attribute)
            if value is None:
                continue
            if known is None:
                setattr(self, attribute, int(value))
            elif known != value:
                raise ValueError(
                    f"{name} has {letter}={value}, but the other fields have {letter}={known}"
                )

    def settle(self) -> None:
        """Find T and N, asking functions for their arrays until both are known."""
        for name in FIELDS:
            if self.n_times is not None and self.n_nodes is not None:
                return
            if callable(self.values.get(name)):
                self.get(name)
        if self.n_nodes is None or self.n_times is None:
            what = "about=About(n=…)" if self.n_nodes is None else "times"
            raise ValueError(f"{what} must be given, for the other fields do not fix it")

    def _check(self, name: str, value: Any) -> np.ndarray:
        array, n_times, nodes = check_field(name, value)
        self.fix(name, n_times, nodes)
        if name == "correlations":
            check_correlations(array, self.get("masses") if "masses" in self.values else None)
        elif name == "covariance" and self.vacuum > 0:
            if not np.any(array):
                raise ValueError(
                    "covariance must not vanish if the vacuum has a variance; give "
                    "covariance=0 or vacuum=0"
                )
            if self.about.physical and self.about.canonical:
                check_physical(array, self.about.vacuum)
        return frozen(array)

    def get(self, name: str) -> np.ndarray:
        """The array of a field that was given."""
        with self.lock:
            if name not in self.values:
                raise self.lacking(name)
            value = self.values[name]
            if callable(value):
                value = self.values[name] = self._check(name, value())
            elif self.is_zero(name):
                assert self.n_times is not None and self.n_nodes is not None
                size = (self.n_times, 2 * self.n_nodes, 2 * self.n_nodes)
                check_memory(
                    "the covariance",
                    8.0 * size[0] * size[1] * size[2],
                    advice="ask for a pair(i, j) of the view",
                )
                return frozen(np.zeros(size))
            return np.asarray(value)

    def derive(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of a field that follows from others, worked out once."""
        with self.lock:
            if name not in self.derived:
                self.derived[name] = frozen(make())
            return self.derived[name]

    def lacking(self, name: str) -> MissingFieldError:
        """The error that says what would provide a field."""
        advice = self.about.missing.get(name, _ADVICE.get(name, f"give {name}="))
        return MissingFieldError(
            f"{self.about.system or 'this view'} has no {name}; what would provide it: {advice}"
        )


def _vanishes(covariance: Any) -> bool:
    return covariance is not None and not callable(covariance) and not np.any(covariance)
