"""Softmax and its logarithm over the last axis of x[N,C], with their gradients in terms of the output y.

The largest number of a row is subtracted first: it changes nothing in exact arithmetic and keeps e^x from overflowing.
Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 4.1.
"""

import numpy as np

from .common import give, kernel
from .reduce import row_sum


def shifted(x):
    """x[N,C] minus the largest of each row"""
    return x - x.max(axis=1, keepdims=True, initial=-np.inf)


@kernel
def softmax(x, out=None):
    """out_c = e^x_c / sum over j of e^x_j,   x[N,C] -> out[N,C]"""
    e = np.exp(shifted(x))
    return give(e / row_sum(e), out)


@kernel
def softmax_backward(dout, y, out=None):
    """out = y (dout - sum of dout y),   all [N,C], the sum over C"""
    return give(y * (dout - row_sum(dout * y)), out)


@kernel
def log_softmax(x, out=None):
    """out_c = x_c - ln(sum over j of e^x_j),   x[N,C] -> out[N,C]"""
    s = shifted(x)
    return give(s - np.log(row_sum(np.exp(s))), out)


@kernel
def log_softmax_backward(dout, y, out=None):
    """out = dout - e^y (sum of dout),   all [N,C], the sum over C"""
    return give(dout - np.exp(y) * row_sum(dout), out)
