"""The view: what it accepts, derives, refuses and passes on."""

import pickle

import numpy as np
import pytest
import qutip as qt

import qsyncplug as qsp
from qsyncplug.core.errors import MissingFieldError, UndefinedMeasureWarning
from qsyncplug.sync import About, SyncView, measures

from .sync_states import full_view


def phases_view(theta, **options):
    theta = np.asarray(theta, dtype=float)
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(theta.shape[0], -1)
    return SyncView(mean=mean, covariance=0, **options)


THETA = np.random.default_rng(1).uniform(-3, 3, (5, 4))


def test_fields_are_read_only_and_contiguous():
    view = phases_view(THETA)
    for name in ("times", "mean", "covariance", "correlations", "masses", "deviations"):
        array = getattr(view, name)
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError, match="cannot be changed"):
        view.system = "x"
    np.testing.assert_array_equal(view.times, np.arange(5))
    np.testing.assert_allclose(view.amplitudes, np.exp(-1j * THETA) / np.sqrt(2), rtol=1e-15)


def test_the_given_array_is_copied():
    mean = np.ones((2, 2))
    view = SyncView(mean=mean)
    mean[:] = 5
    np.testing.assert_array_equal(view.mean, 1)


def test_phases_in_four_guises():
    theta = THETA
    z = np.exp(1j * (theta[:, :, None] - theta[:, None, :]))
    r = np.abs(np.exp(1j * theta).mean(axis=1))
    scalar, array = (
        phases_view(theta),
        SyncView(mean=phases_view(theta).mean, covariance=np.zeros((5, 8, 8))),
    )
    lazy = SyncView(times=range(5), correlations=lambda: z, about=About(n=4))
    for view in (scalar, array, lazy, SyncView(correlations=z)):
        np.testing.assert_allclose(view.correlations, z, rtol=0, atol=1e-15)
        np.testing.assert_allclose(measures.order_parameter(view), r, rtol=1e-14)
        np.testing.assert_allclose(measures.kuramoto(view), r, rtol=1e-14)
        r2 = np.abs(np.exp(2j * theta).mean(axis=1))
        np.testing.assert_allclose(measures.kuramoto(view, 2), r2, rtol=1e-14)
        d = np.max(np.abs(1 - z), axis=(1, 2))
        np.testing.assert_allclose(measures.diameter(view, "correlation"), d, rtol=1e-14)
        np.testing.assert_allclose(
            measures.diameter(view), np.max(np.sqrt(2 - 2 * z.real), axis=(1, 2)), rtol=1e-14
        )
    np.testing.assert_allclose(
        measures.mean_phase(scalar), np.angle(np.exp(1j * theta).mean(axis=1)), rtol=1e-13
    )


def test_a_million_phases_need_no_square_array():
    theta = np.random.default_rng(0).uniform(0, 6, (1, 10**6))
    view = phases_view(theta)
    np.testing.assert_allclose(
        measures.order_parameter(view), abs(np.exp(1j * theta).mean()), rtol=1e-12
    )
    np.testing.assert_allclose(
        view.pair(3, 7).correlations[0, 0, 1], np.exp(1j * (theta[0, 3] - theta[0, 7])), rtol=1e-14
    )
    with pytest.raises(MemoryError):
        _ = view.correlations


def test_small_diameters_are_relatively_accurate():
    delta = 1e-13
    view = phases_view([[0.3, 0.3]])
    assert measures.diameter(view)[0] < 1e-16
    z = np.array([[[1, np.exp(1j * delta)], [np.exp(-1j * delta), 1]]])
    np.testing.assert_allclose(measures.diameter(SyncView(correlations=z)), delta, rtol=1e-12)
    w = 1e-20 + 2e-20j
    dev = np.array([[[0, w], [np.conj(w), 0]]])
    view = SyncView.of(None, {"correlations": np.ones((1, 2, 2)), "deviations": dev})
    np.testing.assert_allclose(measures.diameter(view), np.sqrt(2e-20), rtol=1e-14)
    np.testing.assert_allclose(measures.diameter(view, "correlation"), abs(w), rtol=1e-14)


def test_order_parameter_given_and_weighted():
    view = SyncView.of([0, 1], {"order_parameter": lambda: [0.5, 1.0]}, about=About(n=10))
    np.testing.assert_array_equal(measures.order_parameter(view), [0.5, 1])
    psi = np.random.default_rng(2).normal(size=(3, 6)) + 1j * np.random.default_rng(3).normal(
        size=(3, 6)
    )
    gram = (psi.conj() @ psi.T)[None]
    norms = np.sqrt(np.diagonal(gram, axis1=1, axis2=2).real)
    view = SyncView(correlations=gram / (norms[:, :, None] * norms[:, None, :]), masses=norms**2)
    np.testing.assert_allclose(
        measures.order_parameter(view, weighted=True), np.linalg.norm(psi.mean(axis=0)), rtol=1e-13
    )


