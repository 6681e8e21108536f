"""PyTorch's schedulers, by its names, argument order, defaults and values: they set an optimizer's rates when told to.

``scheduler.step()`` is called after ``optimizer.step()``: once an epoch, or, for `CyclicLR` and `OneCycleLR`, once a
step; ``scheduler.unit`` says which is meant. Rates stand in the optimizer's groups, so a captured step sees them.
Schedulers of one optimizer may be used side by side: most multiply what they find (`ChainedScheduler`).

A rate that is a function of the step alone needs no calls: `fastgrad.optim.schedules`.

>>> import fastgrad as fg
>>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=0.1)
>>> scheduler = fg.optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
>>> for epoch in range(4):
...     opt.step()
...     scheduler.step()
...     print(opt.lr)
0.1
0.05
0.05
0.025
"""

from .base import LRScheduler
from .composed import ChainedScheduler, SequentialLR
from .cycles import CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from .factors import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
