/* The kernels of samples_simd.h, compiled for several instruction sets and chosen when the program
   runs. Everything is written with the vector extensions of GCC and clang. */
#include <math.h>
#include "samples_kernels.h"

#define QW_JOIN2(a, b) a##b
#define QW_JOIN(a, b) QW_JOIN2(a, b)
#define NAME(x) QW_JOIN(x, QW_SUFFIX)
#define QW_TEXT2(x) #x
#define QW_TEXT(x) QW_TEXT2(x)

#define QW_SUFFIX _portable
#define QW_WIDTH 2
#define QW_VECTORS 4
#define TARGET
#include "samples_simd.h"
#undef QW_SUFFIX
#undef QW_WIDTH
#undef QW_VECTORS
#undef TARGET

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define QW_X86 1

#define QW_SUFFIX _avx2
#define QW_WIDTH 4
#define QW_VECTORS 4
#define TARGET __attribute__((target("avx2,fma")))
#include "samples_simd.h"
#undef QW_SUFFIX
#undef QW_WIDTH
#undef QW_VECTORS
#undef TARGET

#define QW_SUFFIX _avx512
#define QW_WIDTH 8
#define QW_VECTORS 8
#if defined(__clang__)
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#else
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include "samples_simd.h"
#undef QW_SUFFIX
#undef QW_WIDTH
#undef QW_VECTORS
#undef TARGET
#endif

const qw_kernels *qw_select(int level)
{
#ifdef QW_X86
    __builtin_cpu_init();
    int fma = __builtin_cpu_supports("fma");
    int wide = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl");
    if (wide && (level < 0 || level == 2)) return &kernels_avx512;
    if (fma && __builtin_cpu_supports("avx2") && (level < 0 || level == 1)) return &kernels_avx2;
#endif
    return level <= 0 ? &kernels_portable : 0;
}

/* INOUT x */
static uint64_t mix(uint64_t *x)
{
    /* splitmix64 */
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* see samples_kernels.h; OUT random */
void qw_seed(qw_random *random, uint64_t seed, uint64_t first)
{
    for (int l = 0; l < QW_LANES; l++) {
        /* by the number of the sample: it does not matter which samples are drawn together */
        uint64_t x = seed, y;
        mix(&x);
        y = mix(&x) ^ ((first + (uint64_t)l) * 0xd1342543de82ef95u);
        for (int k = 0; k < 4; k++)
            random->s[k][l] = mix(&y);
    }
    random->used = 64;
}
