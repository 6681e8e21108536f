/* norm: x minus a mean, divided by a standard deviation, scaled and shifted.
 *
 *     batch_norm   x[N,C,L], a mean and a variance for each channel c, over N and L
 *     layer_norm   x[N,D], a mean and a variance for each row n, over D
 *
 * Moments. A block is a column of at most FG_COLUMN_BLOCK rows where L = 1, at most FG_BLOCK numbers of a line in the
 * lanes of lanes.h otherwise. The mean of its first 16th is a centre m, in T, near all of it: the d = x - m and their
 * squares are added up in T, and in double mean = m + sum d / n, and sum d^2 - (sum d)^2 / n is the sum of squared
 * distances from it. At most 16 / 17 of sum d^2 cancel, whatever the numbers: how far they are from 0 costs nothing.
 * Blocks are joined in double, one after another. Source: Chan, Golub and LeVeque, "Algorithms for computing the sample
 * variance", 1983.
 *
 * A mean has digits that T has no room for: mean = hi + lo, hi its nearest T. x - hi is exact where it is small, and
 * what lo adds goes into a constant.
 *
 *     forward    out = (x - hi) a + s             a = w r,  s = b - lo a,  r = 1 / sqrt(var + eps)
 *     backward   db = sum dout,  dw = r t         t = sum dout (x - hi) - lo db
 *                dx = a ((dout - k) - (x - hi) q)   q = t r^2 / n,  k = db / n - lo q
 *
 * In layer_norm w and b belong to the place in the row: dout w stands in the place of dout and r in that of a.
 */
#ifndef FG_BODIES

#define FG_FAMILY "norm.c"
#include "launch.h"
#include "simd.h"

enum {
    FG_MERGED = 64 * FG_COLUMNS, /* columns that neighbouring units work on side by side */
    FG_LINE_BLOCK = 64,          /* layer_norm_backward: rows whose dw and db are added up by one unit */
    FG_CENTRE = 16,              /* the part of a block that its centre is the mean of: one in so many */
    FG_CONSTANTS = 4,            /* numbers kept for each channel */
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Parts that a channel's moments are joined from, and how many numbers part i has. */
static inline int64_t parts_of(int64_t N, int64_t L) { return L == 1 ? ceil_div(N, FG_COLUMN_BLOCK) : N; }
static inline int64_t part_size(int64_t i, int64_t N, int64_t L) {
    return L == 1 ? least(N - i * FG_COLUMN_BLOCK, FG_COLUMN_BLOCK) : L;
}

/* batch_norm, in phases: moments (sums) of parts, a channel's own numbers, then out (dx). The second alone in _eval. */
static void plan_channels(const fg_call *call, fg_plan *plan) {
    int64_t N = call->size[0], C = call->size[1], L = call->size[2], parts = parts_of(N, L);
    int known = call->kernel == FG_K_batch_norm_eval, phase = 0;
    if (!known) plan->units[phase++] = L == 1 ? parts * ceil_div(C, FG_COLUMNS) : N * C;
    plan->units[phase] = C;
    plan->grain[phase++] = FG_COLUMNS;
    plan->units[phase++] = L == 1 ? N : N * C;
    plan->phases = phase;
    plan->scratch = sizeof(double) * (size_t)(C * (FG_CONSTANTS + (known ? 0 : 2 * parts)));
}

void fg_plan_norm(const fg_call *call, fg_plan *plan) {
    switch (call->kernel) {
    case FG_K_batch_norm_running: plan->units[0] = 1; break;
    case FG_K_layer_norm: plan->units[0] = call->size[0]; break;
    case FG_K_layer_norm_backward:
        plan->phases = 2;
        plan->units[0] = ceil_div(call->size[0], FG_LINE_BLOCK);
        plan->units[1] = call->size[1];
        plan->grain[1] = FG_COLUMNS;
        plan->scratch = sizeof(double) * (size_t)(2 * plan->units[0] * call->size[1]);
        break;
    default: plan_channels(call, plan);
    }
}

/* What joins parts: part i of channel c is at [i][c]. */
static inline double *first_of_parts(const fg_call *call) {
    return (double *)call->scratch + FG_CONSTANTS * call->size[1];
}

/* Numbers seen so far: how many, their mean, and the sum of the squares of their distances from it. */
typedef struct {
    double n, mean, m2;
} fg_moments;

/* total and a part of n numbers. `factor` = n / (total->n + n) */
static inline void join_moments(double *mean, double *m2, double before, double factor, double part_mean,
                                double part_m2) {
    double delta = part_mean - *mean;
    *mean += delta * factor;
    *m2 += part_m2 + delta * delta * (before * factor);
}

/* What is left of a sum of squares where rounding made it negative; a NaN stays one. */
static inline double not_negative(double x) { return x < 0 ? 0 : x; }

#include "foreach_isa.h"

#else

#include "lanes.h"

#include "moments.h"
#include "past.h"

/* -- batch_norm --------------------------------------------------------------------------------------------------- */

/* Units of the first phase: for L = 1 blocks of rows of FG_COLUMNS columns, neighbours merged. */
typedef struct {
    int64_t part, row, rows, column, columns, merged;
} FG(piece);

static inline FG(piece) FG(piece_of)(int64_t unit, int64_t hi, int64_t N, int64_t C) {
    int64_t chunks = ceil_div(C, FG_COLUMNS), part = unit / chunks, chunk = unit % chunks;
    int64_t merged = least(least(hi - unit, chunks - chunk), FG_MERGED / FG_COLUMNS);
    return (FG(piece)){.part = part,
                       .row = part * FG_COLUMN_BLOCK,
                       .rows = part_size(part, N, 1),
                       .column = chunk * FG_COLUMNS,
                       .columns = least(merged * FG_COLUMNS, C - chunk * FG_COLUMNS),
                       .merged = merged};
}

static inline void FG(part_moments)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t N = call->size[0], C = call->size[1], L = call->size[2];
    const T *x = call->ptr[0];                                            /* x[N,C,L] */
    double *mean = first_of_parts(call), *m2 = mean + parts_of(N, L) * C; /* [parts,C] */
    if (L == 1)
        for (FG(piece) at; lo < hi; lo += at.merged) {
            at = FG(piece_of)(lo, hi, N, C);
            int64_t to = at.part * C + at.column;
            FG(column_moments)(mean + to, m2 + to, x + at.row * C + at.column, at.rows, C, at.columns);
        }
    else
        for (; lo < hi; lo++) {
            fg_moments moments = FG(line_moments)(x + lo * L, L);
            mean[lo] = moments.mean;
            m2[lo] = moments.m2;
        }
}

