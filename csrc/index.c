/* index: numbers taken from, or brought to, places along the middle axis of x[O,R,I].
 *
 *     take          out[o,k,i] = x[o, index[k], i]
 *     gather        out[o,k,i] = x[o, index[o,k,i], i]
 *     take_backward out[o, index[k], i]      += dout[o,k,i], from 0
 *     scatter_add     x[o, index[o,k,i], i]  += src[o,k,i]
 *     scatter         x[o, index[o,k,i], i]   = src[o,k,i]
 *
 * Phase 0 checks the indices, so that a bad one is refused before anything is written. take and gather then fill out, a
 * unit being an element of it. Where several k meet in one place they come in the order of k, for any number of threads,
 * because a place belongs to one unit, and its thread walks all k. A unit is
 *
 *     FG_NARROW columns of one o    when there are enough of them to share out,
 *     one row r of one o            otherwise (a flat array, few columns): a thread picks the indices that are its own.
 */
#ifndef FG_BODIES

#define FG_FAMILY "index.c"
#include "launch.h"
#include "simd.h"

enum {
    FG_NARROW = 16,        /* columns: a cache line of floats */
    FG_ENOUGH = 4,         /* units of columns that are worth sharing out */
    FG_ZERO_GRAIN = 16384, /* numbers: short arrays are zeroed by the caller alone */
    PICKED = 256,          /* indices looked at in one go */
};

typedef struct {
    int64_t O, R, I, K;
} axes;

/* take_backward names its sizes O, K, I, R, the others O, R, I, K. */
static inline axes axes_of(const fg_call *call) {
    int backward = call->kernel == FG_K_take_backward;
    return (axes){call->size[0], call->size[backward ? 3 : 1], call->size[2], call->size[backward ? 1 : 3]};
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t strips(axes n) { return (n.I + FG_NARROW - 1) / FG_NARROW; }
static inline int by_columns(axes n) { return n.O * strips(n) >= FG_ENOUGH; }

void fg_plan_index(const fg_call *call, fg_plan *plan) {
    const axes n = axes_of(call);
    int taking = call->kernel == FG_K_take || call->kernel == FG_K_gather, zeroing = call->kernel == FG_K_take_backward;
    int64_t moved = n.O * n.K * n.I;
    plan->phases = zeroing ? 3 : 2;
    plan->units[0] = call->kernel == FG_K_take || zeroing ? n.K : moved;
    plan->grain[0] = FG_CHECK_GRAIN;
    plan->units[1] = n.O * n.R * n.I;
    plan->grain[1] = FG_ZERO_GRAIN;
    plan->cost = fg_rows[call->kernel].cost * (double)moved + (zeroing ? 0.05 * (double)plan->units[1] : 0);
    int last = plan->phases - 1;
    if (taking) {
        plan->units[last] = moved;
        plan->grain[last] = 64;
    } else if (by_columns(n)) {
        plan->units[last] = n.O * strips(n);
        plan->grain[last] = 1;
    } else {
        plan->units[last] = n.O * n.R;
        plan->grain[last] = 64;
        plan->share = 1; /* every piece looks at all indices */
    }
}

/* mine = the j < count, in order, with from <= index[j] < to; returns how many. */
static inline int pick(int32_t *mine, const int64_t *index, int count, int64_t from, int64_t to) {
    int picked = 0;
    for (int j = 0; j < count; j++) {
        mine[picked] = j;
        picked += (uint64_t)(index[j] - from) < (uint64_t)(to - from);
    }
    return picked;
}

#include "foreach_isa.h"

#else

#include "check.h"

/* Elements [lo, hi) of out[O,K,I], in runs of one row; of one o where I is 1. */
void FG(take)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    const axes n = axes_of(call);
    const int64_t *index = call->ptr[1]; /* index[K] */
    T *out = call->ptr[2];
    if (phase == 0) {
        FG(check)(call, index, n.R, lo, hi);
        return;
    }
    int64_t i = lo % n.I, k = lo / n.I % n.K, o = lo / n.I / n.K;
    for (int64_t e = lo, count; e < hi; e += count, i = 0) {
        const T *x = (const T *)call->ptr[0] + o * n.R * n.I; /* x[R,I] */
        if (n.I == 1) {
            count = least(n.K - k, hi - e);
            for (int64_t j = 0; j < count; j++) out[e + j] = x[index[k + j]];
            k += count;
        } else {
            count = least(n.I - i, hi - e);
            memcpy(out + e, x + index[k] * n.I + i, (size_t)count * sizeof(T));
            k++;
        }
        if (k == n.K) k = 0, o++;
    }
}

void FG(gather)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    const axes n = axes_of(call);
    const int64_t *index = call->ptr[1]; /* index[O,K,I] */
    T *restrict out = call->ptr[2];      /* out[O,K,I] */
    if (phase == 0) {
        FG(check)(call, index, n.R, lo, hi);
        return;
    }
    int64_t i = lo % n.I, k = lo / n.I % n.K, o = lo / n.I / n.K;
    for (int64_t e = lo, count; e < hi; e += count, i = 0) {
        const T *restrict x = (const T *)call->ptr[0] + o * n.R * n.I + i; /* x[R,I] */
        if (n.I == 1) {
            count = least(n.K - k, hi - e);
            for (int64_t j = 0; j < count; j++) out[e + j] = x[index[e + j]];
            k += count;
        } else {
            count = least(n.I - i, hi - e);
            for (int64_t j = 0; j < count; j++) out[e + j] = x[index[e + j] * n.I + j];
            k++;
        }
        if (k == n.K) k = 0, o++;
    }
}

