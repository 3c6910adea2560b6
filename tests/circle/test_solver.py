"""circlesolve: exact solutions, independent integration, order parameters, invariants and
failures.
"""

import numpy as np
import pytest
import scipy.sparse
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    CircleResult,
    CircleSolver,
    attention,
    circlesolve,
    fourier,
    local_order_parameters,
    sine,
)
from qsyncplug.core.errors import ApproximationWarning, RightHandSideError, StepLimitError

from . import reference
from .test_model import SYSTEMS

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("kernel", ["auto", "direct", "horner", "taylor", "taylor-sorted"])
def test_two_particles(kernel):
    times = np.linspace(0, 4, 9)
    result = circlesolve(
        Circle(sine()), [0.2, 2.9], times, options={"kernel": kernel, "rtol": 1e-12, "atol": 1e-14}
    )
    gap = np.diff(result.positions)[:, 0]
    assert np.max(np.abs(np.tan(gap / 2) - np.tan(2.7 / 2) * np.exp(-2 * times))) < 1e-11 * np.tan(
        1.35
    )


def test_two_particles_with_frequencies():
    # φ̇ = Δω − K sin φ, Δω > K: tan(φ/2) = K/Δω + (s/Δω) tan(s(t−t₀)/2), s² = Δω²−K²
    K, dw = 1.0, 1.5
    s = np.sqrt(dw**2 - K**2)
    times = np.linspace(0, 30, 31)
    model = Circle(sine(), "mean", coupling=K, frequencies=[-dw / 2, dw / 2])
    result = circlesolve(model, [0.0, 0.0], times)
    phi = np.diff(result.positions)[:, 0]
    t0 = 2 / s * np.arctan(-K / s)
    expected = K / dw + s / dw * np.tan(s * (times + t0) / 2)
    # compared as directions, for tan has poles
    other = 2 * np.arctan(expected)
    assert np.max(np.abs(np.exp(1j * phi) - np.exp(1j * other))) < 1e-8
    # after three whole beats the phase has drifted by three turns
    beats = circlesolve(model, [0.0, 0.0], [0.0, 6 * np.pi / s]).positions
    assert np.ptp(beats[-1]) == pytest.approx(6 * np.pi, abs=1e-9)


@pytest.mark.parametrize("name", [*SYSTEMS, "T2"])
@pytest.mark.parametrize("force", [sine(), attention(1.5)], ids=repr)
def test_systems_against_an_independent_integration(name, force):
    model = Circle(force, "attention") if name == "T2" else Circle(force, **SYSTEMS[name])
    x0 = RNG.uniform(-4, 9, 30)
    span = 3.0 / np.max(np.abs(reference.velocity(model, x0)))
    times = np.linspace(0, span, 5)
    expected = solve_ivp(
        lambda t, x: reference.velocity(model, x),
        (0, span),
        x0,
        "DOP853",
        times,
        rtol=1e-12,
        atol=1e-13,
    ).y.T
    result = circlesolve(model, x0, times)
    assert np.max(np.abs(result.positions - expected)) < 1e-9
    assert np.array_equal(result.positions[0], x0)
    assert all(value < 1e-11 for value in result.stats["drift"].values())


def test_kernels_give_the_same_run():
    x0 = RNG.uniform(0, 20, 400)
    model = Circle(attention(10.0, scaled=True), "mean", weights=RNG.uniform(1, 2, 400))
    times = np.linspace(0, 20, 6)
    runs = [
        circlesolve(model, x0, times, options={"kernel": k}).positions
        for k in ("direct", "horner", "taylor", "taylor-sorted")
    ]
    for other in runs[1:]:
        assert np.max(np.abs(other - runs[0])) < 1e-7


