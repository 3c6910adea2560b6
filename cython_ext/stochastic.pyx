"""Samples of Stratonovich equations dz = F dt + noises, polynomials throughout (Heun), in blocks
side by side.
"""

from libc.math cimport isfinite, sqrt
from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport calloc, free

import numpy as np

cdef extern from "samples_kernels.h" nogil:
    const int QW_LANES
    # for Python, which writes the programs: the header says what they mean
    cpdef enum Way "qw_way":
        TIMES "QW_TIMES"
        PLUS "QW_PLUS"
        MINUS "QW_MINUS"
    cpdef enum Source "qw_source":
        REAL "QW_REAL"
        COMPLEX "QW_COMPLEX"
        REAL_COMPLEX "QW_REAL_COMPLEX"
        COMPLEX_COMPLEX "QW_COMPLEX_COMPLEX"
        CONJUGATE_COMPLEX "QW_CONJUGATE_COMPLEX"
        MODULUS_COMPLEX "QW_MODULUS_COMPLEX"
        BENT "QW_BENT"
        PAIR "QW_PAIR"
        OWN "QW_OWN"
    cpdef enum Shape "qw_shape":
        RE "QW_RE"
        IM "QW_IM"
        BOTH "QW_BOTH"
        ONE "QW_ONE"
        IMAGINARY_ONE "QW_I"
        SHAPES "QW_SHAPES"
    ctypedef struct qw_product:
        int kind, d, a, b, c, e
    ctypedef struct qw_term:
        int kind, a, b, c, d
    ctypedef struct qw_stage:
        int products, terms
        const qw_product* product
        const qw_term* term
    ctypedef struct qw_program:
        qw_stage stage[2]
        int variables, sums, jumps, factors
        const int* start
        const int* target
        const int* factor
        const int* noisy
        const double* re
        const double* im
        const double* sign
        const double* noise
        int spheres
        const int* sphere
    ctypedef struct qw_random:
        int used
    ctypedef struct qw_kernels:
        const char* name
        # the header says what is IN and OUT
        void (*steps)(const qw_program*, double*, qw_random*, double, long, int, const double*,
                      double*) noexcept nogil
    const qw_kernels* qw_select(int level)
    void qw_seed(qw_random*, uint64_t, uint64_t)

BLOCK = QW_LANES


