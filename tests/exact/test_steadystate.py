"""Exact steady states: reference numbers, closed forms, QuTiP's own solver, refusals."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import qutip
from scipy.special import hyp1f1, poch

import qsyncplug as qsp
from qsyncplug.core.errors import CutoffWarning, SolverError
from qsyncplug.exact import nullspace, steady, whole
from qsyncplug.exact.liouvillian import Liouvillian
from qsyncplug.exact.problem import exact_problem
from qsyncplug.exact.resolvent import gmres
from tests.systems import boson_reference as ref


def quiet_steadystate(system, cutoff):
    """At cut-offs that are too low on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        return qsp.steadystate(system, cutoff=cutoff)


def residual(system, rho):
    """‖𝓛ρ‖ with QuTiP's operators."""
    H, c_ops = system.qutip(rho.dims[0])
    out = -1j * (H * rho - rho * H)
    for c in c_ops:
        out = out + c * rho * c.dag() - 0.5 * (c.dag() * c * rho + rho * c.dag() * c)
    return abs(out.full()).max()


def assert_state(rho, dims):
    assert rho.dims == [dims, dims]
    assert abs(rho.tr() - 1) < 1e-12
    assert rho.isherm
    assert rho.eigenenergies().min() > -1e-12


def test_dissipatively_coupled_pair():
    """n, coherence and its phase at Δ=.5, all rates 1: twelve digits known."""
    system = qsp.van_der_pol_pair(gain=1, loss=1, detuning=0.5, coherent=0, dissipative=1)
    rho = qsp.steadystate(system, cutoff=18)
    assert_state(rho, [18, 18])
    a1, a2 = ref.destroy((18, 18))
    n1, n2 = qutip.expect(a1.dag() * a1, rho), qutip.expect(a2.dag() * a2, rho)
    z = qutip.expect(a1.dag() * a2, rho) / np.sqrt(n1 * n2)
    assert n1 == pytest.approx(0.793634248561, abs=2e-11)
    assert n2 == pytest.approx(0.793634248561, abs=2e-11)
    assert abs(z) == pytest.approx(0.508760066158, abs=2e-11)
    assert abs(np.angle(z)) == pytest.approx(0.285637852789, abs=2e-11)
    # b1 rotates as e^{−iΔt/2}, b2 as e^{+iΔt/2}: b2 leads, so arg⟨b1†b2⟩ > 0
    assert np.angle(z) > 0
    assert abs(qutip.expect(a1, rho)) < 1e-14
    # and so says the view
    view = qsp.synchronization([rho], modes=[a1, a2])
    z = view.correlations[0, 0, 1]
    assert abs(z) == pytest.approx(0.508760066158, abs=2e-11)
    assert np.angle(z) == pytest.approx(0.285637852789, abs=2e-11)
    np.testing.assert_allclose(view.masses[0], 0.793634248561, atol=2e-11)


def test_coherently_coupled_pair():
    """No coherence by symmetry; the second order is known."""
    system = qsp.van_der_pol_pair(gain=1, loss=1, detuning=0.5, coherent=0.5, dissipative=0)
    rho = qsp.steadystate(system, cutoff=18)
    a1, a2 = ref.destroy((18, 18))
    assert abs(qutip.expect(a1.dag() * a2, rho)) < 1e-11
    square = qutip.expect(a1.dag() ** 2 * a2**2, rho)
    norm = np.sqrt(
        qutip.expect(a1.dag() ** 2 * a1**2, rho) * qutip.expect(a2.dag() ** 2 * a2**2, rho)
    )
    assert square / norm == pytest.approx(0.042261629476 + 0.015713334507j, abs=2e-11)


@pytest.mark.parametrize("g1, g2", [(1.0, 1.0), (2.0, 0.5), (0.3, 1.0), (1.0, 0.25)])
def test_populations_of_one_van_der_pol_oscillator(g1, g2):
    """p_n = rⁿ/(r)_n · ₁F₁(1+n; r+n; r)/₁F₁(1; r; 2r), r=g1/g2.

    The generating function G(z)=Σp_nzⁿ obeys g1(z−1)(zG)' + g2(1−z²)G'' = 0; with s=r(1+z) that is
    Kummer's equation sG'' + (r−s)G' − G = 0.
    """
    (b,) = qsp.modes(1)
    size = 45
    rho = qsp.steadystate(
        qsp.System(0.7 * b.dag() * b, [g1**0.5 * b.dag(), g2**0.5 * b**2]), cutoff=size
    )
    r, n = g1 / g2, np.arange(size)
    want = r**n / poch(r, n) * hyp1f1(1 + n, r + n, r) / hyp1f1(1, r, 2 * r)
    np.testing.assert_allclose(rho.diag(), want, atol=1e-13)
    assert abs(rho.full() - np.diag(rho.diag())).max() < 1e-14


