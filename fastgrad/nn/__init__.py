"""Modules: layers with parameters, and containers of them."""

from ..later import attributes
from . import functional, init
from .activation import LogSoftmax, ReLU, Sigmoid, Softmax, Softmin, Tanh
from .embedding import Embedding
from .linear import Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .module import Flatten, Module, Parameter, Sequential

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Embedding",
    "Flatten",
    "HuberLoss",
    "L1Loss",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softmin",
    "Tanh",
    "functional",
    "init",
]

LATER = {
    "rectifier": (
        "LeakyReLU",
        "PReLU",
        "Hardtanh",
        "ReLU6",
        "Hardsigmoid",
        "Hardswish",
        "Softsign",
        "Hardshrink",
        "Softshrink",
        "Threshold",
    ),
    "smooth": ("ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "LogSigmoid", "Tanhshrink"),
}
__all__ += [name for names in LATER.values() for name in names]
__getattr__, __dir__ = attributes(__name__, LATER)
