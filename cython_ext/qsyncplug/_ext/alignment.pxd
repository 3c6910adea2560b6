# θ of the Schrödinger–Lohe models, for the kernels that use it.


cdef class Influence:
    cdef public object error      # exception of a user's function, if any
    # IN distance (count,); OUT value (count,).  0, or -1: `error` holds why.
    cdef int fill(self, const double* distance, double* value, Py_ssize_t count) noexcept nogil


cdef class Centres:
    cdef readonly Py_ssize_t n, r, d
    # IN y: n rows of r complex numbers, norm (n,): their squared norms; OUT centre (n, d)
    cdef void locate(self, double t, const double* y, const double* norm,
                     double* centre) noexcept nogil


cdef class Theta:
    cdef readonly Py_ssize_t n
    cdef readonly bint dynamic        # part of the state
    cdef readonly bint distant        # needs centres
    cdef readonly object error
    cdef double[::1] start
    # IN state: θ as complex numbers, where dynamic; OUT theta (n,)
    cdef void at(self, double t, const double* state, double* theta) noexcept nogil
    # IN y, norm, theta; OUT change: dθ/dt as complex numbers.  0, or -1: `error` holds why.
    cdef int rates(self, double t, const double* y, const double* norm, const double* theta,
                   double* change) noexcept nogil


cdef class AlignedTheta(Theta):
    cdef double mu
    cdef Influence influence
    cdef Centres centres
    cdef double[::1] centre, distance, value
    cdef void set_distances(self) noexcept nogil
