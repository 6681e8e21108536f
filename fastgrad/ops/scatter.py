"""Along one axis: elements read from places (gather), and written or added to them (scatter), each place by itself.

Where `index` is smaller than x along another axis, the places beyond it are left alone.
"""

import numpy as np

from .. import kernels
from ..tape import Value
from .axes import axis_of, three
from .base import Op, apply, filled
from .elementwise import add, mul
from .index import TakeBackward, as_index, out_of_range
from .inplace import assign
from .reduce import broadcast_to
from .shape import reshape

__all__ = [
    "gather",
    "index_add",
    "index_copy",
    "index_fill",
    "scatter",
    "scatter_add",
    "take_along_dim",
]


class Gather(Op):
    """out[.., k, ..] = x[.., index[.., k, ..], ..] along an axis;   dx = 0 with dout added at the indices."""

    saves = (1,)

    @staticmethod
    def forward(ctx, x, index, axis):
        ctx.info = x.shape, axis
        return kernels.gather(three(x, axis), three(index, axis)).reshape(index.shape)

    @staticmethod
    def backward(ctx, dout):
        shape, axis = ctx.info
        return apply(GatherBackward, dout, ctx.saved, shape, axis)


class GatherBackward(Op):
    """out = 0 of a shape with dout added at the indices along an axis;   ddout = ddx at the indices."""

    saves = (1,)

    @staticmethod
    def forward(ctx, dout, index, shape, axis):
        ctx.info = axis
        out = filled(shape, dout.dtype, 0)
        kernels.scatter_add(three(out, axis), three(index, axis), three(dout, axis))
        return out

    @staticmethod
    def backward(ctx, ddx):
        return apply(Gather, ddx, ctx.saved, ctx.info)


class Scatter(Op):
    """out = x with v written at the indices along an axis;   dx = dout with 0 there,   dv = dout there.

    Where several values are written to one place the last stays, and yet each gets the gradient, as in PyTorch.
    """

    saves = (1,)

    @staticmethod
    def forward(ctx, x, index, v, axis):
        ctx.info = axis
        out = kernels.copy(x)
        v = v if isinstance(v, np.ndarray) else filled(index.shape, x.dtype, v)
        kernels.scatter(three(out, axis), three(index, axis), three(v, axis))
        return out

    @staticmethod
    def backward(ctx, dout):
        index, axis = ctx.saved, ctx.info
        dx = apply(Scatter, dout, index, 0.0, axis) if ctx.inputs[0] is not None else None
        return dx, None, apply(Gather, dout, index, axis) if ctx.inputs[2] is not None else None


class ScatterAdd(Op):
    """out = x with v added at the indices along an axis;   dx = dout,   dv = dout at the indices."""

    saves = (1,)

    @staticmethod
    def forward(ctx, x, index, v, axis):
        ctx.info = axis
        out = kernels.copy(x)
        kernels.scatter_add(three(out, axis), three(index, axis), three(v, axis))
        return out

    @staticmethod
    def backward(ctx, dout):
        return dout, None, apply(Gather, dout, ctx.saved, ctx.info) if ctx.inputs[2] is not None else None


def checked(name, x, dim, index, src=None):
    """axis, index as an array, and the part of x (and of src) it reaches outside the axis; None for the whole x."""
    axis, index = axis_of(dim, x, name), as_index(name, index)
    if index.ndim != x.ndim or (src is not None and src.ndim != x.ndim):
        shapes = f"{tuple(x.shape)} and {index.shape}" + ("" if src is None else f" and {tuple(src.shape)}")
        raise ValueError(
            f"{name}: x, index{' and src' if src is not None else ''} of shapes {shapes} must have as many dimensions"
        )
    reach = [(i, n, m) for i, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis and n != m]
    if any(n > m for _, n, m in reach):
        raise ValueError(f"{name}: index {index.shape} is larger than x {tuple(x.shape)} outside dim {dim}")
    if src is not None and any(n > m for n, m in zip(index.shape, src.shape, strict=True)):
        raise ValueError(f"{name}: index {index.shape} is larger than src {tuple(src.shape)}")
    part = tuple(slice(None) if i == axis else slice(0, n) for i, n in enumerate(index.shape)) if reach else None
    return axis, index, part


