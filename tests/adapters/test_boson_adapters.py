"""One physical state, the same numbers through every adapter."""

import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import CutoffWarning, MissingFieldError

TIMES = [0.0, 0.3, 0.8]
LEVELS = (9, 7)
FIELDS = ("mean", "covariance", "masses", "correlations")
TIGHT = {"method": "vern9", "atol": 1e-13, "rtol": 1e-11, "store_states": True}


def operators(levels):
    return [
        qutip.tensor([qutip.destroy(d) if j == k else qutip.qeye(d) for j, d in enumerate(levels)])
        for k in range(len(levels))
    ]


def system():
    return qsp.van_der_pol_pair(
        gain=(0.2, 0.3), loss=(1.0, 1.3), detuning=0.6, coherent=0.25, dissipative=0.5
    )


def start():
    return qutip.tensor(
        qutip.coherent(LEVELS[0], 0.6, method="analytic").unit(),
        qutip.coherent(LEVELS[1], 0.3j, method="analytic").unit(),
    )


def physics(a1, a2):
    n1, n2 = a1.dag() * a1, a2.dag() * a2
    H = 0.3 * (n1 - n2) + 0.25 * (a1.dag() * a2 + a2.dag() * a1)
    return H, [
        0.2**0.5 * a1.dag(),
        0.3**0.5 * a2.dag(),
        a1**2,
        1.3**0.5 * a2**2,
        0.5**0.5 * (a1 - a2),
    ]


@pytest.fixture(scope="module")
def run():
    """mesolve in the order (1, 2)."""
    a = operators(LEVELS)
    H, c_ops = physics(*a)
    return qutip.mesolve(H, start(), TIMES, c_ops, options=TIGHT)


@pytest.fixture(scope="module")
def view(run):
    return qsp.synchronization(run, modes=operators(LEVELS))


def exact_run(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        return qsp.exactsolve(
            system(), start(), TIMES, cutoff=LEVELS, options={"store_states": True, **options}
        )


def by_hand(states, a):
    """Moments one by one, from q=(b+b†)/√2 and p=(b−b†)/(i√2) with [b, b†]=1 put in by hand."""
    n = len(a)
    out = {name: [] for name in FIELDS}
    for s in states:
        b = np.array([qutip.expect(x, s) for x in a], dtype=complex)
        num = np.array([[qutip.expect(x.dag() * y, s) for y in a] for x in a])
        an = np.array([[qutip.expect(x * y, s) for y in a] for x in a])
        mean = np.empty(2 * n)
        mean[0::2], mean[1::2] = np.sqrt(2) * b.real, np.sqrt(2) * b.imag
        second = np.empty((2 * n, 2 * n))
        for j in range(n):
            for k in range(n):
                d = 0.5 * (j == k)
                second[2 * j, 2 * k] = an[j, k].real + num[j, k].real + d
                second[2 * j + 1, 2 * k + 1] = num[j, k].real - an[j, k].real + d
                second[2 * j, 2 * k + 1] = an[j, k].imag + num[j, k].imag
                second[2 * j + 1, 2 * k] = an[j, k].imag - num[j, k].imag
        masses = np.diag(num).real
        out["mean"].append(mean)
        out["covariance"].append(second - np.multiply.outer(mean, mean))
        out["masses"].append(masses)
        out["correlations"].append(num / np.sqrt(np.multiply.outer(masses, masses)))
    return {k: np.array(v) for k, v in out.items()}


def assert_same(view, other, atol=1e-10):
    np.testing.assert_allclose(view.times, other.times)
    for name in FIELDS:
        np.testing.assert_allclose(
            getattr(view, name), getattr(other, name), atol=atol, err_msg=name
        )


MEASURES = (
    "order_parameter",
    "complete",
    "complete_fluctuations",
    "phase_rotated",
    "phase",
    "coherence",
    "pearson",
    "mutual_information",
    "log_negativity",
    "gaussian_discord",
)


def assert_same_measures(view, other, atol=1e-9):
    for name in MEASURES:
        measure = getattr(qsp.measures, name)
        np.testing.assert_allclose(measure(view), measure(other), atol=atol, err_msg=name)


def pair_value(measured):
    """The value of a pair, whether a measure gives (T,) or (T, N, N)."""
    return measured[:, 0, 1] if measured.ndim == 3 else measured


# ---------------------------------------------------------------- the numbers themselves


def test_moments_by_hand(run, view):
    want = by_hand(run.states, operators(LEVELS))
    np.testing.assert_allclose(view.times, TIMES)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(view, name), want[name], atol=1e-12, err_msg=name)


