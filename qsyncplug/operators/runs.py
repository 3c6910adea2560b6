"""Products and sums of polynomials in runs: what repeats from node to node is done side by side.

In a ring or a lattice the same product is formed for every node. Where products, columns and
rows are numbered so that they follow each other, a run of them is one short loop over contiguous
numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["find_runs"]

#: fewer numbers a run than this are faster one by one
_WORTH = 4.0


def find_runs(
    monomials: Iterable[tuple[int, ...]], entries: Sequence[tuple[int, tuple[int, ...], complex]]
) -> dict[str, np.ndarray]:
    """The schedule of `bosons.pyx`, empty where too little repeats.

    Parameters
    ----------
    monomials : iterable of tuple of int
        Letters (2k+1 for z_k, 2k for its conjugate) of every product, those of the chain included.
    entries : sequence of (row, letters, coefficient)

    Returns
    -------
    dict
        Numbers are kept in this order: one, conjugates, variables, products. ``run_products`` (dst,
        a, b, length): so many products of a and b; ``run_sums`` (row, number, coefficient, length,
        whether complex); ``run_re, run_im``: coefficients; ``run_sizes``: variables and numbers.
    """
    products = sorted((m for m in monomials if len(m) > 1), key=_shape)
    used = [x >> 1 for letters in (*products, *(e[1] for e in entries)) for x in letters]
    width = 1 + max(used, default=0)

    def place(letter: int) -> int:
        return 1 + (letter & 1) * width + (letter >> 1)

    number: dict[tuple[int, ...], int] = {(): 0}
    number |= {(x,): place(x) for x in range(2 * width)}
    number |= {m: 1 + 2 * width + k for k, m in enumerate(products)}
    formed = _runs([(number[m], number[m[:-1]], place(m[-1])) for m in products])
    sums = sorted(
        ((value.imag != 0, number[m] - row, row, number[m], value) for row, m, value in entries),
        key=lambda e: e[:4],
    )
    added = _runs([(row, at, k, int(kind)) for k, (kind, _, row, at, _) in enumerate(sums)], 3)
    if len(products) + len(sums) < _WORTH * (len(formed) + len(added)):
        return {}
    values = np.array([e[4] for e in sums], dtype=complex)
    # the kernel takes four coefficients at a time: a run of them ends with zeros
    starts = np.cumsum([0] + [-(-r[4] // 4) * 4 for r in added])
    padded = np.zeros(starts[-1], dtype=complex)
    for at, r in zip(starts.tolist(), added, strict=False):
        padded[at : at + r[4]] = values[r[2] : r[2] + r[4]]
    run_sums = [(*r[:2], at, r[4], r[3]) for at, r in zip(starts.tolist(), added, strict=False)]
    return {
        "run_products": np.array(formed, dtype=np.intc).reshape(-1, 4),
        "run_sums": np.array(run_sums, dtype=np.intc).reshape(-1, 5),
        "run_re": np.ascontiguousarray(padded.real),
        "run_im": np.ascontiguousarray(padded.imag),
        "run_sizes": np.array([width, 1 + 2 * width + len(products)], dtype=np.intc),
    }


def _shape(letters: tuple[int, ...]) -> tuple[int, tuple[int, ...], int]:
    """Degree, what stays from node to node, and the node."""
    first = letters[0]
    return len(letters), (first & 1, *(x - first for x in letters)), first


def _runs(rows: Sequence[tuple[int, ...]], growing: int = 3) -> list[tuple[int, ...]]:
    """Runs of rows whose first `growing` numbers grow by one from row to row, while the others
    stay; the length of each at its end.
    """
    out: list[list[int]] = []
    for row in rows:
        if out:
            last, length = out[-1][:-1], out[-1][-1]
            if list(row) == [x + length * (i < growing) for i, x in enumerate(last)]:
                out[-1][-1] += 1
                continue
        out.append([*row, 1])
    return [tuple(x) for x in out]
