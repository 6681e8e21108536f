"""The layers as functions, under PyTorch's names."""

from ..ops import (
    cross_entropy,
    embedding,
    linear,
    log_softmax,
    mse_loss,
    one_hot,
    pad,
    relu,
    sigmoid,
    softmax,
    tanh,
)

__all__ = [
    "cross_entropy",
    "embedding",
    "linear",
    "log_softmax",
    "mse_loss",
    "one_hot",
    "pad",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]
