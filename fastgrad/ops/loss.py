"""Losses. A loss never broadcasts: (N, 1) against (N,) would quietly compare every pair."""

import math
from functools import partial

import numpy as np

from .. import kernels
from ..tape import Value
from .activation import sigmoid
from .axes import floats, raw
from .base import Op, apply, cast, promoted
from .elementwise import abs, add, div, log, mul, neg, sub, where
from .limits import clip
from .reduce import mean, sum
from .scatter import Gather
from .shape import reshape
from .softmax import Softmax, SoftmaxBackward

REDUCTIONS = ("mean", "sum", "none")

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]


class CrossEntropy(Op):
    """out_n = -log softmax(x_n)[t_n];   dx = dout_n (softmax(x_n) - onehot(t_n))."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, target):
        try:
            out, ctx.info = kernels.cross_entropy(x, target)
        except IndexError as error:
            row = int(((target < 0) | (target >= x.shape[1])).argmax())
            raise IndexError(f"{error}; it is {target[row]}, and C is {x.shape[1]}") from None
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


class BCE(Op):
    """out = -t ln p - (1 - t) ln(1 - p), logarithms not below -100;   dp = dout (p - t) / (p (1 - p)), not above 1e12.

    dt = dout (ln(1 - p) - ln p). The bounds are PyTorch's: at p = 0 and p = 1 a loss stays finite.
    """

    saves = (0, 1)

    @staticmethod
    def forward(ctx, p, t):
        kernels.host(refuse_improbable, p)
        hit = kernels.maximum(kernels.log(p), -100.0)
        miss = kernels.maximum(kernels.log1p(kernels.neg(p)), -100.0)
        return kernels.sub(kernels.mul(kernels.sub(t, 1.0), miss), kernels.mul(t, hit))

    @staticmethod
    def backward(ctx, dout):
        p, t = ctx.saved
        rest = sub(1.0, p)
        dp = div(mul(dout, sub(p, t)), clip(mul(p, rest), 1e-12)) if ctx.inputs[0] is not None else None
        if ctx.inputs[1] is None:
            return dp
        return dp, mul(dout, sub(clip(log(rest), -100.0), clip(log(p), -100.0)))


def refuse_improbable(p):
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input must hold probabilities, from 0 to 1, not {p.min()} to {p.max()}; "
            f"use sigmoid(input), or binary_cross_entropy_with_logits, which is also exact where p rounds to 1"
        )


class BCEWithLogits(Op):
    """out = max(x, 0) - x t + ln(1 + e^-|x|), the BCE of p = sigmoid(x);   dx = dout (p - t),   dt = -dout x."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, t):
        tail = kernels.log1p(kernels.exp(kernels.neg(kernels.abs(x))))
        return kernels.add(kernels.sub(kernels.relu(x), kernels.mul(x, t)), tail)

    @staticmethod
    def backward(ctx, dout):
        x, t = ctx.saved
        dx = mul(dout, sub(sigmoid(x), t)) if ctx.inputs[0] is not None else None
        return dx, neg(mul(dout, x)) if ctx.inputs[1] is not None else None


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
        raise TypeError(
            f"cross_entropy: target must hold integer labels, not {labels.dtype}; "
            f"{remedy(labels.shape == tuple(input.shape))}"
        )
    if input.ndim == 1 and labels.ndim == 0:
        return reduced(reshape(cross_entropy(reshape(input, 1, -1), labels.reshape(1), "none"), ()), reduction)
    if input.ndim != 2 or labels.shape != input.shape[:1]:
        raise ValueError(
            f"cross_entropy: input {tuple(input.shape)} must be logits (N, C) and target {labels.shape} labels (N,); "
            f"no shape is broadcast; {misshapen(tuple(input.shape), labels)}"
        )
    if input.shape[0] and not input.shape[1]:
        raise ValueError(f"cross_entropy: input {tuple(input.shape)} has no classes")
    if labels.dtype != np.int64:
        kernels.refuse_capture(f"{labels.dtype} labels", "convert them to int64 before the step")
        labels = labels.astype(np.int64)
    return reduced(apply(CrossEntropy, input, labels), reduction)


