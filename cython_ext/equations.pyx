"""Right-hand sides that are not of one family: written in Python, and linear ones."""

from libc.string cimport memcpy

import numpy as np

from qsyncplug._ext.integrator cimport RightHandSide

from qsyncplug._ext.integrator import as_doubles


cdef class PythonRightHandSide(RightHandSide):
    """A right-hand side written in Python: ``function(t, y) -> dy``."""

    cdef object function
    cdef object event_functions

    def __init__(self, function, Py_ssize_t size, bint complex_pairs=False, events=()):
        self.function = function
        self.event_functions = tuple(events)
        self.complex_pairs = complex_pairs
        self.size = 2 * size if complex_pairs else size

    # IN y (size,)
    cdef object view(self, const double* y):
        cdef double[::1] array = np.empty(self.size)
        memcpy(&array[0], y, self.size * sizeof(double))
        state = np.asarray(array)
        return state.view(complex) if self.complex_pairs else state

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef double[::1] value
        with gil:
            try:
                value = as_doubles(self.function(t, self.view(y)), self.complex_pairs)
                if value.shape[0] != self.size:
                    raise ValueError(
                        f"the right-hand side returned {value.shape[0]} doubles, not {self.size}"
                    )
                memcpy(dy, &value[0], self.size * sizeof(double))
            except BaseException as error:
                self.error = error
                return -1
        return 0

    # IN t, y; OUT g
    cdef void events(self, double t, const double* y, double* g) noexcept nogil:
        cdef Py_ssize_t k = 0
        with gil:
            try:
                state = self.view(y)
                for k, function in enumerate(self.event_functions):
                    g[k] = function(t, state)
            except BaseException as error:
                self.error = error


cdef class LinearRightHandSide(RightHandSide):
    """dy/dt = A y + b with constant real A (n, n) and b (n,)."""

    cdef double[:, ::1] matrix
    cdef double[::1] offset

    def __init__(self, matrix, offset=None):
        self.matrix = np.array(matrix, dtype=np.float64, order="C")
        self.size = self.matrix.shape[0]
        self.offset = np.zeros(self.size) if offset is None else np.array(offset, dtype=np.float64)

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, j
        cdef double s
        cdef const double* row
        for i in range(self.size):
            row = &self.matrix[i, 0]
            s = self.offset[i]
            for j in range(self.size):
                s += row[j] * y[j]
            dy[i] = s
        return 0
