"""Cases of ops/loss.py."""

import numpy as np

from fastgrad import kernels, ops
from fastgrad.ops import OPS, apply

from .common import T3, Case, np_log_softmax, np_softmax, row_scale

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
            lambda x: ops.cross_entropy(x, T3, "sum"),
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
        Case(lambda x: ops.cross_entropy(x, T3[:0], "sum"), lambda x: np.float64(0), [((0, 4),)], kind="row"),
        Case(
            lambda x: ops.cross_entropy(x, T3.astype(np.uint8), "none"),
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
}
