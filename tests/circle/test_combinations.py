"""Random combinations of everything a model may have, against NumPy as on paper and SciPy."""

import numpy as np
import pytest
import scipy.integrate

from qsyncplug.circle import Circle, attention, circlesolve, fourier, sine, velocity


def divisor(model, a, w, distance):
    g = model.normalization
    if not isinstance(g, str):
        return g
    if g == "attention":
        return np.sum(a * w * np.exp(model.interaction.beta * np.cos(distance)), axis=1)
    if g == "degree" and model.adjacency is not None:
        return np.maximum(np.sum(a != 0, axis=1), 1)
    return {"sum": 1.0, "mean": np.sum(w), "degree": len(w)}[g]


def on_paper(model, x, t=0.0):
    """Velocities, or what inertia relaxes to."""
    n, force = x.size, model.interaction
    w = np.ones(n) if model.weights is None else model.weights
    a = np.ones((n, n)) if model.adjacency is None else model.adjacency
    lag = model.phase_lag if model.lags is None else model.lags
    distance = x[:, None] - x[None, :] + lag
    if force.kind == "attention":
        each = np.sin(distance) * np.exp(force.beta * np.cos(distance))
    else:
        series = [1.0] if force.kind == "sine" else force.coefficients()
        each = sum(b * np.sin(k * distance) for k, b in enumerate(series, 1))
        each = each * np.exp(force.log_scale)
    factor = model.coupling * (1.0 if model.modulation is None else model.modulation(t))
    response = 1.0 if model.response is None else model.response
    out = -factor * response * np.sum(a * w * each, axis=1) / divisor(model, a, w, distance)
    if model.triads is not None:
        z, z2 = (np.sum(w * np.exp(1j * k * x)) / np.sum(w) for k in (1, 2))
        k2, k3 = model.triads
        out = out + np.imag(np.exp(-1j * x) * (k2 * z2 * np.conj(z) + k3 * z * z * np.conj(z)))
    return out + (0.0 if model.frequencies is None else model.frequencies)


def options_of(rng, n, with_attention):
    """Some of everything: float32, lists of integers, directed, signed, torn graphs."""
    given = {}
    if rng.random() < 0.5:
        given["weights"] = rng.uniform(0.2, 2, n).astype(rng.choice(["f4", "f8"]))
    if rng.random() < 0.3:
        given["response"] = rng.uniform(0.2, 2, n)
    if rng.random() < 0.5:
        omega = rng.normal(size=n) * 10.0 ** rng.integers(-3, 2)
        given["frequencies"] = omega if rng.random() < 0.6 else [round(v) for v in omega]
    if rng.random() < 0.4:
        a = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.6)
        given["adjacency"] = np.abs(a) + np.eye(n) if with_attention else a
    if rng.random() < 0.4:
        pairs = rng.random() < 0.3
        given["phase_lag"] = rng.uniform(-1, 1, (n, n)) if pairs else float(rng.uniform(-3, 3))
    if rng.random() < 0.25:
        given["inertia"] = rng.uniform(0.2, 2, n)
    if rng.random() < 0.2:
        given["triads"] = tuple(rng.normal(size=2))
    return given


def random_model(rng):
    """A model that is allowed, and positions."""
    while True:
        n = int(rng.choice([1, 2, 3, 5, 9]))
        kinds = [sine(), attention(float(rng.uniform(-2, 3))), fourier(rng.normal(size=3))]
        force = kinds[int(rng.choice(3))]
        g = ["sum", "mean", "degree", float(rng.uniform(0.5, 3)), rng.uniform(0.5, 3, n)]
        normalization = g[int(rng.choice(5))]
        with_attention = force.kind == "attention" and rng.random() < 0.5
        normalization = "attention" if with_attention else normalization
        strength = [0, 1, -1.0, 2.3, lambda t: 1 + 0.5 * np.sin(3 * t)][int(rng.choice(5))]
        given = options_of(rng, n, with_attention)
        x = [
            rng.uniform(-3, 3, n),
            np.full(n, 0.7),
            rng.uniform(-3, 3, n) + 1e6 * rng.integers(-3, 3, n),
            rng.integers(-3, 4, n),
        ][int(rng.choice(4))]
        try:
            return Circle(force, normalization, coupling=strength, **given), x
        except ValueError:
            continue  # what does not go together is refused


@pytest.mark.parametrize("seed", range(40))
def test_against_paper(seed):
    model, x = random_model(np.random.default_rng(seed))
    n, times = x.size, [0.0, 0.4, 1.5]
    if model.modulation is None and model.inertia is None:
        assert velocity(model, x) == pytest.approx(on_paper(model, x * 1.0), rel=1e-8, abs=1e-8)

    def motion(t, y):
        if model.inertia is None:
            return on_paper(model, y, t)
        return np.concatenate([y[n:], (on_paper(model, y[:n], t) - y[n:]) / model.inertia])

    y0 = np.concatenate([x * 1.0, np.zeros(0 if model.inertia is None else n)])
    exact = scipy.integrate.solve_ivp(
        motion, (0, 1.5), y0, "DOP853", times, rtol=1e-12, atol=1e-12
    ).y.T[:, :n]
    run = circlesolve(model, list(x), times)
    # far away they have fewer digits
    assert np.max(np.abs(run.positions - exact)) < 1e-8 * (1 + 1e-2 * np.max(np.abs(exact)))