def gather(x, dim, index):
    """x at the indices along `dim`: out[i, j] = x[index[i, j], j] for dim = 0, x[i, index[i, j]] for dim = 1.

    The result has index's shape, which outside `dim` may be smaller than x's. Errors: IndexError naming the index.

    >>> import fastgrad as fg
    >>> fg.tensor([[1.0, 2.0], [3.0, 4.0]]).gather(1, fg.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    axis, index, part = checked("gather", x, dim, index)
    x = x if part is None else x[part]
    try:
        return apply(Gather, x, index, axis)
    except IndexError:
        raise out_of_range("gather", index, dim, x.shape[axis] if x.ndim else 1) from None


def written(name, op, x, dim, index, src):
    """scatter and scatter_add."""
    number = not isinstance(src, (Value, np.ndarray))
    axis, index, part = checked(name, x, dim, index, None if number else src)
    if not number:
        if src.dtype != x.dtype:
            raise TypeError(f"{name}: src is {src.dtype} and x is {x.dtype}; convert one of them")
        if tuple(src.shape) != index.shape:
            src = src[tuple(slice(0, n) for n in index.shape)]
    try:
        if part is None:
            return apply(op, x, index, src, axis)
        # index reaches a part of x: that is changed, and put back
        inner = apply(op, x[part], index, src, axis)
    except IndexError:
        raise out_of_range(name, index, dim, x.shape[axis] if x.ndim else 1) from None
    return apply(Put, x, inner, part)


class Put(Op):
    """out = x with v at a key of slices;   dx = dout with 0 there,   dv = dout there."""

    @staticmethod
    def forward(ctx, x, v, key):
        ctx.info = key
        out = kernels.copy(x)
        if isinstance(v, np.ndarray):
            kernels.copy(v, out=out[key])
        else:
            kernels.fill(out[key], v)
        return out

    @staticmethod
    def backward(ctx, dout):
        return apply(Put, dout, 0.0, ctx.info), dout[ctx.info] if ctx.inputs[1] is not None else None


def scatter(x, dim, index, src=None, value=None, reduce=None):
    """x with src (a tensor or a number; also named value) at the indices along `dim`: out[index[i, j], j] = src[i, j].

    reduce="add": `scatter_add`. Of several values for one place the last stays. Errors: IndexError naming the index.
    """
    src = value if src is None else src
    if src is None:
        raise TypeError("scatter: needs src, a tensor or a number")
    if reduce == "add":
        if not isinstance(src, (Value, np.ndarray)):
            src = filled(as_index("scatter", index).shape, x.dtype, src)
        return scatter_add(x, dim, index, src)
    if reduce is not None:
        raise ValueError(f'scatter: reduce must be None or "add", not {reduce!r}')
    return written("scatter", Scatter, x, dim, index, src)


def scatter_add(x, dim, index, src):
    """x with src added at the indices along `dim`, in order: out[index[i, j], j] += src[i, j] for dim = 0."""
    return written("scatter_add", ScatterAdd, x, dim, index, src)


def take_along_dim(x, indices, dim=None):
    """`gather` with x and indices broadcast against each other outside `dim`; without dim, of x as one row."""
    if dim is None:
        return take_along_dim(reshape(x, (-1,)), as_index("take_along_dim", indices).reshape(-1), 0)
    axis, index = axis_of(dim, x, "take_along_dim"), as_index("take_along_dim", indices)
    if index.ndim != x.ndim:
        raise ValueError(f"take_along_dim: x {tuple(x.shape)} and indices {index.shape} must have as many dimensions")
    common = [
        np.broadcast_shapes((n,), (m,))[0] if i != axis else 0
        for i, (n, m) in enumerate(zip(x.shape, index.shape, strict=True))
    ]
    x = broadcast_to(x, (*common[:axis], x.shape[axis], *common[axis + 1 :]))
    return gather(x, axis, np.broadcast_to(index, (*common[:axis], index.shape[axis], *common[axis + 1 :])))


# -- whole slices ------------------------------------------------------------------------------------------------------
def lines(name, x, dim, index, source):
    """axis, index, and source checked against x[.., index, ..]."""
    axis, index = axis_of(dim, x, name), as_index(name, index, 0, 1).reshape(-1)
    shape = (*x.shape[:axis], index.size, *x.shape[axis + 1 :])
    if source is not None and tuple(source.shape) != shape:
        raise ValueError(f"{name}: source {tuple(source.shape)} must be {shape}, x's shape with {index.size} indices")
    if source is not None and source.dtype != x.dtype:
        raise TypeError(f"{name}: source is {source.dtype} and x is {x.dtype}; convert one of them")
    return axis, index


def index_add(x, dim, index, source, alpha=1):
    """x with alpha source[.., k, ..] added at index[k] along `dim`, in the order of k."""
    axis, index = lines("index_add", x, dim, index, source)
    try:
        added = apply(TakeBackward, source, index, tuple(x.shape), axis, axis + 1)
    except IndexError:
        raise out_of_range("index_add", index, dim, x.shape[axis]) from None
    return add(x, added if alpha == 1 else mul(added, alpha))


def spread(index, shape, axis):
    """An index of slices along an axis as one of elements."""
    return np.broadcast_to(
        index.reshape(-1, *(1,) * (len(shape) - axis - 1)), (*shape[:axis], index.size, *shape[axis + 1 :])
    )


def index_copy(x, dim, index, source):
    """x with source[.., k, ..] in place of its slice index[k] along `dim`.

    >>> import fastgrad as fg
    >>> fg.index_copy(fg.zeros(3), 0, fg.tensor([2, 0]), fg.tensor([5.0, 7.0]))
    tensor([7., 0., 5.])
    """
    axis, index = lines("index_copy", x, dim, index, source)
    return scatter(x, axis, spread(index, tuple(x.shape), axis), source)


def index_fill(x, dim, index, value):
    """x with a number in its slices index[k] along `dim`.

    >>> import fastgrad as fg
    >>> fg.index_fill(fg.zeros(2, 3), 1, fg.tensor([0, 2]), 7.0)
    tensor([[7., 0., 7.],
            [7., 0., 7.]])
    """
    axis, index = lines("index_fill", x, dim, index, None)
    return scatter(x, axis, spread(index, tuple(x.shape), axis), float(value))


# -- in place ----------------------------------------------------------------------------------------------------------
def scatter_(x, dim, index, src=None, value=None, reduce=None):
    """`scatter`, written into x."""
    return assign("scatter_", x, scatter(x, dim, index, src, value, reduce))


def scatter_add_(x, dim, index, src):
    """`scatter_add`, written into x."""
    return assign("scatter_add_", x, scatter_add(x, dim, index, src))


def index_add_(x, dim, index, source, alpha=1):
    """`index_add`, written into x."""
    return assign("index_add_", x, index_add(x, dim, index, source, alpha))


def index_copy_(x, dim, index, source):
    """`index_copy`, written into x."""
    return assign("index_copy_", x, index_copy(x, dim, index, source))


def index_fill_(x, dim, index, value):
    """`index_fill`, written into x."""
    return assign("index_fill_", x, index_fill(x, dim, index, value))
