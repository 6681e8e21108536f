/* Results larger than the caches are written past them: memory that is about to be overwritten need not be read first,
 * and what the caches hold stays there. A body makes a stretch in a buffer of its own, FG_PAST numbers at most, and puts
 * it down. No compiler finds such a store in C: its spelling for each instruction set is here, and where there is none
 * nothing is written this way. Read once for each instruction set and dtype.
 */
#ifndef FASTGRAD_PAST_H
#define FASTGRAD_PAST_H

#include "simd.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum { FG_PAST = 1024 };
static const size_t FG_PAST_BYTES = (size_t)16 << 20; /* smaller results may still be in a cache when they are read */

static inline int fg_goes_past(int64_t n, size_t size) {
#if defined(__SSE2__)
    return (size_t)n * size >= FG_PAST_BYTES;
#else
    return (void)n, (void)size, 0;
#endif
}

/* At the end of a range: what was put down is there before anything that follows. */
static inline void fg_past_done(int past) {
#if defined(__SSE2__)
    if (past) _mm_sfence();
#else
    (void)past;
#endif
}

#endif

#if FG_VECTOR_BYTES == 64
#define FG_STORE_PAST(to, from) _mm512_stream_si512((__m512i *)(to), _mm512_loadu_si512(from))
#elif FG_VECTOR_BYTES == 32
#define FG_STORE_PAST(to, from) _mm256_stream_si256((__m256i *)(to), _mm256_loadu_si256((const __m256i *)(from)))
#elif defined(__SSE2__)
#define FG_STORE_PAST(to, from) _mm_stream_si128((__m128i *)(to), _mm_loadu_si128((const __m128i *)(from)))
#else
#define FG_STORE_PAST(to, from) memcpy(to, from, FG_VECTOR_BYTES)
#endif

/* to[n] = line[n] */
static FG_INLINE void FG(put_past)(T *to, const T *line, int64_t n) {
    enum { LANES = FG_VECTOR_BYTES / sizeof(T) };
    int64_t i = (int64_t)((0 - (uintptr_t)to) % FG_VECTOR_BYTES / sizeof(T)); /* to[i] begins a vector */
    i = i < n ? i : n;
    memcpy(to, line, (size_t)i * sizeof(T));
    for (; i + LANES <= n; i += LANES) FG_STORE_PAST(to + i, line + i);
    memcpy(to + i, line + i, (size_t)(n - i) * sizeof(T));
}

#undef FG_STORE_PAST
