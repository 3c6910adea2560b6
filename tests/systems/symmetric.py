"""Runs of every family in which nodes may be numbered anew and all phases turned.

A family is a function of (order, turn): node k of the run is node order[k] of the first one, and
the phase of every node is advanced by `turn` at the start (an amplitude e^{−ix} by e^{−i·turn}).
It gives named `Answer`s, which say themselves how they change.
"""

import itertools
from typing import NamedTuple

import numpy as np
import qutip

import qsyncplug as qsp

ORDERS = list(itertools.permutations(range(3)))
FAMILIES = {}
SHORT, LONG = np.linspace(0, 1, 6), np.linspace(0, 4, 9)


class Answer(NamedTuple):
    """Values with nodes on every axis but the first; `weight` times the turn is their phase."""

    values: np.ndarray
    weight: int = 0
    #: phases themselves, which the turn is added to
    angle: bool = False

    def moved(self, order, turn):
        """What a run must give that is numbered by `order` and turned."""
        values = self.values
        for axis in range(1, values.ndim):
            values = np.take(values, order, axis=axis)
        if self.angle:
            return values + turn
        return values * np.exp(-1j * self.weight * turn) if self.weight else values


def family(maker):
    FAMILIES[maker.__name__.replace("_", " ")] = maker
    return maker


def variants(name, **each):
    """A family for every value of its last argument."""

    def decorate(maker):
        for label, value in each.items():
            FAMILIES[f"{name}, {label.replace('_', ' ')}"] = lambda order, turn, value=value: maker(
                order, turn, value
            )
        return maker

    return decorate


# ------------------------------------------------------------ bosons

DETUNINGS, LOSSES = [0.1, -0.2, 0.3], [0.5, 0.4, 0.6]
HOPS = np.array([[0, 0.2, 0.1], [0.2, 0, 0.3], [0.1, 0.3, 0]])
AMPLITUDES = np.array([0.5, 0.3j, -0.4])


def oscillators(order, *, open_=True, loss=1.0):
    b = qsp.modes(3)
    H = sum((DETUNINGS[o] * x.dag() * x for o, x in zip(order, b, strict=True)), 0 * b[0])
    jumps = []
    for j, k in itertools.combinations(range(3), 2):
        H = H + HOPS[order[j], order[k]] * (b[j].dag() * b[k] + b[k].dag() * b[j])
        jumps.append(0.5 * (b[j] - b[k]))
    jumps += [x.dag() for x in b]
    jumps += [(loss * LOSSES[o]) ** 0.5 * x**2 for o, x in zip(order, b, strict=True)]
    return qsp.System(H, jumps if open_ else [])


def of_modes(result):
    """Amplitudes and all second moments."""
    C = result.covariance.reshape(len(result.times), 3, 2, 3, 2)
    qq, pp, qp, pq = C[:, :, 0, :, 0], C[:, :, 1, :, 1], C[:, :, 0, :, 1], C[:, :, 1, :, 0]
    return {
        "amplitudes": Answer(result.amplitudes, 1),
        "normal": Answer(qq + pp + 1j * (qp - pq)),
        "anomalous": Answer(qq - pp + 1j * (qp + pq), 2),
    }


def turned(amplitudes, order, turn):
    return np.exp(-1j * turn) * np.asarray(amplitudes)[list(order)]


@variants(
    "mean field", linear="linear", classical="none", Gaussian="gaussian", cumulants="cumulants"
)
def mean_field(order, turn, closure):
    start = turned(AMPLITUDES, order, turn)
    result = qsp.mfsolve(oscillators(order), start, LONG, closure=closure)
    return {"amplitudes": Answer(result.amplitudes, 1)} if closure == "none" else of_modes(result)


@variants("exact", density="density", sectors="sectors", ket="ket")
def exact(order, turn, method):
    system = oscillators(order, open_=method != "ket")
    start = turned(0.2 * AMPLITUDES, order, turn)
    options = {"method": method}
    return of_modes(qsp.exactsolve(system, start, SHORT, cutoff=3, options=options))


