"""The ops: one small class each, with its formula, forward and backward. ``OPS`` holds them all by name."""

from .. import tape
from .activation import relu, sigmoid, tanh
from .base import OPS, Op, apply
from .elementwise import (
    abs,
    add,
    clip,
    copy,
    div,
    equal,
    exp,
    heaviside,
    log,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    sign,
    sqrt,
    sub,
    where,
)
from .loss import cross_entropy, mse_loss
from .matmul import linear, matmul
from .reduce import argmax, broadcast_to, max, mean, sum, sum_to
from .shape import concatenate, getitem, permute, reshape, transpose
from .softmax import log_softmax, softmax

tape.install(add=add, sum_to=sum_to, copy=copy)

__all__ = [
    "OPS",
    "Op",
    "abs",
    "add",
    "apply",
    "argmax",
    "broadcast_to",
    "clip",
    "concatenate",
    "copy",
    "cross_entropy",
    "div",
    "equal",
    "exp",
    "getitem",
    "heaviside",
    "linear",
    "log",
    "log_softmax",
    "matmul",
    "max",
    "maximum",
    "mean",
    "minimum",
    "mse_loss",
    "mul",
    "neg",
    "permute",
    "pow",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "softmax",
    "sqrt",
    "sub",
    "sum",
    "sum_to",
    "tanh",
    "transpose",
    "where",
]