def test_deep_quantum_limit():
    """g2 → ∞: only levels 0 and 1 (and 2 on the way) hold p0=2/3, p1=1/3."""
    (b,) = qsp.modes(1)
    rho = qsp.steadystate(qsp.System(0 * b, [b.dag(), 1e5 * b**2]), cutoff=8)
    np.testing.assert_allclose(rho.diag()[:2], [2 / 3, 1 / 3], atol=1e-9)


@pytest.mark.parametrize("nbar", [0.1, 1.0])
def test_thermal_oscillator(nbar):
    (b,) = qsp.modes(1)
    size = 60
    rho = qsp.steadystate(
        qsp.System(b.dag() * b, [(nbar + 1) ** 0.5 * b, nbar**0.5 * b.dag()]), cutoff=size
    )
    x = nbar / (nbar + 1)
    np.testing.assert_allclose(
        rho.diag(), (1 - x) / (1 - x**size) * x ** np.arange(size), atol=1e-13
    )


def test_driven_oscillator_is_coherent():
    """No symmetry: α=−iε/(iω+κ/2)."""
    (b,) = qsp.modes(1)
    w, kappa, eps = 0.4, 1.0, 0.3 + 0.2j
    rho = qsp.steadystate(
        qsp.System(w * b.dag() * b + eps * b.dag() + np.conj(eps) * b, [kappa**0.5 * b]),
        cutoff=25,
    )
    alpha = -1j * eps / (1j * w + kappa / 2)
    want = qutip.coherent(25, alpha, method="analytic").proj()
    assert abs((rho - want).full()).max() < 1e-12


def test_vacuum():
    b1, b2 = qsp.modes(2)
    rho = qsp.steadystate(qsp.System(b1.dag() * b2 + b2.dag() * b1, [b1, 0.3 * b2]), cutoff=4)
    assert abs((rho - qutip.fock_dm([4, 4], [0, 0])).full()).max() < 1e-13


def systems():
    b1, b2 = qsp.modes(2)
    (b,) = qsp.modes(1)
    weighted = b1.dag() ** 2 * b2
    return {
        "pair": (qsp.van_der_pol_pair(coherent=0.3, gain=(1, 0.6)), (5, 4)),
        "independent phases": (qsp.van_der_pol_pair(dissipative=0), (5, 5)),
        "weighted charge": (
            qsp.System(
                weighted + weighted.dag() + 0.3 * b1.dag() * b1, [b1.dag(), 1.5 * b1**2, b2]
            ),
            (6, 4),
        ),
        "drive": (
            qsp.System(0.4 * (b + b.dag()) + 0.5 * b.dag() ** 2 * b**2, [b.dag(), b**2]),
            (9,),
        ),
        "squeezing": (qsp.System(0.3 * b1 * b2 + 0.3 * (b1 * b2).dag(), [b1, b2]), (5, 5)),
        "one driven of two": (
            qsp.System(
                0.3 * (b1 + b1.dag()) + 0.5 * b1.dag() * b1 * b2.dag() * b2, [b1, b2.dag(), 2 * b2]
            ),
            (5, 4),
        ),
        "a jump that mixes charges": (
            qsp.System(b.dag() * b, [b + 0.3 * b.dag() * b + 0.2j]),
            (9,),
        ),
    }


@pytest.mark.parametrize("name", list(systems()))
def test_against_qutip(name):
    """At low cut-offs, symmetric and not: the truncated problem itself is compared."""
    system, levels = systems()[name]
    rho = quiet_steadystate(system, levels)
    H, c_ops = system.qutip(levels)
    want = qutip.steadystate(H, c_ops, method="direct", solver="solve", sparse=False)
    assert abs((rho - want).full()).max() < 1e-10
    assert_state(rho, list(levels))
    assert residual(system, rho) < 1e-12


