"""Order parameters and diameters."""

from __future__ import annotations

import numpy as np

from ...core.checks import check_choice, check_integer
from ...core.errors import MissingFieldError
from ..dynamics import Kind
from ..view import PHASE_THRESHOLD, SyncView
from .common import mean_phases, undefined
from .record import POSITIVE, UNIT, Of, Record, measure

__all__ = [
    "diameter",
    "excitations",
    "kuramoto",
    "mean_phase",
    "order_excess",
    "order_parameter",
]


def _independent(n: float) -> float:
    """√⟨r²⟩ of n independent phases."""
    return float(1 / np.sqrt(n))


@measure(Record("r", r"r", Of.RUN, ("correlations",), null=_independent, range=UNIT, place=20))
def order_parameter(view: SyncView, *, weighted: bool | None = None) -> np.ndarray:
    r"""Order parameter r = √(Σ_jk z_jk)/N.

    Parameters
    ----------
    view : SyncView
        Needs ``correlations``, or an ``order_parameter`` given by the system; with `weighted`,
        ``masses`` too unless its nodes have weights.
    weighted : bool, optional
        None: the system's own, \|Σ_j c_je^{−ix_j}\|/Σ_j c_j where its nodes have weights c_j.
        False: all nodes count alike. True: with the weights or, if there are none, with the masses:
        ‖ζ‖ = √(Σ_jk √(m_j m_k) z_jk)/N, the norm of the mean of the unnormalised states.

    Returns
    -------
    (T,) array
        Between 0 and 1 unless weighted by masses. NaN (with a warning) where a node of zero mass
        has no z_jk, or where Σ z_jk < 0, which no set of states allows.

    Notes
    -----
    For z_jk = e^{i(x_j−x_k)} it is Kuramoto's r = \|Σ e^{−ix_j}\|/N; for z_jk = ⟨φ_j,φ_k⟩ it is
    ‖Σ φ_j‖/N [1]_. Independent nodes have √⟨r²⟩ = 1/√N, so two of them .7071, with weights
    √(Σ c_j²)/Σ c_j: see :func:`order_excess`.

    References
    ----------
    .. [1] M. A. Lohe, J. Phys. A 43, 465301 (2010).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.order_parameter(state, modes=[a, b])[0].round(4))
    0.7071
    """
    check_choice("weighted", weighted, (None, True, False))
    own = view.about.weights
    if weighted is None and "order_parameter" in view.fields:
        return view.order_parameter.copy()
    if weighted is not False and own is not None:
        return _checked(_weighted(view, own / own.sum()))
    if weighted:
        return _checked(_by_masses(view))
    if "order_parameter" in view.fields and own is None:
        return view.order_parameter.copy()
    return _checked(_weighted(view, np.full(view.n, 1 / view.n)))


def _weighted(view: SyncView, weights: np.ndarray) -> np.ndarray:
    """√(Σ_jk c_jc_kz_jk) with Σ c_j = 1."""
    if view.phases_suffice:
        # no N×N array
        return np.asarray(np.abs(np.exp(1j * mean_phases(view)) @ weights))
    total = np.einsum("j,tjk,k->t", weights, view.correlations, weights).real
    return np.sqrt(np.where(total < -1e-9, np.nan, np.maximum(total, 0)))


def _by_masses(view: SyncView) -> np.ndarray:
    root = np.sqrt(np.maximum(view.masses, 0))
    if view.phases_suffice:
        return np.asarray(np.abs(np.mean(root * np.exp(1j * mean_phases(view)), axis=1)))
    weight = root[:, :, None] * root[:, None, :]
    total = np.sum(np.where(weight == 0, 0, weight * view.correlations), axis=(1, 2)).real
    floor = -1e-9 * view.n**2 * (1 + float(np.max(view.masses)))
    return np.sqrt(np.where(total < floor, np.nan, np.maximum(total, 0))) / view.n


def _checked(r: np.ndarray) -> np.ndarray:
    why = "a node has zero mass, or the correlations are not positive"
    undefined(r, "order_parameter", why)
    return r


@measure(Record("n", r"n", Of.NODES, ("masses",), null=0.0, range=POSITIVE, place=10))
def excitations(view: SyncView) -> np.ndarray:
    r"""Excitation numbers n_j, or masses λ_j².

    Returns
    -------
    (T, N) array
        Of a mean field whose equations are not linear \|β_j\|²: the covariance of its run holds
        the diffusion of the common phase, which grows without bound and is no excitation.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> qsp.measures.excitations(state, modes=[a, b]).round(6)
    array([[1., 1.]])
    """
    return np.array(view.masses)


def excess(r: np.ndarray, n: int) -> np.ndarray:
    """(N r²−1)/(N−1) of an order parameter r of N nodes; NaN for one node."""
    r = np.asarray(r, dtype=float)
    return (n * r**2 - 1) / (n - 1) if n > 1 else np.full_like(r, np.nan)


@measure(Record("e", r"e", Of.RUN, ("correlations",), null=0.0, range=(-1.0, 1.0), place=30))
def order_excess(view: SyncView) -> np.ndarray:
    """Excess of r² over independent nodes, (N r²−1)/(N−1): the mean of Re z_jk over the pairs.

    Parameters
    ----------
    view : SyncView
        As for :func:`order_parameter`; all nodes count alike.

    Returns
    -------
    (T,) array
        0 for independent nodes, 1 for complete synchronisation, −1/(N−1) for phases that cancel.
        NaN for a single node.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.order_excess(state, modes=[a, b])[0].round(4)) + 0.0
    0.0
    """
    return excess(order_parameter(view, weighted=False), view.n)


