"""The equation of a Wigner–Lohe model as LaTeX, with its numbers."""

from __future__ import annotations

from typing import Any

__all__ = ["wigner_equation"]


def wigner_equation(model: Any) -> str:
    """LaTeX of ∂w_ij/∂t with the parts that this model has.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> model = qsp.WignerLohe(qsp.Grid(64, 16.0), lambda x: x**2 / 2, coupling=1.0)
    >>> "V_i" in wigner_equation(model)
    False
    """
    potential = r"\Theta[V]" if model.common else r"\Theta[V_i,V_j]"
    weights = "a_{ik}", "a_{jk}"
    if not isinstance(model.phase_lag, float) or model.phase_lag:
        weights = tuple(
            w + rf"e^{{{sign}i\alpha_{{{row}k}}}}"
            for w, sign, row in zip(weights, ("", "-"), "ij", strict=True)
        )
    if model.adjacency is None:
        weights = tuple(w[len("a_{ik}") :] for w in weights)
    first, second = weights
    text = (
        rf"\partial_t w_{{ij}} + p\cdot\nabla_x w_{{ij}} + {potential}\,w_{{ij}} = "
        rf"\frac{{\kappa}}{{2N}}\sum_k\left\{{{first}w_{{kj}} + {second}w_{{ik}} - "
        rf"\left(\frac{{{_conjugate(first)}z_{{ik}}}}{{z_{{ii}}}} + "
        rf"\frac{{{_conjugate(second)}z_{{kj}}}}{{z_{{jj}}}}\right)w_{{ij}}\right\}},"
        rf"\quad \kappa={model.coupling:g}"
    )
    return text if model.n is None else text + rf",\quad N={model.n}"


def _conjugate(weight: str) -> str:
    if r"{i\alpha" in weight:
        return weight.replace(r"{i\alpha", r"{-i\alpha")
    return weight.replace(r"{-i\alpha", r"{i\alpha")
