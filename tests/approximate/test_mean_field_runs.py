"""Mean-field runs: what is conserved, runs that stop, results, files, threads."""

import threading

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import (
    NonFiniteError,
    RightHandSideError,
    SolverError,
    StepLimitError,
    StorageError,
    TimeLimitError,
)

from .mean_field_cases import TIMES, by_scipy, driven, kerr, nonlinear_loss, pair, squeezed

OMEGA = np.array([[0, 1], [-1, 0]])


def conservative():
    b1, b2 = qsp.modes(2)
    X = 0.4 * b1.dag() * b2
    return qsp.System(
        0.3 * b1.dag() * b1
        + X
        + X.dag()
        + 0.2 * b1.dag() ** 2 * b1**2
        + 0.1 * b2.dag() ** 2 * b2**2
    )


def test_linear_closure_conserves_number_energy_and_purity():
    t = np.linspace(0, 40, 21)
    got = qsp.mfsolve(conservative(), [1.0 + 0.5j, -0.4j], t)
    b = got.amplitudes
    n = abs(b) ** 2
    np.testing.assert_allclose(n.sum(axis=1), n[0].sum(), atol=1e-8)
    energy = (
        0.3 * n[:, 0]
        + 0.8 * (b[:, 0].conj() * b[:, 1]).real
        + 0.2 * n[:, 0] ** 2
        + 0.1 * n[:, 1] ** 2
    )
    np.testing.assert_allclose(energy, energy[0], atol=1e-8)
    W = np.kron(np.eye(2), OMEGA)
    for C in got.covariance:  # symplectic flow: (ΩC)² = −¼
        np.testing.assert_allclose(
            W @ C @ W @ C, -0.25 * np.eye(4), atol=1e-8 * np.abs(C).max() ** 2
        )
    assert max(got.stats["drift"].values()) < 1e-8


def test_gaussian_closure_conserves_the_number():
    t = np.linspace(0, 20, 11)
    got = qsp.mfsolve(conservative(), [1.0 + 0.5j, -0.4j], t, closure="gaussian")
    n = (abs(got.amplitudes) ** 2).sum(axis=1) + (
        np.trace(got.covariance, axis1=1, axis2=2) - 2
    ) / 2
    np.testing.assert_allclose(n, n[0], atol=1e-8)


@pytest.mark.parametrize("make", [pair, kerr, squeezed, nonlinear_loss, driven])
def test_uncertainty_relation_holds_along_the_linear_closure(make):
    system, _, beta0 = make()
    got = qsp.mfsolve(system, beta0, np.linspace(0, 20, 41))
    W = np.kron(np.eye(len(beta0)), OMEGA)
    assert np.linalg.eigvalsh(got.covariance + 0.5j * W).min() > -1e-9
    assert got.stats["drift"]["uncertainty relation"] < 1e-9


def test_step_limit_hands_back_what_it_has():
    system = qsp.van_der_pol_pair()
    t = np.linspace(0, 100, 1001)
    full = qsp.mfsolve(system, [1, 0.5j], t)
    with pytest.raises(StepLimitError, match="nsteps") as caught:
        qsp.mfsolve(system, [1, 0.5j], t, options={"nsteps": 40})
    error = caught.value
    part = error.result
    count = len(part.times)
    assert 0 < count < len(t)
    assert t[count - 1] <= error.time < 100
    assert error.reason
    np.testing.assert_array_equal(part.times, t[:count])
    np.testing.assert_array_equal(part.mean, full.mean[:count])
    np.testing.assert_array_equal(part.covariance, full.covariance[:count])
    assert "stopped" in part.stats
    assert "stopped" in repr(part)
    assert isinstance(error, SolverError)


def test_time_limit_hands_back_what_it_has():
    (b,) = qsp.modes(1)
    system = qsp.System(50.0 * b.dag() * b)
    t = np.linspace(0, 1e5, 20001)
    with pytest.raises(TimeLimitError, match="time_limit") as caught:
        qsp.mfsolve(system, [1.0], t, options={"time_limit": 0.05, "nsteps": 10**9})
    part = caught.value.result
    assert 0 < len(part.times) < len(t)
    np.testing.assert_allclose(
        part.amplitudes[:, 0], np.exp(-50j * part.times), atol=1e-9 * (1 + 50 * part.times[-1])
    )


