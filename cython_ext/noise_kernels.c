/* The kernels of noise_simd.h at every level. */
#include "noise_kernels.h"

#define LEVELS_SOURCE "noise_simd.h"
#define QN_LANES LEVEL_LANES
#include "levels.h"

const qn_kernels *qn_select(int level)
{
    return LEVELS_CHOOSE(noise_table, level);
}