@pytest.mark.parametrize("k", [1, 3, 5])
def test_linear_growth_of_the_uniform_state(k):
    # PRY: σ_k = k b_k / 2
    n, beta = 400, 10.0
    force = attention(beta, scaled=True)
    sigma = k * force.coefficients()[k - 1] / 2
    at = 2 * np.pi * np.arange(n) / n
    x0 = at + 1e-6 * np.sin(k * at)
    times = np.array([0.0, 1.0 / sigma])
    result = circlesolve(
        Circle(force, "mean"), x0, times, options={"rtol": 1e-13, "atol": 1e-15, "daido": k}
    )
    growth = np.abs(result.daido[1, k - 1]) / np.abs(result.daido[0, k - 1])
    assert np.log(growth) == pytest.approx(1.0, rel=1e-6)


def test_order_parameters():
    x0 = RNG.uniform(0, 6, 50)
    c = RNG.uniform(1, 2, 50)
    result = circlesolve(Circle(sine(), "mean", weights=c), x0, [0, 0.5, 1.0], options={"daido": 4})
    z = np.array(
        [[np.sum(c * np.exp(1j * k * x)) / c.sum() for k in range(1, 5)] for x in result.positions]
    )
    assert np.max(np.abs(result.daido - z)) < 1e-14
    assert result.order_parameter == pytest.approx(np.abs(z[:, 0]))
    assert result.mean_phase == pytest.approx(np.angle(z[:, 0]))
    assert result.order_parameter[2] > result.order_parameter[0]


def test_local_order():
    a = scipy.sparse.random_array((40, 40), density=0.2, rng=np.random.default_rng(2), format="csr")
    a.data[a.indptr[3] : a.indptr[4]] = 0  # isolated
    model = Circle(sine(), adjacency=a)
    result = circlesolve(model, RNG.uniform(0, 6, 40), [0, 1.0], options={"store_local": True})
    dense = a.toarray()
    for x, found in zip(result.positions, result.local_order, strict=True):
        reach = dense.sum(axis=1)
        r = np.array(
            [abs(dense[i] @ np.exp(1j * x)) / reach[i] if reach[i] else 1.0 for i in range(40)]
        )
        assert local_order_parameters(model, x) == pytest.approx(r)
        assert found == pytest.approx(r.mean())
    everybody = Circle(sine())
    assert local_order_parameters(everybody, [0.0, np.pi]) == pytest.approx([0, 0], abs=1e-15)


def test_order_parameters_without_positions():
    options = {"store_positions": False, "daido": 2, "store_local": True}
    result = circlesolve(
        Circle(sine(), "mean"), RNG.uniform(0, 6, 1000), np.linspace(0, 3, 200), options=options
    )
    assert result.positions is None
    assert result.nbytes < 200 * 1000
    assert result.local_order == pytest.approx(result.order_parameter)


def test_far_away_positions_are_wrapped():
    x0 = np.array([0.3, 1.0, 2.0])
    far = x0 + np.array([1e6, -3e7, 1e9])
    with np.errstate(all="raise"):
        near = circlesolve(Circle(sine()), np.mod(far, 2 * np.pi), [0, 1.0])
        result = circlesolve(Circle(sine()), far, [0, 1.0])
    assert np.array_equal(result.positions[0], far)
    moved, expected = np.diff(result.positions, axis=0), np.diff(near.positions, axis=0)
    assert moved == pytest.approx(expected, abs=1e-6)


def test_positions_are_unwrapped():
    model = Circle(sine(), frequencies=[10.0, 10.0])
    result = circlesolve(model, [0.0, 0.1], [0.0, 100.0])
    assert result.positions[-1] == pytest.approx([1000.05, 1000.05], abs=1e-6)


def test_positions_beyond_resolution_stop_the_run():
    # a common frequency is taken out; different ones are not
    model = Circle(sine(), coupling=0.0, frequencies=[1e6, -1e6])
    with pytest.raises(RightHandSideError, match="rotating frame") as stopped:
        circlesolve(model, [0.0, 0.1], np.linspace(0, 1000, 11))
    assert stopped.value.time > 90
    assert len(stopped.value.result.times) >= 1


def test_one_particle():
    result = circlesolve(Circle(sine(), frequencies=2.0), [0.5], [0, 1.0])
    assert result.positions[-1] == pytest.approx([2.5])
    assert result.order_parameter == pytest.approx([1, 1])


