"""Losses as modules: each calls the function of `fastgrad.nn.functional` that it names."""

import numpy as np

from .. import ops
from ..tape import Value
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MultiMarginLoss",
    "NLLLoss",
    "SmoothL1Loss",
]


class Loss(Module):
    """A module with a reduction: "mean", "sum" or "none"."""

    reductions: tuple = ("mean", "sum", "none")

    def __new__(cls, *args, **kwargs):
        if len(args) > 1 and all(isinstance(x, (Value, np.ndarray)) for x in args[:2]):
            name = cls.__name__
            raise TypeError(f"{name}(input, target): make the loss first, then call it: {name}()(input, target)")
        return super().__new__(cls)

    def __init__(self, reduction):
        super().__init__()
        if reduction not in self.reductions:
            *some, last = self.reductions
            raise ValueError(f"{type(self).__name__}: reduction must be {', '.join(some)} or {last}, not {reduction!r}")
        self.reduction = reduction

    def extra_repr(self):
        shown = {k: v for k, v in vars(self).items() if not isinstance(v, (Value, dict)) and v is not None}
        return ", ".join(f"{k}={v}" for k, v in shown.items() if not k.startswith("_") and k != "training")


class CrossEntropyLoss(Loss):
    """-log softmax(input)[target], or of probabilities; see `fastgrad.nn.functional.cross_entropy`."""

    def __init__(self, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        if isinstance(weight, str):
            raise TypeError(
                f"CrossEntropyLoss: the first argument is weight, a factor a class; write reduction={weight!r}"
            )
        super().__init__(reduction)
        self.weight, self.ignore_index, self.label_smoothing = weight, ignore_index, label_smoothing

    def forward(self, input, target):
        how = {"reduction": self.reduction, "label_smoothing": self.label_smoothing}
        return ops.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index, **how)


class MSELoss(Loss):
    """(input - target)^2; see `fastgrad.nn.functional.mse_loss`."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)

    def forward(self, input, target):
        return ops.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """|input - target|; see `fastgrad.nn.functional.l1_loss`."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)

    def forward(self, input, target):
        return ops.l1_loss(input, target, self.reduction)


class HuberLoss(Loss):
    """Squared for small errors, straight for large ones; see `fastgrad.nn.functional.huber_loss`."""

    def __init__(self, reduction="mean", delta=1.0):
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input, target):
        return ops.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(Loss):
    """|input - target| with a round bottom; see `fastgrad.nn.functional.smooth_l1_loss`."""

    def __init__(self, reduction="mean", beta=1.0):
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input, target):
        return ops.smooth_l1_loss(input, target, self.reduction, self.beta)


class NLLLoss(Loss):
    """-input[target]; see `fastgrad.nn.functional.nll_loss`."""

    def __init__(self, weight=None, *, ignore_index=-100, reduction="mean"):
        super().__init__(reduction)
        self.weight, self.ignore_index = weight, ignore_index

    def forward(self, input, target):
        return ops.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCELoss(Loss):
    """-t ln p - (1 - t) ln(1 - p); see `fastgrad.nn.functional.binary_cross_entropy`."""

    def __init__(self, weight=None, reduction="mean"):
        super().__init__(reduction)
        self.weight = weight

    def forward(self, input, target):
        return ops.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(Loss):
    """BCELoss of sigmoid(input); see `fastgrad.nn.functional.binary_cross_entropy_with_logits`."""

    def __init__(self, weight=None, reduction="mean", pos_weight=None):
        super().__init__(reduction)
        self.weight, self.pos_weight = weight, pos_weight

    def forward(self, input, target):
        return ops.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(Loss):
    """t (ln t - input); see `fastgrad.nn.functional.kl_div`."""

    reductions = ("mean", "batchmean", "sum", "none")

    def __init__(self, reduction="mean", log_target=False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input, target):
        return ops.kl_div(input, target, self.reduction, self.log_target)


class HingeLoss(Loss):
    """max(0, margin - t input)^power of labels t = -1 and +1; see `fastgrad.nn.functional.hinge_loss`."""

    def __init__(self, reduction="mean", margin=1.0, power=1):
        super().__init__(reduction)
        self.margin, self.power = margin, power

    def forward(self, input, target):
        return ops.hinge_loss(input, target, self.reduction, self.margin, self.power)


class HingeEmbeddingLoss(Loss):
    """Distances of pairs that are alike, or not; see `fastgrad.nn.functional.hinge_embedding_loss`."""

    def __init__(self, margin=1.0, *, reduction="mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input, target):
        return ops.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MultiMarginLoss(Loss):
    """The hinge loss of several classes; see `fastgrad.nn.functional.multi_margin_loss`."""

    def __init__(self, p=1, margin=1.0, weight=None, *, reduction="mean"):
        super().__init__(reduction)
        self.p, self.margin, self.weight = p, margin, weight

    def forward(self, input, target):
        return ops.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)
