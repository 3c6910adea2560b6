"""The merge tree of particles on the circle: what coalesced with what, and when."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .._ext.clusters import leaf_order, roots
from ..core.checks import check_number
from ..core.errors import StorageError
from ..core.result import Result

__all__ = ["CoalesceResult", "Stage", "TreeBuilder", "check_tree"]

#: ln t, angles and weights of the particles that are left from then on
Stage = tuple[float, np.ndarray, np.ndarray]


def check_tree(left: np.ndarray, right: np.ndarray, sizes: np.ndarray, n: int) -> None:
    """Refuse merges that are not those of a tree with n leaves: kernels follow their indices."""
    k = left.size
    if not (left.shape == right.shape == sizes.shape == (k,)) or k > max(n - 1, 0):
        raise StorageError(
            f"the merge tree must hold at most {n - 1} merges, in arrays of one length"
        )
    if any(a.dtype.kind not in "iu" for a in (left, right, sizes)):
        raise StorageError("the merge tree must hold whole numbers")
    nodes = np.concatenate([left, right])
    made = np.tile(n + np.arange(k), 2)
    if np.any((nodes < 0) | (nodes >= made)) or np.unique(nodes).size != nodes.size:
        raise StorageError("the merge tree joins nodes that do not exist, or one node twice")
    count = np.ones(n + k, np.intp)
    for m in range(k):
        count[n + m] = count[left[m]] + count[right[m]]
    if not np.array_equal(count[n:], sizes):
        raise StorageError("the sizes of the merge tree are not those of its nodes")


class TreeBuilder:
    """Collects merges of n leaves; nodes n, n+1, … are made in order."""

    def __init__(self, masses: np.ndarray):
        n = masses.size
        self.n = n
        self.left = np.empty(max(n - 1, 0), np.intp)
        self.right = np.empty(max(n - 1, 0), np.intp)
        self.size = np.empty(max(n - 1, 0), np.intp)
        self.mass = np.empty(max(n - 1, 0))
        self.log_time = np.empty(max(n - 1, 0))
        self.leaf_mass = masses
        self.count = 0

    def join(
        self,
        left: np.ndarray,
        right: np.ndarray,
        sizes: np.ndarray,
        masses: np.ndarray,
        log_times: np.ndarray,
    ) -> None:
        """Add merges in the order of time, with the sizes and masses of the nodes that they
        make.
        """
        k = slice(self.count, self.count + left.size)
        self.left[k], self.right[k], self.size[k], self.mass[k], self.log_time[k] = (
            left,
            right,
            sizes,
            masses,
            log_times,
        )
        self.count += left.size

    def sizes_of(self, nodes: np.ndarray) -> np.ndarray:
        """Number of leaves in each of `nodes`."""
        out = np.ones(nodes.size, np.intp)
        inner = nodes >= self.n
        out[inner] = self.size[nodes[inner] - self.n]
        return out

    def masses_of(self, nodes: np.ndarray) -> np.ndarray:
        """Weight of each of `nodes`."""
        inner = nodes >= self.n
        out = np.empty(nodes.size)
        out[~inner] = self.leaf_mass[nodes[~inner]]
        out[inner] = self.mass[nodes[inner] - self.n]
        return out


class CoalesceResult(Result):
    r"""Result of :func:`coalesce`: the tree of merges. Times are given by their natural logarithm.

    Attributes
    ----------
    log_times : (M,) array
        ln t of the M instants at which particles merged (−∞ for particles that start together);
        ``times`` is the same.
    cluster_counts : (M,) array of int
        Number of particles left after each.
    left, right : (n−1,) arrays of int
        Merge k makes node n+k of the nodes ``left[k]`` and ``right[k]``; the n particles are the
        nodes 0 … n−1. Fewer than n−1 where the run had to stop.
    merge_log_times : (n−1,) array
        ln t of each merge.
    sizes : (n−1,) array of int
        Number of particles in node n+k.
    masses : (n−1,) array
        Their weight.
    leaf_masses : (n,) array
        Weights of the particles.
    final_positions, final_masses : (m,) arrays
        Angles, in order around the circle, and weights of the particles that are left, when the run
        ended.
    centre_log_times, centre_counts : (S,) arrays
        For each instant from where 300 particles or fewer are left: ln t, and how many.
    centre_positions, centre_masses : arrays
        Angles and weights of the particles after each of these instants, one after the other.
    frame : str
        Frame of the angles: ``"laboratory"``; for a common frequency ω with ωt above 1e8 at the end
        of the run, where turns are no longer resolved, ``"rotating with frequency ω"`` (all angles
        of the result are then in that frame).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> tree = qsp.coalesce(qsp.Circle(qsp.sine(), "mean"), [0.0, 0.1, 2.0])
    >>> tree.complete, tree.merge_log_times.shape
    (True, (2,))
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "cluster_counts": ("instant",),
        "left": ("merge",),
        "right": ("merge",),
        "merge_log_times": ("merge",),
        "sizes": ("merge",),
        "masses": ("merge",),
        "leaf_masses": ("particle",),
        "final_positions": ("cluster",),
        "final_masses": ("cluster",),
        "centre_log_times": ("stage",),
        "centre_counts": ("stage",),
        "centre_positions": ("centre",),
        "centre_masses": ("centre",),
    }
    cluster_counts: np.ndarray
    left: np.ndarray
    right: np.ndarray
    merge_log_times: np.ndarray
    sizes: np.ndarray
    masses: np.ndarray
    leaf_masses: np.ndarray
    final_positions: np.ndarray
    final_masses: np.ndarray
    centre_log_times: np.ndarray
    centre_counts: np.ndarray
    centre_positions: np.ndarray
    centre_masses: np.ndarray

    def fill(
        self,
        tree: TreeBuilder,
        count: int,
        final: tuple[np.ndarray, np.ndarray],
        stages: list[Stage],
    ) -> None:
        """Take over what has been found so far.

        Parameters
        ----------
        tree : TreeBuilder
        count : int
            Merges that count.
        final : angles and weights
            Of the particles that are left.
        stages : list of (ln t, angles, weights)
        """
        k = slice(count)
        # the tree only grows: its first entries are never written again
        self.left, self.right, self.sizes = tree.left[k], tree.right[k], tree.size[k]
        self.merge_log_times, self.masses = tree.log_time[k], tree.mass[k]
        self.leaf_masses = tree.leaf_mass
        # compared, not subtracted: particles that start together merge at −∞
        ends = np.append(self.merge_log_times[1:] != self.merge_log_times[:-1], True)
        last = np.flatnonzero(ends) if count else np.empty(0, np.intp)
        self.times = self.merge_log_times[last]
        self.cluster_counts = tree.n - 1 - last
        self.final_positions, self.final_masses = final
        self.centre_log_times = np.array([s[0] for s in stages])
        self.centre_counts = np.array([s[1].size for s in stages], dtype=np.intp)
        self.centre_positions = np.concatenate([np.empty(0), *(s[1] for s in stages)])
        self.centre_masses = np.concatenate([np.empty(0), *(s[2] for s in stages)])

    def _trim(self, count: int) -> None:
        """Nothing: the tree is not cut at outputs."""

    def _continue(self, partial: Result, done: int) -> None:
        """Nothing: what goes on with a run has the tree so far."""

    @property
    def frame(self) -> str:
        """Frame in which the angles are given."""
        return str(self.stats.get("frame", "laboratory"))

    @property
    def log_times(self) -> np.ndarray:
        """Natural logarithms of the instants of merging, (M,)."""
        return self.times

    @property
    def n(self) -> int:
        """Number of particles at the start."""
        return self.leaf_masses.size

    @property
    def complete(self) -> bool:
        """Whether one particle is left, so that the tree has one root."""
        return self.left.size == self.n - 1

    @property
    def log_time(self) -> float:
        """Natural logarithm of the time of the last merge (−∞ for one particle from the start)."""
        return float(self.merge_log_times[-1]) if self.merge_log_times.size else -np.inf

    @property
    def linkage(self) -> np.ndarray:
        """The tree as SciPy's hierarchical clustering has it, (n−1, 4): two nodes, ln t, number of
        particles.

        −∞ (particles that start together) is replaced by the smallest finite ln t, for plots.
        """
        heights = self.merge_log_times
        finite = heights[np.isfinite(heights)]
        heights = np.where(np.isfinite(heights), heights, finite.min() if finite.size else 0.0)
        return np.column_stack([self.left, self.right, heights, self.sizes]).astype(float)

    @property
    def leaf_order(self) -> np.ndarray:
        """Order of the n particles in which no branches of the tree cross, (n,); needs a complete
        run.
        """
        if not self.complete:
            raise ValueError(
                "leaf_order needs a run that ended in one particle; this one left "
                f"{self.final_positions.size}"
            )
        if self.n == 1:
            return np.zeros(1, np.intp)
        return np.asarray(leaf_order(self.left, self.right, self.sizes, self.n))

    def _merges(self, log_t: float) -> int:
        real = isinstance(log_t, (int, float, np.floating, np.integer))
        if isinstance(log_t, bool) or not real or np.isnan(log_t):
            raise TypeError(f"log_t must be a real number, not {log_t!r}")
        return int(np.searchsorted(self.merge_log_times, log_t, side="right"))

    def clusters(self, log_t: float) -> np.ndarray:
        """Labels of the n particles at time e^{log_t}: 0 for the heaviest cluster, then by falling
        weight.

        Parameters
        ----------
        log_t : float
            Natural logarithm of the time.

        Returns
        -------
        (n,) array of int
        """
        k = self._merges(log_t)
        top = roots(self.left, self.right, k, self.n)
        _, label = np.unique(top, return_inverse=True)
        mass = np.bincount(label, weights=self.leaf_masses)
        rank = np.empty(mass.size, np.intp)
        rank[np.argsort(-mass, kind="stable")] = np.arange(mass.size)
        return rank[label]

    def cluster_masses(self, log_t: float) -> np.ndarray:
        """Weights of the clusters at time e^{log_t}, falling."""
        k = self._merges(log_t)
        mass = np.concatenate([self.leaf_masses, self.masses[:k]])
        alive = np.ones(mass.size, bool)
        alive[self.left[:k]] = False
        alive[self.right[:k]] = False
        return np.sort(mass[alive])[::-1]

    def count(self, log_t: float, mass: float = 1.0) -> int:
        """Return the number of heaviest clusters that hold the part `mass` of the weight at time
        e^{log_t}.

        Parameters
        ----------
        log_t : float
            Natural logarithm of the time.
        mass : float
            Between 0 and 1; 0.99 leaves stragglers out.

        Returns
        -------
        int
        """
        check_number("mass", mass, minimum=0.0, maximum=1.0)
        falling = self.cluster_masses(log_t)
        if mass == 1.0:
            return falling.size
        total = np.cumsum(falling)
        return int(np.searchsorted(total, mass * total[-1] * (1 - 1e-14))) + 1

    def centres(self, log_t: float) -> tuple[np.ndarray, np.ndarray]:
        """Positions and weights of the clusters right after the last merge before e^{log_t}.

        Known from where 300 particles or fewer are left; ValueError before that.
        """
        self._merges(log_t)
        k = int(np.searchsorted(self.centre_log_times, log_t, side="right"))
        if k == 0:
            known = f"{self.centre_log_times[0]:.6g}" if self.centre_log_times.size else "never"
            raise ValueError(
                f"log_t must be a time with few particles left (from {known} on), not {log_t:g}"
            )
        stop = int(np.sum(self.centre_counts[:k]))
        part = slice(stop - int(self.centre_counts[k - 1]), stop)
        return self.centre_positions[part], self.centre_masses[part]

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> CoalesceResult:
        result = super()._from_store(header, arrays)
        assert isinstance(result, CoalesceResult)
        for name in cls._fields:
            if getattr(result, name) is None:
                raise StorageError(f"the file lacks {name}, which every merge tree has")
        check_tree(result.left, result.right, result.sizes, result.leaf_masses.size)
        return result
