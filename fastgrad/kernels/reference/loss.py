"""Losses of a row of scores x[N,C] and the class target[N] it should have chosen."""

import numpy as np

from .common import give, kernel
from .softmax import log_softmax


def check_labels(name, target, C):
    wrong = np.flatnonzero((target < 0) | (target >= C))
    if wrong.size:
        raise IndexError(f"{name}: the label of row {wrong[0]} is not a class: labels run from 0 to C - 1")


@kernel
def cross_entropy(x, target, out=None, logp=None):
    """out_n = -logp_n[target_n],   logp = log_softmax(x);   x[N,C], target[N] -> out[N], logp[N,C]

    The softmax is inside: ln(softmax(x)) in two steps would lose everything once a probability rounds to 0.
    """
    N, C = x.shape
    check_labels("cross_entropy", target, C)
    log_p = log_softmax(x)
    return give(-log_p[np.arange(N), target], out), give(log_p, logp)


@kernel
def cross_entropy_backward(dout, logp, target, out=None):
    """out_n = dout_n (p_n - onehot(target_n)),   p = e^logp;   dout[N], logp[N,C], target[N] -> out[N,C]"""
    N, C = logp.shape
    check_labels("cross_entropy_backward", target, C)
    error = np.exp(logp)
    error[np.arange(N), target] -= 1
    return give(dout[:, None] * error, out)
