"""Losses of a row of scores x[N,C] and the class target[N] it should have chosen."""

import numpy as np

from .common import give, kernel
from .softmax import log_softmax


def check_labels(name, target, C, ignore):
    wrong = np.flatnonzero(((target < 0) | (target >= C)) & (target != ignore))
    if wrong.size:
        raise IndexError(f"{name}: the label of row {wrong[0]} is not a class: labels run from 0 to C - 1")


@kernel
def cross_entropy(x, target, out=None, logp=None, used=None, ignore=-100):
    """out_n = -logp_n[target_n],   logp = log_softmax(x);   x[N,C], target[N] -> out[N], logp[N,C]

    out_n = 0 where target_n is `ignore`; used[N], if it is given, becomes 0 there and 1 elsewhere.
    The softmax is inside: ln(softmax(x)) in two steps would lose everything once a probability rounds to 0.
    """
    N, C = x.shape
    check_labels("cross_entropy", target, C, ignore)
    log_p = log_softmax(x)
    counted = target != ignore
    losses = np.where(counted, -log_p[np.arange(N), np.where(counted, target, 0)], 0).astype(x.dtype)
    made = give(losses, out), give(log_p, logp)
    return made if used is None else (*made, give(counted.astype(x.dtype), used))


@kernel
def cross_entropy_backward(dout, logp, target, out=None, ignore=-100):
    """out_n = dout_n (p_n - onehot(target_n)),   p = e^logp;   dout[N], logp[N,C], target[N] -> out[N,C]

    out_n = 0 where target_n is `ignore`, whatever dout is.
    """
    check_labels("cross_entropy_backward", target, logp.shape[1], ignore)
    error = np.exp(logp)
    used = target != ignore
    error[np.flatnonzero(used), target[used]] -= 1
    return give(np.where(used[:, None], dout[:, None] * error, 0).astype(logp.dtype), out)
