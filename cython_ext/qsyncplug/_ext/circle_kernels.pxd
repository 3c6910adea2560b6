# The inner loops of circle_kernels.h, which says what their arguments are.

from libc.math cimport cos, sin

cdef extern from "circle_kernels.h" nogil:
    enum:
        QC_WIDTH
        QC_TERMS
        QC_SINE
        QC_ATTENTION
        QC_SERIES
        LEVELS

    const double QC_TWO_PI_1, QC_TWO_PI_2, QC_TWO_PI_3
    const double QC_LARGEST, QC_SMALL_NORM

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
        void (*sincos)(const double* x, Py_ssize_t n, double* s, double* c) noexcept nogil
        void (*direct)(
            const qc_pair* pair, const double* x, const double* w, Py_ssize_t n,
            Py_ssize_t first, Py_ssize_t last, double* force, double* slope, double* norm,
        ) noexcept nogil
        void (*direct_csr)(
            const qc_pair* pair, const double* x, const double* a, const int* columns,
            const long long* starts, Py_ssize_t first, Py_ssize_t last, double* force,
            double* norm,
        ) noexcept nogil
        void (*direct_dense)(
            const qc_pair* pair, const double* x, const double* a, Py_ssize_t n,
            Py_ssize_t first, Py_ssize_t last, double* force, double* norm,
        ) noexcept nogil
        void (*rotate)(
            const double* x, const double* w, Py_ssize_t n, Py_ssize_t modes, double* sums,
        ) noexcept nogil
        void (*horner)(
            const double* x, Py_ssize_t n, Py_ssize_t modes, double g0, const double* g,
            double* out,
        ) noexcept nogil
        void (*scatter)(
            const qc_cells* cells, const double* x, const double* w, Py_ssize_t n, double* table,
        ) noexcept nogil
        void (*gather)(
            const qc_cells* cells, const double* x, Py_ssize_t n, const double* table,
            double* out,
        ) noexcept nogil
        int (*find_runs)(
            const qc_cells* cells, const double* x, Py_ssize_t n, qc_runs* runs,
        ) noexcept nogil
        int (*moments)(
            const qc_cells* cells, const qc_runs* runs, const double* x, const double* w,
            Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, double* table,
        ) noexcept nogil
        void (*evaluate)(
            const qc_cells* cells, const qc_runs* runs, const double* x, Py_ssize_t n,
            Py_ssize_t first, Py_ssize_t last, const double* table, double* out,
        ) noexcept nogil
        double* (*fft)(
            double* data, double* work, Py_ssize_t n, const double* twiddle, int sign,
        ) noexcept nogil
        void (*table_to_modes)(
            const double* table, Py_ssize_t cells, Py_ssize_t modes, const double* powers,
            double* z,
        ) noexcept nogil
        void (*modes_to_table)(
            const double* g, Py_ssize_t cells, Py_ssize_t modes, double g0, const double* powers,
            double* table,
        ) noexcept nogil
        void (*split_dense)(
            const double* a, Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, Py_ssize_t modes,
            const double* trig, const double* g, double* out,
        ) noexcept nogil
        void (*split_csr)(
            const double* a, const int* columns, const long long* starts, Py_ssize_t n,
            Py_ssize_t first, Py_ssize_t last, Py_ssize_t modes, const double* trig,
            const double* g, double* out,
        ) noexcept nogil
        void (*maps)(
            const double* u, const double* v, const double* zr, const double* zi, Py_ssize_t n,
            const int* terms, double* re, double* im,
        ) noexcept nogil
        double (*max_abs)(const double* v, Py_ssize_t n) noexcept nogil

    const qc_kernels* qc_select(int level)


cdef inline double exponent(const qc_pair* pair, double distance) noexcept nogil:
    """IN pair, distance.  Logarithm of the attention weight at a distance."""
    cdef double half = sin(0.5 * distance) if pair.beta >= 0 else cos(0.5 * distance)
    return (-2 if pair.beta >= 0 else 2) * pair.beta * half * half


cdef inline const double* pointer(double[::1] values) noexcept nogil:
    """IN values.  Where they are; NULL for none."""
    return NULL if values is None or values.shape[0] == 0 else &values[0]
