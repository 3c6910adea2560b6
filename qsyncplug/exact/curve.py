"""Spectra as curves: values, peaks, widths, correlation functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.optimize

from ..core.checks import check_array, check_integer
from ..core.errors import StorageError
from ..core.saved import Saved

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Peak", "Spectrum"]

#: height of a local maximum, relative to the highest, that counts as a peak
_SMALLEST_PEAK = 1e-3
#: how often the frequencies are made denser where a maximum may hide
_ROUNDS = 8
#: multiples of one rounding that a small matrix may be wrong by
_ROUNDINGS = 4 * 2.0**-52


@dataclass(frozen=True)
class Peak(Saved):
    """A local maximum of a spectrum.

    Attributes
    ----------
    frequency : float
        Where it is.
    width : float
        Full width at half of its height; NaN where the spectrum does not fall to that beside it
        before it rises above it.
    height : float
    frequency_error, width_error, height_error : float
        What the estimated error of the curve (:attr:`Spectrum.error`) makes of them, by its bend at
        the top and its slopes where it reaches half of the height; rounding not included.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> s = qsp.spectrum(qsp.System(b.dag() * b, [b.dag(), 2 * b]), b, cutoff=24)
    >>> round(s.peaks[0].frequency, 9), s.peaks[0].width_error < 1e-6
    (1.0, True)
    """

    frequency: float
    width: float
    height: float
    frequency_error: float = 0.0
    width_error: float = 0.0
    height_error: float = 0.0


class Spectrum(Saved):
    r"""A spectrum :math:`S(ω)=2\,\mathrm{Re}∫_0^∞⟨δa^†(τ)δa(0)⟩e^{-iωτ}dτ`, known at every ω.

    Held is a small matrix A, the resolvent on a Krylov space: S(ω)=2 Re gᵀA[1+(iω−σ)A]^{-1}h.

    Parameters
    ----------
    small, g, h, shift : ndarray, ndarray, ndarray, float
        A, g, h and σ, as :func:`qsyncplug.spectrum` finds them.
    coherent, power, error : complex, float, float
        As below.

    Attributes
    ----------
    w, values : ndarray
        Frequencies and S there.
    coherent : complex
        Mean of a; its line has the weight 2π|⟨a⟩|² and no width.
    power : float
        ⟨δa†δa⟩, which is ∫S dω/2π.
    error : float
        Estimated error of S relative to its maximum.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> s = qsp.spectrum(qsp.System(b.dag() * b, [b.dag(), 2 * b]), b, cutoff=24)
    >>> round(float(s(1.0)), 9), round(s.power, 9)
    (0.444444444, 0.333333333)
    """

    def __init__(
        self,
        small: np.ndarray,
        g: np.ndarray,
        h: np.ndarray,
        shift: float,
        coherent: complex,
        power: float,
        error: float,
    ):
        self._small, self._g, self._h, self._shift = small, g, h, shift
        self.coherent, self.power, self.error = coherent, power, error
        self.w = np.zeros(0)
        self.values = np.zeros(0)

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        arrays = dict.fromkeys(("small", "g", "h", "w", "values"), np.ndarray)
        numbers = {"shift": float, "coherent": complex, "power": float, "error": float}
        return {**arrays, **numbers}

    def _stored_fields(self) -> dict[str, Any]:
        hidden = {"small": self._small, "g": self._g, "h": self._h, "shift": self._shift}
        return {n: hidden[n] if n in hidden else getattr(self, n) for n in self._field_types()}

    @classmethod
    def _made_of(cls, found: dict[str, Any]) -> Spectrum:
        w, values = found.pop("w"), found.pop("values")
        m = len(found["g"])
        if found["small"].shape != (m, m) or found["h"].shape != (m,) or w.shape != values.shape:
            raise StorageError("the parts of a spectrum have different sizes")
        if not all(np.all(np.isfinite(found[name])) for name in ("small", "g", "h", "shift")):
            raise StorageError("the parts of a spectrum are not finite")
        out = cls(**found)
        out.w, out.values = w, values
        if not all(np.all(np.isfinite(part)) for part in out._poles):
            raise StorageError("a spectrum has poles at infinity")
        return out

    # ------------------------------------------------------------ values

    def _solve(self, w: np.ndarray, powers: int) -> list[np.ndarray]:
        """gᵀA R (A R)^k h for k=0 … powers, R=[1+(iω−σ)A]^{-1}."""
        A, m = self._small, len(self._small)
        out: list[list[np.ndarray]] = [[] for _ in range(powers + 1)]
        for part in np.array_split(w, max(1, len(w) * m * m // 2**20)):
            R = np.eye(m) + (1j * part - self._shift)[:, None, None] * A
            x = np.broadcast_to(self._h, (len(part), m))
            for k in range(powers + 1):
                x = np.linalg.solve(R, x[..., None])[..., 0] @ A.T
                out[k].append(x @ self._g)
        return [np.concatenate(o) for o in out]

    def __call__(self, w: Any) -> Any:
        """S at the frequencies `w`, any shape."""
        w = check_array("w", w)
        if not len(self._small):
            return np.zeros(w.shape)[()]
        return (2 * self._solve(w.ravel(), 0)[0].real).reshape(w.shape)[()]

    def scan(self, w: np.ndarray) -> np.ndarray:
        """S at many frequencies, by its poles where these are as good as the resolvent.

        Parameters
        ----------
        w : ndarray of shape (K,)
            Frequencies.

        Returns
        -------
        ndarray of shape (K,)
        """
        return self._with_slopes(w)[0]

    def _with_slopes(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """S and dS/dω at many frequencies."""
        poles, weights = self._poles
        near = 1 / (1j * w[:, None] - poles)
        values = 2 * (near @ weights).real
        look = slice(None, None, max(1, len(w) // 5))
        exact = np.asarray(self(w[look]))
        if np.abs(values[look] - exact).max() > 1e-11 * np.abs(exact).max():
            both = self._solve(w, 1)
            return 2 * both[0].real, 2 * both[1].imag
        return values, 2 * (near**2 @ weights).imag

    def slope(self, w: float) -> float:
        """Derivative dS/dω at the frequency `w`, from the resolvent itself: zero at a peak."""
        return float((2 * (-1j) * self._solve(np.array([w]), 1)[1][0]).real)

    def correlation(self, taulist: ArrayLike) -> np.ndarray:
        """⟨δa†(τ)δa(0)⟩ for τ≥0, from the poles.

        Parameters
        ----------
        taulist : array_like of shape (K,)
            Delays, not negative.

        Returns
        -------
        ndarray of shape (K,), complex
            Whose Fourier transform the curve is.

        Raises
        ------
        ValueError
            A negative delay.
        """
        tau = check_array("taulist", taulist, shape=(None,))
        if np.any(tau < 0):
            raise ValueError(
                f"taulist must not hold negative delays; it holds {tau.min():g} (at −τ stands the "
                "conjugate of the function at τ)"
            )
        poles, weights = self._poles
        # nothing grows in a steady state: where a pole does, it is rounding, of no weight
        falling = np.minimum(poles.real, 0.0) + 1j * poles.imag
        return np.asarray(np.exp(np.multiply.outer(tau, falling)) @ weights)

    @cached_property
    def _poles(self) -> tuple[np.ndarray, np.ndarray]:
        """S(ω)=2 Re Σ weight/(iω−pole)."""
        if not len(self._small):
            return np.zeros(0, complex), np.zeros(0, complex)
        values, Y = np.linalg.eig(self._small)
        weights = (self._g @ Y) * np.linalg.solve(Y, self._h)
        # an eigenvalue 0 to rounding: a pole at infinity, of which the curve sees nothing
        seen = np.abs(values) > 1e-15 * np.abs(values).max()
        return self._shift - 1 / values[seen], weights[seen]

    # ------------------------------------------------------------ peaks

    def lines(self, most: int = 4) -> np.ndarray:
        """Frequencies of the lines that are highest by themselves, at most so many."""
        poles, weights = self._poles
        height = np.abs(weights) / np.maximum(np.abs(poles.real), 1e-300)
        most = check_integer("most", most, minimum=1)
        return np.asarray(poles.imag[np.argsort(-height)[:most]])

    def swayed(self, change: float) -> float:
        """What a small change of the generator, and rounding of A, make of the curve, relative to
        its maximum: R δL R of the resolvent R, at the highest lines.

        Parameters
        ----------
        change : float
            Its norm.
        """
        if not len(self._small):
            return 0.0
        z = 1j * self.lines() - self._shift
        inverse = np.linalg.inv(np.eye(len(self._h)) + z[:, None, None] * self._small)
        right, left = inverse @ self._h, self._g @ inverse
        # rounding leaves small elements of A as they are, to so many digits
        moved = _ROUNDINGS * ((np.abs(left) @ np.abs(self._small)) * np.abs(right)).sum(axis=-1)
        right, left = right @ self._small.T, left @ self._small
        moved += change * np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
        return float(moved.max() / np.abs((right @ self._g).real).max())

    @cached_property
    def grid(self) -> np.ndarray:
        """Frequencies close enough to see every line."""
        poles, weights = self._poles
        if not len(poles):
            return np.zeros(1)
        keep = np.abs(weights) > 1e-9 * np.abs(weights).max()
        poles = poles[keep]
        steps = np.concatenate([[0.0], np.geomspace(0.05, 30, 24)])
        steps = np.concatenate([-steps[::-1], steps[1:]])
        width = np.maximum(np.abs(poles.real), 1e-12 * np.abs(poles).max())
        near = np.sort((poles.imag[:, None] + width[:, None] * steps).ravel())
        # lines at one place differ by rounding
        apart = np.append(True, np.diff(near) > 1e-6 * width.min())
        return np.asarray(near[apart])

    @cached_property
    def _scanned(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequencies between which no maximum hides, S and dS/dω there."""
        w = self.grid
        S, slope = self._with_slopes(w)
        for _ in range(_ROUNDS):
            hidden = _may_hide(w, S, slope)
            if not len(hidden):
                break
            more = self._with_slopes(hidden)
            order = np.argsort(np.concatenate([w, hidden]), kind="stable")
            w = np.concatenate([w, hidden])[order]
            S = np.concatenate([S, more[0]])[order]
            slope = np.concatenate([slope, more[1]])[order]
        return w, S, slope

    @cached_property
    def peaks(self) -> list[Peak]:
        """Local maxima, highest first."""
        if not len(self._small):
            return []
        grid, S, slope = self._scanned
        found = []
        for k in np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0)).tolist():
            if max(S[k], S[k + 1]) > _SMALLEST_PEAK * S.max() and (ends := self._around(grid, k)):
                near = 1e-13 * (ends[1] - ends[0])
                w = scipy.optimize.brentq(self.slope, *ends, xtol=near, rtol=1e-15)
                found.append(self._peak(float(w), grid, S))
        return sorted(found, key=lambda p: -p.height)

    def _around(self, grid: np.ndarray, k: int) -> tuple[float, float] | None:
        """Two frequencies around the maximum that lies between the k-th and the next one, where the
        slope is positive and negative beyond rounding.
        """
        for left, right in ((k, k + 1), (k - 1, k + 1), (k, k + 2), (k - 1, k + 2)):
            if left >= 0 and right < len(grid):
                ends = float(grid[left]), float(grid[right])
                if self.slope(ends[0]) > 0 > self.slope(ends[1]):
                    return ends
        return None

    def _peak(self, w: float, grid: np.ndarray, S: np.ndarray) -> Peak:
        height, off = float(self(w)), float(self.error * S.max())
        bend = abs(4 * float(self._solve(np.array([w]), 2)[2][0].real))
        edges = self._edges(w, height, grid, S)
        width = edges[1] - edges[0] if edges else float("nan")
        scale = width if edges else (8 * height / max(bend, 1e-300)) ** 0.5
        # the slope is wrong by off/scale, the curve by off where it reaches half of the height
        place = off / scale / max(bend, 1e-300)
        wide = 1.5 * off * sum(1 / max(abs(self.slope(x)), 1e-300) for x in edges)
        return Peak(w, width, height, place, wide if edges else float("nan"), off)

    def _edges(self, w: float, height: float, grid: np.ndarray, S: np.ndarray) -> list[float]:
        """Where the curve falls to half of its height, left and right; none where it rises above
        it before.
        """
        edges: list[float] = []

        def excess(x: float) -> float:
            return float(self(x)) - 0.5 * height

        for sign in (-1, 1):
            outside = sign * (grid - w) > 0
            beyond, values = grid[outside][::sign], S[outside][::sign]
            end = np.flatnonzero((values <= 0.5 * height) | (values > height * (1 + 1e-9)))
            if not len(end) or values[end[0]] > height:
                return []
            k = int(end[0])
            low, high = sorted((beyond[k - 1] if k else w, beyond[k]))
            edges.append(scipy.optimize.brentq(excess, low, high, xtol=1e-300, rtol=1e-15))
        return edges

    @property
    def frequency(self) -> float:
        """Where the highest peak is: the observed frequency; NaN without fluctuations."""
        return self.peaks[0].frequency if self.peaks else float("nan")

    @property
    def linewidth(self) -> float:
        """Full width of the highest peak at half of its height."""
        return self.peaks[0].width if self.peaks else float("nan")

    def window(self) -> np.ndarray:
        """Frequencies for a picture: all peaks and some widths around them."""
        if not self.peaks:
            return np.linspace(-1, 1, 401)
        sharp = [p for p in self.peaks if np.isfinite(p.width)]
        # that of the poles where no peak has one
        width = max((p.width for p in sharp), default=float(2 * np.median(-self._poles[0].real)))
        low = min(p.frequency for p in self.peaks) - 4 * width
        high = max(p.frequency for p in self.peaks) + 4 * width
        near = [p.frequency + p.width * np.linspace(-2, 2, 101) for p in sharp]
        return np.unique(np.concatenate([np.linspace(low, high, 401), *near]))

    def __repr__(self) -> str:
        lines = [f"<Spectrum: power {self.power:.6g}, mean {self.coherent:.6g}"]
        lines[0] += f", error {self.error:.1e}"
        for p in self.peaks:
            # rounding beside the width is no frequency
            frequency = p.frequency if abs(p.frequency) > 1e-12 * p.width else 0.0
            line = f"  peak at {frequency:.8g}, full width {p.width:.6g}"
            lines.append(f"{line}, height {p.height:.6g}")
        return "\n".join(lines) + " >"


def _may_hide(w: np.ndarray, S: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Where, between frequencies with slopes of one sign, the slope comes close to the other one.

    In between it is taken for the parabola with these ends and the right integral.
    """
    first, change = slope[:-1], np.diff(slope)
    bend = 3 * (slope[:-1] + slope[1:]) - 6 * np.diff(S) / np.diff(w)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = 0.5 - 0.5 * change / bend
        lowest = first + change * t + bend * t * (t - 1)
        close = (slope[:-1] * slope[1:] > 0) & (t > 0.02) & (t < 0.98) & (lowest / first < 0.2)
    close &= np.maximum(S[:-1], S[1:]) > 0.5 * _SMALLEST_PEAK * S.max()
    return np.asarray((w[:-1] + t * np.diff(w))[close])
