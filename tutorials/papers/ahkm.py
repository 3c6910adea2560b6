"""Antonelli, Ha, Kim and Marcati."""

from .statement import Item, Paper

PRELUDE = '''
import numpy as np
import qsyncplug as qsp

grid = qsp.Grid(64, 16.0)
trap = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
waves = qsp.SchrodingerLohe(qsp.GridHamiltonian(grid, lambda x: x**2 / 2), coupling=1.0)
pair = [grid.gaussian(1.0), np.exp(1.1j) * grid.gaussian(-0.5)]
close = [grid.gaussian(0.1), grid.gaussian(-0.1), grid.gaussian(0.0, 0.1)]
times = np.linspace(0, 20, 41)

def held(name, model, states, times=times):
    """A prediction, and what a run says of it."""
    solve = qsp.wlsolve if isinstance(model, qsp.WignerLohe) else qsp.slsolve
    row = qsp.predictions(model, states)[name]
    return row, row.check(solve(model, states, times))
'''

ITEMS = (
    Item(
        "Definition 1.1",
        "Wigner transform w[ψ,φ] of two wave functions, with ∫w[f,g]=⟨f,g⟩.",
        "definition",
        "With one sign everywhere: w_ij of ψ_i(x+y/2) and the conjugate of ψ_j(x−y/2), e^(−ip·y), "
        "so "
        "that a plane wave e^(ikx) has momentum +k; ∫w_ij=⟨ψ_j,ψ_i⟩.",
        """
w = qsp.wigner_transform(*pair, grid=grid)
space = trap.phase_space
cell = (space.x[1] - space.x[0]) * (space.p[1] - space.p[0])
overlap = grid.weight * np.vdot(pair[1], pair[0])
abs(cell * w.sum() - overlap) < 1e-12, f"∫w={cell * w.sum():.6f}, ⟨ψ_2,ψ_1⟩={overlap:.6f}"
""",
    ),
    Item(
        "(1), (3), (5)",
        "The coupling with ‖ψ_i‖‖ψ_k‖/‖ψ_k‖ in its first term; (5) with ⟨ψ_i,ψ_k⟩.",
        "corrected",
        "The first term is ‖ψ_i‖ψ_k/‖ψ_k‖, and (5) needs ⟨ψ_k,ψ_i⟩; only so the norms stay and "
        "ψ=e^(−iθ) gives Kuramoto's equation.",
        """
import qutip
omega = [0.3, -0.1, 0.2]
x0 = np.array([0.0, 1.0, 2.5])
one = qsp.SchrodingerLohe(qutip.Qobj([[0.0]]), 1.5, frequencies=omega)
run = qsp.slsolve(one, np.exp(-1j * x0)[:, None], [0, 4.0])
kuramoto = qsp.Circle(qsp.sine(), "mean", coupling=1.5, frequencies=omega)
x = qsp.circlesolve(kuramoto, x0, [0, 4.0]).positions[-1]
z = np.exp(1j * (x[:, None] - x[None, :]))
off = np.abs(run.correlations[-1] - z).max()
off < 1e-9, f"Schrödinger–Lohe and Kuramoto agree to {off:.1e}"
""",
    ),
    Item(
        "Lemma 2.1",
        "The norms of the states are constant.",
        "confirmed",
        "",
        """
run = qsp.slsolve(waves, [0.5 * pair[0], 2 * pair[1]], times)
drift = np.ptp(run.masses, axis=0).max()
drift < 1e-10, f"masses move by {drift:.1e}"
""",
    ),
    Item(
        "Definition 2.2, Remark 1",
        "Phase locking: all ⟨ψ_i,ψ_j⟩ have limits; complete synchronisation: they tend to 1.",
        "definition",
        "What a run says of it is its verdict.",
        """
run = qsp.slsolve(waves, pair, times)
label = qsp.verdict(run).label
str(label) != "", f"verdict: {label}"
""",
    ),
    Item(
        "Theorem 2.3",
        "D(Ψ)≤D₀/(D₀+(1−2D₀)e^(Kt)) for D₀<½.",
        code='held("AHKM Theorem 2.3", waves, close)',
    ),
    Item(
        "Remark 2",
        "Different potentials: practical synchronisation, limsup D→0 as K→∞, no rate known.",
        "confirmed",
        "With a bound: W=max‖V_i−V_j‖, 16W<K and D₀<¼(1+√(1−16W/K)) give limsup D ≤ "
        "¼(1−√(1−16W/K)), about 2W/K.",
        """
several = [lambda x: x**2 / 2 + 0.01 * np.exp(-x**2), lambda x: x**2 / 2, lambda x: x**2 / 2]
held("practical synchronisation", qsp.WignerLohe(grid, several, 1.0), close)
""",
    ),
    Item(
        "Theorem 2.4",
        "Σ_k Re z_jk(0)>0 for all j: |1−z_jk| falls as e^(−Kt).",
        code='held("Theorem 2.4", trap, close)',
    ),
    Item(
        "Θ[V] in section 3",
        "Θ[V]w with e^(i(p−p′)·y) and the factor −i.",
        "corrected",
        "i(2π)^(−d)∬[V(x+y/2)−V(x−y/2)]w(x,p′)e^(−i(p−p′)·y): for V=x²/2 it is −x·∂w/∂p.",
        """
w = qsp.wigner_transform(grid.gaussian(), grid=grid)
exact = 2 * space.x[:, None] * space.p * w
off = np.abs(qsp.wigner.theta_operator(w, space, lambda x: x**2 / 2) - exact).max()
off < 1e-12, f"Θ[x²/2]w=−x∂w/∂p to {off:.1e}"
""",
    ),
    Item(
        "R_j, R_jk, (2), (13)",
        "The coupling terms of the Wigner–Lohe system.",
        "corrected",
        "The second factors of R_j and R_jk are at x−y/2, without (2π)^(−d) before the z terms; "
        "the "
        "equation of w⁻ has −s w⁺ in (2), and +s w⁻, −s w⁺ in (13). So the Wigner functions of "
        "Schrödinger–Lohe solutions solve the system.",
        """
run, psi = qsp.wlsolve(trap, pair, [0, 2.0]), qsp.slsolve(waves, pair, [0, 2.0])
first, second = psi.final_state
w = qsp.wigner_transform(first, second, grid=grid)
off = np.abs(run.matrix(-1).wigner(0, 1) - w).max()
off < 1e-9, f"w_12 of both to {off:.1e}"
""",
    ),
    Item(
        "Lemma 4.1",
        "|z_12(0)|≤1, z_12(0)≠−1: |1−z_12| falls as e^(−Kt), in closed form.",
        code='held("Lemma 4.1", trap, pair)',
    ),
    Item(
        "Theorem 4.2",
        "‖w_1−w_2‖² ≤ e^(−Kt).",
        code='held("Theorem 4.2", trap, pair)',
    ),
    Item(
        "Remark 3",
        "z_12=−1 with w_1=w_2=−w_12 is an equilibrium of the coupling.",
        code='held("Remark 3", trap, [pair[0], -pair[0]], np.linspace(0, 10, 11))',
    ),
    Item(
        "(19)",
        "Hydrodynamic equations of ρ_1, J_1, ρ_12, J_12, ρ_d, ….",
        "corrected",
        "The equation of ρ_d has −Ks_12σ_12; all eight then hold along runs.",
        """
when = np.linspace(0, 0.2, 41)
states = qsp.slsolve(waves, pair, when, options={"store_states": True}).states
options = dict(potential=lambda x: x**2 / 2, coupling=1.0)
right = max(qsp.run_residuals(states, when, grid, **options).values())
printed = max(qsp.run_residuals(states, when, grid, printed=True, **options).values())
right < 1e-6 < printed, f"largest residual {right:.1e}; as printed {printed:.1e}"
""",
    ),
    Item(
        "Theorem 5.1",
        "‖ψ_1−ψ_2‖ in H¹ falls as e^(−Kt), and so do the hydrodynamic quantities.",
        code='held("Theorem 5.1", trap, pair, np.linspace(0, 12, 61))',
    ),
)

PAPER = Paper(
    "ahkm",
    "Antonelli, Ha, Kim and Marcati: the Wigner–Lohe model",
    "P. Antonelli, S.-Y. Ha, D. Kim, P. Marcati, *The Wigner–Lohe model for quantum "
    "synchronization "
    "and its emergent dynamics*. The commands are run when this page is built.",
    PRELUDE,
    ITEMS,
)
