"""The layers as functions, under PyTorch's names."""

from .. import ops
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
    gelu,
    group_norm,
    hardshrink,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    instance_norm,
    kl_div,
    l1_loss,
    layer_norm,
    linear,
    log_softmax,
    logsigmoid,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    one_hot,
    pad,
    prelu,
    rms_norm,
    sigmoid,
    smooth_l1_loss,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
)

__all__ = [
    "alpha_dropout",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "gelu",
    "group_norm",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "instance_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]


def chosen(function, input, inplace, *numbers):
    """function(input, ...), written over input if `inplace`, which no leaf allows."""
    return ops.rewrite(f"{function.__name__}_", function, input, *numbers) if inplace else function(input, *numbers)


def relu(input, inplace=False):
    """max(x, 0); inplace: written over x.

    >>> import fastgrad as fg
    >>> fg.nn.functional.relu(fg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else ops.relu(input)


def relu_(input):
    """`relu`, written over x."""
    return input.relu_()


def celu(input, alpha=1.0, inplace=False):
    """max(x, 0) + min(0, alpha (e^(x / alpha) - 1)); inplace: written over x. See `fastgrad.ops.celu`."""
    return chosen(ops.celu, input, inplace, alpha)


def celu_(input, alpha=1.0):
    """`celu`, written over x."""
    return chosen(ops.celu, input, True, alpha)


def elu(input, alpha=1.0, inplace=False):
    """x where x > 0, else alpha (e^x - 1); inplace: written over x. See `fastgrad.ops.elu`."""
    return chosen(ops.elu, input, inplace, alpha)


def elu_(input, alpha=1.0):
    """`elu`, written over x."""
    return chosen(ops.elu, input, True, alpha)


def hardsigmoid(input, inplace=False):
    """min(max(x + 3, 0), 6) / 6; inplace: written over x. See `fastgrad.ops.hardsigmoid`."""
    return chosen(ops.hardsigmoid, input, inplace)


def hardswish(input, inplace=False):
    """x hardsigmoid(x); inplace: written over x. See `fastgrad.ops.hardswish`."""
    return chosen(ops.hardswish, input, inplace)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """min(max(x, min_val), max_val), slope 0 at both bounds; inplace: written over x. See `fastgrad.ops.hardtanh`."""
    return chosen(ops.hardtanh, input, inplace, min_val, max_val)


def hardtanh_(input, min_val=-1.0, max_val=1.0):
    """`hardtanh`, written over x."""
    return chosen(ops.hardtanh, input, True, min_val, max_val)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope x; inplace: written over x. See `fastgrad.ops.leaky_relu`."""
    return chosen(ops.leaky_relu, input, inplace, negative_slope)


def leaky_relu_(input, negative_slope=0.01):
    """`leaky_relu`, written over x."""
    return chosen(ops.leaky_relu, input, True, negative_slope)


def mish(input, inplace=False):
    """x tanh(softplus(x)); inplace: written over x. See `fastgrad.ops.mish`."""
    return chosen(ops.mish, input, inplace)


def relu6(input, inplace=False):
    """min(max(x, 0), 6); inplace: written over x. See `fastgrad.ops.relu6`."""
    return chosen(ops.relu6, input, inplace)


def selu(input, inplace=False):
    """lambda x where x > 0, else lambda alpha (e^x - 1); inplace: written over x. See `fastgrad.ops.selu`."""
    return chosen(ops.selu, input, inplace)


def selu_(input):
    """`selu`, written over x."""
    return chosen(ops.selu, input, True)


def silu(input, inplace=False):
    """x sigmoid(x); inplace: written over x. See `fastgrad.ops.silu`."""
    return chosen(ops.silu, input, inplace)


def threshold(input, threshold, value, inplace=False):
    """x where x > threshold, else value; inplace: written over x. See `fastgrad.ops.threshold`."""
    return chosen(ops.threshold, input, inplace, threshold, value)


def threshold_(input, threshold, value):
    """`threshold`, written over x."""
    return chosen(ops.threshold, input, True, threshold, value)


__getattr__, __dir__ = attributes(__name__)
