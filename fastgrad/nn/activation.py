"""Activations as modules: the common ones; the others are in rectifier.py and smooth.py."""

from .. import ops
from .module import Module

__all__ = ["LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Softmin", "Tanh"]


class ReLU(Module):
    """max(x, 0). inplace: written over x, which no leaf allows, and no gradient that needs x."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, x):
        return x.relu_() if self.inplace else ops.relu(x)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + e^-x)."""

    def forward(self, x):
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x):
        return ops.tanh(x)


class Softmax(Module):
    """e^x along `dim`, scaled to sum to 1."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        return ops.softmax(x, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of `Softmax`, without forming it."""

    def forward(self, x):
        return ops.log_softmax(x, self.dim)


class Softmin(Softmax):
    """`Softmax` of -x: the smallest gets the most."""

    def forward(self, x):
        return ops.softmin(x, self.dim)
