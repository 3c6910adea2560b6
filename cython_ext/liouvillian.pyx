"""Products of a Lindblad generator with a state, Chebyshev and Krylov expansions, and the
right-hand side of a driven run.

Operators are sums of (vector of diagonal values) times (shift of the basis); nothing of the size of
a superoperator is formed. Real and imaginary parts of the elements are kept apart; a row of
elements here is all real parts, then all imaginary parts.
"""

from libc.math cimport ceil, exp, fabs, sqrt
from libc.string cimport memcpy, memset

import numpy as np

from qsyncplug._ext.complexes cimport conj, of_parts
from qsyncplug._ext.integrator cimport RightHandSide

cdef extern from "liouvillian_kernels.h" nogil:
    # for Python, which makes the tables: the header says what they mean
    cpdef enum Kind "ql_kind":
        ALONE "QL_ALONE"
        ALONE_CONJUGATE "QL_ALONE_CONJUGATE"
        REAL "QL_REAL"
        REAL_CONJUGATE "QL_REAL_CONJUGATE"
        COMPLEX "QL_COMPLEX"
        COMPLEX_CONJUGATE "QL_COMPLEX_CONJUGATE"
        KINDS "QL_KINDS"
    cpdef enum Slot "ql_slot":
        ONES "QL_ONES"
        ZEROS "QL_ZEROS"
        DIAGONAL "QL_DIAGONAL"


cdef const Py_ssize_t[::1] integers(x):
    # at least one entry, so that there is an address
    array = np.ascontiguousarray(x, dtype=np.intp)
    return array if len(array) else np.zeros(1, dtype=np.intp)


