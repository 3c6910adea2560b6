"""Longest paths around the circle, for the search of gap-functional proofs."""

from libc.math cimport INFINITY


def longest_paths(
    const double[::1] f,          # IN  (N+1,): f at 2πi/N
    const double[::1] slope,      # IN  (N+1,): f'
    const double[::1] weight,     # IN  (top,): γ(Δ)/Δ at Δ = 1 … top cells
    const double[::1] inverse,    # IN  (top,): 1/Δ
    const double[::1] need,       # IN  (top,): what is added to every gap
    const double[::1] rise,       # IN  (N,): a gap of a single cell; -inf for none
    const double[::1] first,      # IN  (top,): gaps that begin at the particle; -inf for none
    Py_ssize_t shortest,          # IN  gaps are this long or longer, or of a single cell
    Py_ssize_t most,              # IN  gaps up to here may be many
    Py_ssize_t least,             # IN  one gap may be this long or longer
    double[::1] before,           # INOUT (N+1,): values to begin with; longest before the long gap
    double[::1] after,            # INOUT the same after it
    long long[::1] from_before,   # OUT (N+1,): cells of the last gap, -1 at the beginning
    long long[::1] from_after,    # OUT
    unsigned char[::1] stayed,    # OUT (N+1,): whether the last gap to `after` was a short one
):
    """Dynamic programming over the nodes, in two layers.

    An edge of Δ=b−a has γ(Δ)/Δ·A(a, b), A=½(f'(a)+f'(b))−(f(b)−f(a))/Δ, and what it needs.
    """
    with nogil:
        _longest(f, slope, weight, inverse, need, rise, first, shortest, most, least, before,
                 after, from_before, from_after, stayed)


# the arguments of longest_paths: IN up to `least`, INOUT before and after, OUT the rest
cdef void _longest(
    const double[::1] f, const double[::1] slope, const double[::1] weight,
    const double[::1] inverse, const double[::1] need, const double[::1] rise,
    const double[::1] first, Py_ssize_t shortest, Py_ssize_t most, Py_ssize_t least,
    double[::1] before, double[::1] after, long long[::1] from_before, long long[::1] from_after,
    unsigned char[::1] stayed,
) noexcept nogil:
    cdef Py_ssize_t n = f.shape[0] - 1, top = weight.shape[0], b, k, reach
    cdef Py_ssize_t low_from, high_from, jump_from
    cdef double w, v, low, high, jump
    for b in range(n + 1):
        from_before[b] = -1
        from_after[b] = -1
        stayed[b] = 0
        if 1 <= b <= top:
            if b <= most and first[b - 1] > before[b]:
                before[b] = first[b - 1]
            if b >= least and first[b - 1] > after[b]:
                after[b] = first[b - 1]
        reach = min(b, top)
        low, high, jump = before[b], after[b], -INFINITY
        low_from, high_from, jump_from = -1, -1, -1
        if b >= 1:
            v = before[b - 1] + rise[b - 1]
            if v > low:
                low, low_from = v, 1
            v = after[b - 1] + rise[b - 1]
            if v > high:
                high, high_from = v, 1
        for k in range(shortest, reach + 1):
            v = (f[b] - f[b - k]) * inverse[k - 1]
            w = weight[k - 1] * (0.5 * (slope[b - k] + slope[b]) - v) + need[k - 1]
            if k <= most:
                v = before[b - k] + w
                if v > low:
                    low, low_from = v, k
                v = after[b - k] + w
                if v > high:
                    high, high_from = v, k
            if k >= least:
                v = before[b - k] + w
                if v > jump:
                    jump, jump_from = v, k
        before[b], from_before[b] = low, low_from
        after[b], from_after[b] = high, high_from
        stayed[b] = high_from > 0
        if jump > high:
            after[b], from_after[b], stayed[b] = jump, jump_from, 0
