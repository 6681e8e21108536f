"""Update rules whose step on a tensor is as long as the tensor's own norm says. Norms as in `rule.block_squares`."""

import math

import numpy as np

from .adam import moments
from .rule import TINY, block_squares, divide, rule


def bounded(ratio):
    """A ratio above 2^126 may be no float32: a tensor with so little gradient is as one without."""
    return 1.0 if ratio > 1 / TINY else ratio


@rule(decays=False)
def lars(p, g, v, lr, momentum=0.9, trust=1e-3, eps=1e-8, *, weight_decay, keep, norm):
    """LARS:   ratio = trust ||p|| / (||g|| + weight_decay ||p|| + eps), 1 where a norm is 0
    v = momentum v + lr ratio (g + weight_decay p),   p = p - v

    You, Gitman and Ginsburg, "Large batch training of convolutional networks", 2017. ||g|| is the norm of the gradient
    after clipping, before its decay; eps is not in the paper.
    """
    p_norm, ratio = math.sqrt(block_squares(p)), 1.0
    if p_norm != 0 and norm != 0:
        ratio = bounded(divide(trust * p_norm, norm + weight_decay * p_norm + eps))
    g = g + weight_decay * p if weight_decay else g
    v[...] = momentum * v + lr * ratio * g
    p[...] = keep * p - v


@rule(decays=False)
def lamb(
    p, g, m, v, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6, correction1=1, correction2=1, *, weight_decay, keep, norm
):
    """LAMB: m and v as in Adam;   u = (m / correction1) / (sqrt(v) / sqrt(correction2) + eps) + weight_decay p
    p = p - lr (||p|| / ||u||) u,   the ratio 1 where a norm is 0

    You and others, "Large batch optimization for deep learning: training BERT in 76 minutes", 2020.
    """
    p_norm = math.sqrt(block_squares(p))
    moments(g, m, v, beta1, beta2)
    first, root = 1 / correction1, 1 / math.sqrt(correction2)
    u = first * m / (np.sqrt(v) * root + eps) + weight_decay * p
    u_norm = math.sqrt(block_squares(u))
    ratio = 1.0 if p_norm == 0 or u_norm == 0 else bounded(divide(p_norm, u_norm))
    p[...] = keep * p - lr * ratio * u
