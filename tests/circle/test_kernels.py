"""The compiled sums: against 50 digits, against each other, and where one of them must not be
trusted.
"""

import mpmath
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from qsyncplug._ext.circle import (
    KINDS,
    TERMS,
    TWO_PI,
    MeanField,
    instruction_sets,
)
from qsyncplug._ext.circlegraph import GraphField
from qsyncplug._ext.clusters import leaf_order, roots
from qsyncplug._ext.harmonics import harmonics
from scipy.special import jv

from qsyncplug.circle import Circle, attention, fourier, interaction, sine, velocity
from qsyncplug.circle.cells import CellTables, cell_powers, count_cells, good_cells, split_width
from qsyncplug.circle.field import Layout, choose_kernel, costs, right_hand_side
from qsyncplug.circle.turns import TURN, TURN_SCALE, wrap

from . import reference

KERNELS = ("direct", "horner", "taylor", "taylor-sorted")
LEVELS = range(len(instruction_sets()))


def mp_attention(beta):
    return lambda d: mpmath.sin(d) * mpmath.exp(mpmath.mpf(beta) * (mpmath.cos(d) - 1))


def mp_weight(beta):
    return lambda d: mpmath.exp(mpmath.mpf(beta) * mpmath.cos(d))


def poisson(x):
    return np.sin(x) / (1.25 - np.cos(x))


CASES = [
    (sine(), mpmath.sin),
    (attention(1.0, scaled=True), mp_attention(1)),
    (attention(10.0, scaled=True), mp_attention(10)),
    (attention(100.0, scaled=True), mp_attention(100)),
    (attention(1000.0, scaled=True), mp_attention(1000)),
    (attention(-0.7, scaled=True), mp_attention(-0.7)),
    (
        fourier([1.0, -0.4, 0.0, 0.25]),
        lambda d: mpmath.sin(d) - mpmath.mpf(0.4) * mpmath.sin(2 * d) + mpmath.sin(4 * d) / 4,
    ),
    (interaction(poisson), lambda d: mpmath.sin(d) / (mpmath.mpf(1.25) - mpmath.cos(d))),
]


