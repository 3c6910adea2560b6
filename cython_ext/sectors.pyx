"""Master equations in blocks of definite charge: dx/dt = M x + x M† + Σ A x A†, and Chebyshev expansions of exp(tL).

The basis is sorted into sectors of equal charge. A block matrix of one coherence order keeps, for each basis state a,
the row x[a, :] over the states of one other sector; rows are contiguous. Products from the left then are sums of whole
rows; products from the right act inside a row along runs of constant offset, so nothing is gathered and no Liouvillian
is stored.
"""

from libc.math cimport sqrt

import numpy as np

cdef enum:
    MAX_JUMPS = 64


cdef inline void axpy_real(double a, const double* x, double* y, Py_ssize_t n) noexcept nogil:
    """y += a x for n complex numbers, a real."""
    cdef Py_ssize_t i
    for i in range(2 * n):
        y[i] += a * x[i]


cdef inline void axpy_complex(double re, double im, const double* x, double* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[2 * i] += re * x[2 * i] - im * x[2 * i + 1]
        y[2 * i + 1] += re * x[2 * i + 1] + im * x[2 * i]


cdef inline void run_real(double a, const double* c, const double* x, double* y, Py_ssize_t n) noexcept nogil:
    """y += a c x, elementwise; the real c are stored twice each."""
    cdef Py_ssize_t i
    for i in range(2 * n):
        y[i] += (a * c[i]) * x[i]


cdef inline void run_complex(double re, double im, const double* c, const double* x, double* y,
                             Py_ssize_t n) noexcept nogil:
    """y += (re + i im) c x, elementwise, with complex c."""
    cdef Py_ssize_t i
    cdef double p, q
    for i in range(n):
        p = re * c[2 * i] - im * c[2 * i + 1]
        q = re * c[2 * i + 1] + im * c[2 * i]
        y[2 * i] += p * x[2 * i] - q * x[2 * i + 1]
        y[2 * i + 1] += p * x[2 * i + 1] + q * x[2 * i]


cdef struct View:
    # what the loops see of an Operator
    const int* start
    const int* column
    const double* value
    const int* sector_start
    const int* run_row
    const int* run_column
    const int* run_length
    const long long* run_start
    const double* run_value


cdef class Operator:
    """A sparse matrix: by rows (start, column, value), and as runs of constant offset by sector of its rows.

    ``value`` holds pairs (re, im). Run r covers ``run_length[r]`` elements: row ``run_row[r] + i`` (within its sector),
    column ``run_column[r] + i`` (within its own), conjugated values from ``run_value[2·run_start[r]]`` on: pairs
    (re, im), or (re, re) where all operators are real.
    """

    cdef View view
    cdef object arrays
    cdef readonly bint real

    def __init__(self, start, column, value, sector_start, run_row, run_column, run_length, run_start, run_value,
                 bint real):
        cdef const int[::1] integers
        cdef const double[::1] doubles
        cdef const long long[::1] longs
        # at least one entry each, so that there is an address
        keep = [np.concatenate([np.asarray(x, dtype=np.intc), np.zeros(1, np.intc)])
                for x in (start, column, sector_start, run_row, run_column, run_length)]
        integers = keep[0]
        self.view.start = &integers[0]
        integers = keep[1]
        self.view.column = &integers[0]
        integers = keep[2]
        self.view.sector_start = &integers[0]
        integers = keep[3]
        self.view.run_row = &integers[0]
        integers = keep[4]
        self.view.run_column = &integers[0]
        integers = keep[5]
        self.view.run_length = &integers[0]
        keep += [np.concatenate([np.asarray(x, dtype=float), np.zeros(1)]) for x in (value, run_value)]
        doubles = keep[6]
        self.view.value = &doubles[0]
        doubles = keep[7]
        self.view.run_value = &doubles[0]
        keep.append(np.concatenate([np.asarray(run_start, dtype=np.longlong), np.zeros(1, np.longlong)]))
        longs = keep[8]
        self.view.run_start = &longs[0]
        self.arrays = keep
        self.real = real


cdef class SectorKernel:
    """The generator on the blocks of one coherence order.

    Parameters
    ----------
    offdiagonal : Operator
        M without its diagonal.
    diagonal : array of complex (d,)
        Of M.
    jumps : list of Operator
    row : int array (R,)
        Basis states whose row is not empty.
    place : int64 array (d,)
        Where the row of a basis state starts; −1: it has none.
    sector : int array (d,)
        Sector that the columns of the row of a basis state run over.
    sector_begin : int array
        First basis state of each sector, and the number of basis states.
    size : int
        Number of complex elements.
    """

    cdef Operator M
    cdef list jumps
    cdef double complex[::1] diagonal
    cdef int[::1] row, sector, sector_begin
    cdef long long[::1] place
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t widest
    cdef bint real
    cdef double[::1] buffer
    cdef Py_ssize_t n_jumps
    cdef View jump[MAX_JUMPS]
    cdef View generator

    def __init__(self, Operator offdiagonal, diagonal, jumps, row, place, sector, sector_begin, Py_ssize_t size):
        cdef Py_ssize_t k
        self.M = offdiagonal
        self.generator = offdiagonal.view
        self.jumps = list(jumps)
        if len(self.jumps) > MAX_JUMPS:
            raise ValueError(f"at most {MAX_JUMPS} jump operators, not {len(self.jumps)}")
        self.n_jumps = len(self.jumps)
        for k in range(self.n_jumps):
            self.jump[k] = (<Operator?>self.jumps[k]).view
        self.diagonal = diagonal
        self.row = row
        self.place = place
        self.sector = sector
        self.sector_begin = sector_begin
        self.size = size
        self.widest = int(np.diff(sector_begin).max())
        self.buffer = np.empty(2 * self.widest)
        self.real = self.M.real and all(j.real for j in self.jumps)

    cdef Py_ssize_t one_row(self, int a, double shift, double shift_im, const double* x, double* y) noexcept nogil:
        """OUT y: row a of (L − shift) x; returns its length."""
        cdef int s = self.sector[a], e, r
        cdef Py_ssize_t begin = self.sector_begin[s], n = self.sector_begin[s + 1] - begin, i
        cdef const double* own = x + 2 * self.place[a]
        cdef double re = self.diagonal[a].real - shift, p, q
        cdef double im = self.diagonal[a].imag - shift_im
        cdef View* A = &self.generator
        cdef Py_ssize_t k
        for i in range(n):
            p = re + self.diagonal[begin + i].real
            q = im - self.diagonal[begin + i].imag
            y[2 * i] = p * own[2 * i] - q * own[2 * i + 1]
            y[2 * i + 1] = p * own[2 * i + 1] + q * own[2 * i]
        if self.real:
            for e in range(A.start[a], A.start[a + 1]):
                axpy_real(A.value[2 * e], x + 2 * self.place[A.column[e]], y, n)
            for r in range(A.sector_start[s], A.sector_start[s + 1]):
                run_real(1.0, &A.run_value[2 * A.run_start[r]], own + 2 * A.run_column[r], y + 2 * A.run_row[r],
                         A.run_length[r])
        else:
            for e in range(A.start[a], A.start[a + 1]):
                axpy_complex(A.value[2 * e], A.value[2 * e + 1], x + 2 * self.place[A.column[e]], y, n)
            for r in range(A.sector_start[s], A.sector_start[s + 1]):
                run_complex(1.0, 0.0, &A.run_value[2 * A.run_start[r]], own + 2 * A.run_column[r],
                            y + 2 * A.run_row[r], A.run_length[r])
        for k in range(self.n_jumps):
            self.sandwich(&self.jump[k], a, s, x, y)
        return n

    cdef void sandwich(self, const View* A, int a, int s, const double* x, double* y) noexcept nogil:
        """y += row a of A x A†."""
        cdef int e, r, c
        cdef const double* other
        for e in range(A.start[a], A.start[a + 1]):
            c = A.column[e]
            if self.place[c] < 0:
                continue
            other = x + 2 * self.place[c]
            for r in range(A.sector_start[s], A.sector_start[s + 1]):
                if self.real:
                    run_real(A.value[2 * e], &A.run_value[2 * A.run_start[r]], other + 2 * A.run_column[r],
                             y + 2 * A.run_row[r], A.run_length[r])
                else:
                    run_complex(A.value[2 * e], A.value[2 * e + 1], &A.run_value[2 * A.run_start[r]],
                                other + 2 * A.run_column[r], y + 2 * A.run_row[r], A.run_length[r])

    cdef double recur(self, double alpha, double shift, double shift_im, double beta, double gamma, const double* x,
                      double* out, double* total) noexcept nogil:
        """out ← alpha (L − shift) x + beta out; total += gamma out; returns |out|²."""
        cdef Py_ssize_t k, i, n
        cdef int a
        cdef double norm = 0, v
        cdef double* y = &self.buffer[0]
        cdef double* o
        cdef double* t
        for k in range(self.row.shape[0]):
            a = self.row[k]
            n = self.one_row(a, shift, shift_im, x, y)
            o = out + 2 * self.place[a]
            t = total + 2 * self.place[a]
            for i in range(2 * n):
                v = alpha * y[i] + beta * o[i]
                o[i] = v
                t[i] += gamma * v
            for i in range(2 * n):
                norm += o[i] * o[i]
        return norm

    def apply(self, x, out=None):
        """L x."""
        cdef double complex[::1] source = np.ascontiguousarray(x, dtype=complex)
        result = np.zeros(self.size, dtype=complex) if out is None else out
        cdef double complex[::1] target = result
        cdef Py_ssize_t k
        cdef int a
        if source.shape[0] != self.size or target.shape[0] != self.size:
            raise ValueError(f"x must hold {self.size} numbers, not {source.shape[0]}")
        with nogil:
            for k in range(self.row.shape[0]):
                a = self.row[k]
                self.one_row(a, 0.0, 0.0, <double*>&source[0], <double*>&target[0] + 2 * self.place[a])
        return result

    def jump_part(self, x):
        """Σ A x A†."""
        cdef double complex[::1] source = np.ascontiguousarray(x, dtype=complex)
        result = np.zeros(self.size, dtype=complex)
        cdef double complex[::1] target = result
        cdef Py_ssize_t k, j
        cdef int a
        with nogil:
            for k in range(self.row.shape[0]):
                a = self.row[k]
                for j in range(self.n_jumps):
                    self.sandwich(&self.jump[j], a, self.sector[a], <double*>&source[0],
                                  <double*>&target[0] + 2 * self.place[a])
        return result

    def expand(self, double complex[::1] x, double complex[::1] other, double complex[::1] total,
               double complex shift, double focus, int sign, const double[::1] coefficient,
               const int[::1] read_start, const long long[::1] read_place, const double complex[::1] read_value,
               double complex[:, ::1] moments, double[::1] norms, bint read):
        """Σ_k coefficient[k] S_k(L) x with S_0=1, S_1=(L−shift)/focus, S_{k+1}=2(L−shift)/focus S_k + sign S_{k−1}.

        IN x, overwritten as scratch like `other`; OUT total, moments (K, functionals): Σ read_value · S_k x, norms (K,)
        of S_k x.
        """
        cdef Py_ssize_t K = coefficient.shape[0], k, i
        cdef double* previous = <double*>&other[0]
        cdef double* current = <double*>&x[0]
        cdef double* sum_ = <double*>&total[0]
        cdef double* swap
        cdef double norm = 0
        with nogil:
            for i in range(2 * self.size):
                sum_[i] = coefficient[0] * current[i]
                previous[i] = 0
                norm += current[i] * current[i]
            norms[0] = sqrt(norm)
            if read:
                self.read(current, read_start, read_place, read_value, &moments[0, 0])
            for k in range(1, K):
                norm = self.recur((1.0 if k == 1 else 2.0) / focus, shift.real, shift.imag, 0.0 if k == 1 else sign,
                                  coefficient[k], current, previous, sum_)
                swap = previous
                previous = current
                current = swap
                norms[k] = sqrt(norm)
                if read:
                    self.read(current, read_start, read_place, read_value, &moments[k, 0])

    cdef void read(self, const double* x, const int[::1] start, const long long[::1] place,
                   const double complex[::1] value, double complex* out) noexcept nogil:
        cdef Py_ssize_t f
        cdef int e
        cdef double re, im, a, b, p, q
        for f in range(start.shape[0] - 1):
            re = 0
            im = 0
            for e in range(start[f], start[f + 1]):
                a = value[e].real
                b = value[e].imag
                p = x[2 * place[e]]
                q = x[2 * place[e] + 1]
                re = re + (a * p - b * q)
                im = im + (a * q + b * p)
            out[f] = re + 1j * im
