/* The built-in product: C[M,N] = A[M,K] B[K,N], for one dtype and one instruction set. Included by matmul.c.
 *
 * The usual three levels. A micro-kernel keeps a small piece of C, up to GEMM_ROWS rows of two vectors, in registers
 * and runs down K: for every k it loads two vectors of B and broadcasts one element of A a row. Around it, a panel of
 * B (GEMM_KC x two vectors, which the first cache holds) meets all rows of a block of A; and K is cut into equal
 * blocks of at most GEMM_KC, whose contributions are added in order. Operands are read in place where that is as
 * fast, and copied ("packed") into the order the micro-kernel reads where it is not.
 *
 * Every element of C is one chain, ((a0 b0 + a1 b1) + a2 b2) + ... within a block of K, whichever micro-kernel it
 * falls to, and the blocks depend on K alone. So its bits do not depend on where a rectangle begins or ends:
 * neighbouring tiles can be computed as one.
 */

/* ---- what the compiler gives us ---------------------------------------------------------------------------- */

#undef GEMM_BYTES
#undef GEMM_MADD
#undef GEMM_ROWS
#if defined(__GNUC__) && !defined(GEMM_PLAIN)
#define GEMM_BYTES FG_VECTOR_BYTES
#else /* any C11 compiler, or GEMM_PLAIN to see it: a "vector" is one number */
#define GEMM_BYTES ((int)sizeof(T))
#endif

/* Rows of the largest micro-kernel: as many as the registers hold with two vectors each. */
#if FG_VECTOR_BYTES == 64
#define GEMM_ROWS 12
#elif FG_VECTOR_BYTES == 32
#define GEMM_ROWS 6
#else
#define GEMM_ROWS 4
#endif

#define GEMM_LANES ((int)(GEMM_BYTES / sizeof(T))) /* numbers a vector */
#define GEMM_NR (2 * GEMM_LANES)                   /* columns of a full panel of B */

