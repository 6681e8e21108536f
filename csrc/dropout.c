/* dropout: each element is multiplied by 0 or by a scale, as its random bits say. The bits of an element depend on the
 * key, the stream and its index alone, so the backward pass draws the same ones again, and no mask is kept. */
#ifndef FG_BODIES

#define FG_FAMILY "dropout.c"
#include "map.h"
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* Random words come in groups of 16 counters, two elements to a word. A block of elements has one threshold. */
enum { FG_RANDOM_GROUP = 64, GROUP = 2 * FG_RANDOM_GROUP, BLOCK = 16 * GROUP };

/* A threshold of 32 bits for elements of 16: rounded down or up from block to block, so that the mean is right; which it
 * is for one block changes from stream to stream. Both run through multiples of an irrational number, modulo 1. */
static inline uint32_t block_threshold(uint32_t threshold, int64_t block, uint64_t stream) {
    uint32_t part = (uint32_t)block * 0x9E3779B9u + (uint32_t)stream * 0x85EBCA6Bu;
    return (uint32_t)(((uint64_t)threshold + (part >> 16)) >> 16);
}

#include "foreach_isa.h"

#else

#include "past.h"
#include "random.h"

/* out = x scale where bits >= threshold, else x 0. Whole numbers are compared, so both dtypes drop the same elements. */
static FG_INLINE void FG(dropout_loop)(int64_t n, T *out, int64_t so, const T *x, int64_t sx, const uint16_t *bits,
                                       int32_t threshold, T scale) {
    FG_SIMD
    for (int64_t i = 0; i < n; i++) out[i * so] = x[i * sx] * (bits[i] >= threshold ? scale : K(0));
}

void FG(dropout)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const uint32_t key0 = (uint32_t)call->scalar[0], key1 = (uint32_t)call->scalar[1];
    const uint64_t stream = (uint64_t)call->scalar[2];
    const T scale = (T)call->scalar[4];
    const int last = call->ndim - 1;
    const int64_t sx = FG_STEP(0), so = FG_STEP(1);
    int64_t index[FG_DIMS], at[FG_PTRS];
    _Alignas(64) uint16_t bits[BLOCK];
    _Alignas(64) T line[FG_PAST];
    const int past = fg_goes_past(call->work, sizeof(T)) && so == 1 && sx == 1;
    if (lo >= hi) return;
    fg_seek(call, 2, lo, index, at);
    while (lo < hi) {
        const int64_t block = lo / BLOCK, start = lo - lo % GROUP;
        const int64_t end = (block + 1) * BLOCK < hi ? (block + 1) * BLOCK : hi;
        const int64_t groups = (end - start + GROUP - 1) / GROUP;
        const int32_t threshold = (int32_t)block_threshold((uint32_t)call->scalar[3], block, stream);
        FG(random_words)(bits, groups, key0, key1, stream, (uint64_t)(start / GROUP));
        while (lo < end) {
            const int64_t left = call->size[last] - index[last], most = past && end - lo > FG_PAST ? FG_PAST : end - lo;
            const int64_t n = left < most ? left : most;
            const T *x = FG_ROW(const T, 0);
            T *out = FG_ROW(T, 1);
            if (so == 1 && sx == 1)
                FG(dropout_loop)(n, past ? line : out, 1, x, 1, bits + (lo - start), threshold, scale);
            else
                FG(dropout_loop)(n, out, so, x, sx, bits + (lo - start), threshold, scale);
            if (past) FG(put_past)(out, line, n);
            fg_advance(call, 2, n, index, at);
            lo += n;
        }
    }
    fg_past_done(past);
}

#endif
