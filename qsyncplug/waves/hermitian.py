"""Hamiltonians are Hermitian and finite, at every time that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qutip
import scipy.sparse

from .hamiltonian import GridHamiltonian

__all__ = ["check_hermitian", "check_over_time"]

#: largest number of times at which a Hamiltonian is looked at before a run
_LOOKS = 400
#: numbers that these looks may read
_READ = 4e7


def check_hermitian(operator: Any, name: str, t: float = 0.0) -> Any:
    """Return `operator` if it is square, finite and Hermitian at time `t`.

    Parameters
    ----------
    operator : Qobj or QobjEvo
    name : str
        For messages.
    t : float
        Only a QobjEvo depends on it.

    Raises
    ------
    ValueError
        It is not.

    Examples
    --------
    >>> check_hermitian(qutip.num(2), "hamiltonian") == qutip.num(2)
    True
    """
    evolving = isinstance(operator, qutip.QobjEvo)
    when = f" at t={t:g}" if evolving else ""
    try:
        sample = operator(t) if evolving else operator
    except Exception as error:
        raise ValueError(f"{name} raised {type(error).__name__}{when}: {error}") from error
    if not sample.isoper or sample.shape[0] != sample.shape[1]:
        raise ValueError(
            f"{name} must be a square operator, not {sample.type} of shape {sample.shape}"
        )
    matrix = sample.data_as("csr_matrix") if sample.dtype.__name__ == "CSR" else sample.full()
    entries = matrix.data if scipy.sparse.issparse(matrix) else matrix
    if not np.all(np.isfinite(entries)):
        raise ValueError(f"{name} must be finite; it holds NaN or infinite entries{when}")
    top = np.max(np.abs(entries), initial=0.0)
    off = abs(matrix - matrix.conj().T).max()
    if off > 1e-12 * max(top, 1e-300):
        raise ValueError(
            f"{name} must be Hermitian; it differs from its adjoint by {off:.3g}{when}"
        )
    return operator


def check_over_time(hamiltonians: Sequence[Any], times: np.ndarray, name: str) -> None:
    """Look at Hamiltonians that depend on time at the output times of a run and between them.

    A run by the exact reduction does not touch the Hamiltonian unless states are asked for, so
    that nothing else would notice.

    Parameters
    ----------
    hamiltonians : sequence of GridHamiltonian, Qobj or QobjEvo
        One, or one an oscillator.
    times : (T,) array
        Output times.
    name : str
        For messages.

    Raises
    ------
    ValueError
        One is not Hermitian, or not finite, at one of the times; the message names it.

    Examples
    --------
    >>> damped = qutip.QobjEvo([[qutip.num(2), lambda t: 1 - 0.5j * t]])
    >>> check_over_time([damped], np.array([0.0]), "hamiltonian")
    >>> check_over_time([damped], np.array([0.0, 1.0]), "hamiltonian")
    Traceback (most recent call last):
        ...
    ValueError: hamiltonian must be Hermitian; it differs from its adjoint by ...
    """
    for k, h in enumerate(hamiltonians):
        own = name if len(hamiltonians) == 1 else f"{name}[{k}]"
        if any(h is other for other in hamiltonians[:k]):
            continue
        if isinstance(h, GridHamiltonian) and h.time_dependent:
            for t in _looks(times, h.grid.size):
                h.values_at(float(t), own)
        elif isinstance(h, qutip.QobjEvo):
            for t in _looks(times, h.shape[0] ** 2):
                check_hermitian(h, own, float(t))


def _looks(times: np.ndarray, size: int) -> np.ndarray:
    """Times to look at: outputs, and points between them at no regular distance."""
    count = int(np.clip(_READ / size, 32, _LOOKS))
    pick = np.unique(np.linspace(0, len(times) - 1, min(len(times), count // 2)).astype(int))
    outputs: np.ndarray = times[pick]
    if len(times) == 1:
        return outputs
    # multiples of the golden ratio fill the run evenly and meet no period of it
    share = np.modf(0.5 + (np.sqrt(5) - 1) / 2 * np.arange(count // 2))[0]
    return np.concatenate([outputs, times[0] + share * (times[-1] - times[0])])
