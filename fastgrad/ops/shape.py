"""Ops that give a tensor another shape. Where NumPy gives a view, the result is a view that shares memory."""

from math import prod
from operator import index as as_index

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .axes import axis_of
from .base import Op, apply, filled, view

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_tensors",
    "diagonal",
    "expand",
    "expand_as",
    "flatten",
    "movedim",
    "narrow",
    "permute",
    "ravel",
    "reshape",
    "reshape_as",
    "select",
    "squeeze",
    "swapaxes",
    "t",
    "transpose",
    "unflatten",
    "unsqueeze",
]


class Reshape(Op):
    """out = x with another shape, elements in the same order;   dx = dout in x's shape."""

    @staticmethod
    def forward(ctx, x, shape):
        ctx.info = x.shape
        try:
            return reshaped(x, shape)
        except ValueError:
            raise ValueError(
                f"reshape: {x.shape} ({x.size} elements) does not fit {shape}; the sizes must multiply to {x.size}, "
                f"one of them may be -1"
            ) from None

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


class Diagonal(Op):
    """out[..., i] = x[..., i, i + offset], of two axes that become the last one;   dx = 0 with dout there."""

    @staticmethod
    def forward(ctx, x, offset, dim0, dim1):
        ctx.info = x.shape, offset, dim0, dim1
        return diagonal_of(x, offset, dim0, dim1)

    @staticmethod
    def backward(ctx, dout):
        return apply(DiagonalBackward, dout, *ctx.info)


class DiagonalBackward(Op):
    """out = 0 of a shape with x on a diagonal;   dx = dout there."""

    @staticmethod
    def forward(ctx, x, shape, offset, dim0, dim1):
        ctx.info = offset, dim0, dim1
        out = filled(shape, x.dtype, 0)
        kernels.copy(x, out=diagonal_of(out, offset, dim0, dim1))
        return out

    @staticmethod
    def backward(ctx, dout):
        return apply(Diagonal, dout, *ctx.info)


def reshaped(x, shape):
    """The array in another shape: a view where strides allow, else of a copy made by a kernel, which a capture sees."""
    if x.flags.c_contiguous:
        return x.reshape(shape)
    try:
        return x.reshape(shape, copy=False)
    except (ValueError, TypeError):  # TypeError: NumPy 2.0 has no such argument
        return kernels.copy(x).reshape(shape)


def diagonal_of(x, offset, dim0, dim1):
    """numpy.diagonal, writable if x is."""
    out = x.diagonal(offset, dim0, dim1)
    out.flags.writeable = x.flags.writeable
    return out


def as_sizes(shape):
    """``f(2, 3)`` and ``f((2, 3))`` mean the same."""
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
        shape = shape[0]
    try:
        return tuple(map(as_index, shape))
    except TypeError:
        raise TypeError(f"a shape is made of integers, not of {shape!r}{as_meant(shape)}") from None


def as_meant(shape):
    """What to write instead of something that is no shape."""
    if isinstance(shape, np.dtype):
        return "; to another dtype it is x.to(dtype)"
    if any(isinstance(n, float) for n in (shape if isinstance(shape, tuple) else (shape,))):
        return "; divide by //"
    return "; write f(2, 3) or f((2, 3))"


# -- the same elements in another shape --------------------------------------------------------------------------------
def reshape(x, *shape):
    """x with another shape; one size may be -1. A view where x's strides allow, else a copy.

    `Tensor.view` is the same function: where PyTorch's view refuses, because a copy is needed, this one copies.
    Errors: ValueError if the number of elements differs.

    >>> import fastgrad as fg
    >>> fg.tensor([[1, 2], [3, 4]]).reshape(-1)
    tensor([1, 2, 3, 4])
    """
    shape = as_sizes(shape)
    if shape and min(shape) < -1:
        raise ValueError(f"reshape: {tuple(x.shape)} to {shape}: a size is 0 or more, or -1 for what is left")
    out = view(Reshape, x, shape)
    if isinstance(x, Value) and not x.data.flags.c_contiguous and not np.may_share_memory(out.data, x.data):
        out = wrap(out.data, out.node)  # of a copy: nobody's view
    return out


def reshape_as(x, other):
    """x in other's shape."""
    return reshape(x, tuple(other.shape))


