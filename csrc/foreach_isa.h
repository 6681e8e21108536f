/* Includes a family's bodies once for each instruction set and dtype. A family file looks like this:
 *
 *     #ifndef FG_BODIES                 // first reading: ask for the bodies, many times
 *     #define FG_FAMILY "scale.c"
 *     #include "foreach_isa.h"
 *     #else                             // later readings: T, FG(name) and FG_FMA mean this dtype and this set
 *     void FG(scale)(fg_call *call, int phase, int64_t lo, int64_t hi) { ... }
 *     #endif
 *
 * What a body may use:
 *     T            float or double                     FG(name)   fg_name_f32_avx2 and so on
 *     FG_IS_F32    1 or 0, for constants               FG_INT     the signed integer as wide as T; FG_UINT unsigned
 *     FG_FMA       1 where one fused multiply-add is one instruction (only transcendentals may fuse)
 *     K(x)         a constant in this dtype
 *
 * A body is plain C over `restrict` pointers which the compiler vectorises to the set's full width. Products are built
 * with -ffp-contract=off, so + - * / sqrt give the same bits on every set.
 */
#include "fastgrad.h"

#include <math.h>
#include <string.h>

#define FG_PASTE_(name, dtype, isa) fg_##name##_##dtype##_##isa
#define FG_PASTE(name, dtype, isa) FG_PASTE_(name, dtype, isa)
#define FG(name) FG_PASTE(name, FG_DT, FG_IS)
#define K(x) ((T)(x))

#define FG_IS baseline
#define FG_VECTOR_BYTES 16
#if defined(__ARM_FEATURE_FMA)
#define FG_FMA 1
#else
#define FG_FMA 0
#endif
#include "foreach_dtype.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#define FG_IS avx2
#define FG_VECTOR_BYTES 32
#define FG_FMA 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#include "foreach_dtype.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#define FG_IS avx512
#define FG_VECTOR_BYTES 64
#define FG_FMA 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,fma,prefer-vector-width=512")
#endif
#include "foreach_dtype.h"
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
