/* The kernels of one instruction set: circle_kernels.c includes this several times, with NAME,
   TARGET and QC_LANES defined; no include guard. QC_LANES is the number of doubles in a register:
   wider vectors are correct, but GCC takes them through memory. Rows of QC_WIDTH or QC_TERMS
   doubles are the same for all instruction sets, and are gone through in parts of QC_LANES.

   Notation: z_k = sum_j w_j exp(-i k x_j); a field is g0 + Re sum_k g_k exp(i k x). */

#define QC_INLINE TARGET static inline __attribute__((always_inline))

#include "circle_vectors.h"
#include "circle_pairs.h"
#include "circle_cells.h"
#include "circle_fourier.h"
#include "circle_graphs.h"

static const qc_kernels NAME(kernels) = {
    .name = LEVEL_NAME,
    .sincos = NAME(sincos),
    .direct = NAME(direct),
    .direct_csr = NAME(direct_csr),
    .direct_dense = NAME(direct_dense),
    .rotate = NAME(rotate),
    .horner = NAME(horner),
    .scatter = NAME(scatter),
    .gather = NAME(gather),
    .find_runs = NAME(find_runs),
    .moments = NAME(moments),
    .evaluate = NAME(evaluate),
    .fft = NAME(fft),
    .table_to_modes = NAME(table_to_modes),
    .modes_to_table = NAME(modes_to_table),
    .split_dense = NAME(split_dense),
    .split_csr = NAME(split_csr),
    .maps = NAME(maps),
    .max_abs = NAME(max_abs),
};

#undef QC_INLINE
#undef QC_POWERS
#undef QC_ROW
#undef QC_RUNS
#undef vec
#undef ivec