/* to[columns] = the numbers from c on, in double, or `missing` where there are none */
static FG_INLINE void FG(widen)(double *to, const T *from, int64_t c, int64_t columns, double missing) {
    for (int64_t j = 0; j < columns; j++) to[j] = missing;
    if (from)
        for (int64_t j = 0; j < columns; j++) to[j] = (double)from[c + j];
}

/* hi, a and s of the channels from c on, FG_COLUMNS at most: see the top of the file */
static FG_INLINE void FG(keep_constants)(const fg_call *call, const T *w, const T *b, int64_t c, int64_t columns,
                                         const double *mean, const double *var) {
    T *centre = (T *)call->scratch + c, *scale = centre + call->size[1], *shift = scale + call->size[1];
    const double eps = call->scalar[0];
    double weight[FG_COLUMNS], bias[FG_COLUMNS];
    FG(widen)(weight, w, c, columns, 1);
    FG(widen)(bias, b, c, columns, 0);
    FG_SIMD
    for (int64_t j = 0; j < columns; j++) {
        double r = 1 / sqrt(var[j] + eps), a = weight[j] * r;
        T hi = (T)mean[j];
        centre[j] = hi;
        scale[j] = (T)a;
        shift[j] = (T)(bias[j] - (mean[j] - (double)hi) * a);
    }
}

