"""What is wrong in the published equations of two spin chains, item by item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._ext.published import Flag
from ..core.saved import Saved

__all__ = ["CORRECTIONS", "Correction", "check_corrections"]


@dataclass(frozen=True)
class Correction(Saved):
    """One discrepancy of the published equations.

    Attributes
    ----------
    where : str
        Equation of the paper.
    printed, correct : str
        What stands there and what should.
    changes : tuple of str
        Methods of :class:`PublishedSpinChains` that it changes; empty where the mistake stops at
        its equation.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> correction = next(iter(qsp.CORRECTIONS.values()))
    >>> correction.printed != correction.correct
    True
    """

    where: str
    printed: str
    correct: str
    changes: tuple[str, ...]


_ALL = ("drift", "langevin_drift", "fluctuation_matrix", "diffusion")
_MEAN = ("drift", "langevin_drift", "fluctuation_matrix")

#: Every correction that ``PublishedSpinChains(..., corrections=(name, ...))`` knows. Those that
#: change the drift change ``fluctuation_matrix`` only through X, θ, R_j, A_j and ⟨σz⟩/X, until
#: "e_exact" makes it the derivative of the drift.
CORRECTIONS: dict[str, Correction] = {
    "eq4_commutator": Correction(
        "(4)",
        "√(1−n/2N), J_z=n−N: [J+,J−]=J_z; B=λ²(1−1/2N)+1/N, R=iωλ²t/2N, A=1−n/4N, X with N",
        "spin N/2: √(1−n/N), J_z=n−N/2: [J+,J−]=2J_z; B=λ²+1/N, R=iωλ²t/N, A=1−n/2N, X with N/2",
        (*_MEAN, "effective_energy"),
    ),
    "eq5_sigma_z": Correction(
        "(5)", "the σz term lacks g_j", "g_jσz(n−N/2)/√N_j, as in (6) and X", ()
    ),
    "eq5_half": Correction("(5)", "σ+/2", "σ+, as in (6)", ()),
    "eq7_prefactor": Correction(
        "(7)",
        "P1P2† + h.c. without ⟨σz⟩/X",
        "⟨σz⟩/X (P1P2† + h.c.), as in (A1)",
        ("effective_energy",),
    ),
    "eq7_factor_two": Correction(
        "(7)",
        "⟨σz⟩/X: the elimination counts the interaction twice",
        "⟨σz⟩/(2X+δ), δ=ω0−ν the detuning of the central spin (argument detuning)",
        (*_MEAN, "effective_energy"),
    ),
    "eq7_shift": Correction(
        "(7)",
        "⟨σz⟩: the shift X̂⟨σz⟩ is dropped",
        "⟨σz⟩X̂: the frequencies shift by ⟨σz⟩g_j/√N_j",
        (*_MEAN, "effective_energy"),
    ),
    "eq7_x_operator": Correction(
        "(7), (8)",
        "X is a number that follows ⟨n⟩: the flow has no Hamiltonian",
        "X is an operator of the Hamiltonian: the drift gains −ih ∂(⟨σz⟩/X)/∂β_j*, and every "
        "derivative sees X",
        _MEAN,
    ),
    "eq8_signs": Correction(
        "(8)",
        "P_j: exp(+R_j…), exp(−iω_jB_jt)",
        "exp(−R_j…), exp(+iω_jB_jt), as in (A1)",
        ("effective_energy",),
    ),
    "a1_commutator": Correction(
        "(A1), (A2), B1, B2",
        "2R_j, with exp(R_j a_j)",
        "exp(2R_j)−1 (the commutator of b with exp[R(2n+1)]), with the normal-ordered "
        "exp(R_j+(exp(2R_j)−1)|β_j|²)",
        (*_MEAN, "effective_energy"),
    ),
    "a2_b1": Correction(
        "(A2)", "b1 ends the first line of the braces", "b2 (B2 has it right)", ("langevin_drift",)
    ),
    "a_frame": Correction(
        "(A1), (A2), B1, B2",
        "the damping is not transformed to the nonlinear interaction picture",
        "4R_jn_j(γ_l/2 + nonlinear rate)β_j is added, and the noise of a_channels or a_operator is "
        "transformed",
        _ALL,
    ),
    "a_operator": Correction(
        "(A1), (A2), (12)",
        "nonlinear damping and noise that no jump operator has",
        "c=√γ_l b+(√γ_nl/N)b†b²: half of the nonlinear drift, noise (√γ_l+2√γ_nl n/N)b_in − "
        "(√γ_nl/N)b²b_in†",
        _ALL,
    ),
    "a_channels": Correction(
        "(A1), (A2), (12)",
        "nonlinear damping and noise that no jump operator has",
        "the drift as printed, with the noise of √γ_l b, √κ2 b², √κ3 b³ that cause it: "
        "κ2=2γ_nl/N²+2√(γ_lγ_nl)/N, κ3=2γ_nl/3N²",
        ("diffusion",),
    ),
    "b_bracket": Correction(
        "B1, B2",
        "|β_j|²β_j/4N_j in the last bracket",
        "|β_j|²/4N_j",
        ("drift", "fluctuation_matrix"),
    ),
    "e_quintic": Correction("E1, E7", "−3γ_nl|β|⁴/N", "−3γ_nl|β|⁴/N²", ("fluctuation_matrix",)),
    "e_squared": Correction("E1, E2, E7, E8", "g_j", "g_j²", ("fluctuation_matrix",)),
    "e_self": Correction("E1, E7", "3|β|²/2N", "2|β|²/N", ("fluctuation_matrix",)),
    "e1_cross": Correction("E1", "exp(−R1a1)/N1", "exp(−R1a1)/2N1", ("fluctuation_matrix",)),
    "e_anomalous": Correction(
        "E2, E8",
        "g_j(3|β|²/2N − 9|β|⁴/16N² − 1)",
        "g_j²(β²/N − 3|β|²β²/8N²)",
        ("fluctuation_matrix",),
    ),
    "e_exact": Correction(
        "E1…E8",
        "wrong in all eight where R≠0",
        "the derivatives of the drift in force, X held fixed",
        ("fluctuation_matrix",),
    ),
    "e_x": Correction(
        "E1…E8", "X is held fixed", "X follows |β|² and is differentiated", ("fluctuation_matrix",)
    ),
    "eq18_atan2": Correction(
        "(18)", "φ_j = arctan(p/q)", "φ_j = atan2(p, q)", ("phase_synchronization",)
    ),
    "eq20_index": Correction(
        "(20)", "diag[V,V1,V2,V2]; V is not defined and read as V1", "diag[V1,V1,V2,V2]", ()
    ),
}

_FLAGS = {
    "eq4_commutator": Flag.EQ4,
    "eq7_factor_two": Flag.FACTOR,
    "eq7_shift": Flag.SHIFT,
    "eq7_x_operator": Flag.XOPERATOR,
    "a1_commutator": Flag.COMMUTATOR,
    "a_frame": Flag.FRAME,
    "a_operator": Flag.OPERATOR,
    "a_channels": Flag.CHANNELS,
    "b_bracket": Flag.BRACKET,
    "e_quintic": Flag.QUINTIC,
    "e_squared": Flag.SQUARED,
    "e_self": Flag.SELF,
    "e1_cross": Flag.CROSS,
    "e_anomalous": Flag.ANOMALOUS,
    "e_exact": Flag.EXACT,
    "e_x": Flag.DYNAMIC,
}

#: Another answer to the same mistake: "all" takes the first of each pair.
_EXCLUSIVE = (("a_channels", "a_operator"),)


def check_corrections(value: Any) -> tuple[str, ...]:
    """Return `value` (names, one name, or ``"all"``) as a tuple of known names in the order of the
    table.

    Raises
    ------
    TypeError, ValueError
        A name is unknown, or two corrections exclude each other.
    """
    if isinstance(value, str):
        if value == "all":
            return tuple(
                name for name in CORRECTIONS if name not in {pair[1] for pair in _EXCLUSIVE}
            )
        value = (value,)
    if not isinstance(value, Iterable):
        raise TypeError(
            f'corrections must be "all" or names of qsyncplug.CORRECTIONS, not {value!r}'
        )
    names = list(value)
    unknown = [name for name in names if name not in CORRECTIONS]
    if unknown:
        raise ValueError(
            f'corrections must be "all" or among {", ".join(CORRECTIONS)}, not {unknown[0]!r}'
        )
    for first, second in _EXCLUSIVE:
        if first in names and second in names:
            raise ValueError(
                f"corrections must hold only one of {first!r} and {second!r}: they answer the same "
                "mistake differently"
            )
    return tuple(name for name in CORRECTIONS if name in names)


def flags_of(names: Iterable[str]) -> int:
    """The compiled kernel's bits."""
    bits = 0
    for name in names:
        bits |= int(_FLAGS.get(name, 0))
    return bits
