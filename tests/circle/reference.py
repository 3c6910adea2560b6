"""Independent references: velocities in plain NumPy and with 50 digits."""

import mpmath
import numpy as np
import scipy.sparse


def physical(force, d):
    """The interaction itself, not scaled."""
    if force.kind == "attention":
        return np.sin(d) * np.exp(force.beta * np.cos(d) - (force.beta if force.scaled else 0.0))
    if force.kind == "sine":
        return np.sin(d)
    return force.f(d)


def velocity(model, x):
    """Every term of the definition, over all pairs."""
    n = len(x)
    a = np.ones((n, n)) if model.adjacency is None else model.adjacency
    a = a.toarray() if scipy.sparse.issparse(a) else a
    c = np.ones(n) if model.weights is None else model.weights
    d = x[:, None] - x[None, :] + model.phase_lag
    force = (a * physical(model.interaction, d)) @ c
    g = model.normalization
    if isinstance(g, str):
        beta = model.interaction.beta
        with np.errstate(divide="ignore", invalid="ignore"):
            g = {
                "sum": 1.0,
                "mean": c.sum(),
                "degree": np.maximum((a != 0).sum(axis=1), 1),
                "attention": (a * np.exp(beta * np.cos(d))) @ c
                if model.interaction.kind in ("sine", "attention")
                else None,
            }[g]
            alone = (a == 0).all(axis=1)
            g = np.where(alone, 1.0, g)
    elif callable(g):
        g = g(x)
    r = 1.0 if model.response is None else model.response
    omega = 0.0 if model.frequencies is None else model.frequencies
    return omega - model.coupling * r * force / g


def digits(f, x, c, lag=0.0, weight=None):
    """−Σ_j c_j f(x_i−x_j+lag), divided by Σ_j c_j weight(…) if given, with 50 digits."""
    with mpmath.workdps(50):
        xs = [mpmath.mpf(float(v)) for v in x]
        cs = [mpmath.mpf(float(v)) for v in c]
        out = []
        for a in xs:
            d = [a - b + mpmath.mpf(lag) for b in xs]
            total = -mpmath.fsum(w * f(v) for w, v in zip(cs, d, strict=True))
            if weight is not None:
                total /= mpmath.fsum(w * weight(v) for w, v in zip(cs, d, strict=True))
            out.append(float(total))
    return np.array(out)
