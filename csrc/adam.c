/* adam: update rules with running means of the gradient and of its square. See optim.c for the words.
 *
 *     m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2,   corrected: m / (1 - beta1^t), v / (1 - beta2^t)
 */
#ifndef FG_BODIES

#define FG_FAMILY "adam.c"
#include "rule.h"

#include "foreach_isa.h"

#else

#include "lanes.h"
#include "rule_body.h"

/* Both moments, and how fast they forget. */
struct FG(moments) {
    T beta1, fresh1, beta2, fresh2;
};

static FG_INLINE struct FG(moments) FG(moments_of)(const double *beta) {
    return (struct FG(moments)){(T)beta[0], (T)(1 - beta[0]), (T)beta[1], (T)(1 - beta[1])};
}

static FG_INLINE void FG(moments_take)(T g, T *m, T *v, struct FG(moments) k) {
    *m = k.beta1 * *m + k.fresh1 * g;
    *v = k.beta2 * *v + k.fresh2 * g * g;
}

/* -- adam: p -= step m / (sqrt(v + eps_inside) root + eps),   step = lr / correction1,   root = 1 / sqrt(correction2);
 *          amsgrad: vmax = max(vmax, v) in the place of v ------------------------------------------------------------- */
struct FG(adam_numbers) {
    struct FG(moments) moments;
    T eps, eps_inside, step, root;
};

static FG_INLINE struct FG(adam_numbers) FG(adam_numbers_of)(const double *x) {
    /* lr, beta1, beta2, eps, eps_inside, correction1, correction2 */
    return (struct FG(adam_numbers)){FG(moments_of)(x + 1), (T)x[3], (T)x[4], (T)(x[0] / x[5]), (T)(1 / sqrt(x[6]))};
}

static FG_INLINE T FG(adam_step)(T p, T g, T *m, T *v, struct FG(adam_numbers) k) {
    FG(moments_take)(g, m, v, k.moments);
    return p - k.step * *m / (FG_SQRT(*v + k.eps_inside) * k.root + k.eps);
}

static FG_INLINE T FG(amsgrad_step)(T p, T g, T *m, T *v, T *vmax, struct FG(adam_numbers) k) {
    FG(moments_take)(g, m, v, k.moments);
    *vmax = LARGER(*vmax, *v);
    return p - k.step * *m / (FG_SQRT(*vmax + k.eps_inside) * k.root + k.eps);
}

RULE2(adam)
RULE_LOOP(amsgrad, adam, T a = s0[i]; T b = s1[i]; T c = s2[i];, (kept, seen, &a, &b, &c, k), s0[i] = a; s1[i] = b;
          s2[i] = c;)
RULE_BODY(adam, 3, FG_HAS(call, 4) ? FG(amsgrad_run) : FG(adam_run))

/* -- adamax: u = max(beta2 u, |g| + eps);  p -= step m / (u + eps_outside),   step = lr / correction1 ------------------ */
struct FG(adamax_numbers) {
    struct FG(moments) moments;
    T eps, eps_outside, step;
};

static FG_INLINE struct FG(adamax_numbers) FG(adamax_numbers_of)(const double *x) {
    /* lr, beta1, beta2, eps, eps_outside, correction1 */
    return (struct FG(adamax_numbers)){FG(moments_of)(x + 1), (T)x[3], (T)x[4], (T)(x[0] / x[5])};
}

static FG_INLINE T FG(adamax_step)(T p, T g, T *m, T *u, struct FG(adamax_numbers) k) {
    *m = k.moments.beta1 * *m + k.moments.fresh1 * g;
    T before = k.moments.beta2 * *u, now = FG_ABS(g) + k.eps;
    *u = LARGER(before, now);
    return p - k.step * *m / (*u + k.eps_outside);
}

RULE2(adamax)
RULE_BODY(adamax, 2, FG(adamax_run))

/* -- nadam: p -= (now g + next m) / (sqrt(v) root + eps),   root = 1 / sqrt(correction2) -------------------------------- */
struct FG(nadam_numbers) {
    struct FG(moments) moments;
    T eps, root, now, next;
};

static FG_INLINE struct FG(nadam_numbers) FG(nadam_numbers_of)(const double *x) {
    /* now, next, beta1, beta2, eps, correction2 */
    return (struct FG(nadam_numbers)){FG(moments_of)(x + 2), (T)x[4], (T)(1 / sqrt(x[5])), (T)x[0], (T)x[1]};
}

static FG_INLINE T FG(nadam_step)(T p, T g, T *m, T *v, struct FG(nadam_numbers) k) {
    FG(moments_take)(g, m, v, k.moments);
    return p - (k.now * g + k.next * *m) / (FG_SQRT(*v) * k.root + k.eps);
}

RULE2(nadam)
RULE_BODY(nadam, 2, FG(nadam_run))

/* -- radam: rectified: p -= step m / (sqrt(v) + eps),   step = lr / correction1 (rectify sqrt(correction2))
 *           with rectify = 0, before enough is known of v: p -= lr / correction1 m ---------------------------------------- */
struct FG(radam_numbers) {
    struct FG(moments) moments;
    T eps, step;
    int rectified;
};

static FG_INLINE struct FG(radam_numbers) FG(radam_numbers_of)(const double *x) {
    /* lr, beta1, beta2, eps, correction1, correction2, rectify */
    double plain = x[0] / x[4];
    T step = (T)(x[6] != 0 ? plain * (x[6] * sqrt(x[5])) : plain);
    return (struct FG(radam_numbers)){FG(moments_of)(x + 1), (T)x[3], step, x[6] != 0};
}

static FG_INLINE T FG(radam_step)(T p, T g, T *m, T *v, struct FG(radam_numbers) k) {
    FG(moments_take)(g, m, v, k.moments);
    T step = k.step * *m, adaptive = step / (FG_SQRT(*v) + k.eps);
    return p - (k.rectified ? adaptive : step);
}

RULE2(radam)
RULE_BODY(radam, 2, FG(radam_run))

#endif
