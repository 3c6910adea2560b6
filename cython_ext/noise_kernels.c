/* The kernels of noise_simd.h, compiled for several instruction sets and chosen when the program
   runs. */
#include "noise_kernels.h"

#define QN_JOIN2(a, b) a##b
#define QN_JOIN(a, b) QN_JOIN2(a, b)
#define NAME(x) QN_JOIN(x, QN_SUFFIX)
#define QN_TEXT2(x) #x
#define QN_TEXT(x) QN_TEXT2(x)

#define QN_SUFFIX _portable
#define QN_LANES 2
#define TARGET
#include "noise_simd.h"
#undef QN_SUFFIX
#undef QN_LANES
#undef TARGET

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define QN_X86 1

#define QN_SUFFIX _avx2
#define QN_LANES 4
#define TARGET __attribute__((target("avx2,fma")))
#include "noise_simd.h"
#undef QN_SUFFIX
#undef QN_LANES
#undef TARGET

#define QN_SUFFIX _avx512
#define QN_LANES 8
#if defined(__clang__)
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#else
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include "noise_simd.h"
#undef QN_SUFFIX
#undef QN_LANES
#undef TARGET
#endif

const qn_kernels *qn_select(int level)
{
#ifdef QN_X86
    __builtin_cpu_init();
    int fma = __builtin_cpu_supports("fma");
    int wide = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl");
    if (wide && (level < 0 || level == 2)) return &noise_table_avx512;
    if (fma && __builtin_cpu_supports("avx2") && (level < 0 || level == 1))
        return &noise_table_avx2;
#endif
    return level <= 0 ? &noise_table_portable : NULL;
}
