"""Spectra of truncated Wigner samples against linear systems, where the approximation is exact."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import QsyncplugWarning

(b,) = qsp.modes(1)
TIMES = np.linspace(6, 126, 1201)


def thermal():
    """Gain 1, loss 4: width 3, n=1/3."""
    return qsp.System(1.5 * b.dag() * b, [b.dag(), 2 * b])


def test_a_damped_mode_has_its_lorentzian():
    s = qsp.spectrum(thermal(), b, sample_times=TIMES, options={"ntraj": 1024, "seed": 1})
    # symmetrised: n+½ in place of n
    exact = (1 / 3 + 0.5) * 3 / ((s.w - 1.5) ** 2 + 1.5**2)
    near = np.abs(s.w - 1.5) < 6
    # some hundred independent points, each with a standard error of 3 %
    assert np.all(np.abs(s.values - exact)[near] < 5 * s.errors[near])
    z = (s.values - exact)[near][::16] / s.errors[near][::16]
    assert np.mean(z**2) < 4
    assert abs(s.frequency - 1.5) < 5 * s.frequency_error
    assert abs(s.linewidth - 3) < 5 * s.linewidth_error + 0.15
    assert abs(s.power - (1 / 3 + 0.5)) < 5 * s.power_error + 0.02
    assert 0 < s.frequency_error < 0.1
    # what is left to the sum rule lies beyond the range of the times
    assert np.sum(s.values) * (s.w[1] - s.w[0]) / (2 * np.pi) == pytest.approx(s.power, rel=0.02)
    assert s(1.5) == pytest.approx(exact.max(), rel=0.1)
    again = qsp.spectrum(thermal(), b, sample_times=TIMES, options={"ntraj": 1024, "seed": 1})
    assert np.array_equal(again.values, s.values)


def test_correlation_functions_are_symmetrised():
    tau = np.array([0.0, 0.3, 0.9])
    c = qsp.correlation(thermal(), b, tau, sample_times=TIMES, options={"ntraj": 512, "seed": 4})
    exact = (1 / 3 + 0.5) * np.exp((1.5j - 1.5) * tau)
    assert np.all(np.abs(c - exact) < 4 * c.errors)
    assert np.all(c.errors < 0.01)
    assert np.array_equal(np.asarray(c), c.values)


def test_a_driven_spin_against_its_exact_correlations():
    """Sixty spins ½: symmetrised, what lies beyond is of the order 1/N."""
    (S,) = qsp.spins(60)
    jumps = [(2 / 60) ** 0.5 * S.m, (0.2 / 60) ** 0.5 * S.p]
    system = qsp.System(S.z + 0.2 * S.x, jumps)
    times, options = np.linspace(8, 48, 401), {"ntraj": 1024, "seed": 1}
    tau = np.array([0.0, 0.5, 1.0, 2.0])
    c = qsp.correlation(system, S.m, tau, sample_times=times, options=options)
    # ⟨a(0)a†(τ)⟩ is the conjugate of ⟨a(τ)a†(0)⟩
    other = np.conj(qsp.correlation(system, S.p, tau))
    exact = 0.5 * (qsp.correlation(system, S.m, tau) + other)
    assert np.all(np.abs(c - exact) < 4 * c.errors + 0.3)
    s = qsp.spectrum(system, S.m, sample_times=times, options=options)
    line = qsp.spectrum(system, S.m)
    assert abs(s.frequency - line.frequency) < 4 * s.frequency_error + 0.02
    assert abs(s.linewidth - line.linewidth) < 4 * s.linewidth_error + 0.05
    excess = qsp.expect(S.z, qsp.steadystate(system)).real
    assert s.power == pytest.approx(line.power - excess, abs=4 * s.power_error + 0.3)


def test_error_bars_cover_the_truth():
    """Of the place of the peak, over seeds."""
    z = []
    for seed in range(8):
        s = qsp.spectrum(
            thermal(), b, sample_times=TIMES[:601], options={"ntraj": 256, "seed": seed}
        )
        z.append((s.frequency - 1.5) / s.frequency_error)
    assert np.abs(z).max() < 4.5
    assert 0.3 < np.std(z) < 2.2


def test_an_oscillator_with_many_quanta_against_the_exact_spectrum():
    """A driven van der Pol oscillator of some ten quanta."""
    H = 0.4 * b.dag() * b + 1.5 * (b + b.dag())
    system = qsp.System(H, [b.dag(), 0.1**0.5 * b**2])
    exact = qsp.spectrum(system, b, cutoff=40)
    s = qsp.spectrum(
        system,
        b,
        sample_times=np.linspace(15, 75, 601),
        options={"ntraj": 512, "seed": 3},
        mean=[-2 - 1j],
    )
    assert abs(s.coherent - exact.coherent) < 0.05 * abs(exact.coherent)
    assert s.power == pytest.approx(exact.power + 0.5, rel=0.1)


def test_what_is_refused():
    with pytest.raises(ValueError, match="stationary"):
        hot = qsp.System(b.dag() * b, [b, 0.9 * b.dag()])
        qsp.spectrum(
            hot, b, sample_times=np.linspace(0.1, 6, 200), options={"ntraj": 2048, "seed": 1}
        )
    with pytest.raises(ValueError, match="equal distance"):
        qsp.spectrum(thermal(), b, sample_times=np.geomspace(1, 9, 50))
    with pytest.raises(ValueError, match="begin after"):
        qsp.spectrum(thermal(), b, sample_times=np.linspace(0, 9, 50))
    with pytest.raises(ValueError, match="lowering operator"):
        qsp.spectrum(thermal(), b.dag(), sample_times=TIMES)
    with pytest.raises(ValueError, match="lowering operator"):
        (level,) = qsp.levels(2)
        qsp.spectrum(qsp.System(level[1, 1], [level[0, 1]]), level[0, 1], sample_times=TIMES)
    with pytest.raises(TypeError, match=r"chains.system\(\)"):
        chains = qsp.SpinChains(n=(2, 2), loss=0.1)
        qsp.spectrum(chains, chains.lowering(1), sample_times=TIMES)
    with pytest.raises(ValueError, match="multiples of"):
        qsp.correlation(thermal(), b, [0.0, 0.15], sample_times=TIMES)
    with pytest.raises(ValueError, match="time"):
        f = qutip.coefficient(lambda t: np.cos(t))
        qsp.spectrum(qsp.System(f * (b + b.dag()), [b]), b, sample_times=TIMES)
    with pytest.raises(ValueError, match="sample_times="):
        qsp.spectrum(thermal(), b, cutoff=12, options={"ntraj": 10})
    with pytest.raises(KeyError, match="max_step, ntraj, seed"):
        qsp.spectrum(thermal(), b, sample_times=TIMES, options={"trajectories": 3})
    with pytest.raises(ValueError, match="wlist"):
        qsp.spectrum(thermal(), b, [0.0], sample_times=TIMES)
    with pytest.raises((TypeError, ValueError), match="ntraj"):
        qsp.spectrum(thermal(), b, sample_times=TIMES, options={"ntraj": 3})
    with pytest.warns(QsyncplugWarning, match="resolution"):
        qsp.spectrum(
            thermal(), b, sample_times=np.linspace(3, 5, 64), options={"ntraj": 64, "seed": 2}
        )
    s = qsp.spectrum(thermal(), b, sample_times=TIMES[:301], options={"ntraj": 64, "seed": 2})
    with pytest.raises(ValueError, match="between"):
        s(1e4)