def ravel(x):
    """x in one dimension."""
    return reshape(x, (-1,))


def rows(x):
    """x as a matrix: its last axis, and all others as one. (A size of -1 would not do where the last is 0.)"""
    return reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


def flatten(x, start_dim=0, end_dim=-1):
    """The axes from start_dim to end_dim as one.

    >>> import fastgrad as fg
    >>> fg.flatten(fg.zeros(2, 3, 4), 1).shape
    (2, 12)
    """
    first, last = axis_of(start_dim, x, "flatten"), axis_of(end_dim, x, "flatten")
    if not x.ndim:
        return reshape(x, (1,))
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    shape = tuple(x.shape)
    return reshape(x, (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))


def unflatten(x, dim, sizes):
    """One axis as several, whose product it is; one of them may be -1.

    >>> import fastgrad as fg
    >>> fg.unflatten(fg.arange(6.0), 0, (2, -1)).shape
    (2, 3)
    """
    axis, sizes = axis_of(dim, x, "unflatten"), list(as_sizes((sizes,)))
    n, known = x.shape[axis], prod(s for s in sizes if s != -1)
    if sizes.count(-1) == 1 and known and n % known == 0:
        sizes[sizes.index(-1)] = n // known
    if prod(sizes) != n or min(sizes, default=0) < 0:
        raise ValueError(f"unflatten: sizes {tuple(sizes)} do not multiply to {n}, the size of dim {dim}")
    return reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def squeeze(x, dim=None):
    """x without its axes of size 1: all of them, or of those named in `dim` (one or several) the ones that have it."""
    dims = range(x.ndim) if dim is None else [dim] if isinstance(dim, (int, np.integer)) else dim
    gone = {axis_of(d, x, "squeeze") for d in dims}
    key = tuple(0 if i in gone and n == 1 else slice(None) for i, n in enumerate(x.shape))
    return getitem(x, (*key, ...))


def unsqueeze(x, dim):
    """x with a new axis of size 1 at `dim`.

    >>> import fastgrad as fg
    >>> fg.unsqueeze(fg.zeros(3), 0).shape
    (1, 3)
    """
    axis = axis_of(dim, x, "unsqueeze", more=1)
    return getitem(x, (*(slice(None),) * axis, None, ...))


def atleast_1d(*tensors):
    """Tensors with at least one axis; new ones have size 1. One tensor gives a tensor, several a tuple."""
    return several(lambda x: reshape(x, (1,)) if x.ndim < 1 else x, tensors)


def atleast_2d(*tensors):
    """Tensors with at least two axes; new ones come first."""
    return several(lambda x: reshape(x, (1, -1)) if x.ndim < 2 else x, tensors)


def atleast_3d(*tensors):
    """Tensors with at least three axes: (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1)."""
    return several(lambda x: reshape(x, (1, -1, 1)) if x.ndim < 2 else unsqueeze(x, 2) if x.ndim == 2 else x, tensors)


def several(function, tensors):
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tensors[0]
    elif len(tensors) == 1:
        return function(tensors[0])
    return tuple(function(x) for x in tensors)


# -- axes in another order ---------------------------------------------------------------------------------------------
def permute(x, *axes):
    """x with its axes in the order given: a view. `x.permute(2, 0, 1)` or a tuple.

    >>> import fastgrad as fg
    >>> fg.permute(fg.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    axes = tuple(a + x.ndim if a < 0 else a for a in as_sizes(axes))
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(
            f"permute: {axes} is not an order of the {x.ndim} axes of {tuple(x.shape)}; name each axis once"
        )
    return view(Permute, x, axes)


def transpose(x, dim0, dim1):
    """x with two axes exchanged: a view."""
    n = x.ndim
    if not (-n <= dim0 < n and -n <= dim1 < n):
        if not n and dim0 in (0, -1) and dim1 in (0, -1):
            return x
        raise IndexError(
            f"transpose: axes {dim0} and {dim1} of a tensor of {n} dimensions, {tuple(x.shape)}; "
            f"an axis must be from {-n} to {n - 1}"
        )
    if isinstance(x, np.ndarray):
        return x.swapaxes(dim0, dim1)
    axes = list(range(n))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return view(Permute, x, tuple(axes))


def swapaxes(x, axis0, axis1):
    """`transpose` under NumPy's name."""
    return transpose(x, axis0, axis1)