#ifndef GEMM_TYPE /* first reading */
#if defined(__has_builtin) && defined(__GNUC__) && !defined(GEMM_PLAIN)
#if __has_builtin(__builtin_shufflevector)
#define GEMM_SHUFFLES 1
#endif
#endif
#ifndef GEMM_SHUFFLES
#define GEMM_SHUFFLES 0
#endif
#if defined(__GNUC__) && !defined(GEMM_PLAIN)
#define GEMM_TYPE(B)                                    \
    typedef T FG(v##B) __attribute__((vector_size(B))); \
    typedef T FG(u##B) __attribute__((vector_size(B), aligned(sizeof(T)), may_alias)); /* the same anywhere in memory */
#define GEMM_NOINLINE __attribute__((noinline))
#define GEMM_INLINE static inline __attribute__((always_inline))
#define GEMM_ZERO {0}
#else
#define GEMM_TYPE(B) typedef T FG(v##B), FG(u##B);
#define GEMM_NOINLINE
#define GEMM_INLINE static inline
#define GEMM_ZERO 0
#endif

/* GEMM_VECTOR(B, sum) defines vectors of B bytes: v of them, u the same at any address, splat(x), and madd(a, b, c) =
 * sum, which is a b + c. A fused multiply-add is asked for by name: left to itself, a compiler may fuse in one micro-
 * kernel and not in another, and the bits would depend on the cut. x - 0 is x for every x, -0 included. */
#define GEMM_VECTOR(B, sum)                                                    \
    GEMM_TYPE(B)                                                               \
    GEMM_INLINE FG(v##B) FG(splat##B)(T x) { return x - (FG(v##B))GEMM_ZERO; } \
    GEMM_INLINE FG(v##B) FG(madd##B)(FG(v##B) a, FG(v##B) b, FG(v##B) c) { return sum; }
#if !defined(__GNUC__) || defined(GEMM_PLAIN)
#define GEMM_INTRINSICS 0
#elif defined(__x86_64__)
#define GEMM_INTRINSICS 1
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define GEMM_INTRINSICS 1
#include <arm_neon.h>
#else
#define GEMM_INTRINSICS 0
#endif

#if defined(__GNUC__)
#define GEMM_UNROLL _Pragma("GCC unroll 16")
#else
#define GEMM_UNROLL
#endif

/* GEMM_MICRO(R, V, B) is a micro-kernel of R rows and V vectors of B bytes:
 * C[i*c_row + j] (add: +)= sum over k < depth of a[i*a_row + k*a_k] * b[k*b_k + j].
 * The rows of A are addressed from three pointers, four rows each: registers for any two strides. */
#define GEMM_MICRO(R, V, B)                                                                                           \
    static GEMM_NOINLINE void FG(micro_##R##x##V##_##B)(int64_t depth, const T *restrict a, int64_t a_row,            \
                                                        int64_t a_k, const T *restrict b, int64_t b_k, T *restrict c, \
                                                        int64_t c_row, int add) {                                     \
        enum { L = sizeof(FG(v##B)) / sizeof(T) };                                                                    \
        FG(v##B) acc[R][V];                                                                                           \
        const T *p0 = a, *p1 = a + (R > 4 ? 4 * a_row : 0), *p2 = a + (R > 8 ? 8 * a_row : 0);                        \
        GEMM_UNROLL for (int i = 0; i < R; i++) {                                                                     \
            GEMM_UNROLL for (int v = 0; v < V; v++) acc[i][v] = (FG(v##B))GEMM_ZERO;                                  \
        }                                                                                                             \
        for (int64_t k = 0; k < depth; k++) {                                                                         \
            FG(v##B) bv[V];                                                                                           \
            GEMM_UNROLL for (int v = 0; v < V; v++) bv[v] = *(const FG(u##B) *)(b + v * L);                           \
            GEMM_UNROLL for (int i = 0; i < R; i++) {                                                                 \
                FG(v##B) x = FG(splat##B)((i < 4 ? p0 : i < 8 ? p1 : p2)[(i % 4) * a_row]);                           \
                GEMM_UNROLL for (int v = 0; v < V; v++) acc[i][v] = FG(madd##B)(x, bv[v], acc[i][v]);                 \
            }                                                                                                         \
            p0 += a_k, p1 += a_k, p2 += a_k, b += b_k;                                                                \
        }                                                                                                             \
        GEMM_UNROLL for (int i = 0; i < R; i++) {                                                                     \
            GEMM_UNROLL for (int v = 0; v < V; v++) {                                                                 \
                FG(u##B) *out = (FG(u##B) *)(c + i * c_row + v * L);                                                  \
                if (add) acc[i][v] += *out;                                                                           \
                *out = acc[i][v];                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }

/* All row counts for one width: {12, 8, 4, 2, 1} rows and so on; and the table of them, most rows first. */
#define GEMM_SMALL(V, B) GEMM_MICRO(4, V, B) GEMM_MICRO(2, V, B) GEMM_MICRO(1, V, B)
#define GEMM_SMALL_NAMES(V, B) FG(micro_4x##V##_##B), FG(micro_2x##V##_##B), FG(micro_1x##V##_##B)
#endif

/* ---- vectors ----------------------------------------------------------------------------------------------- */

#if !FG_FMA || !GEMM_INTRINSICS
GEMM_VECTOR(16, c + a * b)
#elif defined(__aarch64__) && FG_IS_F32
GEMM_VECTOR(16, vfmaq_f32(c, a, b))
#elif defined(__aarch64__)
GEMM_VECTOR(16, vfmaq_f64(c, a, b))
#elif FG_IS_F32
GEMM_VECTOR(16, _mm_fmadd_ps(a, b, c))
#else
GEMM_VECTOR(16, _mm_fmadd_pd(a, b, c))
#endif
#if FG_VECTOR_BYTES >= 32 && !GEMM_INTRINSICS
GEMM_VECTOR(32, c + a * b)
#elif FG_VECTOR_BYTES >= 32 && FG_IS_F32
GEMM_VECTOR(32, _mm256_fmadd_ps(a, b, c))
#elif FG_VECTOR_BYTES >= 32
GEMM_VECTOR(32, _mm256_fmadd_pd(a, b, c))
#endif
#if FG_VECTOR_BYTES >= 64 && !GEMM_INTRINSICS
GEMM_VECTOR(64, c + a * b)
#elif FG_VECTOR_BYTES >= 64 && FG_IS_F32
GEMM_VECTOR(64, _mm512_fmadd_ps(a, b, c))
#elif FG_VECTOR_BYTES >= 64
GEMM_VECTOR(64, _mm512_fmadd_pd(a, b, c))
#endif

/* a b + c of three numbers, fused exactly where the vectors are. */
GEMM_INLINE T FG(madd)(T a, T b, T c) {
#if !FG_FMA || !GEMM_INTRINSICS
    return a * b + c;
#elif FG_IS_F32
    return __builtin_fmaf(a, b, c);
#else
    return __builtin_fma(a, b, c);
#endif
}

/* ---- micro-kernels ----------------------------------------------------------------------------------------- */

typedef void FG(micro)(int64_t depth, const T *restrict a, int64_t a_row, int64_t a_k, const T *restrict b, int64_t b_k,
                       T *restrict c, int64_t c_row, int add);

/* The widths: two vectors, one, and narrower ones for the last columns. The tables go from many rows to one. */
#if FG_VECTOR_BYTES == 64
typedef FG(v64) FG(vector);
typedef FG(u64) FG(unaligned);
#define GEMM_MADD FG(madd64)
#define GEMM_WIDTH(V, B) GEMM_MICRO(12, V, B) GEMM_MICRO(8, V, B) GEMM_SMALL(V, B)
#define GEMM_NAMES(V, B) {FG(micro_12x##V##_##B), FG(micro_8x##V##_##B), GEMM_SMALL_NAMES(V, B)}
GEMM_WIDTH(2, 64)
GEMM_WIDTH(1, 64)
GEMM_WIDTH(1, 32)
GEMM_WIDTH(1, 16)
enum { FG(row_kinds) = 5, FG(widths) = 4 };
static const int FG(rows_of)[] = {12, 8, 4, 2, 1};
static FG(micro) *const FG(micros)[][5] = {GEMM_NAMES(2, 64), GEMM_NAMES(1, 64), GEMM_NAMES(1, 32), GEMM_NAMES(1, 16)};
#elif FG_VECTOR_BYTES == 32
typedef FG(v32) FG(vector);
typedef FG(u32) FG(unaligned);
#define GEMM_MADD FG(madd32)
#define GEMM_WIDTH(V, B) GEMM_MICRO(6, V, B) GEMM_SMALL(V, B)
#define GEMM_NAMES(V, B) {FG(micro_6x##V##_##B), GEMM_SMALL_NAMES(V, B)}
GEMM_WIDTH(2, 32)
GEMM_WIDTH(1, 32)
GEMM_WIDTH(1, 16)
enum { FG(row_kinds) = 4, FG(widths) = 3 };
static const int FG(rows_of)[] = {6, 4, 2, 1};
static FG(micro) *const FG(micros)[][4] = {GEMM_NAMES(2, 32), GEMM_NAMES(1, 32), GEMM_NAMES(1, 16)};
#else
typedef FG(v16) FG(vector);
typedef FG(u16) FG(unaligned);
#define GEMM_MADD FG(madd16)
#define GEMM_WIDTH(V, B) GEMM_SMALL(V, B)
#define GEMM_NAMES(V, B) {GEMM_SMALL_NAMES(V, B)}
GEMM_WIDTH(2, 16)
GEMM_WIDTH(1, 16)
enum { FG(row_kinds) = 3, FG(widths) = 2 };
static const int FG(rows_of)[] = {4, 2, 1};
static FG(micro) *const FG(micros)[][3] = {GEMM_NAMES(2, 16), GEMM_NAMES(1, 16)};
#endif
#undef GEMM_WIDTH
#undef GEMM_NAMES

/* ---- packing ----------------------------------------------------------------------------------------------- */

#if GEMM_SHUFFLES
/* Transposes a square of 16-byte vectors: out[k*W + j] = in[j*in_j + k] for j, k < 16 / sizeof(T). */
GEMM_INLINE void FG(transpose)(T *restrict out, int W, const T *restrict in, int64_t in_j) {
#define GEMM_AT(p) (*(FG(u16) *)(p))
#define GEMM_FROM(p) (*(const FG(u16) *)(p))
#if FG_IS_F32
    FG(v16) a = GEMM_FROM(in), b = GEMM_FROM(in + in_j), c = GEMM_FROM(in + 2 * in_j), d = GEMM_FROM(in + 3 * in_j);
    FG(v16) ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    FG(v16) cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    GEMM_AT(out) = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    GEMM_AT(out + W) = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    GEMM_AT(out + 2 * W) = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
    GEMM_AT(out + 3 * W) = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
#else
    FG(v16) a = GEMM_FROM(in), b = GEMM_FROM(in + in_j);
    GEMM_AT(out) = __builtin_shufflevector(a, b, 0, 2);
    GEMM_AT(out + W) = __builtin_shufflevector(a, b, 1, 3);
#endif
#undef GEMM_AT
#undef GEMM_FROM
}
#endif

/* out[k*W + j] = in[k*in_k + j*in_j] for k < depth, j < n; zero for n <= j < W. */
static void FG(pack)(T *restrict out, int W, int n, int64_t depth, const T *restrict in, int64_t in_k, int64_t in_j) {
    enum { S = GEMM_BYTES >= 16 ? 16 / sizeof(T) : 1 };
    int j = 0;
    if (n == W && W % S == 0 && in_j == 1) {
        for (int64_t k = 0; k < depth; k++)
            for (int i = 0; i < W; i += S) *(FG(u16) *)(out + k * W + i) = *(const FG(u16) *)(in + k * in_k + i);
        return;
    }
#if GEMM_SHUFFLES
    for (; in_k == 1 && j + S <= n; j += S) {
        int64_t k = 0;
        for (; k + S <= depth; k += S) FG(transpose)(out + k * W + j, W, in + j * in_j + k, in_j);
        for (; k < depth; k++)
            for (int i = 0; i < S; i++) out[k * W + j + i] = in[k + (j + i) * in_j];
    }
#endif
    for (int64_t k = 0; k < depth; k++) {
        for (int i = j; i < n; i++) out[k * W + i] = in[k * in_k + i * in_j];
        for (int i = n; i < W; i++) out[k * W + i] = 0;
    }
}

/* ---- one rectangle of C ------------------------------------------------------------------------------------ */

/* All rows of a block of A (rows x depth) against one panel of B: the micro-kernels of index `width` compute `wide`
 * columns, of which the first n are C's. packed: A's rows lie in groups, as pack_a leaves them. */
static void FG(panel)(int64_t rows, int64_t depth, const T *a, int64_t a_row, int64_t a_k, int packed, const T *b,
                      int64_t b_k, int width, int wide, int n, T *c, int64_t c_row, int add) {
    T edge[GEMM_ROWS * GEMM_NR];
    int64_t i = 0;
    for (int kind = 0; kind < FG(row_kinds); kind++) {
        int r = FG(rows_of)[kind];
        for (; i + r <= rows; i += r) {
            const T *ai = packed ? a + i * depth : a + i * a_row;
            int64_t row = packed ? 1 : a_row, step = packed ? r : a_k;
            T *ci = c + i * c_row;
            if (n == wide) {
                FG(micros)[width][kind](depth, ai, row, step, b, b_k, ci, c_row, add);
                continue;
            }
            FG(micros)[width][kind](depth, ai, row, step, b, b_k, edge, wide, 0);
            for (int x = 0; x < r; x++)
                for (int j = 0; j < n; j++)
                    ci[x * c_row + j] = add ? ci[x * c_row + j] + edge[x * wide + j] : edge[x * wide + j];
        }
    }
}

/* Packs rows x depth of A in the groups of rows the micro-kernels take: group g at a + (its first row) * depth. */
static void FG(pack_a)(T *restrict out, int64_t rows, int64_t depth, const T *a, int64_t a_row, int64_t a_k) {
    int64_t i = 0;
    for (int kind = 0; kind < FG(row_kinds); kind++)
        for (int r = FG(rows_of)[kind]; i + r <= rows; i += r)
            FG(pack)(out + i * depth, r, r, depth, a + i * a_row, a_k, a_row);
}

/* The widest micro-kernel no wider than n columns, or the narrowest: its index in `widths`, and its columns. */
static int FG(choose_width)(int64_t n, int *wide) {
    *wide = GEMM_NR;
    if (n >= GEMM_NR) return 0;
    int bytes = GEMM_BYTES, width = 1;
    while (bytes > 16 && width + 1 < FG(widths) && n * (int64_t)sizeof(T) <= bytes / 2) bytes /= 2, width++;
    *wide = (int)(bytes / (int)sizeof(T));
    return width;
}

/* C[M,N] (add: +)= A[M,depth] B[depth,N] for one block of K and one block of rows. */
static void FG(block)(int64_t M, int64_t N, int64_t depth, const T *a, int64_t a_row, int64_t a_k, int packed,
                      const T *b, int64_t b_k, int64_t b_n, T *c, int64_t c_row, int add, int copy_b) {
    _Alignas(64) T bp[GEMM_B_BYTES / sizeof(T)];
    int wide;
    for (int64_t j = 0; j < N; j += wide) {
        int width = FG(choose_width)(N - j, &wide);
        int n = N - j < wide ? (int)(N - j) : wide;
        if (n < wide || b_n != 1 || copy_b) {
            FG(pack)(bp, wide, n, depth, b + j * b_n, b_k, b_n);
            FG(panel)(M, depth, a, a_row, a_k, packed, bp, wide, width, wide, n, c + j, c_row, add);
        } else {
            FG(panel)(M, depth, a, a_row, a_k, packed, b + j, b_k, width, wide, n, c + j, c_row, add);
        }
    }
}

/* C[M,N] = A[M,K] B[K,N]: a[i*a_row + k*a_k], b[k*b_k + j*b_n], c[i*c_row + j]; K > 0. */
static void FG(gemm)(int64_t M, int64_t N, int64_t K, const T *a, int64_t a_row, int64_t a_k, const T *b, int64_t b_k,
                     int64_t b_n, T *c, int64_t c_row) {
    enum { ROWS = GEMM_A_BYTES / sizeof(T) / GEMM_KC / GEMM_ROWS * GEMM_ROWS };
    _Alignas(64) T ap[GEMM_A_BYTES / sizeof(T)];
    int64_t blocks = (K + GEMM_KC - 1) / GEMM_KC;
    int copy_a = GEMM_PACK_A(N, a_row, a_k), copy_b = GEMM_PACK_B(M, b_k);
    int64_t most = copy_a ? ROWS : M;
    for (int64_t s = 0; s < blocks; s++) {
        int64_t k0 = K * s / blocks, depth = K * (s + 1) / blocks - k0;
        for (int64_t i = 0; i < M; i += most) {
            int64_t rows = M - i < most ? M - i : most;
            const T *ai = a + i * a_row + k0 * a_k;
            if (copy_a) FG(pack_a)(ap, rows, depth, ai, a_row, a_k);
            FG(block)(rows, N, depth, copy_a ? ap : ai, a_row, a_k, copy_a, b + k0 * b_k, b_k, b_n, c + i * c_row,
                      c_row, s > 0, copy_b);
        }
    }
}

/* ---- a matrix times a vector, and K = 1 -------------------------------------------------------------------- */

/* y[i*y_i] (add: +)= sum over k < K of m[i*m_i + k] * x[k] for i < rows, rows <= 4: dot products, rows side by side. */
GEMM_INLINE void FG(dots)(int rows, int64_t K, const T *restrict m, int64_t m_i, const T *restrict x, T *restrict y,
                          int64_t y_i, int add) {
    enum { L = GEMM_LANES, S = GEMM_BYTES >= 16 ? 16 / sizeof(T) : 1 };
    FG(vector) acc[4] = {GEMM_ZERO, GEMM_ZERO, GEMM_ZERO, GEMM_ZERO};
    int64_t k = 0;
    for (; k + L <= K; k += L) {
        FG(vector) xv = *(const FG(unaligned) *)(x + k);
        for (int i = 0; i < rows; i++) acc[i] = GEMM_MADD(*(const FG(unaligned) *)(m + i * m_i + k), xv, acc[i]);
    }
    for (int i = 0; i < rows; i++) {
        const T *mi = m + i * m_i;
        T part[L], sum = 0;
        FG(v16) four = GEMM_ZERO;
        *(FG(unaligned) *)part = acc[i];
        for (int l = 0; l < L; l += S) four += *(const FG(u16) *)(part + l);
        int64_t t = k;
        for (; t + S <= K; t += S) four = FG(madd16)(*(const FG(u16) *)(mi + t), *(const FG(u16) *)(x + t), four);
        *(FG(u16) *)part = four;
        for (int l = 0; l < S; l++) sum += part[l];
        for (; t < K; t++) sum = FG(madd)(mi[t], x[t], sum);
        y[i * y_i] = add ? y[i * y_i] + sum : sum;
    }
}

/* y[i*y_i] = sum over k < K of m[i*m_i + k*m_k] * x[k*x_k] for i < n, where m_k is 1: rows of dot products. */
static void FG(gemv_rows)(int64_t n, int64_t K, const T *m, int64_t m_i, const T *x, int64_t x_k, T *y, int64_t y_i) {
    T copy[GEMM_X];
    int64_t block = x_k == 1 ? K : GEMM_X;
    for (int64_t k = 0; k < K; k += block) {
        int64_t depth = K - k < block ? K - k : block, i = 0;
        if (x_k != 1)
            for (int64_t t = 0; t < depth; t++) copy[t] = x[(k + t) * x_k];
        const T *xb = x_k == 1 ? x : copy;
        for (; i + 4 <= n; i += 4) FG(dots)(4, depth, m + i * m_i + k, m_i, xb, y + i * y_i, y_i, k > 0);
        for (; i < n; i++) FG(dots)(1, depth, m + i * m_i + k, m_i, xb, y + i * y_i, y_i, k > 0);
    }
}

/* The same for any strides: columns of m, four at a time, added to a stretch of y. Meant for m_i = 1. */
static void FG(gemv_columns)(int64_t n, int64_t K, const T *m, int64_t m_i, int64_t m_k, const T *x, int64_t x_k, T *y,
                             int64_t y_i) {
    T sum[GEMM_X];
    for (int64_t i0 = 0; i0 < n; i0 += GEMM_X) {
        int64_t width = n - i0 < GEMM_X ? n - i0 : GEMM_X, k = 0;
        const T *mi = m + i0 * m_i;
        for (int64_t i = 0; i < width; i++) sum[i] = 0;
        for (; m_i == 1 && k + 4 <= K; k += 4) {
            const T *r0 = mi + k * m_k, *r1 = r0 + m_k, *r2 = r1 + m_k, *r3 = r2 + m_k;
            T x0 = x[k * x_k], x1 = x[(k + 1) * x_k], x2 = x[(k + 2) * x_k], x3 = x[(k + 3) * x_k];
            for (int64_t i = 0; i < width; i++) {
                T s = sum[i];
                s = FG(madd)(x0, r0[i], s);
                s = FG(madd)(x1, r1[i], s);
                s = FG(madd)(x2, r2[i], s);
                s = FG(madd)(x3, r3[i], s);
                sum[i] = s;
            }
        }
        for (; k < K; k++)
            for (int64_t i = 0; i < width; i++) sum[i] = FG(madd)(x[k * x_k], mi[i * m_i + k * m_k], sum[i]);
        for (int64_t i = 0; i < width; i++) y[(i0 + i) * y_i] = sum[i];
    }
}
