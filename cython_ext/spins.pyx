"""Mean field and covariance of two chains with the exact Holstein–Primakoff square root.

State: β1, β2, s=⟨σ−⟩ as pairs, z=⟨σz⟩, then the upper triangle of the covariance of
(q1, p1, q2, p2).
"""

from libc.math cimport sqrt

import numpy as np

from qsyncplug._ext.complexes cimport conj, i_times, of_parts, scaled, square
from qsyncplug._ext.integrator cimport RightHandSide

ctypedef double complex cplx

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
    y.f = conj(x.f)
    y.a = conj(x.b)
    y.b = conj(x.a)
    y.aa = conj(x.bb)
    y.ab = conj(x.ab)
    y.bb = conj(x.aa)
    return y


cdef inline Jet1 spin_symbol(cplx b, double N) noexcept nogil:
    """A = √(1−n/N) β."""
    cdef Jet1 x
    cdef double n = square(b), r = sqrt(1 - n / N)
    cdef double rn = -0.5 / (N * r), rnn = -0.25 / (N * N * r * r * r), second = 2 * rn + n * rnn
    cdef cplx b2 = b * b
    x.f = scaled(r, b)
    x.a = of_parts(r + n * rn, 0)
    x.b = scaled(rn, b2)
    x.aa = scaled(second, conj(b))
    x.ab = scaled(second, b)
    x.bb = scaled(rnn, b2 * b)
    return x


cdef inline Jet1 symbol(int kind, cplx b, double N, double p, double q) noexcept nogil:
    """One of the symbols; `p`, `q`: the two coefficients of NONLINEAR."""
    cdef Jet1 x
    cdef double n = square(b)
    cdef cplx zero = of_parts(0, 0), b2 = b * b
    x.f = x.a = x.b = x.aa = x.ab = x.bb = zero
    if kind == SPIN:
        return spin_symbol(b, N)
    if kind == BOSON:
        x.f = b
        x.a = of_parts(1, 0)
    elif kind == BOSON2:
        x.f = b2
        x.a = scaled(2, b)
        x.aa = of_parts(2, 0)
    elif kind == SPIN2:
        x.f = scaled(1 - n / N, b2)
        x.a = scaled(2 - 3 * n / N, b)
        x.b = scaled(-1 / N, b2 * b)
        x.aa = of_parts(2 - 6 * n / N, 0)
        x.ab = scaled(-3 / N, b2)
    else:
        x.f = scaled(p + q * n, b)
        x.a = of_parts(p + 2 * q * n, 0)
        x.b = scaled(q, b2)
        x.aa = scaled(2 * q, conj(b))
        x.ab = scaled(2 * q, b)
    return x


cdef inline Jet lift(Jet1 x, int mode, double factor) noexcept nogil:
    """A function of one mode as a function of both."""
    cdef Jet y
    cdef int i, j, k = 2 * mode
    for i in range(4):
        y.d[i] = of_parts(0, 0)
        for j in range(4):
            y.h[i][j] = of_parts(0, 0)
    y.f = scaled(factor, x.f)
    y.d[k] = scaled(factor, x.a)
    y.d[k + 1] = scaled(factor, x.b)
    y.h[k][k] = scaled(factor, x.aa)
    y.h[k][k + 1] = y.h[k + 1][k] = scaled(factor, x.ab)
    y.h[k + 1][k + 1] = scaled(factor, x.bb)
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
    z.f = x.f * y.f
    for i in range(4):
        z.d[i] = x.d[i] * y.f + x.f * y.d[i]
        for j in range(4):
            z.h[i][j] = (x.h[i][j] * y.f + x.f * y.h[i][j]
                         + x.d[i] * y.d[j] + x.d[j] * y.d[i])
    return z


cdef inline Jet inverse(Jet x) noexcept nogil:
    """1/x."""
    cdef Jet z
    cdef int i, j
    cdef cplx w = 1.0 / x.f, w2 = w * w, w3 = w2 * w
    z.f = w
    for i in range(4):
        z.d[i] = -w2 * x.d[i]
        for j in range(4):
            z.h[i][j] = scaled(2, w3 * (x.d[i] * x.d[j])) - w2 * x.h[i][j]
    return z


cdef inline Jet conjugate(Jet x) noexcept nogil:
    cdef Jet z
    cdef int i, j
    z.f = conj(x.f)
    for i in range(4):
        z.d[i] = conj(x.d[i ^ 1])
        for j in range(4):
            z.h[i][j] = conj(x.h[i ^ 1][j ^ 1])
    return z