def t(x):
    """The transpose of a matrix; a vector stays as it is."""
    if x.ndim > 2:
        raise ValueError(f"t() of a tensor of {x.ndim} dimensions; use transpose or permute")
    return x if x.ndim < 2 else transpose(x, 0, 1)


def movedim(x, source, destination):
    """x with axes moved to other positions; the others keep their order.

    >>> import fastgrad as fg
    >>> fg.movedim(fg.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    source, destination = ([d] if isinstance(d, (int, np.integer)) else list(d) for d in (source, destination))
    start, end = ([axis_of(d, x, "movedim") for d in dims] for dims in (source, destination))
    if len(start) != len(end) or len(set(start)) != len(start) or len(set(end)) != len(end):
        raise ValueError(f"movedim: source {source} and destination {destination} must name as many distinct axes")
    rest = iter([d for d in range(x.ndim) if d not in start])
    places = dict(zip(end, start, strict=True))
    return permute(x, [places[d] if d in places else next(rest) for d in range(x.ndim)])


# -- parts and repetitions, without copying ----------------------------------------------------------------------------
def expand(x, *sizes):
    """x repeated along axes of size 1, or along new ones in front, without copying; -1 keeps a size.

    The result is read-only: its elements share memory with each other.
    """
    sizes = as_sizes(sizes)
    lead = len(sizes) - x.ndim
    if lead < 0:
        raise ValueError(f"expand: {sizes} has fewer dimensions than {tuple(x.shape)}")
    old = (None,) * lead + tuple(x.shape)
    to = tuple(n if s == -1 else s for s, n in zip(sizes, old, strict=True))
    if any(s is None or s < 0 or (n not in (None, 1) and n != s) for s, n in zip(to, old, strict=True)):
        raise ValueError(f"expand: {tuple(x.shape)} does not expand to {sizes}; only sizes of 1 can be repeated")
    return broadcast_to(x, to)


def expand_as(x, other):
    """x repeated to other's shape, without copying."""
    return expand(x, tuple(other.shape))


def broadcast_tensors(*tensors):
    """The tensors, each expanded to the shape they broadcast to: views.

    >>> import fastgrad as fg
    >>> [x.shape for x in fg.broadcast_tensors(fg.ones(3, 1), fg.ones(2))]
    [(3, 2), (3, 2)]
    """
    shape = np.broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(broadcast_to(x, shape) for x in tensors)


def select(x, dim, index):
    """x at one index of an axis, without that axis: a view.

    >>> import fastgrad as fg
    >>> fg.select(fg.arange(6.0).reshape(2, 3), 1, 2)
    tensor([2., 5.])
    """
    axis, n = axis_of(dim, x, "select"), x.shape[dim] if x.ndim else 0
    if not -n <= index < n:
        raise IndexError(f"select: index {index} is out of range for dim {dim} with size {n}")
    return getitem(x, (*(slice(None),) * axis, index))


def narrow(x, dim, start, length):
    """x from `start` on along an axis, `length` of it: a view.

    >>> import fastgrad as fg
    >>> fg.narrow(fg.arange(6.0).reshape(2, 3), 1, 1, 2)
    tensor([[1., 2.],
            [4., 5.]])
    """
    axis, n = axis_of(dim, x, "narrow"), x.shape[dim] if x.ndim else 0
    first = start + n if start < 0 else start
    if not 0 <= first <= n or length < 0 or first + length > n:
        raise IndexError(f"narrow: start {start} and length {length} leave dim {dim} with size {n}")
    return getitem(x, (*(slice(None),) * axis, slice(first, first + length)))


def diagonal(x, offset=0, dim1=0, dim2=1):
    """The diagonal of two axes, as the last axis of a view: x[..., i, i + offset]."""
    first, second = axis_of(dim1, x, "diagonal"), axis_of(dim2, x, "diagonal")
    if x.ndim < 2 or first == second:
        raise ValueError(f"diagonal: dims {dim1} and {dim2} of {tuple(x.shape)} are not two axes")
    return view(Diagonal, x, int(offset), first, second)


from .index import getitem  # noqa: E402  (index, reduce and shape are made of each other)
from .reduce import broadcast_to  # noqa: E402
