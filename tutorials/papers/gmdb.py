"""Ghildiyal, Manju, Dasgupta and Biswas."""

import qsyncplug as qsp

from .statement import Item, Paper

PRELUDE = '''
import numpy as np
import qsyncplug as qsp

printed = qsp.PublishedSpinChains()
beta = np.array([0.9 + 0.3j, -0.4 + 0.7j])

def figure(name, word, end=2000.0):
    """The statement on a figure that holds `word`, judged along runs of the printed equations."""
    found = printed.figure(name, end=end, n_times=2001)
    return next(s for s in found.statements if word in s.text)

def changes(name):
    """Whether a correction alone changes what it concerns only, at β and t=3, and how much."""
    said = qsp.CORRECTIONS[name].changes
    options = {"detuning": 0.2} if name == "eq7_factor_two" else {}
    model = qsp.PublishedSpinChains(exchange=0.4, corrections=[name], **options)
    plain = qsp.PublishedSpinChains(exchange=0.4, **options)
    by = {}
    for part in ("drift", "langevin_drift", "fluctuation_matrix", "diffusion", "effective_energy"):
        new, old = (np.asarray(getattr(m, part)(3.0, beta)) for m in (model, plain))
        if np.abs(new - old).max() > 1e-9:
            by[part] = float(np.abs(new - old).max())
    return bool(by) and set(by) <= set(said), ", ".join(f"{k} by {v:.2e}" for k, v in by.items())
'''

#: of corrections that stop at their equation: what shows them
_SHOWN = {
    "eq5_sigma_z": """
# σz of (3) is g_jσzJ_z/√N_j: in the shift X of the printed (7) it has its g_j
x = [qsp.PublishedSpinChains(g=g).X(beta) for g in ((1.5, 2.4), (3.0, 4.8))]
abs(x[1] / x[0] - 2) < 1e-12, f"X={x[0]:.6f}, with twice the g_j {x[1]:.6f}"
""",
    "eq5_half": """
import qutip
N = 5
jx, jy, _ = qutip.jmat(N / 2)
sx, sy = qutip.sigmax(), qutip.sigmay()
left = qutip.tensor(sx, jx) + qutip.tensor(sy, jy)
up = qutip.tensor(qutip.sigmap(), jx - 1j * jy)
off = abs((left - up - up.dag()).full()).max()
off < 1e-12, f"σ_xJ_x+σ_yJ_y=σ₊J₋+σ₋J₊ to {off:.0e}, J₋=√N_j b+…: no ½"
""",
    "eq18_atan2": """
run = qsp.mfsolve(printed, (1, 1j), np.linspace(0, 300, 301))
angle = np.angle(run.amplitudes)
half = np.arctan(np.tan(angle))
lost = np.mean(np.abs(half - angle) > 1)
lost > 0.1, f"arctan(p/q) is off by π in {100 * lost:.0f} % of the outputs"
""",
    "eq20_index": """
d = np.diag(printed.diffusion(3.0, beta))
d[0] == d[1] != d[2] == d[3], f"D=diag{d.round(6).tolist()}"
""",
}


def _equations() -> tuple[Item, ...]:
    """From the table of corrections itself."""
    return tuple(
        Item(
            f"{c.where}: {name}",
            c.printed,
            "corrected",
            c.correct,
            _SHOWN.get(name, f'changes("{name}")'),
        )
        for name, c in qsp.CORRECTIONS.items()
    )


