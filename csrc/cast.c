/* cast: from one dtype to another, rounding to nearest, or towards zero where integers are made. */
#ifndef FG_BODIES

#define FG_FAMILY "cast.c"
#include "map.h"

#include "foreach_isa.h"

#else

MAP1_AS(to_float32, float, double, x, (float)x)
MAP1_AS(to_float64, double, float, x, (double)x)
MAP1_AS(from_bool, T, uint8_t, x, (T)(x != 0))
MAP1_AS(from_int64, T, int64_t, x, (T)x)
MAP1_AS(to_bool, uint8_t, T, x, x != K(0))

/* C leaves open what NaN and numbers beyond 64 bits become; here it is -2^63, what x86 makes of them. */
MAP1_AS(to_int64, int64_t, T, x, x >= K(-0x1p63) && x < K(0x1p63) ? (int64_t)x : INT64_MIN)

#endif
