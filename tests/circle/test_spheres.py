"""Particles on spheres against closed forms, the circle and Kuramoto's model."""

import tracemalloc

import numpy as np
import pytest
import scipy.integrate

from qsyncplug.circle import Circle, Sphere, attention, circlesolve, sine, spheresolve

RNG = np.random.default_rng(4)


def _points(n, d, field=float):
    x = RNG.normal(size=(n, d)) + (1j * RNG.normal(size=(n, d)) if field is complex else 0)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_equal_inner_products():
    run = spheresolve(Sphere(4.0, "attention"), np.eye(8), [0.0, 2.0])
    inner = run.gram[-1][~np.eye(8, dtype=bool)]
    assert inner == pytest.approx(np.full(56, 0.0936521339917596), rel=1e-9)


@pytest.mark.parametrize(
    ("beta", "kind", "expected"),
    [
        (1.0, "mean", 0.314686009183463),
        (1.0, "attention", -0.129912758658899),
        (-2.0, "mean", 0.401466458848792),
    ],
)
def test_two_particles(beta, kind, expected):
    x = np.array([[1.0, 0.0, 0.0], [-0.5, np.sqrt(0.75), 0.0]])
    run = spheresolve(Sphere(beta, kind), x, [0.0, 1.0])
    assert run.gram[-1, 0, 1] == pytest.approx(expected, rel=1e-9)
    # independent: the equation of the inner product, integrated by SciPy

    def motion(t, u):
        total = 2.0 if kind == "mean" else np.exp(beta) + np.exp(beta * u)
        return 2 * np.exp(beta * u) * (1 - u * u) / total

    exact = scipy.integrate.solve_ivp(motion, (0, 1), [-0.5], rtol=1e-12, atol=1e-12).y[0, -1]
    assert run.gram[-1, 0, 1] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("kind", ["mean", "attention"])
def test_two_dimensions_are_the_circle(kind):
    x = RNG.uniform(0, 6, 7)
    circle = circlesolve(Circle(attention(1.7), kind), x, [0.0, 1.0])
    sphere = spheresolve(Sphere(1.7, kind), np.stack([np.cos(x), np.sin(x)], axis=1), [0.0, 1.0])
    end = circle.positions[-1]
    assert sphere.points[-1] == pytest.approx(
        np.stack([np.cos(end), np.sin(end)], axis=1), abs=1e-9
    )


def test_one_complex_dimension_is_kuramoto():
    x, omega = RNG.uniform(0, 6, 6), RNG.normal(size=6)
    kuramoto = circlesolve(
        Circle(sine(), "mean", coupling=3.0, frequencies=omega), x, [0.0, 2.0]
    ).positions[-1]
    model = Sphere(coupling=1.5, rotations=(-1j * omega)[:, None, None])
    run = spheresolve(model, np.exp(-1j * x)[:, None], [0.0, 2.0])
    assert run.points[-1, :, 0] == pytest.approx(np.exp(-1j * kuramoto), abs=1e-9)
    assert run.stats["drift"]["norm of a point"] < 1e-8


@pytest.mark.parametrize(("d", "beta"), [(3, 0.0), (3, 2.0), (5, 1.0)])
def test_one_cluster(d, beta):
    run = spheresolve(Sphere(beta), _points(9, d), [0.0, 200.0])
    assert run.order_parameter[-1] == pytest.approx(1.0, abs=1e-8)


def test_complex_collinear_phases_move_at_twice_the_rate():
    # 1−|z| of perpendicular and phase differences near synchrony: e^{−2κt} and e^{−4κt}
    e = np.array([1.0, 0, 0])
    phase = np.exp(1j * np.array([1e-3, -1e-3]))[:, None] * e
    across = np.stack([e + 1e-3 * np.array([0, 1, 0]), e - 1e-3 * np.array([0, 1, 0])]) + 0j
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    for start, rate in ((phase, 2.0), (across, 1.0)):
        run = spheresolve(Sphere(coupling=1.0), start, [0.0, 1.0], options={"rtol": 1e-12})
        gaps = np.linalg.norm(run.points[:, 0] - run.points[:, 1], axis=1)
        assert np.log(gaps[0] / gaps[1]) == pytest.approx(rate, abs=1e-4)


def test_bad_input():
    with pytest.raises(ValueError, match="state0 must hold points of norm 1"):
        spheresolve(Sphere(), [[1.0, 1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="rotations must be antisymmetric"):
        Sphere(rotations=[[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(TypeError, match="model must be a Sphere"):
        spheresolve(Circle(sine()), [[1.0, 0.0]], [0.0, 1.0])


@pytest.mark.parametrize("degree", range(6))
@pytest.mark.parametrize("complex_sphere", [False, True])
def test_polynomial_weights_by_moments_are_the_sums_over_pairs(degree, complex_sphere):
    rng = np.random.default_rng(degree)
    x = rng.normal(size=(400, 2)) + (1j * rng.normal(size=(400, 2)) if complex_sphere else 0)
    if not complex_sphere:
        x = rng.normal(size=(400, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    series = rng.normal(size=degree + 1)
    inner = (x @ np.conj(x).T).real
    pull = sum(c * inner**k for k, c in enumerate(series)) @ x / 400
    along = np.sum(np.conj(pull) * x, axis=1, keepdims=True)
    found = Sphere(polynomial=series).velocity(x)
    assert found == pytest.approx(pull - along * x, rel=1e-12, abs=1e-12)
    few = x[:5]  # fewer than the moments
    assert Sphere(polynomial=series).velocity(few).shape == few.shape


@pytest.mark.parametrize(
    "model", [Sphere(1.3), Sphere(-2.0, "attention"), Sphere(polynomial=[0.5, -1.0, 2.0, 0.3])]
)
@pytest.mark.parametrize("field", [float, complex])
def test_sums_in_blocks_are_the_sums(model, field):
    """More pairs, and more moments, than fit into a block."""
    x = _points(1500, 12 if field is float else 6, field)
    inner = (x @ np.conj(x).T).real
    if model.polynomial is not None:
        weight = np.polynomial.polynomial.polyval(inner, model.polynomial) / 1500
    else:
        weight = np.exp(model.beta * inner)
        softmax = model.normalization == "attention"
        weight /= weight.sum(axis=1, keepdims=True) if softmax else 1500
    pull = weight @ x
    along = np.sum(np.conj(pull) * x, axis=1, keepdims=True)
    assert model.velocity(x) == pytest.approx(pull - along * x, rel=1e-11, abs=1e-12)


def test_the_memory_of_a_right_hand_side_is_that_of_the_points():
    x = _points(4000, 8)
    peaks = []
    for model in (Sphere(1.0), Sphere(polynomial=[0.0, 0.0, 0.0, 1.0])):
        tracemalloc.start()
        model.velocity(x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # all pairs would be 128 MB
    assert max(peaks) < 32e6, peaks


@pytest.mark.parametrize("model", [Sphere(), Sphere(1.0), Sphere(polynomial=[1.0, 0.5])])
def test_points_given_as_integers(model):
    x = np.array([[1, 0], [0, 1], [0, -1]])
    assert model.velocity(x) == pytest.approx(model.velocity(x.astype(float)), abs=1e-15)
    assert np.any(model.velocity(x) % 1)
