"""Exact runs whose operators depend on time: pulses, complex factors, failures."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import RightHandSideError
from qsyncplug.exact import liouvillian


def driven(f, *, loss=0.2):
    """ẏ: ⟨b⟩ of a damped oscillator obeys β' = −(iω+κ/2)β − i f(t)."""
    (b,) = qsp.modes(1)
    return qsp.System(0.1 * b.dag() * b + f * (b + b.dag()), [loss**0.5 * b])


def amplitude(pulse, times, *, loss=0.2):
    """Closed form by quadrature of the impulse response, for a pulse given at many points."""
    s, v = pulse
    out = []
    for t in times:
        here = s <= t
        kernel = np.exp(-(0.1j + loss / 2) * (t - s[here])) * v[here]
        out.append(-1j * np.trapezoid(kernel, s[here]))
    return np.array(out)


@pytest.mark.parametrize("centre, end", [(100.0, 200.0), (500.0, 1000.0)])
def test_a_short_pulse_is_not_stepped_over(centre, end):
    """R6: a pulse of width .1 long after everything has come to rest."""

    def shape(t):
        return 6.0 * np.exp(-(((t - centre) / 0.1) ** 2) / 2)

    f = qutip.coefficient(lambda t: float(shape(t)))
    times = np.linspace(0, end, 201)
    assert np.any(np.abs(times - centre) < 1e-9)
    run = qsp.exactsolve(driven(f), [0.0], times, cutoff=18)
    s = np.linspace(centre - 1.5, centre + 1.5, 20001)
    k = int(np.argmin(np.abs(times - centre))) + 1
    want = amplitude((s, shape(s)), times[[k]])[0]
    assert abs(want) > 0.5
    assert abs(run.amplitudes[k, 0] - want) < 1e-6


def test_a_sampled_pulse_between_outputs():
    """The knots of a sampled coefficient are known, wherever the outputs are."""
    knots = np.concatenate(
        [np.linspace(0, 299.9, 3), np.linspace(300, 300.05, 21), [300.2, 1000.0]]
    )
    values = np.where((knots > 300) & (knots < 300.05), 20.0, 0.0)
    f = qutip.coefficient(values, tlist=knots, order=0)
    run = qsp.exactsolve(driven(f), [0.0], [0.0, 301.0, 1000.0], cutoff=18)
    s = np.linspace(300, 300.05, 50001)
    held = values[np.searchsorted(knots, s, side="right") - 1]
    want = amplitude((s, held), [301.0])[0]
    assert abs(want) > 0.5
    assert abs(run.amplitudes[1, 0] - want) < 1e-4


def test_a_late_gain():
    """Nothing happens until t=50: then the oscillator fills."""
    (b,) = qsp.modes(1)
    g = qutip.coefficient(lambda t: 1.0 if t > 50.0 else 0.0)
    system = qsp.System(0 * b, [g * b.dag(), 0.8 * b**2, 0.3 * b])
    run = qsp.exactsolve(system, [0.0], [0.0, 49.0, 100.0], cutoff=16)
    still = qsp.steadystate(qsp.System(0 * b, [b.dag(), 0.8 * b**2, 0.3 * b]), cutoff=16)
    assert run.normal[1, 0, 0].real < 1e-12
    assert run.normal[2, 0, 0].real == pytest.approx(qutip.expect(qutip.num(16), still), abs=1e-8)


def test_a_factor_that_turns_complex_unseen():
    """Real wherever one looks beforehand, complex in between: the run starts again with complex
    arithmetic.
    """
    (b,) = qsp.modes(1)

    def phase(t):
        return np.exp(1j * max(0.0, np.sin(40 * np.pi * t)) ** 2) if 0.003 < t < 0.997 else 1.0

    f = qutip.coefficient(lambda t: complex(phase(t)))
    system = qsp.System(f * b.dag() + (f * b.dag()).dag(), [b])
    run = qsp.exactsolve(system, [0.3], [0.0, 0.4, 1.0], cutoff=12)
    a = qutip.destroy(12)
    H = qutip.QobjEvo([[a.dag(), lambda t: phase(t)], [a, lambda t: np.conj(phase(t))]])
    raw = qutip.mesolve(
        H,
        qutip.coherent(12, 0.3, method="analytic").unit(),
        [0.0, 0.4, 1.0],
        [a],
        e_ops=[a],
        options={"atol": 1e-12, "rtol": 1e-10, "max_step": 1e-3},
    )
    assert np.abs(run.amplitudes[:, 0] - raw.expect[0]).max() < 1e-7


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
def test_outputs_are_as_accurate_as_steps():
    """Steps limited by stability, outputs between them: no interpolation that is worse."""
    b1, b2 = qsp.modes(2)
    f = qutip.coefficient(lambda t: 0.5 * np.cos(2 * t))
    jumps = [b1.dag(), b2.dag(), b1**2, b2**2, b1 - b2]
    system = qsp.System(0.25 * (b1.dag() * b1 - b2.dag() * b2) + f * (b1 + b1.dag()), jumps)
    times = np.linspace(0, 1, 12)
    psi = qutip.tensor(*(qutip.coherent(9, a, method="analytic").unit() for a in (0.6, 0.3j)))
    options = {"store_states": True}
    run = qsp.exactsolve(system, psi, times, cutoff=9, options=options)
    fine = qsp.exactsolve(system, psi, times, cutoff=9, options=options | {"max_step": 1e-3})
    assert (
        max(abs((x - y).full()).max() for x, y in zip(run.states, fine.states, strict=True)) < 1e-9
    )


