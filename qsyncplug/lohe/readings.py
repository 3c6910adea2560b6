"""Expectation values of the states of a result, from the moving basis or from stored states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import qutip

from ..core.errors import MissingFieldError
from ..waves.motion import Motion

__all__ = ["centres", "expectation", "moments"]

#: matrices (d, r, r) of operators in a basis (r, M)
Matrices = Callable[[Motion, np.ndarray], np.ndarray]


def quadratic(result: Any, matrices: Matrices) -> np.ndarray:
    """⟨ψ_j, O ψ_j⟩/‖ψ_j‖² of operators given by their matrices in the moving basis: (T, N, d)."""
    motion = result._setup.motion if result._setup is not None else None
    out = []
    for k, t in enumerate(result.times):
        if result._stored is None and motion is not None:
            x = result._need_coefficients("the expectation value")[k]
            mats = matrices(motion, motion.at(float(t)))
            value = np.einsum("ja,dab,jb->jd", x.conj(), mats, x, optimize=True)
        else:
            own, psi = _own_motion(result, k)
            value = np.diagonal(matrices(own, psi), axis1=1, axis2=2).T
        out.append(value / result.masses[k][:, None])
    return np.array(out)


def _own_motion(result: Any, k: int) -> tuple[Motion, np.ndarray]:
    """The stored states as a basis."""
    if result._stored is None:
        raise MissingFieldError(
            "the states were not stored; what would provide them: the option store_states=True"
        )
    psi, model = result._stored[k], result.model
    return Motion(model.reference, psi, float(result.times[k]), position=model.position), psi


def expectation(result: Any, operator: Any) -> np.ndarray:
    """⟨ψ_j,Oψ_j⟩/‖ψ_j‖², (T, N), of a Qobj, or of an array or callable on the grid."""
    grid = result.model.grid
    if isinstance(operator, qutip.Qobj):
        return _of_qobj(result, operator)
    if grid is None:
        raise TypeError(f"operator must be a Qobj, not {type(operator).__name__}")
    if callable(operator):

        def images(motion: Motion, basis: np.ndarray) -> np.ndarray:
            image = np.asarray(operator(basis.reshape(-1, *grid.shape)), dtype=complex)
            if image.shape != (len(basis), *grid.shape):
                raise ValueError(
                    f"operator must return an array of shape {(len(basis), *grid.shape)}, not "
                    f"{image.shape}"
                )
            return motion.gram(basis, image.reshape(basis.shape))[None]

        return np.asarray(quadratic(result, images)[:, :, 0])
    values = grid.field("operator", operator).ravel()
    out = quadratic(result, lambda m, b: m.gram(b, b * values)[None])[:, :, 0]
    return np.asarray(out.real if not np.any(values.imag) else out)


def _of_qobj(result: Any, operator: qutip.Qobj) -> np.ndarray:
    model = result.model
    if model.grid is not None:
        raise TypeError(
            "operator must be an array or a callable for Hamiltonians on a grid, not a Qobj"
        )
    if operator.dims != model.reference.dims:
        raise ValueError(
            f"operator must have dimensions {model.reference.dims}, not {operator.dims}"
        )
    full = operator.full()
    value = quadratic(result, lambda m, b: m.gram(b, b @ full.T)[None])[:, :, 0]
    return np.asarray(value.real if operator.isherm else value)


def centres(result: Any) -> np.ndarray:
    """⟨ψ_j,xψ_j⟩/‖ψ_j‖², (T, N, d); in closed form in quadratic potentials."""
    model = result.model
    if model.grid is None and model.position is None:
        raise MissingFieldError(
            "there are no centres; what would provide them: position= of the model"
        )
    closed = _closed_centres(result)
    if closed is not None:
        return closed
    return np.asarray(quadratic(result, lambda m, b: m.positions(b)).real)


def _closed_centres(result: Any) -> np.ndarray | None:
    motion = result._setup.motion
    modes = motion.modes() if motion is not None else None
    if modes is None:
        return None
    coefficients = result._need_coefficients("the centres")
    form = motion.hamiltonian.quadratic
    out = np.empty((len(result.times), result.n, len(form.kappa)))
    for k, t in enumerate(result.times):
        matrices, shift = motion.mode_positions(form, modes[1], modes[2], float(t))
        x = coefficients[k]
        for a, matrix in enumerate(matrices):
            mean = np.einsum("ja,ja->j", x.conj(), x @ matrix.T).real
            out[k, :, a] = mean / result.masses[k] + shift[a]
    return out


def moments(result: Any) -> tuple[np.ndarray, np.ndarray]:
    """Means (T, N, 2d) and covariances (T, N, 2d, 2d) of position and momentum on a grid."""
    grid = result.model.grid
    if grid is None:
        raise MissingFieldError("moments need a grid; for Qobj ask for expectation(operator)")
    d = grid.ndim

    def matrices(motion: Motion, basis: np.ndarray) -> np.ndarray:
        images = []
        for a in range(d):
            images += [basis * motion.coordinate(a), motion.derivative(basis, a)]
        first = [motion.gram(basis, y) for y in images]
        # ⟨Aψ,Bψ⟩ for Hermitian A, B; its symmetric part is the symmetrised product
        second = [motion.gram(y, z) for y in images for z in images]
        return np.array(first + second)

    values = quadratic(result, matrices)
    mean = values[:, :, : 2 * d].real
    second = values[:, :, 2 * d :].reshape(*values.shape[:2], 2 * d, 2 * d).real
    second = 0.5 * (second + second.swapaxes(2, 3))
    return mean, second - mean[..., :, None] * mean[..., None, :]
