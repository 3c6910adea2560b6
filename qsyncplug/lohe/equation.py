"""The equation of a Schrödinger–Lohe model as LaTeX, with its numbers."""

from __future__ import annotations

from typing import Any

__all__ = ["equation_of_motion"]


def equation_of_motion(model: Any) -> str:
    r"""LaTeX of ∂ψ_j/∂t and of the parts that this model has.

    Examples
    --------
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> equation_of_motion(qsp.SchrodingerLohe(qutip.num(3), coupling=2.0)).split(",")[-1]
    '\\quad k=2'
    """
    hamiltonian = "H_j" if isinstance(model.hamiltonian, tuple) else "H"
    if model.frequencies is not None:
        hamiltonian = rf"({hamiltonian}+\Omega_j)"
    theta = r"\theta_j" if model.variant != "standard" else ""
    inner = r"\langle\zeta_j,\psi_j\rangle"
    own = inner if model.variant == "model2" else rf"\frac{{{inner}}}{{\|\psi_j\|^2}}"
    lines = [
        rf"\partial_t\psi_j = -i{hamiltonian}\psi_j + \frac{{k}}{{2}}\left({theta}\zeta_j - "
        rf"{own}\,\psi_j\right)",
        rf"\zeta_j = \frac{{1}}{{N}}\sum_l {_weight(model)}\psi_l",
    ]
    if model.variant != "standard" and model.alignment:
        lines.append(
            r"\dot\theta_j = \frac{\mu}{N}\sum_l h(|x_j-x_l|)\,(\theta_l-\theta_j),\quad "
            rf"\mu={model.alignment:g}"
        )
    numbers = rf"k={model.coupling:g}"
    if model.n is not None:
        numbers += rf",\quad N={model.n}"
    return r",\quad ".join([*lines, numbers])


def _weight(model: Any) -> str:
    weight = "a_{jl}" if model.adjacency is not None else ""
    lag = model.phase_lag
    if not isinstance(lag, float):
        return weight + r"e^{i\alpha_{jl}}"
    return weight + (rf"e^{{{lag:g}i}}" if lag else "")
