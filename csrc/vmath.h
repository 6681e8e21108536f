/* Elementary functions which a compiler can vectorise: exp, expm1, log, log1p, log2, log10, tanh, sigmoid, erf; and, in
 * vmath_trig.h, sin, cos, tan, atan.
 *
 * A family file includes this among its bodies, so each function exists once for each instruction set and dtype. They
 * are straight lines of + - * /, comparisons that select, and moves of bits: no branch, no table, no call of libm. A
 * loop that calls one is vectorised like any other. Three habits make that work on SSE2 too, which can neither round,
 * nor shift 64-bit integers arithmetically, nor convert them to double:
 *
 *   rounding      t = y + 1.5 * 2^m, m = 23 or 52 mantissa bits, holds round(y) in its lowest bits, because one unit
 *                 in the last place of t is 1; t - 1.5 * 2^m is round(y) as a number
 *   2^n           those lowest bits, the exponent bias added, shifted left into the exponent field
 *   a small int   or-ed into the mantissa of 2^m and read as a number, less 2^m
 *
 * `x > highest ? highest : x` lets NaN through. Two selects on one condition stand side by side:
 * apart, gcc copies all that lies between them. Rounding is to nearest. Denormals are computed, not flushed, unless the
 * caller's floating-point mode flushes them.
 *
 * Coefficients: Remez exchange in 300-bit arithmetic, weighted so that what is minimal is the relative error of the
 * whole function (near 0, where every weight would vanish, the weight is held up), then rounded to the dtype. A comment
 * gives the degree, the interval and the relative error with the rounded coefficients. The reductions are those of
 * W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980), and P. T. P. Tang, ACM TOMS 15 (1989)
 * and 16 (1990).
 *
 * Largest error in units in the last place, over all 2^32 floats (truth: double) and 2e7 doubles or more, random and at
 * every seam (truth: long double), on every instruction set of x86, gcc 12 and clang 14:
 *
 *                exp   expm1    log   log1p   tanh   sigmoid
 *     float     1.07    1.79   0.96    1.55   2.50      2.41
 *     double    1.04    2.18   1.28    1.76   2.55      2.33
 *
 * Over every eighth float (log10: every 64th) and 3e6 doubles or more, at the seams and about multiples of pi/2 too,
 * gcc 12:
 *
 *               log2   log10    erf     sin    cos    tan    atan
 *     float     1.85    1.91   1.26    1.57   1.57   2.50    1.88
 *     double    1.79    1.86   1.47    2.31   2.32   3.35    1.83
 *
 * Special values are C's: e^-inf = 0, log 0 = -inf, log x = NaN for x < 0, log1p -1 = -inf, tanh +-inf = +-1; NaN stays
 * NaN, and expm1, log1p, tanh, erf, sin, tan and atan keep the sign of zero.
 */
#include "simd.h"

/* A constant for each dtype, as a number and as bits; mantissa bits and exponent bias. */
#define FG_PICK(f32, f64) K(FG_IS_F32 ? (f32) : (f64))
#define FG_PICK_BITS(f32, f64) (FG_IS_F32 ? (FG_UINT)(f32) : (FG_UINT)(f64))
#define FG_MANTISSA (FG_IS_F32 ? 23 : 52)
#define FG_BIAS (FG_IS_F32 ? 127 : 1023)

