"""Cases of ops/cast.py: there and back."""

import numpy as np

from fastgrad import ops

from .common import ONE, Case


def through(*dtypes):
    """x in one dtype after another, and then in its own."""

    def call(x):
        out = x
        for dtype in dtypes:
            out = ops.cast(out, dtype)
        return ops.cast(out, x.dtype)

    return call


def through32(x):
    return x.astype(np.float32).astype(np.float64)


def times(*dtypes):
    """x times x in other dtypes, none of which has a gradient."""
    return lambda x: ops.mul(x, through(*dtypes)(x))


CASES = {
    "Cast": [
        Case(through(np.longdouble), np.copy, ONE, kind="bits"),
        Case(through(np.float64, np.float32), through32, ONE, kind="bits", order=0),
    ],
    "cast": [
        Case(times(np.int64), lambda x: x * np.trunc(x), ONE),
        Case(times(np.bool_), np.copy, ONE, kind="bits"),
        Case(times(np.int32, np.bool_), lambda x: x * (np.trunc(x) != 0), ONE, kind="bits"),
        Case(lambda x: ops.mul(x, ops.cast(ops.gt(x, 0.0), x.dtype)), lambda x: x * (x > 0), ONE, kind="bits"),
    ],
}
