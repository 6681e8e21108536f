/* optim: update rules. One call updates every tensor of a group, each element on its own:
 *
 *     p parameter, g gradient as the rule sees it (rule_body.h), m, v, ... its states, k its numbers, cast to T once
 *
 * Only + - * / sqrt max abs sign, in the order of fastgrad/kernels/reference/optim.py: the same bits as NumPy.
 */
#ifndef FG_BODIES

#define FG_FAMILY "optim.c"
#include "rule.h"

#include "foreach_isa.h"

#else

#include "lanes.h"
#include "rule_body.h"

/* -- sgd: p -= lr g ------------------------------------------------------------------------------------------------ */
struct FG(sgd_numbers) {
    T lr;
};

static FG_INLINE struct FG(sgd_numbers) FG(sgd_numbers_of)(const double *x) {
    return (struct FG(sgd_numbers)){(T)x[0]};
}

static FG_INLINE T FG(sgd_step)(T p, T g, struct FG(sgd_numbers) k) { return p - k.lr * g; }

RULE0(sgd)
RULE_BODY(sgd, 0, FG(sgd_run))

/* -- momentum: v = momentum v + fresh g;  p -= lr v, or with Nesterov's look-ahead lr (fresh g + momentum v) --------- */
struct FG(momentum_numbers) {
    T lr, momentum, fresh;
    int nesterov;
};

static FG_INLINE struct FG(momentum_numbers) FG(momentum_numbers_of)(const double *x) {
    return (struct FG(momentum_numbers)){(T)x[0], (T)x[1], (T)x[2], x[3] != 0};
}

static FG_INLINE T FG(momentum_step)(T p, T g, T *v, struct FG(momentum_numbers) k) {
    T fresh = k.fresh * g;
    *v = k.momentum * *v + fresh;
    return p - k.lr * (k.nesterov ? fresh + k.momentum * *v : *v);
}

RULE1(momentum)
RULE_BODY(momentum, 1, FG(momentum_run))

/* -- adagrad: h += g^2;  p -= lr g / (sqrt(h + eps_inside) + eps) ---------------------------------------------------- */
struct FG(adagrad_numbers) {
    T lr, eps, eps_inside;
};

static FG_INLINE struct FG(adagrad_numbers) FG(adagrad_numbers_of)(const double *x) {
    return (struct FG(adagrad_numbers)){(T)x[0], (T)x[1], (T)x[2]};
}

static FG_INLINE T FG(adagrad_step)(T p, T g, T *h, struct FG(adagrad_numbers) k) {
    *h = *h + g * g;
    return p - k.lr * g / (FG_SQRT(*h + k.eps_inside) + k.eps);
}

RULE1(adagrad)
RULE_BODY(adagrad, 1, FG(adagrad_run))

/* -- rmsprop: v = alpha v + (1 - alpha) g^2, d = v, or centered v - m^2 with m = alpha m + (1 - alpha) g
 *             u = g / (sqrt(d + eps_inside) + eps), or with momentum b = momentum b + fresh u, u = b
 *             p -= lr u ---------------------------------------------------------------------------------------------- */
struct FG(rmsprop_numbers) {
    T lr, alpha, rest, eps, eps_inside, momentum, fresh;
};

static FG_INLINE struct FG(rmsprop_numbers) FG(rmsprop_numbers_of)(const double *x) {
    return (struct FG(rmsprop_numbers)){(T)x[0], (T)x[1], (T)(1 - x[1]), (T)x[2], (T)x[3], (T)x[4], (T)x[5]};
}

static FG_INLINE T FG(rmsprop_scaled)(T g, T d, struct FG(rmsprop_numbers) k) {
    return g / (FG_SQRT(d + k.eps_inside) + k.eps);
}

static FG_INLINE T FG(rmsprop_variance)(T g, T *v, T *m, struct FG(rmsprop_numbers) k) {
    *v = k.alpha * *v + k.rest * g * g;
    *m = k.alpha * *m + k.rest * g;
    T d = *v - *m * *m;
    return LARGER(d, K(0)); /* rounding may leave it a little below 0 */
}

static FG_INLINE T FG(rmsprop_heavy)(T u, T *b, struct FG(rmsprop_numbers) k) {
    *b = k.momentum * *b + k.fresh * u;
    return *b;
}

static FG_INLINE T FG(rmsprop_step)(T p, T g, T *v, struct FG(rmsprop_numbers) k) {
    *v = k.alpha * *v + k.rest * g * g;
    return p - k.lr * FG(rmsprop_scaled)(g, *v, k);
}

static FG_INLINE T FG(rmsprop_m_step)(T p, T g, T *v, T *m, struct FG(rmsprop_numbers) k) {
    return p - k.lr * FG(rmsprop_scaled)(g, FG(rmsprop_variance)(g, v, m, k), k);
}

static FG_INLINE T FG(rmsprop_b_step)(T p, T g, T *v, T *b, struct FG(rmsprop_numbers) k) {
    *v = k.alpha * *v + k.rest * g * g;
    return p - k.lr * FG(rmsprop_heavy)(FG(rmsprop_scaled)(g, *v, k), b, k);
}

static FG_INLINE T FG(rmsprop_mb_step)(T p, T g, T *v, T *m, T *b, struct FG(rmsprop_numbers) k) {
    T u = FG(rmsprop_scaled)(g, FG(rmsprop_variance)(g, v, m, k), k);
    return p - k.lr * FG(rmsprop_heavy)(u, b, k);
}

