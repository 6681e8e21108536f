"""Schedulers of waves: cosines, with and without restarts, triangles, and one cycle."""

import math
from bisect import bisect_left

from .base import LRScheduler, per_group, refuse_unfit

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"]


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (initial lr - eta_min) (1 + cos(pi epoch / T_max)) / 2. Unit: epoch.

    It is computed from the last lr, so that it may be chained; after T_max epochs the rate rises again. Source:
    Loshchilov and Hutter (2017). Errors: ValueError for T_max below 1, and for a negative eta_min.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=2)
    >>> opt.step()
    >>> scheduler.step()
    >>> opt.lr
    0.5
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        self._need(T_max >= 1, "T_max", "at least 1", T_max)
        self._need(eta_min >= 0, "eta_min", "at least 0", eta_min)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self._is_initial:
            return self._rates()
        t, low, turn = self.last_epoch, self.eta_min, math.pi / self.T_max
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the lowest point: a ratio would be 0 / 0
            pairs = zip(self._rates(), self.base_lrs, strict=True)
            return [lr + (base - low) * (1 - math.cos(turn)) / 2 for lr, base in pairs]
        ratio = (1 + math.cos(turn * t)) / (1 + math.cos(turn * (t - 1)))
        return [ratio * (lr - low) + low for lr in self._rates()]

    def _first_lr(self):
        return list(self.base_lrs)


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (initial lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2. Unit: epoch, or parts of one.

    T_cur epochs have gone since the last restart; period i is T_i = T_0 T_mult^i long. Source: Loshchilov and Hutter
    (2017). Errors: ValueError for T_0 or T_mult that are no integer of at least 1, and for a negative eta_min.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=2)
    >>> rates = [opt.lr]
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        self._need(isinstance(T_0, int) and T_0 >= 1, "T_0", "an integer of at least 1", T_0)
        self._need(isinstance(T_mult, int) and T_mult >= 1, "T_mult", "an integer of at least 1", T_mult)
        self._need(eta_min >= 0, "eta_min", "at least 0", eta_min)
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        wave = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * wave for lr in self.base_lrs]

    def step(self, epoch=None):
        """Sets the rate of the next epoch, or of `epoch`, which may have a fraction: epoch + batch / batches.

        Errors: ValueError for a negative epoch.
        """
        self._warn_of_order(stacklevel=3)
        self._step_count += 1
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._need(epoch >= 0, "epoch", "at least 0", epoch)
            self.last_epoch = math.floor(epoch)
            self.T_cur, self.T_i = epoch, self.T_0
            if self.T_mult == 1:
                self.T_cur %= self.T_0
            while self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur - self.T_i, self.T_i * self.T_mult
        self._set(self._asked(self.get_lr))

    def _first_lr(self):
        self.T_cur, self.T_i = 0, self.T_0
        return list(self.base_lrs)


