"""Exact evolution and steady states of two spin chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import qutip
import scipy.sparse as sp

from ...core.checks import check_choice
from ...core.entry import exactsolve, steadystate
from ...core.types import Cutoff, Options
from ...exact.evolve import ExactResult, ExactSolver
from ...exact.fock import prepare_state
from ...exact.problem import Problem, exact_problem, refuse
from ...exact.steady import solve_steady, steady_from
from .model import SpinChains
from .moments import SpinReader
from .representations import full_bosons
from .states import check_state_dims

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "SpinExactResult",
    "SpinExactSolver",
    "exactsolve_chains",
    "spin_moments",
    "steadystate_chains",
]


class SpinExactResult(ExactResult):
    """Exact moments of two spin chains in time, and the states where they were stored.

    Attributes
    ----------
    spins : ndarray of shape (T, S, 3)
        ⟨S_x⟩, ⟨S_y⟩, ⟨S_z⟩ of the spins S=(σ/2, J_1, J_2); without a central spin of (J_1, J_2).
    spin_covariance : ndarray of shape (T, 3S, 3S)
        ½⟨{S_a, S_b}⟩ − ⟨S_a⟩⟨S_b⟩, in the order (spin, component).
    spin_normal : ndarray of shape (T, S, S)
        ⟨S_a+ S_b−⟩.
    amplitudes : ndarray of shape (T, 2)
        ⟨b_j⟩ of the Holstein–Primakoff bosons; where the chains leave their symmetric states, of
        J_j−/√N_j.
    mean : ndarray of shape (T, 4)
        (q1, p1, q2, p2), q=(b+b†)/√2.
    covariance : ndarray of shape (T, 4, 4)
        Symmetrised and normal-ordered; vacuum ½.
    anomalous, normal : ndarray of shape (T, 2, 2)
        ⟨b_jb_k⟩ and ⟨b_j†b_k⟩.
    populations : ndarray of shape (T, 2, N+1)
        Of n_j = J_jz + N_j/2.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> run = qsp.exactsolve(chains, start, [0.0, 0.5])
    >>> run.lowering.shape, run.jz.shape
    ((2, 2), (2, 2))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        **ExactResult._fields,
        "spins": ("time", "spin", "axis"),
        "spin_covariance": ("time", "component", "component_2"),
        "spin_normal": ("time", "spin", "spin_2"),
    }
    spins: np.ndarray
    spin_covariance: np.ndarray
    spin_normal: np.ndarray

    def _fill(self, reader: Any, values: np.ndarray) -> None:
        super()._fill(reader, values)
        self.spins, self.spin_covariance, self.spin_normal = reader.spins(values)

    @property
    def sigma(self) -> np.ndarray:
        """⟨σ⟩ of the central spin, shape (T, 3)."""
        if self.spins.shape[1] == 2:
            raise AttributeError("there is no central spin (SpinChains(…, central=False))")
        return 2 * self.spins[:, 0]

    @property
    def lowering(self) -> np.ndarray:
        """⟨J_j−⟩ of chains 1 and 2, complex (T, 2)."""
        J = self.spins[:, -2:]
        return J[..., 0] - 1j * J[..., 1]

    @property
    def jz(self) -> np.ndarray:
        """⟨J_jz⟩ of chains 1 and 2, (T, 2), between −N_j/2 and N_j/2."""
        return self.spins[:, -2:, 2]

    @property
    def coherence(self) -> np.ndarray:
        """⟨J_1+J_2−⟩/√(⟨J_1+J_1−⟩⟨J_2+J_2−⟩), shape (T,); NaN where a chain is fully down."""
        c = self.spin_normal
        scale = c[:, -2, -2].real * c[:, -1, -1].real
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(scale > 0, c[:, -2, -1] / np.sqrt(np.maximum(scale, 0)), np.nan)


