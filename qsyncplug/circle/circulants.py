"""Twisted states on circulant graphs, and the densest graphs that keep one stable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
import scipy.sparse

from ..core.checks import check_array, check_integer
from ..core.saved import Saved
from .model import refuse_mask

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["CirculantState", "circulant_density", "circulant_spectrum", "densest_circulant"]

#: how far below zero the eigenvalues of a found state must be
_MARGIN = 1e-4
#: the same a node, for densities: some state must have its eigenvalues below
_STRICT = 1e-6


@dataclass(frozen=True)
class CirculantState(Saved):
    """A stable twisted state on a circulant graph.

    Attributes
    ----------
    n : int
        Nodes.
    winding : int
        q: :math:`x_i=2πqi/n`.
    offsets : tuple of int
        Node i is joined to i±j for each of them, 1 ≤ j ≤ n/2.
    eigenvalue : float
        The largest one but the rotation's 0; negative.

    Examples
    --------
    >>> from qsyncplug.circle import densest_circulant
    >>> densest_circulant(20).degree
    12
    """

    n: int
    winding: int
    offsets: tuple[int, ...]
    eigenvalue: float

    @property
    def degree(self) -> int:
        """Number of neighbours of every node; an offset of n/2 reaches one, all others two."""
        return sum(1 if 2 * j == self.n else 2 for j in self.offsets)

    @property
    def density(self) -> float:
        """Degree over n; graphs whose smallest degree is at least ¾(n−1) always synchronise."""
        return self.degree / self.n

    def adjacency(self) -> scipy.sparse.csr_array:
        """The graph as a symmetric sparse matrix of ones, (n, n)."""
        i = np.repeat(np.arange(self.n), len(self.offsets))
        j = np.tile(np.array(self.offsets), self.n)
        rows, columns = np.concatenate([i, i]), np.concatenate([i + j, i - j]) % self.n
        matrix = scipy.sparse.csr_array(
            (np.ones(rows.size), (rows, columns)), shape=(self.n, self.n)
        )
        matrix.data[:] = 1.0  # half of the circle away is reached from both sides
        return matrix

    def positions(self) -> np.ndarray:
        """Positions of the twisted state, (n,), radians in [0, 2π): node i at 2πqi/n."""
        return 2 * np.pi * np.mod(self.winding * np.arange(self.n), self.n) / self.n


def _table(n: int, winding: int) -> np.ndarray:
    """−λ_p for a weight 1 on the offset j alone, (p, j): p=1…n/2, j=1…n/2."""
    j = np.arange(1, n // 2 + 1)
    p = np.arange(1, n // 2 + 1)[:, None]
    turn = np.cos(2 * np.pi * np.mod(winding * j, n) / n)
    half = np.sin(np.pi * np.mod(p * j, n) / n)
    twice = np.where(2 * j == n, 1.0, 2.0)
    return np.asarray(2 * twice * turn * half**2)


def circulant_spectrum(n: int, weights: ArrayLike, winding: int) -> np.ndarray:
    r"""Return the eigenvalues of a twisted state on a circulant graph.

    Parameters
    ----------
    n : int
        Nodes.
    weights : (n//2,) array_like
        :math:`w_j` of the edges between i and i±j, j = 1 … n/2.
    winding : int
        q: :math:`x_i=2πqi/n`; 0 is the synchronised state.

    Returns
    -------
    (n//2,) array
        :math:`λ_p=-2\sum_jw_j\cos\frac{2πqj}n(1-\cos\frac{2πpj}n)`, p = 1 … n/2 (the term j=n/2
        once), of :math:`\dot x_i=\sum_jw_j(\sin(x_{i+j}-x_i)+\sin(x_{i-j}-x_i))`; the state is
        stable if all are negative.

    Raises
    ------
    ValueError, TypeError
        A wrong number of weights.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import circulant_spectrum, twisted_state_stability
    >>> ring = np.arange(1, 11) <= 6
    >>> bool(np.isclose(circulant_spectrum(20, ring * 1.0, 1).max(),
    ...                 twisted_state_stability(20, 6, 1)))
    True
    """
    n = check_integer("n", n, minimum=3)
    refuse_mask("weights", weights)
    w = check_array("weights", weights, shape=(n // 2,))
    return np.asarray(-_table(n, check_integer("winding", winding)) @ w)


def densest_circulant(n: int, *, winding: int = 1) -> CirculantState | None:
    r"""Return the densest circulant graph on which a twisted state is stable.

    Parameters
    ----------
    n : int
        Nodes, at most some hundred.
    winding : int
        q ≠ 0 modulo n.

    Returns
    -------
    CirculantState or None
        Of the largest degree among those with an eigenvalue below −0.0001, by integer programming.
        None where no circulant graph has such a state.

    Raises
    ------
    ValueError, TypeError
        Bad numbers; the program gave up.

    Notes
    -----
    Every graph whose smallest degree is at least ¾(n−1) synchronises from almost every start (M.
    Kassabov, S. H. Strogatz, A. Townsend, Chaos 31, 073135 (2021)); circulant graphs with another
    stable state are known up to .6838n (R. Yoneda, T. Tatsukawa, J. Teramae, Chaos 31, 063124
    (2021)), and reach no further (:func:`circulant_density`). For other graphs, what lies between
    is open. The densest have several nodes at each of 19 or 16 positions: n=544, winding 34 has
    .682n.

    Examples
    --------
    >>> from qsyncplug.circle import densest_circulant
    >>> state = densest_circulant(22)
    >>> state.degree, state.eigenvalue < 0
    (14, True)
    """
    n = check_integer("n", n, minimum=3, maximum=2000)
    q = check_integer("winding", winding)
    if q % n == 0:
        raise ValueError("winding must not be a multiple of n: that is the synchronised state")
    table = _table(n, q)
    size = np.where(2 * np.arange(1, n // 2 + 1) == n, 1.0, 2.0)
    found = scipy.optimize.milp(
        -size,
        constraints=scipy.optimize.LinearConstraint(table, lb=_MARGIN),
        integrality=np.ones(size.size),
        bounds=scipy.optimize.Bounds(0, 1),
        options={"time_limit": 120.0},
    )
    if found.status == 2:
        return None
    if found.status != 0:
        raise ValueError(f"n={n} is too large for the integer program: {found.message}")
    chosen = np.round(found.x)
    worst = float(np.max(-table @ chosen))
    if worst >= 0:
        raise ValueError(f"n={n}: the integer program's answer is not stable ({worst:.2g})")
    offsets = tuple(int(j) for j in np.flatnonzero(chosen) + 1)
    return CirculantState(n, q, offsets, worst)


def circulant_density(positions: int) -> float:
    r"""Return how dense circulant graphs with a stable twisted state can be, n→∞.

    Parameters
    ----------
    positions : int
        Number of positions at which the nodes stand: n over the greatest common divisor of n and
        the winding number.

    Returns
    -------
    float
        Upper bound of (degree+1)/n, which graphs of many nodes come as close to as one likes; 0
        where there is no such state.

    Raises
    ------
    ValueError, TypeError
        Fewer than 3 positions, more than 2000.

    Notes
    -----
    A share :math:`w_j` of the nodes j positions away is joined to a node, all of its own position:
    :math:`\max(1+\sum_jw_j)/P` over :math:`0≤w_j≤1` with no eigenvalue above 0, a linear program.
    Moving whole positions tells its necessity for every n. The largest of all P≤300 but 4 is
    .6838758 at P=19, the bound of Yoneda, Tatsukawa and Teramae; for P→∞ it tends to that of the
    ring, :math:`u/π=.6809`, :math:`4\sin u=2u+\sin 2u`. At P=4 neighbours a quarter of a turn
    away pull nowhere: nothing is stable to first order.

    Examples
    --------
    >>> from qsyncplug.circle import circulant_density
    >>> round(circulant_density(19), 7), round(circulant_density(4), 7)
    (0.6838758, 0.0)
    """
    n = check_integer("positions", positions, minimum=3, maximum=2000)
    table = _table(n, 1)
    size = np.where(2 * np.arange(1, n // 2 + 1) == n, 1.0, 2.0)
    # a little strictly, so that a bound that only neutral states attain is none
    found = scipy.optimize.linprog(-size, -table, np.full(len(table), -_STRICT * n), bounds=(0, 1))
    if found.status == 2:
        return 0.0
    found = scipy.optimize.linprog(-size, -table, np.zeros(len(table)), bounds=(0, 1))
    if found.status != 0:
        raise ValueError(f"the linear program failed: {found.message}")
    return float((1 - found.fun) / n)
