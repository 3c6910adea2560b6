"""Expressions as e_ops: one statement for every solver, exact or approximate."""

import itertools
import pickle

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.core.errors import RightHandSideError, StepLimitError

T = np.linspace(0, 1.5, 4)
START = [0.6, -0.4j]
TIGHT = {"rtol": 1e-11, "atol": 1e-12}
CLOSURES = {
    "linear": {"closure": "linear"},
    "gaussian": {"closure": "gaussian"},
    "none": {"closure": "none"},
    **{f"order {m}": {"closure": "cumulants", "order": m} for m in (1, 2, 3, 4)},
}
a, b = qsp.modes(2)


def _quadratic():
    """Coupled, squeezed, driven, damped and heated: Gaussian states stay Gaussian."""
    squeezing = 0.1 * a * b + 0.05j * a * a
    drive = 0.3 * a + 0.2j * b
    H = 0.7 * a.dag() * a + 0.4 * (a.dag() * b + b.dag() * a)
    H = H + squeezing + squeezing.dag() + drive + drive.dag()
    return qsp.System(H, [a, 0.3 * b.dag(), 0.8 * b])


SYSTEM = _quadratic()


@pytest.fixture(scope="module")
def exact():
    return qsp.exactsolve(SYSTEM, START, T, cutoff=20, options=TIGHT | {"store_states": True})


def _hybrid():
    """A driven mode, a spin ½, a spin of six, a level and an ensemble, with every kind of jump."""
    (c,) = qsp.modes(1)
    s, S = qsp.spins(1, 6)
    (level,) = qsp.levels(3)
    (A,) = qsp.atoms(5)
    H = 0.3 * (c + c.dag()) + 0.2 * (c.dag() * s.m + c * s.p) + 0.1 * S.z * s.z
    H = H + 0.15 * (level[0, 1] + level[1, 0]) * S.x + 0.1 * (A.p * c + A.m * c.dag())
    jumps = [0.5 * c, 0.2 * c**2, 0.3 * s.m, 0.2 * S.m, 0.4 * level[0, 2], 0.3 * A.each.m]
    state = {c: 0.5, s: (0.4, 0.1), S: (0.8, 0.3), level: qutip.basis(3, 1), A: (0.6, 0.2)}
    operators = [c, c.dag() * c, s.p * c, S.z * S.x, level[1, 2], A.p * A.m, (c.dag() * c) ** 2]
    return qsp.System(H, jumps), state, operators


@pytest.mark.parametrize("closure", [c for c in CLOSURES if c not in ("none", "order 1")])
@pytest.mark.parametrize(
    "e_ops",
    [
        [b.dag() * b, a.dag() * b],
        (a,),
        {"n": b.dag() * b, 3: a.dag() * b, ("x", 1): (a + a.dag()) ** 2},
        a.dag() * a,
        [],
        None,
    ],
    ids=["list", "tuple", "dict", "one", "empty", "none"],
)
def test_keys_kinds_and_values_are_those_of_exactsolve(closure, e_ops):
    exact = qsp.exactsolve(SYSTEM, START, T, cutoff=20, e_ops=e_ops, options=TIGHT)
    run = qsp.mfsolve(SYSTEM, START, T, e_ops=e_ops, options=TIGHT, **CLOSURES[closure])
    assert list(run.e_data) == list(exact.e_data) == list(run.e_ops)
    for mine, other in zip(run.expect, exact.expect, strict=True):
        assert mine.dtype == other.dtype and mine.shape == other.shape == (4,)
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-9)


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.ApproximationWarning")
@pytest.mark.parametrize("closure", [c for c in CLOSURES if c not in ("gaussian", "order 4")])
def test_values_are_those_of_expect_beside_functions(closure):
    how = CLOSURES[closure]
    system, state, operators = _hybrid()
    seen = []
    table = {k: op for k, op in enumerate(operators)} | {"f": lambda t, x: seen.append(t) or t**2}
    # functions and operators in any order
    table = {"f": table.pop("f"), **table}
    run = qsp.mfsolve(system, state, T, e_ops=table, **how)
    assert list(run.e_data) == list(table)
    assert seen == list(T) and run.e_data["f"] == list(T**2)
    for k, op in enumerate(operators):
        expected = qsp.expect(op, run)
        np.testing.assert_array_equal(run.e_data[k], expected.real if op.isherm else expected)
        assert run.e_ops[k] is op
        assert np.isrealobj(np.array(run.e_data[k])) == op.isherm
    # the arrays do not depend on who looks
    bare = qsp.mfsolve(system, state, T, **how)
    for name in bare._fields:
        np.testing.assert_array_equal(getattr(bare, name), getattr(run, name))


