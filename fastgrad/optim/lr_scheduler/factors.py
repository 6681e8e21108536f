"""Schedulers that multiply: by a function of the epoch, at milestones, for a while, or a little every epoch."""

from collections import Counter

from .base import LRScheduler, per_group

__all__ = [
    "ConstantLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(epoch). Unit: epoch.

    lr_lambda: a function, or a list of one for each group. A saved state has the attributes of callable objects, and
    nothing of plain functions.
    Errors: TypeError for what cannot be called; ValueError for a list of another length.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.LambdaLR(opt, lambda epoch: 1 / (1 + epoch))
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    >>> opt.lr
    0.25
    """

    _functions = ("lr_lambdas",)

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = functions(self, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(LRScheduler):
    """lr = last lr * lr_lambda(epoch), from epoch 1 on. Unit: epoch. Arguments and errors are those of `LambdaLR`.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.MultiplicativeLR(opt, lambda epoch: 0.5)
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    >>> opt.lr
    0.125
    """

    _functions = ("lr_lambdas",)

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = functions(self, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self._is_initial:
            return self._rates()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self._rates(), strict=True)]


class Factors(LRScheduler):
    """lr = last lr * ratio(epoch): written so, several such schedulers of one optimizer multiply."""

    _jumps = False  # the factor belongs to single epochs: then the first call of a resumed scheduler may meet one

    def ratio(self, t):
        """The rate of epoch t over that of the epoch before; of epoch 0 over the initial one."""
        raise NotImplementedError

    def get_lr(self):
        if self._is_initial and self.last_epoch > 0 and not self._jumps:
            return self._rates()
        r = self.ratio(self.last_epoch)
        return [lr * r for lr in self._rates()]

    def _first_lr(self):
        return [lr * self.ratio(0) for lr in self.base_lrs]


class StepLR(Factors):
    """lr = initial lr * gamma^floor(epoch / step_size). Unit: epoch.

    Errors: ValueError for step_size below 1, and for gamma not above 0.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     opt.step()
    ...     scheduler.step()
    >>> opt.lr
    0.25
    """

    _jumps = True

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        self._need(step_size >= 1, "step_size", "at least 1", step_size)
        self._need(gamma > 0, "gamma", "above 0", gamma)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self, t):
        return self.gamma if t > 0 and t % self.step_size == 0 else 1.0


class MultiStepLR(Factors):
    """lr = initial lr * gamma^(how many milestones epoch has reached). Unit: epoch.

    Errors: ValueError for milestones that fall or are negative, and for gamma not above 0. A milestone that is named
    twice counts twice.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.MultiStepLR(opt, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    >>> opt.lr
    0.25
    """

    _jumps = True

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        milestones = list(milestones)
        self._need([0, *milestones] == sorted([0, *milestones]), "milestones", "increasing, from 0 on", milestones)
        self._need(gamma > 0, "gamma", "above 0", gamma)
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self, t):
        return self.gamma ** self.milestones[t] if t in self.milestones else 1.0


class ConstantLR(Factors):
    """lr = initial lr * factor while epoch < total_iters, then the initial lr. Unit: epoch.

    Errors: ValueError for a factor outside (0, 1], and for total_iters below 1.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=2)
    >>> rates = [opt.lr]
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [0.5, 0.5, 1.0, 1.0]
    """

    _jumps = True

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        self._need(0 < factor <= 1, "factor", "in (0, 1]", factor)
        self._need(total_iters >= 1, "total_iters", "at least 1", total_iters)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def ratio(self, t):
        return self.factor if t == 0 else 1.0 / self.factor if t == self.total_iters else 1.0


class LinearLR(Factors):
    """lr = initial lr * (start_factor + (end_factor - start_factor) min(epoch / total_iters, 1)). Unit: epoch.

    A linear warm-up by default. Errors: ValueError for a start_factor outside (0, 1], an end_factor outside [0, 1], and
    for total_iters below 1.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=4)
    >>> opt.step()
    >>> scheduler.step()
    >>> opt.lr
    0.625
    """

    def __init__(self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        self._need(0 < start_factor <= 1, "start_factor", "in (0, 1]", start_factor)
        self._need(0 <= end_factor <= 1, "end_factor", "in [0, 1]", end_factor)
        self._need(total_iters >= 1, "total_iters", "at least 1", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def ratio(self, t):
        if t == 0:
            return self.start_factor
        if t > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (t - 1) * rise)


class ExponentialLR(Factors):
    """lr = initial lr * gamma^epoch. Unit: epoch. Errors: ValueError for gamma not above 0.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> opt.step()
    >>> scheduler.step()
    >>> opt.lr
    0.5
    """

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self._need(gamma > 0, "gamma", "above 0", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self, t):
        return self.gamma if t > 0 else 1.0


class PolynomialLR(Factors):
    """lr = initial lr * (1 - min(epoch / total_iters, 1))^power. Unit: epoch.

    Errors: ValueError for total_iters below 1, and for a negative power.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.PolynomialLR(opt, total_iters=4, power=2.0)
    >>> opt.step()
    >>> scheduler.step()
    >>> opt.lr
    0.5625
    """

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self._need(total_iters >= 1, "total_iters", "at least 1", total_iters)
        self._need(power >= 0, "power", "at least 0", power)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def ratio(self, t):
        if t == 0 or t > self.total_iters:
            return 1.0
        return ((1.0 - t / self.total_iters) / (1.0 - (t - 1) / self.total_iters)) ** self.power


def functions(scheduler, optimizer, lr_lambda):
    """A function for each group."""
    name = type(scheduler).__name__
    found = per_group(name, "lr_lambda", optimizer, lr_lambda)
    for f in found:
        if not callable(f):
            raise TypeError(f"{name}: lr_lambda must be a function of the epoch, not {f!r}")
    return found
