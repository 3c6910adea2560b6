"""The equations that were published for two spin chains, as printed and with each mistake corrected
by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._ext.bosons import first_unphysical
from .._ext.integrator import RightHandSide
from .._ext.published import PublishedFlow
from ..approximate.meanfield import MeanFieldResult, MeanFieldSolver
from ..core import storage
from ..core.checks import check_array, check_integer, check_number
from ..core.entry import mfsolve
from ..core.gaussian import check_covariance, uncertainty_margin, vacuum_covariance
from ..core.result import Result
from .corrections import CORRECTIONS, check_corrections, flags_of

if TYPE_CHECKING:
    from .figures import PublishedFigure

__all__ = [
    "PublishedResult",
    "PublishedSolver",
    "PublishedSpinChains",
    "complete_synchronization",
    "mfsolve_published",
    "phase_synchronization",
]

_PAIRS = ("n", "g", "omega")


@dataclass(frozen=True)
class PublishedSpinChains:
    r"""Two spin chains as published: the mean field of appendix B, the fluctuations of appendix C,
    eqs (13) to (21).

    Without corrections every equation is the printed one, **with its mistakes** (see
    :data:`CORRECTIONS`); for the physics use :class:`SpinChains`. With :math:`A_j=1-|β_j|^2/4N_j`,
    :math:`a_j=1+2|β_j|^2`, :math:`R_j=iω_jλ^2t/2N_j`,
    :math:`X=Σ_j g_j(|β_j|^2-N_j)/\sqrt{N_j}` and :math:`θ=(ω_2B_2-ω_1B_1)/2`,

    .. math::
        \dot β_1 =
        \Big[iθ-\tfrac{γ_l}2-\tfrac{γ_{nl}}{N_1^2}(|β_1|^4+2|β_1|^2)-\tfrac2{N_1}\sqrt{γ_lγ_{nl}}|β_1|^2\Big]β_1
        + \tfrac{i⟨σ_z⟩}{X}\Big[g_1^2\Big(\tfrac{|β_1|^2}{N_1}-\tfrac{3|β_1|^4}{16N_1^2}-1\Big)β_1 +
        g_1g_2A_2\Big\{β_2^*e^{R_1a_1-R_2a_2}\Big(\tfrac{β_1^2}{4N_1}-2R_1A_1β_1^2\Big) +
        β_2e^{R_2a_2-R_1a_1}\Big(\tfrac{|β_1|^2β_1}{4N_1}+2R_1A_1|β_1|^2-A_1\Big)\Big\}\Big]

    and the same with 1 and 2 exchanged and θ reversed.

    Parameters
    ----------
    n : pair of int
        Spins N_j ≥ 1 of the chains.
    g : pair of float
        Coupling of each chain to the central spin.
    sigma_z : float
        ⟨σz⟩ of the central spin, from −1 to 1.
    omega : pair of float
        Frequencies ω_j.
    exchange : float
        λ, from 0 to 1.
    linear_loss, nonlinear_loss : float
        γ_l and γ_nl.
    thermal : float
        Occupation n̄ of the bath.
    corrections : sequence of str, str or "all"
        Names from :data:`CORRECTIONS`. ``"all"`` gives equations that follow from one Hamiltonian
        and one set of jump operators: the fluctuation matrix is the Jacobian of the drift and the
        covariance stays physical.
    x : float, optional
        X frozen at this value; by default it follows the amplitudes, as in the paper. See
        :meth:`frozen`.
    detuning : float
        δ=ω0−ν of the central spin, used by the correction "eq7_factor_two".

    Raises
    ------
    ValueError, TypeError
        A number is out of range, or a correction unknown.

    Notes
    -----
    J. Ghildiyal, Manju, S. Dasgupta, A. Biswas, *Quantum synchronization between two spin chains
    using pseudo-bosonic equivalence*. Amplitudes are those of the rotating frame b1 → b1 exp(−iθt),
    b2 → b2 exp(iθt).

    Examples
    --------
    >>> published = PublishedSpinChains()
    >>> bool(abs(published.drift(0.0, [0, 0])).max() == 0)  # the initial state does not move
    True
    """

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

    def _flow(self) -> PublishedFlow:
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
        return float(self._flow().detuning_frame)

    def X(self, beta: Any) -> float:
        """X=Σ g_j(|β_j|²−N_j)/√N_j, or the frozen value."""
        b = check_array("beta", beta, shape=(2,), dtype=complex)
        return float(self._flow().x(b[0], b[1]))

    def frozen(self, beta: Any) -> PublishedSpinChains:
        """The same equations with X frozen at the amplitudes `beta`."""
        return replace(self, x=replace(self, x=None).X(beta))

    # ------------------------------------------------------------ the equations, point by point

    def _point(self, t: Any, beta: Any) -> tuple[np.ndarray, np.ndarray, PublishedFlow]:
        b = check_array("beta", beta, shape=(2,), dtype=complex)
        flow = self._flow()
        divisor = flow.x(b[0], b[1])
        if "eq7_factor_two" in self.corrections:
            divisor = 2 * divisor + self.detuning
        # where it cancels to rounding the prefactor would be a random number
        if self.x is None and abs(divisor) <= 1e-14 * float(
            np.sum(np.abs(self.g) * np.sqrt(self.n))
        ):
            raise ValueError(f"beta={b} makes X vanish, by which the equations divide")
        return np.array([check_number("t", t)]), b[None, :], flow

    def drift(self, t: float, beta: Any) -> np.ndarray:
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
        times, b, flow = self._point(t, beta)
        return np.asarray(flow.drift(times, b))[0]

    def langevin_drift(self, t: float, beta: Any) -> np.ndarray:
        """The right-hand sides of (A1) and (A2) without noise, amplitudes in place of operators;
        shape (2,).

        b†b + bb† is read as 1+2|β|². This is (B1) and (B2) with the right bracket, and with the
        misprint of (A2): its first line ends in b1.
        """
        model = replace(self, corrections=tuple({*self.corrections, "b_bracket"}))
        times, rows, flow = model._point(t, beta)
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
        return out

    def fluctuation_matrix(self, t: float, beta: Any) -> np.ndarray:
        """E1…E8 of appendix C: δb1' = E1δb1+E2δb1†+E3δb2+E4δb2†, δb2' = E5δb1+E6δb1†+E7δb2+E8δb2†.

        Returns
        -------
        ndarray of shape (2, 4)
            Complex, rows (E1, E2, E3, E4) and (E5, E6, E7, E8). :meth:`drift_matrix` has it in
            quadratures.
        """
        times, b, flow = self._point(t, beta)
        return np.asarray(flow.matrix(times, b))[0]

    def drift_matrix(self, t: float, beta: Any) -> np.ndarray:
        """M of (11), real, (4, 4), in the quadratures (q1, p1, q2, p2)."""
        E = self.fluctuation_matrix(t, beta)
        u, v = E[:, 0::2], E[:, 1::2]
        M = np.empty((4, 4))
        M[0::2, 0::2], M[0::2, 1::2] = (u + v).real, (v - u).imag
        M[1::2, 0::2], M[1::2, 1::2] = (u + v).imag, (u - v).real
        return M

    def diffusion(self, t: float, beta: Any) -> np.ndarray:
        """D of (20), real, (4, 4): V_j=|U_j|²(n̄+½), U_j=√γ_l+√γ_nl(2|β_j|²−β_j²)/N_j. The printed
        V is read as V1.
        """
        times, b, flow = self._point(t, beta)
        return np.asarray(flow.diffusion(times, b))[0]

    def neglected_term(self, t: float, beta: Any) -> np.ndarray:
        """F1, F2 of appendix C as printed, shape (2,), which (10) lists and the paper then drops;
        no run uses them.
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
        x = self._flow().x(b[0], b[1])
        return self.sigma_z / (2 * x + self.detuning if "eq7_factor_two" in self.corrections else x)

    def effective_energy(self, t: float, beta: Any) -> float:
        """The Hamiltonian (7) at amplitudes in place of operators.

        With "eq7_prefactor" and "eq8_signs" its interaction part is the one whose flow appendix B
        is.
        """
        times, rows, flow = self._point(t, beta)
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

    def decay_law(self, beta: Any) -> Any:
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
        n = np.abs(np.asarray(beta, dtype=complex)) ** 2
        N = np.array(self.n, dtype=float)
        part = 2 * self.nonlinear_loss * (n**3 + 2 * n**2) / N**2
        part = part + 4 * np.sqrt(self.linear_loss * self.nonlinear_loss) * n**2 / N
        half = 0.5 if "a_operator" in self.corrections else 1.0
        return -(self.linear_loss * n + half * part).sum(axis=-1)

    # ------------------------------------------------------------ figures and storage

    def figure(self, name: str, **kw: Any) -> PublishedFigure:
        """Run a figure of the paper with the corrections of this object and judge the paper's
        statements about it.

        See :func:`qsyncplug.published.figures.figure`.
        """
        from .figures import figure

        return figure(name, corrections=self.corrections, **kw)

    def to_dict(self) -> dict[str, Any]:
        """What :func:`qsyncplug.load` rebuilds it from."""
        out: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            "kind": "PublishedSpinChains",
            **{k: list(v) if isinstance(v, tuple) else v for k, v in out.items()},
        }


