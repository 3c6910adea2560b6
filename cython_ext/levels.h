/* Kernels compiled for several instruction sets: the same wheel runs on any processor, and the
   program chooses when it runs. Everything is written with the vector extensions of GCC and clang.

   LEVELS_SOURCE names the file of kernels, which is read once a level. In it
     LEVEL_LANES  is the number of doubles in a register,
     NAME(x)      the name of x at this level,
     LEVEL_NAME   the level as a text,
     TARGET       what stands before each function. */
#ifndef QSYNCPLUG_LEVELS_H
#define QSYNCPLUG_LEVELS_H
/* best last */
enum { LEVEL_PORTABLE = 0, LEVEL_AVX2 = 1, LEVEL_AVX512 = 2, LEVELS };
#endif

/* the numbers alone are what a file has that names no kernels */
#if defined(LEVELS_SOURCE) && !defined(NAME)
#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define LEVELS_X86 1
#endif

#define LEVELS_JOIN2(a, b) a##b
#define LEVELS_JOIN(a, b) LEVELS_JOIN2(a, b)
#define LEVELS_TEXT2(x) #x
#define LEVELS_TEXT(x) LEVELS_TEXT2(x)
#define NAME(x) LEVELS_JOIN(LEVELS_JOIN(x, _), LEVEL_SUFFIX)
#define LEVEL_NAME LEVELS_TEXT(LEVEL_SUFFIX)

#define LEVEL_SUFFIX portable
#define LEVEL_LANES 2
#define TARGET
#include LEVELS_SOURCE
#undef LEVEL_SUFFIX
#undef LEVEL_LANES
#undef TARGET

#ifdef LEVELS_X86
#define LEVEL_SUFFIX avx2
#define LEVEL_LANES 4
#define TARGET __attribute__((target("avx2,fma")))
#include LEVELS_SOURCE
#undef LEVEL_SUFFIX
#undef LEVEL_LANES
#undef TARGET

#define LEVEL_SUFFIX avx512
#define LEVEL_LANES 8
#if defined(__clang__)
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#else
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include LEVELS_SOURCE
#undef LEVEL_SUFFIX
#undef LEVEL_LANES
#undef TARGET
#endif

/* IN level: one of them, -1 for the best of this processor. The level, or -1: it cannot. */
static int find_level(int level)
{
#ifdef LEVELS_X86
    __builtin_cpu_init();
    const int fma = __builtin_cpu_supports("fma");
    const int wide = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
                     && __builtin_cpu_supports("avx512vl");
    if (wide && (level < 0 || level == LEVEL_AVX512)) return LEVEL_AVX512;
    if (fma && __builtin_cpu_supports("avx2") && (level < 0 || level == LEVEL_AVX2))
        return LEVEL_AVX2;
#endif
    return level <= LEVEL_PORTABLE ? LEVEL_PORTABLE : -1;
}

/* IN table, level as above: a pointer to the table of that name at the level; NULL: it cannot */
#ifdef LEVELS_X86
#define LEVELS_CHOOSE(table, level) \
    (find_level(level) == LEVEL_AVX512 ? &table##_avx512 \
     : find_level(level) == LEVEL_AVX2 ? &table##_avx2 \
     : find_level(level) == LEVEL_PORTABLE ? &table##_portable : NULL)
#else
#define LEVELS_CHOOSE(table, level) (find_level(level) < 0 ? NULL : &table##_portable)
#endif

#endif
