"""Order along an axis: sorting, the k largest, medians and quantiles; and which numbers there are, and how often.

NumPy sorts, always stably, so that a result is the same on every machine; the gradient follows the indices. A NaN is
the largest. A captured step sorts again at every replay.
"""

from functools import partial

import numpy as np

from .. import kernels
from ..tape import Value
from .axes import alike, axis_of, dropped, floats, held, numpy_names, raw
from .base import OUT, Op, apply
from .elementwise import add, mul, sub
from .extrema import refuse_nothing, shared
from .pick import ValuesIndices, picked
from .reduce import mean
from .shape import permute, reshape

__all__ = ["argsort", "bincount", "histc", "kthvalue", "median", "quantile", "sort", "topk", "unique"]


def order_of(x, axis, descending=False, first=None):
    """The indices that sort x along an axis, equal elements in their order; the `first` of them."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if x.dtype == np.float32:
        keys, n = keys_of(x, axis, descending), x.shape[axis]
        if first is not None and 0 < first < n:
            keys = np.partition(keys, first - 1, axis)
        return np.sort(keys[(*cut(axis), slice(first))], axis) & PLACE
    if descending:  # of the reversed axis, from its end: so equal elements stay in order, and NaN comes first
        back = (*cut(axis), slice(None, None, -1))
        order = x.shape[axis] - 1 - np.argsort(x[back], axis, kind="stable")[back]
    else:
        order = np.argsort(x, axis, kind="stable")
    return np.ascontiguousarray(order[(*cut(axis), slice(first))], np.int64)


def ranked(x, axis, ranks, nan_is_largest=False):
    """The indices of the elements at places `ranks` of the sorted axis. Where there is a NaN, of the first NaN instead,
    unless a NaN is just the largest."""
    if x.dtype == np.float32:
        index = np.partition(keys_of(x, axis), ranks, axis).take(ranks, axis) & PLACE
    else:
        index = np.argsort(x, axis, kind="stable").take(ranks, axis)
    if x.dtype.kind == "f" and not nan_is_largest:
        unordered = np.isnan(x)
        index = np.where(unordered.any(axis, keepdims=True), unordered.argmax(axis)[(*cut(axis), None)], index)
    return np.ascontiguousarray(index, np.int64)


PLACE = 2**32 - 1


def keys_of(x, axis, descending=False):
    """An integer for each float32: above its place in the order of the reals, below its place along the axis. No two
    are equal, so that any sort is stable, and sorting integers is much faster than sorting indices.

    The bits of a positive float are in the order of the reals, those of a negative one in reverse.
    """
    bits = np.where(np.isnan(x), np.float32(np.nan), x + np.float32(0)).view(np.int32)  # one NaN, one zero
    bits = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    keys = (~bits if descending else bits).astype(np.int64) << 32
    keys |= np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - axis - 1))
    return keys


def cut(axis):
    return (slice(None),) * axis


class Median(Op):
    """out = the median of all, the lower of two in the middle;   dx = dout shared equally among its equals."""

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x):
        ctx.info = list(range(x.ndim)), (1,) * x.ndim
        return kernels.host(middle, x)

    @staticmethod
    def backward(ctx, dout):
        return shared(ctx, dout)


def middle(x):
    x = x.ravel()
    if x.dtype.kind == "f" and np.isnan(x).any():
        return np.asarray(np.nan, x.dtype)
    return np.asarray(np.partition(x, (x.size - 1) // 2)[(x.size - 1) // 2])


@numpy_names
def sort(x, dim=-1, descending=False, *, stable=False):
    """(values, indices): x sorted along `dim`. Equal elements keep their order, asked for or not.

    >>> import fastgrad as fg
    >>> fg.sort(fg.tensor([3.0, 1.0, 2.0]))
    ValuesIndices(values=tensor([1., 2., 3.]), indices=tensor([1, 2, 0]))
    """
    axis = axis_of(dim, x, "sort")
    return picked(x, kernels.host(partial(order_of, axis=axis, descending=bool(descending)), raw(x)), axis)


@numpy_names
def argsort(x, dim=-1, descending=False, *, stable=False):
    """The indices that sort x along `dim`; equal elements keep their order.

    >>> import fastgrad as fg
    >>> fg.argsort(fg.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    axis = axis_of(dim, x, "argsort")
    return alike(x, kernels.host(partial(order_of, axis=axis, descending=bool(descending)), raw(x)))


@numpy_names
def topk(x, k, dim=-1, largest=True, sorted=True):
    """(values, indices) of the k largest (smallest) along `dim`, in order; of equal ones the first.

    Errors: ValueError for a k that is larger than the axis.

    >>> import fastgrad as fg
    >>> fg.topk(fg.tensor([3.0, 1.0, 2.0]), 2)
    ValuesIndices(values=tensor([3., 2.]), indices=tensor([0, 2]))
    """
    axis = axis_of(dim, x, "topk")
    n = x.shape[axis] if x.ndim else 1
    if not 0 <= k <= n:
        raise ValueError(f"topk: k = {k} of an axis of {n} elements (shape {tuple(x.shape)}, dim {dim})")
    if not x.ndim:
        return sort(x)
    return picked(x, kernels.host(partial(order_of, axis=axis, descending=bool(largest), first=int(k)), raw(x)), axis)


@numpy_names
def kthvalue(x, k, dim=-1, keepdim=False):
    """(values, indices) of the k-th smallest along `dim`, k = 1 being the smallest.

    >>> import fastgrad as fg
    >>> fg.kthvalue(fg.tensor([3.0, 1.0, 2.0]), 2)
    ValuesIndices(values=tensor(2.), indices=tensor(2))
    """
    axis = axis_of(dim, x, "kthvalue")
    n = x.shape[axis] if x.ndim else 1
    if not 1 <= k <= n:
        raise ValueError(f"kthvalue: k = {k} of an axis of {n} elements (shape {tuple(x.shape)}, dim {dim})")
    return at_ranks(x, axis, [int(k) - 1], keepdim, nan_is_largest=True)


def at_ranks(x, axis, ranks, keepdim, **how):
    flat = x if x.ndim else reshape(x, (1,))
    found = picked(flat, kernels.host(partial(ranked, axis=axis, ranks=ranks, **how), raw(flat)), axis, keepdim)
    return found if x.ndim else ValuesIndices(*(reshape(part, ()) for part in found))


@numpy_names
def median(x, dim=None, keepdim=False):
    """The median, the lower one of an even number; with `dim` (values, indices) along it. NaN where there is a NaN.

    The median of all shares its gradient equally among the elements equal to it. NaN of nothing.
    `quantile` with q = 0.5 takes the mean of the two in the middle.

    >>> import fastgrad as fg
    >>> fg.median(fg.tensor([4.0, 1.0, 3.0, 2.0])), fg.median(fg.tensor([[3.0, 1.0, 2.0]]), 1).indices
    (tensor(2.), tensor([2]))
    """
    if dim is None:
        if 0 in x.shape:
            return mean(x)  # NaN
        return apply(Median, x)
    axis = axis_of(dim, x, "median")
    refuse_nothing("median", x, dim, [axis] if x.ndim else [])
    return at_ranks(x, axis, [((x.shape[axis] if x.ndim else 1) - 1) // 2], keepdim)


ROUNDED: dict = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}


@numpy_names
def quantile(x, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The q-th quantile of everything or along `dim`, q a number or a 1-d tensor of numbers in [0, 1].

    The element at place q (n - 1) of the sorted n; between two places a and b, a + (b - a) times the fraction.
    interpolation: "linear", or "lower", "higher", "nearest", "midpoint". Several q: their axis comes first. NaN where
    there is a NaN. Errors: TypeError for integers, ValueError for nothing and for q outside [0, 1].

    >>> import fastgrad as fg
    >>> fg.quantile(fg.tensor([1.0, 2.0, 4.0]), 0.75), fg.quantile(fg.tensor([1.0, 2.0, 4.0]), fg.tensor([0.0, 0.5]))
    (tensor(3.), tensor([1., 2.]))
    """
    if isinstance(q, Value):
        kernels.refuse_capture("quantile with q as a tensor", "pass q as numbers")
    x, wanted = floats(x, "quantile"), np.asarray(raw(q), np.float64)
    if wanted.ndim > 1 or not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError(f"quantile: q must be numbers in [0, 1], one or a row of them, not {q!r}")
    if interpolation not in ("linear", "midpoint", *ROUNDED):
        raise ValueError(f"quantile: interpolation must be linear, midpoint or one of {list(ROUNDED)}")
    if 0 in x.shape:
        raise ValueError(f"quantile of an empty tensor is not defined (shape {tuple(x.shape)})")
    kept = (1,) * x.ndim if dim is None else held(x.shape, [axis_of(dim, x, "quantile")])
    if dim is None or not x.ndim:
        x, axis, shape = reshape(x, (-1,)), 0, kept if keepdim else ()
    else:
        axis = axis_of(dim, x, "quantile")
        shape = kept if keepdim else dropped(x.shape, [axis])
    out = between(x, axis, wanted.reshape(-1), interpolation)
    if not wanted.ndim:
        return reshape(out, shape)
    return reshape(permute(out, axis, *(i for i in range(x.ndim) if i != axis)), (wanted.size, *shape))


def between(x, axis, q, interpolation):
    """The quantiles q along an axis."""
    place = q * (x.shape[axis] - 1)
    place = ROUNDED[interpolation](place) if interpolation in ROUNDED else place
    below, above = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    low = at_ranks(x, axis, below, True).values
    if (below == above).all():
        return low
    part = np.where(above > below, 0.5, 0.0) if interpolation == "midpoint" else place - below
    part = part.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))
    return add(low, mul(sub(at_ranks(x, axis, above, True).values, low), part))


def unique(x, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements of x, sorted (along `dim`: the different slices); every NaN is different from the others.

    return_inverse: also where in them each element of x is; return_counts: also how often each occurs. A tuple then.
    No gradient. Errors: CaptureError in a captured step, since the result's shape depends on values.

    >>> import fastgrad as fg
    >>> fg.unique(fg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    kernels.refuse_capture("unique", "call it outside the step: the shape of its result depends on values")
    found = np.unique(raw(x), return_inverse=return_inverse, return_counts=return_counts, axis=dim, equal_nan=False)
    if not isinstance(found, tuple):
        return alike(x, found)
    return tuple(alike(x, part) for part in found)


def bincount(x, weights=None, minlength=0):
    """out_i = how often i occurs in the integers x (N,), all >= 0: int64; with weights, the sum of theirs.

    As long as the largest of x asks for, and at least `minlength`. A captured step keeps the length it was recorded
    with, and raises CaptureError when it must change. No gradient.

    >>> import fastgrad as fg
    >>> fg.bincount(fg.tensor([0, 2, 2]), minlength=4)
    tensor([1, 0, 2, 0])
    """
    if x.dtype.kind not in "iu" or x.ndim != 1:
        raise TypeError(f"bincount: x must be integers (N,), not {x.dtype} {tuple(x.shape)}")
    if weights is None:
        return alike(x, kernels.host(partial(np.bincount, minlength=minlength), raw(x)))
    if tuple(weights.shape) != tuple(x.shape):
        raise ValueError(f"bincount: weights {tuple(weights.shape)} must have the shape of x, {tuple(x.shape)}")
    return alike(x, kernels.host(partial(weighted_counts, minlength=minlength), raw(x), raw(weights)))


def weighted_counts(x, weights, minlength):
    out = np.bincount(x, weights, minlength)
    return out.astype(weights.dtype if weights.dtype.kind == "f" else np.float64)


def histc(x, bins=100, min=0, max=0):
    """How many elements lie in each of `bins` equal parts of [min, max], as floats; the last part includes max.

    Elements outside are not counted. min = max: from the smallest to the largest element. No gradient.

    >>> import fastgrad as fg
    >>> fg.histc(fg.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    if bins < 1 or min > max:
        raise ValueError(f"histc: bins = {bins} must be at least 1, and min = {min} not above max = {max}")
    x = floats(x, "histc")
    return alike(x, kernels.host(partial(histogram, bins=bins, low=float(min), high=float(max)), raw(x)))


def histogram(x, bins, low, high):
    if low == high and x.size:
        low, high = x.min(), x.max()
    if low == high:
        low, high = low - 1, high + 1
    if not np.isfinite([low, high]).all():
        raise ValueError(f"histc: the range [{low}, {high}] is not finite; give min and max")
    inside = x[(x >= low) & (x <= high)]
    place = ((inside - low) / (high - low) * bins).astype(np.int64)
    return np.bincount(np.minimum(place, bins - 1), minlength=bins).astype(x.dtype)
