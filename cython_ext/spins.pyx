"""Mean field and covariance of two chains with the exact Holstein–Primakoff square root.

State: β1, β2, s=⟨σ−⟩ as pairs, z=⟨σz⟩, then the upper triangle of the covariance of (q1, p1, q2, p2).
"""

from libc.math cimport sqrt

import numpy as np

from qsyncplug._ext.integrator cimport RightHandSide

ctypedef double complex cplx

cdef extern from *:
    """
    #include <complex.h>
    /* the standard product looks for infinities */
    static inline double _Complex cmul(double _Complex a, double _Complex b) {
        return __builtin_complex(__real__ a * __real__ b - __imag__ a * __imag__ b,
                                 __real__ a * __imag__ b + __imag__ a * __real__ b);
    }
    static inline double _Complex cscale(double a, double _Complex b) {
        return __builtin_complex(a * __real__ b, a * __imag__ b);
    }
    static inline double _Complex cconj(double _Complex a) { return __builtin_complex(__real__ a, -__imag__ a); }
    static inline double _Complex cmuli(double _Complex a) { return __builtin_complex(-__imag__ a, __real__ a); }
    static inline double _Complex cmake(double a, double b) { return __builtin_complex(a, b); }
    """
    cplx cmul(cplx a, cplx b) nogil
    cplx cscale(double a, cplx b) nogil
    cplx cconj(cplx a) nogil
    cplx cmuli(cplx a) nogil
    cplx cmake(double a, double b) nogil

cdef enum Symbol:
    BOSON = 0        # β
    SPIN = 1         # A = √(1−|β|²/N) β
    BOSON2 = 2       # β²
    SPIN2 = 3        # A²
    NONLINEAR = 4    # a β + c |β|²β

cdef enum:
    MAX_JUMPS = 32
    DOUBLES = 17


cdef struct Jet1:
    # a function of (β, β*): value, first and second derivatives
    cplx f, a, b, aa, ab, bb


cdef struct Jet:
    # a function of (β1, β1*, β2, β2*)
    cplx f
    cplx d[4]
    cplx h[4][4]


cdef inline Jet1 conjugate1(Jet1 x) noexcept nogil:
    cdef Jet1 y
    y.f = cconj(x.f)
    y.a = cconj(x.b)
    y.b = cconj(x.a)
    y.aa = cconj(x.bb)
    y.ab = cconj(x.ab)
    y.bb = cconj(x.aa)
    return y


cdef inline Jet1 spin_symbol(cplx b, double N) noexcept nogil:
    """A = √(1−n/N) β."""
    cdef Jet1 x
    cdef double n = b.real * b.real + b.imag * b.imag, r = sqrt(1 - n / N)
    cdef double rn = -0.5 / (N * r), rnn = -0.25 / (N * N * r * r * r), second = 2 * rn + n * rnn
    cdef cplx b2 = cmul(b, b)
    x.f = cscale(r, b)
    x.a = cmake(r + n * rn, 0)
    x.b = cscale(rn, b2)
    x.aa = cscale(second, cconj(b))
    x.ab = cscale(second, b)
    x.bb = cscale(rnn, cmul(b2, b))
    return x


cdef inline Jet1 symbol(int kind, cplx b, double N, double p, double q) noexcept nogil:
    """One of the symbols; `p`, `q`: the two coefficients of NONLINEAR."""
    cdef Jet1 x
    cdef double n = b.real * b.real + b.imag * b.imag
    cdef cplx zero = cmake(0, 0), b2 = cmul(b, b)
    x.f = x.a = x.b = x.aa = x.ab = x.bb = zero
    if kind == SPIN:
        return spin_symbol(b, N)
    if kind == BOSON:
        x.f = b
        x.a = cmake(1, 0)
    elif kind == BOSON2:
        x.f = b2
        x.a = cscale(2, b)
        x.aa = cmake(2, 0)
    elif kind == SPIN2:
        x.f = cscale(1 - n / N, b2)
        x.a = cscale(2 - 3 * n / N, b)
        x.b = cscale(-1 / N, cmul(b2, b))
        x.aa = cmake(2 - 6 * n / N, 0)
        x.ab = cscale(-3 / N, b2)
    else:
        x.f = cscale(p + q * n, b)
        x.a = cmake(p + 2 * q * n, 0)
        x.b = cscale(q, b2)
        x.aa = cscale(2 * q, cconj(b))
        x.ab = cscale(2 * q, b)
    return x


