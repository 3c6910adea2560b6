# The one idiom of complex numbers in Cython kernels: C's double complex, without the tests for
# infinities (see complex_args of meson.build). Arrays of pairs of doubles (states, arguments) are seen as such by a
# cast; the kernels in C, which are written with vectors, keep the parts in registers of their own.


cdef inline double complex of_parts(double re, double im) noexcept nogil:
    """IN re, im.  Exactly re + i im, also where one is not finite."""
    cdef double complex z
    cdef double* parts = <double*>&z
    parts[0] = re
    parts[1] = im
    return z


cdef inline double square(double complex z) noexcept nogil:
    """IN z.  |z|^2."""
    return z.real * z.real + z.imag * z.imag