def test_exact_result(view):
    got = qsp.synchronization(exact_run())
    assert_same(got, view, atol=1e-8)
    assert_same_measures(got, view, atol=1e-6)


def test_exact_result_without_states(view):
    got = qsp.synchronization(exact_run(store_states=False))
    assert_same(got, view, atol=1e-8)
    with pytest.raises(MissingFieldError, match=r"(?i)store_states|states"):
        _ = got.states


def test_list_of_states(run, view):
    got = qsp.synchronization(list(run.states), modes=operators(LEVELS), times=TIMES)
    assert_same(got, view)
    assert_same_measures(got, view)
    plain = qsp.synchronization(list(run.states), modes=operators(LEVELS))
    np.testing.assert_allclose(plain.times, [0, 1, 2])
    one = qsp.synchronization([run.states[1]], modes=operators(LEVELS))
    np.testing.assert_allclose(one.covariance[0], view.covariance[1], atol=1e-12)
    tuple_view = qsp.synchronization(tuple(run.states), modes=tuple(operators(LEVELS)), times=TIMES)
    assert_same(tuple_view, view)


def test_a_view_is_its_own_view(view):
    assert qsp.synchronization(view) is view


def test_modes_in_the_other_tensor_order(view):
    """Node 1 lives in the second factor."""
    swapped = operators(LEVELS[::-1])
    a = swapped[::-1]
    H, c_ops = physics(*a)
    psi = start().permute([1, 0])
    raw = qutip.mesolve(H, psi, TIMES, c_ops, options=TIGHT)
    got = qsp.synchronization(raw, modes=a)
    assert_same(got, view, atol=1e-9)
    assert_same_measures(got, view, atol=1e-7)
    # and the states of the nodes are found in their factors
    np.testing.assert_allclose(
        qsp.measures.husimi_phase(got), qsp.measures.husimi_phase(view), atol=1e-8
    )
    np.testing.assert_allclose(
        qsp.measures.wigner_negativity(got), qsp.measures.wigner_negativity(view), atol=1e-6
    )


def test_nodes_named_in_reverse(run, view):
    """modes=[a2, a1] relabels the nodes and changes nothing else."""
    a = operators(LEVELS)
    got = qsp.synchronization(run, modes=a[::-1])
    order = [2, 3, 0, 1]
    np.testing.assert_allclose(got.mean, view.mean[:, order], atol=1e-13)
    np.testing.assert_allclose(got.covariance, view.covariance[:, order][:, :, order], atol=1e-13)
    np.testing.assert_allclose(got.correlations, np.swapaxes(view.correlations, 1, 2), atol=1e-13)
    for name in ("log_negativity", "complete_fluctuations", "mutual_information"):
        measure = getattr(qsp.measures, name)
        np.testing.assert_allclose(
            pair_value(measure(got)), pair_value(measure(view)), atol=1e-10, err_msg=name
        )


@pytest.mark.parametrize("place", [0, 1, 2])
def test_with_an_ancilla(run, view, place):
    """A qubit in some other factor, even one correlated with nothing, changes no number of the
    pair.
    """
    sigma = qutip.Qobj([[0.7, 0.2j], [-0.2j, 0.3]])
    modes = []
    for k in (0, 1):
        parts = [qutip.qeye(d) for d in LEVELS]
        parts[k] = qutip.destroy(LEVELS[k])
        parts.insert(place, qutip.qeye(2))
        modes.append(qutip.tensor(parts))
    states = []
    for s in run.states:
        joint = qutip.tensor(s, sigma)  # the factors 1, 2, ancilla
        states.append(joint.permute([[2, 0, 1], [0, 2, 1], [0, 1, 2]][place]))
    got = qsp.synchronization(states, modes=modes, times=TIMES)
    assert_same(got, view)
    assert_same_measures(got, view, atol=1e-8)


