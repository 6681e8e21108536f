"""Trigonometric functions, logarithms to other bases, and exponentials that are exact near 0.

Integers become float32 first. The kernels are within 4 units in the last place for every argument.
"""

import math

from .. import kernels
from .activation import sigmoid
from .base import OUT, Op, alike, apply, apply1, promoted
from .compare import eq, isinf, logical_and
from .elementwise import add, div, exp, mul, neg, pow, sub, where

__all__ = [
    "atan",
    "cos",
    "cosh",
    "erf",
    "exp2",
    "expm1",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "sin",
    "sinh",
    "tan",
]


class Sin(Op):
    """out = sin x;   dx = dout cos x."""

    saves = (0,)
    floating = True
    kernel = kernels.sin

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, cos(ctx.saved))


class Cos(Op):
    """out = cos x;   dx = -dout sin x."""

    saves = (0,)
    floating = True
    kernel = kernels.cos

    @staticmethod
    def backward(ctx, dout):
        return neg(mul(dout, sin(ctx.saved)))


class Tan(Op):
    """out = tan x;   dx = dout (1 + out^2)."""

    saves = (OUT,)
    floating = True
    kernel = kernels.tan

    @staticmethod
    def backward(ctx, dout):
        out = ctx.saved
        return mul(dout, add(mul(out, out), 1.0))


class Atan(Op):
    """out = arctan x;   dx = dout / (1 + x^2)."""

    saves = (0,)
    floating = True
    kernel = kernels.atan

    @staticmethod
    def backward(ctx, dout):
        x = ctx.saved
        return div(dout, add(mul(x, x), 1.0))


class Expm1(Op):
    """out = e^x - 1;   dx = dout (out + 1)."""

    saves = (OUT,)
    floating = True
    kernel = kernels.expm1

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, add(ctx.saved, 1.0))


class Log1p(Op):
    """out = ln(1 + x);   dx = dout / (1 + x)."""

    saves = (0,)
    floating = True
    kernel = kernels.log1p

    @staticmethod
    def backward(ctx, dout):
        return div(dout, add(ctx.saved, 1.0))


class Log2(Op):
    """out = log2 x;   dx = dout / (x ln 2)."""

    saves = (0,)
    floating = True
    kernel = kernels.log2

    @staticmethod
    def backward(ctx, dout):
        return div(dout, mul(ctx.saved, math.log(2.0)))


class Log10(Op):
    """out = log10 x;   dx = dout / (x ln 10)."""

    saves = (0,)
    floating = True
    kernel = kernels.log10

    @staticmethod
    def backward(ctx, dout):
        return div(dout, mul(ctx.saved, math.log(10.0)))


class Erf(Op):
    """out = 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x;   dx = dout 2 / sqrt(pi) e^-x^2."""

    saves = (0,)
    floating = True
    kernel = kernels.erf

    @staticmethod
    def backward(ctx, dout):
        x = ctx.saved
        return mul(mul(dout, exp(neg(mul(x, x)))), 2.0 / math.sqrt(math.pi))


class Sinh(Op):
    """out = sinh x = (e^x - e^-x) / 2;   dx = dout cosh x.

    With p = e^(x/2) - 1 and q = e^(-x/2) - 1 it is (p - q) / 2 times p + q + 2: nothing cancels near 0, and it
    overflows no sooner than the result does.
    """

    saves = (0,)
    floating = True

    @staticmethod
    def forward(ctx, x):
        half = kernels.mul(x, 0.5)
        p, q = kernels.expm1(half), kernels.expm1(kernels.neg(half))
        return kernels.mul(kernels.mul(kernels.sub(p, q), 0.5), kernels.add(kernels.add(p, q), 2.0))

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, cosh(ctx.saved))


class Cosh(Op):
    """out = cosh x = (e^x + e^-x) / 2, by squares of e^(x/2) and e^(-x/2);   dx = dout sinh x."""

    saves = (0,)
    floating = True

    @staticmethod
    def forward(ctx, x):
        half = kernels.mul(x, 0.5)
        p, q = kernels.exp(half), kernels.exp(kernels.neg(half))
        return kernels.add(kernels.mul(kernels.mul(p, 0.5), p), kernels.mul(kernels.mul(q, 0.5), q))

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, sinh(ctx.saved))


class LogAddExp(Op):
    """out = ln(e^a + e^b) = max(a, b) + ln(1 + e^-|a - b|);   da = dout s(a - b),   db = dout s(b - a), s the sigmoid.

    Of two equal infinities the difference counts as 0, so that the result is that infinity; a NaN in a or b is one in
    the result and in both gradients.
    """

    saves = (0, 1)
    floating = True

    @staticmethod
    def forward(ctx, a, b):
        d = kernels.nan_to_num(kernels.sub(a, b), 0.0, math.inf, -math.inf)
        return kernels.add(kernels.maximum(a, b), kernels.log1p(kernels.exp(kernels.neg(kernels.abs(d)))))

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        d = where(logical_and(eq(a, b), isinf(a)), 0.0, sub(a, b))
        to_a, to_b = ctx.inputs
        return (
            mul(dout, sigmoid(d)) if to_a is not None else None,
            mul(dout, sigmoid(neg(d))) if to_b is not None else None,
        )


def sin(input):
    """The sine of x in radians.

    >>> import fastgrad as fg
    >>> fg.sin(fg.tensor([0.0, 1.5707964]))
    tensor([0., 1.])
    """
    return apply1(Sin, input)


def cos(input):
    """The cosine of x in radians."""
    return apply1(Cos, input)


def tan(input):
    """The tangent of x in radians."""
    return apply1(Tan, input)


def atan(input):
    """The angle whose tangent is x, in (-pi/2, pi/2)."""
    return apply1(Atan, input)


def expm1(input):
    """e^x - 1, exact near 0 where the difference would cancel.

    >>> import fastgrad as fg
    >>> fg.expm1(fg.tensor([1e-10, 1.0]))
    tensor([1.0000e-10, 1.7183e+00])
    """
    return apply1(Expm1, input)


def log1p(input):
    """ln(1 + x), exact near 0; -inf at -1, NaN below.

    >>> import fastgrad as fg
    >>> fg.log1p(fg.tensor([1e-10, -1.0]))
    tensor([1.e-10,   -inf])
    """
    return apply1(Log1p, input)


def log2(input):
    """The logarithm to base 2: -inf at 0, NaN below."""
    return apply1(Log2, input)


def log10(input):
    """The logarithm to base 10: -inf at 0, NaN below."""
    return apply1(Log10, input)


def exp2(input):
    """2^x."""
    return pow(2.0, input)


def erf(input):
    """The error function, the chance that a normal variable of variance 1/2 lies within +-x.

    >>> import fastgrad as fg
    >>> fg.erf(fg.tensor([0.0, 0.5]))
    tensor([0.    , 0.5205])
    """
    return apply1(Erf, input)


def sinh(input):
    """The hyperbolic sine, (e^x - e^-x) / 2, exact near 0."""
    return apply(Sinh, *promoted(Sinh, input))


def cosh(input):
    """The hyperbolic cosine, (e^x + e^-x) / 2."""
    return apply(Cosh, *promoted(Cosh, input))


def logaddexp(input, other):
    """ln(e^a + e^b) without overflow: the sum of two probabilities given as logarithms.

    >>> import fastgrad as fg
    >>> fg.logaddexp(fg.tensor([1000.0, -float("inf")]), fg.tensor([1000.0, -float("inf")]))
    tensor([1000.6932,      -inf])
    """
    return apply(LogAddExp, *alike("logaddexp", (input, other), floating=True))