_WORDS = [a.dag(), a, b.dag(), b]
_COEFFICIENTS = st.complex_numbers(max_magnitude=2, allow_nan=False, allow_infinity=False)


@st.composite
def _polynomials(draw):
    out = draw(_COEFFICIENTS) + 0 * a
    for _ in range(draw(st.integers(1, 3))):
        term = draw(_COEFFICIENTS) * (1 + 0 * a)
        for k in draw(st.lists(st.integers(0, 3), min_size=1, max_size=5)):
            term = term * _WORDS[k]
        out = out + term
    return out


@given(_polynomials(), st.sampled_from([c for c in CLOSURES if c not in ("none", "order 1")]))
@settings(max_examples=25, deadline=None)
def test_random_polynomials_agree_with_exact_states(exact, operator, closure):
    for op in (operator, operator + operator.dag()):
        right = qsp.expect(op, exact)
        run = qsp.mfsolve(SYSTEM, START, T, e_ops=op, options=TIGHT, **CLOSURES[closure])
        np.testing.assert_allclose(run.expect[0], right, rtol=1e-6, atol=1e-6)
        assert np.isrealobj(run.expect[0]) == op.isherm


def test_the_mean_alone_has_no_fluctuations():
    run = qsp.mfsolve(SYSTEM, START, T, closure="none", e_ops=[a.dag() ** 2 * a * b, b])
    alpha, beta = run.amplitudes.T
    np.testing.assert_allclose(run.expect[0], alpha.conj() ** 2 * alpha * beta, rtol=1e-12)
    np.testing.assert_allclose(run.expect[1], beta, rtol=1e-14)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_high_products_as_numbers_are_those_of_the_polynomials(order):
    """Two ways to the same closure: every product once, or all partitions written out."""
    (c,) = qsp.modes(1)
    (s,) = qsp.spins(1)
    H = 0.4 * (c.dag() * s.m + c * s.p) + 0.3 * (c + c.dag()) + 0.1 * c.dag() ** 2 * c**2
    system = qsp.System(H, [0.6 * c, 0.3 * c**2, 0.2 * s.p])
    run = qsp.mfsolve(system, {c: 0.7j, s: (0.5, 0.2)}, T, closure="cumulants", order=order)
    equations = run.closure.equations
    for op in (c.dag() ** 3 * c**3, c.dag() ** 2 * c**4 * s.p, (c + c.dag()) ** 5 * s.z):
        polynomial = equations.expectation(run.closure.image(op))
        written = equations.evaluate(polynomial, run.moments)
        np.testing.assert_allclose(qsp.expect(op, run), written, rtol=1e-11, atol=1e-12)


def test_coefficients_may_depend_on_time():
    def up(t):
        return 1 + t

    turning = qutip.coefficient(lambda t: np.exp(2j * t))
    table = {
        "real": up * (b.dag() * b),
        "mixed": turning * a + 2 * b,
        "hermitian": turning * a + (turning * a).dag(),
    }
    exact = qsp.exactsolve(SYSTEM, START, T, cutoff=20, e_ops=table, options=TIGHT)
    samples = qsp.twasolve(SYSTEM, START, T, e_ops=table, ntraj=4000, seed=3)
    for closure in ("linear", "gaussian", "order 2", "order 3"):
        run = qsp.mfsolve(SYSTEM, START, T, e_ops=table, options=TIGHT, **CLOSURES[closure])
        for key in table:
            mine, other = np.array(run.e_data[key]), np.array(exact.e_data[key])
            assert mine.dtype == other.dtype, key
            np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-9)
    for key in table:
        bars = 5 * np.array(samples.e_error[key]) + 1e-3
        assert np.all(np.abs(np.array(samples.e_data[key]) - exact.e_data[key]) < bars)


