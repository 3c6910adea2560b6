"""Discrete truncated Wigner trajectories of collective spins, in blocks of samples side by side."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport ceil, fabs, fmax, fmin, pow, sqrt, INFINITY
from libc.stdint cimport uint64_t
from libc.string cimport memset

import time

import numpy as np

from qsyncplug._ext.status cimport RUNNING, STEP_LIMIT
from qsyncplug._ext.step cimport Step

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
    double dtwa_error(int, double, double**, double)
    double dtwa_norm(int, const double*, double)
    void dtwa_shift(int, double, const double*, const double*, double*)
    void dtwa_rk4(int, double, double**, double*)
    void dtwa_observe(const dtwa_model*, const double*, const double*, int, double*, double*)
    void dtwa_seed(dtwa_stream*, uint64_t, uint64_t)
    uint64_t dtwa_next(dtwa_stream*)
    double dtwa_uniform(dtwa_stream*)
    double dtwa_normal(dtwa_stream*)
    int dtwa_ones(uint64_t)


cdef class Block(Step):
    """LANES samples side by side, which go the same steps."""

    cdef const dtwa_model* model
    cdef double[::1] weight         # (items, LANES)
    cdef double tolerance
    cdef long long nsteps

    # IN t, y (items, 3, LANES); OUT dy (items, 3, LANES)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        dtwa_rhs(self.model, &self.weight[0], y, NULL, dy)
        return 0

    cdef int may_go_on(self) noexcept nogil:
        return STEP_LIMIT if self.accepted + self.rejected >= self.nsteps else RUNNING

    cdef double choose_first_step(
        self,
        double limit,       # IN
    ) noexcept nogil:
        cdef double largest = 0
        cdef Py_ssize_t k
        for k in range(self.n):
            largest = fmax(largest, fabs(self.K[0][k]))
        return fmin(self.max_step, 0.5 * pow(self.tolerance, 0.125) / fmax(largest, 1e-3))

    cdef int look_for_rate(self) noexcept nogil:
        # fields turn the spins: nothing decays
        return 0

    cdef double norm(
        self,
        const double* v,    # IN (n,)
        const double* y,    # IN (n,)
    ) noexcept nogil:
        return dtwa_norm(self.n, v, self.tolerance)

    cdef double error(
        self,
        double h,           # IN
    ) noexcept nogil:
        return dtwa_error(self.n, h, self.K, self.tolerance)


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
            TimeoutError (the clock ``time.perf_counter`` passed `deadline`), ArithmeticError (no
            step is short enough), KeyboardInterrupt.
        """
        cdef Py_ssize_t T = self.times.shape[0], k, done = 0
        cdef double[:, ::1] sums = np.zeros((T, self.moments))
        cdef double[:, ::1] squares = np.zeros((T, self.moments))
        cdef long long[2] steps
        cdef int code = RUNNING
        cdef Block block = self.new_block()
        stop = None
        steps[0] = steps[1] = 0
        with nogil:
            for k in range((count + LANES - 1) // LANES):
                code = self.run_block(block, first + k * LANES, <int>min(LANES, count - k * LANES),
                                      &sums[0, 0], &squares[0, 0], steps)
                if code != RUNNING:
                    break
                done = min(count, (k + 1) * LANES)
                with gil:
                    try:
                        PyErr_CheckSignals()
                        if self.cancelled:
                            raise KeyboardInterrupt
                        if time.perf_counter() > deadline:
                            raise TimeoutError("the deadline has passed")
                    except BaseException as error:
                        stop = error
                if stop is not None:
                    break
        if code != RUNNING:
            # the sums already hold the earlier times of the block that failed
            sums[:, :] = 0
            squares[:, :] = 0
            done = 0
            stop = (OverflowError("too many steps") if code == STEP_LIMIT
                    else ArithmeticError("no step is short enough for the tolerance"))
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

    cdef Block new_block(self):
        cdef Block block = Block()
        block.model = &self.model
        block.weight = np.zeros(self.model.items * LANES)
        block.allocate(self.n, 1, np.full(1, self.tolerance))
        block.max_step, block.tolerance, block.nsteps = self.max_step, self.tolerance, self.nsteps
        return block

    cdef int run_block(
        self,
        Block block,            # INOUT scratch
        Py_ssize_t first,       # IN number of the first sample
        int active,             # IN samples that count
        double* sums,           # INOUT (T, moments)
        double* squares,        # INOUT (T, moments)
        long long* steps,       # INOUT accepted, rejected
    ) noexcept nogil:
        """One block from the first to the last time; Status."""
        cdef dtwa_stream streams[LANES]
        cdef int code
        self.draw(first, streams, block.scratch, &block.weight[0])
        block.begin(self.times[0], block.scratch)
        if self.noise.shape[0]:
            return self.stochastic(active, block.K, block.y, block.scratch, &block.weight[0],
                                   streams, sums, squares, steps)
        code = self.deterministic(block, active, sums, squares)
        steps[0] += block.accepted
        steps[1] += block.rejected
        return code

    cdef int deterministic(
        self,
        Block block,            # INOUT at its beginning
        int active,             # IN samples that count
        double* sums,           # INOUT (T, moments)
        double* squares,        # INOUT (T, moments)
    ) noexcept nogil:
        """Dormand-Prince 8(5,3) with dense output; Status."""
        cdef Py_ssize_t T = self.times.shape[0], done = 0, at
        cdef int code
        while done < T:
            if self.times[done] > block.t:
                code = block.take(INFINITY)
                if code != RUNNING:
                    return code
                continue
            block.interpolate(self.times[done], block.scratch)
            at = done * self.moments
            dtwa_observe(&self.model, &block.weight[0], block.scratch, active, sums + at,
                         squares + at)
            done += 1
        return RUNNING

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
                    return STEP_LIMIT
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
        return RUNNING
