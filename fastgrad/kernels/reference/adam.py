"""Update rules with running means of the gradient (m) and of its square (v); at step t the corrections 1 - beta^t undo
their bias towards the zeros they begin with. See `rule` for what all rules share.
"""

import math

import numpy as np

from .rule import rule


def moments(g, m, v, beta1, beta2):
    m[...] = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g * g


@rule
def adam(p, g, m, v, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, eps_inside=0, correction1=1, correction2=1, vmax=None):
    """Adam:   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
    p = p - lr (m / correction1) / (sqrt(v + eps_inside) / sqrt(correction2) + eps)

    With vmax, AMSGrad:   vmax = max(vmax, v) in the place of v

    At step t the corrections are 1 - beta1^t and 1 - beta2^t. Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015; Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018. As in PyTorch, eps is
    added to the corrected root, and vmax is the maximum of the uncorrected v.
    """
    moments(g, m, v, beta1, beta2)
    if vmax is not None:
        v = np.maximum(vmax, v, out=vmax)
    step, root = lr / correction1, 1 / math.sqrt(correction2)
    p -= step * m / (np.sqrt(v + eps_inside) * root + eps)


@rule
def adamax(p, g, m, u, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, eps_outside=0, correction1=1):
    """Adamax:   m = beta1 m + (1 - beta1) g,   u = max(beta2 u, |g| + eps)
    p = p - lr / correction1 m / (u + eps_outside)

    Kingma and Ba, 2015, algorithm 2, which has no eps; PyTorch adds it to |g|, Keras to u.
    """
    m[...] = beta1 * m + (1 - beta1) * g
    u[...] = np.maximum(beta2 * u, np.abs(g) + eps)
    p -= lr / correction1 * m / (u + eps_outside)


@rule
def nadam(p, g, m, v, now, next, beta1=0.9, beta2=0.999, eps=1e-8, correction2=1):
    """NAdam: m and v as in Adam;   p = p - (now g + next m) / (sqrt(v) / sqrt(correction2) + eps)

    At step t, with mu(t) = beta1 (1 - 0.5 0.96^(t momentum_decay)):   now = lr (1 - mu(t)) / (1 - mu(1) ... mu(t)),
    next = lr mu(t + 1) / (1 - mu(1) ... mu(t + 1)). Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """
    moments(g, m, v, beta1, beta2)
    p -= (now * g + next * m) / (np.sqrt(v) * (1 / math.sqrt(correction2)) + eps)


@rule
def radam(p, g, m, v, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, correction1=1, correction2=1, rectify=0):
    """RAdam: m and v as in Adam;   p = p - lr / correction1 rectify sqrt(correction2) m / (sqrt(v) + eps)

    With rectify = 0, while v is not to be trusted:   p = p - lr / correction1 m

    Liu and others, "On the variance of the adaptive learning rate and beyond", 2020, algorithm 2.
    """
    moments(g, m, v, beta1, beta2)
    step = lr / correction1
    if rectify:
        p -= step * (rectify * math.sqrt(correction2)) * m / (np.sqrt(v) + eps)
    else:
        p -= step * m