def test_order_of_identical_particles_is_kept():
    x0 = RNG.uniform(0, 6.28, 3000)
    result = circlesolve(
        Circle(attention(20.0, scaled=True), "mean"),
        x0,
        np.linspace(0, 60, 4),
        options={"kernel": "taylor-sorted"},
    )
    # to the tolerance of the integration, in which particles come together
    assert result.stats["drift"]["order of the particles"] < 1e-9
    final = result.positions[-1][np.argsort(x0)]
    assert np.max(-np.diff(final)) < 1e-9


def test_faint_forces_change_to_direct_sums():
    # two groups at β=100: what moves them is e^{−100}; the series has 1e-16, which adds up in such
    # a time
    x0 = np.concatenate([np.full(60, 0.0), np.full(60, np.pi / 2)])
    model = Circle(attention(100.0, scaled=True), "mean")
    result = circlesolve(model, x0, [0.0, 2e4], options={"atol": 1e-14})
    assert "switched to direct sums at" in result.stats
    assert np.max(np.abs(result.positions[-1] - x0)) < 1e-12


def test_faint_forces_of_many_particles_warn():
    x0 = np.concatenate([np.full(1100, 0.0), np.full(1100, np.pi / 2)])
    model = Circle(attention(100.0, scaled=True), "mean")
    with pytest.warns(ApproximationWarning, match="coalesce"):
        result = circlesolve(model, x0, [0.0, 5e3], options={"atol": 1e-15})
    assert "below the rounding" in result.stats["neglected"][0]


def test_limits_carry_the_partial_result():
    with pytest.raises(StepLimitError) as stopped:
        circlesolve(
            Circle(sine(), "mean"),
            RNG.uniform(0, 6, 20),
            np.linspace(0, 50, 101),
            options={"nsteps": 5},
        )
    partial = stopped.value.result
    assert isinstance(partial, CircleResult)
    assert 0 < len(partial.times) < 101
    assert partial.positions.shape == (len(partial.times), 20)
    assert stopped.value.reason == "step limit"


def test_a_divisor_that_turns_negative_stops_the_run():
    model = Circle(sine(), lambda x: 1.2 - x[0], frequencies=1.0)
    with pytest.raises(RightHandSideError, match=r"positive numbers; g\[0\]") as stopped:
        circlesolve(model, [0.0, 0.0], np.linspace(0, 2, 21))
    assert len(stopped.value.result.times) > 5


def test_steps_by_hand():
    model = Circle(sine())
    solver = CircleSolver(model)
    solver.start([0.0, 1.0], 0.0)
    for t in (0.5, 1.0):
        x = solver.step(t)
    assert x == pytest.approx(circlesolve(model, [0.0, 1.0], [0, 1.0]).positions[-1], abs=1e-9)


def test_expectations_see_positions():
    x0 = RNG.uniform(-9, 9, 200)
    result = circlesolve(
        Circle(attention(5.0, scaled=True), "mean"),
        x0,
        [0, 1.0],
        e_ops={"first": lambda t, x: x[0]},
        options={"kernel": "taylor-sorted"},
    )
    assert result.e_data["first"] == pytest.approx(result.positions[:, 0])


def test_threads_do_not_change_the_run():
    x0 = RNG.uniform(0, 6, 20_000)
    model = Circle(attention(10.0, scaled=True), "mean")
    one, two = (
        circlesolve(model, x0, [0, 5.0], options={"num_threads": k}).positions for k in (1, 2)
    )
    assert np.array_equal(one, two)


