"""Pictures show the data that they are given; the command agrees with independent computations."""

import argparse
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from qsyncplug.circle import (
    Circle,
    attention,
    certify_attention,
    circlesolve,
    coalesce,
    sine,
    synchronization_criterion,
)
from qsyncplug.commands import circle as command
from qsyncplug.plot.circle import (
    anim_circle,
    plot_circle,
    plot_circle_order,
    plot_criterion,
    plot_interaction,
)
from qsyncplug.plot.trees import plot_dendrogram
from qsyncplug.plot.views import plot_trajectories


@pytest.fixture(scope="module")
def result():
    x0 = np.random.default_rng(0).uniform(0, 2 * np.pi, 30)
    return circlesolve(Circle(sine(), "mean"), x0, np.linspace(0, 5, 21))


@pytest.fixture(scope="module")
def tree():
    x0 = np.random.default_rng(1).uniform(0, 2 * np.pi, 200)
    return coalesce(Circle(attention(12.0, scaled=True), "mean"), x0)


class TestCircle:
    def test_points_and_mean_field(self):
        x = np.array([0.0, 1.0, 2.5])
        fig, ax = plot_circle(x, weights=[1, 2, 1])
        np.testing.assert_allclose(
            ax.collections[0].get_offsets(), np.column_stack([np.cos(x), np.sin(x)])
        )
        z = np.sum([1, 2, 1] * np.exp(1j * x)) / 4
        arrow = next(t for t in ax.texts if getattr(t, "arrow_patch", None) is not None)
        assert arrow.xy == pytest.approx((z.real, z.imag))
        assert f"r = {abs(z):.3f}" in [t.get_text() for t in ax.texts]
        assert fig is ax.figure

    def test_many_particles_become_a_density(self):
        _, ax = plot_circle(np.random.default_rng(0).uniform(-20, 20, 3000))
        (density,) = ax.collections
        assert len(density.get_paths()) == 180
        assert max(np.hypot(*p.vertices.T).max() for p in density.get_paths()) == pytest.approx(
            1.27
        )

    def test_axes_are_used(self):
        fig, ax = plt.subplots()
        assert plot_circle([0.0, 1.0], colours=[0.1, 0.2], fig=fig, ax=ax) == (fig, ax)

    def test_refused(self):
        with pytest.raises(ValueError, match="weights"):
            plot_circle([0.0, 1.0], weights=[1.0])
        with pytest.raises(ValueError, match="x must be finite"):
            plot_circle([np.nan])
        with pytest.raises(ValueError, match="x must hold at least one position"):
            plot_circle([])


def test_order_parameter(result):
    _, ax = plot_circle_order({"one": result, "two": result})
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["one", "two"]
    np.testing.assert_allclose(
        ax.lines[0].get_ydata(), np.abs(np.mean(np.exp(1j * result.positions), axis=1)), atol=1e-12
    )
    _, ax = plot_circle_order(result)
    assert ax.get_legend() is None


def test_trajectories(result):
    _, ax = plot_trajectories(result, particles=7)
    assert len(ax.lines) == 7
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), result.positions[:, 0])
    bare = circlesolve(
        result.model, result.positions[0], [0, 1.0], options={"store_positions": False}
    )
    for draw in (plot_trajectories, anim_circle):
        with pytest.raises(ValueError, match="store_positions"):
            draw(bare)


def test_an_interaction_and_where_its_slope_ends():
    beta = 2.0
    _, ax = plot_interaction(lambda x: np.sin(x) * np.exp(beta * np.cos(x)))
    curve, slope, end, _ = ax.lines
    x = curve.get_xdata()
    np.testing.assert_allclose(curve.get_ydata(), np.sin(x) * np.exp(beta * np.cos(x)), atol=1e-9)
    right = (np.cos(x) - beta * np.sin(x) ** 2) * np.exp(beta * np.cos(x))
    np.testing.assert_allclose(slope.get_ydata(), right, atol=1e-9)
    # cos τ is the positive root of β cos² + cos − β
    assert end.get_xdata()[0] == pytest.approx(np.arccos((np.sqrt(17) - 1) / 4), abs=1e-9)


def test_criterion():
    pytest.importorskip("flint")
    beta = np.array([-0.4, -0.2, 0.0, 2.0])
    _, ax = plot_criterion(beta, certificate=certify_attention(-0.26, 1.0))
    expected = [synchronization_criterion(attention(b)).ratio for b in beta]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["M = π", "M = 2π", "proved"]
    _, ax = plot_criterion(beta, both=False)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["M = π"]


