"""Groups of spins ½ that couple through their collective spins: what the truncated Wigner
approximation runs on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import qutip

from ...core import storage
from ...core.checks import check_array, check_integer, check_label, check_memory, check_number
from .model import SpinChains

__all__ = ["CollectiveSpins", "collective_pair", "collective_spins"]

_MOST = 8


@dataclass(frozen=True, eq=False)
class CollectiveSpins:
    r"""Groups of spins ½, coupled through :math:`J_a = ½Σ_i σ_{a,i}`.

    .. math::
        H = Σ_a h_a·J_a + Σ_{a<b}Σ_μ K_{abμ} J_{aμ}J_{bμ} + Σ_aΣ_μ K_{aaμ}J_{aμ}^2, \qquad
        L_k = Σ_a l_{ka}J_{a-},\quad M_k = Σ_a m_{ka}J_{a+}

    Parameters
    ----------
    n : sequence of G int
        Spins in each group, 1 to 8 groups.
    field : array_like of shape (G, 3)
        h.
    coupling : array_like of shape (G, G, 3), optional
        K, symmetric in its first two axes.
    lowering, raising : array_like of shape (K, G), optional
        Real amplitudes l and m of the jump operators, square roots of the rates inside.
    nodes : sequence of int, optional
        Groups that stand for oscillators in a view (b=J−/√N); all by default.
    name : str
        For printing.

    Raises
    ------
    ValueError, TypeError
        Shapes that do not fit, N<1, a coupling that is not symmetric.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.CollectiveSpins([4, 4], field=[[0, 0, 1.0], [0, 0, 0.8]]).n
    (4, 4)
    """

    n: tuple[int, ...]
    field: np.ndarray
    coupling: np.ndarray
    lowering: np.ndarray
    raising: np.ndarray
    nodes: tuple[int, ...]
    name: str

    def __init__(
        self,
        n: Sequence[int],
        field: Any,
        coupling: Any = None,
        lowering: Any = (),
        raising: Any = (),
        *,
        nodes: Sequence[int] | None = None,
        name: str = "collective spins",
    ):
        def put(key: str, value: Any) -> None:
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, key, value)

        sizes = tuple(check_integer("n", v, minimum=1) for v in n)
        G = len(sizes)
        if not 1 <= G <= _MOST:
            raise ValueError(f"n must list 1 to {_MOST} groups, not {G}")
        put("n", sizes)
        put("field", check_array("field", field, shape=(G, 3)))
        K = (
            np.zeros((G, G, 3))
            if coupling is None
            else check_array("coupling", coupling, shape=(G, G, 3))
        )
        if np.abs(K - K.swapaxes(0, 1)).max() > 1e-13 * np.abs(K).max():
            raise ValueError("coupling must be symmetric in its first two axes")
        put("coupling", K)
        for key, value in (("lowering", lowering), ("raising", raising)):
            value = np.zeros((0, G)) if np.size(value) == 0 else value
            put(key, check_array(key, value, shape=(None, G)))
        chosen = (
            tuple(range(G))
            if nodes is None
            else tuple(check_integer("nodes", k, minimum=0, maximum=G - 1) for k in nodes)
        )
        put("nodes", chosen)
        put("name", check_label("name", name) or "collective spins")

    def __str__(self) -> str:
        jumps = len(self.lowering) + len(self.raising)
        return (
            f"{self.name}: n={self.n}, {jumps} collective jump operator{'s' if jumps != 1 else ''}"
        )

    def operators(self, group: int) -> tuple[qutip.Qobj, qutip.Qobj, qutip.Qobj]:
        """J_x, J_y, J_z of a group in the collective basis, dims [N1+1, N2+1, …]."""
        sizes = [s + 1 for s in self.n]
        check_memory("an operator of these spins", 48.0 * np.prod(sizes, dtype=float) * 2)
        out = []
        for axis in "xyz":
            parts = [qutip.qeye(s) for s in sizes]
            parts[group] = qutip.jmat(self.n[group] / 2, axis)
            out.append(qutip.tensor(parts).to("CSR"))
        return out[0], out[1], out[2]

    def hamiltonian(self) -> qutip.Qobj:
        """H in the collective basis."""
        J = [self.operators(a) for a in range(len(self.n))]
        H = 0 * J[0][0]
        for a in range(len(self.n)):
            for mu in range(3):
                H = H + self.field[a, mu] * J[a][mu]
                for b in range(a, len(self.n)):
                    if self.coupling[a, b, mu]:
                        H = H + self.coupling[a, b, mu] * J[a][mu] * J[b][mu]
        return H

    def c_ops(self) -> list[qutip.Qobj]:
        """The jump operators in the collective basis."""
        lower = [x - 1j * y for x, y, _ in (self.operators(a) for a in range(len(self.n)))]
        out = [
            sum((c * m for c, m in zip(row, lower, strict=True)), start=0 * lower[0])
            for row in self.lowering
        ]
        return out + [
            sum((c * m.dag() for c, m in zip(row, lower, strict=True)), start=0 * lower[0])
            for row in self.raising
        ]

    def bloch_vectors(self, state: Any) -> np.ndarray:
        """Bloch vectors (G, 3) of a product of spin-coherent states (a group of one spin may be
        mixed).

        Raises
        ------
        ValueError
            The state is no such product, and what it lacks.
        """
        sizes = [s + 1 for s in self.n]
        if isinstance(state, qutip.Qobj):
            if state.dims[0] != sizes or not (state.isket or state.isoper):
                raise ValueError(
                    f"state0 must be a ket or density matrix of dims {sizes} (the collective "
                    f"representation), not {state.dims}"
                )
            norm = state.norm() if state.isket else state.tr()
            if abs(norm - 1) > 1e-8:
                raise ValueError(
                    f"state0 must be normalised, not of norm {abs(norm):g}; use .unit()"
                )
            vectors = np.array(
                [
                    [qutip.expect(o, state).real * 2 / s for o in self.operators(a)]
                    for a, s in enumerate(self.n)
                ]
            )
            for a, (vector, size) in enumerate(zip(vectors, self.n, strict=True)):
                if size > 1 and np.linalg.norm(vector) < 1 - 1e-8:
                    raise ValueError(
                        f"state0 must be a product of spin-coherent states; group {a} ({size} "
                        "spins) has |⟨J⟩|="
                        f"{np.linalg.norm(vector) * size / 2:.6g}, not N/2={size / 2:g}"
                    )
        else:
            vectors = check_array("state0", state, shape=(len(self.n), 3))
        lengths = np.linalg.norm(vectors, axis=1)
        for a, (length, size) in enumerate(zip(lengths, self.n, strict=True)):
            if length > 1 + 1e-8 or (size > 1 and length < 1 - 1e-8):
                what = "a unit vector" if size > 1 else "no longer than 1"
                raise ValueError(
                    f"state0[{a}], the Bloch vector of {size} spins, must be {what}; its length is "
                    f"{length:g}"
                )
        vectors /= np.maximum(lengths, 1.0)[:, None]
        return vectors

    def to_dict(self) -> dict[str, Any]:
        """Numbers that :func:`qsyncplug.load` rebuilds it from."""
        return {
            "kind": "CollectiveSpins",
            "n": list(self.n),
            "field": self.field.tolist(),
            "coupling": self.coupling.tolist(),
            "lowering": self.lowering.tolist(),
            "raising": self.raising.tolist(),
            "nodes": list(self.nodes),
            "name": self.name,
        }


storage.register_model(
    "CollectiveSpins",
    lambda data: CollectiveSpins(**{k: v for k, v in data.items() if k != "kind"}),
)


def collective_pair(
    n: Any = (8, 8),
    frequency: Any = (1.0, 0.8),
    nonlinearity: float = 0.2,
    coupling: float = 1.0,
    loss: float = 0.0,
) -> CollectiveSpins:
    r"""Two collective spins with
    :math:`H=Σ_jw_j(n_j-λ^2n_j^2/N_j)+\frac{κ}{\sqrt{N_1N_2}}(J_{1+}J_{2-}+h.c.)`.

    Parameters
    ----------
    n : int or pair of int
        Spins, n_j=J_jz+N_j/2.
    frequency : pair of float
        w_j.
    nonlinearity, coupling : float
        λ and κ.
    loss : float
        γ of :math:`\sqrt{γ/N_j}\,J_{j-}`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.collective_pair(n=(4, 4)).n
    (4, 4)
    """
    sizes = (n, n) if np.ndim(n) == 0 else tuple(n)
    if len(sizes) != 2:
        raise ValueError(f"n must be a number or a pair, not {n!r}")
    w = check_array("frequency", frequency, shape=(2,))
    lam, kappa = check_number("nonlinearity", nonlinearity), check_number("coupling", coupling)
    loss = check_number("loss", loss, minimum=0.0)
    field, K = np.zeros((2, 3)), np.zeros((2, 2, 3))
    field[:, 2] = w * (1 - lam**2)
    for j in range(2):
        K[j, j, 2] = -w[j] * lam**2 / sizes[j]
    K[0, 1, :2] = K[1, 0, :2] = 2 * kappa / np.sqrt(sizes[0] * sizes[1])
    lowering = np.diag(np.sqrt(loss / np.array(sizes, dtype=float))) if loss else ()
    return CollectiveSpins(sizes, field, K, lowering, name="two collective spins")


def collective_spins(chains: SpinChains | CollectiveSpins) -> CollectiveSpins:
    """The collective form of two spin chains: groups (central spin,) chain 1, chain 2.

    Raises
    ------
    ValueError
        The model has what collective spins lack: nearest-neighbour geometry, local or bosonic
        dissipators, two-photon loss.
    TypeError
        Not a model of this kind.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> qsp.collective_spins(chains).n
    (1, 4, 4)
    """
    if isinstance(chains, CollectiveSpins):
        return chains
    if not isinstance(chains, SpinChains):
        raise TypeError(
            "chains must be SpinChains or CollectiveSpins for the truncated Wigner "
            f"approximation, not {type(chains).__name__}"
        )
    _require_collective(chains)
    first = int(chains.central)
    G = first + 2
    field, K = np.zeros((G, 3)), np.zeros((G, G, 3))
    lowering, raising = [], []
    if chains.central:
        field[0, 2] = chains.omega0
    squared = chains.exchange**2
    if chains.coherent:
        K[first, first + 1, :2] = K[first + 1, first, :2] = (
            2 * chains.coherent / np.sqrt(chains.n[0] * chains.n[1])
        )
    for j, count in enumerate(chains.n):
        a = first + j
        # J+J− = Jx²+Jy²+Jz
        field[a, 2] = chains.omega[j] / count
        K[a, a, :2] = chains.omega[j] * squared / count
        if chains.central:
            K[0, a] = K[a, 0] = 2 * chains.g[j] / np.sqrt(count)
        unit = np.eye(G)[a] / np.sqrt(count)
        down = chains.loss[j] * (chains.thermal[j] + 1)
        up = (chains.loss[j] * chains.thermal[j], chains.gain[j])
        lowering += [np.sqrt(down) * unit] if down else []
        raising += [np.sqrt(rate) * unit for rate in up if rate]
    if chains.dissipative:
        row = np.zeros(G)
        row[first:] = np.sqrt(chains.dissipative) / np.sqrt(chains.n) * np.array([1, -1])
        lowering.append(row)
    return CollectiveSpins(
        (*([1] if chains.central else []), *chains.n),
        field,
        K,
        lowering,
        raising,
        nodes=(first, first + 1),
        name=f"{chains.name} as collective spins",
    )


def _require_collective(chains: SpinChains) -> None:
    """Refuse what collective spins lack."""
    if not chains.symmetric:
        raise ValueError(
            "geometry='chain' and local loss or dephasing leave the collective spins; use "
            "representation='spins'"
        )
    if any(chains.nonlinear) or any(chains.two_photon):
        raise ValueError(
            "nonlinear and two_photon must be 0: the truncated Wigner approximation has jumps J− "
            "and J+ only"
        )
    if chains.bath != "spin" and (any(chains.loss) or any(chains.gain)):
        raise ValueError(
            "bath must be 'spin': the truncated Wigner approximation has jumps J− and J+, not b "
            "and b†"
        )
    if chains.dissipative and chains.engineered != "spin":
        raise ValueError(
            "engineered must be 'spin': the truncated Wigner approximation has jumps "
            "J1−/√N1−J2−/√N2, not b1−b2"
        )