class SpinExactSolver(ExactSolver):
    """Exact evolution of two spin chains: QuTiP's sesolve, mesolve or mcsolve, or coherence orders.

    Parameters
    ----------
    model : SpinChains
        What to run.
    representation : {"collective", "bosons", "series", "spins"}
        In which space.
    order, expansion, levels
        For ``"series"``; see :meth:`SpinChains.hamiltonian`.
    options : dict, optional
        See :func:`exactsolve_chains`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> qsp.SpinExactSolver(chains).run(start, [0.0, 0.5]).jz.shape
    (2, 2)
    """

    models = (SpinChains,)

    def __init__(
        self,
        model: SpinChains,
        *,
        representation: str = "collective",
        order: int | None = None,
        expansion: str = "newton",
        levels: Cutoff = None,
        options: Options | None = None,
    ):
        self.check_model(model)
        self.representation = representation
        self._how: dict[str, Any] = {"order": order, "expansion": expansion, "levels": levels}
        self.operators = model.matrices(representation, **self._how)
        super().__init__(model, cutoff=None, options=options)

    def recipe(self) -> dict[str, Any]:
        return {"representation": self.representation, **self._how}

    def _check_levels(self, cutoff: Any) -> tuple[int, ...]:
        self._cutoff = cutoff
        return tuple(self.model.dims(self.representation, self._how["levels"]))

    def _system(self) -> tuple[Any, list[Any]]:
        return (
            self.model.hamiltonian(self.representation, **self._how),
            self.model.c_ops(self.representation, **self._how),
        )

    def _initial(self, state0: Any) -> qutip.Qobj:
        if not isinstance(state0, qutip.Qobj):
            raise TypeError(
                "state0 must be a ket or density matrix of the representation "
                f"{self.representation!r}, such as "
                f"chains.product_state(representation={self.representation!r}); not a "
                f"{type(state0).__name__}"
            )
        check_state_dims(self.model, state0, self.representation, "state0", levels=self.levels)
        return prepare_state(state0, self.levels)

    def _reader(self) -> SpinReader:
        modes = self.operators.boson
        if modes is None and self.model.symmetric:
            modes = full_bosons(self.model.n, self.model.centre_size())
        if modes is None:
            pairs = zip(self.operators.lowering, self.model.n, strict=True)
            modes = tuple(jm / np.sqrt(c) for jm, c in pairs)
        sizes = [c + 1 for c in self.model.n]
        if self.representation == "series":
            sizes = list(self.levels[-2:])
        return SpinReader(self.operators, self.model.n, modes, (sizes[0], sizes[1]))

    def _charges(self) -> tuple[np.ndarray, np.ndarray]:
        """n1+n2+σz/2, which H conserves and every jump operator shifts by a definite amount."""
        number = np.indices(self.levels).reshape(len(self.levels), -1).T
        # the levels of bosons count from below, those of spins from above
        spins = len(self.levels) - 2 * (self.representation in ("bosons", "series"))
        number[:, :spins] = np.array(self.levels[:spins]) - 1 - number[:, :spins]
        return number.sum(axis=1, keepdims=True), number

    def exact_problem(self, what: str = "a steady state") -> Problem:
        """The chains as matrices with their charges; refused where it has no jumps.

        Parameters
        ----------
        what : str
            What it is for, for messages.
        """
        H, c_ops = self._system()
        refuse(True, bool(c_ops), what)
        return Problem(self.model, H, list(c_ops), *self._charges())

    def _empty(self, stats: dict[str, Any]) -> SpinExactResult:
        stats["representation"] = self.representation
        symmetric = self.operators.boson is not None or self.model.symmetric
        stats["modes are bosons"] = symmetric
        stats["modes"] = "Holstein–Primakoff bosons b_j" if symmetric else "J_j−/√N_j"
        stats["neglected"] = []
        if self.representation == "series":
            stats["neglected"].append(
                f"the square root is a series of order {self._how['order']} "
                f"({self._how['expansion']})"
            )
        return self._blank(SpinExactResult, stats)

    def _inspect(self, result: ExactResult, times: np.ndarray) -> None:
        norm = np.nansum(result.populations, axis=2)
        result.stats["drift"] = {"trace": float(np.abs(norm - 1).max())}
        result.stats.pop("cutoff", None)


