"""Cases of ops/matmul.py."""

import numpy as np

from fastgrad import ops

from .common import Case

CASES = {
    "Matmul": [
        Case(
            ops.matmul,
            np.matmul,
            [
                ((2, 3), (3, 4)),
                ((1, 1), (1, 1)),
                ((3, 0), (0, 2)),
                ((0, 3), (3, 2)),
                ((5, 7), (7, 1)),
                ((3,), (3,)),
                ((3,), (3, 2)),
                ((2, 3), (3,)),
                ((2, 2, 3), (3, 2)),
            ],
            kind="product",
            n=7,
            scale=lambda a, b: np.abs(a) @ np.abs(b),
        ),
        Case(
            lambda a: ops.matmul(a, ops.transpose(a, 0, 1)),
            lambda a: a @ a.T,
            [((3, 4),)],
            kind="product",
            n=4,
            scale=lambda a: np.abs(a) @ np.abs(a).T,
        ),
    ],
    "BatchMatmul": [
        Case(
            ops.matmul,
            np.matmul,
            [
                ((2, 2, 3), (2, 3, 2)),
                ((2, 1, 3), (1, 3, 2)),
                ((3, 2), (2, 2, 1)),
                ((0, 2, 3), (0, 3, 2)),
                ((2, 1, 2, 1), (3, 1, 2)),
                ((2,), (2, 2, 3)),
            ],
            kind="product",
            n=3,
            scale=lambda a, b: np.abs(a) @ np.abs(b),
        )
    ],
    "Linear": [
        Case(
            ops.linear,
            lambda x, w, b: x @ w.T + b,
            [
                ((3, 2), (4, 2), (4,)),
                ((1, 1), (1, 1), (1,)),
                ((0, 2), (3, 2), (3,)),
                ((2,), (3, 2), (3,)),
                ((2, 2, 3), (2, 3), (2,)),
            ],
            kind="product",
            n=4,
            scale=lambda x, w, b: np.abs(x) @ np.abs(w).T + np.abs(b),
        ),
        Case(
            ops.linear,
            lambda x, w: x @ w.T,
            [((3, 2), (4, 2))],
            kind="product",
            n=4,
            scale=lambda x, w: np.abs(x) @ np.abs(w).T,
        ),
    ],
}
