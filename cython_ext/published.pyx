"""The published equations of two spin chains: drift, fluctuation matrix and diffusion, with
corrections by flag.

J. Ghildiyal, Manju, S. Dasgupta, A. Biswas, appendices A to C. Mode j is coupled to mode k=1-j;
R is i r with r real.
"""

from libc.math cimport cos, exp, isfinite, sin, sqrt

import numpy as np

from qsyncplug._ext.complexes cimport conj, of_parts, square
from qsyncplug._ext.integrator cimport RightHandSide

cpdef enum Flag:
    EQ4 = 1             # Holstein-Primakoff for spin N/2
    FACTOR = 2          # sigma_z/X -> sigma_z/(2X + detuning)
    SHIFT = 4           # the dropped <sigma_z> X
    COMMUTATOR = 8      # 2R -> exp(2R) - 1, with the exponential normal-ordered
    BRACKET = 16        # last bracket of B1, B2
    FRAME = 32          # damping in the nonlinear interaction picture
    OPERATOR = 64       # the one jump operator: half the nonlinear drift, its noise
    CHANNELS = 128      # loss of one, two, three quanta: the drift as printed, their noise
    QUINTIC = 256       # E1, E7: 3/N -> 3/N^2
    SQUARED = 512       # E1, E2, E7, E8: g -> g^2
    SELF = 1024         # E1, E7: 3/2N -> 2/N
    CROSS = 2048        # E1: 1/N -> 1/2N
    ANOMALOUS = 4096    # E2, E8: the bracket
    EXACT = 8192        # all eight: derivatives of the drift
    DYNAMIC = 16384     # X is differentiated as well
    XOPERATOR = 32768   # X is part of the Hamiltonian


cdef inline double complex imaginary(double x) noexcept nogil:
    """IN x.  i x."""
    return of_parts(0, x)


