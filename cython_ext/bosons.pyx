"""Mean field and covariance of boson models: polynomials in complex variables and their
conjugates.
"""

from libc.math cimport floor, pow, sqrt
from libc.stdint cimport uintptr_t

import numpy as np

from qsyncplug._ext.complexes cimport conj
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.step cimport LINE

cdef extern from "polynomials.h" nogil:
    # the header says what is IN and OUT
    void poly_products(long count, const int* first, const int* second, const double* number,
                       double* product)
    void poly_rows(long rows, const int* start, const int* middle, const int* column,
                   const int* factor, const double* re, const double* im,
                   const double* coefficient, const double* number, double* out)
    void poly_run_letters(long n, const double* z, double* re, double* im)
    void poly_run_products(long count, const int* run, double* re, double* im)
    void poly_run_sums(long rows, long count, const int* run, const double* cre,
                       const double* cim, const double* re, const double* im, double* x,
                       double* y, double* out)

cdef extern from "lanes.h" nogil:
    void lanes_gather(long blocks, const int* source, const double* y, double* v)
    void lanes_products(long count, const int* op, double* v)
    void lanes_sums(long count, const int* head, const int* place, const int* target,
                    const double* weight, const double* v, double* out)

cdef extern from "covariance.h" nogil:
    long cov_padded(long d)
    void cov_affine(long groups, const int* group, const int* target, const double* base,
                    const int* source, const double* weight, const double* given, double* out)
    bint cov_small(long d, const int* start, const int* column, const double* element,
                   const double* upper, double shift, const double* D, double* rate)
    void cov_unpack(long d, const double* upper, double shift, double* C)
    void cov_rate(long d, const int* start, const int* column, const double* element,
                  const double* C, const double* D, double* A, double* rate)


cdef inline double* first_of_line(
    double* at,     # IN
) noexcept nogil:
    """The first place from here on where a line of the cache begins."""
    while <uintptr_t>at % (LINE * sizeof(double)) != 0:
        at += 1
    return at


cdef class Runs:
    """Polynomials in runs, real and imaginary parts apart; see qsyncplug.operators.polynomial."""

    cdef Py_ssize_t width, outputs
    cdef int[:, ::1] products, sums
    cdef double[::1] re, im, cre, cim, x, y

    def __init__(self, arrays, Py_ssize_t outputs):
        """IN arrays of `find_runs`, number of rows."""
        width, numbers = arrays["run_sizes"].tolist()
        self.width, self.outputs = width, outputs
        self.products, self.sums = arrays["run_products"], arrays["run_sums"]
        self.cre, self.cim = arrays["run_re"], arrays["run_im"]
        # runs are done by four numbers, and may end beyond the last
        self.re, self.im = np.ones(numbers + 3), np.zeros(numbers + 3)
        self.x, self.y = np.zeros(outputs + 3), np.zeros(outputs + 3)

    cdef void evaluate(
        self,
        const double complex* z,    # IN (width,) at least
        double complex* out,        # OUT (outputs,)
    ) noexcept nogil:
        poly_run_letters(self.width, <const double*>z, &self.re[0], &self.im[0])
        if self.products.shape[0]:
            poly_run_products(self.products.shape[0], &self.products[0, 0], &self.re[0],
                              &self.im[0])
        poly_run_sums(self.outputs, self.sums.shape[0], &self.sums[0, 0], &self.cre[0],
                      &self.cim[0], &self.re[0], &self.im[0], &self.x[0], &self.y[0],
                      <double*>out)


cdef inline double half_power(double x, double inverse, double root, int twice) noexcept nogil:
    """IN x, 1/x, sqrt(x), exponent in halves: by products alone."""
    cdef int _k, whole = (twice - (twice & 1)) // 2     # rounded down
    cdef double y = root if twice & 1 else 1.0
    for _k in range(whole):
        y *= x
    for _k in range(-whole):
        y *= inverse
    return y


def number_places(numbers, letters):
    """IN numbers as `compile_polynomials` names them, how many letters there are: their places."""
    return np.where(numbers > 0, numbers + letters, -numbers).astype(np.intc)


# exponents in halves up to which products take less time than a logarithm
cdef int FEW_HALVES = 16


