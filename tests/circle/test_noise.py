"""The vectorised normals, and the one pass over noisy particles, against independent ways."""

import contextlib
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from qsyncplug._ext.noise import NoisyKuramoto, Normals, chunks_of

import qsyncplug as qsp
from qsyncplug.circle import Circle, circlesolve, sine


def normals(n, seed=0, **kw):
    words = np.random.default_rng(seed).integers(0, 2**64, (chunks_of(n), 2, 8), dtype=np.uint64)
    return Normals(n, words, **kw)


class TestNormals:
    def test_distribution(self):
        x = normals(1000).sets(1000).ravel()
        size = x.size
        # moments up to the eighth within five standard errors, which follow from the moments
        moments = {1: 0, 2: 1, 3: 0, 4: 3, 5: 0, 6: 15, 7: 0, 8: 105}
        double = {2: 1, 4: 3, 6: 15, 8: 105, 10: 945, 12: 10395, 14: 135135, 16: 2027025}
        for k, expected in moments.items():
            error = math.sqrt((double[2 * k] - expected**2) / size)
            assert abs(np.mean(x**k) - expected) < 5 * error, k
        assert scipy.stats.kstest(x, "norm").pvalue > 1e-4
        # tails, by counts
        for edge in (3.0, 4.0, 4.8):
            expected = 2 * scipy.stats.norm.sf(edge) * size
            assert abs(np.sum(np.abs(x) > edge) - expected) < 5 * math.sqrt(expected) + 1

    def test_fine_bins(self):
        # equal probabilities: what a wrong quadrant or a seam between polynomials would disturb
        x = normals(16, seed=5).sets(200_000).ravel()
        counts = np.histogram(scipy.special.ndtr(x), bins=4096, range=(0, 1))[0]
        assert scipy.stats.chisquare(counts).pvalue > 1e-4

    def test_nothing_is_correlated(self):
        x = normals(16, seed=3).sets(40_000)
        for y in (x, x**2 - 1, np.abs(x) - math.sqrt(2 / math.pi), np.sign(x)):
            y = y / np.std(y)
            same = y.T @ y / len(y)
            assert np.max(np.abs(same - np.diag(np.diag(same)))) < 5.5 / math.sqrt(len(y))
            for lag in (1, 2, 3, 7):
                later = y[:-lag].T @ y[lag:] / len(y)
                assert np.max(np.abs(later)) < 5.5 / math.sqrt(len(y))
        # the two numbers of one pair of uniforms: no angle is preferred, radius apart from angle
        angle = np.arctan2(x[:, 0], x[:, 8])
        counts = np.histogram(angle, bins=256, range=(-np.pi, np.pi))[0]
        assert scipy.stats.chisquare(counts).pvalue > 1e-4
        assert abs(scipy.stats.spearmanr(np.hypot(x[:, 0], x[:, 8]), angle).statistic) < 0.02

    def test_seeds_and_chunks(self):
        a, b = normals(9000, seed=1).sets(20), normals(9000, seed=2).sets(20)
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / math.sqrt(a.size)
        first, second = a[:, :4400].ravel(), a[:, 4496:8896].ravel()
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / math.sqrt(first.size)
        assert np.unique(a).size == a.size

    def test_instruction_sets_agree(self):
        found = []
        for level in range(3):
            with contextlib.suppress(ValueError):  # not every processor has all
                found.append(normals(1003, seed=4, level=level).sets(5))
        for other in found[1:]:
            assert other == pytest.approx(found[0], rel=1e-9, abs=1e-12)

    def test_threads_do_not_matter(self):
        n = 20_000
        assert np.array_equal(normals(n).sets(3), normals(n, threads=4).sets(3))
        assert normals(17).sets(3).shape == (3, 17)

    def test_box_and_muller(self):
        # the same bits in Python: xoroshiro128++ and the transformation, word by word
        words = np.random.default_rng(8).integers(0, 2**64, (1, 2, 8), dtype=np.uint64)
        found = Normals(16, words).sets(3)
        mask = 2**64 - 1

        def left(value, by):
            return ((value << by) | (value >> (64 - by))) & mask

        for lane in range(8):
            s = [int(words[0, k, lane]) for k in range(2)]

            def draw(s=s):
                out = (left((s[0] + s[1]) & mask, 17) + s[0]) & mask
                s[1] ^= s[0]
                s[0] = left(s[0], 49) ^ s[1] ^ ((s[1] << 21) & mask)
                s[1] = left(s[1], 28)
                return out

            for row in found:
                bits = draw()
                radius = math.sqrt(-2 * math.log(1 - (bits >> 12) / 2**52))
                angle = math.pi * ((((bits >> 1) & 0xFFFFFF) + 0.5) / 2**24 - 0.5)
                expected = [radius * math.cos(angle) * (-1) ** (bits & 1), radius * math.sin(angle)]
                assert [row[lane], row[lane + 8]] == pytest.approx(expected, rel=3e-9, abs=1e-9)


