"""Averages over truncated Wigner samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.sampling import Pieces, SampledProblem, Samples
from ..core.stats import SampledStats
from ..core.status import Status
from ..operators.classical import Classical
from ..operators.expression import Expression
from ..operators.observed import ObservedResult, constant_parts, factors_at
from ..operators.spin import SpinFactor
from ..operators.symbol import Symbol

__all__ = [
    "Blocks",
    "Sums",
    "TwaProblem",
    "TwaResult",
    "TwaStats",
    "at_second_order",
    "second_order",
]


@dataclass(eq=False, repr=False)
class TwaStats(SampledStats):
    """How the sampling went.

    Attributes
    ----------
    steps : int
        Steps of one sample.
    e_error : dict
        Standard errors of the expectation values.
    """

    steps: int | None = None
    e_error: dict[Any, Any] | None = None


class TwaResult(ObservedResult):
    """Averages over samples of a truncated Wigner approximation, with standard errors.

    Attributes
    ----------
    amplitudes : ndarray of shape (T, n)
        ⟨b⟩ of a mode, ⟨S−/√((N+1)/2−Sz)⟩ of a spin.
    mean, mean_error : ndarray of shape (T, 2n)
        Their quadratures and standard errors.
    covariance : ndarray of shape (T, 2n, 2n)
        Symmetrised; vacuum ½.
    coordinates, coordinates_error : ndarray of shape (T, d)
        (q, p) of every mode, (Sx, Sy, Sz) of every spin.
    second, second_error : ndarray of shape (T, d, d)
        Symmetrised products of two coordinates.
    phase_moments : ndarray of shape (T, K+1, n + n(n−1)/2), or None
        ⟨e^{ikφ}⟩ of the phase of every node, then of φ_j−φ_l of every pair j<l, where
        ``options={"phases": K}``; see :func:`qsyncplug.measures.phase_distribution`.
    ntraj : int
        Number of samples.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> (b,) = qsp.modes(1)
    >>> system = qsp.System(b.dag() * b, [b])
    >>> run = qsp.twasolve(system, [2.0], [0.0, 1.0], ntraj=4000, seed=1)
    >>> n = qsp.expect(b.dag() * b, run)
    >>> bool(abs(n[1] - 4 * np.exp(-1.0)) < 0.2)
    True
    """

    _stats_type = TwaStats
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "amplitudes": ("time", "node"),
        "mean": ("time", "quadrature"),
        "mean_error": ("time", "quadrature"),
        "covariance": ("time", "quadrature", "quadrature_2"),
        "coordinates": ("time", "coordinate"),
        "coordinates_error": ("time", "coordinate"),
        "second": ("time", "coordinate", "coordinate_2"),
        "second_error": ("time", "coordinate", "coordinate_2"),
        "phase_moments": ("time", "harmonic", "phase"),
    }
    stats: TwaStats
    amplitudes: np.ndarray
    mean: np.ndarray
    mean_error: np.ndarray
    covariance: np.ndarray
    coordinates: np.ndarray
    coordinates_error: np.ndarray
    second: np.ndarray
    second_error: np.ndarray
    phase_moments: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Number of nodes: modes, spins and ensembles of the system."""
        return int(self.amplitudes.shape[1])

    @property
    def ntraj(self) -> int:
        """Number of samples in the averages; fewer than asked for where the run ended early."""
        return int(self.stats["ntraj"])

    @property
    def e_error(self) -> dict[Any, list[complex]]:
        """Standard errors of the values in ``e_data``: of a complex one that of its real part plus
        that of its imaginary part, within which its modulus may be wrong.
        """
        return dict(self.stats.e_error or {})

    def _complete(self) -> None:
        """Nothing: the values of expressions are averages over the samples, made with them."""

    def expectation(self, operator: Expression) -> np.ndarray:
        """Expectation value of an operator of up to two coordinates, (T,).

        Raises
        ------
        ValueError
            Its Weyl symbol has a higher degree: give it as `e_ops` beforehand.
        """
        self.model.require_own(operator)
        if (parts := second_order(self.model.symbols, operator)) is None:
            raise ValueError(
                f"the samples of {operator} were not kept; give it to twasolve as e_ops"
            )
        return at_second_order(parts, self.coordinates, self.second)