@family
def steady_state(order, turn):
    rho = qsp.steadystate(oscillators(order, loss=6.0), cutoff=3)
    n = [qutip.expect(b.dag().qutip(3) * b.qutip(3), rho) for b in oscillators(order).operators]
    return {"numbers": Answer(np.array([n]))}


@family
def limit_cycle(order, turn):
    start = turned([1, 1j, -1], order, turn)
    found = qsp.limit_cycle(oscillators(order), start)
    values = [[found.frequency], [found.phase_diffusion]]
    return {"frequency and diffusion": Answer(np.array([values]).reshape(2))}


@family
def cumulants_of_order_three(order, turn):
    start = turned(AMPLITUDES, order, turn)
    result = qsp.mfsolve(oscillators(order), start, LONG, closure="cumulants", order=3)
    return {"amplitudes": Answer(result.amplitudes, 1)}


# ------------------------------------------------------------ spins

SIZES, FIELDS = [20, 30, 10], [1.0, 1.2, 0.7]
BLOCH = np.array([[0.6, 0, 0.8], [0, 0.6, 0.8], [0.48, 0.6, 0.64]])


def spins(order, sizes):
    S = qsp.spins(*(sizes[o] for o in order))
    H = sum((FIELDS[o] * x.z for o, x in zip(order, S, strict=True)), 0 * S[0].z)
    for j, k in itertools.combinations(range(3), 2):
        H = H + HOPS[order[j], order[k]] / 10 * (S[j].p * S[k].m + S[k].p * S[j].m)
    return qsp.System(H, [np.sqrt(0.1 * (o + 1)) / 5 * x.m for o, x in zip(order, S, strict=True)])


def directions(system, order, turn):
    """S₋ is an amplitude e^{−ix}: x+iy turns the other way, by +turn."""
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return {S: rotation @ BLOCH[o] for S, o in zip(system.symbols, order, strict=True)}


@variants("spins", classical="none", covariance="linear", cumulants="cumulants")
def spins_on_spheres(order, turn, closure):
    system = spins(order, SIZES)
    start = directions(system, order, turn)
    result = qsp.mfsolve(system, start, LONG, closure=closure)
    return {"amplitudes": Answer(result.amplitudes, 1)}


@family
def exact_spins(order, turn):
    system = spins(order, [1, 2, 1])
    start = directions(system, order, turn)
    result = qsp.exactsolve(system, start, LONG)
    return {"amplitudes": Answer(result.amplitudes, 1)}


# ------------------------------------------------------------ levels and atoms


def ladders(order):
    """Three systems of three levels that exchange quanta; the number of quanta is their charge."""
    s = qsp.levels(3, 3, 3)
    H = 0 * s[0][0, 0]
    for o, x in zip(order, s, strict=True):
        H = H + FIELDS[o] * (x[1, 1] + 2.2 * x[2, 2])
    down = [x[0, 1] + 1.3 * x[1, 2] for x in s]
    for j, k in itertools.combinations(range(3), 2):
        H = H + HOPS[order[j], order[k]] * (down[j].dag() * down[k] + down[k].dag() * down[j])
    return qsp.System(H, [0.2 * (o + 1) * d for o, d in zip(order, down, strict=True)])


@variants("levels", exact=None, cumulants="cumulants")
def levels(order, turn, closure):
    system = ladders(order)
    phases = np.exp(-1j * turn * np.arange(3))
    kets = [qutip.Qobj(phases * [1, 0.5 + 0.2 * o, 0.3j * o + 0.1]).unit() for o in order]
    if closure is None:
        e_ops = list(system.operators)
        run = qsp.exactsolve(system, kets, SHORT, e_ops=e_ops)
        lowering = np.array(run.expect).T
    else:
        run = qsp.mfsolve(system, kets, SHORT, closure=closure)
        lowering = np.array([qsp.expect(d, run) for d in system.operators]).T
    return {"lowering operators": Answer(lowering, 1)}


