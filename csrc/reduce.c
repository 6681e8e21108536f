/* reduce: x[O,R,I] over R. Every element of out[O,I] is made from blocks of R, in one order for any number of threads:
 *
 *     I == 1    blocks of FG_BLOCK = 4096 numbers, each in 16 lanes (lanes.h)
 *     I > 1     blocks of FG_COLUMN_BLOCK = 256 rows; a column adds its rows from top to bottom, starting at +0
 *
 * A unit is one block of one o, and for I > 1 of FG_COLUMNS = 64 columns. With one block the unit writes out. With more
 * it writes a partial result for the second phase, whose units are the elements of out: partial sums are added one
 * after another in double and rounded once.
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

#include "foreach_isa.h"

#else

#include "lanes.h"

LANE_SUM(total, x)

/* sum[columns] over `rows` rows of x, I apart */
static FG_INLINE void FG(sum_columns)(T *restrict sum, const T *restrict x, int64_t rows, int64_t I, int64_t columns) {
    for (int64_t j = 0; j < columns; j++) sum[j] = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) sum[j] += x[r * I + j];
}

static void FG(sum_part)(const fg_call *call, int64_t unit) {
    int64_t R = call->size[1], I = call->size[2], blocks = fg_blocks(R, I);
    const fg_part part = fg_part_of(unit, R, I);
    const T *x = (const T *)call->ptr[0] + (part.o * R + part.row) * I + part.column;         /* x[O,R,I] */
    T *out = (T *)call->ptr[1] + part.o * I + part.column;                                    /* out[O,I] */
    double *partial = (double *)call->scratch + (part.o * blocks + part.b) * I + part.column; /* partial[O,blocks,I] */
    T sum[FG_COLUMNS];
    if (I == 1)
        sum[0] = FG(total_block)(x, x, 0, part.rows);
    else if (part.columns == FG_COLUMNS)
        FG(sum_columns)(sum, x, part.rows, I, FG_COLUMNS);
    else
        FG(sum_columns)(sum, x, part.rows, I, part.columns);
    for (int64_t j = 0; j < part.columns; j++)
        if (blocks == 1)
            out[j] = sum[j];
        else
            partial[j] = (double)sum[j];
}

void FG(sum)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t I = call->size[2], blocks = fg_blocks(call->size[1], I);
    T *out = call->ptr[1];                 /* out[O,I] */
    const double *partial = call->scratch; /* partial[O,blocks,I] */
    if (phase == 0)
        for (int64_t unit = lo; unit < hi; unit++) FG(sum_part)(call, unit);
    else
        for (int64_t k = lo; k < hi; k++) {
            double sum = 0;
            for (int64_t b = 0; b < blocks; b++) sum += partial[(k / I * blocks + b) * I + k % I];
            out[k] = (T)sum;
        }
}

/* Whether x takes the place of the best so far: it is larger, or the first NaN. */
#define BETTER(x, best) ((x) > (best) || ((x) != (x) && (best) == (best)))

/* The first of n > 0 numbers that is the largest, or the first NaN: first the largest of 16 lanes, then where it is. */
static int64_t FG(argmax)(const T *x, int64_t n) {
    T lane[FG_LANES], best = x[0];
    FG_INT nans[FG_LANES] = {0}, any = 0;
    int64_t i = 0;
    for (int l = 0; l < FG_LANES; l++) lane[l] = x[0];
    for (; i + FG_LANES <= n; i += FG_LANES)
        for (int l = 0; l < FG_LANES; l++) {
            lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
            nans[l] |= x[i + l] != x[i + l];
        }
    for (; i < n; i++) {
        best = x[i] > best ? x[i] : best;
        any |= x[i] != x[i];
    }
    for (int l = 0; l < FG_LANES; l++) {
        best = lane[l] > best ? lane[l] : best;
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

/* Of each column, the largest of `rows` > 0 rows of x, I apart, and its row */
static FG_INLINE void FG(max_columns)(T *restrict value, FG_INT *restrict index, const T *restrict x, int64_t rows,
                                      int64_t I, int64_t columns) {
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

static void FG(max_part)(const fg_call *call, int64_t unit) {
    int64_t R = call->size[1], I = call->size[2], blocks = fg_blocks(R, I);
    const fg_part part = fg_part_of(unit, R, I);
    const T *x = (const T *)call->ptr[0] + (part.o * R + part.row) * I + part.column;           /* x[O,R,I] */
    T *out = (T *)call->ptr[1] + part.o * I + part.column;                                      /* out[O,I] */
    int64_t *where = (int64_t *)call->ptr[2] + part.o * I + part.column;                        /* index[O,I] */
    fg_best *partial = (fg_best *)call->scratch + (part.o * blocks + part.b) * I + part.column; /* [O,blocks,I] */
    T value[FG_COLUMNS];
    FG_INT index[FG_COLUMNS];
    if (I == 1) {
        index[0] = (FG_INT)FG(argmax)(x, part.rows);
        value[0] = x[index[0]];
    } else if (part.columns == FG_COLUMNS) {
        FG(max_columns)(value, index, x, part.rows, I, FG_COLUMNS);
    } else {
        FG(max_columns)(value, index, x, part.rows, I, part.columns);
    }
    for (int64_t j = 0; j < part.columns; j++)
        if (blocks == 1) {
            out[j] = value[j];
            where[j] = index[j];
        } else {
            partial[j] = (fg_best){(double)value[j], part.row + index[j]};
        }
}

void FG(max)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t I = call->size[2], blocks = fg_blocks(call->size[1], I);
    T *out = call->ptr[1];                  /* out[O,I] */
    int64_t *index = call->ptr[2];          /* index[O,I] */
    const fg_best *partial = call->scratch; /* partial[O,blocks,I] */
    if (phase == 0)
        for (int64_t unit = lo; unit < hi; unit++) FG(max_part)(call, unit);
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

/* dx is dout where the largest was found, and 0 elsewhere. */
void FG(max_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t I = call->size[1], R = call->size[2];
    (void)phase;
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