def test_kets(view):
    a = operators(LEVELS)
    H, _ = physics(*a)
    raw = qutip.sesolve(H, start(), TIMES, options=TIGHT)
    got = qsp.synchronization(raw, modes=a)
    as_matrices = qsp.synchronization([s.proj() for s in raw.states], modes=a, times=TIMES)
    assert_same(got, as_matrices)
    assert_same_measures(got, as_matrices, atol=1e-7)
    np.testing.assert_allclose(got.covariance[0], view.covariance[0], atol=1e-12)


@pytest.mark.parametrize("keep", [False, True])
def test_mcsolve(keep):
    """The view is that of the average over the trajectories, not of one of them."""
    a = operators((6, 5))
    H = 0.3 * (a[0].dag() * a[0]) + 0.25 * (a[0].dag() * a[1] + a[1].dag() * a[0])
    psi = qutip.fock([6, 5], [1, 1])
    raw = qutip.mcsolve(
        H,
        psi,
        TIMES,
        [a[0], 0.6 * a[1]],
        ntraj=12,
        seeds=5,
        options={"store_states": True, "keep_runs_results": keep, "progress_bar": ""},
    )
    got = qsp.synchronization(raw, modes=a)
    average = []
    for k in range(len(TIMES)):
        if keep:
            average.append(
                sum(
                    t.states[k].proj() if t.states[k].isket else t.states[k]
                    for t in raw.trajectories
                )
                / raw.num_trajectories
            )
        else:
            average.append(raw.average_states[k])
    want = by_hand(average, a)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(got, name), want[name], atol=1e-10, err_msg=name)


def test_exactsolve_by_trajectories():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        raw = qsp.exactsolve(
            system(),
            start(),
            TIMES,
            cutoff=LEVELS,
            options={"method": "mcsolve", "ntraj": 5, "seed": 2, "store_states": True},
        )
    got = qsp.synchronization(raw)
    want = qsp.synchronization(list(raw.states), modes=operators(LEVELS), times=TIMES)
    assert_same(got, want, atol=1e-9)


# ---------------------------------------------------------------- mean field


def test_linear_mean_field_keeps_the_mean_apart_from_the_fluctuations():
    approx = qsp.mfsolve(system(), [0.6, 0.3j], TIMES)
    got = qsp.synchronization(approx)
    np.testing.assert_array_equal(got.mean, approx.mean)
    np.testing.assert_array_equal(got.covariance, approx.covariance)
    np.testing.assert_array_equal(got.masses, np.abs(approx.amplitudes) ** 2)
    # coherent states: each phase has the variance ½/|√2β|²
    sigma = 0.25 / 0.36 + 0.25 / 0.09
    np.testing.assert_allclose(got.correlations[0, 0, 1], 1j * np.exp(-sigma / 2), atol=1e-12)