@variants("atoms", cumulants="cumulants", classical="none", exact="exact")
def ensembles(order, turn, closure):
    sizes = [2, 1, 2] if closure == "exact" else [200, 300, 100]
    A = qsp.atoms(*(sizes[o] for o in order))
    H = sum((FIELDS[o] * x.z for o, x in zip(order, A, strict=True)), 0 * A[0].z)
    for j, k in itertools.combinations(range(3), 2):
        H = H + HOPS[order[j], order[k]] / 100 * (A[j].p * A[k].m + A[k].p * A[j].m)
    jumps = [np.sqrt(0.1 * (o + 1)) * x.each.m for o, x in zip(order, A, strict=True)]
    system = qsp.System(H, [*jumps, 0.02 * (A[0].m + A[1].m + A[2].m)])
    start = directions(system, order, turn)
    if closure == "exact":
        amplitudes = qsp.exactsolve(system, start, SHORT).amplitudes
    else:
        amplitudes = qsp.mfsolve(system, start, LONG, closure=closure).amplitudes
    return {"amplitudes": Answer(amplitudes, 1)}


# ------------------------------------------------------------ Schrödinger–Lohe and Wigner–Lohe

RNG = np.random.default_rng(5)
PSI = RNG.normal(size=(3, 4)) + 1j * RNG.normal(size=(3, 4)) + 0.7
PSI /= np.linalg.norm(PSI, axis=1)[:, None]
MATRICES = [qutip.Qobj((m + m.T) / 4) for m in RNG.normal(size=(3, 4, 4))]
TURNS, THETA = np.array([0.1, -0.2, 0.15]), np.array([1.1, 0.8, 1.1])
ADJACENCY = np.array([[0, 1.0, 0.5], [0.7, 0, 1.0], [1.2, 0.4, 0]])


def lohe(order, turn, method="auto", hamiltonians=None, variant="standard", **model):
    order = list(order)
    for key in ("frequencies", "theta"):
        if key in model:
            model[key] = model[key][order]
    if "adjacency" in model:
        model["adjacency"] = model["adjacency"][np.ix_(order, order)]
    h = MATRICES[0] if hamiltonians is None else [hamiltonians[o] for o in order]
    system = qsp.SchrodingerLohe(h, 1.2, variant, **model)
    psi = np.exp(-1j * turn) * PSI[order]
    options = (
        {"method": method, "step": 0.02} if method in ("strang", "s10") else {"method": method}
    )
    result = qsp.slsolve(system, psi, LONG, options={**options, "store_states": True})
    states = np.array([[ket.full()[:, 0] for ket in row] for row in result.states])
    # nodes last: the entries of the kets stand beside the times
    states = np.moveaxis(states, 1, 2).reshape(-1, 3)
    return {"Gram matrix": Answer(result.gram), "states": Answer(states, 1)}


@variants(
    "Schrödinger–Lohe",
    reduction={"frequencies": TURNS},
    without_frequencies={},
    adjacency={"adjacency": ADJACENCY, "frequencies": TURNS},
    phase_lag={"phase_lag": 0.3},
    model_1={"variant": "model1", "theta": THETA},
    model_2={"variant": "model2", "alignment": 0.5},
    **{m: {"method": m, "hamiltonians": MATRICES} for m in ("splitting", "strang", "s10")},
    lawson={"method": "lawson", "hamiltonians": MATRICES, "frequencies": TURNS},
    dop853={"method": "dop853", "hamiltonians": MATRICES},
)
def schrodinger_lohe(order, turn, keywords):
    return lohe(order, turn, **keywords)


BOX = qsp.Grid(32, 12.0)
WAVES = [BOX.gaussian(0.5), BOX.gaussian(-0.4), BOX.gaussian(0.1, 0.3)]
WELLS = [lambda x: x**2 / 2, lambda x: 0.4 * x**2 + 0.1 * x, lambda x: 0.6 * x**2]