def test_blow_up_is_an_error_with_the_part_before():
    (b,) = qsp.modes(1)
    # β̇ = +|β|²β, from the two-photon gain: |β|² = n0/(1−2n0t)
    with pytest.raises(SolverError) as caught:
        qsp.mfsolve(qsp.System(0 * b, [b.dag() ** 2]), [1.0], [0, 0.25, 0.4, 0.6])
    part = caught.value.result
    assert len(part.times) == 3
    assert 0.4 <= caught.value.time < 0.5 + 1e-9  # the singularity is at ½
    np.testing.assert_allclose(abs(part.amplitudes[:, 0]) ** 2, 1 / (1 - 2 * part.times), rtol=1e-8)


@pytest.mark.parametrize("place", ["hamiltonian", "jump"])
@pytest.mark.parametrize(
    "bad, error", [("raise", RightHandSideError), ("nan", (NonFiniteError, RightHandSideError))]
)
def test_coefficients_that_fail_on_the_way(bad, error, place):
    """A coefficient that is only defined on part of the run: everything before it fails is handed
    back.
    """
    (b,) = qsp.modes(1)

    def f(t):
        if not 0 <= t <= 1.5:
            if bad == "raise":
                raise RuntimeError("no drive after 1.5")
            return np.nan
        return 1.0

    c = qutip.coefficient(f)
    x = b + b.dag()
    system = qsp.System(c * x, [b]) if place == "hamiltonian" else qsp.System(x, [c * b])
    with pytest.raises(error) as caught:
        qsp.mfsolve(system, [0.0], [0, 0.5, 1.0, 3.0])
    part = caught.value.result
    np.testing.assert_allclose(
        part.amplitudes[:, 0], -2j * (1 - np.exp(-part.times / 2)), atol=1e-9
    )
    assert len(part.times) == 3


@pytest.mark.parametrize("place", ["hamiltonian", "jump"])
def test_coefficients_are_asked_for_no_time_outside_the_run(place):
    (b,) = qsp.modes(1)
    asked = []

    def f(t):
        asked.append(t)
        return 1.0

    c = qutip.coefficient(f)
    asked.clear()  # QuTiP tries t=0
    x = b + b.dag()
    system = qsp.System(c * x, [b]) if place == "hamiltonian" else qsp.System(x, [c * b])
    qsp.mfsolve(system, [0.0], [0.2, 0.5, 1.0])
    assert min(asked) >= 0.2 - 1e-12
    assert max(asked) <= 1.0 + 1e-12


def test_expectation_functions():
    system = qsp.van_der_pol_pair()
    f = lambda t, s: s[0][0] + 10 * s[1][2, 2] + 100 * t  # noqa: E731
    got = qsp.mfsolve(system, [1, 0.5j], TIMES, e_ops={"x": f})
    np.testing.assert_allclose(
        got.e_data["x"], got.mean[:, 0] + 10 * got.covariance[:, 2, 2] + 100 * TIMES, rtol=1e-14
    )
    np.testing.assert_allclose(got.expect[0], got.e_data["x"])
    one = qsp.mfsolve(system, [1, 0.5j], TIMES, e_ops=f)
    np.testing.assert_array_equal(one.expect[0], got.expect[0])


def test_run_and_steps_agree():
    system, _, beta0 = pair()
    full = qsp.mfsolve(system, beta0, TIMES)
    solver = qsp.MeanFieldSolver(system)
    solver.start(beta0, TIMES[0])
    for k in (3, 4, 11, 30):
        mean, covariance = solver.step(TIMES[k])
        np.testing.assert_allclose(mean, full.mean[k], atol=1e-10)
        np.testing.assert_allclose(covariance, full.covariance[k], atol=1e-10)
    with pytest.raises(ValueError, match=r"\bt\b"):
        solver.step(1.0)
    with pytest.raises(RuntimeError, match="start"):
        qsp.MeanFieldSolver(system).step(1.0)


def test_a_solver_can_run_twice():
    system, _, beta0 = pair()
    solver = qsp.MeanFieldSolver(system, closure="gaussian")
    a, b = solver.run(beta0, TIMES), solver.run(beta0, TIMES)
    np.testing.assert_array_equal(a.covariance, b.covariance)
    assert a.stats is not b.stats


