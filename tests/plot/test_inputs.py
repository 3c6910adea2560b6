"""Every picture with everything that may be given to it: it draws, or says what it needs."""

import gc
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip

import qsyncplug as qsp

TIMES = np.linspace(0, 1, 4)
NAMES = sorted(n for n in qsp.__all__ if n.startswith(("plot_", "anim_")))
OF_VIEWS = {
    "anim_circle",
    "plot_circle",
    "plot_circle_order",
    "plot_correlations",
    "plot_masses",
    "plot_measure",
    "plot_order_parameter",
    "plot_relative_phase",
    "plot_trajectories",
    "plot_verdict",
}
RUNS = ("mean field", "cumulants", "exact", "circle", "Schrödinger–Lohe", "Wigner–Lohe", "samples")
QUTIP = ("QuTiP result", "QuTiP trajectories", "ket", "density matrix", "states")
STATES = {"exact", "exact view", *QUTIP}
#: how an error says what is needed
NAMES_WHAT = r"must |what would provide it|holds no|cannot read|is empty|nodes: moments|needs "
#: what draws, of pictures that take no view
OTHERS = {
    "anim_wave_packets": {"Schrödinger–Lohe"},
    "anim_wigner_function": {"Wigner–Lohe"},
    "plot_centres": {"Schrödinger–Lohe"},
    "plot_comparison": {"comparison"},
    "plot_densities": {"Schrödinger–Lohe"},
    "plot_dendrogram": {"merge tree"},
    "plot_gram": {"Schrödinger–Lohe", "Wigner–Lohe"},
    "plot_hydrodynamics": {"hydrodynamics", "Schrödinger–Lohe", "Wigner–Lohe"},
    "plot_wigner_function": STATES | {"one mode", "Wigner–Lohe"},
}


@pytest.fixture(scope="module")
def things():
    pair, (a, b) = qsp.van_der_pol_pair(), qsp.modes(2)
    ket = qutip.tensor(qutip.coherent(7, 0.4), qutip.coherent(7, 0.4j))
    lower = qutip.tensor(qutip.destroy(7), qutip.qeye(7))
    number, quiet = lower.dag() * lower, {"store_states": True, "progress_bar": ""}
    grid = qsp.Grid(points=32, length=14.0)
    waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    circle = qsp.Circle(qsp.sine(), "mean")
    mean_field = qsp.mfsolve(pair, [1, 0.5j], TIMES)
    damped = qsp.System(a.dag() * a + b.dag() * b, [a, b])
    exact = qsp.exactsolve(damped, ket, TIMES, cutoff=7)
    particles = qsp.circlesolve(circle, [0.0, 1.0, 4.0], TIMES)
    return {
        "mean field": mean_field,
        "cumulants": qsp.mfsolve(pair, [1, 0.5j], TIMES, closure="cumulants"),
        "exact": exact,
        "circle": particles,
        "Schrödinger–Lohe": qsp.slsolve(qsp.SchrodingerLohe(trap, coupling=1.0), waves, TIMES),
        "Wigner–Lohe": qsp.wlsolve(
            qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0), waves, TIMES
        ),
        "mean fields": qsp.oasolve(qsp.OttAntonsen(3.0, 1.0), 0.5, TIMES),
        "samples": qsp.twasolve(damped, [3, 2j], TIMES, ntraj=20, seed=1),
        "view": qsp.synchronization(mean_field),
        "exact view": qsp.synchronization(exact),
        "masses alone": qsp.SyncView([0, 1.0], masses=[[1.0], [1.0]]),
        "QuTiP result": qutip.mesolve(number, ket, TIMES, [lower], options=quiet),
        "QuTiP trajectories": qutip.mcsolve(number, ket, TIMES, [lower], ntraj=2, options=quiet),
        "without states": qutip.mesolve(number, ket, TIMES, [lower], e_ops=[number]),
        "ket": ket,
        "density matrix": qutip.ket2dm(ket),
        "states": [ket, ket],
        "one mode": qutip.coherent(6, 0.5),
        "no state": qutip.destroy(6),
        "verdict": qsp.verdict(particles),
        "comparison": qsp.compare({"a": mean_field, "b": qsp.mfsolve(pair, [1, 0.4j], TIMES)}),
        "merge tree": qsp.coalesce(circle, [0.0, 0.1, 2.0]),
        "hydrodynamics": qsp.hydrodynamics(waves[0], grid),
        "system": pair,
        "nothing": None,
        "text": "run",
        "empty": {},
        "lowering operators": (a, b),
    }


def _draw(name, x, **kw):
    rest = ("coherence",) if name == "plot_measure" else ()
    figure = getattr(qsp, name)(x, *rest, **kw)[0]
    plt.close(figure)


def _drawn(name, things):
    """Names of what is drawn; the others say what is needed and never fail inside."""
    good = set()
    for label, x in things.items():
        try:
            _draw(name, x)
        except (TypeError, ValueError) as error:
            # its last words are those of the package, not of what it was built on
            assert re.search(NAMES_WHAT, str(error)), (label, str(error))
        else:
            good.add(label)
    return good


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_draws_or_says_what_it_needs(name, things):
    drawn = _drawn(name, things)
    # animations complain when they are collected: here, where that is expected
    gc.collect()
    if name in OF_VIEWS:
        few = {"mean fields"} if name == "plot_relative_phase" else set()
        assert {*RUNS, "view", "exact view", "mean fields"} - few <= drawn
    elif name in OTHERS:
        assert drawn == OTHERS[name]
    assert not drawn & {"no state", "system", "text", "empty", "lowering operators"}


