"""Exact reduction of the Wigner–Lohe model, and the inner loops of the phase-space integrator.

W(t) = L(t) [U(t) W(0)] R(t) with U the linear flow, z = L z0 R, and

    dL/dt = A L,   A = -i diag(w) + (k/2N)(E - diag(r_i/z_ii)),   r_i = sum_k z_ik
    dR/dt = R B,   B = +i diag(w) + (k/2N)(E - diag(c_j/z_jj)),   c_j = sum_k z_kj

R is the adjoint of L for Hermitian data.  z_ii does not change.
"""

from libc.math cimport isfinite
from libc.string cimport memset

import numpy as np

from qsyncplug._ext.complexes cimport conj, square
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.rows cimport add_row

cdef extern from "<complex.h>" nogil:
    double complex cexp(double complex)


cdef class WignerLoheRightHandSide(RightHandSide):
    """State: L (n, n); R (n, n) unless hermitian; then, if q is given, log alpha (n) and, unless
    hermitian, log beta (n).

    With q = 1 - z0 (equal z_ii scaled to one, no frequencies): 1 - z_ij = alpha_i q_ij beta_j.
    """

    cdef readonly Py_ssize_t n
    cdef readonly bint hermitian, product
    cdef double kappa
    cdef double complex[:, ::1] z0, q
    cdef double complex[::1] diagonal, r, c, s, v, u
    cdef double[::1] omega
    cdef double cap

    def __init__(self, z0, double kappa, omega, bint hermitian, q=None, double cap=0.0):
        self.z0 = np.array(z0, dtype=complex, order="C")
        self.n = self.z0.shape[0]
        self.kappa = kappa
        self.omega = np.array(omega, dtype=float)
        self.hermitian = hermitian
        self.product = q is not None
        self.q = np.array(q if self.product else [[0]], dtype=complex, order="C")
        self.diagonal = np.array(np.diag(np.asarray(self.z0)), dtype=complex)
        self.cap = cap
        self.r, self.c, self.s, self.v, self.u = (np.zeros(self.n, dtype=complex) for _ in range(5))
        self.complex_pairs = True
        self.size = 2 * self.n * (self.n + self.product) * (1 if hermitian else 2)

    def start(self):
        """The state at the start: identity matrices and zeros."""
        n = self.n
        parts = [np.eye(n, dtype=complex).ravel()] * (1 if self.hermitian else 2)
        if self.product:
            parts += [np.zeros(n, dtype=complex)] * (1 if self.hermitian else 2)
        return np.concatenate(parts)

    cdef void rates(
        self,
        const double complex* L,    # IN (n, n)
        const double complex* R,    # IN (n, n), unless hermitian
        const double complex* a,    # IN (n,) log alpha, if there is q
        const double complex* b,    # IN (n,) log beta, if there is q and unless hermitian
    ) noexcept nogil:
        """Sets r_i/z_ii and c_j/z_jj; s = column sums of L, v = row sums of R."""
        cdef Py_ssize_t i, m, n = self.n
        cdef double complex x
        for m in range(n):
            self.s[m] = 0
        for i in range(n):
            for m in range(n):
                self.s[m] = self.s[m] + L[i * n + m]
        for m in range(n):
            if self.hermitian:
                self.v[m] = conj(self.s[m])
            else:
                x = 0
                for i in range(n):
                    x = x + R[m * n + i]
                self.v[m] = x
        if self.product:
            # u holds exp(log beta)
            for m in range(n):
                self.u[m] = conj(cexp(a[m])) if self.hermitian else cexp(b[m])
            for i in range(n):
                x = 0
                for m in range(n):
                    x = x + self.q[i, m] * self.u[m]
                self.r[i] = n - cexp(a[i]) * x
            if self.hermitian:
                for i in range(n):
                    self.c[i] = conj(self.r[i])
                return
            for m in range(n):
                x = 0
                for i in range(n):
                    x = x + cexp(a[i]) * self.q[i, m]
                self.c[m] = n - self.u[m] * x
            return
        for i in range(n):
            x = 0
            for m in range(n):
                x = x + self.z0[i, m] * self.v[m]
            self.u[i] = x
        for i in range(n):
            x = 0
            for m in range(n):
                x = x + L[i * n + m] * self.u[m]
            self.r[i] = x / self.diagonal[i]
        if self.hermitian:
            for i in range(n):
                self.c[i] = conj(self.r[i])
            return
        for m in range(n):
            self.u[m] = 0
            self.c[m] = 0
        for i in range(n):
            for m in range(n):
                self.u[m] = self.u[m] + self.s[i] * self.z0[i, m]
        for i in range(n):
            for m in range(n):
                self.c[m] = self.c[m] + self.u[i] * R[i * n + m]
        for m in range(n):
            self.c[m] = self.c[m] / self.diagonal[m]

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, m, n = self.n
        cdef const double complex* L = <const double complex*> y
        cdef const double complex* R = L if self.hermitian else L + n * n
        cdef const double complex* a = R + n * n
        cdef const double complex* b = a if self.hermitian else a + n
        cdef double complex* dL = <double complex*> dy
        cdef double complex* dR = dL if self.hermitian else dL + n * n
        cdef double complex* da = dR + n * n
        cdef double complex* db = da if self.hermitian else da + n
        cdef double k = self.kappa / (2 * n)
        cdef double complex f
        self.rates(L, R, a, b)
        for i in range(n):
            f = -k * self.r[i]
            f.imag = f.imag - self.omega[i]
            for m in range(n):
                dL[i * n + m] = k * self.s[m] + f * L[i * n + m]
        if not self.hermitian:
            for m in range(n):
                f = k * self.v[m]
                for i in range(n):
                    dR[m * n + i] = f - k * self.c[i] * R[m * n + i]
                    dR[m * n + i].real = dR[m * n + i].real - self.omega[i] * R[m * n + i].imag
                    dR[m * n + i].imag = dR[m * n + i].imag + self.omega[i] * R[m * n + i].real
        if self.product:
            for i in range(n):
                da[i] = -k * self.r[i]
                if not self.hermitian:
                    db[i] = -k * self.c[i]
        for i in range(self.size):
            if not isfinite(dy[i]):
                return 1
        return 0

    cdef void events(
        self,
        double t,           # IN
        const double* y,    # IN (size,)
        double* g,          # OUT one number
    ) noexcept nogil:
        """Unphysical data: the largest entry of L or R reaches the cap."""
        g[0] = below_cap(y, 2 * self.n * self.n * (1 if self.hermitian else 2), self.cap)


