"""softmax and its logarithm along an axis; the classes below work on the last axis of [N,C]."""

import numpy as np

from .. import kernels
from .axes import floats, numpy_names
from .base import OUT, Op, apply, cast
from .elementwise import exp, mul, neg, sub
from .reduce import sum
from .shape import reshape, transpose

__all__ = ["log_softmax", "softmax"]


class Softmax(Op):
    """out_i = e^x_i / sum_j e^x_j;   dx = out (dout - sum_j dout_j out_j)."""

    saves = (OUT,)

    @staticmethod
    def forward(ctx, x):
        return kernels.softmax(x)

    @staticmethod
    def backward(ctx, dout):
        return apply(SoftmaxBackward, dout, ctx.saved)


class SoftmaxBackward(Op):
    """out = y (dout - s), s = sum(dout y);   ddout = y (ddx - sum(ddx y)),   dy = ddx (dout - s) - dout sum(ddx y)."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, dout, y):
        return kernels.softmax_backward(dout, y)

    @staticmethod
    def backward(ctx, ddx):
        dout, y = ctx.saved
        s, t = sum(mul(dout, y), 1, True), sum(mul(ddx, y), 1, True)
        return apply(SoftmaxBackward, ddx, y), sub(mul(ddx, sub(dout, s)), mul(dout, t))


class LogSoftmax(Op):
    """out_i = x_i - log sum_j e^x_j;   dx = dout - e^out sum_j dout_j."""

    saves = (OUT,)

    @staticmethod
    def forward(ctx, x):
        return kernels.log_softmax(x)

    @staticmethod
    def backward(ctx, dout):
        return apply(LogSoftmaxBackward, dout, ctx.saved)


class LogSoftmaxBackward(Op):
    """out = dout - e^y s, s = sum(dout);   ddout = ddx - sum(ddx e^y),   dy = -ddx e^y s."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, dout, y):
        return kernels.log_softmax_backward(dout, y)

    @staticmethod
    def backward(ctx, ddx):
        dout, y = ctx.saved
        p = exp(y)
        return sub(ddx, sum(mul(ddx, p), 1, True)), neg(mul(mul(ddx, p), sum(dout, 1, True)))


def along(op, x, dim):
    """A row-wise op along any axis."""
    n = x.ndim
    if not -max(n, 1) <= dim < max(n, 1):
        m = max(n, 1)
        raise IndexError(f"{op.__name__}: dim {dim} of a tensor of {n} dimensions; it must be from {-m} to {m - 1}")
    if n == 2 and dim in (1, -1):
        return apply(op, x)
    if n == 0:
        return reshape(apply(op, reshape(x, 1, 1)), ())
    if dim % n != n - 1:
        return transpose(along(op, transpose(x, dim, n - 1), n - 1), dim, n - 1)
    if 0 in x.shape:
        return reshape(apply(op, reshape(x, 0, 1)), x.shape)
    return reshape(apply(op, reshape(x, -1, x.shape[-1])), x.shape)


@numpy_names
def softmax(x, dim, *, dtype=None):
    """e^x along `dim`, scaled to sum to 1; the largest is subtracted first, so nothing overflows.

    dtype: x is converted to it first. Errors: TypeError for integers.

    >>> import fastgrad as fg
    >>> fg.softmax(fg.tensor([[0.0, 0.0], [1000.0, 0.0]]), dim=1)
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return along(Softmax, floats(x if dtype is None else cast(x, np.dtype(dtype)), "softmax"), dim)


@numpy_names
def log_softmax(x, dim, *, dtype=None):
    """The logarithm of softmax, without forming softmax. dtype: x is converted to it first.

    >>> import fastgrad as fg
    >>> fg.log_softmax(fg.tensor([0.0, -1000.0]), dim=0)
    tensor([    0., -1000.])
    """
    return along(LogSoftmax, floats(x if dtype is None else cast(x, np.dtype(dtype)), "log_softmax"), dim)


@numpy_names
def softmin(x, dim, *, dtype=None):
    """The softmax of -x: the smallest gets the most."""
    return softmax(neg(x), dim, dtype=dtype)