@pytest.mark.parametrize("name", sorted(OF_VIEWS))
@pytest.mark.parametrize("label", QUTIP)
def test_pictures_of_views_take_what_qutip_made(name, label, things):
    _draw(name, things[label], modes=qsp.modes(2))
    with pytest.raises(ValueError, match="holds no states"):
        _draw(name, things["without states"], modes=qsp.modes(2))


def test_hydrodynamics_of_a_run_are_those_of_its_wave_functions(things):
    grid = things["hydrodynamics"].grid
    lohe, wigner = things["Schrödinger–Lohe"], things["Wigner–Lohe"]
    for run, states in ((lohe, lohe.state), (wigner, wigner.psi)):
        for index, j in ((-1, 0), (1, 1)):
            axes = qsp.plot_hydrodynamics(run, index=index, oscillator=j)[1]
            h = qsp.hydrodynamics(states(index)[j], grid)
            for ax, field in zip(axes, (h.density, h.current[0]), strict=False):
                np.testing.assert_array_equal(ax.lines[0].get_ydata(), field)
            assert axes[0].get_title() == f"oscillator {j + 1}, t={run.times[index]:g}"
    psi = grid.gaussian(0.5, 0.8)
    axes = qsp.plot_hydrodynamics(psi, grid)[1]
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), np.abs(psi) ** 2, rtol=1e-14)
    plt.close("all")


def test_hydrodynamics_say_what_they_need(things):
    grid, run = things["hydrodynamics"].grid, things["Schrödinger–Lohe"]
    draw, psi = qsp.plot_hydrodynamics, np.asarray(things["hydrodynamics"].psi)
    with pytest.raises(TypeError, match="its Grid as second argument"):
        draw(psi)
    with pytest.raises(TypeError, match="grid must be left out"):
        draw(run, grid)
    with pytest.raises(ValueError, match=r"one of several, such as qsp.hydrodynamics\(psi\[0\]"):
        draw(np.stack([psi, psi]), grid)
    with pytest.raises(ValueError, match="oscillator must be"):
        draw(run, oscillator=2)
    with pytest.raises(ValueError, match="index must be"):
        draw(run, index=9)
    pair = qsp.wigner.pair_hydrodynamics(grid.gaussian(0.5), psi, grid)
    with pytest.raises(TypeError, match="take its"):
        draw(pair)
    kets = [qutip.basis(3, 0), (qutip.basis(3, 0) + qutip.basis(3, 1)).unit()]
    of_kets = qsp.slsolve(qsp.SchrodingerLohe(qutip.num(3), coupling=1.0), kets, TIMES)
    with pytest.raises(ValueError, match="must be of a run on a grid"):
        draw(of_kets)
    # no mean amplitude either: the error names what draws its phases
    with pytest.raises(ValueError, match="plot_relative_phase draws them"):
        qsp.plot_trajectories(of_kets)
    plt.close(qsp.plot_relative_phase(of_kets)[0])


def test_the_wigner_function_of_a_run_is_that_of_an_oscillator(things):
    run = things["Wigner–Lohe"]
    _, ax = qsp.plot_wigner_function(run, mode=1)
    w = run.wigner(1, 1)
    assert np.max(ax.collections[0].get_array()) == pytest.approx(w.max(), rel=1e-12)
    with pytest.raises(ValueError, match="mode must be"):
        qsp.plot_wigner_function(run, mode=2)
    with pytest.raises(TypeError, match="space must be left out"):
        qsp.plot_wigner_function(run, run.phase_space)
    plt.close("all")


def test_the_verdict_of_a_run_is_drawn_as_it_is_said(things):
    said = qsp.verdict(things["circle"])
    first, second = qsp.plot_verdict(said)[1], qsp.plot_verdict(things["circle"])[1]
    assert first.get_title() == second.get_title() == said.label
    for a, b in zip(first.lines, second.lines, strict=True):
        np.testing.assert_array_equal(a.get_ydata(), b.get_ydata())
    for detuning, coupling, kind in ((0.5, 1.0, "LimitCycle"), (3.0, 0.3, "LimitTorus")):
        pair = qsp.van_der_pol_pair(loss=0.5, detuning=detuning, dissipative=coupling)
        cycle = qsp.limit_cycle(pair, [1.2, 1.2j])
        assert type(cycle).__name__ == kind
        assert qsp.plot_verdict(cycle)[1].get_title() == qsp.verdict(cycle).label
    plt.close("all")


def test_the_circle_of_a_view_holds_the_phases_of_its_amplitudes(things):
    fig, animation = qsp.anim_circle(things["mean field"])
    places = fig.axes[0].collections[0].get_offsets()
    animation._draw_was_started = True
    b = things["mean field"].amplitudes
    # the phase x of the amplitude e^{-ix}
    at = (b.conj() / np.abs(b))[-1]
    animation._func(len(TIMES) - 1)
    places = fig.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(places, np.column_stack([at.real, at.imag]), atol=1e-12)
    assert f"r = {abs(at.mean()):.3f}" in fig.axes[0].texts[0].get_text()


@pytest.mark.parametrize("cmap", [np.ma.masked, np.ma.masked_array([1.0], [True]), 3, ["RdBu"]])
def test_what_is_no_colour_map_is_refused_by_its_name(things, cmap):
    run = things["Wigner–Lohe"]
    for draw in (
        lambda: qsp.plot_wigner_function(qutip.coherent(8, 1.0), cmap=cmap),
        lambda: qsp.plot_wigner_matrix(run, cmap=cmap),
        lambda: qsp.anim_wigner_function(run, 0, cmap=cmap),
    ):
        with pytest.raises(TypeError, match="cmap must be a name or a Colormap"):
            draw()
        assert not plt.get_fignums()
