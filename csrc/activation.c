/* activation: nonlinearities and their gradients. Each gradient is written in terms of the output y, which the forward
 * pass has at hand. */
#ifndef FG_BODIES

#define FG_FAMILY "activation.c"
#include "map.h"

#include "foreach_isa.h"

#else

#include "vmath.h"

/* max(x, 0); NaN stays, and its slope is 1. */
MAP1(relu, x, x > 0 || x != x ? x : K(0))
MAP2(relu_backward, dout, y, y <= 0 ? K(0) : dout)

/* 1 / (1 + e^-x), and y' = y (1 - y) */
MAP1(sigmoid, x, FG(vsigmoid)(x))
MAP2(sigmoid_backward, dout, y, (dout * y * (K(1) - y)))

/* y' = 1 - y^2 */
MAP1(tanh, x, FG(vtanh)(x))
MAP2(tanh_backward, dout, y, (dout * (K(1) - y * y)))

#endif
