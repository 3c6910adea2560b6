# The mean field of particles on the circle, for the kernels that use it.

from qsyncplug._ext.circle_kernels cimport qc_cells, qc_kernels, qc_pair, qc_runs
from qsyncplug._ext.integrator cimport RightHandSide


cdef class MeanField(RightHandSide):
    cdef const qc_kernels* kernels
    cdef public int method
    cdef int threads
    cdef qc_pair pair
    cdef qc_cells cells
    cdef qc_runs runs
    cdef Py_ssize_t[::1] ends
    cdef double[::1] b, a, weights, gain, omega, norm, tables, spectrum, scratch
    cdef double[::1] twiddle, powers
    # z_k, k = 0 .. all_modes, and the coefficients of the two fields, k = 1 .. all_modes
    cdef double complex[::1] z, g, gn
    cdef Py_ssize_t modes, norm_modes, all_modes, chunks, most_pairs
    cdef double scale
    cdef object divide, sums
    # what the solver asks about
    cdef public double faint_below      # forces below this are noise
    cdef public bint switch_when_faint
    cdef public bint faint, switched
    cdef public double t_faint
    cdef public double disorder         # worst violation of the order among accepted steps
    cdef bint ordered, faint_now, disturbed, triads
    cdef double triad2, triad3

    cdef void set_cells(self, object cells)
    cdef Py_ssize_t bound(self, Py_ssize_t chunk) noexcept nogil
    # IN x (n,).  Sets z.
    cdef void find_modes(self, const double* x) noexcept nogil
    cdef void add_chunks(self, Py_ssize_t rows) noexcept nogil
    # IN chunk, rows, x (n,), w (n,) or NULL, method.  Nonzero: x is not in order.
    cdef int chunk_modes(self, Py_ssize_t chunk, Py_ssize_t rows, const double* x,
                         const double* w, int method) noexcept nogil
    # IN x (n,), modes, g0, g (modes,); OUT out (n,)
    cdef void field(self, const double* x, Py_ssize_t modes, double g0, const double complex* g,
                    double* out) noexcept nogil
    # IN chunk, x (n,), modes, g0, g (modes,), table; OUT out (n,): the chunk's part
    cdef int chunk_field(self, Py_ssize_t chunk, const double* x, Py_ssize_t modes, double g0,
                         const double* g, const double* table, double* out) noexcept nogil
    # IN series, first, factor; OUT g
    cdef void rotated(self, const double[::1] series, Py_ssize_t first, double complex factor,
                      double complex* g) noexcept nogil
    # INOUT g
    cdef void add_triads(self, double complex* g) noexcept nogil
    # IN x (n,); OUT force, slope, norm (n,), each may be NULL
    cdef int pairs(self, const double* x, double* force, double* slope,
                   double* norm) noexcept nogil
    # IN x; OUT force, slope, norm.  The shift of the exponent is for force and slope only.
    cdef void shifted_pairs(self, const double* x, double* force, double* slope,
                            double* norm) noexcept nogil
    # IN y (n,); OUT dy, norm (n,).  0, or -1: `error` holds why.
    cdef int by_series(self, const double* y, double* dy, double* norm) noexcept nogil
    # IN x (n,), i; OUT dy, norm: entry i
    cdef void rescaled(self, const double* x, Py_ssize_t i, double* dy,
                       double* norm) noexcept nogil
    # IN norm (n,)
    cdef bint unresolved(self, const double* norm) noexcept nogil
    cdef int refuse(self) noexcept nogil
    # IN y (n,); OUT dy (n,).  0, or -1: `error` holds what the function raised.
    cdef int call_sums(self, const double* y, double* dy) noexcept nogil
    # IN y (n,)
    cdef bint together(self, const double* y) noexcept nogil


# IN divide, gain (n,), omega (n,), each may be None, y (n,); INOUT dy (n,).  0, or -1: the error of
# the function is set on rhs.
cdef int to_velocities(RightHandSide rhs, object divide, double[::1] gain, double[::1] omega,
                       const double* y, double* dy) noexcept nogil
