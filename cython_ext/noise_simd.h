/* Included several times by noise_kernels.c, once for each instruction set; no include guard.
   QN_LANES is the number of doubles in a register. Random numbers come from 8 lanes of
   xoroshiro128++ in every build, so that a seed means the same everywhere.

   Normals: Box and Muller's transformation of 64 random bits. The upper 52 give the radius sqrt(-2
   log u), 0 < u <= 1, so that the tail ends at 8.5 standard deviations (probability 2e-17); 24 of
   the lower 25 the angle within half a turn, at the middles of 2^24 equal parts, and the last bit
   which half. Bits 12 to 24 say both: of the radius they matter where u < 2^-27, past 6 standard
   deviations. The polynomials are exact to 7e-10 (logarithm) and 2e-10.

   What limits the speed is the number of products and fused operations; sums and quotients go on
   beside them. */

#define QN_INLINE TARGET static inline __attribute__((always_inline))
#define vec NAME(noisy_doubles)
#define ivec NAME(noisy_integers)
typedef double vec __attribute__((vector_size(8 * QN_LANES), aligned(8), may_alias));
typedef unsigned long long ivec __attribute__((vector_size(8 * QN_LANES), aligned(8), may_alias));

#ifndef QN_CONSTANTS
#define QN_CONSTANTS
#define ALL(value) ((vec)((vec){0} + (value)))
/* adding and subtracting it rounds to the nearest integer, which is then in the low bits; half of
   it to the nearest half */
#define MAGIC 6755399441055744.0
#define SIGN 0x8000000000000000ULL
/* sin(2 pi r)/r and cos(2 pi r) in powers of r^2, r^2 <= 1/16: to 1.3e-11 and 8e-13 */
static const double qn_sine6[6] = {
    0x1.921fb54388015p+2, -0x1.4abbce3910feap+5, 0x1.466bbc1489b52p+6, -0x1.32d0903cb6527p+6,
    0x1.50003407e5ed4p+5, -0x1.cacdd2e44ebafp+3};
static const double qn_cosine7[7] = {
    0x1.fffffffffe58ap-1, -0x1.3bd3cc9b93532p+4, 0x1.03c1f06d70297p+6, -0x1.55d3c047a1330p+6,
    0x1.e1f24d707d37cp+5, -0x1.a651b504444edp+4, 0x1.e25799d50d08dp+2};
/* the cosine again, for the angles of normals: to 2.2e-10 */
static const double qn_cosine6[6] = {
    0x1.fffffffe1a5acp-1, -0x1.3bd3cc5795ceap+4, 0x1.03c1e40aebbdep+6, -0x1.55d07347dc5ecp+6,
    0x1.e126af91df3e2p+5, -0x1.8fb3f4a0ec307p+4};
/* -2 log(m)/w in powers of w^2, w = (m - 1)/(m + 1), for 1/sqrt(2) <= m < sqrt(2): to 7e-10 */
static const double qn_log[4] = {-0x1.fffffffa0c9e6p+1, -0x1.55558790ccf25p+0,
                                 -0x1.99576d31c356bp-1, -0x1.32728fe989636p-1};
#endif

typedef struct {
    ivec a, b;
} NAME(lanes);

/* IN p (QN_LANES) */
QN_INLINE vec NAME(load)(const double *p) { return *(const vec *)p; }

/* OUT p (QN_LANES); IN v */
QN_INLINE void NAME(store)(double *p, vec v) { *(vec *)p = v; }

