"""How coefficients and states of a run are shown; the part of a run that its result keeps.

Plain data: no compiled object may be held here, for results pickle and cross processes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ..core.errors import MissingFieldError
from ..waves.factors import factorize
from ..waves.motion import Motion, motion_of
from .initial import check_edges, read_states
from .kernel import coefficients_at
from .model import SchrodingerLohe

__all__ = ["KEEP_BYTES", "MobiusSetup", "ReductionSetup", "Setup", "StatesSetup", "StoredSetup"]

#: coefficients, Gram matrices and the like are kept up to this many bytes unless an option says
#: otherwise
KEEP_BYTES = 2**28


class Setup:
    """Base: the model, the start, and how to show states.

    Attributes
    ----------
    motion : Motion or None
        Of the basis of the reduction.
    start_rows : (N, r) array or None
        Initial states in an orthonormal basis.
    edges : dict
        Largest fractions of the mass seen near the edges of the grid.
    """

    motion: Motion | None = None
    start_rows: np.ndarray | None = None
    #: whether coefficients that were not kept follow from the start
    forms_coefficients: bool = False

    def __init__(self, model: SchrodingerLohe, t0: float):
        self.model = model
        self.t0 = t0
        self.edges: dict[str, float] = {}

    def wrap(self, psi: np.ndarray) -> Any:
        """States (N, M) as the user sees them."""
        grid = self.model.grid
        if grid is not None:
            return psi.reshape(len(psi), *grid.shape)
        dims = self.model.reference.dims[0]
        return [qutip.Qobj(row[:, None], dims=[dims, [1] * len(dims)]) for row in psi]

    def check(self, psi: np.ndarray, t: float, result: Any = None) -> None:
        """Watch the edges of the grid."""
        grid = self.model.grid
        if grid is None:
            return
        box, waves = check_edges(grid, psi, t, result)
        self.saw(box, waves)

    def saw(self, box: float, waves: float) -> None:
        """Remember the largest fractions near the edges."""
        for name, value in (("edge of the box", box), ("highest wave numbers", waves)):
            self.edges[name] = max(self.edges.get(name, 0.0), value)

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of each array of the result."""
        raise NotImplementedError

    def coefficients(self, times: np.ndarray) -> np.ndarray | None:
        """X at `times`, where it can be worked out after the run."""
        return None


class StoredSetup(Setup):
    """Of a result read from a file; `mobius`: the options of a run in the Möbius form."""

    def __init__(
        self,
        model: SchrodingerLohe,
        t0: float,
        motion: Motion | None,
        start_rows: np.ndarray | None,
        mobius: dict[str, Any] | None = None,
    ):
        super().__init__(model, t0)
        self.motion = motion
        self.start_rows = start_rows
        self.mobius = mobius if model is not None and start_rows is not None else None
        self.forms_coefficients = self.mobius is not None

    def coefficients(self, times: np.ndarray) -> np.ndarray | None:
        """X at `times`, as the run that was saved would form them; None where it would not."""
        return None if self.mobius is None else _by_reduction(self, self.mobius, times)


