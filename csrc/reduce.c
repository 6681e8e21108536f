/* reduce: x[O,R,I] over R. Every element of out[O,I] is made from blocks of R, in one order for any number of threads:
 *
 *     I == 1    blocks of FG_BLOCK = 4096 numbers, each in 16 lanes (lanes.h)
 *     I > 1     blocks of FG_COLUMN_BLOCK = 256 rows; a column adds its rows from top to bottom, starting at +0
 *
 * A product has the order of a sum, and starts at 1. cumsum and cumprod have the plain order along R, a line by itself.
 *
 * A unit is one block of one o, and for I > 1 of FG_COLUMNS = 64 columns. With one block the unit writes out. With more
 * it writes a partial result for the second phase, whose units are the elements of out: partial sums (products) are
 * added (multiplied) one after another in double and rounded once.
 */
#ifndef FG_BODIES

#define FG_FAMILY "reduce.c"
#include "launch.h"
#include "simd.h"

/* A unit's part of x: rows [row, row + rows) and columns [column, column + columns) of x[o]. */
typedef struct {
    int64_t o, b, row, rows, column, columns;
} fg_part;

static inline int64_t fg_blocks(int64_t R, int64_t I) {
    int64_t block = I == 1 ? FG_BLOCK : FG_COLUMN_BLOCK;
    return R > block ? (R + block - 1) / block : 1;
}

static inline fg_part fg_part_of(int64_t unit, int64_t R, int64_t I) {
    int64_t block = I == 1 ? FG_BLOCK : FG_COLUMN_BLOCK, width = I == 1 ? 1 : FG_COLUMNS;
    int64_t blocks = fg_blocks(R, I), chunks = (I + width - 1) / width;
    int64_t b = unit / chunks % blocks, row = b * block, column = unit % chunks * width;
    return (fg_part){.o = unit / chunks / blocks,
                     .b = b,
                     .row = row,
                     .rows = R - row < block ? R - row : block,
                     .column = column,
                     .columns = I - column < width ? I - column : width};
}

/* A block's largest number and where in R it first stands. */
typedef struct {
    double value;
    int64_t index;
} fg_best;

enum { MERGED = 8 * FG_COLUMNS }; /* columns that neighbouring units add up side by side */

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#include "foreach_isa.h"

#else

#include "check.h"
#include "lanes.h"

/* One step of a sum, or of a product. */
static FG_INLINE T FG(join)(T a, T b, int times) { return times ? a * b : a + b; }
static FG_INLINE double FG(join_blocks)(double a, double b, int times) { return times ? a * b : a + b; }

/* Blocks that are worked on side by side, to hide how long an addition takes. */
#undef ABREAST
#define ABREAST (FG_VECTOR_BYTES == 64 ? 4 : 2)

