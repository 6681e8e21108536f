"""Update rules. Each changes its parameter p (and its moments) in place; every array slot takes one array or a list.

Only + - * / and the square root, in the order written here: the compiled rules give the same bits. Numbers are combined
as Python floats first, and become the dtype of the arrays once, where they meet them.
"""

import math

import numpy as np

from .common import each


def decayed(g, p, weight_decay):
    """The gradient with an L2 penalty of weight_decay / 2 |p|^2 in the loss: g' = g + weight_decay p"""
    return g + weight_decay * p if weight_decay else g


@each(arrays=2)
def sgd(p, g, lr, weight_decay=0):
    """Gradient descent:   p = p - lr g'

    Robbins and Monro, "A stochastic approximation method", 1951.
    """
    p -= lr * decayed(g, p, weight_decay)


@each(arrays=3)
def momentum(p, g, v, lr, momentum=0.9, dampening=0, weight_decay=0, nesterov=0):
    """Heavy ball:   v = momentum v + (1 - dampening) g',   p = p - lr v

    With nesterov the step looks ahead:   p = p - lr (g' + momentum v)

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever, Martens, Dahl and
    Hinton, "On the importance of initialization and momentum in deep learning", 2013. As in PyTorch, lr stands outside
    v; in those papers it stands inside.
    """
    g = decayed(g, p, weight_decay)
    v[...] = momentum * v + (1 - dampening) * g
    p -= lr * (g + momentum * v if nesterov else v)


@each(arrays=4)
def adam(p, g, m, v, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0, correction1=1, correction2=1):
    """Adam:   m = beta1 m + (1 - beta1) g',   v = beta2 v + (1 - beta2) g'^2
    p = p - lr (m / correction1) / (sqrt(v / correction2) + eps)

    At step t the corrections are 1 - beta1^t and 1 - beta2^t; they undo the bias towards the zeros m and v begin with.

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015. As in PyTorch, eps is added to the
    corrected root.
    """
    g = decayed(g, p, weight_decay)
    m[...] = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g * g
    step, root = lr / correction1, 1 / math.sqrt(correction2)
    p -= step * m / (np.sqrt(v) * root + eps)
