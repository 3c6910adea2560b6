"""The one view of a run that every measure takes: times, correlations, masses, means, covariances,
states.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_memory, check_number, check_times
from ..core.errors import MissingFieldError
from ._fields import check_correlations, check_field, check_states, frozen, hopping, one_minus
from .dynamics import Dynamics

__all__ = ["MASS_THRESHOLD", "PHASE_THRESHOLD", "SyncView"]

#: ⟨b⟩ has no phase where |⟨b⟩| ≤ PHASE_THRESHOLD·√(1+n).
PHASE_THRESHOLD = 1e-9
#: An excitation number that is a difference, n = ⟨q²+p²⟩/2 − ½, is zero where n ≤
#: MASS_THRESHOLD·(1+n+½): there rounding would give the normalised correlations a relative error
#: above 1e-6.
MASS_THRESHOLD = 1e-10

_LAZY = ("mean", "covariance", "masses", "correlations", "order_parameter", "deviations")
_ADVICE = {
    "mean": "give mean=, the (T, 2N) array (q1, p1, q2, p2, ...)",
    "covariance": (
        "give covariance=, the (T, 2N, 2N) symmetrised covariance matrices (0 for a classical "
        "system)"
    ),
    "correlations": "give correlations=, or mean= and covariance= to derive them",
    "masses": "give masses=, or mean= and covariance= to derive them",
    "order_parameter": "give order_parameter=",
    "states": (
        "give states=, the joint states at the T times (for a solver: the option store_states)"
    ),
}


class SyncView:
    """What a run says about synchronisation, in the same terms for every system.

    T times, N nodes; any subset of the fields. Arrays are copied, C-ordered and read-only. ħ=1,
    q=(b+b†)/√2, p=(b−b†)/(i√2), vacuum variance ½. `mean`, `covariance`, `correlations`, `masses`,
    `order_parameter` and `deviations` may each be a function without arguments instead: it is
    called once, when the field is first asked for.

    Parameters
    ----------
    times : (T,) array, optional
        Strictly increasing; 0, 1, ..., T−1 unless given.
    mean : (T, 2N) array, optional
        (q1, p1, q2, p2, ...).
    covariance : (T, 2N, 2N) array or 0, optional
        ⟨δY δYᵀ + h.c.⟩/2. The number 0 stands for a classical system and takes no memory.
    correlations : (T, N, N) complex array, optional
        z_jk with z_jj=1, z_kj=conj z_jk, |z_jk|≤1; ⟨b_j†b_k⟩/√(n_j n_k) for modes. NaN only where a
        mass is zero.
    masses : (T, N) array, optional
        λ_j² or n_j.
    states : sequence of T Qobj, optional
        Joint kets or density matrices, normalised.
    subsystems : tuple of N int, optional
        Tensor factor that holds node j; 0, ..., N−1 unless given.
    system : str
        Name of the system, for messages.
    labels : sequence of N str, optional
        Names of the nodes.
    notes : sequence of str
        Remarks of whoever made the view, e.g. what an approximation neglects.
    vacuum : float
        Variance of q in the vacuum: 0.5, or 0 for a classical system (0 whenever the covariance
        given is zero); enters n = ⟨q²+p²⟩/2 − vacuum.
    order_parameter : (T,) array, optional
        r, for systems too large for an N×N array.
    deviations : (T, N, N) complex array, optional
        1 − z_jk, where it is known more accurately than z_jk.
    bosons : bool
        Whether the tensor factors of `states` are oscillators in their Fock basis.
    canonical : bool
        Whether (q, p) are those of an oscillator, [q, p]=i; not so for σ− of a qubit.
    n_nodes : int, optional
        N, for a view whose fields are all functions.
    missing : mapping of str to str, optional
        For a field that the system lacks: what would provide it.
    dynamics : Dynamics, optional
        What the model says, evidence for :func:`qsyncplug.verdict`.

    Raises
    ------
    ValueError, TypeError
        For inconsistent or impossible fields, naming the argument.
    MissingFieldError
        On access to a field that is neither given nor derivable.

    Notes
    -----
    Derived when asked for: from `mean` and `covariance`, `masses` n_j = (⟨q_j²⟩+⟨p_j²⟩)/2 − vacuum
    and `correlations` ⟨b_j†b_k⟩/√(n_j n_k), which is NaN where n_j is zero (see
    ``MASS_THRESHOLD``); from `mean`, `amplitudes` β=(q+ip)/√2; from `correlations`, `deviations`.
    """

    __slots__ = (
        "_derived",
        "_lock",
        "_store",
        "bosons",
        "canonical",
        "dynamics",
        "labels",
        "missing",
        "n_nodes",
        "n_times",
        "notes",
        "states_or_none",
        "subsystems",
        "system",
        "times",
        "vacuum",
    )

    _derived: dict[str, np.ndarray]
    _lock: Any
    _store: dict[str, Any]
    missing: dict[str, str]
    times: np.ndarray
    n_times: int
    n_nodes: int
    system: str
    labels: tuple[str, ...] | None
    notes: tuple[str, ...]
    vacuum: float
    bosons: bool
    canonical: bool
    dynamics: Dynamics | None
    subsystems: tuple[int, ...] | None
    states_or_none: tuple[Any, ...] | None

    def __init__(
        self,
        times: Any = None,
        mean: Any = None,
        covariance: Any = None,
        correlations: Any = None,
        masses: Any = None,
        *,
        states: Sequence[Any] | None = None,
        subsystems: Sequence[int] | None = None,
        system: str = "",
        labels: Sequence[str] | None = None,
        notes: Sequence[str] = (),
        vacuum: float = 0.5,
        order_parameter: Any = None,
        deviations: Any = None,
        bosons: bool = True,
        canonical: bool = True,
        n_nodes: int | None = None,
        missing: Mapping[str, str] | None = None,
        dynamics: Dynamics | None = None,
    ) -> None:
        put = object.__setattr__
        if isinstance(covariance, (int, float)) and covariance != 0:
            raise ValueError(f"covariance must be an array (T, 2N, 2N) or 0, not {covariance!r}")
        given = {
            "mean": mean,
            "covariance": covariance,
            "correlations": correlations,
            "masses": masses,
            "order_parameter": order_parameter,
            "deviations": deviations,
        }
        store: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if not store and states is None:
            raise ValueError(
                "a view needs at least one of mean, covariance, correlations, masses, states"
            )
        put(self, "_lock", threading.RLock())
        put(self, "_store", store)  # as given
        put(self, "_derived", {})
        put(self, "system", str(system))
        put(
            self,
            "notes",
            (notes,) if isinstance(notes, str) else tuple(str(note) for note in notes),
        )
        put(self, "missing", dict(missing or {}))
        put(self, "vacuum", check_number("vacuum", vacuum, minimum=0.0))
        put(self, "bosons", bool(bosons))
        put(self, "canonical", bool(canonical))
        put(self, "dynamics", dynamics)
        put(self, "states_or_none", None if states is None else tuple(states))
        put(self, "subsystems", None if subsystems is None else tuple(subsystems))
        put(
            self,
            "n_nodes",
            None if n_nodes is None else check_integer("n_nodes", n_nodes, minimum=1),
        )
        put(self, "times", None if times is None else _times(times))
        put(self, "n_times", None if times is None else self.times.size)
        if covariance is not None and not callable(covariance) and not np.any(covariance):
            put(self, "vacuum", 0.0)
            if np.ndim(covariance):
                self._checked("covariance", covariance)
            store["covariance"] = 0
        for name in _LAZY:
            if name in store and not callable(store[name]) and not self._classical(name):
                store[name] = self._checked(name, store[name])
        if states is not None:
            self._check_states()
        for name in (
            "mean",
            "masses",
            "order_parameter",
            "correlations",
            "covariance",
            "deviations",
        ):
            if self.n_times is not None and self.n_nodes is not None:
                break
            if name in store and callable(store[name]):
                self._get(name)
        if self.n_nodes is None or self.n_times is None:
            what = "n_nodes" if self.n_nodes is None else "times"
            raise ValueError(f"{what} must be given, for the other fields do not fix it")
        if self.times is None:
            put(self, "times", frozen(np.arange(self.n_times, dtype=float)))
        if labels is not None:
            labels = tuple(str(label) for label in labels)
            if len(labels) != self.n_nodes:
                raise ValueError(f"labels must hold {self.n_nodes} names, not {len(labels)}")
        put(self, "labels", labels)

    # ------------------------------------------------------------------ validation

    def _classical(self, name: str) -> bool:
        return name == "covariance" and isinstance(self._store.get(name), (int, float))

    def _fix(self, name: str, n_times: int, n_nodes: int | None) -> None:
        for attribute, value, letter in (("n_times", n_times, "T"), ("n_nodes", n_nodes, "N")):
            known = getattr(self, attribute)
            if value is None:
                continue
            if known is None:
                object.__setattr__(self, attribute, int(value))
            elif known != value:
                raise ValueError(
                    f"{name} has {letter}={value}, but the other fields have {letter}={known}"
                )

    def _checked(self, name: str, value: Any) -> np.ndarray:
        array, n_times, nodes = check_field(name, value)
        self._fix(name, n_times, nodes)
        if name == "correlations":
            check_correlations(array, self.masses if self.has("masses") else None)
        elif name == "covariance" and self.vacuum > 0 and not np.any(array):
            raise ValueError(
                "covariance must not vanish if the vacuum has a variance; give covariance=0 or "
                "vacuum=0"
            )
        return frozen(array)

    def _check_states(self) -> None:
        assert self.states_or_none is not None
        chosen = check_states(self.states_or_none, self.subsystems, self.n_nodes)
        object.__setattr__(self, "subsystems", chosen)
        self._fix("states", len(self.states_or_none), None)
        self._fix("subsystems", len(self.states_or_none), len(chosen))

    # ------------------------------------------------------------------ fields

    def has(self, field: str) -> bool:
        """Whether `field` is given or can be derived; evaluates nothing."""
        if field == "states":
            return self.states_or_none is not None
        if field == "amplitudes":
            return "mean" in self._store
        if field in self._store:
            return True
        if field == "deviations":
            return self.has("correlations")
        return (
            field in ("masses", "correlations")
            and "mean" in self._store
            and "covariance" in self._store
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that are given or can be derived."""
        names = ("mean", "covariance", "correlations", "masses", "order_parameter", "states")
        return tuple(name for name in names if self.has(name))

    def _get(self, name: str) -> np.ndarray:
        with self._lock:
            if name not in self._store:
                raise self._missing(name)
            value = self._store[name]
            if callable(value):
                value = self._store[name] = self._checked(name, value())
            elif self._classical(name):
                size = (self.n_times, 2 * self.n_nodes, 2 * self.n_nodes)
                check_memory(
                    "the covariance",
                    8.0 * size[0] * size[1] * size[2],
                    advice="ask for a pair(i, j) of the view",
                )
                return frozen(np.zeros(size))
            return value

    def _missing(self, name: str) -> MissingFieldError:
        advice = self.missing.get(name, _ADVICE.get(name, f"give {name}="))
        return MissingFieldError(
            f"{self.system or 'this view'} has no {name}; what would provide it: {advice}"
        )

    @property
    def mean(self) -> np.ndarray:
        """Means (q1, p1, q2, p2, ...), (T, 2N)."""
        return self._get("mean")

    @property
    def covariance(self) -> np.ndarray:
        """Symmetrised covariance matrices, (T, 2N, 2N)."""
        return self._get("covariance")

    @property
    def states(self) -> tuple[Any, ...]:
        """Joint states, T of them."""
        if self.states_or_none is None:
            raise self._missing("states")
        return self.states_or_none

    @property
    def amplitudes(self) -> np.ndarray:
        """β_j = (q_j + i p_j)/√2, (T, N) complex."""
        mean = self.mean
        return (mean[:, ::2] + 1j * mean[:, 1::2]) / np.sqrt(2)

    @property
    def order_parameter(self) -> np.ndarray:
        """The order parameter as it was given, (T,); ``measures.order_parameter`` computes it
        otherwise.
        """
        return self._get("order_parameter")

    @property
    def is_classical(self) -> bool:
        """Whether the variance of the vacuum is 0."""
        return self.vacuum == 0

    @property
    def phases_suffice(self) -> bool:
        """Whether the correlations are those of classical phases, e^{i(θ_k−θ_j)}, so that N numbers
        give them all.
        """
        return (
            "correlations" not in self._store
            and "mean" in self._store
            and self._classical("covariance")
        )

    @property
    def masses(self) -> np.ndarray:
        """λ_j² or n_j, (T, N)."""
        with self._lock:
            if "masses" in self._store or not self.has("masses"):
                return self._get("masses")
            if "masses" not in self._derived:
                self._derived["masses"] = frozen(self.occupations())
            return self._derived["masses"]

    @property
    def correlations(self) -> np.ndarray:
        """z_jk, (T, N, N) complex."""
        with self._lock:
            if "correlations" in self._store or not self.has("correlations"):
                return self._get("correlations")
            if "correlations" not in self._derived:
                self._derived["correlations"] = frozen(self._derive_correlations())
            return self._derived["correlations"]

    @property
    def deviations(self) -> np.ndarray:
        """1 − z_jk, (T, N, N) complex, without cancellation where |z_jk|=1."""
        with self._lock:
            if "deviations" in self._store:
                return self._get("deviations")
            if "deviations" not in self._derived:
                self._derived["deviations"] = frozen(one_minus(self.correlations))
            return self._derived["deviations"]

    def occupations(self) -> np.ndarray:
        """n_j = (⟨q_j²⟩+⟨p_j²⟩)/2 − vacuum from mean and covariance, (T, N), whatever the masses
        are.
        """
        beta = self.amplitudes
        n = np.abs(beta) ** 2
        if not self._classical("covariance"):
            variances = np.diagonal(self.covariance, axis1=1, axis2=2)
            n = n + ((variances[:, ::2] + variances[:, 1::2]) / 2 - self.vacuum)
        return n

    def _empty(self) -> np.ndarray:
        n = self.occupations()
        return n <= (MASS_THRESHOLD * (1.5 + np.abs(n)) if self.vacuum > 0 else 0.0)

    def _derive_correlations(self) -> np.ndarray:
        t, n = self.n_times, self.n_nodes
        check_memory(
            "the correlations", 48.0 * t * n * n, advice="ask for a pair(i, j) of the view"
        )
        beta = self.amplitudes
        moments = beta.conj()[:, :, None] * beta[:, None, :]
        if not self._classical("covariance"):
            moments = moments + hopping(self.covariance)
        numbers = np.where(self._empty(), np.nan, self.occupations())
        root = np.sqrt(numbers)
        with np.errstate(invalid="ignore"):
            z = moments / (root[:, :, None] * root[:, None, :])
        index = np.arange(n)
        z[:, index, index] = np.where(np.isnan(numbers), np.nan, 1.0)
        return z

    def reference(self, node: int = 0) -> np.ndarray:
        """z_{node,k} for all k, (T, N) complex, without the N×N array if the system is
        classical.
        """
        if self.phases_suffice:
            n = self.occupations()
            beta = self.amplitudes / np.sqrt(np.where(self._empty(), np.nan, n))
            return beta[:, node, None].conj() * beta
        return self.correlations[:, node, :]

    # ------------------------------------------------------------------ parts

    def at(self, indices: Any) -> SyncView:
        """View at some of the times: an index, a slice, or an increasing array of indices or of
        booleans.
        """
        index = np.arange(self.n_times)[indices]
        index = np.atleast_1d(index)
        if index.ndim != 1 or index.size == 0:
            raise ValueError(
                f"indices must choose at least one of the {self.n_times} times, not {indices!r}"
            )

        def part(name: str) -> Any:
            return lambda: self._get(name)[index]

        return self._copy(
            {name: part(name) for name in self._store},
            times=self.times[index],
            states=None if self.states_or_none is None else [self.states_or_none[k] for k in index],
            dynamics=None if self.dynamics is None else self.dynamics.at(index),
        )

    def pair(self, i: int, j: int) -> SyncView:
        """View of the two nodes `i` and `j`, in this order."""
        nodes = np.array(
            [
                check_integer(s, k, minimum=0, maximum=self.n_nodes - 1)
                for s, k in (("i", i), ("j", j))
            ]
        )
        if i == j:
            raise ValueError(f"i and j must be two different nodes, not {i} twice")
        doubled = np.array([2 * nodes[0], 2 * nodes[0] + 1, 2 * nodes[1], 2 * nodes[1] + 1])

        def part(name: str) -> Any:
            pick = doubled if name in ("mean", "covariance") else nodes
            if name in ("mean", "masses"):
                return lambda: self._get(name)[:, pick]
            return lambda: self._get(name)[:, pick[:, None], pick]

        return self._copy(
            {name: part(name) for name in self._store if name != "order_parameter"},
            n_nodes=2,
            subsystems=None if self.subsystems is None else [self.subsystems[k] for k in nodes],
            labels=None if self.labels is None else [self.labels[k] for k in nodes],
            dynamics=None if self.dynamics is None else self.dynamics.pair(nodes),
        )

    def _copy(self, parts: dict[str, Callable[[], Any]], **changes: Any) -> SyncView:
        fields: dict[str, Any] = dict(parts)
        if "covariance" in fields and self._classical("covariance"):
            fields["covariance"] = 0
        return SyncView(**(fields | self._options() | changes))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a view cannot be changed; {name} is read-only")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a view cannot be changed; {name} is read-only")

    def __reduce__(self) -> Any:
        for name in list(self._store):
            if callable(self._store[name]):
                self._get(name)
        return _rebuild, (self._store | self._options(),)

    def _options(self) -> dict[str, Any]:
        names = (
            "times",
            "subsystems",
            "system",
            "labels",
            "notes",
            "vacuum",
            "bosons",
            "canonical",
            "n_nodes",
            "missing",
            "dynamics",
        )
        return {name: getattr(self, name) for name in names} | {"states": self.states_or_none}

    def __repr__(self) -> str:
        name = f"{self.system!r}, " if self.system else ""
        span = (
            f"{self.times[0]:g}..{self.times[-1]:g}" if self.n_times > 1 else f"{self.times[0]:g}"
        )
        return (
            f"SyncView({name}T={self.n_times} (t={span}), N={self.n_nodes}, fields: "
            f"{', '.join(self.fields)})"
        )


def _times(times: Any) -> np.ndarray:
    return frozen(check_times(times, "times"))


def _rebuild(arguments: dict[str, Any]) -> SyncView:
    return SyncView(**arguments)
