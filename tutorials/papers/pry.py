"""Polyanskiy, Rigollet and Yao."""

from .statement import Item, Paper

PRELUDE = '''
import numpy as np
import qsyncplug as qsp
from qsyncplug import Circle, attention, certify_attention, circlesolve, sine
from qsyncplug import stability, synchronization_criterion
from qsyncplug.circle import certify_synchronization, fourier, three_cluster_states

rng = np.random.default_rng(3)
x0 = rng.uniform(-np.pi, np.pi, 8)

def held(name, model, start, times):
    """A prediction, and what a run says of it."""
    row = qsp.predictions(model, start)[name]
    return row, row.check(circlesolve(model, start, times))

def pieces(beta, n=200001):
    """τ, x, f″ and f‴ of the scaled attention on [0, π]."""
    f, x = attention(beta), np.linspace(0, np.pi, n)
    return np.arccos(2 * beta / (1 + np.sqrt(1 + 4 * beta**2))), x, f.d2f(x), f.d3f(x)
'''

ITEMS = (
    Item(
        "Definition 1.1",
        "Global synchronisation: from almost every start all particles meet.",
        "definition",
    ),
    Item(
        "(1)",
        "Mean-field form of (S1).",
        "corrected",
        'It has 1/n, (S1) has not: `normalization="mean"` and `"sum"`.',
        """
v1 = qsp.velocity(Circle(sine()), x0)
v2 = qsp.velocity(Circle(sine(), "mean"), x0)
off = np.abs(v1 - 8 * v2).max()
off < 1e-14, f"ratio n to {off:.0e}"
""",
    ),
    Item(
        "Theorem 2.1",
        "τ∫|f‴|₊ ≤ 4(1+τ/2π)f′(0): every stationary point is synchronised or unstable.",
        "confirmed",
        "Re-derived; ratio 5/π for the sine. The cut conditions must hold for all S.",
        """
criterion = synchronization_criterion(sine(), 2 * np.pi)
criterion.certified and abs(criterion.ratio - 5 / np.pi) < 1e-12, criterion.statement
""",
    ),
    Item(
        "Lemma 2.2",
        "Gradient ascent converges to a point with a negative semidefinite Hessian, almost surely.",
        "confirmed",
        "For analytic energies (Łojasiewicz), as the paper says before it; for smooth ones only "
        "the "
        "centre-stable manifold part holds.",
        'held("energy", Circle(attention(2.0)), x0, np.linspace(0, 3, 31))',
    ),
    Item(
        "Theorem 2.3",
        "The same for normalised systems (S2).",
        "confirmed",
        "",
        'held("global synchronisation", Circle(attention(0.5), "attention"), x0, '
        "np.linspace(0, 60, 61))",
    ),
    Item(
        "(2), (3)",
        "Energies E.",
        "corrected",
        "A factor ½ is missing; Section 4 has it.",
        """
model = Circle(attention(2.0))
h = 1e-6
energies = [[qsp.energy(model, x0 + s * h * e) for s in (1, -1)] for e in np.eye(8)]
off = np.abs(-np.diff(energies)[:, 0] / (2 * h) - qsp.velocity(model, x0)).max()
off < 1e-7, f"the gradient of E is the velocity to {off:.1e}"
""",
    ),
    Item(
        "Corollary 2.4",
        "β≥−.16: global synchronisation in (T1).",
        "confirmed",
        "Down to −.66664, by the gap functional, with every rounding bounded. For every β≥−.26156 "
        "by "
        "their own criterion with M=π.",
        """
proof = certify_attention(-0.26156, np.inf)
proof.certified, proof.statement
""",
    ),
    Item(
        "Corollary 2.5",
        "The same for (T2).",
        "confirmed",
        "The same: the proof object is for both.",
        """
proof = certify_attention(-0.3, -0.26, method="gap")
proof.certified and proof.verify(), proof.statement
""",
    ),
    Item(
        "Figure 1",
        "The synchronisation ratio against β, M=π; above 1 for β≥−.16.",
        "confirmed",
        "`plot_criterion` draws it. It is 1 at β=−.261561905359508; 1.332518 at −.16; "
        "1.13959076640311 for β→∞.",
        """
edge = qsp.attention_threshold()
ratio = synchronization_criterion(attention(-0.16)).ratio
(
    abs(edge + 0.261561905359508) < 1e-13 and abs(ratio - 1.332518) < 1e-6,
    f"edge {edge:.15f}, ratio at −.16 {ratio:.6f}",
)
""",
    ),
    Item(
        "Corollary 2.6",
        "β<−2/3: no global synchronisation if 3|n or n≥C_β.",
        "confirmed",
        "With the exact sizes: (n₀,n₁,n₁) is stable iff r₋<n₀/n₁<r₊, and C_β is known; their sizes "
        "(n−2⌊n/3⌋ at one point) are not the best.",
        """
least = qsp.circle.three_cluster_bound(-0.7)
sizes = lambda n: qsp.circle.three_cluster_sizes(-0.7, n, certified=True)
none, always = sizes(least - 1), all(sizes(n) for n in range(least, least + 30))
always and not none, f"C_β={least} at β=−.7"
""",
    ),
    Item(
        "Section 2.3",
        "Known before: β=O(1/n) or Ω(1/n); the ratio.",
        "corrected",
        "Ω(n²), as Section 1 has it; the ratio lacks f′(0), without which it depends on the unit "
        "of f.",
        """
one, ten = (synchronization_criterion(fourier([a])) for a in (1.0, 10.0))
unit = lambda c: 4 * (1 + c.tau / np.pi) / (c.tau * c.integral) * np.exp(-c.interaction.log_scale)
(
    abs(one.ratio - ten.ratio) < 1e-12 and abs(unit(one) / unit(ten) - 10) < 1e-9,
    f"f and 10f: ratio {one.ratio:.6f}, {ten.ratio:.6f}; without f′(0) {unit(one):.6f}, "
    f"{unit(ten):.6f}",
)
""",
    ),
    Item(
        "Figure 2",
        "f_β and f_β′ for β=2, τ(2).",
        "confirmed",
        "`plot_interaction` draws it; τ(2)=.67488884558600638.",
        """
import matplotlib.pyplot as plt
fig, ax = qsp.plot_interaction(attention(2.0))
(tau,) = ax.lines[2].get_xdata()
plt.close(fig)
abs(tau - 0.67488884558600638) < 1e-14, f"τ(2)={tau:.16f}"
""",
    ),
    Item(
        "Lemma 3.1",
        "A cut-stable point has at most one gap above τ.",
        "confirmed",
        "",
        """
state = three_cluster_states(attention(-0.7), (2, 2, 2))[0]
angles = np.sort(np.mod(state.angles, 2 * np.pi))
gaps = np.diff(angles, append=2 * np.pi + angles[0])
tau = synchronization_criterion(attention(-0.7)).tau
state.stable and np.sum(gaps > tau) <= 1, f"gaps {gaps.round(4).tolist()}, τ={tau:.4f}"
""",
    ),
    Item(
        "Lemma 3.2",
        "Σ over the gaps: ⟨1,|f‴|₊⟩ ≥ min(8/τ, 4/τ+4/τ_max)f′(0).",
        "corrected",
        "τ/4 in its estimate, and a cyclic sum. Sharper: the gap functional Σ_jW_jT_j≥0, of which "
        "this is g=1/Δ with A bounded by Δ/8·∫|f‴|₊.",
        """
wide = synchronization_criterion(attention(-0.665), method="gap")
wide.certified, wide.statement
""",
    ),
    Item(
        "Corollary 3.3",
        "The criterion with a bound M of the largest gap.",
        "confirmed",
        "",
        """
criterion = synchronization_criterion(attention(-0.2615))
criterion.certified, criterion.statement
""",
    ),
    Item(
        "Remark 3.4",
        "M=π in many cases.",
        "confirmed",
        "Where f>0 on (0,π) and f′(π)<0: points of a closed half circle are stationary only if "
        "synchronised or antipodal, and antipodal ones are unstable.",
        """
anti = stability(Circle(attention(-0.3)), [0.0, np.pi])
(
    anti.stationary and not anti.stable,
    f"antipodal points: eigenvalues {anti.eigenvalues.round(4).tolist()}",
)
""",
    ),
    Item(
        "Corollary 3.5",
        "The same for a·f(x)−b·f(−x), ab≥0.",
        "confirmed",
        "For odd f it is (a+b)f, a change of units: the ratio is the same. For f that are not odd "
        "the "
        "Jacobian is not symmetric, stability is not (C2), and nothing about runs follows; such "
        "functions are refused. The sum over i in (6) runs over j.",
        """
f = fourier([1.0, -0.2])
g = fourier([3.0, -0.6])                # a=1, b=2
one, two = (synchronization_criterion(k).ratio for k in (f, g))
try:
    Circle(lambda d: np.sin(d) + 0.1 * np.cos(d))
    refused = False
except ValueError:
    refused = True
(
    abs(one - two) < 1e-12 and refused,
    f"ratios {one:.12f}, {two:.12f}; a function that is not odd is refused",
)
""",
    ),
    Item(
        "Lemma 4.1, Lemma 4.2, Remarks 4.3, 4.4",
        "(S2) is the gradient of E in another metric; signs of the Hessian do not depend on it.",
        "confirmed",
        "",
        """
state = three_cluster_states(attention(-2.0), (3, 2, 2))[0]
x = np.repeat(state.angles, (3, 2, 2))
plain, normed = (stability(Circle(attention(-2.0), g), x) for g in ("sum", "attention"))
signs = [np.sort(np.sign(s.eigenvalues.round(9))) for s in (plain, normed)]
same = np.array_equal(*signs)
same, f"T1 {plain.eigenvalues[:2].round(6).tolist()}, T2 {normed.eigenvalues[:2].round(6).tolist()}"
""",
    ),
    Item(
        "(C2), (C4)",
        "Cut conditions, for S of particles at one place.",
        "corrected",
        "For all S, and (C4) with weights: Σc_ic_jf′.",
        """
model = Circle(attention(-0.3), weights=rng.uniform(0.5, 2, 6))
state = stability(model, np.repeat([0.0, 2 * np.pi / 3, 4 * np.pi / 3], 2))
not state.stable, f"largest eigenvalue {state.eigenvalues.max():.4f}"
""",
    ),
    Item(
        "Theorem 6.1",
        "Weights c_j (S3): the same criterion.",
        "confirmed",
        "",
        'held("global synchronisation", Circle(attention(0.5), weights=rng.uniform(0.5, 2, 8)), '
        "x0, "
        "np.linspace(0, 20, 41))",
    ),
    Item(
        "Theorem 6.2",
        "(S4), with the conclusion for (S2).",
        "corrected",
        "Its conclusion is for (S4).",
        'held("global synchronisation", Circle(attention(0.5), "attention", '
        "weights=rng.uniform(0.5, 2, 8)), x0, np.linspace(0, 60, 61))",
    ),
    Item(
        "Lemma 6.3",
        "The weighted energy.",
        "confirmed",
        "",
        'held("energy", Circle(attention(2.0), weights=rng.uniform(0.5, 2, 8)), x0, np.linspace(0, '
        "3, 31))",
    ),
    Item(
        "Corollary 6.4",
        "A=w₁w₂ᵀ.",
        "corrected",
        "The sum over i runs over j. The mean with weights w₂/w₁ is conserved, which gives the "
        "place "
        "where they meet.",
        """
model = Circle(sine(), response=rng.uniform(0.5, 2, 8), weights=rng.uniform(0.5, 2, 8))
held("conserved mean", model, x0, np.linspace(0, 3, 31))
""",
    ),
    Item(
        "Lemma A.1",
        "β>1/3: f‴>0 on (b,a) of (0,π) only.",
        "confirmed",
        "",
        """
found = [int(np.count_nonzero(np.diff(np.sign(pieces(b)[3])) != 0)) for b in (0.34, 0.5, 1, 3, 30)]
found == [2] * 5, f"sign changes of f‴ on (0,π): {found}"
""",
    ),
    Item(
        "Lemma A.2, Corollary A.3",
        "√β·τ(β) increases to 1.",
        "confirmed",
        "",
        """
b = np.logspace(-4, 6, 4001)
root = np.sqrt(1 + 4 * b * b)
value = np.sqrt(b) * 2 * np.arcsin(np.sqrt((1 + 1 / (root + 2 * b)) / (1 + root) / 2))
np.all(np.diff(value) > 0) and value[-1] < 1, f"from {value[0]:.4f} to {value[-1]:.9f}"
""",
    ),
    Item(
        "Lemmas A.4–A.7",
        "τ(f″(a)−f″(b))<2 for β>1/3.",
        "confirmed",
        "Certified for all β≥1/3 at once, the ratio with M=2π included.",
        """
proof = certify_attention(1 / 3, np.inf, max_gap=2 * np.pi)
proof.certified, f"{proof.statement}; ratio at least {proof.ratio:.4f}"
""",
    ),
    Item(
        "Lemma B.1, Remark B.2, Corollary B.3",
        "0<β≤1/3: f‴≥0 on [a,2π−a]; f″≤0 on [0,π].",
        "confirmed",
        "",
        """
found = [int(np.count_nonzero(np.diff(np.sign(pieces(b)[3])) != 0)) for b in (0.01, 0.2, 0.33)]
below = max(pieces(b)[2].max() for b in (0.01, 0.2, 1 / 3))
found == [1] * 3 and below < 1e-12, f"sign changes of f‴ {found}, largest f″ {below:.1e}"
""",
    ),
    Item(
        "Lemma B.4",
        "τf″(a)>−2.",
        "confirmed",
        "",
        """
proof = certify_attention(0.0, 1 / 3, max_gap=2 * np.pi)
proof.certified, f"{proof.statement}; ratio at least {proof.ratio:.4f}"
""",
    ),
    Item(
        "Lemma C.1, Remark C.2, Corollary C.3",
        "−1/3<β<0: f‴≥0 on [a,2π−a], a>π/2; f″≤0 on [0,π].",
        "confirmed",
        "",
        """
first = lambda b: np.flatnonzero(np.diff(np.sign(pieces(b)[3])))[0]
zeros = [pieces(b)[1][first(b)] for b in (-0.01, -0.2, -0.33)]
below = max(pieces(b)[2].max() for b in (-0.01, -0.2, -0.33))
min(zeros) > np.pi / 2 and below < 1e-12, f"a={np.round(zeros, 4).tolist()}, largest f″ {below:.1e}"
""",
    ),
    Item(
        "Lemma C.4",
        "β<0: the largest gap is below π.",
        "confirmed",
        "As Remark 3.4: a state in a half circle is stationary only if it is synchronised or "
        "antipodal.",
        """
largest = []
for beta in (-0.1, -0.5, -0.7, -2.0):
    for state in three_cluster_states(attention(beta), (2, 2, 2)):
        angles = np.sort(np.mod(state.angles, 2 * np.pi))
        largest.append(np.diff(angles, append=2 * np.pi + angles[0]).max())
bool(largest) and max(largest) < np.pi, f"gaps of {len(largest)} states up to {max(largest):.6f}"
""",
    ),
    Item(
        "Lemma C.5",
        "β≥−.16: τf″(a)≥−2(1+τ/π).",
        "confirmed",
        "In its case −.16 the sign is ≥. It can be improved to −.26156.",
        """
proof = certify_attention(-0.26156, 0.0)
proof.certified, proof.statement
""",
    ),
    Item(
        "Lemma C.6",
        "Three clusters at p₁, p₂, p₃ of ⌊n/3⌋, ⌊n/3⌋ and n−2⌊n/3⌋ particles.",
        "corrected",
        "n−2⌊n/3⌋ particles sit at p₁, as the proof has it.",
        """
state = three_cluster_states(attention(-2.0), (3, 2, 2))[0]
off = abs(state.angles[1]) - 1.952562927465
state.stable and abs(off) < 1e-11, f"(3,2,2), β=−2: angle {abs(state.angles[1]):.12f}, stable"
""",
    ),
    Item(
        "−2/3≤β<−.66664",
        "(Between what is proved and the first counterexamples.)",
        "open",
        "No stable state but synchrony was found; the gap functional is negative in "
        "floating point. It is not proved.",
        """
proof = certify_synchronization(attention(-0.6665))
proof.certified, f"gap functional {proof.value:.2e} at β=−.6665, proved; beyond it takes longer"
""",
    ),
    Item(
        "After (3)",
        "Gradient descent on (3), β>0 (repulsion): the n-gon is the global minimum, and the "
        "particles tend to spread evenly.",
        "seen",
        "The 7-gon is a local minimum at β=2, and twelve of twelve random starts tend to it. The "
        "global minimum is quoted from the literature, and not re-derived here.",
        """
repelled = Circle(attention(2.0), "mean", coupling=-1.0)
runs = [circlesolve(repelled, np.random.default_rng(s).uniform(-3, 3, 7), [0, 4000.0])
        for s in range(12)]
ends = [np.sort(np.mod(r.positions[-1], 2 * np.pi)) for r in runs]
off = max(np.ptp(np.diff(e, append=2 * np.pi + e[0])) for e in ends)
polygon = stability(repelled, qsp.polygon_state(attention(2.0), 7).positions)
polygon.stable and off < 1e-5, f"gaps equal to {off:.1e}"
""",
    ),
)

PAPER = Paper(
    "pry",
    "Polyanskiy, Rigollet and Yao: mean-field dynamics on the circle",
    "Y. Polyanskiy, P. Rigollet, A. Yao, on synchronisation of mean-field models on the circle. "
    "The "
    "commands are run when this page is built.",
    PRELUDE,
    ITEMS,
)
