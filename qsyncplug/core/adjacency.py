"""Who acts on whom: one reader of adjacencies for every family."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from .checks import check_array, check_memory, check_ndim

__all__ = ["no_common_frequency", "read_adjacency"]

#: compiled kernels index with C integers
_LARGEST = 2**31


def read_adjacency(value: Any, name: str = "adjacency", *, loops: bool = True) -> Any:
    """Return an adjacency as a read-only matrix in which entry (j, l) is the action of l on j.

    Parameters
    ----------
    value : (n, n) array, sparse matrix or networkx graph
        Of a matrix, row j lists who acts on j. In a directed networkx graph the edge u→v says that
        u acts on v, with the edge's ``weight``; nodes are numbered in the order of ``graph.nodes``.
    name : str
        For messages.
    loops : bool
        Accept entries on the diagonal.

    Returns
    -------
    ndarray or scipy.sparse.csr_array
        CSR for sparse matrices and graphs; real, finite, C-ordered, sorted, without duplicates or
        stored zeros. Its arrays cannot be written to, for kernels index with them unchecked.

    Raises
    ------
    ValueError, TypeError
        Not square, not real, not finite, empty, masked; indices out of range; a loop.

    Examples
    --------
    >>> read_adjacency([[0, 2.0], [0, 0]]).tolist()
    [[0.0, 2.0], [0.0, 0.0]]
    """
    if hasattr(value, "nodes") and hasattr(value, "is_directed"):
        value = _of_graph(value, name)
    matrix = _sparse(value, name) if scipy.sparse.issparse(value) else _dense(value, name)
    diagonal = matrix.diagonal()
    if not loops and np.any(diagonal != 0):
        j = int(np.argmax(diagonal != 0))
        raise ValueError(f"{name} must have no self-loops; {name}[{j}, {j}] = {diagonal[j]:g}")
    return matrix


def _of_graph(graph: Any, name: str) -> Any:
    import networkx

    if len(graph.nodes) == 0:
        raise ValueError(f"{name} must be a graph with at least one node, not an empty one")
    # networkx has row u, column v for the edge u→v, by which u acts on v
    return networkx.to_scipy_sparse_array(graph, dtype=float, format="csr").T


def _sparse(value: Any, name: str) -> scipy.sparse.csr_array:
    if value.ndim != 2 or value.shape[0] != value.shape[1]:
        raise ValueError(f"{name} must be square, not of shape {value.shape}")
    if value.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, not {value.dtype}")
    # SciPy looks at indices only when asked to, and then reads wherever they point
    try:
        value = value.copy()
        if value.format in ("csr", "csc", "bsr"):
            value.check_format(full_check=True)
        else:
            value = value.tocoo()
            _check_coordinates(value)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{name} has indices that do not fit its shape: {error}") from None
    matrix = scipy.sparse.csr_array(value, dtype=float)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    if not np.all(np.isfinite(matrix.data)):
        raise ValueError(f"{name} must be finite; it holds NaN or infinite entries")
    if matrix.nnz >= _LARGEST:
        raise ValueError(f"{name} must have fewer than 2**31 entries, not {matrix.nnz}")
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.setflags(write=False)
    return matrix


def _check_coordinates(matrix: Any) -> None:
    for axis, (index, size) in enumerate(zip(matrix.coords, matrix.shape, strict=True)):
        if len(index) and not (index.min() >= 0 and index.max() < size):
            raise ValueError(f"axis {axis} has indices from {index.min()} to {index.max()}")


def _dense(value: Any, name: str) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array, whose masked entries would count; "
            f"give {name}.filled(0)"
        )
    rows = np.shape(value)[0] if check_ndim(name, value) == 2 else 0
    check_memory("the adjacency matrix", 8.0 * rows * rows, advice="give a sparse matrix")
    if isinstance(value, np.ndarray) and value.dtype.kind == "b":
        value = value.astype(float)
    array = check_array(name, value, shape=(None, None))
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"{name} must be square, not of shape {array.shape}")
    array.setflags(write=False)
    return array


def no_common_frequency(
    matrix: np.ndarray, frequencies: np.ndarray, conserved: np.ndarray | None = None
) -> str:
    r"""Return why phases cannot turn at one frequency, or an empty text where that is not excluded.

    Parameters
    ----------
    matrix : (n, n) complex array
        :math:`C_{jl}` of :math:`\dot x_j=ω_j+\mathrm{Im}\sum_l\bar C_{jl}e^{i(x_l-x_j)}`.
    frequencies : (n,) array
        :math:`ω_j`.
    conserved : (n,) array, optional
        Weights q for which :math:`q_jC_{jl}` is real and symmetric: :math:`\sum q_jx_j` then moves
        at the mean frequency.

    Notes
    -----
    A common Ω is within :math:`\sum_{l≠j}|C_{jl}|` of every ω_j (the own lag included). Where Ω is
    the mean, no set S may need more than acts on it from outside:
    :math:`|\sum_{S}q_j(ω_j-Ω)|≤\sum_{j∈S,l∉S}q_j|C_{jl}|`; single oscillators and the sets of the
    fastest ones are tried. Necessary, not sufficient.

    Examples
    --------
    >>> pair = np.array([[0, 1.0], [1.0, 0]])
    >>> no_common_frequency(pair, np.array([0.9, -0.9]))
    ''
    >>> no_common_frequency(pair, np.array([1.1, -1.1]))
    'oscillator 0 is at least 0.1 faster than what acts on it can hold'
    """
    own = np.asarray(frequencies, dtype=float) - np.diag(matrix).imag
    strength = np.abs(matrix) * (1 - np.eye(len(own)))
    reach = np.sum(strength, axis=1)
    noise = 1e-12 * (float(np.max(np.abs(own))) + float(np.max(reach)))
    low, high = own - reach, own + reach
    lead = float(np.max(low) - np.min(high))
    if lead > noise:
        j = int(np.argmax(low))
        return f"oscillator {j} is at least {lead / 2:.6g} faster than what acts on it can hold"
    if conserved is None:
        return ""
    q = np.asarray(conserved, dtype=float)
    needs = q * (own - np.sum(q * own) / np.sum(q))
    order = np.argsort(-own)
    sets = [order[k : k + 1] for k in range(len(q))] + [order[:k] for k in range(2, len(q))]
    for inside in sets:
        outside = np.setdiff1d(order, inside)
        held = float(np.sum(q[inside] @ strength[np.ix_(inside, outside)]))
        need = abs(float(np.sum(needs[inside])))
        if need > held + noise * float(np.sum(q)):
            return (
                f"oscillators {sorted(inside.tolist())} need a pull of {need:.6g} (weighted "
                f"frequencies from their mean), and at most {held:.6g} acts on them"
            )
    return ""
