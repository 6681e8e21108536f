"""Comparisons and logic: out is a bool for every element of operands that broadcast.

NaN is unequal to everything, itself included; every other comparison with it is false. A number is compared in the
dtype of the array. The compiled `logical_*` take bool arrays alone; the definition takes any dtype, 0 being false.
"""

import numpy as np

from .common import give, kernel


@kernel
def eq(a, b, out=None):
    """out = whether a = b"""
    return give(np.equal(a, b), out)


@kernel
def ne(a, b, out=None):
    """out = whether a and b differ"""
    return give(np.not_equal(a, b), out)


@kernel
def lt(a, b, out=None):
    """out = whether a < b"""
    return give(np.less(a, b), out)


@kernel
def le(a, b, out=None):
    """out = whether a <= b"""
    return give(np.less_equal(a, b), out)


@kernel
def gt(a, b, out=None):
    """out = whether a > b"""
    return give(np.greater(a, b), out)


@kernel
def ge(a, b, out=None):
    """out = whether a >= b"""
    return give(np.greater_equal(a, b), out)


@kernel
def isnan(x, out=None):
    """out = whether x is NaN"""
    return give(np.isnan(x), out)


@kernel
def isinf(x, out=None):
    """out = whether x is +inf or -inf"""
    return give(np.isinf(x), out)


@kernel
def isfinite(x, out=None):
    """out = whether x is neither infinite nor NaN"""
    return give(np.isfinite(x), out)


@kernel
def logical_and(a, b, out=None):
    """out = whether a and b hold"""
    return give(np.logical_and(a, b), out)


@kernel
def logical_or(a, b, out=None):
    """out = whether a or b holds, or both"""
    return give(np.logical_or(a, b), out)


@kernel
def logical_xor(a, b, out=None):
    """out = whether one of a and b holds, and the other does not"""
    return give(np.logical_xor(a, b), out)


@kernel
def logical_not(x, out=None):
    """out = whether x does not hold"""
    return give(np.logical_not(x), out)
