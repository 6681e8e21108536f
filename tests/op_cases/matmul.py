"""Cases of ops/matmul.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case


def product(call, plain, a, b):
    return Case(call, plain, [(a, b)], kind="product", n=12, scale=lambda a, b: plain(np.abs(a), np.abs(b)))


def summed(call, plain, *shapes):
    return Case(call, plain, [shapes], kind="product", n=8, scale=lambda *xs: plain(*map(np.abs, xs)))


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
    "mm": [product(ops.mm, np.matmul, (2, 3), (3, 2))],
    "bmm": [product(ops.bmm, np.matmul, (2, 2, 3), (2, 3, 1)), product(ops.bmm, np.matmul, (2, 0, 3), (2, 3, 1))],
    "mv": [product(ops.mv, np.matmul, (2, 3), (3,))],
    "dot": [product(ops.dot, np.dot, (3,), (3,)), product(ops.dot, np.dot, (0,), (0,))],
    "vdot": [product(ops.vdot, np.vdot, (3,), (3,))],
    "inner": [product(ops.inner, np.inner, a, b) for a, b in [((2, 3), (4, 3)), ((3,), (2, 3)), ((), (3,))]],
    "outer": [product(ops.outer, np.outer, (2,), (3,)), product(ops.outer, np.outer, (0,), (3,))],
    "kron": [product(ops.kron, np.kron, a, b) for a, b in [((2, 3), (2, 2)), ((2,), (2, 2)), ((), (3,))]],
    "tensordot": [
        product(partial(ops.tensordot, dims=dims), partial(np.tensordot, axes=dims), a, b)
        for dims, a, b in [
            (2, (2, 3, 4), (3, 4, 2)),
            (1, (2, 3), (3,)),
            (0, (2,), (3,)),
            (([0, 2], [1, 0]), (2, 3, 4), (4, 2)),
        ]
    ],
    "addmm": [
        summed(ops.addmm, lambda c, a, b: c + a @ b, (2, 2), (2, 3), (3, 2)),
        summed(partial(ops.addmm, beta=0.5, alpha=2), lambda c, a, b: 0.5 * c + 2 * (a @ b), (2,), (2, 3), (3, 2)),
    ],
    "addmv": [summed(ops.addmv, lambda c, a, b: c + a @ b, (2,), (2, 3), (3,))],
    "baddbmm": [summed(ops.baddbmm, lambda c, a, b: c + a @ b, (2, 2, 1), (2, 2, 3), (2, 3, 1))],
    "addbmm": [summed(ops.addbmm, lambda c, a, b: c + (a @ b).sum(0), (2, 1), (2, 2, 3), (2, 3, 1))],
}
