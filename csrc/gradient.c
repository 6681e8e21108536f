/* gradient: what may be found out about gradients, and done to them, before a step. */
#ifndef FG_BODIES

#define FG_FAMILY "gradient.c"
#include "rule.h"

#include "foreach_isa.h"

#else

#include "lanes.h"
#include "rule_body.h"

/* total[0] = the sum of all squares, total[1] = 0, or NaN where a number is not finite. */
void FG(sum_squares)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    if (phase == 0) {
        FG(measure)(call, 0, 0, lo, hi);
        return;
    }
    double *total = call->ptr[FG_TOTAL]; /* total[2] */
    total[0] = total[1] = 0;
    for (int32_t i = 0; i < call->tensors; i++) {
        const fg_tensor *tensor = (const fg_tensor *)call->ptr[0] + i;
        total[0] += fg_tensor_sum(call, tensor, FG_SUM_G);
        total[1] += fg_tensor_sum(call, tensor, FG_SUM_BAD);
    }
}

/* g = factor g */
void FG(scale_all)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const T factor = (T)*(const double *)call->ptr[1]; /* factor[1] */
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *g = FG_PIECE(T, at, 0);
        FG_SIMD
        for (int64_t i = 0; i < at.n; i++) g[i] = factor * g[i];
    }
}

/* g = min(max(g, -limit), limit); NaN stays */
void FG(clip_all)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const T limit = (T)call->scalar[0];
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *g = FG_PIECE(T, at, 0);
        FG_SIMD
        for (int64_t i = 0; i < at.n; i++) g[i] = g[i] < -limit ? -limit : g[i] > limit ? limit : g[i];
    }
}

#endif