cdef double below_cap(
    const double* y,        # IN (count,) complex numbers as pairs
    Py_ssize_t count,       # IN of doubles
    double cap,             # IN
) noexcept nogil:
    """1 - (largest |entry| / cap)^2."""
    cdef Py_ssize_t i
    cdef double top = 0, x
    cdef const double complex* z = <const double complex*>y
    for i in range(count // 2):
        x = square(z[i])
        if x > top:
            top = x
    return 1 - top / (cap * cap)


cdef void product(
    const double complex* a,    # IN (n, n)
    const double complex* b,    # IN (n, n)
    double complex* out,        # OUT (n, n)
    Py_ssize_t n,               # IN
) noexcept nogil:
    """out = a b."""
    cdef Py_ssize_t i, k
    memset(out, 0, n * n * sizeof(double complex))
    for i in range(n):
        for k in range(n):
            add_row(<double*>(out + i * n), <const double*>(b + k * n), a[i * n + k], n)


cdef class GraphRightHandSide(RightHandSide):
    """The same on a graph: C_jl, compressed by rows, is the weight with which l acts on j.

    dL/dt = A L,   A = -i diag(w) + (k/2)(C - diag(r_i/z_ii)),   r_i = (z C^H)_ii
    dR/dt = R B,   B = +i diag(w) + (k/2)(C^H - diag(c_j/z_jj)), c_j = (C z)_jj

    State: L (n, n); R (n, n) unless hermitian.
    """

    cdef readonly Py_ssize_t n
    cdef readonly bint hermitian
    cdef double kappa, cap
    cdef double complex[:, ::1] z0, s, v, t
    cdef double complex[::1] diagonal, r, c, weights
    cdef int[::1] starts, columns
    cdef double[::1] omega

    def __init__(self, z0, double kappa, omega, bint hermitian, starts, columns, weights,
                 double cap=0.0):
        self.z0 = np.array(z0, dtype=complex, order="C")
        self.n = self.z0.shape[0]
        self.kappa = kappa
        self.omega = np.array(omega, dtype=float)
        self.hermitian = hermitian
        self.cap = cap
        self.diagonal = np.array(np.diag(np.asarray(self.z0)), dtype=complex)
        self.starts = np.array(starts, dtype=np.intc)
        self.columns = np.array(columns, dtype=np.intc)
        self.weights = np.array(weights, dtype=complex)
        if (self.starts.shape[0] != self.n + 1 or self.columns.shape[0] != self.weights.shape[0]
                or np.any(np.diff(starts) < 0) or self.starts[0] != 0
                or self.starts[self.n] != self.columns.shape[0]
                or (len(columns) and (np.min(columns) < 0 or np.max(columns) >= self.n))):
            raise ValueError("starts, columns and weights must be the rows of an n x n matrix")
        self.s, self.v, self.t = (np.zeros((self.n, self.n), dtype=complex) for _ in range(3))
        self.r, self.c = np.zeros(self.n, dtype=complex), np.zeros(self.n, dtype=complex)
        self.complex_pairs = True
        self.size = 2 * self.n * self.n * (1 if hermitian else 2)

    def start(self):
        """The state at the start: identity matrices."""
        return np.tile(np.eye(self.n, dtype=complex).ravel(), 1 if self.hermitian else 2)

    cdef void rates(
        self,
        const double complex* L,    # IN (n, n)
        const double complex* R,    # IN (n, n), unless hermitian
    ) noexcept nogil:
        """Sets s = C L, v = R C^H (as its rows' conjugates if not hermitian), r_i/z_ii
        and c_j/z_jj.
        """
        cdef Py_ssize_t i, j, m, e, n = self.n
        cdef double complex w, x
        for i in range(n):
            for m in range(n):
                self.s[i, m] = 0
            for e in range(self.starts[i], self.starts[i + 1]):
                w = self.weights[e]
                j = self.columns[e]
                for m in range(n):
                    self.s[i, m] = self.s[i, m] + w * L[j * n + m]
        # t = L z0, so that r_i = sum_k t_ik v_ki
        product(L, &self.z0[0, 0], &self.t[0, 0], n)
        if self.hermitian:
            for i in range(n):
                x = 0
                for m in range(n):
                    x = x + self.t[i, m] * conj(self.s[i, m])
                self.r[i] = x / self.diagonal[i]
                self.c[i] = conj(self.r[i])
            return
        # v_mi = sum_j R_mj conj(C_ij)
        for m in range(n):
            for i in range(n):
                x = 0
                for e in range(self.starts[i], self.starts[i + 1]):
                    x = x + R[m * n + self.columns[e]] * conj(self.weights[e])
                self.v[m, i] = x
        for i in range(n):
            x = 0
            for m in range(n):
                x = x + self.t[i, m] * self.v[m, i]
            self.r[i] = x / self.diagonal[i]
        product(&self.s[0, 0], &self.z0[0, 0], &self.t[0, 0], n)
        for i in range(n):
            x = 0
            for m in range(n):
                x = x + self.t[i, m] * R[m * n + i]
            self.c[i] = x / self.diagonal[i]

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, m, n = self.n
        cdef const double complex* L = <const double complex*> y
        cdef const double complex* R = L if self.hermitian else L + n * n
        cdef double complex* dL = <double complex*> dy
        cdef double complex* dR = dL + n * n
        cdef double k = 0.5 * self.kappa
        cdef double complex f
        self.rates(L, R)
        for i in range(n):
            f = -k * self.r[i]
            f.imag = f.imag - self.omega[i]
            for m in range(n):
                dL[i * n + m] = k * self.s[i, m] + f * L[i * n + m]
        if not self.hermitian:
            for i in range(n):
                f = -k * self.c[i]
                f.imag = f.imag + self.omega[i]
                for m in range(n):
                    dR[m * n + i] = k * self.v[m, i] + f * R[m * n + i]
        for i in range(self.size):
            if not isfinite(dy[i]):
                return 1
        return 0

    cdef void events(
        self,
        double t,           # IN
        const double* y,    # IN (size,)
        double* g,          # OUT one number
    ) noexcept nogil:
        """Unphysical data: the largest entry of L or R reaches the cap."""
        g[0] = below_cap(y, self.size, self.cap)


def multiply(
    double complex[:, ::1] w,           # INOUT (T, n)
    const double complex[::1] factor,   # IN (n,)
):
    """Multiply every row of `w` by `factor`."""
    cdef Py_ssize_t i, j
    cdef double complex* row
    if w.shape[1] != factor.shape[0]:
        raise ValueError("w and factor must have rows of the same length")
    with nogil:
        for i in range(w.shape[0]):
            row = &w[i, 0]
            for j in range(w.shape[1]):
                row[j] = row[j] * factor[j]