/* IN mask, a, b */
QN_INLINE vec NAME(choose)(ivec mask, vec a, vec b)
{
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

/* IN y, c (count) */
QN_INLINE vec NAME(poly)(vec y, const double *c, int count)
{
    vec p = ALL(c[count - 1]);
    for (int r = count - 2; r >= 0; r--) p = p * y + c[r];
    return p;
}

/* INOUT g. 64 random bits a lane. */
QN_INLINE ivec NAME(bits)(NAME(lanes) * g)
{
    ivec sum = g->a + g->b, out = ((sum << 17) | (sum >> 47)) + g->a;
    g->b ^= g->a;
    g->a = ((g->a << 49) | (g->a >> 15)) ^ g->b ^ (g->b << 21);
    g->b = (g->b << 28) | (g->b >> 36);
    return out;
}

/* IN state: the generators of QN_LANES of the 8 lanes */
QN_INLINE NAME(lanes) NAME(open)(const uint64_t *state)
{
    NAME(lanes) g = {*(const ivec *)state, *(const ivec *)(state + 8)};
    return g;
}

/* IN g; OUT state */
QN_INLINE void NAME(close)(NAME(lanes) g, uint64_t *state)
{
    *(ivec *)state = g.a;
    *(ivec *)(state + 8) = g.b;
}

/* INOUT g; OUT first, second: two normals a lane */
QN_INLINE void NAME(pair)(NAME(lanes) * g, vec *first, vec *second)
{
    ivec bits = NAME(bits)(g);
    /* u in (0, 1] = 2^e m */
    vec u = 2.0 - (vec)((bits >> 12) | 0x3ff0000000000000ULL);
    ivec raised = (ivec)u + (0x3ff0000000000000ULL - 0x3fe6a09e667f3bcdULL);
    vec m = (vec)((raised & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL);
    vec e = (vec)((raised >> 52) | 0x4330000000000000ULL) - (4503599627370496.0 + 1023.0);
    vec w = (m - 1.0) / (m + 1.0);
    vec square = w * NAME(poly)(w * w, qn_log, 4) - 1.3862943611198906 * e, radius;
    for (int l = 0; l < QN_LANES; l++) radius[l] = __builtin_sqrt(square[l]);
    /* half a turn, and a sign for the other half */
    vec t = (vec)(((bits << 27) & 0x000ffffff0000000ULL) | 0x3fe0000000000000ULL);
    t = t - (0.75 - 0x1p-26);
    vec y = t * t;
    *first = (vec)((ivec)(radius * NAME(poly)(y, qn_cosine6, 6)) ^ (bits << 63));
    *second = radius * (t * NAME(poly)(y, qn_sine6, 6));
}

/* INOUT state; OUT out (count) */
TARGET static void NAME(normals)(uint64_t *state, qn_size count, double *out)
{
    for (int part = 0; part < 8; part += QN_LANES) {
        NAME(lanes) g = NAME(open)(state + part);
        for (qn_size i = part; i < count; i += 16) {
            vec a, b;
            NAME(pair)(&g, &a, &b);
            NAME(store)(out + i, a);
            NAME(store)(out + i + 8, b);
        }
        NAME(close)(g, state + part);
    }
}

/* IN y; OUT s, c: sine and cosine of y turns. The nearest half turn is taken away exactly, and
   leaves a sign. */
QN_INLINE void NAME(turned)(vec y, vec *s, vec *c)
{
    vec shifted = y + 0.5 * MAGIC, r = y - (shifted - 0.5 * MAGIC), r2 = r * r;
    ivec sign = (ivec)shifted << 63;
    *s = (vec)((ivec)(r * NAME(poly)(r2, qn_sine6, 6)) ^ sign);
    *c = (vec)((ivec)NAME(poly)(r2, qn_cosine7, 7) ^ sign);
}

/* what a sweep does to one vector of particles. IN rule, full (constants wherever this is inlined),
   w, i, kick; INOUT p: its arrays, sc, ss: sums. */
QN_INLINE void NAME(move)(qn_rule rule, int full, const qn_chunk *p, const qn_sweep *w,
                          qn_size i, vec kick, vec *sc, vec *ss)
{
    vec y = NAME(load)(p->y + i), s, c, force;
    if (rule != QN_START) {
        s = NAME(load)(p->s + i);
        c = NAME(load)(p->c + i);
        if (full) {
            force = NAME(load)(p->gain + i) * (w->im * c - w->re * s)
                    + w->h * NAME(load)(p->omega + i);
            kick = NAME(load)(p->sigma + i) * kick;
        } else
            force = (w->drift + w->im * c) - w->re * s;
    }
    if (rule == QN_EULER)
        y = (y + w->root * kick) + force;
    else if (rule == QN_AVERAGED) {
        y = (y + (0.5 * w->root) * (kick + NAME(load)(p->u + i))) + force;
        NAME(store)(p->u + i, kick);
    } else if (rule == QN_PREDICT) {
        NAME(store)(p->u + i, force);
        y = (y + w->root * kick) + force;
    } else if (rule == QN_CORRECT)
        y = y + 0.5 * (force - NAME(load)(p->u + i));
    NAME(turned)(y, &s, &c);
    NAME(store)(p->y + i, y);
    NAME(store)(p->s + i, s);
    NAME(store)(p->c + i, c);
    if (full) {
        vec weight = NAME(load)(p->weight + i);
        *sc += weight * c;
        *ss += weight * s;
    } else {
        *sc += c;
        *ss += s;
    }
}

#define QN_BLOCK 512

/* normals first, a block of them at a time: one long chain of operations a particle would leave the
   processor waiting. IN rule, full; INOUT p, w. */
QN_INLINE void NAME(sweep)(qn_rule rule, int full, qn_chunk *p, qn_sweep *w)
{
    double cosines[8] = {0}, sines[8] = {0}, kicks[QN_BLOCK];
    const qn_chunk q = *p;
    const qn_sweep v = *w;
    for (qn_size first = 0; first < q.count; first += QN_BLOCK) {
        qn_size count = q.count - first < QN_BLOCK ? q.count - first : QN_BLOCK;
        if (rule != QN_START && rule != QN_CORRECT) NAME(normals)(q.state, count, kicks);
        for (int part = 0; part < 8; part += QN_LANES) {
            vec sc = NAME(load)(cosines + part), ss = NAME(load)(sines + part);
            for (qn_size i = part; i < count; i += 8)
                NAME(move)(rule, full, &q, &v, first + i, NAME(load)(kicks + i), &sc, &ss);
            NAME(store)(cosines + part, sc);
            NAME(store)(sines + part, ss);
        }
    }
    w->sum_c = ((cosines[0] + cosines[1]) + (cosines[2] + cosines[3]))
               + ((cosines[4] + cosines[5]) + (cosines[6] + cosines[7]));
    w->sum_s = ((sines[0] + sines[1]) + (sines[2] + sines[3]))
               + ((sines[4] + sines[5]) + (sines[6] + sines[7]));
}

#define QN_RULE(name, rule)                                   \
    TARGET static void NAME(name)(qn_chunk *p, qn_sweep *w)   \
    {                                                         \
        if (p->weight)                                        \
            NAME(sweep)(rule, 1, p, w);                       \
        else                                                  \
            NAME(sweep)(rule, 0, p, w);                       \
    }
QN_RULE(start, QN_START)
QN_RULE(euler, QN_EULER)
QN_RULE(averaged, QN_AVERAGED)
QN_RULE(predict, QN_PREDICT)
QN_RULE(correct, QN_CORRECT)
#undef QN_RULE

static const qn_kernels NAME(noise_table) = {
    LEVEL_NAME, NAME(normals), NAME(start),  NAME(euler),
    NAME(averaged),     NAME(predict), NAME(correct)};
#undef vec
#undef ivec