class _Reduced(Setup):
    """The states as coefficients times a moving basis."""

    def __init__(self, model: SchrodingerLohe, state0: Any, t0: float):
        super().__init__(model, t0)
        psi = read_states(model, state0)
        self.n = len(psi)
        if model.grid is not None:
            self.check(psi, t0)
        weight = model.grid.weight if model.grid is not None else 1.0
        self.start_rows, basis = factorize(psi, weight)
        self.motion = motion_of(model.reference, basis, t0, position=model.position)
        self.motion.scales = np.linalg.norm(self.start_rows, axis=0)

    @property
    def rank(self) -> int:
        """Number r of basis vectors that the start spans; the run stays within their images."""
        assert self.start_rows is not None
        return int(self.start_rows.shape[1])

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of each array of the result."""
        n = self.n
        return {"masses": ((n,), float), "order_parameter": ((), float), "theta": ((n,), float)}


class ReductionSetup(_Reduced):
    """Of the exact reduction: the states are X(t) times a moving basis.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
    t0 : float
    count : int
        Output times.
    keep : bool or None
        Keep X; None: where it does not take too much.
    """

    def __init__(
        self, model: SchrodingerLohe, state0: Any, t0: float, count: int, keep: bool | None
    ):
        super().__init__(model, state0, t0)
        fits = 16 * count * self.n * self.rank <= KEEP_BYTES
        self.keep = fits if keep is None else keep
        rates = model.rates(self.n)
        spread = float(np.ptp(rates))
        # always where vanishing oscillators are told by their directions; else where the spread
        # makes X fast
        watched = model.variant == "model1" or model.aligns_by_distance
        self.rotating = spread > 0 and (watched or spread > 2 * abs(model.coupling))
        self.frequencies = rates
        self.frame = rates if self.rotating else np.full(self.n, float(np.mean(rates)))
        #: whether θ is part of the rows
        self.dynamic = False

    def theta(self, times: np.ndarray) -> np.ndarray:
        """θ (T, N) where it is not part of the rows: constant, or falling to its mean."""
        model = self.model
        theta = model.start_theta(self.n)
        if model.variant == "standard" or model.alignment == 0:
            return np.broadcast_to(theta, (len(times), self.n))
        mean = np.mean(theta)
        decay = np.exp(-model.alignment * float(model.kernel(0.0)) * (times - self.t0))
        return np.asarray(mean + (theta - mean) * decay[:, None])

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of each array of the result."""
        shapes = super().shapes()
        if self.keep:
            shapes["coefficients"] = ((self.n, self.rank), complex)
        return shapes

    def rows(self, times: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """X (T, N, r), out of the moving frame."""
        x = rows[:, : 2 * self.n * self.rank].view(complex).reshape(len(rows), self.n, self.rank)
        if np.any(self.frame):
            return x * np.exp(-1j * np.outer(times - self.t0, self.frame))[:, :, None]
        return x

    def record(self, result: Any, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Fill the arrays of the result."""
        x = self.rows(times, rows)
        block = slice(start, start + len(times))
        result.times[block] = times
        result.masses[block] = np.sum(x.real**2 + x.imag**2, axis=2)
        result.order_parameter[block] = np.linalg.norm(np.mean(x, axis=1), axis=1)
        if self.dynamic:
            result.theta[block] = rows[:, 2 * self.n * self.rank :: 2]
        else:
            result.theta[block] = self.theta(times)
        if result.coefficients is not None:
            result.coefficients[block] = x

    def unpack(self, t: float, row: np.ndarray) -> np.ndarray:
        """States (N, M) of a row at time `t`."""
        assert self.motion is not None
        psi = self.rows(np.array([t]), row[None])[0] @ self.motion.at(t)
        self.check(psi, t)
        return np.asarray(psi)


class MobiusSetup(_Reduced):
    """Of the Möbius form; coefficients of the states come from the reduction, if asked for."""

    def __init__(self, model: SchrodingerLohe, state0: Any, t0: float, options: dict[str, Any]):
        super().__init__(model, state0, t0)
        self.options = {name: options[name] for name in ("rtol", "atol", "nsteps")}
        self.forms_coefficients = True

    def coefficients(self, times: np.ndarray) -> np.ndarray:
        """X at `times`, by the reduction."""
        return _by_reduction(self, self.options, times)


def _by_reduction(setup: Setup, options: dict[str, Any], times: np.ndarray) -> np.ndarray:
    """Coefficients of the states of a run in the Möbius form."""
    if not np.all(np.isfinite(times)):
        raise MissingFieldError(
            "there are no states at t=∞; what would provide them: a run to a finite time"
        )
    assert setup.start_rows is not None
    limits = {name: options[name] for name in ("rtol", "atol", "nsteps")}
    return coefficients_at(setup.model, setup.start_rows, times - setup.t0, limits)


class StatesSetup(Setup):
    """Of the methods that carry the states themselves.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
    t0 : float
    count : int
        Output times.
    store : bool
        Keep the states.
    """

    def __init__(self, model: SchrodingerLohe, state0: Any, t0: float, count: int, store: bool):
        super().__init__(model, t0)
        self.psi0 = read_states(model, state0)
        self.n, self.m = self.psi0.shape
        self.weight = model.grid.weight if model.grid is not None else 1.0
        self.store = store
        self.keep_gram = 16 * count * self.n**2 <= KEEP_BYTES
        self.check(self.psi0, t0)
        self._positions = Motion(model.reference, self.psi0, t0, position=model.position)
        self.has_centres = model.grid is not None or model.position is not None

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of each array of the result."""
        n = self.n
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "masses": ((n,), float),
            "order_parameter": ((), float),
            "theta": ((n,), float),
        }
        if self.keep_gram:
            shapes["_gram"] = ((n, n), complex)
        if self.has_centres:
            shapes["_centres"] = ((n, self._positions.dimensions), float)
        if self.store:
            shapes["_stored"] = ((n, self.m), complex)
        return shapes

    def gram(self, psi: np.ndarray) -> np.ndarray:
        """Gram matrix ⟨ψ_j,ψ_k⟩, (N, N)."""
        return self._positions.gram(psi, psi)

    def put(self, result: Any, k: int, t: float, psi: np.ndarray, theta: np.ndarray) -> None:
        """Store one output in the result."""
        motion = self._positions
        gram = motion.gram(psi, psi)
        result.times[k] = t
        result.masses[k] = np.diag(gram).real
        result.order_parameter[k] = np.sqrt(max(float(np.sum(gram).real), 0.0)) / self.n
        result.theta[k] = theta
        if self.keep_gram:
            result._gram[k] = gram
        if self.has_centres:
            result._centres[k] = (
                np.diagonal(motion.positions(psi), axis1=1, axis2=2).T.real
                / result.masses[k][:, None]
            )
        if self.store:
            result._stored[k] = psi
        self.check(psi, t, result)
