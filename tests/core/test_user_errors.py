"""What a function of the user's raises comes out: named, as the cause, with what was computed.

Exceptions that libraries use among themselves (NotImplementedError, KeyError, StopIteration, …) are
the user's own here, and none may be taken for another.
"""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.circle import interaction
from qsyncplug.core.errors import RightHandSideError

from .runs import EXACT_RUNS, GRID, RUNS, WAVES
from .test_ends import WITH_FUNCTIONS, whole

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")

ALL = {**RUNS, **EXACT_RUNS}
TIMES = np.linspace(0, 1.5, 16)


class OddError(Exception):
    """That cannot be made from a text alone."""

    def __init__(self, number, text):
        super().__init__(text)
        self.number = number


def _made(kind):
    if issubclass(kind, qsp.SolverError):
        # as one of a run inside the function
        return kind("mine", result=object())
    return OddError(3, "mine") if kind is OddError else kind("mine")


KINDS = (
    NotImplementedError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    StopIteration,
    FloatingPointError,
    OverflowError,
    ZeroDivisionError,
    TimeoutError,
    RuntimeError,
    MemoryError,
    np.linalg.LinAlgError,
    OddError,
    qsp.SolverError,
    qsp.TimeLimitError,
)


class Mine:
    """Counts its calls and raises in that of a number, and ever after."""

    def __init__(self, kind=None, at=0):
        self.kind, self.at, self.count = kind, at, 0

    def __call__(self, value):
        self.count += 1
        if self.kind is not None and self.count >= self.at:
            error = _made(self.kind)
            error.mine = self
            raise error
        return value


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__


# ------------------------------------------------------------ functions that a run calls


def _modes(mine, where):
    (b,) = qsp.modes(1)

    def f(t):
        return mine(1.0)

    if where == "drive":
        return qsp.System(b.dag() * b + f * (b + b.dag()), [b])
    return qsp.System(b.dag() * b, [f * b, 0.3 * b.dag()])


def _spins(mine):
    (S,) = qsp.spins(10)
    return qsp.System(S.z + (lambda t: mine(1.0)) * S.x, [0.1 * S.m])


def _atoms(mine):
    (A,) = qsp.atoms(3)
    return qsp.System(A.z + (lambda t: mine(1.0)) * A.x, [0.3 * A.each.m])


def _mean(closure, where):
    return lambda mine: qsp.mfsolve(_modes(mine, where), [0.5], TIMES, closure=closure)


def _exact(method, where):
    drawn = {"ntraj": 4, "seed": 1} if method in ("trajectories", "mcsolve") else {}
    options = {"method": method, **drawn}
    return lambda mine: qsp.exactsolve(_modes(mine, where), [0.5], TIMES, cutoff=5, options=options)


def _waves(method, count, **options):
    def run(mine):
        own = qsp.GridHamiltonian(
            GRID, lambda t, x: mine(x**2 / 2 + 0.1 * np.cos(x)), time_dependent=True
        )
        others = [qsp.GridHamiltonian(GRID, lambda x, s=s: x**2 / s) for s in (3, 4)]
        model = qsp.SchrodingerLohe([own, *others] if count > 1 else own, coupling=1.0)
        return qsp.slsolve(model, WAVES, TIMES[:6], options={"method": method, **options})

    return run


def _operators(mine):
    h = qutip.QobjEvo([qutip.num(3), [qutip.num(3), lambda t: mine(1.0)]])
    other = qutip.QobjEvo([qutip.num(3) * 1.1, [qutip.position(3), lambda t: 0.1]])
    model = qsp.SchrodingerLohe([h, other], coupling=1.0)
    return qsp.slsolve(model, np.array([[1, 0.5, 0.2], [1, -0.5j, 0.2]]) / 1.29**0.5, TIMES[:6])


