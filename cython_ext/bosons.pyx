"""Mean field and covariance of boson models: polynomials in complex variables and their
conjugates.
"""

from libc.math cimport sqrt

import numpy as np

from qsyncplug._ext.complexes cimport conj, square
from qsyncplug._ext.integrator cimport RightHandSide

cdef extern from "polynomials.h" nogil:
    # the header says what is IN and OUT
    void poly_monomials(long count, const int* parent, const int* letter, const double* both,
                        double* power)
    void poly_rows(long rows, const int* start, const int* middle, const int* column,
                   const int* factor, const double* re, const double* im,
                   const double* coefficient, const double* power, double* out)


cdef class Polynomials:
    """Sparse rows over a chain of monomials, each its parent times one variable."""

    cdef readonly Py_ssize_t variables, monomials, outputs
    cdef int[::1] parent, variable, start, middle, column, factor
    cdef double[::1] re, im
    cdef double complex[::1] both, power, coefficient
    cdef object factors
    cdef bint time_dependent
    cdef public object error

    def __init__(self, Py_ssize_t variables, arrays, factors):
        """IN arrays and factors of `qsyncplug.operators.polynomial.compile_polynomials`."""
        self.variables = variables
        self.parent, self.variable = arrays["parent"], arrays["variable"]
        self.start, self.middle = arrays["start"], arrays["middle"]
        self.column, self.factor = arrays["column"], arrays["factor"]
        self.re, self.im = arrays["re"], arrays["im"]
        self.monomials = self.parent.shape[0] + 1
        self.outputs = self.start.shape[0] - 1
        self.factors = [tuple(f) for f in factors]
        self.coefficient = np.ones(len(self.factors), dtype=complex)
        self.time_dependent = len(self.factors) > 1
        self.power = np.ones(self.monomials, dtype=complex)
        self.both = np.ones(2 * max(variables, 1), dtype=complex)

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
        """Every row at (t, z); 0, or -1: `error` holds what a function raised."""
        cdef Py_ssize_t k
        if self.time_dependent and self.update(t) != 0:
            return -1
        for k in range(self.variables):
            self.both[2 * k] = conj(z[k])
            self.both[2 * k + 1] = z[k]
        # an empty list of monomials or entries has no first element
        if self.monomials > 1:
            poly_monomials(self.monomials - 1, &self.parent[0], &self.variable[0],
                           <const double*>&self.both[0], <double*>&self.power[0])
        if self.column.shape[0]:
            poly_rows(self.outputs, &self.start[0], &self.middle[0], &self.column[0],
                      &self.factor[0], &self.re[0], &self.im[0],
                      <const double*>&self.coefficient[0], <const double*>&self.power[0],
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
            raise error
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

    cdef int evaluate(
        self,
        double t,           # IN
        const double* y,    # IN (size,)
        double* dy,         # OUT (size,)
    ) noexcept nogil:
        cdef int code = self.polynomials.evaluate(t, <const double complex*>y, <double complex*>dy)
        if code != 0:
            with gil:
                self.error = self.polynomials.error
        return code


def nonzero(
    Polynomials polynomials,    # IN
    int[::1] variable,          # IN (d,)
    scale,                      # IN (d,)
):
    """Rows, columns and ratios of scales of the elements of the real Jacobian whose derivative is
    no empty polynomial.
    """
    cdef Py_ssize_t n = polynomials.variables, d = variable.shape[0], a, b, k
    rows, columns, ratios = [], [], []
    for a in range(d):
        for b in range(d):
            k = n + variable[a] * n + variable[b]
            if polynomials.start[k] < polynomials.start[k + 1] or \
                    polynomials.start[k + n * n] < polynomials.start[k + n * n + 1]:
                rows.append(a)
                columns.append(b)
                ratios.append(scale[a] / scale[b])
    indices = np.array(rows, dtype=np.intc), np.array(columns, dtype=np.intc)
    return (*indices, np.array(ratios, dtype=float))


cdef inline double element(
    const double complex* uv,   # IN u=dF/dz, then v=dF/dz*, each (n, n)
    Py_ssize_t n,               # IN
    int i,                      # IN
    int j,                      # IN
    int own,                    # IN
    int other,                  # IN
) noexcept nogil:
    """The rate of part `own` of variable i with part `other` of variable j."""
    cdef double complex u = uv[i * n + j], v = uv[n * n + i * n + j]
    # d/d(Re z)=u+v, d/d(Im z)=i(u-v)
    if other == 0:
        return u.imag + v.imag if own else u.real + v.real
    return u.real - v.real if own else v.imag - u.imag


cdef class LinearisedFlow(RightHandSide):
    """Mean field and covariance: dz/dt = F, dC/dt = M C + C M^T + D.

    Rows of `polynomials`: F (n), u=dF/dz (n, n), v=dF/dz* (n, n), then the upper triangle of D
    (d, d).
    State: the complex variables z as pairs of doubles (real ones with a zero), then the upper
    triangle of C row by row. Coordinate a of C is scale[a] times the real (part 0) or imaginary
    part (part 1) of z[variable[a]].
    """

    cdef Polynomials polynomials
    cdef Py_ssize_t n, d
    cdef double complex[::1] out
    cdef double[:, ::1] C, A
    cdef int[::1] variable, part, row, column
    cdef double[::1] ratio

    def __init__(self, Polynomials polynomials, variable, part, scale):
        """IN variable, part (int) and scale of every coordinate."""
        cdef Py_ssize_t n = polynomials.variables, d = len(variable)
        self.polynomials = polynomials
        self.n, self.d = n, d
        self.variable = np.array(variable, dtype=np.intc)
        self.part = np.array(part, dtype=np.intc)
        self.size = 2 * n + d * (d + 1) // 2
        if polynomials.outputs != n + 2 * n * n + d * (d + 1) // 2:
            raise ValueError("the polynomials are not F, u, v and D")
        self.out = np.empty(polynomials.outputs, dtype=complex)
        self.C = np.empty((d, d))
        self.A = np.empty((d, d))
        self.row, self.column, self.ratio = nonzero(polynomials, self.variable, scale)

    cdef int evaluate(
        self,
        double t,           # IN
        const double* y,    # IN (size,)
        double* dy,         # OUT (size,)
    ) noexcept nogil:
        cdef Py_ssize_t n = self.n, d = self.d, i, j, k, e, at
        cdef double m
        cdef const double complex* D
        cdef double* target
        cdef const double* source
        cdef int code = self.polynomials.evaluate(t, <const double complex*>y, &self.out[0])
        if code != 0:
            with gil:
                self.error = self.polynomials.error
            return code
        for i in range(n):
            dy[2 * i] = self.out[i].real
            dy[2 * i + 1] = self.out[i].imag
        at = 2 * n
        for i in range(d):
            for j in range(i, d):
                self.C[i, j] = y[at]
                self.C[j, i] = y[at]
                at += 1
            for j in range(d):
                self.A[i, j] = 0
        for e in range(self.row.shape[0]):
            i = self.row[e]
            j = self.column[e]
            m = self.ratio[e] * element(&self.out[n], n, self.variable[i], self.variable[j],
                                        self.part[i], self.part[j])
            target = &self.A[i, 0]
            source = &self.C[j, 0]
            for k in range(d):
                target[k] += m * source[k]
        D = &self.out[n + 2 * n * n]
        at = 0
        for i in range(d):
            for j in range(i, d):
                dy[2 * n + at] = self.A[i, j] + self.A[j, i] + D[at].real
                at += 1
        return 0


cdef class TangentFlow(RightHandSide):
    """Mean field and perturbations of it: dz/dt = F, dX/dt = M X.

    Rows of `polynomials`: F (n), u=dF/dz (n, n), v=dF/dz* (n, n). State: z as pairs of doubles,
    then the d real coordinates of each of `count` perturbations.
    """

    cdef Polynomials polynomials
    cdef Py_ssize_t n, d, count
    cdef double complex[::1] out
    cdef int[::1] variable, part, row, column
    cdef double[::1] ratio

    def __init__(self, Polynomials polynomials, variable, part, scale, Py_ssize_t count):
        """IN variable, part (int) and scale of every coordinate; number of perturbations."""
        cdef Py_ssize_t n = polynomials.variables
        self.polynomials = polynomials
        self.n, self.d, self.count = n, len(variable), count
        self.variable = np.array(variable, dtype=np.intc)
        self.part = np.array(part, dtype=np.intc)
        self.size = 2 * n + self.d * count
        if polynomials.outputs != n + 2 * n * n:
            raise ValueError("the polynomials are not F, u and v")
        self.out = np.empty(polynomials.outputs, dtype=complex)
        self.row, self.column, self.ratio = nonzero(polynomials, self.variable, scale)

    cdef int evaluate(
        self,
        double t,           # IN
        const double* y,    # IN (size,)
        double* dy,         # OUT (size,)
    ) noexcept nogil:
        cdef Py_ssize_t n = self.n, e, k, at
        cdef int i, j
        cdef double m
        cdef int code = self.polynomials.evaluate(t, <const double complex*>y, &self.out[0])
        if code != 0:
            with gil:
                self.error = self.polynomials.error
            return code
        for k in range(n):
            dy[2 * k] = self.out[k].real
            dy[2 * k + 1] = self.out[k].imag
        for k in range(2 * n, self.size):
            dy[k] = 0
        for e in range(self.row.shape[0]):
            i = self.row[e]
            j = self.column[e]
            m = self.ratio[e] * element(&self.out[n], n, self.variable[i], self.variable[j],
                                        self.part[i], self.part[j])
            at = 2 * n
            for _ in range(self.count):
                dy[at + i] += m * y[at + j]
                at += self.d
        return 0


def unpack_linear(
    const double[:, ::1] rows,          # IN of a LinearisedFlow
    double[:, ::1] mean,                # OUT (T, 2n)
    double[:, :, ::1] covariance,       # OUT (T, 2n, 2n)
):
    """Quadratures and full covariances."""
    cdef Py_ssize_t T = rows.shape[0], d = mean.shape[1], t, i, j, at
    cdef double root = sqrt(2.0)
    for t in range(T):
        at = d
        for i in range(d):
            mean[t, i] = root * rows[t, i]
            for j in range(i, d):
                covariance[t, i, j] = rows[t, at]
                covariance[t, j, i] = rows[t, at]
                at += 1


def first_unphysical(
    const double[:, :, ::1] covariance,     # IN (T, d, d)
    double tolerance,                       # IN
):
    """Index of the first matrix for which C + iΩ/2 + tolerance·max(1, |C|) is not positive
    definite, or -1.

    A Hermitian LDL† without pivoting: a pivot that is not positive shows a negative eigenvalue.
    """
    cdef Py_ssize_t T = covariance.shape[0], d = covariance.shape[1], t, i, j, k
    cdef double complex[:, ::1] L = np.empty((d, d), dtype=complex)
    cdef double[::1] pivot = np.empty(d)
    cdef double complex s
    cdef double p, shift
    for t in range(T):
        shift = 0
        for i in range(d):
            shift = max(shift, covariance[t, i, i])
        shift = tolerance * max(1.0, shift)
        for j in range(d):
            p = covariance[t, j, j] + shift
            for k in range(j):
                p -= square(L[j, k]) * pivot[k]
            if not p > 0:
                return t
            pivot[j] = p
            for i in range(j + 1, d):
                s = covariance[t, i, j]
                if i == j + 1 and j % 2 == 0:
                    s = s - 0.5j
                for k in range(j):
                    s = s - L[i, k] * conj(L[j, k]) * pivot[k]
                L[i, j] = s / p
    return -1
