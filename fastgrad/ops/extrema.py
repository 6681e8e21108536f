"""The largest and the smallest, of everything or along axes, and where they stand. A NaN is both."""

from typing import Any, NamedTuple

import numpy as np

from .. import kernels, versions
from ..tape import Value, wrap
from .axes import axes_of, axis_of, dropped, held, numpy_names, over_axes, three
from .base import OUT, Op, apply
from .elementwise import div, equal, mul
from .limits import maximum, minimum
from .pick import ValuesIndices
from .reduce import Sum
from .scatter import Gather
from .shape import reshape

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]


class MinMax(NamedTuple):
    """What `aminmax` returns."""

    min: Any
    max: Any


def unchanged(name, ctx):
    """ctx.info, if the indices that it holds, which are a result too, have not been written to."""
    if versions.changed_at(ctx.info[0]):
        versions.refuse_changed(name, "its indices", ctx.info[0])
    return ctx.info


def along(kernel, ctx, x, axis, keepdim):
    out, index = kernel(three(x, axis))
    shape = held(x.shape, [axis]) if keepdim else dropped(x.shape, [axis])
    ctx.info = index, x.shape, axis
    return out.reshape(shape), index.reshape(shape)


class Max(Op):
    """out, index = the largest along an axis and where it stands first;   dx = dout at index, 0 elsewhere."""

    @staticmethod
    def forward(ctx, x, axis, keepdim):
        return along(kernels.max, ctx, x, axis, keepdim)

    @staticmethod
    def backward(ctx, dout):
        return apply(MaxBackward, dout, *unchanged("max", ctx))


class Min(Op):
    """out, index = the smallest along an axis and where it stands first;   dx = dout at index, 0 elsewhere."""

    @staticmethod
    def forward(ctx, x, axis, keepdim):
        return along(kernels.min, ctx, x, axis, keepdim)

    @staticmethod
    def backward(ctx, dout):
        return apply(MaxBackward, dout, *unchanged("min", ctx))


class MaxBackward(Op):
    """out = dout at index along an axis, 0 elsewhere;   ddout = ddx at index."""

    @staticmethod
    def forward(ctx, dout, index, shape, axis):
        ctx.info = index, axis, dout.shape
        length = shape[axis] if shape else 1
        return kernels.max_backward(three(dout, 0).reshape(index.shape), index, length).reshape(shape)

    @staticmethod
    def backward(ctx, ddx):
        index, axis, shape = ctx.info
        places = held(ddx.shape, [axis])
        return reshape(apply(Gather, ddx, index.reshape(places), axis), shape)


class Amax(Op):
    """out = the largest over axes;   dx = dout shared equally among the elements that equal it."""

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        return extreme(kernels.max, ctx, x, axes, keepdim)

    @staticmethod
    def backward(ctx, dout):
        return shared(ctx, dout)


class Amin(Op):
    """out = the smallest over axes;   dx = dout shared equally among the elements that equal it."""

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        return extreme(kernels.min, ctx, x, axes, keepdim)

    @staticmethod
    def backward(ctx, dout):
        return shared(ctx, dout)


def extreme(kernel, ctx, x, axes, keepdim):
    kept = held(x.shape, axes)
    ctx.info = axes, kept
    if not axes:
        return kernels.copy(x)
    return over_axes(kernel, x, axes, kept if keepdim else dropped(x.shape, axes))


def shared(ctx, dout):
    (x, out), (axes, kept) = ctx.saved, ctx.info
    mask = equal(x, reshape(out, kept))
    return mul(mask, div(reshape(dout, kept), apply(Sum, mask, axes, True)))


@numpy_names
def amax(x, dim=None, keepdim=False):
    """The largest over `dim`; ties share the gradient equally. Errors: ValueError for nothing to choose from.

    >>> import fastgrad as fg
    >>> fg.amax(fg.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=(0, 1)), fg.amax(fg.tensor([[1.0, 5.0], [3.0, 2.0]]), 0)
    (tensor(5.), tensor([3., 5.]))
    """
    return over(Amax, "amax", x, dim, keepdim)


@numpy_names
def amin(x, dim=None, keepdim=False):
    """The smallest over `dim`; ties share the gradient equally. Errors: ValueError for nothing to choose from.

    >>> import fastgrad as fg
    >>> fg.amin(fg.tensor([[1.0, 5.0], [3.0, 2.0]]), 1, keepdim=True)
    tensor([[1.],
            [2.]])
    """
    return over(Amin, "amin", x, dim, keepdim)


