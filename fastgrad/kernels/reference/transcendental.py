"""Transcendental functions beside exp, log, tanh and sigmoid: trigonometric, logarithms and exponentials, erf."""

import math

import numpy as np

from .common import give, kernel


@kernel
def sin(x, out=None):
    """out = sin x, x in radians; NaN where x is infinite"""
    return give(np.sin(x), out)


@kernel
def cos(x, out=None):
    """out = cos x, x in radians; NaN where x is infinite"""
    return give(np.cos(x), out)


@kernel
def tan(x, out=None):
    """out = sin x / cos x, x in radians; NaN where x is infinite"""
    return give(np.tan(x), out)


@kernel
def atan(x, out=None):
    """out = the angle between -pi/2 and pi/2 whose tangent is x"""
    return give(np.arctan(x), out)


@kernel
def expm1(x, out=None):
    """out = e^x - 1, without cancellation where x is small"""
    return give(np.expm1(x), out)


@kernel
def log1p(x, out=None):
    """out = ln(1 + x), without cancellation where x is small; -inf at -1, NaN below"""
    return give(np.log1p(x), out)


@kernel
def log2(x, out=None):
    """out = the logarithm of x to base 2; -inf at 0, NaN below"""
    return give(np.log2(x), out)


@kernel
def log10(x, out=None):
    """out = the logarithm of x to base 10; -inf at 0, NaN below"""
    return give(np.log10(x), out)


@kernel
def erf(x, out=None):
    """out = 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x

    NumPy has no erf: the C library's, in float64, rounded to the dtype of x (float64 for integers).
    """
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.float64
    return give(np.vectorize(math.erf, otypes=[np.float64])(x).astype(dtype), out)