static inline void FG(join_parts)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t N = call->size[0], C = call->size[1], L = call->size[2], parts = parts_of(N, L);
    const double *part_mean = first_of_parts(call), *part_m2 = part_mean + parts * C; /* [parts,C] */
    const T *w = call->ptr[1], *b = call->ptr[2];                                     /* w[C], b[C] or NULL */
    double *mean = call->ptr[4], *var = call->ptr[5];                                 /* mean[C], var[C] */
    double n = 0;
    for (int64_t c = lo; c < hi; c++) mean[c] = var[c] = 0;
    for (int64_t i = 0; i < parts; i++) {
        double size = (double)part_size(i, N, L), factor = size / (n + size);
        const double *of_mean = part_mean + i * C, *of_m2 = part_m2 + i * C;
        FG_SIMD
        for (int64_t c = lo; c < hi; c++) join_moments(&mean[c], &var[c], n, factor, of_mean[c], of_m2[c]);
        n += size;
    }
    FG_SIMD
    for (int64_t c = lo; c < hi; c++) var[c] = var[c] / n;
    for (int64_t c = lo; c < hi; c += FG_COLUMNS)
        FG(keep_constants)(call, w, b, c, least(hi - c, FG_COLUMNS), mean + c, var + c);
}

/* to[size] = (x - centre) scale + shift; of each column its own, or of a line the same */
static FG_INLINE void FG(normalize_columns)(T *to, const T *x, const T *centre, const T *scale, const T *shift,
                                            int64_t size) {
    FG_SIMD
    for (int64_t c = 0; c < size; c++) to[c] = (x[c] - centre[c]) * scale[c] + shift[c];
}

static FG_INLINE void FG(normalize_line)(T *to, const T *x, T centre, T scale, T shift, int64_t size) {
    FG_SIMD
    for (int64_t l = 0; l < size; l++) to[l] = (x[l] - centre) * scale + shift;
}

static inline void FG(normalize)(const fg_call *call, T *out, int64_t lo, int64_t hi) {
    int64_t C = call->size[1], L = call->size[2], stretch = L == 1 ? C : L;
    const T *x = call->ptr[0];                                                     /* x[N,C,L] */
    const T *centre = call->scratch, *scale = centre + C, *shift = centre + 2 * C; /* [C] */
    const int past = fg_goes_past(call->work, sizeof(T));
    _Alignas(64) T line[FG_PAST];
    for (int64_t n = lo; n < hi; n++)
        for (int64_t i = 0, size; i < stretch; i += size) {
            size = least(stretch - i, FG_PAST);
            const T *from = x + n * stretch + i;
            T *to = past ? line : out + n * stretch + i;
            if (L == 1)
                FG(normalize_columns)(to, from, centre + i, scale + i, shift + i, size);
            else
                FG(normalize_line)(to, from, centre[n % C], scale[n % C], shift[n % C], size);
            if (past) FG(put_past)(out + n * stretch + i, line, size);
        }
    fg_past_done(past);
}

void FG(batch_norm)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    if (phase == 0)
        FG(part_moments)(call, lo, hi);
    else if (phase == 1)
        FG(join_parts)(call, lo, hi);
    else
        FG(normalize)(call, call->ptr[3], lo, hi);
}

void FG(batch_norm_eval)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    const T *mean = call->ptr[1], *var = call->ptr[2]; /* mean[C], var[C] */
    const T *w = call->ptr[3], *b = call->ptr[4];      /* w[C], b[C] or NULL */
    if (phase == 0)
        for (int64_t columns; lo < hi; lo += columns) {
            double wide_mean[FG_COLUMNS], wide_var[FG_COLUMNS];
            columns = least(hi - lo, FG_COLUMNS);
            FG(widen)(wide_mean, mean, lo, columns, 0);
            FG(widen)(wide_var, var, lo, columns, 0);
            FG(keep_constants)(call, w, b, lo, columns, wide_mean, wide_var);
        }
    else
        FG(normalize)(call, call->ptr[5], lo, hi);
}

/* running = (1 - m) running + m new, in double */
void FG(batch_norm_running)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t C = call->size[0];
    const double *mean = call->ptr[0], *var = call->ptr[1]; /* mean[C], var[C] */
    T *running_mean = call->ptr[2], *running_var = call->ptr[3];
    int64_t *count = call->ptr[4]; /* count[K] */
    double m = call->scalar[0], correction = call->scalar[1];
    (void)phase, (void)lo, (void)hi;
    for (int64_t k = 0; k < call->size[1]; k++) count[k]++;
    if (call->scalar[2] != 0) m = 1 / (double)count[0];
    for (int64_t c = 0; c < C; c++) {
        running_mean[c] = (T)((1 - m) * (double)running_mean[c] + m * mean[c]);
        running_var[c] = (T)((1 - m) * (double)running_var[c] + m * (var[c] * correction));
    }
}

