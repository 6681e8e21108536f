/* loss: the cross entropy of a row of scores x[C] and its class, with the softmax inside. A unit is a row.
 *
 *     logp = x - max - log sum e^(x - max)      out = -logp[target]      dx = dout (e^logp - onehot)
 *
 * A row whose target is `ignore` has out = 0, used = 0 and dx = 0; other rows have used = 1. Phase 0 checks the labels: where one is neither a class nor
 * `ignore`, nothing is written.
 */
#ifndef FG_BODIES

#define FG_FAMILY "loss.c"
#include "launch.h"
#include "simd.h"

#include "foreach_isa.h"

#else

#include "vmath.h"

#include "lanes.h"

static void FG(check_labels)(fg_call *call, const int64_t *target, int64_t lo, int64_t hi) {
    const int64_t C = call->size[1], ignore = (int64_t)call->scalar[0];
    for (int64_t n = lo; n < hi; n++)
        if ((target[n] < 0 || target[n] >= C) && target[n] != ignore) {
            fg_refuse(call, n);
            return;
        }
}

LANE_SUM(row_sum_exp, FG(vexp)(x - s))

void FG(cross_entropy)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    const int64_t C = call->size[1], ignore = (int64_t)call->scalar[0];
    const int64_t *target = call->ptr[1]; /* target[N] */
    T *out = call->ptr[2];                /* out[N] */
    T *used = call->ptr[4];               /* used[N], or NULL */
    if (phase == 0) {
        FG(check_labels)(call, target, lo, hi);
        return;
    }
    for (int64_t n = lo; n < hi; n++) {
        const T *x = (const T *)call->ptr[0] + n * C; /* x[C] */
        T *logp = (T *)call->ptr[3] + n * C;          /* logp[C] */
        const T largest = FG(row_max)(x, C);
        const T log_sum = FG(vlog)(FG(row_sum_exp)(x, x, largest, C));
        FG_SIMD
        for (int64_t c = 0; c < C; c++) logp[c] = x[c] - largest - log_sum;
        out[n] = target[n] == ignore ? K(0) : -logp[target[n]];
        if (used) used[n] = target[n] == ignore ? K(0) : K(1);
    }
}

void FG(cross_entropy_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    const int64_t C = call->size[1], ignore = (int64_t)call->scalar[0];
    const T *dout = call->ptr[0];         /* dout[N] */
    const int64_t *target = call->ptr[2]; /* target[N] */
    if (phase == 0) {
        FG(check_labels)(call, target, lo, hi);
        return;
    }
    for (int64_t n = lo; n < hi; n++) {
        const T *logp = (const T *)call->ptr[1] + n * C; /* logp[C] */
        T *dx = (T *)call->ptr[3] + n * C;               /* dx[C] */
        if (target[n] == ignore) {
            memset(dx, 0, (size_t)C * sizeof(T)); /* whatever dout is: infinite, for a mean over no rows */
            continue;
        }
        const T scale = dout[n], at_target = scale * (FG(vexp)(logp[target[n]]) - 1);
        FG_SIMD
        for (int64_t c = 0; c < C; c++) dx[c] = scale * FG(vexp)(logp[c]);
        dx[target[n]] = at_target;
    }
}

#endif
