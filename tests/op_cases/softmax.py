"""Cases of ops/softmax.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import ROWS, Case, fused, np_log_softmax, np_softmax, row_scale

CASES = {
    "Softmax": [Case(lambda x: ops.softmax(x, 1), np_softmax, ROWS, kind="row", n=17)]
    + [
        Case(partial(ops.softmax, dim=dim), partial(np_softmax, axis=dim), [(shape,)], kind="row", n=5)
        for shape, dim in [
            ((5,), 0),
            ((3, 4), 0),
            ((2, 3, 4), 1),
            ((2, 3, 4), -1),
            ((2, 0, 3), 2),
            ((2, 3, 0), 2),
            ((3, 0), 0),
            ((0,), 0),
        ]
    ]
    + [Case(lambda x: ops.softmax(x, 0), np.ones_like, [((),)], kind="row")],
    "SoftmaxBackward": [
        Case(
            fused("SoftmaxBackward"),
            lambda d, y: y * (d - (d * y).sum(1, keepdims=True)),
            [((3, 5), (3, 5)), ((1, 1), (1, 1)), ((0, 2), (0, 2))],
            kind="row",
            n=5,
            domain=" p",
            scale=lambda d, y: y * (np.abs(d) + (np.abs(d) * y).sum(1, keepdims=True)),
        )
    ],
    "LogSoftmax": [Case(lambda x: ops.log_softmax(x, 1), np_log_softmax, ROWS, kind="row", n=17, scale=row_scale)]
    + [
        Case(
            partial(ops.log_softmax, dim=dim),
            partial(np_log_softmax, axis=dim),
            [(shape,)],
            kind="row",
            n=5,
            scale=row_scale,
        )
        for shape, dim in [((5,), 0), ((3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), -1)]
    ],
    "LogSoftmaxBackward": [
        Case(
            fused("LogSoftmaxBackward"),
            lambda d, y: d - np.exp(y) * d.sum(1, keepdims=True),
            [((3, 5), (3, 5)), ((1, 1), (1, 1)), ((0, 2), (0, 2))],
            kind="row",
            n=5,
            scale=lambda d, y: np.abs(d) + np.exp(y) * np.abs(d).sum(1, keepdims=True),
        )
    ],
    "softmin": [Case(lambda x: ops.softmin(x, 1), lambda x: np_softmax(-x), ROWS, kind="row", n=17)],
}
