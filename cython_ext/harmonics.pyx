"""Order parameters of particles on the circle."""

from libc.string cimport memset

import numpy as np

from qsyncplug._ext.circle_kernels cimport QC_TERMS, QC_WIDTH, pointer, qc_kernels, qc_select
from qsyncplug._ext.complexes cimport of_parts


def harmonics(
    const double[:, ::1] rows,  # IN (T, n)
    weights,                    # IN (n,) or None
    Py_ssize_t modes,           # IN
):
    """Z_k = sum_j c_j exp(i k x_j) / sum_j c_j, k = 1 .. modes, of each row: (T, modes) complex."""
    cdef Py_ssize_t count = rows.shape[0], n = rows.shape[1], t, k
    cdef double[::1] w = None if weights is None else np.array(weights, dtype=np.float64)
    cdef double[::1] sums = np.empty(QC_TERMS * (modes + 1))
    cdef double complex[:, ::1] out = np.empty((count, modes), complex)
    cdef const qc_kernels* kernels = qc_select(-1)
    cdef double total
    cdef double complex sum
    cdef int lane
    if w is not None and w.shape[0] != n:
        raise ValueError(f"weights must hold {n} numbers, not {w.shape[0]}")
    with nogil:
        for t in range(count):
            memset(&sums[0], 0, QC_TERMS * (modes + 1) * sizeof(double))
            kernels.rotate(&rows[t, 0], pointer(w), n, modes, &sums[0])
            total = 0
            for lane in range(QC_WIDTH):
                total = total + sums[lane]
            for k in range(1, modes + 1):
                sum = 0
                for lane in range(QC_WIDTH):
                    sum = sum + of_parts(sums[QC_TERMS * k + lane],
                                         -sums[QC_TERMS * k + QC_WIDTH + lane])
                out[t, k - 1] = of_parts(sum.real / total, sum.imag / total)
    return np.asarray(out)