/* s1[columns] = sum of dout, s2[columns] = sum of dout (x - centre), over `rows` rows that are C apart. Two rows at a
 * time: lines of more than eight arrays may be a multiple of 4096 bytes apart, and no cache of eight ways holds them. */
static FG_INLINE void FG(add_products)(T *restrict s1, T *restrict s2, const T *restrict dout, const T *restrict x,
                                       const T *restrict centre, int64_t rows, int64_t C, int64_t columns) {
    int64_t r = 0;
    for (int64_t j = 0; j < columns; j++) s1[j] = s2[j] = 0;
    for (; r + 2 <= rows; r += 2) {
        const T *a = dout + r * C, *b = a + C, *p = x + r * C, *q = p + C;
        for (int64_t j = 0; j < columns; j++) {
            const T m = centre[j];
            s1[j] = s1[j] + a[j] + b[j];
            s2[j] = s2[j] + a[j] * (p[j] - m) + b[j] * (q[j] - m);
        }
    }
    for (; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) {
            s1[j] += dout[r * C + j];
            s2[j] += dout[r * C + j] * (x[r * C + j] - centre[j]);
        }
}

static inline void FG(part_products)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t N = call->size[0], C = call->size[1], L = call->size[2];
    const T *dout = call->ptr[0], *x = call->ptr[1];                           /* dout[N,C,L], x[N,C,L] */
    const double *mean = call->ptr[2];                                         /* mean[C] */
    double *part1 = first_of_parts(call), *part2 = part1 + parts_of(N, L) * C; /* [parts,C] */
    T s1[FG_MERGED], s2[FG_MERGED], centre[FG_MERGED];
    if (L == 1)
        for (FG(piece) at; lo < hi; lo += at.merged) {
            at = FG(piece_of)(lo, hi, N, C);
            int64_t from = at.row * C + at.column, to = at.part * C + at.column;
            for (int64_t j = 0; j < at.columns; j++) centre[j] = (T)mean[at.column + j];
            FG(add_products)(s1, s2, dout + from, x + from, centre, at.rows, C, at.columns);
            for (int64_t j = 0; j < at.columns; j++) {
                part1[to + j] = (double)s1[j];
                part2[to + j] = (double)s2[j];
            }
        }
    else
        for (; lo < hi; lo++) {
            const T *d = dout + lo * L, *from = x + lo * L;
            FG(line_products)(part1 + lo, part2 + lo, d, from, NULL, (T)mean[lo % C], L);
        }
}

static inline void FG(join_products)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t N = call->size[0], C = call->size[1], L = call->size[2], parts = parts_of(N, L);
    const double *part1 = first_of_parts(call), *part2 = part1 + parts * C; /* [parts,C] */
    const double n = (double)N * (double)L, eps = call->scalar[0];
    double s1[FG_COLUMNS], s2[FG_COLUMNS], weight[FG_COLUMNS];
    for (int64_t columns; lo < hi; lo += columns) {
        columns = least(hi - lo, FG_COLUMNS);
        for (int64_t j = 0; j < columns; j++) s1[j] = s2[j] = 0;
        for (int64_t i = 0; i < parts; i++)
            for (int64_t j = 0; j < columns; j++) {
                s1[j] += part1[i * C + lo + j];
                s2[j] += part2[i * C + lo + j];
            }
        const double *mean = (const double *)call->ptr[2] + lo, *var = (const double *)call->ptr[3] + lo; /* of [C] */
        T *dw = (T *)call->ptr[6] + lo, *db = (T *)call->ptr[7] + lo;                                     /* of [C] */
        T *centre = (T *)call->scratch + lo, *scale = centre + C, *k = scale + C, *qs = k + C;
        FG(widen)(weight, call->ptr[4], lo, columns, 1);
        FG_SIMD
        for (int64_t j = 0; j < columns; j++) {
            double r = 1 / sqrt(var[j] + eps), rest = mean[j] - (double)(T)mean[j];
            double t = s2[j] - rest * s1[j], q = t * r * r / n;
            db[j] = (T)s1[j];
            dw[j] = (T)(t * r);
            centre[j] = (T)mean[j];
            scale[j] = (T)(weight[j] * r);
            k[j] = (T)(s1[j] / n - rest * q);
            qs[j] = (T)q;
        }
    }
}

