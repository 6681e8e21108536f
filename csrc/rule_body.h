/* The bodies of update rules, read once for each dtype and instruction set. A rule gives two functions,
 *
 *     struct FG(name_numbers) FG(name_numbers_of)(const double *x)     its scalars as numbers of a loop
 *     T FG(name_step)(T p, T g, T *m, T *v, struct FG(name_numbers) k) the new p of one element; m, v: states
 *
 * and RULE1(name) makes the loop over elements of them, RULE_BODY(name, states) the body of its row.
 */

#ifndef SIGN
#define SIGN(x) ((x) > 0 ? K(1) : (x) < 0 ? K(-1) : (x) == 0 ? K(0) : (x)) /* NaN of NaN */
#define LARGER(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))                 /* NaN if one of them is */
#endif

/* What the options come to in a loop. */
typedef struct {
    T scale, keep, weight_decay, l1, shrink, clip_value, ema, fresh;
    int apart, finish, zero; /* g' is made in a buffer; something is done after the step; g = 0 */
} FG(options);

static FG_INLINE FG(options) FG(options_of)(const fg_call *call, double scale, int averaged) {
    const double *s = call->scalar;
    const int apart = s[FG_l1] != 0 || s[FG_clip_value] != 0;
    return (FG(options)){
        .scale = (T)(s[FG_maximize] != 0 ? -scale : scale),
        .keep = (T)s[FG_keep],
        .weight_decay = (T)s[FG_weight_decay],
        .l1 = (T)s[FG_l1],
        .shrink = (T)s[FG_shrink],
        .clip_value = (T)s[FG_clip_value],
        .ema = (T)s[FG_ema],
        .fresh = (T)(1 - s[FG_ema]),
        .apart = apart,
        .finish = s[FG_shrink] != 0 || averaged || (apart && s[FG_zero] != 0), /* else the loop itself zeroes */
        .zero = s[FG_zero] != 0,
    };
}

/* The factor of one tensor's gradients. */
static FG_INLINE double FG(scale_of)(const fg_call *call, int64_t tensor) {
    return fg_is_measured(call) ? fg_verdict_of(call)->scale * fg_measured_of(call)[tensor].scale : 1;
}

/* g' = scale clip(g) + l1 sign(p), where it is not just scale g */
static inline void FG(make_apart)(int64_t n, T *out, const T *g, const T *p, const FG(options) * o) {
    const T clip = o->clip_value != 0 ? o->clip_value : K(INFINITY), scale = o->scale, l1 = o->l1;
    const int with_l1 = l1 != 0;
    FG_SIMD
    for (int64_t i = 0; i < n; i++) {
        T x = g[i] < -clip ? -clip : g[i] > clip ? clip : g[i];
        x = scale * x;
        out[i] = with_l1 ? x + l1 * SIGN(p[i]) : x;
    }
}

/* After the step: the proximal step of L1, the average, the zeroing of a gradient that the loop has not seen. */
static inline void FG(finish)(int64_t n, T *p, T *g, T *average, const FG(options) * o) {
    if (o->shrink != 0) {
        const T shrink = o->shrink;
        FG_SIMD
        for (int64_t i = 0; i < n; i++) {
            T size = FG_ABS(p[i]) - shrink;
            p[i] = FG_COPYSIGN(size <= 0 ? K(0) : size, p[i]);
        }
    }
    if (average) {
        const T ema = o->ema, fresh = o->fresh;
        FG_SIMD
        for (int64_t i = 0; i < n; i++) average[i] = ema * average[i] + fresh * p[i];
    }
    if (o->zero && o->apart) memset(g, 0, (size_t)n * sizeof(T));
}

/* A rule on n elements of one tensor: p[n], g'[n] before scale and L2 decay, its states, its own scalars. It zeroes g where
 * the options say so. */
typedef void FG(update)(int64_t n, T *p, T *g, T *const *state, const double *x, const FG(options) * o);

enum { FG(CHUNK) = 8192 / sizeof(T) };

/* A piece of one tensor: whole, or chunk by chunk where more than the rule is done to it. x: the rule's scalars. */
static inline void FG(update_piece)(const fg_call *call, const fg_piece *at, int states, FG(update) * update,
                                    const double *x) {
    _Alignas(64) T buffer[FG(CHUNK)];
    T *array[FG_PTRS]; /* p, g, states, average */
    for (int k = 0; k < 3 + states; k++) array[k] = at->tensor->ptr[k] ? FG_PIECE(T, *at, k) : NULL;
    T *average = array[2 + states];
    const double scale = FG(scale_of)(call, at->tensor - (const fg_tensor *)call->ptr[0]);
    const FG(options) o = FG(options_of)(call, scale, average != NULL);
    if (!o.apart && !o.finish) {
        update(at->n, array[0], array[1], array + 2, x, &o);
        return;
    }
    FG(options) inner = o;
    if (o.apart) inner.scale = 1, inner.zero = 0;
    for (int64_t i = 0, n; i < at->n; i += n) {
        n = at->n - i < FG(CHUNK) ? at->n - i : FG(CHUNK);
        if (o.apart) FG(make_apart)(n, buffer, array[1], array[0], &o);
        update(n, array[0], o.apart ? buffer : array[1], array + 2, x, &inner);
        if (o.finish) FG(finish)(n, array[0], array[1], array[2 + states], &o);
        for (int k = 0; k < 3 + states; k++)
            if (array[k]) array[k] += n;
    }
}

