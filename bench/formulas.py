"""How far three steps with a constant gradient move a parameter, rule by rule: the answers the workloads must give.

Written once more, in float64 and with the defaults of torch.optim, so that it shares nothing with what it checks.
"""

import numpy as np

STEPS = 3
LR = {"adadelta": 1.0, "rprop": 1e-2}  # the others: 1e-3


def rate_of(name):
    return LR.get(name, 1e-3)


def three_steps(name, p, g):
    """p after three steps, minus p."""
    p, g = np.array(p, np.float64), np.array(g, np.float64)
    return FORMULAS[name](p, g, rate_of(name)) - p


def sgd(p, g, lr):
    return p - STEPS * lr * g


def momentum(p, g, lr, nesterov=False):
    v = 0.0
    for _ in range(STEPS):
        v = 0.9 * v + g
        p = p - lr * (g + 0.9 * v if nesterov else v)
    return p


def nesterov(p, g, lr):
    return momentum(p, g, lr, nesterov=True)


def adagrad(p, g, lr):
    for t in range(1, STEPS + 1):
        p = p - lr * g / (np.sqrt(t * g * g) + 1e-10)
    return p


def rmsprop(p, g, lr):
    v = 0.0
    for _ in range(STEPS):
        v = 0.99 * v + 0.01 * g * g
        p = p - lr * g / (np.sqrt(v) + 1e-8)
    return p


def adadelta(p, g, lr):
    v = u = 0.0
    for _ in range(STEPS):
        v = 0.9 * v + 0.1 * g * g
        d = np.sqrt(u + 1e-6) / np.sqrt(v + 1e-6) * g
        u = 0.9 * u + 0.1 * d * d
        p = p - lr * d
    return p


def adam(p, g, lr, eps=1e-8):
    return p - STEPS * lr * g / (np.abs(g) + eps)  # corrected moments of a constant are the constant


def adamw(p, g, lr):
    for _ in range(STEPS):
        p = p * (1 - lr * 0.01) - lr * g / (np.abs(g) + 1e-8)
    return p


def adamax(p, g, lr):
    return p - STEPS * lr * g / (np.abs(g) + 1e-8)  # the largest of equal numbers


def nadam(p, g, lr):
    m = v = 0.0
    product = 1.0
    for t in range(1, STEPS + 1):
        now, then = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
        product *= now
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = (1 - now) / (1 - product) * g + then / (1 - product * then) * m
        p = p - lr * step / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


def radam(p, g, lr):
    return p - STEPS * lr * g  # the first five steps are not rectified


def rprop(p, g, lr):
    return p - lr * (1 + 1.2 + 1.44) * np.sign(g)


def asgd(p, g, lr):
    for t in range(STEPS):
        eta = lr / (1 + 1e-4 * lr * t) ** 0.75
        p = p * (1 - 1e-4 * eta) - eta * g
    return p


def lion(p, g, lr):
    return p - STEPS * lr * np.sign(g)


RULES = (sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamw, adamax, nadam, radam, rprop, asgd, lion)
FORMULAS = {rule.__name__: rule for rule in RULES}
