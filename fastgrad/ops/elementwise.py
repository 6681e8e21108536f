"""Elementwise ops, with NumPy's broadcasting (the tape undoes it in backward)."""

import math

import numpy as np

from .. import kernels
from .base import OUT, Op, apply, apply1, apply2, contiguous, promoted

__all__ = [
    "abs",
    "add",
    "clip",
    "copy",
    "div",
    "exp",
    "heaviside",
    "log",
    "maximum",
    "minimum",
    "mul",
    "neg",
    "pow",
    "sign",
    "sqrt",
    "sub",
    "where",
]


class Add(Op):
    """out = a + b;   da = dout,   db = dout."""

    kernel = kernels.add

    @staticmethod
    def backward(ctx, dout):
        return dout, dout


class Sub(Op):
    """out = a - b;   da = dout,   db = -dout."""

    kernel = kernels.sub

    @staticmethod
    def backward(ctx, dout):
        return dout, neg(dout) if ctx.inputs[1] is not None else None


class Mul(Op):
    """out = a b;   da = dout b,   db = dout a."""

    saves = (0, 1)
    kernel = kernels.mul

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        left, right = ctx.inputs
        return mul(dout, b) if left is not None else None, mul(dout, a) if right is not None else None


class Div(Op):
    """out = a / b;   da = dout / b,   db = -dout out / b."""

    saves = (1, OUT)
    floating = True
    kernel = kernels.div

    @staticmethod
    def backward(ctx, dout):
        b, out = ctx.saved
        da = div(dout, b)
        return da, neg(mul(da, out)) if ctx.inputs[1] is not None else None


class Pow(Op):
    """out = a^b;   da = dout b a^(b-1),   db = dout out log a.

    Where b = 0, da = 0 (not 0 a^-1, which is NaN at a = 0); where a = 0, db = 0 (not 0 log 0).
    """

    saves = (0, 1, OUT)
    kernel = kernels.pow

    @staticmethod
    def backward(ctx, dout):
        a, b, out = ctx.saved
        da = db = None
        if ctx.inputs[0] is not None:
            if isinstance(b, (int, float)):
                lower = b - 1 if b else 0.0
            else:
                lower = add(sub(b, 1.0), equal(b, 0.0))
            da = mul(mul(dout, b), pow(a, lower))
        if ctx.inputs[1] is not None:
            if isinstance(a, (int, float)):
                slope = math.log(a or 1.0) if a >= 0 else math.nan
            else:
                slope = log(add(a, equal(a, 0.0)))
            db = mul(mul(dout, out), slope)
        return da, db


class Neg(Op):
    """out = -x;   dx = -dout."""

    kernel = kernels.neg

    @staticmethod
    def backward(ctx, dout):
        return neg(dout)


class Exp(Op):
    """out = e^x;   dx = dout out."""

    saves = (OUT,)
    floating = True
    kernel = kernels.exp

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, ctx.saved)


class Log(Op):
    """out = ln x;   dx = dout / x."""

    saves = (0,)
    floating = True
    kernel = kernels.log

    @staticmethod
    def backward(ctx, dout):
        return div(dout, ctx.saved)


class Sqrt(Op):
    """out = sqrt(x);   dx = dout / (2 out)."""

    saves = (OUT,)
    floating = True
    kernel = kernels.sqrt

    @staticmethod
    def backward(ctx, dout):
        return div(dout, mul(ctx.saved, 2.0))


class Abs(Op):
    """out = |x|;   dx = dout sign(x), 0 at 0."""

    saves = (0,)
    kernel = kernels.abs

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, sign(ctx.saved))


class Maximum(Op):
    """out = max(a, b);   da = dout [a > b],   db = dout [b > a],   half each where they are equal."""

    saves = (0, 1)
    kernel = kernels.maximum

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        return mul(dout, heaviside(sub(a, b), 0.5)), mul(dout, heaviside(sub(b, a), 0.5))


class Minimum(Op):
    """out = min(a, b);   da = dout [a < b],   db = dout [b < a],   half each where they are equal."""

    saves = (0, 1)
    kernel = kernels.minimum

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        return mul(dout, heaviside(sub(b, a), 0.5)), mul(dout, heaviside(sub(a, b), 0.5))


