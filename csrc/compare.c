/* compare: truth values, in bytes of 0 and 1, which is how NumPy keeps a bool. */
#ifndef FG_BODIES

#define FG_FAMILY "compare.c"
#include "map.h"

#include "foreach_isa.h"

#else

/* NaN is unequal to everything, itself included; every other comparison with it is false. */
MAP2_AS(eq, uint8_t, T, a, b, a == b)
MAP2_AS(ne, uint8_t, T, a, b, a != b)
MAP2_AS(lt, uint8_t, T, a, b, a < b)
MAP2_AS(le, uint8_t, T, a, b, a <= b)
MAP2_AS(gt, uint8_t, T, a, b, a > b)
MAP2_AS(ge, uint8_t, T, a, b, a >= b)

MAP1_AS(isnan, uint8_t, T, x, x != x)
MAP1_AS(isinf, uint8_t, T, x, FG_ABS(x) == K(INFINITY))
MAP1_AS(isfinite, uint8_t, T, x, FG_ABS(x) < K(INFINITY))

/* Any byte but 0 is true: a view of other memory may hold one. */
MAP2_AS(logical_and, uint8_t, uint8_t, a, b, (a != 0) & (b != 0))
MAP2_AS(logical_or, uint8_t, uint8_t, a, b, (a | b) != 0)
MAP2_AS(logical_xor, uint8_t, uint8_t, a, b, (a != 0) ^ (b != 0))
MAP1_AS(logical_not, uint8_t, uint8_t, x, x == 0)

#endif
