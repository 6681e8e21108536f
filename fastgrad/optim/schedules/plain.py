"""The schedules of lectures: constant, a factor an epoch, powers of ten, steps, warm-up, one cycle; and joined ones."""

from bisect import bisect_right
from dataclasses import KW_ONLY, dataclass
from typing import Any

from .base import Schedule, between, rising

__all__ = ["Constant", "Joined", "Multiply", "OneCycle", "PowerOfTen", "StepDecay", "Warmup"]


@dataclass
class Constant(Schedule):
    """lr at all times. Unit: step, or as said. Errors: ValueError for a negative lr.

    >>> Constant(0.1)(1000)
    0.1
    """

    lr: float
    _: KW_ONLY
    unit: str = "step"

    def __post_init__(self):
        self.check_unit()
        self.need(self.lr >= 0, "lr", "at least 0")

    def rate(self, t):
        return self.lr


@dataclass
class Multiply(Schedule):
    """lr factor^t: 0.98 an epoch leaves 0.13 of the rate after 100 epochs. Unit: epoch, or as said.

    Errors: ValueError for a negative lr, and for a factor not above 0.

    >>> Multiply(0.1)(1)
    0.098
    """

    lr: float
    factor: float = 0.98
    _: KW_ONLY
    unit: str = "epoch"

    def __post_init__(self):
        self.check_unit()
        self.need(self.lr >= 0, "lr", "at least 0")
        self.need(self.factor > 0, "factor", "above 0")

    def rate(self, t):
        return self.lr * self.factor**t


@dataclass
class PowerOfTen(Schedule):
    """lr 10^(-t / n): a tenth of it after every n. Unit: step, or as said.

    Source: Senior, Heigold, Ranzato and Yang (2013), exponential scheduling.
    Errors: ValueError for a negative lr, and for n not above 0.

    >>> PowerOfTen(1.0, n=20, unit="epoch")(40)
    0.01
    """

    lr: float
    n: float
    _: KW_ONLY
    unit: str = "step"

    def __post_init__(self):
        self.check_unit()
        self.need(self.lr >= 0, "lr", "at least 0")
        self.need(self.n > 0, "n", "above 0")

    def rate(self, t):
        return self.lr * 10 ** (-t / self.n)


@dataclass
class StepDecay(Schedule):
    """lr factor^floor(t / every): halved every 10 epochs, say. Unit: epoch, or as said.

    Errors: ValueError for a negative lr, and for a factor or `every` not above 0.

    >>> schedule = StepDecay(1.0, factor=0.5, every=10)
    >>> [schedule(t) for t in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """

    lr: float
    factor: float = 0.5
    every: float = 10
    _: KW_ONLY
    unit: str = "epoch"

    def __post_init__(self):
        self.check_unit()
        self.need(self.lr >= 0, "lr", "at least 0")
        self.need(self.factor > 0, "factor", "above 0")
        self.need(self.every > 0, "every", "above 0")

    def rate(self, t):
        return self.lr * self.factor ** (t // self.every)


@dataclass
class Warmup(Schedule):
    """On a line from `start` to lr while t < steps; then lr, a number or a schedule, whose own time begins there.

    lr = start + (lr(0) - start) t / steps,   later lr(t - steps)

    The first step is made with `start`: with 0 it changes nothing, as in Keras's warm-up. Unit: that of lr; step for a
    number. Source: Goyal et al. (2017).
    Errors: ValueError for a negative lr or start, and for steps below 1.

    >>> schedule = Warmup(0.1, steps=2)
    >>> [schedule(t) for t in (0, 1, 2, 3)]
    [0.0, 0.05, 0.1, 0.1]
    """

    lr: Any
    steps: int
    start: float = 0.0

    def __post_init__(self):
        self.need(isinstance(self.lr, Schedule) or self.lr >= 0, "lr", "a schedule, or a number of at least 0")
        self.need(self.steps >= 1, "steps", "at least 1")
        self.need(self.start >= 0, "start", "at least 0")
        self.after = self.lr if isinstance(self.lr, Schedule) else Constant(self.lr)
        self.unit = self.after.unit

    def rate(self, t):
        if t >= self.steps:
            return self.after(t - self.steps)
        return self.start + (self.after(0) - self.start) * t / self.steps


@dataclass
class OneCycle(Schedule):
    """Up from max_lr / div_factor to max_lr, then down to 1 / final_div_factor of where it began. Unit: step.

    The rise ends at t = pct_start steps - 1, the fall at steps - 1, where the rate stays; both are half a cosine, or
    lines: anneal_strategy="linear". The rates are those of PyTorch's OneCycleLR (`lr_scheduler.OneCycleLR`, which turns
    the momentum as well). Source: Smith and Topin (2018).
    Errors: ValueError for fewer than 2 steps, pct_start outside [0, 1], or a factor not above 0.

    >>> schedule = OneCycle(1.0, steps=11, pct_start=0.5, anneal_strategy="linear")
    >>> [round(schedule(t), 4) for t in (0, 4, 5, 10, 11)]
    [0.04, 0.8933, 0.9091, 0.0, 0.0]
    """

    max_lr: float
    steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal_strategy: str = "cos"

    def __post_init__(self):
        self.need(self.max_lr >= 0, "max_lr", "at least 0")
        self.need(self.steps >= 2, "steps", "at least 2")
        self.need(0 <= self.pct_start <= 1, "pct_start", "in [0, 1]")
        self.need(self.div_factor > 0, "div_factor", "above 0")
        self.need(self.final_div_factor > 0, "final_div_factor", "above 0")
        self.need(self.anneal_strategy in ("cos", "linear"), "anneal_strategy", '"cos" or "linear"')

    def rate(self, t):
        low, top, end = self.max_lr / self.div_factor, self.pct_start * self.steps - 1, self.steps - 1
        t = min(t, end)
        if t <= top:
            return between(low, self.max_lr, t / top if top else 1.0, self.anneal_strategy)
        return between(self.max_lr, low / self.final_div_factor, (t - top) / (end - top), self.anneal_strategy)


@dataclass
class Joined(Schedule):
    """Schedules one after another: the next begins at each milestone, with a time of its own that begins at 0.

    Unit: that of the schedules, which is one.
    Errors: ValueError where schedules are not one more than milestones, where milestones do not rise from above 0, and
    for schedules of two units.

    >>> schedule = Joined([Constant(0.1), Multiply(0.1, 0.5, unit="step")], milestones=[3])
    >>> [schedule(t) for t in range(6)]
    [0.1, 0.1, 0.1, 0.1, 0.05, 0.025]
    """

    schedules: list
    milestones: list

    def __post_init__(self):
        if len(self.schedules) != len(self.milestones) + 1:
            raise ValueError(
                f"Joined: schedules must be one more than milestones, not {len(self.schedules)} for "
                f"{len(self.milestones)}"
            )
        self.need(rising([0, *self.milestones]), "milestones", "increasing, from above 0")
        units = [s.unit for s in self.schedules]
        if len(set(units)) > 1:
            raise ValueError(f"Joined: schedules must have one unit, not {units}; per_step makes steps of epochs")
        self.unit = units[0]

    def rate(self, t):
        k = bisect_right(self.milestones, t)
        return self.schedules[k](t - (self.milestones[k - 1] if k else 0))
