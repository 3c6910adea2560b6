"""What a run of merging particles has found, whole at any instant."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..core.errors import SolverError
from .joins import Groups
from .survivors import Survivors
from .tree import Stage, TreeBuilder

__all__ = ["MergeBook", "Stand", "WidthError"]


class WidthError(SolverError):
    """Particles that had been merged would have come apart again: the result would be wrong from
    here on.

    Examples
    --------
    Between two heavy clusters neighbours part; merged there by force, their width would grow:

    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> heavy = np.linspace(0, 1e-3, 50)
    >>> x0 = np.concatenate([heavy, 1 + heavy, [0.5, 0.5 + 5e-9]])
    >>> model = qsp.Circle(qsp.attention(20.0, scaled=True), "mean")
    >>> try:
    ...     qsp.coalesce(model, x0, contraction=-1e6)
    ... except qsp.WidthError as error:
    ...     print(error.reason, error.result.complete)
    width regrowth False
    """


@dataclass(frozen=True)
class Stand:
    """Where a run stands.

    Attributes
    ----------
    log_t : float
    here : Survivors
    first, nodes : (g,) arrays of int, or None
        The groups that have met while their particles are still followed one by one.
    merges : int
        Merges in the tree.
    stages : int
        Stages in the book.
    """

    log_t: float
    here: Survivors
    first: np.ndarray | None
    nodes: np.ndarray | None
    merges: int
    stages: int

    @property
    def left(self) -> Survivors:
        """What is left: one particle of each group."""
        if self.first is None or self.nodes is None or self.first.size == self.here.size:
            return self.here
        return self.here.merged(self.first, self.nodes)


class MergeBook:
    """The tree, the stages, and where the run stands.

    What a partial result is made of changes in one assignment, that of ``stand``; the tree and the
    stages behind it only grow.

    Parameters
    ----------
    here : Survivors
        All particles.
    leaf_masses : (n,) array
        Weights, in the order of the nodes.
    gap : float
        Width at which what has merged counts as come apart.
    """

    def __init__(self, here: Survivors, leaf_masses: np.ndarray, gap: float):
        self.tree = TreeBuilder(leaf_masses)
        self.stages: list[Stage] = []
        self.gap = gap
        self.worst_log_width = -np.inf
        self.stand = Stand(-np.inf, here, None, None, 0, 0)

    @property
    def here(self) -> Survivors:
        """The particles that are followed."""
        return self.stand.here

    @property
    def log_t(self) -> float:
        """Logarithm of the time reached: times of merges span hundreds of orders of magnitude."""
        return self.stand.log_t

    @property
    def certificate(self) -> str:
        """What was watched, in words."""
        worst = math.exp(min(self.worst_log_width, 0.0))
        return f"the widths of merged particles stayed below {worst:.3g}"

    def write(self, here: Survivors, log_t: float, groups: Groups | None = None) -> None:
        """The particles are `here` at `log_t`; what has met is in `groups`.

        Raises
        ------
        WidthError
            What has merged would have come apart.
        """
        first, nodes = (None, None) if groups is None else (groups.first, groups.nodes)
        self.stand = Stand(log_t, here, first, nodes, self.tree.count, self.stand.stages)
        self._certify()

    def merge(self, groups: Groups) -> None:
        """Make one particle of each group."""
        here = self.here.merged(groups.first, groups.nodes)
        self.write(here, self.log_t)
        if here.size > 1:
            self.write(here.cut(), self.log_t)

    def remember(self) -> None:
        """Keep the positions after a merge."""
        self.stages.append((self.log_t, self.here.angles, self.here.weights.copy()))
        self.stand = replace(self.stand, stages=len(self.stages))

    def _certify(self) -> None:
        """Watch the virtual widths."""
        here = self.here
        k = int(here.log_width.argmax())
        if here.size > 1:
            self.worst_log_width = max(self.worst_log_width, float(here.log_width[k]))
        if here.log_width[k] > math.log(self.gap) + 1e-3:
            wide = math.exp(min(here.log_width[k], 700.0))
            raise WidthError(
                f"the particle at {here.x[k] + here.origin:.6g} (weight {here.weights[k]:g}) is "
                f"{wide:.3g} wide and grows; take a smaller gap or a larger contraction",
                reason="width regrowth",
            )
