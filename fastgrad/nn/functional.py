"""The layers as functions, under PyTorch's names."""

from ..later import attributes
from ..ops import (
    alpha_dropout,
    batch_norm,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    embedding,
    group_norm,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    instance_norm,
    kl_div,
    l1_loss,
    layer_norm,
    linear,
    log_softmax,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    one_hot,
    pad,
    rms_norm,
    sigmoid,
    smooth_l1_loss,
    softmax,
    softmin,
    tanh,
)
from ..ops import relu as new_relu

__all__ = [
    "alpha_dropout",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "embedding",
    "group_norm",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "instance_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "linear",
    "log_softmax",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "relu",
    "rms_norm",
    "sigmoid",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "tanh",
]


def relu(input, inplace=False):
    """max(x, 0); inplace: written over x.

    >>> import fastgrad as fg
    >>> fg.nn.functional.relu(fg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else new_relu(input)


__getattr__, __dir__ = attributes(__name__)
