/* dropout: each element is multiplied by 0 or by a scale, as its random word says. The word of an element depends on the
 * key, the stream and its index alone, so the backward pass draws the same ones again, and no mask is kept. */
#ifndef FG_BODIES

#define FG_FAMILY "dropout.c"
#include "map.h"
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

enum { FG_RANDOM_BLOCK = 64, WORDS_AT_ONCE = 1024 };

#include "foreach_isa.h"

#else

#include "random.h"

/* out = x scale where word >= threshold, else x 0. Whole numbers are compared, so both dtypes drop the same elements. */
static FG_INLINE void FG(dropout_loop)(int64_t n, T *out, int64_t so, const T *x, int64_t sx, const uint32_t *word,
                                       uint32_t threshold, T scale) {
    FG_SIMD
    for (int64_t i = 0; i < n; i++) out[i * so] = x[i * sx] * (word[i] >= threshold ? scale : K(0));
}

void FG(dropout)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const uint32_t key0 = (uint32_t)call->scalar[0], key1 = (uint32_t)call->scalar[1];
    const uint64_t stream = (uint64_t)call->scalar[2];
    const uint32_t threshold = (uint32_t)call->scalar[3];
    const T scale = (T)call->scalar[4];
    const int last = call->ndim - 1;
    const int64_t sx = FG_STEP(0), so = FG_STEP(1);
    int64_t index[FG_DIMS], at[FG_PTRS];
    _Alignas(64) uint32_t word[WORDS_AT_ONCE];
    if (lo >= hi) return;
    fg_seek(call, 2, lo, index, at);
    for (int64_t start = lo - lo % FG_RANDOM_BLOCK; start < hi; start += WORDS_AT_ONCE) {
        const int64_t end = start + WORDS_AT_ONCE < hi ? start + WORDS_AT_ONCE : hi;
        const int64_t words = (end - start + FG_RANDOM_BLOCK - 1) / FG_RANDOM_BLOCK * FG_RANDOM_BLOCK;
        FG(random_words)(word, words, key0, key1, stream, (uint64_t)start / 4);
        while (lo < end) {
            const int64_t left = call->size[last] - index[last], n = left < end - lo ? left : end - lo;
            const T *x = FG_ROW(const T, 0);
            T *out = FG_ROW(T, 1);
            if (so == 1 && sx == 1)
                FG(dropout_loop)(n, out, 1, x, 1, word + (lo - start), threshold, scale);
            else
                FG(dropout_loop)(n, out, so, x, sx, word + (lo - start), threshold, scale);
            fg_advance(call, 2, n, index, at);
            lo += n;
        }
    }
}

#endif