/* to[size] = scale ((dout - k) - (x - centre) q); of each column its own, or of a line the same */
static FG_INLINE void FG(spread_columns)(T *to, const T *dout, const T *x, const T *centre, const T *scale, const T *k,
                                         const T *q, int64_t size) {
    FG_SIMD
    for (int64_t c = 0; c < size; c++) to[c] = scale[c] * ((dout[c] - k[c]) - (x[c] - centre[c]) * q[c]);
}

static FG_INLINE void FG(spread_line)(T *to, const T *dout, const T *x, T centre, T scale, T k, T q, int64_t size) {
    FG_SIMD
    for (int64_t l = 0; l < size; l++) to[l] = scale * ((dout[l] - k) - (x[l] - centre) * q);
}

static inline void FG(spread_products)(const fg_call *call, int64_t lo, int64_t hi) {
    int64_t C = call->size[1], L = call->size[2], stretch = L == 1 ? C : L;
    const T *dout = call->ptr[0], *x = call->ptr[1];                                  /* dout[N,C,L], x[N,C,L] */
    T *dx = call->ptr[5];                                                             /* dx[N,C,L] */
    const T *centre = call->scratch, *scale = centre + C, *k = scale + C, *q = k + C; /* [C] */
    const int past = fg_goes_past(call->work, sizeof(T));
    _Alignas(64) T line[FG_PAST];
    for (int64_t n = lo; n < hi; n++)
        for (int64_t i = 0, size; i < stretch; i += size) {
            size = least(stretch - i, FG_PAST);
            const T *d = dout + n * stretch + i, *from = x + n * stretch + i;
            T *to = past ? line : dx + n * stretch + i;
            if (L == 1)
                FG(spread_columns)(to, d, from, centre + i, scale + i, k + i, q + i, size);
            else
                FG(spread_line)(to, d, from, centre[n % C], scale[n % C], k[n % C], q[n % C], size);
            if (past) FG(put_past)(dx + n * stretch + i, line, size);
        }
    fg_past_done(past);
}

void FG(batch_norm_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    if (phase == 0)
        FG(part_products)(call, lo, hi);
    else if (phase == 1)
        FG(join_products)(call, lo, hi);
    else
        FG(spread_products)(call, lo, hi);
}

/* -- layer_norm --------------------------------------------------------------------------------------------------- */

void FG(layer_norm)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t D = call->size[1];
    const T *w = call->ptr[1], *b = call->ptr[2];     /* w[D], b[D] or NULL */
    double *mean = call->ptr[4], *var = call->ptr[5]; /* mean[N], var[N] */
    (void)phase;
    for (int64_t n = lo; n < hi; n++) {
        const T *x = (const T *)call->ptr[0] + n * D; /* x[D] */
        T *out = (T *)call->ptr[3] + n * D;           /* out[D] */
        fg_moments moments = FG(line_moments)(x, D);
        mean[n] = moments.mean;
        var[n] = moments.m2 / moments.n;
        double r = 1 / sqrt(var[n] + call->scalar[0]);
        const T centre = (T)mean[n], scale = (T)r, shift = (T)((mean[n] - (double)centre) * r);
        if (w && b) {
            FG_SIMD
            for (int64_t d = 0; d < D; d++) out[d] = ((x[d] - centre) * scale - shift) * w[d] + b[d];
        } else {
            FG_SIMD
            for (int64_t d = 0; d < D; d++) out[d] = (x[d] - centre) * scale - shift;
            for (int64_t d = 0; w && d < D; d++) out[d] = out[d] * w[d];
            for (int64_t d = 0; b && d < D; d++) out[d] = out[d] + b[d];
        }
    }
}

/* What layer_norm_backward adds a row to dw with: xhat = (x - centre) scale - shift */
typedef struct {
    T centre, scale, shift;
} FG(row);

