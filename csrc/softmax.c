/* softmax over the last axis of x[N,C]. A unit is a row.
 *
 *     softmax      y = e^(x - max) / sum e^(x - max)          dx = y (dout - sum dout y)
 *     log_softmax  y = x - max - log sum e^(x - max)          dx = dout - e^y sum dout
 *
 * Subtracting the largest number changes nothing in exact arithmetic and keeps e^ from overflowing.
 */
#ifndef FG_BODIES

#define FG_FAMILY "softmax.c"
#include "launch.h"
#include "simd.h"

#include "foreach_isa.h"

#else

#include "vmath.h"

#include "lanes.h"

LANE_SUM(row_sum, x)
LANE_SUM(row_dot, (x * y))
LANE_SUM(row_sum_exp, FG(vexp)(x - s))

void FG(softmax)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t C = call->size[1];
    (void)phase;
    for (int64_t n = lo; n < hi; n++) {
        const T *x = (const T *)call->ptr[0] + n * C; /* x[C] */
        T *out = (T *)call->ptr[1] + n * C;           /* out[C] */
        const T largest = FG(row_max)(x, C);
        FG_SIMD
        for (int64_t c = 0; c < C; c++) out[c] = FG(vexp)(x[c] - largest);
        const T sum = FG(row_sum)(out, out, 0, C);
        FG_SIMD
        for (int64_t c = 0; c < C; c++) out[c] = out[c] / sum;
    }
}

void FG(softmax_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t C = call->size[1];
    (void)phase;
    for (int64_t n = lo; n < hi; n++) {
        const T *dout = (const T *)call->ptr[0] + n * C; /* dout[C] */
        const T *y = (const T *)call->ptr[1] + n * C;    /* y[C] */
        T *dx = (T *)call->ptr[2] + n * C;               /* dx[C] */
        const T sum = FG(row_dot)(dout, y, 0, C);
        FG_SIMD
        for (int64_t c = 0; c < C; c++) dx[c] = y[c] * (dout[c] - sum);
    }
}

void FG(log_softmax)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t C = call->size[1];
    (void)phase;
    for (int64_t n = lo; n < hi; n++) {
        const T *x = (const T *)call->ptr[0] + n * C; /* x[C] */
        T *out = (T *)call->ptr[1] + n * C;           /* out[C] */
        const T largest = FG(row_max)(x, C);
        const T log_sum = FG(vlog)(FG(row_sum_exp)(x, x, largest, C));
        FG_SIMD
        for (int64_t c = 0; c < C; c++) out[c] = x[c] - largest - log_sum;
    }
}

void FG(log_softmax_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t C = call->size[1];
    (void)phase;
    for (int64_t n = lo; n < hi; n++) {
        const T *dout = (const T *)call->ptr[0] + n * C; /* dout[C] */
        const T *y = (const T *)call->ptr[1] + n * C;    /* y[C] */
        T *dx = (T *)call->ptr[2] + n * C;               /* dx[C] */
        const T sum = FG(row_sum)(dout, dout, 0, C);
        FG_SIMD
        for (int64_t c = 0; c < C; c++) dx[c] = dout[c] - FG(vexp)(y[c]) * sum;
    }
}

#endif
