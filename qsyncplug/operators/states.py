"""Product states of a system: what every node starts in, as QuTiP objects and as classical
points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import qutip

from ..core.checks import check_array
from .atom import AtomFactor
from .level import LevelFactor
from .mode import ModeFactor
from .spin import SpinFactor
from .symbol import Symbol
from .system import System

__all__ = [
    "ProductState",
    "coherent_levels",
    "coherent_state",
    "spin_coherent_levels",
    "state_in_order",
]

_PURE = 1e-6
_UNIT = np.eye(3)
#: |α|² from which on e^{−|α|²/2} loses digits
_UNDERFLOW = 1300.0
#: amplitudes whose fourth powers are numbers
_LARGEST = 1e75


class ProductState:
    """A product of one state a node.

    Parameters
    ----------
    system : System
    state0 : mapping or sequence
        A dict from symbol to state, or one state a node in the order of ``system.symbols``: a
        number for a mode (coherent), a Bloch vector (x, y, z) of length 1 or angles (θ, φ) for a
        spin or an ensemble (the state of each spin ½; ensembles and spins ½ may be mixed), a Qobj
        for a level, an ensemble or a spin ½.

    Raises
    ------
    ValueError
        A node has no state, a symbol is not of the system, a state is none.
    TypeError
        A state is of the wrong kind.
    """

    def __init__(self, system: System, state0: Any):
        self.system = system
        self.alpha: dict[Symbol, complex] = {}
        self.rho: dict[Symbol, np.ndarray] = {}
        for symbol, value in zip(system.symbols, _values(system, state0), strict=True):
            if isinstance(symbol.factor, ModeFactor):
                self.alpha[symbol] = _number(symbol, value)
            else:
                self.rho[symbol] = _density(symbol, value)

    # ------------------------------------------------------------ QuTiP

    def qutip(self, cutoff: int | Sequence[int] | None = None) -> qutip.Qobj:
        """The state on the space of ``system.qutip(cutoff)``: a ket if every factor is pure."""
        modes = [s for s in self.system.symbols if isinstance(s.factor, ModeFactor)]
        dims = iter(self.system.levels(cutoff))
        parts: list[Any] = []
        for symbol in self.system.symbols:
            if symbol in modes:
                size = next(dims)
                parts.append(coherent_state(symbol, self.alpha[symbol], size))
                continue
            parts += self._site(symbol)
            for _ in symbol.factor.levels(None):
                next(dims)
        if all(p.isket for p in parts):
            return qutip.tensor(parts)
        return qutip.tensor([p if p.isoper else p.proj() for p in parts])

    def _site(self, symbol: Symbol) -> list[Any]:
        factor = symbol.factor
        if isinstance(factor, SpinFactor) and factor.N > 1:
            x, y, z = self.bloch(symbol)
            half, phi = 0.5 * math.atan2(math.hypot(x, y), z), math.atan2(y, x)
            own = spin_coherent_levels(factor.N, math.cos(half), math.sin(half), -phi)
            # real where all are up, as in qutip.spin_coherent
            return [qutip.Qobj(np.exp(1j * factor.N * phi) * own[::-1])]
        one = qutip.Qobj(self.rho[symbol])
        values, vectors = np.linalg.eigh(self.rho[symbol])
        if values[-1] > 1 - 1e-14:
            one = qutip.Qobj(vectors[:, -1:])
        return [one] * (factor.N if isinstance(factor, AtomFactor) else 1)

    # ------------------------------------------------------------ classical

    def bloch(self, symbol: Symbol) -> np.ndarray:
        """Bloch vector of each spin ½ of a spin or an ensemble, shape (3,)."""
        (up, _), (plus, down) = self.rho[symbol].tolist()
        return np.array([2 * plus.real, 2 * plus.imag, (up - down).real])

    def expectation(self, symbol: Symbol, key: tuple[int, ...]) -> complex:
        """⟨·⟩ of a monomial of one node in the state: distinct atoms factorise."""
        factor = symbol.factor
        if isinstance(factor, ModeFactor):
            a = self.alpha[symbol]
            return a.conjugate() ** key[0] * a ** key[1]
        r = self.rho[symbol]
        if isinstance(factor, LevelFactor):
            return complex(r[key[1], key[0]]) if key else 1.0
        if isinstance(factor, AtomFactor):
            # in whole numbers of any size: 21! is beyond 64 bits
            falling = float(math.perm(factor.N, sum(key)))
            plus, excited, minus = r[1, 0], r[0, 0], r[0, 1]
            return complex(falling * plus ** key[0] * excited ** key[1] * minus ** key[2])
        matrix = factor.matrix(key, factor.levels(None)).toarray()
        (state,) = self._site(symbol)
        rho = state.full() if state.isoper else state.proj().full()
        return complex(np.trace(matrix @ rho))

    def variables(self) -> np.ndarray:
        """The complex variables of ``system.classical``."""
        c = self.system.classical
        z = np.zeros(c.variables, dtype=complex)
        for symbol in self.system.symbols:
            at, factor = c.first[symbol], symbol.factor
            if isinstance(factor, ModeFactor):
                z[at] = self.alpha[symbol]
            elif isinstance(factor, LevelFactor):
                pairs = c.pairs(factor.d)
                r = self.rho[symbol]
                for k, (i, j) in enumerate(pairs):
                    z[at + k] = r[j, i]
                z[at + len(pairs) : at + len(pairs) + factor.d - 1] = np.diagonal(r)[1:]
            else:
                N = symbol.N
                x, y, up = (0.5 * N * self.bloch(symbol)).tolist()
                z[at] = complex(x, -y)
                z[at + 1] = up + (N / 2 if isinstance(factor, AtomFactor) else 0)
        return z

    def covariance(self) -> np.ndarray:
        """Symmetrised covariance of the real coordinates, shape (d, d): ½ for modes,
        (N/4)(1−nnᵀ).
        """
        c = self.system.classical
        C = np.zeros((len(c.coordinates),) * 2)
        at = 0
        for symbol in self.system.symbols:
            factor = symbol.factor
            if isinstance(factor, ModeFactor):
                block = 0.5 * np.eye(2)
            elif isinstance(factor, LevelFactor):
                block = _level_covariance(self.rho[symbol], c.pairs(factor.d))
            else:
                n = self.bloch(symbol)
                block = 0.25 * symbol.N * (_UNIT - n[:, None] * n)
            here = slice(at, at + len(block))
            C[here, here] = block
            at += len(block)
        return C


def coherent_state(name: Any, alpha: complex, levels: int) -> qutip.Qobj:
    """The coherent state `alpha` of the mode `name`, cut at `levels` and normalised again."""
    if abs(alpha) ** 2 < _UNDERFLOW:
        data = qutip.coherent(levels, alpha, method="analytic").full()
        scale = 0.0
    else:
        # imported here: scipy.special would lengthen the import of the package
        from scipy.special import gammaln

        n = np.arange(levels)
        logs = n * np.log(abs(alpha)) - 0.5 * (abs(alpha) ** 2 + gammaln(n + 1))
        # e^{−|α|²/2} is no number any more: all in units of the largest
        scale = float(np.max(logs))
        data = np.exp(logs - scale + 1j * n * np.angle(alpha))[:, None]
    norm = float(np.linalg.norm(data))
    # below this the ratios of what is left are rounding
    if not (norm > 0 and np.log10(norm) + scale / np.log(10) > -100):
        enough = int(abs(alpha) ** 2 + 8 * abs(alpha) + 10)
        raise ValueError(
            f"state0 must fit into the cut-off: a coherent state of amplitude {alpha:g} of "
            f"{name} has nothing in its lowest {levels} levels; cutoff={enough} would hold it"
        )
    return qutip.Qobj(data / norm)


def coherent_levels(symbol: Symbol, alpha: complex, levels: int) -> np.ndarray:
    """Amplitudes of a coherent state cut at `levels`, (levels,)."""
    return np.asarray(coherent_state(symbol, alpha, levels).full()[:, 0])


def spin_coherent_levels(N: int, up: float, down: float, phase: float) -> np.ndarray:
    """Amplitudes √binom(N,m) up^m down^(N−m) e^{imφ} of m=0…N of N spins ½ up, each of which is
    down + e^{iφ}·up; in logarithms, so that large N do not overflow.
    """
    # imported here: scipy.special would lengthen the import of the package
    from scipy.special import gammaln, xlogy

    m = np.arange(N + 1)
    logs = 0.5 * (gammaln(N + 1) - gammaln(m + 1) - gammaln(N - m + 1))
    value = np.exp(logs + xlogy(m, up) + xlogy(N - m, down))
    return np.asarray(value / np.linalg.norm(value) * np.exp(1j * m * phase))


def _level_covariance(rho: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    d = len(rho)
    operators = []
    for i, j in pairs:
        E = np.zeros((d, d), dtype=complex)
        E[i, j] = 1
        operators += [0.5 * (E + E.conj().T), -0.5j * (E - E.conj().T)]
    operators += [np.diag(np.eye(d)[k]).astype(complex) for k in range(1, d)]
    mean = np.array([np.trace(rho @ X).real for X in operators])
    second = [[np.trace(rho @ (X @ Y + Y @ X)).real / 2 for Y in operators] for X in operators]
    return np.array(second) - np.outer(mean, mean)


def _values(system: System, state0: Any) -> list[Any]:
    """What every node starts in, in the order of the symbols, from a list or a dict by symbol or
    handle.
    """
    if isinstance(state0, qutip.Qobj):
        raise TypeError("state0 must hold one state a node here, not a Qobj of the whole system")
    if isinstance(state0, Mapping):
        table = {getattr(key, "symbol", key): value for key, value in state0.items()}
        if foreign := [k for k in table if k not in system.symbols]:
            raise ValueError(
                f"state0 has {foreign[0]!r}, which is none of this system's nodes {system.symbols} "
                "(symbols of another call are others, whatever their names)"
            )
        if missing := [s for s in system.symbols if s not in table]:
            raise ValueError(
                f"state0 lacks {missing[0]}; it must have every one of {system.symbols}"
            )
        return [table[s] for s in system.symbols]
    try:
        values = list(state0)
    except TypeError:
        raise TypeError(
            f"state0 must be a dict from symbol to state, or one state a node, not {state0!r:.60}"
        ) from None
    if len(values) != system.n:
        raise ValueError(
            f"state0 must hold one state for each of {system.symbols}, not {len(values)}"
        )
    return values


def state_in_order(system: System, state0: Any) -> Any:
    """A dict from symbol to state as a list in the order of the system's nodes; others as they are.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b1, b2 = qsp.modes(2)
    >>> state_in_order(qsp.System(b1.dag() * b1 + b2.dag() * b2), {b2: 1.0, b1: 2.0})
    [2.0, 1.0]
    """
    if isinstance(state0, Mapping):
        return _values(system, state0)
    return list(state0) if isinstance(state0, tuple) else state0


def _number(symbol: Symbol, value: Any) -> complex:
    alpha = complex(check_array(f"state0[{symbol}]", value, shape=(), dtype=complex))
    if not abs(alpha) < _LARGEST:
        raise ValueError(f"state0[{symbol}] must be smaller than {_LARGEST:g}, not {alpha:g}")
    return alpha


def _density(symbol: Symbol, value: Any) -> np.ndarray:
    """The density matrix of a level, or of each spin ½ of a spin or an ensemble."""
    factor, name = symbol.factor, f"state0[{symbol}]"
    d = factor.d if isinstance(factor, LevelFactor) else 2
    if isinstance(value, qutip.Qobj):
        rho = (value.proj() if value.isket else value).full()
        if rho.shape != (d, d):
            raise ValueError(f"{name} must have {d} levels, not shape {rho.shape}")
    elif isinstance(factor, LevelFactor):
        raise TypeError(f"{name} must be a Qobj of {d} levels, not {value!r:.60}")
    else:
        # of unit trace and not negative by the way it is made
        rho = _of_direction(name, value)
    if isinstance(value, qutip.Qobj):
        hermitian = np.abs(rho - rho.conj().T).max() < 1e-10
        if not hermitian or abs(np.trace(rho) - 1) > 1e-8 or np.linalg.eigvalsh(rho)[0] < -1e-9:
            raise ValueError(f"{name} must be a state: Hermitian, of trace 1, not negative")
    purity = float(np.vdot(rho, rho).real)
    if isinstance(factor, SpinFactor) and factor.N > 1 and purity < 1 - _PURE:
        raise ValueError(
            f"{name} must be pure (a Bloch vector of length 1): {factor.N} mixed spins ½ leave the "
            "symmetric states; use qsyncplug.atoms"
        )
    return np.asarray(rho)


def _of_direction(name: str, value: Any) -> np.ndarray:
    plain = isinstance(value, (tuple, list)) and all(type(v) is float for v in value)
    # nothing is to be converted or refused in finite floats
    if not (plain and math.isfinite(sum(value))):
        if np.ndim(value) == 0 and not isinstance(value, str):
            raise ValueError(
                f"{name} must be a Bloch vector (x, y, z) or angles (θ, φ), not {value!r:.60}"
            )
        value = check_array(name, value, shape=(None,)).tolist()
    vector = list(value)
    if len(vector) == 2:
        theta, phi = vector
        sin = math.sin(theta)
        vector = [sin * math.cos(phi), sin * math.sin(phi), math.cos(theta)]
    if len(vector) != 3:
        raise ValueError(f"{name} must be a Bloch vector (x, y, z) or angles (θ, φ), not {value!r}")
    if (length := math.hypot(*vector)) > 1 + 1e-9:
        raise ValueError(f"{name} must be a Bloch vector of length 1 at most, not {length:g}")
    x, y, z = vector
    return np.array(
        [[0.5 + 0.5 * z, complex(0.5 * x, -0.5 * y)], [complex(0.5 * x, 0.5 * y), 0.5 - 0.5 * z]]
    )
