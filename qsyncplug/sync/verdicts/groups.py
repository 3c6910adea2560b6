"""Groups of nodes that turn together, and whether chance would give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .motion import hovering, standing, swinging
from .sources import PhaseSource
from .survey import Survey, Track, track
from .trend import trends

__all__ = ["MANY", "Group", "clusters", "densest", "find_groups", "follow"]

_MOST_GROUPS = 4
#: median range of the phases of a group that nothing shakes
_CALM = 0.1
#: from this number of nodes on the statistics of random phases apply
MANY = 20


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes with one mean frequency.

    Attributes
    ----------
    members : (N,) boolean array
        Those that follow: their phase moves by less than π against the group's, their mean
        frequency within π/2L.
    strict : int
        How many of them stand or hover.
    frequency : float
        Their mean frequency.
    order : float
        Their order parameter.
    motion : float
        Median range of their phases against the group's.
    chance : float
        How many would follow by chance, from the density of frequencies beside the group.
    drawn : float
        Rate at which the model draws them together, where that tells that they stay; else 0.
    """

    members: np.ndarray
    strict: int
    frequency: float
    order: float
    motion: float
    chance: float
    drawn: float = 0.0

    @property
    def size(self) -> int:
        """How many nodes follow the group."""
        return int(self.members.sum())

    @property
    def significant(self) -> bool:
        """Whether chance does not explain the group."""
        n, total = self.size, self.members.size
        enough = n >= max(3.0, 0.02 * total, min(5.0, 0.1 * total)) if total >= MANY else n >= 2
        beyond = n - self.chance > 5 * np.sqrt(self.chance) and n > 3 * self.chance
        if total < MANY:
            return bool(enough and beyond and self.strict == n)
        # fluctuations of r of few nodes hold slow ones for a while, but shake them
        calm = self.strict >= n / 2 or self.motion <= _CALM
        large = n > 2 * np.sqrt(total)
        firm = (self.order > 0.5 and calm and large) or self.strict >= max(3.0, 0.9 * n)
        return bool(enough and beyond and firm)


def densest(frequencies: np.ndarray, width: float) -> tuple[float, float]:
    """Lowest and highest frequency of the interval of this width that holds most of them."""
    w = np.sort(frequencies)
    stop = np.searchsorted(w, w + width, side="right")
    start = int(np.argmax(stop - np.arange(w.size)))
    return float(w[start]), float(w[stop[start] - 1])


def find_groups(
    source: PhaseSource,
    found: Survey,
    length: float,
    draws: Callable[[np.ndarray], float] | None = None,
) -> list[tuple[Group, Track]]:
    """Groups in order of size: the largest always, further ones while they are significant.

    `draws` tells of few nodes, a boolean array, the rate at which the model draws them together.
    """
    out: list[tuple[Group, Track]] = []
    left = np.ones(source.n, dtype=bool)
    while len(out) < _MOST_GROUPS and left.sum() >= 2:
        low, high = densest(found.frequencies[left], np.pi / (2 * length))
        core = left & (found.frequencies >= low) & (found.frequencies <= high)
        group, path = follow(source, found, length, core, left)
        if draws is not None and source.n < MANY and group.strict < group.size > 1:
            rate = draws(group.members)
            group = replace(group, strict=group.size, drawn=rate) if rate > 0 else group
        if out and not group.significant:
            break
        out.append((group, path))
        if not group.significant:
            break
        left = left & ~group.members & ~core
    return out


def follow(
    source: PhaseSource, found: Survey, length: float, core: np.ndarray, among: np.ndarray
) -> tuple[Group, Track]:
    """Who of `among` follows the nodes `core`."""
    path = track(source, found, core)
    frequency = float(np.mean(found.frequencies[core]))
    away = np.abs(found.frequencies - frequency) * length
    members = among & (away < np.pi / 2) & (path.whole < np.pi)
    if not np.array_equal(members, core) and members.any():
        # once more, against those that follow
        path = track(source, found, members)
        frequency = float(np.mean(found.frequencies[members]))
    beside = among & (away > np.pi / 2) & (away < 5 * np.pi / 2)
    still = standing(path.thirds, path.ninths, shaken=path.shaken)
    hover = hovering(path)
    might = members & ~still & (hover | swinging(path))
    if source.n < MANY and np.array_equal(might, members & ~still):
        # what turns beside them makes the members oscillate, and hides what creeps on
        fits = trends(source, found.inside, might, members) if members.sum() > 1 else {}
        hover[[k for k, fit in fits.items() if fit.creeps]] = False
        hover[[k for k, fit in fits.items() if fit.swings]] = True
    still |= hover
    # the shell beside is four times as wide; of many nodes an empty shell may hide one
    chance = (float(beside.sum()) + (source.n >= MANY)) / 4
    motion = float(np.median(path.whole[members])) if members.any() else np.inf
    strict = int((still & members).sum())
    return Group(members, strict, frequency, path.group_order, motion, chance), path


def clusters(phases: np.ndarray, width: float) -> list[tuple[int, float, float]] | None:
    """Sizes, angles and widths of clusters no wider than `width` on the circle.

    Or None if they are wider.
    """
    order = np.sort(np.mod(phases, 2 * np.pi))
    gaps = np.diff(order, append=order[0] + 2 * np.pi)
    cuts = np.flatnonzero(gaps > width)
    if cuts.size == 0:
        return None
    out = []
    rolled = np.concatenate([order[cuts[-1] + 1 :], order[: cuts[-1] + 1] + 2 * np.pi])
    begin = 0
    for size in np.diff(np.concatenate([[cuts[-1] - order.size], cuts])):
        part = rolled[begin : begin + size]
        begin += size
        out.append((int(size), float(np.mod(part.mean(), 2 * np.pi)), float(np.ptp(part))))
    return out if all(w <= width for _, _, w in out) else None
