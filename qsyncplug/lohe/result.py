"""Results of the Schrödinger–Lohe solvers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import qutip

from ..core.checks import check_integer, check_memory
from ..core.errors import MissingFieldError
from ..core.extras import need
from ..core.result import Result
from ..core.stats import Stats
from ..core.types import EOps, Field, Options
from ..waves.motion import motion_of
from .mobius import mobius_deviations
from .readings import centres, expectation, moments
from .setup import Setup, StoredSetup

if TYPE_CHECKING:
    import xarray

__all__ = ["SchrodingerLoheResult"]


@dataclass(eq=False, repr=False)
class LoheStats(Stats):
    """How a Schrödinger–Lohe run went.

    Attributes
    ----------
    rank : int
        Basis vectors of the exact reduction.
    lost_oscillator, lost_time : int, float
        Which oscillator vanished or grew without bound, and when.
    """

    rank: int | None = None
    lost_oscillator: int | None = None
    lost_time: float | None = None


class LazyStates(Sequence[Any]):
    """The states at the output times, each rebuilt when it is asked for."""

    def __init__(self, result: SchrodingerLoheResult):
        self._result = result

    def __len__(self) -> int:
        return len(self._result.times)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._result.state(k) for k in range(*index.indices(len(self)))]
        return self._result.state(range(len(self))[index])


class SchrodingerLoheResult(Result):
    r"""What came out of a Schrödinger–Lohe run of N oscillators at T times.

    Attributes
    ----------
    times : ndarray of shape (T,)
    masses : ndarray of shape (T, N)
        ‖ψ_j‖².
    order_parameter : ndarray of shape (T,)
        ‖ζ‖ with ζ the mean of all ψ_j.
    theta : ndarray of shape (T, N)
    gram : ndarray of shape (T, N, N)
        ⟨ψ_j,ψ_k⟩.
    correlations : ndarray of shape (T, N, N)
        ⟨ψ_j,ψ_k⟩/(‖ψ_j‖‖ψ_k‖).
    deviations, one_minus_gram : ndarray of shape (T, N, N)
        1−correlations and 1−gram, to full relative accuracy however close to synchronised (see
        :attr:`deviations`).
    centres : ndarray of shape (T, N, d)
        ⟨ψ_j,xψ_j⟩/‖ψ_j‖².
    states : sequence of length T
        At each time an array (N, ...) on a grid, or a list of N kets; rebuilt from the reduction
        when asked for, or stored.
    coefficients : ndarray of shape (T, N, r), or None
        Of the states in the basis of the exact reduction.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> run = qsp.slsolve(model, waves, [0.0, 1.0])
    >>> run.gram.shape, run.masses.shape
    ((2, 2, 2), (2, 2))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "masses": ("time", "oscillator"),
        "order_parameter": ("time",),
        "theta": ("time", "oscillator"),
        "coefficients": ("time", "oscillator", "basis"),
        "_gram": ("time", "oscillator", "other"),
        "_deviations": ("time", "oscillator", "other"),
        "_centres": ("time", "oscillator", "dimension"),
        "_stored": ("time", "oscillator", "component"),
    }

    _stats_type: ClassVar[type[Stats]] = LoheStats
    masses: np.ndarray
    order_parameter: np.ndarray
    theta: np.ndarray
    coefficients: np.ndarray | None
    _gram: np.ndarray | None
    _deviations: np.ndarray | None
    _centres: np.ndarray | None
    _stored: np.ndarray | None

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
        for name in self._fields:
            setattr(self, name, None)
        super().__init__(e_ops, options, model=setup.model, solver=solver, stats=stats)

    def _post_init(self) -> None:
        """Leave out QuTiP's processors: states are rebuilt or stored here."""

    def _e_op_func(self, e_op: Any) -> Callable[[float, Any], Any]:
        if isinstance(e_op, (qutip.Qobj, qutip.QobjEvo)):
            if self.model.grid is not None:
                raise TypeError(
                    "e_ops must be functions f(t, psi) for Hamiltonians on a grid; psi has shape "
                    "(N, ...)"
                )

            def value(t: float, states: Any) -> np.ndarray:
                op = (e_op(t) if isinstance(e_op, qutip.QobjEvo) else e_op).full()
                psi = np.stack([s.full().ravel() for s in states])
                mean = np.einsum("ja,ab,jb->j", psi.conj(), op, psi) / np.sum(
                    np.abs(psi) ** 2, axis=1
                )
                return np.asarray(mean.real if e_op.isherm else mean)

            return value
        function: Callable[[float, Any], Any] = super()._e_op_func(e_op)
        return function

    # ------------------------------------------------------------ recording

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        shapes: dict[str, tuple[tuple[int, ...], type]] = self._setup.shapes()
        return shapes

    # ------------------------------------------------------------ correlations

    @property
    def n(self) -> int:
        """Number N of oscillators, the length of every axis of nodes."""
        return int(self.theta.shape[1])

    @property
    def gram(self) -> np.ndarray:
        """⟨ψ_j,ψ_k⟩ of all pairs, (T, N, N), masses on the diagonal; formed when it is first asked
        for.
        """
        if self._gram is None and self.coefficients is None:
            exact = self._mobius()
            if exact is not None:
                self._gram = exact[1] * (1 - exact[0])
        if self._gram is None:
            x = self._need_coefficients("gram")
            check_memory(
                "the Gram matrices",
                16.0 * len(x) * x.shape[1] ** 2,
                advice="run with fewer output times",
            )
            self._gram = np.matmul(x.conj(), x.swapaxes(1, 2))
        return self._gram

    def _need_coefficients(self, what: str) -> np.ndarray:
        if self.coefficients is None and self._setup is not None:
            self.coefficients = self._setup.coefficients(np.asarray(self.times))
        if self.coefficients is None:
            raise MissingFieldError(
                f"{what} was not kept: T·N² numbers are more than 256 MB here; what would provide "
                "it: "
                "the option store_coefficients=True, or fewer output times"
            )
        return self.coefficients

    @property
    def correlations(self) -> np.ndarray:
        """z_jk = ⟨ψ_j,ψ_k⟩/(‖ψ_j‖‖ψ_k‖), (T, N, N)."""
        check_memory(
            "the correlations",
            32.0 * len(self.times) * self.n**2,
            advice="run with fewer output times",
        )
        size = np.sqrt(np.diagonal(self.gram, axis1=1, axis2=2).real)
        with np.errstate(invalid="ignore"):
            # a state of norm 0 has no correlations
            return np.asarray(self.gram / (size[:, :, None] * size[:, None, :]))

    @property
    def deviations(self) -> np.ndarray:
        r"""1−z_jk, (T, N, N), of the normalised correlations z.

        Where the Möbius form applies (one common mean, frequency and θ, equal norms or Model 2),
        every entry has full relative accuracy at any time. Elsewhere it is :math:`½‖φ_j-φ_k‖^2 -
        i\,\mathrm{Im}⟨φ_j,φ_k-φ_j⟩`, free of cancellation, and as accurate as the tolerances of the
        run.
        """
        if self._deviations is None:
            check_memory(
                "the deviations",
                48.0 * len(self.times) * self.n**2,
                advice="run with fewer output times",
            )
            exact = self._mobius()
            if exact is None:
                self._deviations = self._plain_deviations()
            else:
                unit = exact[0]
                # 1 − G_jk/(λ_jλ_k), with λ_j² = scale (1 − unit_jj)
                size = 1 - np.diagonal(unit, axis1=1, axis2=2).real
                gap = np.diagonal(unit, axis1=1, axis2=2).real
                root = np.sqrt(size[:, :, None] * size[:, None, :])
                product = gap[:, :, None] * gap[:, None, :] - gap[:, :, None] - gap[:, None, :]
                # 1 − root² = −product, so that root − 1 = product/(1+root)
                self._deviations = (unit + product / (1 + root)) / root
                index = np.arange(unit.shape[1])
                self._deviations[:, index, index] = 0
        return self._deviations

    @property
    def one_minus_gram(self) -> np.ndarray:
        """1−⟨ψ_j,ψ_k⟩, (T, N, N), as accurate as :attr:`deviations` (the same for states of norm
        1).
        """
        exact = self._mobius()
        if exact is not None:
            unit, scale = exact
            return unit if scale == 1 else (1 - scale) + scale * unit
        if np.all(np.abs(self.masses - 1) < 1e-9):
            return self._plain_deviations()
        return 1 - self.gram

    def _mobius(self) -> tuple[np.ndarray, float] | None:
        rows = self._setup.start_rows if self._setup is not None else None
        if rows is None or self.model is None:
            return None
        check_memory(
            "the deviations",
            48.0 * len(self.times) * self.n**2,
            advice="run with fewer output times",
        )
        return mobius_deviations(self.model, rows, self.times - self._setup.t0)

    def _plain_deviations(self) -> np.ndarray:
        if self.coefficients is None:
            return 1 - self.correlations
        phi = self.coefficients / np.sqrt(self.masses)[:, :, None]
        out = np.empty((len(phi), phi.shape[1], phi.shape[1]), complex)
        for t, rows in enumerate(phi):
            for j, row in enumerate(rows):
                away = rows - row
                out[t, j] = 0.5 * np.sum(np.abs(away) ** 2, axis=1) - 1j * (away @ row.conj()).imag
        return out

    # ------------------------------------------------------------ states and expectation values

    @property
    def states(self) -> Any:
        """The states at the output times, each as :meth:`state` gives it; those that follow from
        coefficients are formed when asked for.
        """
        if self._stored is not None:
            return [self.state(k) for k in range(len(self.times))]
        setup = self._setup
        known = self.coefficients is not None or (setup is not None and setup.forms_coefficients)
        if known and setup is not None and setup.motion is not None:
            return LazyStates(self)
        return []

    @states.setter
    def states(self, value: Any) -> None:
        # QuTiP's and the file reader's way of saying "none"
        if len(value):
            raise AttributeError("states follow from the run")

    @property
    def final_state(self) -> Any:
        """The states at the last time."""
        states = self.states
        return states[-1] if len(states) else self._final_state

    def state(self, index: int) -> np.ndarray | list[qutip.Qobj]:
        """The states at output `index`: an array (N, ...) on a grid, or a list of N kets."""
        index = range(len(self.times))[check_integer("index", index)]
        found: np.ndarray | list[qutip.Qobj]
        if self._stored is not None:
            found = self._setup.wrap(self._stored[index])
            return found
        motion = self._setup.motion
        x = self._need_coefficients("the states") if motion is not None else None
        if motion is None or x is None:
            raise MissingFieldError(
                "the states were not stored; what would provide them: the option "
                "store_states=True, or, for a common "
                "Hamiltonian, the method 'reduction'"
            )
        psi = x[index] @ motion.at(float(self.times[index]))
        self._setup.check(psi, float(self.times[index]), self)
        found = self._setup.wrap(psi)
        return found

    def zeta(self, index: int) -> np.ndarray | qutip.Qobj:
        """The mean ζ of the states at output `index`: an array on the grid, or a ket."""
        states = self.state(index)
        if self.model.grid is not None:
            return np.mean(states, axis=0)
        return sum(states[1:], states[0]) / len(states)

    def expectation(self, operator: qutip.Qobj | Field) -> np.ndarray:
        """⟨ψ_j,Oψ_j⟩/‖ψ_j‖² at every output, (T, N); complex unless the operator is a Hermitian
        Qobj or a real array.

        Parameters
        ----------
        operator : Qobj, array or callable
            On a grid, an array is a function of the position, and a callable is given wave
            functions (r, ...) and returns what the operator makes of them.

        Raises
        ------
        TypeError, ValueError
            An operator that does not fit the Hamiltonian.
        MissingFieldError
            The run kept no states.
        """
        return expectation(self, operator)

    @property
    def centres(self) -> np.ndarray:
        """⟨ψ_j,xψ_j⟩/‖ψ_j‖², (T, N, d).

        Raises
        ------
        MissingFieldError
            The Hamiltonians are Qobj and the model was given no `position`.
        """
        if self._centres is None:
            self._centres = centres(self)
        return self._centres

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and covariances of position and momentum of each oscillator on a grid.

        Returns
        -------
        mean : ndarray of shape (T, N, 2d)
            (x₁, p₁, x₂, p₂, …), p=−i∂.
        covariance : ndarray of shape (T, N, 2d, 2d)
            Symmetrised; ½ on the diagonal for a coherent state of the unit oscillator.
        """
        return moments(self)

    # ------------------------------------------------------------ printing and storing

    @property
    def nbytes(self) -> int:
        held = [np.asarray(self.times), *(getattr(self, name) for name in self._fields)]
        return sum(a.nbytes for a in held if isinstance(a, np.ndarray))

    def _kept(self) -> tuple[str, str]:
        if self._stored is not None:
            return "states", "stored"
        return "states", "rebuilt on request" if len(self.states) else "not stored"

    def to_xarray(self, *, real: bool = False) -> xarray.Dataset:
        """The arrays as an ``xarray.Dataset``; see :meth:`qsyncplug.core.Result.to_xarray`."""
        need("xarray", "sweep", "to_xarray")
        data = {
            name: (self._fields[name], getattr(self, name))
            for name in ("masses", "order_parameter", "theta")
        }
        if self.coefficients is not None or self._gram is not None:
            data["gram"] = (self._fields["_gram"], self.gram)
        if self.model.grid is not None or self.model.position is not None:
            data["centres"] = (self._fields["_centres"], self.centres)
        for key, values in self._expectations():
            own = ("oscillator",) if values.shape[1:] == self.masses.shape[1:] else ()
            more = (f"expect_{key}_{k}" for k in range(values.ndim - 1 - len(own)))
            data[f"expect_{key}"] = (("time", *own, *more), values)
        return self._dataset(data, real)

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        header, arrays = super()._to_store()
        setup = self._setup
        header["t0"] = setup.t0 if setup is not None else float(self.times[0])
        if setup is not None and setup.motion is not None:
            arrays["basis"] = setup.motion.start
        if setup is not None and setup.start_rows is not None:
            arrays["start_rows"] = setup.start_rows
        return header, arrays

    @classmethod
    def _from_store(
        cls, header: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> SchrodingerLoheResult:
        self = super()._from_store(header, arrays)
        assert isinstance(self, SchrodingerLoheResult)
        motion = None
        if self.model is not None and "basis" in arrays:
            motion = motion_of(
                self.model.reference, arrays["basis"], header["t0"], position=self.model.position
            )
            motion.avoid_pulses(self.times)
        mobius = dict(self.options) if self.stats.get("method") == "mobius" else None
        self._setup = StoredSetup(
            self.model, header["t0"], motion, arrays.get("start_rows"), mobius
        )
        return self