def test_cumulants_of_a_mean_field():
    approx = qsp.mfsolve(system(), [0.6, 0.3j], TIMES, closure="gaussian")
    got = qsp.synchronization(approx)
    np.testing.assert_array_equal(got.mean, approx.mean)
    np.testing.assert_array_equal(got.covariance, approx.covariance)
    # z = (β_j*β_k + ⟨δb_j†δb_k⟩)/√…
    for k in range(len(TIMES)):
        C = approx.covariance[k]
        c = np.empty((2, 2), dtype=complex)
        for i in range(2):
            for j in range(2):
                block = C[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                c[i, j] = (
                    0.5 * (block[0, 0] + block[1, 1])
                    + 0.5j * (block[0, 1] - block[1, 0])
                    - 0.5 * (i == j)
                )
        b = approx.amplitudes[k]
        num = np.multiply.outer(b.conj(), b) + c
        np.testing.assert_allclose(got.masses[k], np.diag(num).real, atol=1e-12)
        n = np.diag(num).real
        np.testing.assert_allclose(
            got.correlations[k], num / np.sqrt(np.multiply.outer(n, n)), atol=1e-12
        )


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_linear_model_gives_the_same_view_exactly_and_approximately(closure):
    """Quadratic H, linear jumps: mean field and exact runs differ by rounding and by the cut-off
    only.
    """
    b1, b2 = qsp.modes(2)
    x, y = 0.4 * b1.dag() * b2, 0.05j * b1.dag() * b2.dag()
    model = qsp.System(
        x + x.dag() + y + y.dag() + 0.3 * b1.dag() * b1,
        [0.6 * b1 - 0.5 * b2, 0.2 * b2.dag(), 0.5 * b1],
    )
    times = [0.0, 0.4, 0.9]
    exact = qsp.exactsolve(model, [0.4, 0.2j], times, cutoff=15)
    approx = qsp.mfsolve(model, [0.4, 0.2j], times, closure=closure)
    one, two = qsp.synchronization(exact), qsp.synchronization(approx)
    assert_same(one, two, atol=1e-7)
    for name in (
        "order_parameter",
        "complete",
        "complete_fluctuations",
        "phase_rotated",
        "phase",
        "coherence",
        "gaussian_discord",
    ):
        np.testing.assert_allclose(
            getattr(qsp.measures, name)(one),
            getattr(qsp.measures, name)(two),
            atol=1e-5,
            err_msg=name,
        )


def test_the_sign_of_the_phase():
    """Coherent states: arg z_12 = arg β2 − arg β1 through every door."""
    levels = (12, 12)
    beta = [0.7, 0.7 * np.exp(0.8j)]
    psi = qutip.tensor(
        [qutip.coherent(d, x, method="analytic").unit() for d, x in zip(levels, beta, strict=True)]
    )
    b1, _b2 = qsp.modes(2)
    still = qsp.System(0 * b1, [1e-8 * b1])
    views = [
        qsp.synchronization([psi], modes=operators(levels)),
        qsp.synchronization(qsp.exactsolve(still, beta, [0, 1e-6], cutoff=12)),
        qsp.synchronization(qsp.mfsolve(still, beta, [0, 1e-6])),
    ]
    for v in views:
        np.testing.assert_allclose(v.correlations[0, 0, 1], np.exp(0.8j), atol=1e-8)
        np.testing.assert_allclose(v.amplitudes[0], beta, atol=1e-8)


# ---------------------------------------------------------------- spins


def test_spins_as_modes():
    """Lowering operators of spins: z=⟨J₊J₋⟩/√…, masses ⟨J₊J₋⟩."""
    sm = [qutip.tensor(qutip.sigmam(), qutip.qeye(2)), qutip.tensor(qutip.qeye(2), qutip.sigmam())]
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    assert (sm[0] * qutip.tensor(up, up) - qutip.tensor(down, up)).norm() < 1e-15
    psi = (qutip.tensor(up, down) + 1j * qutip.tensor(down, up)).unit()
    v = qsp.synchronization([psi], modes=sm)
    np.testing.assert_allclose(v.masses[0], [0.5, 0.5], atol=1e-14)
    np.testing.assert_allclose(v.correlations[0, 0, 1], 1j, atol=1e-13)
    np.testing.assert_allclose(pair_value(qsp.measures.log_negativity(v)), np.log(2), atol=1e-10)
    J = [
        qutip.tensor(qutip.jmat(1.5, "-"), qutip.qeye(3)),
        qutip.tensor(qutip.qeye(4), qutip.jmat(1, "-")),
    ]
    rho = qutip.rand_dm([4, 3], seed=4)
    v = qsp.synchronization([rho], modes=J)
    num = np.array([[qutip.expect(x.dag() * y, rho) for y in J] for x in J])
    np.testing.assert_allclose(v.masses[0], np.diag(num).real, atol=1e-13)
    np.testing.assert_allclose(
        v.correlations[0, 0, 1], num[0, 1] / np.sqrt(num[0, 0] * num[1, 1]).real, atol=1e-13
    )


def test_an_upside_down_spin_is_told_or_right():
    """σ₊ given for a lowering operator is a choice of the user: then masses are ⟨σ₋σ₊⟩."""
    sp = [qutip.tensor(qutip.sigmap(), qutip.qeye(2)), qutip.tensor(qutip.qeye(2), qutip.sigmap())]
    psi = qutip.tensor(qutip.basis(2, 1), qutip.basis(2, 1))
    np.testing.assert_allclose(qsp.synchronization([psi], modes=sp).masses[0], [1, 1], atol=1e-14)


# ---------------------------------------------------------------- refusals


def test_modes_are_needed(run):
    for thing in (run, list(run.states)):
        with pytest.raises((TypeError, ValueError), match="modes"):
            qsp.synchronization(thing)


@pytest.mark.parametrize("bad", ["a", 3.0, [], None, ["a", "b"], [1, 2]])
def test_modes_of_wrong_types(run, bad):
    with pytest.raises((TypeError, ValueError), match="modes"):
        qsp.synchronization(run, modes=bad)


def test_modes_of_other_spaces(run):
    for bad in (
        operators((9, 8)),
        operators(LEVELS[::-1]),
        [qutip.destroy(9), qutip.destroy(7)],
        [qutip.destroy(63)] * 2,
        [qutip.fock(list(LEVELS), [0, 0])] * 2,
    ):
        with pytest.raises((TypeError, ValueError), match="modes"):
            qsp.synchronization(run, modes=bad)


def test_one_operator_for_two_nodes(run):
    """Two nodes with the same operator would be perfectly coherent whatever the state."""
    a = operators(LEVELS)
    with pytest.raises(ValueError, match="modes"):
        qsp.synchronization(run, modes=[a[0], a[0]])


def test_what_lowers_nothing_is_no_mode(run):
    """A Hermitian operator has no phase; σx had quadratures, of a variance that is none."""
    a = operators(LEVELS)
    with pytest.raises(ValueError, match=r"modes\[1\] must be an operator that lowers"):
        qsp.synchronization(run, modes=[a[0], a[1] + a[1].dag()])
    with pytest.raises(ValueError, match=r"modes\[0\].*Hermitian"):
        qsp.synchronization([qutip.basis(2, 0)], modes=[qutip.sigmax()])


def test_result_without_states():
    a = operators((4, 4))
    raw = qutip.mesolve(a[0].dag() * a[0], qutip.fock([4, 4], [1, 0]), TIMES, [a[0]], e_ops=[a[0]])
    with pytest.raises((ValueError, AttributeError), match="store_states"):
        qsp.synchronization(raw, modes=a)


@pytest.mark.parametrize(
    "which",
    [
        "text",
        "other dims",
        "none",
        "unnormalised",
        "no density matrix",
        "data",
        "not Hermitian",
        "negative",
        "superoperator",
    ],
)
def test_things_that_are_no_states(which):
    a = operators((4, 4))
    good = qutip.fock_dm([4, 4], [1, 0])
    bad = {
        "text": [good, "x"],
        "other dims": [good, qutip.fock_dm([4, 3], [1, 0])],
        "none": [],
        "unnormalised": [good * 2],
        "no density matrix": [a[0]],
        "data": [good.data],
        "not Hermitian": [good + 0.1 * a[0]],
        "negative": [1.5 * good - 0.5 * qutip.fock_dm([4, 4], [0, 0])],
        "superoperator": [qutip.to_super(good)],
    }[which]
    with pytest.raises((TypeError, ValueError), match=r"(?i)state"):
        qsp.synchronization(bad, modes=a)


@pytest.mark.parametrize("times", [[0, 1], [0, 0, 1], [0, 1, np.nan], "012", [2, 1, 0]])
def test_times_that_do_not_fit(run, times):
    with pytest.raises((TypeError, ValueError), match="times"):
        qsp.synchronization(list(run.states), modes=operators(LEVELS), times=times)


@pytest.mark.parametrize("bad", [3.0, "result", None, np.eye(3), qutip.destroy(3), {"a": 1}])
def test_there_is_no_adapter(bad):
    with pytest.raises(
        (TypeError, ValueError), match=r"(?i)adapter|synchronization|view|modes|state"
    ):
        qsp.synchronization(bad)


def test_own_results_take_no_modes():
    approx = qsp.mfsolve(system(), [0.6, 0.3j], TIMES)
    with pytest.raises(TypeError, match="modes"):
        qsp.synchronization(approx, modes=operators(LEVELS))


def test_the_vacuum_has_no_phase():
    a = operators((4, 4))
    with pytest.warns(UserWarning, match=r"(?i)nan|undefined|zero|mass"):
        v = qsp.synchronization([qutip.fock_dm([4, 4], [0, 0])], modes=a)
        z = qsp.measures.coherence(v)
    assert np.isnan(np.asarray(z).ravel()[1] if np.asarray(z).size > 1 else z).all()
    assert v.masses.max() == 0


def test_views_are_read_only(view):
    with pytest.raises(ValueError):
        view.mean[0, 0] = 1.0
    with pytest.raises((AttributeError, TypeError)):
        view.mean = 0


@pytest.mark.parametrize("closure", ["none", "linear", "cumulants"])
def test_every_approximation_of_spins_has_a_view_and_a_verdict(closure):
    S1, S2 = qsp.spins(40, 40)
    # losses of two quanta keep them from the upper pole, where no phase is left
    jumps = [jump / np.sqrt(40) for jump in (S1.p, S2.p, 0.6 * (S1.m - S2.m))]
    jumps += [3 * S.m**2 / 40**1.5 for S in (S1, S2)]
    system = qsp.System(0.05 * (S1.z - S2.z), jumps)
    start = {S1: (2.7, 0.0), S2: (2.7, 1.0)}
    with warnings.catch_warnings():
        # cumulants of collective spins are not the best choice, and say so
        warnings.simplefilter("ignore", qsp.core.errors.ApproximationWarning)
        run = qsp.mfsolve(system, start, np.linspace(0, 60, 301), closure=closure)
    view = qsp.synchronization(run)
    np.testing.assert_allclose(view.amplitudes, run.amplitudes, atol=1e-12)
    label = "phase preference" if closure == "cumulants" else "phase-locked"
    assert qsp.verdict(run).label == label


def test_spectra_of_spins_decide_entrainment():
    S1, S2 = qsp.spins(3, 3)
    far = qsp.System(4.0 * (S1.z - S2.z), [S1.p, S2.p, 0.5 * S1.m, 0.5 * S2.m, 0.3 * (S1.m - S2.m)])
    run = qsp.exactsolve(far, {S1: (0.3, 0.0), S2: (0.3, 1.0)}, np.linspace(0, 20, 81))
    assert qsp.verdict(run).label == "not entrained"


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
@pytest.mark.parametrize("method", ["sectors", "density"])
def test_the_verdict_of_a_stationary_run_needs_no_state(method):
    system = qsp.van_der_pol_pair(loss=1.0, detuning=0.5, dissipative=2.0)
    run = qsp.exactsolve(
        system, [0.5, 0.5j], np.linspace(0, 16, 33), cutoff=6, options={"method": method}
    )
    found = qsp.verdict(run)
    assert found.label is qsp.Label.ENTRAINED, str(found)
    # by hand: the same pair as a steady state
    rho = qsp.steadystate(system, cutoff=6)
    b = qutip.destroy(6)
    z = qutip.expect(qutip.tensor(b.dag(), b), rho)
    n = qutip.expect(qutip.tensor(b.dag() * b, qutip.qeye(6)), rho)
    assert found.evidence["coherence |z| (uncoupled: 0)"] == pytest.approx(abs(z) / n, rel=1e-4)
