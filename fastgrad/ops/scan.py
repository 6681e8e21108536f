"""Running sums, products and extremes along an axis."""

from functools import partial

import numpy as np

from .. import kernels
from .axes import axis_of, numpy_names, raw, three
from .base import OUT, Op, apply, cast, filled
from .elementwise import add, mul
from .pick import picked

__all__ = ["cummax", "cummin", "cumprod", "cumsum"]


def run(kernel, by_numpy, x, axis, backwards):
    """The array x scanned along an axis, from its end when `backwards`; integers and bools become int64."""
    if x.dtype.kind != "f":
        return kernels.host(partial(by_numpy, dtype=np.int64), x.reshape(x.shape or 1), axis).reshape(x.shape)
    if not (backwards and x.ndim):
        return kernel(three(x, axis)).reshape(x.shape)
    turn = (*(slice(None),) * axis, slice(None, None, -1))
    return kernel(three(x[turn], axis)).reshape(x.shape)[turn]


class CumSum(Op):
    """out_i = sum of the x_j, j <= i, along an axis (j >= i backwards);   dx = dout summed the other way."""

    @staticmethod
    def forward(ctx, x, axis, backwards):
        ctx.info = axis, backwards
        return run(kernels.cumsum, np.cumsum, x, axis, backwards)

    @staticmethod
    def backward(ctx, dout):
        axis, backwards = ctx.info
        return apply(CumSum, dout, axis, not backwards)


class CumProd(Op):
    """out_i = product of the x_j, j <= i, along an axis (j >= i backwards);   dx_i = out_(i-1) s_i,   out_(-1) = 1.

    s_i = sum over k >= i of dout_k (product of the x_j, i < j <= k) = dout_i + x_(i+1) s_(i+1): no quotient, so it is
    right where elements are 0. The recurrence is solved by doubling, in log2 n steps: Hillis and Steele, "Data parallel
    algorithms", 1986.
    """

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x, axis, backwards):
        ctx.info = axis, backwards
        return run(kernels.cumprod, np.cumprod, x, axis, backwards)

    @staticmethod
    def backward(ctx, dout):
        (x, out), (axis, backwards) = ctx.saved, ctx.info
        way = -1 if backwards else 1
        s, a, step = dout, x, 1  # a_i = the product of the x_j, i - step < j <= i
        n = x.shape[axis] if x.ndim else 1
        while step < n:
            s = add(s, apply(Shift, mul(a, s), -way * step, axis, 0.0))  # no product with what lies beyond the rim
            if 2 * step < n:
                a = mul(a, apply(Shift, a, way * step, axis, 1.0))
            step *= 2
        return mul(apply(Shift, out, way, axis, 1.0), s)


class Shift(Op):
    """out_i = x_(i - by) along an axis, a constant at the rim;   dx = dout shifted back, 0 at the rim."""

    @staticmethod
    def forward(ctx, x, by, axis, constant):
        ctx.info = by, axis
        out = filled(x.shape, x.dtype, constant)
        n = x.shape[axis] if x.ndim else 1
        if abs(by) < n:
            lead = (slice(None),) * axis
            source, target = slice(max(0, -by), n - max(0, by)), slice(max(0, by), n - max(0, -by))
            kernels.copy(x[(*lead, source)], out=out[(*lead, target)])
        return out

    @staticmethod
    def backward(ctx, dout):
        by, axis = ctx.info
        return apply(Shift, dout, -by, axis, 0.0)


def products_before(x, axis, backwards=False):
    """out_i = product of the x_j, j < i (j > i backwards)."""
    return apply(Shift, apply(CumProd, x, axis, backwards), -1 if backwards else 1, axis, 1.0)


@numpy_names
def cumsum(x, dim, *, dtype=None):
    """out_i = x_0 + ... + x_i along `dim`. Integers and bools add up to int64; dtype: x is converted to it first.

    >>> import fastgrad as fg
    >>> fg.cumsum(fg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    x = x if dtype is None else cast(x, np.dtype(dtype))
    return apply(CumSum, x, axis_of(dim, x, "cumsum"), False)


@numpy_names
def cumprod(x, dim, *, dtype=None):
    """out_i = x_0 ... x_i along `dim`. Integers and bools multiply to int64; dtype: x is converted to it first.

    The gradient is right where elements are 0, and where one is infinite.

    >>> import fastgrad as fg
    >>> fg.cumprod(fg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    x = x if dtype is None else cast(x, np.dtype(dtype))
    return apply(CumProd, x, axis_of(dim, x, "cumprod"), False)


@numpy_names
def cummax(x, dim):
    """(values, indices): the largest so far along `dim`, and where it stands last. From the first NaN on it is NaN.

    >>> import fastgrad as fg
    >>> fg.cummax(fg.tensor([1.0, 3.0, 2.0]), 0).values
    tensor([1., 3., 3.])
    """
    return running(np.maximum, x, axis_of(dim, x, "cummax"))


@numpy_names
def cummin(x, dim):
    """(values, indices): the smallest so far along `dim`, and where it stands last. From the first NaN on it is NaN.

    >>> import fastgrad as fg
    >>> fg.cummin(fg.tensor([2.0, 3.0, 1.0]), 0).indices
    tensor([0, 0, 2])
    """
    return running(np.minimum, x, axis_of(dim, x, "cummin"))


def running(ufunc, x, axis):
    return picked(x, kernels.host(partial(last_places, ufunc, axis=axis), raw(x)), axis)


def last_places(ufunc, x, axis):
    """Where the extreme of x_0 ... x_i stands last."""
    if not x.ndim:
        return np.zeros((), np.int64)
    extreme = (x == ufunc.accumulate(x, axis)) | (x != x)  # x != x: a NaN
    count = np.arange(x.shape[axis], dtype=np.int64).reshape(-1, *(1,) * (x.ndim - axis - 1))
    return np.maximum.accumulate(np.where(extreme, count, 0), axis)
