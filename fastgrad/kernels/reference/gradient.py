"""What may be found out about gradients, and done to them, before a step. A list takes one array or several."""

import numpy as np

from .common import kernel, lists_of
from .rule import add_up, block_squares


@kernel
def sum_squares(g, total):
    """total[0] = the sum of all g^2, in float64; total[1] = 0, or NaN where a number is not finite

    Blocks of 4096 numbers are summed as in `sum`, then added one after another, then the tensors.
    """
    several = lists_of(g)
    total[...] = add_up(map(block_squares, several)), add_up(np.sum(a - a, dtype=np.float64) for a in several)


@kernel
def scale_all(g, factor):
    """g = factor g,   the factor an array of one number"""
    for a in lists_of(g):
        np.multiply(a, a.dtype.type(factor[0]), out=a)


@kernel
def clip_all(g, limit):
    """g = min(max(g, -limit), limit);   NaN stays

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013, speak of the norm;
    Mikolov's thesis, 2012, of each element.
    """
    limit = float(limit)
    for a in lists_of(g):
        np.clip(a, -limit, limit, out=a)
