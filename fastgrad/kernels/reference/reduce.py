"""Reductions of x[O,R,I] over the middle axis: O what lies outside it, I what lies inside.

A floating-point sum depends on its order. Here the order is part of the definition, so that the compiled kernels give
the same bits on every instruction set and for any number of threads.
"""

import numpy as np

from .common import give, kernel

BLOCK = 4096  # I == 1: numbers to a block,
LANES = 16  #           which 16 running sums share
COLUMN_BLOCK = 256  # I > 1: rows to a block


def cut(x, block, multiple):
    """x[O,R,...] as [O,blocks,length,...]: the last block, or a lone short one up to a `multiple`, filled with zeros.

    Adding +0 changes no running sum that began at +0, since such a sum is never -0.
    """
    O, R, *inner = x.shape
    blocks = -(-R // block) if block < R else 1
    length = block if block < R else -(-R // multiple) * multiple
    padded = np.zeros((O, blocks * length, *inner), dtype=x.dtype)
    padded[:, :R] = x
    return padded.reshape(O, blocks, length, *inner)


def lane_sums(x):
    """The sum of every block of x[O,R] -> [O,blocks]. Lane l adds number l, l + 16, l + 32, ...; then the lanes are
    folded: the upper half onto the lower half, until one is left."""
    blocks = cut(x, BLOCK, LANES)
    O, count, length = blocks.shape
    rows = blocks.reshape(O, count, length // LANES, LANES)
    lanes = np.zeros((O, count, LANES), dtype=x.dtype)
    for k in range(rows.shape[2]):
        lanes = lanes + rows[:, :, k]
    while lanes.shape[2] > 1:
        half = lanes.shape[2] // 2
        lanes = lanes[:, :, :half] + lanes[:, :, half:]
    return lanes[:, :, 0]


def column_sums(x):
    """The sum of every block of x[O,R,I] -> [O,blocks,I]. A column adds its rows from top to bottom."""
    blocks = cut(x, COLUMN_BLOCK, 1)
    total = np.zeros((*blocks.shape[:2], x.shape[2]), dtype=x.dtype)
    for r in range(blocks.shape[2]):
        total = total + blocks[:, :, r]
    return total


@kernel
def sum(x, out=None):
    """out[O,I] = the sum of x[O,R,I] over R, in the one order; 0 when R is 0

    Within a block see `lane_sums` (I = 1) and `column_sums` (I > 1). The sums of several blocks are added one after
    another in float64 and rounded once. Dtypes that are not floating point are summed by NumPy.
    """
    if x.dtype.kind != "f":
        return give(x.sum(axis=1), out)
    partial = lane_sums(x[:, :, 0])[:, :, None] if x.shape[2] == 1 else column_sums(x)
    if partial.shape[1] == 1:
        return give(partial[:, 0], out)
    total = np.zeros((x.shape[0], x.shape[2]), dtype=np.promote_types(x.dtype, np.float64))
    for b in range(partial.shape[1]):
        total = total + partial[:, b]
    return give(total.astype(x.dtype), out)


def row_sum(x):
    """x[N,C] -> [N,1], in the one order: what softmax and the losses divide by."""
    return sum(x[:, :, None])


@kernel
def max(x, out=None, index=None):
    """out[O,I], index[O,I] = the largest of x[O,R,I] over R, and where in R it first stands; a NaN is the largest"""
    where = x.argmax(axis=1)
    value = np.take_along_axis(x, where[:, None], axis=1)[:, 0]
    return give(value, out), give(where, index)


@kernel
def max_backward(dout, index, R, out=None):
    """out[O,R,I] = dout[O,I] at index[O,I] of R, 0 elsewhere"""
    O, I = dout.shape
    dx = np.zeros((O, R, I), dtype=dout.dtype)
    np.put_along_axis(dx, index[:, None], dout[:, None], axis=1)
    return give(dx, out)
