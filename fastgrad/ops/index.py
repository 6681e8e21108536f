"""Indexing: x[key] with NumPy's keys, and parts chosen by tensors of indices.

A key of integers, slices, None and ... gives a view. One with arrays of indices is taken apart: the slices are a view
of x, the axes that are indexed are made one, and the indices into them become one array of places along it, which is
all that the kernel (`take`) and its gradient see. So a captured step can hold it: the places are computed anew at every
replay. Masks are turned into indices; how many these are depends on values, which a captured step refuses.
"""

from functools import partial
from math import prod
from typing import Any

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .base import Op, apply, contiguous, filled, view

__all__ = ["argwhere", "index_select", "masked_select", "nonzero", "take"]

ARRAY = type("ARRAY", (), {"__repr__": lambda self: "ARRAY"})()  # stands in a key for an array given beside it


class GetItem(Op):
    """out = x[key], of integers, slices, None and ...: a view;   dx = 0 with dout at key."""

    @staticmethod
    def forward(ctx, x, key):
        ctx.info = key, x.shape
        return part(x, key)

    @staticmethod
    def backward(ctx, dout):
        return apply(GetItemBackward, dout, *ctx.info)


class GetItemBackward(Op):
    """out = zeros with dout at key;   ddout = ddx[key]."""

    @staticmethod
    def forward(ctx, dout, key, shape):
        ctx.info = key
        out = filled(shape, dout.dtype, 0)
        kernels.copy(dout, out=out[key])
        return out

    @staticmethod
    def backward(ctx, ddx):
        return apply(GetItem, ddx, ctx.info)


def part(x, key):
    """x[key] of an array; an error tells the shape."""
    try:
        return x[key]
    except IndexError as error:
        raise IndexError(f"x[key] of a tensor of shape {x.shape}: {error}") from None


class Take(Op):
    """out = x at places along its axes first..last-1, taken as one;   dx = 0 with dout added at the places."""

    saves = (1,)

    @staticmethod
    def forward(ctx, x, index, first, last):
        shape = x.shape
        ctx.info = shape, first, last
        flat = contiguous(x).reshape(prod(shape[:first]), prod(shape[first:last]), prod(shape[last:]))
        return kernels.take(flat, index.reshape(-1)).reshape((*shape[:first], *index.shape, *shape[last:]))

    @staticmethod
    def backward(ctx, dout):
        return apply(TakeBackward, dout, ctx.saved, *ctx.info)


class TakeBackward(Op):
    """out = 0 of a shape with dout added at places along its axes first..last-1;   ddout = ddx at the places."""

    saves = (1,)

    @staticmethod
    def forward(ctx, dout, index, shape, first, last):
        ctx.info = first, last
        flat = contiguous(dout).reshape(prod(shape[:first]), index.size, prod(shape[last:]))
        return kernels.take_backward(flat, index.reshape(-1), prod(shape[first:last])).reshape(shape)

    @staticmethod
    def backward(ctx, ddx):
        return apply(Take, ddx, ctx.saved, *ctx.info)


class Embedding(Op):
    """out[..., :] = w[index, :];   dw = 0 with dout added at the rows, but for the row `padding`."""

    saves = (1,)

    @staticmethod
    def forward(ctx, w, index, padding):
        ctx.info = w.shape, padding
        return kernels.take(contiguous(w)[None], index.reshape(-1)).reshape((*index.shape, w.shape[1]))

    @staticmethod
    def backward(ctx, dout):
        shape, padding = ctx.info
        keep = kernels.host(partial(unlike, padding, dout.dtype), ctx.saved)
        return apply(TakeBackward, mul(dout, keep), ctx.saved, shape, 0, 1)


def unlike(padding, dtype, index):
    """1 where the index is not `padding`, else 0, to be multiplied with rows."""
    return (index != padding)[..., None].astype(dtype)


