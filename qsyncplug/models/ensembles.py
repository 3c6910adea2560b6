"""Atoms and spins: superradiant lasers, Dicke, Tavis–Cummings, ions, time crystals, spin 1,
chains.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.checks import check_array, check_integer, check_number, check_pair
from ..operators.expression import Expression
from ..operators.handle import Mode, Spin, atoms, modes, spins
from ..operators.system import System
from .rates import ready, root

__all__ = [
    "SpinOne",
    "SpinOnePair",
    "boundary_time_crystal",
    "central_spin_star",
    "dicke",
    "jaynes_cummings_pair",
    "spin_one_pair",
    "superradiant_lasers",
    "tavis_cummings",
]


@ready
def superradiant_lasers(
    n: int | tuple[int, int],
    *,
    pump: float = 0.5,
    detuning: float = 0.25,
    decay: float | None = None,
) -> System:
    r"""Two ensembles of atoms that emit into one cavity mode, which follows them.

    .. math:: H = \tfrac δ2 (A_z - B_z), \qquad
              L = \sqrt Γ (A_- + B_-),\ \sqrt w σ_+ \text{ of every atom}.

    For N → ∞ they lock for δ < w: \|⟨σ_A^+σ_B^-⟩\|/⟨σ_{A1}^+σ_{A2}^-⟩ = min(1, w/δ).

    Parameters
    ----------
    n : int or pair of int
        Atoms of each ensemble.
    pump, detuning : float
        w and δ.
    decay : float, optional
        Γ; 1/N of the first ensemble by default.

    Notes
    -----
    M. Xu, D. A. Tieri, E. C. Fine, J. K. Thompson, M. J. Holland, Phys. Rev. Lett. 113, 154101
    (2014).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> lasers = qsp.superradiant_lasers(10_000)
    >>> state = qsp.steadystate(lasers, closure="cumulants", order=2)
    >>> A, B = lasers.nodes
    >>> print(f"{qsp.expect(A.z, state).real / 10_000:.6f}")
    0.156208
    """
    first, second = (n, n) if not isinstance(n, (tuple, list)) else n
    A, B = atoms(first, second, names=["A", "B"])
    gamma = root("decay", 1 / A.N if decay is None else decay)
    w = root("pump", pump)
    H = 0.5 * check_number("detuning", detuning) * (A.z - B.z)
    return System(H, [gamma * (A.m + B.m), w * A.each.p, w * B.each.p], name="superradiant lasers")


@ready
def tavis_cummings(
    n: int,
    *,
    cavity: float = 1.0,
    atom: float = 1.0,
    coupling: float = 0.3,
    cavity_loss: float = 0.2,
    decay: float = 0.1,
) -> System:
    r"""N spins ½ in a cavity: H=ω b†b + ω_0 S_z + g(b†S_− + h.c.), √κ b, √(γ/N) S_−.

    Parameters
    ----------
    n : int
        N.
    cavity, atom, coupling : float
        ω, ω_0 and g.
    cavity_loss, decay : float
        κ and γ.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.tavis_cummings(4).symmetries.common_phase
    True
    """
    n, H, b, S = _spins_in_cavity(n, cavity, atom)
    H = H + check_number("coupling", coupling) * (b.dag() * S.m + b * S.p)
    jumps = [
        root("cavity_loss", cavity_loss) * b,
        root("decay", decay) / np.sqrt(n) * S.m,
    ]
    return System(H, jumps, name="Tavis–Cummings")


def _spins_in_cavity(n: int, cavity: float, atom: float) -> tuple[int, Expression, Mode, Spin]:
    """N, checked, and ω b†b + ω_0 S_z with b and S."""
    n = check_integer("n", n, minimum=1)
    (b,), (S,) = modes(1), spins(n)
    H = check_number("cavity", cavity) * b.dag() * b + check_number("atom", atom) * S.z
    return n, H, b, S


@ready
def dicke(
    n: int,
    *,
    cavity: float = 1.0,
    atom: float = 1.0,
    coupling: float = 1.0,
    cavity_loss: float = 0.2,
) -> System:
    r"""The open Dicke model: H=ω b†b + ω_0 S_z + (2λ/√N)(b + b†)S_x, √κ b.

    Superradiant above λ² = ω_0(ω² + κ²/4)/4ω.

    Parameters
    ----------
    n : int
        N.
    cavity, atom, coupling : float
        ω, ω_0 and λ.
    cavity_loss : float
        κ.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.dicke(6).symmetries.common_phase
    False
    """
    n, H, b, S = _spins_in_cavity(n, cavity, atom)
    H = H + 2 * check_number("coupling", coupling) / np.sqrt(n) * (b + b.dag()) * S.x
    return System(H, [root("cavity_loss", cavity_loss) * b], name="Dicke")


@ready
def jaynes_cummings_pair(
    *,
    detuning: float = 0.1,
    coupling: float = 0.5,
    hopping: float = 0.2,
    pump: float = 1.0,
    loss: float = 0.2,
) -> System:
    r"""Two trapped ions: each a motional mode with its spin ½, pumped; the modes are coupled.

    .. math:: H = \tfrac δ2(n_1 - n_2) + \sum_j g(b_j^†σ_{j-} + h.c.) + J(b_1^†b_2 + h.c.), \qquad
              L = \sqrt w σ_{j+},\ \sqrt κ b_j.

    Parameters
    ----------
    detuning, coupling, hopping : float
        δ, g and J.
    pump, loss : float
        w and κ.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.jaynes_cummings_pair().n
    4
    """
    b1, b2 = modes(2)
    s1, s2 = spins(1, 1)
    H = 0.5 * check_number("detuning", detuning) * (b1.dag() * b1 - b2.dag() * b2)
    g, J = check_number("coupling", coupling), check_number("hopping", hopping)
    H = H + J * (b1.dag() * b2 + b2.dag() * b1)
    w, kappa = root("pump", pump), root("loss", loss)
    jumps = []
    for b, s in ((b1, s1), (b2, s2)):
        H = H + g * (b.dag() * s.m + b * s.p)
        jumps += [w * s.p, kappa * b]
    return System(H, jumps, name="Jaynes–Cummings pair")


@ready
def boundary_time_crystal(n: int, *, drive: float = 1.5, decay: float = 1.0) -> System:
    r"""A driven collective spin that decays: H=ω S_x, √(2κ/N) S_−.

    For N → ∞ it rests for ω < κ, with ⟨S_z⟩/(N/2) = −√(1−(ω/κ)²), and oscillates above.

    Parameters
    ----------
    n : int
        N.
    drive, decay : float
        ω and κ.

    Notes
    -----
    F. Iemini et al., Phys. Rev. Lett. 121, 035301 (2018).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.boundary_time_crystal(40).n
    1
    """
    n = check_integer("n", n, minimum=1)
    (S,) = spins(n)
    H = check_number("drive", drive) * S.x
    return System(H, [root("decay", decay) * np.sqrt(2 / n) * S.m], name="boundary time crystal")


def _to_the_middle(S: Spin, gain: float, loss: float) -> list[Expression]:
    """Jumps of a spin 1 to m=0."""
    return [
        root("gain", gain) / np.sqrt(2) * S.p * S.z,
        root("loss", loss) / np.sqrt(2) * S.m * S.z,
    ]


@ready
def spin_one_pair(
    *,
    detuning: float = 0.3,
    coupling: complex = 0.2,
    gain: float | tuple[float, float] = 0.1,
    loss: float | tuple[float, float] = 1.0,
) -> System:
    r"""Two spins 1 with limit cycles at m=0, exchanging excitations.

    .. math:: H = \tfrac Δ2(S_{1z} - S_{2z}) + cS_{1+}S_{2-} + c^*S_{1-}S_{2+}, \qquad
              L = \sqrt{γ_g/2}\,S_+S_z,\ \sqrt{γ_d/2}\,S_-S_z.

    Parameters
    ----------
    detuning : float
        Δ.
    coupling : complex
        c; the paper's is iε/2.
    gain, loss : float or pair of float
        γ_g and γ_d, of both spins or of each.

    Notes
    -----
    A. Roulet, C. Bruder, Phys. Rev. Lett. 121, 063601 (2018). To first order in ε the relative
    phase φ=φ_1−φ_2 has
    :math:`S(φ)=\tfrac{9πε}{128}\,\mathrm{Re}\,e^{iφ}\{[(γ_{d1}+γ_{g2})/2+iΔ]^{-1}-[(γ_{g1}+γ_{d2})/2+iΔ]^{-1}\}`:
    equal spins are not synchronised in this order (interference), spins with gain and loss
    exchanged are.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.steadystate(qsp.spin_one_pair()).shape
    (9, 9)
    """
    S1, S2 = spins(2, 2)
    gains = check_pair("gain", gain)
    losses = check_pair("loss", loss)
    c = complex(check_array("coupling", coupling, shape=(), dtype=complex))
    H = 0.5 * check_number("detuning", detuning) * (S1.z - S2.z)
    H = H + c * S1.p * S2.m + c.conjugate() * S2.p * S1.m
    jumps = _to_the_middle(S1, gains[0], losses[0]) + _to_the_middle(S2, gains[1], losses[1])
    return System(H, jumps, name="spin-1 pair")


@ready
def SpinOne(
    detuning: float = 0.0, drive: float = 0.1, gain: float = 1.0, loss: float = 0.1
) -> System:
    r"""A spin 1, the smallest system with a limit cycle, that a drive entrains.

    .. math:: H = ΔS_z + εS_y, \qquad L = \sqrt{γ_g/2}\,S_+S_z,\ \sqrt{γ_d/2}\,S_-S_z

    in the frame of the drive. Without it the state relaxes to m=0, whose phase is free: the limit
    cycle.

    Parameters
    ----------
    detuning, drive : float
        Δ and ε.
    gain, loss : float
        γ_g and γ_d: the populations of m=−1 and m=1 decay to m=0 at these rates.

    Notes
    -----
    A. Roulet, C. Bruder, Phys. Rev. Lett. 121, 053601 (2018). To first order in ε
    :func:`~qsyncplug.spin_phase` is
    :math:`\tfrac{3ε}{16}\,\mathrm{Re}\,e^{iφ}[(γ_g/2+iΔ)^{-1}-(γ_d/2+iΔ)^{-1}]`, which vanishes
    for γ_g=γ_d.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> rho = qsp.steadystate(qsp.SpinOne(drive=0.01))
    >>> height, angle = qsp.spin_phase_peak(rho)
    >>> print(f"{height:.4f}")  # 3ε/16·(2/γ_d − 2/γ_g) to first order
    0.0320
    """
    (S,) = spins(2)
    H = check_number("detuning", detuning) * S.z + check_number("drive", drive) * S.y
    return System(H, _to_the_middle(S, gain, loss), name="driven spin 1")


@ready
def SpinOnePair(
    detuning: float = 0.0,
    coupling: float = 0.1,
    gain: float | tuple[float, float] = (1.0, 0.1),
    loss: float | tuple[float, float] = (0.1, 1.0),
) -> System:
    r"""Two spins 1 that a coherent exchange synchronises, gain and loss exchanged:
    :func:`spin_one_pair` with the coupling :math:`\tfrac{iε}2(S_{1+}S_{2-}-S_{1-}S_{2+})`.

    Parameters
    ----------
    detuning, coupling : float
        Δ=ω_1−ω_2 and ε.
    gain, loss : float or pair of float
        γ_g and γ_d, of both spins or of each.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> rho = qsp.steadystate(qsp.SpinOnePair(coupling=0.1))
    >>> qsp.spin_phase_peak(rho, relative=True)[0] > 0.01
    True
    """
    strength = check_number("coupling", coupling)
    return spin_one_pair(detuning=detuning, coupling=0.5j * strength, gain=gain, loss=loss)


def central_spin_star(
    n: Sequence[int],
    *,
    couplings: float | Sequence[float] = 1.0,
    frequencies: float | Sequence[float] = 1.0,
    central: float = 1.0,
    loss: float = 0.0,
) -> System:
    r"""A central spin ½ exchanging excitations with any number of collective spins.

    .. math:: H = \tfrac{ω_0}{2}σ_z + \sum_j ω_jS_{jz} + \frac{g_j}{\sqrt{N_j}}(σ_+S_{j-} + h.c.),
              \qquad L = \sqrt{γ/N_j}\,S_{j-}.

    Parameters
    ----------
    n : sequence of int
        N_j.
    couplings, frequencies : float or sequence of float
        g_j and ω_j.
    central, loss : float
        ω_0 and γ.

    Returns
    -------
    System
        Nodes: the collective spins, then the central one.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.central_spin_star([4, 4, 4]).levels()
    [5, 5, 5, 2]
    """
    sizes = [check_integer("n", k, minimum=1) for k in n]
    g = check_pair("couplings", couplings, len(sizes))
    w = check_pair("frequencies", frequencies, len(sizes))
    *outer, c = spins(*sizes, 1, names=[*(f"S{k + 1}" for k in range(len(sizes))), "σ"])
    H = check_number("central", central) * c.z
    jumps = []
    for S, coupling, frequency in zip(outer, g, w, strict=True):
        H = H + frequency * S.z + coupling / np.sqrt(S.N) * (c.p * S.m + c.m * S.p)
        if root("loss", loss) > 0:
            jumps.append(root("loss", loss) / np.sqrt(S.N) * S.m)
    return System(H, jumps, name="central spin star")
