"""Mixup: samples between samples."""

from typing import Any

import numpy as np

from .base import Augmentation, as_number


class Mixup(Augmentation):
    """Mixes each sample, and its targets, with another one of the batch.

    x_i = lam x_i + (1 - lam) x_k,   y_i = lam y_i + (1 - lam) y_k,   lam ~ Beta(alpha, alpha)

    k is a random order of the batch. One lam for the batch, as in the article's listing, or ``per="sample"`` one each.

    num_classes  of integer labels [N], which become probabilities [N,num_classes] of x's dtype; `cross_entropy` takes
                 them. Targets of floats are mixed as they are

    Errors: ValueError without targets, for labels without num_classes, for a label outside 0..num_classes-1.

    >>> x, y = Mixup(0.2, num_classes=3)(np.eye(2, dtype=np.float32), [0, 2], seed=1)
    >>> y.sum(1), np.array_equal(x.argmax(1), y[:, ::2].argmax(1))
    (array([1., 1.], dtype=float32), True)

    Source: H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR (2018).
    """

    def __init__(self, alpha: float = 1.0, num_classes: int | None = None, *, per: str = "batch") -> None:
        self.alpha = as_number("Mixup", "alpha", alpha, 0)
        self.num_classes = None if num_classes is None else int(as_number("Mixup", "num_classes", num_classes, 1))
        self.per = per
        if self.alpha == 0:
            raise ValueError("Mixup: alpha must be above 0; the article has 0.2 for ImageNet, 1 for CIFAR-10")
        if per not in ("batch", "sample"):
            raise ValueError(f'Mixup: per must be "batch" or "sample", not {per!r}')

    def run(self, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
        if not targets:
            raise ValueError("Mixup: mixes targets with the samples; call it with them, mixup(x, y)")
        soft = tuple(self._soft(target, x.dtype) for target in targets)
        other = rng.permutation(len(x))
        share = rng.beta(self.alpha, self.alpha, 1 if self.per == "batch" else len(x))
        return mixed(x, other, share), tuple(mixed(target, other, share) for target in soft)

    def _soft(self, target: np.ndarray, dtype: Any) -> np.ndarray:
        if target.dtype.kind == "f":
            return target
        if target.ndim != 1 or target.dtype.kind not in "iu":
            raise ValueError(
                f"Mixup: targets must be integer labels [N] or floats [N,...], not {target.dtype} {target.shape}"
            )
        if self.num_classes is None:
            raise ValueError("Mixup: integer labels need num_classes, as in Mixup(num_classes=10)")
        if len(target) and not 0 <= target.min() <= target.max() < self.num_classes:
            raise ValueError(
                f"Mixup: labels from {target.min()} to {target.max()}; num_classes={self.num_classes} allows "
                f"0..{self.num_classes - 1}"
            )
        return np.eye(self.num_classes, dtype=dtype)[target]


def mixed(x: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """share x + (1 - share) x[other], in x's dtype, and x itself where a sample meets itself."""
    share = share.reshape(-1, *[1] * (x.ndim - 1))
    out = x[other]
    out -= x
    out *= (1 - share).astype(x.dtype)
    out += x
    return out
