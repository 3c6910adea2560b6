"""Systems of any nodes: mean field with and without covariance, cumulants, exact moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from ..approximate.meanfield import MeanFieldResult
from ..approximate.sphere import ClassicalResult, oscillators
from ..core.saved import kept
from ..core.tangent import mean_field_coherence
from ..exact.result import ExactResult, JumpResult
from ..operators.mode import ModeFactor
from ..operators.spin import SpinFactor
from ..operators.system import System
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Flow, Kind, Quantum
from ..sync.measures import phase_distribution
from ..sync.reading import reader
from . import _linear
from ._couplings import charges, coupled, driven, fed, gains, linked, rest_exponents, rests
from ._rest import fixed_points
from ._spectra import enough_levels, spectra_of

__all__ = [
    "facts",
    "view_of_classical",
    "view_of_exact",
    "view_of_mean_field",
    "view_of_moments",
]


@reader.register(MeanFieldResult)
def view_of_mean_field(result: MeanFieldResult) -> SyncView:
    r"""Mean and covariance as they are.

    Where the linear closure is exact (and of cumulants) n and z follow from both. Where it
    linearises, the covariance holds the diffusion of the common phase and grows without bound: n is
    \|β\|² and z = e^{i(x_j−x_k)}e^{−σ²/2}, σ² the variance of the relative phase.
    """
    closure = result.stats.get("closure", "linear")
    fields: dict[str, Any] = {"mean": result.mean, "covariance": result.covariance}
    if closure == "linear" and not _exactly_linear(result.model):
        fields["masses"] = np.abs(result.amplitudes) ** 2
        fields["correlations"] = partial(_coherences, result)
    about = About(
        physical=False,
        system=f"{getattr(result.model, 'name', 'boson modes')}, mean field ({closure})",
        notes=tuple(result.stats.get("neglected", ())),
        missing={
            "states": "a mean field has no states; run exactsolve with "
            "options={'store_states': True}"
        },
        dynamics=_mean_field_dynamics(result, closure),
    )
    return SyncView.of(result.times, fields, about=about)


@kept()
def _coherences(result: MeanFieldResult | ClassicalResult) -> np.ndarray:
    return mean_field_coherence(result.amplitudes, result.covariance)


def _exactly_linear(system: Any) -> bool:
    """Whether H is quadratic and every jump operator linear: then the linear closure is exact."""
    if not isinstance(system, System):
        return False
    return system.hamiltonian.degree <= 2 and all(jump.degree <= 1 for jump in system.jumps)


@reader.register(ClassicalResult)
def view_of_classical(result: ClassicalResult) -> SyncView:
    """Amplitudes of modes and of the Holstein–Primakoff bosons of spins, with their phases."""
    closure = result.stats.get("closure", "none")
    linear = closure == "linear" and result.covariance is not None
    fields: dict[str, Any] = {"mean": result.mean, "covariance": 0}
    if linear:
        fields |= {
            "covariance": result.covariance,
            "masses": np.abs(result.amplitudes) ** 2,
            "correlations": partial(_coherences, result),
        }
    about = About(
        physical=False,
        system=f"{result.model.name}, mean field ({closure})",
        notes=tuple(result.stats.get("neglected", ())),
        vacuum=0.5 if linear else 0.0,
        labels=tuple(s.name for s in oscillators(result.model)),
        missing={"states": "a mean field has no states; run exactsolve"},
        dynamics=Dynamics(
            Kind.AMPLITUDES,
            **facts(result.model),
            flow=_flow(result),
            flags=partial(_without_phases, result.model),
        ),
    )
    return SyncView.of(result.times, fields, about=about)


@kept(model=True)
def _without_phases(system: System) -> tuple[str, ...]:
    """Which nodes a mean field has no amplitudes of."""
    nodes = oscillators(system)
    names = ", ".join(s.name for s in system.symbols if s not in nodes)
    if not names:
        return ()
    return (
        f"no amplitude of {names}: spins ½ and levels are no oscillators in mean field; take "
        "closure='cumulants' or exactsolve",
    )


@reader.register(ExactResult)
def view_of_exact(result: ExactResult) -> SyncView:
    """Exact moments, normal-ordered; the states where they were stored."""
    bosons = not isinstance(result.model, System) or result.model.bosonic
    return view_of_moments(
        result,
        About(
            f"{getattr(result.model, 'name', 'boson modes')}, exact",
            bosons=bosons,
            canonical=bosons or len(oscillators(result.model)) == result.model.n,
            dynamics=_exact_dynamics(result),
        ),
        states=_states_of_nodes(result),
        why="run exactsolve with options={'store_states': True} (and method 'mesolve' or "
        "'sesolve'); of ensembles, whose states hold every atom, collective_phase has the phase",
    )


def _states_of_nodes(result: ExactResult) -> list[Any] | None:
    """The states that are stored, where every node is one tensor factor: of ensembles it is not."""
    states = result.states
    if len(states) != len(result.times):
        return None
    return states if len(states[0].dims[0]) == result.n else None


def view_of_moments(
    result: Any,
    about: About,
    *,
    why: str,
    states: Sequence[Any] | None = None,
    subsystems: Sequence[int] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> SyncView:
    """Mean and covariance as they are: approximations need not have those of a state.

    Parameters
    ----------
    result : Result
        With ``mean`` (T, 2N), ``covariance`` (T, 2N, 2N) and what its run neglected.
    about : About
        Of the view; the rest of it is filled in.
    why : str
        Why there are no states, or how to get them.
    states, subsystems : sequence, optional
        Of the view.
    fields : mapping, optional
        Further fields of the view, instead of those that follow from mean and covariance.
    """
    notes = (*result.stats.get("neglected", ()), *about.notes)
    return SyncView.of(
        result.times,
        {"mean": result.mean, "covariance": result.covariance, **(fields or {})},
        states=states,
        subsystems=subsystems,
        about=replace(about, physical=False, notes=notes, missing={"states": why}),
    )


# ------------------------------------------------------------ evidence


def facts(system: System) -> dict[str, Any]:
    """What holds for every run of a model that does not depend on time."""
    return {
        "coupled": coupled(system) if system.n > 1 else None,
        "rooted": linked(system) if system.n > 1 else None,
        "autonomous": system.isconstant,
        "deterministic": True,
        "phase_symmetry": bool(system.symmetries.common_phase),
        "dissipative": bool(system.jumps),
        "driven": driven(system),
        "rests": rests(system),
        "gain": _gain(system),
    }


def _gain(system: System) -> tuple[bool, ...] | None:
    """For each node whether it oscillates by itself.

    Of spins and mixtures only that none does, where every jump operator takes quanta from the
    nodes, and H feeds them none but by a drive.
    """
    if not system.isconstant:
        return None
    if system.bosonic:
        return gains(system)
    found = [c for jump in system.jumps for c in charges(jump, system.symbols)]
    if not all(len(c) == system.n and max(c) <= 0 for c in found):
        return None
    return None if fed(system) else (False,) * system.n


def _has_modes(system: System) -> bool:
    return any(isinstance(symbol.factor, ModeFactor) for symbol in system.symbols)


def _mean_field_dynamics(result: MeanFieldResult, closure: str) -> Dynamics:
    system = result.model
    if not isinstance(system, System):
        return Dynamics(Kind.AMPLITUDES)
    known = facts(system)
    if closure != "linear" and _phase_is_lost(result):
        return Dynamics(Kind.MOMENTS, **known)
    flags = partial(_flags, result) if closure == "linear" and system.isconstant else None
    return Dynamics(Kind.AMPLITUDES, **known, flow=_flow(result), flags=flags)


def _flow(result: MeanFieldResult | ClassicalResult) -> Flow:
    """What the equations of motion of modes say; of spins nothing."""
    system = result.model
    if isinstance(result, ClassicalResult) and not system.bosonic:
        return Flow(oscillations=partial(_oscillations, result))
    if not system.bosonic:
        return Flow()
    if not system.isconstant:
        return Flow(velocity=partial(_velocity, result))
    alone = system.n == 1 and not system.symmetries.common_phase
    return Flow(
        velocity=partial(_velocity, result),
        exponents=partial(_exponents, result),
        remaining=partial(_remaining, result),
        rest_exponents=partial(rest_exponents, system),
        fixed_points=partial(fixed_points, system, result.amplitudes) if alone else None,
    )


def _phase_is_lost(result: MeanFieldResult) -> bool:
    """Whether fluctuations have taken the amplitude.

    ⟨b⟩ of a closure that knows phase diffusion dies out.
    """
    variance = np.diagonal(result.covariance[-1])
    beta = np.abs(result.amplitudes[-1]) ** 2
    n = beta + (variance[::2] + variance[1::2]) / 2 - 0.5
    return bool(np.any(beta < 0.5 * n))


@kept(model=True)
def _oscillations(result: ClassicalResult) -> np.ndarray:
    """β of modes; of spins and ensembles ⟨S−⟩/√N, (T, K)."""
    beta = np.array(result.amplitudes)
    for k, symbol in enumerate(oscillators(result.model)):
        if not isinstance(symbol.factor, ModeFactor):
            at = result.model.classical.place[symbol]
            x, y = result.coordinates[:, at], result.coordinates[:, at + 1]
            beta[:, k] = (x - 1j * y) / np.sqrt(symbol.N)
    return beta


@kept(model=True)
def _velocity(result: MeanFieldResult | ClassicalResult, index: int) -> np.ndarray:
    return _linear.turning(result.model, result.amplitudes[index], float(result.times[index]))


@kept(model=True)
def _exponents(result: MeanFieldResult | ClassicalResult, index: int) -> np.ndarray | None:
    symmetric = bool(result.model.symmetries.common_phase)
    return _linear.exponents(result.model, result.amplitudes[index], symmetric=symmetric)


@kept(model=True)
def _remaining(result: MeanFieldResult | ClassicalResult, index: int) -> float | None:
    symmetric = bool(result.model.symmetries.common_phase)
    return _linear.remaining(result.model, result.amplitudes[index], symmetric=symmetric)


@kept(model=True)
def _flags(result: MeanFieldResult) -> tuple[str, ...]:
    return _linear.flags(result.model, result.times, result.amplitudes, result.covariance)


def _exact_dynamics(result: ExactResult) -> Dynamics:
    system = result.model
    if not isinstance(system, System):
        return Dynamics(Kind.MOMENTS)
    populations = getattr(result, "populations", None)
    levels = None
    if system.bosonic and populations is not None:
        levels = enough_levels(populations[-1])
    spectra = partial(spectra_of, system, levels) if levels or not _has_modes(system) else None
    ntraj = int(result.stats["ntraj"]) if isinstance(result, JumpResult) else None
    # coherence orders by themselves make no state
    whole = ntraj is None and "holds" not in result.stats
    peaks = partial(_peaks, result) if whole and system.n > 1 else None
    return Dynamics(Kind.MOMENTS, **facts(system), quantum=Quantum(spectra, peaks, ntraj))


@kept(model=True)
def _peaks(result: ExactResult) -> dict[tuple[int, ...], float]:
    """2πP_max−1 of the relative phases of pairs in the last state, where there is one."""
    if result.final_state is None or not all(_has_phase(s.factor) for s in result.model.symbols):
        return {}
    return {
        pair: float(phase_distribution(result, pair, kind="husimi", index=-1))
        for pair in combinations(range(result.model.n), 2)
    }


def _has_phase(factor: Any) -> bool:
    return isinstance(factor, (ModeFactor, SpinFactor))
