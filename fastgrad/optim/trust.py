"""Rules whose step on a tensor is as long as the tensor's norm says: for very large batches."""

from .. import kernels
from .adam import Moments
from .optimizer import Optimizer

__all__ = ["LAMB", "LARS"]


class LARS(Optimizer):
    """LARS: momentum, with a rate of its own for each tensor.

    ratio = trust_coefficient ||p|| / (||g|| + weight_decay ||p|| + eps), 1 where a norm is 0
    v = momentum v + lr ratio (g + weight_decay p),   p -= v

    Source: You, Gitman and Ginsburg (2017); eps is not in the paper. ||g|| is taken after clipping.
    Errors: ValueError for a negative option.
    """

    slots = ("v",)

    def __init__(
        self, params=None, lr=1e-1, momentum=0.9, weight_decay=0.0, trust_coefficient=1e-3, eps=1e-8, **shared
    ):
        own = {"momentum": momentum, "trust_coefficient": trust_coefficient, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **own}, shared)

    def check(self, group):
        super().check(group)
        for name in ("momentum", "trust_coefficient"):
            if not group[name] >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must be at least 0, not {group[name]}")

    def kernel(self, group):
        return kernels.lars

    def scalars(self, group, t):
        return group["lr"], group["momentum"], group["trust_coefficient"], group["eps"]


class LAMB(Moments):
    """LAMB: Adam's direction, as long on each tensor as the tensor.

    u = mhat / (sqrt(vhat) + eps) + weight_decay p,   p -= lr (||p|| / ||u||) u,   the ratio 1 where a norm is 0

    Source: You et al. (2020), with the identity for its phi.
    Errors: ValueError for a negative option, and for a beta outside [0, 1).
    """

    def __init__(self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0, **shared):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, shared)

    def kernel(self, group):
        return kernels.lamb

    def scalars(self, group, t):
        beta1, beta2 = group["betas"]
        return group["lr"], beta1, beta2, group["eps"], 1 - beta1**t, 1 - beta2**t
