/* The kernels of liouvillian_simd.h at every level. */
#include "liouvillian_kernels.h"

#define LEVELS_SOURCE "liouvillian_simd.h"
#define QL_LANES LEVEL_LANES
#include "levels.h"

const ql_kernels *ql_select(int level)
{
    return LEVELS_CHOOSE(kernels, level);
}
