"""Reductions over one axis, several, or all; and the pair broadcast_to and sum_to, each the other's gradient."""

from math import prod

import numpy as np

from .. import kernels
from .base import OUT, Op, apply, contiguous, view
from .elementwise import div, equal, mul


def axes_of(dim, ndim, name):
    """`dim` (None, one axis or several, negative ones from the end) as a sorted list of axes."""
    dims = range(ndim) if dim is None else [dim] if isinstance(dim, (int, np.integer)) else list(dim)
    axes = sorted({d + ndim if d < 0 else d for d in dims})
    if len(axes) != len(dims) or (axes and not (axes[0] >= 0 and axes[-1] < (ndim or 1))):
        raise IndexError(f"{name}: dim {dim} does not name distinct axes of a tensor of {ndim} dimensions")
    return [a for a in axes if a < ndim]


def sum_axes(x, axes, shape):
    """The array summed over `axes`, in the shape asked for. Adjacent axes are one reduction; the last pass writes the
    result into an array of its own."""
    axes, sizes = list(axes), list(x.shape)
    if not axes:
        return x.reshape(shape)
    while axes:
        last = first = axes.pop()
        while axes and axes[-1] == first - 1:
            first = axes.pop()
        outer, inner = prod(sizes[:first]), prod(sizes[last + 1 :])
        length = prod(sizes[first : last + 1])
        sizes[first : last + 1] = [1] * (last + 1 - first)
        out = kernels.empty(sizes if axes else shape, x.dtype)
        kernels.sum(contiguous(x).reshape(outer, length, inner), out.reshape(outer, inner))
        x = out
    return x


def held(shape, axes):
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def dropped(shape, axes):
    return tuple(n for i, n in enumerate(shape) if i not in axes)


__all__ = ["argmax", "broadcast_to", "max", "mean", "sum"]


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
        return np.broadcast_to(x, shape)

    @staticmethod
    def backward(ctx, dout):
        return dout  # of the larger shape: the tape sums it to x's


class Sum(Op):
    """out = sum of x over axes;   dx = dout, the same for every element that was summed."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        kept = held(x.shape, axes)
        ctx.info = x.shape, kept
        if x.dtype == np.bool_:
            kernels.refuse_capture("the sum of bools", "count outside the step")
            x = x.astype(np.int64)
        return sum_axes(x, axes, kept if keepdim else dropped(x.shape, axes))

    @staticmethod
    def backward(ctx, dout):
        shape, kept = ctx.info
        return broadcast_to(reshape(dout, kept), shape)


class Mean(Op):
    """out = (1/n) sum of x over axes;   dx = dout / n. The mean of nothing is NaN."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        kept, n = held(x.shape, axes), prod(x.shape[a] for a in axes)
        ctx.info = x.shape, kept, n
        return kernels.div(sum_axes(x, axes, kept if keepdim else dropped(x.shape, axes)), n)

    @staticmethod
    def backward(ctx, dout):
        shape, kept, n = ctx.info
        return broadcast_to(reshape(div(dout, n), kept), shape)


class Max(Op):
    """out, index = the largest along an axis and where it stands first;   dx = dout at index, 0 elsewhere."""

    @staticmethod
    def forward(ctx, x, axis, keepdim):
        outer, inner = prod(x.shape[:axis]), prod(x.shape[axis + 1 :])
        out, index = kernels.max(contiguous(x).reshape(outer, x.shape[axis], inner))
        shape = (*x.shape[:axis], *((1,) if keepdim else ()), *x.shape[axis + 1 :])
        ctx.info = index, x.shape, axis
        return out.reshape(shape), index.reshape(shape)

    @staticmethod
    def backward(ctx, dout):
        return apply(MaxBackward, dout, *ctx.info)


class MaxBackward(Op):
    """out = dout at index along an axis, 0 elsewhere;   ddout = ddx at index."""

    @staticmethod
    def forward(ctx, dout, index, shape, axis):
        ctx.info = index, shape, axis, dout.shape
        return kernels.max_backward(contiguous(dout).reshape(index.shape), index, shape[axis]).reshape(shape)

    @staticmethod
    def backward(ctx, ddx):
        index, shape, axis, kept = ctx.info
        one = np.ones(index.shape, dtype=ddx.dtype)
        mask = kernels.max_backward(one, index, shape[axis]).reshape(shape)
        return reshape(apply(Sum, mul(ddx, mask), [axis], False), kept)


class Amax(Op):
    """out = the largest of all;   dx = dout shared equally among the elements that equal it."""

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x):
        return kernels.max(contiguous(x).reshape(1, x.size, 1))[0].reshape(())

    @staticmethod
    def backward(ctx, dout):
        x, out = ctx.saved
        mask = equal(x, out)
        return mul(mask, div(dout, sum(mask)))


def sum_to(x, shape):
    """x summed to a shape that broadcasts to its own."""
    return apply(SumTo, x, shape)


def broadcast_to(x, shape):
    """x repeated to a larger shape, without copying."""
    return view(BroadcastTo, x, tuple(shape))


def sum(x, dim=None, keepdim=False):
    """The sum over `dim` (an axis, several, or None for all), in docs/numerics.md's order; of bools, how many hold."""
    return apply(Sum, x, axes_of(dim, x.ndim, "sum"), keepdim)


def mean(x, dim=None, keepdim=False):
    """The mean over `dim`."""
    return apply(Mean, x, axes_of(dim, x.ndim, "mean"), keepdim)


def max(x, dim=None, keepdim=False):
    """The largest element; with `dim`, the pair (values, indices) along it."""
    if dim is None:
        if 0 in x.shape:
            raise ValueError("max of an empty tensor is not defined")
        return apply(Amax, x)
    (axis,) = axes_of(dim, x.ndim, "max")
    if x.shape[axis] == 0:
        raise ValueError(f"max along dim {dim} of an empty axis, shape {tuple(x.shape)}, is not defined")
    return apply(Max, x, axis, keepdim)


def argmax(x, dim=None, keepdim=False):
    """The (first) index of the largest element: of the flattened tensor, or along `dim`."""
    if dim is None:
        return max(reshape(x, (-1,)), 0, keepdim)[1]
    return max(x, dim, keepdim)[1]


from .shape import reshape  # noqa: E402  (reduce and shape are each other's gradients)
