"""Modules: layers with parameters, and containers of them."""

from ..later import attributes
from . import functional, init
from .activation import LogSoftmax, ReLU, Sigmoid, Softmax, Softmin, Tanh
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d
from .embedding import Embedding
from .linear import Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    MultiMarginLoss,
    NLLLoss,
    SmoothL1Loss,
)
from .module import Module, Parameter
from .shape import Flatten, Identity, Unflatten

__all__ = [
    "AlphaDropout",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CrossEntropyLoss",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiMarginLoss",
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

LATER: dict = {
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
__all__ += [name for module in ("rectifier", "smooth") for name in LATER[module]]
__getattr__, __dir__ = attributes(__name__, LATER)
