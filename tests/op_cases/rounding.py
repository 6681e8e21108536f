"""Cases of ops/rounding.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import ONE, TWO, Case, binary, unary


def divisor(a, b=1.5):
    return np.abs(b) + np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))


CASES = {
    "Floor": unary(ops.floor, np.floor, kind="bits", order=1),
    "Ceil": unary(ops.ceil, np.ceil, kind="bits", order=1),
    "Trunc": unary(ops.trunc, np.trunc, kind="bits", order=1),
    "Round": unary(ops.round, np.round, kind="bits", order=1),
    "round": [
        Case(partial(ops.round, decimals=1), partial(np.round, decimals=1), ONE, order=1),
        Case(partial(ops.round, decimals=-1), partial(np.round, decimals=-1), ONE, order=1),
    ],
    "frac": unary(ops.frac, lambda x: x - np.trunc(x), kind="bits"),
    "FloorDivide": binary(ops.floor_divide, np.floor_divide, kind="bits", order=1),
    "Remainder": [
        Case(ops.remainder, np.remainder, TWO, scale=divisor),
        Case(lambda x: ops.remainder(x, 1.5), lambda x: np.remainder(x, 1.5), ONE, scale=divisor),
        Case(lambda x: ops.remainder(1.5, x), lambda x: np.remainder(1.5, x), ONE, scale=np.abs),
    ],
    "Fmod": binary(ops.fmod, np.fmod, kind="bits"),
    "TruncDivide": binary(partial(ops.div, rounding_mode="trunc"), lambda a, b: np.trunc(a / b), kind="bits", order=1),
    "div": [Case(partial(ops.div, rounding_mode="floor"), np.floor_divide, TWO, kind="bits", order=1)],
}