cdef class ChainsFlow(RightHandSide):
    """dβ/dt = F, dC/dt = M C + C Mᵀ + D, with ds/dt and dz/dt of the central spin, or without it.

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

    def __init__(self, n, g, omega, double omega0, double exchange, jumps, bint eliminated,
                 detuning, double coherent=0.0):
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

    cdef int terms(
        self,
        const double* y,    # IN β1, β2, s, z
        cplx* F,            # OUT (2,)
        cplx* u,            # OUT (2, 2)
        cplx* v,            # OUT (2, 2)
        double* D,          # OUT (4, 4)
        double* spin,       # OUT rates of Re s, Im s, z
    ) noexcept nogil:
        """Drift, its derivatives and the diffusion; 1 where |β|² has passed N."""
        cdef cplx[2] b
        cdef cplx s = of_parts(y[4], y[5]), G = of_parts(0, 0), t
        cdef double z = y[6], X = 0
        cdef double[2] n
        cdef Jet1[2] A
        cdef int j, k
        for j in range(2):
            b[j] = of_parts(y[2 * j], y[2 * j + 1])
            n[j] = square(b[j])
            if not n[j] < self.N[j]:
                return 1
            A[j] = spin_symbol(b[j], self.N[j])
            G = G + scaled(self.g[j], A[j].f)
            X += self.g[j] * (n[j] - 0.5 * self.N[j]) / sqrt(self.N[j])
        for j in range(2):
            for k in range(2):
                u[2 * j + k] = v[2 * j + k] = of_parts(0, 0)
        if self.eliminated:
            s = of_parts(0, 0)
        for j in range(2):
            # −i ∂H/∂β*, with ω[(λ²+1/N)n − λ²n²/N] + g z n/√N + g (s* A + s A*)
            X_j(self.omega[j], self.squared, self.N[j], self.g[j] * z, n[j], b[j], &F[j],
                &u[3 * j], &v[3 * j])
            F[j] = F[j] - i_times(scaled(self.g[j], conj(s) * A[j].b + s * conj(A[j].a)))
            t = conj(s) * A[j].ab + s * conj(A[j].ab)
            u[3 * j] = u[3 * j] - i_times(scaled(self.g[j], t))
            t = conj(s) * A[j].bb + s * conj(A[j].aa)
            v[3 * j] = v[3 * j] - i_times(scaled(self.g[j], t))
        if self.eliminated:
            self.effective(A, b, X, z, F, u, v)
            spin[0] = spin[1] = spin[2] = 0
        else:
            t = -i_times(scaled(self.omega0 + 2 * X, s)) + i_times(scaled(z, G))
            spin[0] = t.real
            spin[1] = t.imag
            spin[2] = 4 * (s.real * G.imag - s.imag * G.real)
        if self.coherent != 0:
            self.direct(A, F, u, v)
        self.dissipation(b, F, u, v, D)
        return 0

    cdef void effective(
        self,
        Jet1* A,            # IN (2,)
        cplx* b,            # IN (2,)
        double X,           # IN
        double z,           # IN
        cplx* F,            # INOUT (2,)
        cplx* u,            # INOUT (2, 2)
        cplx* v,            # INOUT (2, 2)
    ) noexcept nogil:
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
                W.d[k] = b[k // 2] if k % 2 else conj(b[k // 2])
                W.d[k] = scaled(2 * self.g[k // 2] / sqrt(self.N[k // 2]), W.d[k])
            for k in range(16):
                W.h[k // 4][k % 4] = of_parts(0, 0)
            W.h[0][1] = W.h[1][0] = of_parts(2 * self.g[0] / sqrt(self.N[0]), 0)
            W.h[2][3] = W.h[3][2] = of_parts(2 * self.g[1] / sqrt(self.N[1]), 0)
            W.f = of_parts(2 * X + self.detuning[j], 0)
            P[j] = multiply(P[j], inverse(W))
        Q = add(P[0], P[1])
        H = multiply(conjugate(G), Q)
        H = add(H, conjugate(H))
        for j in range(2):
            F[j] = F[j] - i_times(scaled(0.5 * z, H.d[2 * j + 1]))
            for k in range(2):
                u[2 * j + k] = u[2 * j + k] - i_times(scaled(0.5 * z, H.h[2 * j + 1][2 * k]))
                v[2 * j + k] = v[2 * j + k] - i_times(scaled(0.5 * z, H.h[2 * j + 1][2 * k + 1]))

    cdef void direct(
        self,
        Jet1* A,            # IN (2,)
        cplx* F,            # INOUT (2,)
        cplx* u,            # INOUT (2, 2)
        cplx* v,            # INOUT (2, 2)
    ) noexcept nogil:
        """Add the drift of κ(A1* A2 + A2* A1)."""
        cdef int j, k
        cdef cplx other
        for j in range(2):
            k = 1 - j
            other = scaled(self.coherent, A[k].f)
            F[j] = F[j] - i_times(conj(A[j].a) * other + A[j].b * conj(other))
            u[3 * j] = u[3 * j] - i_times(conj(A[j].ab) * other + A[j].ab * conj(other))
            v[3 * j] = v[3 * j] - i_times(conj(A[j].aa) * other + A[j].bb * conj(other))
            other = conj(A[j].a) * A[k].a + A[j].b * conj(A[k].b)
            u[2 * j + k] = u[2 * j + k] - i_times(scaled(self.coherent, other))
            other = conj(A[j].a) * A[k].b + A[j].b * conj(A[k].a)
            v[2 * j + k] = v[2 * j + k] - i_times(scaled(self.coherent, other))

    cdef void dissipation(
        self,
        cplx* b,            # IN (2,)
        cplx* F,            # INOUT (2,)
        cplx* u,            # INOUT (2, 2)
        cplx* v,            # INOUT (2, 2)
        double* D,          # OUT (4, 4)
    ) noexcept nogil:
        """Add ½(L* ∂L/∂β_j* − L ∂L*/∂β_j*) and its derivatives."""
        cdef int i, j, k
        cdef Jet1 x
        cdef Jet1[2] f
        cdef cplx L, t
        cdef cplx[4] w
        cdef double root = sqrt(0.5)
        for i in range(16):
            D[i] = 0
        for i in range(self.jumps):
            L = of_parts(0, 0)
            for j in range(2):
                if self.weight[i][j] == 0:
                    x.f = x.a = x.b = x.aa = x.ab = x.bb = of_parts(0, 0)
                else:
                    x = symbol(self.kind[i], b[j], self.N[j], self.p[i], self.q[i])
                    if self.conjugated[i]:
                        x = conjugate1(x)
                    x.f = scaled(self.weight[i][j], x.f)
                    x.a = scaled(self.weight[i][j], x.a)
                    x.b = scaled(self.weight[i][j], x.b)
                    x.aa = scaled(self.weight[i][j], x.aa)
                    x.ab = scaled(self.weight[i][j], x.ab)
                    x.bb = scaled(self.weight[i][j], x.bb)
                f[j] = x
                L = L + x.f
                # Ωℓ = (ℓ_p, −ℓ_q)
                w[2 * j] = scaled(root, i_times(x.a - x.b))
                w[2 * j + 1] = scaled(-root, x.a + x.b)
            for j in range(2):
                F[j] = F[j] + scaled(0.5, conj(L) * f[j].b - L * conj(f[j].a))
                for k in range(2):
                    t = conj(f[k].b) * f[j].b - f[k].a * conj(f[j].a)
                    u[2 * j + k] = u[2 * j + k] + scaled(0.5, t)
                    t = conj(f[k].a) * f[j].b - f[k].b * conj(f[j].a)
                    v[2 * j + k] = v[2 * j + k] + scaled(0.5, t)
                u[3 * j] = u[3 * j] + scaled(0.5, conj(L) * f[j].ab - L * conj(f[j].ab))
                v[3 * j] = v[3 * j] + scaled(0.5, conj(L) * f[j].bb - L * conj(f[j].aa))
            for j in range(4):
                for k in range(4):
                    D[4 * j + k] += w[j].real * w[k].real + w[j].imag * w[k].imag

    cdef int evaluate(
        self,
        double t,           # IN
        const double* y,    # IN (17,)
        double* dy,         # OUT (17,)
    ) noexcept nogil:
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
        """F (2,), u (2, 2), v (2, 2), D (4, 4) and the rates of (Re s, Im s, z) at a state of 17
        (or 7) numbers.
        """
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


cdef inline void X_j(
    double omega,           # IN
    double squared,         # IN λ²
    double N,               # IN
    double gz,              # IN
    double n,               # IN |β|²
    cplx b,                 # IN
    cplx* F,                # OUT one number
    cplx* u,                # OUT one number
    cplx* v,                # OUT one number
) noexcept nogil:
    """F, u, v of ω[(λ²+1/N)n − λ²n²/N] + g z n/√N."""
    cdef double rate = omega * (squared + 1 / N) + gz / sqrt(N), bend = 2 * omega * squared / N
    F[0] = -i_times(scaled(rate - bend * n, b))
    u[0] = of_parts(0, -(rate - 2 * bend * n))
    v[0] = i_times(scaled(bend, b * b))
