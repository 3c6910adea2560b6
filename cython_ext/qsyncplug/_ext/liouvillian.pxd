cdef extern from "liouvillian_kernels.h" nogil:
    enum:
        QL_RING
        QL_OVERRUN
        QL_FUNCTIONS
    ctypedef struct ql_term:
        Py_ssize_t source, v, w
        int low, high
    ctypedef struct ql_table:
        Py_ssize_t segments
        const Py_ssize_t* start
        const Py_ssize_t* length
        const Py_ssize_t* left
        const Py_ssize_t* right
        const double* weight
        const Py_ssize_t* first
        const ql_term* terms
        const double* re
        const double* im
        const double* left_re
        const double* left_im
        const double* right_re
        const double* right_im
    ctypedef struct ql_kernels:
        const char* name
        # the header says what is IN and OUT
        double (*product)(const ql_table* t, double alpha, double shift, double beta,
                          const double* x_re, const double* x_im, const double* previous_re,
                          const double* previous_im, double* out_re,
                          double* out_im) noexcept nogil
        void (*combine)(Py_ssize_t rows, Py_ssize_t n, int count, const double* const* f,
                        const double* c, Py_ssize_t c_stride, double* out,
                        Py_ssize_t stride) noexcept nogil
        void (*running)(Py_ssize_t n, int powers, double place, double two, double back,
                        const double* x, double* const* before, double* const* here,
                        int functions, const double* g, double* const* out) noexcept nogil
    const ql_kernels* ql_select(int level)


cdef class Generator:
    cdef readonly Py_ssize_t size, dimension, slots, n_parts, n_factors, pad, row, n_terms
    cdef const Py_ssize_t[::1] start, length, left, right, first, part_slot, part_factor
    cdef const double[::1] weight
    cdef double[:, ::1] re, im
    cdef const double complex[:, ::1] values
    cdef ql_term[::1] terms
    cdef ql_table table
    cdef const ql_kernels* kernels
    cdef readonly long long products
    cdef Py_ssize_t stride, copies
    cdef double[:, ::1] ring

    # IN factors (n_factors,)
    cdef void scale(self, const double complex[::1] factors) noexcept nogil
    # IN slot, first
    cdef Py_ssize_t place(self, Py_ssize_t slot, Py_ssize_t first) noexcept nogil
    # IN slot
    cdef void copy(self, Py_ssize_t slot) noexcept nogil
    cdef double* real(self, Py_ssize_t k) noexcept nogil
    cdef double* imaginary(self, Py_ssize_t k) noexcept nogil
    # IN k, x (2·size,)
    cdef void load(self, Py_ssize_t k, const double* x) noexcept nogil
    # IN x (2·size,); OUT out (2·size,)
    cdef void apply_to(self, const double* x, double* out) noexcept nogil
    # IN re, im (size,)
    cdef double squared(self, const double* re, const double* im) noexcept nogil
    # IN count, first, c (w, K); INOUT out (w, 2·size)
    cdef void collect(self, int count, Py_ssize_t first, const double[:, ::1] c,
                      double[:, :] out) noexcept nogil
    # IN slot, start, place, value; OUT out, one number a functional
    cdef void read(self, Py_ssize_t slot, const Py_ssize_t[::1] start,
                   const Py_ssize_t[::1] place, const double complex[::1] value,
                   double complex* out) noexcept nogil