def test_output_times_do_not_change_the_solution():
    system, _, beta0 = pair()
    few, many = (
        qsp.mfsolve(system, beta0, [0, 6.0]),
        qsp.mfsolve(system, beta0, np.linspace(0, 6, 1001)),
    )
    np.testing.assert_allclose(few.mean[-1], many.mean[-1], atol=1e-10)
    np.testing.assert_allclose(few.covariance[-1], many.covariance[-1], atol=1e-10)


def test_long_outputs_come_in_pieces_without_seams():
    """More output than one block holds: closed form at every time, expectation functions at every
    time.
    """
    (b,) = qsp.modes(1)
    t = np.linspace(0, 50, 60001)
    got = qsp.mfsolve(
        qsp.System(0.8 * b.dag() * b, [0.1 * b]), [1.0], t, e_ops=[lambda t, s: s[0][1]]
    )
    np.testing.assert_allclose(got.amplitudes[:, 0], np.exp((-0.8j - 0.005) * t), atol=1e-9)
    np.testing.assert_array_equal(got.expect[0], got.mean[:, 1])


def test_a_single_time():
    got = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], [2.0])
    np.testing.assert_allclose(got.amplitudes, [[1, 1j]], atol=1e-15)
    np.testing.assert_allclose(got.covariance[0], 0.5 * np.eye(4))


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_saved_and_loaded(tmp_path, closure):
    system, _, beta0 = pair()
    got = qsp.mfsolve(system, beta0, TIMES, closure=closure, e_ops={"q": lambda t, s: s[0][0]})
    got.save(tmp_path / "run.npz")
    back = qsp.load(tmp_path / "run.npz")
    assert type(back) is type(got)
    for name in ("times", "amplitudes", "mean", "covariance"):
        np.testing.assert_array_equal(getattr(back, name), getattr(got, name))
    np.testing.assert_array_equal(back.expect[0], got.expect[0])
    np.testing.assert_array_equal(back.model.drift(beta0), system.drift(beta0))
    np.testing.assert_allclose(
        qsp.measures.complete_fluctuations(qsp.synchronization(back)),
        qsp.measures.complete_fluctuations(qsp.synchronization(got)),
    )
    assert "mfsolve" in repr(back)


def test_a_model_with_functions_of_time_is_saved_by_their_values(tmp_path):
    system, _, beta0 = driven()
    got = qsp.mfsolve(system, beta0, [0, 1.0])
    got.save(tmp_path / "run.npz")
    back = qsp.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(back.mean, got.mean)
    assert str(back.model) == str(system)
    again = qsp.mfsolve(back.model, beta0, [0, 1.0])
    np.testing.assert_allclose(again.mean, got.mean, atol=1e-9)
    repr(back)


def test_files_that_are_not_ours(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(3))
    (tmp_path / "y.npz").write_bytes(b"nothing")
    for name in ("x.npz", "y.npz"):
        with pytest.raises(StorageError):
            qsp.load(tmp_path / name)


@pytest.mark.parametrize("make", [pair, driven])
def test_threads_give_identical_numbers(make):
    system, _, beta0 = make()
    starts = [np.array(beta0) * (1 + 0.1 * k) for k in range(6)]
    t = np.linspace(0, 10, 50)
    alone = [qsp.mfsolve(system, s, t) for s in starts]
    together: dict[int, object] = {}
    gate = threading.Barrier(len(starts))

    def work(k):
        gate.wait()
        for _ in range(3):
            together[k] = qsp.mfsolve(system, starts[k], t)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(starts))]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert len(together) == len(starts)
    for k, run in enumerate(alone):
        np.testing.assert_array_equal(together[k].mean, run.mean)
        np.testing.assert_array_equal(together[k].covariance, run.covariance)


def test_tighter_tolerances_come_closer():
    system, flow, beta0 = pair()
    C = by_scipy(flow, beta0, 0.5 * np.eye(4), TIMES)[1]
    errors = [
        np.abs(
            qsp.mfsolve(system, beta0, TIMES, options={"rtol": r, "atol": r}).covariance - C
        ).max()
        for r in (1e-4, 1e-7, 1e-10)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-8


def test_printing_and_xarray():
    got = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], TIMES)
    text = repr(got)
    for part in ("accepted", "rejected", "covariance (31, 4, 4)", "MB", "drift", "dop853"):
        assert part in text
    xarray = pytest.importorskip("xarray")
    data = got.to_xarray()
    assert isinstance(data, xarray.Dataset)
    np.testing.assert_array_equal(data["covariance"].values, got.covariance)
    np.testing.assert_array_equal(data["time"].values, TIMES)
