"""Cases of ops/scan.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case, fused
from .reduce import ZEROS

DIMS: list = [((7,), 0), ((1,), 0), ((3, 5), 0), ((3, 5), -1), ((2, 3, 4), 1), ((0, 3), 0), ((2, 0), 0)]


def np_scan(function, x, dim):
    return function(x.reshape(x.shape or 1), dim).reshape(x.shape)


def np_backwards(function, x, axis):
    return np.flip(function(np.flip(x, axis), axis), axis)


def np_shift(x, by, axis, constant):
    out, x = np.full_like(x, constant), np.moveaxis(x, axis, 0)
    target = np.moveaxis(out, axis, 0)
    for i in range(len(x)):
        if 0 <= i - by < len(x):
            target[i] = x[i - by]
    return out


def scans(call, plain, **more):
    return [
        Case(partial(call, dim=dim), partial(np_scan, plain, dim=dim), [(shape,)], **more) for shape, dim in DIMS
    ] + [Case(partial(call, dim=-1), partial(np_scan, plain, dim=0), [((),)], **more)]


def reach(x):
    return np.abs(x).sum()


CASES = {
    "CumSum": [
        *scans(ops.cumsum, np.cumsum, kind="sum", n=24, scale=reach),
        Case(
            fused("CumSum", 1, True),
            partial(np_backwards, np.cumsum, axis=1),
            [((3, 5),)],
            kind="sum",
            n=24,
            scale=reach,
        ),
    ],
    "CumProd": [
        *scans(ops.cumprod, np.cumprod, kind="sum", n=24),
        Case(fused("CumProd", 1, True), partial(np_backwards, np.cumprod, axis=1), [((3, 5),)], kind="sum", n=24),
        Case(
            lambda x: ops.cumprod(ops.mul(x, ZEROS.astype(x.dtype)), 1),
            lambda x: (x * ZEROS).cumprod(1),
            [((3, 5),)],
            kind="sum",
            n=24,
        ),
    ],
    "Shift": [
        Case(fused("Shift", *how), partial(np_shift, by=how[0], axis=how[1], constant=how[2]), [(shape,)], kind="bits")
        for shape, how in [
            ((5,), (1, 0, 1.0)),
            ((3, 5), (-2, 1, 0.0)),
            ((2, 3, 4), (2, 1, 0.5)),
            ((3, 5), (3, 0, 1.0)),
            ((3, 5), (0, 0, 1.0)),
            ((3, 0), (1, 1, 1.0)),
        ]
    ],
    "cummax": scans(lambda x, dim: ops.cummax(x, dim).values, np.maximum.accumulate, kind="bits"),
    "cummin": scans(lambda x, dim: ops.cummin(x, dim)[0], np.minimum.accumulate, kind="bits"),
}
