"""Heavy tails of the frequencies: what an oscillator costs does not grow with how fast it turns.

In the common field every oscillator follows a Möbius map that depends on its frequency alone.
Oscillators are sorted into bands; the maps of a few frequencies of a band tell those of all, by
interpolation, for as long as the band's width and the coupling allow. Only those maps, and the
few oscillators beyond all bands, are moved in the small steps that the fastest one asks for; the
fastest of all may be averaged (``outliers.py``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._ext.bands import Bands
from ..core.limits import look
from ..core.rungekutta import integrator
from ..core.status import Status
from ..core.stepper import Stepper, forwarded
from .model import Circle
from .outliers import outliers_of
from .tails import has_tails, longest_step

__all__ = ["BandStepper", "can_band", "worth_bands"]

#: powers of s in the field of a band
_TERMS = 16
#: half a band turns by so much, against its centre, while its maps are in use
_TURN = 1.0
#: fewer oscillators than this are moved each by itself
_ALONE = 100
_MOST_BANDS = 40
#: oscillators whose powers stay in the cache
_CHUNK = 1024
#: of what a particle turns in a part of the run, times the tolerance, may be the error of a step
_PART = 1e-3


def can_band(model: Circle) -> str | None:
    """Why maps of bands are not for `model`; None: they are."""
    if model.interaction.kind != "sine":
        return f"the sine interaction, not {model.interaction}"
    if model.adjacency is not None or model.extras:
        return "particles that all act on each other, without " + ", ".join(
            model.extras or ("adjacency",)
        )
    for name, value in (("normalization", model.normalization), ("response", model.response)):
        if callable(value) or (isinstance(value, np.ndarray) and np.ptp(value) > 0):
            return f"a {name} that is the same for all"
    if not isinstance(model.frequencies, np.ndarray):
        return "frequencies that differ"
    return None if model.coupling != 0 else "a coupling that is not zero"


def _strength(model: Circle, n: int) -> float:
    divisor = model.divisors(n)
    assert divisor is not None
    gain = model.coupling / float(np.ravel(divisor)[0])
    return float(gain) * (1.0 if model.response is None else float(model.response[0]))


def worth_bands(model: Circle, n: int, frame: float) -> bool:
    """Whether bands are clearly faster than steps of all particles."""
    if n < 1000 or can_band(model) is not None or not has_tails(model, n, frame):
        return False
    pull = abs(_strength(model, n)) * model.total_weight(n)
    fastest = float(np.max(np.abs(model.frequencies - frame))) + pull
    # measured nanoseconds a unit of time: 12 evaluations in steps of about 4 radians
    plain = 20 * n * fastest
    maps = 6000 * fastest + 350 * n * max(4 * pull, 1.0)
    return maps < 0.5 * plain


def _few(error: float, turn: float) -> int:
    """Chebyshev nodes that interpolate exp(i x turn), -1 ≤ x ≤ 1, to `error`."""
    if turn < 1e-3 * error:
        return 1
    nodes, bound = 1, turn
    while bound > error:
        nodes += 1
        bound *= 0.5 * turn / nodes
    return nodes + 1


class _Band:
    """Oscillators with frequencies in an interval, and their maps' nodes.

    Parameters
    ----------
    members : (N,) array of int
    omega, weights : (N,) array
    error : float
    length : float
        Of the longest part, which halves until the band's width allows it.
    """

    def __init__(
        self,
        members: np.ndarray,
        omega: np.ndarray,
        weights: np.ndarray,
        error: float,
        length: float,
    ):
        self.members, self.omega, self.weights = members, omega, weights
        low, high = float(np.min(omega)), float(np.max(omega))
        centre, half = 0.5 * (low + high), 0.5 * (high - low)
        self.halvings = max(0, math.ceil(math.log2(max(half * length / _TURN, 1e-300))))
        count = _few(error, half * length / 2**self.halvings)
        angles = (np.arange(count) + 0.5) * np.pi / count
        self.nodes = centre + half * np.cos(angles)
        place = (omega - centre) / half if count > 1 else np.zeros(omega.size)
        orders = np.arange(count)
        table = np.cos(np.outer(orders, angles)) * (2 / count)
        table[0] *= 0.5
        self.table = np.cos(np.arccos(np.clip(place, -1, 1))[:, None] * orders) @ table
        self.phase, self.laps = np.empty(omega.size), np.zeros(omega.size)
        self.turned_back = np.empty(0)
        #: where its nodes are among all, parts until its maps start anew, terms of their series
        self.at, self.every, self.terms = slice(0, 0), 1, 1

    def place(self, x: np.ndarray) -> None:
        """Set out from phases x, to which whole turns are added."""
        laps = np.rint(x / (2 * np.pi))
        self.phase = x - 2 * np.pi * laps
        self.laps += laps
        self.turned_back = np.exp(-1j * self.phase)

    def sums(self, terms: int) -> tuple[np.ndarray, np.ndarray]:
        """Σ_j w_j u_j^k ℓ_r(ω_j) for powers k and nodes r, (terms+1, R), in parts."""
        out = np.zeros((2, terms + 1, self.nodes.size))
        for first in range(0, self.phase.size, _CHUNK):
            part = slice(first, first + _CHUNK)
            forward = np.conj(self.turned_back[part])
            powers = np.empty((terms + 1, forward.size), complex)
            powers[0] = self.weights[part]
            for k in range(terms):
                np.multiply(powers[k], forward, out=powers[k + 1])
            table = self.table[part]
            out[0] += powers.real.copy() @ table
            out[1] += powers.imag.copy() @ table
        return out[0], out[1]

    def moved(self, time: float, maps: np.ndarray) -> np.ndarray:
        """Phases after `time`, by maps (3, R) of the nodes."""
        psi, re, im = (self.table @ part for part in maps)
        return np.asarray(
            self.phase
            + (self.omega * time + psi)
            + 2 * np.angle(1 + (re + 1j * im) * self.turned_back)
        )


class _Alone:
    """Those beyond all bands, each moved by itself."""

    def __init__(self, members: np.ndarray, omega: np.ndarray, weights: np.ndarray):
        self.members, self.omega, self.weights = members, omega, weights
        self.laps = np.zeros(members.size)


def _sorted_into_bands(
    omega: np.ndarray, weights: np.ndarray, length: float, error: float, far: np.ndarray
) -> tuple[list[_Band], _Alone]:
    """Bands that double their width, and who is left alone, of all but those far away."""
    bands: list[_Band] = []
    edge, width, left = _TURN / length, 2 * _TURN / length, np.ones(omega.size, bool)
    middle = np.abs(omega) <= edge
    intervals = [middle]
    while np.any(left := np.abs(omega) > edge) and len(intervals) < _MOST_BANDS:
        beyond = edge + width
        for sign in (1, -1):
            intervals.append((sign * omega > edge) & (sign * omega <= beyond))
        edge, width = beyond, 2 * width
    alone = left & ~far
    for inside in intervals:
        who = np.flatnonzero(inside & ~far)
        if who.size >= _ALONE:
            bands.append(_Band(who, omega[who], weights[who], error, length))
        else:
            alone[who] = True
    bands.sort(key=lambda band: band.halvings)
    who = np.flatnonzero(alone)
    return bands, _Alone(who, omega[who], weights[who])


class BandStepper(Stepper):
    """Bands of oscillators moved by maps, in parts of a length that their widths allow.

    Parameters
    ----------
    model : Circle
    x : (n,) array
        Positions at the beginning.
    times : (T,) array
        Of the outputs; the first is the beginning.
    options : dict
        Tolerances and limits.
    frame : float
        Angular velocity of the frame.
    rhs : RightHandSide
        What moves the same particles without bands.
    """

    def __init__(
        self,
        model: Circle,
        x: np.ndarray,
        times: np.ndarray,
        options: dict[str, Any],
        frame: float,
        rhs: Any,
    ):
        n = x.size
        self.rhs, self.row_size, self.origin = rhs, n, float(times[0])
        omega = np.asarray(model.frequencies - frame)
        weights = np.ones(n) if model.weights is None else np.asarray(model.weights)
        strength = _strength(model, n)
        error = min(1e-2, max(float(np.min(options["atol"])), 0.1 * float(options["rtol"])))
        pull = abs(strength) * float(np.sum(weights))
        length = _longest(pull, error)
        span = float(times[-1]) - self.origin
        if span > 0:
            length = span / math.ceil(span / length)
        complex_strength = strength * np.exp(-1j * model.phase_lag)
        self.outliers = outliers_of(omega, weights, complex_strength, span, error)
        nobody = np.zeros(n, bool)
        far = nobody if self.outliers is None else self.outliers.far
        self.bands, alone = _sorted_into_bands(omega, weights, length, 0.05 * error, far)
        who = np.flatnonzero(far)
        # those alone, and those that are averaged
        self.singles = (alone, _Alone(who, omega[who], weights[who]))
        most = max((band.halvings for band in self.bands), default=0)
        self.length: float = length / 2**most
        self.count = 0
        for band in self.bands:
            band.at = slice(self.count, self.count + band.nodes.size)
            band.every = 2 ** (most - band.halvings)
            band.terms = _terms(pull * band.every * self.length, error)
            self.count = band.at.stop
        self.field = Bands(
            np.concatenate([band.nodes for band in self.bands] + [np.empty(0)]),
            [band.terms for band in self.bands for _ in band.nodes],
            alone.omega,
            alone.weights,
            strength,
            model.phase_lag,
            None if self.outliers is None else self.outliers.terms(),
        )
        fastest = np.max(np.abs(omega)) if self.outliers is None else self.outliers.fastest
        limits = longest_step(options, float(fastest))
        each = self._tolerances(error, pull)
        self.method = integrator(self.field, {**limits, "rtol": 0.0, "atol": each})
        self.nsteps = self.method.nsteps
        self._done = np.zeros(3, dtype=np.int64)
        self.part = 0
        self._set_out(x)

    def _set_out(self, x: np.ndarray) -> None:
        start = np.zeros(self.field.size)
        if self.outliers is not None:
            x = self.outliers.averaged(x)
            start[-4:] = self.outliers.low_passes(x)
        for band in self.bands:
            band.place(x[band.members])
            self._write_sums(band)
        for group, starts in zip(self.singles, self._starts(), strict=True):
            self._place(group, starts, x[group.members])
        self.method.set_state(0.0, start, self.length)

    def _tolerances(self, error: float, pull: float) -> np.ndarray:
        # a fast one's tolerance is part of how far it has turned
        fast = np.concatenate([group.omega for group in self.singles])
        loose = 1 + _PART * np.abs(fast) * self.length
        low_passes = np.full(0 if self.outliers is None else 4, max(error, 1e-6 * pull))
        return np.concatenate([np.full(3 * self.count, error), error * loose, low_passes])

    @property
    def name(self) -> str:
        """The method as ``stats`` names it, with how many particles are mapped and how many go
        alone.
        """
        moved = sum(band.members.size for band in self.bands)
        alone, far = (group.members.size for group in self.singles)
        averaged = f", {far} averaged" if far else ""
        return (
            f"dop853, maps of {len(self.bands)} bands for {moved} particles and "
            f"{alone} alone{averaged}"
        )

    # ------------------------------------------------------------ parts

    def _write_sums(self, band: _Band) -> None:
        rows = slice(0, band.terms + 1)
        real, imaginary = band.sums(band.terms)
        self.field.sums_re[rows, band.at], self.field.sums_im[rows, band.at] = real, imaginary

    def _starts(self) -> tuple[np.ndarray, np.ndarray]:
        """Phases of the single ones at the beginning of the part."""
        return self.field.starts, self.field.far_starts

    def _place(self, group: _Alone, starts: np.ndarray, x: np.ndarray) -> None:
        laps = np.rint(x / (2 * np.pi))
        starts[:] = x - 2 * np.pi * laps
        group.laps += laps

    def _next_part(self) -> None:
        """The maps of bands that have come to their end are used; then they start anew."""
        look()
        y = self.method.get_state()[1]
        maps, *ends = self._split(y)
        self.part += 1
        for band in self.bands:
            self.field.offsets[band.at] = self.part % band.every * self.length
            if self.part % band.every == 0:
                band.place(band.moved(band.every * self.length, maps[:, band.at]))
                maps[:, band.at] = 0
                self._write_sums(band)
        for group, starts, moved in zip(self.singles, self._starts(), ends, strict=True):
            self._place(group, starts, starts + (group.omega * self.length + moved))
            moved[:] = 0
        self._count()
        self.method.set_state(0.0, y, self.length)

    def _split(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Maps of the nodes, (3, Q), those alone and the averaged ones, in a state."""
        first = 3 * self.count
        second, third = first + np.cumsum([group.members.size for group in self.singles])
        return y[:first].reshape(3, self.count), y[first:second], y[second:third]

    def _count(self) -> None:
        """Keep what the method forgets when it starts anew."""
        m = self.method
        self._done += (m.accepted, m.rejected, m.evaluations)
        m.nsteps = max(0, self.nsteps - int(self._done[0] + self._done[1]))

    def _positions(self, t: float, y: np.ndarray) -> np.ndarray:
        """All positions at time `t` of the part."""
        maps, *moved = self._split(y)
        x, laps = np.empty(self.row_size), np.empty(self.row_size)
        for band in self.bands:
            since = t + (self.part % band.every) * self.length
            x[band.members], laps[band.members] = band.moved(since, maps[:, band.at]), band.laps
        for group, begin, y_of in zip(self.singles, self._starts(), moved, strict=True):
            x[group.members] = begin + (group.omega * t + y_of)
            laps[group.members] = group.laps
        if self.outliers is not None:
            x += self.outliers.shift(x)
        return np.asarray(x + 2 * np.pi * laps)

    # ------------------------------------------------------------ the run

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        self.delivered = 0
        buffer = np.empty((1, self.field.size))
        for k, time in enumerate(times):
            local = float(time) - self.origin - self.part * self.length
            while True:
                # the end of a part by rounding is its end
                late = local - self.length
                if 0 < late < 1e-9 * self.length:
                    local = self.length
                ahead = min(local, self.length)
                status, _ = self.method.advance(np.array([ahead]), buffer)
                if status:
                    self.cause = self.method.interruption or self.field.error
                    return Status(status)
                if local <= self.length:
                    break
                self._next_part()
                local = float(time) - self.origin - self.part * self.length
            rows[k] = self._positions(local, buffer[0])
            self.delivered = k + 1
        return Status.RUNNING

    t = forwarded(
        lambda self: self.origin + self.part * self.length + float(self.method.t),
        "Time that the run has reached.",
    )

    @property
    def state(self) -> np.ndarray:
        t, y = self.method.get_state()
        return self._positions(t, y)

    accepted = forwarded(
        lambda self: int(self._done[0] + self.method.accepted),
        "Steps that were taken, in all parts.",
    )

    rejected = forwarded(
        lambda self: int(self._done[1] + self.method.rejected), "Tries that were too long."
    )

    evaluations = forwarded(
        lambda self: int(self._done[2] + self.method.evaluations), "Right-hand sides, of the maps."
    )

    def snapshot(self) -> dict[str, Any]:
        phases = [band.phase for band in self.bands] + [np.array(s) for s in self._starts()]
        laps = [band.laps for band in self.bands] + [group.laps for group in self.singles]
        return {
            "method": self.method.snapshot(),
            "part": self.part,
            "done": self._done.copy(),
            "phases": np.concatenate(phases),
            "laps": np.concatenate(laps),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        if np.shape(saved["phases"]) != (self.row_size,):
            raise ValueError("the snapshot is of another problem")
        sizes = [band.members.size for band in self.bands] + [self.singles[0].members.size]
        ends = np.cumsum(sizes)
        phases, laps = (np.split(np.array(saved[k]), ends) for k in ("phases", "laps"))
        self.part = int(saved["part"])
        for k, band in enumerate(self.bands):
            band.place(phases[k])
            band.laps = laps[k]
            self.field.offsets[band.at] = self.part % band.every * self.length
            self._write_sums(band)
        for group, begin, phase, lap in zip(
            self.singles, self._starts(), phases[-2:], laps[-2:], strict=True
        ):
            begin[:], group.laps = phase, lap
        self._done = np.array(saved["done"], dtype=np.int64)
        self.method.restore(saved["method"])
        self.method.nsteps = max(0, self.nsteps - int(self._done[0] + self._done[1]))


def _longest(pull: float, error: float) -> float:
    r"""How long maps may be in use: \|s\| ≤ tanh(pull t/2), and the series of s has `error`."""
    return float(2 * math.atanh((0.1 * error) ** (1 / _TERMS)) / pull)


def _terms(pulled: float, error: float) -> int:
    """Terms that the series needs after so much pull."""
    return max(1, math.ceil(math.log(0.1 * error) / math.log(math.tanh(0.5 * pulled)) - 1e-9))
