# What a right-hand side of another kernel file inherits from.

cdef class RightHandSide:
    cdef readonly Py_ssize_t size       # number of doubles in the state
    cdef readonly bint complex_pairs    # the state is an array of complex numbers, seen as doubles
    # errors of a step are measured by the worst entry; otherwise by the root mean square of all
    cdef public bint worst
    cdef public object error            # exception raised inside evaluate, if any

    # IN t, y; OUT dy.  0: fine; 1: y is outside the domain, try a smaller step; negative: stop.
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil
    # IN t, y; OUT one number an event
    cdef void events(self, double t, const double* y, double* g) noexcept nogil
    # IN t; INOUT y.  After every accepted step.  0: go on; 1: y was changed; negative: stop.
    cdef int accepted(self, double t, double* y) noexcept nogil