def remedy(one_hot):
    return "of one-hot rows the labels are target.argmax(1)" if one_hot else "convert them, target.long()"


def misshapen(shape, labels):
    """What to do about labels of the wrong shape."""
    if labels.shape == shape:
        return remedy(one_hot=True)
    if len(shape) == 2 and labels.shape == (shape[0], 1):
        return "use target.reshape(-1)"
    return "give a label for each row"


def alike_in_shape(name, input, target):
    """Two tensors of one shape, in one dtype."""
    for what, x in (("input", input), ("target", target)):
        if not hasattr(x, "shape"):
            raise TypeError(f"{name}: {what} is a {type(x).__name__}, not a tensor; make it one, fastgrad.tensor(...)")
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: input {tuple(input.shape)} and target {tuple(target.shape)} differ; a loss does not broadcast. "
            f"Reshape one of them, for example target.reshape({', '.join(map(str, input.shape))})"
        )
    return (input, target) if input.dtype == target.dtype else promoted(BCE, input, target)


def mse_loss(input, target, reduction="mean"):
    """(input - target)^2, averaged (`"sum"` adds up, `"none"` leaves it). Both of one shape: a loss does not broadcast.

    >>> import fastgrad as fg
    >>> fg.nn.functional.mse_loss(fg.tensor([1.0, 2.0]), fg.tensor([0.0, 4.0]))
    tensor(2.5)
    """
    input, target = alike_in_shape("mse_loss", input, target)
    error = sub(input, target)
    return reduced(mul(error, error), reduction)


def l1_loss(input, target, reduction="mean"):
    """|input - target|, averaged; the gradient is 0 where they are equal.

    >>> import fastgrad as fg
    >>> fg.l1_loss(fg.tensor([1.0, 2.0]), fg.tensor([0.0, 4.0]))
    tensor(1.5)
    """
    return reduced(abs(sub(*alike_in_shape("l1_loss", input, target))), reduction)


def huber_loss(input, target, reduction="mean", delta=1.0):
    """e^2 / 2 where |e| <= delta, else delta (|e| - delta/2), e = input - target; averaged.

    Written c (e - c/2), c being e clipped to +-delta: it is also the gradient. Huber, "Robust estimation of a location
    parameter", 1964.

    >>> import fastgrad as fg
    >>> fg.huber_loss(fg.tensor([0.5, 3.0]), fg.tensor([0.0, 0.0]), reduction="none")
    tensor([0.125, 2.5  ])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, not {delta}; l1_loss has no bound")
    error = sub(*alike_in_shape("huber_loss", input, target))
    bounded = clip(error, -delta, delta)
    return reduced(mul(bounded, sub(error, mul(bounded, 0.5))), reduction)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """`huber_loss` with delta = beta, divided by beta: |e| with a round bottom. beta = 0 is `l1_loss`.

    >>> import fastgrad as fg
    >>> fg.smooth_l1_loss(fg.tensor([0.5, 3.0]), fg.tensor([0.0, 0.0]), reduction="none", beta=2.0)
    tensor([0.0625, 2.    ])
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be below 0, it is {beta}")
    input, target = alike_in_shape("smooth_l1_loss", input, target)
    if beta == 0:
        return l1_loss(input, target, reduction)
    return reduced(div(huber_loss(input, target, "none", beta), float(beta)), reduction)