def test_functions_are_called_once():
    calls = []

    def mean():
        calls.append(1)
        return np.ones((3, 4))

    view = SyncView(times=range(3), mean=mean, about=About(n=2))
    assert not calls and view.has("mean")
    assert view.mean is view.mean and len(calls) == 1


def test_parts():
    rng = np.random.default_rng(0)
    states = [qt.rand_dm([2, 3, 2], seed=int(rng.integers(1000))) for _ in range(4)]
    view = full_view(*states, times=[0, 1, 2, 5], about=About(system="three", labels="abc"))
    some = view.at(slice(1, None, 2))
    np.testing.assert_array_equal(some.times, [1, 5])
    np.testing.assert_array_equal(some.covariance, view.covariance[1::2])
    np.testing.assert_array_equal(view.at(-1).mean, view.mean[-1:])
    pair = some.pair(2, 0)
    assert pair.labels == ("c", "a") and pair.n == 2 and pair.subsystems == (2, 0)
    for measure in (measures.complete, measures.log_negativity, measures.coherence):
        np.testing.assert_allclose(
            measure(pair)[:, 0, 1], measure(view)[1::2, 2, 0], rtol=0, atol=1e-13
        )
    assert (
        "T=4" in repr(view)
        and "N=3" in repr(view)
        and "three" in repr(view)
        and "states" in repr(view)
    )
    again = pickle.loads(pickle.dumps(pair))
    np.testing.assert_array_equal(again.covariance, pair.covariance)
    with pytest.raises(ValueError, match="indices"):
        view.at([])
    with pytest.raises(ValueError, match="different nodes"):
        view.pair(1, 1)


def test_parts_of_a_view_whose_derived_fields_are_extreme():
    # below the vacuum (an approximation may do that): the masses are negative, and no sub-view may
    # refuse them
    below = SyncView(
        mean=np.zeros((2, 6)),
        covariance=np.tile(0.4 * np.eye(6), (2, 1, 1)),
        about=About(physical=False),
    )
    assert np.all(below.masses < 0) and np.all(np.isnan(below.correlations))
    assert np.all(below.at(0).masses < 0) and np.all(np.isnan(below.pair(0, 2).correlations))
    # barely above it, where rounding of the covariance leaves |z| a little above 1
    beta = 2e-5 * np.exp(1j * np.array([0.3, 1.0, 2.0]))
    mean = np.sqrt(2) * np.stack([beta.real, beta.imag], axis=-1).reshape(1, 6)
    faint = SyncView(mean=mean, covariance=np.eye(6)[None] * (0.5 - 1e-16))
    np.testing.assert_allclose(np.abs(faint.correlations), 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(
        faint.pair(2, 0).correlations[0, 0, 1], faint.correlations[0, 2, 0]
    )


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "at least one"),
        ({"mean": np.ones((2, 3))}, "mean must have 2N"),
        ({"mean": np.full((2, 4), np.nan)}, "mean must be finite"),
        ({"times": [0, 0], "mean": np.ones((2, 4))}, "times must increase"),
        ({"times": [0, 1, 2], "mean": np.ones((2, 4))}, "mean has T=2"),
        ({"masses": np.ones((2, 3)), "mean": np.ones((2, 4))}, "masses has N=3"),
        ({"masses": -np.ones((2, 3))}, "masses must be"),
        ({"covariance": np.array([[[1, 0.1], [0, 1]]])}, "covariance must be symmetric"),
        ({"covariance": -np.eye(2)[None]}, "covariance must have variances"),
        ({"covariance": 1.0, "mean": np.ones((1, 2))}, "covariance must be an array"),
        ({"correlations": np.array([[[1, 1j], [1j, 1]]])}, "correlations must be Hermitian"),
        ({"correlations": np.array([[[1, 2], [2, 1]]])}, "correlations must have"),
        ({"correlations": np.array([[[0.5, 0], [0, 1]]])}, "diagonal"),
        ({"correlations": np.array([[[1, np.nan], [np.nan, 1]]])}, "masses="),
        ({"correlations": np.array([[[1, np.nan], [np.nan, 1]]]), "masses": [[1, 1]]}, "wherever"),
        ({"masses": [[1.0, 1.0]], "about": About(labels=["a"])}, "labels"),
        ({"covariance": 0.3 * np.eye(4)[None]}, "uncertainty"),
        ({"states": [qt.Qobj(np.diag([1.5, -0.5]))]}, "negative"),
        ({"states": [qt.Qobj(np.array([[0.5, 1], [0, 0.5]]))]}, "Hermitian"),
        ({"states": [3 * qt.ket("0")]}, "normalised"),
        ({"states": [qt.ket("00"), qt.ket("0")]}, "states must all"),
        ({"states": [2 * qt.ket("00")]}, "states must be normalised"),
        ({"states": ["x"]}, "states must be QuTiP"),
        ({"states": [qt.ket("000")], "mean": np.ones((1, 4))}, "subsystems must say"),
        ({"states": [qt.ket("00")], "subsystems": (0, 0)}, "subsystems must be different"),
        ({"states": [qt.ket("00")], "subsystems": (0, 2)}, "subsystems must be at most"),
    ],
)
def test_what_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        SyncView(**arguments)