@variants("Wigner–Lohe", reduction="reduction", splitting="splitting", direct="direct")
def wigner_lohe(order, turn, method):
    wells = WELLS[0] if method == "reduction" else [WELLS[o] for o in order]
    waves = [np.exp(-1j * turn) * WAVES[o] for o in order]
    times = SHORT / 20 if method == "direct" else SHORT
    model = qsp.WignerLohe(BOX, wells, coupling=1.0)
    options = {"method": method, "rtol": 1e-9} if method == "direct" else {"method": method}
    return {"correlations": Answer(qsp.wlsolve(model, waves, times, options=options).correlations)}


@variants("noisy waves", exact_paths=None, splitting=np.array([0.1, -0.2, 0.15]))
def noisy_waves(order, turn, frequencies):
    """One noise for all nodes: the same seed draws the same paths, whatever their numbers."""
    some = frequencies if frequencies is None else frequencies[list(order)]
    model = qsp.SchrodingerLohe(MATRICES[0], 1.2, frequencies=some)
    options = {} if some is None else {"step": 0.05}
    psi = np.exp(-1j * turn) * PSI[list(order)]
    run = qsp.sltrajectories(model, psi, SHORT, 0.3, ntraj=4, seed=2, options=options)
    return {"Gram matrix": Answer(run.gram), "order": Answer(run.order_parameters[:, 0])}


# ------------------------------------------------------------ particles

PLACES, OMEGA = np.array([0.0, 1.0, 2.5]), np.array([0.1, -0.3, 0.2])
MASSES = np.array([1.0, 0.5, 2.0])


@variants(
    "circle",
    sine={},
    attention={"interaction": qsp.attention(2.0)},
    weights={"weights": MASSES},
    phase_lag={"phase_lag": 0.4},
    adjacency={"adjacency": ADJACENCY},
    inertia={"inertia": 0.6},
    delay={"delay": 0.3},
    triads={"triads": (0.3, 0.2)},
)
def circle(order, turn, keywords):
    order, keywords = list(order), dict(keywords)
    f = keywords.pop("interaction", qsp.sine())
    if "weights" in keywords:
        keywords["weights"] = keywords["weights"][order]
    if "adjacency" in keywords:
        keywords["adjacency"] = keywords["adjacency"][np.ix_(order, order)]
    model = qsp.Circle(f, "mean", coupling=1.3, frequencies=OMEGA[order], **keywords)
    result = qsp.circlesolve(model, PLACES[order] + turn, LONG)
    return {"positions": Answer(result.positions, angle=True)}


@family
def moebius_maps(order, turn):
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.3)
    result = qsp.MoebiusSolver(model).run(PLACES[list(order)] + turn, LONG)
    return {"positions": Answer(np.asarray(result.positions), angle=True)}


@family
def coalescence(order, turn):
    model = qsp.Circle(qsp.attention(5.0), "mean")
    found = qsp.coalesce(model, PLACES[list(order)] + turn)
    return {"time": Answer(np.array([found.log_time]))}


@family
def sphere(order, turn):
    """Turned about one axis, as complex numbers of the first two coordinates."""
    x = np.eye(3)[:, [1, 2, 0]] @ np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]])
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    start = x[list(order)] @ rotation.T
    points = qsp.spheresolve(qsp.Sphere(coupling=1.0), start, SHORT).points
    return {
        "in the plane": Answer(points[:, :, 0] + 1j * points[:, :, 1], 1),
        "heights": Answer(points[:, :, 2]),
    }


@family
def Ott_Antonsen(order, turn):
    order = list(order)
    widths = np.array([0.5, 0.4, 0.6])
    model = qsp.OttAntonsen(ADJACENCY[np.ix_(order, order)] * 3, widths[order], OMEGA[order])
    # these are means of e^{+ix}
    result = qsp.oasolve(model, turned([0.1, 0.3j, 0.2], order, -turn), LONG)
    return {"modes": Answer(result.modes, -1)}