@measure(Record("r_m", r"r_m", Of.RUN, ("mean",), range=UNIT))
def kuramoto(view: SyncView, m: int = 1) -> np.ndarray:
    """Generalised Kuramoto order parameter r_m = |Σ_j c_je^{−imx_j}|/Σ_j c_j.

    The weights c_j are the system's own, 1 where its nodes have none; of mean fields of infinitely
    many oscillators the sum is over all of them.

    Parameters
    ----------
    view : SyncView
        Needs ``mean`` (x_j = −arg⟨b_j⟩); without it, ``correlations`` of modulus one.
    m : int
        Order; r_2 = 1 for two antipodal groups.

    Returns
    -------
    (T,) array
        NaN (with a warning) where some x_j does not exist.

    Notes
    -----
    Y. Kuramoto, Chemical Oscillations, Waves, and Turbulence (Springer, 1984); H. Daido, Physica D
    91, 24 (1996).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> complex(qsp.measures.kuramoto(state, modes=[a, b])[0].round(4))
    (0.7071+0j)
    """
    m = check_integer("m", m, minimum=1)
    if view.has("mean"):
        r = np.abs(_phase_sum(view, m))
    else:
        z = view.correlations
        if np.any(np.abs(np.abs(z) - 1) > 1e-9):
            raise MissingFieldError(
                f"{view.system or 'this view'} has no phases of single nodes; give mean=, or "
                "|z_jk|=1"
            )
        total = np.sum(np.exp(1j * m * np.angle(z)), axis=(1, 2)).real
        r = np.sqrt(np.maximum(total, 0)) / view.n
    undefined(r, "kuramoto", "⟨b_j⟩=0 has no phase")
    return np.asarray(r)


def _phase_sum(view: SyncView, m: int) -> np.ndarray:
    """Σ_j c_je^{−imx_j}/Σ_j c_j, (T,)."""
    c = np.ones(view.n) if view.about.weights is None else view.about.weights
    if view.dynamics is not None and view.dynamics.kind is Kind.FIELDS:
        # on the manifold of Ott and Antonsen the mean of e^{−imx} is the m-th power of that of
        # e^{−ix}
        return np.asarray(view.amplitudes**m @ (c / c.sum()))
    return np.asarray(np.exp(1j * m * mean_phases(view)) @ (c / c.sum()))


@measure(Record("X", r"X", Of.RUN, ("mean",), circular=True))
def mean_phase(view: SyncView, m: int = 1) -> np.ndarray:
    """Mean phase −arg Σ_j c_je^{−imx_j}, in [−π, π); it rises at +ω for H=ω b†b.

    The weights c_j are the system's own, as of :func:`kuramoto`.

    Parameters
    ----------
    view : SyncView
        Needs ``mean`` (x_j = −arg⟨b_j⟩).
    m : int
        Order.

    Returns
    -------
    (T,) array
        NaN (with a warning) where some x_j does not exist, or where r_m ≤ 1e-9.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.mean_phase(state, modes=[a, b])[0].round(4))
    -0.7854
    """
    m = check_integer("m", m, minimum=1)
    total = _phase_sum(view, m)
    phase = np.where(np.abs(total) > PHASE_THRESHOLD, -np.angle(total), np.nan)
    undefined(phase, "mean_phase", "the sum of the phase factors vanishes, or ⟨b_j⟩=0 has no phase")
    return phase


@measure(Record("D", r"D", Of.RUN, ("correlations",), range=(0.0, 2.0)))
def diameter(view: SyncView, kind: str = "distance") -> np.ndarray:
    """Diameter of the set of nodes.

    Parameters
    ----------
    kind : {"distance", "correlation", "phase"}
        max_jk √(2(1−Re z_jk)), which is max‖φ_j−φ_k‖; max_jk |1−z_jk|; max_jk |arg z_jk|.

    Returns
    -------
    (T,) array
        NaN (with a warning) where a node has zero mass, where |z_jk| exceeds 1 by more than 1e-6
        or, for "phase", where a |z_jk| ≤ 1e-9 has no argument.

    Notes
    -----
    1−z_jk comes from ``view.deviations``: relatively accurate down to phase differences of 1e-16
    where |z_jk|=1; otherwise exact to 2e-16 absolutely, that is to 2e-8 in the "distance".

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], [0.0, 30.0])
    >>> float(qsp.measures.diameter(run)[-1].round(6))
    0.0
    """
    check_choice("kind", kind, ("distance", "correlation", "phase"))
    z = view.correlations
    bad = np.any(~(np.abs(z) <= 1 + 1e-6), axis=(1, 2))
    with np.errstate(invalid="ignore"):
        if kind == "distance":
            value = np.sqrt(2 * np.maximum(np.max(view.deviations.real, axis=(1, 2)), 0))
        elif kind == "correlation":
            value = np.max(np.abs(view.deviations), axis=(1, 2))
        else:
            value = np.max(
                np.where(np.abs(z) > PHASE_THRESHOLD, np.abs(np.angle(z)), np.nan), axis=(1, 2)
            )
    value = np.where(bad, np.nan, value)
    undefined(
        value, "diameter", "a node has zero mass, a correlation no phase or more than modulus one"
    )
    return value
