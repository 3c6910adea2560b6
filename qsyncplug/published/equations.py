"""The published equations of two spin chains, as printed and with mistakes corrected by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from .._ext.published import PublishedFlow
from ..core.checks import check_array, check_integer, check_number
from .corrections import check_corrections, flags_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["PublishedEquations"]

_PAIRS = ("n", "g", "omega")


@dataclass(frozen=True)
class PublishedEquations:
    """The printed equations with corrections, point by point: see :class:`PublishedSpinChains`."""

    n: tuple[int, int] = (5, 5)
    g: tuple[float, float] = (1.5, 2.4)
    sigma_z: float = -0.1
    omega: tuple[float, float] = (1.0, 0.8)
    exchange: float = 0.0
    linear_loss: float = 0.001
    nonlinear_loss: float = 0.002
    thermal: float = 0.0
    corrections: tuple[str, ...] = ()
    x: float | None = None
    detuning: float = 0.0

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in _PAIRS:
            value = getattr(self, name)
            if (
                isinstance(value, str)
                or not isinstance(value, (Sequence, np.ndarray))
                or len(value) != 2
            ):
                raise ValueError(f"{name} must be a pair, one number a chain, not {value!r}")
        put(self, "n", tuple(check_integer("n", v, minimum=1) for v in self.n))
        put(self, "g", tuple(check_number("g", v) for v in self.g))
        put(self, "omega", tuple(check_number("omega", v) for v in self.omega))
        put(self, "sigma_z", check_number("sigma_z", self.sigma_z, minimum=-1.0, maximum=1.0))
        put(self, "exchange", check_number("exchange", self.exchange, minimum=0.0, maximum=1.0))
        for name in ("linear_loss", "nonlinear_loss", "thermal"):
            put(self, name, check_number(name, getattr(self, name), minimum=0.0))
        put(self, "corrections", check_corrections(self.corrections))
        put(self, "detuning", check_number("detuning", self.detuning))
        if self.x is not None:
            put(self, "x", check_number("x", self.x))
            if self.x == 0:
                raise ValueError("x must not be 0: the equations divide by it")
        if self.x is None and not any(self.g):
            raise ValueError("g must not be (0, 0): X, by which the equations divide, would vanish")

    # ------------------------------------------------------------ what it is

    @property
    def name(self) -> str:
        """Which equations these are."""
        if not self.corrections:
            return "published spin chains (as printed)"
        if self.corrections == check_corrections("all"):
            return "published spin chains (all corrections)"
        return f"published spin chains (corrected: {', '.join(self.corrections)})"

    def __str__(self) -> str:
        return (
            f"{self.name}: n={self.n}, g={self.g}, ⟨σz⟩={self.sigma_z:g}, ω={self.omega}, "
            f"λ={self.exchange:g}"
        )

    def flow(self) -> PublishedFlow:
        """A fresh compiled right-hand side: each holds its own scratch."""
        return PublishedFlow(
            self.n,
            self.g,
            self.sigma_z,
            self.omega,
            self.exchange,
            self.linear_loss,
            self.nonlinear_loss,
            self.thermal,
            flags_of(self.corrections),
            self.x,
            self.detuning,
        )

    @property
    def theta(self) -> float:
        """θ=(ω2B2−ω1B1)/2, half the detuning that the rotating frame removes."""
        return float(self.flow().detuning_frame)

    def X(self, beta: ArrayLike) -> float:
        """X=Σ g_j(|β_j|²−N_j)/√N_j at the amplitudes `beta`, or the frozen value."""
        b = check_array("beta", beta, shape=(2,), dtype=complex)
        return float(self.flow().x(b[0], b[1]))

    def relative_divisor(self, beta: ArrayLike) -> float:
        """|X| at the amplitudes `beta` relative to Σ|g_j|√N_j: the equations divide by X.

        Of |2X+δ| with the correction "eq7_factor_two"; infinite where X is frozen.
        """
        if self.x is not None:
            return float("inf")
        divisor = self.X(beta)
        if "eq7_factor_two" in self.corrections:
            divisor = 2 * divisor + self.detuning
        return abs(divisor) / float(np.sum(np.abs(self.g) * np.sqrt(self.n)))

    def frozen(self, beta: ArrayLike) -> Self:
        """The same equations with X frozen at the amplitudes `beta`."""
        return replace(self, x=replace(self, x=None).X(beta))

    # ------------------------------------------------------------ the equations, point by point

    def point(self, t: float, beta: ArrayLike) -> tuple[np.ndarray, np.ndarray, PublishedFlow]:
        """Time `t` (1,), amplitudes `beta` (1, 2) and a fresh right-hand side; X must not vanish
        there.
        """
        b = check_array("beta", beta, shape=(2,), dtype=complex)
        # where it cancels to rounding the prefactor would be a random number
        if self.relative_divisor(b) <= 1e-14:
            raise ValueError(f"beta={b} makes X vanish, by which the equations divide")
        return np.array([check_number("t", t)]), b[None, :], self.flow()

    def drift(self, t: float, beta: ArrayLike) -> np.ndarray:
        """dβ/dt of (B1) and (B2).

        Parameters
        ----------
        t : float
            Time (R_j grows with it).
        beta : array_like of shape (2,)
            Complex amplitudes.

        Returns
        -------
        ndarray of shape (2,)
            Complex.

        Raises
        ------
        ValueError
            X vanishes at `beta`.
        """
        times, b, flow = self.point(t, beta)
        return np.asarray(flow.drift(times, b)[0])

    def langevin_drift(self, t: float, beta: ArrayLike) -> np.ndarray:
        """The right-hand sides of (A1) and (A2) without noise, time `t`, amplitudes `beta` in place
        of operators; shape (2,).

        b†b + bb† is read as 1+2|β|². This is (B1) and (B2) with the right bracket, and with the
        misprint of (A2): its first line ends in b1.
        """
        model = replace(self, corrections=tuple({*self.corrections, "b_bracket"}))
        times, rows, flow = model.point(t, beta)
        out = np.asarray(flow.drift(times, rows))[0]
        if "a2_b1" not in self.corrections:
            b = rows[0]
            alpha = 2 if "eq4_commutator" in self.corrections else 4
            ratio = abs(b[1]) ** 2 / (alpha * self.n[1])
            out[1] += (
                1j
                * self._prefactor(b)
                * self.g[1] ** 2
                * (2 * ratio - 1)
                * (1 - ratio)
                * (b[0] - b[1])
            )
        return np.asarray(out)

    def fluctuation_matrix(self, t: float, beta: ArrayLike) -> np.ndarray:
        """E1…E8 of appendix C at time `t` and amplitudes `beta`: δb1' = E1δb1+E2δb1†+E3δb2+E4δb2†,
        δb2' = E5δb1+E6δb1†+E7δb2+E8δb2†.

        Returns
        -------
        ndarray of shape (2, 4)
            Complex, rows (E1, E2, E3, E4) and (E5, E6, E7, E8). :meth:`drift_matrix` has it in
            quadratures.
        """
        times, b, flow = self.point(t, beta)
        return np.asarray(flow.matrix(times, b)[0])

    def drift_matrix(self, t: float, beta: ArrayLike) -> np.ndarray:
        """M of (11) at time `t` and amplitudes `beta`, real, (4, 4), in the quadratures (q1, p1,
        q2, p2).
        """
        E = self.fluctuation_matrix(t, beta)
        u, v = E[:, 0::2], E[:, 1::2]
        M = np.empty((4, 4))
        M[0::2, 0::2], M[0::2, 1::2] = (u + v).real, (v - u).imag
        M[1::2, 0::2], M[1::2, 1::2] = (u + v).imag, (u - v).real
        return M

    def diffusion(self, t: float, beta: ArrayLike) -> np.ndarray:
        """D of (20) at time `t` and amplitudes `beta`, real, (4, 4): V_j=|U_j|²(n̄+½),
        U_j=√γ_l+√γ_nl(2|β_j|²−β_j²)/N_j. The printed V is read as V1.
        """
        times, b, flow = self.point(t, beta)
        return np.asarray(flow.diffusion(times, b)[0])

    def neglected_term(self, t: float, beta: ArrayLike) -> np.ndarray:
        """F1, F2 of appendix C as printed, at time `t` and amplitudes `beta`, shape (2,), which
        (10) lists and the paper then drops; no run uses them.
        """
        t, b = check_number("t", t), check_array("beta", beta, shape=(2,), dtype=complex)
        n = np.abs(b) ** 2
        N, omega, g = (np.array(v, dtype=float) for v in (self.n, self.omega, self.g))
        A, a, R = 1 - n / (4 * N), 1 + 2 * n, 0.5j * omega * self.exchange**2 * t / N
        out = np.empty(2, dtype=complex)
        for j, k in ((0, 1), (1, 0)):
            w = np.exp(R[j] * a[j] - R[k] * a[k])
            braces = (
                -2 * A[j] * b[j]
                + 1.5 * b[j] * n[j] / N[j]
                - 2 * b[j]
                + b[j] ** 2
                * b[k].conj()
                * w
                * ((3 * A[k] + 1) / (2 * N[j]) - 4 * R[j] * (A[j] + A[k]) - 10 * R[j] * A[j] * A[k])
                + (
                    2.5 * n[j] / N[j]
                    + 20 * n[j] * R[j] * A[j]
                    + 4 * n[j] * R[j]
                    - 12 * A[j]
                    - 1
                    + 2 * b[k] * (0.25 * n[j] / N[j] + 4 * n[j] * R[j] * A[j] - A[j])
                )
                / w
            )
            # g1 in both: so it is printed
            out[j] = 1j * g[0] * self.sigma_z / self.X(b) * braces
        return out

    def _prefactor(self, b: np.ndarray) -> float:
        x = self.flow().x(b[0], b[1])
        if "eq7_factor_two" in self.corrections:
            x = 2 * x + self.detuning
        return float(self.sigma_z / x)

    def effective_energy(self, t: float, beta: ArrayLike) -> float:
        """The Hamiltonian (7) at time `t`, amplitudes `beta` in place of operators.

        With "eq7_prefactor" and "eq8_signs" its interaction part is the one whose flow appendix B
        is.
        """
        times, rows, flow = self.point(t, beta)
        t, b = float(times[0]), rows[0]
        n, N = np.abs(b) ** 2, np.array(self.n, dtype=float)
        names = self.corrections
        eq4 = "eq4_commutator" in names
        lam2, omega = self.exchange**2, np.array(self.omega)
        B = lam2 + 1 / N if eq4 else lam2 * (1 - 0.5 / N) + 1 / N
        R = 1j * omega * lam2 * t / (N if eq4 else 2 * N)
        exponent = R + np.expm1(2 * R) * n if "a1_commutator" in names else R * (1 + 2 * n)
        A = 1 - n / ((2 if eq4 else 4) * N)
        lab = b * np.exp(1j * self.theta * t * np.array([-1, 1]))
        phase = exponent - 1j * omega * B * t
        if "eq8_signs" in names:
            phase = np.conj(phase)
        P = np.array(self.g) * lab.conj() * A * np.exp(phase)
        factor = self._prefactor(b)
        shift = self.sigma_z * (flow.x(b[0], b[1]) if "eq7_shift" in names else 1.0)
        own = factor * float(np.sum(np.array(self.g) ** 2 * n * A**2))
        both = 2 * float((P[0] * P[1].conj()).real)
        return float(own + (factor if "eq7_prefactor" in names else 1.0) * both + shift)

    def decay_law(self, beta: ArrayLike) -> np.ndarray:
        """d(|β1|²+|β2|²)/dt of the damping alone: −γ_l(n1+n2) − Σ[2γ_nl(n³+2n²)/N² +
        4√(γ_lγ_nl)n²/N].

        The rest of the corrected equations ("b_bracket") conserves n1+n2, so this is all of it, it
        is negative, and
        **no trajectory is a limit cycle**. With "a_operator" the second part is halved.

        Parameters
        ----------
        beta : array_like of shape (..., 2)
            Complex amplitudes.

        Returns
        -------
        ndarray of shape (...)
        """
        amplitudes = check_array("beta", beta, dtype=complex)
        if amplitudes.ndim == 0 or amplitudes.shape[-1] != 2:
            raise ValueError(
                f"beta must hold two amplitudes along its last axis, not {amplitudes.shape}"
            )
        n = np.abs(amplitudes) ** 2
        N = np.array(self.n, dtype=float)
        part = 2 * self.nonlinear_loss * (n**3 + 2 * n**2) / N**2
        part = part + 4 * np.sqrt(self.linear_loss * self.nonlinear_loss) * n**2 / N
        half = 0.5 if "a_operator" in self.corrections else 1.0
        rate: np.ndarray = (self.linear_loss * n + half * part).sum(axis=-1)
        return -rate
