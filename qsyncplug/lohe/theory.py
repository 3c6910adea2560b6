"""Theorems of the two papers as predicates with limits and rates, corrected where the papers
err.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..core.entry import predictions as _entry_predictions
from ..core.predictions import Prediction, Predictions, Verdict
from ..waves.closed_forms import effective_coupling, locking_regime, two_oscillator_correlation
from ..waves.factors import factorize
from ..waves.influence import Influence, infimum
from ..waves.motion import Motion
from ..waves.rates import synchronization_rate
from .initial import existence_margin, read_states
from .mobius import mobius_scale, synchronized_limit
from .model import SchrodingerLohe
from .prediction import LohePrediction, check_rate, largest_gap

__all__ = ["predictions"]

_AR = "Antonelli & Reynolds"
_AHKM = "Antonelli, Ha, Kim & Marcati"


def _predict(
    name: str, source: str, statement: str, correction: str = "", limits: Any = None, **kw: Any
) -> LohePrediction:
    return LohePrediction(name, statement, source, correction, limits or {}, **kw)


def predictions(model: SchrodingerLohe, state0: Any) -> Predictions:
    r"""Theorems whose hypotheses hold, with limits and rates.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states

    Returns
    -------
    Predictions
        A sequence with ``check(result)``.

    Notes
    -----
    Where the papers err the corrected statement is used, and says so: closed form (53), bounds (4),
    (16), (17), (34), (39), (43), (67), (68), (91), limit (49), Theorem 2.3. Theorem 6.1 is not
    among the predictions, for it is false with μ>0.
    """
    psi = read_states(model, state0)
    x, _ = factorize(psi, model.grid.weight if model.grid is not None else 1.0)
    facts = _Facts(model, x, _initial_reach(model, psi))
    items: list[Prediction] = []
    notes: list[str] = []
    if (
        model.common
        and model.mean_field
        and model.coupling > 0
        and facts.n > 1
        and np.all(facts.norms > 0)
    ):
        _two_oscillators(facts, items)
        if model.phase_lag == 0:
            _aggregation(facts, items)
            _model1(facts, items)
            _wedge(facts, items, notes)
            _frozen(facts, items)
            _examples(facts, items)
    if model.variant == "model2" and model.alignment > 0 and np.any(facts.norms**2 <= facts.theta):
        notes.append(
            "Theorem 6.1 is false for μ>0 under (19): θ=(1.5,.75,.75), ψ=(−√1.5,√.75,√.75), h=1, "
            "μ=.5 tends to ζ=0"
        )
    return Predictions(items, notes)


def _initial_reach(model: SchrodingerLohe, psi: np.ndarray) -> float:
    if model.grid is None and model.position is None:
        return 0.0
    motion = Motion(model.reference, psi, 0.0, position=model.position)
    norms = np.diag(motion.gram(psi, psi)).real
    if np.any(norms == 0):
        return float("inf")
    centres = np.diagonal(motion.positions(psi), axis1=1, axis2=2).T.real / norms[:, None]
    return float(np.max(np.linalg.norm(centres[:, None] - centres[None], axis=2)))


class _Facts:
    """What the predicates ask."""

    def __init__(self, model: SchrodingerLohe, x: np.ndarray, reach: float):
        self.model = model
        # largest distance of two centres at the start
        self.reach = reach
        self.x = x
        self.n = len(x)
        self.gram = x.conj() @ x.T
        self.norms = np.sqrt(np.maximum(np.diag(self.gram).real, 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            self.z = self.gram / np.outer(self.norms, self.norms)
        self.theta = model.start_theta(self.n)
        self.k = model.coupling
        self.rates = model.rates(self.n)
        self.identical = bool(np.ptp(self.rates) == 0)
        self.order = float(np.linalg.norm(np.mean(x, axis=0)))
        self.frozen = model.alignment == 0 or bool(np.ptp(self.theta) == 0)
        self.floor = infimum(model.kernel) if model.variant != "standard" else 1.0
        kernel = model.kernel
        # of a callable only samples are known
        self.heavy = kernel.heavy_tail if isinstance(kernel, Influence) else self.floor > 0
        self.real = self.z.real

    @property
    def constant_norms(self) -> bool:
        """Whether the norms are constants of motion."""
        return self.model.variant != "model2" and bool(np.all(self.theta == 1))


def _two_oscillators(f: _Facts, items: list[Prediction]) -> None:
    model = f.model
    if f.n != 2:
        return
    settled = (
        model.variant == "model2"
        and f.frozen
        and bool(np.all(np.abs(f.norms**2 - f.theta) < 1e-12))
    )
    detuning = float(f.rates[0] - f.rates[1]) / 2
    z0 = complex(f.z[0, 1])
    exact = f.constant_norms or settled
    if exact:
        big_k = effective_coupling(f.k, f.norms, f.theta, model.variant, model.phase_lag)
        lagged_masses = model.phase_lag != 0 and abs(f.norms[0] - f.norms[1]) > 1e-12
        if big_k > 0 and not lagged_masses:

            def closed(result: Any) -> Verdict:
                z = two_oscillator_correlation(
                    z0, np.asarray(result.times) - result.times[0], big_k, detuning
                )
                off = float(np.max(np.abs(result.correlations[:, 0, 1] - z)))
                return off < 1e-8, f"closed form met within {off:.1e}"

            regime, ratio, limit, number = locking_regime(big_k, detuning)
            stable = limit is not None and abs(z0 - (-np.conj(limit))) > 1e-9
            text = {
                "locked": (
                    f"Λ={ratio:.6g}: z tends to √(1−Λ²)+iΛ, |z−limit| at rate "
                    f"K√(1−Λ²)={number or 0:.6g}"
                ),
                "threshold": "Λ=1: |z∓i| falls as 1/(|Ω|t), 1−|z| as t⁻²",
                "periodic": f"Λ={ratio:.6g}: z is periodic",
            }[regime]
            limits: dict[str, Any] = {}
            if regime == "locked" and stable and limit is not None:
                limits["correlations"] = np.array([[1, limit], [np.conj(limit), 1]])
            items.append(
                _predict(
                    "two oscillators",
                    f"{_AR}, Theorem 4.4 and (52)–(60)",
                    text,
                    "(53) has the denominator y₀+z̄₁; (49) is not 1−|z|~1/t; for Λ>1 the centre is "
                    "i(Λ−√(Λ²−1))",
                    limits,
                    rate=number if regime == "locked" and detuning == 0 and stable else None,
                    period=number if regime == "periodic" else None,
                    test=closed,
                )
            )
    if f.identical and model.phase_lag == 0 and f.real[0, 1] > -1 + 1e-9 and (f.frozen or f.heavy):
        if model.variant == "model1" and existence_margin(model, f.norms) <= 0:
            return
        rate = None
        if model.variant == "model2":
            rate = f.k * float(np.sqrt(np.prod(f.theta)) if f.frozen else np.mean(f.theta))
        elif f.constant_norms:
            rate = effective_coupling(f.k, f.norms)

        def final_rate(result: Any) -> Verdict:
            return check_rate(result, effective_coupling(f.k, np.sqrt(result.masses[-1])))

        limits = {"correlations": np.ones((2, 2))}
        if model.variant == "model2":
            limits["masses"] = f.theta if f.frozen else np.full(2, np.mean(f.theta))
        items.append(
            _predict(
                "Theorem 4.1",
                f"{_AR}, Theorem 4.1 and Corollary 4.2",
                "two identical oscillators synchronise; 1−Re z falls at rate k(λ̄₁²+λ̄₂²)/(2λ̄₁λ̄₂)",
                "Model 1 needs the corrected (17)" if model.variant == "model1" else "",
                limits,
                rate=rate,
                test=final_rate if rate is None else None,
            )
        )


def _aggregation(f: _Facts, items: list[Prediction]) -> None:
    model = f.model
    unit = bool(np.all(np.abs(f.norms - 1) < 1e-12))
    if not (unit and f.identical and f.constant_norms):
        return
    k = f.k
    start = np.max(1 - f.real[~np.eye(f.n, dtype=bool)])
    d0 = float(np.sqrt(max(2 * start, 0.0)))
    if d0 < 0.5:

        def bound(result: Any) -> Verdict:
            t = np.asarray(result.times) - result.times[0]
            d = np.sqrt(2 * np.maximum(largest_gap(result), 0))
            allowed = d0 * np.exp(-k * t / 2) / (2 * d0 * np.exp(-k * t / 2) + (1 - 2 * d0))
            excess = float(np.max(d - allowed * (1 + 1e-9)))
            return (
                excess <= 1e-9,
                f"diameter at most {np.max(d / np.maximum(allowed, 1e-300)):.4g} of the bound",
            )

        items.append(
            _predict(
                "AHKM Theorem 2.3",
                _AHKM,
                "the diameter D of the states obeys D ≤ D₀/(2D₀+(1−2D₀)e^{kt/2})",
                "printed with D₀ in place of 2D₀ in the denominator",
                {"correlations": np.ones((f.n, f.n))},
                test=bound,
            )
        )
    if np.all(np.sum(f.real, axis=1) > 0) and mobius_scale(model, f.norms) is not None:
        limit = synchronized_limit(model, f.x if model.grid is None else _as_states(f))

        def prefactor(result: Any) -> Verdict:
            t = float(result.times[-1] - result.times[0])
            value = result.deviations[-1] * np.exp(k * t)
            off = float(
                np.max(np.abs(value - limit.prefactor))
                / max(float(np.max(np.abs(limit.prefactor))), 1e-300)
            )
            near = 10 * float(np.max(np.abs(limit.prefactor))) * np.exp(-k * t)
            if near > 0.1:
                return None, "the run is too short for the prefactor"
            return off < near + 1e-6, f"(1−z)e^{{kt}} within {off:.1e} of its limit"

        items.append(
            _predict(
                "AHKM Theorem 2.4",
                _AHKM,
                "the sums Σ_k Re z_jk are positive: complete synchronisation, (1−z)e^{kt} tends to "
                "a constant",
                "sufficient, not necessary; the constant is from the Möbius form at t=∞",
                {"correlations": np.ones((f.n, f.n)), "order_parameter": 1.0},
                rate=k,
                test=prefactor,
            )
        )


def _as_states(f: _Facts) -> np.ndarray:
    """States on the grid with the Gram matrix of f (any will do for the Möbius form)."""
    grid = f.model.grid
    states = np.zeros((f.n, grid.size), complex)
    states[:, : f.x.shape[1]] = f.x / np.sqrt(grid.weight)
    return states.reshape(f.n, *grid.shape)


def _model1(f: _Facts, items: list[Prediction]) -> None:
    model = f.model
    if model.variant != "model1" or (model.alignment == 0 and not f.constant_norms):
        return
    spread = float(np.max(np.abs(f.theta - 1)))
    margin = existence_margin(model, f.norms)
    if f.floor > 0 and margin > 0 and spread > 0:
        top = float(np.max(f.norms) * np.exp(f.k * spread / (2 * model.alignment * f.floor)))

        def bounds(result: Any) -> Verdict:
            lam = np.sqrt(result.masses)
            fine = np.min(lam) >= margin * (1 - 1e-9) and np.max(lam) <= top * (1 + 1e-9)
            return (
                bool(fine),
                f"norms from {np.min(lam):.6g} to {np.max(lam):.6g}, allowed {margin:.6g} to "
                f"{top:.6g}",
            )

        def alignment(result: Any) -> Verdict:
            t = np.asarray(result.times) - result.times[0]
            allowed = np.max(np.abs(f.theta - 1)) * np.exp(-model.alignment * f.floor * t)
            share = (
                float(np.max(np.max(np.abs(result.theta - 1), axis=1) / allowed))
                if np.all(allowed > 1e-13)
                else 0.0
            )
            return share <= 1 + 1e-6, f"|θ−1| at most {share:.6g} of e^{{−μct}}"

        items.append(
            _predict(
                "Proposition 3.4",
                f"{_AR}, Proposition 3.4, Lemma 5.2 and Corollary 4.2",
                "the solution is global; λ_-(0)−λ_+(0)(e^{kD₀/2μc}−1) ≤ λ_j ≤ λ_+(0)e^{kD₀/2μc}",
                "(16), (17), (39), (67), (68), (91): D₀=max|θ_j(0)−1| in place of θ_+(0)−1, and μc "
                "in place of c",
                test=bounds,
            )
        )
        items.append(
            _predict(
                "alignment",
                f"{_AR}, (4)",
                "max|θ_j−1| falls at least as e^{−μct}",
                "printed without μ",
                {"theta": np.ones(f.n)},
                test=alignment,
            )
        )
    if f.floor > 0 and margin > 0 and f.identical and f.order > 1e-9 * np.mean(f.norms):
        # at the start, a state opposite to the mean may stay there
        against = np.any(np.sum(f.gram, axis=0).real < 0)

        def final_rate(result: Any) -> Verdict:
            return check_rate(result, synchronization_rate(f.k, np.sqrt(result.masses[-1])))

        def either(result: Any) -> Verdict:
            z = result.correlations[-1].real
            off = float(np.max(1 - np.abs(z)))
            if np.all(z > 0.9):
                return final_rate(result)
            return (True if off < 1e-6 else None), f"|Re z| within {off:.1e} of 1: bipolar so far"

        items.append(
            _predict(
                "Theorem 5.1",
                f"{_AR}, Theorem 5.1",
                "complete synchronisation, or an unstable bipolar state; 1−Re z falls as e^{−2σt} "
                "with σ from the limiting norms",
                "needs the corrected (17) and ζ(0)≠0",
                {} if against else {"correlations": np.ones((f.n, f.n))},
                rate=synchronization_rate(f.k, f.norms)
                if f.constant_norms and not against
                else None,
                test=either if not f.constant_norms or against else None,
            )
        )


def _wedge(f: _Facts, items: list[Prediction], notes: list[str]) -> None:
    model = f.model
    if (
        model.variant == "standard"
        or not f.identical
        or np.any(f.real < 0)
        or not (f.heavy or f.frozen)
    ):
        return
    test: Callable[[Any], Verdict] | None = None
    if model.variant == "model1":
        if model.alignment == 0 and not f.constant_norms:
            return
        least = f.floor if f.floor > 0 else float(np.min(model.kernel(np.array([0.0, f.reach]))))
        if existence_margin(model, f.norms, least) <= 0:
            notes.append(
                "Theorem 5.3 also needs (17) with the smallest h along the trajectory; it fails "
                "from the start"
            )
            return
        if f.floor == 0 and not f.constant_norms:
            test = partial(_along_the_run, f)

    theta = f.theta if f.frozen and model.variant == "model2" else np.full(f.n, np.mean(f.theta))
    limits: dict[str, Any] = {"correlations": np.ones((f.n, f.n))}
    rate = None
    if model.variant == "model2":
        limits["masses"] = theta
        rate = synchronization_rate(f.k, np.sqrt(theta), theta)
    items.append(
        _predict(
            "Theorem 5.3" if model.variant == "model1" else "Proposition 6.2",
            _AR,
            "all Re z_jk ≥ 0 at the start: complete synchronisation at an exponential rate",
            "the key step of the proof is false (min Re z is not monotone); the statement agrees "
            "with every run made",
            limits,
            rate=rate,
            test=test,
        )
    )


def _along_the_run(f: _Facts, result: Any) -> Verdict:
    """(17) and the bounds (16), (68) with the smallest h that the run met."""
    x = result.centres
    reach = float(np.max(np.linalg.norm(x[:, :, None] - x[:, None], axis=3)))
    least = float(np.min(f.model.kernel(np.array([0.0, reach]))))
    margin = existence_margin(f.model, f.norms, least)
    if margin <= 0:
        return (
            None,
            f"(17) fails with the smallest h of the run, {least:.4g}: the theorem does not apply",
        )
    spread = float(np.max(np.abs(f.theta - 1)))
    top = float(np.max(f.norms) * np.exp(f.k * spread / (2 * f.model.alignment * least)))
    lam = np.sqrt(result.masses)
    fine = bool(np.min(lam) >= margin * (1 - 1e-9) and np.max(lam) <= top * (1 + 1e-9))
    return (
        fine,
        f"smallest h {least:.4g}: norms from {np.min(lam):.6g} to {np.max(lam):.6g}, allowed "
        f"{margin:.6g} to {top:.6g}",
    )


def _frozen(f: _Facts, items: list[Prediction]) -> None:
    model = f.model
    if model.variant != "model2" or model.alignment != 0 or not f.identical:
        return
    if np.any(f.norms**2 > f.theta * (1 + 1e-12)) or f.order <= 1e-9 * np.mean(f.norms):
        return
    strict = bool(np.all(f.norms**2 < f.theta * (1 - 1e-12)))

    def either(result: Any) -> Verdict:
        z = result.correlations[-1].real
        off = float(np.max(1 - np.abs(z)))
        return (True if off < 1e-6 else None), f"|Re z| within {off:.1e} of 1"

    items.append(
        _predict(
            "Proposition 6.3",
            _AR,
            "λ_j² tends to θ_j, and the states synchronise"
            + ("" if strict else ", or tend to an unstable bipolar state"),
            "needs ζ(0)≠0",
            {"masses": f.theta, **({"correlations": np.ones((f.n, f.n))} if strict else {})},
            rate=synchronization_rate(f.k, np.sqrt(f.theta), f.theta) if strict else None,
            test=None if strict else either,
        )
    )


def _examples(f: _Facts, items: list[Prediction]) -> None:
    """Examples 7.1 and 7.2: states along one direction, symmetric about ζ, one of them opposite to
    it.
    """
    model = f.model
    if (
        model.variant != "model2"
        or model.alignment != 0
        or not f.identical
        or f.order <= 1e-9 * np.mean(f.norms)
    ):
        return
    if np.any(np.abs(np.abs(f.z) - 1) > 1e-10):
        return
    zeta = np.mean(f.x, axis=0)
    along = f.x @ zeta.conj() / (f.norms * f.order)
    opposite = np.abs(along + 1) < 1e-9
    if not np.any(opposite) or np.all(opposite):
        return
    data = np.stack([f.theta, f.norms, along.real, along.imag])
    keys = sorted(map(tuple, np.round(data, 9).T + 0.0))
    mirrored = data.copy()
    mirrored[3] *= -1
    if not np.allclose(keys, sorted(map(tuple, np.round(mirrored, 9).T + 0.0)), atol=1e-8):
        return
    mass, rest = f.norms[opposite] ** 2, ~opposite
    if np.all(np.abs(mass - f.theta[opposite]) < 1e-10) and np.all(
        f.norms[rest] ** 2 < f.theta[rest]
    ):
        sign = np.where(opposite, -1.0, 1.0)
        limit = abs(float(np.mean(sign * np.sqrt(f.theta))))
        name, text, limits = (
            "Example 7.1",
            "a bipolar state",
            {"order_parameter": limit, "masses": f.theta},
        )
    elif np.all(mass > f.theta[opposite]) and np.all(f.norms[rest] ** 2 <= f.theta[rest]):
        name, text, limits = "Example 7.2", "incoherence, ζ→0", {"order_parameter": 0.0}
    else:
        return
    items.append(
        _predict(
            name,
            _AR,
            f"states along one complex direction, symmetric about ζ: {text} (unstable: rounding "
            "leaves it in the end)",
            "(136)–(139) alone are not enough in more than one dimension; (140)–(143) have k/4N",
            limits,
        )
    )


@_entry_predictions.register(SchrodingerLohe)
def _(model: SchrodingerLohe, state0: Any) -> Predictions:
    return predictions(model, state0)
