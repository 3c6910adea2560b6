"""Right-hand sides of the models on the circle where a matrix says who acts on whom.

dx_i/dt = omega_i - gain_i sum_j a_ij c_j f(x_i - x_j + lag) / norm_i, where norm_i is 1 or the
attention weight.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY

import numpy as np

from qsyncplug._ext.circle cimport to_velocities
from qsyncplug._ext.circle_kernels cimport (
    QC_LARGEST,
    QC_SMALL_NORM,
    exponent,
    pointer,
    qc_kernels,
    qc_pair,
    qc_select,
)
from qsyncplug._ext.complexes cimport of_parts
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.threads cimport parallel

from qsyncplug._ext.circle import too_far

cdef enum:
    SPLIT_DENSE = 0
    SPLIT_CSR = 1
    PAIRS_DENSE = 2
    PAIRS_CSR = 3

# What Python shares with the kernels.
GRAPH_METHODS = {
    "split-dense": SPLIT_DENSE,
    "split-csr": SPLIT_CSR,
    "direct-dense": PAIRS_DENSE,
    "direct-csr": PAIRS_CSR,
}


def check_rows(starts, columns, Py_ssize_t entries, Py_ssize_t size):
    """Refuse compressed rows that point outside of a (size, size) matrix: kernels do not look."""
    starts, columns = np.asarray(starts), np.asarray(columns)
    if starts.shape != (size + 1,):
        raise ValueError(f"starts must hold {size + 1} numbers")
    falling = np.any(np.diff(starts) < 0)
    if starts[0] != 0 or starts[size] != entries or falling or columns.shape != (entries,):
        raise ValueError(f"starts must rise from 0 to the number of entries, {entries}")
    if entries and not 0 <= columns.min() <= columns.max() < size:
        raise ValueError(f"columns must lie between 0 and {size - 1}")


def as_pairs(series, factor, double lag):
    """factor series_k exp(i k lag), k = 1 .. K, as pairs of doubles; never empty."""
    order = np.arange(1, len(series) + 1)
    g = np.append(factor * np.asarray(series) * np.exp(1j * order * lag), 0)
    return g.astype(complex).view(float)


cdef class GraphField(RightHandSide):
    """Who acts on whom is said by a matrix, dense or in compressed rows.

    Parameters
    ----------
    size, kind, beta, b, a, gain, omega, scale, lag, threads, divide, level
        As in :class:`MeanField`.
    method : str
        One of ``GRAPH_METHODS``.
    matrix : (n, n) array or None
        a_ij c_j.
    data, columns, starts : arrays or None
        The same in compressed rows.
    """

    cdef const qc_kernels* kernels
    cdef readonly int method
    cdef int threads
    cdef qc_pair pair
    cdef const double[:, ::1] matrix
    cdef double[::1] data, b, a, gain, omega, norm, rows
    # of the addition theorem: see find_trig, and split_dense of circle_kernels.h
    cdef double[::1] trig, coefficient, norm_coefficient, sines, cosines
    cdef int[::1] columns
    cdef long long[::1] starts
    cdef Py_ssize_t modes, norm_modes, all_modes, chunks
    cdef double scale
    cdef object divide

    def __init__(self, Py_ssize_t size, int kind, double beta, b, a=None, gain=None, omega=None,
                 double scale=1.0, double lag=0.0, str method="split-dense", int threads=1,
                 matrix=None, data=None, columns=None, starts=None, divide=None, int level=-1):
        self.size = size
        self.complex_pairs = False
        self.kernels = qc_select(level)
        if self.kernels == NULL:
            raise ValueError(f"level must be one of those that this processor has, not {level}")
        self.method = GRAPH_METHODS[method]
        self.threads = threads
        self.b = np.array(b, dtype=np.float64)
        self.a = None if a is None else np.array(a, dtype=np.float64)
        self.gain = None if gain is None else np.array(gain, dtype=np.float64)
        self.omega = None if omega is None else np.array(omega, dtype=np.float64)
        for name, values in (("gain", gain), ("omega", omega)):
            if values is not None and len(values) != size:
                raise ValueError(f"{name} must hold {size} numbers, not {len(values)}")
        self.scale = scale
        self.divide = divide
        if self.method in (SPLIT_DENSE, PAIRS_DENSE):
            self.set_matrix(matrix)
        else:
            self.set_rows(data, columns, starts)
        self.modes = self.b.shape[0]
        self.norm_modes = 0 if a is None else self.a.shape[0] - 1
        self.all_modes = max(self.modes, self.norm_modes)
        self.pair = qc_pair(
            kind=kind, beta=beta, shift=0, lag=lag, modes=self.modes, b=pointer(self.b)
        )
        self.norm = np.empty(size if a is not None else 0)
        if self.method in (SPLIT_DENSE, SPLIT_CSR):
            self.trig = np.empty(2 * max(self.all_modes, 1) * size)
            self.sines, self.cosines = np.empty(size), np.empty(size)
            self.coefficient = as_pairs(b, 1j * scale, lag)
            if a is not None:
                self.norm_coefficient = as_pairs(np.asarray(a)[1:], 1.0, lag)
        self.chunks = min(16, max(1, size // 64))

    cdef void set_matrix(self, object matrix):
        """IN matrix (n, n)."""
        cdef Py_ssize_t n = self.size
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        if self.matrix.shape[0] != n or self.matrix.shape[1] != n:
            raise ValueError(f"matrix must have shape ({n}, {n})")
        self.rows = np.asarray(self.matrix).sum(axis=1)

    cdef void set_rows(self, object data, object columns, object starts):
        """IN data, columns (entries,), starts (n+1,)."""
        cdef Py_ssize_t i, k
        # never empty
        self.data = np.append(np.asarray(data, dtype=np.float64), 0.0)
        self.columns = np.append(np.asarray(columns, dtype=np.intc), np.intc(0))
        self.starts = np.ascontiguousarray(starts, dtype=np.longlong)
        check_rows(self.starts, np.asarray(self.columns)[:-1], len(data), self.size)
        self.rows = np.zeros(self.size)
        for i in range(self.size):
            for k in range(self.starts[i], self.starts[i + 1]):
                self.rows[i] += self.data[k]

    cdef void find_trig(
        self,
        const double* x,    # IN (n,)
    ) noexcept nogil:
        """cos k x_j and sin k x_j: columns (dense), or pairs (sparse)."""
        cdef Py_ssize_t n = self.size, j, k
        cdef double* t = &self.trig[0]
        cdef double* before
        cdef double* row
        cdef double complex turn
        cdef double complex* z = <double complex*>t
        if self.method == SPLIT_DENSE:
            self.kernels.sincos(x, n, t + n, t)
            for k in range(1, self.all_modes):
                before = t + 2 * (k - 1) * n
                row = t + 2 * k * n
                for j in range(n):
                    row[j] = before[j] * t[j] - before[n + j] * t[n + j]
                    row[n + j] = before[j] * t[n + j] + before[n + j] * t[j]
        else:
            self.kernels.sincos(x, n, &self.sines[0], &self.cosines[0])
            for j in range(n):
                turn = of_parts(self.cosines[j], self.sines[j])
                z[j] = turn
                for k in range(1, self.all_modes):
                    z[k * n + j] = z[(k - 1) * n + j] * turn

    cdef int rows_of(
        self,
        Py_ssize_t chunk,   # IN
        const double* x,    # IN (n,)
        double* dy,         # OUT (n,): the chunk's part
        double* norm,       # OUT (n,) or NULL: the chunk's part
    ) noexcept nogil:
        cdef Py_ssize_t n = self.size, i
        cdef Py_ssize_t first = n * chunk // self.chunks, last = n * (chunk + 1) // self.chunks
        if self.method == PAIRS_DENSE or self.method == PAIRS_CSR:
            self.pairs(&self.pair, x, first, last, dy, norm)
            return 0
        for i in range(first, last):
            dy[i] = 0
        self.split(first, last, self.modes, &self.coefficient[0], dy)
        if norm != NULL:
            for i in range(first, last):
                norm[i] = self.a[0] * self.rows[i]
            self.split(first, last, self.norm_modes, &self.norm_coefficient[0], norm)
        return 0

    cdef void split(
        self,
        Py_ssize_t first,   # IN
        Py_ssize_t last,    # IN
        Py_ssize_t modes,   # IN
        const double* g,    # IN (modes,) pairs
        double* out,        # INOUT (n,): entries first .. last-1
    ) noexcept nogil:
        """Sums by the addition theorem."""
        cdef Py_ssize_t n = self.size
        if self.method == SPLIT_DENSE:
            self.kernels.split_dense(
                &self.matrix[0, 0], n, first, last, modes, &self.trig[0], g, out
            )
        else:
            self.kernels.split_csr(
                &self.data[0], &self.columns[0], &self.starts[0], n, first, last, modes,
                &self.trig[0], g, out,
            )

    cdef void pairs(
        self,
        const qc_pair* pair,    # IN
        const double* x,        # IN (n,)
        Py_ssize_t first,       # IN
        Py_ssize_t last,        # IN
        double* dy,             # OUT (n,): entries first .. last-1
        double* norm,           # OUT (n,) or NULL
    ) noexcept nogil:
        """Sums over the entries of rows."""
        cdef Py_ssize_t i
        if self.method == PAIRS_DENSE or self.method == SPLIT_DENSE:
            self.kernels.direct_dense(
                pair, x, &self.matrix[0, 0], self.size, first, last, dy, norm
            )
        else:
            self.kernels.direct_csr(
                pair, x, &self.data[0], &self.columns[0], &self.starts[0], first, last, dy, norm
            )
        for i in range(first, last):
            dy[i] *= -self.scale

    # IN t, y (n,); OUT dy (n,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, chunk
        cdef double* norm = &self.norm[0] if self.a is not None else NULL
        if self.method == SPLIT_DENSE or self.method == SPLIT_CSR:
            self.find_trig(y)
        if parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static",
                                chunksize=1):
                self.rows_of(chunk, y, dy, norm)
        else:
            for chunk in range(self.chunks):
                self.rows_of(chunk, y, dy, norm)
        if norm != NULL:
            for i in range(self.size):
                # nobody acts on an isolated particle
                if self.rows[i] != 0 and norm[i] < QC_SMALL_NORM:
                    self.rescaled(y, i, dy, norm)
                dy[i] = dy[i] / norm[i] if self.rows[i] != 0 else 0
        return to_velocities(self, self.divide, self.gain, self.omega, y, dy)

    cdef void rescaled(
        self,
        const double* x,    # IN (n,)
        Py_ssize_t i,       # IN
        double* dy,         # OUT entry i
        double* norm,       # OUT entry i
    ) noexcept nogil:
        """Force and weight of particle i without their largest exponent, which cancels in the
        quotient.
        """
        cdef qc_pair pair = self.pair
        cdef Py_ssize_t j, k
        cdef double distance
        pair.shift = -INFINITY
        if self.method == PAIRS_DENSE or self.method == SPLIT_DENSE:
            for j in range(self.size):
                if self.matrix[i, j] != 0:
                    pair.shift = max(pair.shift, exponent(&pair, (x[i] - x[j]) + pair.lag))
        else:
            for k in range(self.starts[i], self.starts[i + 1]):
                distance = (x[i] - x[self.columns[k]]) + pair.lag
                pair.shift = max(pair.shift, exponent(&pair, distance))
        self.pairs(&pair, x, i, i + 1, dy, norm)

    cdef int accepted(
        self,
        double t,       # IN
        double* y,      # IN (n,)
    ) noexcept nogil:
        if self.kernels.max_abs(y, self.size) > QC_LARGEST:
            with gil:
                self.error = too_far()
            return -1
        return 0

    @property
    def method_name(self):
        """Method in use."""
        return next(name for name, value in GRAPH_METHODS.items() if value == self.method)
