"""Two spin chains against their peers: QuTiP in the full basis, QuTiP's mesolve, scipy with NumPy
right-hand sides.

``pytest tests/benchmarks/test_spins.py -m "" -s``; every ratio is measured in one process.
"""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug import SpinChains, mean_field_parts

from .chains_memory import moments
from .timing import timed

pytestmark = pytest.mark.slow


def test_collective_against_the_full_basis(record):
    chains = SpinChains(n=4, loss=0.1)
    t = np.linspace(0, 2, 21)
    small, a = timed(
        lambda: qsp.exactsolve(
            chains, chains.product_state(excitation=0.3), t, options={"method": "mesolve"}
        )
    )
    state = chains.product_state(excitation=0.3, representation="spins")
    large, b = timed(
        lambda: qutip.mesolve(
            chains.hamiltonian("spins"),
            state,
            t,
            chains.c_ops("spins"),
            e_ops=[chains.jz(1, "spins")],
            options={"method": "vern7", "atol": 1e-11, "rtol": 1e-9},
        ),
        1,
    )
    assert np.abs(a.jz[:, 0] - b.expect[0]).max() < 1e-7
    record.ratio("full basis", small, large)


def test_sectors_against_mesolve(record):
    chains = SpinChains(n=24, loss=0.1, thermal=0.2)
    state = chains.product_state("down", (0.3, 0.5), (0, 0.7))
    t = np.linspace(0, 1, 11)
    sectors, a = timed(lambda: qsp.exactsolve(chains, state, t, options={"method": "sectors"}))
    # all first and second moments, at QuTiP's own (looser) tolerances
    H, c_ops, e_ops = chains.hamiltonian(), chains.c_ops(), moments(chains)
    plain, b = timed(lambda: qutip.mesolve(H, state, t, c_ops, e_ops=e_ops), 1)
    assert np.abs(a.jz[:, 0] - b.expect[4]).max() < 1e-3
    record.ratio("sectors", sectors, plain)


def test_memory_of_sectors_against_mesolve(record):
    """Each in a process of its own: by how much the resident set grows."""
    if not os.path.exists("/proc/self/clear_refs"):
        pytest.skip("needs /proc")
    script = pathlib.Path(__file__).with_name("chains_memory.py")
    runs = (
        subprocess.run([sys.executable, script, k], capture_output=True, check=True).stdout.split()
        for k in ("sectors", "mesolve")
    )
    (small, a), (large, b) = ((int(grown), float(jz)) for grown, jz in runs)
    # QuTiP's own tolerance
    assert a == pytest.approx(b, abs=1e-4)
    record.ratio("sectors, memory", small / 1e6, large / 1e6)


def test_forty_eight_spins_a_chain_run(record):
    chains = SpinChains(n=48, loss=0.1, thermal=0.2)
    state = chains.product_state("down", (0.3, 0.5), (0, 0.7))
    seconds, result = timed(
        lambda: qsp.exactsolve(chains, state, np.linspace(0, 2, 21), options={"method": "sectors"}),
        1,
    )
    assert result.stats["drift"]["trace"] < 1e-11
    record.limit("48 spins", seconds)


def test_mean_field_against_scipy(record):
    chains = SpinChains(n=5, loss=0.001)
    beta = np.array([1.0, 0.7j])
    end = 1e4
    options = {"rtol": 1e-8, "atol": 1e-10}
    fast, _ = timed(lambda: qsp.mfsolve(chains, beta, [0.0, end], options=options))
    N, g, w = np.array(chains.n, float), np.array(chains.g), np.array(chains.omega)
    lam2 = chains.exchange**2

    def rate(t, y):
        b, s, z = y[:4].view(complex), complex(y[4], y[5]), y[6]
        n = np.abs(b) ** 2
        r = np.sqrt(1 - n / N)
        G, X = np.sum(g * r * b), np.sum(g * (n - N / 2) / np.sqrt(N))
        inner = (w * (lam2 + 1 / N) - 2 * w * lam2 * n / N + g * z / np.sqrt(N)) * b
        inner = inner + g * (s * r - b * (np.conj(s) * b + s * np.conj(b)) / (2 * N * r))
        F = -1j * inner - 0.5 * 0.001 * b * (1 - n / N)
        rn, rnn = -0.5 / (N * r), -0.25 / (N**2 * r**3)
        ab, aa, bb = b * (2 * rn + n * rnn), np.conj(b) * (2 * rn + n * rnn), b**3 * rnn
        u = -1j * (
            w * (lam2 + 1 / N)
            - 4 * w * lam2 * n / N
            + g * z / np.sqrt(N)
            + g * (np.conj(s) * ab + s * np.conj(ab))
        )
        v = -1j * (-2 * w * lam2 / N * b**2 + g * (np.conj(s) * bb + s * np.conj(aa)))
        u, v = u - 0.0005 * (1 - 2 * n / N), v + 0.0005 * b**2 / N
        M = np.zeros((4, 4))
        i = np.arange(0, 4, 2)
        M[i, i], M[i, i + 1] = (u + v).real, (v - u).imag
        M[i + 1, i], M[i + 1, i + 1] = (u + v).imag, (u - v).real
        C = y[7:].reshape(4, 4)
        D = np.zeros((4, 4))
        a_, b_ = r + n * rn, b**2 * rn
        ell = np.sqrt(0.001) * np.stack([1j * (a_ - b_), -(a_ + b_)], axis=1) / np.sqrt(2)
        for k in range(2):
            D[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = np.outer(ell[k].conj(), ell[k]).real
        ds, dz = -1j * (chains.omega0 + 2 * X) * s + 1j * z * G, 4 * np.imag(np.conj(s) * G)
        MC = M @ C
        return np.concatenate([F.view(float), [ds.real, ds.imag, dz], (MC + MC.T + D).ravel()])

    y0 = np.concatenate([beta.view(float), [0, 0, -1.0], (0.5 * np.eye(4)).ravel()])
    parts = mean_field_parts(chains, beta)
    assert np.abs(rate(0.0, y0)[:4] - parts["drift"].view(float)).max() < 1e-13
    part = 20.0
    slow, _ = timed(lambda: solve_ivp(rate, (0, part), y0, method="DOP853", **options), 1)
    record.ratio("chains mean field", fast, slow * (end / part))
