"""Right-hand sides of the mean-field models on the circle: everybody acts on everybody.

dx_i/dt = omega_i - gain_i sum_j c_j f(x_i - x_j + lag) / norm_i, where norm_i is 1 or the attention
weight.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, cos, sin
from libc.string cimport memcpy, memset

import numpy as np

from qsyncplug._ext.circle_kernels cimport (
    QC_ATTENTION,
    QC_LARGEST,
    LEVELS,
    QC_SERIES,
    QC_SINE,
    QC_SMALL_NORM,
    QC_TERMS,
    QC_TWO_PI_1,
    QC_TWO_PI_2,
    QC_TWO_PI_3,
    QC_WIDTH,
    exponent,
    pointer,
    qc_pair,
    qc_select,
)
from qsyncplug._ext.complexes cimport conj, i_times, of_parts
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.threads cimport parallel

cdef enum:
    DIRECT = 0
    HORNER = 1
    UNSORTED = 2
    SORTED = 3

# What Python shares with the kernels.
METHODS = {"direct": DIRECT, "horner": HORNER, "taylor": UNSORTED, "taylor-sorted": SORTED}
KINDS = {"sine": QC_SINE, "attention": QC_ATTENTION, "series": QC_SERIES}
TERMS = QC_TERMS
TWO_PI = (QC_TWO_PI_1, QC_TWO_PI_2, QC_TWO_PI_3)
LARGEST = QC_LARGEST


def instruction_sets():
    """Names of the instruction sets that this processor can use, best last."""
    return [
        qc_select(level).name.decode()
        for level in range(LEVELS)
        if qc_select(level) != NULL
    ]


cdef double[::1] optional(values):
    """IN values.  A copy, or None."""
    return None if values is None else np.array(values, dtype=np.float64)


def too_far():
    """What is raised where positions have lost their digits."""
    return ArithmeticError(
        f"a position has passed {LARGEST:g}, where 2 pi is no longer resolved; "
        "take the mean frequency out (a rotating frame)"
    )


cdef int call_divide(
    RightHandSide rhs,      # INOUT its error
    object divide,          # IN divide(x) gives n positive numbers
    const double* y,        # IN (n,)
    double* dy,             # INOUT (n,)
) noexcept nogil:
    """Divide by what a Python function says; 0, or -1: it raised."""
    cdef const double[::1] g
    cdef double[::1] x
    cdef Py_ssize_t i, n = rhs.size
    with gil:
        try:
            x = np.empty(n)
            memcpy(&x[0], y, n * sizeof(double))
            if not np.all(np.isfinite(x)):
                return 0
            g = divide(np.asarray(x))
            if g.shape[0] != n:
                raise ValueError(f"divide must give {n} numbers, not {g.shape[0]}")
            for i in range(n):
                dy[i] /= g[i]
        except BaseException as error:
            rhs.error = error
            return -1
    return 0


# IN divide, gain (n,), omega (n,), each may be None, y (n,); INOUT dy (n,): forces, then velocities
cdef int to_velocities(RightHandSide rhs, object divide, double[::1] gain, double[::1] omega,
                       const double* y, double* dy) noexcept nogil:
    """Divide, multiply by the gains, add the natural frequencies; 0, or -1: divide raised."""
    cdef Py_ssize_t i, n = rhs.size
    if divide is not None and call_divide(rhs, divide, y, dy) != 0:
        return -1
    if gain is not None:
        for i in range(n):
            dy[i] *= gain[i]
    if omega is not None:
        for i in range(n):
            dy[i] += omega[i]
    return 0


cdef class MeanField(RightHandSide):
    """Everybody acts on everybody.

    Parameters
    ----------
    size : int
        Number n of particles.
    kind : int
        One of ``KINDS``, for direct sums.
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
    cells : CellTables or None
        The Taylor cells, for the two methods of that name.
    threads : int
    shift : float
        Reduces the exponent of the attention in direct sums: forces are larger by exp(shift).
    divide : callable or None
        ``divide(x)`` gives the n positive numbers that the velocities are divided by.
    sums : callable or None
        ``sums(x)`` gives the n sums over pairs, for interactions without a series.
    level : int
        Instruction set, an index of ``instruction_sets``; -1 for the best.
    ordered : bool
        Watch that the particles keep their order.
    triads : (K2, K3) or None
    most_pairs : int
        Particles up to which sums over pairs may stand in where the series does not resolve the
        attention weights.
    """

    def __init__(self, Py_ssize_t size, int kind, double beta, b, a=None, weights=None, gain=None,
                 omega=None, double scale=1.0, double lag=0.0, str method="direct", cells=None,
                 int threads=1, double shift=0.0, divide=None, sums=None, int level=-1,
                 bint ordered=False, triads=None, Py_ssize_t most_pairs=20_000):
        self.size = size
        self.complex_pairs = False
        self.kernels = qc_select(level)
        if self.kernels == NULL:
            raise ValueError(f"level must be one of those that this processor has, not {level}")
        self.method = METHODS[method]
        self.threads, self.most_pairs = threads, most_pairs
        self.b = np.array(b, dtype=np.float64)
        self.a = optional(a)
        self.weights, self.gain, self.omega = optional(weights), optional(gain), optional(omega)
        for name, values in (("weights", weights), ("gain", gain), ("omega", omega)):
            if values is not None and len(values) != size:
                raise ValueError(f"{name} must hold {size} numbers, not {len(values)}")
        self.scale = scale
        self.divide, self.sums = divide, sums
        self.modes = self.b.shape[0]
        self.norm_modes = 0 if a is None else self.a.shape[0] - 1
        self.all_modes = max(self.modes, self.norm_modes)
        self.triads = triads is not None
        if self.triads:
            self.triad2, self.triad3 = triads
            self.all_modes = max(self.all_modes, 2)
            if self.method == DIRECT:
                raise ValueError("triads need the modes of the series, not direct sums")
        self.pair = qc_pair(
            kind=kind, beta=beta, shift=shift, lag=lag, modes=self.modes, b=pointer(self.b)
        )
        self.norm = np.empty(size if a is not None else 0)
        self.z = np.empty(self.all_modes + 1, complex)
        self.g = np.empty(max(self.all_modes, 1), complex)
        self.gn = np.empty(max(self.all_modes, 1), complex)
        self.ordered = ordered
        if self.method in (UNSORTED, SORTED):
            self.set_cells(cells)
        elif self.method == HORNER:
            self.chunks = min(8, max(1, size // 4096))
            self.tables = np.empty(self.chunks * QC_TERMS * (self.all_modes + 1))
        else:
            self.chunks = min(64, max(1, size // 16))

    cdef void set_cells(self, object cells):
        """IN cells."""
        cdef Py_ssize_t k, count = cells.count
        self.cells.count = count
        for k in range(3):
            self.cells.width[k] = cells.width[k]
        self.cells.per_width = count / (2 * np.pi)
        self.cells.to_unit = count / np.pi
        self.cells.per_count = 1.0 / count
        self.twiddle = cells.twiddle
        self.powers = cells.powers(self.all_modes).ravel()
        if self.twiddle.shape[0] != 2 * count:
            raise ValueError(f"twiddle must hold {2 * count} numbers")
        if self.powers.shape[0] != QC_TERMS * (self.all_modes + 1):
            raise ValueError(f"powers must hold {self.all_modes + 1} rows of {QC_TERMS}")
        # the partition depends on the problem only, never on the number of threads
        least = 4096 if self.method == UNSORTED else 16384
        self.chunks = min(8, max(1, self.size // max(least, QC_TERMS * count)))
        self.ends = np.zeros(count, np.intp)
        self.runs.ends = &self.ends[0]
        self.tables = np.empty(self.chunks * QC_TERMS * count)
        self.spectrum = np.empty(QC_TERMS * count)
        self.scratch = np.empty(QC_TERMS * count)

    cdef Py_ssize_t bound(self, Py_ssize_t chunk) noexcept nogil:
        """IN chunk.  Its first particle."""
        # multiples of 32, so that no vector is split
        cdef Py_ssize_t at = self.size * chunk // self.chunks
        return self.size if chunk == self.chunks else at - at % 32

    # ------------------------------------------------------------ modes

    cdef void find_modes(
        self,
        const double* x,    # IN (n,)
    ) noexcept nogil:
        """z_k = sum_j c_j exp(-i k x_j), k = 0 .. all_modes."""
        cdef Py_ssize_t chunk, rows
        cdef int bad = 0
        cdef const double* w = pointer(self.weights)
        rows = self.all_modes + 1 if self.method == HORNER else self.cells.count
        if self.method == SORTED:
            bad = self.kernels.find_runs(&self.cells, x, self.size, &self.runs)
        if bad:
            pass
        elif parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static",
                                chunksize=1):
                bad += self.chunk_modes(chunk, rows, x, w, self.method)
        else:
            for chunk in range(self.chunks):
                bad += self.chunk_modes(chunk, rows, x, w, self.method)
        self.disturbed = bad != 0
        if bad:
            # a trial step has disturbed the order
            for chunk in range(self.chunks):
                self.chunk_modes(chunk, rows, x, w, UNSORTED)
        self.add_chunks(rows)

    cdef void add_chunks(self, Py_ssize_t rows) noexcept nogil:
        """IN rows of a table.  Adds the tables of the chunks up; sets z."""
        cdef Py_ssize_t chunk, k, i
        cdef int lane
        cdef double* table = &self.tables[0]
        cdef double* found
        cdef double complex sum
        for chunk in range(1, self.chunks):
            found = table + chunk * QC_TERMS * rows
            for i in range(QC_TERMS * rows):
                table[i] += found[i]
        if self.method == HORNER:
            for k in range(rows):
                sum = 0
                for lane in range(QC_WIDTH):
                    sum = sum + of_parts(table[QC_TERMS * k + lane],
                                         table[QC_TERMS * k + QC_WIDTH + lane])
                self.z[k] = sum
        else:
            found = self.kernels.fft(
                table, &self.scratch[0], self.cells.count, &self.twiddle[0], -1
            )
            self.kernels.table_to_modes(
                found, self.cells.count, self.all_modes, &self.powers[0], <double*>&self.z[0]
            )

    cdef int chunk_modes(
        self,
        Py_ssize_t chunk,   # IN
        Py_ssize_t rows,    # IN of a table
        const double* x,    # IN (n,)
        const double* w,    # IN (n,) or NULL
        int method,         # IN
    ) noexcept nogil:
        """Table of the sums of one chunk; nonzero: the particles are not in order."""
        cdef Py_ssize_t first = self.bound(chunk), count = self.bound(chunk + 1) - first
        cdef double* table = &self.tables[chunk * QC_TERMS * rows]
        memset(table, 0, QC_TERMS * rows * sizeof(double))
        if method == SORTED:
            return self.kernels.moments(
                &self.cells, &self.runs, x, w, self.size, first, first + count, table
            )
        if w != NULL:
            w = w + first
        if method == HORNER:
            self.kernels.rotate(x + first, w, count, self.all_modes, table)
        else:
            self.kernels.scatter(&self.cells, x + first, w, count, table)
        return 0

    cdef void rotated(
        self,
        const double[::1] series,   # IN
        Py_ssize_t first,           # IN of the series
        double complex factor,      # IN
        double complex* g,          # OUT
    ) noexcept nogil:
        """g_k = factor series_k exp(i k lag) z_k."""
        cdef Py_ssize_t k
        cdef double complex turn = 1
        for k in range(1, series.shape[0] - first + 1):
            if self.pair.lag != 0:
                turn = of_parts(cos(k * self.pair.lag), sin(k * self.pair.lag))
            g[k - 1] = (factor * series[k - 1 + first]) * (self.z[k] * turn)

    cdef void add_triads(
        self,
        double complex* g,          # INOUT
    ) noexcept nogil:
        """g_1 += i (K2 Z_2 conj(Z_1) + K3 Z_1**2 conj(Z_1)), Z_k = mean exp(-i k x)."""
        cdef double w = 1 / self.z[0].real
        cdef double complex one = w * self.z[1], two = w * self.z[2]
        cdef double complex h = self.triad2 * two + self.triad3 * (one * one)
        g[0] = g[0] + i_times(h * conj(one))

    # ------------------------------------------------------------ fields

    cdef void field(
        self,
        const double* x,            # IN (n,)
        Py_ssize_t modes,           # IN
        double g0,                  # IN
        const double complex* g,    # IN (modes,)
        double* out,                # OUT (n,)
    ) noexcept nogil:
        """out_i = g0 + Re sum_k g_k exp(i k x_i)."""
        cdef Py_ssize_t chunk, count = self.cells.count
        cdef const double* table = NULL
        cdef const double* g2 = <const double*>g
        if self.method != HORNER:
            self.kernels.modes_to_table(g2, count, modes, g0, &self.powers[0], &self.spectrum[0])
            table = self.kernels.fft(
                &self.spectrum[0], &self.scratch[0], count, &self.twiddle[0], 1
            )
        if parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static",
                                chunksize=1):
                self.chunk_field(chunk, x, modes, g0, g2, table, out)
        else:
            for chunk in range(self.chunks):
                self.chunk_field(chunk, x, modes, g0, g2, table, out)

    cdef int chunk_field(
        self,
        Py_ssize_t chunk,       # IN
        const double* x,        # IN (n,)
        Py_ssize_t modes,       # IN
        double g0,              # IN
        const double* g,        # IN (modes,) pairs
        const double* table,    # IN of the cells
        double* out,            # OUT (n,): the chunk's part
    ) noexcept nogil:
        cdef Py_ssize_t first = self.bound(chunk), count = self.bound(chunk + 1) - first
        if self.method == HORNER:
            self.kernels.horner(x + first, count, modes, g0, g, out + first)
        elif self.method == SORTED and not self.disturbed:
            self.kernels.evaluate(
                &self.cells, &self.runs, x, self.size, first, first + count, table, out
            )
        else:
            self.kernels.gather(&self.cells, x + first, count, table, out + first)
        return 0

    cdef int pairs(
        self,
        const double* x,    # IN (n,)
        double* force,      # OUT (n,) or NULL
        double* slope,      # OUT (n,) or NULL
        double* norm,       # OUT (n,) or NULL
    ) noexcept nogil:
        """Sums over all pairs."""
        cdef Py_ssize_t chunk, n = self.size, chunks = self.chunks
        cdef const double* w = pointer(self.weights)
        if parallel(self.threads, chunks):
            for chunk in prange(chunks, num_threads=self.threads, schedule="static", chunksize=1):
                self.kernels.direct(&self.pair, x, w, n, n * chunk // chunks,
                                    n * (chunk + 1) // chunks, force, slope, norm)
        else:
            self.kernels.direct(&self.pair, x, w, n, 0, n, force, slope, norm)
        return 0

    cdef void shifted_pairs(
        self,
        const double* x,    # IN (n,)
        double* force,      # OUT (n,)
        double* slope,      # OUT (n,) or NULL
        double* norm,       # OUT (n,) or NULL
    ) noexcept nogil:
        """Sums over all pairs; the shift of the exponent is for forces and slopes only."""
        cdef double shift = self.pair.shift
        if norm == NULL or shift == 0:
            self.pairs(x, force, slope, norm)
            return
        self.pair.shift = 0
        self.pairs(x, NULL, NULL, norm)
        self.pair.shift = shift
        self.pairs(x, force, slope, NULL)

    # ------------------------------------------------------------ the right-hand side

    # IN t, y (n,); OUT dy (n,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i
        cdef double* norm = &self.norm[0] if self.a is not None else NULL
        if self.sums is not None:
            if self.call_sums(y, dy) != 0:
                return -1
            for i in range(self.size):
                dy[i] *= -self.scale
        elif self.method == DIRECT:
            self.shifted_pairs(y, dy, NULL, norm)
            for i in range(self.size):
                dy[i] *= -self.scale
        elif self.by_series(y, dy, norm) != 0:
            return -1
        if norm != NULL:
            for i in range(self.size):
                if norm[i] < QC_SMALL_NORM:
                    self.rescaled(y, i, dy, norm)
                dy[i] /= norm[i]
        return to_velocities(self, self.divide, self.gain, self.omega, y, dy)

    cdef int by_series(
        self,
        const double* y,    # IN (n,)
        double* dy,         # OUT (n,)
        double* norm,       # OUT (n,) or NULL
    ) noexcept nogil:
        """Forces, and attention weights if wanted, from the modes; 0, or -1: refused."""
        cdef Py_ssize_t i
        self.find_modes(y)
        self.rotated(self.b, 0, of_parts(0, self.scale), &self.g[0])
        if self.triads:
            self.add_triads(&self.g[0])
        self.field(y, self.modes, 0.0, &self.g[0], dy)
        if norm != NULL:
            self.rotated(self.a, 1, 1.0, &self.gn[0])
            self.field(y, self.norm_modes, self.a[0] * self.z[0].real, &self.gn[0], norm)
            if self.unresolved(norm):
                # both sums are below the rounding of the series: only pairs tell
                if self.size > self.most_pairs:
                    return self.refuse()
                self.pairs(y, dy, NULL, norm)
                for i in range(self.size):
                    dy[i] *= -self.scale
        if self.faint_below > 0:
            self.faint_now = self.kernels.max_abs(dy, self.size) < self.faint_below
        return 0

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
        cdef Py_ssize_t j
        pair.shift = -INFINITY
        for j in range(self.size):
            pair.shift = max(pair.shift, exponent(&pair, (x[i] - x[j]) + pair.lag))
        self.kernels.direct(&pair, x, pointer(self.weights), self.size, i, i + 1, dy, NULL, norm)
        dy[i] *= -self.scale

    cdef bint unresolved(
        self,
        const double* norm,     # IN (n,)
    ) noexcept nogil:
        cdef Py_ssize_t i
        cdef double smallest = 1e-6 * self.z[0].real    # relative error 1e-10
        for i in range(self.size):
            if norm[i] < smallest:
                return True
        return False

    cdef int refuse(self) noexcept nogil:
        with gil:
            self.error = ArithmeticError(
                "the attention weights of a particle add up to less than 1e-6 of their largest "
                f"value, which the series does not resolve, and n={self.size} is too many for sums "
                "over pairs (kernel 'direct')"
            )
        return -1

    cdef int call_sums(
        self,
        const double* y,    # IN (n,)
        double* dy,         # OUT (n,)
    ) noexcept nogil:
        """Sums of a Python function; 0, or -1: it raised."""
        cdef const double[::1] total
        cdef double[::1] x
        cdef Py_ssize_t n = self.size
        with gil:
            try:
                x = np.empty(n)
                memcpy(&x[0], y, n * sizeof(double))
                total = np.ascontiguousarray(self.sums(np.asarray(x)), dtype=np.float64)
                if total.shape[0] != n:
                    raise ValueError(f"sums must give {n} numbers, not {total.shape[0]}")
                memcpy(dy, &total[0], n * sizeof(double))
            except BaseException as error:
                self.error = error
                return -1
        return 0

    cdef int accepted(
        self,
        double t,       # IN
        double* y,      # IN (n,)
    ) noexcept nogil:
        cdef Py_ssize_t i
        cdef double gap
        if self.kernels.max_abs(y, self.size) > QC_LARGEST:
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

    cdef bint together(
        self,
        const double* y,    # IN (n,)
    ) noexcept nogil:
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

    def slope(
        self,
        const double[::1] x,    # IN (n,)
    ):
        """sum_j c_j f'(x_i - x_j + lag), without scale, gain and norm."""
        cdef double[::1] out = np.empty(self.size)
        cdef double[::1] series
        if x.shape[0] != self.size:
            raise ValueError(f"x must hold {self.size} numbers, not {x.shape[0]}")
        if self.sums is not None:
            raise ValueError("slope needs an interaction with a sine series")
        if self.method == DIRECT:
            with nogil:
                self.pairs(&x[0], NULL, &out[0], NULL)
        else:
            series = np.asarray(self.b) * np.arange(1, self.modes + 1)
            with nogil:
                self.find_modes(&x[0])
                self.rotated(series, 0, 1.0, &self.g[0])
                self.field(&x[0], self.modes, 0.0, &self.g[0], &out[0])
        return np.asarray(out)

    def last_norm(self):
        """Sums of attention weights of the last evaluation."""
        return np.array(self.norm)
