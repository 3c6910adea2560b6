"""Spectra and phase distributions: what is drawn is what was computed."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip

import qsyncplug as qsp


def curves():
    (b,) = qsp.modes(1)
    systems = {f"Δ={d}": qsp.System(d * b.dag() * b, [b.dag(), 2 * b]) for d in (0.0, 1.5)}
    return {name: qsp.spectrum(s, b, cutoff=24) for name, s in systems.items()}


def test_spectra():
    table = curves()
    fig, ax = qsp.plot_spectrum(table)
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 10]
    for line, s in zip(drawn, table.values(), strict=True):
        assert np.array_equal(line.get_ydata(), s.values)
        k = int(np.argmax(line.get_ydata()))
        assert line.get_xdata()[k] == pytest.approx(s.frequency, abs=0.05)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(table)
    again, other = qsp.plot_spectrum(table["Δ=1.5"], wlist=[1.0, 1.5, 2.0], fig=fig, ax=ax)
    assert again is fig
    assert other is ax
    plt.close("all")
    with pytest.raises(TypeError, match=r"s must be a Spectrum"):
        qsp.plot_spectrum(3)
    with pytest.raises(ValueError, match="empty"):
        qsp.plot_spectrum([])


def test_phase_distributions():
    """A coherent state points at its phase; a Fock state nowhere; two modes relative."""
    _, ax = qsp.plot_phase_distribution([qutip.coherent(20, 1.5j), qutip.fock(20, 2)])
    lines = [line for line in ax.lines if len(line.get_xdata()) > 10]
    x, y = lines[0].get_xdata(), lines[0].get_ydata()
    assert x[int(np.argmax(y))] == pytest.approx(np.pi / 2, abs=0.05)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-6)
    assert np.allclose(lines[1].get_ydata(), 1 / (2 * np.pi))
    assert ax.get_ylabel() == "Husimi density of the phase"
    two = qutip.tensor(qutip.coherent(14, 1.0), qutip.coherent(14, 1j))
    _, ax = qsp.plot_phase_distribution(two, relative=True)
    line = ax.lines[0]
    assert line.get_xdata()[int(np.argmax(line.get_ydata()))] == pytest.approx(-np.pi / 2, abs=0.05)
    _, ax = qsp.plot_phase_distribution(two, modes=0, kind="wigner")
    assert ax.lines[0].get_xdata()[int(np.argmax(ax.lines[0].get_ydata()))] == pytest.approx(
        0, abs=0.05
    )
    assert ax.get_ylabel() == "Wigner density of the phase"
    plt.close("all")
    with pytest.raises(ValueError, match="kind"):
        qsp.plot_phase_distribution(two, kind="angle")
    with pytest.raises(TypeError, match="state must be a Qobj"):
        qsp.plot_phase_distribution(1.0)


def test_of_an_ensemble_the_axis_says_whose_phase_it_is():
    (A,) = qsp.atoms(8)
    state = qsp.steadystate(qsp.System(0.3 * A.x, [0.1**0.5 * A.each.p, 0.5**0.5 * A.m]))
    _, one = qsp.plot_phase_distribution(state)
    _, every = qsp.plot_phase_distribution(qsp.measures.collective_phase(state))
    assert one.get_ylabel() == "canonical density of the phase of one atom"
    assert every.get_ylabel() == "canonical density of the phase"
    # one atom has a phase of its own: its harmonic is ⟨A.p⟩ over their number
    moment = qsp.expect(A.m, state) / 8
    curve = one.lines[0]
    first = np.trapezoid(curve.get_ydata() * np.exp(1j * curve.get_xdata()), curve.get_xdata())
    assert abs(first - moment) < 1e-6
    plt.close("all")


def test_entrainment_curves_and_phases_of_spins():
    (b,) = qsp.modes(1)

    def driven(detuning):
        return qsp.System(detuning * b.dag() * b + 0.5 * (b + b.dag()), [b.dag(), b**2])

    curve = qsp.entrainment(driven, [-0.5, 0.0, 0.5], cutoff=14)
    _, ax = curve.plot()
    assert np.array_equal(ax.lines[0].get_ydata(), curve.frequency)
    assert len(ax.collections) == 1
    assert np.array_equal(ax.lines[1].get_ydata(), curve.detuning)
    # models that give the detuning the other sign, H=−Δn
    lorch = qsp.entrainment(
        lambda d: qsp.kerr_van_der_pol(kerr=0.0, detuning=d, drive=0.5), [-0.5, 0.5], cutoff=14
    )
    _, ax = lorch.plot()
    assert np.array_equal(ax.lines[1].get_ydata(), -lorch.detuning)
    _, ax = qsp.plot_entrainment({"F=0.5": curve, "again": curve}, widths=False)
    assert len(ax.lines) == 4
    with pytest.raises(TypeError, match="EntrainmentCurve"):
        qsp.plot_entrainment(1.0)
    spin = qutip.spin_coherent(2, np.pi / 2, 0.4)
    _, ax = qsp.plot_phase_distribution(spin, kind="canonical", spins=[0], drive=0.1)
    x, y = ax.lines[0].get_data()
    assert abs(x[np.argmax(y)] + 0.5) < 0.05
