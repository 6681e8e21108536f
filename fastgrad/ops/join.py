"""Ops that put tensors together, take them into pieces, and repeat or mirror them. Pieces are views."""

from math import prod

import numpy as np

from .. import kernels
from ..tape import Value
from .axes import axis_of
from .base import Op, apply, filled, promoted
from .elementwise import copy, where
from .index import GetItem, getitem, index_select
from .reduce import broadcast_to, sum
from .shape import as_sizes, reshape, unsqueeze
from .shape import diagonal as diagonal_view

__all__ = [
    "chunk",
    "column_stack",
    "concatenate",
    "diag",
    "diag_embed",
    "dstack",
    "flip",
    "fliplr",
    "flipud",
    "hstack",
    "meshgrid",
    "repeat",
    "repeat_interleave",
    "roll",
    "split",
    "stack",
    "tile",
    "trace",
    "tril",
    "triu",
    "unbind",
    "vstack",
]


class Concatenate(Op):
    """out = the operands one after another along an axis;   each gets its slice of dout."""

    @staticmethod
    def forward(ctx, axis, *xs):
        ctx.info = axis, [x.shape[axis] for x in xs]
        shape = list(xs[0].shape)
        shape[axis] = int(np.sum(ctx.info[1]))
        out = kernels.output(shape, xs[0].dtype)
        start = 0
        for x in xs:
            kernels.copy(x, out=out[stretch(axis, start, x.shape[axis])])
            start += x.shape[axis]
        return out

    @staticmethod
    def backward(ctx, dout):
        axis, lengths = ctx.info
        pieces: list = []
        start = 0
        for n, edge in zip(lengths, ctx.inputs[1:], strict=False):
            pieces.append(apply(GetItem, dout, stretch(axis, start, n)) if edge is not None else None)
            start += n
        return (None, *pieces)


class Pad(Op):
    """out = x framed by a number: `before` and `after` say how much on each axis;   dx = dout inside the frame."""

    @staticmethod
    def forward(ctx, x, before, after, value):
        inner = tuple(slice(b, b + n) for b, n in zip(before, x.shape, strict=True))
        ctx.info = (*inner, ...)
        out = filled([b + n + a for b, n, a in zip(before, x.shape, after, strict=True)], x.dtype, value)
        kernels.copy(x, out=out[ctx.info])
        return out

    @staticmethod
    def backward(ctx, dout):
        return apply(GetItem, dout, ctx.info)


class DiagEmbed(Op):
    """out[..., i, i + offset] = x[..., i], 0 elsewhere, in a square;   dx = the diagonal of dout."""

    @staticmethod
    def forward(ctx, x, offset):
        ctx.info = offset
        n = x.shape[-1] + np.abs(offset)
        out = filled((*x.shape[:-1], n, n), x.dtype, 0)
        inner = out.diagonal(offset, -2, -1)
        inner.flags.writeable = True
        kernels.copy(x, out=inner)
        return out

    @staticmethod
    def backward(ctx, dout):
        return diagonal_view(dout, ctx.info, -2, -1)


def stretch(axis, start, n):
    return (*(slice(None),) * axis, slice(start, start + n), ...)


# -- together ----------------------------------------------------------------------------------------------------------
def concatenate(tensors, dim=0):
    """Tensors of equal shapes but for `dim`, one after another, in the dtype that holds them all.

    As in PyTorch, a piece of shape (0,) fits beside anything.

    >>> import fastgrad as fg
    >>> fg.cat([fg.tensor([1, 2]), fg.tensor([0.5])])
    tensor([1. , 2. , 0.5])
    """
    if isinstance(tensors, Value):
        raise TypeError("concatenate takes several tensors in a list or tuple, not one: cat([a, b])")
    tensors = list(tensors)
    if not tensors:
        raise ValueError("concatenate needs at least one tensor; the list is empty")
    tensors = promoted(Concatenate, *tensors)
    whole = [t for t in tensors if tuple(t.shape) != (0,)] or tensors[:1]
    shapes = [tuple(t.shape) for t in whole]
    n = len(shapes[0])
    if not n:
        raise ValueError("concatenate: tensors without dimensions have no dim to be joined along; use stack([a, b])")
    if not -n <= dim < n:
        raise IndexError(f"concatenate: dim {dim} of tensors of {n} dimensions; it must be from {-n} to {n - 1}")
    axis = dim % n
    if len({(*s[:axis], *s[axis + 1 :]) for s in shapes}) > 1 or any(len(s) != n for s in shapes):
        raise ValueError(f"concatenate: shapes {shapes} differ outside dim {dim}, where they must agree")
    return apply(Concatenate, axis, *whole)