@exactsolve.register(SpinChains)
def exactsolve_chains(
    system: SpinChains,
    state0: Any,
    tlist: ArrayLike,
    *,
    representation: str = "collective",
    order: int | None = None,
    expansion: str = "newton",
    levels: Any = None,
    e_ops: Any = None,
    options: Options | None = None,
) -> SpinExactResult:
    r"""Exact evolution of two spin chains: by coherence order, or with QuTiP's sesolve, mesolve or
    mcsolve.

    Parameters
    ----------
    system : SpinChains
        What to run.
    state0 : Qobj
        Ket or density matrix of the representation, for instance from
        :meth:`SpinChains.product_state`.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    representation : {"collective", "bosons", "series", "spins"}
        In which space.
    order, expansion, levels
        For ``"series"``; see :meth:`SpinChains.hamiltonian`.
    e_ops : Qobj, callable, or list or dict of these, optional
        Expectation values wanted beside the moments.
    options : dict, optional
        As for :func:`qsyncplug.exact.evolve.exactsolve_modes`. ``method="sectors"`` evolves the
        coherence orders 0, 1, 2 of n1+n2+σz/2 alone, which hold every first and second moment;
        ``"auto"`` takes it from dimension 400 on where nothing asked for needs the whole state.
        ``"mcsolve"``: trajectories in the same space, for N beyond 64.

    Returns
    -------
    SpinExactResult
        Moments at every time; ``stats`` says which method was chosen and why, and what the result
        holds.

    Raises
    ------
    ValueError, TypeError
        Bad input; a state of another representation (the message says of which).
    MemoryLimitError
        The problem does not fit; the message holds the estimate.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    Notes
    -----
    The coherence orders are propagated with Chebyshev expansions whose terms must have died out in
    every step (:class:`qsyncplug.exact.ellipse.Expansion`).
    """
    check_choice("expansion", expansion, ("newton", "taylor"))
    solver = SpinExactSolver(
        system,
        representation=representation,
        order=order,
        expansion=expansion,
        levels=levels,
        options=options,
    )
    result = solver.run(state0, tlist, e_ops=e_ops)
    assert isinstance(result, SpinExactResult)
    return result


@exact_problem.register(SpinChains)
def _as_problem(system: SpinChains, cutoff: Any = None, what: str = "a steady state") -> Problem:
    """The chains in their symmetric states, for eigenmodes and spectra."""
    if cutoff is not None:
        raise ValueError(f"cutoff: spin chains have none; got {cutoff!r}")
    return SpinExactSolver(system).exact_problem(what)


@steadystate.register(SpinChains)
def steadystate_chains(
    system: SpinChains,
    *,
    representation: str = "collective",
    order: int | None = None,
    expansion: str = "newton",
    levels: Any = None,
    state0: qutip.Qobj | None = None,
) -> qutip.Qobj:
    r"""The exact steady state of two spin chains.

    The charge n1+n2+σz/2 is a weak symmetry, so only the elements between states of equal charge
    are solved for.

    Parameters
    ----------
    system : SpinChains
        With jump operators.
    representation : {"collective", "bosons", "series", "spins"}
        In which space.
    order, expansion, levels
        For ``"series"``; see :meth:`SpinChains.hamiltonian`.
    state0 : Qobj, optional
        Where there are several steady states: the one that this ket or density matrix of the
        representation evolves to.

    Returns
    -------
    Qobj
        Density matrix, CSR.

    Raises
    ------
    ValueError
        There are no jump operators; `state0` is no state of this representation.
    SolverError
        The steady state is not unique, as with a central spin that nothing couples to; nothing
        stationary is reached from `state0`.
    """
    solver = SpinExactSolver(
        system, representation=representation, order=order, expansion=expansion, levels=levels
    )
    if state0 is None and system.central and not any(system.g):
        raise ValueError(
            "the central spin couples to nothing (g=0), so its steady state is not unique; use "
            "central=False, or give state0 for the one that is reached from it"
        )
    problem = solver.exact_problem()
    if state0 is None:
        rho = solve_steady(problem, "the number of levels")
    else:
        rho = sp.csr_matrix(steady_from(problem, state0))
    return problem.qobj(0.5 * (rho + rho.conj().T), isherm=True)


def spin_moments(
    system: SpinChains, state: qutip.Qobj, representation: str = "collective"
) -> SpinExactResult:
    """All first and second moments of one state, as a result with one time.

    Parameters
    ----------
    system : SpinChains
        Whose state it is.
    state : Qobj
        Ket or density matrix of the representation, such as a steady state.
    representation : {"collective", "bosons", "spins"}
        Where it lives.

    Returns
    -------
    SpinExactResult
        With T=1; ``coherence``, ``spins``, ``covariance`` and the others.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> qsp.spin_moments(chains, start).jz.shape
    (1, 2)
    """
    solver = SpinExactSolver(system, representation=representation)
    check_state_dims(system, state, representation, "state")
    result = solver._empty({"method": "state"})
    result.times = np.zeros(1)
    reader = solver._reader()
    result._fill(reader, reader(0.0, state)[None, :])
    result.states = [state]
    return result
