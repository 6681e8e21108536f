"""Cases of ops/reduce.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import T3, Case, fused


def np_sum_to(x, shape):
    x = x.sum(tuple(range(x.ndim - len(shape))))
    return x.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def np_max_put(dout, index, shape, axis):
    out = np.zeros(shape, dout.dtype)
    np.put_along_axis(out, np.expand_dims(index, axis), np.expand_dims(dout, axis), axis)
    return out


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
    "Max": [
        Case(
            lambda x, dim=dim, keep=keep: ops.max(x, dim, keep)[0],
            partial(np.max, axis=dim, keepdims=keep),
            [(shape,)],
            kind="bits",
        )
        for shape, dim, keep in [
            ((7,), 0, False),
            ((3, 5), 0, True),
            ((3, 5), -1, False),
            ((2, 3, 4), 1, False),
            ((0, 3), 1, False),
            ((3, 1), 1, True),
        ]
    ],
    "MaxBackward": [
        Case(
            fused("MaxBackward", index, shape, axis),
            partial(np_max_put, index=index.reshape(dout), shape=shape, axis=axis),
            [(dout,)],
            kind="bits",
        )
        for index, shape, axis, dout in [
            (T3.reshape(1, 3), (3, 3), 0, (3,)),
            (T3.reshape(3, 1), (3, 4), 1, (3,)),
            (np.zeros((2, 2), int), (2, 1, 2), 1, (2, 2)),
        ]
    ],
    "Amax": [Case(lambda x: ops.max(x), np.max, [((),), ((1,),), ((7,),), ((3, 5),)], kind="bits")],
}