def test_a_slow_direction_is_not_taken_for_a_second_steady_state():
    """Gap about 1e-4, still unique."""
    (b,) = qsp.modes(1)
    alpha = 1.0
    system = qsp.System(0 * b, [b**2 - alpha**2, 1e-2 * b])
    rho = quiet_steadystate(system, 14)
    H, c_ops = system.qutip(14)
    want = qutip.steadystate(H, c_ops, method="direct", solver="solve", sparse=False)
    assert abs((rho - want).full()).max() < 1e-9


@pytest.mark.parametrize(
    "name",
    [
        "no jumps",
        "dephasing",
        "two-photon loss",
        "an idle mode",
        "cat states",
        "idle mode with energy",
        "relative mode only",
        "parity with gain",
        "dephasing of levels",
    ],
)
def test_steady_states_that_are_not_unique(name):
    b1, b2 = qsp.modes(2)
    (b,) = qsp.modes(1)
    (s,) = qsp.levels(3)
    # rounding leaves rates of 1e-18 between the populations
    dephasing = [(0.09 + 0.16j) * s[1, 1] + (-0.03 + 0.137j) * s[2, 2]]
    system = {
        "no jumps": qsp.System(b.dag() * b),
        "dephasing": qsp.System(b.dag() * b, [b.dag() * b]),
        "two-photon loss": qsp.System(b.dag() * b, [b**2]),
        "an idle mode": qsp.System(0 * b1, [b1]),
        "idle mode with energy": qsp.System(b1.dag() * b1 + 0.4 * b2.dag() * b2, [b1]),
        "cat states": qsp.System(0 * b, [b**2 - 1]),
        "relative mode only": qsp.System(0 * b1, [b1 - b2]),
        "parity with gain": qsp.System(0 * b, [0.5 * b.dag() ** 2, b**2]),
        "dephasing of levels": qsp.System(0.6 * s[1, 1] + 0.64 * s[2, 2], dephasing),
    }[name]
    with pytest.raises((ValueError, SolverError), match=r"(?i)unique|several|singular|no jump"):
        quiet_steadystate(system, 12 if system.n == 1 else 5)


def test_time_dependent_models_are_refused():
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: np.cos(t))
    with pytest.raises(ValueError, match=r"(?i)time"):
        qsp.steadystate(qsp.System(f * (b + b.dag()), [b]), cutoff=5)


def test_bad_arguments():
    with pytest.raises(TypeError, match="System"):
        qsp.steadystate(3, cutoff=4)
    for bad in (1, (3,), 2.5, None, "4"):
        with pytest.raises((ValueError, TypeError), match="cutoff"):
            qsp.steadystate(qsp.van_der_pol_pair(), cutoff=bad)


def test_warning_names_a_cutoff_that_suffices():
    import re

    system = qsp.van_der_pol_pair(gain=(1, 0.8), loss=(1.5, 1))
    cutoff = 7
    for _ in range(4):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            qsp.steadystate(system, cutoff=cutoff)
        if not seen:
            break
        text = str(seen[0].message)
        assert issubclass(seen[0].category, CutoffWarning)
        asked = re.search(r"cutoff=(\(?[\d, ]+\)?)", text)
        assert asked, text
        new = eval(asked.group(1))
        assert np.max(new) > np.max(cutoff)
        cutoff = new
    else:
        raise AssertionError("the suggestions do not come to an end")
    rho = qsp.steadystate(system, cutoff=cutoff)
    top = [rho.ptrace(k).diag()[-1] for k in (0, 1)]
    assert max(top) <= 1e-6
    # not absurdly high either
    assert np.max(cutoff) <= 40


def test_unstable_models_do_not_return_quietly():
    """More gain than loss, nothing nonlinear: any cut-off holds only an artefact."""
    (b,) = qsp.modes(1)
    with pytest.warns(CutoffWarning):
        qsp.steadystate(qsp.System(b.dag() * b, [1.2 * b.dag(), b]), cutoff=20)