class TestOnePass:
    @pytest.mark.parametrize("scheme", ["euler", "heun", "leimkuhler-matthews"])
    @pytest.mark.parametrize("full", [False, True])
    def test_against_the_general_way(self, scheme, full):
        # the same random numbers on another kernel, another order of operations
        rng = np.random.default_rng(1)
        n = 5003
        extra = {"frequencies": 3.0}
        if full:
            extra = {
                "frequencies": rng.normal(size=n),
                "weights": rng.uniform(0.5, 2, n),
                "response": rng.uniform(0.5, 2, n),
                "normalization": rng.uniform(n, 2 * n, n),
            }
        noise = rng.uniform(0, 0.5, n) if full else 0.3
        model = Circle(
            sine(),
            **{"normalization": "mean", "phase_lag": 0.4, "coupling": 2.0} | extra,
            noise=noise,
        )
        x = rng.uniform(-20, 20, n)
        options = {"seed": 7, "scheme": scheme, "step": 0.01}
        one = circlesolve(model, x, [0.0, 0.3], options=options)
        other = circlesolve(model, x, [0.0, 0.3], options={**options, "kernel": "horner"})
        assert "one pass" in one.stats["method"] and "horner" in other.stats["method"]
        assert one.positions[-1] == pytest.approx(other.positions[-1], abs=2e-11)
        assert one.order_parameter[-1] == pytest.approx(other.order_parameter[-1], abs=1e-12)

    def test_threads_do_not_matter(self):
        x = np.random.default_rng(2).uniform(0, 6, 30_000)
        model = Circle(sine(), "mean", coupling=2.0, noise=0.5)
        runs = [
            circlesolve(
                model, x, [0.0, 0.2], options={"seed": 3, "step": 0.02, "num_threads": k}
            ).positions
            for k in (1, 3)
        ]
        assert np.array_equal(*runs)

    def test_free_diffusion_has_the_right_law(self):
        model = Circle(sine(), coupling=0.0, noise=0.3)
        run = circlesolve(model, np.zeros(50_001), [0.0, 2.0], options={"seed": 1, "step": 0.1})
        moved = run.positions[-1] / math.sqrt(1.2)
        assert scipy.stats.kstest(moved, "norm").pvalue > 1e-4

    def test_a_lonely_particle(self):
        kernel = NoisyKuramoto(np.array([1.0]), normals(1), 0.5, 1.0, "euler")
        assert kernel.steps(0.01, 10) == 10 and kernel.positions.shape == (1,)

    def test_overflow_is_seen(self):
        model = Circle(sine(), "mean", coupling=1e308, noise=1e300)
        with pytest.raises(qsp.core.SolverError):
            circlesolve(model, [0.0, 1.0], [0.0, 1.0], options={"seed": 1, "step": 0.1})

    @pytest.mark.parametrize(
        "extra",
        [{}, {"inertia": 0.5}, {"adjacency": np.ones((3, 3))}, {"coupling": lambda t: 1 + t}],
    )
    @pytest.mark.parametrize("scheme", ["heun", "leimkuhler-matthews"])
    def test_a_checkpoint_continues_bit_for_bit(self, extra, scheme, tmp_path):
        model = Circle(sine(), "mean", noise=0.2, frequencies=[0.0, 1.0, 2.0], **extra)
        times = np.linspace(0, 2, 21)
        options = {"seed": 5, "step": 0.01, "scheme": scheme}
        whole = circlesolve(model, [0.0, 1.0, 2.0], times, options=options)
        path = tmp_path / "run.npz"

        def stop(t, x):
            if t > 1.03:
                raise KeyboardInterrupt

        with pytest.raises(qsp.core.SolverInterrupted):
            circlesolve(
                model, [0.0, 1.0, 2.0], times, e_ops=stop, options={**options, "checkpoint": path}
            )
        again = qsp.resume(path, model=model, e_ops=lambda t, x: 0.0)
        assert np.array_equal(again.positions, whole.positions)

    def test_frames_are_factored_out(self):
        # a common laboratory frequency changes nothing but the common phase
        x, times = np.array([0.0, 1.0, 2.5]), [0.0, 5.0]
        options = {"seed": 2, "step": 0.01}
        runs = [
            circlesolve(
                Circle(sine(), "mean", noise=0.1, frequencies=w + np.array([0.1, 0, -0.2])),
                x,
                times,
                options=options,
            ).positions[-1]
            for w in (0.0, 1e6)
        ]
        assert np.diff(runs[1]) == pytest.approx(np.diff(runs[0]), abs=2e-9)


def test_strong_order_of_all_schemes():
    """Against a path of 4096 steps: order 1, as additive noise gives it."""
    from qsyncplug._ext.motion import Langevin

    from qsyncplug.circle.field import right_hand_side

    rng = np.random.default_rng(11)
    n = 200
    x = rng.uniform(0, 6, n)
    model = Circle(sine(), "mean", coupling=2.0, frequencies=rng.normal(size=n))
    fine = 2**13
    paths = rng.standard_normal((fine, n)) / math.sqrt(fine)

    def end(scheme, steps):
        y = x.copy()
        kicks = paths.reshape(steps, -1, n).sum(axis=1) * math.sqrt(steps)
        method = Langevin(right_hand_side(model, x)[0], 0.2, scheme)
        assert method.steps(y, 0.0, 1 / steps, kicks) == steps
        return y

    exact = end("heun", fine)
    for scheme in ("euler", "heun"):
        steps = 2 ** np.arange(3, 9)
        errors = [np.sqrt(np.mean((end(scheme, k) - exact) ** 2)) for k in steps]
        order = -np.polyfit(np.log2(steps), np.log2(errors), 1)[0]
        assert 0.9 < order < 1.3, (scheme, order)