def _from_dict(data: dict[str, Any]) -> PublishedSpinChains:
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "kind"
    }
    return PublishedSpinChains(**values)


storage.register_model("PublishedSpinChains", _from_dict)


def complete_synchronization(covariance: Any) -> np.ndarray:
    """S_q of (16), ⟨δq₋²+δp₋²⟩⁻¹, from covariances (..., 4, 4). 1 is the value of two independent
    vacua.
    """
    C = np.asarray(covariance, dtype=float)
    return phase_synchronization(np.zeros((*C.shape[:-2], 4)), C, phi=0.0)


def phase_synchronization(
    mean: Any, covariance: Any, *, phi: float | None = None, printed: bool = False
) -> np.ndarray:
    """S_q^φ of (21).

    Parameters
    ----------
    mean : array_like of shape (..., 4)
        (q1, p1, q2, p2), from which φ=φ2−φ1 follows.
    covariance : array_like of shape (..., 4, 4)
        C.
    phi : float, optional
        φ, in place of the one of `mean`.
    printed : bool
        φ_j=arctan(p_j/q_j) as printed, which is off by π in the left half-plane; atan2 otherwise.

    Returns
    -------
    ndarray of shape (...)
    """
    Y, C = np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float)
    if phi is None:
        if printed:
            with np.errstate(divide="ignore", invalid="ignore"):
                angle = np.arctan(Y[..., 3] / Y[..., 2]) - np.arctan(Y[..., 1] / Y[..., 0])
        else:
            angle = np.arctan2(Y[..., 3], Y[..., 2]) - np.arctan2(Y[..., 1], Y[..., 0])
    else:
        angle = np.full(C.shape[:-2], check_number("phi", phi))
    s, c = np.sin(angle), np.cos(angle)
    total = (
        np.trace(C, axis1=-2, axis2=-1)
        + 2 * s * (C[..., 1, 2] - C[..., 0, 3])
        - 2 * c * (C[..., 0, 2] + C[..., 1, 3])
    )
    return 2 / total


