"""The solvers that serve several kinds of model: each kind registers how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .dispatch import by_model
from .interrupts import interruptible, whole_or_nothing
from .types import EOps, Model, Options, State

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .predictions import Predictions

__all__ = [
    "HIERARCHY",
    "SPECTRA",
    "STEADY_CLOSURES",
    "exactsolve",
    "mfsolve",
    "predictions",
    "steadystate",
]


#: closure -> steady state of its equations; what approximates fills it in
STEADY_CLOSURES: dict[str, Any] = {}
#: what solves the closed hierarchy of moments of ensembles: "steadystate", "exactsolve"
HIERARCHY: dict[str, Any] = {}
#: what takes the place of the exact system: "samples"; "linear" and "ensembles" give a generator,
#: what it starts from and the functional that is read
SPECTRA: dict[str, Any] = {}


def _unknown(function: str, name: str, model: Any) -> TypeError:
    return TypeError(
        f"{name} must be a model that {function} knows, such as a System, not a "
        f"{type(model).__name__}"
    )


@interruptible
@by_model
def exactsolve(
    system: Model,
    state0: State,
    tlist: ArrayLike,
    *,
    cutoff: int | Sequence[int] | None = None,
    representation: str = "collective",
    order: int | None = None,
    e_ops: EOps = None,
    options: Options | None = None,
) -> Any:
    """Exact evolution of a model: kets, density matrices or coherence orders by compiled kernels,
    trajectories, or QuTiP's solvers.

    Parameters
    ----------
    system : System or SpinChains
        What to run.
    state0 : Qobj or array_like
        Initial ket or density matrix; for boson modes also N amplitudes of coherent states.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    cutoff : int or sequence of int
        Boson modes: Fock levels kept, at least 2; for all modes or for each.
    representation : str
        Spin chains: "collective", "bosons", "series" or "spins".
    order : int, optional
        Spin chains: of the expansion, for "series" (with `expansion` and `levels`, see
        :meth:`SpinChains.hamiltonian`).
    e_ops : Qobj, Expression, callable, or list or dict of these, optional
        Expectation values wanted beside the first and second moments.
    options : dict, optional
        ``method``: "auto" (default), "ket", "density", "sectors" (moments alone), "trajectories",
        "qutip", or QuTiP's "sesolve", "mesolve", "mcsolve" by name; the rest as in
        :func:`qsyncplug.exact.evolve.exactsolve_modes`.

    Returns
    -------
    ExactResult
        Amplitudes, means, covariances and moments at every time; ``stats`` says which method was
        chosen and why.

    Raises
    ------
    TypeError, ValueError
        Bad input, before any work.
    MemoryLimitError
        The problem does not fit; the message holds the estimate.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    Warns
    -----
    CutoffWarning
        The population at a Fock cut-off passes 1e-6; the message says which cut-off would do.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.exactsolve(qsp.van_der_pol_pair(loss=4.0), [0.1, 0.1j], [0.0, 1.0], cutoff=9)
    >>> run.mean.shape
    (2, 4)
    """
    raise _unknown("exactsolve", "system", system)


@interruptible
@by_model
def mfsolve(
    system: Model,
    state0: State,
    tlist: ArrayLike,
    *,
    covariance0: ArrayLike | None = None,
    closure: str = "linear",
    order: int = 2,
    e_ops: EOps = None,
    options: Options | None = None,
) -> Any:
    """Mean field and covariance of a model, by a compiled kernel.

    Parameters
    ----------
    system : System, SpinChains or PublishedSpinChains
        What to run.
    state0 : array_like of shape (N,)
        Complex initial amplitudes (for spin chains also a state; see the class).
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    covariance0 : array_like of shape (2N, 2N), optional
        Initial covariance in (q1, p1, q2, p2, …); coherent states (½·1) by default.
    closure : {"linear", "none", "gaussian", "cumulants", "eliminated"}
        Systems: linearisation about the mean (spins on spheres), the mean alone, second-order
        cumulants of modes in central moments, cumulants of any nodes up to `order`. Spin chains:
        linearisation, or that with the central spin eliminated adiabatically.
    order : int
        Of the cumulants, 2 by default.
    e_ops : Expression, callable, or list or dict of these, optional
        Expressions of the system's symbols, as :func:`qsyncplug.exactsolve` takes them, or
        functions ``f(t, (mean, covariance))``.
    options : dict, optional
        ``atol``, ``rtol``, ``nsteps``, ``max_step``, ``time_limit``, ``progress_bar``,
        ``checkpoint`` and so on; an unknown key is a KeyError that lists the known ones.

    Returns
    -------
    MeanFieldResult
        ``amplitudes`` (T, N), ``mean`` (T, 2N), ``covariance`` (T, 2N, 2N), and what is neglected
        in ``stats``.

    Raises
    ------
    TypeError, ValueError
        Bad input, before any work.
    SolverError
        The run had to stop; it carries the time, the reason and the partial result.

    See Also
    --------
    qsyncplug.approximate.meanfield.mfsolve_system : the equations

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> run.amplitudes.shape
    (26, 2)

    What is to be evaluated is written as for the exact solver:

    >>> b1, b2 = (pair := qsp.van_der_pol_pair(loss=4.0)).operators
    >>> asked = {"n": b1.dag() * b1, "coherence": b1.dag() * b2}
    >>> mean = qsp.mfsolve(pair, [0.5, 0.5j], [0.0, 0.2], e_ops=asked)
    >>> exact = qsp.exactsolve(pair, [0.5, 0.5j], [0.0, 0.2], cutoff=9, e_ops=asked)
    >>> [key for key in asked if abs(mean.e_data[key][1] - exact.e_data[key][1]) < 0.1]
    ['n', 'coherence']
    """
    raise _unknown("mfsolve", "system", system)


@whole_or_nothing
@by_model
def steadystate(
    system: Model,
    *,
    cutoff: int | Sequence[int] | None = None,
    closure: str | None = None,
    order: int = 2,
    state0: State | None = None,
    representation: str = "collective",
    progress_bar: str | bool = "",
) -> Any:
    """Exact steady state of a model, solved for in the blocks that its phase symmetry leaves.

    Parameters
    ----------
    system : System or SpinChains
        Must not depend on time and must have jump operators.
    cutoff : int or sequence of int
        Boson modes: Fock levels kept.
    closure : {"cumulants"}, optional
        Systems: the steady state of cumulants up to `order` instead of the exact one.
    order : int
        Of the cumulants, 2 by default.
    state0 : object, optional
        Where there are several steady states: the one that this state goes to.
    representation : {"collective", "bosons", "series", "spins"}
        Spin chains: in which space.
    progress_bar : str or bool
        Systems: as in QuTiP: "text", "enhanced", "tqdm"; "" is none.

    Returns
    -------
    Qobj or MomentState
        Density matrix; for more than six atoms of ensembles (also with one state a node as
        `state0`) and for cumulants the moments, which
        :func:`qsyncplug.expect` reads like a state.

    Raises
    ------
    ValueError
        No jump operators, or a time-dependent model.
    SolverError
        There is no unique steady state.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> rho = qsp.steadystate(qsp.van_der_pol_pair(loss=4.0), cutoff=9)
    >>> round(rho.tr(), 9)
    1.0
    """
    raise _unknown("steadystate", "system", system)


@whole_or_nothing
@by_model
def predictions(model: Model, state0: State) -> Predictions[Any]:
    """Theorems whose hypotheses hold for a model and an initial state, with limits and rates.

    Parameters
    ----------
    model : Circle, SchrodingerLohe, WignerLohe or System
        The system.
    state0 : object
        Its initial state, as its solver takes it.

    Returns
    -------
    Predictions
        ``.check(result)`` holds them against a run.

    Raises
    ------
    TypeError
        There are none for this kind of model; for spin chains take those of ``model.system()``.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> found = qsp.predictions(model, waves)
    >>> run = qsp.slsolve(model, waves, np.linspace(0, 20, 201))
    >>> any(outcome.passed for outcome in found.check(run))
    True
    """
    if callable(getattr(model, "system", None)):
        # its runs have other nodes than its System, of which every check speaks
        raise TypeError(
            f"model must be a System: predictions of a {type(model).__name__} are those of what it "
            "states, qsp.predictions(model.system(), state0) with a state for each of its nodes, "
            "held against runs of model.system()"
        )
    raise _unknown("predictions", "model", model)
