# The one idiom of complex numbers in Cython kernels: C's double complex and its operators, without
# C99's tests for infinities (complex_args of meson.build); what the operators would do with more
# products than it takes is here. Arrays of pairs of doubles (states, arguments) are seen as complex
# numbers by a cast. Loops over rows that shall become vectors are in rows.pxd and in C.

cdef extern from *:
    """
    #ifndef QSYNCPLUG_COMPLEXES
    #define QSYNCPLUG_COMPLEXES
    #include <complex.h>
    static inline double _Complex qs_of_parts(double re, double im)
    {
        return __builtin_complex(re, im);
    }
    static inline double _Complex qs_scaled(double x, double _Complex z)
    {
        return __builtin_complex(x * __real__ z, x * __imag__ z);
    }
    static inline double _Complex qs_i_times(double _Complex z)
    {
        return __builtin_complex(-__imag__ z, __real__ z);
    }
    static inline double _Complex qs_conj(double _Complex z)
    {
        return __builtin_complex(__real__ z, -__imag__ z);
    }
    static inline double qs_square(double _Complex z)
    {
        return __real__ z * __real__ z + __imag__ z * __imag__ z;
    }
    #endif
    """
    # IN re, im.  re + i im, also where one is not finite
    double complex of_parts "qs_of_parts" (double re, double im) noexcept nogil
    # IN x, z.  x z
    double complex scaled "qs_scaled" (double x, double complex z) noexcept nogil
    # IN z.  i z
    double complex i_times "qs_i_times" (double complex z) noexcept nogil
    # IN z
    double complex conj "qs_conj" (double complex z) noexcept nogil
    # IN z.  |z|^2
    double square "qs_square" (double complex z) noexcept nogil
