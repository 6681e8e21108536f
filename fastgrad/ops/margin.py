"""Losses of a margin, 0 once the right answer is far enough ahead, and the divergence of two distributions."""

from functools import partial

import numpy as np

from .. import kernels
from .activation import relu
from .axes import floats, raw
from .base import apply, cast
from .compare import eq
from .elementwise import add, div, exp, log, mul, sub, where
from .loss import alike_in_shape, check_weight, reduced, refuse_float_labels
from .reduce import sum
from .scatter import Gather

__all__ = ["hinge_embedding_loss", "hinge_loss", "kl_div", "multi_margin_loss"]


def hinge_loss(input, target, reduction="mean", margin=1.0, power=1):
    """max(0, margin - t x)^power of scores x = input and labels t = target, each -1 or +1, both of one shape; averaged.

    power 2 is the squared hinge. The gradient where the margin is just reached is 0. PyTorch has no such loss:
    `hinge_embedding_loss` is another one.
    Errors: ValueError for shapes that differ and for labels other than -1 and +1.
    Source: Cortes and Vapnik, "Support-vector networks" (1995).

    >>> import fastgrad as fg
    >>> fg.hinge_loss(fg.tensor([2.0, 0.5, 0.5]), fg.tensor([1.0, 1.0, -1.0]), reduction="none")
    tensor([0. , 0.5, 1.5])
    """
    if power not in (1, 2):
        raise ValueError(f"hinge_loss: power must be 1 or 2, not {power!r}")
    input, target = alike_in_shape("hinge_loss", input, target)
    kernels.host(refuse_no_sign, raw(target))
    short = relu(sub(float(margin), mul(target, input)))
    return reduced(mul(short, short) if power == 2 else short, reduction)


def refuse_no_sign(target):
    if target.size and not (np.abs(target) == 1).all():
        wrong = target[np.abs(target) != 1].flat[0]
        raise ValueError(f"hinge_loss: target must hold -1 and +1, not {wrong}; of labels 0 and 1 use 2 * target - 1")


def hinge_embedding_loss(input, target, margin=1.0, *, reduction="mean"):
    """x where t = 1, max(0, margin - x) where t = -1, of distances x = input and labels t; both of one shape; averaged.

    Alike things are drawn together, others pushed apart as far as the margin. The gradient at x = margin is 0.
    Source: Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping" (2006), with squares.

    >>> import fastgrad as fg
    >>> fg.hinge_embedding_loss(fg.tensor([0.2, 0.2]), fg.tensor([1.0, -1.0]), reduction="none")
    tensor([0.2, 0.8])
    """
    input, target = alike_in_shape("hinge_embedding_loss", input, target)
    apart = where(eq(target, 1.0), 0.0, relu(sub(float(margin), input)))
    return reduced(add(where(eq(target, -1.0), 0.0, input), apart), reduction)


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, *, reduction="mean"):
    """sum over c != t of max(0, margin - x_t + x_c)^p / C, for scores (N, C) or (C,) and labels t (N,) or (); averaged.

    weight (C,): a factor for each label's class; the mean is over the rows all the same.
    The gradient where a margin is just reached is 0. A NaN makes the loss NaN (PyTorch leaves it out).
    Errors: ValueError for shapes that do not fit, TypeError for labels that are no integers, IndexError for one that
    is no class. Source: Crammer and Singer (2001); Weston and Watkins (1999), who add up as is done here.

    >>> import fastgrad as fg
    >>> fg.multi_margin_loss(fg.tensor([[1.0, 2.0, 0.5]]), fg.tensor([1]))
    tensor(0.)
    >>> fg.multi_margin_loss(fg.tensor([[1.0, 1.5, 0.5]]), fg.tensor([1]))
    tensor(0.1667)
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, not {p!r}")
    labels, shape = raw(target), tuple(input.shape)
    labels = labels if isinstance(labels, np.ndarray) else np.asarray(labels)
    if labels.dtype.kind not in "iu":
        refuse_float_labels("multi_margin_loss", labels)
    if len(shape) not in (1, 2) or labels.shape != shape[:-1]:
        raise ValueError(
            f"multi_margin_loss: input {shape} must be scores (N, C) and target {labels.shape} labels (N,); no shape "
            f"is broadcast; give a label for each row"
        )
    classes = shape[-1]
    check_weight("multi_margin_loss", weight, classes)
    given = np.ones(classes, input.dtype) if weight is None else cast(raw(weight), input.dtype)
    index, factor, itself = kernels.host(partial(others_of, dtype=input.dtype), labels, given)
    ahead = apply(Gather, floats(input, "multi_margin_loss"), index, len(shape) - 1)
    short = relu(where(itself, 0.0, add(sub(float(margin), ahead), input)))  # inf - inf, for a label sure of itself
    short = mul(mul(short, short) if p == 2 else short, factor)
    return reduced(div(sum(short, -1), float(classes)), reduction)


def others_of(labels, weight, dtype):
    """The place of each label's score, its factor, and for each class whether it is the label itself."""
    wrong = (labels < 0) | (labels >= weight.size)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(
            f"multi_margin_loss: the label {int(labels[at])} at position {at} is not a class: labels run from 0 to "
            f"{weight.size - 1}"
        )
    index = np.expand_dims(labels.astype(np.int64), -1)
    factor = weight[index] if weight.size else np.zeros(index.shape, dtype)
    return index, factor.astype(dtype), np.arange(weight.size) == index


def kl_div(input, target, reduction="mean", log_target=False):
    """t (ln t - x) of log-probabilities x = input and probabilities t = target, 0 where t = 0; both of one shape.

    log_target: target holds ln t. Added up over a distribution it is the Kullback-Leibler divergence of the target from
    the input. As in PyTorch, "mean" is over all elements, which is no divergence of anything; "batchmean" divides the
    sum by the size of the first dimension, as the definition wants for a batch.
    The gradient for t at t = 0 is -x (PyTorch: NaN). Errors: ValueError for shapes that differ.
    Source: Kullback and Leibler, "On information and sufficiency" (1951).

    >>> import fastgrad as fg
    >>> x, t = fg.tensor([[0.5, 0.5]]), fg.tensor([[1.0, 0.0]])
    >>> fg.kl_div(x.log(), t, reduction="batchmean")
    tensor(0.6931)
    """
    input, target = alike_in_shape("kl_div", input, target)
    if log_target:
        terms = mul(exp(target), sub(target, input))
    else:
        terms = mul(target, sub(log(where(eq(target, 0.0), 1.0, target)), input))
    if reduction != "batchmean":
        return reduced(terms, reduction)
    if not terms.shape:
        raise ValueError('kl_div: reduction="batchmean" needs a batch, (N, ...), not a number; use "sum"')
    return div(sum(terms), float(terms.shape[0])) if terms.shape[0] else reduced(terms, "mean")
