"""The rules. Each names its kernel, its state, and the scalars of step t."""

from .. import kernels
from .optimizer import Optimizer

__all__ = ["SGD", "Adam", "Momentum"]


class SGD(Optimizer):
    """Stochastic gradient descent, PyTorch's: with ``momentum`` it keeps a velocity.

    g = dL/dp + weight_decay p
    momentum = 0:   p -= lr g
    else:           v = momentum v + (1 - dampening) g  (v = g at the first step);   p -= lr v
                    nesterov: p -= lr (g + momentum v)

    lr is the step's length a unit of gradient. Source: Robbins and Monro (1951); Polyak (1964); Sutskever et al.
    (2013), whose v contains lr, where this one (PyTorch's) does not.
    Errors: ValueError for a negative lr, momentum or weight_decay, and for nesterov without momentum.

    >>> import fastgrad as fg
    >>> w = fg.tensor([1.0], requires_grad=True)
    >>> opt = fg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.8], requires_grad=True)
    """

    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        super().__init__(params, options)

    def check(self, group):
        super().check(group)
        if not group["momentum"] >= 0:
            raise ValueError(f"{type(self).__name__}: momentum must be at least 0, not {group['momentum']}")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(f"{type(self).__name__}: nesterov needs momentum > 0 and dampening = 0")

    def kernel(self, group):
        return kernels.momentum if group["momentum"] else kernels.sgd

    def slots_of(self, group):
        return ("v",) if group["momentum"] else ()

    def scalars(self, group, t):
        if not group["momentum"]:
            return group["lr"], group["weight_decay"]
        dampening = group["dampening"] if t > 1 else 0.0
        return group["lr"], group["momentum"], dampening, group["weight_decay"], float(group["nesterov"])


class Momentum(SGD):
    """SGD with a velocity: v = momentum v + g;  p -= lr v. The same as ``SGD(momentum=0.9)``.

    Source: Polyak (1964). Deep Learning from Scratch writes v = momentum v - lr g, p += v: the same path while lr is
    constant.
    """

    def __init__(self, params, lr=1e-2, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov)


class Adam(Optimizer):
    """Adam: a step scaled by running means of the gradient and of its square.

    g = dL/dp + weight_decay p
    m = beta1 m + (1 - beta1) g,          v = beta2 v + (1 - beta2) g^2
    p -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    Source: Kingma and Ba (2015), algorithm 1; eps stands outside the root, as there and in PyTorch.
    Errors: ValueError for a negative lr, eps or weight_decay, or a beta outside [0, 1).

    >>> import fastgrad as fg
    >>> w = fg.tensor([1.0], requires_grad=True)
    >>> opt = fg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    slots = ("m", "v")

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def check(self, group):
        super().check(group)
        if not isinstance(group["betas"], (tuple, list)) or len(group["betas"]) != 2:
            raise ValueError(f"{type(self).__name__}: betas must be two numbers, not {group['betas']}")
        for i, beta in enumerate(group["betas"]):
            if not 0 <= beta < 1:
                raise ValueError(f"{type(self).__name__}: betas[{i}] must be in [0, 1), not {beta}")

    def kernel(self, group):
        return kernels.adam

    def scalars(self, group, t):
        beta1, beta2 = group["betas"]
        return group["lr"], beta1, beta2, group["eps"], group["weight_decay"], 1 - beta1**t, 1 - beta2**t
