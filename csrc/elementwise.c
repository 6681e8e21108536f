/* elementwise: out = f(a, b), element by element, over broadcast operands. NaN goes where NumPy lets it go. */
#ifndef FG_BODIES

#define FG_FAMILY "elementwise.c"
#include "map.h"

#include "foreach_isa.h"

#else

#include "vmath.h"

MAP2(add, a, b, a + b)
MAP2(sub, a, b, a - b)
MAP2(mul, a, b, (a * b))
MAP2(div, a, b, a / b)
MAP1(neg, x, -x)
MAP1(exp, x, FG(vexp)(x))
MAP1(log, x, FG(vlog)(x))
MAP1(sqrt, x, FG_SQRT(x))
MAP1(abs, x, FG_ABS(x))
MAP1(copy, x, x)

/* The larger and the smaller; a NaN on either side wins. */
static FG_INLINE T FG(larger)(T a, T b) {
    T larger = a > b ? a : b;
    return a != a ? a : larger;
}

static FG_INLINE T FG(smaller)(T a, T b) {
    T smaller = a < b ? a : b;
    return a != a ? a : smaller;
}

MAP2(maximum, a, b, FG(larger)(a, b))
MAP2(minimum, a, b, FG(smaller)(a, b))

/* clip(x) = min(max(x, lo), hi); its gradient passes where x was left alone, edges included. */
MAP3(clip, T, x, lo, hi, FG(smaller)(FG(larger)(x, lo), hi))
MAP4(clip_backward, dout, x, lo, hi, (x >= lo && x <= hi) ? dout : K(0))

/* -1, 0, 1; NaN stays. */
MAP1(sign, x, x > 0 ? K(1) : x < 0 ? K(-1) : x == 0 ? K(0) : x)
/* 0 left of zero, 1 right of it; NaN stays. */
MAP2(heaviside, x, at_zero, x > 0 ? K(1) : x < 0 ? K(0) : x == 0 ? at_zero : x)
MAP2(equal, a, b, a == b ? K(1) : K(0))
MAP3(where, uint8_t, cond, a, b, cond ? a : b)

MAP1(reciprocal, x, K(1) / x)

/* To an integer: downwards, upwards, towards zero, to the nearest and from a half to the even one. */
MAP1(floor, x, FG_FLOOR(x))
MAP1(ceil, x, FG_CEIL(x))
MAP1(trunc, x, FG_TRUNC(x))
MAP1(round, x, FG_RINT(x))

/* Written from the nearer end, so that weight 1 gives `end` exactly. */
MAP3(lerp, T, start, end, weight,
     FG_ABS(weight) < K(0.5) ? start + weight * (end - start) : end - (end - start) * (K(1) - weight))

MAP4(nan_to_num, x, nan, posinf, neginf, x != x ? nan : x == K(INFINITY) ? posinf : x == -K(INFINITY) ? neginf : x)

/* What is left of a after the whole multiples of b, with the sign of b. The remainder of the C library is exact, and has
 * the sign of a. */
static FG_INLINE T FG(modulo)(T a, T b) {
    T mod = FG_FMOD(a, b);
    T moved = (b < 0) != (mod < 0) ? mod + b : mod;
    return mod == 0 ? FG_COPYSIGN(K(0), b) : moved;
}

/* floor(a / b) of the exact quotient. a minus its remainder is a multiple of b but for rounding, so the quotient of the
 * two is within rounding of the integer. */
static FG_INLINE T FG(quotient)(T a, T b) {
    T mod = FG_FMOD(a, b), q = (a - mod) / b;
    q = mod != 0 && (b < 0) != (mod < 0) ? q - K(1) : q;
    T down = FG_FLOOR(q);
    down = q - down > K(0.5) ? down + K(1) : down;
    down = q == 0 ? FG_COPYSIGN(K(0), a / b) : down;
    return b == 0 ? a / b : down;
}

/* A library call an element: nothing to vectorise. */
MAP2(remainder, a, b, FG(modulo)(a, b))
MAP2(floor_divide, a, b, FG(quotient)(a, b))
MAP2(pow, a, b, (FG_IS_F32 ? (T)powf((float)a, (float)b) : (T)pow((double)a, (double)b)))

static FG_INLINE void FG(fill_loop)(int64_t n, T *out, int64_t so, T value) {
    for (int64_t i = 0; i < n; i++) out[i * so] = value;
}

static void FG(fill_row)(const fg_call *call, const int64_t *at, int64_t n) {
    if (FG_STEP(0) == 1)
        FG(fill_loop)(n, FG_ROW(T, 0), 1, (T)call->scalar[0]);
    else
        FG(fill_loop)(n, FG_ROW(T, 0), FG_STEP(0), (T)call->scalar[0]);
}

FG_MAP_KERNEL(fill, 1)

#endif
