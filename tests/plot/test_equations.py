"""Models show their equation in a notebook."""

import numpy as np
import pytest
import qutip
from matplotlib.mathtext import MathTextParser

import qsyncplug as qsp

GRID = qsp.Grid(32, 12.0)
GRAPH = np.array([[0, 1.0], [1.0, 0]])
LAGS = np.array([[0, 0.1], [0.2, 0]])
LOHE = {
    "plain": ({}, r"\frac{k}{2}\left(\zeta_j"),
    "graph": ({"adjacency": GRAPH}, r"\sum_l a_{jl}\psi_l"),
    "lag": ({"phase_lag": 0.3}, r"\sum_l e^{0.3i}\psi_l"),
    "lags": ({"phase_lag": LAGS}, r"\sum_l e^{i\alpha_{jl}}\psi_l"),
    "frequencies": ({"frequencies": [0.1, -0.1]}, r"(H+\Omega_j)\psi_j"),
    "model1": ({"variant": "model1"}, r"\theta_j\zeta_j - \frac{\langle\zeta_j,\psi_j"),
    "model2": ({"variant": "model2"}, r"\theta_j\zeta_j - \langle\zeta_j,\psi_j\rangle\,\psi_j"),
    "alignment": ({"variant": "model2", "alignment": 0.5}, r"\dot\theta_j"),
}
CIRCLE = {
    "sum": (qsp.sine(), {}, r"\dot x_i = -\sum_j F(x_i-x_j),\quad F(x)=\sin x"),
    "kuramoto": (
        qsp.sine(),
        {"normalization": "mean", "coupling": 2.0, "frequencies": [0.1, 0.2]},
        r"\dot x_i = \omega_i - \frac{2}{n}\sum_j F(x_i-x_j),",
    ),
    "weights": (
        qsp.sine(),
        {"normalization": "mean", "weights": [1.0, 2.0]},
        r"-\frac{1}{\sum_j c_j}\sum_j c_jF",
    ),
    "attention": (
        qsp.attention(2.0),
        {"normalization": "attention", "phase_lag": 0.2},
        r"\frac{1}{\sum_j e^{\beta\cos(x_i-x_j+0.2)}}\sum_j F(x_i-x_j+0.2)",
    ),
    "scaled": (qsp.attention(2.0, scaled=True), {}, r"e^{\beta(\cos x-1)}\sin x,\quad \beta=2"),
    "fourier": (qsp.fourier([1.0, 0.0, -0.5]), {}, r"F(x)=1\sin x-0.5\sin 3x"),
    "noise": (qsp.sine(), {"noise": 0.1, "inertia": 2.0}, r"m_i\ddot x_i + \dot x_i = \sqrt{2D_i}"),
    "delay": (qsp.sine(), {"normalization": "mean", "delay": 1.0}, r"F(x_i-x_j(t-\tau))"),
    "triads": (
        qsp.sine(),
        {"normalization": "mean", "triads": (1.0, 2.0)},
        r"\frac{2}{C^3}\sum_{jkl} c_jc_kc_l\sin(x_j+x_k-x_l-x_i)",
    ),
    "response": (qsp.sine(), {"response": [1.0, 2.0], "adjacency": GRAPH}, r"-r_i\sum_j a_{ij}F"),
}


def _shown(model):
    """The equation, which must be one that can be typeset."""
    text = model._repr_latex_()
    assert text.startswith("$$") and text.endswith("$$")
    MathTextParser("agg").parse("$" + text.strip("$") + "$")
    return text


@pytest.mark.parametrize("case", LOHE)
def test_schrodinger_lohe(case):
    options, part = LOHE[case]
    assert part in _shown(qsp.SchrodingerLohe(qutip.num(3), coupling=2.0, **options))


@pytest.mark.parametrize("case", CIRCLE)
def test_circle(case):
    interaction, options, part = CIRCLE[case]
    assert part in _shown(qsp.Circle(interaction, **options))


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({}, r"\sum_k\left\{w_{kj} + w_{ik} - "),
        ({"adjacency": GRAPH}, r"a_{ik}w_{kj} + a_{jk}w_{ik}"),
        ({"phase_lag": LAGS}, r"e^{i\alpha_{ik}}w_{kj} + e^{-i\alpha_{jk}}w_{ik}"),
        ({"phase_lag": LAGS}, r"\frac{e^{-i\alpha_{ik}}z_{ik}}{z_{ii}}"),
    ],
)
def test_wigner_lohe(options, part):
    assert part in _shown(qsp.WignerLohe(GRID, lambda x: x**2 / 2, **options))


OTHERS = {
    "populations": (
        qsp.Populations([3, 4], np.eye(2), phase_lag=1.5, frequencies=[0.1, -0.1]),
        r"\omega_m + \sum_l\frac{K_{ml}}{N_l}\sum_{j\in l}\sin(x_j-x_i-\alpha_{ml})",
    ),
    "one Lorentzian": (
        qsp.OttAntonsen(3.0, 0.5, centres=0.25),
        r"\dot z = (0.25i-0.5)z + \frac{1}{2}(H - \bar Hz^2),\quad H=3z",
    ),
    "lag": (qsp.OttAntonsen(3.0, 1.0, phase_lag=0.5), r"H=3e^{-0.5i}z"),
    "two Lorentzians": (
        qsp.OttAntonsen(3.0, [1.0, 2.0], [0.5, -0.5]),
        r"(i\omega_m-\gamma_m)z_m + \frac{1}{2}(H_m - \bar H_mz_m^2),\quad H_m=3\sum_l w_lz_l",
    ),
    "coupled Lorentzians": (
        qsp.OttAntonsen([[1, 0.5], [0.5, 1]], [1.0, 2.0], phase_lag=np.full((2, 2), 0.1)),
        r"H_m=\sum_l K_{ml}e^{-i\alpha_{ml}}z_l",
    ),
    "Lohe": (qsp.Sphere(), r"\dot x_i = \,P_{x_i}\frac{1}{n}\sum_jx_j"),
    "attention": (
        qsp.Sphere(2.0, "attention", coupling=3.0),
        r"3\,P_{x_i}\frac{1}{\sum_ke^{2\langle x_i,x_k\rangle}}\sum_je^{2\langle",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_reduced_and_higher_dimensions(case):
    model, part = OTHERS[case]
    assert part in _shown(model)


def test_operators_of_one_atom_are_told_from_those_of_two():
    (A,) = qsp.atoms(10)
    text = (A.p * A.m)._repr_latex_()
    assert text == r"$\sum_{A_{1}}^{\neq}\sigma^{+}\sigma^{-} + \sum_{A_{1}}\sigma^{ee}$"
