/* Sums in the one order. Read once for each dtype and instruction set, inside a family's bodies.
 *
 * A block is at most FG_BLOCK numbers. 16 lanes start at +0; lane l adds number l, l + 16, l + 32, ... in this order;
 * then lane l adds lane l + 8, then l + 4, l + 2, l + 1, and lane 0 is the sum. A longer row is the sum of its blocks'
 * sums, one after another in double, rounded once. So the sum is the same on every instruction set and for any number
 * of threads, and NumPy can follow it.
 */

static FG_INLINE T FG(lanes_fold)(const T *lane) {
    T eight[8], four[4];
    for (int l = 0; l < 8; l++) eight[l] = lane[l] + lane[l + 8];
    for (int l = 0; l < 4; l++) four[l] = eight[l] + eight[l + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* The last n < 16 numbers, filled up to 16: a loop of constant length is what compilers turn into a masked load. */
static FG_INLINE void FG(lanes_fill)(T *full, const T *x, int n, T filler) {
    FG_SIMD
    for (int l = 0; l < FG_LANES; l++) full[l] = l < n ? x[l] : filler;
}

/* Defines T name_block(a, b, s, n), for n <= FG_BLOCK, and T name(a, b, s, n), for any n: the sum over i < n of a
 * formula in x = a[i], y = b[i] and the number s. A formula without y takes any readable b. */
#define LANE_SUM(name, formula)                                                                      \
    static FG_INLINE void FG(name##_add)(T *lane, const T *a, const T *b, T s, int64_t n) {          \
        for (int64_t l = 0; l < FG_LANES; l++) {                                                     \
            const T x = a[l], y = b[l];                                                              \
            (void)x, (void)y, (void)s;                                                               \
            lane[l] += l < n ? formula : 0;                                                          \
        }                                                                                            \
    }                                                                                                \
    static inline T FG(name##_block)(const T *a, const T *b, T s, int64_t n) {                       \
        T lane[FG_LANES] = {0}, last_a[FG_LANES], last_b[FG_LANES];                                  \
        int64_t i = 0;                                                                               \
        for (; i + FG_LANES <= n; i += FG_LANES) FG(name##_add)(lane, a + i, b + i, s, FG_LANES);    \
        if (i < n) {                                                                                 \
            FG(lanes_fill)(last_a, a + i, (int)(n - i), 0);                                          \
            FG(lanes_fill)(last_b, b + i, (int)(n - i), 0);                                          \
            FG(name##_add)(lane, last_a, last_b, s, (int)(n - i));                                   \
        }                                                                                            \
        return FG(lanes_fold)(lane);                                                                 \
    }                                                                                                \
    static inline T FG(name)(const T *a, const T *b, T s, int64_t n) {                               \
        if (n <= FG_BLOCK) return FG(name##_block)(a, b, s, n);                                      \
        double total = 0;                                                                            \
        for (int64_t i = 0; i < n; i += FG_BLOCK)                                                    \
            total += (double)FG(name##_block)(a + i, b + i, s, n - i < FG_BLOCK ? n - i : FG_BLOCK); \
        return (T)total;                                                                             \
    }

/* The largest of n numbers, -inf if there are none. A NaN may or may not be it. */
static FG_INLINE void FG(lanes_max)(T *lane, const T *x) {
    for (int l = 0; l < FG_LANES; l++) lane[l] = x[l] > lane[l] ? x[l] : lane[l];
}

static inline T FG(row_max)(const T *x, int64_t n) {
    T lane[FG_LANES], last[FG_LANES];
    int64_t i = 0;
    for (int l = 0; l < FG_LANES; l++) lane[l] = -K(INFINITY);
    for (; i + FG_LANES <= n; i += FG_LANES) FG(lanes_max)(lane, x + i);
    FG(lanes_fill)(last, x + i, (int)(n - i), -K(INFINITY));
    FG(lanes_max)(lane, last);
    for (int l = 0; l < 8; l++) lane[l] = lane[l + 8] > lane[l] ? lane[l + 8] : lane[l];
    for (int l = 0; l < 4; l++) lane[l] = lane[l + 4] > lane[l] ? lane[l + 4] : lane[l];
    T even = lane[2] > lane[0] ? lane[2] : lane[0], odd = lane[3] > lane[1] ? lane[3] : lane[1];
    return odd > even ? odd : even;
}
