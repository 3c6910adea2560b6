"""Discrete truncated Wigner trajectories of collective spins, in blocks of samples side by side."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport ceil, fabs, fmax, fmin, pow, sqrt, INFINITY
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import time

import numpy as np

cdef extern from "dtwa_kernel.h" nogil:
    enum:
        LANES
        MAX_GROUPS
    ctypedef struct dtwa_model:
        int groups
        int items
        int* group
        double (*field)[3]
        double (*coupling)[MAX_GROUPS][3]
        double (*own)[3]
        double (*decay)[MAX_GROUPS]
        int has_decay
        double* spins
    ctypedef struct dtwa_stream:
        int has_spare
    # the header says what is IN and OUT
    void dtwa_rhs(const dtwa_model*, const double*, const double*, const double*, double*)
    void dtwa_combine(int, int, double, double**, const double*, double*)
    double dtwa_error(int, double, double**, double)
    void dtwa_dense(int, double, double**, const double*, const double*, double**)
    void dtwa_interpolate(int, double, double**, const double*, double*)
    void dtwa_shift(int, double, const double*, const double*, double*)
    void dtwa_rk4(int, double, double**, double*)
    void dtwa_observe(const dtwa_model*, const double*, const double*, int, double*, double*)
    void dtwa_seed(dtwa_stream*, uint64_t, uint64_t)
    uint64_t dtwa_next(dtwa_stream*)
    double dtwa_uniform(dtwa_stream*)
    double dtwa_normal(dtwa_stream*)
    int dtwa_ones(uint64_t)

cdef enum:
    ROWS = 29           # 16 stages, y before and after, 7 of the dense output, scratch, noise


cdef class Ensemble:
    """What every sample shares: the model, the initial product state, the times.

    Runs of chunks may overlap in threads.

    Parameters
    ----------
    spins : sequence of int
        Spins 1/2 in each group.
    field : (G, 3), coupling : (G, G, 3), own : (G, 3), decay : (G, G)
        The field on group a is field[a] + sum_b coupling[a, b] J_b + decay; own[a] s is taken off
        for each spin s.
    noise : (K, G)
        Amplitudes of the K complex noises, one a jump operator.
    direction : (G, 3, 3)
        Rows: the Bloch direction and two directions across it.
    length : (G,)
        Length of the Bloch vector (1 where a group has more than one spin).
    """

    cdef dtwa_model model
    cdef public bint cancelled     # runs in other threads end after the block they are in
    cdef double[:, ::1] noise
    cdef double[:, :, ::1] direction
    cdef double[::1] length
    cdef double[::1] times
    cdef double tolerance, max_step
    cdef long long nsteps
    cdef uint64_t seed
    cdef int n
    cdef readonly int moments

    def __init__(self, spins, field, coupling, own, decay, noise, direction, length, times,
                 double tolerance, double max_step, long long nsteps, seed):
        cdef int a, b, mu, G = len(spins)
        if not 1 <= G <= MAX_GROUPS:
            raise ValueError(f"there must be 1 to {MAX_GROUPS} groups of spins, not {G}")
        memset(&self.model, 0, sizeof(self.model))
        self.model.groups = G
        for a in range(G):
            self.model.spins[a] = spins[a]
            for _ in range(1 if spins[a] == 1 else 4):
                self.model.group[self.model.items] = a
                self.model.items += 1
            for mu in range(3):
                self.model.field[a][mu] = field[a][mu]
                self.model.own[a][mu] = own[a][mu]
            for b in range(G):
                self.model.decay[a][b] = decay[a][b]
                if decay[a][b] != 0:
                    self.model.has_decay = 1
                for mu in range(3):
                    self.model.coupling[a][b][mu] = coupling[a][b][mu]
        self.noise = np.array(noise, dtype=float).reshape(-1, G)
        self.direction = np.array(direction, dtype=float)
        self.length = np.array(length, dtype=float)
        self.times = np.array(times, dtype=float)
        self.tolerance = tolerance
        self.max_step = max_step
        self.nsteps = nsteps
        self.seed = seed
        self.n = 3 * self.model.items * LANES
        self.moments = 3 * G + 3 * G * (3 * G + 1) // 2 + 4 * G + G * (2 * G + 1)

    def run(self, Py_ssize_t first, Py_ssize_t count, double deadline=INFINITY):
        """Samples `first` to `first + count`: sums and sums of squares of the observables.

        Returns
        -------
        sums, squares : (T, moments)
        steps, rejected : int
        done : int
            Samples in the sums.
        error : exception or None
            Why they are not all: OverflowError (more than `nsteps` steps in one sample),
            TimeoutError (the clock ``time.perf_counter`` passed `deadline`), MemoryError,
            KeyboardInterrupt.
        """
        cdef Py_ssize_t T = self.times.shape[0], block, done = 0
        cdef double[:, ::1] sums = np.zeros((T, self.moments))
        cdef double[:, ::1] squares = np.zeros((T, self.moments))
        cdef long long[2] steps
        cdef int code = 0
        cdef double* work
        stop = None
        steps[0] = steps[1] = 0
        with nogil:
            work = <double*>malloc(
                (ROWS * self.n + 5 * MAX_GROUPS * LANES + self.n) * sizeof(double)
            )
            if work == NULL:
                code = -1
            else:
                for block in range((count + LANES - 1) // LANES):
                    code = self.block(first + block * LANES, <int>min(LANES, count - block * LANES),
                                      work, &sums[0, 0], &squares[0, 0], steps)
                    if code != 0:
                        break
                    done = min(count, (block + 1) * LANES)
                    with gil:
                        try:
                            PyErr_CheckSignals()
                            if self.cancelled:
                                raise KeyboardInterrupt
                            if time.perf_counter() > deadline:
                                raise TimeoutError("the deadline has passed")
                        except BaseException as error:
                            stop = error
                            code = -2
                    if code != 0:
                        break
                free(work)
        if code == -1:
            stop = MemoryError("no memory for a block of samples")
        elif code > 0:
            # the sums already hold the earlier times of the block that failed
            sums[:, :] = 0
            squares[:, :] = 0
            done = 0
            stop = OverflowError("too many steps")
        return np.asarray(sums), np.asarray(squares), steps[0], steps[1], done, stop

    def sample(self, Py_ssize_t first, Py_ssize_t count):
        """Initial vectors (count, items, 3) and weights (count, items) of some samples."""
        cdef Py_ssize_t k, i
        cdef int mu, items = self.model.items
        cdef double[:, :, ::1] vectors = np.empty((count, items, 3))
        cdef double[:, ::1] weights = np.empty((count, items))
        cdef dtwa_stream streams[LANES]
        cdef double y[3 * 4 * MAX_GROUPS * LANES]
        cdef double w[4 * MAX_GROUPS * LANES]
        for k in range(count):
            if k % LANES == 0:
                self.draw(first + k, streams, y, w)
            for i in range(items):
                weights[k, i] = w[i * LANES + k % LANES]
                for mu in range(3):
                    vectors[k, i, mu] = y[(3 * i + mu) * LANES + k % LANES]
        return np.asarray(vectors), np.asarray(weights)

    cdef void draw(
        self,
        Py_ssize_t first,       # IN number of the first sample
        dtwa_stream* streams,   # OUT (LANES,): what the block goes on with
        double* y,              # OUT (items, 3, LANES)
        double* weight,         # OUT (items, LANES)
    ) noexcept nogil:
        """Initial vectors and weights of one block."""
        cdef int lane, a, c, item, mu, sign, both, one, other, left, take
        cdef int[4] counts
        cdef uint64_t p, q, mask
        for lane in range(LANES):
            dtwa_seed(&streams[lane], self.seed, <uint64_t>(first + lane))
            item = 0
            for a in range(self.model.groups):
                if self.model.spins[a] == 1:
                    sign = 1 if dtwa_uniform(&streams[lane]) < 0.5 * (1 + self.length[a]) else -1
                    p = dtwa_next(&streams[lane])
                    one = 1 if p >> 63 else -1
                    other = 1 if (p >> 62) & 1 else -1
                    weight[item * LANES + lane] = 1
                    for mu in range(3):
                        y[(3 * item + mu) * LANES + lane] = (
                            sign * self.direction[a, 0, mu] + one * self.direction[a, 1, mu]
                            + other * self.direction[a, 2, mu])
                    item += 1
                    continue
                counts[0] = counts[1] = counts[2] = counts[3] = 0
                left = <int>self.model.spins[a]
                while left > 0:
                    # two random bits a spin
                    take = min(left, 64)
                    mask = ~(<uint64_t>0) >> (64 - take)
                    p = dtwa_next(&streams[lane])
                    q = dtwa_next(&streams[lane])
                    both = dtwa_ones(p & q & mask)
                    one = dtwa_ones(p & mask) - both
                    other = dtwa_ones(q & mask) - both
                    counts[0] += both
                    counts[1] += one
                    counts[2] += other
                    counts[3] += take - both - one - other
                    left -= take
                for c in range(4):
                    weight[item * LANES + lane] = counts[c]
                    for mu in range(3):
                        y[(3 * item + mu) * LANES + lane] = (
                            self.direction[a, 0, mu]
                            + (1 if c < 2 else -1) * self.direction[a, 1, mu]
                            + (1 if c % 2 == 0 else -1) * self.direction[a, 2, mu])
                    item += 1

    cdef int block(
        self,
        Py_ssize_t first,       # IN number of the first sample
        int active,             # IN samples that count
        double* work,           # OUT scratch
        double* sums,           # INOUT (T, moments)
        double* squares,        # INOUT (T, moments)
        long long* steps,       # INOUT accepted, rejected
    ) noexcept nogil:
        """One block from the first to the last time."""
        cdef double* K[16]
        cdef double* F[7]
        cdef double* y = work + 16 * self.n
        cdef double* after = work + 17 * self.n
        cdef double* scratch = work + 25 * self.n
        cdef double* weight = work + ROWS * self.n
        cdef dtwa_stream streams[LANES]
        cdef int s
        for s in range(16):
            K[s] = work + s * self.n
        for s in range(7):
            F[s] = work + (18 + s) * self.n
        self.draw(first, streams, y, weight)
        if self.noise.shape[0]:
            return self.stochastic(active, K, y, scratch, weight, streams, sums, squares, steps)
        return self.deterministic(active, K, F, y, after, scratch, weight, sums, squares, steps)

    cdef int deterministic(
        self,
        int active,             # IN samples that count
        double** K,             # OUT scratch: 16 stages
        double** F,             # OUT scratch: dense output
        double* y,              # INOUT (items, 3, LANES)
        double* after,          # OUT scratch
        double* scratch,        # OUT scratch
        double* weight,         # IN (items, LANES)
        double* sums,           # INOUT (T, moments)
        double* squares,        # INOUT (T, moments)
        long long* steps,       # INOUT accepted, rejected
    ) noexcept nogil:
        """Dormand-Prince 8(5,3) with dense output."""
        cdef Py_ssize_t T = self.times.shape[0], done = 0, at
        cdef double t = self.times[0], h, error, factor, largest = 0
        cdef long long taken = 0
        cdef int k, n = self.n, s
        cdef bint rejected = False
        cdef double* swap
        dtwa_rhs(&self.model, weight, y, NULL, K[0])
        for k in range(n):
            largest = fmax(largest, fabs(K[0][k]))
        h = fmin(self.max_step, 0.5 * pow(self.tolerance, 0.125) / fmax(largest, 1e-3))
        while True:
            while done < T and self.times[done] <= t:
                # only the first time is met here: the others lie within a step
                at = done * self.moments
                dtwa_observe(&self.model, weight, y, active, sums + at, squares + at)
                done += 1
            if done == T:
                return 0
            if taken >= self.nsteps:
                return 1
            taken += 1
            for s in range(1, 12):
                dtwa_combine(s, n, h, K, y, after)
                dtwa_rhs(&self.model, weight, after, NULL, K[s])
            dtwa_combine(12, n, h, K, y, after)
            error = dtwa_error(n, h, K, self.tolerance)
            if not (error < 1):
                steps[1] += 1
                rejected = True
                h *= 0.2 if not (error < INFINITY) else fmax(0.2, 0.9 * pow(error, -0.125))
                continue
            steps[0] += 1
            dtwa_rhs(&self.model, weight, after, NULL, K[12])
            if self.times[done] <= t + h:
                for s in range(13, 16):
                    dtwa_combine(s, n, h, K, y, scratch)
                    dtwa_rhs(&self.model, weight, scratch, NULL, K[s])
                dtwa_dense(n, h, K, y, after, F)
                while done < T and self.times[done] <= t + h:
                    dtwa_interpolate(n, (self.times[done] - t) / h, F, y, scratch)
                    at = done * self.moments
                    dtwa_observe(&self.model, weight, scratch, active, sums + at, squares + at)
                    done += 1
            t += h
            memcpy(y, after, n * sizeof(double))
            swap = K[0]
            K[0] = K[12]
            K[12] = swap
            factor = 6.0 if error == 0 else fmin(6.0, 0.9 * pow(error, -0.125))
            if rejected:
                factor = fmin(1.0, factor)
            rejected = False
            h = fmin(self.max_step, h * factor)

    cdef int stochastic(
        self,
        int active,             # IN samples that count
        double** K,             # OUT scratch: 4 stages
        double* y,              # INOUT (items, 3, LANES)
        double* scratch,        # OUT scratch
        double* weight,         # IN (items, LANES)
        dtwa_stream* streams,   # INOUT (LANES,)
        double* sums,           # INOUT (T, moments)
        double* squares,        # INOUT (T, moments)
        long long* steps,       # INOUT accepted, rejected
    ) noexcept nogil:
        """Fourth-order Runge-Kutta steps, the noise constant in each: converges to the Stratonovich
        solution.
        """
        cdef Py_ssize_t T = self.times.shape[0], done, parts, at
        cdef int n = self.n, lane, k, a, jumps = <int>self.noise.shape[0]
        cdef double h, u, v
        cdef long long taken = 0
        cdef double noise[2 * MAX_GROUPS * LANES]
        dtwa_observe(&self.model, weight, y, active, sums, squares)
        for done in range(1, T):
            parts = <Py_ssize_t>ceil((self.times[done] - self.times[done - 1]) / self.max_step)
            parts = max(parts, 1)
            h = (self.times[done] - self.times[done - 1]) / parts
            for _ in range(parts):
                if taken >= self.nsteps:
                    return 1
                taken += 1
                memset(noise, 0, sizeof(noise))
                for lane in range(LANES):
                    for k in range(jumps):
                        u = dtwa_normal(&streams[lane]) / sqrt(h)
                        v = dtwa_normal(&streams[lane]) / sqrt(h)
                        for a in range(self.model.groups):
                            noise[2 * a * LANES + lane] += self.noise[k, a] * u
                            noise[(2 * a + 1) * LANES + lane] += self.noise[k, a] * v
                dtwa_rhs(&self.model, weight, y, noise, K[0])
                dtwa_shift(n, 0.5 * h, K[0], y, scratch)
                dtwa_rhs(&self.model, weight, scratch, noise, K[1])
                dtwa_shift(n, 0.5 * h, K[1], y, scratch)
                dtwa_rhs(&self.model, weight, scratch, noise, K[2])
                dtwa_shift(n, h, K[2], y, scratch)
                dtwa_rhs(&self.model, weight, scratch, noise, K[3])
                dtwa_rk4(n, h, K, y)
                steps[0] += 1
            at = done * self.moments
            dtwa_observe(&self.model, weight, y, active, sums + at, squares + at)
        return 0