def nll_loss(input, target, weight=None, *, ignore_index=-100, reduction="mean"):
    """-input[target]: log-probabilities (N, C) and integer labels (N,) in 0..C-1; also (C,) and (), and (N, C, ...)
    and (N, ...).

    weight (C,): a factor for each class, by whose sum the mean is divided; labels equal to `ignore_index` count for
    nothing. If all do, the mean is NaN and its gradient 0. `cross_entropy` of logits is `nll_loss` of `log_softmax`.
    Errors: ValueError for shapes that do not fit, TypeError for labels that are not integers, IndexError for one that
    is no class.

    >>> import fastgrad as fg
    >>> fg.nll_loss(fg.tensor([[-1.0, -2.0], [-3.0, -4.0]]), fg.tensor([0, 1]))
    tensor(2.5)
    """
    labels = raw(target)
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"nll_loss: target must hold integer labels, not {labels.dtype}; "
            f"{remedy(labels.shape == tuple(input.shape))}"
        )
    axis = min(input.ndim - 1, 1)
    if not input.ndim or labels.shape != (*input.shape[:axis], *input.shape[axis + 1 :]):
        raise ValueError(
            f"nll_loss: input {tuple(input.shape)} must be log-probabilities (N, C) and target {labels.shape} labels "
            f"(N,); no shape is broadcast; {misshapen(tuple(input.shape), labels)}"
        )
    classes = input.shape[axis]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ValueError(f"nll_loss: weight {tuple(weight.shape)} must be ({classes},), a factor for each class")
    given = np.ones(classes, input.dtype) if weight is None else cast(raw(weight), input.dtype)
    index, factor = kernels.host(partial(classes_of, axis=axis, ignore=ignore_index), labels, given)
    losses = reshape(apply(Gather, floats(input, "nll_loss"), index, axis), labels.shape)
    losses = mul(losses, kernels.neg(factor))
    if reduction != "mean":
        return reduced(losses, reduction)
    total = sum(factor)
    nothing = kernels.eq(total, 0.0)  # NaN, and yet a gradient of 0
    return where(nothing, math.nan, div(sum(losses), kernels.where(nothing, 1.0, total)))


def classes_of(labels, weight, axis, ignore):
    """Where to pick, with an axis of length 1 for the classes, and the factor of each label, 0 for an ignored one."""
    ignored = labels == ignore
    index = np.where(ignored, 0, labels).astype(np.int64)
    wrong = (index < 0) | (index >= weight.size)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(
            f"nll_loss: the label {int(labels[at])} at position {at} is not a class: labels run from 0 to "
            f"{weight.size - 1}, or are {ignore} to be ignored"
        )
    factor = (
        np.where(ignored, 0, weight[index]).astype(weight.dtype) if weight.size else np.zeros(index.shape, weight.dtype)
    )
    return np.expand_dims(index, axis), factor


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-t ln p - (1 - t) ln(1 - p) of probabilities p = input and targets t, both of one shape; averaged.

    weight: factors that broadcast to input's shape. Logarithms are not below -100, as in PyTorch. From logits use
    `binary_cross_entropy_with_logits`. Errors: ValueError for shapes that differ and for input outside [0, 1].

    >>> import fastgrad as fg
    >>> fg.binary_cross_entropy(fg.tensor([0.5, 1.0]), fg.tensor([1.0, 1.0]), reduction="sum")
    tensor(0.6931)
    """
    losses = apply(BCE, *alike_in_shape("binary_cross_entropy", input, target))
    return reduced(weighted("binary_cross_entropy", losses, weight), reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """`binary_cross_entropy` of sigmoid(input), exact for large inputs; averaged.

    weight: factors that broadcast to input's shape; pos_weight: factors of the term with t, which broadcast too.

    >>> import fastgrad as fg
    >>> fg.binary_cross_entropy_with_logits(fg.tensor([0.0, 1000.0]), fg.tensor([1.0, 0.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    name = "binary_cross_entropy_with_logits"
    input, target = alike_in_shape(name, input, target)
    losses = apply(BCEWithLogits, input, target)
    if pos_weight is not None:  # the term of t is t ln(1 + e^-x), the loss of x for the target 1
        ones = kernels.empty(input.shape, input.dtype)
        kernels.fill(ones, 1.0)
        more = weighted(name, mul(target, apply(BCEWithLogits, input, ones)), sub(pos_weight, 1.0))
        losses = add(losses, more)
    return reduced(weighted(name, losses, weight), reduction)


def weighted(name, losses, weight):
    if weight is None:
        return losses
    out = mul(losses, weight)
    if out.shape != losses.shape:
        raise ValueError(
            f"{name}: weights {tuple(weight.shape)} do not broadcast to input's shape {tuple(losses.shape)}"
        )
    return out