def _kernel(mine):
    h = qsp.GridHamiltonian(GRID, lambda x: x**2 / 2)
    kernel = lambda r: mine(1 / (1 + np.asarray(r)))  # noqa: E731
    model = qsp.SchrodingerLohe(h, coupling=1.0, variant="model2", alignment=0.5, kernel=kernel)
    return qsp.slsolve(model, WAVES, TIMES[:6])


def _circle(what, **more):
    def run(mine):
        given = {"coupling": 1.5, "interaction": qsp.sine(), **more}
        if what == "coupling":
            given["coupling"] = lambda t: mine(1.5)
        elif what == "interaction":
            given["interaction"] = interaction(lambda x: mine(np.sin(x) + 0.2 * np.sin(2 * x)))
        else:
            given["normalization"] = lambda x: mine(np.ones(12))
        model = qsp.Circle(**given)
        return qsp.circlesolve(model, np.linspace(0, 3, 12), TIMES)

    return run


CASES = {
    **{
        f"{c}, {w}": _mean(c, w) for c in ("none", "linear", "cumulants") for w in ("drive", "jump")
    },
    **{
        f"exact {m}, {w}": _exact(m, w)
        for m in ("density", "trajectories", "mesolve", "mcsolve")
        for w in ("drive", "jump")
    },
    "samples": lambda mine: qsp.twasolve(_modes(mine, "drive"), [0.5], TIMES, ntraj=8, seed=1),
    "samples of spins": lambda mine: qsp.twasolve(
        _spins(mine), [[0.6, 0, 0.8]], TIMES, ntraj=8, seed=1
    ),
    "spins": lambda mine: qsp.mfsolve(_spins(mine), [[0.6, 0, 0.8]], TIMES),
    "atoms": lambda mine: qsp.exactsolve(_atoms(mine), [[0, 0.6, -0.8]], TIMES),
    "cumulants of atoms": lambda mine: qsp.mfsolve(
        _atoms(mine), [[0, 0.6, -0.8]], TIMES, closure="cumulants"
    ),
    "waves, reduction": _waves("reduction", 1),
    "waves, splitting": _waves("splitting", 3),
    "waves, strang": _waves("strang", 3, step=0.05),
    "waves, lawson": _waves("lawson", 3, rtol=1e-6),
    "waves, dop853": _waves("dop853", 3, rtol=1e-6),
    "operators of waves": _operators,
    "kernel of waves": _kernel,
    **{
        f"{what} of the circle{', ' * bool(more)}{', '.join(more)}": _circle(what, **more)
        for what, more in (
            ("coupling", {}),
            ("coupling", {"noise": 0.2}),
            ("coupling", {"inertia": 0.5}),
            ("coupling", {"delay": 0.3}),
            ("coupling", {"adjacency": np.ones((12, 12))}),
            ("interaction", {}),
            ("interaction", {"noise": 0.2}),
            ("interaction", {"inertia": 0.5}),
            ("normalization", {}),
            ("normalization", {"noise": 0.2}),
        )
    },
}


@pytest.mark.parametrize("name", CASES)
def test_functions_that_fail_come_out(name):
    run, counted = CASES[name], Mine()
    run(counted)
    assert counted.count
    # each kind in a third of the cases, early, on the way, and close to the end of what is asked
    turn = list(CASES).index(name)
    for number, kind in enumerate(KINDS[turn % 3 :: 3]):
        share = (0.02, 0.6, 0.97)[number % 3]
        mine = Mine(kind, max(2, int(share * counted.count)))
        with pytest.raises((RightHandSideError, ValueError, TypeError)) as caught:
            run(mine)
        error = caught.value
        assert any(getattr(e, "mine", None) is mine for e in chain(error)), (kind, repr(error))
        assert not hasattr(error, "mine"), kind
        assert kind.__name__ in str(error), str(error)
        if isinstance(error, RightHandSideError):
            assert "e_ops" not in str(error)
            # trajectories are whole or not there
            assert len(error.result.times) >= 1 or "mcsolve" in name
            whole(error.result, np.asarray(error.result.times))


