"""Update rules. Each changes its parameter p and its states in place; every array takes one array or a list of them.

What all of them share (decay, clipping, checks, averages) is in `rule`: g below is the gradient after that.
"""

import numpy as np

from .rule import rule


@rule
def sgd(p, g, lr):
    """Gradient descent:   p = p - lr g

    Robbins and Monro, "A stochastic approximation method", 1951.
    """
    p -= lr * g


@rule
def momentum(p, g, v, lr, momentum=0.9, fresh=1, nesterov=0):
    """Heavy ball:   v = momentum v + fresh g,   p = p - lr v

    With nesterov the step looks ahead:   p = p - lr (fresh g + momentum v)

    fresh = 1 is PyTorch's form. With lr inside the velocity (fresh = lr, lr = 1) or its sign turned (fresh = -lr,
    lr = -1: v = momentum v - lr g, p = p + v) it is that of the papers: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964; Sutskever, Martens, Dahl and Hinton, "On the importance of initialization
    and momentum in deep learning", 2013. With fresh = 1 - momentum, v is a running mean.
    """
    g = fresh * g
    v[...] = momentum * v + g
    p -= lr * (g + momentum * v if nesterov else v)


@rule
def adagrad(p, g, h, lr=1e-2, eps=1e-10, eps_inside=0):
    """AdaGrad:   h = h + g^2,   p = p - lr g / (sqrt(h + eps_inside) + eps)

    Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
    """
    h[...] = h + g * g
    p -= lr * g / (np.sqrt(h + eps_inside) + eps)


@rule
def rmsprop(p, g, v, lr=1e-2, alpha=0.99, eps=1e-8, eps_inside=0, momentum=0, fresh=1, m=None, b=None):
    """RMSProp:   v = alpha v + (1 - alpha) g^2,   u = g / (sqrt(v + eps_inside) + eps),   p = p - lr u

    With m (centered) the variance takes the place of v:   m = alpha m + (1 - alpha) g,   max(v - m^2, 0)
    With b (momentum):   b = momentum b + fresh u,   p = p - lr b

    Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012; centered: Graves, "Generating
    sequences with recurrent neural networks", 2013. Rounding may leave v - m^2 a little below 0; it counts as 0.
    """
    v[...] = alpha * v + (1 - alpha) * g * g
    d = v
    if m is not None:
        m[...] = alpha * m + (1 - alpha) * g
        d = np.maximum(v - m * m, 0)
    u = g / (np.sqrt(d + eps_inside) + eps)
    if b is not None:
        b[...] = momentum * b + fresh * u
        u = b
    p -= lr * u


@rule
def adadelta(p, g, v, u, lr=1, rho=0.9, eps=1e-6):
    """Adadelta:   v = rho v + (1 - rho) g^2,   d = sqrt(u + eps) / sqrt(v + eps) g
    u = rho u + (1 - rho) d^2,   p = p - lr d

    Zeiler, "ADADELTA: an adaptive learning rate method", 2012, where lr is 1.
    """
    v[...] = rho * v + (1 - rho) * g * g
    d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    u[...] = rho * u + (1 - rho) * d * d
    p -= lr * d


@rule
def rprop(p, g, prev, size, eta_minus=0.5, eta_plus=1.2, step_min=1e-6, step_max=50):
    """Rprop:   s = g prev;   size = size eta_plus where s > 0, size eta_minus where s < 0, within its bounds
    g = 0 where s < 0;   p = p - sign(g) size,   prev = g

    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993; without going back a
    step where the sign turns, as in PyTorch (iRprop-: Igel and Huesken, 2000).
    """
    s = g * prev
    one = s.dtype.type(1)
    change = np.where(s > 0, one * eta_plus, np.where(s < 0, one * eta_minus, one))
    size[...] = np.clip(size * change, step_min, step_max)
    prev[...] = np.where(s < 0, 0 * one, g)
    p -= np.sign(prev) * size


@rule
def asgd(p, g, ax, lr=1e-2, mu=1):
    """Averaged SGD:   p = p - lr g,   ax = ax + mu (p - ax), and ax = p while mu = 1

    Its decay of p, 1 - lambd lr, is `keep`. Polyak and Juditsky, "Acceleration of stochastic approximation by
    averaging", 1992; the rates: Bottou, "Large-scale machine learning with stochastic gradient descent", 2010.
    """
    p -= lr * g
    ax[...] = p if mu == 1 else ax + mu * (p - ax)


@rule
def lion(p, g, m, lr=1e-4, beta1=0.9, beta2=0.99):
    """Lion:   p = p - lr sign(beta1 m + (1 - beta1) g),   m = beta2 m + (1 - beta2) g

    Chen and others, "Symbolic discovery of optimization algorithms", 2023.
    """
    p -= lr * np.sign(beta1 * m + (1 - beta1) * g)
    m[...] = beta2 * m + (1 - beta2) * g


@rule
def blend(p, g, v, momentum=0.95, fresh=1, nesterov=0):
    """A direction, not a step:   v = momentum v + fresh g,   p = v, or with nesterov   p = fresh g + momentum v"""
    g = fresh * g
    v[...] = momentum * v + g
    p[...] = g + momentum * v if nesterov else v
