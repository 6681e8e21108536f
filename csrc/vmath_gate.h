/* What SiLU and GELU are made of: x times a number between 0 and 1 that falls off as fast as e^-x or e^(-x^2/2), to 4
 * units in the last place even where the product is a denormal; and the slopes of these functions.
 *
 * Three things make that so far out. An argument of an exponential that is itself a product is kept in two parts, for an
 * error of half a unit in 100 would be an error of 50 units in e^100. The exponential is made 2^64 or 2^512 times too
 * large, and the finished product brought down: it is rounded once among the denormals. And x is held where the result
 * has long been 0 or x: so +-inf gives the limit.
 *
 * Included after vmath.h, among the bodies of a family.
 */

#define FG_LIFT (FG_IS_F32 ? 64 : 512)
#define FG_DROP FG_PICK(0x1p-64, 0x1p-512)

/* The upper half of the digits of x: its product with another one is exact. */
static FG_INLINE T FG(upper)(T x) { return FG(from_bits)(FG(bits)(x) & ~(((FG_UINT)1 << (FG_IS_F32 ? 12 : 27)) - 1)); }

/* What a b lost when it was rounded to p. T. J. Dekker, Numerische Mathematik 18 (1971). */
static FG_INLINE T FG(product_rest)(T a, T b, T p) {
#if FG_FMA
    return FG(fma)(a, b, -p);
#else
    const T ah = FG(upper)(a), bh = FG(upper)(b), al = a - ah, bl = b - bh;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#endif
}

/* 2^lift e^(a + rest), a <= 0, rest far below 1; a is held where e^a times 100 has long been 0. */
static FG_INLINE T FG(exp_lifted)(T a, T rest) {
    const T lowest = FG_PICK(-112, -760);
    T t, n, r = FG(exp_reduce)(a < lowest ? lowest : a, FG_BIAS + FG_LIFT, &t, &n) + rest;
    T scale = FG(from_bits)(FG(bits)(t) << FG_MANTISSA);
    return FG(fma)(scale, FG(expm1_poly)(r), scale);
}

/* ---- x sigmoid(z) --------------------------------------------------------------------------------------------------*/

/* x sigmoid(z), given |z| in two parts; z has the sign of x. */
static FG_INLINE T FG(vgate)(T x, T z, T rest) {
    const T lowest = FG_PICK(-112, -760);
    T e = FG(exp_lifted)(-z, -rest);
    T held = x < lowest ? lowest : x;
    T y = (x < 0 ? held * e : x) / (K(1) + e * FG_DROP);
    return x < 0 ? y * FG_DROP : y;
}

/* sigmoid(z) and 1 - sigmoid(z), given |z| and a number of the sign of z */
static FG_INLINE T FG(gate_parts)(T x, T z, T *rest) {
    T e = FG(exp_lifted)(-z, K(0)) * FG_DROP, large = K(1) / (K(1) + e), small = e * large;
    *rest = x < 0 ? large : small;
    return x < 0 ? small : large;
}

/* x where |x| <= most, else +-most */
static FG_INLINE T FG(held)(T x, T most) {
    T above = x > most ? most : x;
    return above < -most ? -most : above;
}

/* the derivative of x sigmoid(x), s (1 + x (1 - s)) */
static FG_INLINE T FG(vsilu_slope)(T x) {
    T a = FG(held)(x, FG_PICK(112, 760)), c, s = FG(gate_parts)(a, FG_ABS(a), &c);
    return s * (K(1) + a * c);
}

/* ---- GELU by tanh: x sigmoid(z), z = 2 sqrt(2 / pi) (x + 0.044715 x^3) = x (k1 + k3 x^2) ----------------------------*/

#define FG_K1 K(0x1.9884533d43651p+0)
#define FG_K3 K(0x1.2444f2a4d8b4bp-4)

/* z > 0 in two parts, of a = |x| <= 12 or 30 */
static FG_INLINE T FG(gelu_argument)(T a, T *rest) {
    const T k1 = FG_K1, k3 = FG_K3, k1_rest = FG_PICK(-0x1.857936p-25, -0x1.cbc0d30ebfd15p-54),
            k3_rest = FG_PICK(0x1.49b16ap-29, -0x1.6c843a29d1c7p-61);
    T s = a * a, s_rest = FG(product_rest)(a, a, s);
    T p = k3 * s, p_rest = FG(product_rest)(k3, s, p) + (k3 * s_rest + k3_rest * s);
    T q = k1 + p, shift = q - k1, q_rest = ((k1 - (q - shift)) + (p - shift)) + (k1_rest + p_rest);
    T z = a * q;
    *rest = FG(product_rest)(a, q, z) + a * q_rest;
    return z;
}

static FG_INLINE T FG(vgelu_tanh)(T x) {
    const T most = FG_PICK(12, 30);
    T a = FG_ABS(x), rest, z = FG(gelu_argument)(a > most ? most : a, &rest);
    return FG(vgate)(x, z, rest);
}

/* s + x s (1 - s) z', z' = k1 + 3 k3 x^2 */
static FG_INLINE T FG(vgelu_tanh_slope)(T x) {
    T a = FG(held)(x, FG_PICK(12, 30)), square = a * a, c;
    T s = FG(gate_parts)(a, FG_ABS(a) * (FG_K1 + FG_K3 * square), &c);
    return s + a * s * c * (FG_K1 + K(3) * FG_K3 * square);
}