def test_a_coefficient_that_fails_is_named_before_any_work():
    (b,) = qsp.modes(1)

    def bad(t):
        if 0.7 < t < 0.71:
            raise RuntimeError("out of paper")
        return 1.0 + 0.1 * np.sin(t)

    f = qutip.coefficient(bad)
    system = qsp.System(f * b.dag() * b, [b])
    with pytest.raises(ValueError, match=r"raised RuntimeError at t=0\.7\S*: out of paper"):
        qsp.exactsolve(system, [0.3], np.linspace(0, 2, 21), cutoff=10)


def test_a_function_of_e_ops_that_fails_keeps_the_outputs_before():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])

    def bad(t, state):
        if t > 1.05:
            raise KeyError("no such thing")
        return state.tr()

    for method in ("density",):
        with pytest.raises(RightHandSideError, match="no such thing") as caught:
            qsp.exactsolve(
                system,
                [0.3],
                np.linspace(0, 3, 31),
                cutoff=10,
                e_ops=bad,
                options={"method": method},
            )
        part = caught.value.result
        assert len(part.times) == 11
        assert len(part.e_data[0]) == 11
        # where it failed, as in every other run
        assert caught.value.time == pytest.approx(1.1)


def test_one_output_time():
    (b,) = qsp.modes(1)
    run = qsp.exactsolve(qsp.System(b.dag() * b, [b]), [0.3], [1.0], cutoff=10)
    assert run.amplitudes.shape == (1, 1)
    assert run.amplitudes[0, 0] == pytest.approx(0.3, abs=1e-8)
    closed = qsp.exactsolve(qsp.System(b.dag() * b), [0.3], [1.0], cutoff=10)
    assert closed.amplitudes[0, 0] == pytest.approx(0.3, abs=1e-8)


def test_every_unit_of_time():
    """Rates times 1e6 and times 1e-12: the same run."""
    (b,) = qsp.modes(1)
    runs = []
    for unit in (1.0, 1e6, 1e-12, 1e-14):
        system = qsp.System(
            unit * (0.5 * b.dag() * b + 0.3 * (b + b.dag())),
            [unit**0.5 * b, (0.2 * unit) ** 0.5 * b.dag()],
        )
        times = np.linspace(0, 5, 11) / unit
        runs.append(qsp.exactsolve(system, [0.4], times, cutoff=18).normal[:, 0, 0])
    for run in runs[1:]:
        assert np.abs(run - runs[0]).max() < 1e-10


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_trajectories_in_every_unit(unit):
    """R10: an absolute tolerance for the moment of a jump made ⟨n⟩ wrong by .28 at rate 1e6."""
    (b,) = qsp.modes(1)
    system = qsp.System(0 * b, [unit**0.5 * b])
    run = qsp.exactsolve(
        system,
        qutip.fock(6, 3),
        np.linspace(0, 1.5, 4) / unit,
        cutoff=6,
        options={"method": "mcsolve", "ntraj": 300, "seed": 5},
    )
    n = 3 * np.exp(-np.linspace(0, 1.5, 4))
    assert np.abs(run.normal[:, 0, 0] - n).max() < 5 * np.sqrt(0.75 / 300)


@pytest.mark.parametrize("kind", ["drive", "turning drive", "drive alone", "jumps", "ket"])
def test_dense_operators_that_depend_on_time(monkeypatch, kind):
    """As many shifts as levels: products of dense matrices serve, and QuTiP agrees."""
    monkeypatch.setattr(liouvillian, "_MOST_TERMS", 0)
    rng, (s,) = np.random.default_rng(0), qsp.levels(5)
    f = qutip.coefficient(lambda t: np.cos(1.3 * t))
    turning = qutip.coefficient(lambda t: np.exp(1.3j * t))

    def dense():
        m = rng.standard_normal((5, 5)) + 1j * rng.standard_normal((5, 5))
        return sum(complex(m[i, j]) * s[i, j] for i in range(5) for j in range(5))

    X, Y, A = dense(), dense(), 0.3 * dense()
    H, moving = X + X.dag(), f * (Y + Y.dag())
    H, jumps = {
        "drive": (H + moving, [A]),
        "turning drive": (H + turning * Y + (turning * Y).dag(), [A]),
        "drive alone": (moving, [f * A]),
        "jumps": (H, [f * A, 0.2 * A.dag() + turning * (0.3 * Y)]),
        "ket": (H + moving, []),
    }[kind]
    system, psi, times = qsp.System(H, jumps), qutip.rand_ket(5, seed=1), np.linspace(0, 2, 5)
    run = qsp.exactsolve(system, psi, times, options={"store_states": True})
    assert run.stats["method"] == ("density" if jumps else "ket")
    fine = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 10**6, "method": "vern9"}
    H, c_ops = system.qutip()
    raw = qutip.mesolve(H, psi.proj(), times, c_ops, options=fine)
    for x, y in zip(run.states, raw.states, strict=True):
        x = x.proj() if x.isket else x
        assert abs((x - y).full()).max() < 1e-9


@pytest.mark.parametrize("method", ["auto", "density", "trajectories", "mesolve"])
def test_a_pulse_after_a_long_quiet_is_seen_by_every_method(method):
    """⟨b⟩ of a damped mode that is driven from t=50 to 50.3 of 100."""
    (b,) = qsp.modes(1)
    system = qsp.System((lambda t: float(50 <= t < 50.3)) * (b + b.dag()), [0.1 * b])
    options = {"method": method}
    if method == "trajectories":
        options |= {"ntraj": 20, "seed": 1}
    run = qsp.exactsolve(system, [0.0], [0.0, 100.0], cutoff=8, e_ops=[b], options=options)
    right = -1j * (np.exp(-0.005 * 49.7) - np.exp(-0.005 * 50)) / 0.005
    # coherent states stay coherent: jumps change nothing
    np.testing.assert_allclose(run.expect[0][-1], right, rtol=1e-5)
