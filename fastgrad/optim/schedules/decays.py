"""Keras's schedules, by its names, arguments and formulas (Keras 3). All count steps."""

import math
import warnings
from bisect import bisect_left
from dataclasses import KW_ONLY, dataclass, field

from .base import Schedule, rising

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


@dataclass
class Decay(Schedule):
    """What those of Keras's schedules share that have a number of decay steps."""

    initial_learning_rate: float
    decay_steps: float
    span = "decay_steps"  # the name of that number

    def __post_init__(self):
        self.need(self.initial_learning_rate >= 0, "initial_learning_rate", "at least 0")
        steps, name = getattr(self, self.span), type(self).__name__
        self.need(steps > 0, self.span, "above 0")
        epoch = getattr(self, "steps_per_epoch", None)
        if epoch is not None and steps < epoch:
            warnings.warn(
                f"{name}: {self.span}={steps} is less than one epoch of {epoch} steps; {self.span} counts steps of "
                f"the optimizer, not epochs: for n epochs write {self.span}=n * {epoch}",
                stacklevel=4,
            )

    def passed(self, t):
        """How many times decay_steps have passed; whole times, by a staircase."""
        return math.floor(t / self.decay_steps) if getattr(self, "staircase", False) else t / self.decay_steps


@dataclass
class ExponentialDecay(Decay):
    """lr = initial_learning_rate * decay_rate^(t / decay_steps). Unit: step.

    `staircase`: t / decay_steps is rounded down. `steps_per_epoch`, if given, warns where decay_steps is less, as it is
    where epochs were meant. `name` is Keras's label. Source: Keras 3.
    Errors: ValueError for a negative initial_learning_rate, and for decay_steps or decay_rate not above 0.

    >>> schedule = ExponentialDecay(0.1, decay_steps=2, decay_rate=0.25)
    >>> [schedule(t) for t in (0, 1, 2)]
    [0.1, 0.05, 0.025]
    """

    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"
    _: KW_ONLY
    steps_per_epoch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        self.need(self.decay_rate > 0, "decay_rate", "above 0")

    def rate(self, t):
        return self.initial_learning_rate * self.decay_rate ** self.passed(t)


@dataclass
class InverseTimeDecay(Decay):
    """lr = initial_learning_rate / (1 + decay_rate t / decay_steps). Unit: step.

    `staircase`, `steps_per_epoch` and `name` are those of `ExponentialDecay`. Source: Keras 3.
    Errors: ValueError for a negative initial_learning_rate or decay_rate, and for decay_steps not above 0.

    >>> schedule = InverseTimeDecay(0.5, decay_steps=10, decay_rate=1.0)
    >>> [schedule(t) for t in (0, 10, 40)]
    [0.5, 0.25, 0.1]
    """

    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"
    _: KW_ONLY
    steps_per_epoch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        self.need(self.decay_rate >= 0, "decay_rate", "at least 0")

    def rate(self, t):
        return self.initial_learning_rate / (1 + self.decay_rate * self.passed(t))


@dataclass
class PolynomialDecay(Decay):
    """lr = end + (initial - end) (1 - min(t, decay_steps) / decay_steps)^power. Unit: step.

    `cycle`: decay_steps becomes its first multiple that is not below t (itself at t = 0), so that the rate rises again.
    `steps_per_epoch` and `name` are those of `ExponentialDecay`. Source: Keras 3.
    Errors: ValueError for a negative rate or power, and for decay_steps not above 0.

    >>> schedule = PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0, power=2.0)
    >>> [schedule(t) for t in (0, 5, 10, 20)]
    [1.0, 0.25, 0.0, 0.0]
    """

    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"
    _: KW_ONLY
    steps_per_epoch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        self.need(self.end_learning_rate >= 0, "end_learning_rate", "at least 0")
        self.need(self.power >= 0, "power", "at least 0")

    def rate(self, t):
        steps = self.decay_steps * max(math.ceil(t / self.decay_steps), 1) if self.cycle else self.decay_steps
        drop = self.initial_learning_rate - self.end_learning_rate
        return drop * (1 - min(t, steps) / steps) ** self.power + self.end_learning_rate


