r"""Quantum regression of the linearised mean field: modes, spins on the sphere, factorised sites.

With Ẋ=MX+noise for what the real coordinates deviate from a stable fixed point, C stationary
(MC+CMᵀ+D=0), Ω={X,X} and δa=l·X,

.. math:: ⟨δa^†(τ)δa(0)⟩ = l^†e^{Mτ}(C+\tfrac i2 Ω)\,l .
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg

from .._ext.bosons import Polynomials
from ..core.entry import SPECTRA
from ..core.errors import SolverError
from ..operators.expression import Expression
from ..operators.polynomial import compile_polynomials, derivative
from ..operators.states import ProductState
from ..operators.system import System
from .flow import Flow, flow_of, tangent_basis

__all__ = ["Regression", "fixed_point", "linear_regression", "regression_at"]

#: generator, (start, functional), (⟨a⟩, ⟨δa†δa⟩), what rounding makes of the latter
Regression: TypeAlias = tuple[
    np.ndarray, tuple[np.ndarray, np.ndarray], tuple[complex, float], float
]
#: multiples of one rounding that sums of products may be wrong by
_ROUNDINGS = 16 * 2.0**-52


@singledispatch
def linear_regression(system: Any, a: Any, mean: Any) -> Regression:
    """What spectra of a linearised mean field start from.

    Parameters
    ----------
    system : System or SpinChains
        Constant in time; chains without their central spin.
    a : Expression or Qobj
        Any operator of the system, to first order; of chains a lowering operator.
    mean : array_like or mapping
        Where the mean field starts that settles at the fixed point, as for `mfsolve`.

    Returns
    -------
    tuple
        See :data:`Regression`.

    Raises
    ------
    ValueError, TypeError
        Time dependent, no operator of the system, no fixed point, or an unstable one.
    """
    raise TypeError(
        f"mean: the linearised spectrum is that of a System or of SpinChains, not of a "
        f"{type(system).__name__}"
    )


@linear_regression.register(System)
def _of_system(system: System, a: Any, mean: Any) -> Regression:
    if not system.isconstant:
        raise ValueError("system must not depend on time to have a spectrum")
    if not isinstance(a, Expression):
        raise TypeError(
            f"a must be an expression of the system's symbols for its mean field, not "
            f"{type(a).__name__}"
        )
    system.require_own(a)
    if not a.isconstant:
        raise ValueError("a must not depend on time")
    try:
        start = ProductState(system, mean).variables()
    except (ValueError, TypeError) as error:
        raise type(error)(str(error).replace("state0", "mean")) from error
    flow = flow_of(system)
    x = fixed_point(flow, system.coordinates_of(start))
    brackets, value, gradient = _symbols(system, a, x)
    return regression_at(flow, x, brackets, value, gradient)


def _symbols(
    system: System, a: Expression, x: np.ndarray
) -> tuple[np.ndarray, complex, np.ndarray]:
    """Ω (d, d), the classical value of `a` and its gradient (d,) at the coordinates `x`."""
    c = system.classical
    n, d = range(c.variables), len(c.coordinates)
    symbol = c.expectation(c.hybrid(a))
    by = [derivative(symbol, k) for k in n]
    by_conjugate = [{} if k in c.real else derivative(symbol, k, True) for k in n]
    rows = [symbol, *by, *by_conjugate, *c.brackets()]
    evaluate = Polynomials(c.variables, *compile_polynomials(rows))
    out = np.asarray(evaluate(0.0, system.variables_at(x)))
    own, other = out[1 : len(n) + 1], out[len(n) + 1 : 2 * len(n) + 1]
    gradient = [
        (
            1j * (own[y.variable] - other[y.variable])
            if y.part
            else own[y.variable] + other[y.variable]
        )
        / y.scale
        for y in c.coordinates
    ]
    return out[2 * len(n) + 1 :].real.reshape(d, d), complex(out[0]), np.array(gradient)


def fixed_point(flow: Flow, start: np.ndarray) -> np.ndarray:
    """Coordinates (d,) where the mean field settles from `start`; the last digits by Newton's
    method.

    Raises
    ------
    ValueError
        It does not.
    """
    rate = float(np.abs(flow.parts(start)[1]).max())
    x = start
    for span in (20.0, 200.0, 2000.0):
        try:
            x = flow.relax(x, span / rate)
        except SolverError:
            break
        found = _newton(flow, x)
        if found is not None:
            return found
    raise ValueError(
        f"mean: the mean field does not settle from {np.round(start, 6)}: a limit cycle, whose "
        "line limit_cycle gives (frequency, phase_diffusion), or an unstable system"
    )


def _newton(flow: Flow, x: np.ndarray) -> np.ndarray | None:
    """The fixed point close to `x`; None where there is none."""
    lengths = flow.lengths(x)
    scale = max(1.0, float(np.abs(x).max()))
    for _ in range(12):
        F, M, _ = flow.parts(x)
        tangent = tangent_basis(x, flow.spheres)
        step = np.linalg.lstsq(tangent.T @ M @ tangent, -tangent.T @ F, rcond=None)[0]
        size = float(np.abs(step).max())
        if not size < 0.05 * scale:
            # not there yet
            return None
        x = flow.on_spheres(x + tangent @ step, lengths)
        if size < 1e-12 * scale:
            return np.asarray(x)
    return None


def regression_at(
    flow: Flow, x: np.ndarray, brackets: np.ndarray, value: complex, gradient: np.ndarray
) -> Regression:
    """The regression of an operator about a fixed point.

    Parameters
    ----------
    flow : Flow
    x : ndarray of shape (d,)
        The fixed point.
    brackets : ndarray of shape (d, d)
        Ω there.
    value : complex
        The operator's mean.
    gradient : ndarray of shape (d,)
        l.

    Raises
    ------
    ValueError
        The fixed point is not stable.
    """
    _, M, D = flow.parts(x)
    # the lengths of spins do not fluctuate
    B = tangent_basis(x, flow.spheres)
    M, D, brackets = B.T @ M @ B, B.T @ D @ B, B.T @ brackets @ B
    row = B.T @ gradient
    growth = float(np.linalg.eigvals(M).real.max())
    if growth > -1e-9 * np.abs(M).max():
        raise ValueError(
            f"mean: the fixed point {np.round(x, 6)} is not stable (rate {growth:.3g}): the mean "
            "field has no stationary spectrum about it"
        )
    C = scipy.linalg.solve_continuous_lyapunov(M, -D)
    source = (C + 0.5j * brackets) @ row
    power = max(float((row.conj() @ source).real), 0.0)
    size = np.abs(row)
    noise = _ROUNDINGS * float(size @ (np.abs(C) + 0.5 * np.abs(brackets)) @ size)
    return M, (source, row.conj()), (value, power), noise


SPECTRA["linear"] = linear_regression
