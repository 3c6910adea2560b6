/* Random numbers: splitmix64 to seed (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014), xoshiro256++
   to draw (D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47, 36, 2021). */
#ifndef QSYNCPLUG_RANDOM_H
#define QSYNCPLUG_RANDOM_H

#include <stdint.h>

/* IN z. Its bits, mixed. */
static inline uint64_t qs_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* INOUT x. The next number of the sequence that x stands in. */
static inline uint64_t qs_split(uint64_t *x) { return qs_mix(*x += 0x9e3779b97f4a7c15u); }

/* OUT s (4,): state of xoshiro256++ for one sample; IN seed, sample. By the number of the sample:
   it does not matter which samples are drawn together. */
static inline void qs_seed(uint64_t *s, uint64_t seed, uint64_t sample)
{
    uint64_t x = seed, y;
    qs_split(&x);
    y = qs_split(&x) ^ (sample * 0xd1342543de82ef95u);
    for (int k = 0; k < 4; k++)
        s[k] = qs_split(&y);
}

/* INOUT s (4,). 64 random bits. */
static inline uint64_t qs_next(uint64_t *s)
{
    const uint64_t t = s[1] << 17, sum = s[0] + s[3], out = ((sum << 23) | (sum >> 41)) + s[0];
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return out;
}

#endif
