"""The equation of particles on the circle as LaTeX, with its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["circle_equation", "populations_equation", "reduced_equation", "sphere_equation"]


def circle_equation(model: Any) -> str:
    r"""LaTeX of dx_i/dt with the parts that this model has.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> print(circle_equation(qsp.Circle(qsp.sine(), coupling=2.0)))
    \dot x_i = -2\sum_j F(x_i-x_j),\quad F(x)=\sin x
    """
    left = r"m_i\ddot x_i + \dot x_i" if model.inertia is not None else r"\dot x_i"
    terms = [] if model.frequencies is None else [r"\omega_i"]
    if model.noise is not None:
        terms.append(r"\sqrt{2D_i}\,\xi_i")
    text = " + ".join(terms) + (" - " if terms else "-") + _pull(model)
    if model.triads is not None:
        text += (
            rf" + \frac{{{model.triads[0]:g}}}{{C^2}}\sum_{{jk}} c_jc_k\sin(2x_j-x_k-x_i)"
            rf" + \frac{{{model.triads[1]:g}}}{{C^3}}\sum_{{jkl}} c_jc_kc_l\sin(x_j+x_k-x_l-x_i)"
        )
    where = r",\quad C=\sum_j c_j" if model.triads is not None else ""
    return rf"{left} = {text},\quad F(x)={_function(model)}{where}"


def _pull(model: Any) -> str:
    """What the particles do to one of them."""
    delay = (
        "" if model.delay is None else r"\tau" if isinstance(model.delay, float) else r"\tau_{ij}"
    )
    other = f"x_j(t-{delay})" if delay else "x_j"
    strength = f"{model.coupling:g}" if model.coupling != 1 else ""
    strength += r"\kappa(t)" if model.modulation is not None else ""
    strength += "r_i" if model.response is not None else ""
    divisor = _divisor(model)
    factor = rf"\frac{{{strength or 1}}}{{{divisor}}}" if divisor else strength
    return rf"{factor}\sum_j {_weights(model)}F(x_i-{other}{_lag(model)})"


def _weights(model: Any) -> str:
    return ("a_{ij}" if model.adjacency is not None else "") + (
        "c_j" if model.weights is not None else ""
    )


def _lag(model: Any) -> str:
    if model.lags is not None:
        return r"+\alpha_{ij}"
    return f"{model.phase_lag:+g}" if model.phase_lag else ""


def _divisor(model: Any) -> str:
    value = model.normalization
    if isinstance(value, str):
        total = r"\sum_j c_j" if model.weights is not None else "n"
        return {"sum": "", "mean": total, "degree": r"\deg_i"}.get(
            value, rf"\sum_j {_weights(model)}e^{{\beta\cos(x_i-x_j{_lag(model)})}}"
        )
    if callable(value):
        return "g_i(x)"
    return "g_i" if isinstance(value, np.ndarray) else f"{value:g}"


def _function(model: Any) -> str:
    data = model.interaction.to_dict()
    if data["kind"] == "sine":
        return r"\sin x"
    if data["kind"] == "attention":
        beta = f"{data['beta']:g}"
        exponent = r"(\cos x-1)" if data["scaled"] else r"\cos x"
        return rf"e^{{\beta{exponent}}}\sin x,\quad \beta={beta}"
    if data["kind"] == "fourier" and len(data["b"]) <= 3:
        modes = [
            rf"{b:+g}\sin {k if k > 1 else ''}x" for k, b in enumerate(data["b"], start=1) if b
        ]
        return "".join(modes).removeprefix("+")
    return r"\sum_k b_k\sin kx"


def populations_equation(model: Any) -> str:
    r"""LaTeX of what populations of the circle do, with their matrices as symbols.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> print(populations_equation(qsp.Populations([3, 4], [[0.6, 0.4], [0.4, 0.6]])))
    \dot x_i = \sum_l\frac{K_{ml}}{N_l}\sum_{j\in l}\sin(x_j-x_i),\quad i\in m,\quad N=(3, 4)
    """
    free = r"\omega_m + " if np.any(model.frequencies) else ""
    lag = r"-\alpha_{ml}" if np.any(model.phase_lag) else ""
    sizes = ", ".join(str(n) for n in model.sizes[:8]) + (
        r", \dots" if len(model.sizes) > 8 else ""
    )
    return (
        rf"\dot x_i = {free}{_changing(model)}\sum_l\frac{{K_{{ml}}}}{{N_l}}"
        rf"\sum_{{j\in l}}\sin(x_j-x_i{lag}),\quad i\in m,\quad N=({sizes})"
    )


def reduced_equation(model: Any) -> str:
    r"""LaTeX of Ott and Antonsen's equations, with the numbers that are one.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> print(reduced_equation(qsp.OttAntonsen(3.0, 1.0)))
    \dot z = -z + \frac{1}{2}(H - \bar Hz^2),\quad H=3z
    """
    one = np.size(model.widths) == 1 and np.ndim(model.coupling) == 0
    z = "z" if one else "z_m"
    force = "H" if one else "H_m"
    own = f"-{_factor(model.widths[0])}" if one else r"-\gamma_m"
    if np.any(model.centres):
        own = f"({model.centres[0]:g}i{own})" if one else rf"(i\omega_m{own})"
    return (
        rf"\dot {z} = {own}{z} + \frac{{1}}{{2}}({force} - \bar {force}{z}^2),\quad {force}="
        rf"{_changing(model)}{_force(model)}"
    )


def _force(model: Any) -> str:
    """What acts on the mean of a Lorentz distribution."""
    if np.ndim(model.coupling) == 2:
        lag = r"e^{-i\alpha_{ml}}" if np.any(model.phase_lag) else ""
        return rf"\sum_l K_{{ml}}{lag}z_l"
    lag = rf"e^{{{-model.phase_lag:g}i}}" if np.any(model.phase_lag) else ""
    pairs = _factor(model.coupling) + lag + ("z" if model.n == 1 else r"\sum_l w_lz_l")
    if model.triads is None:
        return pairs
    two, three = model.triads
    return pairs + _triads(two, three, model.n == 1)


def _triads(two: float, three: float, one: bool) -> str:
    """Forces of three and four oscillators."""
    if one:
        return f"{two + three:+g}|z|^2z"
    return rf"{two:+g}Z_2\bar Z{three:+g}|Z|^2Z"


def _factor(value: Any) -> str:
    """A number in front of something."""
    return "" if value == 1 else f"{value:g}"


def sphere_equation(model: Any) -> str:
    r"""LaTeX of what points on a sphere do.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> print(sphere_equation(qsp.Sphere(coupling=2.0)))
    \dot x_i = 2\,P_{x_i}\frac{1}{n}\sum_jx_j
    """
    free = r"\Omega_ix_i + " if model.rotations is not None else ""
    weight, divisor = "", "n"
    if model.polynomial is not None:
        weight = r"\sum_kc_k\langle x_i,x_j\rangle^k"
    elif model.beta:
        weight = rf"e^{{{model.beta:g}\langle x_i,x_j\rangle}}"
        if model.normalization == "attention":
            divisor = r"\sum_k" + weight.replace("x_j", "x_k")
    return (
        rf"\dot x_i = {free}{_factor(model.coupling)}{_changing(model)}\,P_{{x_i}}"
        rf"\frac{{1}}{{{divisor}}}\sum_j{weight}x_j"
    )


def _changing(model: Any) -> str:
    return r"\kappa(t)" if model.modulation is not None else ""
