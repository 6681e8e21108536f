"""Ops that move elements without changing them. Where NumPy gives a view, the result is a view that shares memory."""

import numpy as np

from .. import kernels
from ..tape import Value
from .base import Op, apply, contiguous, promoted, view

__all__ = ["concatenate", "permute", "reshape", "transpose"]


class Reshape(Op):
    """out = x with another shape, elements in the same order;   dx = dout in x's shape."""

    @staticmethod
    def forward(ctx, x, shape):
        ctx.info = x.shape
        try:
            return contiguous(x).reshape(shape)
        except ValueError:
            raise ValueError(f"reshape: {x.shape} ({x.size} elements) does not fit {shape}") from None

    @staticmethod
    def backward(ctx, dout):
        return reshape(dout, ctx.info)


class Permute(Op):
    """out = x with its axes in another order;   dx = dout with them put back."""

    @staticmethod
    def forward(ctx, x, axes):
        ctx.info = axes
        return x.transpose(axes)

    @staticmethod
    def backward(ctx, dout):
        return apply(Permute, dout, tuple(int(i) for i in np.argsort(ctx.info)))


class GetItem(Op):
    """out = x[key];   dx = 0 with dout added at key."""

    @staticmethod
    def forward(ctx, x, key):
        ctx.info = key, x.shape
        if not is_basic(key):
            kernels.refuse_capture("indexing with an array", "index before the step, or use slices and integers")
            ctx.info = tuple(k.copy() if isinstance(k, np.ndarray) else k for k in key), x.shape
            return x[key]
        return x[key if any(k is Ellipsis for k in key) else (*key, Ellipsis)]

    @staticmethod
    def backward(ctx, dout):
        return apply(GetItemBackward, dout, *ctx.info)


class GetItemBackward(Op):
    """out = zeros with dout added at key;   ddout = ddx[key]."""

    @staticmethod
    def forward(ctx, dout, key, shape):
        ctx.info = key
        out = kernels.empty(shape, dout.dtype)
        kernels.fill(out, 0.0)
        if is_basic(key):
            kernels.copy(dout, out=out[key if any(k is Ellipsis for k in key) else (*key, Ellipsis)])
        else:
            np.add.at(out, key, dout)
        return out

    @staticmethod
    def backward(ctx, ddx):
        return apply(GetItem, ddx, ctx.info)


class Concatenate(Op):
    """out = the operands one after another along an axis;   each gets its slice of dout."""

    @staticmethod
    def forward(ctx, axis, *xs):
        ctx.info = axis, [x.shape[axis] for x in xs]
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        out = kernels.empty(shape, xs[0].dtype)
        start = 0
        for x in xs:
            where = (*(slice(None),) * axis, slice(start, start + x.shape[axis]))
            kernels.copy(x, out=out[where])
            start += x.shape[axis]
        return out

    @staticmethod
    def backward(ctx, dout):
        axis, lengths = ctx.info
        pieces, start = [], 0
        for n in lengths:
            pieces.append(apply(GetItem, dout, (*(slice(None),) * axis, slice(start, start + n))))
            start += n
        return (None, *pieces)


def is_basic(key):
    """Whether x[key] is a view. True and False are ints, and yet NumPy takes them for masks."""
    return all(k is None or k is Ellipsis or isinstance(k, (int, np.integer, slice)) for k in key) and not any(
        isinstance(k, bool) for k in key
    )


def reshape(x, *shape):
    """x with another shape; one size may be -1."""
    return view(Reshape, x, as_sizes(shape))


def as_sizes(shape):
    """``f(2, 3)`` and ``f((2, 3))`` mean the same."""
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
        shape = shape[0]
    return tuple(int(n) for n in shape)


def permute(x, *axes):
    """x with its axes in the order given."""
    axes = tuple(a + x.ndim if a < 0 else a for a in as_sizes(axes))
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(f"permute: {axes} is not an order of the {x.ndim} axes of {tuple(x.shape)}")
    return view(Permute, x, axes)


def transpose(x, dim0, dim1):
    """x with two axes exchanged."""
    n = x.ndim
    if not (-n <= dim0 < n and -n <= dim1 < n):
        raise IndexError(f"transpose: axes {dim0} and {dim1} of a tensor of {n} dimensions")
    if isinstance(x, np.ndarray):
        return x.swapaxes(dim0, dim1)
    axes = list(range(n))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return view(Permute, x, tuple(axes))


def getitem(x, key):
    """x[key], with NumPy's keys: integers, slices, None and ... give views, arrays of indices or bools copies."""
    key = as_key(key)
    return view(GetItem, x, key) if is_basic(key) else apply(GetItem, x, key)


def as_key(key):
    """An index as a tuple of what NumPy takes."""
    key = key if isinstance(key, tuple) else (key,)
    return tuple(k.data if isinstance(k, Value) else np.asarray(k) if isinstance(k, list) else k for k in key)


def concatenate(tensors, dim=0):
    """Tensors of equal shapes but for `dim`, one after another."""
    tensors = list(tensors)
    if not tensors:
        raise ValueError("concatenate needs at least one tensor")
    shapes = [tuple(t.shape) for t in tensors]
    n = len(shapes[0])
    if not -n <= dim < n:
        raise IndexError(f"concatenate: dim {dim} of tensors of {n} dimensions")
    axis = dim % n
    if len({(*s[:axis], *s[axis + 1 :]) for s in shapes}) > 1 or any(len(s) != n for s in shapes):
        raise ValueError(f"concatenate: shapes {shapes} differ outside dim {dim}")
    return apply(Concatenate, axis, *promoted(Concatenate, *tensors))
