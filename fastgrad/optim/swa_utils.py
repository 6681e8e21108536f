"""PyTorch's names for averages of models: AveragedModel, SWALR, update_bn, and functions that average.

>>> import fastgrad as fg
>>> net = fg.nn.Linear(2, 1)
>>> averaged = fg.optim.swa_utils.AveragedModel(net)
>>> averaged.update_parameters(net)
>>> int(averaged.n_averaged)
1
"""

import copy
import math

import numpy as np

from .. import kernels, tape
from ..nn import Module
from ..ops import add, mul, sub
from ..tensor import Tensor, tensor
from .lr_scheduler import LRScheduler
from .lr_scheduler.base import per_group

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def get_ema_multi_avg_fn(decay=0.999):
    """A function (averages, parameters, n) that writes a + (1 - decay) (p - a) into the averages.

    Errors: ValueError for decay outside [0, 1].
    """
    refuse_decay(decay)
    return lambda averages, params, n: lean(averages, params, 1 - decay)


def get_swa_multi_avg_fn():
    """A function (averages, parameters, n) that writes the mean, a + (p - a) / (n + 1), into the averages."""
    return lambda averages, params, n: lean(averages, params, 1 / (int(n) + 1))


def get_ema_avg_fn(decay=0.999):
    """A function (average, parameter, n) -> decay a + (1 - decay) p. Errors: ValueError for decay outside [0, 1]."""
    refuse_decay(decay)
    return lambda average, p, n: add(mul(average, decay), mul(p, 1 - decay))


def get_swa_avg_fn():
    """A function (average, parameter, n) -> a + (p - a) / (n + 1)."""
    return lambda average, p, n: add(average, mul(sub(p, average), 1 / (int(n) + 1)))


class AveragedModel(Module):
    """A copy of a model whose parameters are averages: of equal weights, or as `avg_fn` or `multi_avg_fn` says.

    The first `update_parameters` copies. ``avg_fn(average, parameter, n_averaged)`` returns the new average;
    ``multi_avg_fn(averages, parameters, n_averaged)`` writes it, for lists of tensors. Running statistics are copied
    from the model, or with use_buffers averaged as well; `update_bn` makes new ones. The copy trains nothing: call the
    model, and this one to evaluate. Source: Izmailov et al. (2018). `averaging.SWA` and `averaging.EMA` keep no copy of
    the modules, and may be captured.
    Errors: ValueError for both functions at once.
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: avg_fn and multi_avg_fn are two ways to say one thing; give one of them")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.n_averaged = tensor(0)
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Takes the parameters of `model`, as they are now, into the averages."""
        kernels.refuse_capture("update_parameters()", "call it outside, or use fastgrad.optim.averaging inside")
        mine, theirs = list(self.module.parameters()), list(model.parameters())
        buffers = list(zip(buffers_of(self.module), buffers_of(model), strict=True))
        if self.use_buffers:
            floats = [(a, b) for a, b in buffers if a.dtype.kind == "f"]
            mine, theirs = mine + [a for a, _ in floats], theirs + [b for _, b in floats]
            buffers = [(a, b) for a, b in buffers if a.dtype.kind != "f"]
        mine, theirs = [a.detach() for a in mine], [p.detach() for p in theirs]
        if not int(self.n_averaged):
            for a, p in zip(mine, theirs, strict=True):
                overwrite(a, p)
        elif self.avg_fn is not None:
            for a, p in zip(mine, theirs, strict=True):
                overwrite(a, self.avg_fn(a, p, self.n_averaged))
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(mine, theirs, self.n_averaged)
        for a, b in buffers:
            overwrite(a, b)
        self.n_averaged = tensor(int(self.n_averaged) + 1)

    def state_dict(self):
        """``n_averaged``, and the parameters under ``module.``"""
        return {"n_averaged": self.n_averaged.numpy().copy(), **super().state_dict()}

    def load_state_dict(self, state, strict=True):
        """Takes back what `state_dict` gave."""
        state = dict(state)
        if "n_averaged" not in state:
            raise KeyError("load_state_dict: missing ['n_averaged']; this is the state of a model that is no average")
        n = int(state.pop("n_averaged"))
        found = super().load_state_dict(state, strict)
        self.n_averaged = tensor(n)
        return found


