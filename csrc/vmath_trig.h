/* sin, cos, tan and atan, in the manner of vmath.h, which a family includes first.
 *
 * sin, cos and tan hold for |x| <= FG_TRIG_MOST. A larger argument needs pi to more places than a straight line would
 * want to carry for the sake of all the others: there the C library, which has them, is called (transcendental.c).
 *
 * x = n pi/2 + r, n = round(x 2/pi), |r| <= pi/4 and a little. sin x and cos x are one of +-sin r, +-cos r: which, the
 * lowest two bits of n say.
 */

#define FG_TRIG_MOST FG_PICK(0x1p22, 0x1p20)

/* r, and an integer with the lowest bits of n. pi/2 is taken in parts of which n times all but the last is exact, and
 * so is each difference in which much cancels: r is right to its last places however close x is to a multiple.
 * float: in double, pi/2 to 31 + 53 bits; |n| < 2^22. double: 33 + 33 + 33 + 53 bits; |n| < 2^20. */
static FG_INLINE T FG(trig_reduce)(T x, FG_UINT *quadrant) {
    const double magic = 0x1.8p52;
    double t = (double)x * 0x1.45f306dc9c883p-1 + magic, n = t - magic;
    uint64_t bits;
    memcpy(&bits, &t, sizeof bits);
    *quadrant = (FG_UINT)bits;
#if FG_IS_F32
    return (T)(((double)x - n * 0x1.921fb544p+0) - n * 0x1.0b4611a626331p-34);
#else
    T r = FG(fma)(-n, 0x1.921fb544p+0, x);
    r = FG(fma)(-n, 0x1.0b4611a6p-34, r);
    r = FG(fma)(-n, 0x1.3198a2ep-69, r);
    return FG(fma)(-n, 0x1.b839a252049c1p-104, r);
#endif
}

/* sin r = r + r^3 S(r^2). float: S of degree 2, relative error of the sine 2^-26.9; double: 5, 2^-56.3. */
static FG_INLINE T FG(sin_poly)(T r, T z) {
#if FG_IS_F32
    T s = FG(fma)(FG(fma)(K(-0x1.9943dcp-13), z, K(0x1.11073cp-7)), z, K(-0x1.555546p-3));
#else
    T s = K(0x1.5d8fe5eac6e3cp-33);
    s = FG(fma)(s, z, K(-0x1.ae5e5aea1b8bfp-26));
    s = FG(fma)(s, z, K(0x1.71de3568606acp-19));
    s = FG(fma)(s, z, K(-0x1.a01a019bfeb58p-13));
    s = FG(fma)(s, z, K(0x1.111111110f7d7p-7));
    s = FG(fma)(s, z, K(-0x1.5555555555548p-3));
#endif
    return FG(fma)(r * z, s, r);
}

/* cos r = 1 - r^2 / 2 + r^4 C(r^2). float: C of degree 2, relative error of the cosine 2^-32.4; double: 5, 2^-59.7. */
static FG_INLINE T FG(cos_poly)(T z) {
#if FG_IS_F32
    T c = FG(fma)(FG(fma)(K(0x1.99eb9cp-16), z, K(-0x1.6c0c34p-10)), z, K(0x1.55554ap-5));
#else
    T c = K(-0x1.8fa4a0f048816p-37);
    c = FG(fma)(c, z, K(0x1.1ee9d7c635bf4p-29));
    c = FG(fma)(c, z, K(-0x1.27e4f7eae5f5cp-22));
    c = FG(fma)(c, z, K(0x1.a01a019c848bap-16));
    c = FG(fma)(c, z, K(-0x1.6c16c16c14f94p-10));
    c = FG(fma)(c, z, K(0x1.555555555554bp-5));
#endif
    return K(1) + FG(fma)(z * z, c, K(-0.5) * z);
}

/* sin r, cos r, -sin r, -cos r for quadrant 0, 1, 2, 3. */
static FG_INLINE T FG(sin_quadrant)(T r, FG_UINT quadrant) {
    const T z = r * r, s = FG(sin_poly)(r, z), c = FG(cos_poly)(z);
    T y = quadrant & 1 ? c : s;
    return FG(from_bits)(FG(bits)(y) ^ ((quadrant & 2) << (8 * sizeof(T) - 2)));
}

static FG_INLINE T FG(vsin)(T x) {
    FG_UINT quadrant;
    T r = FG(trig_reduce)(x, &quadrant), y = FG(sin_quadrant)(r, quadrant);
    return x == K(0) ? x : y;
}

static FG_INLINE T FG(vcos)(T x) {
    FG_UINT quadrant;
    T r = FG(trig_reduce)(x, &quadrant);
    return FG(sin_quadrant)(r, quadrant + 1);
}