def stack(tensors, dim=0):
    """Tensors of one shape, one after another along a new axis.

    >>> import fastgrad as fg
    >>> fg.stack([fg.tensor([1.0, 2.0]), fg.tensor([3.0, 4.0])], dim=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    if isinstance(tensors, Value):
        raise TypeError("stack takes several tensors in a list or tuple, not one: stack([a, b])")
    tensors = list(tensors)
    if len({tuple(t.shape) for t in tensors}) != 1:
        shapes = [tuple(t.shape) for t in tensors]
        raise ValueError(f"stack needs tensors of one shape, not {shapes}; pad or reshape them, or use cat")
    axis = axis_of(dim, tensors[0], "stack", more=1)
    return concatenate([unsqueeze(t, axis) for t in tensors], axis)


def hstack(tensors):
    """Side by side: along axis 1, vectors along axis 0."""
    tensors = [reshape(x, (1,)) if not x.ndim else x for x in tensors]
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors):
    """Below each other: along axis 0, vectors as rows."""
    return concatenate([reshape(x, (1, -1)) if x.ndim < 2 else x for x in tensors], 0)


def dstack(tensors):
    """Behind each other: along axis 2; (m, n) counts as (m, n, 1) and (n,) as (1, n, 1)."""
    return concatenate(
        [reshape(x, (1, -1, 1)) if x.ndim < 2 else unsqueeze(x, 2) if x.ndim == 2 else x for x in tensors], 2
    )


def column_stack(tensors):
    """Side by side, vectors as columns.

    >>> import fastgrad as fg
    >>> fg.column_stack([fg.tensor([1.0, 2.0]), fg.tensor([3.0, 4.0])])
    tensor([[1., 3.],
            [2., 4.]])
    """
    return hstack([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in tensors])


def meshgrid(*tensors, indexing="ij"):
    """For vectors of n0, n1, ... the grids of shape (n0, n1, ...) that hold each one's value; views, read-only.

    indexing="xy" exchanges the first two axes, as plots have them.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise ValueError(f'meshgrid: indexing must be "ij" or "xy", not {indexing!r}')
    if any(x.ndim > 1 for x in tensors):
        raise ValueError(f"meshgrid takes vectors, not shapes {[tuple(x.shape) for x in tensors]}")
    sizes = [prod(x.shape) for x in tensors]
    places = list(range(len(sizes)))
    if indexing == "xy" and len(sizes) > 1:
        places[:2] = 1, 0
    shape = tuple(sizes[i] for i in places)
    return tuple(
        broadcast_to(reshape(x, tuple(sizes[i] if j == i else 1 for j in places)), shape) for i, x in enumerate(tensors)
    )


