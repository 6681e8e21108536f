"""Cases of ops/shape.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import MASK, T3, Case, fused


def np_put(dout, key, shape):
    out = np.zeros(shape, dout.dtype)
    np.add.at(out, key, dout)
    return out


CASES = {
    "Reshape": [
        Case(partial(lambda x, to: ops.reshape(x, to), to=to), partial(np.reshape, shape=to), [(shape,)], kind="bits")
        for shape, to in [((), (1, 1)), ((3, 4), (-1,)), ((2, 6), (3, 2, 2)), ((0, 3), (3, 0)), ((1,), ())]
    ],
    "Permute": [
        Case(
            partial(lambda x, axes: ops.permute(x, *axes), axes=axes),
            partial(np.transpose, axes=axes),
            [(shape,)],
            kind="bits",
        )
        for shape, axes in [
            ((3, 5), (1, 0)),
            ((2, 3, 4), (2, 0, 1)),
            ((2, 3, 4), (0, -1, 1)),
            ((4,), (0,)),
            ((0, 2), (1, 0)),
        ]
    ]
    + [Case(lambda x: ops.transpose(x, 0, -1), lambda x: x.swapaxes(0, -1), [((2, 3, 4),)], kind="bits")],
    "GetItem": [
        Case(partial(ops.getitem, key=key), partial(lambda x, key: x[key], key=key), [(shape,)], kind="bits")
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
        ]
    ]
    + [
        Case(
            partial(ops.getitem, key=key),
            partial(lambda x, key: x[key], key=key),
            [(shape,)],
            kind="bits",
            refused="indexing with an array",
        )
        for shape, key in [
            ((5,), T3),
            ((5,), np.array([1, 1, 1])),
            ((3, 5), MASK),
            ((3, 4), (T3, np.array([0, 0, 3]))),
            ((3, 4), (slice(None), T3)),
            ((4,), True),
        ]
    ],
    "GetItemBackward": [
        Case(
            fused("GetItemBackward", (slice(1, 4, 2),), (5,)),
            partial(np_put, key=(slice(1, 4, 2),), shape=(5,)),
            [((2,),)],
            kind="bits",
        ),
        Case(
            fused("GetItemBackward", (T3,), (4, 2)),
            partial(np_put, key=(T3,), shape=(4, 2)),
            [((3, 2),)],
            kind="bits",
            refused="indexing with an array",
        ),
    ],
    "Concatenate": [
        Case(
            lambda *xs, dim=dim: ops.concatenate(xs, dim),
            lambda *xs, dim=dim: np.concatenate(xs, dim),
            [shapes],
            kind="bits",
        )
        for shapes, dim in [
            (((3,), (1,), (2,)), 0),
            (((2, 3), (2, 2)), 1),
            (((2, 3), (0, 3)), 0),
            (((2, 1, 2), (2, 2, 2)), -2),
            (((4,),), 0),
        ]
    ],
}
