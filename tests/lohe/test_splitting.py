"""Different Hamiltonians: orders of convergence, agreement of the methods, failures."""

import numpy as np
import pytest
import qutip
from lohe_reference import gram, lines
from numpy.testing import assert_allclose

from qsyncplug import (
    AliasingError,
    BlowUpError,
    GridHamiltonian,
    NonUniquenessError,
    SchrodingerLohe,
    UndefinedCentreError,
    absolute_kernel,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import (
    MissingFieldError,
    RightHandSideError,
    StepLimitError,
    TimeLimitError,
)
from qsyncplug.waves.splitting import SCHEMES, schedule

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning",
    "ignore::qsyncplug.UnstableSetWarning",
    "ignore::qsyncplug.AliasingWarning",
)

GRID = Grid(64, 16.0)
TRAPS = [0.8, 0.95, 1.1, 1.25]
HS = [GridHamiltonian(GRID, lambda x, w=w: 0.5 * w**2 * x**2) for w in TRAPS]
PSI = np.array([GRID.gaussian(c, p) for c, p in [(1, 0.3), (-1.2, 0), (0.3, -0.5), (0, 1)]])
THETA = np.array([1.1, 1.0, 0.95, 0.95])
KINDS = {
    "standard": dict(frequencies=[0.3, -0.1, 0.0, -0.2], phase_lag=0.2),
    "model1": dict(variant="model1", theta=THETA, alignment=0.5, kernel=heavy_tail_kernel()),
    "model2": dict(variant="model2", theta=THETA, alignment=0.5, kernel=lambda r: 1 / (1 + r**2)),
    "constant": dict(variant="model1", theta=THETA, alignment=0.5, kernel=absolute_kernel(0.7)),
}