cdef double[:, ::1] on_lines(Py_ssize_t rows, Py_ssize_t columns):
    """Zeros whose rows begin at lines of the cache, where `columns` is a multiple of 8."""
    flat = np.zeros(rows * columns + 8)
    cdef Py_ssize_t first = (-(flat.ctypes.data // 8)) % 8
    return flat[first:first + rows * columns].reshape(rows, columns)


cdef class Generator:
    """L on a set of segments of elements.

    Parameters
    ----------
    segments : int array (S, 4)
        Of each: where it starts, its length, the row and the column of its first element.
    weight : array (S,)
        2 where the conjugate elements are left out, else 1.
    terms : int array (n, 7)
        Segment, ``Kind``, start of x, slots of v and w (one of them ``ONES`` where the kind has v
        alone), first and last index with a coefficient; sorted by segment and kind.
    slots : int
        Number of vectors; the first are those of ``Slot``.
    parts : int array (p, 2)
        Slot and factor of each part: a vector is the sum of its parts times their factors.
    values : complex array (p, d)
    factors : int
        Number of factors that depend on time; factor 0 is one.
    right : int
        Slot of the diagonal that acts from the right (``ZEROS`` for kets).
    dimension : int
    level : int
        Instruction set; −1: the best.
    """

    def __init__(self, segments, weight, terms, Py_ssize_t slots, Py_ssize_t right, parts,
                 values, Py_ssize_t factors, Py_ssize_t dimension, int level=-1):
        cdef Py_ssize_t k, n
        cdef const Py_ssize_t[:, ::1] entry
        segments = np.asarray(segments, dtype=np.intp).reshape(-1, 4)
        parts = np.asarray(parts, dtype=np.intp).reshape(-1, 2)
        terms = np.ascontiguousarray(np.asarray(terms, dtype=np.intp).reshape(-1, 7))
        self.start, self.length = integers(segments[:, 0]), integers(segments[:, 1])
        self.left, self.right = integers(segments[:, 2]), integers(segments[:, 3])
        self.weight = np.ascontiguousarray(weight, dtype=float)
        self.size = int(segments[:, 1].sum())
        self.dimension, self.slots = dimension, slots
        self.n_parts, self.n_factors = len(parts), factors
        self.part_slot, self.part_factor = integers(parts[:, 0]), integers(parts[:, 1])
        self.values = np.ascontiguousarray(values, dtype=complex)
        self.kernels = ql_select(level)
        if self.kernels == NULL:
            raise ValueError(f"this processor does not have instruction set {level}")
        # a register that lies across two lines of the cache takes twice as long to load: of what
        # is read with any offset there are copies, one for each place in a line; where factors
        # depend on time they would take longer to write than they save
        self.stride = 8 * ((dimension + QL_OVERRUN + 15) // 8)
        self.copies = 8 if factors == 1 else 1
        self.re = on_lines(slots * self.copies, self.stride)
        self.im = on_lines(slots * self.copies, self.stride)
        n = len(terms)
        self.n_terms = n
        self.terms = np.zeros(max(n, 1), dtype=[
            ("source", np.intp), ("v", np.intp), ("w", np.intp), ("low", np.intc),
            ("high", np.intc),
        ])
        entry = terms
        for k in range(n):
            self.terms[k].source = entry[k, 2]
            self.terms[k].v = self.place(entry[k, 3], self.left[entry[k, 0]])
            self.terms[k].w = self.place(entry[k, 4], self.right[entry[k, 0]])
            if entry[k, 1] < REAL and entry[k, 3] == ONES:
                self.terms[k].v = self.terms[k].w
            self.terms[k].low = <int>entry[k, 5]
            self.terms[k].high = <int>entry[k, 6]
        kinds = np.arange(KINDS * len(segments) + 1)
        self.first = integers(np.searchsorted(KINDS * terms[:, 0] + terms[:, 1], kinds))
        self.pad = dimension + QL_OVERRUN
        # [pad, real parts, pad, imaginary parts, pad]: what a product reads beyond the ends is zero
        self.row = 2 * self.size + 3 * self.pad
        self.ring = np.zeros((QL_RING, self.row))
        self.table.segments = len(segments)
        self.table.start, self.table.length = &self.start[0], &self.length[0]
        self.table.left, self.table.right = &self.left[0], &self.right[0]
        self.table.weight, self.table.first = &self.weight[0], &self.first[0]
        self.table.terms = &self.terms[0]
        self.table.re, self.table.im = &self.re[0, 0], &self.im[0, 0]
        k = DIAGONAL * self.copies
        self.table.left_re, self.table.left_im = &self.re[k, 0], &self.im[k, 0]
        k = right * self.copies
        self.table.right_re, self.table.right_im = &self.re[k, 0], &self.im[k, 0]
        for k in range(dimension):
            self.re[<Py_ssize_t>ONES * self.copies, k] = 1
        self.copy(ONES)
        cdef const double complex[::1] ones = np.ones(factors, dtype=complex)
        self.scale(ones)

    @property
    def instructions(self):
        """Name of the instruction set in use."""
        return self.kernels.name.decode().strip("_")

    @property
    def nbytes(self):
        """Bytes held."""
        vectors = 16 * (self.slots * self.copies * self.stride + self.n_parts * self.dimension)
        return 8 * QL_RING * self.row + vectors + 32 * self.n_terms

    cdef void scale(
        self,
        const double complex[::1] factors,  # IN (n_factors,)
    ) noexcept nogil:
        """Set the vectors that depend on factors."""
        cdef Py_ssize_t p, i, s
        cdef double a, b, c, d
        for s in range(DIAGONAL, self.slots):
            memset(&self.re[s * self.copies, 0], 0, self.dimension * sizeof(double))
            memset(&self.im[s * self.copies, 0], 0, self.dimension * sizeof(double))
        for p in range(self.n_parts):
            s = self.part_slot[p] * self.copies
            a = factors[self.part_factor[p]].real
            b = factors[self.part_factor[p]].imag
            for i in range(self.dimension):
                c = self.values[p, i].real
                d = self.values[p, i].imag
                self.re[s, i] += a * c - b * d
                self.im[s, i] += a * d + b * c
        for s in range(DIAGONAL, self.slots):
            self.copy(s)

    cdef Py_ssize_t place(self, Py_ssize_t slot, Py_ssize_t first) noexcept nogil:
        """Where entry `first` of a vector is, in the copy that has it at the start of a line."""
        cdef Py_ssize_t shift = first % self.copies
        return (slot * self.copies + shift) * self.stride + first - shift

    cdef void copy(self, Py_ssize_t slot) noexcept nogil:
        """The shifted copies of a vector."""
        cdef Py_ssize_t first = slot * self.copies, c
        for c in range(1, self.copies):
            memcpy(&self.re[first + c, 0], &self.re[first, c], (self.stride - c) * sizeof(double))
            memcpy(&self.im[first + c, 0], &self.im[first, c], (self.stride - c) * sizeof(double))

    def set_factors(
        self,
        const double complex[::1] factors,  # IN (n_factors,)
    ):
        """Values of the time-dependent factors from now on."""
        if factors.shape[0] != self.n_factors:
            raise ValueError(f"{self.n_factors} factors are needed, not {factors.shape[0]}")
        self.scale(factors)

    cdef double* real(self, Py_ssize_t k) noexcept nogil:
        return &self.ring[k, self.pad]

    cdef double* imaginary(self, Py_ssize_t k) noexcept nogil:
        return &self.ring[k, 2 * self.pad + self.size]

    cdef void load(
        self,
        Py_ssize_t k,           # IN
        const double* x,        # IN (2·size,)
    ) noexcept nogil:
        memcpy(self.real(k), x, self.size * sizeof(double))
        memcpy(self.imaginary(k), x + self.size, self.size * sizeof(double))

    cdef void apply_to(
        self,
        const double* x,        # IN (2·size,)
        double* out,            # OUT (2·size,)
    ) noexcept nogil:
        """out = L x."""
        self.load(0, x)
        self.kernels.product(&self.table, 1.0, 0.0, 0.0, self.real(0), self.imaginary(0), NULL,
                             NULL, out, out + self.size)
        self.products += 1

    def apply(
        self,
        const double[::1] x,    # IN (2·size,)
        out=None,               # OUT (2·size,)
    ):
        """L x for a row of 2·size doubles."""
        result = np.empty(2 * self.size) if out is None else out
        cdef double[::1] target = result
        if x.shape[0] != 2 * self.size or target.shape[0] != 2 * self.size:
            raise ValueError(f"x must hold {2 * self.size} doubles, not {x.shape[0]}")
        with nogil:
            self.apply_to(&x[0], &target[0])
        return result

    def norm(
        self,
        const double[::1] x,    # IN (2·size,)
    ):
        """Frobenius norm of a row."""
        cdef double total
        if x.shape[0] != 2 * self.size:
            raise ValueError(f"x must hold {2 * self.size} doubles, not {x.shape[0]}")
        with nogil:
            total = self.squared(&x[0], &x[self.size])
        return sqrt(total)

    cdef double squared(
        self,
        const double* re,       # IN (size,)
        const double* im,       # IN (size,)
    ) noexcept nogil:
        cdef double total = 0, part
        cdef Py_ssize_t j, i
        for j in range(self.table.segments):
            part = 0
            for i in range(self.start[j], self.start[j] + self.length[j]):
                part += re[i] * re[i] + im[i] * im[i]
            total += self.weight[j] * part
        return total

    def expand(
        self,
        const double[::1] x,                    # IN (2·size,)
        double alpha,                           # IN
        double shift,                           # IN
        double beta,                            # IN
        const double[:, ::1] coefficients,      # IN (w, K)
        double[:, :] out,                       # OUT (w, 2·size), each row contiguous
        const Py_ssize_t[::1] read_start,       # IN functionals on rows
        const Py_ssize_t[::1] read_place,       # IN
        const double complex[::1] read_value,   # IN
        double complex[:, ::1] moments,         # OUT (K, functionals)
        double[::1] norms,                      # OUT (K,)
    ):
        """out_j = Σ_k coefficients[j, k] F_k(L) x with F_0=x,
        F_1=alpha (L−shift) x, F_{k+1}=2 alpha (L−shift) F_k + beta F_{k−1}.

        `moments` and `norms` are those of the F_k.
        """
        cdef Py_ssize_t K = coefficients.shape[1], w = coefficients.shape[0], k, first = 0
        cdef Py_ssize_t current, before, last
        cdef double norm
        cdef bint read = read_start.shape[0] > 1 and moments.shape[0] > 0
        if out.shape[0] != w or (w and out.shape[1] != 2 * self.size) or norms.shape[0] != K:
            raise ValueError("shapes of coefficients, out and norms do not fit")
        if out.strides[1] != sizeof(double):
            raise ValueError("the rows of out must be contiguous")
        if read and (moments.shape[0] != K or moments.shape[1] != read_start.shape[0] - 1):
            raise ValueError("moments must be of shape (terms, functionals)")
        with nogil:
            for k in range(w):
                memset(&out[k, 0], 0, 2 * self.size * sizeof(double))
            self.load(0, &x[0])
            norms[0] = sqrt(self.squared(self.real(0), self.imaginary(0)))
            if read:
                self.read(0, read_start, read_place, read_value, &moments[0, 0])
            for k in range(1, K):
                if k % QL_RING == 0:
                    self.collect(QL_RING, first, coefficients, out)
                    first = k
                current = k % QL_RING
                before = (k - 1) % QL_RING
                last = (k - 2) % QL_RING
                norm = self.kernels.product(
                    &self.table, alpha if k == 1 else 2 * alpha, shift, 0.0 if k == 1 else beta,
                    self.real(before), self.imaginary(before), self.real(last) if k > 1 else NULL,
                    self.imaginary(last) if k > 1 else NULL, self.real(current),
                    self.imaginary(current),
                )
                norms[k] = sqrt(norm)
                if read:
                    self.read(current, read_start, read_place, read_value, &moments[k, 0])
            self.collect(<int>(K - first), first, coefficients, out)
        self.products += K - 1

    cdef void collect(
        self,
        int count,                  # IN
        Py_ssize_t first,           # IN
        const double[:, ::1] c,     # IN (w, K)
        double[:, :] out,           # INOUT (w, 2·size), each row contiguous
    ) noexcept nogil:
        """Add the polynomials first .. first+count−1."""
        cdef const double* re[QL_RING]
        cdef const double* im[QL_RING]
        cdef int k = 0
        cdef Py_ssize_t stride = out.strides[0] // <Py_ssize_t>sizeof(double), row = 0
        # outputs soon after the start need fewer polynomials than the last
        while row < out.shape[0]:
            k = 0
            while k < count and c[row, first + k] == 0:
                k += 1
            if k < count:
                break
            row += 1
        if row == out.shape[0]:
            return
        for k in range(count):
            re[k] = self.real(k)
            im[k] = self.imaginary(k)
        self.kernels.combine(out.shape[0] - row, self.size, count, re, &c[row, first], c.shape[1],
                             &out[row, 0], stride)
        self.kernels.combine(out.shape[0] - row, self.size, count, im, &c[row, first], c.shape[1],
                             &out[row, self.size], stride)

    cdef void read(
        self,
        Py_ssize_t slot,                    # IN
        const Py_ssize_t[::1] start,        # IN
        const Py_ssize_t[::1] place,        # IN
        const double complex[::1] value,    # IN
        double complex* out,                # OUT one number a functional
    ) noexcept nogil:
        cdef Py_ssize_t f, e, i
        cdef double re, im, x
        cdef const double* a = self.real(slot)
        cdef const double* b = self.imaginary(slot)
        for f in range(start.shape[0] - 1):
            re = 0
            im = 0
            for e in range(start[f], start[f + 1]):
                i = place[e]
                x = a[i] if i < self.size else b[i - self.size]
                re = re + value[e].real * x
                im = im + value[e].imag * x
            out[f] = of_parts(re, im)

    def functionals(
        self,
        const double[:, :] rows,            # IN (rows, 2·size)
        const Py_ssize_t[::1] start,        # IN (functionals + 1,)
        const Py_ssize_t[::1] place,        # IN (entries,)
        const double complex[::1] value,    # IN (entries,)
    ):
        """Σ value · row[place] for each row and each functional, shape (rows, functionals)."""
        cdef Py_ssize_t r, f, e, F = start.shape[0] - 1
        result = np.zeros((rows.shape[0], F), dtype=complex)
        cdef double complex[:, ::1] out = result
        cdef double re, im, x
        with nogil:
            for r in range(rows.shape[0]):
                for f in range(F):
                    re = 0
                    im = 0
                    for e in range(start[f], start[f + 1]):
                        x = rows[r, place[e]]
                        re = re + value[e].real * x
                        im = im + value[e].imag * x
                    out[r, f] = of_parts(re, im)
        return result

    def matrix(
        self,
        const double[::1] x,                # IN (2·size,)
        const double complex[::1] phase,    # IN (d,)
        bint hermitian,                     # IN
        out=None,                           # OUT (d, d)
    ):
        """The matrix (d, d) of a row, element (a, b) times phase_a phase_b*; the other half filled
        in where `hermitian`.
        """
        result = np.zeros((self.dimension, self.dimension), dtype=complex) if out is None else out
        cdef double complex[:, ::1] m = result
        cdef Py_ssize_t j, i, a, b
        cdef double complex v
        with nogil:
            for j in range(self.table.segments):
                a = self.left[j]
                b = self.right[j]
                for i in range(self.length[j]):
                    v = of_parts(x[self.start[j] + i], x[self.size + self.start[j] + i])
                    v = phase[a + i] * v * conj(phase[b + i])
                    m[a + i, b + i] = v
                    if hermitian:
                        m[b + i, a + i] = conj(v)
        return result

    def elements(
        self,
        const double complex[:, ::1] m,     # IN (d, d)
        const double complex[::1] phase,    # IN (d,)
    ):
        """The row of the matrix `m` (the inverse of :meth:`matrix`)."""
        result = np.zeros(2 * self.size)
        cdef double[::1] x = result
        cdef Py_ssize_t j, i, a, b
        cdef double complex v
        with nogil:
            for j in range(self.table.segments):
                a = self.left[j]
                b = self.right[j]
                for i in range(self.length[j]):
                    v = conj(phase[a + i]) * m[a + i, b + i] * phase[b + i]
                    x[self.start[j] + i] = v.real
                    x[self.size + self.start[j] + i] = v.imag
        return result


cdef class DrivenFlow(RightHandSide):
    """The right-hand side of a run whose operators depend on time: ``factors(t)`` gives the factors
    of the parts.
    """

    cdef Generator generator
    cdef object factors

    def __init__(self, Generator generator, factors):
        self.generator = generator
        self.factors = factors
        self.size = 2 * generator.size
        self.complex_pairs = False

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef const double complex[::1] values
        with gil:
            try:
                values = self.factors(t)
                self.generator.scale(values)
            except BaseException as error:
                self.error = error
                return -1
        self.generator.apply_to(y, dy)
        return 0


cdef void bessel(
    double x,               # IN at least 0
    Py_ssize_t count,       # IN
    bint modified,          # IN
    double* out,            # OUT (count,)
) noexcept nogil:
    """J_k(x), or I_k(x)e^{−x} where `modified`, for k=0 .. count−1.

    Backward recurrence (Miller): stable for both, and right to a few parts in 1e16 of the larger of
    a value and its neighbours. The sums that normalise it: J_0+2ΣJ_2k=1, I_0+2ΣI_k=e^x.
    """
    cdef Py_ssize_t k, i, first
    cdef double above = 0, here = 1e-280, below, total = 0, sign = 1.0 if modified else -1.0
    if x < 1e-8:
        # the first term of the series is all there is
        below = exp(-x) if modified else 1.0
        for k in range(count):
            out[k] = below
            below *= 0.5 * x / (k + 1)
        return
    first = count if count > x else <Py_ssize_t>ceil(x)
    first += 20 + <Py_ssize_t>sqrt(160.0 * first)
    for k in range(first, 0, -1):
        below = 2 * k / x * here + sign * above
        above = here
        here = below
        if k - 1 < count:
            out[k - 1] = here
        if modified:
            total += 2 * here if k > 1 else here
        elif (k - 1) % 2 == 0:
            total += 2 * here if k > 1 else here
        if fabs(here) > 1e200:
            here *= 1e-250
            above *= 1e-250
            total *= 1e-250
            for i in range(k - 1, count):
                out[i] *= 1e-250
    for k in range(count):
        out[k] /= total


def expansion_coefficients(
    const double[::1] times,    # IN (T,)
    Py_ssize_t count,           # IN
    double focus,               # IN
    double power,               # IN
    double centre,              # IN
    bint modified,              # IN
):
    """R^k e^{ct} (2−δ_k0) J_k(ft), or I_k(ft) where `modified`, of shape (times, count); `power` is
    log R.
    """
    result = np.empty((times.shape[0], count))
    cdef double[:, ::1] out = result
    cdef Py_ssize_t j, k
    cdef double x, rest
    if count < 1:
        return result
    with nogil:
        for j in range(times.shape[0]):
            x = focus * times[j]
            bessel(x, count, modified, &out[j, 0])
            rest = centre * times[j] + (x if modified else 0.0)
            for k in range(count):
                # the logarithms first: R^k alone may be out of range
                if out[j, k] != 0:
                    out[j, k] *= (1.0 if k == 0 else 2.0) * exp(k * power + rest)
    return result


def ket_functionals(
    const double[:, ::1] rows,          # IN (rows, 2 d)
    const double complex[::1] phase,    # IN (d,)
    const Py_ssize_t[::1] start,        # IN (functionals + 1,)
    const Py_ssize_t[::1] row,          # IN (entries,)
    const Py_ssize_t[::1] column,       # IN (entries,)
    const double complex[::1] value,    # IN (entries,)
):
    """Σ value ψ̄[row] ψ[column] for each ket ψ=phase·(a row of real, then imaginary parts), shape
    (rows, functionals).

    `start` holds the first entry of each functional, and the number of entries at its end.
    """
    cdef Py_ssize_t r, f, e, d = phase.shape[0], F = start.shape[0] - 1
    cdef double complex total
    result = np.zeros((rows.shape[0], F), dtype=complex)
    cdef double complex[:, ::1] out = result
    cdef double complex[::1] psi = np.empty(d, dtype=complex)
    if rows.shape[0] and rows.shape[1] != 2 * d:
        raise ValueError(f"rows must hold {2 * d} doubles, not {rows.shape[1]}")
    with nogil:
        for r in range(rows.shape[0]):
            for e in range(d):
                psi[e] = phase[e] * of_parts(rows[r, e], rows[r, d + e])
            for f in range(F):
                total = 0
                for e in range(start[f], start[f + 1]):
                    total = total + value[e] * (conj(psi[row[e]]) * psi[column[e]])
                out[r, f] = total
    return result


def kernels_available():
    """Names of the instruction sets that this processor has."""
    names = ("portable", "avx2", "avx512")
    return [name for level, name in enumerate(names) if ql_select(level) != NULL]