cdef class Polynomials:
    """Sparse rows over numbers: 1, the letters (conj(z_0), z_0, conj(z_1), ..., then powers of
    polynomials in them, each twice), and products of two numbers each.
    """

    cdef readonly Py_ssize_t variables, products, outputs
    cdef Polynomials bases
    cdef double[::1] exponent
    cdef int[::1] base_of, twice
    cdef double complex[::1] base
    cdef Py_ssize_t powers
    cdef int[::1] first, second, start, middle, column, factor
    cdef double[::1] re, im
    cdef double complex[::1] number, both, coefficient
    cdef object factors
    cdef bint time_dependent
    cdef Runs runs
    cdef public object error

    def __init__(self, Py_ssize_t variables, arrays, factors, powers=None):
        """IN arrays and factors of `qsyncplug.operators.polynomial.compile_polynomials`; powers:
        arrays of real polynomials; of each letter after the variables which of them it is a power
        of, and the exponent.
        """
        self.variables = variables
        self.powers = 0
        if powers is not None:
            self.bases = Polynomials(variables, powers[0], [()])
            self.base_of, self.exponent = powers[1], powers[2]
            self.powers = self.exponent.shape[0]
            self.base = np.empty(self.bases.outputs, dtype=complex)
            halves = np.asarray(2 * np.asarray(self.exponent))
            few = (halves == np.round(halves)) & (np.abs(halves) <= FEW_HALVES)
            # 0, which is no exponent: by a logarithm
            self.twice = np.where(few, halves, 0).astype(np.intc)
        letters = 2 * (variables + self.powers)
        self.first, self.second, self.column = (
            number_places(arrays[name], letters) for name in ("first", "second", "column"))
        self.start, self.middle, self.factor = arrays["start"], arrays["middle"], arrays["factor"]
        self.re, self.im = arrays["re"], arrays["im"]
        self.products = self.first.shape[0]
        self.outputs = self.start.shape[0] - 1
        self.factors = [tuple(f) for f in factors]
        self.coefficient = np.ones(len(self.factors), dtype=complex)
        self.time_dependent = len(self.factors) > 1
        self.number = np.ones(1 + letters + self.products, dtype=complex)
        self.both = self.number[1:1 + letters]
        # runs know of variables alone
        runs = "run_sizes" in arrays and powers is None
        self.runs = Runs(arrays, self.outputs) if runs else None

    cdef int raise_powers(
        self,
        double t,                   # IN
        const double complex* z,    # IN (variables,)
    ) noexcept nogil:
        """The letters that are powers; 1 where one is not defined."""
        cdef Py_ssize_t k, base = -1, at = 2 * self.variables
        cdef double x = 1, q, inverse = 1, root = 1
        cdef int code = self.bases.evaluate(t, z, &self.base[0])
        if code != 0:
            return code
        for k in range(self.powers):
            if self.base_of[k] != base:
                base = self.base_of[k]
                x = self.base[base].real
                inverse = 1 / x
                root = sqrt(x)
            q = self.exponent[k]
            # numbers below zero have whole powers alone, 0 has no negative ones
            if not (x > 0 or (x == 0 and q > 0) or (x < 0 and q == floor(q))):
                return 1
            if self.twice[k] != 0:
                q = half_power(x, inverse, root, self.twice[k])
            else:
                q = pow(x, q)
            self.both[at + 2 * k] = q
            self.both[at + 2 * k + 1] = q
        return 0

    cdef int update(self, double t) noexcept with gil:
        """Coefficients at time t: products of Python functions."""
        cdef Py_ssize_t k
        cdef double complex c
        try:
            for k in range(1, len(self.factors)):
                c = 1.0
                for f in self.factors[k]:
                    c = c * <double complex>f(t)
                self.coefficient[k] = c
        except BaseException as error:
            self.error = error
            return -1
        return 0

    cdef int evaluate(
        self,
        double t,                   # IN
        const double complex* z,    # IN (variables,)
        double complex* out,        # OUT (outputs,)
    ) noexcept nogil:
        """Every row at (t, z); 0; -1: `error` holds what a function raised; 1: outside of the
        domain of a power.
        """
        cdef Py_ssize_t k
        if self.runs is not None:
            self.runs.evaluate(z, out)
            return 0
        if self.time_dependent and self.update(t) != 0:
            return -1
        for k in range(self.variables):
            self.both[2 * k] = conj(z[k])
            self.both[2 * k + 1] = z[k]
        if self.powers and self.raise_powers(t, z) != 0:
            return 1
        # an empty list of products or entries has no first element
        if self.products:
            poly_products(self.products, &self.first[0], &self.second[0],
                          <const double*>&self.number[0],
                          <double*>(&self.number[0] + 1 + self.both.shape[0]))
        if self.column.shape[0]:
            poly_rows(self.outputs, &self.start[0], &self.middle[0], &self.column[0],
                      &self.factor[0] if self.time_dependent else NULL, &self.re[0], &self.im[0],
                      <const double*>&self.coefficient[0], <const double*>&self.number[0],
                      <double*>out)
        else:
            for k in range(self.outputs):
                out[k] = 0
        return 0

    def __call__(self, double t, z):
        cdef double complex[::1] state = np.array(z, dtype=complex).ravel()
        cdef double complex[::1] out = np.empty(self.outputs, dtype=complex)
        if state.shape[0] != self.variables:
            raise ValueError(f"z must hold {self.variables} numbers, not {state.shape[0]}")
        if self.evaluate(t, &state[0], &out[0]) != 0:
            error, self.error = self.error, None
            raise error or ValueError("outside of the domain of a power (a root of a number < 0)")
        return np.asarray(out)


