"""Coalescence: exact times, the certificate, the tree, and what is refused."""

import pathlib
import signal
import sys

import mpmath
import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    StationaryError,
    WidthError,
    attention,
    circlesolve,
    coalesce,
    fourier,
    sine,
)
from qsyncplug.circle.coalescence import Coalescence, marks
from qsyncplug.core.errors import SolverInterrupted, StepLimitError, TimeLimitError


def uniform(n, seed=0):
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, n)


def log_time_of_two(beta, gap0, normalization, gap=1e-8):
    """ln ∫ dφ/φ̇ from gap to gap0, the time in which two particles meet."""
    with mpmath.workdps(25):
        f = lambda p: mpmath.sin(p) * mpmath.exp(-2 * beta * mpmath.sin(p / 2) ** 2)  # noqa: E731
        e = lambda p: mpmath.exp(-2 * beta * mpmath.sin(p / 2) ** 2)  # noqa: E731
        speed = {
            "mean": f,
            "sum": lambda p: 2 * f(p),
            "attention": lambda p: 2 * f(p) / (1 + e(p)),
        }[normalization]
        # the exponential is spread over the interval: many pieces
        points = np.linspace(np.log(gap), np.log(gap0), 60).tolist()
        return float(
            mpmath.log(
                mpmath.quad(lambda u: mpmath.exp(u) / speed(mpmath.exp(u)), points, maxdegree=5)
            )
        )


@pytest.mark.parametrize("beta", [0.0, 5.0, 100.0, 1000.0, -0.5, -20.0])
@pytest.mark.parametrize("normalization", ["mean", "sum", "attention"])
def test_two_particles_meet_when_they_should(beta, normalization):
    force = attention(beta, scaled=normalization != "attention")
    run = coalesce(Circle(force, normalization), [0.0, 3.0])
    assert run.log_time == pytest.approx(log_time_of_two(beta, 3.0, normalization), abs=2e-8)
    assert run.final_positions == pytest.approx([1.5])


def test_units_of_time():
    x0 = uniform(40)
    base = coalesce(Circle(attention(20.0, scaled=True), "mean"), x0)
    for model, shift in [
        (Circle(attention(20.0, scaled=True)), -np.log(40)),
        (Circle(attention(20.0), "mean"), -20.0),
        (Circle(attention(20.0, scaled=True), "mean", coupling=3.0), -np.log(3)),
        (
            Circle(attention(20.0, scaled=True), 5.0, weights=np.full(40, 2.0)),
            np.log(5) - np.log(80),
        ),
    ]:
        assert coalesce(model, x0).merge_log_times - base.merge_log_times == pytest.approx(
            np.full(39, shift), abs=1e-6
        )


def test_beyond_floating_point():
    # the time is e^{2000}: only its logarithm exists
    run = coalesce(Circle(attention(1000.0, scaled=True), "mean"), uniform(100))
    assert run.complete
    assert 1900 < run.log_time < 2010
    assert np.all(np.diff(run.merge_log_times) >= 0)


@pytest.mark.parametrize(("beta", "n"), [(50.0, 20_000), (100.0, 5000), (400.0, 2000)])
def test_the_last_merge_of_uniform_particles(beta, n):
    # t ≈ e^{2β} up to a factor of order one: log10 t = 43.95, 87.55, 347.74 in three runs of the
    # specification
    run = coalesce(Circle(attention(beta, scaled=True), "mean"), uniform(n))
    assert run.complete
    assert run.log_time / np.log(10) == pytest.approx(2 * beta / np.log(10), abs=2.5)
    assert all(value < 1e-13 for value in run.stats["drift"].values())


def test_number_of_metastable_clusters():
    # 1.20 to 1.27 √β, up to the integer and the draw; with so few particles they are tight a little
    # later than 3 ln√n/σ*
    beta, n = 100.0, 20_000
    force = attention(beta, scaled=True)
    run = coalesce(Circle(force, "mean"), uniform(n))
    b = force.coefficients()
    rate = np.max(np.arange(1, b.size + 1) * b) / 2
    log_t = np.log(6 * np.log(np.sqrt(n)) / rate)
    assert 10 <= run.count(log_t, mass=0.99) <= 14
    assert run.cluster_masses(log_t).sum() == pytest.approx(n)


@pytest.mark.parametrize(
    "model",
    [
        Circle(attention(2.0, scaled=True), "mean"),
        Circle(attention(2.0), "attention"),
        Circle(sine(), "mean"),
        Circle(fourier([1.0, 0.2, 0.1]), "mean"),
        Circle(attention(1.0), weights=np.linspace(0.5, 2, 30)),
    ],
    ids=repr,
)
def test_clusters_are_those_of_the_full_run(model):
    x0 = uniform(30, 4)
    run = coalesce(model, x0)
    times = np.exp(run.merge_log_times)
    # between merges that are well apart
    k = int(np.argmax(times[1:] / times[:-1]))
    middle = np.sqrt(times[k] * times[k + 1])
    exact = circlesolve(model, x0, [0.0, middle]).positions[-1]
    labels = run.clusters(np.log(middle))
    for label in range(labels.max() + 1):
        z = np.exp(1j * exact[labels == label])
        assert np.max(np.abs(z - z[0])) < 1e-7


