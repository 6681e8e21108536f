"""Sums, products and truths over one axis, several, or all; and the pair broadcast_to and sum_to, each the other's
gradient. A `dim` is an axis, several, or None for all; NumPy's names, ``axis`` and ``keepdims``, are understood too."""

from builtins import any as any_of
from functools import partial
from math import inf, nan
from math import prod as product

import numpy as np

from .. import kernels
from . import dtypes
from .axes import axes_of, axis_of, by_numpy, dropped, floats, held, numpy_names, over_axes, raw, three
from .base import OUT, Op, apply, cast, filled, view
from .dtypes import is_floating
from .elementwise import div, exp, mul, sub, where

__all__ = [
    "all",
    "any",
    "broadcast_to",
    "count_nonzero",
    "logsumexp",
    "mean",
    "nanmean",
    "nansum",
    "prod",
    "sum",
]


sum_axes = partial(over_axes, kernels.sum)


def stretched(x, shape):
    """numpy.broadcast_to, whose general way takes longer than all else in the gradient of a small sum."""
    if len(shape) != x.ndim or not x.size or not x.flags.c_contiguous:
        return np.broadcast_to(x, shape)
    strides = tuple(0 if n != m else s for n, m, s in zip(x.shape, shape, x.strides, strict=True))
    if any_of(n not in (1, m) for n, m in zip(x.shape, shape, strict=True)):
        return np.broadcast_to(x, shape)  # and its error
    out = np.ndarray(shape, x.dtype, x, 0, strides)
    out.flags.writeable = False
    return out


def spread(dout, kept, shape):
    """The gradient of a sum as that of its summands; `kept`: the shape of the sum with its axes held."""
    if isinstance(dout, np.ndarray):
        return stretched(dout.reshape(kept), shape)
    return broadcast_to(reshape(dout, kept), shape)


class SumTo(Op):
    """out = x summed over the axes that broadcasting to x's shape had stretched;   dx = dout broadcast back."""

    @staticmethod
    def forward(ctx, x, shape):
        ctx.info = x.shape
        lead = x.ndim - len(shape)
        axes = [*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)]
        return sum_axes(x, axes, shape)

    @staticmethod
    def backward(ctx, dout):
        return broadcast_to(dout, ctx.info)


class BroadcastTo(Op):
    """out = x repeated to a larger shape (a view: nothing is copied);   dx = dout summed back by the tape."""

    @staticmethod
    def forward(ctx, x, shape):
        return stretched(x, shape)

    @staticmethod
    def backward(ctx, dout):
        return dout  # of the larger shape: the tape sums it to x's


class Sum(Op):
    """out = sum of x over axes;   dx = dout, the same for every element that was summed."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        kept = held(x.shape, axes)
        ctx.info = x.shape, kept
        if x.dtype.kind != "f":
            return kernels.host(partial(np.sum, axis=tuple(axes), keepdims=keepdim, dtype=np.int64), x)
        return sum_axes(x, axes, kept if keepdim else dropped(x.shape, axes))

    @staticmethod
    def backward(ctx, dout):
        shape, kept = ctx.info
        return spread(dout, kept, shape)


class Mean(Op):
    """out = (1/n) sum of x over axes;   dx = dout / n. The mean of nothing is NaN."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        kept, n = held(x.shape, axes), product(x.shape[a] for a in axes)
        ctx.info = x.shape, kept, n
        return kernels.div(sum_axes(x, axes, kept if keepdim else dropped(x.shape, axes)), n)

    @staticmethod
    def backward(ctx, dout):
        shape, kept, n = ctx.info
        return spread(div(dout, n), kept, shape)


class Prod(Op):
    """out = the product of x along an axis;   dx_i = dout (product of the x_j before i) (product of those after i).

    No quotient out / x_i: it is right where an element is 0, however many there are.
    """

    saves = (0,)

    @staticmethod
    def forward(ctx, x, axis, keepdim):
        ctx.info = axis, held(x.shape, [axis])
        shape = held(x.shape, [axis]) if keepdim else dropped(x.shape, [axis])
        if x.dtype.kind != "f":
            return kernels.host(partial(np.prod, axis=axis, dtype=np.int64), x).reshape(shape)
        return kernels.prod(three(x, axis)).reshape(shape)

    @staticmethod
    def backward(ctx, dout):
        axis, kept = ctx.info
        return mul(mul(products_before(ctx.saved, axis), products_before(ctx.saved, axis, True)), reshape(dout, kept))


class LogSumExp(Op):
    """out = ln sum e^x over axes;   dx = dout e^(x - out), 0 where nothing was added up (out = -inf)."""

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        kept = held(x.shape, axes)
        ctx.info = kept
        largest = filled(kept, x.dtype, 0.0)
        if x.size:  # subtracted, so that nothing overflows; an infinite one is not, since inf - inf is NaN
            largest = kernels.nan_to_num(over_axes(kernels.max, x, axes, kept), nan, 0.0, 0.0)
        out = kernels.log(sum_axes(kernels.exp(kernels.sub(x, largest)), axes, kept))
        return kernels.add(out, largest).reshape(kept if keepdim else dropped(x.shape, axes))

    @staticmethod
    def backward(ctx, dout):
        x, out = ctx.saved
        out = where(kernels.eq(raw(out), -inf), 0.0, out)
        return mul(reshape(dout, ctx.info), exp(sub(x, reshape(out, ctx.info))))


def sum_to(x, shape):
    """x summed to a shape that broadcasts to its own."""
    return apply(SumTo, x, shape)