/* I == 1, all of an o: x[index[k]] (add: +)= src[k] */
static FG_INLINE void FG(put_flat)(T *restrict x, const T *restrict src, const int64_t *restrict index, int64_t K,
                                   int add) {
    for (int64_t k = 0; k < K; k++) x[index[k]] = add ? x[index[k]] + src[k] : src[k];
}

/* out[index[k], i] += dout[k, i] for the columns from <= i < to */
static void FG(add_columns)(T *restrict out, const T *restrict dout, const int64_t *index, axes n, int64_t from,
                            int64_t to) {
    for (int64_t k = 0; k < n.K; k++) {
        T *restrict row = out + index[k] * n.I;
        for (int64_t i = from; i < to; i++) row[i] += dout[k * n.I + i];
    }
}

/* The same for all columns of the rows from <= r < to */
static void FG(add_rows)(T *restrict out, const T *restrict dout, const int64_t *index, axes n, int64_t from,
                         int64_t to) {
    int32_t mine[PICKED];
    for (int64_t k = 0; k < n.K; k += PICKED) {
        int picked = pick(mine, index + k, (int)least(PICKED, n.K - k), from, to);
        for (int p = 0; p < picked; p++) {
            T *restrict row = out + index[k + mine[p]] * n.I;
            const T *restrict add = dout + (k + mine[p]) * n.I;
            for (int64_t i = 0; i < n.I; i++) row[i] += add[i];
        }
    }
}

void FG(take_backward)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    const axes n = axes_of(call);
    const int64_t *index = call->ptr[1]; /* index[K] */
    int64_t per = by_columns(n) ? strips(n) : n.R;
    if (phase == 0) FG(check)(call, index, n.R, lo, hi);
    if (phase == 1) memset((T *)call->ptr[2] + lo, 0, (size_t)(hi - lo) * sizeof(T));
    for (int64_t unit = lo, count; phase == 2 && unit < hi; unit += count) {
        int64_t o = unit / per, at = unit % per;
        const T *dout = (const T *)call->ptr[0] + o * n.K * n.I; /* dout[K,I] */
        T *out = (T *)call->ptr[2] + o * n.R * n.I;              /* out[R,I] */
        count = least(per - at, hi - unit);
        if (n.I == 1 && count == per)
            FG(put_flat)(out, dout, index, n.K, 1);
        else if (by_columns(n))
            FG(add_columns)(out, dout, index, n, at * FG_NARROW, least(n.I, (at + count) * FG_NARROW));
        else
            FG(add_rows)(out, dout, index, n, at, at + count);
    }
}

/* x[index[k, i], i] (add: +)= src[k, i] for the columns from <= i < to */
static FG_INLINE void FG(put_columns)(T *restrict x, const T *restrict src, const int64_t *restrict index, axes n,
                                      int64_t from, int64_t to, int add) {
    for (int64_t k = 0; k < n.K; k++)
        for (int64_t i = from; i < to; i++) {
            T *at = x + index[k * n.I + i] * n.I + i, put = src[k * n.I + i];
            *at = add ? *at + put : put;
        }
}

/* The same for all columns of the rows from <= r < to */
static FG_INLINE void FG(put_rows)(T *restrict x, const T *restrict src, const int64_t *restrict index, axes n,
                                   int64_t from, int64_t to, int add) {
    int32_t mine[PICKED];
    for (int64_t e = 0; e < n.K * n.I; e += PICKED) {
        int picked = pick(mine, index + e, (int)least(PICKED, n.K * n.I - e), from, to);
        uint32_t I = (uint32_t)n.I, first = (uint32_t)(e % n.I); /* few columns: see by_columns */
        for (int p = 0; p < picked; p++) {
            int64_t i = I == 1 ? 0 : (first + (uint32_t)mine[p]) % I;
            T *at = x + index[e + mine[p]] * n.I + i, put = src[e + mine[p]];
            *at = add ? *at + put : put;
        }
    }
}

static FG_INLINE void FG(put)(fg_call *call, int phase, int64_t lo, int64_t hi, int add) {
    const axes n = axes_of(call);
    int64_t per = by_columns(n) ? strips(n) : n.R;
    if (phase == 0) FG(check)(call, call->ptr[1], n.R, lo, hi);
    for (int64_t unit = lo, count; phase == 1 && unit < hi; unit += count) {
        int64_t o = unit / per, at = unit % per;
        T *x = (T *)call->ptr[0] + o * n.R * n.I;                             /* x[R,I] */
        const int64_t *index = (const int64_t *)call->ptr[1] + o * n.K * n.I; /* index[K,I] */
        const T *src = (const T *)call->ptr[2] + o * n.K * n.I;               /* src[K,I] */
        count = least(per - at, hi - unit);
        if (n.I == 1 && count == per)
            FG(put_flat)(x, src, index, n.K, add);
        else if (by_columns(n))
            FG(put_columns)(x, src, index, n, at * FG_NARROW, least(n.I, (at + count) * FG_NARROW), add);
        else
            FG(put_rows)(x, src, index, n, at, at + count, add);
    }
}

void FG(scatter_add)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(put)(call, phase, lo, hi, 1); }
void FG(scatter)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(put)(call, phase, lo, hi, 0); }

#endif