def test_the_last_particle_is_at_the_conserved_mean():
    c = np.random.default_rng(2).uniform(1, 2, 200)
    x0 = np.random.default_rng(3).uniform(0, 2.5, 200)
    run = coalesce(Circle(attention(30.0), weights=c), x0)
    assert run.final_positions[0] == pytest.approx(x0 @ c / c.sum(), abs=1e-9)
    assert run.final_masses[0] == pytest.approx(c.sum())


def test_tree():
    x0 = uniform(600, 5)
    run = coalesce(Circle(attention(30.0, scaled=True), "mean"), x0)
    assert is_valid_linkage(run.linkage)
    assert run.sizes[-1] == 600
    assert np.array_equal(np.sort(run.leaf_order), np.arange(600))
    assert np.all(np.diff(run.cluster_counts) < 0)
    assert run.cluster_counts[-1] == 1
    # the tree keeps the order around the circle, from where it was cut
    assert np.count_nonzero(np.diff(x0[run.leaf_order]) < 0) <= 1
    for log_t in (-np.inf, run.log_times[3], 0.0, 30.0, run.log_time, np.inf):
        labels = run.clusters(log_t)
        sizes = np.bincount(labels)
        assert sizes.size == run.count(log_t)
        assert np.all(np.diff(sizes) <= 0)
        assert np.sort(sizes)[::-1] == pytest.approx(run.cluster_masses(log_t))
    x, m = run.centres(run.log_time - 1.0)
    assert x.size == m.size == run.count(run.log_time - 1.0)
    with pytest.raises(ValueError, match="few particles"):
        run.centres(-np.inf)
    with pytest.raises(TypeError, match="log_t"):
        run.clusters("late")


def test_particles_that_start_together():
    run = coalesce(Circle(sine(), "mean"), [1.0, 1.0, 2.0, 1.0, 2.0])
    assert run.cluster_counts.tolist() == [2, 1]
    assert run.log_times[0] == -np.inf
    assert run.clusters(-np.inf).tolist() == [0, 0, 1, 0, 1]
    assert run.final_positions == pytest.approx([1.4])
    assert coalesce(Circle(sine()), [0.3]).complete
    assert coalesce(Circle(sine()), [0.3]).log_time == -np.inf
    assert coalesce(Circle(sine()), [0.3, 0.3]).complete


def test_across_the_cut():
    run = coalesce(Circle(sine(), "mean"), [0.1, 2 * np.pi - 0.1, -0.05, 1e6 * 2 * np.pi])
    z = np.exp(1j * run.final_positions[0])
    assert abs(z - np.exp(-0.0125j)) < 1e-8


def test_the_certificate_fails_where_merging_was_wrong():
    # between two heavy clusters neighbours part; merged there by force, their width grows
    x0 = np.concatenate([np.full(500, 0.0), np.full(500, 1.0), [0.5, 0.5 + 5e-9]])
    x0 += 1e-3 * np.sin(np.arange(x0.size)) * (np.arange(x0.size) < 1000)
    model = Circle(attention(20.0, scaled=True), "mean")
    with pytest.raises(WidthError, match="wide and grows") as failed:
        coalesce(model, x0, contraction=-1e6)
    assert failed.value.reason == "width regrowth"
    assert np.isfinite(failed.value.time)
    partial = failed.value.result
    assert not partial.complete
    assert partial.final_masses.sum() == pytest.approx(x0.size)
    with pytest.raises(ValueError, match="ended in one particle"):
        _ = partial.leaf_order
    # merged only where the field contracts, the same particles go through
    assert coalesce(model, x0).complete


@pytest.mark.parametrize(
    "x0",
    [
        2 * np.pi * np.arange(3) / 3,
        2 * np.pi * np.arange(500) / 500,
        [0.0, np.pi / 2, np.pi, 1.5 * np.pi],
    ],
)
def test_polygons_stand_still(x0):
    with pytest.raises(StationaryError, match="cancel") as stopped:
        coalesce(Circle(attention(3.0), "mean"), x0)
    assert stopped.value.result.final_positions.size == len(x0)


