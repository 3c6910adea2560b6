"""Systems of spins whose spins ½ feel fields of collective spins alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import qutip

from ..core.checks import check_array
from .classical import Classical
from .polynomial import Hybrid
from .spin import SpinFactor
from .system import System

__all__ = ["CollectiveForm", "bloch_vectors", "collective_form"]

#: more groups than this do not fit the kernel
_MOST = 8


@dataclass(frozen=True, eq=False)
class CollectiveForm:
    r"""Groups of spins ½, coupled through :math:`J_a = ½Σ_i σ_{a,i}`.

    .. math::
        H = Σ_a h_a·J_a + Σ_{a<b}Σ_μ K_{abμ} J_{aμ}J_{bμ} + Σ_aΣ_μ K_{aaμ}J_{aμ}^2, \qquad
        L_k = Σ_a l_{ka}J_{a-},\quad M_k = Σ_a m_{ka}J_{a+}

    Attributes
    ----------
    n : tuple of G int
        Spins ½ in each group.
    field : ndarray of shape (G, 3)
        h.
    coupling : ndarray of shape (G, G, 3)
        K, symmetric in its first two axes.
    lowering, raising : ndarray of shape (K, G)
        l and m, real.
    """

    n: tuple[int, ...]
    field: np.ndarray
    coupling: np.ndarray
    lowering: np.ndarray
    raising: np.ndarray


def collective_form(system: Any) -> CollectiveForm:
    """The collective form of a system of spins.

    Raises
    ------
    TypeError
        Not a system of spins.
    ValueError
        It has what the form lacks: three spins in a product, J_xJ_y, other jumps than sums of J−
        or of J+, more than 8 groups.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> S, = qsp.spins(4)
    >>> collective_form(qsp.System(0.3 * S.z**2, [S.m])).coupling
    array([[[0. , 0. , 0.3]]])
    """
    if not isinstance(system, System) or not all(
        isinstance(s.factor, SpinFactor) for s in system.symbols
    ):
        raise TypeError(
            f"system must be SpinChains or a System of spins (qsyncplug.spins), not {system!r:.80}"
        )
    G = system.n
    if G > _MOST:
        raise ValueError(
            f"system must have 1 to {_MOST} spins, of any length, for dtwasolve, not {G}"
        )
    if not system.isconstant:
        raise ValueError("system must be constant for dtwasolve: a coefficient depends on time")
    symbols = Classical(system.symbols, system.hamiltonian, system.jumps, weyl=True)
    linear, quadratic = _parts(symbols.H, G, "the Hamiltonian")
    coupling = np.zeros((G, G, 3))
    blocks = quadratic.real.reshape(G, 3, G, 3)
    for axis in range(3):
        coupling[:, :, axis] = 2 * blocks[:, axis, :, axis]
        blocks[:, axis, :, axis] = 0
    if np.abs(blocks).max() > 1e-13 * np.abs(coupling).max():
        raise ValueError(
            "system must have products of equal components (x x, y y, z z) alone for dtwasolve"
        )
    coupling[range(G), range(G)] /= 2
    lowering: list[np.ndarray] = []
    raising: list[np.ndarray] = []
    for k, L in enumerate(symbols.L):
        vector, rest = _parts(L, G, f"jumps[{k}]")
        down, up = _amplitudes(vector.reshape(G, 3), -1j), _amplitudes(vector.reshape(G, 3), 1j)
        if rest.any() or (down is None and up is None):
            raise ValueError(
                f"jumps[{k}] must be a sum of J− or of J+ with real weights for dtwasolve, not "
                f"{system.jumps[k]!s:.80}"
            )
        if down is not None:
            lowering.append(down)
        elif up is not None:
            raising.append(up)
    n = tuple(s.N for s in system.symbols)
    shape = (-1, G)
    return CollectiveForm(
        n,
        linear.real.reshape(G, 3),
        coupling,
        np.reshape(lowering, shape),
        np.reshape(raising, shape),
    )


def _amplitudes(vectors: np.ndarray, sign: complex) -> np.ndarray | None:
    """The weights of J_x+sign·J_y, real up to a common phase; None where it is anything else."""
    x, y, z = vectors.T
    largest = x[np.argmax(np.abs(x))]
    if z.any() or not largest or not np.allclose(y, sign * x, rtol=1e-13, atol=0):
        return None
    turned = x * (abs(largest) / largest)
    return turned.real if np.abs(turned.imag).max() < 1e-13 * abs(largest) else None


def _parts(symbol: Hybrid, groups: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Linear (3G,) and symmetric quadratic part (3G, 3G) in the coordinates (x1, y1, z1, …)."""
    linear, quadratic = np.zeros(3 * groups, complex), np.zeros((3 * groups,) * 2, complex)
    for (letters, _, _), value in symbol.items():
        vectors = []
        for letter in letters:
            variable, plain = divmod(letter, 2)
            vector = np.zeros(3 * groups, dtype=complex)
            at = 3 * (variable // 2)
            # S−=x−iy and S_z are the two variables of a spin
            vector[at : at + 3] = (0, 0, 1) if variable % 2 else (1, -1j if plain else 1j, 0)
            vectors.append(vector)
        if len(vectors) > 2:
            raise ValueError(
                f"system must have products of two spins at most for dtwasolve; {name} has more"
            )
        if len(vectors) == 1:
            linear += value * vectors[0]
        elif vectors:
            product = np.outer(*vectors)
            quadratic += 0.5 * value * (product + product.T)
    return linear, quadratic


def bloch_vectors(n: Sequence[int], state: Any) -> np.ndarray:
    """Bloch vectors (G, 3) of a product of spin-coherent states of N_a spins ½ each (a single one
    may be mixed).

    Raises
    ------
    ValueError
        The state is no such product, and what it lacks.
    """
    if not isinstance(state, qutip.Qobj):
        return _checked(n, check_array("state0", state, shape=(len(n), 3)))
    sizes = [s + 1 for s in n]
    if state.dims[0] != sizes or not (state.isket or state.isoper):
        raise ValueError(
            f"state0 must be a ket or density matrix of dims {sizes} (the collective "
            f"representation), not {state.dims}"
        )
    norm = state.norm() if state.isket else state.tr()
    if abs(norm - 1) > 1e-8:
        raise ValueError(f"state0 must be normalised, not of norm {abs(norm):g}; use .unit()")
    vectors = np.array([_direction(state.ptrace(a).full()) for a in range(len(n))])
    for a, (vector, size) in enumerate(zip(vectors, n, strict=True)):
        if size > 1 and np.linalg.norm(vector) < 1 - 1e-8:
            raise ValueError(
                f"state0 must be a product of spin-coherent states; group {a} ({size} spins) has "
                f"|⟨J⟩|={np.linalg.norm(vector) * size / 2:.6g}, not N/2={size / 2:g}"
            )
    return _checked(n, vectors)


def _direction(rho: np.ndarray) -> tuple[float, float, float]:
    """2⟨J⟩/N of the density matrix of a spin, in the order of ``qutip.jmat``."""
    N = len(rho) - 1
    n = np.arange(N, 0, -1.0)
    # J−|n⟩ = √(n(N−n+1))|n−1⟩, and the levels run from n=N down
    minus = complex(rho.diagonal(1) @ np.sqrt(n * (N - n + 1)))
    along = float(rho.diagonal().real @ np.arange(N / 2, -N / 2 - 0.5, -1.0))
    return 2 * minus.real / N, -2 * minus.imag / N, 2 * along / N


def _checked(n: Sequence[int], vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1)
    for a, (length, size) in enumerate(zip(lengths, n, strict=True)):
        if length > 1 + 1e-8 or (size > 1 and length < 1 - 1e-8):
            what = "a unit vector" if size > 1 else "no longer than 1"
            raise ValueError(
                f"state0[{a}], the Bloch vector of {size} spins, must be {what}; its length is "
                f"{length:g}"
            )
    return np.asarray(vectors / np.maximum(lengths, 1.0)[:, None])
