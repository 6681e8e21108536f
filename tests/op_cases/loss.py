"""Cases of ops/loss.py."""

import numpy as np

from fastgrad import kernels, ops
from fastgrad.ops import OPS, apply

from .common import T3, Case, np_log_softmax, np_softmax, row_scale

REDUCED: dict = {"mean": lambda x: np.mean(x) if np.size(x) else np.nan, "sum": np.sum, "none": lambda x: x}
T0 = np.array([[0.0, 1.0, 0.25]] * 3)
WEIGHT = np.array([0.5, 2.0, 1.5])
SKIP = np.array([2, 1, 0])


def total(*arrays):
    return 1 + sum(np.abs(x).sum() for x in arrays)


def square(a, b):
    return 1 + np.square(a).sum() + np.square(b).sum()


CASES = {
    "CrossEntropy": [
        Case(
            lambda x: ops.cross_entropy(x, T3, reduction="none"),
            lambda x: -np_log_softmax(x)[np.arange(3), T3],
            [((3, 3),), ((3, 17),)],
            kind="row",
            n=17,
            scale=row_scale,
        ),
        Case(
            lambda x: ops.cross_entropy(x, T3),
            lambda x: -np_log_softmax(x)[np.arange(3), T3].mean(),
            [((3, 4),)],
            kind="row",
            n=17,
            scale=row_scale,
        ),
        Case(
            lambda x: ops.cross_entropy(x, T3, reduction="sum"),
            lambda x: -np_log_softmax(x)[np.arange(3), T3].sum(),
            [((3, 4),)],
            kind="row",
            n=17,
            scale=row_scale,
        ),
        Case(
            lambda x: ops.cross_entropy(x, np.int64(1)),
            lambda x: -np_log_softmax(x)[1],
            [((4,),)],
            kind="row",
            n=4,
            scale=row_scale,
        ),
        Case(lambda x: ops.cross_entropy(x, T3[:0], reduction="sum"), lambda x: np.float64(0), [((0, 4),)], kind="row"),
        Case(
            lambda x: ops.cross_entropy(x, T3.astype(np.uint8), reduction="none"),
            lambda x: -np_log_softmax(x)[np.arange(3), T3],
            [((3, 4),)],
            kind="row",
            n=4,
            scale=row_scale,
            refused="uint8 labels",
        ),
    ],
    "CrossEntropyBackward": [
        Case(
            lambda d, x: apply(
                OPS["CrossEntropyBackward"],
                d,
                x,
                kernels.log_softmax(np.ascontiguousarray(x if isinstance(x, np.ndarray) else x.data)),
                T3,
            ),
            lambda d, x: d[:, None] * (np_softmax(x) - np.eye(x.shape[1])[T3]),
            [((3,), (3, 3)), ((3,), (3, 5))],
            kind="row",
            n=5,
            scale=lambda d, x: np.abs(d)[:, None],
        )
    ],
    "MeanOfUsed": [
        Case(
            lambda x: apply(OPS["MeanOfUsed"], x, np.resize([1.0, 0.0, 1.0], x.shape).astype(x.dtype)),
            lambda x: x.sum() / np.resize([1.0, 0.0, 1.0], x.shape).sum(),
            [((5,),), ((1,),), ((17,),)],
            kind="sum",
            n=24,
            scale=total,
        )
    ],
    "BCE": [
        Case(
            lambda p, t, r=r: ops.binary_cross_entropy(p, t, reduction=r),
            lambda p, t, r=r: REDUCED[r](-t * np.log(p) - (1 - t) * np.log1p(-p)),
            [((3, 5), (3, 5)), ((), ()), ((7,), (7,))],
            kind="row",
            n=24,
            domain="pp",
            scale=total,
        )
        for r in REDUCED
    ]
    + [
        Case(
            lambda p: ops.binary_cross_entropy(p, T0.astype(p.dtype), WEIGHT.astype(p.dtype), "sum"),
            lambda p: (-WEIGHT * (T0 * np.log(p) + (1 - T0) * np.log1p(-p))).sum(),
            [((3, 3),)],
            kind="row",
            n=24,
            domain="p",
            scale=total,
        )
    ],
    "BCEWithLogits": [
        Case(
            lambda x, t, r=r: ops.binary_cross_entropy_with_logits(x, t, reduction=r),
            lambda x, t, r=r: REDUCED[r](np.logaddexp(0, x) - x * t),
            [((3, 5), (3, 5)), ((), ()), ((7,), (7,))],
            kind="row",
            n=24,
            domain=" p",
            scale=total,
        )
        for r in REDUCED
    ]
    + [
        Case(
            lambda x, t: ops.binary_cross_entropy_with_logits(
                x, t, WEIGHT.astype(x.dtype), pos_weight=(1 + WEIGHT).astype(x.dtype)
            ),
            lambda x, t: (WEIGHT * ((1 + WEIGHT) * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x))).mean(),
            [((3, 3), (3, 3))],
            kind="row",
            n=24,
            domain=" p",
            scale=total,
        )
    ],
    "nll_loss": [
        Case(
            lambda x, r=r: ops.nll_loss(x, T3, reduction=r),
            lambda x, r=r: REDUCED[r](-x[np.arange(3), T3]),
            [((3, 4),)],
            kind="sum",
            n=24,
            scale=total,
        )
        for r in REDUCED
    ]
    + [
        Case(
            lambda x: ops.nll_loss(x, SKIP, WEIGHT.astype(x.dtype), ignore_index=1),
            lambda x: -(x[[0, 2], [2, 0]] * WEIGHT[[2, 0]]).sum() / WEIGHT[[2, 0]].sum(),
            [((3, 3),)],
            kind="sum",
            n=24,
            scale=total,
        ),
        Case(
            lambda x: ops.nll_loss(x, np.stack([T3, T3]), reduction="none"),
            lambda x: -np.take_along_axis(x, np.stack([T3, T3])[:, None], 1)[:, 0],
            [((2, 4, 3),)],
            kind="bits",
        ),
        Case(lambda x: ops.nll_loss(x, np.int64(1)), lambda x: -x[1], [((4,),)], kind="bits"),
        Case(lambda x: ops.nll_loss(x, T3[:0], reduction="sum"), lambda x: np.float64(0), [((0, 4),)], kind="bits"),
    ],
    **{
        name: [
            Case(
                lambda a, b, r=r, name=name: getattr(ops, name)(a, b, reduction=r),
                lambda a, b, r=r, plain=plain: REDUCED[r](plain(a - b)),
                [((3, 5), (3, 5)), ((), ()), *([((0, 2), (0, 2))] if r != "mean" else [])],
                kind="sum",
                n=24,
                scale=square,
            )
            for r in REDUCED
        ]
        for name, plain in [
            ("mse_loss", np.square),
            ("l1_loss", np.abs),
            ("huber_loss", lambda e: np.where(np.abs(e) < 1, e * e / 2, np.abs(e) - 0.5)),
            ("smooth_l1_loss", lambda e: np.where(np.abs(e) < 1, e * e / 2, np.abs(e) - 0.5)),
        ]
    },
}