def test_a_stable_state_of_three_clusters():
    # β=−0.7 < −2/3: three equal groups at thirds are stable (PRY, Corollary 2.6)
    x0 = np.repeat(2 * np.pi * np.arange(3) / 3, 20) + 1e-3 * np.random.default_rng(6).normal(
        size=60
    )
    x0[:20] -= x0[:20].mean()
    with pytest.raises((StationaryError, StepLimitError)) as stopped:
        coalesce(Circle(attention(-0.7), "mean"), x0, options={"nsteps": 3000})
    masses = stopped.value.result.final_masses
    assert sorted(masses) == [20, 20, 20]


@pytest.mark.parametrize(
    ("kw", "match"),
    [
        ({"frequencies": [0.0, 1.0]}, "different frequencies"),
        ({"adjacency": np.ones((2, 2))}, "an adjacency"),
        ({"phase_lag": 0.1}, "phase lag"),
        ({"response": [1.0, 2.0]}, "different responses"),
        ({"normalization": [1.0, 2.0]}, "different divisors"),
        ({"normalization": lambda x: 1 + x**2}, "different divisors"),
        ({"coupling": -1.0}, "attraction"),
    ],
)
def test_models_for_which_merging_is_not_exact(kw, match):
    with pytest.raises(ValueError, match=match):
        coalesce(Circle(sine(), **kw), [0.0, 1.0])


def test_repulsion_is_refused():
    with pytest.raises(ValueError, match="attraction"):
        coalesce(Circle(fourier([-1.0])), [0.0, 1.0])


def test_bad_input():
    with pytest.raises(TypeError, match="model must be a Circle"):
        coalesce(sine(), [0.0])
    with pytest.raises(ValueError, match="state0 must be finite"):
        coalesce(Circle(sine()), [np.nan])
    with pytest.raises(ValueError, match="gap"):
        coalesce(Circle(sine()), [0.0], gap=0.5)
    with pytest.raises(KeyError, match="the options are"):
        coalesce(Circle(sine()), [0.0], options={"kernel": "direct"})
    with pytest.raises(TypeError, match="atol"):
        coalesce(Circle(sine()), [0.0, 1.0], options={"atol": [1e-12, 1e-12]})


def test_limits_carry_the_tree_so_far():
    model = Circle(attention(50.0, scaled=True), "mean")
    with pytest.raises(StepLimitError) as stopped:
        coalesce(model, uniform(400), options={"nsteps": 100})
    assert 0 < stopped.value.result.left.size < 399
    assert stopped.value.time == pytest.approx(stopped.value.result.log_time, abs=1e-9)
    with pytest.raises(TimeLimitError):
        coalesce(model, uniform(3000), options={"time_limit": 0.01})


TREE = (
    "merge_log_times",
    "left",
    "right",
    "sizes",
    "masses",
    "cluster_counts",
    "final_positions",
    "final_masses",
    "centre_log_times",
    "centre_positions",
)


def is_whole(run, n):
    """Whether a partial result is that of one instant."""
    k = run.left.size
    alive = np.setdiff1d(np.arange(n + k), np.concatenate([run.left, run.right]))
    masses = np.concatenate([run.leaf_masses, run.masses])[alive]
    return (
        run.final_positions.size == n - k
        and np.allclose(np.sort(run.final_masses), np.sort(masses))
        and run.centre_positions.size == run.centre_counts.sum()
    )


@pytest.mark.parametrize("steps", [5, 60, 90, 200])
def test_a_run_goes_on_from_its_checkpoint_bit_for_bit(tmp_path, steps):
    # stopped among many particles, and among few
    model, x0, path = Circle(attention(50.0, scaled=True), "mean"), uniform(400), tmp_path / "run"
    whole = coalesce(model, x0, gap=1e-7, contraction=0.25)
    with pytest.raises(StepLimitError, match="particles left: step limit") as stopped:
        coalesce(
            model, x0, gap=1e-7, contraction=0.25, options={"nsteps": steps, "checkpoint": path}
        )
    partial = stopped.value.result
    assert is_whole(partial, 400)
    assert "at ln t=" in partial.stats.stopped
    assert is_whole(qsp.load(path), 400)
    again = qsp.resume(path, options={"nsteps": 10**6})
    for name in TREE:
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert again.stats["segments"] == whole.stats["segments"]
    assert again.stats["certificate"] == whole.stats["certificate"]
    # what is finished is not run again
    assert qsp.resume(path).complete


@pytest.mark.parametrize("spoil", [("nodes", 5), ("left", -1), ("left", 399), ("x", None)])
def test_damaged_checkpoints_are_refused(tmp_path, spoil):
    solver = Coalescence(Circle(sine(), "mean"))
    problem = solver.problem(uniform(20), np.array([0.0, 19.0]), None)
    problem.stepper.advance(np.array([7.0]), np.empty((1, 0)))
    saved = problem.stepper.snapshot()
    assert saved["left"].size >= 7
    name, value = spoil
    saved[name] = saved[name].copy()[: None if value is not None else -1]
    if value is not None:
        saved[name][0] = value
    fresh = solver.problem(uniform(20), np.array([0.0, 19.0]), None)
    with pytest.raises(qsp.core.errors.StorageError):
        fresh.stepper.restore(saved)