def test_a_coefficient_that_fails_is_told_and_the_run_kept():
    def broken(t):
        if t > 1:
            raise ValueError("no value here")
        return t

    with pytest.raises(RightHandSideError, match=r"e_ops raised.*no value here") as caught:
        qsp.mfsolve(SYSTEM, START, T, e_ops={"x": broken * a, "n": a.dag() * a})
    assert caught.value.result.mean.shape == (4, 4)


# ------------------------------------------------------------ samples


def test_truncated_wigner_takes_operators_and_functions():
    seen = []

    def width(t, state):
        x, C = state
        seen.append((x.shape, C.shape))
        return C[0, 0]

    table = {"f": width, "n2": (a.dag() * a) ** 2, "ab": a.dag() * b * b}
    run = qsp.twasolve(SYSTEM, START, T, e_ops=table, ntraj=20000, seed=1)
    exact = qsp.exactsolve(
        SYSTEM, START, T, cutoff=20, e_ops={k: table[k] for k in ("n2", "ab")}, options=TIGHT
    )
    assert list(run.e_data) == list(table) and list(run.e_error) == ["n2", "ab"]
    assert seen == [((4,), (4, 4))] * 4
    np.testing.assert_allclose(run.e_data["f"], run.covariance[:, 0, 0], rtol=1e-12)
    for key in ("n2", "ab"):
        mine, other = np.array(run.e_data[key]), np.array(exact.e_data[key])
        assert mine.dtype == other.dtype
        assert np.all(np.abs(mine - other) < 5 * np.array(run.e_error[key]) + 2e-3)


def _spins():
    S, s = qsp.spins(6, 1)
    H = 0.7 * S.z + 0.2 * S.x**2 + 0.5 * S.x * s.x + 0.3 * s.y
    return qsp.System(H, [0.3 * S.m]), S, s, {S: (0.8, 0.3), s: (1.9, -0.7)}


def test_discrete_truncated_wigner_takes_operators_of_two_components():
    system, S, s, state = _spins()
    table = {
        "z": S.z,
        "zz": S.z**2,
        "pm": S.p * S.m,
        "flip": S.p * s.m,
        "t": (lambda t: 2 * t) * s.y,
        "f": lambda t, spins: spins[0, 2],
    }
    run = qsp.dtwasolve(system, state, T, e_ops=table, ntraj=4000, seed=2)
    assert list(run.e_data) == list(table)
    np.testing.assert_allclose(run.e_data["z"], run.spins[:, 0, 2], rtol=1e-13)
    np.testing.assert_allclose(run.e_data["f"], run.spins[:, 0, 2], rtol=1e-13)
    np.testing.assert_allclose(run.e_data["zz"], run.products[:, 2, 2], rtol=1e-13)
    np.testing.assert_allclose(run.e_data["pm"], run.hopping(0, 0), rtol=1e-12)
    np.testing.assert_allclose(run.e_data["flip"], run.hopping(0, 1), rtol=1e-12)
    np.testing.assert_allclose(run.e_data["t"], 2 * T * run.spins[:, 1, 1], rtol=1e-12)
    np.testing.assert_allclose(run.e_error["z"], run.spins_error[:, 0, 2], rtol=1e-12)
    np.testing.assert_allclose(run.e_error["zz"], run.products_error[:, 2, 2], rtol=1e-12)
    np.testing.assert_array_equal(qsp.expect(S.p * s.m, run), run.e_data["flip"])
    # at the start the samples have the moments of the state
    start = qsp.exactsolve(system, state, T[:2], e_ops={k: table[k] for k in ("zz", "pm", "flip")})
    for key in start.e_data:
        bar = 5 * run.e_error[key][0] + 1e-12
        assert abs(run.e_data[key][0] - start.e_data[key][0]) < bar, key
    # Bloch vectors and the dict say the same
    vectors = [
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
        for theta, phi in state.values()
    ]
    other = qsp.dtwasolve(system, vectors, T, ntraj=4000, seed=2)
    np.testing.assert_allclose(other.spins, run.spins, atol=1e-9)