@pytest.mark.parametrize(
    ("force", "exact"), CASES, ids=lambda v: repr(v) if hasattr(v, "kind") else ""
)
@pytest.mark.parametrize("lag", [0.0, 0.4])
def test_every_kernel_against_fifty_digits(force, exact, lag):
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.uniform(-7, 7, 8), 0.3 + 0.01 * rng.normal(size=5)])
    c = rng.uniform(0.5, 2, x.size)
    model = Circle(force, weights=c, phase_lag=lag)
    expected = reference.digits(exact, x, c, lag)
    # absolute, in units of the largest force there can be: what a series can promise
    unit = force.peak * np.exp(force.log_scale) * c.sum()
    for level in LEVELS:
        for kernel in KERNELS:
            rhs, y = right_hand_side(model, x, kernel=kernel, level=level)
            found = rhs.layout.unpack(rhs(0.0, y)) if rhs.layout.order is None else np.empty(x.size)
            if rhs.layout.order is not None:
                found[rhs.layout.order] = rhs(0.0, y)
            assert np.max(np.abs(found - expected)) < 1e-13 * unit, (kernel, level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_no_number_of_particles_is_left_over(level, kernel, weighted):
    # vectors of 2, 4 or 8, in blocks of some: every remainder, in every instruction set
    rng = np.random.default_rng(14)
    force = attention(10.0, scaled=True)
    for n in [*range(1, 70), 127, 128, 129, 257]:
        x, c = np.sort(rng.uniform(0, 7, n)), rng.uniform(0.5, 2, n)
        model = Circle(force, weights=c if weighted else None)
        rhs, y = right_hand_side(model, x, kernel=kernel, level=level)
        found = np.empty(n)
        found[slice(None) if rhs.layout.order is None else rhs.layout.order] = rhs(0.0, y)
        assert np.max(np.abs(found - reference.velocity(model, x))) < 1e-13 * max(1, c.sum()), n


def evaluations(level):
    """Everything that the kernels of one instruction set compute, for one set of problems."""
    rng = np.random.default_rng(21)
    for force in (sine(), attention(7.0, scaled=True), attention(-2.0), fourier([1.0, 0.2, -0.3])):
        for n in (3, 37, 700):
            x, c = rng.uniform(-9, 9, n), rng.uniform(0.5, 2, n)
            for kernel in KERNELS:
                for model in (
                    Circle(force, weights=c, phase_lag=0.3),
                    Circle(force, triads=(0.3, -0.2) if kernel != "direct" else None),
                    Circle(force, "attention" if force.kind == "attention" else "mean"),
                ):
                    sums = force.peak * np.exp(force.log_scale) * c.sum()
                    if kernel == "taylor-sorted" and not model.identical:
                        continue
                    rhs, y = right_hand_side(model, x, kernel=kernel, level=level)
                    yield rhs(0.0, y), sums
                    if model.phase_lag == 0 and model.normalization != "attention":
                        yield rhs.slope(y), sums * force.coefficients().size
        a = rng.normal(size=(90, 90)) * (rng.uniform(size=(90, 90)) < 0.3)
        x = rng.uniform(-9, 9, 90)
        for matrix in (a, scipy.sparse.csr_array(a)):
            for kernel in ("split", "direct"):
                model = Circle(force, adjacency=matrix, phase_lag=0.1)
                rhs, y = right_hand_side(model, x, kernel=kernel, level=level)
                yield (
                    rhs(0.0, y),
                    force.peak * np.exp(force.log_scale) * np.abs(a).sum(axis=1).max(),
                )


@pytest.mark.parametrize("level", LEVELS[1:])
def test_instruction_sets_give_the_same_numbers(level):
    # not the last bit: vectors of other lengths add in another order, and fuse products or not
    count = 0
    for (found, scale), (expected, _) in zip(evaluations(level), evaluations(0), strict=True):
        assert np.max(np.abs(found - expected)) < 2e-14 * scale
        count += 1
    assert count > 150


def test_constants_that_kernels_and_python_share():
    with mpmath.workdps(60):
        assert abs(mpmath.fsum(TWO_PI) - 2 * mpmath.pi) < mpmath.mpf(10) ** -31
        assert abs(mpmath.mpf(TURN) / TURN_SCALE - 2 * mpmath.pi) < mpmath.mpf(10) ** -47
    assert KINDS == {"sine": 0, "attention": 1, "series": 2}
    assert cell_powers(3, 24).shape == (4, TERMS)
    assert instruction_sets()[0] == "portable"


@pytest.mark.parametrize("beta", [-0.5, 0.0, 3.0, 30.0])
def test_normalised_attention_against_fifty_digits(beta):
    rng = np.random.default_rng(6)
    x, c = rng.uniform(0, 7, 12), rng.uniform(0.5, 2, 12)
    f = lambda d: mpmath.sin(d) * mpmath.exp(mpmath.mpf(beta) * mpmath.cos(d))  # noqa: E731
    expected = reference.digits(f, x, c, weight=mp_weight(beta))
    for kernel in KERNELS:
        found = velocity(Circle(attention(beta), "attention", weights=c), x, kernel=kernel)
        assert np.max(np.abs(found - expected)) < 1e-13 * max(1.0, np.max(np.abs(expected))), kernel


@pytest.mark.parametrize("beta", [0.0, 1.0, 10.0, 100.0, 1e4, -3.0])
@pytest.mark.parametrize("normalization", ["mean", "attention"])
def test_kernels_agree(beta, normalization):
    rng = np.random.default_rng(7)
    n = 1500
    x, c = rng.uniform(0, 2 * np.pi, n), rng.uniform(0.5, 2, n)
    model = (
        Circle(attention(beta), normalization, weights=c)
        if normalization == "attention"
        else Circle(attention(beta, scaled=True), "mean", weights=c)
    )
    values = {kernel: velocity(model, x, kernel=kernel) for kernel in KERNELS}
    for kernel in KERNELS[1:]:
        assert np.max(np.abs(values[kernel] - values["direct"])) < 1e-12 * np.max(
            np.abs(values["direct"])
        ), kernel


def test_direct_sums_know_exponentially_small_forces():
    # beta=100, quarter turn apart: 3.7e-44, of which a series sees nothing
    model = Circle(attention(100.0, scaled=True))
    x = np.array([0.0, np.pi / 2])
    expected = reference.digits(mp_attention(100), x, [1, 1])
    assert abs(expected[0]) == pytest.approx(3.72e-44, rel=1e-3)
    assert velocity(model, x, kernel="direct") == pytest.approx(expected, rel=1e-13)
    assert np.max(np.abs(velocity(model, x, kernel="horner"))) > 1e-30


def test_direct_sums_are_relatively_accurate_at_small_distance():
    for force, exact in CASES[:6]:
        x = np.array([1.0, 1.0 + 1e-9])
        found = velocity(Circle(force), x, kernel="direct")
        assert found == pytest.approx(reference.digits(exact, x, [1, 1]), rel=2e-14)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_threads_do_not_change_a_bit(kernel, weighted):
    n = 700 if kernel == "direct" else 60_000
    rng = np.random.default_rng(8)
    x = rng.uniform(0, 7, n)
    model = Circle(attention(20.0), "attention", weights=rng.uniform(1, 2, n) if weighted else None)
    values = []
    for threads in (1, 2, 3, 7):
        rhs, y = right_hand_side(model, x, kernel=kernel, threads=threads)
        values.append(rhs(0.0, y))
    for other in values[1:]:
        assert np.array_equal(values[0], other)


@pytest.mark.parametrize("level", LEVELS)
def test_the_sorted_kernel_notices_disorder(level):
    rng = np.random.default_rng(9)
    x = rng.uniform(0, 2 * np.pi, 4000)
    b = attention(10.0).coefficients()
    cells = CellTables(count_cells([b]))
    kw = {"size": x.size, "kind": 1, "beta": 10.0, "b": b, "cells": cells, "level": level}
    ordered, any_order = MeanField(method="taylor-sorted", **kw), MeanField(method="taylor", **kw)
    # sums of 4000 terms in another order
    assert np.max(np.abs(ordered(0.0, x) - any_order(0.0, x))) < 1e-13 * x.size
    y = np.sort(x)
    y[[100, 101, 2000]] = y[[2000, 100, 101]]
    assert np.max(np.abs(ordered(0.0, y) - any_order(0.0, y))) < 1e-13 * x.size


@pytest.mark.parametrize("method", ["taylor", "taylor-sorted", "horner", "direct"])
@pytest.mark.parametrize("level", LEVELS)
def test_wild_positions_do_no_harm(method, level):
    # a trial step of the integrator may try anything
    b = attention(10.0).coefficients()
    rhs = MeanField(40, 1, 10.0, b, method=method, cells=CellTables(count_cells([b])), level=level)
    for bad in (np.nan, np.inf, -np.inf, 1e300, -1e17):
        x = np.linspace(0, 6, 40)
        x[17] = bad
        assert rhs(0.0, x).shape == (40,)
        rhs(0.0, np.full(40, bad))
    # and it is itself again afterwards
    x = np.linspace(0, 6, 40)
    expected = -attention(10.0).f(x[:, None] - x[None, :]).sum(axis=1)
    assert np.max(np.abs(rhs(0.0, x) - expected)) < 1e-12


@given(st.integers(1, 200), st.floats(-5, 5), st.integers(0, 2**32 - 1), st.sampled_from(KERNELS))
def test_action_equals_reaction(n, beta, seed, kernel):
    rng = np.random.default_rng(seed)
    x, c = rng.uniform(-10, 10, n), rng.uniform(0.1, 3, n)
    v = velocity(Circle(attention(beta, scaled=True), weights=c), x, kernel=kernel)
    assert abs(v @ c) < 1e-12 * c.sum() ** 2


@given(st.floats(-1e5, 1e5), st.sampled_from(KERNELS))
def test_a_rotation_changes_nothing(angle, kernel):
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 6, 60)
    model = Circle(attention(5.0), "mean")
    assert (
        np.max(
            np.abs(velocity(model, x + angle, kernel=kernel) - velocity(model, x, kernel=kernel))
        )
        < (1e-10 + 20 * abs(angle) * 1e-15) * 150
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from(KERNELS))
def test_numbering_changes_nothing(seed, kernel):
    rng = np.random.default_rng(seed)
    x, p = rng.uniform(0, 6, 60), rng.permutation(60)
    model = Circle(fourier([1.0, 0.3]), "mean")
    assert (
        np.max(np.abs(velocity(model, x[p], kernel=kernel) - velocity(model, x, kernel=kernel)[p]))
        < 1e-14
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_slope_is_the_sum_of_derivatives(kernel):
    rng = np.random.default_rng(10)
    x, c = np.sort(rng.uniform(0, 6, 300)), rng.uniform(0.5, 2, 300)
    force = attention(10.0)
    rhs, y = right_hand_side(Circle(force, weights=c), x, kernel=kernel)
    assert np.max(np.abs(rhs.slope(y) - force.df(x[:, None] - x[None, :]) @ c)) < 1e-12 * c.sum()


def test_attention_weights_below_rounding_are_summed_directly():
    # at β<0 nearby particles have the smallest weights: e^{−40} here, which a series has no digit
    # of
    x = np.linspace(0.0, 0.3, 200)
    model = Circle(attention(-20.0), "attention")
    for kernel in ("horner", "taylor", "taylor-sorted"):
        assert velocity(model, x, kernel=kernel) == pytest.approx(
            reference.velocity(model, x), rel=1e-10, abs=1e-14
        )


def test_too_many_particles_for_direct_attention_weights():
    x = np.linspace(0.0, 0.3, 20_001)
    with pytest.raises(ArithmeticError, match="does not resolve"):
        velocity(Circle(attention(-20.0), "attention"), x, kernel="taylor")


@given(st.integers(1, 5000))
def test_cell_widths_are_exact(count):
    with mpmath.workdps(60):
        total = mpmath.fsum(mpmath.mpf(v) for v in split_width(count)) * count
        assert abs(total - 2 * mpmath.pi) < mpmath.mpf(10) ** -28
    # the first parts times any cell number up to 2**25 are exact
    assert (
        split_width(count)[0] * 2**60 / 2.0 ** np.floor(np.log2(split_width(count)[0]) + 60 - 27)
    ).is_integer()


@pytest.mark.parametrize("modes, cells", [(5, 8), (30, 24), (91, 64), (91, 48), (40, 256)])
def test_cell_powers_are_a_good_polynomial(modes, cells):
    d = np.linspace(-1, 1, 201)
    half = np.arange(modes + 1) * np.pi / cells
    found = cell_powers(modes, cells) @ (1j * d) ** np.arange(16)[:, None]
    remainder = 2 * np.sum(np.abs(jv(np.arange(16, 60)[:, None], half)), axis=0)
    off = np.max(np.abs(found - np.exp(1j * half[:, None] * d)), axis=1)
    # the rounding of powers grows with the size of their coefficients
    rounding = 1e-15 * np.sum(np.abs(cell_powers(modes, cells)), axis=1)
    assert np.all(off < 1.01 * remainder + rounding)
    # and as good as the cut says: no polynomial of that degree is much better
    wide = half > 2
    assert np.all(off[wide] > 0.2 * np.abs(2 * jv(16, half[wide])))


def test_cells_hold_the_remainder_below_rounding():
    for force in (
        sine(),
        attention(1.0),
        attention(100.0),
        attention(1e4),
        fourier([0.0] * 40 + [1.0]),
    ):
        b = force.coefficients()
        cells = count_cells([b])
        assert good_cells(cells) == cells
        half = np.arange(1, b.size + 1) * np.pi / cells
        d = np.linspace(-1, 1, 201)
        off = cell_powers(b.size, cells)[1:] @ (1j * d) ** np.arange(16)[:, None] - np.exp(
            1j * half[:, None] * d
        )
        assert np.max(np.abs(b) @ np.abs(off)) < 3e-15 * np.sum(np.abs(b))
    # modes that do not decay need more cells
    assert count_cells([np.ones(40)]) > count_cells([attention(20.0).coefficients()])


@pytest.mark.parametrize("cells", [24, 32, 48, 96])
def test_there_may_be_more_modes_than_cells(cells):
    # 51 modes: on the centres they are folded, and any number of cells that holds the remainder
    # will do
    b = attention(30.0).coefficients()
    x = np.sort(np.random.default_rng(12).uniform(0, 2 * np.pi, 500))
    expected = MeanField(500, 1, 30.0, b, method="direct")(0.0, x)
    for method in ("taylor", "taylor-sorted"):
        found = MeanField(500, 1, 30.0, b, method=method, cells=CellTables(cells))(0.0, x)
        assert (
            np.max(np.abs(found - expected))
            < (1e-13 if cells >= 48 else 1e-9) * np.max(np.abs(b)) * 500
        )


@given(st.integers(1, 400), st.floats(-1e4, 1e4), st.floats(0, 6.283), st.integers(0, 2**32 - 1))
def test_runs_of_sorted_particles(n, start, spread, seed):
    # whatever was there before, and wherever the particles are: the runs are found again
    rng = np.random.default_rng(seed)
    b = attention(10.0).coefficients()
    rhs = MeanField(n, 1, 10.0, b, method="taylor-sorted", cells=CellTables(count_cells([b])))
    for _ in range(3):
        x = start + np.sort(
            rng.uniform(0, spread, n)
            if rng.random() < 0.7
            else rng.choice([0.0, spread / 3, spread], n)
        )
        expected = MeanField(n, 1, 10.0, b, method="direct")(0.0, x)
        assert np.max(np.abs(rhs(0.0, x) - expected)) < 1e-13 * n * np.max(
            np.abs(b)
        ) + 1e-15 * n * abs(start)
        start += rng.uniform(-1, 1)


def test_the_choice_follows_the_costs():
    assert choose_kernel(10, 88, 64, 1, True) == "direct"
    assert choose_kernel(1000, 1, 16, 0, False) == "horner"
    assert choose_kernel(10**5, 88, 64, 1, True) == "taylor-sorted"
    assert choose_kernel(10**5, 88, 64, 1, False) == "taylor"
    for n in (300, 10**4, 10**6):
        cost = costs(n, 265, 192, 1)
        assert cost[choose_kernel(n, 265, 192, 1, True)] == min(cost.values())


def test_harmonics_are_means_of_exponentials():
    rng = np.random.default_rng(11)
    rows, c = rng.uniform(-9, 9, (3, 101)), rng.uniform(1, 2, 101)
    for weights in (None, c):
        w = np.ones(101) if weights is None else weights
        expected = [[np.sum(w * np.exp(1j * k * row)) / w.sum() for k in (1, 2, 3)] for row in rows]
        assert np.max(np.abs(harmonics(rows, weights, 3) - expected)) < 1e-14


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_wrapping_keeps_every_digit(values):
    x = np.array(values)
    wrapped, offset = wrap(x)
    with mpmath.workdps(60):
        for a, b in zip(x, wrapped, strict=True):
            turns = (mpmath.mpf(a) - mpmath.mpf(b)) / (2 * mpmath.pi)
            error = abs(turns - mpmath.nint(turns)) * 2 * mpmath.pi
            assert error < 1e-15 * max(1.0, 1e-5 * abs(a))
    assert np.all((wrapped >= 0) & (wrapped < 6.2832))
    assert wrapped + offset == pytest.approx(x, rel=1e-15, abs=1e-15)


def test_layout_goes_back_and_forth():
    rng = np.random.default_rng(12)
    x = rng.uniform(-20, 20, 50)
    wrapped, offset = wrap(x)
    layout = Layout(np.argsort(wrapped), offset)
    y = layout.pack(x)
    assert np.all(np.diff(y) >= 0)
    assert layout.unpack(y) == pytest.approx(x, abs=1e-14)


def test_trees():
    # ((0 1) (2 3)) and 4
    left, right = np.array([0, 2, 5, 7]), np.array([1, 3, 6, 4])
    assert roots(left, right, 0, 5).tolist() == [0, 1, 2, 3, 4]
    assert roots(left, right, 2, 5).tolist() == [5, 5, 6, 6, 4]
    assert roots(left, right, 4, 5).tolist() == [8] * 5
    assert leaf_order(left, right, np.array([2, 2, 4, 5]), 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("force", [sine(), attention(3.0), fourier([1.0, 0.0, -0.5])], ids=repr)
def test_graph_kernels(level, force):
    rng = np.random.default_rng(13)
    n = 150
    a = rng.normal(size=(n, n)) * (rng.uniform(size=(n, n)) < 0.2)
    a[7] = 0
    x = rng.uniform(-5, 5, n)
    expected = -(a * force(x[:, None] - x[None, :] + 0.3)).sum(axis=1)
    for matrix in (a, scipy.sparse.csr_array(a)):
        for kernel in ("split", "direct"):
            for threads in (1, 3):
                model = Circle(force, adjacency=matrix, phase_lag=0.3)
                rhs, y = right_hand_side(model, x, kernel=kernel, threads=threads, level=level)
                assert np.max(np.abs(rhs(0.0, y) - expected)) < 1e-12 * np.max(np.abs(expected))


def test_bad_sizes():
    with pytest.raises(ValueError, match="weights must hold 3"):
        MeanField(3, 0, 0.0, [1.0], weights=[1.0])
    with pytest.raises(ValueError, match="cells must be at least"):
        MeanField(3, 0, 0.0, [1.0] * 8, method="taylor", cells=CellTables(1))
    with pytest.raises(ValueError, match="level"):
        MeanField(3, 0, 0.0, [1.0], level=7)
    with pytest.raises(ValueError, match="matrix must have shape"):
        GraphField(3, 0, 0.0, [1.0], matrix=np.ones((2, 2)))
    with pytest.raises(ValueError, match="omega must hold 3"):
        GraphField(3, 0, 0.0, [1.0], matrix=np.ones((3, 3)), omega=[1.0])
    with pytest.raises(ValueError, match="divide must give 3"):
        MeanField(3, 0, 0.0, [1.0], divide=lambda x: np.ones(2))(0.0, np.zeros(3))
    with pytest.raises(ValueError, match="sums must give 3"):
        MeanField(3, 0, 0.0, [1.0], sums=lambda x: np.ones(4))(0.0, np.zeros(3))
