/* The kernels of liouvillian_simd.h, compiled for several instruction sets and chosen when the
   program runs: the same wheel runs on any processor. Everything is written with the vector
   extensions of GCC and clang. */
#include "liouvillian_kernels.h"

#define QL_JOIN2(a, b) a##b
#define QL_JOIN(a, b) QL_JOIN2(a, b)
#define NAME(x) QL_JOIN(x, QL_SUFFIX)
#define QL_TEXT2(x) #x
#define QL_TEXT(x) QL_TEXT2(x)

#define QL_SUFFIX _portable
#define QL_LANES 2
#define TARGET
#include "liouvillian_simd.h"
#undef QL_SUFFIX
#undef QL_LANES
#undef TARGET

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define QL_X86 1

#define QL_SUFFIX _avx2
#define QL_LANES 4
#define TARGET __attribute__((target("avx2,fma")))
#include "liouvillian_simd.h"
#undef QL_SUFFIX
#undef QL_LANES
#undef TARGET

#define QL_SUFFIX _avx512
#define QL_LANES 8
#if defined(__clang__)
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#else
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include "liouvillian_simd.h"
#undef QL_SUFFIX
#undef QL_LANES
#undef TARGET
#endif

const ql_kernels *ql_select(int level)
{
#ifdef QL_X86
    __builtin_cpu_init();
    int fma = __builtin_cpu_supports("fma");
    int wide = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl");
    if (wide && (level < 0 || level == 2)) return &kernels_avx512;
    if (fma && __builtin_cpu_supports("avx2") && (level < 0 || level == 1)) return &kernels_avx2;
#endif
    return level <= 0 ? &kernels_portable : NULL;
}