/* a * b + c, rounded once where that is one instruction. */
static FG_INLINE T FG(fma)(T a, T b, T c) {
#if FG_FMA && FG_IS_F32
    return __builtin_fmaf(a, b, c);
#elif FG_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

static FG_INLINE FG_UINT FG(bits)(T x) {
    FG_UINT bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static FG_INLINE T FG(from_bits)(FG_UINT bits) {
    T x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* |x| with the sign of `sign`; x >= 0. */
static FG_INLINE T FG(with_sign)(T x, T sign) {
    const FG_UINT top = (FG_UINT)1 << (8 * sizeof(T) - 1);
    return FG(from_bits)(FG(bits)(x) | (FG(bits)(sign) & top));
}

/* ---- exp -----------------------------------------------------------------------------------------------------------
 *
 * e^x = 2^n e^r, n = round(x / ln 2), r = x - n ln 2, |r| <= ln 2 / 2. ln 2 is taken in two parts; the first has so few
 * bits (16, 42) that n times it is exact, so r is right to its last place with or without a fused multiply-add.
 */

#define FG_LN2_HIGH FG_PICK(0x1.62e4p-1, 0x1.62e42fefa38p-1)
#define FG_LN2_LOW FG_PICK(0x1.7f7d1cp-20, 0x1.ef35793c7673p-45)

/* r, and t, whose lowest bits hold n + bias; n itself is t - (1.5 * 2^m + bias). */
static FG_INLINE T FG(exp_reduce)(T x, int bias, T *t, T *n) {
    const T magic = FG_PICK(0x1.8p23, 0x1.8p52) + K(bias);
    *t = FG(fma)(x, K(0x1.71547652b82fep+0), magic);
    *n = *t - magic;
    T r = FG(fma)(*n, -FG_LN2_HIGH, x);
    return FG(fma)(*n, -FG_LN2_LOW, r);
}

/* e^r - 1 = r + r^2 q(r), |r| <= ln 2 / 2. float: q of degree 4, relative error 2^-25.8; double: degree 9, 2^-55.1.
 * q is a polynomial in r^2 whose coefficients are pairs c + c' r: Horner's work in half as long a chain. */
static FG_INLINE T FG(expm1_poly)(T r) {
    const T r2 = r * r;
#if FG_IS_F32
    T q = FG(fma)(K(0x1.6d97bcp-10), r2, FG(fma)(K(0x1.12274ap-7), r, K(0x1.555488p-5)));
    q = FG(fma)(q, r2, FG(fma)(K(0x1.5554bp-3), r, K(0x1p-1)));
#else
    T q = FG(fma)(K(0x1.af7486f540638p-26), r, K(0x1.28a07382cab3cp-22));
    q = FG(fma)(q, r2, FG(fma)(K(0x1.71ddeb80f898fp-19), r, K(0x1.a019a925e5b6dp-16)));
    q = FG(fma)(q, r2, FG(fma)(K(0x1.a01a01b51cb67p-13), r, K(0x1.6c16c17e25b2dp-10)));
    q = FG(fma)(q, r2, FG(fma)(K(0x1.111111110e93dp-7), r, K(0x1.555555555266fp-5)));
    q = FG(fma)(q, r2, FG(fma)(K(0x1.555555555555cp-3), r, K(0x1.0000000000004p-1)));
#endif
    return FG(fma)(r2, q, r);
}

/* e^x. 2^n is built as two factors: the product overflows to infinity and underflows through the denormals by itself,
 * rounding once. Below `lowest`, where e^x is less than half the least denormal, n is not to be trusted. */
static FG_INLINE T FG(vexp)(T x) {
    const T lowest = FG_PICK(-104, -746), highest = FG_PICK(104, 746);
    T t, n, r = FG(exp_reduce)(x > highest ? highest : x, 2 * FG_BIAS, &t, &n);
    FG_UINT whole = FG(bits)(t), half = whole >> 1;
    T scale = FG(from_bits)(half << FG_MANTISSA);
    T y = FG(fma)(scale, FG(expm1_poly)(r), scale) * FG(from_bits)((whole - half) << FG_MANTISSA);
    return x < lowest ? K(0) : y;
}

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1). A large 2^n, beside which 1 is lost anyway, is built as 2^(n-k) 2^k. Below
 * `lowest` the result is -1 to the last place, and 2^n is not to be trusted. */
static FG_INLINE T FG(vexpm1)(T x) {
    const T lowest = FG_PICK(-20, -40), highest = FG_PICK(104, 746);
    T t, n, r = FG(exp_reduce)(x > highest ? highest : x, FG_BIAS, &t, &n);
    const int large = n > FG_PICK(96, 900);
    T k = large ? FG_PICK(64, 512) : K(0), power = large ? FG_PICK(0x1p64, 0x1p512) : K(1);
    T scale = FG(from_bits)(FG(bits)(t - k) << FG_MANTISSA);
    T y = FG(fma)(scale, FG(expm1_poly)(r), scale - K(1)) * power;
    y = x < lowest ? K(-1) : y;
    return x == K(0) ? x : y;
}

/* tanh x = sign(x) -w / (2 + w), w = e^(-2 |x|) - 1, which is -1 to the last place from |x| = 10 or 20 on. */
static FG_INLINE T FG(vtanh)(T x) {
    const T lowest = FG_PICK(-10, -20);
    T t, n, a = -FG_ABS(x);
    a = a < lowest ? lowest : a;
    T r = FG(exp_reduce)(a + a, FG_BIAS, &t, &n);
    T scale = FG(from_bits)(FG(bits)(t) << FG_MANTISSA);
    T w = FG(fma)(scale, FG(expm1_poly)(r), scale - K(1));
    return FG(with_sign)(FG_ABS(w) / (K(2) + w), x);
}

/* 1 / (1 + e^-x) = (x < 0 ? e : 1) / (1 + e), e = e^-|x|: never overflows, and small results keep their precision.
 * e is built as 2^(n+k) e^r and then 2^-k times that, so as to round once among the denormals. */
static FG_INLINE T FG(vsigmoid)(T x) {
    const T lowest = FG_PICK(-104, -746);
    T t, n, a = -FG_ABS(x);
    a = a < lowest ? lowest : a;
    T r = FG(exp_reduce)(a, FG_BIAS + (FG_IS_F32 ? 64 : 512), &t, &n);
    T scale = FG(from_bits)(FG(bits)(t) << FG_MANTISSA);
    T e = FG(fma)(scale, FG(expm1_poly)(r), scale) * FG_PICK(0x1p-64, 0x1p-512);
    return (x < K(0) ? e : K(1)) / (K(1) + e);
}

/* ---- log -----------------------------------------------------------------------------------------------------------
 *
 * x = 2^e m, m in [sqrt(1/2), sqrt(2)), f = m - 1: log x = e ln 2 + log(1 + f). f is exact.
 */

#define FG_SQRT_HALF FG_PICK_BITS(0x3f3504f3u, 0x3fe6a09e667f3bcdu)

/* The bits of x > 0 (normal) moved so that its exponent field is e + bias + 1. Every other x gives some finite m. */
static FG_INLINE FG_UINT FG(log_split)(T x, T *m) {
    const FG_UINT one = (FG_UINT)1 << FG_MANTISSA;
    FG_UINT moved = FG(bits)(x) + ((FG_UINT)(FG_BIAS + 1) * one - FG_SQRT_HALF);
    *m = FG(from_bits)((moved & (one - 1)) + FG_SQRT_HALF);
    return moved >> FG_MANTISSA;
}

/* The exponent e as a number. */
static FG_INLINE T FG(log_exponent)(FG_UINT field, T bias) {
    const T base = FG_PICK(0x1p23, 0x1p52);
    return FG(from_bits)(field | FG(bits)(base)) - (base + bias);
}

/* e ln 2 + log(1 + f), given f and 2 + f. With s = f / (2 + f) and z = s^2, 0 <= z <= 0.0295,
 * log(1 + f) = 2 atanh(s) = f + s (z G(z) - f). float: G of degree 2, relative error 2^-29.6; double: 6, 2^-58.5.
 * The division costs less than the six or more degrees it saves. Where the product with ln 2 is not fused, ln 2 is
 * taken in two parts, of which e times the first is exact. */
static FG_INLINE T FG(log_join)(T e, T f, T two_f) {
    const T s = f / two_f, z = s * s;
#if FG_IS_F32
    T g = FG(fma)(FG(fma)(K(0x1.316948p-2), z, K(0x1.996408p-2)), z, K(0x1.555574p-1));
#else
    T g = K(0x1.2dce1f79fca9fp-3);
    g = FG(fma)(g, z, K(0x1.39c2755cfceccp-3));
    g = FG(fma)(g, z, K(0x1.7464e3f5528f9p-3));
    g = FG(fma)(g, z, K(0x1.c71c592c845acp-3));
    g = FG(fma)(g, z, K(0x1.249249384de59p-2));
    g = FG(fma)(g, z, K(0x1.999999998c166p-2));
    g = FG(fma)(g, z, K(0x1.5555555555567p-1));
#endif
    const T h = FG(fma)(z, g, -f);
#if FG_FMA
    return FG(fma)(e, K(0x1.62e42fefa39efp-1), FG(fma)(s, h, f));
#else
    return e * FG_LN2_HIGH + (f + (s * h + e * FG_LN2_LOW));
#endif
}

/* e and m of any x > 0: a denormal is first brought up by 2^24 or 2^54. */
static FG_INLINE T FG(log_parts)(T x, T *m) {
    const T bias = K(FG_BIAS + 1);
    const int tiny = x < FG_PICK(0x1p-126, 0x1p-1022);
    T up = tiny ? x * FG_PICK(0x1p24, 0x1p54) : x, less = tiny ? bias + FG_PICK(24, 54) : bias;
    FG_UINT field = FG(log_split)(up, m);
    return FG(log_exponent)(field, less);
}

/* y = log x to any base, or what takes its place where x is infinite, NaN, negative or 0. */
static FG_INLINE T FG(log_ends)(T x, T y) {
    y = x < K(INFINITY) ? y : x;
    y = x >= K(0) ? y : K(NAN);
    return x == K(0) ? K(-INFINITY) : y;
}

/* log x */
static FG_INLINE T FG(vlog)(T x) {
    T m, e = FG(log_parts)(x, &m);
    return FG(log_ends)(x, FG(log_join)(e, m - K(1), m + K(1)));
}

/* log2 x = e + log m / ln 2: exact for a power of 2. Since m reaches from sqrt(1/2) to sqrt(2), the sum is never less
 * than half of e. */
static FG_INLINE T FG(vlog2)(T x) {
    T m, e = FG(log_parts)(x, &m), y = FG(log_join)(K(0), m - K(1), m + K(1));
    return FG(log_ends)(x, FG(fma)(y, K(0x1.71547652b82fep+0), e));
}

/* log10 x = e log10 2 + log m / ln 10, log10 2 in two parts, of which e times the first (16, 42 bits) is exact. */
static FG_INLINE T FG(vlog10)(T x) {
    const T high = FG_PICK(0x1.344p-2, 0x1.34413509f78p-2), low = FG_PICK(0x1.3509f8p-18, 0x1.fef311f12b358p-46);
    T m, e = FG(log_parts)(x, &m), y = FG(log_join)(K(0), m - K(1), m + K(1));
    return FG(log_ends)(x, FG(fma)(e, high, FG(fma)(y, K(0x1.bcb7b1526e50ep-2), e * low)));
}

/* log(1 + x): 1 + x rounds to u = 2^e m, and what was lost, c = (1 + x) - u, is given back: f = (m - 1) + 2^-e c.
 * 2^-e is built as 2^(60-e) 2^-60, because 2^-128 is no normal float. */
static FG_INLINE T FG(vlog1p)(T x) {
    T m, u = K(1) + x;
    T large = x > K(1) ? x : K(1), small = x > K(1) ? K(1) : x;
    T c = small - (u - large);
    FG_UINT field = FG(log_split)(u, &m);
    T down = FG(from_bits)(((FG_UINT)(2 * FG_BIAS + 61) - field) << FG_MANTISSA);
    T f = (m - K(1)) + c * down * K(0x1p-60);
    T y = FG(log_join)(FG(log_exponent)(field, K(FG_BIAS + 1)), f, K(2) + f);
    y = x < K(INFINITY) ? y : x;
    y = x >= K(-1) ? y : K(NAN);
    y = x == K(-1) ? K(-INFINITY) : y;
    return x == K(0) ? x : y;
}

/* ---- erf -----------------------------------------------------------------------------------------------------------
 *
 * Both of two forms are computed, one is taken. |x| < 1: erf x = x + x P(x^2). Beyond: erf x = 1 - e^-H(|x| - 1), where
 * H(u) = -log(1 - erf(1 + u)); there an error of H counts for the less the closer erf is to 1, and a fit weighted with
 * this needs a low degree. From `highest` on the result is 1 to the last place.
 */

/* float: P of degree 6, relative error of erf 2^-29.1; double: 11, 2^-55.1. */
static FG_INLINE T FG(erf_small)(T x) {
    const T z = x * x;
#if FG_IS_F32
    T p = K(0x1.4969d4p-14);
    p = FG(fma)(p, z, K(-0x1.a3f708p-11));
    p = FG(fma)(p, z, K(0x1.5405bap-8));
    p = FG(fma)(p, z, K(-0x1.b7f91p-6));
    p = FG(fma)(p, z, K(0x1.ce2cf8p-4));
    p = FG(fma)(p, z, K(-0x1.81273ep-2));
    p = FG(fma)(p, z, K(0x1.06eba8p-3));
#else
    T p = K(-0x1.abae29769e551p-31);
    p = FG(fma)(p, z, K(0x1.d71b17754b96ap-27));
    p = FG(fma)(p, z, K(-0x1.5c072b62bf39ep-23));
    p = FG(fma)(p, z, K(0x1.b97fd53443018p-20));
    p = FG(fma)(p, z, K(-0x1.f4ca4da5cfc31p-17));
    p = FG(fma)(p, z, K(0x1.f9a2baae0fe24p-14));
    p = FG(fma)(p, z, K(-0x1.c02db03e20d2p-11));
    p = FG(fma)(p, z, K(0x1.565bccf92db85p-8));
    p = FG(fma)(p, z, K(-0x1.b82ce311faad6p-6));
    p = FG(fma)(p, z, K(0x1.ce2f21a040d1ep-4));
    p = FG(fma)(p, z, K(-0x1.812746b0379bdp-2));
    p = FG(fma)(p, z, K(0x1.06eba8214db68p-3));
#endif
    return FG(fma)(x, p, x);
}

/* H(u), 0 <= u <= 3 or 5. float: degree 6, relative error of erf 2^-26.7; double: 17, 2^-55.9. */
static FG_INLINE T FG(erf_exponent)(T u) {
#if FG_IS_F32
    T h = K(-0x1.86dd8ap-13);
    h = FG(fma)(h, u, K(0x1.df8fcep-10));
    h = FG(fma)(h, u, K(-0x1.444122p-7));
    h = FG(fma)(h, u, K(0x1.53ff24p-5));
    h = FG(fma)(h, u, K(0x1.afad1cp-1));
    h = FG(fma)(h, u, K(0x1.51c9aap+1));
    return FG(fma)(h, u, K(0x1.d97fcp+0));
#else
    T h = K(0x1.5accb18b847fcp-38);
    h = FG(fma)(h, u, K(-0x1.096e239865161p-33));
    h = FG(fma)(h, u, K(0x1.6e4aa6f74f563p-30));
    h = FG(fma)(h, u, K(-0x1.276292bf1fe6ap-27));
    h = FG(fma)(h, u, K(0x1.2167ac1855607p-25));
    h = FG(fma)(h, u, K(-0x1.f93d2e38e6039p-25));
    h = FG(fma)(h, u, K(-0x1.b47b09fee6a41p-23));
    h = FG(fma)(h, u, K(0x1.1dd91e2f956afp-19));
    h = FG(fma)(h, u, K(-0x1.4470d95e31f72p-17));
    h = FG(fma)(h, u, K(0x1.c84b429b1216cp-16));
    h = FG(fma)(h, u, K(-0x1.b929ce33aea88p-16));
    h = FG(fma)(h, u, K(-0x1.f1b07c5eb301cp-13));
    h = FG(fma)(h, u, K(0x1.033f5ae3b3351p-9));
    h = FG(fma)(h, u, K(-0x1.48c9d38891f02p-7));
    h = FG(fma)(h, u, K(0x1.5477f099ef3dfp-5));
    h = FG(fma)(h, u, K(0x1.afabc11a2acf2p-1));
    h = FG(fma)(h, u, K(0x1.51c9b0006c21ep+1));
    return FG(fma)(h, u, K(0x1.d97fbf27aa2a1p+0));
#endif
}

/* erf x */
static FG_INLINE T FG(verf)(T x) {
    const T highest = FG_PICK(4, 6);
    T t, n, a = FG_ABS(x), near = FG(erf_small)(x);
    a = a > highest ? highest : a;
    T r = FG(exp_reduce)(-FG(erf_exponent)(a - K(1)), FG_BIAS, &t, &n);
    T scale = FG(from_bits)(FG(bits)(t) << FG_MANTISSA);
    T far = K(1) - FG(fma)(scale, FG(expm1_poly)(r), scale);
    return a < K(1) ? near : FG(with_sign)(far, x);
}
