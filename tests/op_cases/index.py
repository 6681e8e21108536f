"""Cases of ops/index.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import MASK, T3, Case, fused, use


def np_put(dout, key, shape):
    out = np.zeros(shape, dout.dtype)
    np.add.at(out, key, dout)
    return out


def got(shape, key, refused=""):
    return Case(lambda x: ops.getitem(x, key), lambda x: x[key], [(shape,)], kind="bits", refused=refused)


PAIRS = np.array([[0, 1], [-1, 2]])
CASES = {
    "GetItem": [
        got(shape, key)
        for shape, key in [
            ((5,), 2),
            ((5,), -1),
            ((5,), slice(1, 4)),
            ((5,), slice(None, None, -2)),
            ((3, 4), (slice(None), 1)),
            ((3, 4), (None, 2)),
            ((3, 4), (Ellipsis, slice(0, 0))),
            ((2, 3, 2), (1, Ellipsis, 0)),
            ((), ()),
            ((3,), np.int64(1)),
            ((2, 3), (None, ..., slice(None, None, -1))),
        ]
    ],
    "GetItemBackward": [
        Case(
            fused("GetItemBackward", (slice(1, 4, 2),), (5,)),
            partial(np_put, key=(slice(1, 4, 2),), shape=(5,)),
            [((2,),)],
            kind="bits",
        ),
    ],
    "Take": [
        got(shape, key)
        for shape, key in [
            ((5,), T3),
            ((5,), np.array([1, 1, 1])),
            ((5,), [0, -1]),
            ((5,), np.array(-2)),
            ((5,), np.array([], int)),
            ((0, 3), (slice(None), T3)),
            ((3, 4), PAIRS),
            ((3, 4), (T3, np.array([0, 0, 3]))),
            ((3, 4), (slice(None), T3)),
            ((3, 4), (None, T3, slice(1, None, 2))),
            ((3, 4), (1, T3)),
            ((2, 3, 4), (0, slice(None), T3)),
            ((2, 3, 4), (T3 // 2, slice(None), PAIRS[:, :1])),
            ((2, 3, 4), (..., T3, T3.astype(np.int32))),
            ((2, 3, 4), (slice(None), T3, None, T3)),
            ((3, 3, 4), (T3, T3[:, None], slice(1, 3))),
        ]
    ]
    + [
        got(shape, key, refused="indexing with a mask")
        for shape, key in [
            ((3, 5), MASK),
            ((4,), True),
            ((4,), (None, False)),
            ((3, 5), (MASK[:, 0], slice(None, None, 2))),
            ((3, 5), (slice(None), MASK[0])),
            ((2, 3, 5), (1, MASK)),
            ((3, 5), np.zeros((3, 5), bool)),
        ]
    ],
    "TakeBackward": [
        Case(
            fused("TakeBackward", T3, (4, 2), 0, 1), partial(np_put, key=(T3,), shape=(4, 2)), [((3, 2),)], kind="bits"
        ),
        Case(
            fused("TakeBackward", np.array([1, 1, 3]), (2, 2, 2), 1, 3),
            lambda d: np_put(d, (slice(None), np.array([1, 1, 3])), (2, 4)).reshape(2, 2, 2),
            [((2, 3),)],
        ),
    ],
    "Embedding": [
        Case(
            lambda w: ops.embedding(PAIRS % 4, w, padding_idx=2),
            lambda w: w[PAIRS % 4],
            [((4, 3),)],
            kind="bits",
            order=0,
        )
    ],
    "embedding": [Case(lambda w: ops.embedding(T3, w), lambda w: w[T3], [((4, 3),), ((3, 0),)], kind="bits")],
    "index_select": [
        use(ops.index_select, lambda x, d, i: x.take(i, d), (3, 4), 1, T3),
        use(ops.index_select, lambda x, d, i: x.take(i, d), (3, 4), -2, np.array([0, 0])),
        use(ops.index_select, lambda x, d, i: x, (), 0, np.array([0])),
    ],
    "take": [use(ops.take, np.take, (3, 4), PAIRS)],
    "masked_select": [
        Case(
            lambda x: ops.masked_select(x, MASK),
            lambda x: np.broadcast_to(x, (3, 5))[MASK],
            [((3, 5),), ((1, 5),)],
            kind="bits",
            refused="indexing with a mask",
        )
    ],
}