def broadcast_to(x, shape):
    """x repeated to a larger shape, without copying."""
    return view(BroadcastTo, x, tuple(shape))


@numpy_names
def sum(x, dim=None, keepdim=False, *, dtype=None):
    """The sum over `dim`, in docs/numerics.md's order; 0 of nothing. Integers and bools add up to int64.

    dtype: x is converted to it first.

    >>> import fastgrad as fg
    >>> fg.sum(fg.tensor([[1.0, 2.0], [3.0, 4.0]]), 0), (fg.tensor([1.0, 2.0]) > 1.5).sum()
    (tensor([4., 6.]), tensor(1))
    """
    return apply(Sum, x if dtype is None else cast(x, np.dtype(dtype)), axes_of(dim, x.ndim, "sum"), bool(keepdim))


@numpy_names
def mean(x, dim=None, keepdim=False, *, dtype=None):
    """The mean over `dim`; NaN of nothing. Errors: TypeError for integers and bools.

    dtype: x is converted to it first.

    >>> import fastgrad as fg
    >>> fg.mean(fg.tensor([[1.0, 2.0], [3.0, 5.0]]), dim=1, keepdim=True)
    tensor([[1.5],
            [4. ]])
    """
    x = x if dtype is None else cast(x, np.dtype(dtype))
    return apply(Mean, floats(x, "mean"), axes_of(dim, x.ndim, "mean"), bool(keepdim))


@numpy_names
def prod(x, dim=None, keepdim=False, *, dtype=None):
    """The product of all elements, or along one axis; 1 of nothing. Integers and bools multiply to int64.

    The gradient, the product of the others, is right where elements are 0, infinite or NaN. dtype: x is converted to it
    first.

    >>> import fastgrad as fg
    >>> x = fg.tensor([0.0, 2.0, 3.0], requires_grad=True)
    >>> fg.prod(x).backward()
    >>> x.grad
    tensor([6., 0., 0.])
    """
    x = x if dtype is None else cast(x, np.dtype(dtype))
    if dim is None:
        return apply(Prod, reshape(x, (-1,)), 0, False)
    axis = axis_of(dim, x, "prod")
    return apply(Prod, x, axis, keepdim) if x.ndim else apply(Prod, reshape(x, (1,)), 0, False)


@numpy_names
def nansum(x, dim=None, keepdim=False, *, dtype=None):
    """`sum`, NaN counting as 0: its gradient there is 0.

    >>> import fastgrad as fg
    >>> fg.nansum(fg.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    x = x if dtype is None else cast(x, np.dtype(dtype))
    return sum(without_nan(x), dim, keepdim)


@numpy_names
def nanmean(x, dim=None, keepdim=False, *, dtype=None):
    """The mean of the elements that are not NaN; NaN where there are none, with the gradient 0.

    >>> import fastgrad as fg
    >>> fg.nanmean(fg.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5)
    """
    x = floats(x if dtype is None else cast(x, np.dtype(dtype)), "nanmean")
    there = filled(x.shape, x.dtype, 1.0)
    there = kernels.where(kernels.isnan(raw(x)), 0.0, there)
    return div(sum(without_nan(x), dim, keepdim), sum(there, dim, keepdim))


def without_nan(x):
    return where(kernels.isnan(raw(x)), 0.0, x) if is_floating(x.dtype) else x


@numpy_names
def logsumexp(x, dim, keepdim=False):
    """ln sum e^x over `dim`, without overflow; -inf of nothing. Integers become float32.

    Where all elements are -inf the gradient is 0 (PyTorch: NaN); where one is +inf it is NaN there, as in PyTorch.

    >>> import fastgrad as fg
    >>> fg.logsumexp(fg.tensor([[1000.0, 1000.0], [-float("inf"), 0.0]]), dim=1)
    tensor([1000.6932,    0.    ])
    """
    x = x if is_floating(x.dtype) else cast(x, dtypes.default_dtype)
    return apply(LogSumExp, x, axes_of(dim, x.ndim, "logsumexp"), bool(keepdim))


@numpy_names
def any(x, dim=None, keepdim=False):
    """Whether an element is not 0, over `dim`: bools. False of nothing; NaN is not 0.

    >>> import fastgrad as fg
    >>> fg.any(fg.tensor([[0.0, 1.0], [0.0, 0.0]]), dim=1)
    tensor([ True, False])
    """
    return by_numpy(partial(np.any, axis=tuple(axes_of(dim, x.ndim, "any")), keepdims=keepdim), x)


@numpy_names
def all(x, dim=None, keepdim=False):
    """Whether no element is 0, over `dim`: bools. True of nothing.

    >>> import fastgrad as fg
    >>> fg.all(fg.tensor([[0.0, 1.0], [2.0, 3.0]]), dim=1)
    tensor([False,  True])
    """
    return by_numpy(partial(np.all, axis=tuple(axes_of(dim, x.ndim, "all")), keepdims=keepdim), x)


@numpy_names
def count_nonzero(x, dim=None):
    """How many elements are not 0, over `dim`: int64.

    >>> import fastgrad as fg
    >>> fg.count_nonzero(fg.tensor([0.0, 1.0, 2.0]))
    tensor(2)
    """
    return by_numpy(partial(nonzeros, axes=tuple(axes_of(dim, x.ndim, "count_nonzero"))), x)


def nonzeros(x, axes):
    return np.asarray(np.count_nonzero(x, axis=axes), np.int64)


from .scan import products_before  # noqa: E402  (and so are products and running products)
from .shape import reshape  # noqa: E402  (reduce and shape are each other's gradients)
