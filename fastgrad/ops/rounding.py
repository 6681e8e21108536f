"""Rounding, and the quotients and remainders that are defined by it. Integers stay integers."""

import math

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .base import Op, apply, apply1, apply2, promoted, zero_slopes
from .dtypes import BOOL, is_floating, result_type
from .elementwise import Copy, div, mul, neg, sub

__all__ = ["ceil", "floor", "floor_divide", "fmod", "frac", "remainder", "round", "trunc"]


class Floor(Op):
    """out = the largest integer that is not above x;   dx = 0."""

    kernel = kernels.floor
    backward = staticmethod(zero_slopes)


class Ceil(Op):
    """out = the smallest integer that is not below x;   dx = 0."""

    kernel = kernels.ceil
    backward = staticmethod(zero_slopes)


class Trunc(Op):
    """out = x without its fraction;   dx = 0."""

    kernel = kernels.trunc
    backward = staticmethod(zero_slopes)


class Round(Op):
    """out = the integer nearest to x, and of two the even one;   dx = 0."""

    kernel = kernels.round
    backward = staticmethod(zero_slopes)


class FloorDivide(Op):
    """out = floor(a / b);   da = 0,   db = 0."""

    kernel = kernels.floor_divide
    backward = staticmethod(zero_slopes)

    @classmethod
    def forward(cls, ctx, a, b):
        return divided("floor_divide", np.floor_divide, kernels.floor_divide, a, b)


class TruncDivide(Op):
    """out = trunc(a / b);   da = 0,   db = 0."""

    backward = staticmethod(zero_slopes)

    @staticmethod
    def forward(ctx, a, b):
        return divided("div", integer_quotient, lambda a, b: kernels.trunc(kernels.div(a, b)), a, b)


class Remainder(Op):
    """out = a - b floor(a / b);   da = dout,   db = -dout floor(a / b)."""

    saves = (0, 1)
    kernel = kernels.remainder

    @classmethod
    def forward(cls, ctx, a, b):
        return divided("remainder", np.remainder, kernels.remainder, a, b)

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        return dout, neg(mul(dout, floor_divide(a, b))) if ctx.inputs[1] is not None else None


class Fmod(Op):
    """out = a - b trunc(a / b);   da = dout,   db = -dout trunc(a / b)."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, a, b):
        return divided("fmod", np.fmod, fmod_of_floats, a, b)

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        return dout, neg(mul(dout, trunc(div(a, b)))) if ctx.inputs[1] is not None else None


def fmod_of_floats(a, b):
    """|a| modulo |b|, which is exact, with the sign of a (0 for -0)."""
    sign = kernels.sign(a) if isinstance(a, np.ndarray) else math.copysign(1.0, a)
    a, b = (kernels.abs(x) if isinstance(x, np.ndarray) else math.fabs(x) for x in (a, b))
    return kernels.mul(kernels.remainder(a, b), sign)


def integer_quotient(a, b):
    """Towards zero, as C divides: what fmod leaves over is taken off first, so that nothing is rounded."""
    return np.floor_divide(a - np.fmod(a, b), b)


def divided(name, ufunc, kernel, a, b):
    """A quotient or remainder of two operands of one dtype; an integer is not divided by 0."""
    dtype = result_type(a, b)
    if is_floating(dtype):
        return kernel(a, b)
    if dtype == BOOL:
        raise TypeError(f"{name} needs numbers, not truth values; convert one of them, for example with .long()")

    def checked(a, b):
        if not np.all(b):
            raise ZeroDivisionError(f"{name}: an integer is divided by 0")
        return ufunc(a, b)

    return kernels.host(checked, a, b)


def floor_divide(input, other):
    """floor(input / other), of the exact quotient; its gradient is 0.

    >>> import fastgrad as fg
    >>> fg.floor_divide(fg.tensor([-5, 5]), 3)
    tensor([-2,  1])
    """
    return apply2(FloorDivide, input, other)


def remainder(input, other):
    """input - other floor(input / other): Python's %, with the sign of `other`.

    >>> import fastgrad as fg
    >>> fg.remainder(fg.tensor([5.5, -5.5]), 2), fg.fmod(fg.tensor([5.5, -5.5]), 2)
    (tensor([1.5, 0.5]), tensor([ 1.5, -1.5]))
    """
    return apply2(Remainder, input, other)


def fmod(input, other):
    """input - other trunc(input / other): C's fmod, with the sign of `input`.

    >>> import fastgrad as fg
    >>> fg.fmod(fg.tensor([-5.0, 5.0]), 3)
    tensor([-2.,  2.])
    """
    return apply(Fmod, *promoted(Fmod, input, other))


def rounded(op, x):
    """Integers are round already."""
    return apply1(op if is_floating(x.dtype) else Copy, x)


def floor(input):
    """The largest integer that is not above x; its gradient is 0."""
    return rounded(Floor, input)


def ceil(input):
    """The smallest integer that is not below x; its gradient is 0."""
    return rounded(Ceil, input)


def trunc(input):
    """x without its fraction; its gradient is 0."""
    return rounded(Trunc, input)


def round(input, decimals=0):
    """x rounded to a number of decimals (negative: to tens, hundreds), halves to the even neighbour. Its gradient is 0.

    As in PyTorch, decimals are reached by a multiplication, whose rounding can decide what a half is.

    >>> import fastgrad as fg
    >>> fg.round(fg.tensor([0.5, 1.5, -2.7])), fg.round(fg.tensor([1.2345]), decimals=2)
    (tensor([ 0.,  2., -3.]), tensor([1.23]))
    """
    if decimals == 0 or not is_floating(input.dtype):
        return rounded(Round, input)
    scale = 10.0 ** math.fabs(decimals)
    if decimals > 0:
        return div(apply1(Round, mul(input, scale)), scale)
    return mul(apply1(Round, div(input, scale)), scale)


def frac(input):
    """x - trunc(x), with the sign of x.

    >>> import fastgrad as fg
    >>> fg.frac(fg.tensor([1.5, -1.25]))
    tensor([ 0.5 , -0.25])
    """
    return sub(input, trunc(wrap(input.data) if isinstance(input, Value) else input))
