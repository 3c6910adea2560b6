"""Ha, Hwang and Kim."""

from .statement import Item, Paper

PRELUDE = '''
import numpy as np
import qsyncplug as qsp
from qsyncplug.wigner import diameter_bound, theta_operator

grid = qsp.Grid(64, 16.0)
trap = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
space = trap.phase_space
one = qsp.wigner_transform(grid.gaussian(), grid=grid)
pair = [grid.gaussian(1.0), np.exp(1.1j) * grid.gaussian(-0.5)]
close = [grid.gaussian(0.5), grid.gaussian(-0.4, 0.2), grid.gaussian(0.0, 0.5)]
times = np.linspace(0, 20, 41)
any_numbers = {"allow_unphysical": True, "allow_non_hermitian": True}

def numbers(z):
    """Data of no states: z_ij times one Wigner function."""
    return np.array(z, dtype=complex)[:, :, None, None] * one

def held(name, state, model=trap, times=times, options=None):
    """A prediction, and what a run says of it."""
    row = qsp.predictions(model, state)[name]
    return row, row.check(qsp.wlsolve(model, state, times, options=options))

def integral(f):
    return f.sum() * (space.x[1] - space.x[0]) * (space.p[1] - space.p[0])
'''

ITEMS = (
    Item(
        "Definition 1.1",
        "Complete aggregation: all ‖w_ij−w_lm‖ tend to 0.",
        "definition",
    ),
    Item(
        "Definition 2.1, (4)",
        "w[ψ,φ] with e^(ip·y), and Θ[V] with e^(i(p−p′)·y).",
        "corrected",
        "e^(−ip·y), as their own Remark 1.2 has it, and e^(−i(p−p′)·y): otherwise the momentum of "
        "e^(ikx) is −k and p·∇_x has the wrong sign.",
        """
w = qsp.wigner_transform(grid.gaussian(0.0, 0.7), grid=grid)
mean = integral(w * space.p[None, :])
abs(mean - 0.7) < 1e-10, f"⟨p⟩={mean:.10f} of a packet with momentum 0.7"
""",
    ),
    Item(
        "Remark 1",
        "w[φ,ψ] is the conjugate of w[ψ,φ]; ∫w dp=|ψ|²; ∫w[ψ,φ]=⟨ψ,φ⟩; Θ[V] commutes with "
        "conjugation.",
        "confirmed",
        "In (3) the arguments of the middle expression are exchanged.",
        """
first, second = (qsp.wigner_transform(*p, grid=grid) for p in (pair, pair[::-1]))
off = np.abs(first - second.conj()).max()
off < 1e-14, f"w[φ,ψ] is the conjugate to {off:.1e}"
""",
    ),
    Item(
        "Lemma 2.2",
        "∫Θ[V](f)g=−∫fΘ[V](g); ∫Θ[V](f)=0.",
        "confirmed",
        "",
        """
well = lambda x: np.cos(x)
f, g = one, qsp.wigner_transform(grid.gaussian(0.5, 0.3), grid=grid)
left = integral(theta_operator(f, space, well) * g)
right = integral(f * theta_operator(g, space, well))
none = integral(theta_operator(g, space, well))
abs(left + right) < 1e-12 and abs(none) < 1e-12, f"{left:.12f}, {right:.12f}; integral {none:.1e}"
""",
    ),
    Item(
        "Remark 2",
        "Re∫Θ[V](u)ū=0.",
        "confirmed",
        "By Lemma 2.2 and Remark 1.",
        """
u = qsp.wigner_transform(*pair, grid=grid)
value = integral(theta_operator(u, space, well) * u.conj())
abs(value.real) < 1e-12 < abs(value), f"∫Θ[V](u)ū={value:.3e}"
""",
    ),
    Item(
        "Lemma 2.3 (i)",
        "∫w_ii is constant.",
        "confirmed",
        "",
        """
run = qsp.wlsolve(trap, [0.7 * pair[0], 1.2 * pair[1]], times)
drift = np.ptp(run.masses, axis=0).max()
drift < 1e-10, f"masses move by {drift:.1e}"
""",
    ),
    Item(
        "Lemma 2.3 (ii)",
        "d/dt∫w_ij=∫(V_i−V_j)w_ij(t,x,0)dx.",
        "corrected",
        "−i∫(V_i−V_j)(∫w_ij dp)dx, and the coupling changes it too: "
        "(κ/2N){c_j+r_i−(r_i/z_ii+c_j/z_jj)z_ij}.",
        """
run = qsp.wlsolve(trap, pair, [0, 1e-4, 2e-4])
z = run.correlations[:, 1, 0]
slope, right = (z[2] - z[0]) / 2e-4, 0.5 * (1 - z[1] ** 2)
abs(slope - right) < 1e-7, f"dz/dt={slope:.6f}, (κ/2)(1−z²)={right:.6f}; printed: 0"
""",
    ),
    Item(
        "Remark 3",
        "(i) for the linear equation ∫w is constant, ‖ψ‖² for w[ψ]; (ii) ‖w‖²=‖ψ‖⁴; (iii) with "
        "equal potentials ∫w_ij is constant.",
        "corrected",
        "(i) holds. (ii) ‖w‖²=(2π)^(−d)‖ψ‖⁴; (iii) only ∫w_ii is constant, ∫w_ij of i≠j moves by "
        "the coupling (Lemma 2.3); the line after (9) repeats it.",
        """
square = integral(one**2)
alone = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=0.0)
free = qsp.wlsolve(alone, [0.7 * pair[0]], [0, 3.0])
(
    abs(square - 1 / (2 * np.pi)) < 1e-12 and np.ptp(free.masses) < 1e-12,
    f"‖w‖²={square:.12f}=1/2π of one state; without coupling ∫w={free.masses[-1, 0]:.12f}=‖ψ‖²",
)
""",
    ),
    Item(
        "Theorem 2.4",
        "|1−z_12| falls as e^(−κt), and ‖w_1−w_2‖² ≤ e^(−κt).",
        code='held("Theorem 4.2", pair)',
    ),
    Item(
        "(14), T*",
        "Real z_12<−1 or >1 blow up at κ⁻¹ln((1−z)/(1+z)).",
        code="""
row = qsp.predictions(trap, numbers([[1, -2], [-2, 1]]))["finite-time blow-up"]
try:
    run = qsp.wlsolve(trap, numbers([[1, -2], [-2, 1]]), [0, 4], options=any_numbers)
except qsp.BlowUpError as error:
    run = error.result
row, row.check(run)
""",
    ),
    Item(
        "Lemma 2.5",
        "y′≤α₁e^(−β₁t)y+α₂e^(−β₂t): y decays, or stays bounded.",
        "confirmed",
        "Its formula has a division by α₁+β₂; where that vanishes y≤(y₀+α₂t)e^(α₁t), which decays "
        "too.",
        """
from scipy.integrate import solve_ivp
at = np.linspace(0, 30, 61)
def equal(a1, b1, a2, b2):
    slope = lambda t, y: a1 * np.exp(-b1 * t) * y + a2 * np.exp(-b2 * t)
    return solve_ivp(slope, (0, 30), [2.0], t_eval=at, rtol=1e-11, atol=1e-14).y[0]
case1, case2 = equal(-1.0, 0.0, 0.5, 1.0), equal(0.8, 0.5, 0.0, 1.0)
off = np.abs(case1 - (2 + 0.5 * at) * np.exp(-at)).max()     # α₁+β₂=0
bound = 2 * np.exp(0.8 / 0.5)
(
    off < 1e-9 and case2.max() <= bound * (1 + 1e-9),
    f"α₁=−β₂: (y₀+α₂t)e^(α₁t) to {off:.0e}; (2): y≤{case2.max():.4f}, bound {bound:.4f}",
)
""",
    ),
    Item(
        "Theorem 3.1",
        "Complete aggregation for initial data in the set of (21).",
        code='held("Theorem 3.1", close)',
    ),
    Item(
        "Lemma 3.2",
        "D(Z)<1 is kept, for D₀<1.",
        code='held("Lemma 3.2", numbers([[1, -0.3, -0.3], [-0.3, 1, -0.3], [-0.3, -0.3, 1]]), '
        "options=any_numbers, times=np.linspace(0, 12, 25))",
    ),
    Item(
        "Remark 4",
        "The solution stays in the set of (21).",
        "confirmed",
        "In a larger one: D₀<N/(N−1), which is sharp. Equal real z_ij attain the bound.",
        """
z = 1 - 1.3 * (1 - np.eye(3))
run = qsp.wlsolve(trap, numbers(z), np.linspace(0, 12, 25), options=any_numbers)
off = np.max(np.abs(run.diameter / diameter_bound(1.3, run.times, 1.0, 3) - 1))
off < 1e-9, f"D(Z) is the bound to {off:.1e}, D₀=1.3<3/2"
""",
    ),
    Item(
        "Corollary 1 (1)",
        "D(Z) falls exponentially.",
        code='held("Corollary 1 (1)", close)',
    ),
    Item(
        "Corollary 1 (2)",
        "max‖w_ij‖ is bounded.",
        code='held("Corollary 1 (2)", close, times=times[:21])',
    ),
    Item(
        "(36)",
        "𝒳, the f of L² with finite ∫f and the norm ‖f‖+|∫f|, is a Banach space.",
        "refuted",
        "It is not complete: Gaussians of width n have ∫f=1 at every n and ‖f‖→0; they are a "
        "Cauchy "
        "sequence without a limit. The pairs (w, z) of L²×ℂ, its completion, serve in its place.",
        """
widths = np.array([1.0, 10.0, 100.0])
norms = 1 / np.sqrt(4 * np.pi * widths**2)      # of e^(−(x²+p²)/2n²)/2πn², whose integral is 1
norms[-1] < 0.01 * norms[0] * 1.001, f"‖f‖={norms.round(4).tolist()}, ∫f=1"
""",
    ),
    Item(
        "Theorem 4.1",
        "Global mild and classical solutions.",
        "corrected",
        "The numbers z_ij obey equations of their own, which last for ever where D₀<N/(N−1); with "
        "them known the equations of w_ij in L² are linear with bounded coefficients, for every V "
        "whose Hamiltonian is self-adjoint. The printed proof rests on (36) and on Lemma 4.2. "
        "Without D₀<N/(N−1) solutions may end: z_12=−2.9, z_13=2, z_23=2.1 blow up at t=2.4837.",
        """
z = [[1, -2.9, 2], [-2.9, 1, 2.1], [2, 2.1, 1]]
try:
    qsp.wlsolve(trap, numbers(z), [0, 4], options=any_numbers)
    when = np.inf
except qsp.BlowUpError as error:
    when = error.time
abs(when - 2.483744123) < 1e-4, f"blow-up at {when:.6f}"
""",
    ),
    Item(
        "Lemma 4.2",
        "‖p·∇w_ij‖ stays bounded.",
        code="""
wide = qsp.Grid(128, 32.0)
well = qsp.WignerLohe(wide, lambda x: 1 - np.exp(-x**2 / 4), 1.0)
held("Lemma 4.2", [wide.gaussian(0.5), wide.gaussian(-0.4, 0.2)], well, np.linspace(0, 2, 9))
""",
    ),
    Item(
        "Lemma 4.2, unbounded V",
        "The same for every V of the classes of Section 4.",
        "refuted",
        "For V=−x²/2 and equal states ‖p·∇w‖ grows as e^(2t), as ‖xp‖ does.",
        """
hill = qsp.WignerLohe(qsp.Grid(256, 48.0), lambda x: -x**2 / 2, 1.0)
same = [qsp.Grid(256, 48.0).gaussian()] * 2
run = qsp.wlsolve(hill, same, np.linspace(0, 1.4, 8))
size = [run.matrix(k).transport_norms().max() for k in range(8)]
growth = np.log(size[-1] / size[-3]) / 0.4
bool(growth > 1.7), f"it grows at the rate {growth:.3f}"
""",
    ),
    Item(
        "Lemma 4.3",
        "The coupling is locally Lipschitz in X.",
        "confirmed",
        "It is a polynomial of degree two in w and ∫w, both of which the norm bounds.",
        """
def pull(w):
    z = np.array([[integral(u) for u in row] for row in w])
    rows, columns = w.sum(axis=1), w.sum(axis=0)
    both = z.sum(axis=1)[:, None] + z.sum(axis=0)[None, :]
    return rows[:, None] + columns[None, :] - both[:, :, None, None] * w

def size(w):
    return max(np.sqrt(integral(np.abs(u) ** 2)) + abs(integral(u)) for row in w for u in row)

def random_data(rng):
    w = rng.normal(size=(3, 3, 1, 1)) * one
    return w / size(w)

rng = np.random.default_rng(0)
pairs = [(random_data(rng), random_data(rng)) for _ in range(40)]
most = max(size(pull(u) - pull(v)) / size(u - v) for u, v in pairs)
# 2N terms w and, from zw, 2N of each factor, in the unit ball
most < 6 + 12, f"Lipschitz constant in the unit ball: {most:.3f} found, 18 allowed (N=3)"
""",
    ),
    Item(
        "(39)",
        "The coupling in matrix form.",
        "corrected",
        "EW+WE−diag(r)W−W diag(c), E the matrix of ones, r and c the sums of rows and columns of "
        "z.",
        """
z = qsp.wlsolve(trap, close, [0, 1e-4, 2e-4]).correlations.conj()
e, m = np.ones((3, 3)), z[1]
rows, columns = np.diag(m.sum(axis=1)), np.diag(m.sum(axis=0))
right = (e @ m + m @ e - rows @ m - m @ columns) / 6
off = np.abs((z[2] - z[0]) / 2e-4 - right).max()
off < 1e-7, f"dz/dt off by {off:.1e}"
""",
    ),
    Item(
        "Theorems A.1, A.2, Lemma A.3",
        "Semigroups: perturbation, regularity, mean value inequality.",
        "open",
        "Quoted from the literature; not re-derived here.",
    ),
)

PAPER = Paper(
    "hhk",
    "Ha, Hwang and Kim: aggregation of the Wigner–Lohe model",
    "S.-Y. Ha, G. Hwang, D. Kim, *On the complete aggregation of the Wigner–Lohe model for "
    "identical potentials*. The commands are run when this page is built.",
    PRELUDE,
    ITEMS,
)
