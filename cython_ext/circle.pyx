"""Right-hand sides of the mean-field models on the circle, and the merging of particles.

dx_i/dt = omega_i - gain_i sum_j a_ij c_j f(x_i - x_j + lag) / norm_i, where norm_i is 1 or the attention weight.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, cos, exp, sin
from libc.string cimport memcpy, memset

import os

import numpy as np

from qsyncplug._ext.integrator cimport RightHandSide

cdef extern from "circle_kernels.h" nogil:
    ctypedef struct qc_cells:
        Py_ssize_t count
        double width[3]
        double per_width
        double to_unit
        double per_count

    ctypedef struct qc_runs:
        double first
        Py_ssize_t row
        Py_ssize_t count
        Py_ssize_t* ends

    ctypedef struct qc_pair:
        int kind
        double beta
        double shift
        double lag
        Py_ssize_t modes
        const double* b

    ctypedef struct qc_kernels:
        const char* name
        void (*sincos)(const double*, Py_ssize_t, double*, double*) noexcept nogil
        void (*direct)(const qc_pair*, const double*, const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                       double*, double*, double*) noexcept nogil
        void (*direct_csr)(const qc_pair*, const double*, const double*, const int*, const long long*, Py_ssize_t,
                           Py_ssize_t, double*, double*) noexcept nogil
        void (*direct_dense)(const qc_pair*, const double*, const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                             double*, double*) noexcept nogil
        void (*rotate)(const double*, const double*, Py_ssize_t, Py_ssize_t, double*) noexcept nogil
        void (*horner)(const double*, Py_ssize_t, Py_ssize_t, double, const double*, double*) noexcept nogil
        void (*scatter)(const qc_cells*, const double*, const double*, Py_ssize_t, double*) noexcept nogil
        void (*gather)(const qc_cells*, const double*, Py_ssize_t, const double*, double*) noexcept nogil
        int (*find_runs)(const qc_cells*, const double*, Py_ssize_t, qc_runs*) noexcept nogil
        int (*moments)(const qc_cells*, const qc_runs*, const double*, const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                       double*) noexcept nogil
        void (*evaluate)(const qc_cells*, const qc_runs*, const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                         const double*, double*) noexcept nogil
        double* (*fft)(double*, double*, Py_ssize_t, const double*, int) noexcept nogil
        void (*table_to_modes)(const double*, Py_ssize_t, Py_ssize_t, const double*, double*) noexcept nogil
        void (*modes_to_table)(const double*, Py_ssize_t, Py_ssize_t, double, const double*, double*) noexcept nogil
        void (*split_dense)(const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*,
                            const double*, double*) noexcept nogil
        void (*split_csr)(const double*, const int*, const long long*, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                          const double*, const double*, double*) noexcept nogil
        double (*max_abs)(const double*, Py_ssize_t) noexcept nogil

    const qc_kernels* qc_select(int level)

cdef enum:
    DIRECT = 0
    HORNER = 1
    UNSORTED = 2
    SORTED = 3
    TERMS = 16

cdef enum:
    SPLIT_DENSE = 0
    SPLIT_CSR = 1
    PAIRS_DENSE = 2
    PAIRS_CSR = 3

cdef Py_ssize_t PAIR_LIMIT = 20000
cdef double SMALL_NORM = 1e-280  # attention weights below it have lost digits, or have underflown
cdef double LARGEST = 1e8    # beyond it the reduction modulo 2 pi loses digits
cdef double FAINT = 1e-13    # forces below this part of the largest possible are rounding of the Fourier sums

# libgomp hangs in a child of a process that has used its threads: such a child goes on with one thread, which gives
# the same numbers
cdef bint threads_used = False
cdef bint one_thread = False


def _after_fork():
    global one_thread
    one_thread = threads_used


os.register_at_fork(after_in_child=_after_fork)


cdef inline bint parallel(int threads, Py_ssize_t chunks) noexcept nogil:
    """Whether to share chunks among threads."""
    global threads_used
    if threads < 2 or chunks < 2 or one_thread:
        return False
    threads_used = True
    return True


METHODS = {"direct": DIRECT, "horner": HORNER, "taylor": UNSORTED, "taylor-sorted": SORTED}
GRAPH_METHODS = {"split-dense": SPLIT_DENSE, "split-csr": SPLIT_CSR, "direct-dense": PAIRS_DENSE,
                 "direct-csr": PAIRS_CSR}

# 2 pi times 2**160
TWO_PI = 9182885614096437842769610399486622256908310048836


def instruction_sets():
    """Names of the instruction sets that this processor can use, best last."""
    return [name for level, name in enumerate(("portable", "avx2", "avx512")) if qc_select(level) != NULL]


cdef double[::1] optional(values):
    return None if values is None else np.array(values, dtype=np.float64)


def divisors_of(function, x):
    """The n positive numbers g(x) of a normalization that is a function."""
    value = np.asarray(function(x))
    if value.dtype.kind not in "fiu":
        raise TypeError(f"normalization g(x) must return real numbers, not {value.dtype}")
    if value.shape not in ((), x.shape):
        raise ValueError(f"normalization g(x) must return {x.size} numbers, or one, not an array of shape {value.shape}")
    value = np.ascontiguousarray(np.broadcast_to(value, x.shape), dtype=np.float64)
    wrong = np.flatnonzero(~((value > 0) & np.isfinite(value)))
    if wrong.size:
        raise ValueError(f"normalization g(x) must return positive numbers; g[{wrong[0]}] is {value[wrong[0]]}")
    return value


def too_far():
    return ArithmeticError(f"a position has passed {LARGEST:g}, where 2 pi is no longer resolved; "
                           "take the mean frequency out (a rotating frame)")


cdef double exponent(const qc_pair* pair, double distance) noexcept nogil:
    """Logarithm of the attention weight at a distance."""
    cdef double half = sin(0.5 * distance) if pair.beta >= 0 else cos(0.5 * distance)
    return (-2 if pair.beta >= 0 else 2) * pair.beta * half * half


cdef inline const double* pointer(double[::1] values) noexcept nogil:
    return NULL if values is None or values.shape[0] == 0 else &values[0]


def split_width(object count):
    """2 pi / count in three parts of 27, 27 and 53 bits."""
    rest, parts = TWO_PI, []
    scale = int(count) * 2**160
    for _ in range(2):
        value = rest / scale
        mantissa, exponent = np.frexp(value)
        part = float(np.ldexp(np.floor(np.ldexp(mantissa, 27)), exponent - 27))
        parts.append(part)
        numerator, denominator = part.as_integer_ratio()
        rest, scale = rest * denominator - numerator * scale, scale * denominator
    parts.append(rest / scale)
    return parts


def cell_powers(Py_ssize_t modes, Py_ssize_t cells):
    """Coefficients of (i d)**r, r < TERMS, in exp(i k h d) on -1 <= d <= 1 for k = 0 .. modes, h half a cell.

    Not those of the Taylor series, (k h)**r / r!, but of the Chebyshev series cut at the same degree: its remainder,
    2 sum_{m >= TERMS} |J_m(k h)|, is smaller by 2**(TERMS - 1), so that half as many cells are enough.
    """
    from scipy.special import jv

    order = np.arange(TERMS)
    bessel = jv(order, np.arange(modes + 1)[:, None] * np.pi / cells) * np.where(order == 0, 1, 2)
    change = np.zeros((TERMS, TERMS))
    for m in range(TERMS):
        change[m, : m + 1] = np.polynomial.chebyshev.cheb2poly(np.eye(m + 1)[m])
    # i**(m - r), real where T_m has the power r at all
    change *= np.where((order[:, None] - order) % 4 == 2, -1, 1)
    return bessel @ change


cdef class MeanField(RightHandSide):
    """Everybody acts on everybody.

    Parameters
    ----------
    size : int
        Number n of particles.
    kind : int
        0 sine, 1 attention, 2 sine series (for direct sums).
    beta : float
        Of the attention.
    b : (K,) array
        Sine series of f.
    a : (L+1,) array or None
        Cosine series of the attention weight, if the velocity is divided by its sum.
    weights, gain, omega : (n,) array or None
        c_j, factor of the force on particle i, natural frequency.
    scale : float
        Factor of every force.
    lag : float
        Phase lag.
    method : str
        One of ``METHODS``.
    cells : int
        Number of Taylor cells, 2**p or 3 * 2**p.
    threads : int
    shift : float
        Reduces the exponent of the attention in direct sums: forces are larger by exp(shift).
    divide : callable or None
        ``divide(x)`` gives the n positive numbers that the velocities are divided by.
    function : callable or None
        f itself, for direct sums of interactions without a series.
    level : int
        Instruction set, see ``instruction_sets``; -1 for the best.
    """

    cdef const qc_kernels* kernels
    cdef public int method
    cdef int threads
    cdef qc_pair pair
    cdef qc_cells cells
    cdef qc_runs runs
    cdef Py_ssize_t[::1] ends
    cdef double[::1] b, a, weights, gain, omega, twiddle, powers, z, g, gn, norm, tables, spectrum, scratch
    cdef Py_ssize_t modes, norm_modes, all_modes, chunks
    cdef double scale
    cdef object divide, function
    # what the solver asks about
    cdef public double faint_below      # forces below this are noise
    cdef public bint switch_when_faint
    cdef public bint faint, switched
    cdef public double t_faint
    cdef public double disorder         # worst violation of the order among accepted steps
    cdef bint ordered, faint_now, disturbed, triads
    cdef double triad2, triad3

    def __init__(self, Py_ssize_t size, int kind, double beta, b, a=None, weights=None, gain=None, omega=None,
                 double scale=1.0, double lag=0.0, str method="direct", Py_ssize_t cells=0, int threads=1,
                 double shift=0.0, divide=None, function=None, int level=-1, bint ordered=False, triads=None):
        cdef Py_ssize_t k
        self.size = size
        self.complex_pairs = False
        self.kernels = qc_select(level)
        if self.kernels == NULL:
            raise ValueError(f"level must be one of those that this processor has, not {level}")
        self.method = METHODS[method]
        self.threads = threads
        self.b = np.array(b, dtype=np.float64)
        self.a = optional(a)
        self.weights, self.gain, self.omega = optional(weights), optional(gain), optional(omega)
        for name, values in (("weights", weights), ("gain", gain), ("omega", omega)):
            if values is not None and len(values) != size:
                raise ValueError(f"{name} must hold {size} numbers, not {len(values)}")
        self.scale = scale
        self.divide = divide
        self.function = function
        self.modes = self.b.shape[0]
        self.norm_modes = 0 if a is None else self.a.shape[0] - 1
        self.all_modes = max(self.modes, self.norm_modes)
        self.triads = triads is not None
        if self.triads:
            self.triad2, self.triad3 = triads
            self.all_modes = max(self.all_modes, 2)
            if self.method == DIRECT:
                raise ValueError("triads need the modes of the series, not direct sums")
        self.pair.kind = kind
        self.pair.beta = beta
        self.pair.shift = shift
        self.pair.lag = lag
        self.pair.modes = self.modes
        self.pair.b = pointer(self.b)
        self.norm = np.empty(size if a is not None else 0)
        self.z = np.empty(2 * self.all_modes + 2)
        self.g = np.empty(2 * max(self.all_modes, 1))
        self.gn = np.empty(2 * max(self.all_modes, 1))
        self.ordered = ordered
        self.chunks = 1
        if self.method in (UNSORTED, SORTED):
            if cells < 2:
                raise ValueError(f"cells must be at least 2, not {cells}")
            self.cells.count = cells
            width = split_width(cells)
            for k in range(3):
                self.cells.width[k] = width[k]
            self.cells.per_width = cells / (2 * np.pi)
            self.cells.to_unit = cells / np.pi
            self.cells.per_count = 1.0 / cells
            angle = 2 * np.pi * np.arange(cells) / cells
            self.twiddle = np.stack([np.cos(angle), -np.sin(angle)], axis=1).ravel()
            self.powers = cell_powers(self.all_modes, cells).ravel()
            # the partition depends on the problem only, never on the number of threads
            least = 4096 if self.method == UNSORTED else 16384
            self.chunks = min(8, max(1, size // max(least, 16 * cells)))
            self.ends = np.zeros(cells, np.intp)
            self.runs.ends = &self.ends[0]
            self.tables = np.empty(self.chunks * TERMS * cells)
            self.spectrum = np.empty(TERMS * cells)
            self.scratch = np.empty(TERMS * cells)
        elif self.method == HORNER:
            self.chunks = min(8, max(1, size // 4096))
            self.tables = np.empty(self.chunks * TERMS * (self.all_modes + 1))
        else:
            self.chunks = min(64, max(1, size // 16))

    cdef Py_ssize_t bound(self, Py_ssize_t chunk) noexcept nogil:
        # multiples of 32, so that no vector is split
        cdef Py_ssize_t at = self.size * chunk // self.chunks
        return self.size if chunk == self.chunks else at - at % 32

    cdef void find_modes(self, const double* x) noexcept nogil:
        """z_k = sum_j c_j exp(-i k x_j), k = 0 .. all_modes."""
        cdef Py_ssize_t chunk, k, rows, i
        cdef int lane, bad = 0
        cdef double* table = &self.tables[0]
        cdef const double* w = pointer(self.weights)
        cdef double* found
        cdef double re, im
        rows = self.all_modes + 1 if self.method == HORNER else self.cells.count
        if self.method == SORTED:
            bad = self.kernels.find_runs(&self.cells, x, self.size, &self.runs)
        if bad:
            pass
        elif parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static", chunksize=1):
                bad += self.chunk_modes(chunk, rows, x, w, self.method)
        else:
            for chunk in range(self.chunks):
                bad += self.chunk_modes(chunk, rows, x, w, self.method)
        self.disturbed = bad != 0
        if bad:
            # a trial step has disturbed the order
            for chunk in range(self.chunks):
                self.chunk_modes(chunk, rows, x, w, UNSORTED)
        for chunk in range(1, self.chunks):
            found = table + chunk * TERMS * rows
            for i in range(TERMS * rows):
                table[i] += found[i]
        if self.method == HORNER:
            for k in range(rows):
                re = im = 0
                for lane in range(8):
                    re = re + table[TERMS * k + lane]
                    im = im + table[TERMS * k + 8 + lane]
                self.z[2 * k] = re
                self.z[2 * k + 1] = im
        else:
            found = self.kernels.fft(table, &self.scratch[0], self.cells.count, &self.twiddle[0], -1)
            self.kernels.table_to_modes(found, self.cells.count, self.all_modes, &self.powers[0], &self.z[0])

    cdef int chunk_modes(self, Py_ssize_t chunk, Py_ssize_t rows, const double* x, const double* w,
                         int method) noexcept nogil:
        cdef Py_ssize_t first = self.bound(chunk), count = self.bound(chunk + 1) - first
        cdef double* table = &self.tables[chunk * TERMS * rows]
        memset(table, 0, TERMS * rows * sizeof(double))
        if method == SORTED:
            return self.kernels.moments(&self.cells, &self.runs, x, w, self.size, first, first + count, table)
        if w != NULL:
            w = w + first
        if method == HORNER:
            self.kernels.rotate(x + first, w, count, self.all_modes, table)
        else:
            self.kernels.scatter(&self.cells, x + first, w, count, table)
        return 0

    cdef void field(self, const double* x, Py_ssize_t modes, double g0, const double* g, double* out) noexcept nogil:
        """out_i = g0 + Re sum_k g_k exp(i k x_i)."""
        cdef Py_ssize_t chunk
        cdef const double* table = NULL
        if self.method != HORNER:
            self.kernels.modes_to_table(g, self.cells.count, modes, g0, &self.powers[0], &self.spectrum[0])
            table = self.kernels.fft(&self.spectrum[0], &self.scratch[0], self.cells.count, &self.twiddle[0], 1)
        if parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static", chunksize=1):
                self.chunk_field(chunk, x, modes, g0, g, table, out)
        else:
            for chunk in range(self.chunks):
                self.chunk_field(chunk, x, modes, g0, g, table, out)

    cdef int chunk_field(self, Py_ssize_t chunk, const double* x, Py_ssize_t modes, double g0, const double* g,
                         const double* table, double* out) noexcept nogil:
        cdef Py_ssize_t first = self.bound(chunk), count = self.bound(chunk + 1) - first
        if self.method == HORNER:
            self.kernels.horner(x + first, count, modes, g0, g, out + first)
        elif self.method == SORTED and not self.disturbed:
            self.kernels.evaluate(&self.cells, &self.runs, x, self.size, first, first + count, table, out)
        else:
            self.kernels.gather(&self.cells, x + first, count, table, out + first)
        return 0

    cdef void rotated(self, const double[::1] series, Py_ssize_t first, double re, double im, double* g) noexcept nogil:
        """g_k = (re + i im) series_k exp(i k lag) z_k."""
        cdef Py_ssize_t k
        cdef double c = 1, s = 0, zr, zi, gr, gi
        for k in range(1, series.shape[0] - first + 1):
            if self.pair.lag != 0:
                c = cos(k * self.pair.lag)
                s = sin(k * self.pair.lag)
            zr = self.z[2 * k] * c - self.z[2 * k + 1] * s
            zi = self.z[2 * k] * s + self.z[2 * k + 1] * c
            gr = series[k - 1 + first]
            gi = im * gr
            gr = re * gr
            g[2 * k - 2] = gr * zr - gi * zi
            g[2 * k - 1] = gr * zi + gi * zr

    cdef void add_triads(self, double* g) noexcept nogil:
        """g_1 += i (K2 Z_2 conj(Z_1) + K3 Z_1**2 conj(Z_1)), Z_k = mean exp(-i k x); INOUT g."""
        cdef double w = 1 / self.z[0]
        cdef double ar = w * self.z[2], ai = w * self.z[3], br = w * self.z[4], bi = w * self.z[5]
        cdef double hr = self.triad2 * br + self.triad3 * (ar * ar - ai * ai)
        cdef double hi = self.triad2 * bi + self.triad3 * 2 * ar * ai
        # (hr + i hi) (ar - i ai), times i
        g[0] -= hi * ar - hr * ai
        g[1] += hr * ar + hi * ai

    cdef int pairs(self, const double* x, double* force, double* slope, double* norm) noexcept nogil:
        cdef Py_ssize_t chunk
        cdef const double* w = pointer(self.weights)
        if parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static", chunksize=1):
                self.kernels.direct(&self.pair, x, w, self.size, self.size * chunk // self.chunks,
                                    self.size * (chunk + 1) // self.chunks, force, slope, norm)
        else:
            self.kernels.direct(&self.pair, x, w, self.size, 0, self.size, force, slope, norm)
        return 0

    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i
        cdef bint divided = self.a is not None
        cdef double* norm = &self.norm[0] if divided else NULL
        cdef double f
        if self.function is not None:
            if self.call_function(y, dy) != 0:
                return -1
            for i in range(self.size):
                dy[i] *= -self.scale
        elif self.method == DIRECT:
            if divided and self.pair.shift != 0:
                # the shift is for the force only
                f = self.pair.shift
                self.pair.shift = 0
                self.pairs(y, NULL, NULL, norm)
                self.pair.shift = f
                self.pairs(y, dy, NULL, NULL)
            else:
                self.pairs(y, dy, NULL, norm)
            for i in range(self.size):
                dy[i] *= -self.scale
        else:
            self.find_modes(y)
            self.rotated(self.b, 0, 0.0, self.scale, &self.g[0])
            if self.triads:
                self.add_triads(&self.g[0])
            self.field(y, self.modes, 0.0, &self.g[0], dy)
            if divided:
                self.rotated(self.a, 1, 1.0, 0.0, &self.gn[0])
                self.field(y, self.norm_modes, self.a[0] * self.z[0], &self.gn[0], norm)
                if self.unresolved(norm):
                    # both sums are below the rounding of the series: only pairs tell
                    if self.size > PAIR_LIMIT:
                        return self.refuse()
                    self.pairs(y, dy, NULL, norm)
                    for i in range(self.size):
                        dy[i] *= -self.scale
            if self.faint_below > 0:
                self.faint_now = self.kernels.max_abs(dy, self.size) < self.faint_below
        if divided:
            for i in range(self.size):
                if norm[i] < SMALL_NORM:
                    self.rescaled(y, i, dy, norm)
                dy[i] /= norm[i]
        if self.divide is not None:
            if self.call_divide(y, dy) != 0:
                return -1
        if self.gain is not None:
            for i in range(self.size):
                dy[i] *= self.gain[i]
        if self.omega is not None:
            for i in range(self.size):
                dy[i] += self.omega[i]
        return 0

    cdef void rescaled(self, const double* x, Py_ssize_t i, double* dy, double* norm) noexcept nogil:
        """Force and weight of particle i without their largest exponent, which cancels in the quotient."""
        cdef qc_pair pair = self.pair
        cdef Py_ssize_t j
        pair.shift = -INFINITY
        for j in range(self.size):
            pair.shift = max(pair.shift, exponent(&pair, (x[i] - x[j]) + pair.lag))
        self.kernels.direct(&pair, x, pointer(self.weights), self.size, i, i + 1, dy, NULL, norm)
        dy[i] *= -self.scale

    cdef bint unresolved(self, const double* norm) noexcept nogil:
        cdef Py_ssize_t i
        cdef double smallest = 1e-6 * self.z[0]   # relative error 1e-10
        for i in range(self.size):
            if norm[i] < smallest:
                return True
        return False

    cdef int refuse(self) noexcept nogil:
        with gil:
            self.error = ArithmeticError(
                f"the attention weights of a particle add up to less than 1e-6 of their largest value, which the series "
                f"does not resolve, and n={self.size} is too many for sums over pairs (kernel 'direct')")
        return -1

    cdef object copied(self, const double* x):
        cdef double[::1] array = np.empty(self.size)
        memcpy(&array[0], x, self.size * sizeof(double))
        return np.asarray(array)

    cdef int call_function(self, const double* y, double* dy) noexcept nogil:
        """Pair sums of a Python function, a block of rows at a time."""
        cdef const double[::1] total
        cdef Py_ssize_t i, block
        with gil:
            try:
                x = self.copied(y)
                w = None if self.weights is None else np.asarray(self.weights)
                block = max(1, 2**18 // self.size)
                for i in range(0, self.size, block):
                    values = self.function(x[i:i + block, None] - x[None, :] + self.pair.lag)
                    rows = values.sum(axis=1) if w is None else values @ w
                    total = np.ascontiguousarray(rows, dtype=np.float64)
                    memcpy(dy + i, &total[0], total.shape[0] * sizeof(double))
            except BaseException as error:
                self.error = error
                return -1
        return 0

    cdef int call_divide(self, const double* y, double* dy) noexcept nogil:
        cdef const double[::1] g
        cdef Py_ssize_t i
        with gil:
            try:
                x = self.copied(y)
                if not np.all(np.isfinite(x)):
                    return 0
                g = divisors_of(self.divide, x)
                for i in range(self.size):
                    dy[i] /= g[i]
            except BaseException as error:
                self.error = error
                return -1
        return 0

    cdef int accepted(self, double t, double* y) noexcept nogil:
        cdef Py_ssize_t i
        cdef double gap
        if self.kernels.max_abs(y, self.size) > LARGEST:
            with gil:
                self.error = too_far()
            return -1
        if self.ordered:
            for i in range(self.size - 1):
                gap = y[i] - y[i + 1]
                if gap > self.disorder:
                    self.disorder = gap
        if self.faint_now and not self.faint and not self.together(y):
            self.faint = True
            self.t_faint = t
            if self.switch_when_faint:
                self.method = DIRECT
                self.switched = True
                self.chunks = min(64, max(1, self.size // 16))
        return 0

    cdef bint together(self, const double* y) noexcept nogil:
        """Are all particles within 1e-6 of the first?"""
        cdef Py_ssize_t i
        cdef double half
        for i in range(1, self.size):
            half = sin(0.5 * (y[i] - y[0]))
            if half * half > 2.5e-13:
                return False
        return True

    # ------------------------------------------------------------ what Python reads

    @property
    def method_name(self):
        """Method in use."""
        return next(name for name, value in METHODS.items() if value == self.method)

    def slope(self, const double[::1] x):
        """sum_j c_j f'(x_i - x_j + lag), without scale, gain and norm."""
        cdef double[::1] out = np.empty(self.size)
        cdef double[::1] series
        if x.shape[0] != self.size:
            raise ValueError(f"x must hold {self.size} numbers, not {x.shape[0]}")
        if self.function is not None:
            raise ValueError("slope needs an interaction with a sine series")
        if self.method == DIRECT:
            with nogil:
                self.pairs(&x[0], NULL, &out[0], NULL)
        else:
            series = np.asarray(self.b) * np.arange(1, self.modes + 1)
            with nogil:
                self.find_modes(&x[0])
                self.rotated(series, 0, 1.0, 0.0, &self.g[0])
                self.field(&x[0], self.modes, 0.0, &self.g[0], &out[0])
        return np.asarray(out)

    def last_norm(self):
        """Sums of attention weights of the last evaluation."""
        return np.array(self.norm)


