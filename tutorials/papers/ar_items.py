"""The statements of Antonelli and Reynolds."""

from .statement import Item

ITEMS = (
    Item(
        "(2), (3)",
        "Models 1 and 2: masses and alignment.",
        "definition",
        "With s_j=⟨ζ,ψ_j⟩, in this order; with ⟨ψ_j,ζ⟩ the norms stay too, but Kuramoto's phases "
        "are "
        "lost.",
    ),
    Item(
        "(4)",
        "max|θ_j−1| falls as e^(−ct).",
        code='held("alignment", SchrodingerLohe(H, 1.0, "model1", kernel=floor, **masses), three, '
        "np.linspace(0, 4, 9))",
    ),
    Item(
        "(5)",
        "The heavy tail condition on h.",
        "corrected",
        "Needs h nonincreasing; others are refused.",
        """
try:
    SchrodingerLohe(H, 1.0, "model1", kernel=lambda r: 1 + r, **masses)
    refused = ""
except ValueError as error:
    refused = str(error)
except TypeError as error:
    refused = str(error)
warned = [] if refused else qsp.predictions(
    SchrodingerLohe(H, 1.0, "model1", kernel=qsp.heavy_tail_kernel(), **masses), three
).names
bool(refused or warned), refused or f"rows with a falling h: {', '.join(warned)}"
""",
    ),
    Item(
        "(8)",
        "ζ=Σψ_j.",
        "corrected",
        "The mean, (1/N)Σψ_j.",
        """
run = slsolve(SchrodingerLohe(H), pair, [0, 1.0])
mean = np.sqrt(grid.weight) * np.linalg.norm(np.mean(pair, axis=0))
abs(run.order_parameter[0] - mean) < 1e-12, f"‖ζ‖={mean:.9f}"
""",
    ),
    Item(
        "Remark 2.1",
        "θ_j is the strength of the pull of the mean.",
        "definition",
        "The direction φ_j feels kθ_j/2λ_j (Model 1).",
    ),
    Item(
        "Assumption 3.1",
        "V=V_∞+V_p, V_∞ smooth with bounded derivatives from the second on, V_p and ∇V_p in "
        "L^p+L^∞; such as ω²|x|²/2 and |x|^(−γ), γ<1.",
        "corrected",
        "|x|^(−γ) belongs to it in two dimensions and more; on the line ∇V is in no L^p. "
        "On a grid, and in a cut basis, every potential is bounded.",
        """
integrable = lambda d, gamma, p: (gamma + 1) * p < d          # ∇V in L^p near 0
least = {1: 1.0, 2: 1.0 + 1e-6, 3: 1.5 + 1e-6}                  # p≥1, p>d/2
found = {d: integrable(d, 0.5, p) for d, p in least.items()}
found == {1: False, 2: True, 3: True}, f"γ=½, by dimension: {found}"
""",
    ),
    Item(
        "Remark 3.2",
        "Potentials that depend on time are possible.",
        "confirmed",
        "As functions of t for levels: a QobjEvo.",
        """
drive = qutip.QobjEvo([qutip.num(4), [qutip.num(4), lambda t: np.cos(t)]])
states = [qutip.coherent(4, 0.5), qutip.coherent(4, -0.3)]
run = slsolve(SchrodingerLohe(drive), states, [0, 10.0])
off = abs(1 - run.correlations[-1, 0, 1])
off < 1e-3, f"|1−z|={off:.1e} at t=10: a common Hamiltonian does not matter"
""",
    ),
    Item(
        "Proposition 3.3",
        "Local solutions in Σ; Model 2 exists until a norm is infinite.",
        "corrected",
        "Model 2 with μ>0 and an h that is not constant needs ψ_j≠0 too, for x_j is undefined "
        "there.",
        """
model2 = dict(theta=[1.3, 0.7], alignment=0.5, kernel=qsp.heavy_tail_kernel())
try:
    slsolve(SchrodingerLohe(H, 1.0, "model2", **model2), [0 * g(0), g(0)], [0, 1.0])
    said = ""
except (ValueError, SolverError) as error:
    said = str(error)
said != "", said
""",
    ),
    Item(
        "(16), (17)",
        "λ_−(t) ≥ λ_−(0)−(k/2)(λ_+(0)/c)(θ_+−1)(0)exp(k(θ_+−1)(0)/2c).",
        "corrected",
        "D₀=max|θ_j(0)−1| for θ_+−1, μc for c: λ_−(0)−λ_+(0)(e^(kD₀/2μc)−1)>0. Counterexample to "
        "the "
        "printed one: θ=(1.2,1.2,.6).",
        """
theta = np.array([1.2, 1.2, 0.6])
model = SchrodingerLohe(zero(1), 1.0, "model1", theta=theta, alignment=0.3)
run = slsolve(model, np.ones((3, 1)), np.linspace(0, 12, 121))
least = np.sqrt(run.masses.min())
printed = 1 - 0.5 * 0.2 * np.exp(0.1)
least < printed, f"smallest norm {least:.4f}, printed bound {printed:.4f} (h=1, μ=0.3)"
""",
    ),
    Item(
        "Proposition 3.4",
        "Under (17) Model 1 is global.",
        code='held("Proposition 3.4", SchrodingerLohe(H, 1.0, "model1", kernel=floor, **masses), '
        "three)",
    ),
    Item(
        "Proposition 3.4, without (17)",
        "(Section 5 takes Model 1 for global from any data.)",
        "refuted",
        "An oscillator may vanish: t*=−ln[1−4μλ_2/(k(λ_1+λ_2)(1−θ_2))]/μ for two parallel states.",
        """
when = qsp.vanishing_time(1.0, [1.0, 0.3], theta2=0.6, alignment=0.3)
model = SchrodingerLohe(zero(1), 1.0, "model1", theta=[1.4, 0.6], alignment=0.3)
row = qsp.predictions(model, [[1.0], [0.3]])["parallel states"]
try:
    slsolve(model, [[1.0], [0.3]], [0, 2 * when])
    seen = np.inf
except SolverError as error:
    seen = error.time
(
    abs(seen / when - 1) < 1e-6,
    f"oscillator vanishes at {seen:.8f}, predicted {when:.8f}: {row.statement}",
)
""",
    ),
    Item(
        "Proposition 3.5",
        "Model 2 is global under the wedge (18) or λ_j²≤θ_j (19).",
        code="""
model = SchrodingerLohe(H, 1.0, "model2", theta=[1.3, 0.7])
held("Proposition 3.5", model, [g(0.4), 0.8 * g(-0.5)])
""",
    ),
    Item(
        "Lemma 3.6",
        "f has a limit and f′ is uniformly continuous: f′→0 (Barbalat).",
        "confirmed",
        "Standard. Used for ‖ζ‖, whose derivative tends to 0 along runs.",
        """
run = slsolve(SchrodingerLohe(H), three, [0, 20.0, 40.0])
when = run.order_parameter
abs(when[2] - when[1]) < 1e-4, f"‖ζ‖ at t=20, 40: {when[1]:.9f}, {when[2]:.9f}"
""",
    ),
    Item(
        "Theorem 4.1",
        "Two oscillators with Re z(0)≠−1 synchronise: 1−Re z ≲ e^(−ct).",
        "corrected",
        "Model 1 needs the corrected (17) (inf h=0 of a heavy tail voids it: the least h along the "
        "run counts). The rate is that of the final masses: max|1−z| falls at "
        "k(λ̄_1²+λ̄_2²)/2λ̄_1λ̄_2, 1−Re z at twice that for states along one ray.",
        """
model = SchrodingerLohe(H, 1.0, "model1", theta=[1.1, 0.9], alignment=1.0, kernel=floor)
held("Theorem 4.1", model, pair)
""",
    ),
    Item(
        "Theorem 4.1, centres",
        "|x_1−x_2| ≲ e^(−Ct).",
        code='held("centres of mass", SchrodingerLohe(H), pair)',
    ),
    Item(
        "Corollary 4.2",
        "Model 1: C_1≤λ_j≤C_2; Model 2: λ_j²−θ_j falls exponentially.",
        code="""
model = SchrodingerLohe(H, 1.0, "model2", theta=[1.3, 0.7])
held("Theorem 4.1", model, [g(0.4), 0.8 * g(-0.5)])
""",
    ),
    Item(
        "Remark 4.3",
        "C_1 and C_2 are (34) and (39).",
        "corrected",
        "With D₀=max|θ_j(0)−1| and μc, as in (16); (43) has a factor exp(k(θ_1−1)/2μm) "
        "too many: counterexample θ_1=.76, λ=(1,.6), parallel states.",
        """
model = SchrodingerLohe(zero(1), 1.0, "model1", theta=[0.76, 1.24], alignment=0.5)
run = slsolve(model, [[1.0], [0.6]], np.linspace(0, 60, 61))
first, second = np.sqrt(run.masses.T)
right, printed = 0.6 + 0.24, 0.6 + 0.24 * np.exp(-0.24)
(
    np.all(first > second) and printed < second[-1] < right,
    f"λ_2 tends to {second[-1]:.6f}; (43) {printed:.6f}, without the factor {right:.6f}",
)
""",
    ),
    Item(
        "Theorem 4.4 (1)",
        "Λ<1: z tends to √(1−Λ²)+iΛ exponentially, or to the unstable −√(1−Λ²)+iΛ.",
        code='held("two oscillators", SchrodingerLohe(H, frequencies=[0.2, -0.2]), pair)',
    ),
    Item(
        "Theorem 4.4 (1), masses that settle",
        "Λ of the limiting masses, rate C.",
        code="""
model = SchrodingerLohe(H, 1.0, "model1", theta=[1.1, 0.9], alignment=1.0,
                        kernel=floor, frequencies=[0.2, -0.2])
held("Theorem 4.4", model, pair, np.linspace(0, 60, 121))
""",
    ),
    Item(
        "Theorem 4.4 (2)",
        "Λ=1: 1−|z| ≲ 1/t.",
        "corrected",
        "|z−i| falls as 1/(Ωt), 1−|z| as t⁻².",
        """
run = slsolve(SchrodingerLohe(H, frequencies=[0.5, -0.5]), pair, [0, 1000.0, 2000.0])
z = run.correlations[1:, 0, 1]
far, near = abs(z[0] - 1j) / abs(z[1] - 1j), (1 - abs(z[0])) / (1 - abs(z[1]))
(
    abs(far - 2) < 0.02 and abs(near - 4) < 0.1,
    f"from t=1000 to 2000 |z−i| falls to 1/{far:.3f}, 1−|z| to 1/{near:.3f}",
)
""",
    ),
    Item(
        "Theorem 4.4 (3)",
        "Λ>1: z tends to periodic behaviour.",
        "corrected",
        "Periodic from the start where the norms stand, with the period πΛ/Ω√(Λ²−1), around a "
        "centre "
        "i(Λ−√(Λ²−1)) in the disc, at which z stands.",
        """
rows = held("two oscillators", SchrodingerLohe(H, frequencies=[0.8, -0.8]), pair)
centre = 1j * (1.6 - np.sqrt(1.6**2 - 1))
z = qsp.two_oscillator_correlation(centre, [0, 1.0, 7.0], 1.0, 0.8)
still = np.abs(z - centre).max()
(rows[1].passed and still < 1e-12), f"{rows[1].found}; at the centre z stands to {still:.1e}"
""",
    ),
    Item(
        "(53), (56), (57)",
        "The closed form of z.",
        "corrected",
        "(53) has the denominator y₀+z̄₁, the second exponent of (56) lacks 1/Λ, (57) is missing.",
        """
run = slsolve(SchrodingerLohe(H, frequencies=[0.3, -0.3]), pair, [0, 1.0, 5.0])
exact = qsp.two_oscillator_correlation(run.correlations[0, 0, 1], run.times, 1.0, 0.3)
off = np.abs(run.correlations[:, 0, 1] - exact).max()
off < 1e-10, f"closed form met within {off:.1e}"
""",
    ),
    Item(
        "(65)",
        "‖ζ‖ does not fall.",
        code='held("order parameter", SchrodingerLohe(H, 1.0, "model1", kernel=floor, **masses), '
        "three)",
    ),
    Item(
        "Theorem 5.1",
        "Complete synchronisation at an exponential rate, or a bipolar state.",
        code='held("Theorem 5.1", SchrodingerLohe(H, 1.0, "model1", kernel=floor, **masses), '
        "three)",
    ),
    Item(
        "Section 5.2",
        "Steady states: ζ=0, and states ±ζ/‖ζ‖.",
        code="""
bipolar = np.array([[1.0, 0], [1.0, 0], [-1.0, 0]])
held("steady state", SchrodingerLohe(zero(2)), bipolar, np.linspace(0, 10, 11))
""",
    ),
    Item(
        "Lemma 5.2",
        "λ_j ≤ C, with (67), (68).",
        "corrected",
        "D₀=max|θ_j(0)−1| for |θ_+(0)−1|; θ=(1,1.5,.5), λ=(1,.99,.99) exceeds the printed bound.",
        """
lam = np.array([[1.0], [0.99], [0.99]])
model = SchrodingerLohe(zero(1), 1.0, "model1", theta=[1, 1.5, 0.5], alignment=1.0)
run = slsolve(model, lam, np.linspace(0, 20, 41))
row = qsp.predictions(model, lam)["parallel states"]
top = np.sqrt(run.masses.max())
top > 1.0 and row.check(run).passed, f"largest norm {top:.4f}; {row.check(run).found}"
""",
    ),
    Item(
        "(80), (81)",
        "Mean fields of φ.",
        "corrected",
        "1/N is missing.",
        """
lam, sign = np.array([0.7, 1.2, 1.0]), np.array([1.0, -1.0, 1.0])
turned = np.outer(lam * sign, [1.0, 0])
turned[1] = lam[1] * np.array([np.cos(0.3), np.sin(0.3)])          # φ_1 leaves the others
run = slsolve(SchrodingerLohe(zero(2)), turned, [0, 0.1])
rest = (lam[0] + lam[2]) * np.array([1.0, 0])
right, printed = (np.linalg.norm(rest * c + turned[1] / 3) for c in (1 / 3, 1.0))
abs(run.order_parameter[0] - right) < 1e-12, f"‖ζ_B′‖={right:.6f}; as printed {printed:.6f}"
""",
    ),
    Item(
        "Theorem 5.3",
        "All Re z_jk(0)≥0 (wedge), heavy tail: complete synchronisation.",
        code='held("Theorem 5.3", SchrodingerLohe(H, 1.0, "model1", kernel=floor, **masses), '
        "three)",
    ),
    Item(
        "Theorem 5.3, proof",
        "min Re z_jk is monotone.",
        "refuted",
        "It is not: z_12=iy, z_1l=−iu, z_2l=iu (l>2 equal) changes Re z_12 at the rate "
        "(k/2N)(2+2y²−2(N−2)uy), which is negative for N≥7.",
        """
# z_12=iy, z_1l=−iu, z_2l=iu with y²=1/3, u²=1/3 for six equal states l: all Re z are 0 or 1
y = u = np.sqrt(1 / 3) * 0.999
gram = np.array([[1, 1j * y, -1j * u], [-1j * y, 1, 1j * u], [1j * u, -1j * u, 1]])
values, vectors = np.linalg.eigh(gram)
rows = (vectors * np.sqrt(np.maximum(values, 0))).conj()
psi = np.vstack([rows[:2], np.repeat(rows[2:], 6, axis=0)])
run = slsolve(SchrodingerLohe(zero(3)), psi, [0, 0.05, 0.1])
course = run.correlations.real.min(axis=(1, 2))
abs(course[0]) < 1e-12 and course[-1] < -1e-3, f"from 0 min Re z falls to {course[-1]:.4f} at t=0.1"
""",
    ),
    Item(
        "After Theorem 5.3",
        "The wedge may be widened to Re z>−½.",
        "refuted",
        "For N≤3 Re z>−½ suffices; for N≥4 it does not: a state opposite to a simplex of the "
        "others, "
        "min Re z=−.4, tends to a bipolar state.",
        """
psi = qsp.wedge_counterexample(4, 0.4)
run = slsolve(SchrodingerLohe(zero(3)), psi, [0, 25.0])
least, r = run.gram[0].real.min(), run.order_parameter[-1]
abs(r - 0.5) < 1e-3 and least > -0.5, f"min Re z(0)={least:.3f}; ‖ζ‖={r:.6f} at t=25"
""",
    ),
    Item(
        "Theorem 6.1",
        "Model 2 under (18) or (19): complete synchronisation or a bipolar state.",
        "refuted",
        "False for μ>0 under (19): θ=(1.5,.75,.75), ψ=(−√1.5,√.75,√.75), h=1, μ=.5 tends to ζ=0. "
        "From "
        "almost every start it synchronises: proved locally (ζ=0 and bipolar states have an "
        "unstable "
        "direction), seen globally.",
        """
theta = np.array([1.5, 0.75, 0.75])
psi = np.array([[-np.sqrt(1.5)], [np.sqrt(0.75)], [np.sqrt(0.75)]])
model = SchrodingerLohe(zero(1), 1.0, "model2", theta=theta, alignment=0.5)
run = slsolve(model, psi, [0, 5.0, 20.0, 60.0])
run.order_parameter[-1] < 1e-4, f"‖ζ‖={run.order_parameter[-1]:.1e} at t=60"
""",
    ),
    Item(
        "Proposition 6.2",
        "Wedge and heavy tail: Model 2 synchronises exponentially.",
        code="""
model = SchrodingerLohe(H, 1.0, "model2", kernel=qsp.heavy_tail_kernel(), **masses)
held("Proposition 6.2", model, [g(0.4), 0.8 * g(-0.5), g(0.3, 0.2)])
""",
    ),
    Item(
        "Proposition 6.3",
        "μ=0, λ_j²≤θ_j: synchronisation or a bipolar state.",
        code="""
model = SchrodingerLohe(H, 1.0, "model2", theta=[1.3, 0.7])
held("Proposition 6.3", model, [g(0.4), 0.8 * g(-0.5)])
""",
    ),
    Item(
        "Example 7.1",
        "λ_1²(0)=θ_1, φ_1=−ζ/‖ζ‖, the others mirrored: a bipolar state.",
        "corrected",
        "True of states along one complex direction; (136)–(139) alone are not enough, and "
        "(140)–(143) have k/4N. The approach is slow, and rounding leaves it in the end.",
        code="""
psi = np.array([[-1.0], [0.8 * np.exp(0.5j)], [0.8 * np.exp(-0.5j)]])
row, outcome = held("Example 7.1", SchrodingerLohe(zero(1), 1.0, "model2"), psi, [0, 12, 24.0])
outcome.passed is not False, f"{row.statement} {outcome.found}"
""",
    ),
    Item(
        "Example 7.2",
        "The same with λ_1²(0)>θ_1: ‖ζ‖→0.",
        "corrected",
        "As Example 7.1.",
        code="""
psi = np.array([[-1.2], [0.8 * np.exp(0.5j)], [0.8 * np.exp(-0.5j)]])
row, outcome = held("Example 7.2", SchrodingerLohe(zero(1), 1.0, "model2"), psi, [0, 12, 24.0])
outcome.passed is not False, f"{row.statement} {outcome.found}"
""",
    ),
    Item(
        "(126), (130), (131)",
        "Terms of the derivatives of ‖ζ‖.",
        "corrected",
        "Re[⟨φ_l,ζ⟩²]; (130) lacks k.",
        """
rng = np.random.default_rng(2)
psi = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
theta, k = np.array([1.2, 1.0, 0.8]), 1.5
run = slsolve(SchrodingerLohe(zero(2), k, "model2", theta=theta), psi, [0, 1e-5, 2e-5])
slope = (run.order_parameter[2] ** 2 - run.order_parameter[0] ** 2) / 2e-5
psi, size = np.array([ket.full()[:, 0] for ket in run.final_state]), run.order_parameter[1] ** 2
s = np.conj(psi) @ psi.mean(axis=0)                             # λ_l⟨φ_l,ζ⟩
right = k * np.mean(theta * size - (s**2).real)
printed = k * np.mean(theta * size - s.real**2)
(
    abs(slope / right - 1) < 1e-3 < abs(slope / printed - 1),
    f"d‖ζ‖²/dt={slope:.5f}; with Re[⟨φ,ζ⟩²] {right:.5f}, with [Re⟨φ,ζ⟩]² {printed:.5f}",
)
""",
    ),
)
