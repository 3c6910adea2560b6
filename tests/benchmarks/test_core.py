"""The foundation against scipy's integrator; ``pytest tests/benchmarks/test_core.py -m "" -s``."""

import importlib.metadata
import os
import subprocess
import sys

import numpy as np
import pytest
from qsyncplug._ext.integrator import Integrator
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from tests.systems import ode

from .timing import cpu, many

pytestmark = pytest.mark.slow


def test_integrator_of_twenty_variables(record):
    rhs, y0, exact = ode.antisymmetric(20)
    matrix = np.array([rhs(0.0, e) for e in np.eye(20)]).T
    times = np.linspace(0, 50, 101)
    rows = np.empty((101, 20))
    kw = {"rtol": 1e-8, "atol": 1e-10}

    def ours():
        it = Integrator(rhs, **kw)
        it.set_state(0.0, y0, 50.0)
        assert it.advance(times, rows) == (0, 101)

    def python_loop(t, y):
        return [sum(a * b for a, b in zip(row, y, strict=True)) for row in matrix]

    peer = {"method": "DOP853", "t_eval": times, **kw}
    mine = many(ours, 20)
    for name, other in (
        ("numpy", lambda t, y: matrix @ y),
        ("compiled", rhs),
        ("python", python_loop),
    ):
        theirs = cpu(lambda f=other: solve_ivp(f, (0, 50), y0, **peer), 2)
        record.ratio(f"integrator, {name}", mine, theirs)
    assert np.abs(rows[-1] - exact(50.0)).max() < 1e-5


def test_mean_field_and_covariance_of_the_pair(record):
    system = qsp.van_der_pol_pair()
    beta0, times = np.array([1.0, 0.5 + 0.2j]), np.linspace(0, 20, 1000)
    Delta, g1, g2, V = 0.5, 1.0, 1.0, 1.0
    signs = np.array([1.0, -1.0])

    def equations(t, y):
        """The same equations as a user would write them with numpy."""
        b = y[:4:2] + 1j * y[1:4:2]
        C = y[4:].reshape(4, 4)
        F = (-0.5j * Delta * signs + g1 / 2) * b - g2 * np.abs(b) ** 2 * b - V / 2 * (b - b[::-1])
        u = np.diag(-0.5j * Delta * signs + g1 / 2 - 2 * g2 * np.abs(b) ** 2 - V / 2) + V / 2 * (
            1 - np.eye(2)
        )
        v = np.diag(-g2 * b**2)
        M = np.empty((4, 4))
        M[0::2, 0::2], M[0::2, 1::2] = (u + v).real, (v - u).imag
        M[1::2, 0::2], M[1::2, 1::2] = (u + v).imag, (u - v).real
        D = np.diag(np.repeat(g1 / 2 + 2 * g2 * np.abs(b) ** 2 + V / 2, 2)) - V / 2 * np.kron(
            1 - np.eye(2), np.eye(2)
        )
        return np.concatenate(
            [np.stack([F.real, F.imag], 1).ravel(), (M @ C + C @ M.T + D).ravel()]
        )

    y0 = np.concatenate([beta0.view(float), 0.5 * np.eye(4).ravel()])
    # the same tolerances for both
    tolerances = {key: qsp.MeanFieldSolver.solver_options[key] for key in ("rtol", "atol")}
    kw = {"method": "DOP853", "t_eval": times, **tolerances}
    result = qsp.mfsolve(system, beta0, times)
    peer = solve_ivp(equations, (0, 20), y0, **kw)
    assert np.abs(peer.y[4:].T.reshape(-1, 4, 4) - result.covariance).max() < 1e-7
    ours = many(lambda: qsp.mfsolve(system, beta0, times), 5, 10)
    record.ratio("mean field pair", ours, cpu(lambda: solve_ivp(equations, (0, 20), y0, **kw), 3))


def test_import(record, tmp_path):
    # bytecode is kept, as it is wherever a package is used twice
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path)

    def said(code):
        command = [sys.executable, "-c", code]
        # away from the checkout, whose sources would be taken
        done = subprocess.run(command, capture_output=True, check=True, env=env, cwd=tmp_path)
        return done.stdout

    if b"site-packages" not in said("import qsyncplug; print(qsyncplug.__file__)"):
        pytest.skip("an editable installation looks at its sources at every import")

    def seconds(module):
        answer = f"print(time.process_time(), {module}.__version__)"
        took, version = said(f"import {module}, time; {answer}").decode().split()
        assert version == importlib.metadata.version(module)
        return float(took)

    # taken in turns: both meet the same load
    pairs = [[seconds(m) for m in ("qutip", "qsyncplug")] for _ in range(6)]
    bare, ours = (min(p) for p in zip(*pairs, strict=True))
    record.limit("import", 100 * (ours / bare - 1))