cdef inline Jet lift(Jet1 x, int mode, double factor) noexcept nogil:
    """A function of one mode as a function of both."""
    cdef Jet y
    cdef int i, j, k = 2 * mode
    for i in range(4):
        y.d[i] = cmake(0, 0)
        for j in range(4):
            y.h[i][j] = cmake(0, 0)
    y.f = cscale(factor, x.f)
    y.d[k] = cscale(factor, x.a)
    y.d[k + 1] = cscale(factor, x.b)
    y.h[k][k] = cscale(factor, x.aa)
    y.h[k][k + 1] = y.h[k + 1][k] = cscale(factor, x.ab)
    y.h[k + 1][k + 1] = cscale(factor, x.bb)
    return y


cdef inline Jet add(Jet x, Jet y) noexcept nogil:
    cdef int i, j
    x.f = x.f + y.f
    for i in range(4):
        x.d[i] = x.d[i] + y.d[i]
        for j in range(4):
            x.h[i][j] = x.h[i][j] + y.h[i][j]
    return x


cdef inline Jet multiply(Jet x, Jet y) noexcept nogil:
    cdef Jet z
    cdef int i, j
    z.f = cmul(x.f, y.f)
    for i in range(4):
        z.d[i] = cmul(x.d[i], y.f) + cmul(x.f, y.d[i])
        for j in range(4):
            z.h[i][j] = (cmul(x.h[i][j], y.f) + cmul(x.f, y.h[i][j])
                         + cmul(x.d[i], y.d[j]) + cmul(x.d[j], y.d[i]))
    return z


cdef inline Jet inverse(Jet x) noexcept nogil:
    """1/x."""
    cdef Jet z
    cdef int i, j
    cdef cplx w = 1.0 / x.f, w2 = cmul(w, w), w3 = cmul(w2, w)
    z.f = w
    for i in range(4):
        z.d[i] = -cmul(w2, x.d[i])
        for j in range(4):
            z.h[i][j] = cscale(2, cmul(w3, cmul(x.d[i], x.d[j]))) - cmul(w2, x.h[i][j])
    return z


cdef inline Jet conjugate(Jet x) noexcept nogil:
    cdef Jet z
    cdef int i, j
    z.f = cconj(x.f)
    for i in range(4):
        z.d[i] = cconj(x.d[i ^ 1])
        for j in range(4):
            z.h[i][j] = cconj(x.h[i ^ 1][j ^ 1])
    return z


