"""Reductions of x[O,R,I] over the middle axis: O what lies outside it, I what lies inside.

A floating-point sum or product depends on its order. Here the order is part of the definition, so that the compiled
kernels give the same bits on every instruction set and for any number of threads.
"""

import numpy as np

from .common import give, kernel
from .index import check_index

BLOCK = 4096  # I == 1: numbers to a block,
LANES = 16  #           which 16 running sums share
COLUMN_BLOCK = 256  # I > 1: rows to a block


def cut(x, block, multiple, filler):
    """x[O,R,...] as [O,blocks,length,...]: the last block, or a lone short one up to a `multiple`, is filled up.

    The filler is +0 for sums and 1 for products, which change nothing: a running sum that began at +0 is never -0.
    """
    O, R, *inner = x.shape
    blocks = -(-R // block) if block < R else 1
    length = block if block < R else -(-R // multiple) * multiple
    padded = np.full((O, blocks * length, *inner), filler, dtype=x.dtype)
    padded[:, :R] = x
    return padded.reshape(O, blocks, length, *inner)


def fold_lanes(x, join, start):
    """The sum (the product) of every block of x[O,R] -> [O,blocks]. Lane l adds number l, l + 16, l + 32, ...; then the
    lanes are folded: the upper half onto the lower half, until one is left."""
    blocks = cut(x, BLOCK, LANES, start)
    O, count, length = blocks.shape
    rows = blocks.reshape(O, count, length // LANES, LANES)
    lanes = np.full((O, count, LANES), start, dtype=x.dtype)
    for k in range(rows.shape[2]):
        lanes = join(lanes, rows[:, :, k])
    while lanes.shape[2] > 1:
        half = lanes.shape[2] // 2
        lanes = join(lanes[:, :, :half], lanes[:, :, half:])
    return lanes[:, :, 0]


def fold_columns(x, join, start):
    """The sum (the product) of every block of x[O,R,I] -> [O,blocks,I]. A column adds its rows from top to bottom."""
    blocks = cut(x, COLUMN_BLOCK, 1, start)
    total = np.full((*blocks.shape[:2], x.shape[2]), start, dtype=x.dtype)
    for r in range(blocks.shape[2]):
        total = join(total, blocks[:, :, r])
    return total


def fold(x, join, start):
    """x[O,R,I] -> [O,I] in the one order, join being np.add or np.multiply and start 0 or 1."""
    partial = fold_lanes(x[:, :, 0], join, start)[:, :, None] if x.shape[2] == 1 else fold_columns(x, join, start)
    if partial.shape[1] == 1:
        return partial[:, 0]
    total = np.full((x.shape[0], x.shape[2]), start, dtype=np.promote_types(x.dtype, np.float64))
    for b in range(partial.shape[1]):
        total = join(total, partial[:, b])
    return total.astype(x.dtype)


@kernel
def sum(x, out=None):
    """out[O,I] = the sum of x[O,R,I] over R, in the one order; 0 when R is 0

    Within a block see `fold_lanes` (I = 1) and `fold_columns` (I > 1). The sums of several blocks are added one after
    another in float64 and rounded once. Dtypes that are not floating point are summed by NumPy.
    """
    return give(fold(x, np.add, 0) if x.dtype.kind == "f" else x.sum(axis=1), out)


@kernel
def prod(x, out=None):
    """out[O,I] = the product of x[O,R,I] over R, in the order of `sum`, beginning at 1; 1 when R is 0

    Dtypes that are not floating point are multiplied by NumPy.
    """
    return give(fold(x, np.multiply, 1) if x.dtype.kind == "f" else x.prod(axis=1), out)


@kernel
def cumsum(x, out=None):
    """out[o,r,i] = out[o,r-1,i] + x[o,r,i], beginning with x[o,0,i]:   x[O,R,I] -> out[O,R,I]

    From left to right in the dtype of x. Dtypes that are not floating point are NumPy's.
    """
    return give(np.cumsum(x, axis=1), out)


@kernel
def cumprod(x, out=None):
    """out[o,r,i] = out[o,r-1,i] x[o,r,i], beginning with x[o,0,i]:   x[O,R,I] -> out[O,R,I]

    From left to right in the dtype of x. Dtypes that are not floating point are NumPy's.
    """
    return give(np.cumprod(x, axis=1), out)


def row_sum(x):
    """x[N,C] -> [N,1], in the one order: what softmax and the losses divide by."""
    return sum(x[:, :, None])


def at(x, where):
    """x[o, where[o,i], i]:   x[O,R,I], where[O,I] -> [O,I]"""
    return np.take_along_axis(x, where[:, None], axis=1)[:, 0]


@kernel
def max(x, out=None, index=None):
    """out[O,I], index[O,I] = the largest of x[O,R,I] over R, and where in R it first stands; a NaN is the largest"""
    where = x.argmax(axis=1)
    return give(at(x, where), out), give(where, index)


@kernel
def min(x, out=None, index=None):
    """out[O,I], index[O,I] = the smallest of x[O,R,I] over R, and where in R it first stands; a NaN is the smallest"""
    where = x.argmin(axis=1)
    return give(at(x, where), out), give(where, index)


@kernel
def max_backward(dout, index, R, out=None):
    """out[O,R,I] = dout[O,I] at index[O,I] of R, 0 elsewhere; the gradient of `min` too"""
    O, I = dout.shape
    check_index("max_backward", index, R)
    dx = np.zeros((O, R, I), dtype=dout.dtype)
    np.put_along_axis(dx, index[:, None], dout[:, None], axis=1)
    return give(dx, out)
