"""Windows in which coefficients are polynomials of time: closed forms, QuTiP, and what is no
polynomial.
"""

import itertools

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.exact.driven import DrivenStepper
from qsyncplug.exact.liouvillian import Liouvillian

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")

FINE = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 10**7, "progress_bar": "", "max_step": 0.01}


def worst(run, raw):
    return max(abs((x - y).full()).max() for x, y in zip(run.states, raw.states, strict=True))


def driven(f, *, frequency=0.4, loss=1.0, gain=0.0, two=3.0):
    """⟨b⟩ has a closed form without the two-quantum loss, whose rate makes the generator stiff."""
    (b,) = qsp.modes(1)
    jumps = [loss**0.5 * b, *([gain**0.5 * b.dag()] if gain else []), two**0.5 * b**2]
    return qsp.System(frequency * b.dag() * b + f * (b + b.dag()), jumps)


def amplitudes(shape, times, *, frequency=0.4, loss=1.0):
    """β' = −(iω+κ/2)β − i f(t), β(0)=0, by quadrature on 20 Gauss points an interval."""
    x, w = np.polynomial.legendre.leggauss(20)
    out, beta = [0j], 0j
    rate = 1j * frequency + loss / 2
    for t0, t1 in itertools.pairwise(times):
        s = t0 + (t1 - t0) * (x + 1) / 2
        kernel = np.exp(-rate * (t1 - s)) * np.array([shape(u) for u in s])
        beta = beta * np.exp(-rate * (t1 - t0)) - 1j * (t1 - t0) / 2 * np.dot(w, kernel)
        out.append(beta)
    return np.array(out)


@pytest.mark.parametrize(
    "shape",
    [
        lambda t: 0.3 * np.cos(2 * t),
        lambda t: 0.2 * t * np.exp(-t),
        lambda t: 0.05 * (1 + 0.2 * t - 0.01 * t**3),
        lambda t: 0.4 / np.cosh(t - 3),
    ],
)
def test_linear_drives_by_quadrature(shape):
    """A detector level that decays fast beside the mode makes the generator stiff."""
    (b,), (s,) = qsp.modes(1), qsp.spins(1)
    f = qutip.coefficient(lambda t: float(shape(t)))
    H = 0.4 * b.dag() * b + f * (b + b.dag())
    system = qsp.System(H, [b, 20.0 * s.m])
    times = np.linspace(0, 6, 31)
    run = qsp.exactsolve(system, {b: 0.0, s: (0.3, 0.0)}, times, cutoff=14)
    assert "Chebyshev" in run.stats["integrator"]
    assert np.abs(run.amplitudes[:, 0] - amplitudes(shape, times)).max() < 3e-10


def test_windows_serve_a_stiff_pair():
    """Far fewer products than steps would take, and the same states."""
    b1, b2 = qsp.modes(2)
    f = qutip.coefficient(lambda t: 0.5 * np.cos(2 * t))
    jumps = [b1.dag(), b2.dag(), b1**2, b2**2, b1 - b2]
    system = qsp.System(0.25 * (b1.dag() * b1 - b2.dag() * b2) + f * (b1 + b1.dag()), jumps)
    times = np.linspace(0, 2, 9)
    psi = qutip.tensor(*(qutip.coherent(8, a, method="analytic").unit() for a in (0.6, 0.3j)))
    run = qsp.exactsolve(system, psi, times, cutoff=8, options={"store_states": True})
    H, c_ops = system.qutip(8)
    raw = qutip.mesolve(H, qutip.ket2dm(psi), times, c_ops, options=FINE | {"method": "vern9"})
    assert run.stats["integrator"] == "Chebyshev"
    assert run.stats["right-hand sides"] < 600
    assert worst(run, raw) < 2e-11


@pytest.mark.parametrize("method", ["density", "sectors"])
def test_complex_coefficients_and_rates_in_time(method):
    """A hopping with a phase that turns, and a loss that breathes; symmetric, so that sectors
    serve.
    """
    b1, b2 = qsp.modes(2)
    f = qutip.coefficient(lambda t: 0.4 * np.exp(0.7j * t))
    g = qutip.coefficient(lambda t: 1.0 + 0.3 * np.sin(t))
    H = 0.2 * b1.dag() * b1 + f * b1.dag() * b2 + (f * b1.dag() * b2).dag()
    system = qsp.System(H, [g * b1**2, 2.0 * b2**2, 0.5 * b1.dag(), b2])
    times = np.linspace(0, 3, 7)
    n = 7
    run = qsp.exactsolve(system, [0.6, 0.3j], times, cutoff=n, options={"method": method})
    a1 = qutip.tensor(qutip.destroy(n), qutip.qeye(n))
    a2 = qutip.tensor(qutip.qeye(n), qutip.destroy(n))
    H = [
        0.2 * a1.dag() * a1,
        [a1.dag() * a2, lambda t: 0.4 * np.exp(0.7j * t)],
        [a2.dag() * a1, lambda t: 0.4 * np.exp(-0.7j * t)],
    ]
    c_ops = [[a1**2, lambda t: 1.0 + 0.3 * np.sin(t)], 2.0 * a2**2, 0.5 * a1.dag(), a2]
    psi = qutip.tensor(*(qutip.coherent(n, a, method="analytic").unit() for a in (0.6, 0.3j)))
    e_ops = [a1.dag() * a1, a2, a1.dag() * a2]
    raw = qutip.mesolve(H, psi, times, c_ops, e_ops=e_ops, options=FINE | {"method": "vern9"})
    assert "Chebyshev" in run.stats["integrator"]
    assert np.abs(run.normal[:, 0, 0] - raw.expect[0]).max() < 1e-10
    assert np.abs(run.amplitudes[:, 1] - raw.expect[1]).max() < 1e-10
    assert np.abs(run.normal[:, 0, 1] - raw.expect[2]).max() < 1e-10


