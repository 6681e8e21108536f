"""Losses. A loss never broadcasts: (N, 1) against (N,) would quietly compare every pair."""

import math
from functools import partial

import numpy as np

from .. import kernels
from ..tape import Value
from .activation import sigmoid
from .axes import floats, raw
from .base import Op, apply, cast, filled, promoted
from .elementwise import abs, add, div, log, mul, neg, sub, where
from .limits import clip
from .reduce import mean, spread, sum, sum_axes
from .scatter import Gather
from .shape import reshape, transpose
from .softmax import Softmax, SoftmaxBackward, log_softmax

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
    """out_n = -log softmax(x_n)[t_n], 0 where t_n is to be ignored;   dx = dout_n (softmax(x_n) - onehot(t_n))."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, target, ignore=-100, used=None):
        try:
            out, logp, *_ = kernels.cross_entropy(x, target, used=used, ignore=ignore)
        except IndexError as error:
            row = int((((target < 0) | (target >= x.shape[1])) & (target != ignore)).argmax())
            raise IndexError(f"{error}; it is {target[row]}, and C is {x.shape[1]}") from None
        ctx.info = logp, ignore
        return out

    @staticmethod
    def backward(ctx, dout):
        x, target = ctx.saved
        logp, ignore = ctx.info
        return apply(CrossEntropyBackward, dout, x, logp, target, ignore)


class CrossEntropyBackward(Op):
    """out = dout_n (p_n - onehot_n), p = softmax(x);   ddout = sum(ddx (p - onehot)),   dx = dp of ddx dout."""

    saves = (0, 1, 3)

    @staticmethod
    def forward(ctx, dout, x, logp, target, ignore=-100):
        ctx.info = logp, ignore
        return kernels.cross_entropy_backward(dout, logp, target, ignore=ignore)

    @staticmethod
    def backward(ctx, ddx):
        dout, x, target = ctx.saved
        logp, ignore = ctx.info
        used = kernels.host(partial(used_of, ignore=ignore, dtype=logp.dtype), target)
        error = apply(CrossEntropyBackward, used, x, logp, target, ignore)
        weighted = mul(ddx, reshape(mul(dout, used), -1, 1))
        return sum(mul(ddx, error), 1), apply(SoftmaxBackward, weighted, apply(Softmax, x))


def used_of(labels, ignore, dtype):
    return (labels != ignore).astype(dtype)


class MeanOfUsed(Op):
    """out = sum_n x_n / sum_n used_n, of x[N];   dx = dout / sum used. Over none it is 0 / 0, which is NaN."""

    @staticmethod
    def forward(ctx, x, used):
        total = sum_axes(used, (0,), ())
        ctx.info = total, x.shape
        return kernels.div(sum_axes(x, (0,), ()), total)

    @staticmethod
    def backward(ctx, dout):
        total, shape = ctx.info
        return spread(div(dout, total), (1,), shape)


class BCE(Op):
    """out = -t ln p - (1 - t) ln(1 - p), logarithms not below -100;   dp = dout (p - t) / (p (1 - p)), not above 1e12.

    dt = dout (ln(1 - p) - ln p). The bounds are PyTorch's: at p = 0 and p = 1 a loss stays finite.
    """

    saves = (0, 1)

    @staticmethod
    def forward(ctx, p, t):
        kernels.host(refuse_improbable, p, t)
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


def refuse_improbable(p, t):
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input must hold probabilities, from 0 to 1, not {p.min()} to {p.max()}; "
            f"use sigmoid(input), or binary_cross_entropy_with_logits, which is also exact where p rounds to 1"
        )
    if t.size and not (t.min() >= 0 and t.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: target must hold probabilities, from 0 to 1, not {t.min()} to {t.max()}; of labels "
            f"-1 and +1 use (target + 1) / 2"
        )


class BCEWithLogits(Op):
    """out = x ([x > 0] - t) + ln(1 + e^-|x|), the BCE of p = sigmoid(x);   dx = dout (p - t),   dt = -dout x.

    At an infinite x it has its limit, 0 where t is sure of the same: max(x, 0) - x t would be inf - inf.
    """

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, t):
        tail = kernels.log1p(kernels.exp(kernels.neg(kernels.abs(x))))
        wrong = kernels.sub(kernels.heaviside(x, 0.0), t)  # from -t to 1 - t
        return kernels.add(kernels.where(kernels.eq(wrong, 0.0), 0.0, kernels.mul(x, wrong)), tail)

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


def cross_entropy(input, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log softmax(input)[target], averaged: logits (N, C), or (C,), or (N, C, ...), and for each row of them one of

    an integer label in 0..C-1, so target is (N,), or (), or (N, ...). Labels equal to `ignore_index` count for nothing,
    even if their row holds NaN, and the mean is over the others; over none of them it is NaN, and its gradient 0.
    a row of probabilities, so target has the shape of input: one-hot rows (integers will do), or soft ones. The loss is
    -sum_c target_c log softmax(input)_c, and the mean is over the rows.

    weight (C,): a factor for each class. The mean over labels is divided by the sum of their factors, that over
    probabilities by the number of rows, as in PyTorch. label_smoothing = s: the target is (1 - s) target + s / C.
    Errors: ValueError for shapes that do not fit (a loss does not broadcast), TypeError for labels that are not
    integers, IndexError for one that is no class.
    Source: Szegedy et al., "Rethinking the Inception architecture" (2016), for the smoothing.

    >>> import fastgrad as fg
    >>> x = fg.tensor([[2.0, 1.0], [0.0, 3.0]])
    >>> fg.cross_entropy(x, fg.tensor([0, 1]))
    tensor(0.1809)
    >>> fg.cross_entropy(x, fg.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor(0.1809)
    >>> fg.cross_entropy(x, fg.tensor([0, 1]), label_smoothing=0.1)
    tensor(0.2809)
    """
    if isinstance(weight, str):
        raise TypeError(f"cross_entropy: the third argument is weight, a factor a class; write reduction={weight!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be from 0 to 1, it is {label_smoothing}")
    labels = target.data if isinstance(target, Value) else np.asarray(target)
    shape, axis = tuple(input.shape), min(input.ndim - 1, 1)
    if not shape or (labels.shape != shape and labels.shape != shape[:axis] + shape[axis + 1 :]):
        if labels.dtype.kind == "f" and labels.ndim < len(shape):
            refuse_float_labels("cross_entropy", labels)
        raise ValueError(
            f"cross_entropy: input {shape} must be logits (N, C) and target {labels.shape} labels (N,); no shape is "
            f"broadcast; {misshapen(shape, labels)}, or a row of probabilities, (N, C)"
        )
    if not shape[axis] and (axis == 0 or shape[0]):
        raise ValueError(f"cross_entropy: input {shape} has no classes")
    check_weight("cross_entropy", weight, shape[axis])
    if labels.shape == shape:
        return of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing, axis)
    if labels.dtype.kind not in "iu":
        refuse_float_labels("cross_entropy", labels)
    if weight is not None or label_smoothing:
        return of_labels(input, labels, weight, ignore_index, reduction, label_smoothing, axis)
    if labels.dtype != np.int64:
        kernels.refuse_capture(f"{labels.dtype} labels", "convert them to int64 before the step")
        labels = labels.astype(np.int64)
    rows = input if len(shape) == 2 else rows_of(input, axis)
    labels = labels if labels.ndim == 1 else labels.reshape(-1)
    used = kernels.output(labels.shape, rows.dtype) if reduction == "mean" else None
    losses = apply(CrossEntropy, rows, labels, ignore_index, used)
    if reduction == "mean":
        return apply(MeanOfUsed, losses, used)
    return reduced(reshape(losses, shape[:axis] + shape[axis + 1 :]) if len(shape) != 2 else losses, reduction)


