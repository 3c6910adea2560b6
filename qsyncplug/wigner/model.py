"""The Wigner–Lohe model: potentials, coupling, graph and phase-space grid, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip
import scipy.sparse

from ..core import storage
from ..core.checks import check_array, check_number
from ..core.grid import Grid
from ..core.saved import SavedModel
from ..core.types import Adjacency, Field, Given, by_default
from ..lohe.model import SchrodingerLohe
from ..waves.hamiltonian import GridHamiltonian, read_potential
from .equation import wigner_equation
from .phase_space import PhaseSpace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["WignerLohe"]


@dataclass(frozen=True, eq=False, repr=False)
class WignerLohe(SavedModel):
    r"""N quantum oscillators in phase space, each coupled to the mean of all.

    .. math::

        w_{ij}(x,p) &= (2π)^{-d}∫ψ_i(x+\tfrac y2)\,\bar ψ_j(x-\tfrac y2)\,e^{-ip·y}\,dy, \qquad
        z_{ij}=∫w_{ij}\,dx\,dp \\ \partial_t w_{ij} + p·∇_x w_{ij} &= -i(2π)^{-d}∬[V_i(x+\tfrac
        y2)-V_j(x-\tfrac y2)]\,w_{ij}(x,p')\,
            e^{-i(p-p')·y}\,dp'\,dy \\
        &\quad + \frac{κ}{2N}\Bigl\{\sum_k(w_{kj}+w_{ik})
            - \Bigl(\frac{\sum_k z_{ik}}{z_{ii}}+\frac{\sum_k z_{kj}}{z_{jj}}\Bigr)w_{ij}\Bigr\}

    with :math:`\hbar=m=1`, so that a plane wave :math:`e^{ikx}` has momentum +k. It is the Wigner
    transform of the standard Schrödinger–Lohe model, and goes beyond it in what it may start from.

    Parameters
    ----------
    grid : Grid
        Positions on which the wave functions live; phase-space arrays are on :class:`PhaseSpace` of
        it.
    potential : callable, array, number, or list of N of them
        V, real; one for all, or V_i of each oscillator. A callable is given the coordinates; an
        array has the shape of the grid. A list of potentials that differ by numbers is solved as
        exactly as one.
    coupling : float
        κ ≥ 0.
    frequencies : (N,) array, optional
        Ω_j, added to the potentials.
    adjacency : (N, N) array, sparse matrix or networkx graph, optional
        a_jl, real: weight with which oscillator l acts on j, as for :class:`SchrodingerLohe`; in a
        directed networkx graph the edge u→v says that u acts on v. No self-loops.
    phase_lag : float or (N, N) array
        α, as for :class:`SchrodingerLohe`.

    Attributes
    ----------
    n : int or None
        N, where an argument fixes it.
    schrodinger_lohe : SchrodingerLohe
        The model of the same wave functions.
    phase_space : PhaseSpace
        Axes x and p of the phase-space arrays.

    Raises
    ------
    ValueError, TypeError
        `grid` is no grid, a potential is complex, not finite, or does not fit, or κ is negative.

    References
    ----------
    P. Antonelli, S.-Y. Ha, D. Kim, P. Marcati, The Wigner–Lohe model for quantum synchronization
    and its emergent dynamics, (3) and (5), corrected for masses other than one; S.-Y. Ha, G. Hwang,
    D. Kim, On the complete aggregation of the Wigner–Lohe model for identical potentials, (6), with
    p → −p.

    Examples
    --------
    >>> from qsyncplug.core import Grid
    >>> model = WignerLohe(Grid(64, 16.0), lambda x: x**2 / 2, coupling=1.0)
    >>> model.common, model.phase_space.shape
    (True, (128, 128))
    """

    grid: Grid
    potential: Given[Field | Sequence[Field], Any] = by_default(0.0)
    coupling: float = 1.0
    frequencies: Given[ArrayLike | None, Any] = by_default(None)
    adjacency: Given[Adjacency | None, Any] = by_default(None)
    phase_lag: Given[ArrayLike, Any] = by_default(0.0)
    n: int | None = field(default=None, init=False)
    schrodinger_lohe: SchrodingerLohe = field(init=False)
    _hamiltonians: tuple[GridHamiltonian, ...] = field(init=False)
    _plain: tuple[GridHamiltonian, ...] = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.grid, Grid):
            raise TypeError(f"grid must be a Grid, not {type(self.grid).__name__}")
        put(self, "coupling", check_number("coupling", self.coupling, minimum=0.0))
        many = isinstance(self.potential, (list, tuple))
        if many and not self.potential:
            raise ValueError("potential must hold at least one potential")
        items = tuple(self.potential) if many else (self.potential,)
        hamiltonians: list[GridHamiltonian] = []
        for k, item in enumerate(items):
            name = f"potential[{k}]" if many else "potential"
            known = next(
                (h for h, other in zip(hamiltonians, items, strict=False) if other is item), None
            )
            hamiltonians.append(known or _hamiltonian(self.grid, item, name))
        put(
            self,
            "potential",
            tuple(h.values for h in hamiltonians) if many else hamiltonians[0].values,
        )
        put(self, "_plain", tuple(hamiltonians))
        if self.frequencies is not None:
            omega = check_array("frequencies", self.frequencies, shape=(None,))
            if many and len(omega) != len(items):
                raise ValueError(
                    f"frequencies must hold {len(items)} numbers, one a potential, not {len(omega)}"
                )
            omega.setflags(write=False)
            put(self, "frequencies", omega)
            start = hamiltonians if many else hamiltonians * len(omega)
            hamiltonians = [_shifted(h, float(x)) for h, x in zip(start, omega, strict=True)]
        put(self, "_hamiltonians", tuple(hamiltonians))
        several = many or self.frequencies is not None
        # read, checked and kept by the model that this one transforms
        waves = SchrodingerLohe(
            list(hamiltonians) if several else hamiltonians[0],
            coupling=self.coupling,
            adjacency=self.adjacency,
            phase_lag=self.phase_lag,
        )
        put(self, "schrodinger_lohe", waves)
        put(self, "adjacency", waves.adjacency)
        put(self, "phase_lag", waves.phase_lag)
        put(self, "n", waves.n)

    @property
    def phase_space(self) -> PhaseSpace:
        """Axes of the phase-space arrays."""
        return PhaseSpace(self.grid)

    @property
    def common(self) -> bool:
        """Whether there is one potential for all, up to numbers."""
        return bool(self.schrodinger_lohe.common)

    def hamiltonians(self, n: int) -> tuple[GridHamiltonian, ...]:
        """The Hamiltonians −½Δ+V_i of `n` oscillators, one each."""
        many = self._hamiltonians
        return many * n if len(many) == 1 else many

    def graph(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """C_jl = a_jl exp(iα_jl)/N of `n` oscillators in compressed rows (indptr, indices, data),
        or None for the mean of all.
        """
        waves = self.schrodinger_lohe
        if not waves.mean_field:
            return waves.coupling_graph(n)
        if self.phase_lag == 0:
            return None
        rows = scipy.sparse.csr_array(waves.coupling_matrix(n))
        return rows.indptr, rows.indices, rows.data

    def rates(self, n: int) -> np.ndarray:
        """Numbers Ω_i by which the potentials of n oscillators exceed the first, which are common
        otherwise.
        """
        return np.asarray(self.schrodinger_lohe.rates(n))

    # ------------------------------------------------------------ storage and printing

    def to_dict(self) -> dict[str, Any]:
        """Grid, values of the potentials, coupling."""
        many = self.potential if isinstance(self.potential, tuple) else (self.potential,)
        data: dict[str, Any] = {
            "kind": "WignerLohe",
            "points": list(self.grid.shape),
            "length": list(self.grid.lengths),
            "potential": [v.tolist() for v in many],
            "many": isinstance(self.potential, tuple),
            "coupling": self.coupling,
            "frequencies": None if self.frequencies is None else self.frequencies.tolist(),
            "adjacency": _rows_to_dict(self.adjacency),
            "phase_lag": np.asarray(self.phase_lag).tolist(),
        }
        hamiltonians = self._plain
        if self.grid.ndim == 1 and any(
            callable(h.potential) and h.quadratic is None for h in hamiltonians
        ):
            # phase-space arrays need V between the points and beyond; a function itself cannot be
            # stored
            data["between"] = [
                _Table.of(h.potential, self.grid).values.tolist() if callable(h.potential) else None
                for h in hamiltonians
            ]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WignerLohe:
        """Build again what :meth:`to_dict` described by `data`, as files hold it."""
        grid = Grid(tuple(data["points"]), tuple(data["length"]))
        values: list[Any] = [np.array(v) for v in data["potential"]]
        for k, table in enumerate(data.get("between", [])):
            if table is not None:
                between, n = np.array(table, dtype=float), grid.shape[0]
                # at the points of the grid to the last digit
                between[n : 3 * n : 2] = values[k]
                values[k] = _Table(grid.lengths[0], between)
        return cls(
            grid,
            values if data["many"] else values[0],
            data["coupling"],
            data.get("frequencies"),
            _rows_from_dict(data.get("adjacency")),
            data.get("phase_lag", 0.0),
        )

    def _repr_latex_(self) -> str:
        return rf"$${wigner_equation(self)}$$"

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        parts = [f"κ={self.coupling:g}", f"grid {'×'.join(map(str, self.grid.shape))}"]
        if self.n is not None:
            parts.append(f"N={self.n}")
        kind = "common potential" if self.common else "different potentials"
        if self.common and self.n is not None and np.ptp(self.rates(self.n)):
            kind += " with offsets"
        return f"Wigner–Lohe, {', '.join(parts)}, {kind}"

    def __reduce__(self) -> Any:
        # a callable potential may not pickle; its values do
        return WignerLohe.from_dict, (self.to_dict(),)


@dataclass(frozen=True, eq=False)
class _Table:
    """V at the points x_J±y_m/2 of a phase space of one dimension: the multiples of half a spacing
    from −L to L.
    """

    length: float
    values: np.ndarray

    @classmethod
    def of(cls, potential: Callable[..., Any], grid: Grid) -> _Table:
        length, count = grid.lengths[0], 4 * grid.shape[0] + 1
        x = np.linspace(-length, length, count)
        with np.errstate(all="ignore"):
            value = np.broadcast_to(np.asarray(potential(x), dtype=float), x.shape)
            # beyond the box, where there is nothing to be moved, it need not be finite
            inside = np.clip(x, -length / 2, length / 2 - length / (2 * grid.shape[0]))
            outside = np.broadcast_to(np.asarray(potential(inside), dtype=float), x.shape)
        return cls(length, np.where(np.isfinite(value), value, outside))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        place = (np.asarray(x) + self.length) / (2 * self.length) * (len(self.values) - 1)
        index = np.rint(place).astype(int)
        if (
            np.max(np.abs(place - index)) > 1e-6
            or index.min() < 0
            or index.max() >= len(self.values)
        ):
            raise ValueError(
                "potential is known at the points of its phase space only: it was stored, and its "
                "function was not"
            )
        return np.asarray(self.values[index])


@dataclass(frozen=True, eq=False)
class _Shifted:
    """A potential plus a number."""

    potential: Callable[..., Any]
    shift: float

    def __call__(self, *x: np.ndarray) -> Any:
        return self.potential(*x) + self.shift


def _shifted(h: GridHamiltonian, shift: float) -> GridHamiltonian:
    """The Hamiltonian with a constant added to its potential; a function stays one."""
    if shift == 0:
        return h
    if callable(h.potential):
        return GridHamiltonian(h.grid, _Shifted(h.potential, shift))
    return GridHamiltonian(h.grid, h.values + shift)


def _rows_to_dict(matrix: Any) -> dict[str, Any] | None:
    if matrix is None:
        return None
    rows = scipy.sparse.csr_array(matrix)
    return {
        "n": rows.shape[0],
        "indptr": rows.indptr.tolist(),
        "indices": rows.indices.tolist(),
        "data": rows.data.tolist(),
    }


def _rows_from_dict(data: dict[str, Any] | None) -> Any:
    if data is None:
        return None
    return scipy.sparse.csr_array(
        (data["data"], data["indices"], data["indptr"]), shape=(data["n"], data["n"])
    )


storage.register_model("WignerLohe", WignerLohe.from_dict)


def _hamiltonian(
    grid: Grid, potential: Callable[..., Any] | np.ndarray | float, name: str
) -> GridHamiltonian:
    if isinstance(potential, GridHamiltonian):
        raise TypeError(
            f"{name} must be a potential (callable, array or number), not a GridHamiltonian; give "
            "its values"
        )
    if isinstance(potential, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array, whose masked entries would count; fill it"
        )
    if isinstance(potential, qutip.Qobj):
        raise TypeError(f"{name} must be a potential V(x) (callable, array or number), not a Qobj")
    read_potential(grid, potential, name)  # what is wrong is said under the name it has here
    return GridHamiltonian(grid, potential)