@dataclass
class CosineDecay(Decay):
    """lr = initial_learning_rate ((1 - alpha) (1 + cos(pi min(t, decay_steps) / decay_steps)) / 2 + alpha). Unit: step.

    With `warmup_target` the rate first rises, within warmup_steps, on a line from initial_learning_rate to it, and the
    cosine begins there, at that height. `alpha` is the fraction that remains at the end.
    `steps_per_epoch` and `name` are those of `ExponentialDecay`. Source: Loshchilov and Hutter (2017); Keras 3.
    Errors: ValueError for a negative rate, alpha or warmup_steps, and for decay_steps not above 0.

    >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=2)
    >>> [schedule(t) for t in (0, 1, 2, 7, 12)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: int = 0
    _: KW_ONLY
    steps_per_epoch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        self.need(self.alpha >= 0, "alpha", "at least 0")
        self.need(self.warmup_steps >= 0, "warmup_steps", "at least 0")
        self.need(self.warmup_target is None or self.warmup_target >= 0, "warmup_target", "at least 0, or None")

    def rate(self, t):
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if t < self.warmup_steps:
                return top + (self.warmup_target - top) * (t / self.warmup_steps)
            top, t = self.warmup_target, t - self.warmup_steps
        wave = (1 + math.cos(math.pi * min(t, self.decay_steps) / self.decay_steps)) / 2
        return top * ((1 - self.alpha) * wave + self.alpha)


@dataclass
class CosineDecayRestarts(Decay):
    """Cosines one after another: period i = 0, 1, ... is first_decay_steps t_mul^i long. Unit: step.

    lr = initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi x)) / 2 + alpha), x = the part of period i that is over

    `steps_per_epoch` and `name` are those of `ExponentialDecay`. Source: Loshchilov and Hutter (2017); Keras 3, which
    finds i by a logarithm and may miss a restart by rounding; here periods are counted.
    Errors: ValueError for a negative rate, m_mul or alpha, first_decay_steps not above 0, and t_mul below 1.

    >>> schedule = CosineDecayRestarts(1.0, first_decay_steps=2, m_mul=0.5)
    >>> [round(schedule(t), 9) for t in range(7)]
    [1.0, 0.5, 0.5, 0.426776695, 0.25, 0.073223305, 0.25]
    """

    initial_learning_rate: float
    decay_steps: float = field(init=False, repr=False)
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"
    _: KW_ONLY
    steps_per_epoch: int | None = None
    span = "first_decay_steps"

    def __post_init__(self):
        self.decay_steps = self.first_decay_steps
        super().__post_init__()
        self.need(self.t_mul >= 1, "t_mul", "at least 1")
        self.need(self.m_mul >= 0, "m_mul", "at least 0")
        self.need(self.alpha >= 0, "alpha", "at least 0")

    def rate(self, t):
        i, length = 0, self.first_decay_steps
        if self.t_mul == 1:
            i, t = divmod(t, length)
        while t >= length:
            i, t, length = i + 1, t - length, length * self.t_mul
        wave = self.m_mul**i * (1 + math.cos(math.pi * t / length)) / 2
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)


@dataclass
class PiecewiseConstantDecay(Schedule):
    """lr = values[k], k = how many of the boundaries t has passed; a boundary itself belongs to what is before it.

    Unit: step. Source: Keras 3.
    Errors: ValueError where values are not one more than boundaries, where boundaries do not rise, and for a negative
    value.

    >>> schedule = PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.1])
    >>> [schedule(t) for t in range(6)]
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.1]
    """

    boundaries: list
    values: list
    name: str = "PiecewiseConstant"

    def __post_init__(self):
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"PiecewiseConstantDecay: values must be one more than boundaries, not {len(self.values)} for "
                f"{len(self.boundaries)}"
            )
        self.need(rising(self.boundaries), "boundaries", "increasing")
        self.need(all(v >= 0 for v in self.values), "values", "at least 0")

    def rate(self, t):
        return self.values[bisect_left(self.boundaries, t)]
