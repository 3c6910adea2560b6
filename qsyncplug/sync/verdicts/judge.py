"""The verdict on a run: which kind of motion the view shows, and on what evidence."""

from __future__ import annotations

import numpy as np

from ...core.interrupts import whole_or_nothing
from ...core.types import Modes
from ..dynamics import Kind
from ..reading import Readable, synchronization
from .amplitudes import judge_amplitudes
from .case import FEWEST, Case, case_of
from .fields import judge_fields
from .moments import judge_moments
from .phases import judge_phases
from .report import Verdict
from .sources import ContinuousPhases
from .survey import widest_gap
from .vectors import judge_vectors

__all__ = ["verdict"]

#: parts of the window that must hold a sample each
_PARTS = 9


@whole_or_nothing
def verdict(x: Readable, *, modes: Modes = None) -> Verdict:
    r"""Do they synchronise, how fast, and how do we know: one label, with its evidence.

    No false statement of synchronisation: what the trailing half of the run (length L) cannot show
    is "undecided", with the reason and what would decide it.

    Parameters
    ----------
    x : result, QuTiP result, state, list of states, or SyncView
        What was run. A result of this package brings its model as evidence; a view made by hand
        knows less.
    modes : sequence of Qobj or Expression, optional
        For QuTiP results and states: the annihilation (or lowering) operator of each node.

    Returns
    -------
    Verdict
        ``.label``, ``.why``, ``.evidence``, ``.rate``, ``.beat``, ``.period``, ``.flags``,
        ``.advice``; prints as a sentence with its numbers; ``.plot()`` shows them.

    Raises
    ------
    TypeError
        `x` cannot be read as a view.

    Notes
    -----
    * "complete": all phases (states) agree to 2·10⁻³ and stay so. "bipolar": in two groups at
      distance π. "clustered": in k groups of one phase, 2≤k≤N/4. "phase-locked": all relative
      phases come to rest, at least exponentially. "frequency-locked": they stay within π, without a
      trend, and return again and again.
    * "partially synchronised": a group turns together beyond chance and the others drift; of
      identical nodes a chimera. Few phases that the others shake are a group if the model draws
      them together for nine relaxation times.
    * "drifting": relative phases wind (two turns and more, the same in both halves); correlations
      of vectors repeat. "incoherent": N≥20, r at the value of independent phases, no group.
    * Of mean fields of infinitely many oscillators: "incoherent" if they decay where incoherence is
      stable; if they stand in a stable state, "partially synchronised", with the share that turns
      with them, or the labels above if all do; "drifting" if those of two populations wind.
    * "amplitude death": the mean field goes to rest although every node has gain. "relaxing to
      vacuum": no node has. "transient synchronisation": the relative phase settles while the
      amplitudes die out, for one mode outlives the others.
    * "locked to the drive", "slipping": one node with gain against its drive; whether the drive
      locks the phase of its oscillation (a saddle beside) or suppresses it (no other state of rest)
      is said. Two nodes of a model without a free common phase that drift at a ratio of small
      whole numbers, and hold it, are "drifting" with the ratio in the evidence.
    * Quantum states have no trajectories. Stationary moments say "phase preference" or not; spectra
      say "entrained", "frequency pulling" or "not entrained": the distance of the peaks is ≤.1,
      between, or ≥.9 of what it is uncoupled. One driven node is entrained if its spectrum peaks
      at the drive's frequency, or more than half of its light is there and hides its own line.
    * Averages over samples are judged within their 95 % errors, noisy paths each by itself.
    * Nothing stands that the model does not hold (a free relation of the phases, an unstable
      state), and no nodes synchronise on which no node acts in common.

    A relative phase *stands* if its ranges d₁, d₂, d₃ in the thirds of the window fall by more than
    .45 each time and not ever more slowly (an algebraic approach, as at a saddle-node, does), with
    less than .02 to go. Frequencies are weighted Birkhoff averages. Never used: S_c, S_q, S_p,
    Pearson, mutual information, E_N, discord.

    References
    ----------
    R. Adler, Proc. IRE 34, 351 (1946); D. G. Aronson, G. B. Ermentrout, N. Kopell, Physica D 41,
    403 (1990); S. H. Strogatz, Physica D 143, 1 (2000); D. M. Abrams et al., Phys. Rev. Lett. 101,
    084103 (2008); G. L. Giorgi et al., Phys. Rev. A 85, 052101 (2012); S. Walter, A. Nunnenkamp, C.
    Bruder, Phys. Rev. Lett. 112, 094102 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0, frequencies=[0.25, -0.25])
    >>> qsp.verdict(qsp.circlesolve(model, [0.0, 2.0], np.linspace(0, 60, 601))).label
    <Label.PHASE_LOCKED: 'phase-locked'>
    """
    case = case_of(synchronization(x, modes=modes))
    kind = case.dynamics.kind
    if kind is Kind.MOMENTS:
        return judge_moments(case)
    if case.times.size < 4:
        many = f"{case.times.size} output time{'s' * (case.times.size > 1)}"
        return case.undecided(f"{many} cannot show a course in time", advice="more output times")
    if case.samples >= FEWEST and case.gap > case.length / _PARTS:
        return _blind(case)
    if kind is Kind.AMPLITUDES:
        return judge_amplitudes(case)
    if kind is Kind.FIELDS:
        return judge_fields(case)
    if kind is Kind.VECTORS:
        return judge_vectors(case)
    return _circle(case)


def _blind(case: Case) -> Verdict:
    begin, end = widest_gap(case.window)
    return case.undecided(
        f"no output times lie between t = {begin:g} and {end:g}, "
        f"{case.gap / case.length:.2g} of the window",
        advice=f"output times at least every {case.length / _PARTS:.3g}",
    )


def _circle(case: Case) -> Verdict:
    rows = case.dynamics.phases
    if rows is None:
        return case.undecided(
            "the positions were not stored", advice="a run with options={'store_positions': True}"
        )
    if case.n == 1:
        return case.undecided("one particle has nothing to synchronise with", advice="more of them")
    start = rows(slice(0, 1))
    if not np.all(np.isfinite(start)):
        return case.undecided("the positions are not finite")
    return judge_phases(case, ContinuousPhases(case.times, case.n, rows))
