"""A point of the plane in polar coordinates: its distance from the origin and its angle."""

import math

import numpy as np

from .. import kernels
from .axes import raw
from .base import OUT, Op, alike, apply
from .elementwise import add, div, mul, neg, square

__all__ = ["atan2", "hypot"]


def magnitudes(a, b):
    """The smaller and the larger of |a| and |b|."""
    a, b = kernels.abs(a), kernels.abs(b)
    return kernels.minimum(a, b), kernels.maximum(a, b)


def is_negative(x):
    """Whether the sign bit is set, also of -0 (1 / -0 = -inf) and -inf."""
    return kernels.lt(kernels.add(x, kernels.reciprocal(x)), 0.0)


class Hypot(Op):
    """out = sqrt(a^2 + b^2) = l sqrt(1 + (s / l)^2), s and l the smaller and the larger magnitude;
    da = dout a / out,   db = dout b / out."""

    saves = (0, 1, OUT)
    floating = True

    @staticmethod
    def forward(ctx, a, b):
        small, large = magnitudes(a, b)
        ratio = kernels.nan_to_num(kernels.div(small, large), 0.0, 0.0, 0.0)  # of two zeros, of two infinities
        out = kernels.mul(large, kernels.sqrt(kernels.add(kernels.mul(ratio, ratio), 1.0)))
        infinite = kernels.logical_or(kernels.isinf(a), kernels.isinf(b))
        return kernels.where(infinite, math.inf, out)

    @staticmethod
    def backward(ctx, dout):
        a, b, out = ctx.saved
        to_a, to_b = ctx.inputs
        return (
            mul(dout, div(a, out)) if to_a is not None else None,
            mul(dout, div(b, out)) if to_b is not None else None,
        )


class Atan2(Op):
    """out = the angle of the point (x, y), from -pi to pi;   dy = dout x / (x^2 + y^2),   dx = -dout y / (x^2 + y^2).

    The angle to the nearer axis is arctan(s / l), s and l the smaller and the larger of |x| and |y|; the octant says
    from where it counts.
    """

    saves = (0, 1)
    floating = True

    @staticmethod
    def forward(ctx, y, x):
        small, large = magnitudes(x, y)
        ratio = kernels.where(kernels.eq(small, large), kernels.heaviside(large, 0.0), kernels.div(small, large))
        angle = kernels.atan(ratio)
        steep = kernels.gt(kernels.abs(y), kernels.abs(x))
        angle = kernels.where(steep, kernels.sub(math.pi / 2, angle), angle)
        angle = kernels.where(is_negative(x), kernels.sub(math.pi, angle), angle)
        return kernels.where(is_negative(y), kernels.neg(angle), angle)

    @staticmethod
    def backward(ctx, dout):
        y, x = ctx.saved
        to_y, to_x = ctx.inputs
        # x and y over the larger magnitude, where their squares would vanish or overflow. The scale cancels: a constant
        scale = kernels.nan_to_num(magnitudes(raw(x), raw(y))[1], 1.0, 1.0, 1.0)
        x, y = div(x, scale), div(y, scale)
        slope = div(div(dout, add(square(x), square(y))), scale)
        return mul(slope, x) if to_y is not None else None, neg(mul(slope, y)) if to_x is not None else None


def hypot(input, other):
    """sqrt(input^2 + other^2), where the squares would overflow too; infinite if either is.

    >>> import fastgrad as fg
    >>> fg.hypot(fg.tensor([3.0, 3e38]), fg.tensor([4.0, 0.0]))
    tensor([5.e+00, 3.e+38])
    """
    return apply(Hypot, *arrays("hypot", input, other))


def atan2(input, other):
    """The angle of the point (other, input) in radians, with the signs of zeros as in C.

    >>> import fastgrad as fg
    >>> fg.atan2(fg.tensor([1.0, 1.0, -1.0]), fg.tensor([1.0, -1.0, 0.0]))
    tensor([ 0.7854,  2.3562, -1.5708])
    """
    return apply(Atan2, *arrays("atan2", input, other))


def arrays(name, a, b):
    """Both promoted; a number becomes an array of no dimensions."""
    a, b = alike(name, (a, b), floating=True)
    if isinstance(a, (int, float)):
        return np.asarray(a, b.dtype), b
    return (a, np.asarray(b, a.dtype)) if isinstance(b, (int, float)) else (a, b)
