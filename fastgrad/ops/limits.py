"""The larger and the smaller of two, and what is held between bounds."""

import math

import numpy as np

from .. import kernels
from ..tape import Value
from .base import Op, apply, apply2, promoted, zero_slopes
from .cast import cast
from .compare import eq, gt, isfinite, logical_and, logical_or, lt
from .dtypes import BOOL, FLOAT32, FLOAT64, is_floating, result_type
from .elementwise import copy, mul, where

__all__ = [
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "heaviside",
    "maximum",
    "minimum",
    "nan_to_num",
]


class Maximum(Op):
    """out = max(a, b);   da = dout [a > b],   db = dout [b > a],   half each where they are equal."""

    saves = (0, 1)
    kernel = kernels.maximum

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        to_a, to_b = ctx.inputs
        shared = where(eq(a, b), mul(dout, 0.5), dout)
        return (
            where(lt(a, b), 0.0, shared) if to_a is not None else None,
            where(gt(a, b), 0.0, shared) if to_b is not None else None,
        )


class Minimum(Op):
    """out = min(a, b);   da = dout [a < b],   db = dout [b < a],   half each where they are equal."""

    saves = (0, 1)
    kernel = kernels.minimum

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        to_a, to_b = ctx.inputs
        shared = where(eq(a, b), mul(dout, 0.5), dout)
        return (
            where(gt(a, b), 0.0, shared) if to_a is not None else None,
            where(lt(a, b), 0.0, shared) if to_b is not None else None,
        )


class Clip(Op):
    """out = min(max(x, lo), hi);   dx = dout where lo <= x <= hi,   dlo = dout where x < lo < hi,
    dhi = dout where x > hi or lo > hi;   0 elsewhere."""

    saves = (0, 1, 2)

    @staticmethod
    def forward(ctx, x, lo, hi):
        return kernels.clip(x, lo, hi)

    @staticmethod
    def backward(ctx, dout):
        x, lo, hi = ctx.saved
        to_x, to_lo, to_hi = ctx.inputs
        dx = apply(ClipBackward, dout, x, lo, hi) if to_x is not None else None
        dlo = dhi = None
        if to_lo is not None:
            dlo = where(logical_and(lt(x, lo), lt(lo, hi)), dout, 0.0)
        if to_hi is not None:
            dhi = where(logical_or(gt(x, hi), gt(lo, hi)), dout, 0.0)
        return dx, dlo, dhi


class ClipBackward(Op):
    """out = dout where lo <= x <= hi, else 0: linear in dout."""

    saves = (1, 2, 3)

    @staticmethod
    def forward(ctx, dout, x, lo, hi):
        return kernels.clip_backward(dout, x, lo, hi)

    @staticmethod
    def backward(ctx, ddx):
        return apply(ClipBackward, ddx, *ctx.saved)


class Heaviside(Op):
    """out = 0 where x < 0, at_zero where x = 0, 1 where x > 0;   dx = 0."""

    kernel = kernels.heaviside

    @classmethod
    def forward(cls, ctx, x, at_zero):
        return cast(kernels.heaviside(x, at_zero), result_type(x, at_zero))  # NumPy makes floats of integers

    backward = staticmethod(zero_slopes)


class NanToNum(Op):
    """out = x, with numbers for NaN, +inf and -inf;   dx = dout where x is finite, else 0."""

    saves = (0,)
    kernel = kernels.nan_to_num

    @staticmethod
    def backward(ctx, dout):
        return where(isfinite(ctx.saved), dout, 0.0)


def maximum(input, other):
    """The larger of two, element by element; NaN wins. Where they are equal each gets half the gradient."""
    return apply2(Maximum, input, other)


def minimum(input, other):
    """The smaller of two, element by element; NaN wins. Where they are equal each gets half the gradient."""
    return apply2(Minimum, input, other)


def clip(input, min=None, max=None):
    """x held between two bounds, numbers or tensors; None is no bound. Where min > max, the result is max.

    At a bound the gradient goes to x; outside it goes to the bound, if that is a tensor.

    >>> import fastgrad as fg
    >>> x = fg.tensor([-2.0, 0.5, 3.0])
    >>> fg.clip(x, 0, 1), fg.clip(x, max=fg.tensor([1.0, 0.0, 2.0]))
    (tensor([0. , 0.5, 1. ]), tensor([-2.,  0.,  2.]))
    """
    if min is None and max is None:
        raise ValueError("clip needs min or max")
    bounds = [b for b in (min, max) if b is not None]
    dtype = input.dtype
    if not ((dtype is FLOAT32 or dtype is FLOAT64) and all(type(b) is float or type(b) is int for b in bounds)):
        input, *bounds = promoted(Clip, input, *bounds)
        dtype = result_type(*(x.data if isinstance(x, Value) else x for x in (input, *bounds)))
    if is_floating(dtype):
        ends = -math.inf, math.inf
    else:
        ends = (False, True) if dtype == BOOL else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    lo = ends[0] if min is None else bounds[0]
    hi = ends[1] if max is None else bounds[-1]
    return apply(Clip, input, lo, hi)


def clamp_min(input, min):
    """x, but no less than a number or a tensor."""
    return clip(input, min=min)


def clamp_max(input, max):
    """x, but no more than a number or a tensor."""
    return clip(input, max=max)


def heaviside(input, values):
    """The step function: 0 below 0, `values` at 0, 1 above, NaN at NaN (PyTorch: 0). Its gradient is 0; PyTorch gives
    none.

    >>> import fastgrad as fg
    >>> fg.heaviside(fg.tensor([-1.0, 0.0, 2.0]), fg.tensor(0.5))
    tensor([0. , 0.5, 1. ])
    """
    return apply2(Heaviside, input, values)


def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """x with numbers in place of NaN, +inf and -inf; without a number the largest and the smallest of x's dtype.

    >>> import fastgrad as fg
    >>> fg.nan_to_num(fg.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    if not is_floating(input.dtype):
        return copy(input)
    most = float(np.finfo(input.dtype).max)
    nan = 0.0 if nan is None else float(nan)
    return apply(NanToNum, input, nan, most if posinf is None else posinf, -most if neginf is None else neginf)


clamp = clip
