"""Modules: layers with parameters, and containers of them."""

from ..later import attributes
from . import functional, init
from .activation import LogSoftmax, ReLU, Sigmoid, Softmax, Softmin, Tanh
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
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
from .module import Module, Parameter
from .shape import Flatten, Identity, Unflatten

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CrossEntropyLoss",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "HuberLoss",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "L1Loss",
    "LayerNorm",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softmin",
    "Tanh",
    "Unflatten",
    "functional",
    "init",
]

__getattr__, __dir__ = attributes(
    __name__,
    {
        "monitor": (),
        "norm": (
            "BatchNorm1d",
            "BatchNorm2d",
            "GroupNorm",
            "InstanceNorm1d",
            "InstanceNorm2d",
            "LayerNorm",
            "RMSNorm",
        ),
        "summaries": ("summary",),
        "utils": (),
    },
)
