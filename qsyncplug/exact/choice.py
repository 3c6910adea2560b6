"""Which method serves an exact run: kets, coherence orders, whole density matrices, trajectories;
and what it will cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import qutip

from ..core.checks import available_memory, check_memory
from .elements import Elements
from .entries import EntryTable
from .external import liouvillian_bytes
from .jumping import MovingJumps, moving_jumps
from .kept import Kept
from .liouvillian import Liouvillian

__all__ = ["QUTIP_METHODS", "WHOLE_STATE", "Choice", "Task"]

#: states are stored without being asked for while they fit into this
_STATE_BYTES = 2**28
#: a Qobj and its matrix beside the numbers, measured
_QOBJ_BYTES = 700.0
#: where whole states would take longer (seconds), moments alone are evolved unless states are
#: asked for
_PATIENCE = 5.0
#: levels up to which kets are evolved by the shifts of dense operators
_DENSE_KETS = 500
#: seconds for one term of one element, measured; in trajectories
_SECONDS, _OF_KETS = 0.5e-9, 2.5e-9
WHOLE_STATE = "use options={'method': 'density'}"
QUTIP_METHODS = ("sesolve", "mesolve", "mcsolve")


@dataclass(frozen=True)
class Choice:
    """The method, why, whether states are stored, and estimates."""

    method: str
    reason: str
    store: bool
    seconds: float
    bytes: float


class Task:
    """Everything an exact run is given.

    Parameters
    ----------
    H, c_ops : Qobj or QobjEvo
    state : Qobj
        Ket or density matrix.
    times : ndarray
        Outputs.
    reader : object
        ``operators()`` lists the moments.
    user : dict
        The user's operators and functions.
    options : dict
        Of the solver.
    charges : tuple or None
        Integer charges of the basis states and their labels, where there is a phase symmetry.
    """

    def __init__(
        self,
        H: Any,
        c_ops: list[Any],
        state: qutip.Qobj,
        times: np.ndarray,
        reader: Any,
        user: dict[Any, Any],
        options: dict[str, Any],
        charges: tuple[np.ndarray, np.ndarray] | None,
    ):
        self.H, self.c_ops, self.state, self.times = H, c_ops, state, times
        self.reader, self.user, self.options, self.charges = reader, user, options, charges
        self.d = int(H.shape[0])
        #: set once a coefficient taken to be real has turned out complex
        self.real = True
        #: whether someone looks at the whole state at every output
        self.visited = False
        #: holds the generator, where it is that of earlier runs
        self.constant: Kept | None = None

    # ------------------------------------------------------------ what there is

    @cached_property
    def liouvillian(self) -> Liouvillian | None:
        """The matrix-free generator; None where an operator is itself a function of time."""
        if self.constant is not None:
            return self.constant.liouvillian
        kets = not self.c_ops and self.state.isket and self.d <= _DENSE_KETS
        try:
            L = Liouvillian(self.H, self.c_ops, real=self.real, shifts=kets)
        except TypeError:
            return None
        if self.real and not L.isconstant:
            looks = np.linspace(self.times[0], self.times[-1], 50)
            if any(_imaginary(c, t) for c in L.coefficients for t in looks):
                self.real = False
                L = Liouvillian(self.H, self.c_ops, real=False, shifts=kets)
        return L

    @cached_property
    def moving_jumps(self) -> MovingJumps | None:
        """What compiled jumps of a time-dependent system need; None where they cannot serve."""
        L = self.liouvillian
        if L is None or L.isconstant or self._dense_jumps:
            return None
        if L.dense is not None:
            L = Liouvillian(self.H, self.c_ops, real=self.real, shifts=True)
        return moving_jumps(L, self.times)

    @property
    def _dense_jumps(self) -> bool:
        """Whether the operators are dense, and too large to be written as shifts for kets."""
        L = self.liouvillian
        return L is not None and L.dense is not None and self.d > _DENSE_KETS

    def complex_liouvillian(self) -> None:
        """From now on no coefficient is taken to be real."""
        self.real = False
        self.__dict__.pop("liouvillian", None)

    @property
    def linear(self) -> list[qutip.Qobj]:
        """The user's operators that do not depend on time."""
        return [op for op in self.user.values() if isinstance(op, qutip.Qobj)]

    @property
    def functions(self) -> list[Any]:
        """Keys of the user's observables that are no constant operators: they need whole states."""
        return [key for key, op in self.user.items() if not isinstance(op, qutip.Qobj)]

    def present(self) -> np.ndarray:
        """Diagonals of the initial state that are not zero."""
        if self.state.isket:
            where = np.flatnonzero(self.state.full()[:, 0])
            if len(where) > 2000:
                return np.arange(self.d)
            return np.unique(np.abs(where[:, None] - where[None, :]))
        coo = self.state.to("CSR").data_as("csr_matrix").tocoo()
        return np.unique(np.abs(coo.col - coo.row))

    def wanted(self) -> np.ndarray:
        """Diagonals that the moments and the user's operators read."""
        table = self.table
        offsets = [np.zeros(1, dtype=int), np.abs(table.column - table.row)]
        for op in self.linear:
            coo = op.to("CSR").data_as("csr_matrix").tocoo()
            offsets.append(np.abs(coo.col - coo.row))
        return np.unique(np.concatenate(offsets))

    @cached_property
    def table(self) -> EntryTable:
        """The moments by the entries of their matrices."""
        reader = self.reader
        return reader.table() if hasattr(reader, "table") else EntryTable.of(reader.operators())

    def elements(self, method: str) -> Elements:
        """Rows for a method: those elements that are not zero and, for moments alone, that are
        read.
        """
        L = self.liouvillian
        assert L is not None
        if method == "ket":
            if L.isconstant:
                # a ket only turns its phase by the middle of the spectrum
                energies = self.H.diag().real
                middle = 0.5 * float(energies.max() + energies.min())
                L = Liouvillian(self.H, energy=middle, shifts=self.d <= _DENSE_KETS)
            return L.ket()
        diagonals = L.diagonals(self.present())
        if method == "sectors":
            kept = np.intersect1d(diagonals, L.diagonals(self.wanted()))
            # at least the diagonal, so that there is a trace
            diagonals = kept if len(kept) else L.diagonals(np.zeros(1, dtype=int))
        return L.hermitian(diagonals)

    # ------------------------------------------------------------ costs

    def _size(self, method: str) -> float:
        d = float(self.d)
        if method == "ket":
            return d
        L = self.liouvillian
        half = 0.5 * d * (d + 1)
        if method == "density" or L is None or L.period == 1:
            return half
        return half * len(L.diagonals(self.wanted())) / d

    def seconds(self, method: str) -> float:
        """A guess of the time a run takes, from the diagonal of the generator."""
        L = self.liouvillian
        if L is None:
            return 0.0
        span = float(self.times[-1] - self.times[0])
        if method == "trajectories":
            terms = L.terms_per_element(ket=True) * self.d
            each = span * L.speed * terms + len(self.times) * len(self.table.data)
            return float(self.options["ntraj"]) * each * _OF_KETS
        width, height = L.extent
        products = span * (0.4 * width + 1.3 * height) + 50
        if not L.isconstant:
            products = 8.0 * span * max(width, height) + 200
        terms = L.terms_per_element(ket=method == "ket")
        if method == "density":
            # adding the polynomials up for every output
            terms *= 2
        return products * (_SECONDS * terms * self._size(method) + 3e-6)

    def memory(self, method: str) -> float:
        """Bytes of a matrix-free run, without stored states: 22 vectors are taken (the basis that
        looks for the spectrum, polynomials), up to 48 where many outputs share a window.
        """
        return 16.0 * self._size(method) * 36 + 1e6

    def state_bytes(self, ket: bool) -> float:
        """Bytes that the states of all output times take, as kets or as density matrices."""
        return (16.0 * (self.d if ket else self.d**2) + _QOBJ_BYTES) * len(self.times)

    # ------------------------------------------------------------ the choice

    def choose(self) -> Choice:
        """The method asked for, if it can serve, or the one that suits.

        Raises
        ------
        ValueError
            The method asked for cannot serve what is wanted.
        MemoryLimitError
            Nothing that could serve fits into memory.
        """
        wanted = self.options["method"]
        method, reason = self._check(wanted) if wanted != "auto" else self._automatic()
        ket = method in ("ket", "sesolve")
        own = method in ("ket", "density", "sectors")
        needed = self.memory(method) if own else 0.0
        store, states = self.options["store_states"], self.state_bytes(ket)
        if store is None:
            # unasked for only where they hardly count
            room = min(_STATE_BYTES, 0.5 * available_memory() - needed)
            store = not self.user and states <= room
            store = store and method not in ("trajectories", "mcsolve", "sectors")
        if store:
            needed += states
            check_memory(
                f"storing {len(self.times)} states of {self.d} levels",
                needed,
                advice="give e_ops instead, or fewer times",
            )
        seconds = self.seconds(method) if own or method == "trajectories" else 0.0
        return Choice(method, reason, bool(store), seconds, needed)

    def _check(self, wanted: str) -> tuple[str, str]:
        """The method asked for, or why it cannot be."""
        if wanted == "qutip":
            return self._qutip()[0], "QuTiP was asked for"

        def refuse(why: str, instead: str) -> ValueError:
            return ValueError(f"options['method']={wanted!r} cannot be used: {why}; {instead}")

        if wanted == "sectors" and (why := self.no_sectors()):
            raise refuse(why, WHOLE_STATE)
        if wanted in ("trajectories", "mcsolve") and not self.c_ops:
            raise refuse("the model has no jump operators", "use 'auto'")
        if wanted in ("sesolve", "ket") and (self.c_ops or not self.state.isket):
            why = "the model has jump operators" if self.c_ops else "state0 is a density matrix"
            raise refuse(why, "use 'density' or 'auto'")
        if wanted in ("ket", "density", "sectors") and self.liouvillian is None:
            raise refuse("operators are functions of time themselves", "use 'qutip'")
        if wanted == "mesolve":
            check_memory(
                f"mesolve with {self.d} levels",
                liouvillian_bytes(self.H, self.c_ops),
                advice="lower the cutoff or use options={'method': 'auto'}",
            )
        if wanted in ("density", "sectors", "ket"):
            self._check_memory(wanted)
        return wanted, "asked for"

    def _check_memory(self, method: str) -> None:
        check_memory(
            f"{method} with {self.d} levels",
            self.memory(method),
            advice="lower the cutoff or use options={'method': 'trajectories'}",
        )

    def _automatic(self) -> tuple[str, str]:
        if self.liouvillian is None:
            method, reason = self._qutip()
            return method, f"operators are functions of time themselves; {reason}"
        if not self.c_ops and self.state.isket:
            return "ket", "no jump operators and a pure state"
        moments_only, room = not self.no_sectors(), 0.7 * available_memory()
        moments_only = moments_only and self.memory("sectors") < room
        if moments_only and self.seconds("density") > _PATIENCE:
            return (
                "sectors",
                "a phase symmetry, and nothing was asked for that needs the whole state",
            )
        needed = self.memory("density")
        if needed < room:
            return (
                "density",
                f"the density matrix of {self.d} levels needs about {needed / 2**20:.0f} MiB",
            )
        if not self.c_ops:
            self._check_memory("density")
        if moments_only:
            return "sectors", "the whole state does not fit into memory"
        return (
            "trajectories",
            f"the density matrix of {self.d} levels would need about {needed / 2**30:.2g} GiB",
        )

    def _qutip(self) -> tuple[str, str]:
        if not self.c_ops and self.state.isket:
            return "sesolve", "no jump operators and a pure state"
        needed = liouvillian_bytes(self.H, self.c_ops)
        size = f"the Liouvillian of {self.d} levels"
        if needed < 0.5 * available_memory() and self.d <= 2000:
            return "mesolve", f"{size} needs about {needed / 2**20:.0f} MiB"
        if not self.c_ops:
            check_memory(f"mesolve with {self.d} levels", needed, advice="lower the cutoff")
            return "mesolve", "a density matrix without jump operators"
        return "mcsolve", f"{size} would need about {needed / 2**30:.1f} GiB"

    def no_jumps(self) -> str:
        """Why trajectories must be QuTiP's; empty if the compiled ones serve."""
        if self.functions:
            return f"e_ops[{self.functions[0]!r}] is a function of the state of each trajectory"
        if self.liouvillian is None:
            return "operators are functions of time themselves"
        if self._dense_jumps:
            return "operators are dense"
        if not self.liouvillian.isconstant and self.moving_jumps is None:
            return (
                "its coefficients are no smooth functions of time or too many, or a jump operator "
                "is a sum of parts that change differently"
            )
        return ""

    def no_sectors(self) -> str:
        """Why moments alone cannot be had from some coherence orders; empty if they can."""
        if self.options["store_states"]:
            return "options['store_states'] needs the whole state"
        if self.visited:
            return "until, iterate and step look at the whole state"
        if self.functions:
            return f"e_ops[{self.functions[0]!r}] is a function of the whole state"
        L = self.liouvillian
        if (L is None or L.period == 1) and self.charges is None:
            return "the model has no phase symmetry (U(1))"
        return ""


def _imaginary(coefficient: Any, t: float) -> bool:
    """Whether a coefficient is complex at `t`; one that fails there is left to the run."""
    try:
        return bool(complex(coefficient(t)).imag)
    except Exception:
        return False