# -- keys --------------------------------------------------------------------------------------------------------------
def as_key(key):
    """An index as a tuple of integers, slices, None, at most one ..., and arrays of integers or bools."""
    key = key if isinstance(key, tuple) else (key,)
    found = tuple(k if type(k) is slice or type(k) is int or k is None or k is ... else part_of_key(k) for k in key)
    if any(isinstance(k, np.ndarray) for k in found) or any(k is Ellipsis for k in found):
        return found
    return (*found, ...)  # so that NumPy gives an array without dimensions, not a number


def part_of_key(k):
    if isinstance(k, slice):
        return k
    if isinstance(k, Value):
        k = k.data
    elif isinstance(k, np.integer):
        return int(k)
    array = k if isinstance(k, np.ndarray) else constant(k)
    if array.dtype.kind not in "iub":
        raise IndexError(
            f"x[key]: an index must be an integer, a bool, a slice, None or ..., not {array.dtype}{convert(array)}"
        )
    return array


def convert(array):
    return "; convert it, index.long(), or compare for a mask, x > 0" if array.dtype.kind == "f" else ""


def constant(k):
    """A number or a list as an array that nobody can change: a captured step need not look at it again."""
    array = np.array(k)
    if not array.size:
        array = array.astype(np.int64)
    array.flags.writeable = False
    return array


def is_constant(array):
    return not array.flags.writeable and array.base is None


def is_basic(key):
    """Whether x[key] is a view, for a key as `as_key` gives it."""
    return not any(isinstance(k, np.ndarray) for k in key)


def refuse_mask(what="indexing with a mask"):
    kernels.refuse_capture(
        what, "the shape of the result depends on values; use where(mask, x, other), or multiply by the mask"
    )


def getitem(x, key):
    """x[key], with NumPy's keys: integers, slices, None and ... give views, arrays of indices or bools copies.

    Arrays of indices broadcast against each other; their dimensions stand where they stood, or in front if a slice
    stands between them (NumPy's rule; PyTorch counts an integer beside an array as a slice removed first).
    Errors: IndexError naming the index, the axis and its size. A captured step refuses masks.

    >>> import fastgrad as fg
    >>> x = fg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x[[0, 1, 0], -1]
    tensor([2., 4., 2.])
    """
    key = as_key(key)
    if is_basic(key):
        return view(GetItem, x, key)
    if len(key) == 1 and x.ndim and key[0].dtype != np.bool_:
        at: Any = [0]
        arrays = [*key]
    else:
        basic, arrays, at = taken_apart(key, tuple(x.shape))
        if any(k != slice(None) for k in basic):
            x = getitem(x, basic)
        at_once(arrays)
    sizes = tuple(x.shape[d] for d in at)
    if all(is_constant(a) for a in arrays):
        index = places(sizes, *arrays)
    else:
        index = kernels.host(partial(places, sizes), *arrays)
    if at != list(range(at[0], at[-1] + 1)) or split_by_dots(key):
        x = permute(x, [*at, *(d for d in range(x.ndim) if d not in at)])
        at = range(len(at))
    return apply(Take, x, index, at[0], at[-1] + 1)


def at_once(arrays):
    """Refuses indices that do not broadcast."""
    try:
        np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        raise IndexError(f"x[key]: indices of shapes {[a.shape for a in arrays]} do not broadcast") from None


def taken_apart(key, shape):
    """A key with arrays as the part that gives a view, the arrays of integers, and the axes of the view they index."""
    basic: list = []
    arrays: list = []
    at: list = []
    axis = 0
    for k in spelt_out(key, shape):
        start = len(basic)
        if k is None or isinstance(k, slice):
            basic.append(k)
            axis += k is not None
            continue
        k = k if isinstance(k, np.ndarray) else constant(k)
        if k.dtype != np.bool_:
            basic.append(slice(None))
            arrays.append(k)
            axis += 1
        elif k.ndim:
            refuse_mask()
            if k.shape != shape[axis : axis + k.ndim]:
                raise IndexError(
                    f"x[key]: a mask of shape {k.shape} on dims of sizes {shape[axis : axis + k.ndim]}; "
                    f"a mask has the sizes of the dims it chooses from"
                )
            basic += [slice(None)] * k.ndim
            arrays += np.nonzero(k)
            axis += k.ndim
        else:  # True and False: a new axis of size 1 or 0
            refuse_mask()
            basic.append(None)
            arrays.append(np.zeros(int(k), np.int64))
        at += range(start, len(basic))
    return tuple(basic), arrays, at


