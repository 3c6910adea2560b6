/* The kernels of circle_simd.h at every level. */
#include "circle_kernels.h"
#include <string.h>

#define LEVELS_SOURCE "circle_simd.h"
#define QC_LANES LEVEL_LANES
#include "levels.h"

const qc_kernels *qc_select(int level)
{
    return LEVELS_CHOOSE(kernels, level);
}
