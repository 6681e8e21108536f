"""Losses as modules."""

from .. import ops
from .module import Module

__all__ = ["CrossEntropyLoss", "MSELoss"]


class CrossEntropyLoss(Module):
    """-log softmax(input)[target]; see `fastgrad.nn.functional.cross_entropy`."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, input, target):
        return ops.cross_entropy(input, target, self.reduction)


class MSELoss(Module):
    """(input - target)^2; see `fastgrad.nn.functional.mse_loss`."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, input, target):
        return ops.mse_loss(input, target, self.reduction)
