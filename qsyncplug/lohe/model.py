"""The Schrödinger–Lohe models: the standard one, Model 1 and Model 2."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import qutip
import scipy.sparse
from numpy.typing import ArrayLike

from ..core import storage
from ..core.adjacency import read_adjacency
from ..core.checks import check_array, check_choice, check_memory, check_number
from ..core.saved import SavedModel
from ..core.types import Adjacency, Given, by_default, must_be_given
from ..waves.closed_forms import VARIANTS
from ..waves.errors import NormalizationWarning
from ..waves.hamiltonian import GridHamiltonian, Hamiltonian
from ..waves.influence import Influence, check_kernel
from .equation import equation_of_motion
from .hamiltonians import check_hamiltonians, check_position, energy_offset
from .stored import (
    adjacency_from_dict,
    adjacency_to_dict,
    operator_from_dict,
    operator_to_dict,
)

__all__ = ["SchrodingerLohe"]


@dataclass(frozen=True, eq=False, repr=False)
class SchrodingerLohe(SavedModel):
    r"""N quantum oscillators coupled through their mean, in one of three variants.

    .. math::

        \partial_t\psi_j &= -i(H_j+\Omega_j)\psi_j + \tfrac k2\,(\theta_j\zeta_j - c_j\psi_j),\qquad
        \zeta_j = \frac1N\sum_l a_{jl}e^{i\alpha_{jl}}\psi_l,\qquad s_j=⟨\zeta_j,\psi_j⟩ \\
        c_j &= s_j/‖\psi_j‖^2 \;\text{(standard, with θ=1, and Model 1)},\qquad c_j=s_j
        \;\text{(Model 2)} \\ \dot\theta_j &= \frac\mu N\sum_l
        h(|x_j-x_l|)(\theta_l-\theta_j),\qquad x_j=⟨\psi_j,x\psi_j⟩/‖\psi_j‖^2

    with a_jl=1 and α=0 unless given; then ζ_j is the mean ζ of all. In a graph every oscillator
    takes part in its own mean without lag (a_jj=1, α_jj=0), so that the complete graph is the model
    without `adjacency`, up to the common frequency (k/N) sin α of its own lag.

    A phase x is that of e^{−ix}: a frequency Ω advances it by +Ωt. States ψ_j=e^{−ix_j} of one
    level are the particles of :class:`Circle` with F=sin, ``normalization="mean"``, ω=Ω, κ=k and
    the same lag and adjacency.

    Parameters
    ----------
    hamiltonian : GridHamiltonian, Qobj, QobjEvo, or list of N of them
        One for all, or one an oscillator.
    coupling : float
        k.
    variant : {"standard", "model1", "model2"}
        Models 1 and 2 are those of Antonelli and Reynolds, (2) and (3).
    frequencies : (N,) array, optional
        Ω_j; 0 unless given.
    theta : (N,) array, optional
        θ_j at the start, positive, with mean 1 for Model 1; 1 unless given. The standard model has
        θ=1.
    alignment : float
        μ ≥ 0; 0 freezes θ.
    kernel : Influence, number or callable, optional
        h(r), at least 0 and nonincreasing; 1 unless given. A callable is given an array of
        distances.
    adjacency : (N, N) array, sparse matrix or networkx graph, optional
        a_jl, real: weight with which oscillator l acts on j; row j lists who acts on j. In a
        directed networkx graph the edge u→v says that u acts on v, with the edge's ``weight``;
        nodes
        are numbered in the order of ``graph.nodes``. No self-loops.
    phase_lag : float or (N, N) array
        α.
    position : Qobj or list of Qobj, optional
        Position operators for Hamiltonians that are Qobj, for the centres x_j; a grid has its own.

    Attributes
    ----------
    n : int or None
        N, where an argument fixes it.

    Raises
    ------
    ValueError, TypeError
        For anything inconsistent or impossible, naming the argument.

    References
    ----------
    P. Antonelli, D. N. Reynolds, Schrödinger-Lohe type models of quantum synchronization with
    nonidentical oscillators; P. Antonelli, S.-Y. Ha, D. Kim, P. Marcati, The Wigner-Lohe model,
    section 2; M. A. Lohe.

    Examples
    --------
    >>> from qsyncplug.core import Grid
    >>> H = GridHamiltonian(Grid(128, 16.0), lambda x: x**2 / 2)
    >>> model = SchrodingerLohe(H, coupling=2.0, frequencies=[0.5, -0.5])
    >>> model.n
    2
    """

    hamiltonian: Given[Hamiltonian | Sequence[Hamiltonian], Any] = must_be_given()
    coupling: float = 1.0
    variant: str = "standard"
    frequencies: Given[ArrayLike | None, Any] = by_default(None)
    theta: Given[ArrayLike | None, Any] = by_default(None)
    alignment: float = 0.0
    kernel: Given[Influence | float | Callable[..., Any] | None, Any] = by_default(None)
    adjacency: Given[Adjacency | None, Any] = by_default(None)
    phase_lag: Given[ArrayLike, Any] = by_default(0.0)
    position: Given[qutip.Qobj | Sequence[qutip.Qobj] | None, Any] = by_default(None)
    n: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "variant", check_choice("variant", self.variant, VARIANTS))
        put(self, "coupling", check_number("coupling", self.coupling))
        put(self, "alignment", check_number("alignment", self.alignment, minimum=0.0))
        put(self, "hamiltonian", check_hamiltonians(self.hamiltonian))
        sizes = self._check_arrays()
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{name} has {n}" for name, n in sizes.items())
            raise ValueError(f"the arguments must agree on the number of oscillators: {told}")
        if 0 in sizes.values():
            raise ValueError("there must be at least one oscillator")
        put(self, "n", next(iter(sizes.values()), None))
        self._check_theta()
        put(self, "position", check_position(self.position, self.reference))
        reach = 10.0 if self.grid is None else float(np.linalg.norm(self.grid.lengths))
        if self.variant != "standard":
            put(self, "kernel", check_kernel(self.kernel, reach))
        elif self.kernel is not None:
            raise ValueError(
                "kernel belongs to Models 1 and 2; the standard model has no alignment"
            )
        if self.aligns_by_distance and self.grid is None and self.position is None:
            raise ValueError(
                "position must be given (a Qobj, or one a dimension) for Hamiltonians that are "
                "Qobj with a kernel that depends "
                "on the distance of the centres"
            )

    def _check_arrays(self) -> dict[str, int]:
        """Read what has one entry an oscillator; how many each has."""
        put = object.__setattr__
        many = isinstance(self.hamiltonian, tuple)
        sizes = {"hamiltonian": len(self.hamiltonian)} if many else {}
        for name in ("frequencies", "theta"):
            value = getattr(self, name)
            if value is not None:
                value = check_array(name, value, shape=(None,))
                value.setflags(write=False)
                sizes[name] = len(value)
                put(self, name, value)
        if self.adjacency is not None:
            read = read_adjacency(self.adjacency, loops=False)
            put(self, "adjacency", scipy.sparse.csr_array(read))
            sizes["adjacency"] = self.adjacency.shape[0]
        if np.ndim(self.phase_lag) == 0:
            put(self, "phase_lag", check_number("phase_lag", self.phase_lag))
            return sizes
        lag = check_array("phase_lag", self.phase_lag, shape=(None, None))
        if lag.shape[0] != lag.shape[1]:
            raise ValueError(
                f"phase_lag must be a number or an (N, N) array, not of shape {lag.shape}"
            )
        lag.setflags(write=False)
        put(self, "phase_lag", lag)
        sizes["phase_lag"] = len(lag)
        return sizes

    def _check_theta(self) -> None:
        if self.variant == "standard":
            if self.alignment != 0:
                raise ValueError(
                    f"alignment must be 0 for the standard model, not {self.alignment:g}"
                )
            if self.theta is not None and np.any(self.theta != 1):
                raise ValueError(
                    "theta must be 1 for the standard model; choose variant='model1' or 'model2'"
                )
        if self.theta is None:
            return
        if np.any(self.theta <= 0):
            j = int(np.argmin(self.theta))
            raise ValueError(f"theta must be positive; theta[{j}] = {self.theta[j]:g}")
        mean = float(np.mean(self.theta))
        if abs(mean - 1) > 1e-12:
            if self.variant == "model1":
                raise ValueError(f"theta must have mean 1 for Model 1, not {mean:.15g}")
            limit = "θ_j" if self.alignment == 0 else "the mean of θ"
            warnings.warn(
                f"theta has mean {mean:.6g}, not 1: the squared norms tend to {limit}",
                NormalizationWarning,
                stacklevel=4,
            )

    # ------------------------------------------------------------ what the solvers ask

    @property
    def reference(self) -> Any:
        """The Hamiltonian; where they differ, that of the first oscillator."""
        return self.hamiltonian[0] if isinstance(self.hamiltonian, tuple) else self.hamiltonian

    @property
    def grid(self) -> Any:
        """The grid, or None for Qobj."""
        return self.reference.grid if isinstance(self.reference, GridHamiltonian) else None

    @property
    def normalised(self) -> bool:
        """Whether s_j is divided by the squared norm."""
        return self.variant != "model2"

    @property
    def aligns_by_distance(self) -> bool:
        """Whether θ moves at rates that depend on the centres."""
        if self.variant == "standard" or self.alignment == 0:
            return False
        return not (isinstance(self.kernel, Influence) and self.kernel.is_constant)

    @property
    def time_dependent(self) -> bool:
        """Whether a Hamiltonian depends on time."""
        return any(
            isinstance(h, qutip.QobjEvo) or getattr(h, "time_dependent", False)
            for h in (
                self.hamiltonian if isinstance(self.hamiltonian, tuple) else (self.hamiltonian,)
            )
        )

    @cached_property
    def offsets(self) -> np.ndarray | None:
        """Numbers by which the Hamiltonians exceed the first, or None if they differ by more than
        numbers.
        """
        if not isinstance(self.hamiltonian, tuple):
            return np.zeros(1)
        found = [energy_offset(self.reference, h) for h in self.hamiltonian]
        return None if any(x is None for x in found) else np.array(found, dtype=float)

    @property
    def common(self) -> bool:
        """Whether there is one Hamiltonian for all, up to numbers."""
        return self.offsets is not None

    def hamiltonians(self, n: int) -> tuple[Any, ...]:
        """The Hamiltonians of `n` oscillators, one each, without the frequencies Ω_j."""
        return self.hamiltonian if isinstance(self.hamiltonian, tuple) else (self.hamiltonian,) * n

    def rates(self, n: int) -> np.ndarray:
        """Ω_j of n oscillators, with the numbers by which common Hamiltonians differ."""
        omega = np.zeros(n) if self.frequencies is None else np.array(self.frequencies)
        return omega + self.offsets if self.offsets is not None else omega

    def start_theta(self, n: int) -> np.ndarray:
        """Auxiliary numbers θ_j of `n` oscillators at the start, (n,): those given, or ones."""
        return np.ones(n) if self.theta is None else np.array(self.theta)

    @property
    def mean_field(self) -> bool:
        """Whether all oscillators see the same mean."""
        return self.adjacency is None and np.ndim(self.phase_lag) == 0

    def coupling_graph(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """C_jl = a_jl exp(iα_jl)/N of `n` oscillators in compressed rows (indptr, indices, data),
        or None for the mean of all.
        """
        if self.mean_field:
            return None
        if self.adjacency is None:
            matrix = scipy.sparse.csr_array(self.coupling_matrix(n))
        else:
            a = self.adjacency.tocoo()
            lag = self.phase_lag if np.ndim(self.phase_lag) == 0 else self.phase_lag[a.coords]
            factors = a.data * np.exp(1j * np.asarray(lag)) / n
            own = scipy.sparse.eye_array(n, dtype=complex) / n
            matrix = scipy.sparse.csr_array((factors, a.coords), shape=(n, n)) + own
            matrix.sort_indices()
        return matrix.indptr, matrix.indices, matrix.data

    def coupling_matrix(self, n: int) -> np.ndarray:
        """C_jl = a_jl exp(iα_jl)/N of `n` oscillators as a dense matrix; with a graph C_jj=1/N."""
        check_memory("the coupling matrix", 32.0 * n * n, advice="take fewer oscillators")
        turned = np.exp(1j * np.asarray(self.phase_lag)) / n
        if self.adjacency is None:
            return turned * np.ones((n, n))
        return np.asarray(self.adjacency.toarray() * turned + np.eye(n) / n)

    # ------------------------------------------------------------ storage and printing

    def to_dict(self) -> dict[str, Any]:
        """Everything, for storage; a TypeError where a kernel is a function, or a Hamiltonian
        depends on time.
        """
        return self.to_dict_between(())

    def to_dict_between(self, times: ArrayLike | None) -> dict[str, Any]:
        """The same with time-dependent Hamiltonians between the first and last of `times`."""
        if self.variant != "standard" and not isinstance(self.kernel, Influence):
            raise TypeError("a kernel that is a callable cannot be stored; use Influence")
        many = isinstance(self.hamiltonian, tuple)
        items = self.hamiltonian if many else (self.hamiltonian,)
        distinct: list[Any] = []
        order = []
        for h in items:
            if not any(h is known for known in distinct):
                distinct.append(h)
            order.append(next(k for k, known in enumerate(distinct) if known is h))
        return {
            "kind": "SchrodingerLohe",
            "hamiltonians": [operator_to_dict(h, times) for h in distinct],
            "order": order if many else None,
            "coupling": self.coupling,
            "variant": self.variant,
            "frequencies": None if self.frequencies is None else self.frequencies.tolist(),
            "theta": None if self.theta is None else self.theta.tolist(),
            "alignment": self.alignment,
            "kernel": None if self.variant == "standard" else self.kernel.to_dict(),
            "adjacency": adjacency_to_dict(self.adjacency),
            "phase_lag": np.asarray(self.phase_lag).tolist(),
            "position": None
            if self.position is None
            else [operator_to_dict(x) for x in self.position],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SchrodingerLohe:
        """Build again what :meth:`to_dict` described by `data`, as files hold it."""
        distinct = [operator_from_dict(h) for h in data["hamiltonians"]]
        names = (
            "coupling",
            "variant",
            "frequencies",
            "theta",
            "alignment",
            "phase_lag",
        )
        with warnings.catch_warnings():
            # said when the model was made
            warnings.simplefilter("ignore", NormalizationWarning)
            return cls(
                distinct[0] if data["order"] is None else [distinct[k] for k in data["order"]],
                kernel=None if data["kernel"] is None else Influence(**data["kernel"]),
                position=None
                if data["position"] is None
                else [operator_from_dict(x) for x in data["position"]],
                adjacency=adjacency_from_dict(data["adjacency"]),
                **{name: data[name] for name in names},
            )

    def _repr_latex_(self) -> str:
        return rf"$${equation_of_motion(self)}$$"

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        parts = [f"k={self.coupling:g}"]
        if self.n is not None:
            parts.append(f"N={self.n}")
        if self.variant != "standard" and self.alignment:
            parts.append(f"μ={self.alignment:g}")
        different = isinstance(self.hamiltonian, tuple) and not self.common
        parts.append("different Hamiltonians" if different else "common Hamiltonian")
        return f"Schrödinger–Lohe, {self.variant}, {', '.join(parts)}"


storage.register_model("SchrodingerLohe", SchrodingerLohe.from_dict)
