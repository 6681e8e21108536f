/* What SiLU and GELU are made of: x times a number between 0 and 1 that falls off as fast as e^-x or e^(-x^2/2), to 4
 * units in the last place even where the product is a denormal; and the slopes of these functions.
 *
 * Three things make that so far out. An argument of an exponential that is a product is kept in two parts, for an
 * error of half a unit in 100 would be an error of 50 units in e^100. The exponential is made 2^64 or 2^512 times too
 * large, and the finished product brought down: it is rounded once among the denormals. And x is held where the result
 * has long been 0 or x: so +-inf gives the limit.
 *
 * Largest error in units in the last place, smooth.c's functions among them, over 5e6 floats and 5e5 doubles of every
 * size, close together where something happens; gcc 12, with and without fused multiply-adds:
 *
 *               ELU   CELU   SELU   softplus   logsigmoid   SiLU   GELU by tanh   GELU
 *     float    0.99   0.99   1.85       1.71         1.70   2.50           2.76   3.18
 *     double   1.11   1.11   1.72       1.88         1.87   2.40           2.55   3.13
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

/* factor 2^lift e^(a + rest), -112 or -760 <= a <= 0, rest far below 1. The factor times a power of 2 is exact, so the
 * product costs no rounding of its own. */
static FG_INLINE T FG(exp_lifted)(T factor, T a, T rest) {
    T t, n, r = FG(exp_reduce)(a, FG_BIAS + FG_LIFT, &t, &n) + rest;
    T scaled = factor * FG(from_bits)(FG(bits)(t) << FG_MANTISSA);
    return FG(fma)(scaled, FG(expm1_poly)(r), scaled);
}

/* ---- x sigmoid(z) ------------------------------------------------------------------------------------------------ */

/* x where |x| <= most, else +-most */
static FG_INLINE T FG(held)(T x, T most) {
    T above = x > most ? most : x;
    return above < -most ? -most : above;
}

#define FG_GATE_MOST FG_PICK(112, 760) /* where x e^-x has become less than half the least denormal */

/* x sigmoid(z), given |z| in two parts, and x held where the product has become 0; z has the sign of x. */
static FG_INLINE T FG(vgate)(T x, T held, T z, T rest) {
    T e = FG(exp_lifted)(K(1), -z, -rest), times = FG(exp_lifted)(held, -z, -rest);
    T y = (x < 0 ? times : x) / (K(1) + e * FG_DROP);
    return x < 0 ? y * FG_DROP : y;
}

/* sigmoid(z) and 1 - sigmoid(z), given |z| and a number of the sign of z */
static FG_INLINE T FG(gate_parts)(T x, T z, T *rest) {
    T e = FG(exp_lifted)(K(1), -z, K(0)) * FG_DROP, large = K(1) / (K(1) + e), small = e * large;
    *rest = x < 0 ? large : small;
    return x < 0 ? small : large;
}

/* x sigmoid(x) */
static FG_INLINE T FG(vsilu)(T x) {
    T held = FG(held)(x, FG_GATE_MOST);
    return FG(vgate)(x, held, FG_ABS(held), K(0));
}

/* the derivative of x sigmoid(x), s (1 + x (1 - s)) */
static FG_INLINE T FG(vsilu_slope)(T x) {
    T a = FG(held)(x, FG_GATE_MOST), c, s = FG(gate_parts)(a, FG_ABS(a), &c);
    return s * (K(1) + a * c);
}

/* ---- GELU by tanh: x sigmoid(z), z = 2 sqrt(2 / pi) (x + 0.044715 x^3) = x (k1 + k3 x^2) ------------------------- */

#define FG_K1 K(0x1.9884533d43651p+0)
#define FG_K3 K(0x1.2444f2a4d8b4bp-4)

/* z > 0 in two parts, of a = |x| */
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

#define FG_CUBE_MOST FG_PICK(10.9, 21.6) /* where x e^-z has become less than half the least denormal */

static FG_INLINE T FG(vgelu_tanh)(T x) {
    T held = FG(held)(x, FG_CUBE_MOST), rest, z = FG(gelu_argument)(FG_ABS(held), &rest);
    return FG(vgate)(x, held, z, rest);
}

static FG_INLINE T FG(vgelu_tanh_slope)(T x) {
    T a = FG(held)(x, FG_CUBE_MOST), square = a * a, c;
    T s = FG(gate_parts)(a, FG_ABS(a) * (FG_K1 + FG_K3 * square), &c);
    return s + a * s * c * (FG_K1 + K(3) * FG_K3 * square);
}

/* ---- GELU: x Phi(x), Phi the normal distribution --------------------------------------------------------------------
 *
 * Phi(-a) = e^(-a^2/2) P(t) / (a + d), t = (a - c) / (a + c), d = 5/4. The quotient, half of erfcx(a / sqrt 2), falls
 * from 1/2 to 0.4 / a, so P lies between 0.4 and 0.63, and is level at 0: it loses no digits, and an error of t hardly
 * counts.
 * After M. M. Shepherd and J. G. Laframboise, Mathematics of Computation 36 (1981).
 */

