/* Real polynomials in lanes (see qsyncplug/operators/lanes.py): numbers that play the same part at
   different nodes stand side by side and are done by four. */
#ifndef QSYNCPLUG_LANES_H
#define QSYNCPLUG_LANES_H

#include "polynomials.h"

#define LANES_WIDTH 4
typedef double lanes_vector __attribute__((vector_size(8 * LANES_WIDTH), aligned(8), may_alias));
#define LANES_AT(p) (*(lanes_vector *)(p))
#define LANES_IN(p) (*(const lanes_vector *)(p))

/* IN four places, v; the numbers there */
static inline __attribute__((always_inline)) lanes_vector lanes_four(const int *at, const double *v)
{
    return (lanes_vector){ v[at[0]], v[at[1]], v[at[2]], v[at[3]] };
}

/* IN blocks, source (blocks, 4), y; OUT v from its begin on */
POLY_CLONES static void lanes_gather(long blocks, const int *source, const double *y, double *v)
{
    for (long k = 0; k < blocks; k++)
        LANES_AT(v + LANES_WIDTH * k) = lanes_four(source + LANES_WIDTH * k, y);
}

/* IN count, op (count, 7): kind, blocks, places of dst, a, b, c, d. dst = ab (kind 0), ab + cd (1),
   ab - cd (2). INOUT v */
POLY_CLONES static void lanes_products(long count, const int *op, double *v)
{
    for (long k = 0; k < count; k++, op += 7) {
        double *x = v + op[2];
        const double *a = v + op[3], *b = v + op[4], *c = v + op[5], *d = v + op[6];
        const int end = LANES_WIDTH * op[1];
        if (op[0] == 0)
            for (int i = 0; i < end; i += LANES_WIDTH)
                LANES_AT(x + i) = LANES_IN(a + i) * LANES_IN(b + i);
        else if (op[0] == 1)
            for (int i = 0; i < end; i += LANES_WIDTH)
                LANES_AT(x + i) = LANES_IN(a + i) * LANES_IN(b + i)
                                  + LANES_IN(c + i) * LANES_IN(d + i);
        else
            for (int i = 0; i < end; i += LANES_WIDTH)
                LANES_AT(x + i) = LANES_IN(a + i) * LANES_IN(b + i)
                                  - LANES_IN(c + i) * LANES_IN(d + i);
    }
}

/* Four sums at a time. IN count, head (count, 3): terms whose four numbers follow each other, other
   terms, whether targets do; place: of the first number of the former, of all four of the latter;
   target (count, 4) in out; weight: four constants, then four factors a term; v. OUT out, which
   may be v */
POLY_CLONES static void lanes_sums(long count, const int *head, const int *place,
                                   const int *target, const double *weight, const double *v,
                                   double *out)
{
    for (long k = 0; k < count; k++, head += 3, target += LANES_WIDTH) {
        const int beside = head[0];
        lanes_vector sum = LANES_IN(weight);
        weight += LANES_WIDTH;
        for (int e = 0; e < beside; e++)
            sum += LANES_IN(weight + LANES_WIDTH * e) * LANES_IN(v + place[e]);
        place += beside;
        weight += LANES_WIDTH * beside;
        for (int e = head[1]; e > 0; e--, weight += LANES_WIDTH, place += LANES_WIDTH)
            sum += LANES_IN(weight) * lanes_four(place, v);
        if (head[2])
            LANES_AT(out + target[0]) = sum;
        else {
            out[target[0]] = sum[0];
            out[target[1]] = sum[1];
            out[target[2]] = sum[2];
            out[target[3]] = sum[3];
        }
    }
}
#undef LANES_AT
#undef LANES_IN
#endif