MEMORY = """
import resource, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
import qsyncplug as qsp

def system():
    b1, b2 = qsp.modes(2)
    H = 0.25 * (b1.dag() * b1 - b2.dag() * b2) + 0.5 * (b1 + b1.dag())
    return qsp.System(H, [b1.dag(), b2.dag(), b1**2, b2**2, b1 - b2])

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

qsp.steadystate(system(), cutoff=4)
before = peak()
rho = qsp.steadystate(system(), cutoff=int(sys.argv[1]))
populations = rho.ptrace(0).diag()
print(peak() - before, populations @ np.arange(len(populations)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("cutoff", [16, 25])
def test_memory_of_a_driven_pair(cutoff):
    """At 25² QuTiP's Liouvillian has 4e5 rows; spec: below 500 MB, and n1=.977853142…"""
    command = [sys.executable, "-c", MEMORY, str(cutoff)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    memory, n1 = map(float, done.stdout.split())
    print(f"steady state {cutoff}²: {memory:.0f} MB above the start")
    assert memory < (150 if cutoff == 16 else 500)
    assert n1 == pytest.approx(0.97785314265, abs=1e-10)


@pytest.mark.parametrize("kind", [float, complex])
def test_vectors_in_single_precision_cost_no_digits(kind):
    rng = np.random.default_rng(3)
    A = np.eye(60) + 0.05 * rng.standard_normal((60, 60)).astype(kind)
    if kind is complex:
        A = A + 0.05j * rng.standard_normal((60, 60))
    b = rng.standard_normal(60).astype(kind)
    found = gmres(lambda x: A @ x, b, tolerance=1e-14 * np.linalg.norm(b), compact=True)
    assert found.residual < 1e-13 * np.linalg.norm(b)
    np.testing.assert_allclose(found.x, np.linalg.solve(A, b), atol=1e-12)
    # of a system that no cycle gains anything from
    none = gmres(lambda x: 0 * x, b, tolerance=1e-14, compact=True)
    assert none.residual == pytest.approx(np.linalg.norm(b))


@pytest.mark.parametrize("fast, slow, single", [(1, 1e-3, 1), (1, 1e-3, 0), (1e3, 3e-2, 0)])
def test_rates_a_million_times_apart(monkeypatch, fast, slow, single):
    """A driven mode and a thermal one that hardly moves: a small residual alone says nothing of it,
    and starts that differ still are no two steady states.
    """
    monkeypatch.setattr(whole, "_SINGLE", 0 if single else 10**9)
    a, b = qsp.modes(2)
    drive = 0.3 * fast**2
    system = qsp.System(drive * (a + a.dag()), [fast * a, slow * b, 0.5 * slow * b.dag()])
    rho = quiet_steadystate(system, 8).full()
    low = qutip.destroy(8)
    driven = qutip.steadystate(drive * (low + low.dag()), [fast * low]).full()
    thermal = 0.25 ** np.arange(8)
    expected = np.kron(driven, np.diag(thermal / thermal.sum()))
    assert np.abs(rho - expected).max() < 2e-8


def test_a_slow_system_that_iterations_leave_open_is_factorised():
    """Double precision ends with a residual of 10⁻¹¹, which left an error of 10⁻⁶ in the state."""
    a, b = qsp.modes(2)
    exchange = 1e-3 * (a.dag() * b + b.dag() * a)
    system = qsp.System(0.3 * (a + a.dag()) + exchange, [a, 1e-3 * b])
    rho = quiet_steadystate(system, [8, 8])
    assert residual(system, rho) < 1e-15


def test_a_state_too_large_is_refused_before_its_operators_are_made(monkeypatch):
    """Two modes of K levels, conserved phase: Σ n² elements over the charges, 2K³/3."""
    monkeypatch.setattr("qsyncplug.core.checks.available_memory", lambda: 2**30)
    monkeypatch.setattr(qsp.System, "qutip", lambda *_: pytest.fail("operators were made"))
    with pytest.raises(qsp.core.errors.MemoryLimitError, match=r"a state of 5.3e\+08 elements"):
        qsp.steadystate(qsp.van_der_pol_pair(), cutoff=929)


def test_a_driven_state_that_does_not_fit_is_refused_before_its_kernel_is_made(monkeypatch):
    """A state of 61 MiB would fit; what the iterations keep would not."""
    monkeypatch.setattr("qsyncplug.core.checks.available_memory", lambda: 2**27)
    monkeypatch.setattr(Liouvillian, "hermitian", lambda *_: pytest.fail("the kernel was made"))
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b + b + b.dag(), [b])
    for call in (qsp.steadystate, lambda s, cutoff: qsp.spectrum(s, b, cutoff=cutoff)):
        with pytest.raises(qsp.core.errors.MemoryLimitError, match="of 2000 levels needs about"):
            call(system, cutoff=2000)


