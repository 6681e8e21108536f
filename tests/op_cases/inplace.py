"""Cases of ops/inplace.py: each writes into a clone, recorded."""

from functools import partial

import numpy as np

from fastgrad import ops
from fastgrad.ops.inplace import Key, Window

from .common import MASK, PAIR, T3, Case, fused

WINDOW = (slice(1, None), slice(None, None, 2), ...)
KEYS: list = [
    ((3, 4), (1, ...), (4,)),
    ((3, 4), WINDOW, (2, 2)),
    ((3, 4), WINDOW, ()),
    ((5,), (slice(None, None, -1), ...), (5,)),
]
INDICES: list = [
    ((4, 2), (T3,), (3, 2)),
    ((4, 3), (T3, slice(1, None)), (3, 2)),
    ((4, 3), ([1, -1],), (3,)),
    ((2, 4), (1, [3, 0]), (2,)),
]


def plainly(x, key, v):
    out = x.copy()
    out[key] = v
    return out


def written(key):
    def call(x, v):
        if isinstance(x, np.ndarray):
            return plainly(x, key, v)
        out = ops.copy(x)
        ops.setitem(out, key, v)
        return out

    return call, lambda x, v: plainly(x, key, v)


def through_a_view(key):
    """x[key] = v by way of a view of a view, and that view."""

    def call(x, v):
        if isinstance(x, np.ndarray):
            return plainly(x, key, v)[key]
        out = ops.getitem(ops.reshape(ops.copy(x), x.shape), key)
        return ops.assign("copy_", out, v)

    return call, lambda x, v: plainly(x, key, v)[key]


def changed(name, plain):
    """What x.add_(y) and the like leave in a clone of x."""

    def call(x, y):
        op = ops.OPS[name]
        return op.kernel(x, y) if isinstance(x, np.ndarray) else ops.in_place(name.lower() + "_", op, ops.copy(x), y)

    return call, plain


def window(shape, key):
    array = np.empty(shape)
    return Window(array, array[key])


def zeroed(x, key):
    return plainly(x, key, 0.0)


CASES = {
    "WriteAt": [
        *(Case(*written(key), [(shape, value)], kind="bits") for shape, key, value in KEYS),
        *(Case(*written(key), [(shape, value)], kind="bits") for shape, key, value in INDICES),
        Case(*written((MASK,)), [((3, 5), ())], kind="bits", refused="a mask"),  # its gradient is a sum over the mask
    ],
    "ZeroAt": [
        Case(fused("ZeroAt", Key(key)), partial(zeroed, key=key), [(shape,)], kind="bits") for shape, key, _ in KEYS
    ],
    "ReadAt": [Case(*through_a_view(key), [(shape, value)], kind="bits") for shape, key, value in KEYS],
    "ReadAtBackward": [
        Case(
            fused("ReadAtBackward", window((3, 4), WINDOW), (3, 4)),
            lambda d: plainly(np.zeros((3, 4)), WINDOW, d),
            [((2, 2),)],
            kind="bits",
        )
    ],
    "in_place": [
        Case(*changed("Add", np.add), PAIR),
        Case(*changed("Mul", np.multiply), PAIR),
        Case(*changed("Div", np.divide), PAIR, domain="++"),
        Case(*changed("Pow", np.power), PAIR, kind="power", domain="++"),
    ],
}
