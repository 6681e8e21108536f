/* stream: the plain loop an update rule is measured against. It reads and writes what the rule does and next to nothing
 * else, so its time is what the memory allows. */
#ifndef FG_BODIES

#define FG_FAMILY "stream.c"
#include "each.h"

#include "foreach_isa.h"

#else

/* Like sgd: p += g */
void FG(stream1)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0);
        const T *g = FG_PIECE(const T, at, 1);
        FG_SIMD
        for (int64_t i = 0; i < at.n; i++) p[i] += g[i];
    }
}

/* Like momentum: v += g, p += v */
void FG(stream2)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0), *v = FG_PIECE(T, at, 2);
        const T *g = FG_PIECE(const T, at, 1);
        FG_SIMD
        for (int64_t i = 0; i < at.n; i++) {
            T vi = v[i] + g[i];
            v[i] = vi;
            p[i] += vi;
        }
    }
}

/* Like adam: m += g, v += m, p += v */
void FG(stream3)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0), *m = FG_PIECE(T, at, 2), *v = FG_PIECE(T, at, 3);
        const T *g = FG_PIECE(const T, at, 1);
        FG_SIMD
        for (int64_t i = 0; i < at.n; i++) {
            T mi = m[i] + g[i];
            T vi = v[i] + mi;
            m[i] = mi;
            v[i] = vi;
            p[i] += vi;
        }
    }
}

/* Like a rule of three states: m += g, v += m, h += v, p += h */
void FG(stream4)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0), *m = FG_PIECE(T, at, 2), *v = FG_PIECE(T, at, 3), *h = FG_PIECE(T, at, 4);
        const T *g = FG_PIECE(const T, at, 1);
        FG_SIMD
        for (int64_t i = 0; i < at.n; i++) {
            T mi = m[i] + g[i];
            T vi = v[i] + mi;
            T ei = h[i] + vi;
            m[i] = mi;
            v[i] = vi;
            h[i] = ei;
            p[i] += ei;
        }
    }
}

#endif
