"""Elementwise kernels: out = f(a, b) for every element of operands that broadcast, in any NumPy dtype.

Shapes: every operand broadcasts to the shape of the result. A NaN operand makes a NaN, except where a comparison
decides (`equal`, `where`, `clip_backward`).
"""

import numpy as np

from .common import alike, give, kernel


@kernel
def add(a, b, out=None):
    """out = a + b"""
    return give(np.add(a, b), out)


@kernel
def sub(a, b, out=None):
    """out = a - b"""
    return give(np.subtract(a, b), out)


@kernel
def mul(a, b, out=None):
    """out = a b"""
    return give(np.multiply(a, b), out)


@kernel
def div(a, b, out=None):
    """out = a / b, true division"""
    return give(np.divide(a, b), out)


@kernel
def pow(a, b, out=None):
    """out = a^b; NaN for a negative, finite base with a fractional exponent

    C's: (-inf)^(1/2) is inf, (-0)^(1/2) is 0. Given 1/2 as one number, NumPy takes the square root: NaN and -0.
    """
    return give(np.power.reduce(np.broadcast_arrays(*alike(a, b))), out)


@kernel
def maximum(a, b, out=None):
    """out = the larger of a and b; NaN if either is NaN"""
    return give(np.maximum(a, b), out)


@kernel
def minimum(a, b, out=None):
    """out = the smaller of a and b; NaN if either is NaN"""
    return give(np.minimum(a, b), out)


@kernel
def heaviside(x, at_zero, out=None):
    """out = 0 for x < 0, at_zero for x = 0, 1 for x > 0: the derivative of max(x, 0), its value at 0 to be chosen"""
    return give(np.heaviside(x, at_zero), out)


@kernel
def equal(a, b, out=None):
    """out = 1 where a equals b, else 0, in the dtype of the operands; NaN equals nothing"""
    return give(np.equal(a, b).astype(np.result_type(a, b)), out)


@kernel
def neg(x, out=None):
    """out = -x"""
    return give(np.negative(x), out)


@kernel
def exp(x, out=None):
    """out = e^x"""
    return give(np.exp(x), out)


@kernel
def log(x, out=None):
    """out = ln x; -inf at 0, NaN below"""
    return give(np.log(x), out)


@kernel
def sqrt(x, out=None):
    """out = the square root of x; NaN below 0"""
    return give(np.sqrt(x), out)


@kernel
def abs(x, out=None):
    """out = |x|"""
    return give(np.abs(x), out)


@kernel
def sign(x, out=None):
    """out = -1, 0 or 1 as x is negative, zero or positive; NaN stays NaN"""
    return give(np.sign(x), out)


@kernel
def reciprocal(x, out=None):
    """out = 1 / x"""
    return give(np.divide(1, x), out)


@kernel
def floor(x, out=None):
    """out = the largest integer that is not above x"""
    return give(np.floor(x), out)


@kernel
def ceil(x, out=None):
    """out = the smallest integer that is not below x"""
    return give(np.ceil(x), out)


@kernel
def trunc(x, out=None):
    """out = x without its fraction"""
    return give(np.trunc(x), out)


@kernel
def round(x, out=None):
    """out = the integer nearest to x, and of two the even one"""
    return give(np.rint(x) if np.asarray(x).dtype.kind == "f" else np.array(x), out)


@kernel
def remainder(a, b, out=None):
    """out = a - b floor(a / b), of the exact quotient; it has the sign of b, and is NaN where b is 0"""
    return give(np.remainder(a, b), out)


@kernel
def floor_divide(a, b, out=None):
    """out = floor(a / b), of the exact quotient; a / b where b is 0"""
    return give(np.floor_divide(a, b), out)


@kernel
def lerp(start, end, weight, out=None):
    """out = start + weight (end - start), from `start` at weight 0 to `end` at weight 1

    Written from the nearer end, as in PyTorch, so that both are met exactly: where |weight| >= 1/2 it is
    end - (end - start) (1 - weight).
    """
    start, end, weight = alike(start, end, weight)
    near, far = start + weight * (end - start), end - (end - start) * (1 - weight)
    return give(np.where(np.abs(weight) < 0.5, near, far), out)


@kernel
def nan_to_num(x, nan, posinf, neginf, out=None):
    """out = nan, posinf, neginf where x is NaN, +inf, -inf; x elsewhere"""
    x, nan, posinf, neginf = alike(x, nan, posinf, neginf)
    return give(np.where(np.isnan(x), nan, np.where(np.isposinf(x), posinf, np.where(np.isneginf(x), neginf, x))), out)


@kernel
def copy(x, out=None):
    """out = x, in memory of its own"""
    return give(np.array(x), out)


@kernel
def fill(out, value):
    """out = value, everywhere; a value the dtype cannot hold is cast to it"""
    out[...] = value
    return out


@kernel
def clip(x, lo, hi, out=None):
    """out = min(max(x, lo), hi); NaN stays NaN, and hi wins where lo > hi"""
    return give(np.minimum(np.maximum(x, lo), hi), out)


@kernel
def clip_backward(dout, x, lo, hi, out=None):
    """out = dout where lo <= x <= hi, else 0: the gradient of clip with respect to x, passed on at both edges"""
    inside = np.logical_and(np.greater_equal(x, lo), np.less_equal(x, hi))
    zero = np.zeros((), dtype=np.asarray(dout).dtype)
    return give(np.where(inside, dout, zero), out)


@kernel
def where(cond, a, b, out=None):
    """out = a where cond holds, else b; cond is boolean"""
    return give(np.where(cond, a, b), out)