class Momenta:
    """For schedulers that turn the momentum (Adam's first beta) against the rate."""

    def _take_momenta(self, optimizer, base_momentum, max_momentum, fresh):
        name = type(self).__name__
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"{name}: cycle_momentum=True needs a rule with momentum or betas, not "
                f"{type(optimizer).__name__}; pass cycle_momentum=False"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        self.base_momentums = per_group(name, "base_momentum", optimizer, base_momentum)
        self.max_momentums = per_group(name, "max_momentum", optimizer, max_momentum)
        rows = zip(optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
        for group, low, high in rows if fresh else ():
            self._set_momentum(group, high)
            group["max_momentum"], group["base_momentum"] = high, low

    def _set_momentum(self, group, momentum):
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(LRScheduler, Momenta):
    """A triangle between base_lr and max_lr, again and again. Unit: step.

    lr = base_lr + (max_lr - base_lr) height scale

    height rises from 0 to 1 within step_size_up steps and falls within step_size_down (as many, if None). scale is 1
    for mode="triangular", 1 / 2^(cycle - 1) for "triangular2", gamma^step for "exp_range", or scale_fn of the cycle
    1, 2, ... (scale_mode="cycle") or of the step ("iterations"). The momentum, with cycle_momentum, turns the other way
    between max_momentum and base_momentum. Source: Smith (2017).
    Errors: ValueError for an unknown mode or scale_mode, a step size not above 0, and a rule without momentum.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.CyclicLR(opt, 0.0, 1.0, step_size_up=2, cycle_momentum=False)
    >>> rates = [opt.lr]
    >>> for _ in range(4):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    unit = "step"
    _functions = ("_custom_scale",)

    def __init__(
        self,
        optimizer,
        base_lr,
        max_lr,
        step_size_up=2000,
        step_size_down=None,
        mode="triangular",
        gamma=1.0,
        scale_fn=None,
        scale_mode="cycle",
        cycle_momentum=True,
        base_momentum=0.8,
        max_momentum=0.9,
        last_epoch=-1,
    ):
        down = step_size_up if step_size_down is None else step_size_down
        modes = ("triangular", "triangular2", "exp_range")
        self._need(mode in modes or scale_fn is not None, "mode", f"one of {', '.join(modes)}", mode)
        self._need(scale_mode in ("cycle", "iterations"), "scale_mode", '"cycle" or "iterations"', scale_mode)
        self._need(step_size_up > 0, "step_size_up", "above 0", step_size_up)
        self._need(down > 0, "step_size_down", "above 0", down)
        name = type(self).__name__
        refuse_unfit(name, optimizer)
        base_lrs = per_group(name, "base_lr", optimizer, base_lr)
        self.max_lrs = per_group(name, "max_lr", optimizer, max_lr)
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode, self.gamma, self._custom_scale = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._take_momenta(optimizer, base_momentum, max_momentum, last_epoch == -1)
        for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
            if last_epoch == -1:
                group["lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs  # not a group's initial_lr, which another scheduler may have set

    def scale_fn(self, x):
        """The height of a cycle, as a part of max_lr - base_lr."""
        if self._custom_scale is not None:
            return self._custom_scale(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 1.0 if self.mode == "triangular" else 1 / 2.0 ** (x - 1)

    def get_lr(self):
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            rows = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in rows:
                self._set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]


class OneCycleLR(LRScheduler, Momenta):
    """Up from max_lr / div_factor to max_lr, then down to 1 / final_div_factor of where it began. Unit: step.

    The rise takes pct_start of all steps. With three_phase the rate first falls, as long as it rose, to where it
    began. Both ways are half a cosine, or lines: anneal_strategy="linear". The momentum, with cycle_momentum, goes from
    max_momentum down to base_momentum and back. All steps are total_steps, or epochs * steps_per_epoch.
    Source: Smith and Topin (2018).
    Errors: ValueError for numbers out of range, an unknown anneal_strategy, neither total_steps nor both others, a rule
    without momentum, and, from step(), for more calls than there are steps.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> options = {"total_steps": 5, "pct_start": 0.6, "anneal_strategy": "linear", "cycle_momentum": False}
    >>> scheduler = fg.optim.lr_scheduler.OneCycleLR(opt, 1.0, div_factor=2.0, final_div_factor=1.0, **options)
    >>> rates = [opt.lr]
    >>> for _ in range(4):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [0.5, 0.75, 1.0, 0.75, 0.5]
    """

    unit = "step"

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps=None,
        epochs=None,
        steps_per_epoch=None,
        pct_start=0.3,
        anneal_strategy="cos",
        cycle_momentum=True,
        base_momentum=0.85,
        max_momentum=0.95,
        div_factor=25.0,
        final_div_factor=1e4,
        three_phase=False,
        last_epoch=-1,
    ):
        self.total_steps = self._count(total_steps, epochs, steps_per_epoch)
        self._need(0 <= pct_start <= 1, "pct_start", "in [0, 1]", pct_start)
        self._need(anneal_strategy in ("cos", "linear"), "anneal_strategy", '"cos" or "linear"', anneal_strategy)
        self._need(div_factor > 0, "div_factor", "above 0", div_factor)
        self._need(final_div_factor > 0, "final_div_factor", "above 0", final_div_factor)
        refuse_unfit(type(self).__name__, optimizer)
        top, end = pct_start * self.total_steps - 1.0, self.total_steps - 1.0
        up, down = ("initial_lr", "max_lr", 0), ("max_lr", "min_lr", 1)  # momentum: 0 falls, 1 rises, 2 rests
        if three_phase:
            back = 2 * pct_start * self.total_steps - 2.0
            self._phases = [(top, *up), (back, "max_lr", "initial_lr", 1), (end, "initial_lr", "min_lr", 2)]
        else:
            self._phases = [(top, *up), (end, *down)]
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        highest = per_group(type(self).__name__, "max_lr", optimizer, max_lr)
        if cycle_momentum:
            self._take_momenta(optimizer, base_momentum, max_momentum, last_epoch == -1)
        for group, lr in zip(optimizer.param_groups, highest, strict=True):
            if last_epoch == -1:
                group["initial_lr"], group["max_lr"] = lr / div_factor, lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def _count(self, total_steps, epochs, steps_per_epoch):
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
        counts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
        for name, n in counts.items() if total_steps is None else [("total_steps", total_steps)]:
            self._need(isinstance(n, int) and n > 0, name, "an integer above 0", n)
        return epochs * steps_per_epoch if total_steps is None else total_steps

    def get_lr(self):
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: step() number {t} of total_steps={self.total_steps}")
        ends = [phase[0] for phase in self._phases]
        k = min(bisect_left(ends, t), len(ends) - 1)
        end, first, last, way = self._phases[k]
        begin = ends[k - 1] if k else 0.0
        part = (t - begin) / (end - begin) if end != begin else 1.0  # a phase of no length is over
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            turns = [group["max_momentum"], group["base_momentum"], group["max_momentum"], group["max_momentum"]]
            self._set_momentum(group, self._between(turns[way], turns[way + 1], part))
        return [self._between(group[first], group[last], part) for group in self.optimizer.param_groups]

    def _between(self, start, end, part):
        if self.anneal_strategy == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)