# ------------------------------------------------------------ refusals


def _solvers():
    system, S, _, state = _spins()
    out = {
        f"mfsolve {name}": (SYSTEM, a, lambda e, how=how: qsp.mfsolve(SYSTEM, START, T, **how, **e))
        for name, how in CLOSURES.items()
    }
    out["twasolve"] = (SYSTEM, a, lambda e: qsp.twasolve(SYSTEM, START, T, ntraj=10, **e))
    out["dtwasolve"] = (system, S.z, lambda e: qsp.dtwasolve(system, state, T, ntraj=10, **e))
    return out


@pytest.mark.parametrize("name", _solvers())
def test_what_is_no_observable_is_refused_by_name(name):
    _, own, run = _solvers()[name]
    foreign, _ = qsp.modes(2, names=("c1", "c2"))
    with pytest.raises(ValueError, match=r"e_ops\['n'\] has symbols of another call of modes"):
        run({"e_ops": {"f": lambda t, x: 0, "n": foreign}})
    for wrong in ("b", 3, None, qutip.num(4), qutip.QobjEvo(qutip.num(4))):
        with pytest.raises(TypeError, match=r"e_ops\[1\] must be an expression .* or a function"):
            run({"e_ops": [own, wrong]})


def test_systems_without_symbols_say_whose_to_use():
    chains = qsp.SpinChains(n=(2, 2))
    published = qsp.PublishedSpinChains(n=(10, 10), g=(1.5, 2.4), omega=(1.0, 0.8))
    for model in (chains, published):
        with pytest.raises(TypeError, match=r"e_ops\[0\] is an expression, and .* no symbols"):
            qsp.mfsolve(model, [0.1, 0.1], [0, 1.0], e_ops=a)
    system = chains.system()
    run = qsp.mfsolve(system, [(0, 0, -1), (0.2, 1), (0.3, 0)], [0, 1.0], e_ops=system.nodes[1].z)
    np.testing.assert_allclose(run.expect[0][0], np.cos(0.2), rtol=1e-12)


def test_degrees_that_cannot_be_given_are_refused_before_the_run():
    system, S, s, state = _spins()
    with pytest.raises(ValueError, match=r"e_ops\['x'\] must be of at most two components"):
        qsp.dtwasolve(system, state, T, ntraj=10**9, e_ops={"x": S.z**2 * s.z})
    many = qsp.modes(14)
    chain = 0 * many[0]
    for x, y in itertools.pairwise(many):
        chain = chain + x.dag() * y + y.dag() * x
    large = qsp.System(chain, [0.1 * x for x in many])
    everything = 1 + 0 * many[0]
    for x in many:
        everything = everything * x.dag() * x
    for how in ({"closure": "linear"}, {"closure": "gaussian"}, {"closure": "cumulants"}):
        with pytest.raises(ValueError, match=r"e_ops\['all'\] has a product of 28 operators"):
            qsp.mfsolve(large, [0.1] * 14, [0, 1e9], e_ops={"all": everything}, **how)
    # the mean alone multiplies amplitudes
    run = qsp.mfsolve(large, [0.9] * 14, [0, 1.0], e_ops=everything, closure="none")
    np.testing.assert_allclose(run.expect[0][0], 0.9**28, rtol=1e-12)


# ------------------------------------------------------------ kept, and gone on with


def _same(one, other):
    assert list(one.e_data) == list(other.e_data)
    for key in one.e_data:
        np.testing.assert_array_equal(one.e_data[key], other.e_data[key])


