"""Arithmetic, element by element, with NumPy's broadcasting (the tape undoes it in backward)."""

import math

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .base import OUT, Op, alike, apply, apply1, apply2, contiguous, promoted, zero_slopes
from .cast import cast
from .compare import eq, fits
from .dtypes import is_floating, result_type

__all__ = [
    "abs",
    "absolute",
    "add",
    "addcdiv",
    "addcmul",
    "copy",
    "div",
    "divide",
    "exp",
    "lerp",
    "log",
    "masked_fill",
    "mul",
    "multiply",
    "neg",
    "negative",
    "pow",
    "reciprocal",
    "rsqrt",
    "sign",
    "sqrt",
    "square",
    "sub",
    "subtract",
    "true_divide",
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
    crossed = True
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
    def keep(node, arrays, out):
        return arrays[1], out if node.second is not None else None

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
                lower = where(eq(b, 0.0), 0.0, sub(b, 1.0))
            da = mul(mul(dout, b), pow(a, lower))
        if ctx.inputs[1] is not None:
            if isinstance(a, (int, float)):
                slope = math.log(a or 1.0) if a >= 0 else math.nan
            else:
                slope = log(where(eq(a, 0.0), 1.0, a))
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


class Reciprocal(Op):
    """out = 1 / x;   dx = -dout out^2."""

    saves = (OUT,)
    floating = True
    kernel = kernels.reciprocal

    @staticmethod
    def backward(ctx, dout):
        out = ctx.saved
        return neg(mul(dout, mul(out, out)))


class Abs(Op):
    """out = |x|;   dx = dout sign(x), 0 at 0."""

    saves = (0,)
    kernel = kernels.abs

    @staticmethod
    def backward(ctx, dout):
        return mul(dout, sign(ctx.saved))


class Sign(Op):
    """out = -1, 0 or 1;   dx = 0."""

    kernel = kernels.sign
    backward = staticmethod(zero_slopes)


class Lerp(Op):
    """out = a + w (b - a);   da = dout (1 - w),   db = dout w,   dw = dout (b - a)."""

    saves = (0, 1, 2)
    floating = True
    kernel = kernels.lerp

    @staticmethod
    def keep(node, arrays, out):
        a, b, w = arrays
        return (a, b, w) if node.inputs[2] is not None else (None, None, w)

    @staticmethod
    def backward(ctx, dout):
        a, b, w = ctx.saved
        to_a, to_b, to_w = ctx.inputs
        return (
            mul(dout, sub(1.0, w) if not isinstance(w, (int, float)) else 1.0 - w) if to_a is not None else None,
            mul(dout, w) if to_b is not None else None,
            mul(dout, sub(b, a)) if to_w is not None else None,
        )


class Where(Op):
    """out = a where cond, else b;   da = dout where cond, else 0,   db the other way round."""

    saves = (0,)
    kernel = kernels.where

    @staticmethod
    def backward(ctx, dout):
        cond = ctx.saved
        _, to_a, to_b = ctx.inputs
        return (
            None,
            where(cond, dout, 0.0) if to_a is not None else None,
            where(cond, 0.0, dout) if to_b is not None else None,
        )


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


def add(input, other, alpha=1):
    """input + alpha other.

    >>> import fastgrad as fg
    >>> fg.add(fg.tensor([1.0, 2.0]), fg.tensor([[10.0], [20.0]]), alpha=2)
    tensor([[21., 22.],
            [41., 42.]])
    """
    return apply2(Add, input, other if alpha == 1 else mul(other, alpha))


def sub(input, other, alpha=1):
    """input - alpha other.

    >>> import fastgrad as fg
    >>> fg.sub(fg.tensor([1.0, 2.0]), fg.tensor([1.0, 1.0]), alpha=10)
    tensor([-9., -8.])
    """
    return apply2(Sub, input, other if alpha == 1 else mul(other, alpha))


def mul(input, other):
    """input * other."""
    return apply2(Mul, input, other)


def div(input, other, rounding_mode=None):
    """input / other, true division: of integers a float32.

    rounding_mode: "trunc" rounds the quotient towards zero, "floor" down (`floor_divide`); integers stay integers, and
    ZeroDivisionError is raised where one is divided by 0.

    >>> import fastgrad as fg
    >>> a = fg.tensor([7, -7])
    >>> a / 2, fg.div(a, 2, rounding_mode="trunc"), fg.div(a, 2, rounding_mode="floor")
    (tensor([ 3.5, -3.5]), tensor([ 3, -3]), tensor([ 3, -4]))
    """
    if rounding_mode is None:
        return apply2(Div, input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ValueError(f'div: rounding_mode must be None, "trunc" or "floor", not {rounding_mode!r}')
    return apply(TruncDivide, *promoted(TruncDivide, input, other))


def arrays_of(*operands):
    return [x.data if isinstance(x, Value) else x for x in operands]


def pow(input, exponent):
    """input ** exponent; a square is one multiplication. Special values are C's: -inf to the power 0.5 is inf.

    Errors: ValueError for integers to negative integer powers.
    """
    kind = type(exponent)
    if (kind is int or kind is float) and exponent == 2 and input.dtype.kind in ("f" if kind is float else "fiu"):
        return mul(input, input)
    return apply2(Pow, input, exponent)


def square(input):
    """x^2."""
    return pow(input, 2)


def neg(input):
    """-x."""
    return apply1(Neg, input)


def exp(input):
    """e ** x."""
    return apply1(Exp, input)


def log(input):
    """The natural logarithm: -inf at 0, NaN below. Integers become floats.

    >>> import fastgrad as fg
    >>> fg.log(fg.tensor([0.0, 1.0, -1.0]))
    tensor([-inf,   0.,  nan])
    """
    return apply1(Log, input)


def sqrt(input):
    """The square root: NaN below 0. Its gradient at 0 is inf."""
    return apply1(Sqrt, input)


def rsqrt(input):
    """1 / sqrt(x): inf at 0, NaN below.

    >>> import fastgrad as fg
    >>> fg.rsqrt(fg.tensor([4.0, 0.0]))
    tensor([0.5, inf])
    """
    return reciprocal(sqrt(input))


def reciprocal(input):
    """1 / x."""
    return apply1(Reciprocal, input)


def abs(input):
    """|x|. Its gradient at 0 is 0, at NaN NaN (PyTorch: 0)."""
    return apply1(Abs, input)


def sign(input):
    """-1, 0 or 1; NaN stays NaN (PyTorch: 0). Its gradient is 0."""
    return apply1(Sign if input.dtype.kind != "b" else Copy, input)


def lerp(input, end, weight):
    """input + weight (end - input): on the line from `input` at weight 0 to `end` at weight 1.

    >>> import fastgrad as fg
    >>> fg.lerp(fg.tensor([0.0, 10.0]), fg.tensor([1.0, 20.0]), 0.25)
    tensor([ 0.25, 12.5 ])
    """
    return apply(Lerp, *promoted(Lerp, input, end, weight))


def addcmul(input, tensor1, tensor2, value=1):
    """input + value tensor1 tensor2.

    >>> import fastgrad as fg
    >>> fg.addcmul(fg.ones(2), fg.tensor([1.0, 2.0]), fg.tensor([4.0, 4.0]), value=0.5)
    tensor([3., 5.])
    """
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(input, tensor1, tensor2, value=1):
    """input + value tensor1 / tensor2.

    >>> import fastgrad as fg
    >>> fg.addcdiv(fg.ones(2), fg.tensor([1.0, 2.0]), fg.tensor([4.0, 4.0]), value=0.5)
    tensor([1.125, 1.25 ])
    """
    return add(input, div(tensor1, tensor2), alpha=value)


def where(condition, input=None, other=None):
    """input where the condition holds, else other: tensors or numbers, promoted to one dtype.

    With a condition alone: the indices where it holds, a tensor for each dimension; their number depends on values, so
    this is not for a captured step. Errors: TypeError for a condition that is not bool.

    >>> import fastgrad as fg
    >>> x = fg.tensor([1.0, -2.0])
    >>> fg.where(x > 0, x, 0.0), fg.where(x > 0)
    (tensor([1., 0.]), (tensor([0]),))
    """
    cond = condition.data if isinstance(condition, Value) else np.asarray(condition)
    if cond.dtype != np.bool_:
        raise TypeError(f"where: cond must be a bool tensor, not {cond.dtype}; compare first, for example cond > 0")
    if input is None and other is None:
        kernels.refuse_capture("where(condition) alone", "use where(condition, a, b), whose shape is always the same")
        found = np.nonzero(np.atleast_1d(cond))
        return tuple(wrap(i) if isinstance(condition, Value) else i for i in found)
    a, b = input, other
    if not fits(a, b):
        a, b = alike("where", (a, b))
        dtype = result_type(*arrays_of(a, b))
        a, b = (x if isinstance(x, (Value, np.ndarray)) else np.asarray(x, dtype) for x in (a, b))
    return apply(Where, condition if isinstance(condition, Value) else cond, a, b)


def masked_fill(input, mask, value):
    """x with a number, or a tensor of one element, wherever the mask holds, in x's dtype.

    >>> import fastgrad as fg
    >>> x = fg.tensor([1.0, -2.0])
    >>> x.masked_fill(x < 0, 9.0)
    tensor([1., 9.])
    """
    if np.ndim(value.data if isinstance(value, Value) else value):
        raise ValueError(
            f"masked_fill: value must be a number or of no dimensions, not of shape {value.shape}; use where"
        )
    if isinstance(value, (Value, np.ndarray)):
        value = cast(value, input.dtype)
    elif not is_floating(input.dtype):
        value = np.asarray(value).astype(input.dtype)
    return where(mask, value, input)


def equal(a, b):
    """1 where a = b, else 0, in a's dtype."""
    return cast(eq(a, b), a.dtype)


def copy(input):
    """x in memory of its own; differentiable (PyTorch's clone)."""
    return apply1(Copy, input)


absolute, negative, subtract, multiply, divide, true_divide = abs, neg, sub, mul, div, div

from .rounding import TruncDivide, floor_divide  # noqa: E402  (div rounds where it is asked to)
