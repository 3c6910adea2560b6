"""Hamiltonians −½Δ+V on a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import qutip
import scipy.fft
import scipy.linalg

from ..core import storage
from ..core.checks import asked, check_array, check_flag, check_memory, check_number, check_numbers
from ..core.grid import Grid
from ..core.saved import Saved, SavedModel
from ..core.threads import linear_algebra_threads
from ..core.timetable import Timetable, tabulate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "GridHamiltonian",
    "Hamiltonian",
    "QuadraticPotential",
    "functions_of_time",
    "read_potential",
]

#: points of a grid at which a potential is looked at for pulses
_WATCHED = 128


@dataclass(frozen=True)
class QuadraticPotential(Saved):
    r"""V = ½ Σ_a κ_a u_a² + Σ_a g_a u_a + constant in the normal coordinates u = Rᵀx.

    Attributes
    ----------
    kappa, force : ndarray of shape (d,)
    axes : ndarray of shape (d, d)
        R; column a is mode a.
    constant : float

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> found = qsp.GridHamiltonian(grid, lambda x: 2 * x**2).quadratic
    >>> round(float(found.kappa[0]), 9)  # V = κx²/2
    4.0
    """

    _axes: ClassVar[dict[str, str]] = {
        "kappa": "d",
        "force": "d",
        "axes": "d d",
    }

    kappa: np.ndarray
    force: np.ndarray
    axes: np.ndarray
    constant: float


def read_potential(grid: Grid, value: Any, name: str = "potential") -> np.ndarray:
    """The real values on `grid` of a function of its coordinates, an array or a number; `name` is
    for messages.

    Raises
    ------
    ValueError, TypeError
        It is complex, not finite, or does not fit the grid; or the function raised it.
    """
    if callable(value):
        size = 16.0 * grid.size
        check_memory("the potential on the grid", size, advice="take fewer points")
        value = asked(name, value, *grid.mesh)
    if np.iscomplexobj(value) and np.any(np.imag(value) != 0):
        raise ValueError(
            f"{name} must be real: a complex potential makes the Hamiltonian non-Hermitian"
        )
    return grid.field(name, value, dtype=float)


@dataclass(frozen=True, eq=False, repr=False)
class GridHamiltonian(SavedModel):
    r"""The Hamiltonian :math:`H = -\tfrac12\Delta + V` on a periodic grid (ħ=m=1), −½Δ by Fourier
    transform.

    Parameters
    ----------
    grid : Grid
    potential : callable, array or number
        Real. A callable is given the coordinates, ``potential(x)``, ``potential(x, y)`` …; an array
        has the shape of the grid.
    time_dependent : bool
        Then `potential` is a callable of the time and the coordinates, ``potential(t, x)``.

    Raises
    ------
    ValueError, TypeError
        `grid` is no grid; the potential is complex, not finite, or does not fit the grid.

    Examples
    --------
    >>> from qsyncplug.core import Grid
    >>> H = GridHamiltonian(Grid(128, 16.0), lambda x: x**2 / 2)
    >>> H.quadratic.kappa.round(12).tolist()
    [1.0]
    """

    grid: Grid
    potential: Callable[..., Any] | np.ndarray | float = 0.0
    time_dependent: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.grid, Grid):
            raise TypeError(f"grid must be a Grid, not {type(self.grid).__name__}")
        check_flag("time_dependent", self.time_dependent)
        if self.time_dependent and not callable(self.potential):
            raise TypeError(
                "potential must be a callable potential(t, x, ...) when time_dependent is True"
            )
        sample = self.values_at(getattr(self.potential, "first", 0.0))
        if not self.time_dependent:
            sample.setflags(write=False)
            object.__setattr__(self, "_values", sample)

    @property
    def values(self) -> np.ndarray:
        """V on the grid (at t=0, where it depends on time)."""
        return self.values_at(0.0)

    def values_at(self, t: float, name: str = "potential") -> np.ndarray:
        """V on the grid at time `t`; `name` is for messages.

        Raises
        ------
        ValueError
            V is complex or not finite at this time.
        """
        t = check_number("t", t)
        if not self.time_dependent:
            known: np.ndarray | None = getattr(self, "_values", None)
            if known is not None:
                return known
            return read_potential(self.grid, self.potential, name)
        assert callable(self.potential)
        value = asked(name, self.potential, t, *self.grid.mesh, when=f" at t={t:g}")
        try:
            return read_potential(self.grid, value, name)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{error} (at t={t:g})") from None

    def apply(self, psi: np.ndarray, t: float = 0.0) -> np.ndarray:
        r"""Hψ on the grid.

        Parameters
        ----------
        psi : array of shape (..., \*grid.shape)
            Leading axes are batch axes.
        t : float
            Time, for a potential that depends on it.

        Returns
        -------
        ndarray of the shape of `psi`
        """
        psi = check_numbers("psi", psi)
        axes = tuple(range(-self.grid.ndim, 0))
        if psi.shape[axes[0] :] != self.grid.shape:
            raise ValueError(f"psi must have shape (…, *{self.grid.shape}), not {psi.shape}")
        kinetic = scipy.fft.ifftn(self.grid.kinetic * scipy.fft.fftn(psi, axes=axes), axes=axes)
        return np.asarray(kinetic + self.values_at(t) * psi)

    def matrix(self) -> np.ndarray:
        """H as a real symmetric matrix over the flattened grid (at t=0, where it depends on
        time).
        """
        n = self.grid.size
        check_memory("the Hamiltonian as a matrix", 48.0 * n * n, advice="take fewer points")
        unit = np.eye(n).reshape(n, *self.grid.shape)
        h = self.apply(unit).real.reshape(n, n)
        return np.asarray(0.5 * (h + h.T))

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues, and eigenvectors as real columns, of :meth:`matrix`."""
        n = self.grid.size
        check_memory("diagonalising the Hamiltonian", 64.0 * n * n, advice="take fewer points")
        with linear_algebra_threads(1):
            levels, vectors = scipy.linalg.eigh(self.matrix(), check_finite=False, driver="evd")
        return levels, vectors

    @cached_property
    def quadratic(self) -> QuadraticPotential | None:
        """The potential as a quadratic form, or None if it is not one (to 1e-13 of its largest
        value).
        """
        if self.time_dependent:
            return None
        v = self.values
        d = self.grid.ndim
        scale = [x / 2 for x in self.grid.lengths]
        x = [
            np.broadcast_to(c / s, self.grid.shape).ravel()
            for c, s in zip(self.grid.mesh, scale, strict=True)
        ]
        pairs = [(a, b) for a in range(d) for b in range(a, d)]
        columns = [np.ones(v.size), *x, *(x[a] * x[b] for a, b in pairs)]
        design = np.stack(columns, axis=1)
        if v.size > 4096:
            # the fit needs few points; every point is checked below
            pick = np.random.default_rng(0).choice(v.size, 4096, replace=False)
            fit = np.linalg.lstsq(design[pick], v.ravel()[pick], rcond=None)[0]
        else:
            fit = np.linalg.lstsq(design, v.ravel(), rcond=None)[0]
        top = np.max(np.abs(v))
        if np.max(np.abs(design @ fit - v.ravel())) > 2e-13 * top:
            return None
        fit[np.abs(fit) < 1e-14 * top] = 0.0
        stiffness = np.zeros((d, d))
        for (a, b), c in zip(pairs, fit[1 + d :], strict=True):
            stiffness[a, b] += c / (scale[a] * scale[b])
            stiffness[b, a] += c / (scale[a] * scale[b])
        kappa, axes = (
            (np.diag(stiffness).copy(), np.eye(d))
            if _is_diagonal(stiffness)
            else np.linalg.eigh(stiffness)
        )
        force = axes.T @ (fit[1 : 1 + d] / np.array(scale))
        return QuadraticPotential(kappa, force, axes, float(fit[0]))

    def offset(self, other: object) -> float | None:
        """The number by which `other` exceeds this Hamiltonian, or None if they differ by more than
        a number.
        """
        if other is self:
            return 0.0
        if (
            not isinstance(other, GridHamiltonian)
            or self.grid != other.grid
            or self.time_dependent
            or other.time_dependent
        ):
            return None
        difference = other.values - self.values
        if np.ptp(difference) > 4 * np.finfo(float).eps * max(
            np.max(np.abs(other.values)), np.max(np.abs(self.values))
        ):
            return None
        return float(np.mean(difference)) if np.any(difference) else 0.0

    def to_dict(self, times: ArrayLike = ()) -> dict[str, Any]:
        """Grid and values of the potential; where it depends on time, between the first and last of
        `times`.
        """
        data = {
            "kind": "GridHamiltonian",
            "points": list(self.grid.shape),
            "length": list(self.grid.lengths),
        }
        if not self.time_dependent:
            return {**data, "potential": self.values.tolist()}
        if np.size(times) < 2:
            raise TypeError("a potential that depends on time cannot be stored without times")
        known = self.potential
        table = known.table if isinstance(known, _StoredPotential) else self.values_at
        found = tabulate(table, times, "the potential, which depends on time,")
        return {**data, "moving": found.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> GridHamiltonian:
        """Build again what :meth:`to_dict` described by `data`, as files hold it."""
        grid = Grid(tuple(data["points"]), tuple(data["length"]))
        if "moving" in data:
            table = Timetable.from_dict(data["moving"])
            return cls(grid, _StoredPotential(grid, table), time_dependent=True)
        return cls(grid, check_array("potential", data["potential"], shape=grid.shape))

    def __reduce__(self) -> Any:
        # a callable potential may not pickle; its values do
        return GridHamiltonian, (
            self.grid,
            self.potential if self.time_dependent else np.array(self.values),
            self.time_dependent,
        )

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        size = "×".join(map(str, self.grid.shape))
        return f"GridHamiltonian({size}{', time-dependent' if self.time_dependent else ''})"


storage.register_model("GridHamiltonian", GridHamiltonian.from_dict)


@dataclass(frozen=True, eq=False)
class _StoredPotential:
    """A potential that depends on time, as a file kept it: on its grid, and for its times."""

    grid: Grid
    table: Timetable

    @property
    def first(self) -> float:
        """The first time that it is known at."""
        return float(self.table.edges[0])

    def __call__(self, t: float, *x: np.ndarray) -> Any:
        if any(np.shape(a) != np.shape(b) for a, b in zip(x, self.grid.mesh, strict=True)):
            raise ValueError("potential was stored on its grid, and is not known elsewhere")
        # the value at t=0 stands for the potential where no time is said
        return self.table(max(t, self.first) if t == 0 else t)


class _Watched:
    """A potential in time as one number, from some hundred points of its grid."""

    def __init__(self, hamiltonian: GridHamiltonian):
        grid = hamiltonian.grid
        self._potential: Any = hamiltonian.potential
        each = max(2, round(_WATCHED ** (1 / grid.ndim)))
        steps = tuple(slice(None, None, max(1, points // each)) for points in grid.shape)
        mesh = np.broadcast_arrays(*grid.mesh)
        self._mesh = [x[steps] for x in mesh]
        try:
            self(getattr(self._potential, "first", 0.0))
        except Exception:
            # it wants the whole grid, or fails, which the run will say
            self._mesh = list(mesh)

    def __call__(self, t: Any) -> Any:
        shape = (*np.shape(t)[:1], *self._mesh[0].shape)
        value = np.asarray(self._potential(t, *self._mesh))
        if value.ndim < np.ndim(t):
            raise ValueError("the potential takes one time at once")
        mixed = np.cos(np.arange(self._mesh[0].size))
        return np.broadcast_to(value, shape).reshape(*np.shape(t)[:1], -1) @ mixed

    def at_times(self, times: np.ndarray) -> np.ndarray | None:
        """All values at once; None where the potential does not take arrays of times."""
        column = times.reshape(-1, *[1] * self._mesh[0].ndim)
        blocks = np.array_split(column, 1 + times.size * self._mesh[0].size // 2**20)
        some = slice(None, None, max(1, times.size // 16))
        try:
            values = np.concatenate([self(block) for block in blocks])
            single = np.array([self(t) for t in times[some]])
        except Exception:
            return None
        size = np.abs(single).max(initial=0.0)
        same = np.allclose(values[some], single, rtol=0, atol=1e-12 * size)
        return values if same else None


def functions_of_time(hamiltonian: Any) -> list[Callable[[float], Any]]:
    """What of a Hamiltonian depends on time, as numbers; empty where nothing does."""
    if isinstance(hamiltonian, GridHamiltonian):
        return [_Watched(hamiltonian)] if hamiltonian.time_dependent else []
    if not isinstance(hamiltonian, qutip.QobjEvo):
        return []
    parts = [part[1] for part in hamiltonian.to_list() if isinstance(part, list)]
    functions = [part for part in parts if isinstance(part, qutip.Coefficient)]
    if len(functions) < len(parts):
        # a function that returns the whole operator
        weights = np.cos(np.arange(hamiltonian.shape[0]))
        functions.append(lambda t: np.sum(weights * hamiltonian(t).full()))
    return functions


def _is_diagonal(matrix: np.ndarray) -> bool:
    return bool(
        np.all(
            np.abs(matrix - np.diag(np.diag(matrix))) <= 1e-14 * max(np.max(np.abs(matrix)), 1e-300)
        )
    )


#: of one oscillator, on a grid or by levels
Hamiltonian: TypeAlias = GridHamiltonian | qutip.Qobj | qutip.QobjEvo
