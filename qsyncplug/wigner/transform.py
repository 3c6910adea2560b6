"""The Wigner transform of states and operators, and its inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import qutip

from ..core.checks import (
    check_array,
    check_choice,
    check_flag,
    check_integer,
    check_memory,
    check_number,
)
from ..core.grid import Grid
from ..core.types import Wave
from .fit import _edge, judge, state_diagnostics
from .kernels import (
    correlate,
    correlate_kernel,
    hermite_functions,
    kernel_of,
    to_momentum,
    upsample,
)
from .kets import check_line, check_qobj, fock_diagnostics, fock_to_grid, occupied_levels
from .phase_space import MAX_FOCK, PhaseSpace, as_phase_space, fock_grid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "inverse_wigner_transform",
    "qutip_wigner",
    "wigner_transform",
]


def _array(name: str, value: Any, grid: Grid) -> np.ndarray:
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of numbers ({error})") from None
    if raw.shape not in (grid.shape, grid.shape * 2):
        raise ValueError(
            f"{name} must be a state of the grid's shape {grid.shape} or a kernel of shape "
            f"{grid.shape * 2}, not {raw.shape}"
        )
    return check_array(name, value, shape=raw.shape, dtype=complex)


def wigner_transform(
    psi: Wave, phi: Wave | None = None, *, grid: Grid | PhaseSpace | None = None
) -> np.ndarray:
    r"""Wigner transform of a state, of a pair of states, or of an operator.

    .. math:: w(x,p) = (2π)^{-d} ∫ ψ(x+y/2)\,\bar φ(x−y/2)\,e^{−ip·y}\,dy ,

    the Weyl symbol of |ψ⟩⟨φ| (Antonelli, Ha, Kim and Marcati, section 3, with the signs that give a
    plane wave
    :math:`e^{ik·x}` the momentum +k); for an operator with kernel K(x, x′), K(x+y/2, x−y/2) in
    place of the product. The states are the trigonometric interpolants of their samples: for states
    that fit the grid the result is exact to rounding, about 1e-14.

    Parameters
    ----------
    psi : array of shape ``grid.shape``, array of shape ``grid.shape + grid.shape``, or Qobj
        A state on the grid, the kernel of an operator ⟨x|O|x′⟩ on the grid, or a ket or operator of
        one mode (Hermitian or not, such as \|i⟩⟨j\|) in the Fock basis of ½p²+½x².
    phi : array of shape ``grid.shape`` or Qobj ket, optional
        The second state; `psi` itself unless given.
    grid : Grid or PhaseSpace, optional
        Needed for arrays. For Qobj it is chosen from the Fock dimension: ``fock_grid(dimension)``.

    Returns
    -------
    ndarray of shape ``PhaseSpace(grid).shape``
        w[x…, p…]: positions first, both ascending; see :class:`PhaseSpace`. Real for one state and
        for Hermitian operators, otherwise complex.

    Raises
    ------
    ValueError, TypeError
        Shapes, NaN, bras, superoperators, states of several modes; a state that does not fit the
        grid (:class:`PhaseSpaceError`, amplitude above 1e-2 at an edge).
    MemoryLimitError
        The array would not fit into memory.

    Warns
    -----
    PhaseSpaceWarning
        The amplitude at an edge of the grid is above 1e-5 of the largest: this is the size of the
        error.

    Notes
    -----
    ``qutip.wigner(rho, x, p).T`` is the same function for Hermitian operators; for others it is
    silently wrong, see
    :func:`qutip_wigner`. In the notation of Antonelli et al. :math:`w^{P1}_{jk}=w_{kj}`; Ha, Hwang
    and Kim's (4) is w(x,−p).

    Examples
    --------
    >>> grid = Grid(64, 16.0)
    >>> w = wigner_transform(grid.gaussian(), grid=grid)
    >>> w.shape, bool(abs(w.max() - 1 / np.pi) < 1e-14)
    ((128, 128), True)
    """
    if isinstance(grid, PhaseSpace):
        grid = grid.grid
    if grid is not None and not isinstance(grid, Grid):
        raise TypeError(f"grid must be a Grid, not {type(grid).__name__}")
    given = [(n, s) for n, s in (("psi", psi), ("phi", phi)) if s is not None]
    if psi is None:
        raise TypeError("psi must be an array or a Qobj, not None")
    quantum = [s for _, s in given if isinstance(s, qutip.Qobj)]
    for name, s in given:
        if isinstance(s, qutip.Qobj):
            check_qobj(name, s)
    if grid is None:
        if len(quantum) < len(given):
            raise TypeError("grid must be given for states that are arrays")
        for name, s in given:
            if occupied_levels(s) > MAX_FOCK:
                raise ValueError(
                    f"{name} must occupy at most {MAX_FOCK} Fock levels, not "
                    f"{occupied_levels(s)}; give it as an array on a Grid"
                )
        grid = fock_grid(min(max(s.shape[0] for s in quantum), MAX_FOCK))
    space = PhaseSpace(grid)
    values: list[np.ndarray] = []
    for name, s in given:
        if isinstance(s, qutip.Qobj):
            judge(fock_diagnostics(s, grid), name)
            values.append(fock_to_grid(s, grid))
        else:
            values.append(_array(name, s, grid))
    if len(values) == 2 and any(v.shape != grid.shape for v in values):
        raise ValueError(
            "phi must be left out when psi is an operator, and must be a ket itself: a pair is two "
            "kets"
        )
    operator = values[0].shape != grid.shape
    hermitian = len(values) == 1 and (not operator or _is_hermitian(values[0]))
    check_memory(
        "a phase-space array",
        space.nbytes(float if hermitian else complex)
        + (2 * space.nbytes() if operator else min(2 * space.nbytes(), 2**27)),
        advice="take fewer points",
    )
    for (name, s), v in zip(given, values, strict=True):
        if not isinstance(s, qutip.Qobj):
            judge(_kernel_diagnostics(v, grid) if operator else state_diagnostics(v, grid), name)
    if operator:
        if isinstance(psi, qutip.Qobj):
            # no interpolation where the functions are known
            fine = fock_to_grid(psi, grid, space.x_axes[0])
        else:
            fine = upsample(values[0], tuple(range(2 * grid.ndim)))
        return _rows(lambda rows: correlate_kernel(fine, rows), space, hermitian)
    axes = tuple(range(grid.ndim))
    up = [upsample(v, axes) for v in values]
    return transform_fine(up[0], up[-1], space, hermitian)


def transform_fine(
    psi: np.ndarray, phi: np.ndarray, space: PhaseSpace, hermitian: bool = False
) -> np.ndarray:
    """Wigner transform of states already upsampled to ``space.x_shape``; nothing is checked.
    `hermitian`: φ is ψ.
    """
    return _rows(lambda rows: correlate(psi, phi, rows), space, hermitian)


def _rows(correlation: Any, space: PhaseSpace, hermitian: bool) -> np.ndarray:
    """Transform the correlation function, a block of positions at a time."""
    size = space.x_shape[0]
    per_row = 16.0 * space.size / size
    block = int(max(1, min(size, 2**24 // per_row)))
    if block == size:
        return to_momentum(correlation(slice(None)), space, hermitian)
    w = np.empty(space.shape, dtype=float if hermitian else complex)
    for start in range(0, size, block):
        w[start : start + block] = to_momentum(
            correlation(slice(start, start + block)), space, hermitian
        )
    return w


def _is_hermitian(kernel: np.ndarray) -> bool:
    size = int(np.sqrt(kernel.size))
    k = kernel.reshape(size, size)
    return bool(np.max(np.abs(k - k.conj().T)) <= 1e-14 * np.max(np.abs(k)))


def _kernel_diagnostics(kernel: np.ndarray, grid: Grid) -> dict[str, float]:
    """Of a kernel: edges in either argument, measured by the norm over the other."""
    size = grid.size
    k = kernel.reshape(size, size)
    found = {"x": 0.0, "p": 0.0}
    for matrix in (k.T, k):
        # rows of the matrix are functions on the grid; their joint amplitude is what counts
        rows = matrix.reshape(size, *grid.shape)
        spectrum = np.fft.fftn(rows, axes=tuple(range(1, grid.ndim + 1)))
        for name, f, centred in (("x", rows, True), ("p", spectrum, False)):
            amplitude = np.sqrt(np.sum(np.abs(f) ** 2, axis=0))
            found[name] = max(
                found[name], *(_edge(amplitude, a, centred) for a in range(grid.ndim))
            )
    return found


# ------------------------------------------------------------ back


@overload
def inverse_wigner_transform(
    w: ArrayLike,
    space: PhaseSpace | Grid,
    *,
    form: Literal["kernel"] = "kernel",
    levels: int | None = None,
    tolerance: float = 1e-8,
) -> np.ndarray: ...
@overload
def inverse_wigner_transform(
    w: ArrayLike,
    space: PhaseSpace | Grid,
    *,
    form: Literal["states"],
    levels: int | None = None,
    tolerance: float = 1e-8,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def inverse_wigner_transform(
    w: ArrayLike,
    space: PhaseSpace | Grid,
    *,
    form: Literal["qobj"],
    levels: int | None = None,
    tolerance: float = 1e-8,
) -> qutip.Qobj: ...
def inverse_wigner_transform(
    w: ArrayLike,
    space: PhaseSpace | Grid,
    *,
    form: Literal["kernel", "states", "qobj"] = "kernel",
    levels: int | None = None,
    tolerance: float = 1e-8,
) -> np.ndarray | tuple[np.ndarray, np.ndarray] | qutip.Qobj:
    r"""The operator, or the states, whose Wigner transform is `w`.

    Parameters
    ----------
    w : array of shape ``space.shape``
        Real or complex.
    space : PhaseSpace or Grid
        Its phase space, or the grid of the states.
    form : {"kernel", "states", "qobj"}
        What to return.
    levels : int, optional
        Fock levels of the Qobj; needed for ``form="qobj"``.
    tolerance : float
        For ``"states"``: the largest part, relative in norm, that may be missing from \|ψ⟩⟨φ\|. For
        ``"qobj"``: that may lie outside the Fock levels.

    Returns
    -------
    ndarray of shape ``grid.shape + grid.shape``
        For ``"kernel"``: K(x, x′) on the grid of the states.
    (psi, phi) : ndarrays of shape ``grid.shape``
        For ``"states"``: with ψ(x)φ̄(x′)=K(x, x′), equal norms, and φ real and positive where it is
        largest; a common phase factor is not in `w`.
    Qobj
        For ``"qobj"``: operator on `levels` Fock states of ½p²+½x².

    Raises
    ------
    ValueError
        `w` is not of the form \|ψ⟩⟨φ\|, or does not fit the Fock levels.

    Examples
    --------
    >>> grid = Grid(64, 16.0)
    >>> psi = grid.gaussian(1.0)
    >>> k = inverse_wigner_transform(wigner_transform(psi, grid=grid), grid)
    >>> bool(np.allclose(k, np.outer(psi, psi.conj()), atol=1e-14))
    True
    """
    space = as_phase_space(space)
    check_choice("form", form, ("kernel", "states", "qobj"))
    tolerance = check_number("tolerance", tolerance, minimum=0.0)
    w = check_array("w", w, shape=space.shape, dtype=complex)
    check_memory("the inverse transform", 2 * space.nbytes(), advice="take fewer points")
    kernel = kernel_of(w, space)
    if form == "kernel":
        return kernel
    size = space.grid.size
    if form == "states":
        left, s, right = np.linalg.svd(kernel.reshape(size, size))
        rest = float(np.sqrt(np.sum(s[1:] ** 2)) / s[0]) if s[0] > 0 else 0.0
        if rest > tolerance:
            raise ValueError(
                "w is not the Wigner transform of a pair of states: a part of relative size "
                f"{rest:.1e} is missing from the "
                "best |ψ⟩⟨φ|; use form='kernel'"
            )
        psi, phi = left[:, 0] * np.sqrt(s[0]), right[0].conj() * np.sqrt(s[0])
        top = np.argmax(np.abs(phi))
        phase = np.abs(phi[top]) / phi[top] if s[0] > 0 else 1.0
        return (psi * phase).reshape(space.grid.shape), (phi * phase).reshape(space.grid.shape)
    check_line(space.grid)
    if levels is None:
        raise ValueError("levels must be given with form='qobj'")
    levels = check_integer("levels", levels, minimum=1, maximum=MAX_FOCK)
    h = hermite_functions(space.grid.axes[0], levels) * space.grid.weight
    matrix = h @ kernel @ h.T
    total = float(np.linalg.norm(kernel)) * space.grid.weight
    lost = (
        np.sqrt(max(0.0, total**2 - float(np.linalg.norm(matrix)) ** 2)) / total if total else 0.0
    )
    if lost > max(tolerance, 1e-7):
        raise ValueError(
            f"levels must be more than {levels}: a part of relative size {lost:.1e} of w lies "
            "beyond"
        )
    return qutip.Qobj(matrix)


# ------------------------------------------------------------ QuTiP's function, guarded


def qutip_wigner(
    state: qutip.Qobj,
    xvec: ArrayLike,
    pvec: ArrayLike,
    *,
    g: float = np.sqrt(2),
    width: float = 1.0,
    hermitian_only: bool = True,
    method: str = "clenshaw",
) -> np.ndarray:
    r"""``qutip.wigner`` in this package's convention, at any points, refused where it would
    silently be wrong.

    ``qutip.wigner`` takes the Hermitian part of what it is given without saying so, returns [p, x],
    and rescales with g. Here
    :math:`w(x,p)=(2/g^2)\,W_g(x\sqrt2/g, p\sqrt2/g)^T`, and an operator is
    W[(O+O†)/2]+iW[(O−O†)/2i].

    Parameters
    ----------
    state : Qobj
        Ket or operator of one mode.
    xvec, pvec : array of shape (n,), (m,)
        Points.
    g : float
        Scale passed on to QuTiP: the result does not depend on it.
    width : float
        Oscillator length ℓ of the Fock basis.
    hermitian_only : bool
        Refuse operators that are not Hermitian; else they are transformed, to a complex array.
    method : str
        Of ``qutip.wigner``; not ``"fft"``, which chooses its own points.

    Returns
    -------
    ndarray of shape (n, m)
        w[x, p].

    Raises
    ------
    ValueError
        For an operator that is not Hermitian, unless allowed; for bras and states of several modes.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> round(float(qsp.qutip_wigner(qutip.fock(5, 1), [0.0], [0.0])[0, 0] * np.pi), 6)  # −1/π
    -1.0
    """
    if not isinstance(state, qutip.Qobj):
        raise TypeError(f"state must be a Qobj, not {type(state).__name__}")
    check_qobj("state", state)
    check_choice("method", method, ("clenshaw", "iterative", "laguerre"))
    hermitian_only = check_flag("hermitian_only", hermitian_only)
    g = check_number("g", g, minimum=0.0, strict=True)
    width = check_number("width", width, minimum=0.0, strict=True)
    x = check_array("xvec", xvec, shape=(None,)) * np.sqrt(2) / g / width
    p = check_array("pvec", pvec, shape=(None,)) * np.sqrt(2) / g * width

    needed = 64.0 * x.size * p.size
    check_memory("the Wigner function", needed, advice="take fewer points")

    def transform(operator: qutip.Qobj) -> np.ndarray:
        return np.asarray(2 / g**2 * qutip.wigner(operator, x, p, g=g, method=method).T)

    # QuTiP's own isherm has a tolerance that is a setting; |i⟩⟨j| with a small weight must not slip
    # through
    full = state.full()
    if state.isket or np.max(np.abs(full - full.conj().T)) <= 1e-12 * np.max(np.abs(full)):
        return transform(state)
    if hermitian_only:
        raise ValueError(
            "state must be Hermitian: qutip.wigner drops the anti-Hermitian part silently; use "
            "wigner_transform, or pass "
            "hermitian_only=False for a complex result"
        )
    return transform((state + state.dag()) / 2) + 1j * transform((state - state.dag()) / 2j)
