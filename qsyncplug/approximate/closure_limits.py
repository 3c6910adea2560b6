"""What a closure of moments neglects, and where that is known not to be small."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol

import numpy as np

from ..core.errors import ApproximationWarning, SolverError, warn
from ..operators.expression import Expression
from ..operators.handle import Mode
from ..operators.mode import ModeFactor
from ..operators.spin import SpinFactor
from ..operators.symbol import Symbol
from ..operators.system import System
from .words import MomentEquations

__all__ = ["left_out", "lowest_variance", "variances_of_a_state", "without_phase"]

#: a nonlinear loss below this part of the linear one leaves errors of n of up to 2 %
_SMALL = 0.3
#: variances below this share of the largest covariance are more than what tolerances leave
_NEGATIVE = -1e-4
_ADVICE = "start with an amplitude, or use twasolve or exactsolve"


class Closure(Protocol):
    """What is asked of the equations of moments; see `cumulants.Closure`."""

    @property
    def system(self) -> System:
        """The system whose moments are closed."""
        ...

    @property
    def equations(self) -> MomentEquations:
        """Words of the moments, and the equations of motion that the closure closes."""
        ...

    @property
    def table(self) -> Mapping[Symbol, Symbol]:
        """What stands for which symbol of the system."""
        ...

    @property
    def exact(self) -> bool:
        """Whether nothing is neglected."""
        ...

    @property
    def kept(self) -> dict[Hashable, Any]:
        """What was derived of it for all runs."""
        ...

    def image(self, operator: Expression) -> Expression:
        """An operator of the system in the symbols of the equations."""
        ...


def lowest_variance(covariance: np.ndarray) -> tuple[int, float]:
    """At which time a variance of the covariances (T, d, d) is lowest, and this variance."""
    lowest = np.diagonal(covariance, axis1=1, axis2=2).min(axis=1)
    k = int(np.argmin(lowest))
    return k, float(lowest[k])


def variances_of_a_state(
    closure: Closure, times: np.ndarray, covariance: np.ndarray
) -> dict[str, float]:
    """How far a variance is below 0: a closure may break down, which the view of its run says.

    Raises
    ------
    SolverError
        The moments of a hierarchy that neglects nothing are those of no state.
    """
    k, lowest = lowest_variance(covariance)
    if closure.exact and lowest < _NEGATIVE * (1 + float(np.abs(covariance).max())):
        raise SolverError(
            f"the moments are no longer those of a state: a variance is {lowest:.3g} at "
            f"t={times[k]:g}; take smaller atol and rtol, or fewer atoms, or twasolve",
            time=float(times[k]),
            reason="moments of no state",
        )
    return {"negative variance": max(0.0, -lowest)}


def left_out(closure: Closure) -> list[str]:
    """What a closure neglects in any state, with warnings where that is not small."""
    if closure.exact:
        return []
    out = [f"joint cumulants of more than {closure.equations.order} operators"]
    if closure.table:
        out.append(
            "spins as sums over distinct atoms: worse than the sphere; use closure='linear', "
            "twasolve or exactsolve for collective spins"
        )
        warn(out[-1], ApproximationWarning)
    return out


def without_phase(closure: Closure, values: np.ndarray) -> list[str]:
    """What is wrong with nodes whose nonlinearity acts on an amplitude that the state does not
    have; a warning too where it started without one.

    Parameters
    ----------
    closure : Closure
    values : ndarray of shape (V,)
        Moments at the end.
    """
    if closure.exact:
        return []
    out, moments = [], values.tolist()
    for symbol in _once(closure, "limited", lambda: _limited(closure.system)):
        if isinstance(symbol.factor, ModeFactor):
            n, amplitude = _size(closure, symbol, moments)
            # a power of floats would raise where a product is infinite
            square = amplitude * amplitude
            if square > 0.5 * n:
                out += _kept_phase(closure.system, symbol)
                continue
            none = square < 1e-6 * n
            who = f"{symbol} has " + ("no phase" if none else f"|⟨b⟩|²={square:.3g} only")
            text = _of_mode(closure, symbol, moments, n, f"{who} (n={n:.3g})")
        else:
            text = _wrong(f"{symbol} has no phase") if closure.equations.neutral_only else ""
        if text:
            out.append(text)
            # moments with a charge were left out because the start has the symmetry
            if closure.equations.neutral_only:
                warn(text, ApproximationWarning)
    return out


def _limited(system: System) -> list[Symbol]:
    """Modes and spins that some jump lowers by two or more at once."""
    found = []
    for symbol in system.symbols:
        for jump in system.jumps:
            for monomial, _ in jump.terms if isinstance(jump, Expression) else ():
                key = dict(monomial).get(symbol)
                large = isinstance(symbol.factor, (ModeFactor, SpinFactor))
                if key is not None and large and -symbol.factor.charge(key)[0] >= 2:
                    found.append(symbol)
    return list(dict.fromkeys(found))


def _once(closure: Closure, key: Hashable, derive: Callable[[], Any]) -> Any:
    """What `derive` gives, which is asked once for all runs of a closure."""
    if key not in closure.kept:
        closure.kept[key] = derive()
    return closure.kept[key]


def _value(closure: Closure, operator: Expression, key: Hashable, values: list[complex]) -> complex:
    """Expectation value of an operator, which has this key, at moments."""
    image = _once(closure, key, lambda: closure.equations.expectation(closure.image(operator)))
    total = 0j
    for (letters, _), weight in image.items():
        for x in letters:
            weight *= values[x >> 1] if x & 1 else values[x >> 1].conjugate()
        total += weight
    return complex(total)


def _size(closure: Closure, symbol: Symbol, values: list[complex]) -> tuple[float, float]:
    """Quanta ⟨b†b⟩ of a mode, and how large its mean |⟨b⟩| is."""
    b = Mode(symbol)
    amplitude = _value(closure, Expression(b.spaces, b.terms), ("mean", symbol), values)
    return _value(closure, b.dag() * b, ("number", symbol), values).real, abs(amplitude)


def _kept_phase(system: System, symbol: Symbol) -> list[str]:
    """What is said of a phase that symmetry lets diffuse."""
    if not system.symmetries.vanishing_amplitudes[system.symbols.index(symbol)]:
        return []
    return [f"the phase of {symbol} diffuses: its exact amplitude decays, that of a closure stays"]


def _of_mode(closure: Closure, symbol: Symbol, values: list[complex], n: float, who: str) -> str:
    """A warning where fluctuations, not an amplitude, meet the nonlinear loss."""
    b = Mode(symbol)
    number = b.dag() * b
    rate = _once(closure, ("rate", symbol), lambda: closure.system.adjoint(number))
    if not rate.isconstant:
        return _wrong(who)
    ((own, _),) = number.terms
    linear = rate.terms.get((own, ()), 0j).real
    higher = {k: v for k, v in rate.terms.items() if _degree(k[0]) > 2}
    if linear >= 0:
        return _wrong(who) if higher else ""
    bent = 0j
    if higher:
        bent = _value(closure, Expression(rate.spaces, higher), ("bent", symbol), values)
    share = abs(bent.real) / max(-linear * n, 1e-300)
    if share < _SMALL:
        return ""
    return (
        f"{who} and its nonlinear loss is {share:.2g} of the linear one: no small parameter "
        f"controls the closure; {_ADVICE}"
    )


def _degree(monomial: tuple[tuple[Symbol, tuple[int, ...]], ...]) -> int:
    return sum(s.factor.degree(key) for s, key in monomial)


def _wrong(who: str) -> str:
    return (
        f"an amplitude is limited by its own nonlinearity and {who}: the closure is wrong at any "
        f"size (van der Pol: n=26 for 50.5); {_ADVICE}"
    )