cdef class Stochastic:
    """A program of Heun steps: see samples_kernels.h.

    Rows: the real parts z (sums), the same of the second stage, noises (2 jumps), products, lengths
    of spins.
    """

    cdef qw_program program
    cdef const qw_kernels* kernels
    cdef double* memory
    cdef double* rows
    cdef qw_random* random
    cdef Py_ssize_t row_count
    cdef int[:, ::1] first, second, terms, terms2, target, sphere
    cdef int[::1] start, factor, noisy
    cdef double[::1] re, im, sign, noise, scratch
    cdef long[::1] real_row, imag_row
    cdef readonly Py_ssize_t variables

    def __cinit__(self):
        self.memory = NULL

    def __dealloc__(self):
        free(self.memory)

    def __init__(self, table, int jumps, int factors, long row_count, int level=-1):
        """IN table of arrays (see qsyncplug.approximate.heun), jumps, factors, row_count, level of
        the kernels: the best one by default.
        """
        cdef uintptr_t at
        cdef int k
        self.kernels = qw_select(level)
        if self.kernels == NULL:
            raise ValueError(f"there are no kernels of level {level} here")
        self.first, self.second = table["products"], table["products2"]
        self.terms, self.terms2 = table["terms"], table["terms2"]
        self.start, self.target = table["start"], table["target"]
        self.factor, self.noisy, self.sphere = table["factor"], table["noisy"], table["sphere"]
        self.re, self.im, self.sign = table["re"], table["im"], table["sign"]
        self.real_row, self.imag_row = table["real_row"], table["imag_row"]
        self.variables = self.real_row.shape[0]
        self.scratch = np.zeros(8 * self.re.shape[0] + jumps + 1)
        # an empty list has no first element
        self.noise = np.append(table["noise"], 0.0)
        self.program.noise = &self.noise[0]
        for k in range(2):
            self.program.stage[k].products = self.first.shape[0]
            self.program.stage[k].terms = self.terms.shape[0]
        # rows of products and of terms are as many ints as the structs have
        if self.first.shape[0]:
            self.program.stage[0].product = <qw_product*>&self.first[0, 0]
            self.program.stage[1].product = <qw_product*>&self.second[0, 0]
        else:
            self.program.stage[0].product = self.program.stage[1].product = NULL
        if self.terms.shape[0]:
            self.program.stage[0].term = <qw_term*>&self.terms[0, 0]
            self.program.stage[1].term = <qw_term*>&self.terms2[0, 0]
            self.program.factor, self.program.noisy = &self.factor[0], &self.noisy[0]
            self.program.re, self.program.im = &self.re[0], &self.im[0]
            self.program.sign = &self.sign[0]
        else:
            self.program.stage[0].term = self.program.stage[1].term = NULL
        self.program.start, self.program.target = &self.start[0], &self.target[0, 0]
        self.program.variables, self.program.sums = self.variables, table["sums"]
        self.program.jumps, self.program.factors = jumps, factors
        self.program.spheres = self.sphere.shape[0]
        self.program.sphere = &self.sphere[0, 0] if self.sphere.shape[0] else NULL
        self.row_count = row_count
        self.memory = <double*>calloc(
            row_count * QW_LANES * sizeof(double) + sizeof(qw_random) + 128, 1
        )
        if self.memory == NULL:
            raise MemoryError
        # rows begin at a multiple of the widest register
        at = (<uintptr_t>self.memory + 63) // 64 * 64
        self.rows = <double*>at
        self.random = <qw_random*>(at + row_count * QW_LANES * sizeof(double))
        if table["one"] >= 0:
            for k in range(QW_LANES):
                self.rows[<int>table["one"] * QW_LANES + k] = 1.0

    @property
    def kernel(self):
        """Name of the kernels in use."""
        return self.kernels.name.decode().lstrip("_")

    def run(
        self,
        double complex[:, ::1] z,       # IN (variables, S) at times[0], S a multiple of BLOCK
        uint64_t seed,                  # IN
        uint64_t number,                # IN of the first sample
        double[::1] times,              # IN (T,)
        long[::1] steps,                # IN (T-1,) of every interval
        double[:, ::1] factors,         # IN (rows, 2 factors)
        bint timed,                     # IN
        double complex[:, :, ::1] out,  # OUT (T, variables, S): z at times
    ):
        """Run samples; the first interval in which one left the finite numbers, or -1.

        `factors` are those of every step and of the end of each interval where `timed`, else one
        row.
        """
        cdef Py_ssize_t T = times.shape[0], S = z.shape[1], at = 0, k, offset
        cdef Py_ssize_t failed = -1
        if S % QW_LANES or z.shape[0] != self.variables or out.shape[0] != T or out.shape[2] != S \
                or out.shape[1] != self.variables or steps.shape[0] != T - 1:
            raise ValueError("arrays of samples do not fit the program")
        with nogil:
            while at < S:
                self.load(z, at)
                qw_seed(self.random, seed, number + <uint64_t>at)
                self.store(out, 0, at)
                offset = 0
                for k in range(T - 1):
                    self.kernels.steps(&self.program, self.rows, self.random,
                                       (times[k + 1] - times[k]) / steps[k], steps[k], timed,
                                       &factors[offset, 0], &self.scratch[0])
                    if timed:
                        offset += steps[k] + 1
                    if not self.store(out, k + 1, at) and (failed < 0 or k < failed):
                        failed = k
                        break
                at += QW_LANES
        return failed

    cdef void load(
        self,
        double complex[:, ::1] z,       # IN (variables, S)
        Py_ssize_t at,                  # IN sample that the block begins with
    ) noexcept nogil:
        """Rows of one block, and the lengths that its spins keep."""
        cdef Py_ssize_t k, lane
        cdef double* re
        cdef double* im
        cdef double* up
        cdef double* length
        for k in range(self.variables):
            re = self.rows + self.real_row[k] * QW_LANES
            for lane in range(QW_LANES):
                re[lane] = z[k, at + lane].real
            if self.imag_row[k] >= 0:
                im = self.rows + self.imag_row[k] * QW_LANES
                for lane in range(QW_LANES):
                    im[lane] = z[k, at + lane].imag
        for k in range(self.sphere.shape[0]):
            re = self.rows + self.sphere[k, 0] * QW_LANES
            im = self.rows + self.sphere[k, 1] * QW_LANES
            up = self.rows + self.sphere[k, 2] * QW_LANES
            length = self.rows + self.sphere[k, 3] * QW_LANES
            for lane in range(QW_LANES):
                length[lane] = sqrt(re[lane] * re[lane] + im[lane] * im[lane] + up[lane] * up[lane])

    cdef bint store(
        self,
        double complex[:, :, ::1] out,  # OUT (T, variables, S)
        Py_ssize_t t,                   # IN
        Py_ssize_t at,                  # IN sample that the block begins with
    ) noexcept nogil:
        """One block at one time; whether all of it is finite."""
        cdef Py_ssize_t k, lane
        cdef double* re
        cdef double* im
        cdef double sum = 0
        for k in range(self.variables):
            re = self.rows + self.real_row[k] * QW_LANES
            im = self.rows + self.imag_row[k] * QW_LANES if self.imag_row[k] >= 0 else NULL
            for lane in range(QW_LANES):
                out[t, k, at + lane].real = re[lane]
                out[t, k, at + lane].imag = im[lane] if im != NULL else 0.0
                # NaN and infinities stay in this sum
                sum += 0.0 * re[lane] + (0.0 * im[lane] if im != NULL else 0.0)
        return isfinite(sum)
