"""Normal random numbers in vectors, and Kuramoto's model with noise: a step is one pass over the
particles.
"""

from cython.parallel cimport prange
from libc.math cimport M_PI, cos, isfinite, sin, sqrt
from libc.string cimport memcpy

from qsyncplug._ext.complexes cimport of_parts
from qsyncplug._ext.threads cimport parallel

import numpy as np


def chunks_of(Py_ssize_t size):
    """Number of chunks: by the size alone, never by the number of threads."""
    return min(16, max(1, size // 4096))


cdef class Normals:
    """Sets of `size` independent normal numbers.

    Every chunk of a set has 8 lanes of xoroshiro128++; see noise_simd.h.

    Parameters
    ----------
    size : int
    words : (chunks, 2, 8) array of uint64
        States of the generators, ``chunks = chunks_of(size)``.
    threads : int
    level : int
        Instruction set; -1 for the best.
    """

    def __init__(self, Py_ssize_t size, words, int threads=1, int level=-1):
        self.kernels = qn_select(level)
        if self.kernels == NULL:
            raise ValueError(f"level must be one of those that this processor has, not {level}")
        self.size = size
        self.threads = threads
        self.words = np.array(words, dtype=np.uint64)
        self.chunks = self.words.shape[0]
        lanes = self.words.shape[1], self.words.shape[2]
        if size < 1 or lanes != (2, 8) or self.chunks != chunks_of(size):
            raise ValueError(f"words must be of shape ({chunks_of(size)}, 2, 8)")
        if not np.all(np.any(words, axis=1)):
            raise ValueError("a generator must not be all zeros")
        self.rest = np.empty(16)

    cdef Py_ssize_t bound(self, Py_ssize_t chunk) noexcept nogil:
        # multiples of 16, the numbers that the lanes give at a time
        cdef Py_ssize_t at = self.size * chunk // self.chunks
        return self.size if chunk == self.chunks else at - at % 16

    cdef int fill_chunk(
        self,
        Py_ssize_t chunk,   # IN
        double* out,        # OUT (size,): the chunk's part
    ) noexcept nogil:
        cdef Py_ssize_t first = self.bound(chunk), count = self.bound(chunk + 1) - first
        cdef Py_ssize_t whole = count - count % 16
        self.kernels.normals(&self.words[chunk, 0, 0], whole, out + first)
        if whole < count:   # of the last chunk alone
            self.kernels.normals(&self.words[chunk, 0, 0], 16, &self.rest[0])
            memcpy(out + first + whole, &self.rest[0], (count - whole) * sizeof(double))
        return 0

    cdef void fill(
        self,
        double* out,        # OUT (size,)
    ) noexcept nogil:
        cdef Py_ssize_t chunk
        if parallel(self.threads, self.chunks):
            for chunk in prange(self.chunks, num_threads=self.threads, schedule="static",
                                chunksize=1):
                self.fill_chunk(chunk, out)
        else:
            for chunk in range(self.chunks):
                self.fill_chunk(chunk, out)

    def sets(self, Py_ssize_t count):
        """The next `count` sets, (count, size)."""
        cdef double[:, ::1] out = np.empty((count, self.size))
        cdef Py_ssize_t k
        with nogil:
            for k in range(count):
                self.fill(&out[k, 0])
        return np.asarray(out)

    @property
    def state(self):
        """States of the generators, (chunks, 2, 8)."""
        return np.array(self.words)

    @state.setter
    def state(self, words):
        if np.shape(words) != np.shape(self.words):
            raise ValueError("the snapshot is of another problem")
        np.asarray(self.words)[...] = words


#: schemes of noise: of each the sweep that a step begins with
SCHEMES = {"heun": QN_PREDICT, "euler": QN_EULER, "leimkuhler-matthews": QN_AVERAGED}


cdef class NoisyKuramoto:
    """dx_i = omega_i dt + gain_i sum_j w_j sin(x_j - x_i - lag) dt + sqrt(2 D_i) dW_i.

    Parameters
    ----------
    x : (n,) array
    normals : Normals
        Of n.
    noise : float or (n,) array
        D.
    gain : float or (n,) array
    scheme : str
        One of ``SCHEMES``.
    omega, weights : (n,) array, number or None
    lag : float
    threads : int
    """

    cdef Normals normals
    cdef qn_rule rule
    cdef int threads
    cdef Py_ssize_t n, padded
    cdef double[::1] y, s, c, u, omega, sigma, gain, weights
    cdef bint plain
    cdef double same_omega, same_gain, same_sigma
    cdef double complex lag           # exp(-i lag)
    cdef double sum_c, sum_s
    cdef readonly long long evaluations

    def __init__(self, x, Normals normals, noise, gain, str scheme="heun", omega=None, weights=None,
                 double lag=0.0, int threads=1):
        self.normals, self.rule, self.threads = normals, SCHEMES[scheme], threads
        self.n = normals.size
        self.padded = 16 * ((self.n + 15) // 16)
        # not a multiple of a page apart
        rows = (np.zeros(self.padded + 96)[:self.padded] for _ in range(4))
        self.y, self.s, self.c, self.u = rows
        self.lag = of_parts(cos(lag), -sin(lag))
        given = [v for v in (noise, gain, omega) if v is not None]
        self.plain = weights is None and all(np.ndim(v) == 0 for v in given)
        omega = 0.0 if omega is None else omega
        if self.plain:
            self.same_omega, self.same_gain, self.same_sigma = omega, gain, sqrt(2 * noise)
        else:
            self.omega, self.gain = self.filled(omega), self.filled(gain)
            self.sigma = np.sqrt(2 * np.asarray(self.filled(noise)))
            self.weights = self.filled(1.0 if weights is None else weights)
        self.place(x)
        self.first_kicks()

    cdef object filled(self, values):
        """(padded,) array, of zeros behind the particles."""
        out = np.zeros(self.padded)
        out[:self.n] = values
        return out

    cdef void first_kicks(self):
        if self.rule != QN_AVERAGED:
            return
        cdef Py_ssize_t i
        self.normals.fill(&self.u[0])
        if not self.plain:
            for i in range(self.padded):
                self.u[i] *= self.sigma[i]

    def place(self, x):
        """Put the particles at `x`."""
        if np.shape(x) != (self.n,):
            raise ValueError(f"x must hold {self.n} numbers")
        np.asarray(self.y)[:self.n] = np.asarray(x) / (2 * np.pi)
        cdef qn_sweep sweep
        self.sweep(QN_START, &sweep)

    cdef int one(
        self,
        Py_ssize_t chunk,   # IN
        qn_rule rule,       # IN
        qn_sweep* sweep,    # INOUT
    ) noexcept nogil:
        cdef qn_chunk p
        cdef Py_ssize_t first = self.normals.bound(chunk), end = self.normals.bound(chunk + 1)
        p.count = (self.padded if chunk == self.normals.chunks - 1 else end) - first
        p.state = &self.normals.words[chunk, 0, 0]
        p.y, p.s, p.c, p.u = &self.y[first], &self.s[first], &self.c[first], &self.u[first]
        p.omega = p.gain = p.sigma = p.weight = NULL
        if not self.plain:
            p.omega, p.gain = &self.omega[first], &self.gain[first]
            p.sigma, p.weight = &self.sigma[first], &self.weights[first]
        if rule == QN_START:
            self.normals.kernels.start(&p, sweep)
        elif rule == QN_EULER:
            self.normals.kernels.euler(&p, sweep)
        elif rule == QN_AVERAGED:
            self.normals.kernels.averaged(&p, sweep)
        elif rule == QN_PREDICT:
            self.normals.kernels.predict(&p, sweep)
        else:
            self.normals.kernels.correct(&p, sweep)
        return 0

    cdef void sweep(
        self,
        qn_rule rule,               # IN
        const qn_sweep* common,     # IN
    ) noexcept nogil:
        """One pass over all particles; leaves their sums in sum_c, sum_s."""
        cdef qn_sweep[16] each
        cdef Py_ssize_t chunk, i, chunks = self.normals.chunks
        for chunk in range(chunks):
            each[chunk] = common[0]
        if parallel(self.threads, chunks):
            for chunk in prange(chunks, num_threads=self.threads, schedule="static", chunksize=1):
                self.one(chunk, rule, &each[chunk])
        else:
            for chunk in range(chunks):
                self.one(chunk, rule, &each[chunk])
        self.sum_c = self.sum_s = 0
        for chunk in range(chunks):
            self.sum_c += each[chunk].sum_c
            self.sum_s += each[chunk].sum_s
        if self.plain:
            # those behind the last particle have counted
            for i in range(self.n, self.padded):
                self.sum_c -= self.c[i]
                self.sum_s -= self.s[i]

    cdef void pull(
        self,
        double scale,       # IN
        qn_sweep* sweep,    # OUT re, im
    ) noexcept nogil:
        """The force of a step, in turns."""
        cdef double complex force = of_parts(self.sum_c, self.sum_s) * self.lag
        if self.plain:
            scale *= self.same_gain
        sweep.re, sweep.im = scale * force.real, scale * force.imag

    def steps(self, double h, Py_ssize_t count, factors=None):
        """Go on by `count` steps of length h; returns how many were taken before something
        overflowed.

        Parameters
        ----------
        h : float
        count : int
        factors : (count + 1,) array, optional
            Factor of every force at the beginning of each step and at the end of the last.
        """
        cdef qn_sweep sweep
        cdef Py_ssize_t k
        cdef double turns = 1 / (2 * M_PI), now = 1, then = 1
        cdef const double[::1] strength = None
        if factors is not None:
            strength = np.ascontiguousarray(factors, dtype=np.float64)
        if strength is not None and strength.shape[0] != count + 1:
            raise ValueError(f"factors must hold {count + 1} numbers")
        with nogil:
            sweep.h = h * turns
            sweep.drift = self.same_omega * sweep.h
            sweep.root = sqrt(h) * turns * (self.same_sigma if self.plain else 1)
            for k in range(count):
                if strength is not None:
                    now, then = strength[k], strength[k + 1]
                self.evaluations += 1
                self.pull(now * sweep.h, &sweep)
                if self.rule == QN_PREDICT:
                    self.sweep(QN_PREDICT, &sweep)
                    self.evaluations += 1
                    self.pull(then * sweep.h, &sweep)
                    self.sweep(QN_CORRECT, &sweep)
                else:
                    self.sweep(self.rule, &sweep)
                if not (isfinite(self.sum_c) and isfinite(self.sum_s)):
                    break
            else:
                k = count
        return k

    @property
    def positions(self):
        """Where the particles are, (n,)."""
        return 2 * np.pi * np.asarray(self.y)[:self.n]

    def snapshot(self):
        """What continuing bit for bit needs."""
        return {"turns": np.array(self.y), "kicks": np.array(self.u), "words": self.normals.state,
                "evaluations": int(self.evaluations)}

    def restore(self, saved):
        """Go on from a snapshot."""
        if np.shape(saved["turns"]) != (self.padded,) or np.shape(saved["kicks"]) != (self.padded,):
            raise ValueError(f"the snapshot is of another problem, not of {self.n} particles")
        np.asarray(self.y)[...] = saved["turns"]
        np.asarray(self.u)[...] = saved["kicks"]
        self.normals.state = saved["words"]
        self.evaluations = saved["evaluations"]
        cdef qn_sweep sweep
        self.sweep(QN_START, &sweep)
