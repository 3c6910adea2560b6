"""Locked and twisted states of Kuramoto's model on graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from ..core.adjacency import read_adjacency
from ..core.checks import check_array, check_integer, check_memory
from ..core.types import Adjacency
from .model import refuse_mask

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: along a branch; near an end it takes some dozens
_MOST_STEPS = 400

__all__ = ["follow_locked", "locking_bound", "twisted_state_stability"]


def locking_bound(adjacency: Adjacency, frequencies: ArrayLike) -> float:
    r"""Return the coupling of Dörfler, Chertkov and Bullo's locking condition.

    Parameters
    ----------
    adjacency : (n, n) array, sparse matrix or networkx graph
        Symmetric, connected, not negative.
    frequencies : (n,) array_like
        Natural frequencies.

    Returns
    -------
    float
        :math:`\max_{(i,j)}|(L^+ω)_i-(L^+ω)_j|`: on trees exactly the K from which on
        :math:`\dot x_i=ω_i-K\sum_ja_{ij}\sin(x_i-x_j)` locks; on other graphs an estimate, most
        often within some per cent and without a general bound.

    Raises
    ------
    ValueError
        The graph is directed, not connected or has negative weights.

    References
    ----------
    F. Dörfler, M. Chertkov, F. Bullo, Proc. Natl. Acad. Sci. 110, 2005 (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import locking_bound
    >>> round(locking_bound(np.ones((4, 4)) - np.eye(4), [1.0, 0.3, -0.4, -0.9]), 12)
    0.475
    """
    a = _dense(adjacency)
    omega = _frequencies(frequencies, len(a))
    if not np.array_equal(a, a.T) or np.any(a < 0):
        raise ValueError("adjacency must be symmetric and not negative")
    laplacian = np.diag(a.sum(axis=1)) - a
    values, vectors = np.linalg.eigh(laplacian)
    if len(a) > 1 and values[1] <= 1e-12 * max(values[-1], 1e-300):
        raise ValueError("adjacency must be connected")
    parts = vectors[:, 1:].T @ omega
    potential = vectors[:, 1:] @ (parts / values[1:])
    i, j = np.nonzero(np.triu(a, 1))
    return float(np.max(np.abs(potential[i] - potential[j]), initial=0.0))


def _dense(adjacency: Any) -> np.ndarray:
    a = read_adjacency(adjacency)
    check_memory("the dense adjacency", 8.0 * 4 * a.shape[0] ** 2, advice="take fewer nodes")
    dense = a.toarray() if scipy.sparse.issparse(a) else np.array(a)
    return dense


def _frequencies(frequencies: Any, n: int) -> np.ndarray:
    refuse_mask("frequencies", frequencies)
    return check_array("frequencies", frequencies, shape=(n,))


def twisted_state_stability(n: int, neighbours: int, winding: int) -> float:
    r"""Return the leading eigenvalue of a twisted state on a ring.

    Parameters
    ----------
    n : int
        Particles.
    neighbours : int
        k: each is coupled to the k nearest on either side, 2k<n.
    winding : int
        q: :math:`x_i=2πqi/n`.

    Returns
    -------
    float
        The largest eigenvalue but the rotation's 0, of :math:`\dot x_i=\sum_j\sin(x_j-x_i)` over
        the 2k neighbours; the state is stable where it is negative.

    Notes
    -----
    :math:`λ_p=-2\sum_{j=1}^k\cos(2πqj/n)(1-\cos(2πpj/n))`. For n→∞ the state with q=1 is stable up
    to
    2k/n=0.6809228342601136 (D. A. Wiley, S. H. Strogatz, M. Girvan, Chaos 16, 015103 (2006)).

    Examples
    --------
    >>> from qsyncplug.circle import twisted_state_stability
    >>> round(twisted_state_stability(20, 6, 1), 9)
    -0.50473452
    """
    n = check_integer("n", n, minimum=3)
    k = check_integer("neighbours", neighbours, minimum=1, maximum=(n - 1) // 2)
    q = check_integer("winding", winding)
    j = np.arange(1, k + 1)
    p = np.arange(1, n)[:, None]
    # the angle 2π m/n with m reduced: exact for large products
    turn = 2 * np.pi * np.mod(q * j, n) / n
    half = np.sin(np.pi * np.mod(p * j, n) / n)
    return float(np.max(-4 * np.sum(np.cos(turn) * half**2, axis=1)))


class _Branch:
    """λω_i − Σ_j a_ij sin(x_i−x_j+α) − c = 0 with λ=1/K, c=Ω/K, x_0=0; unknowns (x_1…, c)."""

    def __init__(self, a: np.ndarray, omega: np.ndarray, lag: float):
        self.a, self.omega, self.lag, self.n = a, omega, lag, len(a)

    # what must vanish, and its derivative by the unknowns
    def value(self, y: np.ndarray, scale: float) -> np.ndarray:
        x = np.concatenate([[0.0], y[:-1]])
        pull = self.a * np.sin(x[:, None] - x[None, :] + self.lag)
        return np.asarray(scale * self.omega - pull.sum(axis=1) - y[-1])

    def slope(self, y: np.ndarray) -> np.ndarray:
        x = np.concatenate([[0.0], y[:-1]])
        w = self.a * np.cos(x[:, None] - x[None, :] + self.lag)
        j = w - np.diag(w.sum(axis=1))
        return np.column_stack([j[:, 1:], -np.ones(self.n)])

    def newton(self, y: np.ndarray, scale: float) -> np.ndarray | None:
        """The solution next to y, or None."""
        for _ in range(30):
            step = np.linalg.lstsq(self.slope(y), -self.value(y, scale), rcond=None)[0]
            if not np.all(np.isfinite(step)) or np.max(np.abs(step[:-1]), initial=0.0) > 1.0:
                return None
            y = y + step
            if np.max(np.abs(step)) < 1e-13 * max(1.0, float(np.max(np.abs(y)))):
                return np.asarray(y)
        return None

    def stable(self, y: np.ndarray) -> bool:
        """Whether all eigenvalues but the rotation's have negative real parts."""
        x = np.concatenate([[0.0], y[:-1]])
        w = self.a * np.cos(x[:, None] - x[None, :] + self.lag)
        values = np.linalg.eigvals(w - np.diag(w.sum(axis=1)))
        others = np.delete(values, int(np.argmin(np.abs(values)))).real
        # of a graph in parts another eigenvalue is 0
        return bool(np.all(others < -1e-10 * float(np.max(np.abs(self.a), initial=0.0))))

    def fold(self, y: np.ndarray, scale: float) -> tuple[np.ndarray, float]:
        """Newton's method for the fold: the slope has a null vector v there."""
        n = self.n
        v = np.linalg.svd(self.slope(y))[2][-1]
        fixed = v.copy()
        for _ in range(40):
            j = self.slope(y)
            # d(Jv)/dy by central differences of a smooth matrix
            h = 1e-6
            turned = np.column_stack(
                [
                    (self.slope(y + h * e) @ v - self.slope(y - h * e) @ v) / (2 * h)
                    for e in np.eye(n)
                ]
            )
            system = np.zeros((2 * n + 1, 2 * n + 1))
            system[:n, :n], system[:n, 2 * n] = j, self.omega
            system[n : 2 * n, :n], system[n : 2 * n, n : 2 * n] = turned, j
            system[2 * n, n : 2 * n] = fixed
            right = np.concatenate([self.value(y, scale), j @ v, [fixed @ v - 1]])
            step = np.linalg.solve(system, -right)
            y, v, scale = y + step[:n], v + step[n : 2 * n], scale + float(step[2 * n])
            if np.max(np.abs(step)) < 1e-13:
                break
        return y, scale


def follow_locked(
    adjacency: Any, frequencies: Any, *, phase_lag: float = 0.0, coupling: float | None = None
) -> tuple[float, float, np.ndarray]:
    """Follow the stable locked state from strong coupling down to `coupling`, or to its end.

    Returns coupling, common frequency and positions, the first at 0. Raises ValueError where the
    branch does not reach `coupling`, or nothing locks at all.
    """
    a = _dense(adjacency)
    omega = _frequencies(frequencies, len(a))
    branch = _Branch(a, omega - np.mean(omega), phase_lag)
    start = branch.newton(np.zeros(len(a)), 0.0)
    if start is None or not branch.stable(start):
        raise ValueError("there is no stable locked state at strong coupling")
    goal = np.inf if coupling is None else 1 / coupling
    largest = float(np.max(np.abs(branch.omega)))
    mean = float(np.mean(omega))
    if largest == 0:
        k = 0.0 if coupling is None else coupling
        return k, mean + k * float(start[-1]), np.append(0.0, start[:-1])
    y, scale = start, 0.0
    step = 0.05 * float(np.max(np.sum(np.abs(a), axis=1))) / largest
    least = 1e-7 * step
    for _ in range(_MOST_STEPS):
        if not (scale < goal and step > least):
            break
        new = branch.newton(y, min(scale + step, goal))
        if new is not None and np.max(np.abs(new - y)) < 0.3 and branch.stable(new):
            y, scale = new, min(scale + step, goal)
            step *= 1.2
        else:
            step *= 0.5
    if scale < goal:
        y, scale = branch.fold(y, scale)
        if coupling is not None:
            raise ValueError(
                f"coupling must be at least {1 / scale!r} for the locked state to exist, not "
                f"{coupling!r}"
            )
    k = 1 / scale
    return k, mean + k * float(y[-1]), np.append(0.0, y[:-1])
