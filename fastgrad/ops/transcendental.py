"""Trigonometric functions, logarithms to other bases, and exponentials that are exact near 0.

Integers become float32 first. The kernels are within 4 units in the last place for every argument.
"""

import math

from .. import kernels
from .activation import sigmoid
from .base import OUT, Op, alike, apply, apply1
from .elementwise import add, div, exp, mul, neg, pow, sub
from .limits import nan_to_num

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


class LogAddExp(Op):
    """out = ln(e^a + e^b) = max(a, b) + ln(1 + e^-|a - b|);   da = dout s(a - b),   db = dout s(b - a), s the sigmoid.

    Of two equal infinities the difference counts as 0, so that the result is that infinity.
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
        d = nan_to_num(sub(a, b), 0.0, math.inf, -math.inf)
        to_a, to_b = ctx.inputs
        return (
            mul(dout, sigmoid(d)) if to_a is not None else None,
            mul(dout, sigmoid(neg(d))) if to_b is not None else None,
        )


def sin(x):
    """The sine of x in radians.

    >>> import fastgrad as fg
    >>> fg.sin(fg.tensor([0.0, 1.5707964]))
    tensor([0., 1.])
    """
    return apply1(Sin, x)


def cos(x):
    """The cosine of x in radians."""
    return apply1(Cos, x)


def tan(x):
    """The tangent of x in radians."""
    return apply1(Tan, x)


def atan(x):
    """The angle whose tangent is x, in (-pi/2, pi/2)."""
    return apply1(Atan, x)


def expm1(x):
    """e^x - 1, exact near 0 where the difference would cancel."""
    return apply1(Expm1, x)


def log1p(x):
    """ln(1 + x), exact near 0; -inf at -1, NaN below."""
    return apply1(Log1p, x)


def log2(x):
    """The logarithm to base 2: -inf at 0, NaN below."""
    return apply1(Log2, x)


def log10(x):
    """The logarithm to base 10: -inf at 0, NaN below."""
    return apply1(Log10, x)


def exp2(x):
    """2^x."""
    return pow(2.0, x)


def erf(x):
    """The error function, the chance that a normal variable of variance 1/2 lies within +-x.

    >>> import fastgrad as fg
    >>> fg.erf(fg.tensor([0.0, 0.5]))
    tensor([0.    , 0.5205])
    """
    return apply1(Erf, x)


def sinh(x):
    """(e^x - e^-x) / 2.

    With p = e^(x/2) - 1 and q = e^(-x/2) - 1 it is (p - q) ((p + q) / 2 + 1): nothing cancels near 0, and it overflows
    no sooner than the result does.
    """
    half = mul(x, 0.5)
    p, q = expm1(half), expm1(neg(half))
    return mul(sub(p, q), add(mul(add(p, q), 0.5), 1.0))


def cosh(x):
    """(e^x + e^-x) / 2, by squares of e^(x/2) and e^(-x/2): it overflows no sooner than the result does."""
    half = mul(x, 0.5)
    p, q = exp(half), exp(neg(half))
    return add(mul(mul(p, 0.5), p), mul(mul(q, 0.5), q))


def logaddexp(input, other):
    """ln(e^a + e^b) without overflow: the sum of two probabilities given as logarithms.

    >>> import fastgrad as fg
    >>> fg.logaddexp(fg.tensor([1000.0, -float("inf")]), fg.tensor([1000.0, -float("inf")]))
    tensor([1000.6932,      -inf])
    """
    return apply(LogAddExp, *alike("logaddexp", (input, other), floating=True))