@pytest.mark.parametrize("cutoff", [np.ma.masked, np.array(8.5), np.ma.array([8], mask=[1])])
def test_cutoffs_that_are_no_numbers_are_named(cutoff):
    (b,) = qsp.modes(1)
    with pytest.raises(TypeError, match="cutoff must be an integer, not"):
        qsp.steadystate(qsp.System(b.dag() * b, [b]), cutoff=cutoff)


@pytest.mark.filterwarnings("error")
def test_thousands_of_levels_of_one_mode_are_a_rate_equation():
    """A thermal mode: n falls by 3, ⟨n⟩=1/3. Iterations said that it has no unique steady state."""
    (b,) = qsp.modes(1)
    s = qsp.spectrum(qsp.System(0.5 * b.dag() * b, [b.dag(), 2 * b]), b, cutoff=4500)
    assert s.frequency == pytest.approx(0.5, rel=1e-12)
    assert s.linewidth == pytest.approx(3, rel=1e-11)
    assert s.power == pytest.approx(1 / 3, rel=1e-12)


def test_iterations_that_do_not_converge_say_so(monkeypatch):
    """And are followed by a factorisation where that is not too large."""
    monkeypatch.setattr(nullspace, "_CYCLES", 1)
    monkeypatch.setattr(nullspace, "_RESTART", 5)
    pair = qsp.van_der_pol_pair(loss=1.0, detuning=0.3, dissipative=0.5)
    a, b = pair.nodes
    with pytest.warns(qsp.CutoffWarning):
        rho = qsp.steadystate(pair, cutoff=8)
        monkeypatch.setattr(steady, "_DIRECT", 10)
        again = qsp.steadystate(pair, cutoff=8)
    assert abs(qsp.expect(a.dag() * b, rho) - qsp.expect(a.dag() * b, again)) < 1e-12
    monkeypatch.setattr(steady, "_LAST_RESORT", 10)
    with pytest.raises(SolverError, match="did not converge") as caught:
        qsp.steadystate(pair, cutoff=8)
    assert caught.value.reason == "not converged"


def test_elements_of_an_order_are_those_whose_charges_differ_by_it():
    pair = qsp.van_der_pol_pair(loss=1.0, detuning=0.3, dissipative=0.5)
    problem = exact_problem(pair, (3, 4))
    total = np.add.outer(np.arange(3), np.arange(4)).ravel()
    for order in (-2, 0, 1, 9):
        want = np.flatnonzero(total[:, None] - total[None, :] == order)
        # the charge may be counted with either sign
        found = problem.elements((order * int(np.sign(problem.charges[-1, 0])),))
        np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(problem.elements(None), np.arange(144))


def test_slow_rates_beside_a_fast_dephasing():
    """Dephasing changes no population, and its rounding none: a mode with a loss of .01 and a gain
    of .001 is the geometric one whatever the dephasing. It had "no unique steady state".
    """
    (b,) = qsp.modes(1)
    jumps = [0.1 * b, np.sqrt(1e-3) * b.dag(), 1e4 * b.dag() * b]
    rho = qsp.steadystate(qsp.System(0.3 * b.dag() * b, jumps), cutoff=30)
    want = 0.1 ** np.arange(30)
    np.testing.assert_allclose(rho.diag(), want / want.sum(), rtol=1e-12, atol=1e-14)


def test_what_rounding_leaves_of_a_slow_rate_is_no_steady_state():
    """Two halves of a space that exchange so little that only more digits would tell their
    weights: the weights 1:3 came as others, or an answer of nobody knows what accuracy.
    """
    for slow in (1e-4, 1e-13):
        H = qutip.Qobj(np.kron(np.eye(2), [[0.4, 1e3], [1e3, -0.4]]))
        c_ops = [
            qutip.Qobj(np.kron(np.eye(2), [[0, 30.0], [0, 0]])),
            np.sqrt(3 * slow) * qutip.Qobj(np.kron([[0, 0], [1.0, 0]], np.eye(2))),
            np.sqrt(slow) * qutip.Qobj(np.kron([[0, 1.0], [0, 0]], np.eye(2))),
        ]
        if slow == 1e-13:
            with pytest.raises(SolverError, match=r"not unique, or its slowest rate.*state0"):
                qsp.steadystate((H, c_ops))
        else:
            weights = qsp.steadystate((H, c_ops)).diag().reshape(2, 2).sum(axis=1)
            np.testing.assert_allclose(weights, [0.25, 0.75], atol=1e-8)
