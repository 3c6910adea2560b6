/* The kernels of samples_simd.h at every level. */
#include <math.h>
#include <string.h>
#include "random.h"
#include "samples_kernels.h"

#define LEVELS_SOURCE "samples_simd.h"
#define QW_WIDTH LEVEL_LANES
/* registers that each loop fills: as many as there are */
#define QW_VECTORS (LEVEL_LANES == 2 ? 4 : 8)
#include "levels.h"

const qw_kernels *qw_select(int level)
{
    return LEVELS_CHOOSE(kernels, level);
}

/* see samples_kernels.h; OUT random */
void qw_seed(qw_random *random, uint64_t seed, uint64_t first)
{
    for (int l = 0; l < QW_LANES; l++) {
        uint64_t s[4];
        qs_seed(s, seed, first + (uint64_t)l);
        for (int k = 0; k < 4; k++)
            random->s[k][l] = s[k];
    }
    random->used = 64;
}
