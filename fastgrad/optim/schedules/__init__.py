"""Schedules: the learning rate as a function of time, to be given to an optimizer as ``Adam(params, lr=schedule)``.

``schedule(t)`` is the rate at time t = 0, 1, 2, ... `unit` says what t counts: steps of the optimizer (t = 0 is the
first), or epochs. An optimizer counts steps; ``schedule.per_step(n)`` makes steps of a schedule of epochs, n to each.

Keras's classes have its names, arguments and formulas (Keras 3), and count steps as it does. What is to be told when
an epoch is over, as in PyTorch, is in `fastgrad.optim.lr_scheduler`.

>>> import fastgrad as fg
>>> w = fg.tensor([1.0], requires_grad=True)
>>> opt = fg.optim.SGD([w], lr=fg.optim.schedules.Multiply(0.1, 0.5).per_step(2))
>>> for _ in range(5):
...     print(opt.lr)
...     (w * w).sum().backward()
...     opt.step()
0.1
0.1
0.05
0.05
0.025
"""

from .base import Schedule
from .decays import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from .plain import Constant, Joined, Multiply, OneCycle, PowerOfTen, StepDecay, Warmup

__all__ = [
    "Constant",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "Joined",
    "Multiply",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "PowerOfTen",
    "Schedule",
    "StepDecay",
    "Warmup",
]
