# What the integrator inherits from.

cdef enum:
    STAGES = 16
    # rows: state and derivative at the two ends of a part of a step; the fastest direction
    SPARE = 5


cdef class Step:
    cdef readonly double t, t_old
    cdef Py_ssize_t n                 # doubles of the state
    cdef int width                    # 2 for pairs of doubles that are complex numbers
    cdef bint worst                   # errors are those of the worst entry, not mean squares
    cdef readonly double rtol
    cdef double[::1] atol
    cdef Py_ssize_t atol_stride
    cdef bint has_step, dense_ready
    cdef int parts, part              # the step in so many parts; the part that F describes
    cdef double* K[STAGES]
    cdef double* y
    cdef double* y_old
    cdef double* F[7]
    cdef double* scratch
    cdef double* ends[4]
    cdef double* direction
    # step, by the fastest rate that the linearised equations were found to have
    cdef readonly double longest
    cdef double rate                  # found last
    cdef int looks, unlooked          # how often it was looked for; steps since

    # IN t, y (n,); OUT dy (n,).  0; positive: y is outside the domain; negative: stop.
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil
    # IN t within the step; OUT out (n,).  0, or what evaluate returned.
    cdef int interpolate(self, double t, double* out) noexcept nogil
    cdef int prepare_dense(self) noexcept nogil
    cdef int find_part(self, double t) noexcept nogil
    cdef int next_part(self) noexcept nogil
    # IN t, h, K, y0, y1 (n,): of a step, or a part of one.  Sets F; 0, or what evaluate returned.
    cdef int polynomial(self, double t, double h, double** K, const double* y0,
                        const double* y1) noexcept nogil
    cdef bint rough(self) noexcept nogil
    # 0, or what evaluate returned
    cdef int look_for_rate(self, double h) noexcept nogil
    # IN v, y (n,)
    cdef double norm(self, const double* v, const double* y) noexcept nogil