class Clip(Op):
    """out = min(max(x, lo), hi);   dx = dout where lo <= x <= hi, else 0. The bounds are constants."""

    saves = (0,)

    @staticmethod
    def forward(ctx, x, lo, hi):
        ctx.info = lo, hi
        return kernels.clip(x, lo, hi)

    @staticmethod
    def backward(ctx, dout):
        return apply(ClipBackward, dout, ctx.saved, *ctx.info)


class ClipBackward(Op):
    """out = dout where lo <= x <= hi, else 0: linear in dout."""

    saves = (1,)

    @staticmethod
    def forward(ctx, dout, x, lo, hi):
        ctx.info = lo, hi
        return kernels.clip_backward(dout, x, lo, hi)

    @staticmethod
    def backward(ctx, ddx):
        return apply(ClipBackward, ddx, ctx.saved, *ctx.info)


class Where(Op):
    """out = a where cond, else b;   da = dout where cond, else 0,   db the other way round."""

    saves = (0,)
    kernel = kernels.where

    @staticmethod
    def backward(ctx, dout):
        cond = ctx.saved
        return None, where(cond, dout, 0.0), where(cond, 0.0, dout)


class Sign(Op):
    """out = -1, 0 or 1; its gradient is 0 almost everywhere."""

    kernel = kernels.sign


class Heaviside(Op):
    """out = 0 where x < 0, at_zero where x = 0, 1 where x > 0; its gradient is 0 almost everywhere."""

    kernel = kernels.heaviside


class Equal(Op):
    """out = 1 where a = b, else 0, in the dtype of the operands; its gradient is 0 almost everywhere."""

    kernel = kernels.equal


class Copy(Op):
    """out = x in memory of its own;   dx = dout."""

    kernel = kernels.copy

    @staticmethod
    def backward(ctx, dout):
        return dout


class Contiguous(Op):
    """out = x with its elements in order;   dx = dout."""

    @staticmethod
    def forward(ctx, x):
        return contiguous(x)

    @staticmethod
    def backward(ctx, dout):
        return dout


def add(a, b, alpha=1):
    """a + alpha b with broadcasting."""
    return apply2(Add, a, b if alpha == 1 else mul(b, alpha))


def sub(a, b, alpha=1):
    """a - alpha b with broadcasting."""
    return apply2(Sub, a, b if alpha == 1 else mul(b, alpha))


def mul(a, b):
    """a * b with broadcasting."""
    return apply2(Mul, a, b)


def div(a, b):
    """a / b with broadcasting, true division."""
    return apply2(Div, a, b)


def pow(a, b):
    """a ** b with broadcasting; a square is one multiplication."""
    if isinstance(b, (int, float)) and b == 2:
        return mul(a, a)
    return apply2(Pow, a, b)


def neg(x):
    """-x."""
    return apply1(Neg, x)


def exp(x):
    """e ** x."""
    return apply1(Exp, x)


def log(x):
    """The natural logarithm: -inf at 0, NaN below."""
    return apply1(Log, x)


def sqrt(x):
    """The square root: NaN below 0."""
    return apply1(Sqrt, x)


def abs(x):
    """|x|."""
    return apply1(Abs, x)


def sign(x):
    """-1, 0 or 1."""
    return apply1(Sign, x)


def heaviside(x, at_zero):
    """The step function, with a chosen value at 0."""
    return apply2(Heaviside, x, at_zero)


def equal(a, b):
    """1 where a = b, else 0, as floats."""
    return apply2(Equal, a, b)


def maximum(a, b):
    """The larger of two, element by element; NaN wins."""
    return apply2(Maximum, a, b)


def minimum(a, b):
    """The smaller of two, element by element; NaN wins."""
    return apply2(Minimum, a, b)


def clip(x, min=None, max=None):
    """x held between two numbers; None is no bound."""
    if min is None and max is None:
        raise ValueError("clip needs min or max")
    return apply(Clip, x, -math.inf if min is None else float(min), math.inf if max is None else float(max))


def where(cond, a, b):
    """a where cond, else b."""
    cond = getattr(cond, "data", cond) if not isinstance(cond, np.ndarray) else cond
    if cond.dtype != np.bool_:
        raise TypeError(f"where: cond must be a bool tensor, not {cond.dtype}; compare first, for example cond > 0")
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        a, b = promoted(Where, a, b)
    return apply(Where, cond, a, b)


def copy(x):
    """x in memory of its own; differentiable (PyTorch's clone)."""
    return apply1(Copy, x)
