# Streams of normals for other kernels.
from libc.stdint cimport uint64_t


cdef extern from "noise_kernels.h" nogil:
    ctypedef enum qn_rule:
        QN_START
        QN_EULER
        QN_AVERAGED
        QN_PREDICT
        QN_CORRECT

    ctypedef struct qn_chunk:
        Py_ssize_t count
        uint64_t* state
        double* y
        double* s
        double* c
        double* u
        const double* omega
        const double* gain
        const double* sigma
        const double* weight

    ctypedef struct qn_sweep:
        double h
        double drift
        double re
        double im
        double root
        double sum_c
        double sum_s

    ctypedef struct qn_kernels:
        const char* name
        # the header says what is IN and OUT
        void (*normals)(uint64_t*, Py_ssize_t, double*) noexcept nogil
        void (*start)(qn_chunk*, qn_sweep*) noexcept nogil
        void (*euler)(qn_chunk*, qn_sweep*) noexcept nogil
        void (*averaged)(qn_chunk*, qn_sweep*) noexcept nogil
        void (*predict)(qn_chunk*, qn_sweep*) noexcept nogil
        void (*correct)(qn_chunk*, qn_sweep*) noexcept nogil

    const qn_kernels* qn_select(int level)


cdef class Normals:
    cdef const qn_kernels* kernels
    cdef readonly Py_ssize_t size       # numbers of one set
    cdef readonly Py_ssize_t chunks     # each with lanes of its own
    cdef uint64_t[:, :, ::1] words
    cdef double[::1] rest
    cdef int threads

    cdef Py_ssize_t bound(self, Py_ssize_t chunk) noexcept nogil
    # OUT out: `size` normals
    cdef void fill(self, double* out) noexcept nogil
    # OUT out (size,): the chunk's part
    cdef int fill_chunk(self, Py_ssize_t chunk, double* out) noexcept nogil