cdef class ChainsFlow(RightHandSide):
    """dβ/dt = F, dC/dt = M C + C Mᵀ + D, with ds/dt and dz/dt of the central spin, or with it eliminated.

    Parameters
    ----------
    n, g, omega : pair of float
    omega0, exchange : float
    jumps : sequence of (kind, conjugated, c1, c2, p, q)
        L = c1 f(β1) + c2 f(β2), or with f* in place of f.
    eliminated : bool
        s and z are constants; H gets z Re(G* Σ_j g_jA_j/(2X+δ_j)).
    detuning : pair of float
        δ_j of the elimination.
    coherent : float
        κ of κ(A1* A2 + A2* A1).
    """

    cdef double[2] N, g, omega, detuning
    cdef double omega0, squared, coherent
    cdef int jumps
    cdef bint eliminated
    cdef int[MAX_JUMPS] kind
    cdef int[MAX_JUMPS] conjugated
    cdef double[MAX_JUMPS][2] weight
    cdef double[MAX_JUMPS] p
    cdef double[MAX_JUMPS] q

    def __init__(self, n, g, omega, double omega0, double exchange, jumps, bint eliminated, detuning,
                 double coherent=0.0):
        cdef int k
        for k in range(2):
            self.N[k] = n[k]
            self.g[k] = g[k]
            self.omega[k] = omega[k]
            self.detuning[k] = detuning[k]
        self.omega0 = omega0
        self.squared = exchange * exchange
        if len(jumps) > MAX_JUMPS:
            raise ValueError(f"at most {MAX_JUMPS} jump operators, not {len(jumps)}")
        self.jumps = len(jumps)
        for k in range(self.jumps):
            (self.kind[k], self.conjugated[k], self.weight[k][0], self.weight[k][1],
             self.p[k], self.q[k]) = jumps[k]
        self.eliminated = eliminated
        self.coherent = coherent
        self.size = DOUBLES

    cdef int terms(self, const double* y, cplx* F, cplx* u, cplx* v, double* D, double* spin) noexcept nogil:
        """OUT F (2), u and v (2, 2), D (4, 4), the rates of (Re s, Im s, z)."""
        cdef cplx[2] b
        cdef cplx s = cmake(y[4], y[5]), G = cmake(0, 0), t
        cdef double z = y[6], X = 0
        cdef double[2] n
        cdef Jet1[2] A
        cdef int j, k
        for j in range(2):
            b[j] = cmake(y[2 * j], y[2 * j + 1])
            n[j] = b[j].real * b[j].real + b[j].imag * b[j].imag
            if not n[j] < self.N[j]:
                return 1
            A[j] = spin_symbol(b[j], self.N[j])
            G = G + cscale(self.g[j], A[j].f)
            X += self.g[j] * (n[j] - 0.5 * self.N[j]) / sqrt(self.N[j])
        for j in range(2):
            for k in range(2):
                u[2 * j + k] = v[2 * j + k] = cmake(0, 0)
        if self.eliminated:
            s = cmake(0, 0)
        for j in range(2):
            # −i ∂H/∂β*, with ω[(λ²+1/N)n − λ²n²/N] + g z n/√N + g (s* A + s A*)
            X_j(self.omega[j], self.squared, self.N[j], self.g[j] * z, n[j], b[j], &F[j], &u[3 * j], &v[3 * j])
            F[j] = F[j] - cmuli(cscale(self.g[j], cmul(cconj(s), A[j].b) + cmul(s, cconj(A[j].a))))
            u[3 * j] = u[3 * j] - cmuli(cscale(self.g[j], cmul(cconj(s), A[j].ab) + cmul(s, cconj(A[j].ab))))
            v[3 * j] = v[3 * j] - cmuli(cscale(self.g[j], cmul(cconj(s), A[j].bb) + cmul(s, cconj(A[j].aa))))
        if self.eliminated:
            self.effective(A, b, X, z, F, u, v)
            spin[0] = spin[1] = spin[2] = 0
        else:
            t = -cmuli(cscale(self.omega0 + 2 * X, s)) + cmuli(cscale(z, G))
            spin[0] = t.real
            spin[1] = t.imag
            spin[2] = 4 * (s.real * G.imag - s.imag * G.real)
        if self.coherent != 0:
            self.direct(A, F, u, v)
        self.dissipation(b, F, u, v, D)
        return 0

    cdef void effective(self, Jet1* A, cplx* b, double X, double z, cplx* F, cplx* u, cplx* v) noexcept nogil:
        """Add the drift of z Re(G* Q), Q = Σ_j g_jA_j/(2X(β)+δ_j)."""
        cdef Jet G, Q, H, W
        cdef Jet[2] P
        cdef int j, k
        for j in range(2):
            P[j] = lift(A[j], j, self.g[j])
        G = add(P[0], P[1])
        for j in range(2):
            # 2X + δ_j
            for k in range(4):
                W.d[k] = cscale(2 * self.g[k // 2] / sqrt(self.N[k // 2]), b[k // 2] if k % 2 else cconj(b[k // 2]))
            for k in range(16):
                W.h[k // 4][k % 4] = cmake(0, 0)
            W.h[0][1] = W.h[1][0] = cmake(2 * self.g[0] / sqrt(self.N[0]), 0)
            W.h[2][3] = W.h[3][2] = cmake(2 * self.g[1] / sqrt(self.N[1]), 0)
            W.f = cmake(2 * X + self.detuning[j], 0)
            P[j] = multiply(P[j], inverse(W))
        Q = add(P[0], P[1])
        H = multiply(conjugate(G), Q)
        H = add(H, conjugate(H))
        for j in range(2):
            F[j] = F[j] - cmuli(cscale(0.5 * z, H.d[2 * j + 1]))
            for k in range(2):
                u[2 * j + k] = u[2 * j + k] - cmuli(cscale(0.5 * z, H.h[2 * j + 1][2 * k]))
                v[2 * j + k] = v[2 * j + k] - cmuli(cscale(0.5 * z, H.h[2 * j + 1][2 * k + 1]))

    cdef void direct(self, Jet1* A, cplx* F, cplx* u, cplx* v) noexcept nogil:
        """Add the drift of κ(A1* A2 + A2* A1)."""
        cdef int j, k
        cdef cplx other
        for j in range(2):
            k = 1 - j
            other = cscale(self.coherent, A[k].f)
            F[j] = F[j] - cmuli(cmul(cconj(A[j].a), other) + cmul(A[j].b, cconj(other)))
            u[3 * j] = u[3 * j] - cmuli(cmul(cconj(A[j].ab), other) + cmul(A[j].ab, cconj(other)))
            v[3 * j] = v[3 * j] - cmuli(cmul(cconj(A[j].aa), other) + cmul(A[j].bb, cconj(other)))
            u[2 * j + k] = u[2 * j + k] - cmuli(cscale(self.coherent, cmul(cconj(A[j].a), A[k].a)
                                                       + cmul(A[j].b, cconj(A[k].b))))
            v[2 * j + k] = v[2 * j + k] - cmuli(cscale(self.coherent, cmul(cconj(A[j].a), A[k].b)
                                                       + cmul(A[j].b, cconj(A[k].a))))

    cdef void dissipation(self, cplx* b, cplx* F, cplx* u, cplx* v, double* D) noexcept nogil:
        """Add ½(L* ∂L/∂β_j* − L ∂L*/∂β_j*) and its derivatives; OUT D."""
        cdef int i, j, k
        cdef Jet1 x
        cdef Jet1[2] f
        cdef cplx L
        cdef cplx[4] w
        cdef double root = sqrt(0.5)
        for i in range(16):
            D[i] = 0
        for i in range(self.jumps):
            L = cmake(0, 0)
            for j in range(2):
                if self.weight[i][j] == 0:
                    x.f = x.a = x.b = x.aa = x.ab = x.bb = cmake(0, 0)
                else:
                    x = symbol(self.kind[i], b[j], self.N[j], self.p[i], self.q[i])
                    if self.conjugated[i]:
                        x = conjugate1(x)
                    x.f = cscale(self.weight[i][j], x.f)
                    x.a = cscale(self.weight[i][j], x.a)
                    x.b = cscale(self.weight[i][j], x.b)
                    x.aa = cscale(self.weight[i][j], x.aa)
                    x.ab = cscale(self.weight[i][j], x.ab)
                    x.bb = cscale(self.weight[i][j], x.bb)
                f[j] = x
                L = L + x.f
                # Ωℓ = (ℓ_p, −ℓ_q)
                w[2 * j] = cscale(root, cmuli(x.a - x.b))
                w[2 * j + 1] = cscale(-root, x.a + x.b)
            for j in range(2):
                F[j] = F[j] + cscale(0.5, cmul(cconj(L), f[j].b) - cmul(L, cconj(f[j].a)))
                for k in range(2):
                    u[2 * j + k] = u[2 * j + k] + cscale(0.5, cmul(cconj(f[k].b), f[j].b) - cmul(f[k].a, cconj(f[j].a)))
                    v[2 * j + k] = v[2 * j + k] + cscale(0.5, cmul(cconj(f[k].a), f[j].b) - cmul(f[k].b, cconj(f[j].a)))
                u[3 * j] = u[3 * j] + cscale(0.5, cmul(cconj(L), f[j].ab) - cmul(L, cconj(f[j].ab)))
                v[3 * j] = v[3 * j] + cscale(0.5, cmul(cconj(L), f[j].bb) - cmul(L, cconj(f[j].aa)))
            for j in range(4):
                for k in range(4):
                    D[4 * j + k] += w[j].real * w[k].real + w[j].imag * w[k].imag

    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef cplx[2] F
        cdef cplx[4] u
        cdef cplx[4] v
        cdef double[16] D
        cdef double[4][4] M
        cdef double[4][4] C
        cdef double[4][4] MC
        cdef int i, j, k, at = 7
        cdef double total
        if self.terms(y, F, u, v, D, dy + 4) != 0:
            return 1
        for j in range(2):
            dy[2 * j] = F[j].real
            dy[2 * j + 1] = F[j].imag
            for k in range(2):
                i = 2 * j + k
                M[2 * j][2 * k] = u[i].real + v[i].real
                M[2 * j][2 * k + 1] = v[i].imag - u[i].imag
                M[2 * j + 1][2 * k] = u[i].imag + v[i].imag
                M[2 * j + 1][2 * k + 1] = u[i].real - v[i].real
        for i in range(4):
            for j in range(i, 4):
                C[i][j] = C[j][i] = y[at]
                at += 1
        for i in range(4):
            for j in range(4):
                total = 0
                for k in range(4):
                    total += M[i][k] * C[k][j]
                MC[i][j] = total
        at = 7
        for i in range(4):
            for j in range(i, 4):
                dy[at] = MC[i][j] + MC[j][i] + D[4 * i + j]
                at += 1
        return 0

    def parts(self, y):
        """F (2,), u (2, 2), v (2, 2), D (4, 4) and the rates of (Re s, Im s, z) at a state of 17 (or 7) numbers."""
        cdef double[::1] state = np.zeros(DOUBLES)
        values = np.array(y, dtype=float).ravel()
        np.asarray(state)[:len(values)] = values
        cdef double complex[::1] F = np.empty(2, dtype=complex), u = np.empty(4, dtype=complex)
        cdef double complex[::1] v = np.empty(4, dtype=complex)
        cdef double[::1] D = np.empty(16), spin = np.empty(3)
        if self.terms(&state[0], &F[0], &u[0], &v[0], &D[0], &spin[0]) != 0:
            raise ValueError("|β|² must stay below N")
        return (np.asarray(F), np.asarray(u).reshape(2, 2), np.asarray(v).reshape(2, 2),
                np.asarray(D).reshape(4, 4), np.asarray(spin))


cdef inline void X_j(double omega, double squared, double N, double gz, double n, cplx b, cplx* F, cplx* u,
                     cplx* v) noexcept nogil:
    """F, u, v of ω[(λ²+1/N)n − λ²n²/N] + g z n/√N."""
    cdef double rate = omega * (squared + 1 / N) + gz / sqrt(N), bend = 2 * omega * squared / N
    F[0] = -cmuli(cscale(rate - bend * n, b))
    u[0] = cmake(0, -(rate - 2 * bend * n))
    v[0] = cmuli(cscale(bend, cmul(b, b)))
