"""Ensembles of noisy paths: how many of them synchronise."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv

from .case import FEWEST, Case
from .phases import too_few
from .report import Label, Verdict
from .survey import cuts

__all__ = ["judge_paths", "share_interval"]

_COMPLETE = 2e-3


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share of which `count` of `total` were seen."""
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, 0.025))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 0.975))
    return low, high


def judge_paths(case: Case, order: np.ndarray) -> Verdict:
    r"""Verdict on order parameters of paths (T, R): complete if all of at least 20 paths are.

    1−r² is the mean of 1−Re z over all pairs: it bounds the largest \|1−z\|.
    """
    if case.samples < FEWEST:
        return too_few(case)
    late = order[case.inside][cuts(case.window, 3)[2] :]
    worst = case.n * np.sqrt(np.maximum(1 - late.min(axis=0) ** 2, 0.0))
    total = order.shape[1]
    count = int(np.count_nonzero(worst <= _COMPLETE))
    low, high = share_interval(count, total)
    evidence = {
        "paths": total,
        "complete": count,
        "share of all paths (95 %)": (low, high),
        "order parameter of the paths at the end": (float(order[-1].min()), float(order[-1].max())),
    }
    if case.dynamics.coupled is False or not case.dynamics.joined(np.ones(case.n, dtype=bool)):
        why = "the nodes do not act on each other, directly or through others"
        return case.undecided(why, evidence, advice="a coupling")
    if np.abs(np.asarray(case.view.masses) - 1).max() > 1e-6:
        why = "the masses are not 1, so that the order parameters do not say who is complete"
        return case.undecided(why, evidence, advice="normalised states")
    if order[0].min() > 1 - 1e-9:
        why = "all paths start where they end"
        return case.undecided(why, evidence, advice="a start elsewhere")
    if count == total >= 20:
        why = f"all of {total} paths are complete, so that at least {low:.3g} of all paths are"
        return case.say(Label.COMPLETE, why, evidence)
    why = f"{count} of {total} paths are complete ({low:.2g} to {high:.2g} of all)"
    return case.undecided(why, evidence, advice="a longer run, more paths")
