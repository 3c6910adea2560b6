"""A system written once: one Hamiltonian and a list of jump operators."""

from __future__ import annotations

import html
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip

from ..core import storage
from ..core.checks import check_label, check_memory, check_sequence
from ..core.html import table
from ..core.saved import SavedModel
from ..core.types import Operator
from .expression import Expression, join_spaces
from .handle import Atoms, Level, Mode, Spin, handle
from .heisenberg import Heisenberg
from .individual import EachAtom, each_matrices
from .level import LevelFactor
from .matrices import basis_labels, operator_matrix, symbol_levels
from .mode import ModeFactor
from .printing import aligned, few_terms, html_of
from .rates import ClassicalRates
from .stored import parts_of_system, system_to_rows
from .symbol import Symbol
from .symmetries import Symmetries, find_symmetries
from .time_factor import TimeFactor
from .transform import Mapped, as_atoms, as_levels, holstein_primakoff

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["System"]

#: rows that a system shows of its nodes and of its jumps, and characters of its symmetries
_MANY = 10
_LONG = 300


class System(ClassicalRates, SavedModel):
    r"""A system written once: :math:`\dot ρ = -i[H,ρ] + Σ_L (LρL^† - ½\{L^†L,ρ\})`.

    Parameters
    ----------
    hamiltonian : Expression
        Hermitian.
    jumps : sequence of Expression or EachAtom
        Jump operators, with the square roots of their rates inside; ``A.each.p`` is a jump of
        every atom.
    name : str
        For printing.
    order : sequence of symbols, optional
        Order of the tensor factors; by default that of their first appearance in the Hamiltonian,
        then in the jumps (all symbols of one call of ``modes``, ``spins``, ``levels`` or ``atoms``
        together).

    Raises
    ------
    TypeError
        Something is no expression of :func:`qsyncplug.modes`, :func:`~qsyncplug.spins`, …
    ValueError
        The Hamiltonian is not Hermitian, symbols of two calls share a name, or `order` is not one
        of all symbols.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> system = qsp.System(0.5 * b.dag() * b, [b.dag(), b**2])
    >>> system.drift([1.0])
    array([-0.5-0.5j])
    """

    name: str

    def __init__(
        self,
        hamiltonian: Expression,
        jumps: Sequence[Expression | EachAtom] = (),
        *,
        name: str = "system",
        order: Iterable[Any] | None = None,
    ):
        if isinstance(jumps, (Expression, EachAtom)):
            jumps = (jumps,)
        try:
            jumps = tuple(jumps)
        except TypeError:
            raise TypeError(
                f"jumps must be a list of expressions of qsyncplug.modes(n) and the like, not "
                f"{jumps!r}"
            ) from None
        spaces: tuple[Any, ...] = ()
        for item in (hamiltonian, *jumps):
            if isinstance(item, Expression):
                spaces = join_spaces(spaces, item.spaces)
            elif isinstance(item, EachAtom):
                spaces = join_spaces(spaces, (item.symbol.space,))
        if not spaces:
            raise TypeError(
                "hamiltonian and jumps must be expressions of qsyncplug.modes(n) and the like; "
                "none is"
            )
        if isinstance(hamiltonian, EachAtom):
            raise TypeError(
                f"hamiltonian: {hamiltonian} is a jump of every atom and belongs to jumps; the "
                f"sums over the atoms are {hamiltonian.symbol.name}.p, .m, .x, .y, .z"
            )
        lifted = Expression(spaces)._lift(hamiltonian)
        if lifted is None:
            raise TypeError(
                f"hamiltonian must be an expression of qsyncplug.modes(n) and the like, not "
                f"{type(hamiltonian).__name__}"
            )
        for k, jump in enumerate(jumps):
            if not isinstance(jump, (Expression, EachAtom)):
                raise TypeError(
                    f"jumps[{k}] must be an expression of qsyncplug.modes(n) and the like, not "
                    f"{type(jump).__name__}"
                )
        difference = lifted - lifted.dag()
        alone = {m for m, _ in lifted.terms} != {m for m, _ in lifted.dag().terms}
        # coefficients that depend on time are compared at the times of a run: see check_hermitian
        if not lifted.isherm and (difference.isconstant or alone):
            raise ValueError(f"hamiltonian must be Hermitian; H − H† = {difference}")
        self.hamiltonian = Expression(spaces, lifted.terms)
        self.jumps = tuple(j for j in jumps if j)
        self.name = check_label("name", name) or "system"
        self.symbols = _ordered(self.hamiltonian.symbols, order)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__:
            raise AttributeError(
                f"a System does not change: make a new one instead of setting {name}"
            )
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {k: self.__dict__[k] for k in ("hamiltonian", "jumps", "name", "symbols")}

    # ------------------------------------------------------------ what it is

    @property
    def isconstant(self) -> bool:
        """Whether neither H nor a jump operator depends on time."""
        return all(e.isconstant for e in (self.hamiltonian, *self.jumps))

    @property
    def nodes(self) -> tuple[Mode | Spin | Level | Atoms, ...]:
        """The symbols as a user writes them, in the order of the tensor factors."""
        return tuple(handle(s) for s in self.symbols)

    @cached_property
    def operators(self) -> tuple[Expression, ...]:
        """The lowering operator of every node: b, S−, Σ|i⟩⟨i+1|, Σσ−."""
        out = []
        for node in self.nodes:
            if isinstance(node, Mode):
                out.append(Expression(node.spaces, node.terms))
            elif isinstance(node, Level):
                out.append(sum((node[k, k + 1] for k in range(1, node.d - 1)), node[0, 1]))
            else:
                out.append(node.m)
        return tuple(out)

    def summary(self) -> str:
        """What it is made of, its symmetries, and how large its spaces are."""
        return self._told(lambda rows: rows, str)

    def _told(self, choose: Callable[[Any], Any], write: Callable[[Any], str]) -> str:
        lines = [self._title(), *choose([f"{s.name}: {_kind(s)}" for s in self.symbols])]
        lines.append(f"H = {write(self.hamiltonian)}")
        lines += choose([f"L{k + 1} = {write(jump)}" for k, jump in enumerate(self.jumps)])
        lines += [f"{name}: {text}" for name, text in self._facts()]
        return "\n  ".join(lines)

    def _title(self) -> str:
        return f"System ({self.name}, {self.n} node{'s' if self.n != 1 else ''})"

    def _facts(self) -> list[tuple[str, str]]:
        symmetries = str(self.symmetries)
        if len(symmetries) > _LONG:
            symmetries = symmetries[:_LONG] + "…"
        answer = "no" if self.isconstant else "yes"
        return [("symmetries", symmetries), ("depends on time", answer)]

    def __str__(self) -> str:
        s = "s" if len(self.jumps) != 1 else ""
        H = few_terms(str(self.hamiltonian))
        return f"{self.name}: H = {H}; {len(self.jumps)} jump operator{s}"

    def __repr__(self) -> str:
        return self._told(_few, lambda x: few_terms(str(x)))

    def _repr_html_(self) -> str:
        def shown(x: Expression | EachAtom) -> str:
            return html_of(few_terms(x._repr_latex_()))

        rows = _few([(s.name, _kind(s)) for s in self.symbols], ("…", f"{self.n} nodes"))
        rows.append(("H", shown(self.hamiltonian)))
        jumps = [(f"L{k + 1}", shown(jump)) for k, jump in enumerate(self.jumps)]
        rows += _few(jumps, ("…", f"{len(jumps)} jump operators"))
        rows += [(name, html.escape(text)) for name, text in self._facts()]
        return table(self._title(), rows, markup=True)

    def _repr_latex_(self) -> str:
        rows = [("H", self.hamiltonian._repr_latex_())]
        rows += [(f"L_{{{k + 1}}}", x._repr_latex_()) for k, x in enumerate(self.jumps)]
        return aligned(rows)

    # ------------------------------------------------------------ exact objects

    def levels(self, cutoff: int | Sequence[int] | None = None) -> list[int]:
        """Dimensions of the tensor factors of the QuTiP objects with this `cutoff`."""
        return [d for dims in symbol_levels(self.symbols, cutoff) for d in dims]

    def matrix(
        self, operator: Expression, cutoff: int | Sequence[int] | None = None
    ) -> qutip.Qobj | qutip.QobjEvo:
        """An `operator` of this system on the space of :meth:`qutip` with this `cutoff`."""
        self.require_own(operator)
        return operator_matrix(operator.terms, self.symbols, cutoff)

    def qutip(self, cutoff: int | Sequence[int] | None = None) -> tuple[Any, list[Any]]:
        """Hamiltonian and collapse operators as QuTiP objects.

        Parameters
        ----------
        cutoff : int or sequence of int
            Number of Fock levels kept, at least 2; for all modes or for each. Not needed without
            modes.

        Returns
        -------
        H : qutip.Qobj or qutip.QobjEvo
            CSR; a QobjEvo where coefficients depend on time. Factors in the order of ``symbols``:
            modes in Fock states, spins as in ``qutip.jmat`` (N+1 levels), levels from 0, atoms one
            by one with the excited state first.
        c_ops : list
            Likewise; a jump of every atom is one operator an atom.
        """
        size = float(np.prod(self.levels(cutoff), dtype=float))
        terms = len(self.hamiltonian.terms) + sum(len(jump.terms) for jump in self.jumps)
        # of every term an index and a complex number a level, three times on the way
        check_memory(
            f"operators of {size:g} levels", 72.0 * terms * size, advice="lower the cutoff"
        )
        c_ops: list[Any] = []
        for jump in self.jumps:
            if isinstance(jump, EachAtom):
                c_ops += each_matrices(jump, self.symbols, cutoff)
            else:
                c_ops.append(operator_matrix(jump.terms, self.symbols, cutoff))
        return operator_matrix(self.hamiltonian.terms, self.symbols, cutoff), c_ops

    def labels(self, cutoff: int | Sequence[int] | None = None) -> np.ndarray:
        """What ``symmetries.charges`` weigh, for every basis state of :meth:`qutip` with this
        `cutoff`, (d, M).
        """
        return basis_labels(self.symbols, symbol_levels(self.symbols, cutoff))

    def adjoint(self, operator: Expression) -> Expression:
        r"""The exact time derivative of an operator in the Heisenberg picture.

        :math:`i[H,A] + ½Σ_L (L^†[A,L] + [L^†,A]L)`, in canonical order; jumps of every atom
        included.
        """
        self.require_own(operator)
        return Expression(self.hamiltonian.spaces, self._heisenberg.rate(operator).terms)

    @cached_property
    def _heisenberg(self) -> Heisenberg:
        return Heisenberg(self.hamiltonian, self.jumps)

    # ------------------------------------------------------------ other representations

    def as_atoms(self) -> System:
        """The system with every spin of two or more spins ½ as a sum over distinct atoms.

        The mean field of such atoms is not that of the spin (see :func:`qsyncplug.mfsolve`).
        """
        m = self.mapped_to_atoms
        return System(m.hamiltonian, m.jumps, name=self.name, order=m.order)

    @cached_property
    def mapped_to_atoms(self) -> Mapped:
        """What :meth:`as_atoms` is made of, with the table of symbols."""
        return as_atoms(self)

    def as_levels(self, cutoff: int | Sequence[int]) -> System:
        """The system with every mode cut to its lowest Fock states, which are levels.

        Parameters
        ----------
        cutoff : int or sequence of int
            How many, at least 2; for all modes or for each.

        Examples
        --------
        >>> import qsyncplug as qsp
        >>> b, = qsp.modes(1)
        >>> qsp.System(b.dag() * b, [b]).as_levels(3).levels()
        [3]
        """
        m = as_levels(self, cutoff)
        return System(m.hamiltonian, m.jumps, name=self.name, order=m.order)

    def holstein_primakoff(self, order: int, expansion: str = "newton") -> System:
        r"""The system with every spin of two or more spins ½ as a boson.

        :math:`S_- → \sqrt N R b`, :math:`S_z → b^†b − N/2`, :math:`R = Σ_{k≤order} c_k b^{†k} b^k`.

        Parameters
        ----------
        order : int
            Highest k; for "newton" the map is exact on n ≤ order, and with order=N everywhere.
        expansion : {"newton", "taylor"}
            Of √(1−n/N): in falling factorials of n, or in powers of n.

        Returns
        -------
        System
            Of boson modes in place of the spins.

        Raises
        ------
        ValueError
            `order` is negative, or `expansion` is another word.

        Examples
        --------
        >>> import qsyncplug as qsp
        >>> S, = qsp.spins(4)
        >>> qsp.System(S.z, [S.m]).holstein_primakoff(1).hamiltonian
        b(S1)† b(S1) - 2
        """
        m = holstein_primakoff(self, order, expansion)
        name = f"{self.name}, Holstein–Primakoff of order {order}"
        return System(m.hamiltonian, m.jumps, name=name, order=m.order)

    def require_own(self, operator: Operator, name: str = "operator") -> None:
        """Refuse an operator, called `name`, with symbols that this system does not have."""
        if not isinstance(operator, Expression):
            raise TypeError(
                f"{name} must be an expression of this system's symbols, not "
                f"{type(operator).__name__}"
            )
        own = {s.space for s in self.symbols}
        if foreign := [s for s in operator.spaces if s not in own]:
            raise ValueError(
                f"{name} has symbols of another call of {foreign[0].maker}(): {foreign[0]}; "
                "use those of this system, system.nodes or system.operators"
            )

    @property
    def time_functions(self) -> list[TimeFactor]:
        """The functions of time in H and the jump operators, each once."""
        found: dict[int, TimeFactor] = {}
        for operator in (self.hamiltonian, *self.jumps):
            for _, factors in getattr(operator, "terms", ()):
                for factor in factors:
                    found.setdefault(factor.function.identity, factor)
        return list(found.values())

    def check_hermitian(self, times: np.ndarray) -> None:
        """Raise ValueError if a time-dependent Hamiltonian is not Hermitian at one of (up to 200
        of) `times`.
        """
        if self.hamiltonian.isconstant:
            return
        for t in np.unique(np.concatenate([times, 0.5 * (times[1:] + times[:-1])]))[
            :: max(1, len(times) // 100)
        ]:
            try:
                now = self.hamiltonian.at(float(t))
            except Exception:
                # what a coefficient raises is told by the run, with the time and what there is
                continue
            if not now.isherm:
                raise ValueError(
                    f"hamiltonian must be Hermitian; at t={t:g}, H − H† = {now - now.dag()}"
                )

    @cached_property
    def derived(self) -> dict[Hashable, Any]:
        """What solvers have derived of it, kept as long as it is; no part of copies and files."""
        return {}

    @cached_property
    def symmetries(self) -> Symmetries:
        """The phase and exchange symmetries of the master equation."""
        return find_symmetries(self.symbols, self.hamiltonian, self.jumps)

    # ------------------------------------------------------------ storage

    def to_dict(self) -> dict[str, Any]:
        """What :func:`qsyncplug.load` rebuilds it from; time-dependent coefficients are kept by
        name only.
        """
        return self.to_dict_between(())

    def to_dict_between(self, times: ArrayLike | None) -> dict[str, Any]:
        """The same with the values of time-dependent coefficients over `times`."""
        rows = system_to_rows(self.hamiltonian, self.jumps, self.symbols, times)
        return {"kind": "System", "name": self.name, **rows}


def _kind(symbol: Symbol) -> str:
    """What a symbol stands for, in words, with its number of levels or atoms."""
    factor = symbol.factor
    if isinstance(factor, ModeFactor):
        return "boson mode"
    if isinstance(factor, LevelFactor):
        return f"{factor.d} levels"
    N = symbol.N
    return f"spin {N}/2" if isinstance(handle(symbol), Spin) else f"{N} atoms"


def _few(rows: list[Any], rest: Any = None) -> list[Any]:
    """The first and the last of many."""
    if len(rows) <= _MANY:
        return rows
    return [*rows[: _MANY - 2], f"… ({len(rows)} in all)" if rest is None else rest, rows[-1]]


def _ordered(symbols: tuple[Symbol, ...], order: Iterable[Any] | None) -> tuple[Symbol, ...]:
    if order is None:
        return symbols
    given = [getattr(x, "symbol", x) for x in check_sequence("order", order, "symbols")]
    if len(given) != len(symbols) or set(given) != set(symbols):
        raise ValueError(f"order must hold each of the symbols {symbols} once, not {tuple(given)}")
    return tuple(given)


def _from_dict(data: dict[str, Any]) -> System | None:
    parts = parts_of_system(data)
    if parts is None:
        return None
    hamiltonian, jumps, order = parts
    return System(hamiltonian, jumps, name=data["name"], order=order)


storage.register_model("System", _from_dict)