/* dx of row n */
static inline FG(row) FG(line_backward)(const fg_call *call, int64_t n) {
    int64_t D = call->size[1];
    const T *dout = (const T *)call->ptr[0] + n * D, *x = (const T *)call->ptr[1] + n * D; /* dout[D], x[D] */
    const T *w = call->ptr[4];                                                             /* w[D] or NULL */
    T *dx = (T *)call->ptr[5] + n * D;                                                     /* dx[D] */
    const double mean = ((const double *)call->ptr[2])[n], var = ((const double *)call->ptr[3])[n];
    const T centre = (T)mean;
    double r = 1 / sqrt(var + call->scalar[0]), rest = mean - (double)centre, sum, t;
    FG(line_products)(&sum, &t, dout, x, w, centre, D);
    t -= rest * sum;
    const double q = t * r * r / (double)D;
    const T scale = (T)r, one = (T)(sum / (double)D - rest * q), two = (T)q;
    if (w) {
        FG_SIMD
        for (int64_t d = 0; d < D; d++) dx[d] = scale * ((dout[d] * w[d] - one) - (x[d] - centre) * two);
    } else {
        FG_SIMD
        for (int64_t d = 0; d < D; d++) dx[d] = scale * ((dout[d] - one) - (x[d] - centre) * two);
    }
    return (FG(row)){centre, scale, (T)(rest * r)};
}

/* What `count` rows from n on add to dw and db */
static FG_INLINE void FG(add_lines)(const fg_call *call, T *restrict dw, T *restrict db, const FG(row) * row, int64_t n,
                                    int count) {
    int64_t D = call->size[1];
    const T *restrict dout = (const T *)call->ptr[0] + n * D; /* [count,D] */
    const T *restrict x = (const T *)call->ptr[1] + n * D;    /* [count,D] */
    for (int64_t d = 0; d < D; d++) {
        T w = dw[d], b = db[d];
        for (int i = 0; i < count; i++) {
            const T g = dout[i * D + d];
            w += g * ((x[i * D + d] - row[i].centre) * row[i].scale - row[i].shift);
            b += g;
        }
        dw[d] = w;
        db[d] = b;
    }
}

/* Rows [lo, hi): their dx, and what they add to dw and db */
static inline void FG(lines_backward)(const fg_call *call, T *dw, T *db, int64_t lo, int64_t hi) {
    FG(row) row[4];
    for (int64_t count; lo < hi; lo += count) {
        count = hi - lo >= 4 ? 4 : 1;
        for (int i = 0; i < count; i++) row[i] = FG(line_backward)(call, lo + i);
        if (count == 4)
            FG(add_lines)(call, dw, db, row, lo, 4);
        else
            FG(add_lines)(call, dw, db, row, lo, 1);
    }
}

void FG(layer_norm_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    int64_t N = call->size[0], D = call->size[1], parts = ceil_div(N, FG_LINE_BLOCK);
    T *part_w = call->scratch, *part_b = part_w + parts * D; /* [parts,D] */
    T *dw = call->ptr[6], *db = call->ptr[7];                /* dw[D], db[D] */
    if (phase == 0)
        for (int64_t i = lo; i < hi; i++) {
            T *of_w = part_w + i * D, *of_b = part_b + i * D;
            for (int64_t d = 0; d < D; d++) of_w[d] = of_b[d] = 0;
            FG(lines_backward)(call, of_w, of_b, i * FG_LINE_BLOCK, least(N, (i + 1) * FG_LINE_BLOCK));
        }
    else
        for (int64_t count; lo < hi; lo += count) {
            double w[FG_COLUMNS] = {0}, b[FG_COLUMNS] = {0};
            count = least(hi - lo, FG_COLUMNS);
            for (int64_t i = 0; i < parts; i++)
                for (int64_t j = 0; j < count; j++) {
                    w[j] += (double)part_w[i * D + lo + j];
                    b[j] += (double)part_b[i * D + lo + j];
                }
            for (int64_t j = 0; j < count; j++) {
                dw[lo + j] = (T)w[j];
                db[lo + j] = (T)b[j];
            }
        }
}

#endif
