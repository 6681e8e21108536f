"""Cases of ops/margin.py."""

import numpy as np

from fastgrad import ops

from .common import T3, Case
from .loss import REDUCED, WEIGHT, square, total

SIGN = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])


def np_margin(x, p, w):
    z = np.maximum(0.8 - x[np.arange(3), T3][:, None] + x, 0) ** p * w[T3][:, None]
    z[np.arange(3), T3] = 0
    return z.sum(1) / 3


CASES = {
    "hinge_loss": [
        Case(
            lambda x, r=r, p=p: ops.hinge_loss(x, SIGN.astype(x.dtype), r, 0.9, p),
            lambda x, r=r, p=p: REDUCED[r](np.maximum(0.9 - SIGN * x, 0) ** p),
            [((3, 3),)],
            kind="sum",
            n=24,
            scale=lambda x: 10 * square(x, x),
        )
        for r in REDUCED
        for p in (1, 2)
    ],
    "hinge_embedding_loss": [
        Case(
            lambda x, r=r: ops.hinge_embedding_loss(x, SIGN.astype(x.dtype), 0.7, reduction=r),
            lambda x, r=r: REDUCED[r](np.where(SIGN == 1, x, np.maximum(0, 0.7 - x))),
            [((3, 3),)],
            kind="sum",
            n=24,
            scale=total,
        )
        for r in REDUCED
    ],
    "multi_margin_loss": [
        Case(
            lambda x, r=r, p=p: ops.multi_margin_loss(x, T3, p, 0.8, WEIGHT.astype(x.dtype), reduction=r),
            lambda x, r=r, p=p: REDUCED[r](np_margin(x, p, WEIGHT)),
            [((3, 3),)],
            kind="sum",
            n=24,
            scale=lambda x: 10 * square(x, x),
        )
        for r in REDUCED
        for p in (1, 2)
    ],
    "kl_div": [
        Case(
            lambda x, t, r=r: ops.kl_div(x, t, r),
            lambda x, t, r=r: REDUCED[r](t * (np.log(t) - x)),
            [((3, 5), (3, 5)), ((7,), (7,))],
            kind="row",
            n=24,
            domain=" p",
            scale=lambda x, t: 4 * total(x, t),
        )
        for r in REDUCED
    ]
    + [
        Case(
            lambda x, t: ops.kl_div(x, t, "batchmean", True),
            lambda x, t: (np.exp(t) * (t - x)).sum() / len(x),
            [((3, 5), (3, 5))],
            kind="row",
            n=24,
            domain=" p",
            scale=lambda x, t: 4 * total(x, t),
        )
    ],
}