class TestDendrogram:
    @pytest.mark.parametrize("clusters", [1, 2, 10, 10_000])
    def test_shape(self, tree, clusters):
        _, ax = plot_dendrogram(tree, clusters=clusters)
        (lines,) = ax.collections
        drawn = min(clusters, tree.n) - 1
        assert len(lines.get_segments()) == drawn
        # the widths of the leaves show all the particles
        assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(0.8 * tree.n)
        if drawn:
            heights = np.sort([s[1, 1] for s in lines.get_segments()])
            finite = tree.merge_log_times[-drawn:]
            finite = finite[np.isfinite(finite)] / np.log(10)
            np.testing.assert_allclose(heights[-finite.size :], np.sort(finite), rtol=1e-12)

    def test_branches_meet_the_nodes_below(self, tree):
        _, ax = plot_dendrogram(tree, clusters=12)
        segments = ax.collections[0].get_segments()
        tops = {(round(float(s[1:3, 0].mean()), 6), round(float(s[1, 1]), 9)) for s in segments}
        floor = ax.get_ylim()[0]
        ends = [
            (round(float(s[k, 0]), 6), round(float(s[k, 1]), 9)) for s in segments for k in (0, 3)
        ]
        assert all(end in tops or end[1] == pytest.approx(floor) for end in ends)

    def test_particles_that_start_together(self):
        run = coalesce(Circle(sine()), [0.0, 0.0, 0.0, 1.0, 1.0, 2.0])
        assert np.count_nonzero(np.isneginf(run.merge_log_times)) == 3
        assert (
            run.cluster_counts[0] == 3
            and np.isneginf(run.log_times[0])
            and np.all(np.isfinite(run.log_times[1:]))
        )
        _, ax = plot_dendrogram(run)
        assert np.all(np.isfinite(np.concatenate(ax.collections[0].get_segments())))

    def test_one_particle(self):
        single = coalesce(Circle(sine()), [1.0])
        _, ax = plot_dendrogram(single)
        assert len(ax.patches) == 1

    def test_refused(self, tree):
        with pytest.raises(ValueError, match="clusters"):
            plot_dendrogram(tree, clusters=0)


def test_animation(result, tmp_path):
    fig, animation = anim_circle(result, frames=4)
    animation.save(tmp_path / "run.gif", writer="pillow")
    assert (tmp_path / "run.gif").stat().st_size > 1000
    points = fig.axes[0].collections[0].get_offsets()
    last = result.positions[-1]
    np.testing.assert_allclose(points, np.column_stack([np.cos(last), np.sin(last)]))


class TestCommand:
    def run(self, tmp_path, *arguments):
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        args = parser.parse_args(
            ["circle", "--output", str(tmp_path / "out"), "--quiet", *arguments]
        )
        return args.run(args)

    @pytest.mark.parametrize("beta", ["0", "3"])
    def test_everything_agrees(self, tmp_path, capsys, beta):
        code = self.run(
            tmp_path,
            "--particles",
            "40",
            "--end",
            "4",
            "--times",
            "11",
            "--beta",
            beta,
            "--normalization",
            "mean",
        )
        assert code == 0
        data = json.loads((tmp_path / "out.json").read_text())
        assert [row["name"] for row in data["rows"]] == [
            "SciPy + NumPy",
            "direct",
            "horner",
            "taylor",
            "taylor-sorted",
        ]
        assert max(row["positions"] for row in data["rows"]) < 1e-9
        assert data["closed form error"] < 1e-10
        assert not [p for p in data["predictions"] if p["passed"] is False]
        assert (tmp_path / "out.png").stat().st_size > 10_000
        text = capsys.readouterr().out
        assert "taylor-sorted" in text and "differences from: SciPy" in text

    def test_large_runs_do_without_scipy(self, tmp_path, capsys):
        assert self.run(tmp_path, "--particles", "2500", "--end", "0.1", "--times", "2") == 0
        assert "differences from: direct" in capsys.readouterr().out

    def test_bad_options(self, tmp_path):
        for option, value, match in (
            ("--end", "-1", "--end"),
            ("--particles", "1", "--particles"),
            ("--beta", "nan", "--beta"),
        ):
            with pytest.raises(ValueError, match=match):
                self.run(tmp_path, option, value)
        with pytest.raises(ValueError, match="folder"):
            self.run(tmp_path, "--output", str(tmp_path / "no" / "such"))


@pytest.mark.parametrize("n", [2, 3, 10])
def test_no_bar_of_a_dendrogram_is_cut_off(n):
    _, ax = plot_dendrogram(coalesce(Circle(sine()), np.linspace(0, 2, n)))
    low, high = ax.get_xlim()
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert len(bars) == n
    assert all(low <= a and b <= high for a, b in bars)


def test_a_dendrogram_is_of_a_coalescence(result):
    with pytest.raises(TypeError, match="CoalesceResult, not CircleResult"):
        plot_dendrogram(result)