def test_order_parameters_are_refused():
    with pytest.raises(ValueError, match="order_parameter"):
        SyncView.of(None, {"order_parameter": [1.5]}, about=About(n=3))
    with pytest.raises(ValueError, match="n=…"):
        SyncView.of(None, {"order_parameter": [0.5]})


def test_missing_fields():
    about = About(system="toy", missing={"states": "the option store_states=True"})
    view = SyncView(masses=np.ones((2, 2)), about=about)
    for measure, field in (
        (measures.complete, "covariance"),
        (measures.coherence, "correlations"),
        (measures.frequency, "mean"),
        (measures.husimi_phase, "states"),
        (measures.log_negativity, "states"),
        (measures.gaussian_discord, "covariance"),
        (measures.order_parameter, "correlations"),
        (measures.wigner_negativity, "states"),
    ):
        with pytest.raises(MissingFieldError, match=f"toy has no {field}"):
            measure(view)
    with pytest.raises(MissingFieldError, match="store_states"):
        _ = view.states
    spins = SyncView(states=[qt.ket("00")], about=About(bosons=False))
    for measure in (measures.husimi_phase, measures.wigner_negativity, measures.second_order):
        with pytest.raises(MissingFieldError, match="Fock"):
            measure(spins)
    classical = phases_view(THETA)
    for measure in (measures.log_negativity, measures.gaussian_discord, measures.purity):
        with pytest.raises(MissingFieldError, match="quantum covariance"):
            measure(classical)
    with pytest.raises(MissingFieldError, match="single nodes"):
        measures.kuramoto(SyncView(correlations=np.eye(2)[None]))


def _phase_of_means(view):
    return measures.phase(view, frame="mean")


def test_undefined_values_are_nan_with_one_warning():
    vacuum = SyncView(mean=np.zeros((3, 4)), covariance=np.tile(np.eye(4) / 2, (3, 1, 1)))
    for measure in (
        measures.coherence,
        measures.coherence_phase,
        measures.order_parameter,
        measures.diameter,
        measures.kuramoto,
        measures.mean_phase,
        _phase_of_means,
        measures.frequency,
        measures.frequency_difference,
        measures.phase_locking,
    ):
        with pytest.warns(UndefinedMeasureWarning) as record:
            values = measure(vacuum)
        assert len(record) == 1 and np.all(np.isnan(values)), measure.__name__
    with pytest.warns(UndefinedMeasureWarning):
        assert np.all(np.isnan(measures.second_order(vacuum, gaussian=True)))
    # where nothing is undefined nothing is warned about (warnings are errors here)
    assert np.all(measures.complete_fluctuations(vacuum)[:, 0, 1] == 1)
    # one node with a phase, one without: no relative rotation exists
    half = SyncView(mean=[[1.0, 0, 0, 0]], covariance=np.eye(4)[None])
    with pytest.warns(UndefinedMeasureWarning):
        assert np.isnan(measures.phase_rotated(half)[0, 0, 1])
    classical = phases_view(THETA)
    for measure in (measures.complete_fluctuations, measures.phase, measures.pearson):
        with pytest.warns(UndefinedMeasureWarning):
            assert np.all(np.isnan(measure(classical)))
    assert np.isinf(measures.complete(phases_view([[0.5, 0.5]]))[0, 0, 1])


def test_a_covariance_that_no_state_has_gives_no_number():
    below = About(physical=False)
    view = SyncView(mean=np.zeros((1, 4)), covariance=0.3 * np.eye(4)[None], about=below)
    for measure in (
        measures.log_negativity,
        measures.mutual_information,
        measures.purity,
        measures.gaussian_discord,
    ):
        with pytest.warns(UndefinedMeasureWarning, match="not that of a state"):
            assert np.all(np.isnan(measure(view)))


def test_a_view_in_a_notebook_says_what_it_holds():
    mean = np.zeros((5, 4))
    view = SyncView(np.arange(5.0), mean=mean, covariance=0)
    page = view._repr_html_()
    assert "5, t = 0 to 4" in page and "2 (classical)" in page and "mean (T, 2N)" in page
    assert "not known" in page and "states" in page
    # readable on any background: no colours of its own
    assert "color" not in page and page.count("<table>") == page.count("</table>") == 1
    named = SyncView(
        covariance=np.eye(2)[None] / 2, about=qsp.About(system="<b>", notes=("a & b",))
    )
    assert "&lt;b&gt;" in named._repr_html_() and "a &amp; b" in named._repr_html_()
    run = qsp.exactsolve(qsp.van_der_pol_pair(loss=3.0), [0.1, 0.1], [0.0, 0.1], cutoff=8)
    assert "act on each other: yes" in qsp.synchronization(run)._repr_html_()
