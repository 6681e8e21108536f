"""Gradient descent and its relatives without Adam's moments: SGD, momentum, AdaGrad, RMSProp and others.

A rule names its kernel, its state, and the kernel's numbers at step t. What all rules take beside their own options is
in `Optimizer`. lr is a step's length a unit of gradient, or of what the rule makes of it.
"""

from typing import ClassVar

from .. import kernels
from .optimizer import Optimizer
from .options import number

__all__ = ["ASGD", "SGD", "Adadelta", "Adagrad", "Lion", "Momentum", "Nesterov", "NormalizedGD", "RMSprop", "Rprop"]

VELOCITIES = ("torch", "lecture", "scratch", "average")


def refuse_unless_known(rule, name, value, known):
    if value not in known:
        raise ValueError(f"{type(rule).__name__}: {name} must be one of {', '.join(map(repr, known))}, not {value!r}")


def refuse_coefficient(rule, name, value, *, above=True):
    """An average's coefficient lies in [0, 1)."""
    if not 0 <= value < 1:
        raise ValueError(f"{type(rule).__name__}: {name} must be in [0, 1), not {value}")


def refuse_unless_two(rule, name, pair):
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"{type(rule).__name__}: {name} must be two numbers, not {pair}")
    for i, x in enumerate(pair):
        number(type(rule).__name__, f"{name}[{i}]", x)


def eps_of(group):
    """(eps outside the root, eps inside)."""
    return (0.0, group["eps"]) if group["eps_inside"] else (group["eps"], 0.0)


class SGD(Optimizer):
    """Stochastic gradient descent; with ``momentum`` it keeps a velocity.

    g = dL/dp + weight_decay p
    momentum = 0:   p -= lr g
    else, by `velocity`:
    "torch"     v = momentum v + (1 - dampening) g  (v = g at the first step);   p -= lr v
                nesterov: p -= lr (g + momentum v)
    "lecture"   v = momentum v + lr g;   p -= v
    "scratch"   v = momentum v - lr g;   p += v                       nesterov: p += momentum v - lr g
    "average"   v = momentum v + (1 - momentum) g;   p -= lr v

    The first three make the same steps while lr is constant. momentum = 1 is inertia without friction.
    Source: Robbins and Monro (1951); Polyak (1964); Sutskever et al. (2013). "torch" is PyTorch's, "scratch" that of
    Deep Learning from Scratch and of Keras, "lecture" that of lecture notes in Polyak's form.
    Errors: ValueError for a negative lr, momentum or weight_decay, and for nesterov without momentum.

    >>> import fastgrad as fg
    >>> w = fg.tensor([1.0], requires_grad=True)
    >>> opt = fg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.8], requires_grad=True)
    """

    torch_names: ClassVar = {"momentum_buffer": "v"}
    slots = ("v",)
    own_only = ("velocity",)

    def __init__(
        self,
        params=None,
        lr=1e-3,
        momentum=0.0,
        dampening=0.0,
        weight_decay=0.0,
        nesterov=False,
        *,
        velocity="torch",
        **shared,
    ):
        own = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, {"lr": lr, **own, "velocity": velocity}, shared)

    def check(self, group):
        super().check(group)
        if not group["momentum"] >= 0:
            raise ValueError(f"{type(self).__name__}: momentum must be at least 0, not {group['momentum']}")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(f"{type(self).__name__}: nesterov needs momentum > 0 and dampening = 0")
        refuse_unless_known(self, "velocity", group["velocity"], VELOCITIES)
        if group["dampening"] != 0 and group["velocity"] != "torch":
            raise ValueError(f'{type(self).__name__}: dampening belongs to velocity="torch"')

    def kernel(self, group):
        return kernels.momentum if group["momentum"] else kernels.sgd

    def slots_of(self, group):
        return ("v",) if group["momentum"] else ()

    def scalars(self, group, t):
        lr, momentum = group["lr"], group["momentum"]
        if not momentum:
            return (lr,)
        velocity, nesterov = group["velocity"], float(group["nesterov"])
        if velocity == "torch":
            return lr, momentum, 1 - group["dampening"] if t > 1 else 1.0, nesterov
        if velocity == "lecture":
            return 1.0, momentum, lr, nesterov
        if velocity == "scratch":
            return -1.0, momentum, -lr, nesterov
        return lr, momentum, 1 - momentum, nesterov


class Momentum(SGD):
    """SGD with a velocity: v = momentum v + g;  p -= lr v. The same as ``SGD(momentum=0.9)``.

    Source: Polyak (1964). ``velocity`` chooses among the forms in which books write it: see `SGD`.
    """

    def __init__(self, params=None, lr=1e-2, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False, **shared):
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov, **shared)


