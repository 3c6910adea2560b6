"""Observed frequency against detuning."""

import numpy as np
import pytest

import qsyncplug as qsp

(b,) = qsp.modes(1)


def driven(force):
    def system(detuning):
        return qsp.System(
            detuning * b.dag() * b + force * (b + b.dag()), [b.dag(), 0.5**0.5 * b**2]
        )

    return system


def test_the_curve_is_that_of_the_spectra():
    detuning = np.array([-0.5, 0.2, 0.5, 1.0])
    curve = qsp.entrainment(driven(0.3), detuning, cutoff=24)
    # reference values of two independent methods
    assert curve.frequency[[1, 2, 3]] == pytest.approx(
        [0.19198979960, 0.49218938366, 0.99463652700], abs=1e-9
    )
    assert curve.linewidth[[1, 2, 3]] == pytest.approx(
        [0.72174874666, 0.70074305680, 0.67252790370], abs=1e-9
    )
    assert curve.frequency[0] == pytest.approx(-curve.frequency[2], abs=1e-9)
    assert curve.pull[2] == pytest.approx(1 - curve.frequency[2] / 0.5)
    assert not curve.ambiguous.any()
    assert len(curve.spectra) == 4


def test_a_stronger_drive_has_a_larger_locking_range():
    detuning = np.linspace(-2, 2, 17)
    ranges = [
        qsp.entrainment(driven(force), detuning, cutoff=26).locking_range() for force in (0.8, 2.0)
    ]
    for low, high in ranges:
        assert low == pytest.approx(-high, abs=1e-6)
    assert 0 <= ranges[0][1] < ranges[1][1]
    # next to 0 already hardly pulled: no range, and none made up
    assert qsp.entrainment(driven(0.1), [-0.5, 0.0, 0.5], cutoff=22).locking_range() == (0.0, 0.0)
    assert "pulled" in repr(qsp.entrainment(driven(0.5), [0.1], cutoff=20))


def test_bad_input():
    with pytest.raises(TypeError, match="function of the detuning"):
        qsp.entrainment(driven(0.3)(0.1), [0.0, 1.0], cutoff=8)
    with pytest.raises(TypeError, match="must be a System"):
        qsp.entrainment(lambda d: d, [0.0], cutoff=8)
    for bad in ([1.0, 0.0], [], [0.0, np.nan]):
        with pytest.raises(ValueError, match="detuning"):
            qsp.entrainment(driven(0.3), bad, cutoff=8)
    with pytest.raises(ValueError, match="time"):
        import qutip

        f = qutip.coefficient(lambda t: np.cos(t))
        qsp.entrainment(lambda d: qsp.System(f * (b + b.dag()), [b]), [0.0], cutoff=8)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, ZeroDivisionError("1/0")])
def test_a_curve_that_ends_early_is_kept_up_to_there(raised):
    """All finished spectra were lost, and the user's error did not say at which detuning."""

    def build(detuning):
        if detuning > 0.4:
            raise raised
        return driven(0.5)(detuning)

    kind = qsp.SolverInterrupted if raised is KeyboardInterrupt else qsp.SolverError
    with pytest.raises(kind, match=r"at detuning 0.5.*curve of 2 of 4") as caught:
        qsp.entrainment(build, [-0.5, 0.0, 0.5, 1.0], cutoff=16)
    whole = qsp.entrainment(build, [-0.5, 0.0], cutoff=16)
    assert np.array_equal(caught.value.result.frequency, whole.frequency)
    with pytest.raises(kind) as caught:
        qsp.entrainment(build, [0.5, 1.0], cutoff=16)
    assert caught.value.result is None
