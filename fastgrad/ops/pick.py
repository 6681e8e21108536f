"""Elements picked by their places along an axis: what sorting, ranking and the largest of an axis have in common."""

from typing import Any, NamedTuple

from .. import kernels
from .axes import alike, dropped, raw, three
from .base import Op, apply
from .shape import reshape


class ValuesIndices(NamedTuple):
    """What `max`, `sort`, `topk` and the like return: values, and the int64 indices where they stand."""

    values: Any
    indices: Any


class Pick(Op):
    """out = x at the indices along an axis;   dx = 0 with dout added at the indices."""

    saves = (1,)

    @staticmethod
    def forward(ctx, x, index, axis):
        ctx.info = x.shape, axis
        return kernels.gather(three(x, axis), three(index, axis)).reshape(index.shape)

    @staticmethod
    def backward(ctx, dout):
        shape, axis = ctx.info
        return apply(PickBackward, dout, ctx.saved, shape, axis)


class PickBackward(Op):
    """out = 0 of a shape with dout added at the indices along an axis;   ddout = ddx at the indices."""

    saves = (1,)

    @staticmethod
    def forward(ctx, dout, index, shape, axis):
        ctx.info = axis
        out = kernels.empty(shape, dout.dtype)
        kernels.fill(out, 0.0)
        kernels.scatter_add(three(out, axis), three(index, axis), three(dout, axis))
        return out

    @staticmethod
    def backward(ctx, ddx):
        return apply(Pick, ddx, ctx.saved, ctx.info)


def picked(x, index, axis, keepdim=True):
    """(values, indices) of x at an array of indices along an axis; without `keepdim` an axis of one index goes."""
    values, index = apply(Pick, x, index, axis), alike(x, index)
    if not keepdim:
        shape = dropped(raw(index).shape, [axis])
        values, index = reshape(values, shape), reshape(index, shape)
    return ValuesIndices(values, index)
