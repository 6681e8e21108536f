"""Cases of ops/extrema.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import T3, Case, fused


def np_max_put(dout, index, shape, axis):
    out = np.zeros(shape, dout.dtype)
    np.put_along_axis(out, np.expand_dims(index, axis), np.expand_dims(dout, axis), axis)
    return out


ALONG: list = [
    ((7,), 0, False),
    ((3, 5), 0, True),
    ((3, 5), -1, False),
    ((2, 3, 4), 1, False),
    ((0, 3), 1, False),
    ((3, 1), 1, True),
    ((), 0, False),
]
OVER: list = [
    *(((n,), None, False) for n in (1, 7)),
    ((), None, False),
    ((3, 5), None, False),
    ((3, 5), (0, 1), True),
    ((2, 3, 4), (0, 2), False),
    ((2, 3, 4), 1, True),
    ((2, 0, 3), 0, False),
]


def np_along(function, x, dim, keep):
    return function(x, axis=dim if x.ndim else None, keepdims=keep and bool(x.ndim))


def along(call, plain):
    return [
        Case(
            lambda x, d=dim, k=keep: call(x, d, k)[0],
            partial(np_along, plain, dim=dim, keep=keep),
            [(shape,)],
            kind="bits",
        )
        for shape, dim, keep in ALONG
    ]


def over(call, plain, of_all):
    found = [
        Case(partial(call, dim=dim, keepdim=keep), partial(plain, axis=dim, keepdims=keep), [(shape,)], kind="bits")
        for shape, dim, keep in OVER
    ]
    return [*found, Case(lambda x: of_all(x), plain, [((),), ((7,),), ((3, 5),)], kind="bits")]


CASES = {
    "Max": along(ops.max, np.max),
    "Min": along(ops.min, np.min),
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
    "Amax": over(ops.amax, np.max, ops.max),
    "Amin": over(ops.amin, np.min, ops.min),
    "aminmax": [
        Case(lambda x: ops.aminmax(x, dim=0).max, lambda x: x.max(0), [((3, 5),)], kind="bits"),
        Case(lambda x: ops.aminmax(x).min, np.min, [((3, 5),), ((),)], kind="bits"),
    ],
    "max": [Case(lambda a, b: ops.max(a, b), np.maximum, [((3, 5), (5,))], kind="bits")],
    "min": [Case(lambda a, b: ops.min(a, other=b), np.minimum, [((3, 5), (5,))], kind="bits")],
}
