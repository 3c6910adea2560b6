"""What is proved, what is certified, what is only seen."""

from .statement import Item, Paper

PRELUDE = """
import time
import numpy as np
import qutip
import qsyncplug as qsp
from qsyncplug import Circle, SchrodingerLohe, attention, certify_attention, circlesolve
from qsyncplug import slsolve, stability
from qsyncplug.circle import (certify_synchronization, fourier, polygon_state,
                              three_cluster_arcs, three_cluster_bound, three_cluster_range,
                              three_cluster_sizes, three_cluster_states, three_cluster_threshold)

rng = np.random.default_rng(5)
zero = qutip.qzero
"""

ITEMS = (
    Item(
        "Circle: the gap functional",
        "A stable state of several clusters has Σ_jW_jT_j≥0, for every g>0.",
        "proved",
        "Clusters θ_i, gaps Δ_i, weights W_i: χ=ΣW_jf(·−θ_j) vanishes at all θ_i, and the cut of a "
        "whole cluster gives χ′(θ_i)≥W_if′(0). So sup T_j<0 over the partitions of the circle "
        "means "
        "one cluster. Any odd f>0 on (0,π) with f′(π)<0, any n, any weights, (S1)–(S4).",
        """
state = three_cluster_states(attention(-0.7), (2, 2, 2))[0]
f, theta = attention(-0.7), np.sort(np.mod(state.angles, 2 * np.pi))
gaps = np.append(np.diff(theta), theta[0] + 2 * np.pi - theta[-1])
total = 0.0
for j in range(3):
    for i in range(3):
        a, d = theta[i] - theta[j], gaps[i]
        total += (0.5 * (f.df(a) + f.df(a + d)) - (f.f(a + d) - f.f(a)) / d) / d
    total -= 0.5 * (1 / gaps[j] + 1 / gaps[j - 1]) * f.df(0.0)
total >= 0, f"stable (2,2,2) at β=−.7, g=1/Δ: {float(total):.4f} ≥ 0"
""",
    ),
    Item(
        "Circle: β ≥ −.66664",
        "(T1) and (T2) synchronise from almost every start, for any n and any weights.",
        "certified",
        "[−.26156,∞) by the criterion of Polyanskiy, Rigollet and Yao with M=π, [−.66664,−.26] "
        "by the gap functional, over whole intervals of β with every rounding bounded; a proof "
        "object that a checker of 150 lines verifies. The whole stretch takes about a "
        "minute, 5 seconds to −.66564: "
        '`certify_attention(-0.66664, 0.0, method="gap")`; here a part of it.',
        """
begin = time.process_time()
proof = certify_attention(-0.6, -0.55, method="gap")
proof.certified and proof.verify(), f"{proof.statement}; {len(proof.gap_proofs)} intervals"
""",
    ),
    Item(
        "Circle: any odd interaction",
        "Σ b_k sin kx, with a bound of what is left out: every stable state is synchronised.",
        "certified",
        "By the same functional and the same checker, where it closes: `certify_synchronization`. "
        "sin x + a sin 3x has a stable triangle from a=1/6 on; proved up to .1666.",
        """
below, above = fourier([1.0, 0.0, 0.1666]), fourier([1.0, 0.0, 0.1667])
proof = certify_synchronization(below)
(
    proof.verify() and not certify_synchronization(above) and polygon_state(above, 3, 2).stable,
    f"a=.1666: T_j ≤ {proof.proof.end:.1e}; a=.1667: not certified, and the triangle is stable",
)
""",
    ),
    Item(
        "Circle: −2/3 ≤ β < −.66664",
        "The same.",
        "open",
        "As far as it was computed the functional falls in proportion to β+2/3 and is negative "
        "up to −2/3, at a cost that grows as 1/(β+2/3). No stable state of several clusters is "
        "known there.",
        """
proof = certify_synchronization(attention(-0.6665))
proof.certified, f"gap functional {proof.value:.2e} at β=−.6665, proved; beyond it takes longer"
""",
    ),
    Item(
        "Circle: three clusters of any weights",
        "All states of (T1) and (T2) with three clusters of given weights, for any β.",
        "proved",
        "By the law of sines F(d_i)=λw_i one equation in one angle is left; parts of its interval "
        "are left out or settled by bounds of the sum and of its derivative (in floating point). "
        "At most four states were met; the search that it replaces finds the same ones.",
        """
begin = time.perf_counter()
for _ in range(100):
    arcs = three_cluster_arcs(-2.0, [0.5, 0.3, 0.2])
each = (time.perf_counter() - begin) / 100
force = np.sin(arcs) * np.exp(-2.0 * np.cos(arcs)) / [0.5, 0.3, 0.2]
np.ptp(force, axis=1).max() < 1e-13 and each < 1e-2, f"two states: {arcs.round(6).tolist()}"
""",
    ),
    Item(
        "Circle: three clusters, β<−2/3",
        "Sizes (n₀,n₁,n₁) are stable iff r₋(β)<n₀/n₁<r₊(β), in closed form; C_β; the largest β for "
        "each n.",
        "proved",
        "At rest where n₀/n₁=r(x)=2xe^(B(1−2x)(1+x)), x=−cos α, B=−β, and stable where r falls. "
        "Inside "
        "or outside is decided in balls (`certified=True`).",
        """
begin = time.perf_counter()
for _ in range(100):
    three_cluster_sizes(-2.0, 7)
each = (time.perf_counter() - begin) / 100
sizes = three_cluster_sizes(-2.0, 7, certified=True)
top = [round(three_cluster_threshold(n), 12) for n in (4, 7, 10)]
(
    sizes == ((3, 2, 2), (1, 3, 3)) and each < 1e-2 and three_cluster_bound(-0.7) == 2753,
    f"n=7, β=−2: {sizes}; largest β for n=4, 7, 10: {top}; C_β(−.7)=2753",
)
""",
    ),
    Item(
        "Graphs",
        "All particles in an arc below π, a_ij≥0, f>0 on (0,π): they meet iff the graph has a "
        "root.",
        "proved",
        "Moreau; the rate is f′(0) times the least real part of the nonzero eigenvalues of the "
        "Laplacian.",
        """
chain = np.diag(np.ones(4), -1)          # 0 acts on 1, 1 on 2, …
model, start = Circle(qsp.sine(), adjacency=chain), [0.1, 0.9, 1.7, 2.2, 2.9]
row = qsp.predictions(model, start)["half circle"]
row, row.check(circlesolve(model, start, np.linspace(0, 30, 31)))
""",
    ),
    Item(
        "Locking of different frequencies",
        "Between all, equal weights: a locked state exists iff K≥K_c (Verwoerd–Mason).",
        "proved",
        "On trees iff K≥max|B^T L^+ ω| (Dörfler–Chertkov–Bullo). On other graphs, and with lags: "
        "necessary are the pulls that each oscillator, and each set of the fastest, needs; a state "
        "that is found by continuation proves that it exists, to rounding.",
        """
omega = np.array([-1.0, 0.0, 1.0])
tree = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0.0]])
exact, bound = qsp.critical_coupling(omega, adjacency=tree), qsp.circle.locking_bound(tree, omega)
between = qsp.critical_coupling(omega)
(
    abs(exact - bound) < 1e-9 and abs(between - 1.704378315997021) < 1e-12,
    f"chain {exact:.9f}, DCB {bound:.9f}; between all {between:.12f}",
)
""",
    ),
    Item(
        "Dense graphs, smallest degree below ¾(n−1)",
        "Circulant graphs with a stable twisted state reach .68387n and no further.",
        "seen",
        "Nodes at P positions, shares w_j of them joined: a linear program for each P, whose "
        "largest value is at P=19 of all P≤300 but 4, where nothing is stable to first order; it "
        "tends to the ring's .6809. Published: .6838. Graphs that are not circulant are open "
        "between it and ¾.",
        """
bounds = {n: qsp.circle.circulant_density(n) for n in range(3, 60)}
best, state = max(bounds, key=bounds.get), qsp.circle.densest_circulant(544, winding=34)
(
    best == 19 and abs(bounds[19] - 0.6838758) < 1e-7 and state.eigenvalue < 0,
    f"{bounds[19]:.7f} at {best} positions; a graph of 544 nodes: {state.density:.4f}",
)
""",
    ),
    Item(
        "The wedge min Re z(0)>−½",
        "It suffices for N≤3.",
        "proved",
        "Σ_l Re z_jl>1−(N−1)/2≥0, and AHKM Theorem 2.4.",
        """
psi = np.linalg.cholesky(1.45 * np.eye(3) - 0.45)           # all Re z=−.45
found = qsp.predictions(SchrodingerLohe(zero(3)), psi)
least = (psi @ psi.T).min()
(
    abs(least + 0.45) < 1e-12 and "AHKM Theorem 2.4" in found.names,
    f"min Re z={least:.3f}: {', '.join(found.names)}",
)
""",
    ),
    Item(
        "The wedge for N≥4",
        "It suffices (remark of Antonelli and Reynolds).",
        "refuted",
        "A state opposite to a simplex of the others: min Re z=−c, 1/(N−1)<c<½.",
        """
ends = {}
for n, c in ((4, 0.4), (5, 0.3), (8, 0.2)):
    run = slsolve(SchrodingerLohe(zero(n - 1)), qsp.wedge_counterexample(n, c), [0, 25.0])
    ends[n] = run.order_parameter[-1] - (n - 2) / n
(
    max(map(abs, ends.values())) < 1e-2,
    f"‖ζ‖ at t=25 less (N−2)/N: {({n: round(float(v), 6) for n, v in ends.items()})}",
)
""",
    ),
    Item(
        "AR Theorem 6.1, locally",
        "ζ=0 and bipolar states have an unstable direction.",
        "proved",
        "Rates (k/2)(θ̄±τ_i), τ_i the Takagi values of (1/N)Σψ_jψ_jᵀ.",
        """
simplex = np.eye(4) - 0.25
simplex = simplex / np.linalg.norm(simplex, axis=1)[:, None]
row = qsp.predictions(SchrodingerLohe(zero(4)), simplex)["steady state"]
row, row.check(slsolve(SchrodingerLohe(zero(4)), simplex, np.linspace(0, 10, 11)))
""",
    ),
    Item(
        "AR Theorem 6.1, globally",
        "From almost every start Model 2 synchronises, μ>0 too.",
        "seen",
        "In all of the random runs made, here thirty of them; special starts (ζ→0) do not.",
        """
met = 0
for seed in range(30):
    r = np.random.default_rng(seed)
    psi = r.normal(size=(4, 3)) + 1j * r.normal(size=(4, 3))
    theta = r.uniform(0.5, 1.5, 4)
    masses = dict(theta=theta / theta.mean(), alignment=float(r.choice([0.05, 0.5, 2])))
    model = SchrodingerLohe(zero(3), 1.0, "model2", **masses)
    run = slsolve(model, psi, [0, 400.0])
    met += run.correlations[-1].real.min() > 0.999
met == 30, f"{met} of 30 synchronised"
""",
    ),
    Item(
        "HHK Lemma 4.2",
        "‖p·∇w‖ stays bounded.",
        "proved",
        "For bounded V: p·∇+Θ[V] commutes with its flow and with the coupling, ‖Θ[V]‖≤osc V. For "
        "unbounded V it is false.",
        """
grid = qsp.Grid(128, 32.0)
well = qsp.WignerLohe(grid, lambda x: 1 - np.exp(-x**2 / 4), 1.0)
pair = [grid.gaussian(0.5), grid.gaussian(-0.4, 0.2)]
row = qsp.predictions(well, pair)["Lemma 4.2"]
row, row.check(qsp.wlsolve(well, pair, np.linspace(0, 2, 9)))
""",
    ),
    Item(
        "Practical synchronisation",
        "Different potentials: limsup D≤¼(1−√(1−16W/K)), W=max‖V_i−V_j‖_∞<K/16.",
        "proved",
        "Ḋ≤KD(D−½)+W. It says nothing of locking.",
        """
potentials = [lambda x: x**2 / 2 + 0.01 * np.exp(-x**2), lambda x: x**2 / 2]
model, near = qsp.WignerLohe(grid, potentials, 1.0), [grid.gaussian(0.1), grid.gaussian(-0.1)]
row = qsp.predictions(model, near)["practical synchronisation"]
row, row.check(qsp.wlsolve(model, near, np.linspace(0, 8, 17)))
""",
    ),
    Item(
        "Locking of different potentials",
        "V₁−V₂=W·b(x), 0≤b≤1: locked states down to κ_c≤W.",
        "seen",
        "By continuation for four shapes b: E₁−E₂≤κ_c≤W in every case (see the story on locking "
        "with "
        "different potentials). Proved for b=1 only, where κ_c=W.",
    ),
)

PAPER = Paper(
    "proved",
    "What is proved, certified, only seen",
    "*Proved*: there is an argument. *Certified*: ball arithmetic checked the inequalities, over "
    "whole "
    "intervals, with a proof object. *Seen*: runs, and nothing more. Questions that the papers "
    "leave open, each with the command that shows what is said; the commands are run when this "
    "page "
    "is built.",
    PRELUDE,
    ITEMS,
)
