"""Whether states and phase-space arrays fit their grids: amplitudes at the edges, which are the
size of the error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_array
from ..core.errors import ApproximationWarning, warn
from ..core.grid import Grid
from ..waves.errors import AliasingError
from .errors import PhaseSpaceError, PhaseSpaceWarning
from .phase_space import PhaseSpace, as_phase_space

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "EDGE_ERROR",
    "EDGE_WARNING",
    "factor_diagnostics",
    "fits",
    "judge",
    "phase_space_diagnostics",
    "state_diagnostics",
    "warn_drift",
    "warn_edges",
]

#: amplitudes at the edge of the grid, relative to the largest, beyond which the result is doubtful,
#: or wrong
EDGE_WARNING = 1e-5
EDGE_ERROR = 1e-2


def _edge(f: np.ndarray, axis: int, centred: bool) -> float:
    """The largest |f| in the outer layers along `axis` relative to the largest anywhere."""
    f = np.abs(f)
    top = float(f.max())
    if top == 0:
        return 0.0
    f = np.moveaxis(f, axis, 0)
    n = len(f)
    if not centred:
        f = np.roll(f, n // 2, axis=0)
    layers = max(1, n // 64)
    return float(max(f[:layers].max(), f[n - layers :].max())) / top


def state_diagnostics(psi: ArrayLike, grid: Grid) -> dict[str, float]:
    """How far a state on `grid` reaches to the edge of the box and to the highest wave number.

    Parameters
    ----------
    psi : array of shape ``grid.shape``, or more with leading axes
    grid : Grid

    Returns
    -------
    dict
        ``"x"``, ``"p"``: the largest amplitude in the outermost 1/64 of the points, relative to the
        largest amplitude; it is the size of the relative error that the grid makes.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> sorted(qsp.state_diagnostics(grid.gaussian(0.0), grid))
    ['p', 'x']
    """
    d = grid.ndim
    shape = np.shape(psi)
    if shape[max(len(shape) - d, 0) :] != grid.shape:
        raise ValueError(
            f"psi must have the grid's shape {grid.shape}, with any leading axes, not {shape}"
        )
    psi = check_array("psi", psi, dtype=complex)
    psi = psi.reshape((-1, *grid.shape))
    spectrum = np.fft.fftn(psi, axes=tuple(range(-d, 0)))
    return {
        "x": max(_edge(f, a, True) for f in psi for a in range(d)),
        "p": max(_edge(f, a, False) for f in spectrum for a in range(d)),
    }


def phase_space_diagnostics(w: ArrayLike, space: PhaseSpace | Grid) -> dict[str, float]:
    """How far a phase-space array reaches to the edges of its grid.

    Parameters
    ----------
    w : array of shape ``space.shape``
    space : PhaseSpace or Grid

    Returns
    -------
    dict
        ``"x"``, ``"p"``: √(marginal at the edge/largest marginal), the amplitude of a wave function
        there; ``"y"``, ``"xi"``: the same, of the Fourier transform over p at the largest
        separations y, and of the Fourier transform over x at the highest wave numbers ξ.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> w = qsp.wigner_transform(grid.gaussian(0.0), grid=grid)
    >>> sorted(qsp.phase_space_diagnostics(w, grid))
    ['p', 'x', 'xi', 'y']
    """
    space = as_phase_space(space)
    if np.shape(w) != space.shape:
        raise ValueError(
            f"w must have the shape {space.shape} of its phase space, not {np.shape(w)}"
        )
    w = check_array("w", w, dtype=complex if np.iscomplexobj(w) else float)
    d = space.ndim
    xs, ps = tuple(range(d)), tuple(range(d, 2 * d))
    result = {}
    for name, others in (("x", ps), ("p", xs)):
        marginal = w.sum(axis=others)
        result[name] = max(_edge(marginal, a, True) for a in range(d)) ** 0.5
    for name, over in (("y", ps), ("xi", xs)):
        # one axis after the other, squares summed over the rest: no second array of full size
        worst = 0.0
        for a in over:
            c = np.fft.fft(w, axis=a)
            power = np.sqrt(np.sum(np.abs(c) ** 2, axis=tuple(b for b in range(2 * d) if b != a)))
            worst = max(worst, _edge(power, 0, False))
        result[name] = worst
    return result


_MEANING = {
    "x": "at the edge of the box",
    "p": "at the highest momentum",
    "y": "at the largest separation y",
    "xi": "at the highest wave number ξ",
}
_REMEDY = {
    "x": "take a larger length",
    "p": "take more points",
    "y": "take a larger length (and as many more points)",
    "xi": "take more points",
}


def judge(found: dict[str, float], what: str) -> dict[str, float]:
    """Warn, or raise, about diagnostics that are too large."""
    name = max(found, key=lambda k: found[k])
    size = found[name]
    if size > EDGE_ERROR:
        raise PhaseSpaceError(
            f"{what} does not fit the grid: its amplitude {_MEANING[name]} is {size:.1e} of the "
            f"largest; {_REMEDY[name]}",
            found,
        )
    if size > EDGE_WARNING:
        warn(
            f"{what} barely fits the grid: its amplitude {_MEANING[name]} is {size:.1e} of the "
            f"largest; {_REMEDY[name]}",
            PhaseSpaceWarning,
        )
    return found


def factor_diagnostics(rows: np.ndarray, grid: Grid) -> dict[str, float]:
    """:func:`state_diagnostics` of factors (N, A, M): of the joint amplitude (Σ_α|f_i^α|²)^½ of
    each oscillator.

    A single factor may be nothing but rounding, which reaches everywhere.
    """
    n, members, _ = rows.shape
    axes = tuple(range(-grid.ndim, 0))
    shaped = rows.reshape(n, members, *grid.shape)
    found = {}
    for name, f, centred in (("x", shaped, True), ("p", np.fft.fftn(shaped, axes=axes), False)):
        amplitude = np.sqrt(np.sum(np.abs(f) ** 2, axis=1))
        found[name] = max(_edge(one, a, centred) for one in amplitude for a in range(grid.ndim))
    return found


def fits(found: dict[str, float], t: float, result: Any = None) -> float:
    """Return the largest of the diagnostics at time `t` of a run; too large a one stops it."""
    name = max(found, key=lambda k: found[k])
    if found[name] > EDGE_ERROR:
        raise AliasingError(
            f"at t={t:g} the amplitude {_MEANING[name]} is {found[name]:.2g} of the largest; "
            f"{_REMEDY[name]}",
            time=t,
            reason="aliasing",
            result=result,
        )
    return found[name]


def warn_drift(drift: float) -> None:
    """Warn where a conserved mass was not conserved."""
    if drift > 1e-6:
        warn(
            f"∫w_ii, which is constant, has changed by a part of {drift:.1g}: states close to an "
            "unstable equilibrium amplify "
            "rounding, or the tolerances are too loose",
            ApproximationWarning,
        )


def warn_edges(worst: float) -> None:
    """Warn of the largest amplitude at an edge that a run has seen."""
    if worst > EDGE_WARNING:
        warn(
            f"the amplitude at the edge of the grid reached {worst:.2g} of the largest, which is "
            "the size of the error; "
            "take a longer box or more points",
            PhaseSpaceWarning,
        )