class Nesterov(SGD):
    """SGD with a velocity that looks ahead: v = momentum v + g;  p -= lr (g + momentum v).

    Source: Nesterov (1983), in the form of Sutskever et al. (2013) with shifted variables, as PyTorch has it.
    """

    def __init__(self, params=None, lr=1e-2, momentum=0.9, weight_decay=0.0, **shared):
        super().__init__(params, lr, momentum, 0.0, weight_decay, shared.pop("nesterov", True), **shared)


class NormalizedGD(SGD):
    """Gradient descent with steps of one length: p -= lr g / ||g||; a gradient of zeros does not move.

    ||g|| is the norm of all gradients together, or with ``per_tensor=True`` each tensor's own.
    Source: Nesterov (1984); Hazan, Levy and Shalev-Shwartz (2015), "Beyond convexity".

    >>> import fastgrad as fg
    >>> w = fg.tensor([3.0, 4.0], requires_grad=True)
    >>> opt = fg.optim.NormalizedGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([2.7, 3.6], requires_grad=True)
    """

    def __init__(self, params=None, lr=1e-2, momentum=0.0, weight_decay=0.0, *, per_tensor=False, **shared):
        form = "normalize_each" if per_tensor else "normalize"
        shared = {"clip_norm": 1.0, "clip_form": form, **shared}
        super().__init__(params, lr, momentum, 0.0, weight_decay, **shared)


class Adagrad(Optimizer):
    """AdaGrad: a number's step shrinks with the gradients it has seen.

    h = h + g^2,   p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(h) + eps),   with eps_inside  sqrt(h + eps)

    h begins at initial_accumulator_value. Source: Duchi, Hazan and Singer (2011); eps outside the root as in PyTorch
    (1e-10) and Deep Learning from Scratch (1e-7), inside it in Keras and in lecture notes.
    Errors: ValueError for a negative option.
    """

    slots = ("h",)
    torch_names: ClassVar = {"sum": "h"}
    own_only = ("eps_inside",)

    def __init__(
        self,
        params=None,
        lr=1e-2,
        lr_decay=0.0,
        weight_decay=0.0,
        initial_accumulator_value=0.0,
        eps=1e-10,
        *,
        eps_inside=False,
        **shared,
    ):
        own = {"lr_decay": lr_decay, "eps": eps, "initial_accumulator_value": initial_accumulator_value}
        super().__init__(params, {"lr": lr, **own, "weight_decay": weight_decay, "eps_inside": eps_inside}, shared)

    def check(self, group):
        super().check(group)
        for name in ("lr_decay", "initial_accumulator_value"):
            if not group[name] >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must be at least 0, not {group[name]}")

    def first(self, slot, p, group):
        return group["initial_accumulator_value"]

    def kernel(self, group):
        return kernels.adagrad

    def rate(self, group, t):
        return group["lr"] / (1 + (t - 1) * group["lr_decay"])

    def scalars(self, group, t):
        return (self.rate(group, t), *eps_of(group))


class RMSprop(Optimizer):
    """RMSProp: a step divided by the root of a running mean of g^2.

    v = alpha v + (1 - alpha) g^2,   u = g / (sqrt(v) + eps),   with eps_inside  sqrt(v + eps);   p -= lr u
    centered:   m = alpha m + (1 - alpha) g,  and max(v - m^2, 0) in the place of v
    momentum:   b = momentum b + u,   p -= lr b;   with velocity="scratch" (Keras)  b = momentum b + lr u,   p -= b

    Source: Tieleman and Hinton (2012); Graves (2013). PyTorch's defaults; lectures have alpha 0.9 and eps inside.
    Errors: ValueError for a negative option, and for alpha outside [0, 1).
    """

    slots = ("v",)
    spare = ("m", "b")
    torch_names: ClassVar = {"square_avg": "v", "grad_avg": "m", "momentum_buffer": "b"}
    own_only = ("eps_inside", "velocity")

    def __init__(
        self,
        params=None,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0.0,
        momentum=0.0,
        centered=False,
        *,
        eps_inside=False,
        velocity="torch",
        **shared,
    ):
        own = {"alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum, "centered": centered}
        super().__init__(params, {"lr": lr, **own, "eps_inside": eps_inside, "velocity": velocity}, shared)

    def check(self, group):
        super().check(group)
        refuse_coefficient(self, "alpha", group["alpha"])
        if not group["momentum"] >= 0:
            raise ValueError(f"{type(self).__name__}: momentum must be at least 0, not {group['momentum']}")
        refuse_unless_known(self, "velocity", group["velocity"], ("torch", "scratch"))

    def kernel(self, group):
        return kernels.rmsprop

    def slots_of(self, group):
        return ("v", *(("m",) if group["centered"] else ()), *(("b",) if group["momentum"] else ()))

    def scalars(self, group, t):
        lr, fresh = group["lr"], 1.0
        if group["momentum"] and group["velocity"] == "scratch":
            lr, fresh = 1.0, lr
        return (lr, group["alpha"], *eps_of(group), group["momentum"], fresh)


class Adadelta(Optimizer):
    """Adadelta: steps in the units of the parameter, by running means of g^2 and of the steps made.

    v = rho v + (1 - rho) g^2,   d = sqrt(u + eps) / sqrt(v + eps) g,   u = rho u + (1 - rho) d^2,   p -= lr d

    Source: Zeiler (2012), who has no lr; PyTorch's default is 1, Keras's 0.001.
    Errors: ValueError for a negative option, and for rho outside [0, 1).
    """

    slots = ("v", "u")
    torch_names: ClassVar = {"square_avg": "v", "acc_delta": "u"}

    def __init__(self, params=None, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0, **shared):
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay}, shared)

    def check(self, group):
        super().check(group)
        refuse_coefficient(self, "rho", group["rho"])

    def kernel(self, group):
        return kernels.adadelta

    def scalars(self, group, t):
        return group["lr"], group["rho"], group["eps"]


