/* rectifier: units of straight pieces, and their gradients: only + - * / and comparisons. Where the pieces meet, the
 * slope is PyTorch's; docs/numerics.md has a table. */
#ifndef FG_BODIES

#define FG_FAMILY "rectifier.c"
#include "launch.h"
#include "map.h"

enum { FG_PRODUCTS = 256 }; /* products that are made, then added */

#include "foreach_isa.h"

#else

#include "lanes.h"

/* x, or slope x where x is not positive. The slope is a number, or learned: PReLU. */
MAP2(leaky_relu, x, slope, x > 0 ? x : (slope * x))
MAP3(leaky_relu_backward, T, dout, x, slope, x > 0 ? dout : (slope * dout))

/* The slope's gradient: the sum of dout x over the x that are not positive. Ordered as a sum over R (reduce.c). */

/* out[n] = dout x, or 0 where x is positive. Apart from the sum: gcc 12 adds wrongly where a lane's sum has a condition. */
static FG_INLINE void FG(prelu_products)(T *out, const T *dout, const T *x, int64_t n) {
    FG_SIMD
    for (int64_t i = 0; i < n; i++) out[i] = x[i] > 0 ? K(0) : x[i] * dout[i];
}

/* The sum of a block, in 16 lanes */
static inline T FG(prelu_block)(const T *dout, const T *x, int64_t n) {
    T lane[FG_LANES] = {0}, product[FG_PRODUCTS];
    for (int64_t i = 0; i < n; i += FG_PRODUCTS) {
        int64_t m = n - i < FG_PRODUCTS ? n - i : FG_PRODUCTS, padded = (m + FG_LANES - 1) / FG_LANES * FG_LANES;
        FG(prelu_products)(product, dout + i, x + i, m);
        for (int64_t k = m; k < padded; k++) product[k] = K(0);
        for (int64_t k = 0; k < padded; k += FG_LANES)
            for (int l = 0; l < FG_LANES; l++) lane[l] += product[k + l];
    }
    return FG(lanes_fold)(lane);
}

/* I == 1: a unit is a block of a row */
static FG_INLINE void FG(prelu_rows)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t R = call->size[1], blocks = R > FG_BLOCK ? (R + FG_BLOCK - 1) / FG_BLOCK : 1;
    const T *dout = call->ptr[0], *x = call->ptr[1]; /* dout[O,R], x[O,R] */
    T *out = call->ptr[2];                           /* out[O] */
    double *partial = call->scratch;                 /* partial[O,blocks] */
    for (int64_t unit = lo; unit < hi; unit++) {
        int64_t first = unit % blocks * FG_BLOCK, at = unit / blocks * R + first;
        T sum = FG(prelu_block)(dout + at, x + at, R - first < FG_BLOCK ? R - first : FG_BLOCK);
        if (blocks == 1)
            out[unit] = sum;
        else
            partial[unit] = (double)sum;
    }
}

/* I > 1: a unit is a block of rows of FG_COLUMNS columns */
static FG_INLINE void FG(prelu_columns)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t R = call->size[1], I = call->size[2], chunks = (I + FG_COLUMNS - 1) / FG_COLUMNS;
    int64_t blocks = R > FG_COLUMN_BLOCK ? (R + FG_COLUMN_BLOCK - 1) / FG_COLUMN_BLOCK : 1;
    for (int64_t unit = lo; unit < hi; unit++) {
        int64_t column = unit % chunks * FG_COLUMNS, block = unit / chunks, o = block / blocks;
        int64_t row = block % blocks * FG_COLUMN_BLOCK, columns = I - column < FG_COLUMNS ? I - column : FG_COLUMNS;
        int64_t end = R - row < FG_COLUMN_BLOCK ? R : row + FG_COLUMN_BLOCK;
        const T *dout = (const T *)call->ptr[0] + o * R * I + column;   /* dout[O,R,I] */
        const T *x = (const T *)call->ptr[1] + o * R * I + column;      /* x[O,R,I] */
        T *out = (T *)call->ptr[2] + o * I + column;                    /* out[O,I] */
        double *partial = (double *)call->scratch + block * I + column; /* partial[O,blocks,I] */
        T sum[FG_COLUMNS] = {0}, product[FG_COLUMNS];
        for (int64_t r = row; r < end; r++) {
            FG(prelu_products)(product, dout + r * I, x + r * I, columns);
            FG_SIMD
            for (int64_t j = 0; j < columns; j++) sum[j] += product[j];
        }
        for (int64_t j = 0; j < columns; j++)
            if (blocks == 1)
                out[j] = sum[j];
            else
                partial[j] = (double)sum[j];
    }
}

/* The blocks of elements [lo, hi) of out, one after another in double */
static FG_INLINE void FG(prelu_partial)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t R = call->size[1], I = call->size[2], block = I == 1 ? FG_BLOCK : FG_COLUMN_BLOCK;
    int64_t blocks = (R + block - 1) / block;
    T *out = call->ptr[2]; /* out[O,I] */
    for (int64_t k = lo; k < hi; k++) {
        const double *partial = (const double *)call->scratch + k / I * blocks * I + k % I; /* partial[O,blocks,I] */
        double total = 0;
        for (int64_t b = 0; b < blocks; b++) total += partial[b * I];
        out[k] = (T)total;
    }
}

void FG(prelu_slope)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    if (phase == 1)
        FG(prelu_partial)(call, lo, hi);
    else if (call->size[2] == 1)
        FG(prelu_rows)(call, lo, hi);
    else
        FG(prelu_columns)(call, lo, hi);
}

/* The gradient of min(max(x, lo), hi), 0 at both bounds. (That of clip passes there.) */
MAP4(hardtanh_backward, dout, x, lo, hi, (x <= lo || x >= hi) ? K(0) : dout)

/* min(max(x + 3, 0), 6) / 6 */
static FG_INLINE T FG(sixth)(T x) {
    T h = x + K(3);
    h = h < 0 ? K(0) : h;
    return (h > K(6) ? K(6) : h) / K(6);
}

MAP1(hardsigmoid, x, FG(sixth)(x))
MAP2(hardsigmoid_backward, dout, x, (x > K(-3) && x < K(3)) ? dout / K(6) : K(0))

/* x hardsigmoid(x) */
MAP1(hardswish, x, x >= K(3) ? x : x <= K(-3) ? -K(0) : (x * (x + K(3)) / K(6)))
MAP2(hardswish_backward, dout, x, x >= K(3) ? dout : x <= K(-3) ? K(0) : (dout * (x / K(3) + K(0.5))))

/* x / (1 + |x|), +-1 at +-inf; its slope is the square of 1 / (1 + |x|). */
MAP1(softsign, x, FG_ABS(x) < K(INFINITY) || x != x ? x / (K(1) + FG_ABS(x)) : FG_COPYSIGN(K(1), x))
MAP2(softsign_backward, dout, x, (dout / ((K(1) + FG_ABS(x)) * (K(1) + FG_ABS(x)))))

#endif