/* tan x = tan r, or -1 / tan r for odd n. tan r = r + r^3 P(r^2): float: P of degree 6, relative error 2^-28.3; double:
 * 13, 2^-55.2. (The quotient of sine and cosine would add up the errors of both.) */
static FG_INLINE T FG(vtan)(T x) {
    FG_UINT quadrant;
    const T r = FG(trig_reduce)(x, &quadrant), z = r * r;
#if FG_IS_F32
    T p = K(0x1.1ece22p-8);
    p = FG(fma)(p, z, K(0x1.77483p-14));
    p = FG(fma)(p, z, K(0x1.6311dep-7));
    p = FG(fma)(p, z, K(0x1.5cafdcp-6));
    p = FG(fma)(p, z, K(0x1.badbep-5));
    p = FG(fma)(p, z, K(0x1.110d8ep-3));
    p = FG(fma)(p, z, K(0x1.55556p-2));
#else
    T p = K(0x1.5dd25de081676p-16);
    p = FG(fma)(p, z, K(-0x1.78064e0f142cp-15));
    p = FG(fma)(p, z, K(0x1.76cb6cb4ef9fap-14));
    p = FG(fma)(p, z, K(-0x1.b8f675023e091p-16));
    p = FG(fma)(p, z, K(0x1.1e295b9910b0cp-13));
    p = FG(fma)(p, z, K(0x1.d27065f2632dbp-13));
    p = FG(fma)(p, z, K(0x1.37fa99a7881eep-11));
    p = FG(fma)(p, z, K(0x1.7d5b59f5da61ep-10));
    p = FG(fma)(p, z, K(0x1.d6d93406704d8p-9));
    p = FG(fma)(p, z, K(0x1.226e12576df5fp-7));
    p = FG(fma)(p, z, K(0x1.664f49a8933b8p-6));
    p = FG(fma)(p, z, K(0x1.ba1ba1b46a48cp-5));
    p = FG(fma)(p, z, K(0x1.11111111182fbp-3));
    p = FG(fma)(p, z, K(0x1.55555555554f2p-2));
#endif
    const int odd = quadrant & 1;
    T t = FG(fma)(r * z, p, r);
    T over = odd ? K(-1) : t, under = odd ? t : K(1);
    T y = over / under;
    return x == K(0) ? x : y;
}

/* atan x = sign(x) (base + atan t), t the tangent of the difference: base 0, pi/4, pi/2 and t = |x|,
 * (|x| - 1) / (|x| + 1), -1 / |x|, so that |t| <= tan(pi/8). atan t = t + t^3 P(t^2). float: P of degree 4, relative
 * error 2^-28.4; double: 10, 2^-57.4. */
static FG_INLINE T FG(vatan)(T x) {
    const T a = FG_ABS(x);
    const int middle = a > K(0x1.a827999fcef32p-2), high = a > K(0x1.3504f333f9de6p+1);
    T over = middle ? a - K(1) : a, under = middle ? a + K(1) : K(1);
    over = high ? K(-1) : over;
    under = high ? a : under;
    T base = middle ? FG_PICK(0x1.921fb6p-1, 0x1.921fb54442d18p-1) : K(0);
    T rest = middle ? FG_PICK(-0x1.777a5cp-26, 0x1.1a62633145c07p-55) : K(0);
    base = high ? base + base : base;
    rest = high ? rest + rest : rest;
    const T t = over / under, z = t * t;
#if FG_IS_F32
    T p = K(-0x1.f1efccp-5);
    p = FG(fma)(p, z, K(0x1.b1ecfp-4));
    p = FG(fma)(p, z, K(-0x1.23b536p-3));
    p = FG(fma)(p, z, K(0x1.999198p-3));
    p = FG(fma)(p, z, K(-0x1.55554ap-2));
#else
    T p = K(-0x1.255b27f3b4505p-6);
    p = FG(fma)(p, z, K(0x1.37ce150af6a63p-5));
    p = FG(fma)(p, z, K(-0x1.9ccf7a80f66eap-5));
    p = FG(fma)(p, z, K(0x1.df0e7f2a8ba8ap-5));
    p = FG(fma)(p, z, K(-0x1.10eba8b6e0a6dp-4));
    p = FG(fma)(p, z, K(0x1.3b111793ab277p-4));
    p = FG(fma)(p, z, K(-0x1.745cf8c361279p-4));
    p = FG(fma)(p, z, K(0x1.c71c70e50dc39p-4));
    p = FG(fma)(p, z, K(-0x1.24924922aa4d9p-3));
    p = FG(fma)(p, z, K(0x1.99999999957cdp-3));
    p = FG(fma)(p, z, K(-0x1.555555555553dp-2));
#endif
    return FG(with_sign)(base + (t + FG(fma)(t * z, p, rest)), x);
}
