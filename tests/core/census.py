"""Calls of the public functions with one argument replaced by something wrong."""

import datetime

import numpy as np
import qutip

import qsyncplug as qsp

GRID = qsp.Grid(32, 12.0)
PSI = np.array([GRID.gaussian(0.5), GRID.gaussian(-0.4)])
TIMES = [0.0, 0.5, 1.0]
PAIR = qsp.van_der_pol_pair()
CHAINS = qsp.SpinChains(n=(3, 4), g=(1.5, 2.4), omega0=0.7, loss=0.1)


def harmonic(x):
    return x**2 / 2


CIRCLE = qsp.Circle(qsp.sine(), coupling=1.5)
LOHE = qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, harmonic), coupling=1.0)
WIGNER = qsp.WignerLohe(GRID, harmonic, coupling=1.0)

#: wrong for every argument that is a number
NUMBERS = {
    "text": "1",
    "truth value": True,
    "complex": 1j,
    "not a number": np.nan,
    "infinite": np.inf,
    "timedelta": datetime.timedelta(seconds=1),
    "numpy timedelta": np.timedelta64(1, "s"),
    "masked": np.ma.array([1.0, 2.0], mask=[True, False]),
    "object": object(),
    "dict": {"a": 1},
}
INTEGERS = {**NUMBERS, "half": 2.5, "negative": -3}
ARRAYS = {
    "text": "12",
    "texts": ["1", "2"],
    "truth values": [True, False],
    "not a number": [np.nan, 1.0],
    "infinite": [np.inf, 1.0],
    "time differences": np.array([1, 2], dtype="m8[s]"),
    "masked": np.ma.array([0.5, 0.6], mask=[True, False]),
    "object": object(),
    "ragged": [[1.0], [1.0, 2.0]],
    "deep": np.ones((2, 2, 2, 2, 2)),
}
TIMES_WRONG = {
    **ARRAYS,
    "empty": [],
    "falling": [1.0, 0.5],
    "twice": [0.0, 0.0],
    "one number": 3.0,
}
MODELS = {"none": None, "text": "model", "number": 3, "operator": qutip.num(3), "type": qsp.Circle}
OPTIONS = {
    "list": [1],
    "unknown": {"nonsense": 1},
    "rtol": {"rtol": "tight"},
    "nsteps": {"nsteps": 0},
    "limit": {"time_limit": -1},
    "states": {"store_states": "no"},
    "bar": {"progress_bar": "shiny"},
    "atol": {"atol": np.ma.array([1e-3], mask=[True])},
    "max_step": {"max_step": datetime.timedelta(seconds=1)},
    "method": {"method": "magic"},
    "threads": {"num_threads": True},
}
E_OPS = {"number": 3, "list of numbers": [1, 2], "text": "n"}
CHOICES = {"text": "nothing of the kind", "number": 3, "none": None}

NUMBER, INTEGER, ARRAY, TIME = (
    ("number", NUMBERS),
    ("integer", INTEGERS),
    ("array", ARRAYS),
    (
        "times",
        TIMES_WRONG,
    ),
)
MODEL, OPTION, EOPS, CHOICE = (
    ("model", MODELS),
    ("options", OPTIONS),
    ("e_ops", E_OPS),
    (
        "choice",
        CHOICES,
    ),
)

SOLVE = {"tlist": TIME, "options": OPTION, "e_ops": EOPS}

