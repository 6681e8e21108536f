/* optim: update rules. One call updates every tensor of a group, each element on its own:
 *
 *     p parameter    g gradient    m, v moments    lr, weight_decay, ... numbers, cast to T once
 *
 * Only + - * / and sqrt, in the order of fastgrad/kernels/reference/optim.py: the same bits as NumPy. What does not
 * change within a call (is there weight decay? Nesterov?) is a constant of the loop, so each case is its own loop.
 */
#ifndef FG_BODIES

#define FG_FAMILY "optim.c"
#include "each.h"

#include "foreach_isa.h"

#else

/* The gradient an L2 penalty sees: g' = g + weight_decay p */
#define DECAYED(g, p) (decay ? (g) + weight_decay * (p) : (g))

/* p -= lr g' */
static FG_INLINE void FG(sgd_loop)(int64_t n, T *p, const T *g, T lr, T weight_decay, int decay) {
    FG_SIMD
    for (int64_t i = 0; i < n; i++) p[i] -= lr * DECAYED(g[i], p[i]);
}

void FG(sgd)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    T lr = (T)call->scalar[0], weight_decay = (T)call->scalar[1];
    int decay = call->scalar[1] != 0;
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0);
        const T *g = FG_PIECE(const T, at, 1);
        if (decay)
            FG(sgd_loop)(at.n, p, g, lr, weight_decay, 1);
        else
            FG(sgd_loop)(at.n, p, g, lr, weight_decay, 0);
    }
}

struct FG(momentum_numbers) {
    T lr, momentum, fresh, weight_decay;
};

/* v = momentum v + (1 - dampening) g'
 * p -= lr v, or with Nesterov's look-ahead p -= lr (g' + momentum v) */
static FG_INLINE void FG(momentum_loop)(int64_t n, T *p, const T *g, T *v, struct FG(momentum_numbers) number,
                                        int decay, int nesterov) {
    const T lr = number.lr, momentum = number.momentum, fresh = number.fresh, weight_decay = number.weight_decay;
    FG_SIMD
    for (int64_t i = 0; i < n; i++) {
        T gi = DECAYED(g[i], p[i]);
        T vi = momentum * v[i] + fresh * gi;
        v[i] = vi;
        p[i] -= lr * (nesterov ? gi + momentum * vi : vi);
    }
}

void FG(momentum)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const double *s = call->scalar; /* lr, momentum, dampening, weight_decay, nesterov */
    struct FG(momentum_numbers) number = {(T)s[0], (T)s[1], (T)(1 - s[2]), (T)s[3]};
    int decay = s[3] != 0, nesterov = s[4] != 0;
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0), *v = FG_PIECE(T, at, 2);
        const T *g = FG_PIECE(const T, at, 1);
        if (decay && nesterov)
            FG(momentum_loop)(at.n, p, g, v, number, 1, 1);
        else if (decay)
            FG(momentum_loop)(at.n, p, g, v, number, 1, 0);
        else if (nesterov)
            FG(momentum_loop)(at.n, p, g, v, number, 0, 1);
        else
            FG(momentum_loop)(at.n, p, g, v, number, 0, 0);
    }
}

struct FG(adam_numbers) {
    T beta1, fresh1, beta2, fresh2, eps, weight_decay, step, root;
};

/* m = beta1 m + (1 - beta1) g'
 * v = beta2 v + ((1 - beta2) g') g'
 * p -= (step m) / (sqrt(v) root + eps),   step = lr / correction1,   root = 1 / sqrt(correction2) */
static FG_INLINE void FG(adam_loop)(int64_t n, T *p, const T *g, T *m, T *v, struct FG(adam_numbers) number,
                                    int decay) {
    const T beta1 = number.beta1, fresh1 = number.fresh1, beta2 = number.beta2, fresh2 = number.fresh2;
    const T eps = number.eps, weight_decay = number.weight_decay, step = number.step, root = number.root;
    FG_SIMD
    for (int64_t i = 0; i < n; i++) {
        T gi = DECAYED(g[i], p[i]);
        T mi = beta1 * m[i] + fresh1 * gi;
        T vi = beta2 * v[i] + fresh2 * gi * gi;
        m[i] = mi;
        v[i] = vi;
        p[i] -= step * mi / (FG_SQRT(vi) * root + eps);
    }
}

void FG(adam)(fg_call *call, int phase, int64_t lo, int64_t hi) {
    (void)phase;
    const double *s = call->scalar; /* lr, beta1, beta2, eps, weight_decay, correction1, correction2 */
    struct FG(adam_numbers) number = {(T)s[1], (T)(1 - s[1]), (T)s[2],          (T)(1 - s[2]),
                                      (T)s[3], (T)s[4],       (T)(s[0] / s[5]), (T)(1 / sqrt(s[6]))};
    for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);) {
        T *p = FG_PIECE(T, at, 0), *m = FG_PIECE(T, at, 2), *v = FG_PIECE(T, at, 3);
        const T *g = FG_PIECE(const T, at, 1);
        if (s[4] != 0)
            FG(adam_loop)(at.n, p, g, m, v, number, 1);
        else
            FG(adam_loop)(at.n, p, g, m, v, number, 0);
    }
}

#undef DECAYED

#endif
