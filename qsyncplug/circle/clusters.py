"""Stationary states of a few clusters: spectra, the states of PRY's Corollary 2.6, regular
polygons.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.checks import check_array, check_integer, check_number
from ..core.saved import Saved
from .balance import BALANCED, imbalance
from .callables import interaction as as_interaction
from .interactions import Interaction
from .model import refuse_mask
from .triangles import three_cluster_arcs

__all__ = ["ClusterState", "polygon_state", "three_cluster_states"]


@dataclass(frozen=True)
class ClusterState(Saved):
    r"""A stationary state of :math:`\dot x_i=-\sum_jc_jF(x_i-x_j)` with clusters at the given
    angles.

    Attributes
    ----------
    interaction : Interaction
        The physical interaction F.
    sizes : tuple of float
        Number of particles of each cluster (or its weight).
    angles : tuple of float
        Their positions, the first at 0.
    scaled_motion : ndarray of shape (k,)
        Eigenvalues of the linearised motion of whole clusters, the rotation's 0 first, for the
        scaled interaction.
    scaled_splitting : ndarray of shape (k,)
        Eigenvalue for taking each cluster apart, for the scaled interaction, of multiplicity
        ``sizes[k]-1``.
    stable : bool
        Whether every eigenvalue but the rotation's 0 is negative (splitting counts only for
        clusters of more than one particle, and always for sizes that are not integers).
    residual : float
        Largest force on a particle, relative to the gross pair forces and slopes that act on it
        (the sum of their absolute values): about 1e-15 in a stationary state, however small the
        forces are.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> state = qsp.polygon_state(qsp.sine(), 3)
    >>> len(state.angles), state.stable
    (3, False)
    """

    _axes: ClassVar[dict[str, str]] = dict.fromkeys(
        ("sizes", "angles", "scaled_motion", "scaled_splitting"), "k"
    )

    interaction: Interaction
    sizes: tuple[float, ...]
    angles: tuple[float, ...]
    scaled_motion: np.ndarray
    scaled_splitting: np.ndarray
    stable: bool
    residual: float

    @property
    def alpha(self) -> float:
        """Angle of the second cluster; states with two equal clusters have them at ±α."""
        return self.angles[1]

    @property
    def positions(self) -> np.ndarray:
        """Angle of every particle, (n,)."""
        self._need_integers()
        return np.repeat(self.angles, [int(m) for m in self.sizes])

    @property
    def eigenvalues(self) -> np.ndarray:
        """All n eigenvalues of the Jacobian of the physical system, in decreasing order."""
        self._need_integers()
        within = np.repeat(self.scaled_splitting, [int(m) - 1 for m in self.sizes])
        return np.sort(np.concatenate([self.scaled_motion, within]))[::-1] * math.exp(
            self.interaction.log_scale
        )

    def _need_integers(self) -> None:
        if any(m != int(m) for m in self.sizes):
            raise ValueError(f"sizes must be integers to speak of particles, not {self.sizes}")


def _state(f: Interaction, sizes: np.ndarray, angles: np.ndarray) -> ClusterState:
    difference = angles[:, None] - angles[None, :]
    pull = f.df(difference) * sizes[None, :]
    splitting = -np.sum(pull, axis=1)
    between = pull - np.diag(np.diag(pull))
    matrix = between - np.diag(np.sum(between, axis=1))
    # similar to a symmetric matrix, with the weights' square roots
    root = np.sqrt(sizes)
    symmetric = matrix * root[:, None] / root[None, :]
    motion = np.linalg.eigvalsh((symmetric + symmetric.T) / 2)
    zero = int(np.argmin(np.abs(motion)))
    motion = np.concatenate([[motion[zero]], np.delete(motion, zero)[::-1]])
    noise = 1e-11 * float(np.sum(sizes)) * float(np.max(np.abs(between / sizes)))
    # each cluster against the slopes that act on it: they differ by many powers of ten
    rounding = 1e-13 * np.sum(np.abs(pull), axis=1)
    held = (splitting < -rounding) | (sizes == 1)
    away = float(np.max(imbalance(f.f(difference) * sizes, pull)))
    stable = bool(away <= 1e-9 and np.all(motion[1:] < -noise) and np.all(held))
    return ClusterState(
        interaction=f,
        sizes=tuple(float(m) for m in sizes),
        angles=tuple(float(a) for a in angles),
        scaled_motion=motion,
        scaled_splitting=splitting,
        stable=stable,
        residual=away,
    )


def _sizes(sizes: Any, count: int | None = None) -> np.ndarray:
    refuse_mask("sizes", sizes)
    array = check_array("sizes", sizes, shape=(count,))
    if array.size < 2 or np.any(array <= 0):
        raise ValueError(f"sizes must be two or more positive numbers, not {array.tolist()}")
    return array


def polygon_state(
    interaction: Interaction | Callable[..., Any], corners: int, size: float = 1
) -> ClusterState:
    r"""Return the regular polygon: equal clusters at equal distances, stationary for every odd
    interaction.

    Parameters
    ----------
    interaction : Interaction or callable
        F.
    corners : int
        Number of clusters, at least 2.
    size : float
        Particles in each.

    Returns
    -------
    ClusterState
        For the triangle of n particles the eigenvalues are :math:`-nF'(2π/3)` (twice) and
        :math:`-\frac n3(F'(0)+2F'(2π/3))` (n−3 times).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.polygon_state(qsp.attention(5.0), 2).stable
    False
    """
    corners = check_integer("corners", corners, minimum=2)
    sizes = _sizes(np.full(corners, check_number("size", size, minimum=0.0, strict=True)))
    return _state(as_interaction(interaction), sizes, 2 * np.pi * np.arange(corners) / corners)


def three_cluster_states(
    interaction: Interaction | Callable[..., Any], sizes: Sequence[float], *, grid: int = 24
) -> tuple[ClusterState, ...]:
    r"""Find the stationary states with three distinct clusters of given sizes.

    Parameters
    ----------
    interaction : Interaction or callable
        F; for :math:`\sin x\,e^{β\cos x}` with β<−2/3 these are the states of PRY's Corollary 2.6.
    sizes : sequence of three numbers
        Particles (or weight) of each cluster.
    grid : int
        For other interactions than attention and sine: Newton's method starts from a grid of this
        many points a direction.

    Returns
    -------
    tuple of ClusterState
        Stable ones first, then by the angle of the second cluster; mirror images and exchanges of
        equal clusters are one state. For the attention and the sine these are all
        (:func:`three_cluster_arcs`); for others the search is thorough but proves nothing about
        states that it has not found.

    Notes
    -----
    Clusters at 0, ±α with sizes (m₀, m, m) are stationary where :math:`m_0F(α)+mF(2α)=0`.

    Examples
    --------
    >>> from qsyncplug.circle import attention, three_cluster_states
    >>> state = three_cluster_states(attention(-2.0), (3, 2, 2))[0]
    >>> round(state.alpha, 12), state.stable
    (1.952562927465, True)
    """
    f = as_interaction(interaction)
    m = _sizes(sizes, 3)
    grid = check_integer("grid", grid, minimum=4)
    places = _all_places(f, m)
    if places is None:
        places = _searched(f, m, grid)
    found: list[np.ndarray] = []
    for point in places:
        if not any(_same(np.array([0.0, *point]), np.array([0.0, *other]), m) for other in found):
            found.append(point if point[0] <= np.pi else 2 * np.pi - point)
    states = [_state(f, m, np.array([0.0, *y])) for y in found]
    return tuple(sorted(states, key=lambda s: (not s.stable, s.angles[1])))


def _all_places(f: Interaction, m: np.ndarray) -> np.ndarray | None:
    """Angles of the second and third cluster in all states, (S, 2), or None if it is not sure."""
    if f.kind not in ("attention", "sine") or abs(f.beta) > 300:
        return None
    try:
        arcs = three_cluster_arcs(f.beta, m)
    except RuntimeError:
        return None
    return np.stack([arcs[:, 2], arcs[:, 2] + arcs[:, 0]], axis=1)


def _searched(f: Interaction, m: np.ndarray, grid: int) -> np.ndarray:
    """The same by a search, maybe several times."""
    starts = 2 * np.pi * (np.arange(grid) + 0.5) / grid
    # and from the triangle, whose surroundings are narrow at large |β|
    y = np.array([*itertools.combinations(starts, 2), (2 * np.pi / 3, 4 * np.pi / 3)])
    for _ in range(60):  # Newton's method for all starts at once, with bounded steps
        force, slope = _forces(f, m, y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.stack(
                [slope[:, 1, 1], -slope[:, 0, 1], -slope[:, 1, 0], slope[:, 0, 0]], axis=-1
            )
            inverse /= (slope[:, 0, 0] * slope[:, 1, 1] - slope[:, 0, 1] * slope[:, 1, 0])[:, None]
        step = np.einsum("nij,nj->ni", inverse.reshape(-1, 2, 2), force)
        size = np.max(np.abs(step), axis=1)
        good = np.isfinite(size)
        y, step, size = y[good], step[good], size[good]
        y = y - step * np.minimum(1.0, 0.3 / np.maximum(size, 1e-300))[:, None]
        if np.all(size < 1e-15):
            break
    # forces that are tiny need not cancel: they are held against the gross forces on each cluster
    angles = np.concatenate([np.zeros((len(y), 1)), y], axis=1)
    difference = angles[:, :, None] - angles[:, None, :]
    away = np.max(imbalance(f.f(difference) * m, f.df(difference) * m), axis=-1)
    y = np.mod(y[away <= BALANCED], 2 * np.pi)
    # two of the three clusters at one point make another state
    apart = np.min(np.abs(np.exp(1j * np.stack([y[:, 0], y[:, 1], y[:, 0] - y[:, 1]])) - 1), axis=0)
    return np.asarray(y[apart > 1e-5])


def _forces(f: Interaction, m: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Force on the second and third cluster, (n, 2), at their angles `y`, (n, 2), and its
    derivatives, (n, 2, 2).
    """
    angles = np.concatenate([np.zeros((len(y), 1)), y], axis=1)
    difference = y[:, :, None] - angles[:, None, :]
    force = f.f(difference) @ m
    pull = f.df(difference) * m
    pull[:, [0, 1], [1, 2]] = (
        0.0  # a cluster does not move itself, and its stiffness would swallow the rest
    )
    slope = -pull[:, :, 1:]
    slope[:, [0, 1], [0, 1]] += np.sum(pull, axis=2)
    return force, slope


def _same(a: np.ndarray, b: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether two states agree up to rotation, reflection and exchange of clusters of one size."""
    for order in itertools.permutations(range(sizes.size)):
        chosen = list(order)
        if np.any(sizes[chosen] != sizes):
            continue
        for sign in (1.0, -1.0):
            shift = sign * a[chosen] - b
            if np.max(np.abs(np.exp(1j * (shift - shift[0])) - 1)) < 1e-7:
                return True
    return False
