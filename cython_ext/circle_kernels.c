/* The kernels of circle_simd.h, compiled for several instruction sets and chosen when the program
   runs: the same wheel runs on any processor. Everything is written with the vector extensions of
   GCC and clang; what is particular to x86 stands behind QC_X86. */
#include "circle_kernels.h"
#include <string.h>

#define QC_JOIN2(a, b) a##b
#define QC_JOIN(a, b) QC_JOIN2(a, b)
#define NAME(x) QC_JOIN(x, QC_SUFFIX)
#define QC_TEXT2(x) #x
#define QC_TEXT(x) QC_TEXT2(x)

#define QC_SUFFIX _portable
#define QC_LANES 2
#define TARGET
#include "circle_simd.h"
#undef QC_SUFFIX
#undef QC_LANES
#undef TARGET

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define QC_X86 1

#define QC_SUFFIX _avx2
#define QC_LANES 4
#define TARGET __attribute__((target("avx2,fma")))
#include "circle_simd.h"
#undef QC_SUFFIX
#undef QC_LANES
#undef TARGET

#define QC_SUFFIX _avx512
#define QC_LANES 8
#if defined(__clang__)
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#else
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include "circle_simd.h"
#undef QC_SUFFIX
#undef QC_LANES
#undef TARGET
#endif

const qc_kernels *qc_select(int level)
{
#ifdef QC_X86
    __builtin_cpu_init();
    int fma = __builtin_cpu_supports("fma");
    int wide = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl");
    if (wide && (level < 0 || level == QC_AVX512)) return &kernels_avx512;
    if (fma && __builtin_cpu_supports("avx2") && (level < 0 || level == QC_AVX2))
        return &kernels_avx2;
#endif
    return level <= QC_PORTABLE ? &kernels_portable : NULL;
}