ITEMS = (
    Item(
        "Figure 1",
        "Two chains and a central spin.",
        "definition",
        "All spins, collective spins and bosons with the exact square root agree to rounding.",
        """
chains = qsp.spin_chains(2, 2) if hasattr(qsp, "spin_chains") else qsp.SpinChains(n=(2, 2))
str(chains) != "", str(chains)
""",
    ),
    Item(
        "Eq. (3)",
        "J₊J₋ in the chain's energy.",
        "confirmed",
        "It follows from (2), spin by spin.",
        """
import qutip
N, lam = 3, 0.6
at = lambda s, i: qutip.tensor([s if k == i else qutip.qeye(2) for k in range(N)])
pauli = (qutip.sigmax(), qutip.sigmay(), qutip.sigmaz())
sx, sy, sz = ([at(s, i) for i in range(N)] for s in pauli)
pairs = sum(sx[i] * sx[k] + sy[i] * sy[k] for i in range(N) for k in range(N) if k != i)
spins = (lam**2 * pairs / 2 + sum(sz)) / (2 * N)
raised = sum(x + 1j * y for x, y in zip(sx, sy)) / 2
collective = lam**2 * (raised * raised.dag() / N - 0.5) + (1 - lam**2) * sum(sz) / (2 * N)
off = abs((spins - collective).full()).max()
off < 1e-12, f"H_B of (2) and (3) agree to {off:.0e}, N=3, λ=.6"
""",
    ),
    *_equations(),
    Item(
        "Initial state",
        "q_j(0)=p_j(0)=0.",
        "refuted",
        "An exact fixed point: nothing happens.",
        """
speed = np.abs(printed.drift(0.0, [0, 0])).max()
speed == 0, f"|dβ/dt|={speed:g} at the origin"
""",
    ),
    Item(
        "Figure 2",
        "There is a limit cycle at long times.",
        "refuted",
        "With the right bracket in B1, B2 the Hamiltonian part keeps n₁+n₂ and the damping lowers "
        "it: "
        "every start decays.",
        'figure("2a", "limit cycle", 1e4)',
    ),
    Item(
        "Figure 2a–c",
        "For N₁=N₂, λ=0 the means become equal.",
        "refuted",
        "The decaying spiral keeps the difference that it is given.",
        """
found = printed.figure("2a", beta0=(1, 1j), end=2000.0, n_times=2001)
next(s for s in found.statements if "equal" in s.text)
""",
    ),
    Item(
        "Figure 2a, β(0)=(2,2)",
        "(Another start of the printed equations.)",
        "refuted",
        "They are singular at t=4.27, where X, by which they divide, vanishes.",
        """
found = printed.figure("2a", beta0=(2, 2))
abs(found.singular_at - 4.27) < 0.01, f"singular at t={found.singular_at:.4f}"
""",
    ),
    Item(
        "Figure 2d–f",
        "For N₁=10, N₂=5 the means are in phase at long times.",
        "refuted",
        "The relative phase goes around.",
        'figure("2d", "in phase", 1e4)',
    ),
    Item(
        "Figure 2g–i",
        "λ=.2: a constant phase difference φ=1.049.",
        "refuted",
        "It drifts: 1.049 is a snapshot.",
        'figure("2g", "phase", 1e4)',
    ),
    Item(
        "Figure 3a",
        "S_q approaches 1.",
        "refuted",
        "With the printed fluctuations the covariance grows without bound. With the exact ones "
        "S_q→1, "
        "which is the value of two vacua.",
        """
s = [k for k in printed.figure("3a", end=2000.0, n_times=2001).statements]
next(k for k in s if "as given" in k.text)
""",
    ),
    Item(
        "Figure 3a, S_q=1",
        "S_q=1 is complete synchronisation.",
        "refuted",
        "Two oscillators at rest, independent, in their vacua have S_q=1 at all times.",
        'next(k for k in s if "means complete" in k.text)',
    ),
    Item(
        "Figure 3a, D",
        "The covariance is that of a quantum state.",
        "refuted",
        "Not with the printed noise.",
        'next(k for k in s if "quantum state" in k.text)',
    ),
    Item(
        "All cases of Figure 2",
        "S_q=1 in the steady state.",
        "refuted",
        "",
        'next(k for k in s if "all cases" in k.text)',
    ),
    Item(
        "Conclusion",
        "The oscillators are not entangled, yet synchronised.",
        "refuted",
        "With exact fluctuations and the noise of jump operators they are entangled on the way.",
        'next(k for k in s if "not entangled" in k.text)',
    ),
    Item(
        "Figure 3b",
        "The time average of S_q falls with n̄.",
        "confirmed",
        "With exact fluctuations and physical noise it is 1/(2n̄+1), that of a thermal state at "
        "rest; "
        "the equations as given have no average.",
        """
found = printed.figure("3b", end=10000.0, n_times=1001, thermal=(0.0, 1.0, 3.0))
means, exact = found.series["average"], found.series["1/(2n+1)"]
np.abs(means - exact).max() < 0.05, f"{means.round(4).tolist()} against {exact.round(4).tolist()}"
""",
    ),
)

PAPER = Paper(
    "gmdb",
    "Ghildiyal, Manju, Dasgupta and Biswas: two spin chains",
    "J. Ghildiyal, Manju, S. Dasgupta, A. Biswas, *Quantum synchronization between two spin chains "
    "using pseudo-bosonic equivalence*. The corrections are those of `qsyncplug.CORRECTIONS`; the "
    "commands are run when this page is built.",
    PRELUDE,
    ITEMS,
)