/* The 16 lanes as vectors: left as arrays, four sets of lanes are no longer kept in registers by gcc 12. */
enum { FG(vectors) = FG_LANES * sizeof(T) / FG_VECTOR_BYTES };
typedef T FG(vector) __attribute__((vector_size(FG_VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef struct {
    FG(vector) part[FG(vectors)];
} FG(lanes);

static FG_INLINE FG(lanes) FG(lanes_of)(T x) {
    FG(lanes) lanes;
    for (int v = 0; v < FG(vectors); v++) lanes.part[v] = x - (FG(vector)){0};
    return lanes;
}

static FG_INLINE void FG(lanes_join)(FG(lanes) * lanes, const T *x, int times) {
    for (int v = 0; v < FG(vectors); v++) {
        FG(vector) more = *(const FG(vector) *)(x + v * (FG_LANES / FG(vectors)));
        lanes->part[v] = times ? lanes->part[v] * more : lanes->part[v] + more;
    }
}

/* The last n < FG_LANES numbers, then the upper half of the lanes onto the lower half, until one is left. */
static FG_INLINE T FG(lanes_end)(FG(lanes) lanes, const T *x, int n, int times) {
    T lane[FG_LANES];
    FG(lanes_fill)(lane, x, n, K(times));
    FG(lanes_join)(&lanes, lane, times);
    memcpy(lane, &lanes, sizeof lane);
    for (int l = 0; l < 8; l++) lane[l] = FG(join)(lane[l], lane[l + 8], times);
    for (int l = 0; l < 4; l++) lane[l] = FG(join)(lane[l], lane[l + 4], times);
    return FG(join)(FG(join)(lane[0], lane[2], times), FG(join)(lane[1], lane[3], times), times);
}

/* result[j] = the sum of the n <= FG_BLOCK numbers at x + j * step, j < count = 1, 2 or 4, each in the order of lanes.h */
static FG_INLINE void FG(fold_blocks)(T *result, const T *x, int64_t n, int64_t step, int count, int times) {
    FG(lanes) a = FG(lanes_of)(K(times)), b = a, c = a, d = a;
    int64_t i = 0;
    for (; i + FG_LANES <= n; i += FG_LANES) {
        FG(lanes_join)(&a, x + i, times);
        if (count > 1) FG(lanes_join)(&b, x + step + i, times);
        if (count > 2) FG(lanes_join)(&c, x + 2 * step + i, times);
        if (count > 2) FG(lanes_join)(&d, x + 3 * step + i, times);
    }
    int rest = (int)(n - i);
    result[0] = FG(lanes_end)(a, x + i, rest, times);
    if (count > 1) result[1] = FG(lanes_end)(b, x + step + i, rest, times);
    if (count > 2) result[2] = FG(lanes_end)(c, x + 2 * step + i, rest, times);
    if (count > 2) result[3] = FG(lanes_end)(d, x + 3 * step + i, rest, times);
}

/* I == 1: a unit is a block of a row */
static FG_INLINE void FG(fold_rows)(const fg_call *call, int64_t lo, int64_t hi, int times) {
    int64_t R = call->size[1], blocks = fg_blocks(R, 1), count;
    T *out = call->ptr[1];           /* out[O] */
    double *partial = call->scratch; /* partial[O,blocks] */
    for (int64_t unit = lo; unit < hi; unit += count) {
        int64_t o = unit / blocks, b = unit % blocks;
        int64_t alike = blocks == 1 ? hi - unit : least(hi - unit, blocks - 1 - b); /* from here on, as long as this */
        const T *x = (const T *)call->ptr[0] + o * R + b * FG_BLOCK;                /* x[O,R] */
        T result[ABREAST];
        count = alike >= ABREAST ? ABREAST : 1;
        if (count > 1)
            FG(fold_blocks)(result, x, least(R, FG_BLOCK), blocks == 1 ? R : FG_BLOCK, ABREAST, times);
        else
            FG(fold_blocks)(result, x, least(R - b * FG_BLOCK, FG_BLOCK), 0, 1, times);
        for (int64_t j = 0; j < count; j++)
            if (blocks == 1)
                out[unit + j] = result[j];
            else
                partial[unit + j] = (double)result[j];
    }
}

/* sum[columns] over `rows` rows of x, I apart, from top to bottom */
static FG_INLINE void FG(fold_columns)(T *restrict sum, const T *restrict x, int64_t rows, int64_t I, int64_t columns,
                                       int times) {
    int64_t r = 0;
    for (int64_t j = 0; j < columns; j++) sum[j] = K(times);
    for (; r + 4 <= rows; r += 4) {
        const T *a = x + r * I, *b = a + I, *c = b + I, *d = c + I;
        for (int64_t j = 0; j < columns; j++) {
            T two = FG(join)(FG(join)(sum[j], a[j], times), b[j], times);
            sum[j] = FG(join)(FG(join)(two, c[j], times), d[j], times);
        }
    }
    for (; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) sum[j] = FG(join)(sum[j], x[r * I + j], times);
}

/* I > 1: a unit is a block of rows of FG_COLUMNS columns; neighbours are merged */
static FG_INLINE void FG(fold_parts)(const fg_call *call, int64_t lo, int64_t hi, int times) {
    int64_t R = call->size[1], I = call->size[2], blocks = fg_blocks(R, I), chunks = (I + FG_COLUMNS - 1) / FG_COLUMNS;
    for (int64_t unit = lo, merged; unit < hi; unit += merged) {
        const fg_part part = fg_part_of(unit, R, I);
        merged = least(least(hi - unit, chunks - unit % chunks), MERGED / FG_COLUMNS);
        int64_t columns = least(merged * FG_COLUMNS, I - part.column);
        const T *x = (const T *)call->ptr[0] + (part.o * R + part.row) * I + part.column;         /* x[O,R,I] */
        T *out = (T *)call->ptr[1] + part.o * I + part.column;                                    /* out[O,I] */
        double *partial = (double *)call->scratch + (part.o * blocks + part.b) * I + part.column; /* [O,blocks,I] */
        T sum[MERGED];
        FG(fold_columns)(sum, x, part.rows, I, columns, times);
        for (int64_t j = 0; j < columns; j++)
            if (blocks == 1)
                out[j] = sum[j];
            else
                partial[j] = (double)sum[j];
    }
}

/* The blocks of elements [lo, hi) of out */
static FG_INLINE void FG(fold_partial)(const fg_call *call, int64_t lo, int64_t hi, int times) {
    int64_t I = call->size[2], blocks = fg_blocks(call->size[1], I);
    T *out = call->ptr[1]; /* out[O,I] */
    for (int64_t k = lo, n; k < hi; k += n) {
        const double *partial = (const double *)call->scratch + k / I * blocks * I + k % I; /* partial[O,blocks,I] */
        double total[FG_COLUMNS];
        n = least(least(I - k % I, hi - k), FG_COLUMNS);
        for (int64_t j = 0; j < n; j++) total[j] = times;
        for (int64_t b = 0; b < blocks; b++)
            for (int64_t j = 0; j < n; j++) total[j] = FG(join_blocks)(total[j], partial[b * I + j], times);
        for (int64_t j = 0; j < n; j++) out[k + j] = (T)total[j];
    }
}

static FG_INLINE void FG(fold)(const fg_call *call, int phase, int64_t lo, int64_t hi, int times) {
    if (phase == 1)
        FG(fold_partial)(call, lo, hi, times);
    else if (call->size[2] == 1)
        FG(fold_rows)(call, lo, hi, times);
    else
        FG(fold_parts)(call, lo, hi, times);
}

void FG(sum)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(fold)(call, phase, lo, hi, 0); }
void FG(prod)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(fold)(call, phase, lo, hi, 1); }

/* I == 1: `count` lines of R numbers each, one under the other, side by side */
static FG_INLINE void FG(run_rows)(T *restrict out, const T *restrict x, int64_t R, int count, int times) {
    T so_far[4];
    for (int l = 0; l < count; l++) so_far[l] = out[l * R] = x[l * R];
    for (int64_t r = 1; r < R; r++)
        for (int l = 0; l < count; l++) out[l * R + r] = so_far[l] = FG(join)(so_far[l], x[l * R + r], times);
}

/* n lines whose numbers are I apart */
static FG_INLINE void FG(run_columns)(T *restrict out, const T *restrict x, int64_t R, int64_t I, int64_t n,
                                      int times) {
    T so_far[FG_COLUMNS];
    for (int64_t j = 0; j < n; j++) so_far[j] = out[j] = x[j];
    for (int64_t r = 1; r < R; r++)
        for (int64_t j = 0; j < n; j++) out[r * I + j] = so_far[j] = FG(join)(so_far[j], x[r * I + j], times);
}

/* Lines [lo, hi): line k is out[k / I, :, k % I]. */
static FG_INLINE void FG(run)(const fg_call *call, int64_t lo, int64_t hi, int times) {
    int64_t R = call->size[1], I = call->size[2];
    for (int64_t k = lo, n; R && k < hi; k += n) {
        int64_t at = k / I * R * I + k % I;
        const T *x = (const T *)call->ptr[0] + at; /* x[O,R,I] */
        T *out = (T *)call->ptr[1] + at;           /* out[O,R,I] */
        n = I == 1 ? (hi - k >= 4 ? 4 : 1) : least(least(I - k % I, hi - k), FG_COLUMNS);
        if (I > 1)
            FG(run_columns)(out, x, R, I, n, times);
        else if (n == 4)
            FG(run_rows)(out, x, R, 4, times);
        else
            FG(run_rows)(out, x, R, 1, times);
    }
}

void FG(cumsum)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    FG(run)(call, lo, hi, 0);
}