@pytest.mark.parametrize("name", ["mfsolve linear", "mfsolve order 3", "twasolve", "dtwasolve"])
def test_values_are_saved_loaded_and_pickled(name, tmp_path):
    _, own, run = _solvers()[name]
    result = run({"e_ops": {"x": own, "xx": own * own.dag()}})
    result.save(tmp_path / "run.npz")
    _same(qsp.load(tmp_path / "run.npz"), result)
    copied = pickle.loads(pickle.dumps(result))
    _same(copied, result)
    assert copied.e_ops["x"] == own
    data = result.to_xarray()
    np.testing.assert_array_equal(data["expect_xx"], result.e_data["xx"])


@pytest.mark.parametrize("closure", ["linear", "none", "order 2", "order 3"])
def test_a_stopped_run_has_its_values_and_goes_on(closure, tmp_path):
    path, times = tmp_path / "run.npz", np.linspace(0, 40, 201)
    system = qsp.van_der_pol_pair()
    b1, b2 = system.operators
    table = {"c": b1.dag() * b2, "f": lambda t, x: t, "n": b1.dag() ** 2 * b1**2}
    how = {**CLOSURES[closure], "e_ops": table}
    whole = qsp.mfsolve(system, [1, 0.3j], times, **how)
    with pytest.raises(StepLimitError) as caught:
        qsp.mfsolve(system, [1, 0.3j], times, options={"checkpoint": path, "nsteps": 12}, **how)
    partial = caught.value.result
    assert 0 < len(partial.times) < 201
    for key in table:
        assert len(partial.e_data[key]) == len(partial.times)
        np.testing.assert_array_equal(partial.e_data[key], whole.e_data[key][: len(partial.times)])
    _same(qsp.load(path), partial)
    resumed = qsp.resume(path, model=system, e_ops=table, options={"nsteps": 10**6})
    _same(resumed, whole)


def test_sampled_runs_go_on_with_their_operators(tmp_path, monkeypatch):
    from qsyncplug.approximate.sampled import Blocks

    path, draw, blocks = tmp_path / "run.npz", Blocks.advance, []

    def stopped(self, *args):
        blocks.append(1)
        if len(blocks) == 3:
            raise KeyboardInterrupt
        return draw(self, *args)

    table = {"n": a.dag() * a, "f": lambda t, x: x[0][0]}
    how = {"ntraj": 20000, "seed": 4, "e_ops": table}
    whole = qsp.twasolve(SYSTEM, START, T, **how)
    with monkeypatch.context() as patch, pytest.raises(qsp.core.SolverInterrupted) as caught:
        patch.setattr(Blocks, "advance", stopped)
        qsp.twasolve(SYSTEM, START, T, options={"checkpoint": path}, **how)
    partial = caught.value.result
    assert 0 < partial.ntraj < 20000 and len(partial.e_data["n"]) == len(partial.e_data["f"]) == 4
    resumed = qsp.resume(path, model=SYSTEM, e_ops=table)
    _same(resumed, whole)
    assert resumed.e_error == whole.e_error


def test_exact_runs_of_ensembles_have_the_values_of_what_was_reached():
    (A,) = qsp.atoms(8)
    system = qsp.System(0.7 * A.z + 0.3 * A.x, [0.4 * A.m, 0.3 * A.each.p])
    times = np.linspace(0, 5, 101)
    whole = qsp.exactsolve(system, {A: (0.5, 0.2)}, times, e_ops={"z": A.z, "m": A.m})
    with pytest.raises(StepLimitError) as caught:
        options = {"nsteps": 8}
        qsp.exactsolve(system, {A: (0.5, 0.2)}, times, e_ops={"z": A.z, "m": A.m}, options=options)
    partial = caught.value.result
    assert 0 < len(partial.times) < 101
    for key in ("z", "m"):
        np.testing.assert_array_equal(partial.e_data[key], whole.e_data[key][: len(partial.times)])
