"""Pictures of limit cycles: where the amplitudes go, and how far noise carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..approximate.cycle import LimitCycle
from ..approximate.torus import LimitTorus
from .inputs import check_kind
from .style import COLOURS, MANY, figure, finish, legend, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_limit_cycle"]

#: ellipses along an orbit
_ELLIPSES = 8
_VEIL = 0.55
_LINES_OF_TITLE = 3


@picture
def plot_limit_cycle(
    cycle: LimitCycle | LimitTorus, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    r"""The amplitudes β of the oscillators on a limit cycle, and the noise across it.

    The frame turns with the phases that symmetries leave free. What stands still in it is a point
    on a thin circle of its radius, anything else an orbit. Ellipses are one standard deviation of
    the symmetrised covariance, with the free phases projected out: where they come near the
    origin, which is marked, the angle of an oscillator does not follow its phase. More than eight
    oscillators share a colour and go without ellipses. The title gives the rate Ω of every free
    phase and its diffusion D: its variance grows like D t.

    Parameters
    ----------
    cycle : LimitCycle or LimitTorus
        From :func:`qsyncplug.limit_cycle`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> pair = qsp.van_der_pol_pair(loss=0.1, detuning=1.5, dissipative=0.5)
    >>> fig, ax = qsp.plot_limit_cycle(qsp.limit_cycle(pair, [1, 1]))
    >>> ax.get_title()
    'common phase: Ω = 0.7071, D = 0.2778\nalong the orbit: Ω = 1.414, D = 0.5715'
    """
    check_kind("cycle", cycle, (LimitCycle, LimitTorus), "qsp.limit_cycle")
    fig, ax = figure(fig, ax, figsize=(4.8, 4.2))
    beta = np.atleast_2d(cycle.amplitudes)
    covariance = cycle.covariance.reshape(len(beta), 2 * cycle.n, 2 * cycle.n)
    for j in range(cycle.n):
        _draw(ax, j, beta[:, j], covariance[:, 2 * j : 2 * j + 2, 2 * j : 2 * j + 2], cycle.n)
    ax.plot(0, 0, "+", color="0.3")
    ax.set_aspect("equal", adjustable="datalim")
    legend(ax)
    finish(ax, "Re β", "Im β", _title(cycle))
    return fig, ax


def _draw(ax: Axes, j: int, path: np.ndarray, blocks: np.ndarray, count: int) -> None:
    """Oscillator j of `count`: β (K,) on its way, and ellipses for the covariances (K, 2, 2)."""
    many = count > MANY
    colour = COLOURS[1 if many else j % len(COLOURS)]
    name = None if many else f"node {j + 1}"
    if len(path) == 1:
        ax.plot(*_plane(abs(path[0]) * _UNIT), color=colour, lw=0.6, alpha=_VEIL)
        ax.plot(*_plane(path), "o", color=colour, ms=4, label=name)
    else:
        width, alpha = (0.7, _VEIL) if many else (1.7, 1.0)
        closed = np.append(path, path[0])
        ax.plot(*_plane(closed), color=colour, lw=width, alpha=alpha, label=name)
    for k in [] if many else range(0, len(path), max(1, len(path) // _ELLIPSES)):
        ax.plot(*_plane(path[k] + _ellipse(blocks[k])), color=colour, lw=0.8, alpha=_VEIL)


_UNIT = np.exp(1j * np.linspace(0, 2 * np.pi, 129))


def _plane(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return z.real, z.imag


def _ellipse(block: np.ndarray) -> np.ndarray:
    """One standard deviation of β=(q+ip)/√2 for the covariance (2, 2) of q and p."""
    values, axes = np.linalg.eigh(0.5 * block)
    long = axes * np.sqrt(np.maximum(values, 0.0))
    q, p = long @ np.array([_UNIT.real, _UNIT.imag])
    return np.asarray(q + 1j * p)


def _title(cycle: LimitCycle | LimitTorus) -> str:
    """Rate and diffusion of each free phase, or how many there are."""
    if isinstance(cycle, LimitTorus):
        if len(cycle.phases) > _LINES_OF_TITLE:
            return f"{len(cycle.phases)} free phases"
        spread = np.diagonal(cycle.diffusion_matrix)
        rows = zip(cycle.phases, cycle.frequencies, spread, strict=True)
        return "\n".join(f"{name}: Ω = {w:.4g}, D = {d:.4g}" for name, w, d in rows)
    if not cycle.phase_response.any():
        return "no phase is free"
    frequency = 0.0 if np.isinf(cycle.period) else cycle.frequency
    return f"free phase: Ω = {frequency:.4g}, D = {cycle.phase_diffusion:.4g}"
