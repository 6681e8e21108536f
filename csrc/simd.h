/* What the loops of every family promise the compiler. */
#ifndef FASTGRAD_SIMD_H
#define FASTGRAD_SIMD_H

#include "fastgrad.h"

/* Before a loop: no element depends on another. Pointers may be equal, so `restrict` would promise too much. */
#if defined(__clang__)
#define FG_SIMD _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FG_SIMD _Pragma("GCC ivdep")
#else
#define FG_SIMD
#endif

/* A function that must melt into its caller: that is how its arguments become constants of a loop. */
#if defined(__GNUC__)
#define FG_INLINE inline __attribute__((always_inline))
#else
#define FG_INLINE inline
#endif

/* <math.h> for T, inside a body. All are exact on every instruction set; FG_RINT rounds halves to even. */
#define FG_SQRT(x) (FG_IS_F32 ? (T)sqrtf((float)(x)) : (T)sqrt((double)(x)))
#define FG_ABS(x) (FG_IS_F32 ? (T)fabsf((float)(x)) : (T)fabs((double)(x)))
#define FG_FLOOR(x) (FG_IS_F32 ? (T)floorf((float)(x)) : (T)floor((double)(x)))
#define FG_CEIL(x) (FG_IS_F32 ? (T)ceilf((float)(x)) : (T)ceil((double)(x)))
#define FG_TRUNC(x) (FG_IS_F32 ? (T)truncf((float)(x)) : (T)trunc((double)(x)))
#define FG_RINT(x) (FG_IS_F32 ? (T)rintf((float)(x)) : (T)rint((double)(x)))
#define FG_FMOD(a, b) (FG_IS_F32 ? (T)fmodf((float)(a), (float)(b)) : (T)fmod((double)(a), (double)(b)))
#define FG_COPYSIGN(x, sign) \
    (FG_IS_F32 ? (T)copysignf((float)(x), (float)(sign)) : (T)copysign((double)(x), (double)(sign)))

/* For a kernel whose labels may be wrong: the first offender is reported, whatever thread meets it. */
static inline void fg_refuse(fg_call *call, int64_t unit) {
    int32_t mine = unit < INT32_MAX - 1 ? (int32_t)unit + 1 : INT32_MAX;
    int32_t seen = __atomic_load_n(&call->status, __ATOMIC_RELAXED);
    while ((seen == 0 || mine < seen) &&
           !__atomic_compare_exchange_n(&call->status, &seen, mine, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

#endif
