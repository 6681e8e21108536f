"""Cases of ops/reduce.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case, row_scale


def np_sum_to(x, shape):
    x = x.sum(tuple(range(x.ndim - len(shape))))
    return x.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def np_logsumexp(x, dim, keep=False):
    with np.errstate(all="ignore"):
        return np.log(np.exp(x).sum(axis=dim, keepdims=keep))


ZEROS = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 0, 1, 0, 1]])
HOW: list = [{}, {"dim": 0}, {"dim": -1, "keepdim": True}]


def rename(how):
    return {"axis": how.get("dim"), "keepdims": how.get("keepdim", False)}


HOLES = np.array([[False, True, False, False, False], [False] * 5, [True, True, False, False, False]])


def with_holes(x):
    return ops.where(HOLES, np.nan, x)


def np_nan(function, x, **how):
    return function(np.where(HOLES, np.nan, x), **how)


CASES = {
    "SumTo": [
        Case(
            partial(ops.sum_to, shape=to),
            partial(np_sum_to, shape=to),
            [(shape,)],
            kind="sum",
            n=24,
            scale=lambda x: np.abs(x).sum(),
        )
        for shape, to in [
            ((3, 5), (5,)),
            ((3, 5), (3, 1)),
            ((3, 5), ()),
            ((2, 3, 4), (1, 4)),
            ((2, 1, 4), (1, 1)),
            ((0, 3), (3,)),
            ((1, 3), (3,)),
        ]
    ],
    "BroadcastTo": [
        Case(partial(ops.broadcast_to, shape=to), partial(np.broadcast_to, shape=to), [(shape,)], kind="bits")
        for shape, to in [((5,), (3, 5)), ((3, 1), (3, 5)), ((), (2, 3)), ((1, 3), (0, 3)), ((2, 2), (2, 2))]
    ],
    "Sum": [
        Case(
            partial(ops.sum, dim=dim, keepdim=keep),
            partial(np.sum, axis=dim, keepdims=keep),
            [(shape,)],
            kind="sum",
            n=24,
            scale=partial(lambda x, dim, keep: np.abs(x).sum(axis=dim, keepdims=keep), dim=dim, keep=keep),
        )
        for shape, dim, keep in [
            ((), None, False),
            ((7,), None, False),
            ((3, 5), None, True),
            ((3, 5), 0, False),
            ((3, 5), -1, True),
            ((2, 3, 4), (0, 2), False),
            ((2, 3, 4), (1, 2), True),
            ((2, 3, 4), 1, False),
            ((0, 3), 0, False),
            ((3, 0), 0, True),
        ]
    ],
    "Mean": [
        Case(
            partial(ops.mean, dim=dim, keepdim=keep),
            partial(np.mean, axis=dim, keepdims=keep),
            [(shape,)],
            kind="sum",
            n=24,
            scale=partial(lambda x, dim, keep: np.abs(x).mean(axis=dim, keepdims=keep), dim=dim, keep=keep),
        )
        for shape, dim, keep in [
            ((), None, False),
            ((7,), None, False),
            ((3, 5), 0, True),
            ((2, 3, 4), (0, 2), False),
            ((3, 0), 0, False),
        ]
    ],
    "Prod": [
        Case(
            partial(ops.prod, **({} if dim is None else {"dim": dim, "keepdim": keep})),
            partial(np.prod, axis=dim, keepdims=keep),
            [(shape,)],
            kind="sum",
            n=24,
        )
        for shape, dim, keep in [
            ((), None, False),
            ((7,), None, False),
            ((3, 4), None, False),
            ((3, 5), 0, True),
            ((3, 5), -1, False),
            ((2, 3, 4), 1, False),
            ((0, 3), 0, False),
            ((3, 1), 1, True),
        ]
    ]
    + [  # zeros: none, one and two to a row
        Case(
            lambda x: ops.prod(ops.mul(x, ZEROS.astype(x.dtype)), 1),
            lambda x: (x * ZEROS).prod(1),
            [((3, 5),)],
            kind="sum",
            n=24,
        )
    ],
    "LogSumExp": [
        Case(
            partial(ops.logsumexp, dim=dim, keepdim=keep),
            partial(np_logsumexp, dim=dim, keep=keep),
            [(shape,)],
            kind="row",
            n=24,
            scale=row_scale,
        )
        for shape, dim, keep in [
            ((), 0, False),
            ((7,), 0, False),
            ((3, 5), 1, True),
            ((3, 5), (0, 1), False),
            ((2, 3, 4), (0, 2), False),
            ((0, 3), 1, False),
            ((0, 3), 0, False),
        ]
    ],
    "nansum": [
        Case(
            lambda x, how=how: ops.nansum(with_holes(x), **how),
            lambda x, how=how: np_nan(np.nansum, x, **rename(how)),
            [((3, 5),)],
            kind="sum",
            n=24,
            scale=lambda x: np.abs(x).sum(),
        )
        for how in HOW
    ],
    "nanmean": [
        Case(
            lambda x, how=how: ops.nanmean(with_holes(x), **how),
            lambda x, how=how: np_nan(np.nanmean, x, **rename(how)),
            [((3, 5),)],
            kind="sum",
            n=24,
            scale=lambda x: np.abs(x).sum(),
        )
        for how in HOW
    ],
}