def spelt_out(key, shape):
    """The key with slices in place of ..., and for the axes at the end that it does not name."""
    named = sum((k.ndim if k.dtype == np.bool_ else 1) if isinstance(k, np.ndarray) else spends(k) for k in key)
    if named > len(shape):
        raise IndexError(f"x[key]: {named} indices for a tensor of {len(shape)} dimensions, {shape}")
    dots = [i for i, k in enumerate(key) if k is Ellipsis]
    if len(dots) > 1:
        raise IndexError("x[key]: a key may hold one ...")
    at = dots[0] if dots else len(key)
    return (*key[:at], *(slice(None),) * (len(shape) - named), *key[at + 1 :])


def split_by_dots(key):
    """Whether ... stands between two indices: NumPy sees them apart, though it stand for no axis."""
    kinds = "".join("." if k is Ellipsis else " " if k is None or isinstance(k, slice) else "i" for k in key)
    before, _, after = kinds.partition(".")
    return "i" in before and "i" in after


def spends(k):
    return k is not None and k is not Ellipsis


def places(sizes, *arrays):
    """Indices into several axes as indices into the one they are together, checked; negative ones count from the end.

    place = (i0 n1 + i1) n2 + i2 ...
    """
    flat: Any = 0
    for k, (a, n) in enumerate(zip(arrays, sizes, strict=True)):
        a = a.astype(np.int64)
        lowest = a.min(initial=0)
        if lowest < -n or a.max(initial=-1) >= n:
            wrong = (a < -n) | (a >= n)
            raise IndexError(
                f"x[key]: index {a[wrong][0]} is out of range for a dim with size {n} (array {k} of {len(arrays)})"
            )
        a = np.where(a < 0, a + n, a) if lowest < 0 else a
        flat = flat * n + a if k else a
    return flat


def write_at(out, key, values):
    """out[key] = values, for a key with arrays; a captured step does it again."""
    arrays = [k for k in key if isinstance(k, np.ndarray)]
    kernels.host(
        partial(write_through, tuple(ARRAY if isinstance(k, np.ndarray) else k for k in key)), out, values, *arrays
    )


def write_through(pattern, out, values, *arrays):
    given = iter(arrays)
    out[tuple(next(given) if k is ARRAY else k for k in pattern)] = values


def owned(key):
    """A key with arrays of its own: the user's may change before backward reads them."""
    return tuple(kernels.copy(k) if isinstance(k, np.ndarray) else k for k in key)


# -- chosen by a tensor of indices -------------------------------------------------------------------------------------
def as_index(name, index, *dims):
    """`index` as an array of int64; `dims`: how many dimensions it may have."""
    array = index.data if isinstance(index, Value) else np.asarray(index)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: index must hold integers, not {array.dtype}; convert it, index.long()")
    if dims and array.ndim not in dims:
        raise ValueError(f"{name}: index of shape {array.shape} must have {' or '.join(map(str, dims))} dimensions")
    return array if array.dtype == np.int64 else kernels.host(partial(np.asarray, dtype=np.int64), array)


def out_of_range(name, index, dim, n):
    """The IndexError that says which index it was."""
    wrong = index[(index < 0) | (index >= n)]
    return IndexError(
        f"{name}: index {wrong[0]} is out of range for dim {dim} with size {n}; indices run from 0 to {n - 1}"
    )