def reference(hs, psi, kw, t):
    kernel = kw.get("kernel", 1.0)
    flat = getattr(kernel, "is_constant", False)
    model = SchrodingerLohe(hs, **kw)
    return lines(
        psi,
        t,
        k=1.0,
        kinetic=GRID.kinetic,
        potentials=np.array([h.values for h in hs]),
        weight=GRID.weight,
        variant=kw.get("variant", "standard"),
        omega=kw.get("frequencies"),
        theta=kw.get("theta"),
        mu=kw.get("alignment", 0.0),
        h=kernel,
        positions=None if flat else [GRID.axes[0]],
        coupling_matrix=model.coupling_matrix(len(psi)),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_methods_agree_with_the_method_of_lines(kind):
    t = np.array([0.0, 0.4, 1.1])
    psi, theta = reference(HS, PSI, KINDS[kind], t)
    model = SchrodingerLohe(HS, **KINDS[kind])
    for options in (
        {},
        {"method": "lawson"},
        {"method": "s10", "step": 0.05},
        {"method": "dop853"},
        {"method": "kl8", "step": 0.1},
    ):
        result = slsolve(model, PSI, t, options={"store_states": True, **options})
        assert_allclose(np.array(result.states), psi, atol=1e-10, err_msg=str(options))
        assert_allclose(result.theta, theta, atol=1e-11)
        assert_allclose(result.gram, gram(psi, GRID.weight), atol=1e-10)
        norm = np.sum(np.abs(psi) ** 2, axis=2)
        assert_allclose(
            result.centres[:, :, 0],
            np.sum(np.abs(psi) ** 2 * GRID.axes[0], axis=2) / norm,
            atol=1e-10,
        )
    assert slsolve(model, PSI, [0, 0.1]).stats["method"] == "splitting"


def matrices(n, size, rng):
    out = []
    for _ in range(n):
        a = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
        out.append(qutip.Qobj(a + a.conj().T))
    return out


@pytest.mark.parametrize(
    "name, start",
    [
        ("strang", 0.02),
        ("s6", 0.15),
        ("yoshida4", 0.05),
        ("suzuki4", 0.1),
        ("s10", 0.25),
        ("kl6", 0.25),
    ],
)
@pytest.mark.parametrize("parts", [2, 3])
def test_orders_of_convergence(name, start, parts, rng):
    """Halving the step divides the error by 2^order, for two parts (matrices) and for three (a
    grid).
    """
    if parts == 2:
        hs = [0.3 * h for h in matrices(3, 4, np.random.default_rng(3))]
        x = 0.3 * matrices(1, 4, np.random.default_rng(4))[0]
        psi = [qutip.rand_ket(4, seed=s) for s in (1, 2, 3)]
        kw = dict(
            variant="model1",
            theta=[1.1, 1.0, 0.9],
            alignment=0.5,
            kernel=heavy_tail_kernel(),
            position=x,
        )
        model = SchrodingerLohe(hs, 1.0, **kw)
    else:
        psi, model = PSI, SchrodingerLohe(HS, **KINDS["model1"])
    end = 2.0
    exact = slsolve(
        model,
        psi,
        [0, end],
        options={"method": "lawson", "rtol": 1e-13, "atol": 1e-15, "store_states": True},
    )._stored[-1]
    points = []
    for h in (start, 0.8 * start, 0.64 * start, 0.5 * start):
        steps = int(np.ceil(end / h))
        result = slsolve(
            model,
            psi,
            [0, end],
            options={"method": name, "step": end / steps, "store_states": True},
        )
        points.append((np.log(end / steps), np.log(np.max(np.abs(result._stored[-1] - exact)))))
    x, y = np.array(points).T
    order = np.polyfit(x, y, 1)[0]
    assert np.exp(y[-1]) > 1e-13 and abs(order - SCHEMES[name].order) < 0.7, (order, np.exp(y))


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("parts", [2, 3])
def test_orders_in_high_precision(name, parts):
    """The local error of a linear system falls as h^(order+1), here with matrix exponentials of 40
    digits.
    """
    import mpmath

    scheme = SCHEMES[name]
    rng = np.random.default_rng(7)
    generators = [mpmath.matrix((rng.normal(size=(2, 2)) * 0.7).tolist()) for _ in range(parts)]
    steps = schedule(scheme, parts)
    errors = []
    with mpmath.workdps(40):
        # larger steps for order 8, whose coefficients end at 16 digits
        for h in (0.1, 0.05) if scheme.order < 8 else (0.5, 0.25):
            product = mpmath.eye(2)
            for part, coefficient in steps:
                product = mpmath.expm(generators[part] * (mpmath.mpf(coefficient) * h)) * product
            total = mpmath.matrix(2, 2)
            for g in generators:
                total += g
            errors.append(mpmath.mnorm(product - mpmath.expm(total * h), 1))
        order = float(mpmath.log(errors[0] / errors[1], 2)) - 1
    assert abs(order - scheme.order) < 0.3, (order, [float(e) for e in errors])


def test_schemes_are_consistent_and_symmetric():
    for scheme in SCHEMES.values():
        assert_allclose(sum(scheme.alphas), 1.0, atol=1e-13)
        assert_allclose(scheme.alphas, scheme.alphas[::-1], atol=1e-13)
        for parts in (1, 2, 3):
            steps = schedule(scheme, parts)
            for part in range(parts):
                assert_allclose(sum(c for p, c in steps if p == part), 1.0, atol=1e-13)
    # kinetic energy is applied ten times a step, the coupling eleven times
    assert [sum(1 for p, _ in schedule(SCHEMES["s10"], 3) if p == k) for k in range(3)] == [
        11,
        20,
        10,
    ]


def test_tolerances_are_kept():
    model = SchrodingerLohe(HS, **KINDS["model1"])
    exact = slsolve(
        model, PSI, [0, 2.0], options={"method": "lawson", "store_states": True}
    ).states[-1]
    errors = []
    for rtol in (1e-6, 1e-8, 1e-10):
        for method in ("splitting", "lawson"):
            result = slsolve(
                model,
                PSI,
                [0, 2.0],
                options={"method": method, "rtol": rtol, "atol": rtol / 100, "store_states": True},
            )
            errors.append(
                np.sqrt(GRID.weight) * np.max(np.linalg.norm(result.states[-1] - exact, axis=1))
            )
            assert errors[-1] < 20 * rtol, (method, rtol, errors[-1])
    assert errors[0] > errors[2] > errors[4]


@pytest.mark.parametrize("variant", ["standard", "model1", "model2"])
def test_truncated_spaces_with_different_hamiltonians(variant):
    """Kerr oscillators in a truncated Fock space, against the plain equations."""
    size = 8
    a = qutip.destroy(size)
    hs = [
        w * a.dag() * a + 0.1 * k * (a.dag() * a) ** 2 + 0.2 * (a + a.dag())
        for k, w in enumerate([1.0, 1.2, 0.7])
    ]
    psi = [qutip.coherent(size, z) for z in (0.5, -0.3, 0.4j)]
    x = (a + a.dag()) / np.sqrt(2)
    kw = (
        {}
        if variant == "standard"
        else dict(theta=[1.1, 1.0, 0.9], alignment=0.5, kernel=heavy_tail_kernel(), position=x)
    )
    model = SchrodingerLohe(hs, 0.8, variant=variant, **kw)
    t = np.array([0.0, 0.7, 2.0])
    exact, theta = lines(
        [p.full().ravel() for p in psi],
        t,
        k=0.8,
        hamiltonians=np.array([h.full() for h in hs]),
        variant=variant,
        theta=kw.get("theta"),
        mu=kw.get("alignment", 0.0),
        h=kw.get("kernel"),
        positions=[x.full()] if kw else None,
    )
    for options in (
        {},
        {"method": "lawson"},
        {"method": "dop853"},
        {"method": "s10", "step": 0.05},
    ):
        result = slsolve(model, psi, t, e_ops=[x], options={"store_states": True, **options})
        states = np.array([[s.full().ravel() for s in row] for row in result.states])
        assert_allclose(states, exact, atol=1e-9, err_msg=str(options))
        assert_allclose(result.theta, theta, atol=1e-10)
        mean = np.einsum("tja,ab,tjb->tj", exact.conj(), x.full(), exact).real / np.sum(
            np.abs(exact) ** 2, axis=2
        )
        assert_allclose(result.e_data[0], mean, atol=1e-9)


def test_two_dimensions():
    """Different traps in 2d: without coupling, coherent states in closed form; with it, the methods
    agree.
    """
    grid = Grid((48, 40), (14.0, 13.0))
    traps = [(1.0, 1.2), (1.1, 0.9)]
    hs = [
        GridHamiltonian(grid, lambda x, y, a=a, b=b: 0.5 * a**2 * x**2 + 0.5 * b**2 * y**2)
        for a, b in traps
    ]
    psi = [grid.gaussian((0.8, -0.4), (0.2, 0.0), (a**-0.5, b**-0.5)) for a, b in traps]
    free = slsolve(SchrodingerLohe(hs, 0.0), psi, [0, 1.3])
    for j, (a, b) in enumerate(traps):
        exact = [0.8 * np.cos(1.3 * a) + 0.2 / a * np.sin(1.3 * a), -0.4 * np.cos(1.3 * b)]
        assert_allclose(free.centres[-1, j], exact, atol=2e-10)
    model = SchrodingerLohe(
        hs, 1.0, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=heavy_tail_kernel()
    )
    a = slsolve(model, psi, [0, 0.5], options={"store_states": True})
    b = slsolve(model, psi, [0, 0.5], options={"store_states": True, "method": "lawson"})
    assert_allclose(a.states[-1], b.states[-1], atol=1e-10)
    assert_allclose(a.theta, b.theta, atol=1e-11)
    assert_allclose(a.centres, b.centres, atol=1e-10)


def test_time_dependent_potentials():
    hs = [
        GridHamiltonian(
            GRID, lambda t, x, w=w: 0.5 * w * (1 + 0.2 * np.sin(3 * t)) * x**2, time_dependent=True
        )
        for w in (1, 1.3)
    ]
    model = SchrodingerLohe(hs, 1.0)
    runs = [
        slsolve(model, PSI[:2], [0.3, 1.0], options={"store_states": True, **o}).states[-1]
        for o in ({}, {"method": "lawson"}, {"method": "s10", "step": 0.02}, {"method": "dop853"})
    ]
    for other in runs[1:]:
        assert_allclose(other, runs[0], atol=2e-10)


def test_time_dependent_qobj_that_differ():
    a = qutip.destroy(4)
    hs = [
        qutip.QobjEvo([w * a.dag() * a, [a + a.dag(), lambda t, w=w: np.cos(w * t)]])
        for w in (1.0, 1.5)
    ]
    psi = [qutip.basis(4, 0), qutip.basis(4, 1)]
    result = slsolve(SchrodingerLohe(hs, 0.0), psi, [0, 1.0], options={"store_states": True})
    assert result.stats["method"] == "dop853"
    for j in (0, 1):
        exact = qutip.sesolve(
            hs[j], psi[j], [0, 1.0], options={"rtol": 1e-11, "atol": 1e-12}
        ).states[-1]
        assert (result.states[-1][j] - exact).norm() < 1e-9


def test_reduction_and_splitting_agree_where_both_apply():
    model = SchrodingerLohe(
        HS[0],
        1.0,
        "model1",
        frequencies=[0.3, -0.1, 0, -0.2],
        theta=THETA,
        alignment=0.5,
        kernel=heavy_tail_kernel(),
    )
    a = slsolve(model, PSI, [0, 1.0, 2.0])
    b = slsolve(model, PSI, [0, 1.0, 2.0], options={"method": "splitting", "store_states": True})
    assert_allclose(a.gram, b.gram, atol=1e-10)
    assert_allclose(a.states[2], b.states[2], atol=1e-10)
    assert_allclose(a.moments()[1], b.moments()[1], atol=1e-9)
    assert_allclose(a.deviations, b.deviations, atol=1e-10)


@pytest.mark.parametrize("method", ["splitting", "s10", "lawson", "dop853"])
def test_vanishing_oscillator(method):
    """Frequencies in place of different potentials: the same system by the reduction tells the
    time.
    """
    psi = np.array([PSI[0], 0.1 * PSI[0]])
    kw = dict(variant="model1", theta=[1.4, 0.6], alignment=0.2)
    with pytest.raises(NonUniquenessError) as exact:
        slsolve(SchrodingerLohe(HS[0], 1.0, **kw), psi, [0, 5.0])
    with pytest.raises(NonUniquenessError) as info:
        slsolve(
            SchrodingerLohe(HS[0], 1.0, **kw),
            psi,
            np.linspace(0, 5, 51),
            options={"method": method, "step": 0.05},
        )
    assert_allclose(info.value.time, exact.value.time, atol=1e-9)
    assert info.value.oscillator == 1 and info.value.result.times[-1] <= info.value.time


def test_other_failures():
    model = SchrodingerLohe(HS[:2], -1.0, "model2")
    reached = set()
    for method in ("splitting", "lawson", "dop853"):
        with pytest.raises(BlowUpError) as info:
            slsolve(model, 2 * PSI[[0, 0]], np.linspace(0, 5, 51), options={"method": method})
        reached.add(len(info.value.result.times))
        assert 0 < len(info.value.result.times) < 51
    assert len(reached) == 1
    # antiparallel: the second state passes zero, and its centre with it
    model = SchrodingerLohe(
        [HS[0], HS[0]], 1.0, "model2", theta=[1.2, 0.8], alignment=0.6, kernel=heavy_tail_kernel()
    )
    times = []
    for method in ("reduction", "splitting", "lawson", "dop853"):
        with pytest.raises(UndefinedCentreError) as info:
            slsolve(
                model, [PSI[0], -0.1 * PSI[0]], np.linspace(0, 5, 51), options={"method": method}
            )
        assert info.value.oscillator == 1
        times.append(info.value.time)
    assert_allclose(times, times[0], atol=1e-8)
    model = SchrodingerLohe(HS, **KINDS["standard"])
    with pytest.raises(StepLimitError) as info:
        slsolve(model, PSI, np.linspace(0, 50, 501), options={"nsteps": 20})
    assert len(info.value.result.gram) == len(info.value.result.times) > 0
    with pytest.raises(TimeLimitError):
        slsolve(model, PSI, np.linspace(0, 500, 501), options={"time_limit": 0.05})
    wide = SchrodingerLohe([GridHamiltonian(GRID), GridHamiltonian(GRID, lambda x: 0.1 * x)], 1.0)
    with pytest.raises(AliasingError) as info:
        slsolve(wide, [GRID.gaussian(3.0, 3.0), GRID.gaussian(0.0)], np.linspace(0, 3, 31))
    assert 0 < info.value.time < 3 and len(info.value.result.times) > 0

    def bad(t, psi):
        raise RuntimeError("no")

    with pytest.raises(RightHandSideError, match="no"):
        slsolve(model, PSI, [0, 1.0], e_ops=bad)


def test_states_that_were_not_stored():
    result = slsolve(SchrodingerLohe(HS), PSI, [0, 0.1])
    assert len(result.states) == 0
    with pytest.raises(MissingFieldError, match="store_states"):
        result.state(0)
    with pytest.raises(MissingFieldError, match="store_states"):
        result.expectation(GRID.axes[0])


def test_files(tmp_path):
    import qsyncplug.core.storage as storage

    result = slsolve(
        SchrodingerLohe(HS, **KINDS["model1"]), PSI, [0, 0.3], options={"store_states": True}
    )
    result.save(tmp_path / "a.npz")
    again = storage.load(tmp_path / "a.npz")
    assert_allclose(again.states[1], result.states[1])
    assert_allclose(again.gram, result.gram) and not again.model.common