def rows_of(x, axis):
    """(N, C, ...) as rows of C classes."""
    C = x.shape[axis]
    if axis == 0:
        return reshape(x, 1, C)
    inner = math.prod(x.shape[2:])
    return reshape(transpose(reshape(x, x.shape[0], C, inner), 1, 2), x.shape[0] * inner, C)


def of_labels(input, labels, weight, ignore, reduction, smoothing, axis):
    """The cross entropy of labels in general: (1 - s) (-w_t logp_t) + s / C sum_c -w_c logp_c."""
    logp = log_softmax(input, axis)
    losses, factor, used = picked("cross_entropy", logp, labels, weight, ignore, axis)
    if smoothing:
        all_classes = sum(logp if weight is None else mul(logp, by_class(weight, logp, axis)), axis)
        share = smoothing / input.shape[axis]
        counted = where(kernels.eq(used, 0.0), 0.0, all_classes)
        losses = sub(mul(losses, 1 - smoothing), mul(counted, share))
    return mean_by(losses, factor) if reduction == "mean" else reduced(losses, reduction)


def of_probabilities(input, target, weight, ignore, reduction, smoothing, axis):
    """The cross entropy of rows of probabilities: -sum_c w_c t_c logp_c."""
    if ignore >= 0:
        raise ValueError(f"cross_entropy: ignore_index={ignore} needs labels, and target holds probabilities")
    input, target = alike_in_shape("cross_entropy", input, target if hasattr(target, "shape") else np.asarray(target))
    if smoothing:
        target = add(mul(target, 1 - smoothing), smoothing / input.shape[axis])
    terms = mul(target, log_softmax(input, axis))
    if weight is not None:
        terms = mul(terms, by_class(weight, terms, axis))
    return reduced(neg(sum(terms, axis)), reduction)


