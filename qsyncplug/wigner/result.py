"""Results of the Wigner–Lohe solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.checks import check_integer, check_memory
from ..core.errors import MissingFieldError, warn
from ..core.result import Result
from ..core.stats import Stats
from ..core.types import EOps, Options
from .errors import PhaseSpaceWarning
from .fit import fits
from .matrix import FactorMatrix, WignerMatrix
from .model import WignerLohe
from .phase_space import PhaseSpace
from .setup import ArraySetup, FactorSetup, Setup, stored_setup
from .state import deviations_of

__all__ = ["WignerLoheResult", "WignerStats"]


@dataclass(eq=False, repr=False)
class WignerStats(Stats):
    """How a Wigner–Lohe run went.

    Attributes
    ----------
    initial_state : str
        What it started from.
    rank : int
        Of the factors.
    edge_amplitude : float
        The largest amplitude at the edge of the grid, relative to the largest: the size of the
        error.
    blow_up_time : float
        When ∫w_ij became infinite.
    """

    initial_state: str | None = None
    rank: int | None = None
    edge_amplitude: float | None = None
    blow_up_time: float | None = None


class WignerLoheResult(Result):
    r"""What came out of a Wigner–Lohe run of N oscillators at T times.

    No w_ij is kept: :meth:`wigner` forms the one that is asked for, from the factors of the initial
    state and
    :math:`W(t)=L(t)\,[U(t)W(0)]\,R(t)`, U the linear flow.

    Attributes
    ----------
    times : ndarray of shape (T,)
    gram : ndarray of shape (T, N, N)
        ⟨ψ_j,ψ_k⟩=∫w_kj, with the masses on the diagonal.
    correlations : ndarray of shape (T, N, N)
        z_jk=⟨ψ_j,ψ_k⟩/√(⟨ψ_j,ψ_j⟩⟨ψ_k,ψ_k⟩), as in every family.
    deviations : ndarray of shape (T, N, N)
        1−z_jk; for a common potential without offsets, without a graph and with equal masses each
        entry has full relative accuracy, however close to synchronised.
    diameter : ndarray of shape (T,)
        D(Z)=max|1−z_jk|.
    masses : ndarray of shape (T, N)
        ∫w_jj.
    left, right : ndarray of shape (T, N, N) or None
        L and R of the exact reduction (`right` is None for Hermitian data: then R=L†).
    phase_space : PhaseSpace
        With the axes ``x`` and ``p`` of the phase-space arrays.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> run = qsp.wlsolve(model, [grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0])
    >>> run.wigner(0, 1, -1).shape
    (128, 128)
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "left": ("time", "oscillator", "other"),
        "right": ("time", "oscillator", "other"),
        "log_alpha": ("time", "oscillator"),
        "log_beta": ("time", "oscillator"),
        "_z": ("time", "oscillator", "other"),
        "_factors": ("time", "factor", "component"),
        "_arrays": ("time", "pair", "point"),
    }
    _stats_type = WignerStats
    stats: WignerStats
    left: np.ndarray | None
    right: np.ndarray | None
    log_alpha: np.ndarray | None
    log_beta: np.ndarray | None
    _z: np.ndarray | None
    _factors: np.ndarray | None
    _arrays: np.ndarray | None

    def __init__(
        self,
        e_ops: EOps,
        options: Options,
        *,
        setup: Setup,
        solver: str,
        stats: Mapping[str, Any],
    ):
        self._setup = setup
        self._last: tuple[int, WignerMatrix] | None = None
        for name in self._fields:
            setattr(self, name, None)
        super().__init__(e_ops, options, model=setup.model, solver=solver, stats=stats)

    def _post_init(self) -> None:
        """Leave out QuTiP's processors: Wigner functions are formed here on request."""

    # ------------------------------------------------------------ recording

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return self._setup.shapes()

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        self.times[start : start + len(times)] = times
        for k, row in enumerate(rows):
            for name, value in self._setup.split(row).items():
                getattr(self, name)[start + k] = value

    def _state(self, t: float, row: np.ndarray) -> WignerMatrix:
        return self._setup.matrix(t, **self._setup.split(row))

    # ------------------------------------------------------------ correlations

    @property
    def n(self) -> int:
        """Number N of oscillators, the length of every axis of nodes."""
        return self._setup.state.n

    @property
    def phase_space(self) -> PhaseSpace:
        """Axes of the phase-space arrays."""
        model: WignerLohe = self.model
        return model.phase_space

    @property
    def hermitian(self) -> bool:
        """Whether w_ji is the conjugate of w_ij."""
        return self._setup.state.hermitian

    def integrals(
        self, index: int | slice | Sequence[int] | np.ndarray = slice(None)
    ) -> np.ndarray:
        """∫w_ij at the output times `index`, (..., N, N); :attr:`gram` is its transpose."""
        if isinstance(index, (bool, np.bool_, str, float, np.ma.MaskedArray)):
            raise TypeError(f"index must be an integer, a slice or integers, not {index!r:.60}")
        if self._z is not None:
            return np.asarray(self._z[index])
        z0 = self._setup.state.z0
        if self.log_alpha is not None:
            return np.asarray(z0[0, 0] * (1 - self.deviations_at(index).swapaxes(-1, -2)))
        assert self.left is not None
        left = self.left[index]
        right = left.conj().swapaxes(-1, -2) if self.right is None else self.right[index]
        return np.asarray(left @ z0 @ right)

    def deviations_at(self, index: int | slice | Sequence[int] | np.ndarray = -1) -> np.ndarray:
        """1−z_jk at the output `index`, or at those of a slice or list; (..., N, N)."""
        if self.log_alpha is not None:
            alpha = self.log_alpha[index]
            beta = alpha.conj() if self.log_beta is None else self.log_beta[index]
            factors = np.exp(alpha[..., :, None] + beta[..., None, :])
            return np.asarray((self._setup.state.deviations * factors).swapaxes(-1, -2))
        return deviations_of(self.integrals(index)).swapaxes(-1, -2)

    def _all_pairs(self, what: str) -> None:
        check_memory(
            f"the {what} at {len(self.times)} times",
            48.0 * len(self.times) * self.n**2,
            advice="ask for fewer times, or for one at a time with matrix(index)",
        )

    @property
    def gram(self) -> np.ndarray:
        """⟨ψ_j,ψ_k⟩=∫w_kj, (T, N, N)."""
        self._all_pairs("Gram matrices")
        return self.integrals().swapaxes(1, 2)

    @property
    def correlations(self) -> np.ndarray:
        """z_jk=⟨ψ_j,ψ_k⟩/√(⟨ψ_j,ψ_j⟩⟨ψ_k,ψ_k⟩), (T, N, N)."""
        self._all_pairs("correlations")
        return 1 - self.deviations

    @property
    def deviations(self) -> np.ndarray:
        """1−z_jk of all pairs, complex (T, N, N), without the cancellation of 1−z."""
        self._all_pairs("deviations")
        return self.deviations_at(slice(None))

    @property
    def diameter(self) -> np.ndarray:
        """D(Z)=max|1−z_jk| over all pairs, (T,): 0 at complete synchronisation."""
        return np.array([np.max(np.abs(self.deviations_at(k))) for k in range(len(self.times))])

    @property
    def order_parameter(self) -> np.ndarray:
        """‖ζ‖, ζ=(1/N)Σψ_j, (T,): the root of Σ∫w_jk/N², or 0 where that is negative."""
        sums = [np.sum(self.integrals(k)).real for k in range(len(self.times))]
        return np.asarray(np.sqrt(np.maximum(np.array(sums, dtype=float), 0.0)) / self.n)

    @property
    def masses(self) -> np.ndarray:
        """∫w_jj, (T, N); real for Hermitian data."""
        out = np.array([np.diag(self.integrals(k)) for k in range(len(self.times))])
        out = out.reshape(len(self.times), self.n)
        return out.real.copy() if self.hermitian else out

    @property
    def blow_up_time(self) -> float | None:
        """When ∫w_ij became infinite, of a run that stopped for that."""
        return self.stats.blow_up_time

    @property
    def has_factors(self) -> bool:
        """Whether the Wigner functions are formed from factors, not stepped or kept as arrays."""
        kept = isinstance(self._setup, FactorSetup) or self._factors is not None
        return kept and self._setup.state.left is not None

    @property
    def has_waves(self) -> bool:
        """Whether :meth:`psi` has an answer."""
        return self.has_factors and self._setup.state.kind == "kets"

    # ------------------------------------------------------------ phase space

    def matrix(self, index: int = -1) -> WignerMatrix:
        """The matrix of Wigner functions at the output `index`; entries are formed on request."""
        count = len(self.times)
        k = check_integer("index", index, minimum=-count, maximum=count - 1) % count
        if self._last is None or self._last[0] != k:
            row = {
                name: getattr(self, name)[k]
                for name in self._fields
                if getattr(self, name) is not None
            }
            matrix = self._setup.matrix(float(self.times[k]), **row)
            fits(matrix.edges(), float(self.times[k]), self)
            self._last = (k, matrix)
        return self._last[1]

    def wigner(self, i: int, j: int, index: int = -1) -> np.ndarray:
        """w_ij at one output time, formed now.

        Parameters
        ----------
        i, j : int
            Oscillators, from 0.
        index : int
            Index into ``times``.

        Returns
        -------
        ndarray of shape ``phase_space.shape``
            Positions first; real for i=j of Hermitian data, complex otherwise.

        Raises
        ------
        MissingFieldError
            The run kept nothing to form it from.
        MemoryLimitError
            It would not fit into memory.
        """
        return self.matrix(index).wigner(i, j)

    def density(self, i: int, j: int, index: int = -1) -> np.ndarray:
        """∫w_ij dp of oscillators `i` and `j` at the output `index`, at the positions of
        :attr:`phase_space`.
        """
        return self.matrix(index).density(i, j)

    def momentum_density(self, i: int, j: int, index: int = -1) -> np.ndarray:
        """∫w_ij dx of oscillators `i` and `j` at the output `index`, at the momenta of
        :attr:`phase_space`.
        """
        return self.matrix(index).momentum_density(i, j)

    def psi(self, index: int = -1) -> np.ndarray:
        r"""Wave functions (N, \*grid.shape) of a run from kets, at the output `index`.

        Raises
        ------
        MissingFieldError
            The run did not start from kets.
        """
        matrix = self.matrix(index)
        if not self.has_waves or not isinstance(matrix, FactorMatrix):
            raise MissingFieldError(
                "wave functions are there for runs from kets that are not stepped in phase space; "
                "what would provide them: kets "
                "as state0, and another method than 'direct'"
            )
        return matrix.left[:, 0].reshape(self.n, *self.model.grid.shape)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and covariances of position and momentum in w_jj/∫w_jj.

        Returns
        -------
        mean : ndarray of shape (T, N, 2d)
            (x₁, p₁, x₂, p₂, …).
        covariance : ndarray of shape (T, N, 2d, 2d)
            Symmetrised; ½ on the diagonal for a coherent state of the unit oscillator. Both are
            complex, as w_jj is, for data that are not Hermitian.
        """
        found = [self.matrix(k).moments() for k in range(len(self.times))]
        return np.array([m for m, _ in found]), np.array([c for _, c in found])

    def distances(self, index: int = -1) -> np.ndarray:
        r"""‖w_ij−w_kl‖ of all pairs of entries at one output time; see
        :meth:`WignerMatrix.distances`.

        Parameters
        ----------
        index : int
            Of the output time; the last by default.

        Returns
        -------
        ndarray of shape (N, N, N, N)
        """
        return self.matrix(index).distances()

    # ------------------------------------------------------------ storing

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        header, arrays = super()._to_store()
        model = self.model
        if (
            isinstance(self._setup, ArraySetup)
            and model.grid.ndim > 1
            and model.hamiltonians(1)[0].quadratic is None
        ):
            warn(
                "Wigner functions cannot be formed from the file: the potential is stored at the "
                "points of the grid only, and in "
                "more than one dimension they need it between them; run with method='direct' and "
                "store_states=True to keep them",
                PhaseSpaceWarning,
            )
        extra, more = self._setup.to_store()
        header["setup"] = extra
        return header, {**arrays, **more}

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> WignerLoheResult:
        self = super()._from_store(header, arrays)
        assert isinstance(self, WignerLoheResult)
        self._last = None
        self._setup = stored_setup(self.model, header["setup"], arrays)
        return self

    def _kept(self) -> tuple[str, str]:
        made = isinstance(self._setup, FactorSetup) or self.left is not None
        kept = "formed on request" if made else "see stats"
        return "w_ij", f"{kept}, {'×'.join(map(str, self.phase_space.shape))}"