def check_rows(starts, columns, Py_ssize_t entries, Py_ssize_t size):
    """Refuse compressed rows that point outside of a (size, size) matrix: the kernels do not look."""
    starts, columns = np.asarray(starts), np.asarray(columns)
    if starts.shape != (size + 1,):
        raise ValueError(f"starts must hold {size + 1} numbers")
    if starts[0] != 0 or starts[size] != entries or np.any(np.diff(starts) < 0) or columns.shape != (entries,):
        raise ValueError(f"starts must rise from 0 to the number of entries, {entries}")
    if entries and not 0 <= columns.min() <= columns.max() < size:
        raise ValueError(f"columns must lie between 0 and {size - 1}")


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
    cdef double[::1] data, b, a, gain, omega, norm, trig, coefficient, norm_coefficient, rows, sines, cosines
    cdef int[::1] columns
    cdef long long[::1] starts
    cdef Py_ssize_t modes, norm_modes, all_modes, chunks
    cdef double scale
    cdef object divide

    def __init__(self, Py_ssize_t size, int kind, double beta, b, a=None, gain=None, omega=None, double scale=1.0,
                 double lag=0.0, str method="split-dense", int threads=1, matrix=None, data=None, columns=None,
                 starts=None, divide=None, int level=-1):
        cdef Py_ssize_t i, k
        self.size = size
        self.complex_pairs = False
        self.kernels = qc_select(level)
        if self.kernels == NULL:
            raise ValueError(f"level must be one of those that this processor has, not {level}")
        self.method = GRAPH_METHODS[method]
        self.threads = threads
        self.b = np.array(b, dtype=np.float64)
        self.a = optional(a)
        self.gain, self.omega = optional(gain), optional(omega)
        self.scale = scale
        self.divide = divide
        if self.method in (SPLIT_DENSE, PAIRS_DENSE):
            self.matrix = np.ascontiguousarray(matrix, dtype=np.float64)
            if self.matrix.shape[0] != size or self.matrix.shape[1] != size:
                raise ValueError(f"matrix must have shape ({size}, {size})")
            self.rows = np.asarray(self.matrix).sum(axis=1)
        else:
            self.data = np.append(np.asarray(data, dtype=np.float64), 0.0)   # never empty
            self.columns = np.append(np.asarray(columns, dtype=np.intc), np.intc(0))
            self.starts = np.ascontiguousarray(starts, dtype=np.longlong)
            check_rows(self.starts, np.asarray(self.columns)[:-1], len(data), size)
            self.rows = np.zeros(size)
            for i in range(size):
                for k in range(self.starts[i], self.starts[i + 1]):
                    self.rows[i] += self.data[k]
        self.modes = self.b.shape[0]
        self.norm_modes = 0 if a is None else self.a.shape[0] - 1
        self.all_modes = max(self.modes, self.norm_modes)
        self.pair.kind = kind
        self.pair.beta = beta
        self.pair.shift = 0
        self.pair.lag = lag
        self.pair.modes = self.modes
        self.pair.b = pointer(self.b)
        self.norm = np.empty(size if a is not None else 0)
        if self.method in (SPLIT_DENSE, SPLIT_CSR):
            self.trig = np.empty(2 * max(self.all_modes, 1) * size)
            self.sines, self.cosines = np.empty(size), np.empty(size)
            order = np.arange(1, self.modes + 1)
            g = 1j * scale * np.asarray(b) * np.exp(1j * order * lag)
            self.coefficient = np.stack([g.real, g.imag], axis=1).ravel()
            if a is not None:
                order = np.arange(1, self.norm_modes + 1)
                g = np.asarray(a)[1:] * np.exp(1j * order * lag)
                self.norm_coefficient = np.append(np.stack([g.real, g.imag], axis=1).ravel(), 0.0)
        self.chunks = min(16, max(1, size // 64))

    cdef void find_trig(self, const double* x) noexcept nogil:
        """cos k x_j and sin k x_j, by columns (dense) or interleaved (sparse)."""
        cdef Py_ssize_t n = self.size, j, k
        cdef double* t = &self.trig[0]
        cdef double c, s
        cdef double* before
        cdef double* row
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
                c = self.cosines[j]
                s = self.sines[j]
                t[2 * j] = c
                t[2 * j + 1] = s
                for k in range(1, self.all_modes):
                    t[2 * (k * n + j)] = t[2 * ((k - 1) * n + j)] * c - t[2 * ((k - 1) * n + j) + 1] * s
                    t[2 * (k * n + j) + 1] = t[2 * ((k - 1) * n + j)] * s + t[2 * ((k - 1) * n + j) + 1] * c

    cdef int rows_of(self, Py_ssize_t chunk, const double* x, double* dy, double* norm) noexcept nogil:
        cdef Py_ssize_t first = self.size * chunk // self.chunks, last = self.size * (chunk + 1) // self.chunks, i
        if self.method == PAIRS_DENSE or self.method == PAIRS_CSR:
            if self.method == PAIRS_DENSE:
                self.kernels.direct_dense(&self.pair, x, &self.matrix[0, 0], self.size, first, last, dy, norm)
            else:
                self.kernels.direct_csr(&self.pair, x, &self.data[0], &self.columns[0], &self.starts[0], first, last,
                                        dy, norm)
            for i in range(first, last):
                dy[i] *= -self.scale
            return 0
        for i in range(first, last):
            dy[i] = 0
            if norm != NULL:
                norm[i] = self.a[0] * self.rows[i]
        if self.method == SPLIT_DENSE:
            self.kernels.split_dense(&self.matrix[0, 0], self.size, first, last, self.modes, &self.trig[0],
                                     &self.coefficient[0], dy)
            if norm != NULL:
                self.kernels.split_dense(&self.matrix[0, 0], self.size, first, last, self.norm_modes, &self.trig[0],
                                         &self.norm_coefficient[0], norm)
        else:
            self.kernels.split_csr(&self.data[0], &self.columns[0], &self.starts[0], self.size, first, last,
                                   self.modes, &self.trig[0], &self.coefficient[0], dy)
            if norm != NULL:
                self.kernels.split_csr(&self.data[0], &self.columns[0], &self.starts[0], self.size, first, last,
                                       self.norm_modes, &self.trig[0], &self.norm_coefficient[0], norm)
        return 0

    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, chunk
        cdef bint divided = self.a is not None
        cdef double* norm = &self.norm[0] if divided else NULL
        if self.method == SPLIT_DENSE or self.method == SPLIT_CSR:
            self.find_trig(y)
        if parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static", chunksize=1):
                self.rows_of(chunk, y, dy, norm)
        else:
            for chunk in range(self.chunks):
                self.rows_of(chunk, y, dy, norm)
        if divided:
            for i in range(self.size):
                # nobody acts on an isolated particle
                if self.rows[i] != 0 and norm[i] < SMALL_NORM:
                    self.rescaled(y, i, dy, norm)
                dy[i] = dy[i] / norm[i] if self.rows[i] != 0 else 0
        if self.divide is not None:
            if self.call_divide(y, dy) != 0:
                return -1
        if self.gain is not None:
            for i in range(self.size):
                dy[i] *= self.gain[i]
        if self.omega is not None:
            for i in range(self.size):
                dy[i] += self.omega[i]
        return 0

    cdef void rescaled(self, const double* x, Py_ssize_t i, double* dy, double* norm) noexcept nogil:
        """Force and weight of particle i without their largest exponent, which cancels in the quotient."""
        cdef qc_pair pair = self.pair
        cdef Py_ssize_t j, k
        pair.shift = -INFINITY
        if self.method == PAIRS_DENSE:
            for j in range(self.size):
                if self.matrix[i, j] != 0:
                    pair.shift = max(pair.shift, exponent(&pair, (x[i] - x[j]) + pair.lag))
            self.kernels.direct_dense(&pair, x, &self.matrix[0, 0], self.size, i, i + 1, dy, norm)
        else:
            for k in range(self.starts[i], self.starts[i + 1]):
                pair.shift = max(pair.shift, exponent(&pair, (x[i] - x[self.columns[k]]) + pair.lag))
            self.kernels.direct_csr(&pair, x, &self.data[0], &self.columns[0], &self.starts[0], i, i + 1, dy, norm)
        dy[i] *= -self.scale

    cdef int call_divide(self, const double* y, double* dy) noexcept nogil:
        cdef const double[::1] g
        cdef double[::1] x
        cdef Py_ssize_t i
        with gil:
            try:
                x = np.empty(self.size)
                memcpy(&x[0], y, self.size * sizeof(double))
                if not np.all(np.isfinite(x)):
                    return 0
                g = divisors_of(self.divide, np.asarray(x))
                for i in range(self.size):
                    dy[i] /= g[i]
            except BaseException as error:
                self.error = error
                return -1
        return 0

    cdef int accepted(self, double t, double* y) noexcept nogil:
        if self.kernels.max_abs(y, self.size) > LARGEST:
            with gil:
                self.error = too_far()
            return -1
        return 0

    @property
    def method_name(self):
        """Method in use."""
        return next(name for name, value in GRAPH_METHODS.items() if value == self.method)


def harmonics(const double[:, ::1] rows, weights, Py_ssize_t modes):
    """Z_k = sum_j c_j exp(i k x_j) / sum_j c_j, k = 1 .. modes, of each row: (T, modes) complex."""
    cdef Py_ssize_t count = rows.shape[0], n = rows.shape[1], t, k
    cdef double[::1] w = optional(weights)
    cdef double[::1] sums = np.empty(TERMS * (modes + 1))
    cdef double[:, :, ::1] out = np.empty((count, modes, 2))
    cdef const qc_kernels* kernels = qc_select(-1)
    cdef double re, im, total
    cdef int lane
    with nogil:
        for t in range(count):
            memset(&sums[0], 0, TERMS * (modes + 1) * sizeof(double))
            kernels.rotate(&rows[t, 0], pointer(w), n, modes, &sums[0])
            total = 0
            for lane in range(8):
                total = total + sums[lane]
            for k in range(1, modes + 1):
                re = im = 0
                for lane in range(8):
                    re = re + sums[TERMS * k + lane]
                    im = im + sums[TERMS * k + 8 + lane]
                out[t, k - 1, 0] = re / total
                out[t, k - 1, 1] = -im / total
    return np.asarray(out).view(complex)[:, :, 0]


cdef class Clusters(RightHandSide):
    """Clusters in order, and how far the field has drawn each together; an event where two of them meet.

    The state holds n positions and n integrals of the rate at which the field contracts there: what extended over w
    when the run began extends over w exp(-integral). The event is where two neighbours, from the lower end of one to
    the upper end of the other, first extend over no more than `gap`.

    Parameters
    ----------
    field : MeanField
        Of n clusters, by direct sums, without lag, frequencies and gains.
    below, above : (n,) array
        How far each cluster reaches at the start.
    watched : (n-1,) array of bool
        The pairs of neighbours that the event is about.
    gap : float
    """

    cdef MeanField field
    cdef Py_ssize_t count
    cdef double[::1] below, above, slope
    cdef unsigned char[::1] watched
    cdef double gap, stretch

    def __init__(self, MeanField field, below, above, watched, double gap):
        self.field = field
        self.count = field.size
        self.size = 2 * field.size
        self.complex_pairs = False
        if field.method != DIRECT:
            raise ValueError(f"field must use direct sums, not {field.method_name}")
        self.below = np.array(below, dtype=np.float64)
        self.above = np.array(above, dtype=np.float64)
        self.watched = np.array(watched, dtype=np.uint8)
        if self.below.shape[0] != self.count or self.above.shape[0] != self.count \
                or self.watched.shape[0] != self.count - 1:
            raise ValueError(f"below and above must hold {self.count} numbers, watched one less")
        self.slope = np.empty(self.count)
        self.gap = gap
        self.stretch = exp(field.pair.shift)

    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef bint divided = self.field.a is not None
        cdef double shift = self.field.pair.shift
        cdef double* norm = &self.field.norm[0] if divided else NULL
        cdef double* slope = &self.slope[0]
        cdef Py_ssize_t i, n = self.count
        if divided and shift != 0:
            # the shift is for the force only
            self.field.pair.shift = 0
            self.field.pairs(y, NULL, NULL, norm)
            self.field.pair.shift = shift
            self.field.pairs(y, dy, slope, NULL)
        else:
            self.field.pairs(y, dy, slope, norm)
        for i in range(n):
            dy[i] *= -self.field.scale
            dy[n + i] = slope[i] * self.field.scale
            if divided:
                # -V' of V = -chi/g, where g' = -beta chi
                dy[i] /= norm[i]
                dy[n + i] = dy[n + i] / norm[i] + self.field.pair.beta * dy[i] * dy[i] * self.stretch
        return 0

    cdef void events(self, double t, const double* y, double* g) noexcept nogil:
        cdef Py_ssize_t i, n = self.count
        cdef double smallest = INFINITY, extent
        for i in range(n - 1):
            if self.watched[i]:
                extent = y[i + 1] - y[i]
                if self.below[i] > 0:
                    extent += self.below[i] * exp(-y[n + i])
                if self.above[i + 1] > 0:
                    extent += self.above[i + 1] * exp(-y[n + i + 1])
                if extent < smallest:
                    smallest = extent
        g[0] = smallest / self.gap - 1


def check_merges(const Py_ssize_t[::1] left, const Py_ssize_t[::1] right, Py_ssize_t merges, Py_ssize_t n):
    """Refuse merges of nodes that do not exist yet."""
    cdef Py_ssize_t k
    if merges < 0 or left.shape[0] < merges or right.shape[0] < merges:
        raise ValueError(f"left and right must hold {merges} nodes")
    for k in range(merges):
        if not (0 <= left[k] < n + k and 0 <= right[k] < n + k):
            raise ValueError(f"merge {k} must join two of the nodes 0 to {n + k - 1}, not {left[k]} and {right[k]}")


def roots(const Py_ssize_t[::1] left, const Py_ssize_t[::1] right, Py_ssize_t merges, Py_ssize_t n):
    """For each of n leaves the node that holds it after the first `merges` merges; merge k makes node n + k."""
    cdef Py_ssize_t[::1] top = np.arange(n + merges)
    cdef Py_ssize_t k
    check_merges(left, right, merges, n)
    with nogil:
        for k in range(merges - 1, -1, -1):
            top[left[k]] = top[n + k]
            top[right[k]] = top[n + k]
    return np.asarray(top)[:n].copy()


def leaf_order(const Py_ssize_t[::1] left, const Py_ssize_t[::1] right, const Py_ssize_t[::1] size, Py_ssize_t n):
    """Order of n leaves in which no branches of a complete tree cross, left before right."""
    cdef Py_ssize_t[::1] at = np.zeros(2 * n - 1, np.intp)
    cdef Py_ssize_t[::1] out = np.empty(n, np.intp)
    cdef Py_ssize_t k, a
    check_merges(left, right, n - 1, n)
    if size.shape[0] < n - 1:
        raise ValueError(f"size must hold {n - 1} numbers, not {size.shape[0]}")
    with nogil:
        for k in range(n - 2, -1, -1):
            a = left[k]
            at[a] = at[n + k]
            at[right[k]] = at[n + k] + (1 if a < n else size[a - n])
        for k in range(n):
            # sizes that are not those of the nodes must not reach beyond the array
            if 0 <= at[k] < n:
                out[at[k]] = k
    return np.asarray(out)