def over(op, name, x, dim, keepdim):
    axes = axes_of(dim, x.ndim, name)
    refuse_nothing(name, x, dim, axes)
    return apply(op, x, axes, bool(keepdim))


def refuse_nothing(name, x, dim, axes):
    if 0 in x.shape:
        if dim is None:
            raise ValueError(f"{name} of an empty tensor is not defined (shape {tuple(x.shape)})")
        if 0 in [x.shape[a] for a in axes]:
            raise ValueError(f"{name} along dim {dim} of an empty axis, shape {tuple(x.shape)}, is not defined")


@numpy_names
def max(x, dim=None, keepdim=False, *, other=None):
    """The largest element; with `dim` (values, indices) along it; with another tensor `maximum`.

    Among equals `indices` names the first, which gets the gradient; the largest of all shares it equally.

    >>> import fastgrad as fg
    >>> fg.max(fg.tensor([[1.0, 5.0], [3.0, 2.0]]), 1)
    ValuesIndices(values=tensor([5., 3.]), indices=tensor([1, 0]))
    """
    return any_form("max", (Amax, Max, maximum), x, dim, keepdim, other)


@numpy_names
def min(x, dim=None, keepdim=False, *, other=None):
    """The smallest element; with `dim` (values, indices) along it; with another tensor `minimum`.

    Among equals `indices` names the first, which gets the gradient; the smallest of all shares it equally.

    >>> import fastgrad as fg
    >>> fg.min(fg.tensor([1.0, 5.0, 3.0])), fg.min(fg.tensor([1.0, 5.0, 3.0]), fg.tensor(2.0))
    (tensor(1.), tensor([1., 2., 2.]))
    """
    return any_form("min", (Amin, Min, minimum), x, dim, keepdim, other)


def any_form(name, forms, x, dim, keepdim, other):
    of_all, of_axis, of_two = forms
    if other is None and isinstance(dim, (Value, np.ndarray)):
        dim, other = None, dim
    if other is not None:
        return of_two(x, other)
    if dim is None:
        return over(of_all, name, x, None, False)
    axis = axis_of(dim, x, name)
    refuse_nothing(name, x, dim, [axis] if x.ndim else [])
    return ValuesIndices(*apply(of_axis, x, axis, keepdim))


@numpy_names
def aminmax(x, *, dim=None, keepdim=False):
    """(min, max) of everything or along one axis; ties share the gradient equally.

    >>> import fastgrad as fg
    >>> fg.aminmax(fg.tensor([1.0, 5.0, 3.0]))
    MinMax(min=tensor(1.), max=tensor(5.))
    """
    dim = dim if dim is None else axis_of(dim, x, "aminmax")
    return MinMax(over(Amin, "aminmax", x, dim, keepdim), over(Amax, "aminmax", x, dim, keepdim))


@numpy_names
def argmax(x, dim=None, keepdim=False):
    """The (first) index of the largest element: of the flattened tensor, or along `dim`.

    >>> import fastgrad as fg
    >>> fg.argmax(fg.tensor([[1.0, 5.0], [3.0, 2.0]])), fg.argmax(fg.tensor([[1.0, 5.0], [3.0, 2.0]]), 0)
    (tensor(1), tensor([1, 0]))
    """
    return place(Max, "argmax", x, dim, keepdim)


@numpy_names
def argmin(x, dim=None, keepdim=False):
    """The (first) index of the smallest element: of the flattened tensor, or along `dim`.

    >>> import fastgrad as fg
    >>> fg.argmin(fg.tensor([3.0, 1.0, 2.0]))
    tensor(1)
    """
    return place(Min, "argmin", x, dim, keepdim)


def place(op, name, x, dim, keepdim):
    x = wrap(x.data) if isinstance(x, Value) else x
    refuse_nothing(name, x, dim, [] if dim is None else [axis_of(dim, x, name)] if x.ndim else [])
    if dim is None:
        index = apply(op, reshape(x, (-1,)), 0, False)[1]
        return reshape(index, (1,) * x.ndim) if keepdim else index
    return apply(op, x, axis_of(dim, x, name), keepdim)[1]
