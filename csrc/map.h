/* A MAP kernel in one line: its operands and its formula.
 *
 *     MAP2(add, a, b, a + b)
 *     MAP2_AS(lt, uint8_t, T, a, b, a < b)         the type of the output, that of the inputs
 *
 * The range [lo, hi) of the output's elements, in row-major order, is walked as inner rows. A row whose output is
 * contiguous, and whose inputs are contiguous or one repeated number, runs a loop compiled for just that pattern, and
 * vectorised; any other row runs the same loop with its strides as variables. The formula is written once, so all paths
 * have the same arithmetic.
 *
 * An input may be the output itself (x += y), never a shifted part of it: no element depends on another, which is
 * what FG_SIMD promises to the compiler.
 */
#ifndef FASTGRAD_MAP_H
#define FASTGRAD_MAP_H

#include "simd.h"

/* n elements of the innermost dimension; operand k begins at element at[k] of ptr[k]. */
typedef void fg_map_row(const fg_call *call, const int64_t *at, int64_t n);

/* The index of element `flat` of the output, and where each operand stands there. */
static inline void fg_seek(const fg_call *call, int operands, int64_t flat, int64_t *index, int64_t *at) {
    for (int k = 0; k < operands; k++) at[k] = 0;
    for (int d = call->ndim - 1; d >= 0; d--) {
        index[d] = flat % call->size[d];
        flat /= call->size[d];
        for (int k = 0; k < operands; k++) at[k] += index[d] * call->stride[k][d];
    }
}

/* n elements further along the innermost dimension, carrying into the outer ones where it ends. */
static inline void fg_advance(const fg_call *call, int operands, int64_t n, int64_t *index, int64_t *at) {
    int d = call->ndim - 1;
    index[d] += n;
    for (int k = 0; k < operands; k++) at[k] += n * call->stride[k][d];
    for (; d > 0 && index[d] == call->size[d]; d--) {
        index[d] = 0;
        index[d - 1]++;
        for (int k = 0; k < operands; k++) at[k] += call->stride[k][d - 1] - call->size[d] * call->stride[k][d];
    }
}

static inline void fg_walk(const fg_call *call, int operands, int64_t lo, int64_t hi, fg_map_row *row) {
    int64_t index[FG_DIMS], at[FG_PTRS];
    int last = call->ndim - 1;
    if (lo >= hi) return;
    fg_seek(call, operands, lo, index, at);
    while (lo < hi) {
        int64_t left = call->size[last] - index[last];
        int64_t n = left < hi - lo ? left : hi - lo;
        row(call, at, n);
        fg_advance(call, operands, n, index, at);
        lo += n;
    }
}

/* Inside a row: operand k where the row begins, its inner stride, and element i of an input that begins with x0 (where
 * a pattern says that it is one repeated number, this is read once). */
#define FG_ROW(type, k) ((type *)call->ptr[k] + at[k])
#define FG_STEP(k) (call->stride[k][call->ndim - 1])
#define FG_ELEMENT(x, x0, s, i) (__builtin_constant_p(s) && (s) == 0 ? (x0) : (x)[(i) * (s)])