cdef class PolynomialFlow(RightHandSide):
    """dz/dt = polynomials (complex state)."""

    cdef Polynomials polynomials

    def __init__(self, Polynomials polynomials):
        if polynomials.outputs != polynomials.variables:
            raise ValueError("a flow has one output for each variable")
        self.polynomials = polynomials
        self.complex_pairs = True
        self.size = 2 * polynomials.variables

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef int code = self.polynomials.evaluate(t, <const double complex*>y, <double complex*>dy)
        if code != 0:
            with gil:
                self.error = self.polynomials.error
        return code


cdef class Affine:
    """A constant and a sparse linear map of doubles."""

    cdef Py_ssize_t size
    cdef double[::1] constant, base, weight
    cdef int[:, ::1] group
    cdef int[::1] target, source

    def __init__(self, table):
        """IN table of `qsyncplug.operators.linear.affine`."""
        self.constant, self.base, self.weight = table["constant"], table["base"], table["weight"]
        self.group, self.target, self.source = table["group"], table["target"], table["source"]
        self.size = self.constant.shape[0]

    cdef double[::1] room(self, Py_ssize_t spare):
        """An array for what `evaluate` gives, with what is constant."""
        cdef double[::1] out = np.zeros(self.size + spare)
        cdef Py_ssize_t k
        for k in range(self.size):
            out[k] = self.constant[k]
        return out

    cdef void evaluate(
        self,
        const double* given,    # IN
        double* out,            # INOUT of `room`: what is not constant
    ) noexcept nogil:
        # an empty list has no first element
        if self.group.shape[0]:
            cov_affine(self.group.shape[0], &self.group[0, 0], &self.target[0], &self.base[0],
                       &self.source[0], &self.weight[0], given, out)


cdef class LaneSums:
    """Sums of a program in lanes; see lanes.h."""

    cdef int[:, ::1] head, target
    cdef int[::1] place
    cdef double[::1] weight

    def __init__(self, program, int k):
        """IN program of `lane_program`, which of its sums."""
        self.head, self.target = program[f"head{k}"], program[f"target{k}"]
        # an empty list has no first element
        self.place = np.append(program[f"place{k}"], np.intc(0))
        self.weight = np.append(program[f"weight{k}"], 0.0)

    cdef void evaluate(
        self,
        const double* v,    # IN
        double* out,        # OUT
    ) noexcept nogil:
        if self.head.shape[0]:
            lanes_sums(self.head.shape[0], &self.head[0, 0], &self.place[0], &self.target[0, 0],
                       &self.weight[0], v, out)