#: function, right arguments, kind of each argument that is tried
CALLS = [
    (
        qsp.mfsolve,
        {"system": PAIR, "state0": [1, 0.5], "tlist": TIMES},
        {"system": MODEL, "state0": ARRAY, "covariance0": ARRAY, "closure": CHOICE, **SOLVE},
    ),
    (
        qsp.circlesolve,
        {"model": CIRCLE, "state0": [0.0, 1.0], "tlist": TIMES},
        {"model": MODEL, "state0": ARRAY, **SOLVE},
    ),
    (
        qsp.slsolve,
        {"model": LOHE, "state0": PSI, "tlist": TIMES},
        {"model": MODEL, "state0": ARRAY, **SOLVE},
    ),
    (
        qsp.wlsolve,
        {"model": WIGNER, "state0": PSI, "tlist": TIMES},
        {"model": MODEL, "state0": ARRAY, **SOLVE},
    ),
    (
        qsp.exactsolve,
        {"system": PAIR, "state0": [0.3, 0.2], "tlist": TIMES, "cutoff": 6},
        {"system": MODEL, "state0": ARRAY, "cutoff": INTEGER, "tlist": TIME, "options": OPTION},
    ),
    (
        qsp.dtwasolve,
        {"system": CHAINS, "state0": CHAINS.product_state(), "tlist": TIMES, "ntraj": 8},
        {"system": MODEL, "ntraj": INTEGER, "seed": INTEGER, **SOLVE},
    ),
    (
        qsp.coalesce,
        {"model": CIRCLE, "state0": [0.0, 1.0, 1.5]},
        {"model": MODEL, "state0": ARRAY, "gap": NUMBER, "contraction": NUMBER},
    ),
    (
        qsp.van_der_pol_pair,
        {},
        {name: NUMBER for name in ("gain", "loss", "detuning", "coherent", "dissipative")},
    ),
    (qsp.Grid, {"points": 32, "length": 8.0}, {"points": INTEGER, "length": NUMBER}),
    (
        qsp.Circle,
        {"interaction": qsp.sine()},
        {"coupling": NUMBER, "frequencies": ARRAY, "weights": ARRAY, "adjacency": ARRAY},
    ),
    (
        qsp.SchrodingerLohe,
        {"hamiltonian": qsp.GridHamiltonian(GRID, harmonic)},
        {
            "coupling": NUMBER,
            "frequencies": ARRAY,
            "adjacency": ARRAY,
            "variant": CHOICE,
            "phase_lag": NUMBER,
            "alignment": NUMBER,
        },
    ),
    (
        qsp.WignerLohe,
        {"grid": GRID},
        {
            "grid": MODEL,
            "coupling": NUMBER,
            "frequencies": ARRAY,
            "adjacency": ARRAY,
            "phase_lag": NUMBER,
        },
    ),
    (
        qsp.SpinChains,
        {"n": (3, 4)},
        {"exchange": NUMBER, "loss": NUMBER, "omega": ARRAY, "dissipative": NUMBER},
    ),
    (qsp.SpinOne, {}, {name: NUMBER for name in ("detuning", "drive", "gain", "loss")}),
    (qsp.modes, {"n": 2}, {"n": INTEGER}),
    (qsp.critical_coupling, {"frequencies": [-0.5, 0.5]}, {"frequencies": ARRAY, "weights": ARRAY}),
    (
        qsp.locking_regime,
        {"coupling": 1.0, "detuning": 0.5},
        {"coupling": NUMBER, "detuning": NUMBER},
    ),
    (
        qsp.effective_coupling,
        {"coupling": 1.0, "norms": [1.0, 1.0]},
        {
            "coupling": NUMBER,
            "norms": ARRAY,
            "theta": ARRAY,
            "variant": CHOICE,
            "phase_lag": NUMBER,
        },
    ),
    (
        qsp.synchronization_rate,
        {"coupling": 1.0, "norms": [1.0, 1.0]},
        {"coupling": NUMBER, "norms": ARRAY},
    ),
    (
        qsp.two_oscillator_correlation,
        {"z0": 0.3, "t": [0.0, 1.0], "coupling": 1.0},
        {"t": ARRAY, "coupling": NUMBER, "detuning": NUMBER},
    ),
    (
        qsp.vanishing_time,
        {"coupling": 1.0, "norms": [1.0, 1.0], "theta2": 1.5, "alignment": 0.5},
        {"coupling": NUMBER, "norms": ARRAY, "theta2": NUMBER, "alignment": NUMBER},
    ),
    (
        qsp.certify_attention,
        {"beta_lo": 1.0, "beta_hi": 1.1},
        {"beta_lo": NUMBER, "beta_hi": NUMBER, "precision": INTEGER},
    ),
    (qsp.certify_synchronization, {"interaction": qsp.sine(), "tail": 0.1}, {"tail": NUMBER}),
    (qsp.attention, {"beta": 1.0}, {"beta": NUMBER}),
    (qsp.velocity, {"model": CIRCLE, "x": [0.0, 1.0]}, {"model": MODEL, "x": ARRAY}),
    (
        qsp.stability,
        {"model": CIRCLE, "x": [0.0, 1.0]},
        {"model": MODEL, "x": ARRAY, "tol": NUMBER},
    ),
    (qsp.energy, {"model": CIRCLE, "x": [0.0, 1.0]}, {"model": MODEL, "x": ARRAY, "form": CHOICE}),
    (qsp.steadystate, {"system": PAIR, "cutoff": 6}, {"system": MODEL, "cutoff": INTEGER}),
    (
        qsp.coherent_covariance,
        {"excitation": [0.1, 0.2], "phase": [0.0, 1.0]},
        {"excitation": ARRAY, "phase": ARRAY},
    ),
    (qsp.wigner_transform, {"psi": PSI[0], "grid": GRID}, {"psi": ARRAY, "grid": MODEL}),
    (
        qsp.hydrodynamics,
        {"psi": PSI[0], "grid": GRID},
        {"psi": ARRAY, "grid": MODEL, "node_threshold": NUMBER},
    ),
    (qsp.three_cluster_threshold, {"n": 12}, {"n": INTEGER}),
    (qsp.limit_cycle, {"system": PAIR, "state0": [1.0, 1.0]}, {"system": MODEL, "state0": ARRAY}),
    (
        qsp.synchronization,
        {"result": [qutip.ket2dm(qutip.basis([3, 3], [0, 1]))]},
        {"result": MODEL},
    ),
    (
        qsp.compare,
        {"results": {"a": qutip.basis(3, 0), "b": qutip.basis(3, 1)}},
        {"results": MODEL, "tolerance": NUMBER},
    ),
]

#: what is right for this argument although it is wrong elsewhere
ALLOWED = {
    # of any shape
    "two_oscillator_correlation-t-deep",
    # all of attention from beta_lo on
    "certify_attention-beta_hi-infinite",
    # a state
    "synchronization-result-operator",
}


def cases():
    """(label, function, arguments, name of the wrong one)."""
    for function, right, kinds in CALLS:
        for name, (_, wrong) in kinds.items():
            for label, value in wrong.items():
                yield f"{function.__name__}-{name}-{label}", function, {**right, name: value}, name
