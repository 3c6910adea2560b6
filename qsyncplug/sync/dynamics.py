"""What a model says about its runs: the evidence beside the numbers that a verdict rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np

from ..core.saved import Saved, kept
from ..core.storage import register

__all__ = ["Dynamics", "Flow", "Held", "Kind", "Quantum", "Spectra"]


@register
class Kind(StrEnum):
    """What a view holds, and hence what can decide."""

    PHASES = "phases"
    AMPLITUDES = "amplitudes"
    VECTORS = "vectors"
    MOMENTS = "moments"
    FIELDS = "mean fields"


@dataclass(frozen=True)
class Spectra(Saved):
    """Where coupled oscillators radiate, and where they would without each other; or one driven
    oscillator in the frame of its drive, and where it would without.

    Attributes
    ----------
    observed : tuple of float
        Frequency of the highest peak of each node's spectrum.
    bare : tuple of float
        The same without the coupling.
    width : float
        Full width at half height of the broader observed peak.
    resolution : float
        Uncertainty of a frequency.
    coherent : float
        Of one driven node: the share of its light that has exactly the frequency of the drive,
        |⟨b⟩|²/⟨b†b⟩. The observed peak is that of the rest.
    bare_width : float
        Full width of the line of one node without its drive.
    """

    observed: tuple[float, ...]
    bare: tuple[float, ...]
    width: float
    resolution: float = 0.0
    coherent: float = 0.0
    bare_width: float = 0.0


@dataclass(frozen=True)
class Held:
    """A state of rest that noise of known strength shakes.

    Attributes
    ----------
    phases : (N,) array
        Of the model without noise, against their mean.
    rate : float
        Slowest rate at which it returns.
    spread : (N,) array
        Standard deviations of the phases against the mean of the others, linear in the noise.
    escapes : float
        How often in a unit of time noise throws a node over, at most (Kramers).
    """

    phases: np.ndarray
    rate: float
    spread: np.ndarray
    escapes: float


@dataclass(frozen=True)
class Flow(Saved):
    """What the equations of motion say along a run; whatever is not known is None.

    Attributes
    ----------
    velocity : callable or None
        Phase velocities (N,) at a time index.
    exponents : callable or None
        Eigenvalues of the model's Jacobian at a time index, in the frame that turns with the nodes
        where a common phase is free; None where the model is too large.
    jacobian : callable or None
        Derivatives (N, N) of the phase velocities by the phases at a time index.
    rest_exponents : callable or None
        Those at rest (all amplitudes 0).
    fixed_points : callable or None
        Of one node in the frame of its drive: states of rest (K,), and the exponents (K, 2) of
        each.
    locked : callable or None
        Of mean fields of infinitely many oscillators: share of each that turns with the common one
        at a time index, (N,).
    oscillations : callable or None
        Amplitudes (T, N) whose phases are judged, where they are not those of the view:
        ⟨S−⟩/√N of spins, which is 0 at both poles.
    remaining : callable or None
        How far, at a time index, the linearised model has to go to its state of rest: the largest
        change of a relative phase in a Newton step; None where that is not known.
    held : callable or None
        Of a model whose noise is known: the :class:`Held` in whose reach the run ends, given the
        time in which it must come to rest; None if there is none.
    """

    velocity: Callable[[int], np.ndarray] | None = None
    exponents: Callable[[int], np.ndarray | None] | None = None
    jacobian: Callable[[int], np.ndarray] | None = None
    rest_exponents: Callable[[], np.ndarray] | None = None
    fixed_points: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None
    locked: Callable[[int], np.ndarray] | None = None
    held: Callable[[float], Held | None] | None = None
    oscillations: Callable[[], np.ndarray] | None = None
    remaining: Callable[[int], float | None] | None = None

    def at(self, index: np.ndarray) -> Flow:
        """The same for a run of which only the times `index` are kept."""
        return replace(
            self,
            velocity=None if self.velocity is None else partial(_entry, self.velocity, index),
            exponents=None if self.exponents is None else partial(_entry, self.exponents, index),
            jacobian=None if self.jacobian is None else partial(_entry, self.jacobian, index),
            locked=None if self.locked is None else partial(_entry, self.locked, index),
            remaining=None if self.remaining is None else partial(_entry, self.remaining, index),
            oscillations=None
            if self.oscillations is None
            else partial(_picked, self.oscillations, index),
        )


@dataclass(frozen=True)
class Quantum(Saved):
    """What is known beside the moments of quantum states; whatever is not is None.

    Attributes
    ----------
    spectra : callable or None
        :class:`Spectra` of the stationary state.
    phase_peaks : callable or None
        2πP_max−1 of the relative phases of an exact state, by pair.
    ntraj : int or None
        Number of samples that the moments are averages over; None if they are exact.
    paths : (T, R) array or None
        Order parameters of R paths of a noisy run.
    stationary : bool
        Whether the state is that of rest of its equations, so that one time suffices.
    """

    spectra: Callable[[], Spectra | None] | None = None
    phase_peaks: Callable[[], dict[tuple[int, ...], float]] | None = None
    ntraj: int | None = None
    paths: np.ndarray | None = None
    stationary: bool = False

    def at(self, index: np.ndarray) -> Quantum:
        """The same for a run of which only the times `index` are kept."""
        return replace(self, paths=None if self.paths is None else self.paths[index])


@dataclass(frozen=True)
class Dynamics(Saved):
    """Facts of a model that no window of a run can show; whatever is not known is None.

    Attributes
    ----------
    kind : Kind
        Which evidence the run consists of.
    coupled : bool or None
        Whether the nodes act on each other at all.
    rooted : callable or None
        Of a boolean array (N,): whether some node acts on all of these, directly or through others.
        Where none does, two of them have nothing in common, and equal frequencies are no
        synchronisation. None where every node acts on every other.
    autonomous : bool
        Whether the model is constant in time.
    phase_symmetry : bool or None
        Whether a common phase is free; False for a driven model, whose phases are those against the
        drive.
    driven : bool or None
        Whether a term of a single node fixes its phase, so that the model is in the frame of a
        drive.
    rests : bool or None
        Whether amplitudes that are 0 stay so; False where a drive moves them away.
    identical : bool
        Whether all nodes are alike.
    deterministic : bool
        Whether it is known that no noise drives the nodes: what shrinks then does not by chance.
    dissipative : bool
        Whether the motion forgets its start; without it nothing is an attractor.
    gain : tuple of bool or None
        For each node, whether it would grow from rest if it were alone.
    phases : callable or None
        Continuous phases (rows, N) of a slice of times, never aliased.
    flow : Flow
        Velocities and Jacobians.
    quantum : Quantum
        Of moments: spectra, preferences, samples.
    flags : callable or None
        Reasons why the approximation does not hold for this run, each with its number.
    """

    kind: Kind
    coupled: bool | None = None
    rooted: Callable[[np.ndarray], bool] | None = None
    autonomous: bool = True
    phase_symmetry: bool | None = None
    driven: bool | None = None
    rests: bool | None = None
    identical: bool = False
    deterministic: bool = False
    dissipative: bool = True
    gain: tuple[bool, ...] | None = None
    phases: Callable[[slice], np.ndarray] | None = None
    flow: Flow = Flow()
    quantum: Quantum = Quantum()
    flags: Callable[[], tuple[str, ...]] | None = None

    def joined(self, members: np.ndarray) -> bool:
        """Whether `members`, a boolean array (N,), have a common cause."""
        return self.rooted is None or self.rooted(members)

    def at(self, index: np.ndarray) -> Dynamics:
        """The same for a run of which only the times `index` are kept."""
        return replace(
            self,
            phases=None if self.phases is None else partial(_rows, self.phases, index),
            flow=self.flow.at(index),
            quantum=self.quantum.at(index),
        )

    def pair(self, nodes: np.ndarray) -> Dynamics:
        """What is known of two of the nodes by themselves."""
        phases = None if self.phases is None else partial(_columns, self.phases, nodes)
        return Dynamics(
            self.kind,
            autonomous=self.autonomous,
            deterministic=self.deterministic,
            phases=phases,
        )


@kept()
def _rows(phases: Callable[[Any], np.ndarray], index: np.ndarray, part: slice) -> np.ndarray:
    return phases(index[part])


@kept()
def _columns(phases: Callable[[Any], np.ndarray], nodes: np.ndarray, part: slice) -> np.ndarray:
    return phases(part)[:, nodes]


@kept()
def _picked(rows: Callable[[], np.ndarray], index: np.ndarray) -> np.ndarray:
    return np.asarray(rows()[index])


@kept()
def _entry(function: Callable[[int], Any], index: np.ndarray, k: int) -> Any:
    return function(int(index[k]))
