r"""The fastest oscillators of all, by their mean motion: they ask for no small steps.

An outlier f with the frequency ω that dwarfs all rates λ of the rest acts on them by
:math:`F=κ_fe^{iφ}`, :math:`κ_f=κe^{-iα}w_f`, which averages out but for powers of λ/ω. In the field
S of the rest its own motion is a Möbius map of an even rotation φ,

.. math::

    e^{ix_f}=\frac{e^{iφ}+s}{1+\bar se^{iφ}},\qquad s=\frac{iS}{2ω}+\frac{\dot S}{2ω^2}+…,\qquad
    \dotφ=ω+\mathrm{Im}(S\bar s)+\mathrm{Im}\,κ_fP_f,\qquad
    P_f=1-\tfrac i2\sum_j\frac{κe^{-iα}w_j}{ω-ω_j},

where the sum is what the others, moved by F, do to it; two outliers with near frequencies pull each
other by :math:`κ_gP_ge^{iφ_g}`. What it does to the rest on the mean is the field :math:`κ_fs` and
a drag :math:`|\sum κ_fe^{iφ_f}|^2/2ω`, the sum over near ones. What is left is a small to and fro,
:math:`x_j=X_j+\mathrm{Im}(A_je^{-iX_j})+B_j`, which is put on where positions are read: to second
order,

.. math::

    \dot A_j=iω_jA_j+F+\tfrac{κe^{-iα}}2\sum_l w_l(A_l-\bar A_le^{2iX_l}),\qquad
    \dot B_j=\mathrm{Im}(S\bar A_j).

What is neglected is of the order κ_f λ²/ω³ in the positions of the others, and λ⁴/ω³ in the
frequency of the outlier: who is an outlier is chosen so that both are below the tolerance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Outliers", "outliers_of"]

#: two are far from each other that differ by so much of the least frequency of an outlier
_APART = 0.4
#: outliers at most: each acts on all at every output
_MOST = 64
#: part of the least frequency of an outlier that the low passes follow
_LOW_PASS = 0.125
#: of the second fastest: with less to gain nobody is averaged
_GAIN = 1.3


def outliers_of(
    omega: np.ndarray, weights: np.ndarray, strength: complex, span: float, error: float
) -> Outliers | None:
    """Who can be averaged in a run of length `span` with the absolute tolerance `error`.

    Parameters
    ----------
    omega, weights : (n,) array
        Frequencies in the frame, and weights.
    strength : complex
        κ exp(−iα).
    span, error : float
    """
    rate = abs(strength) * float(np.sum(weights)) + float(np.median(np.abs(omega)))
    speed = np.abs(omega)
    one = abs(strength) * float(np.max(weights))
    # half of λ⁴/ω⁴ of how far an outlier turns, half of κ_f (λ/ω)³ span of the others, (κ_f/ω)²
    small = 0.2 * error
    least = max(rate * small**-0.25, rate * np.cbrt(one * span / small), one / np.sqrt(small))
    candidates = np.sort(speed[speed >= least])
    if not candidates.size or span == 0:
        return None
    for bound in candidates[-_MOST:]:
        far = speed >= bound
        if _separate(omega, far, _APART * least):
            rest = float(np.max(speed[~far], initial=0.0))
            worth = candidates[-1] > _GAIN * max(rest, least * _LOW_PASS)
            return Outliers(far, omega, weights, strength, least) if worth else None
    return None


def _separate(omega: np.ndarray, far: np.ndarray, gap: float) -> bool:
    """Whether the speeds of outliers are far from those of others, and of those that turn back.

    Who turns backwards as fast is in step with the second harmonic of the others.
    """
    outer, speed = omega[far], np.abs(omega)
    inner = np.max(speed[~far], initial=-np.inf)
    mirrored = np.abs(outer[outer > 0][:, None] + outer[outer < 0])
    return bool(np.min(np.abs(outer)) - inner >= gap and np.min(mirrored, initial=gap) >= gap)


class Outliers:
    """Those whose motion is averaged, and what is to be added to their mean motion.

    Parameters
    ----------
    far : (n,) array of bool
    omega, weights : (n,) array
    strength : complex
    least : float
        Frequency that an outlier has at least.
    """

    def __init__(
        self,
        far: np.ndarray,
        omega: np.ndarray,
        weights: np.ndarray,
        strength: complex,
        least: float,
    ):
        self.far, self.members = far, np.flatnonzero(far)
        self.rest = np.flatnonzero(~far)
        self.low_pass = _LOW_PASS * least
        self.omega, self.weights = omega[far], weights[far]
        self.others, self.pulls = omega[~far], strength * weights[~far]
        gaps = self.omega[:, None] - self.omega
        near = np.abs(gaps) < _APART * least
        # 1/(ω_f - ω_g); nothing of those near, whose pulls are kept as they are
        self.inverse = np.where(near, 0.0, 1 / np.where(near, 1.0, gaps))
        self.forces = strength * self.weights
        answers = np.array([np.sum(self.pulls / (f - self.others)) for f in self.omega])
        self.answers = answers + self.inverse @ self.forces
        self.near = np.where(near, self.forces * (1 - 0.5j * self.answers), 0.0)
        #: what all others turn with, at most, in the eyes of an outlier or of the rest
        self.fastest = max(
            self.low_pass,
            float(np.max(np.abs(self.others), initial=0.0)),
            float(np.max(np.abs(gaps[near]))),
        )

    def terms(self) -> tuple[Any, ...]:
        """What the right-hand side takes: see ``bands.pyx``."""
        mean = np.sum(0.5j * self.forces / self.omega)
        moving = np.sum(0.5 * self.forces / self.omega**2)
        return self.omega, self.near, complex(mean), complex(moving), self.low_pass

    def low_passes(self, x: np.ndarray) -> np.ndarray:
        """The low passes at the beginning, from averaged positions, (4,)."""
        u = np.exp(1j * x[self.rest])
        field = np.sum(self.pulls * u)
        pull = np.imag(field * np.conj(u))
        late = np.sum(self.pulls * u * 1j * (self.others + pull)) / self.low_pass
        return np.array([*_parts(field - late), *_parts(field - 2 * late)])

    def shift(self, x: np.ndarray) -> np.ndarray:
        """What is to be added to averaged positions x, (n,)."""
        u = np.exp(1j * x[self.rest])
        field, third = self._field(u)
        second = np.sum(self.pulls * u * u)
        out, responses = np.empty(x.size), np.empty(self.omega.size, complex)
        to_and_fro, even = np.zeros(u.size, complex), np.zeros(u.size)
        turn = np.exp(1j * x[self.members])
        forces = self.forces * turn
        for f, (w, force) in enumerate(zip(self.omega, forces, strict=True)):
            gap = w - self.others
            first, square = (np.sum(self.pulls * part / gap) for part in (u, u * u))
            answered = np.sum(self.pulls / gap) * first - np.conj(field) * square / w
            s = responses[f] = 0.5j * first + 0.25 * answered + third / w**3
            to_and_fro += -1j * force / gap
            # of the answers of all to the force, and of the outlier's own second harmonic
            to_and_fro += -0.5 * force * self.answers[f] / gap
            to_and_fro += 0.5 * np.conj(force) * square / (w + self.others)
            to_and_fro += 1j * force * turn[f] * np.conj(s) / (2 * w - self.others)
            even -= np.imag(first * np.conj(force)) / gap
        out[self.members] = self._of_outliers(turn, forces, responses, second)
        out[self.rest] = np.imag(to_and_fro * np.conj(u)) + even
        return out

    def _of_outliers(
        self, turn: np.ndarray, forces: np.ndarray, s: np.ndarray, second: complex
    ) -> np.ndarray:
        """What is to be added to the phases exp(iφ) of the outliers, (F,)."""
        answered = -1j * forces * (1 - 0.5j * self.answers)
        phase = np.imag(self.inverse.T @ answered * np.conj(turn))
        # they pull each other where they are, not where they are on the mean
        sway = forces * np.real(s * np.conj(turn)) / self.omega
        still = np.conj(s) * np.sum(forces / self.omega)
        phase += 2 * np.real(np.conj(turn) * np.sum(sway) - still)
        # the second harmonic of the others turns their answers back
        back = np.conj(forces / self.omega) @ (1 / (self.omega[:, None] + self.omega))
        phase += 0.5 * np.imag(second * back * np.conj(turn))
        return np.asarray(phase + 2 * np.angle(1 + s * np.conj(turn) * np.exp(-1j * phase)))

    def _field(self, u: np.ndarray) -> tuple[complex, complex]:
        """S of the rest, and the part of s of third order in 1/ω that the other two leave."""
        w, pulls = self.others, self.pulls
        field = np.sum(pulls * u)
        turn = np.imag(field * np.conj(u))
        change = np.sum(pulls * 1j * (w + turn) * u)
        faster = np.imag(change * np.conj(u)) - np.real(field * np.conj(u)) * (w + turn)
        third = -0.5j * np.sum(pulls * (1j * faster - turn * (2 * w + turn)) * u)
        third += 0.125j * field * abs(field) ** 2
        both = np.sum(pulls * w) * field + np.sum(pulls) * np.sum(pulls * w * u)
        return field, third - 0.25 * (both - np.conj(field) * np.sum(pulls * w * u * u))

    def averaged(self, x: np.ndarray) -> np.ndarray:
        """Averaged positions of positions x, (n,)."""
        mean = x
        for _ in range(4):
            mean = x - self.shift(mean)
        return mean


def _parts(z: complex) -> tuple[float, float]:
    return float(z.real), float(z.imag)