/* ---- GELU: x Phi(x), Phi the normal distribution --------------------------------------------------------------------
 *
 * Phi(-a) = e^(-a^2/2) P(t) / (a + d), t = (a - c) / (a + c), d = 5/4. The quotient, half of erfcx(a / sqrt 2), falls from
 * 1/2 to 0.4 / a, so P is between 0.4 and 0.63 and level at 0: no digits are lost in it, and an error of t hardly counts.
 * After M. M. Shepherd and J. G. Laframboise, Mathematics of Computation 36 (1981).
 */

/* P(t), 0 <= a <= 15 or 39. float: degree 10, relative error 2^-28.1; double: 23, 2^-58.7. */
static FG_INLINE T FG(normal_poly)(T a) {
    const T c = FG_PICK(4, 6), t = (a - c) / (a + c);
#if FG_IS_F32
    T p = K(-0x1.3dee58p-14);
    p = FG(fma)(p, t, K(-0x1.d94ad6p-15));
    p = FG(fma)(p, t, K(0x1.7b3bf2p-11));
    p = FG(fma)(p, t, K(-0x1.b9f6d4p-12));
    p = FG(fma)(p, t, K(-0x1.4e044ep-8));
    p = FG(fma)(p, t, K(0x1.40042cp-6));
    p = FG(fma)(p, t, K(-0x1.372c5ep-5));
    p = FG(fma)(p, t, K(0x1.586fp-5));
    p = FG(fma)(p, t, K(-0x1.31722cp-7));
    p = FG(fma)(p, t, K(-0x1.093b6p-4));
    p = FG(fma)(p, t, K(0x1.d14172p-2));
#else
    T p = K(0x1.8a3d8ad7222e5p-33);
    p = FG(fma)(p, t, K(0x1.208bc1bd127eap-29));
    p = FG(fma)(p, t, K(0x1.7abc31e43b1c1p-29));
    p = FG(fma)(p, t, K(-0x1.2ef0bbc599d01p-26));
    p = FG(fma)(p, t, K(-0x1.52ad8561f62eap-26));
    p = FG(fma)(p, t, K(0x1.29c7e03575e8ap-23));
    p = FG(fma)(p, t, K(-0x1.79ba9070436d8p-27));
    p = FG(fma)(p, t, K(-0x1.125b90b75f864p-20));
    p = FG(fma)(p, t, K(0x1.0154ab1e46a39p-19));
    p = FG(fma)(p, t, K(0x1.222480c69b16dp-18));
    p = FG(fma)(p, t, K(-0x1.cb62c17bb6fb7p-16));
    p = FG(fma)(p, t, K(0x1.5d4dd7713daabp-15));
    p = FG(fma)(p, t, K(0x1.eb71a5a7709f7p-14));
    p = FG(fma)(p, t, K(-0x1.d955b871afdccp-11));
    p = FG(fma)(p, t, K(0x1.99b0580a144d2p-9));
    p = FG(fma)(p, t, K(-0x1.f8abfcbb88da6p-8));
    p = FG(fma)(p, t, K(0x1.e86cfdbf35a85p-7));
    p = FG(fma)(p, t, K(-0x1.7e2f24266ec34p-6));
    p = FG(fma)(p, t, K(0x1.ddd7afd47d476p-6));
    p = FG(fma)(p, t, K(-0x1.b705f9edd7069p-6));
    p = FG(fma)(p, t, K(0x1.67ec6f1e5033p-7));
    p = FG(fma)(p, t, K(0x1.4727f1b919b1fp-6));
    p = FG(fma)(p, t, K(-0x1.fb4c2e8ed9e8ap-5));
    p = FG(fma)(p, t, K(0x1.c3e686f41a15ep-2));
#endif
    return p;
}

#define FG_NORMAL_MOST FG_PICK(15, 39) /* where a Phi(-a) has become less than half the least denormal */
#define FG_NORMAL_D K(1.25)

/* e^(-a^2/2), lifted */
static FG_INLINE T FG(normal_exp)(T a) {
    const T square = a * a;
    return FG(exp_lifted)(K(-0.5) * square, K(-0.5) * FG(product_rest)(a, a, square));
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|) */
static FG_INLINE T FG(vgelu)(T x) {
    T a = FG_ABS(x);
    a = a > FG_NORMAL_MOST ? FG_NORMAL_MOST : a;
    T tail = a / (a + FG_NORMAL_D) * FG(normal_poly)(a) * FG(normal_exp)(a);
    return (x < 0 ? -K(0) : x) - tail * FG_DROP;
}

/* Phi(x) + x phi(x): d = Phi(-a) - a phi(a) for x = -a, 1 - d for x = a */
static FG_INLINE T FG(vgelu_slope)(T x) {
    T a = FG_ABS(x);
    a = a > FG_NORMAL_MOST ? FG_NORMAL_MOST : a;
    T quotient = FG(normal_poly)(a) / (a + FG_NORMAL_D);
    T d = FG(normal_exp)(a) * FG_DROP * (quotient - a * K(0x1.9884533d43651p-2));
    return x < 0 ? d : K(1) - d;
}