def index_select(x, dim, index):
    """x at the indices (one dimension, 0..size-1) along `dim`: a copy.

    >>> import fastgrad as fg
    >>> fg.index_select(fg.arange(6.0).reshape(2, 3), 1, fg.tensor([2, 0]))
    tensor([[2., 0.],
            [5., 3.]])
    """
    index, axis = as_index("index_select", index, 0, 1), axis_of(dim, x, "index_select")
    index = index.reshape(-1)
    if not x.ndim:
        if len(index) != 1:
            raise ValueError(f"index_select of a tensor without dimensions takes one index, not {len(index)}")
        return reshape(index_select(reshape(x, (1,)), 0, index), ())
    try:
        return apply(Take, x, index, axis, axis + 1)
    except IndexError:
        raise out_of_range("index_select", index, dim, x.shape[axis]) from None


def take(x, index):
    """x, seen as one row, at the indices; the result has their shape. Negative ones count from the end."""
    return getitem(reshape(x, (-1,)), as_index("take", index))


def masked_select(x, mask):
    """The elements of x where mask holds, in one dimension; both are broadcast. Not in a captured step."""
    mask = mask.data if isinstance(mask, Value) else np.asarray(mask)
    if mask.dtype != np.bool_:
        raise TypeError(f"masked_select: mask must be bool, not {mask.dtype}")
    shape = np.broadcast_shapes(tuple(x.shape), mask.shape)
    return getitem(broadcast_to(x, shape), np.broadcast_to(mask, shape))


def nonzero(x, as_tuple=False):
    """The indices of the elements that are not 0: [count, ndim], or a tuple of rows, one an axis."""
    refuse_mask("nonzero")
    found = np.nonzero(np.atleast_1d(x.data if isinstance(x, Value) else x))
    if as_tuple:
        return tuple(wrap(i) for i in found)
    return wrap(np.stack(found, axis=1)[:, : x.ndim])


def argwhere(x):
    """`nonzero`, under NumPy's name."""
    return nonzero(x)


def embedding(input, weight, padding_idx=None):
    """The rows of weight [V, D] named by integers in 0..V-1: out[..., :] = weight[input, :].

    padding_idx: a row that gets no gradient. Errors: IndexError naming the index and V.

    >>> import fastgrad as fg
    >>> fg.nn.functional.embedding(fg.tensor([1, 0]), fg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    index = as_index("embedding", input)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight must be (V, D), not {tuple(weight.shape)}")
    n = weight.shape[0]
    if padding_idx is not None and not -n <= padding_idx < n:
        raise IndexError(f"embedding: padding_idx {padding_idx} is out of range for {n} rows")
    try:
        if padding_idx is None:
            return apply(Take, weight, index, 0, 1)
        return apply(Embedding, weight, index, padding_idx % n)
    except IndexError:
        raise out_of_range("embedding", index, 0, n) from None


def one_hot(tensor, num_classes=-1):
    """1 at the class, 0 elsewhere, along a new last axis, as int64. -1: as many classes as the largest label needs.

    Errors: IndexError for a label outside 0..num_classes-1. A captured step needs num_classes.
    """
    index = as_index("one_hot", tensor)
    if num_classes == -1:
        kernels.refuse_capture("one_hot without num_classes", "pass num_classes")
        if not index.size:
            raise ValueError("one_hot of no labels needs num_classes")
        num_classes = int(index.max()) + 1
    out = kernels.host(partial(ones_at, num_classes), index)
    return wrap(out) if isinstance(tensor, Value) else out


def ones_at(num_classes, index):
    wrong = (index < 0) | (index >= num_classes)
    if wrong.any():
        raise IndexError(f"one_hot: label {index[wrong][0]} is not one of {num_classes} classes")
    return (index[..., None] == np.arange(num_classes)).astype(np.int64)


from .axes import axis_of  # noqa: E402
from .elementwise import mul  # noqa: E402
from .reduce import broadcast_to  # noqa: E402  (below what reduce and shape import from here)
from .shape import permute, reshape  # noqa: E402