class PublishedResult(MeanFieldResult):
    """Mean field and covariance of the published equations; arrays as in
    :class:`MeanFieldResult`.
    """

    @property
    def excitations(self) -> np.ndarray:
        """|β_j|², (T, 2): what is left of the oscillation."""
        return np.abs(self.amplitudes) ** 2

    @property
    def relative_phase(self) -> np.ndarray:
        """φ2−φ1 of the amplitudes, unwrapped, (T,); NaN where an amplitude is zero."""
        product = self.amplitudes[:, 1] * self.amplitudes[:, 0].conj()
        return np.unwrap(np.where(product == 0, np.nan, np.angle(product)))

    def complete_synchronization(self) -> np.ndarray:
        """S_q of (16), (T,); 1 is the value of two independent vacua."""
        return complete_synchronization(self.covariance)

    def phase_synchronization(self, *, phi: float | None = None) -> np.ndarray:
        """S_q^φ of (21), (T,); φ_j with arctan as printed unless the model has the correction
        "eq18_atan2".
        """
        printed = self.model is not None and "eq18_atan2" not in self.model.corrections
        return phase_synchronization(self.mean, self.covariance, phi=phi, printed=printed)


class PublishedSolver(MeanFieldSolver):
    """The published equations by a compiled kernel; see :func:`mfsolve_published`."""

    def __init__(self, model: PublishedSpinChains, *, options: dict[str, Any] | None = None):
        super().__init__(model, options=options)  # type: ignore[arg-type]

    solver_options: ClassVar[dict[str, Any]] = MeanFieldSolver.solver_options

    def _problem(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        model: PublishedSpinChains = self.model
        beta = check_array("beta0", state0, shape=(2,), dtype=complex)
        for j, (b, size) in enumerate(zip(beta, model.n, strict=True)):
            if abs(b) ** 2 > size * (1 + 1e-12):
                raise ValueError(
                    f"beta0[{j}] must satisfy |β|²≤N={size}, not {abs(b) ** 2:g}: {size} spins "
                    "have no more excitations"
                )
        model._point(t0, beta)
        C = (
            vacuum_covariance(2)
            if self.covariance0 is None
            else check_covariance("covariance0", self.covariance0, 2)
        )
        return model._flow(), np.concatenate([beta.view(float), C[np.triu_indices(4)]])

    def _new_result(
        self, e_ops: Any, stats: dict[str, Any], rhs: RightHandSide, y0: np.ndarray
    ) -> PublishedResult:
        model: PublishedSpinChains = self.model
        stats["closure"] = "linear"
        stats["equations"] = model.name
        stats["neglected"] = [
            "fluctuations act back on the mean nowhere (linearised about the mean field)",
            "the central spin is a fixed number ⟨σz⟩ (eliminated adiabatically)",
            "the term F(t) of eq. (10), as in the paper",
        ]
        left = [
            name
            for name in check_corrections("all")
            if name not in model.corrections and CORRECTIONS[name].changes
        ]
        if "a_operator" in model.corrections:
            left.remove("a_channels")
        if left:
            stats["neglected"].append(f"mistakes of the paper left in: {', '.join(left)}")
        return PublishedResult(
            e_ops,
            self._options,
            solver=self.name,
            stats=stats,
            model=model,
            modes=2,
            closure="linear",
        )

    def _finish(self, result: Result, rhs: RightHandSide) -> None:
        assert isinstance(result, PublishedResult)
        assert isinstance(rhs, PublishedFlow)
        if len(result.times) == 0:
            return
        model: PublishedSpinChains = self.model
        drift: dict[str, float] = {}
        # an unphysical covariance may grow to anything: what can still be diagonalised
        usable = np.abs(result.covariance).max(axis=(1, 2)) < 1e100
        covariance = np.ascontiguousarray(result.covariance[usable])
        bad = first_unphysical(covariance, 1e-9)
        drift["uncertainty relation"] = (
            0.0 if bad < 0 else float(max(0.0, -uncertainty_margin(covariance).min()))
        )
        if bad >= 0:
            result.stats["neglected"].append(
                "positivity: the covariance breaks the uncertainty relation from "
                f"t={result.times[usable][bad]:g} on"
            )
        # the proof of decay, checked along the run
        rates = rhs.drift(result.times, result.amplitudes)
        total = result.excitations.sum(axis=1)
        slope = 2 * (result.amplitudes.conj() * rates).real.sum(axis=1)
        law = model.decay_law(result.amplitudes)
        live = total > 0
        if live.any():
            drift["decay law"] = float((np.abs(slope - law)[live] / total[live]).max())
            result.stats["largest growth rate of n1+n2"] = float((slope[live] / total[live]).max())
        result.stats["n1+n2 at the end"] = float(total[-1])
        result.stats["drift"] = drift


@mfsolve.register(PublishedSpinChains)
def mfsolve_published(
    system: PublishedSpinChains,
    beta0: Any,
    tlist: Any,
    *,
    covariance0: Any = None,
    e_ops: Any = None,
    options: dict[str, Any] | None = None,
) -> PublishedResult:
    r"""Mean field and covariance of the published equations: (B1), (B2) and (19), :math:`\dot C =
    MC+CM^T+D`.

    Parameters
    ----------
    system : PublishedSpinChains
        What to run.
    beta0 : array_like of shape (2,)
        Complex initial amplitudes, |β_j|² ≤ N_j. The paper's (0, 0) is a fixed point.
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    covariance0 : array_like of shape (4, 4), optional
        Initial covariance; the vacuum ½·1 by default.
    e_ops : callable, list or dict of callables, optional
        Functions ``f(t, (mean, covariance))``.
    options : dict, optional
        As for boson models.

    Returns
    -------
    PublishedResult
        Its ``stats`` name the mistakes left in and check the proof of decay: "decay law" is the
        largest \|d(n1+n2)/dt − law\|/(n1+n2), zero to rounding with the correction "b_bracket".

    Raises
    ------
    ValueError, TypeError
        Bad input.
    NonFiniteError
        The printed covariance grew beyond all numbers (it does, for Fig. 3); the error carries the
        partial result.
    """
    solver = PublishedSolver(system, options=options)
    solver.covariance0 = covariance0
    result = solver.run(beta0, tlist, e_ops=e_ops)
    assert isinstance(result, PublishedResult)
    return result
