"""Rates of amplitudes that die out: the linear map that takes them from sample to sample."""

from __future__ import annotations

import numpy as np

from .rates import Estimate

__all__ = ["linear_decay"]

#: amplitudes, relative to the largest of the run, between which the motion is linear and exact
_HIGH, _LOW = 0.03, 1e-10
#: nodes of which a map is sought
_NODES = 8
#: of singular values; of a mode's amplitude in the last sample
_RANK, _SHARE = 1e-9, 1e-4


def linear_decay(times: np.ndarray, beta: np.ndarray) -> Estimate | None:
    r"""The slowest rate of amplitudes near rest, from the best map x(t+h) = Ax(t) of their
    quadratures.

    Its eigenvalues e^{(−λ±iω)h} are those of all modes at once, however near to each other, where
    the moduli alone beat. None without even steps, or of too few samples.

    Parameters
    ----------
    times : (T,) array
    beta : (T, N) complex array
        Of the whole run.
    """
    n = beta.shape[1]
    size = np.abs(beta).max(axis=1)
    top = float(size.max())
    above = np.flatnonzero(size > _HIGH * top)
    start = int(above[-1]) + 1 if above.size else 0
    sunk = np.flatnonzero(size[start:] < _LOW * top)
    stop = start + int(sunk[0]) if sunk.size else size.size
    steps = np.diff(times[start:stop])
    if n > _NODES or steps.size < 16 * n or np.ptp(steps) > 1e-6 * steps.mean():
        return None
    x = np.concatenate([beta.real, beta.imag], axis=1)[start:stop] / size[start:stop, None]
    grown = size[start + 1 : stop] / size[start : stop - 1]
    step, half = float(steps.mean()), steps.size // 2
    parts = [
        _slowest(x[:-1][part], x[1:][part] * grown[part, None])
        for part in (slice(0, half), slice(half, None))
    ]
    first, last = (rate / step for rate, _ in parts)
    noise = 2 * parts[1][1] / (step * np.sqrt(half))
    if not (np.isfinite(first) and last > 0):
        return None
    error = max(abs(first - last), noise, 1e-9 * last)
    return Estimate(last, error, (float(times[start]), float(times[stop - 1])))


def _slowest(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """−log of the largest modulus of an eigenvalue whose mode is in the last sample, and the
    relative size of what the map does not explain.
    """
    found = np.linalg.lstsq(before, after, rcond=_RANK)[0]
    rest = after - before @ found
    values, modes = np.linalg.eig(found.T)
    amplitudes = np.abs(np.linalg.lstsq(modes, after[-1].astype(complex), rcond=_RANK)[0])
    seen = (amplitudes > _SHARE * amplitudes.max()) & (np.abs(values) > 0)
    rate = -float(np.log(np.abs(values[seen]).max()))
    return rate, float(np.sqrt(np.mean(rest**2) / np.mean(after**2)))