def test_progress_is_shown(capsys):
    coalesce(Circle(sine()), uniform(30), options={"progress_bar": "text"})
    assert "100.0%" in capsys.readouterr().out


def test_by_hand():
    solver = Coalescence(Circle(sine(), "mean"))
    x0 = uniform(12)
    run = coalesce(Circle(sine(), "mean"), x0)
    solver.start(x0, 0)
    angles, weights = solver.step(4)
    assert angles.size == weights.size == 8
    assert np.array_equal(angles, run.centres(run.merge_log_times[3])[0])
    assert [x.size for _, (x, _) in solver.iterate(x0, [0, 3, 11])] == [12, 9, 1]
    with pytest.raises(TypeError, match="no e_ops"):
        solver.run(x0, [0, 3], e_ops=[lambda t, x: 0])


@pytest.fixture
def heard():
    """Ctrl-C is heard even where the shell has let its children ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("call", [3, 40, 160])
def test_ctrl_c_keeps_the_tree(call):
    calls = 0

    def until(x):
        nonlocal calls
        calls += 1
        if calls == call:
            signal.raise_signal(signal.SIGINT)
        return False

    solver = Coalescence(Circle(attention(50.0, scaled=True), "mean"), until=until)
    with pytest.raises(SolverInterrupted, match="particles left: interrupted") as stopped:
        solver.follow(uniform(320))
    assert is_whole(stopped.value.result, 320)
    assert "interrupted at ln t=" in stopped.value.result.stats.stopped


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("line", np.random.default_rng(1).integers(1, 12_000, 16))
def test_an_interrupt_at_any_line_leaves_one_instant(line):
    # whatever is being written when Ctrl-C comes: the tree and the particles belong together
    room = str(pathlib.Path(sys.modules["qsyncplug.circle"].__file__).parent)
    seen = 0

    def trace(frame, event, argument):
        nonlocal seen
        if not frame.f_code.co_filename.startswith(room) or frame.f_code.co_name in (
            "follow",
            "trim",
            "_fill",
            "fill",
            "record",
        ):
            return None
        if event == "line" and active:
            seen += 1
            if seen == line:
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return trace

    active = False
    solver = Coalescence(Circle(attention(20.0, scaled=True), "mean"))
    x0 = uniform(315)

    def begin(problem=solver.problem):
        def made(*args):
            nonlocal active
            result = problem(*args)
            active = True
            return result

        return made

    solver.problem = begin()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(SolverInterrupted) as stopped:
            solver.follow(x0)
    finally:
        sys.settrace(before)
    if stopped.value.result is not None:
        assert is_whole(stopped.value.result, 315)


@pytest.mark.slow
def test_threads_do_not_change_the_tree():
    model = Circle(attention(20.0, scaled=True), "mean")
    one, two = (coalesce(model, uniform(20_000), options={"num_threads": k}) for k in (1, 2))
    assert np.array_equal(one.merge_log_times, two.merge_log_times)
    assert np.array_equal(one.left, two.left)


def test_results_go_through_a_file(tmp_path):
    run = coalesce(Circle(attention(20.0), "mean"), uniform(50))
    run.save(tmp_path / "run.npz")
    again = qsp.load(tmp_path / "run.npz")
    assert np.array_equal(again.linkage, run.linkage)
    assert np.array_equal(again.log_times, run.log_times)
    assert again.complete
    assert again.model.to_dict() == run.model.to_dict()
    assert "coalesce" in repr(run)


@pytest.mark.slow
@pytest.mark.parametrize("beta", [50.0, 400.0])
def test_a_hundred_thousand_particles(beta):
    run = coalesce(Circle(attention(beta, scaled=True), "mean"), uniform(100_000))
    assert run.complete
    assert run.log_time / np.log(10) == pytest.approx(2 * beta / np.log(10) + 0.5, abs=1)


def test_until_is_looked_at_where_particles_are_gone():
    """``until(t, state)`` of a run: t counts the particles gone."""
    model, x = Circle(attention(5.0), "mean"), np.linspace(0, 3, 30)
    seen = []

    def until(gone, state):
        angles, weights = state
        seen.append((gone, len(angles), weights.sum()))
        return len(angles) <= 20

    found = Coalescence(model).run(x, marks(30), until=until)
    assert len(found.final_positions) == seen[-1][1] <= 20 < seen[-2][1]
    assert all(left <= 30 - gone and total == 30 for gone, left, total in seen)
    assert "until held at ln t=" in found.stats.stopped
    assert not found.complete
