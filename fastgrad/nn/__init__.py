"""Modules: layers with parameters, and containers of them."""

from . import functional, init
from .activation import ReLU, Sigmoid, Softmax, Tanh
from .embedding import Embedding
from .linear import Linear
from .loss import CrossEntropyLoss, MSELoss
from .module import Flatten, Module, Parameter, Sequential

__all__ = [
    "CrossEntropyLoss",
    "Embedding",
    "Flatten",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