void FG(cumprod)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    FG(run)(call, lo, hi, 1);
}

/* max and min: the best number is the largest, or with `down` the smallest; a NaN is better than any, and the first best
 * one counts. */
#define BEYOND(x, best) (down ? (x) < (best) : (x) > (best))
#define BETTER(x, best) (BEYOND(x, best) || ((x) != (x) && (best) == (best)))

/* The first of n > 0 numbers that is the best: first the best of 16 lanes, then where it is. */
static FG_INLINE int64_t FG(where_best)(const T *x, int64_t n, int down) {
    T lane[FG_LANES], best = x[0];
    FG_INT nans[FG_LANES] = {0}, any = 0;
    int64_t i = 0;
    for (int l = 0; l < FG_LANES; l++) lane[l] = x[0];
    for (; i + FG_LANES <= n; i += FG_LANES)
        for (int l = 0; l < FG_LANES; l++) {
            lane[l] = BEYOND(x[i + l], lane[l]) ? x[i + l] : lane[l];
            nans[l] |= x[i + l] != x[i + l];
        }
    for (; i < n; i++) {
        best = BEYOND(x[i], best) ? x[i] : best;
        any |= x[i] != x[i];
    }
    for (int l = 0; l < FG_LANES; l++) {
        best = BEYOND(lane[l], best) ? lane[l] : best;
        any |= nans[l];
    }
    if (any) best = K(NAN);
    for (i = 0; i + FG_COLUMNS <= n; i += FG_COLUMNS) {
        FG_INT found = 0;
        for (int j = 0; j < FG_COLUMNS; j++) found |= (x[i + j] == best) | (x[i + j] != x[i + j]);
        if (found) break;
    }
    while (!(x[i] == best || x[i] != x[i])) i++;
    return i;
}