def test_results_go_through_a_file(tmp_path):
    model = Circle(fourier([1.0, 0.2]), "mean", frequencies=RNG.normal(size=5))
    result = circlesolve(model, np.arange(5.0), [0, 1.0, 2.0], options={"daido": 3})
    result.save(tmp_path / "a.npz")
    again = qsp.load(tmp_path / "a.npz")
    assert np.array_equal(again.positions, result.positions)
    assert np.array_equal(again.daido, result.daido)
    assert again.n == 5
    assert again.model.to_dict() == model.to_dict()
    odd = circlesolve(Circle(sine(), lambda x: 1 + x**2), [0.0, 1.0], [0, 1.0])
    odd.save(tmp_path / "b.npz")
    assert qsp.load(tmp_path / "b.npz").model is None


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"kernel": "best"}, ValueError, "kernel"),
        ({"daido": 0}, ValueError, "daido"),
        ({"store_positions": 1}, TypeError, "store_positions"),
        ({"speed": 1}, KeyError, "the options are"),
    ],
)
def test_bad_options(options, error, match):
    with pytest.raises(error, match=match):
        circlesolve(Circle(sine()), [0.0, 1.0], [0, 1.0], options=options)


def test_bad_input():
    with pytest.raises(TypeError, match="model must be a Circle"):
        CircleSolver("kuramoto")
    with pytest.raises(ValueError, match="state0 must be finite"):
        circlesolve(Circle(sine()), [np.nan], [0, 1])
    with pytest.raises(ValueError, match="state0 must have shape"):
        circlesolve(Circle(sine()), [[0.0]], [0, 1])
    with pytest.raises(ValueError, match="increase strictly"):
        circlesolve(Circle(sine()), [0.0], [1, 0])


# ---------------------------------------------------------------------- the view


def test_view():
    x0 = RNG.uniform(0, 3, 12)
    result = circlesolve(Circle(sine(), "mean"), x0, np.linspace(0, 20, 41))
    view = qsp.synchronization(result)
    assert view.is_classical
    assert view.order_parameter == pytest.approx(result.order_parameter)
    x = result.positions
    assert np.max(np.abs(view.correlations - np.exp(1j * (x[:, :, None] - x[:, None, :])))) < 1e-14
    # without the cancellation of 1 − z
    d = x[-1, 0] - x[-1, 1]
    assert view.deviations[-1, 0, 1].imag == pytest.approx(-np.sin(d), rel=1e-12)
    assert view.amplitudes == pytest.approx(np.exp(-1j * x))
    assert np.all(view.masses == 1)
    assert qsp.measures.diameter(view)[-1] < 1e-6


def test_view_of_many_particles_needs_no_square_array():
    result = circlesolve(
        Circle(sine(), "mean"),
        RNG.uniform(0, 6, 200_000),
        [0, 0.5],
        options={"store_positions": False},
    )
    view = qsp.synchronization(result)
    assert qsp.measures.order_parameter(view) == pytest.approx(result.order_parameter)
    with pytest.raises(qsp.core.errors.MissingFieldError, match="store_positions"):
        _ = view.correlations
    weighted = circlesolve(
        Circle(sine(), weights=[1.0, 2.0]), [0.0, 1.0], [0, 1.0], options={"store_positions": False}
    )
    view = qsp.synchronization(weighted)
    # the system's own, with its weights
    assert qsp.measures.order_parameter(view) == pytest.approx(weighted.order_parameter)
    with pytest.raises(qsp.core.errors.MissingFieldError, match="store_positions"):
        qsp.measures.order_parameter(view, weighted=False)


def test_one_order_parameter_with_weights():
    weights = np.array([1.0, 5.0, 0.2, 2.0])
    model = Circle(sine(), weights=weights, frequencies=[1.0, -2.0, 0.5, 3.0])
    result = circlesolve(model, [0.1, 2.0, 3.0, 5.0], np.linspace(0, 3, 31))
    x = result.positions
    own = np.abs(np.exp(-1j * x) @ weights) / weights.sum()
    alike = np.abs(np.exp(-1j * x).mean(axis=1))
    assert np.max(np.abs(own - alike)) > 0.1
    assert result.order_parameter == pytest.approx(own)
    assert qsp.measures.order_parameter(result) == pytest.approx(own)
    assert qsp.measures.order_parameter(result, weighted=True) == pytest.approx(own)
    assert qsp.measures.order_parameter(result, weighted=False) == pytest.approx(alike)