/* The sum of squares of a block of at most FG_BLOCK numbers, in double, in the order of lanes.h. `bad` is 0, or NaN if one
 * of the numbers is not finite. */
static inline double FG(block_squares)(const T *x, int64_t n, double *bad) {
    enum { STRETCH = 512 };
    _Alignas(64) double square[STRETCH]; /* first squared, then summed: mixed, compilers do neither in vectors */
    double lane[FG_LANES] = {0};
    for (int64_t i = 0, m; i < n; i += m) {
        m = n - i < STRETCH ? n - i : STRETCH;
        FG_SIMD
        for (int64_t j = 0; j < m; j++) square[j] = (double)x[i + j] * (double)x[i + j];
        for (int64_t j = m; j % FG_LANES; j++) square[j] = 0;
        for (int64_t j = 0; j < m; j += FG_LANES)
            for (int l = 0; l < FG_LANES; l++) lane[l] += square[j + l];
    }
    for (int half = FG_LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    *bad = lane[0] - lane[0];
    if (!FG_IS_F32 && *bad != 0) { /* squares of large doubles overflow */
        *bad = 0;
        for (int64_t i = 0; i < n; i++) *bad += (double)(x[i] - x[i]);
    }
    return lane[0];
}

/* Phase 0: blocks [lo, hi) of the gradients, in slot `slot`; of the parameters too where the rule wants their norm. */
static void FG(measure)(const fg_call *call, int slot, int parameters, int64_t lo, int64_t hi) {
    fg_block_sums *sums = fg_blocks_of(call);
    for (fg_block at = fg_blocks_in(call, lo, hi); fg_next_block(&at);) {
        double ignored;
        sums[at.number].g = FG(block_squares)((const T *)at.tensor->ptr[slot] + at.from, at.n, &sums[at.number].bad);
        if (parameters) sums[at.number].p = FG(block_squares)((const T *)at.tensor->ptr[0] + at.from, at.n, &ignored);
    }
}

/* The phases of a rule whose phase 2 is its update. */
static inline void FG(run_rule)(fg_call *call, int phase, int64_t lo, int64_t hi, int states, FG(update) * update) {
    if (phase == 0) {
        FG(measure)(call, 1, 0, lo, hi);
    } else if (phase == 1) {
        fg_decide(call);
    } else if (!fg_is_measured(call) || !fg_verdict_of(call)->skip) {
        for (fg_piece at = fg_pieces(call, lo, hi); fg_next(&at);)
            FG(update_piece)(call, &at, states, update, call->scalar);
    }
}

/* The loop of a rule: g' = scale g + weight_decay p, then its step. `numbers`: whose numbers it takes; `load` and `store`
 * move an element of the states into variables and back. */
#define RULE_LOOP(name, numbers, load, arguments, store)                                                          \
    static FG_INLINE void FG(name##_loop)(int64_t n, T *p, T *g, T *const *state, struct FG(numbers##_numbers) k, \
                                          const FG(options) * o, int decay, int zero) {                           \
        T *s0 = state[0], *s1 = state[1], *s2 = state[2];                                                         \
        const T scale = o->scale, keep = o->keep, weight_decay = o->weight_decay;                                 \
        (void)s0, (void)s1, (void)s2;                                                                             \
        FG_SIMD                                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                         \
            T seen = scale * g[i], kept = keep * p[i];                                                            \
            if (decay) seen = seen + weight_decay * p[i];                                                         \
            load p[i] = FG(name##_step) arguments;                                                                \
            store if (zero) g[i] = 0;                                                                             \
        }                                                                                                         \
    }                                                                                                             \
    static void FG(name##_run)(int64_t n, T *p, T *g, T *const *state, const double *x, const FG(options) * o) {  \
        const struct FG(numbers##_numbers) k = FG(numbers##_numbers_of)(x);                                       \
        if (o->zero)                                                                                              \
            FG(name##_loop)(n, p, g, state, k, o, o->weight_decay != 0, 1);                                       \
        else if (o->weight_decay != 0)                                                                            \
            FG(name##_loop)(n, p, g, state, k, o, 1, 0);                                                          \
        else                                                                                                      \
            FG(name##_loop)(n, p, g, state, k, o, 0, 0);                                                          \
    }
#define RULE0(name) RULE_LOOP(name, name, , (kept, seen, k), )
#define RULE1(name) RULE_LOOP(name, name, T a = s0[i];, (kept, seen, &a, k), s0[i] = a;)
#define RULE2(name) RULE_LOOP(name, name, T a = s0[i]; T b = s1[i];, (kept, seen, &a, &b, k), s0[i] = a; s1[i] = b;)

/* The body of a row with so many state arrays, those that may be left out included. */
#define RULE_BODY(name, states, run) \
    void FG(name)(fg_call *call, int phase, int64_t lo, int64_t hi) { FG(run_rule)(call, phase, lo, hi, states, run); }
