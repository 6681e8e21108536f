/* transcendental: elementary functions beside exp, log and tanh, to 4 units in the last place (vmath.h, vmath_trig.h). */
#ifndef FG_BODIES

#define FG_FAMILY "transcendental.c"
#include "map.h"

enum { FG_LOOKED_AT = 256 }; /* elements that are looked through for a large one before they are computed */

#include "foreach_isa.h"

#else

#include "vmath.h"
#include "vmath_trig.h"

MAP1(atan, x, FG(vatan)(x))
MAP1(expm1, x, FG(vexpm1)(x))
MAP1(log1p, x, FG(vlog1p)(x))
MAP1(log2, x, FG(vlog2)(x))
MAP1(log10, x, FG(vlog10)(x))
MAP1(erf, x, FG(verf)(x))

/* Whether x is the C library's. An infinity and NaN are not: the formulas make NaN of them. */
static FG_INLINE FG_INT FG(large)(T x) { return FG_ABS(x) > FG_TRIG_MOST && FG_ABS(x) < K(INFINITY); }

static FG_INLINE FG_INT FG(any_large)(int64_t n, const T *px, int64_t sx) {
    FG_INT found = 0;
    FG_SIMD
    for (int64_t i = 0; i < n; i++) found |= FG(large)(px[i * sx]);
    return found;
}

/* out = f(x), x large or not. Which of the two an element takes, and so its bits, depends on it alone. */
#define TRIG(name, formula, library)                                                                         \
    static FG_INLINE void FG(name##_block)(int64_t n, T *out, int64_t so, const T *px, int64_t sx) {         \
        if (!FG(any_large)(n, px, sx)) {                                                                     \
            FG_SIMD                                                                                          \
            for (int64_t i = 0; i < n; i++) out[i * so] = formula(px[i * sx]);                               \
            return;                                                                                          \
        }                                                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            T x = px[i * sx];                                                                                \
            out[i * so] = FG(large)(x) ? (FG_IS_F32 ? (T)library##f((float)x) : (T)library(x)) : formula(x); \
        }                                                                                                    \
    }                                                                                                        \
    static void FG(name##_row)(const fg_call *call, const int64_t *at, int64_t n) {                          \
        const T *px = FG_ROW(const T, 0);                                                                    \
        T *out = FG_ROW(T, 1);                                                                               \
        int64_t sx = FG_STEP(0), so = FG_STEP(1);                                                            \
        for (int64_t i = 0; i < n; i += FG_LOOKED_AT) {                                                      \
            int64_t m = n - i < FG_LOOKED_AT ? n - i : FG_LOOKED_AT;                                         \
            if (so == 1 && sx == 1)                                                                          \
                FG(name##_block)(m, out + i, 1, px + i, 1);                                                  \
            else                                                                                             \
                FG(name##_block)(m, out + i * so, so, px + i * sx, sx);                                      \
        }                                                                                                    \
    }                                                                                                        \
    FG_MAP_KERNEL(name, 2)

TRIG(sin, FG(vsin), sin)
TRIG(cos, FG(vcos), cos)
TRIG(tan, FG(vtan), tan)

#endif
