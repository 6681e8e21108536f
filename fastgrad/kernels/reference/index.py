"""Places along the middle axis of x[O,R,I]: O what lies outside it, I what lies inside.

An index runs from 0 to R - 1; any other is refused before anything is written. Where several k bring a number to one
place, they come in the order of k: so sums have one order, and the last of several writers stays.
"""

import numpy as np

from .common import give, kernel


def check_index(name, index, R):
    wrong = np.flatnonzero((index < 0) | (index >= R))
    if wrong.size:
        raise IndexError(f"{name}: the index at position {wrong[0]} is outside the axis: indices run from 0 to R - 1")


def places(index):
    """index[O,K,I] as an index into x[O,R,I]: (o, index[o,k,i], i)"""
    O, _, I = index.shape
    return np.arange(O)[:, None, None], index, np.arange(I)


@kernel
def take(x, index, out=None):
    """out[o,k,i] = x[o, index[k], i];   x[O,R,I], index[K] -> out[O,K,I]"""
    check_index("take", index, x.shape[1])
    return give(x[:, index], out)


@kernel
def take_backward(dout, index, R, out=None):
    """out[o,r,i] = the sum of dout[o,k,i] over the k with index[k] = r, in the order of k, beginning at +0

    dout[O,K,I], index[K] -> out[O,R,I]
    """
    O, K, I = dout.shape
    check_index("take_backward", index, R)
    dx = np.zeros((O, R, I), dtype=dout.dtype)
    for k in range(K):
        dx[:, index[k]] += dout[:, k]
    return give(dx, out)


@kernel
def gather(x, index, out=None):
    """out[o,k,i] = x[o, index[o,k,i], i];   x[O,R,I], index[O,K,I] -> out[O,K,I]"""
    check_index("gather", index, x.shape[1])
    return give(x[places(index)], out)


@kernel
def scatter_add(x, index, src):
    """x[o, index[o,k,i], i] += src[o,k,i], in place and in the order of k

    x[O,R,I], index[O,K,I], src[O,K,I]
    """
    check_index("scatter_add", index, x.shape[1])
    for k in range(index.shape[1]):
        x[places(index[:, k : k + 1])] += src[:, k : k + 1]
    return x


@kernel
def scatter(x, index, src):
    """x[o, index[o,k,i], i] = src[o,k,i], in place; of several k the last stays

    x[O,R,I], index[O,K,I], src[O,K,I]
    """
    check_index("scatter", index, x.shape[1])
    for k in range(index.shape[1]):
        x[places(index[:, k : k + 1])] = src[:, k : k + 1]
    return x
