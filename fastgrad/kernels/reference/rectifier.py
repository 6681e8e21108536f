"""Units of straight pieces, and their gradients. Shapes: every operand broadcasts to the shape of the result."""

import numpy as np

from .common import give, kernel
from .reduce import sum


@kernel
def leaky_relu(x, slope, out=None):
    """out = x where x > 0, else slope x

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """
    return give(np.where(np.greater(x, 0), x, slope * x), out)


@kernel
def leaky_relu_backward(dout, x, slope, out=None):
    """out = dout where x > 0, else slope dout"""
    return give(np.where(np.greater(x, 0), dout, slope * dout), out)


@kernel
def prelu_slope(dout, x, out=None):
    """out = the sum over R of dout x where x is not positive: the gradient of the slope of leaky_relu

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015, equation 11. Summed in the order of `sum`.
    """
    zero = np.zeros((), dtype=np.asarray(x).dtype)
    return sum(np.where(np.greater(x, 0), zero, x * dout), out)


@kernel
def hardtanh_backward(dout, x, lo, hi, out=None):
    """out = dout, and 0 where x <= lo or x >= hi: both bounds belong to the outside"""
    zero = np.zeros((), dtype=np.asarray(dout).dtype)
    return give(np.where(np.less_equal(x, lo) | np.greater_equal(x, hi), zero, dout), out)


@kernel
def hardsigmoid(x, out=None):
    """out = min(max(x + 3, 0), 6) / 6"""
    return give(np.minimum(np.maximum(x + 3, 0), 6) / 6, out)


@kernel
def hardsigmoid_backward(dout, x, out=None):
    """out = dout / 6 where -3 < x < 3, else 0"""
    return give(np.where(np.greater(x, -3) & np.less(x, 3), dout / 6, 0), out)


@kernel
def hardswish(x, out=None):
    """out = x min(max(x + 3, 0), 6) / 6: x from 3 on, 0 up to -3

    Howard et al., "Searching for MobileNetV3", 2019.
    """
    return give(np.where(np.greater_equal(x, 3), x, np.where(np.less_equal(x, -3), -0.0, x * (x + 3) / 6)), out)


@kernel
def hardswish_backward(dout, x, out=None):
    """out = dout (x / 3 + 1 / 2) between -3 and 3, dout from 3 on, 0 up to -3"""
    inner = np.where(np.less_equal(x, -3), 0.0, dout * (x / 3 + 0.5))
    return give(np.where(np.greater_equal(x, 3), dout, inner), out)


@kernel
def softsign(x, out=None):
    """out = x / (1 + |x|), the sign of x where that is infinite"""
    return give(np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x))), out)


@kernel
def softsign_backward(dout, x, out=None):
    """out = dout / (1 + |x|)^2"""
    below = 1 + np.abs(x)
    return give(dout / (below * below), out)
