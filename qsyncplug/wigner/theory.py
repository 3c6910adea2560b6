"""Theorems on the Wigner–Lohe model as predicates with limits, rates and bounds, corrected where
the papers err.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_number
from ..core.entry import predictions as _entry_predictions
from ..core.errors import ApproximationWarning
from ..core.predictions import Prediction, Predictions
from .model import WignerLohe
from .pairs import hydrodynamic_distances
from .state import InitialState, read_state

__all__ = [
    "blow_up_time",
    "diameter_bound",
    "distance_ratio",
    "locked_correlation",
    "two_oscillator_correlation",
    "wigner_predictions",
]

_P1 = "Antonelli, Ha, Kim & Marcati"
_P2 = "Ha, Hwang & Kim"
_Verdict = tuple[bool | None, str]
#: distances below this part of the norm may be those of equal functions: the root of rounding
_EQUAL = 1e-7


def two_oscillator_correlation(
    z0: complex, times: Any, coupling: float, offset: float = 0.0
) -> np.ndarray:
    r"""z_12 of two oscillators of equal mass: the solution of :math:`\dot z=\frac κ2(1-z^2)-iΛz`.

    Parameters
    ----------
    z0 : complex
    times : array_like
        Since the start.
    coupling : float
        κ.
    offset : float
        Λ=V_1−V_2.

    Returns
    -------
    ndarray of complex, of the shape of `times`

    Notes
    -----
    Antonelli et al., Lemma 4.1, for Λ=0: :math:`z=((1+z_0)e^{κt}-(1-z_0))/((1+z_0)e^{κt}+(1-z_0))`.
    """
    t = np.asarray(times, dtype=float)
    kappa = check_number("coupling", coupling, minimum=0.0)
    offset = check_number("offset", offset)
    # z = u/v with (u, v)' = [[−iΛ/2, κ/2], [κ/2, iΛ/2]] (u, v), eigenvalues ±s/2
    s = np.sqrt(complex(kappa**2 - offset**2))
    # divided by e^{Re(s)t/2}, so that nothing overflows
    growth = np.exp(1j * s.imag * t / 2)
    decay = np.exp(-s.real * t - 1j * s.imag * t / 2)
    c = (growth + decay) / 2
    x = s * t / 2
    small = np.abs(x) < 1e-3
    with np.errstate(divide="ignore", invalid="ignore"):
        sn = np.where(
            small,
            t / 2 * (1 + x**2 / 6 + x**4 / 120) * np.exp(-x.real),
            (growth - decay) / (2 * (s if s != 0 else 1)),
        )
    u = (c - 1j * offset * sn) * z0 + kappa * sn
    v = (c + 1j * offset * sn) + kappa * z0 * sn
    return u / v


def locked_correlation(coupling: float, offset: float) -> complex | None:
    r"""Limit :math:`\sqrt{1-Λ^2/κ^2}-iΛ/κ` of z_12 for V_1−V_2=Λ, or None where |Λ|≥κ."""
    coupling = check_number("coupling", coupling, minimum=0.0)
    ratio = check_number("offset", offset) / coupling if coupling > 0 else np.inf
    return complex(np.sqrt(1 - ratio**2), -ratio) if abs(ratio) < 1 else None


def distance_ratio(z0: complex, times: Any, coupling: float) -> np.ndarray:
    r"""‖w_1−w_2‖²(t)/‖w_1−w_2‖²(0) of two oscillators: :math:`4e^{κt}/|(1+z_0)e^{κt}+1-z_0|^2`.

    Exact, for pure and mixed states; what is printed as the bound :math:`e^{-κt}` in Theorem 4.2 of
    Antonelli et al. and Theorem 2.4 of Ha et al. lacks the constant :math:`4/|1+z_0|^2`.
    """
    t = np.asarray(times, dtype=float)
    e = np.exp(-check_number("coupling", coupling, minimum=0.0) * t)
    return 4 * e / np.abs((1 + z0) + (1 - z0) * e) ** 2


def diameter_bound(
    diameter0: float, times: Any, coupling: float, n: int | None = None
) -> np.ndarray:
    r"""Bound of D(Z): :math:`D_0e^{-κt}/(cD_0e^{-κt}+1-cD_0)`.

    With `n`, c=(N−1)/N: sharper than Corollary 1 of Ha et al. (c=1, `n` None), valid for
    D₀<N/(N−1), and attained where all off-diagonal z are equal and real.

    Raises
    ------
    ValueError
        D₀ is not below 1/c.
    """
    coupling = check_number("coupling", coupling, minimum=0.0)
    n = None if n is None else check_integer("n", n, minimum=1)
    c = 1.0 if n is None else (n - 1) / n
    if not c * diameter0 < 1:
        raise ValueError(f"diameter0 must be below {1 / c:g}, not {diameter0:g}")
    e = diameter0 * np.exp(-coupling * np.asarray(times, dtype=float))
    return e / (c * e + 1 - c * diameter0)


def blow_up_time(z0: complex, coupling: float) -> float:
    r"""Time at which z_12 of two oscillators becomes infinite: :math:`κ^{-1}\ln\frac{z_0-1}{z_0+1}`
    for real z_0<−1, else ∞.

    Raises
    ------
    ValueError
        κ is not positive.
    """
    kappa = check_number("coupling", coupling, minimum=0.0, strict=True)
    z = complex(z0)
    if not np.isfinite(z):
        raise ValueError(f"z0 must be finite, not {z0}")
    if z.imag != 0 or z.real >= -1:
        return float("inf")
    return float(np.log((z.real - 1) / (z.real + 1)) / kappa)


def _elapsed(result: Any) -> np.ndarray:
    times = np.asarray(result.times)
    return times - times[0]


def _some(result: Any, count: int = 9) -> np.ndarray:
    return np.unique(np.linspace(0, len(result.times) - 1, count).astype(int))


def _below(value: np.ndarray, bound: np.ndarray, floor: float = 0.0) -> _Verdict:
    value = np.where(value > floor, value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # subnormal numbers have no digits to compare
        ratio = np.where(bound > 1e-300, value / bound, np.where(value > 1e-14, np.inf, 0))
    worst = float(np.max(ratio))
    return bool(worst <= 1 + 1e-8), f"at most {worst:.9g} of the bound"


def _rate(
    times: np.ndarray, gap: np.ndarray, rate: float, floor: float, at_least: bool = False
) -> _Verdict:
    pick = np.flatnonzero((gap < 1e-3) & (gap > floor))
    if len(pick) < 3:
        return (
            None,
            f"rate {rate:.6g} predicted; the run has no three outputs in the range where it shows",
        )
    pick = pick[len(pick) // 2 - (1 if len(pick) < 4 else 0) :]
    slope = -float(np.polyfit(times[pick], np.log(gap[pick]), 1)[0])
    met = slope >= 0.98 * rate if at_least else abs(slope - rate) <= 0.02 * rate
    return bool(met), f"rate {slope:.6g} measured, {rate:.6g} predicted"


def _scale(result: Any) -> float:
    return float(np.max(result.matrix(0).norms()))


def _stays_equal(gaps: np.ndarray, result: Any) -> _Verdict:
    """Of Wigner functions that are equal, up to rounding, at the start."""
    off = float(np.max(gaps)) / _scale(result)
    return (
        off < 100 * _EQUAL,
        f"equal at the start, and within {off:.1e} of their norm at all times",
    )


def _floor(result: Any) -> float:
    """What 1−z is known to: rounding of z, but for runs that follow 1−z itself."""
    return 1e-12 if result.log_alpha is None else 0.0


def _both(first: _Verdict, second: _Verdict) -> _Verdict:
    text = f"{first[1]}; {second[1]}"
    if first[0] is False or second[0] is False:
        return False, text
    return (True if first[0] or second[0] else None), text


def wigner_predictions(model: WignerLohe, state0: Any) -> Predictions:
    """Theorems whose hypotheses hold, with limits and rates.

    Parameters
    ----------
    model : WignerLohe
    state0 : array_like
        As for :func:`wlsolve`; unphysical data are taken for what can be said about them.

    Returns
    -------
    Predictions
        A sequence with ``check(result)``; ``notes`` say what does not hold as printed.
    """
    state = read_state(model, state0, allow_unphysical=True, allow_non_hermitian=True)
    n, kappa = state.n, model.coupling
    items: list[Prediction] = []
    notes: list[str] = []
    masses = np.diag(state.z0)
    equal = bool(
        np.all(masses.real > 0) and np.max(np.abs(masses - masses[0].real)) <= 1e-9 * masses[0].real
    )
    if not model.common or kappa == 0 or n < 2 or not equal:
        return Predictions(items, notes)
    rates = model.rates(n)
    if np.ptp(rates) > 0:
        if n == 2 and state.hermitian:
            _offset(model, state, float(rates[0] - rates[1]), items)
        return Predictions(items, notes)
    if not state.physical:
        if n == 2:
            _blow_up(state, kappa, items, notes)
        return Predictions(items, notes)
    if n == 2:
        _two(model, state, items)
    _many(state, kappa, items, notes)
    return Predictions(items, notes)


def _two(model: WignerLohe, state: InitialState, items: list[Prediction]) -> None:
    kappa = model.coupling
    gap0 = complex(state.deviations[0, 1])
    z0 = 1 - gap0
    if abs(1 + z0) < 1e-9:
        if _anti_aligned(model, state):

            def stays(result: Any) -> _Verdict:
                # rounding, 1e-16, escapes after 37/κ
                early = kappa * _elapsed(result) <= 20
                off = float(
                    np.max(np.abs(result.correlations[early, 0, 1] / result.masses[early, 0] + 1))
                )
                return off < 1e-6, f"z_12 within {off:.2g} of −1 before rounding escapes"

            items.append(
                Prediction(
                    "Remark 3",
                    "z_12=−1 with w_12=−w_1=−w_2: an equilibrium of the coupling, unstable; a "
                    "perturbation 1+z₀ escapes after "
                    "κ⁻¹ln((1−z₀)/(1+z₀))",
                    f"{_P1}, Remark 3",
                    correction="printed with (κ/4) in place of (κ/2)(w_1+w_12)",
                    test=stays,
                )
            )
        return

    # close to the antipode rounding of z₀ is amplified
    known = 1e-8 + 1e-14 / abs(1 + z0)

    def closed(result: Any) -> _Verdict:
        t = _elapsed(result)
        e = np.exp(-kappa * t)
        exact = 2 * gap0 * e / ((2 - gap0) + gap0 * e)
        off = np.abs(result.deviations[:, 0, 1] - exact)
        if result.log_alpha is None:
            return bool(np.max(off) < known), f"closed form of 1−z_12 met within {np.max(off):.1e}"
        worst = float(np.max(off / np.maximum(np.abs(exact), 1e-290)))
        return bool(worst < known), f"closed form of 1−z_12 met within a relative {worst:.1e}"

    constant = 2 * abs(gap0) / abs(2 - gap0)
    items.append(
        Prediction(
            "Lemma 4.1",
            f"z_12 tends to 1, e^(κt)|1−z_12| to {constant:.6g}",
            f"{_P1}, Lemma 4.1",
            limits={"correlations": np.full((2, 2), state.z0[0, 0])},
            rate=kappa,
            test=closed,
        )
    )

    def identity(result: Any) -> _Verdict:
        pick = _some(result)
        if pick[0] != 0:
            return None, "the run lacks its start"
        size = np.array([result.distances(int(k))[0, 0, 1, 1] for k in pick]) ** 2
        if size[0] <= _EQUAL**2 * _scale(result) ** 2:
            return _stays_equal(np.sqrt(size), result)
        exact = size[0] * distance_ratio(z0, _elapsed(result)[pick], kappa)
        # distances of phase-space arrays are known to rounding of the arrays only
        seen = exact > 1e-18 * size[0]
        off = float(
            np.max(
                np.abs(size[seen] / exact[seen] - 1) * np.sqrt(np.minimum(exact[seen] / size[0], 1))
            )
        )
        # rounding of ‖w‖² is what ‖w_1−w_2‖² is known to
        return bool(
            off < known + 1e-14 * _scale(result) ** 2 / size[0]
        ), f"‖w_1−w_2‖² met within {off:.1e}"

    items.append(
        Prediction(
            "Theorem 4.2",
            f"‖w_1−w_2‖² falls as {4 / abs(1 + z0) ** 2:.6g}·e^(−κt)‖w_1−w_2‖²(0)",
            f"{_P1}, Theorem 4.2; {_P2}, Theorem 2.4",
            correction=(
                "an identity, ‖w_1−w_2‖²(0)·4e^(κt)/|(1+z₀)e^(κt)+1−z₀|²; printed as a bound "
                "e^(−κt), which fails"
            ),
            rate=kappa,
            test=identity,
        )
    )
    if state.kind == "kets" and known < 1e-6:
        items.append(_hydrodynamic(kappa))


def _hydrodynamic(kappa: float) -> Prediction:
    """Theorem 5.1, of wave functions."""

    def synchronise(result: Any) -> _Verdict:
        # ½‖ψ_1−ψ_2‖² of equal masses
        size = np.sqrt(2 * np.maximum(result.deviations[:, 0, 1].real, 0))
        rate = _rate(
            _elapsed(result), size, kappa / 2, 1e-7 if result.log_alpha is None else 1e-125, True
        )
        late = np.flatnonzero(size > 1e-7)
        early = np.flatnonzero(size >= 100 * size[late[-1]]) if late.size else late
        if not early.size:
            return (
                rate[0],
                rate[1]
                + (
                    "; hydrodynamic norms: the run has no two outputs between which ‖ψ_1−ψ_2‖ "
                    "falls to 1/100"
                ),
            )
        if result.stats.get("method") == "direct":
            return rate[0], rate[
                1
            ] + "; hydrodynamic norms: runs in phase space have no wave functions"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ApproximationWarning)  # two digits are enough
            before, after = (
                hydrodynamic_distances(psi[0], psi[1], result.model.grid, tolerance=1e-3)
                for psi in (result.psi(int(early[-1])), result.psi(int(late[-1])))
            )
        # of the differences of polar factors only the limit is known: near a node they fall as the
        # root of ‖ψ_1−ψ_2‖
        seen = [name for name in after if before[name] > 1e-6 * before["H1"]]
        left = max((after[name] / before[name] for name in seen), default=0.0)
        return _both(
            rate,
            (
                bool(left < 0.5),
                f"hydrodynamic norms fell to {left:.2g} or less where ‖ψ_1−ψ_2‖ fell to 0.01",
            ),
        )

    return Prediction(
        "Theorem 5.1",
        "‖ψ_1−ψ_2‖ in L² and H¹ fall as e^(−κt/2) (H¹: times the oscillation of the kinetic "
        "energy), or as e^(−κt) where only "
        "phases differ; "
        "‖∇√ρ_d‖, ‖Λ_d‖, ‖∇√ρ_1−∇√ρ_2‖ and ‖Λ_1−Λ_2‖ tend to 0",
        f"{_P1}, Theorem 5.1",
        correction="with the rate κ/2; printed e^(−κt)",
        rate=kappa / 2,
        test=synchronise,
    )


def _anti_aligned(model: WignerLohe, state: InitialState) -> bool:
    """Is w_12=−w_1=−w_2."""
    if state.arrays is not None:
        w = state.arrays
        top = np.max(np.abs(w[0, 0]))
        return bool(
            np.max(np.abs(w[0, 1] + w[0, 0])) < 1e-9 * top
            and np.max(np.abs(w[0, 0] - w[1, 1])) < 1e-9 * top
        )
    assert state.left is not None
    return bool(
        np.linalg.norm(state.left[0] + state.left[1]) < 1e-9 * np.linalg.norm(state.left[0])
    )


def _many(state: InitialState, kappa: float, items: list[Prediction], notes: list[str]) -> None:
    n = state.n
    d0 = float(np.max(np.abs(state.deviations)))
    threshold = n / (n - 1)
    if d0 >= threshold:
        notes.append(
            f"D₀={d0:.6g} is not below N/(N−1)={threshold:.6g}: nothing guarantees that D(Z) falls"
        )
        return

    def sharper(result: Any) -> _Verdict:
        return _below(
            result.diameter, diameter_bound(d0, _elapsed(result), kappa, n), _floor(result)
        )

    if d0 < 1:

        def invariant(result: Any) -> _Verdict:
            top = float(np.max(result.diameter))
            return bool(top < 1), f"D(Z) at most {top:.6g}"

        items.append(
            Prediction(
                "Lemma 3.2",
                f"D₀={d0:.6g}<1, so that D(Z)<1 at all times",
                f"{_P2}, Lemma 3.2",
                correction="with D(Z)=max|1−z_ij|; printed without the modulus in the proof",
                test=invariant,
            )
        )

        def first(result: Any) -> _Verdict:
            return _both(
                _below(
                    result.diameter, diameter_bound(d0, _elapsed(result), kappa), _floor(result)
                ),
                _rate(_elapsed(result), result.diameter, kappa, max(_floor(result), 1e-250)),
            )

        items.append(
            Prediction(
                "Corollary 1 (1)",
                "D(Z) ≤ D₀e^(−κt)/(D₀e^(−κt)+1−D₀)",
                f"{_P2}, Corollary 1 (1)",
                rate=kappa,
                test=first,
            )
        )

        def bounded(result: Any) -> _Verdict:
            sizes = np.array([np.max(result.matrix(int(k)).norms()) for k in _some(result)])
            return _below(sizes, np.full(len(sizes), sizes[0] / (1 - d0)))

        items.append(
            Prediction(
                "Corollary 1 (2)",
                f"max‖w_ij‖ stays below R₀/(1−D₀), {1 / (1 - d0):.6g} times its start",
                f"{_P2}, Corollary 1 (2)",
                correction="with the constant, which is not printed",
                test=bounded,
            )
        )

        def aggregate(result: Any) -> _Verdict:
            # of pure states the distances have no cancellation; of others they are known to
            # rounding
            pick = _some(result, 17)
            gaps = np.array([np.max(result.distances(int(k))) for k in pick])
            if gaps[0] <= _EQUAL * _scale(result):
                return _stays_equal(gaps, result)
            return _rate(_elapsed(result)[pick], gaps / gaps[0], kappa / 2, 1e-11, True)

        items.append(
            Prediction(
                "Theorem 3.1",
                "all ‖w_ik−w_jm‖ tend to 0, as e^(−κt/2) or faster",
                f"{_P2}, Theorem 3.1",
                correction="with the rate κ/2, which is not printed",
                rate=kappa / 2,
                test=aggregate,
            )
        )
    items.append(
        Prediction(
            "sharper threshold",
            f"D₀={d0:.6g}<N/(N−1)={threshold:.6g}: D(Z) ≤ D₀e^(−κt)/(cD₀e^(−κt)+1−cD₀), c=(N−1)/N; "
            "sharp",
            "beyond the papers: from their own estimate with the diagonal terms 1−z_ii=0 kept",
            rate=kappa,
            test=sharper,
        )
    )


def _offset(model: WignerLohe, state: InitialState, offset: float, items: list[Prediction]) -> None:
    kappa = model.coupling
    z0 = complex(1 - state.deviations[0, 1])
    mass = state.z0[0, 0].real

    def closed(result: Any) -> _Verdict:
        exact = two_oscillator_correlation(z0, _elapsed(result), kappa, offset)
        off = float(np.max(np.abs(result.correlations[:, 0, 1] / mass - exact)))
        return bool(off < 1e-8), f"closed form of z_12 met within {off:.1e}"

    limit = locked_correlation(kappa, offset)
    limits: dict[str, Any] = {}
    rate, period = None, None
    if limit is not None:
        rate = float(np.sqrt(kappa**2 - offset**2))
        text = (
            f"Λ={offset:.6g}, |Λ|<κ: z_12 tends to √(1−Λ²/κ²)−iΛ/κ = {limit:.6g}, as e^(−t√(κ²−Λ²))"
        )
        if abs(z0 + limit.conjugate()) > 1e-9:
            limits["correlations"] = mass * np.array([[1, limit], [limit.conjugate(), 1]])
        else:
            text = f"Λ={offset:.6g}: z_12 is at the unstable equilibrium −√(1−Λ²/κ²)−iΛ/κ"
    elif abs(offset) > kappa:
        period = float(2 * np.pi / np.sqrt(offset**2 - kappa**2))
        text = f"Λ={offset:.6g}, |Λ|>κ: z_12 has the period 2π/√(Λ²−κ²) = {period:.6g}"
    else:
        text = "|Λ|=κ: z_12 tends to ∓i as 1/t"
    items.append(
        Prediction(
            "constant offset",
            text,
            "from the correlation equation of the papers with V_1−V_2=Λ",
            limits=limits,
            rate=rate,
            period=period,
            test=closed,
        )
    )


def _blow_up(state: InitialState, kappa: float, items: list[Prediction], notes: list[str]) -> None:
    candidates = [
        blow_up_time(_real(complex(state.z0[i, 1 - i] / state.z0[0, 0])), kappa) for i in range(2)
    ]
    when = min(candidates)
    if not np.isfinite(when):
        notes.append(
            "z_12 is not real and below −1: it stays finite, although no states have such "
            "correlations"
        )
        return

    def before(result: Any) -> _Verdict:
        stopped = result.stats.get("blow-up time")
        if stopped is None:
            return (
                (None, f"the run ends before T*={when:.9g}")
                if _elapsed(result)[-1] < when
                else (False, "no blow-up was seen")
            )
        seen = stopped - float(result.times[0])
        return bool(
            abs(seen - when) < 1e-8 * when
        ), f"blow-up at {seen:.12g}, predicted at {when:.12g}"

    items.append(
        Prediction(
            "finite-time blow-up",
            f"z_12 becomes infinite at T*=κ⁻¹ln((z₀−1)/(z₀+1)) = {when:.9g}",
            f"{_P2}, (14)",
            correction=(
                "for real z₀<−1 only, where z_12→−∞; printed for z₀>1 too, and with a negative "
                "logarithm"
            ),
            test=before,
        )
    )


def _real(z: complex) -> complex:
    return complex(z.real) if abs(z.imag) < 1e-14 * abs(z) else z


@_entry_predictions.register(WignerLohe)
def _(model: WignerLohe, state0: Any) -> Predictions:
    return wigner_predictions(model, state0)
