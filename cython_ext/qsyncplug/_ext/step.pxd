# One adaptive step, for whatever makes runs of them.

cdef enum:
    STAGES = 16
    KEPT = STAGES + 11      # arrays that going on bit for bit needs
    LINE = 8                # doubles that the cache moves together


cdef class Step:
    cdef readonly double t, t_old     # ends of the last step
    cdef readonly double h            # the next one, as far as accuracy goes
    cdef readonly double rtol, max_step
    cdef readonly long long accepted, rejected, evaluations
    cdef public double first_step     # 0: to be chosen
    cdef double horizon               # about where the run ends; infinite where that is not known
    cdef Py_ssize_t n                 # doubles of the state
    cdef Py_ssize_t room              # of its arrays: whole vectors, the rest is zero
    cdef int width                    # 2 for pairs of doubles that are complex numbers
    cdef bint worst                   # errors are those of the worst entry, not mean squares
    cdef double[::1] atol
    cdef Py_ssize_t atol_stride
    cdef bint has_step, rejected_last
    cdef bint stages_kept             # those of the last step
    cdef bint dense_ready             # F describes the last step
    cdef double[::1] work             # that they are in
    cdef double* K[STAGES]
    cdef double* F[7]
    cdef double* y
    cdef double* y_old
    cdef double* y_new
    cdef double* direction
    cdef double* scratch
    # step, by the fastest rate that the linearised equations were found to have
    cdef readonly double longest
    cdef double rate                  # found last
    cdef int looks, unlooked          # how often it was looked for; steps since

    # ---- what a subclass has of its own
    # IN t, y (n,); OUT dy (n,).  0; positive: y is outside the domain; negative: stop.
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil
    # Status: RUNNING, or why no further step is to be tried
    cdef int may_go_on(self) noexcept nogil
    # IN t_new, last: it is the limit of the step.  Before its stages are evaluated.
    cdef void aim(self, double t_new, bint last) noexcept nogil
    # IN limit
    cdef double choose_first_step(self, double limit) noexcept nogil
    # IN v, y (n,)
    cdef double norm(self, const double* v, const double* y) noexcept nogil
    # IN h.  Of the step whose stages are in K, from y to y_new.
    cdef double error(self, double h) noexcept nogil
    # 0, or what evaluate returned
    cdef int look_for_rate(self) noexcept nogil

    # ---- what it has from here
    # IN width, atol (1,) or (n,)
    cdef int allocate(self, Py_ssize_t n, int width, double[::1] atol) except -1
    # IN t, y (n,)
    cdef void begin(self, double t, const double* y) noexcept nogil
    # IN limit.  One accepted step, not beyond it; Status.
    cdef int take(self, double limit) noexcept nogil
    cdef int tries(self, double limit) noexcept nogil
    # IN h, t_new; OUT error (1,).  0, or what evaluate returned.
    cdef int try_step(self, double h, double t_new, double* error) noexcept nogil
    cdef void swap_ends(self) noexcept nogil
    cdef int failure(self, int code) noexcept nogil
    # IN y (n,)
    cdef bint finite(self, const double* y) noexcept nogil
    # IN t within the step; OUT out (n,).  0, or what evaluate returned.
    cdef int interpolate(self, double t, double* out) noexcept nogil
    cdef int prepare_dense(self) noexcept nogil
    # IN h.  0, or what evaluate returned.
    cdef int last_stages(self, double h) noexcept nogil
    cdef int refinements(self) noexcept nogil
    # IN h.  0, or what evaluate returned.
    cdef int refine(self, double h) noexcept nogil
    # IN k below KEPT
    cdef double* kept(self, Py_ssize_t k) noexcept nogil
