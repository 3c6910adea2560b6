"""Residuals of the hydrodynamic equations of two coupled Schrödinger–Lohe oscillators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_array, check_flag, check_number, check_sequence, check_times
from ..core.grid import Grid
from ..core.types import Field
from .fields import bar, states_on
from .pairs import PairHydrodynamics, pair_hydrodynamics

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["hydrodynamic_residuals", "run_residuals"]

#: weights of f′ on nine equidistant points, times the step: error h⁸f⁽⁹⁾/630
_NINE = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])


def _right_hand_side(
    pair: PairHydrodynamics, v: np.ndarray, kappa: float
) -> tuple[np.ndarray, np.ndarray]:
    """∂_tψ_1, ∂_tψ_2 of the Schrödinger–Lohe equations (18)."""
    a, b = pair.first.psi, pair.second.psi
    z = pair.overlap
    rates = []
    for h, other, overlap in ((pair.first, b, np.conj(z)), (pair.second, a, z)):
        rates.append(0.5j * h.laplacian - 1j * v * h.psi + kappa / 4 * (other - overlap * h.psi))
    return rates[0], rates[1]


def _field_rates(pair: PairHydrodynamics, d1: np.ndarray, d2: np.ndarray) -> dict[str, np.ndarray]:
    """Time derivatives of ρ and J of ψ_1, ψ_2, ψ_d and ψ_a, by the product rule."""
    rates = {}
    grid = pair.grid
    for name, h, d in (
        ("1", pair.first, d1),
        ("2", pair.second, d2),
        ("d", pair.difference, d1 - d2),
        ("a", pair.rotated, d1 - 1j * d2),
    ):
        gradient = np.stack([grid.derivative(d, k) for k in range(grid.ndim)])
        rates["rho_" + name] = h.weight * 2 * bar(h.psi, d).real
        rates["J_" + name] = h.weight * (bar(d, h.gradient) + bar(h.psi, gradient)).imag
    rates["rho_c"] = pair.second.psi.conj() * d1 + pair.first.psi * d2.conj()
    g1, g2 = (np.stack([grid.derivative(d, k) for k in range(grid.ndim)]) for d in (d1, d2))
    a, b = pair.first, pair.second
    rates["J_c"] = -0.5j * (
        d2.conj() * a.gradient + b.psi.conj() * g1 - d1 * b.gradient.conj() - a.psi * g2.conj()
    )
    return rates


def _sources(pair: PairHydrodynamics, kappa: float, printed: bool) -> dict[str, np.ndarray]:
    """Right-hand sides of (19), and of the closure with moments of w_12."""
    a, b, d, r = pair.first, pair.second, pair.difference, pair.rotated
    z = complex(pair.overlap)
    re, im = z.real, z.imag
    half = kappa / 2
    c = np.conj(z)
    sign = 1.0 if printed else -1.0
    return {
        "rho_1": half * (pair.density - re * a.density),
        "rho_2": half * (pair.density - re * b.density),
        "J_1": half * (pair.current - re * a.current),
        "J_2": half * (pair.current - re * b.current),
        # printed with +K s σ
        "rho_d": -half * (1 + re) * d.density + sign * kappa * im * pair.sigma,
        "J_d": -half * ((1 + re) * d.current + 2 * im * pair.G),
        "rho_a": half * ((1 - im) * pair.density - re * r.density),
        "J_a": half * ((1 - im) * pair.current - re * r.current),
        "rho_c": kappa / 4 * (a.density + b.density - 2 * c * pair.complex_density),
        "J_c": kappa / 4 * (a.current + b.current - 2 * c * pair.complex_current),
    }


def _force(potential: Any, grid: Grid, gradient: Any) -> np.ndarray:
    r"""∇V on the grid, (d, \*grid.shape): as given, or by differences of the function."""
    if gradient is None:
        if not callable(potential):
            raise ValueError(
                "gradient must be given, ∇V of shape (d, *grid.shape), when potential is an array"
            )
        # the potential need not be periodic: differences of order 8 of the function itself, with a
        # step that rounding likes
        step = 0.02
        out = np.zeros((grid.ndim, *grid.shape))
        for a in range(grid.ndim):
            for k, c in enumerate(_NINE):
                if c:
                    at = [x + (k - 4) * step if b == a else x for b, x in enumerate(grid.mesh)]
                    out[a] += c / step * np.asarray(potential(*at), dtype=float)
        return out
    if callable(gradient):
        gradient = gradient(*grid.mesh)
    if grid.ndim == 1 and np.shape(gradient) == grid.shape:
        gradient = [gradient]
    parts = check_sequence("gradient", gradient, "arrays, ∂V by each coordinate")
    fields = [grid.field("gradient", np.asarray(g), dtype=float) for g in parts]
    if len(fields) != grid.ndim:
        raise ValueError(f"gradient must have {grid.ndim} components, not {len(fields)}")
    return np.stack(fields)


def _checked(
    psi1: Any, psi2: Any, grid: Grid, potential: Any, coupling: Any
) -> tuple[PairHydrodynamics, np.ndarray, float]:
    kappa = check_number("coupling", coupling)
    pair = pair_hydrodynamics(psi1, psi2, grid)
    if pair.first.psi.shape != grid.shape:
        raise ValueError(
            f"psi1 must be one state of shape {grid.shape}, not {pair.first.psi.shape}"
        )
    for name, mass in (("psi1", pair.first.mass), ("psi2", pair.second.mass)):
        if abs(mass - 1) > 1e-6:
            raise ValueError(
                f"{name} must have norm 1 (the equations (19) hold for such states), not "
                f"{np.sqrt(mass):g}"
            )
    return pair, grid.field("potential", potential, dtype=float), kappa


def hydrodynamic_residuals(
    psi1: ArrayLike,
    psi2: ArrayLike,
    grid: Grid,
    *,
    potential: Field,
    coupling: float,
    gradient: Field | None = None,
    rates: tuple[ArrayLike, ArrayLike] | None = None,
    printed: bool = False,
) -> dict[str, np.ndarray]:
    r"""Residuals of the hydrodynamic equations (19) of Antonelli, Ha, Kim and Marcati for two
    oscillators.

    With ``K`` the coupling, and r, s real and imaginary part of ⟨ψ_1,ψ_2⟩:

    .. math::
        ∂_tρ_j+∇·J_j &= \tfrac K2(ρ_{12}-rρ_j), \\
        ∂_tJ_j+∇·(J_j⊗J_j/ρ_j+P_j)+ρ_j∇V &= \tfrac K2(J_{12}-rJ_j), \\
        ∂_tρ_d+∇·J_d &= -\tfrac K2(1+r)ρ_d-Ksσ_{12}, \\
        ∂_tJ_d+∇·(J_d⊗J_d/ρ_d+P_d)+ρ_d∇V &= -\tfrac K2((1+r)J_d+2sG_{12}), \\
        ∂_tρ_a+∇·J_a &= \tfrac K2((1-s)ρ_{12}-rρ_a), \\
        ∂_tJ_a+∇·(J_a⊗J_a/ρ_a+P_a)+ρ_a∇V &= \tfrac K2((1-s)J_{12}-rJ_a).

    The paper prints :math:`+Ksσ_{12}` in the third, which is wrong. Momentum fluxes are evaluated
    in their smooth form,
    :math:`∇·\mathrm{Re}(∇\barψ⊗∇ψ)-¼∇Δρ`, which needs no ρ>0.

    Parameters
    ----------
    psi1, psi2 : array of shape ``grid.shape``
        Of norm 1.
    grid : Grid
    potential : callable or array
        V.
    coupling : float
        K.
    gradient : callable or array of shape ``(d, *grid.shape)``, optional
        ∇V; a callable returns d fields (one field in one dimension). Differences of order 8 of a
        callable potential unless given: good to about 1e-12 for a smooth one.
    rates : pair of arrays of shape ``grid.shape``, optional
        ∂_tψ_1 and ∂_tψ_2, for example from a run; the Schrödinger–Lohe equations unless given, and
        then the residuals say how well the grid resolves the states.
    printed : bool
        The third equation with the sign that the paper prints.

    Returns
    -------
    dict of ndarray
        ``"rho_1"``, ``"rho_2"``, ``"rho_d"``, ``"rho_a"`` of shape ``grid.shape``, ``"J_1"``,
        ``"J_2"``, ``"J_d"``, ``"J_a"`` of shape ``(d, *grid.shape)``: left minus right-hand side.
        ``"rho_c"`` and ``"J_c"`` (complex) are the residuals of the simpler closure with
        :math:`ρ_c=∫w_{12}\,dp`, :math:`J_c=∫p\,w_{12}\,dp` and z=∫w_12:
        :math:`∂_tJ_c+∇·∫p⊗p\,w_{12}\,dp+ρ_c∇V=\tfrac K4(J_1+J_2-2zJ_c)`.

    Raises
    ------
    ValueError, TypeError
        Shapes; states that are not of norm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> a, b = grid.gaussian(0.5), grid.gaussian(-0.5)
    >>> found = qsp.hydrodynamic_residuals(a, b, grid, potential=lambda x: x**2 / 2, coupling=1.0)
    >>> bool(max(np.abs(v).max() for v in found.values()) < 1e-8)
    True
    """
    printed = check_flag("printed", printed)
    pair, v, kappa = _checked(psi1, psi2, grid, potential, coupling)
    force = _force(potential, grid, gradient)
    if rates is None:
        d1, d2 = _right_hand_side(pair, v, kappa)
    else:
        given = check_sequence("rates", rates, "two arrays")
        if len(given) != 2:
            raise ValueError(f"rates must be a pair of arrays, not {len(given)} of them")
        d1, d2 = (check_array("rates", r, shape=grid.shape, dtype=complex) for r in given)
    return _residuals(pair, _field_rates(pair, d1, d2), force, kappa, printed)


def _residuals(
    pair: PairHydrodynamics,
    rates: dict[str, np.ndarray],
    force: np.ndarray,
    kappa: float,
    printed: bool,
) -> dict[str, np.ndarray]:
    sources = _sources(pair, kappa, printed)
    result = {}
    for name, h in (
        ("1", pair.first),
        ("2", pair.second),
        ("d", pair.difference),
        ("a", pair.rotated),
    ):
        result["rho_" + name] = rates["rho_" + name] + h.current_divergence - sources["rho_" + name]
        result["J_" + name] = (
            rates["J_" + name]
            + h.momentum_flux_divergence
            + h.density * force
            - sources["J_" + name]
        )
    a, b = pair.first, pair.second
    divergence = -0.5j * (b.psi.conj() * a.laplacian - a.psi * b.laplacian.conj())
    result["rho_c"] = rates["rho_c"] + divergence - sources["rho_c"]
    result["J_c"] = (
        rates["J_c"] + pair.complex_flux_divergence + pair.complex_density * force - sources["J_c"]
    )
    return result


def run_residuals(
    states: ArrayLike,
    times: ArrayLike,
    grid: Grid,
    *,
    potential: Field,
    coupling: float,
    gradient: Field | None = None,
    printed: bool = False,
) -> dict[str, float]:
    r"""Largest residuals of the hydrodynamic equations (19) along a run, with time derivatives
    taken from its output.

    Parameters
    ----------
    states : array of shape ``(T, 2, *grid.shape)``
        At T≥9 equidistant times.
    times : array of shape (T,)
    grid : Grid
    potential, gradient, coupling, printed
        As for :func:`hydrodynamic_residuals`.

    Returns
    -------
    dict of float
        For each equation the largest \|residual\| at the times that have four neighbours on either
        side. Derivatives of the fields are central differences of order 8: with outputs h apart
        they are good to h⁸f⁽⁹⁾/630.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> waves = [grid.gaussian(0.5), grid.gaussian(-0.5)]
    >>> times = np.linspace(0, 0.2, 41)
    >>> options = {"method": "dop853", "store_states": True}
    >>> run = qsp.slsolve(model.schrodinger_lohe, waves, times, options=options)
    >>> trap = lambda x: x**2 / 2
    >>> found = qsp.run_residuals(run.states, times, grid, potential=trap, coupling=1.0)
    >>> bool(max(found.values()) < 1e-4)
    True
    """
    printed = check_flag("printed", printed)
    times = check_times(times, "times", minimum=9)
    step = (times[-1] - times[0]) / (len(times) - 1)
    if np.max(np.abs(np.diff(times) - step)) > 1e-9 * step:
        raise ValueError("times must be equidistant")
    psi = states_on("states", states, grid)
    if psi.shape != (len(times), 2, *grid.shape):
        raise ValueError(f"states must have shape {(len(times), 2, *grid.shape)}, not {psi.shape}")
    fields: list[dict[str, np.ndarray]] = []
    pairs = []
    for row in psi:
        pair, _, kappa = _checked(row[0], row[1], grid, potential, coupling)
        pairs.append(pair)
        field = {"rho_c": pair.complex_density, "J_c": pair.complex_current}
        for name, h in (
            ("1", pair.first),
            ("2", pair.second),
            ("d", pair.difference),
            ("a", pair.rotated),
        ):
            field["rho_" + name], field["J_" + name] = h.density, h.current
        fields.append(field)
    force = _force(potential, grid, gradient)
    worst: dict[str, float] = {}
    for k in range(4, len(times) - 4):
        rates = {
            name: np.asarray(sum(c * fields[k - 4 + i][name] for i, c in enumerate(_NINE))) / step
            for name in fields[k]
        }
        for name, residual in _residuals(pairs[k], rates, force, kappa, printed).items():
            worst[name] = max(worst.get(name, 0.0), float(np.max(np.abs(residual))))
    return worst
