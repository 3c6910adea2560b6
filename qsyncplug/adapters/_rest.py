"""Where one driven node is at rest in the frame of its drive."""

from __future__ import annotations

import numpy as np

from ..core.saved import kept
from ..operators.system import System

__all__ = ["fixed_points"]

#: starts of Newton's method, radii times angles
_RADII, _ANGLES = 8, 12
_STEPS = 40


@kept()
def fixed_points(system: System, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All states of rest of one mode, (K,), and the exponents of each, (K, 2).

    By Newton's method from a disc that holds twice the run's amplitudes and the limit cycles that
    the model has near it: more may be farther out.
    """
    largest = 2 * max(float(np.abs(beta).max()), 1e-3)
    found: list[complex] = []
    for radius in np.linspace(0, largest, _RADII):
        for angle in np.linspace(0, 2 * np.pi, _ANGLES if radius else 1, endpoint=False):
            point = _newton(system, complex(radius * np.exp(1j * angle)), largest)
            if point is not None and all(abs(point - x) > 1e-6 * largest for x in found):
                found.append(point)
    points = np.array(found, dtype=complex)
    values = [np.linalg.eigvals(system.jacobian(np.array([x]))) for x in points]
    return points, np.array(values).reshape(-1, 2)


def _newton(system: System, beta: complex, largest: float) -> complex | None:
    for _ in range(_STEPS):
        here = np.array([beta])
        drift = complex(system.drift(here)[0])
        J = np.asarray(system.jacobian(here))
        try:
            step = np.linalg.solve(J, [drift.real, drift.imag])
        except np.linalg.LinAlgError:
            return None
        beta -= complex(*step)
        if not abs(beta) < 4 * largest:
            return None
        if abs(complex(*step)) < 1e-12 * largest:
            return beta
    return None
