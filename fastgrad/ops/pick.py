"""Elements picked by their places along an axis: what sorting, ranking and the largest of an axis have in common."""

from typing import Any, NamedTuple

from .axes import alike, dropped, raw
from .base import apply
from .scatter import Gather
from .shape import reshape


class ValuesIndices(NamedTuple):
    """What `max`, `sort`, `topk` and the like return: values, and the int64 indices where they stand."""

    values: Any
    indices: Any


def picked(x, index, axis, keepdim=True):
    """(values, indices) of x at an array of indices along an axis; without `keepdim` an axis of one index goes."""
    values, index = apply(Gather, x, index, axis), alike(x, index)
    if not keepdim:
        shape = dropped(raw(index).shape, [axis])
        values, index = reshape(values, shape), reshape(index, shape)
    return ValuesIndices(values, index)