# -- pieces ------------------------------------------------------------------------------------------------------------
def split(x, split_size_or_sections, dim=0):
    """x in pieces along `dim`, views: of a size (the last may be smaller), or of the sizes in a list.

    >>> import fastgrad as fg
    >>> [piece.tolist() for piece in fg.tensor([1, 2, 3, 4, 5]).split(2)]
    [[1, 2], [3, 4], [5]]
    """
    axis, size = axis_of(dim, x, "split"), split_size_or_sections
    if not x.ndim:
        raise ValueError("split of a tensor without dimensions")
    n = x.shape[axis]
    if isinstance(size, (int, np.integer)):
        if size < 0 or (size == 0 and n):
            raise ValueError(f"split: pieces of size {size} of dim {dim} with size {n}")
        sections = [size] * (n // size) + ([n % size] if n % size else []) if size and n else [n]
    else:
        sections = [int(s) for s in size]
        if min(sections, default=0) < 0 or np.sum(sections) != n:
            raise ValueError(f"split: sections {sections} do not add up to {n}, the size of dim {dim}")
    starts = np.cumsum([0, *sections])
    return tuple(getitem(x, stretch(axis, int(s), k)) for s, k in zip(starts, sections, strict=False))


def chunk(x, chunks, dim=0):
    """x in at most `chunks` pieces along `dim`, views, all of one size but for a smaller last one."""
    if chunks < 1:
        raise ValueError(f"chunk: chunks must be at least 1, not {chunks}")
    n = x.shape[axis_of(dim, x, "chunk")]
    return split(x, -(-n // chunks), dim) if n else split(x, [0] * chunks, dim)


def unbind(x, dim=0):
    """x at every index of an axis, without that axis: views.

    >>> import fastgrad as fg
    >>> fg.unbind(fg.arange(6.0).reshape(2, 3))
    (tensor([0., 1., 2.]), tensor([3., 4., 5.]))
    """
    axis = axis_of(dim, x, "unbind")
    return tuple(getitem(x, (*(slice(None),) * axis, i)) for i in range(x.shape[axis]))


# -- repeated and mirrored: copies -------------------------------------------------------------------------------------
def repeat(x, *repeats):
    """x laid side by side with itself, so many times along each axis; more numbers than axes make new ones in front."""
    times = as_sizes(repeats)
    lead = len(times) - x.ndim
    if lead < 0 or min(times, default=0) < 0:
        raise ValueError(f"repeat: {times} must hold a number for each axis of {tuple(x.shape)}, none negative")
    shape = (1,) * lead + tuple(x.shape)
    spaced = tuple(k for n in shape for k in (1, n))
    wide = tuple(k for r, n in zip(times, shape, strict=True) for k in (r, n))
    out = reshape(broadcast_to(reshape(x, spaced), wide), tuple(r * n for r, n in zip(times, shape, strict=True)))
    return copy(out) if all(r == 1 for r in times) else out


def tile(x, *dims):
    """`repeat`, where numbers may also be missing in front.

    >>> import fastgrad as fg
    >>> fg.tile(fg.ones(2, 3), (2,)).shape
    (2, 6)
    """
    times = as_sizes(dims)
    return repeat(x, (1,) * (x.ndim - len(times)) + times)


def repeat_interleave(x, repeats, dim=None, output_size=None):
    """Every element (along `dim`; without it, of x as one row) `repeats` times in a row; or as often as a tensor says.

    The shape depends on the values of such a tensor: a captured step takes an int, or a list.
    """
    if dim is None:
        x, dim = reshape(x, (-1,)), 0
    axis = axis_of(dim, x, "repeat_interleave")
    if isinstance(repeats, (Value, np.ndarray)) and prod(repeats.shape) > 1:
        kernels.refuse_capture("repeat_interleave by a tensor", "pass an int or a list")
    times = np.asarray(repeats.data if isinstance(repeats, Value) else repeats)
    if times.dtype.kind not in "iu" or times.ndim > 1 or (times < 0).any():
        raise ValueError("repeat_interleave: repeats must be an integer or a row of them, none negative")
    if times.size != 1:
        if times.size != x.shape[axis]:
            raise ValueError(f"repeat_interleave: {times.size} repeats for dim {dim} with size {x.shape[axis]}")
        return index_select(x, axis, np.repeat(np.arange(times.size), times))
    r, shape = int(times.reshape(())), tuple(x.shape)
    wide = broadcast_to(unsqueeze(x, axis + 1), (*shape[: axis + 1], r, *shape[axis + 1 :]))
    out = reshape(wide, (*shape[:axis], r * shape[axis], *shape[axis + 1 :]))
    return copy(out) if r == 1 else out


def axes_of(name, x, dims):
    dims = [dims] if isinstance(dims, (int, np.integer)) else list(dims)
    axes = [axis_of(d, x, name) for d in dims]
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: dims {tuple(dims)} name an axis twice")
    return axes


def flip(x, *dims):
    """x with the order along the axes reversed; a copy, as in PyTorch (x[::-1] is a view)."""
    axes = axes_of("flip", x, as_sizes(dims))
    return copy(getitem(x, (*(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim)), ...)))


def fliplr(x):
    """x with its columns (axis 1) reversed."""
    return flip(x, 1)


def flipud(x):
    """x with its rows (axis 0) reversed."""
    return flip(x, 0)


def roll(x, shifts, dims=None):
    """x moved along the axes by `shifts` places, round the end; without dims, as one row."""
    if dims is None:
        return reshape(roll(reshape(x, (-1,)), shifts, 0), tuple(x.shape))
    shifts = [shifts] if isinstance(shifts, (int, np.integer)) else list(shifts)
    dims = [dims] if isinstance(dims, (int, np.integer)) else list(dims)
    if len(shifts) != len(dims):
        raise ValueError(f"roll: {len(shifts)} shifts for {len(dims)} dims")
    out = x
    for shift, dim in zip(shifts, dims, strict=True):
        axis = axis_of(dim, x, "roll")
        n = x.shape[axis] if x.ndim else 0
        if n and shift % n:
            at = n - shift % n
            out = concatenate([getitem(out, stretch(axis, at, n - at)), getitem(out, stretch(axis, 0, at))], axis)
    return copy(x) if out is x else out


# -- triangles and diagonals -------------------------------------------------------------------------------------------
def tril(x, diagonal=0):
    """The lower triangle of matrices: 0 where j > i + diagonal.

    >>> import fastgrad as fg
    >>> fg.tril(fg.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return where(band("tril", x, diagonal), x, x.dtype.type(0).item())


def triu(x, diagonal=0):
    """The upper triangle of matrices: 0 where j < i + diagonal.

    >>> import fastgrad as fg
    >>> fg.triu(fg.ones(2, 3), diagonal=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    return where(~band("triu", x, diagonal - 1), x, x.dtype.type(0).item())


def band(name, x, k):
    if x.ndim < 2:
        raise ValueError(f"{name} takes matrices, not {tuple(x.shape)}")
    return np.tri(x.shape[-2], x.shape[-1], k, dtype=bool)


def diag(x, diagonal=0):
    """The square matrix with a vector on a diagonal; or, of a matrix, a copy of its diagonal."""
    if x.ndim not in (1, 2):
        raise ValueError(f"diag takes a vector or a matrix, not {tuple(x.shape)}")
    return apply(DiagEmbed, x, diagonal) if x.ndim == 1 else copy(diagonal_view(x, diagonal))


def diag_embed(x, offset=0):
    """Square matrices with the rows of x on a diagonal.

    >>> import fastgrad as fg
    >>> fg.diag_embed(fg.tensor([1.0, 2.0]), offset=1)
    tensor([[0., 1., 0.],
            [0., 0., 2.],
            [0., 0., 0.]])
    """
    if not x.ndim:
        raise ValueError("diag_embed of a tensor without dimensions")
    return apply(DiagEmbed, x, int(offset))


def trace(x):
    """The sum of a matrix's diagonal.

    >>> import fastgrad as fg
    >>> fg.trace(fg.arange(6.0).reshape(2, 3))
    tensor(4.)
    """
    if x.ndim != 2:
        raise ValueError(f"trace takes a matrix, not {tuple(x.shape)}")
    return sum(diagonal_view(x))


# -- frames ------------------------------------------------------------------------------------------------------------
def pad(input, pad, mode="constant", value=None):
    """input with elements added at both ends of its last axes; negative numbers cut off.

    pad = (before, after) of the last axis, then of the last but one, ...

    mode: "constant" (`value`, 0 if None), "reflect" (mirrored, without the edge itself), "replicate" (the edge),
    "circular" (from the other end). Errors: ValueError naming a pad that the mode cannot fill.

    >>> import fastgrad as fg
    >>> fg.nn.functional.pad(fg.tensor([[1.0, 2.0]]), (1, 2))
    tensor([[0., 1., 2., 0., 0.]])
    """
    pairs = list(zip(pad[::2], pad[1::2], strict=False))
    if len(pad) % 2 or len(pairs) > input.ndim:
        raise ValueError(f"pad: {tuple(pad)} must be pairs, at most one for each axis of {tuple(input.shape)}")
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f'pad: mode must be "constant", "reflect", "replicate" or "circular", not {mode!r}')
    n = input.ndim
    sides = [(0, 0)] * (n - len(pairs)) + [(int(b), int(a)) for b, a in reversed(pairs)]
    if any(size + b + a < 0 or size < -b or size < -a for size, (b, a) in zip(input.shape, sides, strict=True)):
        raise ValueError(f"pad: {tuple(pad)} cuts more from {tuple(input.shape)} than there is")
    if mode == "constant":
        cut = tuple(slice(max(-b, 0), size - max(-a, 0)) for size, (b, a) in zip(input.shape, sides, strict=True))
        x = getitem(input, (*cut, ...)) if any(b < 0 or a < 0 for b, a in sides) else input
        return apply(Pad, x, [max(b, 0) for b, _ in sides], [max(a, 0) for _, a in sides], value or 0)
    if value is not None:
        raise ValueError(f'pad: value is for mode="constant", not for {mode!r}')
    x = input
    for axis, (b, a) in enumerate(sides):
        if b or a:
            x = index_select(x, axis, framed(mode, x.shape[axis], b, a))
    return copy(x) if x is input else x


def framed(mode, n, before, after):
    """For each place of a padded axis the place of x it is taken from."""
    i = np.arange(-before, n + after)
    most = {"reflect": n - 1, "replicate": n and i.size, "circular": n}[mode]
    if max(before, after) > most:
        raise ValueError(f'pad: {(before, after)} on an axis of size {n} with mode="{mode}": at most {most}')
    if mode == "replicate":
        return np.clip(i, 0, n - 1)
    if mode == "circular" or n == 1:
        return i % n
    i = np.abs(i)
    return np.where(i >= n, 2 * (n - 1) - i, i)