/* Of each column, the best of `rows` > 0 rows of x, I apart, and its row */
static FG_INLINE void FG(best_columns)(T *restrict value, FG_INT *restrict index, const T *restrict x, int64_t rows,
                                       int64_t I, int64_t columns, int down) {
    for (int64_t j = 0; j < columns; j++) {
        value[j] = x[j];
        index[j] = 0;
    }
    for (int64_t r = 1; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) {
            T xj = x[r * I + j];
            int better = BETTER(xj, value[j]);
            value[j] = better ? xj : value[j];
            index[j] = better ? (FG_INT)r : index[j];
        }
}

static FG_INLINE void FG(best_part)(const fg_call *call, int64_t unit, int down) {
    int64_t R = call->size[1], I = call->size[2], blocks = fg_blocks(R, I);
    const fg_part part = fg_part_of(unit, R, I);
    const T *x = (const T *)call->ptr[0] + (part.o * R + part.row) * I + part.column;           /* x[O,R,I] */
    T *out = (T *)call->ptr[1] + part.o * I + part.column;                                      /* out[O,I] */
    int64_t *where = (int64_t *)call->ptr[2] + part.o * I + part.column;                        /* index[O,I] */
    fg_best *partial = (fg_best *)call->scratch + (part.o * blocks + part.b) * I + part.column; /* [O,blocks,I] */
    T value[FG_COLUMNS];
    FG_INT index[FG_COLUMNS];
    if (I == 1) {
        index[0] = (FG_INT)FG(where_best)(x, part.rows, down);
        value[0] = x[index[0]];
    } else if (part.columns == FG_COLUMNS) {
        FG(best_columns)(value, index, x, part.rows, I, FG_COLUMNS, down);
    } else {
        FG(best_columns)(value, index, x, part.rows, I, part.columns, down);
    }
    for (int64_t j = 0; j < part.columns; j++)
        if (blocks == 1) {
            out[j] = value[j];
            where[j] = index[j];
        } else {
            partial[j] = (fg_best){(double)value[j], part.row + index[j]};
        }
}

static FG_INLINE void FG(best)(const fg_call *call, int phase, int64_t lo, int64_t hi, int down) {
    int64_t I = call->size[2], blocks = fg_blocks(call->size[1], I);
    T *out = call->ptr[1];                  /* out[O,I] */
    int64_t *index = call->ptr[2];          /* index[O,I] */
    const fg_best *partial = call->scratch; /* partial[O,blocks,I] */
    if (phase == 0)
        for (int64_t unit = lo; unit < hi; unit++) FG(best_part)(call, unit, down);
    else
        for (int64_t k = lo; k < hi; k++) {
            const fg_best *column = partial + k / I * blocks * I + k % I;
            fg_best best = column[0];
            for (int64_t b = 1; b < blocks; b++)
                if (BETTER(column[b * I].value, best.value)) best = column[b * I];
            out[k] = (T)best.value;
            index[k] = best.index;
        }
}

#undef BETTER
#undef BEYOND

void FG(max)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(best)(call, phase, lo, hi, 0); }
void FG(min)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(best)(call, phase, lo, hi, 1); }

/* dx is dout where the best was found, and 0 elsewhere. */
void FG(max_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t I = call->size[1], R = call->size[2];
    if (phase == 0) {
        FG(check)(call, call->ptr[1], R, lo, hi);
        return;
    }
    for (int64_t unit = lo; unit < hi; unit++) {
        const fg_part part = fg_part_of(unit, R, I);
        const T *dout = (const T *)call->ptr[0] + part.o * I + part.column;              /* dout[O,I] */
        const int64_t *index = (const int64_t *)call->ptr[1] + part.o * I + part.column; /* index[O,I] */
        T *dx = (T *)call->ptr[2] + (part.o * R + part.row) * I + part.column;           /* dx[O,R,I] */
        if (part.columns == I)
            memset(dx, 0, (size_t)(part.rows * I) * sizeof(T));
        else
            for (int64_t r = 0; r < part.rows; r++) memset(dx + r * I, 0, (size_t)part.columns * sizeof(T));
        for (int64_t j = 0; j < part.columns; j++) {
            int64_t r = index[j] - part.row;
            if (r >= 0 && r < part.rows) dx[r * I + j] = dout[j];
        }
    }
}

#endif