cdef class PublishedFlow(RightHandSide):
    """dbeta/dt as in appendix B, dC/dt = M C + C M^T + D.

    The state is beta (4 doubles) and the upper triangle of C.
    """

    cdef double[2] N, g, frequency, kerr
    cdef double sigma, gl, gnl, thermal, x_fixed, detuning, theta, alpha
    cdef bint x_dynamic
    cdef int flags
    # what depends on the point
    cdef double[2] n, A, r, d, dd
    cdef double complex[2] cp, cm, e, b
    cdef double P, dP, ddP, X, h
    cdef double[4][4] M, C

    def __init__(self, n, g, double sigma_z, omega, double exchange, double linear_loss,
                 double nonlinear_loss, double thermal, int flags, x=None, double detuning=0.0):
        cdef int j
        cdef double lam2 = exchange * exchange, B
        self.size = 14
        self.flags = flags
        self.sigma = sigma_z
        self.gl = linear_loss
        self.gnl = nonlinear_loss
        self.thermal = thermal
        self.detuning = detuning
        self.x_dynamic = x is None
        self.x_fixed = 0.0 if x is None else x
        self.alpha = 2.0 if flags & EQ4 else 4.0
        self.theta = 0.0
        for j in range(2):
            self.N[j] = n[j]
            self.g[j] = g[j]
            self.frequency[j] = omega[j]
            B = lam2 if flags & EQ4 else lam2 * (1 - 0.5 / self.N[j])
            B += 1.0 / self.N[j]
            self.theta += (0.5 if j else -0.5) * self.frequency[j] * B
            self.kerr[j] = self.frequency[j] * lam2 / (self.N[j] if flags & EQ4 else 2 * self.N[j])

    @property
    def detuning_frame(self):
        """theta = (omega_2 B_2 - omega_1 B_1)/2."""
        return self.theta

    cdef double find_x(self) noexcept nogil:
        cdef double x = 0, level
        cdef int j
        if not self.x_dynamic:
            return self.x_fixed
        for j in range(2):
            level = 0.5 * self.N[j] if self.flags & EQ4 else self.N[j]
            x += self.g[j] / sqrt(self.N[j]) * (self.n[j] - level)
        return x

    cdef void point(self, double t, double complex b1, double complex b2) noexcept nogil:
        """Everything that drift, matrix and diffusion share."""
        cdef int j
        cdef double phase, q, factor
        self.b[0] = b1
        self.b[1] = b2
        for j in range(2):
            self.n[j] = square(self.b[j])
            self.A[j] = 1 - self.n[j] / (self.alpha * self.N[j])
            self.r[j] = self.kerr[j] * t
            if self.r[j] == 0:
                self.e[j] = 1
                self.cp[j] = 0
                self.cm[j] = 0
            else:
                if self.flags & COMMUTATOR:
                    # exp(R(2n+1)) = exp(R) :exp((exp(2R)-1) n):, and exp(2R) - 1 = 2i sin(r) exp(R)
                    q = 2 * sin(self.r[j])
                    self.cp[j] = -q * sin(self.r[j]) + imaginary(q * cos(self.r[j]))
                    self.cm[j] = q * sin(self.r[j]) + imaginary(q * cos(self.r[j]))
                    phase = self.r[j] + q * cos(self.r[j]) * self.n[j]
                    q = exp(-q * sin(self.r[j]) * self.n[j])
                else:
                    self.cp[j] = imaginary(2 * self.r[j])
                    self.cm[j] = self.cp[j]
                    phase = self.r[j] * (1 + 2 * self.n[j])
                    q = 1
                self.e[j] = q * cos(phase) + imaginary(q * sin(phase))
            factor = 0.5 if self.flags & OPERATOR else 1.0
            q = self.gnl / (self.N[j] * self.N[j])
            phase = 2 / self.N[j] * sqrt(self.gl * self.gnl)
            self.d[j] = factor * self.n[j] * (q * (self.n[j] + 2) + phase)
            self.dd[j] = factor * (q * (2 * self.n[j] + 2) + phase)
        self.X = self.find_x()
        factor = 2.0 if self.flags & FACTOR else 1.0
        q = factor * self.X + (self.detuning if self.flags & FACTOR else 0.0)
        self.P = self.sigma / q
        # dP/d|beta_l|^2 = dP * g_l/sqrt(N_l)
        self.dP = -self.P * factor / q
        self.ddP = -2 * self.dP * factor / q
        if self.flags & XOPERATOR:
            self.h = self.energy()

    cdef double energy(self) noexcept nogil:
        """h: the Hamiltonian (7) is P h."""
        cdef double complex z = conj(self.b[0]) * self.b[1] * (conj(self.e[0]) * self.e[1])
        cdef double h = 2 * self.g[0] * self.g[1] * self.A[0] * self.A[1] * z.real
        cdef int j
        for j in range(2):
            h += self.g[j] * self.g[j] * self.n[j] * self.A[j] * self.A[j]
        return h

    cdef double complex exchange(self, int j, bint bracket) noexcept nogil:
        """The braces of B_j, its own term and the coupling: -dh/dbeta* with the right bracket."""
        cdef int k = 1 - j
        cdef double N = self.alpha * self.N[j], n = self.n[j], A = self.A[j]
        cdef double complex b = self.b[j], c = self.b[k], w = self.e[j] * conj(self.e[k]), m, s
        s = self.g[j] * self.g[j] * (4 * n / N - 3 * n * n / (N * N) - 1) * b
        m = self.cm[j] * (A * n) - A
        if bracket:
            m = m + n / N
        else:
            m = m + n / N * b
        s = s + self.g[0] * self.g[1] * self.A[k] * (
            w * conj(c) * (b * b) * (1 / N - self.cp[j] * A) + conj(w) * c * m)
        return s

    cdef double complex rate(self, int j) noexcept nogil:
        """B_j after ``point``."""
        cdef double complex f = self.exchange(j, self.flags & BRACKET)
        cdef double theta = self.theta if j == 0 else -self.theta
        f = imaginary(self.P) * f + (imaginary(theta) - 0.5 * self.gl - self.d[j]) * self.b[j]
        if self.flags & XOPERATOR and self.x_dynamic:
            f = f - imaginary(self.h * self.dP * self.g[j] / sqrt(self.N[j])) * self.b[j]
        if self.flags & SHIFT:
            f = f - imaginary(self.sigma * self.g[j] / sqrt(self.N[j])) * self.b[j]
        if self.flags & FRAME:
            f = f + imaginary(4 * self.r[j] * self.n[j] * (0.5 * self.gl + self.d[j])) * self.b[j]
        return f

    cdef void exact_row(
        self,
        int j,                  # IN
        double complex* own,    # OUT derivatives by beta_j, beta_j*
        double complex* other,  # OUT derivatives by beta_k, beta_k*
    ) noexcept nogil:
        """Derivatives of B_j."""
        cdef int k = 1 - j
        cdef double N = self.alpha * self.N[j], Nk = self.alpha * self.N[k]
        cdef double n = self.n[j], A = self.A[j], G, dG, x
        cdef double gg = self.g[0] * self.g[1], p, dp, theta = self.theta if j == 0 else -self.theta
        cdef double complex b = self.b[j], c = self.b[k], bc = conj(b), cc = conj(c)
        cdef double complex w = self.e[j] * conj(self.e[k]), wc = conj(w)
        cdef double complex q = 1 / N - self.cp[j] * A, m, dm, dmc, T1, T2, s
        cdef double complex iP = imaginary(self.P)
        m = self.cm[j] * (A * n) - A
        dm = bc * (1 / N + self.cm[j] * (A - n / N))
        dmc = b * (1 / N + self.cm[j] * (A - n / N))
        if self.flags & BRACKET:
            m = m + n / N
            dm = dm + bc / N
            dmc = dmc + b / N
        else:
            m = m + n / N * b
            dm = dm + 2 * n / N
            dmc = dmc + b * b / N
        T1 = w * cc * (b * b) * q
        T2 = wc * c * m
        p = 4 * n / N - 3 * n * n / (N * N) - 1
        dp = 4 / N - 6 * n / (N * N)
        x = self.g[j] * self.g[j]
        own[0] = x * (p + n * dp) + gg * self.A[k] * (
            w * cc * b * (2 * q + n * self.cp[j] * (q + 1 / N))
            + wc * c * (dm - self.cm[j] * bc * m))
        own[1] = x * dp * (b * b) + gg * self.A[k] * (
            w * cc * (b * b) * b * self.cp[j] * (q + 1 / N)
            + wc * c * (dmc - self.cm[j] * b * m))
        s = self.A[k] * (self.cp[k] * T2 - self.cm[k] * T1) - (T1 + T2) / Nk
        other[0] = gg * (self.A[k] * wc * m + cc * s)
        other[1] = gg * (self.A[k] * w * (b * b) * q + c * s)
        own[0] = iP * own[0] + imaginary(theta) - 0.5 * self.gl - self.d[j] - n * self.dd[j]
        own[1] = iP * own[1] - self.dd[j] * (b * b)
        other[0] = iP * other[0]
        other[1] = iP * other[1]
        if self.flags & SHIFT:
            own[0] = own[0] - imaginary(self.sigma * self.g[j] / sqrt(self.N[j]))
        if self.flags & FRAME:
            G = n * (0.5 * self.gl + self.d[j])
            dG = 0.5 * self.gl + self.d[j] + n * self.dd[j]
            own[0] = own[0] + imaginary(4 * self.r[j] * (G + n * dG))
            own[1] = own[1] + imaginary(4 * self.r[j] * dG) * (b * b)

    cdef void printed_row(
        self,
        int j,                  # IN
        double complex* own,    # OUT E1, E2 for j=0; E7, E8 for j=1
        double complex* other,  # OUT E3, E4 for j=0; E5, E6 for j=1
    ) noexcept nogil:
        """Derivatives of B_j as printed in appendix C."""
        cdef int k = 1 - j, f = self.flags
        cdef double N = self.N[j], n = self.n[j], A = self.A[j]
        cdef double Nk = self.N[k], nk = self.n[k], Ak = self.A[k]
        cdef double gg = self.g[0] * self.g[1], theta = self.theta if j == 0 else -self.theta
        cdef double root = sqrt(self.gl * self.gnl), g, self_term, cross
        cdef double complex b = self.b[j], c = self.b[k], bc = conj(b), cc = conj(c)
        cdef double complex up = self.e[j], down = conj(up), kup = self.e[k], kdown = conj(kup)
        cdef double complex R, Rk, iP, first, second
        R = imaginary(self.r[j])
        Rk = imaginary(self.r[k])
        iP = imaginary(self.P)
        g = self.g[j] * self.g[j] if f & SQUARED else self.g[j]

        # the terms of the mode itself and with the other's amplitude
        cross = 1 / N if j == 0 and not f & CROSS else 0.5 / N
        first = (up / (2 * N) + R * bc / (2 * N) + R * n * up / (2 * N) - 4 * R * R * A * n
                 - 4 * R * A * up)
        second = (-R * n / (2 * N) + cross * down - 4 * R * R * n * A + 2 * R * A * down + 2 * R * A
                  - R * n / (2 * N) * down)
        self_term = (2 if f & SELF else 1.5) * n / N - 9 * n * n / (16 * N * N) - 1
        own[0] = (imaginary(theta) - 0.5 * self.gl
                  - 3 * self.gnl * n * n / (N * N if f & QUINTIC else N)
                  - 4 * self.gnl * n / (N * N) - 4 * root * n / N
                  + iP * (g * self_term
                          + gg * Ak * (b * cc * kdown * first + bc * c * kup * second)))

        first = 1 / (2 * N) + b * up / (2 * N) - 4 * R * A * b
        second = (down / (2 * N) - R * n / (2 * N) + 2 * R * A * down - 4 * A * R * R * n
                  - R * n / (2 * N) * down + 2 * R * A)
        own[1] = (-(2 * self.gnl * (n + 1) / (N * N) + 2 * root / N) * (b * b)
                  + iP * gg * Ak * (R * b * b * cc * kdown * first + b * c * kup * second))
        if f & ANOMALOUS:
            self_term = self.g[j] * self.g[j] * (1 / N - 3 * n / (8 * N * N))
            own[1] = own[1] + iP * self_term * (b * b)
        else:
            own[1] = own[1] + iP * (g * (1.5 * n / N - 9 * n * n / (16 * N * N) - 1))

        first = n / (4 * N) + 2 * R * A * n - A
        other[0] = iP * gg * (
            b * b * cc * cc * up * (2 * Rk * Ak + kdown / (4 * Nk)) * (2 * R * A - 1 / (4 * N))
            + down * (2 * Ak * Rk * nk - kup * nk / (4 * Nk) + Ak * kup) * first)
        other[1] = iP * gg * (
            up * b * b * (-2 * Rk * Ak * nk + Ak * kdown - kdown * nk / (4 * Nk))
            * (1 / (4 * N) - 2 * R * A)
            + down * c * c * (2 * Rk * Ak - kup / (4 * Nk)) * first)

    cdef void row(
        self,
        int j,                  # IN
        double complex* own,    # OUT derivatives by beta_j, beta_j*
        double complex* other,  # OUT derivatives by beta_k, beta_k*
    ) noexcept nogil:
        if self.flags & EXACT:
            self.exact_row(j, own, other)
        else:
            self.printed_row(j, own, other)
        if self.flags & (DYNAMIC | XOPERATOR) and self.x_dynamic:
            self.add_x(j, j, own)
            self.add_x(j, 1 - j, other)

    cdef void add_x(
        self,
        int j,                  # IN
        int l,                  # IN
        double complex* out,    # INOUT derivatives of B_j by beta_l, beta_l*
    ) noexcept nogil:
        """Add what the dependence of X on |beta_l|^2 gives."""
        cdef double gj = self.g[j] / sqrt(self.N[j]), gl = self.g[l] / sqrt(self.N[l])
        cdef double complex b = self.b[l], z
        cdef double complex s = imaginary(self.dP * gl) * self.exchange(j, self.flags & BRACKET)
        if self.flags & XOPERATOR:
            # the term -i h dP gj beta_j of the drift
            z = self.exchange(l, True)
            out[0] = out[0] + imaginary(self.dP * gj) * self.b[j] * conj(z)
            out[1] = out[1] + imaginary(self.dP * gj) * self.b[j] * z
            s = s - imaginary(self.h * self.ddP * gj * gl) * self.b[j]
            if j == l:
                out[0] = out[0] - imaginary(self.h * self.dP * gj)
        out[0] = out[0] + s * conj(b)
        out[1] = out[1] + s * b

    cdef void noise(self, int j, double* out) noexcept nogil:
        """OUT D_qq, D_qp, D_pp of mode j."""
        cdef double N = self.N[j], n = self.n[j], width = 2 * self.thermal + 1, rate, f, df
        cdef double complex b = self.b[j], u, v, R = 0, power
        cdef int m
        out[0] = out[1] = out[2] = 0
        if self.flags & FRAME:
            R = imaginary(self.r[j])
        if self.flags & CHANNELS:
            power = 1
            for m in range(1, 4):
                if m == 1:
                    rate = self.gl
                elif m == 2:
                    rate = 2 * self.gnl / (N * N) + 2 * sqrt(self.gl * self.gnl) / N
                else:
                    rate = 2 * self.gnl / (3 * N * N)
                # L = sqrt(rate) b^m exp(m R (2n + 1))
                rate = sqrt(rate) * m
                u = rate * power * (1 + 2 * R * n)
                v = rate * power * b * b * 2 * R
                add_noise(u, v, width, out)
                power = power * b
        elif self.flags & OPERATOR:
            # L = (sqrt(gl) + sqrt(gnl) n/N) b
            f = sqrt(self.gl) + sqrt(self.gnl) * n / N
            df = sqrt(self.gnl) / N
            u = f + n * df + 2 * R * n * f
            v = b * b * (df + 2 * R * f)
            add_noise(u, v, width, out)
        else:
            u = sqrt(self.gl) + sqrt(self.gnl) / N * (2 * n - b * b)
            out[0] = out[2] = square(u) * (self.thermal + 0.5)

    # IN t, y (14,); OUT dy (14,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef double complex own[2]
        cdef double complex other[2]
        cdef double complex f
        cdef double D[3]
        cdef double s
        cdef int j, i, k, m, at
        self.point(t, of_parts(y[0], y[1]), of_parts(y[2], y[3]))
        if not isfinite(self.P):
            return 1
        for j in range(2):
            f = self.rate(j)
            dy[2 * j] = f.real
            dy[2 * j + 1] = f.imag
            self.row(j, own, other)
            put(&self.M[2 * j][2 * j], own[0], own[1])
            put(&self.M[2 * j][2 - 2 * j], other[0], other[1])
        at = 4
        for i in range(4):
            for k in range(i, 4):
                self.C[i][k] = y[at]
                self.C[k][i] = y[at]
                at += 1
        at = 4
        for i in range(4):
            for k in range(i, 4):
                s = 0
                for m in range(4):
                    s += self.M[i][m] * self.C[m][k] + self.C[i][m] * self.M[k][m]
                dy[at] = s
                at += 1
        self.noise(0, D)
        dy[4] += D[0]
        dy[5] += D[1]
        dy[8] += D[2]
        self.noise(1, D)
        dy[11] += D[0]
        dy[12] += D[1]
        dy[13] += D[2]
        return 0

    # ------------------------------------------------------------------ what Python reads

    def x(self, double complex b1, double complex b2):
        """X at an amplitude."""
        self.n[0] = square(b1)
        self.n[1] = square(b2)
        return self.find_x()

    def hamiltonian(self, double t, double complex b1, double complex b2):
        """P h of eq. (7) at an amplitude."""
        self.point(t, b1, b2)
        return self.P * self.energy()

    def drift(
        self,
        const double[::1] times,                # IN (T,)
        const double complex[:, ::1] beta,      # IN (T, 2)
    ):
        """Appendix B at every time and row of `beta`; (T, 2)."""
        cdef Py_ssize_t T = beta.shape[0], i
        cdef double complex[:, ::1] out = np.empty((T, 2), dtype=complex)
        for i in range(T):
            self.point(times[i], beta[i, 0], beta[i, 1])
            out[i, 0] = self.rate(0)
            out[i, 1] = self.rate(1)
        return np.asarray(out)

    def matrix(
        self,
        const double[::1] times,                # IN (T,)
        const double complex[:, ::1] beta,      # IN (T, 2)
    ):
        """E1 to E8 as rows (E1, E2, E3, E4) and (E5, E6, E7, E8); (T, 2, 4)."""
        cdef Py_ssize_t T = beta.shape[0], i
        cdef double complex[:, :, ::1] out = np.empty((T, 2, 4), dtype=complex)
        for i in range(T):
            self.point(times[i], beta[i, 0], beta[i, 1])
            self.row(0, &out[i, 0, 0], &out[i, 0, 2])
            self.row(1, &out[i, 1, 2], &out[i, 1, 0])
        return np.asarray(out)

    def diffusion(
        self,
        const double[::1] times,                # IN (T,)
        const double complex[:, ::1] beta,      # IN (T, 2)
    ):
        """D of eq. (20); (T, 4, 4)."""
        cdef Py_ssize_t T = beta.shape[0], i
        cdef double[:, :, ::1] out = np.zeros((T, 4, 4))
        cdef double D[3]
        cdef int j
        for i in range(T):
            self.point(times[i], beta[i, 0], beta[i, 1])
            for j in range(2):
                self.noise(j, D)
                out[i, 2 * j, 2 * j] = D[0]
                out[i, 2 * j, 2 * j + 1] = out[i, 2 * j + 1, 2 * j] = D[1]
                out[i, 2 * j + 1, 2 * j + 1] = D[2]
        return np.asarray(out)


cdef inline void put(
    double* M,              # OUT 2x2 block, rows are 4 apart
    double complex u,       # IN
    double complex v,       # IN
) noexcept nogil:
    """The block of quadratures of u delta b + v delta b^dagger."""
    M[0] = u.real + v.real
    M[1] = v.imag - u.imag
    M[4] = u.imag + v.imag
    M[5] = u.real - v.real


cdef inline void add_noise(
    double complex u,       # IN
    double complex v,       # IN
    double width,           # IN
    double* out,            # INOUT D_qq, D_qp, D_pp
) noexcept nogil:
    """Add the diffusion of a jump operator with derivatives u, v."""
    out[0] += 0.5 * width * square(u - v)
    out[1] -= width * (u.real * v.imag - u.imag * v.real)
    out[2] += 0.5 * width * square(u + v)