#define FG_MAP_KERNEL(name, operands)                                 \
    void FG(name)(fg_call *call, int phase, int64_t lo, int64_t hi) { \
        (void)phase;                                                  \
        fg_walk(call, operands, lo, hi, FG(name##_row));              \
    }

/* out = f(x) */
#define MAP1(name, x, formula) MAP1_AS(name, T, T, x, formula)
#define MAP1_AS(name, O, X, x, formula)                                                             \
    static FG_INLINE O FG(name##_of)(X x) { return formula; }                                       \
    static FG_INLINE void FG(name##_loop)(int64_t n, O *out, int64_t so, const X *px, int64_t sx) { \
        const X x0 = *px;                                                                           \
        FG_SIMD                                                                                     \
        for (int64_t i = 0; i < n; i++) out[i * so] = FG(name##_of)(FG_ELEMENT(px, x0, sx, i));     \
    }                                                                                               \
    static void FG(name##_row)(const fg_call *call, const int64_t *at, int64_t n) {                 \
        const X *px = FG_ROW(const X, 0);                                                           \
        O *out = FG_ROW(O, 1);                                                                      \
        int64_t sx = FG_STEP(0), so = FG_STEP(1);                                                   \
        if (so == 1 && sx == 1)                                                                     \
            FG(name##_loop)(n, out, 1, px, 1);                                                      \
        else                                                                                        \
            FG(name##_loop)(n, out, so, px, sx);                                                    \
    }                                                                                               \
    FG_MAP_KERNEL(name, 2)

/* out = f(a, b) */
#define MAP2(name, a, b, formula) MAP2_AS(name, T, T, a, b, formula)
#define MAP2_AS(name, O, X, a, b, formula)                                                                     \
    static FG_INLINE O FG(name##_of)(X a, X b) { return formula; }                                             \
    static FG_INLINE void FG(name##_loop)(int64_t n, O *out, int64_t so, const X *pa, int64_t sa, const X *pb, \
                                          int64_t sb) {                                                        \
        const X a0 = *pa, b0 = *pb;                                                                            \
        FG_SIMD                                                                                                \
        for (int64_t i = 0; i < n; i++)                                                                        \
            out[i * so] = FG(name##_of)(FG_ELEMENT(pa, a0, sa, i), FG_ELEMENT(pb, b0, sb, i));                 \
    }                                                                                                          \
    static void FG(name##_row)(const fg_call *call, const int64_t *at, int64_t n) {                            \
        const X *pa = FG_ROW(const X, 0), *pb = FG_ROW(const X, 1);                                            \
        O *out = FG_ROW(O, 2);                                                                                 \
        int64_t sa = FG_STEP(0), sb = FG_STEP(1), so = FG_STEP(2);                                             \
        if (so == 1 && sa == 1 && sb == 1)                                                                     \
            FG(name##_loop)(n, out, 1, pa, 1, pb, 1);                                                          \
        else if (so == 1 && sa == 1 && sb == 0)                                                                \
            FG(name##_loop)(n, out, 1, pa, 1, pb, 0);                                                          \
        else if (so == 1 && sa == 0 && sb == 1)                                                                \
            FG(name##_loop)(n, out, 1, pa, 0, pb, 1);                                                          \
        else                                                                                                   \
            FG(name##_loop)(n, out, so, pa, sa, pb, sb);                                                       \
    }                                                                                                          \
    FG_MAP_KERNEL(name, 3)

/* out = f(a, b, c), where a may be of another type */
#define FG_TRY3(name, a1, b1, c1)                           \
    if (so == 1 && sa == a1 && sb == b1 && sc == c1) {      \
        FG(name##_loop)(n, out, 1, pa, a1, pb, b1, pc, c1); \
        return;                                             \
    }
#define MAP3(name, A, a, b, c, formula)                                                                         \
    static FG_INLINE T FG(name##_of)(A a, T b, T c) { return formula; }                                         \
    static FG_INLINE void FG(name##_loop)(int64_t n, T *out, int64_t so, const A *pa, int64_t sa, const T *pb,  \
                                          int64_t sb, const T *pc, int64_t sc) {                                \
        const A a0 = *pa;                                                                                       \
        const T b0 = *pb, c0 = *pc;                                                                             \
        FG_SIMD                                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                         \
            out[i * so] =                                                                                       \
                FG(name##_of)(FG_ELEMENT(pa, a0, sa, i), FG_ELEMENT(pb, b0, sb, i), FG_ELEMENT(pc, c0, sc, i)); \
    }                                                                                                           \
    static void FG(name##_row)(const fg_call *call, const int64_t *at, int64_t n) {                             \
        const A *pa = FG_ROW(const A, 0);                                                                       \
        const T *pb = FG_ROW(const T, 1), *pc = FG_ROW(const T, 2);                                             \
        T *out = FG_ROW(T, 3);                                                                                  \
        int64_t sa = FG_STEP(0), sb = FG_STEP(1), sc = FG_STEP(2), so = FG_STEP(3);                             \
        FG_TRY3(name, 1, 1, 1)                                                                                  \
        FG_TRY3(name, 1, 1, 0)                                                                                  \
        FG_TRY3(name, 1, 0, 1)                                                                                  \
        FG_TRY3(name, 1, 0, 0)                                                                                  \
        FG(name##_loop)(n, out, so, pa, sa, pb, sb, pc, sc);                                                    \
    }                                                                                                           \
    FG_MAP_KERNEL(name, 4)

/* out = f(a, b, c, d) */
#define FG_TRY4(name, a1, b1, c1, d1)                               \
    if (so == 1 && sa == a1 && sb == b1 && sc == c1 && sd == d1) {  \
        FG(name##_loop)(n, out, 1, pa, a1, pb, b1, pc, c1, pd, d1); \
        return;                                                     \
    }
#define MAP4(name, a, b, c, d, formula)                                                                        \
    static FG_INLINE T FG(name##_of)(T a, T b, T c, T d) { return formula; }                                   \
    static FG_INLINE void FG(name##_loop)(int64_t n, T *out, int64_t so, const T *pa, int64_t sa, const T *pb, \
                                          int64_t sb, const T *pc, int64_t sc, const T *pd, int64_t sd) {      \
        const T a0 = *pa, b0 = *pb, c0 = *pc, d0 = *pd;                                                        \
        FG_SIMD                                                                                                \
        for (int64_t i = 0; i < n; i++)                                                                        \
            out[i * so] = FG(name##_of)(FG_ELEMENT(pa, a0, sa, i), FG_ELEMENT(pb, b0, sb, i),                  \
                                        FG_ELEMENT(pc, c0, sc, i), FG_ELEMENT(pd, d0, sd, i));                 \
    }                                                                                                          \
    static void FG(name##_row)(const fg_call *call, const int64_t *at, int64_t n) {                            \
        const T *pa = FG_ROW(const T, 0), *pb = FG_ROW(const T, 1);                                            \
        const T *pc = FG_ROW(const T, 2), *pd = FG_ROW(const T, 3);                                            \
        T *out = FG_ROW(T, 4);                                                                                 \
        int64_t sa = FG_STEP(0), sb = FG_STEP(1), sc = FG_STEP(2), sd = FG_STEP(3), so = FG_STEP(4);           \
        FG_TRY4(name, 1, 1, 1, 1)                                                                              \
        FG_TRY4(name, 1, 1, 0, 0)                                                                              \
        FG_TRY4(name, 1, 0, 0, 0)                                                                              \
        FG(name##_loop)(n, out, so, pa, sa, pb, sb, pc, sc, pd, sd);                                           \
    }                                                                                                          \
    FG_MAP_KERNEL(name, 5)

#endif
