"""Rules with running means of the gradient and of its square: Adam and its relatives."""

import math
from typing import ClassVar

from .. import kernels
from .optimizer import Optimizer
from .rules import check_betas, refuse_unless_known

__all__ = ["AMSGrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam"]

PLACES = ("root", "uncorrected", "inside")


class Moments(Optimizer):
    """What the rules of this file share: m, v, betas."""

    slots = ("m", "v")
    torch_names: ClassVar = {
        "exp_avg": "m",
        "exp_avg_sq": "v",
        "max_exp_avg_sq": "vmax",
        "exp_inf": "u",
        "mu_product": None,
    }

    def check(self, group):
        super().check(group)
        check_betas(self, group["betas"])


class Adam(Moments):
    """Adam: a step scaled by running means of the gradient and of its square.

    g = dL/dp + weight_decay p
    m = beta1 m + (1 - beta1) g,          v = beta2 v + (1 - beta2) g^2
    mhat = m / (1 - beta1^t),             vhat = v / (1 - beta2^t)
    p -= lr mhat / (sqrt(vhat) + eps)

    amsgrad: the largest v so far in its place.   bias_correction=False: m and v instead of mhat and vhat.
    eps_at: "root" as above; "uncorrected"  lr' m / (sqrt(v) + eps), lr' = lr sqrt(1 - beta2^t) / (1 - beta1^t), Keras's
    and Deep Learning from Scratch's; "inside"  lr mhat / sqrt(vhat + eps).

    Source: Kingma and Ba (2015), algorithm 1, and its remark on efficiency for "uncorrected"; Reddi et al. (2018).
    Errors: ValueError for a negative lr, eps or weight_decay, or a beta outside [0, 1).

    >>> import fastgrad as fg
    >>> w = fg.tensor([1.0], requires_grad=True)
    >>> opt = fg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    spare = ("vmax",)
    own_only = ("bias_correction", "eps_at")

    def __init__(
        self,
        params=None,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0.0,
        amsgrad=False,
        *,
        bias_correction=True,
        eps_at="root",
        **shared,
    ):
        own = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, {"lr": lr, **own, "bias_correction": bias_correction, "eps_at": eps_at}, shared)

    def check(self, group):
        super().check(group)
        refuse_unless_known(self, "eps_at", group["eps_at"], PLACES)

    def kernel(self, group):
        return kernels.adam

    def slots_of(self, group):
        return ("m", "v", "vmax") if group["amsgrad"] else self.slots

    def scalars(self, group, t):
        lr, eps, at = group["lr"], group["eps"], group["eps_at"]
        beta1, beta2 = group["betas"]
        first, second = (1 - beta1**t, 1 - beta2**t) if group["bias_correction"] else (1.0, 1.0)
        if at == "root":
            return lr, beta1, beta2, eps, 0.0, first, second
        if at == "inside":  # sqrt(v / second + eps) = sqrt(v + eps second) / sqrt(second)
            return lr, beta1, beta2, 0.0, eps * second, first, second
        return lr * math.sqrt(second) / first, beta1, beta2, eps, 0.0, 1.0, 1.0


class AdamW(Adam):
    """Adam with decoupled weight decay: p = (1 - lr weight_decay) p, then Adam's step, which does not see it.

    Source: Loshchilov and Hutter (2019). PyTorch's defaults.
    """

    def __init__(self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, **shared):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **{"decoupled_weight_decay": True, **shared})


class AMSGrad(Adam):
    """Adam with the largest v so far in the place of v: steps do not grow again. The same as ``Adam(amsgrad=True)``.

    Source: Reddi, Kale and Kumar (2018); as in PyTorch the maximum is of the uncorrected v.
    """

    def __init__(self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=True, **shared):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **shared)


class Adamax(Moments):
    """Adamax: Adam with the largest gradient, slowly forgotten, in the place of the root.

    m = beta1 m + (1 - beta1) g,   u = max(beta2 u, |g| + eps),   p -= lr / (1 - beta1^t) m / u

    Source: Kingma and Ba (2015), algorithm 2, which has no eps; PyTorch adds it to |g|. ``eps_outside=True``: to u, as
    Keras does.
    """

    slots = ("m", "u")
    own_only = ("eps_outside",)

    def __init__(
        self, params=None, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, *, eps_outside=False, **shared
    ):
        own = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "eps_outside": eps_outside}
        super().__init__(params, {"lr": lr, **own}, shared)

    def kernel(self, group):
        return kernels.adamax

    def scalars(self, group, t):
        beta1, beta2 = group["betas"]
        eps = (0.0, group["eps"]) if group["eps_outside"] else (group["eps"], 0.0)
        return group["lr"], beta1, beta2, *eps, 1 - beta1**t


class NAdam(Moments):
    """NAdam: Adam that looks ahead as Nesterov's momentum does.

    mu(t) = beta1 (1 - 0.5 0.96^(t momentum_decay)),   M(t) = mu(1) ... mu(t)
    p -= lr ((1 - mu(t)) / (1 - M(t)) g + mu(t + 1) / (1 - M(t + 1)) m) / (sqrt(vhat) + eps)

    Source: Dozat (2016), as in PyTorch; Keras has momentum_decay = 1.
    """

    def __init__(
        self, params=None, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3, **shared
    ):
        own = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        self.products: dict = {}  # (beta1, momentum_decay) -> [M(0), M(1), ...]
        super().__init__(params, {"lr": lr, **own}, shared)

    def check(self, group):
        super().check(group)
        if not group["momentum_decay"] >= 0:
            raise ValueError(f"{type(self).__name__}: momentum_decay must be at least 0, not {group['momentum_decay']}")

    def kernel(self, group):
        return kernels.nadam

    def scalars(self, group, t):
        (beta1, beta2), decay = group["betas"], group["momentum_decay"]

        def mu(t):
            return beta1 * (1 - 0.5 * 0.96 ** (t * decay))

        product = self.products.setdefault((beta1, decay), [1.0])
        while len(product) <= t + 1:
            product.append(product[-1] * mu(len(product)))
        now = group["lr"] * (1 - mu(t)) / (1 - product[t])
        after = group["lr"] * mu(t + 1) / (1 - product[t + 1])
        return now, after, beta1, beta2, group["eps"], 1 - beta2**t


class RAdam(Moments):
    """RAdam: Adam that goes by the root of v only once v is known well enough.

    rho = 2 / (1 - beta2) - 1,   r(t) = rho - 2 t beta2^t / (1 - beta2^t)
    r(t) > 5:  p -= lr mhat sqrt((r - 4) (r - 2) rho / ((rho - 4) (rho - 2) r)) sqrt(1 - beta2^t) / (sqrt(v) + eps)
    else:      p -= lr mhat

    Source: Liu et al. (2020), algorithm 2, with PyTorch's eps.
    """

    def __init__(self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **shared):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, shared)

    def kernel(self, group):
        return kernels.radam

    def scalars(self, group, t):
        beta1, beta2 = group["betas"]
        most = 2 / (1 - beta2) - 1
        r = most - 2 * t * beta2**t / (1 - beta2**t)
        rectify = math.sqrt((r - 4) * (r - 2) * most / ((most - 4) * (most - 2) * r)) if r > 5 else 0.0
        return group["lr"], beta1, beta2, group["eps"], 1 - beta1**t, 1 - beta2**t, rectify