class Rprop(Optimizer):
    """Rprop: only the signs of gradients count, and whether they have turned. For full batches.

    s = g prev:   size *= etas[1] where s > 0;   size *= etas[0], g = 0 where s < 0;   size within step_sizes
    p -= sign(g) size,   prev = g;   size begins at lr

    Source: Riedmiller and Braun (1993); as in PyTorch a step is not taken back where the sign turns.
    Errors: ValueError unless 0 < etas[0] < 1 < etas[1].
    """

    slots = ("prev", "size")
    torch_names: ClassVar = {"step_size": "size"}

    def __init__(self, params=None, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), **shared):
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes}, shared)

    def check(self, group):
        super().check(group)
        for name in ("etas", "step_sizes"):
            refuse_unless_two(self, name, group[name])
        minus, plus = group["etas"]
        if not 0 < minus < 1 < plus:
            raise ValueError(f"{type(self).__name__}: etas must be (below 1, above 1), not {group['etas']}")
        least, most = group["step_sizes"]
        if not 0 <= least <= most:
            raise ValueError(f"{type(self).__name__}: step_sizes must be (least, most), not {group['step_sizes']}")

    def kernel(self, group):
        return kernels.rprop

    def first(self, slot, p, group):
        return self.lr_of(group) if slot == "size" else 0.0

    def scalars(self, group, t):
        return (*group["etas"], *group["step_sizes"])


class ASGD(Optimizer):
    """Averaged SGD: the mean of the path, kept beside a slowly shrinking step.

    eta = lr / (1 + lambd lr (t - 1))^alpha,   p = (1 - lambd eta) p - eta g
    ax = ax + mu (p - ax),   mu = 1 / max(1, t - 1 - t0): ax is p up to step t0, then the mean of p from there

    Source: Polyak and Juditsky (1992); Bottou's rates (2010), as in PyTorch. ``optimizer.state[p]["ax"]`` is the mean.
    """

    slots = ("ax",)
    torch_names: ClassVar = {"eta": None, "mu": None}

    def __init__(self, params=None, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0.0, **shared):
        own = {"lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **own}, shared)

    def check(self, group):
        super().check(group)
        if not group["lambd"] >= 0:
            raise ValueError(f"{type(self).__name__}: lambd must be at least 0, not {group['lambd']}")

    def kernel(self, group):
        return kernels.asgd

    def rate(self, group, t):
        return group["lr"] / (1 + group["lambd"] * group["lr"] * (t - 1)) ** group["alpha"]

    def scalars(self, group, t):
        return self.rate(group, t), 1 / max(1, t - 1 - group["t0"])

    def numbers(self, group, t):
        """The rule's own decay is a factor of `keep`, the second of the options."""
        own, shared = self.scalars(group, t), super().numbers(group, t)[2:]
        decay, keep, *rest = shared or (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return (*own, decay, keep * (1 - group["lambd"] * own[0]), *rest)


class Lion(Optimizer):
    """Lion: a step of one size a number, in the direction of a blend of momentum and gradient.

    p = (1 - lr weight_decay) p - lr sign(beta1 m + (1 - beta1) g),   m = beta2 m + (1 - beta2) g

    Source: Chen et al. (2023), algorithm 2. Its decay is decoupled.
    Errors: ValueError for a negative lr or weight_decay, and for a beta outside [0, 1).
    """

    slots = ("m",)

    def __init__(self, params=None, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, **shared):
        shared = {"decoupled_weight_decay": True, **shared}
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay}, shared)

    def check(self, group):
        super().check(group)
        check_betas(self, group["betas"])

    def kernel(self, group):
        return kernels.lion

    def scalars(self, group, t):
        return group["lr"], *group["betas"]


def check_betas(rule, betas):
    refuse_unless_two(rule, "betas", betas)
    for i, beta in enumerate(betas):
        if not 0 <= beta < 1:
            raise ValueError(f"{type(rule).__name__}: betas[{i}] must be in [0, 1), not {beta}")
