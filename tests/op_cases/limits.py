"""Cases of ops/limits.py."""

import numpy as np

from fastgrad import ops

from .common import ONE, PAIR, Case, binary, fused, unary

BOUNDED = [((3, 5), (3, 5), (3, 5)), ((), (), ()), ((3, 1), (4,), ()), ((0,), (1,), ())]

CASES = {
    "Maximum": [
        *binary(ops.maximum, np.maximum, kind="bits"),
        Case(lambda x: ops.maximum(x, x), np.copy, ONE, kind="bits"),
    ],
    "Minimum": [
        *binary(ops.minimum, np.minimum, kind="bits"),
        Case(lambda x: ops.minimum(x, x), np.copy, ONE, kind="bits"),
    ],
    "Clip": [
        Case(lambda x: ops.clip(x, -0.5, 1.0), lambda x: np.clip(x, -0.5, 1.0), ONE, kind="bits"),
        Case(lambda x: ops.clip(x, min=0.25), lambda x: np.maximum(x, 0.25), ONE, kind="bits"),
        Case(lambda x: ops.clip(x, max=0.25), lambda x: np.minimum(x, 0.25), ONE, kind="bits"),
        Case(lambda x: ops.clip(x, 1.0, -0.5), lambda x: np.full_like(x, -0.5), ONE, kind="bits"),
        Case(ops.clip, lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi), BOUNDED, kind="bits"),
        Case(lambda x, lo: ops.clip(x, lo, 0.25), lambda x, lo: np.clip(x, lo, 0.25), PAIR, kind="bits"),
    ],
    "ClipBackward": [
        Case(fused("ClipBackward", -0.5, 1.0), lambda d, x: np.where((x >= -0.5) & (x <= 1), d, 0), PAIR, kind="bits")
    ],
    "clamp_min": binary(ops.clamp_min, np.maximum, kind="bits")[:2],
    "clamp_max": binary(ops.clamp_max, np.minimum, kind="bits")[:2],
    "Heaviside": unary(lambda x: ops.heaviside(x, 0.5), lambda x: np.heaviside(x, 0.5), kind="bits", order=1),
    "NanToNum": [
        *unary(ops.nan_to_num, np.copy, kind="bits"),
        Case(
            lambda x: ops.nan_to_num(ops.div(x, 0.0 * x), 1.0, 2.0, -3.0),  # x / 0: its sign decides, times that of 0
            lambda x: np.where(np.signbit(x / (0.0 * x)), -3.0, 2.0),
            [((7,),)],
            kind="bits",
            order=0,
        ),
    ],
}