cdef class Lanes:
    """Real polynomials in lanes; see qsyncplug.operators.lanes."""

    cdef int[::1] source
    cdef int[:, ::1] products
    cdef LaneSums letters, drift, rates
    cdef double[::1] memory
    cdef double* v

    def __init__(self, program):
        """IN program of `lane_program`."""
        self.source, self.products = program["source"], program["products"]
        self.letters, self.drift, self.rates = (LaneSums(program, k) for k in range(3))
        # what a group of four reads beyond the last number is not used
        self.memory = np.zeros(program["size"][0] + 2 * LINE)
        self.v = first_of_line(&self.memory[0])

    cdef void evaluate(
        self,
        const double* y,    # IN state
        double* dy,         # OUT
        double* parts,      # OUT what `rates` gives
    ) noexcept nogil:
        lanes_gather(self.source.shape[0] // 4, &self.source[0], y, self.v)
        self.letters.evaluate(self.v, self.v)
        lanes_products(self.products.shape[0], &self.products[0, 0], self.v)
        self.drift.evaluate(self.v, dy)
        self.rates.evaluate(self.v, parts)


cdef class LinearisedFlow(RightHandSide):
    """Mean and covariance: dz/dt = F, dC/dt = M C + C M^T + D (see qsyncplug.approximate.linear).

    State: the complex variables z as pairs of doubles (real ones with a zero), then the upper
    triangle of C row by row. The polynomials are functions of z and, where `inner` says how, of
    elements of C; their first rows are F. `rates` makes of them and of z the elements of M, row by
    row, and then the upper triangle of D. `shift` is taken off the diagonal of C before M acts.
    """

    cdef Polynomials polynomials
    cdef Py_ssize_t n, d, rows
    cdef double shift
    cdef double complex[::1] out
    cdef double[::1] parts, point, matrices
    cdef double* C
    cdef double* A
    cdef int[::1] start, column, real
    cdef Affine inner, rates
    cdef Lanes lanes

    def __init__(self, Polynomials polynomials, tables):
        """IN tables of `qsyncplug.approximate.linear.LinearEquations`."""
        cdef Py_ssize_t d = tables["start"].shape[0] - 1
        cdef Py_ssize_t width = cov_padded(max(d, 1))
        self.polynomials = polynomials
        self.n, self.d, self.shift = tables["variables"], d, tables["shift"]
        self.start, self.column, self.real = tables["start"], tables["column"], tables["real"]
        self.size = 2 * self.n + d * (d + 1) // 2
        self.rows = polynomials.outputs
        self.out = np.zeros(self.rows + self.n, dtype=complex)
        self.rates = Affine(tables["rates"])
        self.inner = Affine(tables["inner"]) if "inner" in tables else None
        self.point = self.inner.room(0) if self.inner is not None else None
        self.parts = self.rates.room(1)
        self.lanes = Lanes(tables["lanes"]) if tables.get("lanes") else None
        # rows that begin where a line of the cache does are read without crossing one
        self.matrices = np.zeros(2 * width * width + LINE)
        self.C = first_of_line(&self.matrices[0])
        self.A = self.C + width * width

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t elements = self.column.shape[0]
        cdef const int* column = &self.column[0] if elements else NULL
        cdef const double* upper = y + 2 * self.n
        cdef double* element = &self.parts[0]
        cdef int code
        if self.lanes is not None:
            self.lanes.evaluate(y, dy, element)
        else:
            code = self.one_by_one(t, y, dy)
            if code != 0:
                return code
        if self.d and not cov_small(self.d, &self.start[0], column, element, upper, self.shift,
                                    element + elements, dy + 2 * self.n):
            cov_unpack(self.d, upper, self.shift, self.C)
            cov_rate(self.d, &self.start[0], column, element, self.C, element + elements, self.A,
                     dy + 2 * self.n)
        return 0

    cdef int one_by_one(
        self,
        double t,           # IN
        const double* y,    # IN
        double* dy,         # OUT of the mean
    ) noexcept nogil:
        """The rates of the mean, and what M and D are made of."""
        cdef Py_ssize_t n = self.n, i
        cdef const double complex* z = <const double complex*>y
        cdef int code
        if self.inner is not None:
            self.inner.evaluate(y, &self.point[0])
            z = <const double complex*>&self.point[0]
        code = self.polynomials.evaluate(t, z, &self.out[0])
        if code != 0:
            with gil:
                self.error = self.polynomials.error
            return code
        for i in range(n):
            dy[2 * i] = self.out[i].real
            # of a real variable the polynomial has the real part alone
            dy[2 * i + 1] = 0 if self.real[i] else self.out[i].imag
            self.out[self.rows + i] = z[i]
        if self.d:
            self.rates.evaluate(<const double*>&self.out[0], &self.parts[0])
        return 0


cdef class TangentFlow(RightHandSide):
    """Mean field and perturbations of it: dz/dt = F, dX/dt = M X.

    Polynomials and tables as for `LinearisedFlow`, without D. State: z as pairs of doubles, then
    the d real coordinates of each of `count` perturbations.
    """

    cdef Polynomials polynomials
    cdef Py_ssize_t n, d, count, rows
    cdef double complex[::1] out
    cdef double[::1] parts
    cdef int[::1] start, column, real
    cdef Affine rates

    def __init__(self, Polynomials polynomials, tables, Py_ssize_t count):
        """IN tables, and the number of perturbations."""
        self.polynomials = polynomials
        self.n, self.d = tables["variables"], tables["start"].shape[0] - 1
        self.count = count
        self.start, self.column, self.real = tables["start"], tables["column"], tables["real"]
        self.size = 2 * self.n + self.d * count
        self.rows = polynomials.outputs
        self.out = np.zeros(self.rows + self.n, dtype=complex)
        self.rates = Affine(tables["rates"])
        self.parts = self.rates.room(1)

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t n = self.n, d = self.d, i, k, at = 2 * n
        cdef int e
        cdef double sum
        cdef int code = self.polynomials.evaluate(t, <const double complex*>y, &self.out[0])
        if code != 0:
            with gil:
                self.error = self.polynomials.error
            return code
        for k in range(n):
            dy[2 * k] = self.out[k].real
            dy[2 * k + 1] = 0 if self.real[k] else self.out[k].imag
            self.out[self.rows + k] = (<const double complex*>y)[k]
        self.rates.evaluate(<const double*>&self.out[0], &self.parts[0])
        for _ in range(self.count):
            for i in range(d):
                sum = 0
                for e in range(self.start[i], self.start[i + 1]):
                    sum += self.parts[e] * y[at + self.column[e]]
                dy[at + i] = sum
            at += d
        return 0