def by_class(weight, x, axis):
    """weight[C] as an array that broadcasts along the classes of x."""
    return reshape(cast(raw(weight), x.dtype), -1, *(1,) * (len(x.shape) - axis - 1))


def check_weight(name, weight, classes):
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ValueError(f"{name}: weight {tuple(weight.shape)} must be ({classes},), a factor for each class")


def refuse_float_labels(name, labels, one_hot=False):
    raise TypeError(f"{name}: target must hold integer labels, not {labels.dtype}; {remedy(one_hot)}")


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
    shape, other = tuple(input.shape), tuple(target.shape)
    if shape != other:
        cure = f"Reshape one of them, for example target.reshape({', '.join(map(str, shape))})"
        if math.prod(shape) != math.prod(other):
            cure = "Give a target for each number of the input; labels of classes go to cross_entropy, as integers"
        raise ValueError(f"{name}: input {shape} and target {other} differ; a loss does not broadcast. {cure}")
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
        refuse_float_labels("nll_loss", labels, labels.shape == tuple(input.shape))
    axis = min(input.ndim - 1, 1)
    if not input.ndim or labels.shape != (*input.shape[:axis], *input.shape[axis + 1 :]):
        raise ValueError(
            f"nll_loss: input {tuple(input.shape)} must be log-probabilities (N, C) and target {labels.shape} labels "
            f"(N,); no shape is broadcast; {misshapen(tuple(input.shape), labels)}"
        )
    check_weight("nll_loss", weight, input.shape[axis])
    losses, factor, _ = picked("nll_loss", input, labels, weight, ignore_index, axis)
    return mean_by(losses, factor) if reduction == "mean" else reduced(losses, reduction)


def picked(name, input, labels, weight, ignore, axis):
    """-w_t input_t for each label t; its factor w_t; and 1. All three are 0 where the label is ignored."""
    classes = input.shape[axis]
    given = np.ones(classes, input.dtype) if weight is None else cast(raw(weight), input.dtype)
    index, factor, used = kernels.host(partial(classes_of, name=name, axis=axis, ignore=ignore), labels, given)
    losses = reshape(apply(Gather, floats(input, name), index, axis), labels.shape)
    return where(kernels.eq(used, 0.0), 0.0, mul(losses, kernels.neg(factor))), factor, used


def mean_by(losses, factor):
    total = sum(factor)
    nothing = kernels.eq(total, 0.0)  # NaN, and yet a gradient of 0
    return where(nothing, math.nan, div(sum(losses), kernels.where(nothing, 1.0, total)))


def classes_of(labels, weight, name, axis, ignore):
    """Where to pick, with an axis of length 1 for the classes; the factor of each label; and 1. The latter are 0 where
    the label is ignored."""
    ignored = labels == ignore
    index = np.where(ignored, 0, labels).astype(np.int64)
    wrong = (index < 0) | (index >= weight.size)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(
            f"{name}: the label {int(labels[at])} at position {at} is not a class: labels run from 0 to "
            f"{weight.size - 1}, or are {ignore} to be ignored"
        )
    factor = np.where(ignored, 0, weight[index]) if weight.size else np.zeros(index.shape)
    return np.expand_dims(index, axis), factor.astype(weight.dtype), (~ignored).astype(weight.dtype)


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-t ln p - (1 - t) ln(1 - p) of probabilities p = input and targets t, both of one shape; averaged.

    weight: factors that broadcast to input's shape. Logarithms are not below -100, as in PyTorch. From logits use
    `binary_cross_entropy_with_logits`. Errors: ValueError for shapes that differ and for numbers outside [0, 1], NaN
    among them.

    >>> import fastgrad as fg
    >>> fg.binary_cross_entropy(fg.tensor([0.5, 1.0]), fg.tensor([1.0, 1.0]), reduction="sum")
    tensor(0.6931)
    """
    losses = apply(BCE, *alike_in_shape("binary_cross_entropy", input, target))
    return reduced(weighted("binary_cross_entropy", losses, weight), reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """`binary_cross_entropy` of sigmoid(input), exact for large inputs, its limit for infinite ones; averaged.

    weight: factors that broadcast to input's shape; pos_weight: factors of the term with t, which broadcast too (at an
    infinite input with t = 0 they make NaN).

    >>> import fastgrad as fg
    >>> fg.binary_cross_entropy_with_logits(fg.tensor([0.0, 1000.0]), fg.tensor([1.0, 0.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    name = "binary_cross_entropy_with_logits"
    input, target = alike_in_shape(name, input, target)
    losses = apply(BCEWithLogits, input, target)
    if pos_weight is not None:  # the term of t is t ln(1 + e^-x), the loss of x for the target 1
        ones = filled(input.shape, input.dtype, 1.0)
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