/* P(t), 0 <= a <= 15 or 39. float: degree 10, relative error 2^-29.1; double: 23, 2^-58.8. */
static FG_INLINE T FG(normal_poly)(T a) {
    const T c = FG_PICK(4, 6), t = (a - c) / (a + c);
#if FG_IS_F32
    T p = K(-0x1.2ff958p-14);
    p = FG(fma)(p, t, K(-0x1.519bf6p-14));
    p = FG(fma)(p, t, K(0x1.537dep-11));
    p = FG(fma)(p, t, K(-0x1.2109a8p-13));
    p = FG(fma)(p, t, K(-0x1.3f8eeap-8));
    p = FG(fma)(p, t, K(0x1.031ff4p-6));
    p = FG(fma)(p, t, K(-0x1.911b02p-6));
    p = FG(fma)(p, t, K(0x1.5dbdc4p-7));
    p = FG(fma)(p, t, K(0x1.7169eap-5));
    p = FG(fma)(p, t, K(-0x1.1d4ad6p-3));
    p = FG(fma)(p, t, K(0x1.fb8d36p-2));
#else
    T p = K(0x1.2230949c7829bp-33);
    p = FG(fma)(p, t, K(0x1.04ab37524bf25p-29));
    p = FG(fma)(p, t, K(0x1.95f7ee7a04aa1p-29));
    p = FG(fma)(p, t, K(-0x1.1135e69563c9dp-26));
    p = FG(fma)(p, t, K(-0x1.733df89c762c8p-26));
    p = FG(fma)(p, t, K(0x1.11d1379f0ddaap-23));
    p = FG(fma)(p, t, K(0x1.120c2417f9196p-26));
    p = FG(fma)(p, t, K(-0x1.04ecabb7a8f3ap-20));
    p = FG(fma)(p, t, K(0x1.ae8c79fe7a9b8p-20));
    p = FG(fma)(p, t, K(0x1.3023029cd44c2p-18));
    p = FG(fma)(p, t, K(-0x1.a31f2015efd97p-16));
    p = FG(fma)(p, t, K(0x1.1208d24c8a8cdp-15));
    p = FG(fma)(p, t, K(0x1.01134b417c659p-13));
    p = FG(fma)(p, t, K(-0x1.aff62d037d93p-11));
    p = FG(fma)(p, t, K(0x1.5f92cd25417f2p-9));
    p = FG(fma)(p, t, K(-0x1.96ac49477d018p-8));
    p = FG(fma)(p, t, K(0x1.699a6e06b28a4p-7));
    p = FG(fma)(p, t, K(-0x1.ec29325fa2131p-7));
    p = FG(fma)(p, t, K(0x1.c524a6d1dd423p-7));
    p = FG(fma)(p, t, K(-0x1.fb7095f9ff79bp-10));
    p = FG(fma)(p, t, K(-0x1.97240570c0535p-6));
    p = FG(fma)(p, t, K(0x1.0f7065351244dp-4));
    p = FG(fma)(p, t, K(-0x1.da6ad6bba10b8p-4));
    p = FG(fma)(p, t, K(0x1.e0ebefe9f17c5p-2));
#endif
    return p;
}

#define FG_NORMAL_MOST FG_PICK(14.9, 38.9) /* where a Phi(-a) has become less than half the least denormal */
#define FG_NORMAL_D K(1.25)                /* d */

/* factor e^(-a^2/2 + rest), lifted */
static FG_INLINE T FG(normal_exp)(T factor, T a, T rest) {
    const T square = a * a;
    return FG(exp_lifted)(factor, K(-0.5) * square, K(-0.5) * FG(product_rest)(a, a, square) + rest);
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|) */
static FG_INLINE T FG(vgelu)(T x) {
    const T d = FG_NORMAL_D;
    T a = FG_ABS(x);
    a = a > FG_NORMAL_MOST ? FG_NORMAL_MOST : a;
    /* what h lost of a + d, relative to it, goes into the exponent: 1 / h = (1 - share) / d */
    T h = a + d, share = a / h, lost = (a - (h - d)) * (K(1) - share) * (K(1) / d);
    T tail = FG(normal_exp)(share * FG(normal_poly)(a), a, -lost);
    return (x < 0 ? -K(0) : x) - tail * FG_DROP;
}

/* Phi(x) + x phi(x): d = Phi(-a) - a phi(a) for x = -a, 1 - d for x = a */
static FG_INLINE T FG(vgelu_slope)(T x) {
    T a = FG_ABS(x);
    a = a > FG_NORMAL_MOST ? FG_NORMAL_MOST : a;
    T quotient = FG(normal_poly)(a) / (a + FG_NORMAL_D);
    T d = FG(normal_exp)(quotient - a * K(0x1.9884533d43651p-2), a, K(0)) * FG_DROP;
    return x < 0 ? d : K(1) - d;
}
