"""Truncated Wigner trajectories: compiled, against vectorised numpy loops with the same samples and
tolerance; one thread.
"""

import numpy as np
import pytest

from qsyncplug import DtwaSolver, SpinChains, dtwasolve
from qsyncplug.operators.collective import collective_form

from .timing import timed

pytestmark = pytest.mark.slow

SAMPLES, TIMES = 20000, np.linspace(0, 4, 9)
CHAINS = SpinChains(n=(8, 8), g=(0.5, 0.8), exchange=0.5)
BLOCH = np.array([[0, 0, -1.0], [0.8, 0, -0.6], [0.6, 0.64, -0.48]])
BLOCH /= np.linalg.norm(BLOCH, axis=1)[:, None]
STEP = 0.02


def start(expanded):
    """Vectors (3, samples, items) and weights: of the four classes, or of every spin."""
    solver = DtwaSolver(CHAINS, ntraj=SAMPLES, seed=1)
    vectors, weights = solver._ensemble(BLOCH, TIMES, 1).sample(0, SAMPLES)
    group = np.array([0, 1, 1, 1, 1, 2, 2, 2, 2])
    if expanded:
        rng = np.random.default_rng(0)
        owner = np.repeat([0, 1, 2], [1, 8, 8])
        spins = np.empty((SAMPLES, 17, 3))
        for a in range(3):
            first = np.flatnonzero(group == a)[0]
            choice = rng.integers(0, 1 if a == 0 else 4, size=(SAMPLES, np.sum(owner == a)))
            spins[:, owner == a] = np.take_along_axis(vectors, (first + choice)[:, :, None], axis=1)
        vectors, weights, group = spins, np.ones((SAMPLES, 17)), owner
    return np.ascontiguousarray(vectors.transpose(2, 0, 1)), weights, group


def numpy_loop(expanded):
    """Fourth-order Runge–Kutta steps over arrays of all samples at once."""
    model = collective_form(CHAINS.system())
    s, weights, group = start(expanded)
    slices = [slice(*(np.flatnonzero(group == a)[[0, -1]] + [0, 1])) for a in range(3)]
    coupling = model.coupling.copy()
    own = coupling[range(3), range(3)]
    coupling[range(3), range(3)] *= 2

    def rhs(s):
        J = [
            [0.5 * np.einsum("si,si->s", weights[:, k], s[mu][:, k]) for mu in range(3)]
            for k in slices
        ]
        out = np.empty_like(s)
        for a, k in enumerate(slices):
            B = []
            for mu in range(3):
                field = model.field[a, mu] + sum(
                    coupling[a, b, mu] * J[b][mu] for b in range(3) if coupling[a, b, mu]
                )
                field = np.broadcast_to(field, (SAMPLES,))[:, None]
                B.append(field - own[a, mu] * s[mu][:, k] if own[a, mu] else field)
            x, y, z = s[:, :, k]
            out[0][:, k] = B[1] * z - B[2] * y
            out[1][:, k] = B[2] * x - B[0] * z
            out[2][:, k] = B[0] * y - B[1] * x
        return out

    means = []
    for t in range(len(TIMES)):
        means.append(
            [
                [0.5 * np.mean(np.sum(weights[:, k] * s[mu][:, k], axis=1)) for mu in range(3)]
                for k in slices
            ]
        )
        if t + 1 < len(TIMES):
            for _ in range(round((TIMES[t + 1] - TIMES[t]) / STEP)):
                k1 = rhs(s)
                k2 = rhs(s + 0.5 * STEP * k1)
                k3 = rhs(s + 0.5 * STEP * k2)
                k4 = rhs(s + STEP * k3)
                s = s + STEP / 6 * (k1 + 2 * (k2 + k3) + k4)
    return np.array(means)


def ours():
    return dtwasolve(CHAINS, BLOCH, TIMES, ntraj=SAMPLES, seed=1, options={"rtol": 1e-6})


def test_ratio(record):
    took, result = timed(ours, 3)
    (classes, first), (spins, second) = (timed(lambda k=k: numpy_loop(k), 1) for k in (False, True))
    np.testing.assert_allclose(result.spins, first, atol=1e-4)
    # of other samples: a chain of 8 spins, each of length √3/2
    np.testing.assert_allclose(second, first, atol=5 * np.sqrt(8 * 3 / 4 / SAMPLES))
    record.ratio("dtwa", took, classes)
    record.ratio("dtwa, spins", took, spins)
