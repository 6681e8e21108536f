"""Losses. A loss never broadcasts: (N, 1) against (N,) would quietly compare every pair."""

import numpy as np

from .. import kernels
from ..tape import Value
from .base import Op, apply
from .elementwise import mul, sub
from .reduce import mean, sum
from .shape import reshape
from .softmax import Softmax, SoftmaxBackward

REDUCTIONS = ("mean", "sum", "none")

__all__ = ["cross_entropy", "mse_loss"]


class CrossEntropy(Op):
    """out_n = -log softmax(x_n)[t_n];   dx = dout_n (softmax(x_n) - onehot(t_n))."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, target):
        out, ctx.info = kernels.cross_entropy(x, target)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, target = ctx.saved
        return apply(CrossEntropyBackward, dout, x, ctx.info, target)


class CrossEntropyBackward(Op):
    """out = dout_n (p_n - onehot_n), p = softmax(x);   ddout = sum(ddx (p - onehot)),   dx = dp of ddx dout."""

    saves = (0, 1, 3)

    @staticmethod
    def forward(ctx, dout, x, logp, target):
        ctx.info = logp
        return kernels.cross_entropy_backward(dout, logp, target)

    @staticmethod
    def backward(ctx, ddx):
        dout, x, target = ctx.saved
        ones = np.ones(dout.shape, dtype=dout.dtype)
        error = apply(CrossEntropyBackward, ones, x, ctx.info, target)
        weighted = mul(ddx, reshape(dout, -1, 1))
        return sum(mul(ddx, error), 1), apply(SoftmaxBackward, weighted, apply(Softmax, x))


def reduced(losses, reduction):
    if reduction == "mean":
        return mean(losses)
    if reduction == "sum":
        return sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"reduction must be one of {REDUCTIONS}, not {reduction!r}")


def cross_entropy(input, target, reduction="mean"):
    """-log softmax(input)[target]: logits (N, C) and integer labels (N,) in 0..C-1, or one row (C,) and one label."""
    labels = target.data if isinstance(target, Value) else np.asarray(target)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: target must hold integer labels, not {labels.dtype}")
    if input.ndim == 1 and labels.ndim == 0:
        return reduced(reshape(cross_entropy(reshape(input, 1, -1), labels.reshape(1), "none"), ()), reduction)
    if input.ndim != 2 or labels.shape != input.shape[:1]:
        raise ValueError(
            f"cross_entropy: input {tuple(input.shape)} must be logits (N, C) and target {labels.shape} labels (N,); "
            f"no shape is broadcast"
        )
    if input.shape[0] and not input.shape[1]:
        raise ValueError(f"cross_entropy: input {tuple(input.shape)} has no classes")
    if labels.dtype != np.int64:
        kernels.refuse_capture(f"{labels.dtype} labels", "convert them to int64 before the step")
        labels = labels.astype(np.int64)
    return reduced(apply(CrossEntropy, input, labels), reduction)


def mse_loss(input, target, reduction="mean"):
    """(input - target)^2, averaged."""
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"mse_loss: input {tuple(input.shape)} and target {tuple(target.shape)} differ; a loss does not broadcast. "
            f"Reshape one of them, for example target.reshape({', '.join(map(str, input.shape))})"
        )
    error = sub(input, target)
    return reduced(mul(error, error), reduction)
