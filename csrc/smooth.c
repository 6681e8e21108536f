/* smooth: curved units, ELU to GELU, to 4 units in the last place, and their gradients. An argument is held where the
 * result has become constant, or a multiple of it: so no slope is NaN at an infinity. */
#ifndef FG_BODIES

#define FG_FAMILY "smooth.c"
#include "map.h"

#include "foreach_isa.h"

#else

#include "vmath.h"

#include "vmath_gate.h"

/* x where it is positive, alpha (e^x - 1) elsewhere; NaN has the slope of the positive side, as in PyTorch. */
MAP2(elu, x, alpha, x <= 0 ? (alpha * FG(vexpm1)(x)) : x)
MAP3(elu_backward, T, dout, x, alpha, x <= 0 ? (dout * (alpha * FG(vexp)(x))) : dout)

/* alpha (e^(x / alpha) - 1): its slope at 0 is 1 for any alpha. */
MAP2(celu, x, alpha, x <= 0 ? (alpha * FG(vexpm1)(x / alpha)) : x)
MAP3(celu_backward, T, dout, x, alpha, x <= 0 ? (dout * FG(vexp)(x / alpha)) : dout)

/* lambda ELU(x), with the alpha and lambda that keep mean 0 and variance 1 (Klambauer et al., 2017). */
#define FG_SELU_LAMBDA K(1.0507009873554804934193349852946)
#define FG_SELU_BOTH K(1.7580993408473766) /* alpha lambda */
MAP1(selu, x, x <= 0 ? (FG_SELU_BOTH * FG(vexpm1)(x)) : (FG_SELU_LAMBDA * x))
MAP2(selu_backward, dout, x, x <= 0 ? (dout * (FG_SELU_BOTH * FG(vexp)(x))) : (dout * FG_SELU_LAMBDA))

/* ln(1 + e^z) / beta, z = beta x, as max(z, 0) + ln(1 + e^-|z|); x itself where z > threshold */
static FG_INLINE T FG(ln_one_exp)(T z) { return (z < 0 ? K(0) : z) + FG(vlog1p)(FG(vexp)(-FG_ABS(z))); }

MAP3(softplus, T, x, beta, threshold, x *beta > threshold ? x : (FG(ln_one_exp)(x * beta) / beta))
MAP4(softplus_backward, dout, x, beta, threshold, x *beta > threshold ? dout : (dout * FG(vsigmoid)(x * beta)))

/* ln(1 / (1 + e^-x)) */
MAP1(logsigmoid, x, (x < 0 ? x : K(0)) - FG(vlog1p)(FG(vexp)(-FG_ABS(x))))
MAP2(logsigmoid_backward, dout, x, (dout * FG(vsigmoid)(-x)))

/* x sigmoid(x), and s (1 + x (1 - s)) */
MAP1(silu, x, FG(vsilu)(x))
MAP2(silu_backward, dout, x, (dout * FG(vsilu_slope)(x)))

/* x Phi(x), and Phi(x) + x phi(x) */
MAP1(gelu, x, FG(vgelu)(x))
MAP2(gelu_backward, dout, x, (dout * FG(vgelu_slope)(x)))

/* x sigmoid(z), z = 2 sqrt(2 / pi) (x + 0.044715 x^3), and s + x s (1 - s) z' */
MAP1(gelu_tanh, x, FG(vgelu_tanh)(x))
MAP2(gelu_tanh_backward, dout, x, (dout * FG(vgelu_tanh_slope)(x)))

#endif
