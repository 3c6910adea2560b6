"""Interaction functions on the circle: sine, self-attention, Fourier series, any smooth odd
callable.

Every interaction is kept as a *scaled* function :math:`f` and the logarithm of a
positive factor, physical :math:`F(x)=e^{s}f(x)` with ``s = log_scale``: the
physical self-attention overflows at :math:`|β|≳700`, the scaled one never does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.checks import check_array, check_number, check_numbers
from ..core.errors import StorageError
from ..core.saved import SavedModel
from .series import attention_peak, attention_series, series_derivative, trigonometric_sum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["MAX_BETA", "Interaction", "attention", "fourier", "sine"]

MAX_BETA = 1e4


def _argument(x: Any) -> np.ndarray:
    return check_numbers("x", x)


@dataclass(frozen=True)
class Interaction(SavedModel):
    r"""An odd, 2π-periodic interaction function.

    The physical function is :math:`F(x)=e^{s}f(x)` with :math:`s` = :attr:`log_scale`;
    ``f``, ``df``, ``d2f``, ``d3f``, ``coefficients`` … all belong to the scaled
    :math:`f`, and calling the object evaluates :math:`F`. Build one with
    :func:`sine`, :func:`attention`, :func:`fourier` or :func:`interaction`.

    Attributes
    ----------
    kind : {"sine", "attention", "fourier", "callable"}
        What it is.
    beta : float
        Inverse temperature of the attention (0 for all others).
    log_scale : float
        Logarithm of the factor between the physical and the scaled function.
    odd : bool
        Always true: others are refused.
    decays : bool
        Whether the sine series converges to rounding; where not, only the direct sum is possible.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> pull = qsp.fourier([1.0, 0.5])
    >>> float(pull(0.0)), float(round(pull(1.0), 4))
    (0.0, 1.2961)
    """

    kind: ClassVar[str] = ""
    odd: ClassVar[bool] = True

    @property
    def beta(self) -> float:
        """Inverse temperature β of an attention; 0 for all others."""
        return 0.0

    @property
    def log_scale(self) -> float:
        """Logarithm s of the factor e^s between the physical and the scaled function."""
        return 0.0

    @property
    def decays(self) -> bool:
        """Whether the sine series converges to rounding; else only direct sums are possible."""
        return True

    @property
    def storable(self) -> bool:
        """Whether :meth:`to_dict` describes it completely (a callable without a sine series cannot
        be stored).
        """
        return True

    # ------------------------------------------------------------ values

    def f(self, x: ArrayLike) -> np.ndarray:
        """Evaluate the scaled function at `x` (any shape; complex arguments for complex-step
        derivatives).
        """
        return self._derivative(_argument(x), 0)

    def df(self, x: ArrayLike) -> np.ndarray:
        """First derivative of the scaled function f at `x`, of any shape."""
        return self._derivative(_argument(x), 1)

    def d2f(self, x: ArrayLike) -> np.ndarray:
        """Second derivative of the scaled function f at `x`, of any shape."""
        return self._derivative(_argument(x), 2)

    def d3f(self, x: ArrayLike) -> np.ndarray:
        """Third derivative of the scaled function f at `x`, of any shape."""
        return self._derivative(_argument(x), 3)

    def __call__(self, x: Any) -> np.ndarray:
        """Evaluate the physical function at `x`; OverflowError where it exceeds the floating-point
        range.
        """
        try:
            scale = math.exp(self.log_scale)
        except OverflowError:
            raise OverflowError(
                f"the physical {self} has a factor e^{self.log_scale:g}, beyond floating point; "
                "use .f and .log_scale"
            ) from None
        return scale * self.f(x)

    def primitive(self, x: ArrayLike) -> np.ndarray:
        r"""Return :math:`φ(\cos x)=\int_x^{π/2} f(y)\,dy` of the scaled function, the pair energy
        of PRY section 4.

        For :math:`f=\sin x\,h(\cos x)` this is :math:`\int_0^{\cos x}h(s)\,ds`.
        """
        x = _argument(x)
        b = self.coefficients()
        k = np.arange(1, b.size + 1)
        at_zero = np.sum(b / k * np.cos(k % 4 * (np.pi / 2)).round())
        return np.asarray(trigonometric_sum(b / k, x, cosine=True) - at_zero)

    def _derivative(self, x: np.ndarray, order: int) -> np.ndarray:
        raise TypeError(f"{type(self).__name__} has no values")  # pragma: no cover

    @cached_property
    def slope(self) -> float:
        """f′(0) of the scaled function: positive for attraction."""
        return float(self.df(0.0))

    @cached_property
    def peak(self) -> float:
        """Largest absolute value of the scaled function, to about 1e-3 (it sets the scale of
        errors).
        """
        points = max(1024, 8 * self.coefficients().size) if self.decays else 4096
        return float(np.max(np.abs(self.f(np.linspace(0.0, np.pi, points)))))

    # ------------------------------------------------------------ series

    def coefficients(self, tol: float = 1e-16) -> np.ndarray:
        r"""Coefficients :math:`b_1 … b_K` of the scaled :math:`f=\sum_k b_k\sin kx`.

        Parameters
        ----------
        tol : float
            The part left out is below `tol` times the largest \|f\| (for callables never below
            rounding).

        Returns
        -------
        ndarray of shape (K,)

        Raises
        ------
        ValueError
            A callable whose coefficients do not decay.
        """
        raise TypeError(f"{type(self).__name__} has no series")  # pragma: no cover

    def normaliser(self, x: ArrayLike) -> np.ndarray:
        r"""Evaluate the scaled attention weight :math:`e^{β\cos x-s}` of system T2; ``log_scale``
        is that of ``f``.
        """
        raise ValueError(
            'normalization="attention" needs qsp.attention(beta) (or qsp.sine(), its '
            f"beta=0), not {self}"
        )

    def normaliser_coefficients(self, tol: float = 1e-16) -> np.ndarray:
        r"""Coefficients :math:`a_0 … a_K` of the scaled attention weight :math:`\sum_k a_k\cos kx`.

        Parameters
        ----------
        tol : float
            The part left out is below `tol` times the largest weight, 1.

        Returns
        -------
        ndarray of shape (K+1,)
        """
        return np.asarray(self.normaliser(0.0))  # raises for all but the attention

    # ------------------------------------------------------------ storage

    def to_dict(self) -> dict[str, Any]:
        """Describe it so that :meth:`from_dict` can build it again (JSON)."""
        raise TypeError(f"{type(self).__name__} cannot be stored")  # pragma: no cover

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Interaction:
        # a callable comes back as another class, its sine series
        return Interaction.from_dict(header["model"])

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Interaction:
        """Build again what :meth:`to_dict` described by `data`; a callable comes back as its sine
        series.
        """
        builders: dict[str, Callable[[dict[str, Any]], Interaction]] = {
            "sine": lambda d: sine(),
            "attention": lambda d: attention(d["beta"], scaled=d["scaled"]),
            "fourier": lambda d: fourier(d["b"]),
        }
        try:
            return builders[data["kind"]](data)
        except (KeyError, TypeError):
            raise StorageError(f"unknown interaction in the file: {str(data)[:80]}") from None


# ---------------------------------------------------------------------- attention


@dataclass(frozen=True)
class _Attention(Interaction):
    kind: ClassVar[str] = "attention"
    inverse_temperature: float = 0.0
    scaled: bool = False

    @property
    def beta(self) -> float:
        return self.inverse_temperature

    @property
    def log_scale(self) -> float:
        # |β| scales the largest weight to 1, which sits at x=0 for β≥0 and at x=π for β<0
        return abs(self.beta) - (self.beta if self.scaled else 0.0)

    @property
    def _trivial(self) -> bool:
        return abs(self.beta) < 1e-100

    def normaliser(self, x: Any) -> np.ndarray:
        x = _argument(x)
        half = np.sin(x / 2) if self.beta >= 0 else np.cos(x / 2)
        return np.exp(-2 * abs(self.beta) * half * half)

    def _derivative(self, x: np.ndarray, order: int) -> np.ndarray:
        s, c, beta = np.sin(x), np.cos(x), self.beta
        weight = self.normaliser(x)
        if order == 0:
            return np.asarray(s * weight)
        if order == 1:
            return np.asarray((c - beta * s * s) * weight)
        if order == 2:
            return np.asarray(s * (beta * beta * s * s - 3 * beta * c - 1) * weight)
        s2 = s * s
        return np.asarray(
            -(c + beta * (3 * c * c - 4 * s2) - 6 * beta**2 * c * s2 + beta**3 * s2 * s2) * weight
        )

    def primitive(self, x: Any) -> np.ndarray:
        x = _argument(x)
        if self._trivial:
            return np.asarray(np.cos(x))
        # (e^{β cos x} − 1)/β times e^{−|β|}, from the side where neither exponential is small
        # against the other
        small = math.exp(-abs(self.beta))
        scaled = (
            np.expm1(self.beta * np.cos(x)) * small
            if abs(self.beta) < 30
            else self.normaliser(x) - small
        )
        return scaled / self.beta

    def coefficients(self, tol: float = 1e-16) -> np.ndarray:
        tol = check_number("tol", tol, minimum=0.0, maximum=1.0, strict=True)
        if self._trivial:
            return np.ones(1)
        b = attention_series(abs(self.beta), tol)[0].copy()
        if self.beta < 0:
            b[1::2] *= -1.0
        return b

    def normaliser_coefficients(self, tol: float = 1e-16) -> np.ndarray:
        tol = check_number("tol", tol, minimum=0.0, maximum=1.0, strict=True)
        if self._trivial:
            return np.ones(1)
        a = attention_series(abs(self.beta), tol)[1].copy()
        if self.beta < 0:
            a[1::2] *= -1.0
        return a

    @property
    def peak(self) -> float:
        # at β<0 the function is the mirror image, x → π − x
        return attention_peak(abs(self.beta))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "beta": self.beta, "scaled": self.scaled}

    def __repr__(self) -> str:
        return f"attention({self.beta!r}{', scaled=True' if self.scaled else ''})"


@dataclass(frozen=True)
class _Sine(_Attention):
    kind: ClassVar[str] = "sine"

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def __repr__(self) -> str:
        return "sine()"


def sine() -> Interaction:
    r"""Return the Kuramoto interaction, :math:`F(x)=\sin x`.

    Returns
    -------
    Interaction

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> float(qsp.sine()(np.pi / 2))
    1.0
    """
    return _Sine()


def attention(beta: float, *, scaled: bool = False) -> Interaction:
    r"""Return the self-attention interaction, :math:`F_β(x)=\sin x\,e^{β\cos x}`.

    Parameters
    ----------
    beta : float
        Inverse temperature of either sign, \|β\| ≤ 1e4.
    scaled : bool
        Take :math:`\sin x\,e^{β(\cos x-1)}` instead, as PRY do from section 5 on: the same
        trajectories with times longer by :math:`e^{β}`.

    Returns
    -------
    Interaction
        Its ``f`` is :math:`\sin x\,e^{-2β\sin^2(x/2)}` with ``log_scale`` β for β≥0, and
        :math:`\sin x\,e^{2β\cos^2(x/2)}` with ``log_scale`` −β for β<0, so that the largest weight
        is 1 in either case (with ``scaled``: 0 and −2β).

    Raises
    ------
    ValueError, TypeError
        `beta` is not a finite number in range.

    Notes
    -----
    :math:`f=\sum_k b_k\sin kx`, :math:`b_k=(2k/β)I_k(β)e^{-|β|}`; the weight of system T2 is
    :math:`e^{-|β|}(I_0+2\sum_kI_k\cos kx)`.

    References
    ----------
    Polyanskiy, Rigollet, Yao, "Synchronization of mean-field models on the circle" (PRY), eq. (T1).

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> float(qsp.attention(0.0)(np.pi / 2))
    1.0
    """
    beta = check_number("beta", beta, minimum=-MAX_BETA, maximum=MAX_BETA)
    if not isinstance(scaled, (bool, np.bool_)):
        raise TypeError(f"scaled must be True or False, not {scaled!r}")
    return _Attention(beta + 0.0, bool(scaled))


# ---------------------------------------------------------------------- series


@dataclass(frozen=True)
class _Fourier(Interaction):
    kind: ClassVar[str] = "fourier"
    b: tuple[float, ...] = (1.0,)

    def _derivative(self, x: np.ndarray, order: int) -> np.ndarray:
        return series_derivative(np.array(self.b), x, order)

    def coefficients(self, tol: float = 1e-16) -> np.ndarray:
        tol = check_number("tol", tol, minimum=0.0, maximum=1.0, strict=True)
        b = np.array(self.b)
        tail = np.cumsum(np.abs(b)[::-1])[::-1]
        keep = int(np.count_nonzero(tail > tol * self.peak))
        return b[: max(1, keep)]

    @cached_property
    def peak(self) -> float:
        """Largest absolute value of the scaled function, to about 1e-3."""
        x = np.linspace(0.0, np.pi, max(1024, 8 * len(self.b)))
        return float(np.max(np.abs(self.f(x))))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "b": list(self.b)}

    def __repr__(self) -> str:
        text = ", ".join(f"{v:g}" for v in self.b[:4])
        return f"fourier([{text}{f', … ({len(self.b)} modes)' if len(self.b) > 4 else ''}])"


def fourier(b: ArrayLike) -> Interaction:
    r"""Return the interaction :math:`F(x)=\sum_{k=1}^K b_k\sin kx`.

    Parameters
    ----------
    b : array_like of shape (K,)
        Coefficients from k=1 on; ``fourier([K])`` is Kuramoto's sine with coupling K.

    Returns
    -------
    Interaction

    Raises
    ------
    ValueError, TypeError
        Not a one-dimensional, finite array with a non-zero entry.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> float(qsp.fourier([1.0, 0.5])(np.pi / 2))
    1.0
    """
    if isinstance(b, np.ma.MaskedArray):
        raise TypeError("b must not be a masked array, whose masked entries would count")
    array = check_array("b", b, shape=(None,))
    used = np.flatnonzero(array)
    if used.size == 0:
        raise ValueError("b must hold at least one coefficient that is not zero")
    return _Fourier(tuple(float(v) for v in array[: used[-1] + 1]))