RULE1(rmsprop)
RULE_LOOP(rmsprop_m, rmsprop, T a = s0[i]; T b = s1[i];, (kept, seen, &a, &b, k), s0[i] = a; s1[i] = b;)
RULE_LOOP(rmsprop_b, rmsprop, T a = s0[i]; T c = s2[i];, (kept, seen, &a, &c, k), s0[i] = a; s2[i] = c;)
RULE_LOOP(rmsprop_mb, rmsprop, T a = s0[i]; T b = s1[i]; T c = s2[i];, (kept, seen, &a, &b, &c, k), s0[i] = a;
          s1[i] = b; s2[i] = c;)
RULE_BODY(rmsprop, 3,
          FG_HAS(call, 3)   ? FG_HAS(call, 4) ? FG(rmsprop_mb_run) : FG(rmsprop_m_run)
          : FG_HAS(call, 4) ? FG(rmsprop_b_run)
                            : FG(rmsprop_run))

/* -- adadelta: v = rho v + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(v + eps) g;  u = rho u + (1 - rho) d^2;  p -= lr d */
struct FG(adadelta_numbers) {
    T lr, rho, rest, eps;
};

static FG_INLINE struct FG(adadelta_numbers) FG(adadelta_numbers_of)(const double *x) {
    return (struct FG(adadelta_numbers)){(T)x[0], (T)x[1], (T)(1 - x[1]), (T)x[2]};
}

static FG_INLINE T FG(adadelta_step)(T p, T g, T *v, T *u, struct FG(adadelta_numbers) k) {
    *v = k.rho * *v + k.rest * g * g;
    T d = FG_SQRT(*u + k.eps) / FG_SQRT(*v + k.eps) * g;
    *u = k.rho * *u + k.rest * d * d;
    return p - k.lr * d;
}

RULE2(adadelta)
RULE_BODY(adadelta, 2, FG(adadelta_run))

/* -- rprop: s = g prev: its size grows by eta_plus where s > 0, shrinks by eta_minus where s < 0, and there g = 0
 *           p -= sign(g) size;  prev = g ----------------------------------------------------------------------------- */
struct FG(rprop_numbers) {
    T eta_minus, eta_plus, step_min, step_max;
};

static FG_INLINE struct FG(rprop_numbers) FG(rprop_numbers_of)(const double *x) {
    return (struct FG(rprop_numbers)){(T)x[0], (T)x[1], (T)x[2], (T)x[3]};
}

static FG_INLINE T FG(rprop_step)(T p, T g, T *prev, T *size, struct FG(rprop_numbers) k) {
    T s = g * *prev;
    T to = *size * (s > 0 ? k.eta_plus : s < 0 ? k.eta_minus : K(1));
    *size = to < k.step_min ? k.step_min : to > k.step_max ? k.step_max : to;
    T way = SIGN(g);
    *prev = s < 0 ? K(0) : g;
    return p - (s < 0 ? K(0) : way) * *size;
}

RULE2(rprop)
RULE_BODY(rprop, 2, FG(rprop_run))

/* -- asgd: p -= lr g (its decay is in keep);  average ax = ax + mu (p - ax), ax = p where mu = 1 ----------------------- */
struct FG(asgd_numbers) {
    T lr, mu;
    int restart;
};

static FG_INLINE struct FG(asgd_numbers) FG(asgd_numbers_of)(const double *x) {
    return (struct FG(asgd_numbers)){(T)x[0], (T)x[1], x[1] == 1};
}

static FG_INLINE T FG(asgd_step)(T p, T g, T *ax, struct FG(asgd_numbers) k) {
    T moved = p - k.lr * g, mean = *ax + k.mu * (moved - *ax);
    *ax = k.restart ? moved : mean;
    return moved;
}

RULE1(asgd)
RULE_BODY(asgd, 1, FG(asgd_run))

/* -- lion: p -= lr sign(beta1 m + (1 - beta1) g);  m = beta2 m + (1 - beta2) g ----------------------------------------- */
struct FG(lion_numbers) {
    T lr, beta1, fresh1, beta2, fresh2;
};

static FG_INLINE struct FG(lion_numbers) FG(lion_numbers_of)(const double *x) {
    return (struct FG(lion_numbers)){(T)x[0], (T)x[1], (T)(1 - x[1]), (T)x[2], (T)(1 - x[2])};
}

static FG_INLINE T FG(lion_step)(T p, T g, T *m, struct FG(lion_numbers) k) {
    T c = k.beta1 * *m + k.fresh1 * g;
    *m = k.beta2 * *m + k.fresh2 * g;
    return p - k.lr * SIGN(c);
}

RULE1(lion)
RULE_BODY(lion, 1, FG(lion_run))

/* -- blend: v = momentum v + fresh g;  p = v, or with Nesterov's look-ahead fresh g + momentum v: a direction, not a step */
struct FG(blend_numbers) {
    T momentum, fresh;
    int nesterov;
};

static FG_INLINE struct FG(blend_numbers) FG(blend_numbers_of)(const double *x) {
    return (struct FG(blend_numbers)){(T)x[0], (T)x[1], x[2] != 0};
}

static FG_INLINE T FG(blend_step)(T p, T g, T *v, struct FG(blend_numbers) k) {
    T fresh = k.fresh * g;
    (void)p;
    *v = k.momentum * *v + fresh;
    return k.nesterov ? fresh + k.momentum * *v : *v;
}

RULE1(blend)
RULE_BODY(blend, 1, FG(blend_run))

#endif