class SWALR(LRScheduler):
    """From the rate as it is to swa_lr within anneal_epochs, on half a cosine or, "linear", a line; then swa_lr.

    lr = swa_lr alpha + first lr (1 - alpha),   alpha = (1 - cos(pi x)) / 2 or x,   x = min(epoch / anneal_epochs, 1)

    Unit: epoch. It is made when averaging begins. Source: Izmailov et al. (2018).
    Errors: ValueError for an unknown anneal_strategy, anneal_epochs that is no integer of at least 0, and a negative
    swa_lr.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.swa_utils.SWALR(opt, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> rates = [opt.lr]
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [1.0, 0.75, 0.5, 0.5]
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        self._need(anneal_strategy in ("cos", "linear"), "anneal_strategy", '"cos" or "linear"', anneal_strategy)
        whole = isinstance(anneal_epochs, int) and anneal_epochs >= 0
        self._need(whole, "anneal_epochs", "an integer of at least 0", anneal_epochs)
        rates = per_group(type(self).__name__, "swa_lr", optimizer, swa_lr)
        self._need(all(lr >= 0 for lr in rates), "swa_lr", "at least 0", swa_lr)
        for group, lr in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = lr
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def alpha(self, t):
        """How much of swa_lr there is in the rate of epoch t."""
        x = max(0.0, min(1.0, t / max(1, self.anneal_epochs)))
        return x if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * x)) / 2

    def get_lr(self):
        t = self._step_count - 1
        if self.anneal_epochs == 0:
            t = max(1, t)
        before, now = self.alpha(t - 1), self.alpha(t)

        def rate(lr, swa_lr):
            first = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            return swa_lr * now + first * (1 - now)

        return [rate(group["lr"], group["swa_lr"]) for group in self.optimizer.param_groups]


def update_bn(loader, model, device=None):
    """New running statistics: the mean over all batches of `loader`, by a forward pass of each in training mode.

    It serves modules that have ``running_mean`` and ``momentum``, whose momentum None means the mean of all batches.
    A batch is the input, or a tuple or list that begins with it. Afterwards momenta and modes are as they were.
    """
    found = [m for m in model.modules() if getattr(m, "running_mean", None) is not None and hasattr(m, "momentum")]
    if not found:
        return
    held = [m.momentum for m in found]
    modes = [(m, m.training) for m in model.modules()]
    before, tape.state.grad = tape.state.grad, False
    try:
        for m in found:
            forget(m)
            m.momentum = None
        model.train()
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    finally:
        tape.state.grad = before
        for m, momentum in zip(found, held, strict=True):
            m.momentum = momentum
        for m, mode in modes:
            m.training = mode


def forget(module):
    """Running statistics as of a new module: mean 0, variance 1, no batches."""
    if hasattr(module, "reset_running_stats"):
        module.reset_running_stats()
        return
    for name, value in (("running_mean", 0), ("running_var", 1), ("num_batches_tracked", 0)):
        if getattr(module, name, None) is not None:
            overwrite(getattr(module, name), value)


def buffers_of(model):
    """What a model keeps beside its parameters: its buffers, or the tensors among its modules' attributes."""
    if hasattr(model, "buffers"):
        return list(model.buffers())
    return [x for m in model.modules() for k, x in vars(m).items() if isinstance(x, Tensor) and k not in m._parameters]


def overwrite(a, value):
    np.copyto(a.data, value.data if isinstance(value, Tensor) else value, casting="unsafe")
    tape.changed(a.data)


def lean(averages, params, weight):
    """a = a + weight (p - a), in place."""
    for a, p in zip(averages, params, strict=True):
        kernels.lerp(a.data, p.data, weight, out=a.data)
    tape.changed(*[a.data for a in averages])


def refuse_decay(decay):
    if not 0 <= decay <= 1:
        raise ValueError(f"decay must be in [0, 1], not {decay}")
