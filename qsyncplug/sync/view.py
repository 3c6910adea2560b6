"""The one view of a run that every measure takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.checks import check_integer, check_memory, check_sequence, check_times
from ..core.saved import Saved, must_run
from ..core.types import Later
from .dynamics import Dynamics
from .fields import check_states, frozen, hopping, one_minus
from .page import page_of
from .store import About, Store

__all__ = ["MASS_THRESHOLD", "PHASE_THRESHOLD", "About", "SyncView"]

#: ⟨b⟩ has no phase where |⟨b⟩| ≤ PHASE_THRESHOLD·√(1+n).
PHASE_THRESHOLD = 1e-9
#: An excitation number that is a difference, n = ⟨q²+p²⟩/2 − ½, is zero where n ≤
#: MASS_THRESHOLD·(1+n+½): there rounding would give the normalised correlations a relative error
#: above 1e-6.
MASS_THRESHOLD = 1e-10


class SyncView(Saved):
    r"""What a run says about synchronisation, in the same terms for every system.

    T times, N nodes; any subset of the fields. Arrays are copied, C-ordered and read-only. ħ=1,
    q=(b+b†)/√2, p=(b−b†)/(i√2), vacuum variance ½. A phase x is that of the amplitude e^{−ix}: with
    H=ω b†b it advances by +ωt, and z_jk of classical phases is e^{i(x_j−x_k)}. Every field may be a
    function without arguments instead: it is called once, when the field is first asked for.

    Parameters
    ----------
    times : (T,) array, optional
        Strictly increasing; 0, 1, ..., T−1 unless given.
    mean : (T, 2N) array, optional
        (q1, p1, q2, p2, ...).
    covariance : (T, 2N, 2N) array or 0, optional
        ⟨δY δYᵀ + h.c.⟩/2, above the uncertainty bound. The number 0 stands for a classical system
        and takes no memory.
    correlations : (T, N, N) complex array, optional
        z_jk with z_jj=1, z_kj=conj z_jk, \|z_jk\|≤1; ⟨b_j†b_k⟩/√(n_j n_k) for modes. NaN only where
        a mass is zero.
    masses : (T, N) array, optional
        λ_j² or n_j.
    states : sequence of T Qobj, optional
        Joint kets or density matrices, normalised, without negative eigenvalues.
    subsystems : tuple of N int, optional
        Tensor factor that holds node j; 0, ..., N−1 unless given.
    about : About, optional
        What the numbers are of: name, labels, kind of oscillator, evidence of a model.

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

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> x = np.array([[0.0, 0.5], [0.0, 1.0]])
    >>> mean = np.stack([np.cos(x), -np.sin(x)], axis=-1).reshape(2, 4)
    >>> view = qsp.SyncView([0.0, 1.0], mean=mean, covariance=0)
    >>> np.angle(view.correlations[:, 1, 0]).round(6).tolist()
    [0.5, 1.0]
    """

    __slots__ = ("_store", "about", "states_or_none", "subsystems", "times")

    _store: Store
    about: About
    states_or_none: tuple[Any, ...] | None
    subsystems: tuple[int, ...] | None
    times: np.ndarray

    def __init__(
        self,
        times: ArrayLike | None = None,
        mean: Later = None,
        covariance: Later = None,
        correlations: Later = None,
        masses: Later = None,
        *,
        states: Sequence[Any] | None = None,
        subsystems: Sequence[int] | None = None,
        about: About | None = None,
    ) -> None:
        fields = dict(mean=mean, covariance=covariance, correlations=correlations, masses=masses)
        self._set(times, fields, states, subsystems, About() if about is None else about)

    @classmethod
    def of(
        cls,
        times: ArrayLike | None,
        fields: Mapping[str, Any],
        *,
        states: Sequence[Any] | None = None,
        subsystems: Sequence[int] | None = None,
        about: About | None = None,
    ) -> SyncView:
        """View with any of the fields by name.

        Parameters
        ----------
        times : (T,) array or None
        fields : mapping
            Beside those of the class ``order_parameter`` (T,), for systems too large for an N×N
            array, and ``deviations`` (T, N, N), 1−z_jk where it is known more accurately than z_jk.
        states, subsystems, about
            As for the class.
        """
        view = object.__new__(cls)
        view._set(times, fields, states, subsystems, About() if about is None else about)
        return view

    def _set(
        self, times: Any, fields: Mapping[str, Any], states: Any, subsystems: Any, about: About
    ) -> None:
        if states is None and all(value is None for value in fields.values()):
            raise ValueError(
                "a view needs at least one of mean, covariance, correlations, masses, states"
            )
        if not isinstance(about, About):
            raise TypeError(f"about must be an About, not {type(about).__name__}")
        put = object.__setattr__
        checked = None if times is None else frozen(check_times(times, "times"))
        store = Store(fields, about, None if checked is None else checked.size)
        if states is not None:
            states = check_sequence("states", states, "kets or density matrices")
            if subsystems is not None:
                subsystems = check_sequence("subsystems", subsystems, "numbers")
            subsystems = check_states(states, subsystems, store.n_nodes, about.physical)
            store.fix("states", len(states), None)
            store.fix("subsystems", len(states), len(subsystems))
        elif subsystems is not None:
            raise ValueError("subsystems name factors of states: give the states too")
        store.settle()
        if about.labels is not None and len(about.labels) != store.n_nodes:
            raise ValueError(f"labels must hold {store.n_nodes} names, not {len(about.labels)}")
        put(self, "_store", store)
        put(self, "about", about)
        put(self, "states_or_none", states)
        put(self, "subsystems", None if subsystems is None else tuple(subsystems))
        put(
            self,
            "times",
            frozen(np.arange(store.n_times or 0, dtype=float)) if times is None else checked,
        )

    # ------------------------------------------------------------ what it is

    @property
    def n_times(self) -> int:
        """Number of times T; the length of the first axis of every field."""
        return int(self.times.size)

    @property
    def n(self) -> int:
        """Number of nodes N: oscillators, modes, spins, particles."""
        return int(self._store.n_nodes or 0)

    @property
    def system(self) -> str:
        """Name of the system, as whoever made the view calls it; empty where nobody did."""
        return self.about.system

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Names of the nodes, if they have any."""
        return self.about.labels

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of whoever made the view."""
        return self.about.notes

    @property
    def dynamics(self) -> Dynamics | None:
        """What the model says of its dynamics, for the verdict; None where nothing is known."""
        return self.about.dynamics

    @property
    def vacuum(self) -> float:
        """Variance of q in the vacuum; 0 for a classical system."""
        return self._store.vacuum

    @property
    def is_classical(self) -> bool:
        """Whether the variance of the vacuum is 0."""
        return self.vacuum == 0

    @property
    def phases_suffice(self) -> bool:
        """Whether the correlations are those of classical phases.

        So that N numbers give them all.
        """
        values = self._store.values
        derived = "mean" in values and "correlations" not in values
        return derived and self._store.is_zero("covariance")

    # ------------------------------------------------------------ fields

    def has(self, name: str) -> bool:
        """Whether a field of this `name` is given or can be derived; evaluates nothing."""
        values = self._store.values
        if name == "states":
            return self.states_or_none is not None
        if name == "amplitudes":
            return "mean" in values
        if name in values:
            return True
        if name == "deviations":
            return self.has("correlations")
        return name in ("masses", "correlations") and "mean" in values and "covariance" in values

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that are given or can be derived."""
        names = ("mean", "covariance", "correlations", "masses", "order_parameter", "states")
        return tuple(name for name in names if self.has(name))

    @property
    def mean(self) -> np.ndarray:
        """Means (q1, p1, q2, p2, ...), (T, 2N)."""
        return self._store.get("mean")

    @property
    def covariance(self) -> np.ndarray:
        """Symmetrised covariance matrices, (T, 2N, 2N)."""
        return self._store.get("covariance")

    @property
    def states(self) -> tuple[Any, ...]:
        """Joint states of the nodes, one a time."""
        if self.states_or_none is None:
            raise self._store.lacking("states")
        return self.states_or_none

    @property
    def amplitudes(self) -> np.ndarray:
        """β_j = (q_j + i p_j)/√2, (T, N) complex."""
        mean = self.mean
        return np.asarray((mean[:, ::2] + 1j * mean[:, 1::2]) / np.sqrt(2))

    @property
    def order_parameter(self) -> np.ndarray:
        """The order parameter as it was given, (T,).

        ``measures.order_parameter`` finds it otherwise.
        """
        return self._store.get("order_parameter")

    @property
    def masses(self) -> np.ndarray:
        """λ_j²=‖ψ_j‖² of waves, occupations n_j of quantum oscillators, (T, N)."""
        if "masses" in self._store.values or not self.has("masses"):
            return self._store.get("masses")
        return self._store.derive("masses", self.occupations)

    @property
    def correlations(self) -> np.ndarray:
        """z_jk=⟨φ_j,φ_k⟩ of the normalised states, or ⟨b_j†b_k⟩/√(n_jn_k), complex (T, N, N)."""
        if "correlations" in self._store.values or not self.has("correlations"):
            return self._store.get("correlations")
        return self._store.derive("correlations", self._derive_correlations)

    @property
    def deviations(self) -> np.ndarray:
        """1 − z_jk, (T, N, N) complex, without cancellation where |z_jk|=1."""
        if "deviations" in self._store.values:
            return self._store.get("deviations")
        return self._store.derive("deviations", lambda: one_minus(self.correlations))

    def occupations(self) -> np.ndarray:
        """n_j = (⟨q_j²⟩+⟨p_j²⟩)/2 − vacuum from mean and covariance, (T, N).

        Whatever the masses are.
        """
        n = np.abs(self.amplitudes) ** 2
        if not self._store.is_zero("covariance"):
            variances = np.diagonal(self.covariance, axis1=1, axis2=2)
            n = n + ((variances[:, ::2] + variances[:, 1::2]) / 2 - self.vacuum)
        return np.asarray(n)

    def _numbers(self) -> np.ndarray:
        """Excitation numbers, NaN where they are zero."""
        n = self.occupations()
        empty = n <= (MASS_THRESHOLD * (1.5 + np.abs(n)) if self.vacuum > 0 else 0.0)
        return np.where(empty, np.nan, n)

    def _derive_correlations(self) -> np.ndarray:
        t, n = self.n_times, self.n
        advice = "ask for a pair(i, j) of the view"
        check_memory("the correlations", 48.0 * t * n * n, advice=advice)
        beta = self.amplitudes
        moments = beta.conj()[:, :, None] * beta[:, None, :]
        if not self._store.is_zero("covariance"):
            moments = moments + hopping(self.covariance)
        numbers = self._numbers()
        root = np.sqrt(numbers)
        with np.errstate(invalid="ignore"):
            z = moments / (root[:, :, None] * root[:, None, :])
        index = np.arange(n)
        z[:, index, index] = np.where(np.isnan(numbers), np.nan, 1.0)
        return np.asarray(z)

    def reference(self, node: int = 0) -> np.ndarray:
        """z_{node,k} for all k, (T, N) complex.

        Without the N×N array if the system is classical.
        """
        if self.phases_suffice:
            beta = self.amplitudes / np.sqrt(self._numbers())
            return np.asarray(beta[:, node, None].conj() * beta)
        return self.correlations[:, node, :]

    # ------------------------------------------------------------ parts

    def at(self, indices: int | slice | ArrayLike) -> SyncView:
        """View at some of the times: an index, a slice, or increasing indices or booleans."""
        chosen: Any = indices
        index = np.atleast_1d(np.arange(self.n_times)[chosen])
        if index.ndim != 1 or index.size == 0:
            raise ValueError(
                f"indices must choose at least one of the {self.n_times} times, not {indices!r}"
            )

        def part(name: str) -> Any:
            return lambda: self._store.get(name)[index]

        states = self.states_or_none
        dynamics = None if self.dynamics is None else self.dynamics.at(index)
        return self._part(
            {name: part(name) for name in self._store.values},
            self.times[index],
            None if states is None else [states[k] for k in index],
            self.subsystems,
            replace(self.about, n=self.n, dynamics=dynamics),
        )

    def pair(self, i: int, j: int) -> SyncView:
        """View of the two nodes `i` and `j`, in this order."""
        last = self.n - 1
        nodes = np.array(
            [check_integer(s, k, minimum=0, maximum=last) for s, k in (("i", i), ("j", j))]
        )
        if i == j:
            raise ValueError(f"i and j must be two different nodes, not {i} twice")
        doubled = np.array([2 * nodes[0], 2 * nodes[0] + 1, 2 * nodes[1], 2 * nodes[1] + 1])

        def part(name: str) -> Any:
            pick = doubled if name in ("mean", "covariance") else nodes
            if name in ("mean", "masses"):
                return lambda: self._store.get(name)[:, pick]
            return lambda: self._store.get(name)[:, pick[:, None], pick]

        chosen = self.subsystems
        return self._part(
            {name: part(name) for name in self._store.values if name != "order_parameter"},
            self.times,
            self.states_or_none,
            None if chosen is None else [chosen[k] for k in nodes],
            self._about_pair(nodes),
        )

    def _about_pair(self, nodes: np.ndarray) -> About:
        about = self.about
        return replace(
            about,
            n=2,
            labels=None if about.labels is None else tuple(about.labels[k] for k in nodes),
            weights=None if about.weights is None else about.weights[nodes],
            dynamics=None if about.dynamics is None else about.dynamics.pair(nodes),
        )

    def _part(
        self,
        fields: dict[str, Callable[[], Any]],
        times: Any,
        states: Any,
        subsystems: Any,
        about: About,
    ) -> SyncView:
        named: dict[str, Any] = dict(fields)
        if "covariance" in named and self._store.is_zero("covariance"):
            named["covariance"] = 0
        return SyncView.of(times, named, states=states, subsystems=subsystems, about=about)

    # ------------------------------------------------------------ as an object

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a view cannot be changed; {name} is read-only")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a view cannot be changed; {name} is read-only")

    def __reduce__(self) -> Any:
        values = self._store.values
        fields = {k: self._store.get(k) if callable(v) else v for k, v in values.items()}
        about = replace(self.about, n=self.n)
        return _rebuild, (self.times, fields, self.states_or_none, self.subsystems, about)

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        optional = {"states": list[Any] | None, "subsystems": tuple[int, ...] | None}
        return {"times": np.ndarray, "fields": dict[str, Any], **optional, "about": About}

    def _stored_fields(self) -> dict[str, Any]:
        values, states = self._store.values, self.states_or_none
        fields = {k: self._store.get(k) if must_run(v) else v for k, v in values.items()}
        given = (self.times, fields, None if states is None else list(states), self.subsystems)
        return dict(zip(self._field_types(), (*given, replace(self.about, n=self.n)), strict=True))

    @classmethod
    def _made_of(cls, found: dict[str, Any]) -> SyncView:
        return cls.of(**found)

    def __repr__(self) -> str:
        name = f"{self.system!r}, " if self.system else ""
        first, last = self.times[0], self.times[-1]
        span = f"{first:g}..{last:g}" if self.n_times > 1 else f"{first:g}"
        fields = ", ".join(self.fields)
        return f"SyncView({name}T={self.n_times} (t={span}), N={self.n}, fields: {fields})"

    def _repr_html_(self) -> str:
        return page_of(self)


def _rebuild(times: Any, fields: Any, states: Any, subsystems: Any, about: About) -> SyncView:
    return SyncView.of(times, fields, states=states, subsystems=subsystems, about=about)
