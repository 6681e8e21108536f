/* trust: update rules whose step on a tensor is as long as the tensor's own norm says. See optim.c for the words. */
#ifndef FG_BODIES

#define FG_FAMILY "trust.c"
#include "rule.h"

#include "foreach_isa.h"

#else

#include "lanes.h"
#include "rule_body.h"

/* -- lars: v = momentum v + (lr ratio) g, p -= v,   ratio = trust ||p|| / (||g|| + weight_decay ||p|| + eps), 1 where a
 *          norm is 0. ||g|| is that of the gradient without its decay, after clipping. ---------------------------------- */
struct FG(lars_numbers) {
    T momentum, fresh;
};

static FG_INLINE struct FG(lars_numbers) FG(lars_numbers_of)(const double *x) {
    return (struct FG(lars_numbers)){(T)x[1], (T)x[0]};
}

static FG_INLINE T FG(lars_step)(T p, T g, T *v, struct FG(lars_numbers) k) {
    *v = k.momentum * *v + k.fresh * g;
    return p - *v;
}

RULE1(lars)

static double FG(lars_ratio)(const fg_call *call, int64_t tensor) {
    const double *s = call->scalar; /* lr, momentum, trust, eps */
    const fg_measured *m = &fg_measured_of(call)[tensor];
    double g_norm = m->g_norm * FG(scale_of)(call, tensor);
    if (m->p_norm == 0 || g_norm == 0) return 1;
    double ratio = s[2] * m->p_norm / (g_norm + s[FG_weight_decay] * m->p_norm + s[3]);
    return ratio > 1 / FG_TINY ? 1 : ratio;
}

void FG(lars)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    if (phase == 0) {
        FG(measure)(call, 1, 1, lo, hi);
    } else if (phase == 1) {
        fg_decide(call);
    } else if (!fg_verdict_of(call)->skip) {
        for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
            double ratio = FG(lars_ratio)(call, at.tensor - (const fg_tensor *)call->ptr[0]);
            const double x[] = {call->scalar[0] * ratio, call->scalar[1]};
            FG(update_piece)(call, &at, 1, FG(lars_run), x);
        }
    }
}

/* -- lamb: Adam's corrected moments, u = m / correction1 / (sqrt(v / correction2) + eps) + weight_decay p
 *          p -= (lr ratio) u,   ratio = ||p|| / ||u||, 1 where a norm is 0 ---------------------------------------------- */
struct FG(lamb_numbers) {
    T beta1, fresh1, beta2, fresh2, eps, first, root, weight_decay;
};

static FG_INLINE struct FG(lamb_numbers) FG(lamb_numbers_of)(const double *s) {
    /* lr, beta1, beta2, eps, correction1, correction2 */
    return (struct FG(lamb_numbers)){(T)s[1],
                                     (T)(1 - s[1]),
                                     (T)s[2],
                                     (T)(1 - s[2]),
                                     (T)s[3],
                                     (T)(1 / s[4]),
                                     (T)(1 / sqrt(s[5])),
                                     (T)s[FG_weight_decay]};
}

static FG_INLINE T FG(lamb_direction)(T p, T m, T v, struct FG(lamb_numbers) k) {
    return k.first * m / (FG_SQRT(v) * k.root + k.eps) + k.weight_decay * p;
}

/* Moments of n elements, and u[n]. */
static void FG(lamb_moments)(int64_t n, T *u, const T *p, const T *g, T *m, T *v, T scale, struct FG(lamb_numbers) k) {
    FG_SIMD
    for (int64_t i = 0; i < n; i++) {
        T seen = scale * g[i];
        T mi = k.beta1 * m[i] + k.fresh1 * seen, vi = k.beta2 * v[i] + k.fresh2 * seen * seen;
        m[i] = mi;
        v[i] = vi;
        u[i] = FG(lamb_direction)(p[i], mi, vi, k);
    }
}

/* Phase 2: moments, and the sums of squares of u. */
static void FG(lamb_measure)(const fg_call *call, int64_t lo, int64_t hi) {
    const struct FG(lamb_numbers) k = FG(lamb_numbers_of)(call->scalar);
    fg_block_sums *sums = fg_blocks_of(call);
    _Alignas(64) T u[FG_BLOCK], buffer[FG_BLOCK];
    for (fg_block at = fg_blocks_in(call, lo, hi); fg_next_block(&at);) {
        double ignored;
        T *const *array = (T *const *)at.tensor->ptr;
        const T *p = array[0] + at.from, *g = array[1] + at.from;
        FG(options) o = FG(options_of)(call, FG(scale_of)(call, at.tensor - (const fg_tensor *)call->ptr[0]), 0);
        if (o.apart) {
            FG(make_apart)(at.n, buffer, g, p, &o);
            g = buffer;
            o.scale = 1;
        }
        FG(lamb_moments)(at.n, u, p, g, array[2] + at.from, array[3] + at.from, o.scale, k);
        sums[at.number].u = FG(block_squares)(u, at.n, &ignored);
    }
}

static void FG(lamb_ratios)(const fg_call *call) {
    for (int32_t i = 0; i < call->tensors; i++) {
        fg_measured *m = &fg_measured_of(call)[i];
        double u_norm = sqrt(fg_tensor_sum(call, (const fg_tensor *)call->ptr[0] + i, FG_SUM_U));
        m->ratio = m->p_norm == 0 || u_norm == 0 || m->p_norm / u_norm > 1 / FG_TINY ? 1 : m->p_norm / u_norm;
    }
}

/* Phase 4: p = keep p - step u. x: the rule's scalars, with lr ratio in the place of lr. */
static void FG(lamb_run)(int64_t n, T *p, T *g, T *const *state, const double *x, const FG(options) * o) {
    const struct FG(lamb_numbers) k = FG(lamb_numbers_of)(x);
    const T *m = state[0], *v = state[1], keep = o->keep, step = (T)x[0];
    if (o->zero) memset(g, 0, (size_t)n * sizeof(T));
    FG_SIMD
    for (int64_t i = 0; i < n; i++) p[i] = keep * p[i] - step * FG(lamb_direction)(p[i], m[i], v[i], k);
}

void FG(lamb)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    if (phase == 0) {
        FG(measure)(call, 1, 1, lo, hi);
    } else if (phase == 1) {
        fg_decide(call);
    } else if (fg_verdict_of(call)->skip) {
        return;
    } else if (phase == 2) {
        FG(lamb_measure)(call, lo, hi);
    } else if (phase == 3) {
        FG(lamb_ratios)(call);
    } else {
        double x[FG_SCALARS];
        memcpy(x, call->scalar, sizeof x);
        for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
            x[0] = call->scalar[0] * fg_measured_of(call)[at.tensor - (const fg_tensor *)call->ptr[0]].ratio;
            FG(update_piece)(call, &at, 2, FG(lamb_run), x);
        }
    }
}

#endif
