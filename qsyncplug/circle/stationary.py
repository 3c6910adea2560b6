"""Energy of a state; Jacobian, spectrum and cut-stability of a stationary one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse

from ..core.checks import check_choice, check_number
from ..core.saved import NoYesOrNo, Saved
from .model import Circle, check_circle, refuse_extras
from .parts import TOGETHER, Parts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Stability", "check_energy", "energy", "stability"]

#: Particles up to which cut-stability is decided by looking at every cut.
ALL_CUTS = 18
_DIRECT = 2048
_BLOCK = 2**20


@dataclass(frozen=True)
class Stability(NoYesOrNo, Saved):
    r"""Linear stability of a state.

    Attributes
    ----------
    jacobian : ndarray of shape (n, n)
        :math:`∂\dot x_i/∂x_j`.
    eigenvalues : ndarray of shape (n,)
        Of the Jacobian, by decreasing real part; real where the Jacobian is similar to a symmetric
        matrix (odd F, symmetric adjacency, no lag, and a state at rest or a constant g).
    velocity : ndarray of shape (n,)
        :math:`\dot x_i`.
    residual : float
        Largest velocity relative to the gross pair forces (and their slopes) that act on the
        particle: about 1e-15 at rest, however small the forces are. Particles within 1e-6 count as
        one for what acts on them from outside.
    stationary : bool
        Whether all velocities vanish, to the tolerance.
    locked : bool
        Whether all velocities are equal, to the tolerance: at rest in a rotating frame.
    synchronized : bool
        Whether all particles are at one point, to 1e-6.
    stable : bool
        Whether the state is locked and all eigenvalues but one (the rotation's 0) have negative
        real parts.
    unstable : bool
        Whether the state is locked and an eigenvalue has a positive real part. Neither is true if
        the leading eigenvalues are zero to rounding.
    cut_stable : bool or None
        Whether :math:`\sum_{i∈S,j∉S}c_ia_{ij}c_jF'(x_i-x_j)≥0` for every set S (PRY (C2), (C4),
        which must hold for all S and with both weights). None where it is not decided or, with a
        note, not defined.
    worst_cut : tuple of int or None
        The set S with the smallest sum that was found.
    worst_cut_value : float
        That sum.
    note : str
        How cut-stability was decided.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> found = qsp.stability(model, [0.0, 0.0, 0.0])
    >>> found.stable, np.round(np.sort(found.eigenvalues.real), 6) + 0.0
    (True, array([-1., -1.,  0.]))
    """

    _ask: ClassVar[str] = "stability.stable, stability.unstable or stability.cut_stable"

    _axes: ClassVar[dict[str, str]] = {
        "jacobian": "n n",
        "eigenvalues": "n complex",
        "velocity": "n",
    }

    jacobian: np.ndarray
    eigenvalues: np.ndarray
    velocity: np.ndarray
    residual: float
    stationary: bool
    locked: bool
    synchronized: bool
    stable: bool
    unstable: bool
    cut_stable: bool | None
    worst_cut: tuple[int, ...] | None
    worst_cut_value: float
    note: str

    def __repr__(self) -> str:
        what = "synchronised" if self.synchronized else "not synchronised"
        rest = "stationary" if self.stationary else "locked" if self.locked else "moving"
        kind = "stable" if self.stable else "unstable" if self.unstable else "undecided"
        return (
            f"<Stability: {what}, {rest} (residual {self.residual:.2g}), {kind}, "
            f"cut-stable: {self.cut_stable} ({self.note}); "
            f"leading eigenvalues {np.array2string(self.eigenvalues[:3], precision=6)}>"
        )


def check_energy(model: Circle) -> None:
    """Refuse a model whose motion is not along a gradient."""
    refuse_extras(model, "an energy that it ascends")
    if model.phase_lag != 0:
        raise ValueError(
            "a model with a phase lag has no energy: its forces are not the gradient of a function"
        )
    a = model.adjacency
    if a is not None:
        symmetric = (
            abs(a - a.T).max() == 0
            if scipy.sparse.issparse(a) and a.nnz
            else np.array_equal(*_dense_pair(a))
        )
        if not symmetric:
            raise ValueError(
                "a model with an asymmetric adjacency has no energy: its forces are not the "
                "gradient of a function"
            )
    if isinstance(model.frequencies, np.ndarray) and np.ptp(model.frequencies) > 0:
        raise ValueError("a model with different frequencies has no energy on the circle")


def _dense_pair(a: Any) -> tuple[np.ndarray, np.ndarray]:
    dense = a.toarray() if scipy.sparse.issparse(a) else a
    return dense, dense.T


def energy(model: Circle, x: ArrayLike, *, form: str = "integral") -> float:
    r"""Energy that the motion ascends.

    Parameters
    ----------
    model : Circle
    x : (n,) array_like
        Positions.
    form : {"integral", "exponential"}
        ``"integral"``: :math:`φ(\cos x)=\int_x^{π/2}F(y)\,dy`, which is :math:`\int_0^{\cos
        x}h(s)ds` for
        :math:`F=\sin x\,h(\cos x)` (PRY section 4). ``"exponential"``: :math:`φ=e^{β\cos x}/β` (PRY
        (3)), for the attention only; it differs by a constant. For β<0 it is minus the potential
        that PRY descend.

    Returns
    -------
    float
        :math:`E=\frac12\sum_{i,j}c_ia_{ij}c_j\,φ(\cos(x_i-x_j))`, with
        :math:`\dot x_i=\frac{κr_i}{c_ig_i}\,∂E/∂x_i` (plus a common rotation). PRY's (2) and (3)
        lack the factor ½.

    Raises
    ------
    ValueError
        The model has no energy (phase lag, asymmetric adjacency, different frequencies), or it
        overflows.

    Notes
    -----
    Pair sums up to 2048 particles; above, from the Fourier modes, with an absolute error of about
    :math:`10^{-15}(\sum c)^2\max|φ|`.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> bool(qsp.energy(model, [0.0, 0.0]) > qsp.energy(model, [0.0, np.pi]))
    True
    """
    x = check_circle(model).positions(x)
    check_energy(model)
    check_choice("form", form, ("integral", "exponential"))
    f = model.interaction
    if form == "exponential" and (f.kind != "attention" or f.beta == 0):
        raise ValueError(f'form="exponential" needs qsp.attention(beta) with beta≠0, not {f}')
    if f.log_scale > 690:
        raise ValueError(
            f"the energy of {f} has a factor e^{f.log_scale:.4g}, beyond floating point; take "
            "scaled=True"
        )
    c = np.ones(x.size) if model.weights is None else np.asarray(model.weights)

    def phi(difference: np.ndarray) -> np.ndarray:
        return (
            f.normaliser(difference) / f.beta if form == "exponential" else f.primitive(difference)
        )

    a = model.adjacency
    if scipy.sparse.issparse(a):
        row = np.repeat(np.arange(x.size), np.diff(a.indptr))
        total = float(np.sum(a.data * c[row] * c[a.indices] * phi(x[row] - x[a.indices])))
    elif a is not None or x.size <= _DIRECT:
        total = 0.0
        block = max(1, _BLOCK // x.size)
        for start in range(0, x.size, block):
            rows = slice(start, start + block)
            values = phi(x[rows, None] - x[None, :])
            total += float(c[rows] @ (values if a is None else a[rows] * values) @ c)
    else:
        total = _energy_from_modes(model, x, c, form)
    return 0.5 * total * math.exp(f.log_scale)


def _energy_from_modes(model: Circle, x: np.ndarray, c: np.ndarray, form: str) -> float:
    f = model.interaction
    if form == "exponential":
        series = f.normaliser_coefficients() / f.beta
    else:
        b = f.coefficients()
        k = np.arange(1, b.size + 1)
        constant = -float(np.sum(b / k * np.array([0.0, -1.0, 0.0, 1.0])[(k - 1) % 4]))
        series = np.concatenate([[constant], b / k])
    modes = np.zeros(series.size, dtype=complex)
    for start in range(0, x.size, 2**16):
        part = slice(start, start + 2**16)
        turn = np.exp(-1j * x[part])
        power = c[part].astype(complex)
        modes[0] += np.sum(power)
        for k in range(1, series.size):
            power *= turn
            modes[k] += np.sum(power)
    return float(np.sum(series * np.abs(modes) ** 2))


def stability(model: Circle, x: ArrayLike, *, tol: float = 1e-9) -> Stability:
    r"""Linearise the motion at a state.

    Parameters
    ----------
    model : Circle
    x : (n,) array_like
        Positions.
    tol : float
        Velocities below `tol` times what the gross forces on the particle could cause count as
        zero.

    Returns
    -------
    Stability

    Raises
    ------
    ValueError, TypeError
        Bad positions; forces beyond floating point.
    MemoryLimitError
        The n×n matrices do not fit.

    Notes
    -----
    Cut-stability is looked up for every set S up to 18 particles. Above, a positive semidefinite
    Hessian
    :math:`\sum_{i<j}c_ia_{ij}c_jF'(x_i-x_j)(v_i-v_j)^2` proves it, a cut with a negative sum (arcs
    of the circle, sections of the eigenvectors) disproves it, and otherwise it is left open.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> qsp.stability(model, [0.0, np.pi]).stable
    False
    """
    x = check_circle(model).positions(x)
    tol = check_number("tol", tol, minimum=0.0, strict=True)
    parts = Parts(model, x)
    velocity = parts.velocity
    residual = float(np.max(parts.imbalance()))
    locked = bool(np.max(parts.imbalance(parts.frame())) <= tol)
    matrix = parts.jacobian()
    eigenvalues = _eigenvalues(parts, matrix, locked)
    # the rotation's eigenvalue is the one closest to zero
    others = np.delete(eigenvalues, int(np.argmin(np.abs(eigenvalues)))).real
    noise = max(parts.rounding(), 1e-12 * float(np.max(np.abs(matrix))) * math.sqrt(x.size))
    spread = np.angle(np.exp(1j * (x - x[0])))
    cut, worst, value, note = _cuts(parts)
    return Stability(
        jacobian=matrix,
        eigenvalues=eigenvalues,
        velocity=velocity,
        residual=residual,
        stationary=residual <= tol,
        locked=locked,
        synchronized=bool(np.ptp(spread) <= TOGETHER),
        stable=locked and bool(np.all(others < -noise)),
        unstable=locked and bool(np.any(others > noise)),
        cut_stable=cut,
        worst_cut=worst,
        worst_cut_value=value,
        note=note,
    )


def _eigenvalues(parts: Parts, matrix: np.ndarray, locked: bool) -> np.ndarray:
    constant = not parts.attention and not callable(parts.model.normalization)
    at_rest = locked and not np.any(parts.omega)
    if parts.reciprocal() and (constant or at_rest) and parts.model.coupling != 0:
        return np.linalg.eigvalsh(parts.symmetric(matrix))[::-1]
    values = np.linalg.eigvals(matrix)
    return values[np.lexsort((-values.imag, -values.real))]


def _cuts(parts: Parts) -> tuple[bool | None, tuple[int, ...] | None, float, str]:
    """Whether every cut has a sum ≥ 0; the smallest one found."""
    n = parts.x.size
    if not parts.reciprocal():
        return (
            None,
            None,
            math.nan,
            "defined for reciprocal actions only (symmetric adjacency, no phase lag)",
        )
    pull = parts.act * parts.f.df(parts.difference)
    matrix = np.sign(parts.model.coupling) * parts.c[:, None] * pull * parts.scale
    np.fill_diagonal(matrix, 0.0)
    noise = 1e-13 * max(float(np.sum(np.abs(matrix))), 1e-300)
    if n == 1:
        return True, None, 0.0, "there is no cut"
    if n <= ALL_CUTS:
        value, members = _all_cuts(matrix)
        return value >= -noise, members, value, f"all {2 ** (n - 1) - 1} cuts"
    value, members = _likely_cuts(matrix, parts.x)
    if value < -noise:
        return False, members, value, "a cut with a negative sum"
    laplacian = np.diag(np.sum(matrix, axis=1)) - matrix
    lowest = float(np.linalg.eigvalsh(laplacian)[0])
    if lowest >= -noise:
        return True, members, value, "the Hessian is positive semidefinite"
    return (
        None,
        members,
        value,
        "not decided: the Hessian is indefinite, but no cut with a negative sum was found",
    )


def _all_cuts(matrix: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """Smallest sum over the sets that leave the last particle out."""
    n = matrix.shape[0]
    bits = np.arange(n - 1)
    best, members = math.inf, 0
    for start in range(1, 2 ** (n - 1), 2**14):
        sets = np.arange(start, min(start + 2**14, 2 ** (n - 1)))
        inside = np.zeros((sets.size, n))
        inside[:, : n - 1] = (sets[:, None] >> bits) & 1
        sums = np.einsum("ki,ki->k", inside @ matrix, 1 - inside)
        k = int(np.argmin(sums))
        if sums[k] < best:
            best, members = float(sums[k]), int(sets[k])
    return best, tuple(int(i) for i in bits if members >> int(i) & 1)


def _likely_cuts(matrix: np.ndarray, x: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """Smallest sum over single particles, arcs of the circle and sections of the most negative
    eigenvectors.
    """
    n = x.size
    total = np.sum(matrix, axis=1)
    orders = [np.argsort(np.mod(x, 2 * np.pi))]
    laplacian = np.diag(total) - matrix
    values, vectors = np.linalg.eigh(laplacian)
    orders += [np.argsort(vectors[:, k]) for k in range(min(3, n)) if values[k] < 0]
    best, members = float(np.min(total)), (int(np.argmin(total)),)
    for index, order in enumerate(orders):
        sorted_matrix = matrix[np.ix_(order, order)]
        # sums over blocks by prefix sums: cut(S) = total(S) − inside(S)
        prefix = np.zeros((n + 1, n + 1))
        prefix[1:, 1:] = np.cumsum(np.cumsum(sorted_matrix, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(total[order])])
        starts = range(n) if index == 0 else range(1)
        for a in starts:
            b = np.arange(a + 1, n + 1)
            inside = prefix[b, b] - prefix[a, b] - prefix[b, a] + prefix[a, a]
            sums = along[b] - along[a] - inside
            sums[(b - a) == n] = np.inf
            k = int(np.argmin(sums))
            if sums[k] < best:
                best, members = float(sums[k]), tuple(int(i) for i in order[a : b[k]])
    return best, members