def test_kets_with_a_slow_sweep():
    """Landau–Zener in a large spin: the windows hold kets as well."""
    (s,) = qsp.spins(60)
    f = qutip.coefficient(lambda t: 0.4 * (t - 5.0))
    system = qsp.System(f * s.z + 0.5 * s.x + 0.02 * s.z**2)
    times = np.linspace(0, 10, 11)
    psi = qutip.spin_state(30, 30)
    run = qsp.exactsolve(system, psi, times, options={"store_states": True})
    H, _ = system.qutip()
    raw = qutip.sesolve(H, psi, times, options=FINE | {"method": "vern9", "store_states": True})
    assert "Chebyshev" in run.stats["integrator"]
    assert worst(run, raw) < 1e-9


def kink(t):
    return 0.3 * np.cos(t) + 0.2 * abs(t - 1.2345)


def jump(t):
    return 0.3 * np.cos(t) + (0.4 if t >= 1.2345 else 0.0)


def needle(t):
    """Ten looks wide, on top of something that always moves."""
    return 0.3 * np.cos(t) + 8.0 * np.exp(-(((t - 2.345) / 0.004) ** 2))


@pytest.mark.parametrize("shape, at", [(kink, 1.2345), (jump, 1.2345), (needle, 2.345)])
def test_what_is_no_polynomial(shape, at):
    """Kinks, jumps and needles on top of a smooth drive: nothing is averaged over."""
    (b,), (s,) = qsp.modes(1), qsp.spins(1)
    f = qutip.coefficient(lambda t: float(shape(t)))
    system = qsp.System(0.4 * b.dag() * b + f * (b + b.dag()), [b, 20.0 * s.m])
    times = np.linspace(0, 5, 26)
    run = qsp.exactsolve(system, {b: 0.0, s: (0.3, 0.0)}, times, cutoff=14)
    near = at + np.array([-0.03, -0.015, -0.006, 0, 0.006, 0.015, 0.03])
    fine = np.unique(np.concatenate([times, near]))
    want = amplitudes(shape, fine)[np.isin(fine, times)]
    assert np.abs(run.amplitudes[:, 0] - want).max() < 2e-8


def test_parts_are_the_generator():
    """L_0 + Σ f_l L_l is L at any time, in the gauge of the whole."""
    n = 5
    a = qutip.tensor(qutip.destroy(n), qutip.qeye(n))
    b = qutip.tensor(qutip.qeye(n), qutip.destroy(n))
    turns = [[a.dag() * b, lambda t: np.exp(1j * t)], [b.dag() * a, lambda t: np.exp(-1j * t)]]
    H = qutip.QobjEvo([a.dag() * a, *turns])
    c_ops = [qutip.QobjEvo([[a**2, lambda t: 1 + 0.5 * np.cos(t)]]), b, a.dag()]
    L = Liouvillian(H, c_ops, real=False)
    rows = L.hermitian()
    rng = np.random.default_rng(1)
    m = rng.standard_normal((n * n, n * n)) + 1j * rng.standard_normal((n * n, n * n))
    x = rows.pack(m + m.conj().T)
    by_factor = L.by_factor()
    for t in (0.0, 0.7, 2.9):
        factors = L.factors(t)
        rows.kernel.set_factors(factors)
        total = np.zeros_like(x)
        for q, (real, turned) in by_factor.items():
            total += factors[q].real * real.hermitian().kernel.apply(x)
            total += factors[q].imag * turned.hermitian().kernel.apply(x)
        assert np.abs(total - rows.kernel.apply(x)).max() < 1e-12 * np.abs(total).max()


def test_a_jump_operator_of_several_functions_is_left_to_steps():
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: 0.3 * np.cos(t))
    system = qsp.System(b.dag() * b, [2.0 * b + f * b.dag()])
    H, c_ops = system.qutip(8)
    assert Liouvillian(H, c_ops).by_factor() is None
    times = np.linspace(0, 2, 5)
    run = qsp.exactsolve(system, [0.5], times, cutoff=8, options={"store_states": True})
    psi = qutip.coherent(8, 0.5, method="analytic").unit()
    raw = qutip.mesolve(H, psi, times, c_ops, options=FINE | {"method": "vern9"})
    assert run.stats["integrator"] == "dop853"
    assert worst(run, raw) < 1e-9


def test_a_stopped_run_of_windows_goes_on():
    """Snapshot and restore between two windows: the same numbers."""
    b1, b2 = qsp.modes(2)
    f = qutip.coefficient(lambda t: 0.5 * np.cos(2 * t))
    system = qsp.System(f * (b1 + b1.dag()) + b2.dag() * b2, [b1**2, b2**2, b1 - b2, b1.dag()])
    H, c_ops = system.qutip(7)
    times = np.linspace(0, 4, 41)
    L = Liouvillian(H, c_ops)
    rows = L.hermitian()
    x = rows.pack(qutip.ket2dm(qutip.basis([7, 7], [2, 1])).full())

    def stepper():
        shared = {"rtol": 1e-10, "atol": 1e-12, "max_step": np.inf, "states": True}
        return DrivenStepper(L.hermitian(), x, times, readout=None, **shared)

    whole = [w.rows for w in stepper().advance(times) if len(w.times)]
    first, parts = stepper(), []
    for window in first.advance(times):
        parts.append(window.rows)
        if first.t > 1.5:
            break
    second = stepper()
    second.restore(first.snapshot())
    done = sum(len(p) for p in parts)
    parts += [w.rows for w in second.advance(times[done:]) if len(w.times)]
    assert 0 < done < len(times)
    assert np.abs(np.concatenate(parts) - np.concatenate(whole)).max() < 1e-13