class Sums:
    """Sums over samples of coordinates, their products, quadratures and expectation values; of so
    many `harmonics` of their phases.
    """

    _names: tuple[str, ...] = ("x", "xx", "x4", "q", "qq", "e", "e2")

    def __init__(
        self,
        model: Classical,
        times: np.ndarray,
        table: dict[Any, Expression],
        harmonics: int = 0,
    ):
        self.model, self.times = model, times
        self.symbols = {key: _symbol(model, operator, times) for key, operator in table.items()}
        self.hermitian = {key for key, operator in table.items() if operator.isherm}
        self.bosonic = not any(isinstance(s.factor, SpinFactor) for s in model.symbols)
        T, d, n = len(times), len(model.coordinates), len(model.symbols)
        self.x, self.xx = np.zeros((T, d)), np.zeros((T, d, d))
        self.x4 = np.zeros((T, d, d))
        self.q, self.qq = np.zeros((T, 2 * n)), np.zeros((T, 2 * n, 2 * n))
        self.e = np.zeros((len(table), T), dtype=complex)
        self.e2 = np.zeros((len(table), T, 2))
        self.harmonics = harmonics
        if harmonics:
            self._names = (*Sums._names, "phases")
            self.phases = np.zeros((T, harmonics + 1, n * (n + 1) // 2), dtype=complex)

    def copies(self) -> dict[str, Any]:
        """The sums, for a checkpoint, with the names of the expectation values."""
        arrays = {name: getattr(self, name).copy() for name in self._names}
        return {**arrays, "keys": list(self.symbols)}

    def take(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`copies` gave."""
        if list(saved["keys"]) != list(self.symbols):
            raise ValueError(
                f"e_ops must have the keys of the run that is resumed, {list(saved['keys'])}, "
                f"not {list(self.symbols)}"
            )
        for name in self._names:
            mine, other = getattr(self, name), np.asarray(saved[name])
            if mine.shape != other.shape:
                raise ValueError(f"the snapshot is of another problem: {name} {other.shape}")
            setattr(self, name, other.astype(mine.dtype))

    def add(self, z: np.ndarray) -> None:
        """IN samples (T, variables, count)."""
        c = self.model.coordinates
        x = np.empty((len(z), len(c), z.shape[2]))
        for a, k in enumerate(c):
            part = z[:, k.variable].imag if k.part else z[:, k.variable].real
            np.multiply(part, k.scale, out=x[:, a])
        y = x * x
        products = x @ x.transpose(0, 2, 1)
        self.x += x.sum(axis=2)
        self.xx += products
        self.x4 += y @ y.transpose(0, 2, 1)
        # the coordinates of modes are their quadratures
        q = x if self.bosonic else self._quadratures(z)
        self.q += q.sum(axis=2)
        self.qq += products if self.bosonic else q @ q.transpose(0, 2, 1)
        for k, symbol in enumerate(self.symbols.values()):
            values = _at(symbol, z)
            self.e[k] += values.sum(axis=1)
            self.e2[k, :, 0] += (values.real**2).sum(axis=1)
            self.e2[k, :, 1] += (values.imag**2).sum(axis=1)
        if self.harmonics:
            self._add_phases(z)

    def _add_phases(self, z: np.ndarray) -> None:
        """IN samples (T, variables, count): powers of e^{iφ} of the nodes and of the pairs."""
        beta = z[:, [self.model.first[symbol] for symbol in self.model.symbols]]
        size = np.abs(beta)
        # a sample at the origin has no phase, and no part in the averages
        turn = np.divide(beta, size, out=np.zeros_like(beta), where=size > 0)
        j, k = np.triu_indices(turn.shape[1], 1)
        turn = np.concatenate([turn, turn[:, j] * turn[:, k].conj()], axis=1)
        power = np.ones_like(turn)
        self.phases[:, 0] += power.sum(axis=2)
        for m in range(1, self.harmonics + 1):
            power *= turn
            self.phases[:, m] += power.sum(axis=2)

    def _quadratures(self, z: np.ndarray) -> np.ndarray:
        out = []
        for symbol in self.model.symbols:
            at = self.model.first[symbol]
            beta = z[:, at]
            if isinstance(symbol.factor, SpinFactor):
                N = symbol.factor.N
                beta = beta / np.sqrt(np.maximum(0.5 * (N + 1) - z[:, at + 1].real, 1e-12))
            out += [np.sqrt(2) * beta.real, np.sqrt(2) * beta.imag]
        return np.stack(out, axis=1)

    def fill(self, result: TwaResult, count: int) -> None:
        """Averages and standard errors of `count` samples."""
        m = max(count, 1)
        x, xx, q = self.x / m, self.xx / m, self.q / m
        spread = 1 / np.sqrt(max(count - 1, 1))
        diagonal = np.diagonal(xx, axis1=1, axis2=2)
        result.times = self.times
        result.coordinates, result.second = x, xx
        result.phase_moments = self.phases / m if self.harmonics else None
        result.coordinates_error = np.sqrt(np.maximum(diagonal - x**2, 0)) * spread
        result.second_error = np.sqrt(np.maximum(self.x4 / m - xx**2, 0)) * spread
        qq = self.qq / m
        result.mean = q
        result.amplitudes = np.ascontiguousarray(q).view(complex) / np.sqrt(2)
        result.covariance = qq - q[:, :, None] * q[:, None, :]
        variances = np.diagonal(result.covariance, axis1=1, axis2=2)
        result.mean_error = np.sqrt(np.maximum(variances, 0)) * spread
        errors = {}
        for k, key in enumerate(self.symbols):
            value = self.e[k] / m
            result.e_data[key] = list(value.real if key in self.hermitian else value)
            squares = self.e2[k] / m
            parts = np.stack([value.real, value.imag], axis=1)
            errors[key] = list(np.sqrt(np.maximum(squares - parts**2, 0)).sum(axis=1) * spread)
        result.stats.e_error = errors


def second_order(
    symbols: Sequence[Symbol], operator: Expression
) -> tuple[complex, np.ndarray, np.ndarray] | None:
    """A number, a vector (d,) and a symmetric matrix (d, d): the Weyl symbol of an operator as
    c + v·x + x·M·x in the coordinates x, (q, p) of modes and (Sx, Sy, Sz) of spins. None where it
    has a higher degree.
    """
    model = Classical(tuple(symbols), operator, [], weyl=True)
    symbol = model.expectation(model.H)
    d = len(model.coordinates)
    letters_of = _letters(model)
    number, vector, matrix = 0j, np.zeros(d, dtype=complex), np.zeros((d, d), dtype=complex)
    for (letters, _), value in symbol.items():
        rows = [letters_of[x >> 1] if x & 1 else letters_of[x >> 1].conj() for x in letters]
        if len(rows) > 2:
            return None
        if len(rows) == 2:
            matrix += value * 0.5 * (np.outer(*rows) + np.outer(*rows[::-1]))
        elif rows:
            vector += value * rows[0]
        else:
            number += value
    return number, vector, matrix


def _letters(model: Classical) -> np.ndarray:
    """z_k as a combination of the coordinates, (variables, d)."""
    out = np.zeros((model.variables, len(model.coordinates)), dtype=complex)
    for a, c in enumerate(model.coordinates):
        out[c.variable, a] = (1j if c.part else 1) / c.scale
    return out


def at_second_order(
    parts: tuple[complex, np.ndarray, np.ndarray], x: np.ndarray, xx: np.ndarray
) -> np.ndarray:
    """The average (T,) at averages of coordinates (T, d) and of their products (T, d, d)."""
    number, vector, matrix = parts
    return np.asarray(number + x @ vector + np.einsum("ab,tab->t", matrix, xx))


#: letters of a product of samples, and its weight at every time, (T, 1)
_Weights = list[tuple[tuple[int, ...], np.ndarray]]


def _symbol(model: Classical, operator: Expression, times: np.ndarray) -> _Weights:
    """The Weyl symbol of an operator, with its coefficients at every time."""
    out: _Weights = []
    for factors, part in constant_parts(operator).items():
        one = Classical(model.symbols, part, [], weyl=True)
        course = factors_at(factors, times)[:, None]
        out += [(letters, value * course) for (letters, _), value in one.expectation(one.H).items()]
    return out


def _at(symbol: _Weights, z: np.ndarray) -> np.ndarray:
    """A polynomial at samples (T, variables, count)."""
    out = np.zeros((z.shape[0], z.shape[2]), dtype=complex)
    for letters, weight in symbol:
        part = np.repeat(weight.astype(complex), z.shape[2], axis=1)
        for x in letters:
            part *= z[:, x >> 1] if x & 1 else z[:, x >> 1].conj()
        out += part
    return out


class Blocks(Samples):
    """Blocks of samples, one an output of the drive.

    Parameters
    ----------
    draw : callable
        ``draw(number)``: the samples of a block at every time, (T, variables, size).
    sums : Sums
        What they are added to.
    ntraj, size : int
        Samples wanted, and samples of a block.
    t0 : float
        Time that the samples start at, for messages.
    """

    accepted_each: int = 0

    def __init__(
        self, draw: Callable[[int], np.ndarray], sums: Sums, ntraj: int, size: int, t0: float
    ):
        self.draw, self.sums, self.ntraj, self.t = draw, sums, ntraj, t0
        self.chunks = Pieces(ntraj, size)
        self.block: np.ndarray | None = None
        self._drawn = 0

    @property
    def drawn(self) -> int:
        return self._drawn

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """Draw the blocks of these numbers; :meth:`add` puts them into the sums."""
        for number in times:
            self.block = self.draw(int(number))
            self.accepted += self.accepted_each
            self.evaluations += 2 * self.accepted_each
            self.delivered += 1
        return Status.RUNNING

    def snapshot(self) -> dict[str, Any]:
        return {
            "sums": self.sums.copies(),
            "drawn": self._drawn,
            "steps": [self.accepted, self.evaluations],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.sums.take(saved["sums"])
        self._drawn = int(saved["drawn"])
        self.accepted, self.evaluations = map(int, saved["steps"])

    def add(self, number: int) -> None:
        """Add the block that was drawn last; the drive does not interrupt this."""
        assert self.block is not None
        count = self.chunks[number][1]
        self.sums.add(self.block[:, :, :count])
        self._drawn += count


class TwaProblem(SampledProblem):
    """Averages over the samples of a truncated Wigner approximation."""

    def __init__(
        self,
        output_times: np.ndarray,
        stepper: Blocks,
        result: TwaResult,
        judge: Callable[[TwaResult], None],
    ):
        super().__init__(output_times, stepper, result)
        self._judge = judge

    def row(self, index: int) -> np.ndarray:
        return np.array([index])

    def state(self, t: float, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (d,) and covariance (d, d) of the coordinates, once all samples are drawn."""
        result, k = self.result, int(row[0])
        assert isinstance(result, TwaResult)
        x = result.coordinates[k]
        return x, result.second[k] - np.outer(x, x)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Add the block that was drawn."""
        for number in times:
            self.stepper.add(int(number))

    def fill(self, count: int) -> None:
        """Turn the sums over `count` samples into the arrays of the result."""
        assert isinstance(self.result, TwaResult)
        self.stepper.sums.fill(self.result, count)

    def finish(self) -> None:
        """Say where the approximation is known not to hold."""
        assert isinstance(self.result, TwaResult)
        if len(self.result.times):
            self._judge(self.result)
