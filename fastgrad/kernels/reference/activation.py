"""Activations, and their gradients in terms of the output y, which the forward pass has at hand.

Shapes: every operand broadcasts to the shape of the result.
"""

import numpy as np

from .common import give, kernel


@kernel
def relu(x, out=None):
    """out = max(x, 0); NaN stays NaN

    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """
    return give(np.maximum(x, 0), out)


@kernel
def relu_backward(dout, y, out=None):
    """out = dout, and 0 where y <= 0: at the kink the slope is taken as 0, at NaN as 1"""
    zero = np.zeros((), dtype=np.asarray(dout).dtype)
    return give(np.where(np.less_equal(y, 0), zero, dout), out)


@kernel
def sigmoid(x, out=None):
    """out = 1 / (1 + e^-x)

    Written with e^-|x|, which cannot overflow: 1 / (1 + e^-x) for x >= 0, and e^x / (1 + e^x) for x < 0.
    """
    e = np.exp(-np.abs(x))
    return give(np.where(np.greater_equal(x, 0), 1 / (1 + e), e / (1 + e)), out)


@kernel
def sigmoid_backward(dout, y, out=None):
    """out = dout y (1 - y)"""
    return give(dout * y * (1 - y), out)


@kernel
def tanh(x, out=None):
    """out = (e^x - e^-x) / (e^x + e^-x)"""
    return give(np.tanh(x), out)


@kernel
def tanh_backward(dout, y, out=None):
    """out = dout (1 - y^2)"""
    return give(dout * (1 - y * y), out)