@pytest.mark.parametrize("name", WITH_FUNCTIONS)
def test_functions_of_e_ops_and_until_come_out(name):
    solver, state0, times = ALL[name]()
    turn = WITH_FUNCTIONS.index(name)
    for shift, argument in ((0, "e_ops"), (5, "until")):
        if argument == "until" and not solver.has_outputs:
            continue
        mine = Mine(KINDS[(turn + shift) % len(KINDS)], 3)
        with pytest.raises(RightHandSideError, match=f"{argument} raised") as caught:
            solver.run(state0, times, **{argument: lambda t, state, mine=mine: mine(0.0)})
        cause = caught.value.__cause__
        assert getattr(cause, "mine", None) is mine, repr(cause)
        assert mine.kind.__name__ in str(caught.value)
        whole(caught.value.result, times)


# ------------------------------------------------------------ functions that are looked at before

MADE = {
    "potential": lambda f: qsp.GridHamiltonian(GRID, f),
    "wigner potential": lambda f: qsp.WignerLohe(GRID, f, coupling=1.0),
    "interaction": lambda f: interaction(f),
    "density": lambda f: qsp.critical_coupling(f),
    "field": lambda f: GRID.field("psi", f),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MADE)
def test_functions_that_fail_at_once_are_named(name, kind):
    mine = Mine(kind, 1)
    with pytest.raises((ValueError, TypeError), match=f"raised {kind.__name__}") as caught:
        MADE[name](lambda x: mine(x))
    assert any(getattr(e, "mine", None) is mine for e in chain(caught.value))
    assert not hasattr(caught.value, "mine")


@pytest.mark.parametrize("kind", [KeyError, StopIteration, NotImplementedError, OddError])
def test_one_bad_point_of_a_sweep_is_that_of_the_user(kind):
    pytest.importorskip("xarray")

    def point(x):
        if x == 2:
            raise _made(kind)
        return 1.0 * x

    for more in (
        {"function": point},
        {"function": lambda x: x, "solve": point},
        {
            "function": lambda x: qsp.synchronization(
                [qutip.coherent(4, 0.1 * x)], modes=[qutip.destroy(4)]
            ),
            "measures": {"own": lambda view: point(round(10 * view.mean[0, 0] / 2**0.5))},
        },
    ):
        data = qsp.sweep(parameters={"x": [1, 2, 3]}, **more)
        assert data["status"].values.tolist() == [1, 2, 1]
        assert str(data["error"].values[1]) == f"{kind.__name__}: {_made(kind)}"


# ------------------------------------------------------------ where no step would look


def test_a_short_failure_between_two_steps_is_found():
    """Steps are as long as what moves allows, and pass over it; the look for pulses does not."""

    def drive(t):
        if 40.0 <= t <= 40.02:
            raise NotImplementedError("not for this time")
        return 0.1

    (b,) = qsp.modes(1)
    system = qsp.System(drive * (b + b.dag()), [0.1 * b])
    with pytest.raises(RightHandSideError, match="not for this time") as caught:
        qsp.mfsolve(system, [0.5], [0.0, 100.0])
    assert isinstance(caught.value.__cause__, NotImplementedError)


def test_a_key_error_of_a_run_that_goes_on_is_no_damaged_file(tmp_path):
    path, broken = tmp_path / "run.npz", []

    def coupling(t):
        if broken and t > 1:
            raise KeyError("mine")
        return 1.5

    model = qsp.Circle(qsp.sine(), coupling=coupling)
    solver = qsp.CircleSolver(model, options={"checkpoint": path, "nsteps": 5})
    with pytest.raises(qsp.StepLimitError):
        solver.run(np.linspace(0, 3, 5), np.linspace(0, 20, 11))
    broken.append(True)
    with pytest.raises((RightHandSideError, ValueError), match="coupling raised KeyError"):
        qsp.resume(path, model=model, options={"nsteps": 10_000})
